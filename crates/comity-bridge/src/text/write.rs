//! From XMPP to SIP.

use base64ct::{Base64Unpadded, Encoding};
use bytes::Bytes;
use comity_policy::PeerKind;

use super::ChatState;
use super::plain::{clean, utf16};
use super::transfer::base64;
use super::typing::{write_is_composing, write_keyboard_activity};

/// The format that Microsoft clients send beside a text in the parameter `msgr`: their usual font,
/// no effects, black.
pub const MSGR: &str = "X-MMS-IM-Format: FN=MS%20Shell%20Dlg%202; EF=; CO=0; CS=0; PF=0\r\n\r\n";

/// Content-Type and body for a text. Its lines end in CRLF (RFC 2046 §4.1.1), and what XML does not
/// allow is U+FFFD as in texts that come.
#[must_use]
pub fn write(text: &str, kind: PeerKind) -> (String, Bytes) {
    let mut content_type = "text/plain; charset=UTF-8".to_owned();
    if kind == PeerKind::Microsoft {
        content_type.push_str("; msgr=");
        content_type.push_str(&encode(MSGR));
    }
    let body = clean(text).replace('\n', "\r\n");
    (content_type, body.into())
}

/// Content-Type and body that tell whether somebody is typing. Those who take no notice, or have
/// gone, are idle.
#[must_use]
pub fn write_typing(state: ChatState, kind: PeerKind) -> (&'static str, Bytes) {
    match kind {
        PeerKind::Microsoft => ("application/xml", write_keyboard_activity(state).into()),
        PeerKind::Standard | _ => (
            "application/im-iscomposing+xml",
            write_is_composing(state).into(),
        ),
    }
}

/// The text that is in a parameter `msgr`: base64 without padding of UTF-16, the low byte first.
/// `None` if it is malformed.
///
/// ```
/// use comity_bridge::text::{MSGR, msgr, write};
///
/// let (content_type, body) = write("hello", comity_policy::PeerKind::Microsoft);
/// assert_eq!(body, "hello");
/// let (_, value) = content_type.split_once("msgr=").expect("a format");
/// assert_eq!(msgr(value).as_deref(), Some(MSGR));
/// ```
#[must_use]
pub fn msgr(value: &str) -> Option<String> {
    let bytes = base64(value.as_bytes()).ok()?;
    utf16(&bytes, u16::from_le_bytes).ok()
}

fn encode(text: &str) -> String {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Base64Unpadded::encode_string(&bytes)
}
