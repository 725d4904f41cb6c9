use std::net::Ipv4Addr;
use std::time::Duration;

use comity_identity::Severity::{Error, Note, Warning};
use comity_policy::{Requirement, SecurityMode, TlsMode};
use comity_rustls::{TlsContext, default_provider};
use comity_srv::Service;
use comity_testkit::dns::FakeDns;
use comity_testkit::mint::{Leaf, Purpose};
use comity_tokio::Config;
use comity_trust::Protocols;
use comity_xmpp::DialbackSecret;
use comity_xmpp::diagnose::Feature;

use crate::world::{
    Server, authority, check, closed_port, config, identity, leaf, serve_tls, short, stranger,
    xmpp_zone,
};

/// Takes dialback too.
fn dialback(config: &mut Config) {
    config.router.stream.dialback = Some(DialbackSecret::new(b"of b"));
}

/// Takes peers without a certificate, if dialback proves them.
fn without_certificates(config: &mut Config) {
    dialback(config);
    config.policy.xmpp.default_security =
        SecurityMode::new(TlsMode::Required, Requirement::Optional);
}

async fn checked(leaf: &Leaf) -> Vec<(&'static str, comity_identity::Severity)> {
    let server = Server::start(identity(&authority(), leaf), dialback).await;
    short(&check(server.zone(), &config(Protocols::Xmpp)).await)
}

#[tokio::test]
async fn a_healthy_peer_has_no_findings() {
    let server = Server::start(identity(&authority(), &leaf("b.example")), dialback).await;
    let report = check(server.zone(), &config(Protocols::Xmpp)).await;
    assert_eq!(short(&report), []);
    let [target] = report.targets.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(
        target.answer.as_deref(),
        Some("the peer takes our domain as proved")
    );
    assert_eq!(&*target.tls.as_ref().unwrap().version, "TLS 1.3");
    let [plain, secure, _authenticated] = target.openings.as_slice() else {
        panic!("{target:?}");
    };
    assert!(plain.features.contains(&Feature::StarttlsRequired));
    assert_eq!(secure.mechanisms, ["EXTERNAL".into()]);
    assert!(target.connected.is_some());
    let [lookup] = report.lookups.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(lookup.service, Service::XmppServerWithDirectTls);
    assert!(
        report.worked <= Duration::from_millis(200),
        "{:?}",
        report.worked
    );
}

#[tokio::test]
async fn direct_tls_is_looked_at_like_starttls() {
    let server = Server::start(identity(&authority(), &leaf("b.example")), dialback).await;
    let port = server.federation.tls_addresses()[0].port();
    let zone = server
        .zone()
        .srv("_xmpps-server._tcp.b.example", 1, 1, port, "xmpp.b.example");
    let report = check(zone, &config(Protocols::Xmpp)).await;
    assert_eq!(short(&report), []);
    let protocols: Vec<_> = report
        .targets
        .iter()
        .map(|target| target.tls.as_ref().unwrap().alpn.as_deref())
        .collect();
    assert_eq!(protocols.len(), 2);
    assert!(protocols.contains(&Some("xmpp-server")) && protocols.contains(&None));
}

#[tokio::test]
async fn on_nobody_s_behalf_it_ends_with_the_features() {
    let server = Server::start(
        identity(&authority(), &leaf("b.example")),
        without_certificates,
    );
    let server = server.await;
    let mut config = config(Protocols::Xmpp);
    config.local = None;
    config.xmpp.tls.identity = None;
    let report = check(server.zone(), &config).await;
    assert_eq!(short(&report), [("xmpp-external-not-offered", Note)]);
    assert_eq!(report.targets[0].answer, None);
    assert_eq!(report.targets[0].openings.len(), 2);
}

#[tokio::test]
async fn what_a_peer_has_against_nobody_is_a_note() {
    // It requires a certificate.
    let server = Server::start(identity(&authority(), &leaf("b.example")), |_| {}).await;
    let mut config = config(Protocols::Xmpp);
    config.local = None;
    config.xmpp.tls.identity = None;
    let report = check(server.zone(), &config).await;
    assert_eq!(short(&report), [("xmpp-policy-violation", Note)]);
}

#[tokio::test]
async fn features_that_an_old_peer_does_not_have_are_not_waited_for() {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), &leaf("b.example")));
    let address = serve_tls(&context, ">", |said| {
        let is_header = said.trim_start().starts_with("<stream:stream ");
        let header = "<stream:stream xmlns='jabber:server' \
            xmlns:stream='http://etherx.jabber.org/streams' from='b.example' id='7'>";
        vec![if is_header { header } else { "" }.to_owned()]
    })
    .await;
    let zone = FakeDns::new()
        .srv(
            "_xmpps-server._tcp.b.example",
            1,
            1,
            address.port(),
            "xmpp.b.example",
        )
        .a("xmpp.b.example", Ipv4Addr::LOCALHOST);
    let mut config = config(Protocols::Xmpp);
    config.local = None;
    // Longer than a check may take here.
    config.limits.stream_timeout = Duration::from_secs(3600);
    let report = check(zone, &config).await;
    assert_eq!(
        short(&report),
        [("xmpp-version", Warning), ("tls-no-alpn", Note)]
    );
}

#[tokio::test]
async fn faults_of_certificates_are_found() {
    let both = [Purpose::ServerAuth, Purpose::ClientAuth];
    let server_only = Leaf::new([2; 32])
        .dns("b.example")
        .purposes(&[Purpose::ServerAuth]);
    assert_eq!(
        checked(&server_only).await,
        [("certificate-no-client-auth", Note)]
    );
    let other = Leaf::new([2; 32]).dns("c.example").purposes(&both);
    assert_eq!(
        checked(&other).await,
        [("certificate-name-mismatch", Warning)]
    );
    let past = leaf("b.example").valid(1_000_000_000, 1_100_000_000);
    assert_eq!(checked(&past).await, [("certificate-expired", Warning)]);
}

#[tokio::test]
async fn an_unknown_ca_is_found_on_both_sides() {
    let server = Server::start(identity(&stranger(), &leaf("b.example")), dialback).await;
    let report = check(server.zone(), &config(Protocols::Xmpp)).await;
    assert_eq!(short(&report), [("certificate-unknown-issuer", Warning)]);

    let server = Server::start(identity(&authority(), &leaf("b.example")), |_| {}).await;
    let mut ours = config(Protocols::Xmpp);
    ours.xmpp.tls.identity = Some(identity(&stranger(), &leaf("a.example")));
    let report = check(server.zone(), &ours).await;
    let (id, severity) = short(&report)[0];
    assert_eq!((id, severity), ("xmpp-policy-violation", Error));
}

#[tokio::test]
async fn a_peer_that_does_not_find_our_domain_is_told() {
    let server = Server::start(
        identity(&authority(), &leaf("b.example")),
        without_certificates,
    );
    let server = server.await;
    let mut config = config(Protocols::Xmpp);
    config.xmpp.tls.identity = None;
    config.dialback = Some(DialbackSecret::new(b"secret of a"));
    let report = check(server.zone(), &config).await;
    let ids: Vec<_> = short(&report).into_iter().map(|(id, _)| id).collect();
    assert_eq!(
        ids,
        ["xmpp-dialback-not-found", "xmpp-external-not-offered"],
        "{report:?}"
    );
    assert!(!format!("{report:?}").contains("secret of a"));
}

/// Answers what ends with `>` as a server that takes our certificate, and refuses our stanzas.
fn refuse_stanzas(said: &str) -> Vec<String> {
    let header = "<stream:stream xmlns='jabber:server' \
        xmlns:stream='http://etherx.jabber.org/streams' from='b.example' id='7' version='1.0'>";
    let said = said.trim_start();
    let answer = if said.starts_with("<stream:stream ") {
        format!(
            "{header}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
             <mechanism>EXTERNAL</mechanism></mechanisms>\
             <dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
        )
    } else if said.ends_with("</auth>") {
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_owned()
    } else if said.starts_with("<iq ") {
        "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         </stream:error></stream:stream>"
            .to_owned()
    } else {
        String::new()
    };
    vec![answer]
}

#[tokio::test]
async fn a_policy_that_speaks_when_the_first_stanza_comes_is_heard() {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), &leaf("b.example")));
    context.alpn = vec![b"xmpp-server".to_vec()];
    let address = serve_tls(&context, ">", refuse_stanzas).await;
    let zone = FakeDns::new()
        .srv(
            "_xmpps-server._tcp.b.example",
            1,
            1,
            address.port(),
            "xmpp.b.example",
        )
        .a("xmpp.b.example", Ipv4Addr::LOCALHOST);
    let report = check(zone, &config(Protocols::Xmpp)).await;
    assert_eq!(short(&report), [("xmpp-policy-violation", Error)]);
    assert_eq!(
        report.targets[0].answer.as_deref(),
        Some("closed by the peer: policy-violation")
    );
}

#[tokio::test]
async fn a_domain_that_is_not_served_there_is_found() {
    let server = Server::start(identity(&authority(), &leaf("b.example")), |config| {
        config.policy.local_domains.clear();
        config
            .policy
            .local_domains
            .insert("c.example".parse().unwrap());
    })
    .await;
    let report = check(server.zone(), &config(Protocols::Xmpp)).await;
    assert_eq!(short(&report)[0], ("xmpp-host-unknown", Error));
}

#[tokio::test]
async fn a_wrong_port_is_found() {
    let report = check(xmpp_zone(closed_port().await), &config(Protocols::Xmpp)).await;
    assert_eq!(short(&report), [("tcp-refused", Error)]);
    let finding = &report.findings[0];
    assert!(
        finding
            .subject
            .starts_with("xmpp.b.example (127.0.0.1) port ")
    );
}

#[tokio::test]
async fn one_dead_address_of_two_warns() {
    let server = Server::start(identity(&authority(), &leaf("b.example")), dialback).await;
    // Nobody listens at the second one.
    let zone = server
        .zone()
        .a("xmpp.b.example", Ipv4Addr::new(127, 0, 0, 2));
    let report = check(zone, &config(Protocols::Xmpp)).await;
    assert_eq!(
        short(&report),
        [("tcp-refused", Warning), ("addresses-several", Note)]
    );
    assert!(report.findings[0].subject.contains("127.0.0.2"));
}
