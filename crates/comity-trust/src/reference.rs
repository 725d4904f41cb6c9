use std::fmt;

use comity_identity::{DomainName, Host};

use crate::evidence::{Evidence, Provenance};
use crate::identifier::Identifier;
use crate::policy::CommonName;

/// Whom the certificate must name, and in which forms (RFC 9525 §4).
///
/// The name is the one of the address or of the stream header, never a host that DNS gave, unless
/// the policy allows that ([`Reference::or_target`]).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    pub(crate) subjects: Subjects,
    pub(crate) forms: Forms,
    pub(crate) targets: Vec<Target>,
    pub(crate) evidence: Evidence,
}

impl Reference {
    /// Accepts a DNS-ID for `domain`, and the common name where the policy lets it count.
    #[must_use]
    pub fn dns(domain: DomainName) -> Self {
        Self::host(Host::Domain(domain))
    }

    /// Accepts a DNS-ID for a domain, an IP-ID for an address.
    #[must_use]
    pub fn host(host: Host) -> Self {
        Self::one(host, Forms::Host)
    }

    /// Accepts a DNS-ID for `domain`, an SRV-ID for `service` at `domain`, and its XmppAddr.
    ///
    /// For streams between XMPP servers the domain is the stream's `to` on an outbound and its
    /// `from` on an inbound stream (RFC 6120 §13.7.2.1).
    #[must_use]
    pub fn service(domain: DomainName, service: Service) -> Self {
        Self::one(Host::Domain(domain), Forms::Xmpp(service))
    }

    /// Accepts a certificate of the SIP domain `domain` (RFC 5922 §7).
    #[must_use]
    pub fn sip(domain: DomainName) -> Self {
        Self::one(Host::Domain(domain), Forms::Sip)
    }

    /// Accepts each of these TLS peers. Without any it accepts nobody.
    ///
    /// The work grows with the number of peers times that of the certificate's names.
    #[must_use]
    pub fn peers(peers: impl IntoIterator<Item = PeerSubject>) -> Self {
        Self::of(
            Subjects::These(peers.into_iter().collect()),
            Forms::PeerSubject,
        )
    }

    /// Accepts whomever the certificate names in these forms, so that the verdict tells who that
    /// is: [`Trusted::subjects`](crate::Trusted::subjects).
    ///
    /// So a SIP server learns the identities of a client that connects (RFC 5922 §7.4). A wildcard
    /// names nobody.
    #[must_use]
    pub fn anyone(forms: Forms) -> Self {
        Self::of(Subjects::Anyone, forms)
    }

    fn one(host: Host, forms: Forms) -> Self {
        Self::of(Subjects::These(vec![PeerSubject::new(host)]), forms)
    }

    fn of(subjects: Subjects, forms: Forms) -> Self {
        Self {
            subjects,
            forms,
            targets: Vec::new(),
            evidence: Evidence::default(),
        }
    }

    /// Adds a host that DNS named for the domain: a DNS-ID for it proves the first subject, if
    /// [`Policy::targets`](crate::Policy::targets) allows that for such a host, found in such a way.
    ///
    /// For [`Reference::sip`] that DNS-ID is no wildcard, and counts only without any `sip` URI.
    #[must_use]
    pub fn or_target(mut self, host: DomainName, provenance: Provenance) -> Self {
        self.targets.push(Target { host, provenance });
        self
    }

    /// Adds what was found out about the first subject's certificate beside the chain. What speaks
    /// against the certificate speaks against the first subject alone.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// Whom the certificate must name: nobody in particular for [`Reference::anyone`].
    pub fn subjects(&self) -> impl Iterator<Item = &Host> {
        self.peers_named().iter().map(|peer| &peer.host)
    }

    /// In which forms.
    #[must_use]
    pub fn forms(&self) -> Forms {
        self.forms
    }

    /// The same for all but the first subject, if there are others.
    pub(crate) fn without_first(&self) -> Option<Self> {
        match self.peers_named() {
            [] | [_] => None,
            [_first, others @ ..] => Some(Self::of(Subjects::These(others.to_vec()), self.forms)),
        }
    }

    pub(crate) fn peers_named(&self) -> &[PeerSubject] {
        match &self.subjects {
            Subjects::These(peers) => peers,
            Subjects::Anyone => &[],
        }
    }
}

/// Writes the first subject and how many more there are, or `anyone`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.subjects, self.peers_named()) {
            (Subjects::Anyone, _) => f.write_str("anyone"),
            (Subjects::These(_), []) => f.write_str("nobody"),
            (Subjects::These(_), [only]) => only.host.fmt(f),
            (Subjects::These(_), [first, others @ ..]) => {
                write!(f, "{} or {} more", first.host, others.len())
            }
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Subjects {
    Anyone,
    These(Vec<PeerSubject>),
}

/// The name of a TLS peer that an operator has entered: its certificate must carry it as a whole,
/// as a DNS-ID, in a `sip` URI or as an IP-ID, or as its common name if that is allowed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerSubject {
    /// The name or address.
    pub host: Host,
    /// Whether the common name of this peer counts. Default: `None`, as the policy says
    /// ([`Policy::common_name`](crate::Policy::common_name)).
    pub common_name: Option<CommonName>,
}

impl PeerSubject {
    /// A peer whose common name counts as the policy says.
    #[must_use]
    pub fn new(host: impl Into<Host>) -> Self {
        Self {
            host: host.into(),
            common_name: None,
        }
    }

    /// A peer with its own rule about common names.
    #[must_use]
    pub fn with_common_name(host: impl Into<Host>, common_name: CommonName) -> Self {
        Self {
            host: host.into(),
            common_name: Some(common_name),
        }
    }
}

impl fmt::Display for PeerSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Target {
    pub(crate) host: DomainName,
    pub(crate) provenance: Provenance,
}

/// In which forms a certificate may name someone.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Forms {
    /// A DNS-ID, whose first label may be a wildcard, or an IP-ID (RFC 9525).
    Host,
    /// A DNS-ID that is no wildcard, a `sip` URI, an IP-ID or, where it is allowed, the common
    /// name.
    PeerSubject,
    /// A `sip` URI without a user; only without any, a DNS-ID that is no wildcard (RFC 5922 §7.1).
    Sip,
    /// A DNS-ID, whose first label may be a wildcard, an SRV-ID or an XmppAddr (RFC 6120
    /// §13.7.1.2.1).
    Xmpp(Service),
}

impl Forms {
    /// The names that would have proved `host`, the usual ones first.
    pub(crate) fn expected(self, host: &Host) -> Vec<Identifier> {
        let domain = match host {
            Host::Ip(address) => return vec![Identifier::Ip(*address)],
            Host::Domain(domain) => domain,
        };
        let dns = Identifier::Dns(domain.as_str().into());
        let uri = || Identifier::Uri(format!("sip:{domain}").into());
        match self {
            Self::Host => [Some(dns), wildcard(domain)]
                .into_iter()
                .flatten()
                .collect(),
            Self::PeerSubject => vec![dns, uri()],
            Self::Sip => vec![uri(), dns],
            Self::Xmpp(service) => {
                let srv = Identifier::Srv(format!("{}.{domain}", service.label()).into());
                let xmpp = Identifier::Xmpp(domain.as_str().into());
                [Some(dns), wildcard(domain), Some(srv), Some(xmpp)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        }
    }
}

/// The wildcard that stands for `domain`, if one can.
fn wildcard(domain: &DomainName) -> Option<Identifier> {
    let parent = domain.parent()?;
    parent
        .as_str()
        .contains('.')
        .then(|| Identifier::Dns(format!("*.{parent}").into()))
}

/// A service that an SRVName can name (RFC 4985 §2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Service {
    /// `_xmpp-client`: streams from XMPP clients (RFC 6120 §13.7.1.2.1).
    XmppClient,
    /// `_xmpp-server`: streams between XMPP servers (RFC 6120 §13.7.1.2.1).
    XmppServer,
}

impl Service {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::XmppClient => "_xmpp-client",
            Self::XmppServer => "_xmpp-server",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(forms: Forms, host: &str) -> Vec<String> {
        let names = forms.expected(&Host::parse(host).unwrap());
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_would_have_matched_depends_on_the_forms() {
        let xmpp = Forms::Xmpp(Service::XmppServer);
        assert_eq!(
            expected(Forms::Host, "b.a.example"),
            ["b.a.example", "*.a.example"]
        );
        assert_eq!(expected(Forms::Host, "a.example"), ["a.example"]);
        assert_eq!(expected(Forms::Host, "192.0.2.1"), ["192.0.2.1"]);
        assert_eq!(
            expected(Forms::Sip, "a.example"),
            ["sip:a.example", "a.example"]
        );
        assert_eq!(
            expected(Forms::PeerSubject, "a.example"),
            ["a.example", "sip:a.example"]
        );
        assert_eq!(
            expected(xmpp, "b.a.example"),
            [
                "b.a.example",
                "*.a.example",
                "_xmpp-server.b.a.example",
                "XmppAddr b.a.example"
            ]
        );
    }

    #[test]
    fn a_reference_tells_whom_it_means() {
        let peer = |name: &str| PeerSubject::new(Host::parse(name).unwrap());
        for (reference, text) in [
            (Reference::anyone(Forms::Sip), "anyone"),
            (Reference::peers([]), "nobody"),
            (Reference::peers([peer("192.0.2.1")]), "192.0.2.1"),
            (
                Reference::peers(["a.example", "b.example", "c.example"].map(peer)),
                "a.example or 2 more",
            ),
        ] {
            assert_eq!(reference.to_string(), text);
        }
    }
}
