//! Where messages for a domain go.

use comity_identity::{DomainName, Finding};
use comity_srv::federation::{DeadEnd, Settings};
use comity_srv::routes::{Decision, Routes, Verdict};
use comity_srv::{Candidate, Messaging, Outcome, Service, diagnose};
use comity_tokio::{Discovery, DiscoveryError, Locator, Source, Unreached};
use serde_json::{Value, json};

use crate::findings::{ROUTE_BLOCKED, ROUTE_MISSING, ROUTE_SUSPICIOUS, ROUTE_UNKNOWN};
use crate::report::{Length, Report};
use crate::resolver::{self, ResolverError};
use crate::site::Site;

/// Why it is not known where messages go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteError {
    #[error("the routes over SIP are not for SIP")]
    NotForSip,
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error(transparent)]
    Resolver(#[from] ResolverError),
}

pub(crate) async fn run(
    site: &Site,
    domain: &DomainName,
    discovery: Discovery,
) -> Result<Report, RouteError> {
    let mut report = Report::new("route", domain.to_string());
    report.findings = suspicious(site);
    let seed = resolver::seed()?;
    let routes = &site.config.routes;
    let [sip, xmpp] = [&routes.sip, &routes.xmpp].map(|table| decide(table, domain, &seed));
    let steps = [("SIP", &sip), ("XMPP", &xmpp)].into_iter();
    let steps = steps.flat_map(|(protocol, decision)| {
        decision
            .steps()
            .iter()
            .map(move |step| format!("{protocol}: {step}"))
    });
    let steps: Vec<_> = steps.collect();
    report.detail("steps", json!(steps));
    report.section("Static routes", Length::Whole, steps);
    let way = match (sip.verdict(), xmpp.verdict()) {
        (Verdict::NoRoute, Verdict::NextHops) => over_xmpp(domain, &xmpp, &discovery).await?,
        _ => by_directory(site, domain, &xmpp, discovery).await?,
    };
    report.findings.extend(way.findings);
    let protocol = way.protocol.into_iter();
    let protocol = protocol.map(|protocol| format!("{protocol}, by {}", way.because));
    report.section("Protocol", Length::Whole, protocol.collect());
    report.detail("protocol", json!(way.protocol));
    report.detail("because", json!(way.because));
    report.detail("servers", way.candidates.iter().map(document).collect());
    let candidates = way.candidates.iter().map(ToString::to_string);
    report.section(
        "Servers, in the order in which they are tried",
        Length::Whole,
        candidates.collect(),
    );
    Ok(report)
}

/// What is suspicious about our routes.
pub(crate) fn suspicious(site: &Site) -> Vec<Finding> {
    let routes = &site.config.routes;
    let tables = [("routes.sip", &routes.sip), ("routes.xmpp", &routes.xmpp)];
    let lints = tables.into_iter().flat_map(|(name, table)| {
        let lints = table.lint().into_iter();
        lints.map(move |lint| Finding::new(&ROUTE_SUSPICIOUS, name, lint.to_string()))
    });
    lints.collect()
}

/// Where the first static route for a domain leads, if it has one.
pub(crate) fn first_hop(routes: &Routes, domain: &DomainName, seed: &[u8; 32]) -> Option<Service> {
    let decision = decide(routes, domain, seed);
    by_hops(&decision, routes.messaging()).next()
}

/// Where messages go, and why.
#[derive(Default)]
struct Way {
    protocol: Option<&'static str>,
    because: String,
    candidates: Vec<Candidate>,
    findings: Vec<Finding>,
}

fn decide<'r>(routes: &'r Routes, domain: &DomainName, seed: &[u8; 32]) -> Decision<'r> {
    routes.decide(&domain.clone().into(), seed)
}

fn by_hops(decision: &Decision<'_>, messaging: Messaging) -> impl Iterator<Item = Service> {
    let hops = decision.hops();
    hops.map(move |hop| Service::NextHop(hop.route.service(messaging)))
}

/// As the gateway finds a domain: by routes over SIP, by the rules, by DNS.
async fn by_directory(
    site: &Site,
    domain: &DomainName,
    xmpp: &Decision<'_>,
    discovery: Discovery,
) -> Result<Way, RouteError> {
    let routes = site.config.routes.sip.clone();
    let seed = resolver::seed()?;
    let locator = Locator::new(Settings::default(), routes, discovery.clone(), seed);
    let locator = locator.map_err(|_not| RouteError::NotForSip)?;
    locator.with_directory(|directory| {
        for sip in &site.loaded.rules.sip.domains {
            // The rules that were read name no domain for both protocols.
            let _ = directory.configure(sip.name.clone(), Messaging::Sip);
        }
    });
    let discovered = match locator.discover(domain).await {
        Ok(discovered) => discovered,
        Err(unreached) => return Ok(Way::nowhere(domain, &unreached)),
    };
    let mut way = match discovered.messaging {
        Messaging::Xmpp => over_xmpp(domain, xmpp, &discovery).await?,
        Messaging::Sip => match locator.locate(domain).await {
            Ok(candidates) => Way {
                protocol: Some("SIP"),
                candidates,
                ..Way::default()
            },
            Err(unreached) => Way::nowhere(domain, &unreached),
        },
    };
    way.because = because(discovered.source).to_owned();
    Ok(way)
}

async fn over_xmpp(
    domain: &DomainName,
    decision: &Decision<'_>,
    discovery: &Discovery,
) -> Result<Way, RouteError> {
    let mut way = Way {
        protocol: Some("XMPP"),
        because: because(Source::Route).to_owned(),
        ..Way::default()
    };
    let services = match decision.verdict() {
        Verdict::Blocked(route) => {
            let seen = format!("route {route} over XMPP is blocked");
            let finding = Finding::new(&ROUTE_BLOCKED, domain.to_string(), seen);
            way.findings.push(finding);
            return Ok(way);
        }
        Verdict::NextHops => by_hops(decision, Messaging::Xmpp).collect(),
        Verdict::NoRoute | _ => vec![Service::XmppServerWithDirectTls],
    };
    for service in services {
        let resolution = discovery.resolve(domain.clone(), service).await?;
        let (outcome, trace) = (&resolution.outcome, &resolution.trace);
        way.findings.extend(diagnose::resolution(
            domain,
            Messaging::Xmpp,
            outcome,
            trace,
        ));
        if let Outcome::Candidates(candidates) = resolution.outcome {
            way.candidates.extend(candidates);
        }
    }
    Ok(way)
}

impl Way {
    fn nowhere(domain: &DomainName, unreached: &Unreached) -> Self {
        let diagnosis = match unreached {
            Unreached::Blocked(_) | Unreached::DeadEnd(DeadEnd::DefaultRouteBlocked(_)) => {
                &ROUTE_BLOCKED
            }
            Unreached::DeadEnd(DeadEnd::Failed(_) | DeadEnd::Bogus) | Unreached::Unasked(_) => {
                &ROUTE_UNKNOWN
            }
            Unreached::Nowhere | Unreached::DeadEnd(_) | _ => &ROUTE_MISSING,
        };
        Self {
            findings: vec![Finding::new(
                diagnosis,
                domain.to_string(),
                unreached.to_string(),
            )],
            ..Self::default()
        }
    }
}

fn because(source: Source) -> &'static str {
    match source {
        Source::Configured => "the rules",
        Source::Route => "a static route",
        Source::Learned => "an earlier exchange",
        Source::Records => "its records in DNS",
        Source::DefaultRoute => "the default route",
        Source::Edge => "its edge in DNS",
        _ => "other",
    }
}

fn document(candidate: &Candidate) -> Value {
    json!({
        "address": candidate.address.to_string(),
        "transport": candidate.transport.to_string(),
        "target": candidate.target.as_str(),
        "priority": candidate.priority,
        "weight": candidate.weight,
    })
}
