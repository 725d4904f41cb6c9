use comity_machine::Random;

use super::*;
use crate::{Requirement, SecurityRule, TlsMode};

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn pattern(text: &str) -> DomainPattern {
    text.parse().unwrap()
}

fn config(local: &[&str], default: Verdict, exceptions: &[(&str, Packets)]) -> Config {
    Config {
        local_domains: local.iter().map(|text| name(text)).collect(),
        default_verdict: default,
        exceptions: exceptions
            .iter()
            .map(|&(text, packets)| Exception::new(pattern(text), packets))
            .collect(),
        ..Config::default()
    }
}

fn policy(default: Verdict, exceptions: &[(&str, Packets)]) -> Policy {
    Policy::new(config(&["local.test"], default, exceptions)).unwrap()
}

fn decide(policy: &Policy, remote: &str, direction: Direction) -> String {
    policy
        .decide(&name("local.test"), &name(remote), direction)
        .to_string()
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
                let decision = policy.decide(&name("local.test"), &name(remote), direction);
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
                assert_eq!(decision.explanation.rules(), [rule, Rule::Default(default)]);
            }
            for remote in uncovered {
                let decision = policy.decide(&name("local.test"), &name(remote), direction);
                assert_eq!(decision.verdict, default, "{form} {remote}");
                assert_eq!(decision.explanation.rules(), [Rule::Default(default)]);
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
            let decide = |local: &str, remote: &str| {
                policy
                    .decide(&name(local), &name(remote), direction)
                    .to_string()
            };
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
        let decision = policy.decide(&name("a.test"), &name("b.test"), direction);
        assert_eq!(decision.verdict, Verdict::Deny);
        assert_eq!(
            decision.explanation.rules(),
            [Rule::RemoteIsLocal(name("b.test"))]
        );
    }
}

#[test]
fn security_follows_the_most_specific_rule() {
    let mode = SecurityMode::new;
    let mut config = config(&["local.test"], Verdict::Allow, &[]);
    config.security_rules = vec![
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
        .exceptions
        .push(Exception::new(pattern("*.abc.1om"), Packets::All));
    let mut default_security = good();
    default_security.default_security = certificate_without_tls();
    let security = |rules: &[(&str, SecurityMode)]| {
        let mut config = good();
        config.security_rules = rules
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
        (default_security, ConfigError::DefaultCertificateWithoutTls),
        (
            security(&[("*.a.test", certificate_without_tls())]),
            ConfigError::CertificateWithoutTls {
                pattern: pattern("*.a.test"),
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
        assert_eq!(Policy::new(config).err(), Some(error));
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
fn the_compiled_table_decides_like_a_scan_of_all_rules() {
    let mut random = Random::from_seed([14; 32]);
    for _ in 0..200 {
        let config = random_config(&mut random);
        let policy = Policy::new(config.clone()).unwrap();
        for _ in 0..50 {
            let (local, remote) = (random_name(&mut random), random_name(&mut random));
            for direction in DIRECTIONS {
                assert_eq!(
                    policy.decide(&local, &remote, direction),
                    scan(&config, &local, &remote, direction),
                    "{config:?} {local} {remote} {direction}"
                );
            }
        }
    }
}

/// The same rules read as they are written in the crate's page, without the table.
fn scan(
    config: &Config,
    local: &DomainName,
    remote: &DomainName,
    direction: Direction,
) -> Decision {
    if !config.local_domains.contains(local) {
        return Decision::new(Verdict::Deny, [Rule::NotLocal(local.clone())]);
    }
    if config.local_domains.contains(remote) {
        return Decision::new(Verdict::Deny, [Rule::RemoteIsLocal(remote.clone())]);
    }
    let default = Rule::Default(config.default_verdict);
    let winner = config
        .exceptions
        .iter()
        .filter(|exception| exception.pattern.covers(remote))
        .max_by_key(|exception| match &exception.pattern {
            DomainPattern::Exact(_) => usize::MAX,
            DomainPattern::Tree(top) => top.labels().count(),
        });
    match winner.cloned() {
        None => Decision::new(config.default_verdict, [default]),
        Some(exception) if exception.packets.include(direction) => Decision::new(
            config.default_verdict.inverted(),
            [Rule::Exception(exception), default],
        ),
        Some(exception) => Decision::new(
            config.default_verdict,
            [Rule::OtherDirection(exception, direction), default],
        ),
    }
}

fn random_config(random: &mut Random) -> Config {
    let verdict = [Verdict::Allow, Verdict::Deny][pick(random, 2)];
    let mut config = config(&[], verdict, &[]);
    for _ in 0..=pick(random, 3) {
        config.local_domains.insert(random_name(random));
    }
    for _ in 0..pick(random, 12) {
        let top = random_name(random);
        let pattern = match pick(random, 2) {
            0 if config.local_domains.contains(&top) => continue,
            0 => DomainPattern::Exact(top),
            _ => DomainPattern::Tree(top),
        };
        let taken = |exception: &Exception| exception.pattern == pattern;
        if !config.exceptions.iter().any(taken) {
            let packets =
                [Packets::All, Packets::IncomingOnly, Packets::OutgoingOnly][pick(random, 3)];
            config.exceptions.push(Exception::new(pattern, packets));
        }
    }
    config
}

/// A name of up to four labels out of three, so that names often meet, also by a common ending
/// inside a label.
fn random_name(random: &mut Random) -> DomainName {
    let labels = (0..=pick(random, 4))
        .map(|_| ["a", "ba", "c"][pick(random, 3)])
        .collect::<Vec<_>>();
    name(&labels.join("."))
}

fn pick(random: &mut Random, bound: u64) -> usize {
    usize::try_from(random.below(bound)).unwrap()
}

fn certificate_without_tls() -> SecurityMode {
    SecurityMode::new(TlsMode::Disabled, Requirement::Required)
}
