//! What stands beside the text in a message of XMPP: chat states and receipts.

use comity_xmpp::Message;
use comity_xmpp::xml::Element;

/// The namespace of chat states (XEP-0085).
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// The namespace of receipts (XEP-0184).
pub const RECEIPTS: &str = "urn:xmpp:receipts";

/// What somebody does in a conversation (XEP-0085 §2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "XEP-0085 defines these five")]
pub enum ChatState {
    /// Takes part.
    Active,
    /// Is typing.
    Composing,
    /// Has left.
    Gone,
    /// Pays no attention.
    Inactive,
    /// Has stopped typing.
    Paused,
}

impl ChatState {
    /// The five states.
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::Composing,
        Self::Gone,
        Self::Inactive,
        Self::Paused,
    ];

    /// The name of the element.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Composing => "composing",
            Self::Gone => "gone",
            Self::Inactive => "inactive",
            Self::Paused => "paused",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The element of a state.
#[must_use]
pub fn state(state: ChatState) -> Element {
    Element::new(CHAT_STATES, state.name())
}

/// The state that a message tells; the first one, of several.
#[must_use]
pub fn chat_state(message: &Message) -> Option<ChatState> {
    let mut payloads = message.payloads.iter();
    payloads.find_map(|element| match element.namespace() {
        CHAT_STATES => ChatState::from_name(element.name()),
        _ => None,
    })
}

/// Whether the sender asks for a receipt.
#[must_use]
pub fn wants_receipt(message: &Message) -> bool {
    let mut payloads = message.payloads.iter();
    payloads.any(|element| element.is(RECEIPTS, "request"))
}

/// The element that asks for a receipt. The message must have an id.
#[must_use]
pub fn receipt_request() -> Element {
    Element::new(RECEIPTS, "request")
}

/// The element that says that the message with this id was received.
#[must_use]
pub fn receipt(id: &str) -> Element {
    Element::new(RECEIPTS, "received").with_attribute("id", id)
}

/// The id of the message that was received, if a message says so.
#[must_use]
pub fn received(message: &Message) -> Option<&str> {
    let mut payloads = message.payloads.iter();
    let received = payloads.find(|element| element.is(RECEIPTS, "received"));
    received?.attribute("id")
}
