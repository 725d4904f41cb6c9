//! What a component does, rule by rule.

mod life;
mod namespaces;

use std::num::NonZeroU64;

use comity_testkit::origin;

use super::*;
use crate::JidError;
use crate::stanza::AddressError;
use crate::xml::{Limit, ParseError};

const OPENING: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' to='sip.example'>";
const HEADER: &str = "<stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' from='sip.example' id='3BF96D32'>";
const PROOF: &str = "<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>";
const ACCEPTED: &str = "<handshake/>";
const MESSAGE: &str = "<message from='x@a.example' to='y@sip.example'><body>hi</body></message>";

struct Host {
    component: Component,
    now: Instant,
    sent: String,
    events: Vec<Event>,
}

impl Host {
    fn new() -> Self {
        Self::configured(|_| {})
    }

    fn configured(configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("sip.example".parse().unwrap(), Secret::new("test"));
        configure(&mut config);
        let mut host = Self {
            component: Component::new(origin(), config, [1; 32]),
            now: origin(),
            sent: String::new(),
            events: Vec::new(),
        };
        host.settle();
        host
    }

    /// A component that its server has accepted.
    fn established(configure: impl FnOnce(&mut Config)) -> Self {
        let mut host = Self::configured(configure);
        host.feed(HEADER).feed(ACCEPTED);
        assert_eq!(host.sent(), format!("{OPENING}{PROOF}"));
        assert_eq!(host.events(), ["established"]);
        host.component
            .handle_written(host.now, OPENING.len() + PROOF.len());
        host
    }

    fn feed(&mut self, input: &str) -> &mut Self {
        self.component.handle_input(self.now, input.as_bytes());
        self.settle();
        self
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.component.handle_timeout(self.now);
        let next = self.component.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now));
        self.settle();
        self
    }

    fn send(&mut self, from: &str) -> Result<(), SendError> {
        let sent = self.component.send(self.now, &message(from));
        self.settle();
        sent
    }

    fn settle(&mut self) {
        loop {
            let mut buf = Vec::new();
            while self.component.poll_transmit(&mut buf).is_some() {}
            self.sent.push_str(str::from_utf8(&buf).unwrap());
            match self.component.poll_event() {
                Some(event) => self.events.push(event),
                None => return,
            }
        }
    }

    fn sent(&mut self) -> String {
        std::mem::take(&mut self.sent)
    }

    fn events(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut self.events);
        events.iter().map(describe).collect()
    }

    fn stanza(&mut self) -> Stanza {
        let Some(Event::Stanza { stanza }) = self.events.pop() else {
            panic!("no stanza");
        };
        stanza
    }
}

fn message(from: &str) -> Stanza {
    let (from, to) = (from.parse().unwrap(), "x@a.example".parse().unwrap());
    Stanza::new(StanzaKind::Message, from, to)
}

/// The event in few words.
fn describe(event: &Event) -> String {
    match event {
        Event::Closed(reason) => format!("closed: {reason}"),
        Event::Dropped(reason) => format!("dropped: {reason}"),
        Event::Established => "established".to_owned(),
        Event::Sent { id } => format!("sent {id}"),
        Event::Stanza { stanza } => stanza.to_string(),
        Event::Unwritten { stanza, id } => format!("unwritten {stanza} as {id}"),
    }
}

fn id(number: u64) -> SendId {
    SendId::new(NonZeroU64::new(number).unwrap())
}

#[test]
fn a_component_proves_that_it_knows_the_secret() {
    let mut host = Host::new();
    assert_eq!(host.sent(), OPENING);
    assert_eq!(host.send("y@sip.example"), Err(SendError::NotEstablished));
    host.feed(HEADER);
    assert_eq!(host.sent(), PROOF);
    assert_eq!(host.send("y@sip.example"), Err(SendError::NotEstablished));
    assert_eq!(host.events(), [""; 0]);
    host.feed(ACCEPTED);
    assert_eq!(host.events(), ["established"]);
    assert_eq!(host.sent(), "");
    assert_eq!(host.send("y@sip.example"), Ok(()));
    assert_eq!(
        host.sent(),
        "<message from='y@sip.example' to='x@a.example'/>"
    );
}

#[test]
fn the_proof_is_of_the_id_as_it_is_meant_and_the_secret() {
    let mut host = Host::configured(|config| config.secret = Secret::new("s3cr<t\u{e9}"));
    host.sent();
    host.feed(&HEADER.replace("3BF96D32", "&#x33;BF96D32"));
    assert_eq!(
        host.sent(),
        "<handshake>583b0b2581b456bf4c63992989457999dfdc335b</handshake>"
    );
}

#[test]
fn the_secret_is_never_shown() {
    let mut host = Host::configured(|config| config.secret = Secret::new("hush-hush"));
    let secret = Secret::new("hush-hush");
    for step in [HEADER, ACCEPTED, MESSAGE, "</stream:stream>"] {
        host.feed(step);
        let shown = format!("{:?} {:#?}", host.component, host.component);
        assert!(!shown.contains("hush"), "{shown}");
        assert!(!format!("{:?}", host.events).contains("hush"));
        assert!(!host.sent.contains("hush"));
    }
    assert_eq!(format!("{secret:?}"), "Secret { .. }");
}

#[test]
fn a_server_says_why_it_does_not_want_the_component() {
    for (answer, condition) in [
        (ACCEPTED.replace("handshake", "x"), None),
        (error("not-authorized"), Some("not-authorized")),
        (error("conflict"), Some("conflict")),
        (error("host-unknown"), Some("host-unknown")),
    ] {
        let mut host = Host::new();
        host.feed(HEADER).sent();
        host.feed(&answer);
        let Some(Event::Closed(reason)) = host.events.pop() else {
            panic!("not closed");
        };
        match (reason, condition) {
            (CloseReason::PeerError(error), Some(condition)) => {
                assert_eq!(error.condition.name(), condition);
                assert_eq!(error.stage, Stage::Negotiation);
                assert_eq!(&*error.text, "no");
                assert_eq!(host.sent(), "</stream:stream>");
            }
            (reason, None) => {
                let unexpected = CloseReason::Rejected(Rejection::UnexpectedElement);
                assert_eq!(reason, unexpected);
            }
            (reason, _) => panic!("{reason}"),
        }
        assert!(host.component.is_closed());
        assert_eq!(host.send("y@sip.example"), Err(SendError::Closed));
    }
}

fn error(condition: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>no</text></stream:error></stream:stream>"
    )
}

#[test]
fn a_header_that_cannot_be_used_may_come_before_the_reason() {
    for (old, new) in [
        // COMPAT: Prosody 0.12 answers so to a component that it does not know.
        ("id='3BF96D32'", "version='1.0' id=''"),
        ("jabber:component:accept", "jabber:server"),
    ] {
        let header = HEADER.replace(old, new);
        let mut host = Host::new();
        host.feed(&header);
        assert_eq!(host.sent(), OPENING);
        assert_eq!(host.events(), [""; 0]);
        host.feed(&error("host-unknown"));
        assert_eq!(
            host.events(),
            ["closed: closed by the peer: host-unknown (no)"]
        );
        assert_eq!(host.sent(), "</stream:stream>");
        // None has to come.
        let mut host = Host::new();
        host.feed(&header).pass(Duration::from_secs(30));
        let Some(Event::Closed(CloseReason::Rejected(_))) = host.events.pop() else {
            panic!("not rejected");
        };
        assert!(host.sent().ends_with("</stream:error></stream:stream>"));
    }
}

#[test]
fn a_server_that_breaks_the_rules_is_told_which() {
    let long = format!("<handshake>{}</handshake>", "x".repeat(9000));
    for (input, rejection) in [
        (
            HEADER.replace("jabber:component:accept", "jabber:server") + ACCEPTED,
            Rejection::ContentNamespace,
        ),
        (
            HEADER.replace("etherx", "ether"),
            Rejection::StreamNamespace,
        ),
        (
            HEADER.replace(" id='3BF96D32'", "") + ACCEPTED,
            Rejection::NoId,
        ),
        (HEADER.replace("3BF96D32", "") + MESSAGE, Rejection::NoId),
        (format!("{HEADER}{MESSAGE}"), Rejection::NotAuthorized),
        (
            format!("{HEADER}<stream:features/>"),
            Rejection::UnexpectedElement,
        ),
        (
            format!("{HEADER}{ACCEPTED}<c:message xmlns:c='jabber:component:accept'/>"),
            Rejection::PrefixedStanza,
        ),
        (
            format!("{HEADER}{long}"),
            Rejection::Xml(ParseError::Limit(Limit::ElementBytes(8192))),
        ),
        (
            format!("{HEADER}<!-- -->"),
            Rejection::Xml(ParseError::Comment),
        ),
    ] {
        let mut host = Host::new();
        host.feed(&input);
        let Some(Event::Closed(CloseReason::Rejected(rejected))) = host.events.pop() else {
            panic!("not rejected: {input}");
        };
        assert_eq!(rejected, rejection, "{input}");
        let said = format!("<stream:error><{} ", rejection.condition());
        let sent = host.sent();
        assert!(sent.contains(&said), "{sent}");
        assert!(sent.ends_with("</stream:error></stream:stream>"), "{sent}");
    }
}

#[test]
fn only_what_is_for_the_component_is_handed_out() {
    let mut host = Host::established(|_| {});
    host.feed(MESSAGE);
    assert_eq!(host.events(), ["message from x@a.example to y@sip.example"]);
    for (input, reason) in [
        (
            MESSAGE.replace("sip.example", "x.sip.example"),
            DropReason::OtherDomain("x.sip.example".parse().unwrap()),
        ),
        (
            MESSAGE.replace(" to='y@sip.example'", ""),
            DropReason::Address(AddressError::Missing("to")),
        ),
        (
            MESSAGE.replace(" from='x@a.example'", ""),
            DropReason::Address(AddressError::Missing("from")),
        ),
        (
            MESSAGE.replace("x@a", "@a"),
            DropReason::Address(AddressError::Malformed("from", JidError::Local)),
        ),
        ("<route/>".to_owned(), DropReason::UnsupportedElement),
        (
            MESSAGE.replace("<message", "<message xmlns='jabber:server'"),
            DropReason::UnsupportedElement,
        ),
    ] {
        host.feed(&input);
        let Some(Event::Dropped(dropped)) = host.events.pop() else {
            panic!("not dropped: {input}");
        };
        assert_eq!(dropped, reason);
        assert_eq!(host.events(), [""; 0]);
    }
    host.feed(&MESSAGE.replace("y@sip.example", "SIP.example"));
    assert_eq!(host.events(), ["message from x@a.example to sip.example"]);
    assert_eq!(host.sent(), "");
}

#[test]
fn only_users_of_the_component_send() {
    let mut host = Host::established(|_| {});
    assert_eq!(host.send("sip.example"), Ok(()));
    for from in ["y@a.example", "y@x.sip.example", "y@example"] {
        assert_eq!(host.send(from), Err(SendError::NotLocal));
    }
    assert_eq!(
        host.sent(),
        "<message from='sip.example' to='x@a.example'/>"
    );
}
