//! From SIP to XMPP (RFC 7247 §6.4).

use std::borrow::Cow;

use comity_identity::{DomainName, Host};
use comity_sip::header::Address;
use comity_sip::{Gruu, Scheme, Uri};
use comity_xmpp::{Jid, JidError};

use super::escape::{escape, is_special};
use super::{AddressError, Telephone};

/// The XMPP address of a SIP user: user and domain, and the device of `gr` as resource.
///
/// Takes `sip`, `pres` and `im` URIs, with or without a user. The user is folded to lower case as
/// XMPP does it. A domain of U-labels or A-labels is the same.
///
/// # Errors
///
/// Why there is none; [`AddressError::status`] is the answer.
pub fn to_jid(uri: Uri<'_>) -> Result<Jid, AddressError> {
    check_scheme(&uri)?;
    let domain = domain(&uri)?;
    let resource = match uri.gruu() {
        Some(Gruu::Public(device)) => Some(device),
        Some(_) | None => None,
    };
    join(user(&uri)?.as_deref(), &domain, resource.as_deref())
}

/// The XMPP address of a From, To or Contact. `COMPAT:` the examples of RFC 8048 have `gr` behind the
/// URI; it counts there if the URI has none.
///
/// # Errors
///
/// As [`to_jid`].
pub fn from_header(address: &Address<'_>) -> Result<Jid, AddressError> {
    let uri = address.uri();
    let outside = address.params().value("gr");
    match outside {
        Some(device) if !uri.has_param("gr") => {
            check_scheme(&uri)?;
            let device = device.decode();
            let device = percent_decode(&device)?;
            join(user(&uri)?.as_deref(), &domain(&uri)?, Some(&device))
        }
        Some(_) | None => to_jid(uri),
    }
}

/// The XMPP address of a presentity, as PIDF has it: a `pres`, `sip` or `im` URI. `COMPAT:` some
/// servers leave the scheme out.
///
/// # Errors
///
/// As [`to_jid`], and if the text is no URI with a scheme put before it.
pub fn entity(text: &str) -> Result<Jid, AddressError> {
    let text = text.trim();
    let user = text.split_once('@').map_or(text, |(user, _)| user);
    let text = match user.contains(':') {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("sip:{text}")),
    };
    to_jid(Uri::parse(&text).map_err(|_not_a_uri| AddressError::Uri)?)
}

fn check_scheme(uri: &Uri<'_>) -> Result<(), AddressError> {
    match uri.scheme() {
        Scheme::Sip | Scheme::Im | Scheme::Pres => {}
        Scheme::Sips => return Err(AddressError::Secure),
        Scheme::Tel => return Err(AddressError::Telephone(Telephone::Scheme)),
        Scheme::Other | _ => return Err(AddressError::Scheme),
    }
    let is_phone = |value: Cow<'_, str>| value.eq_ignore_ascii_case("phone");
    if uri.param("user").is_some_and(is_phone) || uri.has_param("phone-context") {
        return Err(AddressError::Telephone(Telephone::User));
    }
    match uri.password() {
        Some(_) => Err(AddressError::Password),
        None => Ok(()),
    }
}

fn domain(uri: &Uri<'_>) -> Result<DomainName, AddressError> {
    let host = uri.host().ok_or(AddressError::Scheme)?;
    match host.to_host().map_err(AddressError::Domain)? {
        Host::Domain(name) => Ok(name),
        Host::Ip(_) => Err(AddressError::IpAddress),
    }
}

/// The user with its escapes resolved.
fn user<'a>(uri: &Uri<'a>) -> Result<Option<Cow<'a, str>>, AddressError> {
    let Some(written) = uri.user_as_written() else {
        return Ok(None);
    };
    let user = percent_decode(written)?;
    if user.chars().any(char::is_control) {
        return Err(AddressError::Control);
    }
    if user.starts_with(' ') || user.ends_with(' ') {
        return Err(AddressError::EdgeSpace);
    }
    if is_telephone(&user) {
        return Err(AddressError::Telephone(Telephone::User));
    }
    Ok(Some(user))
}

/// Whether the user is a local number with its context (RFC 3261 §19.1.6, RFC 3966 §5.1.5).
pub(super) fn is_telephone(user: &str) -> bool {
    let mut params = user.split(';').skip(1);
    params.any(|param| {
        let (name, _) = param.split_once('=').unwrap_or((param, ""));
        name.eq_ignore_ascii_case("phone-context")
    })
}

fn join(
    user: Option<&str>,
    domain: &DomainName,
    resource: Option<&str>,
) -> Result<Jid, AddressError> {
    let bare = match user {
        Some(user) => local(user, domain)?,
        None => Jid::from(domain.clone()),
    };
    let Some(resource) = resource.filter(|resource| !resource.is_empty()) else {
        return Ok(bare);
    };
    // Bytes that are not UTF-8 were replaced when the parameter was decoded.
    if resource.contains(char::REPLACEMENT_CHARACTER) {
        return Err(AddressError::NotUtf8);
    }
    Ok(Jid::parse(&format!("{bare}/{resource}"))?)
}

/// The bare address of a user, which comes back as this user with its case folded.
///
/// Preparation of a localpart maps more than case: wide forms become ASCII, and a combining mark
/// joins the letter before it, which may be the last digit of an escape. So the user is folded before
/// it is escaped, and then preparation must find nothing to change.
fn local(user: &str, domain: &DomainName) -> Result<Jid, AddressError> {
    if user.len() > Jid::MAX_PART_BYTES {
        return Err(AddressError::Jid(JidError::Local));
    }
    let stable = |user: &str| {
        let escaped = escape(user);
        let jid = Jid::parse(&format!("{escaped}@{domain}"))?;
        Ok::<_, AddressError>((jid.local() == Some(&*escaped)).then_some(jid))
    };
    if let Some(jid) = stable(user)? {
        return Ok(jid);
    }
    let folded = match user.is_ascii() {
        true => user.to_ascii_lowercase(),
        false => fold(user)?,
    };
    stable(&folded)?.ok_or(AddressError::Jid(JidError::Local))
}

/// The user as preparation leaves it, what lies between special characters each for itself.
fn fold(user: &str) -> Result<String, AddressError> {
    let mut folded = String::with_capacity(user.len());
    for piece in user.split_inclusive(is_special) {
        let text = piece.strip_suffix(is_special).unwrap_or(piece);
        if !text.is_empty() {
            let jid = Jid::parse(&format!("{text}@invalid"))?;
            folded.push_str(jid.local().unwrap_or_default());
        }
        folded.extend(piece.chars().next_back().filter(|&last| is_special(last)));
    }
    Ok(folded)
}

/// Resolves `%hexhex` once.
pub(crate) fn percent_decode(text: &str) -> Result<Cow<'_, str>, AddressError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let (byte, behind) = match behind {
            [high, low, behind @ ..] if *first == b'%' => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, behind),
                _not_hex => return Err(AddressError::NotUtf8),
            },
            _ => (*first, behind),
        };
        decoded.push(byte);
        rest = behind;
    }
    match String::from_utf8(decoded) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(_) => Err(AddressError::NotUtf8),
    }
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}
