//! Which domains may federate, in which direction, and which rule says so.
//!
//! A [`Policy`] is compiled once from a [`Config`] and answers two questions: may this packet pass
//! ([`Policy::decide`]), and how must the connection to that domain be secured
//! ([`Policy::security`]). It opens no connection, checks no certificate and knows no users: it
//! trusts that the two domain names it is given were proved by other means.
//!
//! ```
//! use comity_identity::{Direction, DomainName};
//! use comity_policy::{Config, Exception, Packets, Policy, Verdict};
//!
//! let mut config = Config::default();
//! config.local_domains.insert("imp.example.com".parse()?);
//! config.default_verdict = Verdict::Allow;
//! config
//!     .exceptions
//!     .push(Exception::new("*.example.net".parse()?, Packets::IncomingOnly));
//! let policy = Policy::new(config)?;
//!
//! let local: DomainName = "imp.example.com".parse()?;
//! let remote: DomainName = "chat.example.net".parse()?;
//! let decision = policy.decide(&local, &remote, Direction::Inbound);
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
//! 1. A local domain is matched by its whole name. A packet whose own side is not a local domain is
//!    denied, and so is one whose remote side is. Parents, children and siblings of a local domain
//!    are remote, even when a wildcard covers both.
//! 2. Of the exceptions whose pattern covers the remote domain, one is consulted, the most
//!    specific: the exact name, else the longest wildcard.
//! 3. If that exception names the direction of the packet, the verdict is the opposite of the
//!    default. If it does not, the default holds; a less specific exception is not looked at.
//!
//! A direction is about packets, whatever they answer. Under [`Verdict::Deny`] an exception for
//! [`Packets::IncomingOnly`] lets the domain write to us, and denies every packet towards it, error
//! replies included. Ask for each packet in its own direction.
//!
//! # Cost
//!
//! The remote name is looked up label by label, so the cost of an answer depends on the name (at
//! most 127 look-ups) and not on the number of rules. The size of the tables is decided by the
//! configuration alone: nothing that a peer sends is stored.

mod config;
mod decision;
mod exception;
mod pattern;
mod policy;
mod security;
mod table;

pub use config::{Config, ConfigError};
pub use decision::{Decision, Explanation, Rule, Verdict};
pub use exception::{Exception, Packets};
pub use pattern::{DomainPattern, ParseError};
pub use policy::Policy;
pub use security::{Requirement, SecurityDecision, SecurityMode, SecurityRule, TlsMode};
