use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use comity_identity::{Direction, DomainName};
use comity_sip::endpoint::{Endpoint, Event, Target};
use comity_sip::{StatusCode, Transport};
use comity_tokio::sip::{Application, Server, Traffic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::party::{Party, Seen, config, request, secure};

/// A message that was shown.
type Shown = (Direction, Transport, Vec<DomainName>, String);

/// Answers everything, and shows what it sees while it is told to.
struct Watcher {
    shown: mpsc::UnboundedSender<Shown>,
    is_on: Arc<AtomicBool>,
}

impl Application for Watcher {
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        if let Event::Request(incoming) = event {
            let response = incoming.response(StatusCode::OK);
            endpoint.answer(now, &incoming, response).unwrap();
        }
    }

    fn wants_traffic(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    fn handle_traffic(&mut self, traffic: Traffic<'_>) {
        assert_eq!(
            traffic.connection.is_none(),
            traffic.transport == Transport::Udp
        );
        let text = String::from_utf8(traffic.message.to_vec()).unwrap();
        let line = text.lines().next().unwrap().to_owned();
        let shown = (
            traffic.direction,
            traffic.transport,
            traffic.proved.to_vec(),
            line,
        );
        let _ = self.shown.send(shown);
    }
}

#[tokio::test]
async fn whoever_looks_on_sees_what_comes_and_what_leaves() {
    let (shown, mut seen) = mpsc::unbounded_channel();
    let is_on = Arc::new(AtomicBool::new(false));
    let watcher = Watcher {
        shown,
        is_on: Arc::clone(&is_on),
    };
    let mut wanted = secure(3, &["b.example"]);
    wanted.listen.extend(config(&[Transport::Tcp]).listen);
    let b = Server::start(wanted, watcher).await.unwrap();
    let mut a = Party::start(secure(2, &["a.example"])).await;
    let (_, address) = b.addresses()[0];
    let target = Target::new(Transport::Tls, address).named("b.example".parse().unwrap());
    for on in [false, true, false] {
        is_on.store(on, Ordering::Relaxed);
        a.send("sip:b@b.example", "hello", vec![target.clone()])
            .await;
        while a.next().await != Seen::Response(StatusCode::OK) {}
    }
    let proved: Vec<DomainName> = vec!["a.example".parse().unwrap()];
    let expected = |direction, line: &str| (direction, Transport::Tls, proved.clone(), line.into());
    let first = seen.recv().await.unwrap();
    assert_eq!(
        first,
        expected(Direction::Inbound, "MESSAGE sip:b@b.example SIP/2.0")
    );
    let second = seen.recv().await.unwrap();
    assert_eq!(second, expected(Direction::Outbound, "SIP/2.0 200 OK"));
    assert!(seen.try_recv().is_err());

    // The last word on a connection is shown too.
    is_on.store(true, Ordering::Relaxed);
    let mut stream = TcpStream::connect(b.addresses()[1].1).await.unwrap();
    let own = stream.local_addr().unwrap();
    let broken = request("TCP", own, 1, "hi").replace("Content-Length: 2", "Content-Length: x");
    stream.write_all(broken.as_bytes()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let came = seen.recv().await.unwrap();
    assert_eq!(
        (came.0, &*came.3),
        (Direction::Inbound, "MESSAGE sip:b@b.example SIP/2.0")
    );
    let left = seen.recv().await.unwrap();
    assert_eq!(left.0, Direction::Outbound);
    assert!(left.3.starts_with("SIP/2.0 400 "), "{}", left.3);
}
