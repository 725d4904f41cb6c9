use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Metrics;

/// Answers `GET /metrics` on a loopback address, one request for each connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// Why metrics cannot be served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("cannot serve metrics on {address}: {}", io::Error::from(*.kind))]
    Listen {
        address: SocketAddr,
        kind: io::ErrorKind,
    },
    #[error("metrics are served on a loopback address only, not on {0}")]
    NotLoopback(SocketAddr),
}

impl Server {
    pub(crate) async fn start(address: SocketAddr, metrics: Metrics) -> Result<Self, ServerError> {
        if !address.ip().is_loopback() {
            return Err(ServerError::NotLoopback(address));
        }
        let listen = |error: io::Error| ServerError::Listen {
            address,
            kind: error.kind(),
        };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let task = tokio::spawn(serve(listener, metrics));
        Ok(Self { address, task })
    }

    /// Where it listens, with the port that was taken for port 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, metrics: Metrics) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        // While all places are taken, more clients wait in the queue of the system.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((client, _)) => {
                let metrics = metrics.clone();
                tokio::spawn(async move {
                    // A client that is too slow or has gone gets nothing.
                    let _ = timeout(CLIENT_TIMEOUT, answer(client, &metrics)).await;
                    drop(place);
                });
            }
            // Out of descriptors, for example: the next try must not spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut client: TcpStream, metrics: &Metrics) -> io::Result<()> {
    let mut request = Vec::new();
    let answer = loop {
        let mut chunk = [0; 1024];
        let count = client.read(&mut chunk).await?;
        request.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(answer) = judge(&request, count == 0) {
            break answer;
        }
    };
    let body = match answer {
        Answer::Page => metrics.page(),
        Answer::Refusal(_) => String::new(),
    };
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        answer.status(),
        body.len()
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(body.as_bytes()).await?;
    client.shutdown().await
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Page,
    Refusal(&'static str),
}

impl Answer {
    fn status(self) -> &'static str {
        match self {
            Self::Page => "200 OK",
            Self::Refusal(status) => status,
        }
    }
}

/// What is answered to what has been read, or nothing while more is needed.
fn judge(request: &[u8], is_over: bool) -> Option<Answer> {
    let head_ends = request.windows(4).any(|bytes| bytes == b"\r\n\r\n");
    if !head_ends && request.len() > MAX_HEAD_BYTES {
        return Some(Answer::Refusal("431 Request Header Fields Too Large"));
    }
    if !head_ends {
        return is_over.then_some(Answer::Refusal("400 Bad Request"));
    }
    let line = request.split(|byte| *byte == b'\r').next();
    let words: Vec<&[u8]> = line
        .unwrap_or_default()
        .split(|byte| *byte == b' ')
        .collect();
    let [method, target, version] = *words.as_slice() else {
        return Some(Answer::Refusal("400 Bad Request"));
    };
    if !version.starts_with(b"HTTP/1.") {
        return Some(Answer::Refusal("505 HTTP Version Not Supported"));
    }
    if method != b"GET" {
        return Some(Answer::Refusal("405 Method Not Allowed"));
    }
    let path = target.split(|byte| *byte == b'?').next();
    Some(match path {
        Some(b"/metrics") => Answer::Page,
        Some(_) | None => Answer::Refusal("404 Not Found"),
    })
}

const MAX_HEAD_BYTES: usize = 8 * 1024;
const MAX_CLIENTS: usize = 8;
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::super::Metric;
    use super::*;

    #[test]
    fn only_a_get_of_the_page_gets_it() {
        for (request, is_over, answer) in [
            (
                "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
                false,
                Some(Answer::Page),
            ),
            ("GET /metrics?x HTTP/1.0\r\n\r\n", false, Some(Answer::Page)),
            (
                "GET / HTTP/1.1\r\n\r\n",
                false,
                Some(Answer::Refusal("404 Not Found")),
            ),
            (
                "POST /metrics HTTP/1.1\r\n\r\n",
                false,
                Some(Answer::Refusal("405 Method Not Allowed")),
            ),
            (
                "GET /metrics HTTP/2\r\n\r\n",
                false,
                Some(Answer::Refusal("505 HTTP Version Not Supported")),
            ),
            (
                "GET /metrics\r\n\r\n",
                false,
                Some(Answer::Refusal("400 Bad Request")),
            ),
            ("\r\n\r\n", false, Some(Answer::Refusal("400 Bad Request"))),
            ("GET /metrics HTTP/1.1\r\n", false, None),
            ("GET", true, Some(Answer::Refusal("400 Bad Request"))),
            ("", false, None),
        ] {
            assert_eq!(judge(request.as_bytes(), is_over), answer, "{request:?}");
        }
        let long = vec![b'a'; MAX_HEAD_BYTES + 1];
        assert_eq!(
            judge(&long, false),
            Some(Answer::Refusal("431 Request Header Fields Too Large"))
        );
    }

    #[tokio::test]
    async fn the_page_is_served_on_loopback() {
        let metrics = Metrics::new();
        metrics.set(Metric::Conversations, 3);
        let server = Server::start("127.0.0.1:0".parse().unwrap(), metrics.clone());
        let server = server.await.unwrap();
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        client
            .write_all(b"GET /metrics HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        let page = metrics.page();
        assert_eq!(
            answer,
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            )
        );
    }

    #[tokio::test]
    async fn nothing_is_served_to_a_network() {
        let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let refused = Server::start(address, Metrics::new()).await.map(|_| ());
        assert_eq!(refused, Err(ServerError::NotLoopback(address)));
    }
}
