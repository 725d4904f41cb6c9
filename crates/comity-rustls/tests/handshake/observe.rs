use comity_rustls::{ClientAuth, ConfigError};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, CertificateError};

use super::*;

#[test]
fn an_untrusted_certificate_keeps_tls_and_the_verdict_says_why() {
    let stranger = Ca::new("Stranger", [4; 32]).self_signed();
    let policy = trusting(&root());
    for (version, negotiated) in VERSIONS {
        let mut client = observing(Some(&stranger.issue(&leaf(2, "a.example"))));
        limit(&mut client, version);
        let server = observing(Some(&leaf(3, "b.example").self_signed()));
        let pair = Pair::new(&client, &server, "b.example").run();
        assert!(pair.completed());
        assert_eq!(pair.errors(), (None, None));
        assert_eq!(pair.client.protocol_version(), Some(negotiated));
        assert_eq!(
            refused(&verdict(&pair.client, Role::Server, "b.example", &policy)),
            Some(Reason::SelfSigned)
        );
        assert_eq!(
            refused(&verdict(&pair.server, Role::Client, "a.example", &policy)),
            Some(Reason::UnknownIssuer)
        );
    }
}

#[test]
fn a_certificate_without_its_key_ends_the_handshake() {
    let root = root();
    let victim = root.issue(&leaf(2, "victim.example"));
    let thief = thief(&victim, &root.issue(&leaf(4, "thief.example")));
    let own = observing(Some(&root.issue(&leaf(3, "b.example"))));
    for (version, _) in VERSIONS {
        let mut context = own.clone();
        limit(&mut context, version);
        let mut client = context.client_config().unwrap();
        let mut server = context.server_config().unwrap();
        let caught = Some(Error::InvalidCertificate(CertificateError::BadSignature));
        let told = Some(Error::AlertReceived(AlertDescription::DecryptError));

        let good = Arc::new(server.clone());
        client.client_auth_cert_resolver = Arc::<SingleCertAndKey>::clone(&thief);
        let pair = Pair::of(&Arc::new(client), &good, "b.example").run();
        assert_eq!(pair.errors(), (told.clone(), caught.clone()), "{version:?}");

        let good = Arc::new(context.client_config().unwrap());
        server.cert_resolver = Arc::<SingleCertAndKey>::clone(&thief);
        let pair = Pair::of(&good, &Arc::new(server), "b.example").run();
        assert_eq!(pair.errors(), (caught, told), "{version:?}");
    }
}

/// No path builder reads these, but the peer holds their keys.
#[test]
fn an_odd_certificate_keeps_tls_and_the_verdict_says_why() {
    let root = root();
    let policy = trusting(&root);
    let named = || leaf(2, "a.example");
    for (odd, code) in [
        (
            named().extension("1.3.6.1.4.1.99999.1", vec![5, 0]),
            "unsupported-extension",
        ),
        (named().extension("2.5.29.17", vec![0x30, 0]), "malformed"),
        (
            named().name(mint::Name::Raw(mint::tlv(0x89, b"x"))),
            "malformed-names",
        ),
    ] {
        let own = root.issue(&odd);
        for (version, _) in VERSIONS {
            let mut context = observing(Some(&root.issue(&leaf(3, "b.example"))));
            limit(&mut context, version);
            let mut client = context.client_config().unwrap();
            client.client_auth_cert_resolver = thief(&own, &own);
            let server = Arc::new(context.server_config().unwrap());
            let pair = Pair::of(&Arc::new(client), &server, "b.example").run();
            assert_eq!(pair.errors(), (None, None), "{version:?} {code}");
            let verdict = verdict(&pair.server, Role::Client, "a.example", &policy);
            assert_eq!(verdict.code(), code);

            let client = Arc::new(context.client_config().unwrap());
            let mut server = context.server_config().unwrap();
            server.cert_resolver = thief(&own, &own);
            let pair = Pair::of(&client, &Arc::new(server), "a.example").run();
            assert_eq!(pair.errors(), (None, None), "{version:?} {code}");
        }
    }
}

/// Presents the chain of `victim` and signs with the key of `own`.
fn thief(victim: &mint::Identity, own: &mint::Identity) -> Arc<SingleCertAndKey> {
    let chain = victim.chain.iter().map(|der| der.clone().into()).collect();
    let key = own.key.clone().try_into().unwrap();
    let key = default_provider().key_provider.load_private_key(key);
    Arc::new(CertifiedKey::new(chain, key.unwrap()).into())
}

#[test]
fn both_sides_prove_their_domains_to_each_other() {
    let root = root();
    let sub = root.delegate(&Ca::new("Sub", [5; 32]));
    let policy = trusting(&root);
    for (version, _) in VERSIONS {
        let mut client = observing(Some(&sub.issue(&leaf(2, "a.example"))));
        limit(&mut client, version);
        let service = Leaf::new([3; 32]).srv("_xmpp-server.b.example");
        let server = observing(Some(&sub.issue(&service)));
        // The name that the connection is opened under is that of a host, not of the domain.
        let pair = Pair::new(&client, &server, "xmpp1.hosting.example").run();
        assert!(pair.completed());
        let to_us = verdict(&pair.client, Role::Server, "b.example", &policy);
        let to_them = verdict(&pair.server, Role::Client, "a.example", &policy);
        let matched =
            |verdict: &Verdict| verdict.trusted().unwrap().matched_by().unwrap().to_string();
        assert_eq!(matched(&to_us), "_xmpp-server.b.example");
        assert_eq!(matched(&to_them), "a.example");
    }
}

#[test]
fn a_client_without_certificate_is_fine_unless_one_is_required() {
    let policy = trusting(&root());
    let required = Error::NoCertificatesPresented;
    let alert = Error::AlertReceived(AlertDescription::CertificateRequired);
    for (version, _) in VERSIONS {
        for (client_auth, errors) in [
            (ClientAuth::None, (None, None)),
            (ClientAuth::Observe, (None, None)),
            (
                ClientAuth::Present,
                (Some(alert.clone()), Some(required.clone())),
            ),
        ] {
            let mut client = observing(None);
            limit(&mut client, version);
            let mut server = observing(Some(&root().issue(&leaf(3, "b.example"))));
            server.client_auth = client_auth;
            let pair = Pair::new(&client, &server, "b.example").run();
            assert_eq!(pair.errors(), errors, "{version:?}");
            assert_eq!(
                refused(&verdict(&pair.server, Role::Client, "a.example", &policy)),
                Some(Reason::NoCertificate)
            );
        }
    }
}

#[test]
fn a_client_that_is_not_asked_presents_nothing() {
    let root = root();
    let client = observing(Some(&root.issue(&leaf(2, "a.example"))));
    let mut server = observing(Some(&root.issue(&leaf(3, "b.example"))));
    for (client_auth, presented) in [
        (ClientAuth::None, None),
        (ClientAuth::Observe, Some(1)),
        (ClientAuth::Present, Some(1)),
    ] {
        server.client_auth = client_auth;
        let pair = Pair::new(&client, &server, "b.example").run();
        assert!(pair.completed());
        let certificates = pair.server.peer_certificates();
        assert_eq!(certificates.map(<[_]>::len), presented);
    }
}

#[test]
fn the_peer_presented_nothing_until_the_handshake_is_complete() {
    let root = root();
    let policy = trusting(&root);
    for (version, _) in VERSIONS {
        let mut client = observing(Some(&root.issue(&leaf(2, "a.example"))));
        limit(&mut client, version);
        let server = observing(Some(&root.issue(&leaf(3, "b.example"))));
        let mut pair = Pair::new(&client, &server, "b.example");
        while !pair.completed() {
            let bytes = drain(&mut pair.client);
            for byte in bytes {
                feed(&mut pair.server, &[byte], &mut pair.server_error);
                let verdict = verdict(&pair.server, Role::Client, "a.example", &policy);
                assert_eq!(
                    verdict.trusted().is_some(),
                    !pair.server.is_handshaking(),
                    "{version:?}"
                );
            }
            let bytes = drain(&mut pair.server);
            for byte in bytes {
                feed(&mut pair.client, &[byte], &mut pair.client_error);
                let verdict = verdict(&pair.client, Role::Server, "b.example", &policy);
                assert_eq!(
                    verdict.trusted().is_some(),
                    !pair.client.is_handshaking(),
                    "{version:?}"
                );
            }
        }
        assert_eq!(pair.errors(), (None, None));
    }
}

#[test]
fn protocols_are_agreed_on_or_refused() {
    let root = root();
    let mut client = observing(None);
    let mut server = observing(Some(&root.issue(&leaf(3, "b.example"))));
    server.alpn = vec![b"xmpp-server".to_vec()];
    client.alpn = vec![b"other".to_vec(), b"xmpp-server".to_vec()];
    let pair = Pair::new(&client, &server, "b.example").run();
    assert_eq!(pair.client.alpn_protocol(), Some(&b"xmpp-server"[..]));
    assert_eq!(pair.server.alpn_protocol(), Some(&b"xmpp-server"[..]));
    client.alpn = Vec::new();
    let pair = Pair::new(&client, &server, "b.example").run();
    assert!(pair.completed());
    client.alpn = vec![b"other".to_vec()];
    let pair = Pair::new(&client, &server, "b.example").run();
    assert_eq!(
        pair.errors(),
        (
            Some(Error::AlertReceived(
                AlertDescription::NoApplicationProtocol
            )),
            Some(Error::NoApplicationProtocol)
        )
    );
}

#[test]
fn a_server_without_identity_has_no_configuration() {
    let error = observing(None).server_config().map(drop);
    assert_eq!(error, Err(ConfigError::NoIdentity));
}

#[test]
fn a_version_without_cipher_suite_has_no_configuration() {
    let mut context = observing(Some(&leaf(2, "a.example").self_signed()));
    limit(&mut context, TlsVersion::Tls12);
    context.min_version = TlsVersion::Tls13;
    let errors = (
        context.client_config().map(drop),
        context.server_config().map(drop),
    );
    let expected = Err(ConfigError::NoCipherSuite);
    assert_eq!(errors, (expected, expected));
}
