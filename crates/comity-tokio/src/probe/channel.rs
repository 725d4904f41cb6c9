use std::io;
use std::time::Duration;

use comity_rustls::diagnose::HandshakeFailure;
use rustls::AlertDescription;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// A connection with or without TLS, of which so much is read at most.
#[derive(Debug)]
pub(super) struct Channel {
    socket: Socket,
    /// Bytes that may still be read.
    left: usize,
}

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// It was given away for a handshake that failed.
    Gone,
}

/// What reading has brought.
#[derive(Debug)]
pub(super) enum Read {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The end, or more than is read.
    Ended,
    /// The end, and why: an alert may come after the handshake (RFC 8446 §4.4.2.4).
    Alert(AlertDescription),
}

impl Channel {
    pub(super) fn plain(stream: TcpStream, max_bytes: usize) -> Self {
        Self {
            socket: Socket::Plain(stream),
            left: max_bytes,
        }
    }

    /// Gives the connection away for a handshake.
    pub(super) fn take_plain(&mut self) -> Option<TcpStream> {
        match std::mem::replace(&mut self.socket, Socket::Gone) {
            Socket::Plain(stream) => Some(stream),
            Socket::Tls(_) | Socket::Gone => None,
        }
    }

    pub(super) fn secured(&mut self, stream: TlsStream<TcpStream>) {
        self.socket = Socket::Tls(Box::new(stream));
    }

    pub(super) fn local_address(&self) -> Option<std::net::SocketAddr> {
        let stream = match &self.socket {
            Socket::Plain(stream) => stream,
            Socket::Tls(stream) => stream.get_ref().0,
            Socket::Gone => return None,
        };
        stream.local_addr().ok()
    }

    /// Writes all of it. What is lost shows when the answer is read.
    pub(super) async fn write(&mut self, bytes: &[u8], limit: Duration) {
        let write = async {
            match &mut self.socket {
                Socket::Plain(stream) => stream.write_all(bytes).await,
                Socket::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
                Socket::Gone => Ok(()),
            }
        };
        let _ = timeout(limit, write).await;
    }

    pub(super) async fn read(&mut self) -> Read {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES.min(self.left));
        let read = match &mut self.socket {
            _ if self.left == 0 => Ok(0),
            Socket::Plain(stream) => stream.read_buf(&mut chunk).await,
            Socket::Tls(stream) => stream.read_buf(&mut chunk).await,
            Socket::Gone => Ok(0),
        };
        match read {
            Ok(0) => Read::Ended,
            Ok(count) => {
                self.left = self.left.saturating_sub(count);
                Read::Bytes(chunk)
            }
            Err(error) => ended_by(&error),
        }
    }
}

fn ended_by(error: &io::Error) -> Read {
    if let HandshakeFailure::Alert(alert) = HandshakeFailure::from(error) {
        return Read::Alert(alert);
    }
    Read::Ended
}

const CHUNK_BYTES: usize = 4096;
