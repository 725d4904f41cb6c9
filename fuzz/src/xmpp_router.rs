//! A router, its peers, its composer and its application.

mod model;

use std::net::SocketAddr;
use std::time::Duration;

use comity_xmpp::router::{Config, ConnectionId, Router, Target, Unresolved};
use comity_xmpp::stream::{self, Decision, PeerCertificate, Switch, Verdict};
use comity_xmpp::xml::Element;
use comity_xmpp::{Stanza, StanzaKind};

use crate::program::Program;
use crate::script::{self, FRAGMENTS, OURS, domain, fragment};
use crate::xmpp_stream::security;
use model::{Asked, Model};

/// Runs a program on a router with several connections.
///
/// Every stanza that it takes is sent or comes back, once; connections end once, and say nothing
/// behind their end; a router that was closed ends in finite time.
pub fn xmpp_router(data: &[u8]) {
    let mut program = Program::new(data);
    let (mode, rules) = (program.byte(), program.byte());
    let now = comity_testkit::origin();
    let config = config(mode, rules);
    let mut run = Run {
        program,
        rules,
        model: Model::new(Router::new(now, config, [mode; 32]), now),
    };
    for _ in 0..MAX_STEPS {
        if run.program.is_over() {
            break;
        }
        run.step();
    }
    run.model.end();
}

struct Run<'a> {
    program: Program<'a>,
    /// What the policy says unless the program says otherwise.
    rules: u8,
    model: Model,
}

impl Run<'_> {
    fn step(&mut self) {
        match self.program.byte() % 18 {
            0 => self.model.accept(),
            1 | 2 => self.say(),
            3 => {
                let connection = self.connection();
                let bytes = self.program.bytes();
                self.input(connection, bytes);
            }
            4 => self.decide(),
            5 => self.judge(),
            6 => self.find(),
            7 => self.connect(),
            8 => self.tls(),
            9 => self.block(),
            10 => self.model.jump(),
            11 => {
                let waits = [0, 1, 999, 5_000, 10_000, 20_001, 3_600_000, 100_000_000];
                let wait = waits[usize::from(self.program.byte()) % waits.len()];
                self.model.wait(Duration::from_millis(wait));
            }
            12 => self.send(),
            13 => {
                if let Some(connection) = self.connection() {
                    self.model.gone.insert(connection);
                    let now = self.model.now;
                    self.model.router.handle_eof(now, connection);
                    self.model.drain();
                }
            }
            14 => self.model.close(),
            15 => self.answer_all(),
            16 => self.dialled_peer(),
            _ => self.dialling_peer(),
        }
    }

    /// One of all connections so far, open or not.
    fn connection(&mut self) -> Option<ConnectionId> {
        let all = self.model.connections();
        self.program.recent(&all).copied()
    }

    fn say(&mut self) {
        let connection = self.connection();
        let ids = self.model.ids(connection);
        let fragment = fragment(&mut self.program, &ids);
        self.input(connection, fragment.as_bytes());
    }

    fn input(&mut self, connection: Option<ConnectionId>, bytes: &[u8]) {
        if let Some(connection) = connection {
            let now = self.model.now;
            self.model.router.handle_input(now, connection, bytes);
            self.model.drain();
        }
    }

    fn decide(&mut self) {
        let question = self.program.recent(&self.model.questions).cloned();
        let byte = self.program.byte();
        let decision = if byte & 0x80 == 0 {
            Decision::Allow(security(byte).into())
        } else {
            Decision::Deny
        };
        if let Some((query, _)) = question {
            let now = self.model.now;
            self.model.router.handle_decision(now, query, &decision);
            self.model.drain();
        }
    }

    fn judge(&mut self) {
        let question = self.program.recent(&self.model.questions).cloned();
        let verdict = if self.program.byte() & 1 == 0 {
            trusted()
        } else {
            Verdict::Untrusted {
                reason: "<no>".into(),
            }
        };
        if let Some((query, _)) = question {
            let now = self.model.now;
            self.model.router.handle_verdict(now, query, &verdict);
            self.model.drain();
        }
    }

    fn find(&mut self) {
        let question = self.program.recent(&self.model.questions).cloned();
        let targets = match self.program.byte() % 8 {
            0 => Err(Unresolved::NotOffered("<no>".into())),
            1 => Err(Unresolved::Failed("no".into())),
            count => Ok(targets(usize::from(count - 2))),
        };
        if let Some((query, _)) = question {
            let now = self.model.now;
            self.model.router.handle_targets(now, query, targets);
            self.model.drain();
        }
    }

    fn connect(&mut self) {
        let dialled: Vec<_> = self.model.dialled.iter().copied().collect();
        let connection = self.program.recent(&dialled).copied();
        let succeeds = self.program.byte() & 1 == 0;
        if let Some(connection) = connection {
            self.model.connected(connection, succeeds);
        }
    }

    fn tls(&mut self) {
        let connection = self.connection();
        let kind = self.program.byte() % 3;
        if let Some(connection) = connection {
            let now = self.model.now;
            let certificate = match kind {
                0 => PeerCertificate::Presented,
                1 => PeerCertificate::Absent,
                _ => {
                    let router = &mut self.model.router;
                    router.handle_tls_failed(now, connection, "<alert>");
                    return self.model.drain();
                }
            };
            self.model.tls_established(connection, certificate);
        }
    }

    fn block(&mut self) {
        let connection = self.connection();
        let blocks = self.program.byte() & 1 == 0;
        if let Some(connection) = connection {
            let now = self.model.now;
            if blocks {
                self.model.router.handle_write_blocked(now, connection);
            } else {
                self.model.router.handle_writable(now, connection);
            }
            self.model.drain();
        }
    }

    fn send(&mut self) {
        let byte = self.program.byte();
        let (from, to) = (domain(usize::from(byte)), domain(usize::from(byte >> 2)));
        for _ in 0..=byte >> 5 {
            let number = self.model.sent();
            let stanza = Stanza::new(StanzaKind::Message, from.clone().into(), to.clone().into())
                .with_id(&format!("s{number}"))
                .with_payload(Element::new("", "x").with_text(&"<".repeat(usize::from(byte))));
            self.model.send(number, stanza);
        }
    }

    /// Answers every question and every dial in favour of the peer.
    fn answer_all(&mut self) {
        let rules = self.rules;
        let now = self.model.now;
        for (query, asked) in self.model.take_open_questions() {
            let router = &mut self.model.router;
            match asked {
                Asked::Authenticate => router.handle_verdict(now, query, &trusted()),
                Asked::Authorize => {
                    router.handle_decision(now, query, &Decision::Allow(security(rules).into()));
                }
                Asked::Connect => router.handle_targets(now, query, Ok(targets(1))),
            }
            self.model.drain();
        }
        for connection in self.model.dialled.clone() {
            self.model.connected(connection, true);
        }
        for connection in self.model.awaiting_tls() {
            let certificate = PeerCertificate::Presented;
            self.model.tls_established(connection, certificate);
        }
    }

    /// Lets the peer of a connection that we dialled go through all of the negotiation.
    fn dialled_peer(&mut self) {
        let connection = self.connection();
        let domains = self.program.byte();
        self.play(connection, domains, &DIALLED);
    }

    /// Lets a peer that connected prove its domain and send a stanza.
    fn dialling_peer(&mut self) {
        let connection = self.connection();
        let domains = self.program.byte();
        self.play(connection, domains, &DIALLING);
    }

    fn play(&mut self, connection: Option<ConnectionId>, domains: u8, fragments: &[usize]) {
        for &index in fragments {
            assert!(index < FRAGMENTS.len());
            let index = u8::try_from(index).expect("a small number");
            let ids = self.model.ids(connection);
            let script = [index, domains, 0];
            let fragment = fragment(&mut Program::new(&script), &ids);
            self.input(connection, fragment.as_bytes());
            self.answer_all();
        }
    }
}

fn trusted() -> Verdict {
    Verdict::Trusted {
        matched_by: "a name".into(),
        expires_in: None,
    }
}

fn targets(count: usize) -> Vec<Target> {
    let address: SocketAddr = "192.0.2.1:5269".parse().expect("an address");
    vec![Target::new(address, domain(OURS)); count]
}

fn config(mode: u8, rules: u8) -> Config {
    let mut config = Config::default();
    let stream: &mut stream::Config = &mut config.stream;
    stream.domains = std::sync::Arc::new((0..OURS).map(domain).collect());
    stream.security = security(rules);
    stream.dialback = (mode & 1 == 0).then(script::secret);
    if mode & 2 != 0 {
        stream.external_outbound = Switch::Off;
    }
    if mode & 4 != 0 {
        stream.limits.max_output_bytes.authenticated = 512;
        stream.limits.max_pairs = 2;
    }
    if mode & 8 != 0 {
        config.limits.max_inbound = 2;
        config.limits.max_outbound = 2;
        config.limits.max_verifications = 1;
        config.limits.max_queued_stanzas = 3;
        config.limits.max_targets = 2;
        config.limits.max_requests = 1;
    }
    config
}

/// A server that offers TLS, and EXTERNAL or dialback behind it, and accepts what we do.
const DIALLED: [usize; 9] = [0, 5, 11, 0, 7, 17, 0, 9, 20];

/// A server that takes TLS, sends a dialback key, and a message.
const DIALLING: [usize; 6] = [0, 10, 0, 14, 19, 27];

const MAX_STEPS: usize = 128;
