//! The two machines of a server (RFC 3261 §17.2, RFC 6026 §7.1, RFC 4320).
//!
//! Each is one function from state and input to what is done. `again` is Timer G, or the wait for a
//! 100 of the transaction's own; `end` is the timer that ends the state: H, I, J, L, or the time after
//! which a user that never answers is not waited for.

use std::time::Duration;

use super::step::{Class, Reliability, Send, Step, Tell, Wait};
use super::timing::Timing;

/// The states of a server transaction for an INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteServer {
    /// Nothing was sent.
    Received,
    /// A provisional response was sent.
    Proceeding,
    /// A 2xx was sent: copies of the INVITE are absorbed, and 2xx and ACK are the user's.
    Accepted,
    /// Another final response was sent, and is repeated until the ACK.
    Completed,
    /// The ACK came.
    Confirmed,
}

/// The states of a server transaction for any other request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherServer {
    Trying,
    /// A 100 was sent.
    Proceeding,
    /// It was answered, or is not to be any more.
    Completed,
}

/// What happens to a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerInput {
    /// The request came again.
    Request,
    /// The ACK to its response.
    Ack,
    /// The user's response.
    Respond(Class),
    /// Timer G, or the wait for a 100, which ran for this time.
    Again(Duration),
    /// The timer that ends the state.
    End,
    /// A response could be sent nowhere.
    TransportFailed,
}

impl InviteServer {
    /// The first step of an INVITE (RFC 3261 §17.2.1).
    pub(crate) fn start(timing: &Timing) -> Step<Self> {
        Step::to(Self::Received)
            .again(Wait::For(timing.trying))
            .end(Wait::For(timing.timer_c))
    }

    pub(crate) fn handle(
        self,
        input: ServerInput,
        timing: &Timing,
        reliability: Reliability,
    ) -> Step<Self> {
        match (self, input) {
            (Self::Received, ServerInput::Again(_)) => Step::to(Self::Proceeding)
                .send(Send::Trying)
                .again(Wait::Stop),
            (Self::Proceeding | Self::Completed, ServerInput::Request) => {
                Step::to(self).send(Send::Again)
            }
            (
                Self::Received | Self::Proceeding,
                ServerInput::Respond(Class::Trying | Class::Provisional),
            ) => Step::to(Self::Proceeding)
                .send(Send::Response)
                .again(Wait::Stop)
                .end(Wait::For(timing.timer_c)),
            (Self::Received | Self::Proceeding, ServerInput::Respond(Class::Success)) => {
                Step::to(Self::Accepted)
                    .send(Send::Response)
                    .again(Wait::Stop)
                    .end(Wait::For(timing.timeout()))
            }
            (Self::Received | Self::Proceeding, ServerInput::Respond(Class::Failure)) => {
                Step::to(Self::Completed)
                    .send(Send::Response)
                    .again(reliability.wait(timing.t1))
                    .end(Wait::For(timing.timeout()))
            }
            (
                Self::Received | Self::Proceeding | Self::Completed,
                ServerInput::TransportFailed,
            ) => Step::over().tell(Tell::TransportFailed),
            (Self::Received | Self::Proceeding, ServerInput::End) => Step::to(Self::Completed)
                .send(Send::Timeout)
                .tell(Tell::Unanswered)
                .again(reliability.wait(timing.t1))
                .end(Wait::For(timing.timeout())),
            (Self::Completed, ServerInput::End) => Step::over().tell(Tell::TimedOut),
            (Self::Completed, ServerInput::Again(interval)) => Step::to(self)
                .send(Send::Again)
                .again(Wait::For(timing.next_interval(interval))),
            (Self::Completed, ServerInput::Ack) => Step::to(Self::Confirmed)
                .again(Wait::Stop)
                .linger(reliability, timing.t4),
            (Self::Accepted, ServerInput::Ack) => Step::to(self).tell(Tell::Message),
            (Self::Accepted, ServerInput::Respond(Class::Success)) => {
                Step::to(self).send(Send::Response)
            }
            (Self::Accepted | Self::Confirmed, ServerInput::End) => Step::over(),
            (
                Self::Received | Self::Accepted | Self::Confirmed,
                ServerInput::Request,
            )
            | (
                Self::Received | Self::Proceeding | Self::Confirmed,
                ServerInput::Ack,
            )
            | (
                Self::Proceeding | Self::Accepted | Self::Confirmed,
                ServerInput::Again(_),
            )
            // The user hands copies of a 2xx down until the ACK, whether they can be sent or not.
            | (
                Self::Accepted | Self::Confirmed,
                ServerInput::TransportFailed,
            )
            | (
                Self::Accepted,
                ServerInput::Respond(Class::Trying | Class::Provisional | Class::Failure),
            )
            | (
                Self::Completed | Self::Confirmed,
                ServerInput::Respond(_),
            ) => Step::to(self),
        }
    }
}

impl OtherServer {
    /// The first step of a request (RFC 3261 §17.2.2). The client gives up when `end` ends, so that
    /// no answer has a use behind it (RFC 4320 §4.2).
    pub(crate) fn start(timing: &Timing) -> Step<Self> {
        Step::to(Self::Trying)
            .again(Wait::For(timing.until_t2()))
            .end(Wait::For(timing.timeout()))
    }

    pub(crate) fn handle(
        self,
        input: ServerInput,
        timing: &Timing,
        reliability: Reliability,
    ) -> Step<Self> {
        match (self, input) {
            (Self::Trying, ServerInput::Again(_)) => Step::to(Self::Proceeding)
                .send(Send::Trying)
                .again(Wait::Stop),
            (Self::Proceeding | Self::Completed, ServerInput::Request) => {
                Step::to(self).send(Send::Again)
            }
            (
                Self::Trying | Self::Proceeding,
                ServerInput::Respond(Class::Success | Class::Failure),
            ) => Step::to(Self::Completed)
                .send(Send::Response)
                .again(Wait::Stop)
                .linger(reliability, timing.timeout()),
            // A 408 would only come too late (RFC 4320 §4.2). A copy that is still under way is no new
            // request, for as long as a message may be (T4).
            (Self::Trying | Self::Proceeding, ServerInput::End) => Step::to(Self::Completed)
                .tell(Tell::Unanswered)
                .again(Wait::Stop)
                .linger(reliability, timing.t4),
            (
                Self::Trying | Self::Proceeding | Self::Completed,
                ServerInput::TransportFailed,
            ) => Step::over().tell(Tell::TransportFailed),
            (Self::Completed, ServerInput::End) => Step::over(),
            (Self::Trying, ServerInput::Request)
            // No provisional response of a user's is sent (RFC 4320 §4.1).
            | (
                Self::Trying | Self::Proceeding,
                ServerInput::Respond(Class::Trying | Class::Provisional),
            )
            | (Self::Completed, ServerInput::Respond(_))
            | (Self::Proceeding | Self::Completed, ServerInput::Again(_))
            // ACK has no transaction of its own.
            | (
                Self::Trying | Self::Proceeding | Self::Completed,
                ServerInput::Ack,
            ) => Step::to(self),
        }
    }
}
