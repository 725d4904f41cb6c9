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

#[cfg(test)]
mod tests {
    use super::*;

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
