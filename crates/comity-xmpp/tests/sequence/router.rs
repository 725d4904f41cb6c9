//! Sequences of inputs to one router.

use std::net::SocketAddr;
use std::time::Duration;

use comity_machine::Random;
use comity_testkit::{cut, origin};
use comity_xmpp::router::{Config, ConnectionId, Target, Unacknowledged, Unresolved};
use comity_xmpp::stream::{Decision, Pair, PeerCertificate, Verdict};
use comity_xmpp::{Security, Transport, router};

use crate::oracle::{About, Log, RouterModel};
use crate::peer::{OURS, Peer, domain, pick, random_pair};
use crate::stream;

/// A router with the peers of several domains.
pub(crate) fn run(random: &mut Random, log: &Log) {
    let config = config(random);
    log.borrow_mut().push(format!("{config:?}"));
    let mut sequence = Sequence {
        model: RouterModel::new(config, random.seed(), origin(), log),
        wild: random.below(3) == 0,
        only: (random.below(3) == 0).then(|| random_pair(random)),
        random,
        peers: Vec::new(),
    };
    let more = if sequence.only.is_some() { 300 } else { 100 };
    let steps = more + sequence.random.below(300);
    for _ in 0..steps {
        sequence.step();
    }
    sequence.model.end();
}

struct Sequence<'r> {
    model: RouterModel,
    random: &'r mut Random,
    wild: bool,
    /// The only pair that stanzas are sent of and peers speak for, so that more becomes of it.
    only: Option<Pair>,
    /// What each connection is about, and whether its peer has to send a header next.
    peers: Vec<Known>,
}

#[derive(Clone)]
struct Known {
    connection: ConnectionId,
    pair: Pair,
    opened: bool,
    needs_header: bool,
}

impl Sequence<'_> {
    fn step(&mut self) {
        match self.random.below(100) {
            0..=3 => self.accept(),
            4..=43 => self.react(),
            44..=50 => self.say(),
            51..=53 => self.contradict(),
            54..=61 => self.send(),
            62..=64 => self.pass(),
            65 => self.block(),
            66..=67 => self.lose(),
            68 if self.random.below(40) == 0 => self.model.close(),
            _ => self.answer(),
        }
    }

    fn accept(&mut self) {
        let transport = pick(self.random, &[Transport::Tcp, Transport::DirectTls]);
        let pair = self.pair();
        if let Some(connection) = self.model.accept(transport) {
            self.peers.push(Known {
                connection,
                pair,
                opened: true,
                needs_header: true,
            });
        }
    }

    /// The only pair, or any.
    fn pair(&mut self) -> Pair {
        let only = self.only.clone();
        only.unwrap_or_else(|| random_pair(self.random))
    }

    /// One of the connections that stand, seldom of those that stood.
    fn some_peer(&mut self) -> Option<usize> {
        self.meet();
        let all: Vec<_> = (0..self.peers.len()).collect();
        let open = all.iter().copied().filter(|&index| {
            let connection = self.peers[index].connection;
            !self.model.link(connection).closed
        });
        let open: Vec<_> = open.collect();
        let of = if open.is_empty() || self.random.below(50) == 0 {
            all
        } else {
            open
        };
        (!of.is_empty()).then(|| pick(self.random, &of))
    }

    /// Gets to know the connections that the router has opened.
    fn meet(&mut self) {
        for connection in self.model.connections() {
            if self
                .peers
                .iter()
                .any(|known| known.connection == connection)
            {
                continue;
            }
            // Whom it is for is seen from its first header.
            let pair = self.model.link(connection).pair();
            self.peers.extend(pair.map(|pair| Known {
                connection,
                pair,
                opened: false,
                needs_header: false,
            }));
        }
    }

    fn peer(&mut self, index: usize) -> Peer<'_> {
        let known = self.peers[index].clone();
        let link = self.model.link(known.connection);
        let (stream_id, proved, handled) = (link.stream_id(), link.proved(), link.handled);
        Peer {
            pair: known.pair,
            stream_id,
            proved,
            handled,
            opened: known.opened,
            wild: self.wild,
            ids: &self.model.ids,
            random: self.random,
        }
    }

    /// Lets a peer do what is its turn.
    fn react(&mut self) {
        let Some(index) = self.some_peer() else {
            return self.send();
        };
        let connection = self.peers[index].connection;
        if self.model.link(connection).awaits_tls {
            return self.tls(index);
        }
        if !self.model.router.wants_input(connection) {
            return self.answer();
        }
        if std::mem::take(&mut self.peers[index].needs_header) {
            let header = self.peer(index).header();
            return self.input(connection, &header);
        }
        if let Some(said) = self.model.link(connection).unseen.pop_front() {
            let reaction = self.peer(index).react(&said);
            self.input(connection, &reaction);
        }
    }

    fn say(&mut self) {
        let Some(index) = self.some_peer() else {
            return;
        };
        let connection = self.peers[index].connection;
        let link = self.model.link(connection);
        if link.stream_id().is_some() || self.random.below(40) == 0 {
            let said = self.peer(index).say();
            self.input(connection, &said);
        }
    }

    fn input(&mut self, connection: ConnectionId, said: &str) {
        self.model.note(&format!("peer of {connection}: {said}"));
        let pieces = match self.random.below(4) {
            0 => cut::at_random(said.as_bytes(), self.random, said.len()),
            _ => vec![said.as_bytes()],
        };
        for piece in pieces {
            self.model.input(connection, piece);
        }
    }

    fn tls(&mut self, index: usize) {
        let known = &mut self.peers[index];
        known.needs_header = known.opened;
        let connection = known.connection;
        match self.random.below(20) {
            0 => self.model.tls_failed(connection),
            1 => {
                let certificate = PeerCertificate::Absent;
                self.model.tls_established(connection, certificate);
            }
            _ => {
                let certificate = PeerCertificate::Presented;
                self.model.tls_established(connection, certificate);
            }
        }
    }

    /// Answers an open question, dials, or shakes hands.
    fn answer(&mut self) {
        let dialled: Vec<_> = self.model.dialled.iter().copied().collect();
        if !dialled.is_empty() && self.random.below(3) == 0 {
            let connection = pick(self.random, &dialled);
            let succeeds = self.random.below(8) != 0;
            return self.model.connected(connection, succeeds);
        }
        let awaiting = self.model.awaiting_tls();
        // A connection that begins with TLS is not known by its header.
        let begun: Vec<_> = awaiting
            .into_iter()
            .filter(|id| self.peers.iter().all(|known| known.connection != *id))
            .collect();
        if !begun.is_empty() && self.random.below(2) == 0 {
            let connection = pick(self.random, &begun);
            let certificate = PeerCertificate::Presented;
            return self.model.tls_established(connection, certificate);
        }
        let questions = self.model.questions.iter().enumerate();
        let open = questions.filter(|(_, asked)| asked.is_open());
        let open: Vec<_> = open.map(|(index, _)| index).collect();
        if !open.is_empty() {
            let index = pick(self.random, &open);
            let about = self.model.questions[index].about.clone();
            self.answer_as(index, &about);
        }
    }

    fn answer_as(&mut self, index: usize, about: &About) {
        match about {
            About::Certificate(..) => {
                let verdict = match self.random.below(10) {
                    0..=6 => Verdict::Trusted {
                        matched_by: "a name".into(),
                        expires_in: (self.random.below(8) == 0)
                            .then(|| Duration::from_secs(self.random.below(100))),
                    },
                    _ => Verdict::Untrusted {
                        reason: "<no>".into(),
                    },
                };
                self.model.note(&format!("answer {index}: {verdict:?}"));
                self.model.judge(index, &verdict);
            }
            About::Discovery(_) => {
                let targets = match self.random.below(12) {
                    0 => Err(Unresolved::NotOffered("<no>".into())),
                    1 => Err(Unresolved::Failed("no".into())),
                    _ => Ok(targets(self.random)),
                };
                self.model.note(&format!("answer {index}: {targets:?}"));
                self.model.find(index, targets);
            }
            About::Policy(..) => {
                let decision = match self.random.below(32) {
                    0 => Decision::Deny,
                    1 => Decision::SeeOtherHost("e.example".into()),
                    _ => Decision::Allow(stream::terms(self.random)),
                };
                self.model.note(&format!("answer {index}: {decision:?}"));
                self.model.decide(index, &decision);
            }
        }
    }

    /// Answers any question that was ever asked, in any way.
    fn contradict(&mut self) {
        let all: Vec<_> = (0..self.model.questions.len()).collect();
        if all.is_empty() {
            return;
        }
        let (index, other) = (pick(self.random, &all), pick(self.random, &all));
        let about = self.model.questions[other].about.clone();
        self.answer_as(index, &about);
    }

    fn send(&mut self) {
        let Pair { local, remote } = self.pair();
        let len = usize::try_from(self.random.below(60)).expect("few");
        self.model.send(&local, &remote, &"<".repeat(len));
    }

    fn pass(&mut self) {
        match self.random.below(6) {
            0 => self.model.jump(),
            _ => {
                let wait = Duration::from_secs(self.random.below(20));
                self.model.note(&format!("wait {wait:?}"));
                self.model.wait(wait);
            }
        }
    }

    fn block(&mut self) {
        if let Some(index) = self.some_peer() {
            let connection = self.peers[index].connection;
            let blocked = self.random.below(2) == 0;
            self.model.block(connection, blocked);
        }
    }

    fn lose(&mut self) {
        if let Some(index) = self.some_peer()
            && (self.only.is_some() || self.random.below(4) == 0)
        {
            let connection = self.peers[index].connection;
            self.model.note(&format!("{connection} is lost"));
            self.model.eof(connection);
        }
    }
}

/// Some of a few servers, which several domains share.
fn targets(random: &mut Random) -> Vec<Target> {
    let addresses = ["192.0.2.1:5269", "192.0.2.2:5269", "192.0.2.2:5270"];
    let count = random.below(3);
    let targets = (0..=count).map(|_| {
        let address: SocketAddr = pick(random, &addresses).parse().expect("an address");
        let transport = match random.below(3) {
            0 => Transport::DirectTls,
            _ => Transport::Tcp,
        };
        Target::new(address, domain(OURS)).with_transport(transport)
    });
    targets.collect()
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    config.stream = stream::config(random);
    config.stream.transport = Transport::Tcp;
    if random.below(2) == 0 {
        config.stream.security = Security::default();
    }
    if random.below(2) == 0 {
        config.unacknowledged = Unacknowledged::Resend;
    }
    if random.below(4) == 0 {
        let limits: &mut router::Limits = &mut config.limits;
        limits.max_inbound = 4;
        limits.max_outbound = 2;
        limits.max_verifications = 1;
        limits.max_queued_stanzas = 3;
        limits.max_targets = 2;
        limits.max_requests = 1;
        limits.max_streams_per_pair = 1;
    }
    config
}
