use std::collections::BTreeSet;
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
    /// Email addresses stand in for users' own alike.
    Email,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::XmppEnabled,
        Self::TlsMode,
        Self::Certificates,
        Self::Sasl,
        Self::DialbackSecret,
        Self::DefaultVerdict,
        Self::Exceptions,
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
            Self::Email => "switch email addresses on or off alike, with the same identities",
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
    let values: Vec<_> = nodes.iter().map(|node| value(check, node.config)).collect();
    let Some(expected) = most_frequent(&values) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = Vec::new();
    for (node, found) in nodes.iter().zip(&values) {
        if found == expected {
            continue;
        }
        let name = node.name.to_owned();
        match findings.iter_mut().find(|finding| finding.found == *found) {
            Some(finding) => finding.nodes.push(name),
            None => {
                let (expected, found) = (expected.clone(), found.clone());
                findings.push(finding(check, vec![name], expected, found));
            }
        }
    }
    findings
}

/// What a node has, as text.
fn value(check: Check, config: &Config) -> String {
    let mode = config.xmpp.default_security;
    match check {
        Check::TlsMode => format!("TLS {}", mode.tls),
        Check::Certificates => format!("certificates {}", mode.certificate),
        Check::Sasl => format!(
            "inbound {}, outbound {}",
            mode.sasl_inbound, mode.sasl_outbound
        ),
        Check::DefaultVerdict => format!("default {}", config.xmpp.default_verdict),
        Check::Exceptions => {
            let exceptions = config.xmpp.exceptions.iter().map(ToString::to_string);
            let sorted: BTreeSet<_> = exceptions.collect();
            listed(sorted)
        }
        Check::Email => match config.email.enabled {
            false => "off".to_owned(),
            true => {
                let identities = config.email.identities.iter();
                let identities = identities.map(|(user, email)| format!("{user} is {email}"));
                format!("on: {}", listed(identities.collect()))
            }
        },
        Check::XmppEnabled | Check::DialbackSecret => String::new(),
    }
}

fn listed(rules: BTreeSet<String>) -> String {
    if rules.is_empty() {
        return "none".to_owned();
    }
    let rules: Vec<_> = rules.into_iter().collect();
    rules.join("; ")
}

/// Nodes whose secret is missing, or another than most have. No secret is shown.
fn secrets(nodes: &[Node<'_>]) -> Vec<Finding> {
    let secrets: Vec<_> = nodes.iter().map(|node| node.dialback_secret).collect();
    let Some(expected) = most_frequent(&secrets) else {
        return Vec::new();
    };
    let text = |secret: &Option<SecretDigest>| match (secret, expected) {
        (None, _) => "none",
        (Some(_), Some(_)) => "another secret",
        (Some(_), None) => "a secret",
    };
    let groups = ["none", "another secret", "a secret"].map(|found| {
        let differing = nodes
            .iter()
            .zip(&secrets)
            .filter(|(_, secret)| *secret != expected);
        let of_group = differing.filter(|(_, secret)| text(secret) == found);
        let names: Vec<_> = of_group.map(|(node, _)| node.name.to_owned()).collect();
        let expected = match expected {
            Some(_) => "the secret of the others",
            None => "none",
        };
        let is_found = !names.is_empty();
        let finding = finding(
            Check::DialbackSecret,
            names,
            expected.to_owned(),
            found.to_owned(),
        );
        is_found.then_some(finding)
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

/// Keeps the hash apart from other uses of SHA-256 over the same secret.
const TAG: &[u8] = b"comity dialback secret, to be compared\0";
