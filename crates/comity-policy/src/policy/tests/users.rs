use super::Stage::{Stanza, Subscription as Subscribe};
use super::Topic::{Message, Presence};
use super::Verdict::{Allow, Deny};
use super::*;

#[test]
fn users_decide_for_themselves_and_a_user_beats_his_domain() {
    let mut config = site();
    let owner = address("juliet@local.test");
    let rule = |subject: &str, scope, verdict| {
        UserRule::new(owner.clone(), subject.parse().unwrap(), scope, verdict)
    };
    config.user_rules = vec![
        rule("montague.test", Scope::Both, Deny),
        rule("romeo@montague.test", Scope::Messages, Allow),
        rule("paris@verona.test", Scope::Presence, Deny),
        rule("paris@verona.test", Scope::Messages, Allow),
    ];
    let mut policies = [DenyMode::Polite, DenyMode::Rejected].map(|mode| {
        config.deny_mode = mode;
        Policy::new(config.clone()).unwrap()
    });
    let ask = |policy: &Policy, remote: &str, stage, topic| {
        let remote = address(remote);
        let facts = certified(
            Protocol::Xmpp,
            &owner,
            &remote,
            Direction::Inbound,
            stage,
            topic,
        );
        let decision = policy.decide(&facts);
        let Obligations {
            denial,
            subscription,
            ..
        } = decision.obligations;
        (decision.verdict, denial, subscription)
    };
    let polite = (Deny, Some(Denial::Polite), None);
    let passes = (Allow, None, None);
    for (remote, stage, topic, expected) in [
        ("romeo@montague.test", Stanza, Message, passes),
        ("romeo@montague.test", Stanza, Presence, polite),
        ("romeo@montague.test", Subscribe, Presence, polite),
        ("tybalt@montague.test", Stanza, Message, polite),
        ("paris@verona.test", Stanza, Message, passes),
        ("paris@verona.test", Subscribe, Presence, polite),
        (
            "nurse@verona.test",
            Subscribe,
            Presence,
            (Allow, None, Some(Subscription::Pending)),
        ),
        ("nurse@verona.test", Stanza, Message, passes),
        ("x@below.montague.test", Stanza, Message, passes),
    ] {
        assert_eq!(
            ask(&policies[0], remote, stage, topic),
            expected,
            "{remote} {stage}"
        );
        let (verdict, denial, subscription) = expected;
        let rejected = denial.map(|_| Denial::Refuse);
        assert_eq!(
            ask(&policies[1], remote, stage, topic),
            (verdict, rejected, subscription)
        );
    }
    config
        .user_rules
        .push(rule("nurse@verona.test", Scope::Presence, Allow));
    policies[0] = Policy::new(config).unwrap();
    assert_eq!(
        ask(&policies[0], "nurse@verona.test", Subscribe, Presence),
        (Allow, None, Some(Subscription::Active))
    );
}

#[test]
fn whom_a_user_blocks_he_cannot_write_to_over_xmpp_and_can_over_sip() {
    let mut config = site();
    let owner = address("juliet@local.test");
    let (over_xmpp, over_sip) = (
        address("romeo@montague.test"),
        address("paris@partner.test"),
    );
    config.user_rules = [&over_xmpp, &over_sip]
        .map(|subject| {
            let subject = Subject::User(subject.clone());
            UserRule::new(owner.clone(), subject, Scope::Both, Deny)
        })
        .to_vec();
    let policy = Policy::new(config).unwrap();
    let outbound = |protocol, remote| {
        let (stage, topic) = (Stanza, Message);
        let facts = certified(protocol, &owner, remote, Direction::Outbound, stage, topic);
        let decision = policy.decide(&facts);
        (decision.verdict, decision.obligations.denial)
    };
    assert_eq!(
        outbound(Protocol::Xmpp, &over_xmpp),
        (Deny, Some(Denial::OwnBlock))
    );
    assert_eq!(outbound(Protocol::Sip, &over_sip), (Allow, None));
}

#[test]
fn a_user_is_of_the_domain_that_was_proved() {
    let policy = Policy::new(site()).unwrap();
    let (local, remote) = (name("local.test"), name("montague.test"));
    let line = |owner: &str, sender: &str, direction| {
        let (owner, sender) = (address(owner), address(sender));
        let facts = Facts::between(Protocol::Xmpp, &local, &remote, direction)
            .at(Stanza, Assurance::Certified)
            .users(&owner, &sender, Message);
        policy.decide(&facts).to_string()
    };
    for direction in DIRECTIONS {
        let proved = "default allow; the other side is certified";
        assert_eq!(
            line("u@local.test", "v@montague.test", direction),
            format!("allowed: {proved}")
        );
        assert_eq!(
            line("u@local.test", "v@im.montague.test", direction),
            format!("denied: {proved}; v@im.montague.test is not of montague.test")
        );
        assert_eq!(
            line("u@other.test", "v@montague.test", direction),
            format!("denied: {proved}; u@other.test is not of local.test")
        );
    }
}

#[test]
fn who_subscribes_himself_is_not_asked() {
    let policy = Policy::new(site()).unwrap();
    let (owner, remote) = (address("juliet@local.test"), address("romeo@montague.test"));
    let ask = |direction| {
        let facts = certified(
            Protocol::Xmpp,
            &owner,
            &remote,
            direction,
            Subscribe,
            Presence,
        );
        policy.decide(&facts)
    };
    assert_eq!(
        ask(Direction::Inbound).obligations.subscription,
        Some(Subscription::Pending)
    );
    let outbound = ask(Direction::Outbound);
    assert_eq!(outbound.obligations.subscription, None);
    assert_eq!(
        outbound.to_string(),
        "allowed: default allow; the other side is certified"
    );
    let peer = Peer {
        address: [192, 0, 2, 1].into(),
        name: None,
    };
    let connection = policy.decide(&Facts::connection(Protocol::Xmpp, peer));
    assert_eq!(
        connection.to_string(),
        "allowed: nothing is asked of such a connection over XMPP"
    );
}

#[test]
fn the_presence_of_who_blocks_stays_with_him_over_sip() {
    let mut config = site();
    let (owner, watcher) = (address("juliet@local.test"), address("paris@partner.test"));
    let subject = Subject::User(watcher.clone());
    let rule = UserRule::new(owner.clone(), subject, Scope::Presence, Deny);
    config.user_rules.push(rule);
    let policy = Policy::new(config).unwrap();
    for (stage, topic, verdict) in [
        (Stanza, Presence, Deny),
        (Stanza, Message, Allow),
        (Subscribe, Presence, Allow),
    ] {
        let direction = Direction::Outbound;
        let facts = certified(Protocol::Sip, &owner, &watcher, direction, stage, topic);
        let decision = policy.decide(&facts);
        assert_eq!(decision.verdict, verdict, "{stage} {topic:?}");
        let denial = (verdict == Deny).then_some(Denial::Polite);
        assert_eq!(decision.obligations.denial, denial);
    }
}

#[test]
fn what_is_not_known_passes_nothing_that_it_could_forbid() {
    let mut config = site();
    let (owner, remote) = (address("juliet@local.test"), address("romeo@montague.test"));
    let subject = Subject::Domain(name("montague.test"));
    let rule = UserRule::new(owner.clone(), subject, Scope::Presence, Deny);
    config.user_rules.push(rule);
    let policy = Policy::new(config).unwrap();
    let direction = Direction::Inbound;
    let facts = certified(Protocol::Xmpp, &owner, &remote, direction, Stanza, Message);
    let ask = |change: fn(&mut Facts<'_>)| {
        let mut facts = facts;
        change(&mut facts);
        policy.decide(&facts).verdict
    };
    assert_eq!(ask(|_| {}), Allow);
    assert_eq!(ask(|facts| facts.topic = None), Deny);
    assert_eq!(ask(|facts| facts.remote_user = None), Allow);
    assert_eq!(
        ask(|facts| {
            facts.remote_user = None;
            facts.topic = Some(Presence);
        }),
        Deny,
        "what holds for the domain holds for the domain itself"
    );
    assert_eq!(ask(|facts| facts.local_user = None), Allow);
    assert_eq!(
        ask(|facts| {
            facts.local_user = None;
            facts.stage = Subscribe;
        }),
        Deny
    );
    assert_eq!(ask(|facts| facts.local = None), Deny);
    assert_eq!(ask(|facts| facts.remote = None), Deny);
}

#[test]
fn a_user_changes_his_mind_without_new_tables() {
    let mut policy = Policy::new(site()).unwrap();
    let (owner, remote) = (address("juliet@local.test"), address("romeo@montague.test"));
    let subject = Subject::User(remote.clone());
    let rule = |scope, verdict| UserRule::new(owner.clone(), subject.clone(), scope, verdict);
    let ask = |policy: &Policy| {
        [Message, Presence].map(|topic| {
            let direction = Direction::Inbound;
            let facts = certified(Protocol::Xmpp, &owner, &remote, direction, Stanza, topic);
            policy.decide(&facts).verdict
        })
    };
    assert_eq!(policy.set_user_rule(rule(Scope::Both, Deny)), Ok(()));
    assert_eq!(ask(&policy), [Deny, Deny]);
    assert_eq!(policy.set_user_rule(rule(Scope::Messages, Allow)), Ok(()));
    assert_eq!(ask(&policy), [Allow, Deny]);
    policy.remove_user_rule(&owner, &subject, Scope::Presence);
    assert_eq!(ask(&policy), [Allow, Allow]);
    policy.remove_user_rule(&owner, &subject, Scope::Both);
    policy.remove_user_rule(&owner, &subject, Scope::Both);
    assert_eq!(ask(&policy), [Allow, Allow]);
    let foreign = UserRule::new(remote.clone(), subject.clone(), Scope::Both, Deny);
    assert_eq!(policy.set_user_rule(foreign.clone()), Err(foreign));
}

#[test]
fn who_has_not_decided_is_named_to_whom_it_matters() {
    let policy = Policy::new(site()).unwrap();
    let (owner, remote) = (address("juliet@local.test"), address("nurse@verona.test"));
    let names_him = |direction, stage| {
        let facts = certified(Protocol::Xmpp, &owner, &remote, direction, stage, Presence);
        rules(&policy.decide(&facts)).contains(&Rule::Undecided(owner.clone()))
    };
    assert!(names_him(Direction::Inbound, Subscribe));
    assert!(!names_him(Direction::Inbound, Stanza));
    assert!(!names_him(Direction::Outbound, Subscribe));
}
