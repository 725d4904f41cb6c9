//! Our own users on SIP, our own users on both sides, and a Prosody that is met as a server.

use crate::client::Seen;
use crate::edge::Look;
use crate::gateway::Home;
use crate::scene::Scene;
use crate::servers::Make;
use crate::users::{assert_bounced, take_receipt};

/// Of our users on SIP a block is about both directions: to them the others are of XMPP.
#[test]
#[ignore = "needs python3, prosody and dnsmasq"]
fn our_user_on_sip_who_blocks_a_user_of_xmpp_is_offline_to_him_and_cannot_write_to_him() {
    let mut scene = Scene::of(Make::Prosody, Home::Sip);
    let mut u = scene.server.login("u");
    let mut v = scene.server.login("v");
    for (xmpp, jid) in [(&mut u, U), (&mut v, V)] {
        scene.edge.subscribe(A, jid);
        xmpp.take_presence("subscribe", A);
        xmpp.presence("subscribed", A);
        scene
            .edge
            .wait_until_seen(A, jid, Look::Unknown, Look::Offline);
        scene
            .edge
            .wait_until_seen(A, jid, Look::Offline, Look::Available);
        xmpp.presence("subscribe", A);
        xmpp.take_presence("subscribed", A);
        xmpp.wait_until_seen(A, &Seen::OFFLINE, &Seen::there("", ""));
    }
    scene.edge.text(A, U, "one");
    assert_eq!(u.take_text(A), "one");

    scene.reload(&format!(
        "[[user-rules]]\nowner = \"{A}\"\nsubject = \"{U}\"\nscope = \"both\"\nverdict = \"block\"\n"
    ));
    u.wait_until_seen(A, &Seen::there("", ""), &Seen::OFFLINE);
    scene.edge.presence(A, "busy");
    v.wait_until_seen(A, &Seen::there("", ""), &Seen::there("away", "Busy"));
    scene.edge.text(A, U, "two");
    scene.edge.take("answer", |answer| {
        answer["user"] == A && answer["status"] == 406
    });
    u.text(A, "three");
    // As if he were not there.
    assert_bounced(&u, A, "three", "recipient-unavailable");
    scene.edge.text(A, V, "four");
    assert_eq!(v.take_text(A), "four");
    // V has had enough of A, who does not see V any more.
    v.presence("unsubscribed", A);
    scene
        .edge
        .wait_until_seen(A, V, Look::Available, Look::Offline);
    scene.edge.assert_no_faults();
}

#[test]
#[ignore = "needs python3, prosody and dnsmasq"]
fn two_domains_of_our_own_are_joined() {
    let mut scene = Scene::of(Make::Prosody, Home::Both);
    let mut u = scene.server.login("u");
    scene.edge.subscribe(A, U);
    u.take_presence("subscribe", A);
    u.presence("subscribed", A);
    scene
        .edge
        .wait_until_seen(A, U, Look::Unknown, Look::Offline);
    scene
        .edge
        .wait_until_seen(A, U, Look::Offline, Look::Available);
    u.text(A, "one");
    assert_eq!(scene.edge.take_of("MESSAGE", A, U)["body"], "one");
    take_receipt(&u, A, "one");
    scene.edge.text(A, U, "two");
    assert_eq!(u.take_text(A), "two");

    // What goes to a component's server is taken as soon as it has left: a bounce comes as a notice.
    scene.edge.text(A, NOBODY, "three");
    let answer = scene
        .edge
        .take("answer", |answer| answer["text"] == "three");
    assert_eq!(answer["status"], 200, "{answer}");
    let notice = scene.edge.take_of("MESSAGE", A, NOBODY);
    let expected = format!("{NOT_DELIVERED}Forbidden ({UNAVAILABLE})");
    assert_eq!(notice["body"], expected);
    scene.edge.assert_no_faults();
}

#[test]
#[ignore = "needs python3, prosody and dnsmasq"]
fn a_prosody_is_met_as_a_server_by_a_static_route_and_by_its_certificate() {
    let mut scene = Scene::federating();
    let mut u = scene.server.login("u");
    u.text(A, "one");
    assert_eq!(scene.edge.take_of("MESSAGE", A, U)["body"], "one");
    take_receipt(&u, A, "one");
    scene.edge.text(A, U, "two");
    assert_eq!(u.take_text(A), "two");
    scene.edge.assert_answered("MESSAGE", A, 200);

    // Both see that the other one writes.
    scene.edge.tell("typing", A, U, &[]);
    u.take("that somebody writes", |stanza| {
        stanza.is_from("message", A) && stanza.has("composing", CHAT_STATES)
    });
    u.send(&format!(
        "<message type='chat' to='{A}'><composing xmlns='{CHAT_STATES}'/></message>"
    ));
    let typing = scene.edge.take_of("INFO", A, U);
    assert!(
        typing["body"].as_str().unwrap().contains("status=\"type\""),
        "{typing}"
    );

    // Nobody has that address. His server says so on another stream than that on which it acknowledges
    // the text: whichever comes first decides whether the sender gets an answer or a notice.
    scene.edge.text(A, NOBODY, "three");
    let answer = scene
        .edge
        .take("answer", |answer| answer["text"] == "three");
    let words = match answer["status"].as_u64() {
        Some(200) => scene.edge.take_of("MESSAGE", A, NOBODY)["body"].clone(),
        status => {
            assert_eq!(status, Some(403), "{answer}");
            format!(
                "{NOT_DELIVERED}{} ({UNAVAILABLE})",
                answer["reason"].as_str().unwrap()
            )
            .into()
        }
    };
    let expected = format!("{NOT_DELIVERED}Forbidden ({UNAVAILABLE})");
    assert_eq!(words, expected);
    scene.edge.assert_no_faults();
}

/// Nobody writes or asks for anything after the start.
#[test]
#[ignore = "needs python3, prosody and dnsmasq"]
fn subscriptions_come_back_by_themselves_after_a_restart() {
    let mut scene = Scene::new(Make::Prosody);
    let mut u = scene.server.login("u");
    u.presence("subscribe", A);
    u.take_presence("subscribed", A);
    u.wait_until_seen(A, &Seen::OFFLINE, &Seen::there("", ""));
    scene.edge.drain("SUBSCRIBE");
    scene.crash();
    let asked = scene.edge.take_of("SUBSCRIBE", A, U);
    assert_eq!(asked["in_dialog"], false, "{asked}");
    scene.edge.presence(A, "away");
    u.wait_until_seen(A, &Seen::there("", ""), &Seen::there("away", ""));
    let restored = scene.gateway.tell("restore-state");
    assert!(
        restored.contains("subscriptions set up again 1"),
        "{restored}"
    );
}

const NOT_DELIVERED: &str = "Your message was not delivered: ";
const UNAVAILABLE: &str = "service-unavailable";
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
const A: &str = "a@lync.test";
const U: &str = "u@xmpp.test";
const V: &str = "v@xmpp.test";
const NOBODY: &str = "nobody@xmpp.test";
