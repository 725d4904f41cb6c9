use std::fmt;

use comity_identity::Host;

use super::table::Numbered;
use super::{Pattern, Route, RouteId, Routes};
use crate::select::proportional;

/// What a table says about one domain.
#[derive(Clone, Debug, Default)]
pub struct Decision<'a> {
    hops: Vec<Hop<'a>>,
    blocked_by: Option<RouteId>,
    steps: Vec<Step>,
}

/// One next hop to try.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Hop<'a> {
    /// Which route names it.
    pub id: RouteId,
    /// The route.
    pub route: &'a Route,
}

/// What a decision comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// No route is for the domain.
    NoRoute,
    /// The domain may not be reached: nothing else may be asked or tried.
    Blocked(RouteId),
    /// Try [`Decision::hops`] in their order, and nothing behind them.
    NextHops,
}

/// Why a decision came about. Its `Display` is a line for an operator.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// This pattern is the longest that is left.
    Matched(Pattern),
    /// One of its routes is blocked.
    Blocked(RouteId),
    /// This route is tried next.
    Chosen(RouteId, String),
    /// A route forbids shorter patterns.
    NoLessSpecific(RouteId),
    /// No pattern matches any more.
    NoMatch,
}

impl Routes {
    /// Where the requests for `host` go, the default route left aside. `seed` decides the order of
    /// equal priorities, as in [`weighted_order`](crate::weighted_order).
    #[must_use]
    pub fn decide(&self, host: &Host, seed: &[u8; 32]) -> Decision<'_> {
        let mut decision = Decision::default();
        for pattern in Pattern::candidates(host) {
            let routes = self.of(&pattern);
            if !routes.is_empty() && !decision.take(pattern, routes, seed) {
                return decision;
            }
        }
        decision.steps.push(Step::NoMatch);
        decision
    }

    /// Where the requests for a domain go that nobody knows: by the route for everything.
    #[must_use]
    pub fn decide_default(&self, seed: &[u8; 32]) -> Decision<'_> {
        self.by_default(seed, false)
    }

    /// The same for a domain that has used the default route before: it still does when the route is
    /// blocked for new ones.
    #[must_use]
    pub fn decide_default_for_known(&self, seed: &[u8; 32]) -> Decision<'_> {
        self.by_default(seed, true)
    }

    fn by_default(&self, seed: &[u8; 32], passes_block: bool) -> Decision<'_> {
        let mut decision = Decision::default();
        let routes = self.of(&Pattern::everything());
        if routes.is_empty() {
            decision.steps.push(Step::NoMatch);
        } else if passes_block {
            decision.steps.push(Step::Matched(Pattern::everything()));
            decision.choose(routes, seed);
        } else {
            decision.take(Pattern::everything(), routes, seed);
        }
        decision
    }
}

impl<'a> Decision<'a> {
    /// The next hops in the order in which they are tried.
    pub fn hops(&self) -> impl Iterator<Item = Hop<'a>> {
        self.hops.iter().copied()
    }

    /// What it comes to. A shorter pattern that is blocked ends the hops of a longer one and blocks
    /// nothing before it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.hops.is_empty(), self.blocked_by) {
            (false, _) => Verdict::NextHops,
            (true, Some(route)) => Verdict::Blocked(route),
            (true, None) => Verdict::NoRoute,
        }
    }

    /// How it came about.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Adds the routes of one pattern; false if no shorter one may follow.
    fn take(&mut self, pattern: Pattern, routes: Vec<Numbered<'a>>, seed: &[u8; 32]) -> bool {
        self.steps.push(Step::Matched(pattern));
        if let Some(blocked) = routes.iter().find(|numbered| numbered.route.blocked) {
            self.steps.push(Step::Blocked(blocked.id));
            self.blocked_by = Some(blocked.id);
            return false;
        }
        self.choose(routes, seed);
        let forbids = |hop: &&Hop<'_>| !hop.route.allow_less_specific;
        if let Some(hop) = self.hops.iter().find(forbids) {
            self.steps.push(Step::NoLessSpecific(hop.id));
            return false;
        }
        true
    }

    fn choose(&mut self, routes: Vec<Numbered<'a>>, seed: &[u8; 32]) {
        for Numbered { id, route } in proportional(routes, seed) {
            self.steps.push(Step::Chosen(id, route.to_string()));
            self.hops.push(Hop { id, route });
        }
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched(pattern) => write!(f, "the pattern {pattern} matches"),
            Self::Blocked(id) => write!(f, "route {id} blocks it"),
            Self::Chosen(id, route) => write!(f, "chose route {id}: {route}"),
            Self::NoLessSpecific(id) => write!(f, "route {id} allows no shorter pattern"),
            Self::NoMatch => f.write_str("no further pattern matches"),
        }
    }
}
