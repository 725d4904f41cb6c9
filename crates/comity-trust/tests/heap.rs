//! What the judgement of a hostile chain takes.
#![cfg(test)]

use std::time::Duration;

use comity_testkit::heap::{self, Counting};
use comity_testkit::mint::{Authority, Ca, Identity, Leaf, Name};
use comity_trust::{
    CertificateDer, Policy, Reference, RevocationLists, Role, Service, UnixTime, evaluate,
};

#[global_allocator]
static HEAP: Counting = Counting;

/// Heap bytes beside the certificates themselves, whatever a chain within the limits has in it.
const MAX_BYTES: usize = 128 * 1024;

/// 2027-01-15T08:00:00Z
const NOW: u64 = 1_800_000_000;

/// One test, because the counters are those of the whole process.
#[test]
fn a_judgement_takes_no_more_than_its_bound() {
    let root = Ca::new("Root", [1; 32]).self_signed();
    let none = RevocationLists::new();
    let service = |name: &str| Reference::service(name.parse().unwrap(), Service::XmppServer);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    for (name, identity) in hostile(&root) {
        let chain: Vec<CertificateDer<'_>> = identity
            .chain
            .iter()
            .map(|der| der.as_slice().into())
            .collect();
        let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
        let anchor = root.certificate().into();
        policy.store.add_anchor(&anchor).unwrap();
        for reference in [service("a.example"), service("z.example")] {
            let judge = || evaluate(&chain, now, Role::Server, &reference, &policy, &none);
            assert!(chain.len() <= 6);
            let (_, stats) = heap::measure(judge);
            assert!(stats.peak_bytes <= MAX_BYTES, "{name}: {stats:?}");
        }
    }
}

/// Chains that are as long, as wide and as ambiguous as the limits allow.
fn hostile(root: &Authority) -> Vec<(&'static str, Identity)> {
    // As many names as there may be, and as long as a certificate has room for.
    let wide = |bytes: usize, add: fn(Leaf, &str) -> Leaf| {
        let names = (1..1024).map(|index| format!("{index:0>bytes$}.b.example"));
        let leaf = Leaf::new([9; 32]).dns("a.example");
        names.fold(leaf, |leaf, name| add(leaf, &name))
    };
    let hosts = wide(50, Leaf::dns);
    let mut chains = vec![
        ("hosts", root.issue(&hosts)),
        (
            "services",
            root.issue(&wide(30, |leaf, name| leaf.srv(&format!("_x.{name}")))),
        ),
        ("addresses", root.issue(&wide(30, Leaf::xmpp))),
        (
            "URIs",
            root.issue(&wide(46, |leaf, name| leaf.uri(&format!("sip:{name}")))),
        ),
    ];
    // Issuers each of which could have issued each of the others, below one that is trusted.
    let mut issuer = root.delegate(&Ca::new("Issuer", [2; 32]));
    for _ in 0..4 {
        issuer = issuer.delegate(&Ca::new("Issuer", [2; 32]));
    }
    chains.push(("issuers", issuer.issue(&hosts)));
    let constrained = (0..1000).fold(Ca::new("Constrained", [3; 32]), |ca, index| {
        ca.permit(Name::Dns(format!("{index}.long-name-of-a-domain.example")))
    });
    let constrained = constrained
        .permit(Name::Dns("a.example".to_owned()))
        .permit(Name::Dns("b.example".to_owned()));
    let constrained = root.delegate(&constrained);
    chains.push(("constraints", constrained.issue(&hosts)));
    chains
}
