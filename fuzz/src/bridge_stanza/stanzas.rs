//! Stanzas of users of XMPP.

use comity_bridge::text;
use comity_xmpp::xml::{Element, Limits};
use comity_xmpp::{Stanza, StanzaKind, ns};

use super::World;
use super::ledger::Given;
use super::users::{SIP, XMPP};
use crate::program::Program;

impl World {
    pub(super) fn give_message(&mut self, program: &mut Program<'_>) {
        let (users, kind, flags) = (program.byte(), program.byte(), program.byte());
        let mut given = Given::new(users, StanzaKind::Message);
        let message_type = TYPES[usize::from(kind) % TYPES.len()];
        given.is_error = message_type == "error";
        let mut stanza = given.stanza(users).with_type(message_type);
        let add = |stanza: Stanza, name: &str, text: &str| {
            stanza.with_payload(Element::new(ns::SERVER, name).with_text(text))
        };
        if flags & 1 != 0 {
            let body = xml_text(program.bytes());
            stanza = add(stanza, "body", &body);
            given.body = Some(body).filter(|body| !body.is_empty());
        }
        if flags & 2 != 0 {
            let subject = xml_text(program.bytes());
            stanza = add(stanza, "subject", &subject);
            given.subject = Some(subject);
        }
        if flags & 4 != 0 {
            let thread = xml_text(program.bytes());
            stanza = add(stanza, "thread", &thread);
            given.thread = Some(thread);
        }
        if flags & 8 != 0 {
            stanza = stanza.with_payload(text::receipt_request());
            given.wants_receipt = true;
        }
        if flags & 16 != 0 {
            let states = ["active", "composing", "gone", "paused"];
            let state = states[usize::from(program.byte()) % states.len()];
            let payload = Element::new("http://jabber.org/protocol/chatstates", state);
            stanza = stanza.with_payload(payload);
        }
        if flags & 32 != 0 {
            let hops = program.byte();
            let by = if hops & 1 == 0 { "gw" } else { "another" };
            let mark = Element::new("urn:comity:bridge:0", "via").with_attribute("by", by);
            stanza = stanza.with_payload(mark.with_attribute("hops", &hops.to_string()));
        }
        if flags & 64 != 0 {
            stanza = with_any(stanza, program.bytes());
        }
        if given.is_error {
            let left = program.recent(&self.left).cloned();
            let (id, pair) = left.unzip();
            self.notice(pair.filter(|pair| pair.0 == given.pair.0));
            return self.give(given, stanza.with_id(&id.unwrap_or_default()));
        }
        self.give_next(given, stanza);
    }

    pub(super) fn give_presence(&mut self, program: &mut Program<'_>) {
        let (users, kind) = (program.byte(), program.byte());
        let mut given = Given::new(users, StanzaKind::Presence);
        let mut stanza = given.stanza(users);
        let presence_type = PRESENCES[usize::from(kind & 15) % PRESENCES.len()];
        given.is_error = presence_type == "error";
        if !presence_type.is_empty() {
            stanza = stanza.with_type(presence_type);
        }
        if kind & 16 != 0 {
            let status = xml_text(program.bytes());
            let status = Element::new(ns::SERVER, "status").with_text(&status);
            stanza = stanza.with_payload(status);
        }
        if kind & 32 != 0 {
            let show = Element::new(ns::SERVER, "show").with_text("dnd");
            stanza = stanza.with_payload(show);
        }
        if kind & 64 != 0 {
            stanza = with_any(stanza, program.bytes());
        }
        self.give_next(given, stanza);
    }

    pub(super) fn give_iq(&mut self, program: &mut Program<'_>) {
        let (users, kind) = (program.byte(), program.byte());
        let mut given = Given::new(users, StanzaKind::Iq);
        let iq_type = ["get", "set", "result", "error"][usize::from(kind & 3)];
        // Nothing answers an answer.
        given.is_error = kind & 2 != 0;
        let stanza = given.stanza(users).with_type(iq_type);
        let stanza = match kind >> 2 & 3 {
            0 => stanza.with_payload(Element::new("urn:xmpp:ping", "ping")),
            1 => stanza.with_payload(Element::new(
                "http://jabber.org/protocol/disco#info",
                "query",
            )),
            _ => with_any(stanza, program.bytes()),
        };
        self.give_next(given, stanza);
    }

    /// With the ticket in the id.
    fn give_next(&mut self, given: Given, stanza: Stanza) {
        let id = format!("s{}", self.ledger.stanzas.len());
        self.give(given, stanza.with_id(&id));
    }

    fn give(&mut self, given: Given, stanza: Stanza) {
        let ticket = self.ledger.give(given);
        self.bridge
            .handle_stanza(self.now, &mut self.gateway, stanza, Some(ticket));
    }
}

impl Given {
    fn new(users: u8, kind: StanzaKind) -> Self {
        Self {
            pair: (usize::from(users & 3), usize::from(users >> 2 & 3)),
            kind,
            is_error: false,
            wants_receipt: false,
            body: None,
            subject: None,
            thread: None,
            sends: 0,
            was_lost: false,
            delivered: None,
            returned: false,
            settled: false,
            relayed: false,
        }
    }

    fn stanza(&self, users: u8) -> Stanza {
        let address = |bare: &str, resource: &str, wanted: u8| {
            let full = format!("{bare}{resource}");
            let text = if users & wanted == 0 { bare } else { &full };
            text.parse().expect("an address")
        };
        let from = address(XMPP[self.pair.0].jid, "/bal;cony <x>", 16);
        let to = address(SIP[self.pair.1].jid, "/a@b\"c", 32);
        Stanza::new(self.kind, from, to)
    }
}

/// Adds what bytes are of XML, but for what the ledger must know of.
fn with_any(stanza: Stanza, bytes: &[u8]) -> Stanza {
    let source = [b"<top xmlns='jabber:server'>", bytes, b"</top>"].concat();
    let Ok(top) = Element::parse(&source, Limits::default()) else {
        return stanza;
    };
    let is_known = |child: &&Element| {
        let known = ["body", "subject", "thread"];
        child.namespace() != ns::SERVER || !known.contains(&child.name())
    };
    let children = top.children().filter(is_known);
    children.fold(stanza, |stanza, child| stanza.with_payload(child.clone()))
}

/// Bytes as a text that XML allows.
pub(super) fn xml_text(bytes: &[u8]) -> String {
    let legal =
        |character| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    let text = String::from_utf8_lossy(bytes);
    let text = text.chars().map(|one| if legal(one) { one } else { '?' });
    text.collect()
}

const TYPES: [&str; 5] = ["chat", "normal", "headline", "groupchat", "error"];

const PRESENCES: [&str; 8] = [
    "",
    "unavailable",
    "subscribe",
    "subscribed",
    "unsubscribe",
    "unsubscribed",
    "probe",
    "error",
];
