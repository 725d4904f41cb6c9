use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use comity_identity::{Direction, DomainName, Host};
use comity_machine::Crowds;

use super::{Hop, Target};
use crate::transaction::{Departure, Realm, Seeded};
use crate::{ConnectionId, Framer, FramerEvent, Limits, Transport};

/// The connections of an endpoint.
#[derive(Debug)]
pub(crate) struct Connections {
    connections: BTreeMap<ConnectionId, Connection>,
    /// Those that we opened, by where they go and who has to be there.
    dialled: BTreeMap<Target, ConnectionId>,
    /// Those that a peer opened, by where they come from.
    accepted: BTreeMap<(Transport, SocketAddr), ConnectionId>,
    /// Those that a peer opened and offered for our requests, by the names that it proved (RFC 5923).
    offered: BTreeMap<DomainName, ConnectionId>,
    /// Those that a peer opened, by their sources.
    inbound: Crowds<ConnectionId>,
    next: u64,
    hash: Seeded,
    limits: ConnectionLimits,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    pub(crate) connections: usize,
    pub(crate) per_source: usize,
    pub(crate) waiting_bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Connection {
    state: State,
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    pub(crate) direction: Direction,
    /// Whom the peer proved to be.
    pub(crate) proved: Vec<DomainName>,
    /// With whom it shares transactions.
    pub(crate) realm: Realm,
    target: Option<Target>,
    framer: Framer,
    last_used: Instant,
    is_offered: bool,
    /// A message has begun and is not complete.
    pub(crate) is_reading: bool,
    /// An empty line came last.
    had_line: bool,
}

#[derive(Debug)]
enum State {
    Opening(Vec<Departure>),
    Open,
}

/// What became of a message for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is to be transmitted now.
    Now,
    /// It waits until the connection is open.
    Waits,
    /// There is no such connection, or too much waits for it.
    No,
}

/// What became of a connection that was opened.
#[derive(Debug)]
pub(crate) enum Opened {
    /// It can be used; this waits for it.
    Now(Vec<Departure>),
    /// The peer proved none of the names that it was dialled for.
    Stranger,
    /// It is not there any more, or is open already.
    Unknown,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits, hash: Seeded) -> Self {
        Self {
            connections: BTreeMap::new(),
            dialled: BTreeMap::new(),
            accepted: BTreeMap::new(),
            offered: BTreeMap::new(),
            inbound: Crowds::default(),
            next: 0,
            hash,
            limits,
        }
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// The connection that is to be closed before one from an address is taken, so that strangers do not
    /// keep others out; `None` if there is room, or nobody has to make it.
    pub(crate) fn crowding(&self, address: IpAddr) -> Option<ConnectionId> {
        let is_admitted = self.len() >= self.max_inbound() && self.admits(address);
        self.inbound.crowding(address).filter(|_| is_admitted)
    }

    /// One sixteenth is for connections of ours.
    fn max_inbound(&self) -> usize {
        self.limits.connections - self.limits.connections / 16
    }

    /// Whether the source of an address has not all that it may have.
    fn admits(&self, address: IpAddr) -> bool {
        self.inbound.of(address) < self.limits.per_source
    }

    /// Takes a connection that a peer opened; `None` if there are too many.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
        proved: Vec<DomainName>,
        message: &Limits,
    ) -> Option<ConnectionId> {
        if self.len() >= self.max_inbound() || !self.admits(remote.ip()) {
            return None;
        }
        let is_stranger = proved.is_empty();
        let connection = Connection {
            state: State::Open,
            transport,
            remote,
            direction: Direction::Inbound,
            realm: Realm::new(transport, &proved, &self.hash),
            proved,
            target: None,
            framer: Framer::new(*message),
            last_used: now,
            is_offered: false,
            is_reading: false,
            had_line: false,
        };
        let id = self.insert(connection);
        self.inbound.insert(id, Some(remote.ip()));
        if !is_stranger {
            self.inbound.prove(id);
        }
        self.accepted.insert((transport, remote), id);
        Some(id)
    }

    /// Begins a connection to a target; `None` if there are too many.
    pub(crate) fn dial(
        &mut self,
        now: Instant,
        target: &Target,
        message: &Limits,
    ) -> Option<ConnectionId> {
        if self.len() >= self.limits.connections {
            return None;
        }
        let connection = Connection {
            state: State::Opening(Vec::new()),
            transport: target.transport,
            remote: target.address,
            direction: Direction::Outbound,
            realm: Realm::new(target.transport, &[], &self.hash),
            proved: Vec::new(),
            target: Some(target.clone()),
            framer: Framer::new(*message),
            last_used: now,
            is_offered: false,
            is_reading: false,
            had_line: false,
        };
        let id = self.insert(connection);
        self.dialled.insert(target.clone(), id);
        Some(id)
    }

    /// A connection that goes to a target already: one that we opened for it, or at its address for
    /// others and whose peer proved one of its names, one that came from this very address, or one
    /// whose peer proved one of the names and offered to take our requests (RFC 5923 §5).
    pub(crate) fn find(&self, target: &Target) -> Option<ConnectionId> {
        if let Some(&id) = self.dialled.get(target) {
            return Some(id);
        }
        let came_from = self.accepted.get(&(target.transport, target.address));
        if let Some(&id) = came_from.filter(|id| self.has_proved(**id, target)) {
            return Some(id);
        }
        match target.transport {
            Transport::Tls => self.dialled_for_others(target).or_else(|| {
                let mut names = target.names.iter();
                names.find_map(|name| self.offered.get(name).copied())
            }),
            Transport::Udp | Transport::Tcp => None,
        }
    }

    /// A connection to the same address that was opened for other names, if the peer proved one that
    /// the target has.
    fn dialled_for_others(&self, target: &Target) -> Option<ConnectionId> {
        if target.names.is_empty() {
            return None;
        }
        let first = Target::new(target.transport, target.address);
        let at_address = self.dialled.range(first..);
        let mut at_address = at_address.take_while(|(other, _)| {
            (other.transport, other.address) == (target.transport, target.address)
        });
        let found = at_address.find(|(_, id)| self.has_proved(**id, target));
        found.map(|(_, &id)| id)
    }

    /// The target that leads back to a connection on which a dialog goes on, if the next hop of the dialog
    /// may be there: the connection is ours, or its peer takes our requests on it, and the hop is an
    /// address, which proves nothing, or a name that the peer proved.
    pub(crate) fn back_to(&self, id: ConnectionId, hop: &Hop) -> Option<Target> {
        let connection = self.connections.get(&id)?;
        let is_usable = connection.is_offered || connection.direction == Direction::Outbound;
        let is_there = match &hop.host {
            Host::Ip(_) => true,
            Host::Domain(name) => connection.proved.contains(name),
        };
        let same_way = hop
            .transport
            .is_none_or(|transport| transport == connection.transport);
        if !is_usable || !is_there || !same_way {
            return None;
        }
        let inbound = || Target::new(connection.transport, connection.remote);
        Some(connection.target.clone().unwrap_or_else(inbound))
    }

    /// Whether the peer of a connection proved one of the names that a target has, which in clear text
    /// nobody can.
    fn has_proved(&self, id: ConnectionId, target: &Target) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|connection| target.is_met_by(&connection.proved))
    }

    /// Notes that a connection is open, if the peer proved one of the names that it was dialled for.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        id: ConnectionId,
        proved: Vec<DomainName>,
    ) -> Opened {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Opened::Unknown;
        };
        let State::Opening(waiting) = &mut connection.state else {
            return Opened::Unknown;
        };
        let must_prove = connection.transport == Transport::Tls;
        let target = connection.target.as_ref().filter(|_| must_prove);
        if target.is_some_and(|target| !target.is_met_by(&proved)) {
            return Opened::Stranger;
        }
        let waiting = std::mem::take(waiting);
        connection.state = State::Open;
        connection.realm = Realm::new(connection.transport, &proved, &self.hash);
        connection.proved = proved;
        connection.last_used = now;
        Opened::Now(waiting)
    }

    /// Whether a message can go on a connection; it waits there if that is not open yet.
    pub(crate) fn send(&mut self, now: Instant, id: ConnectionId, departure: &Departure) -> Sent {
        let limit = self.limits.waiting_bytes;
        let Some(connection) = self.connections.get_mut(&id) else {
            return Sent::No;
        };
        connection.last_used = now;
        let State::Opening(waiting) = &mut connection.state else {
            return Sent::Now;
        };
        let held: usize = waiting.iter().map(|waiting| waiting.message.len()).sum();
        if held + departure.message.len() > limit {
            return Sent::No;
        }
        waiting.push(departure.clone());
        Sent::Waits
    }

    pub(crate) fn is_offered(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|connection| connection.is_offered)
    }

    /// Notes that the peer takes requests of ours on its connection (`alias`, RFC 5923 §5).
    pub(crate) fn offer(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let is_new = !std::mem::replace(&mut connection.is_offered, true);
        if is_new && connection.transport == Transport::Tls {
            for name in connection.proved.clone() {
                self.offered.insert(name, id);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        if let Some(target) = &connection.target
            && self.dialled.get(target) == Some(&id)
        {
            self.dialled.remove(target);
        }
        let from = (connection.transport, connection.remote);
        if self.accepted.get(&from) == Some(&id) {
            self.accepted.remove(&from);
        }
        for name in &connection.proved {
            if self.offered.get(name) == Some(&id) {
                self.offered.remove(name);
            }
        }
        self.inbound.remove(id);
        Some(connection)
    }

    fn insert(&mut self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        self.connections.insert(id, connection);
        id
    }
}

impl Connection {
    pub(crate) fn handle_input(&mut self, input: &[u8]) {
        self.framer.handle_input(input);
    }

    pub(crate) fn poll_framed(&mut self, now: Instant) -> Option<FramerEvent> {
        let event = self.framer.poll_event();
        if let Some(event) = &event {
            self.last_used = now;
            self.had_line &= matches!(event, FramerEvent::KeepAlive);
        }
        event
    }

    /// Notes an empty line; true if it is the second, which asks for a sign of life.
    pub(crate) fn is_asked(&mut self) -> bool {
        self.had_line = !self.had_line;
        !self.had_line
    }

    pub(crate) fn is_opening(&self) -> bool {
        matches!(self.state, State::Opening(_))
    }

    pub(crate) fn wants_input(&self) -> bool {
        self.framer.wants_input()
    }

    /// Whether a message has begun.
    pub(crate) fn is_pending(&self) -> bool {
        self.framer.pending() > 0
    }

    /// What waited for it to be opened.
    pub(crate) fn into_waiting(self) -> Vec<Departure> {
        match self.state {
            State::Opening(waiting) => waiting,
            State::Open => Vec::new(),
        }
    }

    /// How long it may be idle. Who accepted it waits a quarter longer, for a request of the peer that
    /// meets its end is lost.
    pub(crate) fn max_idle(&self, idle: Duration) -> Duration {
        match self.direction {
            Direction::Outbound => idle,
            Direction::Inbound => idle.saturating_add(idle / 4),
        }
    }

    /// When it is idle for too long, if nothing happens.
    pub(crate) fn idle_at(&self, idle: Duration) -> Option<Instant> {
        self.last_used.checked_add(idle)
    }
}
