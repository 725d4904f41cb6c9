//! Stanzas that count as handled when they are settled.

use super::*;

const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3'/>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3'/>";
const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn told(handled: u32) -> String {
    format!("<a xmlns='urn:xmpp:sm:3' h='{handled}'/>")
}

/// A stream whose peer counts the stanzas that it has sent.
fn counted(configure: impl FnOnce(&mut Config)) -> Host {
    let mut host = proved(configure);
    host.feed(ENABLE);
    assert_eq!(host.sent(), ENABLED);
    host
}

/// A stream whose peer has proved its domain.
fn proved(configure: impl FnOnce(&mut Config)) -> Host {
    let mut config = Config {
        acknowledgements: Switch::On,
        acknowledge: Acknowledge::WhenSettled,
        ..config()
    };
    configure(&mut config);
    let mut host = Host::receiving(config).secured(Some("b.example"));
    host.feed(AUTH).feed(HEADER);
    host.events();
    host.sent();
    host
}

/// Lets the peer send so many stanzas; gives their receipts.
fn take(host: &mut Host, count: usize) -> Vec<Receipt> {
    host.feed(MESSAGE.repeat(count));
    let events = std::mem::take(&mut host.events).into_iter();
    let receipts: Vec<_> = events
        .map(|event| {
            let Event::Stanza { receipt, .. } = event else {
                panic!("{event:?}");
            };
            receipt.unwrap()
        })
        .collect();
    assert_eq!(receipts.len(), count);
    receipts
}

fn settle(host: &mut Host, receipt: Receipt) -> String {
    host.stream.settle(host.now, receipt);
    host.settle();
    host.sent()
}

#[test]
fn the_peer_is_told_how_many_were_settled_without_a_gap() {
    let mut host = counted(|_| {});
    let receipts = take(&mut host, 3);
    assert_eq!(settle(&mut host, receipts[2]), "");
    assert_eq!(host.feed(REQUEST).sent(), told(0));
    // It has asked, so that it is told when there is more to tell.
    assert_eq!(settle(&mut host, receipts[0]), told(1));
    assert_eq!(settle(&mut host, receipts[0]), "");
    assert_eq!(settle(&mut host, receipts[1]), told(3));
    assert_eq!(host.feed(REQUEST).sent(), told(3));
}

#[test]
fn a_peer_that_has_not_asked_is_told_nothing() {
    let mut host = counted(|_| {});
    let first = take(&mut host, 1);
    host.feed(REQUEST);
    assert_eq!(host.sent(), told(0));
    let second = take(&mut host, 1);
    // It knows of all that it had sent when it asked.
    assert_eq!(settle(&mut host, first[0]), told(1));
    assert_eq!(settle(&mut host, second[0]), "");
    assert_eq!(host.feed(REQUEST).sent(), told(2));
}

#[test]
fn a_stanza_that_a_rule_drops_is_settled() {
    let mut host = counted(|_| {});
    let malformed = "<message from='x@b.example/&#x9;' to='y@a.example'/>";
    host.feed(malformed);
    assert_eq!(host.feed(REQUEST).sent(), told(1));
    host.events();
    let receipts = take(&mut host, 1);
    host.feed(malformed);
    assert_eq!(host.feed(REQUEST).sent(), told(1));
    assert_eq!(settle(&mut host, receipts[0]), told(3));
}

#[test]
fn what_came_before_the_peer_counted_is_not_counted() {
    let mut host = proved(|_| {});
    let early = take(&mut host, 1);
    assert_eq!(host.feed(ENABLE).sent(), ENABLED);
    let late = take(&mut host, 1);
    assert_eq!(host.feed(REQUEST).sent(), told(0));
    assert_eq!(settle(&mut host, early[0]), "");
    assert_eq!(settle(&mut host, late[0]), told(1));
}

#[test]
fn what_may_wait_to_be_settled_is_bounded() {
    let mut host = counted(|config| config.limits.max_unsettled_stanzas = 2);
    let receipts = take(&mut host, 1);
    assert!(host.stream.wants_input());
    // A driver may have read more already.
    let more = take(&mut host, 2);
    assert!(!host.stream.wants_input());
    // What is held up by the first takes its place all the same.
    settle(&mut host, more[0]);
    settle(&mut host, more[1]);
    assert!(!host.stream.wants_input());
    settle(&mut host, receipts[0]);
    assert!(host.stream.wants_input());
    assert_eq!(host.feed(REQUEST).sent(), told(3));
}

#[test]
fn reading_stops_when_as_many_wait_to_be_settled_as_may() {
    let reads = [2, 3, 4].map(|limit| {
        let mut host = counted(|config| config.limits.max_unsettled_stanzas = limit);
        take(&mut host, 3);
        host.stream.wants_input()
    });
    assert_eq!(reads, [false, false, true]);
}

#[test]
fn the_last_acknowledgement_leaves_out_what_is_not_settled() {
    for ours in [true, false] {
        let mut host = counted(|config| config.limits.max_unsettled_stanzas = 1);
        let receipts = take(&mut host, 2);
        settle(&mut host, receipts[0]);
        if ours {
            host.stream.close(host.now);
            // The end of the stream is read, however much is not settled.
            assert!(host.stream.wants_input());
            host.settle();
            assert_eq!(host.sent(), told(1) + "</stream:stream>");
            assert_eq!(settle(&mut host, receipts[1]), "");
            host.feed("</stream:stream>");
        } else {
            host.feed("</stream:stream>");
            assert_eq!(host.sent(), told(1) + "</stream:stream>");
        }
        host.events();
        assert!(host.stream.is_closed());
        assert_eq!(settle(&mut host, receipts[1]), "");
        assert!(host.stream.is_closed());
    }
}

#[test]
fn a_peer_that_reads_nothing_is_cut_off() {
    let mut host = counted(|config| config.limits.max_output_bytes.authenticated = 64);
    let receipts = take(&mut host, 3);
    host.stream.handle_input(host.now, REQUEST.as_bytes());
    for receipt in receipts {
        host.stream.settle(host.now, receipt);
    }
    host.settle();
    assert_eq!(host.rejection(), Rejection::OutputLimit);
}

#[test]
fn a_stanza_that_counts_at_once_has_no_receipt() {
    let mut host = proved(|config| config.acknowledge = Acknowledge::OnReceipt);
    host.feed(ENABLE).feed(MESSAGE);
    assert!(matches!(
        host.events.pop(),
        Some(Event::Stanza { receipt: None, .. })
    ));
    host.sent();
    assert_eq!(host.feed(REQUEST).sent(), told(1));
}
