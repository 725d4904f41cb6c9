//! To what transaction a message belongs, and where its answer goes.

use std::time::Duration;

use comity_sip::endpoint::{AnswerError, Event};
use comity_sip::{Flow, StatusCode, Transport};

use super::probe::{Probe, header, lines, request, to};

const A: &str = "192.0.2.1:5060";
const VIA: &str = "UDP 192.0.2.1:5060;branch=z9hG4bK1";

#[test]
fn a_copy_gets_the_same_answer_on_its_own_way() {
    let mut probe = Probe::new();
    let message = request("MESSAGE", "UDP a.example:5060;branch=z9hG4bK1;rport", "");
    assert!(probe.datagram("192.0.2.1:1111", &message).is_empty());
    let [incoming] = probe.requests().try_into().unwrap();
    assert!(
        probe.datagram("192.0.2.1:1111", &message).is_empty(),
        "not answered yet"
    );
    let first = probe.answer(&incoming, StatusCode::OK);
    assert_eq!(lines(&first), [(to("192.0.2.1:1111"), "SIP/2.0 200 OK")]);
    assert_eq!(
        header(&first[0].1, "Via"),
        "SIP/2.0/UDP a.example:5060;branch=z9hG4bK1;rport=1111;received=192.0.2.1"
    );
    let second = probe.datagram("192.0.2.9:2222", &message);
    assert_eq!(second, [(to("192.0.2.9:2222"), first[0].1.clone())]);
    assert_eq!(probe.told().len(), 0);
    // Timer J.
    probe.wait(Duration::from_secs(32));
    assert_eq!(probe.endpoint.transactions(), 0);
}

#[test]
fn a_copy_on_another_connection_is_answered_there() {
    let mut probe = Probe::new();
    let invite = request("INVITE", "TCP a.example;branch=z9hG4bK1", "");
    let first = probe.connection(Transport::Tcp, "192.0.2.1:1111", &[]);
    probe.input(first, &invite);
    let [incoming] = probe.requests().try_into().unwrap();
    let busy = probe.answer(&incoming, StatusCode::BUSY_HERE);
    assert_eq!(busy[0].0, Flow::Connection(first));
    probe.endpoint.handle_closed(probe.now, first);
    let second = probe.connection(Transport::Tcp, "192.0.2.1:2222", &[]);
    let again = probe.input(second, &invite);
    assert_eq!(again, [(Flow::Connection(second), busy[0].1.clone())]);
}

#[test]
fn the_port_of_via_counts_where_rport_is_not_asked_for() {
    let mut probe = Probe::new();
    for (number, via, expected) in [
        ("UDP 192.0.2.1:5070;branch=z9hG4bKa", "192.0.2.1:5070"),
        ("UDP 192.0.2.1;branch=z9hG4bKb", "192.0.2.1:5060"),
        ("UDP a.example:7;branch=z9hG4bKc", "192.0.2.1:7"),
        ("UDP a.example:7;branch=z9hG4bKd;rport", "192.0.2.1:1111"),
        // Nobody has us write to a third party.
        ("UDP 198.51.100.9:7;branch=z9hG4bKe", "192.0.2.1:7"),
        (
            "UDP a.example;maddr=198.51.100.9;branch=z9hG4bKf",
            "192.0.2.1:5060",
        ),
        (
            "UDP a.example;received=198.51.100.9;branch=z9hG4bKg",
            "192.0.2.1:5060",
        ),
    ]
    .into_iter()
    .enumerate()
    .map(|(number, (via, expected))| (number, via, expected))
    {
        let message = request("MESSAGE", via, "");
        let message = message.replace("call@", &format!("{number}@"));
        probe.datagram("192.0.2.1:1111", &message);
        let [incoming] = probe.requests().try_into().unwrap();
        let sent = probe.answer(&incoming, StatusCode::OK);
        assert_eq!(sent[0].0, to(expected), "{via}");
    }
}

/// Branches can be the same by accident or malice: the sender in Via keeps them apart.
#[test]
fn two_senders_with_one_branch_are_two_transactions() {
    let mut probe = Probe::new();
    let one = request("MESSAGE", "UDP 192.0.2.1:5060;branch=z9hG4bK1", "");
    let other = request("MESSAGE", "UDP 192.0.2.3:5060;branch=z9hG4bK1", "");
    let other = other.replace("call@", "other@");
    let port = one.replace("192.0.2.1:5060;branch", "192.0.2.1:5061;branch");
    let port = port.replace("call@", "port@");
    let lower = one
        .replace("z9hG4bK1", "Z9HG4BK1")
        .replace("192.0.2.1:5060;branch", "192.0.2.1:5060;Branch");
    for (message, is_new) in [(&one, true), (&other, true), (&port, true), (&lower, false)] {
        probe.datagram(A, message);
        assert_eq!(probe.requests().len(), usize::from(is_new), "{message}");
    }
}

#[test]
fn what_came_on_two_ways_is_taken_once() {
    let mut probe = Probe::new();
    let one = request("MESSAGE", "UDP p1.example;branch=z9hG4bK1", "");
    let other = request("MESSAGE", "UDP p2.example;branch=z9hG4bK2", "");
    probe.datagram(A, &one);
    assert_eq!(probe.requests().len(), 1);
    let sent = probe.datagram("192.0.2.7:5060", &other);
    assert_eq!(
        lines(&sent),
        [(to("192.0.2.7:5060"), "SIP/2.0 482 Loop Detected")]
    );
    assert_eq!(probe.requests().len(), 0);
    // Another request of the same call is another matter.
    let next = other
        .replace("CSeq: 7", "CSeq: 8")
        .replace("z9hG4bK2", "z9hG4bK3");
    probe.datagram("192.0.2.7:5060", &next);
    assert_eq!(probe.requests().len(), 1);
}

#[test]
fn the_ack_of_a_refused_invite_ends_its_answers() {
    let mut probe = Probe::new();
    probe.datagram(A, &request("INVITE", VIA, ""));
    let [incoming] = probe.requests().try_into().unwrap();
    let busy = probe.answer(&incoming, StatusCode::BUSY_HERE);
    let tag = header(&busy[0].1, "To").to_owned();
    let sent = probe.wait(Duration::from_millis(1_600));
    let times: Vec<_> = sent
        .iter()
        .map(|(at, sent)| (at.as_millis(), &sent.1))
        .collect();
    assert_eq!(times, [(500, &busy[0].1), (1_500, &busy[0].1)]);
    let ack = request("ACK", VIA, "").replace("To: <sip:bob@b.example>", &format!("To: {tag}"));
    assert!(probe.datagram(A, &ack).is_empty());
    // Timer I, and nothing more.
    assert!(probe.wait(Duration::from_secs(5)).is_empty());
    assert_eq!(probe.endpoint.transactions(), 0);
    assert_eq!(probe.told().len(), 0);
}

#[test]
fn without_an_ack_a_refusal_is_repeated_and_then_told() {
    let mut probe = Probe::new();
    probe.datagram(A, &request("INVITE", VIA, ""));
    let [incoming] = probe.requests().try_into().unwrap();
    probe.answer(&incoming, StatusCode::BUSY_HERE);
    let sent = probe.wait(Duration::from_secs(33));
    let times: Vec<_> = sent.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(
        times,
        [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::AnswerLost(id)] if *id == incoming.id()),
        "{told:?}"
    );
    assert_eq!(probe.endpoint.transactions(), 0);
}

/// A client older than RFC 3261 has no branch that means something. Its ACK has the tag of our answer.
#[test]
fn a_client_of_rfc_2543_is_understood() {
    let mut probe = Probe::new();
    let via = "UDP 192.0.2.1:5060";
    let invite = request("INVITE", via, "").replace(";tag=1", "");
    probe.datagram(A, &invite);
    let [incoming] = probe.requests().try_into().unwrap();
    assert!(probe.datagram(A, &invite).is_empty());
    assert_eq!(probe.requests().len(), 0);
    let busy = probe.answer(&incoming, StatusCode::BUSY_HERE);
    assert_eq!(probe.datagram(A, &invite), busy);
    let ack = request("ACK", via, "").replace(";tag=1", "");
    let strange = ack.replace(
        "To: <sip:bob@b.example>",
        "To: <sip:bob@b.example>;tag=strange",
    );
    probe.datagram(A, &strange);
    assert!(
        !probe.wait(Duration::from_millis(500)).is_empty(),
        "the ACK of another"
    );
    let to = header(&busy[0].1, "To").to_owned();
    let ack = ack.replace("To: <sip:bob@b.example>", &format!("To: {to}"));
    let ack = ack.replace("sip:bob@b.example SIP", "sip:bob@B.EXAMPLE;x=y SIP");
    probe.datagram(A, &ack);
    assert!(probe.wait(Duration::from_secs(5)).is_empty());
    assert_eq!(probe.endpoint.transactions(), 0);
    // Another request of the same client is another transaction.
    let message = request("MESSAGE", via, "").replace(";tag=1", "");
    probe.datagram(A, &message);
    let next = message.replace("CSeq: 7", "CSeq: 8");
    probe.datagram(A, &next);
    assert_eq!(probe.requests().len(), 2);
}

#[test]
fn a_cancel_gets_200_and_its_invite_487() {
    let mut probe = Probe::new();
    probe.datagram(A, &request("INVITE", VIA, ""));
    let [incoming] = probe.requests().try_into().unwrap();
    let cancel = request("CANCEL", VIA, "");
    let sent = probe.datagram(A, &cancel);
    assert_eq!(
        lines(&sent),
        [
            (to(A), "SIP/2.0 200 OK"),
            (to(A), "SIP/2.0 487 Request Terminated")
        ]
    );
    assert_eq!(
        header(&sent[0].1, "To"),
        header(&sent[1].1, "To"),
        "one tag for both"
    );
    assert_eq!(header(&sent[0].1, "CSeq"), "7 CANCEL");
    assert_eq!(header(&sent[1].1, "CSeq"), "7 INVITE");
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Cancelled(id)] if *id == incoming.id()),
        "{told:?}"
    );
    let late = incoming.response(StatusCode::BUSY_HERE);
    let late = probe.endpoint.answer(probe.now, &incoming, late);
    assert_eq!(late, Err(AnswerError::Over));
    // The same again.
    assert_eq!(probe.datagram(A, &cancel), [sent[0].clone()]);
    let stranger = cancel.replace("z9hG4bK1", "z9hG4bK9");
    let sent = probe.datagram(A, &stranger);
    assert_eq!(
        lines(&sent),
        [(to(A), "SIP/2.0 481 Call/Transaction Does Not Exist")]
    );
}

#[test]
fn a_cancel_behind_the_answer_changes_nothing() {
    let mut probe = Probe::new();
    probe.datagram(A, &request("INVITE", VIA, ""));
    let [incoming] = probe.requests().try_into().unwrap();
    probe.answer(&incoming, StatusCode::BUSY_HERE);
    let sent = probe.datagram(A, &request("CANCEL", VIA, ""));
    assert_eq!(lines(&sent), [(to(A), "SIP/2.0 200 OK")]);
    assert_eq!(probe.told().len(), 0);
}

#[test]
fn an_invite_that_waits_gets_100_after_200_ms_and_408_at_last() {
    let mut probe = Probe::new();
    let invite = request("INVITE", VIA, "Timestamp: 54\r\n");
    probe.datagram(A, &invite);
    let [incoming] = probe.requests().try_into().unwrap();
    let sent = probe.wait(Duration::from_secs(1));
    assert_eq!(sent.len(), 1);
    let (at, (flow, trying)) = &sent[0];
    assert_eq!((at.as_millis(), *flow), (200, to(A)));
    assert!(trying.starts_with("SIP/2.0 100 Trying\r\n"), "{trying}");
    assert_eq!(header(trying, "Timestamp"), "54");
    assert_eq!(header(trying, "To"), "<sip:bob@b.example>");
    assert_eq!(probe.datagram(A, &invite), [(to(A), trying.clone())]);
    let sent = probe.wait(Duration::from_secs(181));
    assert!(
        sent[0].1.1.starts_with("SIP/2.0 408 Request Timeout\r\n"),
        "{sent:?}"
    );
    assert_eq!(sent[0].0, Duration::from_secs(180));
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Unanswered(id)] if *id == incoming.id()),
        "{told:?}"
    );
    assert_eq!(probe.endpoint.counters().unanswered, 1);
}

/// RFC 4320: 100 when the client repeats itself every T2, and no 408 ever.
#[test]
fn another_request_that_waits_gets_100_after_3_500_ms_and_nothing_more() {
    let mut probe = Probe::new();
    let message = request("MESSAGE", VIA, "");
    probe.datagram(A, &message);
    let [incoming] = probe.requests().try_into().unwrap();
    let sent = probe.wait(Duration::from_secs(31));
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0].0, Duration::from_millis(3_500));
    assert!(sent[0].1.1.starts_with("SIP/2.0 100 Trying\r\n"));
    let early = incoming.response(StatusCode::REQUEST_TIMEOUT);
    let early = probe.endpoint.answer(probe.now, &incoming, early);
    assert_eq!(early, Err(AnswerError::Timeout));
    let ringing = incoming.response(StatusCode::RINGING);
    let ringing = probe.endpoint.inform(probe.now, &incoming, ringing);
    assert_eq!(ringing, Err(AnswerError::Class));
    assert!(probe.wait(Duration::from_secs(10)).is_empty());
    assert_eq!(probe.endpoint.transactions(), 0);
    let late = incoming.response(StatusCode::OK);
    let late = probe.endpoint.answer(probe.now, &incoming, late);
    assert_eq!(late, Err(AnswerError::Over));
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Unanswered(id)] if *id == incoming.id()),
        "{told:?}"
    );
}

#[test]
fn a_late_copy_of_what_was_not_answered_is_no_new_request() {
    let mut probe = Probe::new();
    let message = request("MESSAGE", VIA, "");
    probe.datagram(A, &message);
    assert_eq!(probe.requests().len(), 1);
    probe.wait(Duration::from_secs(32));
    assert!(matches!(probe.told().as_slice(), [Event::Unanswered(_)]));
    let [(flow, trying)] = probe.datagram(A, &message).try_into().unwrap();
    assert_eq!(flow, to(A));
    assert!(trying.starts_with("SIP/2.0 100 Trying\r\n"));
    assert!(probe.requests().is_empty());
    probe.wait(Duration::from_secs(5));
    probe.datagram(A, &message);
    assert_eq!(probe.requests().len(), 1, "as if it were the first");
}

#[test]
fn an_answer_whose_connection_is_gone_goes_back_to_its_source_by_another() {
    let mut probe = Probe::new();
    let first = probe.connection(Transport::Tcp, "192.0.2.1:1111", &[]);
    probe.input(
        first,
        &request("MESSAGE", "TCP a.example:5070;branch=z9hG4bK1", ""),
    );
    let [incoming] = probe.requests().try_into().unwrap();
    probe.endpoint.handle_closed(probe.now, first);
    assert!(probe.answer(&incoming, StatusCode::OK).is_empty());
    let told = probe.told();
    let [
        Event::Connect {
            connection,
            transport,
            remote,
            names,
        },
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert_eq!(
        (*transport, *remote),
        (Transport::Tcp, "192.0.2.1:5070".parse().unwrap())
    );
    assert_eq!(*names, ["a.example".parse().unwrap()]);
    probe
        .endpoint
        .handle_connected(probe.now, *connection, Vec::new());
    let sent = probe.sent();
    assert_eq!(
        lines(&sent),
        [(Flow::Connection(*connection), "SIP/2.0 200 OK")]
    );
}

/// Over TLS the answer also goes where the name in Via leads, because who is there has to prove it.
/// Over TCP anybody could have us write to anybody.
#[test]
fn an_answer_without_a_way_back_follows_the_name_over_tls_only() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut probe = Probe::new();
        let first = probe.connection(transport, "192.0.2.1:1111", &["a.example"]);
        let via = format!("{transport} a.example;branch=z9hG4bK1");
        probe.input(first, &request("MESSAGE", &via, ""));
        let [incoming] = probe.requests().try_into().unwrap();
        probe.endpoint.handle_closed(probe.now, first);
        probe.answer(&incoming, StatusCode::OK);
        let told = probe.told();
        let [Event::Connect { connection, .. }] = told.as_slice() else {
            panic!("{told:?}")
        };
        probe.endpoint.handle_closed(probe.now, *connection);
        let told = probe.told();
        match (transport, told.as_slice()) {
            (Transport::Tcp, [Event::AnswerLost(id)]) => assert_eq!(*id, incoming.id()),
            (Transport::Tls, [Event::Locate { query, hop }]) => {
                assert_eq!(hop.host.to_string(), "a.example");
                assert_eq!(
                    (hop.port, hop.transport, hop.is_secure),
                    (None, Some(Transport::Tls), true)
                );
                probe.endpoint.handle_targets(probe.now, *query, Vec::new());
                let told = probe.told();
                assert!(
                    matches!(told.as_slice(), [Event::AnswerLost(_)]),
                    "{told:?}"
                );
            }
            (_, told) => panic!("{transport}: {told:?}"),
        }
        assert_eq!(probe.endpoint.transactions(), 0);
    }
}

#[test]
fn over_tls_a_stranger_gets_no_answer_that_is_not_his() {
    let mut probe = Probe::new();
    let first = probe.connection(Transport::Tls, "192.0.2.1:1111", &["a.example"]);
    probe.input(
        first,
        &request("MESSAGE", "TLS a.example;branch=z9hG4bK1", ""),
    );
    let [incoming] = probe.requests().try_into().unwrap();
    probe.endpoint.handle_closed(probe.now, first);
    probe.answer(&incoming, StatusCode::OK);
    let told = probe.told();
    let [Event::Connect { connection, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    let stranger = vec!["m.example".parse().unwrap()];
    probe
        .endpoint
        .handle_connected(probe.now, *connection, stranger);
    assert!(probe.sent().is_empty());
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(id), Event::Locate { .. }] if id == connection),
        "{told:?}"
    );
}

#[test]
fn an_empty_line_asks_for_a_sign_of_life() {
    let mut probe = Probe::new();
    let connection = probe.connection(Transport::Tcp, "192.0.2.1:1111", &[]);
    assert_eq!(
        probe.input(connection, "\r\n\r\n"),
        [(Flow::Connection(connection), "\r\n".to_owned())]
    );
    for (input, answers) in [("\r", 0), ("\n", 0), ("\r\n", 1), ("\r\n", 0)] {
        assert_eq!(
            probe.input(connection, input).len(),
            answers,
            "however it is cut"
        );
    }
    assert!(probe.datagram(A, "\r\n\r\n").is_empty());
}

#[test]
fn a_message_that_does_not_end_and_a_connection_without_messages_are_cut_off() {
    let mut probe = Probe::new();
    let slow = probe.connection(Transport::Tcp, "192.0.2.1:1111", &[]);
    let idle = probe.connection(Transport::Tcp, "192.0.2.1:2222", &[]);
    probe.input(slow, "MESSAGE sip:bob@b.exam");
    probe.wait(Duration::from_millis(9_999));
    assert_eq!(probe.told().len(), 0);
    probe.wait(Duration::from_millis(1));
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(id)] if *id == slow),
        "{told:?}"
    );
    probe.input(
        idle,
        &request("OPTIONS", "TCP a.example;branch=z9hG4bK1", ""),
    );
    // A quarter more than the peer waits who opened it.
    probe.wait(Duration::from_millis(149_999));
    assert_eq!(probe.told().len(), 0);
    probe.wait(Duration::from_millis(1));
    let told = probe.told();
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(id)] if *id == idle),
        "{told:?}"
    );
    assert_eq!(probe.endpoint.connections(), 0);
}
