use super::Stage::{Stanza, Subscription as Subscribe};
use super::Topic::{Message, Presence};
use super::Verdict::{Allow, Deny};
use super::*;

#[test]
fn a_domain_speaks_one_protocol() {
    let policy = Policy::new(site()).unwrap();
    let (local, partner, other) = (name("local.test"), name("partner.test"), name("other.test"));
    let peer = Peer {
        address: [192, 0, 2, 1].into(),
        name: Some(&partner),
    };
    let line = |protocol, remote, peer| {
        let facts = Facts::between(protocol, &local, remote, Direction::Inbound).from_peer(peer);
        policy.decide(&facts).to_string()
    };
    assert_eq!(
        line(Protocol::Sip, &partner, peer),
        "allowed: Allow from partner.test (of the federated domain partner.test); \
         partner.test is a federated SIP domain"
    );
    assert_eq!(
        line(Protocol::Xmpp, &partner, peer),
        "denied: partner.test is federated over SIP"
    );
    assert_eq!(
        line(Protocol::Sip, &other, peer),
        "denied: Allow from partner.test (of the federated domain partner.test); default deny"
    );
    assert_eq!(line(Protocol::Xmpp, &other, peer), "allowed: default allow");
}

#[test]
fn a_protocol_that_is_off_federates_with_nobody() {
    let mut config = site();
    config.xmpp.enabled = Switch::Off;
    config.sip.enabled = Switch::Off;
    let policy = Policy::new(config).unwrap();
    let (local, remote) = (name("local.test"), name("partner.test"));
    for protocol in [Protocol::Sip, Protocol::Xmpp] {
        for direction in DIRECTIONS {
            let facts = Facts::between(protocol, &local, &remote, direction);
            let line = policy.decide(&facts).to_string();
            assert_eq!(line, format!("denied: federation over {protocol} is off"));
        }
    }
    assert_eq!(policy.warnings(), [Warning::ProtocolOff(Protocol::Sip)]);
}

#[test]
fn an_access_list_by_name_waits_for_the_name() {
    let policy = Policy::new(site()).unwrap();
    let stranger = name("other.test");
    let edge = name("edge.partner.test");
    let at = |name, stage| {
        let peer = Peer {
            address: [192, 0, 2, 1].into(),
            name,
        };
        let mut facts = Facts::connection(Protocol::Sip, peer);
        facts.stage = stage;
        let decision = policy.decide(&facts);
        (
            decision.to_string(),
            decision.obligations.ask_again_with_name,
        )
    };
    assert_eq!(
        at(None, Stage::Connect),
        (
            "allowed: an entry of the access list may let the peer in by its name".to_owned(),
            true
        )
    );
    assert_eq!(
        at(Some(&edge), Stage::Connect).0,
        "allowed: Allow from partner.test (of the federated domain partner.test)"
    );
    let not_listed = "denied: no entry of the access list lets the peer in";
    assert_eq!(at(Some(&stranger), Stage::Connect).0, not_listed);
    assert_eq!(at(None, Stage::Authentication).0, not_listed);
    let mut facts = Facts::connection(
        Protocol::Sip,
        Peer {
            address: [192, 0, 2, 1].into(),
            name: None,
        },
    );
    facts.peer = None;
    assert_eq!(
        policy.decide(&facts).to_string(),
        "denied: the address of the peer is not known"
    );
}

#[test]
fn an_operator_sees_which_half_of_a_pair_is_missing() {
    let mut config = site();
    config.acl = ["10.0.0.1", "edge.a.test"]
        .map(|text| text.parse().unwrap())
        .into();
    let policy = Policy::new(config.clone()).unwrap();
    let pair = |address: &str, host: &str| {
        let pair = policy.acl_pair(address.parse().unwrap(), &name(host));
        (
            pair.by_address.is_some(),
            pair.by_name.is_some(),
            pair.is_half(),
        )
    };
    assert_eq!(pair("10.0.0.1", "edge.a.test"), (true, true, false));
    assert_eq!(pair("10.0.0.1", "edge.b.test"), (true, false, true));
    assert_eq!(pair("10.0.0.2", "x.edge.a.test"), (false, true, true));
    assert_eq!(pair("10.0.0.2", "edge.b.test"), (false, false, false));
    let mut open = config.clone();
    open.acl = ["all".parse().unwrap()].into();
    let address = [10, 0, 0, 9].into();
    let pair = Policy::new(open)
        .unwrap()
        .acl_pair(address, &name("x.test"));
    assert!(!pair.is_half(), "everybody is let in by both");

    // The entry of a domain goes with it and not before.
    let auto = config.acl_entries().last().unwrap();
    assert_eq!(
        config.remove_acl_entry(&auto),
        Err(OwnedByDomain(name("partner.test")))
    );
    let own = config.acl_entries().next().unwrap();
    assert_eq!(config.remove_acl_entry(&own), Ok(true));
    assert_eq!(config.remove_acl_entry(&own), Ok(false));
    config.sip.domains.clear();
    assert!(!config.acl_entries().any(|entry| entry == auto));
}

#[test]
fn nothing_is_believed_before_it_is_proved() {
    let mut config = config(&["local.test"], Allow, &[]);
    let dialback = SecurityMode::new(TlsMode::Optional, Requirement::Optional);
    config.xmpp.security_rules = vec![SecurityRule::new(pattern("old.test"), dialback)];
    let policy = Policy::new(config).unwrap();
    let local = name("local.test");
    for (remote, assurance, line) in [
        (
            "new.test",
            Assurance::DialedBack,
            "denied: default allow; the other side must be certified and is dialed back",
        ),
        (
            "new.test",
            Assurance::Certified,
            "allowed: default allow; the other side is certified",
        ),
        (
            "old.test",
            Assurance::DialedBack,
            "allowed: default allow; the other side is dialed back",
        ),
        (
            "old.test",
            Assurance::Encrypted,
            "denied: default allow; the other side must be dialed back and is encrypted",
        ),
    ] {
        let remote = name(remote);
        let facts = Facts::between(Protocol::Xmpp, &local, &remote, Direction::Inbound);
        for stage in [Stage::Authentication, Stanza] {
            let decision = policy.decide(&facts.at(stage, assurance));
            assert_eq!(decision.to_string(), line);
        }
        let early = policy.decide(&facts.at(Stage::StreamHeader, Assurance::None));
        assert_eq!(early.verdict, Allow, "nobody has had the chance");
        assert_eq!(
            early.obligations.security,
            Some(policy.security(&remote).mode)
        );
    }
}

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
fn open_federation_has_its_blocks() {
    let mut config = site();
    config.sip.default_verdict = Allow;
    config.sip.blocked = [pattern("*.spam.test"), pattern("bad.test")].into();
    config.acl = ["all".parse().unwrap()].into();
    let policy = Policy::new(config.clone()).unwrap();
    let local = name("local.test");
    let line = |remote: &str| {
        let remote = name(remote);
        let facts = Facts::between(Protocol::Sip, &local, &remote, Direction::Outbound);
        policy.decide(&facts).to_string()
    };
    assert_eq!(line("new.test"), "allowed: default allow");
    assert_eq!(
        line("a.spam.test"),
        "denied: *.spam.test is blocked over SIP"
    );
    assert_eq!(line("bad.test"), "denied: bad.test is blocked over SIP");
    assert_eq!(line("x.bad.test"), "allowed: default allow");

    let mut both = config.clone();
    both.sip.blocked.insert(pattern("partner.test"));
    assert_eq!(
        Policy::new(both).err().unwrap().errors(),
        [ConfigError::BlockedSipDomain {
            domain: name("partner.test")
        }]
    );
    config.acl.clear();
    config.xmpp.enabled = Switch::Off;
    let policy = Policy::new(config).unwrap();
    assert_eq!(
        policy.warnings(),
        [Warning::OpenSipWithoutXmpp, Warning::OpenSipWithoutAccess]
    );
}

#[test]
fn a_refusal_goes_out_only_where_packets_may() {
    let refusal = |packets| {
        let policy = policy(Deny, &[("a.test", packets)]);
        let (local, remote) = (address("u@local.test"), address("v@a.test"));
        let facts = certified(
            Protocol::Xmpp,
            &local,
            &remote,
            Direction::Inbound,
            Stanza,
            Message,
        );
        let decision = policy.decide(&facts);
        (decision.verdict, decision.obligations.denial)
    };
    // Under an exception for incoming packets not even a user's refusal is told.
    let mut blocking = config(&["local.test"], Deny, &[("a.test", Packets::IncomingOnly)]);
    let rule = UserRule::new(
        address("u@local.test"),
        Subject::Domain(name("a.test")),
        Scope::Both,
        Deny,
    );
    blocking.user_rules.push(rule);
    for mode in [DenyMode::Polite, DenyMode::Rejected] {
        blocking.deny_mode = mode;
        let policy = Policy::new(blocking.clone()).unwrap();
        let (local, remote) = (address("u@local.test"), address("v@a.test"));
        let direction = Direction::Inbound;
        let facts = certified(Protocol::Xmpp, &local, &remote, direction, Stanza, Message);
        assert_eq!(policy.decide(&facts).obligations.denial, Some(Denial::Drop));
        let unproved = policy.decide(&facts.at(Stanza, Assurance::None));
        assert_eq!(unproved.obligations.denial, Some(Denial::Drop));
    }
    assert_eq!(refusal(Packets::All), (Allow, None));
    assert_eq!(refusal(Packets::IncomingOnly), (Allow, None));
    assert_eq!(refusal(Packets::OutgoingOnly), (Deny, Some(Denial::Refuse)));
    let policy = policy(Deny, &[]);
    let (local, remote) = (address("u@local.test"), address("v@a.test"));
    let facts = Facts::between(
        Protocol::Xmpp,
        local.domain(),
        remote.domain(),
        Direction::Inbound,
    );
    let denial = |stage| {
        policy
            .decide(&facts.at(stage, Assurance::Certified))
            .obligations
            .denial
    };
    assert_eq!(denial(Stanza), Some(Denial::Drop));
    assert_eq!(
        denial(Stage::StreamHeader),
        Some(Denial::Refuse),
        "the stream may say no"
    );
}

#[test]
fn a_user_who_is_known_by_email_is_met_by_nothing_else() {
    let mut config = site();
    let (juliet, email) = (address("juliet@local.test"), address("j.capulet@mail.test"));
    let plain = address("nurse@local.test");
    config.email.enabled = true;
    config.email.domains = [name("empty.test")].into();
    config.email.identities = [(juliet.clone(), email.clone())].into();
    let policy = Policy::new(config.clone()).unwrap();
    assert_eq!(policy.outward(&juliet), &email);
    assert_eq!(policy.outward(&plain), &plain);
    assert_eq!(policy.inward(&email), Inward::User(&juliet));
    assert_eq!(policy.inward(&plain), Inward::User(&plain));
    assert_eq!(policy.inward(&juliet), Inward::Hidden { email: &email });
    let romeo = address("romeo@montague.test");
    let to = |local: &Address| {
        let (stage, topic) = (Stanza, Message);
        let facts = certified(
            Protocol::Xmpp,
            local,
            &romeo,
            Direction::Inbound,
            stage,
            topic,
        );
        let decision = policy.decide(&facts);
        (decision.to_string(), decision.obligations.denial)
    };
    assert_eq!(
        to(&juliet),
        (
            "denied: default allow; the other side is certified; \
             juliet@local.test is known by email alone"
                .to_owned(),
            Some(Denial::Drop)
        )
    );
    assert_eq!(to(&email).1, None, "an email domain is ours");
    // What he has decided holds by whatever address he is met.
    let mut blocking = config.clone();
    let subject = Subject::User(romeo.clone());
    let rule = UserRule::new(juliet.clone(), subject, Scope::Both, Deny);
    blocking.user_rules.push(rule);
    let blocking = Policy::new(blocking).unwrap();
    let facts = certified(
        Protocol::Xmpp,
        &email,
        &romeo,
        Direction::Inbound,
        Stanza,
        Message,
    );
    assert_eq!(
        blocking.decide(&facts).to_string(),
        "denied: default allow; the other side is certified; \
         juliet@local.test blocks romeo@montague.test (presence and messages)"
    );
    // He cannot write to whom he has blocked either, by whatever domain that would leave.
    for (user, domain) in [
        (&juliet, "local.test"),
        (&juliet, "mail.test"),
        (&email, "mail.test"),
    ] {
        let domain = name(domain);
        let facts = Facts::between(Protocol::Xmpp, &domain, romeo.domain(), Direction::Outbound)
            .at(Stanza, Assurance::Certified)
            .users(user, &romeo, Message);
        assert_eq!(policy.decide(&facts).verdict, Allow, "{user} {domain}");
        let blocked = blocking.decide(&facts);
        assert_eq!(
            blocked.obligations.denial,
            Some(Denial::OwnBlock),
            "{blocked}"
        );
    }
    for domain in ["mail.test", "empty.test"] {
        assert!(policy.is_local(&name(domain)), "{domain}");
    }
    let managed = config.email.managed_domains();
    assert_eq!(
        managed.into_iter().collect::<Vec<_>>(),
        [
            (name("empty.test"), EmailDomainKind::AdminManaged),
            (name("mail.test"), EmailDomainKind::SystemManaged),
        ]
    );

    config.email.enabled = false;
    let off = Policy::new(config).unwrap();
    assert_eq!(off.outward(&juliet), &juliet);
    assert_eq!(off.inward(&juliet), Inward::User(&juliet));
    assert!(!off.is_local(&name("mail.test")));
}

#[test]
fn an_email_domain_outlasts_its_users_and_is_ours() {
    let mut config = site();
    let (juliet, email) = (address("juliet@local.test"), address("j.capulet@mail.test"));
    config.email.enabled = true;
    config.email.identities = [(juliet.clone(), email.clone())].into();
    let mail = name("mail.test");
    let mut both = config.clone();
    let exception = Exception::new(pattern("mail.test"), Packets::All);
    both.xmpp.exceptions.push(exception);
    assert_eq!(
        Policy::new(both).err().unwrap().errors(),
        [ConfigError::LocalDomain {
            domain: mail.clone()
        }]
    );
    // The domain stays when the last user leaves, and can be deleted then.
    assert_eq!(
        config.remove_email_domain(&mail),
        Err(DomainInUse(mail.clone()))
    );
    assert_eq!(config.remove_identity(&juliet), Some(email.clone()));
    assert_eq!(config.remove_identity(&juliet), None);
    let kind = config.email.managed_domains().get(&mail).copied();
    assert_eq!(kind, Some(EmailDomainKind::AdminManaged));
    assert_eq!(config.remove_email_domain(&mail), Ok(true));
    assert_eq!(config.remove_email_domain(&mail), Ok(false));
    config.email.identities.insert(juliet.clone(), email);
}

#[test]
fn email_addresses_are_one_to_one() {
    let errors = |identities: &[(&str, &str)]| {
        let mut config = site();
        config.email.identities = identities
            .iter()
            .map(|(user, email)| (address(user), address(email)))
            .collect();
        match Policy::new(config) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.errors().iter().map(ToString::to_string).collect(),
        }
    };
    let none: [&str; 0] = [];
    assert_eq!(
        errors(&[("a@local.test", "a@local.test")]),
        none,
        "the same address"
    );
    assert_eq!(
        errors(&[
            ("a@local.test", "x@mail.test"),
            ("b@local.test", "x@mail.test")
        ]),
        ["a@local.test and b@local.test have the same email address x@mail.test"]
    );
    assert_eq!(
        errors(&[
            ("a@local.test", "b@local.test"),
            ("b@local.test", "y@mail.test")
        ]),
        ["the email address of a@local.test is b@local.test, which is another user's own address"]
    );
    assert_eq!(
        errors(&[("a@other.test", "x@mail.test")]),
        ["a@other.test is in no local domain"]
    );
}
