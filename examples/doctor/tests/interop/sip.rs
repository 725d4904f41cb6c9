//! Faults of a domain on SIP.

use comity_testkit::mint::{Leaf, NOT_BEFORE, Purpose};
use comity_testkit::site::free_address;

use crate::bench::{Bench, Issuer, THEIRS, Visit};
use crate::dns::{Dns, host, srv};
use crate::kamailio::{Edge, Terms};

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_healthy_edge_has_no_finding() {
    Plan::default().visit().assert_healthy();
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_missing_record_is_found() {
    let (bench, _edge) = Plan::default().start();
    let dns = Dns::start(&bench.site, &[]);
    let expected = [("srv-missing", "publish the SRV record")];
    bench.check(&dns, "sip").assert_found(&expected);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_wrong_port_is_found() {
    let (bench, edge) = Plan::default().start();
    let records = [service(free_address().port()), host(HOST, edge.address)];
    let dns = Dns::start(&bench.site, &records);
    bench
        .check(&dns, "sip")
        .assert_found(&[("tcp-refused", "port")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_dangling_target_is_found() {
    let (bench, edge) = Plan::default().start();
    let dns = Dns::start(&bench.site, &[service(edge.address.port())]);
    bench
        .check(&dns, "sip")
        .assert_found(&[("srv-target-without-address", "A")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_certificate_without_the_domain_is_found() {
    let plan = Plan::with_leaf(Leaf::new([4; 32]).dns("elsewhere.test"));
    plan.visit()
        .assert_found(&[("certificate-name-mismatch", "subjectAltName")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_certificate_without_a_full_name_is_found() {
    let plan = Plan::with_leaf(Leaf::new([4; 32]).common_name("edge"));
    let expected = [("certificate-no-fqdn", "fully qualified domain name")];
    plan.visit().assert_found(&expected);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_certificate_that_is_no_clients_is_found() {
    let plan = Plan::with_leaf(leaf().purposes(&[Purpose::ServerAuth]));
    plan.visit()
        .assert_found(&[("certificate-no-client-auth", "clientAuth")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_certificate_that_is_no_servers_is_found() {
    let plan = Plan::with_leaf(leaf().purposes(&[Purpose::ClientAuth]));
    plan.visit()
        .assert_found(&[("certificate-no-server-auth", "serverAuth")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn an_unknown_ca_is_found() {
    let plan = Plan {
        issuer: Issuer::Stranger,
        ..Plan::default()
    };
    plan.visit()
        .assert_found(&[("certificate-unknown-issuer", "root certificate")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn an_expired_certificate_is_found() {
    let plan = Plan::with_leaf(leaf().valid(NOT_BEFORE, NOT_BEFORE + 86_400));
    plan.visit()
        .assert_found(&[("certificate-expired", "renew it")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn an_edge_that_does_not_trust_our_ca_is_found() {
    let bench = Bench::new();
    let mut files = bench.issue("theirs", Issuer::Known, &leaf());
    files.trust = bench.file("stranger.pem");
    let edge = Edge::start(&bench, &files, &Terms::default());
    let visit = visit(&bench, &edge);
    visit.assert_found(&[("tls-alert-unknown-ca", "CA")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn an_edge_of_tls_1_2_that_does_not_trust_our_ca_is_not_taken_for_one_without_suites() {
    let bench = Bench::new();
    let mut files = bench.issue("theirs", Issuer::Known, &leaf());
    files.trust = bench.file("stranger.pem");
    let terms = Terms {
        tls: "method = TLSv1.2",
        ..Terms::default()
    };
    let edge = Edge::start(&bench, &files, &terms);
    visit(&bench, &edge).assert_found(&[("tls-alert-unknown-ca", "CA")]);
}

#[test]
#[ignore = "needs kamailio, dnsmasq and faketime"]
fn clocks_that_differ_are_found() {
    let (bench, edge) = Plan::default().start();
    let dns = Dns::start(&bench.site, &records(&edge));
    bench
        .check_at(&dns, "sip", "+2 hours")
        .assert_found(&[("clock-skew", "NTP")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn an_edge_with_nothing_newer_than_tls_1_1_is_found() {
    let plan = Plan::with_tls("method = TLSv1.1\ncipher_list = ALL:@SECLEVEL=0");
    plan.visit()
        .assert_found(&[("tls-old-versions-only", "TLS 1.2")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn an_edge_with_rsa_key_exchange_alone_is_found() {
    let mut plan = Plan::with_tls("method = TLSv1.2\ncipher_list = kRSA");
    plan.issuer = Issuer::RsaItself;
    plan.visit()
        .assert_found(&[("tls-rsa-key-exchange-only", "ECDHE")]);
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn what_a_microsoft_server_refuses_for_is_found() {
    for (status, code, reason, id, remedy) in REFUSALS {
        let answer = format!(
            "append_to_reply(\"ms-diagnostics: {code};reason=\\\"{reason}\\\";\
             source=\\\"edge.theirs.test\\\"\\r\\n\");\n  sl_send_reply(\"{status}\", \"No\");"
        );
        let plan = Plan {
            answer,
            ..Plan::default()
        };
        plan.visit().assert_found(&[(*id, *remedy)]);
    }
}

#[test]
#[ignore = "needs kamailio and dnsmasq"]
fn a_subscription_that_is_refused_is_found_where_it_is_asked_for() {
    let plan = Plan {
        answer:
            "if (is_method(\"SUBSCRIBE\")) { sl_send_reply(\"489\", \"Bad Event\"); exit; }\n  \
                 sl_send_reply(\"200\", \"OK\");"
                .to_owned(),
        ..Plan::default()
    };
    let (bench, edge) = plan.start();
    let dns = Dns::start(&bench.site, &records(&edge));
    bench.check(&dns, "sip").assert_healthy();
    let visit = bench.check_with(&dns, "sip", &["--subscribe", "u@theirs.test"]);
    visit.assert_found(&[("sip-event-unsupported", "")]);
}

/// A healthy domain, of which a test breaks one thing.
struct Plan {
    leaf: Leaf,
    issuer: Issuer,
    tls: &'static str,
    answer: String,
}

impl Default for Plan {
    fn default() -> Self {
        let Terms { tls, answer } = Terms::default();
        Self {
            leaf: leaf(),
            issuer: Issuer::Known,
            tls,
            answer: answer.to_owned(),
        }
    }
}

impl Plan {
    fn with_leaf(leaf: Leaf) -> Self {
        Self {
            leaf,
            ..Self::default()
        }
    }

    fn with_tls(tls: &'static str) -> Self {
        Self {
            tls,
            ..Self::default()
        }
    }

    fn start(&self) -> (Bench, Edge) {
        let bench = Bench::new();
        let files = bench.issue("theirs", self.issuer, &self.leaf);
        let terms = Terms {
            tls: self.tls,
            answer: &self.answer,
        };
        let edge = Edge::start(&bench, &files, &terms);
        (bench, edge)
    }

    fn visit(&self) -> Visit {
        let (bench, edge) = self.start();
        visit(&bench, &edge)
    }
}

fn visit(bench: &Bench, edge: &Edge) -> Visit {
    let dns = Dns::start(&bench.site, &records(edge));
    bench.check(&dns, "sip")
}

fn records(edge: &Edge) -> [String; 2] {
    [service(edge.address.port()), host(HOST, edge.address)]
}

fn service(port: u16) -> String {
    srv(&format!("_sipfederationtls._tcp.{THEIRS}"), HOST, port)
}

fn leaf() -> Leaf {
    Leaf::new([4; 32]).dns(THEIRS).dns(HOST)
}

const HOST: &str = "edge.theirs.test";
/// The status, the code of ms-diagnostics and its reason, and what is made of them.
const REFUSALS: &[(u16, u16, &str, &str, &str)] = &[
    (
        403,
        1027,
        "Cannot route this type of SIP request to or from federated partners",
        "ms-diagnostics-1027",
        "allow",
    ),
    (
        504,
        1008,
        "Unable to resolve DNS SRV record",
        "ms-diagnostics-1008",
        "_sipfederationtls",
    ),
    (
        504,
        1009,
        "Conflicting SRV and host domains in DNS",
        "ms-diagnostics-1009",
        "domain",
    ),
    (
        504,
        1010,
        "Certificate trust with another server could not be established",
        "ms-diagnostics-1010",
        "CA",
    ),
];
