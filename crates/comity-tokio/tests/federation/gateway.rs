//! What a gateway to another protocol needs: to know what has left, to say what is handled, to look on.

use std::sync::Mutex;

use comity_identity::{Direction, DomainName};
use comity_rustls::{ConfigError, Refusal};
use comity_testkit::mint::Leaf;
use comity_tokio::{Config, Event, ReplaceError, Tap, Traffic};
use comity_trust::Verdict;
use comity_xmpp::Transport;
use comity_xmpp::router::Receipt;
use comity_xmpp::stream::{Acknowledge, Method, SendId, Switch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::site::{
    Authorities, PATIENCE, Party, Proof, Site, authority, identity, message, publish,
};

impl Party {
    async fn next_sent(&mut self) -> SendId {
        loop {
            if let Event::Sent { id, .. } = self.next().await {
                return id;
            }
        }
    }

    async fn next_receipt(&mut self) -> Option<Receipt> {
        loop {
            if let Event::Stanza { receipt, .. } = self.next().await {
                return receipt;
            }
        }
    }

    /// The name in the certificate that was judged last.
    fn last_judged(&self) -> Option<String> {
        let judged = self.seen().iter().rev().find_map(|event| {
            if let Event::Judged { verdict, .. } = event {
                Some(verdict.clone())
            } else {
                None
            }
        });
        let trusted = judged.as_ref().and_then(Verdict::trusted)?;
        trusted.matched_by().map(ToString::to_string)
    }
}

#[tokio::test]
async fn a_tracked_stanza_has_left_or_comes_back_with_its_id() {
    for acknowledgements in [Switch::On, Switch::Off] {
        let change: fn(&mut Config) = match acknowledgements {
            Switch::On => |_| {},
            Switch::Off => |config| config.router.stream.acknowledgements = Switch::Off,
        };
        let mut site = Site::start(Authorities::Common, Proof::Certificate, change).await;
        let federation = site.a.federation.clone();
        let first = federation
            .send_tracked(message("a", "b", "1"))
            .await
            .unwrap();
        federation.send(message("a", "b", "2")).await.unwrap();
        let third = federation
            .send_tracked(message("a", "b", "3"))
            .await
            .unwrap();
        assert_eq!(site.a.next_sent().await, first);
        assert_eq!(site.a.next_sent().await, third);
        for text in ["1", "2", "3"] {
            assert_eq!(site.b.next_message().await, text);
        }
        let lost = federation
            .send_tracked(message("a", "c", "4"))
            .await
            .unwrap();
        let back = loop {
            if let Event::Undelivered { id, .. } = site.a.next().await {
                break id;
            }
        };
        assert_eq!(back, Some(lost));
        federation.send(message("a", "c", "5")).await.unwrap();
        let back = loop {
            if let Event::Undelivered { id, .. } = site.a.next().await {
                break id;
            }
        };
        assert_eq!(back, None);
        site.end().await;
    }
}

#[tokio::test]
async fn a_stanza_is_acknowledged_when_the_recipient_has_settled_it() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        if config.policy.local_domains.contains("b.example") {
            config.router.stream.acknowledge = Acknowledge::WhenSettled;
        }
    })
    .await;
    let sent = site.a.federation.send_tracked(message("a", "b", "1"));
    let sent = sent.await.unwrap();
    let receipt = site.b.next_receipt().await.expect("it is to be settled");
    // What comes back on the stream comes behind every acknowledgement that there is.
    site.b
        .federation
        .send(message("b", "a", "2"))
        .await
        .unwrap();
    assert_eq!(site.a.next_receipt().await, None);
    assert!(!site.a.saw(|event| matches!(event, Event::Sent { .. })));
    site.b.federation.settle(receipt);
    assert_eq!(site.a.next_sent().await, sent);
    site.end().await;
}

#[tokio::test]
async fn new_certificates_are_for_new_connections() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.router.stream.bidi = Switch::Off;
    })
    .await;
    site.exchange("a", "b", Method::Certificate).await;
    assert_eq!(site.a.last_judged().as_deref(), Some("b.example"));
    let mut config = site.config_of("b", Vec::new());
    let leaf = Leaf::new([9; 32])
        .dns("*.example")
        .dns("x.b.example")
        .srv("_xmpp-server.b.example");
    let authority = authority(Authorities::Common, b'b');
    config.tls.identity = Some(identity(&authority, &leaf));
    site.b.federation.replace_tls(&config).await.unwrap();
    // The stream of before goes on, and b shows its new certificate where it connects itself.
    site.a
        .federation
        .send(message("a", "b", "more"))
        .await
        .unwrap();
    assert_eq!(site.b.next_message().await, "more");
    site.exchange("b", "a", Method::Certificate).await;
    assert_eq!(
        site.a.last_judged().as_deref(),
        Some("_xmpp-server.b.example")
    );

    config.tls.identity = None;
    let refused = site.b.federation.replace_tls(&config).await;
    assert_eq!(refused, Err(ReplaceError::Tls(ConfigError::NoIdentity)));
    site.b.federation.shutdown().await;
    let config = site.config_of("b", Vec::new());
    let ended = site.b.federation.replace_tls(&config).await;
    assert_eq!(ended, Err(ReplaceError::Closed));
}

#[tokio::test]
async fn each_domain_and_each_direction_has_its_certificate() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.router.stream.bidi = Switch::Off;
        if config.policy.local_domains.contains("b.example") {
            let own = |seed: u8, leaf: fn(Leaf) -> Leaf| {
                let authority = authority(Authorities::Common, b'b');
                identity(&authority, &leaf(Leaf::new([seed; 32])))
            };
            let domain: DomainName = "b.example".parse().unwrap();
            let inbound = own(11, |leaf| leaf.srv("_xmpp-server.b.example"));
            config.tls.inbound.domains.insert(domain.clone(), inbound);
            let outbound = own(12, |leaf| leaf.xmpp("b.example"));
            config.tls.outbound.domains.insert(domain, outbound);
            // For other domains of ours.
            config.tls.outbound.default = Some(own(13, |leaf| leaf.dns("c.example")));
        }
    })
    .await;
    site.exchange("a", "b", Method::Certificate).await;
    assert_eq!(
        site.a.last_judged().as_deref(),
        Some("_xmpp-server.b.example")
    );
    site.exchange("b", "a", Method::Certificate).await;
    assert_eq!(site.a.last_judged().as_deref(), Some("XmppAddr b.example"));
    site.end().await;
}

#[tokio::test]
async fn whoever_looks_on_sees_the_bytes_without_tls() {
    static SEEN: Mutex<Vec<(Direction, String)>> = Mutex::new(Vec::new());
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        if config.policy.local_domains.contains("a.example") {
            config.tap = Some(Tap::new(|traffic: Traffic<'_>| {
                let text = String::from_utf8_lossy(traffic.bytes).into_owned();
                SEEN.lock().unwrap().push((traffic.direction, text));
            }));
        }
    })
    .await;
    site.exchange("a", "b", Method::Certificate).await;
    site.exchange("b", "a", Method::Certificate).await;
    site.end().await;
    let seen = SEEN.lock().unwrap();
    let of = |wanted| -> String {
        let seen = seen.iter().filter(|(direction, _)| *direction == wanted);
        seen.map(|(_, text)| text.as_str()).collect()
    };
    let (came, left) = (of(Direction::Inbound), of(Direction::Outbound));
    assert!(left.contains("<body>from a to b</body>"), "{left}");
    assert!(came.contains("<body>from b to a</body>"), "{came}");
    assert!(left.starts_with("<?xml") && came.starts_with("<?xml"));
}

#[tokio::test]
async fn one_port_takes_streams_that_begin_with_tls_and_in_clear_text() {
    let change = |config: &mut Config| {
        config.listen_shared = std::mem::take(&mut config.listen);
        config.router.stream.bidi = Switch::Off;
    };
    let zone = |mut zone: comity_testkit::dns::FakeDns, parties: &[Party]| {
        let [a, b] = parties else {
            panic!("two parties")
        };
        let services = [("_xmpps-server", "a", a), ("_xmpp-server", "b", b)];
        for (service, name, party) in services {
            zone = publish(zone, name, &party.federation);
            let owner = format!("{service}._tcp.{name}.example");
            let port = party.federation.shared_addresses()[0].port();
            zone = zone.srv(&owner, 1, 1, port, &format!("xmpp.{name}.example"));
        }
        zone
    };
    let (common, certificate) = (Authorities::Common, Proof::Certificate);
    let mut site = Site::start_with_zone(common, certificate, change, zone).await;
    site.exchange("a", "b", Method::Certificate).await;
    site.exchange("b", "a", Method::Certificate).await;
    let accepted = |party: &Party| {
        let mut accepted = party.seen().iter().filter_map(|event| {
            if let Event::Accepted { transport, .. } = event {
                Some(*transport)
            } else {
                None
            }
        });
        accepted.next()
    };
    assert_eq!(accepted(&site.a), Some(Transport::DirectTls));
    assert_eq!(accepted(&site.b), Some(Transport::Tcp));

    let address = site.b.federation.shared_addresses()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"MESSAGE sip:b@b.example SIP/2.0\r\n")
        .await
        .unwrap();
    let peer = stream.local_addr().unwrap();
    let refused = loop {
        if let Event::Refused { peer, reason } = site.b.next().await {
            break (peer, reason);
        }
    };
    assert_eq!(refused, (peer, Refusal::Unrecognised));
    let mut rest = Vec::new();
    // It is closed, with a reset if what it sent was not read.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .unwrap();
    assert_eq!(rest, b"");
    site.end().await;
}

#[tokio::test]
async fn who_says_nothing_at_a_shared_port_is_closed() {
    let site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.listen_shared = std::mem::take(&mut config.listen);
        config.limits.begin_timeout = std::time::Duration::from_millis(50);
    })
    .await;
    let address = site.b.federation.shared_addresses()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert_eq!(read.unwrap().unwrap(), 0);
    site.end().await;
}
