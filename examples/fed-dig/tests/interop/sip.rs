//! SIP servers and the edges of Microsoft's.

use crate::found::{Place, groups};
use crate::scene::Scene;
use crate::zone::Zone;

/// The example of RFC 3263 §4.1 and §4.2.
const RFC_3263: &str = "\
@ NAPTR  50 50 \"s\" \"SIPS+D2T\" \"\" _sips._tcp
@ NAPTR  90 50 \"s\" \"SIP+D2T\"  \"\" _sip._tcp
@ NAPTR 100 50 \"s\" \"SIP+D2U\"  \"\" _sip._udp
_sip._tcp SRV 0 1 5060 server1
_sip._tcp SRV 1 2 5060 server2
server1 A 192.0.2.1
server2 A 192.0.2.2";

/// Three transports, whose priorities do not count against each other (RFC 3263 §4.1).
const THREE: &str = "\
_sips._tcp SRV 30 0 5061 sip
_sip._tcp  SRV 20 0 5060 sip
_sip._udp  SRV 10 0 5060 sip
sip A 192.0.2.1";

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn pointers_name_the_records_of_each_transport() {
    let scene = Scene::new(&[Zone::unsigned("example.com", RFC_3263)]);
    // There are no records behind the pointer for TLS and the one for UDP.
    let first = by_tcp("192.0.2.1", "server1.example.com");
    let second = Place {
        weight: 2,
        ..by_tcp("192.0.2.2", "server2.example.com")
    };
    let first = Place { weight: 1, ..first };
    let expected = groups(&[(0, &[first]), (1, &[second])]);
    let found = scene.dig("sip", "example.com");
    found.assert_groups(&expected);
    found.assert_step("NAPTR names _sips._tcp.example.com for TLS");
    found.assert_step("_sips._tcp.example.com SRV: no such record");
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn transports_follow_each_other_whatever_their_priorities() {
    let scene = Scene::new(&[Zone::unsigned("three.example", THREE)]);
    let (domain, target) = ("three.example", "sip.three.example");
    let tls = by_tls("192.0.2.1", domain, target);
    let tcp = by_tcp("192.0.2.1", target);
    let udp = Place {
        transport: "udp",
        ..tcp.clone()
    };
    let (tls, tcp, udp) = ((30, &[tls][..]), (20, &[tcp][..]), (10, &[udp][..]));
    scene
        .dig("sip", domain)
        .assert_groups(&groups(&[tls, tcp, udp]));

    let dig = |options: &[&str]| {
        let options = [&["--validating"], options].concat();
        scene.dig_with("sip", domain, &options)
    };
    let only_tls = groups(&[tls]);
    dig(&["--sips"]).assert_groups(&only_tls);
    dig(&["--transport=tls"]).assert_groups(&only_tls);
    dig(&["--transport=udp"]).assert_groups(&groups(&[udp]));
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn pointers_may_lead_out_of_the_domain() {
    let scene = Scene::new(&[
        Zone::unsigned(
            "hosted.example",
            "@ NAPTR 10 0 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.provider.example.",
        ),
        Zone::signed(
            "provider.example",
            "_sips._tcp SRV 0 0 5061 sip\nsip A 192.0.2.1",
        ),
    ]);
    // The pointer is not signed, so that what it points to proves nothing about the domain.
    let place = by_tls("192.0.2.1", "hosted.example", "sip.provider.example");
    let expected = groups(&[(0, &[place])]);
    scene.dig("sip", "hosted.example").assert_groups(&expected);
}

#[test]
#[ignore = "needs nsd, unbound and ldnsutils"]
fn an_edge_may_prove_its_name_if_it_lies_in_the_domain() {
    let scene = Scene::new(&[
        Zone::unsigned(
            "edge.example",
            "_sipfederationtls._tcp SRV 100 1 5061 sip\nsip A 192.0.2.1",
        ),
        Zone::unsigned(
            "tenant.example",
            "_sipfederationtls._tcp SRV 100 1 5061 sipfed.online.example.",
        ),
        Zone::unsigned("online.example", "sipfed A 192.0.2.2"),
        Zone::unsigned("absent.example", "@ A 192.0.2.3"),
    ]);
    let own = Place {
        server_name: Some("sip.edge.example"),
        identities: vec![
            ("edge.example", "domain"),
            ("sip.edge.example", "target-in-domain"),
        ],
        weight: 1,
        ..by_tls("192.0.2.1", "edge.example", "sip.edge.example")
    };
    scene
        .dig("edge", "edge.example")
        .assert_groups(&groups(&[(100, &[own])]));
    let shared = Place {
        server_name: Some("sipfed.online.example"),
        weight: 1,
        ..by_tls("192.0.2.2", "tenant.example", "sipfed.online.example")
    };
    scene
        .dig("edge", "tenant.example")
        .assert_groups(&groups(&[(100, &[shared])]));
    scene.dig("edge", "absent.example").assert_none("absent");
}

fn by_tls<'a>(address: &'a str, domain: &'a str, target: &'a str) -> Place<'a> {
    Place {
        port: 5061,
        transport: "tls",
        server_name: Some(domain),
        identities: vec![(domain, "domain")],
        ..by_tcp(address, target)
    }
}

fn by_tcp<'a>(address: &'a str, target: &'a str) -> Place<'a> {
    Place {
        address,
        port: 5060,
        transport: "tcp",
        target,
        weight: 0,
        server_name: None,
        alpn: None,
        identities: Vec::new(),
        dnssec: "insecure",
        provenance: "service-record",
    }
}
