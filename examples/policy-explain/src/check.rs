//! What a rule file holds.

use std::path::Path;

use comity_policy::{AclOrigin, Config, Switch, Warning};
use serde::Serialize;

use crate::options::Format;
use crate::rules::{self, RuleSet, RulesError};
use crate::{Page, json};

pub(crate) fn run(path: &Path, format: Format) -> Result<Page, RulesError> {
    let rules = rules::read(path)?;
    let summary = Summary::of(&rules.config);
    Ok(Page {
        text: match format {
            Format::People => page(&rules, &summary),
            Format::Json => document(&rules, summary),
        },
        is_good: true,
    })
}

/// How many rules there are of each kind.
#[derive(Serialize)]
struct Summary {
    local_domains: Vec<String>,
    xmpp: Xmpp,
    sip: Sip,
    acl: Acl,
    user_rules: usize,
    deny_mode: String,
    email: Email,
    rates: Vec<String>,
}

#[derive(Serialize)]
struct Xmpp {
    enabled: bool,
    default: String,
    exceptions: usize,
    security: String,
    security_rules: usize,
}

#[derive(Serialize)]
struct Sip {
    enabled: bool,
    default: String,
    blocked: usize,
    domains: usize,
}

#[derive(Serialize)]
struct Acl {
    entries: usize,
    /// Those that federated domains own.
    automatic: usize,
}

#[derive(Serialize)]
struct Email {
    enabled: bool,
    domains: usize,
    identities: usize,
}

impl Summary {
    fn of(config: &Config) -> Self {
        let is_automatic = |origin: &AclOrigin| matches!(origin, AclOrigin::Auto(_));
        let automatic = config
            .acl_entries()
            .filter(|entry| is_automatic(&entry.origin))
            .count();
        let rates = config
            .rates
            .iter()
            .map(|(kind, rate)| format!("{kind} {}/s, burst {}", rate.per_second, rate.burst));
        Self {
            local_domains: config
                .local_domains
                .iter()
                .map(ToString::to_string)
                .collect(),
            xmpp: Xmpp {
                enabled: config.xmpp.enabled == Switch::On,
                default: config.xmpp.default_verdict.to_string(),
                exceptions: config.xmpp.exceptions.len(),
                security: config.xmpp.default_security.to_string(),
                security_rules: config.xmpp.security_rules.len(),
            },
            sip: Sip {
                enabled: config.sip.enabled == Switch::On,
                default: config.sip.default_verdict.to_string(),
                blocked: config.sip.blocked.len(),
                domains: config.sip.domains.len(),
            },
            acl: Acl {
                entries: config.acl_entries().count(),
                automatic,
            },
            user_rules: config.user_rules.len(),
            deny_mode: config.deny_mode.to_string(),
            email: Email {
                enabled: config.email.enabled,
                domains: config.email.managed_domains().len(),
                identities: config.email.identities.len(),
            },
            rates: rates.collect(),
        }
    }

    fn lines(&self) -> [String; 8] {
        let Self {
            local_domains,
            xmpp,
            sip,
            acl,
            user_rules,
            deny_mode,
            email,
            rates,
        } = self;
        [
            format!("local domains: {}", listed(local_domains)),
            format!(
                "XMPP: {}, default {}, {}",
                on(xmpp.enabled),
                xmpp.default,
                count(xmpp.exceptions, "exception")
            ),
            format!(
                "security: {}, {}",
                xmpp.security,
                count(xmpp.security_rules, "rule")
            ),
            format!(
                "SIP: {}, default {}, {}, {} blocked",
                on(sip.enabled),
                sip.default,
                count(sip.domains, "domain"),
                sip.blocked
            ),
            format!(
                "access list: {}, {} of federated domains",
                count(acl.entries, "pattern"),
                acl.automatic
            ),
            format!(
                "users: {}, deny mode {deny_mode}",
                count(*user_rules, "rule")
            ),
            format!(
                "email: {}, {}, {}",
                on(email.enabled),
                count(email.domains, "domain"),
                count(email.identities, "user")
            ),
            format!("rates: {}", listed(rates)),
        ]
    }
}

fn page(rules: &RuleSet, summary: &Summary) -> String {
    let warnings = rules.policy.warnings();
    let mut text = format!("{}: {}\n", rules.name(), count(warnings.len(), "warning"));
    for warning in warnings {
        text += &format!("  warning: {warning}\n");
    }
    for line in summary.lines() {
        text += &format!("  {line}\n");
    }
    text
}

fn on(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

fn listed(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        items => items.join("; "),
    }
}

/// A number of things, with the right ending.
fn count(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

fn document(rules: &RuleSet, summary: Summary) -> String {
    let warnings: &[Warning] = rules.policy.warnings();
    json::print(&Document {
        task: "check",
        file: rules.name().to_string(),
        warnings: json::texts(warnings),
        summary,
    })
}

#[derive(Serialize)]
struct Document {
    task: &'static str,
    file: String,
    warnings: Vec<String>,
    summary: Summary,
}
