//! Sequences of inputs to one stream.

use std::sync::Arc;
use std::time::Duration;

use comity_machine::Random;
use comity_testkit::{cut, origin};
use comity_xmpp::stream::{
    Config, Decision, Farewell, Pair, PeerCertificate, Purpose, Switch, Verdict, Verification,
    VerifyRequest,
};
use comity_xmpp::{
    CertificateRule, Profile, Security, StanzaCondition, Terms, TlsMode, Transport, ns,
};

use crate::oracle::{Asked, Log, Part, StreamModel, proof};
use crate::peer::{OURS, Peer, domain, pick, random_pair, secret};

/// A stream that a peer opens.
pub(crate) fn receiving(random: &mut Random, log: &Log) {
    let pair = random_pair(random);
    run(random, log, Part::Receiving, pair);
}

/// A stream that we open.
pub(crate) fn initiating(random: &mut Random, log: &Log) {
    let pair = random_pair(random);
    let purpose = match random.below(8) {
        0 => Purpose::Verification,
        _ => Purpose::Stanzas,
    };
    run(random, log, Part::Initiating(pair.clone(), purpose), pair);
}

fn run(random: &mut Random, log: &Log, part: Part, pair: Pair) {
    let config = config(random);
    log.borrow_mut().push(format!("{part:?} {config:?}"));
    let mut sequence = Sequence {
        opened: part == Part::Receiving,
        wild: random.below(3) == 0,
        model: StreamModel::new(part, config, random.seed(), origin(), log),
        random,
        pair,
        later: Vec::new(),
        needs_header: true,
    };
    let steps = 40 + sequence.random.below(160);
    for _ in 0..steps {
        sequence.step();
        if sequence.model.closed && sequence.random.below(4) == 0 {
            break;
        }
    }
    sequence.model.end();
}

struct Sequence<'r> {
    model: StreamModel,
    random: &'r mut Random,
    /// What the stream is about, as the peer sees it.
    pair: Pair,
    /// Whether the peer opened the stream.
    opened: bool,
    /// Whether the peer breaks the rules often.
    wild: bool,
    /// Bytes of the peer that have not arrived yet.
    later: Vec<u8>,
    /// Whether the peer has to send a header next.
    needs_header: bool,
}

impl Sequence<'_> {
    fn step(&mut self) {
        if self.model.awaits_tls && self.random.below(4) != 0 {
            return self.tls();
        }
        if self.random.below(FLOOD_STEPS) == 0 {
            return self.flood();
        }
        match self.random.below(100) {
            0..=34 => self.react(),
            35..=60 => self.answer(),
            // Before the stream is open everything that is no header ends it.
            61..=72 if self.model.stream_id().is_none() && self.random.below(10) != 0 => {
                self.answer();
            }
            61..=72 => {
                let said = self.peer().say();
                self.say(&said);
            }
            73..=80 => self.contradict(),
            81..=87 => self.send(),
            88..=90 => self.add_pair(),
            91 => self.ask(),
            92..=94 => self.pass(),
            95 => {
                let blocked = self.random.below(2) == 0;
                self.model.block(blocked);
            }
            96 => self.leave(),
            97 => self.tls(),
            _ => self.arrive(),
        }
    }

    fn peer(&mut self) -> Peer<'_> {
        Peer {
            pair: self.pair.clone(),
            stream_id: self.model.stream_id(),
            proved: self.model.authorized(),
            handled: self.model.handled_by_peer(),
            opened: self.opened,
            wild: self.wild,
            ids: &self.model.ids,
            random: self.random,
        }
    }

    /// Lets the peer do what is its turn.
    fn react(&mut self) {
        if self.opened && std::mem::take(&mut self.needs_header) {
            let header = self.peer().header();
            return self.say(&header);
        }
        match self.model.unseen.pop_front() {
            Some(said) => {
                let reaction = self.peer().react(&said);
                self.say(&reaction);
            }
            None => self.arrive(),
        }
    }

    /// Sends bytes of the peer, in pieces, some of them perhaps later.
    fn say(&mut self, said: &str) {
        self.model.note(&format!("peer: {said}"));
        let wanted = self.model.stream.wants_input() || self.random.below(20) == 0;
        self.later.extend_from_slice(said.as_bytes());
        if wanted && self.random.below(12) != 0 {
            self.arrive();
        } else if let Some(middle) = self.later.len().checked_div(2)
            && wanted
        {
            let rest = self.later.split_off(middle);
            self.arrive();
            self.later = rest;
        }
    }

    fn arrive(&mut self) {
        let bytes = std::mem::take(&mut self.later);
        let pieces = match self.random.below(3) {
            0 => vec![&*bytes],
            _ => cut::at_random(&bytes, self.random, bytes.len()),
        };
        if !bytes.is_empty() {
            let len = bytes.len();
            self.model
                .note(&format!("{len} bytes arrive in {} pieces", pieces.len()));
            self.model.input(pieces);
        }
    }

    /// Says the same over and over, and reads nothing.
    fn flood(&mut self) {
        self.arrive();
        let said = match self.random.below(3) {
            0 => {
                self.send();
                format!("<a xmlns='{}' h='0'/>", ns::SM)
            }
            _ => self.peer().say(),
        };
        self.model.note(&format!("over and over: {said}"));
        self.model.block(true);
        for _ in 0..FLOOD {
            if self.model.closed {
                break;
            }
            self.model.input([said.as_bytes()]);
        }
        self.model.block(false);
        let held = format!("{:?}", self.model.stream).len();
        assert!(held <= MAX_HELD, "the stream holds {held} bytes");
    }

    /// Answers an open question, mostly in favour of the peer.
    fn answer(&mut self) {
        let questions = self.model.questions().iter().enumerate();
        let open = questions.filter(|(_, question)| question.is_open());
        let open: Vec<_> = open.map(|(index, _)| index).collect();
        if open.is_empty() {
            return self.react();
        }
        let index = pick(self.random, &open);
        match self.model.questions()[index].asked.clone() {
            Asked::Authorize(_) => self.decide(index),
            Asked::Authenticate(_) => self.judge(index),
            Asked::Verify(request) => self.verify(index, Some(request)),
        }
    }

    /// Answers any question that was ever asked, in any way.
    fn contradict(&mut self) {
        let count = u64::try_from(self.model.questions().len()).expect("few");
        if self.random.below(4) == 0 {
            return self.model.answer_nothing();
        }
        if count == 0 {
            return;
        }
        let index = usize::try_from(self.random.below(count)).expect("few");
        let mut open = self.model.questions().iter().rev();
        let open = open.find(|question| question.is_open());
        // The right kind of answer for what is asked, and to another question.
        let kind = match open.map(|question| &question.asked) {
            Some(Asked::Authorize(_)) => 0,
            Some(Asked::Authenticate(_)) => 1,
            Some(Asked::Verify(_)) => 2,
            None => self.random.below(3),
        };
        match kind {
            0 => self.decide(index),
            1 => self.judge(index),
            _ => self.verify(index, None),
        }
    }

    fn decide(&mut self, index: usize) {
        let decision = match self.random.below(32) {
            0..=1 => Decision::Deny,
            2 => Decision::SeeOtherHost("e.example".into()),
            _ => Decision::Allow(terms(self.random)),
        };
        self.note(index, &decision);
        self.model.decide(index, &decision);
    }

    fn judge(&mut self, index: usize) {
        let expires_in = match self.random.below(5) {
            0..=1 => Some(Duration::from_secs(self.random.below(100))),
            _ => None,
        };
        let verdict = match self.random.below(10) {
            0..=6 => Verdict::Trusted {
                matched_by: "a name".into(),
                expires_in,
            },
            _ => Verdict::Untrusted {
                reason: "<no>".into(),
            },
        };
        self.note(index, &verdict);
        self.model.judge(index, &verdict);
    }

    /// Answers with the proof of what was asked, or with another one, or with none.
    fn verify(&mut self, index: usize, request: Option<VerifyRequest>) {
        let confirmed = match self.random.below(10) {
            0..=5 => request,
            6..=7 => {
                let requests = self.model.requests();
                (!requests.is_empty()).then(|| pick(self.random, &requests))
            }
            8 => {
                let seed = u8::try_from(self.random.below(256)).expect("a byte");
                Some(proof::request(&random_pair(self.random), seed))
            }
            _ => None,
        };
        let verification = match &confirmed {
            Some(request) => proof::confirm(request),
            None if self.random.below(2) == 0 => Verification::Invalid,
            None => Verification::Failed(StanzaCondition::RemoteServerTimeout),
        };
        self.note(index, &verification);
        self.model.verify(index, &verification, confirmed.as_ref());
    }

    fn note(&mut self, index: usize, answer: &impl std::fmt::Debug) {
        let query = self.model.questions()[index].query;
        let line = format!("answer to {query}: {answer:?}");
        self.model.note(&line);
    }

    fn tls(&mut self) {
        self.needs_header |= self.model.awaits_tls;
        let outcome = self.random.below(12);
        self.model.note(&format!("TLS {outcome}"));
        match outcome {
            0 => self.model.tls_failed(),
            1 => self.model.tls_established(PeerCertificate::Absent),
            _ => self.model.tls_established(PeerCertificate::Presented),
        }
    }

    fn send(&mut self) {
        let pair = self.peer().some_pair();
        let len = usize::try_from(self.random.below(60)).expect("few");
        self.model.send(&pair, &"<".repeat(len));
    }

    fn add_pair(&mut self) {
        let pair = random_pair(self.random);
        let terms = terms(self.random);
        self.model.add_pair(&pair, terms);
    }

    fn ask(&mut self) {
        let seed = u8::try_from(self.random.below(256)).expect("a byte");
        let pair = self.peer().some_pair();
        self.model.ask(proof::request(&pair, seed));
    }

    fn pass(&mut self) {
        let line = match self.random.below(8) {
            0..=2 => {
                self.model.jump();
                "jump".to_owned()
            }
            _ => {
                let wait = Duration::from_secs(self.random.below(40));
                self.model.wait(wait);
                format!("wait {wait:?}")
            }
        };
        self.model.note(&line);
    }

    /// Ends the stream from our side, or the connection.
    fn leave(&mut self) {
        let way = self.random.below(12);
        self.model.note(&format!("leave {way}"));
        match way {
            0 => self.model.close(),
            1 => self.model.dismiss(Farewell::Conflict),
            2 => self.model.dismiss(Farewell::Reset),
            3 => self.model.eof(),
            _ => {}
        }
    }
}

/// How many steps there are for each in which the peer floods.
const FLOOD_STEPS: u64 = 700;

/// How often it says the same then.
const FLOOD: usize = 700;

/// What a stream may hold after a flood, in bytes of its debug text.
const MAX_HELD: usize = 48 * 1024;

/// Rules and peculiarities for a domain.
pub(crate) fn terms(random: &mut Random) -> Terms {
    let certificate = match random.below(4) {
        0 => CertificateRule::Required,
        _ => CertificateRule::Optional,
    };
    let tls = pick(
        random,
        &[
            TlsMode::Required,
            TlsMode::Required,
            TlsMode::Optional,
            TlsMode::Disabled,
        ],
    );
    let profile = match random.below(8) {
        0 => pick(random, &Profile::NAMED).1,
        _ => Profile::STANDARD,
    };
    Terms {
        security: Security { tls, certificate },
        profile,
    }
}

pub(crate) fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    config.domains = Arc::new((0..OURS).map(domain).collect());
    config.former_domains = Arc::new([domain(4)].into());
    let Terms { security, profile } = terms(random);
    config.security = security;
    config.profile = profile;
    config.dialback = (random.below(8) != 0).then(secret);
    for switch in [
        &mut config.external_inbound,
        &mut config.external_outbound,
        &mut config.bidi,
        &mut config.acknowledgements,
    ] {
        if random.below(8) == 0 {
            *switch = Switch::Off;
        }
    }
    if random.below(4) == 0 {
        config.transport = Transport::DirectTls;
    }
    config.limits.authenticated.max_element_bytes = 16 * 1024;
    config.limits.max_output_bytes.unauthenticated = 4 * 1024;
    config.limits.max_output_bytes.authenticated = 8 * 1024;
    if random.below(6) == 0 {
        config.limits.max_pairs = 2;
        config.limits.max_pending_pairs = 2;
        config.limits.max_held_bytes = 256;
        config.limits.max_unacknowledged_stanzas = 3;
        config.limits.max_output_bytes.unauthenticated = 1024;
        config.limits.max_output_bytes.authenticated = 2048;
    }
    config
}
