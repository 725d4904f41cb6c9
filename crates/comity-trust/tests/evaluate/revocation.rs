use comity_testkit::mint::Usage;
use comity_trust::{Added, Position, Revocation, RevocationListError, Status};

use super::*;

const UNTIL: u64 = NOW + 100;

fn good() -> Leaf {
    leaf().dns("a.example")
}

fn other() -> Leaf {
    Leaf::new([8; 32]).dns("a.example")
}

fn lists(ders: &[Vec<u8>]) -> RevocationLists {
    let mut lists = RevocationLists::new();
    for der in ders {
        lists.add(der).unwrap();
    }
    lists
}

fn judge_with(
    identity: &Identity,
    anchor: &Authority,
    revocation: Revocation,
    crls: &RevocationLists,
) -> Verdict {
    let mut policy = trusting(&[anchor]);
    policy.revocation = revocation;
    let reference = Reference::dns(domain("a.example"));
    evaluate(
        &chain(identity),
        at(NOW),
        Role::Server,
        &reference,
        &policy,
        crls,
    )
}

/// What each revocation policy makes of it: off, if listed, required.
fn codes(identity: &Identity, anchor: &Authority, crls: &RevocationLists) -> [&'static str; 3] {
    [Revocation::Off, Revocation::IfListed, Revocation::Required]
        .map(|revocation| judge_with(identity, anchor, revocation, crls).code())
}

#[test]
fn a_list_decides_as_the_policy_says() {
    let root = root();
    let stranger = Ca::new("Stranger", [7; 32]).self_signed();
    let peer = root.issue(&good());
    let revoked = [peer.leaf()];
    let list = |revoked: &[&[u8]], until| lists(&[root.crl(1, NOW - 10, until, revoked)]);
    for (name, crls, expected) in [
        (
            "none",
            lists(&[]),
            ["trusted", "trusted", "revocation-unknown"],
        ),
        (
            "of a stranger",
            lists(&[stranger.crl(1, NOW, UNTIL, &revoked)]),
            ["trusted", "trusted", "revocation-unknown"],
        ),
        ("good", list(&[], UNTIL), ["trusted", "trusted", "trusted"]),
        (
            "revoked",
            list(&revoked, UNTIL),
            ["trusted", "revoked", "revoked"],
        ),
        (
            "expired",
            list(&[], NOW),
            ["trusted", "trusted", "revocation-list-expired"],
        ),
        (
            "expired and revoked",
            list(&revoked, NOW),
            ["trusted", "revoked", "revocation-list-expired"],
        ),
    ] {
        assert_eq!(codes(&peer, &root, &crls), expected, "{name}");
    }
}

#[test]
fn the_reason_tells_whose_certificate_is_revoked() {
    let root = root();
    let sub = root.delegate(&Ca::new("Sub", [2; 32]));
    let peer = sub.issue(&good());
    let of_root = root.crl(1, NOW, UNTIL, &[sub.certificate()]);
    let of_sub = sub.crl(1, NOW, UNTIL, &[peer.leaf()]);
    for (list, position) in [(of_root, Position::Issuer), (of_sub, Position::Leaf)] {
        let verdict = judge_with(&peer, &root, Revocation::IfListed, &lists(&[list]));
        let reason = Reason::Revoked { position };
        assert_eq!(verdict.reason(), Some(&reason));
        assert_eq!(verdict.checks().revocation, Status::Failed(reason));
        assert_eq!(verdict.checks().identity, Status::Unknown);
    }
}

#[test]
fn where_lists_are_required_every_certificate_below_the_anchor_needs_one() {
    let root = root();
    let sub = root.delegate(&Ca::new("Sub", [2; 32]));
    let peer = sub.issue(&good());
    let of_root = root.crl(1, NOW, UNTIL, &[]);
    let of_sub = sub.crl(1, NOW, UNTIL + 9, &[]);
    for (ders, code) in [
        (vec![of_root.clone()], "revocation-unknown"),
        (vec![of_sub.clone()], "revocation-unknown"),
        (vec![of_root.clone(), of_sub.clone()], "trusted"),
    ] {
        let verdict = judge_with(&peer, &root, Revocation::Required, &lists(&ders));
        assert_eq!(verdict.code(), code);
    }
    let verdict = judge_with(
        &peer,
        &root,
        Revocation::Required,
        &lists(&[of_root, of_sub]),
    );
    let trusted = verdict.trusted().unwrap();
    assert_eq!(
        trusted.valid_until(),
        at(UNTIL - 1),
        "before the next update"
    );
    assert_eq!(verdict.checks().revocation, Status::Passed);
}

#[test]
fn a_verdict_tells_whether_a_list_was_there() {
    let root = root();
    let peer = root.issue(&good());
    for (ders, status) in [
        (vec![], Status::Unknown),
        (vec![root.crl(1, NOW, UNTIL, &[])], Status::Passed),
    ] {
        let verdict = judge_with(&peer, &root, Revocation::IfListed, &lists(&ders));
        assert_eq!(verdict.checks().revocation, status);
        let off = judge_with(&peer, &root, Revocation::Off, &lists(&ders));
        assert_eq!(off.checks().revocation, Status::Unknown);
    }
}

#[test]
fn the_newest_list_counts_in_whatever_order_they_come() {
    let root = root();
    let (first, second) = (root.issue(&good()), root.issue(&other()));
    let old = root.crl(255, NOW - 20, UNTIL, &[first.leaf()]);
    let new = root.crl(256, NOW - 10, UNTIL, &[second.leaf()]);
    for ders in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
        let crls = lists(&ders);
        assert_eq!(crls.len(), 1);
        assert_eq!(codes(&first, &root, &crls)[1], "trusted");
        assert_eq!(codes(&second, &root, &crls)[1], "revoked");
    }
    let mut crls = RevocationLists::new();
    assert!(crls.is_empty());
    assert_eq!(crls.add(&new), Ok(Added::Newest));
    assert_eq!(crls.add(&old), Ok(Added::Outdated));
    assert_eq!(crls.add(&new), Ok(Added::Outdated));
}

#[test]
fn a_list_signed_by_another_key_is_unusable() {
    let root = root();
    let impostor = Ca::new("Root", [7; 32]).self_signed();
    let peer = root.issue(&good());
    let crls = lists(&[impostor.crl(1, NOW, UNTIL, &[])]);
    let unusable = "revocation-list-unusable";
    assert_eq!(codes(&peer, &root, &crls), ["trusted", unusable, unusable]);
}

#[test]
fn a_ca_that_may_not_sign_lists_signs_none() {
    let root = root();
    let sub = root.delegate(&Ca::new("Sub", [2; 32]).usages(&[Usage::KeyCertSign]));
    let peer = sub.issue(&good());
    let crls = lists(&[sub.crl(1, NOW, UNTIL, &[])]);
    let verdict = judge_with(&peer, &root, Revocation::IfListed, &crls);
    assert_eq!(verdict.reason(), Some(&Reason::RevocationListUnusable));
}

#[test]
fn what_is_no_list_is_not_taken() {
    let root = root();
    let list = root.crl(1, NOW, UNTIL, &[root.issue(&good()).leaf()]);
    let mut crls = RevocationLists::new();
    for cut in 0..list.len() {
        assert_eq!(
            crls.add(&list[..cut]),
            Err(RevocationListError::Malformed),
            "{cut}"
        );
    }
    let certificate = root.certificate();
    assert_eq!(crls.add(certificate), Err(RevocationListError::Malformed));
    assert!(crls.is_empty());
}

#[test]
fn a_pinned_certificate_is_not_looked_for_in_lists() {
    let peer = good().self_signed();
    let ca = Ca::new("x", [9; 32]).self_signed();
    let mut policy = trusting(&[]);
    policy.revocation = Revocation::Required;
    let certificate = CertificateDer::from(peer.leaf());
    policy.store.add_pin(&certificate, [domain("a.example")]);
    let crls = lists(&[ca.crl(1, NOW, UNTIL, &[peer.leaf()])]);
    let reference = Reference::dns(domain("a.example"));
    let verdict = evaluate(
        &chain(&peer),
        at(NOW),
        Role::Server,
        &reference,
        &policy,
        &crls,
    );
    assert_eq!(verdict.code(), "trusted");
    assert_eq!(verdict.checks().revocation, Status::Unknown);
}
