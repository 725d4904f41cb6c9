use std::collections::BTreeSet;

use comity_identity::DomainName;

use super::{Chase, End, Failure, Security};
use crate::limits::Limits;
use crate::message::{Question, RecordKind, RecordName, SrvData};
use crate::select::{Offer, ServiceRecord, weighted_offers};
use crate::trace::{DropReason, Trace, TraceEntry};

/// The SRV records of one service: one set, or several that count as one.
#[derive(Debug)]
pub(crate) struct Services {
    sets: Vec<Set>,
}

/// The SRV records of one name.
#[derive(Debug)]
struct Set {
    /// What its records mean for a connection.
    security: Security,
    chase: Chase,
}

/// What the answers about all sets come to.
#[derive(Debug)]
pub(crate) enum Found {
    /// Use these in this order. There is at least one.
    Offers {
        offers: Vec<Offer>,
        /// Why the records of a set are not among them.
        missing: Option<Failure>,
    },
    /// No set has a record.
    Absent,
    /// No set has a record with a host, and one says that it never will.
    Refused,
    Failed(Failure),
}

impl Services {
    /// The sets with these first labels, or `None` if DNS has no room for any of them.
    ///
    /// A name that does not fit owns no records, so its set is not asked for.
    pub(crate) fn new(domain: &DomainName, labels: &[(&str, Security)]) -> Option<Self> {
        let sets: Vec<_> = labels
            .iter()
            .filter_map(|&(label, security)| Set::new(domain, label, security))
            .collect();
        (!sets.is_empty()).then_some(Self { sets })
    }

    pub(crate) fn chases_mut(&mut self) -> impl Iterator<Item = &mut Chase> {
        self.sets.iter_mut().map(|set| &mut set.chase)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.sets.iter().all(|set| set.chase.end().is_some())
    }

    /// What a complete search has found.
    ///
    /// Records of one set are used although the other failed. Without any, what failed decides: the
    /// answer that did not come may have named hosts, or forbidden the fallback.
    pub(crate) fn conclude(&self, seed: &[u8; 32], limits: &Limits, trace: &mut Trace) -> Found {
        let mut offers = Vec::new();
        for set in &self.sets {
            set.judge(&mut offers, trace);
        }
        let offers = first(weighted_offers(offers, seed), limits, trace);
        let missing = self.failure();
        if !offers.is_empty() {
            return Found::Offers { offers, missing };
        }
        if let Some(failure) = missing {
            return Found::Failed(failure);
        }
        let mut sets = self.sets.iter().filter_map(Set::found).peekable();
        if sets.peek().is_none() {
            Found::Absent
        } else if sets.all(refuses) {
            Found::Refused
        } else {
            Found::Failed(Failure::NoUsableRecord)
        }
    }

    /// The most specific failure of a set. A timeout says less than any other.
    fn failure(&self) -> Option<Failure> {
        let failures = || self.sets.iter().filter_map(Set::failure);
        failures()
            .find(|failure| *failure != Failure::Timeout)
            .or_else(|| failures().next())
    }
}

impl Set {
    fn new(domain: &DomainName, label: &str, security: Security) -> Option<Self> {
        let name = RecordName::below(&[label, "_tcp"], domain)?;
        let kind = RecordKind::Srv;
        Some(Self {
            security,
            chase: Chase::new(Question { name, kind }),
        })
    }

    fn found(&self) -> Option<&[SrvData]> {
        match self.chase.end() {
            Some(End::Services(found)) => Some(found),
            Some(End::Addresses(_) | End::Absent | End::Failed(_)) | None => None,
        }
    }

    fn failure(&self) -> Option<Failure> {
        match self.chase.end() {
            Some(End::Failed(failure)) => Some(failure.clone()),
            // Addresses do not answer a question for SRV records.
            Some(End::Addresses(_)) => Some(Failure::Malformed),
            Some(End::Services(_) | End::Absent) | None => None,
        }
    }

    /// Adds the records that can be used to `offers`.
    fn judge(&self, offers: &mut Vec<Offer>, trace: &mut Trace) {
        let mut seen = BTreeSet::new();
        for data in self.found().unwrap_or_default() {
            let is_new = seen.insert(data);
            let reason = match judge(data) {
                Ok(record) if is_new => {
                    let security = self.security;
                    offers.push(Offer { record, security });
                    continue;
                }
                Ok(_) => DropReason::Duplicate,
                Err(reason) => reason,
            };
            trace.push(TraceEntry::RecordDropped {
                target: data.target.clone(),
                port: data.port,
                priority: data.priority,
                security: self.security,
                reason,
            });
        }
    }
}

/// As many offers as one resolution may use.
fn first(mut offers: Vec<Offer>, limits: &Limits, trace: &mut Trace) -> Vec<Offer> {
    let kept = offers.len().min(limits.max_service_records);
    for Offer { record, security } in offers.split_off(kept) {
        trace.push(TraceEntry::RecordDropped {
            target: RecordName::from(&record.target),
            port: record.port,
            priority: record.priority,
            security,
            reason: DropReason::Limit,
        });
    }
    offers
}

/// Whether the records of a set say that it is not offered.
fn refuses(found: &[SrvData]) -> bool {
    found.iter().all(|data| data.target.is_root())
}

fn judge(data: &SrvData) -> Result<ServiceRecord, DropReason> {
    if data.target.is_root() {
        return Err(DropReason::NotOffered);
    }
    if data.port == 0 {
        return Err(DropReason::PortZero);
    }
    Ok(ServiceRecord {
        priority: data.priority,
        weight: data.weight,
        port: data.port,
        target: data.target.to_domain().map_err(DropReason::Target)?,
    })
}
