//! Answers of the user.

use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;

use super::Incoming;
use crate::session::SessionId;
use crate::transaction::Closed;
use crate::{BuildError, Endpoint, ResponseBuilder, StatusCode};

/// Why an answer is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The request was cancelled, was answered, or waited for too long.
    #[error("the request takes no answer any more")]
    Over,
    /// It is provisional and should be final, or the other way round, or a 2xx to an INVITE. To
    /// anything but an INVITE no provisional response is sent (RFC 4320 §4.1).
    #[error("a response of the wrong class")]
    Class,
    /// It is the response to another request than the one that it is handed on for.
    #[error("a response to another request")]
    Stranger,
    /// It would be a 408 to something other than an INVITE (RFC 4320 §4.2).
    #[error("408 is no answer to this request")]
    Timeout,
}

impl Endpoint {
    /// Answers a request for good; an INVITE is accepted by [`accept`](Self::accept).
    ///
    /// # Errors
    ///
    /// If nobody waits for the answer any more, or it must not be given.
    pub fn answer(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        response: ResponseBuilder,
    ) -> Result<(), AnswerError> {
        let status = response.status();
        if status.is_provisional() {
            return Err(AnswerError::Class);
        }
        if status == StatusCode::REQUEST_TIMEOUT && !incoming.is_invite() {
            return Err(AnswerError::Timeout);
        }
        if status.is_success() && incoming.is_invite() {
            return Err(AnswerError::Class);
        }
        self.hand_down(now, incoming, response)?;
        self.forget_invite(incoming.id);
        Ok(())
    }

    /// Tells the sender of an INVITE how it goes on, as 180 does; gives the session that begins with
    /// it, which 100 does not begin.
    ///
    /// # Errors
    ///
    /// If it is no INVITE, the response is final, or the INVITE is answered or cancelled.
    pub fn inform(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        mut response: ResponseBuilder,
    ) -> Result<Option<SessionId>, AnswerError> {
        if !response.status().is_provisional() || !incoming.is_invite() {
            return Err(AnswerError::Class);
        }
        if !self.core.table.is_unanswered(incoming.id) {
            return Err(AnswerError::Over);
        }
        let mut session = incoming.session;
        if response.status() != StatusCode::TRYING && incoming.session.is_none() {
            // Without room for it, or an address of the peer, the dialog begins with the 200.
            session = self.early_session(incoming).ok();
            if session.is_some() {
                let _: Result<_, BuildError> = self.describe_dialog(incoming, &mut response);
            }
        }
        self.hand_down(now, incoming, response)?;
        Ok(session)
    }

    fn hand_down(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        response: ResponseBuilder,
    ) -> Result<(), AnswerError> {
        let status = response.status();
        let message = self.core.finish(response);
        self.pass_down(now, incoming, status, message)
    }

    pub(super) fn pass_down(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        status: StatusCode,
        message: Bytes,
    ) -> Result<(), AnswerError> {
        let sent = self.core.table.respond(now, incoming.id, status, message);
        self.settle(now);
        sent.map_err(|Closed| AnswerError::Over)
    }
}
