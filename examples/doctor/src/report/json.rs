use comity_identity::Finding;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Report;
use crate::time::{Time, Wait};

pub(super) fn document(report: &Report) -> String {
    let document = Document {
        task: report.task,
        subject: &report.subject,
        healthy: report.is_healthy(),
        findings: report.findings.iter().map(Found::of).collect(),
        details: &report.details,
        time: report.time.as_ref().map(Spent::of),
    };
    // Nothing in it can fail: its keys are names, its numbers are whole.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Document<'a> {
    task: &'static str,
    subject: &'a str,
    healthy: bool,
    findings: Vec<Found<'a>>,
    #[serde(flatten)]
    details: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Spent<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    id: &'static str,
    severity: String,
    subject: &'a str,
    seen: &'a str,
    means: &'a str,
    remedy: &'a str,
    source: &'static str,
}

#[derive(Serialize)]
struct Spent<'a> {
    total_ms: u128,
    own_ms: u128,
    waits: Vec<Waited<'a>>,
}

#[derive(Serialize)]
struct Waited<'a> {
    what: &'a str,
    from_ms: u128,
    until_ms: u128,
}

impl<'a> Found<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            id: finding.id,
            severity: finding.severity.to_string(),
            subject: &finding.subject,
            seen: &finding.seen,
            means: &finding.means,
            remedy: &finding.remedy,
            source: finding.source,
        }
    }
}

impl<'a> Spent<'a> {
    fn of(time: &'a Time) -> Self {
        let waited = |wait: &'a Wait| Waited {
            what: &wait.what,
            from_ms: wait.from.as_millis(),
            until_ms: wait.until.as_millis(),
        };
        Self {
            total_ms: time.total.as_millis(),
            own_ms: time.own.as_millis(),
            waits: time.waits.iter().map(waited).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comity_identity::{Diagnosis, Severity};
    use serde_json::json;

    use super::*;

    static BROKEN: Diagnosis = Diagnosis {
        id: "broken",
        severity: Severity::Warning,
        means: "some peers cannot reach it",
        remedy: "mend it",
        source: "RFC 1 §2",
    };

    #[test]
    fn a_document_has_all_that_was_found() {
        let mut report = Report::new("check", "b.example".to_owned());
        report
            .findings
            .push(Finding::new(&BROKEN, "b.example", "it is broken"));
        report.detail("protocols", json!(["xmpp"]));
        report.time = Some(Time {
            total: Duration::from_millis(30),
            own: Duration::from_millis(15),
            waits: vec![Wait {
                what: "TCP".to_owned(),
                from: Duration::from_millis(10),
                until: Duration::from_millis(25),
            }],
        });
        let read: Value = serde_json::from_str(&document(&report)).expect("a document");
        let expected = json!({
            "task": "check",
            "subject": "b.example",
            "healthy": false,
            "findings": [{
                "id": "broken",
                "severity": "warning",
                "subject": "b.example",
                "seen": "it is broken",
                "means": "some peers cannot reach it",
                "remedy": "mend it",
                "source": "RFC 1 §2",
            }],
            "protocols": ["xmpp"],
            "time": {
                "total_ms": 30,
                "own_ms": 15,
                "waits": [{ "what": "TCP", "from_ms": 10, "until_ms": 25 }],
            },
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn what_asks_nobody_has_no_time() {
        let read: Value =
            serde_json::from_str(&document(&Report::new("dns", "b.example".to_owned())))
                .expect("a document");
        assert_eq!(read.get("time"), None);
        assert_eq!(read.get("healthy"), Some(&Value::Bool(true)));
    }
}
