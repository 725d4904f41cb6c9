//! Requests and certificates, read back and judged.
#![cfg(test)]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use comity_identity::{DomainName, Host};
use comity_trust::issue::{
    Key, KeyError, Purpose, Request, SubjectName, Terms, TestCa, WriteError,
};
use comity_trust::{
    CertificateDer, EkuPolicy, Identifier, Inventory, Limits, Policy, Protocol, Protocols,
    Reference, RevocationLists, Role, Servers, Service, UnixTime, Verdict, evaluate,
};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePublicKey;
use p256::pkcs8::spki::DynSignatureAlgorithmIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::request::{CertReq, ExtensionReq};

/// 2027-01-15T08:00:00Z
const NOW: u64 = 1_800_000_000;

struct Own(SigningKey);

fn own(seed: u8) -> Own {
    Own(SigningKey::from_slice(&[seed; 32]).unwrap())
}

impl Key for Own {
    fn public_key(&self) -> Result<Vec<u8>, KeyError> {
        let document = self.0.verifying_key().to_public_key_der();
        Ok(document.unwrap().into_vec())
    }

    fn signature_algorithm(&self) -> Result<Vec<u8>, KeyError> {
        let algorithm = self.0.signature_algorithm_identifier().unwrap();
        Ok(algorithm.to_der().unwrap())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: DerSignature = self.0.sign(message);
        Ok(signature.as_bytes().to_vec())
    }
}

/// A key in a device that was taken out.
struct Gone;

impl Key for Gone {
    fn public_key(&self) -> Result<Vec<u8>, KeyError> {
        own(1).public_key()
    }

    fn signature_algorithm(&self) -> Result<Vec<u8>, KeyError> {
        own(1).signature_algorithm()
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError)
    }
}

fn domain(name: &str) -> DomainName {
    DomainName::parse(name).unwrap()
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn terms(serial: u8) -> Terms {
    Terms {
        not_before: at(NOW - 100),
        not_after: at(NOW + 100),
        serial: [serial; 16],
    }
}

fn subject(common_name: &str) -> SubjectName {
    let mut subject = SubjectName::default();
    subject.organization = Some("comity".to_owned());
    subject.common_name = Some(common_name.to_owned());
    subject
}

fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    inventory.local_domains = [domain("a.example"), domain("b\u{fc}cher.example")].into();
    inventory.email_domains = [domain("mail.example")].into();
    inventory.chat_aliases = [domain("conference.a.example")].into();
    inventory.file_transfer_aliases = [domain("files.a.example")].into();
    inventory.nodes = [domain("im1.a.example"), domain("im2.a.example")].into();
    inventory.protocols = Protocols::Both;
    inventory
}

fn request(servers: Servers<'_>) -> Request {
    Request::new(subject("im1.a.example"), inventory().names(servers))
}

/// Every name of the inventory by the rules of its protocol.
fn references() -> Vec<Reference> {
    let needs = inventory().needs(Servers::All);
    let references = needs.into_iter().map(|need| match need.protocol {
        Protocol::Sip => Reference::sip(need.name),
        Protocol::Xmpp => Reference::service(need.name, Service::XmppServer),
    });
    references.collect()
}

fn judge(der: &[u8], reference: &Reference, policy: &Policy) -> Verdict {
    let none = RevocationLists::new();
    evaluate(
        &[der.into()],
        at(NOW),
        Role::Server,
        reference,
        policy,
        &none,
    )
}

fn policy() -> Policy {
    let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
    policy.eku = EkuPolicy::Both;
    policy
}

#[test]
fn a_request_carries_all_names_and_the_signature_of_its_key() {
    let key = own(7);
    let der = request(Servers::All).csr(&key).unwrap();
    let csr = CertReq::from_der(&der).unwrap();
    let message = csr.info.to_der().unwrap();
    let signature = DerSignature::try_from(csr.signature.raw_bytes()).unwrap();
    key.0.verifying_key().verify(&message, &signature).unwrap();
    assert_eq!(csr.info.subject.to_string(), "CN=im1.a.example,O=comity");
    let extensions: Vec<String> = csr
        .info
        .attributes
        .iter()
        .flat_map(|attribute| attribute.values.iter())
        .map(|value| value.decode_as::<ExtensionReq>().unwrap())
        .flat_map(|request| request.0)
        .map(|extension| extension.extn_id.to_string())
        .collect();
    assert_eq!(
        extensions,
        ["2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17"]
    );
    for name in [
        "a.example",
        "_xmpp-server.xn--bcher-kva.example",
        "b\u{fc}cher.example",
        "sip:im2.a.example",
        "_xmpp-server.files.a.example",
    ] {
        let name = name.as_bytes();
        assert!(der.windows(name.len()).any(|bytes| bytes == name));
    }
}

#[test]
fn a_certificate_of_the_test_ca_proves_the_whole_inventory() {
    let ca = TestCa::new(&subject("Test CA"), own(1), &terms(1)).unwrap();
    let mut policy = policy();
    policy.store.add_anchor(&ca.certificate().into()).unwrap();
    let key = own(7).public_key().unwrap();
    let der = ca.issue(&request(Servers::All), &key, &terms(2)).unwrap();
    for reference in references() {
        let verdict = judge(&der, &reference, &policy);
        assert_eq!(verdict.code(), "trusted", "{verdict}");
        assert_eq!(verdict.trusted().unwrap().valid_until(), at(NOW + 100));
    }
    let certificate = CertificateDer::from(der);
    let coverage = inventory().coverage(Servers::All, &certificate, &Limits::default());
    let coverage = coverage.unwrap();
    assert!(coverage.is_complete(), "{coverage:?}");
    assert_eq!(coverage.superfluous, []);
}

#[test]
fn a_certificate_of_one_server_leaves_the_others_out() {
    let node = domain("im2.a.example");
    let der = request(Servers::One(&node))
        .self_signed(&own(7), &terms(1))
        .unwrap();
    let certificate = CertificateDer::from(der);
    let coverage = |servers| inventory().coverage(servers, &certificate, &Limits::default());
    assert!(coverage(Servers::One(&node)).unwrap().is_complete());
    let missing = coverage(Servers::All).unwrap().missing;
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["the node im1.a.example over SIP"]);
}

#[test]
fn a_self_signed_certificate_can_be_pinned_and_vouches_for_nobody() {
    let der = request(Servers::All)
        .self_signed(&own(7), &terms(1))
        .unwrap();
    let mut policy = policy();
    let imported = policy
        .store
        .import(&der.as_slice().into(), &Limits::default())
        .unwrap();
    assert_eq!(imported.warnings, []);
    for reference in references() {
        assert_eq!(judge(&der, &reference, &policy).code(), "trusted");
    }
    assert!(policy.store.add_anchor(&der.as_slice().into()).is_err());
}

#[test]
fn every_form_of_name_is_written_as_it_is_read() {
    let names = [
        Identifier::Dns("*.a.example".into()),
        Identifier::Ip([192, 0, 2, 1].into()),
        Identifier::Ip([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
        Identifier::Srv("_xmpp-server.s.example".into()),
        Identifier::Xmpp("xn--bcher-kva.example".into()),
    ];
    let request = Request::new(SubjectName::default(), names.to_vec());
    let der = request.self_signed(&own(7), &terms(1)).unwrap();
    let mut policy = policy();
    let host = |name: &str| Host::parse(name).unwrap();
    let hosts = [
        "x.a.example",
        "192.0.2.1",
        "2001:db8::1",
        "s.example",
        "b\u{fc}cher.example",
    ];
    policy
        .store
        .add_pin(&der.as_slice().into(), hosts.map(host));
    for name in hosts {
        let reference = match host(name) {
            Host::Domain(domain) => Reference::service(domain, Service::XmppServer),
            address @ Host::Ip(_) => Reference::host(address),
        };
        let verdict = judge(&der, &reference, &policy);
        assert_eq!(verdict.code(), "trusted", "{name}: {verdict}");
    }
}

#[test]
fn the_purposes_are_those_that_were_asked_for() {
    for (purposes, code) in [
        (vec![Purpose::ServerAuth, Purpose::ClientAuth], "trusted"),
        (vec![Purpose::ServerAuth], "extended-key-usage"),
        (vec![Purpose::SipDomain], "extended-key-usage"),
        (vec![], "trusted"),
    ] {
        let mut request = request(Servers::All);
        request.purposes = purposes;
        let der = request.self_signed(&own(7), &terms(1)).unwrap();
        let mut policy = policy();
        policy
            .store
            .import(&der.as_slice().into(), &Limits::default())
            .unwrap();
        let reference = Reference::sip(domain("a.example"));
        assert_eq!(judge(&der, &reference, &policy).code(), code);
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_its_reason() {
    let common_name = Identifier::CommonName("a.example".into());
    let text = Identifier::Dns("b\u{fc}cher.example".into());
    let long = format!("sip:a.example;x={}", "y".repeat(400));
    for name in [
        common_name,
        text,
        Identifier::Dns("a b.example".into()),
        Identifier::Dns("a\0.example".into()),
        Identifier::Dns("a.example.".into()),
        Identifier::Srv("a.example".into()),
        Identifier::Uri("x y".into()),
        Identifier::Uri(long.into()),
        Identifier::Xmpp("a b".into()),
    ] {
        let request = Request::new(subject("a.example"), vec![name.clone()]);
        assert_eq!(request.csr(&own(7)), Err(WriteError::Name(name)));
    }
    let request = request(Servers::All);
    assert_eq!(request.csr(&Gone), Err(WriteError::Key(KeyError)));
    let mut backwards = terms(1);
    backwards.not_after = at(NOW - 101);
    assert_eq!(
        request.self_signed(&own(7), &backwards),
        Err(WriteError::Validity)
    );
    let mut endless = terms(1);
    endless.not_after = at(u64::MAX);
    assert_eq!(
        request.self_signed(&own(7), &endless),
        Err(WriteError::Validity)
    );
    let nobody = TestCa::new(&SubjectName::default(), own(1), &terms(1));
    assert_eq!(nobody.err(), Some(WriteError::Encoding));
    let ca = TestCa::new(&subject("Test CA"), own(1), &terms(1)).unwrap();
    assert_eq!(
        ca.issue(&request, b"", &terms(1)),
        Err(WriteError::Encoding)
    );
}

/// What Debian's openssl makes of DER on its standard input.
fn openssl(arguments: &[&str], der: &[u8]) -> String {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(der).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).unwrap()
}

#[test]
#[ignore = "needs openssl"]
fn openssl_reads_requests_and_certificates() {
    let request = request(Servers::All);
    let csr = request.csr(&own(7)).unwrap();
    let text = openssl(
        &["req", "-inform", "DER", "-verify", "-noout", "-text"],
        &csr,
    );
    assert!(text.contains("verify OK"), "{text}");
    let certificate = request.self_signed(&own(7), &terms(1)).unwrap();
    let shown = openssl(&["x509", "-inform", "DER", "-noout", "-text"], &certificate);
    for text in [text, shown] {
        for name in [
            "DNS:a.example",
            "SRVName::_xmpp-server.a.example",
            "XmppAddr::b\u{fc}cher.example",
            "URI:sip:im2.a.example",
            "TLS Web Server Authentication, TLS Web Client Authentication",
            "Digital Signature",
            "CA:FALSE",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }
}
