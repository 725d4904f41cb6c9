use std::fmt;
use std::net::SocketAddr;

use comity_identity::DomainName;
use comity_machine::QueryId;

use crate::address::AddressPolicy;
use crate::limits::Limits;
use crate::plan::{Failure, Outcome, Remainder};
use crate::records::LookedUp;
use crate::select::Selection;
use crate::trace::Trace;

/// What a resolver asks, and what it allows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The recursive name servers, the preferred one first.
    ///
    /// Their answers are believed, so the path to them should be as trustworthy as what is done
    /// with the candidates.
    pub servers: Vec<SocketAddr>,
    /// Bounds on work, memory and time.
    pub limits: Limits,
    /// Which addresses may be dialled where remote domains name them, in DNS or by a redirect.
    pub address_policy: AddressPolicy,
    /// Which addresses may be dialled where an operator has written the address, by
    /// [`Service::NextHop`](crate::Service::NextHop): private and loopback ones too.
    pub next_hop_policy: AddressPolicy,
    /// Which ones where an operator has written a name: public ones, since the zone of the name says
    /// what its addresses are, and it may be a partner's.
    pub next_hop_name_policy: AddressPolicy,
    /// The name servers validate (RFC 4035), and nobody can change what they say on its way to us:
    /// they run on this machine, or behind a tunnel. Only then the AD bit counts, and SERVFAIL is
    /// told apart from an answer that is bogus. It has to be so for every one of them: another is asked
    /// when one is silent.
    pub servers_validate: bool,
    /// Whether the letters of names go out in mixed case, which a forger has to guess; true. A server
    /// that changes the case is asked over TCP, which one without TCP cannot answer.
    pub mixed_case: bool,
    /// How records of one priority are put in order.
    pub selection: Selection,
}

impl Config {
    /// The defaults, with these servers.
    #[must_use]
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            limits: Limits::default(),
            address_policy: AddressPolicy::default(),
            next_hop_policy: AddressPolicy::for_next_hops(),
            next_hop_name_policy: AddressPolicy::default(),
            servers_validate: false,
            mixed_case: true,
            selection: Selection::default(),
        }
    }
}

/// Names one socket of a resolver. No two sockets have the same id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketId(u64);

impl SocketId {
    pub(crate) fn new(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}", self.0)
    }
}

/// How a query goes to its server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "drivers have to handle each")]
pub enum Protocol {
    /// One datagram.
    Udp,
    /// A connection that carries one query and its answer.
    Tcp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// Bytes for a name server, at the end of the buffer.
///
/// Each one opens the socket that it names, and is the only one for it. For UDP the driver binds a
/// new socket to an unpredictable port and connects it to `server`, so that the operating system
/// drops datagrams from elsewhere: the resolver sees no source addresses and relies on this
/// (RFC 5452 §9.2). For TCP it connects, and the bytes hold the length prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Transmit {
    /// The socket to open.
    pub socket: SocketId,
    /// Where it goes.
    pub server: SocketAddr,
    /// How.
    pub protocol: Protocol,
    /// How many bytes were appended to the buffer.
    pub len: usize,
}

/// What the driver or the application must know.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A resolution has ended.
    Resolved {
        /// What [`Resolver::resolve`](crate::Resolver::resolve) returned.
        query: QueryId,
        /// The domain that was resolved.
        domain: DomainName,
        /// The result.
        outcome: Outcome,
        /// Targets that were not looked up, since those before them have addresses.
        rest: Option<Remainder>,
        /// How it came about.
        trace: Trace,
    },
    /// A question for records has been answered, or not.
    LookedUp {
        /// What [`Resolver::look_up`](crate::Resolver::look_up) returned.
        query: QueryId,
        /// The records. That there are none is no failure.
        result: Result<LookedUp, Failure>,
        /// How it came about.
        trace: Trace,
    },
    /// The socket is of no more use: close it. Input from it is ignored from now on.
    Release {
        /// The socket.
        socket: SocketId,
    },
}

/// Why a resolution was not begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// `Config::servers` is empty, and there is something to ask.
    #[error("no name server is configured")]
    NoServers,
    /// As many resolutions are under way as `Limits` allows.
    #[error("more than {limit} resolutions at a time")]
    TooMany {
        /// `Limits::max_resolutions`.
        limit: usize,
    },
    /// DNS has no room for the labels of the service before this domain.
    #[error("the domain name is too long for its SRV records")]
    NameTooLong,
    /// The port of [`Service::Host`](crate::Service::Host) or of a URI is 0.
    #[error("no host is reached on port 0")]
    PortZero,
    /// Nothing is left of the transports that may be used, or the protocol has no such transport.
    #[error("no transport is left that may be used")]
    NoTransport,
}
