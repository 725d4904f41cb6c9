//! Who is believed, who may, and what nobody is told.

use comity_bridge::{Config, Dropped, Event, Fact, Route, Way};
use comity_identity::DomainName;
use comity_policy::{
    AclPattern, Address, DenyMode, FederatedDomain, PeerKind, Scope, Subject, Switch, UserRule,
    Verdict,
};
use comity_sip::{Method, Transport};

use crate::world::{World, name, policy};

const BOB: &str = "sip:bob@sip.test";
const JULIET: &str = "sip:juliet@xmpp.test";
const ANN: &str = "sip:ann@home.test";

fn message(world: &mut World, from: &str, to: &str, lines: &[(&str, &str)]) {
    let content = Some(("text/plain", "hi".into()));
    world.request(Method::Message, from, to, lines, content);
}

#[test]
fn who_writes_in_the_name_of_another_domain_is_refused_unless_somebody_vouches() {
    for vouched in [false, true] {
        let mut world = World::new();
        let mut rules = policy();
        let other = FederatedDomain::new(name("other.test"), PeerKind::Standard);
        rules.sip.domains.push(other);
        world.replace_policy(rules);
        message(&mut world, "sip:eve@other.test", JULIET, &[]);
        assert_eq!(world.left(), [""; 0]);
        let Some(Event::Identify {
            query,
            domain,
            proved,
            transport,
            ..
        }) = world.asked.pop_front()
        else {
            panic!("nobody is asked");
        };
        assert_eq!((domain, transport), (name("other.test"), Transport::Tls));
        assert_eq!(proved, world.proved);
        world
            .bridge
            .handle_identified(world.now, &mut world.gateway, query, vouched);
        world.pump();
        let expected = match vouched {
            true => (200, "OK"),
            false => (403, "the certificate does not prove other.test"),
        };
        let (status, reason) = world.answered();
        assert_eq!((status, &*reason), expected);
        assert_eq!(world.left().len(), usize::from(vouched));
        // It is remembered.
        message(&mut world, "sip:eve@other.test", JULIET, &[]);
        assert!(world.asked.is_empty());
        assert_eq!(world.answered().0, expected.0);
    }
}

#[test]
fn a_question_that_nobody_answers_ends_in_a_refusal() {
    let mut world = World::new();
    message(&mut world, "sip:eve@other.test", JULIET, &[]);
    message(&mut world, "sip:eve@other.test", JULIET, &[]);
    assert_eq!(world.asked.len(), 1, "one question for both");
    assert_eq!(world.bridge.counts().questions, 1);
    world.run(std::time::Duration::from_secs(6));
    assert_eq!(world.answered().0, 480);
    assert_eq!(world.answered().0, 480);
    assert_eq!(world.bridge.counts().questions, 0);
}

#[test]
fn other_headers_that_name_a_sender_are_not_read() {
    let mut world = World::new();
    let lines = [
        ("P-Asserted-Identity", "<sip:ceo@xmpp.test>"),
        ("Reply-To", "<sip:ceo@xmpp.test>"),
        (
            "ms-edge-proxy-message-trust",
            "ms-source-type=AuthorizedServer",
        ),
    ];
    message(&mut world, BOB, JULIET, &lines);
    let stanza = world.left().remove(0);
    assert!(stanza.starts_with("<message from='bob@sip.test' to='juliet@xmpp.test' "));
    assert!(!stanza.contains("ceo"), "{stanza}");
}

#[test]
fn who_may_not_is_refused_and_the_user_never_hears_of_it() {
    let mut rules = policy();
    rules
        .sip
        .domains
        .retain(|domain| domain.name != name("sip.test"));
    let mut world = World::with(Config::new("gw"), rules);
    message(&mut world, BOB, JULIET, &[]);
    assert_eq!(world.answered(), (403, "Forbidden".to_owned()));
    world.request(
        Method::Subscribe,
        BOB,
        JULIET,
        &[("Event", "presence")],
        None,
    );
    assert_eq!(world.answered(), (403, "Forbidden".to_owned()));
    assert_eq!(world.left(), [""; 0]);
    let line = "denied: no entry of the access list lets the peer in";
    assert_eq!(world.refused, [line; 2]);
}

#[test]
fn the_gateway_relays_for_nobody() {
    for (to, status) in [
        ("sip:bob@elsewhere.test", 403),
        ("sip:lisa@lync.test", 404),
        ("sip:+15551234@xmpp.test;user=phone", 484),
        ("sips:juliet@xmpp.test", 480),
    ] {
        let mut world = World::new();
        message(&mut world, BOB, to, &[]);
        assert_eq!(world.answered().0, status, "{to}");
        assert_eq!(world.left(), [""; 0]);
    }
}

fn block(scope: Scope) -> UserRule {
    let owner: Address = "juliet@xmpp.test".parse().unwrap();
    let subject = Subject::User("bob@sip.test".parse().unwrap());
    UserRule::new(owner, subject, scope, Verdict::Deny)
}

#[test]
fn a_user_who_is_blocked_is_answered_as_if_nobody_were_there() {
    for (mode, status) in [(DenyMode::Polite, 480), (DenyMode::Rejected, 403)] {
        let mut rules = policy();
        rules.deny_mode = mode;
        rules.user_rules.push(block(Scope::Both));
        let mut world = World::with(Config::new("gw"), rules);
        message(&mut world, BOB, JULIET, &[]);
        assert_eq!(world.answered().0, status);
        assert_eq!(world.left(), [""; 0]);
        // She can write to him: over SIP a block is about what comes in.
        world.xmpp("<message from='juliet@xmpp.test' to='bob@sip.test'><body>x</body></message>");
        assert_eq!(world.incoming().request().body(), "x");
    }
}

/// Juliet is known as j.capulet@mail.test.
fn with_email() -> World {
    let mut rules = policy();
    rules.email.enabled = true;
    let (own, email) = ("juliet@xmpp.test", "j.capulet@mail.test");
    rules
        .email
        .identities
        .insert(own.parse().unwrap(), email.parse().unwrap());
    World::with(Config::new("gw"), rules)
}

#[test]
fn an_email_address_stands_for_the_users_own_in_both_directions() {
    let mut world = with_email();
    message(&mut world, BOB, "sip:j.capulet@mail.test", &[]);
    assert_eq!(world.answered().0, 200);
    let stanza = world.left().remove(0);
    assert!(stanza.contains("to='juliet@xmpp.test'"), "{stanza}");
    world.xmpp("<message from='juliet@xmpp.test/b' to='bob@sip.test'><body>x</body></message>");
    let page = world.incoming();
    let bytes = String::from_utf8_lossy(page.request().as_bytes()).into_owned();
    assert!(bytes.contains("<sip:j.capulet@mail.test>"), "{bytes}");
    assert!(!bytes.contains("juliet"), "{bytes}");
}

#[test]
fn who_writes_to_the_own_address_of_a_user_known_by_email_hears_nothing() {
    let mut world = with_email();
    message(&mut world, BOB, JULIET, &[]);
    assert_eq!(world.dropped, [Dropped::ByPolicy]);
    assert_eq!(world.left(), [""; 0]);
    world.edge_is_quiet();
}

#[test]
fn what_is_too_much_is_refused_for_a_while() {
    let mut rules = policy();
    rules.rates.user = Some(comity_policy::Rate {
        per_second: 1.try_into().unwrap(),
        burst: 2,
    });
    let mut world = World::with(Config::new("gw"), rules);
    for status in [200, 200, 480] {
        message(&mut world, BOB, JULIET, &[]);
        assert_eq!(world.answered().0, status);
    }
    assert_eq!(world.left().len(), 2);
}

#[test]
fn a_domain_of_ours_may_live_on_sip() {
    let mut rules = policy();
    rules.local_domains.insert(name("home.test"));
    rules.xmpp.enabled = Switch::On;
    rules.xmpp.default_verdict = Verdict::Allow;
    let mut config = Config::new("gw");
    config
        .sip_homes
        .insert(name("home.test"), PeerKind::Standard);
    let mut world = World::with(config, rules);
    world.proved.push(name("home.test"));
    message(&mut world, "sip:ann@home.test", "sip:romeo@far.test", &[]);
    assert_eq!(world.answered().0, 200);
    let stanza = world.left().remove(0);
    assert!(stanza.starts_with("<message from='ann@home.test' to='romeo@far.test' "));
    world.xmpp("<message from='romeo@far.test/x' to='ann@home.test'><body>x</body></message>");
    assert_eq!(world.incoming().request().body(), "x");
}

/// Ann of ours is on SIP, Juliet of ours on XMPP, and no domain federates.
fn two_of_ours(user_rules: Vec<UserRule>) -> World {
    let mut rules = policy();
    rules.sip = comity_policy::SipRules::default();
    rules.xmpp.enabled = Switch::On;
    rules.local_domains.insert(name("home.test"));
    rules.user_rules = user_rules;
    let mut config = Config::new("gw");
    config
        .sip_homes
        .insert(name("home.test"), PeerKind::Standard);
    let mut world = World::with(config, rules);
    world.proved.push(name("home.test"));
    world
}

#[test]
fn two_domains_of_ours_are_joined_without_asking_whether_domains_federate() {
    let mut world = two_of_ours(Vec::new());
    message(&mut world, ANN, JULIET, &[]);
    assert_eq!(world.answered().0, 200);
    let stanza = world.left().remove(0);
    assert!(stanza.starts_with("<message from='ann@home.test' to='juliet@xmpp.test' "));
    world.xmpp("<message from='juliet@xmpp.test/x' to='ann@home.test'><body>x</body></message>");
    assert_eq!(world.incoming().request().body(), "x");
    assert_eq!(world.refused, [""; 0]);
}

#[test]
fn who_writes_over_xmpp_as_a_user_of_ours_on_sip_is_not_heard() {
    let mut world = two_of_ours(Vec::new());
    world
        .xmpp("<message id='1' from='eve@home.test/x' to='ann@home.test'><body>x</body></message>");
    assert!(world.next_incoming().is_none());
    assert_eq!(world.left(), [""; 0]);
    assert_eq!(world.refused, ["denied: home.test is a local domain"]);
}

#[test]
fn between_two_domains_of_ours_both_users_decide() {
    let rule = |owner: &str, subject: &str| {
        let subject = Subject::User(subject.parse().unwrap());
        UserRule::new(owner.parse().unwrap(), subject, Scope::Both, Verdict::Deny)
    };
    let text =
        "<message id='1' from='juliet@xmpp.test/x' to='ann@home.test'><body>x</body></message>";
    // To her he is of SIP, where a block is about what comes in.
    let mut world = two_of_ours(vec![rule("juliet@xmpp.test", "ann@home.test")]);
    message(&mut world, ANN, JULIET, &[]);
    assert_eq!(world.answered().0, 480);
    assert_eq!(world.left(), [""; 0]);
    world.xmpp(text);
    assert_eq!(world.incoming().request().body(), "x");
    // To Ann she is of XMPP, where nobody writes to whom he has blocked.
    let mut world = two_of_ours(vec![rule("ann@home.test", "juliet@xmpp.test")]);
    message(&mut world, ANN, JULIET, &[]);
    assert_eq!(world.answered().0, 406);
    world.xmpp(text);
    assert!(world.next_incoming().is_none());
    let bounced = world.left();
    assert_eq!(bounced.len(), 1, "{bounced:?}");
    assert!(bounced[0].contains("type='error'"), "{bounced:?}");
}

#[test]
fn a_domain_that_nobody_has_configured_is_looked_for() {
    let mut rules = policy();
    rules.sip.default_verdict = Verdict::Allow;
    let mut config = Config::new("gw");
    config.discovery = Switch::On;
    let mut world = World::with(config, rules);
    world.proved.push(name("new.test"));
    let text = "<message id='1' from='juliet@xmpp.test' to='kim@new.test'><body>x</body></message>";
    world.xmpp(text);
    let query = |world: &mut World, expected: bool| match world.asked.pop_front() {
        Some(Event::Discover {
            query,
            domain,
            xmpp_failed,
        }) => {
            assert_eq!((domain, xmpp_failed), (name("new.test"), expected));
            query
        }
        other => panic!("{other:?}"),
    };
    let asked = query(&mut world, false);
    let xmpp = Some(Way::Xmpp);
    world
        .bridge
        .handle_discovered(world.now, &mut world.gateway, asked, xmpp);
    world.pump();
    let Some(Event::Relay { stanza, ticket }) = world.asked.pop_front() else {
        panic!("not relayed");
    };
    let error = comity_xmpp::StanzaError::new(comity_xmpp::StanzaCondition::RemoteServerNotFound);
    world
        .bridge
        .handle_unrelayed(world.now, stanza, ticket, &error);
    world.pump();
    let asked = query(&mut world, true);
    let sip = Some(Way::Sip(Route::Default));
    world
        .bridge
        .handle_discovered(world.now, &mut world.gateway, asked, sip);
    world.pump();
    let page = world.incoming();
    assert_eq!(page.request().body(), "x");
    assert_eq!(world.facts, [""; 0]);
    world.reply(&page, comity_sip::StatusCode::OK);
    // It is learned by the first exchange that succeeded.
    assert_eq!(world.facts, ["+ learned new.test: default"]);
    assert!(
        matches!(world.asked.pop_front(), Some(Event::Learned { domain, route: Route::Default }) if domain == name("new.test"))
    );
    world.xmpp(text);
    assert!(world.asked.is_empty());
    assert_eq!(world.incoming().request().body(), "x");
    world
        .bridge
        .unlearn(&DomainName::parse("new.test").unwrap());
    world.pump();
    assert_eq!(world.facts.last().unwrap(), "- learned new.test");
}

#[test]
fn a_domain_found_by_its_edge_is_of_microsofts_kind_at_once_and_after_a_restart() {
    let mut rules = policy();
    rules.sip.default_verdict = Verdict::Allow;
    let mut config = Config::new("gw");
    config.discovery = Switch::On;
    let text = "<message id='1' from='juliet@xmpp.test' to='kim@new.test'><body>x</body></message>";
    let fresh = || {
        let mut world = World::with(config.clone(), rules.clone());
        world.proved.push(name("new.test"));
        world
    };
    for (route, method) in [
        (Route::Edge, Method::Invite),
        (Route::Records, Method::Message),
        (Route::Default, Method::Message),
    ] {
        let mut world = fresh();
        world.xmpp(text);
        let Some(Event::Discover { query, .. }) = world.asked.pop_front() else {
            panic!("nothing is asked");
        };
        let way = Some(Way::Sip(route));
        world
            .bridge
            .handle_discovered(world.now, &mut world.gateway, query, way);
        world.pump();
        assert_eq!(world.incoming().request().method(), method, "{route:?}");
        let mut world = fresh();
        let domain = name("new.test");
        let facts = [Fact::Learned { domain, route }];
        world.bridge.restore(world.now, &mut world.gateway, facts);
        world.xmpp(text);
        assert_eq!(world.incoming().request().method(), method, "{route:?}");
    }
}

#[test]
fn a_domain_whose_edge_came_first_is_of_microsofts_kind() {
    let mut rules = policy();
    rules.sip.default_verdict = Verdict::Allow;
    rules.acl.insert(AclPattern::All);
    let mut config = Config::new("gw");
    config.discovery = Switch::On;
    let mut world = World::with(config, rules);
    world.proved.push(name("new.test"));
    world.bridge.note_route(&name("new.test"), Route::Edge);
    message(&mut world, "sip:kim@new.test", JULIET, &[]);
    assert_eq!(world.answered().0, 200);
    assert_eq!(world.facts, ["+ learned new.test: edge"]);
    world.xmpp("<message from='juliet@xmpp.test' to='kim@new.test'><body>x</body></message>");
    assert_eq!(world.incoming().request().method(), Method::Invite);
}

#[test]
fn users_whose_names_differ_by_case_alone_are_told_once() {
    let mut world = World::new();
    for user in ["sip:Bob@sip.test", "sip:bob@sip.test", "sip:BOB@sip.test"] {
        message(&mut world, user, JULIET, &[]);
        assert_eq!(world.answered().0, 200);
    }
    let Some(Event::Collision { address, collision }) = world.asked.pop_front() else {
        panic!("nothing is told");
    };
    assert_eq!(address.to_string(), "bob@sip.test");
    assert_eq!((&*collision.first, &*collision.other), ("Bob", "bob"));
    assert!(world.asked.is_empty());
}
