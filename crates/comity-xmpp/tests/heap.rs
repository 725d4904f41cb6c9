//! What an unauthenticated peer can make a stream hold.
#![cfg(test)]

use std::sync::Arc;

use comity_testkit::{heap, origin};
use comity_xmpp::stream::{Config, Decision, Event, PeerCertificate, Stream, component};
use comity_xmpp::{Component, DialbackSecret};

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
    }
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
