//! The stanza errors of RFC 6120 §8.3.3 that come of routing: what brings each, in which state, and
//! the bytes that the sender gets.

use comity_xmpp::router::{Event, Failure, SendError, Unresolved};
use comity_xmpp::stream::Decision;
use comity_xmpp::{Stanza, StanzaCondition};

use crate::host::{Host, limits, stanza};
use crate::sharing;

/// How far the way to the other domain has come when it ends.
#[derive(Clone, Copy, Debug)]
enum At {
    Policy,
    Discovery,
    Connection,
    /// Another stanza waits already, and there is room for one.
    Queue,
    /// The stream stands, and the peer takes 100 bytes.
    Stream,
    /// The router was closed.
    Shutdown,
}

const TABLE: [(At, StanzaCondition, &str); 6] = [
    (At::Policy, StanzaCondition::Forbidden, "auth"),
    (
        At::Discovery,
        StanzaCondition::RemoteServerNotFound,
        "cancel",
    ),
    (At::Connection, StanzaCondition::RemoteServerTimeout, "wait"),
    (At::Queue, StanzaCondition::ResourceConstraint, "wait"),
    (At::Stream, StanzaCondition::PolicyViolation, "modify"),
    (At::Shutdown, StanzaCondition::RemoteServerTimeout, "wait"),
];

#[test]
fn what_cannot_be_routed_is_answered_as_the_rfc_says() {
    for (at, condition, error_type) in TABLE {
        let (stanza, found) = lost(at);
        assert_eq!(found, condition, "{at:?}");
        let answer = stanza.error(found, None).unwrap();
        assert_eq!(
            sharing::written(&answer),
            format!(
                "<message from='y@b.example' to='x@a.example' type='error'><error \
                 type='{error_type}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
                 </error></message>"
            )
        );
        // An error is never answered (RFC 6120 §8.3.1).
        assert!(answer.error(found, None).is_none());
    }
}

/// A stanza that does not reach `b.example`, and what its sender is told.
fn lost(at: At) -> (Stanza, StanzaCondition) {
    let mut host = Host::configured(|config| {
        config.limits = limits();
        config.limits.max_queued_stanzas = 1;
    });
    match at {
        At::Policy => {
            host.answers = false;
            host.send("b.example").unwrap();
            let Some(Event::Authorize { query, .. }) = host.events.pop() else {
                panic!("not asked")
            };
            host.router
                .handle_decision(host.now, query, &Decision::Deny);
            host.settle();
        }
        At::Discovery => {
            host.targets = Err(Unresolved::NotOffered("no such name".into()));
            host.send("b.example").unwrap();
        }
        At::Connection => {
            host.targets = Ok(vec![]);
            host.send("b.example").unwrap();
        }
        At::Queue => {
            host.send("b.example").unwrap();
            return refused(&mut host);
        }
        At::Stream => {
            let limits = "<stream:features><limits xmlns='urn:xmpp:stream-limits:0'>\
                 <max-bytes>40</max-bytes></limits></stream:features>";
            sharing::established_with(&mut host, limits);
            host.send("b.example").unwrap();
        }
        At::Shutdown => {
            host.router.close(host.now);
            return refused(&mut host);
        }
    }
    let undelivered = host.events.into_iter().find_map(|event| match event {
        Event::Undelivered {
            stanza, failure, ..
        } => Some((stanza, failure)),
        _ => None,
    });
    let (stanza, failure): (Stanza, Failure) = undelivered.unwrap();
    (stanza, failure.condition())
}

/// A stanza that is not taken.
fn refused(host: &mut Host) -> (Stanza, StanzaCondition) {
    let (stanza, error): (_, SendError) = host
        .router
        .send(host.now, stanza("x@a.example", "y@b.example"))
        .unwrap_err();
    (*stanza, error.condition())
}
