use comity_srv::federation::DeadEnd;
use comity_srv::{Outcome, Provenance, Service};

use super::{End, Kind, Report, bare};
use crate::candidates;
use crate::dig::{Verdict, count};
use crate::session::Session;

pub(super) fn page(session: &Session, report: &Report) -> String {
    let mut lines = vec![format!("Way to {}", report.domain)];
    section(&mut lines, "Suspicious:", &report.findings);
    section(&mut lines, "Static routes:", &report.reasons);
    let explored = report.explored.iter().map(|(service, resolution)| {
        format!("{}: {}", offer(service), shortly(&resolution.outcome))
    });
    section(&mut lines, "DNS:", &explored.collect::<Vec<_>>());
    lines.push(String::new());
    lines.extend(attempts(report));
    lines.push(verdict(report).to_string());
    if session.settings.trace || report.count() == 0 {
        section(&mut lines, "Steps:", &report.steps());
    }
    lines.push(String::new());
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, heading: &str, content: &[String]) {
    if !content.is_empty() {
        lines.push(String::new());
        lines.push(heading.to_owned());
        lines.extend(content.iter().map(|line| format!("  {line}")));
    }
}

fn attempts(report: &Report) -> Vec<String> {
    if let End::Records(_, found) = &report.end {
        return candidates::lines(found, 1);
    }
    let mut lines = Vec::new();
    let mut first = 1;
    for hop in report.hops_tried() {
        let found = hop.candidates();
        lines.push(format!(
            "Route {}: {}",
            hop.id,
            shortly(&hop.resolution.outcome)
        ));
        if found.is_empty() {
            lines.push(String::new());
        }
        lines.extend(candidates::lines(found, first));
        first += found.len();
    }
    lines
}

/// The sentence about a report.
pub(super) fn verdict(report: &Report) -> Verdict {
    let domain = &report.domain;
    let places = count(report.count(), "address");
    let (summary, advice) = match &report.end {
        End::Blocked(route) => (
            format!("{domain} is blocked by route {route}"),
            "unblock it, or take it out of service, to reach the domain".to_owned(),
        ),
        End::Routes(..) if report.count() == 0 => (
            format!("no next hop of {domain} has an address"),
            "the steps say what is wrong with the names in the routes".to_owned(),
        ),
        End::Routes(Kind::Static, hops) => (
            format!(
                "{domain} has {} and {places} to try",
                count(hops.len(), "static route")
            ),
            "DNS is not asked about the domain".to_owned(),
        ),
        End::Routes(Kind::Default, _) => (
            format!("{domain} has the default route and {places} to try"),
            "DNS has no records for it".to_owned(),
        ),
        End::Records(messaging, _) => (
            format!("{domain} has {places} to try by {messaging}"),
            "no static route is for it".to_owned(),
        ),
        End::Dead(reason) => (format!("{domain} is not reached: {reason}"), after(reason)),
        End::Unknown => (
            format!("{domain} was not found"),
            "the steps say more".to_owned(),
        ),
    };
    Verdict { summary, advice }
}

fn after(reason: &DeadEnd) -> String {
    let advice = match reason {
        DeadEnd::NoRecords => "make a static route for it, or have its operator publish records",
        DeadEnd::DefaultRouteBlocked(_) => {
            "make a static route for it, or unblock the default route"
        }
        DeadEnd::Failed(_) => "the steps say which question has no answer",
        DeadEnd::Bogus => "either its answers are forged, or its zone has to be signed anew",
        DeadEnd::Blocked => "--allow-private and --allow-loopback let them pass",
        DeadEnd::Unreachable | _ => "the steps say more",
    };
    advice.to_owned()
}

fn offer(service: &Service) -> &'static str {
    match bare(service) {
        Service::XmppServer | Service::XmppServerWithDirectTls => "XMPP server",
        Service::Sip(_) => "SIP server",
        Service::SipFederation => "federation edge",
        Service::Host { .. } | Service::NextHop(_) | Service::ByRecords(_) | _ => "host",
    }
}

fn shortly(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Candidates(found) => {
            let places = count(found.len(), "address");
            match found.first().map(|one| one.provenance) {
                Some(Provenance::ServiceRecord) => format!("{places} by SRV records"),
                Some(Provenance::Fallback) => format!("{places} without SRV records"),
                _ => places,
            }
        }
        Outcome::Absent => "no record".to_owned(),
        Outcome::Refused => "not offered".to_owned(),
        Outcome::Failed(failure) => format!("failed, {failure}"),
        Outcome::Bogus => "bogus".to_owned(),
        Outcome::Blocked(found) => {
            format!("{} that may not be dialled", count(found.len(), "address"))
        }
        _ => "unknown".to_owned(),
    }
}
