//! Connections, before anybody says a word.

use std::io;

use comity_identity::Finding;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ActivityKind;
use super::table::{TCP_FAILED, TCP_REFUSED, TCP_TIMED_OUT};
use super::visit::Visit;

/// Makes one connection.
pub(super) async fn connect(visit: &Visit<'_>) -> Result<TcpStream, Finding> {
    let Visit {
        context, subject, ..
    } = visit;
    let connect = TcpStream::connect(visit.candidate.address);
    let connect = timeout(context.config.limits.connect_timeout, connect);
    let connected = context
        .watch
        .wait(ActivityKind::Connect, subject, connect)
        .await;
    let error = match connected {
        Ok(Ok(stream)) => {
            // A request should not wait for the next one; that it would is no reason to give up.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
        Ok(Err(error)) => error,
        Err(_elapsed) => io::ErrorKind::TimedOut.into(),
    };
    let table = [
        (io::ErrorKind::ConnectionRefused, &TCP_REFUSED),
        (io::ErrorKind::TimedOut, &TCP_TIMED_OUT),
    ];
    let known = table.iter().find(|(kind, _)| *kind == error.kind());
    let diagnosis = known.map_or(&TCP_FAILED, |(_, diagnosis)| diagnosis);
    Err(Finding::new(diagnosis, subject.clone(), error.to_string()))
}
