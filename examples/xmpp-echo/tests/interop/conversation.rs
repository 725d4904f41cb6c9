//! What users and the echo domain say to each other.

use crate::client::{Client, Stanza, USER, escape};
use crate::echo;
use crate::peer::Peer;

pub(crate) const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Every character that XML escapes, and some that are longer than a byte.
const BODY: &str = "one < two & 'three' > \"four\" ]]> gr\u{fc}\u{df}e \u{1f980}";
/// An address of the echo domain.
const ANYBODY: &str = "anybody@echo.test";
const GREETING: &str = "hello from the echo domain";

/// The options that make the echo domain write to the user of a peer.
pub(crate) fn greet<P: Peer>() -> [String; 2] {
    let greeting = format!("{USER}@{}={GREETING}", P::DOMAIN);
    ["--greet".to_owned(), greeting]
}

pub(crate) fn assert_greeting<P: Peer>(greeting: &Stanza) {
    assert_eq!(greeting.name(), "message", "{greeting:?}");
    assert_eq!(greeting.attribute("from").as_deref(), Some(echo::DOMAIN));
    assert_eq!(
        greeting.attribute("to"),
        Some(format!("{USER}@{}", P::DOMAIN))
    );
    assert_eq!(greeting.text_of("body").as_deref(), Some(GREETING));
}

/// Sends a message to the echo domain.
pub(crate) fn write(user: &mut Client) {
    let body = escape(BODY);
    user.send(&format!(
        "<message type='chat' id='m1' to='{ANYBODY}'><body>{body}</body></message>"
    ));
}

/// The answer to [`write()`] is the echo.
pub(crate) fn assert_echo(user: &mut Client) {
    let echo = assert_answer(user, "chat");
    assert_eq!(echo.text_of("body").as_deref(), Some(BODY));
}

/// The answer to [`write()`] is an error.
pub(crate) fn assert_bounce(user: &mut Client) {
    assert_answer(user, "error");
}

fn assert_answer(user: &mut Client, type_: &str) -> Stanza {
    let answer = user.next();
    assert_eq!(answer.name(), "message", "{answer:?}");
    assert_eq!(
        answer.attribute("type").as_deref(),
        Some(type_),
        "{answer:?}"
    );
    assert_eq!(answer.attribute("id").as_deref(), Some("m1"));
    assert_eq!(answer.attribute("from").as_deref(), Some(ANYBODY));
    assert_eq!(answer.attribute("to").as_deref(), Some(user.jid()));
    answer
}

/// Sends a request to `to` and returns the answer to it, which is the next stanza.
pub(crate) fn ask(user: &mut Client, to: &str, id: &str, payload: &str) -> Stanza {
    user.send(&format!(
        "<iq type='get' id='{id}' to='{to}'>{payload}</iq>"
    ));
    let answer = user.next();
    assert_eq!(answer.name(), "iq", "{answer:?}");
    assert_eq!(answer.attribute("id").as_deref(), Some(id));
    assert_eq!(answer.attribute("from").as_deref(), Some(to));
    assert_eq!(answer.attribute("to").as_deref(), Some(user.jid()));
    answer
}
