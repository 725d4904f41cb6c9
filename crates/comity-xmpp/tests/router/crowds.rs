//! Who makes room where all places are taken.

use std::net::IpAddr;

use comity_xmpp::Transport;
use comity_xmpp::router::{AcceptError, ConnectionId, Event};
use comity_xmpp::stream::{CloseReason, Farewell};

use super::host::{HEADER, Host, STARTTLS, limits};

fn host(max_inbound: usize) -> Host {
    let mut bounds = limits();
    bounds.max_inbound = max_inbound;
    Host::new(bounds)
}

impl Host {
    /// A connection from an address that ends in `source`.
    fn accept_from(&mut self, source: u8) -> Result<ConnectionId, AcceptError> {
        let source = IpAddr::from([192, 0, 2, source]);
        let accepted = self.router.accept_from(self.now, Transport::Tcp, source);
        self.settle();
        accepted
    }

    /// One whose peer has proved `b.example`.
    fn proved_from(&mut self, source: u8) -> ConnectionId {
        let connection = self.accept_from(source).unwrap();
        self.certified = Some("b.example");
        for flight in [
            HEADER,
            STARTTLS,
            HEADER,
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
            HEADER,
        ] {
            self.feed(connection, flight);
        }
        connection
    }

    /// Which connections were closed since the last call, and why.
    fn closed(&mut self) -> Vec<(ConnectionId, CloseReason)> {
        let events = std::mem::take(&mut self.events).into_iter();
        let closed = events.filter_map(|event| match event {
            Event::Closed {
                connection, reason, ..
            } => Some((connection, reason)),
            _ => None,
        });
        closed.collect()
    }
}

#[test]
fn the_oldest_stranger_of_the_largest_crowd_makes_room_for_another_source() {
    let mut host = host(5);
    let strangers = [1, 1, 2, 1].map(|source| host.accept_from(source).unwrap());
    let proved = host.proved_from(1);
    host.feed(strangers[0], HEADER);
    host.sent.clear();
    host.events.clear();

    host.accept_from(3).unwrap();
    let crowded = CloseReason::Farewell(Farewell::Crowded);
    assert_eq!(host.closed(), [(strangers[0], crowded.clone())]);
    assert_eq!(
        host.sent_on(strangers[0]),
        "<stream:error><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>closed: \
         others need the place of this stream</text></stream:error></stream:stream>"
    );
    // The place is taken, and the next goes to a source that has none.
    assert_eq!(host.accept_from(1), Err(AcceptError::TooMany));
    assert_eq!(host.accept_from(3), Err(AcceptError::TooMany));
    host.accept_from(4).unwrap();
    assert_eq!(host.closed(), [(strangers[1], crowded)]);
    // Nobody has two strangers more than a source that has none.
    assert_eq!(host.accept_from(5), Err(AcceptError::TooMany));
    host.feed(proved, "<message from='x@b.example' to='y@a.example'/>");
    let is_stanza = |event: &Event| matches!(event, Event::Stanza { .. });
    assert!(host.events.iter().any(is_stanza));
}

#[test]
fn who_has_proved_a_domain_makes_room_for_nobody() {
    let mut host = host(3);
    for _ in 0..3 {
        host.proved_from(1);
    }
    host.events.clear();
    assert_eq!(host.accept_from(2), Err(AcceptError::TooMany));
    assert_eq!(host.closed(), []);
}

#[test]
fn a_connection_without_a_source_neither_makes_room_nor_gets_it() {
    let mut host = host(3);
    for _ in 0..3 {
        host.router.accept(host.now, Transport::Tcp).unwrap();
    }
    assert_eq!(host.accept_from(1), Err(AcceptError::TooMany));
    let mut host = self::host(3);
    for _ in 0..3 {
        host.accept_from(1).unwrap();
    }
    let unnamed = host.router.accept(host.now, Transport::Tcp);
    assert_eq!(unnamed, Err(AcceptError::TooMany));
}

#[test]
fn one_that_waits_for_tls_goes_without_a_word() {
    let mut host = host(2);
    let strangers = [1, 1].map(|source| host.accept_from(source).unwrap());
    host.feed(strangers[0], HEADER);
    host.answers = false;
    host.feed(strangers[0], STARTTLS);
    host.sent.clear();
    host.accept_from(2).unwrap();
    assert_eq!(host.sent_on(strangers[0]), "");
    let crowded = CloseReason::Farewell(Farewell::Crowded);
    assert_eq!(host.closed(), [(strangers[0], crowded)]);
}
