use comity_sip::StatusCode;
use comity_sip::Transport::Tcp;
use comity_sip::endpoint::Target;
use comity_tokio::sip::{CloseReason, Notice};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::party::{PATIENCE, Party, Seen, config, request};

#[tokio::test]
async fn one_connection_carries_all_requests_to_a_target() {
    let (mut a, mut b) = (
        Party::start(config(&[Tcp])).await,
        Party::start(config(&[Tcp])).await,
    );
    let mut source = None;
    for number in 0..3 {
        let target = Target::new(Tcp, b.address(Tcp));
        a.send("sip:b@b.example", "hello", vec![target]).await;
        if number == 0 {
            assert!(matches!(
                a.notice().await,
                Notice::Connected { transport: Tcp, peer, proved, .. }
                    if peer == b.address(Tcp) && proved.is_empty()
            ));
            let Notice::Accepted { peer, .. } = b.notice().await else {
                panic!("nobody came");
            };
            source = Some(peer);
        }
        let expected = Seen::Request("hello".into(), source.unwrap());
        assert_eq!(b.next().await, expected);
        assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
    }
    // And back on it, as on no other.
    let target = Target::new(Tcp, source.unwrap());
    b.send("sip:a@a.example", "back", vec![target]).await;
    let expected = Seen::Request("back".into(), b.address(Tcp));
    assert_eq!(a.next().await, expected);
    assert_eq!(b.next().await, Seen::Response(StatusCode::OK));
}

#[tokio::test]
async fn requests_are_answered_however_they_are_cut() {
    let mut party = Party::start(config(&[Tcp])).await;
    let mut stream = TcpStream::connect(party.address(Tcp)).await.unwrap();
    let own = stream.local_addr().unwrap();
    let requests: String = (0..200)
        .map(|number| request("TCP", own, number, "hi"))
        .collect();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        for piece in requests.as_bytes().chunks(1_777) {
            writer.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let read = async {
        let mut text = String::new();
        let mut buf = [0; 4096];
        while text.matches("SIP/2.0 200 OK").count() < 200 {
            let read = timeout(PATIENCE, reader.read(&mut buf)).await;
            let len = read.unwrap().unwrap();
            text.push_str(std::str::from_utf8(&buf[..len]).unwrap());
        }
        text
    };
    let ((), text) = tokio::join!(write, read);
    for number in 0..200 {
        let answers = text.matches(&format!("branch=z9hG4bK{number};")).count();
        assert_eq!(answers, 1, "{number}");
    }
    assert!(matches!(party.notice().await, Notice::Accepted { .. }));
    for _ in 0..200 {
        assert_eq!(party.next().await, Seen::Request("hi".into(), own));
    }
}

#[tokio::test]
async fn who_ends_its_direction_gets_its_answer_before_the_end() {
    let mut party = Party::start(config(&[Tcp])).await;
    let mut stream = TcpStream::connect(party.address(Tcp)).await.unwrap();
    let own = stream.local_addr().unwrap();
    let request = request("TCP", own, 1, "hi");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.unwrap().unwrap();
    assert!(text.starts_with("SIP/2.0 200 OK\r\n"), "{text}");
    assert!(matches!(party.notice().await, Notice::Accepted { .. }));
    assert_eq!(party.next().await, Seen::Request("hi".into(), own));
    assert!(matches!(
        party.notice().await,
        Notice::Closed {
            reason: CloseReason::ByPeer,
            ..
        }
    ));
}

#[tokio::test]
async fn what_is_no_sip_ends_the_connection_behind_its_answer() {
    let mut party = Party::start(config(&[Tcp])).await;
    let mut stream = TcpStream::connect(party.address(Tcp)).await.unwrap();
    let own = stream.local_addr().unwrap();
    let request = request("TCP", own, 1, "hi").replace("Content-Length: 2", "Content-Length: x");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.unwrap().unwrap();
    assert!(text.starts_with("SIP/2.0 400 "), "{text}");
    assert!(matches!(party.notice().await, Notice::Accepted { .. }));
    assert!(matches!(
        party.notice().await,
        Notice::Closed {
            reason: CloseReason::ByEndpoint,
            ..
        }
    ));
}

#[tokio::test]
async fn a_target_that_refuses_is_told_at_once() {
    let mut a = Party::start(config(&[Tcp])).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let target = Target::new(Tcp, address);
    a.send("sip:b@b.example", "hello", vec![target]).await;
    let Notice::ConnectFailed { peer, reason, .. } = a.notice().await else {
        panic!("it connected");
    };
    assert_eq!(peer, address);
    assert!(reason.starts_with("Connection refused"), "{reason}");
    assert_eq!(a.next().await, Seen::Failed("the transport failed".into()));
}

#[tokio::test]
async fn a_connection_that_is_lost_fails_its_requests_at_once() {
    let mut a = Party::start(config(&[Tcp])).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::new(Tcp, listener.local_addr().unwrap());
    a.send("sip:b@b.example", "hello", vec![target]).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buf = [0; 16];
    stream.read_exact(&mut buf).await.unwrap();
    drop(stream);
    assert!(matches!(a.notice().await, Notice::Connected { .. }));
    assert!(matches!(a.notice().await, Notice::Closed { .. }));
    assert_eq!(a.next().await, Seen::Failed("the transport failed".into()));
}

#[tokio::test]
async fn a_shutdown_ends_connections_in_order() {
    let mut party = Party::start(config(&[Tcp])).await;
    let address = party.address(Tcp);
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(matches!(party.notice().await, Notice::Accepted { .. }));
    let read = tokio::spawn(async move {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.map(|_| rest)
    });
    let ended = timeout(PATIENCE, party.server.shutdown()).await;
    ended.expect("it ends");
    assert_eq!(read.await.unwrap().unwrap(), b"");
    assert!(matches!(
        party.notice().await,
        Notice::Closed {
            reason: CloseReason::Shutdown,
            ..
        }
    ));
    assert!(TcpStream::connect(address).await.is_err());
    let called = party.server.call(|_, _, _| {}).await;
    assert_eq!(called.unwrap_err().to_string(), "the server has ended");
}
