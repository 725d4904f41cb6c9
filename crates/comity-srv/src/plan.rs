//! What to ask for one service of one domain, and what the answers come to.
//!
//! A plan knows no messages, servers or time: it gives questions, takes answers, and ends.

mod chase;
mod hosts;
mod outcome;
mod pointers;
mod purpose;
mod services;

use std::collections::VecDeque;
use std::sync::Arc;

use comity_identity::{DomainName, Host};

use crate::address::AddressPolicy;
use crate::candidate::{Dnssec, Provenance};
use crate::limits::Limits;
use crate::message::{Answer, Question, RecordKind, RecordName};
use crate::records::LookedUp;
use crate::resolver::ResolveError;
use crate::select::{Offer, Selection, ServiceRecord};
use crate::service::{
    NextHop, SIP_FEDERATION, Service, SipService, SipTransport, Transport, XMPP_PORT, XMPP_SERVER,
    XMPPS_SERVER,
};
use crate::trace::{Trace, TraceEntry};
use chase::Chase;
use hosts::Hosts;
pub(crate) use hosts::{Bearing, Readiness};
pub use outcome::{Failure, Outcome, Remainder};
use pointers::{Pointed, Pointers};
use purpose::Purpose;
pub(crate) use services::judge as judge_record;
use services::{Fallback, Found, Mixing, Services, Set};

/// One resolution without its messages.
#[derive(Debug)]
pub(crate) struct Plan {
    domain: DomainName,
    purpose: Purpose,
    rules: Rules,
    /// Whether a domain without a record is tried itself.
    falls_back: bool,
    asked: usize,
    stage: Stage,
    trace: Trace,
}

/// What a plan has to keep to.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    /// For what remote domains name.
    pub(crate) policy: AddressPolicy,
    /// For the addresses that operators write.
    pub(crate) next_hop_policy: AddressPolicy,
    /// For those of the names that operators write.
    pub(crate) next_hop_name_policy: AddressPolicy,
    pub(crate) seed: Seed,
}

/// What decides the order of records.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) selection: Selection,
    pub(crate) bytes: [u8; 32],
}

/// What the stages have to know of their plan.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    domain: &'a DomainName,
    limits: &'a Limits,
    policy: &'a AddressPolicy,
    order: &'a [u8; 32],
}

/// The result of a plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Conclusion {
    Resolved(Outcome, Option<Remainder>),
    LookedUp(Result<LookedUp, Failure>),
}

#[derive(Debug)]
enum Stage {
    Single(Chase),
    Pointers(Pointers, SipService),
    Services(Services),
    Hosts(Hosts),
    Ended(Conclusion),
}

impl Plan {
    /// Plans the resolution. It has ended if there is nothing to ask.
    pub(crate) fn new(
        domain: &DomainName,
        service: Service,
        rules: Rules,
    ) -> Result<Self, ResolveError> {
        let mut plan = Self {
            domain: domain.clone(),
            purpose: purpose(&service),
            rules,
            falls_back: true,
            asked: 0,
            stage: Stage::Ended(Conclusion::Resolved(Outcome::Absent, None)),
            trace: Trace::default(),
        };
        plan.stage = plan.begin(service)?;
        Ok(plan)
    }

    /// Goes on where another plan has ended.
    pub(crate) fn resume(rest: Remainder, mut rules: Rules) -> Self {
        rules.seed.bytes = rest.order;
        Self {
            domain: rest.domain.clone(),
            purpose: rest.bearing.purpose.clone(),
            rules,
            falls_back: true,
            asked: 0,
            stage: Stage::Hosts(Hosts::resume(rest)),
            trace: Trace::default(),
        }
    }

    /// Asks for the records themselves that `domain` has below `labels`.
    pub(crate) fn single(
        domain: &DomainName,
        labels: &[&str],
        kind: RecordKind,
        rules: Rules,
    ) -> Result<Self, ResolveError> {
        let name = RecordName::below(labels, domain).ok_or(ResolveError::NameTooLong)?;
        Ok(Self {
            domain: domain.clone(),
            purpose: Purpose::Xmpp,
            rules,
            falls_back: true,
            asked: 0,
            stage: Stage::Single(Chase::new(Question { name, kind })),
            trace: Trace::default(),
        })
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// The next question to ask at once, each once.
    pub(crate) fn next_question(&mut self) -> Option<Question> {
        let limits = &self.rules.limits;
        let waiting = self.stage.chases_mut().filter(|chase| chase.is_waiting());
        if waiting.count() >= limits.max_parallel_lookups.max(1) {
            return None;
        }
        if self.asked >= limits.max_lookups {
            self.give_up_ready();
            return None;
        }
        let question = self.stage.chases_mut().find_map(Chase::take_question)?;
        self.asked = self.asked.saturating_add(1);
        Some(question)
    }

    pub(crate) fn handle_answer(
        &mut self,
        question: &Question,
        answer: Result<&Arc<Answer>, &Failure>,
    ) {
        let chases = self.stage.chases_mut();
        for chase in chases.filter(|chase| chase.waits_for(question)) {
            match answer {
                Ok(answer) => chase.handle_answer(answer, &self.rules.limits, &mut self.trace),
                Err(failure) => chase.fail(failure.clone(), &mut self.trace),
            }
        }
        self.advance();
    }

    /// How much is known of the targets that are looked up now, and which these are; `None` while
    /// something else is sought.
    pub(crate) fn readiness(&mut self) -> Option<(Readiness, usize)> {
        match &mut self.stage {
            Stage::Hosts(hosts) => {
                let context = Context::new(&self.domain, &self.rules, &self.purpose);
                Some((hosts.readiness(context.policy), hosts.group()))
            }
            Stage::Single(_) | Stage::Pointers(..) | Stage::Services(_) | Stage::Ended(_) => None,
        }
    }

    /// Goes on with the targets that have addresses.
    pub(crate) fn settle(&mut self) {
        if let Stage::Hosts(hosts) = &mut self.stage {
            self.trace.push(TraceEntry::Settled);
            hosts.settle();
            self.advance();
        }
    }

    /// Ends the plan with what is known.
    pub(crate) fn expire(&mut self) {
        while !self.has_ended() {
            for chase in self.stage.chases_mut() {
                chase.fail(Failure::Timeout, &mut self.trace);
            }
            self.advance();
        }
    }

    pub(crate) fn note(&mut self, entry: TraceEntry) {
        self.trace.push(entry);
    }

    /// The result, once the plan has ended.
    pub(crate) fn conclude(self) -> (DomainName, Conclusion, Trace) {
        let conclusion = match self.stage {
            Stage::Ended(conclusion) => conclusion,
            Stage::Single(_) | Stage::Pointers(..) | Stage::Services(_) | Stage::Hosts(_) => {
                Conclusion::Resolved(Outcome::Failed(Failure::Timeout), None)
            }
        };
        (self.domain, conclusion, self.trace)
    }

    fn begin(&mut self, service: Service) -> Result<Stage, ResolveError> {
        match service {
            Service::XmppServer => self.xmpp(&[(XMPP_SERVER, Transport::StartTls)]),
            Service::XmppServerWithDirectTls => self.xmpp(&[
                (XMPP_SERVER, Transport::StartTls),
                (XMPPS_SERVER, Transport::Tls),
            ]),
            Service::Sip(sip) => self.sip(sip),
            Service::SipFederation => {
                let sets = sets(
                    &self.domain,
                    &[(SIP_FEDERATION, Transport::Tls)],
                    Dnssec::Secure,
                )?;
                Ok(Stage::Services(Services::new(sets, Mixing::One, None)))
            }
            Service::Host { port: 0, .. } => Err(ResolveError::PortZero),
            Service::Host {
                host,
                port,
                transport,
            } => Ok(self.given(host, port, transport)),
            Service::NextHop(hop) => self.next_hop(hop),
            Service::ByRecords(service) => {
                self.falls_back = false;
                self.begin(*service)
            }
        }
    }

    fn xmpp(&self, names: &[([&str; 2], Transport)]) -> Result<Stage, ResolveError> {
        let fallback = Fallback {
            port: XMPP_PORT,
            transport: Transport::StartTls,
        };
        let sets = sets(&self.domain, names, Dnssec::Secure)?;
        Ok(Stage::Services(Services::new(
            sets,
            Mixing::One,
            Some(fallback),
        )))
    }

    fn sip(&mut self, sip: SipService) -> Result<Stage, ResolveError> {
        let allowed = sip.allowed()?;
        if let Some(port) = sip.port {
            if port == 0 {
                return Err(ResolveError::PortZero);
            }
            let transport = sip.assumed(&allowed);
            return Ok(self.given(self.domain.clone().into(), port, transport.into()));
        }
        if sip.transport.is_some() {
            return Ok(Stage::Services(sip_services(
                &self.domain,
                &sip,
                &allowed,
                Dnssec::Secure,
            )?));
        }
        Ok(Stage::Pointers(Pointers::new(&self.domain, allowed), sip))
    }

    fn next_hop(&mut self, hop: NextHop) -> Result<Stage, ResolveError> {
        let labels = hop.labels().ok_or(ResolveError::NoTransport)?;
        let fallback = Fallback {
            port: hop.default_port(),
            transport: hop.transport,
        };
        if hop.port != 0 {
            return Ok(self.given(hop.host, hop.port, hop.transport));
        }
        match hop.host {
            Host::Domain(host) => {
                let sets = sets(&host, &[(labels, hop.transport)], Dnssec::Secure)?;
                let services = Services::new(sets, Mixing::One, Some(fallback));
                Ok(Stage::Services(services))
            }
            // An address has no SRV records.
            host @ Host::Ip(_) => Ok(self.given(host, fallback.port, hop.transport)),
        }
    }

    /// A host and port that the caller knows.
    fn given(&mut self, host: Host, port: u16, transport: Transport) -> Stage {
        let bearing = self.bearing(Provenance::Given, None);
        match host {
            Host::Domain(host) => {
                let offer = alone(host, port, transport, Dnssec::Secure);
                Stage::Hosts(Hosts::new(bearing, VecDeque::from([vec![offer]])))
            }
            Host::Ip(address) => {
                // Nothing was asked, so nothing was proved.
                let offer = alone(self.domain.clone(), port, transport, Dnssec::Unchecked);
                let context = Context::new(&self.domain, &self.rules, &self.purpose);
                let trace = &mut self.trace;
                let outcome = hosts::conclude_given(&bearing, &offer, address, &context, trace);
                Stage::Ended(Conclusion::Resolved(outcome, None))
            }
        }
    }

    fn bearing(&self, provenance: Provenance, missing: Option<Failure>) -> Bearing {
        Bearing {
            purpose: self.purpose.clone(),
            provenance,
            missing,
        }
    }

    /// Fails the questions that the limit on lookups leaves no room for.
    fn give_up_ready(&mut self) {
        let limit = self.rules.limits.max_lookups;
        loop {
            let mut failed = false;
            let chases = self.stage.chases_mut();
            for chase in chases.filter(|chase| chase.is_ready()) {
                chase.fail(Failure::TooManyLookups { limit }, &mut self.trace);
                failed = true;
            }
            if !failed {
                return;
            }
            self.advance();
        }
    }

    /// Goes to the next stage if this one is complete.
    fn advance(&mut self) {
        let context = Context::new(&self.domain, &self.rules, &self.purpose);
        let trace = &mut self.trace;
        let next = match &mut self.stage {
            Stage::Single(chase) => chase.looked_up().map(looked_up),
            Stage::Pointers(pointers, sip) => {
                let pointed = pointers.conclude(trace);
                pointed.map(|pointed| after_pointers(pointed, pointers, sip, &self.domain))
            }
            Stage::Services(services) if services.is_complete() => {
                let found = services.conclude(&self.rules.seed, &context, trace);
                let fallback = services.fallback;
                Some(self.choose_hosts(found, fallback))
            }
            Stage::Hosts(hosts) if hosts.is_complete() => {
                let concluded = hosts.conclude(&context, trace);
                concluded.map(|(outcome, rest)| Stage::Ended(Conclusion::Resolved(outcome, rest)))
            }
            Stage::Services(_) | Stage::Hosts(_) | Stage::Ended(_) => None,
        };
        if let Some(next) = next {
            self.stage = next;
        }
    }

    fn choose_hosts(&mut self, found: Found, fallback: Option<Fallback>) -> Stage {
        match found {
            Found::Offers { groups, missing } => {
                let bearing = self.bearing(Provenance::ServiceRecord, missing);
                Stage::Hosts(Hosts::new(bearing, groups))
            }
            // Only answers that there is no SRV record lead here: an error is not an absence, and
            // targets that fail do not bring the fallback back (RFC 6120 §3.2.1, step 8).
            Found::Absent(dnssec) => match fallback.filter(|_| self.falls_back) {
                Some(fallback) => self.fall_back(fallback, dnssec),
                None => ended(Outcome::Absent),
            },
            Found::Refused => ended(Outcome::Refused),
            Found::Failed(failure) => ended(Outcome::failed(failure)),
        }
    }

    fn fall_back(&mut self, fallback: Fallback, dnssec: Dnssec) -> Stage {
        let Fallback { port, transport } = fallback;
        let host = match &self.purpose {
            Purpose::NextHop {
                host: Some(host), ..
            } => host.clone(),
            Purpose::NextHop { host: None, .. }
            | Purpose::Xmpp
            | Purpose::Sip
            | Purpose::SipFederation => self.domain.clone(),
        };
        self.trace.push(TraceEntry::FellBack {
            domain: host.clone(),
            port,
        });
        let offer = alone(host, port, transport, dnssec);
        let bearing = self.bearing(Provenance::Fallback, None);
        Stage::Hosts(Hosts::new(bearing, VecDeque::from([vec![offer]])))
    }
}

impl<'a> Context<'a> {
    fn new(domain: &'a DomainName, rules: &'a Rules, purpose: &Purpose) -> Self {
        let policy = match purpose {
            // The operator has written the address himself.
            Purpose::NextHop { host: None, .. } => &rules.next_hop_policy,
            // Whoever runs the zone of the name says what its addresses are.
            Purpose::NextHop { host: Some(_), .. } => &rules.next_hop_name_policy,
            Purpose::Xmpp | Purpose::Sip | Purpose::SipFederation => &rules.policy,
        };
        Self {
            domain,
            limits: &rules.limits,
            policy,
            order: &rules.seed.bytes,
        }
    }
}

impl Stage {
    fn chases_mut(&mut self) -> impl Iterator<Item = &mut Chase> {
        let (one, services, hosts) = match self {
            Self::Single(chase) => (Some(chase), None, None),
            Self::Pointers(pointers, _) => (Some(pointers.chase_mut()), None, None),
            Self::Services(services) => (None, Some(services.chases_mut()), None),
            Self::Hosts(hosts) => (None, None, Some(hosts.chases_mut())),
            Self::Ended(_) => (None, None, None),
        };
        one.into_iter()
            .chain(services.into_iter().flatten())
            .chain(hosts.into_iter().flatten())
    }
}

fn purpose(service: &Service) -> Purpose {
    match service {
        Service::XmppServer | Service::XmppServerWithDirectTls | Service::Host { .. } => {
            Purpose::Xmpp
        }
        Service::Sip(_) => Purpose::Sip,
        Service::SipFederation => Purpose::SipFederation,
        Service::ByRecords(service) => purpose(service),
        Service::NextHop(hop) => Purpose::NextHop {
            messaging: hop.messaging,
            host: match &hop.host {
                Host::Domain(host) => Some(host.clone()),
                Host::Ip(_) => None,
            },
        },
    }
}

/// What follows the NAPTR records.
fn after_pointers(
    pointed: Pointed,
    pointers: &Pointers,
    sip: &SipService,
    domain: &DomainName,
) -> Stage {
    let allowed = pointers.allowed();
    match pointed {
        Pointed::Failed(failure) => ended(Outcome::failed(failure)),
        // Without SRV records the transport remains that of the first NAPTR record (RFC 3263 §4.2).
        Pointed::Sets { sets, first } => {
            let fallback = Some(sip_fallback(first));
            Stage::Services(Services::new(sets, Mixing::Apart, fallback))
        }
        Pointed::Nowhere => match sip_services(domain, sip, allowed, pointers.dnssec()) {
            Ok(services) => Stage::Services(services),
            // A name without room for the labels owns no such records.
            Err(_no_room) => ended(Outcome::Absent),
        },
    }
}

fn sip_services(
    domain: &DomainName,
    sip: &SipService,
    allowed: &[SipTransport],
    dnssec: Dnssec,
) -> Result<Services, ResolveError> {
    let names: Vec<_> = allowed
        .iter()
        .map(|&one| (one.labels(), Transport::from(one)))
        .collect();
    let fallback = Some(sip_fallback(sip.assumed(allowed)));
    Ok(Services::new(
        sets(domain, &names, dnssec)?,
        Mixing::Apart,
        fallback,
    ))
}

fn sip_fallback(transport: SipTransport) -> Fallback {
    Fallback {
        port: transport.port(),
        transport: transport.into(),
    }
}

/// The sets with these first labels; `dnssec` is that of the answer that led to them. A name that does not fit into DNS owns no records, so that its
/// set is not asked for; an error if none fits.
fn sets(
    domain: &DomainName,
    names: &[([&str; 2], Transport)],
    dnssec: Dnssec,
) -> Result<Vec<Set>, ResolveError> {
    let sets: Vec<_> = names
        .iter()
        .filter_map(|(labels, transport)| {
            let name = RecordName::below(labels, domain)?;
            Some(Set::new(name, *transport, dnssec))
        })
        .collect();
    if sets.is_empty() {
        return Err(ResolveError::NameTooLong);
    }
    Ok(sets)
}

fn looked_up(result: Result<LookedUp, Failure>) -> Stage {
    Stage::Ended(Conclusion::LookedUp(result))
}

fn ended(outcome: Outcome) -> Stage {
    Stage::Ended(Conclusion::Resolved(outcome, None))
}

/// What is offered where no SRV record says more.
fn alone(target: DomainName, port: u16, transport: Transport, dnssec: Dnssec) -> Offer {
    let record = ServiceRecord {
        priority: 0,
        weight: 0,
        port,
        target,
    };
    Offer {
        record,
        transport,
        dnssec,
    }
}

#[cfg(test)]
mod tests;
