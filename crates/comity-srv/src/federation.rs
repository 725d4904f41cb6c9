//! Which protocol a domain speaks, and open federation with domains that nobody has configured.
//!
//! A [`Directory`] knows the domains that an operator has configured, the static routes for SIP, and
//! the domains that it has learned. For a domain it says at once where to go, or hands out an
//! [`Exploration`]: what to ask DNS in which order, until one answer says what the domain speaks
//! (RFC 7247 §5).
//!
//! ```
//! use comity_srv::federation::{Basis, Directory, Settings, Step, Via, Way};
//! use comity_srv::routes::Routes;
//! use comity_srv::{Messaging, Outcome, Service, Transport};
//!
//! let now = comity_testkit::origin();
//! let routes = Routes::closed(Messaging::Sip, "edge.a.example".parse()?, 5061, Transport::Tls)?;
//! let mut directory = Directory::new(Settings::default(), routes)?;
//! let domain = "b.example".parse()?;
//!
//! let Way::Explore(mut exploration, basis) = directory.way(now, &domain, &[7; 32]) else { panic!() };
//! assert_eq!(basis, Basis::Unknown);
//! let step = exploration.next_step();
//! assert_eq!(step, Step::Resolve(Messaging::Sip, Service::SipFederation));
//! exploration.handle_outcome(&Outcome::Absent, None);
//! // And so on, until it says what to use; what has worked is learned.
//! # let wall = std::time::SystemTime::UNIX_EPOCH;
//! directory.learn(wall, &domain, Via::Xmpp)?;
//! let Way::Explore(exploration, Basis::Learned) = directory.way(now, &domain, &[7; 32]) else { panic!() };
//! assert!(matches!(exploration.next_step(), Step::Resolve(Messaging::Xmpp, _)));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Order
//!
//! 1. A block by the administrator, of the domain or of one above it.
//! 2. A domain that is configured for XMPP: XMPP alone is looked for.
//! 3. A static route ([`Routes::decide`]).
//! 4. A domain that is configured for SIP or was learned: the services of that protocol alone are looked
//!    for, or the default route is taken again, if the domain was learned by it.
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
pub use learned::{LearnError, Learned, Via};

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
    /// By what DNS says, asked step by step.
    Explore(Exploration, Basis),
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

/// What is known before DNS is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Basis {
    /// Nothing.
    Unknown,
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
    ///
    /// # Errors
    ///
    /// The routes are for XMPP.
    pub fn new(settings: Settings, routes: Routes) -> Result<Self, NotForSip> {
        Ok(Self {
            learned: Table::new(settings.max_learned),
            settings,
            routes: for_sip(routes)?,
            configured: BTreeMap::new(),
            blocked: BTreeSet::new(),
            nowhere: BTreeMap::new(),
        })
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

    /// Keeps a domain and all below it out, whatever else is known of them.
    pub fn block(&mut self, domain: DomainName) {
        self.blocked.insert(domain);
    }

    /// Takes back what [`block`](Self::block) has done for this domain.
    pub fn unblock(&mut self, domain: &DomainName) {
        self.blocked.remove(domain);
    }

    /// Takes new static routes into use. What was learned stays.
    ///
    /// # Errors
    ///
    /// The routes are for XMPP; the old ones stay.
    pub fn set_routes(&mut self, routes: Routes) -> Result<(), NotForSip> {
        self.routes = for_sip(routes)?;
        self.nowhere.clear();
        Ok(())
    }

    /// Where the messages for `domain` go. `seed` decides the order of equal routes.
    #[must_use]
    pub fn way(&self, now: Instant, domain: &DomainName, seed: &[u8; 32]) -> Way<'_> {
        if self.is_blocked(domain) {
            return Way::Blocked(BlockedBy::Exception);
        }
        let configured = self.configured.get(domain).copied();
        if configured == Some(Messaging::Xmpp) {
            return self.explore_only(Messaging::Xmpp, Basis::Configured);
        }
        let decision = self.routes.decide(&Host::Domain(domain.clone()), seed);
        match decision.verdict() {
            Verdict::Blocked(route) => return Way::Blocked(BlockedBy::Route(route)),
            Verdict::NextHops => return Way::Routes(decision),
            Verdict::NoRoute => {}
        }
        if let Some(messaging) = configured {
            return self.explore_only(messaging, Basis::Configured);
        }
        match self.learned.get(domain).map(|learned| learned.via) {
            Some(Via::DefaultRoute) => {
                return Way::Routes(self.routes.decide_default_for_known(seed));
            }
            Some(via) => return self.explore_only(via.messaging(), Basis::Learned),
            None => {}
        }
        if self.nowhere.get(domain).is_some_and(|end| now < *end) {
            return Way::Nowhere;
        }
        let default = self.routes.decide_default(seed).verdict();
        let order = self.settings.order.clone();
        Way::Explore(Exploration::new(order, default), Basis::Unknown)
    }

    fn is_blocked(&self, domain: &DomainName) -> bool {
        let above = std::iter::successors(Some(domain.clone()), DomainName::parent);
        above.into_iter().any(|name| self.blocked.contains(&name))
    }

    /// The services of one protocol, without the default route.
    fn explore_only(&self, messaging: Messaging, basis: Basis) -> Way<'_> {
        let order = self.settings.order.iter();
        let order = order.filter(|(other, _)| *other == messaging).cloned();
        Way::Explore(Exploration::new(order.collect(), Verdict::NoRoute), basis)
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
        via: Via,
    ) -> Result<&Learned, LearnError> {
        self.nowhere.remove(domain);
        self.learned.learn(wall, domain, via)
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

fn for_sip(routes: Routes) -> Result<Routes, NotForSip> {
    match routes.messaging() {
        Messaging::Sip => Ok(routes),
        Messaging::Xmpp => Err(NotForSip),
    }
}

/// Static routes for XMPP were given where those for SIP belong.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("these static routes are for XMPP, and a directory takes those for SIP")]
#[expect(clippy::exhaustive_structs, reason = "it says all in its name")]
pub struct NotForSip;

#[cfg(test)]
mod tests;
