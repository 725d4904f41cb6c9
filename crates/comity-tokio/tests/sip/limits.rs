use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use comity_sip::StatusCode;
use comity_sip::Transport::{Tcp, Tls, Udp};
use comity_sip::endpoint::{Endpoint, Event, Target};
use comity_tokio::sip::{Application, CloseReason, Notice, TurnAway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::party::{PATIENCE, Party, Seen, config, request, secure};

/// An application that answers nothing.
pub(crate) struct Nobody;

impl Application for Nobody {
    fn handle_event(&mut self, _: Instant, _: &mut Endpoint, _: Event) {}
}

#[tokio::test]
async fn a_connection_too_many_is_turned_away() {
    let mut wanted = config(&[Tcp]);
    wanted.endpoint.limits.max_connections_per_source = 2;
    let mut party = Party::start(wanted).await;
    let address = party.address(Tcp);
    let _held = [
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
    ];
    for _ in 0..2 {
        assert!(matches!(party.notice().await, Notice::Accepted { .. }));
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    let peer = third.local_addr().unwrap();
    assert_eq!(
        party.notice().await,
        Notice::TurnedAway {
            transport: Tcp,
            peer,
            reason: TurnAway::TooMany
        }
    );
    let mut buf = [0; 1];
    let read = timeout(PATIENCE, third.read(&mut buf)).await.unwrap();
    assert_eq!(read.unwrap(), 0);
}

/// What is told of a peer whose handshake is not served.
fn away(stream: &TcpStream, reason: TurnAway) -> Notice {
    Notice::TurnedAway {
        transport: Tls,
        peer: stream.local_addr().unwrap(),
        reason,
    }
}

#[tokio::test]
async fn handshakes_of_one_source_are_bounded_and_do_not_take_for_ever() {
    let mut wanted = secure(3, &["b.example"]);
    wanted.limits.max_handshakes_per_source = 1;
    wanted.limits.handshake_timeout = Duration::from_millis(200);
    let mut party = Party::start(wanted).await;
    let address = party.address(Tls);
    let first = TcpStream::connect(address).await.unwrap();
    let second = TcpStream::connect(address).await.unwrap();
    let expected = away(&second, TurnAway::TooManyHandshakes);
    assert_eq!(party.notice().await, expected);
    let late = TurnAway::Handshake("it took too long".into());
    assert_eq!(party.notice().await, away(&first, late.clone()));
    let third = TcpStream::connect(address).await.unwrap();
    assert_eq!(party.notice().await, away(&third, late));
}

/// A connection from another address of this machine.
async fn connect_from(host: u8, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind((Ipv4Addr::new(127, 0, 0, host), 0).into())
        .unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test]
async fn a_stranger_makes_room_for_another_source() {
    let mut wanted = config(&[Tcp]);
    wanted.endpoint.limits.max_connections = 3;
    let mut party = Party::start(wanted).await;
    let address = party.address(Tcp);
    let mut strangers = Vec::new();
    let mut accepted = Vec::new();
    for host in [1, 1, 2, 3] {
        strangers.push(connect_from(host, address).await);
        let Notice::Accepted { connection, .. } = party.notice().await else {
            panic!("it was turned away");
        };
        accepted.push(connection);
    }
    let Notice::Closed {
        connection, reason, ..
    } = party.notice().await
    else {
        panic!("nobody makes room");
    };
    assert_eq!((connection, reason), (accepted[0], CloseReason::ByEndpoint));
    let mut buf = [0; 1];
    let read = timeout(PATIENCE, strangers[0].read(&mut buf))
        .await
        .unwrap();
    assert_eq!(read.unwrap(), 0);
}

#[tokio::test]
async fn the_first_handshake_of_the_largest_crowd_makes_room_for_another_source() {
    let mut wanted = secure(3, &["b.example"]);
    wanted.limits.max_handshakes = 3;
    wanted.limits.handshake_timeout = Duration::from_secs(3_600);
    wanted.limits.handshake_grace = Duration::from_millis(100);
    let mut party = Party::start(wanted).await;
    let address = party.address(Tls);
    let first = connect_from(1, address).await;
    let _silent = [
        connect_from(1, address).await,
        connect_from(2, address).await,
    ];
    // One that has one already has to wait until that is over.
    let second = connect_from(2, address).await;
    let expected = away(&second, TurnAway::TooManyHandshakes);
    assert_eq!(party.notice().await, expected);
    let mut newcomer = connect_from(3, address).await;
    assert_eq!(party.notice().await, away(&first, TurnAway::Crowded));
    // What it began with is no TLS, and it is told so itself.
    newcomer.write_all(b"OPTIONS").await.unwrap();
    let Notice::TurnedAway { peer, reason, .. } = party.notice().await else {
        panic!("it was served");
    };
    assert_eq!(peer, newcomer.local_addr().unwrap());
    assert!(matches!(reason, TurnAway::Handshake(_)), "{reason}");
}

#[tokio::test]
async fn a_handshake_waits_for_its_turn() {
    let mut wanted = secure(3, &["b.example"]);
    wanted.limits.max_handshakes = 1;
    wanted.limits.handshake_timeout = Duration::from_millis(200);
    let mut party = Party::start(wanted).await;
    let address = party.address(Tls);
    let first = TcpStream::connect(address).await.unwrap();
    let second = TcpStream::connect(address).await.unwrap();
    for stream in [first, second] {
        let Notice::TurnedAway { peer, reason, .. } = party.notice().await else {
            panic!("it was served");
        };
        assert_eq!(peer, stream.local_addr().unwrap());
        assert_eq!(reason, TurnAway::Handshake("it took too long".into()));
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_not_read_and_then_given_up() {
    let mut wanted = config(&[Tcp]);
    wanted.limits.write_timeout = Duration::from_millis(300);
    wanted.limits.max_unsent_bytes = 128 * 1024;
    wanted.endpoint.limits.max_transactions_per_source = 100_000;
    wanted.endpoint.limits.max_transactions = 100_000;
    let mut party = Party::start(wanted).await;
    // What the system holds for the peer is not ours to test.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(party.address(Tcp)).await.unwrap();
    let own = stream.local_addr().unwrap();
    let write = tokio::spawn(async move {
        for number in 0.. {
            let request = request("TCP", own, number, "hi");
            if stream.write_all(request.as_bytes()).await.is_err() {
                break;
            }
        }
    });
    let closed = loop {
        if let Seen::Notice(Notice::Closed { reason, .. }) = party.next().await {
            break reason;
        }
    };
    assert_eq!(closed, CloseReason::Unread);
    timeout(PATIENCE, write).await.unwrap().unwrap();
}

/// A peer asks over TCP, and its connection ends because the answer finds no room.
async fn assert_has_no_room_for_an_answer(party: &mut Party) {
    let mut stream = TcpStream::connect(party.address(Tcp)).await.unwrap();
    let own = stream.local_addr().unwrap();
    let request = request("TCP", own, 1, "hi");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(matches!(party.notice().await, Notice::Accepted { .. }));
    assert_eq!(party.next().await, Seen::Request("hi".into(), own));
    let Notice::Closed { reason, .. } = party.notice().await else {
        panic!("it goes on");
    };
    assert_eq!(reason, CloseReason::Unread);
}

#[tokio::test]
async fn what_finds_no_room_in_an_outbox_ends_the_connection() {
    let mut wanted = config(&[Tcp]);
    wanted.limits.max_unsent_bytes = 100;
    let mut party = Party::start(wanted).await;
    assert_has_no_room_for_an_answer(&mut party).await;
    assert_eq!(party.rest(), []);
}

#[tokio::test]
async fn a_peer_that_proved_nothing_is_ended_where_one_that_did_goes_on() {
    let mut wanted = secure(3, &["b.example"]);
    wanted.listen.extend(config(&[Tcp]).listen);
    wanted.limits.max_unproved_unsent_bytes = 100;
    let mut party = Party::start(wanted).await;
    assert_has_no_room_for_an_answer(&mut party).await;
    let mut proved = Party::start(secure(2, &["a.example"])).await;
    let target = Target::new(Tls, party.address(Tls)).named("b.example".parse().unwrap());
    proved.send("sip:b@b.example", "hello", vec![target]).await;
    assert!(matches!(proved.notice().await, Notice::Connected { .. }));
    assert_eq!(proved.next().await, Seen::Response(StatusCode::OK));
}

#[tokio::test]
async fn hosts_that_are_looked_up_have_a_number() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (limit, refused) in [(2, 1), (3, 0), (4, 0)] {
        let mut wanted = config(&[Udp]);
        wanted.discovery.servers = vec![silent.local_addr().unwrap()];
        wanted.limits.max_lookups = limit;
        let mut party = Party::start(wanted).await;
        // What is looked up already takes no further place.
        for host in ["b.example", "c.example", "b.example", "d.example"] {
            party
                .send(&format!("sip:b@{host}"), "hello", Vec::new())
                .await;
        }
        // What came of the last one is known when the next call is answered.
        let (answer, is_answered) = oneshot::channel();
        let call = party.server.call(|_, _, _| answer.send(()).unwrap());
        call.await.unwrap();
        is_answered.await.unwrap();
        let mut seen = party.rest().into_iter();
        for _ in 0..refused {
            let Some(Seen::Notice(notice)) = seen.next() else {
                panic!("it is looked up");
            };
            let why = "d.example was not found: too many hosts are being looked up";
            assert_eq!(notice.to_string(), why);
            let failed = Seen::Failed("no address is known for it".into());
            assert_eq!(seen.next(), Some(failed));
        }
        assert_eq!(seen.next(), None);
    }
}

#[tokio::test]
async fn connections_that_end_have_a_number() {
    for limit in [0, 1, 2, 3] {
        let mut wanted = config(&[Tcp]);
        wanted.limits.max_ending = limit;
        wanted.limits.linger_timeout = Duration::from_secs(3600);
        let mut party = Party::start(wanted).await;
        let mut peers = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(party.address(Tcp)).await.unwrap();
            assert!(matches!(party.notice().await, Notice::Accepted { .. }));
            stream.write_all(b"this is no SIP\r\n\r\n").await.unwrap();
            let Notice::Closed { reason, .. } = party.notice().await else {
                panic!("it goes on");
            };
            assert_eq!(reason, CloseReason::ByEndpoint);
            let mut words = Vec::new();
            // One that is cut off may lose the last words with the end.
            let _ = timeout(PATIENCE, stream.read_to_end(&mut words))
                .await
                .unwrap();
            peers.push(stream);
        }
        // Who was cut off cannot say any more; to who was not, it is thrown away.
        for stream in peers.iter_mut().skip(limit) {
            let cut = async { while stream.write_all(b"x").await.is_ok() {} };
            timeout(PATIENCE, cut).await.unwrap();
        }
        for stream in peers.iter_mut().take(limit) {
            for _ in 0..3 {
                stream.write_all(b"x").await.unwrap();
            }
        }
    }
}
