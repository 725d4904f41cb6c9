//! Where static routes and, after them, DNS lead to.

mod file;
mod json;
mod text;

use std::time::Instant;

use comity_identity::DomainName;
use comity_srv::federation::{self, BlockedBy, DeadEnd, Directory, Exploration, Step, Way};
use comity_srv::routes::{Decision, Route, RouteId, Routes};
use comity_srv::{Candidate, Messaging, Service};
use comity_tokio::Resolution;

use crate::session::{Session, SessionError};
use crate::{Page, candidates};
pub(crate) use file::read;

/// How a domain is reached.
struct Report {
    domain: DomainName,
    /// What is suspicious about the routes.
    findings: Vec<String>,
    /// Why it goes this way.
    reasons: Vec<String>,
    /// What DNS was asked for, as far as that was necessary.
    explored: Vec<(Service, Resolution)>,
    end: End,
}

/// Where it ends.
enum End {
    Blocked(RouteId),
    Routes(Kind, Vec<Hop>),
    /// By the records that were explored last.
    Records(Messaging, Vec<Candidate>),
    Dead(DeadEnd),
    /// By a way that takes more than routes and DNS.
    Unknown,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Static,
    Default,
}

/// One route that is tried, and what its next hop resolves to.
struct Hop {
    id: RouteId,
    route: Route,
    resolution: Resolution,
}

pub(crate) async fn run(
    session: &Session,
    domain: DomainName,
    routes: Routes,
) -> Result<Page, SessionError> {
    let report = Report::new(session, domain, routes).await?;
    let text = if session.settings.json {
        json::document(session, &report)
    } else {
        text::page(session, &report)
    };
    Ok(Page {
        text,
        is_good: report.count() > 0,
    })
}

impl Report {
    async fn new(
        session: &Session,
        domain: DomainName,
        routes: Routes,
    ) -> Result<Self, SessionError> {
        let mut report = Self {
            findings: routes.lint().iter().map(ToString::to_string).collect(),
            reasons: reasons(&routes.decide(&domain.clone().into(), &session.seed)),
            explored: Vec::new(),
            end: End::Unknown,
            domain,
        };
        // The options read the routes as those of SIP.
        let Ok(directory) = Directory::new(federation::Settings::default(), routes) else {
            return Ok(report);
        };
        report.end = match directory.way(Instant::now(), &report.domain, &session.seed) {
            Way::Blocked(BlockedBy::Route(id)) => End::Blocked(id),
            Way::Routes(decision) => {
                End::Routes(Kind::Static, report.hops(session, &decision).await?)
            }
            Way::Explore(exploration, _unknown) => {
                report.follow(session, &directory, exploration).await?
            }
            // Nothing is configured or learned here.
            Way::Blocked(_) | Way::Nowhere | _ => End::Unknown,
        };
        Ok(report)
    }

    /// Asks DNS until it says what the domain speaks.
    async fn follow(
        &mut self,
        session: &Session,
        directory: &Directory,
        mut exploration: Exploration,
    ) -> Result<End, SessionError> {
        loop {
            match exploration.next_step() {
                Step::Resolve(_, service) => {
                    let resolution = session.resolve(&self.domain, service.clone()).await?;
                    exploration.handle_outcome(&resolution.outcome, None);
                    self.explored.push((service, resolution));
                }
                Step::Use {
                    messaging,
                    candidates,
                    ..
                } => return Ok(End::Records(messaging, candidates)),
                Step::UseDefaultRoute => {
                    let decision = directory.default_route(&session.seed);
                    self.reasons.extend(reasons(&decision));
                    return Ok(End::Routes(
                        Kind::Default,
                        self.hops(session, &decision).await?,
                    ));
                }
                Step::End(reason) => return Ok(End::Dead(reason)),
                _ => return Ok(End::Unknown),
            }
        }
    }

    async fn hops(
        &self,
        session: &Session,
        decision: &Decision<'_>,
    ) -> Result<Vec<Hop>, SessionError> {
        let mut hops = Vec::new();
        for hop in decision.hops() {
            let service = Service::NextHop(hop.route.service(Messaging::Sip));
            hops.push(Hop {
                id: hop.id,
                route: hop.route.clone(),
                resolution: session.resolve(&self.domain, service).await?,
            });
        }
        Ok(hops)
    }

    /// How many addresses are tried.
    fn count(&self) -> usize {
        match &self.end {
            End::Routes(_, hops) => hops.iter().map(|hop| hop.candidates().len()).sum(),
            End::Records(_, found) => found.len(),
            End::Blocked(_) | End::Dead(_) | End::Unknown => 0,
        }
    }

    /// The steps of all resolutions.
    fn steps(&self) -> Vec<String> {
        let explored = self.explored.iter().map(|(_, resolution)| resolution);
        let hops = self.hops_tried().iter().map(|hop| &hop.resolution);
        let entries = explored
            .chain(hops)
            .flat_map(|resolution| resolution.trace.entries());
        entries.map(ToString::to_string).collect()
    }

    fn hops_tried(&self) -> &[Hop] {
        match &self.end {
            End::Routes(_, hops) => hops,
            End::Blocked(_) | End::Records(..) | End::Dead(_) | End::Unknown => &[],
        }
    }
}

impl Hop {
    fn candidates(&self) -> &[Candidate] {
        candidates::of(&self.resolution.outcome)
    }
}

/// What is looked for, by records alone or not.
fn bare(mut service: &Service) -> &Service {
    while let Service::ByRecords(inner) = service {
        service = inner;
    }
    service
}

fn reasons(decision: &Decision<'_>) -> Vec<String> {
    decision.steps().iter().map(ToString::to_string).collect()
}
