//! Users of XMPP who watch users of SIP (RFC 8048 §5, §6, from XMPP to SIP; RFC 6665).
//!
//! Each pair has a subscription of its own, also when another user watches the same one: what a
//! presentity shows to one is not for the other. A refusal that lasts is told by `unsubscribed`; what
//! passes leaves the user's subscription as it is, and the bridge asks again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use comity_policy::{Stage, Topic};
use comity_sip::endpoint::Endpoint;
use comity_sip::header::{ContentType, SubscriptionState, SubscriptionStatus};
use comity_sip::{
    Cause, Reason, Request, StatusCode, Subscribe, SubscriptionEvent, SubscriptionId,
};
use comity_xmpp::{Jid, PresenceType, Stanza};

use super::{Bridge, Timer};
use crate::presence::{self, Device, PresenceProfile};
use crate::rules::{Pair, Ruling, Towards};
use crate::{Dropped, Event, Fact, Ticket};

/// One subscription of a user of XMPP, never one that was there before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct WatchId(u64);

/// All subscriptions of users of XMPP.
#[derive(Debug, Default)]
pub(super) struct Watches {
    all: BTreeMap<WatchId, Watch>,
    by_pair: BTreeMap<Pair, WatchId>,
    of_subscription: BTreeMap<SubscriptionId, WatchId>,
    next: u64,
    restored: usize,
}

#[derive(Debug)]
struct Watch {
    pair: Pair,
    subscription: Option<SubscriptionId>,
    course: Course,
    /// What the user was told, by device.
    shown: Vec<Device>,
    /// Tries of the bridge that failed.
    failures: u32,
    /// Of a former run, and not established since.
    is_restored: bool,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Course {
    /// The other side has not decided.
    Asked,
    Granted,
    /// The user wants to know once; he has no subscription.
    Once,
    /// The user wants it no more.
    Ending,
}

impl Watches {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn restored(&self) -> usize {
        self.restored
    }

    fn insert(&mut self, pair: Pair, course: Course) -> WatchId {
        let id = WatchId(self.next);
        self.next += 1;
        self.by_pair.insert(pair.clone(), id);
        let watch = Watch {
            pair,
            subscription: None,
            course,
            shown: Vec::new(),
            failures: 0,
            is_restored: false,
        };
        self.all.insert(id, watch);
        id
    }

    fn remove(&mut self, id: WatchId) -> Option<Watch> {
        let watch = self.all.remove(&id)?;
        self.by_pair.remove(&watch.pair);
        if let Some(subscription) = watch.subscription {
            self.of_subscription.remove(&subscription);
        }
        Some(watch)
    }

    fn of_pair(&mut self, pair: &Pair) -> Option<(WatchId, &mut Watch)> {
        let id = *self.by_pair.get(pair)?;
        Some((id, self.all.get_mut(&id)?))
    }
}

impl Bridge {
    /// A user of XMPP wants to see the presence of a user of SIP.
    pub(super) fn take_subscribe(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: &Stanza,
        ticket: Option<Ticket>,
        pair: Pair,
    ) {
        self.forget_denial(&pair);
        let is_full = self.watches.len() >= self.config.limits.max_watches;
        match self.watches.of_pair(&pair) {
            Some((_, watch)) if watch.course == Course::Granted => {
                let shown = watch.shown.clone();
                self.emit_presence(&pair, PresenceType::Subscribed);
                self.show_all(&pair, &shown, &pair.xmpp);
            }
            Some((id, watch)) => {
                watch.course = Course::Asked;
                self.store_watch(id);
                self.set_guard(now, id);
            }
            None if is_full => {
                let error = super::failures::not_sent("too many subscriptions");
                return self.bounce(stanza, ticket, &error);
            }
            None => {
                let id = self.watches.insert(pair, Course::Asked);
                self.store_watch(id);
                self.begin_watch(now, endpoint, id);
                self.set_guard(now, id);
            }
        }
        self.settle(ticket);
    }

    /// A user of XMPP wants to see it no more.
    pub(super) fn take_unsubscribe(&mut self, now: Instant, endpoint: &mut Endpoint, pair: &Pair) {
        let Some((id, watch)) = self.watches.of_pair(pair) else {
            // As if it had been there: the user's server is not left waiting.
            return self.emit_presence(pair, PresenceType::Unsubscribed);
        };
        watch.course = Course::Ending;
        let subscription = watch.subscription;
        self.forget_watch_fact(id);
        self.timers.stop(Timer::Guard(id));
        let is_ending = subscription
            .is_some_and(|subscription| endpoint.unsubscribe(now, subscription).is_ok());
        if !is_ending {
            self.end_watch(id);
        }
    }

    /// A user of XMPP, or his server, asks for the presence of a user of SIP.
    pub(super) fn take_probe(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        asker: &Jid,
    ) {
        let is_full = self.watches.len() >= self.config.limits.max_watches;
        match self.watches.of_pair(pair) {
            Some((_, watch)) => {
                let (shown, course) = (watch.shown.clone(), watch.course);
                match course {
                    Course::Granted => self.show_all(pair, &shown, asker),
                    Course::Asked | Course::Once | Course::Ending => {}
                }
            }
            None if is_full => self.drop_by(Dropped::NoRoom),
            None => {
                let id = self.watches.insert(pair.clone(), Course::Once);
                self.begin_watch(now, endpoint, id);
            }
        }
    }

    fn begin_watch(&mut self, now: Instant, endpoint: &mut Endpoint, id: WatchId) {
        let Some(wish) = self.wish(id) else {
            return self.end_watch(id);
        };
        match endpoint.subscribe(now, wish) {
            Ok(subscription) => self.set_subscription(id, subscription),
            Err(_) => self.retry_later(now, id),
        }
    }

    fn wish(&self, id: WatchId) -> Option<Subscribe> {
        let watch = self.watches.all.get(&id)?;
        let (resource, from) = self.uris(&watch.pair).ok()?;
        let mut wish = Subscribe::new(resource, from, "presence");
        wish.accept = presence::ACCEPTED
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect();
        if watch.course == Course::Once {
            wish.expires = Duration::ZERO;
        } else {
            wish.expires = self.config.timing.subscription;
        }
        Some(wish)
    }

    fn set_subscription(&mut self, id: WatchId, subscription: SubscriptionId) {
        if let Some(watch) = self.watches.all.get_mut(&id) {
            watch.subscription = Some(subscription);
            self.watches.of_subscription.insert(subscription, id);
        }
    }

    /// Something happened to a subscription of ours.
    pub(super) fn handle_subscription(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        subscription: SubscriptionId,
        event: SubscriptionEvent,
    ) {
        let Some(&id) = self.watches.of_subscription.get(&subscription) else {
            return;
        };
        match event {
            SubscriptionEvent::Notified(notify) => self.take_notify(id, &notify),
            // The user is not shown what may be over.
            SubscriptionEvent::Retrying { .. } => self.show(id, &[]),
            SubscriptionEvent::Ended(cause) => {
                self.watches.of_subscription.remove(&subscription);
                self.take_end(now, endpoint, id, cause);
            }
            _ => {}
        }
    }

    /// The other side has told its state.
    fn take_notify(&mut self, id: WatchId, notify: &Request) {
        let headers = notify.headers();
        let state = headers.one::<SubscriptionState<'_>>();
        let is_active = matches!(state, Ok(state) if state.status() == SubscriptionStatus::Active);
        let is_pending =
            matches!(state, Ok(state) if state.status() == SubscriptionStatus::Pending);
        let Some(watch) = self.watches.all.get_mut(&id) else {
            return;
        };
        if is_pending || watch.course == Course::Ending {
            return;
        }
        watch.failures = 0;
        if std::mem::take(&mut watch.is_restored) {
            self.watches.restored += 1;
        }
        let pair = watch.pair.clone();
        if is_active && watch.course == Course::Asked {
            watch.course = Course::Granted;
            self.store_watch(id);
            self.emit_presence(&pair, PresenceType::Subscribed);
        }
        self.learn_if_unknown(&pair.sip.domain().clone());
        let body = notify.body();
        if body.is_empty() {
            // Nothing is known (RFC 8048 §6.2).
            return self.show(id, &[]);
        }
        let kind = headers.optional::<ContentType<'_>>().ok().flatten();
        let profile = self.profile(pair.sip.domain());
        let limits = presence::Limits::default();
        // What cannot be read changes nothing.
        match presence::read(kind, &body, &limits) {
            Ok(document) => {
                let devices = presence::to_xmpp(&document, profile, &limits);
                self.show(id, &devices);
            }
            Err(error) => self.note_refusal(&format!("presence of {}: {error}", pair.sip.domain())),
        }
    }

    /// Shows the user where the other one is, as far as that is new.
    fn show(&mut self, id: WatchId, devices: &[Device]) {
        let Some(watch) = self.watches.all.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut watch.shown, devices.to_vec());
        let pair = watch.pair.clone();
        let is_there = |devices: &[Device], resource: &str| {
            devices
                .iter()
                .any(|device| device.is_available() && *device.resource == *resource)
        };
        for old in before.iter().filter(|old| old.is_available()) {
            if !is_there(devices, &old.resource) {
                let gone = Device::unavailable(&old.resource);
                self.emit_device(&pair, &gone, &pair.xmpp);
            }
        }
        for device in devices.iter().filter(|device| !before.contains(device)) {
            // That somebody is away who was not there before is no news.
            if device.is_available() || before.is_empty() {
                self.emit_device(&pair, device, &pair.xmpp);
            }
        }
    }

    /// Answers a question for what is known.
    fn show_all(&mut self, pair: &Pair, devices: &[Device], asker: &Jid) {
        let available = devices.iter().filter(|device| device.is_available());
        let mut is_there = false;
        for device in available {
            is_there = true;
            self.emit_device(pair, device, asker);
        }
        if !is_there {
            self.emit_device(pair, &Device::unavailable(""), asker);
        }
    }

    fn emit_device(&mut self, pair: &Pair, device: &Device, to: &Jid) {
        let shown = self.rules.shown_sip(pair);
        let from = device.address(&shown);
        let stanza = device.to_presence().stanza(from, to.clone());
        self.emit(stanza);
    }

    /// A subscription of ours is over.
    fn take_end(&mut self, now: Instant, endpoint: &mut Endpoint, id: WatchId, cause: Cause) {
        let Some(watch) = self.watches.all.get_mut(&id) else {
            return;
        };
        watch.subscription = None;
        let (pair, course) = (watch.pair.clone(), watch.course);
        match course {
            Course::Once => {
                self.watches.remove(id);
            }
            Course::Ending => self.end_watch(id),
            Course::Asked | Course::Granted if is_permanent(cause) => {
                self.forget_watch_fact(id);
                self.show(id, &[]);
                self.watches.remove(id);
                self.timers.stop(Timer::Guard(id));
                self.emit_presence(&pair, PresenceType::Unsubscribed);
            }
            // It was a question or an end before the user changed his mind.
            Course::Asked if cause == Cause::Unsubscribed => self.begin_watch(now, endpoint, id),
            Course::Asked | Course::Granted => {
                self.show(id, &[]);
                self.retry_later(now, id);
            }
        }
    }

    fn end_watch(&mut self, id: WatchId) {
        self.timers.stop(Timer::Retry(id));
        self.show(id, &[]);
        if let Some(watch) = self.watches.remove(id)
            && watch.course != Course::Once
        {
            self.emit_presence(&watch.pair, PresenceType::Unsubscribed);
        }
    }

    fn retry_later(&mut self, now: Instant, id: WatchId) {
        let (first, longest) = self.config.timing.retry;
        let Some(watch) = self.watches.all.get_mut(&id) else {
            return;
        };
        let doubled = first.saturating_mul(1 << watch.failures.min(16));
        watch.failures = watch.failures.saturating_add(1);
        let wait = doubled.min(longest).max(SHORTEST);
        // Half of it is left to chance, so that many do not come together.
        let millis = u64::try_from(wait.as_millis() / 2).unwrap_or(u64::MAX - 1);
        let jitter = self.random.below(millis.saturating_add(1));
        let wait = wait / 2 + Duration::from_millis(jitter);
        self.timers.set_after(Timer::Retry(id), now, wait);
    }

    pub(super) fn retry_watch(&mut self, now: Instant, endpoint: &mut Endpoint, id: WatchId) {
        let watch = self.watches.all.get(&id);
        if watch.is_some_and(|watch| watch.subscription.is_none()) {
            self.begin_watch(now, endpoint, id);
        }
    }

    /// Asks a user's server whether he is still there, so that nobody watches for the dead
    /// (RFC 8048 §8.1).
    pub(super) fn guard_watch(&mut self, now: Instant, id: WatchId) {
        if let Some(watch) = self.watches.all.get(&id) {
            let pair = watch.pair.clone();
            self.probe(&pair);
            self.set_guard(now, id);
        }
    }

    fn set_guard(&mut self, now: Instant, id: WatchId) {
        let wait = self.config.timing.guard.max(SHORTEST);
        // A tenth is left to chance, so that those of a restart do not come together.
        let millis = u64::try_from(wait.as_millis() / 10).unwrap_or(u64::MAX - 1);
        let early = Duration::from_millis(self.random.below(millis.saturating_add(1)));
        self.timers.set_after(Timer::Guard(id), now, wait - early);
    }

    /// A user's server says that there is no such user: what he watches ends.
    pub(super) fn end_watch_of_nobody(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
    ) {
        let Some((id, watch)) = self.watches.of_pair(pair) else {
            return;
        };
        let subscription = watch.subscription;
        self.forget_watch_fact(id);
        self.timers.stop(Timer::Guard(id));
        self.timers.stop(Timer::Retry(id));
        self.watches.remove(id);
        if let Some(subscription) = subscription {
            let _: Result<_, _> = endpoint.unsubscribe(now, subscription);
        }
    }

    pub(super) fn restore_watch(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        watcher: Jid,
        presentity: Jid,
        is_granted: bool,
    ) {
        let pair = Pair {
            sip: presentity,
            xmpp: watcher,
        };
        let is_full = self.watches.len() >= self.config.limits.max_watches;
        if is_full || self.watches.by_pair.contains_key(&pair) {
            return;
        }
        let course = match is_granted {
            true => Course::Granted,
            false => Course::Asked,
        };
        let id = self.watches.insert(pair, course);
        if let Some(watch) = self.watches.all.get_mut(&id) {
            watch.is_restored = true;
        }
        let Some(wish) = self.wish(id) else {
            self.watches.remove(id);
            return;
        };
        self.set_guard(now, id);
        match endpoint.restore(now, wish, self.config.timing.restore) {
            Ok(subscription) => self.set_subscription(id, subscription),
            Err(_) => self.retry_later(now, id),
        }
    }

    /// Other rules hold: subscriptions that may not be are ended.
    pub(super) fn recheck_watches(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let pairs: Vec<_> = self.watches.by_pair.keys().cloned().collect();
        for pair in pairs {
            let shown = self.rules.shown_sip(&pair);
            let (towards, stage) = (Towards::Sip, Stage::Subscription);
            let ruling = self
                .rules
                .rule(towards, &shown, &pair.xmpp, stage, Topic::Presence, None);
            if matches!(ruling, Ruling::Deny(..)) {
                self.take_unsubscribe(now, endpoint, &pair);
            }
        }
    }

    fn store_watch(&mut self, id: WatchId) {
        if let Some(fact) = self.watch_fact(id) {
            self.events.push_back(Event::Store(fact));
        }
    }

    fn forget_watch_fact(&mut self, id: WatchId) {
        if let Some(fact) = self.watch_fact(id) {
            self.events.push_back(Event::Forget(fact));
        }
    }

    fn watch_fact(&self, id: WatchId) -> Option<Fact> {
        let watch = self.watches.all.get(&id)?;
        Some(Fact::Watch {
            watcher: watch.pair.xmpp.clone(),
            presentity: watch.pair.sip.clone(),
            is_granted: watch.course == Course::Granted,
        })
    }

    /// How presence is translated for the users of a domain.
    pub(super) fn profile(&self, domain: &comity_identity::DomainName) -> &PresenceProfile {
        let kind = self.rules.kind(domain);
        let profile = self.config.profiles.get(domain);
        profile.unwrap_or_else(|| PresenceProfile::of(kind))
    }
}

/// No timer of a subscription is shorter.
const SHORTEST: Duration = Duration::from_secs(1);

/// Whether a subscription that ended so is not to be asked for again (RFC 8048 §5.2.2).
fn is_permanent(cause: Cause) -> bool {
    match cause {
        Cause::Refused(status) => [
            StatusCode::FORBIDDEN,
            StatusCode::BAD_EVENT,
            StatusCode::DECLINE,
        ]
        .contains(&status),
        Cause::Terminated(reason) => {
            [Reason::Rejected, Reason::NoResource, Reason::Invariant].contains(&reason)
        }
        // What else ends one passes: the other side was not reached, or has forgotten it.
        Cause::Unsubscribed
        | Cause::Expired
        | Cause::NoNotify
        | Cause::Failed(_)
        | Cause::Gone
        | _ => false,
    }
}
