use std::time::Duration;

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, KeyUsage, OwnedCertRevocationList,
    RevocationOptionsBuilder, anchor_from_trusted_cert,
};
use x509_cert::Certificate;
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, SubjectAltName};

use super::*;

/// 2026-01-01.
const NOW: u64 = 1_767_225_600;

fn root() -> Authority {
    Ca::new("Test Root", [1; 32]).self_signed()
}

fn leaf() -> Leaf {
    Leaf::new([9; 32]).dns("b.example")
}

/// What webpki says about the path from `identity` to `anchor` for a purpose at a time.
fn verify(
    identity: &Identity,
    anchor: &[u8],
    purpose: KeyUsage,
    now: u64,
    crls: &[&CertRevocationList<'_>],
) -> Result<(), Error> {
    let chain: Vec<_> = identity
        .chain
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let anchor = CertificateDer::from(anchor);
    let anchors = [anchor_from_trusted_cert(&anchor).unwrap()];
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let revocation =
        (!crls.is_empty()).then(|| RevocationOptionsBuilder::new(crls).unwrap().build());
    let end_entity = EndEntityCert::try_from(&chain[0]).unwrap();
    let algorithms = [webpki::ring::ECDSA_P256_SHA256];
    end_entity
        .verify_for_usage(
            &algorithms,
            &anchors,
            &chain[1..],
            now,
            purpose,
            revocation,
            None,
        )
        .map(|_| ())
}

fn verify_now(identity: &Identity, anchor: &Authority) -> Result<(), Error> {
    verify(
        identity,
        anchor.certificate(),
        KeyUsage::server_auth(),
        NOW,
        &[],
    )
}

fn alternative_names(identity: &Identity) -> (bool, Vec<GeneralName>) {
    let certificate = Certificate::from_der(identity.leaf()).unwrap();
    let (critical, names) = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>()
        .unwrap()
        .unwrap();
    (critical, names.0)
}

/// The key identifier of the certificate's issuer.
fn key_identifier(der: &[u8]) -> Vec<u8> {
    let certificate = Certificate::from_der(der).unwrap();
    let (_, identifier) = certificate
        .tbs_certificate()
        .get_extension::<AuthorityKeyIdentifier>()
        .unwrap()
        .unwrap();
    identifier.key_identifier.unwrap().as_bytes().to_vec()
}

#[test]
fn the_description_decides_every_byte() {
    assert_eq!(root().issue(&leaf()), root().issue(&leaf()));
    let other = Leaf::new([8; 32]).dns("b.example");
    assert_ne!(root().issue(&leaf()).key, root().issue(&other).key);
    assert_ne!(
        root().issue(&leaf()),
        root().issue(&leaf().dns("c.example"))
    );
}

#[test]
fn a_chain_through_an_intermediate_verifies_for_servers_and_clients() {
    let intermediate = root().delegate(&Ca::new("Test Intermediate", [2; 32]));
    let identity = intermediate.issue(&leaf());
    assert_eq!(identity.chain.len(), 2);
    assert_eq!(identity.chain[1], intermediate.certificate());
    for purpose in [KeyUsage::server_auth(), KeyUsage::client_auth()] {
        assert_eq!(
            verify(&identity, root().certificate(), purpose, NOW, &[]),
            Ok(())
        );
    }
    assert_eq!(identity.chain[0], identity.leaf());
    let stranger = Ca::new("Test Root", [7; 32]).self_signed();
    assert!(verify_now(&identity, &stranger).is_err());
}

#[test]
fn the_key_is_that_of_the_leaf() {
    let identity = root().issue(&leaf());
    let key = SigningKey::from_pkcs8_der(&identity.key).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    let certificate = Certificate::from_der(identity.leaf()).unwrap();
    let public_key = certificate.tbs_certificate().subject_public_key_info();
    assert_eq!(public_key.subject_public_key.raw_bytes(), point.as_bytes());
}

#[test]
fn every_form_of_name_parses_back() {
    let identity = root().issue(
        &leaf()
            .srv("_xmpp-server.b.example")
            .xmpp("b.example")
            .uri("sip:b.example")
            .ip([192, 0, 2, 1]),
    );
    let (critical, names) = alternative_names(&identity);
    assert!(!critical);
    let mut ids = Vec::new();
    let mut seen = Vec::new();
    for name in names {
        seen.push(match &name {
            GeneralName::DnsName(text) | GeneralName::UniformResourceIdentifier(text) => {
                text.as_str().as_bytes().to_vec()
            }
            GeneralName::IpAddress(octets) => octets.as_bytes().to_vec(),
            GeneralName::OtherName(other) => {
                ids.push(other.type_id.to_string());
                other.value.to_der().unwrap()
            }
            GeneralName::Rfc822Name(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EdiPartyName(_)
            | GeneralName::RegisteredId(_) => panic!("{name:?}"),
        });
    }
    assert_eq!(
        seen,
        [
            b"b.example".to_vec(),
            tlv(0x16, b"_xmpp-server.b.example"),
            tlv(0x0C, b"b.example"),
            b"sip:b.example".to_vec(),
            vec![192, 0, 2, 1],
        ]
    );
    assert_eq!(ids, ["1.3.6.1.5.5.7.8.7", "1.3.6.1.5.5.7.8.5"]);
}

#[test]
fn raw_names_are_written_as_they_are() {
    let raw = tlv(0x82, b"b.example\0.evil.example");
    let other = Name::Other {
        type_id: "1.3.6.1.5.5.7.8.7".to_owned(),
        value: tlv(0x0C, b"_x.b"),
    };
    let identity = root().issue(&Leaf::new([3; 32]).name(Name::Raw(raw.clone())).name(other));
    let der = identity.leaf();
    assert!(der.windows(raw.len()).any(|window| window == raw));
    let utf8 = tlv(0xA0, &tlv(0x0C, b"_x.b"));
    assert!(der.windows(utf8.len()).any(|window| window == utf8));
}

#[test]
fn purposes_are_as_described() {
    let check = |purposes: &[Purpose], purpose| {
        let identity = root().issue(&leaf().purposes(purposes));
        verify(&identity, root().certificate(), purpose, NOW, &[]).is_ok()
    };
    assert!(check(&[Purpose::ServerAuth], KeyUsage::server_auth()));
    assert!(!check(&[Purpose::ServerAuth], KeyUsage::client_auth()));
    assert!(!check(&[Purpose::SipDomain], KeyUsage::server_auth()));
    assert!(check(&[], KeyUsage::client_auth()));
}

#[test]
fn the_validity_is_as_described() {
    let identity = root().issue(&leaf().valid(1_000_000_000, 1_100_000_000));
    let at = |now| {
        let root = Ca::new("Test Root", [1; 32])
            .valid(0, 4_000_000_000)
            .self_signed();
        verify(
            &identity,
            root.certificate(),
            KeyUsage::server_auth(),
            now,
            &[],
        )
    };
    assert!(matches!(
        at(999_999_999),
        Err(Error::CertNotValidYet { .. })
    ));
    assert_eq!(at(1_000_000_000), Ok(()));
    assert_eq!(at(1_100_000_000), Ok(()));
    assert!(matches!(at(1_100_000_001), Err(Error::CertExpired { .. })));
}

#[test]
fn name_constraints_bind_what_is_below() {
    let constrained = root().delegate(
        &Ca::new("Constrained", [4; 32])
            .permit(Name::Dns("b.example".to_owned()))
            .exclude(Name::Dns("secret.b.example".to_owned())),
    );
    let outcome =
        |name: &str| verify_now(&constrained.issue(&Leaf::new([5; 32]).dns(name)), &root());
    assert_eq!(outcome("x.b.example"), Ok(()));
    assert_eq!(outcome("c.example"), Err(Error::NameConstraintViolation));
    assert_eq!(
        outcome("secret.b.example"),
        Err(Error::NameConstraintViolation)
    );
}

#[test]
fn path_length_and_basic_constraints_are_as_described() {
    let short = root().delegate(&Ca::new("Short", [4; 32]).path_length(0));
    let below = short.delegate(&Ca::new("Below", [5; 32]));
    assert_eq!(
        verify_now(&below.issue(&leaf()), &root()),
        Err(Error::PathLenConstraintViolated)
    );
    for (basic, expected) in [
        (Basic::Leaf, Some(false)),
        (Basic::Authority, Some(true)),
        (Basic::Absent, None),
    ] {
        let identity = leaf().basic(basic).self_signed();
        let certificate = Certificate::from_der(identity.leaf()).unwrap();
        let tbs = certificate.tbs_certificate();
        let constraints = tbs.get_extension::<BasicConstraints>().unwrap();
        assert_eq!(constraints.map(|(_, constraints)| constraints.ca), expected);
        assert_eq!(tbs.issuer(), tbs.subject());
    }
}

#[test]
fn a_self_signed_leaf_verifies_as_its_own_anchor() {
    let identity = leaf().self_signed();
    let verdict = verify(
        &identity,
        identity.leaf(),
        KeyUsage::server_auth(),
        NOW,
        &[],
    );
    assert_eq!(verdict, Ok(()));
}

#[test]
fn a_subject_without_attributes_makes_the_names_critical() {
    let identity = root().issue(&leaf().no_subject());
    assert!(alternative_names(&identity).0);
    let named = root().issue(&leaf().unit("CN=admin,").common_name("b.example"));
    let certificate = Certificate::from_der(named.leaf()).unwrap();
    assert_eq!(
        certificate.tbs_certificate().subject().to_string(),
        "CN=b.example,OU=CN=admin\\,,O=comity testkit"
    );
}

#[test]
fn a_crl_revokes_what_it_lists() {
    let (revoked, good) = (root().issue(&leaf()), root().issue(&Leaf::new([6; 32])));
    let der = root().crl(300, NOW - 60, NOW + 60, &[revoked.leaf()]);
    let crl = CertRevocationList::from(OwnedCertRevocationList::from_der(&der).unwrap());
    let outcome = |identity| {
        let purpose = KeyUsage::server_auth();
        verify(identity, root().certificate(), purpose, NOW, &[&crl])
    };
    assert_eq!(outcome(&revoked), Err(Error::CertRevoked));
    assert_eq!(outcome(&good), Ok(()));
    let below = root().delegate(&Ca::new("Below", [5; 32]));
    let by_intermediate = below.crl(1, NOW, NOW + 60, &[]);
    let own_key = key_identifier(below.issue(&leaf()).leaf());
    assert!(by_intermediate.windows(20).any(|bytes| bytes == own_key));
    OwnedCertRevocationList::from_der(&by_intermediate).unwrap();
}

#[test]
fn a_crl_can_have_other_extensions() {
    let (number, point) = ("2.5.29.20", "2.5.29.28");
    let name = tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"u:1")));
    let crl = root().crl(300, NOW - 60, NOW + 60, &[]);
    let changed = root().crl_with(&crl, &[(number, None), (point, Some(tlv(0x30, &name)))]);
    let list = CertificateList::<Rfc5280>::from_der(&changed).unwrap();
    let extensions = list.tbs_cert_list.crl_extensions.as_ref().unwrap();
    let ids: Vec<_> = extensions
        .iter()
        .map(|own| own.extn_id.to_string())
        .collect();
    assert_eq!(ids, ["2.5.29.35", point]);
    assert!(extensions[1].critical);
    OwnedCertRevocationList::from_der(&changed).unwrap();
    let message = list.tbs_cert_list.to_der().unwrap();
    let key = SigningKey::from_pkcs8_der(&Leaf::new([1; 32]).self_signed().key).unwrap();
    let signature = DerSignature::from_bytes(list.signature.raw_bytes()).unwrap();
    key.verifying_key().verify(&message, &signature).unwrap();
}

#[test]
fn pem_holds_the_der() {
    let intermediate = root().delegate(&Ca::new("Test Intermediate", [2; 32]));
    let identity = intermediate.issue(&leaf());
    let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.chain_pem().as_bytes())
        .map(|certificate| certificate.unwrap().to_vec())
        .collect();
    assert_eq!(chain, identity.chain);
    let key = PrivatePkcs8KeyDer::from_pem_slice(identity.key_pem().as_bytes());
    assert_eq!(key.unwrap().secret_pkcs8_der(), identity.key);
}

#[test]
fn debug_hides_the_key() {
    assert_eq!(
        format!("{:?}", root()),
        "Authority { name: \"CN=Test Root,O=comity testkit\", .. }"
    );
}
