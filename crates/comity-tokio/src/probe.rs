//! Asks the network what keeps a domain from federating with us.
//!
//! [`check`] looks a domain up, connects to every target, and goes as far as it can get: TLS with all
//! that we speak and with what we do not, XMPP up to the proof of our domain, SIP up to an answer to
//! OPTIONS or SUBSCRIBE. What it sees becomes [`Finding`]s, by the `diagnose` modules of the crates
//! below. [`survey`] asks for the records of our own domains. What does not depend on each other runs
//! side by side.
//!
//! ```
//! use comity_rustls::default_provider;
//! use comity_tokio::{Discovery, probe};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! // A program has name servers here.
//! let discovery = Discovery::start(comity_srv::Config::new(Vec::new()), [7; 32]);
//! let config = probe::Config::new(&default_provider());
//! let report = probe::check(&discovery, &"b.example".parse()?, &config).await;
//! for finding in &report.findings {
//!     println!("{finding}");
//! }
//! assert_eq!(report.findings[0].id, "dns-not-asked");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a peer notices
//!
//! Four connections to each target and protocol: one that goes on as long as there is something to
//! learn, and three that end in the TLS handshake. No message is sent to any user; a SUBSCRIBE is, if
//! [`Config::subscribe`] asks for one, and it ends with its first NOTIFY.
//!
//! # Limits
//!
//! [`Limits`] bounds each wait, the bytes that are read of one connection, and the targets that are
//! tried.

mod channel;
mod config;
mod dial;
mod lookup;
mod report;
mod secure;
mod sip;
mod table;
mod visit;
mod watch;
mod xmpp;

use std::sync::Arc;

use comity_identity::{Diagnosis, DomainName, Finding, Severity};
use comity_srv::publish::{Inventory, Survey};
use comity_srv::{Candidate, Messaging, Outcome, Provenance, Transport, diagnose};
use tokio::task::JoinSet;

pub use self::config::{Config, Limits, Side, Subscription};
pub use self::lookup::Lookup;
pub use self::report::{Report, Target};
use self::secure::Clients;
use self::table::{DNS_NOT_ASKED, TARGETS_LEFT_OUT, TLS_CONFIG};
use self::watch::Watch;
pub use self::watch::{Activity, ActivityKind, Wait};
use crate::Discovery;

/// Everything that can be found, by all crates: the rows of their tables.
pub fn diagnoses() -> impl Iterator<Item = &'static Diagnosis> {
    let tables = [
        comity_rustls::diagnose::DIAGNOSES,
        comity_sip::diagnose::DIAGNOSES,
        diagnose::DIAGNOSES,
        comity_trust::diagnose::DIAGNOSES,
        comity_xmpp::diagnose::DIAGNOSES,
        table::DIAGNOSES,
    ];
    tables.into_iter().flatten().copied()
}

/// Finds out what keeps `domain` from federating with us, as far as the network tells.
///
/// Where both protocols are asked for and the domain has one of them, that it lacks the other is a
/// note.
pub async fn check(discovery: &Discovery, domain: &DomainName, config: &Config) -> Report {
    let context = Arc::new(Context {
        domain: domain.clone(),
        config: config.clone(),
        watch: Watch::start(config.activity.clone()),
    });
    let (xmpp, sip) = tokio::join!(
        protocol(&context, discovery, Messaging::Xmpp),
        protocol(&context, discovery, Messaging::Sip)
    );
    let mut parts: Vec<_> = [xmpp, sip].into_iter().flatten().collect();
    let is_served = parts.iter().any(|part| part.is_served);
    for part in &mut parts {
        if is_served && !part.is_served {
            soften(&mut part.findings, Severity::Note);
        }
    }
    let (waits, took, worked) = context.watch.finish();
    let mut report = Report {
        waits,
        took,
        worked,
        ..Report::default()
    };
    for part in parts {
        report.findings.extend(part.findings);
        report.lookups.extend(part.lookups);
        report.targets.extend(part.targets);
    }
    report.findings.sort();
    report.findings.dedup();
    report
}

/// Finds out what is wrong with the records of our own domains. All questions are asked side by side.
pub async fn survey(discovery: &Discovery, inventory: Inventory) -> Vec<Finding> {
    let mut survey = Survey::new(inventory);
    let mut asked = JoinSet::new();
    loop {
        while let Some(ask) = survey.next_ask() {
            let discovery = discovery.clone();
            asked.spawn(async move {
                let looked_up = discovery.look_up(ask.domain.clone(), ask.labels, ask.kind);
                (ask, looked_up.await)
            });
        }
        let Some(answered) = asked.join_next().await else {
            break;
        };
        match answered {
            Ok((ask, Ok((answer, _trace)))) => survey.handle_answer(&ask, answer),
            Ok((ask, Err(error))) => {
                let subject = ask.domain.to_string();
                return vec![Finding::new(&DNS_NOT_ASKED, subject, error.to_string())];
            }
            Err(_panic) => {}
        }
    }
    diagnose::survey(&survey)
}

/// What all parts of a check share.
#[derive(Debug)]
struct Context {
    domain: DomainName,
    config: Config,
    watch: Watch,
}

impl Context {
    fn side(&self, messaging: Messaging) -> &Side {
        match messaging {
            Messaging::Sip => &self.config.sip,
            Messaging::Xmpp => &self.config.xmpp,
        }
    }

    /// 32 bytes of chance. Nothing secret depends on them.
    fn random(&self) -> [u8; 32] {
        let mut random = [0; 32];
        let provider = &self.config.xmpp.tls.provider;
        // A system without chance fails at the handshake already.
        let _ = provider.secure_random.fill(&mut random);
        random
    }
}

/// What was found about one protocol.
#[derive(Debug, Default)]
struct Part {
    findings: Vec<Finding>,
    lookups: Vec<Lookup>,
    targets: Vec<Target>,
    /// Whether the domain offers the protocol.
    is_served: bool,
}

/// Lets nothing be worse than that.
fn soften(findings: &mut [Finding], worst: Severity) {
    for finding in findings {
        finding.severity = finding.severity.min(worst);
    }
}

async fn protocol(
    context: &Arc<Context>,
    discovery: &Discovery,
    messaging: Messaging,
) -> Option<Part> {
    if !context.config.asks_for(messaging) {
        return None;
    }
    let mut part = Part::default();
    let looked_up = lookup::look_up(context, discovery, messaging, &mut part.findings).await;
    part.lookups = match looked_up {
        Ok(lookups) => lookups,
        Err(error) => {
            let subject = context.domain.to_string();
            let finding = Finding::new(&DNS_NOT_ASKED, subject, error.to_string());
            part.findings.push(finding);
            return Some(part);
        }
    };
    // The last one counts.
    let outcome = part
        .lookups
        .last()
        .map(|last| last.resolution.outcome.clone());
    let outcome = outcome.unwrap_or(Outcome::Absent);
    // That it is not offered was said; else something is wrong with what is.
    part.is_served = !matches!(outcome, Outcome::Absent | Outcome::Refused);
    let Outcome::Candidates(mut candidates) = outcome else {
        return Some(part);
    };
    candidates.retain(|candidate| candidate.transport != Transport::Udp);
    let has_records = candidates
        .iter()
        .any(|candidate| candidate.provenance != Provenance::Fallback);
    let max = context.config.limits.max_targets;
    if candidates.len() > max {
        let seen = format!("{} targets, of which {max} are looked at", candidates.len());
        let subject = context.domain.to_string();
        part.findings
            .push(Finding::new(&TARGETS_LEFT_OUT, subject, seen));
        candidates.truncate(max);
    }
    let local = context.config.local.as_ref();
    let clients = match Clients::new(&context.side(messaging).tls, local) {
        Ok(clients) => Arc::new(clients),
        Err(error) => {
            let finding = Finding::new(&TLS_CONFIG, "our TLS", error.to_string());
            part.findings.push(finding);
            return Some(part);
        }
    };
    let looked_at = targets(context, &clients, messaging, candidates).await;
    let is_reached = looked_at
        .iter()
        .any(|(target, _)| target.connected.is_some());
    part.is_served = has_records || is_reached;
    for (target, mut findings) in looked_at {
        if is_reached && target.connected.is_none() {
            // Others are there to be tried.
            soften(&mut findings, Severity::Warning);
        }
        part.findings.extend(findings);
        part.targets.push(target);
    }
    Some(part)
}

/// Looks at all targets side by side; they come back in their order.
async fn targets(
    context: &Arc<Context>,
    clients: &Arc<Clients>,
    messaging: Messaging,
    candidates: Vec<Candidate>,
) -> Vec<(Target, Vec<Finding>)> {
    let mut running = JoinSet::new();
    for (place, candidate) in candidates.into_iter().enumerate() {
        let (context, clients) = (Arc::clone(context), Arc::clone(clients));
        running.spawn(async move {
            let looked_at = visit::look_at(&context, &clients, messaging, candidate);
            (place, looked_at.await)
        });
    }
    let mut ended = running.join_all().await;
    ended.sort_by_key(|(place, _)| *place);
    ended.into_iter().map(|(_, looked_at)| looked_at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_words_that_no_other_diagnosis_of_any_crate_has() {
        assert_eq!(Diagnosis::misnamed(diagnoses()), None);
    }
}
