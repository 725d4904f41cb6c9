mod entry;
mod slots;
mod steps;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::time::Instant;

use bytes::Bytes;
use comity_machine::Random;

use entry::{Age, Entry, Machine, Place};

use super::client::{ClientInput, InviteClient, OtherClient};
use super::hash::{Fingerprint, Fingerprints, Hashed, Seeded};
use super::key::{Keys, RequestKey};
use super::message::to_tag;
use super::server::{InviteServer, OtherServer, ServerInput};
use super::sources::{Share, Sources};
use super::step::{Class, Step, Tell};
use super::tag::Tag;
use super::timers::TimerLists;
use super::timing::Timing;
use super::traffic::{
    Arrival, Branch, Closed, Departing, Departure, Full, Kind, Receipt, Taken, Told, TransactionId,
};
use crate::flow::{ConnectionId, Flow};
use crate::{Method, Request, Response, StatusCode};

/// All transactions of an endpoint, clients and servers.
///
/// A message finds its transaction by one lookup, a timer by its number, and the transactions of a
/// connection by a list of their own.
#[derive(Debug)]
pub(crate) struct Table {
    timing: Timing,
    /// The first step of each server of a request other than INVITE.
    first_step: Step<OtherServer>,
    hash: Seeded,
    /// Of the tags that others see.
    tags: Seeded,
    keys: Keys,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    serial: u32,
    timers: TimerLists,
    servers: HashMap<Fingerprint, u32, Hashed>,
    merges: HashMap<u64, u32, Hashed>,
    clients: HashMap<Branch, u32, Seeded>,
    /// The transactions that depend on a flow.
    bound: HashMap<Flow, BTreeSet<u32>, Seeded>,
    sources: Sources,
    limits: Limits,
    /// Bytes of the messages that are kept.
    held: usize,
    outbox: VecDeque<Departure>,
    told: VecDeque<Told>,
}

/// What the table takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Transactions in all, and for each source.
    pub(crate) transactions: usize,
    pub(crate) per_source: Share,
    /// Bytes of the messages that servers keep.
    pub(crate) bytes: usize,
    /// Sources that are remembered, and the answers outside of transactions that each gets in a
    /// second, and at once.
    pub(crate) sources: usize,
    pub(crate) answers: u32,
    pub(crate) answers_at_once: u32,
}

impl Table {
    pub(crate) fn new(now: Instant, timing: Timing, limits: Limits, random: &mut Random) -> Self {
        let hash = Seeded::new(random.bytes());
        let tags = Seeded::new(random.bytes());
        let mut seeded = || Seeded::new(random.bytes());
        let keys = Keys::new(Fingerprints::new(seeded(), seeded()), seeded());
        Self {
            first_step: OtherServer::start(&timing),
            timing,
            limits,
            held: 0,
            entries: Vec::new(),
            free: Vec::new(),
            serial: 0,
            timers: TimerLists::new(now),
            servers: HashMap::default(),
            merges: HashMap::default(),
            clients: HashMap::with_hasher(hash.clone()),
            bound: HashMap::with_hasher(hash.clone()),
            sources: Sources::new(
                hash.clone(),
                limits.sources,
                limits.answers,
                limits.answers_at_once,
            ),
            hash,
            tags,
            keys,
            outbox: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    /// How many transactions there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// The hash of what others see, in tags and branches.
    pub(crate) fn shown_hash(&self) -> &Seeded {
        &self.tags
    }

    pub(crate) fn hash(&self) -> &Seeded {
        &self.hash
    }

    /// What makes keys of requests.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
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
        let found = self.servers.get(&key.own).copied();
        if request.method() == Method::Ack {
            return Some(self.handle_ack(now, request, found));
        }
        // The answer goes back on the way of this copy: that of the first may be gone.
        self.bind(found?, arrival.flow);
        self.step_server(now, found?, ServerInput::Request, None);
        Some(Receipt::Absorbed)
    }

    /// Begins a server transaction.
    ///
    /// # Errors
    ///
    /// If there is no room, in all or for this source. Some is kept for requests of ours, and some for
    /// what goes on with something that is there, or ends it.
    pub(crate) fn begin_server(
        &mut self,
        now: Instant,
        request: &Request,
        key: &RequestKey,
        arrival: Arrival,
    ) -> Result<TransactionId, Full> {
        let is_cancel = request.method() == Method::Cancel;
        let begins = !is_cancel && key.merge.is_some();
        let kept = match begins {
            true => self.limits.transactions / 16,
            false => self.limits.transactions / 32,
        };
        let (source, bytes) = (arrival.source.ip(), request.as_bytes().len());
        if self.len() + kept >= self.limits.transactions
            || self.held + bytes > self.limits.bytes
            || !self
                .sources
                .begin(now, source, bytes, self.limits.per_source)
        {
            return Err(Full);
        }
        let (machine, step) = match Kind::of(request.method()) {
            Kind::Invite => {
                let step = InviteServer::start(&self.timing);
                let state = Machine::InviteServer(InviteServer::Received);
                (state, step.map(Machine::InviteServer))
            }
            Kind::Other => {
                let state = Machine::OtherServer(OtherServer::Trying);
                (state, self.first_step.map(Machine::OtherServer))
            }
        };
        // One that came on another way, or that cancels, does not stand for the first.
        let is_first = !is_cancel && !self.is_merged(key);
        let merge = key.merge.filter(|_| is_first);
        let place = Place::Server {
            key: key.own,
            merge,
            source: arrival.source,
            age: match key.is_old {
                true => Age::Rfc2543 { tag: None },
                false => Age::Current,
            },
        };
        let id = self.insert(machine, arrival.flow, request.as_bytes().clone(), place);
        self.servers.insert(key.own, id.slot);
        if let Some(merge) = merge {
            self.merges.insert(merge, id.slot);
        }
        self.apply(now, id.slot, step, None);
        Ok(id)
    }

    /// Whether a request came before on another way (RFC 3261 §8.2.2.2).
    pub(crate) fn is_merged(&self, key: &RequestKey) -> bool {
        let merge = key.merge.filter(|_| key.invite.is_none());
        merge.is_some_and(|merge| self.merges.contains_key(&merge))
    }

    /// The INVITE that a CANCEL is about.
    pub(crate) fn invite_of(&self, key: &RequestKey) -> Option<TransactionId> {
        let &slot = self.servers.get(&key.invite?)?;
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
        let name = method.as_str().as_bytes();
        let asked = entry.request.strip_prefix(name);
        let is_asked = entry.request.is_empty() || asked.is_some_and(|rest| rest.starts_with(b" "));
        let is_invite = matches!(entry.machine, Machine::InviteClient(_));
        if !same_way || !is_asked || is_invite != (method == Method::Invite) {
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
                !matches!(class, Class::Trying | Class::Provisional)
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

    /// Fails every client that waits for something on a flow.
    pub(crate) fn handle_lost(&mut self, now: Instant, flow: Flow) {
        for slot in self.bound.get(&flow).cloned().unwrap_or_default() {
            // A server has nothing to lose until it has something to send.
            self.step_client(now, slot, ClientInput::TransportFailed, None);
        }
    }

    /// The owner of a client transaction that goes on.
    pub(crate) fn owner(&self, id: TransactionId) -> Option<u64> {
        match self.live(id)?.place {
            Place::Client { owner, .. } => Some(owner),
            Place::Server { .. } => None,
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

    /// Whether a request still waits for the final answer of its user.
    pub(crate) fn is_unanswered(&self, id: TransactionId) -> bool {
        self.live(id).is_some_and(|entry| match entry.machine {
            Machine::InviteServer(state) => {
                matches!(state, InviteServer::Received | InviteServer::Proceeding)
            }
            Machine::OtherServer(state) => state != OtherServer::Completed,
            Machine::InviteClient(_) | Machine::OtherClient(_) => false,
        })
    }

    /// Directs what a server sends from now on to another flow.
    pub(crate) fn redirect(&mut self, id: TransactionId, flow: Flow) {
        if self.live(id).is_some() {
            self.bind(id.slot, flow);
        }
    }

    /// Whether a transaction waits for something on a connection.
    pub(crate) fn is_used(&self, connection: ConnectionId) -> bool {
        self.bound.contains_key(&Flow::Connection(connection))
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
    pub(crate) fn tag(&self, key: impl Hash) -> Tag {
        Tag::new(self.tags.hash_one(key))
    }

    fn tag_of(&self, entry: &Entry) -> Option<Tag> {
        match &entry.place {
            Place::Server { key, .. } => Some(self.tag(key)),
            Place::Client { .. } => None,
        }
    }

    fn handle_ack(&mut self, now: Instant, request: &Request, found: Option<u32>) -> Receipt {
        let Some(slot) = found else {
            return Receipt::Ack;
        };
        let Some(entry) = self.entry(slot) else {
            return Receipt::Ack;
        };
        if let Place::Server {
            age: Age::Rfc2543 { tag },
            ..
        } = &entry.place
            && tag.as_deref() != to_tag(request.headers()).as_deref()
        {
            return Receipt::Ack;
        }
        match self.step_server(now, slot, ServerInput::Ack, None) {
            Some(told) if told.tell == Tell::Message => Receipt::Ack,
            Some(_) | None => Receipt::Absorbed,
        }
    }
}
