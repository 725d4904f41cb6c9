//! From SIP to XMPP.

use std::fmt::Write;

use comity_sip::endpoint::Failure;
use comity_sip::header::{Contact, RetryAfter};
use comity_sip::{Response, StatusCode};
use comity_xmpp::{ErrorType, Jid, StanzaCondition, StanzaError};

use super::{MsDiagnostics, condition, line};
use crate::address;

/// The error for the sender of a stanza whose request got this response.
///
/// Its text is the status and the reason phrase, the number and words of `ms-diagnostics`, and the
/// time of `Retry-After`, which makes the error one of type `wait`. `gone` and `redirect` have the new
/// address if the response has it in Contact.
#[must_use]
pub fn stanza_error(response: &Response) -> StanzaError {
    let status = response.status();
    let mut error = StanzaError::new(condition(status));
    let mut text = status.code().to_string();
    let reason = line(&response.reason(), MAX_REASON_BYTES);
    let reason = match reason.is_empty() {
        true => status.phrase(),
        false => &reason,
    };
    if !reason.is_empty() {
        // Writing into a string cannot fail.
        let _ = write!(text, " {reason}");
    }
    if let Some(diagnostics) = MsDiagnostics::parse(response.headers()) {
        let reason = diagnostics.reason.unwrap_or_default();
        let _ = write!(text, "; ms-diagnostics {} {reason}", diagnostics.id);
        text.truncate(text.trim_end().len());
    }
    if let Ok(Some(after)) = response.headers().optional::<RetryAfter<'_>>() {
        error.error_type = ErrorType::Wait;
        let _ = write!(text, "; try again after {} s", after.seconds());
    }
    error.text = Some(text.into());
    error.uri = new_address(response);
    error
}

/// The error for the sender of a stanza whose request got no response.
#[must_use]
pub fn unanswered(failure: &Failure) -> StanzaError {
    let condition = match failure {
        Failure::NoTarget | Failure::NoListener => StanzaCondition::RemoteServerNotFound,
        Failure::TimedOut | Failure::Transport => StanzaCondition::RemoteServerTimeout,
        // As 503 with Retry-After, which the server sent before.
        Failure::Unavailable { .. } => condition(StatusCode::SERVICE_UNAVAILABLE),
        Failure::Overloaded => StanzaCondition::ResourceConstraint,
        Failure::Cancelled => condition(StatusCode::REQUEST_TERMINATED),
        _ => StanzaCondition::UndefinedCondition,
    };
    let mut error = StanzaError::new(condition);
    if matches!(failure, Failure::Unavailable { .. }) {
        error.error_type = ErrorType::Wait;
    }
    error.text = Some(failure.to_string().into());
    error
}

/// Where the user has gone, as an `xmpp` URI (RFC 5122).
fn new_address(response: &Response) -> Option<Box<str>> {
    let has_moved = [
        StatusCode::MULTIPLE_CHOICES,
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::MOVED_TEMPORARILY,
    ];
    if !has_moved.contains(&response.status()) {
        return None;
    }
    let contact = response.headers().first::<Contact<'_>>().ok()??;
    let jid = address::to_jid(contact.uri()?).ok()?;
    Some(xmpp_uri(&jid).into())
}

/// The `xmpp` URI of an address, in ASCII (RFC 5122 §2.2).
fn xmpp_uri(jid: &Jid) -> String {
    let mut uri = "xmpp:".to_owned();
    let mut encode = |text: &str, plain: &[u8]| {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
                uri.push(char::from(byte));
            } else {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    };
    if let Some(local) = jid.local() {
        encode(local, b"-._~!$()*+,;=");
        encode("@", b"@");
    }
    encode(jid.domain().as_str(), b"-.");
    if let Some(resource) = jid.resource() {
        encode("/", b"/");
        encode(resource, b"-._~!$&'()*+,;=:");
    }
    uri
}

/// Longer reason phrases are cut off: more than this helps nobody to understand.
const MAX_REASON_BYTES: usize = 256;
