//! The side that subscribes.

use std::time::{Duration, Instant};

use super::lease::Lease;
use super::{Cause, Side, SubscriptionError, SubscriptionEvent, SubscriptionId, SubscriptionTimer};
use crate::endpoint::{Draft, Event, Outcome, Peer, Purpose, RequestId, Target, Timer};
use crate::session::ends_dialog;
use crate::{
    Dialog, DialogId, Endpoint, HeaderName, Method, RequestBuilder, Response, StatusCode, UriBuf,
};

/// What to subscribe to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscribe {
    /// Whose state: the Request-URI and To.
    pub resource: UriBuf,
    /// Who asks: From.
    pub from: UriBuf,
    /// The event package, as `presence`.
    pub event: String,
    /// Types of bodies that are understood, as `application/pidf+xml`.
    pub accept: Vec<String>,
    /// For how long, and then again; zero asks once.
    pub expires: Duration,
    /// Where to; if empty, the endpoint asks.
    pub targets: Vec<Target>,
}

/// A subscription of ours.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(super) wish: Subscribe,
    /// Of this try: its Call-ID, our tag, and the number of the first SUBSCRIBE.
    pub(super) call_id: String,
    pub(super) tag: String,
    pub(super) lease: Lease,
    pub(super) dialog: Option<Dialog>,
    /// Who may notify; `None` until somebody has answered.
    pub(super) peer: Option<Peer>,
    /// The dialog is there because of a NOTIFY and not only of a 2xx.
    pub(super) is_notified: bool,
    pub(super) request: Option<RequestId>,
    /// The user does not want it any more, or wanted to know once.
    pub(super) is_ending: bool,
    /// The notifier was asked to end it.
    pub(super) is_removed: bool,
    /// A NOTIFY came since the last SUBSCRIBE was sent.
    pub(super) is_told: bool,
}

impl Subscribe {
    /// A subscription to a resource for an hour.
    #[must_use]
    pub fn new(resource: UriBuf, from: UriBuf, event: &str) -> Self {
        Self {
            resource,
            from,
            event: event.to_owned(),
            accept: Vec::new(),
            expires: Duration::from_secs(3_600),
            targets: Vec::new(),
        }
    }
}

impl Endpoint {
    /// Subscribes to a resource, and keeps it up: refreshes it at a random time from 60 to 90 % of its
    /// expiry, and asks for it anew when it is lost, for as long as the notifier allows that.
    ///
    /// # Errors
    ///
    /// If the request cannot be built or sent, or there are too many subscriptions.
    pub fn subscribe(
        &mut self,
        now: Instant,
        wish: Subscribe,
    ) -> Result<SubscriptionId, SubscriptionError> {
        let id = self.note_wish(wish)?;
        match self.begin_subscription(now, id) {
            Ok(()) => {
                self.settle(now);
                Ok(id)
            }
            Err(error) => {
                self.drop_subscription(id);
                Err(error)
            }
        }
    }

    /// Subscribes to what a former run was subscribed to, each at a random time within `within`, so
    /// that a restart is no flood.
    ///
    /// # Errors
    ///
    /// If there are too many subscriptions.
    pub fn restore(
        &mut self,
        now: Instant,
        wish: Subscribe,
        within: Duration,
    ) -> Result<SubscriptionId, SubscriptionError> {
        let id = self.note_wish(wish)?;
        let millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX - 1);
        let wait = Duration::from_millis(self.core.random.below(millis.saturating_add(1)));
        let timer = Timer::Subscription(id, SubscriptionTimer::Subscribe);
        self.core.timers.set_after(timer, now, wait);
        Ok(id)
    }

    /// Ends a subscription. The notifier tells its state for a last time
    /// ([`SubscriptionEvent::Notified`]), then comes [`SubscriptionEvent::Ended`].
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn unsubscribe(
        &mut self,
        now: Instant,
        id: SubscriptionId,
    ) -> Result<(), SubscriptionError> {
        let entry = self
            .subscriptions
            .ours
            .get_mut(&id)
            .ok_or(SubscriptionError::Unknown)?;
        entry.is_ending = true;
        match (entry.dialog.is_some(), entry.request.is_some()) {
            // The answer under way leads to the end.
            (_, true) => {}
            (true, false) => self.refresh(now, id, Duration::ZERO)?,
            (false, false) => self.end_subscription(id, Cause::Unsubscribed),
        }
        self.settle(now);
        Ok(())
    }

    fn note_wish(&mut self, wish: Subscribe) -> Result<SubscriptionId, SubscriptionError> {
        if self.subscriptions.ours.len() >= self.core.config.limits.max_dialogs as usize {
            return Err(SubscriptionError::Overloaded);
        }
        let id = self.subscriptions.next_id();
        let is_once = wish.expires.is_zero();
        let subscriber = Subscriber {
            call_id: String::new(),
            tag: String::new(),
            lease: Lease::new(wish.expires),
            is_ending: is_once,
            wish,
            dialog: None,
            peer: None,
            is_notified: false,
            request: None,
            is_removed: is_once,
            is_told: false,
        };
        self.subscriptions.ours.insert(id, subscriber);
        Ok(id)
    }

    /// Sends the first SUBSCRIBE of a try.
    fn begin_subscription(
        &mut self,
        now: Instant,
        id: SubscriptionId,
    ) -> Result<(), SubscriptionError> {
        self.forget_dialog(id);
        let (call_id, tag) = (self.core.call_id(), self.core.tag());
        let entry = self
            .subscriptions
            .ours
            .get_mut(&id)
            .ok_or(SubscriptionError::Unknown)?;
        entry.call_id.clone_from(&call_id);
        entry.tag.clone_from(&tag);
        let (wish, expires) = (entry.wish.clone(), entry.lease.expires());
        let (resource, from) = (wish.resource.as_uri(), wish.from.as_uri());
        let parts = (call_id.as_str(), tag.as_str());
        let mut request = self
            .core
            .compose(Method::Subscribe, resource, from, parts)?;
        describe(&mut request, &wish, expires)?;
        self.subscriptions.begun.insert((call_id, tag), id);
        self.send_subscribe(now, id, &request, wish.targets)
    }

    /// Sends a SUBSCRIBE in the dialog of a subscription.
    fn refresh(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        expires: Duration,
    ) -> Result<(), SubscriptionError> {
        let entry = self
            .subscriptions
            .ours
            .get_mut(&id)
            .ok_or(SubscriptionError::Unknown)?;
        let dialog = entry.dialog.as_mut().ok_or(SubscriptionError::Unknown)?;
        let mut request = dialog.request(Method::Subscribe)?;
        describe(&mut request, &entry.wish, expires)?;
        entry.is_removed = expires.is_zero();
        let flow = entry.peer.as_ref().and_then(|peer| peer.flow);
        let draft = Draft::new(&request, &self.core.config.message)?;
        let purpose = Purpose::Subscriber(id);
        let sent = self.core.send_in_dialog(now, draft, flow, purpose)?;
        self.note_subscribe(id, sent);
        Ok(())
    }

    fn send_subscribe(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        request: &RequestBuilder,
        targets: Vec<Target>,
    ) -> Result<(), SubscriptionError> {
        let draft = Draft::new(request, &self.core.config.message)?;
        let sent = self
            .core
            .send(now, draft, targets, Purpose::Subscriber(id))?;
        self.note_subscribe(id, sent);
        Ok(())
    }

    /// Notes that a SUBSCRIBE is under way.
    fn note_subscribe(&mut self, id: SubscriptionId, sent: RequestId) {
        if let Some(entry) = self.subscriptions.ours.get_mut(&id) {
            entry.request = Some(sent);
            entry.is_told = false;
        }
        self.core.timers.stop(subscribe_timer(id));
        self.core.timers.stop(notify_timer(id));
    }

    /// What became of a SUBSCRIBE. Nobody is interested in one that was given up.
    pub(crate) fn handle_subscriber_report(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        request: RequestId,
        outcome: Outcome,
        peer: Peer,
    ) {
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        if entry.request != Some(request) {
            return;
        }
        match outcome {
            Outcome::Repeated(_) => {}
            Outcome::Response(response) if response.status().is_provisional() => {}
            Outcome::Response(response) => {
                entry.request = None;
                entry.peer.get_or_insert(peer);
                match response.status() {
                    status if status.is_success() => self.handle_subscribed(now, id, &response),
                    StatusCode::INTERVAL_TOO_BRIEF => self.subscribe_longer(now, id, &response),
                    status => self.handle_subscribe_refused(now, id, status),
                }
            }
            Outcome::Failed(failure) => {
                entry.request = None;
                self.retry(now, id, Cause::Failed(failure), Duration::ZERO);
            }
        }
    }

    fn handle_subscribed(&mut self, now: Instant, id: SubscriptionId, response: &Response) {
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        match &mut entry.dialog {
            // A refresh: what was accepted has lasted.
            Some(dialog) => {
                dialog.handle_response(response);
                entry.lease.succeed();
            }
            // The NOTIFY makes the dialog. Until it comes, this is the best that is known.
            None => {
                if let Ok(dialog) = Dialog::answered(response) {
                    self.join_subscription(id, dialog, false);
                }
            }
        }
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        if !entry.is_told || entry.is_ending {
            // Timer N: without a NOTIFY nothing came about.
            let wait = self.core.config.timing.timeout();
            self.core.timers.set_after(notify_timer(id), now, wait);
        }
        let granted = entry.lease.granted(response);
        if !entry.is_ending {
            self.arm_refresh(now, id, granted);
        } else if !entry.is_removed {
            // It was given up while this was under way.
            if self.refresh(now, id, Duration::ZERO).is_err() {
                self.end_subscription(id, Cause::Unsubscribed);
            }
        }
    }

    /// The notifier wants longer subscriptions (RFC 6665 §4.2.1.1).
    fn subscribe_longer(&mut self, now: Instant, id: SubscriptionId, response: &Response) {
        let status = response.status();
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        if entry.is_ending || !entry.lease.lengthen(response) {
            return self.handle_subscribe_refused(now, id, status);
        }
        let expires = entry.lease.expires();
        let again = match entry.dialog.is_some() {
            true => self.refresh(now, id, expires),
            false => self.begin_subscription(now, id),
        };
        if again.is_err() {
            self.end_subscription(id, Cause::Refused(status));
        }
    }

    fn handle_subscribe_refused(&mut self, now: Instant, id: SubscriptionId, status: StatusCode) {
        let Some(entry) = self.subscriptions.ours.get(&id) else {
            return;
        };
        let cause = Cause::Refused(status);
        if entry.is_ending {
            self.end_subscription(id, Cause::Unsubscribed);
        } else if (entry.dialog.is_some() && ends_dialog(status)) || is_temporary(status) {
            self.retry(now, id, cause, Duration::ZERO);
        } else {
            self.end_subscription(id, cause);
        }
    }

    /// Asks for a subscription anew, later.
    pub(super) fn retry(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        cause: Cause,
        least: Duration,
    ) {
        self.forget_dialog(id);
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        if let Some(request) = entry.request.take() {
            self.core.cancel(now, request);
        }
        if entry.is_ending {
            return self.end_subscription(id, cause);
        }
        let random = &mut self.core.random;
        let wait = match cause {
            Cause::Terminated(_) => entry.lease.wait_after_end(random),
            Cause::Unsubscribed
            | Cause::Expired
            | Cause::Refused(_)
            | Cause::NoNotify
            | Cause::Failed(_)
            | Cause::Gone => entry.lease.wait_after_failure(random),
        };
        let wait = wait.max(least);
        self.core.timers.stop(notify_timer(id));
        self.core.timers.set_after(subscribe_timer(id), now, wait);
        self.tell_subscription(id, SubscriptionEvent::Retrying { wait, cause });
    }

    pub(crate) fn handle_subscriber_timeout(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        timer: SubscriptionTimer,
    ) {
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        match timer {
            SubscriptionTimer::NoNotify => self.retry(now, id, Cause::NoNotify, Duration::ZERO),
            SubscriptionTimer::Subscribe if entry.request.is_some() => {}
            SubscriptionTimer::Subscribe => {
                let expires = entry.lease.expires();
                let sent = match entry.dialog.is_some() {
                    true => self.refresh(now, id, expires),
                    false => self.begin_subscription(now, id),
                };
                if sent.is_err() {
                    let cause = Cause::Failed(crate::endpoint::Failure::Overloaded);
                    self.retry(now, id, cause, Duration::ZERO);
                }
            }
            SubscriptionTimer::Expire | SubscriptionTimer::Notify => {}
        }
    }

    pub(super) fn arm_refresh(&mut self, now: Instant, id: SubscriptionId, granted: Duration) {
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        if entry.is_ending {
            return;
        }
        let wait = entry.lease.refresh_wait(granted, &mut self.core.random);
        self.core.timers.set_after(subscribe_timer(id), now, wait);
    }

    pub(super) fn join_subscription(
        &mut self,
        id: SubscriptionId,
        dialog: Dialog,
        is_notified: bool,
    ) {
        let subscriptions = &mut self.subscriptions;
        let Some(entry) = subscriptions.ours.get_mut(&id) else {
            return;
        };
        if let Some(former) = &entry.dialog {
            subscriptions.dialogs.remove(former.id());
        }
        let place = (id, Side::Subscriber);
        subscriptions.dialogs.insert(dialog.id().clone(), place);
        entry.dialog = Some(dialog);
        entry.is_notified |= is_notified;
    }

    /// Forgets the dialog of a try that is over.
    fn forget_dialog(&mut self, id: SubscriptionId) {
        let subscriptions = &mut self.subscriptions;
        let Some(entry) = subscriptions.ours.get_mut(&id) else {
            return;
        };
        if let Some(dialog) = entry.dialog.take() {
            subscriptions.dialogs.remove(dialog.id());
        }
        let begun = (
            std::mem::take(&mut entry.call_id),
            std::mem::take(&mut entry.tag),
        );
        subscriptions.begun.remove(&begun);
        entry.is_notified = false;
        entry.peer = None;
    }

    pub(super) fn end_subscription(&mut self, id: SubscriptionId, cause: Cause) {
        if self.drop_subscription(id) {
            self.tell_subscription(id, SubscriptionEvent::Ended(cause));
        }
    }

    fn drop_subscription(&mut self, id: SubscriptionId) -> bool {
        self.forget_dialog(id);
        self.core.timers.stop(subscribe_timer(id));
        self.core.timers.stop(notify_timer(id));
        self.subscriptions.ours.remove(&id).is_some()
    }

    pub(super) fn tell_subscription(
        &mut self,
        subscription: SubscriptionId,
        event: SubscriptionEvent,
    ) {
        self.core.events.push_back(Event::Subscription {
            subscription,
            event,
        });
    }

    /// The subscription of ours that a NOTIFY is about, whether its dialog is known or begins with it.
    pub(crate) fn subscription_of(&self, dialog: &DialogId) -> Option<SubscriptionId> {
        match self.subscriptions.of_dialog(dialog) {
            Some((id, Side::Subscriber)) => return Some(id),
            Some((_, Side::Notifier)) => return None,
            None => {}
        }
        let begun = (dialog.call_id().to_owned(), dialog.local_tag().to_owned());
        let id = *self.subscriptions.begun.get(&begun)?;
        // A second notifier is turned away (RFC 6665 §4.5.2).
        let entry = self.subscriptions.ours.get(&id)?;
        (!entry.is_notified).then_some(id)
    }
}

/// What a SUBSCRIBE says beside who and where.
fn describe(
    request: &mut RequestBuilder,
    wish: &Subscribe,
    expires: Duration,
) -> Result<(), crate::BuildError> {
    request
        .header(HeaderName::Event, &wish.event)?
        .header(HeaderName::Expires, expires.as_secs())?;
    if !wish.accept.is_empty() {
        request.header(HeaderName::Accept, wish.accept.join(", "))?;
    }
    Ok(())
}

/// Whether a refusal is about the moment and not about the request.
fn is_temporary(status: StatusCode) -> bool {
    status.code() / 100 == 5 || status == StatusCode::REQUEST_TIMEOUT
}

pub(super) fn seconds(seconds: Option<u32>) -> Duration {
    Duration::from_secs(seconds.unwrap_or(u32::MAX).into())
}

fn subscribe_timer(id: SubscriptionId) -> Timer {
    Timer::Subscription(id, SubscriptionTimer::Subscribe)
}

pub(super) fn notify_timer(id: SubscriptionId) -> Timer {
    Timer::Subscription(id, SubscriptionTimer::NoNotify)
}
