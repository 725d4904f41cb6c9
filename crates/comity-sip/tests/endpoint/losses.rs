//! Connections that break at every step.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use comity_sip::endpoint::Event;
use comity_sip::{
    Method, SessionEvent, SessionId, StatusCode, Subscribe, SubscriptionEvent, Transport, Uri,
};
use comity_sip::{SubscriptionId, WatcherEvent};
use comity_testkit::link::End;

use super::world::{World, target};

/// What the user of one end has, and what was told of it.
#[derive(Default)]
struct User {
    sessions: BTreeMap<SessionId, bool>,
    requests: u32,
    answers: u32,
    subscriptions: BTreeMap<(SubscriptionId, bool), bool>,
}

impl User {
    /// Follows an event; panics if something is told about what is over.
    fn follow(&mut self, world: &mut World, end: End, event: Event) {
        match event {
            Event::Request(incoming) => match incoming.request().method() {
                Method::Invite => {
                    let accepted = world.act(end, |now, endpoint| {
                        endpoint.accept(now, &incoming, "application/sdp", "v=0\r\n".into())
                    });
                    self.sessions.insert(accepted.unwrap(), false);
                }
                Method::Subscribe => {
                    let state = Some(("application/pidf+xml", Bytes::from("<presence/>")));
                    let accepted = world.act(end, |now, endpoint| {
                        endpoint.accept_subscription(now, &incoming, state)
                    });
                    self.subscriptions.insert((accepted.unwrap(), false), false);
                }
                _ => {
                    let response = incoming.response(StatusCode::OK);
                    let answer = world.act(end, |now, endpoint| {
                        endpoint.answer(now, &incoming, response)
                    });
                    answer.unwrap();
                }
            },
            Event::Session { session, event } => self.follow_session(world, end, session, &event),
            Event::Subscription {
                subscription,
                event,
            } => {
                let is_over = matches!(event, SubscriptionEvent::Ended(_));
                self.follow_subscription((subscription, true), is_over);
            }
            Event::Watcher {
                subscription,
                event,
            } => {
                let is_over = matches!(event, WatcherEvent::Ended(_));
                self.follow_subscription((subscription, false), is_over);
            }
            Event::Response { response, .. } => {
                assert!(!response.status().is_provisional());
                self.answers += 1;
            }
            Event::Failed { .. } => self.answers += 1,
            Event::AnswerLost(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn follow_session(
        &mut self,
        world: &mut World,
        end: End,
        session: SessionId,
        event: &SessionEvent,
    ) {
        let is_over = self
            .sessions
            .get_mut(&session)
            .expect("a session that was begun");
        assert!(!*is_over, "{event:?} behind the end");
        match event {
            SessionEvent::Answered(_) => {
                let body = Some(("text/plain", "hello".into()));
                let sent = world.act(end, |now, endpoint| {
                    endpoint.request_in(now, session, Method::Message, body)
                });
                self.requests += u32::from(sent.is_ok());
            }
            SessionEvent::Failed(_) | SessionEvent::Refused(_) | SessionEvent::Ended(_) => {
                *is_over = true;
            }
            _ => {}
        }
    }

    fn follow_subscription(&mut self, id: (SubscriptionId, bool), is_over: bool) {
        let was_over = self
            .subscriptions
            .get_mut(&id)
            .expect("a subscription that was begun");
        assert!(!*was_over, "an event behind the end");
        *was_over = is_over;
    }
}

/// Runs on, and breaks all connections once so many messages have left.
fn run(world: &mut World, users: &mut [User; 2], time: Duration, break_at: usize) {
    let until = world.now + time;
    while world.now < until {
        let before = world.log.len();
        world.run(Duration::from_millis(10));
        if before < break_at && world.log.len() >= break_at {
            world.break_connections();
        }
        for end in [End::A, End::B] {
            for event in world.told(end) {
                users[end as usize].follow(world, end, event);
            }
        }
    }
}

#[test]
fn a_session_ends_wherever_its_connection_breaks() {
    for transport in [Transport::Tcp, Transport::Tls] {
        for break_at in 0..12 {
            let mut world = World::ideal();
            let mut users = [User::default(), User::default()];
            let session = world.act(End::A, |now, endpoint| {
                let (to, from) = ("sip:bob@b.example", "sip:alice@a.example");
                let (to, from) = (Uri::parse(to).unwrap(), Uri::parse(from).unwrap());
                let request = endpoint.compose(Method::Invite, to, from).unwrap();
                endpoint
                    .invite(now, &request, vec![target(End::B, transport)])
                    .unwrap()
            });
            users[0].sessions.insert(session, false);
            run(&mut world, &mut users, Duration::from_secs(3), break_at);
            for (end, user) in [End::A, End::B].into_iter().zip(&users) {
                for (&session, is_over) in &user.sessions {
                    if end == End::A && !is_over {
                        world
                            .act(end, |now, endpoint| endpoint.bye(now, session))
                            .unwrap();
                    }
                }
            }
            run(&mut world, &mut users, Duration::from_secs(200), break_at);
            let what = format!("{transport}, broken at {break_at}");
            assert_eq!(users[0].requests, users[0].answers, "{what}");
            assert!(users[1].sessions.values().all(|is_over| *is_over), "{what}");
            for end in [End::A, End::B] {
                assert_eq!(world.end(end).sessions(), 0, "{what}");
            }
            assert!(world.is_quiet(), "{what}");
        }
    }
}

#[test]
fn a_subscription_comes_back_wherever_its_connection_breaks() {
    for break_at in 0..12 {
        let mut world = World::ideal();
        let mut users = [User::default(), User::default()];
        let (resource, from) = ("sip:bob@b.example", "sip:alice@a.example");
        let mut wish = Subscribe::new(resource.parse().unwrap(), from.parse().unwrap(), "presence");
        wish.expires = Duration::from_secs(100);
        wish.targets = vec![target(End::B, Transport::Tls)];
        let ours = world
            .act(End::A, |now, endpoint| endpoint.subscribe(now, wish))
            .unwrap();
        users[0].subscriptions.insert((ours, true), false);
        run(&mut world, &mut users, Duration::from_secs(300), break_at);
        assert_eq!(
            users[0].subscriptions,
            [((ours, true), false)].into(),
            "broken at {break_at}"
        );
        let living = users[1].subscriptions.values().filter(|is_over| !**is_over);
        assert_eq!(living.count(), 1, "broken at {break_at}");
        world
            .act(End::A, |now, endpoint| endpoint.unsubscribe(now, ours))
            .unwrap();
        run(&mut world, &mut users, Duration::from_secs(200), break_at);
        assert!(
            users
                .iter()
                .all(|user| user.subscriptions.values().all(|is_over| *is_over))
        );
        assert!(world.is_quiet());
    }
}
