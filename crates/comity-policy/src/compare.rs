use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Config, Switch};

/// A node of a site, whose nodes must agree.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller fills all of it")]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// The cluster that it belongs to.
    pub cluster: &'a str,
    /// Its rules.
    pub config: &'a Config,
    /// The hash of its dialback secret, if it has one.
    pub dialback_secret: Option<SecretDigest>,
}

/// The hash of a secret, by which two are compared and which tells neither.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        let tagged = Sha256::new().chain_update(TAG).chain_update(secret);
        Self(tagged.finalize().into())
    }
}

impl PartialEq for SecretDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretDigest {}

/// Shows nothing: who has the hash of a weak secret can try all weak secrets.
impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

/// Something that nodes must agree on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Check {
    /// XMPP is off everywhere, or on for at least one node of every cluster.
    XmppEnabled,
    /// TLS is used alike.
    TlsMode,
    /// Certificates are required alike.
    Certificates,
    /// SASL EXTERNAL is used alike.
    Sasl,
    /// The dialback secret is the same.
    DialbackSecret,
    /// The default verdict is the same.
    DefaultVerdict,
    /// The exceptions are the same.
    Exceptions,
    /// The security rules of domains are the same, and dialback is used alike.
    SecurityRules,
    /// Email addresses stand in for users' own alike.
    Email,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::XmppEnabled,
        Self::TlsMode,
        Self::Certificates,
        Self::Sasl,
        Self::DialbackSecret,
        Self::DefaultVerdict,
        Self::Exceptions,
        Self::SecurityRules,
        Self::Email,
    ];

    /// What an operator does about a finding.
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::XmppEnabled => "switch XMPP on for a node of this cluster, or off everywhere",
            Self::TlsMode => "set the same TLS mode on all nodes",
            Self::Certificates => "require certificates on all nodes, or on none",
            Self::Sasl => "set the same SASL switches on all nodes",
            Self::DialbackSecret => "copy the dialback secret to this node",
            Self::DefaultVerdict => "set the same default on all nodes",
            Self::Exceptions => "copy the exceptions to this node",
            Self::SecurityRules => "set the same rules on all nodes",
            Self::Email => {
                "switch email addresses on or off alike, with the same domains and identities"
            }
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::XmppEnabled => "XMPP enabled",
            Self::TlsMode => "TLS mode",
            Self::Certificates => "certificates required",
            Self::Sasl => "SASL settings",
            Self::DialbackSecret => "dialback secret",
            Self::DefaultVerdict => "default policy",
            Self::Exceptions => "policy exceptions",
            Self::SecurityRules => "security rules",
            Self::Email => "email addresses",
        })
    }
}

/// What a check has found on some nodes.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Which check it was.
    pub check: Check,
    /// The nodes that differ from the others.
    pub nodes: Vec<String>,
    /// What most nodes have.
    pub expected: String,
    /// What these have.
    pub found: String,
    /// What to do.
    pub action: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            check,
            nodes,
            expected,
            found,
            action,
        } = self;
        let nodes = nodes.join(", ");
        write!(
            f,
            "{check}: {nodes}: expected {expected}, found {found}: {action}"
        )
    }
}

/// Compares the nodes of a site. Where they differ, what most of them have is expected; of two
/// values that are as frequent, that of the node which comes first.
///
/// A check without a finding has passed.
#[must_use]
pub fn compare(nodes: &[Node<'_>]) -> Vec<Finding> {
    Check::ALL
        .into_iter()
        .flat_map(|check| match check {
            Check::XmppEnabled => enabled(nodes),
            Check::DialbackSecret => secrets(nodes),
            Check::TlsMode
            | Check::Certificates
            | Check::Sasl
            | Check::DefaultVerdict
            | Check::Exceptions
            | Check::SecurityRules
            | Check::Email => values(check, nodes),
        })
        .collect()
}

/// The clusters without a node that has XMPP on, if there are others.
fn enabled(nodes: &[Node<'_>]) -> Vec<Finding> {
    let is_on = |node: &&Node<'_>| node.config.xmpp.enabled == Switch::On;
    let on: BTreeSet<_> = nodes
        .iter()
        .filter(is_on)
        .map(|node| node.cluster)
        .collect();
    let all: BTreeSet<_> = nodes.iter().map(|node| node.cluster).collect();
    if on.is_empty() {
        return Vec::new();
    }
    let off = all.difference(&on).map(|cluster| {
        let of_cluster = nodes.iter().filter(|node| node.cluster == *cluster);
        finding(
            Check::XmppEnabled,
            of_cluster.map(|node| node.name.to_owned()).collect(),
            "on for a node of every cluster".to_owned(),
            format!("off in cluster {cluster}"),
        )
    });
    off.collect()
}

fn values(check: Check, nodes: &[Node<'_>]) -> Vec<Finding> {
    let mut groups: BTreeMap<BTreeSet<String>, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        groups
            .entry(value(check, node.config))
            .or_default()
            .push(index);
    }
    let rank = |of: &&Vec<usize>| (of.len(), Reverse(of.first().copied()));
    let Some((expected, _)) = groups.iter().max_by_key(|(_, of)| rank(of)) else {
        return Vec::new();
    };
    let mut others: Vec<_> = groups
        .iter()
        .filter(|(value, _)| *value != expected)
        .collect();
    others.sort_by_key(|(_, of)| of.first().copied());
    let findings = others.into_iter().map(|(found, of)| {
        let names = of.iter().filter_map(|index| nodes.get(*index));
        let names = names.map(|node| node.name.to_owned()).collect();
        let (expected, found) = told(expected, found);
        finding(check, names, expected, found)
    });
    findings.collect()
}

/// What a node has: one text, or those of its rules.
fn value(check: Check, config: &Config) -> BTreeSet<String> {
    let xmpp = &config.xmpp;
    let mode = xmpp.default_security;
    let one = |text: String| BTreeSet::from([text]);
    match check {
        Check::TlsMode => one(format!("TLS {}", mode.tls)),
        Check::Certificates => one(format!("certificates {}", mode.certificate)),
        Check::Sasl => one(format!(
            "inbound {}, outbound {}",
            mode.sasl_inbound, mode.sasl_outbound
        )),
        Check::DefaultVerdict => one(format!("default {}", xmpp.default_verdict)),
        Check::Exceptions => xmpp.exceptions.iter().map(ToString::to_string).collect(),
        Check::SecurityRules => {
            let rules = xmpp.security_rules.iter();
            let rules = rules.map(|rule| format!("{}: {}", rule.pattern, rule.mode));
            let dialback = (mode.dialback == Switch::Off).then(|| "no dialback".to_owned());
            rules.chain(dialback).collect()
        }
        Check::Email => {
            let email = &config.email;
            if !email.enabled {
                return one("off".to_owned());
            }
            let domains = email
                .domains
                .iter()
                .map(|domain| format!("domain {domain}"));
            let identities = email.identities.iter();
            let identities = identities.map(|(user, email)| format!("{user} is {email}"));
            domains.chain(identities).chain(["on".to_owned()]).collect()
        }
        Check::XmppEnabled | Check::DialbackSecret => BTreeSet::new(),
    }
}

/// Tells two values apart: as they are if they are one text each, else by their difference.
fn told(expected: &BTreeSet<String>, found: &BTreeSet<String>) -> (String, String) {
    if let (Some(expected), Some(found), 1, 1) =
        (expected.first(), found.first(), expected.len(), found.len())
    {
        return (expected.clone(), found.clone());
    }
    let mut text = found.len().to_string();
    let lacking = some(expected.difference(found));
    let besides = some(found.difference(expected));
    if !lacking.is_empty() {
        text = format!("{text}; it lacks {lacking}");
    }
    if !besides.is_empty() {
        text = format!("{text}; it has {besides} besides");
    }
    let plural = if expected.len() == 1 { "" } else { "s" };
    (format!("{} rule{plural}", expected.len()), text)
}

/// The first few rules, and how many more there are.
fn some<'r>(rules: impl Iterator<Item = &'r String>) -> String {
    let mut rules = rules.map(String::as_str);
    let listed: Vec<_> = rules.by_ref().take(MAX_LISTED).collect();
    let listed = listed.join("; ");
    match rules.count() {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// Nodes whose secret is missing, or another than most have. No secret is shown.
fn secrets(nodes: &[Node<'_>]) -> Vec<Finding> {
    let secrets: Vec<_> = nodes
        .iter()
        .filter_map(|node| node.dialback_secret)
        .collect();
    let Some(expected) = most_frequent(&secrets) else {
        return Vec::new();
    };
    let groups = [("none", None), ("another secret", Some(()))].map(|(found, is_there)| {
        let of_group = nodes.iter().filter(|node| {
            let secret = node.dialback_secret;
            secret.as_ref() != Some(expected) && secret.map(|_| ()) == is_there
        });
        let names: Vec<_> = of_group.map(|node| node.name.to_owned()).collect();
        let expected = "the secret of the others".to_owned();
        (!names.is_empty())
            .then(|| finding(Check::DialbackSecret, names, expected, found.to_owned()))
    });
    groups.into_iter().flatten().collect()
}

fn finding(check: Check, nodes: Vec<String>, expected: String, found: String) -> Finding {
    Finding {
        check,
        nodes,
        expected,
        found,
        action: check.action(),
    }
}

/// The value that most have; of two that are as frequent the earlier one.
fn most_frequent<T: PartialEq>(values: &[T]) -> Option<&T> {
    let count = |value: &T| values.iter().filter(|other| *other == value).count();
    let mut best: Option<(&T, usize)> = None;
    for value in values {
        let count = count(value);
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((value, count));
        }
    }
    best.map(|(value, _)| value)
}

/// How many rules a finding lists.
const MAX_LISTED: usize = 3;

/// Keeps the hash apart from other uses of SHA-256 over the same secret.
const TAG: &[u8] = b"comity dialback secret, to be compared\0";
