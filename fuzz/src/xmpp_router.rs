//! A router, its peers, its composer and its application.

use std::net::SocketAddr;
use std::time::Duration;

use comity_xmpp::Transport;
use comity_xmpp::router::{Config, ConnectionId, Target, Unacknowledged, Unresolved};
use comity_xmpp::stream::{self, Decision, PeerCertificate, Switch, Verdict};

use crate::oracle::{About, Log, RouterModel};
use crate::program::Program;
use crate::script::{self, FRAGMENTS, OURS, domain, fragment};
use crate::wire::trace;
use crate::xmpp_stream::security;

/// Runs a program on a router with several connections.
///
/// Every stanza that it takes is sent or comes back, once; a reference model explains every pair
/// that is proved by what was asked, answered, said and heard; connections end once, and say
/// nothing behind their end; a router that was closed ends in finite time.
pub fn xmpp_router(data: &[u8]) {
    let mut program = Program::new(data);
    let (mode, rules) = (program.byte(), program.byte());
    let now = comity_testkit::origin();
    let config = config(mode, rules);
    let log = Log::default();
    let mut run = Run {
        program,
        rules,
        model: RouterModel::new(config, [mode; 32], now, &log),
        answered: 0,
    };
    for _ in 0..MAX_STEPS {
        if run.program.is_over() {
            break;
        }
        run.step();
        log.take().into_iter().for_each(|line| trace(|| line));
    }
    run.model.end();
}

struct Run<'a> {
    program: Program<'a>,
    /// What the policy says unless the program says otherwise.
    rules: u8,
    model: RouterModel,
    /// How many questions were given out to be answered.
    answered: usize,
}

impl Run<'_> {
    fn step(&mut self) {
        match self.program.byte() % 32 {
            0 => {
                self.model.accept(Transport::Tcp);
            }
            1 | 2 | 22..=26 => self.say(),
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
                    self.model.eof(connection);
                }
            }
            14 => self.model.close(),
            15 => self.answer_all(),
            16 => self.dialled_peer(&DIALLED),
            17 => self.dialling_peer(&DIALLING),
            18 => {
                self.model.accept(Transport::DirectTls);
            }
            19 => self.dialled_peer(&DIALLED_DIRECTLY),
            20 => self.dialling_peer(&DIALLING_BOTH_WAYS),
            21 => self.dialled_peer(&REDIRECTING),
            _ => self.answer_all(),
        }
    }

    /// One of all connections so far, open or not.
    fn connection(&mut self) -> Option<ConnectionId> {
        let all = self.model.connections();
        self.program.recent(&all).copied()
    }

    fn say(&mut self) {
        if let Some(connection) = self.connection() {
            let fragment = self.fragment(connection);
            self.model.input(connection, fragment.as_bytes());
        }
    }

    fn fragment(&mut self, connection: ConnectionId) -> String {
        let mut ids = self.model.ids.clone();
        let link = self.model.link(connection);
        ids.extend(link.stream_id());
        let handled = link.handled;
        fragment(&mut self.program, &ids, handled)
    }

    fn input(&mut self, connection: Option<ConnectionId>, bytes: &[u8]) {
        if let Some(connection) = connection {
            self.model.input(connection, bytes);
        }
    }

    /// A question that was asked, whether it was answered or not.
    fn question(&mut self) -> Option<usize> {
        let count = self.model.questions.len();
        let back = usize::from(self.program.byte());
        (count > 0).then(|| count - 1 - back % count)
    }

    fn decide(&mut self) {
        let index = self.question();
        let byte = self.program.byte();
        let decision = match byte {
            0..=0x7F => Decision::Allow(security(byte).into()),
            0x80..=0xDF => Decision::Deny,
            _ => Decision::SeeOtherHost("d.example".into()),
        };
        if let Some(index) = index {
            self.model.decide(index, &decision);
        }
    }

    fn judge(&mut self) {
        let index = self.question();
        let byte = self.program.byte();
        let verdict = if byte & 1 == 0 {
            let wait = Duration::from_secs(u64::from(byte >> 2));
            trusted((byte & 2 != 0).then_some(wait))
        } else {
            Verdict::Untrusted {
                reason: "<no>".into(),
            }
        };
        if let Some(index) = index {
            self.model.judge(index, &verdict);
        }
    }

    fn find(&mut self) {
        let index = self.question();
        let byte = self.program.byte();
        let targets = match byte % 8 {
            0 => Err(Unresolved::NotOffered("<no>".into())),
            1 => Err(Unresolved::Failed("no".into())),
            count => Ok(targets(usize::from(count - 2), byte >> 3)),
        };
        if let Some(index) = index {
            self.model.find(index, targets);
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
        let Some(connection) = connection else {
            return;
        };
        match kind {
            0 => self.establish_tls(connection, PeerCertificate::Presented),
            1 => self.establish_tls(connection, PeerCertificate::Absent),
            _ => self.model.tls_failed(connection),
        }
    }

    fn establish_tls(&mut self, connection: ConnectionId, certificate: PeerCertificate) {
        self.model.tls_established(connection, certificate);
    }

    fn block(&mut self) {
        let connection = self.connection();
        let blocks = self.program.byte() & 1 == 0;
        if let Some(connection) = connection {
            self.model.block(connection, blocks);
        }
    }

    fn send(&mut self) {
        let byte = self.program.byte();
        let (from, to) = (domain(usize::from(byte)), domain(usize::from(byte >> 2)));
        for _ in 0..=byte >> 5 {
            self.model.send(&from, &to, &"<".repeat(usize::from(byte)));
        }
    }

    /// Answers every question and every dial in favour of the peer.
    fn answer_all(&mut self) {
        let allow = Decision::Allow(security(self.rules).into());
        while let Some(asked) = self.model.questions.get(self.answered) {
            let about = asked.about.clone();
            let index = self.answered;
            self.answered += 1;
            match about {
                About::Certificate(..) => self.model.judge(index, &trusted(None)),
                About::Policy(..) => self.model.decide(index, &allow),
                About::Discovery(_) => self.model.find(index, Ok(targets(1, self.rules >> 6))),
            }
        }
        for connection in self.model.dialled.clone() {
            self.model.connected(connection, true);
        }
        for connection in self.model.awaiting_tls() {
            self.establish_tls(connection, PeerCertificate::Presented);
        }
    }

    /// Lets the peer of a connection that we dialled go through a negotiation.
    fn dialled_peer(&mut self, script: &[(u8, u8)]) {
        let connection = self.connection();
        let domains = self.program.byte();
        self.play(connection, domains, script);
    }

    /// Lets a peer that connected prove its domain and send a stanza.
    fn dialling_peer(&mut self, script: &[(u8, u8)]) {
        let connection = self.connection();
        let domains = self.program.byte();
        self.play(connection, domains, script);
    }

    fn play(&mut self, connection: Option<ConnectionId>, domains: u8, script: &[(u8, u8)]) {
        for &(index, extra) in script {
            assert!(usize::from(index) < FRAGMENTS.len());
            let program = [index, domains, extra];
            if let Some(connection) = connection {
                let ids = self.model.ids.clone();
                let handled = self.model.link(connection).handled;
                let fragment = fragment(&mut Program::new(&program), &ids, handled);
                self.model.input(connection, fragment.as_bytes());
            }
            self.answer_all();
        }
    }
}

fn trusted(expires_in: Option<Duration>) -> Verdict {
    Verdict::Trusted {
        matched_by: "a name".into(),
        expires_in,
    }
}

/// Targets at one of two places, the first one with direct TLS or not.
fn targets(count: usize, kind: u8) -> Vec<Target> {
    let places = ["192.0.2.1:5269", "192.0.2.2:5269"];
    let address: SocketAddr = places[usize::from(kind >> 1 & 1)]
        .parse()
        .expect("an address");
    let mut targets = vec![Target::new(address, domain(OURS)); count];
    if let Some(first) = targets.first_mut()
        && kind & 1 != 0
    {
        first.transport = Transport::DirectTls;
    }
    targets
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
    if mode & 16 != 0 {
        stream.bidi = Switch::Off;
    }
    if mode & 32 != 0 {
        stream.acknowledgements = Switch::Off;
    }
    if mode & 64 != 0 {
        config.unacknowledged = Unacknowledged::Resend;
    }
    let stream: &mut stream::Config = &mut config.stream;
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
        config.limits.max_streams_per_pair = 1;
    }
    config
}

/// A server that offers TLS, and EXTERNAL or dialback behind it, and accepts what we do.
const DIALLED: [(u8, u8); 9] = [
    (0, 0),
    (5, 0),
    (11, 0),
    (0, 0),
    (7, 0),
    (17, 0),
    (0, 0),
    (9, 0),
    (20, 0),
];

/// A server behind TLS that offers EXTERNAL, stanzas both ways and acknowledgements.
const DIALLED_DIRECTLY: [(u8, u8); 7] = [
    (0, 0),
    (36, 0x1E),
    (17, 0),
    (0, 0),
    (36, 0x1C),
    (41, 0),
    (27, 0),
];

/// A server that takes TLS, sends a dialback key, and a message.
const DIALLING: [(u8, u8); 6] = [(0, 0), (10, 0), (0, 0), (14, 0), (19, 0), (27, 0)];

/// A server behind TLS that proves itself for both ways, and counts stanzas.
const DIALLING_BOTH_WAYS: [(u8, u8); 6] = [(0, 0), (37, 0), (14, 0), (0, 0), (40, 0), (48, 0)];

/// A server that sends us elsewhere.
const REDIRECTING: [(u8, u8); 2] = [(0, 0), (46, 0)];

const MAX_STEPS: usize = 128;
