use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use comity_identity::DomainName;

/// The bare address of a user, `juliet@capulet.example`, in either protocol.
///
/// Case does not matter and is folded to lower case, as XMPP does it (RFC 7622 §3.3.1): SIP tells
/// users apart by case, but no rule should miss one for that. Whatever else makes two spellings one
/// address is for the caller to bring into one form. Cloning shares the text.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address {
    /// The whole text, with the domain in A-labels.
    text: Arc<str>,
    domain: DomainName,
}

impl Address {
    /// The longest local part in bytes (RFC 7622 §3.3).
    pub const MAX_LOCAL_BYTES: usize = 1023;

    /// Puts together an address of its two parts.
    ///
    /// # Errors
    ///
    /// What is wrong with the local part.
    pub fn new(local: &str, domain: DomainName) -> Result<Self, AddressError> {
        if local.is_empty() {
            return Err(AddressError::NoLocalPart);
        }
        if local.len() > Self::MAX_LOCAL_BYTES {
            return Err(AddressError::LocalPartTooLong);
        }
        if let Some(other) = local
            .chars()
            .find(|c| c.is_control() || c.is_whitespace() || *c == '@')
        {
            return Err(AddressError::Character(other));
        }
        Ok(Self {
            text: format!("{}@{domain}", local.to_lowercase()).into(),
            domain,
        })
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The whole address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        let domain = DomainName::parse(domain).map_err(AddressError::Domain)?;
        Self::new(local, domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Why a text is not an [`Address`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A character that no local part may hold.
    #[error("{0:?} is not allowed before the @ of an address")]
    Character(char),
    /// What stands behind the `@` is no domain name.
    #[error(transparent)]
    Domain(comity_identity::ParseError),
    /// The local part is longer than [`Address::MAX_LOCAL_BYTES`].
    #[error("more than {} bytes stand before the @", Address::MAX_LOCAL_BYTES)]
    LocalPartTooLong,
    /// There is no `@`.
    #[error("there is no @, as in user@example.com")]
    NoAt,
    /// Nothing stands before the `@`.
    #[error("nothing stands before the @")]
    NoLocalPart,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_folded_on_both_sides() {
        for (text, expected) in [
            ("juliet@capulet.example", "juliet@capulet.example"),
            ("Juliet@CAPULET.example", "juliet@capulet.example"),
            ("a@b\u{fc}cher.example.", "a@xn--bcher-kva.example"),
            ("j\u{fc}rgen+x@a.example", "j\u{fc}rgen+x@a.example"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.as_str(), expected);
            assert_eq!(
                format!(
                    "{}@{}",
                    expected.split_once('@').unwrap().0,
                    address.domain()
                ),
                expected
            );
        }
    }

    #[test]
    fn each_violated_rule_is_named() {
        use comity_identity::ParseError;
        let long = format!("{}@a.example", "x".repeat(1024));
        for (text, error) in [
            ("a.example", AddressError::NoAt),
            ("@a.example", AddressError::NoLocalPart),
            ("a b@a.example", AddressError::Character(' ')),
            ("a\0@a.example", AddressError::Character('\0')),
            ("a@b@a.example", AddressError::Character('@')),
            ("a@", AddressError::Domain(ParseError::Empty)),
            (&long, AddressError::LocalPartTooLong),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error));
        }
    }
}
