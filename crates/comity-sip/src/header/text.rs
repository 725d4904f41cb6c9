//! Headers that are one word, or text for people: Call-ID, SIP-ETag, SIP-If-Match, User-Agent and
//! Server.

use std::borrow::Cow;
use std::fmt;
use std::str;

use super::field;
use crate::Fault;
use crate::grammar::{Ascii, Class, Read, Unfolded, comment, run, split, sws, token, wrong};

macro_rules! words {
    ($($(#[$doc:meta])* $type:ident = $name:ident by $rule:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $type<'a>(Ascii<'a>);

            impl<'a> $type<'a> {
                /// As it is written; upper and lower case differ.
                pub fn as_str(&self) -> &'a str {
                    self.0.as_str()
                }

                /// As it is written.
                pub fn as_bytes(&self) -> &'a [u8] {
                    self.0.as_bytes()
                }
            }

            impl fmt::Display for $type<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            field!($type, $name, |input| {
                let (rest, word) = $rule(input)?;
                Ok((rest, $type(word)))
            });
        )*
    };
}

words! {
    /// Which call, or which sequence of registrations, a request belongs to (RFC 3261 §20.8).
    CallId = CallId by call_id;
    /// Names a published state (RFC 3903 §11.3.1).
    SipEtag = SipEtag by token;
    /// Which published state is meant (RFC 3903 §11.3.2).
    SipIfMatch = SipIfMatch by token;
}

/// `word [ "@" word ]`
///
/// `COMPAT:` any visible characters. It is only copied and compared, and servers write base64 into it
/// and append one host after another.
#[inline(always)]
fn call_id(input: &[u8]) -> Read<'_, Ascii<'_>> {
    run(input, Class::VISIBLE, Fault::Word)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $type:ident = $name:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// It is for people, so that any UTF-8 is taken, and [`products`](Self::products) gives
            /// what follows the grammar.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $type<'a>(&'a str);

            impl<'a> $type<'a> {
                /// As it is written.
                pub fn as_str(&self) -> &'a str {
                    self.0
                }

                /// The products and comments, up to what is neither.
                pub fn products(&self) -> impl Iterator<Item = Product<'a>> + use<'a> {
                    products(self.0)
                }
            }

            impl fmt::Display for $type<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    Unfolded(self.0).fmt(f)
                }
            }

            field!($type, $name, |input| {
                let (rest, text) = text(input)?;
                Ok((rest, $type(text)))
            });
        )*
    };
}

texts! {
    /// The software of a client (RFC 3261 §20.41).
    UserAgent = UserAgent;
    /// The software of a server (RFC 3261 §20.35).
    Server = Server;
}

/// A part of User-Agent or Server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Product<'a> {
    /// `name/version` or `name`.
    Named {
        /// The name.
        name: &'a str,
        /// The version.
        version: Option<&'a str>,
    },
    /// Text in parentheses, decoded.
    Comment(Cow<'a, str>),
}

fn products<'a>(text: &'a str) -> impl Iterator<Item = Product<'a>> + use<'a> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (behind, product) = product(rest).ok()?;
        rest = sws(behind);
        Some(product)
    })
}

/// `server-val`
fn product(input: &[u8]) -> Read<'_, Product<'_>> {
    if input.first() == Some(&b'(') {
        let (rest, comment) = comment(input)?;
        return Ok((rest, Product::Comment(comment.decode())));
    }
    let (rest, name) = token(input)?;
    let (rest, version) = match sws(rest) {
        [b'/', behind @ ..] => {
            let (rest, version) = token(sws(behind))?;
            (rest, Some(version.as_str()))
        }
        _ => (rest, None),
    };
    let name = name.as_str();
    Ok((rest, Product::Named { name, version }))
}

/// All that is left, as UTF-8.
fn text(input: &[u8]) -> Read<'_, &str> {
    match str::from_utf8(input) {
        Ok("") => wrong(Fault::EmptyValue, input),
        Ok(text) => Ok((&[], text)),
        Err(error) => wrong(Fault::NotUtf8, split(input, error.valid_up_to()).1),
    }
}
