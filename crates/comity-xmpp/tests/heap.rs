//! What an unauthenticated peer can make a stream or a router hold, and what a router holds for others.
#![cfg(test)]

use std::sync::Arc;

use comity_testkit::{heap, origin};
use comity_xmpp::router::{self, Router, SendError};
use comity_xmpp::stream::{Config, Decision, Event, PeerCertificate, Stream, component};
use comity_xmpp::xml::Element;
use comity_xmpp::{Component, DialbackSecret, Stanza, StanzaKind, Transport};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

const MAX_BYTES: usize = 64 * 1024;
/// What a driver reads at once.
const CHUNK_BYTES: usize = 4096;

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' to='a.example' version='1.0'>";

const COMPONENT_HEADER: &str = "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' \
     id='1'>";

#[test]
fn an_unauthenticated_stream_holds_at_most_64_kib() {
    let mut config = Config::default();
    config.domains = Arc::new(["a.example".parse().unwrap()].into());
    config.dialback = Some(DialbackSecret::new(b"secret"));
    for (name, payload) in hostile_payloads() {
        let (stream, stats) = heap::measure(|| attack(config.clone(), payload.as_bytes()));
        assert!(
            stats.peak_bytes <= MAX_BYTES,
            "{name}: {} bytes at the most",
            stats.peak_bytes
        );
        drop(stream);
        // So does the stream of a component that its server has not accepted. Tests of their own
        // would count what the others hold.
        let (component, stats) = heap::measure(|| attack_component(payload.as_bytes()));
        assert!(
            stats.peak_bytes <= MAX_BYTES,
            "{name}: {} bytes at the most in a component",
            stats.peak_bytes
        );
        drop(component);
        // And what a router keeps for its connection.
        let (router, stats) = heap::measure(|| attack_router(config.clone(), payload.as_bytes()));
        assert!(
            stats.peak_bytes <= MAX_BYTES,
            "{name}: {} bytes at the most in a router",
            stats.peak_bytes
        );
        drop(router);
    }
    stanzas_that_wait_take_no_more_than_they_count_for(&config);
    // What a stream held is given back.
    let payload = "<a>".repeat(100);
    let (_, stats) = heap::measure(|| {
        for _ in 0..1000 {
            drop(attack(config.clone(), payload.as_bytes()));
        }
    });
    assert!(stats.live_bytes < 4096, "{} bytes leaked", stats.live_bytes);
}

/// Feeds a stream until it closes or the payload ends, without ever fetching what it sends.
fn attack(config: Config, payload: &[u8]) -> Stream {
    let now = origin();
    let mut stream = Stream::receive(now, config, [0; 32]);
    if !payload.starts_with(b"!") {
        stream.handle_input(now, HEADER.as_bytes());
        stream.handle_input(now, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        while let Some(event) = stream.poll_event() {
            assert!(matches!(event, Event::StartTls), "{event:?}");
        }
        stream.handle_tls_established(now, PeerCertificate::Presented);
        stream.handle_input(now, HEADER.as_bytes());
    }
    for chunk in payload
        .strip_prefix(b"!")
        .unwrap_or(payload)
        .chunks(CHUNK_BYTES)
    {
        stream.handle_input(now, chunk);
        while let Some(event) = stream.poll_event() {
            if let Event::Authorize { query, .. } = event {
                let allow = Decision::Allow(comity_xmpp::Security::ENCRYPTED.into());
                stream.handle_decision(now, query, &allow);
            }
        }
    }
    stream
}

/// Feeds a component until it closes or the payload ends, without ever fetching what it sends.
fn attack_component(payload: &[u8]) -> Component {
    let now = origin();
    let domain = "sip.example".parse().unwrap();
    let config = component::Config::new(domain, component::Secret::new("secret"));
    let mut component = Component::new(now, config, [0; 32]);
    if !payload.starts_with(b"!") {
        component.handle_input(now, COMPONENT_HEADER.as_bytes());
    }
    let payload = payload.strip_prefix(b"!").unwrap_or(payload);
    for chunk in payload.chunks(CHUNK_BYTES) {
        component.handle_input(now, chunk);
    }
    component
}

/// Feeds a connection of a router as [`attack`] does a stream.
fn attack_router(config: Config, payload: &[u8]) -> Router {
    let now = origin();
    let mut router = Router::new(now, routing(config), [0; 32]);
    let connection = router.accept(now, Transport::Tcp).unwrap();
    let tell = |router: &mut Router, input: &[u8]| {
        router.handle_input(now, connection, input);
        while let Some(event) = router.poll_event() {
            if let router::Event::StartTls { .. } = event {
                router.handle_tls_established(now, connection, PeerCertificate::Presented);
            } else if let router::Event::Authorize { query, .. } = event {
                let allow = Decision::Allow(comity_xmpp::Security::ENCRYPTED.into());
                router.handle_decision(now, query, &allow);
            }
        }
    };
    if !payload.starts_with(b"!") {
        for flight in [
            HEADER,
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            HEADER,
        ] {
            tell(&mut router, flight.as_bytes());
        }
    }
    let payload = payload.strip_prefix(b"!").unwrap_or(payload);
    for chunk in payload.chunks(CHUNK_BYTES) {
        tell(&mut router, chunk);
    }
    router
}

fn routing(stream: Config) -> router::Config {
    let mut config = router::Config::default();
    config.stream = stream;
    config
}

/// However long the stanzas and their addresses are, and however many domains they are for.
fn stanzas_that_wait_take_no_more_than_they_count_for(config: &Config) {
    const QUEUED: usize = 4 * 1024 * 1024;
    /// What a router keeps for a pair of domains.
    const PAIR: usize = 1024;
    for (domains, local, text) in [
        (1, 1, 0),
        (1, 1000, 0),
        (1, 1, 100),
        (1, 1, 10_000),
        (50, 1, 1000),
        (1000, 1, 0),
    ] {
        let mut bounds = routing(config.clone());
        bounds.limits.max_queued_bytes_in_all = QUEUED;
        bounds.limits.max_queued_bytes = QUEUED;
        bounds.limits.max_queued_stanzas = usize::MAX;
        let local = "x".repeat(local);
        let text = "x".repeat(text);
        let (router, stats) = heap::measure(|| fill(bounds, domains, &local, &text));
        assert!(
            stats.live_bytes <= QUEUED + domains * PAIR,
            "{domains} domains, {} and {} bytes: {stats:?}",
            local.len(),
            text.len()
        );
        assert!(stats.live_bytes >= QUEUED * 3 / 4, "{stats:?}");
        drop(router);
    }
}

/// Sends stanzas to so many domains in turn until one is refused, and answers no question.
fn fill(config: router::Config, domains: usize, local: &str, text: &str) -> Router {
    let now = origin();
    let mut router = Router::new(now, config, [0; 32]);
    for domain in (0..domains).cycle() {
        let from = format!("{local}@a.example").parse().unwrap();
        let to = format!("{local}@b{domain}.example/{local}")
            .parse()
            .unwrap();
        let body = Element::new("jabber:server", "body").with_text(text);
        let stanza = Stanza::new(StanzaKind::Message, from, to).with_payload(body);
        let sent = router.send(now, stanza);
        while router.poll_event().is_some() {}
        if let Err((_, error)) = sent {
            assert_eq!(error, SendError::Full);
            break;
        }
    }
    router
}

/// What has filled other servers. A leading `!` stands for a payload in place of the header.
fn hostile_payloads() -> Vec<(&'static str, String)> {
    let many = 400 * 1024;
    let fill = |unit: &str| unit.repeat(many / unit.len());
    let numbered = |unit: &str| {
        (0..20_000)
            .map(|index| unit.replace('#', &index.to_string()))
            .collect::<String>()
    };
    vec![
        ("wide", format!("<a>{}", fill("<a/>"))),
        ("deep", fill("<a>")),
        ("attributes", format!("<a {}", numbered("a#='' "))),
        ("namespaces", format!("<a {}", numbered("xmlns:a#='u' "))),
        ("nested namespaces", numbered("<a xmlns:a#='u'>")),
        ("long namespaces", long_namespaces()),
        (
            "negotiation elements",
            format!("<db:result>{}", fill("<a/>")),
        ),
        ("text and elements", format!("<a>{}", fill("x<b/>"))),
        ("text", format!("<a>{}", fill("x"))),
        ("references", format!("<a>{}", fill("&amp;"))),
        ("cdata", format!("<a><![CDATA[{}", fill("x"))),
        ("name", format!("<{}", fill("a"))),
        ("value", format!("<a b='{}", fill("x"))),
        ("end tag", format!("<a></{}", fill("a"))),
        ("white space", fill(" ")),
        (
            "keys",
            numbered("<db:result from='b#.example' to='a.example'>k</db:result>"),
        ),
        (
            "verifications",
            numbered("<db:verify from='b.example' to='a.example' id='#'>k</db:verify>"),
        ),
        (
            "answers",
            numbered("<db:result from='b#.example' to='a.example' type='valid'/>"),
        ),
        (
            "attempts",
            fill("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>"),
        ),
        (
            "header attributes",
            format!("!<stream:stream {}", numbered("a#='' ")),
        ),
        ("header value", format!("!<stream:stream to='{}", fill("x"))),
        ("declaration", format!("!<?xml {}", fill("x"))),
        ("no header", format!("!{}", fill("\n"))),
    ]
}

/// Elements and attributes in a namespace with a long name, which each could hold a copy of.
fn long_namespaces() -> String {
    let attributes: String = (0..10).map(|index| format!(" p:a{index}=''")).collect();
    let namespace = "u".repeat(250);
    let children = format!("<p:a{attributes}/>").repeat(100);
    format!("<db:result xmlns:p='{namespace}'>{children}")
}
