//! The promises of a machine, kept by sessions on their way into TLS.
#![cfg(test)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_testkit::contract::{self, Subject, Transcript};
use comity_xmpp::stream::PeerCertificate;
use comity_xmpp::stream::session::{
    ClientAuth, Config, Event, SessionId, Sessions, StartTls, StartTlsError,
};

/// One session, started as soon as it may be.
struct Machine {
    sessions: Sessions,
    id: SessionId,
    /// Whether its end was seen.
    over: bool,
}

impl Subject for Machine {
    type Event = Event;

    fn handle_input(&mut self, now: Instant, input: &[u8]) {
        self.sessions.handle_input(now, &self.id, input);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.sessions.handle_eof(now, &self.id);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.sessions.handle_timeout(now);
    }

    fn answer(&mut self, now: Instant, event: &Event) {
        let key = Some("a.example".into());
        let parameters = match event {
            Event::Requested { .. } => StartTls::ToClient {
                key,
                client_auth: ClientAuth::Required,
            },
            Event::Offered { .. } => StartTls::ToServer { key },
            Event::StartTls { session, .. } => {
                let absent = PeerCertificate::Absent;
                return self.sessions.handle_tls_established(now, session, absent);
            }
            Event::Closed { .. } | Event::Secured { .. } | _ => return,
        };
        // The session may have ended meanwhile.
        let started = self.sessions.start_tls(now, &self.id, parameters);
        assert!(
            matches!(started, Ok(()) | Err(StartTlsError::UnknownSession)),
            "{started:?}"
        );
    }

    fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool {
        self.sessions.poll_transmit(buf).is_some()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.sessions.poll_event()?;
        self.over |= matches!(event, Event::Closed { .. } | Event::Secured { .. });
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.sessions.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.sessions.wants_input(&self.id)
    }

    fn is_closed(&self) -> bool {
        self.over && self.sessions.is_closed(&self.id)
    }

    fn is_closed_event(event: &Event) -> bool {
        matches!(event, Event::Closed { .. } | Event::Secured { .. })
    }

    fn is_start_tls(event: &Event) -> bool {
        matches!(event, Event::StartTls { .. })
    }
}

fn sessions(now: Instant) -> Sessions {
    let mut config = Config::default();
    config.domains = Arc::new(["a.example".parse().unwrap()].into());
    Sessions::new(now, config, [4; 32])
}

fn with_client(now: Instant) -> Machine {
    let mut sessions = sessions(now);
    let id = sessions.accept(now).unwrap();
    let over = false;
    Machine { sessions, id, over }
}

fn with_server(now: Instant) -> Machine {
    let mut sessions = sessions(now);
    let id = sessions
        .connect(now, &"b.example".parse().unwrap())
        .unwrap();
    let over = false;
    Machine { sessions, id, over }
}

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='a.example' \
     version='1.0' xmlns:stream='http://etherx.jabber.org/streams'>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[test]
fn a_session_with_a_client_keeps_them() {
    for end in [STARTTLS, "<auth/>", "<!-- -->", "</stream:stream>"] {
        let transcript = Transcript::new()
            .input(format!("{HEADER} {end}"))
            .wait(Duration::from_secs(1))
            .eof();
        contract::keeps_promises(with_client, &transcript);
    }
}

#[test]
fn a_session_with_a_server_keeps_them() {
    for answer in [
        PROCEED,
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ] {
        let transcript = Transcript::new()
            .input(format!(
                "{HEADER}<stream:features>{STARTTLS}</stream:features>"
            ))
            .input(answer)
            .wait(Duration::from_secs(40));
        contract::keeps_promises(with_server, &transcript);
    }
}
