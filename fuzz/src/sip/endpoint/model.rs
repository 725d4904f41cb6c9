//! The transactions as the RFCs have them, in a plain table (RFC 3261 §17, RFC 6026, RFC 4320).
//!
//! It says which messages the transaction layer must send at each input. What the transaction user
//! sends it cannot know: it takes that from the output, and checks that the machine at hand lets it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use comity_sip::{ConnectionId, Flow, Timing};

use super::machine::{Client, Server, State};

/// A message that left.
pub(super) type Output = (Flow, Bytes);

#[derive(Debug)]
pub(super) struct Model {
    pub(super) timing: Timing,
    pub(super) servers: Vec<Server>,
    pub(super) clients: Vec<Client>,
    /// All branches of requests of the endpoint so far.
    pub(super) branches: BTreeSet<String>,
    /// The calls that somebody accepted, to which ACKs may go.
    pub(super) accepted: BTreeSet<String>,
    /// How often each response was given to the user of its transaction, less how often the user of the
    /// endpoint was told of it.
    pub(super) passed: BTreeMap<Bytes, usize>,
    /// Requests that were not answered in time: at least and at most so many in this step.
    pub(super) unanswered: (usize, usize),
    /// What may leave: it was due when its transaction ended.
    pub(super) parting: Vec<Output>,
    pub(super) now: Instant,
    /// When the request that leaves could have begun: its connection was not open before.
    pub(super) since: Instant,
    /// Whether there may be no room for a transaction.
    pub(super) is_tight: bool,
}

/// What must leave.
#[derive(Debug)]
pub(super) enum Want {
    Bytes(Flow, Bytes),
    /// An answer with this status, by the way of this server.
    Answer(Flow, String, u16),
    /// The ACK to what is no 2xx.
    Ack(usize, Bytes),
    /// The CANCEL of what rang for too long.
    Cancel(String),
}

impl Model {
    pub(super) fn new(timing: Timing, now: Instant, is_tight: bool) -> Self {
        Self {
            timing,
            now,
            since: now,
            is_tight,
            servers: Vec::new(),
            clients: Vec::new(),
            branches: BTreeSet::new(),
            accepted: BTreeSet::new(),
            passed: BTreeMap::new(),
            unanswered: (0, 0),
            parting: Vec::new(),
        }
    }

    /// The least and the greatest number of transactions that there can be.
    pub(super) fn bounds(&self) -> (usize, usize) {
        let servers = self.servers.iter().filter(|server| !server.is_uncertain());
        let clients = self.clients.iter().filter(|client| !client.is_adrift);
        let all = self.servers.len() + self.clients.len();
        (servers.count() + clients.count(), all)
    }

    /// Begins a step.
    pub(super) fn begin(&mut self, now: Instant, since: Instant) {
        (self.now, self.since) = (now, since);
        self.unanswered = (0, 0);
        self.parting.clear();
    }

    /// All timers that are due end.
    pub(super) fn tick(&mut self, outputs: &mut VecDeque<Output>) {
        let now = self.now;
        let uncertain = self.servers.iter().filter(|server| server.is_uncertain());
        self.unanswered = (0, uncertain.count());
        let mut wants = Vec::new();
        while let Some(due) = self.due() {
            match due {
                Due::ServerAgain(at) => self.server_again(at, &mut wants),
                Due::ServerEnd(at) => self.server_end(at, &mut wants),
                Due::ClientAgain(at) => self.client_again(at, &mut wants),
                Due::ClientEnd(at) => self.client_end(at, &mut wants),
            }
        }
        for client in &mut self.clients {
            client.is_adrift |= client.end.0 <= now;
        }
        self.repeat(&mut wants);
        self.expect(wants, outputs);
    }

    /// When something has to happen at the latest.
    pub(super) fn next(&self) -> Option<Instant> {
        let servers = self.servers.iter().filter(|server| !server.is_adrift);
        let clients = self.clients.iter().filter(|client| !client.is_adrift);
        let servers = servers.flat_map(|server| {
            let repeat = server
                .repeat
                .filter(|repeat| repeat.is_sure && !server.is_cut);
            let again = server.again.map(|(when, _)| when);
            [Some(server.end), again, repeat.map(|repeat| repeat.at)]
        });
        let clients = clients.flat_map(|client| {
            let again = client.again.map(|(when, _)| when);
            [Some(client.end.1), again]
        });
        servers.chain(clients).flatten().min()
    }

    fn due(&self) -> Option<Due> {
        let mut due = Vec::new();
        for (at, server) in self.servers.iter().enumerate() {
            due.extend(server.again.map(|(when, _)| (when, Due::ServerAgain(at))));
            due.push((server.end, Due::ServerEnd(at)));
        }
        for (at, client) in self.clients.iter().enumerate() {
            let again = client.again.filter(|_| !client.is_adrift);
            due.extend(again.map(|(when, _)| (when, Due::ClientAgain(at))));
            due.push((client.end.1, Due::ClientEnd(at)));
        }
        let due = due.into_iter().filter(|(when, _)| *when <= self.now);
        due.min_by_key(|(when, _)| *when).map(|(_, due)| due)
    }

    /// A connection is gone.
    pub(super) fn close(&mut self, id: ConnectionId) {
        let lost = Flow::Connection(id);
        for server in &mut self.servers {
            server.is_cut |= server.flow == lost;
        }
        self.lose(|flow| flow == lost);
    }

    /// No answer can come to what was sent there.
    pub(super) fn lose(&mut self, is_lost: impl Fn(Flow) -> bool) {
        self.clients.retain(|client| {
            let may_be_accepted = client.is_adrift && client.is_invite;
            !is_lost(client.flow) || client.state == State::Accepted || may_be_accepted
        });
    }

    /// A connection ends at the step at hand, so that nobody can say what leaves on it.
    pub(super) fn doubt(&mut self, lost: Flow) {
        for server in &mut self.servers {
            server.is_cut |= server.flow == lost;
        }
        for client in &mut self.clients {
            client.is_adrift |= client.flow == lost && client.state != State::Accepted;
        }
    }

    /// The user may have sent something on connections that are gone.
    pub(super) fn drift(&mut self) {
        let (now, timing) = (self.now, self.timing);
        let cut = self.servers.iter_mut();
        for server in cut.filter(|server| server.is_cut && !server.is_adrift) {
            server.drift(now, &timing);
        }
    }

    /// There may have been no room for a CANCEL, behind which an INVITE ends sooner.
    pub(super) fn doubt_cancels(&mut self) {
        let (now, timing) = (self.now, self.timing);
        let rings = |client: &Client| client.is_invite && client.state == State::Proceeding;
        for client in self.clients.iter_mut().filter(|client| rings(client)) {
            client.drift(now, &timing);
        }
    }

    /// A session of this call may be over.
    pub(super) fn loosen(&mut self, call_id: &str) {
        let (now, timing) = (self.now, self.timing);
        for server in &mut self.servers {
            if server.parts.call_id != call_id {
                continue;
            }
            if let Some(repeat) = &mut server.repeat {
                repeat.is_sure = false;
            }
            if server.is_cut && !server.is_adrift {
                server.drift(now, &timing);
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Due {
    ServerAgain(usize),
    ServerEnd(usize),
    ClientAgain(usize),
    ClientEnd(usize),
}
