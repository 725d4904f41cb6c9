//! The promises of a machine, kept by a component.
#![cfg(test)]

use std::time::{Duration, Instant};

use comity_testkit::contract::{self, Subject, Transcript};
use comity_xmpp::Component;
use comity_xmpp::stream::component::{Config, Event, KeepAlive, Secret};

struct Machine(Component);

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
        self.0.handle_input(now, input);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.0.handle_eof(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn answer(&mut self, now: Instant, event: &Seen) {
        if let Event::Stanza { stanza } = &event.0 {
            // A composer cannot do more than to hear that it is too late.
            let _refused = self.0.send(now, &stanza.reply());
        }
    }

    fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(buf).is_some()
    }

    fn poll_event(&mut self) -> Option<Seen> {
        self.0.poll_event().map(Seen)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.0.wants_input()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn is_closed_event(event: &Seen) -> bool {
        matches!(event.0, Event::Closed(_))
    }

    fn is_start_tls(_: &Seen) -> bool {
        false
    }
}

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' from='sip.example' id='1'>";
const MESSAGE: &str = "<message from='x@a.example' to='y@sip.example'><body>&lt;\u{e9}</body>\
     <x xmlns='jabber:component:accept'/></message> \n";
const ASTRAY: &str = "<message from='x@a.example' to='y@b.example'/><route/>";

#[test]
fn a_component_keeps_the_promises_of_a_machine() {
    let server = KeepAlive::Ping("a.example".parse().unwrap());
    for keep_alive in [KeepAlive::Space, server] {
        for end in ["</stream:stream>", "<stream:error/></stream:stream>", "<!"] {
            let transcript = Transcript::new()
                .input(HEADER.as_bytes())
                .input(b"<handshake/>")
                .input(format!("{MESSAGE}{ASTRAY}").as_bytes())
                .wait(Duration::from_secs(1))
                .input(end.as_bytes());
            let make = |now| {
                let secret = Secret::new("test");
                let mut config = Config::new("sip.example".parse().unwrap(), secret);
                config.keep_alive = keep_alive.clone();
                Machine(Component::new(now, config, [3; 32]))
            };
            contract::keeps_promises(make, &transcript);
        }
    }
}
