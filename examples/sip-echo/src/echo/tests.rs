#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by a panic"
)]

use std::net::SocketAddr;

use comity_rustls::default_provider;
use comity_sip::endpoint::Listener;
use comity_sip::{ConnectionId, Flow};
use comity_tokio::sip::Config;
use lexopt::Parser;

use super::*;
use crate::options::{self, Command};

/// The domain without its sockets.
struct Rig {
    endpoint: Endpoint,
    echo: Echo,
    now: Instant,
}

impl Rig {
    fn new(more: &[&str]) -> Self {
        let args = [
            "comity-sip-echo",
            "--domain=echo.example",
            "--listen-udp=192.0.2.1:5060",
        ];
        let parsed = options::parse(Parser::from_iter(args.iter().chain(more)));
        let Ok(Command::Run(options)) = parsed else {
            panic!("{parsed:?}");
        };
        // TLS without the files.
        let mut config = Config::new(&default_provider()).endpoint;
        config.events = vec!["presence".to_owned()];
        config.max_page_bytes = None;
        let listener = |transport| Listener::new(transport, ours());
        config.listeners = [Transport::Udp, Transport::Tls].map(listener).to_vec();
        let now = Instant::now();
        Self {
            endpoint: Endpoint::new(now, config, [7; 32]),
            echo: Echo::new(&options),
            now,
        }
    }

    /// What leaves because of a datagram.
    fn tell(&mut self, request: &str) -> Vec<String> {
        let datagram = Bytes::copy_from_slice(request.as_bytes());
        self.endpoint
            .handle_datagram(self.now, ours(), theirs(), datagram);
        self.settle()
    }

    fn connect(&mut self, proved: &[&str]) -> ConnectionId {
        let proved = proved.iter().map(|name| name.parse().expect("a name"));
        let proved = proved.collect();
        self.endpoint
            .accept_connection(self.now, Transport::Tls, theirs(), proved)
            .expect("there is room")
    }

    /// What leaves because of a message on a connection.
    fn tell_on(&mut self, connection: ConnectionId, request: &str) -> Vec<String> {
        self.endpoint
            .handle_input(self.now, connection, request.as_bytes());
        self.settle()
    }

    fn settle(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        loop {
            let mut bytes = Vec::new();
            if let Some(transmit) = self.endpoint.poll_transmit(&mut bytes) {
                if let Flow::Datagrams { remote, .. } = transmit.flow {
                    assert_eq!(remote, theirs());
                }
                sent.push(String::from_utf8(bytes).expect("UTF-8"));
                continue;
            }
            match self.endpoint.poll_event() {
                // What a driver would answer.
                Some(Event::Locate { query, .. }) => {
                    let target = Target::new(Transport::Udp, theirs());
                    self.endpoint.handle_targets(self.now, query, vec![target]);
                }
                Some(event) => self.echo.handle_event(self.now, &mut self.endpoint, event),
                None => return sent,
            }
        }
    }
}

fn ours() -> SocketAddr {
    ([192, 0, 2, 1], 5060).into()
}

fn theirs() -> SocketAddr {
    ([192, 0, 2, 2], 5060).into()
}

fn request(method: &str, uri: &str, more: &str, body: &str) -> String {
    request_over("UDP", method, uri, more, body)
}

fn request_over(via: &str, method: &str, uri: &str, more: &str, body: &str) -> String {
    // One key for one text.
    let key = method.len() + 100 * uri.len() + 10_000 * body.len();
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/{via} 192.0.2.2:5060;branch=z9hG4bK{via}{key}\r\n\
         From: <sip:romeo@montague.example>;tag=1\r\n\
         To: <{uri}>\r\n\
         Call-ID: {via}{key}@montague.example\r\n\
         CSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\n\
         {more}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const JULIET: &str = "sip:juliet@echo.example";
const TEXT: &str = "Content-Type: text/plain;charset=UTF-8\r\n";

/// The status of an answer.
fn status(message: &str) -> &str {
    let status = message.strip_prefix("SIP/2.0 ").expect("a response");
    status.get(..3).expect("a status")
}

/// The value of a header.
fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let mut lines = message.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name}: {message}"))
}

fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").expect("a body").1
}

#[test]
fn a_message_is_answered_and_comes_back() {
    let mut rig = Rig::new(&[]);
    let sent = rig.tell(&request("MESSAGE", JULIET, TEXT, "Wherefore?"));
    let [answer, echo] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(status(answer), "200");
    assert!(echo.starts_with("MESSAGE sip:romeo@montague.example SIP/2.0\r\n"));
    assert_eq!(header(echo, "To"), "<sip:romeo@montague.example>");
    let from = header(echo, "From");
    assert!(from.starts_with("<sip:juliet@echo.example>;tag="), "{from}");
    assert_eq!(header(echo, "Content-Type"), "text/plain;charset=UTF-8");
    assert_eq!(body(echo), "Wherefore?");
}

#[test]
fn nothing_about_users_is_logged() {
    let mut rig = Rig::new(&[]);
    rig.tell(&request("MESSAGE", JULIET, TEXT, "Wherefore?"));
    rig.tell(&request("MESSAGE", "sip:nurse@other.example", TEXT, "?"));
    assert_eq!(
        rig.echo.log.take(),
        "MESSAGE from 192.0.2.2:5060 (UDP): 200\nMESSAGE from 192.0.2.2:5060 (UDP): 404\n"
    );
}

#[test]
fn nothing_comes_back_if_it_is_not_wanted() {
    let mut rig = Rig::new(&["--no-echo"]);
    let sent = rig.tell(&request("MESSAGE", JULIET, TEXT, "Wherefore?"));
    assert_eq!(sent.len(), 1);
    assert_eq!(status(&sent[0]), "200");
}

#[test]
fn our_own_domain_gets_nothing_back() {
    let mut rig = Rig::new(&[]);
    let message = request("MESSAGE", JULIET, TEXT, "Wherefore?");
    let sent = rig.tell(&message.replace("montague.example>", "ECHO.example>"));
    assert_eq!(sent.len(), 1);
    assert_eq!(status(&sent[0]), "200");
}

#[test]
fn only_users_of_the_domain_are_found() {
    for (uri, expected) in [
        ("sip:juliet@ECHO.Example", "200"),
        ("sip:juliet@echo.example:5060", "200"),
        ("sip:echo.example", "404"),
        ("sip:juliet@other.example", "404"),
        ("sip:juliet@192.0.2.1", "404"),
    ] {
        let mut rig = Rig::new(&[]);
        let sent = rig.tell(&request("MESSAGE", uri, TEXT, "Wherefore?"));
        assert_eq!(status(&sent[0]), expected, "{uri}");
    }
}

#[test]
fn a_large_message_outside_of_a_session_is_taken_over_tls_alone() {
    let mut rig = Rig::new(&[]);
    let text = "a".repeat(1_300);
    let sent = rig.tell(&request("MESSAGE", JULIET, TEXT, &text));
    assert_eq!(sent.len(), 1);
    assert_eq!(status(&sent[0]), "513");
    let connection = rig.connect(&["montague.example"]);
    let message = request_over("TLS", "MESSAGE", JULIET, TEXT, &text);
    let sent = rig.tell_on(connection, &message);
    assert_eq!(sent.len(), 2);
    assert_eq!(status(&sent[0]), "200");
    assert_eq!(body(&sent[1]), text);
}

#[test]
fn over_tls_a_client_speaks_for_the_domains_that_it_proved() {
    for (proved, expected) in [
        (&["montague.example"][..], "200"),
        (&["verona.example", "montague.example"], "200"),
        (&["verona.example"], "403"),
        (&["sip.montague.example"], "403"),
    ] {
        let mut rig = Rig::new(&["--no-echo"]);
        let connection = rig.connect(proved);
        let message = request_over("TLS", "MESSAGE", JULIET, TEXT, "Wherefore?");
        let sent = rig.tell_on(connection, &message);
        assert_eq!(sent.len(), 1);
        assert_eq!(status(&sent[0]), expected, "{proved:?}");
    }
}

const OFFER: &str = "v=0\r\n\
    o=- 1 1 IN IP4 192.0.2.2\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.2\r\n\
    t=0 0\r\n\
    m=message 5060 sip null\r\n\
    a=accept-types:text/plain\r\n";
const SDP: &str = "Contact: <sip:romeo@192.0.2.2>\r\nContent-Type: application/sdp\r\n";

#[test]
fn what_is_said_in_a_session_comes_back_in_it() {
    let mut rig = Rig::new(&[]);
    let sent = rig.tell(&request("INVITE", JULIET, SDP, OFFER));
    let accepted = &sent[0];
    assert_eq!(status(accepted), "200");
    assert_eq!(
        body(accepted),
        "v=0\r\n\
         o=- 1 1 IN IP4 echo.example\r\n\
         s=-\r\n\
         c=IN IP4 echo.example\r\n\
         t=0 0\r\n\
         m=message 5060 sip null\r\n"
    );
    let contact = header(accepted, "Contact").trim_matches(['<', '>']);
    let to = header(accepted, "To");
    let call_id = header(accepted, "Call-ID");
    let in_session = |method: &str, number: u32, body: &str| {
        let request = request(method, JULIET, TEXT, body);
        let own = header(&request, "Call-ID");
        request
            .replace(own, call_id)
            .replace(
                &format!("{method} {JULIET} "),
                &format!("{method} {contact} "),
            )
            .replace(&format!("To: <{JULIET}>"), &format!("To: {to}"))
            .replace("CSeq: 1 ", &format!("CSeq: {number} "))
    };
    assert_eq!(rig.tell(&in_session("ACK", 1, "")), [""; 0]);
    let sent = rig.tell(&in_session("MESSAGE", 2, "Wherefore?"));
    let [answer, echo] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(status(answer), "200");
    assert!(
        echo.starts_with("MESSAGE sip:romeo@192.0.2.2 SIP/2.0\r\n"),
        "{echo}"
    );
    assert_eq!(header(echo, "Call-ID"), call_id);
    assert_eq!(header(echo, "To"), "<sip:romeo@montague.example>;tag=1");
    assert_eq!(header(echo, "From"), to);
    assert_eq!(body(echo), "Wherefore?");
    let sent = rig.tell(&in_session("BYE", 3, ""));
    assert_eq!(status(&sent[0]), "200");
    assert_eq!(
        rig.echo.log.take().lines().last(),
        Some("session 0: ended by the peer")
    );
}

#[test]
fn a_session_of_anything_else_is_not_acceptable() {
    for (number, (more, offer)) in [
        (
            SDP,
            OFFER.replace("m=message 5060 sip null", "m=audio 4000 RTP/AVP 0"),
        ),
        ("Contact: <sip:romeo@192.0.2.2>\r\n", String::new()),
        (
            &SDP.replace("application/sdp", "text/plain"),
            OFFER.to_owned(),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut rig = Rig::new(&[]);
        let sent = rig.tell(&request("INVITE", JULIET, more, &offer));
        assert_eq!(status(&sent[0]), "488", "{number}");
    }
}

#[test]
fn who_subscribes_is_told_that_the_user_is_there() {
    let mut rig = Rig::new(&[]);
    let more = "Contact: <sip:romeo@192.0.2.2>\r\nEvent: presence\r\nExpires: 600\r\n";
    let sent = rig.tell(&request("SUBSCRIBE", "sip:o'neill@echo.example", more, ""));
    let [answer, notify] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(status(answer), "200");
    assert!(
        notify.starts_with("NOTIFY sip:romeo@192.0.2.2 SIP/2.0\r\n"),
        "{notify}"
    );
    assert_eq!(header(notify, "Content-Type"), "application/pidf+xml");
    assert_eq!(
        body(notify),
        "<?xml version='1.0' encoding='UTF-8'?>\
         <presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:o&apos;neill@echo.example'>\
         <tuple id='echo'><status><basic>open</basic></status></tuple></presence>"
    );
    let more = more.replace("Event: presence", "Event: dialog");
    let sent = rig.tell(&request("SUBSCRIBE", JULIET, &more, ""));
    assert_eq!(status(&sent[0]), "489");
}
