//! Keys, signatures and versions that the mint does not make: certificates written by openssl,
//! valid for a hundred years.

use comity_trust::{Position, Status};

use super::*;

const ROOT: &[u8] = include_bytes!("rsa/root-3072.der");
const SUB: &[u8] = include_bytes!("rsa/sub-2048.der");
const WEAK_SUB: &[u8] = include_bytes!("rsa/sub-1024.der");
const LEAF: &[u8] = include_bytes!("rsa/leaf-2048.der");
const ELLIPTIC_LEAF: &[u8] = include_bytes!("rsa/leaf-ec.der");
const WEAK_LEAF: &[u8] = include_bytes!("rsa/leaf-1024.der");
const BELOW_WEAK: &[u8] = include_bytes!("rsa/below-1024.der");
const SHA_1: &[u8] = include_bytes!("rsa/sha-1.der");
const VERSION_1: &[u8] = include_bytes!("rsa/version-1.der");

fn verdict(chain: &[&[u8]], min_rsa_bits: usize) -> Verdict {
    let mut policy = trusting(&[]);
    policy.store.add_anchor(&ROOT.into()).unwrap();
    policy.min_rsa_bits = min_rsa_bits;
    let chain: Vec<_> = chain.iter().map(|der| (*der).into()).collect();
    judge_chain(&chain, &policy, "a.example")
}

#[test]
fn rsa_keys_are_as_long_as_the_policy_asks() {
    let weak = |bits, minimum, position| {
        Err(Reason::WeakKey {
            bits,
            minimum,
            position,
        })
    };
    let good = || Ok("a.example".to_owned());
    for (chain, minimum, expected) in [
        (&[LEAF, SUB][..], 2048, good()),
        (&[LEAF, SUB], 2049, weak(2048, 2049, Position::Leaf)),
        (&[ELLIPTIC_LEAF, SUB], 2048, good()),
        (
            &[ELLIPTIC_LEAF, SUB],
            2049,
            weak(2048, 2049, Position::Issuer),
        ),
        (
            &[ELLIPTIC_LEAF, SUB],
            3073,
            weak(3072, 3073, Position::Anchor),
        ),
        (&[WEAK_LEAF], 1024, good()),
        (&[WEAK_LEAF], 2048, weak(1024, 2048, Position::Leaf)),
    ] {
        assert_eq!(outcome(verdict(chain, minimum)), expected);
    }
    assert_eq!(
        verdict(&[WEAK_LEAF], 2048).to_string(),
        "the RSA key of the certificate has 1024 bits, fewer than 2048"
    );
}

#[test]
fn a_weak_issuer_signs_nothing() {
    // The signature algorithms do not even take its key.
    let reason = outcome(verdict(&[BELOW_WEAK, WEAK_SUB], 2048)).unwrap_err();
    assert_eq!(reason, Reason::BadSignature);
}

#[test]
fn an_old_signature_algorithm_is_not_supported() {
    let verdict = verdict(&[SHA_1], 2048);
    assert_eq!(verdict.reason(), Some(&Reason::UnsupportedAlgorithm));
    assert_eq!(
        verdict.checks().chain,
        Status::Failed(Reason::UnsupportedAlgorithm)
    );
}

#[test]
fn an_old_version_is_named() {
    assert_eq!(
        outcome(verdict(&[VERSION_1], 2048)),
        Err(Reason::UnsupportedVersion {
            position: Position::Leaf
        })
    );
}
