//! Presence both ways: who asks, who grants, and what is shown.

use std::time::Duration;

use bytes::Bytes;
use comity_bridge::{Config, Dropped, Fact};
use comity_policy::{DenyMode, Scope, Subject, UserRule, Verdict};
use comity_sip::endpoint::Event;
use comity_sip::header::{self, Expires, SubscriptionState};
use comity_sip::{
    Cause, Method, Reason, StatusCode, SubscriptionEvent, SubscriptionId, WatcherEvent,
};

use crate::cast::subscribe;
use crate::world::{World, policy};

/// What Lisa's client is told next: the state of the subscription and the body.
fn notified(world: &mut World) -> (String, String) {
    match world.told() {
        Event::Subscription {
            event: SubscriptionEvent::Notified(notify),
            ..
        } => {
            let headers = notify.headers();
            let state = headers.one::<SubscriptionState<'_>>().unwrap();
            let state = state.to_string();
            let state = state.split(';').next().unwrap().to_owned();
            (state, String::from_utf8(notify.body().to_vec()).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn presence(kind: &str, inside: &str) -> String {
    let kind = match kind {
        "" => String::new(),
        kind => format!("type='{kind}' "),
    };
    format!("<presence {kind}from='juliet@xmpp.test' to='lisa@lync.test'>{inside}</presence>")
}

fn from_device(show: &str) -> String {
    format!("<presence from='juliet@xmpp.test/balcony' to='lisa@lync.test'>{show}</presence>")
}

fn basic(body: &str) -> Vec<&str> {
    body.split("<basic>")
        .skip(1)
        .filter_map(|rest| rest.split("</basic>").next())
        .collect()
}

fn sent(kind: &str) -> String {
    format!("<presence from='lisa@lync.test' to='juliet@xmpp.test' type='{kind}'/>")
}

#[test]
fn a_watcher_waits_for_the_users_word_and_then_sees_her() {
    let mut world = World::new();
    subscribe(&mut world, 3600);
    assert_eq!(notified(&mut world), ("pending".to_owned(), String::new()));
    assert_eq!(world.left(), [sent("subscribe")]);
    // A second device of his asks nobody again.
    subscribe(&mut world, 3600);
    assert_eq!(notified(&mut world).0, "pending");
    assert_eq!(world.left(), [""; 0]);

    world.xmpp(&presence("subscribed", ""));
    for _ in 0..2 {
        let (state, body) = notified(&mut world);
        assert_eq!((state.as_str(), basic(&body)), ("active", vec!["closed"]));
    }
    assert_eq!(world.left(), [sent("probe")]);
    let fact = "+ authorization lisa@lync.test juliet@xmpp.test: allowed";
    assert_eq!(world.facts, [fact]);

    world.run(Duration::from_secs(5));
    world.xmpp(&from_device("<show>away</show>"));
    for _ in 0..2 {
        let (state, body) = notified(&mut world);
        assert_eq!((state.as_str(), basic(&body)), ("active", vec!["open"]));
    }
    world.edge_is_quiet();
}

#[test]
fn a_watcher_who_is_known_is_not_asked_about_again() {
    let mut world = World::new();
    let fact = Fact::Authorization {
        watcher: "lisa@lync.test".parse().unwrap(),
        presentity: "juliet@xmpp.test".parse().unwrap(),
        is_allowed: true,
    };
    world.restart(vec![fact]);
    subscribe(&mut world, 3600);
    assert_eq!(world.left(), [sent("probe")]);
    assert_eq!(notified(&mut world).0, "active");
}

#[test]
fn who_is_blocked_sees_what_who_asks_for_an_offline_user_sees() {
    let mut seen = Vec::new();
    for is_blocked in [false, true] {
        let mut rules = policy();
        let owner = "juliet@xmpp.test".parse().unwrap();
        let subject = Subject::User("lisa@lync.test".parse().unwrap());
        let verdict = match is_blocked {
            true => Verdict::Deny,
            false => Verdict::Allow,
        };
        rules
            .user_rules
            .push(UserRule::new(owner, subject, Scope::Both, verdict));
        let mut world = World::with(Config::new("gw"), rules);
        world.record = true;
        subscribe(&mut world, 3600);
        world.run(Duration::from_secs(30));
        // And once more, by one who asks once.
        subscribe(&mut world, 0);
        world.run(Duration::from_secs(30));
        assert_eq!(world.left().is_empty(), is_blocked);
        seen.push(std::mem::take(&mut world.recorded));
    }
    assert!(seen[0].len() >= 4, "{:?}", seen[0]);
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn a_block_of_a_watcher_who_sees_turns_the_user_offline_at_once() {
    let mut world = World::new();
    subscribe(&mut world, 3600);
    notified(&mut world);
    world.xmpp(&presence("subscribed", ""));
    notified(&mut world);
    world.run(Duration::from_secs(5));
    world.xmpp(&from_device(""));
    assert_eq!(basic(&notified(&mut world).1), ["open"]);
    world.left();

    let mut rules = policy();
    let owner = "juliet@xmpp.test".parse().unwrap();
    let subject = Subject::User("lisa@lync.test".parse().unwrap());
    let rule = UserRule::new(owner, subject, Scope::Both, Verdict::Deny);
    rules.user_rules.push(rule);
    world.replace_policy(rules);
    let (state, body) = notified(&mut world);
    assert_eq!((state.as_str(), basic(&body)), ("active", vec!["closed"]));
    // What she does from now on is not told.
    world.run(Duration::from_secs(5));
    world.xmpp(&from_device("<show>dnd</show>"));
    world.run(Duration::from_secs(5));
    world.edge_is_quiet();
    // Without the block it is again.
    world.replace_policy(policy());
    assert_eq!(basic(&notified(&mut world).1), ["open"]);
}

#[test]
fn a_denial_looks_like_an_offline_user_or_like_a_denial() {
    for mode in [DenyMode::Polite, DenyMode::Rejected] {
        let mut rules = policy();
        rules.deny_mode = mode;
        let mut world = World::with(Config::new("gw"), rules);
        subscribe(&mut world, 3600);
        notified(&mut world);
        world.xmpp(&presence("unsubscribed", ""));
        let (state, body) = notified(&mut world);
        assert_eq!((&*state, basic(&body)), ("active", vec!["closed"]));
        if mode == DenyMode::Rejected {
            let (state, body) = notified(&mut world);
            assert_eq!((&*state, basic(&body)), ("terminated", vec!["closed"]));
            assert!(matches!(
                world.told(),
                Event::Subscription {
                    event: SubscriptionEvent::Ended(Cause::Terminated(Reason::Rejected)),
                    ..
                }
            ));
        }
        let fact = "+ authorization lisa@lync.test juliet@xmpp.test: denied";
        assert_eq!(world.facts, [fact]);
        // The user is not asked again, until she adds him herself.
        world.left();
        subscribe(&mut world, 3600);
        assert_eq!(world.left(), [""; 0]);
        if mode == DenyMode::Rejected {
            assert!(matches!(
                world.told(),
                Event::Subscription {
                    event: SubscriptionEvent::Ended(Cause::Refused(StatusCode::FORBIDDEN)),
                    ..
                }
            ));
        }
        world.xmpp(&presence("subscribe", ""));
        let forgotten = "- authorization lisa@lync.test juliet@xmpp.test";
        assert_eq!(world.facts.get(1).map(String::as_str), Some(forgotten));
    }
}

#[test]
fn many_changes_are_told_once_in_five_seconds_and_the_last_one_wins() {
    let mut world = World::new();
    subscribe(&mut world, 3600);
    notified(&mut world);
    world.xmpp(&presence("subscribed", ""));
    notified(&mut world);
    for round in 0..4 {
        for show in ["away", "dnd", "xa"] {
            world.xmpp(&from_device(&format!("<show>{show}</show>")));
        }
        world.xmpp(&from_device(&format!(
            "<show>away</show><status>gone {round}</status>"
        )));
        world.edge_is_quiet();
        world.run(Duration::from_millis(4_999));
        world.edge_is_quiet();
        world.run(Duration::from_millis(1));
        let (_, body) = notified(&mut world);
        assert!(body.contains(&format!("gone {round}")), "{body}");
        world.edge_is_quiet();
    }
}

#[test]
fn who_asks_once_gets_the_state_as_soon_as_it_is_known() {
    let mut world = World::new();
    let fact = Fact::Authorization {
        watcher: "lisa@lync.test".parse().unwrap(),
        presentity: "juliet@xmpp.test".parse().unwrap(),
        is_allowed: true,
    };
    world.restart(vec![fact]);
    subscribe(&mut world, 0);
    assert_eq!(world.left(), [sent("probe")]);
    world.edge_is_quiet();
    world.xmpp(&from_device(""));
    assert_eq!(basic(&notified(&mut world).1), ["open"]);
    assert_eq!(world.bridge.counts().watchers, 0);
}

#[test]
fn a_watcher_who_leaves_is_told_to_the_user_as_unavailable() {
    let mut world = World::new();
    let id = subscribe(&mut world, 3600);
    notified(&mut world);
    world.xmpp(&presence("subscribed", ""));
    notified(&mut world);
    world.left();
    world.edge(|now, edge| edge.unsubscribe(now, id).unwrap());
    assert_eq!(world.left(), [sent("unavailable")]);
    assert_eq!(world.bridge.counts().watchers, 0);
    // What she decided stays.
    assert_eq!(world.bridge.counts().authorizations, 1);
}

#[test]
fn what_cannot_be_shown_is_refused() {
    for (lines, status) in [
        (&[("Event", "presence"), ("Accept", "text/plain")][..], 406),
        (&[("Event", "dialog")], 489),
        (&[("Event", "presence"), ("Expires", "59")], 423),
    ] {
        let mut world = World::new();
        let (from, to) = ("sip:lisa@lync.test", "sip:juliet@xmpp.test");
        world.request(Method::Subscribe, from, to, lines, None);
        assert_eq!(world.answered().0, status);
        assert_eq!(world.left(), [""; 0]);
    }
}

// From here on Juliet watches Lisa.

/// The SUBSCRIBE of the gateway, taken by the edge.
fn take(world: &mut World, state: Option<&'static str>) -> SubscriptionId {
    let incoming = world.incoming();
    assert_eq!(incoming.request().method(), Method::Subscribe);
    let headers = incoming.request().headers();
    let event = headers.one::<header::Event<'_>>().unwrap();
    assert_eq!(event.package(), "presence");
    world.edge(|now, edge| match state {
        Some(body) => {
            let state = Some(("application/pidf+xml", Bytes::from_static(body.as_bytes())));
            edge.accept_subscription(now, &incoming, state).unwrap()
        }
        None => edge.hold_subscription(now, &incoming).unwrap(),
    })
}

fn notify(world: &mut World, id: SubscriptionId, body: &'static str) {
    world.edge(|now, edge| {
        let body = Bytes::from_static(body.as_bytes());
        edge.notify(now, id, "application/pidf+xml", body).unwrap();
    });
}

const OPEN: &str = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:lisa@lync.test'>\
    <tuple id='ID-desk'><status><basic>open</basic></status></tuple></presence>";
const BUSY: &str = "<presence xmlns='urn:ietf:params:xml:ns:pidf' \
    xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
    xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' entity='pres:lisa@lync.test'>\
    <tuple id='ID-desk'><status><basic>open</basic></status></tuple>\
    <dm:person id='p'><rpid:activities><rpid:busy/></rpid:activities></dm:person></presence>";

#[test]
fn a_user_who_subscribes_hears_nothing_until_the_other_side_grants_it() {
    let mut world = World::new();
    world.xmpp(&presence("subscribe", ""));
    let id = take(&mut world, None);
    assert_eq!(world.left(), [""; 0]);
    notify(&mut world, id, OPEN);
    assert_eq!(
        world.left(),
        [
            sent("subscribed"),
            "<presence from='lisa@lync.test/desk' to='juliet@xmpp.test'/>".to_owned(),
        ]
    );
    assert_eq!(
        world.facts,
        [
            "+ watch juliet@xmpp.test lisa@lync.test: asked",
            "+ watch juliet@xmpp.test lisa@lync.test: granted",
        ]
    );
    // Table 1: busy is away with a status on an XMPP client.
    world.run(Duration::from_secs(5));
    notify(&mut world, id, BUSY);
    assert_eq!(
        world.left(),
        [
            "<presence from='lisa@lync.test/desk' to='juliet@xmpp.test'><show>away</show>\
             <status>Busy</status></presence>"
        ]
    );
    // The same again is no news.
    world.run(Duration::from_secs(5));
    notify(&mut world, id, BUSY);
    assert_eq!(world.left(), [""; 0]);
    assert_eq!(world.settled, [0]);
}

#[test]
fn each_user_has_a_subscription_of_her_own() {
    let mut world = World::new();
    world.xmpp(&presence("subscribe", ""));
    world.xmpp("<presence type='subscribe' from='romeo@xmpp.test' to='lisa@lync.test'/>");
    take(&mut world, Some(OPEN));
    take(&mut world, Some(OPEN));
    let left = world.left();
    assert_eq!(left.len(), 4);
    assert!(left[0].contains("to='juliet@xmpp.test'"));
    assert!(left[2].contains("to='romeo@xmpp.test'"));
}

#[test]
fn a_refusal_that_lasts_is_told_and_one_that_passes_is_not() {
    for (status, lasts) in [
        (403, true),
        (489, true),
        (603, true),
        (480, false),
        (500, false),
    ] {
        let mut world = World::new();
        world.xmpp(&presence("subscribe", ""));
        let incoming = world.incoming();
        world.reply(&incoming, StatusCode::new(status).unwrap());
        let expected = match lasts {
            true => vec![sent("unsubscribed")],
            false => Vec::new(),
        };
        assert_eq!(world.left(), expected, "{status}");
        assert_eq!(
            world.bridge.counts().watches,
            usize::from(!lasts),
            "{status}"
        );
        if !lasts {
            // It is asked for again by itself.
            world.run(Duration::from_secs(300));
            assert_eq!(world.incoming().request().method(), Method::Subscribe);
        }
    }
}

#[test]
fn what_the_other_side_takes_back_is_told() {
    let mut world = World::new();
    world.xmpp(&presence("subscribe", ""));
    let id = take(&mut world, Some(OPEN));
    world.left();
    world.edge(|now, edge| edge.terminate(now, id, Reason::Rejected).unwrap());
    let left = world.left();
    assert_eq!(left.last(), Some(&sent("unsubscribed")));
    assert_eq!(world.bridge.counts().watches, 0);
    assert_eq!(
        world.facts.last().map(String::as_str),
        Some("- watch juliet@xmpp.test lisa@lync.test")
    );
}

#[test]
fn a_user_who_unsubscribes_ends_the_subscription_and_is_told() {
    let mut world = World::new();
    world.xmpp(&presence("subscribe", ""));
    let id = take(&mut world, Some(OPEN));
    world.left();
    world.xmpp(&presence("unsubscribe", ""));
    assert!(matches!(
        world.told(),
        Event::Watcher { subscription, event: WatcherEvent::Ended(Cause::Unsubscribed) }
            if subscription == id
    ));
    let left = world.left();
    assert_eq!(left.last(), Some(&sent("unsubscribed")));
    assert_eq!(world.bridge.counts().watches, 0);
}

#[test]
fn a_probe_is_answered_with_what_is_known_and_asks_once_if_nothing_is() {
    let mut world = World::new();
    world.xmpp("<presence type='probe' from='romeo@xmpp.test' to='lisa@lync.test'/>");
    let incoming = world.incoming();
    let expires = incoming.request().headers().one::<Expires>().unwrap();
    assert_eq!(expires.seconds(), Some(0));
    world.edge(|now, edge| {
        let state = Some(("application/pidf+xml", Bytes::from_static(OPEN.as_bytes())));
        edge.accept_subscription(now, &incoming, state).unwrap();
    });
    assert_eq!(
        world.left(),
        ["<presence from='lisa@lync.test/desk' to='romeo@xmpp.test'/>"]
    );
    assert_eq!(world.bridge.counts().watches, 0);
    world.told();

    world.xmpp(&presence("subscribe", ""));
    take(&mut world, Some(OPEN));
    world.left();
    world.xmpp("<presence type='probe' from='juliet@xmpp.test/balcony' to='lisa@lync.test'/>");
    assert_eq!(
        world.left(),
        ["<presence from='lisa@lync.test/desk' to='juliet@xmpp.test/balcony'/>"]
    );
}

#[test]
fn a_restart_subscribes_once_for_each_contact_within_the_time() {
    let facts: Vec<_> = (0..1_000)
        .map(|number| Fact::Watch {
            watcher: "juliet@xmpp.test".parse().unwrap(),
            presentity: format!("user{number}@lync.test").parse().unwrap(),
            is_granted: true,
        })
        .collect();
    let mut world = World::new();
    world.restart(facts);
    let mut asked = std::collections::BTreeMap::new();
    for _ in 0..60 {
        world.run(Duration::from_secs(1));
        while let Some(incoming) = world.next_incoming() {
            let to = incoming.request().uri().to_string();
            *asked.entry(to).or_insert(0) += 1;
            world.edge(|now, edge| {
                let state = Some(("application/pidf+xml", Bytes::from_static(OPEN.as_bytes())));
                edge.accept_subscription(now, &incoming, state).unwrap();
            });
        }
    }
    assert_eq!(asked.len(), 1_000);
    assert!(asked.values().all(|times| *times == 1));
    assert_eq!(world.bridge.counts().subscriptions_restored, 1_000);
    // Nobody is told that she was subscribed, which she was.
    let left = world.left();
    assert_eq!(left.len(), 1_000);
    assert!(left.iter().all(|stanza| !stanza.contains("type=")));
}

#[test]
fn a_user_who_is_no_more_watches_no_longer() {
    let mut world = World::new();
    world.xmpp(&presence("subscribe", ""));
    take(&mut world, Some(OPEN));
    world.left();
    world.run(Duration::from_secs(86_400));
    assert!(world.left().contains(&sent("probe")));
    world.xmpp(
        "<presence type='error' from='juliet@xmpp.test' to='lisa@lync.test'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    );
    assert_eq!(world.bridge.counts().watches, 0);
    assert_eq!(world.edge.subscriptions(), 0);
}

#[test]
fn presence_for_nobody_is_dropped_and_counted() {
    let mut world = World::new();
    world.xmpp(&from_device(""));
    world.xmpp(&presence("subscribed", ""));
    assert_eq!(world.dropped, [Dropped::StrayPresence; 2]);
    assert_eq!(world.facts, [""; 0]);
    world.edge_is_quiet();
    assert_eq!(world.settled, [0, 1]);
}

#[test]
fn a_server_that_knows_nothing_of_a_watcher_is_asked_for_the_users_word() {
    // By a rule of the user's.
    let mut rules = policy();
    let owner = "juliet@xmpp.test".parse().unwrap();
    let subject = Subject::User("lisa@lync.test".parse().unwrap());
    let rule = UserRule::new(owner, subject, Scope::Both, Verdict::Allow);
    rules.user_rules.push(rule);
    let mut world = World::with(Config::new("gw"), rules);
    subscribe(&mut world, 3600);
    assert_eq!(world.left(), [sent("subscribe")]);
    // By what she decided in a former run, which her server has lost: this answers the probe.
    let mut world = World::new();
    let fact = Fact::Authorization {
        watcher: "lisa@lync.test".parse().unwrap(),
        presentity: "juliet@xmpp.test".parse().unwrap(),
        is_allowed: true,
    };
    world.restart(vec![fact]);
    subscribe(&mut world, 3600);
    assert_eq!(world.left(), [sent("probe")]);
    world.xmpp(&presence("unsubscribed", ""));
    assert_eq!(world.left(), [sent("subscribe")]);
    assert_eq!(
        world.facts,
        ["- authorization lisa@lync.test juliet@xmpp.test"]
    );
    // And this is her word.
    world.xmpp(&presence("unsubscribed", ""));
    let denied = "+ authorization lisa@lync.test juliet@xmpp.test: denied";
    assert_eq!(world.facts.last().unwrap(), denied);
}

#[test]
fn a_notify_without_contact_that_overtakes_the_answer_counts() {
    let mut world = World::new();
    world.record = true;
    world.xmpp(&presence("subscribe", ""));
    let incoming = world.incoming();
    let headers = incoming.request().headers();
    let value = |name: &str| {
        let header = headers.find(name).next().unwrap();
        header.text().unwrap().to_owned()
    };
    let (from, call_id) = (value("From"), value("Call-ID"));
    world.inject(&format!(
        "NOTIFY sip:juliet@gw.xmpp.test:5061;transport=tls SIP/2.0\r\n\
         Via: SIP/2.0/TLS edge.lync.test:5061;branch=z9hG4bKn1\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:lisa@lync.test>;tag=e1\r\n\
         To: {from}\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: 1 NOTIFY\r\n\
         Event: presence\r\n\
         Subscription-State: active;expires=3600\r\n\
         Content-Type: application/pidf+xml\r\n\
         Content-Length: {}\r\n\r\n{OPEN}",
        OPEN.len()
    ));
    let (_, answer) = world.recorded.last().unwrap();
    assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
    let seen = "<presence from='lisa@lync.test/desk' to='juliet@xmpp.test'/>";
    assert_eq!(world.left(), [sent("subscribed"), seen.to_owned()]);
    // The answer makes the dialog, and nobody asks again.
    world.edge(|now, edge| {
        let state = Some(("application/pidf+xml", Bytes::from_static(OPEN.as_bytes())));
        edge.accept_subscription(now, &incoming, state).unwrap();
    });
    world.run(Duration::from_secs(60));
    world.edge_is_quiet();
    assert_eq!(world.left(), [""; 0]);
}
