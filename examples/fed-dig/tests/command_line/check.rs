//! `fed-dig check`.

use std::process::Output;

use comity_testkit::dns::{Fault, ResponseCode, When};
use serde_json::json;

use crate::files::File;
use crate::name_server::NameServer;
use crate::route::document;
use crate::{assert_page, dig, page, program, zones};

const INVENTORY: &str = r#"
local-domains = ["b.example"]

[[node]]
name = "xmpp.b.example"
addresses = ["192.0.2.1"]

[edge]
name = "edge.b.example"
"#;

#[test]
fn what_is_published_as_it_should_be_has_no_finding() {
    let (server, inventory) = (NameServer::start(zones()), File::new(INVENTORY));
    let expected = "\
Records to publish:
  _xmpp-server._tcp.b.example. SRV 0 0 5269 xmpp.b.example.
  _sipfederationtls._tcp.b.example. SRV 0 0 5061 edge.b.example.
  xmpp.b.example. A 192.0.2.1

Outcome: nothing is wrong; others find us.
";
    assert_page(&server, &check(&server, &inventory, &[]), 0, expected);
}

#[test]
fn every_field_of_an_inventory_counts() {
    let server = NameServer::start(zones());
    let inventory = File::new(
        r#"
        local-domains = ["a.example"]
        email-domains = ["mail.example"]
        chat-aliases = ["chat.a.example"]
        file-transfer-aliases = ["files.a.example"]
        [[node]]
        name = "xmpp.a.example"
        port = 5270
        addresses = ["192.0.2.1", "2001:db8::1"]
        [edge]
        name = "edge.a.example"
        port = 443
        addresses = ["192.0.2.2"]
        "#,
    );
    let found = document(&server, &check(&server, &inventory, &["--json"]), 1);
    assert_eq!(
        found["records"],
        json!([
            "_xmpp-server._tcp.a.example. SRV 0 0 5270 xmpp.a.example.",
            "_xmpp-server._tcp.mail.example. SRV 0 0 5270 xmpp.a.example.",
            "_xmpp-server._tcp.chat.a.example. SRV 0 0 5270 xmpp.a.example.",
            "_xmpp-server._tcp.files.a.example. SRV 0 0 5270 xmpp.a.example.",
            "_sipfederationtls._tcp.a.example. SRV 0 0 443 edge.a.example.",
            "_sipfederationtls._tcp.mail.example. SRV 0 0 443 edge.a.example.",
            "xmpp.a.example. A 192.0.2.1",
            "xmpp.a.example. AAAA 2001:db8::1",
            "edge.a.example. A 192.0.2.2",
        ])
    );
}

#[test]
fn findings_have_a_severity_and_a_kind() {
    let server = NameServer::start(zones());
    let inventory = format!("chat-aliases = [\"chat.b.example\"]\n{INVENTORY}")
        .replace("192.0.2.1", "192.0.2.11");
    let inventory = File::new(&inventory);
    let expected = "\
Records to publish:
  _xmpp-server._tcp.b.example. SRV 0 0 5269 xmpp.b.example.
  _xmpp-server._tcp.chat.b.example. SRV 0 0 5269 xmpp.b.example.
  _sipfederationtls._tcp.b.example. SRV 0 0 5061 edge.b.example.
  xmpp.b.example. A 192.0.2.11

Findings:
  error: _xmpp-server._tcp.chat.b.example has no SRV record: others cannot find chat.b.example by XMPP
  warning: xmpp.b.example does not have its address 192.0.2.11
  warning: xmpp.b.example has the address 192.0.2.1, which is none of ours

Outcome: 1 error and 2 warnings; publish the records above to be found.
";
    assert_page(&server, &check(&server, &inventory, &[]), 1, expected);

    let output = check(&server, &inventory, &["--json"]);
    let mut found = document(&server, &output, 1);
    for field in ["order", "steps"] {
        found.as_object_mut().unwrap().remove(field).unwrap();
    }
    let finding = |severity: &str, kind: &str, text: &str| json!({ "severity": severity, "kind": kind, "text": text });
    let expected = json!({
        "query": { "service": "check" },
        "name_servers": ["NAME_SERVER"],
        "validating": false,
        "summary": "1 error and 2 warnings",
        "advice": "publish the records above to be found",
        "records": [
            "_xmpp-server._tcp.b.example. SRV 0 0 5269 xmpp.b.example.",
            "_xmpp-server._tcp.chat.b.example. SRV 0 0 5269 xmpp.b.example.",
            "_sipfederationtls._tcp.b.example. SRV 0 0 5061 edge.b.example.",
            "xmpp.b.example. A 192.0.2.11",
        ],
        "findings": [
            finding(
                "error",
                "missing",
                "_xmpp-server._tcp.chat.b.example has no SRV record: others cannot find \
                 chat.b.example by XMPP",
            ),
            finding(
                "warning",
                "address-missing",
                "xmpp.b.example does not have its address 192.0.2.11",
            ),
            finding(
                "warning",
                "address-unknown",
                "xmpp.b.example has the address 192.0.2.1, which is none of ours",
            ),
        ],
    });
    assert_eq!(found, expected);
}

#[test]
fn a_warning_alone_keeps_nobody_out() {
    let server = NameServer::start(zones());
    let inventory = File::new(&INVENTORY.replace("192.0.2.1", "192.0.2.11"));
    let output = check(&server, &inventory, &["--json"]);
    let found = document(&server, &output, 0);
    assert_eq!(found["summary"], "0 errors and 2 warnings");
}

#[test]
fn what_cannot_be_looked_up_is_no_reason_to_publish() {
    let servfail = Fault::Code(ResponseCode::ServFail);
    let server = NameServer::start(zones().fault(When::always(), servfail));
    let inventory = File::new("local-domains = [\"b.example\"]\n[edge]\nname = \"b.example\"\n");
    let output = check(&server, &inventory, &[]);
    let page = page(&server, &output, 1);
    let outcome = page.lines().find_map(|line| line.strip_prefix("Outcome: "));
    let sentence = "2 errors and 0 warnings; ask again, or another name server by --resolver, \
                    before anything is changed.";
    assert_eq!(outcome, Some(sentence), "{page}");
}

#[test]
fn an_inventory_that_cannot_be_used_gets_code_2_and_a_reason() {
    for (content, reason) in [
        (
            "local-domains = [\"a..b\"]\n",
            "\"a..b\": the domain name has an empty label\n",
        ),
        (
            "email-domains = []\n",
            "TOML parse error at line 1, column 1\n",
        ),
    ] {
        let file = File::new(content);
        let output = program()
            .args(["check", "--resolver=192.0.2.53", "--inventory"])
            .arg(file.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let expected = format!("fed-dig: {}: {reason}", file.path().display());
        assert!(stderr.starts_with(&expected), "{stderr}");
        assert_eq!(output.status.code(), Some(2));
    }
}

fn check(server: &NameServer, inventory: &File, args: &[&str]) -> Output {
    let inventory = format!("--inventory={}", inventory.path().display());
    dig(server, &[&["check", &inventory], args].concat())
}
