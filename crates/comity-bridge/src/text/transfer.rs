//! Content-Transfer-Encoding of parts (RFC 2045 §6).

use base64ct::{Base64Unpadded, Encoding};

use super::Unreadable;

/// Undoes the encoding of a part.
pub(super) fn decode(encoding: Option<&str>, body: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
    let encoding = encoding.unwrap_or("binary").trim().to_ascii_lowercase();
    match encoding.as_str() {
        "7bit" | "8bit" | "binary" => Ok(None),
        "base64" => base64(body).map(Some),
        "quoted-printable" => Ok(Some(quoted_printable(body))),
        _ => Err(Unreadable::Encoding),
    }
}

/// Base64 with or without white space and padding.
pub(super) fn base64(text: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let kept = |byte: &u8| !byte.is_ascii_whitespace() && *byte != b'=';
    let digits: Vec<u8> = text.iter().copied().filter(kept).collect();
    let digits = std::str::from_utf8(&digits).map_err(|_position| Unreadable::Malformed)?;
    Base64Unpadded::decode_vec(digits).map_err(|_position| Unreadable::Malformed)
}

/// What is no escape stays as it is.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'=' {
            decoded.push(*first);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        match behind {
            [b'\r', b'\n', behind @ ..] | [b'\n', behind @ ..] => rest = behind,
            [high, low, behind @ ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.extend(u8::try_from(high << 4 | low));
                    rest = behind;
                }
                (_, _) => decoded.push(b'='),
            },
            _ => decoded.push(b'='),
        }
    }
    decoded
}
