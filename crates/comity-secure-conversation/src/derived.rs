use crate::Secret;
use crate::p_sha1::p_sha1;

/// A key that both sides derive from the secret of their session for one use, as a
/// `DerivedKeyToken` names it (WS-SecureConversation 1.3 §7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what the token has")]
pub struct DerivedKey<'a> {
    /// What is hashed before the nonce; at most [`DerivedKey::MAX_LABEL_BYTES`].
    pub label: &'a str,
    /// At least one byte and at most [`DerivedKey::MAX_NONCE_BYTES`], decoded. It need not be
    /// secret, but has to be another one for each key.
    pub nonce: &'a [u8],
    /// In bytes: of a key at least [`Secret::MIN_BYTES`].
    pub length: usize,
    /// Where in the output of P_SHA1 the key begins.
    pub position: Position,
}

/// Where a derived key begins. Of its token one of the two is there, or none, which is offset 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "what the token can have")]
pub enum Position {
    /// At this byte.
    Offset(usize),
    /// Behind as many keys of the same length.
    Generation(usize),
}

/// Why no key is derived.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeriveError {
    /// The label has more than [`DerivedKey::MAX_LABEL_BYTES`].
    #[error("the label is longer than {} bytes", DerivedKey::MAX_LABEL_BYTES)]
    LabelTooLong,
    /// There is no nonce, so that all keys with the label would be one.
    #[error("the nonce is empty")]
    NoNonce,
    /// The nonce has more than [`DerivedKey::MAX_NONCE_BYTES`].
    #[error("the nonce is longer than {} bytes", DerivedKey::MAX_NONCE_BYTES)]
    NonceTooLong,
    /// The length is not that of a secret.
    #[error(
        "a derived key has {} to {} bytes, not {length}",
        Secret::MIN_BYTES,
        Secret::MAX_BYTES
    )]
    Length {
        /// What was asked for.
        length: usize,
    },
    /// The key ends behind [`DerivedKey::MAX_END`].
    #[error("a derived key ends within the first {} bytes", DerivedKey::MAX_END)]
    TooFar,
}

impl<'a> DerivedKey<'a> {
    /// The label where none is said: the default labels of both sides, which are the same.
    pub const DEFAULT_LABEL: &'static str = "WS-SecureConversationWS-SecureConversation";
    /// The length where none is said.
    pub const DEFAULT_LENGTH: usize = 32;
    /// The longest label: 512 bytes.
    pub const MAX_LABEL_BYTES: usize = 512;
    /// The longest nonce: 1 KiB. Usual are 16 bytes.
    pub const MAX_NONCE_BYTES: usize = 1024;
    /// How many bytes of the output are computed at most: 16 KiB. The work grows with the offset,
    /// and a peer may name it.
    pub const MAX_END: usize = Secret::MAX_BYTES;

    /// The key of a token that has a nonce and nothing else.
    #[must_use]
    pub const fn new(nonce: &'a [u8]) -> Self {
        Self {
            label: Self::DEFAULT_LABEL,
            nonce,
            length: Self::DEFAULT_LENGTH,
            position: Position::Offset(0),
        }
    }

    /// Derives it: P_SHA1 with the label and the nonce for the seed, from the position on.
    ///
    /// # Errors
    ///
    /// If a field is outside its bounds.
    pub fn derive(&self, secret: &Secret) -> Result<Secret, DeriveError> {
        let offset = self.check()?;
        let seed = [self.label.as_bytes(), self.nonce];
        Ok(Secret::fill(self.length, |key| {
            p_sha1(secret.as_bytes(), seed, offset, key);
        }))
    }

    /// The offset, if everything is within bounds.
    fn check(&self) -> Result<usize, DeriveError> {
        if self.label.len() > Self::MAX_LABEL_BYTES {
            return Err(DeriveError::LabelTooLong);
        }
        if self.nonce.is_empty() {
            return Err(DeriveError::NoNonce);
        }
        if self.nonce.len() > Self::MAX_NONCE_BYTES {
            return Err(DeriveError::NonceTooLong);
        }
        let length = self.length;
        if !(Secret::MIN_BYTES..=Secret::MAX_BYTES).contains(&length) {
            return Err(DeriveError::Length { length });
        }
        let offset = match self.position {
            Position::Offset(offset) => offset,
            Position::Generation(generation) => generation.saturating_mul(length),
        };
        if offset.saturating_add(length) > Self::MAX_END {
            return Err(DeriveError::TooFar);
        }
        Ok(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new(b"0123456789abcdef").unwrap()
    }

    #[test]
    fn a_generation_counts_keys_of_its_length() {
        let mut key = DerivedKey::new(b"nonce");
        key.length = 24;
        key.position = Position::Generation(3);
        let by_generation = key.derive(&secret());
        key.position = Position::Offset(72);
        assert_eq!(by_generation, key.derive(&secret()));
        key.position = Position::Generation(0);
        let first = key.derive(&secret());
        key.position = Position::Offset(0);
        assert_eq!(first, key.derive(&secret()));
        assert_ne!(first, by_generation);
    }

    #[test]
    fn the_label_goes_before_the_nonce_without_a_mark_between() {
        let derive = |label, nonce| {
            let mut key = DerivedKey::new(nonce);
            key.label = label;
            key.derive(&secret())
        };
        assert_eq!(derive("ab", b"c"), derive("a", b"bc"));
        assert_ne!(derive("a", b"b"), derive("b", b"a"));
    }

    const LONG: &[u8] = &[b'x'; 1025];

    #[test]
    fn every_field_has_its_bounds() {
        let check = |change: fn(&mut DerivedKey<'_>)| {
            let mut key = DerivedKey::new(b"nonce");
            change(&mut key);
            key.derive(&secret()).map(|key| key.as_bytes().len())
        };
        let label = |bytes| std::str::from_utf8(&LONG[..bytes]).unwrap();
        assert_eq!(check(|_| {}), Ok(32));
        let mut key = DerivedKey::new(&LONG[..1024]);
        key.label = label(512);
        let length = key.derive(&secret()).map(|key| key.as_bytes().len());
        assert_eq!(length, Ok(32));
        key.label = label(513);
        assert_eq!(key.derive(&secret()), Err(DeriveError::LabelTooLong));
        assert_eq!(check(|key| key.nonce = b""), Err(DeriveError::NoNonce));
        assert_eq!(
            check(|key| key.nonce = LONG),
            Err(DeriveError::NonceTooLong)
        );
        for length in [0, 7, 16_385] {
            let mut key = DerivedKey::new(b"nonce");
            key.length = length;
            assert_eq!(key.derive(&secret()), Err(DeriveError::Length { length }));
        }
        assert_eq!(check(|key| key.length = 16_384), Ok(16_384));
        let at = |position| {
            let mut key = DerivedKey::new(b"nonce");
            key.position = position;
            key.derive(&secret()).map(|key| key.as_bytes().len())
        };
        assert_eq!(at(Position::Offset(16_384 - 32)), Ok(32));
        assert_eq!(at(Position::Generation(511)), Ok(32));
        for position in [
            Position::Offset(16_384 - 31),
            Position::Offset(usize::MAX),
            Position::Generation(512),
            Position::Generation(usize::MAX),
        ] {
            assert_eq!(at(position), Err(DeriveError::TooFar), "{position:?}");
        }
    }
}
