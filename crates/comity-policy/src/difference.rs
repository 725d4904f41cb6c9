use std::collections::BTreeMap;
use std::fmt;

use crate::{Config, Protocol};

/// One change between two configurations.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// What it is about.
    pub section: Section,
    /// Which rule of the section: its pattern, domain or user; empty if there is only one.
    pub key: String,
    /// The rule as it was; `None` if there was none.
    pub before: Option<String>,
    /// The rule as it is; `None` if there is none any more.
    pub after: Option<String>,
}

/// Writes `exceptions: + exception a.example (all packets)`, with `-` for a rule that is gone and
/// `old -> new` for one that was changed.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.section)?;
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "+ {after}"),
            (Some(before), None) => write!(f, "- {before}"),
            (Some(before), Some(after)) => write!(f, "{before} -> {after}"),
            (None, None) => Ok(()),
        }
    }
}

/// A part of a configuration.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Section {
    /// The access list.
    Acl,
    /// The default verdict of a protocol.
    Default(Protocol),
    /// The deny mode.
    DenyMode,
    /// Whether email addresses stand in for users' own, their domains and identities.
    Email,
    /// Whether a protocol is on.
    Enabled(Protocol),
    /// The exceptions.
    Exceptions,
    /// The local domains.
    LocalDomains,
    /// The rates.
    Rates,
    /// The security modes.
    Security,
    /// The SIP domains.
    SipDomains,
    /// The rules of users.
    UserRules,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acl => f.write_str("access list"),
            Self::Default(protocol) => write!(f, "{protocol} default"),
            Self::DenyMode => f.write_str("deny mode"),
            Self::Email => f.write_str("email"),
            Self::Enabled(protocol) => write!(f, "{protocol} enabled"),
            Self::Exceptions => f.write_str("exceptions"),
            Self::LocalDomains => f.write_str("local domains"),
            Self::Rates => f.write_str("rates"),
            Self::Security => f.write_str("security"),
            Self::SipDomains => f.write_str("SIP domains"),
            Self::UserRules => f.write_str("user rules"),
        }
    }
}

impl Config {
    /// What has changed from this configuration to `new`, by section. The order of rules is no
    /// difference.
    #[must_use]
    pub fn difference(&self, new: &Self) -> Vec<Change> {
        let sections = |config: &Self| {
            let mut rules = BTreeMap::new();
            config.rules(|section, key, text| {
                rules.insert((section, key), text);
            });
            rules
        };
        let (mut before, after) = (sections(self), sections(new));
        let mut changes = Vec::new();
        for ((section, key), text) in after {
            let old = before.remove(&(section, key.clone()));
            if old.as_ref() != Some(&text) {
                changes.push((section, key, old, Some(text)));
            }
        }
        let gone = before.into_iter();
        changes.extend(gone.map(|((section, key), text)| (section, key, Some(text), None)));
        changes.sort();
        changes
            .into_iter()
            .map(|(section, key, before, after)| Change {
                section,
                key,
                before,
                after,
            })
            .collect()
    }

    /// Every rule with what it is about, which tells the same rule in another configuration, and
    /// its text.
    fn rules(&self, mut tell: impl FnMut(Section, String, String)) {
        let nothing = String::new;
        for domain in &self.local_domains {
            tell(
                Section::LocalDomains,
                domain.to_string(),
                domain.to_string(),
            );
        }
        for (protocol, enabled, default) in [
            (Protocol::Xmpp, self.xmpp.enabled, self.xmpp.default_verdict),
            (Protocol::Sip, self.sip.enabled, self.sip.default_verdict),
        ] {
            tell(Section::Enabled(protocol), nothing(), enabled.to_string());
            tell(Section::Default(protocol), nothing(), default.to_string());
        }
        for exception in &self.xmpp.exceptions {
            let pattern = exception.pattern.to_string();
            tell(Section::Exceptions, pattern, exception.to_string());
        }
        let mode = self.xmpp.default_security;
        tell(Section::Security, nothing(), format!("default: {mode}"));
        for rule in &self.xmpp.security_rules {
            let pattern = rule.pattern.to_string();
            let text = format!("{pattern}: {}", rule.mode);
            tell(Section::Security, pattern, text);
        }
        for pattern in &self.sip.blocked {
            let key = format!("blocked {pattern}");
            tell(Section::SipDomains, key.clone(), key);
        }
        for domain in &self.sip.domains {
            let text = match domain.description.as_str() {
                "" => domain.to_string(),
                description => format!("{domain}: {}", description.escape_debug()),
            };
            tell(Section::SipDomains, domain.name.to_string(), text);
        }
        for pattern in &self.acl {
            tell(Section::Acl, pattern.to_string(), pattern.to_string());
        }
        tell(Section::DenyMode, nothing(), self.deny_mode.to_string());
        for rule in &self.user_rules {
            let key = format!("{} {} {}", rule.owner, rule.subject, rule.scope);
            tell(Section::UserRules, key, rule.to_string());
        }
        let email = &self.email;
        let enabled = if email.enabled { "on" } else { "off" };
        tell(Section::Email, nothing(), enabled.to_owned());
        for domain in &email.domains {
            tell(
                Section::Email,
                domain.to_string(),
                format!("domain {domain}"),
            );
        }
        for (user, address) in &email.identities {
            tell(
                Section::Email,
                user.to_string(),
                format!("{user} is {address}"),
            );
        }
        for (kind, rate) in self.rates.iter() {
            let text = format!("{kind}: {}/s, burst {}", rate.per_second, rate.burst);
            tell(Section::Rates, kind.to_string(), text);
        }
    }
}
