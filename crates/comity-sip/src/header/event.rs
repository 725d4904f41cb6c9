//! Event, Allow-Events and Subscription-State.

use std::fmt;

use super::{check_params, field};
use crate::grammar::{Ascii, Params, Read, delta_seconds, params, token, whole};
use crate::message::ListField;

/// The state that a subscription is about (RFC 6665 §8.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    package: Ascii<'a>,
    params: Params<'a>,
}

impl<'a> Event<'a> {
    /// The package with its templates, as `presence` or `presence.winfo`. Upper and lower case
    /// differ.
    pub fn package(&self) -> &'a str {
        self.package.as_str()
    }

    /// Tells several subscriptions of one dialog apart.
    pub fn id(&self) -> Option<&'a str> {
        self.params.value("id").map(|value| value.as_str())
    }

    /// The parameters, `id` included.
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.package, self.params)
    }
}

field!(
    Event,
    Event,
    |input| {
        let (rest, (package, params)) = token_with_params(input)?;
        Ok((rest, Event { package, params }))
    },
    |event, limits| check_params(&event.params, limits)
);

/// A package that the sender can be subscribed for (RFC 6665 §8.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowEvents<'a>(Ascii<'a>);

impl<'a> AllowEvents<'a> {
    /// The package with its templates.
    pub fn package(&self) -> &'a str {
        self.0.as_str()
    }
}

impl fmt::Display for AllowEvents<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

field!(AllowEvents, AllowEvents, |input| {
    let (rest, package) = token(input)?;
    Ok((rest, AllowEvents(package)))
});

impl<'a> ListField<'a> for AllowEvents<'a> {}

/// How a subscription stands (RFC 6665 §8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    status: Ascii<'a>,
    params: Params<'a>,
}

/// The first word of Subscription-State.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionStatus<'a> {
    /// It was accepted.
    Active,
    /// It was received, and not decided.
    Pending,
    /// It is over.
    Terminated,
    /// Any other word, which counts as active (RFC 6665 §4.1.3).
    Other(&'a str),
}

impl<'a> SubscriptionState<'a> {
    /// The first word.
    pub fn status(&self) -> SubscriptionStatus<'a> {
        if self.status.is("active") {
            SubscriptionStatus::Active
        } else if self.status.is("pending") {
            SubscriptionStatus::Pending
        } else if self.status.is("terminated") {
            SubscriptionStatus::Terminated
        } else {
            SubscriptionStatus::Other(self.status.as_str())
        }
    }

    /// Why it is over: `deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`,
    /// `invariant` or another token.
    pub fn reason(&self) -> Option<&'a str> {
        self.params.value("reason").map(|value| value.as_str())
    }

    /// For how many seconds it lasts; `None` if it is not said or malformed. The largest `u32` stands
    /// for every larger number.
    pub fn expires(&self) -> Option<u32> {
        self.seconds("expires")
    }

    /// After how many seconds to try again; `None` if it is not said or malformed. The largest `u32`
    /// stands for every larger number.
    pub fn retry_after(&self) -> Option<u32> {
        self.seconds("retry-after")
    }

    /// The parameters, those included that have a method of their own.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        let value = self.params.value(name)?;
        whole(value.as_bytes(), delta_seconds).ok()
    }
}

impl fmt::Display for SubscriptionState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.status, self.params)
    }
}

field!(
    SubscriptionState,
    SubscriptionState,
    |input| {
        let (rest, (status, params)) = token_with_params(input)?;
        Ok((rest, SubscriptionState { status, params }))
    },
    |state, limits| check_params(&state.params, limits)
);

/// `token *( SEMI generic-param )`
pub(super) fn token_with_params(input: &[u8]) -> Read<'_, (Ascii<'_>, Params<'_>)> {
    let (rest, token) = token(input)?;
    let (rest, params) = params(rest, |_| Ok(()))?;
    Ok((rest, (token, params)))
}
