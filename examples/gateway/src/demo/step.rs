//! Which events a scene wants.

use comity_identity::Direction;
use comity_policy::Verdict;
use comity_tokio::Event;
use comity_xmpp::stream::{CloseReason, Farewell, Method, Rejection};
use comity_xmpp::{StanzaCondition, StreamCondition};

use super::cast::Role;

/// An event that has to come next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Accepted,
    Allowed(Role, Direction),
    Authorized(Role),
    Closed(Ending),
    Connected,
    Denied(Role, Direction),
    Dialling(Role),
    Established(Role),
    Message(&'static str),
    Resolved(Role),
    Secured,
    Trusted(Role),
    Undelivered(Role, StanzaCondition),
    Untrusted(Role),
}

/// How a connection has to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// We stopped.
    ByUs,
    /// The peer said that it stops.
    ByPeer,
    /// The peer ended it with another error.
    PeerError,
    /// Our policy denied it.
    PolicyDenied,
    /// The peer's certificate did not do.
    CertificateRefused,
}

impl Step {
    /// Whether `event` is the one.
    pub(super) fn is(self, event: &Event) -> bool {
        match (self, event) {
            (Self::Accepted, Event::Accepted { .. })
            | (Self::Connected, Event::Connected { .. })
            | (Self::Secured, Event::Secured { .. }) => true,
            (
                Self::Allowed(role, way),
                Event::Decided {
                    pair,
                    direction,
                    decision,
                    ..
                },
            ) => {
                pair.remote.as_str() == role.domain()
                    && *direction == way
                    && decision.verdict == Verdict::Allow
            }
            (
                Self::Denied(role, way),
                Event::Decided {
                    pair,
                    direction,
                    decision,
                    ..
                },
            ) => {
                pair.remote.as_str() == role.domain()
                    && *direction == way
                    && decision.verdict == Verdict::Deny
            }
            (Self::Authorized(role), Event::Authorized { pair, method, .. })
            | (Self::Established(role), Event::Established { pair, method, .. }) => {
                pair.remote.as_str() == role.domain() && *method == Method::Certificate
            }
            (Self::Closed(ending), Event::Closed { reason, .. }) => ending.is(reason),
            (Self::Dialling(role), Event::Dialling { domain, .. }) => {
                domain.as_str() == role.domain()
            }
            (Self::Message(text), Event::Stanza { stanza, .. }) => {
                super::scenes::body(stanza).as_deref() == Some(text)
            }
            (
                Self::Resolved(role),
                Event::Resolved {
                    domain, resolution, ..
                },
            ) => {
                let targets = resolution.as_ref().map(comity_tokio::Resolution::targets);
                domain.as_str() == role.domain() && matches!(targets, Ok(Ok(_)))
            }
            (
                Self::Trusted(role),
                Event::Judged {
                    domain, verdict, ..
                },
            ) => domain.as_str() == role.domain() && verdict.trusted().is_some(),
            (
                Self::Untrusted(role),
                Event::Judged {
                    domain, verdict, ..
                },
            ) => domain.as_str() == role.domain() && verdict.reason().is_some(),
            (
                Self::Undelivered(role, condition),
                Event::Undelivered {
                    stanza, failure, ..
                },
            ) => stanza.to().domain().as_str() == role.domain() && failure.condition() == condition,
            _ => false,
        }
    }
}

/// Whether `event` is a refusal, a failure or an end, which no scene passes over.
pub(super) fn is_setback(event: &Event) -> bool {
    let is_end = matches!(
        event,
        Event::Closed { .. }
            | Event::ConnectFailed { .. }
            | Event::Refused { .. }
            | Event::TurnedAway { .. }
            | Event::Undelivered { .. }
    );
    let is_denial = matches!(
        event,
        Event::Decided { decision, .. } if decision.verdict == Verdict::Deny
    );
    let is_refusal = matches!(event, Event::Judged { verdict, .. } if verdict.reason().is_some());
    is_end || is_denial || is_refusal
}

impl Ending {
    fn is(self, reason: &CloseReason) -> bool {
        match self {
            Self::ByUs => *reason == CloseReason::Farewell(Farewell::Shutdown),
            Self::ByPeer => matches!(
                reason,
                CloseReason::PeerError(error)
                    if error.condition == StreamCondition::SystemShutdown
            ),
            Self::PeerError => matches!(
                reason,
                CloseReason::PeerError(error)
                    if error.condition != StreamCondition::SystemShutdown
            ),
            Self::PolicyDenied => *reason == CloseReason::Rejected(Rejection::Denied),
            Self::CertificateRefused => {
                matches!(reason, CloseReason::Rejected(Rejection::Refused { .. }))
            }
        }
    }
}
