use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::Random;
use comity_testkit::link::{Arrival, End, Stream, StreamPlan};
use comity_testkit::origin;
use comity_xmpp::router::{Config, ConnectionId, Event, Failure, Router, Target, Unresolved};
use comity_xmpp::stream::{Decision, Method, PeerCertificate, Verdict};
use comity_xmpp::xml::Element;
use comity_xmpp::{DialbackSecret, Jid, Security, Stanza, StanzaKind, Transport, ns};

/// Routers, the connections between them, and a composer that answers all their questions.
pub(crate) struct World {
    now: Instant,
    plan: StreamPlan,
    random: Random,
    hosts: Vec<Host>,
    /// Which host each domain's records name.
    zone: BTreeMap<DomainName, usize>,
    wires: Vec<Wire>,
    /// Whether certificates prove what they are asked for.
    pub(crate) certified: bool,
    /// What hosts are made with.
    pub(crate) config: Config,
    /// How many targets that nobody listens on stand before the good one.
    pub(crate) dead_targets: usize,
    pub(crate) dials: usize,
    pub(crate) undelivered: Vec<(String, Failure)>,
}

struct Host {
    domain: DomainName,
    router: Router,
    security: Security,
    arrived: Vec<(Stanza, Method)>,
}

/// A connection from one host, at end A, to another.
struct Wire {
    link: Stream,
    ends: [(usize, ConnectionId); 2],
    in_tls: [bool; 2],
}

impl World {
    pub(crate) fn new(plan: StreamPlan, seed: u8) -> Self {
        Self {
            now: origin(),
            plan,
            random: Random::from_seed([seed; 32]),
            hosts: Vec::new(),
            zone: BTreeMap::new(),
            wires: Vec::new(),
            certified: false,
            config: Config::default(),
            dead_targets: 0,
            dials: 0,
            undelivered: Vec::new(),
        }
    }

    /// Adds a server that the domain's records name.
    pub(crate) fn host(&mut self, domain: &str, secret: &[u8], security: Security) -> usize {
        let host = self.add(domain, secret, security);
        self.zone.insert(domain.parse().unwrap(), host);
        host
    }

    /// Adds a server that speaks for a domain whose records name another.
    pub(crate) fn impostor(&mut self, domain: &str, secret: &[u8]) -> usize {
        self.add(domain, secret, Security::ENCRYPTED)
    }

    fn add(&mut self, domain: &str, secret: &[u8], security: Security) -> usize {
        let domain: DomainName = domain.parse().unwrap();
        let mut config = self.config.clone();
        config.stream.domains = Arc::new([domain.clone()].into());
        config.stream.dialback = Some(DialbackSecret::new(secret));
        config.stream.security = security;
        self.hosts.push(Host {
            domain,
            router: Router::new(self.now, config, self.random.seed()),
            security,
            arrived: Vec::new(),
        });
        self.hosts.len() - 1
    }

    pub(crate) fn send(&mut self, host: usize, to: &str, body: &str) {
        let Host { domain, router, .. } = &mut self.hosts[host];
        let from: Jid = format!("x@{domain}").parse().unwrap();
        let to = format!("y@{to}").parse().unwrap();
        let body = Element::new(ns::SERVER, "body").with_text(body);
        let stanza = Stanza::new(StanzaKind::Message, from, to).with_payload(body);
        router.send(self.now, stanza).unwrap();
        self.settle();
    }

    pub(crate) fn close(&mut self, host: usize) {
        self.hosts[host].router.close(self.now);
        self.settle();
    }

    pub(crate) fn is_closed(&self, host: usize) -> bool {
        self.hosts[host].router.is_closed()
    }

    /// Lets simulated time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let wires = self
                .wires
                .iter()
                .filter_map(|wire| wire.link.next_delivery());
            let routers = self
                .hosts
                .iter()
                .filter_map(|host| host.router.poll_timeout());
            let Some(next) = wires.chain(routers).min().filter(|&next| next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            for index in 0..self.wires.len() {
                self.deliver(index);
            }
            for host in &mut self.hosts {
                if host
                    .router
                    .poll_timeout()
                    .is_some_and(|due| due <= self.now)
                {
                    host.router.handle_timeout(self.now);
                }
            }
            self.settle();
        }
    }

    pub(crate) fn bodies(&self, domain: &str) -> Vec<String> {
        let hosts = self
            .hosts
            .iter()
            .filter(|host| host.domain.as_str() == domain);
        hosts
            .flat_map(|host| &host.arrived)
            .map(|(stanza, _)| body(stanza))
            .collect()
    }

    /// How pairs were proved, each method once.
    pub(crate) fn methods(&self) -> Vec<Method> {
        let arrived = self.hosts.iter().flat_map(|host| &host.arrived);
        let mut methods: Vec<_> = arrived.map(|&(_, method)| method).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    fn deliver(&mut self, index: usize) {
        while let Some((end, arrival)) = self.wires[index].link.deliver(self.now) {
            let (host, connection) = self.wires[index].ends[usize::from(end == End::B)];
            let router = &mut self.hosts[host].router;
            match arrival {
                Arrival::Bytes(bytes) => router.handle_input(self.now, connection, &bytes),
                Arrival::Eof | Arrival::Reset => router.handle_eof(self.now, connection),
                other => panic!("{other:?}"),
            }
            self.settle();
        }
    }

    /// Drains every router until none has more to say.
    fn settle(&mut self) {
        let mut again = true;
        while again {
            again = false;
            for host in 0..self.hosts.len() {
                again |= self.transmit(host);
                while let Some(event) = self.hosts[host].router.poll_event() {
                    self.answer(host, event);
                    // An answer may make bytes that go before the next event.
                    self.transmit(host);
                    again = true;
                }
            }
        }
    }

    fn transmit(&mut self, host: usize) -> bool {
        let mut any = false;
        let mut buf = Vec::new();
        while let Some(transmit) = self.hosts[host].router.poll_transmit(&mut buf) {
            let bytes = std::mem::take(&mut buf);
            assert_eq!(bytes.len(), transmit.len);
            if let Some((wire, end)) = self.wire(host, transmit.connection) {
                self.wires[wire].link.send(self.now, end, &bytes);
            }
            any = true;
        }
        any
    }

    fn answer(&mut self, host: usize, event: Event) {
        let now = self.now;
        let security = self.hosts[host].security;
        let router = &mut self.hosts[host].router;
        match event {
            Event::Authorize { query, .. } => {
                router.handle_decision(now, query, &Decision::Allow(security.into()));
            }
            Event::Authenticate { query, domain, .. } => {
                let verdict = if self.certified {
                    Verdict::Trusted {
                        matched_by: domain.as_str().into(),
                        expires_in: None,
                    }
                } else {
                    Verdict::Untrusted {
                        reason: "unknown issuer".into(),
                    }
                };
                router.handle_verdict(now, query, &verdict);
            }
            Event::Connect { query, domain, .. } => {
                let targets = match self.zone.get(&domain) {
                    Some(&server) => Ok(targets(self.dead_targets, server, &domain)),
                    None => Err(Unresolved::NotOffered("no such name".into())),
                };
                router.handle_targets(now, query, targets);
            }
            Event::Dial {
                connection, target, ..
            } => self.dial(host, connection, &target),
            Event::StartTls { connection, .. } => self.start_tls(host, connection),
            Event::Stanza { stanza, method, .. } => {
                self.hosts[host].arrived.push((stanza, method));
            }
            Event::Undelivered {
                stanza, failure, ..
            } => {
                self.undelivered.push((body(&stanza), failure));
            }
            Event::Closed { connection, .. } => {
                if let Some((wire, end)) = self.wire(host, connection) {
                    self.wires[wire].link.finish(now, end);
                }
            }
            Event::Authorized { .. }
            | Event::Dropped { .. }
            | Event::Established { .. }
            | Event::Withdrawn { .. } => {}
            other @ (Event::Sent { .. } | _) => panic!("{other:?}"),
        }
    }

    fn dial(&mut self, host: usize, connection: ConnectionId, target: &Target) {
        self.dials += 1;
        let server = usize::from(target.address.port());
        if server >= self.hosts.len() {
            let router = &mut self.hosts[host].router;
            router.handle_connect_failed(self.now, connection, "nobody listens");
            return;
        }
        let accepted = self.hosts[server]
            .router
            .accept(self.now, Transport::Tcp)
            .unwrap();
        self.wires.push(Wire {
            link: Stream::new(self.plan, self.random.seed()),
            ends: [(host, connection), (server, accepted)],
            in_tls: [false; 2],
        });
        self.hosts[host]
            .router
            .handle_connected(self.now, connection);
    }

    /// The handshake is over as soon as both ends have begun it.
    fn start_tls(&mut self, host: usize, connection: ConnectionId) {
        let (wire, end) = self.wire(host, connection).unwrap();
        let wire = &mut self.wires[wire];
        wire.in_tls[usize::from(end == End::B)] = true;
        if wire.in_tls == [true; 2] {
            for (host, connection) in wire.ends {
                let router = &mut self.hosts[host].router;
                router.handle_tls_established(self.now, connection, PeerCertificate::Presented);
            }
        }
    }

    fn wire(&self, host: usize, connection: ConnectionId) -> Option<(usize, End)> {
        self.wires.iter().enumerate().find_map(|(index, wire)| {
            let [a, b] = wire.ends.map(|end| end == (host, connection));
            if a {
                Some((index, End::A))
            } else {
                b.then_some((index, End::B))
            }
        })
    }
}

/// Addresses whose port is the number of the host, behind some that no host has.
fn targets(dead: usize, server: usize, domain: &DomainName) -> Vec<Target> {
    let address = |port: usize| SocketAddr::from(([192, 0, 2, 1], u16::try_from(port).unwrap()));
    (0..dead)
        .map(|index| 1000 + index)
        .chain([server])
        .map(|port| Target::new(address(port), domain.clone()))
        .collect()
}

fn body(stanza: &Stanza) -> String {
    let body = stanza.element();
    body.child(ns::SERVER, "body").map(Element::text).unwrap()
}
