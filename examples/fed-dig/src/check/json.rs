use comity_srv::publish::{Finding, Severity};
use serde::Serialize;

use super::{Report, text};
use crate::dig::Verdict;
use crate::json::{Head, OTHER, print};
use crate::session::Session;

pub(super) fn document(session: &Session, report: &Report) -> String {
    let Verdict { summary, advice } = text::verdict(report);
    print(&Document {
        query: Query { service: "check" },
        head: Head::of(session),
        summary,
        advice,
        records: &report.records,
        findings: report.findings.iter().map(Found::of).collect(),
        steps: report.steps().collect(),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    query: Query,
    #[serde(flatten)]
    head: Head,
    summary: String,
    advice: String,
    records: &'a [String],
    findings: Vec<Found>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Query {
    service: &'static str,
}

#[derive(Serialize)]
struct Found {
    severity: &'static str,
    kind: &'static str,
    text: String,
}

impl Found {
    fn of(finding: &Finding) -> Self {
        Self {
            severity: match finding.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            kind: kind(finding),
            text: finding.to_string(),
        }
    }
}

fn kind(finding: &Finding) -> &'static str {
    match finding {
        Finding::Missing { .. } => "missing",
        Finding::Refused { .. } => "refused",
        Finding::Unknown { .. } => "unknown",
        Finding::NodeMissing { .. } => "node-missing",
        Finding::Stranger { .. } => "stranger",
        Finding::Uneven { .. } => "uneven",
        Finding::SeveralTargets { .. } => "several-targets",
        Finding::TargetsDiffer { .. } => "targets-differ",
        Finding::TargetIsAlias { .. } => "target-is-alias",
        Finding::NoAddress { .. } => "no-address",
        Finding::AddressMissing { .. } => "address-missing",
        Finding::AddressUnknown { .. } => "address-unknown",
        Finding::AddressForbidden { .. } => "address-forbidden",
        Finding::SeveralAddresses { .. } => "several-addresses",
        _ => OTHER,
    }
}
