use super::*;
use crate::message::RecordName;

fn record(priority: u16, weight: u16, target: &str) -> ServiceRecord {
    ServiceRecord {
        priority,
        weight,
        port: 5269,
        target: DomainName::parse(target).unwrap(),
    }
}

fn weighted(weights: &[u16]) -> Vec<ServiceRecord> {
    let named = |(index, &weight)| record(10, weight, &format!("h{index}.example"));
    weights.iter().enumerate().map(named).collect()
}

fn seeds(count: u32) -> impl Iterator<Item = [u8; 32]> {
    let mut random = Random::from_seed([42; 32]);
    (0..count).map(move |_| random.seed())
}

fn wins(race: &Race, other: &Race) -> bool {
    race.compare(other).is_lt()
}

fn names(records: &[ServiceRecord]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record.target.as_str())
        .collect()
}

/// The sum of (observed - expected)^2 / expected. It says nothing of cells in which fewer than five are
/// expected; there fifteen more do not come about by chance.
fn chi_square(observed: &[u32], shares: &[f64], draws: u32) -> f64 {
    let parts = observed.iter().zip(shares).map(|(&observed, share)| {
        let expected = share * f64::from(draws);
        if expected < 5. {
            assert!(
                f64::from(observed) < expected + 15.,
                "{observed} for {expected}"
            );
            return 0.;
        }
        (f64::from(observed) - expected).powi(2) / expected
    });
    parts.sum()
}

/// The value that chi-square exceeds with probability 1e-6.
fn critical(degrees: usize) -> f64 {
    match degrees {
        1 => 23.93,
        2 => 27.63,
        3 => 30.66,
        5 => 35.89,
        9 => 44.81,
        31 => 83.64,
        other => panic!("no quantile for {other}"),
    }
}

fn effective(weights: &[u16]) -> Vec<f64> {
    let units = |&weight| f64::from((u32::from(weight) * 256).max(1));
    let units: Vec<f64> = weights.iter().map(units).collect();
    let sum: f64 = units.iter().sum();
    units.into_iter().map(|unit| unit / sum).collect()
}

const VECTORS: &[&[u16]] = &[
    &[0, 0],
    &[1, 1],
    &[1, 3],
    &[10, 10, 10],
    &[60, 20, 10, 10],
    &[10, 10, 20, 60],
    &[0, 1],
    &[1, 0],
    &[0, 0, 10],
    &[100, 1],
    &[65535, 1],
    &[65535; 10],
    &[7; 32],
];

#[test]
fn first_picks_of_the_race_follow_the_weights() {
    const DRAWS: u32 = 10_000;
    let mut random = Random::from_seed([1; 32]);
    for weights in VECTORS {
        let mut firsts = vec![0; weights.len()];
        for _ in 0..DRAWS {
            let races = weights
                .iter()
                .map(|&weight| Race::new(u64::from_le_bytes(random.bytes()), weight));
            let (first, _) = races
                .enumerate()
                .min_by(|(_, a), (_, b)| a.compare(b))
                .unwrap();
            firsts[first] += 1;
        }
        let chi = chi_square(&firsts, &effective(weights), DRAWS);
        assert!(chi < critical(weights.len() - 1), "{weights:?}: {chi}");
    }
}

#[test]
fn first_picks_follow_the_weights_over_random_seeds() {
    const DRAWS: u32 = 4_000;
    for weights in VECTORS {
        let records = weighted(weights);
        let mut firsts = vec![0; weights.len()];
        for seed in seeds(DRAWS) {
            let order = weighted_order(records.clone(), &seed);
            let first = records.iter().position(|record| *record == order[0]);
            firsts[first.unwrap()] += 1;
        }
        let chi = chi_square(&firsts, &effective(weights), DRAWS);
        assert!(chi < critical(weights.len() - 1), "{weights:?}: {chi}");
    }
}

#[test]
fn whole_orders_are_draws_without_replacement() {
    const DRAWS: u32 = 10_000;
    let records = weighted(&[3, 2, 1]);
    let cells = [
        ["h0.example", "h1.example", "h2.example"],
        ["h0.example", "h2.example", "h1.example"],
        ["h1.example", "h0.example", "h2.example"],
        ["h1.example", "h2.example", "h0.example"],
        ["h2.example", "h0.example", "h1.example"],
        ["h2.example", "h1.example", "h0.example"],
    ];
    // 3/6 * 2/3, 3/6 * 1/3, 2/6 * 3/4, 2/6 * 1/4, 1/6 * 3/5, 1/6 * 2/5.
    let shares = [1. / 3., 1. / 6., 1. / 4., 1. / 12., 1. / 10., 1. / 15.];
    let mut counts = [0; 6];
    for seed in seeds(DRAWS) {
        let order = weighted_order(records.clone(), &seed);
        let cell = cells.iter().position(|cell| names(&order) == *cell);
        counts[cell.unwrap()] += 1;
    }
    let chi = chi_square(&counts, &shares, DRAWS);
    assert!(chi < critical(5), "{counts:?}: {chi}");
}

/// No statistics: every pair of evenly spaced draws. The area where the first record wins has a
/// monotone border, so the count is wrong by at most one row.
#[test]
fn the_chance_of_a_pair_is_its_share_of_the_weight() {
    const STEPS: u64 = 512;
    for (first, second) in [
        (0, 0),
        (1, 1),
        (1, 3),
        (60, 20),
        (0, 1),
        (100, 1),
        (65535, 1),
    ] {
        let races = |weight| {
            let draw = |step: u64| (2 * step + 1) << (63 - STEPS.ilog2());
            let race = |step| Race::new(draw(step), weight);
            (0..STEPS).map(race).collect::<Vec<_>>()
        };
        let (ours, theirs) = (races(first), races(second));
        let count: usize = ours
            .iter()
            .map(|race| theirs.iter().filter(|other| wins(race, other)).count())
            .sum();
        let share = f64::from(u32::try_from(count).unwrap()) / f64::from(512 * 512);
        let off = (share - effective(&[first, second])[0]).abs();
        assert!(off <= 1. / 512., "{first} against {second}: {share}");
    }
}

/// No statistics either: every triple of evenly spaced draws, and every order that they come to.
#[test]
fn the_chances_of_whole_orders_are_those_of_draws_without_replacement() {
    const STEPS: u64 = 96;
    let races = |weight: u16| {
        let draw = |step: u64| u64::MAX / (2 * STEPS) * (2 * step + 1);
        let race = |step| Race::new(draw(step), weight);
        (0..STEPS).map(race).collect::<Vec<_>>()
    };
    for weights in [[3, 2, 1], [1, 1, 1], [0, 0, 10], [60, 20, 10]] {
        let lanes = weights.map(races);
        let mut counts = BTreeMap::new();
        for (a, b, c) in lanes[0].iter().flat_map(|a| {
            let pairs = lanes[1].iter().map(move |b| (a, b));
            pairs.flat_map(|(a, b)| lanes[2].iter().map(move |c| (a, b, c)))
        }) {
            let mut order = [(a, 0), (b, 1), (c, 2)];
            order.sort_by(|(race, _), (other, _)| race.compare(other));
            *counts.entry(order.map(|(_, place)| place)).or_insert(0_u32) += 1;
        }
        let shares = effective(&weights);
        for (order, count) in counts {
            let [first, second, _] = order.map(|place: usize| shares[place]);
            let expected = first * second / (1. - first);
            let share = f64::from(count) / f64::from(96_u32.pow(3));
            // Each of the three borders between two orders is wrong by at most one layer.
            assert!(
                (share - expected).abs() <= 3. / 96.,
                "{weights:?} {order:?}: {share}"
            );
        }
    }
}

/// A fraction in lowest terms.
type Fraction = (u64, u64);

fn add(a: Fraction, b: Fraction) -> Fraction {
    let (top, bottom) = (a.0 * b.1 + b.0 * a.1, a.1 * b.1);
    let (mut x, mut y) = (top, bottom);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (top / x, bottom / x)
}

/// The chance of each record to be picked first by the algorithm of RFC 2782, by going through every
/// number that it may be given.
fn literal_chances(weights: &[u16]) -> Vec<Fraction> {
    let offers = weighted(weights);
    let mut chances = vec![(0, 1); weights.len()];
    let mut script: Vec<u64> = Vec::new();
    loop {
        let mut bounds = Vec::new();
        let mut left = offers.clone();
        let picked = literal_pick(&mut left, &mut |bound| {
            if bounds.len() == script.len() {
                script.push(0);
            }
            bounds.push(bound);
            script[bounds.len() - 1]
        });
        let place = offers.iter().position(|offer| *offer == picked).unwrap();
        chances[place] = add(chances[place], (1, bounds.iter().product()));
        // The next script, as the next number of a counter.
        while script
            .last()
            .is_some_and(|&last| last + 1 == bounds[script.len() - 1])
        {
            script.pop();
        }
        match script.last_mut() {
            Some(last) => *last += 1,
            None => return chances,
        }
    }
}

#[test]
fn the_literal_algorithm_has_the_chances_that_follow_from_its_text() {
    for weights in [
        &[0, 0][..],
        &[1, 1],
        &[1, 3],
        &[10, 10, 10],
        &[6, 2, 1, 1],
        &[0, 1],
        &[1, 0],
        &[0, 0, 10],
        &[7],
    ] {
        let count = |list: &[&u16]| u64::try_from(list.len()).unwrap();
        let zeros: Vec<_> = weights.iter().filter(|weight| **weight == 0).collect();
        let all: Vec<_> = weights.iter().collect();
        let sum: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let expected = weights
            .iter()
            .map(|&weight| match (weight, zeros.is_empty()) {
                (0, _) => (1, count(&zeros) * (sum + 1)),
                (weight, false) => (u64::from(weight), sum + 1),
                (weight, true) => {
                    let n = count(&all);
                    (u64::from(weight) * n + 1, n * (sum + 1))
                }
            });
        let expected: Vec<_> = expected.map(|fraction| add((0, 1), fraction)).collect();
        assert_eq!(literal_chances(weights), expected, "{weights:?}");
    }
    // What the text of the RFC calls three quarters.
    assert_eq!(literal_chances(&[1, 3]), [(3, 10), (7, 10)]);
}

#[test]
fn the_literal_order_loses_nothing_and_keeps_priorities() {
    for seed in seeds(50) {
        let order = literal_order(mixed(), &seed);
        assert!(order.is_sorted_by_key(|record| record.priority));
        let (mut sorted, mut input) = (order.clone(), mixed());
        sorted.sort();
        input.sort();
        assert_eq!(sorted, input);
        let mut turned = mixed();
        turned.reverse();
        assert_eq!(literal_order(turned, &seed), order);
    }
}

#[test]
fn a_zero_weight_keeps_a_small_chance() {
    let share = effective(&[0, 1])[0];
    assert!(share > 0. && share <= 1. / 256.);
    let low = Race::new(u64::MAX - 1, 0);
    assert!(wins(&low, &Race::new(0, 1)), "a zero can win");
}

#[test]
fn logarithms_are_exact_at_powers_of_two_and_close_between() {
    for power in 0..64_u32 {
        let draw = (1_u64 << power) - 1;
        assert_eq!(negative_log2(draw), u64::from(64 - power) << FRACTION_BITS);
    }
    assert_eq!(negative_log2(u64::MAX), 0);
    // 64 - log2(3) and 64 - log2(10).
    for (number, expected) in [(3_u64, 62.415_037_499_278_844), (10, 60.678_071_905_112_64)] {
        let units = u32::try_from(negative_log2(number - 1) >> 6).unwrap();
        let value = f64::from(units) / f64::from(1 << 26);
        assert!((value - expected).abs() < 1e-7, "{number}: {value}");
    }
}

#[test]
fn logarithms_fall_as_the_draw_grows() {
    let mut random = Random::from_seed([3; 32]);
    for _ in 0..2_000 {
        let draw = u64::from_le_bytes(random.bytes()) >> random.below(64);
        let next = draw.saturating_add(1);
        assert!(negative_log2(draw) >= negative_log2(next), "{draw}");
    }
}

fn mixed() -> Vec<ServiceRecord> {
    let row = |index: u16| record(index % 3, index * 7 % 5, &format!("h{index}.example"));
    (0..20).map(row).collect()
}

#[test]
fn priorities_ascend_and_nothing_is_lost() {
    for seed in seeds(50) {
        let order = weighted_order(mixed(), &seed);
        assert!(order.is_sorted_by_key(|record| record.priority));
        let (mut sorted, mut input) = (order, mixed());
        sorted.sort();
        input.sort();
        assert_eq!(sorted, input);
    }
}

#[test]
fn the_order_of_the_answer_does_not_matter() {
    for seed in seeds(50) {
        let mut shuffled = mixed();
        shuffled.rotate_left(usize::from(seed[0]) % 20);
        shuffled.swap(3, 11);
        assert_eq!(
            weighted_order(shuffled, &seed),
            weighted_order(mixed(), &seed)
        );
    }
}

#[test]
fn without_a_record_the_others_keep_their_order() {
    for seed in seeds(20) {
        let order = weighted_order(mixed(), &seed);
        for gone in 0..order.len() {
            let mut rest = order.clone();
            rest.remove(gone);
            assert_eq!(weighted_order(rest.clone(), &seed), rest);
        }
    }
}

#[test]
fn multiplied_weights_give_the_same_order() {
    for seed in seeds(50) {
        let mut scaled = mixed();
        for record in &mut scaled {
            record.weight = record.weight.max(1);
        }
        let order = weighted_order(scaled.clone(), &seed);
        for record in &mut scaled {
            record.weight *= 1000;
        }
        assert_eq!(names(&weighted_order(scaled, &seed)), names(&order));
    }
}

#[test]
fn the_seed_decides_the_order() {
    let orders: std::collections::BTreeSet<_> = seeds(200)
        .map(|seed| weighted_order(weighted(&[1, 1, 1]), &seed))
        .collect();
    assert_eq!(orders.len(), 6);
    let seed = [9; 32];
    assert_eq!(
        weighted_order(mixed(), &seed),
        weighted_order(mixed(), &seed)
    );
}

#[test]
fn the_addresses_of_a_host_share_alike() {
    let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
    let addresses: Vec<IpAddr> = addresses.map(|text| text.parse().unwrap()).into();
    for selection in [Selection::Proportional, Selection::Rfc2782] {
        let mut counts = BTreeMap::new();
        for seed in seeds(600) {
            let order = selection.order(addresses.clone(), &seed);
            *counts.entry(order).or_insert(0_u32) += 1;
        }
        let counts: Vec<u32> = counts.into_values().collect();
        let chi = chi_square(&counts, &[1. / 6.; 6], 600);
        assert!(counts.len() == 6 && chi < critical(5), "{counts:?}");
    }
}

#[test]
fn repeated_endpoints_race_on_their_own() {
    let twice = || {
        let mut records = weighted(&[1, 1]);
        records.push(records[0].clone());
        records
    };
    let ends = seeds(3_000)
        .filter(|seed| weighted_order(twice(), seed)[2] == twice()[1])
        .count();
    // One third of the orders has the single record last.
    assert!((900..1100).contains(&ends), "{ends}");
}

#[test]
fn a_record_in_two_sets_races_on_its_own_in_each() {
    let data = |target: &str| SrvData {
        priority: 10,
        weight: 1,
        port: 5269,
        target: RecordName::from(&DomainName::parse(target).unwrap()),
    };
    let (single, shared) = (data("h0.example"), data("h1.example"));
    let offer = |data, transport| RawOffer {
        data,
        transport,
        dnssec: Dnssec::Unchecked,
    };
    let both = || {
        vec![
            offer(&shared, Transport::Tls),
            offer(&single, Transport::StartTls),
            offer(&shared, Transport::StartTls),
        ]
    };
    let mut firsts = [0; 3];
    for seed in seeds(3_000) {
        let order = proportional(both(), &seed);
        let first = both().iter().position(|offer| *offer == order[0]);
        firsts[first.unwrap()] += 1;
        // Without one of them the others keep their order, whichever set they belong to.
        for gone in 0..order.len() {
            let mut rest = order.clone();
            rest.remove(gone);
            assert_eq!(proportional(rest.clone(), &seed), rest);
        }
    }
    let chi = chi_square(&firsts, &effective(&[1, 1, 1]), 3_000);
    assert!(chi < critical(2), "{firsts:?}: {chi}");
}

#[test]
fn a_record_has_the_same_place_as_it_came_and_as_it_is_used() {
    for seed in seeds(50) {
        let usable = weighted_order(mixed(), &seed);
        let raw: Vec<_> = mixed()
            .into_iter()
            .map(|record| SrvData {
                priority: record.priority,
                weight: record.weight,
                port: record.port,
                target: RecordName::from(&record.target),
            })
            .collect();
        let offers = raw.iter().map(|data| RawOffer {
            data,
            transport: Transport::default(),
            dnssec: Dnssec::Unchecked,
        });
        let order = proportional(offers.collect(), &seed);
        let shown: Vec<_> = order
            .iter()
            .map(|one| one.data.target.to_string())
            .collect();
        assert_eq!(shown, names(&usable));
    }
}

#[test]
fn long_names_that_share_labels_are_told_apart() {
    let (a, b) = ("a".repeat(31), "b".repeat(31));
    let number = |x: &str, y: &str, port, repeats| {
        let mut one = record(10, 0, &format!("{x}.{y}.example"));
        one.port = port;
        draw(keyed(&[5; 32]), &one, repeats)
    };
    assert_ne!(number(&a, &b, 1, 0), number(&b, &a, 1, 0));
    assert_ne!(number(&a, &b, 1, 0), number(&a, &b, 2, 0));
    assert_ne!(number(&a, &b, 1, 0), number(&a, &b, 1, 1));
}

#[test]
fn the_order_is_the_same_on_every_machine() {
    let order = weighted_order(weighted(&[1, 1, 1, 1, 1, 1]), &[1; 32]);
    let expected = ["h2", "h3", "h4", "h1", "h0", "h5"].map(|host| format!("{host}.example"));
    assert_eq!(names(&order), expected);
}

#[test]
fn the_extremes_do_not_overflow() {
    let slowest = Race::new(0, 0);
    let fastest = Race::new(u64::MAX, u16::MAX);
    assert!(wins(&fastest, &slowest));
    assert!(wins(&Race::new(0, u16::MAX), &slowest));
    assert_eq!(weighted_order(Vec::new(), &[0; 32]), []);
}
