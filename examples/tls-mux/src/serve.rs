//! The port.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use comity_command_line::{note, say};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::connection;
use crate::setup::Setup;

/// Why the port is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot listen on {address}: {error}")]
    Listen {
        address: SocketAddr,
        error: io::Error,
    },
    #[error("signals cannot be waited for: {0}")]
    Signals(io::Error),
}

/// Serves until a signal comes.
pub(crate) async fn serve(address: SocketAddr, setup: Setup) -> Result<(), ServeError> {
    let cannot = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    // Who started us may wait for this line, or may not care.
    let _ = say(&format!("listening on {bound}\n"));
    let setup = Arc::new(setup);
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accept = async {
        loop {
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let setup = Arc::clone(&setup);
                    tokio::spawn(async move {
                        handle(stream, peer, &setup).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    note(&format!("cannot accept: {error}"));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn handle(mut stream: TcpStream, peer: SocketAddr, setup: &Setup) {
    match timeout(PATIENCE, connection::serve(&mut stream, setup)).await {
        Ok(Ok(met)) => note(&format!("{peer}: {met}")),
        Ok(Err(trouble)) => note(&format!("{peer}: {trouble}")),
        Err(_elapsed) => note(&format!(
            "{peer}: nothing to decide by within {} seconds",
            PATIENCE.as_secs()
        )),
    }
    // Both fail only if the peer is gone. Unread bytes would make the system reset the connection,
    // and the peer would lose our last words.
    let _ = stream.shutdown().await;
    let mut rest = Vec::new();
    let _ = timeout(LINGER, stream.take(MAX_LINGER_BYTES).read_to_end(&mut rest)).await;
}

/// Connections at a time; more wait in the queue of the system.
const MAX_CONNECTIONS: usize = 64;
/// How long a peer has to show what it is, with its handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// After our end of a connection, for the peer to end its own.
const LINGER: Duration = Duration::from_secs(2);
/// What is read meanwhile, and thrown away.
const MAX_LINGER_BYTES: u64 = 64 * 1024;
/// Until the next connection is taken, where the system has no more sockets to give.
const PAUSE: Duration = Duration::from_millis(100);
