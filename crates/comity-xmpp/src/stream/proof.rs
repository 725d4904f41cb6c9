//! Who may speak for a pair of domains, as values that only a verifying step can make.

use std::fmt;
use std::time::Duration;

use comity_identity::DomainName;

/// One of our domains and the domain on the other side.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "a pair has two sides")]
pub struct Pair {
    /// The domain that is ours.
    pub local: DomainName,
    /// The domain of the peer.
    pub remote: DomainName,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.local, self.remote)
    }
}

/// What the composer found out about the certificate of the other side for one domain.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The chain leads to an anchor that we trust, and the certificate names the domain.
    Trusted {
        /// The name in the certificate that matched, for people to read.
        matched_by: Box<str>,
        /// How long the chain stays valid; the stream is closed then. Without it, no end.
        expires_in: Option<Duration>,
    },
    /// It does not prove the domain.
    Untrusted {
        /// Why, in one line that the peer's operator may read.
        reason: Box<str>,
    },
}

/// How a pair was proved.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Method {
    /// The certificate of this TLS session names the remote domain.
    Certificate,
    /// The server that is authoritative for the remote domain confirmed the key (XEP-0220).
    Dialback,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Dialback => "dialback",
        })
    }
}

/// The right of a stream to bring stanzas from one remote domain to one of ours.
///
/// A stream makes it from the verdict on its certificate or from a [`DialbackProof`], and from
/// nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorized {
    pair: Pair,
    method: Method,
}

impl Authorized {
    /// The domains.
    #[must_use]
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// How the remote domain was proved.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// Spends the proof that a certificate names the remote domain of `pair`.
    pub(super) fn by_certificate(pair: Pair, proof: CertificateProof) -> Option<Self> {
        let CertificateProof { domain } = proof;
        (pair.remote == domain).then_some(Self {
            pair,
            method: Method::Certificate,
        })
    }

    /// Uses the proof that a key was confirmed, if it is for `pair` on the stream that we named
    /// `id`.
    pub(super) fn by_dialback(pair: Pair, id: &str, proof: &DialbackProof) -> Option<Self> {
        (pair == proof.pair && id == &*proof.id).then_some(Self {
            pair,
            method: Method::Dialback,
        })
    }
}

/// The certificate of a stream's TLS session names a domain.
#[derive(Debug)]
pub(super) struct CertificateProof {
    domain: DomainName,
}

impl CertificateProof {
    /// From the answer to the question whether the certificate names `domain`.
    pub(super) fn new(domain: DomainName, verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Trusted { .. } => Some(Self { domain }),
            Verdict::Untrusted { .. } => None,
        }
    }
}

/// The authoritative server of a remote domain confirmed a dialback key.
///
/// Only a stream makes it, when a `db:verify` answer matches the request that it sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DialbackProof {
    pair: Pair,
    id: Box<str>,
}

impl DialbackProof {
    pub(super) fn new(pair: Pair, id: Box<str>) -> Self {
        Self { pair, id }
    }
}
