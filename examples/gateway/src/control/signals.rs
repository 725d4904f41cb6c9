use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Command, Request};
use crate::log;

/// Turns signals into commands: SIGHUP reloads, SIGTERM and SIGINT end in order. A second one of
/// these ends the process at once, as it would without this.
pub(crate) fn forward_signals(requests: mpsc::Sender<Request>) -> io::Result<JoinHandle<()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::spawn(async move {
        let mut is_ending = false;
        loop {
            let command = tokio::select! {
                Some(()) = hangup.recv() => Command::Reload,
                Some(()) = terminate.recv() => Command::Shutdown,
                Some(()) = interrupt.recv() => Command::Shutdown,
                else => return,
            };
            if command == Command::Shutdown && std::mem::replace(&mut is_ending, true) {
                std::process::exit(EXIT_SIGNALLED);
            }
            let (answer, answered) = oneshot::channel();
            if requests.send(Request { command, answer }).await.is_err() {
                return;
            }
            if let Ok(Err(reason)) = answered.await {
                tracing::error!(target: log::GATEWAY, "{reason}");
            }
        }
    }))
}

/// As a shell shows a process that SIGINT has ended.
const EXIT_SIGNALLED: i32 = 130;
