//! The tasks that accept connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use comity_rustls::{Admitted, Plaintext, PortMode, Refusal};
use comity_xmpp::Transport;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::headed::Headed;

/// What a listener tells the driver.
#[derive(Debug)]
pub(crate) enum Arrival {
    Accepted(Accepted),
    /// Somebody began with what is not served.
    Refused {
        peer: SocketAddr,
        reason: Refusal,
    },
}

/// A connection that a listener accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Headed,
    pub(crate) peer: SocketAddr,
    /// How it begins.
    pub(crate) transport: Transport,
    /// Held for as long as the socket is open.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// How the connections of a listener begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// As this says.
    With(Transport),
    /// As their first bytes say, for which they have this long.
    Either(Duration),
}

/// Accepts connections and hands them to the driver, until that is gone.
///
/// Each one takes a permit, so that connections which have not begun, wait for the driver, are served
/// or are ending are bounded together; beyond that they wait in the system's queue.
pub(crate) async fn listen(
    listener: TcpListener,
    begin: Begin,
    permits: Arc<Semaphore>,
    driver: mpsc::Sender<Arrival>,
) {
    let mut beginners = JoinSet::new();
    loop {
        while beginners.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let (stream, peer): (_, SocketAddr) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_refused) => {
                // Descriptors or memory are short, or the peer has gone. An error may come at once
                // again, so the loop has to rest.
                sleep(REST).await;
                continue;
            }
        };
        let stream = Headed::new(stream);
        match begin {
            Begin::With(transport) => {
                let accepted = Accepted {
                    stream,
                    peer,
                    transport,
                    permit,
                };
                if driver.send(Arrival::Accepted(accepted)).await.is_err() {
                    return;
                }
            }
            Begin::Either(patience) => {
                let driver = driver.clone();
                beginners.spawn(async move {
                    let arrival = timeout(patience, arrive(stream, peer, permit)).await;
                    if let Ok(Some(arrival)) = arrival {
                        // It may be gone.
                        let _ = driver.send(arrival).await;
                    }
                });
            }
        }
        if driver.is_closed() {
            return;
        }
    }
}

/// Waits for the first bytes of a connection; nothing if it ends before.
async fn arrive(
    mut stream: Headed,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
) -> Option<Arrival> {
    let sniffed = stream.sniff().await.ok()?;
    let transport = match PortMode::LegacyAndTls.admit(sniffed) {
        Ok(Admitted::Tls) => Ok(Transport::DirectTls),
        Ok(Admitted::Plaintext(Plaintext::Xmpp)) => Ok(Transport::Tcp),
        Ok(Admitted::Plaintext(_)) => Err(Refusal::Unrecognised),
        Err(refusal) => Err(refusal),
    };
    Some(match transport {
        Ok(transport) => Arrival::Accepted(Accepted {
            stream,
            peer,
            transport,
            permit,
        }),
        Err(reason) => Arrival::Refused { peer, reason },
    })
}

const REST: Duration = Duration::from_millis(100);
