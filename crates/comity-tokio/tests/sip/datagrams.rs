use std::net::Ipv4Addr;

use comity_sip::Transport::{Tcp, Udp};
use comity_sip::endpoint::Target;
use comity_sip::{StatusCode, Transport};
use comity_tokio::sip::{Listen, Server, StartError};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::party::{PATIENCE, Party, Seen, config, request};

#[tokio::test]
async fn a_datagram_is_answered_to_its_source() {
    let mut party = Party::start(config(&[Udp])).await;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let own = socket.local_addr().unwrap();
    // More than are read at a time.
    for number in 0..100 {
        let request = request("UDP", own, number, "hi");
        let to = party.address(Udp);
        socket.send_to(request.as_bytes(), to).await.unwrap();
        let mut buf = [0; 2000];
        let (len, from) = timeout(PATIENCE, socket.recv_from(&mut buf))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(from, to);
        let response = String::from_utf8_lossy(&buf[..len]);
        let port = own.port();
        let start = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{number};rport={port};\
             received=127.0.0.1\r\n"
        );
        assert!(response.starts_with(&start), "{response}");
        assert_eq!(party.next().await, Seen::Request("hi".into(), own));
    }
}

#[tokio::test]
async fn a_burst_of_datagrams_is_answered_whole() {
    let mut party = Party::start(config(&[Udp])).await;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let own = socket.local_addr().unwrap();
    // More than are read before it is the turn of others.
    for number in 0..100 {
        let request = request("UDP", own, number, "hi");
        let to = party.address(Udp);
        socket.send_to(request.as_bytes(), to).await.unwrap();
    }
    for _ in 0..100 {
        let mut buf = [0; 2000];
        let received = timeout(PATIENCE, socket.recv_from(&mut buf)).await;
        received.unwrap().unwrap();
        assert_eq!(party.next().await, Seen::Request("hi".into(), own));
    }
}

#[tokio::test]
async fn two_servers_talk_over_udp() {
    let (mut a, mut b) = (
        Party::start(config(&[Udp])).await,
        Party::start(config(&[Udp])).await,
    );
    let target = Target::new(Udp, b.address(Udp));
    a.send("sip:b@b.example", "hello", vec![target]).await;
    let expected = Seen::Request("hello".into(), a.address(Udp));
    assert_eq!(b.next().await, expected);
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
}

#[tokio::test]
async fn a_request_leaves_by_the_socket_of_its_family() {
    let mut wanted = config(&[Udp]);
    let v6 = (std::net::Ipv6Addr::LOCALHOST, 0).into();
    wanted.listen.push(Listen::new(Udp, v6));
    let (mut a, mut b) = (
        Party::start(wanted.clone()).await,
        Party::start(wanted).await,
    );
    for at in 0..2 {
        let (_, to) = b.server.addresses()[at];
        let target = Target::new(Udp, to);
        a.send("sip:b@b.example", "hello", vec![target]).await;
        let (_, from) = a.server.addresses()[at];
        assert_eq!(b.next().await, Seen::Request("hello".into(), from));
        assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
    }
}

#[tokio::test]
async fn others_are_told_the_name_that_is_advertised() {
    let mut wanted = config(&[Udp]);
    let host: comity_identity::Host = "sip.a.example".parse().unwrap();
    wanted.listen[0] = wanted.listen[0].clone().advertised(host, Some(5070));
    let a = Party::start(wanted).await;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = Target::new(Udp, socket.local_addr().unwrap());
    a.send("sip:b@b.example", "hello", vec![target]).await;
    let mut buf = [0; 2000];
    let received = timeout(PATIENCE, socket.recv_from(&mut buf)).await;
    let (len, from) = received.unwrap().unwrap();
    assert_eq!(from, a.address(Udp));
    let request = String::from_utf8_lossy(&buf[..len]);
    assert!(
        request.contains("\r\nVia: SIP/2.0/UDP sip.a.example:5070;branch="),
        "{request}"
    );
}

#[tokio::test]
async fn an_address_that_is_all_addresses_needs_a_name() {
    for transport in [Udp, Tcp, Transport::Tls] {
        let address = (Ipv4Addr::UNSPECIFIED, 0).into();
        let mut wanted = crate::party::secure(1, &["a.example"]);
        wanted.listen = vec![Listen::new(transport, address)];
        let started = Server::start(wanted, crate::limits::Nobody).await;
        let error = started.expect_err("it needs a name");
        assert_eq!(error, StartError::Nameless { transport, address });
    }
}
