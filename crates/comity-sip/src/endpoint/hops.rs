use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::Transport;

/// The next hops that asked to be left alone (RFC 3261 §21.5.4), each for a time.
#[derive(Debug)]
pub(crate) struct Hops {
    unavailable: BTreeMap<(Transport, SocketAddr), Instant>,
    max: usize,
    longest: Duration,
}

impl Hops {
    pub(crate) fn new(max: usize, longest: Duration) -> Self {
        Self {
            unavailable: BTreeMap::new(),
            max,
            longest,
        }
    }

    /// Keeps away from a hop. When too many are known, the one that is over first is forgotten.
    pub(crate) fn avoid(&mut self, now: Instant, hop: (Transport, SocketAddr), wait: Duration) {
        let Some(until) = now.checked_add(wait.min(self.longest)) else {
            return;
        };
        self.unavailable.retain(|_, until| *until > now);
        if self.unavailable.len() >= self.max && !self.unavailable.contains_key(&hop) {
            let first = self.unavailable.iter().min_by_key(|&(_, until)| until);
            let Some(first) = first.map(|(&hop, _)| hop) else {
                return;
            };
            self.unavailable.remove(&first);
        }
        let known = self.unavailable.entry(hop).or_insert(until);
        *known = until.max(*known);
    }

    /// For how long a hop is still unavailable.
    pub(crate) fn wait(&self, now: Instant, hop: (Transport, SocketAddr)) -> Option<Duration> {
        let until = self.unavailable.get(&hop)?;
        until
            .checked_duration_since(now)
            .filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use comity_testkit::origin;

    use super::*;

    #[test]
    fn a_hop_is_avoided_for_its_time_and_no_longer() {
        let now = origin();
        let mut hops = Hops::new(2, seconds(300));
        hops.avoid(now, hop(1), seconds(10));
        hops.avoid(now, hop(1), seconds(5));
        assert_eq!(hops.wait(now, hop(1)), Some(seconds(10)));
        assert_eq!(hops.wait(now + seconds(4), hop(1)), Some(seconds(6)));
        assert_eq!(hops.wait(now + seconds(10), hop(1)), None);
        assert_eq!(hops.wait(now, hop(2)), None);
        hops.avoid(now, hop(2), seconds(9_999));
        assert_eq!(hops.wait(now, hop(2)), Some(seconds(300)));
    }

    #[test]
    fn of_too_many_the_first_to_be_over_is_forgotten() {
        let now = origin();
        let mut hops = Hops::new(2, seconds(300));
        for (port, wait) in [(1, 20), (2, 10), (3, 30)] {
            hops.avoid(now, hop(port), seconds(wait));
        }
        let known = [1, 2, 3].map(|port| hops.wait(now, hop(port)));
        assert_eq!(known, [Some(seconds(20)), None, Some(seconds(30))]);
    }

    fn hop(port: u16) -> (Transport, SocketAddr) {
        (Transport::Tcp, ([192, 0, 2, 1], port).into())
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }
}
