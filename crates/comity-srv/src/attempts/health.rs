use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Fault;
use crate::candidate::Candidate;
use crate::service::Transport;

/// Which addresses have failed a moment ago, and when they may be trusted again.
///
/// It is no part of the DNS cache and changes no candidate: [`Health::order`] puts those that are ill
/// behind the others and drops none, so that a domain whose servers are all ill is still tried.
#[derive(Debug)]
pub struct Health {
    limits: HealthLimits,
    ill: BTreeMap<(SocketAddr, Transport), Instant>,
}

/// Bounds on what is remembered.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HealthLimits {
    /// Addresses that are ill at a time; 1,024. Beyond, the one that is well again first is forgotten.
    pub max_addresses: usize,
    /// How long an address that failed is ill; 30 s.
    pub penalty: Duration,
    /// The longest time that a server may ask for by Retry-After; 10 min.
    pub max_retry_after: Duration,
}

impl Default for HealthLimits {
    fn default() -> Self {
        Self {
            max_addresses: 1024,
            penalty: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(600),
        }
    }
}

impl Health {
    /// A table in which all are well.
    #[must_use]
    pub fn new(limits: HealthLimits) -> Self {
        Self {
            limits,
            ill: BTreeMap::new(),
        }
    }

    /// Notes that an attempt has failed.
    pub fn note_fault(&mut self, now: Instant, candidate: &Candidate, fault: &Fault) {
        let penalty = match fault {
            Fault::Unavailable {
                retry_after: Some(wait),
            } => (*wait).min(self.limits.max_retry_after),
            Fault::Unavailable { retry_after: None }
            | Fault::Refused
            | Fault::Unreachable
            | Fault::Timeout
            | Fault::Tls(_) => self.limits.penalty,
        };
        let Some(until) = now.checked_add(penalty) else {
            return;
        };
        self.ill.retain(|_, end| now < *end);
        self.ill.insert(place(candidate), until);
        while self.ill.len() > self.limits.max_addresses {
            let first = self.ill.iter().min_by_key(|(_, end)| **end);
            let Some(place) = first.map(|(place, _)| *place) else {
                return;
            };
            self.ill.remove(&place);
        }
    }

    /// Notes that an attempt has served.
    pub fn note_success(&mut self, candidate: &Candidate) {
        self.ill.remove(&place(candidate));
    }

    /// When the candidate is well again; `None` if it is.
    #[must_use]
    pub fn ill_until(&self, now: Instant, candidate: &Candidate) -> Option<Instant> {
        let end = self.ill.get(&place(candidate)).copied();
        end.filter(|end| now < *end)
    }

    /// The same candidates, those that are ill at the end; both parts keep their order.
    #[must_use]
    pub fn order(&self, now: Instant, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        candidates.sort_by_key(|candidate| self.ill_until(now, candidate).is_some());
        candidates
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new(HealthLimits::default())
    }
}

fn place(candidate: &Candidate) -> (SocketAddr, Transport) {
    (candidate.address, candidate.transport)
}
