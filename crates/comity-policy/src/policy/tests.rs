use std::num::NonZeroU32;

use comity_machine::Random;

use super::*;
use crate::{
    AclPattern, ConfigError, Contradiction, DomainInUse, DomainPattern, EmailDomainKind, ModeName,
    OwnedByDomain, Peer, PeerKind, Rate, Requirement, Scope, SecurityRule, Subject, TlsMode,
    UserRule, naive,
};

mod email;
mod random;
mod stages;
mod users;
mod warnings;

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn pattern(text: &str) -> DomainPattern {
    text.parse().unwrap()
}

fn config(local: &[&str], default: Verdict, exceptions: &[(&str, Packets)]) -> Config {
    let mut config = Config {
        local_domains: local.iter().map(|text| name(text)).collect(),
        ..Config::default()
    };
    config.xmpp.enabled = Switch::On;
    config.xmpp.default_verdict = default;
    config.xmpp.exceptions = exceptions
        .iter()
        .map(|&(text, packets)| Exception::new(pattern(text), packets))
        .collect();
    config
}

fn ask(policy: &Policy, local: &str, remote: &str, direction: Direction) -> Decision {
    let (local, remote) = (name(local), name(remote));
    policy.decide(&Facts::between(Protocol::Xmpp, &local, &remote, direction))
}

fn rules(decision: &Decision) -> Vec<Rule> {
    decision.explanation.rules().cloned().collect()
}

fn policy(default: Verdict, exceptions: &[(&str, Packets)]) -> Policy {
    Policy::new(config(&["local.test"], default, exceptions)).unwrap()
}

fn decide(policy: &Policy, remote: &str, direction: Direction) -> String {
    ask(policy, "local.test", remote, direction).to_string()
}

const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];

#[test]
fn an_exception_inverts_the_default_for_its_packets() {
    use Direction::{Inbound, Outbound};
    use Packets::{All, IncomingOnly, OutgoingOnly};
    use Verdict::{Allow, Deny};
    for (default, packets, direction, verdict) in [
        (Allow, All, Inbound, Deny),
        (Allow, All, Outbound, Deny),
        (Allow, IncomingOnly, Inbound, Deny),
        (Allow, IncomingOnly, Outbound, Allow),
        (Allow, OutgoingOnly, Inbound, Allow),
        (Allow, OutgoingOnly, Outbound, Deny),
        (Deny, All, Inbound, Allow),
        (Deny, All, Outbound, Allow),
        (Deny, IncomingOnly, Inbound, Allow),
        (Deny, IncomingOnly, Outbound, Deny),
        (Deny, OutgoingOnly, Inbound, Deny),
        (Deny, OutgoingOnly, Outbound, Allow),
    ] {
        for (form, covered, uncovered) in [
            (
                "example.com",
                &["example.com"][..],
                &["a.example.com", "badexample.com", "com"][..],
            ),
            (
                "host.example.com",
                &["host.example.com"],
                &["example.com", "a.host.example.com", "other.example.com"],
            ),
            (
                "*.example.com",
                &["example.com", "a.example.com", "c.b.a.example.com"],
                &["badexample.com", "com", "example.com.test"],
            ),
        ] {
            let policy = policy(default, &[(form, packets)]);
            for remote in covered {
                let decision = ask(&policy, "local.test", remote, direction);
                assert_eq!(
                    decision.verdict, verdict,
                    "{default} {form} {packets} {remote} {direction}"
                );
                let exception = Exception::new(pattern(form), packets);
                let rule = if verdict == default {
                    Rule::OtherDirection(exception, direction)
                } else {
                    Rule::Exception(exception)
                };
                assert_eq!(rules(&decision), [rule, Rule::Default(default)]);
            }
            for remote in uncovered {
                let decision = ask(&policy, "local.test", remote, direction);
                assert_eq!(decision.verdict, default, "{form} {remote}");
                assert_eq!(rules(&decision), [Rule::Default(default)]);
            }
        }
    }
}

#[test]
fn the_explanation_is_one_readable_line() {
    use Direction::{Inbound, Outbound};
    let allow = policy(
        Verdict::Allow,
        &[
            ("*.example.com", Packets::IncomingOnly),
            ("host.example.net", Packets::All),
        ],
    );
    let deny = policy(Verdict::Deny, &[("example.com", Packets::OutgoingOnly)]);
    for (policy, remote, direction, line) in [
        (
            &allow,
            "a.example.com",
            Inbound,
            "denied: exception *.example.com (incoming only) under default allow",
        ),
        (
            &allow,
            "a.example.com",
            Outbound,
            "allowed: exception *.example.com (incoming only) does not cover outgoing packets, \
             default allow",
        ),
        (
            &allow,
            "host.example.net",
            Outbound,
            "denied: exception host.example.net (all packets) under default allow",
        ),
        (&allow, "other.test", Inbound, "allowed: default allow"),
        (
            &deny,
            "example.com",
            Outbound,
            "allowed: exception example.com (outgoing only) under default deny",
        ),
        (
            &deny,
            "example.com",
            Inbound,
            "denied: exception example.com (outgoing only) does not cover incoming packets, \
             default deny",
        ),
        (&deny, "other.test", Inbound, "denied: default deny"),
    ] {
        assert_eq!(decide(policy, remote, direction), line);
    }
}

#[test]
fn specific_beats_wildcard_and_the_longest_wildcard_wins() {
    let policy = policy(
        Verdict::Deny,
        &[
            ("*.com", Packets::All),
            ("*.example.com", Packets::IncomingOnly),
            ("*.a.example.com", Packets::OutgoingOnly),
            ("a.example.com", Packets::IncomingOnly),
            ("example.com", Packets::OutgoingOnly),
        ],
    );
    for (remote, winner) in [
        ("other.com", "*.com"),
        ("com", "*.com"),
        ("example.com", "example.com"),
        ("b.example.com", "*.example.com"),
        ("a.example.com", "a.example.com"),
        ("x.a.example.com", "*.a.example.com"),
    ] {
        for direction in DIRECTIONS {
            let line = decide(&policy, remote, direction);
            assert!(
                line.contains(&format!("exception {winner} (")),
                "{remote}: {line}"
            );
        }
    }
}

#[test]
fn a_less_specific_exception_is_not_consulted_for_the_other_direction() {
    let policy = policy(
        Verdict::Deny,
        &[
            ("*.example.com", Packets::All),
            ("a.example.com", Packets::IncomingOnly),
        ],
    );
    assert_eq!(
        decide(&policy, "a.example.com", Direction::Outbound),
        "denied: exception a.example.com (incoming only) does not cover outgoing packets, \
         default deny"
    );
}

#[test]
fn parents_children_and_siblings_of_a_local_domain_are_remote() {
    for (local, remote) in [
        ("imp.cisco.com", "cisco.com"),
        ("cisco.com", "foreign.cisco.com"),
        ("cup.cisco.com", "foreign.cisco.com"),
        ("imp.cisco.com", "a.imp.cisco.com"),
    ] {
        let wildcard = [("*.cisco.com", Packets::All)];
        let policy = Policy::new(config(&[local], Verdict::Deny, &wildcard)).unwrap();
        for direction in DIRECTIONS {
            let decide =
                |local: &str, remote: &str| ask(&policy, local, remote, direction).to_string();
            assert_eq!(
                decide(local, remote),
                "allowed: exception *.cisco.com (all packets) under default deny"
            );
            assert_eq!(
                decide(local, local),
                format!("denied: {local} is a local domain")
            );
            assert_eq!(
                decide(remote, local),
                format!("denied: {remote} is not a local domain")
            );
        }
    }
}

#[test]
fn local_domains_do_not_federate_with_each_other() {
    let policy = Policy::new(config(&["a.test", "b.test"], Verdict::Allow, &[])).unwrap();
    for direction in DIRECTIONS {
        let decision = ask(&policy, "a.test", "b.test", direction);
        assert_eq!(decision.verdict, Verdict::Deny);
        assert_eq!(rules(&decision), [Rule::RemoteIsLocal(name("b.test"))]);
    }
}

#[test]
fn within_our_domains_only_users_decide() {
    let mut config = config(&["a.test", "b.test"], Verdict::Deny, &[]);
    let (juliet, romeo) = (address("juliet@a.test"), address("romeo@b.test"));
    let subject = Subject::User(romeo.clone());
    let rule = UserRule::new(juliet.clone(), subject, Scope::Messages, Verdict::Deny);
    config.user_rules = vec![rule.clone()];
    let policy = Policy::new(config).unwrap();
    let ask = |local: &Address, remote: &Address, direction| {
        let (protocol, topic) = (Protocol::Xmpp, Topic::Message);
        let facts = Facts::between(protocol, local.domain(), remote.domain(), direction)
            .at(Stage::Stanza, Assurance::None)
            .users(local, remote, topic);
        let decision = policy.decide_within(&facts);
        (
            decision.verdict,
            decision.obligations.denial,
            decision.to_string(),
        )
    };
    for (local, remote, direction, expected) in [
        (
            &romeo,
            &juliet,
            Direction::Outbound,
            (
                Verdict::Allow,
                None,
                "allowed: a.test is a local domain".to_owned(),
            ),
        ),
        (
            &juliet,
            &romeo,
            Direction::Inbound,
            (
                Verdict::Deny,
                Some(Denial::Polite),
                format!("denied: b.test is a local domain; {rule}"),
            ),
        ),
        (
            &juliet,
            &romeo,
            Direction::Outbound,
            (
                Verdict::Deny,
                Some(Denial::OwnBlock),
                format!("denied: b.test is a local domain; {rule}"),
            ),
        ),
        (
            &juliet,
            &address("eve@c.test"),
            Direction::Inbound,
            (
                Verdict::Deny,
                Some(Denial::Refuse),
                "denied: c.test is not a local domain".to_owned(),
            ),
        ),
    ] {
        assert_eq!(ask(local, remote, direction), expected);
    }
}

#[test]
fn security_follows_the_most_specific_rule() {
    let mode = SecurityMode::new;
    let mut config = config(&["local.test"], Verdict::Allow, &[]);
    config.xmpp.security_rules = vec![
        SecurityRule::new(
            pattern("*.example.com"),
            mode(TlsMode::Optional, Requirement::Required),
        ),
        SecurityRule::new(
            pattern("*.a.example.com"),
            mode(TlsMode::Required, Requirement::Optional),
        ),
        SecurityRule::new(
            pattern("example.com"),
            mode(TlsMode::Disabled, Requirement::Optional),
        ),
    ];
    let policy = Policy::new(config).unwrap();
    for (remote, line) in [
        (
            "example.com",
            "TLS disabled, certificate optional: rule example.com",
        ),
        (
            "b.example.com",
            "TLS optional, certificate required: rule *.example.com",
        ),
        (
            "x.a.example.com",
            "TLS required, certificate optional: rule *.a.example.com",
        ),
        (
            "badexample.com",
            "TLS required, certificate required: default",
        ),
    ] {
        assert_eq!(policy.security(&name(remote)).to_string(), line, "{remote}");
    }
    assert_eq!(
        policy.security(&name("other.test")),
        SecurityDecision {
            mode: mode(TlsMode::Required, Requirement::Required),
            pattern: None
        }
    );
}

#[test]
fn each_violated_rule_of_a_configuration_is_named() {
    let good = || config(&["local.test"], Verdict::Deny, &[]);
    let mut no_local = good();
    no_local.local_domains.clear();
    let mut digit_local = good();
    digit_local.local_domains.insert(name("abc.1om"));
    let mut digit_wildcard = good();
    digit_wildcard
        .xmpp
        .exceptions
        .push(Exception::new(pattern("*.abc.1om"), Packets::All));
    let mut default_security = good();
    default_security.xmpp.default_security = certificate_without_tls();
    let security = |rules: &[(&str, SecurityMode)]| {
        let mut config = good();
        config.xmpp.security_rules = rules
            .iter()
            .map(|&(text, mode)| SecurityRule::new(pattern(text), mode))
            .collect();
        config
    };
    let exceptions = |rules: &[(&str, Packets)]| config(&["local.test"], Verdict::Deny, rules);
    for (config, error) in [
        (no_local, ConfigError::NoLocalDomain),
        (
            digit_local,
            ConfigError::LastLabelStartsWithDigit {
                domain: name("abc.1om"),
            },
        ),
        (
            digit_wildcard,
            ConfigError::LastLabelStartsWithDigit {
                domain: name("abc.1om"),
            },
        ),
        (
            default_security,
            ConfigError::Security {
                what: ModeName::Default,
                contradiction: Contradiction::CertificateWithoutTls,
            },
        ),
        (
            security(&[("*.a.test", certificate_without_tls())]),
            ConfigError::Security {
                what: ModeName::Rule(pattern("*.a.test")),
                contradiction: Contradiction::CertificateWithoutTls,
            },
        ),
        (
            security(&[
                ("a.test", SecurityMode::default()),
                ("A.test.", SecurityMode::default()),
            ]),
            ConfigError::DuplicateSecurityRule {
                pattern: pattern("a.test"),
            },
        ),
        (
            security(&[("local.test", SecurityMode::default())]),
            ConfigError::LocalDomain {
                domain: name("local.test"),
            },
        ),
        (
            exceptions(&[
                ("*.a.test", Packets::IncomingOnly),
                ("a.test", Packets::All),
                ("*.a.test", Packets::OutgoingOnly),
            ]),
            ConfigError::DuplicateException {
                pattern: pattern("*.a.test"),
            },
        ),
        (
            exceptions(&[("local.test", Packets::All)]),
            ConfigError::LocalDomain {
                domain: name("local.test"),
            },
        ),
    ] {
        let errors = Policy::new(config).err().unwrap();
        assert_eq!(errors.errors(), [error]);
    }
}

#[test]
fn a_name_and_its_wildcard_are_two_patterns() {
    let rules = [
        ("a.test", Packets::All),
        ("*.a.test", Packets::IncomingOnly),
        ("*.local.test", Packets::All),
    ];
    assert_eq!(
        Policy::new(config(&["local.test"], Verdict::Deny, &rules)).err(),
        None
    );
}

#[test]
fn what_others_carry_out_is_told_as_it_was_configured() {
    let mut config = site();
    config.deny_mode = DenyMode::Rejected;
    config.rates.user = Some(Rate {
        per_second: NonZeroU32::MIN,
        burst: 60,
    });
    let rates = config.rates;
    let policy = Policy::new(config).unwrap();
    assert_eq!(
        (policy.deny_mode(), policy.rates()),
        (DenyMode::Rejected, rates)
    );
    let partner = policy.sip_domain(&name("partner.test")).unwrap();
    assert_eq!(partner.kind, PeerKind::Microsoft);
    assert!(policy.sip_domain(&name("other.test")).is_none());
}

#[test]
fn every_error_is_told_at_once() {
    let mut config = config(
        &["local.test"],
        Verdict::Deny,
        &[("local.test", Packets::All)],
    );
    config.xmpp.default_security = certificate_without_tls();
    config.sip.domains = ["local.test", "a.test", "a.test"]
        .map(|domain| FederatedDomain::new(name(domain), PeerKind::Microsoft))
        .to_vec();
    config
        .xmpp
        .exceptions
        .push(Exception::new(pattern("a.test"), Packets::All));
    let errors = Policy::new(config).err().unwrap();
    let texts: Vec<_> = errors.errors().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "a.test is federated over SIP and named for XMPP too: delete one of them",
            "local.test is federated over SIP and named for XMPP too: delete one of them",
            "local.test is a local domain and cannot be federated",
            "a.test is listed twice among the SIP domains",
            "local.test is a local domain and cannot be federated",
            "the default security mode requires a certificate without TLS",
        ]
    );
    assert_eq!(
        errors.to_string(),
        "a.test is federated over SIP and named for XMPP too: delete one of them; \
         and 5 more errors"
    );
}

fn certificate_without_tls() -> SecurityMode {
    SecurityMode::new(TlsMode::Disabled, Requirement::Required)
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn certified<'a>(
    protocol: Protocol,
    local: &'a Address,
    remote: &'a Address,
    direction: Direction,
    stage: Stage,
    topic: Topic,
) -> Facts<'a> {
    let peer = Peer {
        address: [192, 0, 2, 1].into(),
        name: Some(remote.domain()),
    };
    Facts::between(protocol, local.domain(), remote.domain(), direction)
        .at(stage, Assurance::Certified)
        .users(local, remote, topic)
        .from_peer(peer)
}

/// A site that federates with `partner.test` over SIP and with everybody else over XMPP.
fn site() -> Config {
    let mut config = config(&["local.test"], Verdict::Allow, &[]);
    config.sip.enabled = Switch::On;
    let partner = FederatedDomain::new(name("partner.test"), PeerKind::Microsoft);
    config.sip.domains.push(partner);
    config
}
