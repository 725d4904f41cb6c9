//! Many streams: which one carries which pair of domains.

mod backoff;
mod config;
mod error;
mod event;
mod failure;
mod inbound;
mod outbound;
mod pairings;
mod queue;
mod sharing;
mod standing;
mod streams;
mod verification;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::{Crowds, QueryId, QueryIds, Random, Timers};

pub use config::{Config, Limits, Unacknowledged};
pub use error::{AcceptError, SendError};
pub use event::{
    ConnectionId, Event, Failure, OtherHost, Receipt, Target, TlsRole, Transmit, Unresolved,
};

use self::backoff::Backoff;
use self::outbound::{Key, Outbound};
use self::pairings::Pairings;
use self::queue::Parcel;
use self::standing::Standing;
use crate::stream::{
    CloseReason, Decision, Farewell, Pair, PeerCertificate, Purpose, SendId, Stage, Stream, Verdict,
};
use crate::{Security, Stanza};

/// Carries stanzas between our domains and all others, in order for each pair of domains.
///
/// A pair has a stream of its own or shares one: with another pair to the same server, where both
/// sides know dialback errors (XEP-0220 §2.3), or with the pair's other direction (XEP-0288). Where
/// both sides have begun to connect, each sends on the stream that it opened.
///
/// It opens streams when there is something to send, confirms the dialback keys of peers with their
/// authoritative servers, and tells the application of every stanza that it could not deliver. It
/// asks its composer for everything that is not XMPP: [`Event::Authorize`] (policy),
/// [`Event::Connect`] (discovery), [`Event::Dial`] and [`Event::StartTls`] (connections),
/// [`Event::Authenticate`] (trust).
///
/// The run loop is that of `comity-machine`: after each answer, transmit before the next event is
/// taken, or the last words of a stream come behind the event that closes its connection.
///
/// A driver that cannot send on a connection says so with
/// [`handle_write_blocked`](Self::handle_write_blocked); stanzas then wait in the router, which
/// refuses more when its queue is full. A driver of an application that
/// [tracks](Self::send_tracked) its stanzas also says with [`handle_written`](Self::handle_written)
/// what it has sent: that bytes were fetched does not mean that they have left.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Instant;
/// use comity_xmpp::router::{Config, Event, Failure, Router};
/// use comity_xmpp::stream::Decision;
/// use comity_xmpp::{Stanza, StanzaKind};
///
/// let now = Instant::now();
/// let mut config = Config::default();
/// config.stream.domains = Arc::new(["capulet.example".parse()?].into());
/// let mut router = Router::new(now, config, [0; 32]);
///
/// let (juliet, romeo) = ("juliet@capulet.example".parse()?, "romeo@montague.example".parse()?);
/// router.send(now, Stanza::new(StanzaKind::Message, juliet, romeo)).map_err(|error| error.1)?;
/// let Some(Event::Authorize { query, .. }) = router.poll_event() else { panic!() };
/// router.handle_decision(now, query, &Decision::Deny);
/// let Some(Event::Undelivered { failure, .. }) = router.poll_event() else { panic!() };
/// assert_eq!(failure, Failure::Denied);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Router {
    now: Instant,
    config: Config,
    random: Random,
    queries: QueryIds,
    questions: BTreeMap<QueryId, Question>,
    /// Which of them each stream asked.
    asked: BTreeMap<ConnectionId, BTreeSet<QueryId>>,
    timers: Timers<Timer>,
    events: VecDeque<Event>,
    last_connection: u64,
    last_send: Option<SendId>,
    /// Every stream that is open or has last words to send.
    streams: BTreeMap<ConnectionId, Stream>,
    /// Connections that peers opened.
    inbound: Crowds<ConnectionId>,
    /// Connections that we opened or are opening, and what for.
    dials: BTreeMap<ConnectionId, Key>,
    outbound: BTreeMap<Key, Outbound>,
    /// Where those connections lead.
    standing: Standing,
    /// Pairs that go on a connection which was opened for another, or by the peer.
    riders: Pairings,
    /// Pairs that may go on a connection which the peer opened.
    reverse: Pairings,
    /// Pairs that peers bring on the connections which they opened.
    bringing: Pairings,
    /// Pairs that could not be reached a short while ago.
    backoff: Backoff,
    /// What the stanzas that wait in all of them take.
    queued_bytes: usize,
    /// What those take that streams have sent and peers have not acknowledged.
    unacknowledged: BTreeMap<ConnectionId, usize>,
    /// All of them.
    unacknowledged_bytes: usize,
    /// How many of them are for verification alone.
    verifications: usize,
    /// Which streams of peers wait for which verification, by their own ids.
    asking: BTreeMap<ConnectionId, BTreeMap<QueryId, Key>>,
    /// Connections with bytes to send.
    writable: BTreeSet<ConnectionId>,
    /// Connections that the driver cannot send on.
    blocked: BTreeSet<ConnectionId>,
    /// Streams whose events are to be looked at.
    touched: BTreeSet<ConnectionId>,
    closing: bool,
}

/// A question to the composer, and for whom it was asked: a stream, under its own id, or the
/// router on its way to a domain.
#[derive(Clone, Debug)]
enum Question {
    /// What does this certificate prove?
    Certificate(ConnectionId, QueryId),
    /// Where is the domain's server?
    Discovery(Key),
    /// May we send there?
    OutboundPolicy(Key),
    /// May they send to us?
    StreamPolicy(ConnectionId, QueryId, Pair),
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// A connection has not come about.
    Dial(ConnectionId),
    /// A question of the router has not been answered.
    Question(QueryId),
    /// A stream has something to do.
    Stream(ConnectionId),
}

impl Question {
    /// The id under which the stream asked.
    fn inner(&self) -> Option<QueryId> {
        match self {
            Self::Certificate(_, inner) | Self::StreamPolicy(_, inner, _) => Some(*inner),
            Self::Discovery(_) | Self::OutboundPolicy(_) => None,
        }
    }

    /// The stream that asked.
    fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Certificate(connection, _) | Self::StreamPolicy(connection, ..) => {
                Some(*connection)
            }
            Self::Discovery(_) | Self::OutboundPolicy(_) => None,
        }
    }
}

impl Router {
    /// Creates a router without connections.
    #[must_use]
    pub fn new(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        Self {
            now,
            config,
            random: Random::from_seed(seed),
            queries: QueryIds::default(),
            questions: BTreeMap::new(),
            asked: BTreeMap::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            last_connection: 0,
            last_send: None,
            streams: BTreeMap::new(),
            inbound: Crowds::default(),
            dials: BTreeMap::new(),
            outbound: BTreeMap::new(),
            standing: Standing::default(),
            riders: Pairings::default(),
            reverse: Pairings::default(),
            bringing: Pairings::default(),
            backoff: Backoff::default(),
            queued_bytes: 0,
            unacknowledged: BTreeMap::new(),
            unacknowledged_bytes: 0,
            verifications: 0,
            asking: BTreeMap::new(),
            writable: BTreeSet::new(),
            blocked: BTreeSet::new(),
            touched: BTreeSet::new(),
            closing: false,
        }
    }

    /// Speaks for these domains from now on: of what is sent, and on streams that begin after this. A
    /// stream that stands keeps those that it began with. Peers are told that the others have gone
    /// (RFC 6120 §4.9.3.5).
    pub fn replace_domains(&mut self, domains: Arc<BTreeSet<DomainName>>) {
        let config = &mut self.config.stream;
        let known = config.former_domains.union(&config.domains);
        let former = known.filter(|known| !domains.contains(*known)).cloned();
        config.former_domains = Arc::new(former.collect());
        config.domains = domains;
    }

    /// Secures streams of peers that begin from now on so, until it is known for whom they are.
    pub fn replace_security(&mut self, security: Security) {
        self.config.stream.security = security;
    }

    /// Sends a stanza to the domain of its recipient.
    ///
    /// What was taken is transmitted, or comes back in [`Event::Undelivered`].
    ///
    /// # Errors
    ///
    /// The stanza was not taken and is given back with the reason.
    pub fn send(&mut self, now: Instant, stanza: Stanza) -> Result<(), (Box<Stanza>, SendError)> {
        self.now = now;
        self.post(Parcel { stanza, id: None })
    }

    /// Does the same, and tells how it ends: by [`Event::Sent`] or by [`Event::Undelivered`] with
    /// the id that this gives, once.
    ///
    /// Where the stream counts stanzas (XEP-0198), one is sent when the peer has acknowledged it;
    /// elsewhere when the driver has written its bytes, as
    /// [`handle_written`](Self::handle_written) tells.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); no event comes.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use std::time::Instant;
    /// # use comity_xmpp::router::{Config, Event, Router};
    /// # use comity_xmpp::stream::Decision;
    /// # use comity_xmpp::{Stanza, StanzaKind};
    /// # let now = Instant::now();
    /// # let mut config = Config::default();
    /// # config.stream.domains = Arc::new(["capulet.example".parse()?].into());
    /// # let mut router = Router::new(now, config, [0; 32]);
    /// # let (from, to) = ("juliet@capulet.example".parse()?, "romeo@montague.example".parse()?);
    /// let message = Stanza::new(StanzaKind::Message, from, to);
    /// let sent = router.send_tracked(now, message).map_err(|error| error.1)?;
    /// # let Some(Event::Authorize { query, .. }) = router.poll_event() else { panic!() };
    /// # router.handle_decision(now, query, &Decision::Deny);
    /// let Some(Event::Undelivered { id, .. }) = router.poll_event() else { panic!() };
    /// assert_eq!(id, Some(sent));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_tracked(
        &mut self,
        now: Instant,
        stanza: Stanza,
    ) -> Result<SendId, (Box<Stanza>, SendError)> {
        self.now = now;
        let id = SendId::after(self.last_send);
        self.post(Parcel {
            stanza,
            id: Some(id),
        })?;
        self.last_send = Some(id);
        Ok(id)
    }

    fn post(&mut self, parcel: Parcel) -> Result<(), (Box<Stanza>, SendError)> {
        if let Err(error) = self.check(&parcel.stanza) {
            return Err((Box::new(parcel.stanza), error));
        }
        let (local, remote) = parcel.stanza.domains();
        let pair = Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        let key = (pair, Purpose::Stanzas);
        if !self.outbound.contains_key(&key)
            && self.reverse.connections(&key.0).is_empty()
            && let Some((wait, last)) = self.backoff.wait(self.now, &key.0)
        {
            let last = Box::new(last.clone());
            self.undelivered(parcel, Failure::NotRetried { last, wait });
            return Ok(());
        }
        self.enqueue(&key, parcel)
            .map_err(|parcel| (Box::new(parcel.stanza), SendError::Full))?;
        let outbound = self.outbound.get(&key);
        if let Some(connection) = outbound.and_then(|outbound| outbound.state.ready()) {
            self.flush(connection);
        }
        Ok(())
    }

    /// Counts a stanza of a peer as handled, if its stream goes on
    /// ([`Acknowledge::WhenSettled`](crate::stream::Acknowledge::WhenSettled)). Stanzas may be
    /// settled in any order, and each should be at some time: what comes behind one that is not
    /// settled is not acknowledged, and a stream with too many of these is read no further.
    pub fn settle(&mut self, now: Instant, receipt: Receipt) {
        let Receipt {
            connection,
            receipt,
        } = receipt;
        self.with(now, connection, |stream| stream.settle(now, receipt));
    }

    /// Takes bytes that arrived on a connection.
    pub fn handle_input(&mut self, now: Instant, connection: ConnectionId, input: &[u8]) {
        self.with(now, connection, |stream| stream.handle_input(now, input));
    }

    /// Notes that the driver has written so many bytes more of those that
    /// [`poll_transmit`](Self::poll_transmit) gave for a connection: to the socket, so that the end
    /// of this program would not take them back. Without stanzas that are
    /// [tracked](Self::send_tracked) nobody needs to know.
    pub fn handle_written(&mut self, now: Instant, connection: ConnectionId, bytes: usize) {
        match self.streams.get_mut(&connection) {
            Some(stream) if stream.awaits_writing() => self.with(now, connection, |stream| {
                stream.handle_written(now, bytes);
            }),
            Some(stream) => stream.handle_written(now, bytes),
            None => {}
        }
    }

    /// Takes the end of a connection's bytes, or its loss.
    pub fn handle_eof(&mut self, now: Instant, connection: ConnectionId) {
        self.with(now, connection, |stream| stream.handle_eof(now));
    }

    /// Takes the success of a handshake.
    pub fn handle_tls_established(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        certificate: PeerCertificate,
    ) {
        self.with(now, connection, |stream| {
            stream.handle_tls_established(now, certificate);
        });
    }

    /// Takes the failure of a handshake, with what the TLS engine says about it.
    pub fn handle_tls_failed(&mut self, now: Instant, connection: ConnectionId, reason: &str) {
        self.with(now, connection, |stream| {
            stream.handle_tls_failed(now, reason);
        });
    }

    /// Takes the success of [`Event::Dial`].
    pub fn handle_connected(&mut self, now: Instant, connection: ConnectionId) {
        self.now = now;
        if !self.streams.contains_key(&connection) {
            self.outbound_connected(connection);
            self.follow_up();
        }
    }

    /// Takes the failure of [`Event::Dial`], with what the operating system says about it.
    pub fn handle_connect_failed(&mut self, now: Instant, connection: ConnectionId, reason: &str) {
        self.now = now;
        if !self.streams.contains_key(&connection) {
            self.outbound_failed(connection, &Failure::Unreachable(reason.into()));
            self.follow_up();
        }
    }

    /// Takes the answer to [`Event::Authenticate`].
    pub fn handle_verdict(&mut self, now: Instant, query: QueryId, verdict: &Verdict) {
        if let Some(&Question::Certificate(connection, inner)) = self.questions.get(&query) {
            self.forget(query);
            self.with(now, connection, |stream| {
                stream.handle_verdict(now, inner, verdict);
            });
        }
    }

    /// Takes the answer to [`Event::Authorize`].
    pub fn handle_decision(&mut self, now: Instant, query: QueryId, decision: &Decision) {
        self.now = now;
        match self.questions.get(&query).cloned() {
            Some(Question::StreamPolicy(connection, inner, pair)) => {
                self.forget(query);
                let decision = self.decision_for_stream(&pair, decision);
                self.with(now, connection, |stream| {
                    stream.handle_decision(now, inner, &decision);
                });
            }
            Some(Question::OutboundPolicy(key)) => {
                self.forget(query);
                self.outbound_decision(&key, decision);
                self.follow_up();
            }
            Some(Question::Certificate(..) | Question::Discovery(_)) | None => {}
        }
    }

    /// Takes the answer to [`Event::Connect`]: targets in the order in which to try them.
    pub fn handle_targets(
        &mut self,
        now: Instant,
        query: QueryId,
        targets: Result<Vec<Target>, Unresolved>,
    ) {
        self.now = now;
        if let Some(Question::Discovery(key)) = self.questions.get(&query).cloned() {
            self.forget(query);
            self.outbound_targets(&key, targets);
            self.follow_up();
        }
    }

    /// Notes that the driver cannot send on a connection.
    pub fn handle_write_blocked(&mut self, now: Instant, connection: ConnectionId) {
        self.now = now;
        if self.streams.contains_key(&connection) {
            self.blocked.insert(connection);
        }
    }

    /// Notes that the driver can send on a connection again.
    pub fn handle_writable(&mut self, now: Instant, connection: ConnectionId) {
        self.now = now;
        if self.blocked.remove(&connection) {
            self.writable.insert(connection);
            self.flush(connection);
        }
    }

    /// Acts on every deadline that has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.timers.pop_expired(now) {
            match timer {
                Timer::Dial(connection) => {
                    let reason = CloseReason::TimedOut(Stage::Connect);
                    let failure = Failure::Unreachable(reason.to_string().into());
                    self.events.push_back(Event::Closed { connection, reason });
                    self.outbound_failed(connection, &failure);
                }
                Timer::Question(query) => {
                    let question = self.withdraw_question(query);
                    // A stream that asked has a timer of its own.
                    if let Some(Question::Discovery(key) | Question::OutboundPolicy(key)) = question
                    {
                        self.fail(&key, &Failure::Unanswered);
                    }
                }
                Timer::Stream(connection) => {
                    if let Some(stream) = self.streams.get_mut(&connection) {
                        stream.handle_timeout(now);
                        self.touch(connection);
                    }
                }
            }
            self.follow_up();
        }
    }

    /// Closes every stream and takes no more stanzas; those that wait come back undelivered.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        self.closing = true;
        let keys: Vec<Key> = self.outbound.keys().cloned().collect();
        for key in keys {
            self.fail(&key, &Failure::Shutdown);
        }
        let dialled = self.dials.keys().copied();
        let unconnected: Vec<_> = dialled
            .filter(|connection| !self.streams.contains_key(connection))
            .collect();
        for connection in unconnected {
            self.abandon_dial(connection);
        }
        let open: Vec<_> = self.streams.keys().copied().collect();
        for connection in open {
            if let Some(stream) = self.streams.get_mut(&connection) {
                stream.dismiss(now, Farewell::Shutdown);
                self.touch(connection);
            }
        }
        self.follow_up();
    }

    /// Moves the bytes for one connection to the end of `buf`; gives which, and how many.
    pub fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        while let Some(connection) = self.writable.pop_first() {
            let Some(stream) = self.streams.get_mut(&connection) else {
                continue;
            };
            // The last words of a stream are not held back: nothing follows them.
            if self.blocked.contains(&connection) && stream.reads() {
                continue;
            }
            let len = stream.poll_transmit(buf);
            if stream.is_closed() {
                self.streams.remove(&connection);
                self.inbound.remove(connection);
                self.blocked.remove(&connection);
            } else {
                self.flush(connection);
            }
            if let Some(len) = len {
                return Some(Transmit { connection, len });
            }
        }
        None
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Whether bytes of a connection should be read now.
    #[must_use]
    pub fn wants_input(&self, connection: ConnectionId) -> bool {
        let stream = self.streams.get(&connection);
        stream.is_some_and(Stream::wants_input)
    }

    /// Whether the router was closed and nothing will come out any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closing
            && self.streams.is_empty()
            && self.outbound.is_empty()
            && self.events.is_empty()
    }
}
