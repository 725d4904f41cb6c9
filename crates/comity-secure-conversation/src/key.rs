use crate::Secret;
use crate::p_sha1::p_sha1;

/// The size of a computed key. Default: 256 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeySize {
    bytes: u16,
}

/// Why a number is no size of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySizeError {
    /// It is outside [`KeySize::MIN_BITS`] to [`KeySize::MAX_BITS`].
    #[error(
        "a key has {} to {} bits, not {bits}",
        KeySize::MIN_BITS,
        KeySize::MAX_BITS
    )]
    OutOfBounds {
        /// The number.
        bits: u32,
    },
    /// It is not a multiple of 8.
    #[error("a key has whole bytes, not {bits} bits")]
    PartOfByte {
        /// The number.
        bits: u32,
    },
}

impl KeySize {
    /// The size that is meant where none is said: 256 bits.
    pub const DEFAULT: Self = Self { bytes: 32 };
    /// That of the shortest [`Secret`].
    pub const MIN_BITS: u32 = 64;
    /// That of the longest [`Secret`].
    pub const MAX_BITS: u32 = 131_072;

    /// A size in bits, of which 0 means the default.
    ///
    /// # Errors
    ///
    /// If there are too few, too many, or a part of a byte.
    pub fn from_bits(bits: u32) -> Result<Self, KeySizeError> {
        if bits == 0 {
            return Ok(Self::DEFAULT);
        }
        if !(Self::MIN_BITS..=Self::MAX_BITS).contains(&bits) {
            return Err(KeySizeError::OutOfBounds { bits });
        }
        if !bits.is_multiple_of(8) {
            return Err(KeySizeError::PartOfByte { bits });
        }
        match u16::try_from(bits / 8) {
            Ok(bytes) => Ok(Self { bytes }),
            Err(_above_the_maximum) => Err(KeySizeError::OutOfBounds { bits }),
        }
    }

    /// The size in bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        u32::from(self.bytes) * 8
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.bytes.into()
    }
}

impl Default for KeySize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the secret of a session comes from.
#[derive(Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "WS-Trust knows no other way")]
pub enum KeyMaterial {
    /// The secret itself: the issuer's key, or the requestor's entropy where the issuer gave nothing.
    Shared(Secret),
    /// The entropy of both sides. Which is which matters: the client is the requestor.
    Computed {
        /// The requestor's.
        client: Secret,
        /// The issuer's.
        server: Secret,
        /// How many bits are computed of it.
        size: KeySize,
    },
}

impl KeyMaterial {
    /// The secret: as it is, or computed by P_SHA1 with the client's entropy for the secret and the
    /// server's for the seed (WS-Trust 1.3 §4.4.4, `CK/PSHA1`).
    #[must_use]
    pub fn into_secret(self) -> Secret {
        match self {
            Self::Shared(secret) => secret,
            Self::Computed {
                client,
                server,
                size,
            } => Secret::fill(size.bytes(), |key| {
                p_sha1(client.as_bytes(), [server.as_bytes(), b""], 0, key);
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_whole_bytes_within_bounds_and_0_is_the_default() {
        for (bits, size) in [
            (0, Ok(256)),
            (64, Ok(64)),
            (131_072, Ok(131_072)),
            (56, Err(KeySizeError::OutOfBounds { bits: 56 })),
            (131_080, Err(KeySizeError::OutOfBounds { bits: 131_080 })),
            (u32::MAX, Err(KeySizeError::OutOfBounds { bits: u32::MAX })),
            (255, Err(KeySizeError::PartOfByte { bits: 255 })),
            (257, Err(KeySizeError::PartOfByte { bits: 257 })),
        ] {
            assert_eq!(KeySize::from_bits(bits).map(KeySize::bits), size, "{bits}");
        }
        assert_eq!(KeySize::default().bytes(), 32);
        let longest = KeySize::from_bits(KeySize::MAX_BITS).unwrap();
        assert_eq!(longest.bytes(), Secret::MAX_BYTES);
        let shortest = KeySize::from_bits(KeySize::MIN_BITS).unwrap();
        assert_eq!(shortest.bytes(), Secret::MIN_BYTES);
    }

    #[test]
    fn a_secret_that_is_given_is_the_key() {
        let given = || Secret::new(b"12345678").unwrap();
        assert_eq!(KeyMaterial::Shared(given()).into_secret(), given());
    }
}
