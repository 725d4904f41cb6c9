use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::hash::Seeded;

/// What is counted for each source: an IPv4 address, or the 64 leading bits of an IPv6 address, which
/// is what one host can have for itself.
#[derive(Debug)]
pub(crate) struct Sources {
    sources: HashMap<IpAddr, Source, Seeded>,
    /// How many sources are remembered at once.
    max: usize,
    /// The answers outside of transactions that a source gets for each second, and at once.
    rate: u32,
    burst: u32,
    /// When those without anything may be looked for again.
    next_sweep: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    transactions: u32,
    /// When all answers that were given will be made up for.
    paid: Instant,
}

impl Sources {
    pub(crate) fn new(hash: Seeded, max: usize, rate: u32, burst: u32) -> Self {
        Self {
            sources: HashMap::with_hasher(hash),
            max,
            rate,
            burst,
            next_sweep: None,
        }
    }

    /// How many transactions a source has.
    #[cfg(test)]
    pub(crate) fn transactions(&self, address: IpAddr) -> u32 {
        let source = self.sources.get(&prefix(address));
        source.map_or(0, |source| source.transactions)
    }

    /// Counts one more transaction of a source; false if it has as many as it may have.
    pub(crate) fn begin(&mut self, now: Instant, address: IpAddr, max: u32) -> bool {
        if max == 0 {
            return false;
        }
        let source = self.sources.entry(prefix(address)).or_insert(Source {
            transactions: 0,
            paid: now,
        });
        let is_free = source.transactions < max;
        source.transactions += u32::from(is_free);
        is_free
    }

    pub(crate) fn end(&mut self, now: Instant, address: IpAddr) {
        let prefix = prefix(address);
        if let Some(source) = self.sources.get_mut(&prefix) {
            source.transactions = source.transactions.saturating_sub(1);
            if source.is_idle(now) {
                self.sources.remove(&prefix);
            }
        }
    }

    /// Whether a source may get one more answer for which nothing is kept, and counts it.
    pub(crate) fn may_answer(&mut self, now: Instant, address: IpAddr) -> bool {
        let prefix = prefix(address);
        if self.rate == 0 {
            return false;
        }
        let cost = Duration::from_secs(1) / self.rate;
        if !self.sources.contains_key(&prefix) && self.sources.len() >= self.max {
            if self.next_sweep.is_none_or(|next| next <= now) {
                self.sources.retain(|_, source| !source.is_idle(now));
                self.next_sweep = Some(now + cost);
            }
            if self.sources.len() >= self.max {
                return false;
            }
        }
        let source = self.sources.entry(prefix).or_insert(Source {
            transactions: 0,
            paid: now,
        });
        let paid = source.paid.max(now) + cost;
        if paid > now + cost * self.burst {
            return false;
        }
        source.paid = paid;
        true
    }

    /// How many sources are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }
}

impl Source {
    fn is_idle(&self, now: Instant) -> bool {
        self.transactions == 0 && self.paid <= now
    }
}

/// The source of an address.
pub(crate) fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from(u32::from(address))),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use comity_testkit::origin;

    use super::*;

    #[test]
    fn a_host_is_one_source_whatever_its_address() {
        let now = origin();
        let mut sources = sources(10);
        let addresses = [
            "2001:db8::1",
            "2001:db8::ffff:1",
            "2001:db8:0:1::1",
            "192.0.2.1",
            "::ffff:192.0.2.1",
        ];
        for address in addresses {
            assert!(sources.begin(now, address.parse().unwrap(), 2));
        }
        assert_eq!(sources.len(), 3);
        assert_eq!(sources.transactions("2001:db8::7".parse().unwrap()), 2);
        assert_eq!(sources.transactions("192.0.2.1".parse().unwrap()), 2);
        assert_eq!(sources.transactions("192.0.2.2".parse().unwrap()), 0);
        assert!(!sources.begin(now, addresses[0].parse().unwrap(), 2));
        for address in addresses {
            sources.end(now, address.parse().unwrap());
        }
        assert_eq!(sources.len(), 0);
    }

    #[test]
    fn answers_come_in_bursts_and_then_at_their_rate() {
        let start = origin();
        let mut sources = sources(10);
        let address = "192.0.2.1".parse().unwrap();
        let burst = (0..100)
            .filter(|_| sources.may_answer(start, address))
            .count();
        assert_eq!(burst, 20);
        let later = start + Duration::from_millis(500);
        let burst = (0..100)
            .filter(|_| sources.may_answer(later, address))
            .count();
        assert_eq!(burst, 5);
        assert!(sources.may_answer(start, "192.0.2.2".parse().unwrap()));
    }

    #[test]
    fn sources_without_anything_are_forgotten_and_the_others_are_few() {
        let start = origin();
        let mut sources = sources(4);
        let answered = |sources: &mut Sources, now, hosts: std::ops::Range<u8>| {
            let addresses = hosts.map(|host| IpAddr::from([192, 0, 2, host]));
            addresses
                .filter(|&address| sources.may_answer(now, address))
                .count()
        };
        assert_eq!(answered(&mut sources, start, 0..9), 4);
        assert_eq!(sources.len(), 4);
        let later = start + Duration::from_secs(1);
        assert_eq!(answered(&mut sources, later, 10..19), 4);
        assert_eq!(sources.len(), 4);
    }

    fn sources(max: usize) -> Sources {
        Sources::new(Seeded::new([1; 32]), max, 10, 20)
    }
}
