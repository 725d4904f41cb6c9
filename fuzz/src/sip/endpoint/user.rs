//! What the user of the endpoint is told, and that it makes sense.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use comity_sip::endpoint::{Event, Incoming, RequestId};
use comity_sip::{
    Method, PublicationEvent, PublicationId, SessionEvent, SessionId, SubscriptionEvent,
    SubscriptionId, TransactionId, WatcherEvent,
};

/// What the user knows.
#[derive(Debug, Default)]
pub(super) struct User {
    /// Requests that came, answered or not, the last one last.
    pub(super) incoming: Vec<Incoming>,
    /// Requests that went, and whether each has ended.
    pub(super) asked: BTreeMap<RequestId, bool>,
    pub(super) sessions: BTreeMap<SessionId, IsThere>,
    pub(super) subscriptions: BTreeSet<SubscriptionId>,
    pub(super) watchers: BTreeSet<SubscriptionId>,
    pub(super) publications: BTreeSet<PublicationId>,
    given: BTreeSet<TransactionId>,
    over: BTreeSet<TransactionId>,
}

/// Whether a session is established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IsThere {
    Begun,
    Established,
}

impl User {
    /// Takes what the user is told, but for what is asked of the driver.
    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Request(incoming) => {
                assert!(self.given.insert(incoming.id()), "a request came twice");
                assert!(
                    !matches!(incoming.request().method(), Method::Ack | Method::Cancel),
                    "what nobody answers"
                );
                if let Some(session) = incoming.session() {
                    // The early dialog of a 180 has a session that nobody was told.
                    self.sessions.entry(session).or_insert(IsThere::Begun);
                }
                self.incoming.push(*incoming);
            }
            Event::Cancelled(id) | Event::Unanswered(id) => {
                assert!(self.given.contains(&id), "the end of what never came");
                assert!(self.over.insert(id), "an end behind the end");
            }
            Event::Session { session, event } => self.session(session, &event),
            Event::Subscription {
                subscription,
                event,
            } => {
                let known = self.subscriptions.contains(&subscription);
                assert!(known, "{event:?} of a subscription that is over");
                if let SubscriptionEvent::Ended(_) = event {
                    self.subscriptions.remove(&subscription);
                }
            }
            Event::Watcher {
                subscription,
                event,
            } => {
                let known = self.watchers.contains(&subscription);
                assert!(known, "{event:?} of a watcher that is gone");
                if let WatcherEvent::Ended(_) = event {
                    self.watchers.remove(&subscription);
                }
            }
            Event::Publication { publication, event } => {
                let known = self.publications.contains(&publication);
                assert!(known, "{event:?} of a publication that is over");
                if let PublicationEvent::Ended(_) = event {
                    self.publications.remove(&publication);
                }
            }
            Event::Response { request, response } => {
                if response.status().is_provisional() {
                    self.live(request, &"a provisional response");
                } else {
                    self.end(request);
                }
            }
            Event::Failed { request, .. } => self.end(request),
            _ => {}
        }
    }

    fn session(&mut self, id: SessionId, event: &SessionEvent) {
        let known = self.sessions.get(&id).copied();
        assert!(known.is_some(), "{event:?} of session {id} that is over");
        let is_over = match event {
            SessionEvent::Failed(_) | SessionEvent::Ended(_) => true,
            SessionEvent::Refused(_) => known == Some(IsThere::Begun),
            _ => false,
        };
        if let SessionEvent::Answered(_) = event {
            self.sessions.insert(id, IsThere::Established);
        }
        if is_over {
            self.sessions.remove(&id);
        }
    }

    fn live(&self, request: RequestId, what: &dyn Debug) {
        let known = self.asked.get(&request);
        assert_eq!(known, Some(&false), "{what:?} behind the end");
    }

    fn end(&mut self, request: RequestId) {
        self.live(request, &"an end");
        self.asked.insert(request, true);
    }
}
