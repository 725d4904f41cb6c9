use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, Hasher};

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
}

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.clone()
    }
}
