//! What findings a certificate brings.

use comity_identity::{Diagnosis, Finding, Severity};
use comity_testkit::mint::{NOT_AFTER, Purpose};
use comity_trust::{Inventory, Limits, Protocols, Servers, diagnose};

use super::*;

const BOTH: [Purpose; 2] = [Purpose::ServerAuth, Purpose::ClientAuth];

fn good() -> Leaf {
    leaf().dns("b.example").purposes(&BOTH)
}

fn findings_at(identity: &Identity, policy: &Policy, now: u64) -> Vec<Finding> {
    let reference = Reference::service(domain("b.example"), Service::XmppServer);
    let crls = RevocationLists::new();
    let chain = chain(identity);
    diagnose::certificate(
        "b",
        &chain,
        at(now),
        Role::Server,
        &reference,
        policy,
        &crls,
    )
}

/// The findings about a certificate that a trusted root issued, in short.
fn found(leaf: &Leaf, now: u64) -> Vec<(&'static str, Severity)> {
    let root = root();
    let findings = findings_at(&root.issue(leaf), &trusting(&[&root]), now);
    findings.iter().map(|one| (one.id, one.severity)).collect()
}

#[test]
fn ids_are_words_that_no_other_diagnosis_has() {
    assert_eq!(
        Diagnosis::misnamed(diagnose::DIAGNOSES.iter().copied()),
        None
    );
}

#[test]
fn a_good_certificate_has_no_findings() {
    assert_eq!(found(&good(), NOW), []);
}

#[test]
fn each_fault_of_a_certificate_is_named() {
    let error = |id| vec![(id, Severity::Error)];
    let of_name = leaf().purposes(&BOTH);
    let table = [
        (
            of_name.clone().dns("c.example"),
            error("certificate-name-mismatch"),
        ),
        (
            of_name.clone().common_name("c.example"),
            error("certificate-name-mismatch"),
        ),
        (
            of_name.clone().common_name("Our Server"),
            error("certificate-no-fqdn"),
        ),
        (of_name.dns("server"), error("certificate-no-fqdn")),
        (
            good().valid(NOW - 100, NOW - 10),
            error("certificate-expired"),
        ),
        (
            good().valid(NOW + 10, NOW + 10_000_000),
            error("certificate-not-yet-valid"),
        ),
        (
            leaf().dns("b.example").purposes(&[Purpose::ClientAuth]),
            vec![("certificate-no-server-auth", Severity::Warning)],
        ),
        (
            leaf().dns("b.example").purposes(&[Purpose::ServerAuth]),
            vec![("certificate-no-client-auth", Severity::Note)],
        ),
    ];
    for (leaf, expected) in table {
        assert_eq!(found(&leaf, NOW), expected, "{leaf:?}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let leaf = leaf()
        .dns("c.example")
        .purposes(&[Purpose::EmailProtection])
        .valid(NOW - 100, NOW - 10);
    assert_eq!(
        found(&leaf, NOW),
        [
            ("certificate-expired", Severity::Error),
            ("certificate-name-mismatch", Severity::Error),
            ("certificate-no-server-auth", Severity::Error),
        ]
    );
}

#[test]
fn an_unknown_issuer_without_its_chain_is_told_apart() {
    let policy = trusting(&[&Ca::new("Other", [2; 32]).self_signed()]);
    let root = root();
    let alone = findings_at(&root.issue(&good()), &policy, NOW);
    assert_eq!(alone[0].id, "certificate-unknown-issuer");
    assert!(
        alone[0]
            .remedy
            .ends_with("let the server send the certificates of its intermediate CAs too")
    );
    let between = root.delegate(&Ca::new("Between", [3; 32]));
    let whole = findings_at(&between.issue(&good()), &policy, NOW);
    assert_eq!(whole[0].id, "certificate-unknown-issuer");
    assert_eq!(
        whole[0].to_string(),
        "error: b: the certificate chain does not lead to a trusted CA: nobody whom we trust \
         vouches for it; remedy: add the root certificate of the peer's CA to the store of trust \
         for this protocol [certificate-unknown-issuer, RFC 5280 §6.1]"
    );
    let own = findings_at(&good().self_signed(), &policy, NOW);
    assert_eq!(own[0].id, "certificate-self-signed");
    assert_eq!(
        diagnose::certificate(
            "b",
            &[],
            at(NOW),
            Role::Server,
            &Reference::service(domain("b.example"), Service::XmppServer),
            &policy,
            &RevocationLists::new()
        )[0]
        .id,
        "certificate-absent"
    );
}

#[test]
fn the_end_is_noted_a_month_before_and_warned_of_a_week_before() {
    const DAY: u64 = 86_400;
    let soon = |severity| vec![("certificate-expires-soon", severity)];
    assert_eq!(found(&good(), NOT_AFTER - 31 * DAY), []);
    assert_eq!(found(&good(), NOT_AFTER - 30 * DAY), soon(Severity::Note));
    assert_eq!(found(&good(), NOT_AFTER - 7 * DAY), soon(Severity::Warning));
}

#[test]
fn our_own_certificate_is_compared_with_all_that_we_serve() {
    let root = root();
    let mut inventory = Inventory::default();
    inventory.protocols = Protocols::Xmpp;
    inventory.local_domains = ["a.example", "b.example"].map(domain).into();
    let findings = |leaf: &Leaf, now| {
        let identity = root.issue(leaf);
        let der = CertificateDer::from(identity.leaf());
        let coverage = inventory.coverage(Servers::All, &der, &Limits::default());
        diagnose::coverage("our certificate", &coverage.unwrap(), at(now))
    };
    assert_eq!(findings(&good().dns("a.example"), NOW), []);

    let lacking = findings(&good().dns("old.example"), NOW);
    assert_eq!(
        lacking.iter().map(|one| one.id).collect::<Vec<_>>(),
        ["certificate-name-missing", "certificate-name-superfluous"]
    );
    assert_eq!(
        lacking[0].seen,
        "it lacks the local domain a.example over XMPP"
    );
    assert!(
        lacking[0].remedy.contains("a.example"),
        "{}",
        lacking[0].remedy
    );

    let one_role = leaf()
        .dns("a.example")
        .dns("b.example")
        .purposes(&[Purpose::ServerAuth]);
    let found = findings(&one_role, NOW);
    assert_eq!(
        found
            .iter()
            .map(|one| (one.id, one.severity))
            .collect::<Vec<_>>(),
        [("certificate-no-client-auth", Severity::Warning)]
    );

    let expired = good().dns("a.example").valid(NOW - 10, NOW - 1);
    assert_eq!(
        findings(&expired, NOW)[0].to_string(),
        "error: our certificate: it expired at 2027-01-15T07:59:59Z: nobody believes it any more; \
         remedy: renew it; if it was renewed, let the server load it; if its time is not over, \
         compare the clocks and time zones of both sides [certificate-expired, RFC 5280 §4.1.2.5]"
    );
}
