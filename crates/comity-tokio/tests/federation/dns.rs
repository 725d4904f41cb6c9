//! The testkit's name server on sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use comity_testkit::dns::{FakeDns, Fault, Transport, When, frame, unframe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Mutex;

use crate::site::Party;

/// Cuts every datagram.
pub(crate) fn cut(zone: FakeDns, _: &[Party]) -> FakeDns {
    zone.fault(When::always().over(Transport::Udp), Fault::Truncated)
}

/// Answers nothing.
pub(crate) fn silent(zone: FakeDns, _: &[Party]) -> FakeDns {
    zone.fault(When::always(), Fault::Drop)
}

pub(crate) struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Sockets {
    /// Takes a port that is free for both protocols.
    pub(crate) async fn bind() -> Self {
        loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                return Self { udp, tcp };
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.tcp.local_addr().unwrap()
    }

    /// Answers until the test ends.
    pub(crate) fn serve(self, zone: FakeDns) {
        let zone = Arc::new(Mutex::new(zone));
        tokio::spawn(serve_udp(self.udp, Arc::clone(&zone)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.tcp.accept().await {
                tokio::spawn(serve_tcp(stream, Arc::clone(&zone)));
            }
        });
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<FakeDns>>) {
    let mut buf = [0; 1500];
    while let Ok((len, client)) = socket.recv_from(&mut buf).await {
        for answer in zone.lock().await.answer(Transport::Udp, &buf[..len]) {
            socket.send_to(&answer, client).await.unwrap();
        }
    }
}

async fn serve_tcp(mut stream: TcpStream, zone: Arc<Mutex<FakeDns>>) -> io::Result<()> {
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await? > 0 {
        while let Some(query) = unframe(&mut received) {
            for answer in zone.lock().await.answer(Transport::Tcp, &query) {
                stream.write_all(&frame(&answer)).await?;
            }
        }
    }
    Ok(())
}
