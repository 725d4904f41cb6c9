//! What the domain answers, and what it sends back.

mod content;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use comity_identity::{DomainName, Host};
use comity_sip::endpoint::{Endpoint, Event, Incoming, Target};
use comity_sip::header::{ContentType, From, To};
use comity_sip::{
    HeaderName, Method, Request, ResponseBuilder, SessionEvent, StatusCode, Transport, Uri,
    WatcherEvent,
};
use comity_tokio::sip::{Application, Notice};

use crate::log::Log;
use crate::options::Options;

/// The users of the domain, who are all there and repeat what they are told.
pub(crate) struct Echo {
    domain: DomainName,
    echoes: bool,
    log: Log,
    /// Where the last request came from, and how that is written.
    last_way: Option<(Transport, SocketAddr)>,
    last_way_text: String,
}

impl Echo {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            domain: options.domain.clone(),
            echoes: options.echoes,
            log: Log::default(),
            last_way: None,
            last_way_text: String::new(),
        }
    }

    fn handle_request(&mut self, now: Instant, endpoint: &mut Endpoint, incoming: &Incoming) {
        let status = match self.admit(endpoint, incoming) {
            Ok(()) => self.receive(now, endpoint, incoming),
            Err(status) => self.refuse(now, endpoint, incoming, status),
        };
        self.note(incoming, status);
    }

    fn receive(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
    ) -> StatusCode {
        match (incoming.request().method(), incoming.session()) {
            (Method::Message, None) => self.take_page(now, endpoint, incoming),
            (Method::Message, Some(_)) => self.take_line(now, endpoint, incoming),
            (Method::Invite, _) => self.take_invite(now, endpoint, incoming),
            (Method::Subscribe, _) => self.take_subscribe(now, endpoint, incoming),
            _ => self.refuse(now, endpoint, incoming, StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// Whether a request is for a user of ours, from somebody who may say so.
    fn admit(&self, endpoint: &Endpoint, incoming: &Incoming) -> Result<(), StatusCode> {
        let headers = incoming.request().headers();
        if incoming.transport() == Transport::Tls {
            let from = headers.one::<From<'_>>().map_err(|error| error.status())?;
            if !has_proved(endpoint, incoming, from.uri()) {
                return Err(StatusCode::FORBIDDEN);
            }
        }
        // In a session the Request-URI is our Contact.
        let is_found = match incoming.session() {
            Some(_) => {
                let to = headers.one::<To<'_>>().map_err(|error| error.status())?;
                self.has_user(to.uri())
            }
            None => self.has_user(incoming.request().uri()),
        };
        match is_found {
            true => Ok(()),
            false => Err(StatusCode::NOT_FOUND),
        }
    }

    fn has_user(&self, uri: Uri<'_>) -> bool {
        uri.user_as_written().is_some() && self.has_host(uri)
    }

    /// Whether the host of a URI is our domain.
    fn has_host(&self, uri: Uri<'_>) -> bool {
        uri.host().is_some_and(|host| {
            let host = host.as_str();
            let host = host.strip_suffix('.').unwrap_or(host);
            host.eq_ignore_ascii_case(self.domain.as_str())
        })
    }

    /// A message outside of a session: 200, and the same back.
    fn take_page(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
    ) -> StatusCode {
        let request = incoming.request();
        if incoming.transport() != Transport::Tls && request.as_bytes().len() > MAX_PAGE_BYTES {
            return self.refuse(now, endpoint, incoming, StatusCode::MESSAGE_TOO_LARGE);
        }
        self.answer(now, endpoint, incoming, incoming.response(StatusCode::OK));
        if self.echoes {
            self.send_back(now, endpoint, incoming);
        }
        StatusCode::OK
    }

    fn send_back(&mut self, now: Instant, endpoint: &mut Endpoint, incoming: &Incoming) {
        let headers = incoming.request().headers();
        let (Ok(from), Ok(to)) = (headers.one::<From<'_>>(), headers.one::<To<'_>>()) else {
            return;
        };
        // One of our own would send it back for ever, and we speak for nobody else.
        if self.has_host(from.uri()) || !self.has_user(to.uri()) {
            return;
        }
        let mut message = match endpoint.compose(Method::Message, from.uri(), to.uri()) {
            Ok(message) => message,
            Err(error) => return self.log.add(&format_args!("not sent back: {error}")),
        };
        let (content_type, body) = content(incoming.request());
        if !body.is_empty()
            && let Err(error) = message.body(&content_type, body)
        {
            return self.log.add(&format_args!("not sent back: {error}"));
        }
        let target = Target::new(incoming.transport(), incoming.source());
        if let Err(error) = endpoint.send(now, &message, vec![target]) {
            self.log.add(&format_args!("not sent back: {error}"));
        }
    }

    /// A message in a session: 200, and the same back in the session.
    fn take_line(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
    ) -> StatusCode {
        let response = incoming.response(StatusCode::OK);
        self.answer(now, endpoint, incoming, response);
        if let Some(session) = incoming.session()
            && self.echoes
        {
            let (content_type, body) = content(incoming.request());
            let content = (!body.is_empty()).then_some((&*content_type, body));
            let sent = endpoint.request_in(now, session, Method::Message, content);
            if let Err(error) = sent {
                self.log.add(&format_args!("not sent back: {error}"));
            }
        }
        StatusCode::OK
    }

    /// A session begins if it is one of messages, or goes on with another description.
    fn take_invite(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
    ) -> StatusCode {
        let request = incoming.request();
        let offer = request.body();
        let is_sdp = request
            .headers()
            .optional::<ContentType<'_>>()
            .is_ok_and(|kind| kind.is_some_and(|kind| kind.is("application", "sdp")));
        let answer = is_sdp.then(|| content::answer(&offer, &self.domain));
        let Some(answer) = answer.flatten() else {
            let status = StatusCode::NOT_ACCEPTABLE_HERE;
            return self.refuse(now, endpoint, incoming, status);
        };
        match endpoint.accept(now, incoming, "application/sdp", answer.into()) {
            Ok(_session) => StatusCode::OK,
            Err(error) => {
                self.log.add(&format_args!("no session: {error}"));
                let status = StatusCode::SERVICE_UNAVAILABLE;
                self.refuse(now, endpoint, incoming, status)
            }
        }
    }

    /// Who asks after a user is told that it is there.
    fn take_subscribe(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
    ) -> StatusCode {
        let user = incoming.request().uri().user().unwrap_or_default();
        let presence = content::presence(&user, &self.domain).ok();
        let state = presence.map(|presence| (content::PIDF, Bytes::from(presence)));
        match endpoint.accept_subscription(now, incoming, state) {
            Ok(_subscription) => StatusCode::OK,
            Err(error) => {
                self.log.add(&format_args!("no subscription: {error}"));
                let status = StatusCode::SERVICE_UNAVAILABLE;
                self.refuse(now, endpoint, incoming, status)
            }
        }
    }

    fn refuse(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        status: StatusCode,
    ) -> StatusCode {
        let mut response = incoming.response(status);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            // The value is one that a header can have.
            let _ = response.header(HeaderName::Allow, ALLOWED);
        }
        self.answer(now, endpoint, incoming, response);
        status
    }

    fn answer(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        response: ResponseBuilder,
    ) {
        if let Err(error) = endpoint.answer(now, incoming, response) {
            self.log.add(&format_args!("no answer: {error}"));
        }
    }

    /// One line about a request: its method, where it came from and how, and what it was answered
    /// with.
    fn note(&mut self, incoming: &Incoming, status: StatusCode) {
        let way = (incoming.transport(), incoming.source());
        // Many come from one source after the other.
        if self.last_way != Some(way) {
            let (transport, source) = way;
            self.last_way = Some(way);
            self.last_way_text = format!(" from {source} ({transport}): ");
        }
        let method = incoming.request().method();
        self.log
            .add_words(&[method.as_str(), &self.last_way_text], &status);
    }
}

impl Application for Echo {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of everything else nothing is to be done or said"
    )]
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Request(incoming) => self.handle_request(now, endpoint, &incoming),
            Event::Response { request, response } if !response.status().is_provisional() => {
                let status = response.status();
                self.log.add(&format_args!("request {request}: {status}"));
            }
            Event::Failed { request, failure } => {
                self.log.add(&format_args!("request {request}: {failure}"));
            }
            Event::AnswerLost(_) => self.log.add(&"an answer did not reach the peer"),
            Event::Watcher {
                subscription,
                event: WatcherEvent::Ended(cause),
            } => self
                .log
                .add(&format_args!("subscription {subscription}: {cause}")),
            Event::Session { session, event } => match event {
                SessionEvent::Acknowledged(_) => {
                    self.log.add(&format_args!("session {session}: begun"));
                }
                SessionEvent::Ended(reason) => {
                    self.log.add(&format_args!("session {session}: {reason}"));
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn handle_notice(&mut self, notice: Notice) {
        self.log.add(&notice);
    }

    fn handle_idle(&mut self) {
        self.log.flush();
    }
}

/// Whether the peer of a connection proved the domain that a request is from.
fn has_proved(endpoint: &Endpoint, incoming: &Incoming, from: Uri<'_>) -> bool {
    let host = from.host().and_then(|host| host.to_host().ok());
    let (Some(connection), Some(Host::Domain(domain))) = (incoming.connection(), host) else {
        return false;
    };
    endpoint.proved(connection).contains(&domain)
}

/// Type and body of a request, as they came.
fn content(request: &Request) -> (String, Bytes) {
    let mut types = request.headers().named(HeaderName::ContentType);
    let content_type = types.next().and_then(|header| header.text().ok());
    let content_type = content_type.unwrap_or("text/plain").to_owned();
    (content_type, request.body())
}

/// The longest message outside of a session where something on its way may not slow it down
/// (RFC 3428 §8).
const MAX_PAGE_BYTES: usize = 1_300;
/// What is not refused for its method.
const ALLOWED: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY";
