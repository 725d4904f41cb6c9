use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use comity_identity::DomainName;
use comity_machine::QueryId;

use super::connections::Connection;
use super::core::Report;
use super::receive::Way;
use super::{
    Config, Core, Counters, Draft, Event, Failure, Outcome, Peer, Purpose, Question, Received,
    RequestId, SendError, Shares, Target, Timer, Transmit,
};
use crate::session::{EndReason, Sessions, ends_dialog};
use crate::subscription::{Publications, SubscriptionTimer, Subscriptions};
use crate::transaction::{Kind, Realm, Tell, TransactionId};
use crate::{BuildError, ConnectionId, Flow, Message, Method, RequestBuilder, Transport, Uri};

/// A SIP endpoint.
pub struct Endpoint {
    pub(crate) core: Core,
    pub(crate) sessions: Sessions,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) publications: Publications,
    /// Of sessions and subscriptions that others began.
    pub(crate) shares: Shares,
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
            shares: Shares::new(config.limits.max_dialogs_per_source),
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
        let way = Way {
            flow: Flow::Datagrams {
                local,
                remote: source,
            },
            source,
            transport: Transport::Udp,
            realm: Realm::DATAGRAMS,
        };
        self.core.tap.note(way.flow, &datagram);
        match Message::from_datagram(datagram, &self.core.config.message) {
            Ok(message) => self.handle_message(now, message, way),
            Err(rejected) => self.core.reject(now, &rejected, way),
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
    ///
    /// Where all places are taken, the source with the most connections that have proved nothing makes
    /// room, if it has at least two more of them than this one: the oldest of them is closed.
    pub fn accept_connection(
        &mut self,
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
        proved: Vec<DomainName>,
    ) -> Option<ConnectionId> {
        if let Some(crowding) = self.core.connections.crowding(remote.ip()) {
            self.core.counters.crowded += 1;
            self.core.disconnect(now, crowding);
            self.settle(now);
        }
        let message = &self.core.config.message;
        let connections = &mut self.core.connections;
        let id = connections.accept(now, transport, remote, proved, message)?;
        self.core.check_idle(now, id);
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
        self.settle(now);
        let mut idle = Vec::new();
        while let Some(timer) = self.core.timers.pop_expired(now) {
            match timer {
                Timer::Connect(connection) | Timer::Read(connection) => {
                    self.core.disconnect(now, connection);
                }
                Timer::Idle(connection) => idle.push(connection),
                Timer::Question(query) => self.answer_question(now, query, Vec::new()),
                Timer::Session(session, timer) => self.handle_session_timeout(now, session, timer),
                Timer::Subscription(id, SubscriptionTimer::Expire) => {
                    self.handle_watcher_timeout(now, id);
                }
                Timer::Subscription(id, SubscriptionTimer::Notify) => {
                    self.send_notify(now, id);
                }
                Timer::Subscription(id, timer) => self.handle_subscriber_timeout(now, id, timer),
                Timer::Publication(id) => self.handle_publication_timeout(now, id),
            }
        }
        self.settle(now);
        // What was due has left on the connections that there are.
        for connection in idle {
            self.core.check_idle(now, connection);
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

    /// The names that the peer of a connection proved.
    #[must_use]
    pub fn proved(&self, connection: ConnectionId) -> &[DomainName] {
        self.core.proved(Flow::Connection(connection))
    }

    /// Begins to keep each message that comes for [`poll_received`](Self::poll_received), so that
    /// somebody can look on: what is sent is seen at [`poll_transmit`](Self::poll_transmit).
    pub fn open_tap(&mut self) {
        self.core.tap.open();
    }

    /// Keeps none any more, as at the beginning.
    pub fn close_tap(&mut self) {
        self.core.tap.close();
    }

    /// The next message that came since the tap was opened. Take them out after each input: only so
    /// many are kept.
    pub fn poll_received(&mut self) -> Option<Received> {
        self.core.tap.poll()
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

    /// False: nothing is to be read from this connection until that changes.
    #[must_use]
    pub fn wants_input(&self, connection: ConnectionId) -> bool {
        let connection = self.core.connections.get(connection);
        connection.is_some_and(Connection::wants_input)
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
