//! The task that owns the connection of a link.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use comity_identity::{Direction, Host};
use comity_machine::Random;
use comity_xmpp::stream::component::{self, SendError as Refusal};
use comity_xmpp::stream::{CloseReason, SendId};
use comity_xmpp::{Component, Stanza};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::config::Config;
use super::event::{Event, Failure};
use super::link::{Command, SendError};
use super::queue::{Parcel, Queue};
use crate::clock;
use crate::connection::outbox::Outbox;
use crate::connection::read_chunk;
use crate::handover::Tracking;
use crate::outlet::{Audience, Outlet};
use crate::tap::{self, Traffic};

/// Keeps a stream to the server.
pub(super) struct Driver {
    config: Config,
    random: Random,
    outlet: Outlet<Event>,
    queue: Queue,
    /// What was given to the stream, until it is written.
    on_its_way: BTreeMap<SendId, Tracking>,
    last_id: u64,
    /// How long the last wait for the server was, if it was not there then.
    last_wait: Option<Duration>,
    /// When the next attempt begins.
    next_attempt: Instant,
    is_stopping: bool,
}

/// One connection and its stream.
struct Line {
    component: Component,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    outbox: Outbox,
    is_established: bool,
    /// What the stream has not written at its end.
    unwritten: Vec<Parcel>,
    /// Why the stream has ended, once it has.
    end: Option<CloseReason>,
}

impl Driver {
    pub(super) fn new(
        now: Instant,
        config: Config,
        events: mpsc::Sender<Event>,
        seed: [u8; 32],
    ) -> Self {
        Self {
            outlet: Outlet::new(events, config.limits.max_unread_events),
            random: Random::from_seed(seed),
            queue: Queue::default(),
            on_its_way: BTreeMap::new(),
            last_id: 0,
            last_wait: None,
            next_attempt: now,
            is_stopping: false,
            config,
        }
    }

    /// Runs until the link is shut down and its connection has ended.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while !self.is_stopping {
            if let Some(stream) = self.connect(&mut commands).await {
                self.serve(stream, &mut commands).await;
            }
        }
        self.bounce(&Failure::Shutdown);
        commands.close();
        while let Some(command) = commands.recv().await {
            refuse(command);
        }
        // What was said last is for who still listens.
        let patience = self.config.limits.write_timeout;
        let outlet = &mut self.outlet;
        let last_words =
            async { while !outlet.is_clear() && outlet.advance().await == Audience::Listens {} };
        let _ = timeout(patience, last_words).await;
    }

    /// Waits for its time and makes a connection; none if that fails or the link is to end.
    async fn connect(&mut self, commands: &mut mpsc::Receiver<Command>) -> Option<TcpStream> {
        let wait = self.config.limits.connect_timeout;
        let (host, port) = (self.config.host.clone(), self.config.port);
        let start = self.next_attempt;
        let attempt = async move {
            clock::until(Some(start)).await;
            timeout(wait, dial(&host, port)).await
        };
        tokio::pin!(attempt);
        let made = loop {
            tokio::select! {
                made = &mut attempt => break made,
                command = commands.recv() => self.obey(command, None),
                audience = self.outlet.advance() => {
                    self.is_stopping |= audience == Audience::Gone;
                }
            }
            if self.is_stopping {
                return None;
            }
        };
        let reason = match made {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "it takes too long".to_owned(),
        };
        let failure = Failure::Unreachable(reason.into());
        self.bounce(&failure);
        self.lost(failure);
        None
    }

    /// Serves a connection to its end.
    async fn serve(&mut self, stream: TcpStream, commands: &mut mpsc::Receiver<Command>) {
        // A stanza should not wait for the next one; that it would is no reason to give up.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let rules = self.config.component.clone();
        let mut line = Line {
            component: Component::new(Instant::now(), rules, self.random.seed()),
            reader,
            writer,
            outbox: Outbox::default(),
            is_established: false,
            unwritten: Vec::new(),
            end: None,
        };
        let reason = loop {
            self.pump(&mut line);
            if let Some(reason) = line.end.take() {
                break reason;
            }
            self.step(&mut line, commands).await;
        };
        let failure = Failure::Ended(reason);
        for parcel in std::mem::take(&mut line.unwritten) {
            self.undelivered(parcel, failure.clone());
        }
        // What waited for room may wait for the next attempt.
        if !line.is_established {
            self.bounce(&failure);
        }
        self.lost(failure);
        line.finish(self.config.limits.write_timeout).await;
    }

    /// Waits for one thing to happen on a line, or in the world.
    async fn step(&mut self, line: &mut Line, commands: &mut mpsc::Receiver<Command>) {
        let reads = line.component.wants_input() && self.outlet.is_clear();
        let stalls = line.outbox.deadline(self.config.limits.write_timeout);
        let mut input = Vec::new();
        tokio::select! {
            () = clock::until(line.component.poll_timeout()) => {
                line.component.handle_timeout(Instant::now());
            }
            read = read_chunk(&mut line.reader, &mut input), if reads => match read {
                Ok(1..) => {
                    self.show(Direction::Inbound, &input);
                    line.component.handle_input(Instant::now(), &input);
                }
                Ok(0) | Err(_) => line.component.handle_eof(Instant::now()),
            },
            sent = line.outbox.advance(&mut line.writer), if line.outbox.is_pending() => match sent {
                Ok(Some(bytes)) => line.component.handle_written(Instant::now(), bytes),
                Ok(None) => {}
                Err(_lost) => line.component.handle_eof(Instant::now()),
            },
            () = clock::until(stalls) => line.component.handle_eof(Instant::now()),
            command = commands.recv(), if !self.is_stopping => {
                self.obey(command, Some(&mut line.component));
            }
            audience = self.outlet.advance(), if !self.outlet.is_clear() || !self.is_stopping => {
                if audience == Audience::Gone {
                    self.obey(None, Some(&mut line.component));
                }
            }
        }
    }

    /// Does what the stream wants, and gives it what waits.
    fn pump(&mut self, line: &mut Line) {
        loop {
            self.transmit(line);
            match line.component.poll_event() {
                Some(event) => self.act(event, line),
                None => break,
            }
        }
        if line.end.is_none() && self.hand_over(&mut line.component) {
            // What it was given is to leave.
            self.transmit(line);
        }
    }

    fn transmit(&self, line: &mut Line) {
        let mut bytes = Vec::new();
        while line.component.poll_transmit(&mut bytes).is_some() {
            let bytes = std::mem::take(&mut bytes);
            self.show(Direction::Outbound, &bytes);
            line.outbox.push(bytes);
        }
    }

    fn show(&self, direction: Direction, bytes: &[u8]) {
        if let Some(tap) = &self.config.tap {
            tap.show(Traffic {
                now: Instant::now(),
                direction,
                line: tap::Line::Component(&self.config.component.domain),
                bytes,
            });
        }
    }

    fn act(&mut self, event: component::Event, line: &mut Line) {
        match event {
            component::Event::Closed(reason) => line.end = Some(reason),
            component::Event::Dropped(reason) => self.outlet.emit(Event::Dropped(reason)),
            component::Event::Established => {
                line.is_established = true;
                self.last_wait = None;
                self.outlet.emit(Event::Established);
            }
            component::Event::Sent { id } => self.sent(id),
            component::Event::Stanza { stanza } => self.outlet.emit(Event::Stanza { stanza }),
            component::Event::Unwritten { stanza, id } => {
                let tracking = self.on_its_way.remove(&id);
                line.unwritten.push(Parcel {
                    stanza,
                    id,
                    tracking: tracking.unwrap_or(Tracking::Untracked),
                });
            }
            _ => {}
        }
    }

    fn sent(&mut self, id: SendId) {
        if self.on_its_way.remove(&id) == Some(Tracking::Tracked) {
            self.outlet.emit(Event::Sent { id });
        }
    }

    /// Gives the stream what waits, as far as it takes it; false if it took nothing.
    fn hand_over(&mut self, component: &mut Component) -> bool {
        let mut some = false;
        while let Some(parcel) = self.queue.first() {
            let (id, tracking) = (parcel.id, parcel.tracking);
            match component.send_tracked(Instant::now(), &parcel.stanza, id) {
                Ok(()) => {
                    self.on_its_way.insert(id, tracking);
                    self.queue.pop();
                    some = true;
                }
                Err(Refusal::NotEstablished | Refusal::Closed | Refusal::Full) => break,
                Err(refusal) => {
                    if let Some(parcel) = self.queue.pop() {
                        self.undelivered(parcel, Failure::Refused(refusal));
                    }
                }
            }
        }
        some
    }

    fn obey(&mut self, command: Option<Command>, component: Option<&mut Component>) {
        match command {
            Some(Command::Send(handover)) => {
                handover.take(|stanza, tracking| match self.check(&stanza) {
                    Ok(()) => {
                        let id = self.take(stanza, tracking);
                        Ok((tracking == Tracking::Tracked).then_some(id))
                    }
                    Err(reason) => Err((Box::new(stanza), reason)),
                });
            }
            Some(Command::Shutdown) | None => {
                self.is_stopping = true;
                if let Some(component) = component {
                    component.close(Instant::now());
                }
            }
        }
    }

    fn check(&self, stanza: &Stanza) -> Result<(), SendError> {
        if *stanza.from().domain() != self.config.component.domain {
            return Err(SendError::NotLocal);
        }
        if self.outlet.is_full() {
            return Err(SendError::EventsUnread);
        }
        if !self.queue.has_room(stanza, &self.config.limits) {
            return Err(SendError::Full);
        }
        Ok(())
    }

    fn take(&mut self, stanza: Stanza, tracking: Tracking) -> SendId {
        // Nobody sends so many that they begin anew.
        self.last_id = self.last_id.saturating_add(1);
        let number = NonZeroU64::new(self.last_id).unwrap_or(NonZeroU64::MIN);
        let id = SendId::new(number);
        self.queue.push(Parcel {
            stanza,
            id,
            tracking,
        });
        id
    }

    /// There is no stream: says why, and when the next attempt begins.
    fn lost(&mut self, failure: Failure) {
        if self.is_stopping {
            return;
        }
        let limits = &self.config.limits;
        let wait = match self.last_wait {
            Some(last) => last.saturating_mul(2),
            None => limits.min_wait,
        };
        let wait = wait.min(limits.max_wait);
        self.last_wait = Some(wait);
        // Up to a quarter less, so that not all come back at once.
        let millis = u64::try_from(wait.as_millis() / 4).unwrap_or(u64::MAX);
        let less = Duration::from_millis(self.random.below(millis.saturating_add(1)));
        let wait = wait.saturating_sub(less);
        let now = Instant::now();
        self.next_attempt = now.checked_add(wait).unwrap_or(now);
        self.outlet.emit(Event::Lost { failure, wait });
    }

    /// Gives back all that waits.
    fn bounce(&mut self, failure: &Failure) {
        while let Some(parcel) = self.queue.pop() {
            self.undelivered(parcel, failure.clone());
        }
    }

    fn undelivered(&mut self, parcel: Parcel, failure: Failure) {
        let id = parcel.told_id();
        let stanza = parcel.stanza;
        self.outlet.emit(Event::Undelivered {
            stanza,
            id,
            failure,
        });
    }
}

impl Line {
    /// Sends what is left, and ends our direction.
    async fn finish(mut self, patience: Duration) {
        let goodbye = async {
            while self.outbox.is_pending() {
                self.outbox.advance(&mut self.writer).await?;
            }
            self.writer.shutdown().await
        };
        // What takes longer is cut off.
        let _ = timeout(patience, goodbye).await;
    }
}

async fn dial(host: &Host, port: u16) -> std::io::Result<TcpStream> {
    match host {
        Host::Ip(address) => TcpStream::connect((*address, port)).await,
        Host::Domain(name) => TcpStream::connect((name.as_str(), port)).await,
    }
}

fn refuse(command: Command) {
    match command {
        Command::Send(handover) => handover.refuse(SendError::Closed),
        Command::Shutdown => {}
    }
}
