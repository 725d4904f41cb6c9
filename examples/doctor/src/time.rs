//! How long the network lets us wait.

use std::time::Duration;

use comity_tokio::probe;

/// How long a check took, and what for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Time {
    pub(crate) total: Duration,
    /// How much of it was not spent waiting.
    pub(crate) own: Duration,
    pub(crate) waits: Vec<Wait>,
}

/// A wait for the network, from and until these times after the start. Waits may overlap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wait {
    pub(crate) what: String,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

impl From<&probe::Report> for Time {
    fn from(report: &probe::Report) -> Self {
        let wait = |wait: &probe::Wait| Wait {
            what: wait.activity.to_string(),
            from: wait.began,
            until: wait.began + wait.took,
        };
        Self {
            total: report.took,
            own: report.worked,
            waits: report.waits.iter().map(wait).collect(),
        }
    }
}
