use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

/// What counts as one source: an IPv4 address, also where it is mapped into IPv6, or a network of 64
/// bits, for who has one address of IPv6 has all of it.
#[must_use]
pub fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// The connections that peers opened, by their [sources](source_of): how many each has, and who makes room
/// for whom where all places are taken.
///
/// ```
/// use std::net::IpAddr;
///
/// use comity_machine::Crowds;
///
/// let mut crowds = Crowds::default();
/// let [one, other] = [1, 2].map(|host| IpAddr::from([192, 0, 2, host]));
/// for connection in 0..3 {
///     crowds.insert(connection, Some(one));
/// }
/// crowds.prove(0);
/// assert_eq!(crowds.of(one), 3);
/// assert_eq!(crowds.crowding(other), Some(1));
/// ```
#[derive(Debug)]
pub struct Crowds<C> {
    connections: BTreeMap<C, Option<IpAddr>>,
    sources: BTreeMap<IpAddr, Share<C>>,
    /// The sources by how many of their connections have proved nothing.
    crowds: BTreeSet<(usize, IpAddr)>,
}

/// What a source has.
#[derive(Debug)]
struct Share<C> {
    connections: usize,
    /// Those that have proved nothing, the oldest first.
    unproved: BTreeSet<C>,
}

impl<C> Default for Crowds<C> {
    fn default() -> Self {
        Self {
            connections: BTreeMap::new(),
            sources: BTreeMap::new(),
            crowds: BTreeSet::new(),
        }
    }
}

impl<C: Copy + Ord> Crowds<C> {
    /// Takes a connection in that has proved nothing, from a source if that is known; one that came later
    /// has the greater number.
    pub fn insert(&mut self, connection: C, address: Option<IpAddr>) {
        let source = address.map(source_of);
        self.connections.insert(connection, source);
        if let Some(source) = source {
            self.change(source, |share| {
                share.connections += 1;
                share.unproved.insert(connection);
            });
        }
    }

    /// Notes that the peer has proved who it is: its connection makes room for nobody.
    pub fn prove(&mut self, connection: C) {
        if let Some(Some(source)) = self.connections.get(&connection) {
            self.change(*source, |share| {
                share.unproved.remove(&connection);
            });
        }
    }

    /// Takes a connection out.
    pub fn remove(&mut self, connection: C) {
        if let Some(Some(source)) = self.connections.remove(&connection) {
            self.change(source, |share| {
                share.connections -= 1;
                share.unproved.remove(&connection);
            });
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// How many there are from the source of an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> usize {
        self.share(address).map_or(0, |share| share.connections)
    }

    /// The connection that has to make room for one from a source that has none.
    #[must_use]
    pub fn oldest_of_crowd(&self) -> Option<C> {
        self.oldest_of_more_than(1)
    }

    /// The connection that has to make room for one from an address: the oldest of the source with the
    /// most connections that have proved nothing, if it has at least two more of them than the source of
    /// that address.
    ///
    /// That brings both sources nearer to each other, so that they cannot turn each other out in turns.
    #[must_use]
    pub fn crowding(&self, address: IpAddr) -> Option<C> {
        let own = self.share(address).map_or(0, |share| share.unproved.len());
        self.oldest_of_more_than(own + 1)
    }

    /// The oldest of the largest crowd, if that has more than so many.
    fn oldest_of_more_than(&self, few: usize) -> Option<C> {
        let (most, crowd) = self.crowds.last()?;
        let crowd = self.sources.get(crowd).filter(|_| *most > few);
        crowd.and_then(|share| share.unproved.first().copied())
    }

    fn change(&mut self, source: IpAddr, change: impl FnOnce(&mut Share<C>)) {
        let share = self.sources.entry(source).or_insert_with(|| Share {
            connections: 0,
            unproved: BTreeSet::new(),
        });
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

    fn share(&self, address: IpAddr) -> Option<&Share<C>> {
        self.sources.get(&source_of(address))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::Random;

    const SOURCES: [IpAddr; 3] = [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3)),
    ];

    /// The same from a list of connections: where each comes from, and whether it has proved something.
    fn crowding(all: &[(u64, IpAddr, bool)], source: IpAddr) -> Option<u64> {
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
        let mut crowds = Crowds::default();
        let mut all: Vec<(u64, IpAddr, bool)> = Vec::new();
        for number in 0..4_000 {
            let source = SOURCES[random.below(3) as usize];
            let some = random.below(all.len().max(1) as u64) as usize;
            match (random.below(3), all.get_mut(some)) {
                (0, Some((connection, _, is_proved))) => {
                    *is_proved = true;
                    crowds.prove(*connection);
                }
                (1, Some((connection, ..))) => {
                    crowds.remove(*connection);
                    all.remove(some);
                }
                (_, _) => {
                    crowds.insert(number, Some(source));
                    all.push((number, source, false));
                }
            }
            for source in SOURCES {
                assert_eq!(crowds.crowding(source), crowding(&all, source));
                let has = all.iter().filter(|(_, from, _)| *from == source).count();
                assert_eq!(crowds.of(source), has);
            }
            assert_eq!(crowds.len(), all.len());
            let stranger = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 4));
            assert_eq!(crowds.oldest_of_crowd(), crowds.crowding(stranger));
        }
        assert_ne!(all, []);
        for (connection, ..) in all {
            crowds.remove(connection);
        }
        assert!(crowds.is_empty() && crowds.sources.is_empty() && crowds.crowds.is_empty());
    }

    #[test]
    fn a_connection_from_nowhere_takes_a_place_and_makes_room_for_nobody() {
        let mut crowds = Crowds::default();
        for connection in 0..5 {
            crowds.insert(connection, None);
        }
        assert_eq!(crowds.len(), 5);
        assert_eq!(crowds.crowding(SOURCES[0]), None);
    }

    #[test]
    fn a_host_is_one_source_whatever_its_address() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:3::", "2001:db8:1:3::"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(source_of(address).to_string(), expected);
        }
    }
}
