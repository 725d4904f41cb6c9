//! TLS from the first byte (XEP-0368).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use comity_policy::{Requirement, SecurityMode, TlsMode};
use comity_rustls::{TlsContext, default_provider};
use comity_srv::Service;
use comity_tokio::{Config, Discovery, Event};
use comity_xmpp::stream::{CloseReason, Method, Switch};
use comity_xmpp::{Profile, Transport};
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

use crate::site::{Authorities, PATIENCE, Party, Proof, Site, message};
use crate::stranger::{HEADER, read_to_end, read_until};

#[tokio::test]
async fn direct_tls_carries_messages_both_ways() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        listen(config);
        // So that each of them connects.
        config.router.stream.bidi = Switch::Off;
    })
    .await;
    site.exchange("a", "b", Method::Certificate).await;
    site.exchange("b", "a", Method::Certificate).await;
    for party in [&mut site.a, &mut site.b] {
        assert_eq!(party.dialled(), [Transport::DirectTls]);
        let (_, channel) = party.established().await;
        assert_eq!(channel.tls.unwrap().alpn.as_deref(), Some("xmpp-server"));
    }
    site.end().await;
}

#[tokio::test]
async fn an_event_of_direct_tls_says_so() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, listen).await;
    site.exchange("a", "b", Method::Certificate).await;
    let dialling = site.a.find(|event| matches!(event, Event::Dialling { .. }));
    let address = site.b.federation.tls_addresses()[0];
    assert_eq!(
        dialling.to_string(),
        format!("connection 1: dialling xmpp.b.example at {address} for b.example, direct TLS")
    );
    let accepted = site.b.find(|event| matches!(event, Event::Accepted { .. }));
    let Event::Accepted { peer, .. } = accepted else {
        panic!("{accepted}");
    };
    assert_eq!(
        accepted.to_string(),
        format!("connection 1: accepted from {peer}, direct TLS")
    );
    site.end().await;
}

#[tokio::test]
async fn dialback_works_inside_direct_tls() {
    let mut site = Site::start(Authorities::Unrelated, Proof::Dialback, listen).await;
    site.exchange("a", "b", Method::Dialback).await;
    site.exchange("b", "a", Method::Dialback).await;
    assert_eq!(site.a.dialled()[0], Transport::DirectTls);
    site.end().await;
}

#[tokio::test]
async fn a_target_that_speaks_no_tls_gives_way_to_the_next() {
    let site = Site::start_with_zone(
        Authorities::Common,
        Proof::Certificate,
        |_| {},
        |zone, parties| {
            // Where it waits for a stream header.
            let port = parties[1].federation.addresses()[0].port();
            zone.srv("_xmpps-server._tcp.b.example", 1, 1, port, "xmpp.b.example")
        },
    );
    let mut site = site.await;
    site.exchange("a", "b", Method::Certificate).await;
    assert_eq!(site.a.dialled(), [Transport::DirectTls, Transport::Tcp]);
    site.end().await;
}

#[tokio::test]
async fn a_domain_without_tls_is_not_sought_by_direct_tls() {
    let mut site = Site::start(Authorities::Common, Proof::Dialback, |config| {
        listen(config);
        config.policy.xmpp.default_security =
            SecurityMode::new(TlsMode::Disabled, Requirement::Optional);
    })
    .await;
    site.exchange("a", "b", Method::Dialback).await;
    assert_eq!(site.a.dialled(), [Transport::Tcp]);
    let (_, channel) = site.a.established().await;
    assert_eq!(channel.to_string(), "clear text, opened by us");
    site.end().await;
}

#[tokio::test]
async fn a_profile_without_direct_tls_is_obeyed() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        listen(config);
        if config.policy.local_domains.contains("a.example") {
            let profile = Profile::named("sametime").unwrap();
            let domain = "b.example".parse().unwrap();
            config.profiles.insert(domain, profile);
        }
    })
    .await;
    site.exchange("a", "b", Method::Certificate).await;
    assert_eq!(site.a.dialled(), [Transport::Tcp]);
    site.end().await;
}

#[tokio::test]
async fn clients_are_served_whatever_protocols_they_offer() {
    let mut site = Site::start(Authorities::Common, Proof::Dialback, listen).await;
    for (offered, agreed) in [
        (&[][..], None),
        (&["xmpp-server"], Some("xmpp-server")),
        (&["xmpp-client", "xmpp-server"], Some("xmpp-server")),
        (&["http/1.1", "xmpp-client"], None),
    ] {
        let mut context = TlsContext::observing(default_provider());
        context.alpn = offered
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let connector = TlsConnector::from(Arc::new(context.client_config().unwrap()));
        let stream = TcpStream::connect(site.a.federation.tls_addresses()[0]);
        let name = "a.example".try_into().unwrap();
        let mut stream = connector
            .connect(name, stream.await.unwrap())
            .await
            .unwrap();
        let negotiated = stream.get_ref().1.alpn_protocol();
        assert_eq!(negotiated, agreed.map(str::as_bytes), "{offered:?}");
        stream.write_all(HEADER).await.unwrap();
        let features = read_until(&mut stream, "</stream:features>").await;
        assert!(!features.contains("starttls"), "{features}");
        drop(stream);
        assert_eq!(site.a.next_closed().await, CloseReason::ConnectionLost);
    }
    site.end().await;
}

#[tokio::test]
async fn a_peer_that_begins_in_clear_text_reads_an_alert() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, listen).await;
    let stream = TcpStream::connect(site.a.federation.tls_addresses()[0]);
    let mut stream = stream.await.unwrap();
    stream.write_all(HEADER).await.unwrap();
    let alert = read_to_end(&mut stream).await;
    // An alert record of two bytes: fatal.
    assert_eq!(alert[0], 21);
    assert_eq!(alert[3..6], [0, 2, 2]);
    let closed = site.a.next_closed().await;
    assert!(matches!(closed, CloseReason::TlsFailed(_)), "{closed}");
    site.end().await;
}

#[tokio::test]
async fn a_client_hello_names_the_domain_and_with_direct_tls_the_protocol() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let site = Site::start_with_zone(
        Authorities::Common,
        Proof::Certificate,
        |_| {},
        move |zone, _| {
            zone.srv("_xmpps-server._tcp.c.example", 1, 1, port, "host.example")
                .srv("_xmpp-server._tcp.d.example", 1, 1, port, "host.example")
                .a("host.example", Ipv4Addr::LOCALHOST)
        },
    );
    let site = site.await;
    for (name, protocols) in [("c", Some(vec!["xmpp-server"])), ("d", None)] {
        let stanza = message("a", name, "hello");
        site.a.federation.send(stanza).await.unwrap();
        let mut stream = listener.accept().await.unwrap().0;
        if protocols.is_none() {
            read_until(&mut stream, ">").await;
            stream.write_all(STARTTLS_OFFER).await.unwrap();
            read_until(
                &mut stream,
                "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            )
            .await;
            stream
                .write_all(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                .await
                .unwrap();
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let start = timeout(PATIENCE, start).await.unwrap().unwrap();
        let hello = start.client_hello();
        assert_eq!(hello.server_name(), Some(&*format!("{name}.example")));
        let offered = hello.alpn().map(|names| {
            let names = names.map(|name| str::from_utf8(name).unwrap());
            names.collect::<Vec<_>>()
        });
        assert_eq!(offered, protocols, "{name}");
    }
    site.end().await;
}

#[tokio::test]
async fn both_sets_of_records_are_asked_for_at_the_same_time() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut config = comity_srv::Config::default();
    config.servers = vec![server.local_addr().unwrap()];
    let discovery = Discovery::start(config, [1; 32]);
    let service = Service::XmppServerWithDirectTls;
    let asking = discovery.resolve("b.example".parse().unwrap(), service);
    let asked = async {
        let mut asked = Vec::new();
        let mut question = [0; 512];
        for _ in 0..2 {
            let len = server.recv(&mut question).await.unwrap();
            let label = usize::from(question[12]);
            assert!(13 + label <= len);
            let label = question[13..13 + label].to_ascii_lowercase();
            asked.push(String::from_utf8(label).unwrap());
        }
        asked.sort();
        asked
    };
    tokio::select! {
        resolution = asking => panic!("{resolution:?}"),
        asked = asked => assert_eq!(asked, ["_xmpp-server", "_xmpps-server"]),
    }
}

fn listen(config: &mut Config) {
    config.listen_tls = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
}

impl Party {
    /// How the connections began that we tried to make.
    fn dialled(&self) -> Vec<Transport> {
        let mut begun = Vec::new();
        for event in self.seen() {
            if let Event::Dialling { target, .. } = event {
                begun.push(target.transport);
            }
        }
        begun
    }

    fn find(&self, is: impl Fn(&Event) -> bool) -> Event {
        let found = self.seen().iter().find(|event| is(event));
        found.expect("such an event").clone()
    }
}

const STARTTLS_OFFER: &[u8] = b"<stream:stream xmlns='jabber:server' from='d.example' \
    to='a.example' id='1' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\
    <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
    </stream:features>";
