//! Certificates and lists of those that are revoked.

use std::time::Duration;

use comity_identity::DomainName;
use comity_testkit::mint::{Authority, Ca, Identity, Leaf};
use comity_trust::{
    Added, CertificateDer, Limits, Policy, Reference, RevocationLists, Role, Service, TrustStore,
    UnixTime, evaluate, presented_names,
};
use webpki::ALL_VERIFICATION_ALGS;

use crate::{Series, Task};

/// A signature is checked once in some, which is much beside the rest.
pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "certificate/names",
        size: 250,
        task: |count| {
            let certificate = certificate(&with_names(count).self_signed());
            Box::new(move || {
                let names = presented_names(&certificate, count);
                names.is_ok_and(|names| names.len() == count)
            })
        },
    },
    Series {
        name: "certificate/verdict",
        size: 250,
        task: verdict,
    },
    Series {
        name: "certificate/import",
        size: 250,
        task: |count| {
            let certificate = certificate(&with_names(count).self_signed());
            Box::new(move || {
                let mut limits = Limits::default();
                limits.max_names = count;
                let import = TrustStore::new().import(&certificate, &limits);
                import.is_ok_and(|import| import.peers.len() == count)
            })
        },
    },
    Series {
        name: "certificate/file-of-anchors",
        size: 16,
        task: |count| {
            let anchors = (0..count).map(|number| {
                let ca = Ca::new(&format!("Root {number}"), [number as u8; 32]);
                ca.self_signed().certificate_pem()
            });
            let file: String = anchors.collect();
            Box::new(move || {
                let added = TrustStore::new().add_anchors_from_pem(file.as_bytes());
                added == Ok(count)
            })
        },
    },
    Series {
        name: "certificate/revocation-list",
        size: 1_000,
        task: revocation_list,
    },
];

/// Judges a pinned certificate with so many names, none of which is wanted.
fn verdict(count: usize) -> Task {
    let certificate = certificate(&with_names(count).self_signed());
    let mut policy = Policy::new(ALL_VERIFICATION_ALGS);
    policy.limits.max_names = count;
    let [named, wanted] = ["host-0.hosted.example", "other.example"]
        .map(|name| name.parse::<DomainName>().expect("a domain"));
    policy.store.add_pin(&certificate, [named]);
    let reference = Reference::service(wanted, Service::XmppServer);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    Box::new(move || {
        let lists = RevocationLists::new();
        let chain = [certificate];
        let verdict = evaluate(&chain, now, Role::Server, &reference, &policy, &lists);
        verdict.code() == "name-mismatch"
    })
}

/// Adds a list of so many certificates.
fn revocation_list(count: usize) -> Task {
    let root = Ca::new("Root", [1; 32]).self_signed();
    let revoked = root.issue(&Leaf::new([2; 32]).dns("b.example"));
    let list = root.crl(
        1,
        1_700_000_000,
        1_900_000_000,
        &vec![revoked.leaf(); count],
    );
    let issuer = issuer(&root);
    Box::new(move || {
        let added = RevocationLists::new().add(&list, &[issuer], ALL_VERIFICATION_ALGS);
        added == Ok(Added::Newest)
    })
}

fn with_names(count: usize) -> Leaf {
    (0..count).fold(Leaf::new([5; 32]), |leaf, number| {
        leaf.dns(&format!("host-{number}.hosted.example"))
    })
}

fn certificate(identity: &Identity) -> CertificateDer<'static> {
    identity.leaf().to_vec().into()
}

fn issuer(root: &Authority) -> CertificateDer<'static> {
    root.certificate().to_vec().into()
}
