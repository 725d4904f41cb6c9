use std::net::IpAddr;

use comity_identity::ParseError;

use super::*;
use crate::address::Forbidden;
use crate::message::{Question, RecordKind, SrvData};
use crate::service::Transport;

fn domain(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn name(text: &str) -> RecordName {
    RecordName::from_labels(text.split('.'))
}

fn candidate(target: &str, address: &str) -> Candidate {
    let address = address.parse().unwrap();
    Candidate::given(address, Transport::StartTls, domain(target))
}

fn forbidden(address: &str) -> TraceEntry {
    TraceEntry::AddressDropped {
        target: domain("x.b.example"),
        address: address.parse().unwrap(),
        reason: AddressDropReason::Forbidden(Forbidden::Private),
    }
}

/// Findings in short.
fn found(outcome: &Outcome, entries: Vec<TraceEntry>) -> Vec<(&'static str, Severity, String)> {
    let mut trace = Trace::default();
    entries.into_iter().for_each(|entry| trace.push(entry));
    let findings = resolution(&domain("b.example"), Messaging::Xmpp, outcome, &trace);
    let short = |one: Finding| {
        (
            one.id,
            one.severity,
            format!("{}: {}", one.subject, one.seen),
        )
    };
    findings.into_iter().map(short).collect()
}

const OWNER: &str = "_xmpp-server._tcp.b.example";

#[test]
fn ids_are_words_that_no_other_diagnosis_has() {
    assert_eq!(Diagnosis::misnamed(DIAGNOSES.iter().copied()), None);
}

#[test]
fn a_domain_that_is_found_has_no_findings() {
    let both = vec![
        candidate("x.b.example", "192.0.2.1:5269"),
        candidate("x.b.example", "[2001:db8::1]:5269"),
    ];
    assert_eq!(found(&Outcome::Candidates(both), Vec::new()), []);
}

#[test]
fn each_end_of_a_resolution_is_named() {
    let error = |id, seen: &str| vec![(id, Severity::Error, format!("{OWNER}: {seen}"))];
    let table = [
        (
            Outcome::Absent,
            error("srv-missing", "no SRV record, and no address"),
        ),
        (Outcome::Refused, error("srv-refused", "the target is .")),
        (
            Outcome::Bogus,
            error("dns-bogus", "the signatures of an answer are wrong"),
        ),
        (
            Outcome::Failed(Failure::Timeout),
            error("dns-failed", "no answer in time"),
        ),
        (
            Outcome::Failed(Failure::AliasLoop),
            error("dns-alias-loop", "the aliases form a loop"),
        ),
        (
            Outcome::Failed(Failure::NoUsableRecord),
            error("srv-unusable", "no SRV record is usable"),
        ),
    ];
    for (outcome, expected) in table {
        assert_eq!(found(&outcome, Vec::new()), expected, "{outcome:?}");
    }
}

#[test]
fn a_dangling_target_is_named_instead_of_the_record() {
    let unreachable = TraceEntry::Unreachable {
        target: domain("gone.b.example"),
    };
    let seen = "gone.b.example: no address that can be used".to_owned();
    assert_eq!(
        found(
            &Outcome::Failed(Failure::NoAddress),
            vec![unreachable.clone()]
        ),
        [("srv-target-without-address", Severity::Error, seen.clone())]
    );
    let others = Outcome::Candidates(vec![candidate("x.b.example", "192.0.2.1:5269")]);
    assert_eq!(
        found(&others, vec![unreachable]),
        [("srv-target-without-address", Severity::Warning, seen)]
    );
}

#[test]
fn a_domain_that_is_found_without_records_warns() {
    let outcome = Outcome::Candidates(vec![candidate("b.example", "192.0.2.1:5269")]);
    let fell_back = TraceEntry::FellBack {
        domain: domain("b.example"),
        port: 5269,
    };
    let seen = format!("{OWNER}: no SRV record; b.example itself has an address for port 5269");
    assert_eq!(
        found(&outcome, vec![fell_back.clone()]),
        [("srv-missing", Severity::Warning, seen)]
    );
    let unreachable = TraceEntry::Unreachable {
        target: domain("b.example"),
    };
    let seen = format!("{OWNER}: no SRV record, and no address");
    assert_eq!(
        found(&Outcome::Absent, vec![fell_back, unreachable]),
        [("srv-missing", Severity::Error, seen)]
    );
}

#[test]
fn a_private_address_is_worse_where_there_is_no_other() {
    let seen = "x.b.example: it has a private address, 10.0.0.1".to_owned();
    let blocked = Outcome::Blocked(vec![BlockedAddress {
        target: domain("x.b.example"),
        address: IpAddr::from([10, 0, 0, 1]),
        reason: Forbidden::Private,
    }]);
    let unreachable = TraceEntry::Unreachable {
        target: domain("x.b.example"),
    };
    assert_eq!(
        found(&blocked, vec![forbidden("10.0.0.1"), unreachable]),
        [("address-not-public", Severity::Error, seen.clone())]
    );
    let public = Outcome::Candidates(vec![candidate("x.b.example", "192.0.2.1:5269")]);
    assert_eq!(
        found(&public, vec![forbidden("10.0.0.1")]),
        [("address-not-public", Severity::Warning, seen)]
    );
}

#[test]
fn each_address_and_each_record_that_is_left_out_is_told_once() {
    let record = |target| TraceEntry::RecordDropped {
        target: name(target),
        port: 0,
        priority: 0,
        transport: Transport::StartTls,
        reason: DropReason::PortZero,
    };
    let public = Outcome::Candidates(vec![candidate("x.b.example", "192.0.2.1:5269")]);
    let entries = vec![
        forbidden("10.0.0.2"),
        forbidden("10.0.0.1"),
        forbidden("10.0.0.2"),
        record("z.b.example"),
        record("y.b.example"),
        record("y.b.example"),
    ];
    let found = found(&public, entries).into_iter();
    let seen: Vec<_> = found.map(|(_, _, seen)| seen).collect();
    assert_eq!(
        seen,
        [
            "x.b.example: it has a private address, 10.0.0.1",
            "x.b.example: it has a private address, 10.0.0.2",
            "_xmpp-server._tcp.b.example: a record names y.b.example port 0: the port is 0",
            "_xmpp-server._tcp.b.example: a record names z.b.example port 0: the port is 0",
        ]
    );
}

#[test]
fn what_is_left_out_on_the_way_is_told() {
    let outcome = Outcome::Candidates(vec![
        candidate("x.b.example", "192.0.2.1:5269"),
        candidate("x.b.example", "192.0.2.2:5269"),
        candidate("x.b.example", "192.0.2.3:5269"),
    ]);
    let record = |reason| TraceEntry::RecordDropped {
        target: name("y.b.example"),
        port: 0,
        priority: 0,
        transport: Transport::StartTls,
        reason,
    };
    let entries = vec![
        record(DropReason::PortZero),
        record(DropReason::NotOffered),
        TraceEntry::Aliased {
            from: name("x.b.example"),
            to: name("z.b.example"),
        },
        TraceEntry::Aliased {
            from: name(OWNER),
            to: name("elsewhere.example"),
        },
        TraceEntry::Failed {
            question: Question {
                name: name("_xmpps-server._tcp.b.example"),
                kind: RecordKind::Srv,
            },
            failure: Failure::Server { code: 2 },
        },
        TraceEntry::RecordsLeftOut { left_out: 7 },
    ];
    let warning = |id, text: &str| (id, Severity::Warning, text.to_owned());
    assert_eq!(
        found(&outcome, entries),
        [
            warning(
                "dns-failed",
                "_xmpps-server._tcp.b.example SRV: the name server answered with SERVFAIL"
            ),
            warning(
                "srv-record-unusable",
                "_xmpp-server._tcp.b.example: a record names y.b.example port 0: the port is 0"
            ),
            warning("srv-target-alias", "x.b.example: an alias of z.b.example"),
            warning(
                "srv-too-many",
                "_xmpp-server._tcp.b.example: 7 records were left out"
            ),
            (
                "addresses-several",
                Severity::Note,
                "x.b.example: 192.0.2.1, 192.0.2.2, 192.0.2.3".to_owned()
            ),
        ]
    );
}

#[test]
fn a_target_that_is_no_host_is_told() {
    let entry = TraceEntry::RecordDropped {
        target: name("a_b"),
        port: 1,
        priority: 0,
        transport: Transport::StartTls,
        reason: DropReason::Target(ParseError::Empty),
    };
    let ids: Vec<_> = found(&Outcome::Failed(Failure::NoUsableRecord), vec![entry])
        .into_iter()
        .map(|(id, ..)| id)
        .collect();
    assert_eq!(ids, ["srv-unusable", "srv-record-unusable"]);
}

/// What a finding of a survey becomes.
fn assert_published(found: &publish::Finding, text: &str, id: &str) {
    let finding = published(found);
    let (severity, subject, seen) = (finding.severity, &finding.subject, &finding.seen);
    assert_eq!(
        (
            format!("{severity}: {subject}: {seen}").as_str(),
            finding.id
        ),
        (text, id)
    );
}

#[test]
fn each_finding_about_our_records_has_its_diagnosis_and_severity() {
    use publish::Finding as Found;
    let owner = || name(OWNER);
    let table = [
        (
            Found::Missing {
                owner: owner(),
                domain: domain("b.example"),
                messaging: Messaging::Xmpp,
            },
            "error: _xmpp-server._tcp.b.example: no SRV record",
            "srv-missing",
        ),
        (
            Found::Refused { owner: owner() },
            "error: _xmpp-server._tcp.b.example: the target is .",
            "srv-refused",
        ),
        (
            Found::Unknown {
                owner: owner(),
                failure: Failure::Timeout,
            },
            "error: _xmpp-server._tcp.b.example: no answer in time",
            "dns-failed",
        ),
        (
            Found::NodeMissing {
                owner: owner(),
                node: domain("x.b.example"),
                port: 5269,
            },
            "warning: _xmpp-server._tcp.b.example: it does not name x.b.example port 5269",
            "srv-node-missing",
        ),
        (
            Found::Stranger {
                owner: owner(),
                target: name("y.example"),
                port: 1,
            },
            "warning: _xmpp-server._tcp.b.example: it names y.example port 1, which is none of ours",
            "srv-stranger",
        ),
        (
            Found::Uneven { owner: owner() },
            "warning: _xmpp-server._tcp.b.example: records of different priority or weight",
            "srv-uneven",
        ),
        (
            Found::SeveralTargets { owner: owner() },
            "warning: _xmpp-server._tcp.b.example: several records",
            "srv-several-targets",
        ),
        (
            Found::TargetsDiffer {
                targets: vec![name("y.example"), name("z.example")],
            },
            "error: _sipfederationtls._tcp: our domains lead to y.example, z.example",
            "srv-edges-differ",
        ),
    ];
    for (found, text, id) in table {
        assert_published(&found, text, id);
    }
}

#[test]
fn each_finding_about_our_hosts_has_its_diagnosis_and_severity() {
    use publish::Finding as Found;
    let host = || domain("x.b.example");
    let address = IpAddr::from([192, 0, 2, 1]);
    let table = [
        (
            Found::TargetIsAlias {
                target: host(),
                to: name("y.example"),
            },
            "warning: x.b.example: an alias of y.example",
            "srv-target-alias",
        ),
        (
            Found::NoAddress { target: host() },
            "error: x.b.example: no address",
            "srv-target-without-address",
        ),
        (
            Found::AddressMissing {
                node: host(),
                address,
            },
            "warning: x.b.example: it does not have its address 192.0.2.1",
            "address-missing",
        ),
        (
            Found::AddressUnknown {
                node: host(),
                address,
            },
            "warning: x.b.example: it has the address 192.0.2.1, which is none of ours",
            "address-unknown",
        ),
        (
            Found::AddressForbidden {
                target: host(),
                address,
                reason: Forbidden::Private,
            },
            "error: x.b.example: it has a private address, 192.0.2.1",
            "address-not-public",
        ),
        (
            Found::SeveralAddresses { target: host() },
            "warning: x.b.example: several addresses",
            "addresses-several",
        ),
    ];
    for (found, text, id) in table {
        assert_published(&found, text, id);
    }
}

#[test]
fn views_that_differ_are_shown_side_by_side() {
    let owner = name("_sipfederationtls._tcp.b.example");
    let record = |port| SrvData {
        priority: 0,
        weight: 0,
        port,
        target: name("sip.b.example"),
    };
    let view = |ports: &[u16]| LookedUp {
        records: Records::Services(ports.iter().map(|port| record(*port)).collect()),
        ..LookedUp::default()
    };
    assert_eq!(views(&owner, &view(&[1, 2]), &view(&[2, 1])), None);
    let finding = views(&owner, &LookedUp::default(), &view(&[5061])).unwrap();
    assert_eq!(
        (finding.id, &*finding.seen),
        (
            "dns-views-differ",
            "one has none, the other 0 0 5061 sip.b.example"
        )
    );
}
