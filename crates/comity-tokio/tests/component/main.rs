//! A component and a server that does as the test likes, over loopback.
#![cfg(test)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use comity_identity::{Direction, Host};
use comity_tokio::component::{Config, Event, Failure, Limits, Link, SendError};
use comity_tokio::{Tap, Traffic};
use comity_xmpp::stream::CloseReason;
use comity_xmpp::stream::component::{self, Secret};
use comity_xmpp::xml::Element;
use comity_xmpp::{Stanza, StanzaKind, StreamCondition, ns};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' from='sip.example' id='3BF96D32'>";

/// A link, and what it has to tell.
struct Party {
    link: Link,
    events: mpsc::Receiver<Event>,
}

/// The server's end of a connection.
struct Server {
    stream: TcpStream,
    text: String,
}

impl Party {
    fn start(address: SocketAddr, change: impl FnOnce(&mut Config)) -> Self {
        let domain = "sip.example".parse().unwrap();
        let rules = component::Config::new(domain, Secret::new("secret"));
        let mut config = Config::new(Host::Ip(address.ip()), address.port(), rules);
        config.limits.min_wait = Duration::from_millis(20);
        change(&mut config);
        let (link, events) = Link::start(config, [7; 32]);
        Self { link, events }
    }

    async fn next(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event comes").expect("it runs")
    }

    async fn undelivered(&mut self) -> (String, Option<comity_xmpp::stream::SendId>, Failure) {
        let event = self.next().await;
        let Event::Undelivered {
            stanza,
            id,
            failure,
            ..
        } = event
        else {
            panic!("{event}");
        };
        (body(&stanza), id, failure)
    }

    async fn lost(&mut self) -> Failure {
        let event = self.next().await;
        let Event::Lost { failure, .. } = event else {
            panic!("{event}");
        };
        failure
    }
}

impl Server {
    async fn accept(listener: &TcpListener) -> Self {
        let accepted = timeout(PATIENCE, listener.accept()).await;
        let (stream, _) = accepted.expect("somebody connects").unwrap();
        let text = String::new();
        Self { stream, text }
    }

    /// Takes the component in.
    async fn welcome(listener: &TcpListener) -> Self {
        let mut server = Self::accept(listener).await;
        server.write(HEADER).await;
        let proof = "</handshake>";
        server.read_until(proof).await;
        server.write("<handshake/>").await;
        server
    }

    async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads to the end of this text, which has not come before.
    async fn read_until(&mut self, end: &str) {
        while !self.text.contains(end) {
            let mut buf = [0; 4096];
            let read = timeout(PATIENCE, self.stream.read(&mut buf)).await;
            let len = read.expect("it comes").unwrap();
            assert_ne!(len, 0, "{end} does not come: {}", self.text);
            self.text
                .push_str(std::str::from_utf8(&buf[..len]).unwrap());
        }
    }
}

fn message(text: &str) -> Stanza {
    message_from("x@sip.example", text)
}

fn message_from(from: &str, text: &str) -> Stanza {
    let body = Element::new(ns::SERVER, "body").with_text(text);
    let (from, to) = (from.parse().unwrap(), "y@a.example".parse().unwrap());
    Stanza::new(StanzaKind::Message, from, to).with_payload(body)
}

fn body(stanza: &Stanza) -> String {
    let element = stanza.element();
    element.child(ns::SERVER, "body").unwrap().text()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn stanzas_go_both_ways_and_the_link_ends_in_order() {
    let (listener, address) = listen().await;
    let mut party = Party::start(address, |_| {});
    assert_eq!(party.link.domain().as_str(), "sip.example");
    // It waits for the stream.
    let first = party.link.send_tracked(message("1")).await.unwrap();
    let mut server = Server::welcome(&listener).await;
    assert!(matches!(party.next().await, Event::Established));
    assert!(matches!(party.next().await, Event::Sent { id } if id == first));
    party.link.send(message("2")).await.unwrap();
    let third = party.link.send_tracked(message("3")).await.unwrap();
    assert!(matches!(party.next().await, Event::Sent { id } if id == third));
    server.read_until("<body>3</body>").await;
    let order = ["1", "2", "3"].map(|text| server.text.find(&format!("<body>{text}</body>")));
    assert!(order.is_sorted() && order[0].is_some(), "{}", server.text);

    server
        .write("<message from='y@a.example' to='x@sip.example'><body>hi</body></message><a/>")
        .await;
    let came = party.next().await;
    assert_eq!(
        came.to_string(),
        "component: received message from a.example to sip.example"
    );
    assert!(matches!(came, Event::Stanza { stanza } if body(&stanza) == "hi"));
    let dropped = party.next().await.to_string();
    assert_eq!(
        dropped,
        "component: dropped: a first-level element that is not a stanza"
    );

    let link = party.link.clone();
    let shutdown = tokio::spawn(async move { link.shutdown().await });
    server.read_until("</stream:stream>").await;
    server.write("</stream:stream>").await;
    timeout(PATIENCE, shutdown).await.unwrap().unwrap();
    assert!(party.events.recv().await.is_none());
    let late = party.link.send(message("4")).await.unwrap_err();
    assert_eq!(
        (late.reason, body(&late.stanza)),
        (SendError::Closed, "4".into())
    );
}

#[tokio::test]
async fn whoever_looks_on_sees_the_bytes_of_the_link() {
    static SEEN: Mutex<Vec<(Direction, String, String)>> = Mutex::new(Vec::new());
    let (listener, address) = listen().await;
    let mut party = Party::start(address, |config| {
        config.tap = Some(Tap::new(|traffic: Traffic<'_>| {
            let text = String::from_utf8_lossy(traffic.bytes).into_owned();
            let line = traffic.line.to_string();
            SEEN.lock().unwrap().push((traffic.direction, line, text));
        }));
    });
    party.link.send(message("out")).await.unwrap();
    let mut server = Server::welcome(&listener).await;
    server.read_until("<body>out</body>").await;
    server
        .write("<message from='y@a.example' to='x@sip.example'><body>in</body></message>")
        .await;
    assert!(matches!(party.next().await, Event::Established));
    assert!(matches!(party.next().await, Event::Stanza { .. }));
    let seen = SEEN.lock().unwrap();
    assert!(
        seen.iter()
            .all(|(_, line, _)| line == "component sip.example")
    );
    let of = |wanted| -> String {
        let seen = seen.iter().filter(|(direction, ..)| *direction == wanted);
        seen.map(|(_, _, text)| text.as_str()).collect()
    };
    let (came, left) = (of(Direction::Inbound), of(Direction::Outbound));
    assert!(left.contains("<body>out</body>"), "{left}");
    assert!(came.contains("<body>in</body>"), "{came}");
}

#[tokio::test]
async fn a_link_comes_back_to_a_server_that_was_away() {
    let (listener, address) = listen().await;
    drop(listener);
    let mut party = Party::start(address, |_| {});
    let sent = party.link.send_tracked(message("1")).await.unwrap();
    let (text, id, failure) = party.undelivered().await;
    assert_eq!((&*text, id), ("1", Some(sent)));
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure}");
    assert_eq!(party.lost().await, failure);

    let listener = TcpListener::bind(address).await.unwrap();
    let server = Server::welcome(&listener).await;
    while !matches!(party.next().await, Event::Established) {}
    drop(server);
    let ended = Failure::Ended(CloseReason::ConnectionLost);
    assert_eq!(party.lost().await, ended);
    // What comes between two streams waits.
    party.link.send(message("2")).await.unwrap();
    let mut server = Server::welcome(&listener).await;
    assert!(matches!(party.next().await, Event::Established));
    server.read_until("<body>2</body>").await;
}

#[tokio::test]
async fn a_server_that_does_not_want_the_component_is_told_apart() {
    let (listener, address) = listen().await;
    let mut party = Party::start(address, |config| {
        config.limits.min_wait = Duration::from_secs(30);
    });
    party.link.send(message("1")).await.unwrap();
    let mut server = Server::accept(&listener).await;
    server.write(HEADER).await;
    server.read_until("</handshake>").await;
    let error = "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         </stream:error></stream:stream>";
    server.write(error).await;
    let (text, id, failure) = party.undelivered().await;
    assert_eq!((&*text, id), ("1", None));
    let Failure::Ended(CloseReason::PeerError(told)) = &failure else {
        panic!("{failure}");
    };
    assert_eq!(told.condition, StreamCondition::NotAuthorized);
    assert_eq!(party.lost().await, failure);
    // It is not asked again at once, and a stanza waits for the end of the link.
    party.link.send(message("2")).await.unwrap();
    party.link.shutdown().await;
    let (text, _, failure) = party.undelivered().await;
    assert_eq!((&*text, failure), ("2", Failure::Shutdown));
}

#[tokio::test]
async fn what_is_not_for_the_link_or_too_much_is_not_taken() {
    let (_listener, address) = listen().await;
    let party = Party::start(address, |config| config.limits.max_waiting_stanzas = 1);
    let astray = party.link.send(message_from("x@a.example", "1")).await;
    assert_eq!(astray.unwrap_err().reason, SendError::NotLocal);
    party.link.send(message("2")).await.unwrap();
    let second = party.link.send(message("3")).await;
    assert_eq!(second.unwrap_err().reason, SendError::Full);
}

#[tokio::test]
async fn what_waits_has_a_number_and_its_bytes() {
    let (_listener, address) = listen().await;
    let bytes = message("1").held_bytes();
    let default = Limits::default();
    let (number, size) = (default.max_waiting_stanzas, default.max_waiting_bytes);
    for (number, size, taken) in [
        (2, size, 2),
        (3, size, 3),
        (4, size, 4),
        (number, 3 * bytes - 1, 2),
        (number, 3 * bytes, 3),
        (number, 3 * bytes + 1, 3),
    ] {
        // Nobody takes the component in, so that all wait.
        let party = Party::start(address, |config| {
            config.limits.max_waiting_stanzas = number;
            config.limits.max_waiting_bytes = size;
        });
        for id in 1..=taken {
            party.link.send(message(&id.to_string())).await.unwrap();
        }
        let beyond = party.link.send(message("5")).await;
        assert_eq!(beyond.unwrap_err().reason, SendError::Full, "{taken}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_read_loses_the_stream_and_nothing_without_a_word() {
    let (listener, address) = listen().await;
    let mut party = Party::start(address, |config| {
        config.limits.write_timeout = Duration::from_millis(200);
        config.limits.max_unread_events = 10_000;
    });
    let _server = Server::welcome(&listener).await;
    assert!(matches!(party.next().await, Event::Established));
    let text = "x".repeat(50_000);
    let mut ids = Vec::new();
    loop {
        match party.link.send_tracked(message(&text)).await {
            Ok(id) => ids.push(id),
            Err(rejected) => {
                assert_eq!(rejected.reason, SendError::Full);
                break;
            }
        }
    }
    let mut told = Vec::new();
    let mut lost = false;
    while !lost {
        let event = party.next().await;
        if let Event::Sent { id } = event {
            told.push(id);
        } else if let Event::Undelivered { id, .. } = event {
            told.extend(id);
        } else {
            assert!(matches!(event, Event::Lost { .. }), "{event}");
            lost = true;
        }
    }
    assert!(told.is_sorted());
    assert!(told.len() < ids.len());
    // The rest waits for the next stream.
    party.link.shutdown().await;
    while let Some(event) = party.events.recv().await {
        if let Event::Undelivered { id, .. } = event {
            told.extend(id);
        }
    }
    assert_eq!(told, ids);
}

/// How long a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(8);
