//! Servers that send us elsewhere (RFC 6120 §4.9.3.19).

use std::net::{Ipv4Addr, SocketAddr};

use comity_tokio::{Event, Federation};
use comity_xmpp::router::{Failure, Unresolved};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::site::{Authorities, PATIENCE, Proof, Site, body, message};
use crate::stranger::read_until;

#[tokio::test]
async fn the_host_that_a_server_names_is_connected_to() {
    let mut site = start(&["c"]).await;
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let config = site.site.config_of("c", listen);
    let (federation, mut events) = Federation::start(config).await.unwrap();
    let address = federation.addresses()[0];

    let stanza = message("a", "c", "where are you?");
    site.site.a.federation.send(stanza).await.unwrap();
    site.send_on("c", &address.to_string()).await;
    let arrived = async {
        while let Some(event) = events.recv().await {
            if let Event::Stanza { stanza, .. } = event {
                return body(&stanza);
            }
        }
        panic!("it has ended");
    };
    let arrived = tokio::time::timeout(PATIENCE, arrived).await;
    assert_eq!(arrived.as_deref(), Ok("where are you?"));

    site.site.a.established().await;
    let resolved = site.resolved();
    assert_eq!(
        resolved,
        [
            "c.example resolved: 1 addresses".to_owned(),
            format!("c.example, sent on to {address}, resolved: 1 addresses"),
        ]
    );
    federation.shutdown().await;
    site.site.end().await;
}

#[tokio::test]
async fn a_host_without_port_is_looked_up_as_every_domain() {
    let mut site = start(&["c", "d"]).await;
    let stanza = message("a", "c", "where are you?");
    site.site.a.federation.send(stanza).await.unwrap();
    site.send_on("c", "d.example").await;
    // There it ends.
    site.send_on("c", "10.0.0.1").await;
    site.site.a.next_undelivered().await;
    assert_eq!(
        site.resolved()[..2],
        [
            "c.example resolved: 1 addresses",
            "c.example, sent on to d.example, resolved: 1 addresses",
        ]
    );
    site.site.end().await;
}

#[tokio::test]
async fn a_redirect_leads_to_no_address_that_must_not_be_dialled() {
    let mut site = start(&["c"]).await;
    let stanza = message("a", "c", "where are you?");
    site.site.a.federation.send(stanza).await.unwrap();
    site.send_on("c", "10.0.0.1").await;
    let (_, failure) = site.site.a.next_undelivered().await;
    let Failure::Unresolved(Unresolved::Failed(reason)) = failure else {
        panic!("{failure}");
    };
    assert_eq!(
        &*reason,
        "no address may be dialled: 10.0.0.1 is a private address"
    );
    site.site.end().await;
}

/// A site, and a server for other domains that does nothing but send on.
struct Redirect {
    site: Site,
    listener: TcpListener,
}

async fn start(names: &[&str]) -> Redirect {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let site = Site::start_with_zone(
        Authorities::Common,
        Proof::Certificate,
        |_| {},
        |mut zone, _| {
            for name in names {
                let owner = format!("_xmpp-server._tcp.{name}.example");
                zone = zone.srv(&owner, 1, 1, port, "old.example");
            }
            zone.a("old.example", Ipv4Addr::LOCALHOST)
        },
    );
    Redirect {
        site: site.await,
        listener,
    }
}

impl Redirect {
    /// Waits for a stream and sends it on.
    async fn send_on(&self, name: &str, to: &str) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        read_until(&mut stream, ">").await;
        let answer = format!(
            "<stream:stream xmlns='jabber:server' from='{name}.example' to='a.example' id='1' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:error>\
             <see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{to}</see-other-host>\
             </stream:error></stream:stream>"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    /// What was found out, in the words of the events that were read.
    fn resolved(&self) -> Vec<String> {
        let resolved = self.site.a.seen().iter();
        let resolved = resolved.filter(|event| matches!(event, Event::Resolved { .. }));
        resolved.map(ToString::to_string).collect()
    }
}
