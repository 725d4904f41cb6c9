//! The records that our domains need, and those that they have.

use comity_gateway_config::Publication;
use comity_identity::Finding;
use comity_tokio::{Discovery, probe};
use serde_json::json;

use crate::report::{Length, Report};
use crate::site::Site;

pub(crate) async fn run(site: &Site, discovery: &Discovery) -> Report {
    let mut report = Report::new("dns", site.name());
    let publication = site.report().publication;
    report.findings = survey(&publication, discovery).await;
    show(publication, &mut report);
    report
}

/// What is wrong with our records, as others see them.
pub(crate) async fn survey(publication: &Publication, discovery: &Discovery) -> Vec<Finding> {
    let (mut findings, sip) = tokio::join!(
        probe::survey(discovery, publication.xmpp.clone()),
        probe::survey(discovery, publication.sip.clone())
    );
    findings.extend(sip);
    findings
}

/// What has to be in DNS.
pub(crate) fn show(publication: Publication, report: &mut Report) {
    report.detail("publish", json!(publication.records));
    report.detail("elsewhere", json!(publication.elsewhere));
    report.section("To publish in DNS", Length::Whole, publication.records);
    let heading = "In DNS, but leading to the domains' own servers";
    report.section(heading, Length::Whole, publication.elsewhere);
}
