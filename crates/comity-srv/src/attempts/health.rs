use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comity_identity::DomainName;

use super::Fault;
use crate::candidate::Candidate;
use crate::service::Transport;

/// Which servers have failed a moment ago, and when they may be trusted again.
///
/// It is no part of the DNS cache and changes no candidate: [`Attempts`](super::Attempts) puts those
/// that are ill behind all others and drops none, so that a domain whose servers are all ill is still
/// tried.
///
/// An address with which no connection comes about is ill for all domains. A server that answers a
/// request with 503 or not at all is ill for the domain that it did so for, since any domain may name
/// the server of another; and a failure of TLS makes nothing ill, for the same reason.
#[derive(Debug)]
pub struct Health {
    limits: HealthLimits,
    ill: BTreeMap<Place, Instant>,
}

/// An address and transport, for all domains or as the server of one.
type Place = (SocketAddr, Transport, Option<DomainName>);

/// Bounds on what is remembered.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HealthLimits {
    /// Places that are ill at a time; 1,024. Beyond, the one that is well again first is forgotten.
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
        let (place, penalty) = match fault {
            Fault::Unavailable { retry_after } => {
                let longest = self.limits.max_retry_after;
                let wait = retry_after.map(|wait| wait.min(longest));
                (server(candidate), wait.unwrap_or(self.limits.penalty))
            }
            Fault::NoAnswer => (server(candidate), self.limits.penalty),
            // Over UDP there is no connection, so that silence is about a request.
            Fault::Timeout if candidate.transport == Transport::Udp => {
                (server(candidate), self.limits.penalty)
            }
            Fault::Refused | Fault::Unreachable | Fault::Timeout => {
                (address(candidate), self.limits.penalty)
            }
            Fault::Tls(_) => return,
        };
        let Some(until) = now.checked_add(penalty) else {
            return;
        };
        self.ill.retain(|_, end| now < *end);
        self.ill.insert(place, until);
        while self.ill.len() > self.limits.max_addresses {
            let first = self.ill.iter().min_by_key(|(_, end)| **end);
            let Some(place) = first.map(|(place, _)| place.clone()) else {
                return;
            };
            self.ill.remove(&place);
        }
    }

    /// Notes that an attempt has served.
    pub fn note_success(&mut self, candidate: &Candidate) {
        self.ill.remove(&address(candidate));
        self.ill.remove(&server(candidate));
    }

    /// When the candidate is well again; `None` if it is.
    #[must_use]
    pub fn ill_until(&self, now: Instant, candidate: &Candidate) -> Option<Instant> {
        let places = [address(candidate), server(candidate)];
        let ends = places
            .iter()
            .filter_map(|place| self.ill.get(place).copied());
        ends.max().filter(|end| now < *end)
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new(HealthLimits::default())
    }
}

fn address(candidate: &Candidate) -> Place {
    (candidate.address, candidate.transport, None)
}

fn server(candidate: &Candidate) -> Place {
    let domain = candidate.domain.clone();
    (candidate.address, candidate.transport, Some(domain))
}
