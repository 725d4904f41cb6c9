//! What transactions cost the heap, and what they leave there.
#![cfg(test)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_sip::endpoint::{Config, Event, Listener};
use comity_sip::{Endpoint, StatusCode, Transport};
use comity_testkit::heap::{self, Counting};

#[global_allocator]
static HEAP: Counting = Counting;

/// A MESSAGE of about 450 bytes.
fn message(number: u32) -> Bytes {
    let body = "The quick brown fox jumps over the lazy dog, and nobody minds.";
    let text = format!(
        "MESSAGE sip:bob@b.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{number:016x};rport\r\n\
         From: \"Alice\" <sip:alice@a.example>;tag=49583{number}\r\n\
         To: <sip:bob@b.example>\r\n\
         Call-ID: {number:024x}@a.example\r\n\
         CSeq: {number} MESSAGE\r\n\
         Max-Forwards: 70\r\n\
         Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n\
         User-Agent: heap/1.0\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Bytes::from(text.into_bytes().into_boxed_slice())
}

/// What an optimised build does in seconds takes others minutes.
const MANY: u32 = match cfg!(debug_assertions) {
    true => 40_000,
    false => 1_000_000,
};

struct Server {
    now: Instant,
    endpoint: Endpoint,
    buf: Vec<u8>,
}

impl Server {
    fn new() -> Self {
        let local = SocketAddr::from(([192, 0, 2, 2], 5060));
        let mut config = Config::new(vec![Listener::new(Transport::Udp, local)]);
        config.limits.max_transactions = 17_500;
        config.limits.max_transactions_per_source = 17_500;
        let now = comity_testkit::origin();
        Self {
            now,
            endpoint: Endpoint::new(now, config, [1; 32]),
            buf: Vec::with_capacity(65_536),
        }
    }

    /// Answers one request with 200.
    fn serve(&mut self, number: u32) {
        let (local, source) = ([192, 0, 2, 2], [192, 0, 2, 1]);
        let (local, source) = ((local, 5060).into(), (source, 5060).into());
        self.endpoint
            .handle_datagram(self.now, local, source, message(number));
        while let Some(event) = self.endpoint.poll_event() {
            let Event::Request(incoming) = event else {
                panic!("{event:?}")
            };
            let response = incoming.response(StatusCode::OK);
            self.endpoint.answer(self.now, &incoming, response).unwrap();
        }
        self.buf.clear();
        while self.endpoint.poll_transmit(&mut self.buf).is_some() {}
        assert!(self.buf.starts_with(b"SIP/2.0 200 OK\r\n"));
    }

    fn wait(&mut self, wait: Duration) {
        self.now += wait;
        self.endpoint.handle_timeout(self.now);
        assert!(self.endpoint.poll_event().is_none());
    }
}

/// The heap is counted for the whole process: one test after the other.
#[test]
fn transactions_cost_little_and_leave_nothing() {
    a_live_transaction_costs_at_most_1_kib();
    many_transactions_leave_nothing_behind();
}

/// Each live transaction costs at most 1 KiB, its answer and its places in all tables included.
fn a_live_transaction_costs_at_most_1_kib() {
    const LIVE: u32 = 16_384;
    let mut server = Server::new();
    let (_, held) = heap::measure(|| {
        for number in 0..LIVE {
            server.serve(number);
        }
    });
    assert_eq!(server.endpoint.transactions(), LIVE as usize);
    let each = held.live_bytes / LIVE as usize;
    assert!(each <= 1_024, "{each} bytes");
}

/// Far more transactions than there is room for, one after the other, and nothing is left.
fn many_transactions_leave_nothing_behind() {
    let mut server = Server::new();
    let mut now = 0;
    let (_, held) = heap::measure(|| {
        for number in 0..MANY {
            server.serve(number);
            // 32 s is as long as 16,000 of them live.
            now += 1;
            if now == 8_000 {
                now = 0;
                server.wait(Duration::from_secs(16));
            }
        }
        server.wait(Duration::from_secs(32));
        assert_eq!(server.endpoint.transactions(), 0);
        assert_eq!(server.endpoint.poll_timeout(), None);
    });
    assert!(held.live_bytes <= 262_144, "{} bytes", held.live_bytes);
}
