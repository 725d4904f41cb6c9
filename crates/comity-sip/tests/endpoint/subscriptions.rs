//! Subscriptions of both sides, and publications.

use std::time::Duration;

use bytes::Bytes;
use comity_sip::endpoint::{Event, Incoming};
use comity_sip::header::SubscriptionState;
use comity_sip::{
    Cause, HeaderName, Method, PublicationEvent, Publish, Reason, StatusCode, Subscribe,
    SubscriptionEvent, SubscriptionId, Transport, WatcherEvent,
};
use comity_testkit::link::{DatagramPlan, End};

use super::world::{World, config, target};

const PIDF: &str = "<presence entity='pres:bob@b.example'/>";

pub(crate) fn wish(event: &str, seconds: u64) -> Subscribe {
    let (resource, from) = ("sip:bob@b.example", "sip:alice@a.example");
    let (resource, from) = (resource.parse().unwrap(), from.parse().unwrap());
    let mut wish = Subscribe::new(resource, from, event);
    wish.expires = Duration::from_secs(seconds);
    wish.targets = vec![target(End::B, Transport::Tls)];
    wish.accept = vec!["application/pidf+xml".to_owned()];
    wish
}

fn subscribe(world: &mut World, event: &str, seconds: u64) -> SubscriptionId {
    let wish = wish(event, seconds);
    world
        .act(End::A, |now, endpoint| endpoint.subscribe(now, wish))
        .unwrap()
}

fn incoming(told: Vec<Event>) -> Box<Incoming> {
    match <[Event; 1]>::try_from(told) {
        Ok([Event::Request(incoming)]) => incoming,
        told => panic!("{told:?}"),
    }
}

fn accept(world: &mut World, incoming: &Incoming) -> SubscriptionId {
    let state = Some(("application/pidf+xml", Bytes::from(PIDF)));
    world
        .act(End::B, |now, endpoint| {
            endpoint.accept_subscription(now, incoming, state)
        })
        .unwrap()
}

/// What a subscriber was told, in few words.
fn said(told: Vec<Event>) -> Vec<String> {
    let said = told.into_iter().map(|event| match event {
        Event::Subscription { event, .. } => match event {
            SubscriptionEvent::Notified(request) => {
                let state = request.headers().one::<SubscriptionState<'_>>().unwrap();
                let body = request.body();
                format!("{state} {}", String::from_utf8_lossy(&body))
                    .trim()
                    .to_owned()
            }
            SubscriptionEvent::Retrying { cause, .. } => format!("retrying: {cause}"),
            SubscriptionEvent::Ended(cause) => format!("ended: {cause}"),
            other => panic!("{other:?}"),
        },
        Event::Watcher { event, .. } => match event {
            WatcherEvent::Refreshed(time) => format!("refreshed for {} s", time.as_secs()),
            WatcherEvent::Ended(cause) => format!("ended: {cause}"),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    });
    said.collect()
}

fn established(world: &mut World, seconds: u64) -> (SubscriptionId, SubscriptionId) {
    let ours = subscribe(world, "presence", seconds);
    world.run_until_told();
    let incoming = incoming(world.told(End::B));
    let watcher = accept(world, &incoming);
    world.run(Duration::from_secs(1));
    let left = seconds.min(3_600);
    assert_eq!(
        said(world.told(End::A)),
        [format!("active;expires={left} {PIDF}")]
    );
    (ours, watcher)
}

#[test]
fn a_watcher_is_told_every_state() {
    let mut world = World::ideal();
    let (_, watcher) = established(&mut world, 600);
    for state in ["one", "two"] {
        world
            .act(End::B, |now, endpoint| {
                endpoint.notify(now, watcher, "application/pidf+xml", state.into())
            })
            .unwrap();
        world.run(Duration::from_secs(1));
    }
    assert_eq!(
        said(world.told(End::A)),
        ["active;expires=599 one", "active;expires=598 two"]
    );
}

#[test]
fn while_a_notify_is_under_way_the_last_state_is_kept() {
    let mut world = World::ideal();
    let (_, watcher) = established(&mut world, 600);
    // Nothing arrives before the run goes on.
    for state in ["one", "two", "three", "four"] {
        world
            .act(End::B, |now, endpoint| {
                endpoint.notify(now, watcher, "application/pidf+xml", state.into())
            })
            .unwrap();
    }
    world.run(Duration::from_secs(1));
    assert_eq!(
        said(world.told(End::A)),
        ["active;expires=599 one", "active;expires=598 four"]
    );
}

#[test]
fn a_subscription_is_refreshed_at_60_to_90_percent_and_told_again() {
    let mut world = World::ideal();
    let (ours, watcher) = established(&mut world, 1_000);
    let before = world.now;
    world.run_until_told();
    let waited = (world.now - before).as_secs();
    assert!((598..=901).contains(&waited), "{waited}");
    world.run(Duration::from_secs(1));
    assert_eq!(said(world.told(End::B)), ["refreshed for 1000 s"]);
    assert_eq!(
        said(world.told(End::A)),
        [format!("active;expires=1000 {PIDF}")]
    );
    world
        .act(End::A, |now, endpoint| endpoint.unsubscribe(now, ours))
        .unwrap();
    world.run(Duration::from_secs(1));
    let last = format!("terminated;reason=timeout {PIDF}");
    assert_eq!(
        said(world.told(End::A)),
        [last.as_str(), "ended: ended by the subscriber"]
    );
    assert_eq!(said(world.told(End::B)), ["ended: ended by the subscriber"]);
    let gone = world.act(End::B, |now, endpoint| {
        endpoint.notify(now, watcher, "application/pidf+xml", "x".into())
    });
    assert_eq!(gone, Err(comity_sip::SubscriptionError::Unknown));
    world.run(Duration::from_secs(200));
    assert!(world.is_quiet());
}

#[test]
fn a_subscription_for_no_time_asks_once() {
    let mut world = World::ideal();
    subscribe(&mut world, "presence", 0);
    world.run_until_told();
    let incoming = incoming(world.told(End::B));
    accept(&mut world, &incoming);
    world.run(Duration::from_secs(1));
    let last = format!("terminated;reason=timeout {PIDF}");
    assert_eq!(
        said(world.told(End::A)),
        [last.as_str(), "ended: ended by the subscriber"]
    );
    assert_eq!(said(world.told(End::B)), ["ended: ended by the subscriber"]);
}

#[test]
fn a_package_that_nobody_knows_gets_489() {
    let mut world = World::ideal();
    subscribe(&mut world, "dialog", 600);
    world.run(Duration::from_secs(1));
    assert_eq!(said(world.told(End::A)), ["ended: refused with 489"]);
    assert_eq!(world.told(End::B).len(), 0);
}

#[test]
fn a_time_that_is_too_short_gets_423_and_is_made_longer() {
    let mut world = World::ideal();
    subscribe(&mut world, "presence", 20);
    world.run_until_told();
    let incoming = incoming(world.told(End::B));
    let lines: Vec<_> = world
        .sent(End::B)
        .into_iter()
        .map(|(_, line)| line.to_owned())
        .collect();
    assert_eq!(lines, ["SIP/2.0 423 Interval Too Brief"]);
    accept(&mut world, &incoming);
    world.run(Duration::from_secs(1));
    assert_eq!(
        said(world.told(End::A)),
        [format!("active;expires=60 {PIDF}")]
    );
}

#[test]
fn each_reason_leads_where_rfc_6665_says() {
    let cases = [
        (Reason::Deactivated, Some(0)),
        (Reason::Probation, Some(0)),
        (Reason::Timeout, Some(0)),
        (Reason::GiveUp, Some(0)),
        (Reason::Rejected, None),
        (Reason::NoResource, None),
        (Reason::Invariant, None),
        (Reason::Other, Some(0)),
    ];
    for (reason, again) in cases {
        let mut world = World::ideal();
        let (ours, watcher) = established(&mut world, 600);
        world
            .act(End::B, |now, endpoint| {
                endpoint.terminate(now, watcher, reason)
            })
            .unwrap();
        world.run(Duration::from_millis(500));
        let state = match reason {
            Reason::Other => format!("terminated {PIDF}"),
            reason => format!("terminated;reason={reason} {PIDF}"),
        };
        let end = match again {
            Some(_) => format!("retrying: ended by the notifier: {reason}"),
            None => format!("ended: ended by the notifier: {reason}"),
        };
        assert_eq!(said(world.told(End::A)), [state, end], "{reason}");
        let told = world.told(End::B);
        let ended = told.iter().filter(|event| {
            let WatcherEvent::Ended(Cause::Terminated(ended)) = (match event {
                Event::Watcher { event, .. } => *event,
                _ => return false,
            }) else {
                return false;
            };
            ended == reason
        });
        assert_eq!(ended.count(), 1, "{told:?}");
        assert_eq!(told.len() > 1, again.is_some(), "{reason}: asked for again");
        let end = world.act(End::A, |now, endpoint| endpoint.unsubscribe(now, ours));
        assert_eq!(end.is_ok(), again.is_some(), "{reason}");
    }
}

#[test]
fn what_is_not_refreshed_ends() {
    let mut world = World::ideal();
    let (_, _) = established(&mut world, 600);
    world.forget(End::A, config(End::A));
    world.run(Duration::from_secs(700));
    // The NOTIFY that tells it finds nobody.
    assert_eq!(said(world.told(End::B)), ["ended: not refreshed in time"]);
}

#[test]
fn what_is_due_leaves_before_an_idle_connection_is_closed() {
    let short = |end| {
        let mut config = config(end);
        config.limits.idle = Duration::from_secs(80);
        config
    };
    let mut world = World::with(DatagramPlan::default(), 1, short(End::A), short(End::B));
    established(&mut world, 100);
    // Nobody looks at the clock until the connection is idle and the subscription over.
    world.now += Duration::from_secs(200);
    world.act(End::B, |now, endpoint| endpoint.handle_timeout(now));
    let sent = world.sent(End::B);
    let (at, line) = sent.last().unwrap();
    assert!(
        *at > 200.0 && line.starts_with("NOTIFY sip:"),
        "{at} {line}"
    );
    // On the connection that there was.
    assert_eq!(world.end(End::A).connections(), 1);
    assert_eq!(world.end(End::B).connections(), 1);
}

#[test]
fn a_refresh_that_finds_nobody_gets_481_and_begins_anew() {
    let mut world = World::ideal();
    established(&mut world, 600);
    world.forget(End::B, config(End::B));
    world.run_until_told();
    world.run(Duration::from_secs(5));
    assert_eq!(said(world.told(End::A)), ["retrying: refused with 481"]);
    let incoming = incoming(world.told(End::B));
    assert!(
        world
            .log
            .iter()
            .any(|(_, end, line)| *end == End::B && line.contains(" 481 "))
    );
    accept(&mut world, &incoming);
    world.run(Duration::from_secs(1));
    assert_eq!(
        said(world.told(End::A)),
        [format!("active;expires=600 {PIDF}")]
    );
}

#[test]
fn without_a_notify_a_subscription_is_not_there() {
    let mut world = World::ideal();
    subscribe(&mut world, "presence", 600);
    world.run_until_told();
    let incoming = incoming(world.told(End::B));
    let response = incoming.response(StatusCode::OK);
    world
        .act(End::B, |now, endpoint| {
            endpoint.answer(now, &incoming, response)
        })
        .unwrap();
    world.run_until_told();
    assert_eq!((world.now - world.start).as_secs(), 32, "Timer N");
    assert_eq!(said(world.told(End::A)), ["retrying: no notification came"]);
}

#[test]
fn subscriptions_come_back_at_different_times_after_a_restart() {
    let mut world = World::ideal();
    for _ in 0..20 {
        let wish = wish("presence", 600);
        world
            .act(End::A, |now, endpoint| {
                endpoint.restore(now, wish, Duration::from_secs(30))
            })
            .unwrap();
    }
    world.run(Duration::from_secs(30));
    let times: std::collections::BTreeSet<_> = world
        .log
        .iter()
        .filter(|(_, end, line)| *end == End::A && line.starts_with("SUBSCRIBE"))
        .map(|(at, _, _)| at.as_millis())
        .collect();
    assert_eq!(times.len(), 20);
    assert!(
        times.last().unwrap() - times.first().unwrap() > 20_000,
        "{times:?}"
    );
}

#[test]
fn a_held_subscription_is_pending_until_it_is_decided() {
    let mut world = World::ideal();
    subscribe(&mut world, "presence", 600);
    world.run_until_told();
    let incoming = incoming(world.told(End::B));
    let watcher = world
        .act(End::B, |now, endpoint| {
            endpoint.hold_subscription(now, &incoming)
        })
        .unwrap();
    world.run(Duration::from_secs(1));
    assert_eq!(said(world.told(End::A)), ["pending;expires=600"]);
    world
        .act(End::B, |now, endpoint| {
            endpoint.notify(now, watcher, "application/pidf+xml", PIDF.into())
        })
        .unwrap();
    world.run(Duration::from_secs(1));
    assert_eq!(
        said(world.told(End::A)),
        [format!("active;expires=599 {PIDF}")]
    );
}

fn publish_server(
    world: &mut World,
    answers: &[(StatusCode, Option<&str>, Option<u32>)],
) -> Vec<String> {
    let mut asked = Vec::new();
    for (status, etag, expires) in answers {
        world.run_until_told_to(End::B);
        let told = world.told(End::B);
        let incoming = incoming(told);
        let request = incoming.request();
        assert_eq!(request.method(), Method::Publish);
        let value = |name: &str| {
            let header = request.headers().find(name).next();
            header.map_or_else(
                || "-".to_owned(),
                |header| header.text().unwrap().to_owned(),
            )
        };
        let body = request.body();
        asked.push(format!(
            "{} {} {}",
            value("SIP-If-Match"),
            value("Expires"),
            String::from_utf8_lossy(&body)
        ));
        let mut response = incoming.response(*status);
        if let Some(etag) = etag {
            response.header(HeaderName::SipEtag, etag).unwrap();
        }
        if let Some(expires) = expires {
            let name = match status.is_success() {
                true => HeaderName::Expires,
                false => HeaderName::MinExpires,
            };
            response.header(name, expires).unwrap();
        }
        world
            .act(End::B, |now, endpoint| {
                endpoint.answer(now, &incoming, response)
            })
            .unwrap();
        world.run(Duration::from_millis(1));
    }
    asked
}

#[test]
fn a_publication_follows_its_entity_tag() {
    let mut configuration = config(End::B);
    configuration.acceptance.methods.push("PUBLISH".to_owned());
    let mut world = World::with(DatagramPlan::default(), 1, config(End::A), configuration);
    let (resource, from) = ("sip:alice@a.example", "sip:alice@a.example");
    let mut publish = Publish::new(
        resource.parse().unwrap(),
        from.parse().unwrap(),
        "presence",
        "application/pidf+xml",
        "open".into(),
    );
    publish.targets = vec![target(End::B, Transport::Tcp)];
    let id = world
        .act(End::A, |now, endpoint| endpoint.publish(now, publish))
        .unwrap();
    let (ok, too_brief) = (StatusCode::OK, StatusCode::INTERVAL_TOO_BRIEF);
    let lost = StatusCode::CONDITIONAL_REQUEST_FAILED;
    let asked = publish_server(
        &mut world,
        &[
            (too_brief, None, Some(7_200)),
            (ok, Some("e1"), Some(7_200)),
            (ok, Some("e2"), Some(7_200)),
            (lost, None, None),
            (ok, Some("e3"), Some(7_200)),
        ],
    );
    assert_eq!(
        asked,
        [
            "- 3600 open",
            "- 7200 open",
            "e1 7200 ",
            "e2 7200 ",
            "- 7200 open"
        ],
        "423, published, refreshed, forgotten by the server, published anew"
    );
    world.run(Duration::from_secs(1));
    let told = world.told(End::A);
    let published = told.iter().filter(|event| {
        matches!(event, Event::Publication { event: PublicationEvent::Published(time), .. } if time.as_secs() == 7_200)
    });
    assert_eq!((published.count(), told.len()), (3, 3), "{told:?}");
    world
        .act(End::A, |now, endpoint| {
            endpoint.modify(now, id, "closed".into())
        })
        .unwrap();
    world
        .act(End::A, |now, endpoint| {
            endpoint.modify(now, id, "away".into())
        })
        .unwrap();
    let asked = publish_server(
        &mut world,
        &[(ok, Some("e4"), None), (ok, Some("e5"), None)],
    );
    assert_eq!(asked, ["e3 7200 closed", "e4 7200 away"]);
    world
        .act(End::A, |now, endpoint| endpoint.unpublish(now, id))
        .unwrap();
    let asked = publish_server(&mut world, &[(ok, None, Some(0))]);
    assert_eq!(asked, ["e5 0 "]);
    world.run(Duration::from_secs(1));
    let told = world.told(End::A);
    assert!(
        matches!(
            told.last(),
            Some(Event::Publication {
                event: PublicationEvent::Ended(Cause::Unsubscribed),
                ..
            })
        ),
        "{told:?}"
    );
}
