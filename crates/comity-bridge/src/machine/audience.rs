//! Users of SIP who watch users of XMPP (RFC 8048 §5, §6, from SIP to XMPP; RFC 3856).
//!
//! A watcher about whom the user has not decided is pending, and the user is asked by `subscribe`. One
//! whom the user, or a rule of his, has blocked is answered as if the user were offline: by the same
//! bytes at the same time. A watcher is told at most once in [`Timing::notify`](crate::Timing), with
//! the last state; a block counts at once. What looks the same as before is not told.

mod fetch;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use comity_identity::DomainName;
use comity_policy::{Denial, DenyMode, Stage, Subscription, Topic};
use comity_sip::endpoint::{Endpoint, Incoming};
use comity_sip::header::{Accept, Expires};
use comity_sip::{Cause, Reason, StatusCode, SubscriptionId, WatcherEvent};
use comity_xmpp::{Jid, Presence, PresenceType};

use self::fetch::Fetch;
pub(super) use self::fetch::FetchId;
use super::requests::Call;
use super::{Bridge, Timer};
use crate::presence::{self, Device};
use crate::rules::{Pair, Ruling, SipPeer, Towards};
use crate::{Dropped, Event, Fact};

/// All watchers.
#[derive(Debug, Default)]
pub(super) struct Audiences {
    by_pair: BTreeMap<Pair, Audience>,
    of_subscription: BTreeMap<SubscriptionId, Pair>,
    fetches: BTreeMap<FetchId, Fetch>,
    fetches_of: BTreeMap<Pair, Vec<FetchId>>,
    /// What users of XMPP have decided, by whether they allow it.
    authorizations: BTreeMap<Pair, bool>,
    next_fetch: u64,
}

/// The devices of one user of SIP that watch one user of XMPP.
#[derive(Debug)]
struct Audience {
    standing: Standing,
    dialogs: Vec<Dialog>,
    /// Where the user of XMPP is.
    devices: Vec<Device>,
    /// His server was asked where he is, and has not answered: that nobody is subscribed is then its
    /// answer, and no decision of his (RFC 6121 §4.3.2).
    is_probed: bool,
    /// From where the watcher came.
    peer: (IpAddr, Option<DomainName>),
}

/// What the watched user has decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    Asked,
    Allowed,
    /// He is seen as offline.
    Blocked,
}

#[derive(Debug)]
struct Dialog {
    subscription: SubscriptionId,
    /// When it was told last, and what.
    told: Instant,
    document: Bytes,
}

impl Audiences {
    /// Subscriptions, and those who asked once and wait.
    pub(super) fn len(&self) -> usize {
        self.of_subscription.len() + self.fetches.len()
    }

    pub(super) fn authorizations(&self) -> usize {
        self.authorizations.len()
    }
}

impl Bridge {
    /// A user of SIP wants to see the presence of a user of XMPP.
    pub(super) fn handle_subscribe(&mut self, now: Instant, endpoint: &mut Endpoint, call: Call) {
        if !accepts_presence(&call.incoming) {
            let status = StatusCode::NOT_ACCEPTABLE;
            let words = "presence is application/pidf+xml";
            return self.refuse(now, endpoint, &call.incoming, status, words);
        }
        let (pair, standing) = match self.rule_call(&call, Stage::Subscription, Topic::Presence) {
            Ruling::Pass(pair, subscription) => {
                let standing = self.standing(&pair, subscription);
                (pair, standing)
            }
            Ruling::Deny(Denial::Polite, why) => {
                self.note_refusal(&why);
                match self.rules.pair(Towards::Xmpp, &call.sip, &call.xmpp) {
                    Some(pair) => (pair, Standing::Blocked),
                    None => return self.drop_by(Dropped::ByPolicy),
                }
            }
            Ruling::Deny(denial, why) => {
                return self.deny_call(now, endpoint, &call.incoming, denial, &why);
            }
        };
        let limits = &self.config.limits;
        let of_pair = self.audiences.by_pair.get(&pair);
        let of_pair = of_pair.map_or(0, |audience| audience.dialogs.len());
        if self.audiences.len() >= limits.max_watchers || of_pair >= limits.max_watchers_per_pair {
            return self.refuse_overload(now, endpoint, &call.incoming);
        }
        match is_once(&call.incoming) {
            true => self.begin_fetch(now, endpoint, pair, standing, call.incoming),
            false => self.begin_audience(now, endpoint, &pair, standing, &call),
        }
    }

    /// The user's decision, or that of a rule of his.
    fn standing(&self, pair: &Pair, subscription: Option<Subscription>) -> Standing {
        match (self.audiences.authorizations.get(pair), subscription) {
            (Some(true), _) | (None, Some(Subscription::Active)) => Standing::Allowed,
            (Some(false), _) => Standing::Blocked,
            (None, Some(Subscription::Pending) | None) => Standing::Asked,
        }
    }

    fn begin_audience(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        standing: Standing,
        call: &Call,
    ) {
        let incoming = &call.incoming;
        if standing == Standing::Blocked && self.rules.policy.deny_mode() == DenyMode::Rejected {
            let status = StatusCode::FORBIDDEN;
            return self.refuse(now, endpoint, incoming, status, status.phrase());
        }
        let known = self.audiences.by_pair.get(pair);
        let is_asked = known.is_some_and(|audience| audience.standing == Standing::Asked);
        let body = match (known, standing) {
            (Some(audience), Standing::Allowed) => self.document(pair, &audience.devices),
            (_, _) => self.document(pair, &[]),
        };
        let taken = match standing {
            Standing::Asked => endpoint.hold_subscription(now, incoming),
            Standing::Allowed | Standing::Blocked => {
                let state = Some((presence::CONTENT_TYPE, body.clone()));
                endpoint.accept_subscription(now, incoming, state)
            }
        };
        let Ok(subscription) = taken else {
            return self.refuse_overload(now, endpoint, incoming);
        };
        let is_new = known.is_none_or(|audience| audience.standing != Standing::Allowed);
        let is_known = self.audiences.authorizations.contains_key(pair);
        let peer = SipPeer::of(incoming, pair.sip.domain());
        let peer = (peer.address, peer.name.cloned());
        let audience = self
            .audiences
            .by_pair
            .entry(pair.clone())
            .or_insert_with(|| Audience {
                standing,
                dialogs: Vec::new(),
                devices: Vec::new(),
                is_probed: false,
                peer: peer.clone(),
            });
        audience.standing = standing;
        audience.peer = peer;
        audience.dialogs.push(Dialog {
            subscription,
            told: now,
            document: match standing {
                Standing::Asked => Bytes::new(),
                Standing::Allowed | Standing::Blocked => body,
            },
        });
        self.audiences
            .of_subscription
            .insert(subscription, pair.clone());
        match standing {
            Standing::Asked if !is_asked => self.emit_presence(pair, PresenceType::Subscribe),
            Standing::Allowed if is_new && is_known => self.probe(pair),
            // A rule allows it, and the user's server may know nothing of it.
            Standing::Allowed if is_new => self.emit_presence(pair, PresenceType::Subscribe),
            Standing::Asked | Standing::Allowed | Standing::Blocked => {}
        }
        if standing != Standing::Blocked {
            self.learn_from(call);
        }
    }

    /// Asks the user's server where he is.
    pub(super) fn probe(&mut self, pair: &Pair) {
        if let Some(audience) = self.audiences.by_pair.get_mut(pair) {
            audience.is_probed = true;
        }
        self.emit_presence(pair, PresenceType::Probe);
    }

    /// A user of XMPP is there, or not, at one of his devices.
    pub(super) fn take_availability(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        from: &Jid,
        presence: &Presence,
    ) {
        let limits = &self.config.limits;
        let device = Device::from_presence(from, presence, limits.max_status_chars);
        self.finish_fetches(now, endpoint, pair, &device);
        let Some(audience) = self.audiences.by_pair.get_mut(pair) else {
            return self.drop_by(Dropped::StrayPresence);
        };
        let max_resources = self.config.limits.max_resources;
        audience.is_probed = false;
        let before = audience.devices.clone();
        if from.resource().is_none() && !device.is_available() {
            // All of them.
            audience.devices.clear();
        } else {
            let devices = &mut audience.devices;
            devices.retain(|known| known.resource != device.resource);
            if device.is_available() && devices.len() >= max_resources {
                return self.drop_by(Dropped::NoRoom);
            }
            if device.is_available() {
                devices.push(device);
            }
        }
        if audience.standing == Standing::Allowed && audience.devices != before {
            self.tell(now, endpoint, pair);
        }
    }

    /// Tells all dialogs of a pair the state, each as soon as it may be told again.
    fn tell(&mut self, now: Instant, endpoint: &mut Endpoint, pair: &Pair) {
        let Some(audience) = self.audiences.by_pair.get(pair) else {
            return;
        };
        let dialogs = audience.dialogs.iter();
        let dialogs: Vec<_> = dialogs
            .map(|dialog| (dialog.subscription, dialog.told))
            .collect();
        for (subscription, told) in dialogs {
            let next = told.checked_add(self.config.timing.notify);
            match next {
                Some(next) if next > now => self.timers.set(Timer::Notify(subscription), next),
                Some(_) | None => self.notify_again(now, endpoint, subscription),
            }
        }
    }

    /// Tells one dialog the last state.
    pub(super) fn notify_again(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        subscription: SubscriptionId,
    ) {
        self.timers.stop(Timer::Notify(subscription));
        let Some(pair) = self.audiences.of_subscription.get(&subscription).cloned() else {
            return;
        };
        let body = match self.audiences.by_pair.get(&pair) {
            Some(audience) if audience.standing == Standing::Allowed => {
                self.document(&pair, &audience.devices)
            }
            Some(_) | None => self.document(&pair, &[]),
        };
        let Some(audience) = self.audiences.by_pair.get_mut(&pair) else {
            return;
        };
        let mut dialogs = audience.dialogs.iter_mut();
        let Some(dialog) = dialogs.find(|dialog| dialog.subscription == subscription) else {
            return;
        };
        // What looks the same is no news, and would tell that something happened.
        if dialog.document == body {
            return;
        }
        dialog.told = now;
        dialog.document = body.clone();
        // One that has just ended is told nothing more.
        let _: Result<_, _> = endpoint.notify(now, subscription, presence::CONTENT_TYPE, body);
    }

    /// A user of XMPP has decided about a watcher.
    pub(super) fn take_decision(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        is_allowed: bool,
    ) {
        let is_known = self.audiences.authorizations.contains_key(pair);
        if !is_known && !self.audiences.by_pair.contains_key(pair) {
            return self.drop_by(Dropped::StrayPresence);
        }
        let audience = self.audiences.by_pair.get_mut(pair);
        if let Some(audience) = audience
            && !is_allowed
            && std::mem::take(&mut audience.is_probed)
        {
            return self.ask_again(now, endpoint, pair);
        }
        self.authorize(pair, is_allowed);
        let Some(audience) = self.audiences.by_pair.get_mut(pair) else {
            return;
        };
        if is_allowed {
            let was_allowed = audience.standing == Standing::Allowed;
            audience.standing = Standing::Allowed;
            if !was_allowed {
                self.tell_now(now, endpoint, pair);
            }
            self.probe(pair);
            return;
        }
        audience.standing = Standing::Blocked;
        audience.devices.clear();
        match self.rules.policy.deny_mode() {
            DenyMode::Polite => self.tell_now(now, endpoint, pair),
            DenyMode::Rejected => self.reject(now, endpoint, pair),
        }
    }

    /// The user's server knows nothing of a watcher: the user is not shown, and is asked.
    fn ask_again(&mut self, now: Instant, endpoint: &mut Endpoint, pair: &Pair) {
        if self.audiences.authorizations.remove(pair).is_some() {
            let fact = authorization(pair, true);
            self.events.push_back(Event::Forget(fact));
        }
        if let Some(audience) = self.audiences.by_pair.get_mut(pair) {
            audience.devices.clear();
            if audience.standing == Standing::Allowed {
                self.tell(now, endpoint, pair);
            }
            self.emit_presence(pair, PresenceType::Subscribe);
        }
    }

    fn authorize(&mut self, pair: &Pair, is_allowed: bool) {
        let known = &mut self.audiences.authorizations;
        if known.get(pair) == Some(&is_allowed) {
            return;
        }
        if known.len() >= self.config.limits.max_authorizations && !known.contains_key(pair) {
            return self.drop_by(Dropped::NoRoom);
        }
        known.insert(pair.clone(), is_allowed);
        let fact = authorization(pair, is_allowed);
        self.events.push_back(Event::Store(fact));
    }

    /// Forgets that a user has denied another one his presence, whom he now wants to watch himself.
    pub(super) fn forget_denial(&mut self, pair: &Pair) {
        if self.audiences.authorizations.get(pair) == Some(&false) {
            self.audiences.authorizations.remove(pair);
            let fact = authorization(pair, false);
            self.events.push_back(Event::Forget(fact));
        }
    }

    pub(super) fn restore_authorization(
        &mut self,
        watcher: Jid,
        presentity: Jid,
        is_allowed: bool,
    ) {
        let pair = Pair {
            sip: watcher,
            xmpp: presentity,
        };
        if self.audiences.authorizations.len() < self.config.limits.max_authorizations {
            self.audiences.authorizations.insert(pair, is_allowed);
        }
    }

    /// A decision counts at once, whenever the watcher was told last.
    fn tell_now(&mut self, now: Instant, endpoint: &mut Endpoint, pair: &Pair) {
        let dialogs = self.audiences.by_pair.get(pair);
        let dialogs = dialogs.into_iter().flat_map(|audience| &audience.dialogs);
        let dialogs: Vec<_> = dialogs.map(|dialog| dialog.subscription).collect();
        for subscription in dialogs {
            self.notify_again(now, endpoint, subscription);
        }
    }

    fn reject(&mut self, now: Instant, endpoint: &mut Endpoint, pair: &Pair) {
        let Some(audience) = self.audiences.by_pair.remove(pair) else {
            return;
        };
        let closed = self.document(pair, &[]);
        for Dialog { subscription, .. } in audience.dialogs {
            self.timers.stop(Timer::Notify(subscription));
            self.audiences.of_subscription.remove(&subscription);
            // The last that is told is that nobody is there.
            let kind = presence::CONTENT_TYPE;
            let _: Result<_, _> = endpoint.notify(now, subscription, kind, closed.clone());
            let _: Result<_, _> = endpoint.terminate(now, subscription, Reason::Rejected);
        }
    }

    /// Something happened to a subscription of a watcher's.
    pub(super) fn handle_watcher(&mut self, subscription: SubscriptionId, event: WatcherEvent) {
        let WatcherEvent::Ended(cause) = event else {
            return self.ask_on_refresh(subscription);
        };
        self.timers.stop(Timer::Notify(subscription));
        let Some(pair) = self.audiences.of_subscription.remove(&subscription) else {
            return;
        };
        let Some(audience) = self.audiences.by_pair.get_mut(&pair) else {
            return;
        };
        audience
            .dialogs
            .retain(|dialog| dialog.subscription != subscription);
        if audience.dialogs.is_empty() {
            let gone = self.audiences.by_pair.remove(&pair);
            let was_blocked = gone.is_some_and(|gone| gone.standing == Standing::Blocked);
            if cause == Cause::Unsubscribed && !was_blocked {
                // The authorization stays; the watcher has gone (RFC 8048 §5.3.2).
                self.emit_presence(&pair, PresenceType::Unavailable);
            }
        }
    }

    /// A watcher still wants to know: the question to the user may have been lost.
    fn ask_on_refresh(&mut self, subscription: SubscriptionId) {
        let pair = self.audiences.of_subscription.get(&subscription).cloned();
        let audience = pair
            .as_ref()
            .and_then(|pair| self.audiences.by_pair.get(pair));
        let is_asked = audience.is_some_and(|audience| audience.standing == Standing::Asked);
        if let Some(pair) = pair.filter(|_| is_asked) {
            self.emit_presence(&pair, PresenceType::Subscribe);
        }
    }

    /// There is no such user: nobody is there.
    pub(super) fn lose_presentity(&mut self, now: Instant, endpoint: &mut Endpoint, pair: &Pair) {
        let Some(audience) = self.audiences.by_pair.get_mut(pair) else {
            return;
        };
        audience.devices.clear();
        if audience.standing == Standing::Allowed {
            self.tell(now, endpoint, pair);
        }
    }

    /// Other rules hold: who may not watch any more sees an offline user, and who may now sees him.
    pub(super) fn recheck_audiences(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let pairs: Vec<_> = self.audiences.by_pair.keys().cloned().collect();
        for pair in pairs {
            let Some(audience) = self.audiences.by_pair.get(&pair) else {
                continue;
            };
            let before = audience.standing;
            let peer = SipPeer {
                address: audience.peer.0,
                name: audience.peer.1.as_ref(),
            };
            let shown = self.rules.shown_xmpp(&pair);
            let (towards, stage, topic) = (Towards::Xmpp, Stage::Subscription, Topic::Presence);
            let ruling = self
                .rules
                .rule(towards, &pair.sip, &shown, stage, topic, Some(peer));
            let standing = match ruling {
                Ruling::Pass(_, subscription) => self.standing(&pair, subscription),
                Ruling::Deny(..) => Standing::Blocked,
            };
            if standing != before {
                self.change_standing(now, endpoint, &pair, standing);
            }
        }
    }

    fn change_standing(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        standing: Standing,
    ) {
        if let Some(audience) = self.audiences.by_pair.get_mut(pair) {
            audience.standing = standing;
        }
        match standing {
            Standing::Blocked => self.tell_now(now, endpoint, pair),
            Standing::Asked => self.emit_presence(pair, PresenceType::Subscribe),
            Standing::Allowed => {
                self.tell_now(now, endpoint, pair);
                match self.audiences.authorizations.contains_key(pair) {
                    true => self.probe(pair),
                    false => self.emit_presence(pair, PresenceType::Subscribe),
                }
            }
        }
    }

    /// What a watcher is told: where the user is, under the address by which he is known.
    fn document(&self, pair: &Pair, devices: &[Device]) -> Bytes {
        let shown = self.rules.shown_xmpp(pair);
        let profile = self.profile(pair.sip.domain());
        presence::write(&shown, devices, profile)
    }

    /// Sends presence of a type from the user of SIP to the user of XMPP.
    pub(super) fn emit_presence(&mut self, pair: &Pair, presence_type: PresenceType) {
        let presence = Presence::new(presence_type);
        let stanza = presence.stanza(self.rules.shown_sip(pair), pair.xmpp.clone());
        self.emit(stanza);
    }
}

fn authorization(pair: &Pair, is_allowed: bool) -> Fact {
    Fact::Authorization {
        watcher: pair.sip.clone(),
        presentity: pair.xmpp.clone(),
        is_allowed,
    }
}

/// Whether a SUBSCRIBE takes what we have; one without Accept does (RFC 3856 §6.7).
fn accepts_presence(incoming: &Incoming) -> bool {
    let mut accepted = incoming.request().headers().all::<Accept<'_>>().peekable();
    if accepted.peek().is_none() {
        return true;
    }
    accepted
        .filter_map(Result::ok)
        .any(|range| range.q() > 0 && range.accepts("application", "pidf+xml"))
}

fn is_once(incoming: &Incoming) -> bool {
    let expires = incoming.request().headers().optional::<Expires>();
    let seconds = expires.ok().flatten().and_then(Expires::seconds);
    seconds == Some(0)
}
