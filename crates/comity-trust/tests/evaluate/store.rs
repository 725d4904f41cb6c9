use comity_testkit::mint::{Basic, Usage};
use comity_trust::{AnchorError, AnchorFileError, TrustStore};

use super::*;

#[test]
fn an_anchor_must_be_a_ca_that_may_sign_certificates() {
    let mut store = TrustStore::new();
    for (identity, expected) in [
        (leaf().self_signed(), Err(AnchorError::NotCa)),
        (
            leaf().basic(Basic::Absent).self_signed(),
            Err(AnchorError::NotCa),
        ),
        (
            leaf().basic(Basic::Authority).self_signed(),
            Err(AnchorError::KeyUsage),
        ),
        (
            leaf().basic(Basic::Authority).usages(&[]).self_signed(),
            Ok(()),
        ),
        (
            leaf()
                .basic(Basic::Authority)
                .usages(&[Usage::KeyCertSign])
                .self_signed(),
            Ok(()),
        ),
    ] {
        assert_eq!(store.add_anchor(&identity.leaf().into()), expected);
    }
    assert_eq!(
        store.add_anchor(&b"\x30\x00"[..].into()),
        Err(AnchorError::Malformed)
    );
}

#[test]
fn an_intermediate_may_be_an_anchor() {
    let sub = root().delegate(&Ca::new("Sub", [2; 32]));
    let peer = sub.issue(&leaf().dns("a.example"));
    assert_eq!(
        outcome(judge(&peer, &trusting(&[&sub]), "a.example")),
        Ok("a.example".to_owned())
    );
}

#[test]
fn a_pem_file_is_added_whole_or_not_at_all() {
    let (one, two) = (root(), Ca::new("Two", [2; 32]).self_signed());
    let own = leaf().self_signed();
    let mut policy = trusting(&[]);
    let bad = format!("{}{}", one.certificate_pem(), own.chain_pem());
    let error = policy.store.add_anchors_from_pem(bad.as_bytes());
    assert_eq!(
        error,
        Err(AnchorFileError::Anchor {
            error: AnchorError::NotCa,
            index: 1
        })
    );
    let peer = one.issue(&leaf().dns("a.example"));
    assert_eq!(
        outcome(judge(&peer, &policy, "a.example")),
        Err(Reason::UnknownIssuer)
    );

    let good = format!(
        "# roots\n{}\n{}",
        one.certificate_pem(),
        two.certificate_pem()
    );
    assert_eq!(policy.store.add_anchors_from_pem(good.as_bytes()), Ok(2));
    for issuer in [&one, &two] {
        let peer = issuer.issue(&leaf().dns("a.example"));
        assert_eq!(
            outcome(judge(&peer, &policy, "a.example")),
            Ok("a.example".to_owned())
        );
    }
}

#[test]
fn a_file_without_certificates_is_an_error() {
    let mut store = TrustStore::new();
    let key = leaf().self_signed().key_pem();
    for pem in ["", "not PEM", &key] {
        assert_eq!(
            store.add_anchors_from_pem(pem.as_bytes()),
            Err(AnchorFileError::NoCertificate)
        );
    }
    for pem in [
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
    ] {
        assert_eq!(
            store.add_anchors_from_pem(pem.as_bytes()),
            Err(AnchorFileError::Pem { index: 0 })
        );
    }
}
