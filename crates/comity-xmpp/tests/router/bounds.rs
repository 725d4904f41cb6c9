//! Bounds of a router, one below their number, at it and one above.

use comity_xmpp::router::{AcceptError, Event, Failure, Limits, SendError};
use comity_xmpp::{Security, Transport};

use super::attempts::see_other_host;
use super::host::{Host, limits, stanza, targets};
use super::sharing::proved;

/// What comes of a router whose limit is one below `number`, `number`, and one above.
fn around<T>(
    number: usize,
    set: fn(&mut Limits, usize),
    mut outcome: impl FnMut(Host) -> T,
) -> [T; 3] {
    [number - 1, number, number + 1].map(|limit| {
        let mut bounds = limits();
        set(&mut bounds, limit);
        outcome(Host::new(bounds))
    })
}

#[test]
fn connections_of_others_have_a_number() {
    let accepted = around(
        3,
        |limits, limit| limits.max_inbound = limit,
        |mut host| {
            let accepted = [(); 5].map(|()| host.router.accept(host.now, Transport::Tcp));
            let refused = accepted
                .iter()
                .filter(|it| **it == Err(AcceptError::TooMany));
            (accepted.iter().flatten().count(), refused.count())
        },
    );
    assert_eq!(accepted, [(2, 3), (3, 2), (4, 1)]);
}

#[test]
fn a_source_takes_no_more_than_its_share() {
    let accepted = around(
        2,
        |limits, limit| limits.max_inbound_per_source = limit,
        |mut host| {
            let mut accept = |source: &str| {
                let source = source.parse().unwrap();
                host.router.accept_from(host.now, Transport::Tcp, source)
            };
            // The third is the first in other words, the others are of one network.
            let one = ["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"].map(&mut accept);
            let network = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(&mut accept);
            let other = accept("192.0.2.2");
            assert!(other.is_ok());
            let gone = one[0].unwrap();
            host.router.handle_eof(host.now, gone);
            host.settle();
            let next = host
                .router
                .accept_from(host.now, Transport::Tcp, [192, 0, 2, 1].into());
            [one, network]
                .map(|all| {
                    let refused = all
                        .iter()
                        .filter(|it| **it == Err(AcceptError::TooManyOfSource));
                    (all.iter().flatten().count(), refused.count())
                })
                .into_iter()
                .chain([(usize::from(next.is_ok()), 0)])
                .collect::<Vec<_>>()
        },
    );
    let expected = [
        vec![(1, 2), (1, 2), (1, 0)],
        vec![(2, 1), (2, 1), (1, 0)],
        vec![(3, 0), (3, 0), (1, 0)],
    ];
    assert_eq!(accepted, expected);
}

#[test]
fn pairs_and_what_waits_for_one_have_a_number() {
    let sent = around(
        3,
        |limits, limit| limits.max_outbound = limit,
        |mut host| [1, 2, 3, 4].map(|domain| host.send(&format!("b{domain}.example"))),
    );
    let full = Err(SendError::Full);
    let expected = [
        [Ok(()), Ok(()), full, full],
        [Ok(()), Ok(()), Ok(()), full],
        [Ok(()); 4],
    ];
    assert_eq!(sent, expected);
    let sent = around(
        3,
        |limits, limit| limits.max_queued_stanzas = limit,
        |mut host| [(); 4].map(|()| host.send("b.example")),
    );
    assert_eq!(sent, expected);
}

#[test]
fn targets_that_are_tried_have_a_number() {
    let tried = around(
        3,
        |limits, limit| limits.max_targets = limit,
        |mut host| {
            host.targets = Ok(targets(6));
            host.send("b.example").unwrap();
            let mut tried = 0;
            while let [connection] = host.dialled()[..] {
                tried += 1;
                host.router
                    .handle_connect_failed(host.now, connection, "refused");
                host.settle();
            }
            tried
        },
    );
    assert_eq!(tried, [2, 3, 4]);
}

#[test]
fn keys_of_peers_that_are_verified_have_a_number_in_all_and_for_each_server() {
    let refused = |mut host: Host, claims: [&str; 5]| {
        claims.map(|claim| {
            let connection = host.accepted();
            host.sent.clear();
            let key = format!("<db:result from='{claim}' to='a.example'>key</db:result>");
            host.feed(connection, &key);
            host.sent_on(connection).contains("<resource-constraint ")
        })
    };
    let expected = [
        [false, false, true, true, true],
        [false, false, false, true, true],
        [false, false, false, false, true],
    ];
    let servers = ["b.test", "c.test", "d.test", "e.test", "f.test"];
    let in_all = around(
        3,
        |limits, limit| limits.max_verifications = limit,
        |host| refused(host, servers),
    );
    assert_eq!(in_all, expected);
    let of_one = around(
        3,
        |limits, limit| limits.max_requests = limit,
        |host| refused(host, ["b.test"; 5]),
    );
    assert_eq!(of_one, expected);
}

#[test]
fn what_waits_is_bounded_in_bytes_for_a_pair_and_for_all() {
    let bytes = stanza("x@a.example", "y@b.example").held_bytes();
    let full = Err(SendError::Full);
    let of_one = around(
        2 * bytes,
        |limits, limit| limits.max_queued_bytes = limit,
        |mut host| ["b", "b", "b", "c"].map(|to| host.send(&format!("{to}.example"))),
    );
    let taken = [Ok(()), Ok(()), full, Ok(())];
    assert_eq!(of_one, [[Ok(()), full, full, Ok(())], taken, taken]);
    let of_all = around(
        2 * bytes,
        |limits, limit| limits.max_queued_bytes_in_all = limit,
        |mut host| ["b", "c", "d"].map(|to| host.send(&format!("{to}.example"))),
    );
    let taken = [Ok(()), Ok(()), full];
    assert_eq!(of_all, [[Ok(()), full, full], taken, taken]);
}

#[test]
fn hosts_that_we_are_sent_to_have_a_number() {
    let followed = around(
        3,
        |limits, limit| limits.max_redirects = limit,
        |mut host| {
            host.terms = Security::CERTIFIED.into();
            host.send("b.example").unwrap();
            let mut hops = 0;
            while let Some(connection) = host.last_dial.take() {
                hops += 1;
                host.router.handle_connected(host.now, connection);
                host.feed(connection, &see_other_host(&format!("host{hops}.example")));
            }
            (hops - 1, host.failures())
        },
    );
    let gave_up_at = |limit| {
        let last = format!("host{}.example", limit + 1);
        (limit, vec![Failure::Redirected(last.into())])
    };
    assert_eq!(followed, [2, 3, 4].map(gave_up_at));
}

#[test]
fn streams_that_bring_a_pair_have_a_number() {
    let closed = around(
        3,
        |limits, limit| limits.max_streams_per_pair = limit,
        |mut host| {
            let streams = [(); 4].map(|()| proved(&mut host, false));
            for stream in streams {
                host.router.handle_eof(host.now, stream);
            }
            host.settle();
            let replaced = "closed: a newer stream takes the place of this one";
            streams.map(|stream| {
                host.events.iter().any(|event| match event {
                    Event::Closed { connection, reason } => {
                        *connection == stream && reason.to_string() == replaced
                    }
                    _ => false,
                })
            })
        },
    );
    let expected = [
        [true, true, false, false],
        [true, false, false, false],
        [false; 4],
    ];
    assert_eq!(closed, expected);
}
