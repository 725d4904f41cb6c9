//! Parameters of header values.

use std::borrow::Cow;
use std::fmt;
use std::str;

use super::{
    Ascii, Class, Quoted, Read, host, ipv6, quoted_string, split, sws, take, token, wrong,
};
use crate::Fault;

/// The parameters of a header value: `;name=value` or `;name`, in their order (RFC 3261 §7.3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Params<'a> {
    /// From the first semicolon on, proved to be parameters.
    raw: &'a [u8],
    count: usize,
    /// Of what values are made that are not quoted.
    values: Class,
}

impl Default for Params<'_> {
    fn default() -> Self {
        Self {
            raw: &[],
            count: 0,
            values: Class::TOKEN,
        }
    }
}

impl<'a> Params<'a> {
    /// Each parameter.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        self.with_raw().map(|(_, param)| param)
    }

    /// Each parameter as it is written, from white space and semicolon on.
    pub(crate) fn with_raw(&self) -> impl Iterator<Item = (&'a [u8], Param<'a>)> + use<'a> {
        let (mut rest, values) = (self.raw, self.values);
        std::iter::from_fn(move || {
            let (behind, param) = next(rest, values).ok()?;
            let (raw, _) = split(rest, rest.len() - behind.len());
            rest = behind;
            Some((raw, param?))
        })
    }

    /// The first parameter of this name, in any case.
    pub fn find(&self, name: &str) -> Option<Param<'a>> {
        self.iter().find(|param| param.name.is(name))
    }

    /// The value of the first parameter of this name.
    pub fn value(&self, name: &str) -> Option<ParamValue<'a>> {
        self.find(name)?.value()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// As they are written, from the first semicolon on.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }
}

impl fmt::Display for Params<'_> {
    /// Without white space and folding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|param| {
            write!(f, ";{}", param.name)?;
            match param.value {
                Some(value) => write!(f, "={value}"),
                None => Ok(()),
            }
        })
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    name: Ascii<'a>,
    value: Option<ParamValue<'a>>,
}

impl<'a> Param<'a> {
    /// Its name as it is written. Names compare without regard to case.
    pub fn name(&self) -> &'a str {
        self.name.as_str()
    }

    /// What is behind the equals sign.
    pub fn value(&self) -> Option<ParamValue<'a>> {
        self.value
    }

    /// True if the name is this one, in any case.
    #[inline(always)]
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.is(name)
    }
}

/// The value of a parameter: a token, a host or a quoted string, and in media types base64 too. It
/// is UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ParamValue<'a> {
    text: &'a [u8],
    is_token: bool,
}

impl<'a> ParamValue<'a> {
    /// As it is written, a quoted string with its quotes.
    pub fn as_str(&self) -> &'a str {
        str::from_utf8(self.text).unwrap_or_default()
    }

    /// The text that is meant: without quotes, escapes resolved.
    pub fn decode(&self) -> Cow<'a, str> {
        match quoted_string(self.text) {
            Ok((_, quoted)) => quoted.decode(),
            Err(_) => Cow::Borrowed(self.as_str()),
        }
    }

    /// The inside of a quoted string; `None` for a token or a host.
    pub fn quoted(&self) -> Option<Quoted<'a>> {
        quoted_string(self.text).ok().map(|(_, quoted)| quoted)
    }

    /// The value as a token; `None` for a host that is none, or a quoted string.
    pub(crate) fn token(&self) -> Option<Ascii<'a>> {
        self.is_token.then(|| Ascii::proved(self.text))
    }

    #[inline(always)]
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        self.text
    }
}

impl fmt::Display for ParamValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quoted() {
            Some(quoted) => quoted.fmt(f),
            None => f.write_str(self.as_str()),
        }
    }
}

impl fmt::Debug for ParamValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// `*(SEMI generic-param)`, each shown to `seen`, which may refuse it.
#[inline(always)]
pub(crate) fn params<'a>(
    input: &'a [u8],
    seen: impl FnMut(&Param<'a>) -> Result<(), Fault>,
) -> Read<'a, Params<'a>> {
    params_of(input, Class::TOKEN, seen)
}

/// Parameters whose values are made of this class where they are not quoted.
#[inline(always)]
pub(crate) fn params_of<'a>(
    input: &'a [u8],
    values: Class,
    mut seen: impl FnMut(&Param<'a>) -> Result<(), Fault>,
) -> Read<'a, Params<'a>> {
    let mut rest = input;
    let mut count = 0;
    loop {
        let (behind, param) = next(rest, values)?;
        let before = std::mem::replace(&mut rest, behind);
        let Some(param) = param else {
            break;
        };
        if let Err(fault) = seen(&param) {
            return wrong(fault, before);
        }
        count += 1;
    }
    let (raw, _) = split(input, input.len() - rest.len());
    Ok((rest, Params { raw, count, values }))
}

/// The next parameter, if a semicolon is next.
///
/// `COMPAT:` a semicolon behind the last parameter has no parameter behind it. The space behind it
/// belongs to nothing.
#[inline(always)]
fn next(input: &[u8], values: Class) -> Read<'_, Option<Param<'_>>> {
    match sws(input) {
        [b';', behind @ ..] => match sws(behind) {
            [] | [b',', ..] => Ok((behind, None)),
            rest => {
                let (rest, param) = param(rest, values)?;
                Ok((rest, Some(param)))
            }
        },
        _ => Ok((input, None)),
    }
}

/// `generic-param`
#[inline(always)]
fn param(input: &[u8], values: Class) -> Read<'_, Param<'_>> {
    let (rest, name) = token(input)?;
    match sws(rest) {
        // `COMPAT:` clients ask for the port with an empty value too.
        [b'=', rest @ ..] if name.is("rport") && !Class::TOKEN.has_first(sws(rest)) => {
            Ok((rest, Param { name, value: None }))
        }
        [b'=', behind @ ..] => {
            let (rest, value) = value(sws(behind), values)?;
            let value = Some(value);
            Ok((rest, Param { name, value }))
        }
        _ => Ok((rest, Param { name, value: None })),
    }
}

/// `gen-value`, and an IPv6 address without brackets, as `received` has it.
#[inline(always)]
fn value(input: &[u8], values: Class) -> Read<'_, ParamValue<'_>> {
    let (rest, is_token) = match input {
        [b'"', ..] => (quoted_string(input)?.0, false),
        [b'[', ..] => (host(input)?.0, false),
        _ => match take(input, values).1 {
            [b':', ..] => (address(input)?.0, false),
            rest if rest.len() == input.len() => return wrong(Fault::Token, input),
            rest => (rest, values == Class::TOKEN),
        },
    };
    let (text, _) = split(input, input.len() - rest.len());
    Ok((rest, ParamValue { text, is_token }))
}

/// An IPv6 address without brackets.
fn address(input: &[u8]) -> Read<'_, ()> {
    let (address, rest) = take(input, Class::ADDRESS);
    match ipv6(address) {
        Some(_) => Ok((rest, ())),
        None => wrong(Fault::Host, input),
    }
}
