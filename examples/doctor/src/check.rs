//! Everything about a domain that we are to federate with.

use std::path::{Path, PathBuf};
use std::{fs, io};

use comity_identity::DomainName;
use comity_policy::{Address, Protocol, Subject};
use comity_rustls::{default_provider, signature_algorithms};
use comity_tokio::probe;
use comity_trust::{AnchorFileError, Policy, Protocols, SignatureVerificationAlgorithm};
use comity_xmpp::diagnose::{Feature, Opening};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::options::{Check, Settings};
use crate::progress::Progress;
use crate::report::{Length, Report};
use crate::resolver::{self, ResolverError};
use crate::route;
use crate::site::Site;
use crate::time::Time;
use crate::verdict::{Case, CaseError};
use crate::views;

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error("{}: {error}; give CAs to trust by --roots or --config", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{}: {error}", file.display())]
    Roots {
        file: PathBuf,
        error: AnchorFileError,
    },
    #[error(transparent)]
    Ours(#[from] CaseError),
    #[error("--subscribe asks as one of our domains: give it by --as or --config")]
    NobodyAsks,
    #[error("--subscribe: {0}")]
    Subscribe(comity_sip::ParseError),
    #[error(transparent)]
    Resolver(#[from] ResolverError),
}

pub(crate) async fn run(
    asked: &Check,
    site: Option<&Site>,
    settings: &Settings,
) -> Result<Report, CheckError> {
    let ours = asked.ours.clone();
    let ours = ours.or_else(|| site.and_then(|site| first_domain(site, asked.protocols)));
    let mut report = Report::new("check", asked.domain.to_string());
    if let Some((site, ours)) = site.zip(ours.as_ref()) {
        rules(site, ours, asked, &mut report)?;
        report.findings.extend(route::suspicious(site));
    }
    let mut config = config(asked, site, ours)?;
    let discovery = resolver::start(settings, site)?;
    let progress = Progress::on_stderr();
    config.activity = Some(show(progress));
    let (seen, differences) = tokio::join!(
        probe::check(&discovery, &asked.domain, &config),
        views::compare(asked, settings, site)
    );
    progress.end();
    report.findings.extend(differences?);
    report.time = Some(Time::from(&seen));
    report.findings.extend(seen.findings);
    report.detail("lookups", seen.lookups.iter().map(lookup).collect());
    report.detail("servers", seen.targets.iter().map(document).collect());
    report.section(
        "Servers",
        Length::Brief,
        seen.targets.iter().map(line).collect(),
    );
    Ok(report)
}

/// One of ours, if nobody says which. The gateway speaks XMPP for those whose users live on SIP, and
/// the other way round.
fn first_domain(site: &Site, protocols: Protocols) -> Option<DomainName> {
    let domains = &site.config.domains;
    let (first, second) = match protocols {
        Protocols::Both | Protocols::Xmpp => (&domains.sip, &domains.xmpp),
        Protocols::Sip => (&domains.xmpp, &domains.sip),
    };
    first.iter().chain(second).next().cloned()
}

fn config(
    asked: &Check,
    site: Option<&Site>,
    ours: Option<DomainName>,
) -> Result<probe::Config, CheckError> {
    let provider = default_provider();
    let mut config = probe::Config::new(&provider);
    config.protocols = asked.protocols;
    if let Some(site) = site {
        let loaded = &site.loaded;
        for (side, trust) in [
            (&mut config.xmpp, &loaded.xmpp_trust),
            (&mut config.sip, &loaded.sip_trust),
        ] {
            side.tls = loaded.tls_context();
            side.trust = trust.policy.clone();
            side.revocation_lists = trust.revocation_lists.clone();
        }
        config.dialback.clone_from(&loaded.dialback);
        let mut peers = site.config.sip.subjects();
        config.sip_peers = peers.remove(&asked.domain).unwrap_or_default();
        let seed = resolver::seed()?;
        let routes = &site.config.routes;
        config.xmpp.service = route::first_hop(&routes.xmpp, &asked.domain, &seed);
        config.sip.service = route::first_hop(&routes.sip, &asked.domain, &seed);
    }
    let system = site.is_none().then(|| Path::new(SYSTEM_ROOTS));
    if let Some(roots) = asked.roots.as_deref().or(system) {
        let trust = trust(roots, signature_algorithms(&provider))?;
        config.sip.trust = trust.clone();
        config.xmpp.trust = trust;
    }
    config.subscribe = subscription(ours.as_ref(), asked.subscribe.as_ref())?;
    config.local = ours;
    Ok(config)
}

/// Asks for the presence of a user, as a user of ours who need not exist.
fn subscription(
    ours: Option<&DomainName>,
    presentity: Option<&Address>,
) -> Result<Option<probe::Subscription>, CheckError> {
    let Some(presentity) = presentity else {
        return Ok(None);
    };
    let ours = ours.ok_or(CheckError::NobodyAsks)?;
    let uri = |text: String| text.parse().map_err(CheckError::Subscribe);
    Ok(Some(probe::Subscription {
        watcher: uri(format!("sip:{WATCHER}@{ours}"))?,
        presentity: uri(format!("sip:{presentity}"))?,
    }))
}

/// Trusts the CAs of a file, and asks for nothing else.
fn trust(
    roots: &Path,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
) -> Result<Policy, CheckError> {
    let mut policy = Policy::new(algorithms);
    let file = || roots.to_owned();
    let pem = fs::read(roots).map_err(|error| CheckError::Unreadable {
        file: file(),
        error,
    })?;
    let added = policy.store.add_anchors_from_pem(&pem);
    added.map_err(|error| CheckError::Roots {
        file: file(),
        error,
    })?;
    Ok(policy)
}

/// What our rules say of the two domains, in both directions.
fn rules(
    site: &Site,
    ours: &DomainName,
    asked: &Check,
    report: &mut Report,
) -> Result<(), CheckError> {
    let [ours, theirs] = [ours, &asked.domain].map(|domain| Subject::Domain(domain.clone()));
    let policy = &site.loaded.policy;
    let mut lines = Vec::new();
    for (from, to) in [(&ours, &theirs), (&theirs, &ours)] {
        let case = match Case::new(policy, from, to) {
            Ok(case) => over(case, asked.protocols),
            // How others see a domain of ours is no question to our rules.
            Err(CaseError::BothLocal(..)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let decisions = case.decide(policy);
        let findings = case.findings(&decisions, &site.rules());
        report.findings.extend(findings);
        if let Some((_, decision)) = decisions.last() {
            lines.push(format!("{case} over {}: {decision}", case.protocol));
        }
    }
    report.detail("rules", json!(lines));
    report.section("Our rules", Length::Brief, lines);
    Ok(())
}

/// Where one protocol is asked about, the rules are for that one.
fn over(case: Case, protocols: Protocols) -> Case {
    match protocols {
        Protocols::Both => case,
        Protocols::Sip => case.over(Protocol::Sip),
        Protocols::Xmpp => case.over(Protocol::Xmpp),
    }
}

/// Shows what is being waited for, until the sender is gone.
fn show(progress: Progress) -> mpsc::Sender<probe::Activity> {
    let (sender, mut activities) = mpsc::channel::<probe::Activity>(16);
    tokio::spawn(async move {
        while let Some(activity) = activities.recv().await {
            progress.begin(&activity.to_string());
        }
    });
    sender
}

fn line(target: &probe::Target) -> String {
    let mut line = format!("{}: {}", target.messaging, target.candidate);
    line += &match target.connected {
        Some(time) => format!(", connected in {} ms", time.as_millis()),
        None => ", not connected".to_owned(),
    };
    if let Some(tls) = &target.tls {
        line += &format!(", {tls}");
    }
    if let Some(answer) = &target.answer {
        line += &format!(", {answer}");
    }
    line
}

fn lookup(lookup: &probe::Lookup) -> Value {
    let steps = lookup.resolution.trace.entries().iter();
    json!({
        "protocol": lookup.messaging.to_string(),
        "steps": steps.map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn document(target: &probe::Target) -> Value {
    let candidate = &target.candidate;
    let tls = target.tls.as_ref().map(
        |tls| json!({ "version": tls.version, "cipher_suite": tls.cipher_suite, "alpn": tls.alpn }),
    );
    json!({
        "protocol": target.messaging.to_string(),
        "target": candidate.target.as_str(),
        "address": candidate.address.to_string(),
        "transport": candidate.transport.to_string(),
        "priority": candidate.priority,
        "weight": candidate.weight,
        "connected_ms": target.connected.map(|time| time.as_millis()),
        "tls": tls,
        "streams": target.openings.iter().map(stream).collect::<Vec<_>>(),
        "answer": target.answer,
    })
}

/// What a peer said of itself on one stream.
fn stream(opening: &Opening) -> Value {
    let header = opening.header.as_ref();
    json!({
        "from": header.and_then(|header| header.from.as_ref()),
        "version": header.and_then(|header| header.version.as_ref()),
        "features": opening.features.iter().map(|one| word(*one)).collect::<Vec<_>>(),
        "mechanisms": opening.mechanisms,
        "max_bytes": opening.max_bytes,
        "idle_seconds": opening.idle_seconds,
    })
}

fn word(feature: Feature) -> &'static str {
    match feature {
        Feature::Starttls => "starttls",
        Feature::StarttlsRequired => "starttls-required",
        Feature::Dialback => "dialback",
        Feature::DialbackErrors => "dialback-errors",
        Feature::Bidi => "bidi",
        Feature::Acknowledgements => "acknowledgements",
        _ => "other",
    }
}

/// The user of ours who asks for presence.
const WATCHER: &str = "comity-doctor";
/// Where Debian and its kin keep the CAs that everybody trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
