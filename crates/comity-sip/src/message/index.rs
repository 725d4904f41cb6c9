//! Framing and header index in one pass.

use memchr::{memchr_iter, memchr2};
use smallvec::SmallVec;

use super::HeaderName;
use super::start_line::StartLine;
use crate::grammar::{Class, Wrong, find_not, number, position, split, take};
use crate::{Fault, Limits, ParseError, Place};

/// A header line with its continuations, as offsets into the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) start: u32,
    /// From the beginning of the line.
    value_start: u16,
    value_len: u16,
    pub(crate) name_len: u16,
    pub(crate) name: Option<HeaderName>,
}

impl Entry {
    #[inline]
    pub(crate) fn value_start(&self) -> usize {
        self.start as usize + usize::from(self.value_start)
    }

    #[inline]
    pub(crate) fn value_end(&self) -> usize {
        self.value_start() + usize::from(self.value_len)
    }
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
        let head = bytes.get(..bounds.head as usize).unwrap_or(bytes);
        let mut unread = head.get(self.line..).unwrap_or_default();
        let mut looked_at = self.scanned - self.line;
        loop {
            let ahead = unread.get(looked_at..).unwrap_or_default();
            let end = memchr2(b'\r', b'\n', ahead).map_or(unread.len(), |at| looked_at + at);
            let (line, rest) = unread.split_at(end);
            if end > bounds.line as usize {
                return Err(self.line_too_long(&bounds));
            }
            match rest {
                [b'\r', b'\n', ..] if end == 0 => {
                    self.refuse_nul(bytes);
                    return Ok(true);
                }
                [b'\r', b'\n', ..] if !self.in_headers => {
                    self.in_headers = true;
                    self.start = Some(StartLine::parse(line, limits));
                }
                [b'\r', b'\n', b' ' | b'\t', ..] => {
                    looked_at = end + 2;
                    self.count_fold(self.line + looked_at, limits)?;
                    continue;
                }
                [b'\r', b'\n', _, ..] => self.push(entries, unread, line, limits)?,
                [] | [b'\r'] | [b'\r', b'\n'] if head.len() < bytes.len() => {
                    let head_end = bounds.head as usize;
                    return Err(ParseError::new(
                        Place::Message,
                        head_end,
                        bounds.head_too_long,
                    ));
                }
                [] | [b'\r'] | [b'\r', b'\n'] => {
                    self.scanned = self.line + end;
                    return Ok(false);
                }
                _ => {
                    let at = self.line + end;
                    return Err(ParseError::new(Place::Message, at, Fault::BareLineEnd));
                }
            }
            unread = rest.get(2..).unwrap_or_default();
            self.line += end + 2;
            self.folds = 0;
            looked_at = 0;
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

    /// The error about the first byte behind the limit, which is the same however the bytes are cut.
    #[cold]
    fn line_too_long(&self, bounds: &Bounds) -> ParseError {
        let limit = bounds.line;
        let place = match self.in_headers {
            true => Place::HeaderLine,
            false => Place::StartLine,
        };
        let at = self.line + limit as usize;
        ParseError::new(place, at, Fault::HeaderTooLong { limit })
    }

    /// Refuses a NUL that has no backslash before it.
    fn refuse_nul(&mut self, bytes: &[u8]) {
        if let Some(at) = bare_nul(split(bytes, self.line).0) {
            self.note(ParseError::new(Place::Message, at, Fault::Nul));
        }
    }

    fn count_fold(&mut self, at: usize, limits: &Limits) -> Result<(), ParseError> {
        self.folds += 1;
        if self.folds > limits.max_folds {
            let limit = limits.max_folds;
            let fault = Fault::TooManyFolds { limit };
            return Err(ParseError::new(Place::HeaderLine, at, fault));
        }
        Ok(())
    }

    /// Adds the header of a line that begins at `self.line`, where `from_line` begins.
    #[inline]
    fn push(
        &mut self,
        entries: &mut Entries,
        from_line: &[u8],
        line: &[u8],
        limits: &Limits,
    ) -> Result<(), ParseError> {
        if entries.len() >= limits.max_headers as usize {
            let limit = limits.max_headers;
            let fault = Fault::TooManyHeaders { limit };
            return Err(ParseError::new(Place::Message, self.line, fault));
        }
        let (start, header) = (self.line, HeaderLine::read(from_line, line));
        let entry = match &header {
            Ok(header) => header.entry(start),
            Err(wrong) => {
                let at = start + wrong.offset_in(line);
                self.note(ParseError::new(Place::HeaderLine, at, wrong.fault));
                HeaderLine::default().entry(start)
            }
        };
        entries.push(entry);
        if entry.name == Some(HeaderName::ContentLength) {
            let value = header.map_or(&[][..], |header| header.value);
            self.content_length(value, entry.value_start());
        }
        Ok(())
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

/// Where a NUL is that has no backslash before it (RFC 3261 §25.1, `quoted-pair`).
pub(crate) fn bare_nul(bytes: &[u8]) -> Option<usize> {
    memchr_iter(0, bytes).find(|&at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        before != Some(&b'\\')
    })
}

/// A header line with its continuations, taken apart.
#[derive(Default)]
struct HeaderLine<'a> {
    name_len: usize,
    name: Option<HeaderName>,
    /// Without white space around it.
    value: &'a [u8],
    /// Where in the line it begins.
    value_start: usize,
}

impl<'a> HeaderLine<'a> {
    /// Takes a line apart that begins `from_line`.
    #[inline]
    fn read(from_line: &[u8], line: &'a [u8]) -> Result<Self, Wrong> {
        match HeaderName::before_colon(from_line) {
            Some((len, name)) if name.is_some() || is_unknown_name(line, len) => {
                match line.get(len..) {
                    Some([b':', value @ ..]) => Ok(Self::new(line, len, name, value)),
                    _ => Self::read_other(line),
                }
            }
            _ => Self::read_other(line),
        }
    }

    /// Reads a name that is long, or has white space behind it, or is none.
    fn read_other(line: &'a [u8]) -> Result<Self, Wrong> {
        let (before, rest) = line.split_at(position(line, |byte| byte == b':'));
        let (name, space) = take(before, Class::TOKEN);
        let is_space = find_not(space, Class::SPACE) == space.len();
        let (fault, rest) = match rest {
            [b':', value @ ..] if is_space && !name.is_empty() => {
                let known = HeaderName::parse(name);
                return Ok(Self::new(line, name.len(), known, value));
            }
            _ if Class::SPACE.has_first(before) => (Fault::NothingToContinue, line.len()),
            _ => (Fault::HeaderName, line.len() - name.len()),
        };
        Err(Wrong { fault, rest })
    }

    #[inline]
    fn new(line: &[u8], name_len: usize, name: Option<HeaderName>, mut value: &'a [u8]) -> Self {
        // Nearly every value has one space before it and none behind it.
        if let [b' ', rest @ ..] = value {
            value = rest;
        }
        if !matches!(value, [first, ..] if *first > b' ') {
            value = trim_start(value);
        }
        let value_start = line.len() - value.len();
        if !matches!(value, [.., last] if *last > b' ') {
            value = trim_end(value);
        }
        Self {
            name_len,
            name,
            value,
            value_start,
        }
    }

    /// The entry of a line that begins at `start`. A line is at most 65,535 bytes long, and a message
    /// less than 4 GiB.
    #[inline]
    fn entry(&self, start: usize) -> Entry {
        Entry {
            start: start as u32,
            value_start: self.value_start as u16,
            value_len: self.value.len() as u16,
            name_len: self.name_len as u16,
            name: self.name,
        }
    }
}

/// True if a line begins with a token of so many bytes.
fn is_unknown_name(line: &[u8], len: usize) -> bool {
    len > 0 && find_not(line, Class::TOKEN) == len
}

fn trim_start(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = value {
        value = rest;
    }
    value
}

fn trim_end(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = value {
        value = rest;
    }
    value
}
