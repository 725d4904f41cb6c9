use comity_identity::Host;
use comity_testkit::mint::{Name, tlv};
use comity_trust::{CommonName, Forms, PeerSubject, Provenance, Reason, TargetPolicy};

use super::*;

fn dns(name: &str) -> Name {
    Name::Dns(name.to_owned())
}

fn srv(name: &str) -> Name {
    Name::Srv(name.to_owned())
}

fn outside(name: &str) -> Result<String, Reason> {
    Err(Reason::NameConstraint {
        host: domain(name).into(),
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

/// Certificates that name a domain, each in another form, and references to it that take the form.
fn every_form(name: &str) -> Vec<(&'static str, Leaf, Reference)> {
    let name = domain(name);
    let xmpp = || Reference::service(name.clone(), Service::XmppServer);
    let sip = || Reference::sip(name.clone());
    let peer = PeerSubject::with_common_name(name.clone(), CommonName::Always);
    let by_common_name = Reference::peers([peer]);
    vec![
        (
            "SRVName",
            leaf().srv(&format!("_xmpp-server.{name}")),
            xmpp(),
        ),
        ("XmppAddr", leaf().xmpp(name.as_str()), xmpp()),
        ("URI", leaf().uri(&format!("sip:{name}")), sip()),
        (
            "CN",
            leaf().common_name(name.as_str()),
            by_common_name.clone(),
        ),
        (
            "CN beside a dNSName",
            leaf().dns("partner.example").common_name(name.as_str()),
            by_common_name,
        ),
        (
            "anyone",
            leaf().xmpp(name.as_str()),
            Reference::anyone(Forms::Xmpp(Service::XmppServer)),
        ),
        (
            "URI of a peer",
            leaf().uri(&format!("sip:{name}")),
            Reference::peers([
                PeerSubject::new(name.clone()),
                PeerSubject::new(domain("other.example")),
            ]),
        ),
    ]
}

#[test]
fn a_constrained_ca_speaks_for_no_other_domain_in_any_form() {
    let partner = "partner.example";
    let constraints: [fn(Ca) -> Ca; 2] = [
        |ca| ca.permit(dns("partner.example")),
        |ca| ca.exclude(dns("victim.example")),
    ];
    for constrain in constraints {
        for (place, issuer, policy) in constrained(constrain) {
            for name in ["victim.example", "im.victim.example"] {
                for (form, leaf, reference) in every_form(name) {
                    let peer = issuer.issue(&leaf);
                    let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
                    assert_eq!(outcome(verdict), outside(name), "{place}, {form}");
                    // The same names from a CA that is free prove it.
                    let peer = root().issue(&leaf);
                    let free = ask(
                        &chain(&peer),
                        Role::Server,
                        &reference,
                        &trusting(&[&root()]),
                    );
                    assert!(free.trusted().is_some(), "{form}: {free}");
                }
            }
            for (form, leaf, reference) in every_form(partner) {
                let verdict = ask(
                    &chain(&issuer.issue(&leaf)),
                    Role::Server,
                    &reference,
                    &policy,
                );
                assert!(verdict.trusted().is_some(), "{place}, {form}: {verdict}");
            }
        }
    }
}

#[test]
fn constraints_bind_the_target_that_matched_and_not_the_domain() {
    let reference = |target: &str| {
        Reference::sip(domain("victim.example")).or_target(domain(target), Provenance::Secure)
    };
    for (place, issuer, mut policy) in constrained(|ca| ca.permit(dns("partner.example"))) {
        policy.targets = TargetPolicy::Secure;
        let peer = issuer.issue(&leaf().dns("edge.partner.example"));
        let verdict = ask(
            &chain(&peer),
            Role::Server,
            &reference("edge.partner.example"),
            &policy,
        );
        let trusted = verdict.trusted().unwrap();
        assert_eq!(
            trusted.subjects(),
            [domain("victim.example").into()],
            "{place}"
        );
        assert_eq!(trusted.matched_by().unwrap().text(), "edge.partner.example");
    }
}

#[test]
fn an_address_in_a_common_name_is_bound_as_well() {
    let reference = || {
        let address = Host::parse("192.0.2.1").unwrap();
        Reference::peers([PeerSubject::with_common_name(address, CommonName::Always)])
    };
    let network = Name::Raw(tlv(0x87, &[192, 0, 2, 0, 255, 255, 255, 0]));
    let elsewhere = Name::Raw(tlv(0x87, &[10, 0, 0, 0, 255, 0, 0, 0]));
    for (constraint, allowed) in [
        (dns("partner.example"), false),
        (elsewhere, false),
        (network, true),
    ] {
        for (place, issuer, policy) in constrained(|ca| ca.permit(constraint.clone())) {
            let peer = issuer.issue(&leaf().common_name("192.0.2.1"));
            let verdict = ask(&chain(&peer), Role::Server, &reference(), &policy);
            assert_eq!(verdict.trusted().is_some(), allowed, "{place}: {verdict}");
        }
    }
}

#[test]
fn anyone_is_only_whom_the_ca_may_vouch_for() {
    for (place, issuer, policy) in constrained(|ca| ca.permit(dns("partner.example"))) {
        let peer = issuer.issue(
            &leaf()
                .xmpp("victim.example")
                .srv("_xmpp-server.partner.example")
                .xmpp("im.partner.example"),
        );
        let anyone = Reference::anyone(Forms::Xmpp(Service::XmppServer));
        let verdict = ask(&chain(&peer), Role::Client, &anyone, &policy);
        let trusted = verdict.trusted().unwrap();
        let expected = ["partner.example", "im.partner.example"].map(|name| domain(name).into());
        assert_eq!(trusted.subjects(), expected, "{place}");
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

#[test]
fn a_leaf_constrains_nobody() {
    let root = root();
    let policy = trusting(&[&root]);
    let subtree = tlv(0x30, &tlv(0x82, b"a.example"));
    let constraints = tlv(0x30, &tlv(0xa0, &subtree));
    let peer = root.issue(&leaf().dns("a.example").extension("2.5.29.30", constraints));
    assert_eq!(
        outcome(judge(&peer, &policy, "a.example")),
        Err(Reason::ConstraintsInLeaf)
    );
}
