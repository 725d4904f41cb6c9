//! The connections that peers open.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use super::{AcceptError, ConnectionId, Router};
use crate::Transport;
use crate::stream::Stream;

impl Router {
    /// Takes a connection that a peer opened, and that begins as `transport` says.
    ///
    /// Nobody makes room for it: say where it comes from if you know it
    /// ([`accept_from`](Self::accept_from)).
    ///
    /// # Errors
    ///
    /// It cannot be served; close it.
    pub fn accept(
        &mut self,
        now: Instant,
        transport: Transport,
    ) -> Result<ConnectionId, AcceptError> {
        self.admit(now, transport, None)
    }

    /// The same with the address that it comes from, so that one source takes no room from all others.
    ///
    /// Where all places are taken, the source with the most connections that have proved nothing makes
    /// room, if it has at least two more of them than this one: the oldest of them is closed
    /// ([`Farewell::Crowded`](crate::stream::Farewell::Crowded)).
    ///
    /// # Errors
    ///
    /// It cannot be served; close it.
    pub fn accept_from(
        &mut self,
        now: Instant,
        transport: Transport,
        source: IpAddr,
    ) -> Result<ConnectionId, AcceptError> {
        self.admit(now, transport, Some(source))
    }

    fn admit(
        &mut self,
        now: Instant,
        transport: Transport,
        source: Option<IpAddr>,
    ) -> Result<ConnectionId, AcceptError> {
        self.now = now;
        if self.closing {
            return Err(AcceptError::Closed);
        }
        let taken = source.map_or(0, |source| self.inbound.from(source));
        if taken >= self.config.limits.max_inbound_per_source {
            return Err(AcceptError::TooManyOfSource);
        }
        if self.inbound.len() >= self.config.limits.max_inbound {
            let crowding = source.and_then(|source| self.inbound.crowding(source));
            self.evict(crowding.ok_or(AcceptError::TooMany)?);
        }
        let connection = self.new_connection();
        let mut config = self.config.stream.clone();
        config.transport = transport;
        let stream = Stream::receive(now, config, self.random.seed());
        self.streams.insert(connection, stream);
        self.inbound.insert(connection, source);
        self.touch(connection);
        self.follow_up();
        Ok(connection)
    }

    fn evict(&mut self, connection: ConnectionId) {
        self.inbound.remove(connection);
        if let Some(stream) = self.streams.get_mut(&connection) {
            stream.evict(self.now);
            self.touch(connection);
        }
    }
}

/// Connections that peers opened, and from where.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    connections: BTreeMap<ConnectionId, Option<IpAddr>>,
    sources: BTreeMap<IpAddr, Share>,
    /// The sources by how many of their connections have proved nothing.
    crowds: BTreeSet<(usize, IpAddr)>,
}

/// What a source has.
#[derive(Debug, Default)]
struct Share {
    connections: usize,
    /// Those that have proved nothing, the oldest first.
    unproved: BTreeSet<ConnectionId>,
}

impl Inbound {
    pub(super) fn insert(&mut self, connection: ConnectionId, source: Option<IpAddr>) {
        let source = source.map(network);
        self.connections.insert(connection, source);
        if let Some(source) = source {
            self.change(source, |share| {
                share.connections += 1;
                share.unproved.insert(connection);
            });
        }
    }

    /// Notes that the peer has proved a domain.
    pub(super) fn prove(&mut self, connection: ConnectionId) {
        if let Some(Some(source)) = self.connections.get(&connection) {
            self.change(*source, |share| {
                share.unproved.remove(&connection);
            });
        }
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        if let Some(Some(source)) = self.connections.remove(&connection) {
            self.change(source, |share| {
                share.connections -= 1;
                share.unproved.remove(&connection);
            });
        }
    }

    fn change(&mut self, source: IpAddr, change: impl FnOnce(&mut Share)) {
        let share = self.sources.entry(source).or_default();
        self.crowds.remove(&(share.unproved.len(), source));
        change(share);
        match share.unproved.len() {
            0 => {}
            unproved => {
                self.crowds.insert((unproved, source));
            }
        }
        if share.connections == 0 {
            self.sources.remove(&source);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// How many there are from a source.
    pub(super) fn from(&self, source: IpAddr) -> usize {
        self.share(source).map_or(0, |share| share.connections)
    }

    /// The connection that has to make room for one from a source. That brings both sources nearer to
    /// each other, so that they cannot turn each other out in turns.
    fn crowding(&self, source: IpAddr) -> Option<ConnectionId> {
        let (most, crowd) = self.crowds.last()?;
        let own = self.share(source).map_or(0, |share| share.unproved.len());
        let crowd = self.sources.get(crowd).filter(|_| own + 1 < *most);
        crowd.and_then(|share| share.unproved.first().copied())
    }

    fn share(&self, source: IpAddr) -> Option<&Share> {
        self.sources.get(&network(source))
    }
}

/// Who has one address of IPv6 has all of its network of 64 bits.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(source) => source.into(),
        IpAddr::V6(source) => {
            let bits = u128::from(source) & !u128::from(u64::MAX);
            Ipv6Addr::from(bits).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use comity_machine::Random;

    use super::*;

    const SOURCES: [IpAddr; 3] = [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3)),
    ];

    /// The same from a list of connections: where each comes from, and whether it has proved something.
    fn crowding(all: &[(ConnectionId, IpAddr, bool)], source: IpAddr) -> Option<ConnectionId> {
        let unproved = |source: IpAddr| {
            let of_source = all.iter().filter(move |(_, from, _)| *from == source);
            of_source.filter(|(_, _, is_proved)| !is_proved)
        };
        let crowd = SOURCES
            .into_iter()
            .max_by_key(|from| (unproved(*from).count(), *from))?;
        let is_larger = unproved(source).count() + 1 < unproved(crowd).count();
        let oldest = unproved(crowd).map(|(connection, ..)| *connection).min();
        oldest.filter(|_| is_larger)
    }

    #[test]
    fn the_crowd_is_found_whatever_comes_and_goes() {
        let mut random = Random::from_seed([7; 32]);
        let mut inbound = Inbound::default();
        let mut all: Vec<(ConnectionId, IpAddr, bool)> = Vec::new();
        for number in 0..4_000 {
            let source = SOURCES[random.below(3) as usize];
            let some = random.below(all.len().max(1) as u64) as usize;
            match (random.below(3), all.get_mut(some)) {
                (0, Some((connection, _, is_proved))) => {
                    *is_proved = true;
                    inbound.prove(*connection);
                }
                (1, Some((connection, ..))) => {
                    inbound.remove(*connection);
                    all.remove(some);
                }
                (_, _) => {
                    inbound.insert(ConnectionId(number), Some(source));
                    all.push((ConnectionId(number), source, false));
                }
            }
            for source in SOURCES {
                assert_eq!(inbound.crowding(source), crowding(&all, source));
                let has = all.iter().filter(|(_, from, _)| *from == source).count();
                assert_eq!(inbound.from(source), has);
            }
        }
        assert_ne!(all, []);
        for (connection, ..) in all {
            inbound.remove(connection);
        }
        assert_eq!((inbound.len(), inbound.sources.len()), (0, 0));
        assert_eq!(inbound.crowds, BTreeSet::new());
    }
}
