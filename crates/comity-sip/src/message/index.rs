//! Framing and header index in one pass.

use memchr::{memchr_iter, memchr2};
use smallvec::SmallVec;

use super::HeaderName;
use super::start_line::StartLine;
use crate::grammar::{Class, find_not, number, position, split, take};
use crate::{Fault, Limits, ParseError, Place};

/// A header line with its continuations, as offsets into the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) start: u32,
    pub(crate) value_start: u32,
    pub(crate) value_end: u32,
    pub(crate) name_len: u16,
    pub(crate) name: Option<HeaderName>,
}

/// Most messages have fewer headers than stay off the heap.
pub(crate) type Entries = SmallVec<[Entry; 32]>;

/// Reads the head of a message, which may come in pieces: each call gets all bytes from the
/// beginning of the message and goes on where the last one stopped.
#[derive(Debug)]
pub(crate) struct Indexer {
    /// `None` until its line has an end.
    pub(crate) start: Option<Result<StartLine, ParseError>>,
    /// Content-Length. The largest number stands for every larger one.
    pub(crate) length: Option<u64>,
    /// The first broken rule that puts in doubt where the message ends, but not where its head ends.
    pub(crate) fault: Option<ParseError>,
    /// False for the start line, which a part of a body does not have.
    in_headers: bool,
    /// Where the line begins that has no end yet.
    line: usize,
    /// No line end that is still to be looked at lies before.
    scanned: usize,
    folds: u32,
}

impl Indexer {
    pub(crate) fn new() -> Self {
        Self {
            start: None,
            length: None,
            fault: None,
            in_headers: false,
            line: 0,
            scanned: 0,
            folds: 0,
        }
    }

    /// Reads the headers of a part of a body.
    pub(crate) fn of_part() -> Self {
        Self {
            in_headers: true,
            ..Self::new()
        }
    }

    /// True if nothing was read.
    pub(crate) fn is_new(&self) -> bool {
        self.scanned == 0
    }

    /// Reads on; true if the head is complete. An error leaves unknown where the head ends.
    #[inline(never)]
    pub(crate) fn advance(
        &mut self,
        entries: &mut Entries,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<bool, ParseError> {
        if let (true, false, Some(&octet)) = (self.is_new(), self.in_headers, bytes.first()) {
            begins_message(octet)?;
        }
        let bounds = Bounds::new(limits);
        loop {
            let unread = bytes.get(self.scanned..).unwrap_or_default();
            let found = memchr2(b'\r', b'\n', unread);
            let rest = unread
                .get(found.unwrap_or(unread.len())..)
                .unwrap_or_default();
            let end = bytes.len() - rest.len();
            let head = end + 2 * usize::from(found.is_some());
            if end - self.line > bounds.line as usize || head > bounds.head as usize {
                return Err(self.exceeded(&bounds, end));
            }
            match rest {
                [b'\r', b'\n', b' ' | b'\t', ..] if end > self.line && self.in_headers => {
                    self.scanned = end + 2;
                    self.count_fold(limits)?;
                    continue;
                }
                [b'\r', b'\n', next @ ..] => {
                    let line = bytes.get(self.line..end).unwrap_or_default();
                    if line.is_empty() {
                        self.refuse_nul(bytes);
                        return Ok(true);
                    }
                    if !self.in_headers {
                        self.in_headers = true;
                        self.start = Some(StartLine::parse(line, limits));
                    } else if next.is_empty() {
                        self.scanned = end;
                        return Ok(false);
                    } else {
                        self.push(entries, line, limits)?;
                    }
                }
                [] | [b'\r'] => {
                    self.scanned = end;
                    return Ok(false);
                }
                _ => return Err(ParseError::new(Place::Message, end, Fault::BareLineEnd)),
            }
            self.line = end + 2;
            self.scanned = self.line;
            self.folds = 0;
        }
    }

    /// Bytes from the beginning of the message to the empty line, or to the line that has no end.
    pub(crate) fn lines_end(&self) -> usize {
        self.line
    }

    /// Bytes from the beginning of the message to the end of the empty line, once the head is complete.
    pub(crate) fn head_len(&self) -> usize {
        self.line + 2
    }

    /// The error about the first byte behind a limit, which is the same however the bytes are cut.
    #[cold]
    fn exceeded(&self, bounds: &Bounds, end: usize) -> ParseError {
        let limit = bounds.line;
        let line_end = self.line + limit as usize;
        let head_end = bounds.head as usize;
        if end <= line_end || line_end >= head_end {
            return ParseError::new(Place::Message, head_end, bounds.head_too_long);
        }
        let place = match self.in_headers {
            true => Place::HeaderLine,
            false => Place::StartLine,
        };
        ParseError::new(place, line_end, Fault::HeaderTooLong { limit })
    }

    /// Refuses a NUL that is not in a quoted pair (RFC 3261 §25.1).
    fn refuse_nul(&mut self, bytes: &[u8]) {
        let (head, _) = split(bytes, self.line);
        let found = memchr_iter(0, head).find(|&at| {
            let before = at.checked_sub(1).and_then(|before| head.get(before));
            before != Some(&b'\\')
        });
        if let Some(at) = found {
            self.note(ParseError::new(Place::Message, at, Fault::Nul));
        }
    }

    fn count_fold(&mut self, limits: &Limits) -> Result<(), ParseError> {
        self.folds += 1;
        if self.folds > limits.max_folds {
            let limit = limits.max_folds;
            let fault = Fault::TooManyFolds { limit };
            return Err(ParseError::new(Place::HeaderLine, self.scanned, fault));
        }
        Ok(())
    }

    /// Adds the header of a line that begins at `self.line`.
    #[inline]
    fn push(
        &mut self,
        entries: &mut Entries,
        line: &[u8],
        limits: &Limits,
    ) -> Result<(), ParseError> {
        if entries.len() >= limits.max_headers as usize {
            let limit = limits.max_headers;
            let fault = Fault::TooManyHeaders { limit };
            return Err(ParseError::new(Place::Message, self.line, fault));
        }
        let (name, known, value) = match header_name(line) {
            Ok(read) => read,
            Err((at, fault)) => {
                let at = self.line + at;
                self.note(ParseError::new(Place::HeaderLine, at, fault));
                entries.push(self.nameless());
                return Ok(());
            }
        };
        let value = trim(value);
        let value_start = self.line + line.len() - value.from_end;
        // The line is at most 65,535 bytes long, and a message less than 4 GiB.
        entries.push(Entry {
            start: self.line as u32,
            value_start: value_start as u32,
            value_end: (value_start + value.bytes.len()) as u32,
            name_len: name as u16,
            name: known,
        });
        if known == Some(HeaderName::ContentLength) {
            self.content_length(value.bytes, value_start);
        }
        Ok(())
    }

    /// The entry of a line that is no header.
    fn nameless(&self) -> Entry {
        let start = self.line as u32;
        Entry {
            start,
            value_start: start,
            value_end: start,
            name_len: 0,
            name: None,
        }
    }

    /// Takes a number of any size, once.
    fn content_length(&mut self, value: &[u8], offset: usize) {
        let place = Place::Header(HeaderName::ContentLength);
        match number(value) {
            _ if self.length.is_some() => {
                self.note(ParseError::new(place, offset, Fault::LengthRepeated));
            }
            Ok(([], length)) => self.length = Some(length),
            Ok(_) | Err(_) => self.note(ParseError::new(place, offset, Fault::LengthMalformed)),
        }
    }

    fn note(&mut self, fault: ParseError) {
        self.fault.get_or_insert(fault);
    }
}

/// How far lines and heads may go.
struct Bounds {
    line: u32,
    head: u32,
    head_too_long: Fault,
}

impl Bounds {
    fn new(limits: &Limits) -> Self {
        let (head, head_too_long) = if limits.max_message_bytes < limits.max_head_bytes {
            let limit = limits.max_message_bytes;
            (limit, Fault::MessageTooLong { limit })
        } else {
            let limit = limits.max_head_bytes;
            (limit, Fault::HeadTooLong { limit })
        };
        Self {
            line: limits.max_header_bytes.min(u16::MAX.into()),
            head,
            head_too_long,
        }
    }
}

/// Refuses at once what no line of SIP begins with, as TLS, STUN and binary do.
pub(crate) fn begins_message(octet: u8) -> Result<(), ParseError> {
    if Class::TOKEN.has(octet) {
        return Ok(());
    }
    let fault = Fault::NotSip { octet };
    Err(ParseError::new(Place::StartLine, 0, fault))
}

/// How many bytes the name of a header has, which one it is, and what is behind its colon; or what is
/// wrong, and how far into the line.
#[inline]
fn header_name(line: &[u8]) -> Result<(usize, Option<HeaderName>, &[u8]), (usize, Fault)> {
    let (before, behind) = split(line, position(line, |byte| byte == b':'));
    let known = HeaderName::parse(before);
    match behind {
        [b':', value @ ..] if known.is_some() => Ok((before.len(), known, value)),
        _ => other_name(before, behind),
    }
}

/// As [`header_name`], for a name that the index does not know, or with white space behind it.
fn other_name<'a>(
    before: &[u8],
    behind: &'a [u8],
) -> Result<(usize, Option<HeaderName>, &'a [u8]), (usize, Fault)> {
    let (name, space) = take(before, Class::TOKEN);
    let is_space = find_not(space, Class::SPACE) == space.len();
    match behind {
        [b':', value @ ..] if is_space && !name.is_empty() => {
            Ok((name.len(), HeaderName::parse(name), value))
        }
        _ if name.is_empty() && before.first().is_some_and(|&byte| Class::SPACE.has(byte)) => {
            Err((0, Fault::NothingToContinue))
        }
        _ => Err((name.len(), Fault::HeaderName)),
    }
}

/// A value without white space around it.
struct Trimmed<'a> {
    bytes: &'a [u8],
    /// How many bytes there are from its beginning to the end of the line.
    from_end: usize,
}

#[inline]
fn trim(mut line: &[u8]) -> Trimmed<'_> {
    while let [first, rest @ ..] = line
        && is_white_space(*first)
    {
        line = rest;
    }
    let from_end = line.len();
    while let [rest @ .., last] = line
        && is_white_space(*last)
    {
        line = rest;
    }
    Trimmed {
        bytes: line,
        from_end,
    }
}

#[inline]
fn is_white_space(byte: u8) -> bool {
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
