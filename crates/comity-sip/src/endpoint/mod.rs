//! The transaction user's view of SIP: requests that come, requests that go, and what they travel on.
//!
//! An [`Endpoint`] is driven as every machine of comity: bytes and answers go in,
//! then transmits, events and the next timeout are taken out. Datagrams come with both their addresses,
//! connections with a number that the endpoint gives.
//!
//! ```
//! use std::net::SocketAddr;
//! use std::time::Instant;
//!
//! use comity_sip::endpoint::{Config, Event, Listener, Target};
//! use comity_sip::{Endpoint, Flow, Method, StatusCode, Transport, Uri};
//!
//! let now = Instant::now();
//! let address = |host: u8| SocketAddr::from(([192, 0, 2, host], 5060));
//! let endpoint = |host| {
//!     let config = Config::new(vec![Listener::new(Transport::Udp, address(host))]);
//!     Endpoint::new(now, config, [host; 32])
//! };
//! let (mut alice, mut bob) = (endpoint(1), endpoint(2));
//!
//! // Alice sends a message to where Bob is.
//! let (to, from) = (Uri::parse("sip:bob@192.0.2.2")?, Uri::parse("sip:alice@192.0.2.1")?);
//! let mut message = alice.compose(Method::Message, to, from)?;
//! message.body("text/plain", "hello".into())?;
//! let sent = alice.send(now, &message, vec![Target::new(Transport::Udp, address(2))])?;
//!
//! // What she transmits reaches him, and he answers.
//! let mut datagram = Vec::new();
//! while let Some(transmit) = alice.poll_transmit(&mut datagram) {
//!     let Flow::Datagrams { local, remote } = transmit.flow else { panic!("a connection") };
//!     bob.handle_datagram(now, remote, local, std::mem::take(&mut datagram).into());
//! }
//! while let Some(event) = bob.poll_event() {
//!     let Event::Request(incoming) = event else { panic!("{event:?}") };
//!     assert_eq!(incoming.request().body(), "hello");
//!     bob.answer(now, &incoming, incoming.response(StatusCode::OK))?;
//! }
//! while bob.poll_transmit(&mut datagram).is_some() {
//!     alice.handle_datagram(now, address(1), address(2), std::mem::take(&mut datagram).into());
//! }
//! let Some(Event::Response { request, response }) = alice.poll_event() else { panic!("no answer") };
//! assert_eq!((request, response.status()), (sent, StatusCode::OK));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who is there
//!
//! A connection over TLS comes with the names that its peer proved, which the driver learns from the
//! certificate. A request to a target with a name leaves on no other connection, and a response is
//! taken from the connection on which the request went. A dialog that began on such a connection is
//! closed to everybody who did not prove one of its names, and so are the transactions on it. Over
//! datagrams and TCP nobody proves anything: whoever accepts subscriptions or sessions there lets the
//! endpoint write to the address that the request names.
//!
//! # What becomes of a message
//!
//! A request that comes is given to the user once, or answered by the endpoint, or dropped and counted
//! ([`Counters`]). A request that goes ends with one final [`Event::Response`] or one
//! [`Event::Failed`], a session, a subscription and a publication with an event that says why. What is
//! refused because it is malformed, not supported, or for lack of room, leaves nothing behind.

mod config;
mod connections;
mod core;
mod draft;
mod event;
mod forward;
mod guard;
mod hops;
mod incoming;
pub(crate) mod options;
mod outgoing;
mod receive;
mod reply;
mod target;

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use comity_identity::DomainName;
use comity_machine::QueryId;
use thiserror::Error;

pub use config::{Config, Limits, Listener};
pub(crate) use core::{Core, Outcome, Question, Timer};
pub use draft::SendError;
pub(crate) use draft::{Draft, contact};
pub use event::{Counters, Event, Failure, Hop, RequestId, Transmit};
pub use forward::{ForwardError, Stay};
pub(crate) use guard::Peer;
pub use incoming::Incoming;
pub use target::Target;

use self::core::Report;
use crate::session::{EndReason, SessionId, Sessions, ends_dialog};
use crate::subscription::{Publications, SubscriptionTimer, Subscriptions};
use crate::transaction::{Closed, Kind, Realm, Tell, TransactionId};
use crate::{
    BuildError, ConnectionId, Flow, Message, Method, RequestBuilder, ResponseBuilder, StatusCode,
    Transport, Uri,
};
pub(crate) use outgoing::Purpose;
use receive::Way;
use reply::answer_address;

/// A SIP endpoint.
pub struct Endpoint {
    pub(crate) core: Core,
    pub(crate) sessions: Sessions,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) publications: Publications,
}

/// Why an answer is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The request was cancelled, was answered, or waited for too long.
    #[error("the request takes no answer any more")]
    Over,
    /// It is provisional and should be final, or the other way round, or a 2xx to an INVITE. To
    /// anything but an INVITE no provisional response is sent (RFC 4320 §4.1).
    #[error("a response of the wrong class")]
    Class,
    /// It would be a 408 to something other than an INVITE (RFC 4320 §4.2).
    #[error("408 is no answer to this request")]
    Timeout,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("transactions", &self.transactions())
            .field("connections", &self.connections())
            .field("sessions", &self.sessions())
            .field("subscriptions", &self.subscriptions())
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An endpoint without connections.
    #[must_use]
    pub fn new(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        Self {
            core: Core::new(now, config, seed),
            sessions: Sessions::default(),
            subscriptions: Subscriptions::default(),
            publications: Publications::default(),
        }
    }

    /// A datagram came to one of our sockets.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        source: SocketAddr,
        datagram: Bytes,
    ) {
        let is_keep_alive = datagram.iter().all(|byte| b"\r\n".contains(byte));
        if is_keep_alive {
            return;
        }
        let way = |headers| Way {
            flow: Flow::Datagrams {
                local,
                remote: answer_address(headers, source),
            },
            source,
            transport: Transport::Udp,
            realm: Realm::DATAGRAMS,
        };
        match Message::from_datagram(datagram, &self.core.config.message) {
            Ok(message) => {
                let way = way(message.headers());
                self.handle_message(now, message, way);
            }
            Err(rejected) => {
                let way = way(rejected.headers());
                self.core.reject(now, &rejected, way);
            }
        }
        self.settle(now);
    }

    /// Datagrams to this address cannot be delivered, says the network: what waits for an answer from
    /// there is tried elsewhere at once.
    pub fn handle_unreachable(&mut self, now: Instant, remote: SocketAddr) {
        self.core.handle_unreachable(now, remote);
        self.settle(now);
    }

    /// A peer opened a connection to one of our listeners, and over TLS proved these names; `None` if
    /// there are too many already, and it is to be closed.
    pub fn accept_connection(
        &mut self,
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
        proved: Vec<DomainName>,
    ) -> Option<ConnectionId> {
        let message = &self.core.config.message;
        let connections = &mut self.core.connections;
        let id = connections.accept(now, transport, remote, proved, message)?;
        let idle = self.core.config.limits.idle;
        self.core.timers.set_after(Timer::Idle(id), now, idle);
        Some(id)
    }

    /// A connection that [`Event::Connect`] asked for is open, and over TLS the peer proved these
    /// names.
    pub fn handle_connected(&mut self, now: Instant, id: ConnectionId, proved: Vec<DomainName>) {
        self.core.handle_connected(now, id, proved);
        self.settle(now);
    }

    /// A connection could not be opened, or is closed: what waits for it is tried elsewhere at once.
    pub fn handle_closed(&mut self, now: Instant, id: ConnectionId) {
        self.core.lose(now, id);
        self.settle(now);
    }

    /// These bytes came on a connection.
    pub fn handle_input(&mut self, now: Instant, id: ConnectionId, input: &[u8]) {
        if let Some(connection) = self.core.connections.get_mut(id) {
            connection.handle_input(input);
        }
        let mut has_completed = false;
        while let Some(connection) = self.core.connections.get_mut(id) {
            let way = Way {
                flow: Flow::Connection(id),
                source: connection.remote,
                transport: connection.transport,
                realm: connection.realm,
            };
            let Some(event) = connection.poll_framed(now) else {
                break;
            };
            has_completed = true;
            self.handle_framed(now, event, way);
            self.settle(now);
        }
        self.core.watch_reading(now, id, has_completed);
        self.settle(now);
    }

    /// The addresses for a question that [`Event::Locate`] asked, the best first; none if there are
    /// none.
    pub fn handle_targets(&mut self, now: Instant, query: QueryId, targets: Vec<Target>) {
        self.core.timers.stop(Timer::Question(query));
        self.answer_question(now, query, targets);
        self.settle(now);
    }

    /// The time of the last [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.table.handle_timeout(now);
        while let Some(timer) = self.core.timers.pop_expired(now) {
            match timer {
                Timer::Connect(connection) | Timer::Read(connection) => {
                    self.core.disconnect(now, connection);
                }
                Timer::Idle(connection) => self.core.check_idle(now, connection),
                Timer::Question(query) => self.answer_question(now, query, Vec::new()),
                Timer::Session(session, timer) => self.handle_session_timeout(now, session, timer),
                Timer::Subscription(id, SubscriptionTimer::Expire) => {
                    self.handle_watcher_timeout(now, id);
                }
                Timer::Subscription(id, SubscriptionTimer::Notify) => {
                    self.handle_renotify(now, id);
                }
                Timer::Subscription(id, timer) => self.handle_subscriber_timeout(now, id, timer),
                Timer::Publication(id) => self.handle_publication_timeout(now, id),
            }
        }
        self.settle(now);
    }

    /// Sends a request other than INVITE, with which a session begins ([`invite`](Self::invite)). It needs
    /// From with a tag, To, Call-ID and CSeq; the endpoint adds Via, and what
    /// is missing of Max-Forwards and Contact. The targets are tried in their order, each with a branch
    /// of its own; with none the endpoint asks for them ([`Event::Locate`]).
    ///
    /// # Errors
    ///
    /// If the request cannot be sent as it is, or there are too many.
    pub fn send(
        &mut self,
        now: Instant,
        request: &RequestBuilder,
        targets: Vec<Target>,
    ) -> Result<RequestId, SendError> {
        let draft = Draft::new(request, &self.core.config.message)?;
        if draft.kind == Kind::Invite {
            return Err(SendError::Method);
        }
        draft.check_page(self.core.config.max_page_bytes)?;
        let id = self.core.send(now, draft, targets, Purpose::User)?;
        self.settle(now);
        Ok(id)
    }

    /// Begins a request outside of dialogs: with To, From and a tag, Call-ID, CSeq and Max-Forwards.
    ///
    /// # Errors
    ///
    /// If the Request-URI has headers, which it must not (RFC 3261 §19.1.1), or a URI fits into no
    /// header.
    pub fn compose(
        &mut self,
        method: Method<'_>,
        resource: Uri<'_>,
        from: Uri<'_>,
    ) -> Result<RequestBuilder, BuildError> {
        let (call_id, tag) = (self.core.call_id(), self.core.tag());
        self.core.compose(method, resource, from, (&call_id, &tag))
    }

    /// Gives a request up: an INVITE is cancelled as soon as that is possible (RFC 3261 §9.1), any
    /// other is tried at no further target.
    pub fn cancel(&mut self, now: Instant, request: RequestId) {
        self.core.cancel(now, request);
        self.settle(now);
    }

    /// Answers a request for good; an INVITE is accepted by [`accept`](Self::accept).
    ///
    /// # Errors
    ///
    /// If nobody waits for the answer any more, or it must not be given.
    pub fn answer(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        response: ResponseBuilder,
    ) -> Result<(), AnswerError> {
        let status = response.status();
        if status.is_provisional() {
            return Err(AnswerError::Class);
        }
        if status == StatusCode::REQUEST_TIMEOUT && !incoming.is_invite() {
            return Err(AnswerError::Timeout);
        }
        if status.is_success() && incoming.is_invite() {
            return Err(AnswerError::Class);
        }
        self.hand_down(now, incoming, response)?;
        self.forget_invite(incoming.id);
        Ok(())
    }

    /// Tells the sender of an INVITE how it goes on, as 180 does; gives the session that begins with
    /// it, which 100 does not begin.
    ///
    /// # Errors
    ///
    /// If it is no INVITE, the response is final, or the INVITE is answered or cancelled.
    pub fn inform(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        mut response: ResponseBuilder,
    ) -> Result<Option<SessionId>, AnswerError> {
        if !response.status().is_provisional() || !incoming.is_invite() {
            return Err(AnswerError::Class);
        }
        if !self.core.table.is_unanswered(incoming.id) {
            return Err(AnswerError::Over);
        }
        let mut session = incoming.session;
        if response.status() != StatusCode::TRYING && incoming.session.is_none() {
            // Without room for it, or an address of the peer, the dialog begins with the 200.
            session = self.early_session(incoming).ok();
            if session.is_some() {
                let _: Result<_, BuildError> = self.describe_dialog(incoming, &mut response);
            }
        }
        self.hand_down(now, incoming, response)?;
        Ok(session)
    }

    /// The names that the peer of a connection proved.
    #[must_use]
    pub fn proved(&self, connection: ConnectionId) -> &[DomainName] {
        self.core.proved(Flow::Connection(connection))
    }

    /// What was dropped so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.core.counters
    }

    /// How many transactions there are.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.core.table.len()
    }

    /// How many sessions there are, begun and established ones.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many subscriptions there are, ours and watchers'.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.core.connections.len()
    }

    /// False: nothing is to be read from this connection for now.
    #[must_use]
    pub fn wants_input(&self, connection: ConnectionId) -> bool {
        let connection = self.core.connections.get(connection);
        connection.is_some_and(connections::Connection::wants_input)
    }

    /// Appends the next bytes that are to be sent to `buf`, and says where they go.
    pub fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let (flow, message) = self.core.transmits.pop_front()?;
        buf.extend(&message);
        Some(Transmit { flow })
    }

    /// What the user must know or answer.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.core.table.next_deadline(),
            self.core.timers.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn hand_down(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        response: ResponseBuilder,
    ) -> Result<(), AnswerError> {
        let status = response.status();
        let message = self.core.finish(response);
        self.pass_down(now, incoming, status, message)
    }

    fn pass_down(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        status: StatusCode,
        message: Bytes,
    ) -> Result<(), AnswerError> {
        let sent = self.core.table.respond(now, incoming.id, status, message);
        self.settle(now);
        sent.map_err(|Closed| AnswerError::Over)
    }

    /// Follows everything up that an input set off.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.core.settle(now);
        loop {
            if let Some(report) = self.core.reports.pop_front() {
                self.handle_report(now, report);
            } else if let Some((id, tell)) = self.core.lost_answers.pop_front() {
                self.handle_lost_answer(id, tell);
            } else {
                return;
            }
            self.core.settle(now);
        }
    }

    fn handle_report(&mut self, now: Instant, report: Report) {
        let Report {
            request,
            purpose,
            outcome,
            guard,
            flow,
        } = report;
        match purpose {
            Purpose::User => self.core.tell(request, outcome),
            Purpose::Nobody => {}
            Purpose::Session(session, errand) => {
                let peer = Peer { guard, flow };
                self.handle_session_report(now, session, errand, outcome, peer);
            }
            Purpose::Subscriber(id) => {
                let peer = Peer { guard, flow };
                self.handle_subscriber_report(now, id, request, outcome, peer);
            }
            Purpose::Watcher(id) => self.handle_watcher_report(now, id, &outcome),
            Purpose::Publication(id) => self.handle_publication_report(now, id, outcome),
            Purpose::InSession(session) => {
                let is_gone = match &outcome {
                    Outcome::Response(response) | Outcome::Repeated(response) => {
                        ends_dialog(response.status())
                    }
                    Outcome::Failed(failure) => *failure == Failure::TimedOut,
                };
                self.core.tell(request, outcome);
                if is_gone {
                    self.end_session(now, session, EndReason::Gone);
                }
            }
        }
    }

    fn handle_lost_answer(&mut self, id: TransactionId, tell: Tell) {
        self.forget_invite(id);
        let event = match tell {
            Tell::Unanswered => {
                self.core.counters.unanswered += 1;
                Event::Unanswered(id)
            }
            Tell::Nothing
            | Tell::Message
            | Tell::TimedOut
            | Tell::TransportFailed
            | Tell::RangOut
            | Tell::Ended => Event::AnswerLost(id),
        };
        self.core.events.push_back(event);
    }

    fn answer_question(&mut self, now: Instant, query: QueryId, targets: Vec<Target>) {
        let core = &mut self.core;
        let Some((question, hop)) = core.take_question(query) else {
            return;
        };
        let targets = hop.admitted(targets);
        match question {
            question if targets.is_empty() => core.answer_nowhere(now, question),
            Question::Request(request) => core.set_targets(now, request, targets),
            Question::Answer {
                departure,
                transport,
            } => match targets.iter().find(|target| target.transport == transport) {
                Some(target) => core.send_by(now, departure, target),
                None => core.lose_answer(now, &departure),
            },
            Question::Ack(draft) => core.send_ack_to(now, &draft, &targets),
        }
    }
}
