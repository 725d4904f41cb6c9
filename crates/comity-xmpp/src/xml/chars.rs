//! Character classes of XML 1.0.

use super::names::{NAME_MORE, NAME_START, is_in};

/// Whether XML allows the character at all (production 2, `Char`).
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// White space (production 3, `S`).
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Whether a name may start with the character (production 4, `NameStartChar`).
pub(super) fn is_name_start(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic() || matches!(c, ':' | '_');
    }
    is_in(NAME_START, c)
}

/// Whether a name may go on with the character (production 4a, `NameChar`).
pub(super) fn is_name_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-' | '.');
    }
    is_in(NAME_START, c) || is_in(NAME_MORE, c)
}

/// Whether the text is a name without a colon (Namespaces in XML, production 4).
pub(super) fn is_ncname(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c != ':' && is_name_start(c))
        && chars.all(|c| c != ':' && is_name_char(c))
}

/// How many bytes from the start of `bytes` belong to `class` and need no further look.
pub(super) fn plain_run(bytes: &[u8], class: u8) -> usize {
    bytes
        .iter()
        .position(|&byte| {
            CLASSES
                .get(usize::from(byte))
                .is_none_or(|of| of & class == 0)
        })
        .unwrap_or(bytes.len())
}

/// Bytes that mean nothing but themselves in character data.
pub(super) const TEXT: u8 = 1;
/// Bytes that mean nothing but themselves in an attribute value.
pub(super) const VALUE: u8 = 2;
/// Bytes that go on with a name.
pub(super) const NAME: u8 = 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        let mut class = 0;
        if c >= b' ' {
            if !matches!(c, b'<' | b'&' | b']' | b'>') {
                class |= TEXT;
            }
            if !matches!(c, b'<' | b'&' | b'"' | b'\'') {
                class |= VALUE;
            }
        }
        if c.is_ascii_alphanumeric() || matches!(c, b':' | b'_' | b'-' | b'.') {
            class |= NAME;
        }
        set(&mut table, byte, class);
        byte += 1;
    }
    table
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when the crate is compiled"
)]
const fn set(table: &mut [u8; 256], index: usize, class: u8) {
    table[index] = class;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stop_where_markup_may_start() {
        assert_eq!(plain_run(b"abc<d", TEXT), 3);
        assert_eq!(plain_run(b"a]b", TEXT), 1);
        assert_eq!(plain_run(b"a\tb", TEXT), 1);
        assert_eq!(plain_run(b"a]>b'", VALUE), 4);
        assert_eq!(plain_run(b"db:result x", NAME), 9);
        assert_eq!(plain_run("\u{e9}".as_bytes(), TEXT | VALUE | NAME), 0);
        assert_eq!(plain_run(b"", NAME), 0);
    }

    #[test]
    fn characters_outside_xml_are_none() {
        for c in ['\0', '\u{8}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
            assert!(!is_char(c), "{c:?}");
        }
        for c in ['\t', ' ', '\u{7f}', '\u{feff}', '\u{fffd}', '\u{10ffff}'] {
            assert!(is_char(c), "{c:?}");
        }
    }

    #[test]
    fn names_start_with_a_letter() {
        for (name, good) in [
            ("a", true),
            ("_a-b.c9", true),
            ("\u{e9}t\u{e9}", true),
            ("9a", false),
            ("-a", false),
            ("a:b", false),
            (":", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(is_ncname(name), good, "{name}");
        }
    }
}
