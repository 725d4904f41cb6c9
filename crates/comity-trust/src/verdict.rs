use std::fmt;

use comity_identity::{DomainName, Host};
use rustls_pki_types::UnixTime;

use crate::identifier::Identifier;
use crate::reason::Reason;

/// What [`evaluate`](crate::evaluate) found.
///
/// Its text is one line for an operator: whom the certificate proves and until when, or why not.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Verdict {
    pub(crate) outcome: Result<Trusted, Reason>,
    pub(crate) checks: Checks,
}

impl Verdict {
    /// The proof, or the most telling reason why there is none.
    ///
    /// # Errors
    ///
    /// Why the certificate is not to be believed for the reference.
    pub fn outcome(&self) -> Result<&Trusted, &Reason> {
        self.outcome.as_ref()
    }

    /// As [`Verdict::outcome`], owned.
    ///
    /// # Errors
    ///
    /// Why the certificate is not to be believed for the reference.
    pub fn into_outcome(self) -> Result<Trusted, Reason> {
        self.outcome
    }

    /// The proof, if the certificate is trusted.
    #[must_use]
    pub fn trusted(&self) -> Option<&Trusted> {
        self.outcome.as_ref().ok()
    }

    /// Why the certificate is refused, if it is.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.outcome.as_ref().err()
    }

    /// How each aspect of the certificate was found.
    #[must_use]
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// `trusted`, or the [`Reason::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.outcome {
            Ok(_) => "trusted",
            Err(reason) => reason.code(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(trusted) => trusted.fmt(f),
            Err(reason) => reason.fmt(f),
        }
    }
}

/// How each aspect of a certificate was found.
///
/// All aspects are looked at as far as they can be without each other, so that an operator who
/// mends one learns at once what else is wrong.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Checks {
    /// Whether somebody who is believed vouches for it, and now.
    pub chain: Status,
    /// Whether the extended key usages are those that the policy asks for.
    pub extended_key_usage: Status,
    /// Whether it names the reference, and its issuers may vouch for that.
    pub identity: Status,
    /// Whether the keys may sign what they signed.
    pub key_usage: Status,
    /// Whether its issuers have revoked it.
    pub revocation: Status,
}

impl Checks {
    /// What was found about one aspect.
    #[must_use]
    pub fn of(&self, aspect: Aspect) -> &Status {
        match aspect {
            Aspect::Chain => &self.chain,
            Aspect::ExtendedKeyUsage => &self.extended_key_usage,
            Aspect::Identity => &self.identity,
            Aspect::KeyUsage => &self.key_usage,
            Aspect::Revocation => &self.revocation,
        }
    }

    /// What was found about all aspects.
    pub fn iter(&self) -> impl Iterator<Item = (Aspect, &Status)> {
        Aspect::ALL
            .into_iter()
            .map(|aspect| (aspect, self.of(aspect)))
    }

    fn of_mut(&mut self, aspect: Aspect) -> &mut Status {
        match aspect {
            Aspect::Chain => &mut self.chain,
            Aspect::ExtendedKeyUsage => &mut self.extended_key_usage,
            Aspect::Identity => &mut self.identity,
            Aspect::KeyUsage => &mut self.key_usage,
            Aspect::Revocation => &mut self.revocation,
        }
    }

    /// Remembers that an aspect was found good, unless it was found bad.
    pub(crate) fn pass(&mut self, aspect: Aspect) {
        let status = self.of_mut(aspect);
        if *status == Status::Unknown {
            *status = Status::Passed;
        }
    }

    /// Remembers what is wrong; of two reasons about one aspect, the more telling one.
    pub(crate) fn fail(&mut self, reason: Reason) {
        let status = self.of_mut(reason.aspect());
        *status = Status::Failed(match std::mem::take(status) {
            Status::Failed(earlier) => earlier.or_more_telling(reason),
            Status::Passed | Status::Unknown => reason,
        });
    }

    /// The most telling of all reasons.
    pub(crate) fn worst(&self) -> Option<Reason> {
        let reasons = self.iter().filter_map(|(_, status)| status.reason());
        reasons.cloned().reduce(Reason::or_more_telling)
    }
}

/// An aspect of a certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Aspect {
    /// Who vouches for it, and for how long.
    Chain,
    /// What its owner may use it for (RFC 5280 §4.2.1.12).
    ExtendedKeyUsage,
    /// Whom it names.
    Identity,
    /// What the keys may sign (RFC 5280 §4.2.1.3).
    KeyUsage,
    /// Whether it was taken back (RFC 5280 §5).
    Revocation,
}

impl Aspect {
    /// All of them, in the order in which one would mend them.
    pub const ALL: [Self; 5] = [
        Self::Chain,
        Self::Identity,
        Self::ExtendedKeyUsage,
        Self::KeyUsage,
        Self::Revocation,
    ];
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "chain",
            Self::ExtendedKeyUsage => "extended key usage",
            Self::Identity => "identity",
            Self::KeyUsage => "key usage",
            Self::Revocation => "revocation",
        })
    }
}

/// How an aspect was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Status {
    /// Not as it must be.
    Failed(Reason),
    /// As it must be.
    Passed,
    /// There was nothing to check it by, or no way to get so far.
    #[default]
    Unknown,
}

impl Status {
    /// What is wrong, if something is.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Failed(reason) => Some(reason),
            Self::Passed | Self::Unknown => None,
        }
    }
}

/// Proof that a certificate names its subjects and is to be believed.
///
/// Only [`evaluate`](crate::evaluate) makes one. It does not prove that the peer holds the key of
/// the certificate: the TLS handshake does that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trusted {
    pub(crate) basis: Basis,
    /// At least one.
    pub(crate) subjects: Vec<Host>,
    pub(crate) matched_by: Option<Identifier>,
    pub(crate) valid_until: UnixTime,
}

impl Trusted {
    /// On whose word the certificate is believed for the first subject.
    #[must_use]
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// Whom the certificate speaks for: the subject of the reference, those of several that it
    /// names, or for [`Reference::anyone`](crate::Reference::anyone) all whom it names.
    #[must_use]
    pub fn subjects(&self) -> &[Host] {
        &self.subjects
    }

    /// The domains among the subjects.
    pub fn domains(&self) -> impl Iterator<Item = &DomainName> {
        self.subjects.iter().filter_map(|host| match host {
            Host::Domain(domain) => Some(domain),
            Host::Ip(_) => None,
        })
    }

    /// The first name of the certificate that matches the reference; `None` if the certificate was
    /// published for the domain, whatever it names ([`Basis::Dane`], [`Basis::Posh`]).
    #[must_use]
    pub fn matched_by(&self) -> Option<&Identifier> {
        self.matched_by.as_ref()
    }

    /// The last second at which the certificate and everything that it depends on is valid.
    ///
    /// A stream should not outlive it (RFC 6120 §13.7.2.3).
    #[must_use]
    pub fn valid_until(&self) -> UnixTime {
        self.valid_until
    }
}

/// Writes `b.a.example proved by *.a.example, vouched for by a CA`.
impl fmt::Display for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subjects.split_first() {
            Some((first, [])) => first.fmt(f)?,
            Some((first, others)) => write!(f, "{first} and {} more", others.len())?,
            None => f.write_str("nobody")?,
        }
        if let Some(name) = &self.matched_by {
            write!(f, " proved by {name}")?;
        }
        write!(f, ", {}", self.basis)
    }
}

/// On whose word a certificate is believed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Basis {
    /// Secure TLSA records name it (RFC 7673).
    Dane,
    /// A path of signatures leads to a trust anchor.
    Path,
    /// The certificate itself or its key is pinned.
    Pin,
    /// The domain publishes its fingerprint over HTTPS (RFC 7711).
    Posh,
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dane => "named by TLSA records",
            Self::Path => "vouched for by a CA",
            Self::Pin => "pinned",
            Self::Posh => "named by the domain's POSH document",
        })
    }
}
