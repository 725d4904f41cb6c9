//! The task that owns the endpoint, its sockets and its connections.

mod clock;
mod peers;
mod places;

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use comity_machine::Timers;
use comity_sip::endpoint::{Endpoint, Event};
use comity_sip::{ConnectionId, Flow, Transport};
use comity_srv::AddressPolicy;
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
    pub(super) errands: Errands,
    pub(super) address_policy: AddressPolicy,
    pub(super) limits: Limits,
    pub(super) commands: mpsc::Receiver<Command>,
}

/// A socket that peers connect to.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) transport: Transport,
    pub(super) listener: TcpListener,
    /// It failed, and is left alone for a moment.
    pub(super) rests: bool,
}

/// Moves bytes and answers between the endpoint and the world.
pub(super) struct Driver<A> {
    endpoint: Endpoint,
    application: A,
    sockets: Vec<Datagrams>,
    listeners: Vec<Listening>,
    connections: Connections,
    /// The connections that are ending.
    endings: JoinSet<()>,
    errands: Errands,
    address_policy: AddressPolicy,
    limits: Limits,
    commands: mpsc::Receiver<Command>,
    timers: Timers<Timer>,
    clock: Clock,
    /// For what is read.
    input: Vec<u8>,
    /// For what is to be sent.
    output: Vec<u8>,
    has_ended: bool,
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
            connections: Connections::new(parts.limits.max_unsent_bytes),
            endings: JoinSet::new(),
            errands: parts.errands,
            address_policy: parts.address_policy,
            limits: parts.limits,
            commands: parts.commands,
            timers: Timers::default(),
            clock: Clock::new(),
            input: vec![0; INPUT_BYTES],
            output: Vec::new(),
            has_ended: false,
        }
    }

    /// Runs until the server is shut down and its connections have ended.
    pub(super) async fn run(mut self) {
        while poll_fn(|cx| self.turn(cx)).await == Turn::Again {
            // Not by a wake-up of our own: the sockets are looked at in between.
            yield_now().await;
        }
        self.shut_down().await;
    }

    /// Does some of everything that can be done.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut more = self.take_datagrams(cx);
        more |= self.take_peers(cx);
        more |= self.take_woken(cx);
        more |= self.take_commands(cx);
        more |= self.take_done(cx);
        while self.endings.poll_join_next(cx).map(|end| end.is_some()) == Poll::Ready(true) {}
        more |= self.take_time(cx);
        more |= self.send_datagrams(cx);
        if self.has_ended {
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
                    self.endpoint.handle_datagram(now, local, source, datagram);
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
                    let input = self.input.get(..len).unwrap_or_default();
                    self.endpoint.handle_input(now, connection, input);
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
                    work(now, &mut self.endpoint);
                    self.settle(now);
                }
                Poll::Ready(Some(Command::Shutdown) | None) => {
                    self.has_ended = true;
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
                Done::Secured { peer, outcome } => match outcome {
                    Ok((stream, proof)) => {
                        self.accept(Transport::Tls, stream, peer, Some(proof));
                    }
                    Err(reason) => self.turn_away(Transport::Tls, peer, reason),
                },
                Done::Dialled(dialled) => self.take_dialled(now, dialled),
                Done::Located {
                    query,
                    host,
                    outcome,
                } => self.answer(now, query, host, outcome),
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
        let deadlines = [self.endpoint.poll_timeout(), self.timers.next_deadline()];
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
        }
    }

    /// Does what the endpoint wants, and sends what is to be sent.
    fn settle(&mut self, now: Instant) {
        loop {
            self.transmit();
            if let Some(event) = self.endpoint.poll_event() {
                self.act(now, event);
            } else if let Some(connection) = self.connections.next_written() {
                self.flush(now, connection);
            } else {
                return;
            }
        }
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit(&mut self.output) {
            match transmit.flow {
                Flow::Connection(connection) => self.connections.write(connection, &self.output),
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
                name,
            } => self.errands.dial(connection, transport, remote, name),
            Event::Disconnect(connection) => {
                if !self.errands.stop_dial(connection) {
                    self.close(connection, CloseReason::ByEndpoint);
                }
            }
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
/// Datagrams that one socket is read for before it is the turn of others.
const MAX_DATAGRAMS: usize = 64;
/// Connections that go on before it is the turn of others.
const MAX_WOKEN: usize = 64;
/// How often one connection is read before it is the turn of others.
const MAX_READS: usize = 4;
/// Commands that are obeyed before it is the turn of others.
const MAX_COMMANDS: usize = 64;
