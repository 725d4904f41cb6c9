//! The promises of a machine.

use std::time::{Duration, Instant};

use comity_testkit::contract::{self, Subject, Transcript};
use comity_xmpp::router::{ConnectionId, Event, Router};
use comity_xmpp::stream::{Decision, PeerCertificate, Verdict};
use comity_xmpp::{Security, Transport};

use crate::host::{HEADER, Host, STARTTLS, limits};
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
                let allow = Decision::Allow(Security::ENCRYPTED.into());
                self.router.handle_decision(now, *query, &allow);
            }
            Event::Authenticate { query, domain, .. } => {
                let matched_by = domain.as_str().into();
                let trusted = Verdict::Trusted {
                    matched_by,
                    expires_in: None,
                };
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
        let connection = router.accept(now, Transport::Tcp).unwrap();
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
