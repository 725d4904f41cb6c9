//! Headers whose values are read into types.
//!
//! Each type is read by [`Headers::one`](crate::Headers::one),
//! [`Headers::optional`](crate::Headers::optional) or [`Headers::all`](crate::Headers::all), and
//! refers to the bytes of the message. Strings that a type gives are as they are written, unless its
//! method says that it decodes.

mod address;
mod event;
mod media;
mod number;
mod reason;
mod text;
mod time;
mod tokens;
mod via;

pub use address::{Address, Contact, From, PAssertedIdentity, RecordRoute, Route, To};
pub use event::{AllowEvents, Event, SubscriptionState, SubscriptionStatus};
pub use media::{
    Accept, AcceptEncoding, AcceptLanguage, ContentDisposition, ContentEncoding, ContentId,
    ContentLanguage, ContentType,
};
pub use number::{CSeq, ContentLength, MaxForwards, RAck, RSeq};
pub use reason::{Diagnostics, Reason, Warning};
pub use text::{CallId, Product, Server, SipEtag, SipIfMatch, UserAgent};
pub use time::{Date, Expires, MinExpires, RetryAfter};
pub use tokens::{Allow, ProxyRequire, Require, Supported, Unsupported};
pub use via::{Rport, Via};

use crate::grammar::{Params, Read, flat};
use crate::message::ValueError;
use crate::{Fault, Limits};

/// Reads a value by a rule of the grammar.
#[inline(always)]
fn read_by<'a, T>(
    value: &'a [u8],
    rule: impl FnOnce(&'a [u8]) -> Read<'a, T>,
) -> Result<(T, usize), ValueError> {
    match rule(value) {
        Ok((rest, field)) => Ok((field, value.len() - rest.len())),
        Err(error) => {
            let wrong = flat(error);
            Err(ValueError::new(wrong.fault, wrong.offset_in(value)))
        }
    }
}

/// Checks the number of parameters.
#[inline(always)]
fn check_params(params: &Params<'_>, limits: &Limits) -> Result<(), ValueError> {
    if params.len() > limits.max_parameters as usize {
        let limit = limits.max_parameters;
        return Err(ValueError::new(Fault::TooManyParameters { limit }, 0));
    }
    Ok(())
}

/// Says how a type is read: by a rule of the grammar and, where it can be large, within limits.
macro_rules! field {
    ($type:ident, $name:ident, $rule:expr) => {
        field!($type, $name, $rule, |_, _| Ok(()));
    };
    ($type:ident, $name:ident, $rule:expr, $within:expr) => {
        impl<'a> $crate::message::Field<'a> for $type<'a> {
            const NAME: $crate::HeaderName = $crate::HeaderName::$name;

            #[inline(always)]
            fn read(
                value: &'a [u8],
                limits: &$crate::Limits,
            ) -> Result<(Self, usize), $crate::message::ValueError> {
                let (field, len) = $crate::header::read_by(value, $rule)?;
                let within: fn(&Self, &$crate::Limits) -> Result<(), $crate::message::ValueError> =
                    $within;
                within(&field, limits)?;
                Ok((field, len))
            }
        }
    };
}
use field;
