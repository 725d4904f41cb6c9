//! References and line ends in character data and attribute values, read and written.

use std::borrow::Cow;

use super::ParseError;
use super::chars::is_char;
use super::span::Span;

/// Character data as it stands in the tokenizer's buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    pub(super) source: Span,
    pub(super) form: Form,
}

/// What character data is written with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Form {
    /// Nothing that stands for something else.
    #[default]
    Plain,
    /// References, or line ends that are not a line feed.
    Escaped,
    /// Line ends that are not a line feed; it comes from a CDATA section.
    Lines,
}

impl Text {
    pub(super) fn read(self, buffer: &str) -> Cow<'_, str> {
        let source = self.source.of(buffer);
        match self.form {
            Form::Plain => Cow::Borrowed(source),
            Form::Escaped => Cow::Owned(unescape_text(source)),
            Form::Lines => normalize_lines(source),
        }
    }
}

/// The character that `&name;` stands for.
pub(super) fn resolve_reference(name: &str) -> Result<char, ParseError> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "gt" => Ok('>'),
            "lt" => Ok('<'),
            "quot" => Ok('"'),
            _other if super::chars::is_ncname(name) => Err(ParseError::EntityReference),
            _other => Err(ParseError::InvalidName),
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` takes a sign, XML does not.
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(ParseError::InvalidName);
    }
    let significant = digits.trim_start_matches('0');
    let value = match significant.len() {
        0 => 0,
        1..=7 => u32::from_str_radix(significant, radix).unwrap_or(u32::MAX),
        _too_long => u32::MAX,
    };
    match char::from_u32(value) {
        Some(c) if is_char(c) => Ok(c),
        Some(c) => Err(ParseError::IllegalCharacter(c)),
        None => Err(ParseError::IllegalCharacter(char::REPLACEMENT_CHARACTER)),
    }
}

/// Resolves references and line ends in character data that passed the tokenizer.
fn unescape_text(source: &str) -> String {
    resolve_all(&normalize_lines(source))
}

/// Resolves references in an attribute value that passed the tokenizer, and turns white space into
/// spaces (XML 1.0 §3.3.3).
pub(super) fn unescape_value(source: &str) -> String {
    let spaced = normalize_lines(source).replace(['\n', '\t'], " ");
    resolve_all(&spaced)
}

/// Turns each line end into a line feed (XML 1.0 §2.11).
fn normalize_lines(source: &str) -> Cow<'_, str> {
    if source.contains('\r') {
        Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(source)
    }
}

fn resolve_all(source: &str) -> String {
    let mut resolved = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((plain, tail)) = rest.split_once('&') {
        resolved.push_str(plain);
        let (name, tail) = tail.split_once(';').unwrap_or((tail, ""));
        // The tokenizer let only good references pass.
        resolved.extend(resolve_reference(name));
        rest = tail;
    }
    resolved.push_str(rest);
    resolved
}

/// Appends `text` so that it reads back as itself, in character data and in either kind of quotes.
///
/// A character that XML cannot carry becomes U+FFFD.
pub(crate) fn escape(text: &str, buf: &mut String) {
    for c in text.chars() {
        match c {
            '<' => buf.push_str("&lt;"),
            '>' => buf.push_str("&gt;"),
            '&' => buf.push_str("&amp;"),
            '\'' => buf.push_str("&apos;"),
            '"' => buf.push_str("&quot;"),
            // These three would be normalised away when read.
            '\t' => buf.push_str("&#9;"),
            '\n' => buf.push_str("&#10;"),
            '\r' => buf.push_str("&#13;"),
            c if is_char(c) => buf.push(c),
            _illegal => buf.push(char::REPLACEMENT_CHARACTER),
        }
    }
}

/// Appends ` prefixname='value'`, the value escaped.
pub(crate) fn write_attribute(prefix: &str, name: &str, value: &str, buf: &mut String) {
    for part in [" ", prefix, name, "='"] {
        buf.push_str(part);
    }
    escape(value, buf);
    buf.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_for_one_legal_character() {
        for (name, result) in [
            ("lt", Ok('<')),
            ("quot", Ok('"')),
            ("#65", Ok('A')),
            ("#x1F600", Ok('\u{1f600}')),
            ("#x0000000041", Ok('A')),
            ("#9", Ok('\t')),
            ("#0", Err(ParseError::IllegalCharacter('\0'))),
            ("#x1", Err(ParseError::IllegalCharacter('\u{1}'))),
            ("#xD800", Err(ParseError::IllegalCharacter('\u{fffd}'))),
            ("#x110000", Err(ParseError::IllegalCharacter('\u{fffd}'))),
            (
                "#99999999999",
                Err(ParseError::IllegalCharacter('\u{fffd}')),
            ),
            ("#", Err(ParseError::InvalidName)),
            ("#x", Err(ParseError::InvalidName)),
            ("#+1", Err(ParseError::InvalidName)),
            ("#X41", Err(ParseError::InvalidName)),
            ("", Err(ParseError::InvalidName)),
            ("LT", Err(ParseError::EntityReference)),
            ("nbsp", Err(ParseError::EntityReference)),
        ] {
            assert_eq!(resolve_reference(name), result, "{name}");
        }
    }

    #[test]
    fn white_space_is_normalised_by_place() {
        assert_eq!(unescape_text("a\r\nb\rc\td&#13;"), "a\nb\nc\td\r");
        assert_eq!(unescape_value("a\r\nb\rc\td&#10;"), "a b c d\n");
        assert_eq!(normalize_lines("&amp;\r"), "&amp;\n");
    }

    #[test]
    fn escaped_text_reads_back() {
        let text = "<a b='c' d=\"e\">&amp;]]>\t\r\n\u{e9}\u{1f600}";
        let mut escaped = String::new();
        escape(text, &mut escaped);
        assert_eq!(unescape_text(&escaped), text);
        assert_eq!(unescape_value(&escaped), text);
        let mut replaced = String::new();
        escape("a\0b\u{ffff}", &mut replaced);
        assert_eq!(replaced, "a\u{fffd}b\u{fffd}");
    }
}
