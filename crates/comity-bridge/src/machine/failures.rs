//! Failures of the bridge's own.

use comity_sip::endpoint::SendError;
use comity_sip::{BuildError, UriError};
use comity_xmpp::{StanzaCondition, StanzaError};

use crate::address::AddressError;

/// A request could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unaddressable {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Uri(#[from] UriError),
}

/// The error for the sender of a stanza whose request is not sent (RFC 7572 §6).
pub(super) fn of_send(failure: &SendError) -> StanzaError {
    let condition = match failure {
        SendError::TooLarge { .. } => StanzaCondition::PolicyViolation,
        SendError::Malformed(_) | SendError::Method | SendError::Overloaded | _ => {
            StanzaCondition::ResourceConstraint
        }
    };
    let mut error = StanzaError::new(condition);
    error.text = Some(failure.to_string().into());
    error
}

/// The error for the sender of a stanza of which no request could be made.
pub(super) fn not_sent(why: &str) -> StanzaError {
    let mut error = StanzaError::new(StanzaCondition::ResourceConstraint);
    error.text = Some(why.into());
    error
}
