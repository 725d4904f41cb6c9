use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use comity_identity::DomainName;

use super::chase::{Chase, End};
use super::outcome::{Failure, Outcome, Remainder};
use super::{Context, Purpose};
use crate::address::AddressPolicy;
use crate::candidate::{BlockedAddress, Candidate, Dnssec, Provenance};
use crate::message::{Question, RecordKind, RecordName};
use crate::select::{Offer, proportional};
use crate::service::Transport;
use crate::trace::{AddressDropReason, Trace, TraceEntry};

/// What all offers of a resolution have in common.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Bearing {
    pub(crate) purpose: Purpose,
    pub(crate) provenance: Provenance,
    /// Why there may be more offers than these.
    pub(crate) missing: Option<Failure>,
}

#[cfg(test)]
impl Bearing {
    pub(crate) fn for_tests() -> Self {
        Self {
            purpose: Purpose::Xmpp,
            provenance: Provenance::ServiceRecord,
            missing: None,
        }
    }
}

/// The targets in their chosen order, group by group, and the search for the addresses of the first
/// group. The next one is looked up when no target of this one has an address.
#[derive(Debug)]
pub(crate) struct Hosts {
    bearing: Bearing,
    offers: Vec<Offer>,
    /// Each host of `offers` once, in the order of its first offer.
    searches: Vec<Search>,
    later: VecDeque<Vec<Offer>>,
    /// The first group of `later` was searched already, and its answers were late.
    begins_late: bool,
    /// So it was with the group that is searched now, which is not put off a second time.
    is_late: bool,
    /// The number of the group that is searched now.
    group: usize,
    /// Of this and the groups before.
    seen: BTreeSet<(SocketAddr, Transport)>,
    blocked: Vec<BlockedAddress>,
    failure: Option<Failure>,
}

/// How much of a group is known.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Readiness {
    /// No address.
    Nothing,
    /// A target has an address.
    Some,
    /// Every target has an address, or will have none.
    Each,
}

#[derive(Debug)]
struct Search {
    host: DomainName,
    /// AAAA and A.
    chases: [Chase; 2],
    /// Whether they have brought an address that may be dialled, once that was looked at.
    usable: [Option<bool>; 2],
}

impl Hosts {
    pub(crate) fn new(bearing: Bearing, groups: VecDeque<Vec<Offer>>) -> Self {
        let mut hosts = Self {
            bearing,
            offers: Vec::new(),
            searches: Vec::new(),
            later: groups,
            begins_late: false,
            is_late: false,
            group: 0,
            seen: BTreeSet::new(),
            blocked: Vec::new(),
            failure: None,
        };
        hosts.next_group();
        hosts
    }

    pub(crate) fn resume(rest: Remainder) -> Self {
        let mut hosts = Self::new(rest.bearing, rest.groups);
        hosts.is_late = rest.begins_late;
        hosts.seen = rest.seen;
        hosts
    }

    pub(crate) fn chases_mut(&mut self) -> impl Iterator<Item = &mut Chase> {
        self.searches
            .iter_mut()
            .flat_map(|search| &mut search.chases)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.chases().all(|chase| chase.end().is_some())
    }

    /// How much is known of the group that is searched now.
    pub(crate) fn readiness(&mut self, policy: &AddressPolicy) -> Readiness {
        let (mut some, mut each) = (false, true);
        for search in &mut self.searches {
            let has_address = search.has_address(policy);
            some |= has_address;
            each &= has_address || search.is_complete();
        }
        match (some, each) {
            (false, _) => Readiness::Nothing,
            (true, false) => Readiness::Some,
            (true, true) => Readiness::Each,
        }
    }

    /// The number of the group that is searched now.
    pub(crate) fn group(&self) -> usize {
        self.group
    }

    /// Stops to wait: targets of which something is not known yet become a group for later too, in
    /// which what was known is not given out again.
    pub(crate) fn settle(&mut self) {
        let late: BTreeSet<_> = self
            .searches
            .iter()
            .filter(|search| !search.is_complete())
            .map(|search| &search.host)
            .collect();
        let is_late = |offer: &&Offer| late.contains(&offer.record.target);
        let postponed: Vec<_> = self.offers.iter().filter(is_late).cloned().collect();
        if !postponed.is_empty() && !self.is_late {
            self.later.push_front(postponed);
            self.begins_late = true;
        }
        for chase in self.chases_mut() {
            chase.give_up();
        }
    }

    /// What the complete search of a group comes to; `None` if another group has to be searched.
    pub(crate) fn conclude(
        &mut self,
        context: &Context<'_>,
        trace: &mut Trace,
    ) -> Option<(Outcome, Option<Remainder>)> {
        let candidates = self.collect(context, trace);
        if !candidates.is_empty() {
            let rest = self.remainder(context);
            return Some((Outcome::Candidates(candidates), rest));
        }
        let failures = self.chases().filter_map(failure);
        let worst = Failure::worst(self.failure.iter().chain(failures)).cloned();
        self.failure = worst;
        if self.next_group() {
            return None;
        }
        Some((self.nothing(), None))
    }

    /// Goes to the next group; false if there is none.
    fn next_group(&mut self) -> bool {
        let Some(offers) = self.later.pop_front() else {
            return false;
        };
        self.is_late = std::mem::take(&mut self.begins_late);
        self.group = self.group.saturating_add(1);
        let mut known = BTreeSet::new();
        self.searches = offers
            .iter()
            .map(|offer| &offer.record.target)
            .filter(|target| known.insert(*target))
            .map(Search::new)
            .collect();
        self.offers = offers;
        true
    }

    fn collect(&mut self, context: &Context<'_>, trace: &mut Trace) -> Vec<Candidate> {
        let found: BTreeMap<_, _> = self
            .searches
            .iter()
            .map(|search| (&search.host, search.addresses(context, trace)))
            .collect();
        let mut collector = Collector {
            context,
            bearing: &self.bearing,
            trace,
            seen: &mut self.seen,
            candidates: Vec::new(),
            blocked: &mut self.blocked,
        };
        for offer in &self.offers {
            let addresses = found.get(&offer.record.target);
            collector.take(offer, addresses.map_or(&[][..], Vec::as_slice));
        }
        collector.candidates
    }

    fn remainder(&mut self, context: &Context<'_>) -> Option<Remainder> {
        let has_room = self.seen.len() < context.limits.max_endpoints;
        (has_room && !self.later.is_empty()).then(|| Remainder {
            domain: context.domain.clone(),
            bearing: self.bearing.clone(),
            groups: std::mem::take(&mut self.later),
            begins_late: self.begins_late,
            order: *context.order,
            seen: std::mem::take(&mut self.seen),
        })
    }

    /// The outcome where no address can be used.
    fn nothing(&mut self) -> Outcome {
        // Another try may bring more than what was found and is of no use.
        let failure = self.failure.take().or_else(|| self.bearing.missing.take());
        if let Some(failure) = failure {
            return Outcome::failed(failure);
        }
        if !self.blocked.is_empty() {
            return Outcome::Blocked(std::mem::take(&mut self.blocked));
        }
        match self.bearing.provenance {
            Provenance::Fallback => Outcome::Absent,
            Provenance::ServiceRecord | Provenance::Given => Outcome::Failed(Failure::NoAddress),
        }
    }

    fn chases(&self) -> impl Iterator<Item = &Chase> {
        self.searches.iter().flat_map(|search| &search.chases)
    }
}

fn failure(chase: &Chase) -> Option<&Failure> {
    chase.end().and_then(End::failure)
}

impl Search {
    fn new(host: &DomainName) -> Self {
        let name = RecordName::from(host);
        let chase = |kind| {
            let name = name.clone();
            Chase::new(Question { name, kind })
        };
        Self {
            host: host.clone(),
            chases: [RecordKind::Aaaa, RecordKind::A].map(chase),
            usable: [None; 2],
        }
    }

    fn is_complete(&self) -> bool {
        self.chases.iter().all(|chase| chase.end().is_some())
    }

    /// Whether an address is known that may be dialled. Each answer is looked at once.
    fn has_address(&mut self, policy: &AddressPolicy) -> bool {
        for (usable, chase) in self.usable.iter_mut().zip(&self.chases) {
            if usable.is_none()
                && let Some(end) = chase.end()
            {
                let found = end.addresses().unwrap_or_default();
                *usable = Some(found.iter().any(|ip| policy.check(*ip).is_ok()));
            }
        }
        self.usable.contains(&Some(true))
    }

    /// Both families in turn, so that one that does not work costs one attempt before the other
    /// gets its chance (RFC 8305 §4).
    ///
    /// Inside of a family `order` decides: name servers turn the records round from answer to answer,
    /// and one order has to be the same for all requests of a transaction (RFC 3263 §4.4).
    fn addresses(&self, context: &Context<'_>, trace: &mut Trace) -> Vec<(IpAddr, Dnssec)> {
        let [v6, v4] = self.chases.each_ref().map(|chase| {
            let found = chase.end().and_then(End::addresses).unwrap_or_default();
            (proportional(found.to_vec(), context.order), chase.dnssec())
        });
        let longest = v6.0.len().max(v4.0.len());
        let turn = |index: usize| {
            let one = |(list, dnssec): &(Vec<IpAddr>, Dnssec)| {
                let address = list.get(index).copied();
                let dnssec = *dnssec;
                address.map(|address| (address, dnssec))
            };
            [one(&v6), one(&v4)].into_iter().flatten()
        };
        let most = context
            .limits
            .max_addresses_per_target
            .saturating_mul(LOOKED_AT);
        let taken: Vec<_> = (0..longest).flat_map(turn).take(most).collect();
        let all = v6.0.len().saturating_add(v4.0.len());
        trace.leave_out(all.saturating_sub(taken.len()));
        taken
    }
}

/// The outcome for an address that the caller gave.
pub(crate) fn conclude_given(
    bearing: &Bearing,
    offer: &Offer,
    address: IpAddr,
    context: &Context<'_>,
    trace: &mut Trace,
) -> Outcome {
    let mut blocked = Vec::new();
    let mut collector = Collector {
        context,
        bearing,
        trace,
        seen: &mut BTreeSet::new(),
        candidates: Vec::new(),
        blocked: &mut blocked,
    };
    collector.take(offer, &[(address, offer.dnssec)]);
    let candidates = collector.candidates;
    if candidates.is_empty() {
        Outcome::Blocked(blocked)
    } else {
        Outcome::Candidates(candidates)
    }
}

struct Collector<'a> {
    context: &'a Context<'a>,
    bearing: &'a Bearing,
    trace: &'a mut Trace,
    /// An address and port may be offered by TLS and by STARTTLS, which are two things to try.
    seen: &'a mut BTreeSet<(SocketAddr, Transport)>,
    candidates: Vec<Candidate>,
    blocked: &'a mut Vec<BlockedAddress>,
}

impl Collector<'_> {
    fn take(&mut self, offer: &Offer, addresses: &[(IpAddr, Dnssec)]) {
        let mut used = 0;
        for &(address, dnssec) in addresses {
            let socket = SocketAddr::new(address, offer.record.port);
            if let Err(reason) = self.judge(socket, offer.transport, used) {
                self.leave_out(&offer.record.target, address, reason);
                continue;
            }
            used = used.saturating_add(1);
            self.seen.insert((socket, offer.transport));
            let candidate = self.candidate(offer, socket, dnssec);
            self.trace
                .push(TraceEntry::Chosen(Box::new(candidate.clone())));
            self.candidates.push(candidate);
        }
        if used == 0 {
            self.trace.push(TraceEntry::Unreachable {
                target: offer.record.target.clone(),
            });
        }
    }

    fn candidate(&self, offer: &Offer, address: SocketAddr, dnssec: Dnssec) -> Candidate {
        let purpose = &self.bearing.purpose;
        let domain = self.context.domain;
        Candidate {
            domain: domain.clone(),
            address,
            transport: offer.transport,
            target: offer.record.target.clone(),
            priority: offer.record.priority,
            weight: offer.record.weight,
            server_name: purpose.server_name(domain, offer),
            alpn: purpose.alpn(offer.transport),
            identities: purpose.identities(domain, offer, self.bearing.provenance),
            dnssec: dnssec.and(offer.dnssec),
            provenance: self.bearing.provenance,
        }
    }

    fn judge(
        &self,
        socket: SocketAddr,
        transport: Transport,
        used: usize,
    ) -> Result<(), AddressDropReason> {
        let Context { limits, policy, .. } = self.context;
        policy
            .check(socket.ip())
            .map_err(AddressDropReason::Forbidden)?;
        if self.seen.contains(&(socket, transport)) {
            return Err(AddressDropReason::Duplicate);
        }
        if used >= limits.max_addresses_per_target || self.seen.len() >= limits.max_endpoints {
            return Err(AddressDropReason::Limit);
        }
        Ok(())
    }

    fn leave_out(&mut self, target: &DomainName, address: IpAddr, reason: AddressDropReason) {
        if let AddressDropReason::Forbidden(reason) = reason
            && self.blocked.len() < self.context.limits.max_endpoints
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

/// How many addresses of a target are looked at for each that is used: some may be forbidden.
const LOOKED_AT: usize = 2;
