use std::fmt;

use comity_identity::Host;

use crate::resolver::ResolveError;

/// What of a domain is to be reached.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Service {
    /// Its XMPP server by STARTTLS: `_xmpp-server._tcp`, or the domain itself on port 5269
    /// (RFC 6120 §3.2).
    ///
    /// For a policy that uses no TLS, or no direct TLS. Nothing is known then of the other set.
    XmppServer,
    /// Its XMPP server by direct TLS or STARTTLS, as each candidate says: the records of
    /// `_xmpps-server._tcp` and `_xmpp-server._tcp` as one set, or the domain itself on port 5269
    /// by STARTTLS if there is no record in either (XEP-0368).
    XmppServerWithDirectTls,
    /// Its SIP server (RFC 3263).
    Sip(SipService),
    /// Its edge as Microsoft servers find it: `_sipfederationtls._tcp` over TLS, and nothing if
    /// there is no such record.
    SipFederation,
    /// Its XMPP server on a host and port that are known, without SRV records: that of a redirect
    /// (RFC 6120 §4.9.3.19) or of a configuration (§3.2.3).
    ///
    /// The addresses of a name are looked up, an address is taken as it is, and neither escapes
    /// the address policy.
    Host {
        /// The name or address.
        host: Host,
        /// The port; 0 is refused.
        port: u16,
        /// What the candidates get.
        transport: Transport,
    },
    /// A server that an operator named for the domain, as in a static route.
    NextHop(NextHop),
    /// Another service by its records alone: a domain without a record is absent, whatever addresses
    /// it has. For who wants to know whether the service is offered.
    ByRecords(Box<Self>),
}

impl Service {
    /// The same by its records alone.
    #[must_use]
    pub fn by_records(self) -> Self {
        Self::ByRecords(Box::new(self))
    }
}

/// What a SIP or SIPS URI says about how its domain is to be reached (RFC 3263 §4).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct SipService {
    /// A `sips` URI: everything but TLS is left out.
    pub secure: bool,
    /// The port of the URI. With one there are no SRV records, only addresses.
    pub port: Option<u16>,
    /// The `transport` parameter of the URI.
    pub transport: Option<SipTransport>,
    /// What we speak, the preferred first; nothing else is ever used. A domain that has NAPTR records
    /// prefers for itself.
    pub supported: Vec<SipTransport>,
}

impl SipService {
    /// A `sip` URI of a domain alone, for who speaks all transports and prefers TLS.
    #[must_use]
    pub fn new() -> Self {
        Self {
            secure: false,
            port: None,
            transport: None,
            supported: vec![SipTransport::Tls, SipTransport::Tcp, SipTransport::Udp],
        }
    }

    /// The same for a `sips` URI.
    #[must_use]
    pub fn secure() -> Self {
        Self {
            secure: true,
            ..Self::new()
        }
    }

    /// What may be used, the preferred first: nothing that we do not speak, whatever the URI says.
    /// TCP means TLS where the URI is `sips` (RFC 3261 §26.2.2).
    pub(crate) fn allowed(&self) -> Result<Vec<SipTransport>, ResolveError> {
        let wanted = match (self.transport, self.secure) {
            (Some(SipTransport::Tcp), true) => Some(SipTransport::Tls),
            (named, _) => named,
        };
        let mut allowed: Vec<SipTransport> = Vec::new();
        for &one in &self.supported {
            let is_wanted = wanted.is_none_or(|wanted| wanted == one);
            let is_secure = !self.secure || one == SipTransport::Tls;
            if is_wanted && is_secure && !allowed.contains(&one) {
                allowed.push(one);
            }
        }
        if allowed.is_empty() {
            return Err(ResolveError::NoTransport);
        }
        Ok(allowed)
    }

    /// What to use where no record says more: UDP for `sip`, TLS for `sips` (RFC 3263 §4.1).
    pub(crate) fn assumed(&self, allowed: &[SipTransport]) -> SipTransport {
        let udp = allowed.iter().find(|one| **one == SipTransport::Udp);
        let found = udp.or_else(|| allowed.first()).copied();
        found.unwrap_or(SipTransport::Tls)
    }
}

impl Default for SipService {
    fn default() -> Self {
        Self::new()
    }
}

/// A server that an operator named.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct NextHop {
    /// Its name or address. Its certificate may prove this name in place of the domain's.
    pub host: Host,
    /// Its port; 0 means that the SRV records of the host name it.
    pub port: u16,
    /// How it is spoken to.
    pub transport: Transport,
    /// Whose SRV records count.
    pub messaging: Messaging,
}

impl NextHop {
    /// A server for `messaging`.
    #[must_use]
    pub fn new(messaging: Messaging, host: Host, port: u16, transport: Transport) -> Self {
        Self {
            host,
            port,
            transport,
            messaging,
        }
    }

    /// The first labels of its SRV records.
    pub(crate) fn labels(&self) -> Option<[&'static str; 2]> {
        match (self.messaging, self.transport) {
            (Messaging::Xmpp, Transport::StartTls | Transport::Tcp) => Some(XMPP_SERVER),
            (Messaging::Xmpp, Transport::Tls) => Some(XMPPS_SERVER),
            (Messaging::Sip, Transport::Tls) => Some(SipTransport::Tls.labels()),
            (Messaging::Sip, Transport::Tcp) => Some(SipTransport::Tcp.labels()),
            (Messaging::Sip, Transport::Udp) => Some(SipTransport::Udp.labels()),
            (Messaging::Xmpp, Transport::Udp) | (Messaging::Sip, Transport::StartTls) => None,
        }
    }

    /// The port without an SRV record.
    pub(crate) fn default_port(&self) -> u16 {
        match (self.messaging, self.transport) {
            (Messaging::Xmpp, _) => XMPP_PORT,
            (Messaging::Sip, Transport::Tls) => SipTransport::Tls.port(),
            (Messaging::Sip, _) => SipTransport::Udp.port(),
        }
    }
}

/// What two domains speak with each other.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "federation is between these two, and callers have to handle each"
)]
pub enum Messaging {
    /// XMPP between servers (RFC 6120).
    Xmpp,
    /// SIP with SIMPLE (RFC 3261, RFC 3428, RFC 3856).
    Sip,
}

impl fmt::Display for Messaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xmpp => "XMPP",
            Self::Sip => "SIP",
        })
    }
}

/// How SIP is carried.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "callers choose among them, and a new one changes what they must speak"
)]
pub enum SipTransport {
    /// UDP.
    Udp,
    /// TCP in the clear.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl SipTransport {
    /// The first labels of its SRV records (RFC 3263 §4.1).
    pub(crate) fn labels(self) -> [&'static str; 2] {
        match self {
            Self::Udp => ["_sip", "_udp"],
            Self::Tcp => ["_sip", "_tcp"],
            Self::Tls => ["_sips", "_tcp"],
        }
    }

    /// Its port where nobody names one (RFC 3261 §19.1.2).
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }

    /// The one that the service field of a NAPTR record names, if it is one of ours.
    pub(crate) fn of_naptr(service: &[u8]) -> Option<Self> {
        let names = |name: &str| service.eq_ignore_ascii_case(name.as_bytes());
        [
            ("SIPS+D2T", Self::Tls),
            ("SIP+D2T", Self::Tcp),
            ("SIP+D2U", Self::Udp),
        ]
        .into_iter()
        .find_map(|(name, transport)| names(name).then_some(transport))
    }
}

/// How a connection to a candidate begins and becomes secure.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a candidate can only be used by who handles each"
)]
pub enum Transport {
    /// TCP that becomes secure by STARTTLS inside the stream (RFC 6120 §5).
    #[default]
    StartTls,
    /// TLS from the first byte over TCP: direct TLS for XMPP, inside which there is no STARTTLS
    /// (XEP-0368 §3), and TLS for SIP.
    Tls,
    /// TCP in the clear.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// Whether the connection can show a certificate.
    #[must_use]
    pub fn has_certificate(self) -> bool {
        match self {
            Self::StartTls | Self::Tls => true,
            Self::Tcp | Self::Udp => false,
        }
    }

    /// A number that is its own in every order, and never changes.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::StartTls => 0,
            Self::Tls => 1,
            Self::Tcp => 2,
            Self::Udp => 3,
        }
    }
}

impl From<SipTransport> for Transport {
    fn from(transport: SipTransport) -> Self {
        match transport {
            SipTransport::Udp => Self::Udp,
            SipTransport::Tcp => Self::Tcp,
            SipTransport::Tls => Self::Tls,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartTls => "STARTTLS",
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

pub(crate) const XMPP_SERVER: [&str; 2] = ["_xmpp-server", "_tcp"];
pub(crate) const XMPPS_SERVER: [&str; 2] = ["_xmpps-server", "_tcp"];
pub(crate) const SIP_FEDERATION: [&str; 2] = ["_sipfederationtls", "_tcp"];

/// The port of `xmpp-server` (RFC 6120 §14.7).
pub(crate) const XMPP_PORT: u16 = 5269;
