use std::time::Duration;

/// The times of the transaction layer (RFC 3261 §17, Table 4).
///
/// ```
/// use std::time::Duration;
/// use comity_sip::Timing;
///
/// let mut timing = Timing::default();
/// timing.t1 = Duration::from_millis(100);
/// assert_eq!(timing.timeout(), Duration::from_millis(6_400));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// How long a round trip may take, 500 ms by default. All times of retransmission grow from it.
    pub t1: Duration,
    /// The longest interval between retransmissions of a request other than INVITE, and of a final
    /// response to an INVITE; 4 s by default.
    pub t2: Duration,
    /// How long a message may stay in the network, 5 s by default.
    pub t4: Duration,
    /// How long the client of an INVITE that was answered by no 2xx takes up repeated answers over
    /// an unreliable transport (Timer D), at least 32 s, which is the default.
    pub timer_d: Duration,
    /// How long an INVITE may ring: without a new provisional response for this time the client
    /// cancels it (Timer C), and a server that was given no answer by then answers 408. It must be
    /// above three minutes; 181 s by default.
    pub timer_c: Duration,
    /// When the server of an INVITE sends 100 itself (RFC 3261 §17.2.1), 200 ms by default.
    pub trying: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            timer_d: Duration::from_secs(32),
            timer_c: Duration::from_secs(181),
            trying: Duration::from_millis(200),
        }
    }
}

impl Timing {
    /// When an exchange is given up: 64*T1 (Timers B, F, H, J, L, M and N).
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// How long the client of a failed INVITE stays over an unreliable transport.
    pub(crate) fn linger(&self) -> Duration {
        self.timer_d.max(self.timeout())
    }

    /// The interval behind this one, where it grows to T2.
    pub(crate) fn next_interval(&self, interval: Duration) -> Duration {
        let doubled = interval.saturating_add(interval).min(self.t2);
        doubled.max(SHORTEST)
    }

    /// How long it takes until the retransmissions of a client have an interval of T2: not before is
    /// 100 the answer to a request other than INVITE (RFC 4320 §4.1).
    pub(crate) fn until_t2(&self) -> Duration {
        let mut until = Duration::ZERO;
        let mut interval = self.t1.min(self.t2);
        while interval < self.t2 && !interval.is_zero() {
            until = until.saturating_add(interval);
            interval = self.next_interval(interval);
        }
        until
    }
}

/// No interval is shorter, whatever is configured.
const SHORTEST: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_table_4() {
        let timing = Timing::default();
        assert_eq!(timing.timeout(), Duration::from_secs(32));
        assert_eq!(timing.linger(), Duration::from_secs(32));
        assert_eq!(timing.until_t2(), Duration::from_millis(3_500));
    }

    #[test]
    fn the_time_until_t2_follows_the_intervals() {
        let mut timing = Timing::default();
        for (t1, t2, until) in [
            (500, 4_000, 3_500),
            (1_000, 4_000, 3_000),
            (300, 4_000, 300 + 600 + 1_200 + 2_400),
            (4_000, 4_000, 0),
            (8_000, 4_000, 0),
            (0, 4_000, 0),
        ] {
            timing.t1 = Duration::from_millis(t1);
            timing.t2 = Duration::from_millis(t2);
            assert_eq!(timing.until_t2(), Duration::from_millis(until), "{t1} {t2}");
        }
    }
}
