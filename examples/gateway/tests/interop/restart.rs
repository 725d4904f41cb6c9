//! The gateway loses its power while users write.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Client, Seen};
use crate::edge::{Edge, Look};
use crate::process::PATIENCE;
use crate::scene::Scene;
use crate::servers::Make;

#[test]
#[ignore = "needs python3, prosody and dnsmasq"]
fn a_gateway_that_was_killed_restores_subscriptions_and_loses_no_acknowledged_text() {
    let mut scene = Scene::new(Make::Prosody);
    let mut u = scene.server.login("u");
    let contacts: Vec<_> = (0..CONTACTS).map(|n| format!("c{n}@lync.test")).collect();
    for contact in &contacts {
        u.presence("subscribe", contact);
    }
    for contact in &contacts {
        u.take_presence("subscribed", contact);
        u.wait_until_seen(contact, &Seen::OFFLINE, &Seen::there("", ""));
    }
    scene.edge.subscribe(A, U);
    u.take_presence("subscribe", A);
    u.presence("subscribed", A);
    scene
        .edge
        .wait_until_seen(A, U, Look::Unknown, Look::Offline);
    scene
        .edge
        .wait_until_seen(A, U, Look::Offline, Look::Available);
    scene.edge.drain("SUBSCRIBE");

    let mut traffic = Traffic::default();
    traffic.write(&mut scene.edge, &mut u, TEXTS);
    // Some have arrived, and others are on their way.
    let is_taken = |event: &Value| event["user"] == A && event["status"].is_null();
    let last = scene.edge.take("MESSAGE", is_taken);
    traffic.at_edge.push(text(&last, "body"));
    let killed = Instant::now();
    scene.crash();
    traffic.write(&mut scene.edge, &mut u, TEXTS);

    let asked = restored(&scene.edge, &contacts, killed);
    see_again(&mut scene.edge, &u);
    traffic.wait_until_flowing(&mut scene.edge, &mut u);
    traffic.assert_nothing_lost(&scene.edge, &u);
    let again = scene.edge.drain("SUBSCRIBE");
    assert!(again.is_empty(), "{again:?} after {asked:?}");
    scene.edge.assert_no_faults();
}

/// Waits until the gateway watches all contacts again, and counts how often it asked for each.
fn restored(edge: &Edge, contacts: &[String], killed: Instant) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    while asked.len() < contacts.len() {
        let asks = edge.take_within(RESTORED_WITHIN.saturating_sub(killed.elapsed()), |event| {
            event["got"] == "SUBSCRIBE" && event["peer"] == U
        });
        let Some(asks) = asks else {
            panic!(
                "{} of {} contacts are watched again",
                asked.len(),
                contacts.len()
            );
        };
        *asked.entry(text(&asks, "user")).or_default() += 1;
    }
    assert!(asked.values().all(|count| *count == 1), "{asked:?}");
    asked
}

/// The watcher finds out that his subscription has gone, and is not asked about again.
fn see_again(edge: &mut Edge, u: &Client) {
    edge.subscribe(A, U);
    let answer = |edge: &Edge| {
        edge.take("answer", |event| {
            event["method"] == "SUBSCRIBE" && event["user"] == A && event["status"] != 408
        })
    };
    // The first one is from before.
    answer(edge);
    if answer(edge)["status"] == 481 {
        edge.subscribe(A, U);
        assert_eq!(answer(edge)["status"], 200);
    }
    let seen =
        |event: &Value| event["user"] == A && text(event, "body").contains("<basic>open</basic>");
    edge.take("NOTIFY", seen);
    let asked = u.inbox().drain(|stanza| {
        stanza.name() == "presence" && stanza.attribute("type").as_deref() == Some("subscribe")
    });
    assert!(asked.is_empty(), "{asked:?}");
}

/// What was written, and what came of it.
#[derive(Default)]
pub(crate) struct Traffic {
    written: usize,
    at_edge: Vec<String>,
}

impl Traffic {
    /// Both write, and nobody waits.
    pub(crate) fn write(&mut self, edge: &mut Edge, u: &mut Client, count: usize) {
        for _ in 0..count {
            let number = self.written;
            u.text(A, &format!("out-{number}"));
            edge.text(A, U, &format!("in-{number}"));
            self.written += 1;
        }
    }

    /// Texts go through in both directions again. Those in a session that has gone are refused.
    pub(crate) fn wait_until_flowing(&mut self, edge: &mut Edge, u: &mut Client) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no text goes through");
            let number = self.written;
            self.write(edge, u, 1);
            let received = u
                .inbox()
                .take_within(TRY, |stanza| is_receipt(stanza, &format!("out-{number}")));
            let taken = edge.take_within(TRY, |event| {
                event["got"] == "answer" && event["text"] == format!("in-{number}")
            });
            let is_taken = taken.is_some_and(|event| event["status"] == 200);
            if received.is_some() && is_taken {
                return;
            }
        }
    }

    pub(crate) fn assert_nothing_lost(&mut self, edge: &Edge, u: &Client) {
        let messages = edge.drain("MESSAGE");
        // What the edge refused, since it had lost the session, may come again in another one.
        let taken = messages.iter().filter(|event| event["status"].is_null());
        self.at_edge.extend(taken.map(|event| text(event, "body")));
        let at_user: Vec<_> = u
            .inbox()
            .drain(|stanza| {
                stanza.is_from("message", A) && stanza.attribute("type").as_deref() != Some("error")
            })
            .iter()
            .filter_map(|stanza| stanza.text_of("body"))
            .collect();
        let answers = edge.drain("answer");
        for number in 0..self.written {
            let (out, into) = (format!("out-{number}"), format!("in-{number}"));
            let times =
                |list: &[String], text: &str| list.iter().filter(|own| *own == text).count();
            let receipts = u.inbox().drain(|stanza| is_receipt(stanza, &out)).len();
            let arrived = times(&self.at_edge, &out);
            let all = messages.iter().filter(|event| event["body"] == out);
            assert!(
                arrived <= 1,
                "{out} arrived {arrived} times: {:#?}",
                all.collect::<Vec<_>>()
            );
            assert!(
                arrived >= receipts,
                "{out} has a receipt and did not arrive"
            );
            let taken = answers
                .iter()
                .any(|answer| answer["text"] == into && answer["status"] == 200);
            let arrived = times(&at_user, &into);
            assert!(arrived <= 1, "{into} arrived {arrived} times");
            assert!(
                arrived >= usize::from(taken),
                "{into} was taken and did not arrive"
            );
        }
        assert!(!self.at_edge.is_empty() && !at_user.is_empty());
    }
}

fn is_receipt(stanza: &crate::client::Stanza, id: &str) -> bool {
    stanza.has("received", "urn:xmpp:receipts")
        && format!("{stanza:?}").contains(&format!(" id='{id}'"))
}

fn text(event: &Value, name: &str) -> String {
    event[name].as_str().unwrap_or_default().to_owned()
}

const A: &str = "a@lync.test";
const U: &str = "u@xmpp.test";
const CONTACTS: usize = 1_000;
const TEXTS: usize = 100;
const RESTORED_WITHIN: Duration = Duration::from_secs(60);
const TRY: Duration = Duration::from_secs(5);
