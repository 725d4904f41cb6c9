//! The connections that peers open.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use super::{AcceptError, ConnectionId, Router};
use crate::Transport;
use crate::stream::Stream;

impl Router {
    /// Takes a connection that a peer opened, and that begins as `transport` says.
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
        if self.inbound.len() >= self.config.limits.max_inbound {
            return Err(AcceptError::TooMany);
        }
        let taken = source.map_or(0, |source| self.inbound.from(source));
        if taken >= self.config.limits.max_inbound_per_source {
            return Err(AcceptError::TooManyOfSource);
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
}

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
