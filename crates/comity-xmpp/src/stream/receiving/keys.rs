//! Dialback keys that peers send, from the question whether they may to the answer.

use std::borrow::Cow;

use comity_machine::QueryId;

use super::Receiving;
use crate::decision::Channel;
use crate::dialback::trim_key;
use crate::stream::core::{Core, Life, Timer, dialback_name};
use crate::stream::event::{CloseReason, Decision, Event, Rejection, Verification, VerifyRequest};
use crate::stream::output::{Content, Dialback};
use crate::stream::proof::{Authorized, CertificateProof, Pair, Verdict};
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

impl Receiving {
    /// A dialback key (XEP-0220 §2.1.1).
    pub(super) fn take_key(&mut self, core: &mut Core, element: &Element) -> Result<(), Rejection> {
        if element.attribute("type").is_some() {
            // We send no keys on this stream, so nothing was asked.
            return Ok(());
        }
        let attribute = |name| element.attribute(name).unwrap_or_default();
        let (from, to) = (attribute("from"), attribute("to"));
        match self.check_key(core, from, to, &element.text()) {
            Ok(request) => {
                // To verify a key may take longer than what is left of the negotiation.
                core.await_progress();
                self.early_keys += usize::from(!core.is_proved());
                let query = core.queries.next_id();
                let pair = request.pair.clone();
                core.events.push_back(Event::Authorize { query, pair });
                self.add_pending(core, query, Pending::new(request));
                Ok(())
            }
            Err(condition) => {
                core.output.dialback(&Dialback {
                    from: to.into(),
                    to: from.into(),
                    ..error_result(condition)
                });
                core.check_output()
            }
        }
    }

    fn check_key(
        &self,
        core: &Core,
        from: &str,
        to: &str,
        key: &str,
    ) -> Result<VerifyRequest, StanzaCondition> {
        let pair = Pair {
            local: dialback_name(to)?,
            remote: dialback_name(from)?,
        };
        let key = trim_key(key);
        let limits = &core.config.limits;
        if key.is_empty() || key.len() > limits.max_key_bytes {
            return Err(StanzaCondition::BadRequest);
        }
        if !core.config.domains.contains(&pair.local) {
            return Err(StanzaCondition::ItemNotFound);
        }
        if core.config.domains.contains(&pair.remote) || core.config.dialback.is_none() {
            return Err(StanzaCondition::NotAcceptable);
        }
        let is_pending = |pending: &Pending| pending.request.pair == pair;
        if self.pending.values().any(is_pending)
            || self.pending.len() >= limits.max_pending_pairs
            || self.early_keys >= limits.max_pending_pairs
            || self.pairs.len() >= limits.max_pairs
        {
            return Err(StanzaCondition::ResourceConstraint);
        }
        Ok(VerifyRequest {
            pair,
            id: self.id.clone(),
            key: key.into(),
        })
    }

    fn add_pending(&mut self, core: &mut Core, query: QueryId, pending: Pending) {
        core.arm(
            Timer::Pending(query),
            core.config.limits.verification_timeout,
        );
        self.pending.insert(query, pending);
    }

    /// The key that waits for the answer to `query`, if that is what it waits for.
    pub(super) fn take_pending(
        &mut self,
        core: &mut Core,
        query: QueryId,
        stage: PendingStage,
    ) -> Option<Pending> {
        // Where our direction is closed nothing can be answered.
        if self.pending.get(&query)?.stage != stage || core.life != Life::Open {
            return None;
        }
        core.timers.stop(Timer::Pending(query));
        self.pending.remove(&query)
    }

    pub(in crate::stream) fn pending_timed_out(
        &mut self,
        core: &mut Core,
        query: QueryId,
    ) -> Result<(), Rejection> {
        let Some(pending) = self.pending.remove(&query) else {
            return Ok(());
        };
        self.withdraw(core, query);
        self.answer_key(core, &pending, Err(StanzaCondition::RemoteServerTimeout))
    }

    /// Tells the composer that a question about a key needs no answer.
    pub(super) fn withdraw(&self, core: &mut Core, query: QueryId) {
        core.timers.stop(Timer::Pending(query));
        core.events.push_back(Event::Withdrawn { query });
    }

    pub(super) fn pending_decision(
        &mut self,
        core: &mut Core,
        mut pending: Pending,
        decision: &Decision,
    ) -> Result<(), Rejection> {
        let security = match decision {
            Decision::Allow(security) => security,
            Decision::Deny => {
                return self.answer_key(core, &pending, Err(StanzaCondition::PolicyViolation));
            }
        };
        pending.rule = security.certificate;
        match (core.channel, security.tls, security.certificate) {
            (Channel::Plain, TlsMode::Required, _) => {
                self.answer_key(core, &pending, Err(StanzaCondition::PolicyViolation))
            }
            (Channel::Plain | Channel::Anonymous, _, CertificateRule::Required) => {
                self.answer_key(core, &pending, Err(StanzaCondition::NotAuthorized))
            }
            (Channel::Plain | Channel::Anonymous, _, CertificateRule::Optional) => {
                self.ask_authoritative(core, pending);
                Ok(())
            }
            (Channel::Untrusted | Channel::Trusted, _, _) => {
                let query = core.ask_verdict(pending.request.pair.remote.clone());
                pending.stage = PendingStage::Verdict;
                self.add_pending(core, query, pending);
                Ok(())
            }
        }
    }

    /// A certificate that names the domain makes the call to its server needless (XEP-0344).
    pub(super) fn pending_verdict(
        &mut self,
        core: &mut Core,
        pending: Pending,
        verdict: &Verdict,
    ) -> Result<(), Rejection> {
        let pair = pending.request.pair.clone();
        let authorized = CertificateProof::new(pair.remote.clone(), verdict)
            .and_then(|proof| Authorized::by_certificate(pair, proof));
        match (authorized, pending.rule) {
            (Some(authorized), _) => self.answer_key(core, &pending, Ok(Some(authorized))),
            (None, CertificateRule::Optional) => {
                self.ask_authoritative(core, pending);
                Ok(())
            }
            (None, CertificateRule::Required) => {
                self.answer_key(core, &pending, Err(StanzaCondition::NotAuthorized))
            }
        }
    }

    fn ask_authoritative(&mut self, core: &mut Core, mut pending: Pending) {
        let query = core.queries.next_id();
        let request = pending.request.clone();
        core.events.push_back(Event::Verify { query, request });
        pending.stage = PendingStage::Verification;
        self.add_pending(core, query, pending);
    }

    pub(in crate::stream) fn verification(
        &mut self,
        core: &mut Core,
        query: QueryId,
        verification: &Verification,
    ) -> Result<(), Rejection> {
        let Some(pending) = self.take_pending(core, query, PendingStage::Verification) else {
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
        self.answer_key(core, &pending, answer)
    }

    /// Tells the peer what became of its key: a proof, none (the key is invalid), or an error.
    fn answer_key(
        &mut self,
        core: &mut Core,
        pending: &Pending,
        answer: Result<Option<Authorized>, StanzaCondition>,
    ) -> Result<(), Rejection> {
        debug_assert!(self.has_opened(), "keys do not outlive their stream");
        if core.life != Life::Open {
            return Ok(());
        }
        let result = Dialback::of("result", &pending.request.pair);
        match answer {
            Ok(Some(authorized)) => {
                core.output.dialback(&Dialback {
                    type_: Some("valid"),
                    ..result
                });
                self.add_pair(core, authorized);
            }
            Ok(None) => {
                core.output.dialback(&Dialback {
                    type_: Some("invalid"),
                    ..result
                });
                if self.pairs.is_empty() {
                    // XEP-0220 §2.1.1: nothing else was proved, so the stream ends.
                    core.close(CloseReason::Closed);
                }
            }
            Err(condition) => core.output.dialback(&Dialback {
                from: result.from,
                to: result.to,
                ..error_result(condition)
            }),
        }
        core.check_output()
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
