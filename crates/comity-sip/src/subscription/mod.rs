//! Subscriptions to events (RFC 6665), from both sides, and publications (RFC 3903).

mod lease;
mod notifier;
mod publication;
mod subscriber;
mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::endpoint::{Failure, SendError};
use crate::{BuildError, DialogError, DialogId, Request, StatusCode};

pub(crate) use notifier::Watcher;
pub(crate) use publication::Publications;
pub use publication::{PublicationEvent, PublicationId, Publish};
pub use subscriber::Subscribe;
pub(crate) use subscriber::Subscriber;

/// A subscription of an endpoint, ours or a watcher's, never one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(pub(crate) u64);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happens to a subscription of ours.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubscriptionEvent {
    /// The notifier told its state, in a NOTIFY that was answered with 200.
    Notified(Box<Request>),
    /// The subscription was lost, or did not come about, and is asked for anew after this time.
    Retrying {
        /// When.
        wait: Duration,
        /// Why.
        cause: Cause,
    },
    /// It is over.
    Ended(Cause),
}

/// What happens to a subscription of a watcher's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatcherEvent {
    /// It was refreshed for this time, and the state was told again.
    Refreshed(Duration),
    /// It is over.
    Ended(Cause),
}

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Cause {
    /// The subscriber ended it, or wanted to know the state once.
    #[error("ended by the subscriber")]
    Unsubscribed,
    /// It was not refreshed.
    #[error("not refreshed in time")]
    Expired,
    /// The notifier ended it.
    #[error("ended by the notifier: {0}")]
    Terminated(Reason),
    /// The request was refused with this status.
    #[error("refused with {0}")]
    Refused(StatusCode),
    /// No NOTIFY came for 64*T1 after the SUBSCRIBE was accepted (Timer N).
    #[error("no notification came")]
    NoNotify,
    /// No answer came.
    #[error(transparent)]
    Failed(Failure),
    /// The other side knows it no more.
    #[error("the other side knows it no more")]
    Gone,
}

/// Why a notifier ends a subscription (RFC 6665 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// To have it asked for anew at once, perhaps at another place.
    Deactivated,
    /// To have it asked for anew later.
    Probation,
    /// By a change of policy. It is not to be asked for again.
    Rejected,
    /// It was not refreshed.
    Timeout,
    /// There was no leave of somebody to be had. It may be asked for later.
    GiveUp,
    /// What it is about is no more. It is not to be asked for again.
    NoResource,
    /// Its state will never change. It is not to be asked for again.
    Invariant,
    /// None was given, or one that is not known.
    Other,
}

/// Why a command about a subscription or a publication was not followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// There is none.
    #[error("no such subscription")]
    Unknown,
    /// The request takes no answer any more, or is no SUBSCRIBE.
    #[error("the request takes no answer any more")]
    Over,
    /// There are too many.
    #[error("too many subscriptions")]
    Overloaded,
    /// The state is larger than `max_state_bytes`.
    #[error("a state of more than {limit} bytes")]
    TooLarge {
        /// The largest.
        limit: u32,
    },
    /// No dialog can be made of the request, or no request of the dialog.
    #[error(transparent)]
    Dialog(#[from] DialogError),
    /// A value fits into no header.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The request is not sent.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// What a timer of a subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SubscriptionTimer {
    /// The subscriber refreshes it, or asks for it anew.
    Subscribe,
    /// No NOTIFY came (Timer N).
    NoNotify,
    /// The watcher did not refresh it.
    Expire,
    /// The watcher wants to be told again.
    Notify,
}

/// All subscriptions of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(crate) ours: BTreeMap<SubscriptionId, Subscriber>,
    pub(crate) watchers: BTreeMap<SubscriptionId, Watcher>,
    dialogs: BTreeMap<DialogId, (SubscriptionId, Side)>,
    /// Ours by Call-ID and tag, for the NOTIFY that comes before the 2xx and begins the dialog.
    begun: BTreeMap<(String, String), SubscriptionId>,
    next: u64,
}

/// On which side of a subscription we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Subscriber,
    Notifier,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        self.ours.len() + self.watchers.len()
    }

    pub(crate) fn of_dialog(&self, id: &DialogId) -> Option<(SubscriptionId, Side)> {
        self.dialogs.get(id).copied()
    }

    fn next_id(&mut self) -> SubscriptionId {
        let id = SubscriptionId(self.next);
        self.next += 1;
        id
    }
}

impl Reason {
    /// The reason that a notifier gives.
    pub(crate) fn parse(reason: Option<&str>) -> Self {
        let known = [
            Self::Deactivated,
            Self::Probation,
            Self::Rejected,
            Self::Timeout,
            Self::GiveUp,
            Self::NoResource,
            Self::Invariant,
        ];
        let found = reason.and_then(|reason| {
            let mut known = known.into_iter();
            known.find(|known| known.as_str().eq_ignore_ascii_case(reason))
        });
        found.unwrap_or(Self::Other)
    }

    /// Its word in Subscription-State; empty for [`Other`](Self::Other).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::GiveUp => "giveup",
            Self::NoResource => "noresource",
            Self::Invariant => "invariant",
            Self::Other => "",
        }
    }

    /// After what time the subscription may be asked for again, if the notifier says so or nothing;
    /// `None` if it must not be.
    pub(crate) fn retry(self, retry_after: Option<u32>) -> Option<Duration> {
        let said = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        match self {
            // These have no retry-after (RFC 6665 §4.1.3).
            Self::Deactivated | Self::Timeout => Some(Duration::ZERO),
            Self::Probation | Self::GiveUp | Self::Other => Some(said.unwrap_or_default()),
            Self::Rejected | Self::NoResource | Self::Invariant => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other => "no reason that is known",
            Self::Deactivated
            | Self::Probation
            | Self::Rejected
            | Self::Timeout
            | Self::GiveUp
            | Self::NoResource
            | Self::Invariant => self.as_str(),
        })
    }
}
