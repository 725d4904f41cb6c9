use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::UdpSocket;

/// A UDP socket, and what it has not sent yet.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    local: SocketAddr,
    unsent: VecDeque<(SocketAddr, Box<[u8]>)>,
    max_unsent: usize,
    /// How many were dropped since that was told last.
    dropped: u64,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    /// It is on its way, waits, or is lost.
    Taken,
    /// There is no way to its address.
    Unreachable,
}

impl Datagrams {
    pub(super) fn new(socket: UdpSocket, local: SocketAddr, max_unsent: usize) -> Self {
        Self {
            socket,
            local,
            unsent: VecDeque::new(),
            max_unsent,
            dropped: 0,
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
            // The system is asked without a look at the clock of the runtime as long as there is
            // something.
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

    /// Sends a datagram, now or as soon as the network takes it.
    pub(super) fn send(&mut self, bytes: &[u8], to: SocketAddr) -> Sent {
        if !self.unsent.is_empty() {
            self.keep(bytes, to);
            return Sent::Taken;
        }
        match self.socket.try_send_to(bytes, to) {
            Ok(_sent) => Sent::Taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.keep(bytes, to);
                Sent::Taken
            }
            Err(error) if says_unreachable(&error) => Sent::Unreachable,
            // Such as one that is too long: it is lost, as datagrams are.
            Err(_lost) => Sent::Taken,
        }
    }

    fn keep(&mut self, bytes: &[u8], to: SocketAddr) {
        if self.unsent.len() < self.max_unsent {
            self.unsent.push_back((to, bytes.into()));
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Sends what waits; gives how many were dropped meanwhile, once nothing waits any more.
    pub(super) fn poll_send_unsent(&mut self, cx: &mut Context<'_>) -> Option<u64> {
        while let Some((to, bytes)) = self.unsent.front() {
            match self.socket.try_send_to(bytes, *to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.socket.poll_send_ready(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) | Poll::Pending => return None,
                    }
                }
                // What fails is lost.
                Ok(_) | Err(_) => drop(self.unsent.pop_front()),
            }
        }
        match std::mem::take(&mut self.dropped) {
            0 => None,
            dropped => Some(dropped),
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
