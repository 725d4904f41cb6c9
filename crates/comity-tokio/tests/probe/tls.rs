//! Servers that are too old for rustls, or are no TLS servers.

use comity_identity::Severity::{Error, Note, Warning};
use comity_rustls::{Hello, HelloReader, TlsContext, TlsVersion, default_provider};
use comity_trust::Protocols;
use rustls::ProtocolVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{
    authority, check, config, identity, leaf, serve, serve_sip, short, sip_zone, stranger,
};

const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// The beginning of a server's hello with this version and suite.
fn hello(version: [u8; 2], suite: [u8; 2]) -> Vec<u8> {
    let mut message = vec![2, 0, 0, 38];
    message.extend(version);
    message.extend([9; 32]);
    message.push(0);
    message.extend(suite);
    message.push(0);
    let length = u8::try_from(message.len()).unwrap();
    [&[22, 3, 1, 0, length], message.as_slice()].concat()
}

/// Answers the hello of a client as an old server would.
async fn answer(mut stream: TcpStream, with: fn(&Hello) -> Vec<u8>) {
    let mut reader = HelloReader::new();
    let mut chunk = [0; 2048];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        if let Some(hello) = reader.read(&chunk[..count]).unwrap() {
            stream.write_all(&with(&hello)).await.unwrap();
            let _ = stream.shutdown().await;
        }
    }
}

async fn found(with: fn(&Hello) -> Vec<u8>) -> Vec<(&'static str, comity_identity::Severity)> {
    let address = serve(move |stream| answer(stream, with)).await;
    short(&check(sip_zone(address.port()), &config(Protocols::Sip)).await)
}

#[tokio::test]
async fn a_server_of_tls_1_1_is_named() {
    let with = |offered: &Hello| {
        if offered.versions.contains(&ProtocolVersion::TLSv1_3) {
            return PROTOCOL_VERSION.to_vec();
        }
        hello([3, 2], [0xC0, 0x14])
    };
    assert_eq!(found(with).await, [("tls-old-versions-only", Error)]);
}

#[tokio::test]
async fn a_server_of_rsa_key_exchange_is_named() {
    let with = |offered: &Hello| {
        let rsa = rustls::CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;
        if offered.cipher_suites.contains(&rsa) {
            return hello([3, 3], [0x00, 0x9C]);
        }
        HANDSHAKE_FAILURE.to_vec()
    };
    assert_eq!(found(with).await, [("tls-rsa-key-exchange-only", Error)]);
}

#[tokio::test]
async fn a_server_that_wants_nothing_is_told_by_its_alert() {
    assert_eq!(
        found(|_| HANDSHAKE_FAILURE.to_vec()).await,
        [("tls-alert-handshake-failure", Error)]
    );
    assert_eq!(found(|_| Vec::new()).await, [("tls-closed", Error)]);
    assert_eq!(
        found(|_| b"220 mail.b.example ESMTP\r\n".to_vec()).await,
        [("tls-not-spoken", Error)]
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_forever() {
    let address = serve(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let report = check(sip_zone(address.port()), &config(Protocols::Sip)).await;
    assert_eq!(short(&report), [("tls-timed-out", Error)]);
}

#[tokio::test]
async fn versions_that_a_server_does_not_speak_are_noted() {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), &leaf("b.example")));
    let mut found = Vec::new();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        context.min_version = version;
        context.max_version = version;
        let address = serve_sip(&context, |_| vec!["nothing of SIP\r\n\r\n".to_owned()]).await;
        let report = check(sip_zone(address.port()), &config(Protocols::Sip)).await;
        found.extend(
            short(&report)
                .into_iter()
                .filter(|(_, severity)| *severity == Note),
        );
    }
    assert_eq!(found, [("tls-no-tls13", Note), ("tls-no-tls12", Note)]);
}

#[tokio::test]
async fn a_server_that_wants_certificates_with_tls_1_2_too_speaks_it() {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), &leaf("b.example")));
    context.client_auth = comity_rustls::ClientAuth::Present;
    let address = serve_sip(&context, |_| vec!["nothing of SIP\r\n\r\n".to_owned()]).await;
    let report = check(sip_zone(address.port()), &config(Protocols::Sip)).await;
    assert_eq!(short(&report), [("sip-not-spoken", Error)]);
}

#[tokio::test]
async fn a_server_that_gets_no_certificate_is_not_taken_for_one_without_suites() {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), &leaf("b.example")));
    context.client_auth = comity_rustls::ClientAuth::Present;
    context.max_version = TlsVersion::Tls12;
    let modern = serve_sip(&context, |_| Vec::new()).await;
    // It takes old suites as well.
    let address = serve(move |stream| async move {
        let mut first = vec![0; 4096];
        let count = stream.peek(&mut first).await.unwrap();
        let offered = HelloReader::new().read(&first[..count]).unwrap().unwrap();
        let cbc = rustls::CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256;
        if offered.cipher_suites.contains(&cbc) {
            return answer(stream, |_| hello([3, 3], [0xC0, 0x27])).await;
        }
        let mut stream = stream;
        let mut other = TcpStream::connect(modern).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut other).await;
    })
    .await;
    let mut config = config(Protocols::Sip);
    config.sip.tls.identity = None;
    let report = check(sip_zone(address.port()), &config).await;
    assert_eq!(short(&report), [("tls-alert-certificate-required", Error)]);
}

#[tokio::test]
async fn an_alert_about_our_certificate_is_found_though_it_comes_late() {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), &leaf("b.example")));
    let mut policy =
        comity_trust::Policy::new(comity_rustls::signature_algorithms(&default_provider()));
    let root = authority().certificate_pem();
    let added = policy.store.add_anchors_from_pem(root.as_bytes());
    assert_eq!(added, Ok(1));
    let clock = std::sync::Arc::new(rustls::time_provider::DefaultTimeProvider);
    let enforce = comity_rustls::Enforce::new(policy.into(), clock);
    context.client_auth = comity_rustls::ClientAuth::Required(enforce);
    let address = serve_sip(&context, |_| Vec::new()).await;
    let mut config = config(Protocols::Sip);
    config.sip.tls.identity = Some(identity(&stranger(), &leaf("a.example")));
    let report = check(sip_zone(address.port()), &config).await;
    assert_eq!(short(&report)[0], ("tls-alert-unknown-ca", Error));
    config.sip.tls.identity = None;
    let report = check(sip_zone(address.port()), &config).await;
    assert_eq!(short(&report)[0], ("tls-alert-certificate-required", Error));
}

#[tokio::test]
async fn a_server_that_still_takes_old_versions_is_warned_of() {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), &leaf("b.example")));
    let modern = serve_sip(&context, |_| vec!["nothing of SIP\r\n\r\n".to_owned()]).await;
    // Old hellos are answered here, all others by the modern server.
    let address = serve(move |stream| async move {
        let mut first = vec![0; 4096];
        let count = stream.peek(&mut first).await.unwrap();
        let offered = HelloReader::new().read(&first[..count]).unwrap().unwrap();
        if offered.versions == [ProtocolVersion::TLSv1_1] {
            return answer(stream, |_| hello([3, 2], [0xC0, 0x14])).await;
        }
        let mut stream = stream;
        let mut other = TcpStream::connect(modern).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut other).await;
    })
    .await;
    let report = check(sip_zone(address.port()), &config(Protocols::Sip)).await;
    assert!(
        short(&report).contains(&("tls-old-version-accepted", Warning)),
        "{:?}",
        report.findings
    );
}
