use comity_identity::Severity::{Error, Warning};
use comity_srv::publish::{Inventory, Node};
use comity_testkit::dns::FakeDns;
use comity_tokio::probe;
use comity_trust::Protocols;

use crate::world::{check, config, discovery, short};

#[tokio::test]
async fn a_domain_without_records_is_missing() {
    let report = check(FakeDns::new(), &config(Protocols::Both)).await;
    let subjects: Vec<_> = report
        .findings
        .iter()
        .map(|one| (one.id, one.severity, &*one.subject))
        .collect();
    assert_eq!(
        subjects,
        [
            ("srv-missing", Error, "_sipfederationtls._tcp.b.example"),
            ("srv-missing", Error, "_xmpp-server._tcp.b.example"),
        ]
    );
}

#[tokio::test]
async fn a_dangling_target_is_named() {
    let zone = FakeDns::new().srv("_xmpp-server._tcp.b.example", 1, 1, 5269, "gone.b.example");
    let report = check(zone, &config(Protocols::Xmpp)).await;
    assert_eq!(short(&report), [("srv-target-without-address", Error)]);
    assert_eq!(report.findings[0].subject, "gone.b.example");
}

#[tokio::test]
async fn our_own_records_are_surveyed() {
    let mut inventory = Inventory::default();
    inventory.local_domains.push("b.example".parse().unwrap());
    let address = "198.51.100.1".parse().unwrap();
    inventory
        .nodes
        .push(Node::new("xmpp.b.example".parse().unwrap(), [address]));
    let zone = FakeDns::new()
        .srv("_xmpp-server._tcp.b.example", 1, 1, 5269, "xmpp.b.example")
        .a("xmpp.b.example", [198, 51, 100, 1]);
    let found = probe::survey(&discovery(zone.clone()).await, inventory.clone()).await;
    assert_eq!(found, []);
    let zone = zone.srv("_xmpp-server._tcp.b.example", 2, 1, 5269, "old.example");
    let found = probe::survey(&discovery(zone).await, inventory).await;
    let ids: Vec<_> = found.iter().map(|one| (one.id, one.severity)).collect();
    assert_eq!(
        ids,
        [
            ("srv-target-without-address", Error),
            ("srv-stranger", Warning),
            ("srv-uneven", Warning),
        ]
    );
}
