//! What was given to the bridge, and what may come of it.

use std::collections::{BTreeMap, BTreeSet};

use comity_bridge::Ticket;
use comity_xmpp::xml::Element;
use comity_xmpp::{Jid, Stanza, StanzaKind, ns};

use super::plain::Plain;
use super::users::{OUTSIDER, SIP, XMPP, by_header, by_jid};

/// A user of XMPP and one of SIP, by their places.
pub(super) type Pair = (usize, usize);

/// All that was given to the bridge.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By ticket.
    pub(super) stanzas: Vec<Given>,
    pub(super) calls: Vec<Call>,
    /// Who has said anything to whom, by either side.
    met: BTreeSet<Pair>,
    /// Texts from SIP that may still come back, so that their sender is told by a text.
    pub(super) notices: BTreeMap<Pair, usize>,
    /// Domains that may have said anything at all, in bytes that nobody has understood.
    pub(super) muttered: BTreeSet<String>,
    pub(super) dropped: usize,
}

/// A stanza for a user of SIP.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) pair: Pair,
    pub(super) kind: StanzaKind,
    pub(super) is_error: bool,
    pub(super) wants_receipt: bool,
    /// The text, if it has one.
    pub(super) body: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) thread: Option<String>,
    pub(super) sends: usize,
    /// The other side has said that it knows of no session.
    pub(super) was_lost: bool,
    /// With this status.
    pub(super) delivered: Option<u16>,
    pub(super) returned: bool,
    pub(super) settled: bool,
    pub(super) relayed: bool,
}

/// A request from a user of SIP, outside of dialogs or in one.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) wire: usize,
    pub(super) pair: Pair,
    /// Its topmost Via, which no other has.
    pub(super) via: String,
    pub(super) call_id: String,
    pub(super) cseq: String,
    pub(super) from: String,
    /// The text that arrives of it, if one does.
    pub(super) text: Option<String>,
    pub(super) subject: String,
    pub(super) arrived: bool,
    /// Final answers.
    pub(super) answers: Vec<u16>,
}

impl Given {
    /// The text as it goes over SIP.
    pub(super) fn wire_text(&self) -> String {
        let text = self.body.as_deref().unwrap_or_default();
        let text = text.trim_start_matches('\u{feff}');
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        text.replace('\n', "\r\n")
    }
}

impl Ledger {
    pub(super) fn give(&mut self, given: Given) -> Ticket {
        self.met.insert(given.pair);
        self.stanzas.push(given);
        Ticket(self.stanzas.len() as u64 - 1)
    }

    pub(super) fn call(&mut self, call: Call) {
        self.met.insert(call.pair);
        self.calls.push(call);
    }

    pub(super) fn given(&mut self, ticket: Ticket) -> &mut Given {
        let at = usize::try_from(ticket.0).expect("a ticket of ours");
        &mut self.stanzas[at]
    }

    pub(super) fn settle(&mut self, ticket: Ticket) {
        let given = self.given(ticket);
        assert!(!given.settled && !given.relayed, "{given:?} is over twice");
        given.settled = true;
    }

    pub(super) fn relay(&mut self, ticket: Option<Ticket>, stanza: &Stanza) {
        let given = self.given(ticket.expect("a ticket"));
        assert!(!given.settled && !given.relayed, "{given:?} is over twice");
        given.relayed = true;
        assert_eq!(given.pair.1, OUTSIDER, "{stanza} is for SIP");
        assert_eq!(by_jid(&XMPP, stanza.from()), Some(given.pair.0));
        assert_eq!(by_jid(&SIP, stanza.to()), Some(OUTSIDER));
    }

    /// The text of a user that must be sent next.
    pub(super) fn next_text(&mut self, pair: Pair) -> Option<(Ticket, &mut Given)> {
        let mut waiting = (0..).zip(&mut self.stanzas).filter(|(_, given)| {
            let is_over = given.settled || given.returned || given.delivered.is_some();
            given.pair == pair && !given.is_error && given.body.is_some() && !is_over
        });
        waiting.next().map(|(at, given)| (Ticket(at), given))
    }

    /// A stanza that the bridge sends: whether it is of the tree that it may be, from whom it may be.
    /// `may_speak` says whether the peer on a wire speaks for a user.
    pub(super) fn take(&mut self, stanza: &Stanza, may_speak: impl Fn(usize, usize) -> bool) {
        let element = written(stanza);
        let sip = by_jid(&SIP, stanza.from());
        let Some(xmpp) = by_jid(&XMPP, stanza.to()) else {
            return self.assert_muttered(stanza.from());
        };
        let Some(sip) = sip.filter(|sip| self.met.contains(&(xmpp, *sip))) else {
            return self.assert_muttered(stanza.from());
        };
        assert_ne!(sip, OUTSIDER, "{stanza} is from a domain without an entry");
        let pair = (xmpp, sip);
        if stanza.type_() == Some("error") {
            return self.take_error(stanza, pair, &element);
        }
        if stanza.kind() == StanzaKind::Iq {
            return;
        }
        if stanza.kind() == StanzaKind::Message {
            assert_ne!(xmpp, OUTSIDER, "{stanza} goes to a domain that is not ours");
            self.take_message(stanza, pair, &element, may_speak);
        }
    }

    /// Only what came in bytes that nobody understood may be from or to users who are not known.
    fn assert_muttered(&self, from: &Jid) {
        let domain = from.domain().as_str();
        assert!(self.muttered.contains(domain), "{from} said nothing");
    }

    fn take_error(&mut self, stanza: &Stanza, pair: Pair, element: &Element) {
        assert!(element.child(ns::SERVER, "error").is_some());
        let number = stanza
            .id()
            .and_then(|id| id.strip_prefix('s')?.parse().ok());
        let given = number.map(|number| self.given(Ticket(number)));
        let given = given.expect("the id of a stanza that was given");
        assert_eq!((given.pair, given.kind), (pair, stanza.kind()));
        assert!(!given.is_error, "an error answers an error");
        assert!(!given.returned && !given.settled, "{given:?} is over");
        assert_eq!(given.delivered, None, "{given:?} comes back");
        given.returned = true;
    }

    fn take_message(
        &mut self,
        stanza: &Stanza,
        pair: Pair,
        element: &Element,
        may_speak: impl Fn(usize, usize) -> bool,
    ) {
        let mut names: Vec<_> = element.children().map(Element::name).collect();
        names.sort_unstable();
        let text = |name| element.child(ns::SERVER, name).map(Element::text);
        let Some(body) = text("body") else {
            let [name] = names[..] else {
                panic!("{element:?}");
            };
            if name == "received" {
                return self.take_receipt(pair, element);
            }
            return assert!(["active", "composing", "gone"].contains(&name), "{name}");
        };
        let subject = text("subject");
        names.dedup();
        names.retain(|name| !["active", "body", "subject", "thread"].contains(name));
        assert_eq!(names, ["via"]);
        assert!(element.children().count() <= 5);
        assert!(
            element
                .children()
                .all(|child| child.children().count() == 0)
        );
        let thread = text("thread").expect("a thread");
        let (calls, muttered) = (&mut self.calls, &self.muttered);
        let mut calls = calls.iter_mut().filter(|call| {
            let is_same = call.pair == pair && call.call_id == thread && !call.arrived;
            is_same && call.text.as_deref() == Some(&body)
        });
        let Some(call) = calls.next() else {
            let domain = stanza.from().domain().as_str();
            return assert!(muttered.contains(domain), "nobody wrote {body:?}: {stanza}");
        };
        assert!(may_speak(call.wire, pair.1), "{call:?} is believed");
        assert!(call.answers.is_empty(), "{call:?} was answered before");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let subject = subject.unwrap_or_default();
        assert_eq!(subject, words(&call.subject));
        call.arrived = true;
    }

    fn take_receipt(&self, pair: Pair, element: &Element) {
        let received = element
            .children()
            .next()
            .and_then(|one| one.attribute("id"));
        let number = received.and_then(|id| id.strip_prefix('s')?.parse::<usize>().ok());
        let given = &self.stanzas[number.expect("the id of a stanza that was given")];
        assert_eq!(given.pair, pair);
        assert!(given.wants_receipt && !given.returned, "{given:?}");
        assert_eq!(given.delivered, Some(200));
    }

    /// An answer of the bridge to a request. `may_follow` says whether it may come on another wire
    /// than this one.
    pub(super) fn answered(
        &mut self,
        wire: usize,
        answer: &Plain,
        may_follow: impl Fn(usize) -> bool,
    ) {
        let status = answer.status().expect("a status");
        let (call_id, cseq) = (answer.one("Call-ID"), answer.one("CSeq"));
        let via = answer.one("Via");
        let mut calls = self.calls.iter_mut();
        let call = calls.find(|call| {
            let more = via.strip_prefix(&*call.via);
            let is_same_way = more.is_some_and(|more| more.is_empty() || more.starts_with(';'));
            is_same_way && call.call_id == call_id && call.cseq == cseq
        });
        let Some(call) = call else {
            return assert!(!self.muttered.is_empty(), "{answer:?} answers nothing");
        };
        assert!(
            call.wire == wire || may_follow(call.wire),
            "{call:?} {wire}"
        );
        assert_eq!(call.from, answer.one("From"));
        if status < 200 {
            return;
        }
        let is_again = call.answers.first().is_some_and(|first| *first == status);
        let may_repeat = is_again && answer.method() == "INVITE";
        assert!(call.answers.is_empty() || may_repeat, "{call:?}: {status}");
        // What was acknowledged so has left, unless there was no text in it.
        let is_text = call.text.is_some() && status == 200;
        assert!(!is_text || call.arrived, "{call:?} is acknowledged");
        call.answers.push(status);
    }

    /// The users of a request that the bridge sends, who must have met.
    pub(super) fn pair_of(&self, request: &Plain) -> Option<Pair> {
        let xmpp = by_header(&XMPP, request.one("From"));
        let sip = by_header(&SIP, request.one("To"));
        let pair = xmpp.zip(sip).filter(|pair| self.met.contains(pair));
        assert!(
            pair.is_some() || !self.muttered.is_empty(),
            "{request:?} is between users who never met"
        );
        pair
    }

    /// Everything that was given is over, once, and of no text it is open what became of it.
    pub(super) fn end(&self, is_open: impl Fn(usize) -> bool) {
        let mut untold = 0;
        for given in &self.stanzas {
            assert!(given.settled != given.relayed, "{given:?} is not over");
            assert!(!(given.delivered.is_some() && given.returned), "{given:?}");
            let is_told = given.delivered.is_some() || given.returned || given.relayed;
            let is_text = given.body.is_some() && !given.is_error;
            untold += usize::from(is_text && !is_told);
        }
        assert!(untold <= self.dropped, "{untold} texts are gone");
        for call in &self.calls {
            let is_ack = call.cseq.ends_with(" ACK");
            let may_lack = !is_open(call.wire) || is_ack;
            assert!(may_lack || !call.answers.is_empty(), "{call:?}");
        }
    }
}

/// What a stanza is on the wire, which reads as what it is.
fn written(stanza: &Stanza) -> Element {
    let mut text = String::from("<top xmlns='jabber:server'>");
    stanza.element().write(ns::SERVER, &mut text);
    text.push_str("</top>");
    let top = Element::parse(text.as_bytes(), comity_xmpp::xml::Limits::default());
    let top = top.expect("well-formed XML");
    let [only] = top.children().collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    assert!(is_same(only, &stanza.element()), "{text}");
    assert_eq!(only.attribute("from"), Some(&*stanza.from().to_string()));
    assert_eq!(only.attribute("to"), Some(&*stanza.to().to_string()));
    only.clone()
}

/// Whether two elements are of the same tree. No text and an empty one are the same.
fn is_same(one: &Element, other: &Element) -> bool {
    let names = |element: &Element| (element.namespace().to_owned(), element.name().to_owned());
    let mut children = one.children().zip(other.children());
    names(one) == names(other)
        && one.text() == other.text()
        && one.children().count() == other.children().count()
        && children.all(|(one, other)| is_same(one, other))
}
