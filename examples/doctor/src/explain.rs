//! What our rules decide about packets between two sides.

use comity_policy::{Decision, Stage, Subject};
use serde_json::{Value, json};

use crate::report::{Length, Report};
use crate::site::Site;
use crate::verdict::{Case, CaseError};

pub(crate) fn run(site: &Site, from: &Subject, to: &Subject) -> Result<Report, CaseError> {
    let policy = &site.loaded.policy;
    let case = Case::new(policy, from, to)?;
    let decisions = case.decide(policy);
    let mut report = Report::new("explain", case.to_string());
    report.findings = case.findings(&decisions, &site.rules());
    let heading = "Our rules, by how far it comes";
    report.section(heading, Length::Whole, decisions.iter().map(line).collect());
    report.detail("direction", json!(case.direction.to_string()));
    report.detail("protocol", json!(case.protocol.to_string()));
    report.detail("decisions", decisions.iter().map(document).collect());
    Ok(report)
}

fn line((stage, decision): &(Stage, Decision)) -> String {
    format!("{:15} {decision}", stage.to_string())
}

fn document((stage, decision): &(Stage, Decision)) -> Value {
    let rules = decision.explanation.rules().map(ToString::to_string);
    json!({
        "stage": stage.to_string(),
        "verdict": decision.verdict.to_string(),
        "rules": rules.collect::<Vec<_>>(),
    })
}
