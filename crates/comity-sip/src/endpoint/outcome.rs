//! What comes of requests of ours: responses, silence and failures.

use std::time::{Duration, Instant};

use super::core::{Core, Outcome, Report};
use super::event::{Failure, RequestId};
use super::guard::Guard;
use super::outgoing::{MAX_ACCEPTED, Purpose};
use crate::header::{CSeq, RetryAfter, To, Via};
use crate::transaction::{self, Branch, Departure, Kind, Side, Tell, Told};
use crate::{Flow, Method, Response, StatusCode, check_response};

impl Core {
    /// Takes a response from the wire.
    pub(crate) fn handle_response(&mut self, now: Instant, response: Box<Response>, flow: Flow) {
        if check_response(&response, self.config.acceptance.role).is_err() {
            self.counters.malformed_responses += 1;
            return;
        }
        let Some((branch, method)) = self.branch_of(&response) else {
            self.counters.stray_responses += 1;
            return;
        };
        let is_known = self
            .table
            .handle_response(now, &response, branch, method, flow);
        self.settle(now);
        match is_known {
            transaction::Taken::Told(told) => self.handle_told_response(now, told, response, flow),
            transaction::Taken::Absorbed => {}
            transaction::Taken::Stray => self.counters.stray_responses += 1,
        }
    }

    /// The branch of ours in a response, and the method that it answers; `None` if the topmost Via is
    /// not ours.
    fn branch_of<'a>(&self, response: &'a Response) -> Option<(Branch, Method<'a>)> {
        let headers = response.headers();
        let via = headers.first::<Via<'_>>().ok()??;
        let method = headers.one::<CSeq<'_>>().ok()?.method;
        let branch = via.branch()?.strip_prefix(Via::COOKIE)?;
        let id = u64::from_str_radix(branch.get(..16)?, 16).ok()?;
        let is_cancel = method == Method::Cancel;
        self.is_ours(&via)
            .then_some((Branch { id, is_cancel }, method))
    }

    /// Whether we put a Via there.
    pub(crate) fn is_ours(&self, via: &Via<'_>) -> bool {
        self.config.listeners.iter().any(|listener| {
            via.transport() == listener.transport.name()
                && via.host().to_host().is_ok_and(|host| host == listener.host)
                && via.port() == Some(listener.port)
        })
    }

    fn handle_told_response(
        &mut self,
        now: Instant,
        told: Told,
        response: Box<Response>,
        flow: Flow,
    ) {
        let id = RequestId(told.owner);
        let status = response.status();
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        let Some(attempt) = pending
            .attempt
            .as_mut()
            .filter(|attempt| attempt.transaction == told.id)
        else {
            return;
        };
        if status.is_provisional() {
            attempt.is_answered = true;
            let (cancelled, transaction) = (pending.is_cancelled, attempt.transaction);
            let purpose = pending.purpose;
            self.report_response(id, purpose, Outcome::Response(response), flow);
            if cancelled {
                self.send_cancel(now, transaction);
            }
            return;
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let hop = (attempt.target.transport, attempt.target.address);
            let retry = response
                .headers()
                .optional::<RetryAfter<'_>>()
                .ok()
                .flatten();
            if let Some(retry) = retry {
                let wait = Duration::from_secs(retry.seconds().into());
                self.hops.avoid(now, hop, wait);
            }
            let Some(pending) = self.pending.get_mut(&id) else {
                return;
            };
            pending.refusal = Some(response);
            self.attempt(now, id);
            return;
        }
        let purpose = pending.purpose;
        if !(status.is_success() && pending.draft.kind == Kind::Invite) {
            let doubt = pending.doubt.filter(|_| purpose.may_mean_a_copy(status));
            let outcome = match doubt {
                // Somebody may have the request whose answer we do not know.
                Some(failure) => Outcome::Failed(failure),
                None => Outcome::Response(response),
            };
            self.pending.remove(&id);
            return self.report_response(id, purpose, outcome, flow);
        }
        // Further 2xx of an INVITE come through its transaction (RFC 6026 §7.2).
        pending.go_nowhere_else();
        let to = response.headers().one::<To<'_>>().ok();
        let tag: Box<[u8]> = to.and_then(|to| to.tag_bytes()).unwrap_or_default().into();
        if pending.accepted.contains(&tag) {
            self.report_response(id, purpose, Outcome::Repeated(response), flow);
        } else if pending.accepted.len() < MAX_ACCEPTED {
            pending.accepted.push(tag);
            self.report_response(id, purpose, Outcome::Response(response), flow);
        } else {
            self.counters.stray_responses += 1;
        }
    }

    pub(crate) fn handle_client_told(&mut self, now: Instant, told: Told) {
        let id = RequestId(told.owner);
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        let Some(attempt) = &pending.attempt else {
            return;
        };
        if attempt.transaction != told.id {
            return;
        }
        let (is_answered, is_unsent) = (attempt.is_answered, attempt.is_unsent);
        match told.tell {
            Tell::RangOut => self.send_cancel(now, told.id),
            Tell::Ended => {
                self.pending.remove(&id);
            }
            Tell::TimedOut | Tell::TransportFailed => {
                pending.failure = match (told.tell, pending.is_cancelled) {
                    (_, true) => Failure::Cancelled,
                    (Tell::TimedOut, false) => Failure::TimedOut,
                    (_, false) => Failure::Transport,
                };
                if !is_unsent {
                    pending.doubt.get_or_insert(pending.failure);
                }
                // Somebody has it who gave a sign of life: it is not sent to somebody else too
                // (RFC 3263 §4.3).
                if is_answered {
                    pending.go_nowhere_else();
                }
                self.attempt(now, id);
            }
            Tell::Nothing | Tell::Message | Tell::Unanswered => {}
        }
    }

    /// Notes that a request is not sent, for its connection is not there.
    pub(super) fn note_unsent(&mut self, departure: &Departure) {
        let Some((transaction, Side::Client)) = departure.from else {
            return;
        };
        let request = self.table.owner(transaction).map(RequestId);
        let pending = request.and_then(|request| self.pending.get_mut(&request));
        let attempt = pending.and_then(|pending| pending.attempt.as_mut());
        if let Some(attempt) = attempt.filter(|attempt| attempt.transaction == transaction) {
            attempt.is_unsent = true;
        }
    }

    /// Tells of a response, and of who sent it.
    fn report_response(
        &mut self,
        request: RequestId,
        purpose: Purpose,
        outcome: Outcome,
        flow: Flow,
    ) {
        let guard = Guard::new(self.proved(flow));
        self.reports.push_back(Report {
            request,
            purpose,
            outcome,
            guard,
            flow: Some(flow),
        });
    }
}
