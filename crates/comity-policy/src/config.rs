use std::collections::BTreeSet;

use comity_identity::DomainName;

use crate::{DomainPattern, Exception, SecurityMode, SecurityRule, Verdict};

/// The rules of a [`Policy`](crate::Policy) as an operator writes them.
///
/// The order of the rules has no meaning.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The domains that this server speaks for; at least one.
    pub local_domains: BTreeSet<DomainName>,
    /// The verdict where no exception says otherwise. Default: [`Verdict::Deny`], so that nobody
    /// federates without being named.
    pub default_verdict: Verdict,
    /// The remote domains for which the default is inverted, each pattern once.
    pub exceptions: Vec<Exception>,
    /// The security mode where no rule says otherwise. Default: TLS and certificate required.
    pub default_security: SecurityMode,
    /// The remote domains with a security mode of their own, each pattern once.
    pub security_rules: Vec<SecurityRule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            local_domains: BTreeSet::new(),
            default_verdict: Verdict::Deny,
            exceptions: Vec::new(),
            default_security: SecurityMode::default(),
            security_rules: Vec::new(),
        }
    }
}

/// Why a [`Config`] is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The default security mode requires a certificate and disables TLS, in which it would be
    /// presented.
    #[error("the default security mode requires a certificate without TLS")]
    DefaultCertificateWithoutTls,
    /// A security rule requires a certificate and disables TLS, in which it would be presented.
    #[error("the security rule for {pattern} requires a certificate without TLS")]
    CertificateWithoutTls {
        /// The pattern of the rule.
        pattern: DomainPattern,
    },
    /// Two exceptions have the same pattern.
    #[error("there are two exceptions for {pattern}")]
    DuplicateException {
        /// The pattern of both.
        pattern: DomainPattern,
    },
    /// Two security rules have the same pattern.
    #[error("there are two security rules for {pattern}")]
    DuplicateSecurityRule {
        /// The pattern of both.
        pattern: DomainPattern,
    },
    /// An exact pattern names a local domain, which is never federated. A wildcard above a local
    /// domain, or with its name, is no error.
    #[error("{domain} is a local domain and cannot be federated")]
    LocalDomain {
        /// The domain that is both.
        domain: DomainName,
    },
    /// A domain has a last label that starts with a digit, such as `abc.1om`.
    #[error("the last label of {domain} starts with a digit")]
    LastLabelStartsWithDigit {
        /// The domain, without `*.`.
        domain: DomainName,
    },
    /// There is no local domain.
    #[error("there is no local domain")]
    NoLocalDomain,
}
