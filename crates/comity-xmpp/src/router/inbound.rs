//! The connections that peers open.

use std::net::IpAddr;
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
        let taken = source.map_or(0, |source| self.inbound.of(source));
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
