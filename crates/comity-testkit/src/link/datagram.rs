use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use comity_machine::Random;

use super::End;
use super::stream::drawn;

/// A path for datagrams, like UDP.
#[derive(Debug)]
pub struct Datagrams {
    plan: DatagramPlan,
    random: Random,
    /// By arrival; the number keeps the order of those that arrive at the same time.
    under_way: BTreeMap<(Instant, u64), (End, Vec<u8>)>,
    sent: u64,
}

/// How [`Datagrams`] travel.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests write it as a literal")]
pub struct DatagramPlan {
    /// How long each takes at least; 20 ms by default.
    pub latency: Duration,
    /// What one may take longer, drawn for each, so that a later one overtakes it; none by default.
    pub jitter: Duration,
    /// How many in a thousand are lost; none by default.
    pub lost_per_mille: u16,
    /// How many in a thousand arrive twice, each time with a jitter of its own; none by default.
    pub doubled_per_mille: u16,
}

impl Datagrams {
    /// A path without anything under way.
    #[must_use]
    pub fn new(plan: DatagramPlan, seed: [u8; 32]) -> Self {
        Self {
            plan,
            random: Random::from_seed(seed),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Sends one datagram from an end.
    pub fn send(&mut self, now: Instant, from: End, datagram: &[u8]) {
        let lost = self.happens(self.plan.lost_per_mille);
        let doubled = self.happens(self.plan.doubled_per_mille);
        let copies = match (lost, doubled) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        for _ in 0..copies {
            let due = now + self.plan.latency + drawn(&mut self.random, self.plan.jitter);
            let arrival = (from.other(), datagram.to_vec());
            self.under_way.insert((due, self.sent), arrival);
            self.sent += 1;
        }
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_delivery(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|(&(due, _), _)| due)
    }

    /// Takes the earliest datagram that is due at `now`, and says whose it is.
    pub fn deliver(&mut self, now: Instant) -> Option<(End, Vec<u8>)> {
        let next = self.under_way.first_entry()?;
        let &(due, _) = next.key();
        (due <= now).then(|| next.remove())
    }

    fn happens(&mut self, per_mille: u16) -> bool {
        self.random.below(1000) < u64::from(per_mille)
    }
}

impl Default for DatagramPlan {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::ZERO,
            lost_per_mille: 0,
            doubled_per_mille: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin;

    /// What arrives of the numbers 0 to 999, sent in order.
    fn arrivals(plan: DatagramPlan, seed: u8) -> Vec<u16> {
        let start = origin();
        let mut path = Datagrams::new(plan, [seed; 32]);
        for number in 0..1000_u16 {
            path.send(start, End::A, &number.to_be_bytes());
        }
        let mut arrived = Vec::new();
        let mut earlier = start + plan.latency;
        while let Some(now) = path.next_delivery() {
            assert!(now >= earlier && now <= start + plan.latency + plan.jitter);
            earlier = now;
            assert_eq!(path.deliver(now - Duration::from_nanos(1)), None);
            let (end, bytes) = path.deliver(now).unwrap();
            assert_eq!(end, End::B);
            arrived.push(u16::from_be_bytes(bytes.try_into().unwrap()));
        }
        arrived
    }

    #[test]
    fn a_calm_path_keeps_the_order_and_loses_nothing() {
        let all: Vec<u16> = (0..1000).collect();
        assert_eq!(arrivals(DatagramPlan::default(), 1), all);
    }

    #[test]
    fn jitter_reorders_without_loss() {
        let plan = DatagramPlan {
            jitter: Duration::from_millis(5),
            ..DatagramPlan::default()
        };
        let mut arrived = arrivals(plan, 1);
        assert_eq!(arrived, arrivals(plan, 1));
        assert_ne!(arrived, arrivals(plan, 2));
        assert!(!arrived.is_sorted());
        arrived.sort_unstable();
        assert_eq!(arrived, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn loss_and_doubles_come_about_as_often_as_planned() {
        let plan = DatagramPlan {
            lost_per_mille: 300,
            ..DatagramPlan::default()
        };
        let count = arrivals(plan, 1).len();
        assert!((650..750).contains(&count), "{count}");
        let plan = DatagramPlan {
            doubled_per_mille: 300,
            ..DatagramPlan::default()
        };
        let count = arrivals(plan, 1).len();
        assert!((1250..1350).contains(&count), "{count}");
        let plan = DatagramPlan {
            lost_per_mille: 1000,
            ..DatagramPlan::default()
        };
        assert_eq!(arrivals(plan, 1), []);
    }
}
