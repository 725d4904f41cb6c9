//! Escapes in URIs (RFC 3261 §19.1.2, RFC 2396 §2.4).

use std::borrow::Cow;
use std::fmt::Write;

use crate::grammar::{Class, find_not};

/// Resolves escapes once: what an escape stands for is no escape itself.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = units(text.as_bytes()).map(Unit::byte).collect();
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Appends text, escaping each byte that is not of the class.
pub(crate) fn encode(text: &str, class: Class, escaped: &mut String) {
    for byte in text.bytes() {
        if class.has(byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
}

/// A character as comparison sees it: an escape stands for its character, unless the character is
/// reserved (RFC 3261 §19.1.4, RFC 2396 §2.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Plain(u8),
    Escaped(u8),
}

impl Unit {
    fn byte(self) -> u8 {
        match self {
            Self::Plain(byte) | Self::Escaped(byte) => byte,
        }
    }

    pub(crate) fn to_ascii_lowercase(self) -> Self {
        match self {
            Self::Plain(byte) => Self::Plain(byte.to_ascii_lowercase()),
            Self::Escaped(byte) => Self::Escaped(byte),
        }
    }
}

/// The characters of a text whose escapes are well-formed.
pub(crate) fn units(text: &[u8]) -> impl Iterator<Item = Unit> {
    let mut rest = text;
    std::iter::from_fn(move || match rest {
        [b'%', high, low, behind @ ..] => {
            rest = behind;
            let byte = hex(*high)? << 4 | hex(*low)?;
            let reserved = b";/?:@&=+$,".contains(&byte);
            Some(if reserved {
                Unit::Escaped(byte)
            } else {
                Unit::Plain(byte)
            })
        }
        [byte, behind @ ..] => {
            rest = behind;
            Some(Unit::Plain(*byte))
        }
        [] => None,
    })
}

/// How many bytes at the beginning are of the class or of a well-formed escape.
#[inline(always)]
pub(crate) fn find_not_escaped(input: &[u8], class: Class) -> usize {
    let mut len = find_not(input, class);
    while let Some([b'%', high, low, behind @ ..]) = input.get(len..) {
        if !high.is_ascii_hexdigit() || !low.is_ascii_hexdigit() {
            break;
        }
        len += 3 + find_not(behind, class);
    }
    len
}

/// Splits behind the bytes of a class and well-formed escapes at the beginning.
#[inline(always)]
pub(crate) fn take_escaped(input: &[u8], class: Class) -> (&[u8], &[u8]) {
    input.split_at(find_not_escaped(input, class))
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
