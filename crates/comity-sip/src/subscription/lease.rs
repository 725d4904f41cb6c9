use std::time::Duration;

use comity_machine::Random;

use crate::Response;
use crate::header::{Expires, MinExpires};

/// For how long something is asked for, and when again: what subscriptions and publications of ours
/// have in common.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    expires: Duration,
    /// Tries that failed since it was last granted.
    failures: u32,
    /// The other side said once that the time is too short.
    is_longer: bool,
}

impl Lease {
    pub(super) fn new(expires: Duration) -> Self {
        Self {
            expires,
            failures: 0,
            is_longer: false,
        }
    }

    /// For how long it is asked for.
    pub(super) fn expires(&self) -> Duration {
        self.expires
    }

    /// For how long a 2xx grants it: what it says, or what was asked for.
    pub(super) fn granted(&self, response: &Response) -> Duration {
        let granted = response.headers().optional::<Expires>().ok().flatten();
        let seconds = granted.and_then(Expires::seconds);
        seconds.map_or(self.expires, |seconds| Duration::from_secs(seconds.into()))
    }

    /// Notes that it came about.
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Asks from now on for the time that a 423 names (RFC 6665 §4.2.1.1, RFC 3903 §4.5); false if it
    /// names none that is longer, or another one came before.
    pub(super) fn lengthen(&mut self, response: &Response) -> bool {
        let least = response.headers().optional::<MinExpires>().ok().flatten();
        let least = least.and_then(MinExpires::seconds).unwrap_or_default();
        let least = Duration::from_secs(least.into());
        if least <= self.expires || self.is_longer {
            return false;
        }
        self.expires = least;
        self.is_longer = true;
        true
    }

    /// How long to wait before it is refreshed, when it was granted for this time.
    pub(super) fn refresh_wait(&self, granted: Duration, random: &mut Random) -> Duration {
        refresh_wait(granted.min(self.expires), random)
    }

    /// How long to wait before it is asked for anew, after a try that failed.
    pub(super) fn wait_after_failure(&mut self, random: &mut Random) -> Duration {
        self.failures = self.failures.saturating_add(1);
        retry_wait(self.failures, random)
    }

    /// The same after the other side has ended it: what it wants happens at once, but not again and
    /// again.
    pub(super) fn wait_after_end(&mut self, random: &mut Random) -> Duration {
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        retry_wait(failures, random)
    }
}

/// When something that lasts for `expires` is refreshed: at a random time from 60 to 90 % of it, so
/// that what began together does not come together again.
fn refresh_wait(expires: Duration, random: &mut Random) -> Duration {
    let share = 600 + u32::try_from(random.below(301)).unwrap_or_default();
    expires.max(SHORTEST).saturating_mul(share) / 1000
}

/// Nothing is refreshed more often than this allows, whatever the other side grants.
const SHORTEST: Duration = Duration::from_secs(10);

/// How long to wait before the next try after some that failed: nothing at first, then twice as long
/// each time from one second to five minutes, of which the last half is left to chance.
fn retry_wait(failures: u32, random: &mut Random) -> Duration {
    let Some(doubled) = failures.checked_sub(1) else {
        return Duration::ZERO;
    };
    let longest = Duration::from_secs(1).saturating_mul(1 << doubled.min(9));
    spread(longest.min(Duration::from_secs(300)), random)
}

/// A random time in the last half of a time.
fn spread(longest: Duration, random: &mut Random) -> Duration {
    let half = longest / 2;
    let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX - 1);
    half + Duration::from_millis(random.below(millis.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Message};

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
    fn a_time_that_is_too_short_is_made_longer_once() {
        let mut lease = Lease::new(Duration::from_secs(60));
        for (least, is_longer, expires) in [
            ("", false, 60),
            ("Min-Expires: x\r\n", false, 60),
            ("Min-Expires: 4294967296\r\n", false, 60),
            ("Min-Expires: 60\r\n", false, 60),
            ("Min-Expires: 90\r\n", true, 90),
            ("Min-Expires: 120\r\n", false, 90),
        ] {
            assert_eq!(lease.lengthen(&response(least)), is_longer, "{least}");
            assert_eq!(lease.expires(), Duration::from_secs(expires));
        }
    }

    #[test]
    fn what_is_granted_without_a_time_or_for_longer_is_what_was_asked_for() {
        let lease = Lease::new(Duration::from_secs(10_000));
        let mut random = Random::from_seed([3; 32]);
        for (line, granted, most) in [
            ("", 10_000, 9_000),
            ("Expires: 4294967296\r\n", 10_000, 9_000),
            ("Expires: 1000\r\n", 1_000, 900),
            ("Expires: 20000\r\n", 20_000, 9_000),
        ] {
            let granted_in = lease.granted(&response(line));
            assert_eq!(granted_in, Duration::from_secs(granted), "{line}");
            let wait = lease.refresh_wait(granted_in, &mut random);
            assert!(wait <= Duration::from_secs(most), "{line} {wait:?}");
        }
    }

    #[test]
    fn an_end_is_followed_at_once_and_then_as_late_as_a_failure() {
        let mut random = Random::from_seed([4; 32]);
        let mut lease = Lease::new(Duration::from_secs(60));
        assert_eq!(lease.wait_after_end(&mut random), Duration::ZERO);
        let wait = lease.wait_after_end(&mut random);
        assert!((500..=1_000).contains(&wait.as_millis()), "{wait:?}");
        let wait = lease.wait_after_failure(&mut random);
        assert!((2_000..=4_000).contains(&wait.as_millis()), "{wait:?}");
        lease.succeed();
        let wait = lease.wait_after_failure(&mut random);
        assert!((500..=1_000).contains(&wait.as_millis()), "{wait:?}");
    }

    fn response(line: &str) -> Response {
        let bytes = format!("SIP/2.0 200 OK\r\n{line}\r\n");
        match Message::from_datagram(bytes.into_bytes().into(), &Limits::default()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
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
