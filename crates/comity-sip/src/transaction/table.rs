use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_machine::Random;
use thiserror::Error;

use super::client::{ClientInput, InviteClient, OtherClient};
use super::hash::Seeded;
use super::key::RequestKey;
use super::message::{acknowledge, own_response, tag_of, to_tag};
use super::server::{InviteServer, OtherServer, ServerInput};
use super::sources::Sources;
use super::step::{Class, Reliability, Send, Step, Tell, Wait};
use super::tag::Tag;
use super::timers::TimerLists;
use super::timing::Timing;
use crate::flow::{ConnectionId, Flow};
use crate::{Method, Request, Response, StatusCode};

/// All transactions of an endpoint, clients and servers.
///
/// A message finds its transaction by one lookup, a timer by its number, and the transactions of a
/// connection by a list of their own.
#[derive(Debug)]
pub(crate) struct Table {
    timing: Timing,
    hash: Seeded,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    serial: u32,
    timers: TimerLists,
    servers: HashMap<Bytes, u32, Seeded>,
    merges: HashMap<u64, u32, Seeded>,
    clients: HashMap<Branch, u32, Seeded>,
    /// The clients that wait for something on a connection.
    bound: HashMap<ConnectionId, BTreeSet<u32>, Seeded>,
    sources: Sources,
    limits: Limits,
    outbox: VecDeque<Departure>,
    told: VecDeque<Told>,
}

/// What the table takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Transactions in all, and for each source.
    pub(crate) transactions: usize,
    pub(crate) per_source: u32,
    /// Sources that are remembered, and the answers outside of transactions that each gets in a
    /// second, and at once.
    pub(crate) sources: usize,
    pub(crate) answers: u32,
    pub(crate) answers_at_once: u32,
}

/// One transaction, as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId {
    slot: u32,
    serial: u32,
}

/// What identifies a client transaction in its branch (RFC 3261 §17.1.3): a CANCEL has the branch of
/// its INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Branch {
    pub(crate) id: u64,
    pub(crate) is_cancel: bool,
}

/// What a request is to a transaction that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It was here before, and was answered as it has to be.
    Absorbed,
    /// An ACK to a 2xx, which is the user's.
    Ack,
}

/// As what a request is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    Fresh,
    /// It came before on another way (RFC 3261 §8.2.2.2).
    Merged,
    /// It cancels this INVITE, or nothing that is here.
    Cancel(Option<TransactionId>),
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) flow: Flow,
    pub(crate) source: SocketAddr,
}

/// A request that begins a client transaction.
#[derive(Clone, Debug)]
pub(crate) struct Departing {
    pub(crate) branch: Branch,
    pub(crate) kind: Kind,
    pub(crate) request: Bytes,
    pub(crate) flow: Flow,
    /// A number of the user's.
    pub(crate) owner: u64,
}

/// The two kinds of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invite,
    Other,
}

impl Kind {
    pub(crate) fn of(method: Method<'_>) -> Self {
        match method == Method::Invite {
            true => Self::Invite,
            false => Self::Other,
        }
    }
}

/// A message that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    /// `None` for an ACK to a 2xx, and for an answer for which nothing is kept.
    pub(crate) from: Option<(TransactionId, Side)>,
    pub(crate) flow: Flow,
    pub(crate) message: Bytes,
    /// How many other ways were tried before.
    pub(crate) detours: u8,
}

/// What a response is to its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is for the user.
    Told(Told),
    /// It was here before.
    Absorbed,
    /// It belongs to none, or came another way than the request went.
    Stray,
}

/// What happened to a transaction by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) id: TransactionId,
    pub(crate) owner: u64,
    pub(crate) side: Side,
    pub(crate) tell: Tell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// There is no room for one more transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("more transactions than the limit allows")]
pub(crate) struct Full;

/// The transaction is over, or takes no response of this class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the transaction takes no such response any more")]
pub(crate) struct Closed;

#[derive(Debug)]
struct Entry {
    serial: u32,
    machine: Machine,
    flow: Flow,
    /// A client's request; a server's request until it is answered.
    request: Bytes,
    /// A server's last response, a client's ACK.
    last: Bytes,
    /// Of the timer that repeats.
    interval: Duration,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    InviteClient(InviteClient),
    OtherClient(OtherClient),
    InviteServer(InviteServer),
    OtherServer(OtherServer),
}

/// How an entry is found, and what else is known of its side.
#[derive(Debug)]
enum Place {
    Client {
        branch: Branch,
        owner: u64,
    },
    Server {
        key: Bytes,
        merge: Option<u64>,
        source: SocketAddr,
        /// The tag in To of the final response, where nothing else in an ACK of a client older than
        /// RFC 3261 tells the dialog (§17.2.3).
        old: Option<Option<Box<str>>>,
    },
}

impl Table {
    pub(crate) fn new(now: Instant, timing: Timing, limits: Limits, random: &mut Random) -> Self {
        let hash = Seeded::new(random.bytes());
        Self {
            timing,
            limits,
            entries: Vec::new(),
            free: Vec::new(),
            serial: 0,
            timers: TimerLists::new(now),
            servers: HashMap::with_hasher(hash.clone()),
            merges: HashMap::with_hasher(hash.clone()),
            clients: HashMap::with_hasher(hash.clone()),
            bound: HashMap::with_hasher(hash.clone()),
            sources: Sources::new(
                hash.clone(),
                limits.sources,
                limits.answers,
                limits.answers_at_once,
            ),
            hash,
            outbox: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    /// How many transactions there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(crate) fn hash(&self) -> &Seeded {
        &self.hash
    }

    pub(crate) fn poll_departure(&mut self) -> Option<Departure> {
        self.outbox.pop_front()
    }

    pub(crate) fn poll_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_expired(now) {
            let (slot, is_end) = (timer / 2, timer % 2 == 1);
            let Some(entry) = self.entry(slot) else {
                continue;
            };
            let interval = entry.interval;
            match entry.machine {
                Machine::InviteClient(_) | Machine::OtherClient(_) => {
                    let input = match is_end {
                        true => ClientInput::End,
                        false => ClientInput::Again(interval),
                    };
                    self.step_client(now, slot, input, None);
                }
                Machine::InviteServer(_) | Machine::OtherServer(_) => {
                    let input = match is_end {
                        true => ServerInput::End,
                        false => ServerInput::Again(interval),
                    };
                    self.step_server(now, slot, input, None);
                }
            }
        }
    }

    /// Takes a request in that belongs to a transaction, or an ACK; `None` if a transaction is to be
    /// begun for it.
    pub(crate) fn handle_request(
        &mut self,
        now: Instant,
        request: &Request,
        key: &RequestKey,
        arrival: Arrival,
    ) -> Option<Receipt> {
        let found = self.servers.get(key.own.as_slice()).copied();
        if request.method() == Method::Ack {
            return Some(self.handle_ack(now, request, key, found));
        }
        // The answer goes back on the way of this copy: that of the first may be gone.
        let entry = self.entry_mut(found?)?;
        entry.flow = arrival.flow;
        self.step_server(now, found?, ServerInput::Request, None);
        Some(Receipt::Absorbed)
    }

    /// Begins a server transaction.
    ///
    /// # Errors
    ///
    /// If there is no room, in all or for this source. One sixteenth of the room is for what ends
    /// something or goes on with it, which is refused last.
    pub(crate) fn begin_server(
        &mut self,
        now: Instant,
        request: &Request,
        key: RequestKey,
        arrival: Arrival,
    ) -> Result<(TransactionId, Novelty), Full> {
        let is_cancel = request.method() == Method::Cancel;
        let kept = match is_cancel || key.merge.is_none() {
            true => 0,
            false => self.limits.transactions / 16,
        };
        let source = arrival.source.ip();
        if self.len() + kept >= self.limits.transactions
            || self.sources.transactions(source) >= self.limits.per_source
        {
            return Err(Full);
        }
        let novelty = if is_cancel {
            Novelty::Cancel(self.invite_of(&key))
        } else if key
            .merge
            .is_some_and(|merge| self.merges.contains_key(&merge))
        {
            Novelty::Merged
        } else {
            Novelty::Fresh
        };
        let (machine, step) = match Kind::of(request.method()) {
            Kind::Invite => {
                let step = InviteServer::start(&self.timing);
                let state = Machine::InviteServer(InviteServer::Received);
                (state, step.map(Machine::InviteServer))
            }
            Kind::Other => {
                let step = OtherServer::start(&self.timing);
                let state = Machine::OtherServer(OtherServer::Trying);
                (state, step.map(Machine::OtherServer))
            }
        };
        let own = Bytes::from(key.own);
        // One that came on another way, or that cancels, does not stand for the first.
        let merge = key.merge.filter(|_| novelty == Novelty::Fresh);
        let place = Place::Server {
            key: own.clone(),
            merge,
            source: arrival.source,
            old: key.is_old.then_some(None),
        };
        let id = self.insert(machine, arrival.flow, request.as_bytes().clone(), place);
        self.servers.insert(own, id.slot);
        if let Some(merge) = merge {
            self.merges.insert(merge, id.slot);
        }
        self.sources.begin(now, source);
        self.apply(now, id.slot, step, None);
        Ok((id, novelty))
    }

    /// The INVITE that a CANCEL is about.
    fn invite_of(&self, key: &RequestKey) -> Option<TransactionId> {
        let &slot = self.servers.get(key.invite.as_deref()?)?;
        let serial = self.entry(slot)?.serial;
        Some(TransactionId { slot, serial })
    }

    /// Takes a response in.
    pub(crate) fn handle_response(
        &mut self,
        now: Instant,
        response: &Response,
        branch: Branch,
        method: Method<'_>,
        flow: Flow,
    ) -> Taken {
        let Some(&slot) = self.clients.get(&branch) else {
            return Taken::Stray;
        };
        let Some(entry) = self.entry(slot) else {
            return Taken::Stray;
        };
        // What went to a proved peer is answered by nobody else.
        let same_way = match (entry.flow, flow) {
            (Flow::Datagrams { .. }, Flow::Datagrams { .. }) => true,
            (Flow::Connection(left), Flow::Connection(right)) => left == right,
            (Flow::Datagrams { .. }, Flow::Connection(_))
            | (Flow::Connection(_), Flow::Datagrams { .. }) => false,
        };
        let is_invite = matches!(entry.machine, Machine::InviteClient(_));
        if !same_way || is_invite != (method == Method::Invite) {
            return Taken::Stray;
        }
        let input = ClientInput::Response(Class::of(response.status()));
        match self.step_client(now, slot, input, Some(response)) {
            Some(told) => Taken::Told(told),
            None => Taken::Absorbed,
        }
    }

    /// Begins a client transaction and sends its request.
    pub(crate) fn begin_client(
        &mut self,
        now: Instant,
        departing: Departing,
    ) -> Result<TransactionId, Full> {
        if self.len() >= self.limits.transactions {
            return Err(Full);
        }
        let reliability = departing.flow.reliability();
        let (machine, step) = match departing.kind {
            Kind::Invite => {
                let step = InviteClient::start(&self.timing, reliability);
                let state = Machine::InviteClient(InviteClient::Calling);
                (state, step.map(Machine::InviteClient))
            }
            Kind::Other => {
                let step = OtherClient::start(&self.timing, reliability);
                let state = Machine::OtherClient(OtherClient::Trying);
                (state, step.map(Machine::OtherClient))
            }
        };
        let (branch, flow) = (departing.branch, departing.flow);
        let place = Place::Client {
            branch,
            owner: departing.owner,
        };
        let id = self.insert(machine, flow, departing.request, place);
        self.clients.insert(branch, id.slot);
        if let Flow::Connection(connection) = flow {
            self.bound.entry(connection).or_default().insert(id.slot);
        }
        self.apply(now, id.slot, step, None);
        Ok(id)
    }

    /// Sends a response of the user's.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: StatusCode,
        response: Bytes,
    ) -> Result<(), Closed> {
        let class = Class::of(status);
        let entry = self.live(id).ok_or(Closed)?;
        let takes = match entry.machine {
            Machine::InviteServer(InviteServer::Received | InviteServer::Proceeding) => true,
            Machine::InviteServer(InviteServer::Accepted) => class == Class::Success,
            Machine::OtherServer(OtherServer::Trying | OtherServer::Proceeding) => {
                class != Class::Provisional
            }
            Machine::InviteServer(InviteServer::Completed | InviteServer::Confirmed)
            | Machine::OtherServer(OtherServer::Completed)
            | Machine::InviteClient(_)
            | Machine::OtherClient(_) => false,
        };
        if !takes {
            return Err(Closed);
        }
        self.step_server(now, id.slot, ServerInput::Respond(class), Some(response));
        Ok(())
    }

    /// Notes that the user cancels an INVITE that rings; gives the request to be cancelled. `None` if
    /// no provisional response has come, or the final one has (RFC 3261 §9.1).
    pub(crate) fn cancel(
        &mut self,
        now: Instant,
        id: TransactionId,
    ) -> Option<(Bytes, Flow, Branch)> {
        let entry = self.live(id)?;
        let Machine::InviteClient(InviteClient::Proceeding) = entry.machine else {
            return None;
        };
        let Place::Client { branch, .. } = entry.place else {
            return None;
        };
        let cancelled = (entry.request.clone(), entry.flow, branch);
        self.step_client(now, id.slot, ClientInput::Cancel, None);
        Some(cancelled)
    }

    /// Fails every client that waits for something on a connection, and the server whose response
    /// could not be sent.
    pub(crate) fn handle_lost(&mut self, now: Instant, connection: ConnectionId) {
        for slot in self.bound.remove(&connection).unwrap_or_default() {
            self.step_client(now, slot, ClientInput::TransportFailed, None);
        }
    }

    /// Notes that a message of a transaction can be sent nowhere.
    ///
    /// False if the transaction is over.
    pub(crate) fn handle_undeliverable(&mut self, now: Instant, id: TransactionId) -> bool {
        let Some(entry) = self.live(id) else {
            return false;
        };
        match entry.machine {
            Machine::InviteClient(_) | Machine::OtherClient(_) => {
                self.step_client(now, id.slot, ClientInput::TransportFailed, None);
            }
            Machine::InviteServer(_) | Machine::OtherServer(_) => {
                self.step_server(now, id.slot, ServerInput::TransportFailed, None);
            }
        }
        true
    }

    /// Directs what a server sends from now on to another flow.
    pub(crate) fn redirect(&mut self, id: TransactionId, flow: Flow) {
        if let Some(entry) = self.live_mut(id) {
            entry.flow = flow;
        }
    }

    /// Ends an INVITE that was cancelled before it was answered (RFC 3261 §9.2); false if it was.
    pub(crate) fn terminate(&mut self, now: Instant, id: TransactionId) -> bool {
        let Some(entry) = self.live(id) else {
            return false;
        };
        let Machine::InviteServer(InviteServer::Received | InviteServer::Proceeding) =
            entry.machine
        else {
            return false;
        };
        let response = entry.own_response(StatusCode::REQUEST_TERMINATED, self.tag_of(entry));
        let input = ServerInput::Respond(Class::Failure);
        self.step_server(now, id.slot, input, response);
        true
    }

    /// The tag in To of the answers to a request: it follows from the key under the secret of this
    /// table, so that every answer has the same.
    pub(crate) fn tag(&self, key: &[u8]) -> Tag {
        Tag::new(self.hash.hash_one(key))
    }

    fn tag_of(&self, entry: &Entry) -> Option<Tag> {
        match &entry.place {
            Place::Server { key, .. } => Some(self.tag(key)),
            Place::Client { .. } => None,
        }
    }

    fn handle_ack(
        &mut self,
        now: Instant,
        request: &Request,
        key: &RequestKey,
        found: Option<u32>,
    ) -> Receipt {
        let Some(slot) = found else {
            return Receipt::Ack;
        };
        let Some(entry) = self.entry(slot) else {
            return Receipt::Ack;
        };
        if let Place::Server { old: Some(tag), .. } = &entry.place
            && key.is_old
            && tag.as_deref() != to_tag(request.headers()).as_deref()
        {
            return Receipt::Ack;
        }
        match self.step_server(now, slot, ServerInput::Ack, None) {
            Some(told) if told.tell == Tell::Message => Receipt::Ack,
            Some(_) | None => Receipt::Absorbed,
        }
    }

    fn step_client(
        &mut self,
        now: Instant,
        slot: u32,
        input: ClientInput,
        response: Option<&Response>,
    ) -> Option<Told> {
        let entry = self.entry(slot)?;
        let reliability = entry.flow.reliability();
        let step = match entry.machine {
            Machine::InviteClient(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::InviteClient),
            Machine::OtherClient(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::OtherClient),
            Machine::InviteServer(_) | Machine::OtherServer(_) => return None,
        };
        if step.send == Send::Ack
            && entry.last.is_empty()
            && let Some(response) = response
        {
            let ack = acknowledge(&entry.request, response);
            if let Some(entry) = self.entry_mut(slot) {
                entry.last = ack.unwrap_or_default();
            }
        }
        self.apply(now, slot, step, None)
    }

    fn step_server(
        &mut self,
        now: Instant,
        slot: u32,
        input: ServerInput,
        response: Option<Bytes>,
    ) -> Option<Told> {
        let entry = self.entry(slot)?;
        let reliability = entry.flow.reliability();
        let step = match entry.machine {
            Machine::InviteServer(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::InviteServer),
            Machine::OtherServer(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::OtherServer),
            Machine::InviteClient(_) | Machine::OtherClient(_) => return None,
        };
        let response = match step.send {
            Send::Trying => entry.own_response(StatusCode::TRYING, None),
            Send::Timeout => entry.own_response(StatusCode::REQUEST_TIMEOUT, self.tag_of(entry)),
            Send::Response => response,
            Send::Nothing | Send::Again | Send::Ack => None,
        };
        self.apply(now, slot, step, response)
    }

    /// Does what a step says; gives what the user is to learn, if that is about the input at hand.
    fn apply(
        &mut self,
        now: Instant,
        slot: u32,
        step: Step<Machine>,
        response: Option<Bytes>,
    ) -> Option<Told> {
        let entry = self.entry_mut(slot)?;
        if let Some(response) = response {
            entry.last = response;
        }
        let id = TransactionId {
            slot,
            serial: entry.serial,
        };
        let (side, owner) = match &entry.place {
            Place::Client { owner, .. } => (Side::Client, *owner),
            Place::Server { .. } => (Side::Server, 0),
        };
        let message = match (step.send, side) {
            (Send::Again, Side::Client) => Some(entry.request.clone()),
            (Send::Again | Send::Trying | Send::Timeout | Send::Response, Side::Server)
            | (Send::Ack, _) => Some(entry.last.clone()),
            (Send::Nothing, _) | (Send::Trying | Send::Timeout | Send::Response, Side::Client) => {
                None
            }
        };
        let departure = message
            .filter(|message| !message.is_empty())
            .map(|message| Departure {
                from: Some((id, side)),
                flow: entry.flow,
                message,
                detours: 0,
            });
        if let Wait::For(interval) = step.again {
            entry.interval = interval;
        }
        self.outbox.extend(departure);
        let [again, end] = timers_of(slot);
        for (timer, wait) in [(again, step.again), (end, step.end)] {
            match wait {
                Wait::Keep => {}
                Wait::For(wait) => self.timers.set_after(timer, now, wait),
                Wait::Stop => self.timers.stop(timer),
            }
        }
        match step.next {
            Some(machine) => self.enter(slot, machine),
            None => self.remove(now, slot),
        }
        let told = Told {
            id,
            owner,
            side,
            tell: step.tell,
        };
        match step.tell {
            Tell::Nothing => None,
            Tell::Message => Some(told),
            Tell::TimedOut
            | Tell::Unanswered
            | Tell::TransportFailed
            | Tell::RangOut
            | Tell::Ended => {
                self.told.push_back(told);
                None
            }
        }
    }

    /// Lets go of what a state does not need.
    fn enter(&mut self, slot: u32, machine: Machine) {
        let Some(entry) = self.entry_mut(slot) else {
            return;
        };
        let is_new = entry.machine != machine;
        entry.machine = machine;
        let is_answered = match machine {
            Machine::InviteServer(state) => {
                !matches!(state, InviteServer::Received | InviteServer::Proceeding)
            }
            Machine::OtherServer(state) => state == OtherServer::Completed,
            Machine::InviteClient(state) => {
                matches!(state, InviteClient::Accepted | InviteClient::Completed)
            }
            Machine::OtherClient(state) => state == OtherClient::Completed,
        };
        if !is_new || !is_answered {
            return;
        }
        entry.request = Bytes::new();
        if let Place::Server { old: Some(tag), .. } = &mut entry.place {
            *tag = tag_of(&entry.last);
        }
        if let (Flow::Connection(connection), Place::Client { .. }) = (entry.flow, &entry.place)
            && machine == Machine::OtherClient(OtherClient::Completed)
        {
            self.unbind(connection, slot);
        }
    }

    fn insert(
        &mut self,
        machine: Machine,
        flow: Flow,
        request: Bytes,
        place: Place,
    ) -> TransactionId {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let entry = Some(Entry {
            serial,
            machine,
            flow,
            request,
            last: Bytes::new(),
            interval: Duration::ZERO,
            place,
        });
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(free) = self.entries.get_mut(slot as usize) {
                    *free = entry;
                }
                slot
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
            }
        };
        TransactionId { slot, serial }
    }

    fn remove(&mut self, now: Instant, slot: u32) {
        let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.free.push(slot);
        for timer in timers_of(slot) {
            self.timers.stop(timer);
        }
        match entry.place {
            Place::Client { branch, .. } => {
                self.clients.remove(&branch);
                if let Flow::Connection(connection) = entry.flow {
                    self.unbind(connection, slot);
                }
            }
            Place::Server {
                key, merge, source, ..
            } => {
                self.servers.remove(&key);
                if let Some(merge) = merge {
                    self.merges.remove(&merge);
                }
                self.sources.end(now, source.ip());
            }
        }
        if self.len() == 0 {
            self.release();
        }
    }

    /// Gives back what a flood left behind.
    fn release(&mut self) {
        if self.entries.capacity() > KEPT {
            self.entries = Vec::new();
            self.free = Vec::new();
            self.timers.clear();
            self.servers.shrink_to(KEPT);
            self.merges.shrink_to(KEPT);
            self.clients.shrink_to(KEPT);
        }
    }

    fn unbind(&mut self, connection: ConnectionId, slot: u32) {
        if let Some(slots) = self.bound.get_mut(&connection) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.bound.remove(&connection);
            }
        }
    }

    /// Whether a source may get one more answer for which nothing is kept, and counts it.
    pub(crate) fn may_answer(&mut self, now: Instant, source: IpAddr) -> bool {
        self.sources.may_answer(now, source)
    }

    fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_ref()
    }

    fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    fn live(&self, id: TransactionId) -> Option<&Entry> {
        self.entry(id.slot)
            .filter(|entry| entry.serial == id.serial)
    }

    fn live_mut(&mut self, id: TransactionId) -> Option<&mut Entry> {
        self.entry_mut(id.slot)
            .filter(|entry| entry.serial == id.serial)
    }
}

impl Entry {
    /// A response of the transaction's own.
    fn own_response(&self, status: StatusCode, tag: Option<Tag>) -> Option<Bytes> {
        own_response(&self.request, status, self.source(), tag)
    }

    /// Where the request of a server came from.
    fn source(&self) -> Option<SocketAddr> {
        match self.place {
            Place::Server { source, .. } => Some(source),
            Place::Client { .. } => None,
        }
    }
}

impl Class {
    fn of(status: StatusCode) -> Self {
        if status.is_provisional() {
            Self::Provisional
        } else if status.is_success() {
            Self::Success
        } else {
            Self::Failure
        }
    }
}

impl Flow {
    pub(crate) fn reliability(self) -> Reliability {
        match self {
            Self::Datagrams { .. } => Reliability::Unreliable,
            Self::Connection(_) => Reliability::Reliable,
        }
    }
}

/// The timer that repeats and the one that ends.
fn timers_of(slot: u32) -> [u32; 2] {
    let again = slot.wrapping_mul(2);
    [again, again.wrapping_add(1)]
}

/// For how many transactions room is kept when there is none.
const KEPT: usize = 1024;
