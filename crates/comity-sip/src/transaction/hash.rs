use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};

/// Hashes under a secret, so that no peer can choose what collides.
#[derive(Clone)]
pub(crate) struct Seeded(DefaultHasher);

impl fmt::Debug for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The state of the hasher is the secret.
        f.debug_struct("Seeded").finish_non_exhaustive()
    }
}

impl Seeded {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&secret);
        Self(hasher)
    }

    pub(crate) fn of_bytes(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.clone()
    }
}

/// Two hashes of the same bytes under two secrets: so long that no two requests ever have the same,
/// and nobody who does not know the secrets can make two that do.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprints {
    left: Seeded,
    right: Seeded,
}

/// What [`Fingerprints`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint {
    left: u64,
    right: u64,
}

impl Fingerprints {
    pub(crate) fn new(left: Seeded, right: Seeded) -> Self {
        Self { left, right }
    }

    pub(crate) fn of(&self, bytes: &[u8]) -> Fingerprint {
        Fingerprint {
            left: self.left.of_bytes(bytes),
            right: self.right.of_bytes(bytes),
        }
    }
}

/// The hash of keys that are hashes under a secret: each of their bits is as good as any.
pub(crate) type Hashed = BuildHasherDefault<AsItIs>;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(7) ^ number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_follows_from_the_bytes_and_from_both_secrets() {
        let make = |left, right| {
            let seeded = |secret| Seeded::new([secret; 32]);
            Fingerprints::new(seeded(left), seeded(right)).of(b"z9hG4bK")
        };
        assert_eq!(make(1, 2), make(1, 2));
        for (left, right) in [(1, 3), (3, 2)] {
            assert_ne!(make(1, 2), make(left, right));
        }
        let other = Fingerprints::new(Seeded::new([1; 32]), Seeded::new([2; 32])).of(b"z9hG4bk");
        assert!(make(1, 2).left != other.left && make(1, 2).right != other.right);
    }
}
