use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use comity_identity::{DomainName, Host, ParseError};

/// Which domains a route is for.
///
/// Parsed from the notation of Cisco's static routes, a domain with its labels in reverse order behind
/// a dot: `.com.domaina.*` is `domaina.com` and everything below it, `.com.domaina` is `domaina.com`
/// alone, and `.*` or `*` is everything. `domaina.com` and `*.domaina.com` are the same in the usual
/// order. An IP address stands as it is; an IPv4 address that is mapped into IPv6 is the IPv4 address.
///
/// `.com.domaina*` without the dot is `domaina.com` and also `domainab.com`, which is rarely meant:
/// [`Routes::lint`](super::Routes::lint) says so.
///
/// It is shown in the reversed notation.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pattern(Form);

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Form {
    /// The key of one domain.
    Exact(String),
    /// What the keys begin with.
    Prefix(String),
    Address(IpAddr),
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// There is nothing.
    #[error("the pattern is empty")]
    Empty,
    /// It has more than 255 bytes.
    #[error("the pattern is longer than 255 bytes")]
    TooLong,
    /// A star stands elsewhere than at the end, or before the first dot of `*.domaina.com`.
    #[error("a star may only stand at the end of a reversed pattern, or before the first dot")]
    Star,
    /// Its labels are no domain name.
    #[error("{0}")]
    Name(#[from] ParseError),
}

impl Pattern {
    /// The longest pattern in bytes.
    pub const MAX_BYTES: usize = 255;

    /// The pattern of one domain alone.
    #[must_use]
    pub fn exact(domain: &DomainName) -> Self {
        Self(Form::Exact(key(domain)))
    }

    /// The pattern of a domain and everything below it.
    #[must_use]
    pub fn below(domain: &DomainName) -> Self {
        Self(Form::Prefix(key(domain)))
    }

    /// The pattern of the default route.
    #[must_use]
    pub fn everything() -> Self {
        Self(Form::Prefix(".".to_owned()))
    }

    /// Whether it is the pattern of the default route.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        matches!(&self.0, Form::Prefix(prefix) if prefix == ".")
    }

    /// Whether `host` is one of those that it is for.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match (&self.0, host) {
            (Form::Exact(exact), Host::Domain(domain)) => *exact == key(domain),
            (Form::Prefix(prefix), Host::Domain(domain)) => key(domain).starts_with(prefix),
            (Form::Address(address), Host::Ip(ip)) => *address == ip.to_canonical(),
            (Form::Prefix(_), Host::Ip(_)) => self.is_everything(),
            (Form::Exact(_), Host::Ip(_)) | (Form::Address(_), Host::Domain(_)) => false,
        }
    }

    /// The patterns that match `host`, the longest first, without the one that matches everything.
    pub(super) fn candidates(host: &Host) -> impl Iterator<Item = Self> {
        let (exact, key) = match host {
            Host::Domain(domain) => (Form::Exact(key(domain)), key(domain)),
            Host::Ip(address) => (Form::Address(address.to_canonical()), String::new()),
        };
        // Keys are ASCII, so that they may be cut anywhere.
        let prefixes = (2..=key.len())
            .rev()
            .filter_map(move |end| key.get(..end).map(|cut| Form::Prefix(cut.to_owned())));
        [exact].into_iter().chain(prefixes).map(Self)
    }

    /// Whether a star stands right behind a label: then it takes other domains in.
    pub(super) fn lacks_dot(&self) -> bool {
        matches!(&self.0, Form::Prefix(prefix) if !prefix.ends_with('.'))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(PatternError::TooLong);
        }
        if text == "*" {
            return Ok(Self::everything());
        }
        if let Some(reversed) = text.strip_prefix('.') {
            return parse_reversed(reversed).map(Self);
        }
        if let Some(domain) = text.strip_prefix("*.") {
            return Ok(Self::below(&parse_name(domain)?));
        }
        if text.contains('*') {
            return Err(PatternError::Star);
        }
        Ok(match Host::parse(text)? {
            Host::Domain(domain) => Self::exact(&domain),
            Host::Ip(address) => Self(Form::Address(address.to_canonical())),
        })
    }
}

/// The part of a reversed pattern behind its first dot.
fn parse_reversed(text: &str) -> Result<Form, PatternError> {
    let Some(prefix) = text.strip_suffix('*') else {
        let labels = text.strip_suffix('.').unwrap_or(text);
        return Ok(Form::Exact(key(&parse_name(&turned(labels))?)));
    };
    let (whole, rest) = match prefix.rsplit_once('.') {
        Some((whole, rest)) => (Some(whole), rest),
        None => (None, prefix),
    };
    let mut literal = match whole {
        Some(whole) => key(&parse_name(&turned(whole))?),
        None => ".".to_owned(),
    };
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if let Some(other) = rest.chars().find(|&c| !is_inner(c)) {
        return Err(match other {
            '*' => PatternError::Star,
            other => PatternError::Name(ParseError::Character(other)),
        });
    }
    // Without a dot before the star, the last label is the beginning of labels.
    literal.push_str(&rest.to_ascii_lowercase());
    Ok(Form::Prefix(literal))
}

fn parse_name(text: &str) -> Result<DomainName, PatternError> {
    if text.contains('*') {
        return Err(PatternError::Star);
    }
    Ok(DomainName::parse(text)?)
}

/// The labels the other way round.
fn turned(text: &str) -> String {
    let labels: Vec<_> = text.rsplit('.').collect();
    labels.join(".")
}

/// `.com.domaina.` for `domaina.com`: names below it have longer keys that begin with its own.
fn key(domain: &DomainName) -> String {
    let mut key = String::with_capacity(domain.as_str().len().saturating_add(2));
    for label in domain.labels().rev() {
        key.push('.');
        key.push_str(label);
    }
    key.push('.');
    key
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Exact(key) => f.write_str(key.strip_suffix('.').unwrap_or(key)),
            Form::Prefix(prefix) => write!(f, "{prefix}*"),
            Form::Address(address) => address.fmt(f),
        }
    }
}
