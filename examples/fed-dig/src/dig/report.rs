use comity_identity::DomainName;
use comity_srv::{BlockedAddress, Candidate, Outcome};
use comity_tokio::Resolution;

use crate::candidates::{self, Group};
use crate::options::Subject;

/// A resolution, and what it was about.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) domain: DomainName,
    pub(crate) subject: Subject,
    pub(crate) resolution: Resolution,
}

impl Report {
    pub(crate) fn has_candidates(&self) -> bool {
        !self.candidates().is_empty()
    }

    pub(crate) fn candidates(&self) -> &[Candidate] {
        candidates::of(&self.resolution.outcome)
    }

    pub(crate) fn blocked(&self) -> &[BlockedAddress] {
        if let Outcome::Blocked(blocked) = &self.resolution.outcome {
            blocked
        } else {
            &[]
        }
    }

    /// The candidates in the order of attempts.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        candidates::groups(self.candidates())
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = String> {
        let entries = self.resolution.trace.entries();
        entries.iter().map(ToString::to_string)
    }
}
