//! The headers of a message.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::slice;
use std::str;

use thiserror::Error;

use super::HeaderName;
use super::index::Entry;
use crate::grammar::{Ascii, split, sws};
use crate::{Fault, Limits, ParseError, Place};

/// The headers of a message, in their order.
///
/// Reading a typed value parses it at that moment, so that a message can be passed on whose headers
/// are malformed but not needed.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    entries: &'a [Entry],
    lines_end: usize,
    limits: &'a Limits,
}

/// A header whose value can be read into a type.
///
/// Every type in [`header`](crate::header) is one. To read a header of your own, find it with
/// [`Headers::find`].
pub trait Field<'a>: Sized {
    /// Which header it is.
    const NAME: HeaderName;

    /// Reads one value at the beginning of the bytes; gives it and how many bytes it takes.
    ///
    /// # Errors
    ///
    /// Which rule or limit is broken, and how far into the bytes.
    fn read(value: &'a [u8], limits: &Limits) -> Result<(Self, usize), ValueError>;
}

/// A header that can have many values, on one line with commas or on many lines
/// (RFC 3261 §7.3.1).
pub trait ListField<'a>: Field<'a> {
    /// True if the header may stand without any value.
    const MAY_BE_EMPTY: bool = false;

    /// True for a value that must not have others beside it, as `*` in Contact.
    fn stands_alone(&self) -> bool {
        false
    }

    /// How many values there may be on all lines.
    fn max_values(limits: &Limits) -> u32 {
        limits.max_list_values
    }
}

/// A broken rule inside a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{fault} at byte {offset} of the value")]
#[non_exhaustive]
pub struct ValueError {
    /// Which rule is broken.
    pub fault: Fault,
    /// Bytes from the beginning of the value.
    pub offset: usize,
}

impl ValueError {
    /// A rule that is broken so many bytes behind the beginning of the value.
    pub fn new(fault: Fault, offset: usize) -> Self {
        Self { fault, offset }
    }
}

impl<'a> Headers<'a> {
    pub(crate) fn new(
        bytes: &'a [u8],
        entries: &'a [Entry],
        lines_end: usize,
        limits: &'a Limits,
    ) -> Self {
        Self {
            bytes,
            entries,
            lines_end,
            limits,
        }
    }

    /// Each header line, a continued one as one.
    pub fn iter(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let headers = *self;
        let mut rest = self.entries.iter();
        std::iter::from_fn(move || {
            let entry = rest.next()?;
            Some(headers.header(entry, rest.as_slice()))
        })
    }

    /// Each header line of this name.
    pub fn named(&self, name: HeaderName) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let headers = *self;
        let mut rest = self.entries.iter();
        std::iter::from_fn(move || {
            let entry = rest.find(|entry| entry.name == Some(name))?;
            Some(headers.header(entry, rest.as_slice()))
        })
    }

    /// Each header line of this name, in any case. Finds names that [`HeaderName`] does not have.
    pub fn find<'n>(&self, name: &'n str) -> impl Iterator<Item = Header<'a>> + use<'a, 'n> {
        let known = HeaderName::parse(name.as_bytes());
        self.iter().filter(move |header| match header.known {
            Some(own) => known == Some(own),
            None => header.name.is(name),
        })
    }

    /// True if there is a header of this name.
    pub fn has(&self, name: HeaderName) -> bool {
        self.entries.iter().any(|entry| entry.name == Some(name))
    }

    /// How many header lines there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a header that has to be there.
    ///
    /// # Errors
    ///
    /// If it is absent, there more than once, or malformed.
    pub fn one<T: Field<'a>>(&self) -> Result<T, ParseError> {
        self.optional()?.ok_or_else(|| self.missing::<T>())
    }

    /// The value of a header that may stand once.
    ///
    /// # Errors
    ///
    /// If it is there more than once, or malformed.
    #[inline(always)]
    pub fn optional<T: Field<'a>>(&self) -> Result<Option<T>, ParseError> {
        let mut found = None;
        for entry in self.entries {
            if entry.name == Some(T::NAME) {
                if found.is_some() {
                    return Err(at::<T>(entry.start as usize, Fault::Repeated));
                }
                found = Some(entry);
            }
        }
        let Some(entry) = found else {
            return Ok(None);
        };
        let value = self.value(entry);
        let offset = entry.value_start();
        match T::read(value, self.limits) {
            Ok((field, len)) if len == value.len() => Ok(Some(field)),
            Ok((_, len)) => Err(at::<T>(offset + len, Fault::Trailing)),
            Err(error) => Err(at::<T>(offset + error.offset, error.fault)),
        }
    }

    /// The values of a header on all its lines. After an error there is nothing more, because it is
    /// unknown where the next value begins.
    #[inline(always)]
    pub fn all<T: ListField<'a>>(&self) -> Values<'a, T> {
        Values {
            headers: *self,
            entries: self.entries.iter(),
            value: &[],
            position: Position::default(),
            count: 0,
            field: PhantomData,
        }
    }

    /// The first value of a header that can have many.
    ///
    /// # Errors
    ///
    /// If it is malformed, or no comma is between it and what follows. Values behind it are not read.
    pub fn first<T: ListField<'a>>(&self) -> Result<Option<T>, ParseError> {
        self.all().next().transpose()
    }

    /// The line of the first value of a list, where that value ends, and the value.
    pub(crate) fn first_value<T: ListField<'a>>(
        &self,
    ) -> Result<Option<(Header<'a>, Position, T)>, ParseError> {
        let mut lines = self.named(T::NAME);
        let Some(header) = lines.find(|header| !header.value().is_empty()) else {
            return Ok(None);
        };
        let mut values = self.all::<T>();
        let first = values.next().transpose()?;
        Ok(first.map(|value| (header, values.position(), value)))
    }

    /// The error for a header that has to be there and is not.
    pub(crate) fn missing<T: Field<'a>>(&self) -> ParseError {
        at::<T>(self.lines_end, Fault::Missing)
    }

    /// Some bytes of the message.
    pub(crate) fn bytes(&self, place: Range<usize>) -> &'a [u8] {
        self.bytes.get(place).unwrap_or_default()
    }

    /// How many bytes there are up to the end of the header lines.
    pub(crate) fn bytes_len(&self) -> usize {
        self.lines_end
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }

    #[inline(always)]
    fn value(&self, entry: &Entry) -> &'a [u8] {
        let range = entry.value_start()..entry.value_end();
        self.bytes.get(range).unwrap_or_default()
    }

    /// The header of an entry, behind which others follow.
    fn header(&self, entry: &Entry, behind: &[Entry]) -> Header<'a> {
        let start = entry.start as usize;
        let end = match behind.first() {
            Some(next) => next.start as usize,
            None => self.lines_end,
        };
        let line = self.bytes.get(start..end).unwrap_or_default();
        let (name, _) = split(line, entry.name_len.into());
        Header {
            name: Ascii::proved(name),
            known: entry.name,
            value: self.value(entry),
            value_start: entry.value_start(),
            line,
            start,
        }
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|header| {
                let value = String::from_utf8_lossy(header.value());
                (header.name(), value)
            }))
            .finish()
    }
}

/// A header line, with its continuations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    name: Ascii<'a>,
    known: Option<HeaderName>,
    value: &'a [u8],
    value_start: usize,
    line: &'a [u8],
    start: usize,
}

impl<'a> Header<'a> {
    /// Its name as it is written.
    pub fn name(&self) -> &'a str {
        self.name.as_str()
    }

    /// Its name, if it is one that the index knows.
    pub fn known(&self) -> Option<HeaderName> {
        self.known
    }

    /// Its value as it is written, without white space around it. Inside it a line may be folded.
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// Its value as text.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8.
    pub fn text(&self) -> Result<&'a str, str::Utf8Error> {
        str::from_utf8(self.value)
    }

    /// The whole line with its line end, as it is written.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// Bytes of the message before the line.
    pub fn offset(&self) -> usize {
        self.start
    }

    /// Bytes of the message before the value.
    pub fn value_offset(&self) -> usize {
        self.value_start
    }
}

/// The values of a header on all its lines, as [`Headers::all`] gives them.
#[derive(Clone)]
pub struct Values<'a, T> {
    headers: Headers<'a>,
    entries: slice::Iter<'a, Entry>,
    /// What is left of the line.
    value: &'a [u8],
    position: Position,
    count: u32,
    field: PhantomData<fn() -> T>,
}

/// How far values were read, in bytes of the message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    /// Where the last value ends.
    pub(crate) value_end: usize,
    /// Where the next one on the line begins, or where the value of the line ends.
    pub(crate) next: usize,
}

impl<'a, T: ListField<'a>> Values<'a, T> {
    pub(crate) fn headers(&self) -> Headers<'a> {
        self.headers
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Goes to the next line that has a value.
    #[inline(always)]
    fn next_line(&mut self) -> Option<Result<(), ParseError>> {
        loop {
            let entry = self.entries.next()?;
            if entry.name != Some(T::NAME) {
                continue;
            }
            self.value = self.headers.value(entry);
            self.position.next = entry.value_start();
            if !self.value.is_empty() {
                return Some(Ok(()));
            }
            if !T::MAY_BE_EMPTY {
                return Some(Err(at::<T>(self.position.next, Fault::EmptyValue)));
            }
        }
    }

    /// Reads the value that is next, and the comma behind it.
    #[inline(always)]
    fn read_value(&mut self) -> Result<T, ParseError> {
        let limit = T::max_values(self.headers.limits);
        if self.count >= limit {
            return Err(at::<T>(self.position.next, Fault::TooManyValues { limit }));
        }
        self.count += 1;
        let start = self.position.next;
        let (value, len) = T::read(self.value, self.headers.limits)
            .map_err(|error| at::<T>(start + error.offset, error.fault))?;
        let end = start + self.value.len();
        if len > self.value.len() {
            return Err(at::<T>(end, Fault::Trailing));
        }
        let rest = sws(split(self.value, len).1);
        let behind = match rest {
            [] => rest,
            [b',', behind @ ..] => match sws(behind) {
                [] => return Err(at::<T>(end, Fault::EmptyValue)),
                behind => behind,
            },
            _ => return Err(at::<T>(end - rest.len(), Fault::Trailing)),
        };
        if value.stands_alone() && (self.count > 1 || !behind.is_empty() || self.has_more_lines()) {
            return Err(at::<T>(start, Fault::Star));
        }
        self.position.value_end = start + len;
        self.position.next = end - behind.len();
        self.value = behind;
        Ok(value)
    }

    fn has_more_lines(&self) -> bool {
        let mut rest = self.entries.clone();
        rest.any(|entry| entry.name == Some(T::NAME))
    }

    fn stop(&mut self) {
        self.entries = [].iter();
        self.value = &[];
    }
}

impl<'a, T: ListField<'a>> Iterator for Values<'a, T> {
    type Item = Result<T, ParseError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.value.is_empty()
            && let Err(error) = self.next_line()?
        {
            self.stop();
            return Some(Err(error));
        }
        let value = self.read_value();
        if value.is_err() {
            self.stop();
        }
        Some(value)
    }
}

impl<T> fmt::Debug for Values<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("rest", &String::from_utf8_lossy(self.value))
            .finish_non_exhaustive()
    }
}

#[cold]
fn at<'a, T: Field<'a>>(offset: usize, fault: Fault) -> ParseError {
    ParseError::new(Place::Header(T::NAME), offset, fault)
}
