//! Request line and status line.

use crate::grammar::{Ascii, Class, flat, number, split, take};
use crate::uri::{self, Form, uri};
use crate::{Fault, Limits, Method, ParseError, Place, StatusCode, Uri};

/// The parts of a start line, as offsets into it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StartLine {
    Request(RequestLine),
    Status(StatusLine),
}

/// `Method SP Request-URI SP SIP-Version`
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLine {
    /// `None` for a method that has no name of its own.
    method: Option<Method<'static>>,
    pub(crate) method_len: u16,
    pub(crate) uri_end: u16,
    pub(crate) uri: uri::Parts,
    pub(crate) version: Version,
}

/// `SIP-Version SP Status-Code SP Reason-Phrase`
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatusLine {
    pub(crate) status: StatusCode,
    pub(crate) reason_start: u16,
    pub(crate) version: Version,
}

/// The version of SIP that a start line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Version {
    /// `SIP/2.0`
    V2,
    /// Any other, which is answered with 505 (RFC 3261 §21.5.6).
    Other,
}

impl StartLine {
    /// Reads a start line without its line end (RFC 3261 §7.1, §7.2).
    #[inline]
    pub(crate) fn parse(line: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        if line
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
        {
            StatusLine::parse(line).map(Self::Status)
        } else {
            RequestLine::parse(line, limits).map(Self::Request)
        }
    }
}

impl RequestLine {
    fn parse(line: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        let fail = |rest: &[u8], fault| Err(wrong_at(line, rest, fault));
        let (method, rest) = take(line, Class::TOKEN);
        let ([_, ..], [b' ', target @ ..]) = (method, rest) else {
            return fail(rest, Fault::RequestLine);
        };
        let (rest, uri) = uri(target, Form::Bracketed).map_err(|error| {
            let wrong = flat(error);
            ParseError::new(Place::StartLine, wrong.offset_in(line), wrong.fault)
        })?;
        if let Err(fault) = uri.within(limits) {
            return fail(target, fault);
        }
        let [b' ', version @ ..] = rest else {
            return fail(rest, Fault::RequestLine);
        };
        let read = match read_version(version) {
            Ok(([], read)) => read,
            Ok((behind, _)) => return fail(behind, Fault::RequestLine),
            Err(behind) => return fail(behind, Fault::Version),
        };
        Ok(Self {
            method: Method::known(method),
            method_len: offset(line, line.len() - method.len()),
            uri_end: offset(line, rest.len()),
            uri: uri.parts(),
            version: read,
        })
    }

    /// The method of the line.
    pub(crate) fn method<'a>(&self, line: &'a [u8]) -> Method<'a> {
        self.method.unwrap_or_else(|| {
            let (method, _) = split(line, self.method_len.into());
            Method::from_token(Ascii::proved(method))
        })
    }

    /// The Request-URI of the line.
    pub(crate) fn uri<'a>(&self, line: &'a [u8]) -> Uri<'a> {
        let (before, _) = split(line, self.uri_end.into());
        let (_, uri) = split(before, usize::from(self.method_len) + 1);
        Uri::from_parts(uri, self.uri)
    }
}

impl StatusLine {
    fn parse(line: &[u8]) -> Result<Self, ParseError> {
        let fail = |rest: &[u8], fault| Err(wrong_at(line, rest, fault));
        let (rest, version) =
            read_version(line).map_err(|rest| wrong_at(line, rest, Fault::Version))?;
        let [b' ', code @ ..] = rest else {
            return fail(rest, Fault::StatusLine);
        };
        let (rest, status) = match number(code) {
            Ok((rest, status)) if code.len() - rest.len() == 3 => (rest, status),
            Ok(_) => return fail(code, Fault::StatusCode),
            Err(_) => return fail(code, Fault::StatusLine),
        };
        let Some(status) = u16::try_from(status).ok().and_then(StatusCode::new) else {
            return fail(code, Fault::StatusCode);
        };
        let [b' ', reason @ ..] = rest else {
            return fail(rest, Fault::StatusLine);
        };
        Ok(Self {
            status,
            reason_start: offset(line, reason.len()),
            version,
        })
    }
}

/// `SIP-Version`, in any case; on error what was left.
fn read_version(input: &[u8]) -> Result<(&[u8], Version), &[u8]> {
    let (name, rest) = split(input, 4);
    if !name.eq_ignore_ascii_case(b"SIP/") {
        return Err(input);
    }
    if let [b'2', b'.', b'0', rest @ ..] = rest
        && !rest.first().is_some_and(u8::is_ascii_digit)
    {
        return Ok((rest, Version::V2));
    }
    let Ok(([b'.', minor @ ..], _)) = number(rest) else {
        return Err(input);
    };
    match number(minor) {
        Ok((rest, _)) => Ok((rest, Version::Other)),
        Err(_) => Err(input),
    }
}

/// Where `rest` begins in the line. Lines are at most 65,535 bytes long.
fn offset(line: &[u8], rest: usize) -> u16 {
    u16::try_from(line.len() - rest).unwrap_or(u16::MAX)
}

fn wrong_at(line: &[u8], rest: &[u8], fault: Fault) -> ParseError {
    ParseError::new(Place::StartLine, line.len() - rest.len(), fault)
}
