use serde::Serialize;

use super::{Report, Verdict};
use crate::json::{Fault, Head, Kept, Priority, outcome, print, transport};
use crate::options::Subject;
use crate::session::Session;

pub(super) fn document(session: &Session, report: &Report) -> String {
    let Verdict { summary, advice } = Verdict::of(session, report);
    print(&Document {
        query: Query::of(report),
        head: Head::of(session),
        outcome: outcome(&report.resolution.outcome),
        failure: Fault::of(&report.resolution.outcome),
        summary,
        advice,
        groups: report.groups().map(|group| Priority::of(&group)).collect(),
        blocked: report.blocked().iter().map(Kept::of).collect(),
        steps: report.steps().collect(),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    query: Query<'a>,
    #[serde(flatten)]
    head: Head,
    outcome: &'static str,
    failure: Option<Fault>,
    summary: String,
    advice: String,
    groups: Vec<Priority<'a>>,
    blocked: Vec<Kept<'a>>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Query<'a> {
    service: &'static str,
    domain: &'a str,
    #[serde(flatten)]
    sip: Option<SipQuery>,
}

#[derive(Serialize)]
struct SipQuery {
    secure: bool,
    transport: Option<&'static str>,
    port: Option<u16>,
}

impl<'a> Query<'a> {
    fn of(report: &'a Report) -> Self {
        let sip = if let Subject::Sip {
            secure,
            transport: named,
            port,
        } = report.subject
        {
            Some(SipQuery {
                secure,
                transport: named.map(|named| transport(named.into())),
                port,
            })
        } else {
            None
        };
        Self {
            service: report.subject.word(),
            domain: report.domain.as_str(),
            sip,
        }
    }
}
