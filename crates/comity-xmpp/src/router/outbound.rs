//! What the router does to reach the server of a domain.

use std::collections::VecDeque;

use comity_identity::Direction;

use super::event::{ConnectionId, Event, Failure, Target, Unresolved};
use super::queue::Queue;
use super::{Question, Router, Timer};
use crate::stream::{CloseReason, Decision, Pair, Purpose, Stream, Verification, VerifyRequest};
use crate::{Security, StanzaCondition, StreamCondition};
use comity_machine::QueryId;

/// One stream that we have or seek, with what waits for it.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) state: State,
    pub(super) queue: Queue,
    pub(super) requests: Vec<Request>,
}

/// Which stream: at most one for each pair and purpose.
pub(super) type Key = (Pair, Purpose);

#[derive(Debug)]
pub(super) enum State {
    /// The policy is asked.
    Deciding(QueryId),
    /// Discovery is asked.
    Resolving(QueryId, Security),
    /// A target is being tried, others are left.
    Trying {
        connection: ConnectionId,
        targets: VecDeque<Target>,
        security: Security,
    },
    /// The stream carries stanzas or requests.
    Ready(ConnectionId),
}

/// A dialback key that a stream of a peer wants to be confirmed.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) request: VerifyRequest,
    /// Whose question it is.
    pub(super) connection: ConnectionId,
    pub(super) query: QueryId,
}

impl State {
    fn question(&self) -> Option<QueryId> {
        match self {
            Self::Deciding(query) | Self::Resolving(query, _) => Some(*query),
            Self::Trying { .. } | Self::Ready(_) => None,
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
        match decision {
            Decision::Deny => self.fail(key, &Failure::Denied),
            Decision::Allow(security) => {
                let query = self.ask(Question::Discovery(key.clone()));
                let (pair, purpose) = key;
                self.events.push_back(Event::Connect {
                    query,
                    domain: pair.remote.clone(),
                    purpose: *purpose,
                });
                self.set_state(key, State::Resolving(query, *security));
            }
        }
    }

    pub(super) fn outbound_targets(&mut self, key: &Key, targets: Result<Vec<Target>, Unresolved>) {
        let security = match self.outbound.get(key).map(|outbound| &outbound.state) {
            Some(State::Resolving(_, security)) => *security,
            Some(State::Deciding(_) | State::Trying { .. } | State::Ready(_)) | None => return,
        };
        match targets {
            Err(unresolved) => self.fail(key, &unresolved.into()),
            Ok(targets) => {
                let targets = targets.into_iter().take(self.config.limits.max_targets);
                let failure = Failure::Unreachable("no address".into());
                self.try_next(key, targets.collect(), security, &failure);
            }
        }
    }

    /// Dials the next target; if none is left, the last attempt's failure is the outcome.
    fn try_next(
        &mut self,
        key: &Key,
        mut targets: VecDeque<Target>,
        security: Security,
        failure: &Failure,
    ) {
        let Some(target) = targets.pop_front() else {
            return self.fail(key, failure);
        };
        let connection = self.new_connection();
        self.dials.insert(connection, key.clone());
        let wait = self.config.limits.connect_timeout;
        self.timers
            .set_after(Timer::Dial(connection), self.now, wait);
        self.events.push_back(Event::Dial {
            connection,
            domain: key.0.remote.clone(),
            target,
        });
        self.set_state(
            key,
            State::Trying {
                connection,
                targets,
                security,
            },
        );
    }

    /// Opens the stream on a connection that was dialled.
    pub(super) fn outbound_connected(&mut self, connection: ConnectionId) {
        self.timers.stop(Timer::Dial(connection));
        let Some(key) = self.dials.get(&connection) else {
            return;
        };
        let (pair, purpose) = key.clone();
        let Some(outbound) = self.outbound.get(key) else {
            return;
        };
        let State::Trying { security, .. } = &outbound.state else {
            return;
        };
        let mut config = self.config.stream.clone();
        config.security = *security;
        let seed = self.random.seed();
        let mut stream = Stream::initiate(self.now, config, pair, purpose, seed);
        for request in &outbound.requests {
            // What the stream does not take, its asker gives up on in time.
            if stream.verify(request.request.clone()).is_err() {
                break;
            }
        }
        self.streams.insert(connection, stream);
        self.touch(connection);
    }

    /// A dialled connection did not come about or ended.
    pub(super) fn outbound_failed(&mut self, connection: ConnectionId, failure: &Failure) {
        self.timers.stop(Timer::Dial(connection));
        let Some(key) = self.dials.remove(&connection) else {
            return;
        };
        let Some(outbound) = self.outbound.get_mut(&key) else {
            return;
        };
        match &mut outbound.state {
            State::Trying {
                connection: current,
                targets,
                security,
            } if *current == connection && may_differ_elsewhere(failure) => {
                let (targets, security) = (std::mem::take(targets), *security);
                self.try_next(&key, targets, security, failure);
            }
            State::Trying {
                connection: current,
                ..
            } if *current == connection => self.fail(&key, failure),
            State::Ready(current) if *current == connection => self.ended(&key, failure),
            State::Deciding(_) | State::Resolving(..) | State::Trying { .. } | State::Ready(_) => {}
        }
    }

    /// A stream that was in use is gone: what still waits needs a new one.
    fn ended(&mut self, key: &Key, failure: &Failure) {
        let Some(outbound) = self.remove_outbound(key) else {
            return;
        };
        self.fail_requests(outbound.requests, failure);
        for stanza in outbound.queue.into_stanzas() {
            // The queue had room for these, and `send` cannot fail for another reason while the
            // router is open.
            if let Err(rejected) = self.enqueue(key, stanza) {
                let failure = failure.clone();
                let stanza = *rejected;
                self.events
                    .push_back(Event::Undelivered { stanza, failure });
            }
        }
    }

    /// Gives up on a stream and tells everyone who waits for it.
    pub(super) fn fail(&mut self, key: &Key, failure: &Failure) {
        let Some(outbound) = self.remove_outbound(key) else {
            return;
        };
        self.fail_requests(outbound.requests, failure);
        for stanza in outbound.queue.into_stanzas() {
            let failure = failure.clone();
            self.events
                .push_back(Event::Undelivered { stanza, failure });
        }
    }

    fn fail_requests(&mut self, requests: Vec<Request>, failure: &Failure) {
        let verification = Verification::Failed(verification_condition(failure));
        for request in requests {
            self.answer_request(&request, &verification);
        }
    }

    fn answer_request(&mut self, request: &Request, verification: &Verification) {
        if let Some(asking) = self.asking.get_mut(&request.connection) {
            asking.remove(&request.query);
            if asking.is_empty() {
                self.asking.remove(&request.connection);
            }
        }
        if let Some(stream) = self.streams.get_mut(&request.connection) {
            stream.handle_verification(self.now, request.query, verification);
            self.touch(request.connection);
        }
    }

    /// Seeks the answer of the authoritative server for a stream of a peer.
    pub(super) fn verify(&mut self, request: Request) {
        let pair = &request.request.pair;
        let stanzas = (pair.clone(), Purpose::Stanzas);
        // A stream that stands is used; one that is being negotiated may itself wait for the peer
        // to verify us, so it is not waited for.
        let key = match self.outbound.get(&stanzas).map(|outbound| &outbound.state) {
            Some(State::Ready(_)) => stanzas,
            Some(State::Deciding(_) | State::Resolving(..) | State::Trying { .. }) | None => {
                (pair.clone(), Purpose::Verification)
            }
        };
        let limit = self.config.limits.max_requests;
        let constraint = Verification::Failed(StanzaCondition::ResourceConstraint);
        let room = match self.outbound(&key) {
            Some(outbound) => limit.saturating_sub(outbound.requests.len()),
            None => 0,
        };
        if room == 0 || !self.ask_stream(&key, &request) {
            return self.answer_request(&request, &constraint);
        }
        let asking = self.asking.entry(request.connection).or_default();
        asking.insert(request.query, key.clone());
        if let Some(outbound) = self.outbound.get_mut(&key) {
            outbound.requests.push(request);
        }
    }

    /// Gives a request to the stream for `key` if there is one by now; false if that does not take
    /// it.
    fn ask_stream(&mut self, key: &Key, request: &Request) -> bool {
        let connection = match self.outbound.get(key).map(|outbound| &outbound.state) {
            Some(State::Trying { connection, .. } | State::Ready(connection)) => *connection,
            Some(State::Deciding(_) | State::Resolving(..)) | None => return true,
        };
        let Some(stream) = self.streams.get_mut(&connection) else {
            return true;
        };
        let taken = stream.verify(request.request.clone()).is_ok();
        self.touch(connection);
        taken
    }

    /// Forgets the request of a stream that no longer waits for it, and the search for a server if
    /// that was for nothing else.
    pub(super) fn withdraw(&mut self, connection: ConnectionId, query: QueryId) {
        let Some(asking) = self.asking.get_mut(&connection) else {
            return;
        };
        let key = asking.remove(&query);
        if asking.is_empty() {
            self.asking.remove(&connection);
        }
        let Some(key) = key else {
            return;
        };
        let Some(outbound) = self.outbound.get_mut(&key) else {
            return;
        };
        outbound
            .requests
            .retain(|asked| (asked.connection, asked.query) != (connection, query));
        if outbound.requests.is_empty() && key.1 == Purpose::Verification {
            self.abandon(&key);
        }
    }

    /// Ends the search for a server, or the stream to it.
    fn abandon(&mut self, key: &Key) {
        let Some(outbound) = self.remove_outbound(key) else {
            return;
        };
        let connection = match outbound.state {
            State::Trying { connection, .. } | State::Ready(connection) => connection,
            State::Deciding(_) | State::Resolving(..) => return,
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

    /// Passes on what the authoritative server said.
    pub(super) fn verified(
        &mut self,
        connection: ConnectionId,
        request: &VerifyRequest,
        verification: &Verification,
    ) {
        let Some(key) = self.dials.get(&connection).cloned() else {
            return;
        };
        let Some(outbound) = self.outbound.get_mut(&key) else {
            return;
        };
        let asked = |asked: &Request| asked.request == *request;
        if let Some(index) = outbound.requests.iter().position(asked) {
            let done = outbound.requests.remove(index);
            let idle = outbound.requests.is_empty() && key.1 == Purpose::Verification;
            self.answer_request(&done, verification);
            if idle {
                self.abandon(&key);
            }
        }
    }

    pub(super) fn established(&mut self, connection: ConnectionId) {
        if let Some(key) = self.dials.get(&connection).cloned() {
            self.set_state(&key, State::Ready(connection));
            self.flush(connection);
        }
    }

    /// Moves stanzas that wait into the stream while it takes them.
    pub(super) fn flush(&mut self, connection: ConnectionId) {
        let Some(key) = self.dials.get(&connection) else {
            return;
        };
        if self.blocked.contains(&connection) {
            return;
        }
        let (Some(outbound), Some(stream)) = (
            self.outbound.get_mut(key),
            self.streams.get_mut(&connection),
        ) else {
            return;
        };
        if !matches!(outbound.state, State::Ready(ready) if ready == connection) {
            return;
        }
        while let Some(stanza) = outbound.queue.first() {
            if stream.send(stanza).is_err() {
                break;
            }
            let sent = outbound.queue.pop();
            self.queued_bytes -= sent.map_or(0, |(_, len)| len);
            self.writable.insert(connection);
        }
    }

    fn set_state(&mut self, key: &Key, state: State) {
        if let Some(outbound) = self.outbound.get_mut(key) {
            outbound.state = state;
        }
    }
}

/// Whether another server of the domain may do better.
fn may_differ_elsewhere(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable(_) => true,
        Failure::Ended(reason) => match reason {
            CloseReason::ConnectionLost
            | CloseReason::PeerClosed
            | CloseReason::TimedOut(_)
            | CloseReason::TlsFailed(_) => true,
            // What is wrong with this server alone.
            CloseReason::PeerError(error) => matches!(
                error.condition,
                StreamCondition::ConnectionTimeout
                    | StreamCondition::InternalServerError
                    | StreamCondition::ResourceConstraint
                    | StreamCondition::SystemShutdown
            ),
            CloseReason::Closed | CloseReason::Idle | CloseReason::Rejected(_) => false,
        },
        Failure::Denied
        | Failure::Refused(_)
        | Failure::Shutdown
        | Failure::Unanswered
        | Failure::Unresolved(_) => false,
    }
}

/// What a peer is told whose key could not be confirmed (XEP-0220 §2.4.2).
fn verification_condition(failure: &Failure) -> StanzaCondition {
    match failure {
        Failure::Denied => StanzaCondition::PolicyViolation,
        Failure::Unresolved(_) => StanzaCondition::RemoteServerNotFound,
        Failure::Ended(_)
        | Failure::Refused(_)
        | Failure::Shutdown
        | Failure::Unanswered
        | Failure::Unreachable(_) => StanzaCondition::RemoteServerTimeout,
    }
}
