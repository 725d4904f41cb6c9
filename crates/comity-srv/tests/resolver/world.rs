//! A resolver, its name servers and a clock that jumps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_srv::{
    Config, Event, Failure, LookedUp, Outcome, Protocol, Remainder, Resolver, Service, SocketId,
    Trace, Transmit,
};
use comity_testkit::dns::{FakeDns, Transport, frame, unframe};

pub(crate) const SRV: &str = "_xmpp-server._tcp.b.example";

pub(crate) struct World {
    pub(crate) resolver: Resolver,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    /// The servers by their place in the configuration.
    pub(crate) servers: Vec<FakeDns>,
    /// Servers that refuse TCP connections.
    pub(crate) no_tcp: BTreeSet<SocketAddr>,
    /// The pieces in which a TCP answer comes.
    pub(crate) piece: usize,
    pub(crate) open: BTreeMap<SocketId, Transmit>,
    pub(crate) most_open: usize,
    on_the_way: VecDeque<(Transmit, Vec<u8>)>,
    pub(crate) resolved: Vec<(QueryId, Outcome, Trace)>,
    pub(crate) looked_up: Vec<(QueryId, Result<LookedUp, Failure>)>,
    /// What each of the resolutions has left to look up.
    pub(crate) rests: Vec<Option<Remainder>>,
}

impl World {
    pub(crate) fn new(servers: Vec<FakeDns>) -> Self {
        Self::with(servers, |_| {})
    }

    pub(crate) fn with(servers: Vec<FakeDns>, bend: impl FnOnce(&mut Config)) -> Self {
        let now = comity_testkit::origin();
        let mut config = Config::new((0..servers.len()).map(address).collect());
        bend(&mut config);
        Self {
            resolver: Resolver::new(now, config, [7; 32]),
            start: now,
            now,
            servers,
            no_tcp: BTreeSet::new(),
            piece: usize::MAX,
            open: BTreeMap::new(),
            most_open: 0,
            on_the_way: VecDeque::new(),
            resolved: Vec::new(),
            looked_up: Vec::new(),
            rests: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, domain: &str) -> QueryId {
        self.begin_for(domain, Service::XmppServer)
    }

    pub(crate) fn begin_for(&mut self, domain: &str, service: Service) -> QueryId {
        self.resolver
            .resolve(self.now, &name(domain), service)
            .unwrap()
    }

    /// Resolves `domain` to its end.
    pub(crate) fn resolve(&mut self, domain: &str) -> (Outcome, Trace) {
        self.resolve_for(domain, Service::XmppServer)
    }

    /// Resolves `service` of `domain` to its end, and what it leaves but for what is late.
    pub(crate) fn resolve_for(&mut self, domain: &str, service: Service) -> (Outcome, Trace) {
        let mut query = self.begin_for(domain, service);
        let (mut all, mut steps) = (Vec::new(), Trace::default());
        loop {
            self.run();
            let (ended, outcome, trace) = self.resolved.pop().unwrap();
            assert_eq!(ended, query);
            assert!(self.resolved.is_empty());
            steps.append(trace);
            let is_first = all.is_empty();
            if let Outcome::Candidates(found) = outcome {
                all.extend(found);
            } else if is_first {
                return (outcome, steps);
            }
            let rest = self.rests.pop().unwrap();
            let Some(rest) = rest.and_then(Remainder::without_late) else {
                return (Outcome::Candidates(all), steps);
            };
            query = self.resolver.resolve_rest(self.now, rest).unwrap();
        }
    }

    pub(crate) fn outcome(&mut self, domain: &str) -> Outcome {
        self.resolve(domain).0
    }

    /// Goes on until nothing is left to do, and expects no socket to be left open.
    pub(crate) fn run(&mut self) {
        self.pump();
        while let Some(due) = self.resolver.poll_timeout() {
            self.now = self.now.max(due);
            self.resolver.handle_timeout(self.now);
            self.pump();
            let next = self.resolver.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now));
        }
        assert!(self.open.is_empty(), "sockets are left: {:?}", self.open);
    }

    /// Moves queries and answers until both sides are quiet.
    pub(crate) fn pump(&mut self) {
        loop {
            self.take_outputs();
            let Some((transmit, query)) = self.on_the_way.pop_front() else {
                return;
            };
            self.answer(transmit, &query);
        }
    }

    fn take_outputs(&mut self) {
        let mut buf = Vec::new();
        while let Some(transmit) = self.resolver.poll_transmit(&mut buf) {
            let query = buf.split_off(buf.len() - transmit.len);
            assert_eq!(self.open.insert(transmit.socket, transmit), None);
            self.on_the_way.push_back((transmit, query));
        }
        while let Some(event) = self.resolver.poll_event() {
            match event {
                Event::Resolved {
                    query,
                    outcome,
                    rest,
                    trace,
                    ..
                } => {
                    self.rests.push(rest);
                    self.resolved.push((query, outcome, trace));
                }
                Event::Release { socket } => {
                    assert!(self.open.remove(&socket).is_some(), "{socket} is not open");
                }
                Event::LookedUp { query, result, .. } => self.looked_up.push((query, result)),
                other => panic!("{other:?}"),
            }
        }
        self.most_open = self.most_open.max(self.open.len());
    }

    fn answer(&mut self, transmit: Transmit, query: &[u8]) {
        let place = (0..self.servers.len())
            .find(|place| address(*place) == transmit.server)
            .unwrap();
        let server = &mut self.servers[place];
        match transmit.protocol {
            Protocol::Udp => {
                for answer in server.answer(Transport::Udp, query) {
                    self.resolver
                        .handle_input(self.now, transmit.socket, &answer);
                }
            }
            Protocol::Tcp if self.no_tcp.contains(&transmit.server) => {
                self.resolver
                    .handle_socket_failed(self.now, transmit.socket);
            }
            Protocol::Tcp => {
                let query = unframe(&mut query.to_vec()).unwrap();
                for answer in server.answer(Transport::Tcp, &query) {
                    for piece in frame(&answer).chunks(self.piece) {
                        self.resolver.handle_input(self.now, transmit.socket, piece);
                    }
                }
                self.resolver.handle_eof(self.now, transmit.socket);
            }
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(crate) fn questions(&self) -> Vec<String> {
        self.servers
            .iter()
            .flat_map(FakeDns::questions)
            .map(ToString::to_string)
            .collect()
    }
}

/// The address of the server at `place`.
pub(crate) fn address(place: usize) -> SocketAddr {
    let last = u8::try_from(53 + place).unwrap();
    SocketAddr::from(([192, 0, 2, last], 53))
}

pub(crate) fn name(domain: &str) -> DomainName {
    domain.parse().unwrap()
}

/// A server that knows one host of `b.example`.
pub(crate) fn one_host() -> FakeDns {
    FakeDns::new()
        .srv(SRV, 10, 5, 5269, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1])
}

/// The candidates as lines.
pub(crate) fn shown(outcome: &Outcome) -> Vec<String> {
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    list.iter().map(ToString::to_string).collect()
}

pub(crate) fn failed(failure: Failure) -> Outcome {
    Outcome::Failed(failure)
}

/// What [`one_host`] resolves to.
pub(crate) const ONE_HOST: [&str; 1] = ["xmpp.b.example at 192.0.2.1:5269, priority 10, weight 5"];
