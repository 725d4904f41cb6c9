use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use comity_identity::DomainName;
use comity_sip::StatusCode;
use comity_sip::Transport::{Tcp, Tls};
use comity_srv::federation::{BlockedBy, DeadEnd, Settings, Via};
use comity_srv::routes::{Route, Routes};
use comity_srv::{Messaging, Transport};
use comity_testkit::dns::{FakeDns, Fault, RecordType, ResponseCode, When};
use comity_tokio::sip::{Config, Notice};
use comity_tokio::{Discovered, Discovery, Identified, Locator, Source, Unreached};
use comity_trust::PeerSubject;
use tokio::net::TcpListener;

use crate::dns;
use crate::party::{Party, Seen, config, secure};

const EDGE: &str = "_sipfederationtls._tcp.b.example";

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn route(pattern: &str, next_hop: &str, port: u16, transport: Transport) -> Route {
    let (pattern, next_hop) = (pattern.parse().unwrap(), next_hop.parse().unwrap());
    Route::new(pattern, next_hop, port, transport)
}

fn routes(routes: Vec<Route>) -> Routes {
    Routes::new(Messaging::Sip, routes).unwrap()
}

async fn locator(zone: FakeDns, given: Vec<Route>) -> Locator {
    let mut config = comity_srv::Config::new(vec![dns::serve(zone).await]);
    config.address_policy.danger_allow_loopback = true;
    config.next_hop_name_policy.danger_allow_loopback = true;
    let discovery = Discovery::start(config, [5; 32]);
    Locator::new(Settings::default(), routes(given), discovery, [6; 32]).unwrap()
}

fn with(locator: &Locator, mut config: Config) -> Config {
    config.locator = Some(locator.clone());
    config
}

/// A port on which nobody listens.
async fn closed_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    free.local_addr().unwrap().port()
}

async fn expect_delivery(a: &mut Party, b: &mut Party, connected_as: &[&str]) {
    let Notice::Connected { proved, .. } = a.notice().await else {
        panic!("not connected");
    };
    let names: Vec<_> = connected_as.iter().copied().map(name).collect();
    assert_eq!(proved, names);
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
    assert!(matches!(b.notice().await, Notice::Accepted { .. }));
    assert!(matches!(b.next().await, Seen::Request(body, _) if body == "hello"));
}

#[tokio::test]
async fn a_domain_is_reached_by_its_edge_which_proves_its_own_name() {
    let mut b = Party::start(secure(3, &["edge.b.example"])).await;
    let (dead, alive) = (closed_port().await, b.address(Tls).port());
    let zone = FakeDns::new()
        .srv(EDGE, 1, 0, dead, "edge.b.example")
        .srv(EDGE, 2, 0, alive, "edge.b.example")
        .srv(
            "_sipfederationtls._tcp.d.example",
            1,
            0,
            dead,
            "edge.b.example",
        )
        .srv(
            "_sipfederationtls._tcp.d.example",
            2,
            0,
            alive,
            "edge.b.example",
        )
        .srv(
            "_sipfederationtls._tcp.c.example",
            0,
            0,
            b.address(Tls).port(),
            "edge.b.example",
        )
        .a("edge.b.example", [127, 0, 0, 1]);
    let locator = locator(zone, Vec::new()).await;
    let mut a = Party::start(with(&locator, secure(2, &["a.example"]))).await;
    a.send("sip:b@b.example", "hello", Vec::new()).await;
    // The first server is not there.
    assert!(matches!(a.notice().await, Notice::ConnectFailed { .. }));
    expect_delivery(&mut a, &mut b, &["edge.b.example"]).await;

    // It is remembered: another domain of the same servers goes to the second at once.
    a.send("sip:d@d.example", "hello", Vec::new()).await;
    let Notice::ConnectFailed { peer, .. } = a.notice().await else {
        panic!("connected");
    };
    assert_eq!(peer, b.address(Tls));
    // That one is not for it, and then the first has its turn.
    assert!(matches!(
        a.notice().await,
        Notice::ConnectFailed { peer, .. } if peer != b.address(Tls)
    ));
    assert_eq!(a.next().await, Seen::Failed("the transport failed".into()));

    // An edge elsewhere proves nothing for the domain, whatever its records say.
    a.send("sip:c@c.example", "hello", Vec::new()).await;
    let Notice::ConnectFailed { reason, .. } = a.notice().await else {
        panic!("connected");
    };
    assert_eq!(
        &*reason,
        "the certificate names edge.b.example, not c.example"
    );
    assert_eq!(a.next().await, Seen::Failed("the transport failed".into()));
}

#[tokio::test]
async fn a_route_goes_before_dns_and_a_subject_stands_for_the_domain() {
    let mut b = Party::start(secure(3, &["proxy.partner.example"])).await;
    let port = b.address(Tls).port();
    let to_partner = vec![route(".example.b.*", "127.0.0.1", port, Transport::Tls)];
    let zone = FakeDns::new().srv(EDGE, 0, 0, closed_port().await, "edge.b.example");
    let locator = locator(zone, to_partner.clone()).await;
    let mut a = Party::start(with(&locator, secure(2, &["a.example"]))).await;
    a.send("sip:b@b.example", "hello", Vec::new()).await;
    let Notice::ConnectFailed { reason, .. } = a.notice().await else {
        panic!("connected");
    };
    assert_eq!(
        &*reason,
        "the certificate names proxy.partner.example, not b.example"
    );
    assert_eq!(a.next().await, Seen::Failed("the transport failed".into()));
    while !matches!(
        b.notice().await,
        Notice::Accepted { .. } | Notice::TurnedAway { .. }
    ) {}

    let subject = PeerSubject::new(name("proxy.partner.example"));
    locator.replace_subjects(BTreeMap::from([(name("b.example"), vec![subject])]));
    a.send("sip:b@b.example", "hello", Vec::new()).await;
    assert!(matches!(a.notice().await, Notice::Connected { .. }));
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));

    let mut blocked = to_partner;
    blocked[0].blocked = true;
    locator.replace_routes(routes(blocked)).unwrap();
    a.send("sip:b@b.example", "hello", Vec::new()).await;
    assert_eq!(
        a.notice().await.to_string(),
        "b.example was not found: the static route 0 blocks the domain"
    );
    let expected = Seen::Failed("no address is known for it".into());
    assert_eq!(a.next().await, expected);
}

#[tokio::test]
async fn a_host_without_records_is_looked_up_by_its_addresses() {
    let b = Party::start(config(&[Tcp])).await;
    let zone = FakeDns::new()
        .srv(
            "_sip._tcp.b.example",
            0,
            0,
            b.address(Tcp).port(),
            "sip.b.example",
        )
        .a("sip.b.example", [127, 0, 0, 1])
        .a("c.example", [10, 0, 0, 1]);
    let mut a = Party::start(with(&locator(zone, Vec::new()).await, config(&[Tcp]))).await;
    a.send("sip:b@b.example", "hello", Vec::new()).await;
    assert!(matches!(a.notice().await, Notice::Connected { .. }));
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
    // With a port it is a host.
    let port = b.address(Tcp).port();
    a.send(&format!("sip:b@sip.b.example:{port}"), "hello", Vec::new())
        .await;
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
    // Nobody is asked at a private address.
    a.send("sip:c@c.example", "hello", Vec::new()).await;
    assert_eq!(
        a.notice().await.to_string(),
        "c.example was not found: its addresses may not be dialled"
    );
}

#[tokio::test]
async fn who_may_speak_for_a_domain() {
    let zone = FakeDns::new()
        .srv(EDGE, 0, 0, 5061, "edge.b.example")
        .srv(EDGE, 0, 0, 5061, "edge.elsewhere.example")
        .a("edge.b.example", [127, 0, 0, 1])
        .a("edge.elsewhere.example", [127, 0, 0, 1])
        .fault(
            When::asked("_sipfederationtls._tcp.d.example", RecordType::SRV),
            Fault::Code(ResponseCode::ServFail),
        );
    let given = vec![
        route(".example.r", "sip.r.example", 5061, Transport::Tls),
        route(".example.s", "sip.r.example", 5061, Transport::Tls),
    ];
    let locator = locator(zone, given).await;
    let subject = PeerSubject::new(name("proxy.partner.example"));
    locator.replace_subjects(BTreeMap::from([(name("b.example"), vec![subject])]));
    for (domain, proved, expected) in [
        ("b.example", "b.example", Identified::Domain),
        (
            "b.example",
            "edge.b.example",
            Identified::Edge(name("edge.b.example")),
        ),
        ("b.example", "www.b.example", Identified::Stranger),
        ("b.example", "edge.elsewhere.example", Identified::Stranger),
        (
            "b.example",
            "proxy.partner.example",
            Identified::Subject(name("proxy.partner.example")),
        ),
        ("c.example", "proxy.partner.example", Identified::Stranger),
        (
            "r.example",
            "sip.r.example",
            Identified::NextHop(name("sip.r.example")),
        ),
        ("s.example", "sip.r.example", Identified::Stranger),
        ("c.example", "sip.c.example", Identified::Stranger),
        ("example", "b.example", Identified::Stranger),
    ] {
        let proved = [name("other.example"), name(proved)];
        let identified = locator.identify(&name(domain), &proved).await;
        assert_eq!(identified, expected, "{domain}");
        let is_proved = !matches!(expected, Identified::Stranger);
        assert_eq!(identified.is_proved(), is_proved);
    }
    let failed = locator
        .identify(&name("d.example"), &[name("sip.d.example")])
        .await;
    let expected = Identified::Unknown("the name server answered with SERVFAIL".into());
    assert_eq!(failed, expected);
}

#[tokio::test]
async fn what_a_domain_speaks() {
    let zone = FakeDns::new()
        .srv(EDGE, 0, 0, 5061, "edge.b.example")
        .a("edge.b.example", [127, 0, 0, 1])
        .srv("_sips._tcp.s.example", 0, 0, 5061, "sip.s.example")
        .a("sip.s.example", [127, 0, 0, 1])
        .srv("_xmpp-server._tcp.x.example", 0, 0, 5269, "xmpp.x.example")
        .a("xmpp.x.example", [127, 0, 0, 1])
        .a("web.example", [127, 0, 0, 1]);
    let mut closed = route(".*", "edge.a.example", 5061, Transport::Tls);
    closed.blocked = true;
    let mut blocked = route(".example.blocked", "edge.a.example", 5061, Transport::Tls);
    blocked.blocked = true;
    let given = vec![
        closed,
        blocked,
        route(".example.r", "sip.r.example", 5061, Transport::Tls),
    ];
    let locator = locator(zone, given.clone()).await;
    locator.with_directory(|directory| {
        directory
            .configure(name("configured.example"), Messaging::Xmpp)
            .unwrap();
        let wall = std::time::SystemTime::UNIX_EPOCH;
        directory
            .learn(wall, &name("learned.example"), Via::Sip)
            .unwrap();
        directory.block(name("kept-out.example"));
    });
    for (domain, messaging, source) in [
        ("b.example", Messaging::Sip, Source::Edge),
        ("s.example", Messaging::Sip, Source::Records),
        ("x.example", Messaging::Xmpp, Source::Records),
        ("r.example", Messaging::Sip, Source::Route),
        ("configured.example", Messaging::Xmpp, Source::Configured),
        ("learned.example", Messaging::Sip, Source::Learned),
    ] {
        let Discovered {
            messaging: speaks,
            source: by,
            ..
        } = locator.discover(&name(domain)).await.unwrap();
        assert_eq!((speaks, by), (messaging, source), "{domain}");
    }
    let discover = async |domain| locator.discover(&name(domain)).await.unwrap_err();
    assert!(matches!(
        discover("blocked.example").await,
        Unreached::Blocked(BlockedBy::Route(_))
    ));
    assert_eq!(
        discover("below.kept-out.example").await,
        Unreached::Blocked(BlockedBy::Exception)
    );
    let closed = discover("web.example").await;
    assert!(matches!(
        closed,
        Unreached::DeadEnd(DeadEnd::DefaultRouteBlocked(_))
    ));
    assert_eq!(discover("web.example").await, Unreached::Nowhere);
    let mut open = given;
    open[0].blocked = false;
    locator.replace_routes(routes(open)).unwrap();
    let Discovered {
        messaging, source, ..
    } = locator.discover(&name("web.example")).await.unwrap();
    assert_eq!((messaging, source), (Messaging::Sip, Source::DefaultRoute));
}
