use std::time::Duration;

/// What a transaction does with one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step<S> {
    /// Its state from now on; `None` ends it.
    pub(crate) next: Option<S>,
    /// What it sends.
    pub(crate) send: Send,
    /// What its user learns.
    pub(crate) tell: Tell,
    /// What becomes of the timer by which it repeats itself.
    pub(crate) again: Wait,
    /// What becomes of the timer that ends the state.
    pub(crate) end: Wait,
}

/// What a transaction sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Send {
    #[default]
    Nothing,
    /// The request of a client, or the last response of a server, again.
    Again,
    /// The ACK to a response that is not 2xx.
    Ack,
    /// The response that the user hands down.
    Response,
    /// A 100 of the transaction's own.
    Trying,
    /// A 408 of the transaction's own: the user did not answer an INVITE.
    Timeout,
}

/// What the user of a transaction learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tell {
    #[default]
    Nothing,
    /// This message.
    Message,
    /// Nobody answered in time: no final response came to a client, no ACK to a server.
    TimedOut,
    /// The user did not answer in time.
    Unanswered,
    /// The transport failed.
    TransportFailed,
    /// Nothing came for Timer C: the INVITE is to be cancelled.
    RangOut,
    /// No further 2xx comes.
    Ended,
}

/// What becomes of a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is armed anew.
    For(Duration),
    /// It is disarmed.
    Stop,
}

impl<S> Step<S> {
    /// The same step of a machine that holds this one.
    pub(crate) fn map<T>(self, state: impl FnOnce(S) -> T) -> Step<T> {
        Step {
            next: self.next.map(state),
            send: self.send,
            tell: self.tell,
            again: self.again,
            end: self.end,
        }
    }

    /// Goes to a state, with both timers as they are.
    pub(crate) fn to(next: S) -> Self {
        Self {
            next: Some(next),
            send: Send::Nothing,
            tell: Tell::Nothing,
            again: Wait::Keep,
            end: Wait::Keep,
        }
    }

    /// Ends the transaction.
    pub(crate) fn over() -> Self {
        Self {
            next: None,
            send: Send::Nothing,
            tell: Tell::Nothing,
            again: Wait::Stop,
            end: Wait::Stop,
        }
    }

    pub(crate) fn send(self, send: Send) -> Self {
        Self { send, ..self }
    }

    pub(crate) fn tell(self, tell: Tell) -> Self {
        Self { tell, ..self }
    }

    pub(crate) fn again(self, again: Wait) -> Self {
        Self { again, ..self }
    }

    pub(crate) fn end(self, end: Wait) -> Self {
        Self { end, ..self }
    }

    /// Stays in a state for a time that is over at once where the transport is reliable.
    pub(crate) fn linger(self, reliability: Reliability, wait: Duration) -> Self {
        match reliability {
            Reliability::Unreliable => self.end(Wait::For(wait)),
            Reliability::Reliable => Self {
                next: None,
                again: Wait::Stop,
                end: Wait::Stop,
                ..self
            },
        }
    }
}

/// Whether the transport itself repeats what is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reliability {
    Unreliable,
    Reliable,
}

impl Reliability {
    /// A wait that is only for transports that lose messages.
    pub(crate) fn wait(self, wait: Duration) -> Wait {
        match self {
            Self::Unreliable => Wait::For(wait),
            Self::Reliable => Wait::Stop,
        }
    }
}

/// What a class of responses is to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// 100.
    Trying,
    /// 101 to 199.
    Provisional,
    /// 200 to 299.
    Success,
    /// 300 to 699.
    Failure,
}
