use comity_testkit::mint::{Name, tlv};
use comity_trust::{Position, Reason, Reference, Role, presented_names};

use super::*;

fn mismatch(verdict: Verdict) -> String {
    let reason = outcome(verdict).unwrap_err();
    assert!(matches!(reason, Reason::NameMismatch { .. }), "{reason}");
    reason.to_string()
}

#[test]
fn the_first_matching_name_is_reported() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(
        &leaf()
            .uri("sip:a.example")
            .dns("b.example")
            .srv("_xmpp-server.A.example")
            .dns("a.example")
            .xmpp("D.example")
            .dns("*.c.example"),
    );
    for (name, matched) in [
        ("a.example", "_xmpp-server.A.example"),
        ("b.example", "b.example"),
        ("d.example", "d.example"),
        ("x.c.example", "*.c.example"),
    ] {
        let verdict = judge(&peer, &policy, name);
        let trusted = verdict.trusted().unwrap();
        assert_eq!(trusted.matched_by().unwrap().text(), matched);
        assert_eq!(trusted.subjects(), [domain(name).into()]);
    }
}

#[test]
fn a_refusal_names_what_the_certificate_names() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().dns("x.example").dns("y.example"));
    assert_eq!(
        mismatch(judge(&peer, &policy, "z.example")),
        "the certificate names x.example and y.example, not z.example"
    );
}

#[test]
fn a_name_with_a_nul_or_beyond_ascii_never_matches() {
    let root = root();
    let policy = trusting(&[&root]);
    for bytes in [
        &b"a.example\0.evil.example"[..],
        b"a.example\0",
        b"\xe4.example",
        "\u{e4}.example".as_bytes(),
    ] {
        let peer = root.issue(&leaf().name(Name::Raw(tlv(0x82, bytes))));
        for name in ["a.example", "evil.example", "\u{e4}.example"] {
            mismatch(judge(&peer, &policy, name));
        }
    }
}

#[test]
fn a_service_name_in_the_wrong_string_type_never_matches() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().name(Name::Other {
        type_id: "1.3.6.1.5.5.7.8.7".to_owned(),
        value: tlv(0x0C, b"_xmpp-server.a.example"),
    }));
    mismatch(judge(&peer, &policy, "a.example"));
}

#[test]
fn a_service_name_under_another_type_never_matches() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().name(Name::Other {
        type_id: "1.3.6.1.5.5.7.8.8".to_owned(),
        value: tlv(0x16, b"_xmpp-server.a.example"),
    }));
    mismatch(judge(&peer, &policy, "a.example"));
}

#[test]
fn a_malformed_entry_condemns_the_certificate() {
    let root = root();
    let policy = trusting(&[&root]);
    let bad = || Name::Raw(tlv(0x89, b"x"));
    for description in [
        leaf().dns("a.example").name(bad()),
        leaf().name(bad()).dns("a.example"),
    ] {
        let peer = root.issue(&description);
        assert_eq!(
            outcome(judge(&peer, &policy, "a.example")),
            Err(Reason::MalformedNames)
        );
    }
}

#[test]
fn an_x400_address_beside_a_good_name_is_passed_over() {
    let root = root();
    let policy = trusting(&[&root]);
    let x400 = Name::Raw(tlv(0xA3, &tlv(0x30, b"")));
    let peer = root.issue(&leaf().name(x400).dns("a.example"));
    assert_eq!(
        outcome(judge(&peer, &policy, "a.example")),
        Ok("a.example".to_owned())
    );
}

#[test]
fn a_host_reference_takes_no_service_name() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().srv("_xmpp-server.a.example"));
    let reference = Reference::dns(domain("a.example"));
    let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
    assert_eq!(
        mismatch(verdict),
        "the certificate names _xmpp-server.a.example, not a.example; \
         it names it in a form that does not count here"
    );
}

#[test]
fn names_are_told_whoever_vouches_for_them() {
    let peer = leaf()
        .dns("b.example")
        .xmpp("B\u{fc}cher.example")
        .name(Name::Raw(tlv(0x82, b"a\0b")))
        .ip([192, 0, 2, 1])
        .common_name("Edge 1")
        .self_signed();
    let names = presented_names(&peer.leaf().into(), 4).unwrap();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "b.example",
            "XmppAddr xn--bcher-kva.example",
            "192.0.2.1",
            "CN=Edge 1"
        ]
    );
    let limit = 3;
    assert_eq!(
        presented_names(&peer.leaf().into(), limit),
        Err(Reason::TooManyNames { limit })
    );
    assert_eq!(
        presented_names(&b"\x30\x00"[..].into(), limit),
        Err(Reason::Malformed {
            position: Position::Leaf
        })
    );
}
