use std::collections::{BTreeMap, BTreeSet};

use super::event::ConnectionId;
use crate::stream::Pair;

/// Which connections have to do with which pairs, looked up from both sides.
#[derive(Debug, Default)]
pub(super) struct Pairings {
    /// In the order in which they came.
    connections: BTreeMap<Pair, Vec<ConnectionId>>,
    pairs: BTreeMap<ConnectionId, BTreeSet<Pair>>,
}

impl Pairings {
    pub(super) fn insert(&mut self, connection: ConnectionId, pair: &Pair) {
        let pairs = self.pairs.entry(connection).or_default();
        if pairs.insert(pair.clone()) {
            let connections = self.connections.entry(pair.clone()).or_default();
            connections.push(connection);
        }
    }

    /// The connections of a pair, oldest first.
    pub(super) fn connections(&self, pair: &Pair) -> &[ConnectionId] {
        self.connections
            .get(pair)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The pairs of a connection.
    pub(super) fn pairs(&self, connection: ConnectionId) -> impl Iterator<Item = &Pair> {
        self.pairs.get(&connection).into_iter().flatten()
    }

    pub(super) fn remove(&mut self, connection: ConnectionId, pair: &Pair) {
        if let Some(pairs) = self.pairs.get_mut(&connection) {
            pairs.remove(pair);
            if pairs.is_empty() {
                self.pairs.remove(&connection);
            }
        }
        if let Some(connections) = self.connections.get_mut(pair) {
            connections.retain(|known| *known != connection);
            if connections.is_empty() {
                self.connections.remove(pair);
            }
        }
    }

    /// Forgets a connection; gives its pairs.
    pub(super) fn remove_connection(&mut self, connection: ConnectionId) -> Vec<Pair> {
        let pairs: Vec<_> = self.pairs(connection).cloned().collect();
        for pair in &pairs {
            self.remove(connection, pair);
        }
        pairs
    }
}
