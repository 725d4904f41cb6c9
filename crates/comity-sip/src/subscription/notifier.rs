//! The side that notifies.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    Cause, Reason, Side, SubscriptionError, SubscriptionId, SubscriptionTimer, WatcherEvent,
};
use crate::endpoint::{Draft, Event, Failure, Incoming, Outcome, Peer, Purpose, Timer, options};
use crate::header::{self, Expires, MinExpires, RetryAfter};
use crate::session::ends_dialog;
use crate::{
    BuildError, Dialog, DialogError, DialogId, Endpoint, HeaderName, Method, Response, StatusCode,
};

/// A subscription of somebody else's.
#[derive(Debug)]
pub(crate) struct Watcher {
    dialog: Dialog,
    source: IpAddr,
    peer: Peer,
    /// The value of Event, as the watcher wrote it.
    event: String,
    ends_at: Instant,
    /// What the watcher is told, and its type.
    state: Option<(String, Bytes)>,
    standing: Standing,
    /// A NOTIFY is under way.
    is_notifying: bool,
    /// The state has changed since, or the subscription is over.
    is_stale: bool,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Active,
    Pending,
    Terminated(Reason, Cause),
}

impl Endpoint {
    /// Accepts a SUBSCRIBE with 200, and tells the watcher the state: the type and the body of a
    /// NOTIFY, or nothing. From now on the endpoint answers refreshes, and ends the subscription when
    /// none comes. A SUBSCRIBE that wants to know once (`Expires: 0`) is told and forgotten.
    ///
    /// # Errors
    ///
    /// If it is no SUBSCRIBE that waits for an answer, or there are too many subscriptions.
    pub fn accept_subscription(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        state: Option<(&str, Bytes)>,
    ) -> Result<SubscriptionId, SubscriptionError> {
        self.take_subscription(now, incoming, state, Standing::Active)
    }

    /// Takes a SUBSCRIBE without deciding about it: the watcher is told nothing but that. The first
    /// [`notify`](Self::notify) accepts it, [`terminate`](Self::terminate) refuses it.
    ///
    /// # Errors
    ///
    /// As [`accept_subscription`](Self::accept_subscription).
    pub fn hold_subscription(
        &mut self,
        now: Instant,
        incoming: &Incoming,
    ) -> Result<SubscriptionId, SubscriptionError> {
        self.take_subscription(now, incoming, None, Standing::Pending)
    }

    /// Tells a watcher a new state. While a NOTIFY is under way only the last state is kept.
    ///
    /// # Errors
    ///
    /// If there is no such subscription, or the state is too large.
    pub fn notify(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        content_type: &str,
        body: Bytes,
    ) -> Result<(), SubscriptionError> {
        let state = self.bounded(Some((content_type, body)))?;
        let watcher = self
            .subscriptions
            .watchers
            .get_mut(&id)
            .ok_or(SubscriptionError::Unknown)?;
        match watcher.standing {
            Standing::Active | Standing::Pending => {}
            Standing::Terminated(..) => return Err(SubscriptionError::Unknown),
        }
        watcher.state = state;
        watcher.standing = Standing::Active;
        self.send_notify(now, id);
        self.settle(now);
        Ok(())
    }

    /// Ends a subscription of a watcher's for a reason, which it is told.
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn terminate(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        reason: Reason,
    ) -> Result<(), SubscriptionError> {
        if !self.subscriptions.watchers.contains_key(&id) {
            return Err(SubscriptionError::Unknown);
        }
        self.terminate_watcher(now, id, reason, Cause::Terminated(reason));
        self.settle(now);
        Ok(())
    }

    /// A SUBSCRIBE outside of a dialog: the package and the time are checked, the rest is the user's.
    pub(crate) fn dispatch_subscribe(&mut self, now: Instant, incoming: Box<Incoming>) {
        let headers = incoming.request.headers();
        let event = headers.optional::<header::Event<'_>>();
        let events = &self.core.config.events;
        let is_known =
            matches!(event, Ok(Some(event)) if events.iter().any(|known| known == event.package()));
        if !is_known {
            let mut response = incoming.response(StatusCode::BAD_EVENT);
            options::list(&mut response, HeaderName::AllowEvents, events);
            return self.core.respond(now, incoming.id, response);
        }
        if self.granted(&incoming).is_none() {
            return self.refuse_brief(now, &incoming);
        }
        self.core.events.push_back(Event::Request(incoming));
    }

    /// For how long a SUBSCRIBE is granted; `None` if that is too short (RFC 6665 §4.2.1.1).
    fn granted(&self, incoming: &Incoming) -> Option<Duration> {
        let config = &self.core.config;
        // Expires has no larger numbers.
        let longest = config.max_expires.min(Duration::from_secs(u32::MAX.into()));
        let asked = incoming
            .request
            .headers()
            .optional::<Expires>()
            .ok()
            .flatten();
        let Some(seconds) = asked.and_then(Expires::seconds) else {
            return Some(longest);
        };
        let asked = Duration::from_secs(seconds.into());
        let is_brief = !asked.is_zero() && asked < config.min_expires;
        (!is_brief).then_some(asked.min(longest))
    }

    fn refuse_brief(&mut self, now: Instant, incoming: &Incoming) {
        let mut response = incoming.response(StatusCode::INTERVAL_TOO_BRIEF);
        let least = MinExpires(self.core.config.min_expires.as_secs());
        let _: Result<_, BuildError> = response.header(HeaderName::MinExpires, least);
        self.core.respond(now, incoming.id, response);
    }

    fn take_subscription(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        state: Option<(&str, Bytes)>,
        standing: Standing,
    ) -> Result<SubscriptionId, SubscriptionError> {
        if self.subscriptions.watchers.len() >= self.core.config.limits.max_dialogs as usize {
            return Err(SubscriptionError::Overloaded);
        }
        let is_subscribe = incoming.request.method() == Method::Subscribe;
        if !is_subscribe || !self.core.table.is_unanswered(incoming.id) {
            return Err(SubscriptionError::Over);
        }
        let state = self.bounded(state)?;
        let granted = self.granted(incoming).ok_or(SubscriptionError::Over)?;
        let headers = incoming.request.headers();
        let event = headers
            .one::<header::Event<'_>>()
            .map_err(DialogError::from)?;
        let event = event.to_string();
        let dialog = Dialog::answering(&incoming.request, incoming.tag.as_str())?;
        let mut response = self.dialog_response(incoming, StatusCode::OK)?;
        response.header(HeaderName::Expires, granted.as_secs())?;
        if !self.shares.take(incoming.source.ip()) {
            return Err(SubscriptionError::Overloaded);
        }
        let message = self.core.finish(response);
        let sent = self
            .core
            .table
            .respond(now, incoming.id, StatusCode::OK, message);
        if sent.is_err() {
            self.shares.give_back(incoming.source.ip());
            return Err(SubscriptionError::Over);
        }
        let id = self.subscriptions.next_id();
        let place = (id, Side::Notifier);
        self.subscriptions
            .dialogs
            .insert(dialog.id().clone(), place);
        let standing = match granted.is_zero() {
            true => Standing::Terminated(Reason::Timeout, Cause::Unsubscribed),
            false => standing,
        };
        let watcher = Watcher {
            dialog,
            source: incoming.source.ip(),
            peer: Peer {
                guard: incoming.guard.clone(),
                flow: Some(incoming.flow),
            },
            event,
            ends_at: now + granted,
            state,
            standing,
            is_notifying: false,
            is_stale: false,
        };
        self.subscriptions.watchers.insert(id, watcher);
        self.core.timers.set_after(expire_timer(id), now, granted);
        self.send_notify(now, id);
        self.settle(now);
        Ok(id)
    }

    /// A request in the dialog of a watcher.
    pub(crate) fn dispatch_in_subscription(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        incoming: &Incoming,
    ) {
        let granted = self.granted(incoming);
        let Some(watcher) = self.subscriptions.watchers.get_mut(&id) else {
            return;
        };
        if !watcher.peer.guard.admits(incoming.proved()) {
            return self.core.refuse_with(now, incoming, StatusCode::FORBIDDEN);
        }
        watcher.peer.flow = Some(incoming.flow);
        if watcher.dialog.handle_request(&incoming.request).is_err() {
            return self
                .core
                .refuse_with(now, incoming, StatusCode::SERVER_INTERNAL_ERROR);
        }
        if incoming.request.method() != Method::Subscribe {
            let mut response = incoming.response(StatusCode::METHOD_NOT_ALLOWED);
            options::allow(&self.core.config, &mut response);
            return self.core.respond(now, incoming.id, response);
        }
        let headers = incoming.request.headers();
        let event = headers.optional::<header::Event<'_>>().ok().flatten();
        if event.is_none_or(|event| event.to_string() != watcher.event) {
            return self.core.refuse_with(now, incoming, StatusCode::BAD_EVENT);
        }
        if let Standing::Terminated(..) = watcher.standing {
            let status = StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST;
            return self.core.refuse_with(now, incoming, status);
        }
        let Some(granted) = granted else {
            return self.refuse_brief(now, incoming);
        };
        watcher.ends_at = now + granted;
        match self.dialog_response(incoming, StatusCode::OK) {
            Ok(mut response) => {
                let _: Result<_, BuildError> =
                    response.header(HeaderName::Expires, granted.as_secs());
                self.core.respond(now, incoming.id, response);
            }
            Err(_) => self
                .core
                .refuse_with(now, incoming, StatusCode::SERVER_INTERNAL_ERROR),
        }
        if granted.is_zero() {
            self.terminate_watcher(now, id, Reason::Timeout, Cause::Unsubscribed);
            return;
        }
        self.core.timers.set_after(expire_timer(id), now, granted);
        self.tell_watcher(id, WatcherEvent::Refreshed(granted));
        self.send_notify(now, id);
    }

    pub(crate) fn handle_watcher_timeout(&mut self, now: Instant, id: SubscriptionId) {
        self.terminate_watcher(now, id, Reason::Timeout, Cause::Expired);
    }

    /// Tells a watcher that it is over, and its user when the watcher knows.
    fn terminate_watcher(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        reason: Reason,
        cause: Cause,
    ) {
        let Some(watcher) = self.subscriptions.watchers.get_mut(&id) else {
            return;
        };
        if let Standing::Terminated(..) = watcher.standing {
            return;
        }
        watcher.standing = Standing::Terminated(reason, cause);
        self.core.timers.stop(expire_timer(id));
        self.send_notify(now, id);
    }

    /// Tells a watcher how things are, or notes that there is something to tell.
    pub(crate) fn send_notify(&mut self, now: Instant, id: SubscriptionId) {
        let Some(watcher) = self.subscriptions.watchers.get_mut(&id) else {
            return;
        };
        if watcher.is_notifying {
            watcher.is_stale = true;
            return;
        }
        watcher.is_stale = false;
        watcher.is_notifying = true;
        let flow = watcher.peer.flow;
        let sent = watcher
            .draft(now, &self.core.config.message)
            .and_then(|draft| {
                let purpose = Purpose::Watcher(id);
                Ok(self.core.send_in_dialog(now, draft, flow, purpose)?)
            });
        if sent.is_err() {
            self.drop_watcher(id, Cause::Failed(Failure::Overloaded));
        }
    }

    /// What became of a NOTIFY (RFC 6665 §4.2.2).
    pub(crate) fn handle_watcher_report(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        outcome: &Outcome,
    ) {
        let Some(watcher) = self.subscriptions.watchers.get_mut(&id) else {
            return;
        };
        let lost = match outcome {
            Outcome::Repeated(_) => return,
            Outcome::Response(response) if response.status().is_provisional() => return,
            Outcome::Response(response) if response.status().is_success() => {
                watcher.dialog.handle_response(response);
                None
            }
            Outcome::Response(response) if ends_dialog(response.status()) => Some(Cause::Gone),
            // It is told again then (RFC 6665 §4.2.2).
            Outcome::Response(response) if retry_after(response).is_some() => {
                let wait = retry_after(response).unwrap_or_default();
                watcher.is_notifying = false;
                if let Standing::Terminated(_, cause) = watcher.standing {
                    return self.drop_watcher(id, cause);
                }
                let timer = Timer::Subscription(id, SubscriptionTimer::Notify);
                return self.core.timers.set_after(timer, now, wait);
            }
            Outcome::Response(response) => Some(Cause::Refused(response.status())),
            Outcome::Failed(failure) => Some(Cause::Failed(*failure)),
        };
        watcher.is_notifying = false;
        match (lost, watcher.standing) {
            (_, Standing::Terminated(_, cause)) if !watcher.is_stale => {
                self.drop_watcher(id, cause);
            }
            (Some(cause), _) => self.drop_watcher(id, cause),
            (None, _) if watcher.is_stale => self.send_notify(now, id),
            (None, _) => {}
        }
    }

    fn drop_watcher(&mut self, id: SubscriptionId, cause: Cause) {
        self.core.timers.stop(expire_timer(id));
        let renotify = Timer::Subscription(id, SubscriptionTimer::Notify);
        self.core.timers.stop(renotify);
        let Some(watcher) = self.subscriptions.watchers.remove(&id) else {
            return;
        };
        self.subscriptions.dialogs.remove(watcher.dialog.id());
        self.shares.give_back(watcher.source);
        self.tell_watcher(id, WatcherEvent::Ended(cause));
    }

    fn tell_watcher(&mut self, subscription: SubscriptionId, event: WatcherEvent) {
        self.core.events.push_back(Event::Watcher {
            subscription,
            event,
        });
    }

    /// A state that is small enough to be kept.
    fn bounded(
        &self,
        state: Option<(&str, Bytes)>,
    ) -> Result<Option<(String, Bytes)>, SubscriptionError> {
        let limit = self.core.config.limits.max_state_bytes;
        match state {
            Some((_, body)) if body.len() > limit as usize => {
                Err(SubscriptionError::TooLarge { limit })
            }
            Some((content_type, body)) => Ok(Some((content_type.to_owned(), body))),
            None => Ok(None),
        }
    }

    /// The watcher of a dialog.
    pub(crate) fn watcher_of(&self, dialog: &DialogId) -> Option<SubscriptionId> {
        match self.subscriptions.of_dialog(dialog) {
            Some((id, Side::Notifier)) => Some(id),
            Some((_, Side::Subscriber)) | None => None,
        }
    }
}

impl Watcher {
    /// The NOTIFY that tells how things are.
    fn draft(&mut self, now: Instant, limits: &crate::Limits) -> Result<Draft, SubscriptionError> {
        let mut request = self.dialog.request(Method::Notify)?;
        let left = self.ends_at.saturating_duration_since(now).as_secs();
        let state = match self.standing {
            Standing::Active => format!("active;expires={left}"),
            Standing::Pending => format!("pending;expires={left}"),
            Standing::Terminated(Reason::Other, _) => "terminated".to_owned(),
            Standing::Terminated(reason, _) => format!("terminated;reason={reason}"),
        };
        request
            .header(HeaderName::Event, &self.event)?
            .header(HeaderName::SubscriptionState, state)?;
        if let Some((content_type, body)) = &self.state {
            request.body(content_type, body.clone())?;
        }
        Ok(Draft::new(&request, limits)?)
    }
}

/// When a watcher wants to be told again, five minutes at most.
fn retry_after(response: &Response) -> Option<Duration> {
    let retry = response.headers().optional::<RetryAfter<'_>>().ok()??;
    let wait = Duration::from_secs(retry.seconds().into());
    Some(wait.clamp(Duration::from_secs(1), Duration::from_secs(300)))
}

fn expire_timer(id: SubscriptionId) -> Timer {
    Timer::Subscription(id, SubscriptionTimer::Expire)
}
