//! Static routes and an inventory beside what is in DNS.

use serde_json::json;

use crate::found::{Place, groups};
use crate::scene::{REFUSED, Scene};
use crate::zone::Zone;

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_next_hop_with_port_0_is_found_by_its_records() {
    let scene = Scene::new(&[Zone::signed(
        "edge.example",
        "_sips._tcp SRV 1 0 5071 one\n_sips._tcp SRV 2 0 5072 two\none A 192.0.2.1\ntwo A 192.0.2.2",
    )]);
    let routes = r#"
        [[route]]
        pattern = ".example.b.*"
        next-hop = "edge.example"
        port = 0
        protocol = "tls"
    "#;
    let found = scene.read(&["route", "user@b.example"], "routes", routes);
    found.assert_code(0);
    found.assert_field("/way", &json!("static-routes"));
    let place = |address, port, target| Place {
        address,
        port,
        transport: "tls",
        target,
        weight: 0,
        server_name: Some("edge.example"),
        alpn: None,
        identities: vec![
            ("b.example", "domain"),
            ("edge.example", "next-hop"),
            (target, "secure-target"),
        ],
        dnssec: "secure",
        provenance: "service-record",
    };
    let expected = groups(&[
        (1, &[place("192.0.2.1", 5071, "one.edge.example")]),
        (2, &[place("192.0.2.2", 5072, "two.edge.example")]),
    ]);
    found.assert_field("/routes/0/groups", &expected);
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn an_answer_that_fails_ends_the_search_for_a_way() {
    let scene = Scene::new(&[Zone::unsigned("plain.example", "@ A 192.0.2.1")]);
    let routes = "[[route]]\npattern = \".*\"\nnext-hop = \"192.0.2.9\"\n";
    let found = scene.read(&["route", "plain.example"], "routes", routes);
    found.assert_code(0);
    found.assert_field("/way", &json!("default-route"));
    // Whoever can suppress an answer must not choose the way.
    let found = scene.read(&["route", REFUSED], "routes", routes);
    found.assert_code(1);
    found.assert_field("/way", &json!("none"));
    found.assert_field("/explored/0/outcome", &json!("failed"));
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn what_is_published_is_compared_with_the_inventory() {
    let scene = Scene::new(&[Zone::signed(
        "b.example",
        "_xmpp-server._tcp SRV 0 0 5269 alias
         _sipfederationtls._tcp SRV 0 0 5061 edge
         alias CNAME xmpp
         xmpp A 192.0.2.1
         edge A 192.0.2.2
         edge A 192.0.2.3",
    )]);
    let inventory = r#"
        local-domains = ["b.example"]
        [[node]]
        name = "alias.b.example"
        addresses = ["192.0.2.1"]
        [edge]
        name = "edge.b.example"
    "#;
    let found = scene.read(&["check"], "inventory", inventory);
    found.assert_code(0);
    found.assert_field("/summary", &json!("0 errors and 2 warnings"));
    found.assert_field("/findings/0/kind", &json!("target-is-alias"));
    found.assert_field("/findings/1/kind", &json!("several-addresses"));
}
