//! One stream, its peer and its composer.

use std::time::Duration;

use comity_xmpp::stream::{
    Config, Decision, Farewell, Pair, PeerCertificate, Purpose, Switch, Verdict, Verification,
};
use comity_xmpp::{CertificateRule, Profile, Security, StanzaCondition, Terms, TlsMode, Transport};

use crate::oracle::{Asked, Log, Part, StreamModel, proof};
use crate::program::Program;
use crate::script::{self, OURS, domain, fragment, pair};

/// Runs a program on a stream twice: with the peer's bytes as they come, and cut into pieces.
///
/// The promises of `comity_machine` hold at each step, what happens is the same in both runs, and
/// a reference model explains every event and byte by what was asked, answered, said and heard.
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
    model: StreamModel,
    /// The most bytes that the stream gets at a time.
    size: usize,
    /// Bytes of the peer that wait to be joined by others.
    joined: Vec<u8>,
    blocked: bool,
}

impl<'a> Run<'a> {
    /// Runs a whole program; gives what came out.
    fn of(data: &'a [u8], size: usize) -> Vec<String> {
        let mut program = Program::new(data);
        let (role, mut config) = (program.byte(), config(program.byte()));
        let _size = program.byte();
        if role & 16 != 0 {
            config.transport = Transport::DirectTls;
        }
        let pair = pair(role >> 2);
        let part = match role & 3 {
            0 => Part::Initiating(pair, Purpose::Stanzas),
            1 => Part::Initiating(pair, Purpose::Verification),
            _ => Part::Receiving,
        };
        let log = Log::default();
        let now = comity_testkit::origin();
        let mut run = Self {
            program,
            model: StreamModel::new(part, config, [role; 32], now, &log),
            size,
            joined: Vec::new(),
            blocked: false,
        };
        for _ in 0..MAX_STEPS {
            if run.program.is_over() {
                break;
            }
            run.step();
        }
        run.model.end();
        drop(run);
        log.take()
    }

    fn step(&mut self) {
        match self.program.byte() % 32 {
            0 | 24..=31 => self.say(Kept::Now, false),
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
            9 => self.model.close(),
            10 => self.model.eof(),
            11 => {
                let byte = self.program.byte();
                self.send(byte, "");
            }
            12 => {
                let request = proof::request(&pair(self.program.byte()), self.program.byte());
                self.model.ask(request);
            }
            13 => {
                self.blocked = !self.blocked;
                self.model.block(self.blocked);
            }
            14 => self.model.wait(Duration::ZERO),
            15 => self.say(Kept::Now, true),
            16 => {
                let (pair, terms) = (pair(self.program.byte()), security(self.program.byte()));
                self.model.add_pair(&pair, terms.into());
            }
            17 => self.dismiss(),
            18 => {
                let (byte, len) = (self.program.byte(), self.program.byte());
                self.send(byte, &"<".repeat(len.into()));
            }
            _ => self.answer_all(),
        }
    }

    /// Lets the peer say something, even where it has no business to.
    fn say(&mut self, kept: Kept, unwanted: bool) {
        let handled = self.model.handled_by_peer();
        let fragment = fragment(&mut self.program, &self.model.ids, handled);
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
        self.model.input(bytes.chunks(self.size));
    }

    fn decide(&mut self) {
        let index = self.question();
        let byte = self.program.byte();
        let decision = match byte {
            0..=0x7F => Decision::Allow(security(byte).into()),
            0x80..=0xBF => Decision::Deny,
            0xC0..=0xDF => Decision::SeeOtherHost("d.example".into()),
            _ => Decision::Allow(Terms {
                security: security(byte),
                profile: Profile::NAMED[usize::from(byte & 0x1F) % Profile::NAMED.len()].1,
            }),
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
                reason: "<no> & 'no'".into(),
            }
        };
        if let Some(index) = index {
            self.model.judge(index, &verdict);
        }
    }

    fn verify(&mut self) {
        let index = self.question();
        let asked = index.map(|index| self.model.questions()[index].asked.clone());
        let kind = self.program.byte();
        let confirmed = match (kind % 4, asked) {
            (0, Some(Asked::Verify(request))) => Some(request),
            // A proof of something else that was once asked, or of another stream.
            (1, _) => self.program.recent(&self.model.requests()).cloned(),
            (2, _) => Some(proof::request(&pair(kind >> 2), kind >> 4)),
            _ => None,
        };
        let verification = match &confirmed {
            Some(request) => proof::confirm(request),
            None if kind & 4 == 0 => Verification::Invalid,
            None => Verification::Failed(StanzaCondition::RemoteServerTimeout),
        };
        if let Some(index) = index {
            self.model.verify(index, &verification, confirmed.as_ref());
        }
    }

    /// A question that was asked, whether it was answered or not.
    fn question(&mut self) -> Option<usize> {
        let count = self.model.questions().len();
        let back = usize::from(self.program.byte());
        (count > 0).then(|| count - 1 - back % count)
    }

    /// Answers every open question in favour of the peer, and establishes TLS.
    fn answer_all(&mut self) {
        for index in 0..self.model.questions().len() {
            let question = &self.model.questions()[index];
            if !question.is_open() {
                continue;
            }
            match question.asked.clone() {
                Asked::Authenticate(_) => self.model.judge(index, &trusted(None)),
                Asked::Authorize(_) => {
                    let allow = Decision::Allow(security(0).into());
                    self.model.decide(index, &allow);
                }
                Asked::Verify(request) => {
                    let verification = proof::confirm(&request);
                    self.model.verify(index, &verification, Some(&request));
                }
            }
        }
        if self.model.awaits_tls {
            self.model.tls_established(PeerCertificate::Presented);
        }
    }

    fn tls(&mut self) {
        match self.program.byte() % 3 {
            0 => self.model.tls_established(PeerCertificate::Absent),
            1 => self.model.tls_established(PeerCertificate::Presented),
            _ => self.model.tls_failed(),
        }
    }

    fn send(&mut self, byte: u8, text: &str) {
        let pair = Pair {
            local: domain(usize::from(byte)),
            remote: domain(usize::from(byte >> 2)),
        };
        self.model.send(&pair, text);
    }

    fn dismiss(&mut self) {
        let farewell = match self.program.byte() % 5 {
            0 => Farewell::Conflict,
            1 => Farewell::InternalError,
            2 => Farewell::Reset,
            3 => Farewell::SeeOtherHost("d.example".into()),
            _ => Farewell::Shutdown,
        };
        self.model.dismiss(farewell);
    }
}

fn trusted(expires_in: Option<Duration>) -> Verdict {
    Verdict::Trusted {
        matched_by: "a name".into(),
        expires_in,
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
        config.limits.max_unacknowledged_stanzas = 3;
    }
    if byte & 128 != 0 {
        config.bidi = Switch::Off;
        config.acknowledgements = Switch::Off;
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
