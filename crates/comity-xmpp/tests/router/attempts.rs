//! How a domain is tried, sought elsewhere, left alone, and tried again.

use std::time::Duration;

use comity_xmpp::router::{Event, Failure, OtherHost, Target};
use comity_xmpp::stream::CloseReason;
use comity_xmpp::{CertificateRule, Profile, Security, StanzaCondition, Terms, TlsMode, Transport};

use crate::host::{FEATURES, HEADER, Host, PROCEED, STARTTLS, VALID, limits, targets};

const OPTIONAL: Security = Security {
    tls: TlsMode::Optional,
    certificate: CertificateRule::Optional,
};

pub(crate) fn see_other_host(host: &str) -> String {
    format!(
        "{HEADER}<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{host}\
         </see-other-host></stream:error>"
    )
}

/// Where the router asks to be sent.
fn sought(host: &mut Host) -> Vec<Option<OtherHost>> {
    let events = host.events.iter();
    let sought = events.filter_map(|event| match event {
        Event::Connect { at, .. } => Some(at.clone()),
        _ => None,
    });
    sought.collect()
}

#[test]
fn a_redirection_is_followed_a_bounded_number_of_times() {
    let mut host = Host::new(limits());
    host.terms = Security::CERTIFIED.into();
    host.send("b.example").unwrap();
    for hop in 1..=limits().max_redirects {
        let [connection] = host.dialled()[..] else {
            panic!("not one dial")
        };
        host.router.handle_connected(host.now, connection);
        host.feed(
            connection,
            &see_other_host(&format!("host{hop}.example:5270")),
        );
        assert_eq!(
            sought(&mut host),
            [OtherHost::parse(&format!("host{hop}.example:5270"))]
        );
    }
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.router.handle_connected(host.now, connection);
    host.feed(connection, &see_other_host("[2001:db8::1]"));
    assert_eq!(
        host.failures(),
        [Failure::Redirected("[2001:db8::1]".into())]
    );
}

#[test]
fn a_redirection_that_nobody_has_to_prove_is_not_followed() {
    let mut host = Host::new(limits());
    host.send("b.example").unwrap();
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.router.handle_connected(host.now, connection);
    host.feed(connection, &see_other_host("evil.example"));
    assert_eq!(sought(&mut host), []);
    let [Failure::Ended(CloseReason::PeerError(error))] = &host.failures()[..] else {
        panic!("followed")
    };
    assert_eq!(error.other_host.as_deref(), Some("evil.example"));
}

#[test]
fn a_redirection_to_nowhere_is_a_failure() {
    let mut host = Host::new(limits());
    host.terms = Security::CERTIFIED.into();
    host.send("b.example").unwrap();
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.router.handle_connected(host.now, connection);
    host.feed(connection, &see_other_host("not a host"));
    assert_eq!(host.failures(), [Failure::Redirected("not a host".into())]);
}

#[test]
fn other_hosts_have_a_name_or_an_address_and_perhaps_a_port() {
    for (text, shown) in [
        ("b.example", Some("b.example")),
        ("B.example:5270", Some("b.example:5270")),
        ("192.0.2.1:9222", Some("192.0.2.1:9222")),
        ("[2001:db8::1]", Some("[2001:db8::1]")),
        ("[2001:db8::1]:9222", Some("[2001:db8::1]:9222")),
        ("2001:db8::1", Some("[2001:db8::1]")),
        ("b.example:0", None),
        ("b.example:65536", None),
        ("b.example:", None),
        (":5269", None),
        ("", None),
        ("b_.example", None),
    ] {
        let parsed = OtherHost::parse(text).map(|other| other.to_string());
        assert_eq!(parsed.as_deref(), shown, "{text}");
    }
}

/// Sends to `b.example`, whose first target agrees to STARTTLS and fails in the handshake.
fn tls_fails(host: &mut Host, reason: &str) {
    host.send("b.example").unwrap();
    let [first] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.router.handle_connected(host.now, first);
    host.answers = false;
    for flight in [HEADER, FEATURES, PROCEED] {
        host.feed(first, flight);
    }
    host.router.handle_tls_failed(host.now, first, reason);
    host.settle();
}

#[test]
fn where_tls_is_an_option_its_failure_leaves_the_other_one() {
    let mut host = Host::new(limits());
    host.terms = OPTIONAL.into();
    tls_fails(&mut host, "no cipher in common");
    let [second] = host.dialled()[..] else {
        panic!("no second attempt")
    };
    host.router.handle_connected(host.now, second);
    host.settle();
    host.sent_on(second);
    host.feed(second, HEADER);
    host.feed(second, FEATURES);
    assert!(host.sent_on(second).starts_with("<db:result "));
    host.feed(second, VALID);
    assert_eq!(host.sent_on(second).matches("<message ").count(), 1);
}

#[test]
fn where_tls_is_required_its_failure_is_the_end() {
    let certified = Security {
        tls: TlsMode::Optional,
        certificate: CertificateRule::Required,
    };
    for security in [Security::ENCRYPTED, certified] {
        let mut host = Host::new(limits());
        host.terms = security.into();
        tls_fails(&mut host, "no cipher in common");
        let failed = CloseReason::TlsFailed("no cipher in common".into());
        assert_eq!(host.failures(), [Failure::Ended(failed)]);
    }
}

#[test]
fn a_domain_that_failed_is_left_alone_for_longer_each_time() {
    let mut host = Host::new(limits());
    host.targets = Ok(vec![]);
    let mut longest = Duration::ZERO;
    for attempt in 0..12_u32 {
        host.send("b.example").unwrap();
        assert_eq!(
            host.failures(),
            [Failure::Unreachable("no address".into())],
            "attempt {attempt}"
        );
        host.send("b.example").unwrap();
        let [Failure::NotRetried { last, wait }] = &host.failures()[..] else {
            panic!("tried again at once")
        };
        assert_eq!(**last, Failure::Unreachable("no address".into()));
        let full = Duration::from_secs(1 << attempt.min(9)).min(limits().longest_backoff);
        assert!(
            full / 2 <= *wait && *wait <= full,
            "attempt {attempt}: {wait:?} of {full:?}"
        );
        assert_eq!(
            Failure::NotRetried {
                last: last.clone(),
                wait: *wait
            }
            .condition(),
            StanzaCondition::RemoteServerTimeout
        );
        longest = longest.max(*wait);
        host.now += *wait;
    }
    assert!(longest > limits().longest_backoff / 2);
    // A stream that stands ends it.
    host.targets = Ok(targets(1));
    host.established();
}

#[test]
fn a_refusal_by_policy_is_asked_for_each_time() {
    let mut host = Host::new(limits());
    host.answers = false;
    for _ in 0..2 {
        host.send("b.example").unwrap();
        let Some(Event::Authorize { query, .. }) = host.events.pop() else {
            panic!("not asked")
        };
        host.router
            .handle_decision(host.now, query, &comity_xmpp::stream::Decision::Deny);
        host.settle();
        assert_eq!(host.failures(), [Failure::Denied]);
    }
}

fn both_kinds() -> Vec<Target> {
    let [direct, starttls] = &targets(2)[..] else {
        panic!("not two")
    };
    let direct = direct.clone().with_transport(Transport::DirectTls);
    vec![direct, starttls.clone()]
}

/// How the connections that are dialled begin.
fn transports(host: &mut Host) -> Vec<Transport> {
    let events = std::mem::take(&mut host.events).into_iter();
    let dialled = events.filter_map(|event| match event {
        Event::Dial { target, .. } => Some(target.transport),
        _ => None,
    });
    dialled.collect()
}

#[test]
fn direct_tls_is_dialled_where_tls_and_the_profile_allow_it() {
    let sametime = Profile::named("sametime").unwrap();
    let disabled = Security {
        tls: TlsMode::Disabled,
        certificate: CertificateRule::Optional,
    };
    for (terms, expected) in [
        (Security::ENCRYPTED.into(), Transport::DirectTls),
        (OPTIONAL.into(), Transport::DirectTls),
        (disabled.into(), Transport::Tcp),
        (
            Terms {
                security: Security::ENCRYPTED,
                profile: sametime,
            },
            Transport::Tcp,
        ),
    ] {
        let mut host = Host::new(limits());
        host.terms = terms;
        host.targets = Ok(both_kinds());
        host.send("b.example").unwrap();
        assert_eq!(transports(&mut host), [expected], "{terms:?}");
    }
}

#[test]
fn tls_comes_first_on_a_target_of_direct_tls_and_the_next_is_tried_when_it_fails() {
    let mut host = Host::new(limits());
    host.targets = Ok(both_kinds());
    host.send("b.example").unwrap();
    let [first] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.answers = false;
    host.router.handle_connected(host.now, first);
    host.settle();
    assert!(matches!(host.events[..], [Event::StartTls { .. }]));
    assert_eq!(host.sent_on(first), "");
    host.events.clear();
    host.router
        .handle_tls_failed(host.now, first, "no TLS here");
    host.settle();
    assert_eq!(transports(&mut host), [Transport::Tcp]);
}

#[test]
fn what_one_target_could_not_does_not_lower_the_terms_for_the_next() {
    let mut host = Host::new(limits());
    host.terms = OPTIONAL.into();
    host.targets = Ok(targets(2));
    tls_fails(&mut host, "cut");
    let [in_clear] = host.dialled()[..] else {
        panic!("no second try")
    };
    host.router
        .handle_connect_failed(host.now, in_clear, "refused");
    host.settle();
    let [next] = host.dialled()[..] else {
        panic!("no second target")
    };
    host.router.handle_connected(host.now, next);
    host.settle();
    host.feed(next, HEADER);
    host.sent.clear();
    host.feed(next, FEATURES);
    assert_eq!(host.sent_on(next), STARTTLS);
}

#[test]
fn a_peer_that_takes_a_stream_and_nothing_on_it_is_left_alone() {
    let mut host = Host::new(limits());
    host.send("b.example").unwrap();
    let [connection] = host.dialled()[..] else {
        panic!("not one dial")
    };
    host.negotiate(connection);
    host.feed(
        connection,
        &format!(
            "{VALID}<stream:error><resource-constraint \
             xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
        ),
    );
    assert!(matches!(host.failures()[..], [Failure::Ended(_)]));
    host.send("b.example").unwrap();
    assert!(matches!(host.failures()[..], [Failure::NotRetried { .. }]));
}
