//! What a bridge takes for each thing that it bounds, with the longest names that there are.
#![cfg(test)]

use std::net::SocketAddr;
use std::time::Instant;

use comity_bridge::{Bridge, Config, Counts, Fact, Limits, endpoint_config};
use comity_policy::{FederatedDomain, PeerKind, Policy, Switch};
use comity_sip::endpoint::{Endpoint, Listener};
use comity_sip::{ConnectionId, Transport};
use comity_testkit::{heap, origin};
use comity_xmpp::xml::{self, Element};
use comity_xmpp::{Jid, Stanza, StanzaKind, ns};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

/// How many of each kind are measured.
const MANY: usize = 50;

/// The domain that federates with ours.
const PARTNER: usize = 9_999;

/// A bridge, its endpoint, and a connection of a peer.
struct Rig {
    now: Instant,
    bridge: Bridge,
    endpoint: Endpoint,
    peer: ConnectionId,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        let now = origin();
        let mut rules = comity_policy::Config::default();
        rules.local_domains.insert("xmpp.test".parse().unwrap());
        rules.sip.enabled = Switch::On;
        let partner = FederatedDomain::new(domain(PARTNER).parse().unwrap(), PeerKind::Standard);
        rules.sip.domains.push(partner);
        let mut config = Config::new("gw");
        config.limits = limits;
        let listener = Listener::new(Transport::Tls, SocketAddr::from(([192, 0, 2, 1], 5061)));
        let host = "gw.xmpp.test".parse().unwrap();
        let listeners = vec![listener.advertised(host, 5061)];
        let mut endpoint = Endpoint::new(now, endpoint_config(listeners), [1; 32]);
        let peer = SocketAddr::from(([192, 0, 2, 2], 40_000));
        let proved = vec![domain(PARTNER).parse().unwrap()];
        let peer = endpoint.accept_connection(now, Transport::Tls, peer, proved);
        Self {
            now,
            bridge: Bridge::new(config, Policy::new(rules).unwrap(), [2; 32]),
            endpoint,
            peer: peer.unwrap(),
        }
    }

    fn restore(&mut self, fact: Fact) {
        let Self {
            now,
            bridge,
            endpoint,
            ..
        } = self;
        bridge.restore(*now, endpoint, [fact]);
        self.say();
    }

    fn stanza(&mut self, stanza: Stanza) {
        self.bridge
            .handle_stanza(self.now, &mut self.endpoint, stanza, None);
        self.say();
    }

    fn sip(&mut self, request: &str) {
        self.endpoint
            .handle_input(self.now, self.peer, request.as_bytes());
        while let Some(event) = self.endpoint.poll_event() {
            self.bridge.handle_sip(self.now, &mut self.endpoint, event);
        }
        self.say();
    }

    /// Nothing is left that the bridge has to say.
    fn say(&mut self) {
        while self.bridge.poll_event().is_some() {}
    }

    /// What the bridge gives back when it ends.
    fn freed(self) -> usize {
        drop(self.endpoint);
        let before = ALLOCATOR.current_usage();
        drop(self.bridge);
        before - ALLOCATOR.current_usage()
    }
}

/// A domain of 253 characters.
fn domain(number: usize) -> String {
    let label = "d".repeat(63);
    format!("{label}.{label}.{label}.{}{number:04}.test", "d".repeat(52))
}

/// A user there with a name of 100 characters.
fn user(number: usize) -> String {
    format!("{}{number:04}@{}", "u".repeat(96), domain(PARTNER))
}

/// The same of ours.
fn own(number: usize) -> String {
    format!("{}{number:04}@xmpp.test", "j".repeat(96))
}

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

fn message(number: usize, id: usize) -> Stanza {
    let body = Element::new(ns::SERVER, "body").with_text(&"x".repeat(300));
    Stanza::new(StanzaKind::Message, jid(&own(number)), jid(&user(number)))
        .with_id(&id.to_string())
        .with_payload(body)
}

fn page(number: usize) -> String {
    let body = "x".repeat(20_000);
    format!(
        "MESSAGE sip:juliet@xmpp.test SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.2;branch=z9hG4bK{number}\r\n\
         From: <sip:eve@{}>;tag={number}\r\nTo: <sip:juliet@xmpp.test>\r\nCall-ID: {number}\r\n\
         CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        domain(number),
        body.len()
    )
}

fn subscribe(number: usize) -> String {
    let user = user(number);
    format!(
        "SUBSCRIBE sip:juliet@xmpp.test SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.2;branch=z9hG4bK{number}\r\n\
         From: <sip:{user}>;tag={number}\r\nTo: <sip:juliet@xmpp.test>\r\nCall-ID: {number}\r\n\
         CSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\nContact: <sip:192.0.2.2;transport=tls>\r\n\
         Event: presence\r\nAccept: application/pidf+xml\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Juliet lets this watcher see her, at so many devices with all that they may say.
fn show(rig: &mut Rig, number: usize, devices: usize) {
    let presence = |from: &str| Stanza::new(StanzaKind::Presence, jid(from), jid(&user(number)));
    rig.stanza(presence("juliet@xmpp.test").with_type("subscribed"));
    for device in 0..devices {
        let from = format!("juliet@xmpp.test/{}{device:03}", "r".repeat(1020));
        let said = "\u{1F600}".repeat(256);
        let statuses = ["a", "b", "c", "d"]
            .map(|lang| format!("<status xmlns='jabber:server' xml:lang='{lang}'>{said}</status>"));
        let statuses = statuses
            .iter()
            .map(|status| Element::parse(status.as_bytes(), xml::Limits::default()).unwrap());
        rig.stanza(statuses.fold(presence(&from), Stanza::with_payload));
    }
}

/// What a bridge takes for each of so many, beside what an empty one takes, and how it counts.
fn each(many: usize, mut fill: impl FnMut(&mut Rig, usize)) -> (usize, Counts) {
    let empty = Rig::new(Limits::default()).freed();
    let mut rig = Rig::new(Limits::default());
    for number in 0..many {
        fill(&mut rig, number);
    }
    let counts = rig.bridge.counts();
    ((rig.freed() - empty) / many, counts)
}

#[test]
fn each_thing_takes_no_more_than_is_documented() {
    let (learned, _) = each(MANY, |rig, number| {
        let fact = Fact::read(&format!("learned {}", domain(number)), "records");
        rig.restore(fact.unwrap());
    });
    let (authorization, counts) = each(MANY, |rig, number| {
        let key = format!("authorization {} {}", user(number), own(number));
        rig.restore(Fact::read(&key, "allowed").unwrap());
    });
    assert_eq!(counts.authorizations, MANY);
    let (watch, counts) = each(MANY, |rig, number| {
        let key = format!("watch {} {}", own(number), user(number));
        rig.restore(Fact::read(&key, "granted").unwrap());
    });
    assert_eq!(counts.watches, MANY);
    let text = |rig: &mut Rig, number, id| rig.stanza(message(number, id));
    let (one, counts) = each(MANY, |rig, number| text(rig, number, 0));
    assert_eq!((counts.conversations, counts.letters), (MANY, MANY));
    let conversation = one - counts.queued_bytes / MANY;
    // One is under way, and for those behind it the queue has just become longer.
    let (many, more) = each(MANY, |rig, number| {
        (0..34).for_each(|id| text(rig, number, id));
    });
    assert_eq!(more.letters, 34 * MANY);
    let charged = (more.queued_bytes - counts.queued_bytes) / MANY;
    assert!(
        many - one <= charged,
        "{} are charged with {charged}",
        many - one
    );
    let (question, counts) = each(MANY, |rig, number| rig.sip(&page(number)));
    assert_eq!(counts.questions, MANY);
    let question = question - page(0).len();
    let (watcher, counts) = each(MANY, |rig, number| rig.sip(&subscribe(number)));
    assert_eq!(counts.watchers, MANY);
    let (shown, _) = each(MANY, |rig, number| {
        rig.sip(&subscribe(number));
        show(rig, number, 16);
    });
    for (name, bytes, documented) in [
        ("a learned domain", learned, 512),
        ("a decision", authorization, 1024),
        ("a watch", watch, 1536),
        ("a conversation", conversation, 1536),
        ("a question", question, 2560),
        ("a watcher", watcher, 2048),
        ("a device", (shown - watcher) / 16, 6 * 1024),
    ] {
        assert!(bytes <= documented, "{name} takes {bytes} bytes");
        // What is documented is no guess.
        assert!(bytes >= documented / 2, "{name} takes {bytes} bytes");
    }
}
