//! The text form of the rules, the difference between two rule sets, and the comparison of nodes.
#![cfg(test)]

use comity_identity::Direction;
use comity_policy::{
    Address, Check, Config, Facts, Node, Policy, Problem, Protocol, Rate, SecretDigest, Switch,
    TextErrors, Verdict, compare,
};

const WHOLE: &str = r#"
local-domains = ["imp.example.com", "example.com"]
acl = ["10.10.10.1", "192.0.2.0/24", "proxy.example.net"]
deny-mode = "rejected"

[xmpp]
enabled = true
default = "allow"

[xmpp.exceptions]
all = """
spam.example          # of the worst kind
*.bad.example

*.b\u00fccher.example
"""
incoming = ["news.example"]
outgoing = ["feed.example"]

[xmpp.security]
tls = "optional"
certificate = "optional"

[[xmpp.security-rules]]
domains = ["*.sametime.example", "ibm.example"]
tls = "required"
certificate = "required"
sasl-inbound = false
[[xmpp.security-rules]]
domains = ["webex.example"]
certificate = "optional"
sasl-outbound = false
dialback = false

[sip]
enabled = true
default = "allow"
blocked = ["*.spam.example"]
[[sip.domains]]
name = "contoso.example"
kind = "microsoft"
direct = true
description = "Contoso, \"our\" partner"
[[sip.domains]]
name = "kamailio.example"
kind = "standard"

[[user-rules]]
owner = "juliet@example.com"
subject = "romeo@montague.example"
verdict = "allow"
[[user-rules]]
owner = "juliet@example.com"
subject = "montague.example"
scope = "presence"
verdict = "block"

[email]
enabled = true
domains = ["mail.example.com"]
[email.identities]
"juliet@example.com" = "j.capulet@mail.example.com"

[rates.domain]
per-second = 100
burst = 0x400
"#;

fn lines(errors: &TextErrors) -> Vec<String> {
    errors.errors().iter().map(ToString::to_string).collect()
}

fn errors(text: &str) -> Vec<String> {
    lines(&Config::from_toml(text).unwrap_err())
}

#[test]
fn every_rule_is_read() {
    let config = Config::from_toml(WHOLE).unwrap();
    assert_eq!(config.local_domains.len(), 2);
    let exceptions = config.xmpp.exceptions.iter().map(ToString::to_string);
    assert_eq!(
        exceptions.collect::<Vec<_>>(),
        [
            "exception spam.example (all packets)",
            "exception *.bad.example (all packets)",
            "exception *.xn--bcher-kva.example (all packets)",
            "exception news.example (incoming only)",
            "exception feed.example (outgoing only)",
        ]
    );
    let modes = config.xmpp.security_rules.iter();
    let modes = modes.map(|rule| format!("{}: {}", rule.pattern, rule.mode));
    let mode = "TLS required, certificate required, no inbound SASL";
    assert_eq!(
        modes.collect::<Vec<_>>(),
        [
            format!("*.sametime.example: {mode}"),
            format!("ibm.example: {mode}"),
            "webex.example: TLS optional, certificate optional, no outbound SASL, no dialback"
                .to_owned(),
        ]
    );
    let domains = config.sip.domains.iter().map(ToString::to_string);
    assert_eq!(
        domains.collect::<Vec<_>>(),
        [
            "federated domain contoso.example (microsoft, direct)",
            "federated domain kamailio.example (standard)",
        ]
    );
    assert_eq!(
        config.sip.domains[0].description,
        "Contoso, \"our\" partner"
    );
    let users = config.user_rules.iter().map(ToString::to_string);
    assert_eq!(
        users.collect::<Vec<_>>(),
        [
            "juliet@example.com allows romeo@montague.example (presence and messages)",
            "juliet@example.com blocks montague.example (presence)",
        ]
    );
    let rate = Rate {
        per_second: 100.try_into().unwrap(),
        burst: 1024,
    };
    assert_eq!(config.rates.domain, Some(rate));
    Policy::new(config).unwrap();
}

#[test]
fn what_is_written_is_read_again() {
    let config = Config::from_toml(WHOLE).unwrap();
    let text = config.to_toml();
    assert_eq!(Config::from_toml(&text).unwrap(), config, "{text}");
    assert_eq!(Config::from_toml(&text).unwrap().to_toml(), text);
    let empty = Config::default();
    assert_eq!(Config::from_toml(&empty.to_toml()).unwrap(), empty);
    assert_eq!(Config::from_toml("").unwrap(), empty);
}

#[test]
fn texts_with_every_character_are_read_again() {
    let nasty = "a\"b'c\\d\"\"\"e'''f\tg\nh\r\ni\u{7f}\u{1}\u{202e}=#[";
    let mut config = Config::from_toml(WHOLE).unwrap();
    config.sip.domains[0].description = nasty.to_owned();
    config.sip.domains[1].description = "\n".to_owned();
    let local = "a\"b'c\\d\"\"\"e'''=#[.]\u{fc}";
    let user = Address::new(local, "example.com".parse().unwrap()).unwrap();
    let email = "x'\"@mail.example.com".parse().unwrap();
    config.email.identities.insert(user.clone(), email);
    config.user_rules[0].owner = user;
    let text = config.to_toml();
    assert_eq!(Config::from_toml(&text), Ok(config), "{text}");
}

#[test]
fn every_error_is_told_with_its_line_and_key() {
    assert_eq!(
        errors(
            r#"local-domains = "a b"
acl = ["10.0.0.1/8", 7]
deny-mode = "impolite"
colour = 1

[xmpp]
enabled = 1
[xmpp.exceptions]
all = '''
good.example
*bad.example

a..b   # too many dots
'''
both = []
[[xmpp.security-rules]]
tls = "maybe"

[sip]
domains = [{ name = "a.example", kind = "oracle" }, { direct = true }, 3]
[[user-rules]]
owner = "nobody"
[email.identities]
"a@b.example" = true
[rates]
user = { per-second = -1, burst = 1.5 }
stream = { burst = 4294967296 }
"#
        ),
        [
            "line 1, local-domains: \"a b\" is not a domain name: ' ' is not allowed in a domain name",
            "line 2, acl[0]: \"10.0.0.1/8\" is not all, a domain, an address or a network: the \
             network has bits behind its prefix",
            "line 2, acl[1]: a string is expected, not a whole number",
            "line 3, deny-mode: \"impolite\" is none of polite, rejected",
            "line 4, colour: no such key; allowed are acl, deny-mode, email, local-domains, rates, \
             sip, user-rules, xmpp",
            "line 7, xmpp.enabled: true or false is expected, not a whole number",
            "line 11, xmpp.exceptions.all: \"*bad.example\" is not a domain name or *.domain: an \
             asterisk may only be the first label, before a domain name",
            "line 13, xmpp.exceptions.all: \"a..b\" is not a domain name or *.domain: the domain \
             name has an empty label",
            "line 15, xmpp.exceptions.both: no such key; allowed are all, incoming, outgoing",
            "line 16, xmpp.security-rules[0]: the key domains is missing",
            "line 17, xmpp.security-rules[0].tls: \"maybe\" is none of disabled, optional, required",
            "line 20, sip.domains[0].kind: \"oracle\" is none of microsoft, standard",
            "line 20, sip.domains[1]: the key name is missing",
            "line 20, sip.domains[2]: a table is expected, not a whole number",
            "line 21, user-rules[0]: the key subject is missing",
            "line 21, user-rules[0]: the key verdict is missing",
            "line 22, user-rules[0].owner: \"nobody\" is not an address: there is no @, as in \
             user@example.com",
            "line 24, email.identities.a@b.example: a string is expected, not true or false",
            "line 26, rates.user.per-second: a whole number from 1 to 4294967295 is expected",
            "line 26, rates.user.burst: a whole number is expected, not a number with a fraction",
            "line 27, rates.stream: the key per-second is missing",
            "line 27, rates.stream.burst: a whole number from 0 to 4294967295 is expected",
        ]
    );
}

#[test]
fn what_is_there_twice_is_told() {
    assert_eq!(
        errors(
            r#"local-domains = ["a.example", "A.example."]
acl = ["10.0.0.1", "::ffff:10.0.0.1"]
[email]
domains = """
m.example
m.example
"""
[email.identities]
"u@a.example" = "x@m.example"
"U@A.example" = "y@m.example"
"#
        ),
        [
            "line 1, local-domains[1]: \"A.example.\" is there twice",
            "line 2, acl[1]: \"::ffff:10.0.0.1\" is there twice",
            "line 6, email.domains: \"m.example\" is there twice",
            "line 9, email.identities.u@a.example: \"u@a.example\" is there twice",
        ]
    );
}

#[test]
fn a_line_end_that_is_an_escape_leads_to_no_line_behind_its_value() {
    assert_eq!(
        errors(r#"local-domains="b\n_""#),
        ["line 1, local-domains: \"_\" is not a domain name: '_' is not allowed in a domain name"]
    );
    let text = r#"local-domains = "_\n\n_"
[xmpp.exceptions]
all = """
_\n\n
_\n_"""
incoming = "_"
"#;
    let found = Config::from_toml(text).unwrap_err();
    let lines: Vec<_> = found.errors().iter().map(|error| error.line).collect();
    assert_eq!(lines, [1, 1, 4, 5, 5, 6]);
}

#[test]
fn a_key_is_shown_in_a_line() {
    let long = "k".repeat(1 << 20);
    let found = errors(&format!("{long} = 1\n\"a\\nb\" = 2"));
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with(&format!("line 1, {}: no such key", "k".repeat(60))));
    assert!(
        found[1].starts_with("line 2, a\\nb: no such key"),
        "{}",
        found[1]
    );
}

#[test]
fn broken_toml_is_told_by_its_lines() {
    let found = Config::from_toml("[xmpp\nenabled = \n[sip]\ndefault = 'x").unwrap_err();
    let problems = found.errors();
    assert!(problems.len() > 1, "{found}");
    for error in problems {
        assert!(matches!(error.problem, Problem::Syntax(_)), "{error}");
        assert!((1..=4).contains(&error.line), "{error}");
    }
    let twice = Config::from_toml("acl = []\nacl = []").unwrap_err();
    assert_eq!(twice.errors()[0].line, 2, "{twice}");
}

#[test]
fn rules_that_contradict_each_other_are_refused_whole() {
    let text = "local-domains = ['a.example']\n[[sip.domains]]\nname = 'a.example'";
    assert!(Config::from_toml(text).is_ok());
    assert_eq!(
        lines(&Policy::from_toml(text).unwrap_err()),
        ["line 3, a.example is a local domain and cannot be federated"]
    );
    let text = r#"local-domains = ["a.example"]
[xmpp.exceptions]
all = """
B.example
xb.example
b.example.net
*.b.example
"""
incoming = ["b.example"]
[xmpp.security]
tls = "disabled"
[sip]
domains = [{ name = "c.example" }, { name = "b.example" },
  { name = "c.example" }]
"#;
    assert_eq!(
        lines(&Policy::from_toml(text).unwrap_err()),
        [
            "xmpp.security: the default security mode requires a certificate without TLS",
            "line 13, xmpp: b.example is federated over SIP and named for XMPP too: delete one of \
             them",
            "line 13, xmpp.exceptions: there are two exceptions for b.example",
            "line 14, sip.domains: c.example is listed twice among the SIP domains",
        ]
    );
}

#[test]
fn a_monstrous_text_is_refused_in_a_line() {
    let long = "x".repeat(1 << 20);
    let stars = "*.".repeat(1 << 19);
    for text in [&long, &stars] {
        let found = errors(&format!("local-domains = [\"{text}\"]"));
        assert_eq!(found.len(), 1);
        assert!(found[0].len() < 250, "{}", found[0].len());
    }
}

#[test]
fn the_difference_of_two_rule_sets_is_data() {
    let old = Config::from_toml(WHOLE).unwrap();
    assert_eq!(old.difference(&old), []);
    let text = WHOLE
        .replace("default = \"allow\"", "default = \"deny\"")
        .replace("news.example", "other.example")
        .replace("*.bad.example", "")
        .replace("incoming = [", "incoming = [\"spam.example\", ")
        .replace("spam.example  ", "#")
        .replace("tls = \"optional\"", "tls = \"disabled\"")
        .replace("verdict = \"allow\"", "verdict = \"block\"")
        .replace("burst = 0x400", "burst = 5")
        .replace("enabled = true\ndomains", "enabled = false\ndomains")
        .replace("j.capulet@", "juliet.c@")
        .replace("\"mail.example.com\"]", "]")
        .replace("deny-mode = \"rejected\"", "")
        .replace("\"10.10.10.1\", ", "")
        .replace(", \"example.com\"]", ", \"new.example.com\"]")
        .replace("kind = \"standard\"", "description = \"a proxy\"")
        .replace("*.spam.example", "*.spam2.example")
        .replace("[sip]\nenabled = true", "[sip]\nenabled = false");
    let new = Config::from_toml(&text).unwrap();
    let changes: Vec<_> = old
        .difference(&new)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        changes,
        [
            "access list: - Allow from 10.10.10.1",
            "SIP default: allow -> deny",
            "XMPP default: allow -> deny",
            "deny mode: rejected -> polite",
            "email: on -> off",
            "email: juliet@example.com is j.capulet@mail.example.com -> juliet@example.com is \
             juliet.c@mail.example.com",
            "email: - domain mail.example.com",
            "SIP enabled: on -> off",
            "exceptions: - exception *.bad.example (all packets)",
            "exceptions: - exception news.example (incoming only)",
            "exceptions: + exception other.example (incoming only)",
            "exceptions: exception spam.example (all packets) -> exception spam.example (incoming only)",
            "local domains: - example.com",
            "local domains: + new.example.com",
            "rates: domain: 100/s, burst 1024 -> domain: 100/s, burst 5",
            "security: default: TLS optional, certificate optional -> default: TLS disabled, \
             certificate optional",
            "security: webex.example: TLS optional, certificate optional, no outbound SASL, no \
             dialback -> webex.example: TLS disabled, certificate optional, no outbound SASL, no \
             dialback",
            "SIP domains: - blocked *.spam.example",
            "SIP domains: + blocked *.spam2.example",
            "SIP domains: federated domain kamailio.example (standard) -> federated domain \
             kamailio.example (microsoft): a proxy",
            "user rules: juliet@example.com allows romeo@montague.example (presence and messages) \
             -> juliet@example.com blocks romeo@montague.example (presence and messages)",
        ]
    );
}

#[test]
fn the_same_question_to_another_rule_set_tells_what_would_be() {
    let old = Policy::from_toml(WHOLE).unwrap();
    let new =
        Policy::from_toml(&WHOLE.replace("default = \"allow\"", "default = \"deny\"")).unwrap();
    let (local, remote) = ("example.com".parse().unwrap(), "x.example".parse().unwrap());
    let facts = Facts::between(Protocol::Xmpp, &local, &remote, Direction::Inbound);
    assert_eq!(old.decide(&facts).verdict, Verdict::Allow);
    assert_eq!(new.decide(&facts).verdict, Verdict::Deny);
}

/// Nodes `a` and `b` of cluster `one`, `c` of cluster `two`, changed.
fn findings(change: impl Fn(&mut [Config; 3]), secrets: [Option<&[u8]>; 3]) -> Vec<String> {
    let config = Config::from_toml(WHOLE).unwrap();
    let mut configs = [config.clone(), config.clone(), config];
    change(&mut configs);
    let names = [("a", "one"), ("b", "one"), ("c", "two")];
    let nodes: Vec<_> = names
        .iter()
        .zip(&configs)
        .zip(secrets)
        .map(|((&(name, cluster), config), secret)| Node {
            name,
            cluster,
            config,
            dialback_secret: secret.map(SecretDigest::of),
        })
        .collect();
    compare(&nodes).iter().map(ToString::to_string).collect()
}

#[test]
fn nodes_that_agree_pass_every_check() {
    let secret = Some(&b"s"[..]);
    let none: [&str; 0] = [];
    assert_eq!(findings(|_| {}, [secret; 3]), none);
    assert_eq!(findings(|_| {}, [None; 3]), none);
    let off = |configs: &mut [Config; 3]| {
        for config in configs {
            config.xmpp.enabled = Switch::Off;
        }
    };
    assert_eq!(findings(off, [None; 3]), none);
    let one_of_each = |configs: &mut [Config; 3]| configs[0].xmpp.enabled = Switch::Off;
    assert_eq!(findings(one_of_each, [None; 3]), none);
    assert_eq!(compare(&[]), []);
}

#[test]
fn each_check_finds_the_nodes_that_differ() {
    use comity_policy::{Requirement, TlsMode};
    type Change = fn(&mut [Config; 3]);
    let cases: [(Change, &str); 8] = [
        (
            |configs| configs[2].xmpp.enabled = Switch::Off,
            "XMPP enabled: c: expected on for a node of every cluster, found off in cluster two: \
             switch XMPP on for a node of this cluster, or off everywhere",
        ),
        (
            |configs| configs[1].xmpp.default_security.tls = TlsMode::Required,
            "TLS mode: b: expected TLS optional, found TLS required: set the same TLS mode on all \
             nodes",
        ),
        (
            |configs| configs[0].xmpp.default_security.certificate = Requirement::Required,
            "certificates required: a: expected certificates optional, found certificates \
             required: require certificates on all nodes, or on none",
        ),
        (
            |configs| configs[2].xmpp.default_security.sasl_outbound = Switch::Off,
            "SASL settings: c: expected inbound on, outbound on, found inbound on, outbound off: \
             set the same SASL switches on all nodes",
        ),
        (
            |configs| {
                configs[1].xmpp.default_verdict = Verdict::Deny;
                configs[2].xmpp.default_verdict = Verdict::Deny;
            },
            "default policy: a: expected default deny, found default allow: set the same default \
             on all nodes",
        ),
        (
            |configs| {
                configs[0].xmpp.exceptions.reverse();
                configs[1].xmpp.exceptions.truncate(1);
            },
            "policy exceptions: b: expected 5 rules, found 1; it lacks exception *.bad.example (all \
             packets); exception *.xn--bcher-kva.example (all packets); exception feed.example \
             (outgoing only) and 1 more: copy the exceptions to this node",
        ),
        (
            |configs| configs[0].xmpp.security_rules.truncate(1),
            "security rules: a: expected 3 rules, found 1; it lacks ibm.example: TLS required, \
             certificate required, no inbound SASL; webex.example: TLS optional, certificate \
             optional, no outbound SASL, no dialback: set the same rules on all nodes",
        ),
        (
            |configs| configs[2].email.enabled = false,
            "email addresses: c: expected 3 rules, found 1; it lacks domain mail.example.com; \
             juliet@example.com is j.capulet@mail.example.com; on; it has off besides: switch email \
             addresses on or off alike, with the same domains and identities",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(findings(change, [None; 3]), [expected]);
    }
}

#[test]
fn secrets_are_compared_and_never_shown() {
    let (own, other) = (Some(&b"own secret"[..]), Some(&b"other"[..]));
    let action = "copy the dialback secret to this node";
    assert_eq!(
        findings(|_| {}, [own, other, own]),
        [format!(
            "dialback secret: b: expected the secret of the others, found another secret: {action}"
        )]
    );
    assert_eq!(
        findings(|_| {}, [own, own, None]),
        [format!(
            "dialback secret: c: expected the secret of the others, found none: {action}"
        )]
    );
    assert_eq!(
        findings(|_| {}, [None, other, None]),
        [format!(
            "dialback secret: a, c: expected the secret of the others, found none: {action}"
        )]
    );
    assert_eq!(format!("{:?}", SecretDigest::of(b"x")), "SecretDigest(..)");
    assert_eq!(Check::ALL.len(), 9);
}
