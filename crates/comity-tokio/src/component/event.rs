use std::fmt;
use std::time::Duration;

use comity_xmpp::stream::component::{self, DropReason};
use comity_xmpp::stream::{CloseReason, SendId};
use comity_xmpp::{Stanza, StanzaCondition};

use crate::event::fmt_redacted;

/// What the application must know of a link.
///
/// The text of an event is one line for a log, and shows nothing of users.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// What came from the server was dropped by a rule.
    Dropped(DropReason),
    /// The server has accepted the component: stanzas go both ways.
    Established,
    /// There is no stream any more, or none came about.
    Lost {
        /// Why.
        failure: Failure,
        /// How long the link waits until it tries again.
        wait: Duration,
    },
    /// A stanza that is tracked ([`Link::send_tracked`](super::Link::send_tracked)) was taken by the
    /// system for the connection.
    Sent {
        /// The id that it got when it was taken.
        id: SendId,
    },
    /// A stanza for the component.
    Stanza {
        /// The stanza.
        stanza: Stanza,
    },
    /// A stanza that was taken could not be sent, or it is not known whether it was.
    Undelivered {
        /// The stanza.
        stanza: Stanza,
        /// The id that it got when it was taken, if it is tracked.
        id: Option<SendId>,
        /// Why.
        failure: Failure,
    },
}

/// Why there is no stream, or a stanza could not be sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The stream ended. Of a stanza that was on its way nobody knows whether it arrived.
    #[error("the stream ended: {0}")]
    Ended(CloseReason),
    /// The stream does not take the stanza.
    #[error("{0}")]
    Refused(component::SendError),
    /// The link was shut down.
    #[error("this server stops")]
    Shutdown,
    /// The server could not be connected to.
    #[error("the server cannot be reached: {0}")]
    Unreachable(Box<str>),
}

impl Failure {
    /// The error for the sender of the stanza (RFC 6120 §10.4).
    #[must_use]
    pub fn condition(&self) -> StanzaCondition {
        match self {
            Self::Ended(_) | Self::Shutdown | Self::Unreachable(_) => {
                StanzaCondition::RemoteServerTimeout
            }
            Self::Refused(error) => error.condition(),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped(reason) => write!(f, "component: dropped: {reason}"),
            Self::Established => f.write_str("component: established"),
            Self::Lost { failure, wait } => {
                write!(f, "component: {failure}; again in {} ms", wait.as_millis())
            }
            Self::Sent { .. } => f.write_str("component: a tracked stanza has left"),
            Self::Stanza { stanza } => {
                f.write_str("component: received ")?;
                fmt_redacted(stanza, f)
            }
            Self::Undelivered {
                stanza, failure, ..
            } => {
                f.write_str("component: not delivered: ")?;
                fmt_redacted(stanza, f)?;
                write!(f, ": {failure}")
            }
        }
    }
}
