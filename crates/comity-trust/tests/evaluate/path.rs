use comity_testkit::mint::{Basic, NOT_AFTER, NOT_BEFORE, Usage};
use comity_trust::{Basis, Position, Reason};

use super::*;

fn good() -> Leaf {
    leaf().dns("a.example")
}

#[test]
fn a_path_over_two_intermediates_is_found_in_any_order() {
    let root = root();
    let outer = root.delegate(&Ca::new("Outer", [2; 32]));
    let inner = outer.delegate(&Ca::new("Inner", [3; 32]));
    let stranger = Ca::new("Stranger", [4; 32]).self_signed();
    let peer = inner.issue(&good());
    let policy = trusting(&[&root]);
    let [leaf, first, second] = &chain(&peer)[..] else {
        panic!("a leaf and two intermediates");
    };
    let (anchor, other) = (root.certificate().into(), stranger.certificate().into());
    for chain in [
        vec![leaf, first, second],
        vec![leaf, second, first],
        vec![leaf, &other, second, first, first, &anchor],
    ] {
        let chain: Vec<_> = chain.into_iter().cloned().collect();
        let verdict = judge_chain(&chain, &policy, "a.example");
        assert_eq!(verdict.trusted().unwrap().basis(), Basis::Path);
    }
    // The peer's own certificate stands first (RFC 8446 §4.4.2).
    let reversed: Vec<_> = [second, first, leaf].into_iter().cloned().collect();
    let reason = outcome(judge_chain(&reversed, &policy, "a.example")).unwrap_err();
    assert_eq!(
        reason.to_string(),
        "the certificate names nothing, not a.example"
    );
}

#[test]
fn validity_ends_with_the_first_certificate_of_the_path() {
    let (early, middle, late) = (NOW + 10, NOW + 20, NOW + 30);
    for ends in [
        [early, middle, late],
        [late, early, middle],
        [middle, late, early],
    ] {
        let root = Ca::new("Root", [1; 32]).valid(0, ends[0]).self_signed();
        let sub = root.delegate(&Ca::new("Sub", [2; 32]).valid(0, ends[1]));
        let peer = sub.issue(&good().valid(0, ends[2]));
        let verdict = judge(&peer, &trusting(&[&root]), "a.example");
        assert_eq!(verdict.trusted().unwrap().valid_until(), at(early));
    }
}

#[test]
fn every_certificate_of_the_path_must_be_valid_now() {
    let always = (NOT_BEFORE, NOT_AFTER);
    for (position, index) in [
        (Position::Anchor, 0),
        (Position::Issuer, 1),
        (Position::Leaf, 2),
    ] {
        for (from, to) in [(NOW - 9, NOW - 1), (NOW + 1, NOW + 9)] {
            let mut valid = [always; 3];
            valid[index] = (from, to);
            let ca = |name, seed, (from, to)| Ca::new(name, [seed; 32]).valid(from, to);
            let root = ca("Root", 1, valid[0]).self_signed();
            let sub = root.delegate(&ca("Sub", 2, valid[1]));
            let peer = sub.issue(&good().valid(valid[2].0, valid[2].1));
            let expected = if to < NOW {
                Reason::Expired {
                    not_after: at(to),
                    position,
                }
            } else {
                Reason::NotYetValid {
                    not_before: at(from),
                    position,
                }
            };
            let verdict = judge(&peer, &trusting(&[&root]), "a.example");
            assert_eq!(outcome(verdict), Err(expected));
        }
    }
}

#[test]
fn both_ends_of_the_validity_period_belong_to_it() {
    let root = root();
    let policy = trusting(&[&root]);
    for (from, to) in [(NOW, NOW + 1), (NOW - 1, NOW), (NOW, NOW)] {
        let peer = root.issue(&good().valid(from, to));
        let verdict = judge(&peer, &policy, "a.example");
        assert_eq!(verdict.trusted().unwrap().valid_until(), at(to));
    }
}

#[test]
fn an_expired_cross_certificate_does_not_hide_a_valid_path() {
    let old = Ca::new("Old root", [5; 32]).valid(0, NOW - 1).self_signed();
    let new = root();
    let cross = old.delegate(&Ca::new("Root", [1; 32]));
    let peer = new.issue(&good());
    let mut chain = chain(&peer);
    chain.push(cross.certificate().into());
    let verdict = judge_chain(&chain, &trusting(&[&old, &new]), "a.example");
    assert_eq!(verdict.trusted().unwrap().valid_until(), at(NOT_AFTER));
    assert_eq!(
        outcome(judge_chain(&chain, &trusting(&[&old]), "a.example")),
        Err(Reason::Expired {
            not_after: at(NOW - 1),
            position: Position::Anchor,
        })
    );
}

#[test]
fn nobody_is_trusted_without_an_anchor() {
    let root = root();
    let peer = root.issue(&good());
    let stranger = Ca::new("Stranger", [4; 32]).self_signed();
    for policy in [trusting(&[]), trusting(&[&stranger])] {
        assert_eq!(
            outcome(judge(&peer, &policy, "a.example")),
            Err(Reason::UnknownIssuer)
        );
        assert_eq!(
            outcome(judge(&good().self_signed(), &policy, "a.example")),
            Err(Reason::SelfSigned)
        );
        // Sending the root along changes nothing.
        let mut chain = chain(&peer);
        chain.push(root.certificate().into());
        assert_eq!(
            outcome(judge_chain(&chain, &policy, "a.example")),
            Err(Reason::UnknownIssuer)
        );
    }
}

#[test]
fn a_signature_by_another_key_of_the_same_name_is_wrong() {
    let root = root();
    let impostor = Ca::new("Root", [4; 32]).self_signed();
    let peer = impostor.issue(&good());
    assert_eq!(
        outcome(judge(&peer, &trusting(&[&root]), "a.example")),
        Err(Reason::BadSignature)
    );
}

#[test]
fn an_issuer_must_be_a_ca_that_may_sign_certificates() {
    let root = root();
    let policy = trusting(&[&root]);
    for (usages, expected) in [
        (&[Usage::KeyCertSign][..], Ok("a.example".to_owned())),
        (&[], Ok("a.example".to_owned())),
        (&[Usage::CrlSign], Err(Reason::IssuerKeyUsage)),
        (
            &[Usage::DigitalSignature, Usage::KeyEncipherment],
            Err(Reason::IssuerKeyUsage),
        ),
    ] {
        let sub = root.delegate(&Ca::new("Sub", [2; 32]).usages(usages));
        let verdict = judge(&sub.issue(&good()), &policy, "a.example");
        assert_eq!(outcome(verdict), expected, "{usages:?}");
    }
    // A leaf whose key signs another leaf.
    let usages = [Usage::KeyCertSign];
    for basic in [Basic::Leaf, Basic::Absent] {
        let subject = Leaf::new([2; 32]).common_name("Sub");
        let middle = root.issue(&subject.usages(&usages).basic(basic));
        let below = Ca::new("Sub", [2; 32]).self_signed().issue(&good());
        let mut chain = chain(&below);
        chain.extend(self::chain(&middle));
        assert_eq!(
            outcome(judge_chain(&chain, &policy, "a.example")),
            Err(Reason::IssuerNotCa),
            "{basic:?}"
        );
    }
}

#[test]
fn a_certificate_of_a_ca_is_no_servers_certificate() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&good().basic(Basic::Authority));
    assert_eq!(
        outcome(judge(&peer, &policy, "a.example")),
        Err(Reason::CaUsedAsEndEntity)
    );
    let peer = root.issue(&good().basic(Basic::Absent));
    assert_eq!(
        outcome(judge(&peer, &policy, "a.example")),
        Ok("a.example".to_owned())
    );
}

#[test]
fn a_path_is_no_longer_than_its_cas_allow() {
    let root = Ca::new("Root", [1; 32]).self_signed();
    let outer = root.delegate(&Ca::new("Outer", [2; 32]).path_length(0));
    let policy = trusting(&[&root]);
    assert_eq!(
        outcome(judge(&outer.issue(&good()), &policy, "a.example")),
        Ok("a.example".to_owned())
    );
    let inner = outer.delegate(&Ca::new("Inner", [3; 32]));
    assert_eq!(
        outcome(judge(&inner.issue(&good()), &policy, "a.example")),
        Err(Reason::PathLength)
    );
}

#[test]
fn a_certificate_without_subject_is_as_good() {
    let root = root();
    let peer = root.issue(&good().no_subject());
    assert_eq!(
        outcome(judge(&peer, &trusting(&[&root]), "a.example")),
        Ok("a.example".to_owned())
    );
}

#[test]
fn the_more_telling_of_two_reasons_is_given() {
    let root = root();
    let policy = trusting(&[&root]);
    let wrong_name = leaf().dns("b.example");
    let names_b = "the certificate names b.example, not a.example";
    let text = |peer: &Identity| {
        outcome(judge(peer, &policy, "a.example"))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(text(&wrong_name.self_signed()), names_b);
    assert_eq!(
        text(&root.issue(&wrong_name.clone().purposes(&[]))),
        names_b
    );
    assert_eq!(
        text(&root.issue(&wrong_name.valid(0, 1_767_323_045))),
        "the certificate expired at 2026-01-02T03:04:05Z"
    );
}

#[test]
fn the_path_length_of_an_anchor_binds_those_below() {
    for (length, intermediates, code) in [
        (None, 2, "trusted"),
        (Some(0), 0, "trusted"),
        (Some(0), 1, "path-length"),
        (Some(1), 1, "trusted"),
        (Some(1), 2, "path-length"),
    ] {
        let root = Ca::new("Root", [1; 32]);
        let root = match length {
            Some(length) => root.path_length(length),
            None => root,
        };
        let root = root.self_signed();
        let first = root.delegate(&Ca::new("Sub 1", [2; 32]));
        let second = first.delegate(&Ca::new("Sub 2", [3; 32]));
        let issuer = [&root, &first, &second][intermediates];
        let peer = issuer.issue(&leaf().dns("a.example"));
        let verdict = judge(&peer, &trusting(&[&root]), "a.example");
        assert_eq!(verdict.code(), code, "{length:?} {intermediates}");
    }
}

#[test]
fn the_extended_key_usage_of_an_anchor_binds_those_below() {
    use comity_testkit::mint::Purpose;
    for (purpose, code) in [
        (Purpose::ServerAuth, "trusted"),
        (Purpose::EmailProtection, "extended-key-usage"),
    ] {
        let root = Ca::new("Root", [1; 32]).purposes(&[purpose]).self_signed();
        let peer = root.issue(&leaf().dns("a.example"));
        let verdict = judge(&peer, &trusting(&[&root]), "a.example");
        assert_eq!(verdict.code(), code);
    }
}
