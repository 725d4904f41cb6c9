//! What holds for the order of records by itself.

use std::collections::BTreeMap;

use comity_machine::Random;
use comity_srv::{ServiceRecord, literal_order, weighted_order};

pub(super) fn check(records: &[ServiceRecord], seed: &[u8; 32]) {
    let order = weighted_order(records.to_vec(), seed);
    check_order(records, &order);
    let backwards: Vec<_> = records.iter().rev().cloned().collect();
    assert_eq!(weighted_order(backwards.clone(), seed), order);
    check_pairs(&order, seed);
    check_proportion(&order, seed);
    check_heavier(&order, seed);
    let literal = literal_order(records.to_vec(), seed);
    check_order(records, &literal);
    assert_eq!(literal_order(backwards, seed), literal);
    assert_eq!(literal, by_the_text(records, seed));
}

fn check_order(records: &[ServiceRecord], order: &[ServiceRecord]) {
    assert!(order.is_sorted_by_key(|one| one.priority), "{order:?}");
    let sorted = |records: &[ServiceRecord]| {
        let mut records = records.to_vec();
        records.sort();
        records
    };
    assert_eq!(sorted(order), sorted(records));
}

/// Any two records that are for different endpoints stand to each other as they do alone.
fn check_pairs(order: &[ServiceRecord], seed: &[u8; 32]) {
    for (at, first) in order.iter().enumerate() {
        for second in &order[at + 1..] {
            if is_single(order, first) && is_single(order, second) {
                let alone = weighted_order(vec![second.clone(), first.clone()], seed);
                assert_eq!(alone, [first.clone(), second.clone()]);
            }
        }
    }
}

/// Weights count by their proportion, and 0 as 1/256.
fn check_proportion(order: &[ServiceRecord], seed: &[u8; 32]) {
    let heaviest = order.iter().map(|one| one.weight).max().unwrap_or_default();
    if heaviest < 256 {
        let units = |weight: u16| (weight * 256).max(1);
        assert_eq!(weighted(order, seed, units), endpoints(order));
    }
    let has_zero = order.iter().any(|one| one.weight == 0);
    if !has_zero && heaviest <= u16::MAX / 3 {
        assert_eq!(weighted(order, seed, |weight| weight * 3), endpoints(order));
    }
}

/// The endpoints in order if the weights were others.
fn weighted(
    records: &[ServiceRecord],
    seed: &[u8; 32],
    weight: impl Fn(u16) -> u16,
) -> Vec<Endpoint> {
    let other = |one: &ServiceRecord| ServiceRecord {
        weight: weight(one.weight),
        ..one.clone()
    };
    endpoints(&weighted_order(records.iter().map(other).collect(), seed))
}

/// A record that gets more weight does not fall behind.
fn check_heavier(order: &[ServiceRecord], seed: &[u8; 32]) {
    for (at, one) in order.iter().enumerate() {
        let Some(weight) = one.weight.checked_mul(2).filter(|_| is_single(order, one)) else {
            continue;
        };
        let mut heavier = order.to_vec();
        heavier[at].weight = weight.max(1);
        let heavier = endpoints(&weighted_order(heavier, seed));
        let now_at = heavier.iter().position(|other| *other == endpoint(one));
        assert!(now_at.is_some_and(|now_at| now_at <= at), "{one:?}");
        let others = |endpoints: &[Endpoint]| {
            let others = endpoints.iter().filter(|other| **other != endpoint(one));
            others.cloned().collect::<Vec<_>>()
        };
        assert_eq!(others(&heavier), others(&endpoints(order)));
    }
}

/// RFC 2782: records in any order, those of weight 0 first; a number from 0 to the sum of all
/// weights; and the first whose running sum is not less is next.
fn by_the_text(records: &[ServiceRecord], seed: &[u8; 32]) -> Vec<ServiceRecord> {
    let mut random = Random::from_seed(*seed);
    let mut priorities: BTreeMap<u16, Vec<ServiceRecord>> = BTreeMap::new();
    for record in records {
        let same = priorities.entry(record.priority).or_default();
        same.push(record.clone());
    }
    let mut order = Vec::new();
    for mut left in priorities.into_values() {
        left.sort_by_key(|one| (one.port, one.target.clone(), one.weight));
        while !left.is_empty() {
            // Any order: each of the last places gets one of those up to it.
            let mut last = left.len();
            while last > 1 {
                let bound = u64::try_from(last).expect("a small number");
                let chosen = usize::try_from(random.below(bound)).expect("a small number");
                left.swap(chosen, last - 1);
                last -= 1;
            }
            let (zeros, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|one| one.weight == 0);
            left = [zeros, others].concat();
            let sums = left.iter().scan(0_u64, |sum, one| {
                *sum += u64::from(one.weight);
                Some(*sum)
            });
            let sums: Vec<_> = sums.collect();
            let all = sums.last().copied().unwrap_or_default();
            let number = random.below(all + 1);
            let next = sums.iter().filter(|sum| **sum < number).count();
            order.push(left.remove(next));
        }
    }
    order
}

/// Whether no other record is for the same endpoint with the same priority.
fn is_single(records: &[ServiceRecord], record: &ServiceRecord) -> bool {
    let same = records
        .iter()
        .filter(|one| endpoint(one) == endpoint(record));
    same.count() == 1
}

type Endpoint = (u16, u16, String);

fn endpoints(records: &[ServiceRecord]) -> Vec<Endpoint> {
    records.iter().map(endpoint).collect()
}

fn endpoint(record: &ServiceRecord) -> Endpoint {
    (record.priority, record.port, record.target.to_string())
}
