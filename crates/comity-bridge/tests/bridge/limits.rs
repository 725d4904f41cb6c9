//! Limits of a bridge: one below what comes, at it, and one above.

use std::time::Duration;

use bytes::Bytes;
use comity_bridge::{Config, Counts, Dropped, Event, Fact, Limits, Way};
use comity_policy::{FederatedDomain, PeerKind, Switch, Verdict};
use comity_sip::endpoint::{Event as SipEvent, Incoming};
use comity_sip::{Method, SessionEvent, StatusCode};

use crate::cast::{OFFER, id_of, subscribe, subscribe_as};
use crate::world::{World, name, policy};

const JULIET: &str = "sip:juliet@xmpp.test";
/// What a user of XMPP is told who writes more than there is room for.
const NO_ROOM: &str = "<error type='wait'>\
     <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
     <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>\
     too many texts wait for the other side</text></error>";

fn world(set: impl FnOnce(&mut Limits), rules: comity_policy::Config) -> World {
    let mut config = Config::new("gw");
    config.discovery = match rules.sip.default_verdict {
        Verdict::Allow => Switch::On,
        Verdict::Deny => Switch::Off,
    };
    set(&mut config.limits);
    World::with(config, rules)
}

/// Domains that nobody has configured may come.
fn open() -> comity_policy::Config {
    let mut rules = policy();
    rules.sip.default_verdict = Verdict::Allow;
    // No ACL stands in the way of peers whom nobody has configured.
    rules.acl.insert("192.0.2.0/24".parse().unwrap());
    rules
}

fn message(to: &str, id: usize) -> String {
    format!("<message id='{id}' from='juliet@xmpp.test' to='{to}'><body>x</body></message>")
}

/// The ids of the texts that came back, each with the error that says why.
fn returned(world: &mut World, error: &str) -> Vec<String> {
    let left = world.left();
    let id = |stanza: &String| {
        assert!(
            stanza.ends_with(&format!("type='error'>{error}</message>")),
            "{stanza}"
        );
        id_of(stanza).to_owned()
    };
    left.iter().map(id).collect()
}

/// How the INVITE of the edge was answered.
fn begun(world: &mut World) -> u16 {
    match world.told() {
        SipEvent::Session {
            event: SessionEvent::Answered(response) | SessionEvent::Refused(response),
            ..
        } => response.status().code(),
        other => panic!("{other:?}"),
    }
}

/// How the edge was answered, as often as it was.
fn answers(world: &mut World, count: usize) -> Vec<u16> {
    let answers = (0..count).map(|_| world.answered().0).collect();
    world.edge_is_quiet();
    answers
}

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

#[test]
fn the_texts_that_wait_have_their_bytes() {
    // Each is charged with its text, id and addresses, and what it takes beside them.
    let bytes = |texts: usize| texts * (1_536 + "x0julietxmpp.testbobsip.test".len());
    let room_for_three = 4 * bytes(3);
    // One domain has a quarter of all.
    for (limit, refused) in [
        (room_for_three - 4, &["2", "3"][..]),
        (room_for_three - 1, &["2", "3"]),
        (room_for_three, &["3"]),
        (room_for_three + 1, &["3"]),
    ] {
        let mut world = world(|limits| limits.max_queued_bytes = limit, policy());
        for id in 0..4 {
            world.xmpp(&message("bob@sip.test", id));
        }
        assert_eq!(returned(&mut world, NO_ROOM), refused, "{limit}");
        assert_eq!(world.bridge.counts().queued_bytes, bytes(4 - refused.len()));
    }
}

#[test]
fn the_texts_that_wait_for_all_domains_have_their_bytes() {
    let mut rules = policy();
    let domains: Vec<_> = (0..6).map(|number| format!("d{number}.test")).collect();
    for domain in &domains {
        let domain = FederatedDomain::new(name(domain), PeerKind::Standard);
        rules.sip.domains.push(domain);
    }
    let bytes = 1_536 + "x0julietxmpp.testad0.test".len();
    for (limit, refused) in [
        (5 * bytes - 1, &["4", "5"][..]),
        (5 * bytes, &["5"]),
        (5 * bytes + 1, &["5"]),
    ] {
        let mut world = world(|limits| limits.max_queued_bytes = limit, rules.clone());
        world.proved = domains.iter().map(|domain| name(domain)).collect();
        for (id, domain) in domains.iter().enumerate() {
            world.xmpp(&message(&format!("a@{domain}"), id));
        }
        assert_eq!(returned(&mut world, NO_ROOM), refused, "{limit}");
    }
}

#[test]
fn pairs_with_texts_or_sessions_have_a_number() {
    for (limit, refused) in [(2, &["2", "3"][..]), (3, &["3"]), (4, &[])] {
        let mut world = world(|limits| limits.max_conversations = limit, policy());
        for user in 0..4 {
            world.xmpp(&message(&format!("user{user}@sip.test"), user));
        }
        assert_eq!(returned(&mut world, NO_ROOM), refused);
        assert_eq!(world.bridge.counts().conversations, 4 - refused.len());
        // Who has one goes on.
        world.xmpp(&message("user0@sip.test", 9));
        assert_eq!(world.left(), [""; 0]);
    }
    for (limit, accepted) in [
        (2, &[200, 200, 480, 480][..]),
        (3, &[200, 200, 200, 480]),
        (4, &[200; 4]),
    ] {
        let mut world = world(|limits| limits.max_conversations = limit, policy());
        let mut answered = Vec::new();
        for user in 0..4 {
            let from = format!("sip:user{user}@lync.test");
            let offer = Some(("application/sdp", Bytes::from_static(OFFER.as_bytes())));
            world.request(Method::Invite, &from, JULIET, &[], offer);
            answered.push(begun(&mut world));
        }
        assert_eq!(answered, accepted);
    }
}

#[test]
fn a_conversation_that_is_a_memory_makes_room() {
    let mut world = world(|limits| limits.max_conversations = 1, policy());
    world.page("sip:bob@sip.test", "hi");
    assert_eq!(answers(&mut world, 1), [200]);
    world.left();
    world.xmpp(&message("ann@sip.test", 1));
    assert_eq!(world.left(), [""; 0]);
    assert_eq!(world.bridge.counts().conversations, 1);
    // Now nothing can go.
    world.xmpp(&message("bob@sip.test", 2));
    assert_eq!(returned(&mut world, NO_ROOM), ["2"]);
}

#[test]
fn bounces_of_the_last_texts_are_told() {
    for (limit, told) in [(0, 0), (2, 2), (3, 3), (4, 3)] {
        let mut world = world(|limits| limits.max_recent_texts = limit, policy());
        let mut ids = Vec::new();
        for _ in 0..3 {
            world.page("sip:bob@sip.test", "hi");
            ids.push(id_of(&world.left()[0]).to_owned());
        }
        assert_eq!(answers(&mut world, 3), [200; 3]);
        for id in &ids {
            world.xmpp(&format!(
                "<message type='error' id='{id}' from='juliet@xmpp.test' to='bob@sip.test'>\
                 <error type='cancel'><service-unavailable \
                 xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
            ));
        }
        assert_eq!(
            world.dropped,
            vec![Dropped::StrayError; 3 - told],
            "{limit}"
        );
        let mut notices = 0;
        while let Some(notice) = world.next_incoming() {
            let words = "Your message was not delivered: Forbidden (service-unavailable)";
            assert_eq!(notice.request().body(), words);
            world.reply(&notice, StatusCode::OK);
            notices += 1;
        }
        assert_eq!(notices, told, "{limit}");
    }
}

/// What Lisa is told of Juliet, who lets her see these.
fn shown(limit: impl FnOnce(&mut Limits), stanzas: &[String]) -> (String, Vec<Dropped>) {
    let mut world = world(limit, policy());
    subscribe(&mut world, 3600);
    world.xmpp("<presence type='subscribed' from='juliet@xmpp.test' to='lisa@lync.test'/>");
    world.record = true;
    for stanza in stanzas {
        world.xmpp(stanza);
    }
    world.run(Duration::from_secs(6));
    let (_, notify) = world.recorded.pop().expect("she is told");
    (notify, world.dropped)
}

#[test]
fn devices_of_one_user_have_a_number() {
    let devices: Vec<_> = (0..3)
        .map(|device| format!("<presence from='juliet@xmpp.test/d{device}' to='lisa@lync.test'/>"))
        .collect();
    for (limit, seen) in [(2, 2), (3, 3), (4, 3)] {
        let (notify, dropped) = shown(|limits| limits.max_resources = limit, &devices);
        assert_eq!(
            notify.matches("<basic>open</basic>").count(),
            seen,
            "{notify}"
        );
        assert_eq!(dropped, vec![Dropped::NoRoom; 3 - seen]);
    }
}

#[test]
fn a_status_has_its_characters() {
    let status = "<presence from='juliet@xmpp.test/b' to='lisa@lync.test'><status>f\u{1F600}ur</status></presence>";
    for (limit, shown_as) in [(3, "f\u{1F600}u"), (4, "f\u{1F600}ur"), (5, "f\u{1F600}ur")] {
        let (notify, _) = shown(
            |limits| limits.max_status_chars = limit,
            &[status.to_owned()],
        );
        assert!(notify.contains(&format!(">{shown_as}</note>")), "{notify}");
    }
}

#[test]
fn domains_that_are_learned_have_a_number() {
    for limit in [2, 3, 4] {
        let mut world = world(|limits| limits.max_learned = limit, open());
        let expected: Vec<_> = (0..limit.min(3))
            .map(|number| format!("+ learned d{number}.test: records"))
            .collect();
        for number in 0..3 {
            world.proved.push(name(&format!("d{number}.test")));
        }
        for number in 0..3 {
            world.page(&format!("sip:a@d{number}.test"), "hi");
        }
        assert_eq!(answers(&mut world, 3), [200; 3]);
        assert_eq!(world.facts, expected);
    }
}

#[test]
fn decisions_of_users_have_a_number() {
    for (limit, held) in [(2, 2), (3, 3), (4, 3)] {
        let mut world = world(|limits| limits.max_authorizations = limit, policy());
        for user in 0..3 {
            subscribe_as(&mut world, &format!("sip:user{user}@lync.test"), 3600);
            world.xmpp(&format!(
                "<presence type='subscribed' from='juliet@xmpp.test' to='user{user}@lync.test'/>"
            ));
        }
        assert_eq!(world.bridge.counts().authorizations, held);
        assert_eq!(world.facts.len(), held);
        assert_eq!(world.dropped, vec![Dropped::NoRoom; 3 - held]);
    }
}

#[test]
fn what_comes_back_of_a_former_run_has_its_numbers_too() {
    let facts = || {
        (0..3).flat_map(|number| {
            let learned = Fact::read(&format!("learned d{number}.test"), "records");
            let user = format!("authorization lisa@lync.test user{number}@xmpp.test");
            [learned.unwrap(), Fact::read(&user, "allowed").unwrap()]
        })
    };
    for (limit, held) in [(2, 2), (3, 3), (4, 3)] {
        let set = |limits: &mut Limits| {
            limits.max_learned = limit;
            limits.max_authorizations = limit;
        };
        let mut world = world(set, open());
        world.bridge.restore(world.now, &mut world.gateway, facts());
        assert_eq!(world.bridge.counts().authorizations, held);
        // Whom nobody has learned is looked for.
        for number in 0..3 {
            world.xmpp(&message(&format!("a@d{number}.test"), number));
        }
        assert_eq!(world.asked.len(), 3 - held);
    }
}

#[test]
fn open_questions_have_a_number() {
    let later = "<error type='wait'>\
         <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for (limit, asked) in [(2, 2), (3, 3), (4, 3)] {
        let mut world = world(|limits| limits.max_questions = limit, open());
        for number in 0..3 {
            world.xmpp(&message(&format!("a@d{number}.test"), number));
        }
        let refused: Vec<_> = (asked..3).map(|number| number.to_string()).collect();
        assert_eq!(returned(&mut world, later), refused);
        assert_eq!(
            (world.bridge.counts().questions, world.asked.len()),
            (asked, asked)
        );
        // What is asked already takes no further question.
        world.xmpp(&message("b@d0.test", 9));
        assert_eq!(world.left(), [""; 0]);
    }
    for (limit, asked) in [(2, 2), (3, 3), (4, 3)] {
        let mut world = world(|limits| limits.max_questions = limit, policy());
        for number in 0..3 {
            world.page(&format!("sip:a@d{number}.test"), "hi");
        }
        assert_eq!(answers(&mut world, 3 - asked), vec![480; 3 - asked]);
        assert_eq!(
            (world.bridge.counts().questions, world.asked.len()),
            (asked, asked)
        );
        world.page("sip:b@d0.test", "hi");
        world.edge_is_quiet();
    }
}

/// A request of always the same length.
fn raw_page(domain: &str, number: usize) -> String {
    format!(
        "MESSAGE sip:juliet@xmpp.test SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.2;branch=z9hG4bK{number}\r\n\
         From: <sip:bob@{domain}>;tag={number}\r\nTo: <sip:juliet@xmpp.test>\r\nCall-ID: {number}\r\n\
         CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\n\
         Content-Length: 2\r\n\r\nhi"
    )
}

/// A connection is there, nothing leaves any more, and what is answered is seen.
fn held_up(limit: usize) -> World {
    let mut rules = policy();
    let new = FederatedDomain::new(name("new.test"), PeerKind::Standard);
    rules.sip.domains.push(new);
    let mut world = world(|limits| limits.max_held_bytes = limit, rules);
    world.page("sip:bob@sip.test", "hi");
    assert_eq!(answers(&mut world, 1), [200]);
    world.sends = false;
    world.record = true;
    world
}

fn refused(world: &World) -> usize {
    let sent = world.recorded.iter();
    sent.filter(|(_, text)| text.starts_with("SIP/2.0 480 "))
        .count()
}

#[test]
fn requests_that_wait_have_their_bytes() {
    let bytes = size_of::<Incoming>() + raw_page("sip.test", 0).len();
    for (limit, held) in [(3 * bytes - 1, 2), (3 * bytes, 3), (3 * bytes + 1, 3)] {
        let mut world = held_up(limit);
        for number in 0..4 {
            world.inject(&raw_page("sip.test", number));
        }
        assert_eq!(world.bridge.counts().held_requests, held, "{limit}");
        assert_eq!(refused(&world), 4 - held, "{limit}");
        // What has left makes room for one more, and what was accepted late for as many.
        let sent = world.unsent.pop_front().unwrap();
        let World {
            bridge,
            gateway,
            now,
            ..
        } = &mut world;
        bridge.handle_sent(*now, gateway, sent);
        world.pump();
        world.inject(&raw_page("sip.test", 5));
        world.run(Duration::from_secs(26));
        for number in 0..held {
            world.inject(&raw_page("sip.test", 6 + number));
        }
        assert_eq!(world.bridge.counts().held_requests, 2 * held);
        assert_eq!(refused(&world), 4 - held);
    }
}

#[test]
fn requests_of_whom_nobody_knows_have_their_bytes() {
    let bytes = size_of::<Incoming>() + raw_page("new.test", 0).len();
    for (limit, held) in [(3 * bytes - 1, 2), (3 * bytes, 3), (3 * bytes + 1, 3)] {
        let mut world = held_up(limit);
        for number in 0..4 {
            world.inject(&raw_page("new.test", number));
        }
        assert_eq!(refused(&world), 4 - held, "{limit}");
        let Some(Event::Identify { query, .. }) = world.asked.pop_front() else {
            panic!("nobody is asked");
        };
        let World {
            bridge,
            gateway,
            now,
            ..
        } = &mut world;
        bridge.handle_identified(*now, gateway, query, true);
        world.pump();
        // Now they wait for their stanzas.
        assert_eq!(world.bridge.counts().held_requests, held);
        world.inject(&raw_page("new.test", 5));
        assert_eq!(refused(&world), 4 - held + 1);
    }
}

#[test]
fn what_is_looked_for_has_its_bytes() {
    let held = crate::world::parse(&message("a@d0.test", 0)).held_bytes();
    let later = "<error type='wait'>\
         <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for (limit, refused) in [
        (3 * held - 1, &["2", "3"][..]),
        (3 * held, &["3"]),
        (3 * held + 1, &["3"]),
    ] {
        let mut world = world(|limits| limits.max_queued_bytes = limit, open());
        for id in 0..4 {
            world.xmpp(&message("a@d0.test", id));
        }
        assert_eq!(returned(&mut world, later), refused);
        // What was found is not held any more.
        let Some(Event::Discover { query, .. }) = world.asked.pop_front() else {
            panic!("nobody is asked");
        };
        let (now, way) = (world.now, Some(Way::Xmpp));
        let World {
            bridge, gateway, ..
        } = &mut world;
        bridge.handle_discovered(now, gateway, query, way);
        world.pump();
        assert_eq!(world.asked.len(), 4 - refused.len());
        world.xmpp(&message("a@d1.test", 5));
        assert_eq!(world.left(), [""; 0]);
    }
}

#[test]
fn who_may_speak_for_whom_is_remembered_up_to_a_number() {
    for (limit, asked_again) in [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0)] {
        let mut world = world(|limits| limits.max_identities = limit, policy());
        let page = |world: &mut World, number| {
            world.page(&format!("sip:a@d{number}.test"), "hi");
            let asked = world.asked.pop_front();
            if let Some(Event::Identify { query, .. }) = asked {
                let World {
                    bridge,
                    gateway,
                    now,
                    ..
                } = world;
                bridge.handle_identified(*now, gateway, query, false);
                world.pump();
                return 1;
            }
            0
        };
        for number in 0..3 {
            assert_eq!(page(&mut world, number), 1);
        }
        // The last by name stay; to ask for those first puts no other out.
        let again: usize = [2, 1, 0]
            .map(|number| page(&mut world, number))
            .iter()
            .sum();
        assert_eq!(again, asked_again, "{limit}");
        assert_eq!(answers(&mut world, 6), [403; 6]);
    }
}

#[test]
fn what_is_learned_anew_puts_nothing_else_out() {
    let mut world = world(|limits| limits.max_identities = 2, policy());
    let mut asked = Vec::new();
    for number in [0, 1, 0, 1] {
        if asked.len() == 2 {
            world.run(Duration::from_secs(301));
        }
        world.page(&format!("sip:a@d{number}.test"), "hi");
        let Some(Event::Identify { query, domain, .. }) = world.asked.pop_front() else {
            panic!("nobody is asked");
        };
        asked.push(domain.to_string());
        let World {
            bridge,
            gateway,
            now,
            ..
        } = &mut world;
        bridge.handle_identified(*now, gateway, query, false);
        world.pump();
    }
    assert_eq!(asked.len(), 4);
    for number in [0, 1] {
        world.page(&format!("sip:a@d{number}.test"), "hi");
        assert!(world.asked.is_empty(), "{number}");
    }
}
