//! Changes to a message that is passed on.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::headers::Position;
use super::received::Noted;
use super::start_line::RequestLine;
use super::{Header, HeaderName, ListField, Parts};
use crate::build::{BuildError, check_name, check_not_computed, check_target, check_value};
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
    /// The names that changes were about: the standard's, or in lower case.
    touched: Vec<String>,
    body: Option<Bytes>,
    says_length: bool,
}

/// Text in place of some of the original bytes.
#[derive(Clone, Debug)]
struct Change {
    place: Range<usize>,
    text: Vec<u8>,
}

/// Why a change was not taken. The message stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditError {
    /// The new text cannot stand there.
    #[error(transparent)]
    Value(#[from] BuildError),
    /// What is to be changed cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// An earlier change is about the same.
    #[error("changed twice")]
    Conflict,
    /// There is no header of this name.
    #[error("no {0} to change")]
    Absent(HeaderName),
    /// The header is not one of this message.
    #[error("a header of another message")]
    Foreign,
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
            touched: Vec::new(),
            body: None,
            says_length: false,
        }
    }

    /// Replaces the Request-URI.
    ///
    /// # Errors
    ///
    /// If the URI has headers, for a response, or if it was replaced already.
    pub fn set_uri(&mut self, uri: Uri<'_>) -> Result<&mut Self, EditError> {
        check_target(uri)?;
        let line = self.line.ok_or(EditError::NoRequest)?;
        let place = usize::from(line.method_len) + 1..usize::from(line.uri_end);
        self.change(place, uri.as_bytes().to_vec())?;
        Ok(self)
    }

    /// Puts a header line before the first one of its name, or before all others if there is none.
    /// Of several lines that are put at one place, the last comes first: Via and Record-Route are
    /// pushed in this way.
    ///
    /// # Errors
    ///
    /// If the name is no token, the value cannot stand in a header, or the header is Content-Length.
    pub fn insert_before(
        &mut self,
        name: impl AsRef<str>,
        value: &str,
    ) -> Result<&mut Self, EditError> {
        let name = name.as_ref();
        let line = checked_line(name, value)?;
        let first = self
            .lines(name)
            .next()
            .or_else(|| self.parts.headers().iter().next());
        let at = first.map_or_else(|| self.lines_end(), |header| header.offset());
        self.change(at..at, line)?;
        self.touched.push(key(name));
        Ok(self)
    }

    /// Puts a header line behind all others.
    ///
    /// # Errors
    ///
    /// If the name is no token, the value cannot stand in a header, or the header is Content-Length.
    pub fn append(&mut self, name: impl AsRef<str>, value: &str) -> Result<&mut Self, EditError> {
        let name = name.as_ref();
        let line = checked_line(name, value)?;
        self.append_line(line);
        self.touched.push(key(name));
        Ok(self)
    }

    /// Replaces the value of the first header of this name and removes its further lines; appends
    /// it if there is none.
    ///
    /// # Errors
    ///
    /// If the name is no token, the value cannot stand in a header, the header is Content-Length, or
    /// an earlier change is about this header.
    pub fn set(&mut self, name: impl AsRef<str>, value: &str) -> Result<&mut Self, EditError> {
        let name = name.as_ref();
        let line = checked_line(name, value)?;
        self.touch(name)?;
        let lines: Vec<_> = self.lines(name).collect();
        match lines.first() {
            Some(first) => self.change(value_of(first), value.into())?,
            None => self.append_line(line),
        }
        for header in lines.iter().skip(1) {
            self.change(line_of(header), Vec::new())?;
        }
        Ok(self)
    }

    /// Removes every header of this name. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// If the header is Content-Length, or if an earlier change is about this header.
    pub fn remove(&mut self, name: impl AsRef<str>) -> Result<&mut Self, EditError> {
        let name = name.as_ref();
        check_not_computed(HeaderName::parse(name.as_bytes()))?;
        self.touch(name)?;
        let lines: Vec<_> = self.lines(name).collect();
        for header in &lines {
            self.change(line_of(header), Vec::new())?;
        }
        Ok(self)
    }

    /// Removes one header line: the last Route, or one of several identities.
    ///
    /// # Errors
    ///
    /// If it is not a line of this message, if the header is Content-Length, or if an earlier change
    /// is about it.
    pub fn remove_line(&mut self, header: &Header<'_>) -> Result<&mut Self, EditError> {
        check_not_computed(header.known())?;
        if !self.parts.headers().iter().any(|own| own == *header) {
            return Err(EditError::Foreign);
        }
        self.change(line_of(header), Vec::new())?;
        self.touched.push(key(header.name()));
        Ok(self)
    }

    /// Notes in the topmost Via from where the request came, as a server does with each request: the
    /// address in `received`, if the Via names another one or a host name, and with the port in
    /// `rport` if the client asks for it (RFC 3261 §18.2.1, RFC 3581 §4). What the client wrote there
    /// itself is replaced, and everything else stays as it is.
    ///
    /// # Errors
    ///
    /// If there is no readable Via, or if an earlier change is about it.
    pub fn set_received(&mut self, source: SocketAddr) -> Result<&mut Self, EditError> {
        let Some(Noted { place, value }) = Noted::in_headers(self.parts.headers(), source)? else {
            return Ok(self);
        };
        self.change(place, value)?;
        self.touched.push(key(HeaderName::Via.as_str()));
        Ok(self)
    }

    /// Removes the first value of a list, and its line if it is the only value there: Route and, in
    /// responses, Via are popped in this way.
    ///
    /// # Errors
    ///
    /// If there is none, if it is malformed, if the header is Content-Length, or if an earlier change is
    /// about it.
    pub fn remove_first<T: ListField<'a>>(&mut self) -> Result<&mut Self, EditError> {
        check_not_computed(Some(T::NAME))?;
        let (header, position, _) = self.first_value::<T>()?;
        let value = value_of(&header);
        let place = match position.next == value.end {
            true => line_of(&header),
            false => value.start..position.next,
        };
        self.change(place, Vec::new())?;
        self.touched.push(key(T::NAME.as_str()));
        Ok(self)
    }

    /// Replaces the first value of a list and leaves the others.
    ///
    /// # Errors
    ///
    /// If there is none, if it is malformed, if the new value is empty or cannot stand in a header, or
    /// if an earlier change is about it.
    pub fn set_first<T: ListField<'a>>(&mut self, value: &str) -> Result<&mut Self, EditError> {
        check_value(value)?;
        if value.is_empty() {
            return Err(BuildError::Empty.into());
        }
        check_not_computed(Some(T::NAME))?;
        let (header, position, _) = self.first_value::<T>()?;
        self.change(header.value_offset()..position.value_end, value.into())?;
        self.touched.push(key(T::NAME.as_str()));
        Ok(self)
    }

    /// Replaces the body, and says its length in Content-Length. The last body counts.
    pub fn set_body(&mut self, body: Bytes) -> &mut Self {
        self.body = Some(body);
        self.ensure_length()
    }

    /// Says the length of the body if the message does not, as on its way from a datagram to a
    /// stream.
    pub fn ensure_length(&mut self) -> &mut Self {
        self.says_length = true;
        self
    }

    /// The message with its changes.
    pub fn finish(&self) -> Bytes {
        let (head, original) = split(&self.parts.bytes, self.parts.head_len());
        let body = self.body.as_deref().unwrap_or(original);
        let length = self.says_length.then(|| self.length(body.len())).flatten();
        if self.changes.is_empty() && length.is_none() {
            return self.parts.bytes.clone();
        }
        let mut changes: Vec<&Change> = self.changes.iter().collect();
        if let Some(length) = &length {
            changes.insert(self.index_for(&length.place), length);
        }
        let mut message = BytesMut::new();
        let mut copied = 0;
        for change in changes {
            message.put(head.get(copied..change.place.start).unwrap_or_default());
            message.put(change.text.as_slice());
            copied = change.place.end;
        }
        message.put(head.get(copied..).unwrap_or_default());
        message.put(body);
        message.freeze()
    }

    /// The change that makes Content-Length right; `None` if it is.
    fn length(&self, len: usize) -> Option<Change> {
        let length = HeaderName::ContentLength;
        let Some(header) = self.parts.headers().named(length).next() else {
            let at = self.lines_end();
            return Some(Change {
                place: at..at,
                text: line(length.as_str(), &len.to_string()),
            });
        };
        self.body.as_ref()?;
        Some(Change {
            place: value_of(&header),
            text: len.to_string().into_bytes(),
        })
    }

    fn lines<'n>(&self, name: &'n str) -> impl Iterator<Item = Header<'a>> + use<'a, 'n> {
        self.parts.headers().find(name)
    }

    /// Where the empty line behind the headers begins.
    fn lines_end(&self) -> usize {
        self.parts.lines_end
    }

    /// Notes that all lines of a header are changed, unless a change is about it already.
    fn touch(&mut self, name: &str) -> Result<(), EditError> {
        let key = key(name);
        if self.touched.contains(&key) {
            return Err(EditError::Conflict);
        }
        self.touched.push(key);
        Ok(())
    }

    /// The line of the first value of a list, where that value ends, and the value.
    fn first_value<T: ListField<'a>>(&self) -> Result<(Header<'a>, Position, T), EditError> {
        let first = self.parts.headers().first_value()?;
        first.ok_or(EditError::Absent(T::NAME))
    }

    /// Puts a line behind all others.
    fn append_line(&mut self, text: Vec<u8>) {
        let at = self.lines_end();
        self.changes.push(Change {
            place: at..at,
            text,
        });
    }

    /// Adds a change where it belongs: before those that are at the same place, but behind what is
    /// put before the bytes that it replaces.
    fn change(&mut self, place: Range<usize>, text: Vec<u8>) -> Result<(), EditError> {
        let at = self.index_for(&place);
        let overlaps =
            |other: &Change| other.place.start < place.end && place.start < other.place.end;
        let before = at.saturating_sub(1);
        let mut neighbours = self.changes.iter().skip(before).take(2);
        if neighbours.any(overlaps) {
            return Err(EditError::Conflict);
        }
        self.changes.insert(at, Change { place, text });
        Ok(())
    }

    fn index_for(&self, place: &Range<usize>) -> usize {
        self.changes.partition_point(|other| {
            let inserted = other.place.is_empty() && !place.is_empty();
            other.place.start < place.start || (other.place.start == place.start && inserted)
        })
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

/// One word for all spellings of a name.
fn key(name: &str) -> String {
    match HeaderName::parse(name.as_bytes()) {
        Some(name) => name.as_str().to_owned(),
        None => name.to_ascii_lowercase(),
    }
}

fn checked_line(name: &str, value: &str) -> Result<Vec<u8>, BuildError> {
    check_not_computed(HeaderName::parse(name.as_bytes()))?;
    check_name(name)?;
    check_value(value)?;
    Ok(line(name, value))
}

fn line(name: &str, value: &str) -> Vec<u8> {
    format!("{name}: {value}\r\n").into_bytes()
}
