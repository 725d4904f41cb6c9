use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::UdpSocket;

/// A UDP socket, and what it has not sent yet.
///
/// Datagrams go out several at a time: whoever waits for them is woken once, and not for each.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    local: SocketAddr,
    outbox: Outbox,
    max_unsent: usize,
    /// How many were dropped since that was told last.
    dropped: u64,
    /// Where something did not go, because there is no way.
    unreachable: Vec<SocketAddr>,
}

/// Datagrams in their order, one behind the other.
#[derive(Debug, Default)]
struct Outbox {
    bytes: Vec<u8>,
    /// Where the first of those that are left begins.
    start: usize,
    /// Where each goes, and its length.
    datagrams: VecDeque<(SocketAddr, usize)>,
}

impl Datagrams {
    pub(super) fn new(socket: UdpSocket, local: SocketAddr, max_unsent: usize) -> Self {
        Self {
            socket,
            local,
            outbox: Outbox::default(),
            max_unsent,
            dropped: 0,
            unreachable: Vec::new(),
        }
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next datagram: how many bytes of `buf` it has, and its source.
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            match self.socket.try_recv_from(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return Poll::Ready(received),
            }
            match self.socket.poll_recv_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes a datagram to be sent with the next ones.
    pub(super) fn send(&mut self, bytes: &[u8], to: SocketAddr) {
        if self.outbox.datagrams.len() >= MAX_TOGETHER {
            // It has room again, or the network takes nothing.
            self.flush();
        }
        if self.outbox.datagrams.len() < self.max_unsent.max(MAX_TOGETHER) {
            self.outbox.push(bytes, to);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Sends what waits, as far as the network takes it; gives how many were dropped meanwhile, once
    /// nothing waits any more.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Option<u64> {
        while !self.flush() {
            match self.socket.poll_send_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) | Poll::Pending => return None,
            }
        }
        match std::mem::take(&mut self.dropped) {
            0 => None,
            dropped => Some(dropped),
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_sent(&self) -> bool {
        self.outbox.datagrams.is_empty()
    }

    /// An address to which there is no way.
    pub(super) fn next_unreachable(&mut self) -> Option<SocketAddr> {
        self.unreachable.pop()
    }

    /// Sends what waits; false if the network takes no more.
    fn flush(&mut self) -> bool {
        while let Some((to, bytes)) = self.outbox.first() {
            match self.socket.try_send_to(bytes, to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if says_unreachable(&error) => {
                    if self.unreachable.len() < MAX_TOGETHER {
                        self.unreachable.push(to);
                    }
                }
                // What fails otherwise, such as one that is too long, is lost, as datagrams are.
                Ok(_) | Err(_) => {}
            }
            self.outbox.pop();
        }
        true
    }
}

impl Outbox {
    fn push(&mut self, bytes: &[u8], to: SocketAddr) {
        self.bytes.extend_from_slice(bytes);
        self.datagrams.push_back((to, bytes.len()));
    }

    fn first(&self) -> Option<(SocketAddr, &[u8])> {
        let &(to, len) = self.datagrams.front()?;
        let bytes = self.bytes.get(self.start..)?.get(..len)?;
        Some((to, bytes))
    }

    fn pop(&mut self) {
        if let Some((_, len)) = self.datagrams.pop_front() {
            self.start = self.start.saturating_add(len);
        }
        if self.datagrams.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT_BYTES);
            self.start = 0;
        } else if self.start > self.bytes.len() / 2 && self.start > KEPT_BYTES {
            // What is gone takes no more room than what is not.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

/// Whether an error of sending tells that the address cannot be reached.
fn says_unreachable(error: &io::Error) -> bool {
    [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::NetworkUnreachable,
    ]
    .contains(&error.kind())
}

/// Datagrams that go out together at most.
const MAX_TOGETHER: usize = 64;
/// What an outbox keeps for what comes next.
const KEPT_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outbox_gives_datagrams_back_in_their_order() {
        let mut outbox = Outbox::default();
        let to = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let bytes = |port: u16| vec![port.to_be_bytes()[1]; usize::from(port) * 40];
        for port in 0..200 {
            outbox.push(&bytes(port), to(port));
        }
        for port in 0..200 {
            assert_eq!(outbox.first(), Some((to(port), &bytes(port)[..])));
            outbox.pop();
            let left = outbox.bytes.len() - outbox.start;
            assert!(outbox.start <= left.max(KEPT_BYTES));
        }
        assert_eq!(outbox.first(), None);
        assert_eq!((outbox.bytes.len(), outbox.start), (0, 0));
    }

    #[tokio::test]
    async fn what_waits_has_a_number_and_what_is_beyond_is_counted() {
        for (limit, wait) in [
            (63, 64),
            (64, 64),
            (65, 65),
            (99, 99),
            (100, 100),
            (101, 101),
        ] {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let local = socket.local_addr().unwrap();
            // As long as nobody has waited for the socket, it takes nothing.
            let mut datagrams = Datagrams::new(socket, local, limit);
            for _ in 0..102 {
                datagrams.send(b"x", local);
            }
            assert_eq!(datagrams.outbox.datagrams.len(), wait, "{limit}");
            datagrams.socket.writable().await.unwrap();
            let cx = &mut Context::from_waker(std::task::Waker::noop());
            let dropped = u64::try_from(102 - wait).unwrap();
            assert_eq!(datagrams.poll_flush(cx), Some(dropped));
            assert!(datagrams.is_sent());
        }
    }

    #[tokio::test]
    async fn what_waits_goes_out_in_order_and_what_was_dropped_is_told_once() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        socket.writable().await.unwrap();
        let mut datagrams = Datagrams::new(socket, local, 100);
        for number in 0..10u8 {
            datagrams.send(&[number], local);
        }
        datagrams.dropped = 50;
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        assert_eq!(datagrams.poll_flush(cx), Some(50));
        assert_eq!(datagrams.poll_flush(cx), None);
        for number in 0..10u8 {
            let mut buf = [0; 2];
            let received = datagrams.socket.recv_from(&mut buf).await;
            assert_eq!((received.unwrap(), buf[0]), ((1, local), number));
        }
    }
}
