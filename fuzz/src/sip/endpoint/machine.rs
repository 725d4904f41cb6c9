//! One transaction as the RFCs have it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_identity::DomainName;
use comity_sip::{Flow, StatusCode, Timing};

use super::parts::Parts;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Of a client also Calling, of a server of an INVITE: nothing was sent.
    Trying,
    Proceeding,
    /// The client has sent CANCEL.
    Cancelled,
    Accepted,
    Completed,
    Confirmed,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) key: String,
    pub(super) parts: Parts,
    pub(super) merge: Option<String>,
    pub(super) is_invite: bool,
    pub(super) state: State,
    pub(super) flow: Flow,
    pub(super) source: SocketAddr,
    pub(super) proved: Vec<DomainName>,
    pub(super) last: Bytes,
    pub(super) again: Option<(Instant, Duration)>,
    pub(super) end: Instant,
    pub(super) to_tag: Option<String>,
    /// Its connection is gone, and nothing was sent since.
    pub(super) is_cut: bool,
    /// Something was sent behind the end of its connection, so that nobody can say what became of it.
    pub(super) is_adrift: bool,
    /// It has been adrift for long.
    pub(super) is_late: bool,
    /// The 2xx of a session that waits for its ACK.
    pub(super) repeat: Option<Repeat>,
}

/// When a 2xx leaves again (RFC 3261 §13.3.1.4).
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    pub(super) at: Instant,
    pub(super) wait: Duration,
    /// Whether it must; its session may be over.
    pub(super) is_sure: bool,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) branch: String,
    pub(super) method: String,
    pub(super) is_invite: bool,
    pub(super) state: State,
    pub(super) flow: Flow,
    pub(super) request: Bytes,
    pub(super) call_id: String,
    pub(super) ack: Option<Bytes>,
    pub(super) again: Option<(Instant, Duration)>,
    /// The earliest and the latest time.
    pub(super) end: (Instant, Instant),
    /// Nobody can say whether it is over.
    pub(super) is_adrift: bool,
    /// It has been adrift for long.
    pub(super) is_late: bool,
}

impl Server {
    /// A transaction at its beginning.
    pub(super) fn new(
        now: Instant,
        timing: &Timing,
        key: String,
        parts: Parts,
        (flow, source): (Flow, SocketAddr),
    ) -> Self {
        let is_invite = parts.method == "INVITE";
        let (again, end) = match is_invite {
            true => (timing.trying, timing.timer_c),
            false => (until_t2(timing), timing.timeout()),
        };
        Self {
            key,
            parts,
            merge: None,
            is_invite,
            state: State::Trying,
            flow,
            source,
            proved: Vec::new(),
            last: Bytes::new(),
            again: Some((now + again, Duration::ZERO)),
            end: now + end,
            to_tag: None,
            is_cut: false,
            is_adrift: false,
            is_late: false,
            repeat: None,
        }
    }

    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    pub(super) fn is_uncertain(&self) -> bool {
        self.is_cut || self.is_adrift
    }

    /// Whether its user may send a response with this status.
    pub(super) fn takes(&self, status: StatusCode, bytes: &Bytes) -> bool {
        match self.is_invite {
            true => {
                let again = self.repeat.is_some_and(|repeat| !repeat.is_sure);
                self.is_unanswered()
                    || (self.state == State::Accepted && again && self.last == *bytes)
            }
            // RFC 4320 §4.1, §4.2: a 100 is expected elsewhere.
            false => {
                self.is_unanswered()
                    && status != StatusCode::REQUEST_TIMEOUT
                    && !status.is_provisional()
            }
        }
    }

    pub(super) fn complete(&mut self, now: Instant, timing: &Timing) {
        self.state = State::Completed;
        self.again = None;
        if self.is_invite && !is_reliable(self.flow) {
            self.again = Some((now + timing.t1, timing.t1));
        }
        self.end = now + timing.timeout();
    }

    /// Nobody can say any more what becomes of it, until it is over at last.
    pub(super) fn drift(&mut self, now: Instant, timing: &Timing) {
        self.is_adrift = true;
        self.is_late = false;
        self.again = None;
        self.repeat = None;
        self.end = now + drift(timing);
    }
}

impl Client {
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.state,
            State::Trying | State::Proceeding | State::Cancelled
        )
    }

    pub(super) fn enter(&mut self, state: State, now: Instant, wait: Duration) {
        self.state = state;
        self.again = None;
        self.end = (now + wait, now + wait);
    }

    /// Nobody can say any more what becomes of it, until it is over at last.
    pub(super) fn drift(&mut self, now: Instant, timing: &Timing) {
        self.is_adrift = true;
        self.is_late = false;
        self.end.1 = self.end.1.max(now + drift(timing));
    }
}

pub(super) fn is_reliable(flow: Flow) -> bool {
    matches!(flow, Flow::Connection(_))
}

/// When the interval of a client's retransmissions reaches T2 (RFC 4320 §4.1).
pub(super) fn until_t2(timing: &Timing) -> Duration {
    let (mut until, mut interval) = (Duration::ZERO, timing.t1);
    while interval < timing.t2 {
        until += interval;
        interval *= 2;
    }
    until
}

/// Behind this time a transaction is over of which nothing was heard, and behind as much again when time
/// has jumped.
fn drift(timing: &Timing) -> Duration {
    3 * timing.timer_c
}
