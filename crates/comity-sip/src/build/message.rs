//! Building requests and responses.

use std::fmt::{self, Write};
use std::net::SocketAddr;

use bytes::Bytes;

use super::{BuildError, check_name, check_target, check_value};
use crate::grammar::{Digits, split};
use crate::header::To;
use crate::message::{Header, HeaderName, Headers, Mandatory, Noted, Rejected, Request};
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
        let mut draft = Draft::with_capacity(&WITH_BODY, 512);
        let parts = [
            method.as_str().as_bytes(),
            b" ",
            uri.as_bytes(),
            b" SIP/2.0\r\n",
        ];
        for part in parts {
            draft.head.extend(part);
        }
        Ok(Self(draft))
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
        let headers = request.headers();
        Self::answer(headers, &Answerable::of(headers, None), status, None)
    }

    /// A response to a request that came from `source`, which is noted in the topmost Via
    /// (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn received(request: &Request, status: StatusCode, source: SocketAddr) -> Self {
        let headers = request.headers();
        Self::answer(
            headers,
            &Answerable::of(headers, Some(source)),
            status,
            None,
        )
    }

    /// A response to what is no valid request: what can be read of it is copied. `None` if it must
    /// not be answered; [`Rejected::status`] says when.
    pub fn reject(rejected: &Rejected) -> Option<Self> {
        let status = rejected.status()?;
        let headers = rejected.headers();
        let answerable = Answerable::of(headers, None);
        Some(Self::answer(headers, &answerable, status, None))
    }

    /// The same to what came from `source`, which is noted in the topmost Via.
    pub(crate) fn reject_received(rejected: &Rejected, source: SocketAddr) -> Option<Self> {
        let status = rejected.status()?;
        let headers = rejected.headers();
        let answerable = Answerable::of(headers, Some(source));
        Some(Self::answer(headers, &answerable, status, None))
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A response to a request with these headers, with a tag in To if it has none. Of headers that
    /// may stand once the first is copied.
    pub(crate) fn answer(
        headers: Headers<'_>,
        answerable: &Answerable,
        status: StatusCode,
        tag: Option<&str>,
    ) -> Self {
        // What is copied is part of the request's headers, and little is added.
        let mut draft = Draft::with_capacity(&OF_REQUEST, headers.bytes_len() + 256);
        draft.push_status(status);
        for via in headers.named(HeaderName::Via) {
            match &answerable.noted {
                Some(noted) if noted.place.start == via.value_offset() => {
                    draft.push_with(&via, noted);
                }
                Some(_) | None => draft.head.extend(via.line()),
            }
        }
        let mut tag_at = None;
        for name in COPIED {
            match headers.named(name).next() {
                Some(to) if name == HeaderName::To && answerable.wants_tag => {
                    tag_at = draft.push_to(&to, tag);
                }
                Some(header) => draft.head.extend(header.line()),
                None => {}
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
            let behind = self.draft.head.split_off(at);
            self.draft.push_tag(tag);
            self.draft.head.extend(behind);
        }
        Ok(self)
    }
}

/// What has to be known of a request to answer it, beside its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Answerable {
    /// Where it came from.
    noted: Option<Noted>,
    /// True if To can be read and has no tag.
    wants_tag: bool,
}

impl Answerable {
    /// Reads what can be read.
    fn of(headers: Headers<'_>, source: Option<SocketAddr>) -> Self {
        let noted = source.and_then(|source| Noted::in_headers(headers, source).ok()?);
        let to = headers.one::<To<'_>>();
        Self {
            noted,
            wants_tag: to.is_ok_and(|to| to.tag_bytes().is_none()),
        }
    }

    /// The same of headers that are read.
    pub(crate) fn read(mandatory: &Mandatory<'_>, source: SocketAddr) -> Self {
        Self {
            noted: mandatory.noted(source),
            wants_tag: mandatory.to.tag_bytes().is_none(),
        }
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
    fn with_capacity(computed: &'static [HeaderName], capacity: usize) -> Self {
        Self {
            head: Vec::with_capacity(capacity),
            computed,
            content_type: None,
            body: Bytes::new(),
        }
    }

    /// Adds the line of a status.
    fn push_status(&mut self, status: StatusCode) {
        let (code, phrase) = (Digits::of(status.code()), status.phrase());
        for part in [
            b"SIP/2.0 ",
            code.as_bytes(),
            b" ",
            phrase.as_bytes(),
            b"\r\n",
        ] {
            self.head.extend(part);
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

    /// Copies To with a tag; gives where one belongs if there is none.
    fn push_to(&mut self, to: &Header<'_>, tag: Option<&str>) -> Option<usize> {
        let value_end = to.value_offset() + to.value().len() - to.offset();
        let (before, behind) = split(to.line(), value_end);
        self.head.extend(before);
        let tag_at = self.head.len();
        if let Some(tag) = tag {
            self.push_tag(tag);
        }
        self.head.extend(behind);
        tag.is_none().then_some(tag_at)
    }

    /// Adds a tag behind the value of To, which may end with a semicolon.
    fn push_tag(&mut self, tag: &str) {
        if self.head.last() != Some(&b';') {
            self.head.push(b';');
        }
        self.head.extend(b"tag=");
        self.head.extend(tag.as_bytes());
    }

    fn finish(&self) -> Bytes {
        let content_type = self.content_type.as_deref();
        let [before_type, behind_type] = match content_type {
            Some(_) => ["Content-Type: ", "\r\nContent-Length: "],
            None => ["", "Content-Length: "],
        };
        let length = Digits::of(self.body.len() as u64);
        let parts = [
            self.head.as_slice(),
            before_type.as_bytes(),
            content_type.unwrap_or_default().as_bytes(),
            behind_type.as_bytes(),
            length.as_bytes(),
            b"\r\n\r\n",
            &self.body,
        ];
        // It may be kept for long: it is to take as much as it is long.
        let mut message = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            message.extend(part);
        }
        message.into()
    }
}
