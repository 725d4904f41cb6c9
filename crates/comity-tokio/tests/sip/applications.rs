use std::time::{Duration, Instant};

use comity_sip::Transport::{Tcp, Udp};
use comity_sip::endpoint::{Endpoint, Event, Target};
use comity_sip::{Method, StatusCode, Uri};
use comity_tokio::sip::{Application, Server};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::party::{PATIENCE, Party, Seen, config};

/// An application that greets somebody when its time comes, and says goodbye at the end.
struct Polite {
    to: Target,
    due: Option<Instant>,
    /// Whether its goodbye has to be answered.
    waits: bool,
    unanswered: usize,
    told: mpsc::UnboundedSender<StatusCode>,
}

impl Polite {
    fn new(to: Target) -> (Self, mpsc::UnboundedReceiver<StatusCode>) {
        let (told, answers) = mpsc::unbounded_channel();
        let polite = Self {
            to,
            due: None,
            waits: false,
            unanswered: 0,
            told,
        };
        (polite, answers)
    }

    fn say(&mut self, now: Instant, endpoint: &mut Endpoint, text: &'static str) {
        let [to, from] = ["sip:b@b.example", "sip:a@a.example"].map(|uri| Uri::parse(uri).unwrap());
        let mut message = endpoint.compose(Method::Message, to, from).unwrap();
        message.body("text/plain", text.into()).unwrap();
        endpoint.send(now, &message, vec![self.to.clone()]).unwrap();
        self.unanswered += 1;
    }
}

impl Application for Polite {
    fn handle_event(&mut self, _: Instant, _: &mut Endpoint, event: Event) {
        if let Event::Response { response, .. } = event {
            self.unanswered -= 1;
            let _ = self.told.send(response.status());
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        assert!(self.due.take().unwrap() <= now);
        self.say(now, endpoint, "hello");
    }

    fn handle_shutdown(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.say(now, endpoint, "goodbye");
    }

    fn is_settled(&self, _: &Endpoint) -> bool {
        !self.waits || self.unanswered == 0
    }
}

#[tokio::test]
async fn an_application_has_a_time_of_its_own_and_is_reached_from_outside() {
    let mut b = Party::start(config(&[Udp])).await;
    let (polite, mut answers) = Polite::new(Target::new(Udp, b.address(Udp)));
    let a = Server::start(config(&[Udp]), polite).await.unwrap();
    let due = |now: Instant, _: &mut Endpoint, polite: &mut Polite| {
        polite.due = now.checked_add(Duration::from_millis(20));
    };
    for _ in 0..2 {
        a.call(due).await.unwrap();
        let (_, from) = a.addresses()[0];
        assert_eq!(b.next().await, Seen::Request("hello".into(), from));
        assert_eq!(answers.recv().await, Some(StatusCode::OK));
    }
}

#[tokio::test]
async fn what_an_application_says_at_a_shutdown_leaves_before_the_end() {
    let mut b = Party::start(config(&[Udp])).await;
    let (polite, _answers) = Polite::new(Target::new(Udp, b.address(Udp)));
    let a = Server::start(config(&[Udp]), polite).await.unwrap();
    timeout(PATIENCE, a.shutdown()).await.unwrap();
    assert!(matches!(b.next().await, Seen::Request(text, _) if text == "goodbye"));

    // Over the connection that there is, behind which comes the end.
    let (polite, _answers) = Polite::new(Target::new(Tcp, ([127, 0, 0, 1], 9).into()));
    let a = Server::start(config(&[Tcp]), polite).await.unwrap();
    let mut stream = TcpStream::connect(a.addresses()[0].1).await.unwrap();
    let own = stream.local_addr().unwrap();
    // The connection is accepted when its first keep-alive is answered.
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"\r\n\r\n")
        .await
        .unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).await.unwrap();
    a.call(move |_, _, polite: &mut Polite| polite.to.address = own)
        .await
        .unwrap();
    let shutdown = tokio::spawn(async move { a.shutdown().await });
    let mut text = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.unwrap().unwrap();
    assert!(
        text.starts_with("MESSAGE sip:b@b.example SIP/2.0\r\n"),
        "{text}"
    );
    assert!(text.ends_with("\r\n\r\ngoodbye"), "{text}");
    drop(stream);
    timeout(PATIENCE, shutdown).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_shutdown_waits_until_the_application_is_settled() {
    let mut b = Party::start(config(&[Tcp])).await;
    let (mut polite, mut answers) = Polite::new(Target::new(Tcp, b.address(Tcp)));
    polite.waits = true;
    let a = Server::start(config(&[Tcp]), polite).await.unwrap();
    // It needs a connection that is not there yet.
    timeout(PATIENCE, a.shutdown()).await.unwrap();
    assert_eq!(answers.recv().await, Some(StatusCode::OK));
    assert!(matches!(b.next().await, Seen::Notice(_)));
    assert!(matches!(b.next().await, Seen::Request(text, _) if text == "goodbye"));
}

#[tokio::test]
async fn an_application_that_never_settles_is_given_up() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (mut polite, mut answers) = Polite::new(Target::new(Udp, silent.local_addr().unwrap()));
    polite.waits = true;
    let mut wanted = config(&[Udp]);
    wanted.limits.settle_timeout = Duration::from_millis(100);
    let a = Server::start(wanted, polite).await.unwrap();
    timeout(PATIENCE, a.shutdown()).await.unwrap();
    assert_eq!(answers.recv().await, None);
}
