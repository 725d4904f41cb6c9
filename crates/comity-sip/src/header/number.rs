//! Headers that are numbers: CSeq, Max-Forwards, Content-Length, RSeq and RAck.

use std::fmt;

use super::field;
use crate::grammar::{Read, lws, number, number32, token, wrong};
use crate::message::ValueError;
use crate::{Fault, Limits, Method};

/// The number of a request in its dialog, and its method (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CSeq<'a> {
    /// The number, from 0 to the largest `u32`. Those that we choose are below 2³¹ (§8.1.1.5).
    pub number: u32,
    /// The method of the request.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// A number and a method.
    pub fn new(number: u32, method: Method<'a>) -> Self {
        Self { number, method }
    }
}

impl fmt::Display for CSeq<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

field!(CSeq, CSeq, |input| {
    let (rest, number) = number32(input)?;
    let (rest, ()) = lws(rest)?;
    let (rest, method) = token(rest)?;
    let method = Method::from_token(method);
    Ok((rest, CSeq { number, method }))
});

/// The confirmation of a provisional response (RFC 3262 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RAck<'a> {
    /// The RSeq of the response, from 1.
    pub response: u32,
    /// The CSeq of the response.
    pub cseq: CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// The RSeq and the CSeq of a response.
    pub fn new(response: u32, cseq: CSeq<'a>) -> Self {
        Self { response, cseq }
    }
}

impl fmt::Display for RAck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.response, self.cseq)
    }
}

field!(RAck, RAck, |input| {
    let (rest, response) = response_number(input)?;
    let (rest, ()) = lws(rest)?;
    let (rest, number) = number32(rest)?;
    let (rest, ()) = lws(rest)?;
    let (rest, method) = token(rest)?;
    let method = Method::from_token(method);
    let cseq = CSeq { number, method };
    Ok((rest, RAck { response, cseq }))
});

/// `response-num`, which begins with 1 (RFC 3262 §7.1).
fn response_number(input: &[u8]) -> Read<'_, u32> {
    match number32(input)? {
        (_, 0) => wrong(Fault::Number, input),
        (rest, number) => Ok((rest, number)),
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $type:ident($inner:ty) = $name:ident by $rule:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[expect(clippy::exhaustive_structs, reason = "the header is this number")]
            pub struct $type(pub $inner);

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            impl<'a> $crate::message::Field<'a> for $type {
                const NAME: $crate::HeaderName = $crate::HeaderName::$name;

                #[inline(always)]
                fn read(value: &'a [u8], _: &Limits) -> Result<(Self, usize), ValueError> {
                    super::read_by(value, |input| {
                        let (rest, number) = $rule(input)?;
                        Ok((rest, Self(number)))
                    })
                }
            }
        )*
    };
}

numbers! {
    /// How many bytes the body has (RFC 3261 §20.14). The largest number stands for every larger one.
    ContentLength(u64) = ContentLength by number;
    /// How many more hops a request may take (RFC 3261 §20.22). The largest number stands for every
    /// larger one; [`MaxForwards::hops`] says what that means.
    MaxForwards(u64) = MaxForwards by number;
    /// The number of a provisional response that wants to be confirmed, from 1 (RFC 3262 §7.1).
    RSeq(u32) = RSeq by response_number;
}

impl MaxForwards {
    /// The hops; `None` for a number above 255, which is no legal value and is treated as if the
    /// header were absent (RFC 3261 §20.22, RFC 4475 §3.1.2.4).
    pub fn hops(self) -> Option<u8> {
        u8::try_from(self.0).ok()
    }
}
