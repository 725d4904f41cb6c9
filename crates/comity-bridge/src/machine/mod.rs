//! The bridge itself: what comes in is handed to the part that it is about.

mod audience;
mod conversation;
mod discovery;
mod failures;
mod identity;
mod iq;
mod letters;
mod marks;
mod requests;
mod sessions;
mod stanzas;
mod texts;
mod watch;

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use comity_machine::{QueryId, QueryIds, Random, Timers};
use comity_policy::{Policy, RateLimiter, Switch};
use comity_sip::SubscriptionId;
use comity_sip::endpoint::{self, Endpoint};
use comity_xmpp::{Stanza, StanzaError};

use self::audience::Audiences;
use self::conversation::{ConversationId, Conversations};
use self::discovery::Searches;
use self::identity::Identities;
use self::texts::Held;
use self::watch::{WatchId, Watches};
use crate::address::Collisions;
use crate::rules::Rules;
use crate::{Config, Dropped, Event, Fact, Route, StanzaId, Ticket, Way};

/// SIP and XMPP joined.
///
/// It is the user of a [`comity_sip::Endpoint`], which it is given in every call and which it has
/// send what goes to SIP; what goes to XMPP comes out as [`Event::Stanza`]. Drive it as every machine:
/// after each call drain the events and note the timeout, and let the endpoint transmit.
///
/// # Loops
///
/// A text that comes from SIP carries a mark with the name of the bridge, and how many hops are left.
/// One that comes back with the mark of this bridge, or without hops, is refused. What becomes a SIP
/// request takes the hops over as Max-Forwards (RFC 7332). Presence and typing carry none: they go out
/// only when something has changed.
pub struct Bridge {
    config: Config,
    rules: Rules,
    rates: RateLimiter,
    random: Random,
    queries: QueryIds,
    timers: Timers<Timer>,
    events: VecDeque<Event>,
    conversations: Conversations,
    held: Held,
    identities: Identities,
    searches: Searches,
    watches: Watches,
    audiences: Audiences,
    collisions: Collisions,
    tally: Tally,
}

/// What has become of texts.
#[derive(Debug, Default)]
struct Tally {
    to_sip: u64,
    to_xmpp: u64,
    returned: u64,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// A SIP request gets 202, since its stanza has not left.
    Accept(StanzaId),
    /// Nobody has said anything in a conversation for long.
    Idle(ConversationId),
    /// The question whether a peer may speak for a domain was not answered.
    Identify(QueryId),
    /// The question which protocol a domain speaks was not answered.
    Discover(QueryId),
    /// A watcher may be told again.
    Notify(SubscriptionId),
    /// One who asked once waited long enough.
    Fetch(audience::FetchId),
    /// A subscription of an XMPP user is asked for anew.
    Retry(WatchId),
    /// An XMPP user's server is asked whether he is still there.
    Guard(WatchId),
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// How much a bridge holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Pairs of users with a session, or who wrote to each other lately.
    pub conversations: usize,
    /// Texts that wait for a session, for the one before, or for an answer.
    pub letters: usize,
    /// What those that wait take, in bytes.
    pub queued_bytes: usize,
    /// SIP requests that wait for their stanza to leave.
    pub held_requests: usize,
    /// XMPP users' subscriptions.
    pub watches: usize,
    /// SIP users' subscriptions.
    pub watchers: usize,
    /// What users have decided about watchers.
    pub authorizations: usize,
    /// Open questions.
    pub questions: usize,
    /// Subscriptions that [`Bridge::restore`] has brought back, and that stand again.
    pub subscriptions_restored: usize,
    /// Texts since the start that servers of SIP have taken.
    pub texts_to_sip: u64,
    /// Texts since the start that have left for servers of XMPP.
    pub texts_to_xmpp: u64,
    /// Texts since the start that came back to their senders from where they went, or for lack of an
    /// answer. What the rules refuse is not among them ([`Event::Refused`]).
    pub texts_returned: u64,
}

impl Bridge {
    /// A bridge between users who may do what `policy` allows.
    #[must_use]
    pub fn new(config: Config, policy: Policy, seed: [u8; 32]) -> Self {
        let rates = RateLimiter::new(policy.rates(), RateLimiter::DEFAULT_MAX_BUCKETS);
        let discovers = config.discovery == Switch::On;
        Self {
            rules: Rules::new(policy, config.sip_homes.clone(), discovers),
            config,
            rates,
            random: Random::from_seed(seed),
            queries: QueryIds::default(),
            timers: Timers::default(),
            events: VecDeque::new(),
            conversations: Conversations::default(),
            held: Held::default(),
            identities: Identities::default(),
            searches: Searches::default(),
            watches: Watches::default(),
            audiences: Audiences::default(),
            collisions: Collisions::new(Collisions::DEFAULT_MAX_ADDRESSES),
            tally: Tally::default(),
        }
    }

    /// Takes back what a former run had told to store. Subscriptions are asked for anew within
    /// [`Timing::restore`](crate::Timing), each once; what users have decided counts at once. What
    /// there is no room for is dropped.
    pub fn restore(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        facts: impl IntoIterator<Item = Fact>,
    ) {
        for fact in facts {
            match fact {
                Fact::Watch {
                    watcher,
                    presentity,
                    is_granted,
                } => self.restore_watch(now, endpoint, watcher, presentity, is_granted),
                Fact::Authorization {
                    watcher,
                    presentity,
                    is_allowed,
                } => self.restore_authorization(watcher, presentity, is_allowed),
                Fact::Learned { domain, route } => self.restore_learned(domain, route),
            }
        }
    }

    /// Takes what the endpoint tells. Events that are the driver's own (to connect, to disconnect, to
    /// locate) are ignored.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is left belongs to drivers and proxies"
    )]
    pub fn handle_sip(&mut self, now: Instant, endpoint: &mut Endpoint, event: endpoint::Event) {
        match event {
            endpoint::Event::Request(incoming) => self.handle_request(now, endpoint, incoming),
            endpoint::Event::Session { session, event } => {
                self.handle_session(now, endpoint, session, event);
            }
            endpoint::Event::Response { request, response } => {
                self.handle_response(now, endpoint, request, &response);
            }
            endpoint::Event::Failed { request, failure } => {
                self.handle_failure(now, endpoint, request, failure);
            }
            endpoint::Event::Subscription {
                subscription,
                event,
            } => self.handle_subscription(now, endpoint, subscription, event),
            endpoint::Event::Watcher {
                subscription,
                event,
            } => self.handle_watcher(subscription, event),
            endpoint::Event::Unanswered(transaction)
            | endpoint::Event::AnswerLost(transaction)
            | endpoint::Event::Cancelled(transaction) => self.forget_transaction(transaction),
            _ => {}
        }
    }

    /// Takes a stanza of a pair of domains that its sender's server has proved. What becomes of it is
    /// told by [`Event::Settled`] with the ticket, or it comes back in [`Event::Relay`].
    pub fn handle_stanza(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: Stanza,
        ticket: Option<Ticket>,
    ) {
        self.take_stanza(now, endpoint, stanza, ticket);
    }

    /// A stanza has left, and over a stream that acknowledges it has arrived.
    pub fn handle_sent(&mut self, now: Instant, endpoint: &mut Endpoint, id: StanzaId) {
        self.finish_held(now, endpoint, id);
    }

    /// A stanza could not be sent, for this reason.
    pub fn handle_unsent(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: StanzaId,
        error: &StanzaError,
    ) {
        self.fail_held(now, endpoint, id, error);
    }

    /// The answer to [`Event::Identify`].
    pub fn handle_identified(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        query: QueryId,
        may_speak: bool,
    ) {
        self.timers.stop(Timer::Identify(query));
        self.answer_identity(now, endpoint, query, may_speak);
    }

    /// The answer to [`Event::Discover`]; `None` if nobody knows.
    pub fn handle_discovered(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        query: QueryId,
        way: Option<Way>,
    ) {
        self.timers.stop(Timer::Discover(query));
        self.answer_search(now, endpoint, query, way);
    }

    /// A relayed stanza ([`Event::Relay`]) could not be sent over XMPP. With
    /// [`Config::discovery`] its domain is looked for once more, and if nothing is found, its sender
    /// is told this error.
    pub fn handle_unrelayed(
        &mut self,
        now: Instant,
        stanza: Stanza,
        ticket: Option<Ticket>,
        error: &StanzaError,
    ) {
        self.search_after_failure(now, stanza, ticket, error);
    }

    /// The time of the last [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        while let Some(timer) = self.timers.pop_expired(now) {
            match timer {
                Timer::Accept(id) => self.accept_held(now, endpoint, id),
                Timer::Idle(conversation) => self.end_idle(now, endpoint, conversation),
                Timer::Identify(query) => self.give_up_identity(now, endpoint, query),
                Timer::Discover(query) => self.answer_search(now, endpoint, query, None),
                Timer::Notify(subscription) => self.notify_again(now, endpoint, subscription),
                Timer::Fetch(id) => self.finish_fetch(now, endpoint, id),
                Timer::Retry(watch) => self.retry_watch(now, endpoint, watch),
                Timer::Guard(watch) => self.guard_watch(now, watch),
            }
        }
    }

    /// Puts other rules in the place of those that hold. Who may not watch any more is shown an
    /// offline user at once, and subscriptions of our users that may not be are ended.
    pub fn replace_policy(&mut self, now: Instant, endpoint: &mut Endpoint, policy: Policy) {
        self.rates.set_rates(policy.rates());
        self.rules.policy = policy;
        self.recheck_audiences(now, endpoint);
        self.recheck_watches(now, endpoint);
    }

    /// Says whether domains that nobody has configured are looked for from now on
    /// ([`Config::discovery`]).
    pub fn set_discovery(&mut self, discovery: Switch) {
        self.rules.discovers = discovery == Switch::On;
    }

    /// Notes how a domain is reached over SIP that nobody has configured, as the composer has found out
    /// beside what it was asked. It is learned when an exchange has succeeded.
    pub fn note_route(&mut self, domain: &comity_identity::DomainName, route: Route) {
        self.rules.note_route(domain, route);
    }

    /// Forgets that a domain was learned.
    pub fn unlearn(&mut self, domain: &comity_identity::DomainName) {
        if self.rules.unlearn(domain) {
            let domain = domain.clone();
            let route = Route::Records;
            self.events
                .push_back(Event::Forget(Fact::Learned { domain, route }));
        }
    }

    /// Ends all sessions, before a shutdown: texts that wait are refused to their senders, and requests
    /// that wait are answered. What users are subscribed to stays for the next run. What comes after
    /// this is treated as before.
    pub fn close(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.close_searches(now, endpoint);
        self.close_identities(now, endpoint);
        self.close_fetches(now, endpoint);
        self.close_conversations(now, endpoint);
        self.close_held(now, endpoint);
    }

    /// What the composer must do, answer or know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// How much it holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            conversations: self.conversations.len(),
            letters: self.conversations.letters(),
            queued_bytes: self.conversations.queued_bytes(),
            held_requests: self.held.len(),
            watches: self.watches.len(),
            watchers: self.audiences.len(),
            authorizations: self.audiences.authorizations(),
            questions: self.identities.questions() + self.searches.len(),
            subscriptions_restored: self.watches.restored(),
            texts_to_sip: self.tally.to_sip,
            texts_to_xmpp: self.tally.to_xmpp,
            texts_returned: self.tally.returned,
        }
    }

    fn drop_by(&mut self, rule: Dropped) {
        self.events.push_back(Event::Dropped(rule));
    }

    /// A stanza has come to its end.
    fn settle(&mut self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.events.push_back(Event::Settled(ticket));
        }
    }

    /// A stanza comes to its end with an error to its sender, if it may have one.
    fn bounce(&mut self, stanza: &Stanza, ticket: Option<Ticket>, error: &StanzaError) {
        match (stanza.error_with(error), ticket) {
            (Some(stanza), Some(ticket)) => {
                // The sender's server is told that it is done when the error has left.
                let id = StanzaId(self.random.below(u64::MAX));
                self.held.note_refusal(id, ticket);
                self.events.push_back(Event::Stanza {
                    stanza,
                    id: Some(id),
                });
            }
            (Some(stanza), None) => self.emit(stanza),
            (None, ticket) => self.settle(ticket),
        }
    }

    /// Sends a stanza of which nobody asks what becomes.
    fn emit(&mut self, stanza: Stanza) {
        self.events.push_back(Event::Stanza { stanza, id: None });
    }
}
