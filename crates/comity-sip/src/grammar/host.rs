//! Hosts and ports.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Ascii, Class, Read, byte, find_not, number, split, sws, take, wrong};
use crate::Fault;

/// A host as it stands in a message: a name or an IP address (RFC 3261 §25.1, RFC 5118).
///
/// Two are equal if they are the same address, or the same name in any case.
#[derive(Clone, Copy)]
pub struct HostName<'a> {
    text: Ascii<'a>,
    is_address: bool,
}

impl<'a> HostName<'a> {
    /// As it is written, an IPv6 address with its brackets if it has them.
    pub fn as_str(&self) -> &'a str {
        self.text.as_str()
    }

    /// As it is written.
    #[inline(always)]
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Puts together again what was taken apart.
    #[inline(always)]
    pub(crate) fn from_parts(text: Ascii<'a>, is_address: bool) -> Self {
        Self { text, is_address }
    }

    #[inline(always)]
    pub(crate) fn is_address(&self) -> bool {
        self.is_address
    }

    /// How many bytes it takes as it is written.
    #[inline(always)]
    pub(crate) fn written_len(&self) -> usize {
        self.text.as_bytes().len()
    }

    /// The address, unless it is a name.
    pub fn address(&self) -> Option<IpAddr> {
        if !self.is_address {
            return None;
        }
        match self.text.as_bytes() {
            [b'[', inside @ .., b']'] => ipv6(inside).map(IpAddr::V6),
            digits => ipv4(digits).map(IpAddr::V4),
        }
    }

    /// As the word that all crates share.
    ///
    /// # Errors
    ///
    /// If the name is none that a domain can have: SIP allows longer labels than DNS.
    pub fn to_host(&self) -> Result<comity_identity::Host, comity_identity::ParseError> {
        match self.address() {
            Some(address) => Ok(comity_identity::Host::Ip(address)),
            None => comity_identity::DomainName::parse(self.as_str()).map(Into::into),
        }
    }
}

impl PartialEq<HostName<'_>> for HostName<'_> {
    fn eq(&self, other: &HostName<'_>) -> bool {
        match (self.address(), other.address()) {
            (Some(own), Some(other)) => own == other,
            (None, None) => self.text.is(other.as_str()),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Eq for HostName<'_> {}

impl fmt::Display for HostName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HostName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// A host with an optional port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostPort<'a> {
    pub(crate) host: HostName<'a>,
    pub(crate) port: Option<u16>,
}

/// `hostport` as URIs have it, without white space.
#[inline(always)]
pub(crate) fn host_port(input: &[u8]) -> Read<'_, HostPort<'_>> {
    let (rest, host) = host(input)?;
    match rest {
        [b':', behind @ ..] => port(behind, host),
        _ => Ok((rest, HostPort { host, port: None })),
    }
}

/// `sent-by` of Via, which may have white space around its colon.
#[inline(always)]
pub(crate) fn sent_by(input: &[u8]) -> Read<'_, HostPort<'_>> {
    let (rest, host) = host(input)?;
    match sws(rest) {
        [b':', behind @ ..] => port(sws(behind), host),
        _ => Ok((rest, HostPort { host, port: None })),
    }
}

fn port<'a>(input: &'a [u8], host: HostName<'a>) -> Read<'a, HostPort<'a>> {
    let Ok((rest, value)) = number(input) else {
        return wrong(Fault::Port, input);
    };
    match u16::try_from(value) {
        Ok(port) => Ok((
            rest,
            HostPort {
                host,
                port: Some(port),
            },
        )),
        Err(_) => wrong(Fault::Port, input),
    }
}

/// `host`
#[inline(always)]
pub(crate) fn host(input: &[u8]) -> Read<'_, HostName<'_>> {
    if let [b'[', inside @ ..] = input {
        return reference(input, inside);
    }
    match name_or_digits(input) {
        Some((len, is_address)) => {
            let (run, rest) = split(input, len);
            let text = Ascii::proved(run);
            Ok((rest, HostName { text, is_address }))
        }
        None => wrong(Fault::Host, input),
    }
}

/// `IPv6reference`
fn reference<'a>(input: &'a [u8], inside: &'a [u8]) -> Read<'a, HostName<'a>> {
    let len = find_not(inside, Class::ADDRESS);
    let (address, rest) = split(inside, len);
    let (Some(_), Ok((rest, ()))) = (ipv6(address), byte(rest, b']')) else {
        return wrong(Fault::Host, input);
    };
    let (text, _) = split(input, input.len() - rest.len());
    Ok((
        rest,
        HostName {
            text: Ascii::proved(text),
            is_address: true,
        },
    ))
}

/// An IPv6 address without brackets.
///
/// `COMPAT:` the grammar of RFC 3261 writes three colons before an embedded IPv4 address, and
/// RFC 5118 §4.10 wants them understood.
pub(crate) fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    const LONGEST: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();
    if text.len() > LONGEST + 1 {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| {
        let (before, behind) = text.split_once(":::")?;
        behind.parse::<Ipv4Addr>().ok()?;
        let mut two_colons = [0; LONGEST];
        let bytes = before.bytes().chain(*b"::").chain(behind.bytes());
        for (own, byte) in two_colons.iter_mut().zip(bytes) {
            *own = byte;
        }
        let text = two_colons.get(..text.len() - 1)?;
        str::from_utf8(text).ok()?.parse().ok()
    })
}

/// How many bytes a name or an IPv4 address takes, and whether it is an address: labels neither empty
/// nor with hyphens at their ends, one dot allowed at the end (RFC 3261 §25.1, `hostname`). A last
/// label that begins with a digit makes it an address.
///
/// `COMPAT:` a last label may begin with a digit if there is a letter somewhere, as in the names of
/// containers.
#[inline(always)]
fn name_or_digits(input: &[u8]) -> Option<(usize, bool)> {
    let mut last = input;
    let mut rest = behind_label(input)?;
    while let [b'.', behind @ ..] = rest {
        rest = behind;
        if !Class::LABEL.has_first(behind) {
            break;
        }
        last = behind;
        rest = behind_label(behind)?;
    }
    let len = input.len() - rest.len();
    if !last.first().is_some_and(u8::is_ascii_digit) {
        return Some((len, false));
    }
    let (run, _) = split(input, len);
    match ipv4(run) {
        Some(_) => Some((len, true)),
        None => run
            .iter()
            .any(u8::is_ascii_alphabetic)
            .then_some((len, false)),
    }
}

#[inline(always)]
fn behind_label(input: &[u8]) -> Option<&[u8]> {
    let (label, rest) = take(input, Class::LABEL);
    match label {
        [] | [b'-', ..] | [.., b'-'] => None,
        _ => Some(rest),
    }
}

/// Four numbers of at most three digits, up to 255.
pub(crate) fn ipv4(run: &[u8]) -> Option<Ipv4Addr> {
    let (first, rest) = octet(run)?;
    let (second, rest) = octet(rest.strip_prefix(b".")?)?;
    let (third, rest) = octet(rest.strip_prefix(b".")?)?;
    let (fourth, rest) = octet(rest.strip_prefix(b".")?)?;
    let address = Ipv4Addr::new(first, second, third, fourth);
    rest.is_empty().then_some(address)
}

/// One to three digits.
fn octet(input: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let (first, rest) = input.split_first()?;
    let first = digit(first)?;
    let [second, behind @ ..] = rest else {
        return Some((first as u8, rest));
    };
    let Some(second) = digit(second) else {
        return Some((first as u8, rest));
    };
    let value = first * 10 + second;
    let Some(third) = behind.first().and_then(digit) else {
        return Some((value as u8, behind));
    };
    let value = u8::try_from(value * 10 + third).ok()?;
    Some((value, behind.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(&str, Option<IpAddr>, Option<u16>)> {
        let (rest, HostPort { host, port }) = host_port(text.as_bytes()).ok()?;
        rest.is_empty()
            .then(|| (host.as_str(), host.address(), port))
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        let v4 = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        let v6 = Some(IpAddr::V6("2001:db8::10".parse().unwrap()));
        let mapped = Some(IpAddr::V6("::ffff:192.0.2.1".parse().unwrap()));
        for (text, host, address, port) in [
            ("example.com", "example.com", None, None),
            ("a.example.com.:5061", "a.example.com.", None, Some(5061)),
            ("3com.com", "3com.com", None, None),
            ("x--y.e", "x--y.e", None, None),
            ("192.0.2.1:0005060", "192.0.2.1", v4, Some(5060)),
            ("192.000.002.001", "192.000.002.001", v4, None),
            ("[2001:db8::10]", "[2001:db8::10]", v6, None),
            ("[2001:db8::10]:5070", "[2001:db8::10]", v6, Some(5070)),
            ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", mapped, None),
            (
                "[::FFFF:192.0.2.1]:65535",
                "[::FFFF:192.0.2.1]",
                mapped,
                Some(65535),
            ),
        ] {
            assert_eq!(read(text), Some((host, address, port)), "{text}");
        }
    }

    #[test]
    fn what_is_neither_name_nor_address_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "-a.example",
            "a-.example",
            "a.example-",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.1.5",
            "192.0.2.0001",
            "1234",
            "[]",
            "[2001:db8::10",
            "[2001:db8::10%eth0]",
            "[::1]x",
            "2001:db8::10",
            "example.com:",
            "example.com:65536",
            "example.com:-1",
            "exa mple.com",
            "example.com: 5060",
            "[192.0.2.1]",
            "[1:::2]",
            "[2001:db8:::192.0.2.1:::192.0.2.1]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn three_colons_before_an_embedded_address_are_two() {
        let expected = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0xc000, 0x201);
        assert_eq!(ipv6(b"2001:db8:::192.0.2.1"), Some(expected));
    }
}
