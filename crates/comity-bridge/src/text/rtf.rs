//! RTF as plain text.

use super::Unreadable;
use super::plain::windows_1252;

/// The text of a document, without tables of fonts and the like. Bytes are of code page 1252; if the
/// document has another, those above ASCII become U+FFFD, unless `\u` gives them too.
pub(super) fn to_text(source: &[u8], max_groups: usize) -> Result<String, Unreadable> {
    let source = source.trim_ascii();
    if !source.starts_with(b"{\\rtf") {
        return Err(Unreadable::Malformed);
    }
    let mut document = Document {
        text: String::new(),
        outer: Vec::new(),
        group: Group {
            is_skipped: false,
            is_fresh: false,
            fallback_chars: 1,
        },
        to_skip: 0,
        high: None,
        is_windows_1252: true,
        max_groups,
    };
    document.read(source)?;
    Ok(document.text.trim_end().to_owned())
}

struct Document {
    text: String,
    /// The groups around the current one.
    outer: Vec<Group>,
    group: Group,
    /// Characters that stand in for a `\u` before, and are skipped.
    to_skip: usize,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    is_windows_1252: bool,
    max_groups: usize,
}

#[derive(Clone, Copy)]
struct Group {
    is_skipped: bool,
    /// Nothing has come in it yet: a control word would say what it is for.
    is_fresh: bool,
    /// How many characters stand in for each `\u`.
    fallback_chars: usize,
}

impl Document {
    fn read(&mut self, source: &[u8]) -> Result<(), Unreadable> {
        let mut rest = source;
        while let [first, behind @ ..] = rest {
            rest = behind;
            match first {
                b'{' => {
                    if self.outer.len() >= self.max_groups {
                        let limit = self.max_groups;
                        return Err(Unreadable::TooDeep { limit });
                    }
                    self.outer.push(self.group);
                    self.group.is_fresh = true;
                    self.to_skip = 0;
                }
                b'}' => {
                    self.to_skip = 0;
                    match self.outer.pop() {
                        Some(outer) if !self.outer.is_empty() => self.group = outer,
                        Some(_) | None => return Ok(()),
                    }
                }
                b'\\' => rest = self.control(behind),
                b'\r' | b'\n' => {}
                other => {
                    self.group.is_fresh = false;
                    self.byte(*other);
                }
            }
        }
        Ok(())
    }

    /// What is behind the control word or symbol whose backslash was read.
    fn control<'a>(&mut self, source: &'a [u8]) -> &'a [u8] {
        let is_fresh = std::mem::replace(&mut self.group.is_fresh, false);
        match source {
            [b'\'', high, low, rest @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                if let (Some(high), Some(low)) = (digit(*high), digit(*low))
                    && let Ok(byte) = u8::try_from(high << 4 | low)
                {
                    self.byte(byte);
                }
                rest
            }
            [b'*', rest @ ..] => {
                self.group.is_skipped |= is_fresh;
                rest
            }
            [b'\r' | b'\n', rest @ ..] => {
                self.character('\n');
                rest
            }
            [b'~', rest @ ..] => {
                self.character(' ');
                rest
            }
            [b'_', rest @ ..] => {
                self.character('-');
                rest
            }
            [literal @ (b'\\' | b'{' | b'}'), rest @ ..] => {
                self.byte(*literal);
                rest
            }
            [letter, ..] if letter.is_ascii_alphabetic() => self.word(source, is_fresh),
            [_, rest @ ..] => rest,
            [] => source,
        }
    }

    fn word<'a>(&mut self, source: &'a [u8], is_fresh: bool) -> &'a [u8] {
        let (word, rest) = split_where(source, |byte| !byte.is_ascii_alphabetic());
        let (sign, digits) = match rest {
            [b'-', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => (-1, digits),
            digits => (1, digits),
        };
        let (digits, rest) = split_where(digits, |byte| !byte.is_ascii_digit());
        let number = std::str::from_utf8(digits).ok();
        let number = number.and_then(|digits| digits.parse::<i32>().ok());
        let number = number.map(|number| sign * number);
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        match word {
            b"u" => self.unicode(number.unwrap_or_default()),
            b"uc" => {
                let count = usize::try_from(number.unwrap_or(1)).unwrap_or_default();
                self.group.fallback_chars = count;
            }
            b"ansicpg" => self.is_windows_1252 = matches!(number, Some(1252 | 0) | None),
            b"bin" => {
                let len = usize::try_from(number.unwrap_or_default()).unwrap_or_default();
                return rest.get(len..).unwrap_or_default();
            }
            word if is_fresh && DESTINATIONS.contains(&word) => self.group.is_skipped = true,
            word => {
                if let Some((_, character)) = CHARACTERS.iter().find(|(own, _)| *own == word) {
                    self.character(*character);
                }
            }
        }
        rest
    }

    /// A UTF-16 unit, as a signed number.
    fn unicode(&mut self, number: i32) {
        let [.., low, high] = number.to_be_bytes().map(u16::from);
        let unit = low << 8 | high;
        self.to_skip = 0;
        let pair: Vec<u16> = self.high.take().into_iter().chain([unit]).collect();
        if pair.len() == 1 && (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            for character in char::decode_utf16(pair) {
                self.character(character.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.to_skip = self.group.fallback_chars;
    }

    fn byte(&mut self, byte: u8) {
        let character = match byte {
            ascii if ascii.is_ascii() => char::from(ascii),
            other if self.is_windows_1252 => windows_1252(other),
            _ => char::REPLACEMENT_CHARACTER,
        };
        self.character(character);
    }

    fn character(&mut self, character: char) {
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else if !self.group.is_skipped {
            self.text.push(character);
        }
    }
}

fn split_where(source: &[u8], ends: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = source.iter().position(ends).unwrap_or(source.len());
    source.split_at_checked(end).unwrap_or_default()
}

/// Groups whose content is no text of the document.
const DESTINATIONS: &[&[u8]] = &[
    b"colortbl",
    b"colorschememapping",
    b"datastore",
    b"fonttbl",
    b"footer",
    b"footerf",
    b"footerl",
    b"footerr",
    b"header",
    b"headerf",
    b"headerl",
    b"headerr",
    b"info",
    b"latentstyles",
    b"listtable",
    b"listoverridetable",
    b"nonshppict",
    b"objdata",
    b"object",
    b"pict",
    b"revtbl",
    b"stylesheet",
    b"themedata",
    b"xmlnstbl",
];

const CHARACTERS: &[(&[u8], char)] = &[
    (b"bullet", '\u{2022}'),
    (b"cell", '\t'),
    (b"emdash", '\u{2014}'),
    (b"endash", '\u{2013}'),
    (b"ldblquote", '\u{201c}'),
    (b"line", '\n'),
    (b"lquote", '\u{2018}'),
    (b"page", '\n'),
    (b"par", '\n'),
    (b"rdblquote", '\u{201d}'),
    (b"row", '\n'),
    (b"rquote", '\u{2019}'),
    (b"sect", '\n'),
    (b"tab", '\t'),
];
