//! The basic rules of RFC 3261 §25.1, as parsers for nom.
//!
//! Each takes the bytes that are left and gives back what is left behind it. Line ends inside a
//! value are folding, which is white space (RFC 3261 §7.3.1).
//!
//! The rules of headers that every message has are always inlined: what they give would otherwise go
//! through memory from each rule to the next, which costs more than the rules themselves.

mod ascii;
mod bytes;
mod host;
mod params;
mod quoted;
mod written;

pub(crate) use ascii::Ascii;
pub(crate) use bytes::{Class, find_not, position};
pub(crate) use host::{HostPort, host, host_port, ipv4, ipv6, sent_by};
pub(crate) use params::{params, params_of};
pub(crate) use quoted::{Quote, Unfolded, comment, quoted_string};
pub(crate) use written::{Digits, push_address};

pub use host::HostName;
pub use params::{Param, ParamValue, Params};
pub use quoted::Quoted;

use nom::{IResult, Parser};

use crate::Fault;

/// What a parser gives: the rest and the value, or what is wrong.
pub(crate) type Read<'a, T> = IResult<&'a [u8], T, Wrong>;

/// A broken rule, and how many bytes were left where it was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) fault: Fault,
    pub(crate) rest: usize,
}

impl Wrong {
    /// How far into `whole` the rule was broken.
    pub(crate) fn offset_in(self, whole: &[u8]) -> usize {
        whole.len().saturating_sub(self.rest)
    }
}

/// What nom's own combinators ask for.
impl nom::error::ParseError<&[u8]> for Wrong {
    fn from_error_kind(input: &[u8], _: nom::error::ErrorKind) -> Self {
        Self {
            fault: Fault::Token,
            rest: input.len(),
        }
    }

    fn append(_: &[u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// An error at the beginning of `rest`.
#[cold]
pub(crate) fn wrong<T>(fault: Fault, rest: &[u8]) -> Read<'_, T> {
    Err(nom::Err::Error(Wrong {
        fault,
        rest: rest.len(),
    }))
}

/// Runs a parser over the whole of a value.
pub(crate) fn whole<'a, T>(
    input: &'a [u8],
    mut parser: impl Parser<&'a [u8], Output = T, Error = Wrong>,
) -> Result<T, Wrong> {
    match parser.parse(input) {
        Ok(([], value)) => Ok(value),
        Ok((rest, _)) => Err(Wrong {
            fault: Fault::Trailing,
            rest: rest.len(),
        }),
        Err(error) => Err(flat(error)),
    }
}

/// The error inside nom's. No parser here asks for more input.
#[expect(
    clippy::needless_pass_by_value,
    reason = "errors are handed on by value"
)]
pub(crate) fn flat(error: nom::Err<Wrong>) -> Wrong {
    match error {
        nom::Err::Error(wrong) | nom::Err::Failure(wrong) => wrong,
        nom::Err::Incomplete(_) => Wrong {
            fault: Fault::Trailing,
            rest: 0,
        },
    }
}

/// Splits behind the first `len` bytes. `len` is a count of bytes of `input`.
pub(crate) fn split(input: &[u8], len: usize) -> (&[u8], &[u8]) {
    input.split_at_checked(len).unwrap_or((input, &[]))
}

/// Splits behind the bytes of a class at the beginning.
#[inline(always)]
pub(crate) fn take(input: &[u8], class: Class) -> (&[u8], &[u8]) {
    input.split_at(find_not(input, class))
}

/// `token`
#[inline(always)]
pub(crate) fn token(input: &[u8]) -> Read<'_, Ascii<'_>> {
    run(input, Class::TOKEN, Fault::Token)
}

/// One or more bytes of a class whose bytes are all ASCII.
#[inline(always)]
pub(crate) fn run(input: &[u8], class: Class, fault: Fault) -> Read<'_, Ascii<'_>> {
    match take(input, class) {
        ([], _) => wrong(fault, input),
        (run, rest) => Ok((rest, Ascii::proved(run))),
    }
}

/// True if all of `text` is one token.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && find_not(text, Class::TOKEN) == text.len()
}

/// `SWS`: white space with folding, or nothing.
#[inline(always)]
pub(crate) fn sws(input: &[u8]) -> &[u8] {
    match input {
        [first, ..] if *first <= b' ' => skip_white_space(input),
        _ => input,
    }
}

fn skip_white_space(mut input: &[u8]) -> &[u8] {
    loop {
        input = match input {
            [b' ' | b'\t', rest @ ..] | [b'\r', b'\n', b' ' | b'\t', rest @ ..] => rest,
            _ => return input,
        };
    }
}

/// `LWS`: white space with folding.
pub(crate) fn lws(input: &[u8]) -> Read<'_, ()> {
    let rest = sws(input);
    if rest.len() == input.len() {
        return wrong(Fault::WhiteSpace, input);
    }
    Ok((rest, ()))
}

/// One byte, without white space around it.
#[inline(always)]
pub(crate) fn byte(input: &[u8], expected: u8) -> Read<'_, ()> {
    match input {
        [first, rest @ ..] if *first == expected => Ok((rest, ())),
        _ => wrong(
            Fault::Separator {
                expected: char::from(expected),
            },
            input,
        ),
    }
}

/// A separator with white space around it: `SEMI`, `COMMA`, `EQUAL`, `SLASH`, `COLON`.
#[inline(always)]
pub(crate) fn separator(input: &[u8], expected: u8) -> Read<'_, ()> {
    let (rest, ()) = byte(sws(input), expected)?;
    Ok((sws(rest), ()))
}

/// `1*DIGIT` of a number of any size; those above the largest `u64` become the largest.
#[inline(always)]
pub(crate) fn number(input: &[u8]) -> Read<'_, u64> {
    let mut value = 0_u64;
    let mut rest = input;
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = behind;
    }
    match input.len() - rest.len() {
        0 => wrong(Fault::Number, input),
        1..=19 => Ok((rest, value)),
        len => Ok((rest, long_number(split(input, len).0))),
    }
}

/// The value of more digits than surely fit.
#[cold]
fn long_number(digits: &[u8]) -> u64 {
    digits.iter().fold(0_u64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

/// `1*DIGIT` of a number up to the largest `u32` (RFC 3261 §8.1.1.5, §20.19).
pub(crate) fn number32(input: &[u8]) -> Read<'_, u32> {
    let (rest, value) = number(input)?;
    match u32::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => wrong(
            Fault::NumberTooLarge {
                max: u32::MAX.into(),
            },
            input,
        ),
    }
}

/// `delta-seconds`. What is larger than the largest `u32` stands for it (RFC 3261 §20.19).
pub(crate) fn delta_seconds(input: &[u8]) -> Read<'_, u32> {
    let (rest, value) = number(input)?;
    Ok((rest, u32::try_from(value).unwrap_or(u32::MAX)))
}

/// `qvalue` in thousandths, from 0 to 1000.
pub(crate) fn quality(input: &[u8]) -> Read<'_, u16> {
    let (whole, rest) = match input {
        [b'0', rest @ ..] => (0, rest),
        [b'1', rest @ ..] => (1000, rest),
        _ => return wrong(Fault::Quality, input),
    };
    let [b'.', decimals @ ..] = rest else {
        return Ok((rest, whole));
    };
    let mut thousandths = whole;
    let mut rest = decimals;
    for place in [100, 10, 1] {
        if let [digit @ b'0'..=b'9', behind @ ..] = rest {
            thousandths += place * u16::from(digit - b'0');
            rest = behind;
        }
    }
    if thousandths > 1000 {
        return wrong(Fault::Quality, input);
    }
    Ok((rest, thousandths))
}
