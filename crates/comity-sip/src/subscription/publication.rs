//! Publishing the state of an event (RFC 3903), as client.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::lease::Lease;
use super::{Cause, SubscriptionError};
use crate::endpoint::{Draft, Event, Failure, Outcome, Purpose, Target, Timer};
use crate::header::SipEtag;
use crate::{Endpoint, HeaderName, Method, Response, StatusCode, UriBuf};

/// A publication of an endpoint, never one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicationId(pub(crate) u64);

impl fmt::Display for PublicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What to publish.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Publish {
    /// Whose state: the Request-URI and To.
    pub resource: UriBuf,
    /// Who publishes: From.
    pub from: UriBuf,
    /// The event package, as `presence`.
    pub event: String,
    /// The type of the state, as `application/pidf+xml`.
    pub content_type: String,
    /// The state.
    pub body: Bytes,
    /// For how long, and then again.
    pub expires: Duration,
    /// Where to; if empty, the endpoint asks.
    pub targets: Vec<Target>,
}

/// What happens to a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicationEvent {
    /// The last state given is published, for this time, and is refreshed by itself.
    Published(Duration),
    /// It was lost, or did not come about, and is published anew after this time.
    Retrying {
        /// When.
        wait: Duration,
        /// Why.
        cause: Cause,
    },
    /// It is over.
    Ended(Cause),
}

/// All publications of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Publications {
    publications: BTreeMap<PublicationId, Publication>,
    next: u64,
}

#[derive(Debug)]
pub(crate) struct Publication {
    wish: Publish,
    lease: Lease,
    call_id: String,
    tag: String,
    sequence: u32,
    /// What the server knows it by.
    etag: Option<String>,
    /// A request is under way.
    is_sending: bool,
    /// The state has changed since it was sent.
    is_stale: bool,
    is_ending: bool,
    /// The request under way takes it back.
    is_removed: bool,
}

impl Publish {
    /// A publication for an hour.
    #[must_use]
    pub fn new(
        resource: UriBuf,
        from: UriBuf,
        event: &str,
        content_type: &str,
        body: Bytes,
    ) -> Self {
        Self {
            resource,
            from,
            event: event.to_owned(),
            content_type: content_type.to_owned(),
            body,
            expires: Duration::from_secs(3_600),
            targets: Vec::new(),
        }
    }
}

impl Endpoint {
    /// Publishes a state, and keeps it up: it is refreshed at a random time from 60 to 90 % of its
    /// expiry, and published anew when the server has lost it.
    ///
    /// # Errors
    ///
    /// If the request cannot be built or sent, or there are too many publications.
    pub fn publish(
        &mut self,
        now: Instant,
        wish: Publish,
    ) -> Result<PublicationId, SubscriptionError> {
        let limit = self.core.config.limits.max_dialogs as usize;
        if self.publications.publications.len() >= limit {
            return Err(SubscriptionError::Overloaded);
        }
        let id = PublicationId(self.publications.next);
        self.publications.next += 1;
        let publication = Publication {
            lease: Lease::new(wish.expires),
            wish,
            call_id: self.core.call_id(),
            tag: self.core.tag(),
            sequence: 0,
            etag: None,
            is_sending: false,
            is_stale: false,
            is_ending: false,
            is_removed: false,
        };
        self.publications.publications.insert(id, publication);
        match self.send_publish(now, id, Sent::State) {
            Ok(()) => {
                self.settle(now);
                Ok(id)
            }
            Err(error) => {
                self.publications.publications.remove(&id);
                Err(error)
            }
        }
    }

    /// Publishes another state in place of the last.
    ///
    /// # Errors
    ///
    /// If there is no such publication, or the request cannot be built or sent.
    pub fn modify(
        &mut self,
        now: Instant,
        id: PublicationId,
        body: Bytes,
    ) -> Result<(), SubscriptionError> {
        let entry = self.publication(id)?;
        entry.wish.body = body;
        entry.is_stale = true;
        if !entry.is_sending {
            self.send_publish(now, id, Sent::State)?;
            self.settle(now);
        }
        Ok(())
    }

    /// Takes a publication back; [`PublicationEvent::Ended`] comes when that is done.
    ///
    /// # Errors
    ///
    /// If there is no such publication, or the request cannot be built or sent.
    pub fn unpublish(&mut self, now: Instant, id: PublicationId) -> Result<(), SubscriptionError> {
        let entry = self.publication(id)?;
        entry.is_ending = true;
        let (is_sending, is_there) = (entry.is_sending, entry.etag.is_some());
        match (is_sending, is_there) {
            (true, _) => {}
            (false, true) => self.send_publish(now, id, Sent::Removal)?,
            (false, false) => self.end_publication(id, Cause::Unsubscribed),
        }
        self.settle(now);
        Ok(())
    }

    fn publication(&mut self, id: PublicationId) -> Result<&mut Publication, SubscriptionError> {
        let found = self.publications.publications.get_mut(&id);
        found.ok_or(SubscriptionError::Unknown)
    }

    fn send_publish(
        &mut self,
        now: Instant,
        id: PublicationId,
        what: Sent,
    ) -> Result<(), SubscriptionError> {
        let entry = self.publications.publications.get_mut(&id);
        let entry = entry.ok_or(SubscriptionError::Unknown)?;
        entry.sequence += 1;
        let wish = &entry.wish;
        let (resource, from) = (wish.resource.as_uri(), wish.from.as_uri());
        let parts = (entry.call_id.as_str(), entry.tag.as_str());
        let compose = |number| {
            self.core
                .compose_numbered(Method::Publish, resource, from, parts, number)
        };
        let mut request = compose(entry.sequence)?;
        let expires = match what {
            Sent::State | Sent::Refresh => entry.lease.expires(),
            Sent::Removal => Duration::ZERO,
        };
        request
            .header(HeaderName::Event, &wish.event)?
            .header(HeaderName::Expires, expires.as_secs())?;
        if let Some(etag) = &entry.etag {
            request.header(HeaderName::SipIfMatch, etag)?;
        }
        let has_state = what == Sent::State || (what == Sent::Refresh && entry.etag.is_none());
        if has_state {
            request.body(&wish.content_type, wish.body.clone())?;
        }
        let draft = Draft::new(&request, &self.core.config.message)?;
        let targets = wish.targets.clone();
        let purpose = Purpose::Publication(id);
        self.core.send(now, draft, targets, purpose)?;
        entry.is_sending = true;
        entry.is_stale &= !has_state;
        entry.is_removed = what == Sent::Removal;
        self.core.timers.stop(Timer::Publication(id));
        Ok(())
    }

    /// What became of a PUBLISH.
    pub(crate) fn handle_publication_report(
        &mut self,
        now: Instant,
        id: PublicationId,
        outcome: Outcome,
    ) {
        let Ok(entry) = self.publication(id) else {
            return;
        };
        let response = match outcome {
            Outcome::Repeated(_) => return,
            Outcome::Response(response) if response.status().is_provisional() => return,
            Outcome::Response(response) => response,
            Outcome::Failed(failure) => {
                entry.is_sending = false;
                return self.retry_publish(now, id, Cause::Failed(failure));
            }
        };
        entry.is_sending = false;
        match response.status() {
            status if status.is_success() => self.handle_published(now, id, &response),
            _ if entry.is_ending => self.end_publication(id, Cause::Unsubscribed),
            // The server has lost it: the whole state is needed (RFC 3903 §4.5).
            StatusCode::CONDITIONAL_REQUEST_FAILED if entry.etag.is_some() => {
                entry.etag = None;
                self.publish_again(now, id, Cause::Gone);
            }
            StatusCode::INTERVAL_TOO_BRIEF => self.publish_longer(now, id, &response),
            status if status.code() / 100 == 5 => {
                self.retry_publish(now, id, Cause::Refused(status));
            }
            status => self.end_publication(id, Cause::Refused(status)),
        }
    }

    fn handle_published(&mut self, now: Instant, id: PublicationId, response: &Response) {
        let etag = response.headers().optional::<SipEtag<'_>>();
        let etag = etag.ok().flatten();
        let Some(entry) = self.publications.publications.get_mut(&id) else {
            return;
        };
        entry.etag = etag.map(|etag| etag.as_str().to_owned());
        entry.lease.succeed();
        let granted = entry.lease.granted(response);
        if granted.is_zero() || entry.is_removed {
            return self.end_publication(id, Cause::Unsubscribed);
        }
        if entry.is_ending {
            if self.send_publish(now, id, Sent::Removal).is_err() {
                self.end_publication(id, Cause::Unsubscribed);
            }
            return;
        }
        if entry.is_stale {
            return self.publish_again(now, id, Cause::Failed(Failure::Overloaded));
        }
        let wait = entry.lease.refresh_wait(granted, &mut self.core.random);
        self.core
            .timers
            .set_after(Timer::Publication(id), now, wait);
        self.tell_publication(id, PublicationEvent::Published(granted));
    }

    fn publish_longer(&mut self, now: Instant, id: PublicationId, response: &Response) {
        let cause = Cause::Refused(response.status());
        let is_longer = self
            .publication(id)
            .is_ok_and(|entry| entry.lease.lengthen(response));
        match is_longer {
            true => self.publish_again(now, id, cause),
            false => self.end_publication(id, cause),
        }
    }

    fn publish_again(&mut self, now: Instant, id: PublicationId, cause: Cause) {
        if self.send_publish(now, id, Sent::State).is_err() {
            self.end_publication(id, cause);
        }
    }

    fn retry_publish(&mut self, now: Instant, id: PublicationId, cause: Cause) {
        let Some(entry) = self.publications.publications.get_mut(&id) else {
            return;
        };
        if entry.is_ending {
            return self.end_publication(id, cause);
        }
        // What the server knows of it is in doubt.
        entry.is_stale = true;
        let wait = entry.lease.wait_after_failure(&mut self.core.random);
        self.core
            .timers
            .set_after(Timer::Publication(id), now, wait);
        self.tell_publication(id, PublicationEvent::Retrying { wait, cause });
    }

    pub(crate) fn handle_publication_timeout(&mut self, now: Instant, id: PublicationId) {
        let Ok(entry) = self.publication(id) else {
            return;
        };
        let what = match entry.is_stale {
            true => Sent::State,
            false => Sent::Refresh,
        };
        if !entry.is_sending && self.send_publish(now, id, what).is_err() {
            self.retry_publish(now, id, Cause::Failed(Failure::Overloaded));
        }
    }

    fn end_publication(&mut self, id: PublicationId, cause: Cause) {
        self.core.timers.stop(Timer::Publication(id));
        if self.publications.publications.remove(&id).is_some() {
            self.tell_publication(id, PublicationEvent::Ended(cause));
        }
    }

    fn tell_publication(&mut self, publication: PublicationId, event: PublicationEvent) {
        self.core
            .events
            .push_back(Event::Publication { publication, event });
    }
}

/// What a PUBLISH does (RFC 3903 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    State,
    Refresh,
    Removal,
}
