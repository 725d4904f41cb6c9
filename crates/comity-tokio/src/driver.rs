//! The task that owns the router.

mod answers;
mod bench;
mod connections;
mod errands;
mod outlet;
mod questions;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_policy::Policy;
use comity_xmpp::router::{self, ConnectionId};
use comity_xmpp::stream::PeerCertificate;
use comity_xmpp::{Profile, Router, Transport};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;

pub(crate) use self::answers::security;

use self::bench::Bench;
use self::connections::Connections;
use self::errands::Errands;
use self::outlet::{Audience, Outlet};
use self::questions::Answer;
use crate::clock;
use crate::connection::{Report, Shared};
use crate::discovery::Discovery;
use crate::event::Event;
use crate::federation::{Command, Rejected, SendError};

/// A connection that a listener accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    /// How it begins.
    pub(crate) transport: Transport,
    /// Held for as long as the socket is open.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// What the driver is made of.
pub(crate) struct Parts {
    pub(crate) router: Router,
    /// How long the router waits for an answer.
    pub(crate) answer_timeout: Duration,
    pub(crate) policy: Policy,
    pub(crate) profiles: BTreeMap<DomainName, Profile>,
    pub(crate) trust: Arc<comity_trust::Policy>,
    pub(crate) revocation_lists: comity_trust::RevocationLists,
    pub(crate) discovery: Discovery,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: mpsc::Sender<Event>,
    /// The tasks that accept connections.
    pub(crate) listeners: JoinSet<()>,
}

/// Moves bytes, questions and answers between the router and the world.
pub(crate) struct Driver {
    router: Router,
    policy: Policy,
    profiles: BTreeMap<DomainName, Profile>,
    trust: Arc<comity_trust::Policy>,
    revocation_lists: comity_trust::RevocationLists,
    discovery: Discovery,
    connections: Connections,
    outlet: Outlet,
    listeners: JoinSet<()>,
    /// Answers that are being worked out.
    errands: Errands<Answer>,
    /// Where certificates are judged.
    bench: Bench,
    /// How long the router waits for an answer.
    answer_timeout: Duration,
    shutdown_timeout: Duration,
    /// When the last connections are cut off; set when the federation is closed.
    end: Option<Instant>,
}

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        let limits = &parts.shared.limits;
        Self {
            router: parts.router,
            policy: parts.policy,
            profiles: parts.profiles,
            trust: parts.trust,
            revocation_lists: parts.revocation_lists,
            discovery: parts.discovery,
            outlet: Outlet::new(parts.events, limits.max_unread_events),
            listeners: parts.listeners,
            errands: Errands::new(),
            bench: Bench::new(),
            answer_timeout: parts.answer_timeout,
            shutdown_timeout: limits.shutdown_timeout,
            connections: Connections::new(parts.shared),
            end: None,
        }
    }

    /// Runs until the federation is closed and its connections have ended.
    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut accepted: mpsc::Receiver<Accepted>,
    ) {
        let mut commanded = true;
        loop {
            self.pump();
            if self.has_ended() {
                break;
            }
            let closing = self.end.is_some();
            let keeps_up = self.outlet.is_clear();
            tokio::select! {
                () = clock::until(self.router.poll_timeout()) => {
                    self.router.handle_timeout(Instant::now());
                }
                report = self.connections.next_report() => {
                    if let Some((connection, report)) = report {
                        self.take_report(connection, report);
                    }
                }
                (query, answer) = self.errands.next() => self.take_answer(query, answer),
                // To the end: an application that waits for an answer would not read the events
                // that the end waits for.
                command = commands.recv(), if commanded => {
                    commanded = command.is_some();
                    self.obey(command);
                }
                Some(accepted) = accepted.recv(), if keeps_up && !closing => self.accept(accepted),
                audience = self.outlet.advance(), if !keeps_up || !closing => {
                    if audience == Audience::Gone {
                        self.close();
                    }
                }
                () = clock::until(self.end), if closing => break,
            }
        }
        self.listeners.shutdown().await;
        self.connections.cut_off().await;
        commands.close();
        while let Some(command) = commands.recv().await {
            refuse(command);
        }
    }

    fn has_ended(&self) -> bool {
        self.end.is_some()
            && self.router.is_closed()
            && self.connections.are_gone()
            && self.outlet.is_clear()
    }

    fn obey(&mut self, command: Option<Command>) {
        match command {
            Some(command) if self.end.is_some() => refuse(command),
            Some(Command::Send { stanza, reply }) => {
                let sent = if self.outlet.is_full() {
                    Err(Rejected::new(stanza, SendError::EventsUnread))
                } else {
                    self.router
                        .send(Instant::now(), *stanza)
                        .map_err(|(stanza, error)| Rejected::new(stanza, error.into()))
                };
                // Whoever sent it may have stopped to wait.
                drop(reply.send(sent));
            }
            Some(Command::Replace { policy, reply }) => {
                self.policy = *policy;
                // Whoever replaced it may have stopped to wait.
                let _ = reply.send(());
            }
            Some(Command::Shutdown) | None => self.close(),
        }
    }

    fn close(&mut self) {
        if self.end.is_some() {
            return;
        }
        let now = Instant::now();
        self.end = now.checked_add(self.shutdown_timeout).or(Some(now));
        self.listeners.abort_all();
        self.router.close(now);
    }

    fn accept(&mut self, accepted: Accepted) {
        let Accepted {
            peer, transport, ..
        } = accepted;
        match self.router.accept(Instant::now(), transport) {
            Ok(connection) => {
                self.outlet.emit(Event::Accepted {
                    connection,
                    peer,
                    transport,
                });
                self.connections.serve(connection, accepted);
            }
            Err(reason) => self.outlet.emit(Event::TurnedAway { peer, reason }),
        }
    }

    /// Does what the router wants, until it wants nothing more.
    fn pump(&mut self) {
        loop {
            self.transmit();
            match self.router.poll_event() {
                Some(event) => self.act(event),
                None => break,
            }
        }
        if self.outlet.is_clear() {
            self.connections.read_from(&mut self.router);
        }
    }

    fn transmit(&mut self) {
        let mut bytes = Vec::new();
        while let Some(transmit) = self.router.poll_transmit(&mut bytes) {
            let bytes = std::mem::take(&mut bytes);
            let connection = transmit.connection;
            self.connections.write(&mut self.router, connection, bytes);
        }
    }

    fn act(&mut self, event: router::Event) {
        match event {
            router::Event::Authenticate {
                query,
                connection,
                domain,
            } => self.authenticate(query, connection, domain),
            router::Event::Authorize {
                query,
                pair,
                direction,
            } => self.authorize(query, pair, direction),
            router::Event::Authorized {
                connection,
                pair,
                method,
            } => {
                if let Some(channel) = self.connections.channel(connection).cloned() {
                    self.outlet.emit(Event::Authorized {
                        connection,
                        pair,
                        method,
                        channel,
                    });
                }
            }
            router::Event::Closed { connection, reason } => {
                self.outlet.emit(Event::Closed { connection, reason });
                self.connections.close(connection);
            }
            router::Event::Connect {
                query,
                domain,
                purpose,
                at,
            } => self.connect(query, domain, purpose, at),
            router::Event::Dial {
                connection,
                domain,
                target,
            } => {
                self.connections.dial(connection, &target);
                self.outlet.emit(Event::Dialling {
                    connection,
                    domain,
                    target,
                });
            }
            router::Event::Dropped { connection, reason } => {
                self.outlet.emit(Event::Dropped { connection, reason });
            }
            router::Event::Established {
                connection,
                pair,
                method,
            } => {
                if let Some(channel) = self.connections.channel(connection).cloned() {
                    self.outlet.emit(Event::Established {
                        connection,
                        pair,
                        method,
                        channel,
                    });
                }
            }
            router::Event::Stanza {
                connection,
                stanza,
                method,
            } => self.outlet.emit(Event::Stanza {
                connection,
                stanza,
                method,
            }),
            router::Event::StartTls { connection, role } => {
                self.connections
                    .start_tls(&mut self.router, connection, role);
            }
            router::Event::Undelivered { stanza, failure } => {
                self.outlet.emit(Event::Undelivered { stanza, failure });
            }
            router::Event::Withdrawn { query } => self.errands.withdraw(query),
            // A question that is not known dies by the router's own timer.
            _ => {}
        }
    }

    fn take_report(&mut self, connection: ConnectionId, report: Report) {
        let now = Instant::now();
        // What a connection says after its end is of no interest.
        if !self.connections.contains(connection) {
            return;
        }
        match report {
            Report::Connected => {
                self.outlet.emit(Event::Connected { connection });
                self.connections.park(connection);
                self.router.handle_connected(now, connection);
            }
            Report::ConnectFailed(reason) => {
                self.connections.close(connection);
                self.router.handle_connect_failed(now, connection, &reason);
                self.outlet
                    .emit(Event::ConnectFailed { connection, reason });
            }
            Report::Input(bytes) => {
                self.connections.park(connection);
                self.router.handle_input(now, connection, &bytes);
            }
            Report::Ended => self.router.handle_eof(now, connection),
            Report::Secured(role, session) => {
                let certificate = match session.peer_certificates.first() {
                    Some(_) => PeerCertificate::Presented,
                    None => PeerCertificate::Absent,
                };
                self.connections.secured(connection, &session);
                self.outlet.emit(Event::Secured {
                    connection,
                    role,
                    session,
                });
                self.router
                    .handle_tls_established(now, connection, certificate);
            }
            Report::TlsFailed(reason) => {
                self.router.handle_tls_failed(now, connection, &reason);
            }
            Report::Written { bytes } => {
                self.connections
                    .written(&mut self.router, connection, bytes);
            }
        }
    }
}

fn refuse(command: Command) {
    match command {
        Command::Send { stanza, reply } => {
            // Whoever sent it may have stopped to wait.
            drop(reply.send(Err(Rejected::new(stanza, SendError::Closed))));
        }
        // Dropping the reply tells that nothing was replaced.
        Command::Replace { .. } | Command::Shutdown => {}
    }
}
