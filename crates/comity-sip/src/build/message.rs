//! Building requests and responses.

use std::fmt::{self, Write};

use bytes::Bytes;

use super::{BuildError, check_name, check_not_computed, check_target, check_value};
use crate::header::To;
use crate::message::{HeaderName, Headers, Rejected, Request};
use crate::{Method, StatusCode, Uri};

/// Builds a request. Content-Length is written by the builder.
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
        Ok(Self(Draft::new(format_args!("{method} {uri} SIP/2.0"))))
    }
}

/// Builds a response. Content-Length is written by the builder.
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
    /// Where a tag for To belongs, if To has none.
    tag_at: Option<usize>,
}

impl ResponseBuilder {
    /// A response to a request.
    pub fn new(request: &Request, status: StatusCode) -> Self {
        Self::answer(request.headers(), status)
    }

    /// A response to what is no valid request: what can be read of it is copied. `None` if it must
    /// not be answered; [`Rejected::status`] says when.
    pub fn reject(rejected: &Rejected) -> Option<Self> {
        let status = rejected.status()?;
        Some(Self::answer(rejected.headers(), status))
    }

    /// A response to a request with these headers. Of headers that may stand once the first is
    /// copied.
    fn answer(headers: Headers<'_>, status: StatusCode) -> Self {
        let phrase = status.phrase();
        let mut draft = Draft::new(format_args!("SIP/2.0 {status} {phrase}"));
        for via in headers.named(HeaderName::Via) {
            draft.head.extend(via.line());
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
        Self { draft, tag_at }
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
            let param = [b";tag=", tag.as_bytes()].concat();
            self.draft.head.splice(at..at, param);
        }
        Ok(self)
    }

    /// Copies every line of a header of the request, as Record-Route when a dialog begins
    /// (RFC 3261 §12.1.1) and Timestamp into a 100 (RFC 3261 §8.2.6.1).
    ///
    /// # Errors
    ///
    /// For Content-Length.
    pub fn copy(&mut self, request: &Request, name: HeaderName) -> Result<&mut Self, BuildError> {
        check_not_computed(Some(name))?;
        for header in request.headers().named(name) {
            self.draft.head.extend(header.line());
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

macro_rules! draft_methods {
    ($($type:ident),*) => {
        $(impl $type {
            /// Adds a header line.
            ///
            /// # Errors
            ///
            /// If the value holds CR, LF or NUL, or if the header is Content-Length.
            pub fn header(
                &mut self,
                name: HeaderName,
                value: impl fmt::Display,
            ) -> Result<&mut Self, BuildError> {
                self.draft().push(name.as_str(), &value)?;
                Ok(self)
            }

            /// Adds a header line of any name.
            ///
            /// # Errors
            ///
            /// If the name is no token, the value holds CR, LF or NUL, or the header is
            /// Content-Length.
            pub fn other_header(
                &mut self,
                name: &str,
                value: impl fmt::Display,
            ) -> Result<&mut Self, BuildError> {
                self.draft().push(name, &value)?;
                Ok(self)
            }

            /// Sets the body, and adds Content-Type.
            ///
            /// # Errors
            ///
            /// If the type holds CR, LF or NUL.
            pub fn body(
                &mut self,
                content_type: &str,
                body: Bytes,
            ) -> Result<&mut Self, BuildError> {
                self.header(HeaderName::ContentType, content_type)?;
                self.draft().body = body;
                Ok(self)
            }
        })*
    };
}

draft_methods!(RequestBuilder, ResponseBuilder);

impl RequestBuilder {
    /// The bytes of the request.
    pub fn finish(&self) -> Bytes {
        self.0.finish()
    }

    fn draft(&mut self) -> &mut Draft {
        &mut self.0
    }
}

impl ResponseBuilder {
    /// The bytes of the response.
    pub fn finish(&self) -> Bytes {
        self.draft.finish()
    }

    fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }
}

/// A message without Content-Length and the empty line.
#[derive(Clone, Debug)]
struct Draft {
    head: Vec<u8>,
    body: Bytes,
}

impl Draft {
    fn new(line: fmt::Arguments<'_>) -> Self {
        Self {
            head: format!("{line}\r\n").into_bytes(),
            body: Bytes::new(),
        }
    }

    fn push(&mut self, name: &str, value: &dyn fmt::Display) -> Result<(), BuildError> {
        check_name(name)?;
        check_not_computed(HeaderName::parse(name.as_bytes()))?;
        let mut line = String::new();
        // Writing into a string cannot fail.
        let _ = write!(line, "{name}: {value}");
        check_value(&line)?;
        self.head.extend(line.as_bytes());
        self.head.extend(b"\r\n");
        Ok(())
    }

    fn finish(&self) -> Bytes {
        let length = format!("Content-Length: {}\r\n\r\n", self.body.len());
        [&self.head, length.as_bytes(), &self.body].concat().into()
    }
}
