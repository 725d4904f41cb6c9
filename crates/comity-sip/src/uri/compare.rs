//! When two URIs are the same.

use super::escape::{Unit, units};
use super::{Scheme, Uri, UriParam};

/// RFC 3261 §19.1.4, RFC 3966 §4; other schemes byte by byte.
pub(super) fn equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    match (a.scheme(), b.scheme()) {
        (Scheme::Sip, Scheme::Sip)
        | (Scheme::Sips, Scheme::Sips)
        | (Scheme::Im, Scheme::Im)
        | (Scheme::Pres, Scheme::Pres) => same_sip(a, b),
        (Scheme::Tel, Scheme::Tel) => same_telephone(a, b),
        (Scheme::Other, Scheme::Other) => {
            a.scheme_name().eq_ignore_ascii_case(b.scheme_name()) && a.opaque() == b.opaque()
        }
        (
            Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Im | Scheme::Pres | Scheme::Other,
            _,
        ) => false,
    }
}

fn same_sip(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    a.host() == b.host()
        && a.port() == b.port()
        && same_text(a.user_as_written(), b.user_as_written())
        && same_text(a.password(), b.password())
        && params_agree(a, b)
        && params_agree(b, a)
        && same_headers(a, b)
}

/// User and password differ by case (RFC 3261 §19.1.4).
fn same_text(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => units(a.as_bytes()).eq(units(b.as_bytes())),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Each parameter of `a` that `b` has too is the same there, and `b` has each that must not be
/// missing.
fn params_agree(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    a.params().all(
        |param| match b.params().find(|other| param.has_same_name(other)) {
            Some(other) => same_value(&param, &other),
            None => !NEVER_MISSING.iter().any(|name| param.is(name)),
        },
    )
}

fn same_value(a: &UriParam<'_>, b: &UriParam<'_>) -> bool {
    match (a.raw_value(), b.raw_value()) {
        (Some(a), Some(b)) => lower(a).eq(lower(b)),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn lower(text: &[u8]) -> impl Iterator<Item = Unit> {
    units(text).map(Unit::to_ascii_lowercase)
}

/// Headers are never ignored, and their order does not matter. RFC 3261 lets the rules of each header
/// decide about its value; here upper and lower case differ in all of them.
fn same_headers(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    a.headers().count() == b.headers().count()
        && a.headers().all(|header| {
            let count = |uri: &Uri<'_>| uri.headers().filter(|other| header.is_same(other)).count();
            count(a) == count(b)
        })
}

/// Digits without their visual separators, parameters in any order (RFC 3966 §4).
fn same_telephone(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    let has = |uri: &Uri<'_>, param: &UriParam<'_>| {
        uri.params()
            .any(|other| param.has_same_name(&other) && same_telephone_value(param, &other))
    };
    digits(a).eq(digits(b))
        && a.params().count() == b.params().count()
        && a.params().all(|param| has(b, &param))
        && b.params().all(|param| has(a, &param))
}

/// Extensions and global contexts are numbers too.
fn same_telephone_value(a: &UriParam<'_>, b: &UriParam<'_>) -> bool {
    let number = |param: &UriParam<'_>| {
        let value = param.raw_value().unwrap_or_default();
        param.is("ext") || (param.is("phone-context") && value.first() == Some(&b'+'))
    };
    match (a.raw_value(), b.raw_value()) {
        (Some(own), Some(other)) if number(a) && number(b) => {
            without_separators(own).eq(without_separators(other))
        }
        (Some(_) | None, Some(_) | None) => same_value(a, b),
    }
}

fn digits<'a>(uri: &Uri<'a>) -> impl Iterator<Item = u8> + use<'a> {
    without_separators(uri.user_as_written().unwrap_or_default().as_bytes())
}

fn without_separators(digits: &[u8]) -> impl Iterator<Item = u8> {
    digits
        .iter()
        .filter(|byte| !b"-.()".contains(byte))
        .map(u8::to_ascii_lowercase)
}

/// These parameters never match if only one of both URIs has them, whatever their default is.
const NEVER_MISSING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
