use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The identifier of a security context: a URI, compared byte by byte.
///
/// It is not checked to be one, but has no white space or control characters.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Identifier(Arc<str>);

/// Why a text is no identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// There is nothing.
    #[error("the identifier is empty")]
    Empty,
    /// It has more than [`Identifier::MAX_BYTES`].
    #[error("the identifier is longer than {} bytes", Identifier::MAX_BYTES)]
    TooLong,
    /// White space or a control character stands in it.
    #[error("the identifier has white space or control characters")]
    Character,
}

impl Identifier {
    /// The longest one: 1 KiB. A `urn:uuid:` has 45 bytes.
    pub const MAX_BYTES: usize = 1024;

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        if text.is_empty() {
            return Err(IdentifierError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(IdentifierError::TooLong);
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(IdentifierError::Character);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Identifier {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_one_short_visible_word() {
        let longest = "u".repeat(Identifier::MAX_BYTES);
        assert_eq!(longest.parse::<Identifier>().unwrap().as_str(), longest);
        for (text, error) in [
            ("", IdentifierError::Empty),
            (&format!("{longest}u"), IdentifierError::TooLong),
            ("urn:a b", IdentifierError::Character),
            ("urn:a\u{2003}b", IdentifierError::Character),
            ("urn:\u{7f}", IdentifierError::Character),
        ] {
            assert_eq!(text.parse::<Identifier>(), Err(error));
        }
    }
}
