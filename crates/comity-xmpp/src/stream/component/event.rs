use comity_identity::DomainName;

use crate::stanza::AddressError;
use crate::stream::{CloseReason, SendId};
use crate::{Stanza, StanzaCondition};

/// What the composer of a component must know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The stream is over; nothing follows.
    ///
    /// A server that does not want the component says so in a
    /// [`PeerError`](CloseReason::PeerError): `not-authorized` if the secret is another,
    /// `host-unknown` if it does not know the component, `conflict` if there is one of that name.
    /// ejabberd also says `not-authorized` of a component that it does not know.
    Closed(CloseReason),
    /// What came from the server was dropped by a rule.
    Dropped(DropReason),
    /// The server has accepted the component: stanzas may be sent and come from now on.
    Established,
    /// The driver has [written](super::Component::handle_written) a stanza that is tracked.
    Sent {
        /// The id that it was [sent with](super::Component::send_tracked).
        id: SendId,
    },
    /// A stanza for the component, in the namespace of stanzas between servers.
    Stanza {
        /// The stanza.
        stanza: Stanza,
    },
    /// A stanza that is tracked, and that the driver had not written when the stream ended: nobody
    /// knows whether it arrived. They come in the order in which they were sent.
    Unwritten {
        /// The stanza.
        stanza: Stanza,
        /// The id that it was sent with.
        id: SendId,
    },
}

/// The rule by which something of the server was dropped, the stream going on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// An address is missing or malformed.
    #[error("{0}")]
    Address(AddressError),
    /// An element has two attributes that differ in nothing but which content namespace they are in.
    #[error("two attributes would be the same between servers")]
    AttributesCollide,
    /// It is for another domain than that of the component.
    #[error("a stanza for {0}, which is not the domain of the component")]
    OtherDomain(DomainName),
    /// It is no stanza.
    #[error("a first-level element that is not a stanza")]
    UnsupportedElement,
}

/// Why a component did not take a stanza.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// An element has two attributes that differ in nothing but which content namespace they are in.
    #[error("two attributes would be the same on the stream of a component")]
    AttributesCollide,
    /// The stream is closing or closed.
    #[error("the stream is closed")]
    Closed,
    /// Too much waits for the server already.
    #[error("too much waits for the server")]
    Full,
    /// The server has not accepted the component yet.
    #[error("the stream is not established")]
    NotEstablished,
    /// The sender is not in the domain of the component (XEP-0114 §3).
    #[error("the sender is not in the domain of the component")]
    NotLocal,
}

impl SendError {
    /// The error for the sender of the stanza (RFC 6120 §10.4).
    #[must_use]
    pub fn condition(self) -> StanzaCondition {
        match self {
            Self::AttributesCollide => StanzaCondition::NotAcceptable,
            Self::Closed | Self::NotEstablished => StanzaCondition::RemoteServerTimeout,
            Self::Full => StanzaCondition::ResourceConstraint,
            // Whoever routes stanzas has sent it to the wrong place.
            Self::NotLocal => StanzaCondition::InternalServerError,
        }
    }
}
