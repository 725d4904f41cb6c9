//! Dialback keys that peers send, from the question whether they may to the answer.

use std::borrow::Cow;

use comity_machine::QueryId;

use super::Incoming;
use crate::decision::{Channel, Role};
use crate::dialback::trim_key;
use crate::stream::core::{Core, Timer, dialback_name};
use crate::stream::event::{Decision, Event, Verification, VerifyRequest};
use crate::stream::output::{Content, Dialback};
use crate::stream::proof::{Authorized, CertificateProof, Pair, Verdict};
use crate::stream::reason::{CloseReason, Rejection};
use crate::xml::Element;
use crate::{CertificateRule, StanzaCondition, TlsMode};

/// A dialback key on its way through the questions that it raises.
#[derive(Debug)]
pub(super) struct Pending {
    request: VerifyRequest,
    stage: PendingStage,
    /// The rule of the pair, once the policy has decided.
    rule: CertificateRule,
}

impl Pending {
    fn new(request: VerifyRequest) -> Self {
        Self {
            request,
            stage: PendingStage::Decision,
            rule: CertificateRule::Required,
        }
    }
}

/// Whose answer a key waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PendingStage {
    Decision,
    Verdict,
    Verification,
}

impl Core {
    /// A dialback key (XEP-0220 §2.1.1).
    pub(in crate::stream) fn take_key(&mut self, element: &Element) -> Result<(), Rejection> {
        let attribute = |name| element.attribute(name).unwrap_or_default();
        let (from, to) = (attribute("from"), attribute("to"));
        match self.check_key(from, to, &element.text()) {
            Ok(request) => {
                // To verify a key may take longer than what is left of the negotiation.
                self.await_progress();
                self.incoming.early_keys += usize::from(!self.is_proved());
                let query = self.queries.next_id();
                let pair = request.pair.clone();
                self.events.push_back(Event::Authorize { query, pair });
                self.add_pending(query, Pending::new(request));
                Ok(())
            }
            Err(condition) => {
                self.output.dialback(&Dialback {
                    from: to.into(),
                    to: from.into(),
                    ..error_result(condition)
                });
                self.check_output()
            }
        }
    }

    fn check_key(&self, from: &str, to: &str, key: &str) -> Result<VerifyRequest, StanzaCondition> {
        let pair = Pair {
            local: dialback_name(to)?,
            remote: dialback_name(from)?,
        };
        let key = trim_key(key);
        let limits = &self.config.limits;
        if key.is_empty() || key.len() > limits.max_key_bytes {
            return Err(StanzaCondition::BadRequest);
        }
        if !self.config.domains.contains(&pair.local) {
            return Err(StanzaCondition::ItemNotFound);
        }
        if self.config.domains.contains(&pair.remote) || self.config.dialback.is_none() {
            return Err(StanzaCondition::NotAcceptable);
        }
        let is_pending = |pending: &Pending| pending.request.pair == pair;
        let Incoming {
            pairs,
            pending,
            early_keys,
            ..
        } = &self.incoming;
        if pending.values().any(is_pending)
            || pending.len() >= limits.max_pending_pairs
            || !self.is_proved() && *early_keys >= limits.max_pending_pairs
            || pairs.len() + pending.len() >= limits.max_pairs
        {
            return Err(StanzaCondition::ResourceConstraint);
        }
        Ok(VerifyRequest {
            pair,
            id: self.id.clone(),
            key: key.into(),
            security: self.terms.security,
        })
    }

    fn add_pending(&mut self, query: QueryId, pending: Pending) {
        self.arm(
            Timer::Pending(query),
            self.config.limits.verification_timeout,
        );
        self.incoming.pending.insert(query, pending);
    }

    /// The key that waits for the answer to `query`, if that is what it waits for.
    fn take_pending(&mut self, query: QueryId, stage: PendingStage) -> Option<Pending> {
        // Where our direction is closed nothing can be answered.
        if self.incoming.pending.get(&query)?.stage != stage || !self.can_answer() {
            return None;
        }
        self.timers.stop(Timer::Pending(query));
        self.incoming.pending.remove(&query)
    }

    pub(in crate::stream) fn pending_timed_out(&mut self, query: QueryId) -> Result<(), Rejection> {
        let Some(pending) = self.incoming.pending.remove(&query) else {
            return Ok(());
        };
        self.withdraw_key(query);
        self.answer_key(&pending, Err(StanzaCondition::RemoteServerTimeout))
    }

    /// Tells the composer that a question about a key needs no answer.
    pub(super) fn withdraw_key(&mut self, query: QueryId) {
        self.timers.stop(Timer::Pending(query));
        self.events.push_back(Event::Withdrawn { query });
    }

    /// Takes the answer to the question whether the pair of a key may federate; gives nothing if
    /// that was not the question.
    pub(in crate::stream) fn key_decision(
        &mut self,
        query: QueryId,
        decision: &Decision,
    ) -> Option<Result<(), Rejection>> {
        let pending = self.take_pending(query, PendingStage::Decision)?;
        Some(self.pending_decision(pending, decision))
    }

    fn pending_decision(
        &mut self,
        mut pending: Pending,
        decision: &Decision,
    ) -> Result<(), Rejection> {
        let security = match decision {
            Decision::Allow(terms) => terms.security,
            Decision::Deny | Decision::SeeOtherHost(_) | Decision::VerifyOnly(_) => {
                return self.answer_key(&pending, Err(StanzaCondition::PolicyViolation));
            }
        };
        pending.rule = security.certificate;
        pending.request.security = security;
        match (self.channel, security.tls, security.certificate) {
            (Channel::Plain, TlsMode::Required, _) => {
                self.answer_key(&pending, Err(StanzaCondition::PolicyViolation))
            }
            (Channel::Plain | Channel::Anonymous, _, CertificateRule::Required) => {
                self.answer_key(&pending, Err(StanzaCondition::NotAuthorized))
            }
            (Channel::Plain | Channel::Anonymous, _, CertificateRule::Optional) => {
                self.ask_authoritative(pending);
                Ok(())
            }
            (Channel::Untrusted | Channel::Trusted, _, _) => {
                let query = self.ask_verdict(pending.request.pair.remote.clone());
                pending.stage = PendingStage::Verdict;
                self.add_pending(query, pending);
                Ok(())
            }
        }
    }

    /// A certificate that names the domain makes the call to its server needless (XEP-0344).
    pub(in crate::stream) fn key_verdict(
        &mut self,
        query: QueryId,
        verdict: &Verdict,
    ) -> Option<Result<(), Rejection>> {
        let pending = self.take_pending(query, PendingStage::Verdict)?;
        Some(self.pending_verdict(pending, verdict))
    }

    fn pending_verdict(&mut self, pending: Pending, verdict: &Verdict) -> Result<(), Rejection> {
        let pair = pending.request.pair.clone();
        let authorized = CertificateProof::new(pair.remote.clone(), verdict)
            .and_then(|proof| Authorized::by_certificate(pair, proof));
        match (authorized, pending.rule, self.role) {
            (Some(authorized), _, _) => {
                self.note_expiry(verdict);
                self.answer_key(&pending, Ok(Some(authorized)))
            }
            (None, CertificateRule::Optional, Role::Receiving) => {
                self.ask_authoritative(pending);
                Ok(())
            }
            // The peer chose the id of a stream that we initiated, so a key on it proves less.
            (None, CertificateRule::Optional, Role::Initiating) => {
                self.answer_key(&pending, Err(StanzaCondition::NotAcceptable))
            }
            (None, CertificateRule::Required, _) => {
                self.answer_key(&pending, Err(StanzaCondition::NotAuthorized))
            }
        }
    }

    fn ask_authoritative(&mut self, mut pending: Pending) {
        let query = self.queries.next_id();
        let request = pending.request.clone();
        self.events.push_back(Event::Verify { query, request });
        pending.stage = PendingStage::Verification;
        self.add_pending(query, pending);
    }

    pub(in crate::stream) fn verification(
        &mut self,
        query: QueryId,
        verification: &Verification,
    ) -> Result<(), Rejection> {
        let Some(pending) = self.take_pending(query, PendingStage::Verification) else {
            return Ok(());
        };
        let request = &pending.request;
        let answer = match verification {
            Verification::Valid(proof) => Ok(Authorized::by_dialback(
                request.pair.clone(),
                &request.id,
                proof,
            )),
            Verification::Invalid => Ok(None),
            Verification::Failed(condition) => Err(*condition),
        };
        self.answer_key(&pending, answer)
    }

    /// Tells the peer what became of its key: a proof, none (the key is invalid), or an error.
    fn answer_key(
        &mut self,
        pending: &Pending,
        answer: Result<Option<Authorized>, StanzaCondition>,
    ) -> Result<(), Rejection> {
        if !self.can_answer() {
            return Ok(());
        }
        let result = Dialback::of("result", &pending.request.pair);
        match answer {
            Ok(Some(authorized)) => {
                self.output.dialback(&Dialback {
                    type_: Some("valid"),
                    ..result
                });
                self.add_incoming(authorized);
                self.establish_reverse();
            }
            Ok(None) => {
                self.output.dialback(&Dialback {
                    type_: Some("invalid"),
                    ..result
                });
                if self.incoming.is_empty() {
                    // XEP-0220 §2.1.1: nothing else was proved, so the stream ends.
                    self.close(CloseReason::Closed);
                }
            }
            // It would take the error for an answer that says nothing, and wait.
            Err(condition) if self.incoming.knows_no_errors => {
                return Err(Rejection::KeyNotVerified(condition));
            }
            Err(condition) => self.output.dialback(&Dialback {
                from: result.from,
                to: result.to,
                ..error_result(condition)
            }),
        }
        self.check_output()
    }
}

fn error_result<'a>(condition: StanzaCondition) -> Dialback<'a> {
    Dialback {
        name: "result",
        from: Cow::Borrowed(""),
        to: Cow::Borrowed(""),
        id: None,
        type_: Some("error"),
        content: Content::Error(condition),
    }
}
