//! How many sessions, subscriptions and publications there may be.

use comity_sip::endpoint::{Config, Incoming};
use comity_sip::{Method, Publish, SessionError, SubscriptionError, Transport, Uri};
use comity_testkit::link::End;

use super::around;
use crate::probe::{Probe, request};
use crate::subscriptions::wish;
use crate::targets::{FIRST, target};
use crate::world::config;

/// Requests that begin dialogs, in this order.
fn dialogs(probe: &mut Probe, methods: [&str; 4]) -> [Incoming; 4] {
    for (number, method) in methods.into_iter().enumerate() {
        let via = format!("UDP 192.0.2.1:5060;branch=z9hG4bK{number}");
        let message = request(method, &via, "Event: presence\r\n");
        probe.datagram(FIRST, &message.replace("call@", &format!("{number}@")));
    }
    probe.requests().try_into().unwrap()
}

/// One, two and three of four are taken.
fn taken<E: Clone>(full: &E) -> [[Result<(), E>; 4]; 3] {
    [1, 2, 3].map(|taken| {
        [0, 1, 2, 3].map(|number| match number < taken {
            true => Ok(()),
            false => Err(full.clone()),
        })
    })
}

#[test]
fn sessions_and_subscriptions_of_others_have_a_number() {
    let set = |config: &mut Config, limit| config.limits.max_dialogs = limit;
    let sessions = around(2, set, |mut probe| {
        dialogs(&mut probe, ["INVITE"; 4]).map(|incoming| {
            let accepted = probe
                .endpoint
                .accept(probe.now, &incoming, "a/b", "".into());
            accepted.map(drop)
        })
    });
    assert_eq!(sessions, taken(&SessionError::Overloaded));
    let watchers = around(2, set, |mut probe| {
        dialogs(&mut probe, ["SUBSCRIBE"; 4]).map(|incoming| {
            let endpoint = &mut probe.endpoint;
            let accepted = endpoint.accept_subscription(probe.now, &incoming, None);
            accepted.map(drop)
        })
    });
    assert_eq!(watchers, taken(&SubscriptionError::Overloaded));
}

#[test]
fn sessions_and_subscriptions_of_a_source_count_together() {
    let set = |config: &mut Config, limit| config.limits.max_dialogs_per_source = limit;
    let accepted = around(2, set, |mut probe| {
        let methods = ["INVITE", "SUBSCRIBE", "INVITE", "SUBSCRIBE"];
        dialogs(&mut probe, methods).map(|incoming| {
            let endpoint = &mut probe.endpoint;
            if incoming.request().method() == Method::Invite {
                let accepted = endpoint.accept(probe.now, &incoming, "a/b", "".into());
                accepted.map(drop).map_err(|error| format!("{error:?}"))
            } else {
                let accepted = endpoint.accept_subscription(probe.now, &incoming, None);
                accepted.map(drop).map_err(|error| format!("{error:?}"))
            }
        })
    });
    assert_eq!(accepted, taken(&"Overloaded".to_owned()));
}

#[test]
fn sessions_subscriptions_and_publications_of_ours_have_a_number() {
    let set = |config: &mut Config, limit| config.limits.max_dialogs = limit;
    let begun = around(2, set, |mut probe| {
        let (now, endpoint) = (probe.now, &mut probe.endpoint);
        let (uri, from) = ("sip:alice@a.example", "sip:bob@b.example");
        let wanted = Uri::parse(uri).unwrap();
        let invite = endpoint
            .compose(Method::Invite, wanted, Uri::parse(from).unwrap())
            .unwrap();
        let (uri, from) = (uri.parse().unwrap(), from.parse().unwrap());
        let mut publish = Publish::new(uri, from, "presence", "text/plain", "open".into());
        publish.targets = vec![target(Transport::Udp, FIRST)];
        [1, 2, 3].map(|_| {
            let targets = vec![target(Transport::Udp, FIRST)];
            let sessions = endpoint.invite(now, &invite, targets);
            let subscriptions = endpoint.subscribe(now, wish("presence", 600));
            let publications = endpoint.publish(now, publish.clone());
            (sessions.err(), subscriptions.err(), publications.err())
        })
    });
    let full = (
        Some(SessionError::Overloaded),
        Some(SubscriptionError::Overloaded),
        Some(SubscriptionError::Overloaded),
    );
    let none = (None, None, None);
    let expected = [
        [none.clone(), full.clone(), full.clone()],
        [none.clone(), none.clone(), full],
        [none.clone(), none.clone(), none],
    ];
    assert_eq!(begun, expected);
}

#[test]
fn a_source_has_its_share_of_sessions_and_subscriptions() {
    let mut configuration = config(End::B);
    configuration.limits.max_dialogs_per_source = 2;
    let mut probe = Probe::with(configuration);
    let methods = ["INVITE", "SUBSCRIBE", "INVITE", "SUBSCRIBE"];
    let [first, second, third, fourth] = dialogs(&mut probe, methods);
    let now = probe.now;
    let endpoint = &mut probe.endpoint;
    assert!(endpoint.accept(now, &first, "a/b", "".into()).is_ok());
    assert!(endpoint.accept_subscription(now, &second, None).is_ok());
    let session = endpoint.accept(now, &third, "a/b", "".into());
    assert_eq!(session, Err(SessionError::Overloaded));
    let subscription = endpoint.accept_subscription(now, &fourth, None);
    assert_eq!(subscription, Err(SubscriptionError::Overloaded));
    assert_eq!((endpoint.sessions(), endpoint.subscriptions()), (1, 1));
}
