use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// Hashes under a secret, so that no peer can choose what collides.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(DefaultHasher);

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
