//! What is known of domains, and what DNS says about them, for whoever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use comity_identity::{DomainName, Host};
use comity_machine::Random;
use comity_srv::federation::{
    Basis, BlockedBy, DeadEnd, Directory, Exploration, NotForSip, Settings, Step, Way,
};
use comity_srv::routes::{Decision, Routes};
use comity_srv::{Candidate, Messaging, NextHop, Outcome, Service};
use comity_trust::PeerSubject;

use crate::discovery::{Discovery, DiscoveryError, Lane};

/// Says where a SIP domain is reached, which protocol a domain speaks, and whether a peer may speak for
/// a domain.
///
/// It shares one [`Directory`] with its clones: static routes, blocks, and what is configured and
/// learned, all of which can change while it is used. DNS is asked by a [`Discovery`], whose cache
/// keeps the answers as long as their records say.
#[derive(Clone)]
pub struct Locator {
    known: Arc<Mutex<Known>>,
    discovery: Discovery,
}

struct Known {
    directory: Directory,
    /// The names of the next hops that static routes have.
    next_hops: BTreeSet<DomainName>,
    subjects: BTreeMap<DomainName, Vec<PeerSubject>>,
    random: Random,
}

/// What a domain speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Discovered {
    /// The protocol.
    pub messaging: Messaging,
    /// Who says so.
    pub source: Source,
}

/// Who says what a domain speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// An operator, who has configured the domain.
    Configured,
    /// A static route.
    Route,
    /// An exchange that has worked before.
    Learned,
    /// Its records in DNS.
    Records,
    /// Its `_sipfederationtls` record in DNS, which Microsoft's servers are found by.
    Edge,
    /// Nobody: the default route is left.
    DefaultRoute,
}

/// Whether a peer may speak for a domain, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Identified {
    /// It proved the domain.
    Domain,
    /// It proved the name of a TLS peer that an operator has entered for the domain.
    Subject(DomainName),
    /// It proved a host inside of the domain, which is the next hop of a static route to it.
    NextHop(DomainName),
    /// It proved a host inside of the domain, which `_sipfederationtls._tcp` of the domain names.
    Edge(DomainName),
    /// It may not.
    Stranger,
    /// It proved a host inside of the domain, and what DNS says about that was not found out.
    Unknown(Box<str>),
}

/// Why it is not known where a domain is reached.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreached {
    /// An operator keeps it out.
    #[error("{}", Blocked(*.0))]
    Blocked(BlockedBy),
    /// That nothing leads there was found out a moment ago.
    #[error("nothing has led there a moment ago")]
    Nowhere,
    /// Nothing leads there.
    #[error("{0}")]
    DeadEnd(#[from] DeadEnd),
    /// DNS was not asked.
    #[error("{0}")]
    Unasked(#[from] DiscoveryError),
}

impl Locator {
    /// One that knows nothing but these static routes, and asks by this discovery. `seed` comes from
    /// the operating system.
    ///
    /// # Errors
    ///
    /// The routes are for XMPP.
    pub fn new(
        settings: Settings,
        routes: Routes,
        discovery: Discovery,
        seed: [u8; 32],
    ) -> Result<Self, NotForSip> {
        let known = Known {
            next_hops: next_hops(&routes),
            directory: Directory::new(settings, routes)?,
            subjects: BTreeMap::new(),
            random: Random::from_seed(seed),
        };
        Ok(Self {
            known: Arc::new(Mutex::new(known)),
            discovery,
        })
    }

    /// By what it asks DNS.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Reads or changes the directory: blocks, configured and learned domains. Its static routes are
    /// for [`replace_routes`](Self::replace_routes). `work` holds everybody else up, and must not come
    /// back to the locator.
    pub fn with_directory<T>(&self, work: impl FnOnce(&mut Directory) -> T) -> T {
        work(&mut self.known().directory)
    }

    /// Takes new static routes into use.
    ///
    /// # Errors
    ///
    /// The routes are for XMPP; the old ones stay.
    pub fn replace_routes(&self, routes: Routes) -> Result<(), NotForSip> {
        let mut known = self.known();
        let next_hops = next_hops(&routes);
        known.directory.set_routes(routes)?;
        known.next_hops = next_hops;
        Ok(())
    }

    /// Takes the names into use that the certificates of peers may have in place of their domain's, as
    /// an operator has entered them, by domain. Before there are none.
    pub fn replace_subjects(&self, subjects: BTreeMap<DomainName, Vec<PeerSubject>>) {
        self.known().subjects = subjects;
    }

    /// Finds out which protocol a domain speaks.
    ///
    /// What is configured, routed or learned is known at once. Otherwise DNS is asked for all services,
    /// in the order of the directory; that nothing leads there is remembered for a short time.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    pub async fn discover(&self, domain: &DomainName) -> Result<Discovered, Unreached> {
        let now = Instant::now();
        let (exploration, basis) = match self.plan(now, domain) {
            Plan::Blocked(by) => return Err(Unreached::Blocked(by)),
            Plan::Nowhere => return Err(Unreached::Nowhere),
            Plan::Routes(_) => {
                return Ok(Discovered {
                    messaging: Messaging::Sip,
                    source: Source::Route,
                });
            }
            Plan::Explore(exploration, basis) => (exploration, basis),
        };
        let known = match basis {
            Basis::Configured => Some(Source::Configured),
            Basis::Learned => Some(Source::Learned),
            Basis::Unknown | _ => None,
        };
        if let (Some(source), Step::Resolve(messaging, _)) = (known, exploration.next_step()) {
            return Ok(Discovered { messaging, source });
        }
        let (messaging, source) = match self.explore(domain, exploration, |_| true).await? {
            Found::Candidates(messaging, source, _) => (messaging, source),
            Found::DefaultRoute => (Messaging::Sip, Source::DefaultRoute),
            Found::DeadEnd(end) => {
                if is_without_records(&end) {
                    self.known().directory.note_nowhere(now, domain);
                }
                return Err(end.into());
            }
        };
        Ok(Discovered { messaging, source })
    }

    /// Finds out whether a peer that proved these names may speak for a domain.
    ///
    /// DNS is asked only about a domain in which one of the names lies, and never takes more than the
    /// share of discovery that is for what peers claim.
    pub async fn identify(&self, domain: &DomainName, proved: &[DomainName]) -> Identified {
        if proved.contains(domain) {
            return Identified::Domain;
        }
        if let Some(identified) = self.identify_by_entries(domain, proved) {
            return identified;
        }
        if !proved.iter().any(|name| name.is_below(domain)) {
            return Identified::Stranger;
        }
        let service = Service::SipFederation;
        let (lane, domain) = (Lane::Peers, domain.clone());
        let resolved = self
            .discovery
            .resolve_in(lane, domain.clone(), service, None);
        let outcome = match resolved.await {
            Ok(resolution) => resolution.outcome,
            Err(error) => return Identified::Unknown(error.to_string().into()),
        };
        match outcome {
            Outcome::Candidates(candidates) => {
                let mut targets = candidates.iter().map(|candidate| &candidate.target);
                let edge =
                    targets.find(|target| target.is_below(&domain) && proved.contains(target));
                edge.map_or(Identified::Stranger, |edge| Identified::Edge(edge.clone()))
            }
            Outcome::Absent | Outcome::Refused => Identified::Stranger,
            Outcome::Failed(failure) => Identified::Unknown(failure.to_string().into()),
            Outcome::Blocked(_) => Identified::Unknown(DeadEnd::Blocked.to_string().into()),
            Outcome::Bogus | _ => Identified::Unknown(DeadEnd::Bogus.to_string().into()),
        }
    }

    /// Finds the servers of a SIP domain, the best first.
    ///
    /// # Errors
    ///
    /// Why it is not known where the domain is reached.
    pub async fn locate(&self, domain: &DomainName) -> Result<Vec<Candidate>, Unreached> {
        let hops = match self.plan(Instant::now(), domain) {
            Plan::Blocked(by) => return Err(Unreached::Blocked(by)),
            Plan::Nowhere => return Err(Unreached::Nowhere),
            Plan::Routes(hops) => hops,
            Plan::Explore(exploration, _) => {
                let is_sip = |messaging| messaging == Messaging::Sip;
                match self.explore(domain, exploration, is_sip).await? {
                    Found::Candidates(_, _, candidates) => return Ok(candidates),
                    Found::DefaultRoute => self.default_hops(),
                    Found::DeadEnd(end) => return Err(end.into()),
                }
            }
        };
        self.resolve_hops(domain, hops).await
    }

    /// The names that an operator has entered for a domain's peers.
    pub(crate) fn subjects(&self, domain: &DomainName) -> Vec<DomainName> {
        let known = self.known();
        let subjects = known.subjects.get(domain).into_iter().flatten();
        subjects.filter_map(name).cloned().collect()
    }

    /// Those of some names that an operator has entered: as names of peers or as next hops.
    pub(crate) fn entered(&self, names: &[DomainName]) -> Vec<PeerSubject> {
        let known = self.known();
        let is_wanted =
            |subject: &&PeerSubject| name(subject).is_some_and(|name| names.contains(name));
        let entries = known.subjects.values().flatten().filter(is_wanted);
        let mut entered: Vec<PeerSubject> = Vec::new();
        for subject in entries {
            if !entered.contains(subject) {
                entered.push(subject.clone());
            }
        }
        for name in names {
            let subject = PeerSubject::new(name.clone());
            let is_known = entered.iter().any(|entry| entry.host == subject.host);
            if !is_known && known.next_hops.contains(name) {
                entered.push(subject);
            }
        }
        entered
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in there is left half done by a panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plan(&self, now: Instant, domain: &DomainName) -> Plan {
        let mut known = self.known();
        let seed = known.random.seed();
        match known.directory.way(now, domain, &seed) {
            Way::Blocked(by) => Plan::Blocked(by),
            Way::Routes(decision) => Plan::Routes(hops(&decision)),
            Way::Explore(exploration, basis) => Plan::Explore(exploration.into(), basis),
            Way::Nowhere | _ => Plan::Nowhere,
        }
    }

    fn default_hops(&self) -> Vec<NextHop> {
        let mut known = self.known();
        let seed = known.random.seed();
        hops(&known.directory.default_route(&seed))
    }

    /// Asks DNS as an exploration wants, and counts as absent what is not wanted.
    async fn explore(
        &self,
        domain: &DomainName,
        mut exploration: Box<Exploration>,
        is_wanted: impl Fn(Messaging) -> bool,
    ) -> Result<Found, DiscoveryError> {
        let mut source = Source::Records;
        loop {
            match exploration.next_step() {
                Step::Resolve(messaging, _) if !is_wanted(messaging) => {
                    exploration.handle_outcome(&Outcome::Absent, None);
                }
                Step::Resolve(_, service) => {
                    source = match service == Service::SipFederation {
                        true => Source::Edge,
                        false => Source::Records,
                    };
                    let resolution = self.discovery.resolve(domain.clone(), service).await?;
                    exploration.handle_outcome(&resolution.outcome, None);
                }
                Step::Use {
                    messaging,
                    candidates,
                    ..
                } => return Ok(Found::Candidates(messaging, source, candidates)),
                Step::UseDefaultRoute => return Ok(Found::DefaultRoute),
                Step::End(end) => return Ok(Found::DeadEnd(end)),
                _ => return Ok(Found::DeadEnd(DeadEnd::Unreachable)),
            }
        }
    }

    /// The servers of some next hops, in their order; the last failure if there are none.
    async fn resolve_hops(
        &self,
        domain: &DomainName,
        hops: Vec<NextHop>,
    ) -> Result<Vec<Candidate>, Unreached> {
        let mut candidates = Vec::new();
        let mut reason = DeadEnd::NoRecords;
        for hop in hops {
            if candidates.len() >= MAX_CANDIDATES {
                break;
            }
            let resolution = self
                .discovery
                .resolve(domain.clone(), Service::NextHop(hop))
                .await?;
            match resolution.outcome {
                Outcome::Candidates(found) => candidates.extend(found),
                Outcome::Failed(failure) => reason = DeadEnd::Failed(failure),
                Outcome::Blocked(_) => reason = DeadEnd::Blocked,
                Outcome::Bogus => reason = DeadEnd::Bogus,
                Outcome::Absent | Outcome::Refused | _ => reason = DeadEnd::Unreachable,
            }
        }
        match candidates.is_empty() {
            true => Err(reason.into()),
            false => Ok(candidates),
        }
    }

    fn identify_by_entries(
        &self,
        domain: &DomainName,
        proved: &[DomainName],
    ) -> Option<Identified> {
        let mut subjects = self.subjects(domain).into_iter();
        if let Some(subject) = subjects.find(|subject| proved.contains(subject)) {
            return Some(Identified::Subject(subject));
        }
        let Plan::Routes(hops) = self.plan(Instant::now(), domain) else {
            return None;
        };
        let hosts = hops.into_iter().filter_map(|hop| match hop.host {
            Host::Domain(host) => Some(host),
            Host::Ip(_) => None,
        });
        let mut inside = hosts.filter(|host| host.is_below(domain));
        let proved = inside.find(|host| proved.contains(host));
        proved.map(Identified::NextHop)
    }
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locator").finish_non_exhaustive()
    }
}

impl Identified {
    /// Whether the peer may speak for the domain.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        match self {
            Self::Domain | Self::Subject(_) | Self::NextHop(_) | Self::Edge(_) => true,
            Self::Stranger | Self::Unknown(_) => false,
        }
    }
}

impl fmt::Display for Identified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain => f.write_str("it proved the domain"),
            Self::Subject(name) => write!(f, "it proved {name}, a peer of the domain"),
            Self::NextHop(name) => write!(f, "it proved {name}, the next hop of a route"),
            Self::Edge(name) => write!(f, "it proved {name}, the edge of the domain"),
            Self::Stranger => f.write_str("it proved nothing that stands for the domain"),
            Self::Unknown(reason) => write!(f, "whether it is an edge of the domain: {reason}"),
        }
    }
}

impl Unreached {
    /// Whether nothing is known but that the domain has no records of services: as a host it may
    /// still have addresses.
    pub(crate) fn is_without_records(&self) -> bool {
        match self {
            Self::Nowhere => true,
            Self::DeadEnd(end) => is_without_records(end),
            Self::Blocked(_) | Self::Unasked(_) => false,
        }
    }
}

/// What to do about a domain.
enum Plan {
    Blocked(BlockedBy),
    Routes(Vec<NextHop>),
    Explore(Box<Exploration>, Basis),
    Nowhere,
}

/// What an exploration has come to.
enum Found {
    Candidates(Messaging, Source, Vec<Candidate>),
    DefaultRoute,
    DeadEnd(DeadEnd),
}

/// Why a domain is blocked, in words.
struct Blocked(BlockedBy);

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            BlockedBy::Route(route) => write!(f, "the static route {route} blocks the domain"),
            BlockedBy::Exception | _ => f.write_str("an administrator has blocked the domain"),
        }
    }
}

fn hops(decision: &Decision<'_>) -> Vec<NextHop> {
    let hops = decision.hops();
    hops.map(|hop| hop.route.service(Messaging::Sip)).collect()
}

fn next_hops(routes: &Routes) -> BTreeSet<DomainName> {
    let hosts = routes
        .iter()
        .filter_map(|(_, route)| match &route.next_hop {
            Host::Domain(name) => Some(name.clone()),
            Host::Ip(_) => None,
        });
    hosts.collect()
}

fn is_without_records(end: &DeadEnd) -> bool {
    match end {
        DeadEnd::NoRecords | DeadEnd::DefaultRouteBlocked(_) => true,
        DeadEnd::Failed(_) | DeadEnd::Bogus | DeadEnd::Blocked | DeadEnd::Unreachable | _ => false,
    }
}

fn name(subject: &PeerSubject) -> Option<&DomainName> {
    match &subject.host {
        Host::Domain(name) => Some(name),
        Host::Ip(_) => None,
    }
}

/// Candidates behind which no further next hop is looked up: more are not tried for one request.
const MAX_CANDIDATES: usize = 8;
