//! Building requests and responses.

use std::fmt::{self, Write};
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;

use super::{BuildError, check_name, check_target, check_value};
use crate::grammar::split;
use crate::header::To;
use crate::message::{Header, HeaderName, Headers, Noted, Rejected, Request, noted};
use crate::{Method, StatusCode, Uri};

/// Builds a request. Content-Type and Content-Length are written by the builder.
///
/// ```
/// use comity_sip::{HeaderName, Method, RequestBuilder, Uri};
/// use comity_sip::header::{CSeq, MaxForwards};
///
/// let mut request = RequestBuilder::new(Method::Message, Uri::parse("sip:bob@b.example")?)?;
/// request
///     .header(HeaderName::CSeq, CSeq::new(1, Method::Message))?
///     .header(HeaderName::MaxForwards, MaxForwards(70))?
///     .body("text/plain", "hello".into())?;
/// assert_eq!(
///     request.finish(),
///     "MESSAGE sip:bob@b.example SIP/2.0\r\n\
///      CSeq: 1 MESSAGE\r\n\
///      Max-Forwards: 70\r\n\
///      Content-Type: text/plain\r\n\
///      Content-Length: 5\r\n\
///      \r\n\
///      hello"
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestBuilder(Draft);

impl RequestBuilder {
    /// A request without headers.
    ///
    /// # Errors
    ///
    /// If the URI has headers, which a Request-URI must not have (RFC 3261 §19.1.1).
    pub fn new(method: Method<'_>, uri: Uri<'_>) -> Result<Self, BuildError> {
        check_target(uri)?;
        let line = format_args!("{method} {uri} SIP/2.0");
        Ok(Self(Draft::new(line, &WITH_BODY)))
    }
}

/// Builds a response. Content-Type and Content-Length are written by the builder.
///
/// What a response takes over from its request is copied as it came: all Via lines, and From, To,
/// Call-ID and CSeq (RFC 3261 §8.2.6.2).
///
/// ```
/// use comity_sip::{Limits, Message, ResponseBuilder, StatusCode};
///
/// let bytes = b"OPTIONS sip:b.example SIP/2.0\r\n\
///     v: SIP/2.0/TLS a.example;branch=z9hG4bK7\r\n\
///     f: <sip:a.example>;tag=1\r\n\
///     t: <sip:b.example>\r\n\
///     i: 1@a.example\r\n\
///     CSeq: 7 OPTIONS\r\n\
///     \r\n";
/// let message = Message::from_datagram(bytes.as_slice().into(), &Limits::default())?;
/// let Message::Request(request) = message else { panic!("a response") };
/// let mut response = ResponseBuilder::new(&request, StatusCode::OK);
/// response.to_tag("9f8")?;
/// assert_eq!(
///     response.finish(),
///     "SIP/2.0 200 OK\r\n\
///      v: SIP/2.0/TLS a.example;branch=z9hG4bK7\r\n\
///      f: <sip:a.example>;tag=1\r\n\
///      t: <sip:b.example>;tag=9f8\r\n\
///      i: 1@a.example\r\n\
///      CSeq: 7 OPTIONS\r\n\
///      Content-Length: 0\r\n\
///      \r\n"
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    draft: Draft,
    status: StatusCode,
    /// Where a tag for To belongs, if To has none.
    tag_at: Option<usize>,
}

impl ResponseBuilder {
    /// A response to a request.
    pub fn new(request: &Request, status: StatusCode) -> Self {
        Self::answer(request.headers(), status, None)
    }

    /// A response to a request that came from `source`, which is noted in the topmost Via
    /// (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn received(request: &Request, status: StatusCode, source: SocketAddr) -> Self {
        Self::answer(request.headers(), status, Some(source))
    }

    /// A response to what is no valid request: what can be read of it is copied. `None` if it must
    /// not be answered; [`Rejected::status`] says when.
    pub fn reject(rejected: &Rejected) -> Option<Self> {
        let status = rejected.status()?;
        Some(Self::answer(rejected.headers(), status, None))
    }

    /// The same to what came from `source`, which is noted in the topmost Via.
    pub(crate) fn reject_received(rejected: &Rejected, source: SocketAddr) -> Option<Self> {
        let status = rejected.status()?;
        Some(Self::answer(rejected.headers(), status, Some(source)))
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A response to a request with these headers. Of headers that may stand once the first is
    /// copied.
    fn answer(headers: Headers<'_>, status: StatusCode, source: Option<SocketAddr>) -> Self {
        let phrase = status.phrase();
        let line = format_args!("SIP/2.0 {status} {phrase}");
        // What is copied is part of the request's headers, and little is added.
        let mut draft = Draft::with_capacity(line, &OF_REQUEST, headers.bytes_len() + 256);
        let noted = source.and_then(|source| noted(headers, source).ok().flatten());
        for via in headers.named(HeaderName::Via) {
            match &noted {
                Some(noted) if noted.place.start == via.value_offset() => {
                    draft.push_with(&via, noted);
                }
                Some(_) | None => draft.head.extend(via.line()),
            }
        }
        let mut tag_at = None;
        for name in COPIED {
            let Some(header) = headers.named(name).next() else {
                continue;
            };
            draft.head.extend(header.line());
            let has_no_tag = || headers.one::<To<'_>>().is_ok_and(|to| to.tag().is_none());
            if name == HeaderName::To && has_no_tag() {
                let behind_value = header.offset() + header.line().len()
                    - header.value_offset()
                    - header.value().len();
                tag_at = Some(draft.head.len() - behind_value);
            }
        }
        Self {
            draft,
            status,
            tag_at,
        }
    }

    /// Sets the reason phrase.
    ///
    /// # Errors
    ///
    /// If it holds CR, LF or NUL.
    pub fn reason(&mut self, phrase: &str) -> Result<&mut Self, BuildError> {
        check_value(phrase)?;
        let end = self.draft.head.iter().position(|&byte| byte == b'\r');
        let start = "SIP/2.0 200 ".len();
        let end = end.unwrap_or(start);
        self.draft.head.splice(start..end, phrase.bytes());
        if let Some(at) = &mut self.tag_at {
            *at = *at + phrase.len() - (end - start);
        }
        Ok(self)
    }

    /// Adds a tag to To, unless the request has one. Every final response needs one
    /// (RFC 3261 §8.2.6.2).
    ///
    /// # Errors
    ///
    /// If it is no token.
    pub fn to_tag(&mut self, tag: &str) -> Result<&mut Self, BuildError> {
        check_name(tag)?;
        if let Some(at) = self.tag_at.take() {
            let (before, _) = self.draft.head.split_at(at);
            let name = match before.last() {
                Some(b';') => &b"tag="[..],
                Some(_) | None => b";tag=",
            };
            let param = [name, tag.as_bytes()].concat();
            self.draft.head.splice(at..at, param);
        }
        Ok(self)
    }
}

/// What stands once in a request and is copied into each response.
const COPIED: [HeaderName; 4] = [
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

/// What the builders write with the body.
const WITH_BODY: [HeaderName; 2] = [HeaderName::ContentLength, HeaderName::ContentType];

/// What the builder of responses writes with the body and takes from the request.
const OF_REQUEST: [HeaderName; 7] = [
    HeaderName::ContentLength,
    HeaderName::ContentType,
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

macro_rules! draft_methods {
    ($($type:ident),*) => {
        $(impl $type {
            /// Adds a header line. Its name is a [`HeaderName`] or any token.
            ///
            /// # Errors
            ///
            /// If the name is no token, if the value holds CR, LF or NUL, or if the builder writes
            /// this header itself: Content-Length and Content-Type, and in a response what is copied
            /// from the request.
            pub fn header(
                &mut self,
                name: impl AsRef<str>,
                value: impl fmt::Display,
            ) -> Result<&mut Self, BuildError> {
                self.draft().push(name.as_ref(), &value)?;
                Ok(self)
            }

            /// Copies every line of a header from another message, as it is: From, Call-ID and Route
            /// into a CANCEL or ACK (RFC 3261 §9.1, §17.1.1.3), Record-Route into the response that
            /// begins a dialog (§12.1.1), Timestamp into a 100 (§8.2.6.1).
            ///
            /// # Errors
            ///
            /// If the name is no token, or if the builder writes this header itself.
            pub fn copy(
                &mut self,
                headers: Headers<'_>,
                name: impl AsRef<str>,
            ) -> Result<&mut Self, BuildError> {
                let draft = self.draft();
                draft.check_name(name.as_ref())?;
                for header in headers.find(name.as_ref()) {
                    draft.head.extend(header.line());
                }
                Ok(self)
            }

            /// Sets the body and its type. The last one counts.
            ///
            /// # Errors
            ///
            /// If the type holds CR, LF or NUL.
            pub fn body(
                &mut self,
                content_type: &str,
                body: Bytes,
            ) -> Result<&mut Self, BuildError> {
                check_value(content_type)?;
                let draft = self.draft();
                draft.content_type = Some(content_type.to_owned());
                draft.body = body;
                Ok(self)
            }
        })*
    };
}

draft_methods!(RequestBuilder, ResponseBuilder);

impl RequestBuilder {
    /// Copies one line of a header.
    pub(crate) fn copy_line(&mut self, header: &Header<'_>) {
        self.0.head.extend(header.line());
    }

    /// The bytes of the request.
    pub fn finish(&self) -> Bytes {
        self.0.finish()
    }

    fn draft(&mut self) -> &mut Draft {
        &mut self.0
    }
}

impl ResponseBuilder {
    /// Adds a line that was made by a builder before.
    pub(crate) fn push_line(&mut self, line: &[u8]) {
        self.draft.head.extend(line);
    }

    /// The bytes of the response.
    pub fn finish(&self) -> Bytes {
        self.draft.finish()
    }

    fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }
}

/// A message without what is written with its body.
#[derive(Clone, Debug)]
struct Draft {
    head: Vec<u8>,
    /// The headers that setters may not write.
    computed: &'static [HeaderName],
    content_type: Option<String>,
    body: Bytes,
}

impl Draft {
    fn new(line: fmt::Arguments<'_>, computed: &'static [HeaderName]) -> Self {
        Self::with_capacity(line, computed, 512)
    }

    fn with_capacity(
        line: fmt::Arguments<'_>,
        computed: &'static [HeaderName],
        capacity: usize,
    ) -> Self {
        let mut head = Vec::with_capacity(capacity);
        // Writing into memory cannot fail.
        let _: io::Result<()> = io::Write::write_fmt(&mut head, line);
        head.extend(b"\r\n");
        Self {
            head,
            computed,
            content_type: None,
            body: Bytes::new(),
        }
    }

    fn check_name(&self, name: &str) -> Result<(), BuildError> {
        check_name(name)?;
        match HeaderName::parse(name.as_bytes()) {
            Some(name) if self.computed.contains(&name) => Err(BuildError::Computed(name)),
            Some(_) | None => Ok(()),
        }
    }

    fn push(&mut self, name: &str, value: &dyn fmt::Display) -> Result<(), BuildError> {
        self.check_name(name)?;
        let mut line = String::new();
        // Writing into a string cannot fail.
        let _ = write!(line, "{name}: {value}");
        check_value(&line)?;
        self.head.extend(line.as_bytes());
        self.head.extend(b"\r\n");
        Ok(())
    }

    /// Copies a line with other text in place of the beginning of its value.
    fn push_with(&mut self, header: &Header<'_>, noted: &Noted) {
        let (name, value) = split(header.line(), noted.place.start - header.offset());
        let (_, behind) = split(value, noted.place.len());
        for part in [name, &noted.value, behind] {
            self.head.extend(part);
        }
    }

    fn finish(&self) -> Bytes {
        let body = &self.body;
        let content_type = self.content_type.as_deref();
        let more = content_type.map_or(0, str::len) + TAIL_LEN + body.len();
        let mut message = Vec::with_capacity(self.head.len() + more);
        message.extend(&self.head);
        if let Some(content_type) = content_type {
            message.extend(b"Content-Type: ");
            message.extend(content_type.as_bytes());
            message.extend(b"\r\n");
        }
        // Writing into memory cannot fail.
        let length = format_args!("Content-Length: {}\r\n\r\n", body.len());
        let _: io::Result<()> = io::Write::write_fmt(&mut message, length);
        message.extend(body);
        message.into_boxed_slice().into()
    }
}

/// How long the lines of Content-Type and Content-Length are at most, without the type.
const TAIL_LEN: usize = "Content-Type: \r\nContent-Length: \r\n\r\n".len() + 20;
