//! CPIM envelopes (RFC 3862).

use bytes::Bytes;

use super::Unreadable;

/// Who an envelope says that it is from and to. It proves nothing: the caller compares it with who
/// the request is from and to (RFC 3862 §7, RFC 7573 §9).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cpim {
    /// The URI of the sender.
    pub from: Box<str>,
    /// The URIs of the recipients, at most 16.
    pub to: Vec<Box<str>>,
    /// The subject.
    pub subject: Option<Box<str>>,
}

impl Cpim {
    /// Reads an envelope; gives what is inside too: headers of MIME, and their body.
    pub(super) fn read(body: &Bytes) -> Result<(Self, Bytes), Unreadable> {
        let end = body.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or(Unreadable::Malformed)?;
        let head = body.get(..end).unwrap_or_default();
        let head = std::str::from_utf8(head).map_err(|_position| Unreadable::Coding)?;
        let (mut from, mut to, mut subject) = (None, Vec::new(), None);
        for line in head.split("\r\n") {
            let (name, value) = header(line).ok_or(Unreadable::Malformed)?;
            match name {
                "From" if from.is_none() => from = Some(uri(value)?),
                "To" if to.len() < MAX_RECIPIENTS => to.push(uri(value)?),
                "From" | "To" => return Err(Unreadable::Malformed),
                "Subject" if subject.is_none() => subject = Some(unescape(value)?.into()),
                "Require" => {
                    let mut names = value.split(',').map(str::trim);
                    if !names.all(|name| KNOWN.contains(&name)) {
                        return Err(Unreadable::Required);
                    }
                }
                _ => {}
            }
        }
        let from = from.ok_or(Unreadable::Malformed)?;
        let inside = body.slice((end + 4).min(body.len())..);
        Ok((Self { from, to, subject }, inside))
    }
}

/// `Header-name ":" *( ";" Parameter ) SP Header-value`, without a space before the colon and with
/// one behind it.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(':')?;
    let is_name = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
    if name.is_empty() || !name.chars().all(is_name) || line.contains(['\r', '\n']) {
        return None;
    }
    let value = match rest.starts_with(';') {
        true => rest.split_once(' ')?.1,
        false => rest.strip_prefix(' ')?,
    };
    Some((name, value))
}

/// What is between the angle brackets behind a name for people.
fn uri(value: &str) -> Result<Box<str>, Unreadable> {
    let uri = value.trim_end().strip_suffix('>');
    let uri = uri.and_then(|uri| uri.rsplit_once('<'));
    match uri {
        Some((_, uri)) => Ok(unescape(uri)?.into()),
        None => Err(Unreadable::Malformed),
    }
}

/// Resolves escapes (RFC 3862 §2.3.1).
fn unescape(value: &str) -> Result<String, Unreadable> {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        plain.push(match rest.next() {
            Some(same @ ('\\' | '"' | '\'')) => same,
            Some('b') => '\u{8}',
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('u') => {
                let code = rest.as_str().get(..4).ok_or(Unreadable::Malformed)?;
                let code = u32::from_str_radix(code, 16).ok();
                let character = code.and_then(char::from_u32);
                rest.by_ref().take(4).for_each(drop);
                character.ok_or(Unreadable::Malformed)?
            }
            Some(_) | None => return Err(Unreadable::Malformed),
        });
    }
    Ok(plain)
}

const MAX_RECIPIENTS: usize = 16;

/// Headers that may be required, as they are known.
const KNOWN: &[&str] = &["From", "To", "cc", "DateTime", "Subject", "NS", "Require"];
