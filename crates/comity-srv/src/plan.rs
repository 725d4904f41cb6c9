//! What to ask for one service of one domain, and what the answers come to.
//!
//! A plan knows no messages, servers or time: it gives questions, takes answers, and ends.

mod chase;
mod hosts;
mod outcome;
mod services;

use std::mem;

use comity_identity::{DomainName, Host};

use crate::address::AddressPolicy;
use crate::limits::Limits;
use crate::message::{Answer, Question};
use crate::resolver::ResolveError;
use crate::select::{Offer, ServiceRecord};
use crate::trace::{Trace, TraceEntry};
use chase::{Chase, End};
use hosts::Hosts;
pub use outcome::{BlockedAddress, Candidate, Failure, Outcome, Provenance, Security};
use services::{Found, Services};

/// What of a domain is to be reached.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Service {
    /// Its XMPP server by STARTTLS: `_xmpp-server._tcp`, or the domain itself on port 5269
    /// (RFC 6120 §3.2).
    ///
    /// For a policy that uses no TLS, or no direct TLS. Nothing is known then of the other set.
    XmppServer,
    /// Its XMPP server by direct TLS or STARTTLS, as each candidate says: the records of
    /// `_xmpps-server._tcp` and `_xmpp-server._tcp` as one set, or the domain itself on port 5269
    /// by STARTTLS if there is no record in either (XEP-0368).
    XmppServerWithDirectTls,
    /// Its server on a host and port that are known, without SRV records: that of a redirect
    /// (RFC 6120 §4.9.3.19) or of a configuration (§3.2.3).
    ///
    /// The addresses of a name are looked up, an address is taken as it is, and neither escapes
    /// the address policy.
    Host {
        /// The name or address.
        host: Host,
        /// The port; 0 is refused.
        port: u16,
        /// What the candidates get.
        security: Security,
    },
}

/// One resolution without its messages.
#[derive(Debug)]
pub(crate) struct Plan {
    domain: DomainName,
    limits: Limits,
    policy: AddressPolicy,
    seed: [u8; 32],
    asked: usize,
    stage: Stage,
    trace: Trace,
}

#[derive(Debug)]
enum Stage {
    Services(Services),
    Hosts(Hosts),
    Ended(Outcome),
}

impl Plan {
    /// Plans the resolution. It has ended if there is nothing to ask.
    pub(crate) fn new(
        domain: DomainName,
        service: Service,
        limits: Limits,
        policy: AddressPolicy,
        seed: [u8; 32],
    ) -> Result<Self, ResolveError> {
        let mut trace = Trace::default();
        let stage = match service {
            Service::XmppServer => services(&domain, &[STARTTLS_SET])?,
            Service::XmppServerWithDirectTls => services(&domain, &[STARTTLS_SET, DIRECT_TLS_SET])?,
            Service::Host { port: 0, .. } => return Err(ResolveError::PortZero),
            Service::Host {
                host: Host::Domain(host),
                port,
                security,
            } => Stage::Hosts(Hosts::given(alone(host, port, security))),
            Service::Host {
                host: Host::Ip(address),
                port,
                security,
            } => {
                let offer = alone(domain.clone(), port, security);
                Stage::Ended(hosts::conclude_given(
                    &offer, address, &limits, &policy, &mut trace,
                ))
            }
        };
        Ok(Self {
            domain,
            limits,
            policy,
            seed,
            asked: 0,
            stage,
            trace,
        })
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// The next question to ask at once, each once.
    pub(crate) fn next_question(&mut self) -> Option<Question> {
        let chases = self.stage.chases_mut();
        let waiting = chases.filter(|chase| chase.is_waiting()).count();
        if waiting >= self.limits.max_parallel_lookups.max(1) {
            return None;
        }
        if self.asked >= self.limits.max_lookups {
            self.give_up_ready();
            return None;
        }
        let question = self.stage.chases_mut().find_map(Chase::take_question)?;
        self.asked = self.asked.saturating_add(1);
        Some(question)
    }

    pub(crate) fn handle_answer(&mut self, question: &Question, answer: Result<&Answer, &Failure>) {
        let chases = self.stage.chases_mut();
        for chase in chases.filter(|chase| chase.waits_for(question)) {
            match answer {
                Ok(answer) => chase.handle_answer(answer, &self.limits, &mut self.trace),
                Err(failure) => chase.fail(failure.clone(), &mut self.trace),
            }
        }
        self.advance();
    }

    /// Ends the plan with what is known.
    pub(crate) fn expire(&mut self) {
        for _ in 0..ASKING_STAGES {
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
    pub(crate) fn take_outcome(&mut self) -> Option<(DomainName, Outcome, Trace)> {
        let Stage::Ended(outcome) = &self.stage else {
            return None;
        };
        Some((
            self.domain.clone(),
            outcome.clone(),
            mem::take(&mut self.trace),
        ))
    }

    /// Fails the questions that the limit on lookups leaves no room for.
    fn give_up_ready(&mut self) {
        let limit = self.limits.max_lookups;
        for _ in 0..ASKING_STAGES {
            let chases = self.stage.chases_mut();
            for chase in chases.filter(|chase| !chase.is_waiting()) {
                chase.fail(Failure::TooManyLookups { limit }, &mut self.trace);
            }
            self.advance();
        }
    }

    /// Goes to the next stage if this one is complete.
    fn advance(&mut self) {
        let next = match &self.stage {
            Stage::Services(services) if services.is_complete() => {
                let found = services.conclude(&self.seed, &self.limits, &mut self.trace);
                self.choose_hosts(found)
            }
            Stage::Hosts(hosts) if hosts.is_complete() => {
                Stage::Ended(hosts.conclude(&self.limits, &self.policy, &mut self.trace))
            }
            Stage::Services(_) | Stage::Hosts(_) | Stage::Ended(_) => return,
        };
        self.stage = next;
    }

    fn choose_hosts(&mut self, found: Found) -> Stage {
        match found {
            Found::Offers { offers, missing } => Stage::Hosts(Hosts::of_records(offers, missing)),
            // Only answers that there is no SRV record lead here: an error is not an absence, and
            // targets that fail do not bring the fallback back (RFC 6120 §3.2.1, step 8).
            Found::Absent => {
                let (domain, port) = (self.domain.clone(), FALLBACK_PORT);
                let offer = alone(domain.clone(), port, Security::StartTls);
                self.trace.push(TraceEntry::FellBack { domain, port });
                Stage::Hosts(Hosts::fallback(offer))
            }
            Found::Refused => Stage::Ended(Outcome::Refused),
            Found::Failed(failure) => Stage::Ended(Outcome::Failed(failure)),
        }
    }
}

impl Stage {
    fn chases_mut(&mut self) -> impl Iterator<Item = &mut Chase> {
        let (services, hosts) = match self {
            Self::Services(services) => (Some(services.chases_mut()), None),
            Self::Hosts(hosts) => (None, Some(hosts.chases_mut())),
            Self::Ended(_) => (None, None),
        };
        let services = services.into_iter().flatten();
        services.chain(hosts.into_iter().flatten())
    }
}

fn services(domain: &DomainName, sets: &[(&str, Security)]) -> Result<Stage, ResolveError> {
    let services = Services::new(domain, sets).ok_or(ResolveError::NameTooLong)?;
    Ok(Stage::Services(services))
}

/// What is offered where no SRV record says more.
fn alone(target: DomainName, port: u16, security: Security) -> Offer {
    let record = ServiceRecord {
        priority: 0,
        weight: 0,
        port,
        target,
    };
    Offer { record, security }
}

/// The stages with questions. The end of the first starts the second.
const ASKING_STAGES: usize = 2;

const STARTTLS_SET: (&str, Security) = ("_xmpp-server", Security::StartTls);
const DIRECT_TLS_SET: (&str, Security) = ("_xmpps-server", Security::DirectTls);

/// The port of `xmpp-server` (RFC 6120 §14.7).
const FALLBACK_PORT: u16 = 5269;

#[cfg(test)]
mod tests;
