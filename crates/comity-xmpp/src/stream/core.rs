use std::collections::VecDeque;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::{QueryId, QueryIds, Random, Timers};

use super::config::Config;
use super::event::{CloseReason, Event, PeerError, Rejection};
use super::output::{Content, Dialback, Output};
use super::reader::Reader;
use super::{PeerCertificate, proof::Verdict};
use crate::decision::Channel;
use crate::dialback::hex;
use crate::xml::Element;
use crate::{StanzaCondition, StreamCondition, ns};

/// What both roles of a stream have in common.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) now: Instant,
    pub(super) config: Config,
    pub(super) random: Random,
    pub(super) queries: QueryIds,
    pub(super) timers: Timers<Timer>,
    pub(super) reader: Reader,
    pub(super) output: Output,
    pub(super) events: VecDeque<Event>,
    /// What came while an answer was awaited.
    pub(super) held: Vec<u8>,
    pub(super) channel: Channel,
    /// Why the peer's certificate does not do.
    pub(super) certificate_problem: Box<str>,
    pub(super) life: Life,
    /// Why we closed our direction, if we did.
    closing_for: CloseReason,
    /// Whether the peer has proved a domain, or is the server that we meant to reach.
    proved: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Life {
    Open,
    /// We closed our direction.
    Closing,
    Closed,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    /// The peer has not closed its direction.
    Close,
    /// The peer has sent nothing.
    Idle,
    /// No pair has been proved.
    Negotiation,
    /// The handshake is not over.
    Tls,
    /// A question about a dialback key has not been answered.
    Pending(QueryId),
    /// The authoritative server has not answered the oldest request.
    Requests,
}

impl Core {
    pub(super) fn new(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        let mut timers = Timers::default();
        timers.set_after(Timer::Negotiation, now, config.limits.negotiation_timeout);
        Self {
            now,
            random: Random::from_seed(seed),
            queries: QueryIds::default(),
            timers,
            reader: Reader::new(config.limits.unauthenticated),
            output: Output::default(),
            events: VecDeque::new(),
            held: Vec::new(),
            channel: Channel::Plain,
            certificate_problem: Box::default(),
            life: Life::Open,
            closing_for: CloseReason::Closed,
            proved: false,
            config,
        }
    }

    /// Starts to read a new stream: everything before a restart is forgotten (RFC 6120 §4.3.3).
    pub(super) fn restart(&mut self) {
        let limits = if self.proved {
            self.config.limits.authenticated
        } else {
            self.config.limits.unauthenticated
        };
        self.reader = Reader::new(limits);
    }

    /// Gives the negotiation its time anew: a step of it was taken.
    pub(super) fn await_progress(&mut self) {
        if !self.proved {
            self.arm(Timer::Negotiation, self.config.limits.negotiation_timeout);
        }
    }

    pub(super) fn arm(&mut self, timer: Timer, wait: Duration) {
        self.timers.set_after(timer, self.now, wait);
    }

    /// Ends the negotiation: a pair is proved.
    pub(super) fn prove(&mut self) {
        self.proved = true;
        self.reader.set_limits(self.config.limits.authenticated);
        self.timers.stop(Timer::Negotiation);
        self.touch();
    }

    pub(super) fn is_proved(&self) -> bool {
        self.proved
    }

    /// Notes that the peer is alive.
    pub(super) fn touch(&mut self) {
        if self.proved && self.life == Life::Open {
            self.arm(Timer::Idle, self.config.limits.idle_timeout);
        }
    }

    /// Hands the connection to the TLS engine.
    pub(super) fn start_tls(&mut self) {
        self.arm(Timer::Tls, self.config.limits.tls_timeout);
        self.events.push_back(Event::StartTls);
    }

    pub(super) fn enter_tls(&mut self, certificate: PeerCertificate) {
        self.timers.stop(Timer::Tls);
        self.proved = false;
        self.await_progress();
        self.channel = match certificate {
            PeerCertificate::Absent => Channel::Anonymous,
            PeerCertificate::Presented => Channel::Untrusted,
        };
        self.restart();
    }

    /// Asks what the certificate of this session proves.
    pub(super) fn ask_verdict(&mut self, domain: DomainName) -> QueryId {
        let query = self.queries.next_id();
        self.events.push_back(Event::Authenticate { query, domain });
        query
    }

    /// Notes what the certificate proved for the domain that the stream is for.
    pub(super) fn note_verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Trusted { .. } => {
                self.channel = Channel::Trusted;
                self.certificate_problem = Box::default();
            }
            Verdict::Untrusted { reason } => {
                self.channel = Channel::Untrusted;
                self.certificate_problem = reason.clone();
            }
        }
    }

    /// An unpredictable stream id (RFC 6120 §4.7.3).
    pub(super) fn new_id(&mut self) -> Box<str> {
        hex(&self.random.bytes::<16>()).into()
    }

    /// Keeps input for later.
    pub(super) fn hold(&mut self, input: &[u8]) -> Result<(), Rejection> {
        let limit = self.config.limits.max_held_bytes;
        if self.held.len().saturating_add(input.len()) > limit {
            return Err(Rejection::HeldLimit(limit));
        }
        self.held.extend_from_slice(input);
        Ok(())
    }

    /// Answers a dialback key request (XEP-0220 §2.1.3): we are the authoritative server.
    pub(super) fn answer_verify(&mut self, element: &Element) -> Result<(), Rejection> {
        let attribute = |name| element.attribute(name).unwrap_or_default();
        let (from, to, id) = (attribute("from"), attribute("to"), attribute("id"));
        let answer = Dialback {
            name: "verify",
            from: to.into(),
            to: from.into(),
            id: Some(id),
            type_: Some("error"),
            content: Content::None,
        };
        let verdict = self.judge_key(from, to, id, &element.text());
        self.output.dialback(&match verdict {
            Ok(true) => Dialback {
                type_: Some("valid"),
                ..answer
            },
            Ok(false) => Dialback {
                type_: Some("invalid"),
                ..answer
            },
            Err(condition) => Dialback {
                content: Content::Error(condition),
                ..answer
            },
        });
        self.check_output()
    }

    fn judge_key(
        &self,
        from: &str,
        to: &str,
        id: &str,
        key: &str,
    ) -> Result<bool, StanzaCondition> {
        let (receiving, originating) = (dialback_name(from)?, dialback_name(to)?);
        if id.is_empty() || key.len() > self.config.limits.max_key_bytes {
            return Err(StanzaCondition::BadRequest);
        }
        if !self.config.domains.contains(&originating) {
            return Err(StanzaCondition::ItemNotFound);
        }
        let Some(secret) = &self.config.dialback else {
            return Ok(false);
        };
        Ok(secret.verify(&receiving, &originating, id, key))
    }

    /// Cuts off a peer that lets us write and does not read.
    pub(super) fn check_output(&self) -> Result<(), Rejection> {
        let limits = &self.config.limits.max_output_bytes;
        let limit = if self.proved {
            limits.authenticated
        } else {
            limits.unauthenticated
        };
        if self.output.len() > limit {
            Err(Rejection::OutputLimit)
        } else {
            Ok(())
        }
    }

    /// Ends the stream if the element is the peer's stream error.
    pub(super) fn take_error(&mut self, element: &Element) -> bool {
        if !element.is(ns::STREAM, "error") {
            return false;
        }
        let condition = element
            .children()
            .filter(|child| child.namespace() == ns::STREAM_ERRORS)
            .find_map(|child| StreamCondition::from_name(child.name()))
            .unwrap_or(StreamCondition::UndefinedCondition);
        let text = element.child(ns::STREAM_ERRORS, "text");
        let text: String = text.map(Element::text).unwrap_or_default();
        let text: String = text.chars().take(MAX_PEER_TEXT).collect();
        let error = PeerError {
            condition,
            text: text.into(),
        };
        if self.life == Life::Open {
            self.output.close();
        }
        self.finish(CloseReason::PeerError(error));
        true
    }

    /// Takes the end of the peer's direction.
    pub(super) fn peer_closed(&mut self) {
        if self.life == Life::Open {
            self.output.close();
        }
        self.finish(self.ended_by(CloseReason::PeerClosed));
    }

    /// Why the stream ended: the peer's end only if we had not closed our direction before.
    pub(super) fn ended_by(&self, peer: CloseReason) -> CloseReason {
        match self.life {
            Life::Open | Life::Closed => peer,
            Life::Closing => self.closing_for.clone(),
        }
    }

    /// Closes our direction.
    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.life != Life::Open {
            return;
        }
        self.output.close();
        self.life = Life::Closing;
        self.closing_for = reason;
        self.timers = Timers::default();
        self.arm(Timer::Close, self.config.limits.close_timeout);
    }

    /// Ends the stream with an error that tells the peer why.
    pub(super) fn reject(&mut self, rejection: Rejection) {
        if self.life == Life::Closed {
            return;
        }
        if self.life == Life::Open {
            self.output
                .error(rejection.condition(), &rejection.to_string());
        }
        self.finish(CloseReason::Rejected(rejection));
    }

    /// Ends the stream without another word.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        if self.life == Life::Closed {
            return;
        }
        self.life = Life::Closed;
        self.timers = Timers::default();
        self.held = Vec::new();
        self.reader = Reader::new(self.config.limits.unauthenticated);
        self.events.push_back(Event::Closed(reason));
    }
}

/// A domain in an attribute of a dialback element.
pub(super) fn dialback_name(text: &str) -> Result<DomainName, StanzaCondition> {
    DomainName::parse(text).map_err(|_malformed| StanzaCondition::BadRequest)
}

/// How many characters of a peer's error text are kept.
const MAX_PEER_TEXT: usize = 256;
