use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::Hasher;
use std::net::IpAddr;

use comity_identity::DomainName;
use comity_machine::Random;
use siphasher::sip::SipHasher24;

use crate::candidate::Dnssec;
use crate::message::SrvData;
use crate::service::Transport;

/// One usable SRV record (RFC 2782).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 2782 fixes the fields, and callers build records"
)]
pub struct ServiceRecord {
    /// Lower is tried first.
    pub priority: u16,
    /// The share of this record among those of the same priority.
    pub weight: u16,
    /// The port of the service.
    pub port: u16,
    /// The host that offers the service.
    pub target: DomainName,
}

/// A record, and what the set that it belongs to means for a connection.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Offer {
    pub(crate) record: ServiceRecord,
    pub(crate) transport: Transport,
    /// Of the answer that named it.
    pub(crate) dnssec: Dnssec,
}

/// How records of one priority are put in order.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Selection {
    /// What the text of RFC 2782 asks for: in proportion to the weights.
    #[default]
    Proportional,
    /// What the algorithm of RFC 2782 does, for who has to show that it is followed to the letter:
    /// the running sum with an inclusive random number, over records in chance order with those of
    /// weight 0 first. With weights 1 and 3 the first record gets 3 of 10 and not 1 of 4.
    Rfc2782,
}

/// Orders `records` by priority, and inside one priority by chance in proportion to the weights.
///
/// The first record of a priority is each record with probability weight / sum of weights, the
/// second is drawn the same way from the rest, and so on. The algorithm in RFC 2782 does not reach
/// the proportions that its text asks for, so this follows the text; [`literal_order`] is the
/// algorithm. A weight of 0 counts as 1/256 of a weight of 1: a small chance beside other weights,
/// an equal one among zeros.
///
/// `seed` decides everything, on every machine. The order does not depend on the order of the input,
/// and without one of the records the others keep their order, so that a caller who derives the seed
/// from a transaction or a peer gets the same order again after the records were refreshed. A
/// stateless proxy needs that (RFC 3263 §4.4).
#[must_use]
pub fn weighted_order(records: Vec<ServiceRecord>, seed: &[u8; 32]) -> Vec<ServiceRecord> {
    proportional(records, seed)
}

/// Orders `records` as the algorithm of RFC 2782 says; see [`Selection::Rfc2782`].
///
/// Among records of equal weight the RFC leaves the order open, and here it is up to chance.
#[must_use]
pub fn literal_order(records: Vec<ServiceRecord>, seed: &[u8; 32]) -> Vec<ServiceRecord> {
    let mut random = Random::from_seed(*seed);
    literal(records, |bound| random.below(bound))
}

impl Selection {
    /// Orders the records of several sets as if they were one (XEP-0368 §3).
    ///
    /// The same host and port in two sets are two offers, each with a chance of its own.
    pub(crate) fn order<E: Entrant>(self, entrants: Vec<E>, seed: &[u8; 32]) -> Vec<E> {
        match self {
            Self::Proportional => proportional(entrants, seed),
            Self::Rfc2782 => {
                let mut random = Random::from_seed(*seed);
                literal(entrants, |bound| random.below(bound))
            }
        }
    }
}

/// What takes part in a draw.
pub(crate) trait Entrant {
    fn priority(&self) -> u16;
    fn weight(&self) -> u16;
    /// Orders entrants by what tells them apart, the priority included and the weight not.
    fn compare(&self, other: &Self) -> Ordering;
    /// Gives the same to the hasher, but for the priority, so that no two give the same bytes.
    fn write(&self, hasher: &mut impl Hasher);
}

impl Entrant for ServiceRecord {
    fn priority(&self) -> u16 {
        self.priority
    }

    fn weight(&self) -> u16 {
        self.weight
    }

    fn compare(&self, other: &Self) -> Ordering {
        let endpoint = |record: &Self| (record.priority, record.port);
        let by_name = || self.target.cmp(&other.target);
        endpoint(self).cmp(&endpoint(other)).then_with(by_name)
    }

    fn write(&self, hasher: &mut impl Hasher) {
        write_endpoint(hasher, Transport::default(), self.port);
        hasher.write(self.target.as_str().as_bytes());
    }
}

/// The record of a set as it came, before its target is known to be a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RawOffer<'a> {
    pub(crate) data: &'a SrvData,
    pub(crate) transport: Transport,
    pub(crate) dnssec: Dnssec,
}

impl Entrant for RawOffer<'_> {
    fn priority(&self) -> u16 {
        self.data.priority
    }

    fn weight(&self) -> u16 {
        self.data.weight
    }

    fn compare(&self, other: &Self) -> Ordering {
        let endpoint = |one: &Self| (one.transport, one.data.priority, one.data.port);
        let by_name = || self.data.target.cmp(&other.data.target);
        endpoint(self).cmp(&endpoint(other)).then_with(by_name)
    }

    fn write(&self, hasher: &mut impl Hasher) {
        write_endpoint(hasher, self.transport, self.data.port);
        self.data.target.with_text(|text| hasher.write(text));
    }
}

/// The addresses of one target share alike.
impl Entrant for IpAddr {
    fn priority(&self) -> u16 {
        0
    }

    fn weight(&self) -> u16 {
        0
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn write(&self, hasher: &mut impl Hasher) {
        match self {
            Self::V4(v4) => hasher.write(&v4.octets()),
            Self::V6(v6) => hasher.write(&v6.octets()),
        }
    }
}

/// Numbers of fixed length stand before the name.
pub(crate) fn write_endpoint(hasher: &mut impl Hasher, transport: Transport, port: u16) {
    hasher.write(&[transport.tag()]);
    hasher.write(&port.to_be_bytes());
}

/// Orders by priority, and inside one priority by a draw without replacement in proportion to the
/// weights.
pub(crate) fn proportional<E: Entrant>(mut entrants: Vec<E>, seed: &[u8; 32]) -> Vec<E> {
    // Those that are alike become neighbours, so that a count can tell them apart.
    entrants.sort_by(compare_all);
    let mut racers: Vec<(Race, E)> = Vec::with_capacity(entrants.len());
    let hasher = keyed(seed);
    let mut repeats = 0_u32;
    for entrant in entrants {
        let last = racers.last().map(|(_, last)| last);
        let again = last.is_some_and(|last| last.compare(&entrant).is_eq());
        repeats = if again { repeats.saturating_add(1) } else { 0 };
        let race = Race::new(draw(hasher, &entrant, repeats), entrant.weight());
        racers.push((race, entrant));
    }
    racers.sort_by(|(race, entrant), (other_race, other)| {
        let by_priority = entrant.priority().cmp(&other.priority());
        by_priority.then_with(|| race.compare(other_race))
    });
    racers.into_iter().map(|(_, entrant)| entrant).collect()
}

/// `below` gives a number below its argument, each as likely as every other.
fn literal<E: Entrant>(entrants: Vec<E>, mut below: impl FnMut(u64) -> u64) -> Vec<E> {
    let mut groups: BTreeMap<u16, Vec<E>> = BTreeMap::new();
    for entrant in entrants {
        groups.entry(entrant.priority()).or_default().push(entrant);
    }
    let mut order = Vec::new();
    for mut left in groups.into_values() {
        // The same input in another order has the same chances, and with one seed the same order.
        left.sort_by(compare_all);
        while !left.is_empty() {
            let picked = literal_pick(&mut left, &mut below);
            order.push(picked);
        }
    }
    order
}

/// Takes the record whose running sum is the first to reach the random number.
fn literal_pick<E: Entrant>(left: &mut Vec<E>, below: &mut impl FnMut(u64) -> u64) -> E {
    shuffle(left, below);
    // A stable sort, so that chance remains inside of both parts.
    left.sort_by_key(|entrant| entrant.weight() > 0);
    let weight = |entrant: &E| u64::from(entrant.weight());
    let sum: u64 = left.iter().map(weight).sum();
    let number = below(sum.saturating_add(1));
    let mut running = 0_u64;
    let reached = left.iter().position(|entrant| {
        running = running.saturating_add(weight(entrant));
        running >= number
    });
    left.remove(reached.unwrap_or(0))
}

/// Fisher and Yates.
fn shuffle<E>(entrants: &mut [E], below: &mut impl FnMut(u64) -> u64) {
    for end in (2..=entrants.len()).rev() {
        let bound = u64::try_from(end).unwrap_or(u64::MAX);
        let place = usize::try_from(below(bound)).unwrap_or(0);
        entrants.swap(place, end.saturating_sub(1));
    }
}

fn compare_all<E: Entrant>(a: &E, b: &E) -> Ordering {
    a.compare(b).then_with(|| a.weight().cmp(&b.weight()))
}

/// SipHash-2-4 under half of the seed, which has taken the other half.
fn keyed(seed: &[u8; 32]) -> SipHasher24 {
    let (key, salt) = seed.split_at(16);
    let mut half = [0; 16];
    half.copy_from_slice(key);
    let mut hasher = SipHasher24::new_with_key(&half);
    hasher.write(salt);
    hasher
}

/// A number that is uniform over all seeds and independent for different entrants.
fn draw(mut hasher: SipHasher24, entrant: &impl Entrant, repeats: u32) -> u64 {
    hasher.write(&repeats.to_be_bytes());
    entrant.write(&mut hasher);
    hasher.finish()
}

/// An arrival time, exponentially distributed with the weight as its rate.
///
/// If each record arrives at time -ln(u)/weight for a uniform u, the order of arrival is a draw
/// without replacement in proportion to the weights (Efraimidis and Spirakis, 2006). Every
/// operation is on integers, so that all machines agree on the order.
struct Race {
    /// -log2(u), in units of 2^-32.
    time: u64,
    /// The weight in units of 1/256.
    rate: u32,
}

impl Race {
    fn new(draw: u64, weight: u16) -> Self {
        Self {
            time: negative_log2(draw),
            rate: (u32::from(weight) * 256).max(1),
        }
    }

    /// Who arrives first is less.
    fn compare(&self, other: &Self) -> Ordering {
        // time / rate, compared without division; below 2^38 * 2^24.
        let cross = |time: u64, rate: u32| time.saturating_mul(rate.into());
        cross(self.time, other.rate).cmp(&cross(other.time, self.rate))
    }
}

/// -log2((draw + 1) / 2^64) in units of 2^-32: from 0 to 64.
fn negative_log2(draw: u64) -> u64 {
    let Some(number) = draw.checked_add(1) else {
        return 0;
    };
    let integer = u64::from(number.ilog2());
    // A mantissa in [1, 2) with 63 bits after the point. Squaring it doubles its logarithm, whose
    // integer part is then the next bit.
    let mut mantissa = number << number.leading_zeros();
    let mut fraction = 0;
    for _ in 0..FRACTION_BITS {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let carry = square >> 127;
        fraction = (fraction << 1) | u64::try_from(carry).unwrap_or(1);
        mantissa = u64::try_from(square >> (63 + carry)).unwrap_or(u64::MAX);
    }
    (64 << FRACTION_BITS) - ((integer << FRACTION_BITS) | fraction)
}

const FRACTION_BITS: u32 = 32;

#[cfg(test)]
mod tests;
