use comity_testkit::mint::{Basic, Purpose};
use comity_trust::{Basis, Fingerprint, Forms, Position, Reason, public_key};

use super::*;

fn good() -> Leaf {
    leaf().dns("a.example").dns("b.example")
}

fn pinning(identity: &Identity, domains: &[&str]) -> Policy {
    let mut policy = trusting(&[]);
    let certificate = CertificateDer::from(identity.leaf().to_vec());
    let domains = domains.iter().map(|name| domain(name));
    policy.store.add_pin(&certificate, domains);
    policy
}

#[test]
fn a_pinned_certificate_is_believed_for_its_domains_alone() {
    for basic in [Basic::Leaf, Basic::Authority, Basic::Absent] {
        let peer = good().basic(basic).valid(0, NOW + 7).self_signed();
        let policy = pinning(&peer, &["a.example"]);
        let verdict = judge(&peer, &policy, "a.example");
        let trusted = verdict.trusted().unwrap();
        assert_eq!(trusted.basis(), Basis::Pin);
        assert_eq!(trusted.valid_until(), at(NOW + 7));
        assert_eq!(
            outcome(judge(&peer, &policy, "b.example")),
            Err(Reason::PinnedElsewhere {
                reference: "b.example".into()
            })
        );
    }
}

#[test]
fn a_second_pin_adds_its_domains() {
    let peer = good().self_signed();
    let mut policy = pinning(&peer, &["a.example"]);
    let certificate = CertificateDer::from(peer.leaf().to_vec());
    policy.store.add_pin(&certificate, [domain("b.example")]);
    for name in ["a.example", "b.example"] {
        assert_eq!(outcome(judge(&peer, &policy, name)), Ok(name.to_owned()));
    }
}

#[test]
fn a_pinned_certificate_must_still_pass_the_other_rules() {
    let named = good().self_signed();
    let reason = outcome(judge(&named, &pinning(&named, &["c.example"]), "c.example"));
    assert_eq!(
        reason.unwrap_err().to_string(),
        "the certificate names a.example and b.example, not c.example"
    );

    let position = Position::Leaf;
    let expired = good().valid(0, NOW - 1).self_signed();
    assert_eq!(
        outcome(judge(
            &expired,
            &pinning(&expired, &["a.example"]),
            "a.example"
        )),
        Err(Reason::Expired {
            not_after: at(NOW - 1),
            position,
        })
    );

    let mail = good().purposes(&[Purpose::EmailProtection]).self_signed();
    let verdict = judge(&mail, &pinning(&mail, &["a.example"]), "a.example");
    assert!(matches!(
        verdict.reason(),
        Some(Reason::ExtendedKeyUsage {
            position: Position::Leaf,
            ..
        })
    ));
}

#[test]
fn a_pinned_certificate_vouches_for_no_other() {
    // The key of the pinned certificate signs a certificate for the same and for another domain.
    let ca = Ca::new("Peer", [2; 32]).self_signed();
    let mut policy = trusting(&[]);
    let certificate = CertificateDer::from(ca.certificate().to_vec());
    let domains = [domain("a.example"), domain("victim.example")];
    policy.store.add_pin(&certificate, domains);
    let forged = ca.issue(&leaf().dns("a.example").dns("victim.example"));
    let mut chain = chain(&forged);
    chain.push(ca.certificate().into());
    for name in ["a.example", "victim.example"] {
        assert_eq!(
            outcome(judge_chain(&chain, &policy, name)),
            Err(Reason::UnknownIssuer)
        );
    }
}

#[test]
fn a_pin_is_the_whole_certificate() {
    let policy = pinning(&good().self_signed(), &["a.example"]);
    let renewed = good().valid(0, NOW + 1).self_signed();
    assert_eq!(
        outcome(judge(&renewed, &policy, "a.example")),
        Err(Reason::SelfSigned)
    );
}

#[test]
fn a_pinned_key_outlasts_its_certificate() {
    let first = good().self_signed();
    let renewed = good().valid(NOW - 5, NOW + 5).self_signed();
    let other = Leaf::new([8; 32]).dns("a.example").self_signed();
    let certificate = CertificateDer::from(first.leaf());
    let key = public_key(&certificate).unwrap();
    for fingerprint in [Fingerprint::sha256(key), Fingerprint::sha512(key)] {
        let mut policy = trusting(&[]);
        policy.store.add_key_pin(fingerprint, [domain("a.example")]);
        for peer in [&first, &renewed] {
            let verdict = judge(peer, &policy, "a.example");
            assert_eq!(verdict.trusted().unwrap().basis(), Basis::Pin);
            let elsewhere = judge(peer, &policy, "b.example");
            assert_eq!(elsewhere.code(), "pinned-elsewhere");
        }
        assert_eq!(judge(&other, &policy, "a.example").code(), "self-signed");
    }
}

#[test]
fn a_pinned_key_signs_for_nobody() {
    let ca = Ca::new("Peer", [2; 32]).self_signed();
    let certificate = CertificateDer::from(ca.certificate());
    let key = Fingerprint::sha256(public_key(&certificate).unwrap());
    let mut policy = trusting(&[]);
    policy.store.add_key_pin(key, [domain("a.example")]);
    let forged = ca.issue(&leaf().dns("a.example"));
    let mut chain = chain(&forged);
    chain.push(certificate);
    assert_eq!(
        outcome(judge_chain(&chain, &policy, "a.example")),
        Err(Reason::UnknownIssuer)
    );
}

#[test]
fn whoever_a_pinned_certificate_names_is_bound_to_its_pins() {
    let peer = good().self_signed();
    let policy = pinning(&peer, &["b.example", "c.example"]);
    let anyone = Reference::anyone(Forms::Host);
    let verdict = ask(&chain(&peer), Role::Client, &anyone, &policy);
    assert_eq!(
        verdict.trusted().unwrap().subjects(),
        [domain("b.example").into()]
    );
}

#[test]
fn a_pin_for_one_subject_hides_no_path_for_another() {
    use comity_trust::PeerSubject;
    let root = root();
    let stranger = Ca::new("Stranger", [7; 32]).self_signed();
    let named = leaf().dns("a.example").dns("b.example");
    for (issuer, subjects) in [
        (&root, &["b.example", "a.example"][..]),
        (&stranger, &["b.example"]),
    ] {
        let mut policy = trusting(&[&root]);
        let peer = issuer.issue(&named);
        policy
            .store
            .add_pin(&peer.leaf().into(), [domain("b.example")]);
        let peers = ["a.example", "b.example"].map(|name| PeerSubject::new(domain(name)));
        for reference in [Reference::anyone(Forms::Sip), Reference::peers(peers)] {
            let verdict = ask(&chain(&peer), Role::Client, &reference, &policy);
            let trusted = verdict.trusted().unwrap();
            assert_eq!(trusted.basis(), Basis::Pin);
            assert!(
                trusted
                    .domains()
                    .map(DomainName::as_str)
                    .eq(subjects.iter().copied())
            );
        }
    }
}

#[test]
fn a_store_tells_what_it_holds_and_gives_it_up() {
    let root = root();
    let peer = leaf().dns("a.example").self_signed();
    let certificate = CertificateDer::from(peer.leaf());
    let key = Fingerprint::sha256(public_key(&certificate).unwrap());
    let mut policy = trusting(&[&root]);
    let store = &mut policy.store;
    store.add_pin(&certificate, [domain("a.example")]);
    store.add_key_pin(key, [domain("a.example")]);
    assert_eq!(store.anchor_count(), 1);
    let pins: Vec<_> = store.pins().map(|(pinned, _)| pinned.to_vec()).collect();
    assert_eq!(pins, [peer.leaf()]);
    assert!(store.key_pins().map(|(pinned, _)| pinned).eq([&key]));

    assert!(policy.store.remove_pin(&certificate));
    assert_eq!(
        judge(&peer, &policy, "a.example").code(),
        "trusted",
        "by the key"
    );
    assert!(policy.store.remove_key_pin(&key));
    assert_eq!(judge(&peer, &policy, "a.example").code(), "self-signed");
    let issued = root.issue(&leaf().dns("a.example"));
    assert_eq!(judge(&issued, &policy, "a.example").code(), "trusted");
    assert!(!policy.store.is_empty());
    assert!(policy.store.remove_anchor(&root.certificate().into()));
    assert_eq!(
        judge(&issued, &policy, "a.example").code(),
        "unknown-issuer"
    );
    assert!(policy.store.is_empty());
    assert!(!policy.store.remove_anchor(&root.certificate().into()));
    assert!(!policy.store.remove_pin(&certificate));
    assert!(!policy.store.remove_key_pin(&key));
}

#[test]
fn a_public_key_is_read_from_a_certificate_of_any_version() {
    let peer = leaf().dns("a.example").self_signed();
    let certificate = CertificateDer::from(peer.leaf());
    let key = public_key(&certificate).unwrap();
    let v3 = comity_testkit::mint::tlv(0xa0, &[2, 1, 2]);
    let place = peer.leaf().windows(v3.len()).position(|bytes| bytes == v3);
    for version in [0, 1, 9] {
        let mut other = peer.leaf().to_vec();
        other[place.unwrap() + 4] = version;
        assert_eq!(public_key(&other.into()), Ok(key));
    }
    let malformed = Err(comity_trust::MalformedCertificate);
    assert_eq!(public_key(&peer.leaf()[..99].into()), malformed);
}

#[test]
fn a_pinned_certificate_that_calls_itself_a_ca_may_constrain_names() {
    let subtree = comity_testkit::mint::tlv(0x30, &comity_testkit::mint::tlv(0x82, b"x.example"));
    let constraints = comity_testkit::mint::tlv(0x30, &comity_testkit::mint::tlv(0xa0, &subtree));
    let named = || {
        leaf()
            .dns("a.example")
            .extension("2.5.29.30", constraints.clone())
    };
    for (basic, code) in [
        (Basic::Authority, "trusted"),
        (Basic::Leaf, "constraints-in-leaf"),
    ] {
        let own = named().basic(basic).self_signed();
        let policy = pinning(&own, &["a.example"]);
        assert_eq!(judge(&own, &policy, "a.example").code(), code);
    }
}
