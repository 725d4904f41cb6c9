//! What a router does when things go wrong, with the other side played by hand.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each test looks for some events and passes over the others"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_testkit::contract::{self, Subject, Transcript};
use comity_testkit::origin;
use comity_xmpp::router::{
    AcceptError, Config, ConnectionId, Event, Failure, Limits, Router, SendError, Target,
    Unresolved,
};
use comity_xmpp::stream::{
    CloseReason, Decision, DropReason, PairRefusal, PeerCertificate, Purpose, Verdict,
};
use comity_xmpp::xml::Element;
use comity_xmpp::{DialbackSecret, Security, Stanza, StanzaCondition, StanzaKind, ns};

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' from='b.example' to='a.example' id='1' version='1.0'>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const FEATURES: &str =
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
const VALID: &str = "<db:result from='b.example' to='a.example' type='valid'/>";

/// The router of `a.example`, with a composer that answers as the test says.
struct Host {
    router: Router,
    now: Instant,
    /// Where other domains are found.
    targets: Result<Vec<Target>, Unresolved>,
    /// Answers are withheld while false.
    answers: bool,
    sent: Vec<(ConnectionId, String)>,
    events: Vec<Event>,
}

impl Host {
    fn new(limits: Limits) -> Self {
        let mut config = Config::default();
        config.stream.domains = Arc::new(["a.example".parse().unwrap()].into());
        config.stream.dialback = Some(DialbackSecret::new(b"secret"));
        config.limits = limits;
        Self {
            router: Router::new(origin(), config, [5; 32]),
            now: origin(),
            targets: Ok(targets(1)),
            answers: true,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    fn send(&mut self, to: &str) -> Result<(), SendError> {
        let stanza = stanza("x@a.example", &format!("y@{to}"));
        let sent = self.router.send(self.now, stanza);
        self.settle();
        sent.map_err(|(_, error)| error)
    }

    fn feed(&mut self, connection: ConnectionId, input: &str) {
        self.router
            .handle_input(self.now, connection, input.as_bytes());
        self.settle();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.router.poll_timeout().filter(|&due| due <= end) {
            self.now = due;
            self.router.handle_timeout(due);
            self.settle();
        }
        self.now = end;
    }

    fn settle(&mut self) {
        loop {
            let mut buf = Vec::new();
            while let Some(transmit) = self.router.poll_transmit(&mut buf) {
                let text = String::from_utf8(std::mem::take(&mut buf)).unwrap();
                self.sent.push((transmit.connection, text));
            }
            let Some(event) = self.router.poll_event() else {
                return;
            };
            if self.answers {
                self.answer(&event);
            }
            self.events.push(event);
        }
    }

    fn answer(&mut self, event: &Event) {
        let (router, now) = (&mut self.router, self.now);
        match event {
            Event::Authorize { query, .. } => {
                router.handle_decision(now, *query, &Decision::Allow(Security::ENCRYPTED));
            }
            Event::Connect { query, .. } => {
                router.handle_targets(now, *query, self.targets.clone());
            }
            Event::Authenticate { query, .. } => {
                let reason = "unknown issuer".into();
                router.handle_verdict(now, *query, &Verdict::Untrusted { reason });
            }
            Event::StartTls { connection, .. } => {
                let absent = PeerCertificate::Absent;
                router.handle_tls_established(now, *connection, absent);
            }
            _ => {}
        }
    }

    /// The connections that were dialled since the last call.
    fn dialled(&mut self) -> Vec<ConnectionId> {
        let dialled = self.events.iter().filter_map(|event| match event {
            Event::Dial { connection, .. } => Some(*connection),
            _ => None,
        });
        let dialled = dialled.collect();
        self.events.clear();
        dialled
    }

    fn failures(&mut self) -> Vec<Failure> {
        let events = std::mem::take(&mut self.events).into_iter();
        events
            .filter_map(|event| match event {
                Event::Undelivered { failure, .. } => Some(failure),
                _ => None,
            })
            .collect()
    }

    /// A stream to `b.example` that takes stanzas.
    fn established(&mut self) -> ConnectionId {
        self.send("b.example").unwrap();
        let [connection] = self.dialled()[..] else {
            panic!("not one dial")
        };
        self.negotiate(connection);
        self.feed(connection, VALID);
        assert_eq!(self.sent_on(connection).matches("<message ").count(), 1);
        connection
    }

    fn negotiate(&mut self, connection: ConnectionId) {
        self.router.handle_connected(self.now, connection);
        self.settle();
        for flight in [HEADER, FEATURES, PROCEED, HEADER, FEATURES] {
            self.feed(connection, flight);
        }
    }

    fn sent_on(&mut self, connection: ConnectionId) -> String {
        let (on, off) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|(to, _)| *to == connection);
        self.sent = off;
        let on: Vec<(_, String)> = on;
        on.into_iter().map(|(_, text)| text).collect()
    }

    /// A connection of a peer, behind TLS.
    fn accepted(&mut self) -> ConnectionId {
        let connection = self.router.accept(self.now).unwrap();
        self.feed(connection, HEADER);
        self.feed(connection, STARTTLS);
        self.feed(connection, HEADER);
        connection
    }
}

fn targets(count: u8) -> Vec<Target> {
    let target = |last| {
        let address = SocketAddr::from(([192, 0, 2, last], 5269));
        Target::new(address, name("xmpp.b.example"))
    };
    (1..=count).map(target).collect()
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn stanza(from: &str, to: &str) -> Stanza {
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    Stanza::new(StanzaKind::Message, from, to)
}

fn limits() -> Limits {
    Limits::default()
}

#[test]
fn only_stanzas_from_ours_to_others_are_taken() {
    let mut host = Host::new(limits());
    assert_eq!(host.send("a.example"), Err(SendError::RemoteIsLocal));
    let foreign = stanza("x@b.example", "y@c.example");
    let (given_back, error) = host.router.send(host.now, foreign).unwrap_err();
    assert_eq!(error, SendError::NotLocal);
    assert_eq!(given_back.from().to_string(), "x@b.example");
    host.router.close(host.now);
    assert_eq!(host.send("b.example"), Err(SendError::Closed));
    assert_eq!(host.router.accept(host.now), Err(AcceptError::Closed));
}

#[test]
fn queues_and_connections_are_bounded() {
    let mut bounds = limits();
    bounds.max_queued_stanzas = 2;
    bounds.max_outbound = 1;
    bounds.max_inbound = 1;
    let mut host = Host::new(bounds);
    assert_eq!(host.send("b.example"), Ok(()));
    assert_eq!(host.send("b.example"), Ok(()));
    assert_eq!(host.send("b.example"), Err(SendError::Full));
    assert_eq!(host.send("c.example"), Err(SendError::Full));
    let first = host.router.accept(host.now).unwrap();
    assert_eq!(host.router.accept(host.now), Err(AcceptError::TooMany));
    host.router.handle_eof(host.now, first);
    host.settle();
    assert!(host.router.accept(host.now).is_ok());
}

#[test]
fn what_waits_is_bounded_in_bytes_for_each_pair_and_in_all() {
    let mut bounds = limits();
    bounds.max_queued_bytes = 10_000;
    bounds.max_queued_bytes_in_all = 15_000;
    let mut host = Host::new(bounds);
    host.answers = false;
    let mut send = |to: &str| {
        let body = Element::new(ns::SERVER, "body").with_text(&"x".repeat(4000));
        let stanza = stanza("x@a.example", &format!("y@{to}")).with_payload(body);
        let sent = host.router.send(host.now, stanza);
        sent.map_err(|(_, error)| error)
    };
    assert_eq!(send("b.example"), Ok(()));
    assert_eq!(send("b.example"), Ok(()));
    assert_eq!(send("b.example"), Err(SendError::Full));
    assert_eq!(send("c.example"), Ok(()));
    assert_eq!(send("c.example"), Err(SendError::Full));
    // What comes back makes room.
    host.settle();
    host.pass(limits().answer_timeout);
    assert_eq!(host.failures(), vec![Failure::Unanswered; 3]);
    for _ in 0..2 {
        assert_eq!(host.send("c.example"), Ok(()));
    }
}

#[test]
fn questions_that_nobody_waits_for_are_withdrawn() {
    let mut host = Host::new(limits());
    let connection = host.accepted();
    host.events.clear();
    host.answers = false;
    host.feed(
        connection,
        "<db:result from='c.example' to='a.example'>k</db:result>",
    );
    let Some(Event::Authorize { query: first, .. }) = host.events.pop() else {
        panic!("no question")
    };
    let allow = Decision::Allow(Security::ENCRYPTED);
    host.router.handle_decision(host.now, first, &allow);
    host.settle();
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("no question about the way out")
    };
    host.router.handle_decision(host.now, query, &allow);
    host.settle();
    let Some(Event::Connect {
        query: sought,
        purpose,
        ..
    }) = host.events.pop()
    else {
        panic!("no question where")
    };
    assert_eq!(purpose, Purpose::Verification);
    host.router.handle_eof(host.now, connection);
    host.settle();
    let withdrawn = host.events.iter().filter_map(|event| match event {
        Event::Withdrawn { query } => Some(*query),
        _ => None,
    });
    assert_eq!(withdrawn.collect::<Vec<_>>(), [sought]);
    assert_eq!(host.router.poll_timeout(), None);
}

#[test]
fn an_unanswered_question_fails_what_waits_for_it() {
    let mut host = Host::new(limits());
    host.answers = false;
    host.send("b.example").unwrap();
    host.pass(limits().answer_timeout);
    assert_eq!(host.failures(), [Failure::Unanswered]);
    assert_eq!(host.router.poll_timeout(), None);
}

#[test]
fn an_answer_to_another_kind_of_question_is_none() {
    let mut host = Host::new(limits());
    host.answers = false;
    host.send("b.example").unwrap();
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    let answer_all = |host: &mut Host, query: QueryId, decision: bool, targets: bool| {
        if targets {
            host.router.handle_targets(host.now, query, Ok(vec![]));
        }
        if decision {
            host.router
                .handle_decision(host.now, query, &Decision::Deny);
        }
        let matched_by = "b.example".into();
        let verdict = Verdict::Trusted { matched_by };
        host.router.handle_verdict(host.now, query, &verdict);
        host.settle();
    };
    answer_all(&mut host, query, false, true);
    assert!(host.events.is_empty());
    let allow = Decision::Allow(Security::ENCRYPTED);
    host.router.handle_decision(host.now, query, &allow);
    host.settle();
    let Some(Event::Connect { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    answer_all(&mut host, query, true, false);
    assert!(host.events.is_empty());
    host.pass(limits().answer_timeout);
    assert_eq!(host.failures(), [Failure::Unanswered]);
}

#[test]
fn no_service_and_no_answer_are_told_apart() {
    for unresolved in [
        Unresolved::NotOffered("no such name".into()),
        Unresolved::Failed("timeout".into()),
    ] {
        let mut host = Host::new(limits());
        host.targets = Err(unresolved.clone());
        host.send("b.example").unwrap();
        let failure = Failure::Unresolved(unresolved);
        assert_eq!(failure.condition(), StanzaCondition::RemoteServerNotFound);
        assert_eq!(host.failures(), [failure]);
    }
}

#[test]
fn a_server_that_cannot_serve_now_is_not_the_last_that_is_tried() {
    for goodbye in [
        "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "</stream:stream>",
        "",
    ] {
        let mut host = Host::new(limits());
        host.targets = Ok(targets(2));
        host.send("b.example").unwrap();
        let [first] = host.dialled()[..] else {
            panic!("not one dial")
        };
        host.router.handle_connected(host.now, first);
        host.settle();
        host.feed(first, HEADER);
        host.feed(first, goodbye);
        if goodbye.is_empty() {
            host.router.handle_eof(host.now, first);
            host.settle();
        }
        let [second] = host.dialled()[..] else {
            panic!("{goodbye}: no second dial")
        };
        host.router
            .handle_connect_failed(host.now, second, "refused");
        host.settle();
        assert_eq!(host.failures(), [Failure::Unreachable("refused".into())]);
    }
}

#[test]
fn a_server_that_refuses_us_is_the_last_that_is_tried() {
    let mut host = Host::new(limits());
    host.targets = Ok(targets(2));
    host.send("b.example").unwrap();
    let [first] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.negotiate(first);
    host.feed(first, &VALID.replace("valid", "invalid"));
    assert_eq!(host.failures(), [Failure::Refused(PairRefusal::Invalid)]);
}

#[test]
fn a_connection_that_takes_too_long_is_given_up() {
    let mut host = Host::new(limits());
    host.send("b.example").unwrap();
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.pass(limits().connect_timeout);
    assert!(matches!(
        host.events[..],
        [Event::Closed { connection: closed, .. }, Event::Undelivered { .. }] if closed == connection
    ));
    // The driver may report it all the same.
    host.router.handle_connected(host.now, connection);
    host.settle();
    assert_eq!(host.sent, []);
}

#[test]
fn a_second_report_of_a_connection_changes_nothing() {
    let mut host = Host::new(limits());
    let connection = host.established();
    host.router.handle_connected(host.now, connection);
    host.router
        .handle_connect_failed(host.now, connection, "late");
    host.settle();
    assert_eq!(host.sent_on(connection), "");
    assert_eq!(host.send("b.example"), Ok(()));
    assert_eq!(host.sent_on(connection).matches("<message ").count(), 1);
}

#[test]
fn stanzas_for_a_blocked_connection_wait_and_are_not_lost_with_it() {
    let mut host = Host::new(limits());
    let connection = host.established();
    host.router.handle_write_blocked(host.now, connection);
    for _ in 0..3 {
        host.send("b.example").unwrap();
    }
    assert_eq!(host.sent_on(connection), "");
    host.router.handle_writable(host.now, connection);
    host.settle();
    assert_eq!(host.sent_on(connection).matches("<message ").count(), 3);

    host.router.handle_write_blocked(host.now, connection);
    for _ in 0..3 {
        host.send("b.example").unwrap();
    }
    host.events.clear();
    host.router.handle_eof(host.now, connection);
    host.settle();
    assert_eq!(host.sent_on(connection), "");
    // They wait for a new stream, and come back if there is none.
    let [second] = host.dialled()[..] else {
        panic!("no second dial")
    };
    host.router
        .handle_connect_failed(host.now, second, "refused");
    host.settle();
    assert_eq!(
        host.failures(),
        vec![Failure::Unreachable("refused".into()); 3]
    );
}

#[test]
fn a_failed_handshake_is_told() {
    let mut host = Host::new(limits());
    host.answers = false;
    let connection = host.router.accept(host.now).unwrap();
    host.feed(connection, &HEADER.replace("from='b.example' ", ""));
    host.feed(connection, STARTTLS);
    host.router
        .handle_tls_failed(host.now, connection, "no shared cipher");
    host.settle();
    let Some(Event::Closed { reason, .. }) = host.events.pop() else {
        panic!("not closed")
    };
    assert_eq!(reason, CloseReason::TlsFailed("no shared cipher".into()));
}

#[test]
fn a_dropped_stanza_is_counted() {
    let mut host = Host::new(limits());
    let connection = host.established();
    host.events.clear();
    host.feed(connection, "<message from='y@b.example' to='x@a.example'/>");
    assert!(matches!(
        host.events[..],
        [Event::Dropped {
            reason: DropReason::WrongDirection,
            ..
        }]
    ));
}

#[test]
fn claims_of_peers_do_not_keep_us_from_sending() {
    let mut bounds = limits();
    bounds.max_outbound = 4;
    bounds.max_verifications = 8;
    let mut host = Host::new(bounds);
    for _ in 0..10 {
        let connection = host.accepted();
        for index in 0..8 {
            host.feed(
                connection,
                &format!(
                    "<db:result from='c{index}.example' to='a.example'>{connection}</db:result>"
                ),
            );
        }
        assert_eq!(host.dialled().len(), 8, "{connection}");
        // Whoever asked is gone: nobody needs the answers.
        host.router.handle_eof(host.now, connection);
        host.settle();
        let closed = |event: &&Event| matches!(event, Event::Closed { .. });
        assert_eq!(host.events.iter().filter(closed).count(), 9);
    }
    assert_eq!(host.send("d.example"), Ok(()));

    let connection = host.accepted();
    for index in 0..9 {
        host.feed(
            connection,
            &format!("<db:result from='c{index}.example' to='a.example'>k</db:result>"),
        );
    }
    assert!(host.sent_on(connection).contains("<resource-constraint "));
}

#[test]
fn a_key_that_is_given_up_ends_the_search_for_its_server() {
    let mut host = Host::new(limits());
    let connection = host.accepted();
    host.feed(
        connection,
        "<db:result from='b.example' to='a.example'>k</db:result>",
    );
    let [dialled] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.negotiate(dialled);
    assert!(host.sent_on(dialled).contains("<db:verify "));
    host.sent_on(connection);
    host.pass(Duration::from_secs(21));
    assert!(host.sent_on(connection).contains("<remote-server-timeout "));
    assert_eq!(host.sent_on(dialled), "</stream:stream>");
}

#[test]
fn a_standing_stream_is_used_to_verify() {
    let mut host = Host::new(limits());
    let ours = host.established();
    let theirs = host.accepted();
    host.feed(
        theirs,
        "<db:result from='b.example' to='a.example'>k</db:result>",
    );
    assert_eq!(host.dialled(), []);
    let question = host.sent_on(ours);
    let id = question
        .split("id='")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    host.feed(
        ours,
        &format!("<db:verify from='b.example' to='a.example' id='{id}' type='valid'/>"),
    );
    assert!(host.sent_on(theirs).ends_with("type='valid'/>"));
    assert_eq!(host.sent_on(ours), "", "the stream stays");
}

#[test]
fn a_closed_router_begins_nothing() {
    let mut host = Host::new(limits());
    let connection = host.accepted();
    host.answers = false;
    host.feed(
        connection,
        "<db:result from='c.example' to='a.example'>k</db:result>",
    );
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    host.router.close(host.now);
    host.settle();
    host.events.clear();
    let allow = Decision::Allow(Security::ENCRYPTED);
    host.router.handle_decision(host.now, query, &allow);
    host.settle();
    assert!(host.events.is_empty(), "{:?}", host.events);
    host.pass(Duration::from_secs(5));
    assert!(host.router.is_closed());
    assert_eq!(host.router.poll_timeout(), None);
}

/// A router with one connection of a peer.
struct Machine {
    router: Router,
    connection: ConnectionId,
}

/// An event that is compared by what it shows.
#[derive(Debug)]
struct Seen(Event);

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        format!("{:?}", self.0) == format!("{:?}", other.0)
    }
}

impl Subject for Machine {
    type Event = Seen;

    fn handle_input(&mut self, now: Instant, input: &[u8]) {
        self.router.handle_input(now, self.connection, input);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.router.handle_eof(now, self.connection);
        self.router.close(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.router.handle_timeout(now);
    }

    fn answer(&mut self, now: Instant, event: &Seen) {
        match &event.0 {
            Event::StartTls { connection, .. } => {
                let presented = PeerCertificate::Presented;
                self.router
                    .handle_tls_established(now, *connection, presented);
            }
            Event::Authorize { query, .. } => {
                let allow = Decision::Allow(Security::ENCRYPTED);
                self.router.handle_decision(now, *query, &allow);
            }
            Event::Authenticate { query, domain, .. } => {
                let matched_by = domain.as_str().into();
                let trusted = Verdict::Trusted { matched_by };
                self.router.handle_verdict(now, *query, &trusted);
            }
            _ => {}
        }
    }

    fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool {
        self.router.poll_transmit(buf).is_some()
    }

    fn poll_event(&mut self) -> Option<Seen> {
        self.router.poll_event().map(Seen)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.router.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.router.wants_input(self.connection)
    }

    fn is_closed(&self) -> bool {
        self.router.is_closed()
    }

    fn is_closed_event(_: &Seen) -> bool {
        false
    }

    fn is_start_tls(event: &Seen) -> bool {
        matches!(event.0, Event::StartTls { .. })
    }
}

#[test]
fn a_router_keeps_the_promises_of_a_machine() {
    let make = |now| {
        let mut router = Host::new(limits()).router;
        let connection = router.accept(now).unwrap();
        Machine { router, connection }
    };
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
    let message = "<message from='y@b.example' to='x@a.example'><body>&lt;</body></message>";
    let transcript = Transcript::new()
        .input(format!("{HEADER}{STARTTLS}").as_bytes())
        .input(format!("{HEADER}{auth}").as_bytes())
        .input(format!("{HEADER}{message}{message}").as_bytes())
        .wait(Duration::from_secs(1));
    contract::timeouts_advance(make, &transcript);
    contract::bytes_leave_before_events(make, &transcript);
    contract::same_events_for_every_split(make, &transcript);
}
