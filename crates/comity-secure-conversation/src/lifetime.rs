use std::time::Duration;

use rustls_pki_types::UnixTime;

/// What is said of the time of a session, by the response and by our own rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what the rules are made of")]
pub struct Lifetime {
    /// When the session began; `None` is now. A time that is still to come counts as now, or a
    /// clock that is ahead would make the session outlive its maximum.
    pub created: Option<UnixTime>,
    /// When it ends; `None` is the maximum from now on.
    pub expires: Option<UnixTime>,
    /// The longest time between the two. Zero is no maximum; a session of which then nobody says when
    /// it ends has [`Lifetime::DEFAULT_MAXIMUM`]. The default is that too.
    pub maximum: Duration,
    /// How long before its end the session is no longer used, so that what is sent arrives in time.
    pub pre_expiry_age: Duration,
}

impl Lifetime {
    /// Two hours.
    pub const DEFAULT_MAXIMUM: Duration = Duration::from_secs(2 * 60 * 60);

    /// What is said, under the default maximum.
    #[must_use]
    pub const fn new(created: Option<UnixTime>, expires: Option<UnixTime>) -> Self {
        Self {
            created,
            expires,
            maximum: Self::DEFAULT_MAXIMUM,
            pre_expiry_age: Duration::ZERO,
        }
    }

    /// When the session begins and from when on it is not used any more: the same time if nothing is
    /// left of it.
    #[must_use]
    pub fn period(&self, now: UnixTime) -> (UnixTime, UnixTime) {
        let (now, maximum) = (now.as_secs(), self.maximum.as_secs());
        let created = self.created.map_or(now, |time| time.as_secs().min(now));
        let is_limited = !self.maximum.is_zero();
        let unsaid = if is_limited {
            maximum
        } else {
            Self::DEFAULT_MAXIMUM.as_secs()
        };
        let expires = match self.expires {
            Some(time) => time.as_secs(),
            None => now.saturating_add(unsaid),
        };
        let stated = expires.saturating_sub(created);
        let granted = if is_limited {
            stated.min(maximum)
        } else {
            stated
        };
        let used = granted.saturating_sub(whole_seconds(self.pre_expiry_age));
        (unix(created), unix(created.saturating_add(used)))
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::new(None, None)
    }
}

/// A second that has begun counts as one.
fn whole_seconds(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun)
}

fn unix(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;
    const HOUR: i64 = 3600;

    /// The period in seconds from now on. Times that are said are too; the rest is in seconds.
    fn period(
        created: Option<i64>,
        expires: Option<i64>,
        maximum: u64,
        pre_expiry_age: u64,
    ) -> (i64, i64) {
        let at = |seconds: i64| unix(NOW.checked_add_signed(seconds).unwrap());
        let lifetime = Lifetime {
            created: created.map(at),
            expires: expires.map(at),
            maximum: Duration::from_secs(maximum),
            pre_expiry_age: Duration::from_secs(pre_expiry_age),
        };
        let (created, expires) = lifetime.period(unix(NOW));
        let since = |time: UnixTime| i64::try_from(time.as_secs()).unwrap() - NOW as i64;
        (since(created), since(expires))
    }

    #[test]
    fn twenty_minutes_and_a_pre_expiry_age_of_five_are_fifteen() {
        assert_eq!(period(Some(0), Some(1200), 7200, 300), (0, 900));
        assert_eq!(period(None, None, 1200, 300), (0, 900));
        assert_eq!(period(Some(-60), Some(1140), 0, 300), (-60, 840));
    }

    #[test]
    fn what_is_blank_begins_now_and_lasts_for_the_maximum() {
        assert_eq!(period(None, None, 600, 0), (0, 600));
        assert_eq!(period(None, Some(60), 600, 0), (0, 60));
        assert_eq!(period(Some(-60), None, 600, 0), (-60, 540));
        let (_, expires) = Lifetime::default().period(unix(NOW));
        assert_eq!(expires.as_secs(), NOW + 7200);
    }

    #[test]
    fn the_maximum_shortens_and_0_does_not() {
        assert_eq!(period(None, Some(5 * HOUR), 7200, 0), (0, 2 * HOUR));
        assert_eq!(period(None, Some(HOUR), 7200, 0), (0, HOUR));
        assert_eq!(period(None, Some(9000 * HOUR), 0, 0), (0, 9000 * HOUR));
        assert_eq!(period(None, None, 0, 0), (0, 2 * HOUR));
    }

    #[test]
    fn nothing_is_left_of_less_than_nothing() {
        assert_eq!(period(None, Some(60), 7200, 61), (0, 0));
        assert_eq!(period(None, Some(60), 7200, u64::MAX), (0, 0));
        assert_eq!(period(None, Some(-60), 7200, 0), (0, 0));
        assert_eq!(period(Some(-60), Some(-120), 0, 0), (-60, -60));
        assert_eq!(period(Some(-3 * HOUR), None, 7200, 0), (-3 * HOUR, -HOUR));
    }

    #[test]
    fn a_clock_that_is_ahead_does_not_make_a_session_last() {
        assert_eq!(period(Some(60), Some(1260), 7200, 0), (0, 1260));
        assert_eq!(period(Some(9000 * HOUR), None, 7200, 0), (0, 2 * HOUR));
        assert_eq!(
            period(Some(9000 * HOUR), Some(9001 * HOUR), 7200, 0),
            (0, 2 * HOUR)
        );
    }

    #[test]
    fn parts_of_a_second_never_add_to_a_session() {
        let mut lifetime = Lifetime::new(None, Some(unix(NOW + 60)));
        lifetime.pre_expiry_age = Duration::from_millis(1);
        assert_eq!(lifetime.period(unix(NOW)).1, unix(NOW + 59));
        // It is no zero, which would be no maximum.
        lifetime.maximum = Duration::from_millis(999);
        assert_eq!(lifetime.period(unix(NOW)).1, unix(NOW));
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let last = unix(u64::MAX);
        let mut lifetime = Lifetime::new(None, None);
        lifetime.maximum = Duration::MAX;
        assert_eq!(lifetime.period(unix(NOW)), (unix(NOW), last));
        assert_eq!(lifetime.period(last), (last, last));
        lifetime.pre_expiry_age = Duration::MAX;
        assert_eq!(lifetime.period(unix(NOW)), (unix(NOW), unix(NOW)));
    }
}
