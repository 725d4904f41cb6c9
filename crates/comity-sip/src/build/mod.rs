//! Building messages and header values.
//!
//! No setter lets a line end or a NUL into a message, so that no value can become a second header.

mod message;
mod value;

pub(crate) use message::Answerable;
pub use message::{RequestBuilder, ResponseBuilder};
pub use value::{AddressBuilder, ViaBuilder};

use thiserror::Error;

use crate::grammar::is_token;
use crate::{HeaderName, Uri};

/// Why something cannot stand in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The name of a header, a parameter, a transport or a branch is not a token.
    #[error("not a token")]
    Token,
    /// A value holds CR, LF or NUL.
    #[error("a line end or a NUL in a value")]
    LineEnd,
    /// A value is empty that must not be.
    #[error("an empty value")]
    Empty,
    /// A parameter stands twice.
    #[error("a repeated parameter")]
    Repeated,
    /// The header is written together with what it is about.
    #[error("{0} is not set by itself")]
    Computed(HeaderName),
    /// A Request-URI has headers (RFC 3261 §19.1.1).
    #[error("a Request-URI with headers")]
    UriHeaders,
}

/// Checks the name of a header.
pub(crate) fn check_name(name: &str) -> Result<(), BuildError> {
    is_token(name.as_bytes())
        .then_some(())
        .ok_or(BuildError::Token)
}

/// Checks the value of a header.
pub(crate) fn check_value(value: &str) -> Result<(), BuildError> {
    match value.contains(['\r', '\n', '\0']) {
        true => Err(BuildError::LineEnd),
        false => Ok(()),
    }
}

/// Refuses the header that is written with the body.
pub(crate) fn check_not_computed(name: Option<HeaderName>) -> Result<(), BuildError> {
    match name {
        Some(name @ HeaderName::ContentLength) => Err(BuildError::Computed(name)),
        Some(_) | None => Ok(()),
    }
}

/// Refuses a Request-URI with headers (RFC 3261 §19.1.1).
pub(crate) fn check_target(uri: Uri<'_>) -> Result<(), BuildError> {
    match uri.has_headers() {
        true => Err(BuildError::UriHeaders),
        false => Ok(()),
    }
}
