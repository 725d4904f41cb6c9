use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comity_policy::{Switch, Verdict};
use comity_rustls::{Identity, default_provider};
use comity_sip::endpoint::{Endpoint, Event as SipEvent, Target};
use comity_sip::header::{From, To};
use comity_sip::{Method, StatusCode, Transport};
use comity_srv::AddressPolicy;
use comity_testkit::dns::{self, FakeDns};
use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_testkit::site::Site;
use comity_tokio::Event;
use comity_tokio::Federation;
use comity_tokio::sip::{self, Application, Listen};
use comity_xmpp::{Jid, Message, MessageType, StanzaKind};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::control::Command;

/// A SIP domain that sends each text back on the connection on which it came.
struct Echo;

impl Application for Echo {
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: SipEvent) {
        let SipEvent::Request(incoming) = event else {
            return;
        };
        let status = if incoming.request().method() == Method::Message {
            StatusCode::OK
        } else {
            StatusCode::METHOD_NOT_ALLOWED
        };
        endpoint
            .answer(now, &incoming, incoming.response(status))
            .unwrap();
        if status != StatusCode::OK {
            return;
        }
        let headers = incoming.request().headers();
        let (from, to) = (
            headers.one::<From<'_>>().unwrap(),
            headers.one::<To<'_>>().unwrap(),
        );
        let mut back = endpoint
            .compose(Method::Message, from.uri(), to.uri())
            .unwrap();
        back.body("text/plain", incoming.request().body()).unwrap();
        let target = Target::new(incoming.transport(), incoming.source());
        endpoint.send(now, &back, vec![target]).unwrap();
    }
}

struct World {
    gateway: Gateway,
    capulet: Federation,
    capulet_events: mpsc::Receiver<Event>,
    contoso: sip::Server<Echo>,
    folder: Site,
    _requests: mpsc::Receiver<Request>,
    _subscriber: Box<dyn tracing::Subscriber + Send + Sync>,
}

fn root() -> Authority {
    Ca::new("Example CA", [1; 32]).self_signed()
}

fn identity(seed: u8, name: &str) -> Identity {
    let own = root().issue(&Leaf::new([seed; 32]).dns(name));
    let (chain, key) = (own.chain_pem(), own.key_pem());
    Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider()).unwrap()
}

async fn contoso() -> sip::Server<Echo> {
    let provider = default_provider();
    let mut config = sip::Config::new(&provider).with_identity(identity(5, "contoso.example"));
    let pem = root().certificate_pem();
    config
        .trust
        .store
        .add_anchors_from_pem(pem.as_bytes())
        .unwrap();
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let name = "contoso.example".parse().unwrap();
    config.listen = vec![Listen::new(Transport::Tls, address).advertised(name, None)];
    sip::Server::start(config, Echo).await.unwrap()
}

async fn capulet(dns: SocketAddr) -> (Federation, mpsc::Receiver<Event>) {
    let provider = default_provider();
    let identity = identity(6, "capulet.example");
    let mut config = comity_tokio::Config::new(identity, &provider);
    let pem = root().certificate_pem();
    config
        .trust
        .store
        .add_anchors_from_pem(pem.as_bytes())
        .unwrap();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config
        .policy
        .local_domains
        .insert("capulet.example".parse().unwrap());
    config.policy.xmpp.enabled = Switch::On;
    config.policy.xmpp.default_verdict = Verdict::Allow;
    config.discovery = comity_srv::Config::new(vec![dns]);
    config.discovery.address_policy = AddressPolicy::for_next_hops();
    Federation::start(config).await.unwrap()
}

const RULES: &str = r#"
[xmpp]
enabled = true
[sip]
enabled = true
[[sip.domains]]
name = "contoso.example"
kind = "standard"
"#;

fn folder(dns: SocketAddr, contoso: SocketAddr) -> Site {
    let folder = Site::new("run");
    let leaf = Leaf::new([4; 32])
        .dns("capulet.example")
        .dns("contoso.example")
        .dns("mute.example");
    let own = root().issue(&leaf);
    folder.write("chain.pem", &own.chain_pem());
    folder.write("key.pem", &own.key_pem());
    folder.write("roots.pem", &root().certificate_pem());
    folder.write("policy.toml", RULES);
    let port = contoso.port();
    let text = format!(
        r#"
[domains]
xmpp = ["capulet.example"]
sip = []
[xmpp]
listeners = [{{ address = "127.0.0.1:0" }}]
[sip]
federation-host = "sip.capulet.example"
listeners = [{{ address = "127.0.0.1:0" }}]
[tls.inbound]
chain = "chain.pem"
key = "key.pem"
[trust]
xmpp.anchors = ["roots.pem"]
sip.anchors = ["roots.pem"]
[dns]
servers = ["{dns}"]
danger-allow-loopback = true
[policy]
file = "policy.toml"
[[routes.sip]]
pattern = "contoso.example"
next-hop = "127.0.0.1"
port = {port}
[store]
path = "facts"
[control]
socket = "control.sock"
[tap]
file = "tap.jsonl"
"#
    );
    folder.write("gateway.toml", &text);
    folder
}

async fn world() -> World {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let dns = socket.local_addr().unwrap();
    let contoso = contoso().await;
    let folder = folder(dns, contoso.addresses()[0].1);
    let (log, subscriber) = Log::build(&"off".parse().unwrap(), true, std::io::sink);
    let (requests, received) = mpsc::channel(1);
    let file = folder.directory().join("gateway.toml");
    let config = Config::read(&file).unwrap();
    let loaded = Loaded::read(&config).unwrap();
    let gateway = Gateway::start_with(&file, config, loaded, log, &requests)
        .await
        .unwrap();
    let (capulet, capulet_events) = capulet(dns).await;
    let (ours, theirs) = (
        gateway.bridge.xmpp().unwrap().addresses()[0],
        capulet.addresses()[0],
    );
    let mut zone = FakeDns::new()
        .srv(
            "_xmpp-server._tcp.contoso.example",
            0,
            0,
            ours.port(),
            "host.example",
        )
        .srv(
            "_xmpp-server._tcp.mute.example",
            0,
            0,
            ours.port(),
            "host.example",
        )
        .srv(
            "_xmpp-server._tcp.capulet.example",
            0,
            0,
            theirs.port(),
            "host.example",
        )
        .a("host.example", [127, 0, 0, 1]);
    tokio::spawn(async move {
        let mut buf = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buf).await {
            for answer in zone.answer(dns::Transport::Udp, &buf[..length]) {
                socket.send_to(&answer, client).await.unwrap();
            }
        }
    });
    World {
        gateway,
        capulet,
        capulet_events,
        contoso,
        folder,
        _requests: received,
        _subscriber: Box::new(subscriber),
    }
}

impl World {
    /// Ends everybody, and gives what is left of the gateway.
    async fn end(self) -> Site {
        let (gateway, capulet) = (self.gateway, self.capulet);
        timeout(Duration::from_secs(30), gateway.end())
            .await
            .unwrap()
            .unwrap();
        drop(self.capulet_events);
        capulet.shutdown().await;
        self.contoso.shutdown().await;
        self.folder
    }

    async fn say(&self, text: &str) {
        self.say_to("romeo@contoso.example", text).await;
    }

    async fn say_to(&self, to: &str, text: &str) {
        let (from, to): (Jid, Jid) = (
            "juliet@capulet.example/balcony".parse().unwrap(),
            to.parse().unwrap(),
        );
        let mut message = Message::new(MessageType::Chat);
        message.set_body(text);
        let stanza = message.stanza(from, to).with_id("m1");
        self.capulet.send(stanza).await.unwrap();
    }

    /// The text of the next message, or the error that came back.
    async fn next(&mut self) -> String {
        loop {
            let event = timeout(Duration::from_secs(20), self.capulet_events.recv());
            let event = event.await.expect("something comes").expect("it goes on");
            if let Event::Stanza { stanza, .. } = event
                && stanza.kind() == StanzaKind::Message
            {
                let message = Message::try_from(&stanza).unwrap();
                let error = stanza.stanza_error();
                return format!(
                    "{} {:?} {:?} {error:?}",
                    stanza.from(),
                    message.message_type,
                    message.body()
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_from_xmpp_to_sip_and_back() {
    let mut world = world().await;
    world.say("Wherefore").await;
    assert_eq!(
        world.next().await,
        "romeo@contoso.example Normal Some(\"Wherefore\") None"
    );
    let status = world.gateway.obey(Command::Status).await.unwrap();
    let place = format!("{}/", world.folder.directory().display());
    let status: Vec<_> = status.iter().map(|line| line.replace(&place, "")).collect();
    assert_eq!(status[0], format!("version {}", crate::VERSION));
    assert_eq!(
        status[2..],
        [
            "conversations 1",
            "texts under way 0, 0 bytes",
            "subscriptions to SIP users 0",
            "subscriptions to XMPP users 0",
            "learned domains 0",
            "store facts",
        ]
    );
    let folder = world.end().await;
    let tapped = std::fs::read_to_string(folder.directory().join("tap.jsonl")).unwrap();
    assert!(tapped.contains("MESSAGE sip:romeo@contoso.example"));
    assert!(!tapped.contains("Wherefore"), "texts are redacted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_new_rules_or_leaves_everything_as_it_is() {
    let mut world = world().await;
    world.say("one").await;
    assert_eq!(
        world.next().await,
        "romeo@contoso.example Normal Some(\"one\") None"
    );
    assert_eq!(world.gateway.obey(Command::Reload).await, Ok(Vec::new()));
    world.folder.write("policy.toml", "[sip]\nenabled = 1\n");
    let place = format!("{}/", world.folder.directory().display());
    let refused = world.gateway.obey(Command::Reload).await.unwrap_err();
    assert_eq!(
        refused.replace(&place, ""),
        "nothing has changed: line 20, policy.file: policy.toml: line 2, sip.enabled: true or \
         false is expected, not a whole number"
    );
    world.say("two").await;
    assert_eq!(
        world.next().await,
        "romeo@contoso.example Normal Some(\"two\") None"
    );
    world.folder.write(
        "policy.toml",
        &RULES.replace("[sip]\nenabled = true", "[sip]\nenabled = false"),
    );
    assert_eq!(world.gateway.obey(Command::Reload).await, Ok(Vec::new()));
    world.say("three").await;
    let refused = world.next().await;
    assert!(
        refused.starts_with("romeo@contoso.example Error None Some("),
        "{refused}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_a_reload_adds_is_spoken_for_and_delays_nobody_if_it_says_nothing() {
    let mut world = world().await;
    // It takes connections, and reads nothing.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mute.local_addr().unwrap().port();
    let file = world.folder.directory().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let route = format!(
        "[[routes.sip]]\npattern = \"mute.example\"\nnext-hop = \"127.0.0.1\"\nport = {port}\n"
    );
    std::fs::write(&file, text + &route).unwrap();
    let domain = "[[sip.domains]]\nname = \"mute.example\"\nkind = \"standard\"\n";
    world
        .folder
        .write("policy.toml", &format!("{RULES}{domain}"));
    assert_eq!(world.gateway.obey(Command::Reload).await, Ok(Vec::new()));
    for number in 0..20 {
        world
            .say_to(&format!("u{number}@mute.example"), "hello?")
            .await;
    }
    let reached = timeout(Duration::from_secs(20), mute.accept()).await;
    let _connection = reached.expect("it is connected to").unwrap();
    // Errors would come before it if it had to wait for them.
    world.say("one").await;
    assert_eq!(
        world.next().await,
        "romeo@contoso.example Normal Some(\"one\") None"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_change_is_named_and_the_rest_is_changed() {
    let mut world = world().await;
    let file = world.folder.directory().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("path = \"facts\"", "path = \"other\"") + "[log]\nfilter = \"warn\"\n";
    std::fs::write(&file, text).unwrap();
    assert_eq!(
        world.gateway.obey(Command::Reload).await,
        Ok(vec!["store has changed, which needs a restart".to_owned()])
    );
    assert_eq!(
        world
            .gateway
            .obey(Command::Log("sip=debug".parse().unwrap()))
            .await,
        Ok(vec!["the filter is info,federation::sip=debug".to_owned()])
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learned_domain_is_listed_kept_and_forgotten() {
    let mut world = world().await;
    let verona: comity_identity::DomainName = "verona.example".parse().unwrap();
    let learned = world.gateway.locator.with_directory(|directory| {
        directory
            .learn(UNIX_EPOCH, &verona, comity_srv::federation::Via::Sip)
            .cloned()
    });
    assert!(learned.is_ok());
    assert_eq!(
        world.gateway.obey(Command::Learned).await,
        Ok(vec![
            "verona.example by SIP, first 1970-01-01T00:00:00.000Z, last \
             1970-01-01T00:00:00.000Z"
                .to_owned()
        ])
    );
    assert_eq!(
        world.gateway.obey(Command::Forget(verona.clone())).await,
        Ok(Vec::new())
    );
    assert_eq!(world.gateway.obey(Command::Learned).await, Ok(Vec::new()));
    assert_eq!(
        world.gateway.obey(Command::Forget(verona)).await,
        Err("verona.example was not learned".to_owned())
    );
    world.end().await;
}
