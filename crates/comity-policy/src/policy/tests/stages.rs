use super::Stage::Stanza;
use super::Topic::Message;
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
