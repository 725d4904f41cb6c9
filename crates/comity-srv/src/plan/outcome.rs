use std::fmt;
use std::net::{IpAddr, SocketAddr};

use comity_identity::DomainName;

use crate::address::Forbidden;

/// Where a domain can be reached, or why nowhere.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Try these in this order. There is at least one, and no address and port comes twice with the
    /// same security.
    Candidates(Vec<Candidate>),
    /// DNS says that the domain has neither SRV nor address records.
    Absent,
    /// The domain says that it does not offer the service: the target of its SRV record is `.`
    /// (RFC 2782). Where two sets were asked for, one says so, and the other says it too or has no
    /// record.
    Refused,
    /// It could not be found out, or what was found is of no use. It says nothing about whether the
    /// domain exists.
    Failed(Failure),
    /// Every address that was found must not be dialled. There is at least one.
    Blocked(Vec<BlockedAddress>),
}

/// One address to try.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// The address and port to connect to.
    pub address: SocketAddr,
    /// The host whose address it is, or the domain where the caller gave the address. It proves
    /// nothing: a certificate has to name the domain that was resolved.
    pub target: DomainName,
    /// The priority of the SRV record; 0 without one.
    pub priority: u16,
    /// The weight of the SRV record; 0 without one.
    pub weight: u16,
    /// How the connection becomes secure.
    pub security: Security,
    /// How the target was found.
    pub provenance: Provenance,
}

/// How a connection to a candidate becomes secure.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Security {
    /// By STARTTLS inside the stream (RFC 6120 §5).
    #[default]
    StartTls,
    /// By TLS from the first byte, inside which there is no STARTTLS (XEP-0368 §3).
    DirectTls,
}

/// How a target was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Provenance {
    /// An SRV record names it.
    ServiceRecord,
    /// There is no SRV record, so it is the domain itself (RFC 6120 §3.2.2).
    Fallback,
    /// The caller named it, by [`Service::Host`](crate::Service::Host).
    Given,
}

/// An address that was found and must not be dialled.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BlockedAddress {
    /// The host whose address it is, or the domain where the caller gave the address.
    pub target: DomainName,
    /// The address.
    pub address: IpAddr,
    /// Why not.
    pub reason: Forbidden,
}

/// Why a question or a resolution has no usable answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No server answered in time.
    #[error("no answer in time")]
    Timeout,
    /// The server answered with an error: 2 is SERVFAIL, 5 is REFUSED (RFC 1035 §4.1.1).
    #[error("the name server answered with {}", ResponseCode(*.code))]
    Server {
        /// The response code.
        code: u16,
    },
    /// The server named other servers, so it is not a recursive one.
    #[error("the name server does not resolve for us")]
    Referral,
    /// The answer is not a DNS message, or answers something else over a connection of ours.
    #[error("the answer is malformed")]
    Malformed,
    /// The answer has more bytes or records than `Limits` allows.
    #[error("the answer is too large")]
    TooLarge,
    /// The socket or connection to the server failed.
    #[error("the connection to the name server failed")]
    Connection,
    /// CNAME records lead back to one of themselves.
    #[error("the aliases form a loop")]
    AliasLoop,
    /// The answer lies behind too many CNAME records.
    #[error("more than {limit} aliases")]
    TooManyAliases {
        /// `Limits::max_aliases`.
        limit: usize,
    },
    /// The resolution needs more questions than it may ask.
    #[error("more than {limit} lookups")]
    TooManyLookups {
        /// `Limits::max_lookups`.
        limit: usize,
    },
    /// There are SRV records, and none of them can be used; the trace has the reasons.
    #[error("no SRV record is usable")]
    NoUsableRecord,
    /// The targets of the SRV records, or the host that the caller named, have no addresses.
    #[error("no target has an address")]
    NoAddress,
}

struct ResponseCode(u16);

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("FORMERR"),
            2 => f.write_str("SERVFAIL"),
            4 => f.write_str("NOTIMP"),
            5 => f.write_str("REFUSED"),
            code => write!(f, "code {code}"),
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.target, self.address)?;
        match self.provenance {
            Provenance::ServiceRecord => {
                write!(f, ", priority {}, weight {}", self.priority, self.weight)?;
            }
            Provenance::Fallback => f.write_str(", without an SRV record")?,
            Provenance::Given => f.write_str(", as given")?,
        }
        match self.security {
            Security::StartTls => Ok(()),
            Security::DirectTls => f.write_str(", direct TLS"),
        }
    }
}
