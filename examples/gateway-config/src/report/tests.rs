use std::time::Duration;

use comity_testkit::mint::{self, Authority, Ca, Leaf, Purpose};
use comity_testkit::site::Site;

use super::*;

fn root() -> Authority {
    Ca::new("Example CA", [1; 32]).self_signed()
}

/// Writes files that this user alone may read.
fn write(folder: &Site, name: &str, contents: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.write(name, contents);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn folder(config: &str, policy: &str, leaf: &Leaf) -> Site {
    let folder = Site::new("check");
    let own = root().issue(leaf);
    write(&folder, "chain.pem", &own.chain_pem());
    write(&folder, "key.pem", &own.key_pem());
    write(&folder, "roots.pem", &root().certificate_pem());
    write(&folder, "secret", "0123456789abcdef");
    write(&folder, "policy.toml", policy);
    write(&folder, "gateway.toml", config);
    folder
}

fn report(folder: &Site, now: u64) -> Report {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    Report::read(&folder.directory().join("gateway.toml"), now)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

/// The page without the place of the folder.
fn people(folder: &Site, report: &Report) -> String {
    let place = format!("{}/", folder.directory().display());
    report.to_string().replace(&place, "")
}

const GOOD: &str = r#"
[domains]
xmpp = ["capulet.example"]
sip = ["montague.example"]
chat-aliases = ["conference-2.capulet.example"]
[xmpp]
dialback-secret-file = "secret"
[[xmpp.listeners]]
address = "0.0.0.0:5269"
host = "xmpp.capulet.example"
[[xmpp.listeners]]
address = "0.0.0.0:5270"
begins-with = "direct-tls"
host = "xmpp.capulet.example"
port = 443
[sip]
federation-host = "sip.capulet.example"
[[sip.listeners]]
address = "10.0.0.1:5062"
port = 5061
[sip.listeners.tls]
peer-subjects = ["edge.contoso.example"]
[tls.inbound]
chain = "chain.pem"
key = "key.pem"
[trust.xmpp]
anchors = ["roots.pem"]
[trust.sip]
anchors = ["roots.pem"]
[dns]
servers = ["192.0.2.53"]
[policy]
file = "policy.toml"
[[routes.sip]]
pattern = ".example.contoso.*"
next-hop = "edge.contoso.example"
port = 5061
[store]
path = "facts"
"#;

const RULES: &str = r#"
[xmpp]
enabled = true
default = "allow"
[sip]
enabled = true
[[sip.domains]]
name = "contoso.example"
kind = "standard"
[[sip.domains]]
name = "verona.example"
kind = "standard"
"#;

fn leaf() -> Leaf {
    let names = [
        "montague.example",
        "conference-2.capulet.example",
        "capulet.example",
        "sip.capulet.example",
    ];
    let leaf = Leaf::new([2; 32]);
    names.into_iter().fold(leaf, Leaf::dns)
}

#[test]
fn a_good_configuration_says_what_the_world_has_to_be_like() {
    let folder = folder(GOOD, RULES, &leaf());
    let report = report(&folder, mint::NOT_AFTER - 30 * 24 * 60 * 60);
    assert!(report.is_good());
    assert_eq!(
        people(&folder, &report),
        "Warnings:
  none

To publish in DNS:
  _xmpp-server._tcp.montague.example. SRV 0 0 5269 xmpp.capulet.example.
  _xmpp-server._tcp.conference-2.capulet.example. SRV 0 0 5269 xmpp.capulet.example.
  _xmpps-server._tcp.montague.example. SRV 0 0 443 xmpp.capulet.example.
  _xmpps-server._tcp.conference-2.capulet.example. SRV 0 0 443 xmpp.capulet.example.
  _sipfederationtls._tcp.capulet.example. SRV 0 0 5061 sip.capulet.example.

To tell our own XMPP servers alone:
  _xmpp-server._tcp.contoso.example. SRV 0 0 5269 xmpp.capulet.example.
  _xmpp-server._tcp.verona.example. SRV 0 0 5269 xmpp.capulet.example.

In DNS, but leading to the domains' own servers:
  _xmpp-server._tcp.capulet.example. and _xmpps-server._tcp.capulet.example.
  _sipfederationtls._tcp.montague.example. and _sips._tcp.montague.example.

Ports, here and as others see them:
  tcp 0.0.0.0:5269 is xmpp.capulet.example:5269: XMPP with STARTTLS
  tcp 0.0.0.0:5270 is xmpp.capulet.example:443: XMPP with direct TLS; the router translates the port
  tcp 10.0.0.1:5062 is sip.capulet.example:5061: SIP over TLS; the router translates the port

Firewall, to let through:
  tcp anybody -> us:5269: XMPP with STARTTLS
  tcp anybody -> us:5270: XMPP with direct TLS
  tcp us -> anybody:5269: XMPP, and any port that SRV records name
  tcp edge.contoso.example -> us:5062: SIP over TLS
  tcp us -> edge.contoso.example:5061: the route for .example.contoso.*
  tcp us -> the edge of verona.example:5061: SIP over TLS, and any port that SRV records name
  udp us -> 192.0.2.53:53: DNS
  tcp us -> 192.0.2.53:53: DNS

Certificates:
  line 24, tls.inbound (chain.pem): valid until 2040-01-01; it names all that it needs to
"
    );
}

#[test]
fn a_certificate_is_told_what_it_lacks() {
    let leaf = Leaf::new([2; 32])
        .dns("capulet.example")
        .dns("old.example")
        .purposes(&[Purpose::ServerAuth]);
    let config = format!(
        "{GOOD}[email]\nfile = \"addresses\"\n[[tls.domains]]\nname = \"montague.example\"\n\
         chain = \"chain.pem\"\nkey = \"key.pem\"\n"
    );
    let folder = folder(&config, RULES, &leaf);
    write(
        &folder,
        "addresses",
        "juliet@capulet.example j@mail.example\n",
    );
    let report = report(&folder, mint::NOT_AFTER - 3 * 24 * 60 * 60);
    assert!(!report.is_good());
    let text = people(&folder, &report);
    let (_, certificates) = text.split_once("Certificates:\n").unwrap();
    assert_eq!(
        certificates,
        "  line 24, tls.inbound (chain.pem): expires on 2040-01-01, in 3 days: renew it
    it does not name the chat alias conference-2.capulet.example over XMPP: it needs dNSName \
conference-2.capulet.example or dNSName *.capulet.example or SRVName \
_xmpp-server.conference-2.capulet.example or XmppAddr conference-2.capulet.example
    it does not name the email domain mail.example over SIP: it needs URI sip:mail.example or \
dNSName mail.example
    it does not name the node sip.capulet.example over SIP: it needs URI sip:sip.capulet.example \
or dNSName sip.capulet.example
    it lacks the extended key usage serverAuth or clientAuth: SIP peers ask for both
    it names old.example, which nothing here needs
  line 44, tls.domains[0] (chain.pem): expires on 2040-01-01, in 3 days: renew it
    it does not name the local domain montague.example over XMPP: it needs dNSName \
montague.example or SRVName _xmpp-server.montague.example or XmppAddr montague.example
    it lacks the extended key usage serverAuth or clientAuth: SIP peers ask for both
    it names old.example, which nothing here needs
"
    );
    let expired = Report::read(
        &folder.directory().join("gateway.toml"),
        UnixTime::since_unix_epoch(Duration::from_secs(mint::NOT_AFTER + 1)),
    );
    let expired = expired.unwrap();
    assert_eq!(
        expired.certificates[0].validity.to_string(),
        "expired on 2040-01-01: renew it"
    );
}

const ODD: &str = r#"
[domains]
xmpp = ["capulet.example"]
sip = ["montague.example"]
[bridge]
peers = [{ domains = ["montague.example"], presence = "faithful" }]
[[xmpp.listeners]]
address = "0.0.0.0:5269"
[[sip.listeners]]
address = "10.0.0.1:5062"
[sip.listeners.tls]
ciphers = "TLS_RSA_WITH_3DES_EDE_CBC_SHA:ECDHE-RSA-AES256-GCM-SHA384"
max-version = "1.2"
[[sip.listeners]]
address = "10.0.0.1:5060"
transport = "tcp"
[tls.inbound]
chain = "chain.pem"
key = "open.pem"
[[tls.domains]]
name = "old.example"
chain = "chain.pem"
key = "key.pem"
[dns]
danger-allow-private = true
[policy]
file = "policy.toml"
[[routes.sip]]
pattern = ".example.contoso*"
next-hop = "edge.contoso.example"
[[routes.sip]]
pattern = "*.capulet.example"
next-hop = "edge.contoso.example"
[routes.default]
next-hop = "edge.contoso.example"
blocked = false
[log]
redact = false
[tap]
file = "tap"
bodies = true
"#;

const ODD_RULES: &str = r#"
[xmpp]
default = "allow"
[[xmpp.security-rules]]
domains = ["sametime.example"]
tls = "required"
sasl-outbound = false
[sip]
enabled = true
[[sip.domains]]
name = "direct.example"
direct = true
[[sip.domains]]
name = "contoso.example"
"#;

#[test]
fn what_is_probably_not_meant_is_told() {
    let folder = folder(ODD, ODD_RULES, &leaf());
    let key = root().issue(&leaf()).key_pem();
    folder.write("open.pem", &key);
    let report = report(&folder, mint::NOT_BEFORE);
    let text = people(&folder, &report);
    let (_, warnings) = text.split_once("Warnings:\n").unwrap();
    let (warnings, _) = warnings.split_once("\n\n").unwrap();
    let lines: Vec<_> = warnings.lines().map(str::trim_start).collect();
    assert_eq!(
        lines,
        [
            "policy.toml: XMPP is off, so that its rules have no effect",
            "there is an XMPP side, but the rules have XMPP off",
            "there is no [store]: subscriptions are forgotten when the gateway ends",
            "sametime.example has to use TLS, but not SASL EXTERNAL in both directions: an IBM \
             server with TLS needs both",
            "SIP peers need a certificate, but nobody is trusted: add anchors or pins to [trust.sip]",
            "routes.sip, counted from 0: route 0: .example.contoso* has no dot before the star, so \
             that it is also for domains whose names only begin alike",
            "direct.example is federated directly, without an edge that DNS could name: add a \
             route for it to [[routes.sip]]",
            "bridge.peers: montague.example is our own, and no peer",
            "the tap writes what users write: set bodies = false when done",
            "the log shows the addresses of users: set redact = true when done",
            "dns.danger-allow-private: remote domains may lead us to our own networks",
            "line 8: the listener has no host name: SRV records cannot lead to it",
            "line 10: sip.federation-host is not set: it is the name to which the \
             _sipfederationtls records of all our domains have to lead",
            "line 10: TLS_RSA_WITH_3DES_EDE_CBC_SHA: refused (triple DES, RSA key exchange): let the \
             peer offer ECDHE with AES-GCM or ChaCha20, or put a TLS proxy in front that can do both",
            "line 10: every suite needs elliptic curves: for a Microsoft server that has none, as \
             Lync 2010 and 2013, put a TLS proxy in front",
            "line 15: what comes here without TLS can be read and changed on its way, and proves \
             nobody",
            "line 19: open.pem may be read by others: chmod 600 open.pem",
            "line 22: old.example is none of our domains",
            "line 31: the users of capulet.example are on XMPP: nothing leaves by this route",
            "line 34: the default route is open, but XMPP, which is tried before it, is off",
            "line 34: the default route is open, but the rules deny SIP domains that are not listed",
        ]
    );
}

#[test]
fn errors_are_told_in_json_too() {
    let folder = folder("[domains]\nxmpp = []\nsip = 5\n", "", &leaf());
    let now = UnixTime::since_unix_epoch(Duration::ZERO);
    let errors = Report::read(&folder.directory().join("gateway.toml"), now).unwrap_err();
    assert_eq!(
        serde_json::Value::Object(errors.to_json()),
        serde_json::json!({
            "is_good": false,
            "errors": [
                {
                    "line": 0,
                    "key": "",
                    "text": "the key policy is missing: name the file of the rules in [policy]",
                },
                {
                    "line": 3,
                    "key": "domains.sip",
                    "text": "a list of strings is expected, not a whole number",
                },
            ],
        })
    );
}

#[test]
fn a_report_in_json_has_what_people_read() {
    let folder = folder(GOOD, RULES, &leaf());
    let report = report(&folder, mint::NOT_BEFORE);
    let json = report.to_json();
    assert_eq!(json["is_good"], true);
    assert_eq!(json["publish"].as_array().unwrap().len(), 5);
    assert_eq!(
        json["ports"][2],
        serde_json::json!({
            "protocol": "tcp",
            "listen": "10.0.0.1:5062",
            "advertised": "sip.capulet.example:5061",
            "purpose": "SIP over TLS",
        })
    );
    assert_eq!(
        json["firewall"][3],
        serde_json::json!({
            "protocol": "tcp",
            "from": "edge.contoso.example",
            "to": "us:5062",
            "purpose": "SIP over TLS",
        })
    );
    assert_eq!(
        json["certificates"][0]["validity"],
        "valid until 2040-01-01"
    );
}

#[test]
fn a_route_to_one_of_our_own_servers_is_as_it_should_be() {
    let routes = r#"
[[routes.sip]]
pattern = "montague.example"
next-hop = "10.0.0.2"
port = 5061
[[routes.xmpp]]
pattern = "capulet.example"
next-hop = "10.0.0.3"
port = 5269
[[routes.xmpp]]
pattern = "montague.example"
next-hop = "10.0.0.3"
port = 5269
"#;
    let folder = folder(&format!("{GOOD}{routes}"), RULES, &leaf());
    let report = report(&folder, mint::NOT_BEFORE);
    let warnings: Vec<_> = report.warnings.iter().map(ToString::to_string).collect();
    let only = "line 49: the users of montague.example are on SIP: nothing leaves by this route";
    assert_eq!(warnings, [only]);
}

#[test]
fn a_firewall_needs_no_hole_for_a_route_that_is_not_used() {
    let route = |protocol: &str, host: &str, line: &str| {
        format!(
            "[[routes.{protocol}]]\npattern = \"{host}.example\"\n\
             next-hop = \"{host}.invalid\"\nport = 1\n{line}\n"
        )
    };
    let mut routes = String::new();
    for protocol in ["sip", "xmpp"] {
        for (host, line) in [
            ("used", ""),
            ("blocked", "blocked = true"),
            ("resting", "in-service = false"),
        ] {
            routes += &route(protocol, &format!("{host}-{protocol}"), line);
        }
    }
    let folder = folder(&format!("{GOOD}{routes}"), RULES, &leaf());
    let report = report(&folder, mint::NOT_BEFORE);
    let openings = report.openings.iter().map(|opening| opening.to.as_str());
    let of_routes: Vec<_> = openings.filter(|to| to.ends_with(".invalid:1")).collect();
    assert_eq!(of_routes, ["used-xmpp.invalid:1", "used-sip.invalid:1"]);
}

#[test]
fn a_component_is_missed_for_each_domain_on_sip() {
    let (domains, rest) = GOOD.split_once("[xmpp]\n").unwrap();
    let (_, sip) = rest.split_once("[sip]\n").unwrap();
    let component = r#"
[xmpp]
mode = "component"
[xmpp.component]
server = "localhost"
domains = [{ name = "contoso.example", secret-file = "secret" }]
"#;
    let route = "[[routes.xmpp]]\npattern = \"x.example\"\nnext-hop = \"prosody.x.example\"\n";
    let config = format!("{domains}{component}[sip]\n{sip}{route}");
    let folder = folder(&config, RULES, &leaf());
    let report = report(&folder, mint::NOT_BEFORE);
    assert_eq!(report.publication.inside, [""; 0]);
    let warnings: Vec<_> = report.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "montague.example is no component: users of the local XMPP server cannot reach it, unless \
             it is added to [[xmpp.component.domains]]",
            "verona.example is no component: users of the local XMPP server cannot reach it, unless it \
             is added to [[xmpp.component.domains]]",
            "line 36: routes over XMPP have no effect: the local XMPP server reaches other domains",
        ]
    );
}
