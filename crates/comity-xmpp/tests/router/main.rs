//! What a router does when things go wrong, with the other side played by hand.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each test looks for some events and passes over the others"
)]

mod attempts;
mod bounds;
mod conditions;
mod contract;
mod crowds;
mod host;
mod settling;
mod sharing;
mod tracking;

use std::sync::Arc;
use std::time::Duration;

use comity_machine::QueryId;
use comity_xmpp::router::{AcceptError, Event, Failure, SendError, Unresolved};
use comity_xmpp::stream::{CloseReason, Decision, DropReason, PairRefusal, Purpose, Verdict};
use comity_xmpp::xml::Element;
use comity_xmpp::{Security, StanzaCondition, Transport, ns};

use self::host::{HEADER, Host, STARTTLS, VALID, limits, stanza, targets};

#[test]
fn other_domains_become_ours_and_those_before_have_gone() {
    let mut host = Host::new(limits());
    let ours = Arc::new(["b.example".parse().unwrap()].into());
    host.router.replace_domains(ours);
    assert_eq!(host.send("c.example"), Err(SendError::NotLocal));
    assert_eq!(host.send_from("b.example", "a.example"), Ok(()));
    let connection = host.router.accept(host.now, Transport::Tcp).unwrap();
    host.feed(connection, &HEADER.replace("b.example", "c.example"));
    host.settle();
    let sent = host.sent_on(connection);
    assert!(sent.contains("<host-gone xmlns="), "{sent}");
}

#[test]
fn only_stanzas_from_ours_to_others_are_taken() {
    let mut host = Host::new(limits());
    assert_eq!(host.send("a.example"), Err(SendError::RemoteIsLocal));
    let foreign = stanza("x@b.example", "y@c.example");
    let (given_back, error) = host.router.send(host.now, foreign).unwrap_err();
    assert_eq!(error, SendError::NotLocal);
    assert_eq!(given_back.from().to_string(), "x@b.example");
    host.router.close(host.now);
    assert_eq!(host.send("b.example"), Err(SendError::Closed));
    assert_eq!(
        host.router.accept(host.now, Transport::Tcp),
        Err(AcceptError::Closed)
    );
}

#[test]
fn queues_and_connections_are_bounded() {
    let mut bounds = limits();
    bounds.max_queued_stanzas = 2;
    bounds.max_outbound = 1;
    bounds.max_inbound = 1;
    let mut host = Host::new(bounds);
    assert_eq!(host.send("b.example"), Ok(()));
    assert_eq!(host.send("b.example"), Ok(()));
    assert_eq!(host.send("b.example"), Err(SendError::Full));
    assert_eq!(host.send("c.example"), Err(SendError::Full));
    let first = host.router.accept(host.now, Transport::Tcp).unwrap();
    assert_eq!(
        host.router.accept(host.now, Transport::Tcp),
        Err(AcceptError::TooMany)
    );
    host.router.handle_eof(host.now, first);
    host.settle();
    assert!(host.router.accept(host.now, Transport::Tcp).is_ok());
}

#[test]
fn what_waits_is_bounded_in_bytes_for_each_pair_and_in_all() {
    let mut bounds = limits();
    bounds.max_queued_bytes = 12_000;
    bounds.max_queued_bytes_in_all = 18_000;
    let mut host = Host::new(bounds);
    host.answers = false;
    let mut send = |to: &str| {
        let body = Element::new(ns::SERVER, "body").with_text(&"x".repeat(4000));
        let stanza = stanza("x@a.example", &format!("y@{to}")).with_payload(body);
        let sent = host.router.send(host.now, stanza);
        sent.map_err(|(_, error)| error)
    };
    assert_eq!(send("b.example"), Ok(()));
    assert_eq!(send("b.example"), Ok(()));
    assert_eq!(send("b.example"), Err(SendError::Full));
    assert_eq!(send("c.example"), Ok(()));
    assert_eq!(send("c.example"), Err(SendError::Full));
    // What comes back makes room.
    host.settle();
    host.pass(limits().answer_timeout);
    assert_eq!(host.failures(), vec![Failure::Unanswered; 3]);
    for _ in 0..2 {
        assert_eq!(host.send("c.example"), Ok(()));
    }
}

#[test]
fn questions_that_nobody_waits_for_are_withdrawn() {
    let mut host = Host::new(limits());
    let connection = host.accepted();
    host.events.clear();
    host.answers = false;
    host.feed(
        connection,
        "<db:result from='c.example' to='a.example'>k</db:result>",
    );
    let Some(Event::Authorize { query: first, .. }) = host.events.pop() else {
        panic!("no question")
    };
    let allow = Decision::Allow(Security::ENCRYPTED.into());
    host.router.handle_decision(host.now, first, &allow);
    host.settle();
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("no question about the way out")
    };
    host.router.handle_decision(host.now, query, &allow);
    host.settle();
    let Some(Event::Connect {
        query: sought,
        purpose,
        ..
    }) = host.events.pop()
    else {
        panic!("no question where")
    };
    assert_eq!(purpose, Purpose::Verification);
    host.router.handle_eof(host.now, connection);
    host.settle();
    let withdrawn = host.events.iter().filter_map(|event| match event {
        Event::Withdrawn { query } => Some(*query),
        _ => None,
    });
    assert_eq!(withdrawn.collect::<Vec<_>>(), [sought]);
    assert_eq!(host.router.poll_timeout(), None);
}

#[test]
fn an_unanswered_question_fails_what_waits_for_it() {
    let mut host = Host::new(limits());
    host.answers = false;
    host.send("b.example").unwrap();
    host.pass(limits().answer_timeout);
    assert_eq!(host.failures(), [Failure::Unanswered]);
    assert_eq!(host.router.poll_timeout(), None);
}

#[test]
fn an_answer_to_another_kind_of_question_is_none() {
    let mut host = Host::new(limits());
    host.answers = false;
    host.send("b.example").unwrap();
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    let answer_all = |host: &mut Host, query: QueryId, decision: bool, targets: bool| {
        if targets {
            host.router.handle_targets(host.now, query, Ok(vec![]));
        }
        if decision {
            host.router
                .handle_decision(host.now, query, &Decision::Deny);
        }
        let matched_by = "b.example".into();
        let verdict = Verdict::Trusted {
            matched_by,
            expires_in: None,
        };
        host.router.handle_verdict(host.now, query, &verdict);
        host.settle();
    };
    answer_all(&mut host, query, false, true);
    assert!(host.events.is_empty());
    let allow = Decision::Allow(Security::ENCRYPTED.into());
    host.router.handle_decision(host.now, query, &allow);
    host.settle();
    let Some(Event::Connect { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    answer_all(&mut host, query, true, false);
    assert!(host.events.is_empty());
    host.pass(limits().answer_timeout);
    assert_eq!(host.failures(), [Failure::Unanswered]);
}

#[test]
fn no_service_and_no_answer_are_told_apart() {
    for unresolved in [
        Unresolved::NotOffered("no such name".into()),
        Unresolved::Failed("timeout".into()),
    ] {
        let mut host = Host::new(limits());
        host.targets = Err(unresolved.clone());
        host.send("b.example").unwrap();
        let failure = Failure::Unresolved(unresolved);
        assert_eq!(failure.condition(), StanzaCondition::RemoteServerNotFound);
        assert_eq!(host.failures(), [failure]);
    }
}

#[test]
fn a_server_that_cannot_serve_now_is_not_the_last_that_is_tried() {
    for goodbye in [
        "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "</stream:stream>",
        "",
    ] {
        let mut host = Host::new(limits());
        host.targets = Ok(targets(2));
        host.send("b.example").unwrap();
        let [first] = host.dialled()[..] else {
            panic!("not one dial")
        };
        host.router.handle_connected(host.now, first);
        host.settle();
        host.feed(first, HEADER);
        host.feed(first, goodbye);
        if goodbye.is_empty() {
            host.router.handle_eof(host.now, first);
            host.settle();
        }
        let [second] = host.dialled()[..] else {
            panic!("{goodbye}: no second dial")
        };
        host.router
            .handle_connect_failed(host.now, second, "refused");
        host.settle();
        assert_eq!(host.failures(), [Failure::Unreachable("refused".into())]);
    }
}

#[test]
fn a_server_that_refuses_us_is_the_last_that_is_tried() {
    let mut host = Host::new(limits());
    host.targets = Ok(targets(2));
    host.send("b.example").unwrap();
    let [first] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.negotiate(first);
    host.feed(first, &VALID.replace("valid", "invalid"));
    assert_eq!(host.failures(), [Failure::Refused(PairRefusal::Invalid)]);
}

#[test]
fn a_connection_that_takes_too_long_is_given_up() {
    let mut host = Host::new(limits());
    host.send("b.example").unwrap();
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.pass(limits().connect_timeout);
    assert!(matches!(
        host.events[..],
        [Event::Closed { connection: closed, .. }, Event::Undelivered { .. }] if closed == connection
    ));
    // The driver may report it all the same.
    host.router.handle_connected(host.now, connection);
    host.settle();
    assert_eq!(host.sent, []);
}

#[test]
fn a_second_report_of_a_connection_changes_nothing() {
    let mut host = Host::new(limits());
    let connection = host.established();
    host.router.handle_connected(host.now, connection);
    host.router
        .handle_connect_failed(host.now, connection, "late");
    host.settle();
    assert_eq!(host.sent_on(connection), "");
    assert_eq!(host.send("b.example"), Ok(()));
    assert_eq!(host.sent_on(connection).matches("<message ").count(), 1);
}

#[test]
fn stanzas_for_a_blocked_connection_wait_and_are_not_lost_with_it() {
    let mut host = Host::new(limits());
    let connection = host.established();
    host.router.handle_write_blocked(host.now, connection);
    for _ in 0..3 {
        host.send("b.example").unwrap();
    }
    assert_eq!(host.sent_on(connection), "");
    host.router.handle_writable(host.now, connection);
    host.settle();
    assert_eq!(host.sent_on(connection).matches("<message ").count(), 3);

    host.router.handle_write_blocked(host.now, connection);
    for _ in 0..3 {
        host.send("b.example").unwrap();
    }
    host.events.clear();
    host.router.handle_eof(host.now, connection);
    host.settle();
    assert_eq!(host.sent_on(connection), "");
    // They wait for a new stream, and come back if there is none.
    let [second] = host.dialled()[..] else {
        panic!("no second dial")
    };
    host.router
        .handle_connect_failed(host.now, second, "refused");
    host.settle();
    assert_eq!(
        host.failures(),
        vec![Failure::Unreachable("refused".into()); 3]
    );
}

#[test]
fn a_failed_handshake_is_told() {
    let mut host = Host::new(limits());
    host.answers = false;
    let connection = host.router.accept(host.now, Transport::Tcp).unwrap();
    host.feed(connection, &HEADER.replace("from='b.example' ", ""));
    host.feed(connection, STARTTLS);
    host.router
        .handle_tls_failed(host.now, connection, "no shared cipher");
    host.settle();
    let Some(Event::Closed { reason, .. }) = host.events.pop() else {
        panic!("not closed")
    };
    assert_eq!(reason, CloseReason::TlsFailed("no shared cipher".into()));
}

#[test]
fn a_dropped_stanza_is_counted() {
    let mut host = Host::new(limits());
    let connection = host.established();
    host.events.clear();
    host.feed(connection, "<message from='y@b.example' to='x@a.example'/>");
    assert!(matches!(
        host.events[..],
        [Event::Dropped {
            reason: DropReason::WrongDirection,
            ..
        }]
    ));
}

#[test]
fn claims_of_peers_do_not_keep_us_from_sending() {
    let mut bounds = limits();
    bounds.max_outbound = 4;
    bounds.max_verifications = 8;
    let mut host = Host::new(bounds);
    for _ in 0..10 {
        let connection = host.accepted();
        for index in 0..8 {
            host.feed(
                connection,
                &format!(
                    "<db:result from='c{index}.example' to='a.example'>{connection}</db:result>"
                ),
            );
        }
        assert_eq!(host.dialled().len(), 8, "{connection}");
        // Whoever asked is gone: nobody needs the answers.
        host.router.handle_eof(host.now, connection);
        host.settle();
        let closed = |event: &&Event| matches!(event, Event::Closed { .. });
        assert_eq!(host.events.iter().filter(closed).count(), 9);
    }
    assert_eq!(host.send("d.example"), Ok(()));

    let connection = host.accepted();
    for index in 0..9 {
        host.feed(
            connection,
            &format!("<db:result from='c{index}.example' to='a.example'>k</db:result>"),
        );
    }
    assert!(host.sent_on(connection).contains("<resource-constraint "));
}

#[test]
fn a_key_that_is_given_up_ends_the_search_for_its_server() {
    let mut host = Host::new(limits());
    let connection = host.accepted();
    host.feed(
        connection,
        "<db:result from='b.example' to='a.example'>k</db:result>",
    );
    let [dialled] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.negotiate(dialled);
    assert!(host.sent_on(dialled).contains("<db:verify "));
    host.sent_on(connection);
    host.pass(Duration::from_secs(21));
    assert!(host.sent_on(connection).contains("<remote-server-timeout "));
    assert_eq!(host.sent_on(dialled), "</stream:stream>");
}

#[test]
fn a_standing_stream_is_used_to_verify() {
    let mut host = Host::new(limits());
    let ours = host.established();
    let theirs = host.accepted();
    host.feed(
        theirs,
        "<db:result from='b.example' to='a.example'>k</db:result>",
    );
    assert_eq!(host.dialled(), []);
    let question = host.sent_on(ours);
    let id = question
        .split("id='")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    host.feed(
        ours,
        &format!("<db:verify from='b.example' to='a.example' id='{id}' type='valid'/>"),
    );
    assert!(host.sent_on(theirs).ends_with("type='valid'/>"));
    assert_eq!(host.sent_on(ours), "", "the stream stays");
}

#[test]
fn a_closed_router_begins_nothing() {
    let mut host = Host::new(limits());
    let connection = host.accepted();
    host.answers = false;
    host.feed(
        connection,
        "<db:result from='c.example' to='a.example'>k</db:result>",
    );
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    host.router.close(host.now);
    host.settle();
    host.events.clear();
    let allow = Decision::Allow(Security::ENCRYPTED.into());
    host.router.handle_decision(host.now, query, &allow);
    host.settle();
    assert!(host.events.is_empty(), "{:?}", host.events);
    host.pass(Duration::from_secs(5));
    assert!(host.router.is_closed());
    assert_eq!(host.router.poll_timeout(), None);
}
