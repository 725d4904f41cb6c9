//! The time after our end of a connection.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Throws away what the peer still sends, until it ends its direction, has had its time, or has sent
/// this much.
pub(crate) async fn linger(mut stream: TcpStream, patience: Duration, max_bytes: usize) {
    let end = Instant::now() + patience;
    let mut left = max_bytes;
    let mut waste = vec![0; CHUNK_BYTES];
    while left > 0 {
        match timeout_at(end, stream.read(&mut waste)).await {
            Ok(Ok(read @ 1..)) => left = left.saturating_sub(read),
            Ok(Ok(0) | Err(_)) | Err(_) => return,
        }
    }
}

const CHUNK_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let theirs = TcpStream::connect(address).await.unwrap();
        (listener.accept().await.unwrap().0, theirs)
    }

    #[tokio::test]
    async fn a_peer_may_still_send_so_much() {
        const MAX_BYTES: usize = 10_000;
        for (bytes, goes_on) in [
            (MAX_BYTES - 1, true),
            (MAX_BYTES, false),
            (MAX_BYTES + 1, false),
        ] {
            let (ours, mut theirs) = pair().await;
            theirs.write_all(&vec![0; bytes]).await.unwrap();
            let lingers = linger(ours, Duration::from_secs(3600), MAX_BYTES);
            let wait = match goes_on {
                true => Duration::from_millis(100),
                false => Duration::from_secs(8),
            };
            let ended = timeout(wait, lingers).await;
            assert_eq!(ended.is_err(), goes_on, "{bytes}");
        }
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_has_its_time_and_one_that_ends_does_not_need_it() {
        let (ours, theirs) = pair().await;
        linger(ours, Duration::from_millis(20), 1).await;
        drop(theirs);
        let (ours, theirs) = pair().await;
        drop(theirs);
        let ended = timeout(
            Duration::from_secs(8),
            linger(ours, Duration::from_secs(3600), 1),
        );
        assert_eq!(ended.await, Ok(()));
    }
}
