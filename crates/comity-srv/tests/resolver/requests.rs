//! What the caller may ask beside a resolution, and take back.

use std::collections::VecDeque;

use comity_srv::attempts::{self, Attempts, Fault as AttemptFault, Health};
use comity_srv::{
    Candidate, Failure, LookedUp, Outcome, RecordKind, Records, ResolveError, Service,
};
use comity_testkit::dns::{FakeDns, Fault, ResponseCode, When};

use crate::world::{SRV, World, name, one_host, shown};

fn look_up(
    world: &mut World,
    domain: &str,
    labels: &[&str],
    kind: RecordKind,
) -> Result<LookedUp, Failure> {
    let query = world
        .resolver
        .look_up(world.now, &name(domain), labels, kind)
        .unwrap();
    world.run();
    let (ended, result) = world.looked_up.pop().unwrap();
    assert_eq!(ended, query);
    result
}

#[test]
fn records_are_looked_up_as_they_are() {
    let dns = one_host()
        .srv(SRV, 0, 0, 0, ".")
        .cname("alias.example", "xmpp.b.example");
    let mut world = World::new(vec![dns]);
    let found = look_up(
        &mut world,
        "b.example",
        &["_xmpp-server", "_tcp"],
        RecordKind::Srv,
    );
    let Records::Services(list) = found.unwrap().records else {
        panic!();
    };
    let lines: Vec<_> = list
        .iter()
        .map(|data| {
            format!(
                "{} {} {} {}",
                data.priority, data.weight, data.port, data.target
            )
        })
        .collect();
    assert_eq!(lines, ["10 5 5269 xmpp.b.example", "0 0 0 ."]);
    let found = look_up(&mut world, "alias.example", &[], RecordKind::A).unwrap();
    let aliases: Vec<_> = found.aliases.iter().map(ToString::to_string).collect();
    assert_eq!(aliases, ["xmpp.b.example"]);
    assert_eq!(
        found.records,
        Records::Addresses(vec!["192.0.2.1".parse().unwrap()])
    );
    let none = look_up(&mut world, "b.example", &[], RecordKind::Naptr).unwrap();
    assert_eq!(none.records, Records::None);
    let mut failing = World::new(vec![
        FakeDns::new().fault(When::always(), Fault::Code(ResponseCode::Refused)),
    ]);
    assert_eq!(
        look_up(&mut failing, "b.example", &[], RecordKind::A),
        Err(Failure::Server { code: 5 })
    );
    let long = "l".repeat(64);
    let refused = world
        .resolver
        .look_up(world.now, &name("b.example"), &[&long], RecordKind::Srv);
    assert_eq!(refused, Err(ResolveError::NameTooLong));
}

#[test]
fn what_is_taken_back_ends_without_an_event_and_leaves_nothing() {
    let mut world = World::new(vec![one_host().fault(When::always(), Fault::Drop)]);
    let first = world.begin("b.example");
    let second = world.begin("b.example");
    world.pump();
    assert_eq!(world.open.len(), 1, "both share the question");
    world.resolver.cancel(first);
    world.pump();
    assert_eq!(world.open.len(), 1, "the other one still waits for it");
    world.resolver.cancel(second);
    world.resolver.cancel(second);
    world.pump();
    assert!(world.open.is_empty());
    assert_eq!(world.resolver.poll_timeout(), None);
    assert_eq!(world.resolved, []);
}

#[test]
fn one_order_is_the_same_for_every_resolver_and_another_is_not() {
    let dns = || {
        (0..8_u8).fold(FakeDns::new(), |dns, host| {
            let target = format!("h{host}.example");
            dns.srv(SRV, 1, 1, 5269, &target)
                .a(&target, [192, 0, 2, host])
        })
    };
    let order = |seed: u8| {
        let mut world = World::new(vec![dns()]);
        // What was drawn before does not matter.
        for _ in 0..seed {
            world.outcome("other.example");
        }
        world
            .resolver
            .resolve_in_order(world.now, &name("b.example"), Service::XmppServer, [9; 32])
            .unwrap();
        world.run();
        shown(&world.resolved.pop().unwrap().1)
    };
    assert_eq!(order(0).len(), 8);
    assert_eq!(order(0), order(3));
    let mut world = World::new(vec![dns()]);
    let drawn: Vec<_> = (0..4).map(|_| shown(&world.outcome("b.example"))).collect();
    assert!(
        drawn.iter().any(|one| *one != drawn[0]),
        "each draws its own"
    );
}

#[test]
fn one_order_holds_for_the_addresses_of_a_target_however_they_are_turned() {
    let order = |turned: u8| {
        let dns = FakeDns::new().srv(SRV, 1, 1, 5269, "x.example");
        let dns = (0..6_u8).fold(dns, |dns, host| {
            dns.a("x.example", [192, 0, 2, (host + turned) % 6])
        });
        let mut world = World::new(vec![dns]);
        let service = Service::XmppServer;
        let domain = name("b.example");
        let begun = world
            .resolver
            .resolve_in_order(world.now, &domain, service, [9; 32]);
        begun.unwrap();
        world.run();
        shown(&world.resolved.pop().unwrap().1)
    };
    assert_eq!(order(0).len(), 6);
    for turned in 1..6 {
        assert_eq!(order(turned), order(0));
    }
}

fn run(list: Vec<Candidate>, world: &World, health: &Health) -> Vec<String> {
    let mut attempts = Attempts::new(world.now, attempts::Config::sip(), list, None, health);
    let mut tried = Vec::new();
    let mut events = VecDeque::new();
    loop {
        events.extend(std::iter::from_fn(|| attempts.poll_event()));
        let event = events.pop_front().unwrap();
        let attempts::Event::Dial { attempt, candidate } = event else {
            assert!(
                matches!(event, attempts::Event::Exhausted { .. }),
                "{event:?}"
            );
            return tried;
        };
        tried.push(candidate.to_string());
        attempts.handle_failed(world.now, attempt, AttemptFault::Timeout);
    }
}

/// The failures of one transaction were once kept in the shared cache elsewhere, so that every other
/// call skipped the same servers until their records expired.
#[test]
fn what_fails_for_one_transaction_changes_nothing_for_another() {
    let dns = one_host()
        .srv(SRV, 10, 5, 5269, "other.b.example")
        .a("other.b.example", [192, 0, 2, 2]);
    let mut world = World::new(vec![dns]);
    let order = [9; 32];
    let mut resolve = || {
        let domain = name("b.example");
        let service = Service::XmppServer;
        let begun = world
            .resolver
            .resolve_in_order(world.now, &domain, service, order);
        begun.unwrap();
        world.run();
        let (_, outcome, _) = world.resolved.pop().unwrap();
        let Outcome::Candidates(list) = outcome else {
            panic!("{outcome:?}");
        };
        list
    };
    let before = resolve();
    let after = resolve();
    let world = &world;
    let mut health = Health::default();
    let first = run(before.clone(), world, &health);
    assert_eq!(first.len(), 2);
    assert_eq!(before, after);
    assert_eq!(run(after.clone(), world, &health), first);
    // Only the table of health changes the order, and takes nothing away.
    health.note_fault(world.now, &before[0], &AttemptFault::Timeout);
    let turned = [first[1].clone(), first[0].clone()];
    assert_eq!(run(after, world, &health), turned);
}
