//! Stanzas: to whom they are, whether they may pass, and to which part they go.

use std::time::Instant;

use comity_policy::{Denial, RateSource, Stage, Topic};
use comity_sip::endpoint::Endpoint;
use comity_xmpp::{Presence, PresenceType, Stanza, StanzaCondition, StanzaError, StanzaKind};

use super::Bridge;
use super::marks::Hops;
use crate::rules::{Home, Ruling, Towards, address};
use crate::{Dropped, Event, Ticket};

impl Bridge {
    pub(super) fn take_stanza(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: Stanza,
        ticket: Option<Ticket>,
    ) {
        match self.rules.home(stanza.to().domain()) {
            Home::Sip => self.bring(now, endpoint, &stanza, ticket),
            Home::Xmpp => self.events.push_back(Event::Relay { stanza, ticket }),
            Home::Unknown => self.search(now, stanza, ticket),
        }
    }

    /// Brings a stanza to the side of SIP.
    pub(super) fn bring(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: &Stanza,
        ticket: Option<Ticket>,
    ) {
        if stanza.type_() == Some("error") {
            // It answers what came from here, and may repeat it with its mark.
            return self.bring_by_kind(now, endpoint, stanza, ticket, Hops(0));
        }
        let Some(hops) = self.hops_of(stanza) else {
            self.drop_by(Dropped::Loop);
            let mut error = StanzaError::new(StanzaCondition::NotAcceptable);
            error.text = Some("it has been here before, or in too many places".into());
            return self.bounce(stanza, ticket, &error);
        };
        let user = address(stanza.from());
        let source = RateSource {
            address: None,
            domain: Some(stanza.from().domain()).filter(|from| !self.rules.policy.is_local(from)),
            stream: None,
            user: user.as_ref(),
        };
        if let Err(exceeded) = self.rates.take(now, &source, 1) {
            self.note_refusal(&exceeded.to_string());
            let error = StanzaError::new(StanzaCondition::ResourceConstraint);
            return self.bounce(stanza, ticket, &error);
        }
        self.bring_by_kind(now, endpoint, stanza, ticket, hops);
    }

    fn bring_by_kind(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: &Stanza,
        ticket: Option<Ticket>,
        hops: Hops,
    ) {
        match stanza.kind() {
            StanzaKind::Message => self.take_message(now, endpoint, stanza, ticket, hops),
            StanzaKind::Presence => self.take_presence(now, endpoint, stanza, ticket),
            StanzaKind::Iq => self.take_iq(stanza, ticket),
        }
    }

    fn take_presence(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: &Stanza,
        ticket: Option<Ticket>,
    ) {
        let presence = match Presence::try_from(stanza) {
            Ok(presence) => presence,
            Err(error) => {
                let error = StanzaError::new(error.condition());
                return self.bounce(stanza, ticket, &error);
            }
        };
        let kind = presence.presence_type;
        if kind == PresenceType::Error {
            self.take_presence_error(now, endpoint, stanza);
            return self.settle(ticket);
        }
        let stage = match kind {
            PresenceType::Subscribe | PresenceType::Probe => Stage::Subscription,
            PresenceType::Available
            | PresenceType::Error
            | PresenceType::Subscribed
            | PresenceType::Unavailable
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed => Stage::Stanza,
        };
        let pair = match self.rule_presence(stanza, stage) {
            Ruling::Pass(pair, _) => pair,
            Ruling::Deny(denial, why) => {
                return self.deny_presence(now, endpoint, stanza, ticket, kind, denial, &why);
            }
        };
        match kind {
            PresenceType::Subscribe => {
                return self.take_subscribe(now, endpoint, stanza, ticket, pair);
            }
            PresenceType::Unsubscribe => self.take_unsubscribe(now, endpoint, &pair),
            PresenceType::Probe => self.take_probe(now, endpoint, &pair, stanza.from()),
            PresenceType::Subscribed => self.take_decision(now, endpoint, &pair, true),
            PresenceType::Unsubscribed => self.take_decision(now, endpoint, &pair, false),
            PresenceType::Available | PresenceType::Unavailable => {
                self.take_availability(now, endpoint, &pair, stanza.from(), &presence);
            }
            PresenceType::Error => {}
        }
        self.settle(ticket);
    }

    fn rule_presence(&self, stanza: &Stanza, stage: Stage) -> Ruling {
        let (sip, xmpp) = (stanza.to(), stanza.from());
        self.rules
            .rule(Towards::Sip, sip, xmpp, stage, Topic::Presence, None)
    }

    /// The rules keep a presence back. A user who asks is told; that somebody is there, or is there no
    /// more, is kept back without a word, and who ends something is never held.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is refused, why, and to whom"
    )]
    fn deny_presence(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: &Stanza,
        ticket: Option<Ticket>,
        kind: PresenceType,
        denial: Denial,
        why: &str,
    ) {
        match (kind, self.pair_on_wire(stanza)) {
            (PresenceType::Subscribe, _) if denial == Denial::Polite => {
                // As from a user who has not decided.
                self.note_refusal(why);
                self.settle(ticket);
            }
            (PresenceType::Subscribe, _) => self.deny_stanza(stanza, ticket, denial, why),
            (PresenceType::Unsubscribe, Some(pair)) => {
                self.take_unsubscribe(now, endpoint, &pair);
                self.settle(ticket);
            }
            (PresenceType::Unsubscribed, Some(pair)) => {
                self.take_decision(now, endpoint, &pair, false);
                self.settle(ticket);
            }
            (_, _) => {
                self.drop_by(Dropped::ByPolicy);
                self.settle(ticket);
            }
        }
    }

    /// The user's server cannot deliver presence of ours, as a question whether he is there.
    fn take_presence_error(&mut self, now: Instant, endpoint: &mut Endpoint, stanza: &Stanza) {
        let error = stanza.stanza_error();
        let condition = error.map(|error| error.condition);
        let is_nobody = matches!(
            condition,
            Some(StanzaCondition::ItemNotFound | StanzaCondition::Gone)
        );
        match self.pair_on_wire(stanza) {
            Some(pair) if is_nobody => {
                self.end_watch_of_nobody(now, endpoint, &pair);
                self.lose_presentity(now, endpoint, &pair);
            }
            Some(_) | None => self.drop_by(Dropped::StrayError),
        }
    }

    pub(super) fn learn_if_unknown(&mut self, domain: &comity_identity::DomainName) {
        let is_configured = self.rules.policy.sip_domain(domain).is_some();
        if !is_configured && !self.rules.policy.is_local(domain) {
            self.learn(domain.clone());
        }
    }
}
