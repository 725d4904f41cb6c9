//! From XMPP to SIP.

use comity_sip::{StatusCode, UriBuf};
use comity_xmpp::{Jid, StanzaError};

use super::{Recipient, line, status};
use crate::address;

/// Status and reason phrase of the answer to a request whose stanza was answered by an error of this
/// recipient.
///
/// The reason phrase is the text of the error, as one line of at most 256 bytes without controls, or
/// the phrase of the status.
#[must_use]
pub fn refusal(error: &StanzaError, recipient: Recipient) -> (StatusCode, String) {
    let status = status(error, recipient);
    let text = line(error.text.as_deref().unwrap_or_default(), MAX_REASON_BYTES);
    match text.is_empty() {
        true => (status, status.phrase().to_owned()),
        false => (status, text),
    }
}

/// The SIP address to which `gone` or `redirect` refers with an `xmpp` URI (RFC 5122), for the Contact
/// of 301 and 302. What a query asks for is left out.
#[must_use]
pub fn new_address(error: &StanzaError) -> Option<UriBuf> {
    let (scheme, path) = error.uri.as_deref()?.trim().split_once(':')?;
    if !scheme.eq_ignore_ascii_case("xmpp") {
        return None;
    }
    let (path, _) = path.split_once(['?', '#']).unwrap_or((path, ""));
    let jid = address::percent_decode(path).ok()?;
    address::to_uri(&Jid::parse(&jid).ok()?).ok()
}

/// Longer texts are cut off: a reason phrase is one line of a message that may be one datagram.
const MAX_REASON_BYTES: usize = 256;
