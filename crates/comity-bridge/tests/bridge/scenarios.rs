//! What an operator tries out when two domains begin to federate, from beginning to end.

use std::time::Duration;

use bytes::Bytes;
use comity_bridge::Config;
use comity_policy::{Scope, Subject, Switch, UserRule, Verdict};
use comity_sip::endpoint::Event;
use comity_sip::{Method, StatusCode, Subscribe, SubscriptionEvent, SubscriptionId};

use crate::cast::{OFFER, accept};
use crate::world::{World, name, policy, target};

/// A user of the domain, as SIP and as XMPP name him.
struct User(&'static str);

impl User {
    fn uri(&self) -> String {
        format!("sip:{}", self.0)
    }
}

const A: User = User("alice@lync.test");
const B: User = User("bob@lync.test");

fn watch(world: &mut World, watcher: &User, local: &User) -> SubscriptionId {
    let (resource, from) = (local.uri().parse().unwrap(), watcher.uri().parse().unwrap());
    let mut wish = Subscribe::new(resource, from, "presence");
    wish.accept = vec!["application/pidf+xml".to_owned()];
    wish.targets = vec![target(1, "gw.xmpp.test")];
    world.edge(|now, edge| edge.subscribe(now, wish).unwrap())
}

/// What each subscription was told last: whether the user is there, and what he does.
fn seen(world: &mut World) -> Vec<(SubscriptionId, String)> {
    let mut seen = Vec::new();
    while let Some(event) = world.poll_told() {
        if let Event::Subscription {
            subscription,
            event: SubscriptionEvent::Notified(notify),
        } = event
        {
            let body = String::from_utf8(notify.body().to_vec()).unwrap();
            let between = |start: &str, end: &str| {
                let rest = body.split_once(start)?.1;
                Some(rest.split_once(end)?.0.to_owned())
            };
            let basic = between("<basic>", "</basic>").unwrap_or_default();
            let activity = between("<rpid:activities><rpid:", "/>").unwrap_or_default();
            seen.push((
                subscription,
                format!("{basic} {activity}").trim().to_owned(),
            ));
        }
    }
    seen
}

fn presence(world: &mut World, kind: &str, from: &str, to: &User, inside: &str) {
    world.xmpp(&format!(
        "<presence {kind} from='{from}' to='{}'>{inside}</presence>",
        to.0
    ));
}

fn blocking(mut rules: comity_policy::Config, owner: &str, subject: &str) -> comity_policy::Config {
    let subject = Subject::User(subject.parse().unwrap());
    let owner = owner.parse().unwrap();
    let rule = UserRule::new(owner, subject, Scope::Both, Verdict::Deny);
    rules.user_rules.push(rule);
    rules
}

/// For a user in every local domain.
#[test]
fn users_of_sip_and_a_user_of_xmpp_find_each_other_write_and_block() {
    for local in [User("juliet@xmpp.test"), User("juliet@two.test")] {
        let mut rules = policy();
        rules.local_domains.insert(name("two.test"));
        let mut world = World::with(Config::new("gw"), rules.clone());
        let desk = format!("{}/desk", local.0);

        // A and B add the user, who is asked and lets them see her.
        let [by_a, by_b] = [A, B].map(|watcher| {
            let id = watch(&mut world, &watcher, &local);
            assert_eq!(seen(&mut world), [(id, String::new())], "pending");
            let ask = format!(
                "<presence from='{}' to='{}' type='subscribe'/>",
                watcher.0, local.0
            );
            assert_eq!(world.left(), [ask]);
            presence(&mut world, "type='subscribed'", local.0, &watcher, "");
            assert_eq!(seen(&mut world), [(id, "closed".to_owned())]);
            world.left();
            id
        });

        // Every state of hers, as the table for Microsoft's servers has it.
        for (show, expected) in [
            ("", "open"),
            ("<show>away</show>", "open away"),
            ("<show>dnd</show>", "open busy"),
            ("<show>xa</show>", "open away"),
            ("<show>chat</show>", "open"),
        ] {
            world.run(Duration::from_secs(5));
            for watcher in [A, B] {
                presence(&mut world, "", &desk, &watcher, show);
            }
            let expected = expected.to_owned();
            assert_eq!(
                seen(&mut world),
                [(by_a, expected.clone()), (by_b, expected)],
                "{show}"
            );
        }

        // She writes, he answers; the windows are closed, and A writes first.
        let write = |text: &str, to: &User| {
            format!(
                "<message type='chat' id='1' from='{desk}' to='{}'><body>{text}</body></message>",
                to.0
            )
        };
        world.xmpp(&write("hello", &A));
        let session = accept(&mut world);
        let text = world.incoming();
        assert_eq!(text.request().body(), "hello");
        world.reply(&text, StatusCode::OK);
        world.edge(|now, edge| edge.bye(now, session).unwrap());
        world.left();
        let content = Some(("application/sdp", Bytes::from_static(OFFER.as_bytes())));
        world.request(Method::Invite, &A.uri(), &local.uri(), &[], content);
        assert!(matches!(world.told(), Event::Session { .. }));

        // She blocks A, who sees her offline. B sees her, and she can write to A.
        world.run(Duration::from_secs(5));
        world.replace_policy(blocking(rules.clone(), local.0, A.0));
        assert_eq!(seen(&mut world), [(by_a, "closed".to_owned())]);
        for watcher in [A, B] {
            presence(&mut world, "", &desk, &watcher, "<show>dnd</show>");
        }
        assert_eq!(seen(&mut world), [(by_b, "open busy".to_owned())]);
        world.xmpp(&write("still here", &A));
        let text = world.incoming();
        assert_eq!(text.request().body(), "still here");
        world.reply(&text, StatusCode::OK);
        let content = Some(("text/plain", "hi".into()));
        world.request(Method::Message, &A.uri(), &local.uri(), &[], content);
        assert_eq!(world.answered().0, 480);
    }
}

#[test]
fn a_user_of_ours_on_sip_who_blocks_a_user_of_xmpp_cannot_write_to_him() {
    let mut rules = policy();
    rules.local_domains.clear();
    rules.local_domains.insert(name("home.test"));
    rules.xmpp.enabled = Switch::On;
    rules.xmpp.default_verdict = Verdict::Allow;
    let mut config = Config::new("gw");
    let kind = comity_policy::PeerKind::Standard;
    config.sip_homes.insert(name("home.test"), kind);
    let mut world = World::with(config, rules.clone());
    world.proved.push(name("home.test"));
    let (ann, romeo) = (User("ann@home.test"), User("romeo@far.test"));
    let say = |world: &mut World| {
        let content = Some(("text/plain", "hi".into()));
        world.request(Method::Message, &ann.uri(), &romeo.uri(), &[], content);
        world.answered().0
    };
    assert_eq!(say(&mut world), 200);
    world.replace_policy(blocking(rules, ann.0, romeo.0));
    assert_eq!(say(&mut world), 406);
    world.left();
    world.xmpp(
        "<message id='1' from='romeo@far.test/x' to='ann@home.test'><body>x</body></message>",
    );
    let answer = world.left().remove(0);
    assert!(answer.contains("<recipient-unavailable"), "{answer}");
    world.edge_is_quiet();
}
