use comity_rustls::{Change, Enforce, Standing};
use comity_trust::Position;
use rustls::CertificateError;

use super::*;

fn standing(connection: &CommonState, now: u64, policy: &Policy) -> Standing {
    let domain = DomainName::parse("b.example").unwrap();
    let reference = Reference::service(domain, Service::XmppServer);
    let crls = RevocationLists::default();
    Standing::new(connection, Role::Server, at(now), reference, policy, &crls)
}

fn connected(server: &mint::Identity) -> Pair {
    let pair = Pair::new(&observing(None), &observing(Some(server)), "b.example").run();
    assert!(pair.completed());
    pair
}

fn pinning(identity: &mint::Identity) -> Policy {
    let mut policy = trusting(&root());
    let subject = DomainName::parse("b.example").unwrap();
    let certificate = identity.leaf().to_vec().into();
    policy.store.add_pin(&certificate, [subject]);
    policy
}

#[test]
fn a_peer_is_due_when_its_certificate_ends() {
    let server = root().issue(&leaf(3, "b.example").valid(NOW - 10, NOW + 10));
    let pair = connected(&server);
    let (policy, crls) = (trusting(&root()), RevocationLists::default());
    let mut standing = standing(&pair.client, NOW, &policy);
    assert_eq!(standing.chain().len(), 1);
    assert_eq!(standing.role(), Role::Server);
    assert_eq!(standing.reference().to_string(), "b.example");
    assert_eq!(standing.due(), Some(at(NOW + 11)));
    assert_eq!(standing.judge(at(NOW + 10), &policy, &crls), None);
    assert_eq!(
        standing.judge(at(NOW + 11), &policy, &crls),
        Some(Change::Lost)
    );
    assert_eq!(
        refused(standing.verdict()),
        Some(Reason::Expired {
            not_after: at(NOW + 10),
            position: Position::Leaf
        })
    );
    assert_eq!(standing.due(), None);
    assert_eq!(standing.judge(at(NOW + 12), &policy, &crls), None);
}

#[test]
fn a_peer_is_due_when_its_certificate_begins() {
    let server = root().issue(&leaf(3, "b.example").valid(NOW + 5, NOW + 10));
    let pair = connected(&server);
    let (policy, crls) = (trusting(&root()), RevocationLists::default());
    let mut standing = standing(&pair.client, NOW, &policy);
    assert_eq!(standing.due(), Some(at(NOW + 5)));
    assert_eq!(
        standing.judge(at(NOW + 5), &policy, &crls),
        Some(Change::Gained)
    );
    assert_eq!(standing.due(), Some(at(NOW + 11)));
}

#[test]
fn a_standing_follows_the_policy_and_the_lists() {
    let pinned = leaf(3, "b.example").self_signed();
    let pair = connected(&pinned);
    let none = RevocationLists::default();
    let mut standing = standing(&pair.client, NOW, &pinning(&pinned));
    let removed = trusting(&root());
    assert_eq!(standing.judge(at(NOW), &removed, &none), Some(Change::Lost));
    assert_eq!(refused(standing.verdict()), Some(Reason::SelfSigned));
    assert_eq!(
        standing.judge(at(NOW), &pinning(&pinned), &none),
        Some(Change::Gained)
    );

    let issued = root().issue(&leaf(3, "b.example"));
    let pair = connected(&issued);
    let mut standing = self::standing(&pair.client, NOW, &removed);
    let mut lists = RevocationLists::default();
    let list = root().crl(1, 0, NOW + 1, &[issued.leaf()]);
    add_list(&mut lists, &root(), &list);
    assert_eq!(
        standing.judge(at(NOW), &removed, &lists),
        Some(Change::Lost)
    );
    assert_eq!(
        refused(standing.verdict()),
        Some(Reason::Revoked {
            position: Position::Leaf
        })
    );
}

#[test]
fn nobody_is_trusted_before_the_handshake_is_complete() {
    let server = root().issue(&leaf(3, "b.example"));
    let pair = Pair::new(&observing(None), &observing(Some(&server)), "b.example");
    let standing = standing(&pair.client, NOW, &trusting(&root()));
    assert_eq!(refused(standing.verdict()), Some(Reason::NoCertificate));
    assert_eq!((standing.chain().len(), standing.due()), (0, None));
}

#[test]
fn a_second_connection_follows_a_removed_pin() {
    let pinned = leaf(3, "b.example").self_signed();
    for (version, _) in VERSIONS {
        let mut server = observing(Some(&pinned));
        (server.min_version, server.max_version) = (version, version);
        let server = Arc::new(server.server_config().unwrap());
        let enforcing = |policy| {
            let enforce = Enforce::new(Arc::new(policy), Arc::new(At(NOW)));
            TlsContext::enforcing(default_provider(), enforce)
        };
        let before = Arc::new(enforcing(pinning(&pinned)).client_config().unwrap());
        for _ in 0..2 {
            let pair = Pair::of(&before, &server, "b.example").run();
            assert_eq!(pair.errors(), (None, None));
            assert_ne!(
                pair.client.handshake_kind(),
                Some(rustls::HandshakeKind::Resumed)
            );
        }
        let after = Arc::new(enforcing(trusting(&root())).client_config().unwrap());
        let pair = Pair::of(&after, &server, "b.example").run();
        let (client, _) = pair.errors();
        assert_eq!(client, Some(CertificateError::UnknownIssuer.into()));
    }
}

#[test]
fn records_that_were_looked_up_again_prolong_the_standing() {
    use comity_trust::{Dane, Evidence, Provenance, Tlsa, public_key};
    let server = leaf(3, "host.example").self_signed();
    let pair = connected(&server);
    let (policy, crls) = (trusting(&root()), RevocationLists::default());
    let records = |until| {
        let certificate = server.leaf().into();
        let key = public_key(&certificate).unwrap();
        let record = [&[3, 1, 0], key].concat();
        let records = vec![Tlsa::from_rdata(&record).unwrap()];
        let mut evidence = Evidence::default();
        evidence.dane = Some(Dane::new(Provenance::Secure, records, at(until)));
        evidence
    };
    let mut standing = standing(&pair.client, NOW, &policy);
    assert_eq!(standing.judge(at(NOW), &policy, &crls), None);
    standing.set_evidence(records(NOW + 5));
    assert_eq!(
        standing.judge(at(NOW), &policy, &crls),
        Some(Change::Gained)
    );
    assert_eq!(standing.due(), Some(at(NOW + 6)));
    standing.set_evidence(records(NOW + 50));
    assert_eq!(standing.judge(at(NOW + 6), &policy, &crls), None);
    assert_eq!(standing.due(), Some(at(NOW + 51)));
    assert_eq!(
        standing.judge(at(NOW + 51), &policy, &crls),
        Some(Change::Lost)
    );
}
