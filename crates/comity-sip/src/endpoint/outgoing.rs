//! Requests of ours: from target to target until somebody answers.

use std::collections::VecDeque;
use std::time::Instant;

use super::core::{Core, Outcome, Question, Report};
use super::draft::{Draft, SendError, via};
use super::event::{Failure, Hop, RequestId};
use super::guard::Guard;
use super::{Listener, Target};
use crate::header::Via;
use crate::session::{Errand, SessionId};
use crate::subscription::{PublicationId, SubscriptionId};
use crate::transaction::{self, Branch, Departing, Kind, TransactionId};
use crate::{Flow, Response, StatusCode, Transport};

/// A request that has no final response yet.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(super) draft: Draft,
    pub(super) purpose: Purpose,
    pub(super) targets: VecDeque<(Target, Turn)>,
    /// Where to ask when no target is left: in place of targets, or when the connection of the dialog
    /// fails.
    pub(super) fallback: Option<Hop>,
    pub(super) attempt: Option<Attempt>,
    pub(super) is_cancelled: bool,
    /// Why the target before failed.
    pub(super) failure: Failure,
    /// Why the first attempt ended without an answer that may have reached somebody.
    pub(super) doubt: Option<Failure>,
    /// The 503 of the target before, which is better than no answer.
    pub(super) refusal: Option<Box<Response>>,
    /// The tags in To of the 2xx that came to an INVITE.
    pub(super) accepted: Vec<Box<[u8]>>,
    /// Appended to the branch of every attempt: what a loop is recognised by.
    pub(super) mark: Option<u64>,
}

/// One way that a request takes.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) target: Target,
    pub(super) transaction: TransactionId,
    /// A provisional response came.
    pub(super) is_answered: bool,
    /// Its connection did not come about.
    pub(super) is_unsent: bool,
}

/// For whom a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The user of the endpoint.
    User,
    /// Nobody: what becomes of it is of no interest.
    Nobody,
    /// A session, with an INVITE.
    Session(SessionId, Errand),
    /// The user of the endpoint, in a session.
    InSession(SessionId),
    /// A subscription of ours.
    Subscriber(SubscriptionId),
    /// A watcher.
    Watcher(SubscriptionId),
    /// A publication.
    Publication(PublicationId),
}

/// When a target is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// When those before it failed.
    Next,
    /// When no connection could be had to the one before it.
    WithoutConnection,
}

impl Purpose {
    /// Whether an answer may mean no more than that the request came before, by another way: a second
    /// copy is merged (RFC 3261 §8.2.2.2), and in a session out of order or too late (§12.2.2).
    pub(super) fn may_mean_a_copy(self, status: StatusCode) -> bool {
        let is_late = matches!(
            status,
            StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST | StatusCode::SERVER_INTERNAL_ERROR
        );
        match self {
            Self::User => status == StatusCode::LOOP_DETECTED,
            Self::InSession(_) => status == StatusCode::LOOP_DETECTED || is_late,
            Self::Nobody
            | Self::Session(..)
            | Self::Subscriber(_)
            | Self::Watcher(_)
            | Self::Publication(_) => false,
        }
    }
}

impl Pending {
    fn new(draft: Draft, fallback: Option<Hop>, purpose: Purpose) -> Self {
        Self {
            draft,
            purpose,
            targets: VecDeque::new(),
            fallback,
            attempt: None,
            is_cancelled: false,
            failure: Failure::NoTarget,
            doubt: None,
            refusal: None,
            accepted: Vec::new(),
            mark: None,
        }
    }

    fn next_target(&mut self) -> Option<Target> {
        let failure = self.failure;
        while let Some((target, turn)) = self.targets.pop_front() {
            if turn == Turn::Next || matches!(failure, Failure::Transport | Failure::NoListener) {
                return Some(target);
            }
        }
        None
    }

    pub(super) fn go_nowhere_else(&mut self) {
        self.targets.clear();
        self.fallback = None;
    }
}

impl Core {
    /// Sends a request to the first of its targets that takes it; with none, asks where it goes.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        draft: Draft,
        targets: Vec<Target>,
        purpose: Purpose,
    ) -> Result<RequestId, SendError> {
        self.send_marked(now, draft, targets, purpose, None)
    }

    /// Sends a request of a dialog, if possible on the connection on which that goes on
    /// (RFC 5923 §5), and else to wherever its next hop is.
    pub(crate) fn send_in_dialog(
        &mut self,
        now: Instant,
        draft: Draft,
        flow: Option<Flow>,
        purpose: Purpose,
    ) -> Result<RequestId, SendError> {
        let hop = draft.hop();
        let back = self.way_back(flow, hop.as_ref());
        let pending = Pending::new(draft, hop, purpose);
        self.begin_sending(now, pending, back.into_iter().collect())
    }

    pub(super) fn way_back(&self, flow: Option<Flow>, hop: Option<&Hop>) -> Option<Target> {
        match flow? {
            Flow::Connection(id) => self.connections.back_to(id, hop?),
            Flow::Datagrams { .. } => None,
        }
    }

    pub(crate) fn send_marked(
        &mut self,
        now: Instant,
        draft: Draft,
        targets: Vec<Target>,
        purpose: Purpose,
        mark: Option<u64>,
    ) -> Result<RequestId, SendError> {
        let hop = targets.is_empty().then(|| draft.hop()).flatten();
        let mut pending = Pending::new(draft, hop, purpose);
        pending.mark = mark;
        self.begin_sending(now, pending, targets)
    }

    fn begin_sending(
        &mut self,
        now: Instant,
        pending: Pending,
        targets: Vec<Target>,
    ) -> Result<RequestId, SendError> {
        if self.pending.len() >= self.config.limits.max_requests as usize {
            return Err(SendError::Overloaded);
        }
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.pending.insert(id, pending);
        self.set_targets(now, id, targets);
        Ok(id)
    }

    /// Gives a request its targets and begins with the first.
    pub(crate) fn set_targets(&mut self, now: Instant, id: RequestId, targets: Vec<Target>) {
        let max = self.config.max_datagram_bytes as usize;
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        let is_large = pending.draft.len_on_its_way() > max;
        for target in targets.into_iter().take(MAX_TARGETS) {
            // A large request goes over a connection, and in a datagram only if there is none to be
            // had (RFC 3261 §18.1.1).
            let is_second = is_large && target.transport == Transport::Udp;
            if is_second {
                let mut connected = target.clone();
                connected.transport = Transport::Tcp;
                pending.targets.push_back((connected, Turn::Next));
            }
            let turn = match is_second {
                true => Turn::WithoutConnection,
                false => Turn::Next,
            };
            pending.targets.push_back((target, turn));
        }
        self.attempt(now, id);
    }

    /// Tries the next targets until one can be sent to.
    pub(super) fn attempt(&mut self, now: Instant, id: RequestId) {
        loop {
            let Some(pending) = self.pending.get_mut(&id) else {
                return;
            };
            pending.attempt = None;
            let target = match pending.is_cancelled {
                true => None,
                false => pending.next_target(),
            };
            let Some(target) = target else {
                return match pending.fallback.take().filter(|_| !pending.is_cancelled) {
                    Some(hop) => self.ask(now, Question::Request(id), hop),
                    None => self.give_up(id),
                };
            };
            match self.begin(now, id, &target) {
                Ok(transaction) => {
                    if let Some(pending) = self.pending.get_mut(&id) {
                        pending.attempt = Some(Attempt {
                            target,
                            transaction,
                            is_answered: false,
                            is_unsent: false,
                        });
                    }
                    // A connection that fails at once leads here again.
                    self.settle(now);
                    return;
                }
                Err(failure) => self.note_failure(id, failure),
            }
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        id: RequestId,
        target: &Target,
    ) -> Result<TransactionId, Failure> {
        if let Some(wait) = self.hops.wait(now, (target.transport, target.address)) {
            return Err(Failure::Unavailable { wait });
        }
        let (listener, flow) = self.way_to(now, target)?;
        let number = u64::from_be_bytes(self.random.bytes());
        let pending = self.pending.get(&id).ok_or(Failure::NoTarget)?;
        let branch = match pending.mark {
            Some(mark) => format!("{}{number:016x}.{mark:016x}", Via::COOKIE),
            None => format!("{}{number:016x}", Via::COOKIE),
        };
        let via = via(&listener, &branch, self.config.offers_reuse);
        let departing = Departing {
            branch: Branch {
                id: number,
                is_cancel: false,
            },
            kind: pending.draft.kind,
            request: pending.draft.render(&via, &listener),
            flow,
            owner: id.0,
        };
        let begun = self.table.begin_client(now, departing);
        begun.map_err(|transaction::Full| Failure::Overloaded)
    }

    /// By which listener and on which flow a target is reached; a connection is begun if there is
    /// none.
    pub(super) fn way_to(
        &mut self,
        now: Instant,
        target: &Target,
    ) -> Result<(Listener, Flow), Failure> {
        let listener = self.listener(target.transport, target.address);
        let listener = listener.ok_or(Failure::NoListener)?.clone();
        let flow = match target.transport {
            Transport::Udp => Flow::Datagrams {
                local: listener.local,
                remote: target.address,
            },
            Transport::Tcp | Transport::Tls => {
                let open = self.connections.find(target);
                let connection = open.or_else(|| self.dial(now, target));
                Flow::Connection(connection.ok_or(Failure::Overloaded)?)
            }
        };
        Ok((listener, flow))
    }

    /// Who will answer a request that is under way, as far as that has to be proved.
    pub(crate) fn expected(&self, id: RequestId) -> Guard {
        let attempt = self
            .pending
            .get(&id)
            .and_then(|pending| pending.attempt.as_ref());
        let target = attempt.map(|attempt| &attempt.target);
        match target {
            Some(target) if target.transport == Transport::Tls && target.names.is_empty() => {
                let open = self.connections.find(target);
                Guard::new(open.map_or(&[], |id| self.proved(Flow::Connection(id))))
            }
            Some(target) if target.transport == Transport::Tls => Guard::new(&target.names),
            Some(_) | None => Guard::default(),
        }
    }

    /// Cancels a request: an INVITE by CANCEL, what waits for its turn by never sending it.
    pub(crate) fn cancel(&mut self, now: Instant, id: RequestId) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        pending.is_cancelled = true;
        match &pending.attempt {
            Some(attempt) if pending.draft.kind == Kind::Invite => {
                // Without a provisional response yet, this comes again with the first one.
                let transaction = attempt.transaction;
                self.send_cancel(now, transaction);
            }
            Some(_) => {}
            None => {
                pending.failure = Failure::Cancelled;
                self.give_up(id);
            }
        }
    }

    pub(super) fn send_cancel(&mut self, now: Instant, transaction: TransactionId) {
        let Some((invite, flow, branch)) = self.table.cancel(now, transaction) else {
            return;
        };
        let Some(request) = transaction::cancel(&invite) else {
            return;
        };
        let departing = Departing {
            branch: Branch {
                is_cancel: true,
                ..branch
            },
            kind: Kind::Other,
            request,
            flow,
            owner: u64::MAX,
        };
        // Without room for it the INVITE ends by its own timer.
        let _: Result<_, transaction::Full> = self.table.begin_client(now, departing);
        self.settle(now);
    }

    fn note_failure(&mut self, id: RequestId, failure: Failure) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.failure = failure;
        }
    }

    /// Ends a request for which no target is left.
    pub(crate) fn give_up(&mut self, id: RequestId) {
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        let outcome = match pending.refusal {
            Some(refusal) if !pending.is_cancelled => Outcome::Response(refusal),
            Some(_) | None if pending.is_cancelled => Outcome::Failed(Failure::Cancelled),
            Some(_) | None => Outcome::Failed(pending.doubt.unwrap_or(pending.failure)),
        };
        self.report(id, pending.purpose, outcome);
    }

    fn report(&mut self, request: RequestId, purpose: Purpose, outcome: Outcome) {
        self.reports.push_back(Report {
            request,
            purpose,
            outcome,
            guard: Guard::default(),
            flow: None,
        });
    }
}

/// At how many places one INVITE may be accepted.
pub(super) const MAX_ACCEPTED: usize = 16;

/// How many targets a request is tried at: a peer's records shall not keep it for longer than a few
/// minutes.
const MAX_TARGETS: usize = 8;
