//! What was found, before it is written down.

use std::net::SocketAddr;

use comity_identity::DomainName;
use comity_srv::{BlockedAddress, Candidate, Outcome, Provenance};
use comity_tokio::Resolution;

use crate::options::{Settings, Subject};

/// A resolution, and what it was about.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) domain: DomainName,
    pub(crate) subject: Subject,
    pub(crate) settings: Settings,
    pub(crate) name_servers: Vec<SocketAddr>,
    pub(crate) seed: [u8; 32],
    pub(crate) resolution: Resolution,
}

/// Candidates among which nothing but weights decides.
pub(crate) struct Group<'a> {
    /// `None` without SRV records.
    pub(crate) priority: Option<u16>,
    /// There is at least one.
    pub(crate) candidates: &'a [Candidate],
}

impl Report {
    pub(crate) fn has_candidates(&self) -> bool {
        !self.candidates().is_empty()
    }

    pub(crate) fn candidates(&self) -> &[Candidate] {
        if let Outcome::Candidates(candidates) = &self.resolution.outcome {
            candidates
        } else {
            &[]
        }
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
        // The sets of XMPP are one, those of the transports of SIP follow each other.
        let is_mixed = self.subject == Subject::Xmpp;
        let together = move |a: &Candidate, b: &Candidate| {
            a.priority == b.priority && (is_mixed || a.transport == b.transport)
        };
        self.candidates().chunk_by(together).map(|candidates| {
            let first = candidates.first();
            let recorded = first.filter(|one| one.provenance == Provenance::ServiceRecord);
            Group {
                priority: recorded.map(|one| one.priority),
                candidates,
            }
        })
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = String> {
        let entries = self.resolution.trace.entries();
        entries.iter().map(ToString::to_string)
    }
}
