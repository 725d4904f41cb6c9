//! Users of SIP who want to know once where a user of XMPP is (RFC 6665 §4.4.3).
//!
//! They wait for what his server says, and for no longer than [`Timing::fetch`](crate::Timing). Who is
//! offline and who has blocked the asker take the same time.

use std::time::Instant;

use bytes::Bytes;
use comity_sip::endpoint::{Endpoint, Incoming};
use comity_xmpp::PresenceType;

use super::{Audiences, Standing};
use crate::machine::{Bridge, Timer};
use crate::presence::{self, Device};
use crate::rules::Pair;

/// One who asked once, and waits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::machine) struct FetchId(u64);

#[derive(Debug)]
pub(super) struct Fetch {
    pair: Pair,
    /// The user is seen as offline, wherever he is.
    is_blocked: bool,
    incoming: Box<Incoming>,
}

impl Audiences {
    fn take_fetch(&mut self, id: FetchId) -> Option<Fetch> {
        let fetch = self.fetches.remove(&id)?;
        if let Some(of_pair) = self.fetches_of.get_mut(&fetch.pair) {
            of_pair.retain(|other| *other != id);
            if of_pair.is_empty() {
                self.fetches_of.remove(&fetch.pair);
            }
        }
        Some(fetch)
    }
}

impl Bridge {
    /// Somebody wants to know once: he waits for what the user's server says.
    pub(super) fn begin_fetch(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: Pair,
        standing: Standing,
        incoming: Box<Incoming>,
    ) {
        if standing == Standing::Asked {
            // It is told that nothing is decided, and no more.
            if endpoint.hold_subscription(now, &incoming).is_err() {
                self.refuse_overload(now, endpoint, &incoming);
            }
            return;
        }
        let known = self.audiences.by_pair.get(&pair);
        let devices = known.map(|audience| audience.devices.clone());
        if let Some(devices) = devices.filter(|devices| {
            standing == Standing::Allowed && devices.iter().any(Device::is_available)
        }) {
            let body = self.document(&pair, &devices);
            return self.answer_fetch(now, endpoint, &incoming, body);
        }
        let id = FetchId(self.audiences.next_fetch);
        self.audiences.next_fetch += 1;
        if standing == Standing::Allowed {
            self.emit_presence(&pair, PresenceType::Probe);
        }
        let fetch = Fetch {
            pair,
            is_blocked: standing == Standing::Blocked,
            incoming,
        };
        let of_pair = self.audiences.fetches_of.entry(fetch.pair.clone());
        of_pair.or_default().push(id);
        self.audiences.fetches.insert(id, fetch);
        // Who is offline and who has blocked the asker take the same time.
        let wait = self.config.timing.fetch;
        self.timers.set_after(Timer::Fetch(id), now, wait);
    }

    /// Nothing was heard of a user in time.
    pub(in crate::machine) fn finish_fetch(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: FetchId,
    ) {
        if let Some(fetch) = self.audiences.take_fetch(id) {
            let body = self.document(&fetch.pair, &[]);
            self.answer_fetch(now, endpoint, &fetch.incoming, body);
        }
    }

    /// Answers all who asked once and wait, with what is known: nothing.
    pub(in crate::machine) fn close_fetches(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let ids: Vec<_> = self.audiences.fetches.keys().copied().collect();
        for id in ids {
            self.timers.stop(Timer::Fetch(id));
            self.finish_fetch(now, endpoint, id);
        }
    }

    fn answer_fetch(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        body: Bytes,
    ) {
        let state = Some((presence::CONTENT_TYPE, body));
        if endpoint.accept_subscription(now, incoming, state).is_err() {
            self.refuse_overload(now, endpoint, incoming);
        }
    }

    pub(super) fn finish_fetches(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        pair: &Pair,
        device: &Device,
    ) {
        if !device.is_available() {
            return;
        }
        let waiting = self.audiences.fetches_of.get(pair).cloned();
        for id in waiting.unwrap_or_default() {
            let is_blocked = |fetch: &Fetch| fetch.is_blocked;
            if self.audiences.fetches.get(&id).is_none_or(is_blocked) {
                continue;
            }
            self.timers.stop(Timer::Fetch(id));
            if let Some(fetch) = self.audiences.take_fetch(id) {
                let body = self.document(pair, std::slice::from_ref(device));
                self.answer_fetch(now, endpoint, &fetch.incoming, body);
            }
        }
    }
}
