//! What the domain answers, and what it sends back.

mod content;

use std::time::Instant;

use bytes::Bytes;
use comity_identity::{DomainName, Host};
use comity_sip::endpoint::{Endpoint, Event, Incoming, Target};
use comity_sip::header::{ContentType, From, To};
use comity_sip::{HeaderName, Method, Request, SessionEvent, StatusCode, Transport, Uri};
use comity_tokio::sip::{Application, Notice};

use crate::log::Log;
use crate::options::Options;

/// The users of the domain, who are all there and repeat what they are told.
pub(crate) struct Echo {
    domain: DomainName,
    echoes: bool,
    log: Log,
}

/// A request for a user of the domain, from somebody who may send it.
struct Visit<'a> {
    /// Whom it is for.
    to: Uri<'a>,
    /// Whom it is from.
    from: Uri<'a>,
    sender: Host,
}

impl Echo {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            domain: options.domain.clone(),
            echoes: options.echoes,
            log: Log::default(),
        }
    }

    fn handle_request(&mut self, now: Instant, endpoint: &mut Endpoint, incoming: &Incoming) {
        let request = incoming.request();
        let answered = match self.admit(endpoint, incoming) {
            Err(status) => self.refuse(now, endpoint, incoming, status),
            Ok(visit) => {
                let sender = visit.sender.clone();
                let status = match (request.method(), incoming.session()) {
                    (Method::Message, None) => self.take_page(now, endpoint, incoming, &visit),
                    (Method::Message, Some(_)) => self.take_line(now, endpoint, incoming),
                    (Method::Invite, _) => self.take_invite(now, endpoint, incoming),
                    (Method::Subscribe, _) => {
                        self.take_subscribe(now, endpoint, incoming, visit.to)
                    }
                    _ => {
                        let status = StatusCode::METHOD_NOT_ALLOWED;
                        self.refuse(now, endpoint, incoming, status)
                    }
                };
                self.note(incoming, &sender, status);
                return;
            }
        };
        self.note(incoming, &incoming.source().ip(), answered);
    }

    /// Whether a request is for a user of ours, from somebody who may say so.
    fn admit<'a>(
        &self,
        endpoint: &Endpoint,
        incoming: &'a Incoming,
    ) -> Result<Visit<'a>, StatusCode> {
        let headers = incoming.request().headers();
        let from = headers.one::<From<'_>>().map_err(|error| error.status())?;
        let to = headers.one::<To<'_>>().map_err(|error| error.status())?;
        let sender = from.uri().host().and_then(|host| host.to_host().ok());
        let sender = sender.ok_or(StatusCode::FORBIDDEN)?;
        if incoming.transport() == Transport::Tls && !has_proved(endpoint, incoming, &sender) {
            return Err(StatusCode::FORBIDDEN);
        }
        // In a session the Request-URI is what our Contact says, the user of which is kept.
        let whom = match incoming.session() {
            Some(_) => to.uri(),
            None => incoming.request().uri(),
        };
        if !self.has_user(whom) {
            return Err(StatusCode::NOT_FOUND);
        }
        Ok(Visit {
            to: to.uri(),
            from: from.uri(),
            sender,
        })
    }

    fn has_user(&self, uri: Uri<'_>) -> bool {
        uri.user_as_written().is_some()
            && uri.host().is_some_and(|host| self.is_ours(host.as_str()))
    }

    /// Whether a host of a URI is our domain.
    fn is_ours(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        host.eq_ignore_ascii_case(self.domain.as_str())
    }

    /// A message outside of a session: 200, and the same back.
    fn take_page(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        visit: &Visit<'_>,
    ) -> StatusCode {
        let request = incoming.request();
        if incoming.transport() != Transport::Tls && request.as_bytes().len() > MAX_PAGE_BYTES {
            return self.refuse(now, endpoint, incoming, StatusCode::MESSAGE_TOO_LARGE);
        }
        let response = incoming.response(StatusCode::OK);
        if let Err(error) = endpoint.answer(now, incoming, response) {
            self.log.add(&format_args!("no answer: {error}"));
        }
        // Whoever is told by one of our own would answer for ever.
        let is_stranger = !matches!(&visit.sender, Host::Domain(name) if *name == self.domain);
        if self.echoes && is_stranger && self.has_user(visit.to) {
            self.send_back(now, endpoint, incoming, visit);
        }
        StatusCode::OK
    }

    fn send_back(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        visit: &Visit<'_>,
    ) {
        let mut message = match endpoint.compose(Method::Message, visit.from, visit.to) {
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
        if let Err(error) = endpoint.answer(now, incoming, response) {
            self.log.add(&format_args!("no answer: {error}"));
        }
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
        to: Uri<'_>,
    ) -> StatusCode {
        let user = to.user().unwrap_or_default();
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
        if let Err(error) = endpoint.answer(now, incoming, incoming.response(status)) {
            self.log.add(&format_args!("no answer: {error}"));
        }
        status
    }

    /// One line about a request: its method, the domain or address that it is from, how it came,
    /// and what it was answered with.
    fn note(&mut self, incoming: &Incoming, from: &dyn std::fmt::Display, status: StatusCode) {
        let method = incoming.request().method();
        let transport = incoming.transport();
        self.log.add(&format_args!(
            "{method} from {from} ({transport}): {status}"
        ));
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
            Event::Session { session, event } => match event {
                SessionEvent::Acknowledged => {
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
fn has_proved(endpoint: &Endpoint, incoming: &Incoming, sender: &Host) -> bool {
    let (Some(connection), Host::Domain(domain)) = (incoming.connection(), sender) else {
        return false;
    };
    endpoint.proved(connection).contains(domain)
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
