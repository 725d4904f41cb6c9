//! The two machines of a client (RFC 3261 §17.1, RFC 6026 §7.2).
//!
//! Each is one function from state and input to what is done. `again` is Timer A or E, `end` the
//! timer that ends the state: B, C, D, F, K or M.

use std::time::Duration;

use super::step::{Class, Reliability, Send, Step, Tell, Wait};
use super::timing::Timing;

/// The states of a client transaction for an INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteClient {
    Calling,
    Proceeding,
    /// It rings, and we cancelled it (RFC 3261 §9.1).
    Cancelled,
    /// Answered by a 2xx: every further one goes to the user.
    Accepted,
    /// Answered by anything else: each copy is acknowledged.
    Completed,
}

/// The states of a client transaction for any other request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherClient {
    Trying,
    Proceeding,
    Completed,
}

/// What happens to a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientInput {
    Response(Class),
    /// Timer A or E, which ran for this time.
    Again(Duration),
    /// The timer that ends the state.
    End,
    /// The request, or what it was sent on, is lost.
    TransportFailed,
    /// The user wants no answer any more, and a CANCEL is on its way.
    Cancel,
}

impl InviteClient {
    /// The first step of an INVITE (RFC 3261 §17.1.1.2).
    pub(crate) fn start(timing: &Timing, reliability: Reliability) -> Step<Self> {
        Step::to(Self::Calling)
            .send(Send::Again)
            .again(reliability.wait(timing.t1))
            .end(Wait::For(timing.timeout()))
    }

    pub(crate) fn handle(
        self,
        input: ClientInput,
        timing: &Timing,
        reliability: Reliability,
    ) -> Step<Self> {
        match (self, input) {
            (Self::Calling, ClientInput::Again(interval)) => Step::to(self)
                .send(Send::Again)
                .again(Wait::For(interval.saturating_mul(2))),
            (Self::Calling | Self::Cancelled, ClientInput::End) => {
                Step::over().tell(Tell::TimedOut)
            }
            (Self::Proceeding, ClientInput::End) => Step::to(self).tell(Tell::RangOut),
            (Self::Calling | Self::Proceeding | Self::Cancelled, ClientInput::TransportFailed) => {
                Step::over().tell(Tell::TransportFailed)
            }
            (Self::Calling, ClientInput::Response(Class::Trying | Class::Provisional))
            | (Self::Proceeding, ClientInput::Response(Class::Provisional)) => {
                Step::to(Self::Proceeding)
                    .tell(Tell::Message)
                    .again(Wait::Stop)
                    .end(Wait::For(timing.timer_c))
            }
            (
                Self::Calling | Self::Proceeding | Self::Cancelled,
                ClientInput::Response(Class::Success),
            ) => Step::to(Self::Accepted)
                .tell(Tell::Message)
                .again(Wait::Stop)
                .end(Wait::For(timing.timeout())),
            (
                Self::Calling | Self::Proceeding | Self::Cancelled,
                ClientInput::Response(Class::Failure),
            ) => Step::to(Self::Completed)
                .send(Send::Ack)
                .tell(Tell::Message)
                .again(Wait::Stop)
                .linger(reliability, timing.linger()),
            (Self::Proceeding | Self::Cancelled, ClientInput::Cancel) => {
                Step::to(Self::Cancelled).end(Wait::For(timing.timeout()))
            }
            // A 100 says nothing new, and Timer C goes on (RFC 3261 §16.7).
            (Self::Proceeding, ClientInput::Response(Class::Trying))
            | (Self::Cancelled, ClientInput::Response(Class::Trying | Class::Provisional))
            | (Self::Accepted, ClientInput::Response(Class::Success)) => {
                Step::to(self).tell(Tell::Message)
            }
            (Self::Completed, ClientInput::Response(Class::Failure)) => {
                Step::to(self).send(Send::Ack)
            }
            (Self::Accepted, ClientInput::End) => Step::over().tell(Tell::Ended),
            (Self::Completed, ClientInput::End | ClientInput::TransportFailed) => Step::over(),
            // A CANCEL waits for a provisional response (RFC 3261 §9.1).
            (Self::Calling | Self::Accepted | Self::Completed, ClientInput::Cancel)
            | (
                Self::Proceeding | Self::Cancelled | Self::Accepted | Self::Completed,
                ClientInput::Again(_),
            )
            | (
                Self::Accepted,
                ClientInput::Response(Class::Trying | Class::Provisional | Class::Failure)
                | ClientInput::TransportFailed,
            )
            | (
                Self::Completed,
                ClientInput::Response(Class::Trying | Class::Provisional | Class::Success),
            ) => Step::to(self),
        }
    }
}

impl OtherClient {
    /// The first step of a request (RFC 3261 §17.1.2.2).
    pub(crate) fn start(timing: &Timing, reliability: Reliability) -> Step<Self> {
        Step::to(Self::Trying)
            .send(Send::Again)
            .again(reliability.wait(timing.t1))
            .end(Wait::For(timing.timeout()))
    }

    pub(crate) fn handle(
        self,
        input: ClientInput,
        timing: &Timing,
        reliability: Reliability,
    ) -> Step<Self> {
        match (self, input) {
            (Self::Trying, ClientInput::Again(interval)) => Step::to(self)
                .send(Send::Again)
                .again(Wait::For(timing.next_interval(interval))),
            (Self::Proceeding, ClientInput::Again(_)) => Step::to(self)
                .send(Send::Again)
                .again(Wait::For(timing.next_interval(timing.t2))),
            (Self::Trying | Self::Proceeding, ClientInput::End) => {
                Step::over().tell(Tell::TimedOut)
            }
            (Self::Trying | Self::Proceeding, ClientInput::TransportFailed) => {
                Step::over().tell(Tell::TransportFailed)
            }
            (
                Self::Trying | Self::Proceeding,
                ClientInput::Response(Class::Trying | Class::Provisional),
            ) => Step::to(Self::Proceeding).tell(Tell::Message),
            (
                Self::Trying | Self::Proceeding,
                ClientInput::Response(Class::Success | Class::Failure),
            ) => Step::to(Self::Completed)
                .tell(Tell::Message)
                .again(Wait::Stop)
                .linger(reliability, timing.t4),
            (Self::Completed, ClientInput::End | ClientInput::TransportFailed) => Step::over(),
            // Only an INVITE is cancelled (RFC 3261 §9.1).
            (Self::Trying | Self::Proceeding | Self::Completed, ClientInput::Cancel)
            | (Self::Completed, ClientInput::Again(_) | ClientInput::Response(_)) => Step::to(self),
        }
    }
}
