//! Via.

use std::fmt;
use std::net::IpAddr;

use super::{check_params, field};
use crate::grammar::{
    Ascii, HostName, HostPort, Param, Params, Read, host, ipv4, ipv6, lws, number, params, sent_by,
    separator, sws, token, whole,
};
use crate::message::{ListField, ValueError};
use crate::{Fault, Limits};

/// One hop that a request took, the last one first (RFC 3261 §20.42, RFC 3581).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    protocol: Ascii<'a>,
    version: Ascii<'a>,
    transport: Ascii<'a>,
    sent_by: HostPort<'a>,
    params: Params<'a>,
    branch: Option<Ascii<'a>>,
    /// Which parameters with a meaning there are, as bits of [`Known`].
    met: u8,
}

/// A parameter that has a meaning; its value is proved to have the right form.
#[derive(Clone, Copy)]
enum Known {
    Branch,
    Received,
    Rport,
    Maddr,
    Ttl,
}

/// What the parameter `rport` says (RFC 3581 §3, §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the parameter has these two forms")]
pub enum Rport {
    /// The sender wants the answer at the port from which the request came.
    Asked,
    /// The port from which the request came.
    Port(u16),
}

impl<'a> Via<'a> {
    /// How every branch of RFC 3261 begins (§8.1.1.7).
    pub const COOKIE: &'static str = "z9hG4bK";

    /// The protocol, `SIP`.
    pub fn protocol(&self) -> &'a str {
        self.protocol.as_str()
    }

    /// The version of the protocol, `2.0`.
    pub fn version(&self) -> &'a str {
        self.version.as_str()
    }

    pub(crate) fn transport_bytes(&self) -> &'a [u8] {
        self.transport.as_bytes()
    }

    /// The transport: `UDP`, `TCP`, `TLS`, `SCTP`, `WS`, `WSS` or another token, in any case.
    pub fn transport(&self) -> &'a str {
        self.transport.as_str()
    }

    /// The host that sent the request.
    pub fn host(&self) -> HostName<'a> {
        self.sent_by.host
    }

    /// The port of the sender, if it is written.
    pub fn port(&self) -> Option<u16> {
        self.sent_by.port
    }

    /// The parameters, those included that have a method of their own.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// What tells transactions apart. `None` is a client of RFC 2543.
    pub fn branch(&self) -> Option<&'a str> {
        self.branch.map(Ascii::as_str)
    }

    /// As [`branch`](Self::branch), for comparing without regard to case.
    pub fn branch_bytes(&self) -> Option<&'a [u8]> {
        self.branch.map(Ascii::as_bytes)
    }

    /// True if the branch begins with the cookie and has something behind it, so that it is unique
    /// (RFC 3261 §8.1.1.7, RFC 4475 §3.2.1).
    pub fn has_unique_branch(&self) -> bool {
        self.branch.is_some_and(|branch| {
            let (cookie, unique) = crate::grammar::split(branch.as_bytes(), Self::COOKIE.len());
            cookie.eq_ignore_ascii_case(Self::COOKIE.as_bytes()) && !unique.is_empty()
        })
    }

    /// The address from which the request came, as the next hop saw it (RFC 3261 §18.2.1).
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.known(Known::Received)?.value()?;
        address(value.as_bytes())
    }

    /// The port from which the request came, or the wish to know it (RFC 3581).
    pub fn rport(&self) -> Option<Rport> {
        rport(&self.known(Known::Rport)?)
    }

    /// True if the sender wants the answer at the port from which the request came.
    pub(crate) fn has_rport(&self) -> bool {
        self.has(Known::Rport)
    }

    /// Where answers shall go in place of the host (RFC 3261 §18.2.2).
    pub fn maddr(&self) -> Option<HostName<'a>> {
        let value = self.known(Known::Maddr)?.value()?;
        whole(value.as_bytes(), host).ok()
    }

    /// The time to live of answers to a multicast address.
    pub fn ttl(&self) -> Option<u8> {
        small(self.known(Known::Ttl)?.value()?.as_bytes())
    }

    fn known(&self, known: Known) -> Option<Param<'a>> {
        self.has(known)
            .then(|| self.params.find(known.name()))
            .flatten()
    }

    fn has(&self, known: Known) -> bool {
        self.met & 1 << known as u8 != 0
    }

    fn within(&self, limits: &Limits) -> Result<(), ValueError> {
        check_params(&self.params, limits)
    }

    /// Checks a parameter that has a meaning: it stands once and has the right form.
    #[inline(always)]
    fn take(&mut self, param: &Param<'a>) -> Result<(), Fault> {
        let Some(known) = Known::of(param) else {
            return Ok(());
        };
        let bit = 1 << known as u8;
        if self.met & bit != 0 {
            return Err(Fault::RepeatedParameter);
        }
        self.met |= bit;
        let value = param.value();
        let bytes = value.map_or(&[][..], |value| value.as_bytes());
        let is_right = match known {
            Known::Branch => {
                self.branch = value.and_then(|value| value.token());
                self.branch.is_some()
            }
            Known::Received => address(bytes).is_some(),
            Known::Rport => rport(param).is_some(),
            Known::Maddr => whole(bytes, host).is_ok(),
            Known::Ttl => small::<u8>(bytes).is_some(),
        };
        is_right.then_some(()).ok_or(Fault::Parameter)
    }
}

impl Known {
    const ALL: [Self; 5] = [
        Self::Branch,
        Self::Received,
        Self::Rport,
        Self::Maddr,
        Self::Ttl,
    ];

    #[inline(always)]
    fn of(param: &Param<'_>) -> Option<Self> {
        Self::ALL.into_iter().find(|known| param.is(known.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Received => "received",
            Self::Rport => "rport",
            Self::Maddr => "maddr",
            Self::Ttl => "ttl",
        }
    }
}

field!(Via, Via, via, Via::within);

impl<'a> ListField<'a> for Via<'a> {
    fn max_values(limits: &Limits) -> u32 {
        limits.max_vias
    }
}

impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            version,
            transport,
            sent_by: HostPort { host, port },
            params,
            ..
        } = self;
        write!(f, "{protocol}/{version}/{transport} {host}")?;
        if let Some(port) = port {
            write!(f, ":{port}")?;
        }
        write!(f, "{params}")
    }
}

/// `via-parm`
#[inline(always)]
fn via(input: &[u8]) -> Read<'_, Via<'_>> {
    let (rest, (protocol, version)) = sent_protocol(input)?;
    let (rest, transport) = token(rest)?;
    let (rest, ()) = lws(rest)?;
    let (rest, sent_by) = sent_by(rest)?;
    let mut via = Via {
        protocol,
        version,
        transport,
        sent_by,
        params: Params::default(),
        branch: None,
        met: 0,
    };
    let (rest, params) = params(rest, |param| via.take(param))?;
    via.params = params;
    Ok((rest, via))
}

/// `protocol-name SLASH protocol-version SLASH`
#[inline(always)]
fn sent_protocol(input: &[u8]) -> Read<'_, (Ascii<'_>, Ascii<'_>)> {
    // Nearly everybody writes it so.
    if let Some(rest) = input.strip_prefix(b"SIP/2.0/") {
        return Ok((sws(rest), (Ascii::proved(b"SIP"), Ascii::proved(b"2.0"))));
    }
    let (rest, protocol) = token(input)?;
    let (rest, ()) = separator(rest, b'/')?;
    let (rest, version) = token(rest)?;
    let (rest, ()) = separator(rest, b'/')?;
    Ok((rest, (protocol, version)))
}

/// `COMPAT:` an IPv6 address may have brackets, which the grammar of RFC 3261 does not have and
/// RFC 5118 §4.5 wants understood.
fn address(value: &[u8]) -> Option<IpAddr> {
    match value {
        [b'[', inside @ .., b']'] => ipv6(inside).map(IpAddr::V6),
        _ => ipv4(value)
            .map(IpAddr::V4)
            .or_else(|| ipv6(value).map(IpAddr::V6)),
    }
}

fn rport(param: &Param<'_>) -> Option<Rport> {
    match param.value() {
        Some(value) => small(value.as_bytes()).map(Rport::Port),
        None => Some(Rport::Asked),
    }
}

/// A number that fits.
fn small<T: TryFrom<u64>>(value: &[u8]) -> Option<T> {
    T::try_from(whole(value, number).ok()?).ok()
}
