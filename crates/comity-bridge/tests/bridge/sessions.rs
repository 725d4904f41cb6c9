//! Sessions in which texts travel as MESSAGE, as Microsoft's servers do it.

use std::time::Duration;

use bytes::Bytes;
use comity_sip::endpoint::Event;
use comity_sip::{Method, SessionEvent, SessionId, StatusCode};

use crate::cast::{OFFER, accept, chat};
use crate::world::World;

const LISA: &str = "sip:lisa@lync.test";
const JULIET: &str = "sip:juliet@xmpp.test";

fn invite(world: &mut World, lines: &[(&str, &str)], offer: &'static str) {
    let content = Some(("application/sdp", Bytes::from_static(offer.as_bytes())));
    world.request(Method::Invite, LISA, JULIET, lines, content);
}

/// The session that the edge has begun.
fn established(world: &mut World) -> SessionId {
    match world.told() {
        Event::Session {
            session,
            event: SessionEvent::Answered(response),
        } => {
            let body = response.body();
            let body = std::str::from_utf8(&body).unwrap();
            assert!(body.contains("m=message 5060 sip null\r\n"), "{body}");
            session
        }
        other => panic!("{other:?}"),
    }
}

/// The next text in a session; it is answered.
fn text(world: &mut World, session: SessionId) -> String {
    let message = world.incoming();
    assert_eq!(message.session(), Some(session));
    assert_eq!(message.request().method(), Method::Message);
    world.reply(&message, StatusCode::OK);
    String::from_utf8(message.request().body().to_vec()).unwrap()
}

fn say(world: &mut World, session: SessionId, text: &'static str) {
    let content = Some((
        "text/plain; charset=UTF-8",
        Bytes::from_static(text.as_bytes()),
    ));
    world.edge(|now, edge| {
        edge.request_in(now, session, Method::Message, content)
            .unwrap();
    });
}

fn bodies(stanzas: &[String]) -> Vec<&str> {
    stanzas
        .iter()
        .filter_map(|stanza| stanza.split("<body>").nth(1)?.split("</body>").next())
        .collect()
}

#[test]
fn the_first_text_opens_a_session_and_the_others_wait_for_it() {
    let mut world = World::new();
    for (id, words) in [("1", "one"), ("2", "two"), ("3", "three")] {
        world.xmpp(&chat(id, words));
    }
    let session = accept(&mut world);
    assert_eq!(world.settled, []);
    for words in ["one", "two", "three"] {
        assert_eq!(text(&mut world, session), words);
    }
    assert_eq!(world.settled, [0, 1, 2]);
    world.edge_is_quiet();
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn the_session_is_used_by_both_whoever_began_it() {
    let mut world = World::new();
    invite(&mut world, &[], OFFER);
    let session = established(&mut world);
    say(&mut world, session, "hi");
    assert_eq!(world.answered().0, 200);
    assert_eq!(bodies(&world.left()), ["hi"]);
    world.xmpp(&chat("1", "hello"));
    assert_eq!(text(&mut world, session), "hello");
    assert_eq!(world.gateway.sessions(), 1);
}

#[test]
fn the_text_in_an_invite_is_not_taken_and_so_comes_once() {
    let mut world = World::new();
    let lines = [(
        "Ms-Text-Format",
        "text/plain; charset=UTF-8;msgr=WAA;ms-body=aGVsbG8",
    )];
    invite(&mut world, &lines, OFFER);
    match world.told() {
        Event::Session {
            session,
            event: SessionEvent::Answered(response),
        } => {
            // Nothing says that it was taken, so that the caller says it again.
            let supported = response.headers().find("Supported");
            assert!(
                supported
                    .into_iter()
                    .all(|tags| !tags.value().to_ascii_lowercase().starts_with(b"ms-text"))
            );
            assert_eq!(world.left(), [""; 0]);
            say(&mut world, session, "hello");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bodies(&world.left()), ["hello"]);
}

#[test]
fn a_session_that_is_refused_returns_every_text_in_its_order() {
    let mut world = World::new();
    for id in ["1", "2", "3"] {
        world.xmpp(&chat(id, "x"));
    }
    let invite = world.incoming();
    world.reply(&invite, StatusCode::TEMPORARILY_UNAVAILABLE);
    let returned = world.left();
    assert_eq!(returned.len(), 3);
    for (stanza, id) in returned.iter().zip(["1", "2", "3"]) {
        assert!(
            stanza.contains(&format!("id='{id}' type='error'")),
            "{stanza}"
        );
        assert!(stanza.contains("<recipient-unavailable"), "{stanza}");
        assert!(stanza.contains("480 Temporarily Unavailable"), "{stanza}");
    }
    assert_eq!(world.settled, [0, 1, 2]);
    world.edge_is_quiet();
    // The next one tries again.
    world.xmpp(&chat("4", "x"));
    assert_eq!(world.incoming().request().method(), Method::Invite);
}

#[test]
fn invites_that_cross_make_two_sessions_and_lose_nothing() {
    let mut world = World::new();
    world.xmpp(&chat("1", "from juliet"));
    let theirs = world.incoming();
    invite(&mut world, &[], OFFER);
    let ours = established(&mut world);
    // The text went in the session that stood first.
    assert_eq!(text(&mut world, ours), "from juliet");
    let other = world.edge(|now, edge| {
        edge.accept(now, &theirs, "application/sdp", OFFER.into())
            .unwrap()
    });
    assert!(matches!(world.told(), Event::Session { .. }));
    assert_eq!(world.gateway.sessions(), 2);
    for session in [ours, other] {
        say(&mut world, session, "from lisa");
        assert_eq!(world.answered().0, 200);
    }
    assert_eq!(bodies(&world.left()), ["from lisa", "from lisa"]);
    world.xmpp(&chat("2", "again"));
    // Sent in the newest.
    assert_eq!(text(&mut world, other), "again");
}

#[test]
fn a_session_that_the_other_side_has_forgotten_is_opened_anew_and_the_text_comes_once() {
    let mut world = World::new();
    world.xmpp(&chat("1", "one"));
    let session = accept(&mut world);
    assert_eq!(text(&mut world, session), "one");
    world.xmpp(&chat("2", "two"));
    let lost = world.incoming();
    world.reply(&lost, StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST);
    let session = accept(&mut world);
    assert_eq!(text(&mut world, session), "two");
    assert_eq!(world.settled, [0, 1]);
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn a_session_ends_and_opens_again() {
    let mut world = World::new();
    world.xmpp(&chat("1", "one"));
    let session = accept(&mut world);
    assert_eq!(text(&mut world, session), "one");
    world.edge(|now, edge| edge.bye(now, session).unwrap());
    assert_eq!(
        world.left(),
        [
            "<message from='lisa@lync.test' to='juliet@xmpp.test' type='chat'>\
             <gone xmlns='http://jabber.org/protocol/chatstates'/></message>"
        ]
    );
    assert_eq!(world.gateway.sessions(), 0);
    world.xmpp(&chat("2", "two"));
    let session = accept(&mut world);
    assert_eq!(text(&mut world, session), "two");
    // And Juliet closes her window.
    world.xmpp(
        "<message type='chat' from='juliet@xmpp.test/balcony' to='lisa@lync.test'>\
         <gone xmlns='http://jabber.org/protocol/chatstates'/></message>",
    );
    assert!(matches!(
        world.told(),
        Event::Session {
            event: SessionEvent::Ended(_),
            ..
        }
    ));
    assert_eq!(world.bridge.counts().conversations, 0);
}

#[test]
fn a_session_without_texts_ends_after_a_while() {
    let mut world = World::new();
    invite(&mut world, &[], OFFER);
    let session = established(&mut world);
    world.run(Duration::from_secs(599));
    say(&mut world, session, "still here");
    assert_eq!(world.answered().0, 200);
    world.run(Duration::from_secs(599));
    world.edge_is_quiet();
    world.run(Duration::from_secs(1));
    assert!(matches!(
        world.told(),
        Event::Session {
            event: SessionEvent::Ended(_),
            ..
        }
    ));
    assert_eq!(world.gateway.sessions(), 0);
    assert_eq!(world.bridge.counts().conversations, 0);
}

#[test]
fn conversations_of_three_are_refused_in_words() {
    for (name, value) in [
        ("Require", "com.microsoft.rtc-multiparty"),
        ("TriggeredInvite", "TRUE"),
        (
            "EndPoints",
            "<sip:lisa@lync.test>, <sip:juliet@xmpp.test>, <sip:tom@lync.test>",
        ),
    ] {
        let mut world = World::new();
        invite(&mut world, &[(name, value)], OFFER);
        match world.told() {
            Event::Session {
                event: SessionEvent::Refused(response),
                ..
            } => {
                assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE_HERE);
                assert_eq!(
                    response.reason(),
                    "conversations of more than two are not supported"
                );
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(world.left(), [""; 0]);
    }
}

#[test]
fn a_text_that_requires_a_conversation_of_three_gets_the_extension_back() {
    let mut world = World::new();
    let require = [("Require", "com.microsoft.rtc-multiparty")];
    let content = Some(("text/plain", Bytes::from("hello")));
    world.request(Method::Message, LISA, JULIET, &require, content);
    match world.told() {
        Event::Response { response, .. } => {
            assert_eq!(response.status(), StatusCode::BAD_EXTENSION);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn what_is_no_session_of_texts_is_refused() {
    for (content_type, body, status) in [
        ("application/sdp", "m=message 2855 TCP/MSRP *\r\n", 488),
        ("application/sdp", "m=audio 40000 RTP/AVP 0\r\n", 488),
        ("application/ms-conf-invite+xml", "<Conferencing/>", 488),
        ("text/plain", "hello", 415),
    ] {
        let mut world = World::new();
        let content = Some((content_type, Bytes::from(body)));
        world.request(Method::Invite, LISA, JULIET, &[], content);
        match world.told() {
            Event::Session {
                event: SessionEvent::Refused(response),
                ..
            } => assert_eq!(response.status().code(), status, "{body}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.bridge.counts().conversations, 0, "{body}");
    }
}

#[test]
fn typing_goes_both_ways_in_a_session() {
    let mut world = World::new();
    invite(&mut world, &[], OFFER);
    let session = established(&mut world);
    let activity = "<?xml version=\"1.0\"?><KeyboardActivity> <status status=\"type\" />\
        </KeyboardActivity>";
    world.edge(|now, edge| {
        let content = Some(("application/xml", Bytes::from(activity)));
        edge.request_in(now, session, Method::Info, content)
            .unwrap();
    });
    assert_eq!(world.answered().0, 200);
    assert_eq!(
        world.left(),
        [
            "<message from='lisa@lync.test' to='juliet@xmpp.test' type='chat'>\
             <composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
        ]
    );
    for (state, word) in [("composing", "type"), ("paused", "idle")] {
        world.xmpp(&format!(
            "<message type='chat' from='juliet@xmpp.test' to='lisa@lync.test'>\
             <{state} xmlns='http://jabber.org/protocol/chatstates'/></message>"
        ));
        let info = world.incoming();
        assert_eq!(info.request().method(), Method::Info);
        let body = String::from_utf8(info.request().body().to_vec()).unwrap();
        assert!(body.contains(&format!("status=\"{word}\"")), "{body}");
        world.reply(&info, StatusCode::OK);
    }
}

#[test]
fn a_gateway_that_stops_ends_its_sessions_and_returns_what_waits() {
    let mut world = World::new();
    world.xmpp(&chat("1", "one"));
    let session = accept(&mut world);
    assert_eq!(text(&mut world, session), "one");
    world.xmpp(&chat("2", "two"));
    let _unanswered = world.incoming();
    world.bridge.close(world.now, &mut world.gateway);
    world.pump();
    assert!(matches!(
        world.told(),
        Event::Session {
            event: SessionEvent::Ended(_),
            ..
        }
    ));
    let returned = world.left();
    assert_eq!(returned.len(), 1);
    assert!(
        returned[0].contains("id='2' type='error'"),
        "{}",
        returned[0]
    );
    assert_eq!(world.settled, [0, 1]);
}

#[test]
fn texts_in_a_session_count_against_the_rates_too() {
    let mut rules = crate::world::policy();
    rules.rates.user = Some(comity_policy::Rate {
        per_second: 1.try_into().unwrap(),
        burst: 2,
    });
    let mut world = World::with(comity_bridge::Config::new("gw"), rules);
    invite(&mut world, &[], OFFER);
    let session = established(&mut world);
    for status in [200, 480] {
        say(&mut world, session, "hi");
        assert_eq!(world.answered().0, status);
    }
    assert_eq!(bodies(&world.left()), ["hi"]);
}
