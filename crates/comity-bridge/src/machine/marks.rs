//! Marks that keep messages from going round (RFC 7332, RFC 7247 §8).

use comity_xmpp::Stanza;
use comity_xmpp::xml::Element;

use super::Bridge;

/// What the mark of a bridge is in.
const NAMESPACE: &str = "urn:comity:bridge:0";

/// The hops that a message has when nobody says anything else (RFC 3261 §8.1.1.6).
pub(super) const MAX_FORWARDS: u8 = 70;

/// How far something may still go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hops(pub(super) u8);

impl Bridge {
    /// How many hops a stanza has left; `None` if it has been here, or in too many places.
    pub(super) fn hops_of(&self, stanza: &Stanza) -> Option<Hops> {
        let mut left = MAX_FORWARDS;
        let mut passed = 0_u8;
        let element = stanza.element();
        let marks = element
            .children()
            .filter(|child| child.is(NAMESPACE, "via"));
        for mark in marks {
            passed = passed.saturating_add(1);
            let hops = mark.attribute("hops").and_then(|hops| hops.parse().ok());
            left = left.min(hops.unwrap_or(0));
            if mark.attribute("by") == Some(&*self.config.name)
                || passed > self.config.limits.max_hops
            {
                return None;
            }
        }
        left.checked_sub(1).map(Hops)
    }

    /// The mark of this bridge.
    pub(super) fn mark(&self, hops: Hops) -> Element {
        Element::new(NAMESPACE, "via")
            .with_attribute("by", &self.config.name)
            .with_attribute("hops", &hops.0.to_string())
    }
}
