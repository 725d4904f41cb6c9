//! What unbound proves, and what it does not.

use serde_json::json;

use crate::found::{Found, Place, groups, servfail};
use crate::scene::{DEAD, REFUSED, Scene};
use crate::zone::{Signing, Zone};

const SERVER: &str = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.6";

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_signed_record_lets_its_target_prove_the_domain() {
    let scene = Scene::new(&[Zone::signed("signed.example", SERVER)]);
    let domain = "signed.example";
    let target = "xmpp.signed.example";
    let secure = Place {
        identities: vec![(domain, "domain"), (target, "secure-target")],
        dnssec: "secure",
        ..place(domain, target)
    };
    scene
        .dig("xmpp", domain)
        .assert_groups(&groups(&[(0, &[secure])]));
    // The word of a name server counts only where it is trusted.
    let unchecked = Place {
        dnssec: "unchecked",
        ..place(domain, target)
    };
    let found = scene.dig_with("xmpp", domain, &[]);
    found.assert_groups(&groups(&[(0, &[unchecked])]));
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_record_that_is_not_signed_lets_only_the_domain_prove_itself() {
    let scene = Scene::new(&[Zone::unsigned("plain.example", SERVER)]);
    let insecure = place("plain.example", "xmpp.plain.example");
    scene
        .dig("xmpp", "plain.example")
        .assert_groups(&groups(&[(0, &[insecure])]));
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn an_address_that_is_not_signed_takes_nothing_from_a_signed_record() {
    let scene = Scene::new(&[
        Zone::signed(
            "signed.example",
            "_xmpp-server._tcp SRV 0 0 5269 xmpp.plain.example.",
        ),
        Zone::unsigned("plain.example", "xmpp A 192.0.2.6"),
    ]);
    let target = "xmpp.plain.example";
    let place = Place {
        identities: vec![("signed.example", "domain"), (target, "secure-target")],
        ..place("signed.example", target)
    };
    scene
        .dig("xmpp", "signed.example")
        .assert_groups(&groups(&[(0, &[place])]));
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn an_alias_that_is_not_signed_takes_all_from_a_signed_record() {
    let scene = Scene::new(&[
        Zone::unsigned(
            "plain.example",
            "_xmpp-server._tcp CNAME _xmpp-server._tcp.signed.example.",
        ),
        Zone::signed("signed.example", SERVER),
    ]);
    let place = place("plain.example", "xmpp.signed.example");
    scene
        .dig("xmpp", "plain.example")
        .assert_groups(&groups(&[(0, &[place])]));
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn records_that_are_badly_signed_are_bogus() {
    let scene = Scene::new(&[Zone {
        signing: Signing::Expired,
        ..Zone::signed("expired.example", SERVER)
    }]);
    scene.dig("xmpp", "expired.example").assert_none("bogus");
    scene.dig("sip", "expired.example").assert_none("bogus");
    scene.dig("edge", "expired.example").assert_none("bogus");
    // A name server whose word does not count only fails.
    let found = scene.dig_with("xmpp", "expired.example", &[]);
    found.assert_failed(&servfail());
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn an_address_that_is_badly_signed_is_bogus() {
    let scene = Scene::new(&[Zone {
        signing: Signing::Altered,
        ..Zone::signed("altered.example", SERVER)
    }]);
    let found = scene.dig("xmpp", "altered.example");
    found.assert_none("bogus");
    found.assert_step("_xmpp-server._tcp.altered.example SRV: 1 records, secured by DNSSEC");
    found.assert_step("xmpp.altered.example AAAA: no such record");
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_target_whose_address_is_badly_signed_is_left_out_beside_others() {
    let records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\n_xmpp-server._tcp SRV 1 0 5269 backup
                   xmpp A 192.0.2.6\nbackup A 192.0.2.7";
    let scene = Scene::new(&[Zone {
        signing: Signing::Altered,
        ..Zone::signed("altered.example", records)
    }]);
    let (domain, target) = ("altered.example", "backup.altered.example");
    let backup = Place {
        address: "192.0.2.7",
        identities: vec![(domain, "domain"), (target, "secure-target")],
        dnssec: "secure",
        ..place(domain, target)
    };
    scene
        .dig("xmpp", domain)
        .assert_groups(&groups(&[(1, &[backup])]));
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn names_that_do_not_exist_are_absent() {
    let scene = Scene::new(&[
        Zone::unsigned("plain.example", "@ TXT text"),
        Zone::signed("signed.example", "@ TXT text"),
    ]);
    for domain in [
        "nobody.plain.example",
        "nobody.signed.example",
        // These exist, and have no record that would help.
        "plain.example",
        "signed.example",
    ] {
        scene.dig("xmpp", domain).assert_none("absent");
        scene.dig("sip", domain).assert_none("absent");
        scene.dig("edge", domain).assert_none("absent");
    }
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn a_domain_without_service_records_stands_for_itself() {
    let scene = Scene::new(&[Zone::signed("signed.example", "@ A 192.0.2.6")]);
    let fallback = Place {
        dnssec: "secure",
        provenance: "fallback",
        ..place("signed.example", "signed.example")
    };
    let expected = json!([{ "priority": null, "candidates": [fallback.json()] }]);
    scene.dig("xmpp", "signed.example").assert_groups(&expected);
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn an_authority_that_is_dead_or_knows_nothing_is_a_failure_and_no_absence() {
    let scene = Scene::impatient(&[Zone::unsigned("plain.example", SERVER)]);
    let services = ["xmpp", "sip", "edge"];
    let dig = |domain: &str| services.map(|service| scene.dig(service, domain));
    let failed = |found: &Found| found.assert_failed(&servfail());
    dig(DEAD).iter().for_each(failed);
    dig(REFUSED).iter().for_each(failed);
}

/// What an unsigned zone gives.
fn place<'a>(domain: &'a str, target: &'a str) -> Place<'a> {
    Place {
        address: "192.0.2.6",
        ..Place::starttls(domain, target)
    }
}
