//! Headers that explain: Reason, Warning and ms-diagnostics.

use std::borrow::Cow;
use std::fmt;

use comity_identity::Diagnosis;

use super::event::token_with_params;
use super::{check_params, field};
use crate::grammar::{
    Ascii, HostPort, Params, Quoted, Read, host_port, lws, number, number32, params, quoted_string,
    split, token, whole, wrong,
};
use crate::message::ListField;
use crate::{Fault, diagnose};

/// Why a request was sent (RFC 3326 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    protocol: Ascii<'a>,
    params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// What the cause is a code of: `SIP`, `Q.850` or another token.
    pub fn protocol(&self) -> &'a str {
        self.protocol.as_str()
    }

    /// The code; `None` if it is not said or malformed.
    pub fn cause(&self) -> Option<u32> {
        let cause = self.params.value("cause")?;
        whole(cause.as_bytes(), number32).ok()
    }

    /// Text for people, decoded.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.params.value("text").map(|text| text.decode())
    }

    /// The parameters, those included that have a method of their own.
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.protocol, self.params)
    }
}

field!(
    Reason,
    Reason,
    |input| {
        let (rest, (protocol, params)) = token_with_params(input)?;
        Ok((rest, Reason { protocol, params }))
    },
    |reason, limits| check_params(&reason.params, limits)
);

impl<'a> ListField<'a> for Reason<'a> {}

/// What is the matter with a request, for people and programs (RFC 3261 §20.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    code: u16,
    agent: Ascii<'a>,
    text: Quoted<'a>,
}

impl<'a> Warning<'a> {
    /// The code, three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Who warns: a host with an optional port, or another token.
    pub fn agent(&self) -> &'a str {
        self.agent.as_str()
    }

    /// Text for people.
    pub fn text(&self) -> Quoted<'a> {
        self.text
    }
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {} {}", self.code, self.agent, self.text)
    }
}

field!(Warning, Warning, |input| {
    let (rest, code) = warn_code(input)?;
    let (rest, ()) = lws(rest)?;
    let (rest, agent) = warn_agent(rest)?;
    let (rest, ()) = lws(rest)?;
    let (rest, text) = quoted_string(rest)?;
    Ok((rest, Warning { code, agent, text }))
});

impl<'a> ListField<'a> for Warning<'a> {}

/// `3DIGIT`
fn warn_code(input: &[u8]) -> Read<'_, u16> {
    let (rest, code) = number(input)?;
    match (u16::try_from(code), input.len() - rest.len()) {
        (Ok(code), 3) => Ok((rest, code)),
        (Ok(_), 1 | 2) => wrong(Fault::Number, input),
        (Ok(_) | Err(_), _) => wrong(Fault::NumberTooLarge { max: 999 }, input),
    }
}

/// `hostport / pseudonym`
fn warn_agent(input: &[u8]) -> Read<'_, Ascii<'_>> {
    let host: Result<(&[u8], HostPort<'_>), _> = host_port(input);
    let rest = match host {
        Ok((rest @ [b' ' | b'\t' | b'\r', ..], _)) => rest,
        Ok(_) | Err(_) => token(input)?.0,
    };
    let (agent, _) = split(input, input.len() - rest.len());
    Ok((rest, Ascii::proved(agent)))
}

/// Why a Microsoft server refused a request (MS-OCER §2.2.1, header `ms-diagnostics`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnostics<'a> {
    code: u32,
    params: Params<'a>,
}

impl<'a> Diagnostics<'a> {
    /// The number of the error.
    pub fn code(&self) -> u32 {
        self.code
    }

    /// The server's own words.
    pub fn reason(&self) -> Option<Cow<'a, str>> {
        self.params.value("reason").map(|reason| reason.decode())
    }

    /// The server that noticed it.
    pub fn source(&self) -> Option<Cow<'a, str>> {
        self.params.value("source").map(|source| source.decode())
    }

    /// The parameters, those included that have a method of their own.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// What lies behind it and what to do, for codes that have to do with federation; `None` for every
    /// other.
    pub fn diagnosis(&self) -> Option<&'static Diagnosis> {
        diagnose::of_diagnostics(self.code)
    }
}

impl fmt::Display for Diagnostics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.code, self.params)
    }
}

field!(
    Diagnostics,
    MsDiagnostics,
    |input| {
        let (rest, code) = number32(input)?;
        let (rest, params) = params(rest, |_| Ok(()))?;
        Ok((rest, Diagnostics { code, params }))
    },
    |diagnostics, limits| check_params(&diagnostics.params, limits)
);
