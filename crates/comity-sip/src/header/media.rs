//! Headers about the body: Content-Type and its relatives, and the Accept headers.

use std::borrow::Cow;
use std::fmt;

use nom::Parser;
use nom::sequence::delimited;

use super::event::token_with_params;
use super::{check_params, field};
use crate::Fault;
use crate::grammar::{
    Ascii, Class, Params, Read, byte, params_of, quality, separator, split, take, token, whole,
    wrong,
};
use crate::message::ListField;

/// What the body is (RFC 3261 §20.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentType<'a>(Media<'a>);

/// A kind of body that the sender takes (RFC 3261 §20.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept<'a>(Media<'a>);

/// Type, subtype and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Media<'a> {
    kind: Ascii<'a>,
    subtype: Ascii<'a>,
    params: Params<'a>,
}

impl<'a> ContentType<'a> {
    /// The type, as `text` or `application`. Names compare without regard to case.
    pub fn kind(&self) -> &'a str {
        self.0.kind.as_str()
    }

    /// The subtype, as `plain` or `pidf+xml`. Names compare without regard to case.
    pub fn subtype(&self) -> &'a str {
        self.0.subtype.as_str()
    }

    /// True if it is this type and subtype, whatever its parameters are.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.0.kind.is(kind) && self.0.subtype.is(subtype)
    }

    /// The value of a parameter, decoded.
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.params.value(name).map(|value| value.decode())
    }

    /// The parameters.
    pub fn params(&self) -> Params<'a> {
        self.0.params
    }
}

impl<'a> Accept<'a> {
    /// The type; `*` for any.
    pub fn kind(&self) -> &'a str {
        self.0.kind.as_str()
    }

    /// The subtype; `*` for any.
    pub fn subtype(&self) -> &'a str {
        self.0.subtype.as_str()
    }

    /// True if a body of this type and subtype is taken by this range: it is in the range, and the
    /// preference is not 0. Of several ranges, the narrowest decides.
    pub fn accepts(&self, kind: &str, subtype: &str) -> bool {
        self.narrowness(kind, subtype).is_some() && self.q() > 0
    }

    /// How narrow a range is that a type and subtype are in, from 0 for any.
    pub(crate) fn narrowness(&self, kind: &str, subtype: &str) -> Option<u8> {
        let fits = |own: Ascii<'_>, other| match own.is("*") {
            true => Some(0),
            false => own.is(other).then_some(1),
        };
        Some(fits(self.0.kind, kind)? + fits(self.0.subtype, subtype)?)
    }

    /// The preference in thousandths, from 0 to 1000; 1000 if it is not said or malformed.
    pub fn q(&self) -> u16 {
        q(&self.0.params)
    }

    /// The parameters.
    pub fn params(&self) -> Params<'a> {
        self.0.params
    }
}

impl fmt::Display for Media<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.kind, self.subtype, self.params)
    }
}

impl fmt::Display for ContentType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Accept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

field!(
    ContentType,
    ContentType,
    |input| {
        let (rest, media) = media(input)?;
        Ok((rest, ContentType(media)))
    },
    |media, limits| check_params(&media.0.params, limits)
);

field!(
    Accept,
    Accept,
    |input| {
        let (rest, media) = media(input)?;
        Ok((rest, Accept(media)))
    },
    |media, limits| check_params(&media.0.params, limits)
);

impl<'a> ListField<'a> for Accept<'a> {
    const MAY_BE_EMPTY: bool = true;
}

/// `m-type SLASH m-subtype *(SEMI m-parameter)`
fn media(input: &[u8]) -> Read<'_, Media<'_>> {
    let (rest, kind) = token(input)?;
    let (rest, ()) = separator(rest, b'/')?;
    let (rest, subtype) = token(rest)?;
    let (rest, params) = params_of(rest, Class::BASE64_OR_TOKEN, |_| Ok(()))?;
    let media = Media {
        kind,
        subtype,
        params,
    };
    Ok((rest, media))
}

/// The preference that a parameter says.
fn q(params: &Params<'_>) -> u16 {
    let value = params.value("q");
    value
        .and_then(|value| whole(value.as_bytes(), quality).ok())
        .unwrap_or(1000)
}

macro_rules! weighted {
    ($($(#[$doc:meta])* $type:ident = $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $type<'a> {
                name: Ascii<'a>,
                params: Params<'a>,
            }

            impl<'a> $type<'a> {
                /// The name; `*` for any.
                pub fn as_str(&self) -> &'a str {
                    self.name.as_str()
                }

                /// The preference in thousandths, from 0 to 1000; 1000 if it is not said or malformed.
                pub fn q(&self) -> u16 {
                    q(&self.params)
                }

                /// The parameters.
                pub fn params(&self) -> Params<'a> {
                    self.params
                }
            }

            impl fmt::Display for $type<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}{}", self.name, self.params)
                }
            }

            field!(
                $type,
                $name,
                |input| {
                    let (rest, (name, params)) = token_with_params(input)?;
                    Ok((rest, $type { name, params }))
                },
                |field, limits| check_params(&field.params, limits)
            );

            impl<'a> ListField<'a> for $type<'a> {
                const MAY_BE_EMPTY: bool = true;
            }
        )*
    };
}

weighted! {
    /// A coding of the body that the sender takes (RFC 3261 §20.2).
    AcceptEncoding = AcceptEncoding;
    /// A language that the sender understands (RFC 3261 §20.3).
    AcceptLanguage = AcceptLanguage;
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident = $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $type<'a>(Ascii<'a>);

            impl<'a> $type<'a> {
                /// The name as it is written. Names compare without regard to case.
                pub fn as_str(&self) -> &'a str {
                    self.0.as_str()
                }
            }

            impl fmt::Display for $type<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            field!($type, $name, |input| {
                let (rest, name) = token(input)?;
                Ok((rest, $type(name)))
            });

            impl<'a> ListField<'a> for $type<'a> {}
        )*
    };
}

names! {
    /// A coding of the body, as `gzip`; the first one was done first (RFC 3261 §20.12).
    ContentEncoding = ContentEncoding;
    /// A language of the body (RFC 3261 §20.13).
    ContentLanguage = ContentLanguage;
}

/// What the body is for (RFC 3261 §20.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentDisposition<'a> {
    kind: Ascii<'a>,
    params: Params<'a>,
}

impl<'a> ContentDisposition<'a> {
    /// What it is for: `render`, `session`, `icon`, `alert` or another token.
    pub fn kind(&self) -> &'a str {
        self.kind.as_str()
    }

    /// True unless the body may be ignored by who does not understand it.
    pub fn is_required(&self) -> bool {
        let handling = self.params.value("handling");
        !handling.is_some_and(|value| value.as_str().eq_ignore_ascii_case("optional"))
    }

    /// The parameters, `handling` included.
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

impl fmt::Display for ContentDisposition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.params)
    }
}

field!(
    ContentDisposition,
    ContentDisposition,
    |input| {
        let (rest, (kind, params)) = token_with_params(input)?;
        Ok((rest, ContentDisposition { kind, params }))
    },
    |field, limits| check_params(&field.params, limits)
);

/// A name for a body or a part of it, by which `cid` URIs refer to it (RFC 8262 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentId<'a>(Ascii<'a>);

impl<'a> ContentId<'a> {
    /// What is between `<` and `>`.
    pub fn as_str(&self) -> &'a str {
        self.0.as_str()
    }
}

impl fmt::Display for ContentId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

field!(ContentId, ContentId, |input| {
    let open = |input| byte(input, b'<');
    let close = |input| byte(input, b'>');
    let (rest, id) = delimited(open, message_id, close).parse(input)?;
    Ok((rest, ContentId(id)))
});

/// Visible ASCII without angle brackets, with an `@`.
fn message_id(input: &[u8]) -> Read<'_, Ascii<'_>> {
    let (visible, _) = take(input, Class::VISIBLE);
    let end = visible.iter().position(|byte| b"<>".contains(byte));
    let (id, rest) = split(input, end.unwrap_or(visible.len()));
    if !id.contains(&b'@') {
        return wrong(Fault::Separator { expected: '@' }, rest);
    }
    Ok((rest, Ascii::proved(id)))
}
