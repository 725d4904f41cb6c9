use comity_identity::{Finding, Severity};
use comity_srv::{Messaging, Outcome, Service, SipService, diagnose};

use super::{ActivityKind, Context, soften};
use crate::{Discovery, DiscoveryError, Resolution};

/// What was asked of DNS, and what it said.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Lookup {
    /// For which protocol.
    pub messaging: Messaging,
    /// What was asked for.
    pub service: Service,
    /// What came of it, and how.
    pub resolution: Resolution,
}

/// Looks up where the domain is reached by a protocol, and adds what is wrong with its records. The
/// targets are those of the last one.
pub(super) async fn look_up(
    context: &Context,
    discovery: &Discovery,
    messaging: Messaging,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Lookup>, DiscoveryError> {
    let ask = |service| ask(context, discovery, messaging, service);
    let wrong = |found: &Lookup| {
        let Resolution { outcome, trace } = &found.resolution;
        diagnose::resolution(&context.domain, messaging, outcome, trace)
    };
    let given = context.side(messaging).service.clone();
    let service = match (given, messaging) {
        (Some(given), _) => given,
        (None, Messaging::Xmpp) => Service::XmppServerWithDirectTls,
        (None, Messaging::Sip) => {
            let secure = Service::Sip(SipService::secure()).by_records();
            let (edge, server) = tokio::join!(ask(Service::SipFederation), ask(secure));
            let (edge, server) = (edge?, server?);
            let mut about_edge = wrong(&edge);
            let is_elsewhere = matches!(server.resolution.outcome, Outcome::Candidates(_));
            if edge.resolution.outcome != Outcome::Absent || !is_elsewhere {
                findings.extend(about_edge);
                return Ok(vec![edge]);
            }
            // Only Microsoft servers miss it.
            soften(&mut about_edge, Severity::Note);
            findings.extend(about_edge);
            findings.extend(wrong(&server));
            return Ok(vec![edge, server]);
        }
    };
    let found = ask(service).await?;
    findings.extend(wrong(&found));
    Ok(vec![found])
}

async fn ask(
    context: &Context,
    discovery: &Discovery,
    messaging: Messaging,
    service: Service,
) -> Result<Lookup, DiscoveryError> {
    let domain = &context.domain;
    let resolution = discovery.resolve(domain.clone(), service.clone());
    let resolution = context
        .watch
        .wait(ActivityKind::Resolve, domain.as_str(), resolution);
    Ok(Lookup {
        messaging,
        service,
        resolution: resolution.await?,
    })
}
