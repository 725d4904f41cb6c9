use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher;

use comity_identity::Host;

use super::Pattern;
use crate::select::{Entrant, write_endpoint};
use crate::service::{Messaging, NextHop, Transport};

/// One static route.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Route {
    /// Which domains it is for.
    pub pattern: Pattern,
    /// Where their requests go.
    pub next_hop: Host,
    /// The port there; 0 means that the SRV records of `next_hop` name it.
    pub port: u16,
    /// How the next hop is spoken to.
    pub transport: Transport,
    /// From 1; lower is tried first. A backup route has a larger one.
    pub priority: u16,
    /// From 1; the share among the routes of the same pattern and priority.
    pub weight: u16,
    /// Whether a shorter pattern may be tried when this route has failed.
    pub allow_less_specific: bool,
    /// Whether the route is there at all.
    pub in_service: bool,
    /// Whether the domains of the pattern may not be reached.
    pub blocked: bool,
    /// For people.
    pub description: String,
}

/// The number of a route: its place in the list that the table was made from, from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RouteId(pub(super) usize);

/// The static routes of one protocol.
#[derive(Clone, Debug)]
pub struct Routes {
    messaging: Messaging,
    routes: Vec<Route>,
    /// The numbers of the routes in service.
    by_pattern: BTreeMap<Pattern, Vec<RouteId>>,
}

/// Why a list of routes is no table.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Priorities and weights begin with 1.
    #[error("route {route}: priority and weight are at least 1")]
    Zero {
        /// The route.
        route: RouteId,
    },
    /// The protocol is not carried so.
    #[error("route {route}: {messaging} is not carried by {transport}")]
    Transport {
        /// The route.
        route: RouteId,
        /// The protocol of the table.
        messaging: Messaging,
        /// What the route wants.
        transport: Transport,
    },
    /// An address has no SRV records that could name a port.
    #[error("route {route}: an address needs a port")]
    PortOfAddress {
        /// The route.
        route: RouteId,
    },
    /// A description has more than 255 bytes.
    #[error("route {route}: the description is longer than 255 bytes")]
    Description {
        /// The route.
        route: RouteId,
    },
    /// There are more than 100 routes with one pattern.
    #[error("more than {} routes with the pattern {pattern}", Routes::MAX_ALIKE)]
    TooManyAlike {
        /// The pattern.
        pattern: Pattern,
    },
}

impl Route {
    /// A route in service with priority and weight 1 that allows less specific ones.
    #[must_use]
    pub fn new(pattern: Pattern, next_hop: Host, port: u16, transport: Transport) -> Self {
        Self {
            pattern,
            next_hop,
            port,
            transport,
            priority: 1,
            weight: 1,
            allow_less_specific: true,
            in_service: true,
            blocked: false,
            description: String::new(),
        }
    }

    /// What has to be resolved to reach the next hop.
    #[must_use]
    pub fn service(&self, messaging: Messaging) -> NextHop {
        NextHop::new(messaging, self.next_hop.clone(), self.port, self.transport)
    }

    fn check(&self, route: RouteId, messaging: Messaging) -> Result<(), RouteError> {
        if self.priority == 0 || self.weight == 0 {
            return Err(RouteError::Zero { route });
        }
        if self.service(messaging).labels().is_none() {
            return Err(RouteError::Transport {
                route,
                messaging,
                transport: self.transport,
            });
        }
        if self.port == 0 && matches!(self.next_hop, Host::Ip(_)) {
            return Err(RouteError::PortOfAddress { route });
        }
        if self.description.len() > MAX_DESCRIPTION_BYTES {
            return Err(RouteError::Description { route });
        }
        Ok(())
    }
}

impl Routes {
    /// The most routes with one pattern.
    pub const MAX_ALIKE: usize = 100;

    /// Makes a table of routes.
    ///
    /// # Errors
    ///
    /// The first route that cannot be, by its place in the list, and why.
    pub fn new(messaging: Messaging, routes: Vec<Route>) -> Result<Self, RouteError> {
        let mut alike: BTreeMap<&Pattern, usize> = BTreeMap::new();
        let mut by_pattern: BTreeMap<Pattern, Vec<RouteId>> = BTreeMap::new();
        for (place, route) in routes.iter().enumerate() {
            let id = RouteId(place);
            route.check(id, messaging)?;
            let count = alike.entry(&route.pattern).or_default();
            *count = count.saturating_add(1);
            if *count > Self::MAX_ALIKE {
                let pattern = route.pattern.clone();
                return Err(RouteError::TooManyAlike { pattern });
            }
            if route.in_service {
                let ids = by_pattern.entry(route.pattern.clone()).or_default();
                ids.push(id);
            }
        }
        Ok(Self {
            messaging,
            routes,
            by_pattern,
        })
    }

    /// A table without routes: DNS says where every domain is.
    #[must_use]
    pub fn none(messaging: Messaging) -> Self {
        Self {
            messaging,
            routes: Vec::new(),
            by_pattern: BTreeMap::new(),
        }
    }

    /// A table as it is on a fresh system: nothing but the default route, blocked, so that only
    /// domains that somebody has configured are reached by SIP.
    ///
    /// # Errors
    ///
    /// Why that default route cannot be.
    pub fn closed(
        messaging: Messaging,
        next_hop: Host,
        port: u16,
        transport: Transport,
    ) -> Result<Self, RouteError> {
        let mut route = Route::new(Pattern::everything(), next_hop, port, transport);
        route.blocked = true;
        Self::new(messaging, vec![route])
    }

    /// The protocol that the routes are for.
    #[must_use]
    pub fn messaging(&self) -> Messaging {
        self.messaging
    }

    /// All routes, those out of service too, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (RouteId, &Route)> {
        let numbered = self.routes.iter().enumerate();
        numbered.map(|(place, route)| (RouteId(place), route))
    }

    /// One route.
    #[must_use]
    pub fn get(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(id.0)
    }

    /// The routes in service with this pattern.
    pub(super) fn of(&self, pattern: &Pattern) -> Vec<Numbered<'_>> {
        let ids = self.by_pattern.get(pattern);
        let ids = ids.map(Vec::as_slice).unwrap_or_default();
        let route = |&id: &RouteId| self.get(id).map(|route| Numbered { id, route });
        ids.iter().filter_map(route).collect()
    }

    /// Every pattern that a route in service has, with those routes.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (&Pattern, Vec<Numbered<'_>>)> {
        self.by_pattern
            .keys()
            .map(|pattern| (pattern, self.of(pattern)))
    }
}

/// A route and its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered<'a> {
    pub(super) id: RouteId,
    pub(super) route: &'a Route,
}

impl Numbered<'_> {
    fn endpoint(&self) -> (Transport, &Host, u16, u16) {
        let route = self.route;
        (route.transport, &route.next_hop, route.priority, route.port)
    }
}

impl Entrant for Numbered<'_> {
    fn priority(&self) -> u16 {
        self.route.priority
    }

    fn weight(&self) -> u16 {
        self.route.weight
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.endpoint().cmp(&other.endpoint())
    }

    fn write(&self, hasher: &mut impl Hasher) {
        write_endpoint(hasher, self.route.transport, self.route.port);
        hasher.write(self.route.next_hop.to_string().as_bytes());
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.pattern, self.next_hop)?;
        match self.port {
            0 => f.write_str(" by its SRV records")?,
            port => write!(f, " port {port}")?,
        }
        write!(
            f,
            " over {}, priority {}, weight {}",
            self.transport, self.priority, self.weight
        )?;
        if self.blocked {
            f.write_str(", blocked")?;
        }
        if !self.in_service {
            f.write_str(", out of service")?;
        }
        Ok(())
    }
}

const MAX_DESCRIPTION_BYTES: usize = 255;
