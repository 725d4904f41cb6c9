//! Who may speak in what was proved to belong to somebody.

use std::time::Duration;

use comity_sip::endpoint::{Event, Target};
use comity_sip::{Flow, Method, StatusCode, Subscribe, Transport, Uri};
use comity_testkit::link::End;

use super::probe::{Probe, header, lines, request, to};
use super::world::{World, target};

const VIA: &str = "TLS a.example:5061;branch=z9hG4bK1";

fn in_dialog(method: &str, number: u32, tag: &str) -> String {
    let via = format!("TLS a.example:5061;branch=z9hG4bK{method}{number}");
    request(method, &via, "")
        .replace("CSeq: 7", &format!("CSeq: {number}"))
        .replace("To: <sip:bob@b.example>", &format!("To: {tag}"))
}

/// A session that a.example began over TLS; gives To with our tag.
fn session(probe: &mut Probe) -> String {
    let connection = probe.connection(Transport::Tls, "192.0.2.1:1111", &["a.example"]);
    probe.input(connection, &request("INVITE", VIA, ""));
    let [incoming] = probe.requests().try_into().unwrap();
    probe
        .endpoint
        .accept(probe.now, &incoming, "application/sdp", "v=0\r\n".into())
        .unwrap();
    let sent = probe.sent();
    header(&sent[0].1, "To").to_owned()
}

#[test]
fn a_dialog_that_somebody_proved_is_closed_to_others() {
    let mut probe = Probe::new();
    let tag = session(&mut probe);
    let other = probe.connection(Transport::Tls, "192.0.2.9:1111", &["m.example"]);
    let plain = probe.connection(Transport::Tcp, "192.0.2.1:2222", &[]);
    for (number, method) in [(20, "BYE"), (21, "MESSAGE"), (22, "INVITE")] {
        for connection in [other, plain] {
            let sent = probe.input(connection, &in_dialog(method, number, &tag));
            let expected = (Flow::Connection(connection), "SIP/2.0 403 Forbidden");
            assert_eq!(lines(&sent), [expected], "{method}");
        }
        let datagram = in_dialog(method, number, &tag).replace("2.0/TLS", "2.0/UDP");
        let sent = probe.datagram("192.0.2.1:5060", &datagram);
        assert_eq!(
            lines(&sent),
            [(to("192.0.2.1:5061"), "SIP/2.0 403 Forbidden")],
            "{method}"
        );
    }
    assert_eq!(probe.told().len(), 0);
    // Another connection of the same domain will do.
    let own = probe.connection(
        Transport::Tls,
        "192.0.2.1:3333",
        &["x.example", "a.example"],
    );
    probe.input(own, &in_dialog("MESSAGE", 8, &tag));
    assert_eq!(probe.requests().len(), 1);
}

#[test]
fn a_request_with_the_number_of_an_earlier_one_or_less_is_out_of_order() {
    let mut probe = Probe::new();
    let tag = session(&mut probe);
    let connection = probe.connection(Transport::Tls, "192.0.2.1:3333", &["a.example"]);
    for (turn, (number, is_taken)) in [(20, true), (19, false), (20, false), (21, true)]
        .into_iter()
        .enumerate()
    {
        let request = in_dialog("MESSAGE", number, &tag);
        let request = request.replace("z9hG4bK", &format!("z9hG4bK{turn}"));
        let sent = probe.input(connection, &request);
        let refused = (
            Flow::Connection(connection),
            "SIP/2.0 500 Server Internal Error",
        );
        let expected = Vec::from_iter((!is_taken).then_some(refused));
        assert_eq!(lines(&sent), expected, "{number}");
        assert_eq!(probe.requests().len(), usize::from(is_taken), "{number}");
    }
}

#[test]
fn a_copy_by_another_way_is_another_request_and_gets_no_answer_of_the_first() {
    let mut probe = Probe::new();
    let first = probe.connection(Transport::Tls, "192.0.2.1:1111", &["a.example"]);
    let invite = request("INVITE", VIA, "");
    probe.input(first, &invite);
    let [incoming] = probe.requests().try_into().unwrap();
    // The same request from whoever heard its branch is his own, and so is what he cancels.
    let other = probe.connection(Transport::Tls, "192.0.2.9:1111", &["m.example"]);
    probe.input(other, &invite);
    let [strange] = probe.requests().try_into().unwrap();
    assert_ne!(strange.id(), incoming.id());
    let sent = probe.input(other, &request("CANCEL", VIA, ""));
    let flow = Flow::Connection(other);
    assert_eq!(
        lines(&sent),
        [
            (flow, "SIP/2.0 200 OK"),
            (flow, "SIP/2.0 487 Request Terminated")
        ]
    );
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Cancelled(id)] if *id == strange.id()),
        "{told:?}"
    );
    let sent = probe.answer(&incoming, StatusCode::BUSY_HERE);
    assert_eq!(sent[0].0, Flow::Connection(first));
}

#[test]
fn what_was_cancelled_leaves_no_session_behind() {
    let mut probe = Probe::new();
    let connection = probe.connection(Transport::Tls, "192.0.2.1:1111", &["a.example"]);
    probe.input(connection, &request("INVITE", VIA, ""));
    let [incoming] = probe.requests().try_into().unwrap();
    probe.input(connection, &request("CANCEL", VIA, ""));
    assert_eq!(probe.told().len(), 1);
    let ringing = incoming.response(StatusCode::RINGING);
    assert!(
        probe
            .endpoint
            .inform(probe.now, &incoming, ringing)
            .is_err()
    );
    let accepted = probe
        .endpoint
        .accept(probe.now, &incoming, "a/b", "".into());
    assert!(accepted.is_err());
    assert_eq!(probe.endpoint.sessions(), 0);
}

#[test]
fn a_busy_connection_is_not_slow() {
    let mut probe = Probe::new();
    let connection = probe.connection(Transport::Tcp, "192.0.2.1:1111", &[]);
    let one = |number: u32| {
        let via = format!("TCP a.example;branch=z9hG4bK{number}");
        request("OPTIONS", &via, "").replace("call@", &format!("{number}@"))
    };
    let mut input = one(0);
    for number in 1..40 {
        // Every piece ends in the middle of the next message.
        let next = one(number);
        let (begun, rest) = next.split_at(20);
        input += begun;
        assert_eq!(probe.input(connection, &input).len(), 1);
        input = rest.to_owned();
        probe.wait(Duration::from_secs(1));
    }
    assert_eq!(probe.told().len(), 0);
    probe.wait(Duration::from_secs(10));
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(_)]),
        "{told:?}"
    );
}

#[test]
fn a_connection_on_which_somebody_waits_is_not_idle() {
    let mut probe = Probe::new();
    let connection = probe.connection(Transport::Tls, "192.0.2.1:1111", &["a.example"]);
    probe.input(connection, &request("INVITE", VIA, ""));
    let [incoming] = probe.requests().try_into().unwrap();
    probe.wait(Duration::from_secs(170));
    assert!(probe.told().is_empty());
    assert_eq!(probe.endpoint.connections(), 1);
    let sent = probe.answer(&incoming, StatusCode::BUSY_HERE);
    assert_eq!(sent[0].0, Flow::Connection(connection));
}

#[test]
fn who_opened_a_connection_closes_it_first() {
    let mut world = World::ideal();
    let targets = vec![target(End::B, Transport::Tcp)];
    world.act(End::A, |now, endpoint| {
        let (to, from) = ("sip:bob@b.example", "sip:alice@a.example");
        let (to, from) = (Uri::parse(to).unwrap(), Uri::parse(from).unwrap());
        let request = endpoint.compose(Method::Options, to, from).unwrap();
        endpoint.send(now, &request, targets).unwrap();
    });
    world.run(Duration::from_secs(200));
    // The answer came after 40 ms.
    let closed = world.start + Duration::from_millis(120_040);
    assert_eq!(world.closed, Some((closed, End::A)));
    for end in [End::A, End::B] {
        assert_eq!(world.end(end).connections(), 0);
    }
}

/// A subscription of ours at a server that proved `edge.b.example`; gives the SUBSCRIBE.
fn subscribe(probe: &mut Probe) -> String {
    let mut wish = Subscribe::new(
        "sip:bob@b.example".parse().unwrap(),
        "sip:alice@a.example".parse().unwrap(),
        "presence",
    );
    let names = ["b.example", "edge.b.example"].into_iter();
    let target = Target::new(Transport::Tls, "192.0.2.7:5061".parse().unwrap());
    wish.targets = vec![names.fold(target, |target, name| target.named(name.parse().unwrap()))];
    probe.endpoint.subscribe(probe.now, wish).unwrap();
    let told = probe.told();
    let [Event::Connect { connection, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    let edge = vec!["edge.b.example".parse().unwrap()];
    probe
        .endpoint
        .handle_connected(probe.now, *connection, edge);
    let [(_, subscribe)] = probe.sent().try_into().unwrap();
    subscribe
}

/// What a notifier with a tag says to it.
fn notify(subscribe: &str, number: u32, tag: &str) -> String {
    let via = format!("TLS edge.b.example;branch=z9hG4bK{number}");
    let state = "Event: presence\r\nSubscription-State: active;expires=60\r\n";
    request("NOTIFY", &via, state)
        .replace("CSeq: 7", &format!("CSeq: {number}"))
        .replace(
            "<sip:alice@a.example>;tag=1",
            &format!("<sip:bob@b.example>;tag={tag}"),
        )
        .replace(
            "To: <sip:bob@b.example>",
            &format!("To: {}", header(subscribe, "From")),
        )
        .replace("call@a.example", header(subscribe, "Call-ID"))
}

#[test]
fn a_notifier_that_proved_one_of_the_names_may_speak_before_the_answer_and_nobody_else() {
    let mut probe = Probe::new();
    let subscribe = subscribe(&mut probe);
    for (number, proved, status) in [
        (1, "c.example", "SIP/2.0 403 Forbidden"),
        (2, "edge.b.example", "SIP/2.0 200 OK"),
    ] {
        let from = format!("192.0.2.{number}:1111");
        let connection = probe.connection(Transport::Tls, &from, &[proved]);
        let sent = probe.input(connection, &notify(&subscribe, number, "1"));
        assert_eq!(lines(&sent), [(Flow::Connection(connection), status)]);
    }
}

#[test]
fn of_several_notifiers_the_first_is_taken() {
    let mut probe = Probe::new();
    let subscribe = subscribe(&mut probe);
    let connection = probe.connection(Transport::Tls, "192.0.2.7:1111", &["b.example"]);
    for (number, tag, status) in [
        (1, "1", "SIP/2.0 200 OK"),
        (2, "2", "SIP/2.0 481 Call/Transaction Does Not Exist"),
        (3, "1", "SIP/2.0 200 OK"),
    ] {
        let sent = probe.input(connection, &notify(&subscribe, number, tag));
        assert_eq!(lines(&sent), [(Flow::Connection(connection), status)]);
        let is_told = !probe.told().is_empty();
        assert_eq!(is_told, tag == "1", "{number}");
    }
}
