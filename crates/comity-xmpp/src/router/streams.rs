//! What the router does with the events of its streams.

use std::time::Instant;

use comity_identity::Direction;
use comity_machine::QueryId;

use super::event::{ConnectionId, Event, Failure, Receipt, TlsRole};
use super::outbound::{Key, Outbound};
use super::queue::Parcel;
use super::verification::Request;
use super::{Question, Router, SendError, Timer};
use crate::Stanza;
use crate::stream::{self, CloseReason, Purpose, Stream};

impl Router {
    pub(super) fn check(&self, stanza: &Stanza) -> Result<(), SendError> {
        let (local, remote) = stanza.domains();
        if self.closing {
            return Err(SendError::Closed);
        }
        if !self.config.stream.domains.contains(local) {
            return Err(SendError::NotLocal);
        }
        if self.config.stream.domains.contains(remote) {
            return Err(SendError::RemoteIsLocal);
        }
        Ok(())
    }

    /// Puts a stanza behind those that wait for its stream; gives it back if there is no room.
    pub(super) fn enqueue(&mut self, key: &Key, parcel: Parcel) -> Result<(), Box<Parcel>> {
        let limits = &self.config.limits;
        let (max_stanzas, max_bytes) = (limits.max_queued_stanzas, limits.max_queued_bytes);
        let len = parcel.stanza.held_bytes();
        let waiting = self.queued_bytes.saturating_add(self.unacknowledged_bytes);
        if waiting.saturating_add(len) > limits.max_queued_bytes_in_all {
            return Err(Box::new(parcel));
        }
        match self.outbound(key) {
            Some(outbound) if outbound.queue.has_room(len, max_stanzas, max_bytes) => {
                outbound.queue.push(parcel, len);
                self.queued_bytes += len;
                Ok(())
            }
            Some(_) | None => Err(Box::new(parcel)),
        }
    }

    pub(super) fn new_connection(&mut self) -> ConnectionId {
        self.last_connection = self.last_connection.wrapping_add(1);
        ConnectionId(self.last_connection)
    }

    pub(super) fn ask(&mut self, question: Question) -> QueryId {
        let query = self.queries.next_id();
        let wait = self.config.limits.answer_timeout;
        self.timers
            .set_after(Timer::Question(query), self.now, wait);
        if let Some(connection) = question.connection() {
            self.asked.entry(connection).or_default().insert(query);
        }
        self.questions.insert(query, question);
        query
    }

    pub(super) fn forget(&mut self, query: QueryId) -> Option<Question> {
        self.timers.stop(Timer::Question(query));
        let question = self.questions.remove(&query)?;
        if let Some(connection) = question.connection()
            && let Some(asked) = self.asked.get_mut(&connection)
        {
            asked.remove(&query);
            if asked.is_empty() {
                self.asked.remove(&connection);
            }
        }
        Some(question)
    }

    /// Forgets a question that has not been answered, and tells the composer so.
    pub(super) fn withdraw_question(&mut self, query: QueryId) -> Option<Question> {
        let question = self.forget(query);
        if question.is_some() {
            self.events.push_back(Event::Withdrawn { query });
        }
        question
    }

    /// Tells the composer that a stream no longer waits for an answer, if it was asked.
    fn withdraw_of(&mut self, connection: ConnectionId, inner: QueryId) {
        let asked = self.asked.get(&connection).into_iter().flatten();
        let is_it = |query: &&QueryId| {
            let question = self.questions.get(query);
            question.and_then(Question::inner) == Some(inner)
        };
        if let Some(query) = asked.copied().find(|query| is_it(&query)) {
            self.withdraw_question(query);
        }
    }

    /// Does something with a stream, and then what follows from it.
    pub(super) fn with(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        act: impl FnOnce(&mut Stream),
    ) {
        self.now = now;
        if let Some(stream) = self.streams.get_mut(&connection) {
            act(stream);
            self.touch(connection);
            self.follow_up();
        }
    }

    pub(super) fn touch(&mut self, connection: ConnectionId) {
        self.touched.insert(connection);
    }

    pub(super) fn close_stream(&mut self, connection: ConnectionId) {
        if let Some(stream) = self.streams.get_mut(&connection) {
            stream.close(self.now);
            self.touch(connection);
        }
    }

    /// Looks at the events of every stream that was touched, which may touch others.
    pub(super) fn follow_up(&mut self) {
        while let Some(connection) = self.touched.pop_first() {
            self.writable.insert(connection);
            while let Some(event) = self
                .streams
                .get_mut(&connection)
                .and_then(Stream::poll_event)
            {
                self.take(connection, event);
            }
            self.rearm(connection);
        }
    }

    /// Sets the timer of a stream to its next deadline, and notes what it holds.
    pub(super) fn rearm(&mut self, connection: ConnectionId) {
        let stream = self.streams.get(&connection);
        let bytes = stream.map_or(0, Stream::unacknowledged_bytes);
        let before = if bytes == 0 {
            self.unacknowledged.remove(&connection)
        } else {
            self.unacknowledged.insert(connection, bytes)
        };
        self.unacknowledged_bytes += bytes;
        self.unacknowledged_bytes -= before.unwrap_or_default();
        match self.streams.get(&connection).and_then(Stream::poll_timeout) {
            Some(deadline) => self.timers.set(Timer::Stream(connection), deadline),
            None => self.timers.stop(Timer::Stream(connection)),
        }
    }

    pub(super) fn take(&mut self, connection: ConnectionId, event: stream::Event) {
        match event {
            stream::Event::Answer { stanza } => {
                // What cannot be told now never can: the stanza was counted as dropped.
                let _refused = self.send(self.now, stanza);
            }
            stream::Event::Authenticate { query, domain } => {
                let query = self.ask(Question::Certificate(connection, query));
                self.events.push_back(Event::Authenticate {
                    query,
                    connection,
                    domain,
                });
            }
            stream::Event::Authorize { query, pair } => {
                let query = self.ask(Question::StreamPolicy(connection, query, pair.clone()));
                self.events.push_back(Event::Authorize {
                    query,
                    pair,
                    direction: Direction::Inbound,
                });
            }
            stream::Event::Authorized(authorized) => {
                let (pair, method) = (authorized.pair().clone(), authorized.method());
                self.authorized(connection, pair, method);
            }
            stream::Event::Closed(reason) => self.closed(connection, reason),
            stream::Event::Dropped(reason) => {
                self.events.push_back(Event::Dropped { connection, reason });
            }
            stream::Event::Established { pair, method } => {
                self.established(connection, pair, method);
            }
            stream::Event::Refused { pair, refusal } => {
                self.pair_refused(connection, &pair, refusal);
            }
            stream::Event::Sent { id } => {
                self.events.push_back(Event::Sent { connection, id });
            }
            stream::Event::Stanza {
                stanza,
                method,
                receipt,
            } => {
                let receipt = receipt.map(|receipt| Receipt {
                    connection,
                    receipt,
                });
                self.events.push_back(Event::Stanza {
                    connection,
                    stanza,
                    method,
                    receipt,
                });
            }
            stream::Event::StartTls => self.start_tls(connection),
            stream::Event::Unacknowledged { stanza, id } => {
                self.unacknowledged(connection, Parcel { stanza, id });
            }
            stream::Event::Verified {
                request,
                verification,
            } => self.verified(connection, &request, &verification),
            stream::Event::Verify { query, request } => self.verify(Request {
                request,
                connection,
                query,
            }),
            stream::Event::Withdrawn { query } => {
                self.withdraw_of(connection, query);
                self.withdraw(connection, query);
            }
        }
    }

    pub(super) fn start_tls(&mut self, connection: ConnectionId) {
        let role = match self.dials.get(&connection) {
            Some((pair, _)) => TlsRole::Client {
                local: pair.local.clone(),
                server_name: pair.remote.clone(),
            },
            None => TlsRole::Server,
        };
        self.events.push_back(Event::StartTls { connection, role });
    }

    /// Takes back a stanza of which nobody knows whether it arrived.
    fn unacknowledged(&mut self, connection: ConnectionId, parcel: Parcel) {
        let (local, remote) = parcel.stanza.domains();
        let pair = stream::Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        match self.outbound.get_mut(&(pair, Purpose::Stanzas)) {
            Some(Outbound {
                state,
                unacknowledged,
                ..
            }) if state.ready() == Some(connection) => unacknowledged.push(parcel),
            Some(_) | None => self.undelivered(parcel, Failure::Unacknowledged),
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId, reason: CloseReason) {
        let failure = Failure::Ended(reason.clone());
        self.events.push_back(Event::Closed { connection, reason });
        self.outbound_failed(connection, &failure);
        self.riders_lost(connection, &failure);
        self.bringing.remove_connection(connection);
        self.timers.stop(Timer::Stream(connection));
        for query in self.asked.remove(&connection).unwrap_or_default() {
            self.withdraw_question(query);
        }
        while let Some((&query, _)) = self
            .asking
            .get(&connection)
            .and_then(|asking| asking.first_key_value())
        {
            self.withdraw(connection, query);
        }
    }
}
