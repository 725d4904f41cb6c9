//! Peers that claim names whose name servers say nothing.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use comity_policy::{Requirement, SecurityMode, TlsMode};
use comity_srv::Service;
use comity_testkit::dns::{FakeDns, Fault, RecordType, When};
use comity_tokio::{Config, Discovery, Event};
use comity_xmpp::DialbackSecret;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::dns;
use crate::site::{Authorities, PATIENCE, Proof, Site, message};
use crate::stranger::read_until;

#[tokio::test]
async fn names_that_peers_claim_do_not_keep_us_from_sending() {
    let site = Site::start_with_zone(
        Authorities::Common,
        Proof::Certificate,
        weak,
        |mut zone, _| {
            for name in (0..CONNECTIONS).flat_map(names) {
                zone = never_answered(zone, &name);
            }
            zone
        },
    );
    let mut site = site.await;
    let mut idle = Vec::new();
    for connection in 0..CONNECTIONS {
        idle.push(claim(site.a.federation.addresses()[0], connection).await);
    }
    let mut claimed = BTreeSet::new();
    while claimed.len() < CONNECTIONS * NAMES {
        if let Event::Decided { pair, .. } = site.a.next().await {
            claimed.insert(pair.remote);
        }
    }
    let stanza = message("a", "b", "not delayed");
    site.a.federation.send(stanza).await.unwrap();
    // A claimed name keeps the resolver busy for longer than this.
    let arrived = timeout(PATIENCE / 4, site.b.next_message()).await;
    assert_eq!(arrived.as_deref(), Ok("not delayed"));
    drop(idle);
    site.end().await;
}

#[tokio::test]
async fn connections_that_are_gone_leave_no_work_behind() {
    let site = Site::start_with_zone(
        Authorities::Common,
        Proof::Certificate,
        one_at_a_time,
        dns::silent,
    );
    let Site { mut a, b, .. } = site.await;
    let address = a.federation.addresses()[0];
    tokio::spawn(async move { while a.events.recv().await.is_some() {} });
    let before = tasks();
    for connection in 0..100 {
        drop(claim(address, connection).await);
    }
    let gone = async {
        while tasks() > before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    // Only what the resolver has begun ends by its own time.
    timeout(PATIENCE, gone).await.expect("the tasks end");
    a.federation.shutdown().await;
    b.federation.shutdown().await;
}

#[tokio::test]
async fn a_question_whose_asker_has_gone_is_never_asked() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut config = comity_srv::Config::default();
    config.servers = vec![server.local_addr().unwrap()];
    config.limits.max_resolutions = 1;
    config.limits.resolution_timeout = Duration::from_millis(100);
    let discovery = Discovery::start(config, [1; 32]);
    let ask = |domain: &str| {
        let (discovery, domain) = (discovery.clone(), domain.parse().unwrap());
        tokio::spawn(async move { discovery.resolve(domain, Service::XmppServer).await })
    };
    let mut question = [0; 512];
    let first = ask("first.example");
    let len = server.recv(&mut question).await.unwrap();
    assert!(holds(&question[..len], b"first"));
    let second = ask("second.example");
    yield_now().await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    let third = ask("third.example");
    let len = server.recv(&mut question).await.unwrap();
    assert!(holds(&question[..len], b"third"));
    drop((first, third));
}

/// Whether a question is about this label, in the mixed case that resolvers use.
fn holds(question: &[u8], label: &[u8]) -> bool {
    let mut windows = question.windows(label.len());
    windows.any(|window| window.eq_ignore_ascii_case(label))
}

fn one_at_a_time(config: &mut Config) {
    weak(config);
    config.discovery.limits.max_resolutions = 1;
    config.discovery.limits.resolution_timeout = Duration::from_secs(1);
}

/// Takes dialback in clear text.
fn weak(config: &mut Config) {
    // They are read when all is claimed.
    config.limits.max_unread_events = 4096;
    config.policy.xmpp.default_security =
        SecurityMode::new(TlsMode::Optional, Requirement::Optional);
    config.router.stream.dialback = Some(DialbackSecret::new(&[7; 32]));
}

fn never_answered(zone: FakeDns, name: &str) -> FakeDns {
    let owner = format!("_xmpp-server._tcp.{name}");
    zone.fault(When::asked(&owner, RecordType::SRV), Fault::Drop)
}

fn names(connection: usize) -> impl Iterator<Item = String> {
    (0..NAMES).map(move |name| format!("n{name}.c{connection}.evil.example"))
}

/// Claims names by dialback keys.
async fn claim(address: SocketAddr, connection: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let header = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
        from='evil.example' to='a.example' xmlns:stream='http://etherx.jabber.org/streams' \
        version='1.0'>";
    stream.write_all(header.as_bytes()).await.unwrap();
    read_until(&mut stream, "</stream:features>").await;
    for name in names(connection) {
        let key = format!("<db:result from='{name}' to='a.example'>0123456789abcdef</db:result>");
        stream.write_all(key.as_bytes()).await.unwrap();
    }
    stream
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

const CONNECTIONS: usize = 32;
const NAMES: usize = 8;
