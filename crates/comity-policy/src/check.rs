//! From the rules as they are written to the tables that answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use comity_identity::DomainName;

use crate::acl::Acl;
use crate::config::{LocalKind, ModeName};
use crate::email::EmailBook;
use crate::policy::{Policy, Sip, Xmpp};
use crate::table::Table;
use crate::user::UserTable;
use crate::{
    AclOrigin, AclPattern, Config, ConfigError, ConfigErrors, DomainPattern, Exception, Packets,
    Protocol, SecurityMode, SipRules, Subject, Switch, UserRule, Verdict, Warning, XmppRules,
};

/// Compiles a configuration, or tells all that is wrong with it.
pub(crate) fn compile(config: Config) -> Result<Policy, ConfigErrors> {
    let mut findings = Findings::default();
    findings.check_names(&config);
    findings.check_conflicts(&config);
    let email = findings.email(&config);
    let acl = findings.acl(&config);
    let local = config.all_local();
    findings.check_open_federation(&config, &acl);
    let Config {
        local_domains: own,
        xmpp,
        sip,
        user_rules,
        deny_mode,
        rates,
        ..
    } = config;
    let users = findings.users(user_rules, &own);
    let sip = findings.sip(sip, &local);
    let xmpp = findings.xmpp(xmpp, &local);
    if !findings.errors.is_empty() {
        return Err(ConfigErrors(findings.errors));
    }
    Ok(Policy {
        local_domains: local.into_iter().collect(),
        xmpp,
        sip,
        acl,
        users,
        deny_mode,
        email,
        rates,
        warnings: findings.warnings,
    })
}

/// The domains that are ours.
type Local = BTreeMap<DomainName, LocalKind>;

#[derive(Default)]
struct Findings {
    errors: Vec<ConfigError>,
    warnings: Vec<Warning>,
}

impl Findings {
    fn check_names(&mut self, config: &Config) {
        if config.local_domains.is_empty() {
            self.errors.push(ConfigError::NoLocalDomain);
        }
        for domain in config.local_domains.iter().chain(&config.email.domains) {
            self.check_name(domain);
        }
    }

    /// `DomainName` accepts a last label such as `1om`, because DNS does; no top-level domain is so
    /// named, and in a rule it is a typing error.
    fn check_name(&mut self, domain: &DomainName) {
        let last = domain.labels().next_back().unwrap_or_default();
        if last.starts_with(|c: char| c.is_ascii_digit()) {
            let domain = domain.clone();
            self.errors
                .push(ConfigError::LastLabelStartsWithDigit { domain });
        }
    }

    /// A domain is federated over one protocol.
    fn check_conflicts(&mut self, config: &Config) {
        let sip: BTreeSet<_> = config
            .sip
            .domains
            .iter()
            .map(|domain| &domain.name)
            .collect();
        let exceptions = config.xmpp.exceptions.iter();
        let security = config.xmpp.security_rules.iter();
        let patterns = exceptions
            .map(|exception| &exception.pattern)
            .chain(security.map(|rule| &rule.pattern));
        let both: BTreeSet<_> = patterns
            .filter_map(|pattern| match pattern {
                DomainPattern::Exact(name) => sip.get(name),
                DomainPattern::Tree(_) => None,
            })
            .collect();
        self.errors
            .extend(both.into_iter().map(|domain| ConfigError::InBothProtocols {
                domain: (*domain).clone(),
            }));
    }

    fn email(&mut self, config: &Config) -> EmailBook {
        let rules = &config.email;
        for (user, email) in &rules.identities {
            if !config.local_domains.contains(user.domain()) {
                let address = user.clone();
                self.errors.push(ConfigError::NotLocal { address });
            }
            if email != user && rules.identities.contains_key(email) {
                self.errors.push(ConfigError::EmailIsUser {
                    user: user.clone(),
                    email: email.clone(),
                });
            }
        }
        let (book, shared) = EmailBook::new(rules);
        self.errors
            .extend(shared.into_iter().map(|shared| ConfigError::SharedEmail {
                email: shared.email,
                first: shared.first,
                second: shared.second,
            }));
        book
    }

    fn acl(&mut self, config: &Config) -> Acl {
        let mut acl = Acl::default();
        for entry in config.acl_entries() {
            if let AclPattern::Name(name) = &entry.pattern
                && entry.origin == AclOrigin::Admin
            {
                self.check_name(name);
            }
            acl.insert(entry);
        }
        for pattern in &config.acl {
            if let Some(by) = acl.wider(pattern) {
                let pattern = pattern.clone();
                self.warnings.push(Warning::AclShadowed { pattern, by });
            }
        }
        acl
    }

    fn users(&mut self, rules: Vec<UserRule>, own: &BTreeSet<DomainName>) -> UserTable {
        let mut table = UserTable::with_capacity(rules.len());
        let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
        for rule in &rules {
            if !own.contains(rule.owner.domain()) {
                let address = rule.owner.clone();
                self.errors.push(ConfigError::NotLocal { address });
            }
            if let Err(earlier) = table.insert(rule) {
                self.errors.push(ConfigError::DuplicateUserRule {
                    first: Box::new((*earlier).clone()),
                    second: Box::new((**rule).clone()),
                });
            }
        }
        let shadowed = rules.iter().filter(|rule| match &rule.subject {
            Subject::User(user) => table.domain_says_the_same(rule, user.domain()),
            Subject::Domain(_) => false,
        });
        self.warnings
            .extend(shadowed.map(|rule| Warning::UserRuleShadowed(Box::new((**rule).clone()))));
        table
    }

    fn sip(&mut self, rules: SipRules, own: &Local) -> Sip {
        let has_rules = !rules.domains.is_empty();
        self.note_off(Protocol::Sip, rules.enabled, has_rules);
        let mut blocked = Table::with_capacity(rules.blocked.len());
        for pattern in rules.blocked {
            self.check_pattern(&pattern, own);
            blocked.insert(pattern, ());
        }
        let mut domains = HashMap::default();
        for domain in rules.domains {
            self.check_name(&domain.name);
            self.check_not_local(&domain.name, own);
            if blocked.has(&DomainPattern::Exact(domain.name.clone())) {
                let domain = domain.name.clone();
                self.errors.push(ConfigError::BlockedSipDomain { domain });
            }
            if let Some(earlier) = domains.insert(domain.name.clone(), domain) {
                let domain = earlier.name;
                self.errors.push(ConfigError::DuplicateSipDomain { domain });
            }
        }
        Sip {
            enabled: rules.enabled,
            default_verdict: rules.default_verdict,
            blocked,
            domains,
        }
    }

    fn xmpp(&mut self, rules: XmppRules, own: &Local) -> Xmpp {
        let has_rules = !rules.exceptions.is_empty() || !rules.security_rules.is_empty();
        self.note_off(Protocol::Xmpp, rules.enabled, has_rules);
        let mut exceptions = Table::with_capacity(rules.exceptions.len());
        for Exception { pattern, packets } in rules.exceptions {
            self.check_pattern(&pattern, own);
            if !exceptions.insert(pattern.clone(), packets) {
                self.errors
                    .push(ConfigError::DuplicateException { pattern });
            }
        }
        self.find_shadowed_exceptions(&exceptions, own);
        self.check_mode(rules.default_security, || ModeName::Default);
        let mut security = Table::with_capacity(rules.security_rules.len());
        for rule in rules.security_rules {
            let pattern = rule.pattern;
            self.check_pattern(&pattern, own);
            self.check_mode(rule.mode, || ModeName::Rule(pattern.clone()));
            if !security.insert(pattern.clone(), rule.mode) {
                self.errors
                    .push(ConfigError::DuplicateSecurityRule { pattern });
            }
        }
        self.find_shadowed_modes(&security, rules.default_security);
        Xmpp {
            enabled: rules.enabled,
            default_verdict: rules.default_verdict,
            exceptions,
            default_security: rules.default_security,
            security,
        }
    }

    fn check_open_federation(&mut self, config: &Config, acl: &Acl) {
        let sip = &config.sip;
        if sip.enabled == Switch::Off || sip.default_verdict == Verdict::Deny {
            return;
        }
        if config.xmpp.enabled == Switch::Off {
            self.warnings.push(Warning::OpenSipWithoutXmpp);
        }
        if !acl.lets_in_everybody() {
            self.warnings.push(Warning::OpenSipWithoutAccess);
        }
    }

    fn note_off(&mut self, protocol: Protocol, enabled: Switch, has_rules: bool) {
        if enabled == Switch::Off && has_rules {
            self.warnings.push(Warning::ProtocolOff(protocol));
        }
    }

    fn check_pattern(&mut self, pattern: &DomainPattern, own: &Local) {
        self.check_name(pattern.domain());
        match pattern {
            DomainPattern::Exact(domain) => self.check_not_local(domain, own),
            DomainPattern::Tree(_) => {}
        }
    }

    fn check_not_local(&mut self, domain: &DomainName, own: &Local) {
        if own.contains_key(domain) {
            let domain = domain.clone();
            self.errors.push(ConfigError::LocalDomain { domain });
        }
    }

    fn check_mode(&mut self, mode: SecurityMode, name: impl Fn() -> ModeName) {
        if let Some(contradiction) = mode.contradiction() {
            let what = name();
            self.errors.push(ConfigError::Security {
                what,
                contradiction,
            });
        }
        let switches = [mode.sasl_inbound, mode.sasl_outbound, mode.dialback];
        if switches == [Switch::Off; 3] {
            let what = name();
            self.warnings
                .push(Warning::NothingTakesTheCertificate { what });
        }
    }

    fn find_shadowed_exceptions(&mut self, table: &Table<Packets>, own: &Local) {
        let shadowed = table.iter().filter_map(|(pattern, packets)| {
            let (by, wider) = table.wider(&pattern)?;
            (wider == packets).then_some((pattern, *packets, by))
        });
        let mut shadowed: Vec<_> = shadowed.collect();
        shadowed.sort_unstable();
        for (pattern, packets, by) in shadowed {
            let exception = Exception::new(pattern, packets);
            self.warnings
                .push(Warning::ExceptionShadowed { exception, by });
        }
        for domain in own.keys() {
            if let Some((by, _)) = table.most_specific(domain) {
                let domain = domain.clone();
                self.warnings
                    .push(Warning::LocalDomainCovered { domain, by });
            }
        }
    }

    fn find_shadowed_modes(&mut self, table: &Table<SecurityMode>, default: SecurityMode) {
        let shadowed = table.iter().filter_map(|(pattern, mode)| {
            let without = table.wider(&pattern).map_or(default, |(_, mode)| *mode);
            (without == *mode).then_some(pattern)
        });
        let mut shadowed: Vec<_> = shadowed.collect();
        shadowed.sort_unstable();
        let warnings = shadowed.into_iter();
        self.warnings
            .extend(warnings.map(|pattern| Warning::SecurityRuleShadowed { pattern }));
    }
}
