//! One transaction as the RFCs have it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_sip::{Flow, StatusCode, Timing};

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
    /// By what an answer is found.
    pub(super) answer: String,
    pub(super) merge: Option<String>,
    pub(super) is_invite: bool,
    pub(super) state: State,
    pub(super) flow: Flow,
    pub(super) source: SocketAddr,
    pub(super) last: Bytes,
    pub(super) again: Option<(Instant, Duration)>,
    pub(super) end: Option<Instant>,
    pub(super) to_tag: Option<String>,
    pub(super) is_old: bool,
    /// Its connection is gone, so that nobody can say what becomes of its answers.
    pub(super) is_adrift: bool,
    /// When the last 2xx left, and how long it takes to the next.
    pub(super) accepted: Option<(Instant, Duration)>,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) branch: String,
    pub(super) method: String,
    pub(super) is_invite: bool,
    pub(super) state: State,
    pub(super) flow: Flow,
    pub(super) request: Bytes,
    pub(super) ack: Option<Bytes>,
    pub(super) again: Option<(Instant, Duration)>,
    /// The earliest and the latest time.
    pub(super) end: (Instant, Instant),
    pub(super) is_adrift: bool,
}

impl Server {
    pub(super) fn takes(&self, status: StatusCode, bytes: &Bytes) -> bool {
        let is_open = matches!(self.state, State::Trying | State::Proceeding);
        match self.is_invite {
            true => is_open || (self.state == State::Accepted && self.last == *bytes),
            // RFC 4320 §4.1, §4.2: a 100 is expected elsewhere.
            false => {
                let is_late = status == StatusCode::TRYING && self.state == State::Proceeding;
                is_open
                    && status != StatusCode::REQUEST_TIMEOUT
                    && (!status.is_provisional() || (is_late && self.last.is_empty()))
            }
        }
    }

    pub(super) fn complete(&mut self, now: Instant, timing: &Timing) {
        self.state = State::Completed;
        self.again = None;
        if self.is_invite && !is_reliable(self.flow) {
            self.again = Some((now + timing.t1, timing.t1));
        }
        self.end = Some(now + timing.timeout());
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
