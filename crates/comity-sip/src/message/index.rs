//! Framing and header index in one pass.

use memchr::memchr2;
use smallvec::SmallVec;

use super::HeaderName;
use super::start_line::StartLine;
use crate::grammar::{Class, find_not, number, split};
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
    entries: Entries,
    start: Option<Result<StartLine, ParseError>>,
    /// True for a part of a body, which has no start line.
    is_part: bool,
    /// Where the line begins that has no end yet.
    line: usize,
    /// No line end that is still to be looked at lies before.
    scanned: usize,
    folds: u32,
    length: Option<u64>,
    /// The first broken rule that leaves the end of the head where it is.
    fault: Option<ParseError>,
}

/// What the head of a message says.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) entries: Entries,
    /// `None` if its line has no end.
    pub(crate) start: Option<Result<StartLine, ParseError>>,
    /// Bytes from the beginning of the message to the empty line, or to the line that has no end.
    pub(crate) lines_end: usize,
    /// Content-Length. The largest number stands for every larger one.
    pub(crate) length: Option<u64>,
    /// A broken rule that puts in doubt where the message ends.
    pub(crate) fault: Option<ParseError>,
}

impl Head {
    /// Bytes from the beginning of the message to the end of the empty line, if there is one.
    pub(crate) fn len(&self) -> usize {
        self.lines_end + 2
    }
}

impl Indexer {
    pub(crate) fn new() -> Self {
        Self {
            entries: Entries::new(),
            start: None,
            is_part: false,
            line: 0,
            scanned: 0,
            folds: 0,
            length: None,
            fault: None,
        }
    }

    /// Reads the headers of a part of a body.
    pub(crate) fn of_part() -> Self {
        Self {
            is_part: true,
            ..Self::new()
        }
    }

    /// True if nothing was read.
    pub(crate) fn is_new(&self) -> bool {
        self.scanned == 0
    }

    /// Reads on; true if the head is complete. An error leaves unknown where the head ends.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, ParseError> {
        if let (true, false, Some(&octet)) = (self.is_new(), self.is_part, bytes.first()) {
            begins_message(octet)?;
        }
        loop {
            let found = memchr2(b'\r', b'\n', bytes.get(self.scanned..).unwrap_or_default());
            let end = found.map_or(bytes.len(), |len| self.scanned + len);
            self.check_lengths(end, found.is_some(), limits)?;
            match bytes.get(end..).unwrap_or_default() {
                [b'\r', b'\n', ..] if end == self.line => return Ok(true),
                [b'\r', b'\n', ..] if self.start.is_none() && !self.is_part => {
                    self.start = Some(StartLine::parse(split(bytes, end).0, limits));
                }
                [] | [b'\r'] | [b'\r', b'\n'] => {
                    self.scanned = end;
                    return Ok(false);
                }
                [b'\r', b'\n', b' ' | b'\t', ..] => {
                    self.scanned = end + 2;
                    self.count_fold(limits)?;
                    continue;
                }
                [b'\r', b'\n', ..] => self.push(split(bytes, end).0, limits)?,
                _ => return Err(ParseError::new(Place::Message, end, Fault::BareLineEnd)),
            }
            self.line = end + 2;
            self.scanned = self.line;
            self.folds = 0;
        }
    }

    /// What was read so far.
    pub(crate) fn finish(self) -> Head {
        Head {
            entries: self.entries,
            start: self.start,
            lines_end: self.line,
            length: self.length,
            fault: self.fault,
        }
    }

    /// Checks the line that ends at `end`, or has no end before it. The error is the same however
    /// the bytes are cut: it is about the first byte behind a limit.
    #[inline]
    fn check_lengths(&self, end: usize, ended: bool, limits: &Limits) -> Result<(), ParseError> {
        let line_limit = limits.max_header_bytes.min(u16::MAX.into());
        let line_end = self.line + line_limit as usize;
        let head_end = limits.max_head_bytes as usize;
        let head = if ended { end + 2 } else { end };
        if end <= line_end && head <= head_end {
            return Ok(());
        }
        if end > line_end && line_end < head_end {
            let limit = line_limit;
            let fault = Fault::HeaderTooLong { limit };
            return Err(ParseError::new(Place::HeaderLine, line_end, fault));
        }
        let limit = limits.max_head_bytes;
        let fault = Fault::HeadTooLong { limit };
        Err(ParseError::new(Place::Message, head_end, fault))
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

    /// Adds the header whose line goes from `self.line` to the end of `bytes`.
    #[inline]
    fn push(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), ParseError> {
        if self.entries.len() >= limits.max_headers as usize {
            let limit = limits.max_headers;
            let fault = Fault::TooManyHeaders { limit };
            return Err(ParseError::new(Place::Message, self.line, fault));
        }
        let (_, line) = split(bytes, self.line);
        let (name, rest) = split(line, find_not(line, Class::TOKEN));
        let value = match rest {
            [b':', value @ ..] if !name.is_empty() => value,
            _ => match before_colon(name, rest) {
                Ok(value) => value,
                Err(fault) => {
                    let at = bytes.len() - rest.len();
                    self.note(ParseError::new(Place::HeaderLine, at, fault));
                    self.entries.push(self.nameless());
                    return Ok(());
                }
            },
        };
        let value = trim(value);
        // The line is at most 65,535 bytes long, and a message less than 4 GiB.
        let value_start = bytes.len() - value.from_end;
        let value = value.bytes;
        let known = HeaderName::parse(name);
        self.entries.push(Entry {
            start: self.line as u32,
            value_start: value_start as u32,
            value_end: (value_start + value.len()) as u32,
            name_len: name.len() as u16,
            name: known,
        });
        if known == Some(HeaderName::ContentLength) {
            self.content_length(value, value_start);
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

/// Refuses at once what no line of SIP begins with, as TLS, STUN and binary do.
pub(crate) fn begins_message(octet: u8) -> Result<(), ParseError> {
    if Class::TOKEN.has(octet) {
        return Ok(());
    }
    let fault = Fault::NotSip { octet };
    Err(ParseError::new(Place::StartLine, 0, fault))
}

/// What lies behind a colon that has white space before it, or is missing.
fn before_colon<'a>(name: &[u8], rest: &'a [u8]) -> Result<&'a [u8], Fault> {
    let spaces = find_not(rest, Class::SPACE);
    match split(rest, spaces).1 {
        [b':', value @ ..] if !name.is_empty() => Ok(value),
        _ if name.is_empty() && spaces > 0 => Err(Fault::NothingToContinue),
        _ => Err(Fault::HeaderName),
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
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = line {
        line = rest;
    }
    let from_end = line.len();
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = line {
        line = rest;
    }
    Trimmed {
        bytes: line,
        from_end,
    }
}
