//! Dialback keys of peers, on their way to the authoritative server and back (XEP-0220 §2.1.2).

use comity_machine::QueryId;

use super::Router;
use super::event::{ConnectionId, Failure};
use super::outbound::{Key, State};
use crate::StanzaCondition;
use crate::stream::{Decision, Pair, Purpose, Stream, Verification, VerifyRequest};

/// A dialback key that a stream of a peer wants to be confirmed.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) request: VerifyRequest,
    /// Whose question it is.
    pub(super) connection: ConnectionId,
    pub(super) query: QueryId,
}

impl Router {
    /// Asks on a stream that was just opened what waits for it.
    pub(super) fn hand_requests(&mut self, key: &Key, stream: &mut Stream) {
        let requests = self.outbound.get(key).map(|outbound| &outbound.requests);
        for request in requests.into_iter().flatten() {
            // What the stream does not take, its asker gives up on in time.
            if stream.verify(self.now, request.request.clone()).is_err() {
                break;
            }
        }
    }

    /// What a stream of a peer is told of a pair: one that may not send to us may still confirm the
    /// key that it is just getting from us.
    pub(super) fn decision_for_stream(&self, pair: &Pair, decision: &Decision) -> Decision {
        let key = (pair.clone(), Purpose::Stanzas);
        match (
            decision,
            self.outbound.get(&key).map(|outbound| &outbound.state),
        ) {
            (
                Decision::Deny,
                Some(State::Trying { attempt, .. } | State::Joining { attempt, .. }),
            ) => Decision::VerifyOnly(attempt.terms),
            (
                Decision::Allow(_)
                | Decision::Deny
                | Decision::SeeOtherHost(_)
                | Decision::VerifyOnly(_),
                _,
            ) => decision.clone(),
        }
    }

    pub(super) fn fail_requests(&mut self, requests: Vec<Request>, failure: &Failure) {
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
        let ready = self.outbound.get(&stanzas);
        let ready = ready.and_then(|outbound| outbound.state.ready());
        // Nor is one that the peer opened, or that was opened for other domains.
        let is_own = ready.is_some_and(|connection| self.dials.get(&connection) == Some(&stanzas));
        if is_own && self.has_room(&stanzas) && self.ask_stream(&stanzas, &request) {
            return self.note_request(&stanzas, request);
        }
        self.verify_apart(request);
    }

    /// Seeks the answer over a stream that is for nothing else.
    fn verify_apart(&mut self, request: Request) {
        let key = (request.request.pair.clone(), Purpose::Verification);
        let is_sought = self.outbound(&key).is_some();
        if is_sought && self.has_room(&key) && self.ask_stream(&key, &request) {
            return self.note_request(&key, request);
        }
        let constraint = Verification::Failed(StanzaCondition::ResourceConstraint);
        self.answer_request(&request, &constraint);
    }

    /// Asks again what a stream has not answered that is gone.
    pub(super) fn ask_anew(&mut self, requests: Vec<Request>) {
        for request in requests {
            self.verify_apart(request);
        }
    }

    fn has_room(&self, key: &Key) -> bool {
        let waiting = self
            .outbound
            .get(key)
            .map(|outbound| outbound.requests.len());
        waiting.is_some_and(|waiting| waiting < self.config.limits.max_requests)
    }

    fn note_request(&mut self, key: &Key, request: Request) {
        let asking = self.asking.entry(request.connection).or_default();
        asking.insert(request.query, key.clone());
        if let Some(outbound) = self.outbound.get_mut(key) {
            outbound.requests.push(request);
        }
    }

    /// Gives a request to the stream for `key` if there is one by now; false if that does not take
    /// it.
    fn ask_stream(&mut self, key: &Key, request: &Request) -> bool {
        let connection = match self.outbound.get(key).map(|outbound| &outbound.state) {
            Some(State::Trying { connection, .. } | State::Ready(connection)) => *connection,
            Some(State::Deciding(_) | State::Resolving(..) | State::Joining { .. }) | None => {
                return true;
            }
        };
        let Some(stream) = self.streams.get_mut(&connection) else {
            return true;
        };
        let taken = stream.verify(self.now, request.request.clone()).is_ok();
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
}

/// What a peer is told whose key could not be confirmed (XEP-0220 §2.4.2).
fn verification_condition(failure: &Failure) -> StanzaCondition {
    match failure {
        Failure::Denied => StanzaCondition::PolicyViolation,
        Failure::Unresolved(_) => StanzaCondition::RemoteServerNotFound,
        Failure::NotRetried { last, .. } => verification_condition(last),
        Failure::Ended(_)
        | Failure::Redirected(_)
        | Failure::TooLong(_)
        | Failure::Unacknowledged
        | Failure::Refused(_)
        | Failure::Shutdown
        | Failure::Unanswered
        | Failure::Unreachable(_) => StanzaCondition::RemoteServerTimeout,
    }
}
