use std::fmt;
use std::net::SocketAddr;

use comity_identity::{Direction, DomainName};
use comity_machine::QueryId;

use crate::stream::{CloseReason, DropReason, Method, Pair, PairRefusal, Purpose};
use crate::{Stanza, StanzaCondition};

/// Names one connection of a router, for its whole life.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub(super) u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// Bytes for one connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Transmit {
    /// Where they go.
    pub connection: ConnectionId,
    /// How many were appended.
    pub len: usize,
}

/// A place where the server of a domain may be reached.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Target {
    /// Address and port.
    pub address: SocketAddr,
    /// The name that the address was found under, for people to read.
    pub host: DomainName,
}

impl Target {
    /// Creates a target.
    #[must_use]
    pub fn new(address: SocketAddr, host: DomainName) -> Self {
        Self { address, host }
    }
}

/// What the composer of a router must know, do or answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Does the certificate of this connection's TLS session prove `domain`?
    /// Answered by [`handle_verdict`](super::Router::handle_verdict).
    Authenticate {
        /// The question.
        query: QueryId,
        /// Whose TLS session is meant.
        connection: ConnectionId,
        /// What the certificate must name.
        domain: DomainName,
    },
    /// May this pair federate in this direction, and under which rules?
    /// Answered by [`handle_decision`](super::Router::handle_decision).
    Authorize {
        /// The question.
        query: QueryId,
        /// The domains.
        pair: Pair,
        /// Which way stanzas would go.
        direction: Direction,
    },
    /// A peer has proved a pair: its stanzas come from now on.
    Authorized {
        /// The connection that they come on.
        connection: ConnectionId,
        /// The domains.
        pair: Pair,
        /// How the remote domain was proved.
        method: Method,
    },
    /// A connection is over: send what was transmitted, then close it.
    Closed {
        /// Which one.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// Where is the server of this domain? Answered by
    /// [`handle_targets`](super::Router::handle_targets).
    Connect {
        /// The question.
        query: QueryId,
        /// The domain.
        domain: DomainName,
        /// What for. Peers who have proved nothing make the router ask for verification, which
        /// should not delay our own stanzas.
        purpose: Purpose,
    },
    /// Open a TCP connection. Answered by [`handle_connected`](super::Router::handle_connected) or
    /// [`handle_connect_failed`](super::Router::handle_connect_failed).
    Dial {
        /// The name of the new connection.
        connection: ConnectionId,
        /// Whose server is to be reached.
        domain: DomainName,
        /// Where to.
        target: Target,
    },
    /// A stanza of a peer was dropped by a rule.
    Dropped {
        /// The connection that it came on.
        connection: ConnectionId,
        /// The rule.
        reason: DropReason,
    },
    /// A stream carries our stanzas of a pair.
    Established {
        /// The connection that they go on.
        connection: ConnectionId,
        /// The domains.
        pair: Pair,
        /// How we proved ours to the peer.
        method: Method,
    },
    /// A stanza of a proved pair.
    Stanza {
        /// The connection that it came on.
        connection: ConnectionId,
        /// The stanza.
        stanza: Stanza,
        /// How its pair was proved.
        method: Method,
    },
    /// Start the TLS handshake on a connection.
    /// Answered by [`handle_tls_established`](super::Router::handle_tls_established) or
    /// [`handle_tls_failed`](super::Router::handle_tls_failed).
    StartTls {
        /// Which one.
        connection: ConnectionId,
        /// Our part in it.
        role: TlsRole,
    },
    /// A stanza that [`send`](super::Router::send) took could not be sent.
    Undelivered {
        /// The stanza.
        stanza: Stanza,
        /// Why.
        failure: Failure,
    },
    /// The answer to a question is no longer needed.
    Withdrawn {
        /// The question.
        query: QueryId,
    },
}

/// Our part in a TLS handshake.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a handshake has two parts")]
pub enum TlsRole {
    /// We connected.
    Client {
        /// The domain to ask for, which the certificate should name.
        server_name: DomainName,
    },
    /// The peer connected.
    Server,
}

/// Why discovery found no server.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unresolved {
    /// The domain does not exist or offers no XMPP service.
    #[error("no XMPP server is published for the domain ({0})")]
    NotOffered(Box<str>),
    /// It could not be found out.
    #[error("the domain's server could not be found ({0})")]
    Failed(Box<str>),
}

/// Why no stream to a domain came about or stayed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The policy does not allow it.
    #[error("policy does not allow it")]
    Denied,
    /// The stream carries no more.
    #[error("the stream ended: {0}")]
    Ended(CloseReason),
    /// The peer does not accept our domain.
    #[error("{0}")]
    Refused(PairRefusal),
    /// The router was closed.
    #[error("this server stops")]
    Shutdown,
    /// The policy or discovery did not answer.
    #[error("no answer to a question of the router")]
    Unanswered,
    /// No address could be connected to; what the last attempt said.
    #[error("no connection could be made ({0})")]
    Unreachable(Box<str>),
    /// No address was found.
    #[error("{0}")]
    Unresolved(#[from] Unresolved),
}

impl Failure {
    /// The error for the sender of an undelivered stanza (RFC 6120 §10.4).
    #[must_use]
    pub fn condition(&self) -> StanzaCondition {
        match self {
            Self::Denied => StanzaCondition::Forbidden,
            Self::Unresolved(_) => StanzaCondition::RemoteServerNotFound,
            Self::Ended(_)
            | Self::Refused(_)
            | Self::Shutdown
            | Self::Unanswered
            | Self::Unreachable(_) => StanzaCondition::RemoteServerTimeout,
        }
    }
}
