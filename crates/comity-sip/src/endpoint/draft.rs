use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::{Hop, Listener};
use crate::header::{CSeq, CallId, From, MaxForwards, Route, To};
use crate::transaction::{Kind, request_of};
use crate::{
    HeaderName, Limits, Message, Method, ParseError, Request, RequestBuilder, Scheme, Transport,
    Uri, UriBuilder, UriError,
};

/// A request without the lines that depend on the way that it takes: Via and Contact.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    bytes: Bytes,
    /// How long the request line is, with its line end.
    line_len: usize,
    pub(crate) kind: Kind,
    /// Of the first Route, or of the Request-URI.
    scheme: Scheme,
    /// The user of the Contact that it still needs.
    contact: Option<Option<String>>,
    has_max_forwards: bool,
    /// A MESSAGE outside of a session.
    is_page: bool,
    /// The listener by which it came, if this proxy stays on the way.
    recorded: Option<Listener>,
}

/// Why a request is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// It lacks a header, or has a malformed one.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// CSeq names another method, or it is an INVITE, an ACK or a CANCEL: the endpoint sends these
    /// itself, for a session.
    #[error("no request that a user sends")]
    Method,
    /// A MESSAGE outside of a session is larger than `max_page_bytes` (RFC 3428 §8).
    #[error("a message of more than {limit} bytes outside of a session")]
    TooLarge {
        /// The largest.
        limit: u32,
    },
    /// There are too many requests already.
    #[error("too many requests")]
    Overloaded,
}

impl Draft {
    /// The draft of a request.
    ///
    /// # Errors
    ///
    /// If it is no request that can be sent: From with a tag, To, Call-ID and CSeq are needed.
    pub(crate) fn new(builder: &RequestBuilder, limits: &Limits) -> Result<Self, SendError> {
        let bytes = builder.finish();
        let message = Message::from_datagram(bytes, limits).map_err(|rejected| rejected.error())?;
        match message {
            Message::Request(request) => Self::of(&request),
            Message::Response(_) => Err(SendError::Method),
        }
    }

    /// The draft of the ACK to a 2xx; `None` if it is none.
    pub(crate) fn acknowledgement(builder: &RequestBuilder, limits: &Limits) -> Option<Self> {
        let message = Message::from_datagram(builder.finish(), limits).ok()?;
        let Message::Request(request) = message else {
            return None;
        };
        (request.method() == Method::Ack).then(|| Self::without(&request))
    }

    /// The draft of a request that is passed on.
    ///
    /// # Errors
    ///
    /// If it is no request.
    pub(crate) fn onward(
        bytes: Bytes,
        limits: &Limits,
        recorded: Option<Listener>,
    ) -> Result<Self, SendError> {
        let message = Message::from_datagram(bytes, limits).map_err(|rejected| rejected.error())?;
        match message {
            Message::Request(request) => Ok(Self {
                recorded,
                ..Self::without(&request)
            }),
            Message::Response(_) => Err(SendError::Method),
        }
    }

    fn of(request: &Request) -> Result<Self, SendError> {
        let headers = request.headers();
        let from = headers.one::<From<'_>>()?;
        let to = headers.one::<To<'_>>()?;
        headers.one::<CallId<'_>>()?;
        let cseq = headers.one::<CSeq<'_>>()?;
        let method = request.method();
        if cseq.method != method || matches!(method, Method::Ack | Method::Cancel) {
            return Err(SendError::Method);
        }
        let needs_contact = matches!(method, Method::Invite | Method::Subscribe)
            && !headers.has(HeaderName::Contact);
        let user = from.uri().user().map(std::borrow::Cow::into_owned);
        Ok(Self {
            contact: needs_contact.then_some(user),
            is_page: method == Method::Message && to.tag_bytes().is_none(),
            has_max_forwards: headers.optional::<MaxForwards>()?.is_some(),
            ..Self::without(request)
        })
    }

    /// A request that lacks nothing but Via.
    fn without(request: &Request) -> Self {
        let bytes = request.as_bytes();
        Self {
            bytes: bytes.clone(),
            line_len: memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1),
            kind: Kind::of(request.method()),
            scheme: next_uri(request).scheme(),
            contact: None,
            has_max_forwards: true,
            is_page: false,
            recorded: None,
        }
    }

    /// The request on its way: with a Via on top, and with what it lacks.
    pub(crate) fn render(&self, via: &str, listener: &Listener) -> Bytes {
        let (line, rest) = crate::grammar::split(&self.bytes, self.line_len);
        let mut message = BytesMut::with_capacity(self.bytes.len() + 256);
        message.put(line);
        message.put(via.as_bytes());
        if !self.has_max_forwards {
            message.put(&b"Max-Forwards: 70\r\n"[..]);
        }
        if let Some(user) = &self.contact
            && let Ok(contact) = contact(self.scheme, user.as_deref(), listener)
        {
            message.put(format!("Contact: {contact}\r\n").as_bytes());
        }
        if let Some(own) = &self.recorded {
            message.put(record_route(self.scheme, listener, own).as_bytes());
        }
        message.put(rest);
        message.freeze()
    }

    /// How large it is at most on its way: about 200 bytes are added to it (RFC 3261 §18.1.1).
    pub(crate) fn len_on_its_way(&self) -> usize {
        self.bytes.len() + 200
    }

    /// Whether a message outside of a session is small enough.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub(crate) fn check_page(&self, limit: Option<u32>) -> Result<(), SendError> {
        match limit {
            Some(limit) if self.is_page && self.bytes.len() > limit as usize => {
                Err(SendError::TooLarge { limit })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Where it goes next: to its first Route, or to its Request-URI (RFC 3261 §8.1.2).
    pub(crate) fn hop(&self) -> Option<Hop> {
        Hop::of(next_uri(&request_of(&self.bytes)?))
    }
}

/// The line of a Via of ours.
pub(crate) fn via(listener: &Listener, branch: &str, offers_reuse: bool) -> String {
    let Listener {
        transport,
        host,
        port,
        ..
    } = listener;
    let alias = match (transport, offers_reuse) {
        (Transport::Tls, true) => ";alias",
        (Transport::Udp | Transport::Tcp | Transport::Tls, _) => "",
    };
    format!("Via: SIP/2.0/{transport} {host}:{port};branch={branch};rport{alias}\r\n")
}

/// Where a request goes next: to its first Route, or to its Request-URI (RFC 3261 §8.1.2).
fn next_uri(request: &Request) -> Uri<'_> {
    let route = request.headers().first::<Route<'_>>().ok().flatten();
    route.map_or_else(|| request.uri(), |route| route.uri())
}

/// The lines of Record-Route of ours: the side on which a request goes on comes first, and the side on
/// which it came second if that is another.
fn record_route(scheme: Scheme, onward: &Listener, own: &Listener) -> String {
    let line = |listener: &Listener| {
        let Listener {
            transport,
            host,
            port,
            ..
        } = listener;
        if scheme == Scheme::Sips {
            return format!("Record-Route: <sips:{host}:{port};lr>\r\n");
        }
        let transport = transport.param();
        format!("Record-Route: <sip:{host}:{port};transport={transport};lr>\r\n")
    };
    match onward == own {
        true => line(own),
        false => line(onward) + &line(own),
    }
}

/// The value of a Contact of ours: a `sips` URI where the other side is asked for by one
/// (RFC 3261 §8.1.1.8, §12.1.1).
///
/// # Errors
///
/// If the parts make no URI.
pub(crate) fn contact(
    scheme: Scheme,
    user: Option<&str>,
    listener: &Listener,
) -> Result<String, UriError> {
    let uri = match scheme {
        Scheme::Sips => UriBuilder::sips(&listener.host),
        Scheme::Sip | Scheme::Tel | Scheme::Im | Scheme::Pres | Scheme::Other => {
            UriBuilder::sip(&listener.host).param("transport", listener.transport.param())
        }
    };
    let mut uri = uri.port(listener.port);
    if let Some(user) = user {
        uri = uri.user(user);
    }
    Ok(format!("<{}>", uri.build()?))
}
