use std::net::IpAddr;
use std::sync::Arc;

use super::outcome::Failure;
use crate::candidate::Dnssec;
use crate::limits::Limits;
use crate::message::{Answer, Ending, NaptrData, Question, RecordName, SrvData};
use crate::records::{LookedUp, Records};
use crate::trace::{Trace, TraceEntry};

/// One question, followed over aliases from message to message until it ends.
#[derive(Debug)]
pub(crate) struct Chase {
    question: Question,
    /// The names before that of `question`.
    passed: Vec<RecordName>,
    /// Of all messages so far.
    dnssec: Dnssec,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Ready,
    Waiting,
    Ended(End),
}

/// How a chase ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The answer has records.
    Found(Arc<Answer>),
    Absent,
    Failed(Failure),
}

impl End {
    pub(crate) fn services(&self) -> Option<&[SrvData]> {
        match self.ending() {
            Some(Ending::Services(found)) => Some(found),
            Some(_) | None => None,
        }
    }

    pub(crate) fn pointers(&self) -> Option<&[NaptrData]> {
        match self.ending() {
            Some(Ending::Pointers(found)) => Some(found),
            Some(_) | None => None,
        }
    }

    pub(crate) fn addresses(&self) -> Option<&[IpAddr]> {
        match self.ending() {
            Some(Ending::Addresses(found)) => Some(found),
            Some(_) | None => None,
        }
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Found(_) | Self::Absent => None,
        }
    }

    fn ending(&self) -> Option<&Ending> {
        match self {
            Self::Found(answer) => Some(&answer.ending),
            Self::Absent | Self::Failed(_) => None,
        }
    }
}

impl Chase {
    pub(crate) fn new(question: Question) -> Self {
        Self {
            question,
            passed: Vec::new(),
            dnssec: Dnssec::Secure,
            step: Step::Ready,
        }
    }

    /// The question to ask now, if there is one. It is given once.
    pub(crate) fn take_question(&mut self) -> Option<Question> {
        match self.step {
            Step::Ready => {
                self.step = Step::Waiting;
                Some(self.question.clone())
            }
            Step::Waiting | Step::Ended(_) => None,
        }
    }

    pub(crate) fn waits_for(&self, question: &Question) -> bool {
        self.is_waiting() && self.question == *question
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.step, Step::Ready)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.step, Step::Waiting)
    }

    /// Whether DNS has proved how the chase ended.
    pub(crate) fn dnssec(&self) -> Dnssec {
        self.dnssec
    }

    /// The records as they are, with every alias on the way; `None` before the end.
    pub(crate) fn looked_up(&self) -> Option<Result<LookedUp, Failure>> {
        let end = self.end()?;
        if let Some(failure) = end.failure() {
            return Some(Err(failure.clone()));
        }
        let current = (!self.passed.is_empty()).then(|| self.question.name.clone());
        let behind_first = self.passed.iter().skip(1).cloned();
        Some(Ok(LookedUp {
            aliases: behind_first.chain(current).collect(),
            records: end.ending().map(Records::from).unwrap_or_default(),
            dnssec: self.dnssec,
        }))
    }

    pub(crate) fn end(&self) -> Option<&End> {
        match &self.step {
            Step::Ended(end) => Some(end),
            Step::Ready | Step::Waiting => None,
        }
    }

    pub(crate) fn handle_answer(
        &mut self,
        answer: &Arc<Answer>,
        limits: &Limits,
        trace: &mut Trace,
    ) {
        self.dnssec = self.dnssec.and(answer.dnssec);
        for alias in &answer.aliases {
            if let Err(failure) = self.follow(alias, limits, trace) {
                return self.fail(failure, trace);
            }
        }
        let question = self.question.clone();
        let records = match &answer.ending {
            Ending::Services(found) => found.len(),
            Ending::Pointers(found) => found.len(),
            Ending::Addresses(found) => found.len(),
            Ending::NoData | Ending::NoName => {
                trace.push(TraceEntry::Missing { question });
                self.step = Step::Ended(End::Absent);
                return;
            }
            Ending::Alias => {
                self.step = Step::Ready;
                return;
            }
            Ending::AliasLoop => return self.fail(Failure::AliasLoop, trace),
            Ending::TooManyAliases => return self.fail(too_many_aliases(limits), trace),
        };
        trace.push(TraceEntry::Answered {
            question,
            records,
            dnssec: answer.dnssec,
        });
        self.step = Step::Ended(End::Found(Arc::clone(answer)));
    }

    /// Ends the chase, unless it has ended.
    pub(crate) fn fail(&mut self, failure: Failure, trace: &mut Trace) {
        if self.end().is_none() {
            trace.push(TraceEntry::Failed {
                question: self.question.clone(),
                failure: failure.clone(),
            });
            self.step = Step::Ended(End::Failed(failure));
        }
    }

    /// Ends the chase without a finding, unless it has ended: nobody waits for it any more.
    pub(crate) fn give_up(&mut self) {
        if self.end().is_none() {
            self.step = Step::Ended(End::Absent);
        }
    }

    fn follow(
        &mut self,
        alias: &RecordName,
        limits: &Limits,
        trace: &mut Trace,
    ) -> Result<(), Failure> {
        if *alias == self.question.name || self.passed.contains(alias) {
            return Err(Failure::AliasLoop);
        }
        if self.passed.len() >= limits.max_aliases {
            return Err(too_many_aliases(limits));
        }
        let from = std::mem::replace(&mut self.question.name, alias.clone());
        trace.push(TraceEntry::Aliased {
            from: from.clone(),
            to: alias.clone(),
        });
        self.passed.push(from);
        Ok(())
    }
}

fn too_many_aliases(limits: &Limits) -> Failure {
    Failure::TooManyAliases {
        limit: limits.max_aliases,
    }
}
