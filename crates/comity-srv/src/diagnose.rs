//! What is wrong with a domain in DNS, as [`Finding`]s: a peer's by what a resolution met, our own by
//! a [`Survey`].
//!
//! ```
//! use comity_srv::{Messaging, Outcome, Trace, diagnose};
//!
//! let domain = "b.example".parse()?;
//! let findings = diagnose::resolution(&domain, Messaging::Xmpp, &Outcome::Absent, &Trace::default());
//! assert_eq!(findings[0].id, "srv-missing");
//! assert_eq!(findings[0].subject, "_xmpp-server._tcp.b.example");
//! # Ok::<_, comity_identity::ParseError>(())
//! ```

use comity_identity::{Diagnosis, DomainName, Finding, Severity};

use crate::candidate::{BlockedAddress, Candidate};
use crate::message::RecordName;
use crate::plan::{Failure, Outcome};
use crate::publish::{self, Survey};
use crate::records::{LookedUp, Records};
use crate::service::{Messaging, SIP_FEDERATION, XMPP_SERVER};
use crate::trace::{AddressDropReason, DropReason, Trace, TraceEntry};

/// What keeps us from finding a domain, or will keep others from it, as far as a resolution shows.
#[must_use]
pub fn resolution(
    domain: &DomainName,
    messaging: Messaging,
    outcome: &Outcome,
    trace: &Trace,
) -> Vec<Finding> {
    let subject = owner(domain, messaging);
    let candidates: &[Candidate] = match outcome {
        Outcome::Candidates(found) => found,
        Outcome::Absent
        | Outcome::Refused
        | Outcome::Failed(_)
        | Outcome::Bogus
        | Outcome::Blocked(_) => &[],
    };
    let entries = trace.entries().iter();
    let mut findings: Vec<_> = entries
        // A domain that is absent is no target that dangles.
        .filter(|entry| *outcome != Outcome::Absent || !is_about(entry, domain))
        .filter_map(|entry| passed(&subject, entry, candidates))
        .collect();
    // The steps say more than the end that they led to.
    let ended = ended(&subject, outcome);
    findings.extend(ended.filter(|ended| findings.iter().all(|one| one.id != ended.id)));
    if let Outcome::Blocked(blocked) = outcome {
        findings.extend(blocked.iter().map(refused_address));
    }
    findings.extend(several_addresses(candidates));
    drop_consequences(&mut findings);
    findings.sort();
    findings.dedup();
    findings
}

/// What is wrong with what we publish.
#[must_use]
pub fn survey(survey: &Survey) -> Vec<Finding> {
    let mut findings: Vec<_> = survey.findings().iter().map(published).collect();
    findings.sort();
    findings
}

/// Whether two name servers show the same records, as those inside and outside of a firewall should
/// where both are asked for others' domains.
#[must_use]
pub fn views(owner: &RecordName, ours: &LookedUp, other: &LookedUp) -> Option<Finding> {
    let (ours, other) = (shown(&ours.records), shown(&other.records));
    (ours != other).then(|| {
        let seen = format!("one has {}, the other {}", list(&ours), list(&other));
        Finding::new(&VIEWS_DIFFER, owner.to_string(), seen)
    })
}

fn owner(domain: &DomainName, messaging: Messaging) -> String {
    let labels = match messaging {
        Messaging::Xmpp => XMPP_SERVER,
        Messaging::Sip => SIP_FEDERATION,
    };
    format!("{}.{domain}", labels.join("."))
}

/// A target whose addresses must not be dialled has none that can be used: once is enough.
fn drop_consequences(findings: &mut Vec<Finding>) {
    let forbidden = findings.iter().filter(|one| one.id == ADDRESS_FORBIDDEN.id);
    let forbidden: Vec<_> = forbidden.map(|one| one.subject.clone()).collect();
    findings.retain(|one| one.id != TARGET_WITHOUT_ADDRESS.id || !forbidden.contains(&one.subject));
}

fn is_about(entry: &TraceEntry, domain: &DomainName) -> bool {
    matches!(entry, TraceEntry::Unreachable { target } if target == domain)
}

/// What the end of a resolution says by itself.
fn ended(subject: &str, outcome: &Outcome) -> Option<Finding> {
    let (diagnosis, seen) = match outcome {
        Outcome::Candidates(_) | Outcome::Blocked(_) => return None,
        Outcome::Absent => (&SRV_MISSING, "no SRV record, and no address".to_owned()),
        Outcome::Refused => (&SRV_REFUSED, "the target is .".to_owned()),
        Outcome::Bogus => (
            &DNS_BOGUS,
            "the signatures of an answer are wrong".to_owned(),
        ),
        Outcome::Failed(failure) => (of_failure(failure), failure.to_string()),
    };
    Some(Finding::new(diagnosis, subject.to_owned(), seen))
}

fn of_failure(failure: &Failure) -> &'static Diagnosis {
    match failure {
        Failure::NoAddress => &TARGET_WITHOUT_ADDRESS,
        Failure::NoUsableRecord => &SRV_UNUSABLE,
        Failure::Bogus => &DNS_BOGUS,
        Failure::AliasLoop | Failure::TooManyAliases { .. } => &DNS_ALIASES,
        Failure::Timeout
        | Failure::Server { .. }
        | Failure::Referral
        | Failure::Malformed
        | Failure::TooLarge
        | Failure::Connection
        | Failure::TooManyLookups { .. } => &DNS_FAILED,
    }
}

/// What one step of a resolution says. Where there are candidates it works with some.
fn passed(subject: &str, entry: &TraceEntry, candidates: &[Candidate]) -> Option<Finding> {
    let severity = if candidates.is_empty() {
        Severity::Error
    } else {
        Severity::Warning
    };
    let finding = match entry {
        TraceEntry::FellBack { domain, port } if !candidates.is_empty() => Finding::new(
            &SRV_MISSING,
            subject.to_owned(),
            format!("no SRV record; {domain} itself has an address for port {port}"),
        )
        .with_severity(severity),
        TraceEntry::Unreachable { target } => Finding::new(
            &TARGET_WITHOUT_ADDRESS,
            target.to_string(),
            "no address that can be used",
        )
        .with_severity(severity),
        TraceEntry::Aliased { from, to } if is_target(from, candidates) => {
            Finding::new(&TARGET_ALIAS, from.to_string(), format!("an alias of {to}"))
        }
        TraceEntry::Failed { question, failure } => {
            let seen = failure.to_string();
            Finding::new(of_failure(failure), question.to_string(), seen).with_severity(severity)
        }
        TraceEntry::RecordDropped {
            target,
            port,
            reason,
            ..
        } => return dropped(subject, target, *port, *reason),
        TraceEntry::AddressDropped {
            target,
            address,
            reason: AddressDropReason::Forbidden(reason),
        } => refused_address(&BlockedAddress {
            target: target.clone(),
            address: *address,
            reason: *reason,
        })
        .with_severity(severity),
        TraceEntry::RecordsLeftOut { left_out } => Finding::new(
            &SRV_TOO_MANY,
            subject.to_owned(),
            format!("{left_out} records were left out"),
        ),
        TraceEntry::AddressDropped { .. }
        | TraceEntry::Aliased { .. }
        | TraceEntry::Answered { .. }
        | TraceEntry::Asked { .. }
        | TraceEntry::Chosen(_)
        | TraceEntry::FailedBefore { .. }
        | TraceEntry::FellBack { .. }
        | TraceEntry::Missing { .. }
        | TraceEntry::PointerDropped { .. }
        | TraceEntry::Pointed { .. }
        | TraceEntry::Remembered { .. }
        | TraceEntry::SetBack { .. }
        | TraceEntry::Settled
        | TraceEntry::Shared { .. } => return None,
    };
    Some(finding)
}

fn is_target(name: &RecordName, candidates: &[Candidate]) -> bool {
    let mut targets = candidates.iter().map(|one| RecordName::from(&one.target));
    targets.any(|target| target == *name)
}

fn dropped(subject: &str, target: &RecordName, port: u16, reason: DropReason) -> Option<Finding> {
    let why = match reason {
        // One set that is not offered beside one that is.
        DropReason::NotOffered => return None,
        DropReason::PortZero => "the port is 0".to_owned(),
        DropReason::Target(error) => error.to_string(),
        DropReason::Duplicate => "it comes twice".to_owned(),
    };
    let seen = format!("a record names {target} port {port}: {why}");
    Some(Finding::new(&SRV_RECORD, subject.to_owned(), seen))
}

fn refused_address(blocked: &BlockedAddress) -> Finding {
    let BlockedAddress {
        target,
        address,
        reason,
    } = blocked;
    let seen = format!("it has {reason}, {address}");
    Finding::new(&ADDRESS_FORBIDDEN, target.to_string(), seen)
}

/// Targets with several addresses of one family, of which some peers use only one.
fn several_addresses(candidates: &[Candidate]) -> Vec<Finding> {
    let mut hosts: Vec<_> = candidates
        .iter()
        .map(|one| (&one.target, one.address.ip()))
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    let same_family = |pair: &[(&DomainName, std::net::IpAddr)]| match pair {
        [(one, first), (other, second)] => one == other && first.is_ipv4() == second.is_ipv4(),
        _ => false,
    };
    let pairs = hosts.windows(2).filter(|pair| same_family(pair));
    let targets = pairs.filter_map(|pair| pair.first().map(|(target, _)| *target));
    targets
        .map(|target| {
            let addresses = hosts.iter().filter(|(host, _)| *host == target);
            let addresses: Vec<_> = addresses.map(|(_, address)| address.to_string()).collect();
            Finding::new(&ADDRESSES_SEVERAL, target.to_string(), list(&addresses))
        })
        .collect()
}

/// A finding of a survey in the words of all crates.
fn published(found: &publish::Finding) -> Finding {
    use publish::Finding as Found;
    let (diagnosis, subject, seen) = match found {
        Found::Missing { owner, .. } => (&SRV_MISSING, owner.to_string(), "no SRV record".into()),
        Found::Refused { owner } => (&SRV_REFUSED, owner.to_string(), "the target is .".into()),
        Found::Unknown { owner, failure } => {
            (of_failure(failure), owner.to_string(), failure.to_string())
        }
        Found::NodeMissing { owner, node, port } => {
            let seen = format!("it does not name {node} port {port}");
            (&SRV_NODE_MISSING, owner.to_string(), seen)
        }
        Found::Stranger {
            owner,
            target,
            port,
        } => {
            let seen = format!("it names {target} port {port}, which is none of ours");
            (&SRV_STRANGER, owner.to_string(), seen)
        }
        Found::Uneven { owner } => {
            let seen = "records of different priority or weight";
            (&SRV_UNEVEN, owner.to_string(), seen.into())
        }
        Found::SeveralTargets { owner } => {
            (&SRV_SEVERAL, owner.to_string(), "several records".into())
        }
        Found::TargetsDiffer { targets } => {
            let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
            let seen = format!("our domains lead to {}", list(&targets));
            (&SRV_EDGES_DIFFER, SIP_FEDERATION.join("."), seen)
        }
        Found::TargetIsAlias { target, to } => (
            &TARGET_ALIAS,
            target.to_string(),
            format!("an alias of {to}"),
        ),
        Found::NoAddress { target } => (
            &TARGET_WITHOUT_ADDRESS,
            target.to_string(),
            "no address".into(),
        ),
        Found::AddressMissing { node, address } => {
            let seen = format!("it does not have its address {address}");
            (&ADDRESS_MISSING, node.to_string(), seen)
        }
        Found::AddressUnknown { node, address } => {
            let seen = format!("it has the address {address}, which is none of ours");
            (&ADDRESS_UNKNOWN, node.to_string(), seen)
        }
        Found::AddressForbidden {
            target,
            address,
            reason,
        } => {
            let seen = format!("it has {reason}, {address}");
            (&ADDRESS_FORBIDDEN, target.to_string(), seen)
        }
        Found::SeveralAddresses { target } => (
            &ADDRESSES_SEVERAL,
            target.to_string(),
            "several addresses".into(),
        ),
    };
    let severity = match found.severity() {
        publish::Severity::Warning => Severity::Warning,
        publish::Severity::Error => Severity::Error,
    };
    Finding::new(diagnosis, subject, seen).with_severity(severity)
}

/// Records in an order of their own, as text.
fn shown(records: &Records) -> Vec<String> {
    let mut shown: Vec<_> = match records {
        Records::None => Vec::new(),
        Records::Services(found) => found
            .iter()
            .map(|one| {
                let (priority, weight) = (one.priority, one.weight);
                format!("{priority} {weight} {} {}", one.port, one.target)
            })
            .collect(),
        Records::Addresses(found) => found.iter().map(ToString::to_string).collect(),
        Records::Pointers(found) => found.iter().map(|one| format!("{one:?}")).collect(),
    };
    shown.sort();
    shown
}

fn list(texts: &[String]) -> String {
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(", ")
}

comity_identity::diagnoses! {
    /// Everything that can be wrong in DNS.
    pub static DIAGNOSES;

    ADDRESS_FORBIDDEN: Error "address-not-public" {
        means: "others cannot dial it; behind a name with a public address too, some attempts fail",
        remedy: "publish public addresses only; give an internal host a name of its own",
        source: "RFC 6890",
    }
    ADDRESS_MISSING: Warning "address-missing" {
        means: "others do not use that address",
        remedy: "add it to the A or AAAA records, or take it out of the configuration",
        source: "RFC 2782",
    }
    ADDRESS_UNKNOWN: Warning "address-unknown" {
        means: "a request may go there and be lost",
        remedy: "remove the record, or add the address to the configuration",
        source: "RFC 2782",
    }
    ADDRESSES_SEVERAL: Note "addresses-several" {
        means: "some servers, Microsoft's among them, use only one; if an internal and an external \
                edge share the name, presence is lost after a short time",
        remedy: "look whether every address leads to the same service",
        source: "RFC 3263 §4.2",
    }
    DNS_ALIASES: Error "dns-alias-loop" {
        means: "the records cannot be found",
        remedy: "make the CNAME records lead to the host, by one step",
        source: "RFC 1034 §3.6.2",
    }
    DNS_BOGUS: Error "dns-bogus" {
        means: "the answer is forged, or the zone is signed wrongly",
        remedy: "let the zone's operator mend its signatures; look at the clock of the name server",
        source: "RFC 4033 §5",
    }
    DNS_FAILED: Error "dns-failed" {
        means: "it is not known what the domain publishes",
        remedy: "look whether our name servers answer, and whether those of the domain do",
        source: "RFC 1035 §4.1.1",
    }
    SRV_EDGES_DIFFER: Error "srv-edges-differ" {
        means: "Microsoft servers know one edge for all domains of a partner",
        remedy: "let _sipfederationtls._tcp of every local domain name the same host",
        source: "interdomain federation guide, ch. 1",
    }
    SRV_MISSING: Error "srv-missing" {
        means: "others cannot find the domain",
        remedy: "publish the SRV record, or give those who have to reach the domain a static route",
        source: "RFC 6120 §3.2.1, RFC 3263 §4",
    }
    SRV_NODE_MISSING: Warning "srv-node-missing" {
        means: "the node gets no connections from others",
        remedy: "publish an SRV record for the node, with its public port",
        source: "RFC 2782",
    }
    SRV_RECORD: Warning "srv-record-unusable" {
        means: "the record is passed over",
        remedy: "let the record name a host with address records, and its port",
        source: "RFC 2782",
    }
    SRV_REFUSED: Error "srv-refused" {
        means: "the domain says that it does not offer the service",
        remedy: "if it does, replace the record whose target is . by one that names the server",
        source: "RFC 2782",
    }
    SRV_SEVERAL: Warning "srv-several-targets" {
        means: "Microsoft servers use only one of the records",
        remedy: "publish one record, and put a load balancer behind its name",
        source: "interdomain federation guide, ch. 1",
    }
    SRV_STRANGER: Warning "srv-stranger" {
        means: "connections for us go to somebody else",
        remedy: "remove the record, or add the node and its port to the configuration",
        source: "RFC 2782",
    }
    SRV_TOO_MANY: Warning "srv-too-many" {
        means: "not all targets are used",
        remedy: "publish fewer records",
        source: "RFC 2782",
    }
    SRV_UNEVEN: Warning "srv-uneven" {
        means: "the nodes do not share connections alike; some may get none",
        remedy: "publish all records with the same priority and weight",
        source: "RFC 2782",
    }
    SRV_UNUSABLE: Error "srv-unusable" {
        means: "the domain has SRV records, and none leads to a host",
        remedy: "let the records name a host with address records, and its port",
        source: "RFC 2782",
    }
    TARGET_ALIAS: Warning "srv-target-alias" {
        means: "some servers do not follow an alias from an SRV record",
        remedy: "let the SRV record name the host that has the addresses",
        source: "RFC 2782",
    }
    TARGET_WITHOUT_ADDRESS: Error "srv-target-without-address" {
        means: "the record leads nowhere",
        remedy: "publish A and AAAA records for the target, or mend its name in the SRV record",
        source: "RFC 2782",
    }
    VIEWS_DIFFER: Warning "dns-views-differ" {
        means: "what is reached depends on which name server is asked",
        remedy: "publish the federation records in both views, or configure static routes",
        source: "RFC 8499 §6 (split DNS)",
    }
}

#[cfg(test)]
mod tests;
