//! What must hold of a router at every step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use comity_machine::QueryId;
use comity_xmpp::router::{ConnectionId, Event, Router};
use comity_xmpp::stream::{Pair, PeerCertificate};
use comity_xmpp::{Stanza, ns};

use crate::wire::{Wire, text, trace};

/// A router, and what we know about it.
pub(super) struct Model {
    pub(super) router: Router,
    pub(super) now: Instant,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Connections that are being opened.
    pub(super) dialled: BTreeSet<ConnectionId>,
    /// Connections that were reported as lost.
    pub(super) gone: BTreeSet<ConnectionId>,
    /// Every question so far, answered or not.
    pub(super) questions: Vec<(QueryId, Asked)>,
    /// How many of them were given out to be answered.
    answered: usize,
    /// Every stanza that was taken, by its number.
    stanzas: Vec<Fate>,
    /// The ids of all streams of ours.
    ids: Vec<String>,
    closing: bool,
}

/// One connection.
struct Connection {
    wire: Wire,
    awaits_tls: bool,
    closed: bool,
    /// Who has been proved to us, and to whom we are proved.
    authorized: BTreeSet<Pair>,
    established: BTreeSet<Pair>,
    /// Stanzas of ours that were written and whose pair is still to be seen.
    unchecked: Vec<usize>,
}

/// What a question is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Authenticate,
    Authorize,
    Connect,
}

/// What became of a stanza.
#[derive(Debug)]
struct Fate {
    pair: Pair,
    taken: bool,
    transmitted: u32,
    undelivered: u32,
}

impl Model {
    pub(super) fn new(router: Router, now: Instant) -> Self {
        Self {
            router,
            now,
            connections: BTreeMap::new(),
            dialled: BTreeSet::new(),
            gone: BTreeSet::new(),
            questions: Vec::new(),
            answered: 0,
            stanzas: Vec::new(),
            ids: vec!["i1".to_owned()],
            closing: false,
        }
    }

    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// Ids that the peer of a connection may know.
    pub(super) fn ids(&self, connection: Option<ConnectionId>) -> Vec<String> {
        let connection = connection.and_then(|id| self.connections.get(&id));
        let own = connection.and_then(|connection| connection.wire.id.clone());
        self.ids.iter().cloned().chain(own).collect()
    }

    pub(super) fn awaiting_tls(&self) -> Vec<ConnectionId> {
        let awaits = |(_, connection): &(_, &Connection)| connection.awaits_tls;
        let awaiting = self.connections.iter().filter(awaits);
        awaiting.map(|(id, _)| *id).collect()
    }

    /// The questions that were not given out before.
    pub(super) fn take_open_questions(&mut self) -> Vec<(QueryId, Asked)> {
        let open = self.questions.get(self.answered..).unwrap_or_default();
        let open = open.to_vec();
        self.answered = self.questions.len();
        open
    }

    pub(super) fn accept(&mut self) {
        if let Ok(connection) = self.router.accept(self.now, comity_xmpp::Transport::Tcp) {
            assert!(!self.closing, "a connection is accepted after the end");
            self.add(connection);
        }
        self.drain();
    }

    fn add(&mut self, id: ConnectionId) {
        let connection = Connection {
            wire: Wire::new(),
            awaits_tls: false,
            closed: false,
            authorized: BTreeSet::new(),
            established: BTreeSet::new(),
            unchecked: Vec::new(),
        };
        let before = self.connections.insert(id, connection);
        assert!(before.is_none(), "{id} comes twice");
    }

    pub(super) fn connected(&mut self, connection: ConnectionId, succeeds: bool) {
        self.dialled.remove(&connection);
        if succeeds {
            self.router.handle_connected(self.now, connection);
        } else {
            self.gone.insert(connection);
            self.router
                .handle_connect_failed(self.now, connection, "<refused>");
        }
        self.drain();
    }

    pub(super) fn tls_established(&mut self, id: ConnectionId, certificate: PeerCertificate) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.awaits_tls = false;
        }
        self.router
            .handle_tls_established(self.now, id, certificate);
        self.drain();
    }

    /// The number of the next stanza.
    pub(super) fn sent(&self) -> usize {
        self.stanzas.len()
    }

    pub(super) fn send(&mut self, number: usize, stanza: Stanza) {
        assert_eq!(number, self.stanzas.len());
        let (local, remote) = stanza.domains();
        let pair = Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        let result = self.router.send(self.now, stanza);
        self.stanzas.push(Fate {
            pair,
            taken: result.is_ok(),
            transmitted: 0,
            undelivered: 0,
        });
        assert!(!(self.closing && result.is_ok()), "taken after the end");
        self.drain();
    }

    /// Takes everything that comes out, in the order of the run loop.
    pub(super) fn drain(&mut self) {
        let mut bytes = Vec::new();
        loop {
            while let Some(transmit) = self.router.poll_transmit(&mut bytes) {
                assert_eq!(transmit.len, bytes.len());
                trace(&format!("{}: {}", transmit.connection, text(&bytes)));
                self.transmitted(transmit.connection, &bytes);
                bytes.clear();
            }
            let Some(event) = self.router.poll_event() else {
                break;
            };
            trace(&format!("{event:?}"));
            self.take(event);
        }
        for connection in self.connections.values_mut() {
            for number in connection.unchecked.drain(..) {
                let pair = &self.stanzas[number].pair;
                assert!(connection.established.contains(pair), "{pair}");
            }
        }
        assert!(!self.router.is_closed() || self.closing);
    }

    fn transmitted(&mut self, id: ConnectionId, bytes: &[u8]) {
        let connection = self.connections.get_mut(&id).expect("a connection");
        assert!(!self.dialled.contains(&id), "{id} is not open");
        assert!(!connection.closed, "{id} is closed: {}", text(bytes));
        assert!(!connection.awaits_tls, "{id} awaits TLS: {}", text(bytes));
        for written in connection.wire.take(bytes) {
            if written.namespace == ns::SERVER && written.name == "message" {
                let number = written.id.as_deref().and_then(|id| id.strip_prefix('s'));
                let number = number.expect("an id").parse().expect("a number");
                let fate: &mut Fate = &mut self.stanzas[number];
                fate.transmitted += 1;
                fate.check();
                connection.unchecked.push(number);
            }
        }
        if let Some(own) = &connection.wire.id
            && self.ids.last() != Some(own)
        {
            self.ids.push(own.clone());
        }
    }

    fn open(&mut self, id: ConnectionId) -> &mut Connection {
        let connection = self.connections.get_mut(&id).expect("a connection");
        assert!(!connection.closed, "{id} is closed");
        connection
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Authenticate {
                query, connection, ..
            } => {
                self.open(connection);
                self.ask(query, Asked::Authenticate);
            }
            Event::Authorize { query, .. } => self.ask(query, Asked::Authorize),
            Event::Authorized {
                connection, pair, ..
            } => {
                self.open(connection).authorized.insert(pair);
            }
            Event::Closed { connection, .. } => {
                self.dialled.remove(&connection);
                let connection = self.open(connection);
                connection.closed = true;
                connection.awaits_tls = false;
            }
            Event::Connect { query, .. } => self.ask(query, Asked::Connect),
            Event::Dial { connection, .. } => {
                assert!(!self.closing, "a connection is opened after the end");
                self.add(connection);
                self.dialled.insert(connection);
            }
            Event::Dropped { connection, .. } => {
                self.open(connection);
            }
            Event::Established {
                connection, pair, ..
            } => {
                self.open(connection).established.insert(pair);
            }
            Event::Stanza {
                connection, stanza, ..
            } => {
                let (remote, local) = stanza.domains();
                let pair = Pair {
                    local: local.clone(),
                    remote: remote.clone(),
                };
                let connection = self.open(connection);
                assert!(connection.authorized.contains(&pair), "{pair}");
            }
            Event::StartTls { connection, .. } => self.open(connection).awaits_tls = true,
            Event::Undelivered { stanza, .. } => {
                let number = stanza.id().and_then(|id| id.strip_prefix('s'));
                let number: usize = number.expect("an id").parse().expect("a number");
                let fate = &mut self.stanzas[number];
                fate.undelivered += 1;
                fate.check();
            }
            // The answer may come all the same, and does nothing then.
            Event::Withdrawn { .. } => {}
            other => panic!("an event that this target does not know: {other:?}"),
        }
    }

    fn ask(&mut self, query: QueryId, asked: Asked) {
        let known = self.questions.iter().any(|(known, _)| *known == query);
        assert!(!known, "{query} was asked before");
        self.questions.push((query, asked));
    }

    /// Lets time pass, to the next timeout.
    pub(super) fn jump(&mut self) {
        if let Some(timeout) = self.router.poll_timeout() {
            self.now = self.now.max(timeout);
            self.expire();
        }
    }

    pub(super) fn wait(&mut self, wait: Duration) {
        self.now += wait;
        self.expire();
    }

    fn expire(&mut self) {
        self.router.handle_timeout(self.now);
        let next = self.router.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "time stands still");
        self.drain();
    }

    pub(super) fn close(&mut self) {
        trace("close");
        self.closing = true;
        self.router.close(self.now);
        self.drain();
    }

    /// Closes the router, and lets time pass until it is closed.
    pub(super) fn end(&mut self) {
        self.close();
        let mut timers = 0;
        while !self.router.is_closed() {
            assert!(self.router.poll_timeout().is_some(), "nothing ends it");
            assert!(timers < MAX_TIMERS, "it does not end");
            timers += 1;
            self.jump();
        }
        assert_eq!(self.router.poll_timeout(), None, "a timer after the end");
        for (number, fate) in self.stanzas.iter().enumerate() {
            let times = fate.transmitted + fate.undelivered;
            assert_eq!(times, u32::from(fate.taken), "s{number}: {fate:?}");
        }
        for (id, connection) in &self.connections {
            let over = connection.closed || self.gone.contains(id);
            assert!(over, "{id} was never closed");
        }
    }
}

impl Fate {
    fn check(&self) {
        assert!(self.taken, "it was not taken: {self:?}");
        assert!(self.transmitted + self.undelivered == 1, "twice: {self:?}");
    }
}

/// More timers than are left when a router closes.
const MAX_TIMERS: usize = 1000;
