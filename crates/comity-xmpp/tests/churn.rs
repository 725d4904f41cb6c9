//! What connections leave behind.
#![cfg(test)]

use std::sync::Arc;

use comity_testkit::{heap, origin};
use comity_xmpp::router::{Config, Event, Router};
use comity_xmpp::stream::{Decision, PeerCertificate};
use comity_xmpp::{DialbackSecret, Security, Transport};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' to='a.example' version='1.0'>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[test]
fn connections_that_come_and_go_leave_nothing() {
    let mut config = Config::default();
    config.stream.domains = Arc::new(["a.example".parse().unwrap()].into());
    config.stream.dialback = Some(DialbackSecret::new(b"secret"));
    let mut router = Router::new(origin(), config, [0; 32]);
    // What tables keep for the next connection is there when counting begins.
    let sought: usize = (0..100)
        .map(|number| come_and_go(&mut router, number))
        .sum();
    assert_eq!(sought, 25, "each fourth claims a domain");
    let (sought, stats) = heap::measure(|| -> usize {
        (100..10_100)
            .map(|number| come_and_go(&mut router, number))
            .sum()
    });
    assert_eq!(sought, 2_500);
    assert!(stats.live_bytes < 4096, "{} bytes left", stats.live_bytes);
}

/// One connection that ends at one of four steps. Returns how many servers are sought because of it.
fn come_and_go(router: &mut Router, number: usize) -> usize {
    let now = origin();
    let connection = router.accept(now, Transport::Tcp).unwrap();
    let claim = format!("<db:result from='b{number}.example' to='a.example'>key</db:result>");
    let steps = [HEADER, STARTTLS, HEADER, &claim];
    let mut sought = 0;
    for step in steps.iter().take(number % 4 + 1) {
        router.handle_input(now, connection, step.as_bytes());
        while let Some(event) = router.poll_event() {
            if let Event::Authorize { query, .. } = event {
                router.handle_decision(now, query, &Decision::Allow(Security::ENCRYPTED.into()));
            } else if let Event::StartTls { connection, .. } = event {
                router.handle_tls_established(now, connection, PeerCertificate::Absent);
            } else if let Event::Connect { .. } = event {
                sought += 1;
            }
        }
    }
    router.handle_eof(now, connection);
    let mut sent = Vec::new();
    while router.poll_transmit(&mut sent).is_some() || router.poll_event().is_some() {}
    sought
}
