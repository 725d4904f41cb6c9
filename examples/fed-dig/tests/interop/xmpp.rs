//! XMPP servers, by the records of both sets.

use crate::found::{Place, groups};
use crate::scene::Scene;
use crate::zone::Zone;

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn both_sets_are_one() {
    let scene = Scene::new(&[Zone::unsigned(
        "both.example",
        "_xmpp-server._tcp SRV 10 5 5269 xmpp
         _xmpps-server._tcp SRV 5 0 5270 xmpp
         _xmpp-server._tcp SRV 20 0 5269 backup
         xmpp A 192.0.2.1
         xmpp AAAA 2001:db8::1
         backup A 192.0.2.2",
    )]);
    let tls = direct_tls("both.example", "xmpp.both.example");
    let tls_v6 = Place {
        address: "2001:db8::1",
        ..tls.clone()
    };
    let starttls_v4 = Place {
        weight: 5,
        ..Place::starttls("both.example", "xmpp.both.example")
    };
    let starttls_v6 = Place {
        address: "2001:db8::1",
        ..starttls_v4.clone()
    };
    let backup = Place {
        address: "192.0.2.2",
        ..Place::starttls("both.example", "backup.both.example")
    };
    let expected = groups(&[
        (5, &[tls_v6, tls]),
        (10, &[starttls_v6, starttls_v4]),
        (20, &[backup]),
    ]);
    scene.dig("xmpp", "both.example").assert_groups(&expected);
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_target_of_dot_refuses() {
    let scene = Scene::new(&[
        Zone::unsigned(
            "neither.example",
            "_xmpp-server._tcp SRV 0 0 0 .\n_xmpps-server._tcp SRV 0 0 0 .\n@ A 192.0.2.1",
        ),
        // Whoever says anything by SRV records has no fallback (XEP-0368 §5).
        Zone::unsigned(
            "half.example",
            "_xmpps-server._tcp SRV 0 0 0 .\n@ A 192.0.2.1",
        ),
    ]);
    scene.dig("xmpp", "neither.example").assert_none("refused");
    scene.dig("xmpp", "half.example").assert_none("refused");
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn direct_tls_alone_is_enough() {
    let scene = Scene::new(&[Zone::unsigned(
        "direct.example",
        "_xmpps-server._tcp SRV 0 0 443 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.9",
    )]);
    let place = Place {
        port: 443,
        ..direct_tls("direct.example", "xmpp.direct.example")
    };
    let expected = groups(&[(0, &[place])]);
    scene.dig("xmpp", "direct.example").assert_groups(&expected);
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn aliases_are_followed_before_records_and_before_addresses() {
    let scene = Scene::new(&[
        Zone::unsigned(
            "alias.example",
            "_xmpp-server._tcp CNAME one
             one CNAME two
             two CNAME _xmpp-server._tcp.hosting.example.",
        ),
        Zone::unsigned(
            "hosting.example",
            "_xmpp-server._tcp SRV 0 0 5269 xmpp
             xmpp CNAME host
             host A 192.0.2.1",
        ),
    ]);
    // Neither aliases nor targets say whose certificate counts.
    let place = Place::starttls("alias.example", "xmpp.hosting.example");
    let expected = groups(&[(0, &[place])]);
    let found = scene.dig("xmpp", "alias.example");
    found.assert_groups(&expected);
    found.assert_step("_xmpp-server._tcp.alias.example is an alias of one.alias.example");
    found.assert_step("xmpp.hosting.example is an alias of host.hosting.example");
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_subtree_may_be_an_alias() {
    let scene = Scene::new(&[
        Zone::unsigned("moved.example", "_tcp DNAME _tcp.new.example."),
        Zone::unsigned(
            "new.example",
            "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1",
        ),
    ]);
    let place = Place::starttls("moved.example", "xmpp.new.example");
    let expected = groups(&[(0, &[place])]);
    scene.dig("xmpp", "moved.example").assert_groups(&expected);
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_wildcard_refuses_what_is_not_named() {
    // As in the example of RFC 2782.
    let scene = Scene::new(&[Zone::signed(
        "wild.example",
        "*._tcp SRV 0 0 0 .
         _xmpp-server._tcp SRV 0 0 5269 xmpp
         xmpp A 192.0.2.1
         @ A 192.0.2.9",
    )]);
    let (domain, target) = ("wild.example", "xmpp.wild.example");
    let place = Place {
        identities: vec![(domain, "domain"), (target, "secure-target")],
        dnssec: "secure",
        ..Place::starttls(domain, target)
    };
    scene
        .dig("xmpp", domain)
        .assert_groups(&groups(&[(0, &[place])]));
    scene.dig("edge", domain).assert_none("refused");
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_name_server_that_is_not_there_is_passed_over() {
    let scene = Scene::new(&[Zone::unsigned(
        "plain.example",
        "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1",
    )]);
    let place = Place::starttls("plain.example", "xmpp.plain.example");
    let expected = groups(&[(0, &[place])]);
    let found = scene.dig_behind_nobody("xmpp", "plain.example");
    found.assert_groups(&expected);
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn thirty_records_come_over_tcp() {
    let records: String = (1..=30)
        .map(|n| {
            format!(
                "_xmpp-server._tcp SRV {n} 0 {} a-host-with-a-long-name\n",
                5300 + n
            )
        })
        .collect();
    let records = records + "a-host-with-a-long-name A 192.0.2.1";
    let scene = Scene::new(&[Zone::unsigned("many.example", records.leak())]);
    let target = "a-host-with-a-long-name.many.example";
    let place = |n| Place {
        port: 5300 + n,
        ..Place::starttls("many.example", target)
    };
    let places: Vec<_> = (1..=30).map(|n| (n, [place(n)])).collect();
    let places: Vec<_> = places.iter().map(|(n, place)| (*n, &place[..])).collect();
    let expected = groups(&places);
    let question = "_xmpp-server._tcp.many.example SRV";
    for (found, server) in [
        (scene.dig("xmpp", "many.example"), scene.resolver()),
        (
            scene.dig_at_authority("xmpp", "many.example"),
            scene.authority(),
        ),
    ] {
        found.assert_step(&format!(
            "{server} on {question}: the answer was cut, asking over TCP"
        ));
        found.assert_step(&format!("asked {server} over TCP: {question}"));
        // That the authority validates nothing is all that differs.
        if server == scene.resolver() {
            found.assert_groups(&expected);
        }
    }
}

fn direct_tls<'a>(domain: &'a str, target: &'a str) -> Place<'a> {
    Place {
        port: 5270,
        transport: "tls",
        alpn: Some("xmpp-server"),
        ..Place::starttls(domain, target)
    }
}
