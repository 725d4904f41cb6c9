//! `fed-dig route`.

use std::process::Output;

use comity_testkit::dns::FakeDns;
use serde_json::{Value, json};

use crate::files::File;
use crate::name_server::NameServer;
use crate::{assert_page, dig, page, program, zones};

const ROUTES: &str = r#"
[[route]]
pattern = ".example.abc.*"
next-hop = "backup.abc.example"
protocol = "tls"
priority = 2

[[route]]
pattern = ".example.abc.*"
next-hop = "sip.abc.example"
port = 5071
protocol = "tls"
description = "the edge"

[[route]]
pattern = ".example.other*"
next-hop = "192.0.2.9"
block = true
"#;

const DEFAULT: &str = r#"
[[route]]
pattern = ".*"
next-hop = "192.0.2.9"
protocol = "udp"
"#;

fn hops() -> FakeDns {
    zones()
        .a("sip.abc.example", [192, 0, 2, 7])
        .a("backup.abc.example", [192, 0, 2, 8])
}

#[test]
fn static_routes_are_tried_by_priority_and_linted() {
    let (server, routes) = (NameServer::start(hops()), File::new(ROUTES));
    let output = route(&server, &routes, &["user@abc.example"]);
    let expected = "\
Way to abc.example

Suspicious:
  route 2: .example.other* has no dot before the star, so that it is also for domains whose names only begin alike

Static routes:
  the pattern .example.abc.* matches
  chose route 1: .example.abc.* to sip.abc.example port 5071 over TLS, priority 1, weight 1
  chose route 0: .example.abc.* to backup.abc.example port 5061 over TLS, priority 2, weight 1
  no further pattern matches

Route 1: 1 address
As given
  1. 192.0.2.7:5071 by TLS, host sip.abc.example, weight 0
     SNI sip.abc.example, certificate for abc.example (the domain) or sip.abc.example (the next hop)
     DNSSEC: not checked

Route 0: 1 address
As given
  2. 192.0.2.8:5061 by TLS, host backup.abc.example, weight 0
     SNI backup.abc.example, certificate for abc.example (the domain) or backup.abc.example (the next hop)
     DNSSEC: not checked

Outcome: abc.example has 2 static routes and 2 addresses to try; DNS is not asked about the domain.
";
    assert_page(&server, &output, 0, expected);
}

#[test]
fn the_document_of_a_route_has_the_fields_that_are_documented() {
    let (server, routes) = (NameServer::start(hops()), File::new(ROUTES));
    let output = route(&server, &routes, &["sub.abc.example", "--json"]);
    let mut found = document(&server, &output, 0);
    let candidate = |address, port, host| {
        json!({
            "address": address,
            "port": port,
            "transport": "tls",
            "target": host,
            "weight": 0,
            "server_name": host,
            "alpn": null,
            "identities": [
                { "name": "sub.abc.example", "basis": "domain" },
                { "name": host, "basis": "next-hop" },
            ],
            "dnssec": "unchecked",
            "provenance": "given",
        })
    };
    let hop = |route, host, port, priority, description, address| {
        json!({
            "route": route,
            "pattern": ".example.abc.*",
            "next_hop": host,
            "port": port,
            "protocol": "tls",
            "priority": priority,
            "weight": 1,
            "description": description,
            "outcome": "candidates",
            "failure": null,
            "groups": [{ "priority": null, "candidates": [candidate(address, port, host)] }],
        })
    };
    // By chance, and in any order.
    for field in ["order", "steps"] {
        found.as_object_mut().unwrap().remove(field).unwrap();
    }
    let expected = json!({
        "query": { "service": "route", "domain": "sub.abc.example" },
        "name_servers": ["NAME_SERVER"],
        "validating": false,
        "way": "static-routes",
        "messaging": "sip",
        "blocked_by": null,
        "summary": "sub.abc.example has 2 static routes and 2 addresses to try",
        "advice": "DNS is not asked about the domain",
        "findings": [
            "route 2: .example.other* has no dot before the star, so that it is also for domains \
             whose names only begin alike",
        ],
        "reasons": [
            "the pattern .example.abc.* matches",
            "chose route 1: .example.abc.* to sip.abc.example port 5071 over TLS, priority 1, \
             weight 1",
            "chose route 0: .example.abc.* to backup.abc.example port 5061 over TLS, priority 2, \
             weight 1",
            "no further pattern matches",
        ],
        "routes": [
            hop(1, "sip.abc.example", 5071, 1, "the edge", "192.0.2.7"),
            hop(0, "backup.abc.example", 5061, 2, "", "192.0.2.8"),
        ],
        "explored": [],
    });
    assert_eq!(found, expected);
}

#[test]
fn every_field_of_a_route_counts() {
    let server = NameServer::start(hops());
    let routes = File::new(
        r#"
        [[route]]
        pattern = ".example.abc"
        next-hop = "192.0.2.7"
        service = false

        [[route]]
        pattern = ".example.abc"
        next-hop = "192.0.2.8"
        port = 5070
        protocol = "udp"
        priority = 7
        weight = 9
        allow-less-specific = false

        [[route]]
        pattern = ".example.*"
        next-hop = "192.0.2.9"
        "#,
    );
    let output = route(&server, &routes, &["abc.example", "--json"]);
    let found = document(&server, &output, 0);
    assert_eq!(
        found["reasons"],
        json!([
            "the pattern .example.abc matches",
            "chose route 1: .example.abc to 192.0.2.8 port 5070 over UDP, priority 7, weight 9",
            "route 1 allows no shorter pattern",
        ])
    );
    let output = route(&server, &routes, &["other.example", "--json"]);
    let found = document(&server, &output, 0);
    assert_eq!(
        found["reasons"],
        json!([
            "the pattern .example.* matches",
            "chose route 2: .example.* to 192.0.2.9 port 5060 over TCP, priority 1, weight 1",
            "no further pattern matches",
        ])
    );
}

#[test]
fn a_blocked_domain_is_not_asked_about() {
    // Nobody answers there.
    let server = NameServer::start(FakeDns::new());
    let routes = File::new(ROUTES);
    let output = route(&server, &routes, &["others.example", "--json"]);
    let found = document(&server, &output, 1);
    assert_eq!(found["way"], "blocked");
    assert_eq!(found["blocked_by"], 2);
    assert_eq!(found["steps"], json!([]));
    assert_eq!(found["summary"], "others.example is blocked by route 2");
}

#[test]
fn without_a_static_route_the_records_say_what_is_spoken() {
    let zones = || {
        zones().srv(
            "_xmpp-server._tcp.plain.example",
            0,
            0,
            5269,
            "plain.example",
        )
    };
    let (server, routes) = (NameServer::start(zones()), File::new(ROUTES));
    let output = route(&server, &routes, &["plain.example"]);
    let page = page(&server, &output, 0);
    let expected = "
Static routes:
  no further pattern matches

DNS:
  federation edge: no record
  SIP server: no record
  XMPP server: 1 address by SRV records

Priority 0
  1. 192.0.2.4:5269 by STARTTLS, host plain.example, weight 0
     SNI plain.example, certificate for plain.example (the domain)
     DNSSEC: not checked

Outcome: plain.example has 1 address to try by XMPP; no static route is for it.
";
    assert!(page.ends_with(expected), "{page}");

    let output = route(&server, &routes, &["b.example", "--json"]);
    let found = document(&server, &output, 0);
    assert_eq!(
        (&found["way"], &found["messaging"]),
        (&json!("dns"), &json!("sip"))
    );
    let explored = found["explored"].as_array().unwrap();
    let services: Vec<_> = explored.iter().map(|one| &one["service"]).collect();
    assert_eq!(services, ["edge"]);
}

#[test]
fn the_default_route_comes_last() {
    let (server, routes) = (NameServer::start(zones()), File::new(DEFAULT));
    let output = route(&server, &routes, &["nobody.example", "--json"]);
    let found = document(&server, &output, 0);
    assert_eq!(found["way"], "default-route");
    let explored = found["explored"].as_array().unwrap();
    let outcomes: Vec<_> = explored.iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["absent", "absent", "absent"]);
    let candidate = &found["routes"][0]["groups"][0]["candidates"][0];
    assert_eq!(candidate["address"], "192.0.2.9");
    assert_eq!(candidate["port"], 5060);
    assert_eq!(candidate["transport"], "udp");

    let blocked = File::new(&format!("{DEFAULT}block = true\n"));
    let output = route(&server, &blocked, &["nobody.example"]);
    let page = page(&server, &output, 1);
    let sentence = "\nOutcome: nobody.example is not reached: the domain has no records, and the \
                    default route 0 is blocked; make a static route for it, or unblock the default \
                    route.\n";
    assert!(page.contains(sentence), "{page}");
}

#[test]
fn a_file_that_cannot_be_used_gets_code_2_and_a_reason() {
    let route = |more| format!("[[route]]\npattern = \".*\"\nnext-hop = \"192.0.2.9\"\n{more}");
    for (content, reason) in [
        (
            "[[route]]\npattern = \"a*b\"\nnext-hop = \"192.0.2.9\"\n".to_owned(),
            "route 0: pattern \"a*b\": a star may only stand at the end of a reversed pattern, or \
             before the first dot",
        ),
        (
            format!("{}{}", route(""), route("weight = 0\n")),
            "route 1: priority and weight are at least 1",
        ),
        (
            "[[route]]\npattern = \".*\"\nnext-hop = \"a..b\"\n".to_owned(),
            "route 0: next-hop \"a..b\": the domain name has an empty label",
        ),
        (
            route("colour = 1\n"),
            "TOML parse error at line 4, column 1\n",
        ),
        (
            route("port = 65536\n"),
            "TOML parse error at line 4, column 8\n",
        ),
    ] {
        let file = File::new(&content);
        let output = program()
            .args(["route", "b.example", "--resolver=192.0.2.53", "--routes"])
            .arg(file.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let expected = format!("fed-dig: {}: {reason}", file.path().display());
        assert!(stderr.starts_with(&expected), "{stderr}");
        assert_eq!(output.status.code(), Some(2));
    }
}

fn route(server: &NameServer, routes: &File, args: &[&str]) -> Output {
    let routes = format!("--routes={}", routes.path().display());
    dig(server, &[&["route", &routes], args].concat())
}

pub(crate) fn document(server: &NameServer, output: &Output, code: i32) -> Value {
    serde_json::from_str(&page(server, output, code)).unwrap()
}
