use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use comity_identity::DomainName;
use precis_core::profile::{PrecisFastInvocation, Rules};
use precis_core::{DerivedPropertyValue, FreeformClass, StringClass};
use precis_profiles::{OpaqueString, UsernameCaseMapped};

/// An XMPP address: `localpart@domainpart/resourcepart`, the first and the last optional.
///
/// All parts are prepared when it is parsed (RFC 7622 §3), so that equal values are the same address.
/// The domainpart is a domain name, written with U-labels: an address literal cannot federate.
///
/// Characters that Unicode has added since version 6.3 pass in a resourcepart, although the PRECIS
/// tables do not know them.
///
/// ```
/// use comity_xmpp::Jid;
///
/// let jid: Jid = "Juliet@Example.COM/Balcony".parse()?;
/// assert_eq!(jid.to_string(), "juliet@example.com/Balcony");
/// assert_eq!(jid.to_bare().to_string(), "juliet@example.com");
/// # Ok::<_, comity_xmpp::JidError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Jid {
    domain: DomainName,
    local: Option<Arc<str>>,
    resource: Option<Arc<str>>,
}

impl Jid {
    /// The longest localpart and the longest resourcepart in bytes (RFC 7622 §3.3.1, §3.4.1).
    pub const MAX_PART_BYTES: usize = 1023;

    /// Parses an address.
    ///
    /// # Errors
    ///
    /// The part that violates a rule.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        let (local, domain, resource) = split(text);
        Ok(Self {
            domain: DomainName::parse(domain)?,
            local: local.map(prepare_local).transpose()?,
            resource: resource.map(prepare_resource).transpose()?,
        })
    }

    /// The domain in a text whose other parts may be malformed.
    pub(crate) fn domain_of(text: &str) -> Option<DomainName> {
        let (_, domain, _) = split(text);
        DomainName::parse(domain).ok()
    }

    /// The localpart, its case folded.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        self.local.as_deref()
    }

    /// The domainpart.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The resourcepart.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// The address without resourcepart.
    #[must_use]
    pub fn to_bare(&self) -> Self {
        Self {
            resource: None,
            ..self.clone()
        }
    }

    /// How much memory its parts take, as if none were shared.
    pub(crate) fn held_bytes(&self) -> usize {
        // Beside its text each part has two counters, and bytes that only fill a word.
        let part = |text: &str| 3 * size_of::<usize>() + text.len();
        let parts = [&self.local, &self.resource].into_iter().flatten();
        part(self.domain.as_str()) + parts.map(|text| part(text)).sum::<usize>()
    }
}

/// Localpart, domainpart and resourcepart as written (RFC 7622 §3.1).
fn split(text: &str) -> (Option<&str>, &str, Option<&str>) {
    let (bare, resource) = match text.split_once('/') {
        Some((bare, resource)) => (bare, Some(resource)),
        None => (text, None),
    };
    match bare.split_once('@') {
        Some((local, domain)) => (Some(local), domain, resource),
        None => (None, bare, resource),
    }
}

impl From<DomainName> for Jid {
    fn from(domain: DomainName) -> Self {
        Self {
            domain,
            local: None,
            resource: None,
        }
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Self::parse(text)
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(local) = &self.local {
            write!(f, "{local}@")?;
        }
        f.write_str(&self.domain.to_unicode())?;
        if let Some(resource) = &self.resource {
            write!(f, "/{resource}")?;
        }
        Ok(())
    }
}

/// Why a text is not an XMPP address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JidError {
    /// The domainpart is not a domain name.
    #[error("the domainpart: {0}")]
    Domain(#[from] comity_identity::ParseError),
    /// The localpart is empty, too long, or holds what RFC 7622 §3.3 does not allow.
    #[error("the localpart is not a user name")]
    Local,
    /// The resourcepart is empty, too long, or holds what RFC 7622 §3.4 does not allow.
    #[error("the resourcepart is not an opaque string")]
    Resource,
}

fn prepare_local(text: &str) -> Result<Arc<str>, JidError> {
    check_length(text).ok_or(JidError::Local)?;
    let prepared = if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        // What the profile does to printable ASCII is to fold its case.
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        enforce_stable(text, enforce_local).ok_or(JidError::Local)?
    };
    let excluded = |c| matches!(c, '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@');
    if prepared.contains(excluded) {
        return Err(JidError::Local);
    }
    check_length(&prepared).ok_or(JidError::Local)?;
    Ok(prepared.into())
}

fn prepare_resource(text: &str) -> Result<Arc<str>, JidError> {
    check_length(text).ok_or(JidError::Resource)?;
    let prepared = if text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
    {
        Cow::Borrowed(text)
    } else {
        enforce_stable(text, enforce_resource).ok_or(JidError::Resource)?
    };
    check_length(&prepared).ok_or(JidError::Resource)?;
    Ok(prepared.into())
}

/// Applies a profile, and once more to its own result: what changes again would be another address
/// to the next server (RFC 8264 §7).
fn enforce_stable<'a>(
    text: &'a str,
    enforce: impl for<'b> Fn(&'b str) -> Option<Cow<'b, str>>,
) -> Option<Cow<'a, str>> {
    let once = enforce(text)?;
    let is_stable = enforce(&once).is_some_and(|twice| twice == once);
    is_stable.then_some(once)
}

fn enforce_local(text: &str) -> Option<Cow<'_, str>> {
    UsernameCaseMapped::enforce(text).ok()
}

/// Applies the profile of resourceparts, with leave for characters that its tables do not know.
fn enforce_resource(text: &str) -> Option<Cow<'_, str>> {
    // COMPAT: other servers let every unassigned character pass, and rooms are full of emoji that
    // are younger than the tables.
    let class = FreeformClass::default();
    let is_young = |c| class.get_value_from_char(c) == DerivedPropertyValue::Unassigned;
    if !text.contains(is_young) {
        return OpaqueString::enforce(text).ok();
    }
    OpaqueString::prepare(text.replace(is_young, "x")).ok()?;
    let profile = OpaqueString::new();
    let mapped = profile.additional_mapping_rule(text).ok()?;
    profile.normalization_rule(mapped).ok()
}

fn check_length(part: &str) -> Option<()> {
    (1..=Jid::MAX_PART_BYTES)
        .contains(&part.len())
        .then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_prepared() {
        for (text, jid) in [
            ("example.com", "example.com"),
            ("a@example.com", "a@example.com"),
            ("A@Example.com./R", "a@example.com/R"),
            ("example.com/foo/bar@baz", "example.com/foo/bar@baz"),
            ("\u{df}@example.com", "\u{df}@example.com"),
            ("\u{3a3}@example.com", "\u{3c3}@example.com"),
            ("a@xn--bcher-kva.example", "a@b\u{fc}cher.example"),
            (
                "a@example.com/\u{1f980} e\u{301}",
                "a@example.com/\u{1f980} \u{e9}",
            ),
            ("a@example.com/\u{265a}", "a@example.com/\u{265a}"),
            ("a@example.com/foo bar", "a@example.com/foo bar"),
            ("foo\\20bar@example.com", "foo\\20bar@example.com"),
        ] {
            assert_eq!(
                Jid::parse(text).map(|jid| jid.to_string()),
                Ok(jid.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn each_part_has_its_rules() {
        use comity_identity::ParseError as Name;
        let long = format!("{}@a.b", "x".repeat(Jid::MAX_PART_BYTES + 1));
        let long_resource = format!("a.b/{}", "x".repeat(Jid::MAX_PART_BYTES + 1));
        for (text, error) in [
            ("", JidError::Domain(Name::Empty)),
            ("@example.com", JidError::Local),
            ("a@", JidError::Domain(Name::Empty)),
            ("a@/r", JidError::Domain(Name::Empty)),
            ("a@example.com/", JidError::Resource),
            ("a b@example.com", JidError::Local),
            ("a\"b@example.com", JidError::Local),
            ("a'b@example.com", JidError::Local),
            ("a:b@example.com", JidError::Local),
            ("a<b@example.com", JidError::Local),
            ("a@b@example.com", JidError::Domain(Name::Character('@'))),
            ("henry\u{2163}@example.com", JidError::Local),
            ("\u{265a}@example.com", JidError::Local),
            ("a@192.0.2.1", JidError::Domain(Name::EndsInNumber)),
            ("a@[2001:db8::1]", JidError::Domain(Name::Character('['))),
            ("a@example.com/\u{7}", JidError::Resource),
            ("a@example.com/\u{1f980}\u{7}", JidError::Resource),
            ("a@example.com/\u{fffe}", JidError::Resource),
            ("a@example.com/A\u{387}", JidError::Resource),
            (&long, JidError::Local),
            (&long_resource, JidError::Resource),
        ] {
            assert_eq!(Jid::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_longest_parts_pass() {
        let part = "x".repeat(Jid::MAX_PART_BYTES);
        let text = format!("{part}@a.b/{part}");
        assert_eq!(Jid::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn bare_and_domain_addresses() {
        let jid = Jid::parse("a@b.c/d").unwrap();
        assert_eq!(jid.local(), Some("a"));
        assert_eq!(jid.domain().as_str(), "b.c");
        assert_eq!(jid.resource(), Some("d"));
        assert_eq!(jid.to_bare().resource(), None);
        assert_eq!(Jid::from(jid.domain().clone()).to_string(), "b.c");
    }
}
