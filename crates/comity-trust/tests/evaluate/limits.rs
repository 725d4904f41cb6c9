use comity_trust::{Limits, Position, Reason};

use super::*;

#[test]
fn no_certificate_is_a_reason_of_its_own() {
    assert_eq!(
        outcome(judge_chain(&[], &trusting(&[]), "a.example")),
        Err(Reason::NoCertificate)
    );
}

/// The rules, with one limit one below `number`, at it and one above.
fn around(root: &Authority, number: usize, set: fn(&mut Limits, usize)) -> [Policy; 3] {
    [number - 1, number, number + 1].map(|limit| {
        let mut policy = trusting(&[root]);
        set(&mut policy.limits, limit);
        policy
    })
}

#[test]
fn the_name_after_the_last_that_is_allowed_condemns_all() {
    let root = root();
    let trusted = || Ok("a.example".to_owned());
    let names = |count| {
        let more = (1..count).fold(leaf().dns("a.example"), |leaf, index| {
            leaf.dns(&format!("{index}.example"))
        });
        root.issue(&more)
    };
    let policies = around(&root, 3, |limits, limit| limits.max_names = limit);
    let outcomes = policies.map(|policy| outcome(judge(&names(3), &policy, "a.example")));
    let too_many = Err(Reason::TooManyNames { limit: 2 });
    assert_eq!(outcomes, [too_many, trusted(), trusted()]);
    // By default, and in whatever form the names are.
    let policy = trusting(&[&root]);
    for count in [1023, 1024] {
        assert_eq!(
            outcome(judge(&names(count), &policy, "a.example")),
            trusted()
        );
    }
    let other = (1..1024).fold(leaf().dns("a.example"), |leaf, index| {
        leaf.dns(&format!("{index}.example"))
    });
    assert_eq!(
        outcome(judge(
            &root.issue(&other.xmpp("x.example")),
            &policy,
            "a.example"
        )),
        Err(Reason::TooManyNames { limit: 1024 })
    );
}

#[test]
fn the_chain_is_no_longer_than_the_limit() {
    let root = root();
    let trusted = || Ok("a.example".to_owned());
    let too_many = |limit| Err(Reason::TooManyCertificates { limit });
    let peer = root.issue(&leaf().dns("a.example"));
    let chain_of = |count| {
        let mut chain = chain(&peer);
        chain.resize(count, root.certificate().into());
        chain
    };
    let policies = around(&root, 3, |limits, limit| limits.max_certificates = limit);
    let outcomes = policies.map(|policy| outcome(judge_chain(&chain_of(3), &policy, "a.example")));
    assert_eq!(outcomes, [too_many(2), trusted(), trusted()]);
    let policy = trusting(&[&root]);
    let outcomes =
        [5, 6, 7].map(|count| outcome(judge_chain(&chain_of(count), &policy, "a.example")));
    assert_eq!(outcomes, [trusted(), trusted(), too_many(6)]);
}

#[test]
fn garbage_is_malformed_and_never_more_than_that() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().dns("a.example"));
    let malformed = |position| Err(Reason::Malformed { position });
    for garbage in [
        &b""[..],
        b"\0",
        b"-----BEGIN CERTIFICATE-----",
        b"\x30\x80\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        &[0x30; 4096],
    ] {
        assert_eq!(
            outcome(judge_chain(&[garbage.into()], &policy, "a.example")),
            malformed(Position::Leaf)
        );
        let mut chain = chain(&peer);
        chain.push(garbage.into());
        assert_eq!(
            outcome(judge_chain(&chain, &policy, "a.example")),
            Ok("a.example".to_owned()),
            "garbage that nobody needs"
        );
        assert_eq!(
            outcome(judge_chain(&chain, &trusting(&[]), "a.example")),
            malformed(Position::Issuer)
        );
    }
}

#[test]
fn no_cut_or_flipped_certificate_is_trusted() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().dns("a.example").srv("_xmpp-server.a.example"));
    let der = peer.leaf();
    for end in 0..der.len() {
        let verdict = judge_chain(&[der[..end].into()], &policy, "a.example");
        assert_eq!(
            outcome(verdict),
            Err(Reason::Malformed {
                position: Position::Leaf
            })
        );
    }
    for index in 0..der.len() {
        let mut changed = der.to_vec();
        changed[index] ^= 0x01;
        let verdict = judge_chain(&[changed.into()], &policy, "a.example");
        let reason = outcome(verdict).expect_err("a signature over other bytes");
        assert!(reason.to_string().len() <= Reason::MAX_TEXT_BYTES);
    }
}
