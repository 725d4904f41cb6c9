//! What goes wrong at the edges: races, exhaustion, and what an attentive peer could tell.

use std::time::Duration;

use bytes::Bytes;
use comity_bridge::{Config, Fact};
use comity_policy::{DenyMode, Rate, Scope, Subject, UserRule, Verdict};
use comity_sip::{Method, StatusCode};

use crate::cast::{accept, chat, id_of, subscribe};
use crate::world::{World, name, policy};

const BOB: &str = "sip:bob@sip.test";

fn state(word: &str) -> String {
    format!(
        "<message type='chat' from='juliet@xmpp.test/balcony' to='lisa@lync.test'>\
         <{word} xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
}
fn presence(kind: &str) -> String {
    format!("<presence type='{kind}' from='juliet@xmpp.test' to='lisa@lync.test'/>")
}
fn rule(verdict: Verdict) -> UserRule {
    let owner = "juliet@xmpp.test".parse().unwrap();
    let subject = Subject::User("lisa@lync.test".parse().unwrap());
    UserRule::new(owner, subject, Scope::Both, verdict)
}
/// When NOTIFYs left.
fn notifies(world: &mut World) -> Vec<u64> {
    let recorded = std::mem::take(&mut world.recorded);
    let recorded = recorded.iter();
    recorded
        .filter(|(_, text)| text.starts_with("NOTIFY"))
        .map(|(at, _)| at.as_secs())
        .collect()
}
fn allowed() -> Fact {
    Fact::Authorization {
        watcher: "lisa@lync.test".parse().unwrap(),
        presentity: "juliet@xmpp.test".parse().unwrap(),
        is_allowed: true,
    }
}

#[test]
fn a_text_followed_by_gone_still_arrives() {
    let mut world = World::new();
    world.xmpp(&chat("1", "good bye"));
    world.xmpp(&state("gone"));
    assert_eq!(world.left(), [""; 0], "the text came back");
    accept(&mut world);
    assert_eq!(world.incoming().request().body(), "good bye");
}

#[test]
fn a_text_that_arrives_is_not_bounced_by_gone() {
    let mut world = World::new();
    world.xmpp(&chat("1", "one"));
    accept(&mut world);
    let message = world.incoming();
    world.xmpp(&state("gone"));
    // The peer has it.
    world.reply(&message, StatusCode::OK);
    assert_eq!(world.left(), [""; 0], "bounced and delivered");
}

#[test]
fn a_bounce_that_repeats_the_text_is_told() {
    let mut world = World::new();
    world.page(BOB, "hi");
    assert_eq!(world.answered().0, 200);
    let sent = world.left().remove(0);
    // As ejabberd does (RFC 6120 8.3.1): addresses swapped, the payload kept, an error added.
    let bounce = sent
        .replace(
            "from='bob@sip.test' to='juliet@xmpp.test'",
            "type='error' from='juliet@xmpp.test' to='bob@sip.test'",
        )
        .replace(
            "</message>",
            "<error type='cancel'><service-unavailable \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        );
    world.xmpp(&bounce);
    assert_eq!(world.dropped, [], "{bounce}");
    assert!(world.next_incoming().is_some(), "bob is told nothing");
}

#[test]
fn polite_block_cannot_be_told_when_the_server_answers_the_probe() {
    let mut seen = Vec::new();
    for verdict in [Verdict::Allow, Verdict::Deny] {
        let mut rules = policy();
        rules.user_rules.push(rule(verdict));
        let mut world = World::with(Config::new("gw"), rules);
        world.record = true;
        subscribe(&mut world, 3600);
        if world.left().iter().any(|stanza| stanza.contains("probe")) {
            // As Prosody answers for who is offline.
            world.xmpp(&presence("unavailable"));
        }
        world.run(Duration::from_secs(30));
        seen.push(notifies(&mut world));
    }
    assert_eq!(seen[0], seen[1], "offline, blocked");
}

#[test]
fn a_block_by_an_offline_user_says_nothing() {
    let mut world = World::new();
    world.restart(vec![allowed()]);
    subscribe(&mut world, 3600);
    world.run(Duration::from_secs(10));
    world.record = true;
    world.xmpp(&presence("unsubscribed"));
    world.run(Duration::from_secs(30));
    assert_eq!(notifies(&mut world), [0; 0]);
}

#[test]
fn refused_texts_leave_no_conversations() {
    let mut config = Config::new("gw");
    config.limits.max_queued_bytes = 3;
    let mut world = World::with(config, policy());
    for user in 0..10 {
        world.xmpp(&chat("1", "too long").replace("juliet", &format!("u{user}")));
    }
    world.run(Duration::from_secs(3600));
    assert_eq!(world.bridge.counts().conversations, 0);
}

#[test]
fn hops_go_over_into_sessions() {
    let mut world = World::new();
    world.record = true;
    let mark = "<via xmlns='urn:comity:bridge:0' by='other' hops='5'/></message>";
    world.xmpp(&chat("1", "hi").replace("</message>", mark));
    accept(&mut world);
    let message = world.incoming();
    let mut hops = message.request().headers().find("Max-Forwards");
    assert_eq!(hops.next().unwrap().value(), b"4");
}

#[test]
fn typing_is_told_again_after_a_text() {
    let mut world = World::new();
    world.xmpp(&chat("1", "one"));
    accept(&mut world);
    let message = world.incoming();
    world.reply(&message, StatusCode::OK);
    world.xmpp(&state("composing"));
    let info = world.incoming();
    assert_eq!(info.request().method(), Method::Info);
    world.reply(&info, StatusCode::OK);
    world.xmpp(&chat("2", "two"));
    let _ = world.dropped.drain(..);
    while let Some(request) = world.next_incoming() {
        world.reply(&request, StatusCode::OK);
    }
    world.xmpp(&state("composing"));
    assert_eq!(world.dropped.len(), 0);
    assert!(world.next_incoming().is_some(), "the second is not told");
}

#[test]
fn one_partner_does_not_use_up_the_conversations_of_all() {
    let mut config = Config::new("gw");
    config.limits.max_conversations = 20;
    let mut world = World::with(config, policy());
    for user in 0..20 {
        world.page(&format!("sip:bot{user}@sip.test"), "spam");
        assert_eq!(world.answered().0, 200);
    }
    world.left();
    world.xmpp(&chat("1", "to somebody else"));
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn a_question_that_timed_out_is_no_answer() {
    let mut world = World::new();
    world.proved = vec![name("edge.elsewhere.test")];
    world.page(BOB, "hi");
    world.asked.clear();
    world.run(Duration::from_secs(20));
    let (status, _) = world.answered();
    world.page(BOB, "hi again");
    assert_eq!(
        (status, world.asked.len()),
        (480, 1),
        "nobody said no, and nobody is asked again"
    );
}

#[test]
fn a_bounce_is_not_lost_to_the_rates() {
    let mut rules = policy();
    let rate = Rate {
        per_second: 1.try_into().unwrap(),
        burst: 1,
    };
    rules.rates.user = Some(rate);
    let mut world = World::with(Config::new("gw"), rules);
    world.page(BOB, "hi");
    assert_eq!(world.answered().0, 200);
    let sent = world.left().remove(0);
    let id = id_of(&sent);
    world.xmpp(&chat("1", "x").replace("lisa@lync", "bob@sip"));
    while let Some(request) = world.next_incoming() {
        world.reply(&request, StatusCode::OK);
    }
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='bob@sip.test'>\
         <error type='cancel'><service-unavailable \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    assert!(
        world.next_incoming().is_some(),
        "bob is told nothing; {:?} {:?}",
        world.dropped,
        world.refused
    );
}

#[test]
fn who_was_denied_is_refused_where_denials_are_shown() {
    let mut rules = policy();
    rules.deny_mode = DenyMode::Rejected;
    let mut world = World::with(Config::new("gw"), rules);
    subscribe(&mut world, 3600);
    world.xmpp(&presence("unsubscribed"));
    while world.next_told() {}
    world.record = true;
    subscribe(&mut world, 3600);
    let active = world
        .recorded
        .iter()
        .any(|(_, text)| text.contains("active;"));
    assert!(!active, "denied, and accepted as active");
}

#[test]
fn a_receiver_that_never_confirms_does_not_hold_up_others() {
    let mut config = Config::new("gw");
    config.limits.max_held_requests = 4;
    let mut world = World::with(config, policy());
    world.sends = false;
    for user in 0..4 {
        world.page(&format!("sip:bot{user}@sip.test"), "x");
    }
    world.run(Duration::from_secs(24 * 3600));
    assert_eq!(world.bridge.counts().held_requests, 0);
}

#[test]
fn a_watcher_is_told_however_much_a_user_says() {
    let mut world = World::new();
    world.restart(vec![allowed()]);
    subscribe(&mut world, 3600);
    world.run(Duration::from_secs(10));
    world.record = true;
    let status = "\u{1F600}".repeat(1024);
    for device in 0..4 {
        let langs = ["a", "b", "c", "d"];
        let statuses: String = langs
            .iter()
            .map(|lang| format!("<status xml:lang='{lang}'>{status}</status>"))
            .collect();
        world.xmpp(&format!("<presence from='juliet@xmpp.test/d{device}' to='lisa@lync.test'><show>dnd</show>{statuses}</presence>"));
        world.run(Duration::from_secs(10));
    }
    assert_eq!(notifies(&mut world).len(), 4);
}

#[test]
fn an_email_address_with_an_apostrophe_hides_the_user() {
    let mut rules = policy();
    rules.email.enabled = true;
    let (own, email) = ("juliet@xmpp.test", "o'brien@mail.test");
    rules
        .email
        .identities
        .insert(own.parse().unwrap(), email.parse().unwrap());
    let mut world = World::with(Config::new("gw"), rules);
    world.xmpp("<message from='juliet@xmpp.test/b' to='bob@sip.test'><body>x</body></message>");
    let page = world.incoming();
    let bytes = String::from_utf8_lossy(page.request().as_bytes()).into_owned();
    assert!(!bytes.contains("juliet"), "{bytes}");
}

#[test]
fn mail_to_an_apostrophe_arrives() {
    let mut rules = policy();
    rules.email.enabled = true;
    let (own, email) = ("juliet@xmpp.test", "o'brien@mail.test");
    rules
        .email
        .identities
        .insert(own.parse().unwrap(), email.parse().unwrap());
    let mut world = World::with(Config::new("gw"), rules);
    let content = Some(("text/plain;charset=UTF-8", Bytes::from_static(b"x")));
    world.request(Method::Message, BOB, "sip:o'brien@mail.test", &[], content);
    let left = world.left();
    assert!(
        left.iter()
            .any(|stanza| stanza.contains("juliet@xmpp.test")),
        "{left:?}"
    );
}

#[test]
fn the_rate_of_a_remote_domain_is_not_that_of_our_own() {
    let mut rules = policy();
    rules.rates.domain = Some(Rate {
        per_second: 1.try_into().unwrap(),
        burst: 1,
    });
    let mut world = World::with(Config::new("gw"), rules);
    world.xmpp(&chat("1", "x"));
    world.xmpp(&chat("2", "y").replace("juliet", "romeo"));
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn a_second_device_after_an_allowing_rule_frees_the_first() {
    let mut world = World::new();
    subscribe(&mut world, 3600);
    while world.next_told() {}
    let mut rules = policy();
    rules.user_rules.push(rule(Verdict::Allow));
    world.replace_policy(rules);
    assert!(world.next_told(), "still pending");
}

#[test]
fn a_block_that_is_lifted_frees_the_watcher() {
    let mut rules = policy();
    rules.user_rules.push(rule(Verdict::Deny));
    let mut world = World::with(Config::new("gw"), rules);
    subscribe(&mut world, 3600);
    while world.next_told() {}
    world.left();
    let mut rules = policy();
    rules.user_rules.push(rule(Verdict::Allow));
    world.replace_policy(rules);
    assert!(!world.left().is_empty(), "nobody asks for her presence");
}

fn sip_home(rules: &mut comity_policy::Config) -> Config {
    let mut config = Config::new("gw");
    rules.local_domains.insert(name("lync.test"));
    rules
        .sip
        .domains
        .retain(|domain| domain.name != name("lync.test"));
    config
        .sip_homes
        .insert(name("lync.test"), comity_policy::PeerKind::Microsoft);
    rules.local_domains.remove(&name("xmpp.test"));
    rules.xmpp.enabled = comity_policy::Switch::On;
    rules.xmpp.default_verdict = Verdict::Allow;
    config
}

#[test]
fn a_user_of_xmpp_who_is_blocked_cannot_tell() {
    let mut rules = policy();
    let config = sip_home(&mut rules);
    let owner = "lisa@lync.test".parse().unwrap();
    let subject = Subject::User("juliet@xmpp.test".parse().unwrap());
    rules
        .user_rules
        .push(UserRule::new(owner, subject, Scope::Both, Verdict::Deny));
    let mut world = World::with(config, rules);
    world.xmpp(&presence("subscribe"));
    assert_eq!(world.left(), [""; 0], "{:?}", world.refused);
}

#[test]
fn who_is_blocked_shows_nothing_by_leaving() {
    let mut rules = policy();
    rules.user_rules.push(rule(Verdict::Deny));
    let mut world = World::with(Config::new("gw"), rules);
    let id = subscribe(&mut world, 3600);
    world.edge(|now, edge| edge.unsubscribe(now, id).unwrap());
    world.run(Duration::from_secs(1));
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn a_subscription_after_a_probe_is_asked_for_at_once() {
    let mut world = World::new();
    world.record = true;
    world.xmpp("<presence type='probe' from='juliet@xmpp.test' to='lisa@lync.test'/>");
    let once = world.incoming();
    world.xmpp(&presence("subscribe"));
    world.edge(|now, edge| {
        edge.accept_subscription(now, &once, None).unwrap();
    });
    world.run(Duration::from_secs(20));
    let asked = world
        .recorded
        .iter()
        .filter(|(_, text)| text.starts_with("SUBSCRIBE"));
    assert_eq!(asked.count(), 2);
}

#[test]
fn order_holds_while_a_domain_is_looked_for() {
    let mut rules = policy();
    rules.sip.default_verdict = Verdict::Allow;
    let mut config = Config::new("gw");
    config.discovery = comity_policy::Switch::On;
    let mut world = World::with(config, rules);
    for (id, text) in [("1", "one"), ("2", "two")] {
        world.xmpp(&chat(id, text).replace("lync.test", "new.test"));
    }
    let queries: Vec<_> = world
        .asked
        .drain(..)
        .map(|event| match event {
            comity_bridge::Event::Discover { query, .. } => query,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(queries.len(), 1, "one question for one domain");
}

#[test]
fn what_ends_shows_nobody() {
    let mut rules = policy();
    rules.deny_mode = DenyMode::Rejected;
    let mut world = World::with(Config::new("gw"), rules);
    subscribe(&mut world, 3600);
    world.xmpp(&presence("subscribed"));
    world.run(Duration::from_secs(10));
    world.xmpp("<presence from='juliet@xmpp.test/b' to='lisa@lync.test'/>");
    world.run(Duration::from_secs(10));
    world.record = true;
    world.xmpp(&presence("unsubscribed"));
    world.run(Duration::from_secs(1));
    let ends: Vec<_> = world
        .recorded
        .iter()
        .filter(|(_, text)| text.contains("terminated"))
        .collect();
    assert!(!ends.is_empty());
    assert!(!ends[0].1.contains("<basic>open"), "{}", ends[0].1);
}

#[test]
fn a_partner_whose_servers_hang_does_not_use_up_the_bytes_of_all() {
    let mut config = Config::new("gw");
    config.limits.max_queued_bytes = 10_000;
    let mut world = World::with(config, policy());
    for text in 0..20 {
        world.xmpp(&chat(&text.to_string(), "to a session that nobody accepts"));
    }
    world.left();
    world.xmpp("<message from='romeo@xmpp.test/b' to='bob@sip.test'><body>x</body></message>");
    assert_eq!(world.left(), [""; 0]);
}

fn open_federation() -> World {
    let mut rules = policy();
    rules.sip.default_verdict = Verdict::Allow;
    let mut config = Config::new("gw");
    config.discovery = comity_policy::Switch::On;
    // No ACL stands in the way of peers whom nobody has configured.
    rules.acl.insert("192.0.2.0/24".parse().unwrap());
    World::with(config, rules)
}

#[test]
fn what_is_refused_teaches_nothing() {
    let mut world = open_federation();
    world.proved = vec![name("new.test")];
    let content = Some(("image/png", Bytes::from_static(b"x")));
    world.request(
        Method::Message,
        "sip:eve@new.test",
        "sip:juliet@xmpp.test",
        &[],
        content,
    );
    assert_eq!(world.answered().0, 415);
    assert_eq!(world.facts, [""; 0]);
}
