use comity_testkit::mint::{Purpose, Usage};
use comity_trust::{Aspect, EkuPolicy, Lacking, Position, Reason, Reference, Role, Status};

use super::*;

const POLICIES: [(EkuPolicy, Role); 10] = [
    (EkuPolicy::AnyTls, Role::Server),
    (EkuPolicy::AnyTls, Role::Client),
    (EkuPolicy::Both, Role::Server),
    (EkuPolicy::Both, Role::Client),
    (EkuPolicy::RoleStrict, Role::Server),
    (EkuPolicy::RoleStrict, Role::Client),
    (EkuPolicy::SipDomain, Role::Server),
    (EkuPolicy::SipDomain, Role::Client),
    (EkuPolicy::SipDomainOrTls, Role::Server),
    (EkuPolicy::SipDomainOrTls, Role::Client),
];

/// What a certificate lacks for each of `POLICIES`.
type Judged = [Option<Lacking>; 10];

fn matrix() -> [(&'static [Purpose], Judged); 7] {
    use Lacking::{Both, Client, Either, Server, SipDomain, SipDomainOrTls};
    let (ok, server, client) = (None, Some(Server), Some(Client));
    let (both, sip) = (Some(Both), Some(SipDomain));
    let (either, any) = (Some(Either), Some(SipDomainOrTls));
    [
        (&[], [ok; 10]),
        (
            &[Purpose::ServerAuth, Purpose::ClientAuth],
            [ok, ok, ok, ok, ok, ok, sip, sip, ok, ok],
        ),
        (
            &[Purpose::ServerAuth],
            [ok, ok, client, client, ok, client, sip, sip, ok, ok],
        ),
        (
            &[Purpose::ClientAuth],
            [ok, ok, server, server, server, ok, sip, sip, ok, ok],
        ),
        (
            &[Purpose::Any],
            [ok, ok, both, both, server, client, ok, ok, ok, ok],
        ),
        (
            &[Purpose::SipDomain],
            [either, either, both, both, server, client, ok, ok, ok, ok],
        ),
        (
            &[Purpose::EmailProtection],
            [
                either, either, both, both, server, client, sip, sip, any, any,
            ],
        ),
    ]
}

fn check(peer: &Identity, position: Position, judged: Judged) {
    let mut policy = trusting(&[&root()]);
    for ((eku, role), lacking) in POLICIES.into_iter().zip(judged) {
        policy.eku = eku;
        let reference = Reference::dns(domain("a.example"));
        let verdict = ask(&chain(peer), role, &reference, &policy);
        let expected = match lacking {
            None => Ok("a.example".to_owned()),
            Some(lacking) => Err(Reason::ExtendedKeyUsage {
                lacking,
                policy: eku,
                position,
                role,
            }),
        };
        assert_eq!(outcome(verdict), expected);
    }
}

#[test]
fn the_policy_binds_the_peers_certificate() {
    for (purposes, judged) in matrix() {
        let peer = root().issue(&leaf().dns("a.example").purposes(purposes));
        check(&peer, Position::Leaf, judged);
    }
}

#[test]
fn the_policy_binds_the_issuers() {
    for (purposes, judged) in matrix() {
        let sub = root().delegate(&Ca::new("Sub", [2; 32]).purposes(purposes));
        check(
            &sub.issue(&leaf().dns("a.example").purposes(&[])),
            Position::Issuer,
            judged,
        );
    }
}

#[test]
fn a_refusal_names_what_is_missing_and_the_chain_is_still_told() {
    let mut policy = trusting(&[&root()]);
    policy.eku = EkuPolicy::Both;
    let peer = root().issue(&leaf().dns("a.example").purposes(&[Purpose::ServerAuth]));
    let reference = Reference::dns(domain("a.example"));
    let verdict = ask(&chain(&peer), Role::Client, &reference, &policy);
    assert_eq!(
        verdict.to_string(),
        "the certificate lacks the extended key usage clientAuth that a TLS client needs \
         (policy both)"
    );
    assert_eq!(verdict.code(), "extended-key-usage");
    let checks = verdict.checks();
    assert_eq!(checks.chain, Status::Passed);
    assert_eq!(checks.identity, Status::Passed);
    assert_eq!(
        checks.extended_key_usage.reason(),
        verdict.reason(),
        "the reason stands at its aspect"
    );
}

#[test]
fn a_leaf_must_be_allowed_to_sign_handshakes() {
    let policy = trusting(&[&root()]);
    for (usages, expected) in [
        (&[Usage::DigitalSignature][..], Ok("a.example".to_owned())),
        (&[], Ok("a.example".to_owned())),
        (&[Usage::KeyEncipherment], Err(Reason::KeyUsage)),
        (&[Usage::KeyCertSign], Err(Reason::KeyUsage)),
    ] {
        let peer = root().issue(&leaf().dns("a.example").usages(usages));
        assert_eq!(outcome(judge(&peer, &policy, "a.example")), expected);
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut policy = trusting(&[]);
    policy.eku = EkuPolicy::Both;
    let peer = leaf()
        .dns("b.example")
        .purposes(&[Purpose::ServerAuth])
        .usages(&[Usage::KeyEncipherment])
        .self_signed();
    let verdict = judge(&peer, &policy, "a.example");
    assert_eq!(verdict.code(), "name-mismatch", "the most telling one");
    let codes: Vec<_> = verdict
        .checks()
        .iter()
        .map(|(aspect, status)| (aspect, status.reason().map(Reason::code)))
        .collect();
    assert_eq!(
        codes,
        [
            (Aspect::Chain, Some("self-signed")),
            (Aspect::Identity, Some("name-mismatch")),
            (Aspect::ExtendedKeyUsage, Some("extended-key-usage")),
            (Aspect::KeyUsage, Some("key-usage")),
            (Aspect::Revocation, None),
        ]
    );
}
