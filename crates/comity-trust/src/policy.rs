use comity_identity::{DomainName, Host};
use rustls_pki_types::SignatureVerificationAlgorithm;

use crate::evidence::Provenance;
use crate::purpose::EkuPolicy;
use crate::reference::Target;
use crate::store::TrustStore;

/// By which rules and on whose word certificates are judged.
///
/// Each protocol has its own: what SIP peers are believed is no business of XMPP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// The signature algorithms that count, each with its implementation.
    ///
    /// They come from the crypto provider of the TLS library. A weak algorithm is refused by
    /// leaving it out.
    pub algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    /// Whether the common name of the subject counts. Default: [`CommonName::Off`].
    pub common_name: CommonName,
    /// Which extended key usages a certificate must carry. Default: [`EkuPolicy::AnyTls`].
    pub eku: EkuPolicy,
    /// How much of what a peer presents is looked at.
    pub limits: Limits,
    /// The shortest RSA key of a path, in bits of its modulus. Default: 2,048 (RFC 9325 §4.5).
    pub min_rsa_bits: usize,
    /// What revocation lists have to say. Default: [`Revocation::IfListed`].
    pub revocation: Revocation,
    /// Whom to believe. Default: nobody.
    pub store: TrustStore,
    /// Whether a host that DNS named may prove the domain. Default: [`TargetPolicy::Never`].
    pub targets: TargetPolicy,
}

impl Policy {
    /// The default rules with these algorithms, and no trust in anybody.
    #[must_use]
    pub fn new(algorithms: &'static [&'static dyn SignatureVerificationAlgorithm]) -> Self {
        Self {
            algorithms,
            common_name: CommonName::default(),
            eku: EkuPolicy::default(),
            limits: Limits::default(),
            min_rsa_bits: 2048,
            revocation: Revocation::default(),
            store: TrustStore::default(),
            targets: TargetPolicy::default(),
        }
    }
}

/// When the common name of a subject counts as a name: for old peers whose certificates have
/// nothing better.
///
/// It counts as a whole or not at all: no wildcard, no second common name, and only in a string
/// type whose bytes are its characters. Name constraints bind it like every other form.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CommonName {
    /// Beside all other names, as many old products compare it.
    Always,
    /// Never (RFC 9525 §2).
    #[default]
    Off,
    /// If the certificate has no subject alternative name of any form (RFC 5922 §7.1).
    Rfc5922,
    /// If the certificate presents no DNS-ID, SRV-ID, XmppAddr or URI (RFC 6125 §6.4.4); for a SIP
    /// domain as [`CommonName::Rfc5922`].
    Rfc6125,
}

/// What revocation lists have to say about the certificates of a path.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Revocation {
    /// A certificate that a list revokes is refused. One that no list is about passes, and a list
    /// past its next update still counts.
    #[default]
    IfListed,
    /// Lists are not looked at.
    Off,
    /// Every certificate below the anchor must be covered by a list that has not expired.
    Required,
}

/// Whether a host that DNS named may prove the domain that it was named for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TargetPolicy {
    /// Never: DNS is not believed (RFC 9525 §6.1).
    #[default]
    Never,
    /// If DNSSEC secured every answer that led to it (RFC 7673 §4.1).
    Secure,
    /// If DNSSEC secured that, or if the host is the domain or lies below it. The latter is how
    /// Microsoft's edges are found: `sip.example.com` for `example.com`.
    SecureOrInDomain,
}

impl TargetPolicy {
    pub(crate) fn allow(self, subject: &Host, target: &Target) -> bool {
        let is_secure = target.provenance == Provenance::Secure;
        match self {
            Self::Never => false,
            Self::Secure => is_secure,
            Self::SecureOrInDomain => is_secure || lies_in(&target.host, subject),
        }
    }
}

fn lies_in(target: &DomainName, subject: &Host) -> bool {
    match subject {
        Host::Domain(domain) => target == domain || target.is_below(domain),
        Host::Ip(_) => false,
    }
}

/// How much of what a peer presents is looked at.
///
/// The size of one certificate is bounded by the path builder: 64 KiB. With the defaults, to judge a
/// chain takes at most 128 KiB of heap beside its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The number of certificates in a chain. Default: 6; public CAs make servers send three or
    /// four. The work of a search for a path grows with the factorial of this number: a hostile
    /// chain of six costs some milliseconds, one of ten half a second.
    pub max_certificates: usize,
    /// The number of subject alternative names of the peer's certificate, of all forms.
    /// Default: 1,024; servers that host many domains carry a few hundred.
    pub max_names: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_certificates: 6,
            max_names: 1024,
        }
    }
}
