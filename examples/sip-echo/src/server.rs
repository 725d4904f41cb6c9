//! The life of the server, from its start to its end.

use std::io::{self, Write};

use comity_sip::Transport;
use comity_tokio::sip::{Application, Config, Server, StartError};
use tokio::sync::mpsc;

use crate::echo::Echo;
use crate::options::Options;

/// Why the domain is not served, or no longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the server has ended without being asked to")]
    Ended,
    #[error("stopped before all connections had ended")]
    Interrupted,
    #[error("the process cannot be told to stop: {0}")]
    Signals(#[from] io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve(config: Config, options: &Options) -> Result<(), ServeError> {
    // Before anybody can know that we run and ask us to stop.
    let stop = stop_signals()?;
    let server = Server::start(config, Echo::new(options)).await?;
    for (transport, address) in server.addresses() {
        let name = match transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        };
        // That nobody reads it is no reason to stop.
        let _ = writeln!(io::stdout(), "listening on {address} ({name})");
    }
    wait(&server, stop).await
}

/// Waits until `stop` asks for the end and the server has ended, or asks twice.
async fn wait<A: Application + 'static>(
    server: &Server<A>,
    mut stop: mpsc::Receiver<()>,
) -> Result<(), ServeError> {
    tokio::select! {
        biased;
        Some(()) = stop.recv() => {}
        () = server.ended() => return Err(ServeError::Ended),
    }
    tokio::select! {
        biased;
        Some(()) = stop.recv() => Err(ServeError::Interrupted),
        () = server.shutdown() => Ok(()),
    }
}

/// Begins to watch for the signals that ask a process to stop.
fn stop_signals() -> io::Result<mpsc::Receiver<()>> {
    let (stop, stops) = mpsc::channel(1);
    let mut signals = Signals::watch()?;
    tokio::spawn(async move {
        loop {
            signals.next().await;
            if stop.send(()).await.is_err() {
                break;
            }
        }
    });
    Ok(stops)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn watch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _signal = self.terminate.recv() => {}
            _signal = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn watch() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests {
    use comity_rustls::default_provider;
    use comity_sip::endpoint::{Endpoint, Event};

    use super::*;

    struct Nobody;

    impl Application for Nobody {
        fn handle_event(&mut self, _: std::time::Instant, _: &mut Endpoint, _: Event) {}
    }

    async fn start() -> Server<Nobody> {
        let config = Config::new(&default_provider());
        Server::start(config, Nobody).await.expect("it starts")
    }

    #[tokio::test]
    async fn an_end_that_nobody_asked_for_is_an_error() {
        let server = start().await;
        let (_stop, stops) = mpsc::channel(1);
        server.shutdown().await;
        let waited = wait(&server, stops).await;
        assert!(matches!(waited, Err(ServeError::Ended)), "{waited:?}");
    }

    #[tokio::test]
    async fn who_asks_twice_does_not_wait_for_the_end() {
        let server = start().await;
        let (stop, stops) = mpsc::channel(2);
        for _ in 0..2 {
            stop.send(()).await.expect("it listens");
        }
        let waited = wait(&server, stops).await;
        assert!(matches!(waited, Err(ServeError::Interrupted)), "{waited:?}");
    }

    #[tokio::test]
    async fn an_end_that_was_asked_for_is_none() {
        let server = start().await;
        let (stop, stops) = mpsc::channel(1);
        stop.send(()).await.expect("it listens");
        let waited = wait(&server, stops).await;
        assert!(matches!(waited, Ok(())), "{waited:?}");
    }
}
