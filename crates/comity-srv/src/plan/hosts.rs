use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use comity_identity::DomainName;

use super::{BlockedAddress, Candidate, Chase, End, Failure, Outcome, Provenance, Service};
use crate::address::AddressPolicy;
use crate::limits::Limits;
use crate::message::{Question, RecordKind, RecordName};
use crate::select::ServiceRecord;
use crate::trace::{AddressDropReason, Trace, TraceEntry};

/// The targets in their chosen order, and the search for their addresses.
#[derive(Debug)]
pub(crate) struct Hosts {
    records: Vec<ServiceRecord>,
    service: Service,
    provenance: Provenance,
    /// Each host once, in the order of its first record.
    searches: Vec<Search>,
}

#[derive(Debug)]
struct Search {
    host: DomainName,
    /// AAAA and A.
    chases: [Chase; 2],
}

impl Hosts {
    pub(crate) fn new(records: Vec<ServiceRecord>, service: Service) -> Self {
        Self::with(records, service, Provenance::ServiceRecord)
    }

    /// The domain itself.
    pub(crate) fn fallback(domain: DomainName, port: u16, service: Service) -> Self {
        let record = ServiceRecord {
            priority: 0,
            weight: 0,
            port,
            target: domain,
        };
        Self::with(vec![record], service, Provenance::Fallback)
    }

    fn with(records: Vec<ServiceRecord>, service: Service, provenance: Provenance) -> Self {
        let mut seen = BTreeSet::new();
        let searches = records
            .iter()
            .filter(|record| seen.insert(&record.target))
            .map(|record| Search::new(&record.target))
            .collect();
        Self {
            records,
            service,
            provenance,
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
        let mut collector = Collector {
            limits,
            policy,
            trace,
            seen: BTreeSet::new(),
            candidates: Vec::new(),
            blocked: Vec::new(),
        };
        for record in &self.records {
            let addresses = found.get(&record.target).map_or(&[][..], Vec::as_slice);
            collector.take(record, addresses, self.service, self.provenance);
        }
        let Collector {
            candidates,
            blocked,
            ..
        } = collector;
        if !candidates.is_empty() {
            return Outcome::Candidates(candidates);
        }
        if let Some(failure) = self.failure() {
            return Outcome::Failed(failure);
        }
        if !blocked.is_empty() {
            return Outcome::Blocked(blocked);
        }
        match self.provenance {
            Provenance::Fallback => Outcome::Absent,
            Provenance::ServiceRecord => Outcome::Failed(Failure::NoAddress),
        }
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

struct Collector<'a> {
    limits: &'a Limits,
    policy: &'a AddressPolicy,
    trace: &'a mut Trace,
    seen: BTreeSet<SocketAddr>,
    candidates: Vec<Candidate>,
    blocked: Vec<BlockedAddress>,
}

impl Collector<'_> {
    fn take(
        &mut self,
        record: &ServiceRecord,
        addresses: &[IpAddr],
        service: Service,
        provenance: Provenance,
    ) {
        let mut used = 0;
        for &address in addresses {
            let socket = SocketAddr::new(address, record.port);
            if let Err(reason) = self.judge(socket, used) {
                self.leave_out(record, address, reason);
                continue;
            }
            used = used.saturating_add(1);
            self.seen.insert(socket);
            let candidate = Candidate {
                address: socket,
                target: record.target.clone(),
                priority: record.priority,
                weight: record.weight,
                security: service.security(),
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

    fn judge(&self, socket: SocketAddr, used: usize) -> Result<(), AddressDropReason> {
        self.policy
            .check(socket.ip())
            .map_err(AddressDropReason::Forbidden)?;
        if self.seen.contains(&socket) {
            return Err(AddressDropReason::Duplicate);
        }
        if used >= self.limits.max_addresses_per_target
            || self.candidates.len() >= self.limits.max_endpoints
        {
            return Err(AddressDropReason::Limit);
        }
        Ok(())
    }

    fn leave_out(&mut self, record: &ServiceRecord, address: IpAddr, reason: AddressDropReason) {
        let target = record.target.clone();
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
            target,
            address,
            reason,
        });
    }
}
