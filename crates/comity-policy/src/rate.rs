use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use comity_identity::DomainName;

use crate::Address;
use crate::acl::{canonical, mask};

/// How often things may happen: a bucket that holds `burst` tokens and is filled with `per_second`
/// of them every second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "operators write both")]
pub struct Rate {
    /// Tokens that come each second.
    pub per_second: NonZeroU32,
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
        let rates = *self;
        KINDS
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

/// All kinds.
const KINDS: [RateKind; 4] = [
    RateKind::AddressBlock,
    RateKind::Domain,
    RateKind::Stream,
    RateKind::User,
];

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
/// For each kind it holds at most the number of buckets that it was made for. A bucket that is full
/// again says no more than one that was never used and gives its place to a new one. When all places
/// of a kind are taken by buckets in use, those who come new share one bucket: a flood from many
/// sources slows down strangers, and who has a bucket of his own keeps it while he uses it.
#[derive(Debug)]
pub struct RateLimiter {
    rates: Rates,
    /// In the order of [`KINDS`].
    pools: [Pool; 4],
}

/// The buckets of one kind.
#[derive(Debug, Default)]
struct Pool {
    max_buckets: usize,
    buckets: HashMap<Key, Bucket>,
    /// For those who find no place.
    shared: Option<Bucket>,
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
    /// When there will be enough again; `None` if there never will be, because a burst is less.
    pub retry_after: Option<Duration>,
}

impl RateLimiter {
    /// The number of buckets of each kind that most servers do with. A bucket takes some 100 bytes,
    /// and that of a user the length of his address besides.
    pub const DEFAULT_MAX_BUCKETS: usize = 16_384;

    /// A limiter with full buckets.
    #[must_use]
    pub fn new(rates: Rates, max_buckets: usize) -> Self {
        let pool = || Pool {
            max_buckets,
            // The first sweep need not wait.
            calls_since_sweep: max_buckets,
            ..Pool::default()
        };
        Self {
            rates,
            pools: [pool(), pool(), pool(), pool()],
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
        let kinds = KINDS.into_iter().zip(keys(source)).zip(&mut self.pools);
        let rated = kinds.filter_map(|((kind, key), pool)| {
            let rate = self.rates.of(kind)?;
            let key = key?;
            pool.sweep(rate, now);
            let bucket = pool.bucket(&key, rate, now);
            Some((kind, key, rate, bucket, pool))
        });
        // Each kind has buckets of its own, so that taking from one changes no other.
        let mut taken: [Option<_>; 4] = [const { None }; 4];
        let mut refusal: Option<RateExceeded> = None;
        for ((kind, key, rate, bucket, pool), place) in rated.zip(&mut taken) {
            match bucket.take(rate, cost) {
                Ok(left) => *place = Some((key, left, pool)),
                Err(retry_after) => {
                    let found = RateExceeded { kind, retry_after };
                    refusal = Some(refusal.map_or(found, |earlier| longer(earlier, found)));
                }
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        for (key, left, pool) in taken.into_iter().flatten() {
            pool.put(key, left);
        }
        Ok(())
    }

    /// Forgets a stream that has ended.
    pub fn forget_stream(&mut self, stream: u64) {
        for pool in &mut self.pools {
            pool.buckets.remove(&Key::Stream(stream));
        }
    }

    /// How many buckets there are, of all kinds.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.pools.iter().map(|pool| pool.buckets.len()).sum()
    }
}

/// Of two refusals the one that lasts longer.
fn longer(one: RateExceeded, other: RateExceeded) -> RateExceeded {
    let wait = |refusal: &RateExceeded| refusal.retry_after.unwrap_or(Duration::MAX);
    if wait(&other) > wait(&one) {
        other
    } else {
        one
    }
}

impl Pool {
    /// The bucket of a key as it is now: its own, or the shared one if there is no place.
    fn bucket(&self, key: &Key, rate: Rate, now: Instant) -> Bucket {
        let own = self.buckets.get(key);
        let shared = self.shared.as_ref().filter(|_| !self.has_place());
        match own.or(shared) {
            Some(bucket) => bucket.refilled(rate, now),
            None => Bucket::full(rate, now),
        }
    }

    fn put(&mut self, key: Key, bucket: Bucket) {
        if self.has_place() || self.buckets.contains_key(&key) {
            self.buckets.insert(key, bucket);
        } else {
            self.shared = Some(bucket);
        }
    }

    fn has_place(&self) -> bool {
        self.buckets.len() < self.max_buckets
    }

    /// Clears full buckets away when all places are taken; not more often than every half as many
    /// calls as there are places, so that each call costs a constant share of it.
    fn sweep(&mut self, rate: Rate, now: Instant) {
        self.calls_since_sweep = self.calls_since_sweep.saturating_add(1);
        if self.has_place() || self.calls_since_sweep <= self.max_buckets / 2 {
            return;
        }
        self.calls_since_sweep = 0;
        self.buckets
            .retain(|_, bucket| !bucket.refilled(rate, now).is_full(rate));
    }
}

/// The keys of a source, in the order of [`KINDS`].
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
        let come = come.saturating_mul(u64::from(rate.per_second.get()));
        let most = u64::from(rate.burst) * MICRO;
        Self {
            microtokens: self.microtokens.saturating_add(come).min(most),
            updated: now.max(self.updated),
        }
    }

    /// What is left when `cost` was taken, or how long until it can be, if ever.
    fn take(self, rate: Rate, cost: u32) -> Result<Self, Option<Duration>> {
        let cost = u64::from(cost) * MICRO;
        if let Some(microtokens) = self.microtokens.checked_sub(cost) {
            return Ok(Self {
                microtokens,
                updated: self.updated,
            });
        }
        let never = cost > u64::from(rate.burst) * MICRO;
        let lacking = cost.saturating_sub(self.microtokens);
        let wait = lacking.div_ceil(u64::from(rate.per_second.get()));
        Err((!never).then(|| Duration::from_micros(wait)))
    }
}

/// Millionths of a token: what a rate of one for each second brings in a microsecond.
const MICRO: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use comity_testkit::origin;

    use super::*;

    const fn rate(per_second: u32, burst: u32) -> Rate {
        let per_second = NonZeroU32::new(per_second).unwrap();
        Rate { per_second, burst }
    }

    const TEN: Rate = rate(10, 20);

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
    }

    #[test]
    fn all_rates_of_a_source_must_hold_and_none_is_spent_in_vain() {
        let start = origin();
        let domain = DomainName::parse("a.example").unwrap();
        let user: Address = "u@a.example".parse().unwrap();
        let slow = rate(1, 1);
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
            address_block: Some(rate(1, 1)),
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

    #[test]
    fn a_flood_of_one_kind_leaves_the_others_alone_and_nothing_is_taken_twice() {
        let start = origin();
        let domain = DomainName::parse("a.example").unwrap();
        let rates = Rates {
            domain: Some(TEN),
            stream: Some(rate(1, 1)),
            ..Rates::default()
        };
        let mut limiter = RateLimiter::new(rates, 2);
        let mut passed = 0;
        for id in 0..100 {
            let source = RateSource {
                domain: Some(&domain),
                stream: Some(id),
                ..NOBODY
            };
            passed += u32::from(limiter.take(start, &source, 1).is_ok());
        }
        assert_eq!(passed, 3, "two streams of their own and one that is shared");
        assert_eq!(limiter.buckets(), 3);
        let rest = RateSource {
            domain: Some(&domain),
            ..NOBODY
        };
        assert_eq!(limiter.take(start, &rest, 17), Ok(()));
        assert_eq!(
            limiter.take(start, &rest, 1),
            exceeded(RateKind::Domain, Some(100))
        );
    }
}
