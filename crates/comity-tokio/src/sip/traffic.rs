use std::net::SocketAddr;
use std::time::Instant;

use comity_identity::{Direction, DomainName};
use comity_sip::{ConnectionId, Transport};

/// A SIP message on its way, as it is without TLS.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Traffic<'a> {
    /// When it came, or leaves.
    pub now: Instant,
    /// Inbound if it came, outbound if it leaves.
    pub direction: Direction,
    /// How.
    pub transport: Transport,
    /// The connection; none for datagrams.
    pub connection: Option<ConnectionId>,
    /// The other end.
    pub peer: SocketAddr,
    /// The names that the peer proved.
    pub proved: &'a [DomainName],
    /// The whole message; of what is malformed, as much as was read.
    pub message: &'a [u8],
}
