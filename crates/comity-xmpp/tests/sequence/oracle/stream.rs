//! What must hold of one stream at every step.

mod acks;
mod facts;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::QueryIds;
use comity_xmpp::stream::{
    Config, Decision, Event, Farewell, Pair, PeerCertificate, Purpose, SendError, Stream, Verdict,
    Verification, VerifyRequest,
};
use comity_xmpp::{Stanza, Terms, Transport, ns};

use self::acks::Acks;
use self::facts::{Answer, Facts, Question};
use super::wire::{Said, Wire, text};

/// Everything that went in and came out.
pub(crate) type Log = Rc<RefCell<Vec<String>>>;

/// A stream, and what we know about it.
pub(crate) struct StreamModel {
    pub(crate) stream: Stream,
    pub(crate) now: Instant,
    config: Config,
    /// What we wrote and what the peer wrote, since the last handshake.
    out: Wire,
    ear: Wire,
    /// The driver takes no bytes.
    blocked: bool,
    was_blocked: bool,
    /// TLS was asked for and has not come about.
    pub(crate) awaits_tls: bool,
    pub(crate) closed: bool,
    pub(crate) facts: Facts,
    acks: Acks,
    /// Stanzas that were taken and not written.
    taken: VecDeque<String>,
    stanzas: usize,
    /// Requests of ours that the stream took, until it answers them.
    asks: Vec<VerifyRequest>,
    /// Every id that a peer may know.
    pub(crate) ids: Vec<String>,
    /// What we wrote and the peer has not reacted to.
    pub(crate) unseen: VecDeque<Said>,
    log: Log,
}

/// Our part in the stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Initiating(Pair, Purpose),
    Receiving,
}

/// What a question is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    Authenticate(DomainName),
    Authorize(Pair),
    Verify(VerifyRequest),
}

impl StreamModel {
    pub(crate) fn new(part: Part, config: Config, seed: [u8; 32], now: Instant, log: &Log) -> Self {
        let stream = match part.clone() {
            Part::Initiating(pair, purpose) => {
                Stream::initiate(now, config.clone(), pair, purpose, seed)
            }
            Part::Receiving => Stream::receive(now, config.clone(), seed),
        };
        let mut model = Self {
            stream,
            now,
            out: Wire::new(),
            ear: Wire::new(),
            blocked: false,
            was_blocked: false,
            awaits_tls: false,
            closed: false,
            facts: Facts::new(part, &config),
            acks: Acks::new(config.limits.acknowledgement_timeout),
            config,
            taken: VecDeque::new(),
            stanzas: 0,
            asks: Vec::new(),
            ids: vec!["i1".to_owned()],
            unseen: VecDeque::new(),
            log: Rc::clone(log),
        };
        model.drain(&[], false);
        assert_eq!(
            model.awaits_tls,
            model.config.transport == Transport::DirectTls
        );
        model
    }

    /// What was asked, for the driver to answer.
    pub(crate) fn questions(&self) -> &[Question] {
        &self.facts.questions
    }

    /// Hands over bytes of the peer, in these pieces.
    pub(crate) fn input<'b>(&mut self, pieces: impl IntoIterator<Item = &'b [u8]>) {
        let heeded = !self.closed && !self.awaits_tls;
        let held = !self.stream.wants_input();
        let mut heard = Vec::new();
        for piece in pieces {
            self.stream.handle_input(self.now, piece);
            if heeded {
                heard.extend(self.ear.take(piece));
            }
        }
        self.drain(&heard, held);
    }

    pub(crate) fn eof(&mut self) {
        self.stream.handle_eof(self.now);
        self.settle();
    }

    pub(crate) fn close(&mut self) {
        self.stream.close(self.now);
        self.settle();
    }

    pub(crate) fn dismiss(&mut self, farewell: Farewell) {
        self.facts.may_redirect |= matches!(farewell, Farewell::SeeOtherHost(_));
        self.stream.dismiss(self.now, farewell);
        self.settle();
    }

    /// Lets the driver take bytes, or not.
    pub(crate) fn block(&mut self, blocked: bool) {
        self.blocked = blocked;
        self.was_blocked |= blocked;
        self.settle();
    }

    pub(crate) fn tls_established(&mut self, certificate: PeerCertificate) {
        if std::mem::take(&mut self.awaits_tls) {
            self.facts.enter_tls(certificate);
            self.out = Wire::new();
            self.ear = Wire::new();
            self.unseen.clear();
        }
        self.stream.handle_tls_established(self.now, certificate);
        self.settle();
    }

    pub(crate) fn tls_failed(&mut self) {
        self.stream.handle_tls_failed(self.now, "<alert>");
        self.settle();
    }

    /// Answers a question, as a decision whatever it was.
    pub(crate) fn decide(&mut self, index: usize, decision: &Decision) {
        let answer = match decision {
            Decision::Allow(terms) => Answer::Allowed(*terms),
            _ => Answer::Denied,
        };
        let is_kind = |asked: &Asked| matches!(asked, Asked::Authorize(_));
        let query = self.facts.answer(index, answer, is_kind);
        self.stream.handle_decision(self.now, query, decision);
        self.settle();
        self.facts.answering = None;
    }

    /// Answers a question that was never asked, in favour of the peer.
    pub(crate) fn answer_nothing(&mut self) {
        let mut strangers = QueryIds::default();
        let query = (0..STRANGERS).map(|_| strangers.next_id()).last();
        let query = query.expect("an id");
        let allow = Decision::Allow(Terms::default());
        self.stream.handle_decision(self.now, query, &allow);
        let trusted = Verdict::Trusted {
            matched_by: "a name".into(),
            expires_in: None,
        };
        self.stream.handle_verdict(self.now, query, &trusted);
        if let Some(request) = self.requests().first() {
            let valid = super::proof::confirm(request);
            self.stream.handle_verification(self.now, query, &valid);
        }
        self.settle();
    }

    /// Answers a question, as a verdict whatever it was.
    pub(crate) fn judge(&mut self, index: usize, verdict: &Verdict) {
        let answer = match verdict {
            Verdict::Trusted { expires_in, .. } => {
                Answer::Trusted(expires_in.and_then(|wait| self.now.checked_add(wait)))
            }
            _ => Answer::Untrusted,
        };
        let is_kind = |asked: &Asked| matches!(asked, Asked::Authenticate(_));
        let query = self.facts.answer(index, answer, is_kind);
        self.stream.handle_verdict(self.now, query, verdict);
        self.settle();
        self.facts.answering = None;
    }

    /// Answers a question, as a verification whatever it was; `confirmed` is what it proves.
    pub(crate) fn verify(
        &mut self,
        index: usize,
        verification: &Verification,
        confirmed: Option<&VerifyRequest>,
    ) {
        let answer = match confirmed {
            Some(request) => Answer::Confirmed(request.pair.clone(), request.id.clone()),
            None => Answer::Denied,
        };
        let is_kind = |asked: &Asked| matches!(asked, Asked::Verify(_));
        let query = self.facts.answer(index, answer, is_kind);
        self.stream
            .handle_verification(self.now, query, verification);
        self.settle();
        self.facts.answering = None;
    }

    /// Sends a stanza between the domains of a pair; `payload` is its text.
    pub(crate) fn send(&mut self, pair: &Pair, payload: &str) {
        let Pair { local, remote } = pair.clone();
        let id = format!("s{}", self.stanzas);
        self.stanzas += 1;
        let kind = comity_xmpp::StanzaKind::Message;
        let payload = comity_xmpp::xml::Element::new("urn:x", "x").with_text(payload);
        let stanza = Stanza::new(kind, local.into(), remote.into())
            .with_id(&id)
            .with_payload(payload);
        let result = self.stream.send(self.now, &stanza);
        self.note(&format!("send {pair}: {result:?}"));
        match result {
            Ok(()) => {
                assert!(!self.closed && (self.blocked || !self.out.ended));
                assert!(self.facts.is_established(pair), "{pair}");
                self.taken.push_back(id);
            }
            Err(SendError::TooLong(max)) => {
                let limit = self.facts.session.max_bytes;
                assert!(self.ear.lost || limit == Some(max), "{limit:?}");
            }
            Err(_) => {}
        }
        self.settle();
    }

    pub(crate) fn add_pair(&mut self, pair: &Pair, terms: Terms) {
        let result = self.stream.add_pair(self.now, pair, terms);
        self.note(&format!("add {pair}: {result:?}"));
        if result.is_ok() {
            self.facts.add_pair(pair, terms);
        }
        self.settle();
    }

    pub(crate) fn ask(&mut self, request: VerifyRequest) {
        let result = self.stream.verify(self.now, request.clone());
        self.note(&format!("ask {request:?}: {result:?}"));
        if result.is_ok() {
            self.ids.push(request.id.to_string());
            self.asks.push(request);
        }
        self.settle();
    }

    /// Lets time pass, to the next timeout.
    pub(crate) fn jump(&mut self) {
        if let Some(timeout) = self.stream.poll_timeout() {
            self.now = self.now.max(timeout);
            self.expire();
        }
    }

    pub(crate) fn wait(&mut self, wait: Duration) {
        self.now += wait;
        self.expire();
    }

    fn expire(&mut self) {
        self.stream.handle_timeout(self.now);
        let next = self.stream.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "time stands still");
        self.settle();
        if !self.closed && !self.out.ended && !self.blocked {
            self.acks.check_time(self.now);
            self.facts.check_expiry(self.now);
        }
    }

    /// Lets time pass until the silence has ended the stream.
    pub(crate) fn end(&mut self) {
        for _ in 0..MAX_TIMERS {
            if self.closed {
                break;
            }
            self.jump();
        }
        assert!(self.closed, "a silent peer is never given up");
        self.input([&b"<stream:stream>"[..]]);
        self.eof();
        self.close();
        self.wait(Duration::from_secs(3600));
        assert!(self.taken.is_empty(), "never written: {:?}", self.taken);
    }

    pub(crate) fn note(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }

    fn settle(&mut self) {
        self.drain(&[], false);
    }

    /// Takes everything that comes out, in the order of the run loop. The peer said what was
    /// `heard` before; it may have been `held` back.
    fn drain(&mut self, heard: &[Said], held: bool) {
        let (was_closed, awaited_tls) = (self.closed, self.awaits_tls);
        self.acks.exact = !self.was_blocked && !self.ear.lost;
        self.acks.begin();
        if awaited_tls {
            assert!(!self.transmit(), "bytes before TLS is established");
        } else if !self.blocked {
            self.transmit();
        }
        // Whether it was before or after the end that it acknowledged something is not known.
        let ends = !was_closed && self.stream.poll_timeout().is_none();
        self.acks.exact &= !ends || !heard.iter().any(|said| said.is(ns::SM, "a"));
        for said in heard {
            self.hear(said, held);
        }
        while let Some(event) = self.stream.poll_event() {
            assert!(!self.closed, "after the end: {event:?}");
            self.note(&format!("{event:?}"));
            self.take(event);
        }
        if self.closed || (self.awaits_tls && !awaited_tls) {
            // What comes before TLS or before the end is not to be lost.
            let sent = self.transmit();
            assert!(!sent || self.blocked, "bytes were queued behind the event");
            self.blocked = false;
        }
        if was_closed {
            assert_eq!(self.stream.poll_timeout(), None, "a timer after the end");
        }
        assert_eq!(self.stream.is_closed(), self.closed);
        self.acks.finish();
        if self.closed {
            assert!(!self.stream.wants_input(), "input is wanted after the end");
        } else {
            let timeout = self.stream.poll_timeout();
            assert!(timeout.is_some(), "nothing ends the wait for the peer");
            if !self.blocked && !self.out.ended {
                self.facts.check_deadline(timeout);
            }
            let waits = !self.stream.wants_input() && !self.awaits_tls;
            self.facts.note_wait(waits);
        }
    }

    /// Takes the bytes that wait; tells whether there were any.
    fn transmit(&mut self) -> bool {
        let mut bytes = Vec::new();
        let Some(len) = self.stream.poll_transmit(&mut bytes) else {
            assert!(bytes.is_empty(), "bytes without a word");
            return false;
        };
        assert_eq!(len, bytes.len());
        let limits = self.config.limits.max_output_bytes;
        let bound = limits.authenticated.max(limits.unauthenticated) + SLACK;
        assert!(len > 0 && len <= bound, "{len} bytes wait");
        self.note(&text(&bytes));
        for said in self.out.take_ours(&bytes) {
            self.wrote(&said);
            self.unseen.push_back(said);
        }
        while self.unseen.len() > MAX_UNSEEN {
            self.unseen.pop_front();
        }
        true
    }

    /// Notes what we said.
    fn wrote(&mut self, said: &Said) {
        if said.is(ns::STREAM, "stream")
            && let Some(id) = said.attribute("id")
        {
            self.ids.push(id.to_owned());
        }
        if said.is(ns::SERVER, "message") {
            let next = self.taken.pop_front();
            assert_eq!(next.as_deref(), said.attribute("id"), "once and in order");
            let max = self.facts.session.max_bytes.filter(|_| self.acks.exact);
            let fits = max.is_none_or(|max| said.len as u64 <= max);
            assert!(fits, "{} bytes, not {max:?}", said.len);
        }
        self.ear.may_restart |= said.is(ns::SASL, "success");
        self.facts.wrote(said, self.out.id.as_deref());
        self.acks.wrote(said, self.facts.goes_both_ways(), self.now);
    }

    /// Notes what the peer said.
    fn hear(&mut self, said: &Said, held: bool) {
        let closing = self.out.ended;
        if closing && said.is(ns::STREAM, "features") {
            return;
        }
        self.facts.hear(said, held || self.blocked);
        self.acks.hear(said, closing, self.now);
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Authenticate { query, domain } => {
                assert!(self.facts.in_tls(), "there is no certificate");
                self.facts.ask(query, Asked::Authenticate(domain));
            }
            Event::Authorize { query, pair } => {
                assert!(self.config.domains.contains(&pair.local) || !self.facts.receives());
                if !self.ear.lost {
                    self.facts.check_heard();
                }
                self.facts.ask(query, Asked::Authorize(pair));
            }
            Event::Authorized(authorized) => {
                let (pair, method) = (authorized.pair(), authorized.method());
                self.facts.authorize(pair, method, self.blocked);
            }
            Event::Closed(_) => {
                self.closed = true;
                self.acks.check_end();
            }
            Event::Dropped(_) => self.acks.note_stanza(),
            Event::Established { pair, method } => {
                let lost = self.ear.lost;
                self.facts
                    .establish(&pair, method, lost || self.was_blocked);
            }
            Event::Refused { pair, .. } => self.facts.refuse(&pair),
            Event::Stanza { stanza, method, .. } => {
                self.facts.take_stanza(&stanza, method);
                // The whole of it reads, and an answer can be made.
                assert_eq!(stanza.element().name(), stanza.kind().name());
                self.acks.note_stanza();
            }
            Event::StartTls => self.awaits_tls = true,
            Event::Unacknowledged { stanza, .. } => self.acks.note_unacknowledged(stanza.id()),
            Event::Verified {
                request,
                verification,
            } => {
                let asked = self.asks.iter().position(|asked| *asked == request);
                self.asks.remove(asked.expect("a request that was made"));
                let unknown = self.ear.lost;
                if let Verification::Valid(_) = verification {
                    self.facts.check_verified(&request, unknown);
                }
            }
            Event::Verify { query, request } => {
                // While the driver takes no bytes we do not know the id.
                let known = self.blocked || self.out.id.as_deref() == Some(&*request.id);
                assert!(known, "the id of another stream: {request:?}");
                if !self.ear.lost {
                    self.facts.check_key(&request);
                }
                self.ids.push(request.id.to_string());
                self.facts.ask(query, Asked::Verify(request));
            }
            Event::Withdrawn { query } => self.facts.withdraw(query),
            other => panic!("an event that the model does not know: {other:?}"),
        }
    }

    /// Every request about a key that was to be verified.
    pub(crate) fn requests(&self) -> Vec<VerifyRequest> {
        let asked = self.facts.questions.iter();
        let request = |question: &Question| match &question.asked {
            Asked::Verify(request) => Some(request.clone()),
            Asked::Authenticate(_) | Asked::Authorize(_) => None,
        };
        asked.filter_map(request).collect()
    }

    /// How many of our stanzas the peer could acknowledge.
    pub(crate) fn handled_by_peer(&self) -> u32 {
        self.acks.sent()
    }

    /// The pairs that the peer has proved.
    pub(crate) fn authorized(&self) -> Vec<Pair> {
        self.facts.session.authorized.keys().cloned().collect()
    }

    /// The id that the receiving side gave the stream.
    pub(crate) fn stream_id(&self) -> Option<String> {
        let wire = if self.facts.receives() {
            &self.out
        } else {
            &self.ear
        };
        wire.id.clone()
    }
}

/// What a stream may write beyond its bound: elements that are never held back.
const SLACK: usize = 4096;

/// How much a peer may put off.
const MAX_UNSEEN: usize = 64;

/// More questions than are asked.
const STRANGERS: usize = 10_000;

/// More timers than a stream can have in a row.
const MAX_TIMERS: usize = 4000;
