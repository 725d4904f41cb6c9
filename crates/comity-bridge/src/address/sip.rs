//! From XMPP to SIP (RFC 7247 §6.5).

use std::fmt::Write;

use comity_sip::{UriBuf, UriBuilder, UriError};
use comity_xmpp::Jid;

use super::escape::{escape, unescape};
use super::xmpp::is_telephone;
use super::{AddressError, Telephone};

/// The `sip` URI of an XMPP address, with its resource as `gr`.
///
/// # Errors
///
/// If the URI would be too long, or lead to another address: see [`AddressError::NotCanonical`].
pub fn to_uri(jid: &Jid) -> Result<UriBuf, AddressError> {
    let Some(resource) = jid.resource() else {
        return to_bare_uri(jid);
    };
    if resource.contains(char::REPLACEMENT_CHARACTER) {
        return Err(AddressError::NotUtf8);
    }
    let mut text = bare(jid)?;
    text.push_str(";gr=");
    percent_encode(resource, GR, &mut text);
    parse(&text)
}

/// The `sip` URI of an XMPP address without its resource.
///
/// # Errors
///
/// As [`to_uri`].
pub fn to_bare_uri(jid: &Jid) -> Result<UriBuf, AddressError> {
    parse(&bare(jid)?)
}

/// The `pres` URI of an XMPP address, as the entity of a presence document (RFC 3859). It has no
/// place for a resource.
///
/// # Errors
///
/// As [`to_uri`], and without localpart.
pub fn to_pres(jid: &Jid) -> Result<UriBuf, AddressError> {
    mailbox(jid, UriBuilder::pres(&jid.domain().clone().into()))
}

/// The `im` URI of an XMPP address, as CPIM has it (RFC 3860). It has no place for a resource.
///
/// # Errors
///
/// As [`to_uri`], and without localpart.
pub fn to_im(jid: &Jid) -> Result<UriBuf, AddressError> {
    mailbox(jid, UriBuilder::im(&jid.domain().clone().into()))
}

fn mailbox(jid: &Jid, uri: UriBuilder) -> Result<UriBuf, AddressError> {
    let uri = uri.user(&user(jid.local().unwrap_or_default())?).build();
    uri.map_err(|error| match error {
        UriError::Rule(_) if jid.local().is_some() => AddressError::TooLong,
        UriError::Rule(_) | UriError::NotInMailbox | _ => AddressError::Uri,
    })
}

fn bare(jid: &Jid) -> Result<String, AddressError> {
    let mut text = "sip:".to_owned();
    if let Some(local) = jid.local() {
        percent_encode(&user(local)?, USER, &mut text);
        text.push('@');
    }
    text.push_str(jid.domain().as_str());
    Ok(text)
}

/// The SIP user that leads to this localpart and no other.
fn user(local: &str) -> Result<String, AddressError> {
    let user = unescape(local);
    if user.starts_with(' ') || user.ends_with(' ') {
        return Err(AddressError::EdgeSpace);
    }
    if is_telephone(&user) {
        return Err(AddressError::Telephone(Telephone::User));
    }
    match escape(&user) == local {
        true => Ok(user),
        false => Err(AddressError::NotCanonical),
    }
}

fn parse(text: &str) -> Result<UriBuf, AddressError> {
    // What is made of escaped parts breaks no rule but that of length.
    text.parse().map_err(|_too_long| AddressError::TooLong)
}

/// Appends text, with escapes for all but letters, digits and these bytes.
fn percent_encode(text: &str, plain: &[u8], encoded: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
}

/// `mark` and `user-unreserved` (RFC 3261 §25.1).
const USER: &[u8] = b"-_.!~*'()&=+$,;?/";
/// `mark` and `param-unreserved` (RFC 3261 §25.1).
const GR: &[u8] = b"-_.!~*'()[]/:&+$";
