use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use comity_identity::DomainName;

use crate::{
    AclPattern, Address, Contradiction, DenyMode, DomainPattern, EmailRules, Exception,
    FederatedDomain, Rates, SecurityMode, SecurityRule, Switch, UserRule, Verdict,
};

/// The rules of a [`Policy`](crate::Policy) as an operator writes them.
///
/// The order of the rules has no meaning. [`Config::from_toml`] reads them from a text, and
/// [`Config::to_toml`] writes them, which brings the exceptions into an order by their packets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The domains that this server speaks for; at least one.
    pub local_domains: BTreeSet<DomainName>,
    /// With whom it federates over XMPP.
    pub xmpp: XmppRules,
    /// With whom it federates over SIP.
    pub sip: SipRules,
    /// Whose SIP connections are let in, beside those of federated domains.
    pub acl: BTreeSet<AclPattern>,
    /// What local users have decided, about each subject and scope once.
    pub user_rules: Vec<UserRule>,
    /// How users' refusals look. Default: polite.
    pub deny_mode: DenyMode,
    /// Under which email addresses local users are known.
    pub email: EmailRules,
    /// How often remote ones may do something.
    pub rates: Rates,
}

/// With whom a server federates over XMPP.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct XmppRules {
    /// Whether it does. Default: off.
    pub enabled: Switch,
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

impl Default for XmppRules {
    fn default() -> Self {
        Self {
            enabled: Switch::Off,
            default_verdict: Verdict::Deny,
            exceptions: Vec::new(),
            default_security: SecurityMode::default(),
            security_rules: Vec::new(),
        }
    }
}

/// With whom a server federates over SIP: always over mutual TLS, with certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SipRules {
    /// Whether it does. Default: off.
    pub enabled: Switch,
    /// The verdict for domains that are not listed. Default: [`Verdict::Deny`]. [`Verdict::Allow`]
    /// is open federation.
    pub default_verdict: Verdict,
    /// The domains that are denied whatever the default says. A federated domain may lie under a
    /// wildcard of them.
    pub blocked: BTreeSet<DomainPattern>,
    /// The federated domains, each once.
    pub domains: Vec<FederatedDomain>,
}

impl Default for SipRules {
    fn default() -> Self {
        Self {
            enabled: Switch::Off,
            default_verdict: Verdict::Deny,
            blocked: BTreeSet::new(),
            domains: Vec::new(),
        }
    }
}

/// Everything for which a [`Config`] is refused; at least one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigErrors(pub(crate) Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, in the order of the fields of the configuration.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.0
    }
}

/// Writes the first error, and how many more there are.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_first() {
            None => f.write_str("the configuration is refused"),
            Some((first, [])) => first.fmt(f),
            Some((first, more)) => write!(f, "{first}; and {} more errors", more.len()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// Why a [`Config`] is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
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
    /// A SIP domain is federated and blocked.
    #[error("{domain} is federated over SIP and blocked")]
    BlockedSipDomain {
        /// The domain.
        domain: DomainName,
    },
    /// A SIP domain is listed twice.
    #[error("{domain} is listed twice among the SIP domains")]
    DuplicateSipDomain {
        /// The domain.
        domain: DomainName,
    },
    /// Two rules of a user are about the same.
    #[error("two rules are about the same: {first}; {second}")]
    DuplicateUserRule {
        /// The one.
        first: Box<UserRule>,
        /// The other.
        second: Box<UserRule>,
    },
    /// A domain is federated over SIP and named for XMPP as well.
    #[error("{domain} is federated over SIP and named for XMPP too: delete one of them")]
    InBothProtocols {
        /// The domain.
        domain: DomainName,
    },
    /// An email address is another user's own address.
    #[error("the email address of {user} is {email}, which is another user's own address")]
    EmailIsUser {
        /// Whose email address it is.
        user: Address,
        /// The address.
        email: Address,
    },
    /// A domain has a last label that starts with a digit, such as `abc.1om`.
    #[error("the last label of {domain} starts with a digit")]
    LastLabelStartsWithDigit {
        /// The domain, without `*.`.
        domain: DomainName,
    },
    /// An exact pattern or a SIP domain is a local domain, which is never federated. A wildcard
    /// above a local domain, or with its name, is no error.
    #[error("{domain} is a local domain and cannot be federated")]
    LocalDomain {
        /// The domain that is both.
        domain: DomainName,
    },
    /// There is no local domain.
    #[error("there is no local domain")]
    NoLocalDomain,
    /// The owner of a user's rule, or the user of an email address, is in no local domain.
    #[error("{address} is in no local domain")]
    NotLocal {
        /// The address.
        address: Address,
    },
    /// A security mode contradicts itself.
    #[error("the {what} {contradiction}")]
    Security {
        /// Which mode it is.
        what: ModeName,
        /// What is wrong with it.
        contradiction: Contradiction,
    },
    /// Two users have one email address.
    #[error("{first} and {second} have the same email address {email}")]
    SharedEmail {
        /// The address.
        email: Address,
        /// The one user.
        first: Address,
        /// The other.
        second: Address,
    },
}

impl ConfigError {
    /// The key of the text form under which it stands, and what it is about as that is written
    /// there.
    pub(crate) fn place(&self) -> (&'static str, Option<String>) {
        let of = |text: &dyn fmt::Display| Some(text.to_string());
        match self {
            Self::DuplicateException { pattern } => ("xmpp.exceptions", of(pattern)),
            Self::DuplicateSecurityRule { pattern } => ("xmpp.security-rules", of(pattern)),
            Self::BlockedSipDomain { domain } => ("sip.blocked", of(domain)),
            Self::DuplicateSipDomain { domain } => ("sip.domains", of(domain)),
            Self::InBothProtocols { domain } => ("xmpp", of(domain)),
            Self::DuplicateUserRule { second, .. } => ("user-rules", of(&second.subject)),
            Self::EmailIsUser { email, .. } | Self::SharedEmail { email, .. } => {
                ("email.identities", of(email))
            }
            Self::LastLabelStartsWithDigit { domain } | Self::LocalDomain { domain } => {
                ("", of(domain))
            }
            Self::NoLocalDomain => ("local-domains", None),
            Self::NotLocal { address } => ("", of(address)),
            Self::Security { what, .. } => match what {
                ModeName::Default => ("xmpp.security", None),
                ModeName::Rule(pattern) => ("xmpp.security-rules", of(pattern)),
            },
        }
    }
}

/// Which security mode is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum ModeName {
    /// The default one.
    Default,
    /// That of the rule with this pattern.
    Rule(DomainPattern),
}

impl fmt::Display for ModeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default security mode"),
            Self::Rule(pattern) => write!(f, "security rule for {pattern}"),
        }
    }
}

/// A rule that changes nothing, or not what it seems to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// An entry of the access list lets nobody in whom another does not let in.
    AclShadowed {
        /// The entry.
        pattern: AclPattern,
        /// The other.
        by: AclPattern,
    },
    /// An exception says what a wider one says already.
    ExceptionShadowed {
        /// The exception.
        exception: Exception,
        /// The wider one.
        by: DomainPattern,
    },
    /// A local domain lies under a wildcard, which does not apply to it.
    LocalDomainCovered {
        /// The local domain.
        domain: DomainName,
        /// The wildcard.
        by: DomainPattern,
    },
    /// A mode asks for a certificate, and neither SASL EXTERNAL nor dialback would take it.
    NothingTakesTheCertificate {
        /// Which mode it is.
        what: ModeName,
    },
    /// SIP is open to unknown domains, and the access list lets in none of them.
    OpenSipWithoutAccess,
    /// SIP is open to unknown domains, and XMPP, which is tried before it, is off.
    OpenSipWithoutXmpp,
    /// A protocol is off, and its rules have no effect.
    ProtocolOff(crate::Protocol),
    /// A security rule sets what holds without it.
    SecurityRuleShadowed {
        /// Its pattern.
        pattern: DomainPattern,
    },
    /// A user's rule about one user says what his rule about the domain says already.
    UserRuleShadowed(Box<UserRule>),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AclShadowed { pattern, by } => {
                write!(f, "\"{pattern}\" adds nothing to \"{by}\"")
            }
            Self::ExceptionShadowed { exception, by } => {
                write!(f, "{exception} adds nothing to that for {by}")
            }
            Self::LocalDomainCovered { domain, by } => {
                write!(
                    f,
                    "the exception {by} does not apply to the local domain {domain}"
                )
            }
            Self::NothingTakesTheCertificate { what } => write!(
                f,
                "the {what} asks for a certificate, but allows neither SASL EXTERNAL nor dialback"
            ),
            Self::OpenSipWithoutAccess => f.write_str(
                "unknown domains may federate over SIP, but the access list has no \"Allow from all\"",
            ),
            Self::OpenSipWithoutXmpp => f.write_str(
                "unknown domains may federate over SIP, but XMPP, which is tried first, is off",
            ),
            Self::ProtocolOff(protocol) => {
                write!(f, "{protocol} is off, so that its rules have no effect")
            }
            Self::SecurityRuleShadowed { pattern } => {
                write!(
                    f,
                    "the security rule for {pattern} sets what holds without it"
                )
            }
            Self::UserRuleShadowed(rule) => {
                write!(f, "\"{rule}\" adds nothing to the rule about the domain")
            }
        }
    }
}

impl Config {
    /// The entries of the access list: those of the operator, and one for each SIP domain.
    pub fn acl_entries(&self) -> impl Iterator<Item = crate::AclEntry> {
        let own = self.acl.iter().map(|pattern| crate::AclEntry {
            pattern: pattern.clone(),
            origin: crate::AclOrigin::Admin,
        });
        let auto = self.sip.domains.iter().map(|domain| crate::AclEntry {
            pattern: AclPattern::Name(domain.name.clone()),
            origin: crate::AclOrigin::Auto(domain.name.clone()),
        });
        own.chain(auto)
    }

    /// Deletes an entry of the access list.
    ///
    /// # Errors
    ///
    /// It belongs to a federated domain, and goes only with it.
    pub fn remove_acl_entry(&mut self, entry: &crate::AclEntry) -> Result<bool, OwnedByDomain> {
        match &entry.origin {
            crate::AclOrigin::Admin => Ok(self.acl.remove(&entry.pattern)),
            crate::AclOrigin::Auto(domain) => Err(OwnedByDomain(domain.clone())),
        }
    }

    /// Takes a user's email address away. Its domain stays, as one that an operator manages.
    pub fn remove_identity(&mut self, user: &Address) -> Option<Address> {
        let email = self.email.identities.remove(user)?;
        self.email.domains.insert(email.domain().clone());
        Some(email)
    }

    /// Deletes a domain of email addresses; `false` if it is not there.
    ///
    /// # Errors
    ///
    /// Users have addresses in it.
    pub fn remove_email_domain(&mut self, domain: &DomainName) -> Result<bool, DomainInUse> {
        let mut emails = self.email.identities.values();
        if emails.any(|email| email.domain() == domain) {
            return Err(DomainInUse(domain.clone()));
        }
        Ok(self.email.domains.remove(domain))
    }

    /// The email domains as local domains, for all that is asked by domain.
    pub(crate) fn all_local(&self) -> BTreeMap<DomainName, LocalKind> {
        let email = match self.email.enabled {
            true => self.email.managed_domains(),
            false => BTreeMap::new(),
        };
        let email = email.into_keys().map(|domain| (domain, LocalKind::Email));
        let own = self.local_domains.iter().cloned();
        email
            .chain(own.map(|domain| (domain, LocalKind::Own)))
            .collect()
    }
}

/// Why a domain is ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LocalKind {
    /// Users have email addresses in it.
    Email,
    /// It is a local domain.
    Own,
}

/// Users have email addresses in a domain, which cannot be deleted for that.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("users have email addresses in {0}")]
#[expect(clippy::exhaustive_structs, reason = "it says all there is")]
pub struct DomainInUse(pub DomainName);

/// An entry of the access list belongs to a federated domain: delete the domain.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the entry belongs to the federated domain {0} and goes only with it")]
#[expect(clippy::exhaustive_structs, reason = "it says all there is")]
pub struct OwnedByDomain(pub DomainName);
