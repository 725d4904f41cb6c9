use std::net::IpAddr;

use crate::limits::Limits;
use crate::message::{Answer, Ending, Question, RecordName, SrvData};
use crate::plan::Failure;
use crate::trace::{Trace, TraceEntry};

/// One question, followed over aliases from message to message until it ends.
#[derive(Debug)]
pub(crate) struct Chase {
    question: Question,
    /// The names before that of `question`.
    passed: Vec<RecordName>,
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
    Services(Vec<SrvData>),
    Addresses(Vec<IpAddr>),
    Absent,
    Failed(Failure),
}

impl Chase {
    pub(crate) fn new(question: Question) -> Self {
        Self {
            question,
            passed: Vec::new(),
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

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.step, Step::Waiting)
    }

    pub(crate) fn end(&self) -> Option<&End> {
        match &self.step {
            Step::Ended(end) => Some(end),
            Step::Ready | Step::Waiting => None,
        }
    }

    pub(crate) fn handle_answer(&mut self, answer: &Answer, limits: &Limits, trace: &mut Trace) {
        for alias in &answer.aliases {
            if let Err(failure) = self.follow(alias, limits, trace) {
                return self.fail(failure, trace);
            }
        }
        let question = self.question.clone();
        let records = |records| TraceEntry::Answered {
            question: question.clone(),
            records,
        };
        let end = match &answer.ending {
            Ending::Services(found) => {
                trace.push(records(found.len()));
                End::Services(found.clone())
            }
            Ending::Addresses(found) => {
                trace.push(records(found.len()));
                // No resolution uses more.
                End::Addresses(found.iter().copied().take(limits.max_endpoints).collect())
            }
            Ending::NoData | Ending::NoName => {
                trace.push(TraceEntry::Missing { question });
                End::Absent
            }
            Ending::Alias => {
                self.step = Step::Ready;
                return;
            }
            Ending::AliasLoop => return self.fail(Failure::AliasLoop, trace),
            Ending::TooManyAliases => return self.fail(too_many_aliases(limits), trace),
        };
        self.step = Step::Ended(end);
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
