//! What is not to be answered, and how little is said to strangers.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use comity_machine::Random;
use comity_sip::endpoint::Event;
use comity_sip::{Flow, StatusCode, Transport};

use super::probe::{Probe, Sent, header, lines, request, to};

const A: &str = "192.0.2.1:5060";

/// One datagram of somebody unknown gets at most one answer, hardly larger than itself, and only to
/// where it came from.
fn check_answer(bytes: &[u8], sent: &[Sent]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(sent.len() <= 1, "{text}: {sent:?}");
    for (flow, answer) in sent {
        assert!(answer.starts_with("SIP/2.0 "), "{answer}");
        assert!(answer.len() <= bytes.len() + 200, "{text}: {answer}");
        let Flow::Datagrams { remote, .. } = flow else {
            panic!("{flow:?}")
        };
        assert_eq!(remote.ip(), IpAddr::from([192, 0, 2, 1]));
    }
    let first = text.trim_start_matches(['\r', '\n']);
    if first.starts_with("SIP/") || first.starts_with("ACK ") {
        assert_eq!(sent, [], "{text}");
    }
}

fn messages() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut messages = Vec::new();
    for vectors in ["rfc4475", "rfc5118", "microsoft-sip"] {
        let mut files: Vec<_> = fs::read_dir(folder.join(vectors))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let files = files
            .iter()
            .filter(|file| file.extension().is_none_or(|name| name != "md"));
        messages.extend(files.map(|file| fs::read(file).unwrap()));
    }
    assert!(messages.len() > 70, "{}", messages.len());
    messages
}

#[test]
fn a_datagram_gets_at_most_one_small_answer() {
    for bytes in messages() {
        let mut probe = Probe::new();
        let sent = probe.raw(A.parse().unwrap(), &bytes);
        check_answer(&bytes, &sent);
    }
}

#[test]
fn a_broken_datagram_gets_at_most_one_small_answer() {
    let mut random = Random::from_seed([5; 32]);
    let messages = messages();
    for _ in 0..4_000 {
        let pick = usize::try_from(random.below(messages.len() as u64)).unwrap();
        let mut bytes = messages[pick].clone();
        for _ in 0..=random.below(4) {
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            match random.below(3) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = b"\r\n ;:,\"<>\0"[usize::try_from(random.below(10)).unwrap()],
                _ => bytes.insert(at, b'\n'),
            }
        }
        let mut probe = Probe::new();
        let sent = probe.raw(A.parse().unwrap(), &bytes);
        check_answer(&bytes, &sent);
    }
}

#[test]
fn a_response_or_an_ack_is_never_answered() {
    let mut probe = Probe::new();
    for (text, counted) in [
        (
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b.example:5060;branch=z9hG4bK0123456789abcdef\r\nFrom: <sip:b>;tag=1\r\nTo: <sip:a>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n",
            (1, 0, 0, 0),
        ),
        (
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nFrom: <sip:b>;tag=1\r\nTo: <sip:a>\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n\r\n",
            (1, 0, 0, 0),
        ),
        (
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b.example:5060\r\n\r\n",
            (0, 1, 0, 0),
        ),
        ("SIP/2.0 wrong\r\n\r\n", (0, 0, 0, 1)),
        ("ACK sip:b SIP/2.0\r\nVia: broken\r\n\r\n", (0, 0, 0, 1)),
        ("no message", (0, 0, 0, 1)),
    ] {
        let before = probe.endpoint.counters();
        assert_eq!(probe.datagram(A, text), [], "{text}");
        assert_eq!(probe.told().len(), 0);
        let after = probe.endpoint.counters();
        let counts = (
            after.stray_responses - before.stray_responses,
            after.malformed_responses - before.malformed_responses,
            after.stray_acks - before.stray_acks,
            after.malformed - before.malformed,
        );
        assert_eq!(counts, counted, "{text}");
    }
    let ack = request("ACK", "UDP 192.0.2.1:5060;branch=z9hG4bK1", "");
    assert_eq!(probe.datagram(A, &ack), []);
    assert_eq!(probe.endpoint.counters().stray_acks, 1);
    assert_eq!(probe.endpoint.transactions(), 0);
}

#[test]
fn a_request_that_cannot_be_accepted_is_refused_and_nothing_is_kept() {
    let cases = [
        (
            request("FOO", "UDP a.example;branch=z9hG4bK1", ""),
            "501 Not Implemented",
        ),
        (
            request("MESSAGE", "UDP a.example;branch=z9hG4bK1", "Require: x\r\n"),
            "420 Bad Extension",
        ),
        (
            request(
                "INVITE",
                "UDP a.example;branch=z9hG4bK1",
                "Require: 100rel\r\n",
            ),
            "420 Bad Extension",
        ),
        (
            request("MESSAGE", "UDP a.example;branch=z9hG4bK1", "")
                .replace("sip:bob@b.example SIP", "foo:bob SIP"),
            "416 Unsupported URI Scheme",
        ),
        (
            request("MESSAGE", "UDP a.example;branch=z9hG4bK1", "")
                .replace("CSeq: 7 MESSAGE", "CSeq: 7 INFO"),
            "400 Bad Request",
        ),
        (
            request("MESSAGE", "UDP a.example;branch=z9hG4bK1", "").replace("From: ", "From: >"),
            "400 Bad Request",
        ),
        (
            request("MESSAGE", "UDP a.example;branch=z9hG4bK1", "")
                .replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
            "505 Version Not Supported",
        ),
        (
            request(
                "MESSAGE",
                "UDP a.example;branch=z9hG4bK1",
                &format!("X: {}\r\n", "x".repeat(1_300)),
            ),
            "513 Message Too Large",
        ),
    ];
    for (message, expected) in cases {
        let mut probe = Probe::new();
        let first = probe.datagram(A, &message);
        assert_eq!(first.len(), 1, "{message}");
        assert!(
            first[0].1.starts_with(&format!("SIP/2.0 {expected}\r\n")),
            "{message}: {first:?}"
        );
        assert_eq!(probe.datagram(A, &message), first, "the same to a copy");
        assert_eq!(probe.endpoint.transactions(), 0);
        assert_eq!(probe.told().len(), 0);
    }
}

#[test]
fn what_belongs_to_no_dialog_gets_481() {
    for method in ["BYE", "NOTIFY", "MESSAGE", "INVITE", "SUBSCRIBE"] {
        let mut probe = Probe::new();
        let via = "UDP 192.0.2.1:5060;branch=z9hG4bK1";
        let message = request(
            method,
            via,
            "Event: presence\r\nSubscription-State: active\r\n",
        );
        let message = message.replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=9");
        let sent = probe.datagram(A, &message);
        assert_eq!(
            lines(&sent),
            [(to(A), "SIP/2.0 481 Call/Transaction Does Not Exist")],
            "{method}"
        );
    }
}

#[test]
fn answers_for_which_nothing_is_kept_are_counted_out() {
    let mut probe = Probe::new();
    let message = request("FOO", "UDP a.example;branch=z9hG4bK1", "");
    let answered = (0..300)
        .filter(|_| !probe.datagram(A, &message).is_empty())
        .count();
    assert_eq!(answered, 200);
    assert_eq!(probe.endpoint.counters().withheld, 100);
    assert_eq!(
        probe.datagram("192.0.2.2:5060", &message).len(),
        1,
        "another source"
    );
    probe.wait(std::time::Duration::from_secs(1));
    let answered = (0..300)
        .filter(|_| !probe.datagram(A, &message).is_empty())
        .count();
    assert_eq!(answered, 100);
}

#[test]
fn a_stream_that_cannot_be_read_is_answered_and_closed() {
    let mut probe = Probe::new();
    let connection = probe.connection(Transport::Tcp, "192.0.2.1:1111", &[]);
    let complete = request("OPTIONS", "TCP a.example;branch=z9hG4bK1", "");
    let broken = request("OPTIONS", "TCP a.example;branch=z9hG4bK2", "")
        .replace("Content-Length: 0", "Content-Length: many");
    let sent = probe.input(connection, &(complete.clone() + &broken + &complete));
    let flow = Flow::Connection(connection);
    assert_eq!(
        lines(&sent),
        [(flow, "SIP/2.0 200 OK"), (flow, "SIP/2.0 400 Bad Request")]
    );
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(id)] if *id == connection),
        "{told:?}"
    );
}

#[test]
fn options_says_what_there_is() {
    let mut probe = Probe::new();
    let sent = probe.datagram(A, &request("OPTIONS", "UDP 192.0.2.1;branch=z9hG4bK1", ""));
    assert_eq!(lines(&sent), [(to(A), "SIP/2.0 200 OK")]);
    let answer = &sent[0].1;
    assert_eq!(
        header(answer, "Allow"),
        "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY"
    );
    assert_eq!(header(answer, "Allow-Events"), "presence");
}

#[test]
fn a_response_by_another_way_than_its_request_is_dropped() {
    use comity_sip::endpoint::Target;
    use comity_sip::{Method, Uri};

    let mut probe = Probe::new();
    let (uri, from) = ("sip:alice@a.example", "sip:bob@b.example");
    let (uri, from) = (Uri::parse(uri).unwrap(), Uri::parse(from).unwrap());
    let message = probe.endpoint.compose(Method::Message, uri, from).unwrap();
    let target = Target::new(Transport::Tls, "192.0.2.1:5061".parse().unwrap());
    probe
        .endpoint
        .send(probe.now, &message, vec![target])
        .unwrap();
    let told = probe.told();
    let [Event::Connect { connection, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    probe
        .endpoint
        .handle_connected(probe.now, *connection, vec!["a.example".parse().unwrap()]);
    let sent = probe.sent();
    let answer = sent[0].1.replacen(
        "MESSAGE sip:alice@a.example SIP/2.0",
        &format!("SIP/2.0 {} OK", StatusCode::OK),
        1,
    );
    // Whoever saw the branch may write datagrams or have a connection of his own.
    probe.datagram(A, &answer);
    let other = probe.connection(Transport::Tls, "192.0.2.9:1111", &["m.example"]);
    probe.input(other, &answer);
    assert_eq!(probe.told().len(), 0);
    assert_eq!(probe.endpoint.counters().stray_responses, 2);
    probe.input(*connection, &answer);
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Response { .. }]),
        "{told:?}"
    );
}
