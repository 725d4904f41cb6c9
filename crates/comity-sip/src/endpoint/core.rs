use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use comity_identity::DomainName;
use comity_machine::{QueryId, QueryIds, Random, Timers};

use super::connections::{ConnectionLimits, Connections, Opened, Sent};
use super::draft::Draft;
use super::event::{Counters, Event, Failure, Hop, RequestId};
use super::guard::Guard;
use super::hops::Hops;
use super::outgoing::{Pending, Purpose};
use super::{Config, Incoming, Listener, Tap, Target};
use crate::build::check_value;
use crate::header::{CSeq, MaxForwards};
use crate::session::{SessionId, SessionTimer};
use crate::subscription::{PublicationId, SubscriptionId, SubscriptionTimer};
use crate::transaction::{self, Departure, Share, Side, Table, Tell, Told, TransactionId};
use crate::{
    BuildError, ConnectionId, Flow, HeaderName, Method, RequestBuilder, Response, Transport, Uri,
};

/// What requests, sessions and subscriptions share: transactions, connections, and what leaves.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) table: Table,
    pub(crate) connections: Connections,
    pub(crate) hops: Hops,
    /// ACKs that wait for a connection, with the targets behind it.
    pub(crate) acks: BTreeMap<ConnectionId, Vec<(Draft, Vec<Target>)>>,
    pub(crate) pending: BTreeMap<RequestId, Pending>,
    pub(crate) next_request: u64,
    pub(crate) queries: QueryIds,
    pub(crate) questions: BTreeMap<QueryId, (Question, Hop)>,
    /// How many of the questions are not for a request.
    pub(crate) other_questions: usize,
    pub(crate) timers: Timers<Timer>,
    pub(crate) transmits: VecDeque<(Flow, Bytes)>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) reports: VecDeque<Report>,
    pub(crate) lost_answers: VecDeque<(TransactionId, Tell)>,
    pub(crate) counters: Counters,
    pub(crate) tap: Tap,
    /// The line of Server, if we name our product.
    pub(crate) server_line: Vec<u8>,
}

/// What a timer of an endpoint ends; those of transactions are their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A connection was not opened.
    Connect(ConnectionId),
    /// A message on a connection was not completed.
    Read(ConnectionId),
    /// Nothing came or went on a connection.
    Idle(ConnectionId),
    /// A question was not answered.
    Question(QueryId),
    /// Something of a session.
    Session(SessionId, SessionTimer),
    /// Something of a subscription.
    Subscription(SubscriptionId, SubscriptionTimer),
    /// A publication is refreshed or repeated.
    Publication(PublicationId),
}

/// For what addresses were asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// For a request.
    Request(RequestId),
    /// For an answer whose connection is gone (RFC 3263 §5).
    Answer {
        departure: Departure,
        transport: Transport,
    },
    /// For the ACK to a 2xx, which is sent once.
    Ack(Draft),
}

/// What became of a request, for whoever sent it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) request: RequestId,
    pub(crate) purpose: Purpose,
    pub(crate) outcome: Outcome,
    /// Who answered, if he proved it.
    pub(crate) guard: Guard,
    /// The way that the answer took.
    pub(crate) flow: Option<Flow>,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Box<Response>),
    /// A 2xx to an INVITE that came before.
    Repeated(Box<Response>),
    Failed(Failure),
}

impl Core {
    pub(crate) fn new(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        let mut random = Random::from_seed(seed);
        let limits = &config.limits;
        let transactions = transaction::Limits {
            transactions: limits.max_transactions as usize,
            per_source: Share {
                transactions: limits.max_transactions_per_source,
                bytes: limits.max_kept_bytes_per_source as usize,
            },
            bytes: limits.max_kept_bytes as usize,
            sources: limits.max_sources as usize,
            answers: limits.max_answers_per_second,
            answers_at_once: limits.max_answers_at_once,
        };
        let connections = ConnectionLimits {
            connections: limits.max_connections as usize,
            per_source: limits.max_connections_per_source as usize,
            waiting_bytes: limits.max_waiting_bytes as usize,
        };
        let table = Table::new(now, config.timing, transactions, &mut random);
        Self {
            connections: Connections::new(connections, table.hash().clone()),
            table,
            hops: Hops::new(limits.max_unavailable as usize, limits.max_unavailable_time),
            pending: BTreeMap::new(),
            acks: BTreeMap::new(),
            next_request: 0,
            queries: QueryIds::default(),
            questions: BTreeMap::new(),
            other_questions: 0,
            timers: Timers::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            reports: VecDeque::new(),
            lost_answers: VecDeque::new(),
            counters: Counters::default(),
            tap: Tap::default(),
            server_line: server_line(&config.product),
            random,
            config,
        }
    }

    /// A new tag for From.
    pub(crate) fn tag(&mut self) -> String {
        format!("{:016x}", u64::from_be_bytes(self.random.bytes()))
    }

    /// A new Call-ID.
    pub(crate) fn call_id(&mut self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.random.bytes()))
    }

    /// A request outside of dialogs, the first with its Call-ID and tag.
    pub(crate) fn compose(
        &self,
        method: Method<'_>,
        resource: Uri<'_>,
        from: Uri<'_>,
        parts: (&str, &str),
    ) -> Result<RequestBuilder, BuildError> {
        self.compose_numbered(method, resource, from, parts, 1)
    }

    /// A request outside of dialogs, with its Call-ID and tag and its number.
    pub(crate) fn compose_numbered(
        &self,
        method: Method<'_>,
        resource: Uri<'_>,
        from: Uri<'_>,
        (call_id, tag): (&str, &str),
        number: u32,
    ) -> Result<RequestBuilder, BuildError> {
        let mut request = RequestBuilder::new(method, resource)?;
        request
            .header(HeaderName::From, format_args!("<{from}>;tag={tag}"))?
            .header(HeaderName::To, format_args!("<{resource}>"))?
            .header(HeaderName::CallId, call_id)?
            .header(HeaderName::CSeq, CSeq::new(number, method))?
            .header(HeaderName::MaxForwards, MaxForwards(70))?;
        if !self.config.product.is_empty() {
            request.header(HeaderName::UserAgent, &self.config.product)?;
        }
        Ok(request)
    }

    /// The listener by which a message leaves.
    pub(crate) fn listener(&self, transport: Transport, remote: SocketAddr) -> Option<&Listener> {
        let mut listeners = self.config.listeners.iter();
        listeners.find(|listener| {
            let same_family = listener.local.is_ipv4() == remote.is_ipv4();
            listener.transport == transport && (same_family || transport != Transport::Udp)
        })
    }

    /// The listener by which a request came: the one with its address, or the one of its transport.
    pub(crate) fn listener_of(&self, incoming: &Incoming) -> Option<&Listener> {
        let by_address = match incoming.flow {
            Flow::Datagrams { local, .. } => {
                let mut listeners = self.config.listeners.iter();
                listeners.find(|listener| {
                    listener.transport == incoming.transport && listener.local == local
                })
            }
            Flow::Connection(_) => None,
        };
        by_address.or_else(|| self.listener(incoming.transport, incoming.source))
    }

    /// Sends what transactions have to send, and takes note of what became of them.
    pub(crate) fn settle(&mut self, now: Instant) {
        loop {
            if let Some(departure) = self.table.poll_departure() {
                self.depart(now, departure);
            } else if let Some(told) = self.table.poll_told() {
                self.handle_told(now, told);
            } else {
                return;
            }
        }
    }

    /// The names that the peer at the other end of a flow proved.
    pub(crate) fn proved(&self, flow: Flow) -> &[DomainName] {
        let connection = match flow {
            Flow::Connection(connection) => self.connections.get(connection),
            Flow::Datagrams { .. } => None,
        };
        connection.map_or(&[], |connection| &connection.proved)
    }

    /// Lets a message leave, or wait for its connection, or take another way.
    pub(crate) fn depart(&mut self, now: Instant, departure: Departure) {
        let Flow::Connection(connection) = departure.flow else {
            self.transmits
                .push_back((departure.flow, departure.message));
            return;
        };
        match self.connections.send(now, connection, &departure) {
            Sent::Now => self
                .transmits
                .push_back((departure.flow, departure.message)),
            Sent::Waits => {}
            Sent::No => self.detour(now, departure),
        }
    }

    fn handle_told(&mut self, now: Instant, told: Told) {
        match told.side {
            Side::Client => self.handle_client_told(now, told),
            Side::Server => self.lost_answers.push_back((told.id, told.tell)),
        }
    }

    /// Begins a connection, which the driver opens.
    pub(crate) fn dial(&mut self, now: Instant, target: &Target) -> Option<ConnectionId> {
        let connection = self.connections.dial(now, target, &self.config.message)?;
        let wait = self.config.limits.connect;
        self.timers.set_after(Timer::Connect(connection), now, wait);
        self.events.push_back(Event::Connect {
            connection,
            transport: target.transport,
            remote: target.address,
            names: target.names.clone(),
        });
        Some(connection)
    }

    /// Forgets a connection: what waited for it fails at once.
    pub(crate) fn lose(&mut self, now: Instant, connection: ConnectionId) {
        let Some(lost) = self.connections.remove(connection) else {
            return;
        };
        for timer in [Timer::Connect, Timer::Read, Timer::Idle] {
            self.timers.stop(timer(connection));
        }
        let waiting = lost.into_waiting();
        for departure in &waiting {
            self.note_unsent(departure);
        }
        self.table.handle_lost(now, Flow::Connection(connection));
        self.settle(now);
        for departure in waiting {
            self.detour(now, departure);
        }
        self.resend_acks(now, connection);
        self.settle(now);
    }

    /// Ends a connection from our side.
    pub(crate) fn disconnect(&mut self, now: Instant, connection: ConnectionId) {
        if self.connections.get(connection).is_some() {
            self.events.push_back(Event::Disconnect(connection));
            self.lose(now, connection);
        }
    }

    /// Tells the user what became of a request.
    pub(crate) fn tell(&mut self, request: RequestId, outcome: Outcome) {
        self.events.push_back(match outcome {
            Outcome::Response(response) | Outcome::Repeated(response) => {
                Event::Response { request, response }
            }
            Outcome::Failed(failure) => Event::Failed { request, failure },
        });
    }

    /// Takes back a question that is answered, or that nobody answered.
    pub(crate) fn take_question(&mut self, query: QueryId) -> Option<(Question, Hop)> {
        let (question, hop) = self.questions.remove(&query)?;
        let is_bounded = matches!(question, Question::Request(_));
        self.other_questions -= usize::from(!is_bounded);
        Some((question, hop))
    }

    /// Nobody says where something goes.
    pub(crate) fn answer_nowhere(&mut self, now: Instant, question: Question) {
        match question {
            Question::Request(request) => self.give_up(request),
            Question::Answer { departure, .. } => self.lose_answer(now, &departure),
            // The next copy of the 2xx asks for another.
            Question::Ack(_) => {}
        }
    }

    /// Asks for addresses.
    pub(crate) fn ask(&mut self, now: Instant, question: Question, hop: Hop) {
        // Each request has one question at most; of the others there are few.
        let is_bounded = matches!(question, Question::Request(_));
        if !is_bounded && self.other_questions >= MAX_OTHER_QUESTIONS {
            return self.answer_nowhere(now, question);
        }
        self.other_questions += usize::from(!is_bounded);
        let query = self.queries.next_id();
        self.questions.insert(query, (question, hop.clone()));
        let wait = self.config.timing.timeout();
        self.timers.set_after(Timer::Question(query), now, wait);
        self.events.push_back(Event::Locate { query, hop });
    }

    /// Takes note that a connection is open, and sends what waited for it.
    pub(crate) fn handle_connected(
        &mut self,
        now: Instant,
        id: ConnectionId,
        proved: Vec<DomainName>,
    ) {
        match self.connections.open(now, id, proved) {
            Opened::Now(waiting) => {
                self.acks.remove(&id);
                self.timers.stop(Timer::Connect(id));
                self.check_idle(now, id);
                for departure in waiting {
                    self.depart(now, departure);
                }
            }
            Opened::Stranger => self.disconnect(now, id),
            Opened::Unknown => {}
        }
    }

    /// Fails what waits for an answer to datagrams to an address.
    pub(crate) fn handle_unreachable(&mut self, now: Instant, remote: SocketAddr) {
        for listener in &self.config.listeners {
            if listener.transport == Transport::Udp {
                let local = listener.local;
                self.table
                    .handle_lost(now, Flow::Datagrams { local, remote });
            }
        }
    }

    /// A message that has begun must be completed in time.
    pub(crate) fn watch_reading(&mut self, now: Instant, id: ConnectionId, has_completed: bool) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let is_pending = connection.is_pending();
        let was_pending = std::mem::replace(&mut connection.is_reading, is_pending);
        match (was_pending && !has_completed, is_pending) {
            (false, true) => {
                let wait = self.config.limits.read;
                self.timers.set_after(Timer::Read(id), now, wait);
            }
            (_, false) => self.timers.stop(Timer::Read(id)),
            (true, true) => {}
        }
    }

    /// Closes a connection on which nothing happened for long.
    pub(crate) fn check_idle(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        let idle = connection.max_idle(self.config.limits.idle);
        match connection.idle_at(idle) {
            Some(deadline) if deadline > now => self.timers.set(Timer::Idle(id), deadline),
            // Somebody waits for an answer there.
            Some(_) if self.table.is_used(id) => self.timers.set_after(Timer::Idle(id), now, idle),
            Some(_) => self.disconnect(now, id),
            None => {}
        }
    }
}

/// How many questions for answers and ACKs may be open at once.
const MAX_OTHER_QUESTIONS: usize = 1_024;

/// The line of Server; none for a name that no header can hold.
fn server_line(product: &str) -> Vec<u8> {
    match product.is_empty() || check_value(product).is_err() {
        true => Vec::new(),
        false => format!("Server: {product}\r\n").into_bytes(),
    }
}
