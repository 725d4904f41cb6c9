//! The side that sends an INVITE, and what both sides send later.

use std::time::Instant;

use bytes::Bytes;

use super::{
    EndReason, Errand, Session, SessionError, SessionEvent, SessionId, SessionTimer, Side,
};
use crate::endpoint::{
    Draft, Failure, Outcome, Peer, Purpose, RequestId, SendError, Target, Timer,
};
use crate::header::{CSeq, MaxForwards};
use crate::{Dialog, DialogId, Endpoint, Method, RequestBuilder, Response, StatusCode};

impl Endpoint {
    /// Invites somebody to a session. The request is built as for [`send`](Self::send); what becomes
    /// of it is told by [`SessionEvent`]s.
    ///
    /// # Errors
    ///
    /// If the request cannot be sent as it is, or there are too many sessions.
    pub fn invite(
        &mut self,
        now: Instant,
        request: &RequestBuilder,
        targets: Vec<Target>,
    ) -> Result<SessionId, SessionError> {
        if self.sessions.len() >= self.core.config.limits.max_dialogs as usize {
            return Err(SessionError::Overloaded);
        }
        let draft = Draft::new(request, &self.core.config.message)?;
        let id = self.sessions.insert(Session::new(Side::Caller));
        let purpose = Purpose::Session(id, Errand::Invite);
        match self.core.send(now, draft, targets, purpose) {
            Ok(request) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.outgoing = Some(request);
                }
                self.settle(now);
                Ok(id)
            }
            Err(error) => {
                self.sessions.remove(id);
                Err(error.into())
            }
        }
    }

    /// Sends a further INVITE in a session, with a new description of it (RFC 3261 §14.1). When it
    /// meets one of the peer's, it is sent again after a while.
    ///
    /// # Errors
    ///
    /// If the session is not established, or another INVITE is under way.
    pub fn reinvite(
        &mut self,
        now: Instant,
        session: SessionId,
        content_type: &str,
        body: Bytes,
    ) -> Result<(), SessionError> {
        let entry = self
            .sessions
            .get_mut(session)
            .ok_or(SessionError::Unknown)?;
        if entry.outgoing.is_some() || entry.incoming.is_some() || entry.accepted.is_some() {
            return Err(SessionError::Pending);
        }
        entry.offer = Some((content_type.to_owned(), body.clone()));
        let content = Some((content_type, body));
        let purpose = Purpose::Session(session, Errand::Reinvite);
        let hops = MaxForwards(70);
        let request = self.send_in(now, session, (Method::Invite, hops), content, purpose)?;
        if let Some(entry) = self.sessions.get_mut(session) {
            entry.outgoing = Some(request);
        }
        self.settle(now);
        Ok(())
    }

    /// Sends a request in a session, such as a MESSAGE with its type and body. Its answer comes as
    /// [`Event::Response`](crate::endpoint::Event::Response).
    ///
    /// # Errors
    ///
    /// If the session is not established, or the request cannot be sent.
    pub fn request_in(
        &mut self,
        now: Instant,
        session: SessionId,
        method: Method<'_>,
        content: Option<(&str, Bytes)>,
    ) -> Result<RequestId, SessionError> {
        self.request_in_within(now, session, method, MaxForwards(70), content)
    }

    /// The same with this many hops left, for a request that goes on from elsewhere (RFC 7332).
    ///
    /// # Errors
    ///
    /// As [`request_in`](Self::request_in).
    pub fn request_in_within(
        &mut self,
        now: Instant,
        session: SessionId,
        method: Method<'_>,
        hops: MaxForwards,
        content: Option<(&str, Bytes)>,
    ) -> Result<RequestId, SessionError> {
        let purpose = Purpose::InSession(session);
        let request = self.send_in(now, session, (method, hops), content, purpose)?;
        self.settle(now);
        Ok(request)
    }

    /// Ends a session: by BYE, or by CANCEL while the INVITE is not answered. Nothing more is told
    /// about it.
    ///
    /// # Errors
    ///
    /// If there is no such session.
    pub fn bye(&mut self, now: Instant, session: SessionId) -> Result<(), SessionError> {
        let entry = self
            .sessions
            .get_mut(session)
            .ok_or(SessionError::Unknown)?;
        let (is_established, outgoing) = (entry.is_established, entry.outgoing);
        if let Some(invite) = entry.incoming.take() {
            self.sessions.invites.remove(&invite);
            self.core.table.terminate(now, invite);
        }
        let entry = self
            .sessions
            .get_mut(session)
            .ok_or(SessionError::Unknown)?;
        if entry.accepted.is_some() {
            // Not before the ACK (RFC 3261 §15).
            entry.is_leaving = true;
            return Ok(());
        }
        if is_established {
            self.send_bye(now, session)?;
        } else if let Some(request) = outgoing {
            self.core.cancel(now, request);
        }
        self.drop_session(session);
        self.settle(now);
        Ok(())
    }

    pub(crate) fn send_bye(
        &mut self,
        now: Instant,
        session: SessionId,
    ) -> Result<(), SessionError> {
        let entry = self
            .sessions
            .get_mut(session)
            .ok_or(SessionError::Unknown)?;
        let flow = entry.peer.flow;
        let dialog = entry.dialog().ok_or(SessionError::Unknown)?;
        let bye = dialog.request(Method::Bye)?;
        let draft = Draft::new(&bye, &self.core.config.message)?;
        self.core
            .send_in_dialog(now, draft, flow, Purpose::Nobody)?;
        Ok(())
    }

    fn send_in(
        &mut self,
        now: Instant,
        session: SessionId,
        (method, hops): (Method<'_>, MaxForwards),
        content: Option<(&str, Bytes)>,
        purpose: Purpose,
    ) -> Result<RequestId, SessionError> {
        let entry = self
            .sessions
            .get_mut(session)
            .ok_or(SessionError::Unknown)?;
        let flow = entry.peer.flow;
        let dialog = entry.dialog().ok_or(SessionError::Unknown)?;
        let mut request = dialog.request_within(method, hops)?;
        if let Some((content_type, body)) = content {
            request.body(content_type, body)?;
        }
        let draft = Draft::new(&request, &self.core.config.message)?;
        Ok(self.core.send_in_dialog(now, draft, flow, purpose)?)
    }

    /// What became of a request of a session.
    pub(crate) fn handle_session_report(
        &mut self,
        now: Instant,
        id: SessionId,
        errand: Errand,
        outcome: Outcome,
        peer: Peer,
    ) {
        match outcome {
            Outcome::Response(response) if response.status().is_provisional() => {
                if errand == Errand::Invite && response.status() != StatusCode::TRYING {
                    self.handle_progress(id, response, peer);
                }
            }
            Outcome::Response(response) if response.status().is_success() => {
                self.handle_accepted(now, id, response, peer);
            }
            Outcome::Repeated(response) => self.acknowledge(now, id, &response),
            Outcome::Response(response) => self.handle_refused(now, id, errand, response),
            Outcome::Failed(failure) => self.handle_failed(now, id, errand, failure),
        }
    }

    /// A provisional response: with a tag it begins an early dialog (RFC 3261 §12.1).
    fn handle_progress(&mut self, id: SessionId, response: Box<Response>, peer: Peer) {
        if let Ok(dialog) = Dialog::answered(&response)
            && self.sessions.of_dialog(dialog.id()).is_none()
            && let Some(session) = self.sessions.get_mut(id)
            && session.dialogs.len() < MAX_EARLY
            && !session.is_established
        {
            session.peer = peer;
            self.sessions.join(id, dialog);
        }
        if self.sessions.get_mut(id).is_some() {
            self.tell(id, SessionEvent::Progress(response));
        }
    }

    fn handle_accepted(
        &mut self,
        now: Instant,
        id: SessionId,
        response: Box<Response>,
        peer: Peer,
    ) {
        let dialog = DialogId::of_response(&response).ok();
        let Some(session) = self.sessions.get_mut(id) else {
            // It was given up, and accepted at the same time.
            return self.leave(now, id, &response);
        };
        match session.dialog() {
            Some(own) if Some(own.id()) != dialog.as_ref() => {
                return self.leave(now, id, &response);
            }
            Some(own) => own.handle_response(&response),
            None => match Dialog::answered(&response) {
                Ok(dialog) => {
                    session.peer = peer;
                    self.sessions.establish(id, dialog);
                }
                Err(_) => {
                    self.drop_session(id);
                    self.tell(id, SessionEvent::Ended(EndReason::Gone));
                    return;
                }
            },
        }
        if let Some(session) = self.sessions.get_mut(id) {
            session.outgoing = None;
            session.offer = None;
        }
        self.acknowledge(now, id, &response);
        self.tell(id, SessionEvent::Answered(response));
    }

    /// Sends the ACK to a 2xx, each time that it comes (RFC 3261 §13.2.2.4).
    fn acknowledge(&mut self, now: Instant, id: SessionId, response: &Response) {
        let own = DialogId::of_response(response).ok();
        let session = self.sessions.get_mut(id);
        let flow = session.as_ref().and_then(|session| session.peer.flow);
        let dialog = session.and_then(|session| session.dialog_of(own.as_ref()?));
        let number = response.headers().one::<CSeq<'_>>().map(|cseq| cseq.number);
        let ack = match (dialog, number) {
            (Some(dialog), Ok(number)) => dialog.acknowledge(number),
            (None, _) | (_, Err(_)) => Dialog::answered(response)
                .and_then(|dialog| dialog.acknowledge(dialog.local_sequence())),
        };
        if let Ok(ack) = ack {
            self.core.send_ack(now, &ack, flow);
        }
    }

    /// Ends a dialog that nobody wants, which came about at another place or too late
    /// (RFC 3261 §13.2.2.4).
    fn leave(&mut self, now: Instant, id: SessionId, response: &Response) {
        self.acknowledge(now, id, response);
        let Ok(mut dialog) = Dialog::answered(response) else {
            return;
        };
        if let Ok(bye) = dialog.request(Method::Bye)
            && let Ok(draft) = Draft::new(&bye, &self.core.config.message)
        {
            let _: Result<_, SendError> = self.core.send(now, draft, Vec::new(), Purpose::Nobody);
        }
    }

    fn handle_refused(
        &mut self,
        now: Instant,
        id: SessionId,
        errand: Errand,
        response: Box<Response>,
    ) {
        let status = response.status();
        let is_gone = ends_dialog(status);
        match errand {
            Errand::Invite => {
                if self.drop_session(id).is_some() {
                    self.tell(id, SessionEvent::Refused(response));
                }
            }
            Errand::Reinvite if status == StatusCode::REQUEST_PENDING => {
                self.wait_to_reinvite(now, id);
            }
            Errand::Reinvite if is_gone => {
                self.end_session(now, id, EndReason::Gone);
            }
            Errand::Reinvite => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.outgoing = None;
                    session.offer = None;
                    self.tell(id, SessionEvent::Refused(response));
                }
            }
        }
    }

    fn handle_failed(&mut self, now: Instant, id: SessionId, errand: Errand, failure: Failure) {
        match errand {
            Errand::Invite => {
                if self.drop_session(id).is_some() {
                    self.tell(id, SessionEvent::Failed(failure));
                }
            }
            Errand::Reinvite => self.end_session(now, id, EndReason::Gone),
        }
    }

    fn wait_to_reinvite(&mut self, now: Instant, id: SessionId) {
        let chance = self.core.random.below(200);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.outgoing = None;
        let wait = session.glare_wait(chance);
        let timer = Timer::Session(id, SessionTimer::Reinvite);
        self.core.timers.set_after(timer, now, wait);
    }

    /// Sends the INVITE again that met one of the peer's, unless something else is under way by now.
    pub(crate) fn repeat_invite(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some((content_type, body)) = session.offer.clone() else {
            return;
        };
        match self.reinvite(now, id, &content_type, body) {
            Ok(()) => {}
            // Another one of ours has taken its place.
            Err(SessionError::Pending) if self.sessions.has_outgoing(id) => {}
            Err(SessionError::Pending) => self.wait_to_reinvite(now, id),
            Err(_) => self.end_session(now, id, EndReason::Gone),
        }
    }
}

/// How many places may ring at once for one INVITE.
const MAX_EARLY: usize = 16;

/// Whether an answer says that the whole dialog is gone (RFC 3261 §12.2.1.2).
pub(crate) fn ends_dialog(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT
    )
}
