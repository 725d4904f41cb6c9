use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use comity_identity::DomainName;

use super::{BlockedAddress, Candidate, Chase, End, Failure, Outcome, Provenance, Security};
use crate::address::AddressPolicy;
use crate::limits::Limits;
use crate::message::{Question, RecordKind, RecordName};
use crate::select::Offer;
use crate::trace::{AddressDropReason, Trace, TraceEntry};

/// The targets in their chosen order, and the search for their addresses.
#[derive(Debug)]
pub(crate) struct Hosts {
    offers: Vec<Offer>,
    provenance: Provenance,
    /// Why there may be more offers than these.
    missing: Option<Failure>,
    /// Each host once, in the order of its first offer.
    searches: Vec<Search>,
}

#[derive(Debug)]
struct Search {
    host: DomainName,
    /// AAAA and A.
    chases: [Chase; 2],
}

impl Hosts {
    /// The targets of SRV records, and why the records of another set are not known.
    pub(crate) fn of_records(offers: Vec<Offer>, missing: Option<Failure>) -> Self {
        Self::with(offers, Provenance::ServiceRecord, missing)
    }

    /// The domain itself.
    pub(crate) fn fallback(offer: Offer) -> Self {
        Self::with(vec![offer], Provenance::Fallback, None)
    }

    /// The host that the caller named.
    pub(crate) fn given(offer: Offer) -> Self {
        Self::with(vec![offer], Provenance::Given, None)
    }

    fn with(offers: Vec<Offer>, provenance: Provenance, missing: Option<Failure>) -> Self {
        let mut seen = BTreeSet::new();
        let searches = offers
            .iter()
            .map(|offer| &offer.record.target)
            .filter(|target| seen.insert(*target))
            .map(Search::new)
            .collect();
        Self {
            offers,
            provenance,
            missing,
            searches,
        }
    }

    pub(crate) fn chases_mut(&mut self) -> impl Iterator<Item = &mut Chase> {
        self.searches
            .iter_mut()
            .flat_map(|search| &mut search.chases)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.chases().all(|chase| chase.end().is_some())
    }

    /// The outcome of a complete search.
    pub(crate) fn conclude(
        &self,
        limits: &Limits,
        policy: &AddressPolicy,
        trace: &mut Trace,
    ) -> Outcome {
        let found: BTreeMap<_, _> = self
            .searches
            .iter()
            .map(|search| (&search.host, search.addresses()))
            .collect();
        let mut collector = Collector::new(limits, policy, trace);
        for offer in &self.offers {
            let addresses = found.get(&offer.record.target);
            let addresses = addresses.map_or(&[][..], Vec::as_slice);
            collector.take(offer, addresses, self.provenance);
        }
        let failure = self.failure().or_else(|| self.missing.clone());
        collector.conclude(failure, self.provenance)
    }

    fn chases(&self) -> impl Iterator<Item = &Chase> {
        self.searches.iter().flat_map(|search| &search.chases)
    }

    fn failure(&self) -> Option<Failure> {
        self.chases().find_map(|chase| match chase.end() {
            Some(End::Failed(failure)) => Some(failure.clone()),
            Some(End::Services(_) | End::Addresses(_) | End::Absent) | None => None,
        })
    }
}

impl Search {
    fn new(host: &DomainName) -> Self {
        let chase = |kind| {
            let name = RecordName::from(host);
            Chase::new(Question { name, kind })
        };
        Self {
            host: host.clone(),
            chases: [RecordKind::Aaaa, RecordKind::A].map(chase),
        }
    }

    /// Both families in turn, so that one that does not work costs one attempt before the other
    /// gets its chance (RFC 8305 §4).
    fn addresses(&self) -> Vec<IpAddr> {
        let [v6, v4] = self.chases.each_ref().map(|chase| match chase.end() {
            Some(End::Addresses(addresses)) => addresses.as_slice(),
            Some(End::Services(_) | End::Absent | End::Failed(_)) | None => &[],
        });
        let longest = v6.len().max(v4.len());
        let turn = |index: usize| [v6.get(index), v4.get(index)].into_iter().flatten();
        (0..longest).flat_map(turn).copied().collect()
    }
}

/// The outcome for an address that the caller gave.
pub(crate) fn conclude_given(
    offer: &Offer,
    address: IpAddr,
    limits: &Limits,
    policy: &AddressPolicy,
    trace: &mut Trace,
) -> Outcome {
    let mut collector = Collector::new(limits, policy, trace);
    collector.take(offer, &[address], Provenance::Given);
    collector.conclude(None, Provenance::Given)
}

struct Collector<'a> {
    limits: &'a Limits,
    policy: &'a AddressPolicy,
    trace: &'a mut Trace,
    /// An address and port may be offered by TLS and by STARTTLS, which are two things to try.
    seen: BTreeSet<(SocketAddr, Security)>,
    candidates: Vec<Candidate>,
    blocked: Vec<BlockedAddress>,
}

impl<'a> Collector<'a> {
    fn new(limits: &'a Limits, policy: &'a AddressPolicy, trace: &'a mut Trace) -> Self {
        Self {
            limits,
            policy,
            trace,
            seen: BTreeSet::new(),
            candidates: Vec::new(),
            blocked: Vec::new(),
        }
    }

    fn take(&mut self, offer: &Offer, addresses: &[IpAddr], provenance: Provenance) {
        let Offer { record, security } = offer;
        let mut used = 0;
        for &address in addresses {
            let socket = SocketAddr::new(address, record.port);
            if let Err(reason) = self.judge(socket, *security, used) {
                self.leave_out(&record.target, address, reason);
                continue;
            }
            used = used.saturating_add(1);
            self.seen.insert((socket, *security));
            let candidate = Candidate {
                address: socket,
                target: record.target.clone(),
                priority: record.priority,
                weight: record.weight,
                security: *security,
                provenance,
            };
            self.trace.push(TraceEntry::Chosen(candidate.clone()));
            self.candidates.push(candidate);
        }
        if used == 0 {
            self.trace.push(TraceEntry::Unreachable {
                target: record.target.clone(),
            });
        }
    }

    /// The outcome. `failure` is why there may be more than was found.
    fn conclude(self, failure: Option<Failure>, provenance: Provenance) -> Outcome {
        if !self.candidates.is_empty() {
            return Outcome::Candidates(self.candidates);
        }
        // Another try may bring more than what was found and is of no use.
        if let Some(failure) = failure {
            return Outcome::Failed(failure);
        }
        if !self.blocked.is_empty() {
            return Outcome::Blocked(self.blocked);
        }
        match provenance {
            Provenance::Fallback => Outcome::Absent,
            Provenance::ServiceRecord | Provenance::Given => Outcome::Failed(Failure::NoAddress),
        }
    }

    fn judge(
        &self,
        socket: SocketAddr,
        security: Security,
        used: usize,
    ) -> Result<(), AddressDropReason> {
        self.policy
            .check(socket.ip())
            .map_err(AddressDropReason::Forbidden)?;
        if self.seen.contains(&(socket, security)) {
            return Err(AddressDropReason::Duplicate);
        }
        if used >= self.limits.max_addresses_per_target
            || self.candidates.len() >= self.limits.max_endpoints
        {
            return Err(AddressDropReason::Limit);
        }
        Ok(())
    }

    fn leave_out(&mut self, target: &DomainName, address: IpAddr, reason: AddressDropReason) {
        if let AddressDropReason::Forbidden(reason) = reason
            && self.blocked.len() < self.limits.max_endpoints
        {
            self.blocked.push(BlockedAddress {
                target: target.clone(),
                address,
                reason,
            });
        }
        self.trace.push(TraceEntry::AddressDropped {
            target: target.clone(),
            address,
            reason,
        });
    }
}
