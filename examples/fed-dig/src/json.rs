//! What all documents have in common, for programs.

use std::net::IpAddr;

use comity_identity::DomainName;
use comity_srv::{
    Basis, BlockedAddress, Candidate, Dnssec, Failure, Identity, Messaging, Outcome, Provenance,
    Selection, Transport,
};
use serde::Serialize;

use crate::candidates::Group;
use crate::session::Session;

/// Whom was asked, and how.
#[derive(Serialize)]
pub(crate) struct Head {
    name_servers: Vec<String>,
    validating: bool,
    order: Order,
}

#[derive(Serialize)]
struct Order {
    selection: &'static str,
    seed: String,
}

#[derive(Serialize)]
pub(crate) struct Fault {
    kind: &'static str,
    code: Option<u16>,
    text: String,
}

#[derive(Serialize)]
pub(crate) struct Priority<'a> {
    priority: Option<u16>,
    candidates: Vec<Attempt<'a>>,
}

#[derive(Serialize)]
struct Attempt<'a> {
    address: IpAddr,
    port: u16,
    transport: &'static str,
    target: &'a str,
    weight: u16,
    server_name: Option<&'a str>,
    alpn: Option<&'static str>,
    identities: Vec<Proof<'a>>,
    dnssec: &'static str,
    provenance: &'static str,
}

#[derive(Serialize)]
struct Proof<'a> {
    name: &'a str,
    basis: &'static str,
}

/// An address that is not dialled.
#[derive(Serialize)]
pub(crate) struct Kept<'a> {
    target: &'a str,
    address: IpAddr,
    reason: String,
}

/// A document as text.
pub(crate) fn print(document: &impl Serialize) -> String {
    // Nothing in it can fail: its keys are names, its numbers are whole.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

impl Head {
    pub(crate) fn of(session: &Session) -> Self {
        let name_servers = session.name_servers.iter().map(ToString::to_string);
        Self {
            name_servers: name_servers.collect(),
            validating: session.settings.validating,
            order: Order {
                selection: selection(session.settings.selection),
                seed: hex(&session.seed),
            },
        }
    }
}

impl Fault {
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        let Outcome::Failed(failure) = outcome else {
            return None;
        };
        let code = if let Failure::Server { code } = failure {
            Some(*code)
        } else {
            None
        };
        Some(Self {
            kind: kind(failure),
            code,
            text: failure.to_string(),
        })
    }
}

impl<'a> Priority<'a> {
    pub(crate) fn of(group: &Group<'a>) -> Self {
        Self {
            priority: group.priority,
            candidates: group.candidates.iter().map(Attempt::of).collect(),
        }
    }
}

impl<'a> Attempt<'a> {
    fn of(candidate: &'a Candidate) -> Self {
        Self {
            address: candidate.address.ip(),
            port: candidate.address.port(),
            transport: transport(candidate.transport),
            target: candidate.target.as_str(),
            weight: candidate.weight,
            server_name: candidate.server_name.as_ref().map(DomainName::as_str),
            alpn: candidate.alpn,
            identities: candidate.identities.iter().map(Proof::of).collect(),
            dnssec: dnssec(candidate.dnssec),
            provenance: provenance(candidate.provenance),
        }
    }
}

impl<'a> Proof<'a> {
    fn of(identity: &'a Identity) -> Self {
        Self {
            name: identity.name.as_str(),
            basis: basis(identity.basis),
        }
    }
}

impl<'a> Kept<'a> {
    pub(crate) fn of(blocked: &'a BlockedAddress) -> Self {
        Self {
            target: blocked.target.as_str(),
            address: blocked.address,
            reason: blocked.reason.to_string(),
        }
    }
}

fn selection(selection: Selection) -> &'static str {
    match selection {
        Selection::Proportional => "proportional",
        Selection::Rfc2782 => "rfc2782",
        _ => OTHER,
    }
}

pub(crate) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Candidates(_) => "candidates",
        Outcome::Absent => "absent",
        Outcome::Refused => "refused",
        Outcome::Failed(_) => "failed",
        Outcome::Bogus => "bogus",
        Outcome::Blocked(_) => "blocked",
        _ => OTHER,
    }
}

fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Timeout => "timeout",
        Failure::Server { .. } => "server",
        Failure::Bogus => "bogus",
        Failure::Referral => "referral",
        Failure::Malformed => "malformed",
        Failure::TooLarge => "too-large",
        Failure::Connection => "connection",
        Failure::AliasLoop => "alias-loop",
        Failure::TooManyAliases { .. } => "too-many-aliases",
        Failure::TooManyLookups { .. } => "too-many-lookups",
        Failure::NoUsableRecord => "no-usable-record",
        Failure::NoAddress => "no-address",
        _ => OTHER,
    }
}

pub(crate) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::StartTls => "starttls",
        Transport::Tls => "tls",
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

pub(crate) fn messaging(messaging: Messaging) -> &'static str {
    match messaging {
        Messaging::Xmpp => "xmpp",
        Messaging::Sip => "sip",
    }
}

fn dnssec(state: Dnssec) -> &'static str {
    match state {
        Dnssec::Unchecked => "unchecked",
        Dnssec::Insecure => "insecure",
        Dnssec::Secure => "secure",
    }
}

fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::ServiceRecord => "service-record",
        Provenance::Fallback => "fallback",
        Provenance::Given => "given",
        _ => OTHER,
    }
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Domain => "domain",
        Basis::SecureTarget => "secure-target",
        Basis::TargetInDomain => "target-in-domain",
        Basis::NextHop => "next-hop",
        _ => OTHER,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) const OTHER: &str = "other";
