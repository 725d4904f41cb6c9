use std::collections::VecDeque;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::{QueryId, QueryIds, Random, Timers};

use super::PeerCertificate;
use super::acks::Acks;
use super::config::{Config, Switch};
use super::event::Event;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::output::{Output, StreamLimits};
use super::proof::{CertificateProof, Verdict};
use super::reader::Reader;
use super::reason::{CloseReason, Rejection, Setback};
use super::sent::Unwritten;
use crate::decision::{Abilities, Channel, Facts, Role};
use crate::dialback::hex;
use crate::{StanzaCondition, Terms};

/// What both roles of a stream have in common.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) now: Instant,
    pub(super) role: Role,
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
    /// Proof by the certificate for the domain that the stream is for, until it is spent.
    pub(super) certificate: Option<CertificateProof>,
    /// Why the peer's certificate does not do.
    pub(super) certificate_problem: Box<str>,
    /// When the first of the certificate's proofs expires.
    pub(super) expires: Option<Instant>,
    /// What has gone wrong on the way without ending the stream.
    pub(super) setback: Option<Setback>,
    /// The terms for the domain that the stream is for.
    pub(super) terms: Terms,
    /// The id that the receiving entity gave the stream; empty until then.
    pub(super) id: Box<str>,
    /// Whether stanzas go both ways (XEP-0288).
    pub(super) bidi: bool,
    /// What the peer may send.
    pub(super) incoming: Incoming,
    /// What we may send.
    pub(super) outgoing: Outgoing,
    pub(super) acks: Acks,
    /// What was sent where nothing is acknowledged.
    pub(super) unwritten: Unwritten,
    /// What the peer takes.
    pub(super) peer_limits: StreamLimits,
    pub(super) life: Life,
    /// Why we closed our direction, if we did.
    pub(super) closing_for: CloseReason,
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
    /// The peer has not acknowledged anything since it was asked.
    Acknowledgement,
    /// The certificate that the stream relies on expires.
    Certificate,
    /// The peer has not closed its direction.
    Close,
    /// The stream is not used.
    Idle,
    /// We have sent nothing.
    KeepAlive,
    /// No pair has been proved.
    Negotiation,
    /// The handshake is not over.
    Tls,
    /// A further pair has not been answered for.
    Pairs,
    /// A question about a dialback key has not been answered.
    Pending(QueryId),
    /// The authoritative server has not answered the oldest request.
    Requests,
}

impl Core {
    pub(super) fn new(now: Instant, config: Config, role: Role, seed: [u8; 32]) -> Self {
        let mut timers = Timers::default();
        timers.set_after(Timer::Negotiation, now, config.limits.negotiation_timeout);
        Self {
            now,
            role,
            random: Random::from_seed(seed),
            queries: QueryIds::default(),
            timers,
            reader: Reader::new(config.limits.unauthenticated),
            output: Output::default(),
            events: VecDeque::new(),
            held: Vec::new(),
            channel: Channel::Plain,
            certificate: None,
            certificate_problem: Box::default(),
            expires: None,
            setback: None,
            terms: Terms {
                security: config.security,
                profile: config.profile,
            },
            id: Box::default(),
            bidi: false,
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            acks: Acks::default(),
            unwritten: Unwritten::default(),
            peer_limits: StreamLimits::default(),
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
        self.setback = None;
        self.reader.set_limits(self.config.limits.authenticated);
        self.timers.stop(Timer::Negotiation);
        self.note_use();
        self.note_output();
    }

    pub(super) fn is_proved(&self) -> bool {
        self.proved
    }

    /// Whether stanzas may come on this stream.
    pub(super) fn takes_stanzas(&self) -> bool {
        self.role == Role::Receiving || self.bidi
    }

    /// Hands the connection to the TLS engine.
    pub(super) fn start_tls(&mut self) {
        self.arm(Timer::Tls, self.config.limits.tls_timeout);
        self.events.push_back(Event::StartTls);
    }

    /// Begins the stream anew inside TLS: nothing that came in clear text counts (RFC 6120
    /// §5.4.3.3).
    pub(super) fn enter_tls(&mut self, certificate: PeerCertificate) {
        self.timers.stop(Timer::Tls);
        self.proved = false;
        self.await_progress();
        self.channel = match certificate {
            PeerCertificate::Absent => Channel::Anonymous,
            PeerCertificate::Presented => Channel::Untrusted,
        };
        self.terms = Terms {
            security: self.config.security,
            profile: self.config.profile,
        };
        self.expires = None;
        self.timers.stop(Timer::Certificate);
        self.setback = None;
        self.id = Box::default();
        self.bidi = false;
        self.peer_limits = StreamLimits::default();
        self.incoming = Incoming::default();
        self.restart();
    }

    /// What is known when the next step is chosen, without the peer's offers.
    pub(super) fn facts(&self) -> Facts {
        let profile = self.terms.profile;
        let external = match self.role {
            Role::Receiving => self.config.external_inbound,
            Role::Initiating => self.config.external_outbound.min(profile.external),
        };
        Facts {
            transport: self.config.transport,
            channel: self.channel,
            own: Abilities {
                starttls: self.config.starttls.is_on(),
                external: external.is_on(),
                dialback: self.config.dialback.is_some(),
                bidi: self.config.bidi.min(profile.bidi).is_on(),
            },
            ..Facts::new(self.role, self.terms.security)
        }
    }

    /// Whether stanzas are acknowledged where the peer can.
    pub(super) fn wants_acknowledgements(&self) -> bool {
        let own: Switch = self.config.acknowledgements;
        own.min(self.terms.profile.acknowledgements).is_on()
    }

    /// What we announce of our limits (XEP-0478).
    pub(super) fn own_limits(&self) -> StreamLimits {
        let limits = &self.config.limits;
        StreamLimits {
            max_bytes: u64::try_from(limits.authenticated.max_element_bytes).ok(),
            idle_seconds: Some(limits.idle_timeout.as_secs()),
        }
    }

    /// Asks what the certificate of this session proves.
    pub(super) fn ask_verdict(&mut self, domain: DomainName) -> QueryId {
        let query = self.queries.next_id();
        self.events.push_back(Event::Authenticate { query, domain });
        query
    }

    /// Notes what the certificate proved for the domain that the stream is for.
    pub(super) fn note_verdict(&mut self, domain: DomainName, verdict: &Verdict) {
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
        self.certificate = CertificateProof::new(domain, verdict);
        self.note_expiry(verdict);
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

    /// Cuts off a peer that lets us write and does not read. Our own stanzas do not count: `send`
    /// refuses them in time, and a peer that takes many shall be able to acknowledge them.
    pub(super) fn check_output(&self) -> Result<(), Rejection> {
        let limits = &self.config.limits.max_output_bytes;
        let limit = if self.proved {
            limits.authenticated
        } else {
            limits.unauthenticated
        };
        if self.output.answers() > limit {
            Err(Rejection::OutputLimit)
        } else {
            Ok(())
        }
    }
}

/// A domain in an attribute of a dialback element.
pub(super) fn dialback_name(text: &str) -> Result<DomainName, StanzaCondition> {
    DomainName::parse(text).map_err(|_malformed| StanzaCondition::BadRequest)
}
