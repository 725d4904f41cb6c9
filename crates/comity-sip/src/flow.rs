use std::fmt;
use std::net::SocketAddr;

/// How messages travel (RFC 3261 §18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "each is handled by its own rules")]
pub enum Transport {
    /// Datagrams, which get lost.
    Udp,
    /// A connection in clear text.
    Tcp,
    /// A connection that keeps what it carries secret and says who the peer is.
    Tls,
}

impl Transport {
    /// Its name in a Via (RFC 3261 §20.42).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// The value of the parameter `transport` of a URI (RFC 3261 §19.1.1).
    #[must_use]
    pub fn param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The transport of this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Udp, Self::Tcp, Self::Tls];
        all.into_iter()
            .find(|transport| transport.name().eq_ignore_ascii_case(name))
    }

    /// The port where none is given (RFC 3261 §18.2.2).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A connection of an endpoint, never one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A way to one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "datagrams and connections are all")]
pub enum Flow {
    /// Datagrams between two addresses.
    Datagrams {
        /// The address of our socket.
        local: SocketAddr,
        /// The address of the peer.
        remote: SocketAddr,
    },
    /// A connection.
    Connection(ConnectionId),
}
