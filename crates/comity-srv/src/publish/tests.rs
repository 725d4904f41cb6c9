use std::net::IpAddr;

use comity_identity::DomainName;

use super::*;
use crate::address::Forbidden;
use crate::message::{RecordKind, RecordName, SrvData};
use crate::plan::Failure;
use crate::records::{LookedUp, Records};
use crate::service::Messaging;

fn domain(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn owner(text: &str) -> RecordName {
    RecordName::from_labels(text.split('.'))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two domains, two nodes behind one address, and an edge.
fn inventory() -> Inventory {
    let node = |name: &str, port, addresses: &[&str]| Node {
        name: domain(name),
        port,
        addresses: addresses.iter().map(|text| address(text)).collect(),
    };
    Inventory {
        local_domains: vec![domain("a.example"), domain("a.test")],
        nodes: vec![
            node("x1.a.example", 5269, &["198.51.100.1", "2001:db8::1"]),
            node("x2.a.example", 15269, &["198.51.100.1"]),
        ],
        edge: Some(Edge::new(domain("sip.a.example"))),
        ..Inventory::default()
    }
}

/// A zone in lines of owner, type and data.
const RIGHT: &str = "
    _xmpp-server._tcp.a.example SRV 5 10 5269 x1.a.example
    _xmpp-server._tcp.a.example SRV 5 10 15269 x2.a.example
    _xmpp-server._tcp.a.test SRV 5 10 5269 x1.a.example
    _xmpp-server._tcp.a.test SRV 5 10 15269 x2.a.example
    _sipfederationtls._tcp.a.example SRV 0 0 5061 sip.a.example
    _sipfederationtls._tcp.a.test SRV 0 0 5061 sip.a.example
    x1.a.example A 198.51.100.1
    x1.a.example AAAA 2001:db8::1
    x2.a.example A 198.51.100.1
    sip.a.example A 198.51.100.9
";

fn look(zone: &str, ask: &Ask) -> Result<LookedUp, Failure> {
    let mut name = ask.labels.join(".");
    if !name.is_empty() {
        name.push('.');
    }
    name.push_str(ask.domain.as_str());
    let mut found = LookedUp::default();
    for line in zone.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [line_owner, kind, data @ ..] = words.as_slice() else {
            continue;
        };
        if *line_owner != name {
            continue;
        }
        match (*kind, ask.kind) {
            ("FAIL", _) => return Err(Failure::Timeout),
            ("CNAME", _) => found.aliases.push(owner(data[0])),
            ("SRV", RecordKind::Srv) => {
                let number = |place: usize| data[place].parse().unwrap();
                let new = SrvData {
                    priority: number(0),
                    weight: number(1),
                    port: number(2),
                    target: match data[3] {
                        "." => RecordName::root(),
                        target => owner(target),
                    },
                };
                match &mut found.records {
                    Records::Services(list) => list.push(new),
                    Records::None | Records::Pointers(_) | Records::Addresses(_) => {
                        found.records = Records::Services(vec![new]);
                    }
                }
            }
            ("A", RecordKind::A) | ("AAAA", RecordKind::Aaaa) => match &mut found.records {
                Records::Addresses(list) => list.push(address(data[0])),
                Records::None | Records::Pointers(_) | Records::Services(_) => {
                    found.records = Records::Addresses(vec![address(data[0])]);
                }
            },
            _ => {}
        }
    }
    Ok(found)
}

fn survey(inventory: Inventory, zone: &str) -> Vec<Finding> {
    let mut survey = Survey::new(inventory);
    let mut asked = std::collections::BTreeSet::new();
    while let Some(ask) = survey.next_ask() {
        assert!(asked.insert(ask.clone()), "{ask:?} comes twice");
        let answer = look(zone, &ask);
        survey.handle_answer(&ask, answer);
    }
    survey.findings()
}

/// The right zone with one text in place of another.
fn bent(from: &str, to: &str) -> Vec<Finding> {
    assert!(RIGHT.contains(from));
    survey(inventory(), &RIGHT.replace(from, to))
}

#[test]
fn the_wanted_records_are_the_lines_of_a_zone() {
    let mut inventory = inventory();
    inventory.local_domains.truncate(1);
    inventory.email_domains = vec![domain("mail.example"), domain("a.example")];
    inventory.chat_aliases = vec![domain("conference.a.example")];
    inventory.file_transfer_aliases = vec![domain("filetransfer.a.example")];
    inventory.nodes.truncate(1);
    let lines: Vec<_> = inventory
        .records()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            "_xmpp-server._tcp.a.example. SRV 0 0 5269 x1.a.example.",
            "_xmpp-server._tcp.mail.example. SRV 0 0 5269 x1.a.example.",
            "_xmpp-server._tcp.conference.a.example. SRV 0 0 5269 x1.a.example.",
            "_xmpp-server._tcp.filetransfer.a.example. SRV 0 0 5269 x1.a.example.",
            "_sipfederationtls._tcp.a.example. SRV 0 0 5061 sip.a.example.",
            "_sipfederationtls._tcp.mail.example. SRV 0 0 5061 sip.a.example.",
            "x1.a.example. A 198.51.100.1",
            "x1.a.example. AAAA 2001:db8::1",
        ]
    );
    inventory.nodes.clear();
    inventory.edge = None;
    assert_eq!(inventory.records(), []);
}

#[test]
fn a_zone_that_is_right_has_no_findings() {
    assert_eq!(survey(inventory(), RIGHT), []);
}

#[test]
fn what_was_published_as_wanted_is_right() {
    let mut inventory = inventory();
    inventory.chat_aliases = vec![domain("conference.a.example")];
    inventory.edge.as_mut().unwrap().addresses = vec![address("198.51.100.9")];
    let lines = inventory
        .records()
        .into_iter()
        .map(|record| record.to_string());
    let zone: Vec<_> = lines.map(|line| line.replace(". ", " ")).collect();
    let zone: Vec<_> = zone.iter().map(|line| line.trim_end_matches('.')).collect();
    assert_eq!(survey(inventory, &zone.join("\n")), []);
}

#[test]
fn a_missing_service_is_named_for_each_domain() {
    let xmpp = "_xmpp-server._tcp.a.test SRV";
    assert_eq!(
        bent(xmpp, "gone.example SRV"),
        [Finding::Missing {
            owner: owner("_xmpp-server._tcp.a.test"),
            domain: domain("a.test"),
            messaging: Messaging::Xmpp,
        }]
    );
    assert_eq!(
        bent("_sipfederationtls._tcp.a.test SRV", "gone.example SRV"),
        [Finding::Missing {
            owner: owner("_sipfederationtls._tcp.a.test"),
            domain: domain("a.test"),
            messaging: Messaging::Sip,
        }]
    );
}

#[test]
fn a_refusal_and_a_failure_are_told_from_absence() {
    let line = "_sipfederationtls._tcp.a.test SRV 0 0 5061 sip.a.example";
    let name = || owner("_sipfederationtls._tcp.a.test");
    assert_eq!(
        bent(line, "_sipfederationtls._tcp.a.test SRV 0 0 0 ."),
        [Finding::Refused { owner: name() }]
    );
    assert_eq!(
        bent(line, "_sipfederationtls._tcp.a.test FAIL"),
        [Finding::Unknown {
            owner: name(),
            failure: Failure::Timeout,
        }]
    );
}

#[test]
fn nodes_that_lack_and_strangers_are_named() {
    let name = || owner("_xmpp-server._tcp.a.test");
    let wrong_port = bent(
        "_xmpp-server._tcp.a.test SRV 5 10 15269",
        "_xmpp-server._tcp.a.test SRV 5 10 25269",
    );
    assert_eq!(
        wrong_port,
        [
            Finding::NodeMissing {
                owner: name(),
                node: domain("x2.a.example"),
                port: 15269,
            },
            Finding::Stranger {
                owner: name(),
                target: owner("x2.a.example"),
                port: 25269,
            },
        ]
    );
    let stranger = format!("{RIGHT}\n_xmpp-server._tcp.a.test SRV 5 10 5269 old.a.example");
    assert_eq!(
        survey(inventory(), &stranger),
        [
            Finding::Stranger {
                owner: name(),
                target: owner("old.a.example"),
                port: 5269,
            },
            Finding::NoAddress {
                target: domain("old.a.example"),
            },
        ]
    );
}

#[test]
fn nodes_share_alike_by_priority_and_weight() {
    for (priority, weight) in [(6, 10), (5, 11)] {
        let found = bent(
            "_xmpp-server._tcp.a.test SRV 5 10 15269",
            &format!("_xmpp-server._tcp.a.test SRV {priority} {weight} 15269"),
        );
        let owner = owner("_xmpp-server._tcp.a.test");
        assert_eq!(found, [Finding::Uneven { owner }]);
    }
}

#[test]
fn all_domains_lead_to_one_edge_by_one_record() {
    let line = "_sipfederationtls._tcp.a.test SRV 0 0 5061 sip.a.example";
    let other = bent(
        line,
        "_sipfederationtls._tcp.a.test SRV 0 0 5061 sip.a.test\nsip.a.test A 198.51.100.9",
    );
    assert!(other.contains(&Finding::TargetsDiffer {
        targets: vec![owner("sip.a.test"), owner("sip.a.example")],
    }));
    let several = bent(line, &format!("{line}\n{line}"));
    let name = owner("_sipfederationtls._tcp.a.test");
    assert_eq!(several, [Finding::SeveralTargets { owner: name }]);
}

#[test]
fn addresses_are_compared_with_those_of_the_nodes() {
    let node = || domain("x1.a.example");
    assert_eq!(
        bent("x1.a.example AAAA 2001:db8::1", ""),
        [Finding::AddressMissing {
            node: node(),
            address: address("2001:db8::1"),
        }]
    );
    assert_eq!(
        bent(
            "x1.a.example AAAA 2001:db8::1",
            "x1.a.example AAAA 2001:db8::2"
        ),
        [
            Finding::AddressMissing {
                node: node(),
                address: address("2001:db8::1"),
            },
            Finding::AddressUnknown {
                node: node(),
                address: address("2001:db8::2"),
            },
        ]
    );
}

#[test]
fn private_and_several_addresses_of_the_edge_are_named() {
    let edge = || domain("sip.a.example");
    let line = "sip.a.example A 198.51.100.9";
    assert_eq!(
        bent(line, "sip.a.example A 10.0.0.1"),
        [Finding::AddressForbidden {
            target: edge(),
            address: address("10.0.0.1"),
            reason: Forbidden::Private,
        }]
    );
    assert_eq!(
        bent(line, &format!("{line}\nsip.a.example A 198.51.100.10")),
        [Finding::SeveralAddresses { target: edge() }]
    );
    // One of each family is no trouble.
    assert_eq!(
        bent(line, &format!("{line}\nsip.a.example AAAA 2001:db8::9")),
        []
    );
    assert_eq!(
        bent(line, &format!("{line}\nsip.a.example CNAME edge.a.example")),
        [Finding::TargetIsAlias {
            target: edge(),
            to: owner("edge.a.example"),
        }]
    );
    assert_eq!(bent(line, ""), [Finding::NoAddress { target: edge() }]);
    assert_eq!(
        bent(line, "sip.a.example FAIL"),
        [Finding::Unknown {
            owner: owner("sip.a.example"),
            failure: Failure::Timeout,
        }]
    );
}
