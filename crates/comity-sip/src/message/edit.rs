//! Changes to a message that is passed on.

use std::fmt;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::headers::Position;
use super::start_line::RequestLine;
use super::{Header, HeaderName, ListField, Parts};
use crate::build::{BuildError, check_name, check_value};
use crate::grammar::split;
use crate::{ParseError, Uri};

/// A list of changes to a message. Every byte that no change is about stays as it came.
///
/// ```
/// use comity_sip::{HeaderName, Limits, Message, header::Via};
///
/// let bytes = b"OPTIONS sip:b.example SIP/2.0\r\n\
///     v:  SIP/2.0/TLS a.example ;branch=z9hG4bK7\r\n\
///     Max-Forwards: 70\r\n\
///     X-Odd:  kept , as \"is\"\r\n\
///     \r\n";
/// let message = Message::from_datagram(bytes.as_slice().into(), &Limits::default())?;
/// let Message::Request(request) = message else { panic!("a response") };
/// let mut edit = request.edit();
/// edit.insert_before(HeaderName::Via, "SIP/2.0/TLS gw.example;branch=z9hG4bK8")?;
/// edit.set(HeaderName::MaxForwards, "69")?;
/// assert_eq!(
///     edit.finish(),
///     "OPTIONS sip:b.example SIP/2.0\r\n\
///      Via: SIP/2.0/TLS gw.example;branch=z9hG4bK8\r\n\
///      v:  SIP/2.0/TLS a.example ;branch=z9hG4bK7\r\n\
///      Max-Forwards: 69\r\n\
///      X-Odd:  kept , as \"is\"\r\n\
///      \r\n"
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Edit<'a> {
    parts: &'a Parts,
    line: Option<&'a RequestLine>,
    /// In the order of their places.
    changes: Vec<Change>,
    body: Option<Bytes>,
}

/// Text in place of some of the original bytes.
#[derive(Clone, Debug)]
struct Change {
    place: Range<usize>,
    text: Vec<u8>,
}

/// Why a change was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditError {
    /// The new text cannot stand in a header.
    #[error(transparent)]
    Value(#[from] BuildError),
    /// What is to be changed cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// An earlier change is about the same bytes.
    #[error("changed twice")]
    Conflict,
    /// There is no header of this name.
    #[error("no {0} to change")]
    Absent(HeaderName),
    /// A response has no Request-URI.
    #[error("a response has no Request-URI")]
    NoRequest,
}

impl<'a> Edit<'a> {
    pub(crate) fn new(parts: &'a Parts, line: Option<&'a RequestLine>) -> Self {
        Self {
            parts,
            line,
            changes: Vec::new(),
            body: None,
        }
    }

    /// Replaces the Request-URI.
    ///
    /// # Errors
    ///
    /// For a response, or if it was replaced already.
    pub fn set_uri(&mut self, uri: Uri<'_>) -> Result<&mut Self, EditError> {
        let line = self.line.ok_or(EditError::NoRequest)?;
        let place = usize::from(line.method_len) + 1..usize::from(line.uri_end);
        self.change(place, uri.as_bytes().to_vec())
    }

    /// Puts a header line before the first one of its name, or before all others if there is none.
    /// Of several lines that are put at one place, the last comes first: Via and Record-Route are
    /// pushed in this way.
    ///
    /// # Errors
    ///
    /// If the value cannot stand in a header.
    pub fn insert_before(&mut self, name: HeaderName, value: &str) -> Result<&mut Self, EditError> {
        check_value(value)?;
        let first = self
            .first(name)
            .or_else(|| self.parts.headers().iter().next());
        let at = first.map_or(self.parts.head_len - 2, |header| header.offset());
        self.change(at..at, line(name.as_str(), value))
    }

    /// Puts a header line behind all others.
    ///
    /// # Errors
    ///
    /// If the value cannot stand in a header.
    pub fn append(&mut self, name: HeaderName, value: &str) -> Result<&mut Self, EditError> {
        self.append_other(name.as_str(), value)
    }

    /// Puts a header line of any name behind all others.
    ///
    /// # Errors
    ///
    /// If the name is no token, or the value cannot stand in a header.
    pub fn append_other(&mut self, name: &str, value: &str) -> Result<&mut Self, EditError> {
        check_name(name)?;
        check_value(value)?;
        let at = self.parts.head_len - 2;
        let text = line(name, value);
        match self.changes.last_mut() {
            Some(last) if last.place == (at..at) => last.text.extend(text),
            Some(_) | None => self.changes.push(Change {
                place: at..at,
                text,
            }),
        }
        Ok(self)
    }

    /// Replaces the value of the first header of this name and removes its further lines; appends
    /// it if there is none.
    ///
    /// # Errors
    ///
    /// If the value cannot stand in a header, or an earlier change is about one of these lines.
    pub fn set(&mut self, name: HeaderName, value: &str) -> Result<&mut Self, EditError> {
        check_value(value)?;
        let mut lines = self.parts.headers().named(name);
        let Some(first) = lines.next() else {
            return self.append(name, value);
        };
        self.change(value_of(&first), value.into())?;
        for header in lines {
            self.change(line_of(&header), Vec::new())?;
        }
        Ok(self)
    }

    /// Removes every header of this name. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// If an earlier change is about one of these lines.
    pub fn remove(&mut self, name: HeaderName) -> Result<&mut Self, EditError> {
        for header in self.parts.headers().named(name) {
            self.change(line_of(&header), Vec::new())?;
        }
        Ok(self)
    }

    /// Removes the first value of a list, and its line if it is the only value there: Route and, in
    /// responses, Via are popped in this way.
    ///
    /// # Errors
    ///
    /// If there is none, if it is malformed, or if an earlier change is about it.
    pub fn remove_first<T: ListField<'a>>(&mut self) -> Result<&mut Self, EditError> {
        let (header, position) = self.first_value::<T>()?;
        let value = value_of(&header);
        if position.next == value.end {
            return self.change(line_of(&header), Vec::new());
        }
        self.change(value.start..position.next, Vec::new())
    }

    /// Replaces the first value of a list and leaves the others: a server adds `received` to the
    /// topmost Via in this way.
    ///
    /// # Errors
    ///
    /// If there is none, if it is malformed, if the new value cannot stand in a header, or if an
    /// earlier change is about it.
    pub fn set_first<T: ListField<'a>>(&mut self, value: &str) -> Result<&mut Self, EditError> {
        check_value(value)?;
        let (header, position) = self.first_value::<T>()?;
        let start = header.value_offset();
        self.change(start..position.value_end, value.into())
    }

    /// Replaces the body, and says so in Content-Length.
    ///
    /// # Errors
    ///
    /// If the body was replaced already.
    pub fn set_body(&mut self, body: Bytes) -> Result<&mut Self, EditError> {
        self.set(HeaderName::ContentLength, &body.len().to_string())?;
        self.body = Some(body);
        Ok(self)
    }

    /// Says the length of the body if the message does not, as on its way from a datagram to a
    /// stream.
    ///
    /// # Errors
    ///
    /// If the header was changed already.
    pub fn ensure_length(&mut self) -> Result<&mut Self, EditError> {
        if self.first(HeaderName::ContentLength).is_some() {
            return Ok(self);
        }
        let len = self.parts.bytes.len() - self.parts.head_len;
        self.append(HeaderName::ContentLength, &len.to_string())
    }

    /// The message with its changes.
    pub fn finish(&self) -> Bytes {
        if self.changes.is_empty() && self.body.is_none() {
            return self.parts.bytes.clone();
        }
        let added: usize = self.changes.iter().map(|change| change.text.len()).sum();
        let mut message = BytesMut::with_capacity(self.parts.bytes.len() + added);
        let (head, original) = split(&self.parts.bytes, self.parts.head_len);
        let mut copied = 0;
        for change in &self.changes {
            message.put(head.get(copied..change.place.start).unwrap_or_default());
            message.put(change.text.as_slice());
            copied = change.place.end;
        }
        message.put(head.get(copied..).unwrap_or_default());
        message.put(self.body.as_deref().unwrap_or(original));
        message.freeze()
    }

    fn first(&self, name: HeaderName) -> Option<Header<'a>> {
        self.parts.headers().named(name).next()
    }

    /// The line of the first value of a list, and where that value ends.
    fn first_value<T: ListField<'a>>(&self) -> Result<(Header<'a>, Position), EditError> {
        let absent = EditError::Absent(T::NAME);
        let mut headers = self.parts.headers().named(T::NAME);
        let header = headers.find(|header| !header.value().is_empty());
        let header = header.ok_or_else(|| absent.clone())?;
        let mut values = self.parts.headers().all::<T>();
        values.next().ok_or(absent)??;
        Ok((header, values.position()))
    }

    /// Adds a change where it belongs.
    fn change(&mut self, place: Range<usize>, text: Vec<u8>) -> Result<&mut Self, EditError> {
        let at = self.changes.partition_point(|other| {
            let inserted = other.place.is_empty() && !place.is_empty();
            other.place.start < place.start || (other.place.start == place.start && inserted)
        });
        let overlaps =
            |other: &Change| other.place.start < place.end && place.start < other.place.end;
        let before = at.saturating_sub(1);
        let mut neighbours = self.changes.iter().skip(before).take(2);
        if neighbours.any(overlaps) {
            return Err(EditError::Conflict);
        }
        self.changes.insert(at, Change { place, text });
        Ok(self)
    }
}

impl fmt::Debug for Edit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edit")
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

fn value_of(header: &Header<'_>) -> Range<usize> {
    header.value_offset()..header.value_offset() + header.value().len()
}

fn line_of(header: &Header<'_>) -> Range<usize> {
    header.offset()..header.offset() + header.line().len()
}

fn line(name: &str, value: &str) -> Vec<u8> {
    format!("{name}: {value}\r\n").into_bytes()
}
