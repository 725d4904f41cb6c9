use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::HandshakeKind;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::*;

/// Accepts every certificate and counts how often it is asked.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl ServerCertVerifier for Counting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The kinds of two handshakes in a row, as both sides saw them.
fn kinds(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Vec<Option<HandshakeKind>> {
    (0..2)
        .flat_map(|_| {
            let pair = Pair::of(client, server, "b.example").run();
            assert!(pair.completed(), "{:?}", pair.errors());
            [pair.client.handshake_kind(), pair.server.handshake_kind()]
        })
        .collect()
}

fn is_full(kind: &Option<HandshakeKind>) -> bool {
    matches!(
        kind,
        Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest)
    )
}

#[test]
fn every_handshake_is_a_full_one() {
    let root = root();
    for (version, _) in VERSIONS {
        let mut context = observing(Some(&root.issue(&leaf(2, "a.example"))));
        limit(&mut context, version);
        let client = Arc::new(context.client_config().unwrap());
        let server = Arc::new(context.server_config().unwrap());
        assert_eq!(server.send_tls13_tickets, 0);
        let kinds = kinds(&client, &server);
        assert!(kinds.iter().all(is_full), "{version:?}: {kinds:?}");
    }
}

#[test]
fn our_server_resumes_nothing_for_a_client_that_would() {
    let root = root();
    for (version, _) in VERSIONS {
        let mut context = observing(Some(&root.issue(&leaf(2, "a.example"))));
        limit(&mut context, version);
        let verifier = Arc::new(Counting::default());
        let mut client = context.client_config().unwrap();
        client.resumption = rustls::client::Resumption::in_memory_sessions(8);
        client
            .dangerous()
            .set_certificate_verifier(Arc::<Counting>::clone(&verifier));
        let server = Arc::new(context.server_config().unwrap());
        let kinds = kinds(&Arc::new(client), &server);
        assert!(kinds.iter().all(is_full), "{version:?}: {kinds:?}");
        assert_eq!(verifier.0.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn our_client_resumes_nothing_at_a_server_that_would() {
    let root = root();
    let own = root.issue(&leaf(3, "b.example"));
    for (version, _) in VERSIONS {
        let mut context = observing(Some(&root.issue(&leaf(2, "a.example"))));
        limit(&mut context, version);
        let server = Arc::new(stock_server(&context, &own));
        let client = Arc::new(context.client_config().unwrap());
        assert!(kinds(&client, &server).iter().all(is_full), "{version:?}");

        // With rustls' own client the same server does resume.
        let mut stock = context.client_config().unwrap();
        stock.resumption = rustls::client::Resumption::in_memory_sessions(8);
        let kinds = kinds(&Arc::new(stock), &server);
        assert_eq!(kinds[2..], [Some(HandshakeKind::Resumed); 2], "{version:?}");
    }
}

/// A server with rustls' own verifier and its default of resuming sessions.
fn stock_server(context: &TlsContext, own: &mint::Identity) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root().certificate().into()).unwrap();
    let provider = Arc::clone(&context.provider);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
        .allow_unauthenticated()
        .build()
        .unwrap();
    let chain = own.chain.iter().map(|der| der.clone().into()).collect();
    let key = own.key.clone().try_into().unwrap();
    let clock = Arc::new(rustls::time_provider::DefaultTimeProvider);
    ServerConfig::builder_with_details(Arc::clone(&context.provider), clock)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap()
}
