use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_xmpp::stream::PeerCertificate;
use comity_xmpp::stream::session::{
    ClientAuth, Config, Event, SessionId, Sessions, StartTls, StartTlsError,
};

use crate::program::Program;

/// Two sessions, one with a client and one with a server, and anything that can happen to them.
///
/// The input is a program: each step is a byte, whose lowest bit chooses the session, and what the
/// step needs.
pub fn xmpp_session(data: &[u8]) {
    let mut program = Program::new(data);
    let mut table = Table::new();
    while !program.is_over() {
        table.step(&mut program);
        table.look();
    }
    table.end();
}

struct Table {
    sessions: Sessions,
    now: Instant,
    with: [Session; 2],
}

/// What is known of one session.
struct Session {
    id: SessionId,
    /// What `start_tls` took.
    started: Option<StartTls>,
    in_tls: bool,
    over: bool,
}

impl Table {
    fn new() -> Self {
        let mut config = Config::default();
        config.domains = Arc::new(["a.example".parse().expect("a domain")].into());
        config.max_sessions = 2;
        let now = Instant::now();
        let mut sessions = Sessions::new(now, config, [9; 32]);
        let domain = "b.example".parse().expect("a domain");
        let ids = [sessions.accept(now), sessions.connect(now, &domain)];
        assert!(sessions.accept(now).is_err(), "one too many");
        let with = ids.map(|id| Session {
            id: id.expect("room"),
            started: None,
            in_tls: false,
            over: false,
        });
        Self {
            sessions,
            now,
            with,
        }
    }

    fn step(&mut self, program: &mut Program<'_>) {
        let step = program.byte();
        let index = usize::from(step & 1);
        let (sessions, now) = (&mut self.sessions, self.now);
        let session = &mut self.with[index];
        let id = session.id.clone();
        let certificate = if step & 0x80 == 0 {
            PeerCertificate::Absent
        } else {
            PeerCertificate::Presented
        };
        match step >> 1 & 7 {
            0 | 1 => sessions.handle_input(now, &id, program.bytes()),
            2 => session.start(sessions, now, program.byte()),
            3 => sessions.handle_tls_established(now, &id, certificate),
            4 => sessions.handle_tls_failed(now, &id, "cut"),
            5 => sessions.handle_eof(now, &id),
            6 => sessions.close(now, &id),
            _ => {
                self.now += Duration::from_secs(program.byte().into());
                sessions.handle_timeout(self.now);
                let next = sessions.poll_timeout();
                assert!(next.is_none_or(|next| next > self.now), "time stands still");
            }
        }
    }

    /// Takes everything that came of a step, events before bytes and behind them.
    fn look(&mut self) {
        self.take_events();
        let mut sent = Vec::new();
        while let Some(transmit) = self.sessions.poll_transmit(&mut sent) {
            let session = self.session(&transmit.session);
            assert!(!session.in_tls, "clear text inside TLS");
        }
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.sessions.poll_event() {
            match event {
                Event::Closed { session, .. } => self.session(&session).finish(),
                Event::Offered { session } | Event::Requested { session } => {
                    let session = self.session(&session);
                    assert!(!session.over && session.started.is_none(), "asked again");
                }
                Event::StartTls {
                    session,
                    parameters,
                } => {
                    let session = self.session(&session);
                    assert!(!session.over && !session.in_tls, "started twice");
                    assert_eq!(session.started.as_ref(), Some(&parameters));
                    session.in_tls = true;
                }
                Event::Secured {
                    session,
                    certificate,
                } => {
                    let session = self.session(&session);
                    assert!(session.in_tls, "secured without a handshake");
                    let required = matches!(
                        session.started,
                        Some(StartTls::ToClient {
                            client_auth: ClientAuth::Required,
                            ..
                        })
                    );
                    assert!(!required || certificate == PeerCertificate::Presented);
                    session.finish();
                }
                other => panic!("unknown: {other:?}"),
            }
        }
    }

    fn session(&mut self, id: &SessionId) -> &mut Session {
        let found = self.with.iter_mut().find(|session| session.id == *id);
        found.expect("a session of ours")
    }

    /// Whatever came before, both sessions end by their own timers.
    fn end(&mut self) {
        for _ in 0..4 {
            if let Some(due) = self.sessions.poll_timeout() {
                self.now = self.now.max(due);
                self.sessions.handle_timeout(self.now);
            }
            self.look();
        }
        assert_eq!(self.sessions.poll_timeout(), None);
        for session in &self.with {
            assert!(session.over && self.sessions.is_closed(&session.id));
        }
    }
}

impl Session {
    fn start(&mut self, sessions: &mut Sessions, now: Instant, how: u8) {
        let key: Option<Box<str>> = (how & 1 == 0).then(|| "a.example".into());
        let without_key = key.is_none();
        let auth = [ClientAuth::None, ClientAuth::Optional, ClientAuth::Required];
        let to_client = how & 2 == 0;
        let parameters = if to_client {
            StartTls::ToClient {
                key,
                client_auth: auth[usize::from(how >> 2) % 3],
            }
        } else {
            StartTls::ToServer { key }
        };
        let started = sessions.start_tls(now, &self.id, parameters.clone());
        if to_client && without_key {
            assert_ne!(started, Ok(()), "without a private key");
        }
        if sessions.is_closed(&self.id) {
            assert_eq!(started, Err(StartTlsError::UnknownSession));
        }
        if started.is_ok() {
            assert!(self.started.replace(parameters).is_none(), "started twice");
        }
    }

    fn finish(&mut self) {
        assert!(!self.over, "over twice");
        self.over = true;
        self.in_tls = false;
    }
}
