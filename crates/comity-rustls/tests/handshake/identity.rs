use comity_rustls::IdentityError;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

fn load(chain: &str, key: &str) -> Result<usize, IdentityError> {
    Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider())
        .map(|identity| identity.chain().len())
}

#[test]
fn each_fault_of_the_files_is_named() {
    let sub = root().delegate(&Ca::new("Sub", [2; 32]));
    let own = sub.issue(&leaf(3, "a.example"));
    let (chain, key) = (own.chain_pem(), own.key_pem());
    let other = leaf(4, "a.example").self_signed().key_pem();
    let both = format!("{key}{chain}");
    let broken = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old_encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                         DEK-Info: AES-256-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
    let unusable = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let half = "-----BEGIN PRIVATE KEY-----\nMAA=\n";
    let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (chain, key, expected) in [
        (&*chain, &*key, Ok(2)),
        (&both, &both, Ok(2)),
        ("", &key, Err(IdentityError::NoCertificate)),
        (&key, &key, Err(IdentityError::NoCertificate)),
        (
            broken,
            &key,
            Err(IdentityError::CertificatePem { index: 0 }),
        ),
        (
            &format!("{chain}{broken}"),
            &key,
            Err(IdentityError::CertificatePem { index: 2 }),
        ),
        (empty, &key, Err(IdentityError::MalformedCertificate)),
        (&chain, "", Err(IdentityError::NoKey)),
        (&chain, &chain, Err(IdentityError::NoKey)),
        (&chain, encrypted, Err(IdentityError::EncryptedKey)),
        (&chain, old_encrypted, Err(IdentityError::EncryptedKey)),
        (&chain, half, Err(IdentityError::KeyPem)),
        (&chain, unusable, Err(IdentityError::UnsupportedKey)),
        (&chain, &other, Err(IdentityError::KeyMismatch)),
    ] {
        assert_eq!(load(chain, key), expected, "{chain}{key}");
    }
}

#[test]
fn no_certificate_in_der_is_an_error_too() {
    let own = leaf(3, "a.example").self_signed();
    let key = || PrivateKeyDer::try_from(own.key.clone()).unwrap();
    let load = |chain| Identity::from_der(chain, key(), &default_provider()).map(drop);
    assert_eq!(load(vec![]), Err(IdentityError::NoCertificate));
    let chain = vec![CertificateDer::from(own.leaf().to_vec())];
    assert_eq!(load(chain), Ok(()));
}

#[test]
fn the_key_is_not_shown() {
    let own = leaf(3, "a.example").self_signed();
    assert_eq!(format!("{:?}", identity(&own)), "Identity { chain: 1, .. }");
}
