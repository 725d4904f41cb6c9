//! What must hold of a router at every step.

mod checks;
mod link;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use comity_identity::{Direction, DomainName};
use comity_machine::QueryId;
use comity_xmpp::router::{
    Config, ConnectionId, Event, Failure, Router, Target, TlsRole, Unacknowledged, Unresolved,
};
use comity_xmpp::stream::{CloseReason, Decision, Farewell, Pair, PeerCertificate, Verdict};
use comity_xmpp::{Stanza, Terms, Transport, ns};

use self::checks::Fate;
use self::link::Link;
use super::stream::Log;
use super::wire::{Said, text};

/// A router, and what we know about it.
pub(crate) struct RouterModel {
    pub(crate) router: Router,
    pub(crate) now: Instant,
    config: Config,
    links: BTreeMap<ConnectionId, Link>,
    /// Connections that are being opened.
    pub(crate) dialled: BTreeSet<ConnectionId>,
    /// Connections that were reported as lost.
    gone: BTreeSet<ConnectionId>,
    /// Every question so far, answered or not.
    pub(crate) questions: Vec<Asked>,
    /// The connection that something is done with.
    acting: Option<ConnectionId>,
    stanzas: Vec<Fate>,
    /// Stanzas that a connection took with it unacknowledged.
    uncertain: Vec<usize>,
    /// Where discovery has found the servers of domains.
    found: Vec<(DomainName, Target)>,
    /// The ids of all streams.
    pub(crate) ids: Vec<String>,
    closing: bool,
    log: Log,
}

/// A question to the composer.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) query: QueryId,
    pub(crate) about: About,
    /// The connection that led to it.
    by: Option<ConnectionId>,
    answer: Option<Answer>,
    over: bool,
}

impl Asked {
    pub(crate) fn is_open(&self) -> bool {
        self.answer.is_none() && !self.over
    }
}

/// What a question is about.
#[derive(Clone, Debug)]
pub(crate) enum About {
    /// A certificate, in which of the connection's TLS sessions.
    Certificate(ConnectionId, usize, DomainName),
    Discovery(DomainName),
    Policy(Pair, Direction),
}

/// The first answer to a question.
#[derive(Clone, Debug)]
enum Answer {
    Allowed(Terms),
    Other,
    Trusted,
}

impl RouterModel {
    pub(crate) fn new(config: Config, seed: [u8; 32], now: Instant, log: &Log) -> Self {
        Self {
            router: Router::new(now, config.clone(), seed),
            now,
            config,
            links: BTreeMap::new(),
            dialled: BTreeSet::new(),
            gone: BTreeSet::new(),
            questions: Vec::new(),
            acting: None,
            stanzas: Vec::new(),
            uncertain: Vec::new(),
            found: Vec::new(),
            ids: vec!["i1".to_owned()],
            closing: false,
            log: Rc::clone(log),
        }
    }

    pub(crate) fn connections(&self) -> Vec<ConnectionId> {
        self.links.keys().copied().collect()
    }

    pub(crate) fn link(&mut self, connection: ConnectionId) -> &mut Link {
        self.links.get_mut(&connection).expect("a connection")
    }

    pub(crate) fn awaiting_tls(&self) -> Vec<ConnectionId> {
        let links = self.links.iter();
        let awaiting = links.filter(|(_, link)| link.awaits_tls);
        awaiting.map(|(id, _)| *id).collect()
    }

    pub(crate) fn accept(&mut self, transport: Transport) -> Option<ConnectionId> {
        // Four of five come from one source, and make room for the fifth.
        let last = u8::from(self.links.len() % 5 == 4);
        let source = [192, 0, 2, last].into();
        let accepted = self.router.accept_from(self.now, transport, source).ok();
        if let Some(connection) = accepted {
            assert!(!self.closing, "a connection is accepted after the end");
            self.add(connection, Link::new(None, None));
        }
        self.settle(accepted);
        accepted
    }

    fn add(&mut self, id: ConnectionId, link: Link) {
        let before = self.links.insert(id, link);
        assert!(before.is_none(), "{id} comes twice");
    }

    pub(crate) fn connected(&mut self, connection: ConnectionId, succeeds: bool) {
        self.dialled.remove(&connection);
        if succeeds {
            self.router.handle_connected(self.now, connection);
        } else {
            self.gone.insert(connection);
            let router = &mut self.router;
            router.handle_connect_failed(self.now, connection, "<refused>");
        }
        self.settle(Some(connection));
    }

    pub(crate) fn tls_established(&mut self, id: ConnectionId, certificate: PeerCertificate) {
        self.link(id).enter_tls();
        self.router
            .handle_tls_established(self.now, id, certificate);
        self.settle(Some(id));
    }

    pub(crate) fn tls_failed(&mut self, id: ConnectionId) {
        self.router.handle_tls_failed(self.now, id, "<alert>");
        self.settle(Some(id));
    }

    pub(crate) fn input(&mut self, id: ConnectionId, bytes: &[u8]) {
        let held = !self.router.wants_input(id);
        let link = self.link(id);
        let heeded = !link.closed && !link.awaits_tls;
        self.router.handle_input(self.now, id, bytes);
        self.acting = Some(id);
        let heard = if heeded {
            self.link(id).ear.take(bytes)
        } else {
            Vec::new()
        };
        self.drain(id, &heard, held);
        self.acting = None;
    }

    pub(crate) fn eof(&mut self, id: ConnectionId) {
        self.gone.insert(id);
        self.router.handle_eof(self.now, id);
        self.settle(Some(id));
    }

    pub(crate) fn block(&mut self, id: ConnectionId, blocked: bool) {
        self.link(id).blocked = blocked;
        if blocked {
            self.router.handle_write_blocked(self.now, id);
        } else {
            self.router.handle_writable(self.now, id);
        }
        self.settle(None);
    }

    pub(crate) fn decide(&mut self, index: usize, decision: &Decision) {
        let answer = match decision {
            Decision::Allow(terms) => Answer::Allowed(*terms),
            _ => Answer::Other,
        };
        let (query, by) = self.answer(index, answer, |about| matches!(about, About::Policy(..)));
        self.router.handle_decision(self.now, query, decision);
        self.settle(by);
    }

    pub(crate) fn judge(&mut self, index: usize, verdict: &Verdict) {
        let answer = match verdict {
            Verdict::Trusted { .. } => Answer::Trusted,
            _ => Answer::Other,
        };
        let is_kind = |about: &About| matches!(about, About::Certificate(..));
        let (query, by) = self.answer(index, answer, is_kind);
        self.router.handle_verdict(self.now, query, verdict);
        self.settle(by);
    }

    pub(crate) fn find(&mut self, index: usize, targets: Result<Vec<Target>, Unresolved>) {
        if let About::Discovery(domain) = &self.questions[index].about {
            let targets = targets.iter().flatten().cloned();
            let found = targets.map(|target| (domain.clone(), target));
            self.found.extend(found);
        }
        let is_kind = |about: &About| matches!(about, About::Discovery(_));
        let (query, by) = self.answer(index, Answer::Other, is_kind);
        self.router.handle_targets(self.now, query, targets);
        self.settle(by);
    }

    /// Notes an answer; only the first one of the right kind counts.
    fn answer(
        &mut self,
        index: usize,
        answer: Answer,
        is_kind: impl Fn(&About) -> bool,
    ) -> (QueryId, Option<ConnectionId>) {
        let asked = &mut self.questions[index];
        if asked.is_open() && is_kind(&asked.about) {
            asked.answer = Some(answer);
        }
        (asked.query, asked.by)
    }

    /// Sends a stanza with a number of its own between two domains.
    pub(crate) fn send(&mut self, from: &DomainName, to: &DomainName, payload: &str) {
        let number = self.stanzas.len();
        let payload = comity_xmpp::xml::Element::new("urn:x", "x").with_text(payload);
        let kind = comity_xmpp::StanzaKind::Message;
        let stanza = Stanza::new(kind, from.clone().into(), to.clone().into())
            .with_id(&format!("s{number}"))
            .with_payload(payload);
        let result = self.router.send(self.now, stanza);
        assert!(!(self.closing && result.is_ok()), "taken after the end");
        self.stanzas.push(Fate {
            pair: Pair {
                local: from.clone(),
                remote: to.clone(),
            },
            taken: result.is_ok(),
            written: Vec::new(),
            undelivered: 0,
        });
        self.settle(None);
    }

    /// Lets time pass, to the next timeout.
    pub(crate) fn jump(&mut self) {
        if let Some(timeout) = self.router.poll_timeout() {
            self.now = self.now.max(timeout);
            self.expire();
        }
    }

    pub(crate) fn wait(&mut self, wait: Duration) {
        self.now += wait;
        self.expire();
    }

    fn expire(&mut self) {
        self.router.handle_timeout(self.now);
        let next = self.router.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "time stands still");
        self.settle(None);
    }

    pub(crate) fn close(&mut self) {
        self.note("close");
        self.closing = true;
        self.router.close(self.now);
        self.settle(None);
    }

    /// Closes the router, and lets time pass until it is closed.
    pub(crate) fn end(&mut self) {
        self.close();
        let mut timers = 0;
        while !self.router.is_closed() {
            assert!(self.router.poll_timeout().is_some(), "nothing ends it");
            assert!(timers < MAX_TIMERS, "it does not end");
            timers += 1;
            self.jump();
        }
        assert_eq!(self.router.poll_timeout(), None, "a timer after the end");
        for (number, fate) in self.stanzas.iter().enumerate() {
            let seen = !fate.written.is_empty() || fate.undelivered > 0;
            assert_eq!(seen, fate.taken, "s{number}: {fate:?}");
        }
        for number in &self.uncertain {
            let fate = &self.stanzas[*number];
            let told = fate.undelivered == 1 || fate.written.len() == 2;
            assert!(told, "nobody was told of s{number}: {fate:?}");
        }
        for (id, link) in &self.links {
            assert!(link.closed || self.gone.contains(id), "{id} stays open");
        }
    }

    pub(crate) fn note(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }

    fn settle(&mut self, acting: Option<ConnectionId>) {
        self.acting = acting;
        self.drain_all();
        self.acting = None;
    }

    /// Takes what comes out before anything is asked, then what the peer said, then the rest.
    fn drain(&mut self, id: ConnectionId, heard: &[Said], held: bool) {
        self.transmit();
        for said in heard {
            self.link(id).hear(said, held);
        }
        self.drain_all();
    }

    /// Takes everything that comes out, in the order of the run loop.
    fn drain_all(&mut self) {
        loop {
            self.transmit();
            let Some(event) = self.router.poll_event() else {
                break;
            };
            self.note(&format!("{event:?}"));
            self.take(event);
        }
        self.check_written();
        self.check_refused();
        self.check_streams();
        assert!(!self.router.is_closed() || self.closing);
    }

    fn transmit(&mut self) {
        let mut bytes = Vec::new();
        while let Some(transmit) = self.router.poll_transmit(&mut bytes) {
            assert_eq!(transmit.len, bytes.len());
            self.note(&format!("{}: {}", transmit.connection, text(&bytes)));
            self.transmitted(transmit.connection, &bytes);
            bytes.clear();
        }
    }

    fn transmitted(&mut self, id: ConnectionId, bytes: &[u8]) {
        assert!(!self.dialled.contains(&id), "{id} is not open");
        let link = self.link(id);
        assert!(!link.closed, "{id} is closed: {}", text(bytes));
        assert!(!link.awaits_tls, "{id} awaits TLS: {}", text(bytes));
        for said in link.take_ours(bytes) {
            if said.is(ns::SERVER, "message") {
                let number = number(said.attribute("id"));
                self.link(id).wrote_stanza(number);
                let fate = &mut self.stanzas[number];
                fate.written.push(id);
                let resends = self.config.unacknowledged == Unacknowledged::Resend;
                fate.check(if resends { 2 } else { 1 });
            }
            if said.name == "stream" {
                self.ids.extend(said.attribute("id").map(String::from));
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Authenticate {
                query,
                connection,
                domain,
            } => {
                let session = self.open(connection).session;
                assert!(session > 0, "there is no certificate");
                self.ask(query, About::Certificate(connection, session, domain));
            }
            Event::Authorize {
                query,
                pair,
                direction,
            } => self.ask(query, About::Policy(pair, direction)),
            Event::Authorized {
                connection,
                pair,
                method,
            } => self.authorized(connection, pair, method),
            Event::Closed { connection, reason } => {
                self.dialled.remove(&connection);
                let link = self.open(connection);
                let crowded = CloseReason::Farewell(Farewell::Crowded);
                let keeps_its_place = link.domain().is_some() || !link.authorized.is_empty();
                assert!(reason != crowded || !keeps_its_place, "{connection}");
                link.closed = true;
                link.awaits_tls = false;
                let unacknowledged = link.unacknowledged();
                self.uncertain.extend(unacknowledged);
            }
            Event::Connect {
                query, domain, at, ..
            } => {
                let sent_away = |link: &Link| link.redirected && link.domain() == Some(&domain);
                let known = at.is_none() || self.links.values().any(sent_away);
                assert!(known, "no server of {domain} has named {at:?}");
                self.ask(query, About::Discovery(domain));
            }
            Event::Dial {
                connection,
                domain,
                target,
            } => {
                assert!(!self.closing, "a connection is opened after the end");
                let found = self.found.contains(&(domain.clone(), target.clone()));
                assert!(found, "{target:?} was never found for {domain}");
                self.add(connection, Link::new(Some(domain), Some(target)));
                self.dialled.insert(connection);
            }
            Event::Dropped { connection, .. } => {
                self.open(connection);
            }
            Event::Established {
                connection,
                pair,
                method,
            } => self.open(connection).establish(&pair, method),
            Event::Stanza {
                connection,
                stanza,
                method,
                ..
            } => self.open(connection).take_stanza(&stanza, method),
            Event::StartTls { connection, role } => {
                let link = self.open(connection);
                link.awaits_tls = true;
                let server_name = match &role {
                    TlsRole::Client { server_name, .. } => Some(server_name),
                    TlsRole::Server => None,
                };
                assert_eq!(server_name, link.domain());
            }
            Event::Undelivered {
                stanza, failure, ..
            } => {
                let resends = self.config.unacknowledged == Unacknowledged::Resend;
                let fate = &mut self.stanzas[number(stanza.id())];
                fate.undelivered += 1;
                let uncertain = resends || failure == Failure::Unacknowledged;
                assert!(uncertain || fate.written.is_empty(), "{failure}: {fate:?}");
                fate.check(2);
            }
            Event::Withdrawn { query } => {
                let asked = self.questions.iter_mut();
                let mut asked = asked.filter(|asked| asked.query == query);
                asked.next().expect("a question that was asked").over = true;
            }
            other => panic!("an event that the model does not know: {other:?}"),
        }
    }

    fn open(&mut self, id: ConnectionId) -> &mut Link {
        let link = self.link(id);
        assert!(!link.closed, "{id} is closed");
        link
    }

    fn ask(&mut self, query: QueryId, about: About) {
        let known = self.questions.iter().any(|known| known.query == query);
        assert!(!known, "{query} was asked before");
        self.questions.push(Asked {
            query,
            about,
            by: self.acting,
            answer: None,
            over: false,
        });
    }
}

/// The number of a stanza of ours.
fn number(id: Option<&str>) -> usize {
    let number = id.and_then(|id| id.strip_prefix('s')).expect("an id");
    number.parse().expect("a number")
}

/// More timers than are left when a router closes.
const MAX_TIMERS: usize = 1000;
