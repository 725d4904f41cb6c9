//! The machine: questions to name servers, and plans that wait for the answers.

mod exchange;
mod io;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::{QueryId, QueryIds, Random, Timers};

use crate::cache::Cache;
use crate::limits::Limits;
use crate::message::{Answer, Edns, Form, Question, RecordKind, Validation};
use crate::plan::{Conclusion, Failure, Plan, Readiness, Remainder, Rules, Seed};
use crate::service::Service;
use crate::trace::{Setback, Trace, TraceEntry};
use exchange::{Exchange, Lookup, Progress};
pub use io::{Config, Event, Protocol, ResolveError, SocketId, Transmit};

/// Resolves services of domains through recursive name servers, without I/O.
///
/// One resolver serves many resolutions; they share its cache, and a question that several of
/// them ask is in flight once (RFC 5452 §5). The page of the crate shows the loop that drives it.
#[derive(Debug)]
pub struct Resolver {
    config: Config,
    servers: Vec<Server>,
    /// The server that answered last.
    preferred: usize,
    random: Random,
    cache: Cache,
    query_ids: QueryIds,
    sockets_opened: u64,
    plans: BTreeMap<QueryId, Running>,
    exchanges: BTreeMap<SocketId, Exchange>,
    in_flight: BTreeMap<Question, SocketId>,
    timers: Timers<Timer>,
    /// Queries that the driver has not taken yet, the oldest first.
    outgoing: BTreeMap<SocketId, Outgoing>,
    events: VecDeque<Event>,
}

/// A resolution, and how ready its targets were when its timers were set.
#[derive(Debug)]
struct Running {
    plan: Plan,
    readiness: Option<(Readiness, usize)>,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    /// It changes the case of names, so chance in the case would only send every question to TCP.
    folds_case: bool,
}

#[derive(Debug)]
struct Outgoing {
    server: SocketAddr,
    protocol: Protocol,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    Attempt(SocketId),
    /// The second families have had their time.
    Families(QueryId),
    /// The other targets have had theirs.
    Targets(QueryId),
    Deadline(QueryId),
}

impl Resolver {
    /// Creates a resolver that knows nothing. `seed` makes ids and orders unpredictable: take it
    /// from the operating system.
    #[must_use]
    pub fn new(_now: Instant, config: Config, seed: [u8; 32]) -> Self {
        let server = |&address| Server {
            address,
            folds_case: false,
        };
        Self {
            servers: config.servers.iter().map(server).collect(),
            preferred: 0,
            random: Random::from_seed(seed),
            cache: Cache::new(config.limits.max_cached_records),
            config,
            query_ids: QueryIds::default(),
            sockets_opened: 0,
            plans: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            timers: Timers::default(),
            outgoing: BTreeMap::new(),
            events: VecDeque::new(),
        }
    }

    /// Begins to find out where `service` of `domain` can be reached. [`Event::Resolved`] brings
    /// the result, at the latest after `Limits::resolution_timeout`; at once if nothing has to be
    /// asked.
    ///
    /// # Errors
    ///
    /// Why the resolution was not begun; no event will come for it.
    pub fn resolve(
        &mut self,
        now: Instant,
        domain: &DomainName,
        service: Service,
    ) -> Result<QueryId, ResolveError> {
        let order = self.random.seed();
        self.resolve_in_order(now, domain, service, order)
    }

    /// [`resolve`](Self::resolve) with an order of records that `order` decides: derived from the
    /// branch or the peer, it is the same for every request of one transaction, on every machine,
    /// as RFC 3263 §4.4 demands of stateless proxies.
    ///
    /// # Errors
    ///
    /// Why the resolution was not begun; no event will come for it.
    pub fn resolve_in_order(
        &mut self,
        now: Instant,
        domain: &DomainName,
        service: Service,
        order: [u8; 32],
    ) -> Result<QueryId, ResolveError> {
        self.has_room()?;
        let plan = Plan::new(domain, service, self.rules(order))?;
        self.begin(now, plan)
    }

    /// Looks the targets up that a resolution has left. [`Event::Resolved`] brings the result.
    ///
    /// # Errors
    ///
    /// Why the resolution was not begun; no event will come for it.
    pub fn resolve_rest(&mut self, now: Instant, rest: Remainder) -> Result<QueryId, ResolveError> {
        self.has_room()?;
        // The order was decided when the resolution began.
        let plan = Plan::resume(rest, self.rules([0; 32]));
        self.begin(now, plan)
    }

    /// Asks for the records as they are that `domain` has below `labels`, such as `_sip` and
    /// `_udp`, or its own without labels. [`Event::LookedUp`] brings them.
    ///
    /// # Errors
    ///
    /// Why it was not asked; no event will come for it.
    pub fn look_up(
        &mut self,
        now: Instant,
        domain: &DomainName,
        labels: &[&str],
        kind: RecordKind,
    ) -> Result<QueryId, ResolveError> {
        self.has_room()?;
        let plan = Plan::single(domain, labels, kind, self.rules([0; 32]))?;
        self.begin(now, plan)
    }

    /// Ends a resolution or a question without an event, unless it has ended already. An unknown one is
    /// ignored.
    pub fn cancel(&mut self, query: QueryId) {
        if self.plans.remove(&query).is_some() {
            self.stop_timers(query);
            self.abandon(query);
        }
    }

    /// Takes one datagram, or bytes of the stream, that came from the server over `socket`.
    pub fn handle_input(&mut self, now: Instant, socket: SocketId, input: &[u8]) {
        let Some(exchange) = self.exchanges.get_mut(&socket) else {
            return;
        };
        match exchange.handle_input(input, &self.config.limits) {
            Progress::Waiting => {}
            Progress::Again(setback, protocol) => self.ask_again(now, socket, setback, protocol),
            Progress::NextServer(failure) => self.ask_next(now, socket, failure),
            Progress::Answered(answer) => self.finish(now, socket, &Arc::new(answer)),
            Progress::Bogus => self.end_bogus(now, socket),
        }
    }

    /// The server closed the connection of `socket`. A UDP socket has no end.
    pub fn handle_eof(&mut self, now: Instant, socket: SocketId) {
        let exchange = self.exchanges.get(&socket);
        if exchange.is_some_and(|exchange| exchange.protocol() == Protocol::Tcp) {
            self.ask_next(now, socket, Failure::Connection);
        }
    }

    /// The socket could not be opened or used, or the operating system reported that nobody
    /// listens.
    pub fn handle_socket_failed(&mut self, now: Instant, socket: SocketId) {
        self.ask_next(now, socket, Failure::Connection);
    }

    /// Acts on every deadline that has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_expired(now) {
            match timer {
                Timer::Attempt(socket) => self.ask_next(now, socket, Failure::Timeout),
                Timer::Families(query) | Timer::Targets(query) => self.settle(now, query),
                Timer::Deadline(query) => self.expire(now, query),
            }
        }
    }

    /// Appends the next query to `buf`.
    pub fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let (socket, outgoing) = self.outgoing.pop_first()?;
        buf.extend_from_slice(&outgoing.bytes);
        Some(Transmit {
            socket,
            server: outgoing.server,
            protocol: outgoing.protocol,
            len: outgoing.bytes.len(),
        })
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

    fn has_room(&self) -> Result<(), ResolveError> {
        let limit = self.config.limits.max_resolutions;
        if self.plans.len() >= limit {
            return Err(ResolveError::TooMany { limit });
        }
        Ok(())
    }

    fn rules(&self, order: [u8; 32]) -> Rules {
        Rules {
            limits: self.config.limits.clone(),
            policy: self.config.address_policy.clone(),
            next_hop_policy: self.config.next_hop_policy.clone(),
            next_hop_name_policy: self.config.next_hop_name_policy.clone(),
            seed: Seed {
                selection: self.config.selection,
                bytes: order,
            },
        }
    }

    fn form(&self) -> Form {
        let payload_bytes = self.config.limits.max_udp_message_bytes;
        Form {
            edns: Edns::Offered { payload_bytes },
            validation: if self.config.servers_validate {
                Validation::Asked
            } else {
                Validation::Unasked
            },
        }
    }

    fn begin(&mut self, now: Instant, plan: Plan) -> Result<QueryId, ResolveError> {
        if self.servers.is_empty() && !plan.has_ended() {
            return Err(ResolveError::NoServers);
        }
        let query = self.query_ids.next_id();
        self.plans.insert(
            query,
            Running {
                plan,
                readiness: None,
            },
        );
        let deadline = later(now, self.config.limits.resolution_timeout);
        self.timers.set(Timer::Deadline(query), deadline);
        self.advance(now, query);
        Ok(query)
    }

    /// Asks what the plan wants to know now, and reports its end.
    fn advance(&mut self, now: Instant, query: QueryId) {
        while let Some(question) = self.plan(query).and_then(Plan::next_question) {
            self.ask(now, query, question);
        }
        if self.plan(query).is_some_and(|plan| plan.has_ended()) {
            self.conclude(query);
        } else {
            self.set_patience(now, query);
        }
    }

    fn conclude(&mut self, query: QueryId) {
        if let Some(Running { plan, .. }) = self.plans.remove(&query) {
            self.stop_timers(query);
            let (domain, conclusion, trace) = plan.conclude();
            self.events
                .push_back(event(query, domain, conclusion, trace));
        }
    }

    /// Waits no longer than it pays for the targets that have no addresses yet.
    fn set_patience(&mut self, now: Instant, query: QueryId) {
        let Some(running) = self.plans.get_mut(&query) else {
            return;
        };
        let readiness = running.plan.readiness();
        let before = std::mem::replace(&mut running.readiness, readiness);
        if readiness == before {
            return;
        }
        let (families, targets) = (Timer::Families(query), Timer::Targets(query));
        let is_same_group = before.map(|(_, group)| group) == readiness.map(|(_, group)| group);
        if !is_same_group {
            self.timers.stop(families);
            self.timers.stop(targets);
        }
        let limits = &self.config.limits;
        match readiness {
            Some((Readiness::Each, _)) => {
                self.timers
                    .set(families, later(now, limits.resolution_delay));
            }
            Some((Readiness::Some, _)) => {
                self.timers.set(targets, later(now, limits.target_patience));
            }
            Some((Readiness::Nothing, _)) | None => {}
        }
    }

    fn settle(&mut self, now: Instant, query: QueryId) {
        self.abandon(query);
        if let Some(plan) = self.plan(query) {
            plan.settle();
        }
        self.advance(now, query);
    }

    fn plan(&mut self, query: QueryId) -> Option<&mut Plan> {
        self.plans.get_mut(&query).map(|running| &mut running.plan)
    }

    fn stop_timers(&mut self, query: QueryId) {
        for timer in [Timer::Families, Timer::Targets, Timer::Deadline] {
            self.timers.stop(timer(query));
        }
    }

    fn ask(&mut self, now: Instant, query: QueryId, question: Question) {
        if let Some(known) = self.cache.get(now, &question).cloned() {
            if let Some(plan) = self.plan(query) {
                plan.note(remembered(&question, known.is_ok()));
                plan.handle_answer(&question, known.as_ref());
            }
            return;
        }
        let socket = self.in_flight.get(&question);
        if let Some(exchange) = socket.and_then(|socket| self.exchanges.get_mut(socket)) {
            exchange.join(query);
            return note(&mut self.plans, &[query], &TraceEntry::Shared { question });
        }
        let lookup = Lookup {
            question,
            waiters: vec![query],
            server: self.preferred,
            attempts: 0,
            errors: 0,
            form: self.form(),
            failure: None,
        };
        self.send(now, lookup, Protocol::Udp);
    }

    fn send(&mut self, now: Instant, lookup: Lookup, protocol: Protocol) {
        let Some(server) = self.servers.get(lookup.server) else {
            return;
        };
        let (server, mixed_case) = (server.address, self.config.mixed_case && !server.folds_case);
        self.sockets_opened = self.sockets_opened.wrapping_add(1);
        let socket = SocketId::new(self.sockets_opened);
        let exchange = Exchange::begin(lookup, protocol, mixed_case, &mut self.random);
        let outgoing = Outgoing {
            server,
            protocol,
            bytes: exchange.query_bytes(),
        };
        let lookup = exchange.lookup();
        let deadline = later(now, patience(&self.config.limits, lookup.attempts));
        let asked = TraceEntry::Asked {
            question: lookup.question.clone(),
            server,
            protocol,
        };
        note(&mut self.plans, &lookup.waiters, &asked);
        self.in_flight.insert(lookup.question.clone(), socket);
        self.timers.set(Timer::Attempt(socket), deadline);
        self.outgoing.insert(socket, outgoing);
        self.exchanges.insert(socket, exchange);
    }

    /// Asks the same server in another way.
    fn ask_again(&mut self, now: Instant, socket: SocketId, setback: Setback, protocol: Protocol) {
        let Some(mut lookup) = self.release(socket) else {
            return;
        };
        match setback {
            Setback::EdnsRefused => lookup.form.edns = Edns::Omitted,
            Setback::Unvalidated => lookup.form.validation = Validation::Disabled,
            Setback::AnsweredUnvalidated => lookup.form.validation = Validation::Confirming,
            Setback::Truncated
            | Setback::CaseChanged
            | Setback::Unreadable
            | Setback::Forged
            | Setback::Failed(_) => {}
        }
        self.note_setback(&lookup, setback);
        self.send(now, lookup, protocol);
    }

    /// Asks the next server, if attempts are left.
    fn ask_next(&mut self, now: Instant, socket: SocketId, failure: Failure) {
        let Some(mut lookup) = self.release(socket) else {
            return;
        };
        self.note_setback(&lookup, Setback::Failed(failure.clone()));
        lookup.attempts = lookup.attempts.saturating_add(1);
        if failure != Failure::Timeout {
            lookup.errors = lookup.errors.saturating_add(1);
        }
        // A timeout says less than any other failure.
        if lookup.failure.is_none() || failure != Failure::Timeout {
            lookup.failure = Some(failure.clone());
        }
        // A lost datagram is worth another one to the same server, an error is not.
        if lookup.attempts >= self.config.limits.max_attempts || lookup.errors >= self.servers.len()
        {
            let failure = lookup.failure.take().unwrap_or(failure);
            return self.give_up(now, &lookup, &failure);
        }
        // What one server does not understand another may.
        lookup.form = self.form();
        lookup.server = lookup.server.saturating_add(1) % self.servers.len().max(1);
        self.send(now, lookup, Protocol::Udp);
    }

    /// Ends a question for good: another server would say the same, or validate nothing.
    fn end_bogus(&mut self, now: Instant, socket: SocketId) {
        if let Some(lookup) = self.release(socket) {
            self.note_setback(&lookup, Setback::Failed(Failure::Bogus));
            self.give_up(now, &lookup, &Failure::Bogus);
        }
    }

    fn give_up(&mut self, now: Instant, lookup: &Lookup, failure: &Failure) {
        let expiry = later(now, self.config.limits.failure_ttl);
        let question = &lookup.question;
        self.cache.insert_failure(now, question, failure, expiry);
        self.deliver(now, lookup, Err(failure));
    }

    fn finish(&mut self, now: Instant, socket: SocketId, answer: &Arc<Answer>) {
        let folds_case = self
            .exchanges
            .get(&socket)
            .is_some_and(Exchange::folds_case);
        let Some(lookup) = self.release(socket) else {
            return;
        };
        self.preferred = lookup.server;
        if let Some(server) = self.servers.get_mut(lookup.server) {
            server.folds_case |= folds_case;
        }
        self.cache.insert(now, &lookup.question, answer);
        self.deliver(now, &lookup, Ok(answer));
    }

    fn deliver(&mut self, now: Instant, lookup: &Lookup, answer: Result<&Arc<Answer>, &Failure>) {
        for &query in &lookup.waiters {
            if let Some(plan) = self.plan(query) {
                plan.handle_answer(&lookup.question, answer);
                self.advance(now, query);
            }
        }
    }

    /// Ends a resolution whose time is up, and the questions that only it asked.
    fn expire(&mut self, now: Instant, query: QueryId) {
        self.abandon(query);
        if let Some(plan) = self.plan(query) {
            plan.expire();
        }
        self.advance(now, query);
    }

    fn abandon(&mut self, query: QueryId) {
        let mut abandoned = Vec::new();
        for (&socket, exchange) in &mut self.exchanges {
            if exchange.abandon(query) {
                abandoned.push(socket);
            }
        }
        for socket in abandoned {
            self.release(socket);
        }
    }

    /// Takes the lookup out of its socket, which is of no more use.
    fn release(&mut self, socket: SocketId) -> Option<Lookup> {
        let lookup = self.exchanges.remove(&socket)?.into_lookup();
        self.timers.stop(Timer::Attempt(socket));
        self.in_flight.remove(&lookup.question);
        debug_assert_eq!(self.in_flight.len(), self.exchanges.len());
        // The driver has not heard of a socket whose query it has not taken.
        if self.outgoing.remove(&socket).is_none() {
            self.events.push_back(Event::Release { socket });
        }
        Some(lookup)
    }

    fn note_setback(&mut self, lookup: &Lookup, reason: Setback) {
        if let Some(server) = self.servers.get(lookup.server) {
            let entry = TraceEntry::SetBack {
                question: lookup.question.clone(),
                server: server.address,
                reason,
            };
            note(&mut self.plans, &lookup.waiters, &entry);
        }
    }
}

fn event(query: QueryId, domain: DomainName, conclusion: Conclusion, trace: Trace) -> Event {
    match conclusion {
        Conclusion::Resolved(outcome, rest) => Event::Resolved {
            query,
            domain,
            outcome,
            rest,
            trace,
        },
        Conclusion::LookedUp(result) => Event::LookedUp {
            query,
            result,
            trace,
        },
    }
}

fn remembered(question: &Question, is_answer: bool) -> TraceEntry {
    let question = question.clone();
    if is_answer {
        TraceEntry::Remembered { question }
    } else {
        TraceEntry::FailedBefore { question }
    }
}

fn note(plans: &mut BTreeMap<QueryId, Running>, queries: &[QueryId], entry: &TraceEntry) {
    for query in queries {
        if let Some(running) = plans.get_mut(query) {
            running.plan.note(entry.clone());
        }
    }
}

/// How long the server of an attempt may take: twice as long as the one before, at most 8 times as
/// long as the first.
fn patience(limits: &Limits, attempts: u32) -> Duration {
    let factor = 1 << attempts.min(3);
    limits.first_attempt_timeout.saturating_mul(factor)
}

/// A moment that does not overflow; a wait beyond the end of time is a day.
fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait)
        .or_else(|| now.checked_add(Duration::from_secs(86_400)))
        .unwrap_or(now)
}
