use std::sync::Arc;

use comity_rustls::{TlsContext, default_provider};
use comity_sip::StatusCode;
use comity_sip::Transport::Tls;
use comity_sip::endpoint::Target;
use comity_testkit::mint::Ca;
use comity_tokio::sip::{Notice, TurnAway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::party::{PATIENCE, Party, Seen, secure, secure_by};

fn names(text: &[&str]) -> Vec<comity_identity::DomainName> {
    text.iter().map(|name| name.parse().unwrap()).collect()
}

fn target(party: &Party, name: &str) -> Target {
    Target::new(Tls, party.address(Tls)).named(name.parse().unwrap())
}

#[tokio::test]
async fn both_sides_prove_their_names() {
    let mut a = Party::start(secure(2, &["a.example", "*.a.example", "other.example"])).await;
    let mut b = Party::start(secure(3, &["sip.b.example", "b.example"])).await;
    a.send("sip:b@b.example", "hello", vec![target(&b, "b.example")])
        .await;
    let Notice::Connected { proved, .. } = a.notice().await else {
        panic!("not connected");
    };
    assert_eq!(proved, names(&["b.example", "sip.b.example"]));
    let Notice::Accepted { proved, peer, .. } = b.notice().await else {
        panic!("not accepted");
    };
    // A wildcard proves nothing.
    assert_eq!(proved, names(&["a.example", "other.example"]));
    assert_eq!(b.next().await, Seen::Request("hello".into(), peer));
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
}

#[tokio::test]
async fn a_server_of_another_name_is_not_spoken_to() {
    for (has, reason) in [
        (
            &["c.example"][..],
            "the certificate names c.example, not sip.b.example",
        ),
        (
            &["*.b.example"],
            "the certificate names *.b.example, not sip.b.example; a wildcard does not count here",
        ),
    ] {
        let mut a = Party::start(secure(2, &["a.example"])).await;
        let b = Party::start(secure(3, has)).await;
        a.send(
            "sip:b@b.example",
            "hello",
            vec![target(&b, "sip.b.example")],
        )
        .await;
        let Notice::ConnectFailed { reason: told, .. } = a.notice().await else {
            panic!("connected");
        };
        assert_eq!(&*told, reason);
        assert_eq!(a.next().await, Seen::Failed("the transport failed".into()));
    }
}

#[tokio::test]
async fn a_client_whose_certificate_proves_nothing_is_turned_away() {
    let elsewhere = Ca::new("Nobody's CA", [9; 32]).self_signed();
    for (config, reason) in [
        (
            secure_by(&elsewhere, 2, &["a.example"]),
            "the certificate chain does not lead to a trusted CA",
        ),
        (
            secure(2, &["*.a.example"]),
            "the certificate proves nobody: it names *.a.example",
        ),
        (
            secure(2, &[]),
            "the certificate proves nobody: it names nothing",
        ),
    ] {
        let mut b = Party::start(secure(3, &["b.example"])).await;
        let mut a = Party::start(config).await;
        a.send("sip:b@b.example", "hello", vec![target(&b, "b.example")])
            .await;
        let told = b.notice().await;
        let Notice::TurnedAway {
            reason: TurnAway::Unproved(told),
            ..
        } = told
        else {
            panic!("{told:?}");
        };
        assert_eq!(&*told, reason);
        assert!(matches!(a.notice().await, Notice::Connected { .. }));
        assert!(matches!(a.notice().await, Notice::Closed { .. }));
        assert_eq!(a.next().await, Seen::Failed("the transport failed".into()));
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_turned_away() {
    let mut b = Party::start(secure(3, &["b.example"])).await;
    let context = TlsContext::observing(default_provider());
    let config = Arc::new(context.client_config().unwrap());
    let stream = TcpStream::connect(b.address(Tls)).await.unwrap();
    let name = "b.example".try_into().unwrap();
    let connected = TlsConnector::from(config).connect(name, stream).await;
    if let Ok(mut stream) = connected {
        // In TLS 1.3 a client learns afterwards that its certificate is missed.
        let mut buf = [0; 1];
        let read = timeout(PATIENCE, stream.read(&mut buf)).await.unwrap();
        assert!(read.is_err(), "{read:?}");
    }
    let told = b.notice().await;
    assert!(
        matches!(
            &told,
            Notice::TurnedAway {
                reason: TurnAway::Handshake(_),
                transport: Tls,
                ..
            }
        ),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_is_no_tls_is_turned_away() {
    let mut b = Party::start(secure(3, &["b.example"])).await;
    let mut stream = TcpStream::connect(b.address(Tls)).await.unwrap();
    stream
        .write_all(b"OPTIONS sip:b.example SIP/2.0\r\n")
        .await
        .unwrap();
    let told = b.notice().await;
    assert!(
        matches!(
            &told,
            Notice::TurnedAway {
                reason: TurnAway::Handshake(_),
                transport: Tls,
                ..
            }
        ),
        "{told:?}"
    );
}
