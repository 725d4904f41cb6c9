//! A peer, `b.example`, on loopback, and us, `a.example`, who check it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use comity_identity::Severity;
use comity_policy::{Switch, Verdict};
use comity_rustls::{Identity, TlsContext, default_provider};
use comity_testkit::dns::FakeDns;
use comity_testkit::mint::{Authority, Ca, Leaf, Purpose};
use comity_tokio::probe::{self, Report};
use comity_tokio::{Discovery, Event, Federation};
use comity_trust::Protocols;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::dns;

/// The authority that both sides trust.
pub(crate) fn authority() -> Authority {
    Ca::new("Common", [1; 32]).self_signed()
}

/// One that nobody trusts.
pub(crate) fn stranger() -> Authority {
    Ca::new("Nobody's CA", [9; 32]).self_signed()
}

/// A certificate with both purposes.
pub(crate) fn leaf(domain: &str) -> Leaf {
    let seed = domain.as_bytes()[0];
    Leaf::new([seed; 32])
        .dns(domain)
        .purposes(&[Purpose::ServerAuth, Purpose::ClientAuth])
}

pub(crate) fn identity(authority: &Authority, leaf: &Leaf) -> Identity {
    let own = authority.issue(leaf);
    let (chain, key) = (own.chain_pem(), own.key_pem());
    Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider()).unwrap()
}

/// Checks by one protocol on behalf of `a.example`.
pub(crate) fn config(protocols: Protocols) -> probe::Config {
    let mut config = probe::Config::new(&default_provider());
    config.local = Some("a.example".parse().unwrap());
    config.protocols = protocols;
    let root = authority().certificate_pem();
    for side in [&mut config.xmpp, &mut config.sip] {
        side.tls.identity = Some(identity(&authority(), &leaf("a.example")));
        let store = &mut side.trust.store;
        assert_eq!(store.add_anchors_from_pem(root.as_bytes()), Ok(1));
    }
    config.limits.connect_timeout = Duration::from_secs(2);
    config.limits.handshake_timeout = Duration::from_secs(2);
    config.limits.stream_timeout = Duration::from_secs(2);
    config.limits.response_timeout = Duration::from_secs(2);
    config.limits.notify_timeout = Duration::from_secs(2);
    config
}

/// Checks `b.example` by the records of `zone`.
pub(crate) async fn check(zone: FakeDns, config: &probe::Config) -> Report {
    let discovery = discovery(zone).await;
    let domain = "b.example".parse().unwrap();
    let checked = probe::check(&discovery, &domain, config);
    timeout(PATIENCE, checked)
        .await
        .expect("it comes to an end")
}

pub(crate) async fn discovery(zone: FakeDns) -> Discovery {
    let mut config = comity_srv::Config::new(vec![dns::serve(zone).await]);
    config.address_policy.danger_allow_loopback = true;
    Discovery::start(config, [7; 32])
}

/// What was found, in short.
pub(crate) fn short(report: &Report) -> Vec<(&'static str, Severity)> {
    let findings = report.findings.iter();
    findings.map(|one| (one.id, one.severity)).collect()
}

/// An XMPP server of `b.example` that keeps to the rules, unless `change` makes it worse.
pub(crate) struct Server {
    pub(crate) federation: Federation,
    /// Without it the server waits for somebody to read.
    _events: mpsc::Receiver<Event>,
}

impl Server {
    pub(crate) async fn start(
        identity: Identity,
        change: impl FnOnce(&mut comity_tokio::Config),
    ) -> Self {
        let mut config = comity_tokio::Config::new(identity, &default_provider());
        config.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
        config.listen_tls = vec![(Ipv4Addr::LOCALHOST, 0).into()];
        let root = authority().certificate_pem();
        let added = config.trust.store.add_anchors_from_pem(root.as_bytes());
        assert_eq!(added, Ok(1));
        let domain = "b.example".parse().unwrap();
        config.policy.local_domains.insert(domain);
        config.policy.xmpp.enabled = Switch::On;
        config.policy.xmpp.default_verdict = Verdict::Allow;
        change(&mut config);
        let (federation, _events) = Federation::start(config).await.unwrap();
        Self {
            federation,
            _events,
        }
    }

    /// Its records: STARTTLS alone.
    pub(crate) fn zone(&self) -> FakeDns {
        xmpp_zone(self.federation.addresses()[0].port())
    }
}

pub(crate) fn xmpp_zone(port: u16) -> FakeDns {
    FakeDns::new()
        .srv("_xmpp-server._tcp.b.example", 1, 1, port, "xmpp.b.example")
        .a("xmpp.b.example", Ipv4Addr::LOCALHOST)
}

pub(crate) fn sip_zone(port: u16) -> FakeDns {
    FakeDns::new()
        .srv(
            "_sipfederationtls._tcp.b.example",
            1,
            1,
            port,
            "sip.b.example",
        )
        .a("sip.b.example", Ipv4Addr::LOCALHOST)
}

/// A port where nobody listens.
pub(crate) async fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A server that treats every connection alike.
pub(crate) async fn serve<F, Served>(with: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Served + Send + 'static,
    Served: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(with(stream));
        }
    });
    address
}

/// A SIP server behind TLS that answers each request with what `answer` makes of it.
pub(crate) async fn serve_sip(
    context: &TlsContext,
    answer: impl Fn(&str) -> Vec<String> + Send + Sync + 'static,
) -> SocketAddr {
    serve_tls(context, "\r\n\r\n", answer).await
}

/// A server behind TLS that answers all that comes up to each `end`.
pub(crate) async fn serve_tls(
    context: &TlsContext,
    end: &'static str,
    answer: impl Fn(&str) -> Vec<String> + Send + Sync + 'static,
) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(context.server_config().unwrap()));
    let answer = Arc::new(answer);
    serve(move |stream| {
        let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut received = String::new();
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut chunk).await {
                received.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
                while let Some(place) = received.find(end) {
                    let said: String = received.drain(..place + end.len()).collect();
                    for message in answer(&said) {
                        stream.write_all(message.as_bytes()).await.unwrap();
                    }
                    stream.flush().await.unwrap();
                }
            }
        }
    })
    .await
}

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(20);
