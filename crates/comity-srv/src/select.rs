use std::cmp::Ordering;

use comity_identity::DomainName;
use comity_machine::Random;

use crate::plan::Security;

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
    pub(crate) security: Security,
}

/// Orders `records` by priority, and inside one priority by chance in proportion to the weights.
///
/// The first record of a priority is each record with probability weight / sum of weights, the
/// second is drawn the same way from the rest, and so on. The algorithm in RFC 2782 does not reach
/// the proportions that its text asks for, so this follows the text; the page of the crate has the
/// figures. A weight of 0 counts as 1/256 of a weight of 1: a small chance beside other weights, an
/// equal one among zeros.
///
/// `seed` decides everything. The order does not depend on the order of the input, and without one
/// of the records the others keep their order, so that a caller who derives the seed from a
/// transaction or a peer gets the same order again after the records were refreshed.
#[must_use]
pub fn weighted_order(records: Vec<ServiceRecord>, seed: &[u8; 32]) -> Vec<ServiceRecord> {
    let one_set = |record| Offer {
        record,
        security: Security::StartTls,
    };
    let offers = records.into_iter().map(one_set).collect();
    let order = weighted_offers(offers, seed);
    order.into_iter().map(|offer| offer.record).collect()
}

/// [`weighted_order`] over the records of several sets, as if they were one (XEP-0368 §3).
///
/// The same host and port in two sets are two offers, each with a chance of its own.
pub(crate) fn weighted_offers(mut offers: Vec<Offer>, seed: &[u8; 32]) -> Vec<Offer> {
    // Equal endpoints become neighbours, so that `Draws` can tell them apart by a count.
    offers.sort();
    offers.sort_by(|a, b| endpoint(a).cmp(&endpoint(b)));
    let mut draws = Draws::new(seed);
    let mut racers: Vec<_> = offers
        .into_iter()
        .map(|offer| (Race::new(draws.draw(&offer), offer.record.weight), offer))
        .collect();
    racers.sort_by(|(race, offer), (other_race, other)| {
        let by_priority = offer.record.priority.cmp(&other.record.priority);
        by_priority.then_with(|| race.cmp(other_race))
    });
    racers.into_iter().map(|(_, offer)| offer).collect()
}

/// Uniform numbers, each decided by the seed and one offer.
struct Draws<'a> {
    seed: &'a [u8; 32],
    previous: Option<Offer>,
    repeats: u32,
}

impl<'a> Draws<'a> {
    fn new(seed: &'a [u8; 32]) -> Self {
        Self {
            seed,
            previous: None,
            repeats: 0,
        }
    }

    fn draw(&mut self, offer: &Offer) -> u64 {
        let previous = self.previous.replace(offer.clone());
        let repeated = previous.is_some_and(|previous| endpoint(&previous) == endpoint(offer));
        self.repeats = if repeated {
            self.repeats.saturating_add(1)
        } else {
            0
        };
        let seed = match offer.security {
            Security::StartTls => *self.seed,
            // The first byte of the first block of a draw is 0, so this is no state of another draw.
            Security::DirectTls => absorb(self.seed, &[1]),
        };
        let record = &offer.record;
        draw(&seed, &record.target, record.port, self.repeats)
    }
}

fn endpoint(offer: &Offer) -> (Security, &DomainName, u16, u16) {
    let record = &offer.record;
    (offer.security, &record.target, record.priority, record.port)
}

/// A number that is uniform over all seeds and independent for different endpoints.
///
/// The text is absorbed in blocks as in a CBC-MAC, with ChaCha as the keyed function: each block is
/// mixed into the key of the next call. The first block holds the length, the port and the
/// count, so no two inputs give the same blocks.
fn draw(seed: &[u8; 32], target: &DomainName, port: u16, repeats: u32) -> u64 {
    let name = target.as_str().as_bytes();
    let mut head = [0; 32];
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    let fields = length
        .to_be_bytes()
        .into_iter()
        .chain(port.to_be_bytes())
        .chain(repeats.to_be_bytes());
    for (to, from) in head.iter_mut().zip(fields) {
        *to = from;
    }
    let state = name
        .chunks(32)
        .fold(absorb(seed, &head), |state, block| absorb(&state, block));
    u64::from_le_bytes(Random::from_seed(state).bytes())
}

fn absorb(state: &[u8; 32], block: &[u8]) -> [u8; 32] {
    let mut key = *state;
    for (to, from) in key.iter_mut().zip(block) {
        *to ^= from;
    }
    Random::from_seed(key).bytes()
}

/// An arrival time, exponentially distributed with the weight as its rate.
///
/// If each record arrives at time -ln(u)/weight for a uniform u, the order of arrival is a draw
/// without replacement in proportion to the weights (Efraimidis and Spirakis, 2006). Every
/// operation is on integers, so that all machines agree on the order.
struct Race {
    /// -log2(u), in units of 2^-48.
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
}

impl Ord for Race {
    fn cmp(&self, other: &Self) -> Ordering {
        // time / rate, compared without division; below 2^54 * 2^24.
        let cross = |time: u64, rate: u32| u128::from(time) * u128::from(rate);
        cross(self.time, other.rate).cmp(&cross(other.time, self.rate))
    }
}

impl PartialOrd for Race {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Race {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Race {}

/// -log2((draw + 1) / 2^64) in units of 2^-48: from 0 to 64.
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

const FRACTION_BITS: u32 = 48;

#[cfg(test)]
mod tests;
