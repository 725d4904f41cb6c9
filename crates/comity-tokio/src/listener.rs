//! The tasks that accept connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use comity_xmpp::Transport;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use crate::driver::Accepted;

/// Accepts connections, which all begin as `transport` says, and hands them to the driver, until that is gone.
///
/// Each one takes a permit, so that connections which wait for the driver, are served or are ending
/// are bounded together; beyond that they wait in the system's queue.
pub(crate) async fn listen(
    listener: TcpListener,
    transport: Transport,
    permits: Arc<Semaphore>,
    driver: mpsc::Sender<Accepted>,
) {
    loop {
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
        let accepted = Accepted {
            stream,
            peer,
            transport,
            permit,
        };
        if driver.send(accepted).await.is_err() {
            return;
        }
    }
}

const REST: Duration = Duration::from_millis(100);
