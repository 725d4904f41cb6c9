//! The report for people.

use comity_srv::{Candidate, Dnssec, Identity};

use crate::options::Subject;
use crate::report::{Group, Report};
use crate::verdict::Verdict;

pub(crate) fn page(report: &Report) -> String {
    let mut lines = vec![title(report), String::new()];
    let mut number = 0;
    for group in report.groups() {
        lines.push(heading(&group));
        for candidate in group.candidates {
            number += 1;
            lines.extend(entry(number, candidate));
        }
        lines.push(String::new());
    }
    for blocked in report.blocked() {
        let (address, target, reason) = (blocked.address, &blocked.target, blocked.reason);
        lines.push(format!("not dialled: {address} of {target}, {reason}"));
    }
    if !report.blocked().is_empty() {
        lines.push(String::new());
    }
    lines.push(Verdict::of(report).to_string());
    if report.settings.trace || !report.has_candidates() {
        lines.push(String::new());
        lines.push("Steps:".to_owned());
        lines.extend(report.steps().map(|step| format!("  {step}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn title(report: &Report) -> String {
    let what = match &report.subject {
        Subject::Xmpp => "XMPP server",
        Subject::Sip { secure: false, .. } => "SIP server",
        Subject::Sip { secure: true, .. } => "SIP server (sips)",
        Subject::Edge => "Federation edge",
    };
    format!("{what} of {}", report.domain)
}

fn heading(group: &Group<'_>) -> String {
    match group.priority {
        Some(priority) => format!("Priority {priority}"),
        None => "Without SRV records".to_owned(),
    }
}

fn entry(number: usize, candidate: &Candidate) -> Vec<String> {
    let Candidate {
        address,
        transport,
        target,
        weight,
        ..
    } = candidate;
    vec![
        format!("  {number}. {address} by {transport}, host {target}, weight {weight}"),
        format!("     {}", handshake(candidate)),
        format!("     DNSSEC: {}", dnssec(candidate.dnssec)),
    ]
}

fn handshake(candidate: &Candidate) -> String {
    if !candidate.transport.has_certificate() {
        return "no certificate: nothing proves who answers".to_owned();
    }
    let name = match &candidate.server_name {
        Some(name) => format!("SNI {name}"),
        None => "no SNI".to_owned(),
    };
    let alpn = candidate.alpn.map(|alpn| format!(", ALPN {alpn}"));
    let identities: Vec<_> = candidate
        .identities
        .iter()
        .map(Identity::to_string)
        .collect();
    let (alpn, identities) = (alpn.unwrap_or_default(), identities.join(" or "));
    format!("{name}{alpn}, certificate for {identities}")
}

fn dnssec(state: Dnssec) -> &'static str {
    match state {
        Dnssec::Unchecked => "not checked",
        Dnssec::Insecure => "not signed",
        Dnssec::Secure => "validated",
    }
}
