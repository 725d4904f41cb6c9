use std::fmt;
use std::time::Duration;

use comity_identity::DomainName;
use der::DateTime;
use rustls_pki_types::UnixTime;

use crate::identifier::PresentedNames;
use crate::purpose::{EkuPolicy, Role};

/// Why a certificate is not trusted.
///
/// If several reasons apply, the verdict gives the one that tells most: before all what ends the
/// check at once; then what is wrong with the peer's own certificate, whoever vouches for it; then
/// what is wrong with those who vouch; last that nobody does.
///
/// The text is one line of at most [`Reason::MAX_TEXT_BYTES`] bytes and shows nothing of the
/// certificate but times, and names made of letters, digits, hyphens, underscores, dots and `*`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A signature in the chain does not belong to the key of its issuer.
    #[error("a signature in the certificate chain is wrong")]
    BadSignature,
    /// The peer's own certificate says that it is a CA (RFC 6120 §13.7.1.1).
    #[error("the certificate is that of a CA and may not be used by a server")]
    CaUsedAsEndEntity,
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
        "the extended key usage of {position} is not accepted for a TLS {role} (policy {policy})"
    )]
    ExtendedKeyUsage {
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
    /// A certificate is not the DER that X.509 calls for.
    #[error("{position} is malformed")]
    Malformed {
        /// Which certificate it is.
        position: Position,
    },
    /// An entry of the subject alternative names has no legal form.
    #[error("the subject alternative names of the certificate are malformed")]
    MalformedNames,
    /// The name constraints of a CA do not let it vouch for the domain.
    #[error("a CA in the chain is constrained to names that do not include {domain}")]
    NameConstraint {
        /// The domain that the certificate was to prove.
        domain: DomainName,
    },
    /// The name constraints of a CA do not allow some name in the certificate, or are of a form
    /// that the path builder does not read, as those on directory names and on SRVNames.
    #[error("the name constraints of a CA in the chain do not allow all names of the certificate")]
    NameConstraintElsewhere,
    /// No identifier of the certificate matches the reference.
    #[error("the certificate names {presented}, not {domain}")]
    NameMismatch {
        /// The domain that the certificate was to prove.
        domain: DomainName,
        /// What it names instead.
        presented: PresentedNames,
    },
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
    /// The certificate is pinned, but this domain is not among those of the pin.
    #[error("the certificate is pinned, but not for {domain}")]
    PinnedElsewhere {
        /// The domain that the certificate was to prove.
        domain: DomainName,
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
}

impl Reason {
    /// The greatest length of the text in bytes.
    pub const MAX_TEXT_BYTES: usize = 2048;

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
            | Self::MalformedNames => 8,
            Self::Expired {
                position: Position::Leaf,
                ..
            }
            | Self::NotYetValid {
                position: Position::Leaf,
                ..
            } => 7,
            Self::NameMismatch { .. } => 6,
            Self::CaUsedAsEndEntity
            | Self::ExtendedKeyUsage {
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
            | Self::TooComplex => 4,
            Self::Expired { .. } | Self::NotYetValid { .. } => 3,
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
struct Time(UnixTime);

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
    use crate::identifier::Name;

    #[test]
    fn the_longest_text_stays_below_its_bound() {
        let domain = [
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61),
        ]
        .join(".");
        let service = format!("_{}.{domain}", "s".repeat(62));
        let names = vec![Name::Srv(service.as_bytes()); 512];
        let reason = Reason::NameMismatch {
            domain: DomainName::parse(&domain).unwrap(),
            presented: PresentedNames::of(&names),
        };
        let text = reason.to_string();
        assert!(
            text.ends_with(&format!("and 507 more, not {domain}")),
            "{text}"
        );
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
