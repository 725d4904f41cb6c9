//! What is bounded, at its bound.

mod dialogs;

use comity_sip::endpoint::{Config, Event, Failure};
use comity_sip::{Flow, Method, StatusCode, SubscriptionError, Transport, Uri};
use comity_testkit::link::End;

use super::probe::{Probe, header, lines, request, to};
use super::targets::{FIRST, SECOND, answer, send, target};
use super::world::config;

fn message(number: usize) -> String {
    let via = format!("UDP 192.0.2.1:5060;branch=z9hG4bK{number}");
    request("MESSAGE", &via, "").replace("call@", &format!("{number}@"))
}

/// What comes of an endpoint whose limit is one below `number`, `number`, and one above.
fn around<T>(
    number: usize,
    set: fn(&mut Config, u32),
    mut outcome: impl FnMut(Probe) -> T,
) -> [T; 3] {
    [number - 1, number, number + 1].map(|limit| {
        let mut configuration = config(End::B);
        set(&mut configuration, limit.try_into().unwrap());
        outcome(Probe::with(configuration))
    })
}

/// How many of these are answered at once.
fn answered(probe: &mut Probe, messages: &[(&str, String)]) -> usize {
    let sent = messages.iter();
    sent.map(|(source, text)| probe.datagram(source, text).len())
        .sum()
}

#[test]
fn what_transactions_keep_is_bounded_in_bytes() {
    let bytes = message(0).len();
    let set = |config: &mut Config, limit| config.limits.max_kept_bytes = limit;
    let taken = around(2 * bytes, set, |mut probe| {
        for number in 0..4 {
            probe.datagram("192.0.2.1:5060", &message(number));
        }
        (probe.requests().len(), probe.endpoint.counters().overloaded)
    });
    assert_eq!(taken, [(1, 3), (2, 2), (2, 2)]);
    let set = |config: &mut Config, limit| config.limits.max_kept_bytes_per_source = limit;
    let taken = around(2 * bytes, set, |mut probe| {
        let sources = [FIRST, FIRST, FIRST, SECOND];
        for (number, source) in sources.into_iter().enumerate() {
            probe.datagram(source, &message(number));
        }
        let taken = probe.requests();
        // What a request kept is given back when it is answered, but for the answer.
        probe.answer(&taken[0], StatusCode::OK);
        probe.datagram(FIRST, &message(4));
        let more = probe.requests().len();
        (taken.len(), more, probe.endpoint.counters().overloaded)
    });
    assert_eq!(taken, [(2, 1, 2), (3, 0, 2), (3, 0, 2)]);
}

#[test]
fn transactions_have_a_number_in_all_and_for_each_source() {
    let sources = [1, 2, 3, 4, 5].map(|host| format!("192.0.2.{host}:5060"));
    let begun = |mut probe: Probe, sources: [&str; 5]| {
        for (number, source) in sources.into_iter().enumerate() {
            let sent = probe.datagram(source, &message(number));
            let refused = (to(source), "SIP/2.0 503 Service Unavailable");
            assert!(sent.is_empty() || lines(&sent) == [refused], "{sent:?}");
        }
        (probe.requests().len(), probe.endpoint.counters().overloaded)
    };
    let expected = [(2, 3), (3, 2), (4, 1)];
    let set = |config: &mut Config, limit| config.limits.max_transactions = limit;
    let in_all = around(3, set, |probe| {
        begun(probe, sources.each_ref().map(|it| &**it))
    });
    assert_eq!(in_all, expected);
    let set = |config: &mut Config, limit| config.limits.max_transactions_per_source = limit;
    let of_one = around(3, set, |probe| begun(probe, [FIRST; 5]));
    assert_eq!(of_one, expected);
}

#[test]
fn room_is_kept_in_sixteenths_of_what_there_is() {
    // One of 16 is for requests of ours, and two of 32 are; one of 32 for those in dialogs.
    let set = |config: &mut Config, limit| config.limits.max_transactions = limit;
    for (number, begun) in [(16, [15, 15, 16]), (32, [30, 30, 31])] {
        let taken = around(number, set, |mut probe| {
            for number in 0..40 {
                probe.datagram(FIRST, &message(number));
            }
            probe.requests().len()
        });
        assert_eq!(taken, begun);
    }
}

#[test]
fn requests_of_ours_need_transactions_and_connections() {
    let failed = |mut probe: Probe, transport| {
        for address in [FIRST, SECOND, "192.0.2.13:5060"] {
            send(
                &mut probe,
                Method::Message,
                "",
                vec![target(transport, address)],
            )
            .unwrap();
        }
        let told = probe.told().into_iter();
        let failures = told.filter_map(|event| match event {
            Event::Failed { failure, .. } => Some(failure),
            _ => None,
        });
        failures.collect::<Vec<_>>()
    };
    let expected = [
        vec![Failure::Overloaded; 2],
        vec![Failure::Overloaded],
        Vec::new(),
    ];
    let set = |config: &mut Config, limit| config.limits.max_transactions = limit;
    let lacking = around(2, set, |probe| failed(probe, Transport::Udp));
    assert_eq!(lacking, expected);
    let set = |config: &mut Config, limit| config.limits.max_connections = limit;
    let lacking = around(2, set, |probe| failed(probe, Transport::Tcp));
    assert_eq!(lacking, expected);
}

#[test]
fn connections_of_others_have_a_number_in_all_and_for_each_source() {
    let accepted = |mut probe: Probe, sources: [&str; 5]| {
        let (now, endpoint) = (probe.now, &mut probe.endpoint);
        let accepted = sources.map(|source| {
            let source = source.parse().unwrap();
            endpoint.accept_connection(now, Transport::Tcp, source, Vec::new())
        });
        accepted.iter().flatten().count()
    };
    let sources = [1, 2, 3, 4, 5].map(|host| format!("192.0.2.{host}:1"));
    let set = |config: &mut Config, limit| config.limits.max_connections = limit;
    let in_all = around(3, set, |probe| {
        accepted(probe, sources.each_ref().map(|it| &**it))
    });
    assert_eq!(in_all, [2, 3, 4]);
    // One sixteenth is for connections of ours.
    let few = around(16, set, |mut probe| {
        let accept = |host: u8| {
            let source = ([192, 0, 2, host], 1).into();
            let (now, endpoint) = (probe.now, &mut probe.endpoint);
            endpoint.accept_connection(now, Transport::Tcp, source, Vec::new())
        };
        (0..20).filter_map(accept).count()
    });
    assert_eq!(few, [15, 15, 16]);
    let ports = [1, 2, 3, 4, 5].map(|port| format!("192.0.2.1:{port}"));
    let set = |config: &mut Config, limit| config.limits.max_connections_per_source = limit;
    let of_one = around(3, set, |probe| {
        accepted(probe, ports.each_ref().map(|it| &**it))
    });
    assert_eq!(of_one, [2, 3, 4]);
}

#[test]
fn a_request_of_ours_goes_in_a_datagram_up_to_its_length() {
    let mut probe = Probe::with(config(End::B));
    send(
        &mut probe,
        Method::Message,
        "hi",
        vec![target(Transport::Udp, FIRST)],
    )
    .unwrap();
    let [(_, text)] = probe.sent().try_into().unwrap();
    // What is added on the way counts as 200 bytes.
    let via = format!("Via: {}\r\n", header(&text, "Via"));
    let bytes = text.len() - via.len() + 200;
    let set = |config: &mut Config, limit| config.max_datagram_bytes = limit;
    let flows = around(bytes, set, |mut probe| {
        send(
            &mut probe,
            Method::Message,
            "hi",
            vec![target(Transport::Udp, FIRST)],
        )
        .unwrap();
        let connects = probe.told().len();
        let datagrams = probe.sent().into_iter().map(|(flow, _)| flow);
        (connects, datagrams.collect::<Vec<Flow>>())
    });
    let in_a_datagram = (0, vec![to(FIRST)]);
    assert_eq!(
        flows,
        [(1, Vec::new()), in_a_datagram.clone(), in_a_datagram]
    );
}

#[test]
fn hops_that_are_left_alone_have_a_number() {
    let set = |config: &mut Config, limit| config.limits.max_unavailable = limit;
    let avoided = around(2, set, |mut probe| {
        let hops = [(FIRST, 20), (SECOND, 10), ("192.0.2.13:5060", 30)];
        for (hop, seconds) in hops {
            send(
                &mut probe,
                Method::Message,
                "",
                vec![target(Transport::Udp, hop)],
            )
            .unwrap();
            let [sent] = probe.sent().try_into().unwrap();
            let wait = format!("Retry-After: {seconds}\r\n");
            probe.datagram(hop, &answer(&sent, "503 Service Unavailable", &wait));
        }
        hops.map(|(hop, _)| {
            send(
                &mut probe,
                Method::Message,
                "",
                vec![target(Transport::Udp, hop)],
            )
            .unwrap();
            probe.sent().is_empty()
        })
    });
    // What is over first is forgotten.
    let expected = [[false, false, true], [true, false, true], [true; 3]];
    assert_eq!(avoided, expected);
}

#[test]
fn answers_for_which_nothing_is_kept_are_bounded_at_once_and_in_their_sources() {
    let refused = |source| (source, request("FOO", "UDP a.example;branch=z9hG4bK1", ""));
    let set = |config: &mut Config, limit| config.limits.max_answers_at_once = limit;
    let burst = [(); 5].map(|()| refused("192.0.2.1:5060"));
    let answers = around(3, set, |mut probe| answered(&mut probe, &burst));
    assert_eq!(answers, [2, 3, 4]);
    let set = |config: &mut Config, limit| config.limits.max_sources = limit;
    let sources = [1, 2, 3, 4, 5].map(|host| format!("192.0.2.{host}:5060"));
    let each = sources.each_ref().map(|source| refused(source.as_str()));
    let answers = around(3, set, |mut probe| answered(&mut probe, &each));
    assert_eq!(answers, [2, 3, 4]);
}

#[test]
fn a_message_of_others_outside_of_a_session_has_a_limit() {
    let text = message(0);
    let set = |config: &mut Config, limit| config.max_page_bytes = Some(limit);
    let answers = around(text.len(), set, |mut probe| {
        let sent = probe.datagram("192.0.2.1:5060", &text);
        let first = lines(&sent).first().map(|(_, line)| (*line).to_owned());
        (first, probe.requests().len())
    });
    let refused = Some("SIP/2.0 513 Message Too Large".to_owned());
    assert_eq!(answers, [(refused, 0), (None, 1), (None, 1)]);
}

#[test]
fn requests_of_ours_are_bounded_in_number_and_where_they_wait_in_bytes() {
    use comity_sip::endpoint::{SendError, Target};

    let target = |transport| vec![Target::new(transport, "192.0.2.1:5060".parse().unwrap())];
    let send = |probe: &mut Probe, transport| {
        let (uri, from) = ("sip:alice@a.example", "sip:bob@b.example");
        let (uri, from) = (Uri::parse(uri).unwrap(), Uri::parse(from).unwrap());
        let message = probe.endpoint.compose(Method::Message, uri, from).unwrap();
        let sent = probe.endpoint.send(probe.now, &message, target(transport));
        sent.map(drop)
    };
    let set = |config: &mut Config, limit| config.limits.max_requests = limit;
    let sent = around(2, set, |mut probe| {
        [(); 3].map(|()| send(&mut probe, Transport::Udp))
    });
    let full = || Err(SendError::Overloaded);
    assert_eq!(
        sent,
        [
            [Ok(()), full(), full()],
            [Ok(()), Ok(()), full()],
            [Ok(()), Ok(()), Ok(())]
        ]
    );

    let mut probe = Probe::with(config(End::B));
    send(&mut probe, Transport::Tcp).unwrap();
    let told = probe.told();
    let [Event::Connect { connection, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    probe
        .endpoint
        .handle_connected(probe.now, *connection, Vec::new());
    let bytes = probe.sent()[0].1.len();
    let set = |config: &mut Config, limit| config.limits.max_waiting_bytes = limit;
    let failed = around(2 * bytes, set, |mut probe| {
        for _ in 0..3 {
            send(&mut probe, Transport::Tcp).unwrap();
        }
        let told = probe.told().into_iter();
        told.filter(|event| matches!(event, Event::Failed { .. }))
            .count()
    });
    assert_eq!(failed, [2, 1, 1]);
}

#[test]
fn the_state_of_a_subscription_has_a_limit() {
    let set = |config: &mut Config, limit| config.limits.max_state_bytes = limit;
    let accepted = around(3, set, |mut probe| {
        let text = request(
            "SUBSCRIBE",
            "UDP 192.0.2.1:5060;branch=z9hG4bK1",
            "Event: presence\r\n",
        );
        probe.datagram("192.0.2.1:5060", &text);
        let [incoming] = probe.requests().try_into().unwrap();
        let state = Some(("text/plain", "one".into()));
        let now = probe.now;
        let accepted = probe.endpoint.accept_subscription(now, &incoming, state);
        accepted.map(drop)
    });
    let refused = Err(SubscriptionError::TooLarge { limit: 2 });
    assert_eq!(accepted, [refused, Ok(()), Ok(())]);
}

#[test]
fn a_source_has_its_share_of_transactions_and_no_more() {
    let mut configuration = config(End::B);
    configuration.limits.max_transactions_per_source = 3;
    let mut probe = Probe::with(configuration);
    for number in 0..3 {
        assert_eq!(probe.datagram("192.0.2.1:5060", &message(number)), []);
    }
    assert_eq!(probe.requests().len(), 3);
    let sent = probe.datagram("192.0.2.1:5060", &message(3));
    assert_eq!(
        lines(&sent),
        [(to("192.0.2.1:5060"), "SIP/2.0 503 Service Unavailable")]
    );
    assert_eq!(header(&sent[0].1, "Retry-After"), "10");
    assert_eq!(probe.endpoint.transactions(), 3);
    assert_eq!(probe.endpoint.counters().overloaded, 1);
    // Copies of what is there are no new ones, and another source has its own share.
    assert_eq!(probe.datagram("192.0.2.1:5060", &message(0)), []);
    assert_eq!(probe.datagram("192.0.2.2:5060", &message(4)), []);
    assert_eq!(probe.requests().len(), 1);
}

#[test]
fn some_room_is_kept_for_sessions_and_for_requests_of_ours() {
    let mut configuration = config(End::B);
    configuration.limits.max_transactions = 64;
    let mut probe = Probe::with(configuration);
    probe.datagram(
        "192.0.2.1:5060",
        &request("INVITE", "UDP 192.0.2.1:5060;branch=z9hG4bKi", ""),
    );
    let [incoming] = probe.requests().try_into().unwrap();
    probe
        .endpoint
        .accept(probe.now, &incoming, "a/b", "".into())
        .unwrap();
    let to_tag = header(&probe.sent()[0].1, "To").to_owned();
    for number in 0..59 {
        assert_eq!(probe.datagram("192.0.2.1:5060", &message(number)), []);
    }
    let full = [(to("192.0.2.1:5060"), "SIP/2.0 503 Service Unavailable")];
    assert_eq!(lines(&probe.datagram("192.0.2.1:5060", &message(60))), full);
    // A tag that means nothing opens no door.
    let orphan = message(61).replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=1");
    let sent = probe.datagram("192.0.2.1:5060", &orphan);
    assert!(sent[0].1.starts_with("SIP/2.0 481 "), "{sent:?}");
    assert_eq!(probe.endpoint.transactions(), 60);
    for number in 62..64 {
        let via = format!("UDP 192.0.2.1:5060;branch=z9hG4bK{number}");
        let inside = request("MESSAGE", &via, "")
            .replace("CSeq: 7", &format!("CSeq: {number}"))
            .replace("To: <sip:bob@b.example>", &format!("To: {to_tag}"));
        assert_eq!(probe.datagram("192.0.2.1:5060", &inside), []);
    }
    let via = "UDP 192.0.2.1:5060;branch=z9hG4bK70";
    let inside = request("MESSAGE", via, "")
        .replace("CSeq: 7", "CSeq: 70")
        .replace("To: <sip:bob@b.example>", &format!("To: {to_tag}"));
    assert_eq!(lines(&probe.datagram("192.0.2.1:5060", &inside)), full);
    assert_eq!(probe.endpoint.transactions(), 62);
}

#[test]
fn connections_are_bounded_in_all_and_for_each_source() {
    let mut configuration = config(End::B);
    configuration.limits.max_connections = 3;
    configuration.limits.max_connections_per_source = 2;
    let mut probe = Probe::with(configuration);
    let mut accept = |source: &str| {
        let source = source.parse().unwrap();
        let now = probe.now;
        probe
            .endpoint
            .accept_connection(now, Transport::Tcp, source, Vec::new())
    };
    let first = accept("192.0.2.1:1");
    assert!(first.is_some());
    assert!(accept("192.0.2.1:2").is_some());
    assert!(accept("192.0.2.1:3").is_none());
    assert!(accept("192.0.2.2:1").is_some());
    assert!(accept("192.0.2.2:2").is_none());
    probe.endpoint.handle_closed(probe.now, first.unwrap());
    assert_eq!(probe.endpoint.connections(), 2);
}

#[test]
fn the_oldest_stranger_of_the_largest_crowd_makes_room_for_another_source() {
    let mut configuration = config(End::B);
    configuration.limits.max_connections = 4;
    configuration.limits.max_connections_per_source = 3;
    let mut probe = Probe::with(configuration);
    let mut accept = |source: &str, transport, proved: &[&str]| {
        let proved = proved.iter().map(|name| name.parse().unwrap()).collect();
        let source = source.parse().unwrap();
        let (now, endpoint) = (probe.now, &mut probe.endpoint);
        let accepted = endpoint.accept_connection(now, transport, source, proved);
        (accepted, probe.told())
    };
    let (partner, _) = accept("192.0.2.1:1", Transport::Tls, &["a.example"]);
    let (oldest, _) = accept("192.0.2.1:2", Transport::Tls, &[]);
    accept("192.0.2.1:3", Transport::Tcp, &[]);
    accept("192.0.2.2:1", Transport::Tcp, &[]);
    assert!(partner.is_some() && oldest.is_some());
    // A source that has one is no better than one that has two, or that has all that it may have.
    let (same, told) = accept("192.0.2.2:2", Transport::Tcp, &[]);
    assert!(same.is_none() && told.is_empty(), "{told:?}");
    let (newcomer, told) = accept("192.0.2.3:1", Transport::Tcp, &[]);
    assert!(newcomer.is_some());
    assert!(
        matches!(told.as_slice(), [Event::Disconnect(id)] if Some(*id) == oldest),
        "{told:?}"
    );
    // Now each has one stranger, and nobody makes room.
    let (refused, told) = accept("192.0.2.4:1", Transport::Tls, &["c.example"]);
    assert!(refused.is_none() && told.is_empty(), "{told:?}");
    let endpoint = &probe.endpoint;
    assert_eq!(
        (endpoint.connections(), endpoint.counters().crowded),
        (4, 1)
    );
}

#[test]
fn what_waits_for_a_connection_is_bounded() {
    use comity_sip::endpoint::Target;

    let mut configuration = config(End::B);
    configuration.limits.max_waiting_bytes = 1_000;
    let mut probe = Probe::with(configuration);
    let target = Target::new(Transport::Tcp, "192.0.2.1:5060".parse().unwrap());
    let (uri, from) = ("sip:alice@a.example", "sip:bob@b.example");
    let (uri, from) = (Uri::parse(uri).unwrap(), Uri::parse(from).unwrap());
    for _ in 0..4 {
        let message = probe.endpoint.compose(Method::Message, uri, from).unwrap();
        probe
            .endpoint
            .send(probe.now, &message, vec![target.clone()])
            .unwrap();
    }
    let told = probe.told();
    let failed = told.iter().filter(|event| {
        matches!(
            event,
            Event::Failed {
                failure: Failure::Transport,
                ..
            }
        )
    });
    assert_eq!(failed.count(), 1, "{told:?}");
    let connects = told
        .iter()
        .filter(|event| matches!(event, Event::Connect { .. }));
    assert_eq!(connects.count(), 1, "one connection for all");
}

#[test]
fn subscriptions_and_their_state_are_bounded() {
    let mut configuration = config(End::B);
    configuration.limits.max_dialogs = 1;
    configuration.limits.max_state_bytes = 3;
    let mut probe = Probe::with(configuration);
    for number in 0..2 {
        let via = format!("UDP 192.0.2.1:5060;branch=z9hG4bK{number}");
        let message = request("SUBSCRIBE", &via, "Event: presence\r\n");
        probe.datagram(
            "192.0.2.1:5060",
            &message.replace("call@", &format!("{number}@")),
        );
    }
    let [first, second] = probe.requests().try_into().unwrap();
    let mut accept = |incoming, state: &'static str| {
        let state = Some(("text/plain", state.into()));
        probe
            .endpoint
            .accept_subscription(probe.now, incoming, state)
    };
    assert_eq!(
        accept(&first, "four"),
        Err(SubscriptionError::TooLarge { limit: 3 })
    );
    assert!(accept(&first, "one").is_ok());
    assert_eq!(accept(&second, "two"), Err(SubscriptionError::Overloaded));
    let sent = probe.answer(&second, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        sent.iter()
            .any(|(_, text)| text.starts_with("SIP/2.0 503 "))
    );
}
