//! One stream, its peer and its composer.

mod model;
pub(crate) mod proof;

use std::time::Duration;

use comity_machine::QueryId;
use comity_xmpp::stream::{Config, Decision, PeerCertificate, Purpose, Stream, Switch, Verdict};
use comity_xmpp::{CertificateRule, Security, StanzaCondition, StanzaKind, TlsMode, stream};

use crate::program::Program;
use crate::script::{self, OURS, domain, fragment, pair};
use model::{Asked, Model};

/// Runs a program on a stream twice: with the peer's bytes as they come, and cut into pieces.
///
/// The promises of `comity_machine` hold at each step, what happens is the same in both runs, and
/// no stanza comes before its pair was proved.
pub fn xmpp_stream(data: &[u8]) {
    let whole = Run::of(data, usize::MAX);
    let size = data.get(2).map_or(1, |&byte| usize::from(byte % 32) + 1);
    let cut = Run::of(data, size);
    // Clear text behind `<starttls/>` is seen or not seen together with it.
    let raced = |log: &[String]| log.iter().any(|line| line.contains("DataBeforeTls"));
    if !raced(&whole) && !raced(&cut) {
        assert_eq!(whole, cut, "in pieces of {size}");
    }
}

struct Run<'a> {
    program: Program<'a>,
    model: Model,
    /// The most bytes that the stream gets at a time.
    size: usize,
    /// Bytes of the peer that wait to be joined by others.
    joined: Vec<u8>,
}

impl<'a> Run<'a> {
    /// Runs a whole program; gives what came out.
    fn of(data: &'a [u8], size: usize) -> Vec<String> {
        let mut program = Program::new(data);
        let (role, config) = (program.byte(), config(program.byte()));
        let _size = program.byte();
        let now = comity_testkit::origin();
        let seed = [role; 32];
        let (stream, initiating) = match role & 3 {
            0 => {
                let pair = pair(role >> 2);
                let stream = Stream::initiate(now, config, pair, Purpose::Stanzas, seed);
                (stream, true)
            }
            1 => {
                let pair = pair(role >> 2);
                let stream = Stream::initiate(now, config, pair, Purpose::Verification, seed);
                (stream, true)
            }
            _ => (Stream::receive(now, config, seed), false),
        };
        let mut run = Self {
            program,
            model: Model::new(stream, initiating, now),
            size,
            joined: Vec::new(),
        };
        run.model.drain();
        for _ in 0..MAX_STEPS {
            if run.program.is_over() {
                break;
            }
            run.step();
        }
        run.model.end();
        run.model.log
    }

    fn step(&mut self) {
        let now = self.model.now;
        match self.program.byte() % 16 {
            0 => self.say(Kept::Now, false),
            1 => self.say(Kept::Later, false),
            2 => {
                let bytes = self.program.bytes();
                self.joined.extend_from_slice(bytes);
                self.flush();
            }
            3 => self.decide(),
            4 => self.judge(),
            5 => self.verify(),
            6 => self.tls(),
            7 => self.model.jump(),
            8 => {
                let waits = [0, 1, 999, 5_000, 10_000, 20_001, 3_600_000, 100_000_000];
                let wait = waits[usize::from(self.program.byte()) % waits.len()];
                self.model.wait(Duration::from_millis(wait));
            }
            9 => {
                self.model.stream.close(now);
                self.model.drain();
            }
            10 => {
                self.model.stream.handle_eof(now);
                self.model.drain();
            }
            11 => self.send(),
            12 => {
                let request = proof::request(pair(self.program.byte()), self.program.byte());
                let result = self.model.stream.verify(self.model.now, request.clone());
                self.model.note(&format!("{result:?}"));
                if result.is_ok() {
                    self.model.ids.push(request.id.to_string());
                    self.model.asks.push(request);
                }
                self.model.drain();
            }
            13 => {
                self.model.blocked = !self.model.blocked;
                self.model.drain();
            }
            14 => self.model.wait(Duration::ZERO),
            _ => self.say(Kept::Now, true),
        }
    }

    /// Lets the peer say something, even where it has no business to.
    fn say(&mut self, kept: Kept, unwanted: bool) {
        let fragment = fragment(&mut self.program, &self.model.ids);
        if !unwanted && !self.model.stream.wants_input() {
            return;
        }
        self.joined.extend_from_slice(fragment.as_bytes());
        if kept == Kept::Now {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.joined);
        let now = self.model.now;
        for piece in bytes.chunks(self.size) {
            self.model.stream.handle_input(now, piece);
        }
        self.model.drain();
    }

    fn decide(&mut self) {
        let (query, _) = self.asked();
        let byte = self.program.byte();
        let decision = if byte & 0x80 == 0 {
            Decision::Allow(security(byte).into())
        } else {
            Decision::Deny
        };
        self.answer(query, |model, query| {
            model.stream.handle_decision(model.now, query, &decision);
        });
    }

    fn judge(&mut self) {
        let (query, asked) = self.asked();
        let trusts = self.program.byte() & 1 == 0;
        if let (Some(query), Some(Asked::Authenticate(domain))) = (query, asked) {
            // The second answer to a question must not count.
            let first = self.model.judged.insert(query);
            if first && trusts {
                self.model.trusted.insert(domain);
            }
        }
        let verdict = if trusts {
            Verdict::Trusted {
                matched_by: "a name".into(),
                expires_in: None,
            }
        } else {
            Verdict::Untrusted {
                reason: "<no> & 'no'".into(),
            }
        };
        self.answer(query, |model, query| {
            model.stream.handle_verdict(model.now, query, &verdict);
        });
    }

    fn verify(&mut self) {
        let (query, asked) = self.asked();
        let kind = self.program.byte();
        let confirmed = match (kind % 4, asked) {
            (0, Some(Asked::Verify(request))) => Some(request),
            // A proof of something else that was once asked, or of another stream.
            (1, _) => self.program.recent(&self.model.verifies).cloned(),
            (2, _) => Some(proof::request(pair(kind >> 2), kind >> 4)),
            _ => None,
        };
        let verification = match &confirmed {
            Some(request) => proof::confirm(request),
            None if kind & 4 == 0 => stream::Verification::Invalid,
            None => stream::Verification::Failed(StanzaCondition::RemoteServerTimeout),
        };
        self.model.confirmed = confirmed;
        self.answer(query, |model, query| {
            model
                .stream
                .handle_verification(model.now, query, &verification);
        });
    }

    /// A question that was asked, whether it was answered or not.
    fn asked(&mut self) -> (Option<QueryId>, Option<Asked>) {
        let question = self.program.recent(&self.model.questions);
        question.cloned().unzip()
    }

    fn answer(&mut self, query: Option<QueryId>, answer: impl FnOnce(&mut Model, QueryId)) {
        if let Some(query) = query {
            self.model.answering = Some(query);
            answer(&mut self.model, query);
            self.model.drain();
        }
        self.model.answering = None;
        self.model.confirmed = None;
    }

    fn tls(&mut self) {
        let now = self.model.now;
        let certificate = match self.program.byte() % 3 {
            0 => PeerCertificate::Absent,
            1 => PeerCertificate::Presented,
            _ => {
                self.model.stream.handle_tls_failed(now, "<alert>");
                return self.model.drain();
            }
        };
        self.model.tls_established();
        self.model.stream.handle_tls_established(now, certificate);
        self.model.drain();
    }

    fn send(&mut self) {
        let byte = self.program.byte();
        let (from, to) = (domain(usize::from(byte)), domain(usize::from(byte >> 2)));
        let stanza = comity_xmpp::Stanza::new(StanzaKind::Message, from.into(), to.into())
            .with_type("<'\">&\n")
            .with_id("\u{1}");
        let result = self.model.stream.send(self.model.now, &stanza);
        self.model.note(&format!("{result:?}"));
        self.model.drain();
    }
}

/// Whether what a peer says arrives by itself.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kept {
    Later,
    Now,
}

fn config(byte: u8) -> Config {
    let mut config = Config::default();
    config.domains = std::sync::Arc::new((0..OURS).map(domain).collect());
    config.security = security(byte);
    if byte & 8 != 0 {
        config.external_inbound = Switch::Off;
    }
    if byte & 16 != 0 {
        config.external_outbound = Switch::Off;
    }
    if byte & 32 == 0 {
        config.dialback = Some(script::secret());
    }
    if byte & 64 != 0 {
        config.limits.max_pairs = 2;
        config.limits.max_pending_pairs = 2;
        config.limits.max_held_bytes = 64;
        config.limits.max_output_bytes.unauthenticated = 512;
        config.limits.max_output_bytes.authenticated = 1024;
    }
    config
}

pub(crate) fn security(byte: u8) -> Security {
    Security {
        tls: match byte & 3 {
            0 | 1 => TlsMode::Required,
            2 => TlsMode::Optional,
            _ => TlsMode::Disabled,
        },
        certificate: if byte & 4 == 0 {
            CertificateRule::Optional
        } else {
            CertificateRule::Required
        },
    }
}

const MAX_STEPS: usize = 256;
