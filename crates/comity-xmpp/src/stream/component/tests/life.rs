//! How the stream of a component is kept alive, tracked and ended.

use super::*;

fn pinging(config: &mut Config) {
    config.keep_alive = KeepAlive::Ping("a.example".parse().unwrap());
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_quiet_stream_gets_a_space() {
    let mut host = Host::established(|_| {});
    host.pass(seconds(59));
    assert_eq!(host.sent(), "");
    assert_eq!(host.send("y@sip.example"), Ok(()));
    host.sent();
    host.pass(seconds(59));
    assert_eq!(host.sent(), "");
    host.pass(seconds(1));
    assert_eq!(host.sent(), " ");
    host.pass(seconds(60));
    assert_eq!(host.sent(), " ");
    assert_eq!(host.events(), [""; 0]);
}

#[test]
fn spaces_that_nobody_fetches_do_not_pile_up() {
    let mut host = Host::established(|config| config.limits.keep_alive = Duration::ZERO);
    for _ in 0..10 {
        host.now += seconds(1);
        host.component.handle_timeout(host.now);
    }
    host.settle();
    assert_eq!(host.sent(), " ");
}

/// Lets the component ping its server; gives the id.
fn pinged(host: &mut Host) -> String {
    host.pass(seconds(60));
    let sent = host.sent();
    let (before, rest) = sent.split_once(" id='").unwrap();
    let (id, after) = rest.split_once('\'').unwrap();
    assert_eq!(before, "<iq from='sip.example' to='a.example' type='get'");
    assert_eq!(after, "><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(id.len(), 32);
    id.to_owned()
}

#[test]
fn a_silent_server_is_pinged_and_its_answer_is_kept_back() {
    let mut host = Host::established(pinging);
    // What we send says nothing of the server.
    host.pass(seconds(30));
    assert_eq!(host.send("y@sip.example"), Ok(()));
    host.sent();
    host.pass(seconds(29));
    assert_eq!(host.sent(), "");
    host.feed(" ");
    let first = pinged(&mut host);
    let pong = |from: &str, id: &str, type_: &str| {
        format!("<iq from='{from}' to='sip.example' id='{id}' type='{type_}'/>")
    };
    host.feed(&pong("a.example", &first, "result"));
    assert_eq!(host.events(), [""; 0]);
    host.feed(&pong("a.example", &first, "result"));
    assert_eq!(
        host.events(),
        ["iq (result) from a.example to sip.example"],
        "once"
    );
    let second = pinged(&mut host);
    assert_ne!(first, second);
    host.feed(&pong("b.example", &second, "result"))
        .feed(&pong("a.example", &first, "result"))
        .feed(&pong("a.example", &second, "get"));
    assert_eq!(host.events().len(), 3);
    host.feed(&pong("a.example", &second, "error"));
    assert_eq!(host.events(), [""; 0]);
}

#[test]
fn a_server_that_answers_no_ping_is_given_up() {
    let mut host = Host::established(pinging);
    pinged(&mut host);
    host.pass(seconds(29));
    // Anything shows that it is there.
    host.feed(MESSAGE).events();
    host.pass(seconds(29));
    assert_eq!(host.events(), [""; 0]);
    host.pass(seconds(31));
    host.sent();
    host.pass(seconds(30));
    assert_eq!(
        host.events(),
        ["closed: the answer to a ping took too long"]
    );
    assert_eq!(
        host.sent(),
        "<stream:error><connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text \
         xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>the answer to a ping took too \
         long</text></stream:error></stream:stream>"
    );
}

#[test]
fn a_server_that_does_not_accept_in_time_is_given_up() {
    for steps in [&[][..], &[HEADER][..]] {
        let mut host = Host::configured(pinging);
        for step in steps {
            host.feed(step);
        }
        host.pass(seconds(29));
        host.feed(" ");
        assert_eq!(host.events(), [""; 0]);
        host.sent();
        host.pass(seconds(1));
        assert_eq!(host.events(), ["closed: negotiation took too long"]);
        assert!(
            host.sent()
                .starts_with("<stream:error><connection-timeout ")
        );
        assert_eq!(host.component.poll_timeout(), None);
    }
}

#[test]
fn both_sides_close() {
    let mut host = Host::established(|_| {});
    host.component.close(host.now);
    host.settle();
    assert_eq!(host.sent(), "</stream:stream>");
    assert_eq!(host.send("y@sip.example"), Err(SendError::Closed));
    host.component.close(host.now);
    // What is on its way still comes.
    host.feed(MESSAGE).feed("<route/>");
    assert_eq!(host.events(), ["message from x@a.example to y@sip.example"]);
    assert!(host.component.wants_input());
    host.feed("</stream:stream>");
    assert_eq!(host.events(), ["closed: closed"]);
    assert_eq!(host.sent(), "");
    assert!(host.component.is_closed());
    assert!(!host.component.wants_input());
    host.feed(MESSAGE).pass(seconds(3600));
    assert_eq!((host.events(), host.sent()), (vec![], String::new()));
}

#[test]
fn a_stream_that_the_server_ends_is_over() {
    let mut host = Host::established(|_| {});
    host.feed("</stream:stream>");
    assert_eq!(host.events(), ["closed: closed by the peer"]);
    assert_eq!(host.sent(), "</stream:stream>");
    let mut host = Host::established(|_| {});
    host.component.handle_eof(host.now);
    host.settle();
    let ended = "closed: the connection ended inside the stream";
    assert_eq!(host.events(), [ended]);
    assert_eq!(host.sent(), "");
}

#[test]
fn a_server_that_does_not_close_is_left() {
    let mut host = Host::established(|_| {});
    host.component.close(host.now);
    host.pass(seconds(5));
    assert_eq!(host.events(), ["closed: closing took too long"]);
}

#[test]
fn a_stanza_that_is_tracked_has_left_when_it_was_written() {
    let mut host = Host::established(|_| {});
    for number in 1..=3 {
        let stanza = message("y@sip.example");
        let sent = host.component.send_tracked(host.now, &stanza, id(number));
        assert_eq!(sent, Ok(()));
    }
    host.settle();
    let len = host.sent().len() / 3;
    host.component.handle_written(host.now, len - 1);
    host.settle();
    assert_eq!(host.events(), [""; 0]);
    host.component.handle_written(host.now, 1);
    host.settle();
    assert_eq!(host.events(), ["sent 1"]);
    host.component.handle_eof(host.now);
    host.settle();
    assert_eq!(
        host.events(),
        [
            "unwritten message from y@sip.example to x@a.example as 2",
            "unwritten message from y@sip.example to x@a.example as 3",
            "closed: the connection ended inside the stream"
        ]
    );
    host.component.handle_written(host.now, 1000);
    host.settle();
    assert_eq!(host.events(), [""; 0]);
}

/// What comes of a component whose limit is one below `number`, `number`, and one above.
fn around<T>(
    number: usize,
    set: fn(&mut Limits, usize),
    mut outcome: impl FnMut(Host) -> T,
) -> [T; 3] {
    [number - 1, number, number + 1]
        .map(|limit| outcome(Host::established(|config| set(&mut config.limits, limit))))
}

#[test]
fn what_waits_for_the_server_is_bounded() {
    let full = Err(SendError::Full);
    let (one, two) = ([Ok(()), full, full], [Ok(()), Ok(()), full]);
    let three = [Ok(()); 3];
    let stanza = message("y@sip.example");
    let mut host = Host::established(|_| {});
    assert_eq!(host.send("y@sip.example"), Ok(()));
    let unread = around(
        2 * host.sent().len(),
        |limits, limit| limits.max_output_bytes = limit,
        |mut host| [(); 3].map(|()| host.component.send(host.now, &stanza)),
    );
    assert_eq!(unread, [two, two, three]);
    // What is read and not written counts where it is tracked.
    let track = |mut host: Host| {
        let sent = [1, 2, 3].map(|number| {
            let sent = host.component.send_tracked(host.now, &stanza, id(number));
            host.settle();
            sent
        });
        host.component.handle_written(host.now, 1000);
        host.settle();
        assert_eq!(host.events().len(), sent.iter().flatten().count());
        assert_eq!(host.send("y@sip.example"), Ok(()));
        sent
    };
    let set: fn(&mut Limits, usize) = |limits, limit| limits.max_unwritten_stanzas = limit;
    assert_eq!(around(2, set, track), [one, two, three]);
    let bytes = 2 * stanza.held_bytes();
    let set: fn(&mut Limits, usize) = |limits, limit| limits.max_unwritten_bytes = limit;
    assert_eq!(around(bytes, set, track), [two, two, three]);
}
