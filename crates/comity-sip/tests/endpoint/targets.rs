//! From target to target until somebody answers (RFC 3263 §4.3).

use std::time::Duration;

use comity_sip::endpoint::{Event, Failure, RequestId, SendError, Target};
use comity_sip::{ConnectionId, Flow, Method, SessionEvent, SessionId, Transport, Uri};
use comity_testkit::link::End;

use super::probe::{Probe, Sent, header, to};
use super::world::config;

pub(crate) const FIRST: &str = "192.0.2.11:5060";
pub(crate) const SECOND: &str = "192.0.2.12:5060";

pub(crate) fn target(transport: Transport, address: &str) -> Target {
    Target::new(transport, address.parse().unwrap())
}

pub(crate) fn send(
    probe: &mut Probe,
    method: Method<'_>,
    body: &str,
    targets: Vec<Target>,
) -> Result<RequestId, SendError> {
    let (uri, from) = ("sip:alice@a.example", "sip:bob@b.example");
    let (uri, from) = (Uri::parse(uri).unwrap(), Uri::parse(from).unwrap());
    let mut request = probe.endpoint.compose(method, uri, from).unwrap();
    request.body("text/plain", body.to_owned().into()).unwrap();
    probe.endpoint.send(probe.now, &request, targets)
}

/// The answer of a server to what was sent.
pub(crate) fn answer(sent: &Sent, status: &str, more: &str) -> String {
    let (_, rest) = sent.1.split_once(" SIP/2.0\r\n").unwrap();
    let (head, _) = rest.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.split("\r\n").collect();
    lines.retain(|line| !line.starts_with("Cont"));
    let head = lines.join("\r\n").replace(
        "To: <sip:alice@a.example>",
        "To: <sip:alice@a.example>;tag=9",
    );
    format!("SIP/2.0 {status}\r\n{head}\r\n{more}Content-Length: 0\r\n\r\n")
}

fn connect(probe: &mut Probe) -> ConnectionId {
    let told = probe.told();
    let [Event::Connect { connection, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    *connection
}

/// Two targets of one transport.
fn both(transport: Transport) -> Vec<Target> {
    vec![target(transport, FIRST), target(transport, SECOND)]
}

/// A request goes to the first of two targets over TCP.
fn connect_to_first(probe: &mut Probe) -> ConnectionId {
    send(probe, Method::Message, "hi", both(Transport::Tcp)).unwrap();
    let first = connect(probe);
    probe
        .endpoint
        .handle_connected(probe.now, first, Vec::new());
    first
}

#[test]
fn a_503_leads_to_the_next_target_with_another_branch_and_keeps_away_from_the_first() {
    let mut probe = Probe::new();
    let targets = both(Transport::Udp);
    let id = send(&mut probe, Method::Message, "hi", targets.clone()).unwrap();
    let [first] = probe.sent().try_into().unwrap();
    assert_eq!(first.0, to(FIRST));
    let refusal = answer(&first, "503 Service Unavailable", "Retry-After: 60\r\n");
    let [second] = probe.datagram(FIRST, &refusal).try_into().unwrap();
    assert_eq!(second.0, to(SECOND));
    assert_ne!(header(&first.1, "Via"), header(&second.1, "Via"));
    assert_eq!(header(&first.1, "Call-ID"), header(&second.1, "Call-ID"));
    assert_eq!(header(&first.1, "CSeq"), header(&second.1, "CSeq"));
    probe.datagram(SECOND, &answer(&second, "200 OK", ""));
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Response { request, .. }] if *request == id),
        "{told:?}"
    );
    // For a minute nothing goes there, and then it does again.
    send(&mut probe, Method::Message, "hi", targets.clone()).unwrap();
    assert_eq!(probe.sent()[0].0, to(SECOND));
    let lone = send(&mut probe, Method::Message, "hi", vec![targets[0].clone()]).unwrap();
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Failed { request, failure: Failure::Unavailable { wait } }] if *request == lone && *wait == Duration::from_secs(60)),
        "{told:?}"
    );
    probe.wait(Duration::from_secs(60));
    send(&mut probe, Method::Message, "hi", targets).unwrap();
    assert_eq!(probe.sent()[0].0, to(FIRST));
}

#[test]
fn the_last_503_is_the_answer_where_nobody_does_better() {
    let mut probe = Probe::new();
    let targets = both(Transport::Udp);
    let id = send(&mut probe, Method::Message, "hi", targets).unwrap();
    let [first] = probe.sent().try_into().unwrap();
    let refusal = answer(&first, "503 Service Unavailable", "");
    let [second] = probe.datagram(FIRST, &refusal).try_into().unwrap();
    probe.datagram(SECOND, &answer(&second, "503 Service Unavailable", ""));
    let told = probe.told();
    let [Event::Response { request, response }] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((*request, response.status().code()), (id, 503));
}

#[test]
fn a_refusal_is_an_answer() {
    let mut probe = Probe::new();
    let targets = both(Transport::Udp);
    send(&mut probe, Method::Message, "hi", targets).unwrap();
    let [first] = probe.sent().try_into().unwrap();
    let sent = probe.datagram(FIRST, &answer(&first, "404 Not Found", ""));
    assert_eq!(sent, []);
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Response { response, .. }] if response.status().code() == 404)
    );
}

#[test]
fn a_merged_copy_does_not_say_what_became_of_the_request() {
    for has_left in [false, true] {
        let mut probe = Probe::new();
        let targets = vec![
            target(Transport::Tcp, FIRST),
            target(Transport::Udp, SECOND),
        ];
        let id = send(&mut probe, Method::Message, "hi", targets).unwrap();
        let connection = connect(&mut probe);
        if has_left {
            probe
                .endpoint
                .handle_connected(probe.now, connection, Vec::new());
            assert_eq!(probe.sent().len(), 1);
        }
        probe.endpoint.handle_closed(probe.now, connection);
        let [copy] = probe.sent().try_into().unwrap();
        assert_eq!(copy.0, to(SECOND));
        probe.datagram(SECOND, &answer(&copy, "482 Merged", ""));
        let told = probe.told();
        let is_right = match (has_left, told.as_slice()) {
            (true, [Event::Failed { request, failure }]) => {
                (*request, *failure) == (id, Failure::Transport)
            }
            (false, [Event::Response { request, response }]) => {
                (*request, response.status().code()) == (id, 482)
            }
            (_, _) => false,
        };
        assert!(is_right, "{told:?}");
    }
}

#[test]
fn the_first_failure_is_told_of_what_may_have_come() {
    let mut probe = Probe::new();
    connect_to_first(&mut probe);
    probe.wait(Duration::from_secs(32));
    let second = connect(&mut probe);
    probe.endpoint.handle_closed(probe.now, second);
    let told = probe.told();
    let failures: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            Event::Failed { failure, .. } => Some(*failure),
            _ => None,
        })
        .collect();
    assert_eq!(failures, [Failure::TimedOut], "{told:?}");
}

#[test]
fn silence_leads_to_the_next_target_unless_somebody_gave_a_sign_of_life() {
    for is_alive in [false, true] {
        let mut probe = Probe::new();
        let targets = both(Transport::Udp);
        send(&mut probe, Method::Message, "hi", targets).unwrap();
        let [first] = probe.sent().try_into().unwrap();
        if is_alive {
            probe.datagram(FIRST, &answer(&first, "100 Trying", ""));
        }
        let sent = probe.wait(Duration::from_millis(32_000));
        let to_second = sent
            .iter()
            .filter(|(_, (flow, _))| *flow == to(SECOND))
            .count();
        let told = probe.told();
        let failed = told.iter().filter(|event| {
            matches!(
                event,
                Event::Failed {
                    failure: Failure::TimedOut,
                    ..
                }
            )
        });
        assert_eq!(
            (to_second, failed.count()),
            if is_alive { (0, 1) } else { (1, 0) }
        );
    }
}

#[test]
fn a_lost_connection_fails_what_waits_on_it_at_once() {
    let mut probe = Probe::new();
    let first = connect_to_first(&mut probe);
    let [sent] = probe.sent().try_into().unwrap();
    assert_eq!(sent.0, Flow::Connection(first));
    probe.endpoint.handle_closed(probe.now, first);
    let second = connect(&mut probe);
    assert_eq!(probe.sent(), []);
    probe.endpoint.handle_closed(probe.now, second);
    let told = probe.told();
    assert!(
        matches!(
            told.as_slice(),
            [Event::Failed {
                failure: Failure::Transport,
                ..
            }]
        ),
        "{told:?}"
    );
    assert_eq!(probe.endpoint.transactions(), 0);
}

#[test]
fn a_connection_that_does_not_come_about_is_given_up_after_10_s() {
    let mut probe = Probe::new();
    send(
        &mut probe,
        Method::Message,
        "hi",
        vec![target(Transport::Tls, FIRST)],
    )
    .unwrap();
    let connection = connect(&mut probe);
    probe.wait(Duration::from_secs(10));
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(id), Event::Failed { failure: Failure::Transport, .. }] if *id == connection),
        "{told:?}"
    );
}

#[test]
fn an_address_that_cannot_be_reached_is_left_at_once() {
    let mut probe = Probe::new();
    let targets = both(Transport::Udp);
    send(&mut probe, Method::Message, "hi", targets).unwrap();
    probe.sent();
    probe
        .endpoint
        .handle_unreachable(probe.now, FIRST.parse().unwrap());
    let sent = probe.sent();
    assert_eq!(sent[0].0, to(SECOND));
}

#[test]
fn requests_share_a_connection_and_a_name_must_be_proved() {
    let mut probe = Probe::new();
    let named = |name: &str| target(Transport::Tls, FIRST).named(name.parse().unwrap());
    send(&mut probe, Method::Message, "1", vec![named("a.example")]).unwrap();
    let first = connect(&mut probe);
    send(&mut probe, Method::Message, "2", vec![named("a.example")]).unwrap();
    assert_eq!(probe.told().len(), 0, "the same connection");
    send(&mut probe, Method::Message, "3", vec![named("c.example")]).unwrap();
    let other = connect(&mut probe);
    probe
        .endpoint
        .handle_connected(probe.now, first, vec!["a.example".parse().unwrap()]);
    let sent = probe.sent();
    assert_eq!(
        sent.iter().map(|(flow, _)| *flow).collect::<Vec<_>>(),
        [Flow::Connection(first); 2]
    );
    // At the same address is somebody who is not c.example.
    probe
        .endpoint
        .handle_connected(probe.now, other, vec!["a.example".parse().unwrap()]);
    assert_eq!(probe.sent(), []);
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(id), Event::Failed { failure: Failure::Transport, .. }] if *id == other),
        "{told:?}"
    );
}

#[test]
fn one_of_several_names_is_enough_and_a_connection_serves_all_whose_names_it_proved() {
    let name = |name: &str| -> comity_identity::DomainName { name.parse().unwrap() };
    let named = |names: &[&str]| {
        let target = target(Transport::Tls, FIRST);
        names
            .iter()
            .fold(target, |target, one| target.named(name(one)))
    };
    let mut probe = Probe::new();
    let domain = named(&["b.example", "edge.b.example", "b.example"]);
    assert_eq!(domain.names, ["b.example", "edge.b.example"].map(name));
    send(&mut probe, Method::Message, "1", vec![domain]).unwrap();
    let told = probe.told();
    let [
        Event::Connect {
            connection, names, ..
        },
    ] = told.as_slice()
    else {
        panic!("{told:?}")
    };
    let first = *connection;
    assert_eq!(*names, ["b.example", "edge.b.example"].map(name));
    // What is not open yet has proved nothing.
    let edge = named(&["edge.b.example"]);
    send(&mut probe, Method::Message, "2", vec![edge.clone()]).unwrap();
    let second = connect(&mut probe);
    probe.endpoint.handle_closed(probe.now, second);
    probe.told();
    let proved = vec![name("edge.b.example")];
    probe.endpoint.handle_connected(probe.now, first, proved);
    assert_eq!(probe.sent().len(), 1);
    for same in [edge, named(&["c.example", "edge.b.example"])] {
        send(&mut probe, Method::Message, "3", vec![same]).unwrap();
        let sent = probe.sent();
        assert_eq!(sent[0].0, Flow::Connection(first));
    }
    // It did not prove these, and an address is not enough.
    for other in [named(&["b.example"]), named(&["c.example"])] {
        send(&mut probe, Method::Message, "4", vec![other]).unwrap();
        assert_eq!(probe.sent(), []);
        connect(&mut probe);
    }
}

#[test]
fn requests_ask_for_the_port_and_over_tls_offer_their_connection() {
    let via = |transport, offers_reuse| {
        let mut rules = config(End::B);
        rules.offers_reuse = offers_reuse;
        let mut probe = Probe::with(rules);
        let named = target(transport, FIRST).named("a.example".parse().unwrap());
        send(&mut probe, Method::Message, "hi", vec![named]).unwrap();
        if transport != Transport::Udp {
            let connection = connect(&mut probe);
            let proved = vec!["a.example".parse().unwrap()];
            probe
                .endpoint
                .handle_connected(probe.now, connection, proved);
        }
        let [(_, request)] = probe.sent().try_into().unwrap();
        let (_, params) = header(&request, "Via").split_once(";branch=").unwrap();
        let (_, params) = params.split_once(';').unwrap();
        params.to_owned()
    };
    assert_eq!(via(Transport::Udp, true), "rport");
    assert_eq!(via(Transport::Tcp, true), "rport");
    assert_eq!(via(Transport::Tls, true), "rport;alias");
    assert_eq!(via(Transport::Tls, false), "rport");
}

#[test]
fn a_connection_of_the_peer_is_used_if_it_is_offered_and_its_name_is_proved() {
    use super::probe::request;

    let offered = request("OPTIONS", "TLS a.example;branch=z9hG4bK1;alias", "");
    let silent = request("OPTIONS", "TLS a.example;branch=z9hG4bK1", "");
    for (message, name, is_used) in [
        (&offered, "a.example", true),
        (&offered, "c.example", false),
        (&silent, "a.example", false),
    ] {
        let mut probe = Probe::new();
        let connection = probe.connection(Transport::Tls, "192.0.2.1:1111", &["a.example"]);
        probe.input(connection, message);
        let named = target(Transport::Tls, FIRST).named(name.parse().unwrap());
        send(&mut probe, Method::Message, "hi", vec![named]).unwrap();
        let sent = probe.sent();
        assert_eq!(sent.len(), usize::from(is_used), "{name}");
        assert_eq!(probe.told().len(), usize::from(!is_used), "{name}");
    }
}

#[test]
fn a_large_request_goes_over_a_connection_and_in_a_datagram_if_there_is_none() {
    let mut configuration = config(End::B);
    configuration.max_page_bytes = None;
    let mut probe = Probe::with(configuration);
    let body = "x".repeat(1_300);
    send(
        &mut probe,
        Method::Message,
        &body,
        vec![target(Transport::Udp, FIRST)],
    )
    .unwrap();
    assert_eq!(probe.sent(), []);
    let connection = connect(&mut probe);
    probe.endpoint.handle_closed(probe.now, connection);
    let [(flow, message)] = probe.sent().try_into().unwrap();
    assert_eq!(flow, to(FIRST));
    assert!(header(&message, "Via").starts_with("SIP/2.0/UDP b.example:5060;branch=z9hG4bK"));
}

#[test]
fn a_message_outside_of_a_session_is_small() {
    let mut probe = Probe::new();
    let body = "x".repeat(1_300);
    let targets = vec![target(Transport::Tls, FIRST)];
    let sent = send(&mut probe, Method::Message, &body, targets.clone());
    assert_eq!(sent, Err(SendError::TooLarge { limit: 1_300 }));
    assert!(send(&mut probe, Method::Info, &body, targets).is_ok());
}

#[test]
fn without_targets_the_endpoint_asks_where_to() {
    let mut probe = Probe::new();
    let id = send(&mut probe, Method::Message, "hi", Vec::new()).unwrap();
    let told = probe.told();
    let [Event::Locate { query, hop }] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (hop.host.to_string().as_str(), hop.port, hop.transport),
        ("a.example", None, None)
    );
    probe
        .endpoint
        .handle_targets(probe.now, *query, vec![target(Transport::Udp, FIRST)]);
    assert_eq!(probe.sent()[0].0, to(FIRST));
    // An answer that comes twice, and a question that nobody answers.
    probe
        .endpoint
        .handle_targets(probe.now, *query, vec![target(Transport::Udp, SECOND)]);
    assert_eq!(probe.sent(), []);
    let lost = send(&mut probe, Method::Options, "", Vec::new()).unwrap();
    assert!(lost != id);
    probe.told();
    probe.wait(Duration::from_secs(32));
    let told = probe.told();
    assert!(
        told.iter().any(|event| matches!(event, Event::Failed { request, failure: Failure::NoTarget } if *request == lost)),
        "{told:?}"
    );
}

fn invite(probe: &mut Probe, targets: Vec<Target>) -> SessionId {
    let (uri, from) = ("sip:alice@a.example", "sip:bob@b.example");
    let (uri, from) = (Uri::parse(uri).unwrap(), Uri::parse(from).unwrap());
    let request = probe.endpoint.compose(Method::Invite, uri, from).unwrap();
    probe.endpoint.invite(probe.now, &request, targets).unwrap()
}

#[test]
fn a_cancelled_request_is_tried_at_no_further_target() {
    let mut probe = Probe::new();
    let targets = both(Transport::Udp);
    let session = invite(&mut probe, targets);
    let [invite] = probe.sent().try_into().unwrap();
    probe.endpoint.bye(probe.now, session).unwrap();
    assert_eq!(probe.sent(), [], "not before a provisional response");
    let trying = answer(&invite, "100 Trying", "");
    let [cancel] = probe.datagram(FIRST, &trying).try_into().unwrap();
    assert!(
        cancel
            .1
            .starts_with("CANCEL sip:alice@a.example SIP/2.0\r\n")
    );
    assert_eq!(header(&cancel.1, "Via"), header(&invite.1, "Via"));
    assert_eq!(header(&cancel.1, "CSeq"), "1 CANCEL");
    let sent = probe.wait(Duration::from_secs(40));
    assert!(sent.iter().all(|(_, (flow, _))| *flow == to(FIRST)));
    assert_eq!(probe.told().len(), 0);
    assert_eq!(probe.endpoint.transactions(), 0);
}

#[test]
fn a_peer_that_rings_for_ever_is_cancelled_by_timer_c() {
    let mut probe = Probe::new();
    let session = invite(&mut probe, vec![target(Transport::Udp, FIRST)]);
    let [invite] = probe.sent().try_into().unwrap();
    probe.datagram(FIRST, &answer(&invite, "180 Ringing", ""));
    let sent = probe.wait(Duration::from_secs(181));
    assert_eq!(sent[0].0, Duration::from_secs(181));
    assert!(sent[0].1.1.starts_with("CANCEL "));
    probe.told();
    probe.datagram(FIRST, &answer(&invite, "487 Request Terminated", ""));
    let told = probe.told();
    let [
        Event::Session {
            session: id,
            event: SessionEvent::Refused(response),
        },
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert_eq!((*id, response.status().code()), (session, 487));
}

#[test]
fn an_ack_goes_to_the_next_address_when_the_first_has_nobody() {
    let mut probe = Probe::new();
    invite(&mut probe, vec![target(Transport::Udp, FIRST)]);
    let [invite] = probe.sent().try_into().unwrap();
    let ok = answer(
        &invite,
        "200 OK",
        "Contact: <sip:alice@a.example;transport=tcp>\r\n",
    );
    for copy in 0..3 {
        probe.datagram(FIRST, &ok);
        let told = probe.told();
        let Some(Event::Locate { query, .. }) = told
            .iter()
            .find(|event| matches!(event, Event::Locate { .. }))
        else {
            panic!("copy {copy}: {told:?}");
        };
        let targets = both(Transport::Tcp);
        probe.endpoint.handle_targets(probe.now, *query, targets);
        let first = connect(&mut probe);
        probe.endpoint.handle_closed(probe.now, first);
        let second = connect(&mut probe);
        probe
            .endpoint
            .handle_connected(probe.now, second, Vec::new());
        let [(flow, ack)] = probe.sent().try_into().unwrap();
        assert_eq!(flow, Flow::Connection(second));
        assert!(ack.starts_with("ACK sip:alice@a.example;transport=tcp SIP/2.0\r\n"));
        probe.endpoint.handle_closed(probe.now, second);
    }
}

#[test]
fn many_answers_to_one_invite_cost_no_more_than_a_few() {
    let mut probe = Probe::new();
    invite(&mut probe, vec![target(Transport::Udp, FIRST)]);
    let [invite] = probe.sent().try_into().unwrap();
    for number in 0..200 {
        let ok = answer(&invite, "200 OK", "Contact: <sip:alice@192.0.2.1>\r\n");
        let ok = ok.replace(";tag=9", &format!(";tag={number}"));
        for _ in 0..2 {
            probe.datagram(FIRST, &ok);
        }
    }
    let told = probe.told();
    let asked = told
        .iter()
        .filter(|event| matches!(event, Event::Locate { .. }))
        .count();
    // An ACK for each of two copies of 16 answers, and a BYE for all but the first.
    assert_eq!(asked, 2 * 16 + 15);
    let answered = told
        .iter()
        .filter(|event| matches!(event, Event::Session { .. }))
        .count();
    assert_eq!(answered, 1);
}
