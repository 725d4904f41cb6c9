use std::collections::BTreeMap;
use std::fmt;

use super::table::Numbered;
use super::{Pattern, RouteId, Routes};

/// What an operator has probably not meant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Lint {
    /// The dot before the star is missing, so that the pattern takes other domains in:
    /// `.com.domaina*` is also `domainab.com`.
    MissingDot {
        /// The route.
        route: RouteId,
        /// Its pattern.
        pattern: Pattern,
    },
    /// Some routes of a pattern are blocked and some are not. The pattern is blocked.
    MixedBlock {
        /// The pattern.
        pattern: Pattern,
        /// Those that are blocked.
        blocked: Vec<RouteId>,
        /// Those that have no effect.
        idle: Vec<RouteId>,
    },
    /// Routes of one pattern and priority use different transports, so that chance decides whether
    /// TLS is used.
    MixedTransport {
        /// The pattern.
        pattern: Pattern,
        /// The priority.
        priority: u16,
    },
    /// Two routes of one pattern lead to the same place.
    Duplicate {
        /// The pattern.
        pattern: Pattern,
        /// The routes.
        routes: [RouteId; 2],
    },
    /// Some routes of a pattern allow shorter ones and some do not, so that it depends on which
    /// have been tried whether shorter ones follow.
    MixedLessSpecific {
        /// The pattern.
        pattern: Pattern,
    },
}

impl Routes {
    /// What is suspicious about the routes in service, pattern by pattern.
    #[must_use]
    pub fn lint(&self) -> Vec<Lint> {
        self.patterns()
            .flat_map(|(pattern, routes)| lint(pattern, &routes))
            .collect()
    }
}

fn lint(pattern: &Pattern, routes: &[Numbered<'_>]) -> Vec<Lint> {
    let missing_dot = routes.iter().filter(|_| pattern.lacks_dot());
    let missing_dot = missing_dot.map(|numbered| Lint::MissingDot {
        route: numbered.id,
        pattern: pattern.clone(),
    });
    missing_dot
        .chain(mixed_block(pattern, routes))
        .chain(mixed_transport(pattern, routes))
        .chain(duplicates(pattern, routes))
        .chain(mixed_less_specific(pattern, routes))
        .collect()
}

fn mixed_block(pattern: &Pattern, routes: &[Numbered<'_>]) -> Option<Lint> {
    let ids = |is_blocked| -> Vec<_> {
        let alike = routes.iter().filter(|one| one.route.blocked == is_blocked);
        alike.map(|numbered| numbered.id).collect()
    };
    let (blocked, idle) = (ids(true), ids(false));
    (!blocked.is_empty() && !idle.is_empty()).then(|| Lint::MixedBlock {
        pattern: pattern.clone(),
        blocked,
        idle,
    })
}

fn mixed_transport(pattern: &Pattern, routes: &[Numbered<'_>]) -> Vec<Lint> {
    let mut first = BTreeMap::new();
    let mut mixed = Vec::new();
    for Numbered { route, .. } in routes {
        let transport = *first.entry(route.priority).or_insert(route.transport);
        if transport != route.transport && !mixed.contains(&route.priority) {
            mixed.push(route.priority);
        }
    }
    let finding = |priority| Lint::MixedTransport {
        pattern: pattern.clone(),
        priority,
    };
    mixed.into_iter().map(finding).collect()
}

fn duplicates(pattern: &Pattern, routes: &[Numbered<'_>]) -> Vec<Lint> {
    let mut first = BTreeMap::new();
    let mut found = Vec::new();
    for &Numbered { id, route } in routes {
        let place = (&route.next_hop, route.port, route.transport);
        let earlier = *first.entry(place).or_insert(id);
        if earlier != id {
            found.push(Lint::Duplicate {
                pattern: pattern.clone(),
                routes: [earlier, id],
            });
        }
    }
    found
}

fn mixed_less_specific(pattern: &Pattern, routes: &[Numbered<'_>]) -> Option<Lint> {
    let mut allowances = routes.iter().map(|one| one.route.allow_less_specific);
    let first = allowances.next()?;
    allowances
        .any(|allows| allows != first)
        .then(|| Lint::MixedLessSpecific {
            pattern: pattern.clone(),
        })
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingDot { route, pattern } => write!(
                f,
                "route {route}: {pattern} has no dot before the star, so that it is also for \
                 domains whose names only begin alike"
            ),
            Self::MixedBlock { pattern, idle, .. } => {
                write!(f, "{pattern} is blocked, so that ")?;
                for (place, id) in idle.iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    write!(f, "{comma}route {id}")?;
                }
                f.write_str(" has no effect")
            }
            Self::MixedTransport { pattern, priority } => write!(
                f,
                "{pattern} has routes of priority {priority} with different transports: chance \
                 decides between them"
            ),
            Self::Duplicate { pattern, routes } => {
                let [first, second] = routes;
                write!(
                    f,
                    "{pattern}: routes {first} and {second} lead to the same place"
                )
            }
            Self::MixedLessSpecific { pattern } => write!(
                f,
                "{pattern} has routes that allow shorter patterns and routes that do not: none is \
                 tried"
            ),
        }
    }
}
