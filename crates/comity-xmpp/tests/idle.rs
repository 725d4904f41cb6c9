//! What streams hold that do nothing.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use comity_testkit::{heap, origin};
use comity_xmpp::stream::{
    Config, Decision, Event, Pair, PeerCertificate, Purpose, Stream, Verdict,
};
use comity_xmpp::{DialbackSecret, Security, Transport};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

const IDLE_STREAMS: usize = 10_000;

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' from='b.example' id='1' to='a.example' version='1.0'>";

#[test]
fn an_idle_authenticated_stream_holds_at_most_8_kib() {
    let mut config = Config::default();
    config.domains = Arc::new(["a.example".parse().unwrap()].into());
    config.dialback = Some(DialbackSecret::new(b"secret"));
    config.transport = Transport::DirectTls;
    let (streams, stats) = heap::measure(|| {
        let mut streams = Vec::with_capacity(IDLE_STREAMS);
        for index in 0..IDLE_STREAMS {
            streams.push(if index % 2 == 0 {
                received(config.clone())
            } else {
                initiated(config.clone())
            });
        }
        streams
    });
    let each = stats.live_bytes / streams.len();
    assert!(each <= 8 * 1024, "{each} bytes each");
    assert!(each >= size_of::<Stream>(), "{each} bytes: not measured");
}

/// A stream whose peer has proved its domain, has sent a little and a lot, and is silent.
fn received(config: Config) -> Stream {
    let mut stream = Stream::receive(origin(), config, [0; 32]);
    establish(&mut stream);
    feed(&mut stream, HEADER);
    feed(
        &mut stream,
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
    );
    feed(&mut stream, HEADER);
    feed(&mut stream, "<enable xmlns='urn:xmpp:sm:3'/>");
    for len in [100, 5000] {
        let text = "x".repeat(len);
        feed(
            &mut stream,
            &format!("<message from='x@b.example' to='y@a.example'><body>{text}</body></message>"),
        );
    }
    stream
}

/// A stream of ours that goes both ways and has carried a little and a lot.
fn initiated(config: Config) -> Stream {
    let pair = Pair {
        local: "a.example".parse().unwrap(),
        remote: "b.example".parse().unwrap(),
    };
    let mut stream = Stream::initiate(origin(), config, pair, Purpose::Stanzas, [0; 32]);
    establish(&mut stream);
    feed(&mut stream, HEADER);
    feed(
        &mut stream,
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>EXTERNAL</mechanism></mechanisms><bidi xmlns='urn:xmpp:features:bidi'/>\
         </stream:features>",
    );
    feed(
        &mut stream,
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    );
    feed(&mut stream, HEADER);
    feed(
        &mut stream,
        "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>",
    );
    for len in [100, 5000] {
        let text = "x".repeat(len);
        feed(
            &mut stream,
            &format!("<message from='x@b.example' to='y@a.example'><body>{text}</body></message>"),
        );
    }
    stream
}

fn establish(stream: &mut Stream) {
    assert!(matches!(stream.poll_event(), Some(Event::StartTls)));
    stream.handle_tls_established(origin(), PeerCertificate::Presented);
    feed(stream, "");
}

/// Feeds a stream, answers its questions in its peer's favour, and fetches what it sends.
fn feed(stream: &mut Stream, input: &str) {
    let now = origin();
    stream.handle_input(now, input.as_bytes());
    loop {
        let mut sent = Vec::new();
        while stream.poll_transmit(&mut sent).is_some() {}
        match stream.poll_event() {
            Some(Event::Authorize { query, .. }) => {
                let allow = Decision::Allow(Security::CERTIFIED.into());
                stream.handle_decision(now, query, &allow);
            }
            Some(Event::Authenticate { query, .. }) => {
                let verdict = Verdict::Trusted {
                    matched_by: "b.example".into(),
                    expires_in: Some(Duration::from_secs(86_400)),
                };
                stream.handle_verdict(now, query, &verdict);
            }
            Some(Event::Closed(reason)) => panic!("{reason}"),
            Some(_) => {}
            None => return,
        }
    }
}
