//! SIP requests: to whom they are, whether they may pass, and to which part they go.

use std::time::Instant;

use comity_identity::DomainName;
use comity_policy::{Denial, RateSource, Stage, Topic};
use comity_sip::endpoint::{Endpoint, Incoming};
use comity_sip::header::From;
use comity_sip::{HeaderName, Method, StatusCode, UriBuf};
use comity_xmpp::Jid;

use super::Bridge;
use crate::address::to_jid;
use crate::rules::{Home, Ruling, SipPeer, Towards, address};
use crate::{Dropped, Event, Fact, Route};

/// A SIP request from one user to another, both in the form of XMPP.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) incoming: Box<Incoming>,
    pub(super) sip: Jid,
    pub(super) xmpp: Jid,
}

impl Bridge {
    #[expect(clippy::wildcard_enum_match_arm, reason = "any token is a method")]
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: Box<Incoming>,
    ) {
        if let Some(session) = incoming.session() {
            return self.handle_in_session(now, endpoint, session, incoming);
        }
        match incoming.request().method() {
            Method::Options => self.answer(now, endpoint, &incoming, StatusCode::OK),
            Method::Invite | Method::Message | Method::Subscribe => {
                self.admit(now, endpoint, incoming);
            }
            // The endpoint takes no other methods outside of dialogs, or is told to do so by its
            // configuration.
            _ => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                self.refuse(now, endpoint, &incoming, status, status.phrase());
            }
        }
    }

    fn admit(&mut self, now: Instant, endpoint: &mut Endpoint, incoming: Box<Incoming>) {
        // Before anybody is asked about names that the sender chooses.
        let source = RateSource {
            address: Some(incoming.source().ip()),
            domain: None,
            stream: None,
            user: None,
        };
        if let Err(exceeded) = self.rates.take(now, &source, 1) {
            self.note_refusal(&exceeded.to_string());
            return self.refuse_overload(now, endpoint, &incoming);
        }
        let from = incoming.request().headers().one::<From<'_>>();
        let Ok(from) = from else {
            return self.answer(now, endpoint, &incoming, StatusCode::BAD_REQUEST);
        };
        let sip = match to_jid(from.uri()) {
            Ok(sip) => sip,
            Err(error) => {
                let words = format!("From: {error}");
                return self.refuse(now, endpoint, &incoming, error.status(), &words);
            }
        };
        let xmpp = match to_jid(incoming.request().uri()) {
            Ok(xmpp) => xmpp,
            Err(error) => {
                let words = format!("Request-URI: {error}");
                return self.refuse(now, endpoint, &incoming, error.status(), &words);
            }
        };
        let call = Call {
            incoming,
            sip,
            xmpp,
        };
        self.identify(now, endpoint, call);
    }

    /// Goes on with a request whose sender is believed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "any token is a method")]
    pub(super) fn dispatch(&mut self, now: Instant, endpoint: &mut Endpoint, call: Call) {
        if let Some(words) = self.wrong_side(&call) {
            self.note_refusal(&words);
            let status = StatusCode::NOT_FOUND;
            return self.refuse(now, endpoint, &call.incoming, status, &words);
        }
        if !self.takes_rate(now, endpoint, &call.incoming, &call.sip) {
            return;
        }
        self.note_spelling(&call);
        match call.incoming.request().method() {
            Method::Subscribe => self.handle_subscribe(now, endpoint, call),
            Method::Invite => self.handle_invite(now, endpoint, &call),
            _ => self.handle_page(now, endpoint, call),
        }
    }

    /// Counts a request against the rates of its sender, and refuses it if they are used up.
    pub(super) fn takes_rate(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        sip: &Jid,
    ) -> bool {
        let user = address(sip);
        let source = RateSource {
            address: None,
            domain: Some(sip.domain()).filter(|domain| !self.rules.policy.is_local(domain)),
            stream: None,
            user: user.as_ref(),
        };
        let Err(exceeded) = self.rates.take(now, &source, 1) else {
            return true;
        };
        self.note_refusal(&exceeded.to_string());
        self.refuse_overload(now, endpoint, incoming);
        false
    }

    /// Notes how a user of SIP writes himself, who is believed by now.
    fn note_spelling(&mut self, call: &Call) {
        let from = call.incoming.request().headers().one::<From<'_>>();
        let Ok(from) = from else {
            return;
        };
        if let Some(collision) = self.collisions.note(&call.sip, from.uri()) {
            let address = call.sip.to_bare();
            self.events
                .push_back(Event::Collision { address, collision });
        }
    }

    /// Why the two users are not one of SIP and one of XMPP.
    fn wrong_side(&self, call: &Call) -> Option<String> {
        let (from, to) = (call.sip.domain(), call.xmpp.domain());
        let is_local = self.rules.policy.is_local(from);
        if is_local && self.rules.home(from) != Home::Sip {
            return Some(format!("the users of {from} are not on SIP"));
        }
        match self.rules.home(to) {
            Home::Sip => Some(format!("the users of {to} are not on XMPP")),
            Home::Xmpp | Home::Unknown => None,
        }
    }

    /// What the rules say of a request.
    pub(super) fn rule_call(&self, call: &Call, stage: Stage, topic: Topic) -> Ruling {
        let peer = SipPeer::of(&call.incoming, call.sip.domain());
        let (sip, xmpp) = (&call.sip, &call.xmpp);
        self.rules
            .rule(Towards::Xmpp, sip, xmpp, stage, topic, Some(peer))
    }

    /// Shows a refusal of the rules to the sender of a request, other than a SUBSCRIBE.
    pub(super) fn deny_call(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        denial: Denial,
        why: &str,
    ) {
        self.note_refusal(why);
        let status = match denial {
            Denial::Drop => return self.drop_by(Dropped::ByPolicy),
            // As for a user who is not there.
            Denial::Polite => StatusCode::TEMPORARILY_UNAVAILABLE,
            Denial::OwnBlock => StatusCode::NOT_ACCEPTABLE,
            Denial::Refuse => StatusCode::FORBIDDEN,
        };
        self.refuse(now, endpoint, incoming, status, status.phrase());
    }

    /// Notes that a peer whom nobody has configured speaks SIP.
    pub(super) fn learn_from(&mut self, call: &Call) {
        let domain = call.sip.domain();
        if self.rules.home(domain) == Home::Unknown {
            self.learn(domain.clone());
        }
    }

    /// Notes that a domain is reached over SIP, which nobody has configured.
    pub(super) fn learn(&mut self, domain: DomainName) {
        if self.rules.learned() >= self.config.limits.max_learned {
            return;
        }
        let route = self.rules.route(&domain);
        if self.rules.learn(domain.clone(), route) {
            let fact = Fact::Learned {
                domain: domain.clone(),
                route,
            };
            self.events.push_back(Event::Learned { domain, route });
            self.events.push_back(Event::Store(fact));
        }
    }

    pub(super) fn restore_learned(&mut self, domain: DomainName, route: Route) {
        if self.rules.learned() < self.config.limits.max_learned {
            self.rules.learn(domain, route);
        }
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        status: StatusCode,
    ) {
        // A request that was cancelled or waited for too long takes no answer.
        let _: Result<_, _> = endpoint.answer(now, incoming, incoming.response(status));
    }

    /// Refuses a request in words.
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        status: StatusCode,
        words: &str,
    ) {
        self.redirect(now, endpoint, incoming, status, words, None);
    }

    /// The same with the address where the other one is now.
    pub(super) fn redirect(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
        status: StatusCode,
        words: &str,
        contact: Option<UriBuf>,
    ) {
        // 408 is for INVITEs alone (RFC 4320 §4.2).
        let is_invite = incoming.request().method() == Method::Invite;
        let status = match status {
            StatusCode::REQUEST_TIMEOUT if !is_invite => StatusCode::SERVER_TIMEOUT,
            status => status,
        };
        let mut response = incoming.response(status);
        // Words that fit into no header leave the phrase of the status.
        let _: Result<_, _> = response.reason(words);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let _: Result<_, _> = response.header(HeaderName::Allow, ALLOW);
        }
        if let Some(contact) = contact {
            let _: Result<_, _> = response.header(HeaderName::Contact, format!("<{contact}>"));
        }
        let _: Result<_, _> = endpoint.answer(now, incoming, response);
    }

    /// There is no room; later there may be.
    pub(super) fn refuse_overload(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        incoming: &Incoming,
    ) {
        // Not 503, which would keep the peer from sending anything to us.
        let mut response = incoming.response(StatusCode::TEMPORARILY_UNAVAILABLE);
        let _: Result<_, _> = response.header(HeaderName::RetryAfter, RETRY_AFTER_SECONDS);
        let _: Result<_, _> = endpoint.answer(now, incoming, response);
    }

    pub(super) fn note_refusal(&mut self, why: &str) {
        self.events.push_back(Event::Refused(why.into()));
    }
}

/// What a bridge does with requests.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, INFO, SUBSCRIBE, NOTIFY";

/// What Retry-After says when there is no room.
const RETRY_AFTER_SECONDS: u32 = 10;
