//! Passing requests on, as a stateful proxy does (RFC 3261 §16).

use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::time::Instant;

use thiserror::Error;

use super::draft::Draft;
use super::outgoing::Purpose;
use super::{AnswerError, Config, Endpoint, Incoming, RequestId, SendError, Target};
use crate::dialog::raw_values;
use crate::header::{CSeq, CallId, From, MaxForwards, Route, To, Via};
use crate::{
    Edit, EditError, HeaderName, ParseError, Request, Response, StatusCode, Transport, Uri,
};

/// Whether this proxy stays on the way of the requests of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 §16.6 knows these")]
pub enum Stay {
    /// It puts itself into Record-Route, with the transport: twice if a request comes by one transport
    /// and goes on by another, so that either side comes back by its own (RFC 5658 §4).
    Recorded,
    /// It does not.
    Unrecorded,
}

/// Why a request is not passed on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// Max-Forwards is 0.
    #[error("no more hops")]
    TooManyHops,
    /// It was here before, unchanged.
    #[error("the request came back")]
    Loop,
    /// It cannot be changed as a proxy has to.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// It cannot be sent.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl ForwardError {
    /// The status of the answer to the request.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooManyHops => StatusCode::TOO_MANY_HOPS,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::Edit(_) | Self::Send(SendError::Malformed(_) | SendError::Method) => {
                StatusCode::BAD_REQUEST
            }
            Self::Send(SendError::TooLarge { .. }) => StatusCode::MESSAGE_TOO_LARGE,
            Self::Send(SendError::Overloaded) => StatusCode::SERVER_INTERNAL_ERROR,
        }
    }
}

impl std::convert::From<ParseError> for ForwardError {
    fn from(error: ParseError) -> Self {
        Self::Edit(error.into())
    }
}

impl Endpoint {
    /// Passes a request on. Its responses come as [`Event::Response`](super::Event::Response), to be
    /// handed to [`relay`](Self::relay). Everything but Via, Route, Record-Route and Max-Forwards stays
    /// as it came.
    ///
    /// # Errors
    ///
    /// If it has come too far, or came back; [`ForwardError::status`] says what to answer.
    pub fn forward(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        targets: Vec<Target>,
        stay: Stay,
    ) -> Result<RequestId, ForwardError> {
        let (draft, mark) =
            self.onward(&incoming.request, incoming.source, incoming.transport, stay)?;
        let id = self
            .core
            .send_marked(now, draft, targets, Purpose::User, Some(mark))?;
        self.settle(now);
        Ok(id)
    }

    /// Passes the ACK to a 2xx on, which is not answered.
    ///
    /// # Errors
    ///
    /// If it has come too far, or came back.
    pub fn forward_ack(
        &mut self,
        now: Instant,
        ack: &Request,
        source: SocketAddr,
        targets: &[Target],
    ) -> Result<(), ForwardError> {
        let (draft, _) = self.onward(ack, source, Transport::Udp, Stay::Unrecorded)?;
        self.core.send_ack_draft(now, draft, targets);
        self.settle(now);
        Ok(())
    }

    /// Hands a response on to a request that was passed on, without our Via. A 503 becomes a 500,
    /// because it is not we who are unavailable (RFC 3261 §16.7).
    ///
    /// # Errors
    ///
    /// If nobody waits for it, or it is for nobody else.
    pub fn relay(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        response: &Response,
    ) -> Result<(), AnswerError> {
        let mut vias = response.headers().all::<Via<'_>>().map_while(Result::ok);
        let came_by = incoming.request.headers().first::<Via<'_>>().ok().flatten();
        let goes_by = vias.nth(1);
        if !matches!((goes_by, came_by), (Some(next), Some(own)) if is_same_hop(&next, &own)) {
            return Err(AnswerError::Stranger);
        }
        let mut edit = response.edit();
        edit.remove_first::<Via<'_>>()
            .map_err(|_malformed| AnswerError::Stranger)?;
        let mut status = response.status();
        if status.is_provisional() && (status == StatusCode::TRYING || !incoming.is_invite()) {
            return Err(AnswerError::Class);
        }
        if status == StatusCode::REQUEST_TIMEOUT && !incoming.is_invite() {
            return Err(AnswerError::Timeout);
        }
        let mut message = edit.finish();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            status = StatusCode::SERVER_INTERNAL_ERROR;
            message = with_status(&message, status);
        }
        self.pass_down(now, incoming, status, message)
    }

    /// A request as it goes on, and the mark by which it is known if it comes back.
    fn onward(
        &self,
        request: &Request,
        source: SocketAddr,
        transport: Transport,
        stay: Stay,
    ) -> Result<(Draft, u64), ForwardError> {
        let mark = self.mark(request)?;
        if self.has_mark(request, mark) {
            return Err(ForwardError::Loop);
        }
        let mut edit = request.edit();
        edit.set_received(source)?;
        let hops = request.headers().optional::<MaxForwards>()?;
        match hops.map(|hops| hops.hops().unwrap_or(u8::MAX)) {
            Some(0) => return Err(ForwardError::TooManyHops),
            Some(hops) => edit.set(HeaderName::MaxForwards, &(hops - 1).min(70).to_string())?,
            None => edit.append(HeaderName::MaxForwards, "70")?,
        };
        remove_own_routes(&self.core.config, request, &mut edit)?;
        edit.ensure_length();
        let recorded = match stay {
            Stay::Recorded => self.core.listener(transport, source).cloned(),
            Stay::Unrecorded => None,
        };
        let draft = Draft::onward(edit.finish(), &self.core.config.message, recorded)?;
        Ok((draft, mark))
    }

    /// A hash over everything that decides where a request goes: if it comes back with the same one, it
    /// would go round for ever, and with another it may go on (RFC 5393 §4.2).
    fn mark(&self, request: &Request) -> Result<u64, ParseError> {
        let headers = request.headers();
        let mut hasher = self.core.table.shown_hash().build_hasher();
        let mut write = |part: &[u8]| {
            hasher.write_usize(part.len());
            hasher.write(part);
        };
        write(request.uri().as_bytes());
        write(headers.one::<To<'_>>()?.tag_bytes().unwrap_or_default());
        write(headers.one::<From<'_>>()?.tag_bytes().unwrap_or_default());
        write(headers.one::<CallId<'_>>()?.as_bytes());
        write(&headers.one::<CSeq<'_>>()?.number.to_be_bytes());
        let routing = [
            HeaderName::Route,
            HeaderName::ProxyRequire,
            HeaderName::ProxyAuthorization,
        ];
        for name in routing {
            for header in headers.named(name) {
                write(header.value());
            }
        }
        Ok(hasher.finish())
    }

    /// Whether one of our Vias in a request has this mark.
    fn has_mark(&self, request: &Request, mark: u64) -> bool {
        let vias = request.headers().all::<Via<'_>>();
        let own = vias
            .map_while(Result::ok)
            .filter(|via| self.core.is_ours(via));
        let end = format!(".{mark:016x}");
        own.filter_map(|via| via.branch())
            .any(|branch| branch.ends_with(&end))
    }
}

/// Whether two Vias are one, of a request and of its response.
fn is_same_hop(left: &Via<'_>, right: &Via<'_>) -> bool {
    let place = |via: &Via<'_>| (via.port(), via.branch().map(str::to_ascii_lowercase));
    left.host() == right.host() && place(left) == place(right)
}

/// Removes the first Routes while they name us (RFC 3261 §16.4): two if a dialog began by one transport
/// and goes on by another.
fn remove_own_routes<'a>(
    config: &Config,
    request: &'a Request,
    edit: &mut Edit<'a>,
) -> Result<(), ForwardError> {
    let headers = request.headers();
    let mut own = 0;
    for route in headers.all::<Route<'_>>() {
        if !is_own(config, route?.uri()) {
            break;
        }
        own += 1;
    }
    match own {
        0 => {}
        1 => {
            edit.remove_first::<Route<'_>>()?;
        }
        _ => {
            let others: Vec<_> = raw_values::<Route<'_>>(headers)
                .into_iter()
                .skip(own)
                .collect();
            match others.is_empty() {
                true => edit.remove(HeaderName::Route)?,
                false => edit.set(HeaderName::Route, &others.join(", "))?,
            };
        }
    }
    Ok(())
}

/// Whether a URI names one of our listeners.
fn is_own(config: &Config, uri: Uri<'_>) -> bool {
    let host = uri.host().and_then(|host| host.to_host().ok());
    let mut listeners = config.listeners.iter();
    listeners.any(|listener| {
        let port = uri
            .port()
            .unwrap_or_else(|| listener.transport.default_port());
        host.as_ref() == Some(&listener.host) && port == listener.port
    })
}

/// A response with another status.
fn with_status(message: &[u8], status: StatusCode) -> bytes::Bytes {
    let line_len = memchr::memchr(b'\r', message).unwrap_or_default();
    let (_, rest) = crate::grammar::split(message, line_len);
    let line = format!("SIP/2.0 {status} {}", status.phrase());
    [line.as_bytes(), rest].concat().into()
}
