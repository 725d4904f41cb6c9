//! Peers that are no XMPP servers, or bad ones.

use comity_policy::{Requirement, TlsMode};
use comity_tokio::{Event, Federation};
use comity_xmpp::router::AcceptError;
use comity_xmpp::stream::{CloseReason, Rejection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::site::{Authorities, PATIENCE, Proof, Site};

#[tokio::test]
async fn last_words_arrive_even_if_the_peer_goes_on_to_write() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let mut stream = connect(&site.a.federation).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    stream.write_all(&[b'x'; 16 * 1024]).await.unwrap();
    let said = String::from_utf8(read_to_end(&mut stream).await).unwrap();
    assert!(said.contains("<bad-format "), "{said}");
    assert!(said.ends_with("</stream:stream>"), "{said}");
    // The first of these would have the connection reset, and the second would fail, if nobody
    // took them.
    stream.write_all(b"more").await.unwrap();
    stream.write_all(b"and more").await.unwrap();
    drop(stream);
    let closed = site.a.next_closed().await;
    let CloseReason::Rejected(rejection) = closed else {
        panic!("{closed}");
    };
    assert_eq!(rejection.condition().name(), "bad-format");
    site.end().await;
}

#[tokio::test]
async fn who_does_not_say_whose_it_is_is_offered_what_the_rules_now_say_of_strangers() {
    let site = Site::start(Authorities::Common, Proof::Dialback, |_| {}).await;
    let nameless = String::from_utf8_lossy(HEADER).replace(" from='b.example'", "");
    let mut rules = comity_policy::Config::default();
    rules.local_domains.insert("a.example".parse().unwrap());
    rules.xmpp.enabled = comity_policy::Switch::On;
    for (tls, offer) in [
        (TlsMode::Required, "<required/></starttls>"),
        (
            TlsMode::Optional,
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        ),
    ] {
        rules.xmpp.default_security.tls = tls;
        rules.xmpp.default_security.certificate = Requirement::Optional;
        let replaced = site.a.federation.replace_policy(rules.clone()).await;
        assert_eq!(replaced, Ok(()));
        let mut stream = connect(&site.a.federation).await;
        stream.write_all(nameless.as_bytes()).await.unwrap();
        let said = read_until(&mut stream, "</stream:features>").await;
        assert!(said.contains(offer), "{said}");
    }
    site.end().await;
}

#[tokio::test]
async fn clear_text_behind_the_request_to_start_tls_ends_the_stream() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let mut stream = connect(&site.a.federation).await;
    stream.write_all(HEADER).await.unwrap();
    read_until(&mut stream, "</stream:features>").await;
    let request = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq/>";
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(
        site.a.next_closed().await,
        CloseReason::Rejected(Rejection::DataBeforeTls)
    );
    drop(stream);
    site.end().await;
}

#[tokio::test]
async fn the_peer_of_a_failed_handshake_reads_proceed_and_the_alert() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let mut stream = connect(&site.a.federation).await;
    stream.write_all(HEADER).await.unwrap();
    read_until(&mut stream, "</stream:features>").await;
    let request = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    stream.write_all(request.as_bytes()).await.unwrap();
    read_until(
        &mut stream,
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    )
    .await;
    stream
        .write_all(b"this is not a ClientHello")
        .await
        .unwrap();
    let alert = read_to_end(&mut stream).await;
    stream.write_all(b"more").await.unwrap();
    stream.write_all(b"and more").await.unwrap();
    drop(stream);
    // An alert record of two bytes: fatal.
    assert_eq!(alert[0], 21);
    assert_eq!(alert[3..6], [0, 2, 2]);
    let closed = site.a.next_closed().await;
    assert!(matches!(closed, CloseReason::TlsFailed(_)), "{closed}");
    site.end().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.router.limits.max_inbound = 1;
    })
    .await;
    let first = connect(&site.a.federation).await;
    let accepted = site.a.next().await;
    assert!(matches!(accepted, Event::Accepted { .. }), "{accepted}");
    let mut second = connect(&site.a.federation).await;
    assert_eq!(read_to_end(&mut second).await, b"");
    let turned_away = site.a.next().await;
    let Event::TurnedAway { peer, reason } = turned_away else {
        panic!("{turned_away}");
    };
    assert_eq!(peer, second.local_addr().unwrap());
    assert_eq!(reason, AcceptError::TooMany);
    drop(first);
    assert_eq!(site.a.next_closed().await, CloseReason::ConnectionLost);
    site.end().await;
}

async fn connect(federation: &Federation) -> TcpStream {
    TcpStream::connect(federation.addresses()[0]).await.unwrap()
}

/// Reads until what came ends with `end`.
pub(crate) async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut received = Vec::new();
    while !received.ends_with(end.as_bytes()) {
        let read = timeout(PATIENCE, stream.read_buf(&mut received)).await;
        let read = read.expect("more comes").unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&received));
    }
    String::from_utf8(received).unwrap()
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut received)).await;
    read.expect("an end comes").unwrap();
    received
}

pub(crate) const HEADER: &[u8] =
    b"<stream:stream xmlns='jabber:server' from='b.example' to='a.example' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
