//! Texts from users of SIP to users of XMPP (RFC 7572, RFC 7573).
//!
//! A request is answered with 200 only when its stanza has left, so that what was acknowledged is out
//! of our hands. If that takes long it gets 202, which promises nothing. A bounce after that comes to
//! the user of SIP as a text.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use comity_policy::{Stage, Topic};
use comity_sip::endpoint::{Endpoint, Incoming};
use comity_sip::header::{CallId, MaxForwards};
use comity_sip::{StatusCode, TransactionId};
use comity_xmpp::{Message, MessageType, Stanza, StanzaCondition, StanzaError, Text};

use super::conversation::{ConversationId, Letter, Origin};
use super::marks::{Hops, MAX_FORWARDS};
use super::requests::Call;
use super::{Bridge, Timer};
use crate::failure::{self, Recipient};
use crate::rules::{Pair, Ruling, SipPeer, Towards};
use crate::text::{self, ChatState, Content};
use crate::{Dropped, Event, StanzaId, Ticket};

/// SIP requests whose stanza has not left.
#[derive(Debug, Default)]
pub(super) struct Held {
    requests: BTreeMap<StanzaId, Waiting>,
    by_transaction: BTreeMap<TransactionId, StanzaId>,
    /// Errors to users of XMPP that have not left, and the stanzas that they answer.
    refusals: BTreeMap<StanzaId, Ticket>,
    /// What the requests take that are not answered.
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    pair: Pair,
    /// `None` once it was answered with 202.
    incoming: Option<Box<Incoming>>,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes that an error which answers a stanza is on its way.
    pub(super) fn note_refusal(&mut self, id: StanzaId, ticket: Ticket) {
        self.refusals.insert(id, ticket);
    }

    fn insert(&mut self, id: StanzaId, pair: Pair, incoming: Box<Incoming>) {
        self.by_transaction.insert(incoming.id(), id);
        self.bytes += held_bytes(&incoming);
        let incoming = Some(incoming);
        self.requests.insert(id, Waiting { pair, incoming });
    }

    fn remove(&mut self, id: StanzaId) -> Option<Waiting> {
        let waiting = self.requests.remove(&id)?;
        if let Some(incoming) = &waiting.incoming {
            self.by_transaction.remove(&incoming.id());
            self.bytes -= held_bytes(incoming);
        }
        Some(waiting)
    }

    /// Takes the request alone, which is to be answered.
    fn take(&mut self, id: StanzaId) -> Option<Box<Incoming>> {
        let incoming = self.requests.get_mut(&id)?.incoming.take()?;
        self.by_transaction.remove(&incoming.id());
        self.bytes -= held_bytes(&incoming);
        Some(incoming)
    }

    /// Forgets the request of a transaction, which takes no answer any more.
    fn forget(&mut self, transaction: TransactionId) {
        if let Some(&id) = self.by_transaction.get(&transaction) {
            self.take(id);
        }
    }
}

impl Bridge {
    /// A MESSAGE outside of sessions.
    pub(super) fn handle_page(&mut self, now: Instant, endpoint: &mut Endpoint, call: Call) {
        match self.rule_call(&call, Stage::Stanza, Topic::Message) {
            Ruling::Pass(pair, _) => {
                self.take_text(now, endpoint, &pair, call.incoming, MessageType::Normal);
            }
            Ruling::Deny(denial, why) => {
                self.deny_call(now, endpoint, &call.incoming, denial, &why);
            }
        }
    }

    /// A MESSAGE or an INFO in a session. Who sent it is known from the session; the rules are asked
    /// each time, since a user may have blocked the other one meanwhile.
    pub(super) fn handle_text_in(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConversationId,
        incoming: Box<Incoming>,
    ) {
        let Some(pair) = self.conversations.get(id).map(|open| open.pair.clone()) else {
            return;
        };
        let peer = SipPeer::of(&incoming, pair.sip.domain());
        let shown = self.rules.shown_xmpp(&pair);
        let (towards, stage, topic) = (Towards::Xmpp, Stage::Stanza, Topic::Message);
        let ruling = self
            .rules
            .rule(towards, &pair.sip, &shown, stage, topic, Some(peer));
        if !self.takes_rate(now, endpoint, &incoming, &pair.sip) {
            return;
        }
        match ruling {
            Ruling::Pass(..) => self.take_text(now, endpoint, &pair, incoming, MessageType::Chat),
            Ruling::Deny(denial, why) => self.deny_call(now, endpoint, &incoming, denial, &why),
        }
    }

    fn take_text(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        incoming: Box<Incoming>,
        message_type: MessageType,
    ) {
        let content = match text::read_request(incoming.request()) {
            Ok(content) => content,
            Err(unreadable) => {
                let mut response = incoming.response(unreadable.status());
                // What fits into no header leaves the status.
                let _: Result<_, _> = unreadable.explain(&mut response);
                let _: Result<_, _> = endpoint.answer(now, &incoming, response);
                return;
            }
        };
        match content {
            Content::Text(text) => {
                self.deliver_text(now, endpoint, pair, incoming, message_type, &text);
            }
            Content::Typing(state) => {
                if message_type == MessageType::Normal {
                    self.note_typing(now, pair);
                }
                self.answer(now, endpoint, &incoming, StatusCode::OK);
                self.emit_state(pair, state);
            }
            Content::Receipt => {
                self.answer(now, endpoint, &incoming, StatusCode::OK);
                self.drop_by(Dropped::NothingToTell);
            }
        }
    }

    fn deliver_text(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        incoming: Box<Incoming>,
        message_type: MessageType,
        text: &text::Body,
    ) {
        if !self.can_hold(&incoming) {
            return self.refuse_overload(now, endpoint, &incoming);
        }
        let id = StanzaId(self.random.below(u64::MAX));
        let stanza = self.message_stanza(pair, &incoming, message_type, text);
        let stanza = stanza.with_id(&stanza_id(id));
        self.held.insert(id, pair.clone(), incoming);
        let wait = self.config.timing.accepted;
        self.timers.set_after(Timer::Accept(id), now, wait);
        let id = Some(id);
        self.events.push_back(Event::Stanza { stanza, id });
    }

    /// Whether there is room for a request that waits: for an answer, or for its stanza to leave.
    pub(super) fn can_hold(&self, incoming: &Incoming) -> bool {
        let limits = &self.config.limits;
        let (held, asked) = (&self.held, &self.identities);
        let bytes = held.bytes() + asked.bytes() + held_bytes(incoming);
        held.len() + asked.waiting() < limits.max_held_requests && bytes <= limits.max_held_bytes
    }

    fn message_stanza(
        &self,
        pair: &Pair,
        incoming: &Incoming,
        message_type: MessageType,
        text: &text::Body,
    ) -> Stanza {
        let headers = incoming.request().headers();
        let mut message = Message::new(message_type);
        message.bodies = vec![Text {
            lang: text.lang.clone(),
            text: text.text.clone(),
        }];
        if let Some(subject) = text::subject(headers) {
            let (lang, text) = (None, subject);
            message.subjects = vec![Text { lang, text }];
        }
        let call_id = headers.one::<CallId<'_>>().ok();
        message.thread = call_id.map(|call_id| call_id.as_str().into());
        if message_type == MessageType::Chat {
            message.payloads.push(text::state(ChatState::Active));
        }
        let hops = headers.optional::<MaxForwards>().ok().flatten();
        let hops = hops.and_then(MaxForwards::hops).unwrap_or(MAX_FORWARDS);
        message
            .payloads
            .push(self.mark(Hops(hops.saturating_sub(1))));
        message.stanza(self.rules.shown_sip(pair), pair.xmpp.clone())
    }

    /// Tells the user of XMPP what the other one does.
    pub(super) fn emit_state(&mut self, pair: &Pair, state: ChatState) {
        let mut message = Message::new(MessageType::Chat);
        message.payloads.push(text::state(state));
        let stanza = message.stanza(self.rules.shown_sip(pair), pair.xmpp.clone());
        self.emit(stanza);
    }

    /// Notes that a user of SIP understands outside of sessions that somebody is typing.
    fn note_typing(&mut self, now: Instant, pair: &Pair) {
        let limit = self.config.limits.max_conversations;
        if let Some(id) = self.conversations.open(pair, limit) {
            self.touch(now, id);
            if let Some(conversation) = self.conversations.get_mut(id) {
                conversation.knows_typing = true;
            }
        }
    }

    /// The stanza of a request has left.
    pub(super) fn finish_held(&mut self, now: Instant, endpoint: &mut Endpoint, id: StanzaId) {
        if let Some(ticket) = self.held.refusals.remove(&id) {
            return self.settle(Some(ticket));
        }
        self.timers.stop(Timer::Accept(id));
        let Some(waiting) = self.held.remove(id) else {
            return;
        };
        self.tally.to_xmpp += 1;
        let domain = waiting.pair.sip.domain().clone();
        self.learn_if_unknown(&domain);
        if let Some(incoming) = &waiting.incoming {
            self.answer(now, endpoint, incoming, StatusCode::OK);
        }
        self.remember_text(now, &waiting.pair, id);
    }

    fn remember_text(&mut self, now: Instant, pair: &Pair, id: StanzaId) {
        let limits = &self.config.limits;
        let (conversations, texts) = (limits.max_conversations, limits.max_recent_texts);
        if let Some(conversation) = self.conversations.open(pair, conversations) {
            self.touch(now, conversation);
            if let Some(open) = self.conversations.get_mut(conversation) {
                open.remember(id, texts);
            }
        }
    }

    /// The stanza of a request was not sent.
    pub(super) fn fail_held(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: StanzaId,
        error: &StanzaError,
    ) {
        if let Some(ticket) = self.held.refusals.remove(&id) {
            // Nobody is left to be told.
            self.drop_by(Dropped::Notice);
            return self.settle(Some(ticket));
        }
        self.timers.stop(Timer::Accept(id));
        let Some(waiting) = self.held.remove(id) else {
            return;
        };
        self.tally.returned += 1;
        match &waiting.incoming {
            Some(incoming) => {
                let (status, reason) = failure::refusal(error, Recipient::Bare);
                let contact = failure::new_address(error);
                self.redirect(now, endpoint, incoming, status, &reason, contact);
            }
            None => self.notify_failure(now, endpoint, &waiting.pair, error),
        }
    }

    /// It takes long until the stanza of a request leaves.
    pub(super) fn accept_held(&mut self, now: Instant, endpoint: &mut Endpoint, id: StanzaId) {
        match self.held.take(id) {
            Some(incoming) => {
                self.answer(now, endpoint, &incoming, StatusCode::ACCEPTED);
                let idle = self.config.timing.idle.max(Duration::from_secs(1));
                self.timers.set_after(Timer::Accept(id), now, idle);
            }
            // Nothing was heard of the stanza for so long that nothing will be.
            None => drop(self.held.remove(id)),
        }
    }

    /// Nobody waits for the answer to a request any more.
    pub(super) fn forget_transaction(&mut self, transaction: TransactionId) {
        self.held.forget(transaction);
    }

    pub(super) fn close_held(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let ids: Vec<_> = self.held.requests.keys().copied().collect();
        for id in ids {
            self.accept_held(now, endpoint, id);
        }
    }

    /// An error from the side of XMPP, about a text that the user of SIP has written.
    pub(super) fn take_bounce(&mut self, now: Instant, endpoint: &mut Endpoint, stanza: &Stanza) {
        let id = stanza.id().and_then(read_stanza_id);
        let error = stanza
            .stanza_error()
            .unwrap_or_else(|| StanzaError::new(StanzaCondition::UndefinedCondition));
        let Some(id) = id else {
            return self.drop_by(Dropped::StrayError);
        };
        let from = stanza.from().to_bare();
        let is_his = |waiting: &Waiting| waiting.pair.xmpp == from;
        if self.held.requests.get(&id).is_some_and(is_his) {
            return self.fail_held(now, endpoint, id, &error);
        }
        let Some(pair) = self.pair_on_wire(stanza) else {
            return self.drop_by(Dropped::StrayError);
        };
        let recalled = self
            .conversations
            .of_pair(&pair)
            .and_then(|conversation| self.conversations.get_mut(conversation))
            .is_some_and(|open| open.recall(id));
        match recalled {
            true => self.notify_failure(now, endpoint, &pair, &error),
            false => self.drop_by(Dropped::StrayError),
        }
    }

    /// The pair of a stanza from the side of XMPP, whatever the rules say of it.
    pub(super) fn pair_on_wire(&self, stanza: &Stanza) -> Option<Pair> {
        self.rules.pair(Towards::Sip, stanza.to(), stanza.from())
    }

    /// Tells a user of SIP that a text of his was not delivered after all.
    fn notify_failure(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        error: &StanzaError,
    ) {
        let (_, reason) = failure::refusal(error, Recipient::Bare);
        let condition = error.condition;
        let letter = Letter {
            origin: Origin::Notice,
            text: format!("Your message was not delivered: {reason} ({condition})").into(),
            subject: None,
            thread: None,
            hops: Hops(MAX_FORWARDS),
            is_again: false,
        };
        self.post(now, endpoint, pair, letter);
    }
}

/// What a request takes that waits.
pub(super) fn held_bytes(incoming: &Incoming) -> usize {
    size_of::<Incoming>() + incoming.request().as_bytes().len()
}

/// The id that a stanza has on the wire.
fn stanza_id(id: StanzaId) -> String {
    format!("b{:016x}", id.0)
}

fn read_stanza_id(text: &str) -> Option<StanzaId> {
    let digits = text.strip_prefix('b').filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().map(StanzaId)
}
