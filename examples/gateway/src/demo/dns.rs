//! The testkit's name server on sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use comity_testkit::dns::{FakeDns, Transport, frame, unframe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Mutex;

/// The sockets of a name server that does not answer yet.
pub(super) struct DnsSockets {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl DnsSockets {
    /// Takes a free port for both protocols.
    pub(super) async fn bind() -> io::Result<Self> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            match UdpSocket::bind(tcp.local_addr()?).await {
                Ok(udp) => return Ok(Self { udp, tcp }),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Answers from `zone` until the runtime ends.
    pub(super) fn serve(self, zone: FakeDns) {
        let zone = Arc::new(Mutex::new(zone));
        tokio::spawn(serve_udp(self.udp, Arc::clone(&zone)));
        tokio::spawn(serve_tcp(self.tcp, zone));
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<FakeDns>>) {
    let mut buf = [0; 1500];
    while let Ok((len, client)) = socket.recv_from(&mut buf).await {
        let query = buf.get(..len).unwrap_or_default();
        for answer in zone.lock().await.answer(Transport::Udp, query) {
            // A client that is gone needs no answer.
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<FakeDns>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let zone = Arc::clone(&zone);
        // A client that is gone needs no answer.
        tokio::spawn(async move { drop(serve_stream(stream, zone).await) });
    }
}

async fn serve_stream(mut stream: TcpStream, zone: Arc<Mutex<FakeDns>>) -> io::Result<()> {
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

const ATTEMPTS: usize = 16;
