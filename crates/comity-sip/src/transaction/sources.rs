use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use comity_machine::source_of;

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

/// What one source may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) transactions: u32,
    pub(crate) bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    transactions: u32,
    /// What these keep.
    bytes: usize,
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
        let source = self.sources.get(&source_of(address));
        source.map_or(0, |source| source.transactions)
    }

    /// Counts one more transaction of a source that keeps so many bytes; false if it has its share.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        address: IpAddr,
        bytes: usize,
        share: Share,
    ) -> bool {
        let prefix = source_of(address);
        if let Some(source) = self.sources.get_mut(&prefix) {
            return source.begin(bytes, share);
        }
        let mut source = Source::new(now);
        let is_free = source.begin(bytes, share);
        if is_free {
            self.sources.insert(prefix, source);
        }
        is_free
    }

    /// Notes that a transaction of a source keeps more or less than before.
    pub(crate) fn keep(&mut self, address: IpAddr, before: usize, after: usize) {
        if let Some(source) = self.sources.get_mut(&source_of(address)) {
            source.bytes = source.bytes.saturating_sub(before) + after;
        }
    }

    /// Counts one transaction less, which has kept so many bytes.
    pub(crate) fn end(&mut self, now: Instant, address: IpAddr, bytes: usize) {
        let prefix = source_of(address);
        if let Some(source) = self.sources.get_mut(&prefix) {
            source.transactions = source.transactions.saturating_sub(1);
            source.bytes = source.bytes.saturating_sub(bytes);
            if source.is_idle(now) {
                self.sources.remove(&prefix);
            }
        }
    }

    /// Whether a source may get one more answer for which nothing is kept, and counts it.
    pub(crate) fn may_answer(&mut self, now: Instant, address: IpAddr) -> bool {
        let prefix = source_of(address);
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
        let source = self
            .sources
            .entry(prefix)
            .or_insert_with(|| Source::new(now));
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
    fn new(now: Instant) -> Self {
        Self {
            transactions: 0,
            bytes: 0,
            paid: now,
        }
    }

    fn begin(&mut self, bytes: usize, share: Share) -> bool {
        let bytes = self.bytes + bytes;
        let is_free = self.transactions < share.transactions && bytes <= share.bytes;
        if is_free {
            self.transactions += 1;
            self.bytes = bytes;
        }
        is_free
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.transactions == 0 && self.paid <= now
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
            assert!(sources.begin(now, address.parse().unwrap(), 10, SHARE));
        }
        assert_eq!(sources.len(), 3);
        assert_eq!(sources.transactions("2001:db8::7".parse().unwrap()), 2);
        assert_eq!(sources.transactions("192.0.2.1".parse().unwrap()), 2);
        assert_eq!(sources.transactions("192.0.2.2".parse().unwrap()), 0);
        assert!(!sources.begin(now, addresses[0].parse().unwrap(), 10, SHARE));
        for address in addresses {
            sources.end(now, address.parse().unwrap(), 10);
        }
        assert_eq!(sources.len(), 0);
    }

    #[test]
    fn what_a_source_keeps_is_counted_until_it_is_given_up() {
        let now = origin();
        let mut sources = sources(10);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|it| it.parse::<IpAddr>().unwrap());
        assert!(!sources.begin(now, one, 101, SHARE));
        assert_eq!(sources.len(), 0);
        assert!(sources.begin(now, one, 100, SHARE));
        assert!(!sources.begin(now, one, 1, SHARE));
        assert!(sources.begin(now, other, 100, SHARE));
        sources.keep(one, 100, 99);
        assert!(sources.begin(now, one, 1, SHARE));
        sources.end(now, one, 99);
        assert!(!sources.begin(now, one, 100, SHARE));
        assert!(sources.begin(now, one, 99, SHARE));
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

    const SHARE: Share = Share {
        transactions: 2,
        bytes: 100,
    };

    fn sources(max: usize) -> Sources {
        Sources::new(Seeded::new([1; 32]), max, 10, 20)
    }
}
