//! Acknowledgements (XEP-0198).

use super::*;
use crate::stream::sent::Kept;

const SM: &str = "<sm xmlns='urn:xmpp:sm:3'/>";
const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3'/>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3'/>";
const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn acknowledged() -> Config {
    Config {
        acknowledgements: Switch::On,
        ..config()
    }
}

pub(super) fn numbered(number: usize) -> Stanza {
    Stanza::new(
        StanzaKind::Message,
        format!("y{number}@a.example").parse().unwrap(),
        "x@b.example".parse().unwrap(),
    )
}

/// A stream that has asked for acknowledgements.
pub(super) fn counting(config: Config) -> Host {
    let mut host = connected(config, Purpose::Stanzas, EXTERNAL);
    host.feed("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        .feed(HEADER.replace("version", "id='3' version"));
    host.sent();
    host.feed(features(SM));
    assert_eq!(host.sent(), ENABLE);
    host.events();
    host.feed(ENABLED);
    host
}

fn send(host: &mut Host, number: usize) -> Result<(), SendError> {
    let sent = host.stream.send(host.now, &numbered(number));
    host.settle();
    sent
}

pub(super) fn message(number: usize) -> String {
    format!("<message from='y{number}@a.example' to='x@b.example'/>")
}

#[test]
fn stanzas_of_the_peer_are_counted_and_confirmed() {
    let mut host = Host::receiving(acknowledged()).secured(Some("b.example"));
    assert_eq!(
        host.sent(),
        response(" to='b.example'") + &offered(&format!("{EXTERNAL}{DIALBACK}{SM}"))
    );
    // Too early.
    host.feed(ENABLE);
    assert_eq!(
        host.sent(),
        "<failed xmlns='urn:xmpp:sm:3'><unexpected-request \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    );
    host.feed(AUTH).feed(HEADER);
    host.sent();
    host.feed(MESSAGE).feed(ENABLE).feed(MESSAGE).feed(REQUEST);
    assert_eq!(
        host.sent(),
        format!("{ENABLED}<a xmlns='urn:xmpp:sm:3' h='1'/>")
    );
    // A malformed resource is dropped, and handled all the same.
    host.feed("<message from='x@b.example/&#x9;' to='y@a.example'/>");
    host.feed("</stream:stream>");
    assert_eq!(
        host.sent(),
        "<a xmlns='urn:xmpp:sm:3' h='2'/></stream:stream>"
    );
}

#[test]
fn nothing_is_resumed() {
    let mut host = Host::receiving(acknowledged()).secured(Some("b.example"));
    host.feed(AUTH).feed(HEADER);
    host.sent();
    host.feed("<resume xmlns='urn:xmpp:sm:3' h='1' previd='x'/>");
    assert_eq!(
        host.sent(),
        "<failed xmlns='urn:xmpp:sm:3'><item-not-found \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    );
}

#[test]
fn one_request_is_under_way_at_a_time() {
    let mut host = counting(acknowledged());
    assert_eq!(send(&mut host, 1), Ok(()));
    assert_eq!(send(&mut host, 2), Ok(()));
    assert_eq!(
        host.sent(),
        format!("{}{REQUEST}{}", message(1), message(2))
    );
    host.feed("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_eq!(host.sent(), REQUEST);
    host.feed("<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_eq!(host.sent(), "");
    host.stream.handle_eof(host.now);
    host.settle();
    assert_eq!(
        host.events(),
        ["closed: the connection ended inside the stream"]
    );
}

#[test]
fn a_stanza_behind_a_request_that_keeps_alive_is_asked_about_too() {
    let mut host = counting(acknowledged());
    host.pass(Limits::default().keep_alive);
    assert_eq!(host.sent(), REQUEST);
    assert_eq!(send(&mut host, 1), Ok(()));
    assert_eq!(host.sent(), message(1));
    host.feed("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    assert_eq!(host.sent(), REQUEST);
    // That one is not answered by the same count.
    host.feed("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    host.feed("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    host.pass(Limits::default().acknowledgement_timeout);
    assert_eq!((host.sent().as_str(), host.events().len()), ("", 0));
}

#[test]
fn what_was_not_confirmed_comes_back_in_order() {
    let mut host = counting(acknowledged());
    for number in 1..=3 {
        assert_eq!(send(&mut host, number), Ok(()));
    }
    host.feed("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    host.stream.handle_eof(host.now);
    host.settle();
    assert_eq!(
        host.events(),
        [
            "unacknowledged message from y2@a.example to x@b.example",
            "unacknowledged message from y3@a.example to x@b.example",
            "closed: the connection ended inside the stream"
        ]
    );
}

#[test]
fn a_peer_cannot_confirm_what_was_not_sent() {
    let mut host = counting(acknowledged());
    assert_eq!(send(&mut host, 1), Ok(()));
    host.sent();
    host.feed("<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_eq!(
        host.rejection(),
        Rejection::AcknowledgedTooMany {
            acknowledged: 2,
            sent: 1
        }
    );
    assert_eq!(
        host.sent(),
        "<a xmlns='urn:xmpp:sm:3' h='0'/><stream:error><undefined-condition \
         xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text \
         xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>2 stanzas acknowledged, 1 \
         sent</text><handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>\
         </stream:error></stream:stream>"
    );
}

#[test]
fn counts_go_round_at_two_to_the_32() {
    let mut acks = super::super::acks::Acks::default();
    acks.count_sent();
    let stanza = numbered(1);
    acks.note_sent(Kept::new(&stanza, None, 0));
    assert_eq!(acks.acknowledge(1, drop), Ok(true));
    assert!(acks.acknowledge(0, drop).is_err(), "backwards");
    assert_eq!(acks.give_up().len(), 0);
}

#[test]
fn what_waits_for_confirmation_is_bounded() {
    let mut config = acknowledged();
    config.limits.max_unacknowledged_stanzas = 2;
    let mut host = counting(config);
    assert_eq!(send(&mut host, 1), Ok(()));
    assert_eq!(send(&mut host, 2), Ok(()));
    assert_eq!(send(&mut host, 3), Err(SendError::Full));
    host.feed("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_eq!(send(&mut host, 3), Ok(()));
}

#[test]
fn a_peer_that_confirms_nothing_is_given_up() {
    let limits = Limits::default();
    let mut host = counting(acknowledged());
    assert_eq!(send(&mut host, 1), Ok(()));
    host.sent();
    host.pass(limits.acknowledgement_timeout);
    assert_eq!(
        host.events(),
        [
            "unacknowledged message from y1@a.example to x@b.example",
            "closed: an acknowledgement took too long"
        ]
    );
    assert!(host.sent().contains("<connection-timeout "));
}

#[test]
fn a_peer_that_refuses_to_count_is_sent_to_without() {
    let mut host = counting(acknowledged());
    host.feed("<failed xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(send(&mut host, 1), Ok(()));
    assert_eq!(host.sent(), message(1));
    host.stream.handle_eof(host.now);
    host.settle();
    assert_eq!(
        host.events(),
        ["closed: the connection ended inside the stream"]
    );
}

#[test]
fn an_acknowledgement_still_counts_while_the_stream_closes() {
    let mut host = counting(acknowledged());
    assert_eq!(send(&mut host, 1), Ok(()));
    host.stream.close(host.now);
    host.feed("<a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>");
    assert_eq!(host.events(), ["closed: closed"]);
}

#[test]
fn a_silent_peer_is_given_up_however_often_it_hears_from_us() {
    let limits = Limits::default();
    let mut host = connected(acknowledged(), Purpose::Stanzas, EXTERNAL);
    host.feed("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        .feed(HEADER.replace("version", "id='3' version"))
        .feed(features(&format!(
            "{SM}<limits xmlns='urn:xmpp:stream-limits:0'><idle-seconds>20</idle-seconds></limits>"
        )))
        .feed(ENABLED);
    assert_eq!(send(&mut host, 1), Ok(()));
    host.events();
    for _ in 0..5 {
        host.pass(Duration::from_secs(10));
    }
    assert_eq!(host.events(), [""; 0]);
    host.pass(limits.acknowledgement_timeout - Duration::from_secs(50));
    assert_eq!(
        host.events().pop().as_deref(),
        Some("closed: an acknowledgement took too long")
    );
}

#[test]
fn a_peer_that_repeats_its_count_makes_us_write_nothing() {
    let mut host = counting(acknowledged());
    assert_eq!(send(&mut host, 1), Ok(()));
    host.sent();
    for _ in 0..3 {
        host.feed("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    }
    assert_eq!(host.sent(), "");
}

#[test]
fn a_peer_that_counts_both_ways_does_not_reset_our_count() {
    let mut both = acknowledged();
    both.bidi = Switch::On;
    let mut host = connected(
        both,
        Purpose::Stanzas,
        &format!("{EXTERNAL}<bidi xmlns='urn:xmpp:features:bidi'/>"),
    );
    host.feed("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        .feed(HEADER.replace("version", "id='3' version"))
        .feed(features(SM));
    assert_eq!(send(&mut host, 1), Ok(()));
    host.feed(ENABLE).feed("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    host.events();
    host.feed(MESSAGE);
    host.sent();
    host.feed(REQUEST);
    assert_eq!(host.sent(), "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_eq!(host.events().len(), 1);
}
