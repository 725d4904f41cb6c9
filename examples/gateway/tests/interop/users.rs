//! What users of both sides do with each other, and see of each other.

use crate::client::{Client, Seen};
use crate::edge::{Edge, Look};
use crate::scene::Scene;
use crate::servers::Make;

#[test]
#[ignore = "needs python3, prosody and dnsmasq"]
fn users_of_prosody_and_lync_do_not_know_that_their_servers_differ() {
    meet(Make::Prosody);
}

#[test]
#[ignore = "needs python3, ejabberd and dnsmasq"]
fn users_of_ejabberd_and_lync_do_not_know_that_their_servers_differ() {
    meet(Make::Ejabberd);
}

fn meet(make: Make) {
    let mut scene = Scene::new(make);
    let mut u = scene.server.login("u");
    let mut v = scene.server.login("v");
    add_each_other(&mut scene, &mut u);
    see_states_of_lync(&mut scene.edge, &u);
    see_states_of_xmpp(&mut scene.edge, &mut u);
    write(&mut scene.edge, &mut u);
    block(&mut scene, &mut u);
    // Another user of the same domain has nothing to do with all that.
    scene.edge.subscribe(B, V);
    v.take_presence("subscribe", B);
    v.presence("unsubscribed", B);
    scene.edge.assert_no_faults();
    assert!(scene.gateway.terminate().success());
}

/// A adds U, who is asked and accepts. U adds B, who is told.
fn add_each_other(scene: &mut Scene, u: &mut Client) {
    let edge = &mut scene.edge;
    edge.subscribe(A, U);
    u.take_presence("subscribe", A);
    edge.assert_answered("SUBSCRIBE", A, 200);
    u.presence("subscribed", A);
    edge.wait_until_seen(A, U, Look::Unknown, Look::Offline);
    edge.wait_until_seen(A, U, Look::Offline, Look::Available);
    // Who accepts somebody adds him too, as clients do.
    for who in [A, B] {
        u.presence("subscribe", who);
        let asked = edge.take_of("SUBSCRIBE", who, U);
        assert_eq!(asked["in_dialog"], false, "{asked}");
        u.take_presence("subscribed", who);
        u.wait_until_seen(who, &Seen::OFFLINE, &Seen::there("", ""));
        edge.assert_answered("NOTIFY", who, 200);
    }
    edge.subscribe(B, U);
    u.take_presence("subscribe", B);
    u.presence("subscribed", B);
    edge.wait_until_seen(B, U, Look::Unknown, Look::Offline);
    edge.wait_until_seen(B, U, Look::Offline, Look::Available);
}

/// The first table of Cisco's guide: what users of Lync do, and what users of XMPP see.
fn see_states_of_lync(edge: &mut Edge, u: &Client) {
    let mut before = Seen::there("", "");
    for (state, show, status) in [
        ("busy", "away", "Busy"),
        ("available", "", ""),
        ("do-not-disturb", "away", "Busy"),
        ("available", "", ""),
        ("be-right-back", "away", ""),
        ("available", "", ""),
        ("away", "away", ""),
        ("offline", "offline", ""),
        ("available", "", ""),
    ] {
        edge.presence(B, state);
        let now = match show {
            "offline" => Seen::OFFLINE,
            show => Seen::there(show, status),
        };
        u.wait_until_seen(B, &before, &now);
        before = now;
    }
}

/// The third table: what users of XMPP do, and what users of Lync see.
fn see_states_of_xmpp(edge: &mut Edge, u: &mut Client) {
    let mut before = Look::Available;
    for (show, now) in [
        ("away", Look::Away),
        ("", Look::Available),
        ("xa", Look::Away),
        ("dnd", Look::Busy),
        ("offline", Look::Offline),
        ("", Look::Available),
    ] {
        u.show(show);
        for watcher in [A, B] {
            edge.wait_until_seen(watcher, U, before, now);
        }
        before = now;
    }
}

/// A conversation that U begins and ends, and one that A begins.
fn write(edge: &mut Edge, u: &mut Client) {
    u.text(A, "first");
    let invited = edge.take_of("INVITE", A, U);
    edge.take_of("ACK", A, U);
    let first = edge.take_of("MESSAGE", A, U);
    assert_eq!(
        (&first["body"], &first["call"]),
        (&"first".into(), &invited["call"])
    );
    take_receipt(u, A, "first");
    edge.text(A, U, "second");
    edge.assert_answered("MESSAGE", A, 200);
    assert_eq!(u.take_text(A), "second");
    u.text(A, "third");
    let third = edge.take_of("MESSAGE", A, U);
    assert_eq!(
        (&third["body"], &third["call"]),
        (&"third".into(), &invited["call"])
    );

    // Lync's user closes the window, and U writes once more.
    edge.tell("close", A, U, &[]);
    edge.assert_answered("BYE", A, 200);
    u.text(A, "fourth");
    let again = edge.take_of("INVITE", A, U);
    assert_ne!(again["call"], invited["call"]);
    assert_eq!(edge.take_of("MESSAGE", A, U)["body"], "fourth");

    // U leaves the conversation, and A begins another.
    u.send(&format!(
        "<message type='chat' to='{A}'><gone xmlns='http://jabber.org/protocol/chatstates'/></message>"
    ));
    edge.take_of("BYE", A, U);
    edge.text(A, U, "fifth");
    edge.assert_answered("INVITE", A, 200);
    edge.assert_answered("MESSAGE", A, 200);
    assert_eq!(u.take_text(A), "fifth");
    // The same text came in the INVITE and in the MESSAGE, and is shown once.
    edge.text(A, U, "sixth");
    assert_eq!(u.take_text(A), "sixth");

    // A user that does not exist, and one who is busy.
    edge.answer("INVITE", NOBODY, 404);
    u.text(NOBODY, "seventh");
    assert_bounced(u, NOBODY, "seventh", "item-not-found");
    edge.answer("INVITE", B, 486);
    u.text(B, "eighth");
    assert_bounced(u, B, "eighth", "recipient-unavailable");
    edge.answer("INVITE", B, 0);
}

pub(crate) fn take_receipt(u: &Client, from: &str, id: &str) {
    u.take(&format!("the receipt of {id}"), |stanza| {
        stanza.is_from("message", from)
            && stanza.has("received", "urn:xmpp:receipts")
            && format!("{stanza:?}").contains(&format!("id='{id}'"))
    });
}

pub(crate) fn assert_bounced(u: &Client, from: &str, id: &str, condition: &str) {
    let bounced = u.take(&format!("the error of {id}"), |stanza| {
        stanza.is_from("message", from)
            && stanza.attribute("type").as_deref() == Some("error")
            && stanza.attribute("id").as_deref() == Some(id)
    });
    assert!(
        bounced.has(condition, "urn:ietf:params:xml:ns:xmpp-stanzas"),
        "{bounced:?}"
    );
}

/// U blocks A, who sees U offline from then on; B still sees U.
fn block(scene: &mut Scene, u: &mut Client) {
    scene.reload(&format!(
        "[[user-rules]]\nowner = \"{U}\"\nsubject = \"{A}\"\nscope = \"presence\"\nverdict = \"block\"\n"
    ));
    let edge = &mut scene.edge;
    edge.wait_until_seen(A, U, Look::Available, Look::Offline);
    u.show("dnd");
    edge.wait_until_seen(B, U, Look::Available, Look::Busy);
    let told = edge.drain("NOTIFY");
    assert!(told.iter().all(|event| event["user"] == B), "{told:?}");
    // U still sees A, and they can write to each other.
    edge.presence(A, "away");
    u.wait_until_seen(A, &Seen::there("", ""), &Seen::there("away", ""));
    u.text(A, "ninth");
    assert_eq!(edge.take_of("MESSAGE", A, U)["body"], "ninth");

    scene.reload("");
    // Until her server has answered, he may see what he saw before the block.
    scene.edge.take("NOTIFY", |event| {
        event["user"] == A && Look::of(event["body"].as_str().unwrap()) == Look::Busy
    });
}

const A: &str = "a@lync.test";
const B: &str = "b@lync.test";
const NOBODY: &str = "nobody@lync.test";
const U: &str = "u@xmpp.test";
const V: &str = "v@xmpp.test";
