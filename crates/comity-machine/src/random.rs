use std::fmt;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Unpredictable bytes, reproducible from a seed.
///
/// The embedder takes 32 bytes from the operating system for each machine; a test or a fuzz target
/// passes a constant.
pub struct Random(ChaCha12Rng);

impl Random {
    /// Creates a source whose whole output is decided by `seed`.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// Fills `dest` with the next bytes.
    pub fn fill(&mut self, dest: &mut [u8]) {
        self.0.fill_bytes(dest);
    }

    /// The next `N` bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A number below `bound`, each as likely as every other; 0 if `bound` is 0.
    #[must_use]
    pub fn below(&mut self, bound: u64) -> u64 {
        // The numbers up to the largest multiple of `bound` are cut evenly; draws above it are
        // thrown away, less than half of all.
        let Some(rest) = u64::MAX.checked_rem(bound) else {
            return 0;
        };
        let fair = u64::MAX - rest;
        loop {
            let draw = u64::from_le_bytes(self.bytes());
            if draw < fair {
                return draw % bound;
            }
        }
    }

    /// A seed for another machine, independent of every other output.
    #[must_use]
    pub fn seed(&mut self) -> [u8; 32] {
        self.bytes()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Random").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_the_bytes() {
        let draw = |seed| {
            let mut bytes = [0; 16];
            Random::from_seed([seed; 32]).fill(&mut bytes);
            bytes
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn below_reaches_each_number_and_none_above() {
        let mut random = Random::from_seed([1; 32]);
        let mut seen = [0_u32; 5];
        for _ in 0..1000 {
            seen[usize::try_from(random.below(5)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| count > 150), "{seen:?}");
        assert_eq!(random.below(1), 0);
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn debug_hides_the_state() {
        assert_eq!(format!("{:?}", Random::from_seed([0; 32])), "Random { .. }");
    }
}
