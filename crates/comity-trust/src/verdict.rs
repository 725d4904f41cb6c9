use comity_identity::DomainName;
use rustls_pki_types::UnixTime;

use crate::identifier::Identifier;
use crate::reason::Reason;

/// What [`evaluate`](crate::evaluate) found.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller must decide both cases, and there is no third"
)]
pub enum Verdict {
    /// The certificate is not to be believed for the reference.
    Refused(Reason),
    /// The certificate proves the reference.
    Trusted(Trusted),
}

impl Verdict {
    /// The proof, if the certificate is trusted.
    #[must_use]
    pub fn trusted(&self) -> Option<&Trusted> {
        match self {
            Self::Trusted(trusted) => Some(trusted),
            Self::Refused(_) => None,
        }
    }

    /// Why the certificate is refused, if it is.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Trusted(_) => None,
            Self::Refused(reason) => Some(reason),
        }
    }
}

/// Proof that a certificate names a domain and is to be believed.
///
/// Only [`evaluate`](crate::evaluate) makes one. It does not prove that the peer holds the key of
/// the certificate: the TLS handshake does that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trusted {
    pub(crate) basis: Basis,
    pub(crate) domain: DomainName,
    pub(crate) matched_by: Identifier,
    pub(crate) valid_until: UnixTime,
}

impl Trusted {
    /// On whose word the certificate is believed.
    #[must_use]
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The domain that the certificate speaks for: that of the reference.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The first name of the certificate that matches the reference.
    #[must_use]
    pub fn matched_by(&self) -> &Identifier {
        &self.matched_by
    }

    /// The last second at which the certificate and everything that it depends on is valid.
    ///
    /// A stream should not outlive it (RFC 6120 §13.7.2.3).
    #[must_use]
    pub fn valid_until(&self) -> UnixTime {
        self.valid_until
    }
}

/// On whose word a certificate is believed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Basis {
    /// A path of signatures leads to a trust anchor.
    Path,
    /// The certificate itself is pinned.
    Pin,
}
