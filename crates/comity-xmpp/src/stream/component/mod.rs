//! A domain that joins an XMPP server from outside, as a component of it (XEP-0114).

mod config;
mod event;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use comity_machine::{Random, Timers};

pub use config::{Config, KeepAlive, Limits, Secret};
pub use event::{DropReason, Event, SendError};

use super::core::Life;
use super::output::{Detail, Output, as_u64};
use super::reader::{Frame, Header, Reader};
use super::reason::{CloseReason, PeerError, Rejection, Stage};
use super::sent::{Kept, SendId, Unwritten};
use crate::decision::Channel;
use crate::dialback::hex;
use crate::stanza::ViewError;
use crate::xml::Element;
use crate::{Jid, Stanza, StanzaKind, StreamCondition, ns};

/// The stream of one component to its server, which the component has connected to
/// (`jabber:component:accept`).
///
/// The server routes to the component what is for its domain, and takes from it what the users of
/// that domain send, to whomever. Each stanza is in the namespace of stanzas between servers on this
/// side: [`Event::Stanza`] gives it so, with the bytes that came where they say the same there, and
/// [`send`](Self::send) takes it so. Several domains are several components, each with a connection
/// of its own.
///
/// The server believes every address of the domain, and proves nothing of itself: the connection
/// should not leave the machine or a network that both trust.
///
/// ```
/// use std::time::Instant;
/// use comity_xmpp::Component;
/// use comity_xmpp::stream::component::{Config, Event, Secret};
///
/// let now = Instant::now();
/// let config = Config::new("plays.shakespeare.example".parse()?, Secret::new("test"));
/// let mut component = Component::new(now, config, [7; 32]);
/// component.handle_input(now, b"<stream:stream xmlns='jabber:component:accept' \
///     xmlns:stream='http://etherx.jabber.org/streams' from='plays.shakespeare.example' \
///     id='3BF96D32'><handshake/>");
///
/// let mut sent = Vec::new();
/// while component.poll_transmit(&mut sent).is_some() {}
/// let proof = b"<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>";
/// assert!(sent.ends_with(proof));
/// assert!(matches!(component.poll_event(), Some(Event::Established)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Component {
    now: Instant,
    config: Config,
    random: Random,
    timers: Timers<Timer>,
    reader: Reader,
    output: Output,
    events: VecDeque<Event>,
    unwritten: Unwritten,
    state: State,
    life: Life,
    /// Why we closed our direction, if we did.
    closing_for: CloseReason,
    /// The id of the last ping that was not answered.
    ping: Option<Box<str>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    AwaitHeader,
    /// The header cannot be used, as that of a server that does not want the component: the error
    /// behind it says more.
    AwaitError(Rejection),
    /// Our proof was sent.
    AwaitHandshake,
    Open,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// The server has not closed its direction.
    Close,
    /// It has been quiet.
    KeepAlive,
    /// The server has not accepted the component.
    Negotiation,
    /// Nothing has come since a ping.
    Ping,
}

impl Component {
    /// Begins the stream on a connection that was made to the server.
    #[must_use]
    pub fn new(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        let limits = &config.limits;
        let mut timers = Timers::default();
        timers.set_after(Timer::Negotiation, now, limits.negotiation_timeout);
        let mut output = Output::default();
        output.component_header(&config.domain.to_unicode());
        Self {
            now,
            random: Random::from_seed(seed),
            timers,
            reader: Reader::of_component(limits.negotiation),
            output,
            events: VecDeque::new(),
            unwritten: Unwritten::default(),
            state: State::AwaitHeader,
            life: Life::Open,
            closing_for: CloseReason::Closed,
            ping: None,
            config,
        }
    }

    /// Takes bytes that arrived from the server.
    pub fn handle_input(&mut self, now: Instant, input: &[u8]) {
        self.now = now;
        let mut rest = input;
        while !rest.is_empty() && self.life != Life::Closed {
            match self.reader.next_frame(&mut rest) {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => break,
                Err(error) => self.reject(error.into()),
            }
        }
        self.note_input();
    }

    /// Takes the end of the server's bytes.
    pub fn handle_eof(&mut self, now: Instant) {
        self.now = now;
        self.finish(self.ended_by(CloseReason::ConnectionLost));
    }

    /// Acts on every deadline that has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.timers.pop_expired(now) {
            match timer {
                Timer::Close => self.finish(CloseReason::TimedOut(Stage::Close)),
                Timer::KeepAlive => self.keep_alive(),
                Timer::Negotiation => self.give_up(Stage::Negotiation),
                Timer::Ping => self.give_up(Stage::Ping),
            }
        }
    }

    /// Notes that the driver has written so many bytes more of those that
    /// [`poll_transmit`](Self::poll_transmit) gave: to the socket, so that the end of this program
    /// would not take them back. Without stanzas that are tracked nobody needs to know.
    pub fn handle_written(&mut self, now: Instant, bytes: usize) {
        self.now = now;
        if self.life == Life::Closed {
            return;
        }
        self.unwritten.note_written(as_u64(bytes));
        while let Some(kept) = self.unwritten.pop_written() {
            self.events.extend(kept.id.map(|id| Event::Sent { id }));
        }
    }

    /// Sends a stanza from the component's domain.
    ///
    /// # Errors
    ///
    /// The stanza was not taken.
    pub fn send(&mut self, now: Instant, stanza: &Stanza) -> Result<(), SendError> {
        self.now = now;
        self.write(stanza, None)
    }

    /// Does the same, and tells with [`Event::Sent`] when the driver has
    /// [written](Self::handle_written) the stanza or with [`Event::Unwritten`] that it has not.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); no event comes.
    pub fn send_tracked(
        &mut self,
        now: Instant,
        stanza: &Stanza,
        id: SendId,
    ) -> Result<(), SendError> {
        self.now = now;
        self.write(stanza, Some(id))
    }

    /// Closes our direction and waits for the server to close its own (RFC 6120 §4.4).
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        if self.life != Life::Open {
            return;
        }
        self.output.close();
        self.life = Life::Closing;
        self.closing_for = CloseReason::Closed;
        self.timers = Timers::default();
        self.arm(Timer::Close, self.config.limits.close_timeout);
    }

    /// Moves the bytes for the server to the end of `buf`; gives how many.
    pub fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<usize> {
        let len = self.output.drain(buf);
        (len > 0).then_some(len)
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

    /// Whether bytes of the server should be read now.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.life != Life::Closed
    }

    /// Whether nothing will come out any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.life == Life::Closed && self.events.is_empty() && self.output.len() == 0
    }

    fn take(&mut self, frame: Frame) {
        let result = match (&self.state, frame) {
            (_, Frame::Close) => return self.peer_closed(),
            (_, Frame::Element(element)) if element.is(ns::STREAM, "error") => {
                return self.take_error(&element);
            }
            (State::Open, Frame::Stanza(stanza)) => self.take_stanza(stanza),
            // Our direction is closed: nothing else can be answered.
            (_, _) if self.life == Life::Closing => Ok(()),
            (State::AwaitHeader, Frame::Header(header)) => self.take_header(&header),
            (State::AwaitHandshake, Frame::Element(element))
                if element.is(ns::COMPONENT, "handshake") =>
            {
                self.establish();
                Ok(())
            }
            (State::Open, Frame::Element(_)) => {
                self.drop_for(DropReason::UnsupportedElement);
                Ok(())
            }
            (State::AwaitHandshake, Frame::Stanza(_)) => Err(Rejection::NotAuthorized),
            (
                State::AwaitError(rejection),
                Frame::Header(_) | Frame::Element(_) | Frame::Stanza(_),
            ) => Err(rejection.clone()),
            (
                State::AwaitHeader | State::AwaitHandshake | State::Open,
                Frame::Header(_) | Frame::Element(_) | Frame::Stanza(_),
            ) => Err(Rejection::UnexpectedElement),
        };
        if let Err(rejection) = result {
            self.reject(rejection);
        }
    }

    fn take_header(&mut self, header: &Header) -> Result<(), Rejection> {
        let id = header.id.as_deref().unwrap_or_default();
        self.state = match header.check_component_namespaces() {
            Ok(()) if id.is_empty() => State::AwaitError(Rejection::NoId),
            Ok(()) => {
                self.output.handshake(&self.config.secret.proof(id));
                State::AwaitHandshake
            }
            // A server that does not know components answers in the namespace that it knows.
            Err(rejection @ Rejection::ContentNamespace) => State::AwaitError(rejection),
            Err(rejection) => return Err(rejection),
        };
        Ok(())
    }

    fn establish(&mut self) {
        self.state = State::Open;
        self.reader.set_limits(self.config.limits.stanzas);
        self.timers.stop(Timer::Negotiation);
        self.note_output();
        self.events.push_back(Event::Established);
    }

    fn take_stanza(&mut self, stanza: Result<Stanza, ViewError>) -> Result<(), Rejection> {
        let stanza = match stanza {
            Ok(stanza) => stanza,
            Err(ViewError::Prefixed) => return Err(Rejection::PrefixedStanza),
            Err(ViewError::Address(error, _)) => {
                self.drop_for(DropReason::Address(error));
                return Ok(());
            }
        };
        let to = stanza.to().domain();
        if *to != self.config.domain {
            let other = DropReason::OtherDomain(to.clone());
            self.drop_for(other);
        } else if self.is_pong(&stanza) {
            self.ping = None;
        } else {
            match stanza.translated() {
                Some(stanza) => self.events.push_back(Event::Stanza { stanza }),
                None => self.drop_for(DropReason::AttributesCollide),
            }
        }
        Ok(())
    }

    fn drop_for(&mut self, reason: DropReason) {
        self.events.push_back(Event::Dropped(reason));
    }

    fn take_error(&mut self, element: &Element) {
        if self.life == Life::Open {
            self.output.close();
        }
        let stage = match self.state {
            State::AwaitHeader | State::AwaitError(_) | State::AwaitHandshake => Stage::Negotiation,
            State::Open => Stage::Stanzas,
        };
        let error = PeerError::read(element, stage, Channel::Plain);
        self.finish(CloseReason::PeerError(error));
    }

    fn peer_closed(&mut self) {
        if self.life == Life::Open {
            self.output.close();
        }
        self.finish(self.ended_by(CloseReason::PeerClosed));
    }

    fn write(&mut self, stanza: &Stanza, id: Option<SendId>) -> Result<(), SendError> {
        if self.life != Life::Open {
            return Err(SendError::Closed);
        }
        if self.state != State::Open {
            return Err(SendError::NotEstablished);
        }
        if *stanza.from().domain() != self.config.domain {
            return Err(SendError::NotLocal);
        }
        let limits = &self.config.limits;
        let (max_stanzas, max_bytes) = (limits.max_unwritten_stanzas, limits.max_unwritten_bytes);
        if self.output.len() >= limits.max_output_bytes
            || !self.unwritten.has_room(max_stanzas, max_bytes)
        {
            return Err(SendError::Full);
        }
        if !self.output.component_stanza(stanza) {
            return Err(SendError::AttributesCollide);
        }
        if id.is_some() {
            let kept = Kept::new(stanza, id, self.output.total());
            self.unwritten.push(kept);
        }
        self.note_output();
        Ok(())
    }

    /// Notes that bytes came: the server is there.
    fn note_input(&mut self) {
        if let (State::Open, Life::Open, KeepAlive::Ping(_)) =
            (&self.state, self.life, &self.config.keep_alive)
        {
            self.timers.stop(Timer::Ping);
            self.arm_keep_alive();
        }
    }

    /// Notes that we send something.
    fn note_output(&mut self) {
        if self.config.keep_alive == KeepAlive::Space {
            self.arm_keep_alive();
        }
    }

    fn keep_alive(&mut self) {
        match self.config.keep_alive.clone() {
            KeepAlive::Space => {
                // What waits to be fetched does the same.
                if self.output.len() == 0 {
                    self.output.space();
                }
                self.arm_keep_alive();
            }
            KeepAlive::Ping(server) => {
                let id = hex(&self.random.bytes::<16>());
                let from = Jid::from(self.config.domain.clone());
                let ping = Stanza::new(StanzaKind::Iq, from, Jid::from(server))
                    .with_type("get")
                    .with_id(&id)
                    .with_payload(Element::new(ns::PING, "ping"));
                self.output.component_stanza(&ping);
                self.ping = Some(id.into());
                self.arm(Timer::Ping, self.config.limits.ping_timeout);
            }
        }
    }

    /// Whether a stanza answers our last ping, by which error ever.
    fn is_pong(&self, stanza: &Stanza) -> bool {
        let is_answer = matches!(stanza.type_(), Some("result" | "error"));
        let KeepAlive::Ping(server) = &self.config.keep_alive else {
            return false;
        };
        stanza.kind() == StanzaKind::Iq
            && is_answer
            && self.ping.is_some()
            && self.ping.as_deref() == stanza.id()
            && stanza.from().domain() == server
    }

    fn arm_keep_alive(&mut self) {
        let wait = self.config.limits.keep_alive.max(MIN_KEEP_ALIVE);
        self.arm(Timer::KeepAlive, wait);
    }

    fn arm(&mut self, timer: Timer, wait: Duration) {
        self.timers.set_after(timer, self.now, wait);
    }

    /// Ends a stream whose server took too long.
    fn give_up(&mut self, stage: Stage) {
        if let State::AwaitError(rejection) = &self.state {
            let rejection = rejection.clone();
            return self.reject(rejection);
        }
        let reason = CloseReason::TimedOut(stage);
        let condition = StreamCondition::ConnectionTimeout;
        self.output
            .error(condition, &reason.to_string(), Detail::None);
        self.finish(reason);
    }

    /// Ends the stream with an error that tells the server why.
    fn reject(&mut self, rejection: Rejection) {
        if self.life == Life::Open {
            let text = rejection.to_string();
            self.output
                .error(rejection.condition(), &text, rejection.detail());
        }
        self.finish(CloseReason::Rejected(rejection));
    }

    /// Ends the stream without another word.
    fn finish(&mut self, reason: CloseReason) {
        if self.life == Life::Closed {
            return;
        }
        self.life = Life::Closed;
        self.timers = Timers::default();
        self.reader = Reader::of_component(self.config.limits.negotiation);
        for Kept { stanza, id, .. } in self.unwritten.take() {
            self.events
                .extend(id.map(|id| Event::Unwritten { stanza, id }));
        }
        self.events.push_back(Event::Closed(reason));
    }

    /// Why the stream is over when the server ends it: our own reason if we closed first.
    fn ended_by(&self, peer: CloseReason) -> CloseReason {
        match self.life {
            Life::Open | Life::Closed => peer,
            Life::Closing => self.closing_for.clone(),
        }
    }
}

/// Nobody needs to be written to all the time.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(1);
