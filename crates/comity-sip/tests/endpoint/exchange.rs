//! Requests and their answers over networks of any quality.

use std::collections::BTreeMap;
use std::time::Duration;

use comity_sip::endpoint::{Event, Failure};
use comity_sip::{Method, SessionEvent, SessionId, StatusCode, Transport, Uri};
use comity_testkit::link::{DatagramPlan, End};

use super::world::{World, target};

/// A request from A to B.
fn send(
    world: &mut World,
    method: Method<'_>,
    transport: Transport,
) -> comity_sip::endpoint::RequestId {
    world.act(End::A, |now, endpoint| {
        let (to, from) = ("sip:bob@b.example", "sip:alice@a.example");
        let (to, from) = (Uri::parse(to).unwrap(), Uri::parse(from).unwrap());
        let mut request = endpoint.compose(method, to, from).unwrap();
        request.body("text/plain", "hi".into()).unwrap();
        endpoint
            .send(now, &request, vec![target(End::B, transport)])
            .unwrap()
    })
}

fn invite(world: &mut World) -> SessionId {
    world.act(End::A, |now, endpoint| {
        let (to, from) = ("sip:bob@b.example", "sip:alice@a.example");
        let (to, from) = (Uri::parse(to).unwrap(), Uri::parse(from).unwrap());
        let request = endpoint.compose(Method::Invite, to, from).unwrap();
        let targets = vec![target(End::B, Transport::Udp)];
        endpoint.invite(now, &request, targets).unwrap()
    })
}

/// B answers every request that it was given.
fn answer(world: &mut World, status: StatusCode) {
    for event in world.told(End::B) {
        if let Event::Request(incoming) = event {
            let response = incoming.response(status);
            world
                .act(End::B, |now, endpoint| {
                    endpoint.answer(now, &incoming, response)
                })
                .unwrap();
        }
    }
}

#[test]
fn a_message_is_answered_over_each_transport() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let mut world = World::ideal();
        let id = send(&mut world, Method::Message, transport);
        world.run_until_told();
        answer(&mut world, StatusCode::OK);
        world.run(Duration::from_secs(1));
        let told = world.told(End::A);
        let [Event::Response { request, response }] = told.as_slice() else {
            panic!("{transport}: {told:?}");
        };
        assert_eq!((*request, response.status()), (id, StatusCode::OK));
        world.run(Duration::from_secs(64));
        assert!(world.is_quiet(), "{transport}");
    }
}

#[test]
fn a_request_without_an_answer_is_repeated_by_timer_e() {
    let lost = DatagramPlan {
        lost_per_mille: 1000,
        ..DatagramPlan::default()
    };
    let mut world = World::new(lost, 1);
    let id = send(&mut world, Method::Message, Transport::Udp);
    world.run(Duration::from_secs(64));
    let times: Vec<_> = world.sent(End::A).iter().map(|(at, _)| *at).collect();
    let expected = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5];
    assert_eq!(times, expected);
    let told = world.told(End::A);
    let [Event::Failed { request, failure }] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((*request, *failure), (id, Failure::TimedOut));
    assert!(world.is_quiet());
}

#[test]
fn an_invite_without_an_answer_is_repeated_by_timer_a() {
    let lost = DatagramPlan {
        lost_per_mille: 1000,
        ..DatagramPlan::default()
    };
    let mut world = World::new(lost, 1);
    invite(&mut world);
    world.run(Duration::from_secs(64));
    let times: Vec<_> = world.sent(End::A).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]);
    assert!(world.is_quiet());
}

/// Every exchange ends with the answer or with a failure, whatever is lost, doubled and reordered, and
/// nothing stays behind.
#[test]
fn every_exchange_ends_over_a_bad_link() {
    let mut outcomes = BTreeMap::new();
    for seed in 0..60 {
        let plan = DatagramPlan {
            latency: Duration::from_millis(30),
            jitter: Duration::from_millis(900),
            lost_per_mille: 300,
            doubled_per_mille: 100,
        };
        let mut world = World::new(plan, seed);
        let mut waiting: BTreeMap<_, Vec<u16>> = BTreeMap::new();
        let session = invite(&mut world);
        let mut refused = Vec::new();
        for method in [Method::Message, Method::Options, Method::Message] {
            waiting.insert(send(&mut world, method, Transport::Udp), Vec::new());
        }
        let mut taken = 0;
        for _ in 0..2_000 {
            world.run(Duration::from_millis(100));
            taken += world
                .told(End::B)
                .into_iter()
                .filter_map(|event| match event {
                    Event::Request(incoming) => Some(incoming),
                    Event::AnswerLost(_) => None,
                    other => panic!("{other:?}"),
                })
                .map(|incoming| {
                    let response = incoming.response(StatusCode::BUSY_HERE);
                    world
                        .act(End::B, |now, endpoint| {
                            endpoint.answer(now, &incoming, response)
                        })
                        .unwrap();
                })
                .count();
            for event in world.told(End::A) {
                let (request, outcome) = match event {
                    Event::Session { session: id, event } => {
                        assert_eq!(id, session);
                        match event {
                            SessionEvent::Refused(response) => refused.push(response.status()),
                            SessionEvent::Failed(Failure::TimedOut) => {
                                refused.push(StatusCode::REQUEST_TIMEOUT);
                            }
                            other => panic!("{other:?}"),
                        }
                        continue;
                    }
                    Event::Response { response, .. } if response.status().is_provisional() => {
                        continue;
                    }
                    Event::Response { request, response } => (request, response.status().code()),
                    Event::Failed { request, failure } => {
                        assert_eq!(failure, Failure::TimedOut);
                        (request, 0)
                    }
                    other => panic!("{other:?}"),
                };
                waiting.get_mut(&request).unwrap().push(outcome);
            }
        }
        assert!(taken <= 3, "a request was given twice");
        assert_eq!(refused, [StatusCode::BUSY_HERE], "seed {seed}");
        for outcome in waiting.into_values() {
            assert_eq!(outcome.len(), 1, "seed {seed}: {outcome:?}");
            *outcomes.entry(outcome[0]).or_insert(0) += 1;
        }
        assert!(world.is_quiet(), "seed {seed}");
    }
    assert_eq!(outcomes.keys().copied().collect::<Vec<_>>(), [200, 486]);
}

#[test]
fn a_tap_shows_each_message_as_it_came_and_only_while_it_is_open() {
    use super::probe::{Probe, request};
    use comity_sip::{Flow, Transport};

    let mut probe = Probe::new();
    let connection = probe.connection(Transport::Tcp, "192.0.2.1:1111", &[]);
    let flow = Flow::Connection(connection);
    let message = |number: u32| {
        let via = format!("TCP a.example;branch=z9hG4bK{number}");
        request("OPTIONS", &via, "")
    };
    probe.input(connection, &message(1));
    assert_eq!(probe.endpoint.poll_received(), None);
    probe.endpoint.open_tap();
    let [two, three] = [2, 3].map(message);
    let broken = "OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let (first, rest) = two.split_at(30);
    probe.input(connection, first);
    assert_eq!(probe.endpoint.poll_received(), None);
    probe.input(connection, &format!("{rest}\r\n{three}{broken}"));
    for (expected, is_whole) in [(&*two, true), (&three, true), ("OPTIONS", false)] {
        let received = probe.endpoint.poll_received().unwrap();
        assert_eq!(received.flow, flow);
        assert!(received.message.starts_with(expected.as_bytes()));
        assert!(!is_whole || received.message.len() == expected.len());
    }
    probe.datagram("192.0.2.1:2222", &message(4).replace("TCP", "UDP"));
    let received = probe.endpoint.poll_received().unwrap();
    assert!(matches!(received.flow, Flow::Datagrams { remote, .. } if remote.port() == 2222));
    assert_eq!(probe.endpoint.poll_received(), None);
    // What nobody takes out is bounded.
    for _ in 0..1030 {
        probe.datagram("192.0.2.1:2222", "x");
    }
    let left = std::iter::from_fn(|| probe.endpoint.poll_received());
    assert_eq!(left.count(), 1024);
    probe.endpoint.close_tap();
    probe.datagram("192.0.2.1:2222", "x");
    assert_eq!(probe.endpoint.poll_received(), None);
}
