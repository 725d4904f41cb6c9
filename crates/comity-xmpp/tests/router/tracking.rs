//! Stanzas whose sender wants to know how they end.

use comity_xmpp::router::{ConnectionId, Event, Failure, SendError, Unacknowledged};
use comity_xmpp::stream::{Decision, SendId};

use crate::host::{Host, limits, stanza};
use crate::sharing::established_with;

const COUNTING: &str = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'/>\
     <sm xmlns='urn:xmpp:sm:3'/></stream:features>";

fn track(host: &mut Host) -> SendId {
    let stanza = stanza("x@a.example", "y@b.example");
    let sent = host.router.send_tracked(host.now, stanza);
    host.settle();
    sent.unwrap()
}

fn ends(host: &mut Host) -> Vec<End> {
    let events = std::mem::take(&mut host.events).into_iter();
    events
        .filter_map(|event| match event {
            Event::Sent { connection, id } => Some(End::Sent(connection, id)),
            Event::Undelivered { id, failure, .. } => Some(End::Undelivered(id, failure)),
            _ => None,
        })
        .collect()
}

#[derive(Debug, PartialEq)]
enum End {
    Sent(ConnectionId, SendId),
    Undelivered(Option<SendId>, Failure),
}

#[test]
fn ids_are_never_the_same() {
    let mut host = Host::new(limits());
    host.answers = false;
    let (first, second) = (track(&mut host), track(&mut host));
    assert!(first < second);
    let Some(Event::Authorize { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    host.send("b.example").unwrap();
    host.router
        .handle_decision(host.now, query, &Decision::Deny);
    host.settle();
    assert_eq!(
        ends(&mut host),
        [Some(first), Some(second), None].map(|id| End::Undelivered(id, Failure::Denied))
    );
}

#[test]
fn what_is_not_taken_has_no_id() {
    let mut bounds = limits();
    bounds.max_queued_stanzas = 1;
    let mut host = Host::new(bounds);
    host.answers = false;
    track(&mut host);
    let stanza = stanza("x@a.example", "y@b.example");
    let (_, error) = host.router.send_tracked(host.now, stanza).unwrap_err();
    assert_eq!(error, SendError::Full);
}

#[test]
fn what_was_written_has_left_where_nothing_is_acknowledged() {
    let mut host = Host::new(limits());
    let connection = host.established();
    let transmitted = host.transmitted(connection);
    host.router
        .handle_written(host.now, connection, transmitted);
    host.settle();
    assert_eq!(ends(&mut host), []);
    let id = track(&mut host);
    let len = host.sent_on(connection).len();
    host.router.handle_written(host.now, connection, len - 1);
    host.settle();
    assert_eq!(ends(&mut host), []);
    host.router.handle_written(host.now, connection, 1);
    host.settle();
    assert_eq!(ends(&mut host), [End::Sent(connection, id)]);
}

#[test]
fn what_waits_behind_a_blocked_connection_has_not_left() {
    let mut host = Host::new(limits());
    let connection = host.established();
    host.router.handle_write_blocked(host.now, connection);
    let id = track(&mut host);
    let transmitted = host.transmitted(connection);
    host.router
        .handle_written(host.now, connection, transmitted);
    host.settle();
    assert_eq!(ends(&mut host), []);
    host.router.handle_writable(host.now, connection);
    host.settle();
    let len = host.sent_on(connection).len();
    host.router.handle_written(host.now, connection, len);
    host.settle();
    assert_eq!(ends(&mut host), [End::Sent(connection, id)]);
}

#[test]
fn what_was_acknowledged_has_left_where_stanzas_are_counted() {
    let mut host = Host::new(limits());
    let connection = established_with(&mut host, COUNTING);
    host.feed(connection, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    let (first, second) = (track(&mut host), track(&mut host));
    host.router.handle_written(host.now, connection, 1_000_000);
    host.settle();
    assert_eq!(ends(&mut host), []);
    host.feed(connection, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_eq!(ends(&mut host), [End::Sent(connection, first)]);
    host.router.handle_eof(host.now, connection);
    host.settle();
    let lost = End::Undelivered(Some(second), Failure::Unacknowledged);
    assert_eq!(ends(&mut host), [lost]);
}

#[test]
fn what_is_sent_once_more_keeps_its_id() {
    let mut host = Host::configured(|config| config.unacknowledged = Unacknowledged::Resend);
    let connection = host.established();
    let id = track(&mut host);
    host.router.handle_eof(host.now, connection);
    host.settle();
    assert_eq!(ends(&mut host).len(), 0);
    let dialled = track_again(&mut host);
    let transmitted = host.transmitted(dialled);
    host.router.handle_written(host.now, dialled, transmitted);
    host.settle();
    assert_eq!(ends(&mut host), [End::Sent(dialled, id)]);
}

/// Lets the router reach `b.example` once more.
fn track_again(host: &mut Host) -> ConnectionId {
    let last = host.last_dial.unwrap();
    host.negotiate(last);
    host.feed(last, crate::host::VALID);
    host.events.clear();
    last
}

#[test]
fn a_stanza_of_nobody_is_not_told_of() {
    let mut host = Host::new(limits());
    let connection = established_with(&mut host, COUNTING);
    host.send("b.example").unwrap();
    host.feed(connection, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_eq!(ends(&mut host), []);
}
