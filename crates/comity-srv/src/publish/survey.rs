use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use comity_identity::DomainName;

use super::{Finding, Inventory};
use crate::address::AddressPolicy;
use crate::message::{RecordKind, RecordName, SrvData};
use crate::plan::Failure;
use crate::records::{LookedUp, Records};
use crate::service::{Messaging, SIP_FEDERATION, XMPP_SERVER};

/// A look at what is published; the page of the module shows it at work.
#[derive(Debug)]
pub struct Survey {
    inventory: Inventory,
    left: VecDeque<Ask>,
    asked: BTreeSet<Ask>,
    answers: BTreeMap<Ask, Result<LookedUp, Failure>>,
}

/// Records to ask for, by [`Resolver::look_up`](crate::Resolver::look_up).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Ask {
    /// The domain.
    pub domain: DomainName,
    /// The labels below it.
    pub labels: &'static [&'static str],
    /// The type.
    pub kind: RecordKind,
}

impl Ask {
    fn new(domain: &DomainName, labels: &'static [&'static str], kind: RecordKind) -> Self {
        Self {
            domain: domain.clone(),
            labels,
            kind,
        }
    }
}

impl Survey {
    /// The survey of what `inventory` wants.
    #[must_use]
    pub fn new(inventory: Inventory) -> Self {
        let services = services(&inventory);
        let services =
            services.map(|(labels, domain, _)| Ask::new(domain, labels, RecordKind::Srv));
        let hosts = inventory.hosts().flat_map(|(host, _)| addresses_of(host));
        let wanted: Vec<_> = services.chain(hosts).collect();
        let mut survey = Self {
            inventory,
            left: VecDeque::new(),
            asked: BTreeSet::new(),
            answers: BTreeMap::new(),
        };
        wanted.into_iter().for_each(|ask| survey.want(ask));
        survey
    }

    /// What to ask next; each once. More may follow an answer.
    pub fn next_ask(&mut self) -> Option<Ask> {
        self.left.pop_front()
    }

    /// What an ask has brought.
    pub fn handle_answer(&mut self, ask: &Ask, answer: Result<LookedUp, Failure>) {
        for target in answer.iter().flat_map(|found| targets(&found.records)) {
            if self.asked.len() < MAX_ASKS
                && let Ok(host) = target.target.to_domain()
            {
                addresses_of(&host)
                    .into_iter()
                    .for_each(|ask| self.want(ask));
            }
        }
        self.answers.insert(ask.clone(), answer);
    }

    /// What is wrong, the services first and then the hosts.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (labels, domain, messaging) in services(&self.inventory) {
            self.check_service(labels, domain, messaging, &mut findings);
        }
        findings.extend(self.check_edges());
        for host in self.hosts() {
            self.check_host(&host, &mut findings);
        }
        findings
    }

    fn want(&mut self, ask: Ask) {
        if self.asked.insert(ask.clone()) {
            self.left.push_back(ask);
        }
    }

    fn answer(
        &self,
        domain: &DomainName,
        labels: &'static [&'static str],
        kind: RecordKind,
    ) -> Option<&Result<LookedUp, Failure>> {
        self.answers.get(&Ask::new(domain, labels, kind))
    }

    fn check_service(
        &self,
        labels: &'static [&'static str],
        domain: &DomainName,
        messaging: Messaging,
        findings: &mut Vec<Finding>,
    ) {
        let Some(owner) = RecordName::below(labels, domain) else {
            return;
        };
        let found = match self.answer(domain, labels, RecordKind::Srv) {
            Some(Ok(found)) => targets(&found.records),
            Some(Err(failure)) => {
                let failure = failure.clone();
                return findings.push(Finding::Unknown { owner, failure });
            }
            None => return,
        };
        if found.is_empty() {
            return findings.push(Finding::Missing {
                owner,
                domain: domain.clone(),
                messaging,
            });
        }
        if found.iter().all(|data| data.target.is_root()) {
            return findings.push(Finding::Refused { owner });
        }
        findings.extend(self.compare(&owner, found, messaging));
    }

    /// The records of one owner beside those that it should have.
    fn compare(&self, owner: &RecordName, found: &[SrvData], messaging: Messaging) -> Vec<Finding> {
        let wanted: Vec<_> = match messaging {
            Messaging::Xmpp => {
                let nodes = self.inventory.nodes.iter();
                nodes.map(|node| (&node.name, node.port)).collect()
            }
            Messaging::Sip => {
                let edge = self.inventory.edge.iter();
                edge.map(|edge| (&edge.name, edge.port)).collect()
            }
        };
        let is = |data: &SrvData, (name, port): (&DomainName, u16)| {
            data.port == port && data.target == RecordName::from(name)
        };
        let missing = wanted
            .iter()
            .filter(|one| !found.iter().any(|data| is(data, **one)))
            .map(|&(node, port)| Finding::NodeMissing {
                owner: owner.clone(),
                node: node.clone(),
                port,
            });
        let strangers = found
            .iter()
            .filter(|data| !wanted.iter().any(|one| is(data, *one)))
            .map(|data| Finding::Stranger {
                owner: owner.clone(),
                target: data.target.clone(),
                port: data.port,
            });
        let shares: BTreeSet<_> = found.iter().map(|one| (one.priority, one.weight)).collect();
        let owner = owner.clone();
        let uneven = (messaging == Messaging::Xmpp && shares.len() > 1).then(|| Finding::Uneven {
            owner: owner.clone(),
        });
        let several = (messaging == Messaging::Sip && found.len() > 1)
            .then_some(Finding::SeveralTargets { owner });
        missing
            .chain(strangers)
            .chain(uneven)
            .chain(several)
            .collect()
    }

    /// All local domains have to lead to one edge.
    fn check_edges(&self) -> Option<Finding> {
        let targets: BTreeSet<_> = self
            .inventory
            .sip_domains()
            .into_iter()
            .filter_map(|domain| self.answer(domain, &SIP_FEDERATION, RecordKind::Srv))
            .flat_map(|answer| answer.iter().flat_map(|found| targets(&found.records)))
            .map(|data| data.target.clone())
            .filter(|target| !target.is_root())
            .collect();
        (targets.len() > 1).then(|| Finding::TargetsDiffer {
            targets: targets.into_iter().collect(),
        })
    }

    /// Every host whose addresses were asked for.
    fn hosts(&self) -> Vec<DomainName> {
        let asks = self.answers.keys().filter(|ask| ask.labels.is_empty());
        let hosts: BTreeSet<_> = asks.map(|ask| ask.domain.clone()).collect();
        hosts.into_iter().collect()
    }

    fn check_host(&self, host: &DomainName, findings: &mut Vec<Finding>) {
        let answers = FAMILIES.map(|kind| self.answer(host, &[], kind));
        let [Some(v6), Some(v4)] = answers else {
            return;
        };
        let (v6, v4) = match (v6, v4) {
            (Ok(v6), Ok(v4)) => (v6, v4),
            (Err(failure), _) | (_, Err(failure)) => {
                return findings.push(Finding::Unknown {
                    owner: RecordName::from(host),
                    failure: failure.clone(),
                });
            }
        };
        if let Some(to) = v6.aliases.last().or_else(|| v4.aliases.last()) {
            findings.push(Finding::TargetIsAlias {
                target: host.clone(),
                to: to.clone(),
            });
        }
        let published = [addresses(&v6.records), addresses(&v4.records)].concat();
        if published.is_empty() {
            return findings.push(Finding::NoAddress {
                target: host.clone(),
            });
        }
        findings.extend(self.check_addresses(host, &published));
    }

    fn check_addresses(&self, host: &DomainName, published: &[IpAddr]) -> Vec<Finding> {
        let ours = self.inventory.hosts().filter(|(name, _)| *name == host);
        let ours: Vec<_> = ours.flat_map(|(_, addresses)| addresses).copied().collect();
        let missing = ours
            .iter()
            .filter(|address| !published.contains(address))
            .map(|&address| Finding::AddressMissing {
                node: host.clone(),
                address,
            });
        let unknown = published
            .iter()
            .filter(|address| !ours.is_empty() && !ours.contains(address))
            .map(|&address| Finding::AddressUnknown {
                node: host.clone(),
                address,
            });
        let policy = AddressPolicy::default();
        let forbidden = published.iter().filter_map(|&address| {
            let reason = policy.check(address).err()?;
            Some(Finding::AddressForbidden {
                target: host.clone(),
                address,
                reason,
            })
        });
        let edge = self.inventory.edge.as_ref();
        let is_edge = edge.is_some_and(|edge| edge.name == *host);
        let families = [IpAddr::is_ipv4, IpAddr::is_ipv6];
        let is_several = families
            .into_iter()
            .any(|is_one| published.iter().filter(|address| is_one(address)).count() > 1);
        let several = (is_edge && is_several).then(|| Finding::SeveralAddresses {
            target: host.clone(),
        });
        missing
            .chain(unknown)
            .chain(forbidden)
            .chain(several)
            .collect()
    }
}

fn addresses_of(host: &DomainName) -> [Ask; 2] {
    FAMILIES.map(|kind| Ask::new(host, &[], kind))
}

/// Every service that a domain of ours should have.
fn services(
    inventory: &Inventory,
) -> impl Iterator<Item = (&'static [&'static str], &DomainName, Messaging)> {
    let xmpp = inventory.xmpp_domains().into_iter();
    let xmpp = xmpp.map(|domain| (&XMPP_SERVER[..], domain, Messaging::Xmpp));
    let sip = inventory.sip_domains().into_iter();
    xmpp.chain(sip.map(|domain| (&SIP_FEDERATION[..], domain, Messaging::Sip)))
}

fn targets(records: &Records) -> &[SrvData] {
    match records {
        Records::Services(found) => found,
        Records::None | Records::Pointers(_) | Records::Addresses(_) => &[],
    }
}

fn addresses(records: &Records) -> &[IpAddr] {
    match records {
        Records::Addresses(found) => found,
        Records::None | Records::Pointers(_) | Records::Services(_) => &[],
    }
}

const FAMILIES: [RecordKind; 2] = [RecordKind::Aaaa, RecordKind::A];

/// Strangers among the targets are looked up until so much was asked.
const MAX_ASKS: usize = 10_000;
