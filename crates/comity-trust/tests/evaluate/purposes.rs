use comity_testkit::mint::Purpose;
use comity_trust::{EkuPolicy, Position, Reason, Reference, Role, evaluate};

use super::*;

const POLICIES: [(EkuPolicy, Role); 6] = [
    (EkuPolicy::AnyTls, Role::Server),
    (EkuPolicy::AnyTls, Role::Client),
    (EkuPolicy::Both, Role::Server),
    (EkuPolicy::Both, Role::Client),
    (EkuPolicy::RoleStrict, Role::Server),
    (EkuPolicy::RoleStrict, Role::Client),
];

/// The purposes of one certificate, and what each of `POLICIES` makes of them.
const MATRIX: [(&[Purpose], [bool; 6]); 7] = [
    (&[], [true, true, true, true, true, true]),
    (
        &[Purpose::ServerAuth, Purpose::ClientAuth],
        [true, true, true, true, true, true],
    ),
    (
        &[Purpose::ServerAuth],
        [true, true, false, false, true, false],
    ),
    (
        &[Purpose::ClientAuth],
        [true, true, false, false, false, true],
    ),
    (&[Purpose::Any], [true, true, false, false, false, false]),
    (
        &[Purpose::SipDomain],
        [false, false, false, false, false, false],
    ),
    (
        &[Purpose::EmailProtection],
        [false, false, false, false, false, false],
    ),
];

fn check(peer: &Identity, position: Position, accepted: [bool; 6]) {
    let mut policy = trusting(&[&root()]);
    for ((eku, role), accepted) in POLICIES.into_iter().zip(accepted) {
        policy.eku = eku;
        let reference = Reference::dns(domain("a.example"));
        let verdict = evaluate(&chain(peer), at(NOW), role, &reference, &policy);
        let expected = if accepted {
            Ok("a.example".to_owned())
        } else {
            Err(Reason::ExtendedKeyUsage {
                policy: eku,
                position,
                role,
            })
        };
        assert_eq!(outcome(verdict), expected);
    }
}

#[test]
fn the_policy_binds_the_peers_certificate() {
    for (purposes, accepted) in MATRIX {
        let peer = root().issue(&leaf().dns("a.example").purposes(purposes));
        check(&peer, Position::Leaf, accepted);
    }
}

#[test]
fn the_policy_binds_the_issuers() {
    for (purposes, accepted) in MATRIX {
        let sub = root().delegate(&Ca::new("Sub", [2; 32]).purposes(purposes));
        check(
            &sub.issue(&leaf().dns("a.example")),
            Position::Issuer,
            accepted,
        );
    }
}

#[test]
fn a_refusal_names_policy_and_role() {
    let mut policy = trusting(&[&root()]);
    policy.eku = EkuPolicy::RoleStrict;
    let peer = root().issue(&leaf().dns("a.example").purposes(&[Purpose::ServerAuth]));
    let reference = Reference::dns(domain("a.example"));
    let verdict = evaluate(&chain(&peer), at(NOW), Role::Client, &reference, &policy);
    assert_eq!(
        outcome(verdict).unwrap_err().to_string(),
        "the extended key usage of the certificate is not accepted for a TLS client \
         (policy role-strict)"
    );
}
