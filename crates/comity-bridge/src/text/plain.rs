//! Plain text, in its charset.

use super::Unreadable;
use crate::presence::xml::is_legal;

/// The text of bytes in a charset. Without one it is UTF-8 (RFC 3428 §8).
///
/// `COMPAT:` what says that it is US-ASCII and is not is taken for UTF-8, which it often is.
pub(super) fn decode(bytes: &[u8], charset: Option<&str>) -> Result<String, Unreadable> {
    let charset = charset.unwrap_or("utf-8").trim().to_ascii_lowercase();
    match charset.as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_position| Unreadable::Coding)
        }
        "iso-8859-1" | "latin1" | "iso8859-1" | "windows-1252" | "cp1252" => {
            Ok(bytes.iter().copied().map(windows_1252).collect())
        }
        "utf-16" => match bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
            // RFC 2781 §4.3.
            bytes => utf16(bytes, u16::from_be_bytes),
        },
        "utf-16le" => utf16(bytes, u16::from_le_bytes),
        "utf-16be" => utf16(bytes, u16::from_be_bytes),
        _ => Err(Unreadable::Charset),
    }
}

pub(super) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Unreadable> {
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err(Unreadable::Coding);
    };
    char::decode_utf16(units.iter().map(|pair| unit(*pair)))
        .collect::<Result<_, _>>()
        .map_err(|_surrogate| Unreadable::Coding)
}

/// The character of a byte. ISO 8859-1 has controls where Windows has characters, and nobody means
/// those.
pub(super) fn windows_1252(byte: u8) -> char {
    let index = usize::from(byte).checked_sub(0x80);
    let special = index.and_then(|index| WINDOWS_1252.get(index));
    special.copied().unwrap_or_else(|| char::from(byte))
}

/// Line ends become line feeds, and what XML does not allow becomes U+FFFD. Vertical tabs and form
/// feeds count as line ends, which is what word processors mean by them. Byte order marks in front
/// and NULs at the end are left out.
pub(super) fn clean(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let text = text.trim_end_matches('\0');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        clean.push(match character {
            '\r' => {
                rest.next_if_eq(&'\n');
                '\n'
            }
            '\u{b}' | '\u{c}' => '\n',
            legal if is_legal(legal) => legal,
            _ => char::REPLACEMENT_CHARACTER,
        });
    }
    clean
}

/// The characters from 0x80 to 0x9F. Five bytes have none.
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{fffd}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{fffd}', '\u{17d}', '\u{fffd}',
    '\u{fffd}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{fffd}', '\u{17e}', '\u{178}',
];
