use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use comity_identity::DomainName;

use crate::Address;
use crate::acl::{canonical, mask};

/// How often things may happen: a bucket that holds `burst` tokens and is filled with `per_second`
/// of them every second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "operators write both")]
pub struct Rate {
    /// Tokens that come each second; none makes the burst the last.
    pub per_second: u32,
    /// Tokens that can be saved up.
    pub burst: u32,
}

/// The rates of a server. Default: no bounds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// Of one block of addresses: the /24 of an IPv4 address, the /64 of an IPv6 address.
    pub address_block: Option<Rate>,
    /// Of one remote domain.
    pub domain: Option<Rate>,
    /// Of one stream or connection.
    pub stream: Option<Rate>,
    /// Of one remote user.
    pub user: Option<Rate>,
}

impl Rates {
    /// The rates that are set.
    pub fn iter(&self) -> impl Iterator<Item = (RateKind, Rate)> {
        let kinds = [
            RateKind::AddressBlock,
            RateKind::Domain,
            RateKind::Stream,
            RateKind::User,
        ];
        let rates = *self;
        kinds
            .into_iter()
            .filter_map(move |kind| rates.of(kind).map(|rate| (kind, rate)))
    }

    fn of(&self, kind: RateKind) -> Option<Rate> {
        match kind {
            RateKind::AddressBlock => self.address_block,
            RateKind::Domain => self.domain,
            RateKind::Stream => self.stream,
            RateKind::User => self.user,
        }
    }
}

/// What a bucket is of.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "those that operators set rates for"
)]
pub enum RateKind {
    /// A block of addresses.
    AddressBlock,
    /// A remote domain.
    Domain,
    /// A stream or connection.
    Stream,
    /// A remote user.
    User,
}

impl fmt::Display for RateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressBlock => "address block",
            Self::Domain => "domain",
            Self::Stream => "stream",
            Self::User => "user",
        })
    }
}

/// Who does something that has a rate.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "one field for each rate")]
pub struct RateSource<'a> {
    /// From where it comes.
    pub address: Option<IpAddr>,
    /// Of which domain, if that is proved.
    pub domain: Option<&'a DomainName>,
    /// On which stream, by the composer's number.
    pub stream: Option<u64>,
    /// Of which user, if his domain is proved.
    pub user: Option<&'a Address>,
}

/// Counts what happens against the rates.
///
/// It holds at most the number of buckets that it was made for. A bucket that is full again says
/// no more than one that was never used and gives its place to a new one. When all places are
/// taken by buckets in use, those who come new share one bucket of their kind: a flood from many
/// sources slows down strangers and nobody else.
#[derive(Debug)]
pub struct RateLimiter {
    rates: Rates,
    max_buckets: usize,
    buckets: HashMap<Key, Bucket>,
    /// For those who find no place.
    shared: HashMap<RateKind, Bucket>,
    calls_since_sweep: usize,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Key {
    AddressBlock(IpAddr),
    Domain(DomainName),
    Stream(u64),
    User(Address),
}

/// A refusal, which passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the rate of the {kind} is used up")]
#[non_exhaustive]
pub struct RateExceeded {
    /// Whose rate it is.
    pub kind: RateKind,
    /// When there will be enough again; `None` if there never will be.
    pub retry_after: Option<Duration>,
}

impl RateLimiter {
    /// The number of buckets that most servers do with: some 10 MB.
    pub const DEFAULT_MAX_BUCKETS: usize = 65_536;

    /// A limiter with full buckets.
    #[must_use]
    pub fn new(rates: Rates, max_buckets: usize) -> Self {
        Self {
            rates,
            max_buckets,
            buckets: HashMap::new(),
            shared: HashMap::new(),
            calls_since_sweep: max_buckets,
        }
    }

    /// Replaces the rates. What is in the buckets stays, up to the new burst.
    pub fn set_rates(&mut self, rates: Rates) {
        self.rates = rates;
    }

    /// Takes `cost` tokens from each bucket of the source, or none from any.
    ///
    /// # Errors
    ///
    /// The bucket that makes the source wait longest.
    pub fn take(
        &mut self,
        now: Instant,
        source: &RateSource<'_>,
        cost: u32,
    ) -> Result<(), RateExceeded> {
        self.sweep(now);
        let rated = keys(source).map(|key| {
            let key = key?;
            let rate = self.rates.of(key.kind())?;
            Some((key, rate))
        });
        let refusals = rated.iter().flatten().filter_map(|(key, rate)| {
            let retry_after = self.bucket(key, *rate, now).wait(*rate, cost)?;
            let kind = key.kind();
            Some(RateExceeded { kind, retry_after })
        });
        let longest = |refusal: &RateExceeded| refusal.retry_after.unwrap_or(Duration::MAX);
        if let Some(refusal) = refusals.max_by_key(longest) {
            return Err(refusal);
        }
        for (key, rate) in rated.into_iter().flatten() {
            let mut bucket = self.bucket(&key, rate, now);
            bucket.microtokens -= u64::from(cost) * MICRO;
            if self.buckets.contains_key(&key) || self.buckets.len() < self.max_buckets {
                self.buckets.insert(key, bucket);
            } else {
                self.shared.insert(key.kind(), bucket);
            }
        }
        Ok(())
    }

    /// Forgets a stream that has ended.
    pub fn forget_stream(&mut self, stream: u64) {
        self.buckets.remove(&Key::Stream(stream));
    }

    /// How many buckets there are.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// The bucket of a key as it is now: its own, or the shared one if there is no place.
    fn bucket(&self, key: &Key, rate: Rate, now: Instant) -> Bucket {
        let own = self.buckets.get(key);
        let has_place = self.buckets.len() < self.max_buckets;
        let shared = || self.shared.get(&key.kind()).filter(|_| !has_place);
        match own.or_else(shared) {
            Some(bucket) => bucket.refilled(rate, now),
            None => Bucket::full(rate, now),
        }
    }

    /// Clears full buckets away when all places are taken; not more often than every half as many
    /// calls as there are places, so that each call costs a constant share of it.
    fn sweep(&mut self, now: Instant) {
        self.calls_since_sweep = self.calls_since_sweep.saturating_add(1);
        if self.buckets.len() < self.max_buckets || self.calls_since_sweep <= self.max_buckets / 2 {
            return;
        }
        self.calls_since_sweep = 0;
        let rates = self.rates;
        self.buckets.retain(|key, bucket| {
            let rate = rates.of(key.kind());
            rate.is_some_and(|rate| !bucket.refilled(rate, now).is_full(rate))
        });
    }
}

impl Key {
    fn kind(&self) -> RateKind {
        match self {
            Self::AddressBlock(_) => RateKind::AddressBlock,
            Self::Domain(_) => RateKind::Domain,
            Self::Stream(_) => RateKind::Stream,
            Self::User(_) => RateKind::User,
        }
    }
}

fn keys(source: &RateSource<'_>) -> [Option<Key>; 4] {
    [
        source
            .address
            .map(|address| Key::AddressBlock(block(address))),
        source.domain.map(|domain| Key::Domain(domain.clone())),
        source.stream.map(Key::Stream),
        source.user.map(|user| Key::User(user.clone())),
    ]
}

/// What one customer of a network usually has: a /24 of IPv4, a /64 of IPv6.
fn block(address: IpAddr) -> IpAddr {
    let address = canonical(address);
    let prefix = match address {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 64,
    };
    mask(address, prefix)
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    microtokens: u64,
    updated: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self {
            microtokens: u64::from(rate.burst) * MICRO,
            updated: now,
        }
    }

    fn is_full(self, rate: Rate) -> bool {
        self.microtokens >= u64::from(rate.burst) * MICRO
    }

    /// With what has come since it was looked at the last time.
    fn refilled(self, rate: Rate, now: Instant) -> Self {
        let elapsed = now.saturating_duration_since(self.updated).as_micros();
        let come = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let come = come.saturating_mul(u64::from(rate.per_second));
        let most = u64::from(rate.burst) * MICRO;
        Self {
            microtokens: self.microtokens.saturating_add(come).min(most),
            updated: now.max(self.updated),
        }
    }

    /// How long until `cost` can be taken, and whether ever; `None` if it can be now.
    fn wait(self, rate: Rate, cost: u32) -> Option<Option<Duration>> {
        let cost = u64::from(cost) * MICRO;
        let lacking = cost
            .checked_sub(self.microtokens)
            .filter(|&lacking| lacking > 0)?;
        let never = rate.per_second == 0 || cost > u64::from(rate.burst) * MICRO;
        Some((!never).then(|| Duration::from_micros(lacking.div_ceil(u64::from(rate.per_second)))))
    }
}

/// Millionths of a token: what a rate of one for each second brings in a microsecond.
const MICRO: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use comity_testkit::origin;

    use super::*;

    const TEN: Rate = Rate {
        per_second: 10,
        burst: 20,
    };

    const NOBODY: RateSource<'_> = RateSource {
        address: None,
        domain: None,
        stream: None,
        user: None,
    };

    fn stream(stream: u64) -> RateSource<'static> {
        RateSource {
            stream: Some(stream),
            ..NOBODY
        }
    }

    fn by_stream(rate: Rate) -> Rates {
        Rates {
            stream: Some(rate),
            ..Rates::default()
        }
    }

    fn exceeded(kind: RateKind, retry_after: Option<u64>) -> Result<(), RateExceeded> {
        Err(RateExceeded {
            kind,
            retry_after: retry_after.map(Duration::from_millis),
        })
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = origin();
        let at = |millis| start + Duration::from_millis(millis);
        let mut limiter = RateLimiter::new(by_stream(TEN), 4);
        for _ in 0..20 {
            assert_eq!(limiter.take(start, &stream(1), 1), Ok(()));
        }
        let refused = exceeded(RateKind::Stream, Some(100));
        assert_eq!(limiter.take(start, &stream(1), 1), refused);
        assert_eq!(limiter.take(start, &stream(2), 1), Ok(()), "another stream");
        assert_eq!(
            limiter.take(at(99), &stream(1), 1),
            exceeded(RateKind::Stream, Some(1))
        );
        assert_eq!(limiter.take(at(100), &stream(1), 1), Ok(()));
        assert_eq!(limiter.take(at(100), &stream(1), 1), refused);
        assert_eq!(
            limiter.take(at(60_000), &stream(1), 20),
            Ok(()),
            "no more than a burst"
        );
        assert_eq!(
            limiter.take(at(60_000), &stream(1), 5),
            exceeded(RateKind::Stream, Some(500))
        );
    }

    #[test]
    fn what_can_never_be_is_told() {
        let start = origin();
        let mut limiter = RateLimiter::new(by_stream(TEN), 4);
        assert_eq!(
            limiter.take(start, &stream(1), 21),
            exceeded(RateKind::Stream, None)
        );
        assert_eq!(
            limiter.take(start, &stream(1), 20),
            Ok(()),
            "nothing was taken"
        );
        let once = Rate {
            per_second: 0,
            burst: 1,
        };
        limiter.set_rates(by_stream(once));
        assert_eq!(limiter.take(start, &stream(2), 1), Ok(()));
        assert_eq!(
            limiter.take(start, &stream(2), 1),
            exceeded(RateKind::Stream, None)
        );
    }

    #[test]
    fn all_rates_of_a_source_must_hold_and_none_is_spent_in_vain() {
        let start = origin();
        let domain = DomainName::parse("a.example").unwrap();
        let user: Address = "u@a.example".parse().unwrap();
        let slow = Rate {
            per_second: 1,
            burst: 1,
        };
        let rates = Rates {
            domain: Some(TEN),
            user: Some(slow),
            ..Rates::default()
        };
        let mut limiter = RateLimiter::new(rates, 8);
        let both = RateSource {
            domain: Some(&domain),
            user: Some(&user),
            ..NOBODY
        };
        assert_eq!(limiter.take(start, &both, 1), Ok(()));
        for _ in 0..100 {
            assert_eq!(
                limiter.take(start, &both, 1),
                exceeded(RateKind::User, Some(1000))
            );
        }
        let alone = RateSource {
            domain: Some(&domain),
            ..NOBODY
        };
        assert_eq!(limiter.take(start, &alone, 19), Ok(()), "one was taken");
        assert_eq!(
            limiter.take(start, &NOBODY, 1_000_000),
            Ok(()),
            "nobody has a rate"
        );
    }

    #[test]
    fn addresses_are_counted_by_block() {
        let start = origin();
        let rates = Rates {
            address_block: Some(Rate {
                per_second: 1,
                burst: 1,
            }),
            ..Rates::default()
        };
        let mut limiter = RateLimiter::new(rates, 8);
        let mut take = |address: &str| {
            let source = RateSource {
                address: Some(address.parse().unwrap()),
                ..NOBODY
            };
            limiter.take(start, &source, 1).is_ok()
        };
        assert!(take("192.0.2.1"));
        assert!(!take("192.0.2.200"));
        assert!(!take("::ffff:192.0.2.7"));
        assert!(take("192.0.3.1"));
        assert!(take("2001:db8::1"));
        assert!(!take("2001:db8::ffff:1"));
        assert!(take("2001:db8:0:1::1"));
    }

    #[test]
    fn strangers_share_a_bucket_when_all_places_are_taken() {
        let start = origin();
        let at = |millis| start + Duration::from_millis(millis);
        let mut limiter = RateLimiter::new(by_stream(TEN), 3);
        for id in 1..=3 {
            assert_eq!(limiter.take(start, &stream(id), 20), Ok(()));
        }
        for id in 4..14 {
            assert_eq!(limiter.take(start, &stream(id), 2), Ok(()));
        }
        assert_eq!(limiter.buckets(), 3);
        let refused = exceeded(RateKind::Stream, Some(200));
        assert_eq!(
            limiter.take(start, &stream(99), 2),
            refused,
            "the twenty are gone"
        );
        // When the first three are full again, their places are free.
        assert_eq!(limiter.take(at(2000), &stream(5), 1), Ok(()));
        assert_eq!(limiter.take(at(2000), &stream(6), 1), Ok(()));
        assert_eq!(limiter.take(at(2000), &stream(6), 1), Ok(()));
        assert_eq!(
            limiter.take(at(2000), &stream(6), 18),
            Ok(()),
            "a bucket of its own"
        );
        limiter.forget_stream(6);
        assert_eq!(limiter.take(at(2000), &stream(6), 20), Ok(()));
    }
}
