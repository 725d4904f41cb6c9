//! What must hold of a stream at every step.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_xmpp::Stream;
use comity_xmpp::stream::{Authorized, Event, Method, Pair, Verification, VerifyRequest};

use crate::wire::{Wire, text, trace};

/// A stream, and what we know about it.
pub(super) struct Model {
    pub(super) stream: Stream,
    pub(super) now: Instant,
    initiating: bool,
    wire: Wire,
    /// The driver takes no bytes.
    pub(super) blocked: bool,
    /// TLS was asked for and has not come about.
    awaits_tls: bool,
    closed: bool,
    /// Every question so far, answered or not.
    pub(super) questions: Vec<(QueryId, Asked)>,
    /// Questions about the certificate that were answered.
    pub(super) judged: BTreeSet<QueryId>,
    /// The question that is being answered, and the request that the answer confirms.
    pub(super) answering: Option<QueryId>,
    pub(super) confirmed: Option<VerifyRequest>,
    /// Every request that was to be verified.
    pub(super) verifies: Vec<VerifyRequest>,
    /// Requests of ours that the stream took, until it answers them.
    pub(super) asks: Vec<VerifyRequest>,
    /// What the certificate of this TLS session was said to prove.
    pub(super) trusted: BTreeSet<DomainName>,
    authorized: BTreeSet<Pair>,
    /// Ids that a peer may know.
    pub(super) ids: Vec<String>,
    /// Everything that came out.
    pub(super) log: Vec<String>,
}

/// What a question is about.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Authenticate(DomainName),
    Authorize,
    Verify(VerifyRequest),
}

impl Model {
    pub(super) fn new(stream: Stream, initiating: bool, now: Instant) -> Self {
        Self {
            stream,
            now,
            initiating,
            wire: Wire::new(),
            blocked: false,
            awaits_tls: false,
            closed: false,
            questions: Vec::new(),
            judged: BTreeSet::new(),
            answering: None,
            confirmed: None,
            verifies: Vec::new(),
            asks: Vec::new(),
            trusted: BTreeSet::new(),
            authorized: BTreeSet::new(),
            ids: vec!["i1".to_owned()],
            log: Vec::new(),
        }
    }

    /// Takes everything that comes out, in the order of the run loop.
    pub(super) fn drain(&mut self) {
        let was_closed = self.closed;
        let awaited_tls = self.awaits_tls;
        if awaited_tls {
            assert!(!self.transmit(), "bytes before TLS is established");
        } else if !self.blocked {
            self.transmit();
        }
        while let Some(event) = self.stream.poll_event() {
            assert!(!self.closed, "after the end: {event:?}");
            self.note(&format!("{event:?}"));
            self.take(event);
        }
        let ended = self.closed || (self.awaits_tls && !awaited_tls);
        if ended {
            // What comes before TLS or before the end is not to be lost.
            let sent = self.transmit();
            assert!(!sent || self.blocked, "bytes were queued behind the event");
            self.blocked = false;
        }
        if was_closed {
            assert_eq!(self.stream.poll_timeout(), None, "a timer after the end");
        }
        assert_eq!(self.stream.is_closed(), self.closed);
        if self.closed {
            assert!(!self.stream.wants_input(), "input is wanted after the end");
        } else {
            let timeout = self.stream.poll_timeout();
            assert!(timeout.is_some(), "nothing ends the wait for the peer");
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
        assert!(len > 0 && len <= MAX_OUTPUT, "{len} bytes wait");
        self.note(&text(&bytes));
        let before = self.wire.id.take();
        self.wire.take(&bytes);
        match &self.wire.id {
            Some(id) => self.ids.push(id.clone()),
            None => self.wire.id = before,
        }
        true
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Authenticate { query, domain } => self.ask(query, Asked::Authenticate(domain)),
            Event::Authorize { query, .. } => {
                assert!(!self.initiating);
                self.ask(query, Asked::Authorize);
            }
            Event::Authorized(authorized) => self.authorize(&authorized),
            Event::Closed(_) => self.closed = true,
            Event::Dropped(_) => {}
            Event::Established { .. } | Event::Refused { .. } | Event::Unacknowledged { .. } => {}
            Event::Stanza { stanza, method } => {
                assert!(!self.initiating);
                let (remote, local) = stanza.domains();
                let pair = Pair {
                    local: local.clone(),
                    remote: remote.clone(),
                };
                assert!(self.authorized.contains(&pair), "{pair} by {method}");
                // The whole of it reads, and an answer can be made.
                let element = stanza.element();
                assert_eq!(element.name(), stanza.kind().name());
            }
            Event::StartTls => self.awaits_tls = true,
            Event::Verified {
                request,
                verification,
            } => {
                assert!(self.initiating);
                let asked = self.asks.iter().position(|asked| *asked == request);
                self.asks.remove(asked.expect("a request that was made"));
                if let Verification::Valid(_) = verification {
                    self.verifies.push(request);
                }
            }
            Event::Verify { query, request } => {
                assert!(!self.initiating);
                // While the driver takes no bytes we do not know the id.
                let known = self.blocked || self.wire.id.as_deref() == Some(&*request.id);
                assert!(known, "the id of another stream: {request:?}");
                self.ids.push(request.id.to_string());
                self.verifies.push(request.clone());
                self.ask(query, Asked::Verify(request));
            }
            Event::Withdrawn { query } => {
                let known = self.questions.iter().any(|(known, _)| *known == query);
                assert!(known, "{query} was never asked");
            }
            other => panic!("an event that this target does not know: {other:?}"),
        }
    }

    fn ask(&mut self, query: QueryId, asked: Asked) {
        let known = self.questions.iter().any(|(known, _)| *known == query);
        assert!(!known, "{query} was asked before");
        self.questions.push((query, asked));
    }

    /// A pair is proved by what we said, about that pair and this stream.
    fn authorize(&mut self, authorized: &Authorized) {
        assert!(!self.initiating);
        let pair = authorized.pair();
        match authorized.method() {
            Method::Certificate => assert!(self.trusted.contains(&pair.remote), "{pair}"),
            Method::Dialback => {
                let question = |(query, _): &&(QueryId, Asked)| Some(*query) == self.answering;
                let asked = self.questions.iter().find(question);
                let Some((_, Asked::Verify(asked))) = asked else {
                    panic!("{pair} without an answer");
                };
                let confirmed = self.confirmed.as_ref().expect("a proof");
                assert_eq!((&asked.pair, &confirmed.pair), (pair, pair));
                assert_eq!(asked.id, confirmed.id);
            }
            other => panic!("a method that this target does not know: {other}"),
        }
        self.authorized.insert(pair.clone());
    }

    /// Notes that the handshake is over, if one was asked for.
    pub(super) fn tls_established(&mut self) {
        if std::mem::take(&mut self.awaits_tls) {
            self.trusted.clear();
            self.authorized.clear();
        }
    }

    /// Lets time pass, to the next timeout.
    pub(super) fn jump(&mut self) {
        if let Some(timeout) = self.stream.poll_timeout() {
            self.now = self.now.max(timeout);
            self.expire();
        }
    }

    pub(super) fn wait(&mut self, wait: Duration) {
        self.now += wait;
        self.expire();
    }

    fn expire(&mut self) {
        self.stream.handle_timeout(self.now);
        let next = self.stream.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "time stands still");
        self.drain();
    }

    /// Lets time pass until the silence has ended the stream.
    pub(super) fn end(&mut self) {
        for _ in 0..MAX_TIMERS {
            if self.closed {
                break;
            }
            self.jump();
        }
        assert!(self.closed, "a silent peer is never given up");
        self.stream.handle_input(self.now, b"<stream:stream>");
        self.stream.handle_eof(self.now);
        self.stream.close(self.now);
        self.wait(Duration::from_secs(3600));
    }

    pub(super) fn note(&mut self, line: &str) {
        trace(line);
        self.log.push(line.to_owned());
    }
}

/// Enough for the limits of an authenticated stream and one more stanza.
const MAX_OUTPUT: usize = 2 * 1024 * 1024;

/// More timers than a stream can have in a row.
const MAX_TIMERS: usize = 100;
