//! Stanzas that count as handled when they are settled.

use comity_xmpp::router::{ConnectionId, Event, Receipt};
use comity_xmpp::stream::Acknowledge;

use crate::host::{HEADER, Host};

const MESSAGE: &str = "<message from='y@b.example' to='x@a.example'/>";

/// A router, and a connection of a peer that counts its stanzas.
fn counted() -> (Host, ConnectionId) {
    let mut host = Host::configured(|config| {
        config.stream.acknowledge = Acknowledge::WhenSettled;
        config.stream.limits.max_unsettled_stanzas = 2;
    });
    host.certified = Some("b.example");
    let connection = connect(&mut host);
    (host, connection)
}

fn connect(host: &mut Host) -> ConnectionId {
    let connection = host.accepted();
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
    host.feed(connection, auth);
    host.feed(connection, HEADER);
    host.feed(connection, "<enable xmlns='urn:xmpp:sm:3'/>");
    host.sent.clear();
    host.events.clear();
    connection
}

fn take(host: &mut Host, connection: ConnectionId) -> Receipt {
    host.feed(connection, MESSAGE);
    match host.events.pop() {
        Some(Event::Stanza { receipt, .. }) => receipt.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn ask(host: &mut Host, connection: ConnectionId) -> String {
    host.feed(connection, "<r xmlns='urn:xmpp:sm:3'/>");
    host.sent_on(connection)
}

fn settle(host: &mut Host, receipt: Receipt) {
    host.router.settle(host.now, receipt);
    host.settle();
}

#[test]
fn stanzas_are_settled_on_the_connection_that_brought_them() {
    let (mut host, first) = counted();
    let second = connect(&mut host);
    let (on_first, on_second) = (take(&mut host, first), take(&mut host, second));
    settle(&mut host, on_second);
    assert_eq!(ask(&mut host, first), "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    assert_eq!(ask(&mut host, second), "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    settle(&mut host, on_first);
    assert_eq!(
        host.sent_on(first),
        "<a xmlns='urn:xmpp:sm:3' h='1'/>",
        "it has asked"
    );
    assert_eq!(host.sent_on(second), "");
}

#[test]
fn a_connection_with_too_much_to_settle_is_not_read() {
    let (mut host, connection) = counted();
    let receipt = take(&mut host, connection);
    assert!(host.router.wants_input(connection));
    take(&mut host, connection);
    assert!(!host.router.wants_input(connection));
    settle(&mut host, receipt);
    assert!(host.router.wants_input(connection));
}

#[test]
fn the_receipt_of_an_ended_stream_is_ignored() {
    let (mut host, first) = counted();
    let receipt = take(&mut host, first);
    host.router.handle_eof(host.now, first);
    host.settle();
    let second = connect(&mut host);
    take(&mut host, second);
    settle(&mut host, receipt);
    assert_eq!(ask(&mut host, second), "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    assert!(host.sent.is_empty());
    assert!(host.events.is_empty());
}
