use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use comity_identity::DomainName;

use super::event::{ConnectionId, Target};
use crate::Transport;

/// The connections that we opened, by whose server they lead to and by where that is.
#[derive(Debug, Default)]
pub(super) struct Standing {
    by_domain: BTreeMap<DomainName, BTreeSet<ConnectionId>>,
    by_place: BTreeMap<Place, BTreeSet<ConnectionId>>,
    known: BTreeMap<ConnectionId, (DomainName, Place)>,
}

type Place = (SocketAddr, Transport);

impl Standing {
    pub(super) fn insert(&mut self, connection: ConnectionId, domain: &DomainName, to: &Target) {
        let place = (to.address, to.transport);
        self.by_domain
            .entry(domain.clone())
            .or_default()
            .insert(connection);
        self.by_place.entry(place).or_default().insert(connection);
        self.known.insert(connection, (domain.clone(), place));
    }

    /// Those to the server of a domain.
    pub(super) fn to_domain(&self, domain: &DomainName) -> Vec<ConnectionId> {
        copied(self.by_domain.get(domain))
    }

    /// Those to a place, whatever domain was meant.
    pub(super) fn to_place(&self, target: &Target) -> Vec<ConnectionId> {
        copied(self.by_place.get(&(target.address, target.transport)))
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        let Some((domain, place)) = self.known.remove(&connection) else {
            return;
        };
        remove_from(&mut self.by_domain, &domain, connection);
        remove_from(&mut self.by_place, &place, connection);
    }
}

fn copied(connections: Option<&BTreeSet<ConnectionId>>) -> Vec<ConnectionId> {
    connections.into_iter().flatten().copied().collect()
}

fn remove_from<K: Ord>(
    map: &mut BTreeMap<K, BTreeSet<ConnectionId>>,
    key: &K,
    connection: ConnectionId,
) {
    if let Some(connections) = map.get_mut(key) {
        connections.remove(&connection);
        if connections.is_empty() {
            map.remove(key);
        }
    }
}
