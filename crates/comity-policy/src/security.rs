use std::fmt;

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
}

impl SecurityMode {
    /// Creates a mode. [`Policy::new`](crate::Policy::new) refuses one that requires a certificate
    /// without TLS.
    #[must_use]
    pub fn new(tls: TlsMode, certificate: Requirement) -> Self {
        Self { tls, certificate }
    }

    /// Whether a connection can satisfy the mode: a certificate is presented inside TLS only.
    pub(crate) fn is_consistent(self) -> bool {
        match (self.tls, self.certificate) {
            (TlsMode::Disabled, Requirement::Required) => false,
            (TlsMode::Disabled, Requirement::Optional)
            | (
                TlsMode::Optional | TlsMode::Required,
                Requirement::Optional | Requirement::Required,
            ) => true,
        }
    }
}

impl Default for SecurityMode {
    fn default() -> Self {
        Self::new(TlsMode::Required, Requirement::Required)
    }
}

impl fmt::Display for SecurityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS {}, certificate {}", self.tls, self.certificate)
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
