//! Our comparison of DNS names beside webpki's.

use comity_testkit::mint::{Name, tlv};
use rustls_pki_types::ServerName;
use webpki::EndEntityCert;

use super::*;

/// Every name of one to three pieces.
fn names(pieces: &[&str]) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut all = Vec::new();
    for _ in 0..3 {
        names = names
            .iter()
            .flat_map(|name| pieces.iter().map(move |piece| format!("{name}{piece}")))
            .collect();
        all.extend_from_slice(&names);
    }
    all
}

#[test]
fn dns_names_match_as_they_do_in_webpki() {
    let root = root();
    let policy = trusting(&[&root]);
    let presented = names(&["a", ".", "*.", "B.", "a.b", "-"]);
    let asked = ["a", "a.b", "b.a", "b.a.b", "a.a.b", "b.b.a", "aa.b"];
    let mut matched = 0;
    for name in presented {
        let peer = root.issue(&leaf().name(Name::Raw(tlv(0x82, name.as_bytes()))));
        let der = CertificateDer::from(peer.leaf());
        let certificate = EndEntityCert::try_from(&der).unwrap();
        for subject in asked {
            let server_name = ServerName::try_from(subject).unwrap();
            let theirs = certificate.verify_is_valid_for_subject_name(&server_name);
            let reference = Reference::dns(domain(subject));
            let ours = ask(&chain(&peer), Role::Server, &reference, &policy);
            assert_eq!(
                ours.trusted().is_some(),
                theirs.is_ok(),
                "{name} for {subject}"
            );
            matched += usize::from(theirs.is_ok());
        }
    }
    assert_eq!(matched, 10);
}
