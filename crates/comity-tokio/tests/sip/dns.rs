//! The testkit's name server on a socket.

use std::net::{Ipv4Addr, SocketAddr};

use comity_testkit::dns::{FakeDns, Transport};
use tokio::net::UdpSocket;

/// Answers from `zone` until the test ends.
pub(crate) async fn serve(mut zone: FakeDns) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buf = [0; 1500];
        while let Ok((len, client)) = socket.recv_from(&mut buf).await {
            for answer in zone.answer(Transport::Udp, &buf[..len]) {
                socket.send_to(&answer, client).await.unwrap();
            }
        }
    });
    address
}
