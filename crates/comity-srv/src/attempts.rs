//! Working through candidates until one serves: failover and races, without sockets.
//!
//! [`Attempts`] is the work for one connection or one transaction. It takes a list of candidates,
//! says which to dial when, and is told how that went. The list is fixed when the work begins, so that
//! what happens to one never changes another. What is remembered between them is [`Health`], a table
//! of its own beside the DNS cache: the work looks into it when it begins, and the caller tells it what
//! failed and what served.
//!
//! ```
//! use comity_srv::attempts::{Attempts, Config, Event, Fault, Health};
//! use comity_srv::{Candidate, Transport};
//!
//! let at = |address: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     Ok(Candidate::given(address.parse()?, Transport::Tls, "b.example".parse()?))
//! };
//! let now = comity_testkit::origin();
//! let list = vec![at("192.0.2.1:5061")?, at("192.0.2.2:5061")?];
//! let mut health = Health::default();
//! let mut attempts = Attempts::new(now, Config::sip(), list.clone(), None, &health);
//!
//! let Some(Event::Dial { attempt, candidate }) = attempts.poll_event() else { panic!() };
//! health.note_fault(now, &candidate, &Fault::Refused);
//! attempts.handle_failed(now, attempt, Fault::Refused);
//!
//! let Some(Event::Dial { attempt, candidate }) = attempts.poll_event() else { panic!() };
//! assert_eq!(candidate, list[1]);
//! attempts.handle_connected(now, attempt);
//! attempts.handle_succeeded(now, attempt);
//! assert_eq!(attempts.poll_event(), Some(Event::Succeeded { attempt, candidate }));
//! assert!(attempts.is_closed());
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Rules
//!
//! Candidates are taken in their order, those that are ill at the end of all. A connection that has not
//! come about within [`Config::delay`] is joined by the next one, which races it (RFC 8305 §5), inside
//! of what [`Racing`] allows: the whole priority for XMPP (XEP-0495), the addresses of one target for
//! SIP (RFC 7984 §5). The next priority or target begins when everything before it has failed
//! (RFC 6120 §3.2.1, RFC 3263 §4.3). What goes over UDP is a request and not a connection, and is
//! never raced: two servers would act on it.
//!
//! The race ends when a connection stands: [`Attempts::handle_connected`] gives the others up, and from
//! then on that attempt is alone. TLS may still fail, or a server answer a request with 503: then
//! [`Attempts::handle_failed`] goes on, and those that were given up have another chance. The attempt is
//! at its end when the peer has proved who it is and the request has its answer:
//! [`Attempts::handle_succeeded`]. No candidate fails twice, and no work takes longer than
//! [`Config::deadline`].
//!
//! When the list is at its end and [`Remainder`] has more, it is asked for, before those that are ill.

mod health;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_machine::Timers;

use crate::candidate::Candidate;
use crate::plan::Remainder;
use crate::service::Transport;
pub use health::{Health, HealthLimits};

/// How attempts are made.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Which candidates may race each other.
    pub racing: Racing,
    /// How long one attempt has the field to itself; 250 ms, at least 10 ms (RFC 8305 §8).
    pub delay: Duration,
    /// How long one attempt may take; 10 s. The timers of a SIP transaction are shorter or longer by
    /// themselves, so that for UDP this is the 64*T1 of 32 s.
    pub timeout: Duration,
    /// How long the whole work may take; 60 s, so that a long list of silent servers costs no more.
    pub deadline: Duration,
}

impl Config {
    /// For XMPP: connections of one priority race.
    #[must_use]
    pub fn xmpp() -> Self {
        Self {
            racing: Racing::Priority,
            delay: Duration::from_millis(250),
            timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(60),
        }
    }

    /// For SIP: connections to one target race.
    #[must_use]
    pub fn sip() -> Self {
        Self {
            racing: Racing::Target,
            timeout: Duration::from_secs(32),
            ..Self::xmpp()
        }
    }
}

/// Which candidates may race each other.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Racing {
    /// None: one after the other.
    Never,
    /// The addresses of one target and transport (RFC 7984 §5).
    Target,
    /// All of one priority (XEP-0495).
    Priority,
}

/// Names one attempt of an [`Attempts`], from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AttemptId(u32);

/// Why an attempt did not serve.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody listens there.
    #[error("the connection was refused")]
    Refused,
    /// No way leads there.
    #[error("the address cannot be reached")]
    Unreachable,
    /// No connection came about in time, or over UDP no answer.
    #[error("no answer in time")]
    Timeout,
    /// A connection stood, and then no answer came in time.
    #[error("the connection stood, and no answer came in time")]
    NoAnswer,
    /// The peer could not prove who it is, or TLS failed in another way.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server says that it cannot serve now: 503 in SIP (RFC 3263 §4.3), `system-shutdown` or
    /// `resource-constraint` in XMPP.
    #[error("the server is not available")]
    Unavailable {
        /// How long, if it says so.
        retry_after: Option<Duration>,
    },
}

/// What the caller has to do or to know.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Dial this candidate, in SIP with a new branch.
    Dial {
        /// The attempt that this is.
        attempt: AttemptId,
        /// Where to.
        candidate: Candidate,
    },
    /// Give this attempt up: another connection stands, or it took too long.
    Abandon {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Look this up by [`Resolver::resolve_rest`](crate::Resolver::resolve_rest), and give what
    /// comes of it to [`Attempts::handle_more`].
    More(Remainder),
    /// This one serves. Nothing follows.
    Succeeded {
        /// The attempt.
        attempt: AttemptId,
        /// Where it goes.
        candidate: Candidate,
    },
    /// None serves. Nothing follows.
    Exhausted {
        /// Every attempt and why it failed, in the order of the failures; none if there was nothing
        /// to try.
        faults: Vec<(Candidate, Fault)>,
    },
}

/// The work for one connection or transaction; the page of the module shows it at work.
#[derive(Debug)]
pub struct Attempts {
    config: Config,
    waiting: VecDeque<Candidate>,
    rest: Rest,
    /// Those that were ill when they came; they wait for the end of all.
    ill: VecDeque<Candidate>,
    /// What races now: all of one heat.
    running: BTreeMap<AttemptId, Candidate>,
    heat: Option<Heat>,
    /// The connection of what runs stands.
    is_connected: bool,
    begun: u32,
    faults: Vec<(Candidate, Fault)>,
    timers: Timers<Timer>,
    events: VecDeque<Event>,
    is_closed: bool,
}

#[derive(Debug)]
enum Rest {
    None,
    Known(Remainder),
    AskedFor,
}

/// What the candidates that may race have in common.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Heat {
    /// Races with nobody.
    Alone,
    Priority(u16),
    Target(DomainName, u16, Transport),
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// The next one may begin.
    Next,
    Attempt(AttemptId),
    /// Time is up for all.
    Deadline,
}

impl Attempts {
    /// Begins with the first of `candidates`. `rest` is what the resolution has left.
    #[must_use]
    pub fn new(
        now: Instant,
        config: Config,
        candidates: Vec<Candidate>,
        rest: Option<Remainder>,
        health: &Health,
    ) -> Self {
        let mut attempts = Self {
            config,
            waiting: VecDeque::new(),
            rest: rest.map_or(Rest::None, Rest::Known),
            ill: VecDeque::new(),
            running: BTreeMap::new(),
            heat: None,
            is_connected: false,
            begun: 0,
            faults: Vec::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            is_closed: false,
        };
        let deadline = attempts.config.deadline;
        attempts.timers.set_after(Timer::Deadline, now, deadline);
        attempts.take(now, candidates, health);
        attempts.advance(now);
        attempts
    }

    /// The connection of the attempt stands. The others of the race are given up; they come again if
    /// this one fails after all.
    pub fn handle_connected(&mut self, _now: Instant, attempt: AttemptId) {
        let Some(candidate) = self.running.remove(&attempt) else {
            return;
        };
        self.timers.stop(Timer::Next);
        while let Some((loser, given_up)) = self.running.pop_last() {
            self.timers.stop(Timer::Attempt(loser));
            self.events.push_back(Event::Abandon { attempt: loser });
            self.waiting.push_front(given_up);
        }
        self.heat = Some(Heat::Alone);
        self.is_connected = true;
        self.running.insert(attempt, candidate);
    }

    /// The attempt serves: the peer has proved who it is, and the request has a final answer that is
    /// not the server's refusal to serve.
    pub fn handle_succeeded(&mut self, _now: Instant, attempt: AttemptId) {
        if let Some(candidate) = self.running.remove(&attempt) {
            while let Some((attempt, _)) = self.running.pop_first() {
                self.events.push_back(Event::Abandon { attempt });
            }
            self.close(Event::Succeeded { attempt, candidate });
        }
    }

    /// The attempt does not serve.
    pub fn handle_failed(&mut self, now: Instant, attempt: AttemptId, fault: Fault) {
        if let Some(candidate) = self.running.remove(&attempt) {
            self.timers.stop(Timer::Attempt(attempt));
            self.faults.push((candidate, fault));
            // Whoever failed leaves its place to the next at once (RFC 8305 §5).
            self.timers.stop(Timer::Next);
            self.advance(now);
        }
    }

    /// What [`Event::More`] has brought; nothing if it could not be found out.
    pub fn handle_more(
        &mut self,
        now: Instant,
        candidates: Vec<Candidate>,
        rest: Option<Remainder>,
        health: &Health,
    ) {
        if matches!(self.rest, Rest::AskedFor) {
            self.rest = rest.map_or(Rest::None, Rest::Known);
            self.take(now, candidates, health);
            self.advance(now);
        }
    }

    /// Acts on every deadline that has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_expired(now) {
            match timer {
                Timer::Next => self.advance(now),
                Timer::Attempt(attempt) => {
                    if self.running.contains_key(&attempt) {
                        self.events.push_back(Event::Abandon { attempt });
                        let fault = self.silence();
                        self.handle_failed(now, attempt, fault);
                    }
                }
                Timer::Deadline => self.give_up(),
            }
        }
    }

    /// What to do or to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Whether nothing will ever come out again.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closed && self.events.is_empty()
    }

    /// What silence means now.
    fn silence(&self) -> Fault {
        if self.is_connected {
            Fault::NoAnswer
        } else {
            Fault::Timeout
        }
    }

    /// Ends the work although something is left.
    fn give_up(&mut self) {
        let fault = self.silence();
        while let Some((attempt, candidate)) = self.running.pop_first() {
            self.events.push_back(Event::Abandon { attempt });
            self.faults.push((candidate, fault.clone()));
        }
        let faults = std::mem::take(&mut self.faults);
        self.close(Event::Exhausted { faults });
    }

    fn take(&mut self, now: Instant, candidates: Vec<Candidate>, health: &Health) {
        for candidate in candidates {
            match health.ill_until(now, &candidate) {
                Some(_later) => self.ill.push_back(candidate),
                None => self.waiting.push_back(candidate),
            }
        }
    }

    /// Begins the next attempt if it may race, and ends if nothing is left.
    fn advance(&mut self, now: Instant) {
        if self.is_closed {
            return;
        }
        let Some(next) = self.waiting.front() else {
            return self.run_out(now);
        };
        let heat = self.heat_of(next);
        let joins = heat != Heat::Alone && self.heat.as_ref() == Some(&heat);
        if !self.running.is_empty() && !joins {
            return;
        }
        if let Some(candidate) = self.waiting.pop_front() {
            self.heat = Some(heat);
            self.dial(now, candidate);
        }
    }

    fn dial(&mut self, now: Instant, candidate: Candidate) {
        let attempt = AttemptId(self.begun);
        self.begun = self.begun.saturating_add(1);
        self.is_connected = false;
        let delay = self.config.delay.max(MIN_DELAY);
        self.timers.set_after(Timer::Next, now, delay);
        let timeout = self.config.timeout;
        self.timers.set_after(Timer::Attempt(attempt), now, timeout);
        self.running.insert(attempt, candidate.clone());
        self.events.push_back(Event::Dial { attempt, candidate });
    }

    /// There is nobody to begin with.
    fn run_out(&mut self, now: Instant) {
        if !self.running.is_empty() {
            return;
        }
        match std::mem::replace(&mut self.rest, Rest::None) {
            Rest::Known(rest) => {
                self.rest = Rest::AskedFor;
                self.timers.stop(Timer::Next);
                self.events.push_back(Event::More(rest));
            }
            Rest::AskedFor => self.rest = Rest::AskedFor,
            Rest::None if !self.ill.is_empty() => {
                self.waiting = std::mem::take(&mut self.ill);
                self.advance(now);
            }
            Rest::None => {
                let faults = std::mem::take(&mut self.faults);
                self.close(Event::Exhausted { faults });
            }
        }
    }

    fn heat_of(&self, candidate: &Candidate) -> Heat {
        match (self.config.racing, candidate.transport) {
            (Racing::Never, _) | (_, Transport::Udp) => Heat::Alone,
            (Racing::Priority, _) => Heat::Priority(candidate.priority),
            (Racing::Target, transport) => {
                let (target, port) = (candidate.target.clone(), candidate.address.port());
                Heat::Target(target, port, transport)
            }
        }
    }

    fn close(&mut self, last: Event) {
        self.timers = Timers::default();
        self.waiting.clear();
        self.ill.clear();
        self.is_closed = true;
        self.events.push_back(last);
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.0)
    }
}

/// The least delay that RFC 8305 §5 allows.
const MIN_DELAY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
