//! One service of one domain.

mod json;
mod report;
mod text;
mod verdict;

use comity_identity::DomainName;

use crate::Page;
use crate::options::Subject;
use crate::session::{Session, SessionError};
pub(crate) use report::Report;
pub(crate) use verdict::{Verdict, count};

pub(crate) async fn run(
    session: &Session,
    domain: DomainName,
    subject: Subject,
) -> Result<Page, SessionError> {
    let resolution = session.resolve(&domain, subject.service()).await?;
    let report = Report {
        domain,
        subject,
        resolution,
    };
    let text = if session.settings.json {
        json::document(session, &report)
    } else {
        text::page(session, &report)
    };
    Ok(Page {
        text,
        is_good: report.has_candidates(),
    })
}
