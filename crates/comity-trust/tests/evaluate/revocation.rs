use comity_testkit::mint::{Usage, tlv};
use comity_trust::{Added, Position, Revocation, RevocationListError, Status};

use super::*;

const UNTIL: u64 = NOW + 100;

fn good() -> Leaf {
    leaf().dns("a.example")
}

fn other() -> Leaf {
    Leaf::new([8; 32]).dns("a.example")
}

fn add(
    lists: &mut RevocationLists,
    der: &[u8],
    issuers: &[&Authority],
) -> Result<Added, RevocationListError> {
    let issuers: Vec<_> = issuers.iter().map(|ca| ca.certificate().into()).collect();
    lists.add(der, &issuers, webpki::ALL_VERIFICATION_ALGS)
}

/// Each list with its issuer.
fn lists(ders: &[(&Authority, Vec<u8>)]) -> RevocationLists {
    let mut lists = RevocationLists::new();
    for (issuer, der) in ders {
        assert_eq!(add(&mut lists, der, &[issuer]), Ok(Added::Newest));
    }
    lists
}

/// The list with an issuing distribution point.
fn of_point(issuer: &Authority, list: &[u8], point: Vec<u8>) -> Vec<u8> {
    issuer.crl_with(list, &[("2.5.29.28", Some(point))])
}

/// A distribution point name with this URI.
fn named(uri: &str) -> Vec<u8> {
    tlv(0xa0, &tlv(0xa0, &tlv(0x86, uri.as_bytes())))
}

/// An issuing distribution point: for users, for CAs.
fn point(uri: &str, users: bool, cas: bool) -> Vec<u8> {
    let mut fields = named(uri);
    if users {
        fields.extend(tlv(0x81, &[0xff]));
    }
    if cas {
        fields.extend(tlv(0x82, &[0xff]));
    }
    tlv(0x30, &fields)
}

/// An issuing distribution point whose fields come in another order, and with defaults.
fn untidy_point(uri: &str) -> Vec<u8> {
    let fields = [
        tlv(0x84, &[0]),
        tlv(0x81, &[0xff]),
        tlv(0x82, &[0]),
        named(uri),
    ];
    tlv(0x30, &fields.concat())
}

/// A certificate that names these distribution points.
fn at_points(uris: &[&str]) -> Leaf {
    let points: Vec<_> = uris.iter().map(|uri| tlv(0x30, &named(uri))).collect();
    good().extension("2.5.29.31", tlv(0x30, &points.concat()))
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
    let list = |revoked: &[&[u8]], until| lists(&[(&root, root.crl(1, NOW - 10, until, revoked))]);
    for (name, crls, expected) in [
        (
            "none",
            lists(&[]),
            ["trusted", "trusted", "revocation-unknown"],
        ),
        (
            "of a stranger",
            lists(&[(&stranger, stranger.crl(1, NOW, UNTIL, &revoked))]),
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
            ["trusted", "revoked", "revoked"],
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
    for (issuer, list, position) in [
        (&root, of_root, Position::Issuer),
        (&sub, of_sub, Position::Leaf),
    ] {
        let crls = lists(&[(issuer, list)]);
        let verdict = judge_with(&peer, &root, Revocation::IfListed, &crls);
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
    let of_root = (&root, root.crl(1, NOW, UNTIL, &[]));
    let of_sub = (&sub, sub.crl(1, NOW, UNTIL + 9, &[]));
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
        (vec![(&root, root.crl(1, NOW, UNTIL, &[]))], Status::Passed),
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
        let mut crls = RevocationLists::new();
        for der in &ders {
            add(&mut crls, der, &[&root]).unwrap();
        }
        assert_eq!(crls.len(), 1);
        assert_eq!(codes(&first, &root, &crls)[1], "trusted");
        assert_eq!(codes(&second, &root, &crls)[1], "revoked");
    }
    let mut crls = RevocationLists::new();
    assert!(crls.is_empty());
    assert_eq!(add(&mut crls, &new, &[&root]), Ok(Added::Newest));
    assert_eq!(add(&mut crls, &old, &[&root]), Ok(Added::Outdated));
    assert_eq!(add(&mut crls, &new, &[&root]), Ok(Added::Outdated));
}

#[test]
fn the_greater_number_is_newer_and_then_the_later_time() {
    let root = root();
    for (older, newer) in [
        (
            root.crl(1, NOW - 5, UNTIL, &[]),
            root.crl(2, NOW - 9, UNTIL, &[]),
        ),
        (
            root.crl(1, NOW - 9, UNTIL, &[]),
            root.crl(1, NOW - 5, UNTIL, &[]),
        ),
        (
            root.crl(1, NOW - 9, UNTIL, &[]),
            root.crl(1, NOW - 5, UNTIL - 9, &[]),
        ),
    ] {
        let mut crls = lists(&[(&root, older.clone())]);
        assert_eq!(add(&mut crls, &newer, &[&root]), Ok(Added::Newest));
        assert_eq!(add(&mut crls, &older, &[&root]), Ok(Added::Outdated));
        assert_eq!(crls.len(), 1);
    }
}

#[test]
fn lists_shorten_a_verdict_only_where_they_must_be_current() {
    let root = root();
    let peer = root.issue(&good());
    let crls = lists(&[(&root, root.crl(1, NOW - 9, UNTIL, &[]))]);
    let until = |revocation| {
        let verdict = judge_with(&peer, &root, revocation, &crls);
        verdict.trusted().unwrap().valid_until().as_secs()
    };
    assert_eq!(until(Revocation::Required), UNTIL - 1);
    for revocation in [Revocation::IfListed, Revocation::Off] {
        assert_eq!(until(revocation), comity_testkit::mint::NOT_AFTER);
    }
}

#[test]
fn lists_are_not_asked_about_the_certificates_of_nobody() {
    let peer = good().self_signed();
    let verdict = judge_with(&peer, &root(), Revocation::Required, &lists(&[]));
    assert_eq!(verdict.reason(), Some(&Reason::SelfSigned));
}

#[test]
fn a_list_signed_by_another_key_displaces_none() {
    let root = root();
    let impostor = Ca::new("Root", [7; 32]).self_signed();
    let peer = root.issue(&good());
    let forged = impostor.crl(u64::MAX / 2, NOW, UNTIL, &[]);
    let genuine = root.crl(5, NOW, UNTIL, &[peer.leaf()]);
    let mut crls = RevocationLists::new();
    let wrong = Err(RevocationListError::Signature);
    assert_eq!(add(&mut crls, &forged, &[&root]), wrong);
    assert!(crls.is_empty());
    // Under the certificate of the impostor it is a list about what the impostor issued.
    assert_eq!(
        add(&mut crls, &forged, &[&root, &impostor]),
        Ok(Added::Newest)
    );
    assert_eq!(
        codes(&peer, &root, &crls)[1..],
        ["trusted", "revocation-unknown"]
    );
    assert_eq!(
        add(&mut crls, &genuine, &[&root, &impostor]),
        Ok(Added::Newest)
    );
    assert_eq!(codes(&peer, &root, &crls)[1..], ["revoked", "revoked"]);
}

#[test]
fn a_list_whose_bytes_were_changed_is_not_taken() {
    let root = root();
    let list = root.crl(1, NOW, UNTIL, &[root.issue(&good()).leaf()]);
    let mut crls = RevocationLists::new();
    for index in 0..list.len() {
        let mut changed = list.clone();
        changed[index] ^= 1;
        assert!(add(&mut crls, &changed, &[&root]).is_err(), "{index}");
    }
    assert!(crls.is_empty());
}

#[test]
fn a_list_without_the_certificate_of_its_issuer_is_not_taken() {
    let root = root();
    let stranger = Ca::new("Stranger", [7; 32]).self_signed();
    let list = root.crl(1, NOW, UNTIL, &[]);
    let mut crls = RevocationLists::new();
    for issuers in [&[][..], &[&stranger]] {
        let missing = Err(RevocationListError::UnknownIssuer);
        assert_eq!(add(&mut crls, &list, issuers), missing);
    }
}

#[test]
fn a_ca_that_may_not_sign_lists_signs_none() {
    let root = root();
    let sub = root.delegate(&Ca::new("Sub", [2; 32]).usages(&[Usage::KeyCertSign]));
    let mut crls = RevocationLists::new();
    let list = sub.crl(1, NOW, UNTIL, &[]);
    let wrong = Err(RevocationListError::Signature);
    assert_eq!(add(&mut crls, &list, &[&sub]), wrong);
}

#[test]
fn lists_can_be_taken_out() {
    let root = root();
    let other = Ca::new("Other", [7; 32]).self_signed();
    let peer = root.issue(&good());
    let mut crls = lists(&[
        (&root, root.crl(1, NOW, UNTIL, &[peer.leaf()])),
        (
            &root,
            of_point(
                &root,
                &root.crl(1, NOW, UNTIL, &[]),
                point("u:1", true, false),
            ),
        ),
        (&other, other.crl(1, NOW, UNTIL, &[])),
    ]);
    assert_eq!(crls.len(), 3);
    assert_eq!(crls.remove(&root.certificate().into()), 2);
    assert_eq!(crls.remove(&root.certificate().into()), 0);
    assert_eq!(crls.len(), 1);
    assert_eq!(codes(&peer, &root, &crls)[1], "trusted");
    crls.clear();
    assert!(crls.is_empty());
}

#[test]
fn whatever_list_of_the_issuer_names_a_certificate_revokes_it() {
    let root = root();
    let peer = root.issue(&at_points(&["u:1"]));
    let other = root.issue(&other());
    let full = root.crl(1, NOW - 1000, UNTIL, &[]);
    let revoking = |uri| {
        of_point(
            &root,
            &root.crl(2, NOW - 10, UNTIL, &[peer.leaf()]),
            point(uri, true, false),
        )
    };
    for list in [revoking("u:1"), revoking("u:2")] {
        let crls = lists(&[(&root, list.clone())]);
        assert_eq!(codes(&peer, &root, &crls)[1..], ["revoked", "revoked"]);
        let crls = lists(&[(&root, full.clone()), (&root, list)]);
        assert_eq!(crls.len(), 2);
        assert_eq!(codes(&peer, &root, &crls)[1..], ["revoked", "revoked"]);
        assert_eq!(codes(&other, &root, &crls)[1..], ["trusted", "trusted"]);
    }
}

#[test]
fn a_list_covers_the_certificates_of_its_point_and_kind() {
    let root = root();
    for (uris, uri, users, cas, covered) in [
        (&["u:1"][..], "u:1", false, false, true),
        (&["u:1"], "u:1", true, false, true),
        (&["u:1"], "u:1", false, true, false),
        (&["u:1"], "u:2", true, false, false),
        (&["u:0", "u:1"], "u:1", true, false, true),
        (&[], "u:1", true, false, false),
    ] {
        let peer = root.issue(&at_points(uris));
        let list = of_point(
            &root,
            &root.crl(1, NOW - 9, UNTIL, &[]),
            point(uri, users, cas),
        );
        // One that is too old, about others, changes nothing.
        let aside = of_point(
            &root,
            &root.crl(1, NOW - 9, NOW - 5, &[]),
            point("u:3", false, true),
        );
        let crls = lists(&[(&root, list), (&root, aside)]);
        let verdict = judge_with(&peer, &root, Revocation::IfListed, &crls);
        let status = if covered {
            Status::Passed
        } else {
            Status::Unknown
        };
        assert_eq!(verdict.code(), "trusted");
        assert_eq!(verdict.checks().revocation, status, "{uris:?} {uri}");
        let verdict = judge_with(&peer, &root, Revocation::Required, &crls);
        let until = verdict.trusted().map(comity_trust::Trusted::valid_until);
        assert_eq!(until, covered.then(|| at(UNTIL - 1)), "{uris:?} {uri}");
    }
}

#[test]
fn the_fields_of_a_point_are_read_in_any_order() {
    let root = root();
    let sub = Ca::new("Sub", [2; 32]);
    let crls = |list: Vec<u8>| lists(&[(&root, list)]);
    let of_users = of_point(
        &root,
        &root.crl(1, NOW - 9, UNTIL, &[]),
        untidy_point("u:1"),
    );
    let peer = root.issue(&at_points(&["u:1"]));
    let verdict = judge_with(&peer, &root, Revocation::Required, &crls(of_users.clone()));
    assert_eq!(verdict.code(), "trusted");
    let below = root.delegate(&sub).issue(&good());
    let verdict = judge_with(&below, &root, Revocation::Required, &crls(of_users));
    assert_eq!(verdict.code(), "revocation-unknown");
}

#[test]
fn revocation_has_passed_if_each_certificate_below_the_anchor_is_covered() {
    let root = root();
    let sub = root.delegate(&Ca::new("Sub", [2; 32]));
    let peer = sub.issue(&good());
    let of_root = (&root, root.crl(1, NOW, UNTIL, &[]));
    let of_sub = (&sub, sub.crl(1, NOW, UNTIL, &[]));
    for (ders, status) in [
        (vec![of_sub.clone()], Status::Unknown),
        (vec![of_root.clone()], Status::Unknown),
        (vec![of_root, of_sub], Status::Passed),
    ] {
        let verdict = judge_with(&peer, &root, Revocation::IfListed, &lists(&ders));
        assert_eq!(verdict.checks().revocation, status);
    }
}

#[test]
fn what_is_no_list_is_not_taken() {
    let root = root();
    let list = root.crl(1, NOW, UNTIL, &[root.issue(&good()).leaf()]);
    let mut crls = RevocationLists::new();
    for cut in 0..list.len() {
        assert_eq!(
            add(&mut crls, &list[..cut], &[&root]),
            Err(RevocationListError::Malformed),
            "{cut}"
        );
    }
    let certificate = root.certificate();
    let malformed = Err(RevocationListError::Malformed);
    assert_eq!(add(&mut crls, certificate, &[&root]), malformed);
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
    let crls = lists(&[(&ca, ca.crl(1, NOW, UNTIL, &[peer.leaf()]))]);
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
