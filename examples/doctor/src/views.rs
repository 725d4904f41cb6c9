//! Whether several name servers show the same of a domain, as those inside and outside of a firewall
//! should.

use comity_identity::{DomainName, Finding};
use comity_srv::{LookedUp, RecordKind, RecordName, diagnose};
use comity_tokio::Discovery;
use comity_trust::Protocols;
use tokio::task::JoinHandle;

use crate::options::{Check, Settings};
use crate::resolver::{self, ResolverError};
use crate::site::Site;

/// Asks each of the name servers that are given, and compares the answers of the first with those of
/// the others. That one does not answer is told by the check itself.
pub(crate) async fn compare(
    asked: &Check,
    settings: &Settings,
    site: Option<&Site>,
) -> Result<Vec<Finding>, ResolverError> {
    let mut views = Vec::new();
    for labels in services(asked.protocols) {
        let mut of_servers = Vec::new();
        for server in &settings.resolvers {
            let discovery = resolver::start_with(vec![*server], settings, site)?;
            of_servers.push(view(discovery, asked.domain.clone(), labels));
        }
        views.push((labels, of_servers));
    }
    let mut findings = Vec::new();
    for (labels, of_servers) in views {
        let mut answers = Vec::new();
        for view in of_servers {
            answers.extend(view.await.ok().flatten());
        }
        let owner = RecordName::below(labels, &asked.domain);
        if let (Some(owner), Some((first, others))) = (owner, answers.split_first()) {
            let differences = others
                .iter()
                .filter_map(|other| diagnose::views(&owner, first, other));
            findings.extend(differences);
        }
    }
    Ok(findings)
}

fn view(
    discovery: Discovery,
    domain: DomainName,
    labels: &'static [&'static str],
) -> JoinHandle<Option<LookedUp>> {
    tokio::spawn(async move {
        let answer = discovery.look_up(domain, labels, RecordKind::Srv).await;
        answer.ok().and_then(|(answer, _trace)| answer.ok())
    })
}

fn services(protocols: Protocols) -> Vec<&'static [&'static str]> {
    let xmpp: &[_] = &["_xmpp-server", "_tcp"];
    let sip: &[_] = &["_sipfederationtls", "_tcp"];
    match protocols {
        Protocols::Both => vec![xmpp, sip],
        Protocols::Sip => vec![sip],
        Protocols::Xmpp => vec![xmpp],
    }
}
