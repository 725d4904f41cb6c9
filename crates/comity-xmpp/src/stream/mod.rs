//! One connection between two servers, in either role.
//!
//! A stream carries stanzas one way, from the side that initiated it (RFC 6120 §4.9.1.4), or both
//! ways where both sides want that (XEP-0288). See [`Stream`] for how it is driven.

mod acks;
mod authority;
mod closing;
pub mod component;
mod config;
mod core;
mod event;
mod handled;
mod incoming;
mod initiating;
mod liveness;
mod outgoing;
mod output;
mod proof;
mod reader;
pub(crate) mod reason;
mod receiving;
mod sent;
pub mod session;
#[cfg(test)]
mod tests;

use std::time::Instant;

use comity_machine::QueryId;

pub use config::{Acknowledge, Config, Limits, OutputLimit, Switch};
pub use event::{Decision, DropReason, Event, PairRefusal, Verification, VerifyRequest};
pub use handled::Receipt;
pub use proof::{Authorized, DialbackProof, Method, Pair, Verdict};
pub use reason::{CloseReason, Farewell, PeerError, Rejection, Setback, Stage};
pub use sent::SendId;

use self::core::{Core, Life, Timer};
use self::initiating::Initiating;
use self::reader::Frame;
use self::receiving::Receiving;
use crate::decision::{Channel, Role};
use crate::{CertificateRule, Security, Stanza, StreamCondition, Terms, TlsMode, Transport, ns};

/// The state of one stream, as the server that initiated it or as the one that received it.
///
/// It asks its composer: [`Event::Authorize`] whether a pair of domains may federate,
/// [`Event::Authenticate`] whether a certificate proves a domain, [`Event::Verify`] what the
/// authoritative server says of a dialback key. No [`Event::Stanza`] comes before its pair is
/// proved. The run loop is that of `comity-machine`; between `Event::StartTls` and
/// [`handle_tls_established`](Self::handle_tls_established) the bytes of the connection belong to
/// the TLS engine.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Instant;
/// use comity_xmpp::stream::{CloseReason, Config, Event, Rejection, Stream};
///
/// let now = Instant::now();
/// let mut config = Config::default();
/// config.domains = Arc::new(["example.com".parse()?].into());
/// let mut stream = Stream::receive(now, config, [0; 32]);
/// stream.handle_input(now, b"<stream:stream xmlns='jabber:server' to='example.net' \
///     xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>");
///
/// let mut sent = Vec::new();
/// while stream.poll_transmit(&mut sent).is_some() {}
/// assert!(String::from_utf8(sent)?.contains("<host-unknown "));
/// let Some(Event::Closed(CloseReason::Rejected(rejection))) = stream.poll_event() else {
///     panic!("not rejected");
/// };
/// assert_eq!(rejection, Rejection::HostUnknown("example.net".into()));
/// assert!(stream.is_closed());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Stream {
    core: Core,
    side: Side,
}

#[derive(Debug)]
enum Side {
    Initiating(Initiating),
    Receiving(Receiving),
}

/// What a stream is opened for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "there are these two uses")]
pub enum Purpose {
    /// To carry our stanzas.
    Stanzas,
    /// To ask about dialback keys, and nothing else: it proves nothing to the peer.
    Verification,
}

/// What the TLS handshake showed of the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is one or there is none")]
pub enum PeerCertificate {
    /// The peer showed none.
    Absent,
    /// The peer showed one; what it proves is asked with [`Event::Authenticate`].
    Presented,
}

impl Stream {
    /// Opens a stream to the server of the pair's remote domain.
    #[must_use]
    pub fn initiate(
        now: Instant,
        config: Config,
        pair: Pair,
        purpose: Purpose,
        seed: [u8; 32],
    ) -> Self {
        let mut core = Core::new(now, config, Role::Initiating, seed);
        let side = Initiating::new(&mut core, pair, purpose);
        Self::begin(core, Side::Initiating(side))
    }

    /// Waits for the header of a peer that connected.
    #[must_use]
    pub fn receive(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        let core = Core::new(now, config, Role::Receiving, seed);
        let side = match core.config.transport {
            Transport::Tcp => Receiving::default(),
            Transport::DirectTls => Receiving::behind_tls(),
        };
        Self::begin(core, Side::Receiving(side))
    }

    /// Asks for TLS at once if the connection begins with it (XEP-0368).
    fn begin(core: Core, side: Side) -> Self {
        let mut stream = Self { core, side };
        if stream.awaits_tls() {
            stream.core.start_tls();
        }
        stream
    }

    /// Takes bytes that arrived from the peer.
    pub fn handle_input(&mut self, now: Instant, input: &[u8]) {
        self.core.now = now;
        if self.core.life == Life::Closed {
            return;
        }
        self.core.note_input();
        if self.awaits_tls() {
            // These bytes should have gone to the TLS engine.
            let rejected = CloseReason::Rejected(Rejection::DataBeforeTls);
            return self.core.finish(rejected);
        }
        self.read(input);
    }

    /// Takes the end of the peer's bytes.
    pub fn handle_eof(&mut self, now: Instant) {
        self.core.now = now;
        let reason = self.core.ended_by(CloseReason::ConnectionLost);
        self.core.finish(reason);
    }

    /// Acts on every deadline that has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.now = now;
        while let Some(timer) = self.core.timers.pop_expired(now) {
            match timer {
                Timer::Acknowledgement => self.core.acknowledgement_timed_out(),
                Timer::Certificate => self.core.certificate_expired(),
                Timer::KeepAlive => self.core.keep_alive(),
                Timer::Close => self.core.finish(CloseReason::TimedOut(Stage::Close)),
                Timer::Negotiation => self.end_with(
                    StreamCondition::ConnectionTimeout,
                    CloseReason::TimedOut(Stage::Negotiation),
                ),
                Timer::Tls => self.core.finish(CloseReason::TimedOut(Stage::Tls)),
                Timer::Idle => self.close_for(CloseReason::Idle),
                Timer::Pairs => self.core.pairs_timed_out(),
                Timer::Requests => self.core.requests_timed_out(),
                Timer::Pending(query) => {
                    let result = self.core.pending_timed_out(query);
                    self.go_on(result);
                }
            }
        }
    }

    /// Takes the success of the handshake that [`Event::StartTls`] asked for.
    pub fn handle_tls_established(&mut self, now: Instant, certificate: PeerCertificate) {
        self.core.now = now;
        if !self.awaits_tls() {
            return;
        }
        self.core.enter_tls(certificate);
        match &mut self.side {
            Side::Initiating(side) => side.tls_established(&mut self.core, certificate),
            Side::Receiving(side) => side.tls_established(),
        }
    }

    /// Takes the failure of the handshake that [`Event::StartTls`] asked for, with what the TLS
    /// engine says about it.
    pub fn handle_tls_failed(&mut self, now: Instant, reason: &str) {
        self.core.now = now;
        if self.awaits_tls() {
            self.core.finish(CloseReason::TlsFailed(reason.into()));
        }
    }

    /// Takes the answer to [`Event::Authenticate`].
    pub fn handle_verdict(&mut self, now: Instant, query: QueryId, verdict: &Verdict) {
        self.core.now = now;
        if self.core.life == Life::Closed {
            return;
        }
        let result = match (self.core.key_verdict(query, verdict), &mut self.side) {
            (Some(result), _) => result,
            (None, _) if self.core.life != Life::Open => Ok(()),
            (None, _) if self.core.outgoing_verdict(query, verdict).is_some() => Ok(()),
            (None, Side::Initiating(side)) => {
                side.verdict(&mut self.core, query, verdict);
                Ok(())
            }
            (None, Side::Receiving(side)) => side.verdict(&mut self.core, query, verdict),
        };
        self.go_on(result);
    }

    /// Takes the answer to [`Event::Authorize`].
    pub fn handle_decision(&mut self, now: Instant, query: QueryId, decision: &Decision) {
        self.core.now = now;
        if self.core.life == Life::Closed {
            return;
        }
        let result = match (self.core.key_decision(query, decision), &mut self.side) {
            (Some(result), _) => result,
            (None, _) if self.core.life != Life::Open => Ok(()),
            (None, Side::Initiating(side)) => {
                side.decision(&mut self.core, query, decision);
                Ok(())
            }
            (None, Side::Receiving(side)) => side.decision(&mut self.core, query, decision),
        };
        self.go_on(result);
    }

    /// Takes the answer to [`Event::Verify`].
    pub fn handle_verification(
        &mut self,
        now: Instant,
        query: QueryId,
        verification: &Verification,
    ) {
        self.core.now = now;
        if self.core.life == Life::Closed {
            return;
        }
        let result = self.core.verification(query, verification);
        self.go_on(result);
    }

    /// Sends a stanza of a pair that was [`Established`](Event::Established).
    ///
    /// # Errors
    ///
    /// The stream cannot carry the stanza now or ever; the stanza was not taken.
    pub fn send(&mut self, now: Instant, stanza: &Stanza) -> Result<(), SendError> {
        self.core.now = now;
        self.core.send_stanza(stanza, None)
    }

    /// Does the same, and tells with [`Event::Sent`] when the stanza has left or with
    /// [`Event::Unacknowledged`] that nobody knows whether it has.
    ///
    /// Where nothing is acknowledged that depends on [`handle_written`](Self::handle_written). What
    /// was sent and is not known to have left counts towards the limits for stanzas that are not
    /// acknowledged.
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
        self.core.now = now;
        self.core.send_stanza(stanza, Some(id))
    }

    /// Notes that the driver has written so many bytes more of those that
    /// [`poll_transmit`](Self::poll_transmit) gave: to the socket, so that the end of this program
    /// would not take them back. Without stanzas that are tracked nobody needs to know.
    pub fn handle_written(&mut self, now: Instant, bytes: usize) {
        self.core.now = now;
        if self.core.life != Life::Closed {
            self.core.note_written(bytes);
        }
    }

    /// Asks the peer to take stanzas of one more pair on this stream, which we initiated
    /// (XEP-0220 §2.3). The answer is [`Event::Established`] or [`Event::Refused`].
    ///
    /// Another remote domain must have the same server; its certificate is checked where the terms
    /// say so.
    ///
    /// # Errors
    ///
    /// The stream cannot carry the pair; nothing was sent.
    pub fn add_pair(&mut self, now: Instant, pair: &Pair, terms: Terms) -> Result<(), SendError> {
        self.core.now = now;
        match &self.side {
            Side::Initiating(side)
                if side.takes_pairs(pair) && self.core.terms.profile.piggybacking.is_on() =>
            {
                self.core.add_outgoing(pair, terms)
            }
            Side::Initiating(_) => Err(SendError::OtherPair),
            Side::Receiving(_) => Err(SendError::WrongDirection),
        }
    }

    /// Whether the stream as it stands meets the rules for sending stanzas of a pair that the peer
    /// has proved on it (XEP-0288).
    #[must_use]
    pub fn meets(&self, pair: &Pair, security: Security) -> bool {
        let method = self.core.incoming.method(pair);
        let is_open = self.core.life == Life::Open && self.core.outgoing.is_given(pair);
        let tls = self.core.channel != Channel::Plain || security.tls != TlsMode::Required;
        let proved = match security.certificate {
            CertificateRule::Optional => method.is_some(),
            CertificateRule::Required => method == Some(Method::Certificate),
        };
        is_open && tls && proved
    }

    /// What the stanzas take that the peer has not acknowledged (XEP-0198), or, of those that are
    /// tracked where nothing is acknowledged, that the driver has not written.
    #[must_use]
    pub fn unacknowledged_bytes(&self) -> usize {
        let unwritten = self.core.unwritten.bytes();
        self.core.acks.pending_bytes().saturating_add(unwritten)
    }

    /// Whether somebody waits to be told what the driver has written.
    pub(crate) fn awaits_writing(&self) -> bool {
        !self.core.unwritten.is_empty()
    }

    /// Asks the server on the other side, as the authoritative one, about a dialback key.
    ///
    /// The answer is [`Event::Verified`]. It never comes if the stream ends before.
    ///
    /// # Errors
    ///
    /// The stream cannot ask; nothing was sent.
    pub fn verify(&mut self, now: Instant, request: VerifyRequest) -> Result<(), SendError> {
        self.core.now = now;
        match &mut self.side {
            Side::Initiating(side) => side.verify(&mut self.core, request),
            Side::Receiving(_) => Err(SendError::WrongDirection),
        }
    }

    /// Counts a stanza that was handed out as handled, if the peer may be told so still
    /// ([`Acknowledge::WhenSettled`]). Stanzas may be settled in any order.
    pub fn settle(&mut self, now: Instant, receipt: Receipt) {
        self.core.now = now;
        if let Err(rejection) = self.core.settle(receipt) {
            self.reject(rejection);
        }
    }

    /// Closes our direction and waits for the peer to close its own (RFC 6120 §4.4).
    pub fn close(&mut self, now: Instant) {
        self.core.now = now;
        self.close_for(CloseReason::Closed);
    }

    /// Closes our direction with a stream error that is no fault of the peer's, and waits for the
    /// peer to close its own.
    pub fn dismiss(&mut self, now: Instant, farewell: Farewell) {
        self.core.now = now;
        if self.core.life != Life::Open {
            return;
        }
        if self.awaits_tls() {
            return self.core.finish(CloseReason::Farewell(farewell));
        }
        self.open_for_error();
        self.core.say_farewell(farewell);
    }

    /// Makes room for others, and waits for nothing.
    pub(crate) fn evict(&mut self, now: Instant) {
        self.core.now = now;
        let reason = Farewell::Crowded;
        self.end_with(reason.condition(), CloseReason::Farewell(reason));
    }

    /// Moves the bytes for the peer to the end of `buf`; gives how many.
    pub fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<usize> {
        let len = self.core.output.drain(buf);
        (len > 0).then_some(len)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.timers.next_deadline()
    }

    /// Whether bytes of the peer should be read now.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        let max = self.core.config.limits.max_unsettled_stanzas;
        // Behind our last acknowledgement nothing is handed out that the peer counts.
        self.reads() && (self.core.life == Life::Closing || self.core.acks.handled.has_room(max))
    }

    /// Whether input is read at once, and not held until an answer comes.
    pub(crate) fn reads(&self) -> bool {
        let awaits_answer = match &self.side {
            Side::Initiating(side) => side.awaits_answer(),
            Side::Receiving(side) => side.awaits_answer(),
        };
        match self.core.life {
            Life::Open => !awaits_answer && !self.awaits_tls(),
            Life::Closing => true,
            Life::Closed => false,
        }
    }

    /// Whether nothing will come out any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.life == Life::Closed && self.core.events.is_empty() && self.core.output.len() == 0
    }

    fn awaits_tls(&self) -> bool {
        let awaits = match &self.side {
            Side::Initiating(side) => side.awaits_tls(),
            Side::Receiving(side) => side.awaits_tls(),
        };
        self.core.life == Life::Open && awaits
    }

    /// Goes on after an answer, with what came while it was awaited.
    fn go_on(&mut self, result: Result<(), Rejection>) {
        if let Err(rejection) = result {
            self.reject(rejection);
        } else if self.reads() {
            let held = std::mem::take(&mut self.core.held);
            self.read(&held);
        }
    }

    fn read(&mut self, input: &[u8]) {
        let mut rest = input;
        while !rest.is_empty() && self.core.life != Life::Closed {
            if !self.reads() {
                if let Err(rejection) = self.core.hold(rest) {
                    self.reject(rejection);
                }
                return;
            }
            match self.core.reader.next_frame(&mut rest) {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => return,
                Err(error) => return self.reject(error.into()),
            }
            if self.awaits_tls() {
                return self.begin_tls(rest);
            }
        }
    }

    /// Hands the connection to TLS, unless clear text follows: whoever put it there wants it to be
    /// read as if it had been protected.
    fn begin_tls(&mut self, rest: &[u8]) {
        match &self.side {
            Side::Receiving(_) if rest.is_empty() => {
                self.core.output.empty(ns::TLS, "proceed");
                self.core.start_tls();
            }
            Side::Initiating(_) if rest.is_empty() => self.core.start_tls(),
            Side::Receiving(_) => self.core.reject(Rejection::DataBeforeTls),
            Side::Initiating(_) => {
                // The peer awaits a TLS handshake and could not read an error.
                let rejected = CloseReason::Rejected(Rejection::DataBeforeTls);
                self.core.finish(rejected);
            }
        }
    }

    fn take(&mut self, frame: Frame) {
        let closing = self.core.life == Life::Closing;
        match &frame {
            Frame::Close => return self.core.peer_closed(),
            Frame::Element(element) if self.core.take_error(element) => return,
            // Our direction is closed: stanzas and acknowledgements still count, but nothing can be
            // answered.
            // The peer keeps what our last acknowledgement does not count.
            Frame::Stanza(_) if closing && self.core.acks.handled.is_counting() => {
                let dropped = Event::Dropped(DropReason::Unacknowledged);
                return self.core.events.push_back(dropped);
            }
            Frame::Element(element) if closing && element.is(ns::SM, "a") => {}
            Frame::Element(_) | Frame::Header(_) if closing => return,
            Frame::Element(_) | Frame::Header(_) | Frame::Stanza(_) => {}
        }
        let result = match &mut self.side {
            Side::Initiating(side) => side.take(&mut self.core, frame),
            Side::Receiving(side) => side.take(&mut self.core, frame),
        };
        if let Err(rejection) = result {
            self.reject(rejection);
        }
    }

    /// Closes our direction, if we opened it.
    fn close_for(&mut self, reason: CloseReason) {
        let opened = match &self.side {
            Side::Initiating(side) => side.has_opened(),
            Side::Receiving(side) => side.has_opened(),
        };
        if opened && !self.awaits_tls() {
            self.core.close(reason);
        } else {
            self.core.finish(reason);
        }
    }

    /// Ends the stream with an error for a reason of its own, and waits for nothing.
    fn end_with(&mut self, condition: StreamCondition, reason: CloseReason) {
        if self.core.life == Life::Open && !self.awaits_tls() {
            self.open_for_error();
            return self.core.end_with(condition, reason);
        }
        self.core.finish(reason);
    }

    /// Ends the stream with an error that tells the peer why.
    fn reject(&mut self, rejection: Rejection) {
        if self.core.life == Life::Open {
            self.open_for_error();
        }
        self.core.reject(rejection);
    }

    /// Sends our header if it has not been sent: an error stands inside a stream (RFC 6120
    /// §4.9.1.2).
    fn open_for_error(&mut self) {
        match &mut self.side {
            Side::Initiating(side) => side.open(&mut self.core),
            Side::Receiving(side) => side.open_for_error(&mut self.core),
        }
    }
}

/// Why a stream did not take a stanza or a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The pair has been asked for already.
    #[error("the pair has been asked for already")]
    AlreadyAsked,
    /// The stream is closing or closed.
    #[error("the stream is closed")]
    Closed,
    /// Too many bytes wait for the peer already.
    #[error("too many bytes wait for the peer")]
    Full,
    /// The peer has not accepted our domain yet.
    #[error("the stream is not established")]
    NotEstablished,
    /// The stream is for other pairs of domains.
    #[error("the stream is for another pair of domains")]
    OtherPair,
    /// The stanza is longer than what the peer takes, in bytes (XEP-0478).
    #[error("the peer takes no more than {0} bytes")]
    TooLong(u64),
    /// The stream lacks the TLS or the certificate that the rules require.
    #[error("the stream is not protected as the rules require")]
    Unprotected,
    /// The stream was initiated by the peer and carries its stanzas.
    #[error("the stream carries stanzas the other way")]
    WrongDirection,
}
