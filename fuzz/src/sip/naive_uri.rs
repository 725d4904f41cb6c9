//! URIs by splitting text, and their comparison as RFC 3261 §19.1.4 and RFC 3966 §4 tell it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A URI that is known to be well-formed, in pieces.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'a> {
    pub(super) scheme: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) port: Option<&'a str>,
    pub(super) params: Vec<(&'a str, Option<&'a str>)>,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    /// What is behind the scheme, if it is another one than those of this crate.
    pub(super) opaque: Option<&'a str>,
}

impl<'a> Pieces<'a> {
    /// Takes a well-formed URI apart.
    pub(super) fn of(text: &'a str) -> Self {
        let (scheme, rest) = text.split_once(':').expect("a scheme");
        let mut pieces = Self {
            scheme,
            user: None,
            password: None,
            host: "",
            port: None,
            params: Vec::new(),
            headers: Vec::new(),
            opaque: None,
        };
        let kind = scheme.to_ascii_lowercase();
        if !["sip", "sips", "im", "pres", "tel"].contains(&&*kind) {
            pieces.opaque = Some(rest);
            return pieces;
        }
        // No part behind the host can hold an `@`.
        let (userinfo, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) if kind != "tel" => (Some(userinfo), rest),
            Some(_) | None => (None, rest),
        };
        (pieces.user, pieces.password) = match userinfo.map(|user| user.split_once(':')) {
            Some(Some((user, password))) => (Some(user), Some(password)),
            Some(None) => (userinfo, None),
            None => (None, None),
        };
        // Nor can a host or a parameter hold a `?`.
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        if let Some(headers) = headers {
            let headers = headers
                .split('&')
                .map(|header| header.split_once('=').expect("an equals sign in a header"));
            pieces.headers = headers.collect();
        }
        let (first, params) = match rest.split_once(';') {
            Some((first, params)) => (first, Some(params)),
            None => (rest, None),
        };
        if let Some(params) = params {
            let params = params.split(';').map(|param| match param.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (param, None),
            });
            pieces.params = params.collect();
        }
        if kind == "tel" {
            pieces.user = Some(first);
        } else {
            let colon = match first.rfind(']') {
                Some(bracket) => first[bracket..].find(':').map(|colon| bracket + colon),
                None => first.find(':'),
            };
            pieces.host = &first[..colon.unwrap_or(first.len())];
            pieces.port = colon.map(|colon| &first[colon + 1..]);
        }
        pieces
    }
}

impl Pieces<'_> {
    /// Whether two parameters have the same name.
    pub(super) fn repeats_a_param(&self) -> bool {
        let mut names: Vec<_> = self.params.iter().map(|(name, _)| folded(name)).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// Whether two well-formed URIs are equivalent; `None` where no RFC decides.
pub(super) fn equivalent(a: &str, b: &str) -> Option<bool> {
    let (a, b) = (Pieces::of(a), Pieces::of(b));
    if !a.scheme.eq_ignore_ascii_case(b.scheme) {
        return Some(false);
    }
    if a.opaque.is_some() || b.opaque.is_some() {
        return Some(a.opaque == b.opaque);
    }
    if a.scheme.eq_ignore_ascii_case("tel") {
        return same_telephone(&a, &b);
    }
    let port = |pieces: &Pieces<'_>| pieces.port.map(|port| port.parse::<u16>().expect("a port"));
    let same = userinfo(a.user) == userinfo(b.user)
        && userinfo(a.password) == userinfo(b.password)
        && host(a.host) == host(b.host)
        && port(&a) == port(&b);
    if !same || !params_allow(&a, &b) || !params_allow(&b, &a) {
        return Some(false);
    }
    headers_agree(&a, &b)
}

/// A character, or the escape of a reserved one.
type Unit = (u8, bool);

/// Name and value of a parameter.
type Param = (Vec<Unit>, Option<Vec<Unit>>);

/// Case matters here.
fn userinfo(text: Option<&str>) -> Option<Vec<Unit>> {
    text.map(resolve)
}

/// Resolves escapes but those of reserved characters.
fn resolve(text: &str) -> Vec<Unit> {
    let bytes = text.as_bytes();
    let mut units = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let byte = u8::from_str_radix(&text[at + 1..at + 3], 16).expect("two digits");
            units.push((byte, b";/?:@&=+$,".contains(&byte)));
            at += 3;
        } else {
            units.push((bytes[at], false));
            at += 1;
        }
    }
    units
}

/// The same without regard to case.
fn folded(text: &str) -> Vec<Unit> {
    let units = resolve(text).into_iter();
    units
        .map(|(byte, escaped)| (byte.to_ascii_lowercase(), escaped))
        .collect()
}

#[derive(PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

fn host(text: &str) -> Host {
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    if let Some(inside) = inside {
        let address: Ipv6Addr = inside.replace(":::", "::").parse().expect("an address");
        return Host::Address(address.into());
    }
    let octets: Vec<_> = text.split('.').map(str::parse::<u8>).collect();
    let is_digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if let ([Ok(a), Ok(b), Ok(c), Ok(d)], true) = (&octets[..], is_digits) {
        return Host::Address(Ipv4Addr::new(*a, *b, *c, *d).into());
    }
    Host::Name(text.to_ascii_lowercase())
}

/// A parameter in both must be the same in both; some must not be in one only.
fn params_allow(a: &Pieces<'_>, b: &Pieces<'_>) -> bool {
    a.params.iter().all(|(name, value)| {
        let mut others = b.params.iter();
        match others.find(|(other, _)| folded(other) == folded(name)) {
            Some((_, other)) => other.map(folded) == value.map(folded),
            None => {
                let never = ["user", "ttl", "method", "maddr", "transport"];
                !never.iter().any(|never| folded(never) == folded(name))
            }
        }
    })
}

/// Each header is in both, in any order. Whether case matters in a value is said nowhere.
fn headers_agree(a: &Pieces<'_>, b: &Pieces<'_>) -> Option<bool> {
    let sorted = |pieces: &Pieces<'_>, value: fn(&str) -> Vec<Unit>| {
        let headers = pieces.headers.iter();
        let mut headers: Vec<_> = headers
            .map(|(name, text)| (folded(name), value(text)))
            .collect();
        headers.sort_unstable();
        headers
    };
    let same = sorted(a, resolve) == sorted(b, resolve);
    let same_in_any_case = sorted(a, folded) == sorted(b, folded);
    (same == same_in_any_case).then_some(same)
}

/// Numbers and parameters without visual separators, parameters in any order. No grammar has escapes
/// in numbers.
fn same_telephone(a: &Pieces<'_>, b: &Pieces<'_>) -> Option<bool> {
    let number = |pieces: &Pieces<'_>| {
        let number = pieces.user.unwrap_or_default().to_ascii_lowercase();
        number.replace(['-', '.', '(', ')'], "")
    };
    let same = number(a) == number(b) && telephone_params(a)? == telephone_params(b)?;
    Some(same)
}

/// The parameters of a telephone number, sorted; `None` if one is a number with escapes.
fn telephone_params(pieces: &Pieces<'_>) -> Option<Vec<Param>> {
    let mut params = Vec::new();
    for (name, value) in &pieces.params {
        let name = folded(name);
        let is = |wanted: &str| name == folded(wanted);
        let is_global = value.is_some_and(|value| value.starts_with('+'));
        let is_number = is("ext") || (is("phone-context") && is_global);
        if is_number && value.is_some_and(|value| value.contains('%')) {
            return None;
        }
        let mut value = value.map(folded);
        if let (Some(value), true) = (&mut value, is_number) {
            value.retain(|(byte, _)| !b"-.()".contains(byte));
        }
        params.push((name, value));
    }
    params.sort_unstable();
    Some(params)
}
