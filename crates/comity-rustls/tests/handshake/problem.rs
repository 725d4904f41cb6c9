use comity_rustls::{CipherList, Hello, KeyKind, Listed, Objection, Problem};
use rustls::crypto::KeyProvider;
use rustls::sign::{Signer, SigningKey};
use rustls::{AlertDescription, PeerIncompatible, SignatureAlgorithm, SignatureScheme};

use super::offered::{AES_GCM, Offered, hello, long, sni, words};
use super::*;

/// What our server says to a hello, and what rustls says.
fn judge(server: &TlsContext, offered: &Offered) -> (Option<Problem>, Option<Error>) {
    let config = Arc::new(server.server_config().unwrap());
    let mut connection = ServerConnection::new(config).unwrap();
    let mut error = None;
    feed(&mut connection, &offered.bytes(), &mut error);
    (server.problem(&hello(offered), None), error)
}

fn server() -> TlsContext {
    observing(Some(&root().issue(&leaf(3, "b.example"))))
}

fn text(problem: Option<Problem>) -> String {
    problem.map_or_else(|| "served".to_owned(), |problem| problem.to_string())
}

const UPGRADE: &str = "upgrade the peer, or put a TLS proxy between";

#[test]
fn whose_suites_rustls_refuses_has_a_problem_in_words() {
    let tls13 = |suites| Offered::new(suites).with(43, b"\x02\x03\x04");
    for (offered, error, expected) in [
        (
            Offered::new(&[0x000A, 0x002F, 0x0035, 0x003C]).without(10),
            PeerIncompatible::NoKxGroupsInCommon,
            format!(
                "offers no cipher suite for TLS 1.2 that we have, only RSA key exchange \
                 (TLS_RSA_WITH_3DES_EDE_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA, \
                 TLS_RSA_WITH_AES_256_CBC_SHA and 1 more): {UPGRADE}"
            ),
        ),
        (
            Offered::new(&[0x000A]).without(10),
            PeerIncompatible::NoKxGroupsInCommon,
            format!(
                "offers no cipher suite for TLS 1.2 that we have, only triple DES, \
                 RSA key exchange (TLS_RSA_WITH_3DES_EDE_CBC_SHA): {UPGRADE}"
            ),
        ),
        (
            Offered::new(&[0x002F, 0xC013]),
            PeerIncompatible::NoCipherSuitesInCommon,
            format!(
                "offers no cipher suite for TLS 1.2 that we have, only CBC \
                 (TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA): {UPGRADE}"
            ),
        ),
        (
            Offered::new(&[0x009E, 0xC013, 0x9999]),
            PeerIncompatible::NoCipherSuitesInCommon,
            format!(
                "offers no cipher suite for TLS 1.2 that we have, only Diffie-Hellman without \
                 elliptic curves, CBC, not in the crypto provider \
                 (TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, \
                 0x9999): {UPGRADE}"
            ),
        ),
        (
            tls13(&[0x1304]),
            PeerIncompatible::NoCipherSuitesInCommon,
            format!(
                "offers no cipher suite for TLS 1.3 that we have, only not in the crypto provider \
                 (TLS_AES_128_CCM_SHA256): {UPGRADE}"
            ),
        ),
        (
            Offered::new(&[0x00A6, 0xC018]),
            PeerIncompatible::NoCipherSuitesInCommon,
            "offers only anonymous suites (TLS_DH_anon_WITH_AES_128_GCM_SHA256, \
             TLS_ECDH_anon_WITH_AES_128_CBC_SHA): let the peer demand a certificate of us"
                .to_owned(),
        ),
        (
            Offered::new(&[0xC02F]),
            PeerIncompatible::NoCipherSuitesInCommon,
            "the suites in common (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) do not fit our ECDSA \
             key: use another certificate, or let the peer offer suites for it"
                .to_owned(),
        ),
    ] {
        let (problem, refused) = judge(&server(), &offered);
        assert_eq!(text(problem), expected);
        assert_eq!(refused, Some(error.into()), "{expected}");
    }
}

#[test]
fn what_else_rustls_refuses_has_a_problem_in_words() {
    for (offered, error, expected) in [
        (
            Offered::new(&[AES_GCM]).version(0x0302).without(13),
            PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            format!("TLS 1.1 and older only: {UPGRADE}"),
        ),
        (
            Offered::new(&[AES_GCM]).version(0x0300),
            PeerIncompatible::Tls12NotOffered,
            format!("SSL 3.0 and older only: {UPGRADE}"),
        ),
        (
            Offered::new(&[AES_GCM]).with(43, b"\x04\x03\x02\x03\x01"),
            PeerIncompatible::Tls12NotOfferedOrEnabled,
            format!("TLS 1.1 and older only: {UPGRADE}"),
        ),
        (
            Offered::new(&[AES_GCM]).with(43, b"\x02\x03\x05"),
            PeerIncompatible::Tls12NotOfferedOrEnabled,
            "no common version: we speak TLS 1.3 and TLS 1.2, the peer version 0x0305: \
             change the versions of one side"
                .to_owned(),
        ),
        (
            Offered::new(&[AES_GCM]).without(10),
            PeerIncompatible::NoKxGroupsInCommon,
            "offers elliptic curves without saying which: \
             let the peer send the extension supported_groups"
                .to_owned(),
        ),
        (
            Offered::new(&[AES_GCM]).with(10, &long(&words(&[0x0019, 0x001E, 0x0100, 0x0BAD]))),
            PeerIncompatible::NoKxGroupsInCommon,
            "no common key exchange group (offered: secp521r1, X448, FFDHE2048 and 1 more): \
             let the peer enable secp256r1 or x25519"
                .to_owned(),
        ),
        (
            Offered::new(&[AES_GCM]).without(13),
            PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            "does not say how signatures may be made: \
             let the peer send the extension signature_algorithms"
                .to_owned(),
        ),
        (
            Offered::new(&[AES_GCM]).with(13, &long(&words(&[0x0804, 0x0203]))),
            PeerIncompatible::NoSignatureSchemesInCommon,
            "no common signature scheme for our ECDSA key (offered: RSA_PSS_SHA256, \
             ECDSA_SHA1_Legacy): upgrade the peer, or use another certificate"
                .to_owned(),
        ),
    ] {
        let (problem, refused) = judge(&server(), &offered);
        assert_eq!(text(problem), expected);
        assert_eq!(refused, Some(error.into()), "{expected}");
    }
}

#[test]
fn whom_rustls_serves_has_no_problem() {
    for offered in [
        Offered::new(&[AES_GCM]),
        Offered::new(&[0x000A, 0x0A0A, AES_GCM]).with(43, b"\x04\x03\x03\x03\x02"),
        Offered::new(&[AES_GCM]).with(16, &long(b"\x02h2")),
    ] {
        assert_eq!(judge(&server(), &offered), (None, None));
    }
}

#[test]
fn our_own_rules_can_be_the_problem() {
    let mut listed = server();
    let list = CipherList::parse("ECDHE-ECDSA-AES256-GCM-SHA384", &listed.provider);
    listed.cipher_suites = Some(list.supported());
    listed.max_version = TlsVersion::Tls12;
    let (problem, error) = judge(&listed, &Offered::new(&[AES_GCM]));
    assert_eq!(
        text(problem),
        "offers no cipher suite for TLS 1.2 that we have, only left out by our own list \
         (TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256): put it on the list of cipher suites"
    );
    assert_eq!(error, Some(PeerIncompatible::NoCipherSuitesInCommon.into()));

    let mut new = server();
    new.min_version = TlsVersion::Tls13;
    let (problem, error) = judge(&new, &Offered::new(&[AES_GCM]));
    assert_eq!(
        text(problem),
        "no common version: we speak TLS 1.3, the peer TLS 1.2: change the versions of one side"
    );
    assert_eq!(
        error,
        Some(PeerIncompatible::SupportedVersionsExtensionRequired.into())
    );

    let mut xmpp = server();
    xmpp.alpn = vec![b"xmpp-server".to_vec()];
    let offered = Offered::new(&[AES_GCM]).with(16, &long(b"\x02h2\x03a\n\xFF"));
    let (problem, error) = judge(&xmpp, &offered);
    assert_eq!(
        text(problem),
        "no common application protocol (offered: h2, a\\n\u{FFFD}): \
         let the peer check the port, or its ALPN"
    );
    assert_eq!(error, Some(Error::NoApplicationProtocol));
}

#[test]
fn the_key_is_that_which_the_client_would_get() {
    let mut context = server();
    let own = context.identity.take().unwrap();
    let b: DomainName = "b.example".parse().unwrap();
    context.inbound.domains.insert(b.clone(), own);
    let hello_for = |name: &[u8]| hello(&Offered::new(&[0xC02F]).with(0, &sni(name)));
    let key = |hello: &Hello, domain| match context.problem(hello, domain) {
        Some(Problem::SuitesForAnotherKey { key, .. }) => Some(key),
        None => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(key(&hello_for(b"b.example"), None), Some(KeyKind::Ecdsa));
    assert_eq!(key(&hello_for(b"c.example"), None), None);
    assert_eq!(
        key(&hello_for(b"c.example"), Some(&b)),
        Some(KeyKind::Ecdsa)
    );
}

/// A provider for which every key is an RSA key that signs nonsense.
#[derive(Debug)]
struct Rsa;

impl KeyProvider for Rsa {
    fn load_private_key(
        &self,
        _: rustls::pki_types::PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, Error> {
        Ok(Arc::new(Self))
    }
}

impl SigningKey for Rsa {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let pkcs1 = offered.contains(&SignatureScheme::RSA_PKCS1_SHA256);
        pkcs1.then(|| Box::new(Self) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for Rsa {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PKCS1_SHA256
    }
}

#[test]
fn rsa_signs_differently_in_tls_1_3() {
    let mut context = observing(None);
    let mut provider = (*context.provider).clone();
    provider.key_provider = &Rsa;
    let own = root().issue(&leaf(3, "b.example"));
    let (chain, key) = (own.chain_pem(), own.key_pem());
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider);
    context.identity = Some(identity.unwrap());
    let pkcs1 = |suite| Offered::new(&[suite]).with(13, &long(&words(&[0x0401, 0x0201])));
    assert_eq!(judge(&context, &pkcs1(0xC02F)), (None, None));
    let hello = hello(&pkcs1(0x1301).with(43, b"\x02\x03\x04"));
    assert_eq!(
        text(context.problem(&hello, None)),
        "no common signature scheme for our RSA key (offered: RSA_PKCS1_SHA256, \
         RSA_PKCS1_SHA1): upgrade the peer, or use another certificate"
    );
}

#[test]
fn a_client_without_alpn_is_served_by_a_server_with_it() {
    let mut xmpp = server();
    xmpp.alpn = vec![b"xmpp-server".to_vec()];
    assert_eq!(judge(&xmpp, &Offered::new(&[AES_GCM])), (None, None));
}

#[test]
fn the_alert_for_old_clients_is_that_of_rustls() {
    let mut pair = Pair::new(&server(), &server(), "b.example");
    let offered = Offered::new(&[AES_GCM]).version(0x0301);
    feed(&mut pair.server, &offered.bytes(), &mut pair.server_error);
    let alert = drain(&mut pair.server);
    assert_eq!(alert[5..], [2, u8::from(AlertDescription::ProtocolVersion)]);
}

#[test]
fn only_the_first_of_many_suites_are_judged() {
    let many: Vec<_> = (0..8000).map(|_| 0x002F).chain([0xC013]).collect();
    let hello = hello(&Offered::new(&many));
    assert_eq!(hello.cipher_suites.len(), 8001);
    let Some(Problem::NoCommonSuite {
        objections, suites, ..
    }) = server().problem(&hello, None)
    else {
        panic!();
    };
    assert_eq!(objections, [Objection::RsaKeyExchange, Objection::Cbc]);
    assert_eq!(suites.first().len(), Listed::MAX);
    assert_eq!(suites.more(), 7998);
}
