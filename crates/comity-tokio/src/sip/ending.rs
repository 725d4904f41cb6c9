//! The end of a connection: last words, goodbye, and the peer's goodbye.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::config::Limits;
use super::stream::Stream;

/// Sends what is left, says goodbye, and lets the peer do the same.
pub(super) async fn end(mut stream: Stream, rest: Vec<u8>, limits: Limits) {
    let goodbye = async {
        stream.write_all(&rest).await?;
        // Over TLS this is a `close_notify` before the end of the TCP connection.
        stream.shutdown().await
    };
    let said: Result<io::Result<()>, _> = timeout(limits.write_timeout, goodbye).await;
    if let Ok(Ok(())) = said {
        linger(stream.into_tcp(), &limits).await;
    }
}

/// Throws away what the peer still sends, until it ends its direction or has had its time.
async fn linger(mut stream: TcpStream, limits: &Limits) {
    let end = Instant::now() + limits.linger_timeout;
    let mut left = limits.max_linger_bytes;
    let mut waste = vec![0; CHUNK_BYTES];
    while left > 0 {
        match timeout_at(end, stream.read(&mut waste)).await {
            Ok(Ok(read @ 1..)) => left = left.saturating_sub(read),
            Ok(Ok(0) | Err(_)) | Err(_) => return,
        }
    }
}

const CHUNK_BYTES: usize = 8 * 1024;
