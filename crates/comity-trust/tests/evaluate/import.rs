use comity_identity::Host;
use comity_testkit::mint::{Basic, Usage};
use comity_trust::{
    AnchorError, Basis, CommonName, Identifier, ImportError, ImportKind, ImportWarning, Limits,
    PeerSubject,
};

use super::*;

/// What the import of a certificate comes to: its kind, its peers and its warnings.
fn import(
    policy: &mut Policy,
    der: &[u8],
) -> Result<(ImportKind, Vec<PeerSubject>, Vec<ImportWarning>), ImportError> {
    let import = policy.store.import(&der.into(), &Limits::default())?;
    Ok((import.kind, import.peers, import.warnings))
}

fn peer(name: &str) -> PeerSubject {
    PeerSubject::new(Host::parse(name).unwrap())
}

#[test]
fn a_ca_becomes_an_anchor() {
    let mut policy = trusting(&[]);
    let root = root();
    assert_eq!(
        import(&mut policy, root.certificate()),
        Ok((ImportKind::Anchor, vec![], vec![]))
    );
    let verdict = judge(&root.issue(&leaf().dns("a.example")), &policy, "a.example");
    assert_eq!(verdict.trusted().unwrap().basis(), Basis::Path);
    // A CA may have a name that looks like that of a host.
    let named = Ca::new("ca.example", [2; 32]).self_signed();
    let (kind, peers, _) = import(&mut policy, named.certificate()).unwrap();
    assert_eq!((kind, peers), (ImportKind::Anchor, vec![]));
}

#[test]
fn a_peers_certificate_is_pinned_to_those_that_it_names() {
    let mut policy = trusting(&[]);
    let own = leaf()
        .dns("b.example")
        .dns("a.example")
        .xmpp("c.example")
        .srv("_xmpp-server.d.example")
        .uri("sip:e.example")
        .ip([192, 0, 2, 1])
        .common_name("f.example")
        .self_signed();
    let names = [
        "a.example",
        "b.example",
        "c.example",
        "d.example",
        "e.example",
        "192.0.2.1",
    ];
    assert_eq!(
        import(&mut policy, own.leaf()),
        Ok((ImportKind::Pin, names.map(peer).to_vec(), vec![]))
    );
    for name in ["a.example", "c.example", "d.example"] {
        let verdict = judge(&own, &policy, name);
        assert_eq!(verdict.trusted().unwrap().basis(), Basis::Pin, "{name}");
    }
    assert_eq!(judge(&own, &policy, "f.example").code(), "name-mismatch");
}

#[test]
fn a_peer_that_calls_itself_a_ca_vouches_for_nobody() {
    let mut policy = trusting(&[]);
    let usages = [Usage::DigitalSignature, Usage::KeyCertSign];
    let own = leaf()
        .dns("a.example")
        .basic(Basic::Authority)
        .usages(&usages);
    let own = own.self_signed();
    assert_eq!(
        import(&mut policy, own.leaf()),
        Ok((
            ImportKind::Pin,
            vec![peer("a.example")],
            vec![ImportWarning::CallsItselfCa]
        ))
    );
    assert_eq!(judge(&own, &policy, "a.example").code(), "trusted");
}

#[test]
fn a_common_name_alone_counts_for_its_peer_with_a_warning() {
    let mut policy = trusting(&[]);
    let own = leaf().common_name("proxy.example").self_signed();
    let by_common_name =
        PeerSubject::with_common_name(domain("proxy.example"), CommonName::Rfc6125);
    assert_eq!(
        import(&mut policy, own.leaf()),
        Ok((
            ImportKind::Pin,
            vec![by_common_name.clone()],
            vec![ImportWarning::CommonName]
        ))
    );
    let reference = Reference::peers([by_common_name]);
    let verdict = ask(&chain(&own), Role::Server, &reference, &policy);
    assert_eq!(verdict.code(), "trusted");
}

#[test]
fn what_an_operator_should_know_is_told() {
    let mut policy = trusting(&[]);
    let issued = root().issue(&leaf().dns("a.example").dns("*.b.example"));
    let (_, peers, warnings) = import(&mut policy, issued.leaf()).unwrap();
    assert_eq!(peers, [peer("a.example")]);
    let wildcard = Identifier::Dns("*.b.example".into());
    assert_eq!(
        warnings,
        [ImportWarning::IssuedByCa, ImportWarning::Wildcard(wildcard)]
    );
    let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the certificate was issued by a CA: import that of the CA, and renewals are trusted too",
            "the wildcard *.b.example covers nobody"
        ]
    );
}

#[test]
fn a_certificate_that_could_be_believed_for_nobody_is_not_imported() {
    let mut policy = trusting(&[]);
    let nameless = leaf().dns("*.b.example").self_signed();
    let unusable = Ca::new("CA", [2; 32])
        .usages(&[Usage::CrlSign])
        .self_signed();
    let many = (0..1025).fold(leaf(), |leaf, index| leaf.dns(&format!("{index}.example")));
    let many = many.self_signed();
    for (der, error) in [
        (nameless.leaf(), ImportError::NamesNobody),
        (b"\x30\x00", ImportError::Malformed),
        (
            unusable.certificate(),
            ImportError::Anchor(AnchorError::KeyUsage),
        ),
        (many.leaf(), ImportError::TooManyNames { limit: 1024 }),
    ] {
        assert_eq!(import(&mut policy, der), Err(error));
    }
    assert_eq!(
        judge(&nameless, &policy, "x.b.example").code(),
        "self-signed"
    );
}

#[test]
fn what_no_policy_accepts_is_told_at_the_import() {
    use comity_testkit::mint::Purpose;
    let named = || leaf().dns("a.example");
    for (leaf, code) in [
        (
            named().extension("1.3.6.1.4.1.99999.1", vec![5, 0]),
            "unsupported-extension",
        ),
        (named().usages(&[Usage::KeyCertSign]), "key-usage"),
        (
            named().purposes(&[Purpose::EmailProtection]),
            "extended-key-usage",
        ),
        (
            named().extension("2.5.29.30", vec![0x30, 0]),
            "constraints-in-leaf",
        ),
    ] {
        let mut policy = trusting(&[]);
        let own = leaf.self_signed();
        let (_, _, warnings) = import(&mut policy, own.leaf()).unwrap();
        let [ImportWarning::Refused(reason)] = &*warnings else {
            panic!("{code}: {warnings:?}");
        };
        assert_eq!(reason.code(), code);
        assert_eq!(judge(&own, &policy, "a.example").code(), code);
    }
}
