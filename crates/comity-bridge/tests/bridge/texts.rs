//! Texts from SIP to XMPP, and pages the other way.

use std::time::Duration;

use bytes::Bytes;
use comity_bridge::{Config, Dropped};
use comity_sip::header::{CallId, MaxForwards};
use comity_sip::{Method, StatusCode};
use comity_xmpp::{StanzaCondition, StanzaError};

use crate::cast::id_of;
use crate::world::World;

const LISA: &str = "sip:lisa@lync.test";
const BOB: &str = "sip:bob@sip.test";

/// A stanza without what is drawn by lot or comes of Call-ID.
fn shape(stanza: &str) -> String {
    let mut shape = stanza.to_owned();
    for (from, to) in [("id='b", "'"), ("<thread>", "</thread>")] {
        if let Some(at) = shape.find(from) {
            let start = at + from.len();
            let end = start + shape[start..].find(to).unwrap();
            shape.replace_range(start..end, "*");
        }
    }
    shape
}

const MARK: &str = "<via xmlns='urn:comity:bridge:0' by='gw' hops='69'/>";

#[test]
fn a_page_becomes_a_message_and_is_answered_when_it_has_left() {
    let mut world = World::new();
    world.sends = false;
    world.page(BOB, "hi <&>");
    let [stanza] = &world.left()[..] else {
        panic!("one stanza");
    };
    assert_eq!(
        shape(stanza),
        format!(
            "<message from='bob@sip.test' to='juliet@xmpp.test' id='b*'>\
             <body>hi &lt;&amp;&gt;</body><thread>*</thread>{MARK}</message>"
        )
    );
    world.edge_is_quiet();
    let id = world.unsent.pop_front().unwrap();
    world.bridge.handle_sent(world.now, &mut world.gateway, id);
    world.pump();
    assert_eq!(world.answered(), (200, "OK".to_owned()));
}

#[test]
fn a_text_that_does_not_leave_is_refused_to_its_sender() {
    let mut world = World::new();
    world.sends = false;
    world.page(BOB, "hi");
    let id = world.unsent.pop_front().unwrap();
    let mut error = StanzaError::new(StanzaCondition::RemoteServerTimeout);
    error.text = Some("no\r\nanswer".into());
    world
        .bridge
        .handle_unsent(world.now, &mut world.gateway, id, &error);
    world.pump();
    assert_eq!(world.answered(), (504, "no answer".to_owned()));
    assert_eq!(world.bridge.counts().held_requests, 0);
}

#[test]
fn a_text_that_leaves_late_is_accepted_and_its_failure_is_told_by_a_text() {
    let mut world = World::new();
    world.sends = false;
    world.page(BOB, "hi");
    world.run(Duration::from_millis(24_999));
    assert_eq!(world.bridge.counts().held_requests, 1);
    world.run(Duration::from_millis(1));
    assert_eq!(world.answered(), (202, "Accepted".to_owned()));
    let id = world.unsent.pop_front().unwrap();
    let error = StanzaError::new(StanzaCondition::RemoteServerNotFound);
    world
        .bridge
        .handle_unsent(world.now, &mut world.gateway, id, &error);
    world.pump();
    let notice = world.incoming();
    assert_eq!(notice.request().method(), Method::Message);
    assert_eq!(
        notice.request().body(),
        "Your message was not delivered: Not Found (remote-server-not-found)"
    );
    world.reply(&notice, StatusCode::OK);
}

#[test]
fn a_bounce_after_the_answer_is_told_by_a_text_once() {
    let mut world = World::new();
    world.page(BOB, "hi");
    assert_eq!(world.answered().0, 200);
    let sent = world.left().remove(0);
    let id = id_of(&sent);
    let bounce = format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='bob@sip.test'>\
         <error type='cancel'><service-unavailable \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    // Somebody else cannot say so.
    world.xmpp(&bounce.replace("juliet@", "mallory@"));
    assert_eq!(world.dropped, [Dropped::StrayError]);
    world.edge_is_quiet();
    world.xmpp(&bounce);
    let notice = world.incoming();
    assert_eq!(
        notice.request().body(),
        "Your message was not delivered: Forbidden (service-unavailable)"
    );
    world.reply(&notice, StatusCode::OK);
    world.xmpp(&bounce);
    world.edge_is_quiet();
    assert_eq!(world.dropped, [Dropped::StrayError; 2]);
    assert_eq!(world.settled, [0, 1, 2]);
}

#[test]
fn a_subject_becomes_the_header_of_a_page() {
    let mut world = World::new();
    for (subject, expected) in [
        (
            "<subject>the orchard &amp; more</subject>",
            Some("the orchard & more"),
        ),
        // No header holds a line break, and the text is worth more than its subject.
        ("<subject>the&#10;orchard</subject>", None),
        ("", None),
    ] {
        world.xmpp(&format!(
            "<message type='chat' id='1' from='juliet@xmpp.test/balcony' to='bob@sip.test'>\
             {subject}<body>hi</body></message>"
        ));
        let page = world.incoming();
        assert_eq!(page.request().body(), "hi");
        let found = comity_bridge::text::subject(page.request().headers());
        assert_eq!(found.as_deref(), expected);
        world.reply(&page, StatusCode::OK);
    }
}

#[test]
fn pages_of_one_pair_go_one_after_the_other() {
    let mut world = World::new();
    for (number, text) in ["one", "two", "three"].iter().enumerate() {
        world.xmpp(&format!(
            "<message type='chat' id='{number}' from='juliet@xmpp.test/balcony' to='bob@sip.test'>\
             <body>{text}</body><thread>t-1</thread></message>"
        ));
    }
    for text in ["one", "two", "three"] {
        let page = world.incoming();
        assert_eq!(page.request().body(), text);
        let headers = page.request().headers();
        assert_eq!(headers.one::<CallId<'_>>().unwrap().as_str(), "t-1");
        let hops = headers.one::<MaxForwards>().unwrap();
        assert_eq!(hops.hops(), Some(69));
        world.edge_is_quiet();
        world.reply(&page, StatusCode::OK);
    }
    assert_eq!(world.settled, [0, 1, 2]);
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn a_page_that_is_refused_comes_back_and_the_next_one_goes() {
    let mut world = World::new();
    for text in ["one", "two"] {
        world.xmpp(&format!(
            "<message id='{text}' from='juliet@xmpp.test/balcony' to='bob@sip.test'>\
             <body>{text}</body></message>"
        ));
    }
    let first = world.incoming();
    world.reply(&first, StatusCode::BUSY_HERE);
    assert_eq!(
        world.left(),
        [
            "<message from='bob@sip.test' to='juliet@xmpp.test/balcony' id='one' type='error'>\
             <error type='wait'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>486 Busy Here</text></error></message>"
        ]
    );
    let second = world.incoming();
    assert_eq!(second.request().body(), "two");
    world.reply(&second, StatusCode::ACCEPTED);
    assert_eq!(world.settled, [0, 1]);
}

#[test]
fn a_receipt_comes_with_the_answer_of_the_other_side() {
    for (status, receipts) in [(StatusCode::OK, 1), (StatusCode::ACCEPTED, 0)] {
        let mut world = World::new();
        world.xmpp(
            "<message id='m1' from='juliet@xmpp.test/balcony' to='bob@sip.test'><body>hi</body>\
             <request xmlns='urn:xmpp:receipts'/></message>",
        );
        let page = world.incoming();
        world.reply(&page, status);
        let expected = "<message from='bob@sip.test' to='juliet@xmpp.test/balcony'>\
            <received xmlns='urn:xmpp:receipts' id='m1'/></message>";
        assert_eq!(world.left(), vec![expected; receipts]);
    }
}

#[test]
fn a_queue_has_an_end() {
    let mut config = Config::new("gw");
    config.limits.max_queued_texts = 2;
    let mut world = World::with(config, crate::world::policy());
    for number in 0..5 {
        world.xmpp(&format!(
            "<message id='{number}' from='juliet@xmpp.test' to='bob@sip.test'><body>x</body></message>"
        ));
    }
    let bounced = world.left();
    assert_eq!(bounced.len(), 2);
    for (stanza, id) in bounced.iter().zip(["3", "4"]) {
        assert!(stanza.contains(&format!("id='{id}'")), "{stanza}");
        assert!(stanza.contains("<resource-constraint"), "{stanza}");
    }
    // One is under way, two wait.
    assert_eq!(world.bridge.counts().letters, 3);
    assert_eq!(world.settled, [3, 4]);
}

#[test]
fn bodies_that_are_no_texts_get_the_status_that_says_why() {
    for (content_type, body, status) in [
        ("text/plain;charset=UTF-8", &b"\xff\xfe"[..], 400),
        ("image/gif", b"GIF89a", 415),
        (
            "text/x-msmsgsinvite",
            b"Application-Name: File Transfer",
            415,
        ),
        ("text/plain;charset=x-unknown", b"x", 415),
    ] {
        let mut world = World::new();
        let content = Some((content_type, Bytes::copy_from_slice(body)));
        world.request(Method::Message, BOB, "sip:juliet@xmpp.test", &[], content);
        assert_eq!(world.answered().0, status, "{content_type}");
        assert_eq!(world.left(), [""; 0]);
    }
}

#[test]
fn a_compressed_notification_is_refused_with_what_is_understood() {
    let mut world = World::new();
    let content = Some(("message/imdn+xml", Bytes::from_static(b"\x78\x9c\x03\x00")));
    let lines = [("Content-Encoding", "deflate")];
    world.request(
        Method::Message,
        BOB,
        "sip:juliet@xmpp.test",
        &lines,
        content,
    );
    match world.told() {
        comity_sip::endpoint::Event::Response { response, .. } => {
            assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
            let accepted: Vec<_> = response.headers().find("Accept-Encoding").collect();
            assert_eq!(accepted.len(), 1);
            assert_eq!(accepted[0].value(), b"identity");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_of_64_kib_passes_both_ways() {
    let mut world = World::new();
    let text = "ě".repeat(32 * 1024);
    world.page(BOB, &text);
    assert_eq!(world.answered().0, 200);
    assert!(world.left()[0].contains(&format!("<body>{text}</body>")));
    world.xmpp(&format!(
        "<message from='juliet@xmpp.test' to='bob@sip.test'><body>{text}</body></message>"
    ));
    assert_eq!(world.incoming().request().body(), text);
}

#[test]
fn what_came_from_here_does_not_come_back() {
    let mut world = World::new();
    world.xmpp(&format!(
        "<message from='juliet@xmpp.test' to='bob@sip.test'><body>x</body>{MARK}</message>"
    ));
    assert_eq!(world.dropped, [Dropped::Loop]);
    assert!(world.left()[0].contains("<not-acceptable"));
    world.edge_is_quiet();
    // Another bridge takes hops away.
    world.xmpp(
        "<message from='juliet@xmpp.test' to='bob@sip.test'><body>x</body>\
         <via xmlns='urn:comity:bridge:0' by='other' hops='5'/></message>",
    );
    let hops = world.incoming().request().headers().one::<MaxForwards>();
    assert_eq!(hops.unwrap().hops(), Some(4));
    world.xmpp(
        "<message from='romeo@xmpp.test' to='bob@sip.test'><body>x</body>\
         <via xmlns='urn:comity:bridge:0' by='other' hops='0'/></message>",
    );
    assert_eq!(world.dropped, [Dropped::Loop; 2]);
}

#[test]
fn what_has_passed_too_many_bridges_goes_no_further() {
    let passed = |bridges: usize| {
        let mut world = World::new();
        let marks: String = (0..bridges)
            .map(|number| format!("<via xmlns='urn:comity:bridge:0' by='{number}' hops='60'/>"))
            .collect();
        world.xmpp(&format!(
            "<message from='juliet@xmpp.test' to='bob@sip.test'><body>x</body>{marks}</message>"
        ));
        world.next_incoming().is_some()
    };
    assert_eq!([7, 8, 9].map(passed), [true, true, false]);
}

#[test]
fn rooms_are_refused_in_words() {
    let mut world = World::new();
    for payload in [
        "<x xmlns='jabber:x:conference' jid='room@chat.xmpp.test'/>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='lisa@lync.test'/></x>",
    ] {
        world.xmpp(&format!(
            "<message from='juliet@xmpp.test' to='lisa@lync.test'>{payload}</message>"
        ));
        let answer = world.left().remove(0);
        assert!(answer.contains("<not-acceptable"), "{answer}");
        assert!(
            answer.contains(">the other side cannot be invited to a room</text>"),
            "{answer}"
        );
    }
    world.edge_is_quiet();
}

#[test]
fn typing_is_told_outside_of_sessions_to_who_has_told_it() {
    let mut world = World::new();
    let composing = "<message type='chat' from='juliet@xmpp.test' to='bob@sip.test'>\
         <composing xmlns='http://jabber.org/protocol/chatstates'/></message>";
    world.xmpp(composing);
    world.edge_is_quiet();
    assert_eq!(world.dropped, [Dropped::NothingToTell]);

    let is_composing = "<?xml version='1.0' encoding='UTF-8'?>\
         <isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state>\
         </isComposing>";
    let content = Some(("application/im-iscomposing+xml", Bytes::from(is_composing)));
    world.request(Method::Message, BOB, "sip:juliet@xmpp.test", &[], content);
    assert_eq!(world.answered().0, 200);
    assert_eq!(
        world.left(),
        [
            "<message from='bob@sip.test' to='juliet@xmpp.test' type='chat'>\
             <composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
        ]
    );
    world.xmpp(composing);
    let typing = world.incoming();
    assert!(String::from_utf8_lossy(&typing.request().body()).contains("<state>active</state>"));
    world.reply(&typing, StatusCode::OK);
    // The same again is no news.
    world.xmpp(composing);
    world.edge_is_quiet();
}

#[test]
fn a_request_to_somebody_of_sip_is_answered_for_him() {
    let mut world = World::new();
    world.xmpp(
        "<iq type='get' id='1' from='juliet@xmpp.test/b' to='lisa@lync.test'>\
         <ping xmlns='urn:xmpp:ping'/></iq>",
    );
    world.xmpp(
        "<iq type='set' id='2' from='juliet@xmpp.test/b' to='lisa@lync.test'>\
         <query xmlns='jabber:iq:roster'/></iq>",
    );
    world.xmpp(
        "<iq type='get' id='3' from='juliet@xmpp.test/b' to='lync.test'>\
         <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    );
    let answers = world.left();
    assert!(answers[0].contains("type='result'"), "{}", answers[0]);
    assert!(
        answers[1].contains("<service-unavailable"),
        "{}",
        answers[1]
    );
    assert!(answers[2].contains("category='gateway'"), "{}", answers[2]);
    assert_eq!(world.settled, [0, 1, 2]);
    world.edge_is_quiet();
}

#[test]
fn a_text_to_microsoft_outside_of_sessions_is_taken_too() {
    let mut world = World::new();
    world.page(LISA, "hi");
    assert_eq!(world.answered().0, 200);
    assert_eq!(world.left().len(), 1);
}

#[test]
fn a_page_beyond_the_bound_of_the_endpoint_is_against_its_rules() {
    let mut world = World::new();
    world.bound_pages(600);
    let text = "x".repeat(600);
    world.xmpp(&format!(
        "<message from='juliet@xmpp.test' to='bob@sip.test'><body>{text}</body></message>"
    ));
    let answer = world.left().remove(0);
    assert!(answer.contains("<policy-violation"), "{answer}");
    world.edge_is_quiet();
}
