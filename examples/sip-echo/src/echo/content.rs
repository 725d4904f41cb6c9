//! Bodies that the domain writes.

use comity_identity::{DomainName, Host};
use comity_sip::{UriBuilder, UriError};

/// The answer to an offer of a session of messages; `None` if it is no such offer.
///
/// Each line with media is answered in its place (RFC 3264 §6): the first of messages as it is, any
/// other is declined with port 0.
pub(super) fn answer(offer: &[u8], domain: &DomainName) -> Option<String> {
    let offer = std::str::from_utf8(offer).ok()?;
    let mut media = String::new();
    let mut has_messages = false;
    for line in offer.lines() {
        let Some(description) = line.strip_prefix("m=") else {
            continue;
        };
        let mut words = description.split_ascii_whitespace();
        let (kind, _port, rest) = (words.next()?, words.next()?, words);
        let takes = kind == "message" && !has_messages;
        has_messages |= takes;
        let port = if takes { MESSAGE_PORT } else { "0" };
        let rest: Vec<_> = rest.collect();
        media.push_str(&format!("m={kind} {port} {}\r\n", rest.join(" ")));
    }
    has_messages.then(|| {
        format!(
            "v=0\r\n\
             o=- 1 1 IN IP4 {domain}\r\n\
             s=-\r\n\
             c=IN IP4 {domain}\r\n\
             t=0 0\r\n\
             {media}"
        )
    })
}

/// The presence of a user who is there (RFC 3863).
pub(super) fn presence(user: &str, domain: &DomainName) -> Result<String, UriError> {
    let host = Host::Domain(domain.clone());
    let entity = UriBuilder::pres(&host).user(user).build()?;
    let entity = escape(entity.as_uri().as_str());
    Ok(format!(
        "<?xml version='1.0' encoding='UTF-8'?>\
         <presence xmlns='urn:ietf:params:xml:ns:pidf' entity='{entity}'>\
         <tuple id='echo'><status><basic>open</basic></status></tuple>\
         </presence>"
    ))
}

/// Text inside of an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

pub(super) const PIDF: &str = "application/pidf+xml";
/// Messages go inside of the dialog and need no port of their own.
const MESSAGE_PORT: &str = "5060";
