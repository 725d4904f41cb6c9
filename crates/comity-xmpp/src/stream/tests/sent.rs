//! Stanzas whose sender wants to know when they have left.

use std::num::NonZeroU64;

use super::acks::{counting, message, numbered};
use super::*;

fn id(number: usize) -> SendId {
    let number = u64::try_from(number).unwrap();
    SendId::new(NonZeroU64::new(number).unwrap())
}

/// A stream on which nothing is acknowledged.
pub(super) fn plain(config: Config) -> Host {
    let mut host = connected(config, Purpose::Stanzas, EXTERNAL);
    host.feed("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        .feed(HEADER.replace("version", "id='3' version"))
        .feed(features(""));
    host.sent();
    host.events();
    // What the negotiation wrote.
    host.stream.handle_written(host.now, host.transmitted);
    host
}

fn track(host: &mut Host, number: usize) -> Result<(), SendError> {
    let sent = host
        .stream
        .send_tracked(host.now, &numbered(number), id(number));
    host.settle();
    sent
}

fn write(host: &mut Host, bytes: usize) -> Vec<String> {
    host.stream.handle_written(host.now, bytes);
    host.settle();
    host.events()
}

fn acknowledging() -> Config {
    Config {
        acknowledgements: Switch::On,
        ..config()
    }
}

#[test]
fn a_stanza_has_left_when_the_driver_has_written_its_last_byte() {
    let mut host = plain(config());
    assert_eq!(track(&mut host, 1), Ok(()));
    assert_eq!(host.stream.send(host.now, &numbered(2)), Ok(()));
    host.settle();
    assert_eq!(track(&mut host, 3), Ok(()));
    assert_eq!(host.sent(), message(1) + &message(2) + &message(3));
    let len = message(1).len();
    assert_eq!(write(&mut host, len - 1), [""; 0]);
    assert_eq!(write(&mut host, 1), ["sent 1"]);
    assert_eq!(write(&mut host, 2 * len - 1), [""; 0]);
    assert_eq!(write(&mut host, 1), ["sent 3"]);
    assert_eq!(host.stream.unacknowledged_bytes(), 0);
    assert_eq!(track(&mut host, 4), Ok(()));
    assert_eq!(write(&mut host, 10 * len), ["sent 4"]);
}

#[test]
fn what_nobody_tracks_is_not_kept() {
    let mut host = plain(config());
    assert_eq!(host.stream.send(host.now, &numbered(1)), Ok(()));
    assert_eq!(host.stream.unacknowledged_bytes(), 0);
    host.settle();
    assert_eq!(write(&mut host, 1000), [""; 0]);
    host.stream.handle_eof(host.now);
    host.settle();
    let ended = "closed: the connection ended inside the stream";
    assert_eq!(host.events(), [ended]);
}

#[test]
fn where_stanzas_are_counted_one_has_left_when_it_is_acknowledged() {
    let mut host = counting(acknowledging());
    for number in 1..=3 {
        assert_eq!(track(&mut host, number), Ok(()));
    }
    assert_eq!(write(&mut host, 100_000), [""; 0]);
    host.feed("<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_eq!(host.events(), ["sent 1", "sent 2"]);
    host.stream.handle_eof(host.now);
    host.settle();
    assert_eq!(
        host.events(),
        [
            "unacknowledged message from y3@a.example to x@b.example as 3",
            "closed: the connection ended inside the stream"
        ]
    );
}

#[test]
fn what_was_not_written_when_the_stream_ends_comes_back_in_order() {
    let mut host = plain(config());
    for number in 1..=3 {
        assert_eq!(track(&mut host, number), Ok(()));
    }
    assert_eq!(write(&mut host, message(1).len()), ["sent 1"]);
    host.feed("</stream:stream>");
    assert_eq!(
        host.events(),
        [
            "unacknowledged message from y2@a.example to x@b.example as 2",
            "unacknowledged message from y3@a.example to x@b.example as 3",
            "closed: closed by the peer"
        ]
    );
    assert_eq!(write(&mut host, 1000), [""; 0]);
    assert!(host.stream.is_closed());
}

#[test]
fn a_peer_that_refuses_to_count_leaves_what_was_written() {
    let mut host = counting(acknowledging());
    host.stream.handle_written(host.now, host.transmitted);
    assert_eq!(track(&mut host, 1), Ok(()));
    let first = host.sent();
    assert_eq!(write(&mut host, first.len()), [""; 0]);
    assert_eq!(host.stream.send(host.now, &numbered(2)), Ok(()));
    host.settle();
    assert_eq!(track(&mut host, 3), Ok(()));
    host.feed("<failed xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(host.events(), ["sent 1"]);
    let rest = host.sent().len();
    assert_eq!(write(&mut host, rest), ["sent 3"]);
    assert_eq!(host.stream.unacknowledged_bytes(), 0);
}

#[test]
fn what_was_not_written_is_bounded() {
    for (stanzas, bytes) in [(2, usize::MAX), (1000, 1)] {
        let mut config = config();
        config.limits.max_unacknowledged_stanzas = stanzas;
        config.limits.max_unacknowledged_bytes = bytes;
        let mut host = plain(config);
        assert_eq!(track(&mut host, 1), Ok(()));
        if stanzas == 2 {
            assert_eq!(track(&mut host, 2), Ok(()));
        }
        assert_eq!(track(&mut host, 3), Err(SendError::Full));
        assert_eq!(write(&mut host, message(1).len()), ["sent 1"]);
        assert_eq!(track(&mut host, 3), Ok(()));
    }
}

#[test]
fn as_many_wait_to_be_written_as_begin_below_their_bounds() {
    let tracked = |set: fn(&mut Limits, usize), limit| {
        let mut config = config();
        set(&mut config.limits, limit);
        let mut host = plain(config);
        let tracked = [1, 2, 3, 4].map(|number| track(&mut host, number));
        (
            tracked.iter().flatten().count(),
            host.stream.unacknowledged_bytes(),
        )
    };
    let stanzas: fn(&mut Limits, usize) = |limits, limit| limits.max_unacknowledged_stanzas = limit;
    assert_eq!([1, 2, 3].map(|limit| tracked(stanzas, limit).0), [1, 2, 3]);
    let (_, bytes) = tracked(stanzas, 2);
    let in_bytes: fn(&mut Limits, usize) = |limits, limit| limits.max_unacknowledged_bytes = limit;
    let around = [bytes - 1, bytes, bytes + 1];
    assert_eq!(around.map(|limit| tracked(in_bytes, limit).0), [2, 2, 3]);
}
