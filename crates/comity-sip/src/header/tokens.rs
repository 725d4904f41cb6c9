//! Headers that list tokens: Allow, Require, Supported, Unsupported and Proxy-Require.

use std::fmt;

use super::field;
use crate::Method;
use crate::grammar::{Ascii, token};
use crate::message::ListField;

macro_rules! options {
    ($($(#[$doc:meta])* $type:ident = $name:ident, may be empty: $empty:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $type<'a>(Ascii<'a>);

            impl<'a> $type<'a> {
                /// The option tag as it is written.
                pub fn as_str(&self) -> &'a str {
                    self.0.as_str()
                }

                /// True if it is this option tag, in any case.
                pub fn is(&self, tag: &str) -> bool {
                    self.0.is(tag)
                }
            }

            impl fmt::Display for $type<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            field!($type, $name, |input| {
                let (rest, tag) = token(input)?;
                Ok((rest, $type(tag)))
            });

            impl<'a> ListField<'a> for $type<'a> {
                const MAY_BE_EMPTY: bool = $empty;
            }
        )*
    };
}

options! {
    /// An extension that the recipient must understand (RFC 3261 §20.32).
    Require = Require, may be empty: false;
    /// An extension that each proxy must understand (RFC 3261 §20.29).
    ProxyRequire = ProxyRequire, may be empty: false;
    /// An extension that the sender understands (RFC 3261 §20.37).
    Supported = Supported, may be empty: true;
    /// An extension that was required and is not understood (RFC 3261 §20.40).
    Unsupported = Unsupported, may be empty: false;
}

/// A method that the sender understands (RFC 3261 §20.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allow<'a>(Method<'a>);

impl<'a> Allow<'a> {
    /// The method.
    pub fn method(&self) -> Method<'a> {
        self.0
    }
}

impl fmt::Display for Allow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

field!(Allow, Allow, |input| {
    let (rest, method) = token(input)?;
    Ok((rest, Allow(Method::from_token(method))))
});

impl<'a> ListField<'a> for Allow<'a> {
    const MAY_BE_EMPTY: bool = true;
}
