//! The grammar of URIs (RFC 3261 §25.1, RFC 3966 §3, RFC 3859 §3, RFC 3860 §3).

use super::escape::take_escaped;
use super::{Parts, Scheme, Uri};
use crate::Fault;
use crate::grammar::{Ascii, Class, Read, Wrong, byte, host_port, split, take, wrong};

/// Where a URI stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Between `<` and `>`, or as Request-URI: everything is part of it.
    Bracketed,
    /// In a header without `<` and `>`: comma, semicolon and question mark are not part of it
    /// (RFC 3261 §20).
    Bare,
}

/// A URI as long as it goes.
#[inline(always)]
pub(crate) fn uri(input: &[u8], form: Form) -> Read<'_, Uri<'_>> {
    let (scheme, behind) = scheme(input)?;
    let Ok(colon) = u16::try_from(input.len() - behind.len() - 1) else {
        return wrong(Fault::Scheme, input);
    };
    let read = Reader {
        input,
        form,
        parts: Parts::new(scheme, colon),
    };
    match scheme {
        Scheme::Sip | Scheme::Sips => read.sip(behind),
        Scheme::Im | Scheme::Pres => read.mailbox(behind),
        Scheme::Tel => read.telephone(behind),
        Scheme::Other => read.opaque(behind),
    }
}

/// The scheme, and what is behind its colon.
#[inline(always)]
fn scheme(input: &[u8]) -> Result<(Scheme, &[u8]), nom::Err<Wrong>> {
    if let [b's' | b'S', b'i' | b'I', b'p' | b'P', rest @ ..] = input {
        match rest {
            [b':', behind @ ..] => return Ok((Scheme::Sip, behind)),
            [b's' | b'S', b':', behind @ ..] => return Ok((Scheme::Sips, behind)),
            _ => {}
        }
    }
    other_scheme(input).map(|(behind, scheme)| (scheme, behind))
}

fn other_scheme(input: &[u8]) -> Read<'_, Scheme> {
    let (name, rest) = take(input, Class::SCHEME);
    let starts_with_letter = name.first().is_some_and(u8::is_ascii_alphabetic);
    let ([b':', behind @ ..], true) = (rest, starts_with_letter) else {
        return wrong(Fault::Scheme, input);
    };
    let scheme = if name.eq_ignore_ascii_case(b"tel") {
        Scheme::Tel
    } else if name.eq_ignore_ascii_case(b"im") {
        Scheme::Im
    } else if name.eq_ignore_ascii_case(b"pres") {
        Scheme::Pres
    } else {
        Scheme::Other
    };
    Ok((behind, scheme))
}

impl Parts {
    fn new(scheme: Scheme, colon: u16) -> Self {
        Self {
            scheme,
            has_user: false,
            colon,
            user_end: 0,
            password_end: 0,
            host_start: 0,
            host_end: 0,
            host_is_address: false,
            port: None,
            params_start: 0,
            params_end: 0,
            params_count: 0,
            may_repeat: false,
            headers_count: 0,
        }
    }
}

/// Reads what is behind the scheme, part after part.
struct Reader<'a> {
    input: &'a [u8],
    form: Form,
    parts: Parts,
}

impl<'a> Reader<'a> {
    /// `sip` and `sips`: `[userinfo] hostport uri-parameters [headers]`
    #[inline(always)]
    fn sip(mut self, behind: &'a [u8]) -> Read<'a, Uri<'a>> {
        let rest = self.user(behind)?;
        let rest = self.host(rest)?;
        self.params_and_headers(rest)
    }

    /// `im` and `pres`: `mailbox [headers]`
    fn mailbox(mut self, behind: &'a [u8]) -> Read<'a, Uri<'a>> {
        let rest = self.user(behind)?;
        if !self.parts.has_user || self.parts.password_end > self.parts.user_end {
            return wrong(Fault::User, behind);
        }
        let host = rest;
        let rest = self.host(rest)?;
        let (rest, uri) = self.params_and_headers(rest)?;
        if uri.port().is_some() || uri.parts.params_count > 0 {
            return wrong(Fault::Mailbox, host);
        }
        Ok((rest, uri))
    }

    /// `tel`: `telephone-subscriber`.
    ///
    /// `COMPAT:` a local number should have a `phone-context` (RFC 3966 §5.1.5), but telephone systems
    /// write extensions and emergency numbers without one.
    fn telephone(mut self, behind: &'a [u8]) -> Read<'a, Uri<'a>> {
        let (digits, is_global) = match behind {
            [b'+', digits @ ..] => (digits, true),
            _ => (behind, false),
        };
        let len = digits
            .iter()
            .position(|&byte| {
                !(Class::TELEPHONE.has(byte)
                    || (!is_global && (byte.is_ascii_hexdigit() || b"*#".contains(&byte))))
            })
            .unwrap_or(digits.len());
        let (number, rest) = split(digits, len);
        if number.iter().all(|byte| b"-.()".contains(byte)) {
            return wrong(Fault::TelephoneNumber, behind);
        }
        self.parts.has_user = true;
        self.parts.user_end = self.at(rest);
        self.parts.password_end = self.parts.user_end;
        let (rest, uri) = self.params_and_headers(rest)?;
        if uri.has_headers() {
            return wrong(Fault::UriHeader, behind);
        }
        Ok((rest, uri))
    }

    /// Any other: `1*uric`
    fn opaque(mut self, behind: &'a [u8]) -> Read<'a, Uri<'a>> {
        let (mut run, _) = take_escaped(behind, Class::URI);
        if self.form == Form::Bare {
            let end = run.iter().position(|byte| b",;?".contains(byte));
            (run, _) = split(run, end.unwrap_or(run.len()));
        }
        let (_, rest) = split(behind, run.len());
        if run.is_empty() {
            return wrong(Fault::UriByte, rest);
        }
        let end = self.at(rest);
        self.parts.params_start = end;
        self.parts.params_end = end;
        self.finish(rest)
    }

    /// `[userinfo]`, up to and with its `@`.
    #[inline(always)]
    fn user(&mut self, behind: &'a [u8]) -> Result<&'a [u8], nom::Err<Wrong>> {
        let (user_class, password_class) = match self.form {
            Form::Bracketed => (Class::USER, Class::PASSWORD),
            Form::Bare => (Class::BARE_USER, Class::BARE_PASSWORD),
        };
        let (user, mut rest) = take_escaped(behind, user_class);
        let user_end = rest;
        if let [b':', password @ ..] = rest {
            (_, rest) = take_escaped(password, password_class);
        }
        match rest {
            [b'@', ..] if user.is_empty() => wrong(Fault::User, behind).map(|(rest, ())| rest),
            [b'@', host @ ..] => {
                self.parts.has_user = true;
                self.parts.user_end = self.at(user_end);
                self.parts.password_end = self.at(rest);
                Ok(host)
            }
            [b'%', ..] => wrong(Fault::Escape, rest).map(|(rest, ())| rest),
            _ => {
                self.parts.user_end = self.parts.colon + 1;
                self.parts.password_end = self.parts.user_end;
                Ok(behind)
            }
        }
    }

    /// `hostport`
    #[inline(always)]
    fn host(&mut self, input: &'a [u8]) -> Result<&'a [u8], nom::Err<Wrong>> {
        let (rest, host_port) = host_port(input)?;
        self.parts.host_start = self.at(input);
        let (_, behind_host) = split(input, host_port.host.written_len());
        self.parts.host_end = self.at(behind_host);
        self.parts.host_is_address = host_port.host.is_address();
        self.parts.port = host_port.port;
        Ok(rest)
    }

    /// `uri-parameters [headers]`, to the end.
    #[inline(always)]
    fn params_and_headers(mut self, mut rest: &'a [u8]) -> Read<'a, Uri<'a>> {
        self.parts.params_start = self.at(rest);
        self.parts.params_end = self.parts.params_start;
        if self.form == Form::Bare {
            return self.finish(rest);
        }
        let mut names = Names::default();
        while let [b';', behind @ ..] = rest {
            let (after, name) = param(behind)?;
            rest = after;
            self.parts.may_repeat |= !names.is_new(name);
            self.parts.params_count = self.parts.params_count.saturating_add(1);
        }
        self.parts.params_end = self.at(rest);
        if let [b'?', behind @ ..] = rest {
            (rest, self.parts.headers_count) = headers(behind)?;
        }
        self.finish(rest)
    }

    fn finish(self, rest: &'a [u8]) -> Read<'a, Uri<'a>> {
        let (text, _) = split(self.input, self.input.len() - rest.len());
        if text.len() > Uri::MAX_BYTES {
            return wrong(
                Fault::UriTooLong {
                    limit: u16::MAX.into(),
                },
                self.input,
            );
        }
        let text = Ascii::proved(text);
        let parts = self.parts;
        Ok((rest, Uri { text, parts }))
    }

    /// How far into the URI `rest` begins. An offset that does not fit belongs to a URI that
    /// [`Self::finish`] refuses.
    #[inline(always)]
    fn at(&self, rest: &[u8]) -> u16 {
        u16::try_from(self.input.len() - rest.len()).unwrap_or(u16::MAX)
    }
}

/// `pname ["=" pvalue]`; gives the name.
#[inline(always)]
fn param(input: &[u8]) -> Read<'_, &[u8]> {
    let (name, rest) = take_escaped(input, Class::URI_PARAM);
    if name.is_empty() {
        return wrong(Fault::UriParameter, input);
    }
    let [b'=', behind @ ..] = rest else {
        return Ok((rest, name));
    };
    let (value, rest) = take_escaped(behind, Class::URI_PARAM);
    if value.is_empty() {
        return wrong(Fault::UriParameter, behind);
    }
    Ok((rest, name))
}

/// `header *( "&" header )`; gives how many there are.
fn headers(input: &[u8]) -> Read<'_, u16> {
    let mut rest = input;
    let mut count = 0_u16;
    loop {
        let (name, behind) = take_escaped(rest, Class::URI_HEADER);
        let (false, Ok((value, ()))) = (name.is_empty(), byte(behind, b'=')) else {
            return wrong(Fault::UriHeader, rest);
        };
        (_, rest) = take_escaped(value, Class::URI_HEADER);
        count = count.saturating_add(1);
        match rest {
            [b'&', behind @ ..] => rest = behind,
            _ => return Ok((rest, count)),
        }
    }
}

/// Tells names without escapes apart by length and first letter, so that few URIs need a closer look.
#[derive(Default)]
struct Names {
    met: u64,
}

impl Names {
    /// False if the name may have been met: it looks like another one. Escapes are not resolved.
    #[inline(always)]
    fn is_new(&mut self, name: &[u8]) -> bool {
        let first = name.first().map_or(0, |&byte| usize::from(byte | 0x20));
        let bit = 1 << ((name.len() * 7 + first) % 64);
        let is_new = self.met & bit == 0;
        self.met |= bit;
        is_new
    }
}
