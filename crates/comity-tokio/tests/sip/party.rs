//! A server and what it has to tell.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use comity_rustls::{Identity, default_provider};
use comity_sip::endpoint::{Endpoint, Event, SendError, Target};
use comity_sip::{Method, StatusCode, Transport, Uri};
use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_tokio::sip::{Application, Config, Listen, Notice, Server};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A server that answers every request with 200, and what it saw.
pub(crate) struct Party {
    pub(crate) server: Server<Recorder>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

/// What an application is told, as text where it is an event of the endpoint.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    /// The body of a request, and where it came from.
    Request(String, SocketAddr),
    Response(StatusCode),
    Failed(String),
    Notice(Notice),
}

pub(crate) struct Recorder(mpsc::UnboundedSender<Seen>);

impl Application for Recorder {
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        let seen = if let Event::Request(incoming) = event {
            let response = incoming.response(StatusCode::OK);
            endpoint.answer(now, &incoming, response).unwrap();
            let body = incoming.request().body();
            let body = String::from_utf8(body.to_vec()).unwrap();
            Seen::Request(body, incoming.source())
        } else if let Event::Response { response, .. } = event {
            Seen::Response(response.status())
        } else if let Event::Failed { failure, .. } = event {
            Seen::Failed(failure.to_string())
        } else {
            panic!("{event:?}");
        };
        let _ = self.0.send(seen);
    }

    fn handle_notice(&mut self, notice: Notice) {
        let _ = self.0.send(Seen::Notice(notice));
    }
}

impl Party {
    pub(crate) async fn start(config: Config) -> Self {
        let (recorder, seen) = mpsc::unbounded_channel();
        let server = Server::start(config, Recorder(recorder)).await.unwrap();
        Self { server, seen }
    }

    /// The address of the first listener of a transport.
    pub(crate) fn address(&self, transport: Transport) -> SocketAddr {
        let mut addresses = self.server.addresses().iter();
        let found = addresses.find(|(listens, _)| *listens == transport);
        found.expect("it listens so").1
    }

    pub(crate) async fn next(&mut self) -> Seen {
        let seen = timeout(PATIENCE, self.seen.recv()).await;
        seen.expect("something happens").expect("it runs")
    }

    pub(crate) async fn notice(&mut self) -> Notice {
        let seen = self.next().await;
        let Seen::Notice(notice) = seen else {
            panic!("{seen:?}");
        };
        notice
    }

    /// What has been seen and not looked at.
    pub(crate) fn rest(&mut self) -> Vec<Seen> {
        let mut rest = Vec::new();
        while let Ok(seen) = self.seen.try_recv() {
            rest.push(seen);
        }
        rest
    }

    /// Sends a MESSAGE to `uri`, by these targets if there are any.
    pub(crate) async fn send(&self, uri: &str, body: &str, targets: Vec<Target>) {
        let (uri, body) = (uri.to_owned(), body.to_owned());
        let (sent, is_sent) = tokio::sync::oneshot::channel();
        let work = move |now: Instant, endpoint: &mut Endpoint, _: &mut Recorder| {
            sent.send(message(now, endpoint, &uri, &body, targets))
                .unwrap();
        };
        self.server.call(work).await.unwrap();
        is_sent.await.unwrap().unwrap();
    }
}

fn message(
    now: Instant,
    endpoint: &mut Endpoint,
    uri: &str,
    body: &str,
    targets: Vec<Target>,
) -> Result<(), SendError> {
    let (uri, from) = (Uri::parse(uri)?, Uri::parse("sip:a@a.example")?);
    let mut message = endpoint.compose(Method::Message, uri, from).unwrap();
    message.body("text/plain", body.to_owned().into()).unwrap();
    endpoint.send(now, &message, targets).map(drop)
}

/// A server on loopback with these transports.
pub(crate) fn config(transports: &[Transport]) -> Config {
    let mut config = Config::new(&default_provider());
    let listen = |&transport| Listen::new(transport, (Ipv4Addr::LOCALHOST, 0).into());
    config.listen = transports.iter().map(listen).collect();
    config
}

/// One that has a certificate with these names, and trusts the authority that all trust.
pub(crate) fn secure(seed: u8, names: &[&str]) -> Config {
    secure_by(&authority(), seed, names)
}

/// The same with the certificate of another authority.
pub(crate) fn secure_by(issuer: &Authority, seed: u8, names: &[&str]) -> Config {
    let identity = identity_by(issuer, seed, names);
    let mut config = config(&[Transport::Tls]).with_identity(identity);
    let root = authority().certificate_pem();
    let added = config.trust.store.add_anchors_from_pem(root.as_bytes());
    added.unwrap();
    config
}

/// A certificate with these names by the authority that all trust.
pub(crate) fn identity(seed: u8, names: &[&str]) -> Identity {
    identity_by(&authority(), seed, names)
}

fn identity_by(issuer: &Authority, seed: u8, names: &[&str]) -> Identity {
    let leaf = names
        .iter()
        .fold(Leaf::new([seed; 32]), |leaf, name| leaf.dns(name));
    let own = issuer.issue(&leaf);
    let (chain, key) = (own.chain_pem(), own.key_pem());
    Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider()).unwrap()
}

fn authority() -> Authority {
    Ca::new("Example CA", [1; 32]).self_signed()
}

/// A MESSAGE as a stranger writes it.
pub(crate) fn request(transport: &str, from: SocketAddr, number: u32, body: &str) -> String {
    format!(
        "MESSAGE sip:b@b.example SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {from};branch=z9hG4bK{number};rport\r\n\
         From: <sip:a@a.example>;tag={number}\r\n\
         To: <sip:b@b.example>\r\n\
         Call-ID: {number}@a.example\r\n\
         CSeq: 1 MESSAGE\r\n\
         Max-Forwards: 70\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);
