//! What to ask for one service of one domain, and what the answers come to.
//!
//! A plan knows no messages, servers or time: it gives questions, takes answers, and ends.

mod chase;
mod hosts;
mod outcome;

use std::collections::BTreeSet;
use std::mem;

use comity_identity::DomainName;

use crate::address::AddressPolicy;
use crate::limits::Limits;
use crate::message::{Answer, Question, RecordKind, RecordName, SrvData};
use crate::select::{ServiceRecord, weighted_order};
use crate::trace::{DropReason, Trace, TraceEntry};
use chase::{Chase, End};
use hosts::Hosts;
pub use outcome::{BlockedAddress, Candidate, Failure, Outcome, Provenance, Security};

/// A service of a domain.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Service {
    /// `_xmpp-server._tcp`, or the domain itself on port 5269 (RFC 6120 §3.2).
    XmppServer,
}

impl Service {
    fn labels(self) -> [&'static str; 2] {
        match self {
            Self::XmppServer => ["_xmpp-server", "_tcp"],
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::XmppServer => 5269,
        }
    }

    fn security(self) -> Security {
        match self {
            Self::XmppServer => Security::StartTls,
        }
    }
}

/// One resolution without its messages.
#[derive(Debug)]
pub(crate) struct Plan {
    domain: DomainName,
    service: Service,
    limits: Limits,
    policy: AddressPolicy,
    seed: [u8; 32],
    asked: usize,
    stage: Stage,
    trace: Trace,
}

#[derive(Debug)]
enum Stage {
    Services(Chase),
    Hosts(Hosts),
    Ended(Outcome),
}

impl Plan {
    /// Plans the resolution, or `None` if the owner of the SRV records would be too long a name.
    pub(crate) fn new(
        domain: DomainName,
        service: Service,
        limits: Limits,
        policy: AddressPolicy,
        seed: [u8; 32],
    ) -> Option<Self> {
        let name = RecordName::below(&service.labels(), &domain)?;
        let question = Question {
            name,
            kind: RecordKind::Srv,
        };
        Some(Self {
            domain,
            service,
            limits,
            policy,
            seed,
            asked: 0,
            stage: Stage::Services(Chase::new(question)),
            trace: Trace::default(),
        })
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
        // Twice, because the end of the first stage starts the second.
        for _ in 0..2 {
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
        let chases = self.stage.chases_mut();
        for chase in chases.filter(|chase| !chase.is_waiting()) {
            chase.fail(Failure::TooManyLookups { limit }, &mut self.trace);
        }
        self.advance();
    }

    /// Goes to the next stage if this one is complete.
    fn advance(&mut self) {
        let next = match &self.stage {
            Stage::Services(chase) => match chase.end().cloned() {
                None => return,
                Some(end) => self.choose_hosts(end),
            },
            Stage::Hosts(hosts) if hosts.is_complete() => {
                Stage::Ended(hosts.conclude(&self.limits, &self.policy, &mut self.trace))
            }
            Stage::Hosts(_) | Stage::Ended(_) => return,
        };
        self.stage = next;
    }

    fn choose_hosts(&mut self, end: End) -> Stage {
        match end {
            End::Services(found) => match self.usable(found) {
                Ok(records) => Stage::Hosts(Hosts::new(records, self.service)),
                Err(outcome) => Stage::Ended(outcome),
            },
            // Only an answer that there is no SRV record leads here: an error is not an absence,
            // and targets that fail do not bring the fallback back (RFC 6120 §3.2.1, step 8).
            End::Absent => {
                let port = self.service.default_port();
                self.trace.push(TraceEntry::FellBack {
                    domain: self.domain.clone(),
                    port,
                });
                Stage::Hosts(Hosts::fallback(self.domain.clone(), port, self.service))
            }
            End::Failed(failure) => Stage::Ended(Outcome::Failed(failure)),
            End::Addresses(_) => Stage::Ended(Outcome::Failed(Failure::Malformed)),
        }
    }

    /// The records to use, in the chosen order.
    fn usable(&mut self, found: Vec<SrvData>) -> Result<Vec<ServiceRecord>, Outcome> {
        if found.iter().all(|data| data.target.is_root()) {
            return Err(Outcome::Refused);
        }
        let mut seen = BTreeSet::new();
        let mut usable = Vec::new();
        for data in found {
            match judge(&data) {
                Ok(_) if seen.contains(&data) => self.drop_record(&data, DropReason::Duplicate),
                Ok(record) => usable.push(record),
                Err(reason) => self.drop_record(&data, reason),
            }
            seen.insert(data);
        }
        let mut order = weighted_order(usable, &self.seed);
        let kept = order.len().min(self.limits.max_service_records);
        for record in order.split_off(kept) {
            self.trace.push(TraceEntry::RecordDropped {
                target: RecordName::from(&record.target),
                port: record.port,
                priority: record.priority,
                reason: DropReason::Limit,
            });
        }
        if order.is_empty() {
            return Err(Outcome::Failed(Failure::NoUsableRecord));
        }
        Ok(order)
    }

    fn drop_record(&mut self, data: &SrvData, reason: DropReason) {
        self.trace.push(TraceEntry::RecordDropped {
            target: data.target.clone(),
            port: data.port,
            priority: data.priority,
            reason,
        });
    }
}

impl Stage {
    fn chases_mut(&mut self) -> impl Iterator<Item = &mut Chase> {
        let (services, hosts) = match self {
            Self::Services(chase) => (Some(chase), None),
            Self::Hosts(hosts) => (None, Some(hosts.chases_mut())),
            Self::Ended(_) => (None, None),
        };
        services.into_iter().chain(hosts.into_iter().flatten())
    }
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

#[cfg(test)]
mod tests;
