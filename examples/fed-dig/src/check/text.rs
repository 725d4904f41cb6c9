use comity_srv::publish::{Finding, Severity};

use super::Report;
use crate::dig::{Verdict, count};
use crate::session::Session;

pub(super) fn page(session: &Session, report: &Report) -> String {
    let mut lines = vec!["Records to publish:".to_owned()];
    lines.extend(report.records.iter().map(|record| format!("  {record}")));
    if !report.findings.is_empty() {
        lines.push(String::new());
        lines.push("Findings:".to_owned());
    }
    for finding in &report.findings {
        let mark = match finding.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        lines.push(format!("  {mark}: {finding}"));
    }
    lines.push(String::new());
    lines.push(verdict(report).to_string());
    if session.settings.trace {
        lines.push(String::new());
        lines.push("Steps:".to_owned());
        lines.extend(report.steps().map(|step| format!("  {step}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The sentence about a report.
pub(super) fn verdict(report: &Report) -> Verdict {
    let [errors, warnings] = [Severity::Error, Severity::Warning].map(|one| report.count(one));
    let found = format!(
        "{} and {}",
        count(errors, "error"),
        count(warnings, "warning")
    );
    let (summary, advice) = match (errors, warnings) {
        (0, 0) => ("nothing is wrong".to_owned(), "others find us"),
        (0, _) => (found, "others find us, some of them not always"),
        (_, _) if is_unknown(report) => (
            found,
            "ask again, or another name server by --resolver, before anything is changed",
        ),
        (_, _) => (found, "publish the records above to be found"),
    };
    Verdict {
        summary,
        advice: advice.to_owned(),
    }
}

/// Whether no error is known to be one.
fn is_unknown(report: &Report) -> bool {
    let is_error = |finding: &&Finding| finding.severity() == Severity::Error;
    let mut errors = report.findings.iter().filter(is_error);
    errors.all(|finding| matches!(finding, Finding::Unknown { .. }))
}
