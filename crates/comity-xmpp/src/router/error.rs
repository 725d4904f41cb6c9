use crate::StanzaCondition;

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The router was closed.
    #[error("this server stops")]
    Closed,
    /// [`Limits::max_inbound`](super::Limits::max_inbound) is reached.
    #[error("too many connections")]
    TooMany,
    /// [`Limits::max_inbound_per_source`](super::Limits::max_inbound_per_source) is reached.
    #[error("too many connections from there")]
    TooManyOfSource,
}

/// Why a stanza was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The router was closed.
    #[error("this server stops")]
    Closed,
    /// Too many stanzas or domains wait already.
    #[error("too many stanzas wait")]
    Full,
    /// The sender is in no domain of ours.
    #[error("the sender is not in a domain of this server")]
    NotLocal,
    /// The recipient is in a domain of ours.
    #[error("the recipient is in a domain of this server")]
    RemoteIsLocal,
}

impl SendError {
    /// The error for the sender of the stanza (RFC 6120 §10.4).
    #[must_use]
    pub fn condition(self) -> StanzaCondition {
        match self {
            Self::Closed => StanzaCondition::RemoteServerTimeout,
            Self::Full => StanzaCondition::ResourceConstraint,
            // Whoever routes stanzas has sent it to the wrong place.
            Self::NotLocal | Self::RemoteIsLocal => StanzaCondition::InternalServerError,
        }
    }
}
