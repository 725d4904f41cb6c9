use rustls_pki_types::SignatureVerificationAlgorithm;

use crate::purpose::EkuPolicy;
use crate::store::TrustStore;

/// By which rules and on whose word certificates are judged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// The signature algorithms that count, each with its implementation.
    ///
    /// They come from the crypto provider of the TLS library. A weak algorithm is refused by
    /// leaving it out.
    pub algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    /// Which extended key usages a certificate must carry. Default: [`EkuPolicy::AnyTls`].
    pub eku: EkuPolicy,
    /// How much of what a peer presents is looked at.
    pub limits: Limits,
    /// Whom to believe. Default: nobody.
    pub store: TrustStore,
}

impl Policy {
    /// The default rules with these algorithms, and no trust in anybody.
    #[must_use]
    pub fn new(algorithms: &'static [&'static dyn SignatureVerificationAlgorithm]) -> Self {
        Self {
            algorithms,
            eku: EkuPolicy::default(),
            limits: Limits::default(),
            store: TrustStore::default(),
        }
    }
}

/// How much of what a peer presents is looked at.
///
/// The size of one certificate is bounded by the path builder: 64 KiB.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The number of certificates in a chain. Default: 6; public CAs make servers send three or
    /// four. The work of a search for a path grows with the factorial of this number: a hostile
    /// chain of six costs some milliseconds, one of ten half a second.
    pub max_certificates: usize,
    /// The number of subject alternative names of the peer's certificate, of all forms.
    /// Default: 512; servers that host many domains carry a few hundred.
    pub max_names: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_certificates: 6,
            max_names: 512,
        }
    }
}
