//! Sessions: INVITE, what is said in them, and their end.

use std::time::Duration;

use comity_sip::endpoint::{Event, Failure, Incoming, RequestId, Target};
use comity_sip::header::{CSeq, Contact, RetryAfter, To};
use comity_sip::{
    EndReason, Method, SessionError, SessionEvent, SessionId, StatusCode, Transport, Uri,
};
use comity_testkit::link::{DatagramPlan, End};

use super::world::{World, target};

const SDP: &str = "v=0\r\nm=message 5060 sip null\r\n";

fn invite(world: &mut World, targets: Vec<Target>) -> SessionId {
    world.act(End::A, |now, endpoint| {
        let (to, from) = ("sip:bob@b.example", "sip:alice@a.example");
        let (to, from) = (Uri::parse(to).unwrap(), Uri::parse(from).unwrap());
        let mut request = endpoint.compose(Method::Invite, to, from).unwrap();
        request.body("application/sdp", SDP.into()).unwrap();
        endpoint.invite(now, &request, targets).unwrap()
    })
}

/// The only request that was told.
fn request(told: Vec<Event>) -> Box<Incoming> {
    match <[Event; 1]>::try_from(told) {
        Ok([Event::Request(incoming)]) => incoming,
        told => panic!("{told:?}"),
    }
}

fn session_event(told: Vec<Event>) -> (SessionId, SessionEvent) {
    match <[Event; 1]>::try_from(told) {
        Ok([Event::Session { session, event }]) => (session, event),
        told => panic!("{told:?}"),
    }
}

fn accept(world: &mut World, incoming: &Incoming) -> SessionId {
    world
        .act(End::B, |now, endpoint| {
            endpoint.accept(now, incoming, "application/sdp", SDP.into())
        })
        .unwrap()
}

/// A session between both ends; gives its two sides.
fn establish(world: &mut World, transport: Transport) -> (SessionId, SessionId) {
    let caller = invite(world, vec![target(End::B, transport)]);
    world.run_until_told();
    let incoming = request(world.told(End::B));
    let callee = accept(world, &incoming);
    world.run(Duration::from_secs(2));
    let (session, event) = session_event(world.told(End::A));
    assert_eq!(session, caller);
    assert!(matches!(event, SessionEvent::Answered(response) if response.body() == SDP));
    let (session, event) = session_event(world.told(End::B));
    assert_eq!(session, callee);
    assert!(matches!(event, SessionEvent::Acknowledged(_)), "{event:?}");
    (caller, callee)
}

#[test]
fn a_session_lasts_from_invite_to_bye_over_each_transport() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let mut world = World::ideal();
        let (caller, callee) = establish(&mut world, transport);
        for (end, session) in [(End::A, caller), (End::B, callee)] {
            let body = Some(("text/plain", "hello".into()));
            let id = world.act(end, |now, endpoint| {
                endpoint
                    .request_in(now, session, Method::Message, body)
                    .unwrap()
            });
            world.run_until_told();
            let incoming = request(world.told(end.other()));
            assert!(incoming.session().is_some());
            assert_eq!(incoming.request().body(), "hello");
            let response = incoming.response(StatusCode::OK);
            world
                .act(end.other(), |now, endpoint| {
                    endpoint.answer(now, &incoming, response)
                })
                .unwrap();
            world.run(Duration::from_secs(1));
            let told = world.told(end);
            let [Event::Response { request, response }] = told.as_slice() else {
                panic!("{told:?}");
            };
            assert_eq!((*request, response.status()), (id, StatusCode::OK));
        }
        world
            .act(End::A, |now, endpoint| endpoint.bye(now, caller))
            .unwrap();
        world.run(Duration::from_secs(1));
        let (session, event) = session_event(world.told(End::B));
        assert_eq!(session, callee);
        assert!(matches!(event, SessionEvent::Ended(EndReason::Bye)));
        assert_eq!(world.told(End::A).len(), 0);
        world.run(Duration::from_secs(64));
        assert!(world.is_quiet());
    }
}

#[test]
fn the_2xx_is_repeated_until_the_ack_and_then_bye_is_sent() {
    let mut world = World::ideal();
    invite(&mut world, vec![target(End::B, Transport::Udp)]);
    world.run_until_told();
    let incoming = request(world.told(End::B));
    let lost = DatagramPlan {
        lost_per_mille: 1000,
        ..DatagramPlan::default()
    };
    world.replace_link(lost);
    accept(&mut world, &incoming);
    world.run(Duration::from_secs(80));
    let sent = world.sent(End::B);
    let ok: Vec<_> = sent
        .iter()
        .filter(|(_, line)| line.contains("200"))
        .map(|(at, _)| *at)
        .collect();
    // The 100 came after 200 ms at the latest, the 200 at once: T1, doubled up to T2, to 64*T1.
    assert_eq!(
        ok,
        [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    );
    let bye = sent
        .iter()
        .find(|(_, line)| line.starts_with("BYE"))
        .unwrap();
    assert_eq!(bye.0, 32.0);
    let (_, event) = session_event(world.told(End::B));
    assert!(matches!(event, SessionEvent::Ended(EndReason::NoAck)));
    world.run(Duration::from_secs(300));
    assert!(world.is_quiet());
}

#[test]
fn an_invite_that_rings_is_cancelled() {
    let mut world = World::ideal();
    let caller = invite(&mut world, vec![target(End::B, Transport::Tls)]);
    world.run_until_told();
    let incoming = request(world.told(End::B));
    let ringing = incoming.response(StatusCode::RINGING);
    world
        .act(End::B, |now, endpoint| {
            endpoint.inform(now, &incoming, ringing)
        })
        .unwrap();
    world.run(Duration::from_secs(1));
    let (_, event) = session_event(world.told(End::A));
    assert!(
        matches!(event, SessionEvent::Progress(response) if response.status() == StatusCode::RINGING)
    );
    world
        .act(End::A, |now, endpoint| endpoint.bye(now, caller))
        .unwrap();
    world.run(Duration::from_secs(1));
    let told = world.told(End::B);
    assert!(
        matches!(told.as_slice(), [Event::Cancelled(id)] if *id == incoming.id()),
        "{told:?}"
    );
    assert_eq!(
        world.told(End::A).len(),
        0,
        "nothing is told of what was given up"
    );
    let too_late = world.act(End::B, |now, endpoint| {
        endpoint.accept(now, &incoming, "application/sdp", SDP.into())
    });
    assert_eq!(too_late, Err(SessionError::Over));
    let lines: Vec<_> = world
        .sent(End::A)
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    assert_eq!(
        lines
            .iter()
            .map(|line| line.split(' ').next().unwrap())
            .collect::<Vec<_>>(),
        ["INVITE", "CANCEL", "ACK"]
    );
    world.run(Duration::from_secs(64));
    assert!(world.is_quiet());
}

#[test]
fn a_refused_invite_is_acknowledged_and_over() {
    let mut world = World::ideal();
    let caller = invite(&mut world, vec![target(End::B, Transport::Udp)]);
    world.run_until_told();
    let incoming = request(world.told(End::B));
    let busy = incoming.response(StatusCode::BUSY_HERE);
    world
        .act(End::B, |now, endpoint| {
            endpoint.answer(now, &incoming, busy)
        })
        .unwrap();
    world.run(Duration::from_secs(64));
    let (session, event) = session_event(world.told(End::A));
    assert_eq!(session, caller);
    assert!(
        matches!(event, SessionEvent::Refused(response) if response.status() == StatusCode::BUSY_HERE)
    );
    let acks = world
        .sent(End::A)
        .iter()
        .filter(|(_, line)| line.starts_with("ACK"))
        .count();
    assert_eq!(acks, 1);
    assert!(world.is_quiet());
    let gone = world.act(End::A, |now, endpoint| endpoint.bye(now, caller));
    assert_eq!(gone, Err(SessionError::Unknown));
}

#[test]
fn two_invites_that_meet_are_refused_and_one_comes_again() {
    for seed in 0..20 {
        let plan = DatagramPlan::default();
        let mut world = World::new(plan, seed);
        let (caller, callee) = establish(&mut world, Transport::Udp);
        for (end, session) in [(End::A, caller), (End::B, callee)] {
            world
                .act(end, |now, endpoint| {
                    endpoint.reinvite(now, session, "application/sdp", SDP.into())
                })
                .unwrap();
        }
        let before = world.now;
        let mut order = Vec::new();
        while order.len() < 2 {
            world.run_until_told();
            for end in [End::A, End::B] {
                for event in world.told(end) {
                    match event {
                        Event::Request(incoming) => {
                            order.push((end.other(), (world.now - before).as_millis()));
                            world
                                .act(end, |now, endpoint| {
                                    endpoint.accept(now, &incoming, "application/sdp", SDP.into())
                                })
                                .unwrap();
                        }
                        Event::Session {
                            event: SessionEvent::Answered(_) | SessionEvent::Acknowledged(_),
                            ..
                        } => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
        // The side without the Call-ID comes within 2 s, the other after 2.1 s.
        let [(first, at), (second, later)] = order.as_slice() else {
            panic!("{order:?}")
        };
        assert_eq!((*first, *second), (End::B, End::A), "seed {seed}");
        assert!(
            *at <= 2_100 && (2_100..=4_200).contains(later),
            "seed {seed}: {at} {later}"
        );
        let met = world
            .log
            .iter()
            .filter(|(_, _, line)| line.contains(" 491 "))
            .count();
        assert_eq!(met, 2);
    }
}

#[test]
fn a_second_invite_before_the_answer_is_refused_for_a_while() {
    let mut world = World::ideal();
    let (caller, _) = establish(&mut world, Transport::Tls);
    world
        .act(End::A, |now, endpoint| {
            endpoint.reinvite(now, caller, "application/sdp", SDP.into())
        })
        .unwrap();
    world.run_until_told();
    let incoming = request(world.told(End::B));
    let session = incoming.session().unwrap();
    let pending = world.act(End::B, |now, endpoint| {
        endpoint.reinvite(now, session, "application/sdp", SDP.into())
    });
    assert_eq!(pending, Err(SessionError::Pending));
    let pending = world.act(End::A, |now, endpoint| {
        endpoint.reinvite(now, caller, "application/sdp", SDP.into())
    });
    assert_eq!(pending, Err(SessionError::Pending));
}

#[test]
fn a_request_in_a_session_that_the_peer_forgot_ends_it() {
    let mut world = World::ideal();
    let (caller, callee) = establish(&mut world, Transport::Tls);
    world.break_connections();
    world.run(Duration::from_millis(1));
    world.refuses_connections = true;
    world
        .act(End::B, |now, endpoint| endpoint.bye(now, callee))
        .unwrap();
    world.run(Duration::from_secs(1));
    world.refuses_connections = false;
    let id = world.act(End::A, |now, endpoint| {
        endpoint
            .request_in(now, caller, Method::Message, None)
            .unwrap()
    });
    world.run(Duration::from_secs(1));
    let mut told = world.told(End::A).into_iter();
    let (Some(Event::Response { request, response }), Some(Event::Session { session, event })) =
        (told.next(), told.next())
    else {
        panic!("no answer");
    };
    assert_eq!((request, session), (id, caller));
    assert_eq!(
        response.status(),
        StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST
    );
    assert!(matches!(event, SessionEvent::Ended(EndReason::Gone)));
    assert!(told.next().is_none());
}

/// A request in a session that the callee holds for a while.
fn held(world: &mut World, time: Duration) -> (RequestId, SessionId) {
    let (caller, callee) = establish(world, Transport::Tls);
    let id = world.act(End::A, |now, endpoint| {
        endpoint.request_in(now, caller, Method::Message, None)
    });
    world.run(time);
    assert_eq!(request(world.told(End::B)).session(), Some(callee));
    (id.unwrap(), callee)
}

#[test]
fn a_request_in_a_session_that_the_peer_holds_is_not_sent_another_way() {
    for breaks in [false, true] {
        let mut world = World::ideal();
        // The 100 of a request that waits to be answered has come.
        let (id, _) = held(&mut world, Duration::from_secs(5));
        if breaks {
            world.break_connections();
        }
        world.run(Duration::from_secs(60));
        let told = world.told(End::A);
        let expected = match breaks {
            true => Failure::Transport,
            false => Failure::TimedOut,
        };
        let has_failed = told.iter().any(|event| {
            matches!(event, Event::Failed { request, failure } if *request == id && *failure == expected)
        });
        assert!(has_failed, "{told:?}");
    }
}

#[test]
fn a_copy_in_a_session_does_not_say_what_became_of_the_request() {
    for is_over in [false, true] {
        let mut world = World::ideal();
        let (id, callee) = held(&mut world, Duration::from_secs(1));
        if is_over {
            world
                .act(End::B, |now, endpoint| endpoint.bye(now, callee))
                .unwrap();
        }
        world.break_connections();
        world.run(Duration::from_secs(1));
        let refusal = match is_over {
            true => "SIP/2.0 481 Call/Transaction Does Not Exist",
            false => "SIP/2.0 500 Server Internal Error",
        };
        let sent = world.sent(End::B);
        assert!(sent.iter().any(|(_, line)| *line == refusal), "{sent:?}");
        let told = world.told(End::A);
        let outcomes: Vec<_> = told
            .iter()
            .filter(|event| !matches!(event, Event::Session { .. }))
            .collect();
        assert!(
            matches!(
                outcomes.as_slice(),
                [Event::Failed { request, failure: Failure::Transport }] if *request == id
            ),
            "{told:?}"
        );
    }
}

#[test]
fn a_session_survives_a_bad_link() {
    for seed in 0..30 {
        let plan = DatagramPlan {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(300),
            lost_per_mille: 200,
            doubled_per_mille: 100,
        };
        let mut world = World::new(plan, seed);
        let caller = invite(&mut world, vec![target(End::B, Transport::Udp)]);
        let mut answered = 0;
        let mut acknowledged = 0;
        for _ in 0..600 {
            world.run(Duration::from_millis(100));
            for event in world.told(End::B) {
                match event {
                    Event::Request(incoming) => {
                        accept(&mut world, &incoming);
                    }
                    Event::Session {
                        event: SessionEvent::Acknowledged(_),
                        ..
                    } => acknowledged += 1,
                    other => panic!("{other:?}"),
                }
            }
            for event in world.told(End::A) {
                match event {
                    Event::Session {
                        session,
                        event: SessionEvent::Answered(_),
                    } => {
                        assert_eq!(session, caller);
                        answered += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!((answered, acknowledged), (1, 1), "seed {seed}");
        world.run(Duration::from_secs(64));
        assert!(world.is_quiet());
    }
}

#[test]
fn answers_tell_where_the_dialog_comes_in() {
    let mut world = World::ideal();
    invite(&mut world, vec![target(End::B, Transport::Tls)]);
    world.run_until_told();
    let incoming = request(world.told(End::B));
    let headers = incoming.request().headers();
    let contact = headers.first::<Contact<'_>>().unwrap().unwrap();
    assert_eq!(
        contact.uri().unwrap().as_str(),
        "sip:alice@a.example:5061;transport=tls"
    );
    assert_eq!(headers.one::<CSeq<'_>>().unwrap().number, 1);
    assert_eq!(headers.one::<To<'_>>().unwrap().tag(), None);
    accept(&mut world, &incoming);
    world.run(Duration::from_secs(1));
    let (_, SessionEvent::Answered(response)) = session_event(world.told(End::A)) else {
        panic!("no answer");
    };
    let headers = response.headers();
    let contact = headers.first::<Contact<'_>>().unwrap().unwrap();
    assert_eq!(
        contact.uri().unwrap().as_str(),
        "sip:bob@b.example:5061;transport=tls"
    );
    assert!(headers.one::<To<'_>>().unwrap().tag().is_some());
    assert!(headers.optional::<RetryAfter<'_>>().unwrap().is_none());
}
