//! Answers of name servers, and the order of SRV records.

use std::net::SocketAddr;
use std::time::Instant;

use comity_srv::{
    Config, Event, LookedUp, Protocol, RecordKind, Records, Resolver, ServiceRecord, SocketId,
    literal_order, weighted_order,
};
use comity_testkit::dns::{FakeDns, Transport, frame};

use crate::{Series, Task};

pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "dns/records",
        size: 250,
        task: answer,
    },
    Series {
        name: "srv/weighted-order",
        size: 250,
        task: |count| order(count, weighted_order),
    },
    Series {
        name: "srv/literal-order",
        size: 250,
        task: |count| order(count, literal_order),
    },
];

/// Takes an answer over TCP that has so many records.
fn answer(count: usize) -> Task {
    let now = Instant::now();
    let (mut resolver, socket, answer) = asked(now, count);
    Box::new(move || {
        resolver.handle_input(now, socket, &answer);
        let mut found = 0;
        while let Some(event) = resolver.poll_event() {
            if let Event::LookedUp {
                result:
                    Ok(LookedUp {
                        records: Records::Services(records),
                        ..
                    }),
                ..
            } = event
            {
                found += records.len();
            }
        }
        found == count
    })
}

/// A resolver that has asked over TCP, where, and what it is to be answered.
fn asked(now: Instant, count: usize) -> (Resolver, SocketId, Vec<u8>) {
    let mut dns = FakeDns::new();
    for number in 0..count {
        let target = format!("h{number}.b.example");
        dns = dns.srv("_xmpp-server._tcp.b.example", 10, 1, 5269, &target);
    }
    let mut config = Config::new(vec![SocketAddr::from(([192, 0, 2, 53], 53))]);
    config.limits.max_tcp_message_bytes = u16::MAX;
    config.limits.max_answers_per_message = usize::MAX;
    config.limits.max_records_per_message = usize::MAX;
    config.limits.max_service_records = usize::MAX;
    let mut resolver = Resolver::new(now, config, [7; 32]);
    let domain = "b.example".parse().expect("a domain");
    let service = ["_xmpp-server", "_tcp"];
    let asked = resolver.look_up(now, &domain, &service, RecordKind::Srv);
    asked.expect("room for a question");
    let mut query = Vec::new();
    while let Some(transmit) = resolver.poll_transmit(&mut query) {
        let socket = transmit.socket;
        match transmit.protocol {
            Protocol::Udp => {
                let cut = dns.answer(Transport::Udp, &query).concat();
                resolver.handle_input(now, socket, &cut);
            }
            Protocol::Tcp => {
                let whole = dns.answer(Transport::Tcp, &query[LENGTH_BYTES..]).concat();
                return (resolver, socket, frame(&whole));
            }
        }
        query.clear();
    }
    panic!("no question over TCP");
}

/// Orders so many records of one priority.
fn order(count: usize, order: fn(Vec<ServiceRecord>, &[u8; 32]) -> Vec<ServiceRecord>) -> Task {
    let records = (0..count).map(|number| ServiceRecord {
        priority: 10,
        weight: 1 + (number % 100) as u16,
        port: 5269,
        target: format!("h{number}.b.example").parse().expect("a domain"),
    });
    let records: Vec<_> = records.collect();
    Box::new(move || order(records, &[7; 32]).len() == count)
}

/// The length before each message over TCP.
const LENGTH_BYTES: usize = 2;
