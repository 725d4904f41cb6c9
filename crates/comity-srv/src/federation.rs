//! Which protocol a domain speaks, and open federation with domains that nobody has configured.
//!
//! A [`Directory`] knows the domains that an operator has configured, the static routes for SIP, and
//! the domains that it has learned. For a domain it says at once where to go, or hands out an
//! [`Exploration`]: what to ask DNS in which order, until one answer says what the domain speaks
//! (RFC 7247 §5).
//!
//! ```
//! use comity_srv::federation::{Directory, Settings, Step, Way};
//! use comity_srv::routes::Routes;
//! use comity_srv::{Messaging, Outcome, Service, Transport};
//!
//! let now = comity_testkit::origin();
//! let routes = Routes::closed(Messaging::Sip, "edge.a.example".parse()?, 5061, Transport::Tls);
//! let mut directory = Directory::new(Settings::default(), routes);
//! let domain = "b.example".parse()?;
//!
//! let Way::Explore(mut exploration) = directory.way(now, &domain, &[7; 32]) else { panic!() };
//! let step = exploration.next_step();
//! assert_eq!(step, Step::Resolve(Messaging::Sip, Service::SipFederation));
//! exploration.handle_outcome(&Outcome::Absent);
//! // And so on, until it says what to use; what has worked is learned.
//! # let wall = std::time::SystemTime::UNIX_EPOCH;
//! directory.learn(wall, &domain, Messaging::Xmpp)?;
//! assert!(matches!(directory.way(now, &domain, &[7; 32]), Way::Speak(Messaging::Xmpp, _)));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Order
//!
//! 1. A block by the administrator.
//! 2. A domain that is configured for one protocol.
//! 3. A static route ([`Routes::decide`]).
//! 4. A domain that was learned.
//! 5. DNS: `_sipfederationtls`, the NAPTR and SRV records of SIP, and the SRV records of XMPP, in the
//!    order of [`Settings::order`].
//! 6. The default route ([`Routes::decide_default`]), unless it is blocked.
//!
//! Only records count: that a domain has an address says nothing about what it speaks, since most
//! have one for their web site. An answer that fails ends the exploration. Whoever can suppress an
//! answer must not choose the protocol, and with it the rules that the peer is measured by.
//!
//! # Open federation
//!
//! The default route is blocked on a fresh system, and then domains without records are not reached by
//! SIP. When it is opened, a domain that XMPP does not reach is tried by it. A domain is learned by
//! [`Directory::learn`], which the caller does after the first exchange with a peer that has proved
//! who it is, so that nobody fills the table by names alone. What was learned stays until it is
//! deleted, also when the default route is closed again. That nothing was found is remembered for a
//! short time only.

mod exploration;
mod learned;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use comity_identity::{DomainName, Host};

use crate::routes::{Decision, RouteId, Routes, Verdict};
use crate::service::{Messaging, Service, SipService};
pub use exploration::{DeadEnd, Exploration, Step};
pub use learned::{LearnError, Learned};

use learned::Table;

/// How domains are explored, and how much is remembered.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// What DNS is asked, in this order: the edge of Microsoft servers, SIP, XMPP; each by its
    /// records alone, so that the address of a web site neither speaks for a domain nor against it.
    pub order: Vec<(Messaging, Service)>,
    /// Domains that are learned; 10,000. Beyond, nothing new is learned.
    pub max_learned: usize,
    /// Domains of which it is remembered that nothing leads there; 1,024.
    pub max_nowhere: usize,
    /// How long that is remembered; 60 s.
    pub nowhere_ttl: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            order: vec![
                (Messaging::Sip, Service::SipFederation),
                (Messaging::Sip, Service::Sip(SipService::new()).by_records()),
                (
                    Messaging::Xmpp,
                    Service::XmppServerWithDirectTls.by_records(),
                ),
            ],
            max_learned: 10_000,
            max_nowhere: 1024,
            nowhere_ttl: Duration::from_secs(60),
        }
    }
}

/// What is known of domains; the page of the module shows it at work.
#[derive(Debug)]
pub struct Directory {
    settings: Settings,
    routes: Routes,
    configured: BTreeMap<DomainName, Messaging>,
    blocked: BTreeSet<DomainName>,
    learned: Table,
    nowhere: BTreeMap<DomainName, Instant>,
}

/// Where a domain's messages go.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Way<'a> {
    /// Nowhere.
    Blocked(BlockedBy),
    /// By these static routes.
    Routes(Decision<'a>),
    /// This is spoken there: resolve it.
    Speak(Messaging, Basis),
    /// It has to be found out.
    Explore(Exploration),
    /// That nothing leads there was found out a moment ago.
    Nowhere,
}

/// Who keeps a domain out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BlockedBy {
    /// An exception that the administrator made for this domain.
    Exception,
    /// A static route.
    Route(RouteId),
}

/// How it is known what a domain speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Basis {
    /// It is configured.
    Configured,
    /// An exchange has worked before.
    Learned,
}

/// A domain is configured for the other protocol already: one of the entries must go.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{domain} is configured for {messaging} already")]
#[non_exhaustive]
pub struct Conflict {
    /// The domain.
    pub domain: DomainName,
    /// What it is configured for.
    pub messaging: Messaging,
}

impl Directory {
    /// A directory that knows nothing but the static routes of SIP.
    #[must_use]
    pub fn new(settings: Settings, routes: Routes) -> Self {
        Self {
            learned: Table::new(settings.max_learned),
            settings,
            routes,
            configured: BTreeMap::new(),
            blocked: BTreeSet::new(),
            nowhere: BTreeMap::new(),
        }
    }

    /// Notes that an operator federates with `domain` by `messaging`.
    ///
    /// # Errors
    ///
    /// The domain is configured for the other protocol.
    pub fn configure(&mut self, domain: DomainName, messaging: Messaging) -> Result<(), Conflict> {
        match self.configured.get(&domain) {
            Some(&known) if known != messaging => Err(Conflict {
                domain,
                messaging: known,
            }),
            Some(_) | None => {
                self.configured.insert(domain, messaging);
                Ok(())
            }
        }
    }

    /// Takes back what [`configure`](Self::configure) has noted.
    pub fn unconfigure(&mut self, domain: &DomainName) {
        self.configured.remove(domain);
    }

    /// Keeps a domain out, whatever else is known of it, or lets it in again.
    pub fn block(&mut self, domain: DomainName, is_blocked: bool) {
        if is_blocked {
            self.blocked.insert(domain);
        } else {
            self.blocked.remove(&domain);
        }
    }

    /// Takes new static routes into use. What was learned stays.
    pub fn set_routes(&mut self, routes: Routes) {
        self.routes = routes;
        self.nowhere.clear();
    }

    /// Where the messages for `domain` go. `seed` decides the order of equal routes.
    #[must_use]
    pub fn way(&self, now: Instant, domain: &DomainName, seed: &[u8; 32]) -> Way<'_> {
        if self.blocked.contains(domain) {
            return Way::Blocked(BlockedBy::Exception);
        }
        if self.configured.get(domain) == Some(&Messaging::Xmpp) {
            return Way::Speak(Messaging::Xmpp, Basis::Configured);
        }
        let decision = self.routes.decide(&Host::Domain(domain.clone()), seed);
        match decision.verdict() {
            Verdict::Blocked(route) => return Way::Blocked(BlockedBy::Route(route)),
            Verdict::NextHops => return Way::Routes(decision),
            Verdict::NoRoute => {}
        }
        if self.configured.contains_key(domain) {
            return Way::Speak(Messaging::Sip, Basis::Configured);
        }
        if let Some(learned) = self.learned.get(domain) {
            return Way::Speak(learned.messaging, Basis::Learned);
        }
        if self.nowhere.get(domain).is_some_and(|end| now < *end) {
            return Way::Nowhere;
        }
        Way::Explore(Exploration::new(
            self.settings.order.clone(),
            self.routes.decide_default(seed).verdict(),
        ))
    }

    /// The default route, for [`Step::UseDefaultRoute`].
    #[must_use]
    pub fn default_route(&self, seed: &[u8; 32]) -> Decision<'_> {
        self.routes.decide_default(seed)
    }

    /// Learns that an exchange with `domain` has worked: the peer has proved who it is, and has
    /// answered. `wall` is the time of day, for lists.
    ///
    /// # Errors
    ///
    /// Nothing was learned, and why.
    pub fn learn(
        &mut self,
        wall: SystemTime,
        domain: &DomainName,
        messaging: Messaging,
    ) -> Result<&Learned, LearnError> {
        self.nowhere.remove(domain);
        self.learned.learn(wall, domain, messaging)
    }

    /// Remembers for a short time that nothing leads to `domain`.
    pub fn note_nowhere(&mut self, now: Instant, domain: &DomainName) {
        self.nowhere.retain(|_, end| now < *end);
        if self.nowhere.len() < self.settings.max_nowhere
            && let Some(end) = now.checked_add(self.settings.nowhere_ttl)
        {
            self.nowhere.insert(domain.clone(), end);
        }
    }

    /// Forgets what was learned of a domain, and gives it back.
    pub fn forget(&mut self, domain: &DomainName) -> Option<Learned> {
        self.learned.forget(domain)
    }

    /// What was learned, by domain.
    pub fn learned(&self) -> impl Iterator<Item = &Learned> {
        self.learned.iter()
    }

    /// Takes up what an earlier run had learned.
    ///
    /// # Errors
    ///
    /// It was not taken up, and why.
    pub fn restore(&mut self, learned: Learned) -> Result<(), LearnError> {
        self.learned.restore(learned)
    }
}

#[cfg(test)]
mod tests;
