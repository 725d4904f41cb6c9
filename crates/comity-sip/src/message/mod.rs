//! Messages over the bytes in which they came.

mod edit;
mod headers;
mod index;
mod mandatory;
mod name;
mod received;
mod rejected;
mod start_line;

pub use edit::{Edit, EditError};
pub use headers::{Field, Header, Headers, ListField, ValueError, Values};
pub(crate) use mandatory::Mandatory;
pub use name::HeaderName;
pub(crate) use received::Noted;
pub use rejected::Rejected;
pub use start_line::Version;

pub(crate) use index::Indexer;

use std::borrow::Cow;
use std::fmt;

use bytes::{Buf, Bytes};

use crate::grammar::split;
use crate::{Fault, Limits, Method, ParseError, Place, StatusCode, Uri};
use index::Entries;
use start_line::{RequestLine, StartLine, StatusLine};

/// A request or a response: the received bytes, and where in them everything is.
///
/// The start line is parsed, the headers are found; what is inside a header is read when it is asked
/// for. Nothing is changed, so that [`as_bytes`](Self::as_bytes) is what came.
///
/// ```
/// use comity_sip::{Limits, Message, Method, header};
///
/// let bytes = b"OPTIONS sip:b.example SIP/2.0\r\n\
///     v: SIP/2.0/TLS a.example;branch=z9hG4bK7\r\n\
///     From: <sip:a.example>;tag=1\r\n\
///     To: <sip:b.example>\r\n\
///     Call-ID: 1@a.example\r\n\
///     CSeq: 7 OPTIONS\r\n\
///     Max-Forwards: 70\r\n\
///     \r\n";
/// let message = Message::from_datagram(bytes.as_slice().into(), &Limits::default())?;
/// let Message::Request(request) = message else { panic!("a response") };
/// assert_eq!(request.method(), Method::Options);
/// let via = request.headers().first::<header::Via<'_>>()?.expect("a Via");
/// assert_eq!(via.branch(), Some("z9hG4bK7"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "SIP has these two (RFC 3261 §7)")]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request (RFC 3261 §7.1).
#[derive(Clone)]
pub struct Request {
    parts: Parts,
    line: RequestLine,
}

/// A response (RFC 3261 §7.2).
#[derive(Clone)]
pub struct Response {
    parts: Parts,
    line: StatusLine,
}

/// What requests and responses have in common.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) bytes: Bytes,
    pub(crate) entries: Entries,
    /// Bytes before the empty line behind the headers.
    pub(crate) lines_end: usize,
    limits: Limits,
}

impl Message {
    /// Reads a datagram. Empty lines before the message are ignored, and so is what lies behind the
    /// declared body (RFC 3261 §18.3): it is not part of the message.
    ///
    /// # Errors
    ///
    /// Why it is no message, with what an answer needs.
    pub fn from_datagram(datagram: Bytes, limits: &Limits) -> Result<Self, Box<Rejected>> {
        let mut lines = 0;
        while let Some([b'\r', b'\n']) = datagram.get(lines..lines + 2) {
            lines += 2;
        }
        Self::from_whole(datagram, lines, Excess::Ignored, limits)
    }

    /// Reads a frame of a transport that keeps messages apart, as WebSocket does (RFC 7118 §5): one
    /// message, and nothing else.
    ///
    /// # Errors
    ///
    /// Why it is no message, with what an answer needs.
    pub fn from_frame(frame: Bytes, limits: &Limits) -> Result<Self, Box<Rejected>> {
        if frame.starts_with(b"\r\n") {
            let error = ParseError::new(Place::Message, 0, Fault::LeadingLine);
            return Err(Rejected::without_head(error, limits));
        }
        Self::from_whole(frame, 0, Excess::Refused, limits)
    }

    fn from_whole(
        mut bytes: Bytes,
        skip: usize,
        excess: Excess,
        limits: &Limits,
    ) -> Result<Self, Box<Rejected>> {
        bytes.advance(skip);
        let mut indexer = Indexer::new();
        let mut parts = Parts::new(bytes, limits);
        let incomplete = if parts.bytes.is_empty() {
            Fault::Empty
        } else {
            Fault::HeadTruncated
        };
        let read = match indexer.advance(&mut parts.entries, &parts.bytes, limits) {
            Ok(true) => body_len(&indexer, parts.bytes.len(), excess, limits),
            Ok(false) => Err(ParseError::new(
                Place::Message,
                parts.bytes.len(),
                incomplete,
            )),
            Err(error) => Err(error),
        };
        match read {
            Ok(body_len) => {
                parts.bytes.truncate(indexer.head_len() + body_len);
                Self::new(parts, &indexer)
            }
            Err(error) => Err(Rejected::new(parts, &indexer, error)),
        }
    }

    /// Makes a message of its bytes and what was read in them.
    #[inline]
    pub(crate) fn new(mut parts: Parts, indexer: &Indexer) -> Result<Self, Box<Rejected>> {
        let no_line = ParseError::new(Place::StartLine, 0, Fault::RequestLine);
        let line = match indexer.start.unwrap_or(Err(no_line)) {
            Ok(line) => line,
            Err(error) => return Err(Rejected::new(parts, indexer, error)),
        };
        parts.lines_end = indexer.lines_end();
        Ok(match line {
            StartLine::Request(line) => Self::Request(Request { parts, line }),
            StartLine::Status(line) => Self::Response(Response { parts, line }),
        })
    }

    /// Its headers.
    pub fn headers(&self) -> Headers<'_> {
        self.parts().headers()
    }

    /// What is behind the headers.
    pub fn body(&self) -> Bytes {
        self.parts().body()
    }

    /// The bytes of the whole message.
    pub fn as_bytes(&self) -> &Bytes {
        &self.parts().bytes
    }

    /// Copies the message out of the buffer in which it came, which may be much larger: for one that is
    /// kept for long.
    pub fn compact(&mut self) {
        match self {
            Self::Request(request) => request.compact(),
            Self::Response(response) => response.compact(),
        }
    }

    fn parts(&self) -> &Parts {
        match self {
            Self::Request(request) => &request.parts,
            Self::Response(response) => &response.parts,
        }
    }
}

impl fmt::Debug for Request {
    /// Says what it is, and nothing of what users said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method();
        write!(f, "Request({method}, {} bytes)", self.parts.bytes.len())
    }
}

impl fmt::Debug for Response {
    /// Says what it is, and nothing of what users said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status();
        write!(f, "Response({status}, {} bytes)", self.parts.bytes.len())
    }
}

impl Request {
    /// Its method.
    pub fn method(&self) -> Method<'_> {
        self.line.method(&self.parts.bytes)
    }

    /// Its Request-URI: where it goes next.
    pub fn uri(&self) -> Uri<'_> {
        self.line.uri(&self.parts.bytes)
    }

    /// Begins a list of changes, as a proxy makes them.
    pub fn edit(&self) -> Edit<'_> {
        Edit::new(&self.parts, Some(&self.line))
    }
}

impl Response {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.line.status
    }

    /// The reason phrase, which is for people. Bytes that are not UTF-8 are replaced.
    pub fn reason(&self) -> Cow<'_, str> {
        let end = self.parts.entries.first().map(|entry| entry.start as usize);
        let (line, _) = split(&self.parts.bytes, end.unwrap_or(self.parts.lines_end) - 2);
        String::from_utf8_lossy(split(line, self.line.reason_start.into()).1)
    }

    /// Begins a list of changes, as a proxy makes them.
    pub fn edit(&self) -> Edit<'_> {
        Edit::new(&self.parts, None)
    }
}

macro_rules! common_methods {
    ($($type:ident),*) => {
        $(impl $type {
            /// The version of SIP that it names.
            pub fn version(&self) -> Version {
                self.line.version
            }

            /// Its headers.
            pub fn headers(&self) -> Headers<'_> {
                self.parts.headers()
            }

            /// What is behind the headers.
            pub fn body(&self) -> Bytes {
                self.parts.body()
            }

            /// The bytes of the whole message.
            pub fn as_bytes(&self) -> &Bytes {
                &self.parts.bytes
            }

            /// Copies it out of the buffer in which it came, which may be much larger: for one that
            /// is kept for long.
            pub fn compact(&mut self) {
                self.parts.bytes = Bytes::copy_from_slice(&self.parts.bytes);
            }
        })*
    };
}

common_methods!(Request, Response);

impl Parts {
    /// Bytes in which no headers were found yet.
    pub(crate) fn new(bytes: Bytes, limits: &Limits) -> Self {
        Self {
            bytes,
            entries: Entries::new(),
            lines_end: 0,
            limits: *limits,
        }
    }

    /// Bytes before the body.
    fn head_len(&self) -> usize {
        self.lines_end + 2
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        Headers::new(&self.bytes, &self.entries, self.lines_end, &self.limits)
    }

    pub(crate) fn body(&self) -> Bytes {
        self.bytes.slice(self.head_len()..)
    }
}

/// What happens to bytes behind the declared body where the transport has bounds of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    Ignored,
    Refused,
}

/// How long the body is, of a message that has at most `len` bytes (RFC 3261 §18.3, §20.14).
fn body_len(
    indexer: &Indexer,
    len: usize,
    excess: Excess,
    limits: &Limits,
) -> Result<usize, ParseError> {
    if let Some(error) = indexer.fault {
        return Err(error);
    }
    let head_len = indexer.head_len();
    let available = len - head_len;
    let declared = indexer.length.unwrap_or(available as u64);
    check_size(head_len, declared, limits)?;
    match usize::try_from(declared) {
        Ok(len) if len == available => Ok(len),
        Ok(len) if len < available => match excess {
            Excess::Ignored => Ok(len),
            Excess::Refused => {
                let at = head_len + len;
                Err(ParseError::new(Place::Body, at, Fault::Trailing))
            }
        },
        Ok(_) | Err(_) => {
            let present = available;
            let fault = Fault::BodyTruncated { declared, present };
            Err(ParseError::new(Place::Body, head_len, fault))
        }
    }
}

/// Compares the size of a message with the limits before its body has to be there.
pub(crate) fn check_size(head: usize, body: u64, limits: &Limits) -> Result<(), ParseError> {
    if body > u64::from(limits.max_body_bytes) {
        let (declared, limit) = (body, limits.max_body_bytes);
        let fault = Fault::BodyTooLong { declared, limit };
        return Err(ParseError::new(Place::Body, head, fault));
    }
    if head as u64 + body > u64::from(limits.max_message_bytes) {
        let limit = limits.max_message_bytes;
        let fault = Fault::MessageTooLong { limit };
        return Err(ParseError::new(Place::Message, head, fault));
    }
    Ok(())
}
