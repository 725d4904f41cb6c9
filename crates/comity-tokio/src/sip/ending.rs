//! The end of a connection: last words, goodbye, and the peer's goodbye.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::config::Limits;
use super::stream::Stream;
use crate::linger::linger;

/// Sends what is left, says goodbye, and lets the peer do the same.
pub(super) async fn end(mut stream: Stream, rest: Vec<u8>, limits: Limits) {
    let goodbye = async {
        stream.write_all(&rest).await?;
        // Over TLS this is a `close_notify` before the end of the TCP connection.
        stream.shutdown().await
    };
    let said: Result<io::Result<()>, _> = timeout(limits.write_timeout, goodbye).await;
    if let Ok(Ok(())) = said {
        let (patience, bytes) = (limits.linger_timeout, limits.max_linger_bytes);
        linger(stream.into_tcp(), patience, bytes).await;
    }
}
