//! Our own side as others see it.

use comity_gateway_config::Certificate;
use comity_identity::Finding;
use comity_tokio::Discovery;
use comity_trust::diagnose;
use serde_json::json;

use crate::findings::OWN_CONFIGURATION;
use crate::memory::{Memory, MemoryError};
use crate::report::{Length, Report};
use crate::site::{self, Site};
use crate::{dns, lync};

pub(crate) async fn run(
    site: &Site,
    memory: Option<Memory>,
    discovery: &Discovery,
) -> Result<Report, MemoryError> {
    let mut report = Report::new("self", site.name());
    let own = site.report();
    report.findings = dns::survey(&own.publication, discovery).await;
    report
        .findings
        .extend(own.certificates.iter().flat_map(certificate));
    if let Some(memory) = memory {
        report.findings.extend(memory.replace(&own.certificates)?);
    }
    let warnings = own.warnings.iter();
    report.findings.extend(
        warnings.map(|warning| Finding::new(&OWN_CONFIGURATION, site.name(), warning.to_string())),
    );
    report.detail("configuration", own.to_json().into());
    dns::show(own.publication, &mut report);
    let ports = own.ports.iter().map(ToString::to_string);
    report.section(
        "Ports, here and as others see them",
        Length::Whole,
        ports.collect(),
    );
    let openings = own.openings.iter().map(ToString::to_string);
    report.section(
        "Firewall, to let through",
        Length::Whole,
        openings.collect(),
    );
    let commands = lync::commands(site);
    report.detail("lync", json!(commands));
    report.section(
        "On a Lync or Skype for Business server",
        Length::Whole,
        commands,
    );
    Ok(report)
}

fn certificate(certificate: &Certificate) -> Vec<Finding> {
    let subject = format!("{} ({})", certificate.key, certificate.file);
    let coverage = certificate.coverage.as_ref();
    coverage.map_or_else(Vec::new, |coverage| {
        diagnose::coverage(&subject, coverage, site::now())
    })
}
