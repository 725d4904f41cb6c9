use std::collections::BTreeSet;

use comity_testkit::mint::Purpose;
use comity_trust::{
    BothRoles, Coverage, CoverageError, Identifier, Inventory, Limits, Protocols, Servers,
};

use super::*;

fn set(names: &[&str]) -> BTreeSet<DomainName> {
    names.iter().map(|name| domain(name)).collect()
}

fn inventory(protocols: Protocols) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.local_domains = set(&["a.example", "empty.example"]);
    inventory.email_domains = set(&["mail.example"]);
    inventory.chat_aliases = set(&["conference-2.a.example"]);
    inventory.file_transfer_aliases = set(&["filetransfer-4.a.example"]);
    inventory.nodes = set(&["im1.a.example", "im2.a.example"]);
    inventory.protocols = protocols;
    inventory
}

fn cover(inventory: &Inventory, servers: Servers<'_>, leaf: &Leaf) -> Coverage {
    let peer = leaf.self_signed();
    let der = CertificateDer::from(peer.leaf());
    inventory
        .coverage(servers, &der, &Limits::default())
        .unwrap()
}

fn missing(coverage: &Coverage) -> Vec<String> {
    coverage.missing.iter().map(ToString::to_string).collect()
}

/// A certificate with all the names that the inventory asks for.
fn complete(inventory: &Inventory, servers: Servers<'_>) -> Leaf {
    inventory
        .names(servers)
        .into_iter()
        .fold(leaf(), |leaf, name| match name {
            Identifier::Dns(name) => leaf.dns(&name),
            Identifier::Srv(name) => leaf.srv(&name),
            Identifier::Uri(name) => leaf.uri(&name),
            Identifier::Xmpp(name) => leaf.xmpp(&name),
            Identifier::CommonName(_) | Identifier::Ip(_) | _ => panic!("{name}"),
        })
}

#[test]
fn a_certificate_with_the_names_to_ask_for_covers_everything() {
    let node = domain("im1.a.example");
    for protocols in [Protocols::Xmpp, Protocols::Sip, Protocols::Both] {
        let inventory = inventory(protocols);
        for servers in [Servers::All, Servers::One(&node)] {
            let coverage = cover(&inventory, servers, &complete(&inventory, servers));
            assert!(coverage.is_complete(), "{protocols:?}: {coverage:?}");
            assert_eq!(coverage.superfluous, []);
        }
    }
}

#[test]
fn what_to_ask_for_depends_on_protocols_and_servers() {
    let node = domain("im1.a.example");
    let names = |protocols, servers: Servers<'_>| {
        let names = inventory(protocols).names(servers);
        names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        names(Protocols::Sip, Servers::One(&node)),
        [
            "a.example",
            "empty.example",
            "mail.example",
            "im1.a.example",
            "sip:a.example",
            "sip:empty.example",
            "sip:mail.example",
            "sip:im1.a.example",
        ]
    );
    let xmpp = names(Protocols::Xmpp, Servers::All);
    assert_eq!(
        xmpp[..5],
        [
            "a.example",
            "empty.example",
            "mail.example",
            "conference-2.a.example",
            "filetransfer-4.a.example",
        ]
    );
    assert_eq!(xmpp[5..7], ["_xmpp-server.a.example", "XmppAddr a.example"]);
    let both = names(Protocols::Both, Servers::All);
    assert!(both.contains(&"sip:im2.a.example".to_owned()), "{both:?}");
    assert_eq!(both.len(), 7 + 2 * 5 + 5);
}

#[test]
fn what_is_missing_is_told_by_kind_and_protocol() {
    let certificate = leaf()
        .dns("a.example")
        .dns("*.a.example")
        .dns("old.example");
    let xmpp = cover(&inventory(Protocols::Xmpp), Servers::All, &certificate);
    assert_eq!(
        missing(&xmpp),
        [
            "the local domain empty.example over XMPP",
            "the email domain mail.example over XMPP",
        ]
    );
    let superfluous: Vec<_> = xmpp.superfluous.iter().map(ToString::to_string).collect();
    assert_eq!(superfluous, ["old.example"]);

    let sip = cover(&inventory(Protocols::Sip), Servers::All, &certificate);
    assert_eq!(
        missing(&sip),
        [
            "the local domain empty.example over SIP",
            "the email domain mail.example over SIP",
            "the node im1.a.example over SIP",
            "the node im2.a.example over SIP",
        ],
        "a wildcard covers nothing"
    );
    let expected: Vec<_> = sip.missing[0].expected();
    let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
    assert_eq!(expected, ["sip:empty.example", "empty.example"]);
}

#[test]
fn one_sip_uri_takes_the_dns_names_out_of_the_reckoning() {
    let mut inventory = Inventory::default();
    inventory.local_domains = set(&["a.example", "b.example"]);
    inventory.protocols = Protocols::Both;
    let names = leaf().dns("a.example").dns("b.example");
    assert!(cover(&inventory, Servers::All, &names).is_complete());
    let coverage = cover(&inventory, Servers::All, &names.uri("sip:a.example"));
    assert_eq!(missing(&coverage), ["the local domain b.example over SIP"]);
}

#[test]
fn a_certificate_for_mutual_tls_serves_both_roles() {
    let mut inventory = Inventory::default();
    inventory.local_domains = set(&["a.example"]);
    for (purposes, both_roles) in [
        (&[][..], BothRoles::Served),
        (
            &[Purpose::ServerAuth, Purpose::ClientAuth],
            BothRoles::Served,
        ),
        (&[Purpose::ServerAuth], BothRoles::NotServed),
        (&[Purpose::ClientAuth], BothRoles::NotServed),
        (&[Purpose::SipDomain], BothRoles::NotServed),
    ] {
        let certificate = leaf().dns("a.example").purposes(purposes);
        let coverage = cover(&inventory, Servers::All, &certificate);
        assert_eq!(coverage.both_roles, both_roles, "{purposes:?}");
        assert_eq!(coverage.is_complete(), both_roles == BothRoles::Served);
    }
}

#[test]
fn a_certificate_of_addresses_or_a_common_name_covers_no_domain() {
    let mut inventory = Inventory::default();
    inventory.local_domains = set(&["a.example"]);
    let certificate = leaf().common_name("a.example").ip([192, 0, 2, 1]);
    let coverage = cover(&inventory, Servers::All, &certificate);
    assert_eq!(missing(&coverage), ["the local domain a.example over XMPP"]);
    let superfluous: Vec<_> = coverage
        .superfluous
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(superfluous, ["192.0.2.1"]);
}

#[test]
fn what_is_no_certificate_has_no_coverage() {
    let inventory = inventory(Protocols::Xmpp);
    let judge = |der: &[u8], max_names| {
        let mut limits = Limits::default();
        limits.max_names = max_names;
        inventory.coverage(Servers::All, &der.into(), &limits)
    };
    assert_eq!(judge(b"\x30\x00", 9), Err(CoverageError::Malformed));
    let two = leaf().dns("a.example").dns("b.example").self_signed();
    assert_eq!(
        judge(two.leaf(), 1),
        Err(CoverageError::TooManyNames { limit: 1 })
    );
}
