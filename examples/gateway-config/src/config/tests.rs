use std::path::{Path, PathBuf};

use comity_srv::routes::Verdict;

use super::sip::SipPeer;
use super::*;

/// As little as a configuration may hold.
const LEAST: &str = "domains = { xmpp = [\"capulet.example\"], sip = [] }\npolicy.file = \"p\"\n";

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/etc/comity")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(text: &str) -> Vec<String> {
    let errors = Config::parse(text, Path::new("/etc/comity")).unwrap_err();
    errors.errors().iter().map(ToString::to_string).collect()
}

fn errors_behind_least(text: &str) -> Vec<String> {
    errors(&format!("{LEAST}{text}"))
}

fn domain(text: &str) -> DomainName {
    text.parse().unwrap()
}

#[test]
fn the_example_is_read_as_it_is_explained() {
    let config = parse(include_str!("../../../gateway/gateway.example.toml"));
    assert_eq!(config.domains.xmpp, [domain("capulet.example")].into());
    assert_eq!(config.domains.sip, [domain("montague.example")].into());
    assert_eq!(config.bridge.own_servers, ServerKind::Standard);
    for (name, profile) in [
        ("verona.example", PresenceProfile::Faithful),
        ("contoso.example", PresenceProfile::Cisco),
    ] {
        assert_eq!(config.bridge.presence_of(&domain(name)), Some(profile));
    }
    assert_eq!(config.xmpp.mode, XmppMode::ServerToServer);
    let uses: Vec<_> = config
        .xmpp
        .listeners
        .iter()
        .map(|one| one.port_use)
        .collect();
    assert_eq!(uses, [PortUse::StartTls, PortUse::DirectTls]);
    let listeners: Vec<_> = config
        .sip
        .listeners
        .iter()
        .map(|one| {
            (
                one.transport,
                one.address.to_string(),
                one.host.clone().unwrap().to_string(),
            )
        })
        .collect();
    assert_eq!(
        listeners,
        [
            (
                SipTransport::Tls,
                "0.0.0.0:5061".to_owned(),
                "sip.capulet.example".to_owned()
            ),
            (
                SipTransport::Tls,
                "0.0.0.0:5062".to_owned(),
                "sip.capulet.example".to_owned()
            ),
            (
                SipTransport::Tcp,
                "127.0.0.1:5060".to_owned(),
                "127.0.0.1".to_owned()
            ),
        ]
    );
    let tls = config.sip.listeners[1].tls.as_ref().unwrap();
    assert_eq!(
        config.sip.peers,
        [SipPeer {
            domains: vec![domain("contoso.example")],
            subjects: vec!["edge.fabrikam.example".parse().unwrap()],
            legacy_subjects: Vec::new(),
        }]
    );
    assert_eq!(tls.peer_subjects, ["edge.contoso.example".parse().unwrap()]);
    assert_eq!(tls.legacy_peer_subjects, [domain("lync.contoso.example")]);
}

#[test]
fn the_example_names_files_routes_and_tables_as_it_is_explained() {
    let config = parse(include_str!("../../../gateway/gateway.example.toml"));
    assert_eq!(
        config.tls.inbound.unwrap().chain.path,
        Path::new("/etc/comity/tls/inbound.pem")
    );
    assert_eq!(config.tls.domains[0].usage, Usage::Both);
    assert_eq!(
        config.tls.sip.pins[0].subjects,
        ["edge.verona.example".parse().unwrap()]
    );
    assert_eq!(
        config.tls.sip.pins[0].kind,
        PinKind::Key(comity_trust::Fingerprint::sha256(b"abc"))
    );
    let servers: Vec<_> = config.dns.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:53"]);
    assert_eq!(config.policy.path, Path::new("/etc/comity/policy.toml"));
    let routes: Vec<_> = config
        .routes
        .sip
        .iter()
        .map(|(_, route)| route.to_string())
        .collect();
    assert_eq!(
        routes,
        [
            ".example.contoso.* to edge.contoso.example port 5061 over TLS, priority 1, weight 10",
            ".example.contoso.* to edge2.contoso.example port 5061 over TLS, priority 1000, weight 1",
            ".* to edge.provider.example port 5061 over TLS, priority 1, weight 1, blocked",
        ]
    );
    assert_eq!(config.store, Some(PathBuf::from("/etc/comity/facts.redb")));
    assert_eq!(config.log.filter.to_string(), "info,federation::sip=warn");
    assert!(config.log.redact);
    assert!(!config.tap.unwrap().bodies);
}

#[test]
fn what_is_not_configured_is_off_and_the_default_route_is_blocked() {
    let config = parse(LEAST);
    assert_eq!(config.metrics, None);
    assert_eq!(config.tap, None);
    assert_eq!(config.control, None);
    assert_eq!(config.store, None);
    assert!(config.log.redact);
    assert_eq!(config.dns, Dns::default());
    assert!(config.xmpp.listeners.is_empty() && config.sip.listeners.is_empty());
    assert_eq!(
        config.routes.sip.decide_default(&[7; 32]).verdict(),
        Verdict::NoRoute
    );
    let config = parse(&format!(
        "{LEAST}[routes.default]\nnext-hop = \"e.example\"\n"
    ));
    assert!(matches!(
        config.routes.sip.decide_default(&[7; 32]).verdict(),
        Verdict::Blocked(_)
    ));
    let opened = "[routes.default]\nnext-hop = \"e.example\"\nblocked = false\n";
    let config = parse(&format!("{LEAST}{opened}"));
    let verdict = config.routes.sip.decide_default(&[7; 32]).verdict();
    assert_eq!(verdict, Verdict::NextHops);
}

#[test]
fn all_errors_are_told_at_once_by_line_key_and_remedy() {
    let text = r#"
[domains]
xmpp = ["capulet.example", "a..b", "capulet.example", 5]
sip = ["Capulet.example"]
[bridge]
presence = "loud"
[[bridge.peers]]
presence = true
[xmpp]
mode = "c2s"
[[xmpp.listeners]]
address = "5269"
[[xmpp.listeners]]
begins-with = "tls"
port = 70000
[metrics]
listen = "192.0.2.1:9469"
[lgo]
filter = "info"
"#;
    assert_eq!(
        errors(text),
        [
            "the key policy is missing: name the file of the rules in [policy]",
            "line 3, domains.xmpp[1]: \"a..b\" is not a domain name: the domain name has an empty \
             label",
            "line 3, domains.xmpp[2]: \"capulet.example\" is there twice: delete one of them",
            "line 3, domains.xmpp[3]: a string is expected, not a whole number",
            "line 4, domains.sip[0]: capulet.example is among the domains of XMPP and of SIP: its \
             users live on one of both, delete the other",
            "line 6, bridge.presence: \"loud\" is none of cisco, faithful",
            "line 7, bridge.peers[0]: the key domains is missing: list the domains that this is \
             about",
            "line 8, bridge.peers[0].presence: a string is expected, not true or false",
            "line 10, xmpp.mode: \"c2s\" is none of component, s2s",
            "line 12, xmpp.listeners[0].address: \"5269\" is not an address with a port, as in \
             0.0.0.0:5269 or [::]:5269: invalid socket address syntax",
            "line 13, xmpp.listeners[1]: the key address is missing: write where to listen, as in \
             0.0.0.0:5269",
            "line 14, xmpp.listeners[1].begins-with: \"tls\" is none of both, direct-tls, starttls",
            "line 15, xmpp.listeners[1].port: a whole number from 1 to 65535 is expected",
            "line 17, metrics.listen: 192.0.2.1:9469 is not a loopback address: listen on \
             127.0.0.1 or [::1]",
            "line 18, lgo: no such key; allowed are bridge, control, dns, domains, email, log, \
             metrics, policy, routes, sip, store, tap, tls, trust, xmpp",
        ]
    );
}

#[test]
fn a_text_that_is_no_toml_is_told_by_line_alone() {
    assert_eq!(
        errors("[domains]\nxmpp = capulet\n\n[policy\nfile = \"p\"\n"),
        [
            "line 2, string values must be quoted, expected literal string",
            "line 4, unclosed table, expected `]`",
        ]
    );
}

#[test]
fn no_secret_is_shown_in_an_error_or_a_debug_output() {
    for wrong in [
        "dialback-secret = hunter2",
        "dialback-secret = 'hunter2",
        "dialback-secret = \"hunter2\\q\"",
        "dialback-secret = [\"hunter2\"]",
        "dialback-secret = { hunter2 = 1 }",
        "dialback-secret = \"hunter2\"\ndialback-secret = \"hunter2\"",
        "dialback-secret = \"hunter2\"\ndialback-secret-file = \"f\"",
        "dialback-secret = \"\"",
        "dialback-secert = \"hunter2\"",
        "mode = \"component\"\n[xmpp.component]\nserver = \"x\"\n[[xmpp.component.domains]]\n\
         name = 5\nsecret = \"hunter2\"",
    ] {
        let text = format!("{LEAST}[xmpp]\n{wrong}\n");
        let errors = Config::parse(&text, Path::new("")).unwrap_err();
        assert!(!errors.to_string().contains("hunter2"), "{errors}");
        assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
    }
    let config = parse(&format!("{LEAST}[xmpp]\ndialback-secret = \"hunter2\"\n"));
    assert!(!format!("{config:?}").contains("hunter2"));
    let Some(SecretSource::Text(secret)) = config.xmpp.dialback else {
        panic!("no secret");
    };
    assert_eq!(secret.expose(), "hunter2");
}

#[test]
fn a_component_has_domains_with_secrets_and_no_listeners() {
    let text = r#"
[xmpp]
mode = "component"
[xmpp.component]
server = "localhost"
[[xmpp.component.domains]]
name = "montague.example"
secret-file = "secret"
"#;
    let config = parse(&format!("{LEAST}{text}"));
    let XmppMode::Component(component) = &config.xmpp.mode else {
        panic!("{:?}", config.xmpp.mode);
    };
    assert_eq!(
        (component.server.to_string(), component.port),
        ("localhost".to_owned(), 5347)
    );
    assert_eq!(component.domains[0].name, domain("montague.example"));
    let wrong = r#"
[xmpp]
mode = "component"
listeners = [{ address = "0.0.0.0:5269" }]
[xmpp.component]
port = 0
[[xmpp.component.domains]]
name = "capulet.example"
secret = "a"
secret-file = "b"
[[xmpp.component.domains]]
name = "m.example"
"#;
    assert_eq!(
        errors_behind_least(wrong),
        [
            "line 6, xmpp.listeners: a component has no listeners of its own: delete \
             xmpp.listeners or set mode = \"s2s\"",
            "line 7, xmpp.component: the key server is missing: name the local XMPP server, as in \
             localhost",
            "line 8, xmpp.component.port: a whole number from 1 to 65535 is expected",
            "line 10, xmpp.component.domains[0].name: capulet.example is served by the local XMPP \
             server itself: name domains that it does not serve",
            "line 11, xmpp.component.domains[0].secret: a secret and a file of a secret are given: \
             delete one of them",
            "line 13, xmpp.component.domains[1]: the key secret-file is missing: name the file of \
             the secret that the XMPP server knows too",
        ]
    );
    assert_eq!(
        errors_behind_least("[xmpp]\nmode = \"component\"\n"),
        [
            "line 3, xmpp: the key component is missing: name the local XMPP server in \
          [xmpp.component]"
        ]
    );
    assert_eq!(
        errors_behind_least("[xmpp.component]\nserver = \"localhost\"\n"),
        [
            "line 3, xmpp.component: this table has no effect unless mode = \"component\": change the \
          mode or delete it"
        ]
    );
}

#[test]
fn a_sip_listener_has_a_name_for_others_and_tls_only_where_it_is() {
    let text = r#"
[tls.inbound]
chain = "c"
key = "k"
[[sip.listeners]]
address = "0.0.0.0:5061"
[[sip.listeners]]
address = "127.0.0.1:5060"
transport = "tcp"
shared = true
[[sip.listeners]]
address = "127.0.0.1:5060"
transport = "udp"
[[sip.listeners]]
address = "127.0.0.1:5060"
[sip.listeners.tls]
peer-subjects = ["a.example"]
min-version = "1.3"
max-version = "1.2"
[[sip.peers]]
domains = ["a.example", "b.example"]
[[sip.peers]]
domains = ["b.example"]
subject = "edge.b.example"
"#;
    assert_eq!(
        errors_behind_least(text),
        [
            "line 8, sip.listeners[0].address: others cannot be told 0.0.0.0:5061: set host here \
             or sip.federation-host",
            "line 12, sip.listeners[1].shared: only a listener of TLS can have this key: delete it \
             or set transport = \"tls\"",
            "line 17, sip.listeners[3].address: \"127.0.0.1:5060\" is there twice: delete one of \
             them",
            "line 20, sip.listeners[3].tls.min-version: min-version is newer than max-version: \
             exchange them",
            "line 25, sip.peers[1].domains[0]: \"b.example\" is there twice: delete one of them",
            "line 26, sip.peers[1].subject: no such key; allowed are domains, legacy-subjects, \
             subjects",
        ]
    );
}

#[test]
fn whoever_listens_for_tls_has_a_certificate() {
    let listeners = "[[xmpp.listeners]]\naddress = \"127.0.0.1:5269\"\n\
                     [[sip.listeners]]\naddress = \"127.0.0.1:5061\"\n";
    assert_eq!(
        errors_behind_least(listeners),
        [
            "line 3, xmpp: TLS listens without a certificate: set tls.inbound.chain and \
             tls.inbound.key",
            "line 5, sip: TLS listens without a certificate: set tls.inbound.chain and \
             tls.inbound.key",
        ]
    );
    let plain = "[[sip.listeners]]\naddress = \"127.0.0.1:5060\"\ntransport = \"udp\"\n";
    assert_eq!(parse(&format!("{LEAST}{plain}")).sip.listeners.len(), 1);
}

#[test]
fn each_route_that_cannot_be_is_told_by_its_line() {
    let text = r#"
[[routes.sip]]
pattern = ".com.*.a"
next-hop = "a.example"
[[routes.sip]]
pattern = ".*"
next-hop = "a.example"
[[routes.sip]]
pattern = "b.example"
next-hop = "192.0.2.1"
[[routes.sip]]
pattern = "b.example"
next-hop = "c.example"
backup = true
priority = 2
[[routes.xmpp]]
pattern = "*.b.example"
transport = "tcp"
[routes.default]
pattern = "x"
"#;
    assert_eq!(
        errors_behind_least(text),
        [
            "line 5, routes.sip[0].pattern: \".com.*.a\" is not a pattern of domains: a star may \
             only stand at the end of a reversed pattern, or before the first dot",
            "line 8, routes.sip[1].pattern: the default route is written as [routes.default], \
             where it is blocked unless opened",
            "line 10, routes.sip[2]: an address needs a port",
            "line 17, routes.sip[3].priority: a route has either a priority or backup = true: \
             delete one of them",
            "line 18, routes.xmpp[0]: the key next-hop is missing: name the host where the \
             requests go",
            "line 20, routes.xmpp[0].transport: \"tcp\" is none of direct-tls, starttls",
            "line 21, routes.default: the key next-hop is missing: name the host where the \
             requests go",
            "line 22, routes.default.pattern: no such key; allowed are blocked, description, \
             in-service, next-hop, port, transport",
        ]
    );
}

#[test]
fn a_pin_is_one_certificate_or_key_for_named_hosts() {
    let text = r#"
[[trust.xmpp.pins]]
certificate = "c.pem"
[[trust.xmpp.pins]]
subjects = ["a.example"]
key-sha256 = "abcd"
[[trust.xmpp.pins]]
subjects = ["a.example"]
[[trust.xmpp.pins]]
subjects = ["a.example"]
certificate = "c.pem"
key-sha256 = "abcd"
"#;
    assert_eq!(
        errors_behind_least(text),
        [
            "line 4, trust.xmpp.pins[0]: the key subjects is missing: list whom it may prove: a \
             pin is for named hosts alone",
            "line 8, trust.xmpp.pins[1].key-sha256: \"abcd\" is not a SHA-256 fingerprint: write \
             64 hexadecimal digits, with or without colons",
            "line 9, trust.xmpp.pins[2]: the key certificate is missing: name the PEM file of the \
             certificate, or write key-sha256",
            "line 14, trust.xmpp.pins[3].key-sha256: \"certificate and key-sha256\" is there \
             twice: delete one of them",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_a_remedy() {
    let error = Config::read(Path::new("/nowhere/gateway.toml")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nowhere/gateway.toml: entity not found: check the path and who may read it"
    );
}
