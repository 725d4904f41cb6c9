//! What the notifier tells a subscriber.

use std::time::{Duration, Instant};

use super::subscriber::{notify_timer, seconds};
use super::{Cause, Reason, SubscriptionEvent, SubscriptionId};
use crate::endpoint::Incoming;
use crate::header::{self, SubscriptionState, SubscriptionStatus};
use crate::{Dialog, DialogError, DialogId, Endpoint, StatusCode};

impl Endpoint {
    /// A NOTIFY of a subscription of ours.
    pub(crate) fn handle_notify(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        dialog: &DialogId,
        incoming: Box<Incoming>,
    ) {
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        let expected = || entry.request.map(|request| self.core.expected(request));
        let guard = entry.peer.as_ref().map(|peer| peer.guard.clone());
        let guard = guard.or_else(expected).unwrap_or_default();
        if !guard.admits(incoming.proved()) {
            return self.core.refuse_with(now, &incoming, StatusCode::FORBIDDEN);
        }
        let state = match Notified::of(&incoming, &entry.wish.event) {
            Ok(state) => state,
            Err(status) => return self.core.refuse_with(now, &incoming, status),
        };
        match &mut entry.dialog {
            Some(known) if known.id() == dialog => {
                if known.handle_request(&incoming.request).is_err() {
                    let status = StatusCode::SERVER_INTERNAL_ERROR;
                    return self.core.refuse_with(now, &incoming, status);
                }
            }
            other => {
                let sequence = other.as_ref().map_or(1, Dialog::local_sequence);
                match Dialog::notified(&incoming.request, sequence) {
                    Ok(dialog) => self.join_subscription(id, dialog, true),
                    // `COMPAT:` Microsoft's servers leave Contact out. The answer to our SUBSCRIBE,
                    // which this has overtaken, has it and makes the dialog.
                    Err(DialogError::NoTarget) if other.is_none() && entry.request.is_some() => {}
                    Err(_) => {
                        return self
                            .core
                            .refuse_with(now, &incoming, StatusCode::BAD_REQUEST);
                    }
                }
            }
        }
        self.core.refuse_with(now, &incoming, StatusCode::OK);
        self.take_state(now, id, state, incoming);
    }

    /// Follows what a NOTIFY says about the subscription.
    fn take_state(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        state: Notified,
        incoming: Box<Incoming>,
    ) {
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        entry.is_notified = entry.dialog.is_some();
        entry.is_told = true;
        // What shall end has a NOTIFY to come that says so.
        if !entry.is_ending {
            self.core.timers.stop(notify_timer(id));
        }
        let event = SubscriptionEvent::Notified(Box::new(incoming.request));
        self.tell_subscription(id, event);
        match state {
            Notified::Terminated { reason, retry } => {
                self.handle_terminated(now, id, reason, retry);
            }
            Notified::Standing {
                expires: Some(expires),
            } => self.arm_refresh(now, id, seconds(Some(expires))),
            Notified::Standing { expires: None } => {}
        }
    }

    fn handle_terminated(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        reason: Reason,
        retry: Option<Duration>,
    ) {
        let Some(entry) = self.subscriptions.ours.get_mut(&id) else {
            return;
        };
        let cause = Cause::Terminated(reason);
        match retry {
            _ if entry.is_ending => self.end_subscription(id, Cause::Unsubscribed),
            Some(wait) => self.retry(now, id, cause, wait),
            None => self.end_subscription(id, cause),
        }
    }
}

/// What a NOTIFY says about a subscription.
#[derive(Clone, Copy, Debug)]
enum Notified {
    Standing {
        /// For how many seconds, if it says so.
        expires: Option<u32>,
    },
    Terminated {
        reason: Reason,
        /// After what time it may be asked for again.
        retry: Option<Duration>,
    },
}

impl Notified {
    /// Reads a NOTIFY for an event package; or the status of the answer.
    fn of(incoming: &Incoming, package: &str) -> Result<Self, StatusCode> {
        let headers = incoming.request.headers();
        let event = headers.optional::<header::Event<'_>>();
        let (package, _) = package.split_once(';').unwrap_or((package, ""));
        if !matches!(event, Ok(Some(event)) if event.package() == package) {
            return Err(StatusCode::BAD_EVENT);
        }
        let Ok(Some(state)) = headers.optional::<SubscriptionState<'_>>() else {
            return Err(StatusCode::BAD_REQUEST);
        };
        if state.status() != SubscriptionStatus::Terminated {
            let expires = state.expires();
            return Ok(Self::Standing { expires });
        }
        let reason = Reason::parse(state.reason());
        let retry = reason.retry(state.retry_after());
        Ok(Self::Terminated { reason, retry })
    }
}
