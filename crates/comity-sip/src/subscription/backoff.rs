use std::time::Duration;

use comity_machine::Random;

/// When something that lasts for `expires` is refreshed: at a random time from 60 to 90 % of it, so
/// that what began together does not come together again.
pub(crate) fn refresh_wait(expires: Duration, random: &mut Random) -> Duration {
    let share = 600 + u32::try_from(random.below(301)).unwrap_or_default();
    expires.max(SHORTEST).saturating_mul(share) / 1000
}

/// Nothing is refreshed more often than this allows, whatever the other side grants.
const SHORTEST: Duration = Duration::from_secs(10);

/// How long to wait before the next try after some that failed: nothing at first, then twice as long
/// each time from one second to five minutes, of which the last half is left to chance.
pub(crate) fn retry_wait(failures: u32, random: &mut Random) -> Duration {
    let Some(doubled) = failures.checked_sub(1) else {
        return Duration::ZERO;
    };
    let longest = Duration::from_secs(1).saturating_mul(1 << doubled.min(9));
    spread(longest.min(Duration::from_secs(300)), random)
}

/// A random time in the last half of a time.
pub(crate) fn spread(longest: Duration, random: &mut Random) -> Duration {
    let half = longest / 2;
    let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX - 1);
    half + Duration::from_millis(random.below(millis.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_comes_at_60_to_90_percent() {
        let mut random = Random::from_seed([1; 32]);
        let waits: Vec<_> = (0..2_000)
            .map(|_| refresh_wait(Duration::from_secs(1_000), &mut random))
            .collect();
        assert_eq!(waits.iter().min(), Some(&Duration::from_secs(600)));
        assert_eq!(waits.iter().max(), Some(&Duration::from_secs(900)));
    }

    #[test]
    fn tries_come_ever_later_up_to_five_minutes() {
        let mut random = Random::from_seed([2; 32]);
        assert_eq!(retry_wait(0, &mut random), Duration::ZERO);
        for (failures, longest) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (u32::MAX, 300)] {
            let longest = Duration::from_secs(longest);
            for _ in 0..200 {
                let wait = retry_wait(failures, &mut random);
                assert!(
                    wait >= longest / 2 && wait <= longest,
                    "{failures}: {wait:?}"
                );
            }
        }
    }
}
