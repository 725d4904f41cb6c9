//! Signs of typing inside bodies.

use super::{ChatState, Unreadable};
use crate::presence::xml::{Bounds, Node};

/// Reads `isComposing` (RFC 3994).
pub(super) fn is_composing(body: &[u8]) -> Result<ChatState, Unreadable> {
    let root = parse(body)?;
    if !root.is(IS_COMPOSING, "isComposing") {
        return Err(Unreadable::Malformed);
    }
    match root
        .child(&[IS_COMPOSING], "state")
        .map(|state| state.text.trim())
    {
        Some("active") => Ok(ChatState::Composing),
        // A state that is not known counts as idle (RFC 3994 §3.2).
        Some(_) => Ok(ChatState::Active),
        None => Err(Unreadable::Malformed),
    }
}

/// Reads `KeyboardActivity`, as Microsoft clients send it in INFO. Another document has no
/// counterpart.
pub(super) fn keyboard_activity(body: &[u8]) -> Result<ChatState, Unreadable> {
    let root = parse(body)?;
    if &*root.name != "KeyboardActivity" {
        return Err(Unreadable::Type);
    }
    let mut statuses = root.children.iter();
    let status = statuses.find(|child| &*child.name == "status");
    match status.and_then(|status| status.attribute("status")) {
        Some("type") => Ok(ChatState::Composing),
        Some(_) => Ok(ChatState::Active),
        None => Err(Unreadable::Malformed),
    }
}

/// Writes `isComposing`. Without the time of refresh it is the 120 s of the RFC.
pub(super) fn write_is_composing(state: ChatState) -> String {
    let state = match is_typing(state) {
        true => "active",
        false => "idle",
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <isComposing xmlns=\"{IS_COMPOSING}\"><state>{state}</state>\
         <contenttype>text/plain</contenttype></isComposing>"
    )
}

/// Writes `KeyboardActivity`.
pub(super) fn write_keyboard_activity(state: ChatState) -> String {
    let status = match is_typing(state) {
        true => "type",
        false => "idle",
    };
    format!(
        "<?xml version=\"1.0\"?><KeyboardActivity><status status=\"{status}\" />\
         </KeyboardActivity>"
    )
}

fn is_typing(state: ChatState) -> bool {
    match state {
        ChatState::Composing => true,
        ChatState::Active | ChatState::Gone | ChatState::Inactive | ChatState::Paused => false,
    }
}

fn parse(body: &[u8]) -> Result<Node, Unreadable> {
    Node::parse(body, BOUNDS).map_err(|_rule| Unreadable::Malformed)
}

/// A document of five elements, and room for extensions.
const BOUNDS: Bounds = Bounds {
    max_depth: 8,
    max_elements: 64,
    max_attributes: 16,
};

const IS_COMPOSING: &str = "urn:ietf:params:xml:ns:im-iscomposing";
