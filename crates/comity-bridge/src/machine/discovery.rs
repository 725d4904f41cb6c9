//! Domains that nobody has configured (RFC 7247 §5).
//!
//! The composer is asked which protocol such a domain speaks. If it is XMPP and no server is reached,
//! the composer is asked once more, for the default route of SIP. A domain is learned when an exchange
//! over SIP has succeeded, so that names alone fill no table.

use std::collections::BTreeMap;
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_sip::endpoint::Endpoint;
use comity_xmpp::{Stanza, StanzaCondition, StanzaError};

use super::{Bridge, Timer};
use crate::rules::Home;
use crate::{Event, Ticket, Way};

/// Stanzas whose domain is being looked for.
#[derive(Debug, Default)]
pub(super) struct Searches {
    all: BTreeMap<QueryId, Search>,
    by_domain: BTreeMap<DomainName, QueryId>,
    /// What their stanzas take.
    bytes: usize,
}

/// One question about one domain, and the stanzas that wait for it in their order.
#[derive(Debug)]
struct Search {
    domain: DomainName,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    stanza: Stanza,
    ticket: Option<Ticket>,
    /// What its sender is told if nothing is found: XMPP has failed.
    error: Option<StanzaError>,
}

impl Searches {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

impl Bridge {
    /// Asks which protocol the domain of a stanza speaks.
    pub(super) fn search(&mut self, now: Instant, stanza: Stanza, ticket: Option<Ticket>) {
        let error = None;
        self.ask_protocol(
            now,
            Waiting {
                stanza,
                ticket,
                error,
            },
        );
    }

    /// Asks for another way to the domain of a stanza that XMPP did not reach.
    pub(super) fn search_after_failure(
        &mut self,
        now: Instant,
        stanza: Stanza,
        ticket: Option<Ticket>,
        error: &StanzaError,
    ) {
        let is_unreached = matches!(
            error.condition,
            StanzaCondition::RemoteServerNotFound | StanzaCondition::RemoteServerTimeout
        );
        let is_unknown = self.rules.home(stanza.to().domain()) == Home::Unknown;
        if !(is_unreached && is_unknown) {
            return self.bounce(&stanza, ticket, error);
        }
        let error = Some(error.clone());
        self.ask_protocol(
            now,
            Waiting {
                stanza,
                ticket,
                error,
            },
        );
    }

    fn ask_protocol(&mut self, now: Instant, waiting: Waiting) {
        let limits = &self.config.limits;
        let searches = &mut self.searches;
        let bytes = searches.bytes.saturating_add(waiting.stanza.held_bytes());
        let domain = waiting.stanza.to().domain().clone();
        let asked = searches.by_domain.get(&domain).copied();
        let is_new = asked.is_none() && searches.all.len() >= limits.max_questions;
        if is_new || bytes > limits.max_queued_bytes {
            let error = StanzaError::new(StanzaCondition::ResourceConstraint);
            return self.bounce(&waiting.stanza, waiting.ticket, &error);
        }
        searches.bytes = bytes;
        if let Some(search) = asked.and_then(|query| searches.all.get_mut(&query)) {
            search.waiting.push(waiting);
            return;
        }
        let query = self.queries.next_id();
        self.events.push_back(Event::Discover {
            query,
            domain: domain.clone(),
            xmpp_failed: waiting.error.is_some(),
        });
        searches.by_domain.insert(domain.clone(), query);
        let waiting = vec![waiting];
        searches.all.insert(query, Search { domain, waiting });
        let wait = self.config.timing.answer;
        self.timers.set_after(Timer::Discover(query), now, wait);
    }

    pub(super) fn answer_search(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        query: QueryId,
        way: Option<Way>,
    ) {
        let Some(Search { domain, waiting }) = self.searches.all.remove(&query) else {
            return;
        };
        self.searches.by_domain.remove(&domain);
        if let Some(Way::Sip(route)) = way {
            self.rules.note_route(&domain, route);
        }
        for Waiting {
            stanza,
            ticket,
            error,
        } in waiting
        {
            self.searches.bytes -= stanza.held_bytes();
            match (way, error) {
                (Some(Way::Sip(_)), _) => self.bring(now, endpoint, &stanza, ticket),
                (Some(Way::Xmpp), None) => {
                    self.events.push_back(Event::Relay { stanza, ticket });
                }
                (Some(Way::Xmpp) | None, Some(error)) => self.bounce(&stanza, ticket, &error),
                (None, None) => {
                    let error = StanzaError::new(StanzaCondition::RemoteServerNotFound);
                    self.bounce(&stanza, ticket, &error);
                }
            }
        }
    }

    /// Ends every search: nobody will hear of them.
    pub(super) fn close_searches(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let queries: Vec<_> = self.searches.all.keys().copied().collect();
        for query in queries {
            self.timers.stop(Timer::Discover(query));
            self.answer_search(now, endpoint, query, None);
        }
    }
}
