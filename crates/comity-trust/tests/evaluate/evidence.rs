use comity_testkit::mint::Purpose;
use comity_trust::{
    Basis, Dane, Evidence, Fingerprint, Forms, Posh, Provenance, Status, Tlsa, public_key,
};

use super::*;

/// Names nobody who is asked for, and nobody vouches for it.
fn stranger() -> Leaf {
    leaf().dns("hosting.example").valid(0, NOW + 50)
}

fn tlsa(selector: u8, data: &[u8]) -> Tlsa {
    Tlsa::from_rdata(&[&[3, selector, 0], data].concat()).unwrap()
}

fn dane(provenance: Provenance, records: Vec<Tlsa>) -> Evidence {
    let mut evidence = Evidence::default();
    evidence.dane = Some(Dane::new(provenance, records, at(NOW + 30)));
    evidence
}

fn posh(provenance: Provenance, fingerprint: Fingerprint, expires: u64) -> Evidence {
    let mut evidence = Evidence::default();
    evidence.posh = Some(Posh::new(provenance, vec![fingerprint], at(expires)));
    evidence
}

fn judge_by(identity: &Identity, policy: &Policy, evidence: Evidence) -> Verdict {
    let reference = Reference::service(domain("a.example"), Service::XmppServer);
    let reference = reference.with_evidence(evidence);
    ask(&chain(identity), Role::Server, &reference, policy)
}

#[test]
fn a_secure_record_proves_the_domain_whatever_the_certificate_says() {
    let policy = trusting(&[]);
    let expired = stranger()
        .valid(0, NOW - 1)
        .purposes(&[Purpose::EmailProtection]);
    for peer in [stranger().self_signed(), expired.self_signed()] {
        let certificate = CertificateDer::from(peer.leaf());
        let key = public_key(&certificate).unwrap();
        for record in [tlsa(0, peer.leaf()), tlsa(1, key)] {
            let verdict = judge_by(&peer, &policy, dane(Provenance::Secure, vec![record]));
            let trusted = verdict.trusted().unwrap();
            assert_eq!(trusted.basis(), Basis::Dane);
            assert_eq!(trusted.subjects(), [domain("a.example").into()]);
            assert_eq!(trusted.matched_by(), None);
            assert_eq!(trusted.valid_until(), at(NOW + 30));
            assert_eq!(verdict.to_string(), "a.example, named by TLSA records");
        }
    }
}

#[test]
fn secure_records_of_other_certificates_refuse_even_a_good_chain() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().dns("a.example"));
    let evidence = |provenance| dane(provenance, vec![tlsa(1, b"another key")]);
    let verdict = judge_by(&peer, &policy, evidence(Provenance::Secure));
    assert_eq!(
        verdict.to_string(),
        "none of the secure TLSA records of a.example names the certificate"
    );
    assert_eq!(verdict.code(), "dane-mismatch");
    assert_eq!(verdict.checks().chain, Status::Unknown);
    let verdict = judge_by(&peer, &policy, evidence(Provenance::Insecure));
    assert_eq!(verdict.trusted().unwrap().basis(), Basis::Path);
}

#[test]
fn records_that_are_of_no_use_leave_the_chain_to_decide() {
    let root = root();
    let policy = trusting(&[&root]);
    let good = root.issue(&leaf().dns("a.example"));
    let bad = stranger().self_signed();
    let record = Tlsa::from_rdata(&[&[2, 0, 0], bad.leaf()].concat()).unwrap();
    let evidence = dane(Provenance::Secure, vec![record]);
    assert_eq!(judge_by(&good, &policy, evidence.clone()).code(), "trusted");
    assert_eq!(judge_by(&bad, &policy, evidence).code(), "name-mismatch");
}

#[test]
fn a_published_fingerprint_proves_the_domain_while_document_and_certificate_last() {
    let policy = trusting(&[]);
    let peer = stranger().self_signed();
    let fingerprint = Fingerprint::sha256(peer.leaf());
    let judge =
        |provenance, expires| judge_by(&peer, &policy, posh(provenance, fingerprint, expires));
    for (expires, until) in [(NOW + 20, NOW + 20), (NOW + 90, NOW + 50)] {
        let verdict = judge(Provenance::Secure, expires);
        let trusted = verdict.trusted().unwrap();
        assert_eq!(trusted.basis(), Basis::Posh);
        assert_eq!(trusted.valid_until(), at(until));
    }
    for (provenance, expires) in [
        (Provenance::Insecure, NOW + 20),
        (Provenance::Secure, NOW - 1),
    ] {
        assert_eq!(judge(provenance, expires).code(), "name-mismatch");
    }
    let expired = stranger().valid(0, NOW - 1).self_signed();
    let fingerprint = Fingerprint::sha256(expired.leaf());
    let evidence = posh(Provenance::Secure, fingerprint, NOW + 20);
    assert_eq!(judge_by(&expired, &policy, evidence).code(), "expired");
}

#[test]
fn without_a_matching_fingerprint_the_chain_decides() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().dns("a.example"));
    let evidence = posh(
        Provenance::Secure,
        Fingerprint::sha256(b"another"),
        NOW + 20,
    );
    let verdict = judge_by(&peer, &policy, evidence);
    assert_eq!(verdict.trusted().unwrap().basis(), Basis::Path);
}

#[test]
fn evidence_is_about_somebody() {
    let policy = trusting(&[]);
    let peer = stranger().self_signed();
    let evidence = dane(Provenance::Secure, vec![tlsa(0, peer.leaf())]);
    for reference in [Reference::anyone(Forms::Host), Reference::peers([])] {
        let reference = reference.with_evidence(evidence.clone());
        let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
        assert!(verdict.trusted().is_none(), "{verdict}");
    }
}

#[test]
fn records_that_speak_against_the_first_subject_leave_the_others() {
    use comity_trust::PeerSubject;
    let root = root();
    let records = || vec![Tlsa::from_rdata(&[3, 1, 0, 1, 2]).unwrap()];
    let mut evidence = Evidence::default();
    evidence.dane = Some(Dane::new(Provenance::Secure, records(), at(NOW + 9)));
    let peers = ["a.example", "b.example"].map(|name| PeerSubject::new(domain(name)));
    let reference = Reference::peers(peers).with_evidence(evidence);
    let policy = trusting(&[&root]);
    for (name, code) in [("a.example", "name-mismatch"), ("b.example", "trusted")] {
        let peer = root.issue(&leaf().dns(name));
        let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
        assert_eq!(verdict.code(), code, "{verdict}");
    }
}
