//! Routers of several domains on a simulated network: what is sent arrives once and in order, and
//! nothing arrives before it is proved.
#![cfg(test)]

mod world;

use std::time::Duration;

use comity_testkit::link::StreamPlan;
use comity_xmpp::router::{Config, Failure, Unacknowledged};
use comity_xmpp::stream::{Method, PairRefusal, Switch};
use comity_xmpp::{Security, StanzaCondition};

use self::world::World;

/// How many schedules each scenario is run with.
const SEEDS: u8 = 40;

fn plan() -> StreamPlan {
    StreamPlan {
        jitter: Duration::from_millis(30),
        ..StreamPlan::default()
    }
}

/// Both domains write at once; returns the world when it is quiet.
fn exchange(certified: bool, security: Security, seed: u8) -> World {
    let mut world = World::new(plan(), seed);
    let a = world.host("a.example", b"a's secret", security);
    let b = world.host("b.example", b"b's secret", security);
    world.certified = certified;
    for index in 0..5 {
        world.send(a, "b.example", &format!("a{index}"));
        world.send(b, "a.example", &format!("b{index}"));
    }
    world.run(Duration::from_secs(30));
    world
}

fn numbered(prefix: &str) -> Vec<String> {
    (0..5).map(|index| format!("{prefix}{index}")).collect()
}

#[test]
fn certified_domains_exchange_stanzas_in_order() {
    for seed in 0..SEEDS {
        let world = exchange(true, Security::CERTIFIED, seed);
        assert_eq!(world.bodies("a.example"), numbered("b"), "seed {seed}");
        assert_eq!(world.bodies("b.example"), numbered("a"), "seed {seed}");
        assert_eq!(world.methods(), [Method::Certificate], "seed {seed}");
        // One stream each way.
        assert_eq!(world.dials, 2, "seed {seed}");
        assert_eq!(world.undelivered, [], "seed {seed}");
    }
}

#[test]
fn domains_without_trusted_certificates_verify_each_other_without_deadlock() {
    for seed in 0..SEEDS {
        let world = exchange(false, Security::ENCRYPTED, seed);
        assert_eq!(world.bodies("a.example"), numbered("b"), "seed {seed}");
        assert_eq!(world.bodies("b.example"), numbered("a"), "seed {seed}");
        assert_eq!(world.methods(), [Method::Dialback], "seed {seed}");
        // One stream each way, and at most one more each way to verify.
        assert!(
            (2..=4).contains(&world.dials),
            "seed {seed}: {}",
            world.dials
        );
        assert_eq!(world.undelivered, [], "seed {seed}");
    }
}

#[test]
fn an_impostor_is_unmasked_by_the_domain_s_own_server() {
    for seed in 0..SEEDS {
        let mut world = World::new(plan(), seed);
        world.host("a.example", b"a's secret", Security::ENCRYPTED);
        world.host("b.example", b"b's secret", Security::ENCRYPTED);
        // It says that it is b.example, but nobody finds it under that name.
        let impostor = world.impostor("b.example", b"another secret");
        world.send(impostor, "a.example", "I am b");
        world.run(Duration::from_secs(60));
        assert_eq!(world.bodies("a.example"), [""; 0], "seed {seed}");
        assert_eq!(
            world.undelivered,
            [("I am b".to_owned(), Failure::Refused(PairRefusal::Invalid))],
            "seed {seed}"
        );
    }
}

#[test]
fn an_untrusted_peer_gets_nothing_through_where_a_certificate_is_required() {
    for seed in 0..SEEDS {
        let mut world = World::new(plan(), seed);
        world.host("a.example", b"a", Security::CERTIFIED);
        let b = world.host("b.example", b"b", Security::ENCRYPTED);
        world.send(b, "a.example", "hello");
        world.run(Duration::from_secs(60));
        assert_eq!(world.bodies("a.example"), [""; 0], "seed {seed}");
        let [(body, failure)] = &world.undelivered[..] else {
            panic!("seed {seed}: {:?}", world.undelivered)
        };
        assert_eq!(body, "hello");
        assert!(
            failure.to_string().contains("a certificate is required"),
            "seed {seed}: {failure}"
        );
        assert_eq!(failure.condition(), StanzaCondition::RemoteServerTimeout);
    }
}

#[test]
fn what_a_broken_network_loses_is_not_doubled_or_reordered() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let (arrived, undelivered) = broken_network(seed, |config| {
            config.stream.acknowledgements = Switch::Off;
        });
        let mut all = arrived;
        all.extend(undelivered.into_iter().map(|(body, _)| body));
        all.sort();
        let told = all.len();
        all.dedup();
        assert_eq!(all.len(), told, "seed {seed}: twice");
        lost += 20 - told;
    }
    // Bytes that were under way when a connection broke: without acknowledgements nobody can know.
    assert!(lost > 0, "the network broke nothing");
}

#[test]
fn with_acknowledgements_nothing_is_lost_in_silence() {
    let mut in_doubt = 0;
    for seed in 0..SEEDS {
        let (arrived, undelivered) = broken_network(seed, |_| {});
        for index in 0..20 {
            let index = format!("{index:02}");
            let is_it = |(body, _): &&(String, Failure)| *body == index;
            let told = undelivered.iter().filter(is_it).count();
            let came = arrived.iter().filter(|body| **body == index).count();
            assert!(told <= 1 && came <= 1, "seed {seed}: {index} twice");
            match undelivered.iter().find(is_it) {
                // It may have arrived.
                Some((_, Failure::Unacknowledged)) => in_doubt += 1,
                Some(_) => assert_eq!(came, 0, "seed {seed}: {index}"),
                None => assert_eq!(came, 1, "seed {seed}: {index}"),
            }
        }
    }
    assert!(in_doubt > 0, "the network broke nothing");
}

#[test]
fn what_is_sent_again_arrives_at_least_once() {
    let mut twice = 0;
    for seed in 0..SEEDS {
        let (mut arrived, undelivered) = broken_network(seed, |config| {
            config.unacknowledged = Unacknowledged::Resend;
        });
        twice += arrived.len();
        arrived.sort();
        arrived.dedup();
        twice -= arrived.len();
        for index in 0..20 {
            let index = format!("{index:02}");
            let told = undelivered.iter().any(|(body, _)| *body == index);
            assert!(
                told || arrived.contains(&index),
                "seed {seed}: {index} lost"
            );
        }
    }
    assert!(twice > 0, "nothing was in doubt");
}

/// Sends twenty messages over connections that break; gives what arrived and what came back.
fn broken_network(
    seed: u8,
    configure: impl FnOnce(&mut Config),
) -> (Vec<String>, Vec<(String, Failure)>) {
    let broken = StreamPlan {
        break_after_bytes: Some(2200 + 97 * usize::from(seed)),
        ..plan()
    };
    let mut world = World::new(broken, seed);
    configure(&mut world.config);
    let a = world.host("a.example", b"a", Security::ENCRYPTED);
    world.host("b.example", b"b", Security::ENCRYPTED);
    world.certified = true;
    for index in 0..20 {
        world.send(a, "b.example", &format!("{index:02}"));
    }
    world.run(Duration::from_secs(600));
    (world.bodies("b.example"), world.undelivered)
}

#[test]
fn targets_are_tried_in_order_until_one_answers() {
    let mut world = World::new(plan(), 1);
    let a = world.host("a.example", b"a", Security::ENCRYPTED);
    world.host("b.example", b"b", Security::ENCRYPTED);
    world.certified = true;
    world.dead_targets = 3;
    world.send(a, "b.example", "hello");
    world.run(Duration::from_secs(60));
    assert_eq!(world.bodies("b.example"), ["hello"]);
    assert_eq!(world.dials, 4);

    world.dead_targets = 8;
    let c = world.host("c.example", b"c", Security::ENCRYPTED);
    world.send(c, "b.example", "hello again");
    world.run(Duration::from_secs(60));
    assert_eq!(
        world.undelivered,
        [(
            "hello again".to_owned(),
            Failure::Unreachable("nobody listens".into())
        )]
    );
}

#[test]
fn both_sides_connect_at_once_and_go_on_with_what_they_have() {
    for seed in 0..SEEDS {
        for bidi in [Switch::Off, Switch::On] {
            let mut world = World::new(plan(), seed);
            world.config.stream.bidi = bidi;
            let a = world.host("a.example", b"a", Security::CERTIFIED);
            let b = world.host("b.example", b"b", Security::CERTIFIED);
            world.certified = true;
            for index in 0..5 {
                world.send(a, "b.example", &format!("a{index}"));
                world.send(b, "a.example", &format!("b{index}"));
                world.run(Duration::from_millis(20));
            }
            world.run(Duration::from_secs(10));
            assert_eq!(world.dials, 2, "seed {seed}");
            world.send(a, "b.example", "a5");
            world.send(b, "a.example", "b5");
            world.run(Duration::from_secs(10));
            assert_eq!(world.dials, 2, "seed {seed}: nobody connects again");
            let six = |prefix: &str| (0..6).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
            assert_eq!(world.bodies("a.example"), six("b"), "seed {seed}");
            assert_eq!(world.bodies("b.example"), six("a"), "seed {seed}");
        }
    }
}

#[test]
fn one_connection_is_enough_where_it_goes_both_ways() {
    for (bidi, dials) in [(Switch::Off, 2), (Switch::On, 1)] {
        let mut world = World::new(plan(), 1);
        world.config.stream.bidi = bidi;
        let a = world.host("a.example", b"a", Security::CERTIFIED);
        let b = world.host("b.example", b"b", Security::CERTIFIED);
        world.certified = true;
        world.send(a, "b.example", "there");
        world.run(Duration::from_secs(10));
        world.send(b, "a.example", "and back");
        world.run(Duration::from_secs(10));
        assert_eq!(world.bodies("b.example"), ["there"]);
        assert_eq!(world.bodies("a.example"), ["and back"]);
        assert_eq!(world.dials, dials);
    }
}

#[test]
fn a_closed_router_gives_back_what_waits_and_ends() {
    let mut world = World::new(plan(), 1);
    world.config.stream.bidi = Switch::Off;
    let a = world.host("a.example", b"a", Security::ENCRYPTED);
    let b = world.host("b.example", b"b", Security::ENCRYPTED);
    world.certified = true;
    world.send(b, "a.example", "before");
    world.run(Duration::from_secs(10));
    world.send(a, "b.example", "late");
    world.close(a);
    assert_eq!(world.undelivered, [("late".to_owned(), Failure::Shutdown)]);
    world.run(Duration::from_secs(10));
    assert!(world.is_closed(a));
    assert_eq!(world.bodies("a.example"), ["before"]);
}
