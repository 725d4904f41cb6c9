//! Parameters and headers inside a URI.

use std::borrow::Cow;

use super::escape::{Unit, decode, units};
use crate::grammar::Ascii;

/// A parameter of a URI, `;name=value` or `;name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UriParam<'a> {
    name: Ascii<'a>,
    value: Option<Ascii<'a>>,
}

impl<'a> UriParam<'a> {
    /// Its name, with escapes resolved. Names compare without regard to case.
    pub fn name(&self) -> Cow<'a, str> {
        decode(self.name.as_str())
    }

    /// What is behind the equals sign, with escapes resolved: any text, which may hold line ends.
    pub fn value(&self) -> Option<Cow<'a, str>> {
        self.value.map(|value| decode(value.as_str()))
    }

    pub(crate) fn raw_value(&self) -> Option<&'a [u8]> {
        self.value.map(Ascii::as_bytes)
    }

    /// True if both have the same name, in any case, however it is escaped.
    #[inline]
    pub(crate) fn has_same_name(&self, other: &UriParam<'_>) -> bool {
        let (own, other) = (self.name.as_bytes(), other.name.as_bytes());
        match own.contains(&b'%') || other.contains(&b'%') {
            true => units(own)
                .map(Unit::to_ascii_lowercase)
                .eq(units(other).map(Unit::to_ascii_lowercase)),
            false => own.eq_ignore_ascii_case(other),
        }
    }

    /// Its name as comparison sees it, the same for all names that are the same.
    pub(crate) fn folded_name(&self) -> Vec<Unit> {
        let units = units(self.name.as_bytes());
        units.map(Unit::to_ascii_lowercase).collect()
    }

    /// True if the name is this one, in any case, however it is escaped.
    pub(crate) fn is(&self, name: &str) -> bool {
        match self.name.as_bytes().contains(&b'%') {
            true => self.name().eq_ignore_ascii_case(name),
            false => self.name.is(name),
        }
    }
}

/// A header of a URI, `name=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UriHeader<'a> {
    name: Ascii<'a>,
    value: Ascii<'a>,
}

impl<'a> UriHeader<'a> {
    /// Its name, with escapes resolved.
    pub fn name(&self) -> Cow<'a, str> {
        decode(self.name.as_str())
    }

    /// Its value, with escapes resolved, which can be any text: it may hold line ends.
    pub fn value(&self) -> Cow<'a, str> {
        decode(self.value.as_str())
    }

    /// True if both are the same header: names in any case, values with escapes resolved.
    pub(crate) fn is_same(&self, other: &UriHeader<'_>) -> bool {
        let name = units(self.name.as_bytes()).map(Unit::to_ascii_lowercase);
        let other_name = units(other.name.as_bytes()).map(Unit::to_ascii_lowercase);
        name.eq(other_name) && units(self.value.as_bytes()).eq(units(other.value.as_bytes()))
    }
}

/// Reads what was proved to be parameters, from the first semicolon on.
pub(crate) fn params<'a>(raw: Ascii<'a>) -> impl Iterator<Item = UriParam<'a>> + Clone + use<'a> {
    items(raw, b';').map(|item| {
        let (name, value) = halves(item);
        UriParam { name, value }
    })
}

/// Reads what was proved to be headers, from the question mark on.
pub(crate) fn headers<'a>(raw: Ascii<'a>) -> impl Iterator<Item = UriHeader<'a>> + use<'a> {
    items(raw, b'&').map(|item| {
        let (name, value) = halves(item);
        let value = value.unwrap_or_default();
        UriHeader { name, value }
    })
}

/// What lies between separators, behind the first byte.
fn items(raw: Ascii<'_>, separator: u8) -> impl Iterator<Item = &[u8]> + Clone {
    let behind = raw.as_bytes().split_first().map(|(_, behind)| behind);
    behind
        .into_iter()
        .flat_map(move |behind| behind.split(move |&byte| byte == separator))
}

/// What lies before and behind the first equals sign.
fn halves(item: &[u8]) -> (Ascii<'_>, Option<Ascii<'_>>) {
    let mut halves = item.splitn(2, |&byte| byte == b'=').map(Ascii::proved);
    (halves.next().unwrap_or_default(), halves.next())
}
