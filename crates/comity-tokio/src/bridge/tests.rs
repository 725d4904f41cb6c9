use std::time::Duration;

use comity_identity::Host;
use comity_policy::Switch;
use comity_rustls::default_provider;
use comity_srv::Messaging;
use comity_srv::federation::Settings;
use comity_srv::routes::Routes;
use comity_xmpp::stream::component as stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::Discovery;

struct Nobody;

impl Observer for Nobody {}

/// The server of a component.
struct Server {
    stream: TcpStream,
    text: String,
}

impl Server {
    async fn welcome(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        let text = String::new();
        let mut server = Self { stream, text };
        server
            .write(
                "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                 xmlns:stream='http://etherx.jabber.org/streams' from='sip.example' id='1'>",
            )
            .await;
        server.read_until("</handshake>").await;
        server.write("<handshake/>").await;
        server
    }

    async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn read_until(&mut self, end: &str) {
        while !self.text.contains(end) {
            let mut buf = [0; 65_536];
            let read = timeout(PATIENCE, self.stream.read(&mut buf)).await;
            let len = read.expect("it comes").unwrap();
            assert_ne!(len, 0, "{end} does not come: {}", self.text);
            let read = std::str::from_utf8(&buf[..len]).unwrap();
            self.text.push_str(read);
        }
    }
}

/// A gateway whose name server says nothing, and which speaks for sip.example.
async fn gateway(listener: &TcpListener, name_server: &UdpSocket) -> Gateway {
    let mut bridge = comity_bridge::Config::new("gw");
    bridge.discovery = Switch::On;
    bridge.limits.max_queued_bytes = 240_000;
    let address = listener.local_addr().unwrap();
    let rules = stream::Config::new(
        "sip.example".parse().unwrap(),
        stream::Secret::new("secret"),
    );
    let component = component::Config::new(Host::Ip(address.ip()), address.port(), rules);
    let discovery = comity_srv::Config::new(vec![name_server.local_addr().unwrap()]);
    let discovery = Discovery::start(discovery, [1; 32]);
    let routes = Routes::none(Messaging::Sip);
    let locator = Locator::new(Settings::default(), routes, discovery, [2; 32]).unwrap();
    let mut policy = comity_policy::Config::default();
    policy.local_domains.insert("xmpp.example".parse().unwrap());
    let config = Config::new(
        bridge,
        policy,
        sip::Config::new(&default_provider()),
        Xmpp::Components(vec![component]),
        locator,
    );
    Gateway::start(config, Box::new(Nobody)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_waits_at_the_end_comes_back_to_its_senders() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name_server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway(&listener, &name_server).await;
    let mut server = Server::welcome(&listener).await;
    let body = "x".repeat(500);
    for number in 0..COUNT {
        let text = format!(
            "<message id='{number};' from='a@xmpp.example' to='b@sip.example'>\
             <body>{body}</body></message>"
        );
        server.write(&text).await;
    }
    // The last one finds no room, and then all others have come.
    server.read_until(&format!("id='{};'", COUNT - 1)).await;
    let refused = server.text.matches("type='error'").count();
    assert!(refused < COUNT / 2, "{refused}");
    let end = tokio::spawn(gateway.shutdown());
    server.read_until("</stream:stream>").await;
    server.write("</stream:stream>").await;
    timeout(PATIENCE, end).await.unwrap().unwrap();
    let missing = |number: &usize| !server.text.contains(&format!("id='{number};'"));
    let missing: Vec<_> = (0..COUNT).filter(missing).collect();
    assert_eq!(missing, [0; 0]);
}

const COUNT: usize = 300;
const PATIENCE: Duration = Duration::from_secs(20);
