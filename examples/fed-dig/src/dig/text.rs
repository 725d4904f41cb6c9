use super::{Report, Verdict};
use crate::candidates;
use crate::options::Subject;
use crate::session::Session;

pub(super) fn page(session: &Session, report: &Report) -> String {
    let mut lines = vec![title(report), String::new()];
    lines.extend(candidates::lines(report.candidates(), 1));
    for blocked in report.blocked() {
        let (address, target, reason) = (blocked.address, &blocked.target, blocked.reason);
        lines.push(format!("Not dialled: {address} of {target}, {reason}"));
    }
    if !report.blocked().is_empty() {
        lines.push(String::new());
    }
    lines.push(Verdict::of(session, report).to_string());
    if session.settings.trace || !report.has_candidates() {
        lines.push(String::new());
        lines.push("Steps:".to_owned());
        lines.extend(report.steps().map(|step| format!("  {step}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn title(report: &Report) -> String {
    let what = match &report.subject {
        Subject::Xmpp => "XMPP server",
        Subject::Sip { secure: false, .. } => "SIP server",
        Subject::Sip { secure: true, .. } => "SIP server (sips)",
        Subject::Edge => "Federation edge",
    };
    format!("{what} of {}", report.domain)
}
