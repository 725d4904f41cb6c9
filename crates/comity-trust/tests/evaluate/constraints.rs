use comity_testkit::mint::{Name, tlv};
use comity_trust::Reason;

use super::*;

fn dns(name: &str) -> Name {
    Name::Dns(name.to_owned())
}

fn srv(name: &str) -> Name {
    Name::Srv(name.to_owned())
}

fn outside(name: &str) -> Result<String, Reason> {
    Err(Reason::NameConstraint {
        domain: domain(name),
    })
}

/// Places the constraints on an intermediate of a trusted root, and on the trust anchor itself.
fn constrained(describe: impl Fn(Ca) -> Ca) -> [(&'static str, Authority, Policy); 2] {
    let root = root();
    let sub = root.delegate(&describe(Ca::new("Sub", [2; 32])));
    let anchor = describe(Ca::new("Constrained root", [3; 32])).self_signed();
    let (of_root, of_anchor) = (trusting(&[&root]), trusting(&[&anchor]));
    [
        ("intermediate", sub, of_root),
        ("anchor", anchor, of_anchor),
    ]
}

#[test]
fn dns_constraints_bind_every_form_of_name() {
    let (partner, victim) = ("partner.example", "victim.example");
    let service = |name| format!("_xmpp-server.{name}");
    for (place, issuer, policy) in constrained(|ca| ca.permit(dns(partner))) {
        for (leaf, name, expected) in [
            (leaf().dns(partner), partner, Ok(partner.to_owned())),
            (leaf().srv(&service(partner)), partner, Ok(service(partner))),
            (leaf().srv(&service(victim)), victim, outside(victim)),
            (
                leaf().dns(partner).srv(&service(victim)),
                victim,
                outside(victim),
            ),
            (
                leaf().dns(partner).srv(&service(victim)),
                partner,
                Ok(partner.to_owned()),
            ),
            (
                leaf().dns(victim),
                victim,
                Err(Reason::NameConstraintElsewhere),
            ),
            (
                leaf().dns(partner).dns(victim),
                partner,
                Err(Reason::NameConstraintElsewhere),
            ),
        ] {
            let verdict = judge(&issuer.issue(&leaf), &policy, name);
            assert_eq!(outcome(verdict), expected, "{place}, {name}");
        }
    }
}

#[test]
fn names_that_cannot_match_stay_unmatched_below_a_constrained_ca() {
    for (place, issuer, policy) in constrained(|ca| ca.permit(dns("partner.example"))) {
        for leaf in [
            leaf().xmpp("victim.example"),
            leaf().uri("sip:victim.example"),
            leaf().common_name("victim.example"),
        ] {
            let verdict = judge(&issuer.issue(&leaf), &policy, "victim.example");
            let reason = outcome(verdict).unwrap_err();
            assert_eq!(
                reason.to_string(),
                "the certificate names no domain, not victim.example",
                "{place}"
            );
        }
    }
}

#[test]
fn excluded_domains_bind_every_form_of_name() {
    for (place, issuer, policy) in constrained(|ca| ca.exclude(dns("victim.example"))) {
        for (leaf, name, expected) in [
            (
                leaf().srv("_xmpp-server.victim.example"),
                "victim.example",
                outside("victim.example"),
            ),
            (
                leaf().srv("_xmpp-server.im.victim.example"),
                "im.victim.example",
                outside("im.victim.example"),
            ),
            (
                leaf().srv("_xmpp-server.other.example"),
                "other.example",
                Ok("_xmpp-server.other.example".to_owned()),
            ),
            (
                leaf().dns("*.victim.example"),
                "im.victim.example",
                Err(Reason::NameConstraintElsewhere),
            ),
        ] {
            let verdict = judge(&issuer.issue(&leaf), &policy, name);
            assert_eq!(outcome(verdict), expected, "{place}, {name}");
        }
    }
}

#[test]
fn service_constraints_refuse_every_service_name() {
    // webpki does not read otherName constraints and refuses whatever they might bind.
    for (place, issuer, policy) in constrained(|ca| ca.permit(srv("partner.example"))) {
        for name in ["partner.example", "victim.example"] {
            let peer = issuer.issue(&leaf().srv(&format!("_xmpp-server.{name}")));
            assert_eq!(
                outcome(judge(&peer, &policy, name)),
                Err(Reason::NameConstraintElsewhere),
                "{place}, {name}"
            );
        }
    }
}

#[test]
fn constraints_of_every_ca_of_the_path_count() {
    let root = root();
    let outer = root.delegate(&Ca::new("Outer", [2; 32]).permit(dns("example")));
    let inner = outer.delegate(&Ca::new("Inner", [3; 32]).permit(dns("test")));
    let policy = trusting(&[&root]);
    for name in ["a.example", "a.test"] {
        let peer = inner.issue(&leaf().srv(&format!("_xmpp-server.{name}")));
        assert_eq!(outcome(judge(&peer, &policy, name)), outside(name));
    }
}

#[test]
fn a_second_path_without_the_constraint_is_found() {
    let root = root();
    let free = root.delegate(&Ca::new("Sub", [2; 32]));
    let bound = root.delegate(&Ca::new("Sub", [2; 32]).permit(dns("partner.example")));
    let peer = bound.issue(&leaf().srv("_xmpp-server.victim.example"));
    let policy = trusting(&[&root]);
    let mut chain = chain(&peer);
    assert_eq!(
        outcome(judge_chain(&chain, &policy, "victim.example")),
        outside("victim.example")
    );
    chain.push(free.certificate().into());
    assert_eq!(
        outcome(judge_chain(&chain, &policy, "victim.example")),
        Ok("_xmpp-server.victim.example".to_owned())
    );
}

#[test]
fn a_malformed_dns_constraint_refuses_instead_of_binding_nothing() {
    let raw = |bytes: &[u8]| Name::Raw(tlv(0x82, bytes));
    for bytes in [&b"*.victim.example"[..], b"victim.example.", b"victim\0"] {
        for (place, issuer, policy) in constrained(|ca| ca.exclude(raw(bytes))) {
            let peer = issuer.issue(&leaf().srv("_xmpp-server.victim.example"));
            let reason = outcome(judge(&peer, &policy, "victim.example")).unwrap_err();
            assert!(
                matches!(reason, Reason::Malformed { .. }),
                "{place}: {reason}"
            );
        }
    }
}
