//! Sessions in which texts travel as MESSAGE: how they begin and end.
//!
//! Both users may open one. When their INVITEs cross, both sessions are accepted: texts are sent in the
//! one that was established last, and come in both.

use std::time::Instant;

use comity_policy::{Stage, Topic};
use comity_sip::endpoint::{Endpoint, Incoming};
use comity_sip::header::{ContentType, Require};
use comity_sip::{HeaderName, Method, SessionEvent, SessionId, StatusCode};
use comity_xmpp::{StanzaCondition, StanzaError};

use super::conversation::ConversationId;
use super::requests::Call;
use super::{Bridge, Timer};
use crate::config::MULTIPARTY;
use crate::rules::Ruling;
use crate::text::ChatState;
use crate::{failure, sdp};

impl Bridge {
    /// Something happened to a session.
    pub(super) fn handle_session(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        session: SessionId,
        event: SessionEvent,
    ) {
        match event {
            SessionEvent::Answered(_) => self.establish(now, endpoint, session),
            SessionEvent::Refused(response) => {
                let error = failure::stanza_error(&response);
                self.fail_session(now, endpoint, session, &error);
            }
            SessionEvent::Failed(failure) => {
                let error = failure::unanswered(&failure);
                self.fail_session(now, endpoint, session, &error);
            }
            SessionEvent::Ended(_) => self.lose_session(now, endpoint, session),
            SessionEvent::Acknowledged(_) | SessionEvent::Progress(_) | _ => {}
        }
    }

    /// Our INVITE was accepted.
    fn establish(&mut self, now: Instant, endpoint: &mut Endpoint, session: SessionId) {
        let Some(id) = self.conversations.of_session(session) else {
            // Nobody wants it any more.
            let _: Result<_, _> = endpoint.bye(now, session);
            return;
        };
        self.join(now, endpoint, id, session);
        self.advance(now, endpoint, id);
    }

    /// A session is there, by whomever.
    fn join(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConversationId,
        session: SessionId,
    ) {
        if let Some(oldest) = self.conversations.establish(id, session) {
            let _: Result<_, _> = endpoint.bye(now, oldest);
        }
        self.touch(now, id);
    }

    /// Our INVITE was not accepted: what waits for the session comes back, in its order.
    fn fail_session(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        session: SessionId,
        error: &StanzaError,
    ) {
        let Some(id) = self.conversations.leave(session) else {
            return;
        };
        let has_other = |id| {
            let conversation = self.conversations.get(id);
            conversation.is_some_and(|open| !open.sessions.is_empty())
        };
        match has_other(id) {
            true => self.advance(now, endpoint, id),
            false => self.return_all(id, error),
        }
    }

    /// A session is over. Texts that are not sent open another one; if none wait, the user of XMPP is
    /// told that the other one has left (RFC 7573 §5).
    fn lose_session(&mut self, now: Instant, endpoint: &mut Endpoint, session: SessionId) {
        let Some(id) = self.conversations.leave(session) else {
            return;
        };
        let Some(conversation) = self.conversations.get(id) else {
            return;
        };
        if conversation.sessions.is_empty() && conversation.is_quiet() {
            let pair = conversation.pair.clone();
            self.emit_state(&pair, ChatState::Gone);
        }
        self.advance(now, endpoint, id);
    }

    /// A user of SIP wants a session.
    pub(super) fn handle_invite(&mut self, now: Instant, endpoint: &mut Endpoint, call: &Call) {
        let pair = match self.rule_call(call, Stage::Stanza, Topic::Message) {
            Ruling::Pass(pair, _) => pair,
            Ruling::Deny(denial, why) => {
                return self.deny_call(now, endpoint, &call.incoming, denial, &why);
            }
        };
        if let Some((status, words)) = unfit(&call.incoming) {
            return self.refuse(now, endpoint, &call.incoming, status, words);
        }
        let limit = self.config.limits.max_conversations;
        if !self.conversations.has_room(&pair, limit) {
            return self.refuse_overload(now, endpoint, &call.incoming);
        }
        if let Some(session) = self.accept_session(now, endpoint, &call.incoming)
            && let Some(id) = self.conversations.open(&pair, limit)
        {
            self.learn_from(call);
            self.join(now, endpoint, id, session);
            self.advance(now, endpoint, id);
        }
    }

    fn accept_session(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
    ) -> Option<SessionId> {
        let body = incoming.request().body();
        let description = match body.is_empty() {
            // The other side wants our offer.
            true => Some(sdp::offer()),
            false => sdp::answer(&body),
        };
        let Some(description) = description else {
            let words = "only texts over SIP are understood";
            let status = StatusCode::NOT_ACCEPTABLE_HERE;
            self.refuse(now, endpoint, incoming, status, words);
            return None;
        };
        match endpoint.accept(now, incoming, sdp::CONTENT_TYPE, description) {
            Ok(session) => Some(session),
            Err(error) => {
                let status = StatusCode::TEMPORARILY_UNAVAILABLE;
                self.refuse(now, endpoint, incoming, status, &error.to_string());
                None
            }
        }
    }

    /// A request in a session.
    #[expect(clippy::wildcard_enum_match_arm, reason = "any token is a method")]
    pub(super) fn handle_in_session(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        session: SessionId,
        incoming: Box<Incoming>,
    ) {
        let Some(id) = self.conversations.of_session(session) else {
            let status = StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST;
            return self.answer(now, endpoint, &incoming, status);
        };
        match incoming.request().method() {
            Method::Message | Method::Info => {
                self.touch(now, id);
                self.handle_text_in(now, endpoint, id, incoming);
            }
            Method::Invite => {
                self.accept_session(now, endpoint, &incoming);
            }
            Method::Options | Method::Update => {
                self.answer(now, endpoint, &incoming, StatusCode::OK);
            }
            _ => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                self.refuse(now, endpoint, &incoming, status, status.phrase());
            }
        }
    }

    /// Nobody has said anything for long: the sessions end, unless a text is under way.
    pub(super) fn end_idle(&mut self, now: Instant, endpoint: &mut Endpoint, id: ConversationId) {
        match self.conversations.get(id) {
            Some(conversation) if !conversation.is_quiet() => self.touch(now, id),
            Some(_) => self.end_conversation(now, endpoint, id),
            None => {}
        }
    }

    /// Ends a conversation with its sessions; texts that wait come back.
    pub(super) fn end_conversation(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConversationId,
    ) {
        self.timers.stop(Timer::Idle(id));
        let Some((sessions, letters)) = self.conversations.close(id) else {
            return;
        };
        for session in sessions {
            let _: Result<_, _> = endpoint.bye(now, session);
        }
        let mut error = StanzaError::new(StanzaCondition::RecipientUnavailable);
        error.text = Some("the conversation was ended".into());
        for letter in letters {
            self.return_letter(letter, &error);
        }
    }

    pub(super) fn close_conversations(&mut self, now: Instant, endpoint: &mut Endpoint) {
        for id in self.conversations.ids() {
            self.end_conversation(now, endpoint, id);
        }
    }

    /// The other side knows the sessions of a conversation no more.
    pub(super) fn leave_sessions(&mut self, id: ConversationId) {
        let sessions = self.conversations.get(id).map(|open| open.sessions.clone());
        for session in sessions.unwrap_or_default() {
            self.conversations.leave(session);
        }
    }
}

/// Why a session cannot be had, with the status and in words.
fn unfit(incoming: &Incoming) -> Option<(StatusCode, &'static str)> {
    let headers = incoming.request().headers();
    let is_conference = headers
        .optional::<ContentType<'_>>()
        .ok()
        .flatten()
        .is_some_and(|kind| kind.is("application", "ms-conf-invite+xml"));
    let wants_more = headers
        .all::<Require<'_>>()
        .filter_map(Result::ok)
        .any(|tag| tag.is(MULTIPARTY));
    let is_triggered = headers
        .find("TriggeredInvite")
        .any(|header| header.value().eq_ignore_ascii_case(b"TRUE"));
    // One address more than two means a third user.
    let endpoints: usize = headers
        .find("EndPoints")
        .map(|header| header.value().iter().filter(|byte| **byte == b'<').count())
        .sum();
    if is_conference || wants_more || is_triggered || endpoints > 2 {
        return Some((
            StatusCode::NOT_ACCEPTABLE_HERE,
            "conversations of more than two are not supported",
        ));
    }
    let is_other = headers.has(HeaderName::ContentType)
        && !headers
            .optional::<ContentType<'_>>()
            .ok()
            .flatten()
            .is_some_and(|kind| kind.is("application", "sdp"));
    is_other.then_some((
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "a session is described by application/sdp",
    ))
}
