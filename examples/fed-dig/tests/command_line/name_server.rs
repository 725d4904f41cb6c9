//! The testkit's name server on a datagram socket.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use comity_testkit::dns::{FakeDns, Transport};

pub(crate) struct NameServer {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Answers one query after the other, until it is dropped.
    pub(crate) fn start(mut zones: FakeDns) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut buf = [0; 1500];
            while let Ok((len, client)) = socket.recv_from(&mut buf) {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let query = buf.get(..len).unwrap_or_default();
                for answer in zones.answer(Transport::Udp, query) {
                    // A client that is gone needs no answer.
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        Self {
            address,
            is_over,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let woken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        let woken = woken.and_then(|socket| socket.send_to(&[0], self.address));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            // Its panic has failed the test already.
            let _ = thread.join();
        }
    }
}
