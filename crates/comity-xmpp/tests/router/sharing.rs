//! Streams that carry several pairs, and both directions.

use std::time::Duration;

use comity_identity::Direction;
use comity_xmpp::router::{Event, Failure, Unacknowledged};
use comity_xmpp::stream::{Decision, Switch};
use comity_xmpp::{Profile, Security, StanzaCondition, Terms, Transport};

use crate::host::{FEATURES, HEADER, Host, PROCEED, VALID, limits, stanza};

const ERRORS: &str = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'><errors/>\
     </dialback></stream:features>";

/// A stream to `b.example` whose server knows dialback errors.
fn established(host: &mut Host) -> comity_xmpp::router::ConnectionId {
    established_with(host, ERRORS)
}

pub(crate) fn established_with(host: &mut Host, last: &str) -> comity_xmpp::router::ConnectionId {
    host.send("b.example").unwrap();
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.router.handle_connected(host.now, connection);
    host.settle();
    for flight in [HEADER, FEATURES, PROCEED, HEADER, last] {
        host.feed(connection, flight);
    }
    host.feed(connection, VALID);
    host.events.clear();
    host.sent.clear();
    connection
}

#[test]
fn another_domain_of_ours_rides_on_the_stream_that_stands() {
    let mut host = Host::new(limits());
    let connection = established(&mut host);
    host.send_from("z.example", "b.example").unwrap();
    let sent = host.sent_on(connection);
    assert!(
        sent.starts_with("<db:result from='z.example' to='b.example'>"),
        "{sent}"
    );
    assert!(!sent.contains("<message "));
    host.feed(
        connection,
        "<db:result from='b.example' to='z.example' type='valid'/>",
    );
    assert_eq!(
        host.sent_on(connection),
        "<message from='x@z.example' to='y@b.example'/>"
    );
    assert_eq!(host.dialled(), []);
    // Both go on.
    host.send_from("z.example", "b.example").unwrap();
    host.send("b.example").unwrap();
    assert_eq!(host.sent_on(connection).matches("<message ").count(), 2);
}

#[test]
fn a_domain_at_the_same_server_rides_along_where_that_knows_errors() {
    for (features, rides) in [(ERRORS, true), (FEATURES, false)] {
        let mut host = Host::new(limits());
        let connection = established_with(&mut host, features);
        host.send("d.example").unwrap();
        let asked = host.sent_on(connection).contains("to='d.example'>");
        assert_eq!(asked, rides);
        assert_eq!(host.dialled().len(), usize::from(!rides));
    }
}

#[test]
fn a_pair_that_may_not_ride_gets_a_connection_of_its_own() {
    let mut host = Host::new(limits());
    let connection = established(&mut host);
    host.send("d.example").unwrap();
    host.feed(
        connection,
        "<db:result from='d.example' to='a.example' type='error'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
    );
    assert_eq!(host.dialled().len(), 1);
    // The stream that was asked goes on.
    host.send("b.example").unwrap();
    assert_eq!(host.sent_on(connection).matches("<message ").count(), 1);
}

#[test]
fn a_required_certificate_must_name_the_domain_that_rides_along() {
    let mut host = Host::new(limits());
    let connection = established(&mut host);
    host.terms = Security::CERTIFIED.into();
    host.send("d.example").unwrap();
    assert_eq!(host.sent_on(connection), "");
    assert_eq!(host.dialled().len(), 1);
}

#[test]
fn a_profile_can_forbid_riding_along() {
    let mut host = Host::new(limits());
    let connection = established(&mut host);
    host.terms = Terms {
        security: Security::ENCRYPTED,
        profile: Profile::named("openfire").unwrap(),
    };
    host.send_from("z.example", "b.example").unwrap();
    assert_eq!(host.sent_on(connection), "");
    assert_eq!(host.dialled().len(), 1);
}

#[test]
fn what_rides_along_is_sent_again_when_the_stream_ends() {
    let mut host = Host::new(limits());
    let connection = established(&mut host);
    host.send_from("z.example", "b.example").unwrap();
    host.router.handle_eof(host.now, connection);
    host.settle();
    // It had not been accepted, so it is sought anew and nothing is lost.
    assert_eq!(host.dialled().len(), 1);
    assert_eq!(host.failures(), []);
}

/// A connection of `b.example` that has proved itself and goes both ways if it was asked for.
pub(crate) fn proved(host: &mut Host, bidi: bool) -> comity_xmpp::router::ConnectionId {
    host.certified = Some("b.example");
    let connection = host.accepted();
    if bidi {
        host.feed(connection, "<bidi xmlns='urn:xmpp:bidi'/>");
    }
    host.feed(
        connection,
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
    );
    host.feed(connection, HEADER);
    host.events.clear();
    host.sent.clear();
    connection
}

#[test]
fn a_stream_that_goes_both_ways_needs_no_other() {
    let mut host = Host::new(limits());
    let connection = proved(&mut host, true);
    host.send("b.example").unwrap();
    assert_eq!(
        host.sent_on(connection),
        "<message from='x@a.example' to='y@b.example'/>"
    );
    let asked: Vec<_> = host
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Authorize { direction, .. } => Some(*direction),
            _ => None,
        })
        .collect();
    assert_eq!(
        asked,
        [Direction::Outbound],
        "the way out has its own rules"
    );
    assert_eq!(host.dialled(), []);

    let mut host = Host::new(limits());
    let connection = proved(&mut host, false);
    host.send("b.example").unwrap();
    assert_eq!(host.sent_on(connection), "");
    assert_eq!(host.dialled().len(), 1);
}

#[test]
fn a_policy_that_forbids_the_way_out_holds_on_such_a_stream_too() {
    let mut host = Host::new(limits());
    let connection = proved(&mut host, true);
    host.answers = false;
    host.send("b.example").unwrap();
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("not asked")
    };
    host.router
        .handle_decision(host.now, query, &Decision::Deny);
    host.settle();
    assert_eq!(host.failures(), [Failure::Denied]);
    assert_eq!(host.sent_on(connection), "");
}

#[test]
fn stanzas_go_elsewhere_when_such_a_stream_ends() {
    let mut host = Host::new(limits());
    let connection = proved(&mut host, true);
    host.send("b.example").unwrap();
    host.feed(connection, "</stream:stream>");
    host.dialled();
    host.send("b.example").unwrap();
    assert_eq!(host.dialled().len(), 1);
}

#[test]
fn of_too_many_streams_of_a_pair_the_oldest_is_closed() {
    let mut few = limits();
    few.max_streams_per_pair = 2;
    let mut host = Host::new(few);
    let first = proved(&mut host, false);
    let second = proved(&mut host, false);
    assert_eq!(host.sent_on(first), "");
    proved(&mut host, false);
    host.router
        .handle_input(host.now, first, b"</stream:stream>");
    host.settle();
    let closed: Vec<_> = host
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Closed { connection, reason } => Some((*connection, reason.to_string())),
            _ => None,
        })
        .collect();
    assert_eq!(
        closed,
        [(
            first,
            "closed: a newer stream takes the place of this one".to_owned()
        )]
    );
    host.feed(second, "<message from='x@b.example' to='y@a.example'/>");
    assert!(matches!(host.events.pop(), Some(Event::Stanza { .. })));
}

#[test]
fn what_the_peer_would_not_take_comes_back_and_the_rest_goes() {
    let mut host = Host::new(limits());
    host.certified = Some("b.example");
    host.send("b.example").unwrap();
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.router.handle_connected(host.now, connection);
    host.settle();
    let external = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>EXTERNAL</mechanism></mechanisms></stream:features>";
    for flight in [HEADER, FEATURES, PROCEED, HEADER, external] {
        host.feed(connection, flight);
    }
    let long = stanza("x@a.example", "y@b.example").with_id(&"i".repeat(200));
    host.router.send(host.now, long).unwrap();
    host.send("b.example").unwrap();
    host.sent.clear();
    host.feed(
        connection,
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    );
    host.feed(connection, HEADER);
    host.events.clear();
    host.feed(
        connection,
        "<stream:features><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>100</max-bytes>\
         </limits></stream:features>",
    );
    assert_eq!(host.sent_on(connection).matches("<message ").count(), 2);
    let failures = host.failures();
    assert_eq!(failures, [Failure::TooLong(100)]);
    assert_eq!(failures[0].condition(), StanzaCondition::PolicyViolation);
}

#[test]
fn what_was_not_acknowledged_is_sent_once_more_and_then_comes_back() {
    let mut host = Host::configured(|config| {
        config.unacknowledged = Unacknowledged::Resend;
        config.stream.bidi = Switch::Off;
    });
    let acks = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'/>\
         <sm xmlns='urn:xmpp:sm:3'/></stream:features>";
    let first = established_with(&mut host, acks);
    host.router.handle_eof(host.now, first);
    host.settle();
    let [second] = host.dialled()[..] else {
        panic!("not dialled again")
    };
    host.router.handle_connected(host.now, second);
    host.settle();
    for flight in [HEADER, FEATURES, PROCEED, HEADER, acks, VALID] {
        host.feed(second, flight);
    }
    assert_eq!(host.sent_on(second).matches("<message ").count(), 1);
    host.events.clear();
    host.router.handle_eof(host.now, second);
    host.settle();
    assert_eq!(host.failures(), [Failure::Unacknowledged]);
}

#[test]
fn a_router_that_stops_says_so() {
    let mut host = Host::new(limits());
    let connection = proved(&mut host, false);
    host.router.close(host.now);
    host.settle();
    assert!(host.sent_on(connection).contains("<system-shutdown "));
    host.pass(Duration::from_secs(5));
    assert!(host.router.is_closed());
}

#[test]
fn a_connection_that_begins_with_tls_asks_for_it_at_once() {
    let mut host = Host::new(limits());
    host.answers = false;
    let connection = host.router.accept(host.now, Transport::DirectTls).unwrap();
    host.settle();
    let [Event::StartTls { connection: at, .. }] = host.events[..] else {
        panic!("{:?}", host.events)
    };
    assert_eq!(at, connection);
}

#[test]
fn a_stream_of_the_peer_helps_where_our_own_connection_fails() {
    let mut host = Host::new(limits());
    host.send("b.example").unwrap();
    let [ours] = host.dialled()[..] else {
        panic!("not one dial")
    };
    let theirs = proved(&mut host, true);
    host.router
        .handle_connect_failed(host.now, ours, "firewall");
    host.settle();
    assert_eq!(host.failures(), []);
    host.send("b.example").unwrap();
    assert_eq!(host.failures(), []);
    assert_eq!(host.sent_on(theirs).matches("<message ").count(), 2);
}

const KEY: &str = "<db:result from='b.example' to='a.example'>k</db:result>";

#[test]
fn a_key_is_confirmed_apart_where_our_stream_is_closing_or_closes() {
    let mut host = Host::new(limits());
    let ours = established(&mut host);
    host.pass(Duration::from_secs(3600));
    assert!(host.sent_on(ours).ends_with("</stream:stream>"));
    let theirs = host.accepted();
    host.events.clear();
    host.feed(theirs, KEY);
    assert_eq!(host.dialled().len(), 1, "a connection to ask on");

    let mut host = Host::new(limits());
    let ours = established(&mut host);
    let theirs = host.accepted();
    host.feed(theirs, KEY);
    assert!(host.sent_on(ours).contains("<db:verify "));
    host.events.clear();
    host.sent.clear();
    host.feed(ours, "</stream:stream>");
    assert_eq!(host.dialled().len(), 1, "it is asked anew");
    assert_eq!(host.sent_on(theirs), "");
}

#[test]
fn a_question_about_a_key_counts_as_use() {
    let mut host = Host::new(limits());
    let ours = established(&mut host);
    host.pass(Duration::from_secs(3599));
    let theirs = host.accepted();
    host.feed(theirs, KEY);
    host.sent.clear();
    host.pass(Duration::from_secs(2));
    assert!(!host.sent_on(ours).contains("</stream:stream>"));
}

#[test]
fn a_key_is_not_confirmed_with_less_protection_than_its_pair_needs() {
    let mut host = Host::new(limits());
    host.terms = Security {
        tls: comity_xmpp::TlsMode::Optional,
        ..Security::ENCRYPTED
    }
    .into();
    host.send("b.example").unwrap();
    let [ours] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.router.handle_connected(host.now, ours);
    host.settle();
    for flight in [HEADER, "<stream:features/>", VALID] {
        host.feed(ours, flight);
    }
    assert!(host.sent_on(ours).contains("<message "), "in clear");
    host.terms = Security::ENCRYPTED.into();
    let theirs = host.accepted();
    host.events.clear();
    host.feed(theirs, KEY);
    assert_eq!(host.sent_on(ours), "");
    assert_eq!(host.dialled().len(), 1);
}

#[test]
fn one_who_may_not_send_to_us_may_still_confirm_our_key() {
    let mut host = Host::new(limits());
    host.send("b.example").unwrap();
    let [ours] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.negotiate(ours);
    host.answers = false;
    let theirs = host.router.accept(host.now, Transport::Tcp).unwrap();
    host.feed(theirs, HEADER);
    deny(&mut host);
    assert!(host.sent_on(theirs).contains("<starttls "));
    host.feed(theirs, crate::host::STARTTLS);
    host.router.handle_tls_established(
        host.now,
        theirs,
        comity_xmpp::stream::PeerCertificate::Absent,
    );
    host.settle();
    host.feed(theirs, HEADER);
    host.sent.clear();
    deny(&mut host);
    let features = host.sent_on(theirs);
    assert!(!features.contains("<dialback"), "{features}");
    host.feed(
        theirs,
        "<db:verify from='b.example' to='a.example' id='1'>k</db:verify>",
    );
    assert_eq!(
        host.sent_on(theirs),
        "<db:verify from='a.example' to='b.example' id='1' type='invalid'/>"
    );
    host.feed(theirs, KEY);
    assert!(host.sent_on(theirs).contains("<policy-violation "));
}

/// Denies what was asked last.
fn deny(host: &mut Host) {
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("not asked")
    };
    host.router
        .handle_decision(host.now, query, &Decision::Deny);
    host.settle();
}

#[test]
fn what_was_sent_twice_and_failed_may_have_arrived() {
    let mut host = Host::configured(|config| config.unacknowledged = Unacknowledged::Resend);
    let acks = "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>";
    let first = established_with(&mut host, acks);
    host.router.handle_eof(host.now, first);
    host.settle();
    let [second] = host.dialled()[..] else {
        panic!("not dialled again")
    };
    host.router
        .handle_connect_failed(host.now, second, "refused");
    host.settle();
    assert_eq!(host.failures(), [Failure::Unacknowledged]);
}

#[test]
fn what_is_not_acknowledged_counts_as_waiting() {
    let mut host = Host::configured(|config| config.limits.max_queued_bytes_in_all = 1000);
    let acks = "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>";
    let connection = established_with(&mut host, acks);
    let mut taken = 1;
    while host.send("b.example").is_ok() {
        taken += 1;
        assert!(taken < 10, "nothing bounds it");
    }
    assert_eq!(
        host.send("b.example"),
        Err(comity_xmpp::router::SendError::Full)
    );
    host.feed(
        connection,
        &format!("<a xmlns='urn:xmpp:sm:3' h='{taken}'/>"),
    );
    assert_eq!(host.send("b.example"), Ok(()));
}

#[test]
fn pairs_on_one_stream_take_turns() {
    let mut host = Host::configured(|config| {
        config.stream.limits.max_output_bytes.authenticated = 200;
    });
    let connection = established(&mut host);
    host.send_from("z.example", "b.example").unwrap();
    host.feed(
        connection,
        "<db:result from='b.example' to='z.example' type='valid'/>",
    );
    host.router.handle_write_blocked(host.now, connection);
    for _ in 0..20 {
        host.send("b.example").unwrap();
    }
    host.send_from("z.example", "b.example").unwrap();
    host.sent.clear();
    host.router.handle_writable(host.now, connection);
    let mut first = Vec::new();
    host.router.poll_transmit(&mut first);
    let first = String::from_utf8(first).unwrap();
    assert!(first.contains("from='x@z.example'"), "{first}");
}

#[test]
fn a_question_that_a_stream_drops_is_withdrawn() {
    let optional = Security {
        tls: comity_xmpp::TlsMode::Optional,
        ..Security::ENCRYPTED
    };
    let mut host = Host::configured(|config| config.stream.security = optional);
    host.terms = optional.into();
    let connection = host.router.accept(host.now, Transport::Tcp).unwrap();
    host.feed(connection, HEADER);
    host.answers = false;
    host.feed(connection, KEY);
    let Some(Event::Authorize { query: asked, .. }) = host.events.pop() else {
        panic!("not asked")
    };
    host.feed(connection, crate::host::STARTTLS);
    let withdrawn = host.events.iter().any(|event| match event {
        Event::Withdrawn { query } => *query == asked,
        _ => false,
    });
    assert!(withdrawn);
}

/// A stanza as it is written on a stream.
pub(crate) fn written(stanza: &comity_xmpp::Stanza) -> String {
    let mut text = String::new();
    stanza.element().write(comity_xmpp::ns::SERVER, &mut text);
    text
}

#[test]
fn whoever_writes_to_a_malformed_address_is_told() {
    let mut host = Host::new(limits());
    let connection = proved(&mut host, true);
    host.feed(
        connection,
        "<message from='x@b.example/r' to='y&apos;@a.example' id='7'/>",
    );
    assert_eq!(
        host.sent_on(connection),
        "<message from='a.example' to='x@b.example/r' id='7' type='error'><error type='modify'>\
         <jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
}
