//! Texts from users of XMPP to users of SIP (RFC 7572, RFC 7573).
//!
//! To a Microsoft server a text goes in a session, which is opened for it; to others as a MESSAGE of
//! its own, unless the other side has opened a session. Texts of one pair go one after the other, each
//! when the one before it was answered.

use std::time::Instant;

use comity_policy::{Denial, PeerKind, Stage, Topic};
use comity_sip::endpoint::{self, Endpoint, RequestId};
use comity_sip::header::{CSeq, MaxForwards};
use comity_sip::{
    AddressBuilder, HeaderName, Method, RequestBuilder, Response, SessionId, StatusCode, UriBuf,
};
use comity_xmpp::{Message, MessageType, Stanza, StanzaCondition, StanzaError, StanzaKind};

use super::conversation::{ConversationId, End, Letter, Origin};
use super::failures::{self, Unaddressable};
use super::marks::Hops;
use super::{Bridge, Timer};
use crate::address::to_bare_uri;
use crate::failure;
use crate::rules::{Pair, Ruling, Towards};
use crate::text::{self, ChatState};
use crate::{Dropped, Ticket, sdp};

impl Bridge {
    /// A message from a user of XMPP to one of SIP.
    pub(super) fn take_message(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: &Stanza,
        ticket: Option<Ticket>,
        hops: Hops,
    ) {
        let message = match Message::try_from(stanza) {
            Ok(message) => message,
            Err(error) => {
                let error = StanzaError::new(error.condition());
                return self.bounce(stanza, ticket, &error);
            }
        };
        if message.message_type == MessageType::Error {
            self.take_bounce(now, endpoint, stanza);
            return self.settle(ticket);
        }
        if let Some(error) = unfit(&message) {
            return self.bounce(stanza, ticket, &error);
        }
        let pair = match self.rule_message(stanza) {
            Ruling::Pass(pair, _) => pair,
            Ruling::Deny(denial, why) => return self.deny_stanza(stanza, ticket, denial, &why),
        };
        match message.body().filter(|body| !body.is_empty()) {
            Some(body) => {
                let origin = Origin::Stanza {
                    wants_receipt: text::wants_receipt(&message),
                    stanza: Box::new(outline(stanza)),
                    ticket,
                };
                let letter = Letter {
                    origin,
                    text: body.into(),
                    subject: message.subjects.first().map(|subject| subject.text.clone()),
                    thread: message.thread.clone(),
                    hops,
                    is_again: false,
                };
                self.post(now, endpoint, &pair, letter);
            }
            None => {
                self.take_state(now, endpoint, &pair, &message);
                self.settle(ticket);
            }
        }
    }

    fn rule_message(&self, stanza: &Stanza) -> Ruling {
        let (sip, xmpp) = (stanza.to(), stanza.from());
        self.rules
            .rule(Towards::Sip, sip, xmpp, Stage::Stanza, Topic::Message, None)
    }

    /// Shows a refusal of the rules to the sender of a stanza.
    pub(super) fn deny_stanza(
        &mut self,
        stanza: &Stanza,
        ticket: Option<Ticket>,
        denial: Denial,
        why: &str,
    ) {
        self.note_refusal(why);
        let condition = match denial {
            Denial::Drop => {
                self.drop_by(Dropped::ByPolicy);
                return self.settle(ticket);
            }
            Denial::Polite => StanzaCondition::RecipientUnavailable,
            Denial::OwnBlock => StanzaCondition::NotAcceptable,
            Denial::Refuse => StanzaCondition::Forbidden,
        };
        self.bounce(stanza, ticket, &StanzaError::new(condition));
    }

    /// Puts a text into the queue of its conversation, and has it sent.
    pub(super) fn post(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        letter: Letter,
    ) {
        let limits = &self.config.limits;
        let id = self
            .conversations
            .takes(pair, &letter, limits)
            .then(|| self.conversations.open(pair, limits.max_conversations))
            .flatten();
        let Some(id) = id else {
            let mut error = StanzaError::new(StanzaCondition::ResourceConstraint);
            error.text = Some("too many texts wait for the other side".into());
            return self.return_letter(letter, &error);
        };
        self.conversations.push(id, letter, End::Back);
        self.touch(now, id);
        self.advance(now, endpoint, id);
    }

    /// Sends the next text of a conversation if nothing stands in the way.
    pub(super) fn advance(&mut self, now: Instant, endpoint: &mut Endpoint, id: ConversationId) {
        loop {
            let Some(conversation) = self.conversations.get(id) else {
                return;
            };
            if conversation.is_leaving && conversation.is_quiet() {
                return self.end_conversation(now, endpoint, id);
            }
            if conversation.is_flying() || conversation.queued() == 0 {
                return;
            }
            let session = conversation.sessions.last().copied();
            let pair = conversation.pair.clone();
            let kind = self.rules.kind(pair.sip.domain());
            match (session, conversation.opening, kind) {
                (Some(session), _, _) => self.send_in(now, endpoint, id, session),
                (None, Some(_), _) => return,
                (None, None, PeerKind::Microsoft) => {
                    return self.open_session(now, endpoint, id, &pair);
                }
                (None, None, PeerKind::Standard | _) => self.send_page(now, endpoint, id, &pair),
            }
        }
    }

    fn send_in(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConversationId,
        session: SessionId,
    ) {
        let Some(letter) = self.conversations.pop(id) else {
            return;
        };
        let kind = self.kind_of(id);
        let (content_type, body) = text::write(&letter.text, kind);
        let content = Some((content_type.as_str(), body));
        let hops = MaxForwards(letter.hops.0.into());
        match endpoint.request_in_within(now, session, Method::Message, hops, content) {
            Ok(request) => self.conversations.fly(id, request, letter),
            // It has just ended: the next round opens another.
            Err(comity_sip::SessionError::Unknown) if !letter.is_again => {
                self.conversations.leave(session);
                let letter = Letter {
                    is_again: true,
                    ..letter
                };
                self.conversations.push(id, letter, End::Front);
            }
            Err(error) => self.return_letter(letter, &failures::not_sent(&error.to_string())),
        }
    }

    fn send_page(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConversationId,
        pair: &Pair,
    ) {
        let Some(letter) = self.conversations.pop(id) else {
            return;
        };
        let (content_type, body) = text::write(&letter.text, self.rules.kind(pair.sip.domain()));
        let thread = letter
            .thread
            .as_deref()
            .filter(|thread| fits_call_id(thread));
        let request = self
            .compose(Method::Message, pair, letter.hops, thread)
            .and_then(|mut request| {
                if let Some(subject) = &letter.subject {
                    // One that fits into no line is left out.
                    let _: Result<_, _> = request.header(HeaderName::Subject, subject);
                }
                request.body(&content_type, body)?;
                Ok(request)
            });
        let sent = match request {
            Ok(request) => endpoint
                .send(now, &request, Vec::new())
                .map_err(|error| failures::of_send(&error)),
            Err(error) => Err(failures::not_sent(&error.to_string())),
        };
        match sent {
            Ok(request) => self.conversations.fly(id, request, letter),
            Err(error) => self.return_letter(letter, &error),
        }
    }

    fn open_session(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConversationId,
        pair: &Pair,
    ) {
        let conversation_id = format!("{:016x}", self.random.below(u64::MAX));
        let invite = self
            .compose(Method::Invite, pair, Hops(super::marks::MAX_FORWARDS), None)
            .and_then(|mut invite| {
                // The same twice is refused by Microsoft's servers.
                invite
                    .header("Ms-Conversation-ID", &conversation_id)?
                    .body(sdp::CONTENT_TYPE, sdp::offer())?;
                Ok(invite)
            });
        let invited = match invite {
            Ok(invite) => endpoint
                .invite(now, &invite, Vec::new())
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match invited {
            Ok(session) => self.conversations.begin_opening(id, session),
            Err(error) => self.return_all(id, &failures::not_sent(&error)),
        }
    }

    /// A request from a user of XMPP to one of SIP, outside of dialogs. Its Call-ID is the thread of
    /// the conversation if there is one (RFC 7572 §4); the tag makes it a request of its own.
    ///
    /// # Errors
    ///
    /// An address fits into no URI, which those that came from SIP do.
    pub(super) fn compose(
        &mut self,
        method: Method<'_>,
        pair: &Pair,
        hops: Hops,
        thread: Option<&str>,
    ) -> Result<RequestBuilder, Unaddressable> {
        let (to, from) = self.uris(pair)?;
        let tag = self.random.below(u64::MAX);
        let call_id = match thread {
            Some(thread) => thread.to_owned(),
            None => hex(&self.random.bytes::<16>()),
        };
        let mut request = RequestBuilder::new(method, to.as_uri())?;
        let from = AddressBuilder::new(from.as_uri()).param("tag", &format!("{tag:016x}"))?;
        request
            .header(HeaderName::From, from)?
            .header(HeaderName::To, AddressBuilder::new(to.as_uri()))?
            .header(HeaderName::CallId, call_id)?
            .header(HeaderName::CSeq, CSeq::new(1, method))?
            .header(HeaderName::MaxForwards, MaxForwards(hops.0.into()))?;
        Ok(request)
    }

    /// Whom a pair is on SIP: the user of SIP, and by what he knows the user of XMPP.
    pub(super) fn uris(&self, pair: &Pair) -> Result<(UriBuf, UriBuf), Unaddressable> {
        let to = to_bare_uri(&pair.sip)?;
        let from = to_bare_uri(&self.rules.shown_xmpp(pair))?;
        Ok((to, from))
    }

    /// A request of ours got a response.
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        request: RequestId,
        response: &Response,
    ) {
        let status = response.status();
        if status.is_provisional() {
            return;
        }
        let Some((id, letter)) = self.conversations.land(request) else {
            return;
        };
        if status.is_success() {
            self.deliver_letter(id, letter, status);
        } else if status == StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST && !letter.is_again {
            // The other side has forgotten the session, and has not taken the text: it goes once more,
            // in another.
            self.leave_sessions(id);
            let letter = Letter {
                is_again: true,
                ..letter
            };
            self.conversations.push(id, letter, End::Front);
        } else {
            self.return_letter(letter, &failure::stanza_error(response));
        }
        self.advance(now, endpoint, id);
    }

    /// A request of ours got none.
    pub(super) fn handle_failure(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        request: RequestId,
        failure: endpoint::Failure,
    ) {
        if let Some((id, letter)) = self.conversations.land(request) {
            let error = failure::unanswered(&failure);
            self.return_letter(letter, &error);
            // What waits behind it would wait as long, and for nothing.
            self.return_all(id, &error);
            self.advance(now, endpoint, id);
        }
    }

    /// A text has arrived.
    fn deliver_letter(&mut self, id: ConversationId, letter: Letter, status: StatusCode) {
        let Origin::Stanza {
            stanza,
            ticket,
            wants_receipt,
        } = letter.origin
        else {
            return;
        };
        self.tally.to_sip += 1;
        if let Some(conversation) = self.conversations.get(id) {
            let domain = conversation.pair.sip.domain().clone();
            self.learn_if_unknown(&domain);
        }
        // 202 says that it is on its way.
        if wants_receipt
            && status == StatusCode::OK
            && let Some(received) = stanza.id()
        {
            let receipt = Stanza::new(
                StanzaKind::Message,
                stanza.to().clone(),
                stanza.from().clone(),
            );
            self.emit(receipt.with_payload(text::receipt(received)));
        }
        self.settle(ticket);
    }

    /// A text comes back to its sender.
    pub(super) fn return_letter(&mut self, letter: Letter, error: &StanzaError) {
        match letter.origin {
            Origin::Stanza { stanza, ticket, .. } => {
                self.tally.returned += 1;
                self.bounce(&stanza, ticket, error);
            }
            Origin::Notice => self.drop_by(Dropped::Notice),
        }
    }

    /// All texts of a conversation come back.
    pub(super) fn return_all(&mut self, id: ConversationId, error: &StanzaError) {
        for letter in self.conversations.pop_all(id) {
            self.return_letter(letter, error);
        }
    }

    fn kind_of(&self, id: ConversationId) -> PeerKind {
        let conversation = self.conversations.get(id);
        conversation.map_or(PeerKind::Standard, |open| {
            self.rules.kind(open.pair.sip.domain())
        })
    }

    /// What the user of XMPP does is told to the one of SIP, if they have a session, or if he has shown
    /// that he understands it.
    fn take_state(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        message: &Message,
    ) {
        let conversation = self.conversations.of_pair(pair);
        let (Some(state), Some(id)) = (text::chat_state(message), conversation) else {
            return self.drop_by(Dropped::NothingToTell);
        };
        if state == ChatState::Gone {
            if let Some(conversation) = self.conversations.get_mut(id) {
                conversation.is_leaving = true;
            }
            // What she has written before goes first.
            return self.advance(now, endpoint, id);
        }
        self.tell_state(now, endpoint, id, state);
    }

    fn tell_state(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConversationId,
        state: ChatState,
    ) {
        let kind = self.kind_of(id);
        let Some(conversation) = self.conversations.get_mut(id) else {
            return;
        };
        let is_composing = state == ChatState::Composing;
        let was_composing = conversation.told_state == Some(ChatState::Composing);
        // A text under way ends the state by itself.
        if conversation.is_flying() || conversation.queued() > 0 || is_composing == was_composing {
            return self.drop_by(Dropped::NothingToTell);
        }
        let pair = conversation.pair.clone();
        let (session, knows_typing) = (
            conversation.sessions.last().copied(),
            conversation.knows_typing,
        );
        if session.is_some() || knows_typing {
            conversation.told_state = Some(state);
        }
        let typing = text::write_typing(state, kind);
        let method = match kind {
            PeerKind::Microsoft => Method::Info,
            PeerKind::Standard | _ => Method::Message,
        };
        // Nobody waits for what becomes of it.
        match session {
            Some(session) => {
                let content = Some((typing.0, typing.1));
                let _: Result<_, _> = endpoint.request_in(now, session, method, content);
            }
            None if knows_typing => {
                let hops = Hops(super::marks::MAX_FORWARDS);
                if let Ok(mut request) = self.compose(Method::Message, &pair, hops, None)
                    && request.body(typing.0, typing.1).is_ok()
                {
                    let _: Result<_, _> = endpoint.send(now, &request, Vec::new());
                }
            }
            None => self.drop_by(Dropped::NothingToTell),
        }
    }

    /// Somebody has written, or a session has begun.
    pub(super) fn touch(&mut self, now: Instant, id: ConversationId) {
        let idle = self.config.timing.idle;
        self.timers.set_after(Timer::Idle(id), now, idle);
    }
}

/// Why a message can be none for a user of SIP.
fn unfit(message: &Message) -> Option<StanzaError> {
    if message.message_type == MessageType::Groupchat {
        return Some(refusal("there are no rooms on the other side"));
    }
    let invites = |payload: &comity_xmpp::xml::Element| {
        payload.is(CONFERENCE, "x")
            || payload.is(MUC_USER, "x") && payload.child(MUC_USER, "invite").is_some()
    };
    message
        .payloads
        .iter()
        .any(invites)
        .then(|| refusal("the other side cannot be invited to a room"))
}

fn refusal(words: &str) -> StanzaError {
    let mut error = StanzaError::new(StanzaCondition::NotAcceptable);
    error.text = Some(words.into());
    error
}

/// What of a stanza its error needs.
pub(super) fn outline(stanza: &Stanza) -> Stanza {
    let outline = Stanza::new(stanza.kind(), stanza.from().clone(), stanza.to().clone());
    match stanza.id() {
        Some(id) => outline.with_id(id),
        None => outline,
    }
}

/// Whether a thread can be a Call-ID.
fn fits_call_id(thread: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+*!%@".contains(&byte);
    let mut parts = thread.split('@');
    let words = parts.by_ref().take(2).all(|part| !part.is_empty());
    words && parts.next().is_none() && thread.len() <= 128 && thread.bytes().all(is_word)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An invitation to a room (XEP-0249).
const CONFERENCE: &str = "jabber:x:conference";
/// One by way of the room (XEP-0045 §7.8.2).
const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
