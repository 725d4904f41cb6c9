//! Conversations: what two users who write to each other have open.

use std::collections::{BTreeMap, VecDeque};

use comity_identity::DomainName;
use comity_sip::SessionId;
use comity_sip::endpoint::RequestId;
use comity_xmpp::{Jid, Stanza};

use super::marks::Hops;
use crate::rules::Pair;
use crate::text::ChatState;
use crate::{Limits, StanzaId, Ticket};

/// One conversation, never one that was there before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ConversationId(u64);

/// All conversations.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    all: BTreeMap<ConversationId, Conversation>,
    by_pair: BTreeMap<Pair, ConversationId>,
    by_session: BTreeMap<SessionId, ConversationId>,
    by_request: BTreeMap<RequestId, ConversationId>,
    next: u64,
    queued_bytes: usize,
    /// The same by the domain that the texts are for.
    queued_for: BTreeMap<DomainName, usize>,
}

/// What two users have open.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) pair: Pair,
    /// Texts for the user of SIP.
    queue: VecDeque<Letter>,
    in_flight: Option<(RequestId, Letter)>,
    /// Sessions that are established, the newest last. Texts are sent in that one, and come in any.
    pub(super) sessions: Vec<SessionId>,
    /// Our INVITE that is not answered.
    pub(super) opening: Option<SessionId>,
    /// Texts that the user of XMPP was sent: a bounce of one is told to the user of SIP.
    recent: VecDeque<StanzaId>,
    /// What the user of SIP was told that the other one does.
    pub(super) told_state: Option<ChatState>,
    /// He has told outside of sessions that he was typing, and so understands it.
    pub(super) knows_typing: bool,
    /// The user of XMPP has left: it ends when what she has written is settled.
    pub(super) is_leaving: bool,
}

/// A text for a user of SIP.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) origin: Origin,
    pub(super) text: Box<str>,
    pub(super) subject: Option<Box<str>>,
    pub(super) thread: Option<Box<str>>,
    pub(super) hops: Hops,
    /// It was refused once because the session was gone.
    pub(super) is_again: bool,
}

/// Where a text comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// A user of XMPP. Of the stanza is kept what its error needs: addresses and id.
    Stanza {
        stanza: Box<Stanza>,
        ticket: Option<Ticket>,
        wants_receipt: bool,
    },
    /// The bridge: a text of his was not delivered.
    Notice,
}

impl Letter {
    fn bytes(&self) -> usize {
        let stanza = match &self.origin {
            Origin::Stanza { stanza, .. } => {
                let id = stanza.id().map_or(0, str::len);
                id + jid_bytes(stanza.from()) + jid_bytes(stanza.to())
            }
            Origin::Notice => 0,
        };
        let beside = [&self.subject, &self.thread];
        let beside: usize = beside.into_iter().flatten().map(|text| text.len()).sum();
        LETTER_BYTES + self.text.len() + beside + stanza
    }
}

fn jid_bytes(jid: &Jid) -> usize {
    let parts = [jid.local(), jid.resource()];
    let parts: usize = parts.into_iter().flatten().map(str::len).sum();
    parts + jid.domain().as_str().len()
}

impl Conversations {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    pub(super) fn letters(&self) -> usize {
        let letters = |conversation: &Conversation| {
            conversation.queue.len() + usize::from(conversation.in_flight.is_some())
        };
        self.all.values().map(letters).sum()
    }

    pub(super) fn ids(&self) -> Vec<ConversationId> {
        self.all.keys().copied().collect()
    }

    pub(super) fn get(&self, id: ConversationId) -> Option<&Conversation> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.all.get_mut(&id)
    }

    pub(super) fn of_pair(&self, pair: &Pair) -> Option<ConversationId> {
        self.by_pair.get(pair).copied()
    }

    pub(super) fn of_session(&self, session: SessionId) -> Option<ConversationId> {
        self.by_session.get(&session).copied()
    }

    /// Whether there is room for a text. One domain takes a quarter of all bytes at most.
    pub(super) fn takes(&self, pair: &Pair, letter: &Letter, limits: &Limits) -> bool {
        let open = self.of_pair(pair).and_then(|id| self.get(id));
        let queued = open.map_or(0, Conversation::queued);
        let share = self.queued_for.get(pair.sip.domain()).copied();
        let bytes = letter.bytes();
        self.has_room(pair, limits.max_conversations)
            && queued < limits.max_queued_texts
            && self.queued_bytes.saturating_add(bytes) <= limits.max_queued_bytes
            && share.unwrap_or_default().saturating_add(bytes) <= limits.max_queued_bytes / 4
    }

    /// Forgets one of the oldest conversations, if it is but a memory.
    fn forget_quiet(&mut self) -> Option<()> {
        let mut oldest = self.all.iter().take(MAX_LOOKED_AT);
        let (&id, _) = oldest.find(|(_, open)| open.is_quiet() && open.sessions.is_empty())?;
        self.close(id).map(|_| ())
    }

    fn count(&mut self, id: ConversationId, bytes: usize) {
        self.queued_bytes += bytes;
        if let Some(conversation) = self.all.get(&id) {
            let domain = conversation.pair.sip.domain().clone();
            *self.queued_for.entry(domain).or_default() += bytes;
        }
    }

    fn discount(&mut self, domain: &DomainName, bytes: usize) {
        self.queued_bytes -= bytes;
        if let Some(queued) = self.queued_for.get_mut(domain) {
            *queued -= bytes;
            if *queued == 0 {
                self.queued_for.remove(domain);
            }
        }
    }

    /// Whether a pair has a conversation, or may have one.
    pub(super) fn has_room(&self, pair: &Pair, limit: usize) -> bool {
        let is_memory = |open: &Conversation| open.is_quiet() && open.sessions.is_empty();
        self.all.len() < limit
            || self.by_pair.contains_key(pair)
            || self.all.values().take(MAX_LOOKED_AT).any(is_memory)
    }

    /// The conversation of a pair, a new one if there is none; `None` if there are `limit`.
    pub(super) fn open(&mut self, pair: &Pair, limit: usize) -> Option<ConversationId> {
        if let Some(id) = self.of_pair(pair) {
            return Some(id);
        }
        if self.all.len() >= limit {
            self.forget_quiet()?;
        }
        let id = ConversationId(self.next);
        self.next += 1;
        self.by_pair.insert(pair.clone(), id);
        self.all.insert(id, Conversation::new(pair.clone()));
        Some(id)
    }

    /// Forgets a conversation, and gives its sessions and the texts that wait in it.
    pub(super) fn close(&mut self, id: ConversationId) -> Option<(Vec<SessionId>, Vec<Letter>)> {
        let mut conversation = self.all.remove(&id)?;
        self.by_pair.remove(&conversation.pair);
        let mut letters = Vec::new();
        if let Some((request, letter)) = conversation.in_flight.take() {
            self.by_request.remove(&request);
            letters.push(letter);
        }
        letters.extend(conversation.queue);
        for letter in &letters {
            self.discount(conversation.pair.sip.domain(), letter.bytes());
        }
        let mut sessions = conversation.sessions;
        sessions.extend(conversation.opening);
        for session in &sessions {
            self.by_session.remove(session);
        }
        Some((sessions, letters))
    }

    /// Puts a text at the end, or back to the front.
    pub(super) fn push(&mut self, id: ConversationId, letter: Letter, end: End) {
        self.count(id, letter.bytes());
        if let Some(conversation) = self.all.get_mut(&id) {
            match end {
                End::Back => conversation.queue.push_back(letter),
                End::Front => conversation.queue.push_front(letter),
            }
        }
    }

    /// The next text that can be sent.
    pub(super) fn pop(&mut self, id: ConversationId) -> Option<Letter> {
        let conversation = self.all.get_mut(&id)?;
        let letter = conversation.queue.pop_front()?;
        let domain = conversation.pair.sip.domain().clone();
        self.discount(&domain, letter.bytes());
        Some(letter)
    }

    /// All texts that wait.
    pub(super) fn pop_all(&mut self, id: ConversationId) -> Vec<Letter> {
        let mut letters = Vec::new();
        while let Some(letter) = self.pop(id) {
            letters.push(letter);
        }
        letters
    }

    pub(super) fn fly(&mut self, id: ConversationId, request: RequestId, letter: Letter) {
        self.count(id, letter.bytes());
        if let Some(conversation) = self.all.get_mut(&id) {
            self.by_request.insert(request, id);
            conversation.in_flight = Some((request, letter));
            // A text ends what was said about typing (RFC 3994 §3.3).
            conversation.told_state = None;
        }
    }

    /// The text that a request of ours carried.
    pub(super) fn land(&mut self, request: RequestId) -> Option<(ConversationId, Letter)> {
        let id = self.by_request.remove(&request)?;
        let conversation = self.all.get_mut(&id)?;
        let (_, letter) = conversation.in_flight.take()?;
        let domain = conversation.pair.sip.domain().clone();
        self.discount(&domain, letter.bytes());
        Some((id, letter))
    }

    pub(super) fn begin_opening(&mut self, id: ConversationId, session: SessionId) {
        if let Some(conversation) = self.all.get_mut(&id) {
            conversation.opening = Some(session);
            self.by_session.insert(session, id);
        }
    }

    /// A session is there; texts are sent in it from now on. Gives the oldest if there are too many.
    pub(super) fn establish(
        &mut self,
        id: ConversationId,
        session: SessionId,
    ) -> Option<SessionId> {
        let conversation = self.all.get_mut(&id)?;
        if conversation.opening == Some(session) {
            conversation.opening = None;
        }
        conversation.sessions.retain(|other| *other != session);
        conversation.sessions.push(session);
        self.by_session.insert(session, id);
        if conversation.sessions.len() <= MAX_SESSIONS {
            return None;
        }
        let oldest = conversation.sessions.remove(0);
        self.by_session.remove(&oldest);
        Some(oldest)
    }

    /// A session is over.
    pub(super) fn leave(&mut self, session: SessionId) -> Option<ConversationId> {
        let id = self.by_session.remove(&session)?;
        let conversation = self.all.get_mut(&id)?;
        conversation.sessions.retain(|other| *other != session);
        if conversation.opening == Some(session) {
            conversation.opening = None;
        }
        conversation.told_state = None;
        Some(id)
    }
}

/// Which end of a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Back,
    Front,
}

impl Conversation {
    fn new(pair: Pair) -> Self {
        Self {
            pair,
            queue: VecDeque::new(),
            in_flight: None,
            sessions: Vec::new(),
            opening: None,
            recent: VecDeque::new(),
            told_state: None,
            knows_typing: false,
            is_leaving: false,
        }
    }

    pub(super) fn is_flying(&self) -> bool {
        self.in_flight.is_some()
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing is under way, so that it can end.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_none() && self.opening.is_none()
    }

    /// Remembers a text that was delivered as far as the bridge can see.
    pub(super) fn remember(&mut self, id: StanzaId, limit: usize) {
        self.recent.push_back(id);
        if self.recent.len() > limit {
            self.recent.pop_front();
        }
    }

    /// Whether a bounce is about such a text; only the first one counts.
    pub(super) fn recall(&mut self, id: StanzaId) -> bool {
        let before = self.recent.len();
        self.recent.retain(|recent| *recent != id);
        self.recent.len() < before
    }
}

/// The oldest conversations of which one may have to make room.
const MAX_LOOKED_AT: usize = 64;
/// What a text takes beside its characters and addresses, with a place in a queue that has just grown.
const LETTER_BYTES: usize = 1_536;
/// Sessions of one pair. Two come of INVITEs that cross; more are of several devices.
const MAX_SESSIONS: usize = 4;
