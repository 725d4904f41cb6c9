//! A router, and what a peer may send to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_testkit::origin;
use comity_xmpp::router::{
    Config, ConnectionId, Event, Failure, Limits, Router, SendError, Target, Unresolved,
};
use comity_xmpp::stream::{Decision, PeerCertificate, Verdict};
use comity_xmpp::{DialbackSecret, Security, Stanza, StanzaKind, Terms, Transport};

pub(crate) const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' from='b.example' to='a.example' id='1' version='1.0'>";
pub(crate) const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
pub(crate) const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
pub(crate) const FEATURES: &str =
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
pub(crate) const VALID: &str = "<db:result from='b.example' to='a.example' type='valid'/>";

/// The router of `a.example`, with a composer that answers as the test says.
pub(crate) struct Host {
    pub(crate) router: Router,
    pub(crate) now: Instant,
    /// Where other domains are found.
    pub(crate) targets: Result<Vec<Target>, Unresolved>,
    /// On which terms they may federate.
    pub(crate) terms: Terms,
    /// The domain that certificates prove; there are none otherwise.
    pub(crate) certified: Option<&'static str>,
    /// Answers are withheld while false.
    pub(crate) answers: bool,
    pub(crate) sent: Vec<(ConnectionId, String)>,
    /// How many bytes each connection was given.
    transmitted: BTreeMap<ConnectionId, usize>,
    pub(crate) last_dial: Option<ConnectionId>,
    pub(crate) events: Vec<Event>,
}

impl Host {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::configured(|config| config.limits = limits)
    }

    pub(crate) fn configured(configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.stream.domains = Arc::new([name("a.example"), name("z.example")].into());
        config.stream.dialback = Some(DialbackSecret::new(b"secret"));
        configure(&mut config);
        Self {
            router: Router::new(origin(), config, [5; 32]),
            now: origin(),
            targets: Ok(targets(1)),
            terms: Security::ENCRYPTED.into(),
            certified: None,
            answers: true,
            sent: Vec::new(),
            transmitted: BTreeMap::new(),
            last_dial: None,
            events: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, to: &str) -> Result<(), SendError> {
        self.send_from("a.example", to)
    }

    pub(crate) fn send_from(&mut self, from: &str, to: &str) -> Result<(), SendError> {
        let stanza = stanza(&format!("x@{from}"), &format!("y@{to}"));
        let sent = self.router.send(self.now, stanza);
        self.settle();
        sent.map_err(|(_, error)| error)
    }

    pub(crate) fn feed(&mut self, connection: ConnectionId, input: &str) {
        self.router
            .handle_input(self.now, connection, input.as_bytes());
        self.settle();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.router.poll_timeout().filter(|&due| due <= end) {
            self.now = due;
            self.router.handle_timeout(due);
            self.settle();
        }
        self.now = end;
    }

    pub(crate) fn settle(&mut self) {
        loop {
            let mut buf = Vec::new();
            while let Some(transmit) = self.router.poll_transmit(&mut buf) {
                *self.transmitted.entry(transmit.connection).or_default() += transmit.len;
                let text = String::from_utf8(std::mem::take(&mut buf)).unwrap();
                self.sent.push((transmit.connection, text));
            }
            let Some(event) = self.router.poll_event() else {
                return;
            };
            if let Event::Dial { connection, .. } = event {
                self.last_dial = Some(connection);
            }
            if self.answers {
                self.answer(&event);
            }
            self.events.push(event);
        }
    }

    pub(crate) fn answer(&mut self, event: &Event) {
        let (router, now) = (&mut self.router, self.now);
        match event {
            Event::Authorize { query, .. } => {
                router.handle_decision(now, *query, &Decision::Allow(self.terms));
            }
            Event::Connect { query, .. } => {
                router.handle_targets(now, *query, self.targets.clone());
            }
            Event::Authenticate { query, domain, .. } => {
                let verdict = if self.certified == Some(domain.as_str()) {
                    Verdict::Trusted {
                        matched_by: domain.as_str().into(),
                        expires_in: None,
                    }
                } else {
                    Verdict::Untrusted {
                        reason: "unknown issuer".into(),
                    }
                };
                router.handle_verdict(now, *query, &verdict);
            }
            Event::StartTls { connection, .. } => {
                let certificate = match self.certified {
                    Some(_) => PeerCertificate::Presented,
                    None => PeerCertificate::Absent,
                };
                router.handle_tls_established(now, *connection, certificate);
            }
            _ => {}
        }
    }

    /// The connections that were dialled since the last call.
    pub(crate) fn dialled(&mut self) -> Vec<ConnectionId> {
        let dialled = self.events.iter().filter_map(|event| match event {
            Event::Dial { connection, .. } => Some(*connection),
            _ => None,
        });
        let dialled = dialled.collect();
        self.events.clear();
        dialled
    }

    pub(crate) fn failures(&mut self) -> Vec<Failure> {
        let events = std::mem::take(&mut self.events).into_iter();
        events
            .filter_map(|event| match event {
                Event::Undelivered { failure, .. } => Some(failure),
                _ => None,
            })
            .collect()
    }

    /// A stream to `b.example` that takes stanzas.
    pub(crate) fn established(&mut self) -> ConnectionId {
        self.send("b.example").unwrap();
        let [connection] = self.dialled()[..] else {
            panic!("not one dial")
        };
        self.negotiate(connection);
        self.feed(connection, VALID);
        assert_eq!(self.sent_on(connection).matches("<message ").count(), 1);
        connection
    }

    pub(crate) fn negotiate(&mut self, connection: ConnectionId) {
        self.router.handle_connected(self.now, connection);
        self.settle();
        for flight in [HEADER, FEATURES, PROCEED, HEADER, FEATURES] {
            self.feed(connection, flight);
        }
    }

    pub(crate) fn sent_on(&mut self, connection: ConnectionId) -> String {
        let (on, off) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|(to, _)| *to == connection);
        self.sent = off;
        let on: Vec<(_, String)> = on;
        on.into_iter().map(|(_, text)| text).collect()
    }

    /// How many bytes a connection was given.
    pub(crate) fn transmitted(&self, connection: ConnectionId) -> usize {
        self.transmitted
            .get(&connection)
            .copied()
            .unwrap_or_default()
    }

    /// A connection of a peer, behind TLS.
    pub(crate) fn accepted(&mut self) -> ConnectionId {
        let connection = self.router.accept(self.now, Transport::Tcp).unwrap();
        self.feed(connection, HEADER);
        self.feed(connection, STARTTLS);
        self.feed(connection, HEADER);
        connection
    }
}

pub(crate) fn targets(count: u8) -> Vec<Target> {
    let target = |last| {
        let address = SocketAddr::from(([192, 0, 2, last], 5269));
        Target::new(address, name("xmpp.b.example"))
    };
    (1..=count).map(target).collect()
}

pub(crate) fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

pub(crate) fn stanza(from: &str, to: &str) -> Stanza {
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    Stanza::new(StanzaKind::Message, from, to)
}

pub(crate) fn limits() -> Limits {
    Limits::default()
}
