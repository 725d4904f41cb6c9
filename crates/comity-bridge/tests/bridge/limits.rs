//! Limits of a bridge: one below what comes, at it, and one above.

use comity_bridge::{Config, Counts, Limits};

use crate::cast::subscribe;
use crate::world::{World, policy};

/// What is held where a limit is one below 3, 3, and one above, of five that come.
fn held(
    set: fn(&mut Limits, usize),
    come: fn(&mut World),
    held: fn(&Counts) -> usize,
) -> [usize; 3] {
    [2, 3, 4].map(|limit| {
        let mut config = Config::new("gw");
        set(&mut config.limits, limit);
        let mut world = World::with(config, policy());
        come(&mut world);
        held(&world.bridge.counts())
    })
}

fn five_pages(world: &mut World) {
    world.sends = false;
    for user in 0..5 {
        world.page(&format!("sip:user{user}@sip.test"), "x");
    }
}

fn five_texts(world: &mut World) {
    for number in 0..5 {
        world.xmpp(&format!(
            "<message id='{number}' from='juliet@xmpp.test' to='bob@sip.test'><body>x</body></message>"
        ));
    }
}

fn five_watchers(world: &mut World) {
    for _ in 0..5 {
        subscribe(world, 3600);
    }
}

fn five_watches(world: &mut World) {
    for user in 0..5 {
        world.xmpp(&format!(
            "<presence type='subscribe' from='juliet@xmpp.test' to='user{user}@lync.test'/>"
        ));
    }
}

#[test]
fn what_waits_of_texts_has_a_number() {
    let requests = held(
        |limits, limit| limits.max_held_requests = limit,
        five_pages,
        |counts| counts.held_requests,
    );
    assert_eq!(requests, [2, 3, 4]);
    let texts = held(
        |limits, limit| limits.max_queued_texts = limit,
        five_texts,
        |counts| counts.letters,
    );
    assert_eq!(texts, [3, 4, 5], "and one that is under way");
}

#[test]
fn subscriptions_have_a_number_in_both_directions() {
    let watchers = |set| held(set, five_watchers, |counts| counts.watchers);
    assert_eq!(
        watchers(|limits, limit| limits.max_watchers = limit),
        [2, 3, 4]
    );
    assert_eq!(
        watchers(|limits, limit| limits.max_watchers_per_pair = limit),
        [2, 3, 4]
    );
    let watches = held(
        |limits, limit| limits.max_watches = limit,
        five_watches,
        |counts| counts.watches,
    );
    assert_eq!(watches, [2, 3, 4]);
}
