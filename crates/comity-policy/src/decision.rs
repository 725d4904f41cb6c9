use std::fmt;
use std::sync::Arc;

use comity_identity::{Assurance, Direction, DomainName};

use crate::{AclEntry, Address, DomainPattern, Exception, Protocol, SecurityMode, UserRule};

/// Whether packets pass.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "callers should match without a wildcard"
)]
pub enum Verdict {
    /// They pass.
    Allow,
    /// They do not pass.
    Deny,
}

impl Verdict {
    /// The other verdict.
    #[must_use]
    pub fn inverted(self) -> Self {
        match self {
            Self::Allow => Self::Deny,
            Self::Deny => Self::Allow,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

/// The answer of a [`Policy`](crate::Policy), with the rules that made it.
///
/// Its text is one line: `allowed: default allow`. It names remote domains and users, so it is for
/// the operator and not for a bounce.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether it passes.
    pub verdict: Verdict,
    /// What goes with it.
    pub obligations: Obligations,
    /// Why.
    pub explanation: Explanation,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Allow => "allowed",
            Verdict::Deny => "denied",
        };
        write!(f, "{verdict}: {}", self.explanation)
    }
}

/// What whoever asked must do beside letting something pass or not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Obligations {
    /// How the connection must be secured, where the domain is known.
    pub security: Option<SecurityMode>,
    /// How a refusal is shown, if it is one.
    pub denial: Option<Denial>,
    /// What becomes of a subscription that passes.
    pub subscription: Option<Subscription>,
    /// Ask again as soon as the name of the peer is proved: until then no entry of the access list
    /// lets it in, but one by name may.
    pub ask_again_with_name: bool,
}

/// How a refusal is shown to the other side.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must treat each")]
pub enum Denial {
    /// Not at all: no packet may go there, or its absence must not be told from that of a user.
    Drop,
    /// The sender is our own user, who has blocked the other: `not-acceptable` (XEP-0191 §3.4).
    OwnBlock,
    /// The user is seen as offline: a subscription is accepted and shows nobody (RFC 3856 §6.6.2).
    Polite,
    /// By an error.
    Refuse,
}

/// What becomes of a subscription that passes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must treat each")]
pub enum Subscription {
    /// The user has allowed it.
    Active,
    /// The user has not decided: it is accepted as pending and he is asked.
    Pending,
}

/// The rules that made a decision, in the order in which they were consulted; the last one decided.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Explanation {
    rules: [Option<Rule>; MAX_RULES],
}

impl Explanation {
    /// The rules; there is at least one.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().flatten()
    }

    /// Adds a rule. Each consultation adds a fixed number, fewer than there is room for.
    pub(crate) fn push(&mut self, rule: Rule) {
        let free = self.rules.iter_mut().find(|place| place.is_none());
        debug_assert!(free.is_some(), "more rules than MAX_RULES");
        if let Some(place) = free {
            *place = Some(rule);
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before: Option<&Rule> = None;
        for rule in self.rules() {
            f.write_str(before.map_or("", |before| before.separator(rule)))?;
            rule.fmt(f)?;
            before = Some(rule);
        }
        Ok(())
    }
}

/// One step of an [`Explanation`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// The protocol is off.
    ProtocolOff(Protocol),
    /// A fact that the stage needs is not given.
    Missing(Fact),
    /// The entry of the access list that lets the peer in.
    AclEntry(AclEntry),
    /// Nothing is asked of a connection over this protocol, or of our own.
    NothingAsked(Protocol),
    /// No entry of the access list lets the peer in.
    NotInAcl,
    /// No entry by address lets the peer in, and its name is not known yet.
    NameNotKnown,
    /// The packet's own side is not a local domain.
    NotLocal(DomainName),
    /// The packet's remote side is a local domain.
    RemoteIsLocal(DomainName),
    /// A user is of another domain than his side has proved.
    OtherDomain(Address, DomainName),
    /// The domain is federated over the other protocol.
    OtherProtocol(DomainName, Protocol),
    /// The most specific pattern of the domains that are blocked over SIP.
    SipBlocked(DomainPattern),
    /// The domain is on the list of SIP domains.
    SipDomain(DomainName),
    /// The most specific exception for the remote domain inverted the default.
    Exception(Exception),
    /// The most specific exception for the remote domain is not about packets of this direction.
    OtherDirection(Exception, Direction),
    /// The default verdict.
    Default(Verdict),
    /// The other side has proved as much as is needed.
    Proved(Assurance),
    /// The other side has not proved what is needed.
    NotProved {
        /// What is needed.
        needed: Assurance,
        /// What it has proved.
        found: Assurance,
    },
    /// What the user has decided.
    User(Arc<UserRule>),
    /// The user has decided nothing about the other one.
    Undecided(Address),
    /// The address of the user's own, who is known by email alone.
    Hidden(Address),
}

impl Rule {
    /// What stands between this rule and the next.
    fn separator(&self, next: &Self) -> &'static str {
        match (self, next) {
            (Self::Exception(_), Self::Default(_)) => " under ",
            (Self::OtherDirection(..), Self::Default(_)) => ", ",
            _ => "; ",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProtocolOff(protocol) => write!(f, "federation over {protocol} is off"),
            Self::Missing(fact) => write!(f, "{fact} is not known"),
            Self::AclEntry(entry) => entry.fmt(f),
            Self::NothingAsked(protocol) => {
                write!(f, "nothing is asked of such a connection over {protocol}")
            }
            Self::NotInAcl => f.write_str("no entry of the access list lets the peer in"),
            Self::NameNotKnown => {
                f.write_str("an entry of the access list may let the peer in by its name")
            }
            Self::NotLocal(domain) => write!(f, "{domain} is not a local domain"),
            Self::RemoteIsLocal(domain) => write!(f, "{domain} is a local domain"),
            Self::OtherDomain(user, domain) => write!(f, "{user} is not of {domain}"),
            Self::OtherProtocol(domain, protocol) => {
                write!(f, "{domain} is federated over {protocol}")
            }
            Self::SipBlocked(pattern) => write!(f, "{pattern} is blocked over SIP"),
            Self::SipDomain(domain) => write!(f, "{domain} is a federated SIP domain"),
            Self::Exception(exception) => exception.fmt(f),
            Self::OtherDirection(exception, direction) => {
                let packets = match direction {
                    Direction::Inbound => "incoming",
                    Direction::Outbound => "outgoing",
                };
                write!(f, "{exception} does not cover {packets} packets")
            }
            Self::Default(verdict) => write!(f, "default {verdict}"),
            Self::Proved(found) => write!(f, "the other side is {found}"),
            Self::NotProved { needed, found } => {
                write!(f, "the other side must be {needed} and is {found}")
            }
            Self::User(rule) => rule.fmt(f),
            Self::Undecided(owner) => write!(f, "{owner} has not decided"),
            Self::Hidden(user) => write!(f, "{user} is known by email alone"),
        }
    }
}

/// A fact that a stage may need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fact {
    /// The local domain.
    LocalDomain,
    /// The local user.
    LocalUser,
    /// The address of the peer.
    Peer,
    /// The remote domain.
    RemoteDomain,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalDomain => "the local domain",
            Self::LocalUser => "the local user",
            Self::Peer => "the address of the peer",
            Self::RemoteDomain => "the remote domain",
        })
    }
}

/// One of the access list, two of the domain, one of the proof, one of the user.
const MAX_RULES: usize = 5;
