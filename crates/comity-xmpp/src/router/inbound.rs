use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use super::ConnectionId;

/// Connections that peers opened, and from where.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    connections: BTreeMap<ConnectionId, Option<IpAddr>>,
    /// How many each source has.
    sources: BTreeMap<IpAddr, usize>,
}

impl Inbound {
    pub(super) fn insert(&mut self, connection: ConnectionId, source: Option<IpAddr>) {
        let source = source.map(network);
        self.connections.insert(connection, source);
        if let Some(source) = source {
            *self.sources.entry(source).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        let Some(Some(source)) = self.connections.remove(&connection) else {
            return;
        };
        if let Some(count) = self.sources.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// How many there are from a source.
    pub(super) fn from(&self, source: IpAddr) -> usize {
        self.sources.get(&network(source)).copied().unwrap_or(0)
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
