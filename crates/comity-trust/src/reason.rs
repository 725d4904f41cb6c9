use std::fmt;
use std::time::Duration;

use comity_identity::Host;
use der::DateTime;
use rustls_pki_types::UnixTime;

use crate::identifier::NameList;
use crate::purpose::{EkuPolicy, Lacking, Role};
use crate::verdict::Aspect;

/// Why a certificate is not trusted.
///
/// If several reasons apply, the verdict gives the one that tells most: before all what ends the
/// check at once; then what is wrong with the peer's own certificate, whoever vouches for it; then
/// what is wrong with those who vouch; last that nobody does.
///
/// The text is one line of at most [`Reason::MAX_TEXT_BYTES`] bytes and shows nothing of the
/// certificate but times, and names of printable ASCII.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A signature in the chain does not belong to the key of its issuer.
    #[error("a signature in the certificate chain is wrong")]
    BadSignature,
    /// The peer's own certificate says that it is a CA (RFC 6120 §13.7.1.1).
    #[error("the certificate is that of a CA and may not be used by a server")]
    CaUsedAsEndEntity,
    /// The peer's own certificate has name constraints, which belong into those of CAs (RFC 5280
    /// §4.2.1.10).
    #[error("the certificate constrains names, which only that of a CA may do")]
    ConstraintsInLeaf,
    /// The domain's TLSA records name other certificates (RFC 7673 §4.2).
    #[error("none of the secure TLSA records of {reference} names the certificate")]
    DaneMismatch {
        /// Whom the certificate was to prove.
        reference: Box<str>,
    },
    /// A key of the chain is on the path builder's list of compromised keys.
    #[error("a key in the certificate chain is known to be compromised")]
    Distrusted,
    /// The time of the check lies after the end of the validity period.
    #[error("{position} expired at {}", Time(*.not_after))]
    Expired {
        /// The last second of validity.
        not_after: UnixTime,
        /// Which certificate it is.
        position: Position,
    },
    /// The extended key usage is not one that the policy accepts.
    #[error(
        "{position} lacks the extended key usage {lacking} that a TLS {role} needs (policy {policy})"
    )]
    ExtendedKeyUsage {
        /// What it would have to carry.
        lacking: Lacking,
        /// The policy that was applied.
        policy: EkuPolicy,
        /// Which certificate it is.
        position: Position,
        /// What the peer acted as.
        role: Role,
    },
    /// The key usage of a CA certificate does not allow it to sign certificates.
    #[error("the key usage of a CA certificate in the chain does not let it sign certificates")]
    IssuerKeyUsage,
    /// A certificate that is no CA issued another one.
    #[error("a certificate in the chain was issued by one that is not a CA")]
    IssuerNotCa,
    /// The key usage of the peer's own certificate does not allow it to sign a handshake (RFC 8446
    /// §4.4.2.2).
    #[error(
        "the key usage of the certificate lacks digitalSignature, so that it cannot sign a TLS handshake"
    )]
    KeyUsage,
    /// A certificate is not the DER that X.509 calls for.
    #[error("{position} is malformed")]
    Malformed {
        /// Which certificate it is.
        position: Position,
    },
    /// An entry of the subject alternative names has no legal form, or the subject is no name.
    #[error("the names of the certificate are malformed")]
    MalformedNames,
    /// The name constraints of a CA do not let it vouch for the host.
    #[error("a CA in the chain is constrained to names that do not include {host}")]
    NameConstraint {
        /// The host that the certificate was to prove.
        host: Host,
    },
    /// The name constraints of a CA do not allow some name in the certificate, or are of a form
    /// that the path builder does not read, as those on directory names and on SRVNames.
    #[error("the name constraints of a CA in the chain do not allow all names of the certificate")]
    NameConstraintElsewhere,
    /// No identifier of the certificate matches the reference.
    #[error("{0}")]
    NameMismatch(Box<Mismatch>),
    /// The peer presented no certificate.
    #[error("the peer presented no certificate")]
    NoCertificate,
    /// The time of the check lies before the start of the validity period.
    #[error("{position} is not valid before {}", Time(*.not_before))]
    NotYetValid {
        /// The first second of validity.
        not_before: UnixTime,
        /// Which certificate it is.
        position: Position,
    },
    /// A CA issued a chain that is longer than it may.
    #[error("the certificate chain is longer than one of its CAs allows")]
    PathLength,
    /// The certificate or its key is pinned, but not for this subject.
    #[error("the certificate is pinned, but not for {reference}")]
    PinnedElsewhere {
        /// Whom the certificate was to prove.
        reference: Box<str>,
    },
    /// The revocation list of an issuer should have been replaced by now.
    #[error("the revocation list of an issuer expired at {}", Time(*.next_update))]
    RevocationListExpired {
        /// When the next one was due.
        next_update: UnixTime,
    },
    /// No revocation list tells about a certificate.
    #[error("no revocation list covers a certificate of the chain")]
    RevocationUnknown,
    /// The issuer has revoked a certificate.
    #[error("{position} has been revoked")]
    Revoked {
        /// Which certificate it is.
        position: Position,
    },
    /// Nobody but the certificate itself vouches for it, and it is not pinned.
    #[error("the certificate is self-signed and not pinned")]
    SelfSigned,
    /// The chain takes more work to check than a path builder is ready to do.
    #[error("the certificate chain is too complex to check")]
    TooComplex,
    /// The peer presented more certificates than the limit.
    #[error("the peer presented more than {limit} certificates")]
    TooManyCertificates {
        /// The limit of the policy.
        limit: usize,
    },
    /// The certificate has more names than the limit.
    #[error("the certificate has more than {limit} names")]
    TooManyNames {
        /// The limit of the policy.
        limit: usize,
    },
    /// No path leads from the certificate to a trust anchor.
    #[error("the certificate chain does not lead to a trusted CA")]
    UnknownIssuer,
    /// A signature in the chain uses an algorithm that is not accepted.
    #[error("a signature algorithm or key type in the certificate chain is not supported")]
    UnsupportedAlgorithm,
    /// A certificate has a critical extension that is not understood (RFC 5280 §4.2).
    #[error("a certificate in the chain has a critical extension that is not supported")]
    UnsupportedExtension,
    /// A certificate is not X.509 version 3.
    #[error("{position} is not an X.509 version 3 certificate")]
    UnsupportedVersion {
        /// Which certificate it is.
        position: Position,
    },
    /// An RSA key is shorter than the policy asks for.
    #[error("the RSA key of {position} has {bits} bits, fewer than {minimum}")]
    WeakKey {
        /// How long it is.
        bits: usize,
        /// How long it has to be.
        minimum: usize,
        /// Whose it is.
        position: Position,
    },
}

impl Reason {
    /// The greatest length of the text in bytes.
    pub const MAX_TEXT_BYTES: usize = 2048;

    /// A word for programs, which stays when the text changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadSignature => "bad-signature",
            Self::CaUsedAsEndEntity => "ca-used-as-end-entity",
            Self::ConstraintsInLeaf => "constraints-in-leaf",
            Self::DaneMismatch { .. } => "dane-mismatch",
            Self::Distrusted => "distrusted",
            Self::Expired { .. } => "expired",
            Self::ExtendedKeyUsage { .. } => "extended-key-usage",
            Self::IssuerKeyUsage => "issuer-key-usage",
            Self::IssuerNotCa => "issuer-not-ca",
            Self::KeyUsage => "key-usage",
            Self::Malformed { .. } => "malformed",
            Self::MalformedNames => "malformed-names",
            Self::NameConstraint { .. } => "name-constraint",
            Self::NameConstraintElsewhere => "name-constraint-elsewhere",
            Self::NameMismatch(_) => "name-mismatch",
            Self::NoCertificate => "no-certificate",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::PathLength => "path-length",
            Self::PinnedElsewhere { .. } => "pinned-elsewhere",
            Self::RevocationListExpired { .. } => "revocation-list-expired",
            Self::RevocationUnknown => "revocation-unknown",
            Self::Revoked { .. } => "revoked",
            Self::SelfSigned => "self-signed",
            Self::TooComplex => "too-complex",
            Self::TooManyCertificates { .. } => "too-many-certificates",
            Self::TooManyNames { .. } => "too-many-names",
            Self::UnknownIssuer => "unknown-issuer",
            Self::UnsupportedAlgorithm => "unsupported-algorithm",
            Self::UnsupportedExtension => "unsupported-extension",
            Self::UnsupportedVersion { .. } => "unsupported-version",
            Self::WeakKey { .. } => "weak-key",
        }
    }

    /// What was wrong: the chain, the identity, or how the keys may be used.
    #[must_use]
    pub fn aspect(&self) -> Aspect {
        match self {
            Self::BadSignature
            | Self::CaUsedAsEndEntity
            | Self::ConstraintsInLeaf
            | Self::Distrusted
            | Self::Expired { .. }
            | Self::IssuerNotCa
            | Self::Malformed { .. }
            | Self::NameConstraintElsewhere
            | Self::NoCertificate
            | Self::NotYetValid { .. }
            | Self::PathLength
            | Self::SelfSigned
            | Self::TooComplex
            | Self::TooManyCertificates { .. }
            | Self::UnknownIssuer
            | Self::UnsupportedAlgorithm
            | Self::UnsupportedExtension
            | Self::UnsupportedVersion { .. }
            | Self::WeakKey { .. } => Aspect::Chain,
            Self::ExtendedKeyUsage { .. } => Aspect::ExtendedKeyUsage,
            Self::DaneMismatch { .. }
            | Self::MalformedNames
            | Self::NameConstraint { .. }
            | Self::NameMismatch(_)
            | Self::PinnedElsewhere { .. }
            | Self::TooManyNames { .. } => Aspect::Identity,
            Self::IssuerKeyUsage | Self::KeyUsage => Aspect::KeyUsage,
            Self::RevocationListExpired { .. } | Self::RevocationUnknown | Self::Revoked { .. } => {
                Aspect::Revocation
            }
        }
    }

    /// How much the reason tells: of two, the greater is reported.
    fn rank(&self) -> u8 {
        match self {
            Self::NoCertificate | Self::TooManyCertificates { .. } | Self::TooManyNames { .. } => 9,
            Self::Malformed {
                position: Position::Leaf,
            }
            | Self::UnsupportedVersion {
                position: Position::Leaf,
            }
            | Self::ConstraintsInLeaf
            | Self::MalformedNames => 8,
            Self::DaneMismatch { .. }
            | Self::Expired {
                position: Position::Leaf,
                ..
            }
            | Self::NotYetValid {
                position: Position::Leaf,
                ..
            }
            | Self::Revoked { .. } => 7,
            Self::NameMismatch(_) => 6,
            Self::CaUsedAsEndEntity
            | Self::ExtendedKeyUsage {
                position: Position::Leaf,
                ..
            }
            | Self::KeyUsage
            | Self::WeakKey {
                position: Position::Leaf,
                ..
            } => 5,
            Self::BadSignature
            | Self::Distrusted
            | Self::ExtendedKeyUsage { .. }
            | Self::IssuerKeyUsage
            | Self::IssuerNotCa
            | Self::NameConstraint { .. }
            | Self::NameConstraintElsewhere
            | Self::PathLength
            | Self::PinnedElsewhere { .. }
            | Self::TooComplex
            | Self::WeakKey { .. } => 4,
            Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::RevocationListExpired { .. }
            | Self::RevocationUnknown => 3,
            Self::UnsupportedAlgorithm | Self::UnsupportedExtension => 2,
            Self::Malformed { .. } | Self::UnsupportedVersion { .. } => 1,
            Self::SelfSigned | Self::UnknownIssuer => 0,
        }
    }

    /// The one of both that tells more; `self` if they tell the same.
    pub(crate) fn or_more_telling(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }
}

/// What a certificate names instead of what it was to name.
///
/// The text: `the certificate names a.example, not b.example`, and why a name that looks right does
/// not count.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Whom the certificate was to prove: the text of the [`Reference`](crate::Reference). `None`
    /// if anyone would have done.
    pub reference: Option<Box<str>>,
    /// The subject alternative names of the certificate that say who it is for.
    pub presented: NameList,
    /// What would have matched.
    pub expected: NameList,
    /// Why a name that looks right does not count.
    pub near: Option<NearMiss>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reference,
            presented,
            near,
            ..
        } = self;
        match reference {
            Some(reference) => write!(f, "the certificate names {presented}, not {reference}")?,
            None => write!(f, "the certificate proves nobody: it names {presented}")?,
        }
        match near {
            Some(near) => write!(f, "; {near}"),
            None => Ok(()),
        }
    }
}

/// Why a name that looks right does not count.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NearMiss {
    /// An IP address is written into a dNSName.
    AddressAsText,
    /// The common name is that of the subject, but does not count by the policy.
    CommonName,
    /// It has a form that does not count here, such as an SRVName where a host is asked for.
    OtherForm,
    /// It is the SRVName of another service.
    OtherService,
    /// A `sip` URI of another domain stands beside it and goes before it (RFC 5922 §7.1).
    SipUriFirst,
    /// It is a wildcard where none counts (RFC 5922 §7.2).
    Wildcard,
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressAsText => "an address in a dNSName does not count, only an iPAddress",
            Self::CommonName => "its common name does not count (policy on common names)",
            Self::OtherForm => "it names it in a form that does not count here",
            Self::OtherService => "an SRVName counts for its own service alone",
            Self::SipUriFirst => "beside a sip URI a dNSName does not count (RFC 5922)",
            Self::Wildcard => "a wildcard does not count here",
        })
    }
}

/// Which certificate of a chain is meant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Position {
    /// A trust anchor of the store.
    Anchor,
    /// One that the peer sent after its own.
    Issuer,
    /// The peer's own.
    Leaf,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchor => "the trust anchor",
            Self::Issuer => "a CA certificate in the chain",
            Self::Leaf => "the certificate",
        })
    }
}

/// Shows a time as `2026-01-02T03:04:05Z`.
pub(crate) struct Time(pub(crate) UnixTime);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match DateTime::from_unix_duration(Duration::from_secs(seconds)) {
            Ok(time) => time.fmt(f),
            Err(_beyond_year_9999) => write!(f, "second {seconds} of Unix time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifier::Identifier;

    #[test]
    fn the_longest_text_stays_below_its_bound() {
        let domain = [
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61),
        ]
        .join(".");
        let longest = format!("sip:{}.{domain}", "s".repeat(59));
        let name = Identifier::CommonName(longest.into());
        let presented = NameList::of(vec![name; 1024]);
        let reason = Reason::NameMismatch(Box::new(Mismatch {
            reference: Some(format!("{domain} or {} more", usize::MAX).into()),
            presented,
            expected: NameList::default(),
            near: Some(NearMiss::AddressAsText),
        }));
        let text = reason.to_string();
        assert!(text.contains(&format!("and 1019 more, not {domain} or")));
        assert!(text.len() <= Reason::MAX_TEXT_BYTES, "{}", text.len());
    }

    #[test]
    fn times_are_shown_as_dates() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = |not_after, position| {
            Reason::Expired {
                not_after,
                position,
            }
            .to_string()
        };
        assert_eq!(
            expired(at(1_767_323_045), Position::Leaf),
            "the certificate expired at 2026-01-02T03:04:05Z"
        );
        assert_eq!(
            expired(at(u64::MAX), Position::Anchor),
            "the trust anchor expired at second 18446744073709551615 of Unix time"
        );
    }
}
