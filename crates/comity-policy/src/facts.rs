use std::fmt;
use std::net::IpAddr;

use comity_identity::{Assurance, Direction, DomainName};

use crate::{Address, Topic};

/// What is known about something that is to be permitted.
///
/// A fact that a stage needs and that is not given is a reason to deny. Whoever gives the facts has
/// proved them: the policy takes the remote domain for the one whose server it is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Facts<'a> {
    /// How far it has come.
    pub stage: Stage,
    /// Over which protocol.
    pub protocol: Protocol,
    /// In which direction it goes.
    pub direction: Direction,
    /// Our side.
    pub local: Option<&'a DomainName>,
    /// The other side.
    pub remote: Option<&'a DomainName>,
    /// The user on our side: of what goes out by the address of his own or by his email address, of
    /// what comes in by the address that the packet has.
    pub local_user: Option<&'a Address>,
    /// The user on the other side; `None` if the domain itself speaks.
    pub remote_user: Option<&'a Address>,
    /// From where a connection comes.
    pub peer: Option<Peer<'a>>,
    /// What the other side has proved about its domain. A peer that proved another name has proved
    /// nothing here, unless a route says that it speaks for the domain; and that the connection is
    /// encrypted is for whoever makes it to see to, by [`Obligations::security`].
    ///
    /// [`Obligations::security`]: crate::Obligations::security
    pub assurance: Assurance,
    /// What a stanza or request is about. `None` passes only what both topics would.
    pub topic: Option<Topic>,
}

impl<'a> Facts<'a> {
    /// A connection that comes in, of which nothing else is known yet.
    #[must_use]
    pub fn connection(protocol: Protocol, peer: Peer<'a>) -> Self {
        Self {
            stage: Stage::Connect,
            protocol,
            direction: Direction::Inbound,
            local: None,
            remote: None,
            local_user: None,
            remote_user: None,
            peer: Some(peer),
            assurance: Assurance::None,
            topic: None,
        }
    }

    /// A stream or a request between two domains, of which nothing is proved yet.
    #[must_use]
    pub fn between(
        protocol: Protocol,
        local: &'a DomainName,
        remote: &'a DomainName,
        direction: Direction,
    ) -> Self {
        Self {
            stage: Stage::StreamHeader,
            protocol,
            direction,
            local: Some(local),
            remote: Some(remote),
            local_user: None,
            remote_user: None,
            peer: None,
            assurance: Assurance::None,
            topic: None,
        }
    }

    /// The same at another stage, with what has been proved by then.
    #[must_use]
    pub fn at(self, stage: Stage, assurance: Assurance) -> Self {
        Self {
            stage,
            assurance,
            ..self
        }
    }

    /// The same between two users, about something.
    #[must_use]
    pub fn users(self, local: &'a Address, remote: &'a Address, topic: Topic) -> Self {
        Self {
            local_user: Some(local),
            remote_user: Some(remote),
            topic: Some(topic),
            ..self
        }
    }

    /// The same from a peer.
    #[must_use]
    pub fn from_peer(self, peer: Peer<'a>) -> Self {
        Self {
            peer: Some(peer),
            ..self
        }
    }
}

/// From where a connection comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an access list asks for these two"
)]
pub struct Peer<'a> {
    /// Its address.
    pub address: IpAddr,
    /// Its name, if that is proved.
    pub name: Option<&'a DomainName>,
}

/// A protocol over which domains federate.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "those that comity speaks")]
pub enum Protocol {
    /// SIP with SIMPLE.
    Sip,
    /// XMPP between servers.
    Xmpp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sip => "SIP",
            Self::Xmpp => "XMPP",
        })
    }
}

/// How far something has come. Each stage asks for what the ones before it ask for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new stage must break the callers"
)]
pub enum Stage {
    /// A connection was made.
    Connect,
    /// It says between which domains it is: the header of a stream, the first request.
    StreamHeader,
    /// The other side has proved its domain, or has had the chance.
    Authentication,
    /// A stanza or a request.
    Stanza,
    /// A subscription to presence.
    Subscription,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [
        Self::Connect,
        Self::StreamHeader,
        Self::Authentication,
        Self::Stanza,
        Self::Subscription,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::StreamHeader => "header",
            Self::Authentication => "authentication",
            Self::Stanza => "stanza",
            Self::Subscription => "subscription",
        })
    }
}
