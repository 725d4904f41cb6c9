//! Streams between clients and servers, up to and through STARTTLS.
//!
//! A session is a `jabber:client` stream that whoever holds its id can take into TLS: towards a
//! client that has connected to us, or towards a server that we have connected to. Once the
//! handshake is over the session is handed over ([`Event::Secured`]) and forgotten here:
//! authentication and stanzas are the business of others.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//! use comity_xmpp::stream::session::{ClientAuth, Config, Event, Sessions, StartTls};
//!
//! let now = Instant::now();
//! let mut config = Config::default();
//! config.domains = Arc::new(["example.com".parse()?].into());
//! let mut sessions = Sessions::new(now, config, [7; 32]);
//! let id = sessions.accept(now)?;
//! sessions.handle_input(now, &id, b"<stream:stream xmlns='jabber:client' to='example.com' \
//!     version='1.0' xmlns:stream='http://etherx.jabber.org/streams'>\
//!     <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
//! let Some(Event::Requested { session }) = sessions.poll_event() else { panic!() };
//!
//! let client_auth = ClientAuth::Optional;
//! let key = Some("example.com".into());
//! sessions.start_tls(now, &session, StartTls::ToClient { key, client_auth })?;
//! let mut sent = Vec::new();
//! while sessions.poll_transmit(&mut sent).is_some() {}
//! assert!(sent.ends_with(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
//! assert!(matches!(sessions.poll_event(), Some(Event::StartTls { .. })));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod client;
mod event;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::{Random, Timers};

#[expect(
    clippy::module_name_repetitions,
    reason = "a session's id is used beside other ids"
)]
pub use event::SessionId;
pub use event::{
    ClientAuth, CloseReason, Config, Event, StartTls, StartTlsError, TooManySessions, Transmit,
};

use self::client::{Session, Step};
use super::PeerCertificate;
use crate::dialback::hex;

/// Sessions on their way into TLS.
#[derive(Debug)]
pub struct Sessions {
    config: Config,
    random: Random,
    timers: Timers<u64>,
    /// What a timer stands for.
    timed: BTreeMap<u64, SessionId>,
    last_timer: u64,
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions with bytes to send.
    writable: BTreeSet<SessionId>,
    events: VecDeque<Event>,
}

impl Sessions {
    /// Creates a table without sessions.
    #[must_use]
    pub fn new(_now: Instant, config: Config, seed: [u8; 32]) -> Self {
        Self {
            config,
            random: Random::from_seed(seed),
            timers: Timers::default(),
            timed: BTreeMap::new(),
            last_timer: 0,
            sessions: BTreeMap::new(),
            writable: BTreeSet::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes a connection that a client opened.
    ///
    /// # Errors
    ///
    /// There are too many sessions; close the connection.
    pub fn accept(&mut self, now: Instant) -> Result<SessionId, TooManySessions> {
        let id = self.new_id()?;
        let session = Session::with_client(&self.config, &id);
        Ok(self.insert(now, id, session))
    }

    /// Takes a connection that we opened to the server of `domain`, as a client.
    ///
    /// # Errors
    ///
    /// There are too many sessions; close the connection.
    pub fn connect(
        &mut self,
        now: Instant,
        domain: &DomainName,
    ) -> Result<SessionId, TooManySessions> {
        let id = self.new_id()?;
        let session = Session::with_server(&self.config, domain);
        Ok(self.insert(now, id, session))
    }

    /// Starts TLS on a session. [`Event::StartTls`] comes when the last bytes in clear text have
    /// been transmitted, and towards a server when it has agreed.
    ///
    /// # Errors
    ///
    /// TLS is not started, and the session is as it was.
    pub fn start_tls(
        &mut self,
        now: Instant,
        session: &SessionId,
        parameters: StartTls,
    ) -> Result<(), StartTlsError> {
        let found = self.sessions.get_mut(session);
        let found = found.ok_or(StartTlsError::UnknownSession)?;
        found.start_tls(parameters)?;
        self.writable.insert(session.clone());
        self.await_progress(now, session);
        Ok(())
    }

    /// Takes bytes in clear text that arrived on the connection of a session.
    pub fn handle_input(&mut self, _now: Instant, session: &SessionId, input: &[u8]) {
        if let Some(found) = self.sessions.get_mut(session) {
            let step = found.handle_input(&self.config, input);
            self.take(session, step);
        }
    }

    /// Takes the end of the bytes of a session.
    pub fn handle_eof(&mut self, _now: Instant, session: &SessionId) {
        if self.sessions.contains_key(session) {
            self.end(session, CloseReason::ConnectionLost);
        }
    }

    /// Takes the success of the handshake that [`Event::StartTls`] asked for.
    pub fn handle_tls_established(
        &mut self,
        _now: Instant,
        session: &SessionId,
        certificate: PeerCertificate,
    ) {
        let Some(found) = self.sessions.get(session).filter(|found| found.is_in_tls()) else {
            return;
        };
        if found.needs_certificate() && certificate == PeerCertificate::Absent {
            return self.end(session, CloseReason::CertificateAbsent);
        }
        self.forget(session);
        let session = session.clone();
        self.events.push_back(Event::Secured {
            session,
            certificate,
        });
    }

    /// Takes the failure of the handshake that [`Event::StartTls`] asked for, with what the TLS
    /// engine says about it.
    pub fn handle_tls_failed(&mut self, _now: Instant, session: &SessionId, reason: &str) {
        if self.sessions.get(session).is_some_and(Session::is_in_tls) {
            self.end(session, CloseReason::TlsFailed(reason.into()));
        }
    }

    /// Acts on every deadline that has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_expired(now) {
            let Some(session) = self.timed.get(&timer).cloned() else {
                continue;
            };
            let Some(found) = self.sessions.get_mut(&session) else {
                continue;
            };
            let stage = found.time_out();
            self.end(&session, CloseReason::TimedOut(stage));
        }
    }

    /// Ends a session.
    pub fn close(&mut self, _now: Instant, session: &SessionId) {
        if let Some(found) = self.sessions.get_mut(session) {
            found.say_goodbye();
            self.end(session, CloseReason::Closed);
        }
    }

    /// Moves the bytes for one session to the end of `buf`; gives which, and how many.
    pub fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        while let Some(session) = self.writable.pop_first() {
            let Some(found) = self.sessions.get_mut(&session) else {
                continue;
            };
            let len = found.drain(buf);
            if let Some(parameters) = found.enter_tls() {
                let session = session.clone();
                self.events.push_back(Event::StartTls {
                    session,
                    parameters,
                });
            }
            if found.is_over() {
                self.forget(&session);
            }
            if len > 0 {
                return Some(Transmit { session, len });
            }
        }
        None
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Whether bytes of a session should be read now. The bytes of a handshake belong to the TLS
    /// engine.
    #[must_use]
    pub fn wants_input(&self, session: &SessionId) -> bool {
        self.sessions.get(session).is_some_and(Session::wants_input)
    }

    /// Whether a session is over or handed over.
    #[must_use]
    pub fn is_closed(&self, session: &SessionId) -> bool {
        !self.sessions.contains_key(session)
    }

    fn new_id(&mut self) -> Result<SessionId, TooManySessions> {
        if self.sessions.len() >= self.config.max_sessions {
            return Err(TooManySessions);
        }
        Ok(SessionId::new(&hex(&self.random.bytes::<16>())))
    }

    fn insert(&mut self, now: Instant, id: SessionId, session: Session) -> SessionId {
        self.sessions.insert(id.clone(), session);
        self.writable.insert(id.clone());
        self.await_progress(now, &id);
        id
    }

    /// Gives a session its time anew.
    fn await_progress(&mut self, now: Instant, session: &SessionId) {
        self.last_timer = self.last_timer.wrapping_add(1);
        let timer = self.last_timer;
        if let Some(found) = self.sessions.get_mut(session) {
            let old = found.timer.replace(timer);
            self.stop(old);
        }
        self.timed.insert(timer, session.clone());
        self.timers.set_after(timer, now, self.config.timeout);
    }

    fn stop(&mut self, timer: Option<u64>) {
        if let Some(timer) = timer {
            self.timers.stop(timer);
            self.timed.remove(&timer);
        }
    }

    fn take(&mut self, session: &SessionId, step: Step) {
        self.writable.insert(session.clone());
        let event = match step {
            Step::None => return,
            Step::End(reason) => return self.end(session, reason),
            Step::Offered => Event::Offered {
                session: session.clone(),
            },
            Step::Requested => Event::Requested {
                session: session.clone(),
            },
        };
        self.events.push_back(event);
    }

    /// Ends a session; its last words are still transmitted.
    fn end(&mut self, session: &SessionId, reason: CloseReason) {
        let Some(found) = self.sessions.get_mut(session) else {
            return;
        };
        if found.end() {
            let timer = found.timer.take();
            self.stop(timer);
            self.writable.insert(session.clone());
            let session = session.clone();
            self.events.push_back(Event::Closed { session, reason });
        }
    }

    fn forget(&mut self, session: &SessionId) {
        if let Some(found) = self.sessions.remove(session) {
            self.stop(found.timer);
        }
        self.writable.remove(session);
    }
}
