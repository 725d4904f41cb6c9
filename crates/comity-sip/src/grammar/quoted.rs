//! Quoted strings and comments.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::str;

use super::{Class, Read, byte, split, take, wrong};
use crate::Fault;

/// The inside of a quoted string, with its escapes. It is UTF-8 (RFC 3261 §25.1).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Quoted<'a>(&'a [u8]);

impl<'a> Quoted<'a> {
    /// As it is written between the quotes.
    pub fn as_str(&self) -> &'a str {
        str::from_utf8(self.0).unwrap_or_default()
    }

    /// The text that is meant: escapes resolved, a folded line continued with one space.
    pub fn decode(&self) -> Cow<'a, str> {
        let text = self.as_str();
        if !text.contains(['\\', '\r']) {
            return Cow::Borrowed(text);
        }
        let mut decoded = String::with_capacity(text.len());
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '\\' => decoded.extend(rest.next()),
                '\r' => {
                    while rest
                        .next_if(|next| matches!(next, '\n' | ' ' | '\t'))
                        .is_some()
                    {}
                    decoded.push(' ');
                }
                other => decoded.push(other),
            }
        }
        Cow::Owned(decoded)
    }
}

impl fmt::Display for Quoted<'_> {
    /// With quotes, without folding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quote(&self.decode()).fmt(f)
    }
}

/// Writes any text as a quoted string. CR and LF become spaces, and NUL is left out: no value that
/// this crate writes has one of them.
pub(crate) struct Quote<'a>(pub(crate) &'a str);

impl fmt::Display for Quote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '\0' => {}
                '\r' | '\n' => f.write_char(' ')?,
                '"' | '\\' => write!(f, "\\{character}")?,
                '\t' => f.write_char('\t')?,
                control if control.is_ascii_control() => write!(f, "\\{control}")?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

/// Writes text that is not quoted, without NUL, escaped or not, and with a space for each folded line.
pub(crate) struct Unfolded<'a>(pub(crate) &'a str);

impl fmt::Display for Unfolded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.split("\r\n").enumerate() {
            let line = match index {
                0 => line,
                _ => {
                    f.write_char(' ')?;
                    line.trim_start_matches([' ', '\t'])
                }
            };
            let mut texts = line.split("\\\0").flat_map(|text| text.split('\0'));
            texts.try_for_each(|text| f.write_str(text))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// `quoted-string`, from quote to quote.
pub(crate) fn quoted_string(input: &[u8]) -> Read<'_, Quoted<'_>> {
    let (inside, ()) = byte(input, b'"')?;
    let Some(len) = text_until(inside, Class::QUOTED, |_| None) else {
        return wrong(Fault::QuotedString, input);
    };
    let (text, rest) = split(inside, len);
    let Ok((rest, ())) = byte(rest, b'"') else {
        return wrong(Fault::QuotedString, input);
    };
    match str::from_utf8(text) {
        Ok(_) => Ok((rest, Quoted(text))),
        Err(_) => wrong(Fault::NotUtf8, inside),
    }
}

/// `comment`, from parenthesis to parenthesis, with comments inside. What is between is given as it
/// is written.
pub(crate) fn comment(input: &[u8]) -> Read<'_, Quoted<'_>> {
    let (inside, ()) = byte(input, b'(')?;
    let mut depth = 0_usize;
    let len = text_until(inside, Class::COMMENT, |parenthesis| {
        match parenthesis {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            _ => return None,
        }
        Some(())
    });
    let Some((text, [b')', rest @ ..])) = len.map(|len| split(inside, len)) else {
        return wrong(Fault::Comment, input);
    };
    match str::from_utf8(text) {
        Ok(_) => Ok((rest, Quoted(text))),
        Err(_) => wrong(Fault::NotUtf8, inside),
    }
}

/// How many bytes of text there are: bytes of the class, escaped ones, folding, those of UTF-8, and
/// others that `goes_on` lets pass. `None` if the text is cut off.
fn text_until(
    text: &[u8],
    class: Class,
    mut goes_on: impl FnMut(u8) -> Option<()>,
) -> Option<usize> {
    let mut rest = text;
    loop {
        (_, rest) = take(rest, class);
        rest = match rest {
            [] => return None,
            [b'\\', escaped, behind @ ..] if escaped.is_ascii() && !b"\r\n".contains(escaped) => {
                behind
            }
            [b'\r', b'\n', b' ' | b'\t', behind @ ..] => behind,
            [other, behind @ ..] if !other.is_ascii() || goes_on(*other).is_some() => behind,
            _ => return Some(text.len() - rest.len()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{Wrong, whole};

    #[test]
    fn escapes_and_folding_are_resolved() {
        for (text, decoded) in [
            (&br#""""#[..], ""),
            (br#""plain""#, "plain"),
            (br#""J \"R\" \\""#, r#"J "R" \"#),
            (b"\"BEL:\\\x07 NUL:\\\x00\"", "BEL:\x07 NUL:\0"),
            (b"\"a\r\n  b\"", "a b"),
            ("\"ěšč\\x\"".as_bytes(), "ěščx"),
        ] {
            let quoted = whole(text, quoted_string).unwrap();
            assert_eq!(quoted.decode(), decoded);
        }
    }

    #[test]
    fn a_quoted_string_must_end_and_hold_no_bare_control() {
        for (text, fault) in [
            (&b"\"open"[..], Fault::QuotedString),
            (b"\"open\\\"", Fault::QuotedString),
            (b"\"nul \0\"", Fault::QuotedString),
            (b"\"cr \r\"", Fault::QuotedString),
            (b"\"fold\r\nnone\"", Fault::QuotedString),
            (b"\"escaped lf \\\n\"", Fault::QuotedString),
            (b"\"latin \xe9\"", Fault::NotUtf8),
        ] {
            let rest = if fault == Fault::NotUtf8 {
                text.len() - 1
            } else {
                text.len()
            };
            assert_eq!(whole(text, quoted_string), Err(Wrong { fault, rest }));
        }
    }

    #[test]
    fn comments_nest() {
        let text = b"(a (b) \\) c)";
        assert_eq!(
            whole(text, comment).map(|text| text.as_str()),
            Ok("a (b) \\) c")
        );
        for text in [&b"(a (b)"[..], b"(a \0)", b"(a"] {
            let rest = text.len();
            let fault = Fault::Comment;
            assert_eq!(whole(text, comment), Err(Wrong { fault, rest }));
        }
    }
}
