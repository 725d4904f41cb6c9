//! The side that answers an INVITE.

use std::time::Instant;

use bytes::Bytes;

use super::{
    Accepted, EndReason, Session, SessionError, SessionEvent, SessionId, SessionTimer, Side,
};
use crate::endpoint::{Event, Incoming, Peer, Timer, contact, options};
use crate::header::{CSeq, To};
use crate::transaction::TransactionId;
use crate::{
    BuildError, Dialog, DialogId, Endpoint, Flow, HeaderName, Method, Request, ResponseBuilder,
    StatusCode,
};

impl Endpoint {
    /// Accepts an INVITE with 200: a session begins, or goes on with another description. The 200 is
    /// repeated until the ACK comes ([`SessionEvent::Acknowledged`]).
    ///
    /// # Errors
    ///
    /// If the request is no INVITE that waits for an answer, or has no Contact, or there are too many
    /// sessions. It is not answered then.
    pub fn accept(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        content_type: &str,
        body: Bytes,
    ) -> Result<SessionId, SessionError> {
        if !incoming.is_invite() || !self.core.table.is_unanswered(incoming.id) {
            return Err(SessionError::Over);
        }
        let mut response = self.dialog_response(incoming, StatusCode::OK)?;
        response.body(content_type, body)?;
        let session = match incoming.session {
            Some(session) if self.sessions.get_mut(session).is_some() => session,
            Some(_) => return Err(SessionError::Unknown),
            None => self.early_session(incoming)?,
        };
        let number = incoming.request.headers().one::<CSeq<'_>>();
        let number = number.map_err(crate::DialogError::from)?.number;
        let response = self.core.finish(response);
        let message = response.clone();
        let sent = self
            .core
            .table
            .respond(now, incoming.id, StatusCode::OK, message);
        sent.map_err(|crate::transaction::Closed| SessionError::Over)?;
        self.sessions.invites.remove(&incoming.id);
        if let Some(entry) = self.sessions.get_mut(session) {
            entry.is_established = true;
            entry.incoming = None;
            let interval = self.core.config.timing.t1;
            entry.accepted = Some(Accepted {
                transaction: incoming.id,
                number,
                response,
                interval,
            });
            let timing = &self.core.config.timing;
            let timers = &mut self.core.timers;
            let timer = |timer| Timer::Session(session, timer);
            timers.set_after(timer(SessionTimer::Again), now, interval);
            timers.set_after(timer(SessionTimer::NoAck), now, timing.timeout());
        }
        self.settle(now);
        Ok(session)
    }

    /// A response that tells the peer where the requests of a dialog come in, and on which way.
    pub(crate) fn dialog_response(
        &self,
        incoming: &Incoming,
        status: StatusCode,
    ) -> Result<ResponseBuilder, BuildError> {
        let mut response = incoming.response(status);
        self.describe_dialog(incoming, &mut response)?;
        options::allow(&self.core.config, &mut response);
        Ok(response)
    }

    /// Adds what begins a dialog: Record-Route, and our Contact (RFC 3261 §12.1.1).
    pub(crate) fn describe_dialog(
        &self,
        incoming: &Incoming,
        response: &mut ResponseBuilder,
    ) -> Result<(), BuildError> {
        let headers = incoming.request.headers();
        response.copy(headers, HeaderName::RecordRoute)?;
        let scheme = incoming.request.uri().scheme();
        let listener = self.core.listener_of(incoming);
        let to = headers.one::<To<'_>>().ok();
        let user = to.and_then(|to| to.uri().user());
        if let Some(listener) = listener
            && let Ok(contact) = contact(scheme, user.as_deref(), listener)
        {
            response.header(HeaderName::Contact, contact)?;
        }
        Ok(())
    }

    /// The session of an INVITE that is not answered yet, which is early from the first answer with
    /// a tag on (RFC 3261 §12.1).
    pub(crate) fn early_session(&mut self, incoming: &Incoming) -> Result<SessionId, SessionError> {
        if let Some(session) = self.sessions.of_invite(incoming.id) {
            return Ok(session);
        }
        if self.sessions.len() >= self.core.config.limits.max_dialogs as usize {
            return Err(SessionError::Overloaded);
        }
        let dialog = Dialog::answering(&incoming.request, incoming.tag.as_str())?;
        if self.sessions.of_dialog(dialog.id()).is_some() {
            return Err(SessionError::Pending);
        }
        if !self.shares.take(incoming.source.ip()) {
            return Err(SessionError::Overloaded);
        }
        let mut session = Session::new(Side::Callee);
        session.source = Some(incoming.source.ip());
        session.peer = Peer {
            guard: incoming.guard.clone(),
            flow: Some(incoming.flow),
        };
        session.dialogs.push(dialog);
        session.incoming = Some(incoming.id);
        Ok(self.sessions.insert(session))
    }

    /// An ACK to a 2xx.
    pub(crate) fn handle_ack(&mut self, now: Instant, request: Request, flow: Flow) {
        let id = DialogId::of_request(&request);
        let session = id.ok().and_then(|id| self.sessions.of_dialog(&id));
        let Some(session) = session else {
            self.core.counters.stray_acks += 1;
            return;
        };
        let number = request.headers().one::<CSeq<'_>>().map(|cseq| cseq.number);
        let Some(entry) = self.sessions.get_mut(session) else {
            return;
        };
        if !entry.peer.guard.admits(self.core.proved(flow)) {
            self.core.counters.stray_acks += 1;
            return;
        }
        if let Some(accepted) = &entry.accepted
            && number == Ok(accepted.number)
        {
            entry.accepted = None;
            let is_leaving = entry.is_leaving;
            for timer in [SessionTimer::Again, SessionTimer::NoAck] {
                self.core.timers.stop(Timer::Session(session, timer));
            }
            if is_leaving {
                self.leave_session(now, session);
            } else {
                self.tell(session, SessionEvent::Acknowledged(Box::new(request)));
            }
        }
    }

    /// A request in a session.
    pub(crate) fn dispatch_in_session(
        &mut self,
        now: Instant,
        id: SessionId,
        dialog: &DialogId,
        mut incoming: Box<Incoming>,
    ) {
        let seconds = self.core.random.below(11);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if !session.peer.guard.admits(incoming.proved()) {
            return self.core.refuse_with(now, &incoming, StatusCode::FORBIDDEN);
        }
        session.peer.flow = Some(incoming.flow);
        let in_order = session
            .dialog_of(dialog)
            .is_some_and(|dialog| dialog.handle_request(&incoming.request).is_ok());
        if !in_order {
            return self
                .core
                .refuse_with(now, &incoming, StatusCode::SERVER_INTERNAL_ERROR);
        }
        match incoming.request.method() {
            Method::Bye => {
                self.core.refuse_with(now, &incoming, StatusCode::OK);
                self.end_session(now, id, EndReason::Bye);
                return;
            }
            Method::Invite if session.outgoing.is_some() => {
                return self
                    .core
                    .refuse_with(now, &incoming, StatusCode::REQUEST_PENDING);
            }
            // RFC 3261 §14.2.
            Method::Invite if session.incoming.is_some() || session.accepted.is_some() => {
                let mut response = incoming.response(StatusCode::SERVER_INTERNAL_ERROR);
                let _: Result<_, BuildError> = response.header(HeaderName::RetryAfter, seconds);
                return self.core.respond(now, incoming.id, response);
            }
            Method::Invite => {
                session.incoming = Some(incoming.id);
                self.sessions.invites.insert(incoming.id, id);
            }
            Method::Options => {
                let response = options::answer(&self.core.config, &incoming);
                return self.core.respond(now, incoming.id, response);
            }
            // We never send a provisional response that asks for one.
            Method::Prack => {
                let status = StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST;
                return self.core.refuse_with(now, &incoming, status);
            }
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Message
            | Method::Info
            | Method::Update
            | Method::Refer
            | Method::Publish
            | Method::Benotify
            | Method::Service
            | Method::Negotiate
            | Method::Extension(_) => {}
        }
        incoming.session = Some(id);
        self.core.events.push_back(Event::Request(incoming));
    }

    /// An INVITE of a session got a final answer that is no 2xx, was cancelled, or waited too long.
    pub(crate) fn forget_invite(&mut self, invite: TransactionId) {
        let Some(id) = self.sessions.invites.remove(&invite) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.incoming = None;
        if !session.is_established {
            self.drop_session(id);
        }
    }

    /// Ends a session that the peer ended, or that cannot go on.
    pub(crate) fn end_session(&mut self, now: Instant, id: SessionId, reason: EndReason) {
        let Some(session) = self.drop_session(id) else {
            return;
        };
        if let Some(invite) = session.incoming {
            self.core.table.terminate(now, invite);
        }
        if let Some(request) = session.outgoing {
            self.core.cancel(now, request);
        }
        if !session.is_leaving {
            self.tell(id, SessionEvent::Ended(reason));
        }
    }

    /// Ends a session that the user has left, of which nothing more is told.
    fn leave_session(&mut self, now: Instant, id: SessionId) {
        // Without room for a BYE the peer finds out with its next request.
        let _: Result<_, SessionError> = self.send_bye(now, id);
        self.drop_session(id);
    }

    pub(crate) fn drop_session(&mut self, id: SessionId) -> Option<Session> {
        for timer in [
            SessionTimer::Again,
            SessionTimer::NoAck,
            SessionTimer::Reinvite,
        ] {
            self.core.timers.stop(Timer::Session(id, timer));
        }
        let session = self.sessions.remove(id)?;
        if let Some(source) = session.source {
            self.shares.give_back(source);
        }
        Some(session)
    }

    pub(crate) fn handle_session_timeout(
        &mut self,
        now: Instant,
        id: SessionId,
        timer: SessionTimer,
    ) {
        match timer {
            SessionTimer::Again => self.repeat_answer(now, id),
            SessionTimer::NoAck if self.sessions.is_leaving(id) => self.leave_session(now, id),
            SessionTimer::NoAck => {
                // The peer may have answered and not know that we did not hear it.
                let _: Result<_, SessionError> = self.send_bye(now, id);
                self.end_session(now, id, EndReason::NoAck);
            }
            SessionTimer::Reinvite => self.repeat_invite(now, id),
        }
    }

    fn repeat_answer(&mut self, now: Instant, id: SessionId) {
        let timing = self.core.config.timing;
        let Some(accepted) = self
            .sessions
            .get_mut(id)
            .and_then(|session| session.accepted.as_mut())
        else {
            return;
        };
        accepted.interval = accepted.interval.saturating_mul(2).min(timing.t2);
        let (interval, transaction) = (accepted.interval, accepted.transaction);
        let response = accepted.response.clone();
        let timer = Timer::Session(id, SessionTimer::Again);
        self.core.timers.set_after(timer, now, interval);
        // The transaction is over when the wait for the ACK is.
        let _: Result<_, _> = self
            .core
            .table
            .respond(now, transaction, StatusCode::OK, response);
    }

    pub(crate) fn tell(&mut self, session: SessionId, event: SessionEvent) {
        self.core
            .events
            .push_back(Event::Session { session, event });
    }
}
