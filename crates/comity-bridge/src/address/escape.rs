//! The escapes of localparts (XEP-0106).

/// Escapes what a localpart cannot hold. A backslash is escaped only in front of one of the ten
/// codes, so that [`unescape`] gives the text back, whatever it is.
///
/// Space at either edge is escaped too, although no localpart may begin or end with `\20`.
#[must_use]
pub fn escape(user: &str) -> String {
    let mut escaped = String::with_capacity(user.len());
    let mut rest = user.chars();
    while let Some(character) = rest.next() {
        let code = CODES.iter().find(|(special, _)| *special == character);
        match code {
            Some(('\\', _)) if leading(rest.as_str()).is_none() => escaped.push('\\'),
            Some((_, code)) => {
                escaped.push('\\');
                escaped.push_str(code);
            }
            None => escaped.push(character),
        }
    }
    escaped
}

/// Resolves the ten sequences, once and from the left. Other backslashes stay.
#[must_use]
pub fn unescape(local: &str) -> String {
    let mut plain = String::with_capacity(local.len());
    let mut rest = local;
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        let (character, after) = leading(behind).unwrap_or(('\\', behind));
        plain.push(character);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// Whether XEP-0106 has an escape for the character.
pub(super) fn is_special(character: char) -> bool {
    CODES.iter().any(|(special, _)| *special == character)
}

/// What the code at the beginning stands for, and what is behind it.
fn leading(text: &str) -> Option<(char, &str)> {
    CODES
        .iter()
        .find_map(|(special, code)| Some((*special, text.strip_prefix(code)?)))
}

/// XEP-0106 §3, table 2. Hexadecimal digits are in lower case.
const CODES: [(char, &str); 10] = [
    (' ', "20"),
    ('"', "22"),
    ('&', "26"),
    ('\'', "27"),
    ('/', "2f"),
    (':', "3a"),
    ('<', "3c"),
    ('>', "3e"),
    ('@', "40"),
    ('\\', "5c"),
];
