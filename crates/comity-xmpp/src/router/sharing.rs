//! Streams that carry more pairs than the one that they were opened for (XEP-0220 §2.3, XEP-0288).

use super::Router;
use super::event::{ConnectionId, Event, Failure};
use super::outbound::{Attempt, Key, Outbound, State};
use crate::stream::{Farewell, Method, Pair, PairRefusal, Purpose};

impl Router {
    /// What goes on a connection: the pair that it was opened for, and those that ride with it.
    pub(super) fn keys_on(&self, connection: ConnectionId) -> Vec<Key> {
        let own = self.dials.get(&connection).cloned();
        let riders = self.riders.pairs(connection);
        let riders = riders.map(|pair| (pair.clone(), Purpose::Stanzas));
        own.into_iter().chain(riders).collect()
    }

    /// Lets a pair ride on a stream that stands: one of the same peer that goes both ways, or one
    /// of ours to the same domain. False if there is none.
    pub(super) fn share(&mut self, key: &Key, attempt: &Attempt) -> bool {
        self.share_reverse(key, attempt)
            || self.join(key, attempt, self.standing.to_domain(&key.0.remote))
    }

    /// Lets a pair ride on a stream that the peer opened. False if there is none.
    pub(super) fn share_reverse(&mut self, key: &Key, attempt: &Attempt) -> bool {
        let Some(connection) = self.reverse_stream(&key.0, attempt) else {
            return false;
        };
        self.ride(key, connection, State::Ready(connection));
        self.flush(connection);
        true
    }

    /// Lets a pair ride on a stream of ours to the same place. False if there is none.
    pub(super) fn share_target(&mut self, key: &Key, attempt: &Attempt) -> bool {
        let first = attempt.targets.front();
        let standing = first.map(|target| self.standing.to_place(target));
        self.join(key, attempt, standing.unwrap_or_default())
    }

    /// Asks the first of some streams of ours that can to carry a pair too.
    fn join(&mut self, key: &Key, attempt: &Attempt, standing: Vec<ConnectionId>) -> bool {
        if attempt.alone || !attempt.terms.profile.piggybacking.is_on() {
            return false;
        }
        for connection in standing {
            let Some(stream) = self.streams.get_mut(&connection) else {
                continue;
            };
            if stream.add_pair(self.now, &key.0, attempt.terms).is_ok() {
                self.touch(connection);
                let attempt = attempt.clone();
                let state = State::Joining {
                    connection,
                    attempt,
                };
                self.ride(key, connection, state);
                return true;
            }
        }
        false
    }

    fn ride(&mut self, key: &Key, connection: ConnectionId, state: State) {
        self.riders.insert(connection, &key.0);
        self.set_state(key, state);
    }

    /// A stream that the peer opened, that goes both ways and meets the terms.
    fn reverse_stream(&self, pair: &Pair, attempt: &Attempt) -> Option<ConnectionId> {
        let meets = |connection: &&ConnectionId| {
            let stream = self.streams.get(connection);
            stream.is_some_and(|stream| stream.meets(pair, attempt.terms.security))
        };
        let connections = self.reverse.connections(pair);
        connections.iter().find(meets).copied()
    }

    /// Takes the news that a stream carries our stanzas of a pair.
    pub(super) fn established(&mut self, connection: ConnectionId, pair: Pair, method: Method) {
        self.events.push_back(Event::Established {
            connection,
            pair: pair.clone(),
            method,
        });
        let own = self.dials.get(&connection);
        let key = match own {
            Some(key) if key.0 == pair => key.clone(),
            Some(_) | None => (pair, Purpose::Stanzas),
        };
        if own.is_none() {
            self.reverse.insert(connection, &key.0);
        }
        match self.outbound.get(&key).map(|outbound| &outbound.state) {
            Some(
                State::Trying {
                    connection: current,
                    ..
                }
                | State::Joining {
                    connection: current,
                    ..
                },
            ) if *current == connection => self.set_state(&key, State::Ready(connection)),
            // Both sides have begun to connect: each uses its own stream.
            Some(
                State::Deciding(_)
                | State::Resolving(..)
                | State::Trying { .. }
                | State::Joining { .. }
                | State::Ready(_),
            )
            | None => {}
        }
        self.flush(connection);
    }

    /// Takes the news that a peer refuses a pair.
    pub(super) fn pair_refused(
        &mut self,
        connection: ConnectionId,
        pair: &Pair,
        refusal: PairRefusal,
    ) {
        let own = self.dials.get(&connection);
        if own.is_some_and(|(own, _)| own == pair) {
            return self.outbound_failed(connection, &Failure::Refused(refusal));
        }
        self.riders.remove(connection, pair);
        let key = (pair.clone(), Purpose::Stanzas);
        let Some(Outbound {
            state:
                State::Joining {
                    connection: current,
                    attempt,
                },
            ..
        }) = self.outbound.get(&key)
        else {
            return;
        };
        if *current == connection {
            let attempt = attempt.clone();
            self.go_alone(&key, attempt);
        }
    }

    /// Gives a pair that may not ride a connection of its own.
    fn go_alone(&mut self, key: &Key, mut attempt: Attempt) {
        attempt.alone = true;
        if attempt.targets.is_empty() {
            self.discover(key, attempt, None);
        } else {
            let failure = Failure::Unreachable("no address".into());
            self.try_next(key, attempt, &failure);
        }
    }

    /// Takes leave of everything that rode on a connection.
    pub(super) fn riders_lost(&mut self, connection: ConnectionId, failure: &Failure) {
        self.reverse.remove_connection(connection);
        for pair in self.riders.remove_connection(connection) {
            let key = (pair, Purpose::Stanzas);
            match self.outbound.get(&key).map(|outbound| &outbound.state) {
                Some(State::Ready(current)) if *current == connection => self.ended(&key, failure),
                Some(State::Joining {
                    connection: current,
                    attempt,
                }) if *current == connection => {
                    let attempt = attempt.clone();
                    self.go_alone(&key, attempt);
                }
                Some(
                    State::Deciding(_)
                    | State::Resolving(..)
                    | State::Trying { .. }
                    | State::Joining { .. }
                    | State::Ready(_),
                )
                | None => {}
            }
        }
    }

    /// Notes that a peer brings stanzas of a pair; of too many such streams the oldest is closed
    /// (RFC 6120 §4.9.3.3).
    pub(super) fn authorized(&mut self, connection: ConnectionId, pair: Pair, method: Method) {
        // A peer that reaches us can be reached, more likely than not.
        self.backoff.clear(&pair);
        self.inbound.prove(connection);
        self.bringing.insert(connection, &pair);
        let bringing = self.bringing.connections(&pair);
        let surplus = bringing.len() > self.config.limits.max_streams_per_pair;
        let oldest = bringing.first().copied().filter(|_| surplus);
        if let Some(oldest) = oldest {
            self.bringing.remove(oldest, &pair);
        }
        self.events.push_back(Event::Authorized {
            connection,
            pair,
            method,
        });
        if let Some(oldest) = oldest
            && let Some(stream) = self.streams.get_mut(&oldest)
        {
            stream.dismiss(self.now, Farewell::Conflict);
            self.touch(oldest);
        }
    }
}
