//! Building messages and header values.
//!
//! No setter lets a line end or a NUL into a message, so that no value can become a second header.

mod message;
mod value;

pub use message::{RequestBuilder, ResponseBuilder};
pub use value::{AddressBuilder, ViaBuilder};

use thiserror::Error;

use crate::HeaderName;
use crate::grammar::is_token;

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
    /// The header is written by the builder itself.
    #[error("{0} is written by the builder")]
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
