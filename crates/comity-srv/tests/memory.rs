//! What hostile answers make a resolver hold.
#![cfg(test)]

use std::net::SocketAddr;
use std::time::Instant;

use comity_srv::{Config, Event, Resolver, Service, Transmit};
use comity_testkit::dns::{FakeDns, Fault, Transport, When, frame, unframe};
use comity_testkit::heap;

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

/// The harness of the test allocates beside us.
const HARNESS: usize = 8 * 1024;

#[test]
fn the_memory_held_for_hostile_servers_is_bounded() {
    let now = comity_testkit::origin();
    a_header_that_promises_everything_costs_nothing(now);
    one_large_answer_costs_little(now);
    two_large_sets_cost_little(now);
    a_hundred_large_answers_fill_the_cache_and_no_more(now);
}

fn resolver(now: Instant) -> Resolver {
    let config = Config::new(vec![SocketAddr::from(([192, 0, 2, 53], 53))]);
    Resolver::new(now, config, [7; 32])
}

fn a_header_that_promises_everything_costs_nothing(now: Instant) {
    let resolver = &mut resolver(now);
    let (transmit, query) = begin(now, resolver, "a.example");
    let mut lie = query.get(..4).unwrap().to_vec();
    lie[2] |= 0x80;
    lie.extend([0, 1, 255, 255, 255, 255, 255, 255]);
    lie.extend(query.get(12..).unwrap());
    let ((), stats) = heap::measure(|| resolver.handle_input(now, transmit.socket, &lie));
    assert!(stats.peak_bytes <= HARNESS, "{stats:?}");
}

/// 440 records in not quite 16 KiB.
fn large_answer(query: &[u8]) -> Vec<u8> {
    let mut dns = FakeDns::new().fault(When::always(), Fault::ManySrv { count: 440 });
    let answer = dns.answer(Transport::Tcp, query).remove(0);
    assert!(
        answer.len() > 12_000 && answer.len() <= 16 * 1024,
        "{}",
        answer.len()
    );
    frame(&answer)
}

fn one_large_answer_costs_little(now: Instant) {
    let resolver = &mut resolver(now);
    let (transmit, query) = begin(now, resolver, "b.example");
    let (transmit, query) = to_tcp(now, resolver, transmit, &query);
    let answer = large_answer(&query);
    let ((), stats) = heap::measure(|| resolver.handle_input(now, transmit.socket, &answer));
    assert!(stats.peak_bytes <= 384 * 1024, "{stats:?}");
}

fn two_large_sets_cost_little(now: Instant) {
    let resolver = &mut resolver(now);
    let domain = "b.example".parse().unwrap();
    let service = Service::XmppServerWithDirectTls;
    resolver.resolve(now, &domain, service).unwrap();
    let queries = [(); 2].map(|()| {
        let mut query = Vec::new();
        let transmit = resolver.poll_transmit(&mut query).unwrap();
        (transmit, query)
    });
    let answers = queries.map(|(transmit, query)| {
        let (transmit, query) = to_tcp(now, resolver, transmit, &query);
        (transmit, large_answer(&query))
    });
    let ((), stats) = heap::measure(|| {
        for (transmit, answer) in &answers {
            resolver.handle_input(now, transmit.socket, answer);
        }
    });
    assert!(stats.peak_bytes <= 512 * 1024, "{stats:?}");
}

fn a_hundred_large_answers_fill_the_cache_and_no_more(now: Instant) {
    let mut resolver = resolver(now);
    let ((), stats) = heap::measure(|| {
        for number in 0..100 {
            let (transmit, query) = begin(now, &mut resolver, &format!("h{number}.example"));
            let (transmit, query) = to_tcp(now, &mut resolver, transmit, &query);
            let answer = large_answer(&query);
            resolver.handle_input(now, transmit.socket, &answer);
            finish(now, &mut resolver);
        }
    });
    assert!(stats.live_bytes <= 1024 * 1024, "{stats:?}");
}

fn begin(now: Instant, resolver: &mut Resolver, domain: &str) -> (Transmit, Vec<u8>) {
    resolver
        .resolve(now, &domain.parse().unwrap(), Service::XmppServer)
        .unwrap();
    let mut query = Vec::new();
    let transmit = resolver.poll_transmit(&mut query).unwrap();
    (transmit, query)
}

/// Cuts the answer to `query`, and takes the query over TCP.
fn to_tcp(
    now: Instant,
    resolver: &mut Resolver,
    transmit: Transmit,
    query: &[u8],
) -> (Transmit, Vec<u8>) {
    let mut dns = FakeDns::new().fault(When::always(), Fault::Truncated);
    let answer = dns.answer(Transport::Udp, query).remove(0);
    resolver.handle_input(now, transmit.socket, &answer);
    let mut query = Vec::new();
    let transmit = resolver.poll_transmit(&mut query).unwrap();
    (transmit, unframe(&mut query).unwrap())
}

/// Answers all queries with nothing until the resolution has ended.
fn finish(now: Instant, resolver: &mut Resolver) {
    let mut dns = FakeDns::new();
    let mut query = Vec::new();
    while let Some(transmit) = resolver.poll_transmit(&mut query) {
        let answer = dns.answer(Transport::Udp, &query).remove(0);
        resolver.handle_input(now, transmit.socket, &answer);
        query.clear();
    }
    let mut resolved = false;
    while let Some(event) = resolver.poll_event() {
        resolved |= matches!(event, Event::Resolved { .. });
    }
    assert!(resolved);
}
