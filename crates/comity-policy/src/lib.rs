//! Who may federate with whom, over which protocol and how secured, and which rule says so.
//!
//! A [`Policy`] is compiled once from a [`Config`], which has a text form in TOML, and answers one
//! question at every [`Stage`]: may this pass ([`Policy::decide`])? A [`Decision`] carries what must
//! be done beside it ([`Obligations`]) and the rules that made it. It opens no connection, checks no
//! certificate and stores nothing: it trusts that what it is told was proved by other means. Rates
//! are counted by a [`RateLimiter`].
//!
//! ```
//! use comity_identity::{Direction, DomainName};
//! use comity_policy::{Config, Exception, Facts, Packets, Policy, Protocol, Switch, Verdict};
//!
//! let mut config = Config::default();
//! config.local_domains.insert("imp.example.com".parse()?);
//! config.xmpp.enabled = Switch::On;
//! config.xmpp.default_verdict = Verdict::Allow;
//! config
//!     .xmpp
//!     .exceptions
//!     .push(Exception::new("*.example.net".parse()?, Packets::IncomingOnly));
//! let policy = Policy::new(config)?;
//!
//! let local: DomainName = "imp.example.com".parse()?;
//! let remote: DomainName = "chat.example.net".parse()?;
//! let facts = Facts::between(Protocol::Xmpp, &local, &remote, Direction::Inbound);
//! let decision = policy.decide(&facts);
//! assert_eq!(decision.verdict, Verdict::Deny);
//! assert_eq!(
//!     decision.to_string(),
//!     "denied: exception *.example.net (incoming only) under default allow"
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which rule wins
//!
//! The rules are consulted in this order, and the first that denies decides:
//!
//! 1. The protocol is on.
//! 2. The access list lets the peer in. It is about SIP connections that come in. An entry of a
//!    name covers every host below it; an entry that is there for a federated domain belongs to
//!    that domain. While the name of a peer is not known, an entry by name may still let it in:
//!    [`Obligations::ask_again_with_name`].
//! 3. Our side is a local domain, by its whole name, and the other side is none. Parents, children
//!    and siblings of a local domain are remote, even when a wildcard covers both. Where email
//!    addresses stand in for users' own, their domains are local.
//! 4. The domain may. Over SIP the listed domains may, and the others by the default of SIP. Over
//!    XMPP a domain that is listed for SIP may not. Of the exceptions whose pattern covers the
//!    domain, one is consulted, the most specific: the exact name, else the longest wildcard. If it
//!    names the direction of the packet, the verdict is the opposite of the default. If it does not,
//!    the default holds; a less specific exception is not looked at.
//! 5. From [`Stage::Authentication`] on: the other side has proved as much as its security mode
//!    asks for; over SIP always by a certificate.
//! 6. From [`Stage::Stanza`] on: both users are of the domains that were proved; nobody writes to the own address of a user who is known by email;
//!    and the user has not blocked the other one. His rule about a user goes before that about the
//!    domain. Over SIP he may write to whom he has blocked, over XMPP he may not. A subscription
//!    about which he has decided nothing is pending.
//!
//! A direction is about packets, whatever they answer. Under [`Verdict::Deny`] an exception for
//! [`Packets::IncomingOnly`] lets the domain write to us, and denies every packet towards it, error
//! replies included: a refusal is then [`Denial::Drop`]. Ask for each packet in its own direction.
//!
//! # Replacing the rules
//!
//! A policy does not change. To replace it, compile the new one, look at
//! [`Config::difference`], put it in the place of the old one and ask it about what is going on:
//! nothing but what it denies has to end. A text with an error makes no policy, so that the old one
//! stays.
//!
//! # Cost
//!
//! Names and addresses are looked up label by label and prefix by prefix, so the cost of an answer
//! depends on the name (at most 127 look-ups) and not on the number of rules; it allocates nothing.
//! The size of the tables is decided by the configuration alone: nothing that a peer sends is
//! stored. The buckets of a [`RateLimiter`] are bounded by their number.

mod acl;
mod address;
mod check;
mod compare;
mod config;
mod decision;
mod difference;
mod email;
mod exception;
mod facts;
#[cfg(any(test, feature = "naive"))]
pub mod naive;
mod pattern;
mod policy;
mod rate;
mod security;
mod sip;
mod table;
mod text;
mod user;

pub use acl::{AclEntry, AclError, AclOrigin, AclPattern, Network};
pub use address::{Address, AddressError};
pub use compare::{Check, Finding, Node, SecretDigest, compare};
pub use config::{
    Config, ConfigError, ConfigErrors, DomainInUse, ModeName, OwnedByDomain, SipRules, Warning,
    XmppRules,
};
pub use decision::{Decision, Denial, Explanation, Fact, Obligations, Rule, Subscription, Verdict};
pub use difference::{Change, Section};
pub use email::{EmailDomainKind, EmailRules, Inward};
pub use exception::{Exception, Packets};
pub use facts::{Facts, Peer, Protocol, Stage};
pub use pattern::{DomainPattern, ParseError};
pub use policy::{AclPair, Policy};
pub use rate::{Rate, RateExceeded, RateKind, RateLimiter, RateSource, Rates};
pub use security::{
    Contradiction, Requirement, SecurityDecision, SecurityMode, SecurityRule, Switch, TlsMode,
};
pub use sip::{FederatedDomain, PeerKind};
pub use text::{Problem, TextError, TextErrors};
pub use user::{DenyMode, Scope, Subject, Topic, UserRule};
