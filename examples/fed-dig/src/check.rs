//! What our own domains have to publish, and what is wrong with what is there.

mod file;
mod json;
mod text;

use comity_srv::publish::{Ask, Finding, Inventory, Severity, Survey};
use comity_srv::{Failure, LookedUp, Trace};
use comity_tokio::DiscoveryError;
use tokio::task::JoinSet;

use crate::Page;
use crate::session::{Session, SessionError};
pub(crate) use file::read;

/// What was found.
struct Report {
    /// Lines for zone files.
    records: Vec<String>,
    findings: Vec<Finding>,
    trace: Trace,
}

pub(crate) async fn run(session: &Session, inventory: Inventory) -> Result<Page, SessionError> {
    let report = Report::new(session, inventory).await?;
    let text = if session.settings.json {
        json::document(session, &report)
    } else {
        text::page(session, &report)
    };
    Ok(Page {
        text,
        is_good: report.count(Severity::Error) == 0,
    })
}

impl Report {
    async fn new(session: &Session, inventory: Inventory) -> Result<Self, SessionError> {
        let records = inventory.records();
        let mut survey = Survey::new(inventory);
        let mut trace = Trace::default();
        let mut asked = JoinSet::new();
        loop {
            while asked.len() < AT_A_TIME
                && let Some(ask) = survey.next_ask()
            {
                asked.spawn(answer(session.discovery.clone(), ask));
            }
            let Some(answered) = asked.join_next().await else {
                break;
            };
            // A task that was lost is a resolver that was lost.
            let (ask, answer) = answered.map_err(|_lost| DiscoveryError::Stopped)?;
            let (found, steps) = answer?;
            trace.append(steps);
            survey.handle_answer(&ask, found);
        }
        Ok(Self {
            records: records.iter().map(ToString::to_string).collect(),
            findings: survey.findings(),
            trace,
        })
    }

    fn count(&self, severity: Severity) -> usize {
        let alike = self
            .findings
            .iter()
            .filter(|one| one.severity() == severity);
        alike.count()
    }

    fn steps(&self) -> impl Iterator<Item = String> {
        self.trace.entries().iter().map(ToString::to_string)
    }
}

type Answer = Result<(Result<LookedUp, Failure>, Trace), DiscoveryError>;

async fn answer(discovery: comity_tokio::Discovery, ask: Ask) -> (Ask, Answer) {
    let found = discovery
        .look_up(ask.domain.clone(), ask.labels, ask.kind)
        .await;
    (ask, found)
}

/// Fewer questions than a resolver takes at a time.
const AT_A_TIME: usize = 16;
