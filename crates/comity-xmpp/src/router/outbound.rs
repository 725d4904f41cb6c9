//! What the router does to reach the server of a domain.

use std::collections::VecDeque;

use comity_identity::Direction;
use comity_machine::QueryId;

use super::config::Unacknowledged;
use super::event::{ConnectionId, Event, Failure, OtherHost, Target, Unresolved};
use super::failure::{is_worth_waiting, may_differ_elsewhere, may_do_without_tls, redirection};
use super::queue::{Parcel, Queue};
use super::verification::Request;
use super::{Question, Router, Timer, backoff};
use crate::stream::{CloseReason, Decision, Pair, Purpose, SendError, Stream};
use crate::{Terms, TlsMode, Transport};

/// One stream that we have or seek, with what waits for it.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) state: State,
    pub(super) queue: Queue,
    pub(super) requests: Vec<Request>,
    /// What was sent on the last stream and never acknowledged, oldest first.
    pub(super) unacknowledged: Vec<Parcel>,
    /// Whether the stream has taken a stanza of this pair.
    carried: bool,
}

/// Which stream: at most one for each pair and purpose.
pub(super) type Key = (Pair, Purpose);

#[derive(Debug)]
pub(super) enum State {
    /// The policy is asked.
    Deciding(QueryId),
    /// Discovery is asked.
    Resolving(QueryId, Attempt),
    /// A target is being tried.
    Trying {
        connection: ConnectionId,
        target: Target,
        /// Whether TLS has failed there, where it is an option.
        without_tls: bool,
        attempt: Attempt,
    },
    /// A stream of other domains is asked to carry these too.
    Joining {
        connection: ConnectionId,
        attempt: Attempt,
    },
    /// The stream carries stanzas or requests.
    Ready(ConnectionId),
}

/// What an attempt to reach a domain knows.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) terms: Terms,
    /// Where else to try.
    pub(super) targets: VecDeque<Target>,
    /// How often a server has sent us elsewhere.
    redirects: usize,
    /// Whether a stream of other domains has refused to carry these too.
    pub(super) alone: bool,
}

impl State {
    fn question(&self) -> Option<QueryId> {
        match self {
            Self::Deciding(query) | Self::Resolving(query, _) => Some(*query),
            Self::Trying { .. } | Self::Joining { .. } | Self::Ready(_) => None,
        }
    }

    /// The stream that carries the pair.
    pub(super) fn ready(&self) -> Option<ConnectionId> {
        match self {
            Self::Ready(connection) => Some(*connection),
            Self::Deciding(_)
            | Self::Resolving(..)
            | Self::Trying { .. }
            | Self::Joining { .. } => None,
        }
    }
}

impl Router {
    /// The stream for `key`, sought from now on if there is none.
    pub(super) fn outbound(&mut self, key: &Key) -> Option<&mut Outbound> {
        if !self.outbound.contains_key(key) {
            let (pair, purpose) = key;
            let limits = &self.config.limits;
            let has_room = match purpose {
                Purpose::Stanzas => self.outbound.len() - self.verifications < limits.max_outbound,
                Purpose::Verification => self.verifications < limits.max_verifications,
            };
            if self.closing || !has_room {
                return None;
            }
            self.verifications += usize::from(*purpose == Purpose::Verification);
            let query = self.ask(Question::OutboundPolicy(key.clone()));
            self.events.push_back(Event::Authorize {
                query,
                pair: pair.clone(),
                // A key is confirmed for a peer that wants to send to us.
                direction: match purpose {
                    Purpose::Stanzas => Direction::Outbound,
                    Purpose::Verification => Direction::Inbound,
                },
            });
            let outbound = Outbound {
                state: State::Deciding(query),
                queue: Queue::default(),
                requests: Vec::new(),
                unacknowledged: Vec::new(),
                carried: false,
            };
            self.outbound.insert(key.clone(), outbound);
        }
        self.outbound.get_mut(key)
    }

    fn remove_outbound(&mut self, key: &Key) -> Option<Outbound> {
        let outbound = self.outbound.remove(key)?;
        self.verifications -= usize::from(key.1 == Purpose::Verification);
        self.queued_bytes -= outbound.queue.bytes();
        if let Some(query) = outbound.state.question() {
            self.withdraw_question(query);
        }
        Some(outbound)
    }

    pub(super) fn outbound_decision(&mut self, key: &Key, decision: &Decision) {
        let terms = match decision {
            Decision::Deny | Decision::SeeOtherHost(_) | Decision::VerifyOnly(_) => {
                return self.fail(key, &Failure::Denied);
            }
            Decision::Allow(terms) => *terms,
        };
        let attempt = Attempt {
            terms,
            targets: VecDeque::new(),
            redirects: 0,
            alone: false,
        };
        if key.1 == Purpose::Stanzas && self.share(key, &attempt) {
            return;
        }
        self.discover(key, attempt, None);
    }

    /// Asks where the domain's server is, or the host that one has named.
    pub(super) fn discover(&mut self, key: &Key, attempt: Attempt, at: Option<OtherHost>) {
        let query = self.ask(Question::Discovery(key.clone()));
        let (pair, purpose) = key;
        self.events.push_back(Event::Connect {
            query,
            domain: pair.remote.clone(),
            purpose: *purpose,
            at,
        });
        self.set_state(key, State::Resolving(query, attempt));
    }

    pub(super) fn outbound_targets(&mut self, key: &Key, targets: Result<Vec<Target>, Unresolved>) {
        let Some(Outbound {
            state: State::Resolving(_, attempt),
            ..
        }) = self.outbound.get_mut(key)
        else {
            return;
        };
        let mut attempt = attempt.clone();
        match targets {
            Err(unresolved) => self.fail(key, &unresolved.into()),
            Ok(targets) => {
                let direct = attempt.terms.security.tls != TlsMode::Disabled
                    && attempt.terms.profile.direct_tls.is_on();
                attempt.targets = targets
                    .into_iter()
                    .filter(|target| direct || target.transport == Transport::Tcp)
                    .take(self.config.limits.max_targets)
                    .collect();
                if key.1 == Purpose::Stanzas && self.share_target(key, &attempt) {
                    return;
                }
                let failure = Failure::Unreachable("no address".into());
                self.try_next(key, attempt, &failure);
            }
        }
    }

    /// Dials the next target; if none is left, the last attempt's failure is the outcome, unless the
    /// peer has opened a stream that goes both ways meanwhile.
    pub(super) fn try_next(&mut self, key: &Key, mut attempt: Attempt, failure: &Failure) {
        match attempt.targets.pop_front() {
            Some(target) => self.dial(key, target, false, attempt),
            None if key.1 == Purpose::Stanzas && self.share_reverse(key, &attempt) => {}
            None => self.fail(key, failure),
        }
    }

    fn dial(&mut self, key: &Key, target: Target, without_tls: bool, attempt: Attempt) {
        let connection = self.new_connection();
        self.dials.insert(connection, key.clone());
        let wait = self.config.limits.connect_timeout;
        self.timers
            .set_after(Timer::Dial(connection), self.now, wait);
        self.events.push_back(Event::Dial {
            connection,
            domain: key.0.remote.clone(),
            target: target.clone(),
        });
        let state = State::Trying {
            connection,
            target,
            without_tls,
            attempt,
        };
        self.set_state(key, state);
    }

    /// Opens the stream on a connection that was dialled.
    pub(super) fn outbound_connected(&mut self, connection: ConnectionId) {
        self.timers.stop(Timer::Dial(connection));
        let Some(key) = self.dials.get(&connection).cloned() else {
            return;
        };
        let Some(Outbound {
            state:
                State::Trying {
                    target,
                    without_tls,
                    attempt,
                    ..
                },
            ..
        }) = self.outbound.get(&key)
        else {
            return;
        };
        let mut config = self.config.stream.clone();
        config.security = attempt.terms.security;
        if *without_tls {
            config.security.tls = TlsMode::Disabled;
        }
        config.profile = attempt.terms.profile;
        config.transport = target.transport;
        self.standing.insert(connection, &key.0.remote, target);
        let seed = self.random.seed();
        let (pair, purpose) = key.clone();
        let mut stream = Stream::initiate(self.now, config, pair, purpose, seed);
        self.hand_requests(&key, &mut stream);
        self.streams.insert(connection, stream);
        self.touch(connection);
    }

    /// A dialled connection did not come about or ended.
    pub(super) fn outbound_failed(&mut self, connection: ConnectionId, failure: &Failure) {
        self.timers.stop(Timer::Dial(connection));
        self.standing.remove(connection);
        if let Some(key) = self.dials.remove(&connection) {
            self.attempt_failed(&key, connection, failure);
        }
    }

    fn attempt_failed(&mut self, key: &Key, connection: ConnectionId, failure: &Failure) {
        let Some(outbound) = self.outbound.get_mut(key) else {
            return;
        };
        let (target, without_tls, attempt) = match &mut outbound.state {
            State::Trying {
                connection: current,
                target,
                without_tls,
                attempt,
            } if *current == connection => (target.clone(), *without_tls, attempt.clone()),
            State::Ready(current) if *current == connection => return self.ended(key, failure),
            State::Deciding(_)
            | State::Resolving(..)
            | State::Trying { .. }
            | State::Joining { .. }
            | State::Ready(_) => return,
        };
        if let Some(text) = redirection(failure, &attempt.terms, key.1) {
            return self.redirect(key, attempt, text);
        }
        let dialback = self.config.stream.dialback.is_some();
        if dialback && !without_tls && may_do_without_tls(&attempt.terms, &target, failure) {
            // RFC 6120 §5.4.3.2: where TLS is an option, its failure leaves the other one.
            return self.dial(key, target, true, attempt);
        }
        if may_differ_elsewhere(failure) {
            self.try_next(key, attempt, failure);
        } else {
            self.fail(key, failure);
        }
    }

    /// Goes where the server has sent us, a bounded number of times (RFC 6120 §4.9.3.19).
    fn redirect(&mut self, key: &Key, mut attempt: Attempt, text: &str) {
        attempt.redirects += 1;
        match OtherHost::parse(text) {
            Some(other) if attempt.redirects <= self.config.limits.max_redirects => {
                attempt.targets.clear();
                self.discover(key, attempt, Some(other));
            }
            Some(_) | None => self.fail(key, &Failure::Redirected(text.into())),
        }
    }

    /// A stream that was in use is gone: what still waits needs a new one.
    pub(super) fn ended(&mut self, key: &Key, failure: &Failure) {
        let Some(outbound) = self.outbound.get(key) else {
            return;
        };
        if !outbound.carried && !outbound.queue.is_empty() {
            // A peer that takes a stream and nothing on it would have us connect without end.
            return self.fail(key, failure);
        }
        let Some(outbound) = self.remove_outbound(key) else {
            return;
        };
        match key.1 {
            Purpose::Stanzas => self.ask_anew(outbound.requests),
            Purpose::Verification => self.fail_requests(outbound.requests, failure),
        }
        let mut again = Vec::new();
        for mut parcel in outbound.unacknowledged {
            match self.config.unacknowledged {
                Unacknowledged::Resend if !parcel.stanza.was_resent() => {
                    parcel.stanza.mark_resent();
                    again.push(parcel);
                }
                Unacknowledged::Resend | Unacknowledged::Bounce => {
                    self.undelivered(parcel, Failure::Unacknowledged);
                }
            }
        }
        for parcel in again.into_iter().chain(outbound.queue.into_parcels()) {
            if let Err(rejected) = self.enqueue(key, parcel) {
                self.undelivered(*rejected, failure.clone());
            }
        }
    }

    /// Gives a stanza back.
    pub(super) fn undelivered(&mut self, parcel: Parcel, failure: Failure) {
        let Parcel { stanza, id } = parcel;
        // Whatever has come between, the first copy may have arrived.
        let failure = if stanza.was_resent() {
            Failure::Unacknowledged
        } else {
            failure
        };
        self.events.push_back(Event::Undelivered {
            stanza,
            id,
            failure,
        });
    }

    /// Gives up on a stream and tells everyone who waits for it.
    pub(super) fn fail(&mut self, key: &Key, failure: &Failure) {
        if key.1 == Purpose::Stanzas && is_worth_waiting(failure) {
            let limits = &self.config.limits;
            let bounds = backoff::Bounds {
                first: limits.first_backoff,
                longest: limits.longest_backoff,
                max_pairs: limits.max_outbound,
            };
            let random = &mut self.random;
            self.backoff.note(self.now, &key.0, failure, bounds, random);
        }
        let Some(outbound) = self.remove_outbound(key) else {
            return;
        };
        self.fail_requests(outbound.requests, failure);
        for parcel in outbound.unacknowledged {
            self.undelivered(parcel, Failure::Unacknowledged);
        }
        for parcel in outbound.queue.into_parcels() {
            self.undelivered(parcel, failure.clone());
        }
    }

    /// Ends the search for a server, or the stream to it.
    pub(super) fn abandon(&mut self, key: &Key) {
        let Some(outbound) = self.remove_outbound(key) else {
            return;
        };
        let connection = match outbound.state {
            State::Trying { connection, .. } | State::Ready(connection) => connection,
            State::Deciding(_) | State::Resolving(..) | State::Joining { .. } => return,
        };
        if self.streams.contains_key(&connection) {
            self.close_stream(connection);
        } else {
            self.abandon_dial(connection);
        }
    }

    /// Tells the driver that a connection under way is not wanted.
    pub(super) fn abandon_dial(&mut self, connection: ConnectionId) {
        self.dials.remove(&connection);
        self.timers.stop(Timer::Dial(connection));
        let reason = CloseReason::Closed;
        self.events.push_back(Event::Closed { connection, reason });
    }

    /// Moves stanzas that wait into the stream while it takes them, one of each pair in turn.
    pub(super) fn flush(&mut self, connection: ConnectionId) {
        if self.blocked.contains(&connection) {
            return;
        }
        let keys = self.keys_on(connection);
        let mut sent = true;
        while sent {
            sent = false;
            for key in &keys {
                sent |= self.send_next(connection, key);
            }
        }
    }

    /// Sends the first stanza of a pair; false if there is none or the stream does not take it.
    fn send_next(&mut self, connection: ConnectionId, key: &Key) -> bool {
        let (Some(outbound), Some(stream)) = (
            self.outbound.get_mut(key),
            self.streams.get_mut(&connection),
        ) else {
            return false;
        };
        if outbound.state.ready() != Some(connection) {
            return false;
        }
        let Some(Parcel { stanza, id }) = outbound.queue.first() else {
            return false;
        };
        let sent = match *id {
            Some(id) => stream.send_tracked(self.now, stanza, id),
            None => stream.send(self.now, stanza),
        };
        let too_long = match sent {
            Ok(()) => None,
            Err(SendError::TooLong(max)) => Some(max),
            Err(
                SendError::AlreadyAsked
                | SendError::Closed
                | SendError::Full
                | SendError::NotEstablished
                | SendError::OtherPair
                | SendError::Unprotected
                | SendError::WrongDirection,
            ) => return false,
        };
        let first_of_all = !std::mem::replace(&mut outbound.carried, true);
        let Some((parcel, len)) = outbound.queue.pop() else {
            return false;
        };
        self.queued_bytes -= len;
        if first_of_all {
            self.backoff.clear(&key.0);
        }
        self.writable.insert(connection);
        self.rearm(connection);
        if let Some(max) = too_long {
            self.undelivered(parcel, Failure::TooLong(max));
        }
        true
    }

    pub(super) fn set_state(&mut self, key: &Key, state: State) {
        if let Some(outbound) = self.outbound.get_mut(key) {
            outbound.state = state;
            outbound.carried = false;
        }
    }
}
