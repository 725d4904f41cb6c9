use std::fmt;
use std::net::SocketAddr;

use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_sip::Transport;
use comity_xmpp::{Jid, Stanza};

use crate::address::Collision;
use crate::{Fact, Route};

/// A stanza that was given to a bridge, by the composer's number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "a number of the composer's")]
pub struct Ticket(pub u64);

/// A stanza of which the bridge must know what becomes of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StanzaId(pub(crate) u64);

impl fmt::Display for StanzaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the composer of a bridge must do, answer or know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Send this over XMPP.
    Stanza {
        /// The stanza.
        stanza: Stanza,
        /// By what [`handle_sent`](crate::Bridge::handle_sent) or
        /// [`handle_unsent`](crate::Bridge::handle_unsent) is to tell what became of it. A stanza
        /// without is never asked about.
        id: Option<StanzaId>,
    },
    /// A stanza is not for the users of SIP: send it on over XMPP as it is. It is the composer's
    /// again, with its ticket.
    Relay {
        /// The stanza.
        stanza: Stanza,
        /// As it came.
        ticket: Option<Ticket>,
    },
    /// Nothing more has to be done about a stanza: it arrived, its sender was told why not, or a
    /// rule dropped it ([`Event::Dropped`]).
    Settled(Ticket),
    /// May somebody who proved these names speak for this domain? Answered by
    /// [`handle_identified`](crate::Bridge::handle_identified).
    Identify {
        /// The question.
        query: QueryId,
        /// The domain.
        domain: DomainName,
        /// The names that the peer proved; none over datagrams and in clear text.
        proved: Vec<DomainName>,
        /// Where the peer is.
        source: SocketAddr,
        /// How it came.
        transport: Transport,
    },
    /// Which protocol does this domain speak? Answered by
    /// [`handle_discovered`](crate::Bridge::handle_discovered).
    Discover {
        /// The question.
        query: QueryId,
        /// The domain.
        domain: DomainName,
        /// XMPP was tried, and the domain was not reached: is there another way?
        xmpp_failed: bool,
    },
    /// An exchange with this domain over SIP has succeeded, which nobody has configured.
    Learned {
        /// The domain.
        domain: DomainName,
        /// How it was reached.
        route: Route,
    },
    /// Keep this for the next run.
    Store(Fact),
    /// Keep this no more.
    Forget(Fact),
    /// Two users of SIP are one on the side of XMPP, where names do not differ by case (told once).
    Collision {
        /// What they are there.
        address: Jid,
        /// How the two write themselves.
        collision: Collision,
    },
    /// Something was dropped.
    Dropped(Dropped),
    /// Something was refused by the rules: one line for the operator.
    Refused(Box<str>),
}

/// Which way leads to a domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "two protocols, and one with two ways"
)]
pub enum Way {
    /// XMPP.
    Xmpp,
    /// SIP.
    Sip(Route),
}

/// By which rule something was dropped, without an answer to its sender.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Dropped {
    /// The rules say that no answer may go there, or that it would tell too much.
    ByPolicy,
    /// It passed this bridge before, or too many others.
    Loop,
    /// It is of no use on the other side: a notice that somebody is typing to whom nobody talks, a
    /// receipt, a stanza without a text.
    NothingToTell,
    /// An error that answers nothing that is known.
    StrayError,
    /// A presence that belongs to no subscription.
    StrayPresence,
    /// The news that a text was not delivered did not arrive either.
    Notice,
    /// There is no room for it, and it is worth no error: a notice that somebody is typing.
    NoRoom,
    /// No stream took it, and nobody waits to hear: a presence, an error.
    Unsent,
}

impl Dropped {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ByPolicy,
        Self::Loop,
        Self::NothingToTell,
        Self::StrayError,
        Self::StrayPresence,
        Self::Notice,
        Self::NoRoom,
        Self::Unsent,
    ];

    /// Its name in counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ByPolicy => "policy",
            Self::Loop => "loop",
            Self::NothingToTell => "nothing_to_tell",
            Self::StrayError => "stray_error",
            Self::StrayPresence => "stray_presence",
            Self::Notice => "notice",
            Self::NoRoom => "no_room",
            Self::Unsent => "unsent",
        }
    }
}
