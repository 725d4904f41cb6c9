//! Questions to the server on the other side, as the authoritative one (XEP-0220 §2.1.2).

use std::time::Instant;

use super::{answered_pair, error_condition};
use crate::StanzaCondition;
use crate::stream::SendError;
use crate::stream::core::{Core, Life, Timer};
use crate::stream::event::{Event, Verification, VerifyRequest};
use crate::stream::output::{Content, Dialback};
use crate::stream::proof::DialbackProof;
use crate::xml::Element;

#[derive(Debug)]
pub(super) struct Request {
    request: VerifyRequest,
    /// When it has taken too long; never, if that is beyond the end of time.
    deadline: Option<Instant>,
}

impl Core {
    /// Asks about a key, at once or when the stream is ready.
    pub(in crate::stream) fn add_request(
        &mut self,
        request: VerifyRequest,
        is_ready: bool,
    ) -> Result<(), SendError> {
        if self.life != Life::Open {
            return Err(SendError::Closed);
        }
        if self.outgoing.requests.len() >= self.config.limits.max_pairs {
            return Err(SendError::Full);
        }
        if is_ready {
            self.send_request(&request);
        }
        self.note_use();
        let wait = self.config.limits.verification_timeout;
        let deadline = self.now.checked_add(wait);
        self.outgoing.requests.push(Request { request, deadline });
        self.arm_requests();
        Ok(())
    }

    /// Sends the requests that have waited for the stream to be ready.
    pub(in crate::stream) fn send_requests(&mut self) {
        let requests = std::mem::take(&mut self.outgoing.requests);
        for Request { request, .. } in &requests {
            self.send_request(request);
        }
        self.outgoing.requests = requests;
    }

    fn send_request(&mut self, request: &VerifyRequest) {
        self.output.dialback(&Dialback {
            id: Some(&request.id),
            content: Content::Key(&request.key),
            ..Dialback::of("verify", &request.pair)
        });
    }

    /// Sets the timer to the oldest request.
    fn arm_requests(&mut self) {
        let oldest = self.outgoing.requests.first();
        match oldest.and_then(|oldest| oldest.deadline) {
            Some(deadline) => self.timers.set(Timer::Requests, deadline),
            None => self.timers.stop(Timer::Requests),
        }
    }

    /// Gives up on requests that the peer has not answered in time.
    pub(in crate::stream) fn requests_timed_out(&mut self) {
        let now = self.now;
        let late = |asked: &mut Request| asked.deadline.is_some_and(|deadline| deadline <= now);
        for Request { request, .. } in self.outgoing.requests.extract_if(.., late) {
            let verification = Verification::Failed(StanzaCondition::RemoteServerTimeout);
            self.events.push_back(Event::Verified {
                request,
                verification,
            });
        }
        self.arm_requests();
    }

    /// Takes the answer of the authoritative server (XEP-0220 §2.1.3).
    pub(in crate::stream) fn take_verification(&mut self, element: &Element) {
        let Some(pair) = answered_pair(element) else {
            return;
        };
        let id = element.attribute("id").unwrap_or_default();
        let asked = |asked: &Request| *asked.request.id == *id && asked.request.pair == pair;
        let Some(index) = self.outgoing.requests.iter().position(asked) else {
            return;
        };
        let Request { request, .. } = self.outgoing.requests.remove(index);
        self.arm_requests();
        let verification = match element.attribute("type") {
            Some("valid") => {
                Verification::Valid(DialbackProof::new(request.pair.clone(), request.id.clone()))
            }
            Some("error") => Verification::Failed(error_condition(element)),
            Some(_) | None => Verification::Invalid,
        };
        self.events.push_back(Event::Verified {
            request,
            verification,
        });
    }
}
