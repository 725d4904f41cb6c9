//! Requests of XMPP to users and domains of SIP, who answer none: the bridge does.

use comity_xmpp::xml::Element;
use comity_xmpp::{Iq, IqType, Stanza, StanzaCondition, StanzaError, ns};

use super::Bridge;
use crate::{Dropped, Ticket};

impl Bridge {
    pub(super) fn take_iq(&mut self, stanza: &Stanza, ticket: Option<Ticket>) {
        let iq = match Iq::try_from(stanza) {
            Ok(iq) => iq,
            Err(error) => {
                return self.bounce(stanza, ticket, &StanzaError::new(error.condition()));
            }
        };
        match iq.iq_type {
            IqType::Get => match answer(&iq) {
                Some(payload) => {
                    let answer = Iq::request(IqType::Result, &iq.id, payload);
                    self.emit(answer.stanza(stanza.to().clone(), stanza.from().clone()));
                    self.settle(ticket);
                }
                None => self.refuse_iq(stanza, ticket),
            },
            IqType::Set => self.refuse_iq(stanza, ticket),
            IqType::Result | IqType::Error => {
                self.drop_by(Dropped::NothingToTell);
                self.settle(ticket);
            }
        }
    }

    /// Nobody is there who understands it (RFC 6120 §8.4).
    fn refuse_iq(&mut self, stanza: &Stanza, ticket: Option<Ticket>) {
        let error = StanzaError::new(StanzaCondition::ServiceUnavailable);
        self.bounce(stanza, ticket, &error);
    }
}

/// What the bridge answers by itself: that it is there, and what it understands (XEP-0199, XEP-0030).
fn answer(iq: &Iq) -> Option<Element> {
    let payload = iq.payload.as_ref()?;
    if payload.is(DISCO_INFO, "query") && payload.attribute("node").is_none() {
        let identity = Element::new(DISCO_INFO, "identity")
            .with_attribute("category", "gateway")
            .with_attribute("type", "sip");
        let query = Element::new(DISCO_INFO, "query").with_child(identity);
        return Some(FEATURES.iter().fold(query, |query, feature| {
            query.with_child(Element::new(DISCO_INFO, "feature").with_attribute("var", feature))
        }));
    }
    payload
        .is(ns::PING, "ping")
        .then(|| Element::new(ns::PING, "ping"))
}

const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
const FEATURES: &[&str] = &[
    DISCO_INFO,
    "http://jabber.org/protocol/chatstates",
    ns::PING,
    "urn:xmpp:receipts",
];
