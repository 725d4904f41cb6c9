use std::collections::{BTreeSet, HashSet};

use comity_identity::{Direction, DomainName};

use crate::table::Table;
use crate::{
    Config, ConfigError, Decision, DomainPattern, Exception, Packets, Rule, SecurityDecision,
    SecurityMode, Verdict,
};

/// The compiled rules.
#[derive(Clone, Debug)]
pub struct Policy {
    local_domains: HashSet<DomainName>,
    default_verdict: Verdict,
    exceptions: Table<Packets>,
    default_security: SecurityMode,
    security: Table<SecurityMode>,
}

impl Policy {
    /// Compiles `config`.
    ///
    /// # Errors
    ///
    /// The first rule of a configuration that `config` violates.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        if config.local_domains.is_empty() {
            return Err(ConfigError::NoLocalDomain);
        }
        for domain in &config.local_domains {
            check_name(domain)?;
        }
        if !config.default_security.is_consistent() {
            return Err(ConfigError::DefaultCertificateWithoutTls);
        }
        let mut exceptions = Table::default();
        for Exception { pattern, packets } in config.exceptions {
            check_pattern(&pattern, &config.local_domains)?;
            if !exceptions.insert(pattern.clone(), packets) {
                return Err(ConfigError::DuplicateException { pattern });
            }
        }
        let mut security = Table::default();
        for rule in config.security_rules {
            let pattern = rule.pattern;
            check_pattern(&pattern, &config.local_domains)?;
            if !rule.mode.is_consistent() {
                return Err(ConfigError::CertificateWithoutTls { pattern });
            }
            if !security.insert(pattern.clone(), rule.mode) {
                return Err(ConfigError::DuplicateSecurityRule { pattern });
            }
        }
        Ok(Self {
            local_domains: config.local_domains.into_iter().collect(),
            default_verdict: config.default_verdict,
            exceptions,
            default_security: config.default_security,
            security,
        })
    }

    /// Decides whether a packet between `local` and `remote` passes in `direction`.
    ///
    /// Replies are packets of their own direction, errors included: nothing is allowed because an
    /// earlier packet was.
    #[must_use]
    pub fn decide(
        &self,
        local: &DomainName,
        remote: &DomainName,
        direction: Direction,
    ) -> Decision {
        if !self.is_local(local) {
            return Decision::new(Verdict::Deny, [Rule::NotLocal(local.clone())]);
        }
        if self.is_local(remote) {
            return Decision::new(Verdict::Deny, [Rule::RemoteIsLocal(remote.clone())]);
        }
        let default = Rule::Default(self.default_verdict);
        let Some((pattern, &packets)) = self.exceptions.most_specific(remote) else {
            return Decision::new(self.default_verdict, [default]);
        };
        let exception = Exception { pattern, packets };
        if packets.include(direction) {
            let verdict = self.default_verdict.inverted();
            Decision::new(verdict, [Rule::Exception(exception), default])
        } else {
            let rule = Rule::OtherDirection(exception, direction);
            Decision::new(self.default_verdict, [rule, default])
        }
    }

    /// The security mode for connections with `remote`: that of the most specific rule, else the
    /// default.
    ///
    /// It permits nothing by itself; [`Policy::decide`] says whether the domain may federate.
    #[must_use]
    pub fn security(&self, remote: &DomainName) -> SecurityDecision {
        match self.security.most_specific(remote) {
            Some((pattern, &mode)) => SecurityDecision {
                mode,
                pattern: Some(pattern),
            },
            None => SecurityDecision {
                mode: self.default_security,
                pattern: None,
            },
        }
    }

    /// Whether `domain` is a local domain, by its whole name.
    #[must_use]
    pub fn is_local(&self, domain: &DomainName) -> bool {
        self.local_domains.contains(domain)
    }
}

fn check_pattern(
    pattern: &DomainPattern,
    local_domains: &BTreeSet<DomainName>,
) -> Result<(), ConfigError> {
    check_name(pattern.domain())?;
    match pattern {
        DomainPattern::Exact(domain) if local_domains.contains(domain) => {
            let domain = domain.clone();
            Err(ConfigError::LocalDomain { domain })
        }
        DomainPattern::Exact(_) | DomainPattern::Tree(_) => Ok(()),
    }
}

/// `DomainName` accepts a last label such as `1om`, because DNS does; no top-level domain is so
/// named, and in a rule it is a typing error.
fn check_name(domain: &DomainName) -> Result<(), ConfigError> {
    let last = domain.labels().next_back().unwrap_or_default();
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        let domain = domain.clone();
        return Err(ConfigError::LastLabelStartsWithDigit { domain });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
