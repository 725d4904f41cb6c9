//! The program as its users start it, with a name server that knows a few zones.
#![cfg(test)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod check;
mod files;
mod name_server;
mod route;

use std::process::{Command, Output, Stdio};

use comity_testkit::dns::{FakeDns, Fault, RecordType, ResponseCode, When};
use name_server::NameServer;

fn zones() -> FakeDns {
    FakeDns::new()
        .srv("_xmpp-server._tcp.b.example", 10, 5, 5269, "xmpp.b.example")
        .srv("_xmpps-server._tcp.b.example", 5, 0, 5270, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1])
        .srv("_sips._tcp.b.example", 1, 1, 5061, "sip.b.example")
        .srv("_sip._udp.b.example", 1, 1, 5060, "sip.b.example")
        .a("sip.b.example", [192, 0, 2, 2])
        .srv(
            "_sipfederationtls._tcp.b.example",
            0,
            0,
            5061,
            "edge.b.example",
        )
        .a("edge.b.example", [192, 0, 2, 3])
        .srv("_xmpp-server._tcp.none.example", 0, 0, 0, ".")
        .srv(
            "_xmpp-server._tcp.inside.example",
            0,
            0,
            5269,
            "xmpp.inside.example",
        )
        .a("xmpp.inside.example", [10, 0, 0, 1])
        .a("plain.example", [192, 0, 2, 4])
}

#[test]
fn candidates_stand_in_the_order_of_attempts_with_what_they_may_prove() {
    let server = NameServer::start(zones().authentic());
    let output = dig(
        &server,
        &["xmpp", "b.example", "--validating", "--seed=07", "--trace"],
    );
    let page = "\
XMPP server of b.example

Priority 5
  1. 192.0.2.1:5270 by TLS, host xmpp.b.example, weight 0
     SNI b.example, ALPN xmpp-server, certificate for b.example (the domain) or xmpp.b.example (the target of signed records)
     DNSSEC: validated

Priority 10
  2. 192.0.2.1:5269 by STARTTLS, host xmpp.b.example, weight 5
     SNI b.example, certificate for b.example (the domain) or xmpp.b.example (the target of signed records)
     DNSSEC: validated

Outcome: b.example has 2 addresses to try; if none of them serves, look at these hosts and the firewalls before them.

Steps:
  asked NAME_SERVER over UDP: _xmpp-server._tcp.b.example SRV
  asked NAME_SERVER over UDP: _xmpps-server._tcp.b.example SRV
  _xmpp-server._tcp.b.example SRV: 1 records, secured by DNSSEC
  _xmpps-server._tcp.b.example SRV: 1 records, secured by DNSSEC
  asked NAME_SERVER over UDP: xmpp.b.example AAAA
  asked NAME_SERVER over UDP: xmpp.b.example A
  xmpp.b.example AAAA: no such record
  xmpp.b.example A: 1 records, secured by DNSSEC
  chose xmpp.b.example at 192.0.2.1:5270, priority 5, weight 0, direct TLS, secured by DNSSEC
  remembered: xmpp.b.example AAAA
  xmpp.b.example AAAA: no such record
  remembered: xmpp.b.example A
  xmpp.b.example A: 1 records, secured by DNSSEC
  chose xmpp.b.example at 192.0.2.1:5269, priority 10, weight 5, secured by DNSSEC
";
    assert_page(&server, &output, 0, page);
}

#[test]
fn a_transport_without_a_certificate_proves_nothing() {
    let server = NameServer::start(zones());
    let output = dig(&server, &["sip", "b.example"]);
    let page = "\
SIP server of b.example

Priority 1
  1. 192.0.2.2:5061 by TLS, host sip.b.example, weight 1
     SNI b.example, certificate for b.example (the domain)
     DNSSEC: not checked

Priority 1
  2. 192.0.2.2:5060 by UDP, host sip.b.example, weight 1
     no certificate: nothing proves who answers
     DNSSEC: not checked

Outcome: b.example has 2 addresses to try; if none of them serves, look at these hosts and the firewalls before them.
";
    assert_page(&server, &output, 0, page);
}

#[test]
fn a_domain_without_records_stands_for_itself() {
    let server = NameServer::start(zones());
    let output = dig(&server, &["sip", "plain.example", "--sips"]);
    let page = "\
SIP server (sips) of plain.example

Without SRV records
  1. 192.0.2.4:5061 by TLS, host plain.example, weight 0
     SNI plain.example, certificate for plain.example (the domain)
     DNSSEC: not checked

Outcome: plain.example has 1 address to try; if none of them serves, look at these hosts and the firewalls before them.
";
    assert_page(&server, &output, 0, page);
}

#[test]
fn the_document_has_the_fields_that_are_documented() {
    let server = NameServer::start(zones());
    let args = ["sip", "b.example", "--transport=tls", "--seed=07", "--json"];
    let output = dig(&server, &args);
    let document = r#"{
  "query": {
    "service": "sip",
    "domain": "b.example",
    "secure": false,
    "transport": "tls",
    "port": null
  },
  "name_servers": [
    "NAME_SERVER"
  ],
  "validating": false,
  "order": {
    "selection": "proportional",
    "seed": "0700000000000000000000000000000000000000000000000000000000000000"
  },
  "outcome": "candidates",
  "failure": null,
  "summary": "b.example has 1 address to try",
  "advice": "if none of them serves, look at these hosts and the firewalls before them",
  "groups": [
    {
      "priority": 1,
      "candidates": [
        {
          "address": "192.0.2.2",
          "port": 5061,
          "transport": "tls",
          "target": "sip.b.example",
          "weight": 1,
          "server_name": "b.example",
          "alpn": null,
          "identities": [
            {
              "name": "b.example",
              "basis": "domain"
            }
          ],
          "dnssec": "unchecked",
          "provenance": "service-record"
        }
      ]
    }
  ],
  "blocked": [],
  "steps": [
    "asked NAME_SERVER over UDP: _sips._tcp.b.example SRV",
    "_sips._tcp.b.example SRV: 1 records",
    "asked NAME_SERVER over UDP: sip.b.example AAAA",
    "asked NAME_SERVER over UDP: sip.b.example A",
    "sip.b.example AAAA: no such record",
    "sip.b.example A: 1 records",
    "chose sip.b.example at 192.0.2.2:5061, priority 1, weight 1, TLS"
  ]
}
"#;
    assert_page(&server, &output, 0, document);
}

#[test]
fn each_outcome_without_candidates_has_a_sentence_of_its_own() {
    let servfail = Fault::Code(ResponseCode::ServFail);
    let failing = || FakeDns::new().fault(When::always(), servfail.clone());
    for (zones, args, sentence) in [
        (
            zones(),
            &["xmpp", "nobody.example"][..],
            "nobody.example has no _xmpp-server or _xmpps-server record and no address; check the \
             name, or publish _xmpp-server._tcp.nobody.example.",
        ),
        (
            zones(),
            &["sip", "nobody.example"],
            "nobody.example has no NAPTR or SRV record for SIP and no address; check the name, or \
             publish _sips._tcp.nobody.example.",
        ),
        (
            zones(),
            &["edge", "plain.example"],
            "plain.example has no _sipfederationtls record; check the name, or publish \
             _sipfederationtls._tcp.plain.example.",
        ),
        (
            zones(),
            &["xmpp", "none.example"],
            "none.example says that it has no XMPP server: the target of its SRV record is \".\"; \
             only its operator can change that.",
        ),
        (
            zones(),
            &["xmpp", "inside.example"],
            "no address of the XMPP server of inside.example may be dialled; if they lie in a \
             network of yours, --allow-private lets them pass.",
        ),
        (
            failing(),
            &["edge", "b.example"],
            "the federation edge of b.example could not be found out: the name server answered \
             with SERVFAIL; its servers do not answer, or its signatures do not hold: a validating \
             name server and --validating tell which.",
        ),
        (
            failing(),
            &["edge", "b.example", "--validating"],
            "the federation edge of b.example could not be found out: the name server answered \
             with SERVFAIL; the operator of the zone has to see why its servers do not answer.",
        ),
    ] {
        let server = NameServer::start(zones);
        let output = dig(&server, args);
        let page = page(&server, &output, 1);
        let outcome = page.lines().find_map(|line| line.strip_prefix("Outcome: "));
        assert_eq!(outcome, Some(sentence), "{args:?}");
        // The steps follow without being asked for.
        assert!(page.contains("\nSteps:\n  asked "), "{page}");
    }
}

#[test]
fn private_addresses_pass_where_they_are_allowed() {
    let server = NameServer::start(zones());
    let output = dig(&server, &["xmpp", "inside.example", "--allow-private"]);
    let page = page(&server, &output, 0);
    assert!(page.contains("  1. 10.0.0.1:5269 by STARTTLS, "), "{page}");
}

#[test]
fn both_ways_of_one_priority_stand_together() {
    let zones = FakeDns::new()
        .srv("_xmpp-server._tcp.b.example", 1, 1, 5269, "xmpp.b.example")
        .srv("_xmpps-server._tcp.b.example", 1, 1, 5270, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1]);
    let server = NameServer::start(zones);
    let output = dig(&server, &["xmpp", "b.example"]);
    let page = page(&server, &output, 0);
    assert_eq!(page.matches("Priority 1\n").count(), 1, "{page}");
    assert_eq!(places(&page).len(), 2, "{page}");
}

#[test]
fn addresses_that_come_late_stand_in_their_place() {
    let lost = |name, kind, times| (When::asked(name, kind).times(times), Fault::Drop);
    for faults in [
        // One family of a host, and a host for longer than who connects would wait.
        vec![lost("xmpp1.b.example", RecordType::A, 1)],
        vec![
            lost("xmpp2.b.example", RecordType::AAAA, 2),
            lost("xmpp2.b.example", RecordType::A, 2),
        ],
    ] {
        let mut zones = FakeDns::new()
            .srv("_xmpp-server._tcp.b.example", 1, 0, 5269, "xmpp1.b.example")
            .srv("_xmpp-server._tcp.b.example", 1, 9, 5269, "xmpp2.b.example")
            .aaaa("xmpp1.b.example", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
            .a("xmpp1.b.example", [192, 0, 2, 1])
            .a("xmpp2.b.example", [192, 0, 2, 2]);
        for (when, fault) in faults {
            zones = zones.fault(when, fault);
        }
        let server = NameServer::start(zones);
        let output = dig(&server, &["xmpp", "b.example", "--seed=01"]);
        let expected = [
            "1. 192.0.2.2:5269",
            "2. [2001:db8::1]:5269",
            "3. 192.0.2.1:5269",
        ];
        assert_eq!(places(&page(&server, &output, 0)), expected);
    }
}

#[test]
fn the_algorithm_of_rfc_2782_prefers_nobody_to_a_weight_of_0() {
    let zones = FakeDns::new()
        .srv("_xmpp-server._tcp.b.example", 1, 0, 5269, "xmpp1.b.example")
        .srv("_xmpp-server._tcp.b.example", 1, 1, 5269, "xmpp2.b.example")
        .a("xmpp1.b.example", [192, 0, 2, 1])
        .a("xmpp2.b.example", [192, 0, 2, 2]);
    let server = NameServer::start(zones);
    let zero_is_first = |seed: &String, options: &[&str]| {
        let seed = format!("--seed={seed}");
        let output = dig(&server, &[&["xmpp", "b.example", &seed], options].concat());
        places(&page(&server, &output, 0))[0] == "1. 192.0.2.1:5269"
    };
    let seeds: Vec<_> = (17..=24).map(|seed| format!("{seed:02x}")).collect();
    let count = |options: &[&str]| {
        let seeds = seeds.iter();
        seeds.filter(|seed| zero_is_first(seed, options)).count()
    };
    assert_eq!(count(&[]), 0);
    assert_eq!(count(&["--rfc2782"]), 5);
    let output = dig(&server, &["xmpp", "b.example", "--rfc2782", "--json"]);
    let page = page(&server, &output, 0);
    assert!(page.contains("\"selection\": \"rfc2782\""), "{page}");
}

#[test]
fn a_seed_gives_the_same_order_again() {
    let mut zones = FakeDns::new();
    for host in 1..=6 {
        let name = format!("xmpp{host}.b.example");
        zones = zones
            .srv("_xmpp-server._tcp.b.example", 0, 1, 5269, &name)
            .a(&name, [192, 0, 2, host]);
    }
    let server = NameServer::start(zones);
    let order = |seed| {
        let output = dig(&server, &["xmpp", "b.example", seed]);
        let page = page(&server, &output, 0);
        places(&page)
    };
    let (first, again, other) = (order("--seed=01"), order("--seed=01"), order("--seed=02"));
    assert_eq!(first.len(), 6);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn a_command_line_that_is_wrong_gets_one_line_and_code_2() {
    for (args, line) in [
        (&[][..], "fed-dig: a command is missing; see --help\n"),
        (
            &["sip", "b.example", "--sips", "--transport=udp"],
            "fed-dig: no transport is left that may be used\n",
        ),
    ] {
        let args = [args, &["--resolver=192.0.2.53"]].concat();
        let output = program().args(&args).output().expect("the program starts");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), line);
        assert_eq!(output.stdout, b"");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn help_is_printed() {
    let output = program()
        .arg("--help")
        .output()
        .expect("the program starts");
    assert!(output.stdout.starts_with(b"Usage: fed-dig xmpp DOMAIN "));
    assert_eq!((output.stderr, output.status.code()), (Vec::new(), Some(0)));
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_gets_one_line_and_code_1() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let output = program()
        .arg("--version")
        .stdout(full.expect("the device is there"))
        .stderr(Stdio::piped())
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    let line = "fed-dig: No space left on device (os error 28)\n";
    assert_eq!((stderr.as_str(), output.status.code()), (line, Some(1)));
}

fn dig(server: &NameServer, args: &[&str]) -> Output {
    program()
        .arg(format!("--resolver={}", server.address()))
        .args(args)
        .output()
        .expect("the program starts")
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fed-dig"))
}

/// What was printed, with a word in place of the server's address.
fn page(server: &NameServer, output: &Output, code: i32) -> String {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(code));
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.replace(&server.address().to_string(), "NAME_SERVER")
}

/// The numbers and addresses of the candidates by STARTTLS or TLS.
fn places(page: &str) -> Vec<String> {
    let places = page.lines().filter_map(|line| {
        let (place, way) = line.split_once(" by ")?;
        way.contains("TLS, host ").then(|| place.trim().to_owned())
    });
    places.collect()
}

/// Compares a page or a document. Questions that are asked at the same time are answered in any
/// order, and so the steps may come.
fn assert_page(server: &NameServer, output: &Output, code: i32, expected: &str) {
    let page = page(server, output, code);
    assert_eq!(in_order(&page), in_order(expected), "{page}");
}

/// What stands before the steps, and the lines from there on, sorted.
fn in_order(page: &str) -> (&str, Vec<&str>) {
    let begin = page.find("Steps:").or_else(|| page.find("\"steps\""));
    let (head, steps) = page.split_at(begin.unwrap_or(page.len()));
    let mut steps: Vec<_> = steps
        .lines()
        .map(|line| line.trim_end_matches(','))
        .collect();
    steps.sort_unstable();
    (head, steps)
}
