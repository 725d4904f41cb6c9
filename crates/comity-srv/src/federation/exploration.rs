use std::collections::VecDeque;

use crate::candidate::{Candidate, Provenance};
use crate::plan::{Failure, Outcome, Remainder};
use crate::routes::{RouteId, Verdict};
use crate::service::{Messaging, Service};

/// The search for what one domain speaks.
///
/// Ask [`next_step`](Self::next_step) what to do, do it, and tell what came of it by
/// [`handle_outcome`](Self::handle_outcome) or [`handle_unreachable`](Self::handle_unreachable).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exploration {
    left: VecDeque<(Messaging, Service)>,
    default: Verdict,
    step: Step,
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Resolve this service of the domain.
    Resolve(Messaging, Service),
    /// The domain speaks this.
    Use {
        /// What it speaks.
        messaging: Messaging,
        /// Its servers of the first priority.
        candidates: Vec<Candidate>,
        /// The rest of them, for [`Attempts`](crate::attempts::Attempts) or
        /// [`Resolver::resolve_rest`](crate::Resolver::resolve_rest).
        rest: Option<Remainder>,
    },
    /// Nothing else leads there: try SIP by [`Directory::default_route`](super::Directory::default_route).
    UseDefaultRoute,
    /// The domain is not reached.
    End(DeadEnd),
}

/// Why a domain is not reached.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeadEnd {
    /// It has no records for anything that was asked, and there is no default route.
    #[error("the domain has no records, and there is no default route")]
    NoRecords,
    /// It has no records, and the default route is blocked: open federation is off.
    #[error("the domain has no records, and the default route {0} is blocked")]
    DefaultRouteBlocked(RouteId),
    /// It could not be found out. Another try may bring more.
    #[error("{0}")]
    Failed(Failure),
    /// Answers about it are forged or badly signed.
    #[error("the answer of DNS is bogus: its signatures do not hold")]
    Bogus,
    /// Its records lead to addresses that must not be dialled.
    #[error("its records lead to addresses that are not dialled")]
    Blocked,
    /// Every way was tried and none has worked.
    #[error("every way that its records name was tried and none has worked")]
    Unreachable,
}

impl Exploration {
    pub(super) fn new(order: Vec<(Messaging, Service)>, default: Verdict) -> Self {
        let mut exploration = Self {
            left: order.into(),
            default,
            step: Step::End(DeadEnd::NoRecords),
        };
        exploration.go_on(DeadEnd::NoRecords);
        exploration
    }

    /// What to do now.
    #[must_use]
    pub fn next_step(&self) -> Step {
        self.step.clone()
    }

    /// What the resolution of [`Step::Resolve`] has come to, and what it has left.
    pub fn handle_outcome(&mut self, outcome: &Outcome, rest: Option<Remainder>) {
        let Step::Resolve(messaging, _) = self.step else {
            return;
        };
        match outcome {
            Outcome::Candidates(found) if has_records(found) => {
                self.step = Step::Use {
                    messaging,
                    candidates: found.clone(),
                    rest,
                };
            }
            // An address without a record says nothing about what is spoken there.
            Outcome::Candidates(_) | Outcome::Absent | Outcome::Refused => {
                self.go_on(DeadEnd::NoRecords);
            }
            // These are answers: its records are left over from a service that is gone.
            Outcome::Failed(Failure::NoAddress | Failure::NoUsableRecord) => {
                self.go_on(DeadEnd::Unreachable);
            }
            Outcome::Failed(failure) => self.step = Step::End(DeadEnd::Failed(failure.clone())),
            Outcome::Bogus => self.step = Step::End(DeadEnd::Bogus),
            Outcome::Blocked(_) => self.step = Step::End(DeadEnd::Blocked),
        }
    }

    /// None of the servers of [`Step::Use`], nor the default route, has worked.
    pub fn handle_unreachable(&mut self) {
        match self.step {
            Step::Use { .. } => self.go_on(DeadEnd::Unreachable),
            Step::UseDefaultRoute => self.step = Step::End(DeadEnd::Unreachable),
            Step::Resolve(..) | Step::End(_) => {}
        }
    }

    fn go_on(&mut self, reason: DeadEnd) {
        self.step = match (self.left.pop_front(), self.default) {
            (Some((messaging, service)), _) => Step::Resolve(messaging, service),
            (None, Verdict::NextHops) => Step::UseDefaultRoute,
            (None, Verdict::Blocked(route)) if reason == DeadEnd::NoRecords => {
                Step::End(DeadEnd::DefaultRouteBlocked(route))
            }
            (None, Verdict::Blocked(_) | Verdict::NoRoute) => Step::End(reason),
        };
    }
}

fn has_records(found: &[Candidate]) -> bool {
    let by_record = |one: &Candidate| one.provenance == Provenance::ServiceRecord;
    found.iter().any(by_record)
}
