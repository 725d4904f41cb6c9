//! How long a domain is left alone after an attempt to reach it has failed (RFC 6120 §3.3).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use comity_machine::Random;

use super::event::Failure;
use crate::stream::Pair;

/// The pairs whose last attempts have failed.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    pairs: BTreeMap<Pair, Failed>,
}

#[derive(Debug)]
struct Failed {
    /// In a row.
    attempts: u32,
    until: Instant,
    /// When the failures are forgotten.
    forget: Instant,
    failure: Failure,
}

/// The bounds of a wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) first: Duration,
    pub(super) longest: Duration,
    /// How many pairs are remembered.
    pub(super) max_pairs: usize,
}

impl Backoff {
    /// Why a pair is not tried now, and for how long.
    pub(super) fn wait(&self, now: Instant, pair: &Pair) -> Option<(Duration, &Failure)> {
        let failed = self.pairs.get(pair)?;
        let wait = failed.until.checked_duration_since(now)?;
        (wait > Duration::ZERO).then_some((wait, &failed.failure))
    }

    /// Notes one more failure: the wait doubles, and a part of it is left to chance.
    pub(super) fn note(
        &mut self,
        now: Instant,
        pair: &Pair,
        failure: &Failure,
        bounds: Bounds,
        random: &mut Random,
    ) {
        let known = self.pairs.get(pair).filter(|failed| failed.forget > now);
        let attempts = known.map_or(0, |failed| failed.attempts);
        if known.is_none() && self.pairs.len() >= bounds.max_pairs {
            self.pairs.retain(|_, failed| failed.forget > now);
            if self.pairs.len() >= bounds.max_pairs {
                return;
            }
        }
        let wait = bounds
            .first
            .saturating_mul(2_u32.saturating_pow(attempts.min(MAX_DOUBLINGS)))
            .min(bounds.longest);
        let chance = u32::try_from(random.below(1001)).unwrap_or_default();
        let wait = wait / 2 + (wait / 2_000).saturating_mul(chance);
        let (Some(until), Some(forget)) = (
            now.checked_add(wait),
            now.checked_add(bounds.longest.saturating_mul(2)),
        ) else {
            return;
        };
        let failed = Failed {
            attempts: attempts.saturating_add(1),
            until,
            forget,
            failure: failure.clone(),
        };
        self.pairs.insert(pair.clone(), failed);
    }

    /// Forgets the failures of a pair.
    pub(super) fn clear(&mut self, pair: &Pair) {
        self.pairs.remove(pair);
    }
}

/// More would exceed any wait.
const MAX_DOUBLINGS: u32 = 20;
