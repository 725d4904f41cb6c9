//! Passing requests on.

use comity_sip::endpoint::{AnswerError, Config, Event, ForwardError, Stay, Target};
use comity_sip::{Role, StatusCode, Transport};
use comity_testkit::link::End;

use super::probe::{Probe, Sent, header, lines, request, to};
use super::world::config;

const A: &str = "192.0.2.1:5060";
const NEXT: &str = "192.0.2.20:5060";
const VIA: &str = "UDP 192.0.2.1:5060;branch=z9hG4bK1";

fn proxy() -> Config {
    let mut config = config(End::B);
    config.acceptance.role = Role::Proxy;
    config
}

fn next() -> Vec<Target> {
    vec![Target::new(Transport::Udp, NEXT.parse().unwrap())]
}

/// A request that came and was passed on.
fn forwarded(probe: &mut Probe, text: &str, stay: Stay) -> (comity_sip::endpoint::Incoming, Sent) {
    assert_eq!(probe.datagram(A, text), []);
    let [incoming] = probe.requests().try_into().unwrap();
    probe
        .endpoint
        .forward(probe.now, &incoming, next(), stay)
        .unwrap();
    let [sent] = probe.sent().try_into().unwrap();
    assert_eq!(sent.0, to(NEXT));
    (incoming, sent)
}

#[test]
fn everything_but_the_hops_stays_as_it_came() {
    let mut probe = Probe::with(proxy());
    let text = request(
        "MESSAGE",
        VIA,
        "x-odd:  kept , as \"is\"\r\nSubject: \u{e4}\r\n  folded\r\n",
    );
    let (_, sent) = forwarded(&mut probe, &text, Stay::Recorded);
    let (own, rest) = sent
        .1
        .split_once("Via: SIP/2.0/UDP 192.0.2.1:5060")
        .unwrap();
    let (line, via) = own.split_once("\r\n").unwrap();
    assert_eq!(line, "MESSAGE sip:bob@b.example SIP/2.0");
    assert!(
        via.starts_with("Via: SIP/2.0/UDP b.example:5060;branch=z9hG4bK"),
        "{via}"
    );
    assert!(
        via.ends_with("Record-Route: <sip:b.example:5060;transport=udp;lr>\r\n"),
        "{via}"
    );
    let (_, came) = text.split_once("Via: SIP/2.0/UDP 192.0.2.1:5060").unwrap();
    assert_eq!(rest, came.replace("Max-Forwards: 70", "Max-Forwards: 69"));
}

#[test]
fn between_two_transports_both_sides_are_recorded() {
    let mut probe = Probe::with(proxy());
    let connection = probe.connection(Transport::Tls, "192.0.2.1:1111", &["a.example"]);
    probe.input(
        connection,
        &request("INVITE", "TLS a.example;branch=z9hG4bK1", ""),
    );
    let [incoming] = probe.requests().try_into().unwrap();
    probe
        .endpoint
        .forward(probe.now, &incoming, next(), Stay::Recorded)
        .unwrap();
    let [(_, sent)] = probe.sent().try_into().unwrap();
    let recorded: Vec<_> = sent
        .lines()
        .filter(|line| line.starts_with("Record-Route"))
        .collect();
    assert_eq!(
        recorded,
        [
            "Record-Route: <sip:b.example:5060;transport=udp;lr>",
            "Record-Route: <sip:b.example:5061;transport=tls;lr>",
        ]
    );
}

#[test]
fn max_forwards_counts_down_to_483() {
    for (came, goes) in [
        ("70", Some("69")),
        ("1", Some("0")),
        ("0", None),
        ("255", Some("70")),
        ("999", Some("70")),
    ] {
        let mut probe = Probe::with(proxy());
        let text = request("MESSAGE", VIA, "")
            .replace("Max-Forwards: 70", &format!("Max-Forwards: {came}"));
        let sent = probe.datagram(A, &text);
        match goes {
            Some(goes) => {
                let [incoming] = probe.requests().try_into().unwrap();
                probe
                    .endpoint
                    .forward(probe.now, &incoming, next(), Stay::Unrecorded)
                    .unwrap();
                assert_eq!(header(&probe.sent()[0].1, "Max-Forwards"), goes, "{came}");
            }
            None => assert_eq!(lines(&sent), [(to(A), "SIP/2.0 483 Too Many Hops")]),
        }
    }
    let mut probe = Probe::with(proxy());
    let text = request("MESSAGE", VIA, "").replace("Max-Forwards: 70\r\n", "");
    let (_, sent) = forwarded(&mut probe, &text, Stay::Unrecorded);
    assert_eq!(header(&sent.1, "Max-Forwards"), "70");
}

/// What comes back unchanged would go round for ever; what comes back changed may go on.
#[test]
fn a_loop_is_refused_and_a_spiral_is_not() {
    let mut probe = Probe::with(proxy());
    let (_, sent) = forwarded(&mut probe, &request("MESSAGE", VIA, ""), Stay::Unrecorded);
    let (line, rest) = sent.1.split_once("\r\n").unwrap();
    let again = |line: &str, branch: &str| {
        format!("{line}\r\nVia: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK{branch}\r\n{rest}")
    };
    probe.datagram(NEXT, &again(line, "loop"));
    let [looped] = probe.requests().try_into().unwrap();
    let refused = probe
        .endpoint
        .forward(probe.now, &looped, next(), Stay::Unrecorded);
    assert_eq!(refused, Err(ForwardError::Loop));
    assert_eq!(ForwardError::Loop.status(), StatusCode::LOOP_DETECTED);
    let changed = line.replace("bob@b.example", "robert@b.example");
    probe.datagram(NEXT, &again(&changed, "spiral"));
    let [spiral] = probe.requests().try_into().unwrap();
    assert!(
        probe
            .endpoint
            .forward(probe.now, &spiral, next(), Stay::Unrecorded)
            .is_ok()
    );
}

#[test]
fn routes_that_name_us_are_taken_out() {
    for (came, goes) in [
        ("Route: <sip:b.example:5060;lr>\r\n", ""),
        (
            "Route: <sip:b.example:5060;lr>, <sip:c.example;lr>\r\n",
            "Route: <sip:c.example;lr>\r\n",
        ),
        (
            "Route: <sip:b.example:5061;transport=tls;lr>\r\nRoute: <sip:b.example:5060;lr> , <sip:c.example;lr>;x=1\r\n",
            "Route: <sip:c.example;lr>;x=1\r\n",
        ),
        (
            "Route: <sip:c.example;lr>\r\n",
            "Route: <sip:c.example;lr>\r\n",
        ),
    ] {
        let mut probe = Probe::with(proxy());
        let (_, sent) = forwarded(&mut probe, &request("MESSAGE", VIA, came), Stay::Unrecorded);
        let routes: String = sent
            .1
            .split_inclusive("\r\n")
            .filter(|line| line.starts_with("Route"))
            .collect();
        assert_eq!(routes, goes, "{came}");
    }
}

#[test]
fn an_answer_goes_back_without_our_via_and_503_is_ours_to_keep() {
    for (status, expected) in [
        ("200 OK", "SIP/2.0 200 OK"),
        (
            "503 Service Unavailable",
            "SIP/2.0 500 Server Internal Error",
        ),
    ] {
        let mut probe = Probe::with(proxy());
        let (incoming, sent) =
            forwarded(&mut probe, &request("MESSAGE", VIA, ""), Stay::Unrecorded);
        let (_, rest) = sent.1.split_once("\r\n").unwrap();
        probe.datagram(NEXT, &format!("SIP/2.0 {status}\r\n{rest}"));
        let told = probe.told();
        let [Event::Response { response, .. }] = told.as_slice() else {
            panic!("{told:?}")
        };
        let other = request("MESSAGE", "UDP 192.0.2.1:5060;branch=z9hG4bK2", "");
        let other = other.replace("call@", "2@");
        let (other, _) = forwarded(&mut probe, &other, Stay::Unrecorded);
        let strange = probe.endpoint.relay(probe.now, &other, response);
        assert_eq!(strange, Err(AnswerError::Stranger));
        probe
            .endpoint
            .relay(probe.now, &incoming, response)
            .unwrap();
        let back = probe.sent();
        assert_eq!(lines(&back), [(to(A), expected)]);
        assert_eq!(back[0].1.matches("Via:").count(), 1);
        assert_eq!(
            header(&back[0].1, "Via"),
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"
        );
    }
}

#[test]
fn a_proxy_sees_what_a_user_agent_would_refuse() {
    let mut probe = Probe::with(proxy());
    for (number, (method, more)) in [
        ("FOO", ""),
        ("BYE", ""),
        ("SUBSCRIBE", "Event: x\r\n"),
        ("OPTIONS", ""),
        ("MESSAGE", "Require: x\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let via = format!("UDP 192.0.2.1:5060;branch=z9hG4bK{number}");
        let text = request(method, &via, more)
            .replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=9");
        assert_eq!(probe.datagram(A, &text), [], "{method}");
        assert_eq!(probe.requests().len(), 1, "{method}");
    }
    let ack = request("ACK", "UDP 192.0.2.1:5060;branch=z9hG4bKack", "");
    assert_eq!(probe.datagram(A, &ack), []);
    let told = probe.told();
    let [Event::Ack { request, source }] = told.as_slice() else {
        panic!("{told:?}")
    };
    probe
        .endpoint
        .forward_ack(probe.now, request, *source, &next())
        .unwrap();
    let sent = probe.sent();
    assert_eq!(lines(&sent), [(to(NEXT), "ACK sip:bob@b.example SIP/2.0")]);
    assert_eq!(sent[0].1.matches("Via:").count(), 2);
}

#[test]
fn a_cancel_leaves_the_answer_to_the_next_hop() {
    let mut probe = Probe::with(proxy());
    let (incoming, sent) = forwarded(&mut probe, &request("INVITE", VIA, ""), Stay::Recorded);
    let back = probe.datagram(A, &request("CANCEL", VIA, ""));
    assert_eq!(lines(&back), [(to(A), "SIP/2.0 200 OK")]);
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Cancelled(id)] if *id == incoming.id()),
        "{told:?}"
    );
    let (_, rest) = sent.1.split_once("\r\n").unwrap();
    probe.datagram(NEXT, &format!("SIP/2.0 487 Request Terminated\r\n{rest}"));
    let told = probe.told();
    let [Event::Response { response, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    probe
        .endpoint
        .relay(probe.now, &incoming, response)
        .unwrap();
    assert_eq!(
        lines(&probe.sent())[..1],
        [(to(A), "SIP/2.0 487 Request Terminated")]
    );
}
