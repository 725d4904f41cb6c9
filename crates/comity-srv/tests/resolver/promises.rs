//! The promises of every machine, for one answer that comes over TCP.

use std::time::{Duration, Instant};

use comity_srv::{Config, Event, Protocol, Resolver, Service, SocketId};
use comity_testkit::contract::{self, Subject, Transcript};
use comity_testkit::dns::{FakeDns, Fault, Transport, When, frame, unframe};

use crate::world::{SRV, address, name};

/// A resolver that waits for the SRV records of `b.example` on one connection, and knows the
/// addresses of the target.
struct Waiting {
    resolver: Resolver,
    socket: SocketId,
    ended: bool,
}

impl Waiting {
    /// The resolver, and what the server sends on its connection.
    fn begin(now: Instant, dns: &mut FakeDns) -> (Self, Vec<u8>) {
        let config = Config::new(vec![address(0), address(1)]);
        let mut resolver = Resolver::new(now, config, [7; 32]);
        resolver
            .resolve(now, &name("c.example"), Service::XmppServer)
            .unwrap();
        answer_all(now, &mut resolver, dns);
        resolver
            .resolve(now, &name("b.example"), Service::XmppServer)
            .unwrap();
        answer_all(now, &mut resolver, dns);
        let mut query = Vec::new();
        let transmit = resolver.poll_transmit(&mut query).unwrap();
        assert_eq!(transmit.protocol, Protocol::Tcp);
        let query = unframe(&mut query).unwrap();
        let answer = dns.answer(Transport::Tcp, &query).remove(0);
        let waiting = Self {
            resolver,
            socket: transmit.socket,
            ended: false,
        };
        (waiting, frame(&answer))
    }
}

/// Answers over UDP until a query has to go over TCP, or there is none.
fn answer_all(now: Instant, resolver: &mut Resolver, dns: &mut FakeDns) {
    let mut truncated = false;
    while !truncated {
        let mut query = Vec::new();
        let Some(transmit) = resolver.poll_transmit(&mut query) else {
            break;
        };
        let answer = dns.answer(Transport::Udp, &query).remove(0);
        truncated = answer[2] & 2 != 0;
        resolver.handle_input(now, transmit.socket, &answer);
    }
    while resolver.poll_event().is_some() {}
}

impl Subject for Waiting {
    type Event = Event;

    fn handle_input(&mut self, now: Instant, input: &[u8]) {
        self.resolver.handle_input(now, self.socket, input);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.resolver.handle_eof(now, self.socket);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.resolver.handle_timeout(now);
    }

    fn answer(&mut self, _: Instant, _: &Event) {}

    fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool {
        self.resolver.poll_transmit(buf).is_some()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.resolver.poll_event()?;
        self.ended |= Self::is_closed_event(&event);
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.resolver.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        true
    }

    fn is_closed(&self) -> bool {
        self.ended
    }

    fn is_closed_event(event: &Event) -> bool {
        matches!(event, Event::Resolved { .. })
    }
}

fn server() -> FakeDns {
    let cut = When::asked(SRV, comity_testkit::dns::RecordType::SRV).over(Transport::Udp);
    FakeDns::new()
        .srv("_xmpp-server._tcp.c.example", 1, 1, 1, "xmpp.b.example")
        .srv(SRV, 10, 5, 5269, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1])
        .fault(cut, Fault::Truncated)
}

/// Runs the contract where the server answers with `fault` over TCP.
fn keeps_promises(fault: Option<&Fault>) {
    let dns = || match fault {
        None => server(),
        Some(fault) => server().fault(When::always().over(Transport::Tcp), fault.clone()),
    };
    let make = |now| Waiting::begin(now, &mut dns()).0;
    let (_, stream) = Waiting::begin(comity_testkit::origin(), &mut dns());
    let transcript = Transcript::new()
        .input(&stream)
        .wait(Duration::from_secs(1))
        .input(&stream)
        .eof();
    contract::keeps_promises(make, &transcript);
}

#[test]
fn an_answer_over_tcp_keeps_the_promises() {
    keeps_promises(None);
}

#[test]
fn a_useless_answer_over_tcp_keeps_the_promises() {
    for fault in [
        Fault::WrongId,
        Fault::Garbage,
        Fault::NullTarget,
        Fault::Bytes(vec![0; 100]),
    ] {
        keeps_promises(Some(&fault));
    }
}
