//! The task that owns the router.

mod answers;
mod bench;
mod connections;
mod dials;
mod errands;
mod questions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::{Direction, DomainName};
use comity_machine::Random;
use comity_policy::Policy;
use comity_srv::attempts::Fault;
use comity_srv::routes::Routes;
use comity_xmpp::router::{self, ConnectionId, Receipt};
use comity_xmpp::stream::PeerCertificate;
use comity_xmpp::{Profile, Router, Stanza};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) use self::answers::security;

use self::bench::Bench;
use self::connections::Connections;
use self::dials::Dials;
use self::errands::Errands;
use self::questions::Answer;
use crate::clock;
use crate::connection::{Report, Shared};
use crate::discovery::Discovery;
use crate::event::Event;
use crate::federation::{Command, MAX_COMMANDS, SendError};
use crate::handover::{Taken, Tracking};
use crate::listener::{Accepted, Arrival};
use crate::outlet::{Audience, Outlet};
use crate::tap::{Line, Tap, Traffic};

/// What the driver is made of.
pub(crate) struct Parts {
    pub(crate) router: Router,
    /// How long the router waits for an answer.
    pub(crate) answer_timeout: Duration,
    pub(crate) policy: Policy,
    pub(crate) profiles: BTreeMap<DomainName, Profile>,
    pub(crate) routes: Routes,
    /// Decides the order of equal routes.
    pub(crate) random: Random,
    pub(crate) trust: Arc<comity_trust::Policy>,
    pub(crate) revocation_lists: comity_trust::RevocationLists,
    pub(crate) discovery: Discovery,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: mpsc::Sender<Event>,
    /// The tasks that accept connections.
    pub(crate) listeners: JoinSet<()>,
    pub(crate) tap: Option<Tap>,
}

/// What comes to a driver from outside.
pub(crate) struct Inlets {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) receipts: mpsc::UnboundedReceiver<Receipt>,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
}

/// Moves bytes, questions and answers between the router and the world.
pub(crate) struct Driver {
    router: Router,
    policy: Policy,
    profiles: BTreeMap<DomainName, Profile>,
    routes: Routes,
    random: Random,
    trust: Arc<comity_trust::Policy>,
    revocation_lists: comity_trust::RevocationLists,
    discovery: Discovery,
    connections: Connections,
    dials: Dials,
    outlet: Outlet<Event>,
    /// Whoever looks on.
    tap: Option<Tap>,
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
            routes: parts.routes,
            random: parts.random,
            trust: parts.trust,
            revocation_lists: parts.revocation_lists,
            discovery: parts.discovery,
            outlet: Outlet::new(parts.events, limits.max_unread_events),
            tap: parts.tap,
            listeners: parts.listeners,
            errands: Errands::new(),
            bench: Bench::new(),
            answer_timeout: parts.answer_timeout,
            shutdown_timeout: limits.shutdown_timeout,
            connections: Connections::new(parts.shared),
            dials: Dials::default(),
            end: None,
        }
    }

    /// Runs until the federation is closed and its connections have ended.
    pub(crate) async fn run(mut self, inlets: Inlets) {
        let Inlets {
            mut commands,
            mut receipts,
            mut arrivals,
        } = inlets;
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
                    // What others want of the same streams leaves with it.
                    for _ in 1..MAX_COMMANDS {
                        let Ok(command) = commands.try_recv() else { break };
                        self.obey(Some(command));
                    }
                }
                Some(receipt) = receipts.recv() => {
                    self.router.settle(Instant::now(), receipt);
                    // Many may have come together.
                    while let Ok(receipt) = receipts.try_recv() {
                        self.router.settle(Instant::now(), receipt);
                    }
                }
                Some(arrival) = arrivals.recv(), if keeps_up && !closing => match arrival {
                    Arrival::Accepted(accepted) => self.accept(accepted),
                    Arrival::Refused { peer, reason } => {
                        self.outlet.emit(Event::Refused { peer, reason });
                    }
                },
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
            Some(Command::Send(handover)) => {
                handover.take(|stanza, tracking| self.post(stanza, tracking));
            }
            Some(Command::Replace {
                policy,
                domains,
                security,
                reply,
            }) => {
                self.policy = *policy;
                self.router.replace_domains(domains);
                self.router.replace_security(security);
                // Whoever replaced it may have stopped to wait.
                let _ = reply.send(());
            }
            Some(Command::ReplaceRoutes { routes, reply }) => {
                self.routes = routes;
                // Whoever replaced them may have stopped to wait.
                let _ = reply.send(());
            }
            Some(Command::ReplaceTls {
                tls,
                trust,
                revocation_lists,
                reply,
            }) => {
                self.connections.replace_tls(tls);
                self.trust = trust;
                self.revocation_lists = revocation_lists;
                // Whoever replaced it may have stopped to wait.
                let _ = reply.send(());
            }
            Some(Command::Shutdown) | None => self.close(),
        }
    }

    fn post(&mut self, stanza: Stanza, tracking: Tracking) -> Taken<SendError> {
        if self.outlet.is_full() {
            return Err((Box::new(stanza), SendError::EventsUnread));
        }
        let now = Instant::now();
        let sent = match tracking {
            Tracking::Tracked => self.router.send_tracked(now, stanza).map(Some),
            Tracking::Untracked => self.router.send(now, stanza).map(|()| None),
        };
        sent.map_err(|(stanza, error)| (stanza, error.into()))
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
        let now = Instant::now();
        match self.router.accept_from(now, transport, peer.ip()) {
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
            self.show(connection, Direction::Outbound, &bytes);
            self.connections.write(&mut self.router, connection, bytes);
        }
    }

    fn show(&self, connection: ConnectionId, direction: Direction, bytes: &[u8]) {
        if let Some(tap) = &self.tap {
            tap.show(Traffic {
                now: Instant::now(),
                direction,
                line: Line::Connection(connection),
                bytes,
            });
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
                // It took too long, if it was a dial at all.
                self.dials.fail(Instant::now(), connection, &Fault::Timeout);
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
                self.dials.begin(connection, &domain, &target);
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
            router::Event::Sent { connection, id } => {
                self.outlet.emit(Event::Sent { connection, id });
            }
            router::Event::Stanza {
                connection,
                stanza,
                method,
                receipt,
            } => self.outlet.emit(Event::Stanza {
                connection,
                stanza,
                method,
                receipt,
            }),
            router::Event::StartTls { connection, role } => {
                self.connections
                    .start_tls(&mut self.router, connection, role);
            }
            router::Event::Undelivered {
                stanza,
                id,
                failure,
            } => self.outlet.emit(Event::Undelivered {
                stanza,
                id,
                failure,
            }),
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
                self.dials.succeed(connection);
                self.outlet.emit(Event::Connected { connection });
                self.connections.park(connection);
                self.router.handle_connected(now, connection);
            }
            Report::ConnectFailed(reason) => {
                self.dials.fail(now, connection, &Fault::Unreachable);
                self.connections.close(connection);
                self.router.handle_connect_failed(now, connection, &reason);
                self.outlet
                    .emit(Event::ConnectFailed { connection, reason });
            }
            Report::Input(bytes) => {
                self.connections.park(connection);
                self.show(connection, Direction::Inbound, &bytes);
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
        Command::Send(handover) => handover.refuse(SendError::Closed),
        // Dropping the reply tells that nothing was replaced.
        Command::Replace { .. }
        | Command::ReplaceRoutes { .. }
        | Command::ReplaceTls { .. }
        | Command::Shutdown => {}
    }
}
