//! The promises of a machine, kept by a stream in both roles.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the adapter answers questions and lets everything else pass"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_testkit::contract::{self, Subject, Transcript};
use comity_xmpp::stream::{
    Acknowledge, Config, Decision, Event, Pair, PeerCertificate, Purpose, Stream, Verdict,
    Verification,
};
use comity_xmpp::{DialbackSecret, Security};

/// A stream whose composer answers at once.
struct Machine {
    stream: Stream,
    certified: bool,
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
        self.stream.handle_input(now, input);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.stream.handle_eof(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.stream.handle_timeout(now);
    }

    fn answer(&mut self, now: Instant, event: &Seen) {
        match &event.0 {
            Event::StartTls => {
                let certificate = PeerCertificate::Presented;
                self.stream.handle_tls_established(now, certificate);
            }
            Event::Authorize { query, .. } => {
                let allow = Decision::Allow(Security::ENCRYPTED.into());
                self.stream.handle_decision(now, *query, &allow);
            }
            Event::Authenticate { query, domain } => {
                let verdict = if self.certified {
                    Verdict::Trusted {
                        matched_by: domain.as_str().into(),
                        expires_in: None,
                    }
                } else {
                    Verdict::Untrusted {
                        reason: "unknown issuer".into(),
                    }
                };
                self.stream.handle_verdict(now, *query, &verdict);
            }
            Event::Verify { query, .. } => {
                let invalid = Verification::Invalid;
                self.stream.handle_verification(now, *query, &invalid);
            }
            Event::Stanza {
                receipt: Some(receipt),
                ..
            } => self.stream.settle(now, *receipt),
            _ => {}
        }
    }

    fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool {
        self.stream.poll_transmit(buf).is_some()
    }

    fn poll_event(&mut self) -> Option<Seen> {
        self.stream.poll_event().map(Seen)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.stream.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.stream.wants_input()
    }

    fn is_closed(&self) -> bool {
        self.stream.is_closed()
    }

    fn is_closed_event(event: &Seen) -> bool {
        matches!(event.0, Event::Closed(_))
    }

    fn is_start_tls(event: &Seen) -> bool {
        matches!(event.0, Event::StartTls)
    }
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn config() -> Config {
    let mut config = Config::default();
    config.domains = Arc::new([name("a.example")].into());
    config.dialback = Some(DialbackSecret::new(b"secret"));
    config
}

fn header(id: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
         xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
         from='b.example' to='a.example'{id} version='1.0'>"
    )
}

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const MESSAGE: &str =
    "<message from='x@b.example' to='y@a.example'><body>&lt;\u{e9}</body></message> \n";

#[test]
fn a_receiving_stream_keeps_them_with_external() {
    let transcript = Transcript::new()
        .input(format!("{}{STARTTLS}", header("")).as_bytes())
        .input(
            format!(
                "{}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
                header("")
            )
            .as_bytes(),
        )
        .input(format!("{}{MESSAGE}{MESSAGE}", header("")).as_bytes())
        .wait(Duration::from_secs(1))
        .input(b"<message/>");
    contract::keeps_promises(|now| receiving(now, true), &transcript);
}

#[test]
fn a_stream_whose_stanzas_are_settled_keeps_them() {
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
    let enable = "<enable xmlns='urn:xmpp:sm:3'/>";
    let transcript = Transcript::new()
        .input(format!("{}{STARTTLS}", header("")).as_bytes())
        .input(format!("{}{auth}", header("")).as_bytes())
        .input(format!("{}{MESSAGE}{enable}{MESSAGE}{MESSAGE}", header("")).as_bytes())
        .input(b"<r xmlns='urn:xmpp:sm:3'/>")
        .wait(Duration::from_secs(1))
        .input(b"</stream:stream>");
    let make = |now| {
        let mut config = config();
        config.acknowledge = Acknowledge::WhenSettled;
        config.limits.max_unsettled_stanzas = 1;
        Machine {
            stream: Stream::receive(now, config, [3; 32]),
            certified: true,
        }
    };
    contract::keeps_promises(make, &transcript);
}

#[test]
fn a_receiving_stream_keeps_them_with_dialback() {
    let transcript = Transcript::new()
        .input(format!("{}{STARTTLS}", header("")).as_bytes())
        .input(
            format!(
                "{}<db:verify from='b.example' to='a.example' id='1'>k</db:verify>\
                 <db:result from='b.example' to='a.example'>k</db:result>",
                header("")
            )
            .as_bytes(),
        )
        .input(b"</stream:stream>");
    contract::keeps_promises(|now| receiving(now, false), &transcript);
}

#[test]
fn an_initiating_stream_keeps_them() {
    let features = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>\
         </mechanisms></stream:features>";
    let transcript = Transcript::new()
        .input(format!("{}{features}", header(" id='1'")).as_bytes())
        .input(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        .input(format!("{}{features}", header(" id='2'")).as_bytes())
        .input(b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
        .input(b"<db:result from='b.example' to='a.example' type='valid'/>")
        .input(b"</stream:stream>");
    contract::keeps_promises(initiating, &transcript);
}

fn receiving(now: Instant, certified: bool) -> Machine {
    Machine {
        stream: Stream::receive(now, config(), [3; 32]),
        certified,
    }
}

fn initiating(now: Instant) -> Machine {
    let pair = Pair {
        local: name("a.example"),
        remote: name("b.example"),
    };
    Machine {
        stream: Stream::initiate(now, config(), pair, Purpose::Stanzas, [3; 32]),
        certified: true,
    }
}
