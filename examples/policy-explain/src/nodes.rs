//! The rules of the nodes of a site, which must agree.

use std::fmt;

use comity_command_line::NodeFile;
use comity_policy::{Check, Finding, Node, compare};
use serde::Serialize;

use crate::options::Format;
use crate::rules::{self, RulesError};
use crate::{Page, json};

pub(crate) fn run(files: &[NodeFile], format: Format) -> Result<Page, RulesError> {
    let sets = rules::read_all(files.iter().map(|file| file.path.as_path()))?;
    let nodes = files.iter().zip(&sets).map(|(file, set)| Node {
        name: &file.name,
        cluster: &file.cluster,
        config: &set.config,
        dialback_secret: None,
    });
    let nodes: Vec<_> = nodes.collect();
    let findings = compare(&nodes);
    let checks = Check::ALL.map(|check| Checked::new(check, &findings));
    Ok(Page {
        text: match format {
            Format::People => page(files, &checks),
            Format::Json => document(files, &checks, findings.is_empty()),
        },
        is_good: findings.is_empty(),
    })
}

/// A check, and how the nodes have passed it.
struct Checked<'f> {
    check: Check,
    mark: Mark,
    findings: Vec<&'f Finding>,
}

#[derive(Clone, Copy)]
enum Mark {
    Same,
    Differs,
    /// Rule files hold nothing to compare.
    Skipped,
}

impl<'f> Checked<'f> {
    fn new(check: Check, findings: &'f [Finding]) -> Self {
        let of_check = findings.iter().filter(|finding| finding.check == check);
        let findings: Vec<_> = of_check.collect();
        let mark = if !findings.is_empty() {
            Mark::Differs
        } else if check == Check::DialbackSecret {
            Mark::Skipped
        } else {
            Mark::Same
        };
        Self {
            check,
            mark,
            findings,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Skipped => "skipped",
        })
    }
}

fn page(files: &[NodeFile], checks: &[Checked<'_>]) -> String {
    let mut text = "Nodes:\n".to_owned();
    for file in files {
        let NodeFile {
            name,
            cluster,
            path,
        } = file;
        text += &format!("  {name} of cluster {cluster}: {}\n", path.display());
    }
    text += "\nChecks:\n";
    for Checked {
        check,
        mark,
        findings,
    } in checks
    {
        text += &format!("  {mark:7}  {check}\n");
        for finding in findings {
            text += &lines(finding);
        }
    }
    text
}

fn lines(finding: &Finding) -> String {
    let nodes = finding.nodes.join(", ");
    let (expected, found, action) = (&finding.expected, &finding.found, finding.action);
    format!(
        "           {nodes}: found {found}\n           expected {expected}\n           to do: {action}\n"
    )
}

fn document(files: &[NodeFile], checks: &[Checked<'_>], agree: bool) -> String {
    json::print(&Document {
        task: "nodes",
        agree,
        nodes: files.iter().map(Named::of).collect(),
        checks: checks.iter().map(Marked::of).collect(),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    task: &'static str,
    agree: bool,
    nodes: Vec<Named<'a>>,
    checks: Vec<Marked<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    cluster: &'a str,
    file: String,
}

#[derive(Serialize)]
struct Marked<'a> {
    check: &'static str,
    mark: String,
    findings: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    nodes: &'a [String],
    expected: &'a str,
    found: &'a str,
    action: &'static str,
}

impl<'a> Named<'a> {
    fn of(file: &'a NodeFile) -> Self {
        Self {
            name: &file.name,
            cluster: &file.cluster,
            file: file.path.display().to_string(),
        }
    }
}

impl<'a> Marked<'a> {
    fn of(checked: &Checked<'a>) -> Self {
        let found = |finding: &&'a Finding| Found {
            nodes: &finding.nodes,
            expected: &finding.expected,
            found: &finding.found,
            action: finding.action,
        };
        Self {
            check: word(checked.check),
            mark: checked.mark.to_string(),
            findings: checked.findings.iter().map(found).collect(),
        }
    }
}

fn word(check: Check) -> &'static str {
    match check {
        Check::XmppEnabled => "xmpp-enabled",
        Check::TlsMode => "tls-mode",
        Check::Certificates => "certificates",
        Check::Sasl => "sasl",
        Check::DialbackSecret => "dialback-secret",
        Check::DefaultVerdict => "default-verdict",
        Check::Exceptions => "exceptions",
        Check::Email => "email",
        Check::SecurityRules => "security-rules",
        _ => json::OTHER,
    }
}
