mod published;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comity_identity::{DomainName, Host};
use comity_machine::QueryId;
use comity_srv::{
    AddressPolicy, Candidate, Config, Dnssec, Event, Failure, Limits, Outcome, Protocol,
    Provenance, Remainder, Resolver, Service, SipService, SocketId, Transmit, Transport,
};
use comity_testkit::dns::{self, FakeDns, frame, unframe};

use crate::program::Program;

/// Runs a program of answers, true, bent and made up, on a resolver.
///
/// Every resolution ends once and in time, no address comes out that the policy forbids or that
/// the service does not allow for, and no socket stays open. While nobody lies or is silent, what
/// comes out is what the server knows, and is proved if the server has validated it.
pub fn dns_answer(data: &[u8]) {
    let mut program = Program::new(data);
    let mode = program.byte();
    let mut world = World::new(mode);
    world.resolve("b.example", service(mode >> 4));
    for _ in 0..MAX_STEPS {
        if program.is_over() {
            break;
        }
        world.step(&mut program);
    }
    world.end();
}

struct World {
    resolver: Resolver,
    now: Instant,
    servers: Vec<SocketAddr>,
    limits: Limits,
    policy: AddressPolicy,
    dns: FakeDns,
    /// Whether the server validates, and is believed.
    validates: Option<Dnssec>,
    /// Sockets with their queries, without the length that goes before them over TCP.
    open: BTreeMap<SocketId, (Transmit, Vec<u8>)>,
    known: BTreeSet<SocketId>,
    /// The resolutions that have not ended.
    running: BTreeMap<QueryId, Resolution>,
    begun: usize,
    /// Nothing but true answers came, and no time passed.
    is_true: bool,
}

struct Resolution {
    begun: Instant,
    domain: DomainName,
    service: Service,
    /// Of the priorities before.
    found: Vec<Candidate>,
}

impl World {
    fn new(mode: u8) -> Self {
        let now = comity_testkit::origin();
        let all = ["192.0.2.53:53", "[2001:db8::53]:53"];
        let servers: Vec<_> = all
            .iter()
            .take(1 + usize::from(mode & 1))
            .map(|text| text.parse().expect("an address"))
            .collect();
        let mut config = Config::new(servers.clone());
        config.address_policy.danger_allow_loopback = mode & 2 != 0;
        config.address_policy.danger_allow_private = mode & 4 != 0;
        // The services of these come twice.
        let validates = match mode >> 4 {
            2 | 11 => Some(Dnssec::Insecure),
            9 | 13 => Some(Dnssec::Secure),
            _ => None,
        };
        config.servers_validate = validates.is_some();
        config.mixed_case = mode >> 4 != 14;
        let dns = match validates {
            Some(Dnssec::Secure) => truth::server().authentic(),
            _ => truth::server(),
        };
        if mode & 8 != 0 {
            config.limits.max_parallel_lookups = 2;
            config.limits.max_lookups = 5;
            config.limits.max_endpoints = 3;
            config.limits.max_mismatches = 1;
            config.limits.max_cached_records = 4;
            config.limits.max_aliases = 1;
            config.limits.max_resolutions = 2;
        }
        Self {
            limits: config.limits.clone(),
            policy: config.address_policy.clone(),
            resolver: Resolver::new(now, config, [mode; 32]),
            now,
            servers,
            dns,
            validates,
            open: BTreeMap::new(),
            known: BTreeSet::new(),
            running: BTreeMap::new(),
            begun: 0,
            // The smaller limits leave some of the truth out.
            is_true: mode & 8 == 0,
        }
    }

    fn resolve(&mut self, domain: &str, service: Service) {
        let resolution = Resolution {
            begun: self.now,
            domain: domain.parse().expect("a domain name"),
            service: service.clone(),
            found: Vec::new(),
        };
        let result = self.resolver.resolve(self.now, &resolution.domain, service);
        if let Ok(query) = result {
            assert!(self.running.insert(query, resolution).is_none());
            self.begun += 1;
        } else {
            assert_eq!(self.running.len(), self.limits.max_resolutions);
        }
        self.drain();
    }

    fn step(&mut self, program: &mut Program<'_>) {
        let kind = program.byte();
        if kind == u8::MAX {
            return published::step(&mut self.dns, program);
        }
        let all: Vec<_> = self.open.keys().copied().collect();
        let socket = program.recent(&all).copied();
        self.is_true &= matches!(kind % 12, 0 | 8 | 10 | 11);
        match (kind % 12, socket) {
            (0, Some(socket)) => self.answer(socket, &[]),
            (1, Some(socket)) => {
                let bends: Vec<_> = (0..program.byte() % 8)
                    .map(|_| (program.word(), program.byte()))
                    .collect();
                self.answer(socket, &bends);
            }
            (2, Some(socket)) => self.make_up(socket, program),
            (3, Some(socket)) => self.input(socket, program.bytes()),
            (4, Some(socket)) => self.resolver.handle_eof(self.now, socket),
            (5, Some(socket)) => self.resolver.handle_socket_failed(self.now, socket),
            (6, _) => self.jump(),
            (7, _) => {
                self.now += Duration::from_millis(program.word().into());
                self.expire();
            }
            (8, _) => {
                let choice = program.byte();
                let domain = truth::DOMAINS[usize::from(choice) % truth::DOMAINS.len()];
                self.resolve(domain, service(choice >> 3));
            }
            // Nothing may come of a socket that is closed.
            (9, _) => {
                let all: Vec<_> = self.known.iter().copied().collect();
                if let Some(socket) = program.recent(&all) {
                    self.input(*socket, program.bytes());
                }
            }
            (10, _) => {
                while let Some(&socket) = self.open.keys().next() {
                    self.answer(socket, &[]);
                    self.drain();
                    if self.open.contains_key(&socket) {
                        break;
                    }
                }
            }
            _ => {}
        }
        self.drain();
    }

    /// Sends what the server knows, with some bytes changed.
    fn answer(&mut self, socket: SocketId, bends: &[(u16, u8)]) {
        let (transmit, query) = &self.open[&socket];
        let transport = match transmit.protocol {
            Protocol::Udp => dns::Transport::Udp,
            Protocol::Tcp => dns::Transport::Tcp,
        };
        for mut answer in self.dns.answer(transport, query) {
            let len = answer.len().max(1);
            for (at, byte) in bends {
                if let Some(place) = answer.get_mut(usize::from(*at) % len) {
                    *place = *byte;
                }
            }
            self.send(socket, &answer);
        }
    }

    /// Sends the id and the question of the query with a header and records that are made up.
    fn make_up(&mut self, socket: SocketId, program: &mut Program<'_>) {
        let query = &self.open[&socket].1;
        let question = query.get(HEADER_BYTES..).unwrap_or_default();
        // A query has one question, and its name ends with the root.
        let name = question.iter().position(|&byte| byte == 0).unwrap_or(0);
        let question = question.get(..name + 5).unwrap_or_default().to_vec();
        let mut answer = query.get(..2).unwrap_or_default().to_vec();
        answer.extend(program.word().to_be_bytes());
        answer.extend([0, 1]);
        answer.extend([
            0,
            program.byte() % 4,
            0,
            program.byte() % 4,
            0,
            program.byte() % 4,
        ]);
        answer.extend(question);
        answer.extend(program.bytes());
        self.send(socket, &answer);
    }

    fn send(&mut self, socket: SocketId, message: &[u8]) {
        match self
            .open
            .get(&socket)
            .map(|(transmit, _)| transmit.protocol)
        {
            Some(Protocol::Udp) => self.input(socket, message),
            Some(Protocol::Tcp) => self.input(socket, &frame(message)),
            None => {}
        }
    }

    fn input(&mut self, socket: SocketId, bytes: &[u8]) {
        self.resolver.handle_input(self.now, socket, bytes);
    }

    fn jump(&mut self) {
        self.is_true = false;
        if let Some(timeout) = self.resolver.poll_timeout() {
            self.now = self.now.max(timeout);
        }
        self.expire();
    }

    fn expire(&mut self) {
        self.resolver.handle_timeout(self.now);
        let next = self.resolver.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "time stands still");
        self.drain();
        let timeout = self.limits.resolution_timeout;
        let in_time = |one: &Resolution| one.begun + timeout > self.now;
        assert!(
            self.running.values().all(in_time),
            "a resolution takes too long"
        );
    }

    fn drain(&mut self) {
        let mut bytes = Vec::new();
        while let Some(transmit) = self.resolver.poll_transmit(&mut bytes) {
            assert_eq!(transmit.len, bytes.len());
            self.open(transmit, std::mem::take(&mut bytes));
        }
        while let Some(event) = self.resolver.poll_event() {
            self.take(event);
        }
        let most = self.limits.max_resolutions * self.limits.max_parallel_lookups;
        assert!(self.open.len() <= most, "too many sockets at a time");
        let (sockets, begun) = (self.known.len(), self.begun);
        assert!(
            sockets <= begun * self.limits.max_lookups * MAX_TRIES,
            "{sockets} sockets"
        );
        if self.running.is_empty() {
            assert!(self.open.is_empty(), "sockets that nobody needs");
            assert_eq!(
                self.resolver.poll_timeout(),
                None,
                "a timer that nobody needs"
            );
        }
    }

    fn open(&mut self, transmit: Transmit, mut bytes: Vec<u8>) {
        assert!(self.servers.contains(&transmit.server));
        assert!(self.known.insert(transmit.socket), "a socket comes twice");
        let query = match transmit.protocol {
            Protocol::Udp => bytes,
            Protocol::Tcp => unframe(&mut bytes).expect("one message"),
        };
        assert!((HEADER_BYTES..=282).contains(&query.len()));
        self.open.insert(transmit.socket, (transmit, query));
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Release { socket } => {
                assert!(self.open.remove(&socket).is_some(), "{socket} is not open");
            }
            Event::Resolved {
                query,
                outcome,
                rest,
                ..
            } => {
                let ended = self.running.remove(&query);
                let ended = ended.expect("a resolution ends that was not begun or has ended");
                self.resolved(ended, outcome, rest);
            }
            other => panic!("an event that this target does not know: {other:?}"),
        }
    }

    /// Looks the rest up, and checks what came of all.
    fn resolved(&mut self, mut ended: Resolution, outcome: Outcome, rest: Option<Remainder>) {
        let is_first = ended.found.is_empty();
        match outcome {
            Outcome::Candidates(found) => ended.found.extend(found),
            nothing if is_first => return self.check(&ended, &nothing),
            _ => {}
        }
        if let Some(rest) = rest {
            assert!(!ended.found.is_empty());
            if let Ok(query) = self.resolver.resolve_rest(self.now, rest) {
                ended.begun = self.now;
                self.begun += 1;
                assert!(self.running.insert(query, ended).is_none());
                return;
            }
            assert_eq!(self.running.len(), self.limits.max_resolutions);
            // The rest of the truth is not looked up.
            self.is_true = false;
        }
        let found = std::mem::take(&mut ended.found);
        self.check(&ended, &Outcome::Candidates(found));
    }

    fn check(&self, ended: &Resolution, outcome: &Outcome) {
        let (domain, service) = (ended.domain.as_str(), &ended.service);
        match outcome {
            Outcome::Candidates(candidates) => self.check_candidates(ended, candidates),
            Outcome::Blocked(blocked) => {
                assert!(!blocked.is_empty());
                for one in blocked {
                    assert_eq!(self.policy.check(one.address), Err(one.reason));
                }
            }
            Outcome::Absent | Outcome::Refused => {
                assert!(!is_given(service), "DNS was not asked about {domain}");
            }
            Outcome::Failed(failure) => {
                assert!(*failure != Failure::NoUsableRecord || !is_given(service));
            }
            other => panic!("an outcome that this target does not know: {other:?}"),
        }
        // What needs no name server does not depend on what they say.
        let needs_none = matches!(
            service,
            Service::Host {
                host: Host::Ip(_),
                ..
            }
        );
        if self.is_true || needs_none {
            assert!(
                truth::is_true(outcome, domain, service, &self.policy),
                "{service:?} of {domain}: {outcome:?}"
            );
        }
    }

    fn check_candidates(&self, ended: &Resolution, candidates: &[Candidate]) {
        assert!(!candidates.is_empty());
        assert!(candidates.len() <= self.limits.max_endpoints);
        let is_sip = matches!(ended.service, Service::Sip(_));
        assert!(
            is_sip || candidates.is_sorted_by_key(|one| one.priority),
            "the sets do not count as one"
        );
        let alone = candidates.iter().all(|one| one.target == ended.domain);
        let mut seen = BTreeSet::new();
        for one in candidates {
            let address = one.address;
            assert!(seen.insert((address, one.transport)), "{one} comes twice");
            assert_eq!(self.policy.check(address.ip()), Ok(()), "{address}");
            assert_ne!(address.port(), 0);
            self.check_proof(ended, one);
            let is_allowed = match (&ended.service, one.provenance) {
                (Service::XmppServer, Provenance::ServiceRecord) => {
                    one.transport == Transport::StartTls
                }
                (Service::XmppServerWithDirectTls, Provenance::ServiceRecord) => true,
                (Service::XmppServer | Service::XmppServerWithDirectTls, Provenance::Fallback) => {
                    alone && address.port() == 5269 && one.transport == Transport::StartTls
                }
                (Service::SipFederation, Provenance::ServiceRecord) => {
                    one.transport == Transport::Tls
                }
                (Service::Sip(sip), Provenance::ServiceRecord) => {
                    let is_sip = one.transport != Transport::StartTls;
                    is_sip && (!sip.secure || one.transport == Transport::Tls)
                }
                (Service::Sip(sip), Provenance::Fallback) => {
                    let port = if sip.secure { 5061 } else { 5060 };
                    alone && address.port() == port
                }
                (
                    Service::Host {
                        port, transport, ..
                    },
                    Provenance::Given,
                ) => address.port() == *port && one.transport == *transport,
                _ => false,
            };
            assert!(is_allowed, "{one} for {:?}", ended.service);
        }
    }

    /// Nothing is proved by those who are not believed, and all by those who are and tell the truth.
    fn check_proof(&self, ended: &Resolution, one: &Candidate) {
        let is_given = is_given(&ended.service);
        match self.validates {
            None => assert!(is_given || one.dnssec == Dnssec::Unchecked, "{one}"),
            Some(_) => assert!(is_given || one.dnssec != Dnssec::Unchecked, "{one}"),
        }
        if self.is_true && !is_given {
            assert_eq!(one.dnssec, self.validates.unwrap_or_default(), "{one}");
        }
    }

    /// Lets all servers be silent until every resolution has ended, which is in time.
    fn end(&mut self) {
        while !self.running.is_empty() {
            assert!(self.resolver.poll_timeout().is_some(), "nothing ends it");
            self.jump();
        }
    }
}

/// One of the services, by the last four bits.
fn service(choice: u8) -> Service {
    let given = |host: &str, transport| Service::Host {
        host: host.parse().expect("a host"),
        port: 9222,
        transport,
    };
    match choice % 16 {
        0 | 2 => Service::XmppServer,
        1 => Service::XmppServerWithDirectTls,
        3 => given("gone.example", Transport::StartTls),
        4 => given("y.b.example", Transport::StartTls),
        5 => given("d.example", Transport::Tls),
        6 => given("127.0.0.1", Transport::StartTls),
        7 => given("[2001:db8::7]", Transport::Tls),
        8 | 9 => Service::SipFederation,
        10 | 11 => Service::Sip(SipService::secure()),
        _ => Service::Sip(SipService::new()),
    }
}

fn is_given(service: &Service) -> bool {
    matches!(service, Service::Host { .. })
}

const HEADER_BYTES: usize = 12;

/// More sockets than one question can need: each attempt may be repeated without EDNS and over TCP.
const MAX_TRIES: usize = 16;

const MAX_STEPS: usize = 200;
