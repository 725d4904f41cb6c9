//! Whether a SIP peer may speak for a domain: the one rule about who somebody is.
//!
//! A request is believed to come from the user in From if the peer has proved that user's domain, or
//! if the composer vouches that a peer which proved other names may speak for it: because it is the
//! domain's edge, or because the operator says so. Other headers that name a sender are not read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_sip::endpoint::{Endpoint, Incoming};
use comity_sip::{StatusCode, Transport};

use super::requests::Call;
use super::texts::held_bytes;
use super::{Bridge, Timer};
use crate::Event;

/// What is known and asked about who may speak for whom.
#[derive(Debug, Default)]
pub(super) struct Identities {
    known: BTreeMap<Claim, (bool, Instant)>,
    asked: BTreeMap<Claim, QueryId>,
    questions: BTreeMap<QueryId, Question>,
    waiting: usize,
    /// What the requests take that wait.
    bytes: usize,
}

#[derive(Debug)]
struct Question {
    claim: Claim,
    calls: Vec<Call>,
}

/// Somebody who proved these names wants to speak for this domain.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Claim {
    domain: DomainName,
    proved: Vec<DomainName>,
    /// Of a peer that proved nothing.
    source: Option<IpAddr>,
}

impl Identities {
    pub(super) fn questions(&self) -> usize {
        self.questions.len()
    }

    /// Requests that wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a question back with the requests that wait for its answer.
    fn take(&mut self, query: QueryId) -> Option<Question> {
        let question = self.questions.remove(&query)?;
        self.asked.remove(&question.claim);
        self.waiting -= question.calls.len();
        let bytes = question.calls.iter().map(|call| held_bytes(&call.incoming));
        self.bytes -= bytes.sum::<usize>();
        Some(question)
    }
}

impl Bridge {
    /// Goes on with a request if its sender may be believed, and asks if that is not known.
    pub(super) fn identify(&mut self, now: Instant, endpoint: &mut Endpoint, call: Call) {
        let incoming = &call.incoming;
        let domain = call.sip.domain();
        if incoming.proved().contains(domain) {
            return self.dispatch(now, endpoint, call);
        }
        let claim = Claim::of(domain, incoming);
        if let Some(&(may_speak, until)) = self.identities.known.get(&claim)
            && now < until
        {
            return match may_speak {
                true => self.dispatch(now, endpoint, call),
                false => self.refuse_stranger(now, endpoint, &call),
            };
        }
        self.ask_identity(now, endpoint, claim, call);
    }

    fn ask_identity(&mut self, now: Instant, endpoint: &mut Endpoint, claim: Claim, call: Call) {
        let identities = &self.identities;
        let is_full = identities.questions.len() >= self.config.limits.max_questions;
        if (is_full && !identities.asked.contains_key(&claim)) || !self.can_hold(&call.incoming) {
            return self.refuse_overload(now, endpoint, &call.incoming);
        }
        let identities = &mut self.identities;
        identities.waiting += 1;
        identities.bytes += held_bytes(&call.incoming);
        if let Some(query) = identities.asked.get(&claim)
            && let Some(question) = identities.questions.get_mut(query)
        {
            question.calls.push(call);
            return;
        }
        let query = self.queries.next_id();
        self.events.push_back(Event::Identify {
            query,
            domain: claim.domain.clone(),
            proved: claim.proved.clone(),
            source: call.incoming.source(),
            transport: call.incoming.transport(),
        });
        identities.asked.insert(claim.clone(), query);
        let calls = vec![call];
        identities
            .questions
            .insert(query, Question { claim, calls });
        let wait = self.config.timing.answer;
        self.timers.set_after(Timer::Identify(query), now, wait);
    }

    pub(super) fn answer_identity(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        query: QueryId,
        may_speak: bool,
    ) {
        let Some(Question { claim, calls }) = self.identities.take(query) else {
            return;
        };
        self.remember_identity(now, claim, may_speak);
        for call in calls {
            match may_speak {
                true => self.dispatch(now, endpoint, call),
                false => self.refuse_stranger(now, endpoint, &call),
            }
        }
    }

    /// Ends every question: who asked may ask again.
    pub(super) fn close_identities(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let queries: Vec<_> = self.identities.questions.keys().copied().collect();
        for query in queries {
            self.timers.stop(Timer::Identify(query));
            self.give_up_identity(now, endpoint, query);
        }
    }

    /// Nobody has said whether a peer may speak for a domain: who asked may ask again.
    pub(super) fn give_up_identity(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        query: QueryId,
    ) {
        let Some(Question { calls, .. }) = self.identities.take(query) else {
            return;
        };
        for call in calls {
            self.refuse_overload(now, endpoint, &call.incoming);
        }
    }

    fn remember_identity(&mut self, now: Instant, claim: Claim, may_speak: bool) {
        let known = &mut self.identities.known;
        // What is learned anew takes its own place.
        known.remove(&claim);
        if known.len() >= self.config.limits.max_identities {
            // One goes for each that comes, the first by name.
            known.pop_first();
        }
        if known.len() < self.config.limits.max_identities
            && let Some(until) = now.checked_add(self.config.timing.identity)
        {
            known.insert(claim, (may_speak, until));
        }
    }

    fn refuse_stranger(&mut self, now: Instant, endpoint: &mut Endpoint, call: &Call) {
        let domain = call.sip.domain();
        self.note_refusal(&format!(
            "{} may not speak for {domain}",
            call.incoming.source()
        ));
        let words = format!("the certificate does not prove {domain}");
        self.refuse(now, endpoint, &call.incoming, StatusCode::FORBIDDEN, &words);
    }
}

impl Claim {
    fn of(domain: &DomainName, incoming: &Incoming) -> Self {
        let proved = incoming.proved().to_vec();
        let is_certified = match incoming.transport() {
            Transport::Tls => !proved.is_empty(),
            Transport::Udp | Transport::Tcp => false,
        };
        Self {
            domain: domain.clone(),
            source: (!is_certified).then(|| incoming.source().ip()),
            proved,
        }
    }
}
