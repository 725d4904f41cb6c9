use comity_srv::Service;
use comity_srv::routes::{Route, RouteId};
use comity_tokio::Resolution;
use serde::Serialize;

use super::{End, Hop, Kind, Report, bare, text};
use crate::candidates;
use crate::dig::Verdict;
use crate::json::{Fault, Head, OTHER, Priority, messaging, outcome, print, transport};
use crate::session::Session;

pub(super) fn document(session: &Session, report: &Report) -> String {
    let Verdict { summary, advice } = text::verdict(report);
    let explored = report.explored.iter();
    print(&Document {
        query: Query {
            service: "route",
            domain: report.domain.as_str(),
        },
        head: Head::of(session),
        way: way(&report.end),
        messaging: spoken(&report.end),
        blocked_by: blocked_by(&report.end),
        summary,
        advice,
        findings: &report.findings,
        reasons: &report.reasons,
        routes: report.hops_tried().iter().map(Tried::of).collect(),
        explored: explored
            .map(|(service, found)| Explored::of(service, found))
            .collect(),
        steps: report.steps(),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    query: Query<'a>,
    #[serde(flatten)]
    head: Head,
    way: &'static str,
    messaging: Option<&'static str>,
    blocked_by: Option<usize>,
    summary: String,
    advice: String,
    findings: &'a [String],
    reasons: &'a [String],
    routes: Vec<Tried<'a>>,
    explored: Vec<Explored<'a>>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Query<'a> {
    service: &'static str,
    domain: &'a str,
}

/// A route that is tried.
#[derive(Serialize)]
struct Tried<'a> {
    route: Option<usize>,
    pattern: String,
    next_hop: String,
    port: u16,
    protocol: &'static str,
    priority: u16,
    weight: u16,
    description: &'a str,
    #[serde(flatten)]
    found: Found<'a>,
}

/// What DNS was asked for.
#[derive(Serialize)]
struct Explored<'a> {
    service: &'static str,
    #[serde(flatten)]
    found: Found<'a>,
}

#[derive(Serialize)]
struct Found<'a> {
    outcome: &'static str,
    failure: Option<Fault>,
    groups: Vec<Priority<'a>>,
}

impl<'a> Tried<'a> {
    fn of(hop: &'a Hop) -> Self {
        let Route {
            pattern,
            next_hop,
            port,
            transport: carried,
            priority,
            weight,
            description,
            ..
        } = &hop.route;
        Self {
            route: number(hop.id),
            pattern: pattern.to_string(),
            next_hop: next_hop.to_string(),
            port: *port,
            protocol: transport(*carried),
            priority: *priority,
            weight: *weight,
            description,
            found: Found::of(&hop.resolution),
        }
    }
}

impl<'a> Explored<'a> {
    fn of(service: &Service, found: &'a Resolution) -> Self {
        let service = match bare(service) {
            Service::XmppServer | Service::XmppServerWithDirectTls => "xmpp",
            Service::Sip(_) => "sip",
            Service::SipFederation => "edge",
            Service::Host { .. } | Service::NextHop(_) | Service::ByRecords(_) | _ => OTHER,
        };
        Self {
            service,
            found: Found::of(found),
        }
    }
}

impl<'a> Found<'a> {
    fn of(resolution: &'a Resolution) -> Self {
        let groups = candidates::groups(candidates::of(&resolution.outcome));
        Self {
            outcome: outcome(&resolution.outcome),
            failure: Fault::of(&resolution.outcome),
            groups: groups.map(|group| Priority::of(&group)).collect(),
        }
    }
}

fn way(end: &End) -> &'static str {
    match end {
        End::Blocked(_) => "blocked",
        End::Routes(Kind::Static, _) => "static-routes",
        End::Routes(Kind::Default, _) => "default-route",
        End::Records(..) => "dns",
        End::Dead(_) => "none",
        End::Unknown => OTHER,
    }
}

fn spoken(end: &End) -> Option<&'static str> {
    match end {
        End::Routes(..) => Some("sip"),
        End::Records(found, _) => Some(messaging(*found)),
        End::Blocked(_) | End::Dead(_) | End::Unknown => None,
    }
}

fn blocked_by(end: &End) -> Option<usize> {
    if let End::Blocked(route) = end {
        number(*route)
    } else {
        None
    }
}

/// The place of a route in its file, as which it is shown.
fn number(id: RouteId) -> Option<usize> {
    id.to_string().parse().ok()
}
