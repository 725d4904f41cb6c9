//! What a connection whose peer has proved nothing makes an endpoint hold.
#![cfg(test)]

use std::net::SocketAddr;

use comity_sip::endpoint::{Config, Listener};
use comity_sip::{Endpoint, Transport};
use comity_testkit::heap::{self, Counting};

#[global_allocator]
static HEAP: Counting = Counting;

/// What is read of one message, with its index, the room that a buffer has to grow, and the answers to
/// what came at once.
const MAX_READING: usize = 160 * 1024;
/// What a transaction takes beside its request.
const TRANSACTION: usize = 1024;
/// What a driver reads at once.
const CHUNK_BYTES: usize = 4096;

/// One test, because the counters are those of the whole process.
#[test]
fn a_connection_holds_no_more_than_a_message_and_its_share() {
    for (name, input) in messages_without_an_end() {
        let (endpoint, stats) = heap::measure(|| attack(Config::new(listeners()), &input));
        assert!(stats.peak_bytes <= MAX_READING, "{name}: {stats:?}");
        drop(endpoint);
    }
    for (name, input) in requests() {
        for bytes in [128 * 1024, 1024 * 1024] {
            let mut config = Config::new(listeners());
            config.limits.max_kept_bytes = bytes;
            let (endpoint, stats) = heap::measure(|| attack(config, &input));
            let transactions = endpoint.transactions() * TRANSACTION;
            let most = MAX_READING + bytes as usize + transactions;
            assert!(stats.peak_bytes <= most, "{name}: {stats:?}");
            drop(endpoint);
        }
    }
}

fn listeners() -> Vec<Listener> {
    let local = SocketAddr::from(([192, 0, 2, 2], 5060));
    vec![Listener::new(Transport::Tcp, local)]
}

/// Feeds one connection as long as the endpoint takes input, and answers no request.
fn attack(config: Config, input: &[u8]) -> Endpoint {
    let now = comity_testkit::origin();
    let mut endpoint = Endpoint::new(now, config, [1; 32]);
    let source = SocketAddr::from(([192, 0, 2, 1], 1));
    let connection = endpoint
        .accept_connection(now, Transport::Tcp, source, Vec::new())
        .unwrap();
    let mut buf = Vec::new();
    for chunk in input.chunks(CHUNK_BYTES) {
        endpoint.handle_input(now, connection, chunk);
        while endpoint.poll_transmit(&mut buf).is_some() {
            buf.clear();
        }
        while endpoint.poll_event().is_some() {}
    }
    endpoint
}

/// What has filled other servers. Each would go on without an end.
fn messages_without_an_end() -> Vec<(&'static str, Vec<u8>)> {
    let start = "OPTIONS sip:b SIP/2.0\r\n";
    let flood = |unit: &str| [start, &unit.repeat(400_000 / unit.len())].concat().into();
    let body = format!("{start}Content-Length: 49152\r\n\r\n{}", "x".repeat(49_151));
    vec![
        ("start line", "x".repeat(400_000).into()),
        ("empty lines", "\r\n".repeat(200_000).into()),
        ("name", flood("X")),
        ("lines", flood("X: y\r\n")),
        ("short lines", flood("X:\r\n")),
        ("folds", flood("X: y\r\n z\r\n")),
        ("values", flood("X: y, z")),
        ("Via", flood("Via: SIP/2.0/TCP a;branch=z9hG4bK1\r\n")),
        ("body", body.into()),
        ("garbage", flood("\u{1}")),
    ]
}

/// Requests that are complete, one after the other.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let request = |number: usize, method: &str, body: usize| {
        format!(
            "{method} sip:bob@b.example SIP/2.0\r\n\
             Via: SIP/2.0/TCP a.example;branch=z9hG4bK{number}\r\n\
             From: <sip:alice@a.example>;tag=1\r\n\
             To: <sip:bob@b.example>\r\n\
             Call-ID: {number}\r\n\
             CSeq: 1 {method}\r\n\
             Max-Forwards: 70\r\n\
             Contact: <sip:alice@a.example>\r\n\
             Content-Type: text/plain\r\n\
             Content-Length: {body}\r\n\r\n{}",
            "x".repeat(body)
        )
    };
    let many = |count: usize, method: &str, body: usize| {
        let requests = (0..count).map(|number| request(number, method, body));
        requests.collect::<String>().into_bytes()
    };
    vec![
        ("small requests", many(3000, "OPTIONS", 0)),
        ("messages", many(3000, "MESSAGE", 200)),
        ("sessions", many(3000, "INVITE", 0)),
        ("large requests", many(100, "INVITE", 40_000)),
        ("refused requests", many(3000, "FOO", 0)),
    ]
}
