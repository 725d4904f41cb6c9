//! The task that owns the endpoint, its sockets and its connections.

mod clock;
mod peers;
mod places;
mod tap;

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use comity_identity::Host;
use comity_machine::Timers;
use comity_sip::endpoint::{Endpoint, Event};
use comity_sip::{ConnectionId, Flow, Transport};
use comity_srv::AddressPolicy;
use comity_srv::attempts::Health;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use self::clock::Clock;
use super::application::Application;
use super::config::Limits;
use super::connections::{Connections, Flushed, Read};
use super::datagrams::Datagrams;
use super::ending::end;
use super::errands::{Done, Errands};
use super::notice::{CloseReason, Notice};
use super::server::Command;

/// What the driver is made of.
pub(super) struct Parts<A> {
    pub(super) endpoint: Endpoint,
    pub(super) application: A,
    pub(super) sockets: Vec<Datagrams>,
    pub(super) listeners: Vec<Listening>,
    /// What we have, the first choice first.
    pub(super) transports: Vec<Transport>,
    pub(super) errands: Errands,
    pub(super) address_policy: AddressPolicy,
    pub(super) limits: Limits,
    pub(super) commands: mpsc::Receiver<Command<A>>,
}

/// A socket that peers connect to.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) transport: Transport,
    pub(super) listener: TcpListener,
    /// Its place in the configuration.
    pub(super) place: usize,
    /// It failed, and is left alone for a moment.
    pub(super) rests: bool,
}

/// Moves bytes and answers between the endpoint and the world.
pub(super) struct Driver<A> {
    endpoint: Endpoint,
    application: A,
    sockets: Vec<Datagrams>,
    listeners: Vec<Listening>,
    transports: Vec<Transport>,
    connections: Connections,
    /// The connections that are ending.
    endings: JoinSet<()>,
    errands: Errands,
    /// Which servers could not be reached a moment ago.
    health: Health,
    address_policy: AddressPolicy,
    limits: Limits,
    commands: mpsc::Receiver<Command<A>>,
    timers: Timers<Timer>,
    clock: Clock,
    /// For what is read.
    input: Vec<u8>,
    /// For what is to be sent.
    output: Vec<u8>,
    /// Whether the endpoint keeps what comes.
    is_watched: bool,
    phase: Phase,
}

/// How far the life of a driver has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Serves,
    /// It is to be shut down.
    Stopped,
    /// The application ends what goes on.
    Settles,
}

/// What a timer of the driver ends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// A listener rests.
    Rest(usize),
    /// A peer does not read.
    Write(ConnectionId),
    /// A peer's certificate is valid.
    Certificate(ConnectionId),
    /// No handshake makes room for others yet.
    Seat,
}

/// Whether there is something to do at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    Again,
    End,
}

impl<A: Application> Driver<A> {
    pub(super) fn new(parts: Parts<A>) -> Self {
        Self {
            endpoint: parts.endpoint,
            application: parts.application,
            sockets: parts.sockets,
            listeners: parts.listeners,
            transports: parts.transports,
            connections: Connections::new(&parts.limits),
            endings: JoinSet::new(),
            errands: parts.errands,
            health: Health::default(),
            address_policy: parts.address_policy,
            limits: parts.limits,
            commands: parts.commands,
            timers: Timers::default(),
            clock: Clock::new(),
            input: vec![0; INPUT_BYTES],
            output: Vec::new(),
            is_watched: false,
            phase: Phase::Serves,
        }
    }

    /// Runs until the server is shut down and its connections have ended.
    pub(super) async fn run(mut self) {
        self.serve().await;
        self.listeners.clear();
        self.phase = Phase::Settles;
        let now = Instant::now();
        self.application.handle_shutdown(now, &mut self.endpoint);
        self.settle(now);
        // An application that takes longer is not waited for.
        let _ = timeout(self.limits.settle_timeout, self.serve()).await;
        self.shut_down().await;
    }

    /// Takes turns until the phase is over.
    async fn serve(&mut self) {
        while poll_fn(|cx| self.turn(cx)).await == Turn::Again {
            // Not by a wake-up of our own: the sockets are looked at in between.
            yield_now().await;
        }
    }

    /// Does some of everything that can be done.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut more = self.take_datagrams(cx);
        more |= self.take_peers(cx);
        more |= self.take_woken(cx);
        more |= self.take_commands(cx);
        more |= self.take_done(cx);
        while self.endings.poll_join_next(cx).map(|end| end.is_some()) == Poll::Ready(true) {}
        // Before the clock is asked: it may begin a wait. What is written after this begins a new turn.
        self.flush_written();
        more |= self.take_time(cx);
        more |= self.send_datagrams(cx);
        let is_over = match self.phase {
            Phase::Serves => false,
            Phase::Stopped => true,
            Phase::Settles => {
                let is_sent = self.sockets.iter().all(Datagrams::is_sent);
                is_sent && self.application.is_settled(&self.endpoint)
            }
        };
        if is_over {
            Poll::Ready(Turn::End)
        } else if more {
            Poll::Ready(Turn::Again)
        } else {
            self.application.handle_idle();
            Poll::Pending
        }
    }

    /// Takes what came to the UDP sockets; true if there may be more.
    fn take_datagrams(&mut self, cx: &mut Context<'_>) -> bool {
        let mut more = false;
        for index in 0..self.sockets.len() {
            let mut left = MAX_DATAGRAMS;
            while left > 0
                && let Some(socket) = self.sockets.get(index)
                && let Poll::Ready(received) = socket.poll_recv(cx, &mut self.input)
            {
                left -= 1;
                // An error tells of something that was sent earlier, and not where to.
                if let Ok((len, source)) = received {
                    let local = socket.local();
                    let datagram = self.input.get(..len).unwrap_or_default();
                    let datagram = Bytes::copy_from_slice(datagram);
                    let now = Instant::now();
                    self.watch();
                    self.endpoint.handle_datagram(now, local, source, datagram);
                    self.show_received(now);
                    self.settle(now);
                }
            }
            more |= left == 0;
        }
        more
    }

    /// Goes on with the connections that can; true if there may be more.
    fn take_woken(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..MAX_WOKEN {
            match self.connections.poll_woken(cx) {
                Poll::Ready(connection) => self.go_on(connection),
                Poll::Pending => return false,
            }
        }
        true
    }

    fn go_on(&mut self, connection: ConnectionId) {
        let mut now = Instant::now();
        self.flush(now, connection);
        self.settle(now);
        for _ in 0..MAX_READS {
            if !self.endpoint.wants_input(connection) {
                return;
            }
            let buf = self.input.get_mut(..CHUNK_BYTES).unwrap_or_default();
            match self.connections.read(connection, buf) {
                Read::Some(len) => {
                    now = Instant::now();
                    self.watch();
                    let input = self.input.get(..len).unwrap_or_default();
                    self.endpoint.handle_input(now, connection, input);
                    self.show_received(now);
                    self.settle(now);
                }
                Read::Nothing => return,
                Read::Over(reason) => {
                    self.lose(now, connection, reason);
                    self.settle(now);
                    return;
                }
            }
        }
        self.connections.wake(connection);
    }

    fn take_commands(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..MAX_COMMANDS {
            match self.commands.poll_recv(cx) {
                Poll::Ready(Some(Command::Call(work))) => {
                    let now = Instant::now();
                    work(now, &mut self.endpoint, &mut self.application);
                    self.settle(now);
                }
                Poll::Ready(Some(Command::Secure(secure))) => self.errands.replace_secure(secure),
                Poll::Ready(Some(Command::Shutdown) | None) => {
                    if self.phase == Phase::Serves {
                        self.phase = Phase::Stopped;
                    }
                    return false;
                }
                Poll::Pending => return false,
            }
        }
        true
    }

    /// Takes the ends of errands; true if something may have become possible by that.
    fn take_done(&mut self, cx: &mut Context<'_>) -> bool {
        let mut some = false;
        while let Poll::Ready(done) = self.errands.poll_done(cx) {
            some = true;
            let now = Instant::now();
            match done {
                // A peer that came too late is closed.
                Done::Admitted { .. } if self.phase == Phase::Settles => {}
                Done::Admitted { peer, outcome } => match outcome {
                    Ok((stream, proof)) => {
                        let is_secure = proof.is_some();
                        let transport = if is_secure {
                            Transport::Tls
                        } else {
                            Transport::Tcp
                        };
                        self.accept(transport, stream, peer, proof);
                    }
                    Err(reason) => self.turn_away(Transport::Tls, peer, reason),
                },
                Done::Dialled(dialled) => self.take_dialled(now, dialled),
                Done::Located { sought, outcome } => {
                    let host = Host::Domain(sought.name.clone());
                    for query in self.errands.finish_lookup(&sought) {
                        self.answer(now, query, host.clone(), outcome.clone());
                    }
                }
            }
            self.settle(now);
        }
        some
    }

    /// Sends the datagrams of this turn; true if the endpoint did something about those that cannot
    /// be delivered.
    fn send_datagrams(&mut self, cx: &mut Context<'_>) -> bool {
        let mut unreachable = Vec::new();
        for socket in &mut self.sockets {
            if let Some(count) = socket.poll_flush(cx) {
                self.application
                    .handle_notice(Notice::DatagramsDropped { count });
            }
            unreachable.extend(std::iter::from_fn(|| socket.next_unreachable()));
        }
        for &remote in &unreachable {
            let now = Instant::now();
            self.endpoint.handle_unreachable(now, remote);
            self.settle(now);
        }
        !unreachable.is_empty()
    }

    /// Does what is due; true if something was.
    fn take_time(&mut self, cx: &mut Context<'_>) -> bool {
        let deadlines = [
            self.endpoint.poll_timeout(),
            self.application.poll_timeout(),
            self.timers.next_deadline(),
        ];
        let Some(deadline) = deadlines.into_iter().flatten().min() else {
            return false;
        };
        if self.clock.poll_until(cx, deadline).is_pending() {
            return false;
        }
        let now = Instant::now();
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now) {
            self.endpoint.handle_timeout(now);
            self.settle(now);
        }
        if self
            .application
            .poll_timeout()
            .is_some_and(|due| due <= now)
        {
            self.application.handle_timeout(now, &mut self.endpoint);
            self.settle(now);
        }
        while let Some(timer) = self.timers.pop_expired(now) {
            self.end_timer(now, timer);
            self.settle(now);
        }
        true
    }

    fn end_timer(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Rest(index) => {
                if let Some(listening) = self.listeners.get_mut(index) {
                    listening.rests = false;
                }
            }
            Timer::Write(connection) => {
                let Some(since) = self.connections.waits_since(connection) else {
                    return;
                };
                match since.checked_add(self.limits.write_timeout) {
                    Some(due) if due > now => self.timers.set(timer, due),
                    Some(_) | None => self.lose(now, connection, CloseReason::Unread),
                }
            }
            Timer::Certificate(connection) => self.lose(now, connection, CloseReason::Expired),
            // Behind this the listeners are looked at again.
            Timer::Seat => {}
        }
    }

    /// Does what the endpoint wants. What it writes leaves together, in this turn or the next.
    fn settle(&mut self, now: Instant) {
        loop {
            self.transmit(now);
            match self.endpoint.poll_event() {
                Some(event) => self.act(now, event),
                None => return,
            }
        }
    }

    /// Sends what was written in this turn.
    fn flush_written(&mut self) {
        while let Some(connection) = self.connections.next_written() {
            let now = Instant::now();
            self.flush(now, connection);
            self.settle(now);
        }
    }

    fn transmit(&mut self, now: Instant) {
        while let Some(transmit) = self.endpoint.poll_transmit(&mut self.output) {
            self.show_sent(now, transmit.flow);
            match transmit.flow {
                Flow::Connection(connection) => {
                    let written = self.connections.write(connection, &self.output);
                    if written >= FLUSHED_BYTES {
                        self.flush(now, connection);
                    }
                }
                Flow::Datagrams { local, remote } => {
                    let mut sockets = self.sockets.iter_mut();
                    if let Some(socket) = sockets.find(|socket| socket.local() == local) {
                        socket.send(&self.output, remote);
                    }
                }
            }
            self.output.clear();
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever the endpoint has to say to its user, the driver passes on"
    )]
    fn act(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connect {
                connection,
                transport,
                remote,
                names,
            } => self.errands.dial(connection, transport, remote, names),
            Event::Disconnect(connection) => match self.errands.stop_dial(connection) {
                Some(dial) => self.note_late(now, &dial),
                None => self.close(connection, CloseReason::ByEndpoint),
            },
            Event::Locate { query, hop } => self.locate(now, query, hop),
            event => self
                .application
                .handle_event(now, &mut self.endpoint, event),
        }
    }

    fn flush(&mut self, now: Instant, connection: ConnectionId) {
        match self.connections.flush(now, connection) {
            Flushed::Done => {}
            Flushed::Waits => {
                let since = self.connections.waits_since(connection).unwrap_or(now);
                let wait = self.limits.write_timeout;
                self.timers.set_after(Timer::Write(connection), since, wait);
            }
            Flushed::Failed(reason) => self.lose(now, connection, reason),
        }
    }

    /// Ends a connection that the endpoint still knows.
    fn lose(&mut self, now: Instant, connection: ConnectionId, reason: CloseReason) {
        self.close(connection, reason);
        self.endpoint.handle_closed(now, connection);
    }

    /// Ends a connection, in order if that is possible.
    fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        let Some((stream, rest)) = self.connections.remove(connection) else {
            return;
        };
        for timer in [Timer::Write, Timer::Certificate] {
            self.timers.stop(timer(connection));
        }
        match reason {
            CloseReason::ByPeer | CloseReason::ByEndpoint | CloseReason::Expired
                if self.endings.len() >= self.limits.max_ending => {}
            CloseReason::ByPeer
            | CloseReason::ByEndpoint
            | CloseReason::Expired
            | CloseReason::Shutdown => {
                self.endings.spawn(end(stream, rest, self.limits.clone()));
            }
            CloseReason::Lost(_) | CloseReason::Unread => {}
        }
        self.application
            .handle_notice(Notice::Closed { connection, reason });
    }

    /// Ends everything in order.
    async fn shut_down(mut self) {
        self.listeners.clear();
        self.errands.stop();
        for connection in self.connections.ids() {
            self.close(connection, CloseReason::Shutdown);
        }
        let ended = async { while self.endings.join_next().await.is_some() {} };
        // What takes longer is cut off.
        let _ = timeout(self.limits.shutdown_timeout, ended).await;
        self.commands.close();
    }
}

/// The longest datagram.
const INPUT_BYTES: usize = 64 * 1024;
/// What is read of a connection at once, so that the answers find room.
const CHUNK_BYTES: usize = 32 * 1024;
/// What a connection is given at once, at least, before the turn ends: a record of TLS.
const FLUSHED_BYTES: usize = 16 * 1024;
/// Datagrams that one socket is read for before it is the turn of others.
const MAX_DATAGRAMS: usize = 64;
/// Connections that go on before it is the turn of others.
const MAX_WOKEN: usize = 64;
/// How often one connection is read before it is the turn of others.
const MAX_READS: usize = 4;
/// Commands that are obeyed before it is the turn of others.
const MAX_COMMANDS: usize = 64;
