use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use comity_identity::Direction;
use comity_identity::DomainName;
use comity_sip::{ConnectionId, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use super::config::Limits;
use super::notice::CloseReason;
use super::stream::Stream;

/// The connections of a driver, which reads and writes them itself.
///
/// A task for each would cost two messages between tasks for every piece that is read. Here each
/// connection has a waker of its own, which puts it into the queue of those that are to be looked at.
#[derive(Debug)]
pub(super) struct Connections {
    open: BTreeMap<ConnectionId, Connection>,
    /// Those to which something was written that is not sent yet, each once.
    written: Vec<ConnectionId>,
    /// Those that may go on, each once: the queue is bounded by the connections.
    woken: mpsc::UnboundedReceiver<ConnectionId>,
    wakers: mpsc::UnboundedSender<ConnectionId>,
    /// What a peer that proved a name may leave unread, and what any other may.
    max_unsent_bytes: usize,
    max_unproved_unsent_bytes: usize,
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) transport: Transport,
    pub(super) peer: SocketAddr,
    /// The names that it proved.
    pub(super) proved: Vec<DomainName>,
}

#[derive(Debug)]
struct Connection {
    remote: Remote,
    stream: Stream,
    outbox: Outbox,
    max_unsent_bytes: usize,
    alarm: Arc<Alarm>,
    waker: Waker,
}

/// Bytes that are to be sent.
#[derive(Debug)]
struct Outbox {
    bytes: Vec<u8>,
    /// How many of them are gone.
    sent: usize,
    /// Whether a buffer below may hold something.
    unflushed: bool,
    is_overfull: bool,
    /// Whether the connection is among those that were written to.
    is_noted: bool,
    /// When something was sent last, or began to wait.
    progress: Option<Instant>,
}

/// Puts a connection into the queue of those that were woken.
#[derive(Debug)]
struct Alarm {
    id: ConnectionId,
    is_queued: AtomicBool,
    queue: mpsc::UnboundedSender<ConnectionId>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            // The driver may be gone.
            let _ = self.queue.send(self.id);
        }
    }
}

/// What came of an attempt to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flushed {
    /// Everything is gone.
    Done,
    /// The connection goes on when the peer reads.
    Waits,
    /// The connection cannot be used any more.
    Failed(CloseReason),
}

/// What came of an attempt to read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Read {
    /// So many bytes.
    Some(usize),
    /// Nothing yet, or nothing is to be read before the peer has read.
    Nothing,
    /// The connection is over.
    Over(CloseReason),
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Self {
        let (wakers, woken) = mpsc::unbounded_channel();
        Self {
            open: BTreeMap::new(),
            written: Vec::new(),
            woken,
            wakers,
            max_unsent_bytes: limits.max_unsent_bytes,
            max_unproved_unsent_bytes: limits.max_unproved_unsent_bytes,
        }
    }

    /// Takes a connection in that was opened in this direction.
    pub(super) fn insert(
        &mut self,
        id: ConnectionId,
        direction: Direction,
        stream: Stream,
        remote: Remote,
    ) {
        let alarm = Arc::new(Alarm {
            id,
            is_queued: AtomicBool::new(false),
            queue: self.wakers.clone(),
        });
        // Something may have come already.
        alarm.wake_by_ref();
        let connection = Connection {
            max_unsent_bytes: self.max_unsent_bytes_of(direction, &remote),
            remote,
            stream,
            outbox: Outbox::new(),
            waker: Waker::from(Arc::clone(&alarm)),
            alarm,
        };
        self.open.insert(id, connection);
    }

    /// Takes a connection out, with what it has not sent.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<(Stream, Vec<u8>)> {
        let Connection { stream, outbox, .. } = self.open.remove(&id)?;
        Some((stream, outbox.into_unsent()))
    }

    pub(super) fn remote(&self, id: ConnectionId) -> Option<&Remote> {
        self.open.get(&id).map(|connection| &connection.remote)
    }

    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        self.open.keys().copied().collect()
    }

    /// The next connection that may go on.
    pub(super) fn poll_woken(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionId> {
        loop {
            // There is always a sender: our own.
            let Poll::Ready(Some(id)) = self.woken.poll_recv(cx) else {
                return Poll::Pending;
            };
            if let Some(connection) = self.open.get(&id) {
                connection.alarm.is_queued.store(false, Ordering::Release);
                return Poll::Ready(id);
            }
        }
    }

    /// Lets a connection be looked at again although nothing happened.
    pub(super) fn wake(&self, id: ConnectionId) {
        if let Some(connection) = self.open.get(&id) {
            connection.alarm.wake_by_ref();
        }
    }

    /// Writes to a connection; [`flush`](Self::flush) sends it. Returns how many bytes wait there.
    pub(super) fn write(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        let Some(Connection {
            outbox,
            max_unsent_bytes,
            ..
        }) = self.open.get_mut(&id)
        else {
            return 0;
        };
        outbox.push(bytes, *max_unsent_bytes);
        if !std::mem::replace(&mut outbox.is_noted, true) {
            self.written.push(id);
        }
        outbox.len()
    }

    /// A connection that was written to.
    pub(super) fn next_written(&mut self) -> Option<ConnectionId> {
        let id = self.written.pop()?;
        if let Some(connection) = self.open.get_mut(&id) {
            connection.outbox.is_noted = false;
        }
        Some(id)
    }

    /// Sends as much as the peer takes.
    pub(super) fn flush(&mut self, now: Instant, id: ConnectionId) -> Flushed {
        match self.open.get_mut(&id) {
            Some(connection) => connection.flush(now),
            None => Flushed::Done,
        }
    }

    /// Reads as much as `buf` holds, unless the peer has much to read itself.
    pub(super) fn read(&mut self, id: ConnectionId, buf: &mut [u8]) -> Read {
        let Some(connection) = self.open.get_mut(&id) else {
            return Read::Nothing;
        };
        if connection.outbox.len() > connection.max_unsent_bytes / 2 {
            return Read::Nothing;
        }
        connection.read(buf)
    }

    /// When a connection made its last progress, if it has something to send.
    pub(super) fn waits_since(&self, id: ConnectionId) -> Option<Instant> {
        self.open.get(&id)?.outbox.progress
    }

    /// All users of a domain may be behind a connection whose peer proved a name, or that we have
    /// opened; any other may be anybody's, as many as there are.
    fn max_unsent_bytes_of(&self, direction: Direction, remote: &Remote) -> usize {
        match direction {
            Direction::Inbound if remote.proved.is_empty() => {
                self.max_unproved_unsent_bytes.min(self.max_unsent_bytes)
            }
            Direction::Inbound | Direction::Outbound => self.max_unsent_bytes,
        }
    }
}

impl Connection {
    fn flush(&mut self, now: Instant) -> Flushed {
        let cx = &mut Context::from_waker(&self.waker);
        let flushed = self.outbox.flush(now, cx, Pin::new(&mut self.stream));
        match flushed {
            Poll::Ready(Err(error)) => Flushed::Failed(CloseReason::Lost(error.kind())),
            _ if self.outbox.is_overfull => Flushed::Failed(CloseReason::Unread),
            Poll::Ready(Ok(())) => Flushed::Done,
            Poll::Pending => Flushed::Waits,
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> Read {
        let cx = &mut Context::from_waker(&self.waker);
        let mut buf = ReadBuf::new(buf);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => Read::Over(CloseReason::ByPeer),
            Poll::Ready(Ok(())) => Read::Some(buf.filled().len()),
            // Many end TLS without the goodbye.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Read::Over(CloseReason::ByPeer)
            }
            Poll::Ready(Err(error)) => Read::Over(CloseReason::Lost(error.kind())),
            Poll::Pending => Read::Nothing,
        }
    }
}

impl Outbox {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            sent: 0,
            unflushed: false,
            is_overfull: false,
            is_noted: false,
            progress: None,
        }
    }

    fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.sent)
    }

    fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    fn into_unsent(mut self) -> Vec<u8> {
        self.bytes.drain(..self.sent);
        self.bytes
    }

    fn push(&mut self, bytes: &[u8], limit: usize) {
        if self.len().saturating_add(bytes.len()) > limit {
            // A message that is missing would be worse than the end.
            self.is_overfull = true;
        }
        if self.is_overfull {
            return;
        }
        // What is gone takes no more room than what is not.
        if self.sent > self.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn flush<W>(
        &mut self,
        now: Instant,
        cx: &mut Context<'_>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>>
    where
        W: AsyncWrite,
    {
        loop {
            let poll = if self.len() > 0 {
                writer.as_mut().poll_write(cx, self.unsent())
            } else if self.unflushed {
                writer.as_mut().poll_flush(cx).map_ok(|()| 0)
            } else {
                self.rest();
                return Poll::Ready(Ok(()));
            };
            match poll {
                Poll::Ready(Ok(0)) if self.len() > 0 => {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(sent)) => {
                    self.unflushed = self.len() > 0;
                    self.sent = self.sent.saturating_add(sent);
                    self.progress = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.progress.get_or_insert(now);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Everything is gone.
    fn rest(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.sent = 0;
        self.progress = None;
    }
}

/// What an outbox keeps for what comes next.
const KEPT_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use comity_sip::endpoint::{self, Endpoint};
    use comity_testkit::origin;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::headed::Headed;

    fn flush<W: AsyncWrite + Unpin>(outbox: &mut Outbox, writer: &mut W) -> Poll<io::Result<()>> {
        let cx = &mut Context::from_waker(Waker::noop());
        outbox.flush(origin(), cx, Pin::new(writer))
    }

    /// The connections of a driver, and one with some bytes to read.
    async fn connected(
        limits: &Limits,
        direction: Direction,
        proved: &[&str],
    ) -> (Connections, ConnectionId, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let peer = listener.local_addr().unwrap();
        let mut theirs = TcpStream::connect(peer).await.unwrap();
        theirs.write_all(b"hello").await.unwrap();
        let (ours, _) = listener.accept().await.unwrap();
        ours.readable().await.unwrap();
        let remote = Remote {
            transport: Transport::Tcp,
            peer,
            proved: proved.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let mut connections = Connections::new(limits);
        let rules = endpoint::Config::new(Vec::new());
        let mut endpoint = Endpoint::new(origin(), rules, [0; 32]);
        let id = endpoint.accept_connection(origin(), Transport::Tcp, peer, Vec::new());
        let id = id.unwrap();
        connections.insert(id, direction, Stream::Tcp(Headed::new(ours)), remote);
        (connections, id, theirs)
    }

    #[tokio::test]
    async fn who_connects_and_proves_nothing_is_read_and_kept_for_less() {
        let limits = Limits {
            max_unsent_bytes: 1000,
            max_unproved_unsent_bytes: 100,
            ..Limits::default()
        };
        let (unproved, proved) = (&[][..], &["b.example"][..]);
        for (direction, proved, limit) in [
            (Direction::Inbound, unproved, 100),
            (Direction::Inbound, proved, 1000),
            (Direction::Outbound, unproved, 1000),
        ] {
            // From more than half of it on nothing is read.
            for (unsent, read) in [
                (limit / 2 - 1, Read::Some(5)),
                (limit / 2, Read::Some(5)),
                (limit / 2 + 1, Read::Nothing),
            ] {
                let (mut connections, id, _theirs) = connected(&limits, direction, proved).await;
                assert_eq!(connections.write(id, &vec![0; unsent]), unsent);
                assert_eq!(connections.read(id, &mut [0; 10]), read, "{unsent}");
            }
            for (unsent, flushed) in [
                (limit - 1, Flushed::Done),
                (limit, Flushed::Done),
                (limit + 1, Flushed::Failed(CloseReason::Unread)),
            ] {
                let (mut connections, id, _theirs) = connected(&limits, direction, proved).await;
                connections.write(id, &vec![0; unsent]);
                assert_eq!(connections.flush(origin(), id), flushed, "{unsent}");
            }
        }
    }

    #[tokio::test]
    async fn who_proved_nothing_never_gets_more_than_who_did() {
        let limits = Limits {
            max_unsent_bytes: 100,
            max_unproved_unsent_bytes: 1000,
            ..Limits::default()
        };
        let (mut connections, id, _theirs) = connected(&limits, Direction::Inbound, &[]).await;
        connections.write(id, &[0; 101]);
        let flushed = connections.flush(origin(), id);
        assert_eq!(flushed, Flushed::Failed(CloseReason::Unread));
    }

    #[tokio::test]
    async fn an_outbox_sends_in_order_and_holds_no_more_than_twice_what_is_unsent() {
        let (mut ours, mut theirs) = duplex(10);
        let mut outbox = Outbox::new();
        let mut received = Vec::new();
        for number in 0..100u8 {
            outbox.push(&[number; 7], 1000);
            let _ = flush(&mut outbox, &mut ours);
            let mut buf = [0; 6];
            let read = theirs.read(&mut buf).await.unwrap();
            received.extend_from_slice(&buf[..read]);
            assert!(outbox.bytes.len() <= 2 * outbox.len() + 7);
        }
        while outbox.len() > 0 {
            let _ = flush(&mut outbox, &mut ours);
            let mut buf = [0; 10];
            let read = theirs.read(&mut buf).await.unwrap();
            received.extend_from_slice(&buf[..read]);
        }
        drop(ours);
        theirs.read_to_end(&mut received).await.unwrap();
        let sent: Vec<u8> = (0..100).flat_map(|number| [number; 7]).collect();
        assert_eq!(received, sent);
    }

    #[test]
    fn an_outbox_waits_since_its_last_progress() {
        let (mut ours, theirs) = duplex(4);
        let mut outbox = Outbox::new();
        assert_eq!(outbox.progress, None);
        outbox.push(b"123456", 100);
        assert!(flush(&mut outbox, &mut ours).is_pending());
        let first = outbox.progress.unwrap();
        outbox.push(b"7", 100);
        assert!(flush(&mut outbox, &mut ours).is_pending());
        assert_eq!(
            (outbox.progress, outbox.unsent()),
            (Some(first), &b"567"[..])
        );
        assert_eq!(outbox.into_unsent(), b"567");
        drop(theirs);
    }

    #[test]
    fn what_finds_no_room_is_left_out_with_all_behind_it() {
        let mut outbox = Outbox::new();
        outbox.push(b"1234", 4);
        assert!(!outbox.is_overfull);
        outbox.push(b"5", 4);
        outbox.push(b"", 4);
        assert!(outbox.is_overfull);
        assert_eq!(outbox.unsent(), b"1234");
    }
}
