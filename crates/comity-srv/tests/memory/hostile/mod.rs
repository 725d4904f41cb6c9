//! Resolutions by name servers that want to do harm.

mod messages;
mod wire;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comity_machine::QueryId;
use comity_srv::{
    Config, Event, Protocol, RecordKind, Resolver, Service, SipService, SipTransport, SocketId,
};
use messages::truncated;
pub(crate) use messages::{ANSWERS, Answer};
use wire::Query;

/// Begins a resolution.
pub(crate) type Begin = fn(&mut Resolver, Instant) -> QueryId;

/// What can be resolved, each with a name.
pub(crate) const RESOLUTIONS: [(&str, Begin); 5] = [
    ("XMPP", |resolver, now| {
        resolve(resolver, now, Service::XmppServerWithDirectTls)
    }),
    ("SIP", |resolver, now| {
        resolve(resolver, now, Service::Sip(SipService::new()))
    }),
    ("SIP over TLS", |resolver, now| {
        let mut sip = SipService::new();
        sip.transport = Some(SipTransport::Tls);
        resolve(resolver, now, Service::Sip(sip))
    }),
    ("SRV records", |resolver, now| {
        look_up(resolver, now, RecordKind::Srv)
    }),
    ("NAPTR records", |resolver, now| {
        look_up(resolver, now, RecordKind::Naptr)
    }),
];

/// What came from a name server, and who takes it.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    resolver: &'a mut Resolver,
    now: Instant,
    socket: SocketId,
    pub(crate) protocol: Protocol,
    pub(crate) bytes: &'a [u8],
}

impl Input<'_> {
    pub(crate) fn hand_over(self) {
        self.resolver
            .handle_input(self.now, self.socket, self.bytes);
    }
}

/// A resolver of one name server.
pub(crate) fn resolver(now: Instant) -> Resolver {
    let mut config = Config::new(vec![SocketAddr::from(([192, 0, 2, 53], 53))]);
    config.servers_validate = true;
    Resolver::new(now, config, [7; 32])
}

/// A resolver that has asked over TCP, where, and what.
pub(crate) fn asked_over_tcp(now: Instant, begin: Begin) -> (Resolver, SocketId, Vec<u8>) {
    let mut resolver = resolver(now);
    begin(&mut resolver, now);
    let mut query = Vec::new();
    let transmit = resolver.poll_transmit(&mut query).unwrap();
    let cut = truncated(&Query::new(&query));
    resolver.handle_input(now, transmit.socket, &cut);
    query.clear();
    // XMPP asks a second question, which is left alone.
    while let Some(transmit) = resolver.poll_transmit(&mut query) {
        if transmit.protocol == Protocol::Tcp {
            let start = query.len() - transmit.len + LENGTH_BYTES;
            return (resolver, transmit.socket, query.split_off(start));
        }
    }
    panic!("no query over TCP")
}

/// What `answer` sends over TCP to a query without its length.
pub(crate) fn stream(query: &[u8], answer: Answer) -> Vec<u8> {
    frame(&answer(&Query::new(query)))
}

/// Resolves twice, so that much is remembered for the second time, and lets `hand_over` do with all
/// input what has to be done.
pub(crate) fn resolve_twice(
    now: Instant,
    begin: Begin,
    answer: Answer,
    mut hand_over: impl FnMut(Input<'_>),
) {
    let mut resolver = resolver(now);
    for now in [now, now + Duration::from_secs(10)] {
        resolver.handle_timeout(now);
        begin(&mut resolver, now);
        let mut ended = drain(&mut resolver, now);
        ended |= answer_and(&mut resolver, now, answer, &mut hand_over);
        assert!(ended);
    }
}

/// Answers every query until there are no more.
pub(crate) fn answer_all(resolver: &mut Resolver, now: Instant, answer: Answer) {
    answer_and(resolver, now, answer, &mut |input| input.hand_over());
}

/// True if a resolution has ended.
fn answer_and(
    resolver: &mut Resolver,
    now: Instant,
    answer: Answer,
    hand_over: &mut impl FnMut(Input<'_>),
) -> bool {
    let mut ended = false;
    let mut query = Vec::new();
    while let Some(transmit) = resolver.poll_transmit(&mut query) {
        let bytes = match transmit.protocol {
            Protocol::Udp => answer(&Query::new(&query)),
            Protocol::Tcp => stream(&query[LENGTH_BYTES..], answer),
        };
        hand_over(Input {
            resolver,
            now,
            socket: transmit.socket,
            protocol: transmit.protocol,
            bytes: &bytes,
        });
        query.clear();
        ended |= drain(resolver, now);
    }
    ended
}

/// Puts the length before a message.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes(), message].concat()
}

/// Takes all events, and goes on with what is left of a resolution. True if one has ended.
fn drain(resolver: &mut Resolver, now: Instant) -> bool {
    let mut ended = false;
    while let Some(event) = resolver.poll_event() {
        ended |= !matches!(event, Event::Release { .. });
        if let Event::Resolved {
            rest: Some(rest), ..
        } = event
        {
            resolver.resolve_rest(now, rest).unwrap();
        }
    }
    ended
}

fn resolve(resolver: &mut Resolver, now: Instant, service: Service) -> QueryId {
    let domain = "b.example".parse().unwrap();
    resolver.resolve(now, &domain, service).unwrap()
}

fn look_up(resolver: &mut Resolver, now: Instant, kind: RecordKind) -> QueryId {
    let domain = "b.example".parse().unwrap();
    resolver.look_up(now, &domain, &[], kind).unwrap()
}

/// The length before each message over TCP.
const LENGTH_BYTES: usize = 2;
