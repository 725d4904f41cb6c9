use comity_rustls::{ClientAuth, Enforce};
use comity_trust::{Forms, Revocation};
use rustls::{AlertDescription, CertificateError};

use super::*;

fn enforcing(policy: Policy) -> TlsContext {
    let enforce = Enforce::new(Arc::new(policy), Arc::new(At(NOW)));
    TlsContext::enforcing(default_provider(), enforce)
}

fn refusal(pair: &Pair) -> (CertificateError, AlertDescription) {
    match pair.errors() {
        (Some(Error::InvalidCertificate(error)), Some(Error::AlertReceived(alert))) => {
            (error, alert)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_proves_the_name_is_accepted() {
    let root = root();
    for (version, _) in VERSIONS {
        let mut client = enforcing(trusting(&root));
        limit(&mut client, version);
        let server = observing(Some(&root.issue(&leaf(3, "*.b.example"))));
        let pair = Pair::new(&client, &server, "im.b.example").run();
        assert_eq!(pair.errors(), (None, None));
        assert!(pair.completed());
    }
}

#[test]
fn each_refusal_has_its_alert() {
    let root = root();
    let good = || leaf(3, "b.example");
    let impostor = Ca::new("Root", [4; 32]).self_signed();
    let unknown = Ca::new("Unknown", [4; 32]).self_signed();
    for (server, error, alert) in [
        (
            root.issue(&leaf(3, "c.example")),
            CertificateError::NotValidForNameContext {
                expected: "b.example".try_into().unwrap(),
                presented: vec!["c.example".to_owned()],
            },
            AlertDescription::BadCertificate,
        ),
        (
            root.issue(&good().valid(0, NOW - 1)),
            CertificateError::ExpiredContext {
                time: at(NOW),
                not_after: at(NOW - 1),
            },
            AlertDescription::CertificateExpired,
        ),
        (
            root.issue(&good().valid(NOW + 1, NOW + 2)),
            CertificateError::NotValidYetContext {
                time: at(NOW),
                not_before: at(NOW + 1),
            },
            AlertDescription::CertificateExpired,
        ),
        (
            unknown.issue(&good()),
            CertificateError::UnknownIssuer,
            AlertDescription::UnknownCA,
        ),
        (
            good().self_signed(),
            CertificateError::UnknownIssuer,
            AlertDescription::UnknownCA,
        ),
        (
            impostor.issue(&good()),
            CertificateError::BadSignature,
            AlertDescription::DecryptError,
        ),
        (
            root.issue(&good().purposes(&[mint::Purpose::EmailProtection])),
            CertificateError::InvalidPurpose,
            AlertDescription::UnsupportedCertificate,
        ),
        (
            root.issue(&good().name(mint::Name::Raw(mint::tlv(0x89, b"x")))),
            CertificateError::BadEncoding,
            AlertDescription::BadCertificate,
        ),
    ] {
        for (version, _) in VERSIONS {
            let mut client = enforcing(trusting(&root));
            limit(&mut client, version);
            let pair = Pair::new(&client, &observing(Some(&server)), "b.example").run();
            assert_eq!(refusal(&pair), (error.clone(), alert), "{version:?}");
        }
    }
}

#[test]
fn a_reason_that_rustls_has_no_word_for_is_kept() {
    let root = root();
    let server = root.issue(&leaf(3, "b.example").basic(mint::Basic::Authority));
    let client = enforcing(trusting(&root));
    let pair = Pair::new(&client, &observing(Some(&server)), "b.example").run();
    let (error, alert) = refusal(&pair);
    assert_eq!(alert, AlertDescription::CertificateUnknown);
    let CertificateError::Other(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        error.0.downcast_ref::<Reason>(),
        Some(&Reason::CaUsedAsEndEntity)
    );
}

#[test]
fn a_service_name_counts_if_the_service_is_asked_for() {
    let root = root();
    let own = root.issue(&Leaf::new([3; 32]).srv("_xmpp-server.b.example"));
    let server = observing(Some(&own));
    let mut enforce = Enforce::new(Arc::new(trusting(&root)), Arc::new(At(NOW)));
    let client = TlsContext::enforcing(default_provider(), enforce.clone());
    let pair = Pair::new(&client, &server, "b.example").run();
    assert_eq!(refusal(&pair).1, AlertDescription::BadCertificate);
    enforce.forms = Forms::Xmpp(Service::XmppServer);
    let client = TlsContext::enforcing(default_provider(), enforce);
    let pair = Pair::new(&client, &server, "b.example").run();
    assert!(pair.completed());
}

#[test]
fn an_address_is_proved_by_an_address_alone() {
    let root = root();
    let client = enforcing(trusting(&root));
    let good = root.issue(&Leaf::new([3; 32]).ip([192, 0, 2, 1]));
    let pair = Pair::new(&client, &observing(Some(&good)), "192.0.2.1").run();
    assert!(pair.completed());
    let text = root.issue(&Leaf::new([3; 32]).dns("192.0.2.1"));
    let pair = Pair::new(&client, &observing(Some(&text)), "192.0.2.1").run();
    assert_eq!(
        refusal(&pair),
        (
            CertificateError::NotValidForNameContext {
                expected: "192.0.2.1".try_into().unwrap(),
                presented: vec!["192.0.2.1".to_owned()],
            },
            AlertDescription::BadCertificate
        )
    );
}

#[test]
fn a_name_counts_in_the_forms_that_are_asked_for() {
    let root = root();
    let names = |leaf: Leaf| observing(Some(&root.issue(&leaf)));
    let new = || Leaf::new([3; 32]);
    for (forms, server, asked, proved) in [
        (
            Forms::Host,
            names(new().dns("*.b.example")),
            "im.b.example",
            true,
        ),
        (
            Forms::Sip,
            names(new().dns("*.b.example")),
            "im.b.example",
            false,
        ),
        (
            Forms::PeerSubject,
            names(new().dns("*.b.example")),
            "im.b.example",
            false,
        ),
        (
            Forms::Sip,
            names(new().uri("sip:b.example")),
            "b.example",
            true,
        ),
        (
            Forms::PeerSubject,
            names(new().uri("sip:b.example")),
            "b.example",
            true,
        ),
        (
            Forms::Host,
            names(new().uri("sip:b.example")),
            "b.example",
            false,
        ),
        (
            Forms::Sip,
            names(new().ip([192, 0, 2, 1])),
            "192.0.2.1",
            true,
        ),
        (
            Forms::Xmpp(Service::XmppServer),
            names(new().ip([192, 0, 2, 1])),
            "192.0.2.1",
            true,
        ),
        (
            Forms::PeerSubject,
            names(new().ip([192, 0, 2, 1])),
            "192.0.2.1",
            true,
        ),
        (
            Forms::Xmpp(Service::XmppServer),
            names(new().xmpp("b.example")),
            "b.example",
            true,
        ),
    ] {
        let mut enforce = Enforce::new(Arc::new(trusting(&root)), Arc::new(At(NOW)));
        enforce.forms = forms;
        let client = TlsContext::enforcing(default_provider(), enforce);
        let pair = Pair::new(&client, &server, asked).run();
        assert_eq!(
            pair.completed(),
            proved,
            "{forms:?} {asked}: {:?}",
            pair.errors()
        );
    }
}

#[test]
fn revocation_lists_are_looked_at() {
    let root = root();
    let own = root.issue(&leaf(3, "b.example"));
    let revoking = root.crl(1, 0, NOW + 1, &[own.leaf()]);
    let empty = root.crl(1, 0, NOW + 1, &[]);
    let stale = root.crl(1, 0, NOW - 1, &[]);
    for (list, required, expected) in [
        (None, false, None),
        (Some(&empty), true, None),
        (
            Some(&revoking),
            false,
            Some((
                CertificateError::Revoked,
                AlertDescription::CertificateRevoked,
            )),
        ),
        (
            None,
            true,
            Some((
                CertificateError::UnknownRevocationStatus,
                AlertDescription::UnknownCA,
            )),
        ),
        (
            Some(&stale),
            true,
            Some((
                CertificateError::ExpiredRevocationListContext {
                    time: at(NOW),
                    next_update: at(NOW - 1),
                },
                AlertDescription::UnknownCA,
            )),
        ),
    ] {
        let mut policy = trusting(&root);
        if required {
            policy.revocation = Revocation::Required;
        }
        let mut lists = RevocationLists::default();
        if let Some(list) = list {
            add_list(&mut lists, &root, list);
        }
        let mut enforce = Enforce::new(Arc::new(policy), Arc::new(At(NOW)));
        enforce.crls = Arc::new(lists);
        let client = TlsContext::enforcing(default_provider(), enforce);
        let pair = Pair::new(&client, &observing(Some(&own)), "b.example").run();
        match expected {
            None => assert_eq!(pair.errors(), (None, None)),
            Some(expected) => assert_eq!(refusal(&pair), expected),
        }
    }
}

#[test]
fn a_server_judges_no_clients_by_the_rules_for_servers() {
    let root = root();
    let mut server = enforcing(trusting(&root));
    server.identity = Some(identity(&root.issue(&leaf(3, "b.example"))));
    server.client_auth = ClientAuth::Present;
    let client = observing(Some(&leaf(2, "a.example").valid(0, 1).self_signed()));
    let pair = Pair::new(&client, &server, "b.example").run();
    assert_eq!(pair.errors(), (None, None));
    assert_eq!(
        verdict(&pair.server, Role::Client, "a.example", &trusting(&root))
            .reason()
            .map(ToString::to_string),
        Some("the certificate expired at 1970-01-01T00:00:01Z".to_owned())
    );
}
