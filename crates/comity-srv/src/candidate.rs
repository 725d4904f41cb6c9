use std::fmt;
use std::net::{IpAddr, SocketAddr};

use comity_identity::DomainName;

use crate::address::Forbidden;
use crate::service::Transport;

/// One address to try.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// The domain that was resolved.
    pub domain: DomainName,
    /// The address and port to connect to.
    pub address: SocketAddr,
    /// How the connection begins and becomes secure.
    pub transport: Transport,
    /// The host whose address it is, or the domain where the caller gave the address. It proves
    /// nothing by itself.
    pub target: DomainName,
    /// The priority of the SRV record; 0 without one.
    pub priority: u16,
    /// The weight of the SRV record; 0 without one.
    pub weight: u16,
    /// The name to ask for in the TLS handshake (RFC 6066 §3); `None` without TLS, and where the
    /// server is known by its address only.
    pub server_name: Option<DomainName>,
    /// The protocol to offer in the TLS handshake (RFC 7301): `xmpp-server` for direct TLS.
    pub alpn: Option<&'static str>,
    /// What the certificate has to name, one of them; none without TLS.
    pub identities: Vec<Identity>,
    /// Whether DNS has proved how the candidate was found.
    pub dnssec: Dnssec,
    /// How the target was found.
    pub provenance: Provenance,
}

impl Candidate {
    /// A candidate that no resolution has found, but a caller who knows an address of `target`. Its
    /// certificate has to name `target`, if it can show one. No address policy has seen it.
    #[must_use]
    pub fn given(address: SocketAddr, transport: Transport, target: DomainName) -> Self {
        let has_certificate = transport.has_certificate();
        let identity = Identity {
            name: target.clone(),
            basis: Basis::Domain,
        };
        Self {
            domain: target.clone(),
            address,
            transport,
            priority: 0,
            weight: 0,
            server_name: has_certificate.then(|| target.clone()),
            alpn: None,
            identities: has_certificate.then_some(identity).into_iter().collect(),
            target,
            dnssec: Dnssec::Unchecked,
            provenance: Provenance::Given,
        }
    }
}

/// A name that the certificate of a candidate may prove, and why that is enough.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "a name and the reason for it")]
pub struct Identity {
    /// The name.
    pub name: DomainName,
    /// Why it may stand for the domain.
    pub basis: Basis,
}

/// Why a name in a certificate may stand for the domain that was resolved.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Basis {
    /// It is the domain (RFC 6125, RFC 5922 §7.2).
    Domain,
    /// It is the target of SRV records that DNSSEC has proved (RFC 7673 §4.1).
    SecureTarget,
    /// It is the target of a `_sipfederationtls` record and lies in the domain. Microsoft edges
    /// show the name of the edge; a forged record can only lead to another host of the domain.
    TargetInDomain,
    /// An operator named it as the next hop.
    NextHop,
}

/// Whether DNS has proved how a candidate was found (RFC 4033).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 4033 §5 less what ends a resolution"
)]
pub enum Dnssec {
    /// The way to the name servers is not trusted, so what they say about it counts for nothing.
    #[default]
    Unchecked,
    /// One of the answers is not signed.
    Insecure,
    /// The name servers have validated every answer on the way to this address.
    Secure,
}

impl Dnssec {
    /// Both of two answers.
    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }
}

/// How a target was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Provenance {
    /// An SRV record names it.
    ServiceRecord,
    /// There is no SRV record, so it is the domain itself (RFC 6120 §3.2.2, RFC 3263 §4.2), or the
    /// host that an operator named.
    Fallback,
    /// The caller named host and port.
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
        match self.transport {
            Transport::StartTls => {}
            Transport::Tls if self.alpn.is_some() => f.write_str(", direct TLS")?,
            other @ (Transport::Tls | Transport::Tcp | Transport::Udp) => {
                write!(f, ", {other}")?;
            }
        }
        match self.dnssec {
            Dnssec::Unchecked | Dnssec::Insecure => Ok(()),
            Dnssec::Secure => f.write_str(", secured by DNSSEC"),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let basis = match self.basis {
            Basis::Domain => "the domain",
            Basis::SecureTarget => "the target of signed records",
            Basis::TargetInDomain => "an edge of the domain",
            Basis::NextHop => "the next hop",
        };
        write!(f, "{} ({basis})", self.name)
    }
}
