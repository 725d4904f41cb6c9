use std::collections::{BTreeSet, VecDeque};

use super::chase::{Chase, End};
use super::outcome::Failure;
use super::{Context, Seed};
use crate::candidate::Dnssec;
use crate::limits::Limits;
use crate::message::{Question, RecordKind, RecordName, SrvData};
use crate::select::{Offer, RawOffer, ServiceRecord};
use crate::service::Transport;
use crate::trace::{DropReason, Trace, TraceEntry};

/// The SRV records of one service: one set, or several.
#[derive(Debug)]
pub(crate) struct Services {
    sets: Vec<Set>,
    mixing: Mixing,
    /// What is offered if no set has a record.
    pub(crate) fallback: Option<Fallback>,
}

/// How several sets count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mixing {
    /// As one: priorities and weights are mixed (XEP-0368 §3).
    One,
    /// Each by itself, the preferred first (RFC 3263 §4.1).
    Apart,
}

/// The port and transport of a host without SRV records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fallback {
    pub(crate) port: u16,
    pub(crate) transport: Transport,
}

/// The SRV records of one name.
#[derive(Debug)]
pub(crate) struct Set {
    /// What its records mean for a connection.
    transport: Transport,
    /// Of the answer that named the set.
    dnssec: Dnssec,
    chase: Chase,
}

/// What the answers about all sets come to.
#[derive(Debug)]
pub(crate) enum Found {
    /// Use these in this order. There is at least one, and no group is empty.
    Offers {
        groups: VecDeque<Vec<Offer>>,
        /// Why the records of a set are not among them.
        missing: Option<Failure>,
    },
    /// No set has a record, which DNS has proved or not.
    Absent(Dnssec),
    /// No set has a record with a host, and one says that it never will.
    Refused,
    Failed(Failure),
}

impl Services {
    pub(crate) fn new(sets: Vec<Set>, mixing: Mixing, fallback: Option<Fallback>) -> Self {
        Self {
            sets,
            mixing,
            fallback,
        }
    }

    pub(crate) fn chases_mut(&mut self) -> impl Iterator<Item = &mut Chase> {
        self.sets.iter_mut().map(|set| &mut set.chase)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.sets.iter().all(|set| set.chase.end().is_some())
    }

    /// What a complete search has found.
    ///
    /// Records of one set are used although another failed: of all the others where sets are one,
    /// and of the preferred ones before it where they stand apart, so that a suppressed answer never
    /// leads to a transport that is liked less. Without any, what failed decides: the answer that did
    /// not come may have named hosts, or forbidden the fallback. An answer that is bogus is an attack
    /// or a broken zone, and ends everything (RFC 7673 §3.1).
    pub(crate) fn conclude(&self, seed: &Seed, context: &Context<'_>, trace: &mut Trace) -> Found {
        let failure = self.failure();
        if failure == Some(Failure::Bogus) {
            return Found::Failed(Failure::Bogus);
        }
        let order = self.order(seed, trace);
        let offers = first(&order, context.limits, trace);
        if !offers.is_empty() {
            let groups = self.groups(offers);
            return Found::Offers {
                groups,
                missing: failure,
            };
        }
        if let Some(failure) = failure {
            return Found::Failed(failure);
        }
        let mut sets = self.sets.iter().filter_map(Set::found).peekable();
        if sets.peek().is_none() {
            let states = self.sets.iter().map(Set::dnssec);
            Found::Absent(states.fold(Dnssec::Secure, Dnssec::and))
        } else if sets.all(refuses) {
            Found::Refused
        } else {
            Found::Failed(Failure::NoUsableRecord)
        }
    }

    /// The records in the order in which they are tried.
    fn order(&self, seed: &Seed, trace: &mut Trace) -> Vec<RawOffer<'_>> {
        match self.mixing {
            Mixing::One => {
                let offers = self.sets.iter().flat_map(|set| set.judge(trace)).collect();
                seed.selection.order(offers, &seed.bytes)
            }
            Mixing::Apart => self
                .sets
                .iter()
                .take_while(|set| set.failure().is_none())
                .flat_map(|set| seed.selection.order(set.judge(trace), &seed.bytes))
                .collect(),
        }
    }

    /// Cuts the order where a worse priority or another set begins.
    fn groups(&self, offers: Vec<Offer>) -> VecDeque<Vec<Offer>> {
        let begins = |last: &Offer, next: &Offer| {
            let apart = self.mixing == Mixing::Apart && last.transport != next.transport;
            apart || last.record.priority != next.record.priority
        };
        let mut groups: VecDeque<Vec<Offer>> = VecDeque::new();
        for offer in offers {
            let group = groups.back_mut();
            match group.filter(|group| group.last().is_some_and(|last| !begins(last, &offer))) {
                Some(group) => group.push(offer),
                None => groups.push_back(vec![offer]),
            }
        }
        groups
    }

    fn failure(&self) -> Option<Failure> {
        Failure::worst(self.sets.iter().filter_map(Set::failure)).cloned()
    }
}

impl Set {
    pub(crate) fn new(name: RecordName, transport: Transport, dnssec: Dnssec) -> Self {
        let kind = RecordKind::Srv;
        Self {
            transport,
            dnssec,
            chase: Chase::new(Question { name, kind }),
        }
    }

    fn found(&self) -> Option<&[SrvData]> {
        self.chase.end().and_then(End::services)
    }

    fn failure(&self) -> Option<&Failure> {
        self.chase.end().and_then(End::failure)
    }

    fn dnssec(&self) -> Dnssec {
        self.dnssec.and(self.chase.dnssec())
    }

    /// The records that may be used, if their targets are hosts.
    fn judge(&self, trace: &mut Trace) -> Vec<RawOffer<'_>> {
        let (transport, dnssec) = (self.transport, self.dnssec());
        let mut offers = Vec::new();
        let mut seen = BTreeSet::new();
        for data in self.found().unwrap_or_default() {
            let offer = RawOffer {
                data,
                transport,
                dnssec,
            };
            match check(data) {
                Ok(()) if seen.insert(data) => offers.push(offer),
                Ok(()) => trace.push(dropped(&offer, DropReason::Duplicate)),
                Err(reason) => trace.push(dropped(&offer, reason)),
            }
        }
        offers
    }
}

/// As many offers as one resolution may use. The rest is not even read.
fn first(order: &[RawOffer<'_>], limits: &Limits, trace: &mut Trace) -> Vec<Offer> {
    let mut offers = Vec::new();
    for (place, offer) in order.iter().enumerate() {
        if offers.len() >= limits.max_service_records {
            let left_out = order.len().saturating_sub(place);
            trace.push(TraceEntry::RecordsLeftOut { left_out });
            break;
        }
        match judge(offer.data) {
            Ok(record) => offers.push(Offer {
                record,
                transport: offer.transport,
                dnssec: offer.dnssec,
            }),
            Err(reason) => trace.push(dropped(offer, reason)),
        }
    }
    offers
}

fn dropped(offer: &RawOffer<'_>, reason: DropReason) -> TraceEntry {
    TraceEntry::RecordDropped {
        target: offer.data.target.clone(),
        port: offer.data.port,
        priority: offer.data.priority,
        transport: offer.transport,
        reason,
    }
}

/// Whether the records of a set say that it is not offered.
fn refuses(found: &[SrvData]) -> bool {
    found.iter().all(|data| data.target.is_root())
}

/// The record as one that can be used, or why it cannot.
pub(crate) fn judge(data: &SrvData) -> Result<ServiceRecord, DropReason> {
    check(data)?;
    Ok(ServiceRecord {
        priority: data.priority,
        weight: data.weight,
        port: data.port,
        target: data.target.to_domain().map_err(DropReason::Target)?,
    })
}

fn check(data: &SrvData) -> Result<(), DropReason> {
    if data.target.is_root() {
        return Err(DropReason::NotOffered);
    }
    if data.port == 0 {
        return Err(DropReason::PortZero);
    }
    Ok(())
}
