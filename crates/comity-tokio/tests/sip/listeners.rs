//! Listeners with TLS of their own, and one for TLS and clear text.

use comity_rustls::{PortMode, Refusal};
use comity_sip::StatusCode;
use comity_sip::Transport::{Tcp, Tls};
use comity_sip::endpoint::Target;
use comity_tokio::sip::{Config, Listen, Notice, ReplaceError, TurnAway};
use comity_trust::PeerSubject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::party::{PATIENCE, Party, Seen, config, identity, request, secure};

fn names(text: &[&str]) -> Vec<comity_identity::DomainName> {
    text.iter().map(|name| name.parse().unwrap()).collect()
}

/// Goes to a listener of `b`, and tells whom each side takes the other for.
async fn meet(a: &mut Party, b: &mut Party, listener: usize, name: &str) -> [Notice; 2] {
    let (_, address) = b.server.addresses()[listener];
    let target = Target::new(Tls, address).named(name.parse().unwrap());
    a.send("sip:b@b.example", "hello", vec![target]).await;
    [a.notice().await, b.notice().await]
}

fn proved(notices: &[Notice; 2]) -> [Vec<comity_identity::DomainName>; 2] {
    let [
        Notice::Connected {
            proved: by_server, ..
        },
        Notice::Accepted {
            proved: by_client, ..
        },
    ] = notices
    else {
        panic!("{notices:?}");
    };
    [by_server.clone(), by_client.clone()]
}

async fn expect_answer(a: &mut Party, b: &mut Party) {
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
    assert!(matches!(b.next().await, Seen::Request(..)));
}

#[tokio::test]
async fn each_direction_and_each_listener_has_its_certificate() {
    let mut wanted = secure(3, &["b.example"]);
    wanted.tls.inbound.default = Some(identity(4, &["in.b.example"]));
    wanted.tls.outbound.default = Some(identity(5, &["out.b.example"]));
    let mut own = wanted.tls.clone();
    own.inbound.default = Some(identity(6, &["second.b.example"]));
    let second = wanted.listen[0].clone().secured(own);
    wanted.listen.push(second);
    let mut b = Party::start(wanted).await;
    let mut a = Party::start(secure(2, &["a.example"])).await;
    for (listener, name) in [(0, "in.b.example"), (1, "second.b.example")] {
        let notices = meet(&mut a, &mut b, listener, name).await;
        assert_eq!(proved(&notices), [names(&[name]), names(&["a.example"])]);
        expect_answer(&mut a, &mut b).await;
    }
    let mut c = Party::start(secure(7, &["c.example"])).await;
    let notices = meet(&mut b, &mut c, 0, "c.example").await;
    let expected = [names(&["c.example"]), names(&["out.b.example"])];
    assert_eq!(proved(&notices), expected);
}

#[tokio::test]
async fn a_listener_for_certain_peers_lets_nobody_else_in() {
    let mut wanted = secure(3, &["b.example"]);
    let mut own = wanted.tls.clone();
    let subject = |name: &str| PeerSubject::new(names(&[name])[0].clone());
    own.peer_subjects = Some(vec![subject("x.example"), subject("proxy.a.example")]);
    let closed = wanted.listen[0].clone().secured(own);
    wanted.listen.push(closed);
    let mut b = Party::start(wanted).await;
    let mut a = Party::start(secure(2, &["a.example", "proxy.a.example"])).await;
    let notices = meet(&mut a, &mut b, 1, "b.example").await;
    // The one who is let in stands first.
    let expected = [
        names(&["b.example"]),
        names(&["proxy.a.example", "a.example"]),
    ];
    assert_eq!(proved(&notices), expected);
    expect_answer(&mut a, &mut b).await;

    let mut c = Party::start(secure(4, &["c.example"])).await;
    let [_, turned_away] = meet(&mut c, &mut b, 1, "b.example").await;
    let Notice::TurnedAway {
        reason: TurnAway::Unproved(reason),
        ..
    } = turned_away
    else {
        panic!("{turned_away:?}");
    };
    assert_eq!(
        &*reason,
        "the certificate names c.example, not x.example or 1 more"
    );
    let mut c = Party::start(secure(4, &["c.example"])).await;
    let notices = meet(&mut c, &mut b, 0, "b.example").await;
    assert_eq!(proved(&notices)[1], names(&["c.example"]));
}

#[tokio::test]
async fn new_certificates_are_for_new_connections() {
    let with = |name: &str| secure(3, &[name]);
    let mut b = Party::start(with("old.b.example")).await;
    let mut a = Party::start(secure(2, &["a.example"])).await;
    let notices = meet(&mut a, &mut b, 0, "old.b.example").await;
    assert_eq!(proved(&notices)[0], names(&["old.b.example"]));
    expect_answer(&mut a, &mut b).await;

    b.server.replace_tls(&with("new.b.example")).await.unwrap();
    let notices = meet(&mut a, &mut b, 0, "new.b.example").await;
    assert_eq!(proved(&notices)[0], names(&["new.b.example"]));
    expect_answer(&mut a, &mut b).await;
    // The connection that there is stays.
    let target = Target::new(Tls, b.address(Tls)).named(names(&["old.b.example"])[0].clone());
    a.send("sip:b@b.example", "hello", vec![target]).await;
    expect_answer(&mut a, &mut b).await;

    let refused = b.server.replace_tls(&config(&[Tcp])).await;
    assert_eq!(refused, Err(ReplaceError::Listeners));
    let refused = b.server.replace_tls(&config(&[Tls])).await;
    let reason = comity_rustls::ConfigError::NoIdentity;
    assert_eq!(refused, Err(ReplaceError::Tls(reason)));
    b.server.shutdown().await;
    let ended = b.server.replace_tls(&with("new.b.example")).await;
    assert_eq!(ended, Err(ReplaceError::Ended));
}

fn shared() -> Config {
    let mut wanted = secure(3, &["b.example"]);
    wanted.listen = vec![Listen::new(Tls, "127.0.0.1:0".parse().unwrap()).shared()];
    assert_eq!(wanted.listen[0].mode, PortMode::LegacyAndTls);
    wanted
}

#[tokio::test]
async fn one_port_serves_tls_and_clear_text() {
    let mut b = Party::start(shared()).await;
    let mut a = Party::start(secure(2, &["a.example"])).await;
    let notices = meet(&mut a, &mut b, 0, "b.example").await;
    assert_eq!(
        proved(&notices),
        [names(&["b.example"]), names(&["a.example"])]
    );
    expect_answer(&mut a, &mut b).await;

    let mut stream = TcpStream::connect(b.address(Tls)).await.unwrap();
    let own = stream.local_addr().unwrap();
    let request = request("TCP", own, 1, "hi");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.unwrap().unwrap();
    assert!(text.starts_with("SIP/2.0 200 OK\r\n"), "{text}");
    assert!(matches!(
        b.notice().await,
        Notice::Accepted { transport: Tcp, peer, proved, .. } if peer == own && proved.is_empty()
    ));
    assert_eq!(b.next().await, Seen::Request("hi".into(), own));
    // And what it sends over TCP it sends so.
    let mut c = Party::start(config(&[Tcp])).await;
    let target = Target::new(Tcp, c.address(Tcp));
    while !matches!(b.notice().await, Notice::Closed { .. }) {}
    b.send("sip:c@c.example", "hello", vec![target]).await;
    assert!(matches!(c.notice().await, Notice::Accepted { .. }));
    assert!(matches!(c.next().await, Seen::Request(..)));
}

#[tokio::test]
async fn what_begins_otherwise_is_turned_away_from_a_shared_port() {
    let mut b = Party::start(shared()).await;
    for (bytes, refusal) in [
        (&b"<stream:stream"[..], Refusal::Unrecognised),
        (b"{}", Refusal::Unrecognised),
        (b"\x80\x2e\x01", Refusal::ObsoleteClient),
    ] {
        let mut stream = TcpStream::connect(b.address(Tls)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let Notice::TurnedAway { reason, .. } = b.notice().await else {
            panic!("it was served");
        };
        assert_eq!(reason, TurnAway::Refused(refusal));
    }
}
