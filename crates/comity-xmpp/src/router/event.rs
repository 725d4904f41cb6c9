use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use comity_identity::{Direction, DomainName, Host};
use comity_machine::QueryId;

use crate::stream::reason::in_brackets;
use crate::stream::{self, CloseReason, DropReason, Method, Pair, PairRefusal, Purpose, SendId};
use crate::{Stanza, StanzaCondition, Transport};

/// Names one connection of a router, for its whole life.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub(super) u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// Names a stanza of a peer that is to be settled.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Receipt {
    pub(super) connection: ConnectionId,
    pub(super) receipt: stream::Receipt,
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
    pub host: Host,
    /// How a connection to it begins.
    pub transport: Transport,
}

impl Target {
    /// Creates a target whose connections begin with a stream header.
    #[must_use]
    pub fn new(address: SocketAddr, host: impl Into<Host>) -> Self {
        Self {
            address,
            host: host.into(),
            transport: Transport::Tcp,
        }
    }

    /// Makes connections to the target begin as `transport` says.
    #[must_use]
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }
}

/// A host that the server of a domain has named in its place (RFC 6120 §4.9.3.19).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct OtherHost {
    /// The host.
    pub host: Host,
    /// Its port, if that was named. Without it a domain is looked up as every domain is.
    pub port: Option<u16>,
}

impl OtherHost {
    /// Parses what a server said: `host`, `host:port` or `[address]:port`.
    ///
    /// ```
    /// use comity_xmpp::router::OtherHost;
    ///
    /// let other = OtherHost::parse("[2001:db8::1]:9222").ok_or("malformed")?;
    /// assert_eq!(other.port, Some(9222));
    /// assert_eq!(OtherHost::parse("example.net:0"), None);
    /// # Ok::<_, &str>(())
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let whole = || Host::parse(text).ok().map(|host| Self { host, port: None });
        let Some((host, port)) = text.rsplit_once(':') else {
            return whole();
        };
        // A colon inside brackets, or in a bare IPv6 address, is none before a port.
        if port.ends_with(']') || host.contains(':') && !host.ends_with(']') {
            return whole();
        }
        let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
        let host = Host::parse(host).ok()?;
        Some(Self {
            host,
            port: Some(port),
        })
    }
}

impl fmt::Display for OtherHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
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
        /// Where the domain's server has sent us, in place of what discovery says: one that has
        /// proved the domain, or where the next has to. The rules for addresses that may be
        /// dialled hold for it too.
        at: Option<OtherHost>,
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
    /// A stream can carry our stanzas of a pair. On one that the peer opened (XEP-0288) the policy
    /// is asked before any goes.
    Established {
        /// The connection that they go on.
        connection: ConnectionId,
        /// The domains.
        pair: Pair,
        /// How we proved ours to the peer.
        method: Method,
    },
    /// A stanza that is tracked has left: the peer has acknowledged it (XEP-0198), or, where
    /// nothing is acknowledged, the driver has [written](super::Router::handle_written) it.
    Sent {
        /// The connection that it went on.
        connection: ConnectionId,
        /// What [`send_tracked`](super::Router::send_tracked) gave.
        id: SendId,
    },
    /// A stanza of a proved pair.
    Stanza {
        /// The connection that it came on.
        connection: ConnectionId,
        /// The stanza.
        stanza: Stanza,
        /// How its pair was proved.
        method: Method,
        /// What [`settle`](super::Router::settle) takes, where stanzas are acknowledged
        /// [when they are settled](crate::stream::Acknowledge::WhenSettled).
        receipt: Option<Receipt>,
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
        /// What [`send_tracked`](super::Router::send_tracked) gave, if it is tracked.
        id: Option<SendId>,
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
        /// The domain of ours for which we connected.
        local: DomainName,
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
    /// The last attempt failed a short while ago.
    #[error("{last}; the next attempt is made in {} s at the earliest", wait.as_secs() + 1)]
    NotRetried {
        /// Why it failed.
        last: Box<Self>,
        /// How long no other is made.
        wait: Duration,
    },
    /// The domain's servers send us from one to the other.
    #[error("the domain's servers have sent us to other hosts too often, or to no host{}", in_brackets(.0))]
    Redirected(Box<str>),
    /// The peer does not accept our domain.
    #[error("{0}")]
    Refused(PairRefusal),
    /// The router was closed.
    #[error("this server stops")]
    Shutdown,
    /// The stanza is longer than what the peer takes, in bytes (XEP-0478).
    #[error("the peer takes no more than {0} bytes")]
    TooLong(u64),
    /// The stream ended before the peer acknowledged the stanza (XEP-0198), or before the driver had
    /// written it if it is tracked: it may have arrived.
    #[error("the connection broke before the peer confirmed that it arrived")]
    Unacknowledged,
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
            Self::NotRetried { last, .. } => last.condition(),
            Self::TooLong(_) => StanzaCondition::PolicyViolation,
            Self::Ended(_)
            | Self::Redirected(_)
            | Self::Refused(_)
            | Self::Shutdown
            | Self::Unacknowledged
            | Self::Unanswered
            | Self::Unreachable(_) => StanzaCondition::RemoteServerTimeout,
        }
    }
}
