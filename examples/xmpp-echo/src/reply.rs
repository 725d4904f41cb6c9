//! What the domain answers to a stanza: a pure function.

use comity_xmpp::xml::Element;
use comity_xmpp::{Stanza, StanzaCondition, StanzaKind, ns};

pub(crate) const NAME: &str = "comity-xmpp-echo";
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The answer to `stanza`, if there is one. Errors are never answered (RFC 6120 §8.3.1), so that two
/// servers cannot keep each other busy with them.
pub(crate) fn reply(stanza: &Stanza) -> Option<Stanza> {
    match stanza.kind() {
        StanzaKind::Message => to_message(stanza),
        StanzaKind::Iq => to_iq(stanza),
        StanzaKind::Presence => to_presence(stanza),
    }
}

/// Sends a text back.
///
/// A type that is not defined counts as `normal` (RFC 6121 §5.2.2). There are no rooms here, which
/// the sender of a groupchat message is told; a headline expects no answer.
fn to_message(stanza: &Stanza) -> Option<Stanza> {
    let echo = match stanza.type_() {
        Some("error" | "headline") => return None,
        Some("groupchat") => return stanza.error(StanzaCondition::ServiceUnavailable, None),
        Some(type_ @ ("chat" | "normal")) => stanza.reply().with_type(type_),
        Some(_) | None => stanza.reply(),
    };
    let message = stanza.element();
    let mut bodies = message
        .children()
        .filter(|child| child.is(ns::SERVER, "body"))
        .peekable();
    bodies.peek()?;
    // There is one for each language.
    Some(bodies.cloned().fold(echo, Stanza::with_payload))
}

/// Answers the requests that are understood, and refuses all others (RFC 6120 §8.2.3).
fn to_iq(stanza: &Stanza) -> Option<Stanza> {
    let refuse = |condition| stanza.error(condition, None);
    let is_get = match stanza.type_() {
        Some("result" | "error") => return None,
        Some("get") => true,
        Some("set") => false,
        Some(_) | None => return refuse(StanzaCondition::BadRequest),
    };
    let iq = stanza.element();
    let mut payloads = iq.children();
    let (Some(request), None, Some(_)) = (payloads.next(), payloads.next(), stanza.id()) else {
        return refuse(StanzaCondition::BadRequest);
    };
    let result = || stanza.reply().with_type("result");
    if is_get && request.is(ns::PING, "ping") {
        Some(result())
    } else if is_get && request.is(ns::VERSION, "query") {
        Some(result().with_payload(version()))
    } else {
        refuse(StanzaCondition::ServiceUnavailable)
    }
}

/// Refuses subscriptions with `unsubscribed`, from bare address to bare address.
///
/// A contact that denies a request answers so (RFC 6121 §3.1.4 and §3.2), and a server that has no
/// such account, or no such subscription, answers a probe so (§4.3.2). Both free the other side's
/// roster of a request that would stay pending for ever. An error would do that on no server: a
/// subscription request is not a question that an error answers. All other presence is about states
/// that this domain does not keep.
fn to_presence(stanza: &Stanza) -> Option<Stanza> {
    match stanza.type_() {
        Some("subscribe" | "probe") => {
            let (from, to) = (stanza.to().to_bare(), stanza.from().to_bare());
            let refusal = Stanza::new(StanzaKind::Presence, from, to).with_type("unsubscribed");
            Some(match stanza.id() {
                Some(id) => refusal.with_id(id),
                None => refusal,
            })
        }
        Some(_) | None => None,
    }
}

fn version() -> Element {
    let text = |name, text| Element::new(ns::VERSION, name).with_text(text);
    Element::new(ns::VERSION, "query")
        .with_child(text("name", NAME))
        .with_child(text("version", VERSION))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    /// A stanza to `echo@e.example/x` with the given attributes.
    fn stanza(kind: StanzaKind, type_: Option<&str>, id: Option<&str>) -> Stanza {
        let from = "user@u.example/r".parse().expect("an address");
        let to = "echo@e.example/x".parse().expect("an address");
        let mut stanza = Stanza::new(kind, from, to);
        if let Some(type_) = type_ {
            stanza = stanza.with_type(type_);
        }
        if let Some(id) = id {
            stanza = stanza.with_id(id);
        }
        stanza
    }

    fn body(text: &str) -> Element {
        Element::new(ns::SERVER, "body").with_text(text)
    }

    fn answer(stanza: &Stanza) -> Option<String> {
        reply(stanza).map(|stanza| {
            let mut source = String::new();
            stanza.element().write(ns::SERVER, &mut source);
            source
        })
    }

    fn error(kind: &str, id: &str, type_: &str, condition: &str) -> Option<String> {
        Some(format!(
            "<{kind} from='echo@e.example/x' to='user@u.example/r' id='{id}' type='error'>\
             <error type='{type_}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             </error></{kind}>"
        ))
    }

    #[test]
    fn a_message_comes_back_with_type_id_and_body() {
        for (type_, shown) in [
            (Some("chat"), " type='chat'"),
            (Some("normal"), " type='normal'"),
            (None, ""),
            (Some("unheard-of"), ""),
        ] {
            let message = stanza(StanzaKind::Message, type_, Some("m1"))
                .with_payload(body("1 < 2"))
                .with_payload(Element::new("urn:x", "x"));
            assert_eq!(
                answer(&message),
                Some(format!(
                    "<message from='echo@e.example/x' to='user@u.example/r' id='m1'{shown}>\
                     <body>1 &lt; 2</body></message>"
                ))
            );
        }
    }

    #[test]
    fn every_language_of_the_body_comes_back() {
        let message = stanza(StanzaKind::Message, None, None)
            .with_payload(body("hello"))
            .with_payload(body("hallo").with_lang("de"));
        assert_eq!(
            answer(&message),
            Some(
                "<message from='echo@e.example/x' to='user@u.example/r'><body>hello</body>\
                 <body xml:lang='de'>hallo</body></message>"
                    .to_owned()
            )
        );
    }

    #[test]
    fn no_message_but_a_text_to_one_is_echoed() {
        let message = |type_| stanza(StanzaKind::Message, type_, Some("m1"));
        assert_eq!(answer(&message(Some("chat"))), None);
        let foreign = Element::new("urn:x", "body").with_text("no");
        assert_eq!(answer(&message(None).with_payload(foreign)), None);
        for type_ in ["error", "headline"] {
            assert_eq!(answer(&message(Some(type_)).with_payload(body("x"))), None);
        }
        assert_eq!(
            answer(&message(Some("groupchat")).with_payload(body("x"))),
            error("message", "m1", "cancel", "service-unavailable")
        );
    }

    #[test]
    fn ping_and_version_are_answered() {
        let get = |payload| stanza(StanzaKind::Iq, Some("get"), Some("7")).with_payload(payload);
        assert_eq!(
            answer(&get(Element::new(ns::PING, "ping"))),
            Some(
                "<iq from='echo@e.example/x' to='user@u.example/r' id='7' type='result'/>"
                    .to_owned()
            )
        );
        assert_eq!(
            answer(&get(Element::new(ns::VERSION, "query"))),
            Some(format!(
                "<iq from='echo@e.example/x' to='user@u.example/r' id='7' type='result'>\
                 <query xmlns='jabber:iq:version'><name>comity-xmpp-echo</name>\
                 <version>{VERSION}</version></query></iq>"
            ))
        );
    }

    #[test]
    fn other_requests_are_refused() {
        let unavailable = || error("iq", "7", "cancel", "service-unavailable");
        for (type_, payload) in [
            ("get", Element::new("urn:x", "query")),
            ("set", Element::new("urn:x", "query")),
            ("set", Element::new(ns::PING, "ping")),
            ("set", Element::new(ns::VERSION, "query")),
            ("get", Element::new(ns::PING, "pong")),
        ] {
            let iq = stanza(StanzaKind::Iq, Some(type_), Some("7")).with_payload(payload);
            assert_eq!(answer(&iq), unavailable());
        }
    }

    #[test]
    fn a_malformed_request_is_a_bad_request() {
        let ping = || Element::new(ns::PING, "ping");
        let bad = || error("iq", "7", "modify", "bad-request");
        let iq = |type_| stanza(StanzaKind::Iq, type_, Some("7"));
        for request in [
            iq(None).with_payload(ping()),
            iq(Some("ask")).with_payload(ping()),
            iq(Some("get")),
            iq(Some("get")).with_payload(ping()).with_payload(ping()),
        ] {
            assert_eq!(answer(&request), bad());
        }
        let without_id = stanza(StanzaKind::Iq, Some("get"), None).with_payload(ping());
        assert_eq!(
            answer(&without_id),
            bad().map(|error| error.replace(" id='7'", ""))
        );
    }

    #[test]
    fn answers_are_not_answered() {
        for type_ in ["result", "error"] {
            let iq = stanza(StanzaKind::Iq, Some(type_), Some("7"));
            assert_eq!(answer(&iq), None);
        }
    }

    #[test]
    fn subscriptions_and_probes_are_refused_between_bare_addresses() {
        for type_ in ["subscribe", "probe"] {
            let presence = stanza(StanzaKind::Presence, Some(type_), Some("p"));
            assert_eq!(
                answer(&presence),
                Some(
                    "<presence from='echo@e.example' to='user@u.example' type='unsubscribed' \
                     id='p'/>"
                        .to_owned()
                )
            );
        }
    }

    #[test]
    fn other_presence_is_ignored() {
        for type_ in [
            "error",
            "subscribed",
            "unavailable",
            "unsubscribe",
            "unsubscribed",
        ] {
            let presence = stanza(StanzaKind::Presence, Some(type_), None);
            assert_eq!(answer(&presence), None, "{type_}");
        }
        assert_eq!(answer(&stanza(StanzaKind::Presence, None, None)), None);
    }
}
