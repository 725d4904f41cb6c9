use std::fmt;

use comity_identity::Assurance;

use crate::DomainPattern;

/// How the connection with a remote domain must be secured.
///
/// The default is the strict one: TLS and a certificate are required.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct SecurityMode {
    /// Whether TLS is used.
    pub tls: TlsMode,
    /// Whether the peer must present a certificate that chains to an installed root and names its
    /// domain. If it need not, dialback may stand in.
    pub certificate: Requirement,
    /// Whether a peer that connects is offered SASL EXTERNAL. Default: on.
    pub sasl_inbound: Switch,
    /// Whether we use SASL EXTERNAL where a peer offers it. Default: on.
    pub sasl_outbound: Switch,
    /// Whether dialback may prove a domain. Default: on.
    pub dialback: Switch,
}

impl SecurityMode {
    /// Creates a mode. [`Policy::new`](crate::Policy::new) refuses one that requires a certificate
    /// without TLS.
    #[must_use]
    pub fn new(tls: TlsMode, certificate: Requirement) -> Self {
        Self {
            tls,
            certificate,
            sasl_inbound: Switch::On,
            sasl_outbound: Switch::On,
            dialback: Switch::On,
        }
    }

    /// How a connection can never satisfy the mode, if so.
    pub(crate) fn contradiction(self) -> Option<Contradiction> {
        match (self.tls, self.certificate, self.dialback) {
            // A certificate is presented inside TLS only.
            (TlsMode::Disabled, Requirement::Required, _) => {
                Some(Contradiction::CertificateWithoutTls)
            }
            (TlsMode::Disabled, Requirement::Optional, Switch::Off) => Some(Contradiction::NoProof),
            (
                TlsMode::Disabled | TlsMode::Optional | TlsMode::Required,
                Requirement::Optional | Requirement::Required,
                Switch::On | Switch::Off,
            ) => None,
        }
    }

    /// What a peer must have proved before anything of it is believed.
    #[must_use]
    pub fn needed(self) -> Assurance {
        match (self.certificate, self.dialback) {
            (Requirement::Required, _) | (Requirement::Optional, Switch::Off) => {
                Assurance::Certified
            }
            (Requirement::Optional, Switch::On) => Assurance::DialedBack,
        }
    }
}

/// How a security mode contradicts itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "all that the switches allow")]
pub enum Contradiction {
    /// A certificate is required, and TLS, in which it would be presented, is disabled.
    #[error("requires a certificate without TLS")]
    CertificateWithoutTls,
    /// Neither a certificate nor dialback could prove anything.
    #[error("leaves no way to prove a domain: neither TLS nor dialback")]
    NoProof,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Switch {
    /// It is not.
    Off,
    /// It is.
    On,
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
        })
    }
}

impl Default for SecurityMode {
    fn default() -> Self {
        Self::new(TlsMode::Required, Requirement::Required)
    }
}

impl fmt::Display for SecurityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS {}, certificate {}", self.tls, self.certificate)?;
        let switches = [
            (self.sasl_inbound, "inbound SASL"),
            (self.sasl_outbound, "outbound SASL"),
            (self.dialback, "dialback"),
        ];
        for (switch, name) in switches {
            if switch == Switch::Off {
                write!(f, ", no {name}")?;
            }
        }
        Ok(())
    }
}

/// Whether TLS is used with a remote domain.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a composer must treat each mode, and a new one must break its build"
)]
pub enum TlsMode {
    /// TLS is neither offered nor used; dialback identifies the peer.
    Disabled,
    /// TLS is tried; without it dialback identifies the peer.
    Optional,
    /// Nothing is accepted or sent before TLS.
    Required,
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "disabled",
            Self::Optional => "optional",
            Self::Required => "required",
        })
    }
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Requirement {
    /// It is used if it is there.
    Optional,
    /// Without it the peer is refused.
    Required,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Optional => "optional",
            Self::Required => "required",
        })
    }
}

/// A security mode for some remote domains.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct SecurityRule {
    /// The remote domains.
    pub pattern: DomainPattern,
    /// The mode that replaces the default one.
    pub mode: SecurityMode,
}

impl SecurityRule {
    /// Creates a rule that sets `mode` for the domains of `pattern`.
    #[must_use]
    pub fn new(pattern: DomainPattern, mode: SecurityMode) -> Self {
        Self { pattern, mode }
    }
}

/// The security mode of one remote domain, and where it comes from.
///
/// Its text is one line: `TLS optional, certificate optional: rule *.example.com`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SecurityDecision {
    /// The mode that holds.
    pub mode: SecurityMode,
    /// The pattern of the rule that set it; `None` if it is the default mode.
    pub pattern: Option<DomainPattern>,
}

impl fmt::Display for SecurityDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Some(pattern) => write!(f, "{}: rule {pattern}", self.mode),
            None => write!(f, "{}: default", self.mode),
        }
    }
}
