use std::time::Duration;

use comity_identity::Finding;
use comity_srv::{Candidate, Messaging};
use comity_xmpp::diagnose::Opening;

use super::{Lookup, Wait};
use crate::TlsSession;

/// What a check has found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What DNS said.
    pub lookups: Vec<Lookup>,
    /// What was looked at, those of XMPP first, and each in the order of their records.
    pub targets: Vec<Target>,
    /// What was waited for, in the order in which it ended.
    pub waits: Vec<Wait>,
    /// How long the check took.
    pub took: Duration,
    /// For how much of that it waited for nothing.
    pub worked: Duration,
}

/// What was seen of one address of a domain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// By which protocol.
    pub messaging: Messaging,
    /// The address, and how it was found.
    pub candidate: Candidate,
    /// How long the connection took; `None` if there is none.
    pub connected: Option<Duration>,
    /// The TLS session.
    pub tls: Option<TlsSession>,
    /// What the peer said of itself by XMPP, one for each stream.
    pub openings: Vec<Opening>,
    /// How it ended, in one line: the proof that the peer took, or the status that it answered.
    pub answer: Option<Box<str>>,
}

impl Target {
    pub(super) fn new(messaging: Messaging, candidate: Candidate) -> Self {
        Self {
            messaging,
            candidate,
            connected: None,
            tls: None,
            openings: Vec::new(),
            answer: None,
        }
    }
}
