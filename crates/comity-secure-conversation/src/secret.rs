use std::fmt;

use base64ct::{Base64, Encoding};
use comity_machine::Random;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::KeySize;

/// Bytes that nobody else may learn: a key, or the entropy that a key is computed of.
///
/// They are wiped from memory when the value is dropped, do not show in `Debug`, and are compared in
/// constant time for their length. There is no `Clone`: whoever wants a second copy has to say so
/// by [`Secret::new`].
pub struct Secret(Zeroizing<Box<[u8]>>);

/// Why bytes are no secret. None of the variants says anything about their values.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There are fewer than [`Secret::MIN_BYTES`].
    #[error("a secret has at least {} bytes, not {bytes}", Secret::MIN_BYTES)]
    TooShort {
        /// How many there are.
        bytes: usize,
    },
    /// There are more than [`Secret::MAX_BYTES`].
    #[error("a secret has at most {} bytes", Secret::MAX_BYTES)]
    TooLong,
    /// The text is not base64 with its padding (RFC 4648 §4).
    #[error("the text is not base64")]
    Base64,
}

impl Secret {
    /// The shortest one, as in .NET: 64 bits. It keeps out mistakes and makes no key a strong one.
    pub const MIN_BYTES: usize = 8;
    /// The longest one, as in .NET: 131,072 bits.
    pub const MAX_BYTES: usize = 16_384;

    /// Copies bytes. What they were copied from is for the caller to wipe.
    ///
    /// # Errors
    ///
    /// If there are too few or too many.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        if bytes.len() < Self::MIN_BYTES {
            return Err(SecretError::TooShort { bytes: bytes.len() });
        }
        if bytes.len() > Self::MAX_BYTES {
            return Err(SecretError::TooLong);
        }
        Ok(Self(Zeroizing::new(bytes.into())))
    }

    /// Decodes base64 as XML has it: with padding, and with white space anywhere.
    ///
    /// # Errors
    ///
    /// If it is something else, or too few or too many bytes come out.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        // Nothing may grow: an allocation that is left behind would not be wiped.
        let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
        digits.extend(text.bytes().filter(|byte| !XML_SPACE.contains(byte)));
        if digits.len() > MAX_DIGITS {
            return Err(SecretError::TooLong);
        }
        let mut bytes = Zeroizing::new(vec![0; digits.len()]);
        let decoded = Base64::decode(digits.as_slice(), &mut bytes);
        Self::new(decoded.map_err(|_says_no_more| SecretError::Base64)?)
    }

    /// Draws as many bytes of entropy as a key of that size has.
    #[must_use]
    pub fn generate(random: &mut Random, size: KeySize) -> Self {
        Self::fill(size.bytes(), |bytes| random.fill(bytes))
    }

    /// The bytes. What is made of them is for the caller to wipe.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A secret of `length` bytes, which is to be in the bounds of a secret.
    pub(crate) fn fill(length: usize, write: impl FnOnce(&mut [u8])) -> Self {
        debug_assert!((Self::MIN_BYTES..=Self::MAX_BYTES).contains(&length));
        let mut secret = Self(Zeroizing::new(vec![0; length].into()));
        write(&mut secret.0);
        secret
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

const XML_SPACE: [u8; 4] = *b" \t\r\n";
/// The digits of [`Secret::MAX_BYTES`], with their padding.
const MAX_DIGITS: usize = Secret::MAX_BYTES.div_ceil(3) * 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_neither_short_nor_endless() {
        assert_eq!(
            Secret::new(&[7; 7]),
            Err(SecretError::TooShort { bytes: 7 })
        );
        assert_eq!(Secret::new(&[7; 8]).unwrap().as_bytes(), [7; 8]);
        assert_eq!(
            Secret::new(&[7; 16_384]).unwrap().as_bytes().len(),
            Secret::MAX_BYTES
        );
        assert_eq!(Secret::new(&[7; 16_385]), Err(SecretError::TooLong));
    }

    #[test]
    fn base64_is_padded_and_canonical_and_may_be_broken_into_lines() {
        let secret = Secret::new(b"12345678").unwrap();
        assert_eq!(Secret::from_base64("MTIzNDU2Nzg=").as_ref(), Ok(&secret));
        assert_eq!(
            Secret::from_base64("\n  MTIz NDU2\r\n\tNzg=\n").as_ref(),
            Ok(&secret)
        );
        for wrong in [
            "MTIzNDU2Nzg",
            "MTIzNDU2Nzg==",
            "MTIzNDU2Nzh=",
            "MTIzNDU2Nz-=",
            "MTIzNDU2Nzg=MTIz",
            "MTIzNDU2\u{a0}Nzg=",
        ] {
            assert_eq!(
                Secret::from_base64(wrong),
                Err(SecretError::Base64),
                "{wrong}"
            );
        }
        assert_eq!(
            Secret::from_base64(""),
            Err(SecretError::TooShort { bytes: 0 })
        );
        assert_eq!(
            Secret::from_base64(&"A".repeat(MAX_DIGITS + 4)),
            Err(SecretError::TooLong)
        );
    }

    #[test]
    fn only_the_same_bytes_are_equal() {
        let secret = |bytes| Secret::new(bytes).unwrap();
        assert_eq!(secret(b"12345678"), secret(b"12345678"));
        assert_ne!(secret(b"12345678"), secret(b"12345679"));
        assert_ne!(secret(b"12345678"), secret(b"123456789"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = Secret::new(b"12345678").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret { .. }");
    }

    #[test]
    fn entropy_has_the_size_of_its_key_and_comes_once() {
        let mut random = Random::from_seed([1; 32]);
        let size = KeySize::from_bits(192).unwrap();
        let (one, other) = (
            Secret::generate(&mut random, size),
            Secret::generate(&mut random, size),
        );
        assert_eq!(one.as_bytes().len(), 24);
        assert_ne!(one, other);
    }
}
