//! Federations of one process that talk over loopback addresses.
#![cfg(test)]

mod claims;
mod direct_tls;
mod dns;
mod gateway;
mod redirect;
mod routes;
mod site;
mod stranger;

use comity_identity::Direction;
use comity_policy::{DomainPattern, Exception, Packets, Verdict};
use comity_testkit::mint::{Leaf, Purpose};
use comity_tokio::{Event, ReplaceError, SendError, StartError};
use comity_trust::EkuPolicy;
use comity_xmpp::router::{self, Failure};
use comity_xmpp::stream::{CloseReason, Farewell, Method, Rejection, Switch};
use comity_xmpp::{Profile, StanzaCondition};

use tokio::time::timeout;

use site::{Authorities, PATIENCE, Party, Proof, Site, authority, body, identity, message};

#[tokio::test]
async fn certificates_carry_messages_both_ways_on_one_connection() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    site.exchange("a", "b", Method::Certificate).await;
    site.exchange("b", "a", Method::Certificate).await;
    let (_, ours) = site.a.established().await;
    let (_, theirs) = site.b.established().await;
    assert_eq!(
        (ours.opened, theirs.opened),
        (Direction::Outbound, Direction::Inbound)
    );
    for channel in [ours, theirs] {
        assert_eq!(&*channel.tls.expect("TLS").version, "TLS 1.3");
    }
    assert!(!site.b.saw(|event| matches!(event, Event::Dialling { .. })));
    site.end().await;
}

#[tokio::test]
async fn a_peer_that_knows_no_streams_both_ways_is_connected_to() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        if config.policy.local_domains.contains("b.example") {
            let profile = Profile::named("ejabberd").unwrap();
            let domain = "a.example".parse().unwrap();
            config.profiles.insert(domain, profile);
        }
    })
    .await;
    site.exchange("a", "b", Method::Certificate).await;
    site.exchange("b", "a", Method::Certificate).await;
    for party in [&mut site.a, &mut site.b] {
        let (_, channel) = party.established().await;
        assert_eq!(channel.opened, Direction::Outbound);
    }
    site.end().await;
}

#[tokio::test]
async fn dialback_inside_tls_carries_messages_where_certificates_prove_nothing() {
    let mut site = Site::start(Authorities::Unrelated, Proof::Dialback, |_| {}).await;
    site.exchange("a", "b", Method::Dialback).await;
    site.exchange("b", "a", Method::Dialback).await;
    // ALPN is for direct TLS.
    assert!(site.a.saw(|event| matches!(
        event,
        Event::Secured { session, .. } if session.alpn.is_none()
    )));
    assert!(
        site.a.saw(
            |event| matches!(event, Event::Judged { verdict, .. } if verdict.reason().is_some())
        )
    );
    site.end().await;
}

#[tokio::test]
async fn much_arrives_whole_and_in_order_both_ways_on_one_connection() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        // So that the router is told to wait, and told to go on.
        config.limits.max_unsent_bytes = 4096;
    })
    .await;
    for (from, to) in [("a", "b"), ("b", "a")] {
        let (sender, recipient) = match from {
            "a" => (&mut site.a, &mut site.b),
            _ => (&mut site.b, &mut site.a),
        };
        let text = |number| format!("{number} {}", "x".repeat(2000));
        for number in 0..100 {
            let stanza = message(from, to, &text(number));
            sender.federation.send(stanza).await.unwrap();
        }
        for number in 0..100 {
            assert_eq!(recipient.next_message().await, text(number));
        }
    }
    assert!(!site.b.saw(|event| matches!(event, Event::Dialling { .. })));
    site.end().await;
}

#[tokio::test]
async fn an_application_that_reads_late_misses_nothing_and_may_still_send() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.limits.max_unread_events = 1;
    })
    .await;
    for number in 0..50 {
        let stanza = message("a", "b", &number.to_string());
        // It counts as late itself, until it has read what happened to the one before.
        while let Err(rejected) = site.a.federation.send(stanza.clone()).await {
            assert_eq!(rejected.reason, SendError::EventsUnread);
            site.a.next().await;
        }
    }
    let Site { a, b, .. } = &mut site;
    let reader = async {
        for number in 0..50 {
            assert_eq!(b.next_message().await, number.to_string());
        }
        let sent = b.federation.send(message("b", "a", "thanks")).await;
        assert_eq!(sent.map_err(|rejected| rejected.reason), Ok(()));
        while b.events.recv().await.is_some() {}
    };
    tokio::select! {
        () = reader => panic!("b has ended"),
        text = a.next_message() => assert_eq!(text, "thanks"),
    }
    drop(site);
}

#[tokio::test]
async fn a_stanza_whose_sender_does_not_wait_for_the_answer_may_be_sent_all_the_same() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    tokio::select! {
        biased;
        sent = site.a.federation.send(message("a", "b", "taken")) => panic!("{sent:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(site.b.next_message().await, "taken");
    site.end().await;
}

#[tokio::test]
async fn rules_are_replaced_without_ending_a_stream() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_config| {}).await;
    let mut allow = comity_policy::Config::default();
    allow.local_domains.insert("a.example".parse().unwrap());
    allow.xmpp.enabled = comity_policy::Switch::On;
    allow.xmpp.default_verdict = Verdict::Allow;
    let mut deny = allow.clone();
    deny.xmpp.default_verdict = Verdict::Deny;
    let mut broken = deny.clone();
    let local = "a.example".parse().unwrap();
    let exception = Exception::new(DomainPattern::Exact(local), Packets::All);
    broken.xmpp.exceptions.push(exception);

    let a = site.a.federation.clone();
    a.replace_policy(deny.clone()).await.unwrap();
    assert!(matches!(
        a.replace_policy(broken).await,
        Err(ReplaceError::Rules(_))
    ));
    a.send(message("a", "b", "denied")).await.unwrap();
    let (stanza, failure) = site.a.next_undelivered().await;
    assert_eq!((&*body(&stanza), failure), ("denied", Failure::Denied));

    a.replace_policy(allow).await.unwrap();
    a.send(message("a", "b", "allowed")).await.unwrap();
    assert_eq!(site.b.next_message().await, "allowed");
    a.replace_policy(deny.clone()).await.unwrap();
    a.send(message("a", "b", "on the same stream"))
        .await
        .unwrap();
    assert_eq!(site.b.next_message().await, "on the same stream");
    site.end().await;
    assert_eq!(a.replace_policy(deny).await, Err(ReplaceError::Closed));
}

#[tokio::test]
async fn a_denied_domain_is_not_written_to_and_not_listened_to() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        if config.policy.local_domains.contains("a.example") {
            let pattern = "b.example".parse().unwrap();
            config.policy.xmpp.exceptions = vec![Exception::new(pattern, Packets::All)];
        }
    })
    .await;

    site.a
        .federation
        .send(message("a", "b", "no"))
        .await
        .unwrap();
    let decided = site.a.next().await;
    let Event::Decided {
        pair,
        direction,
        decision,
        ..
    } = decided
    else {
        panic!("{decided}");
    };
    assert_eq!(pair.remote.as_str(), "b.example");
    assert_eq!(direction, Direction::Outbound);
    assert_eq!(decision.verdict, Verdict::Deny);
    let undelivered = site.a.next().await;
    let Event::Undelivered {
        stanza, failure, ..
    } = undelivered
    else {
        panic!("{undelivered}");
    };
    assert_eq!(body(&stanza), "no");
    assert_eq!(failure, Failure::Denied);

    site.b
        .federation
        .send(message("b", "a", "hello?"))
        .await
        .unwrap();
    let (_, failure) = site.b.next_undelivered().await;
    let Failure::Ended(CloseReason::PeerError(error)) = failure else {
        panic!("{failure}");
    };
    assert_eq!(
        &*error.text,
        "policy does not allow federation between these domains"
    );
    let closed = site.a.next_closed().await;
    assert_eq!(closed, CloseReason::Rejected(Rejection::Denied));
    assert!(!site.a.saw(|event| matches!(event, Event::Stanza { .. })));
    site.end().await;
}

#[tokio::test]
async fn a_certificate_of_an_unknown_ca_proves_nothing_to_those_who_require_one() {
    let mut site = Site::start(Authorities::Unrelated, Proof::Certificate, |config| {
        // So that the other side is content, and it is known who ends the stream.
        if config.policy.local_domains.contains("b.example") {
            let root = authority(Authorities::Unrelated, b'a').certificate_pem();
            let store = &mut config.trust.store;
            assert_eq!(store.add_anchors_from_pem(root.as_bytes()), Ok(1));
        }
    })
    .await;
    site.a
        .federation
        .send(message("a", "b", "secret"))
        .await
        .unwrap();
    let (stanza, failure) = site.a.next_undelivered().await;
    assert_eq!(body(&stanza), "secret");
    let Failure::Ended(CloseReason::Rejected(Rejection::Refused { reason, .. })) = failure else {
        panic!("{failure}");
    };
    assert_eq!(
        &*reason,
        "the certificate chain does not lead to a trusted CA"
    );
    site.end().await;
}

#[tokio::test]
async fn a_peer_is_judged_as_the_tls_server_where_we_connect() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.trust.eku = EkuPolicy::RoleStrict;
        // So that it connects itself.
        config.router.stream.bidi = Switch::Off;
        if config.policy.local_domains.contains("b.example") {
            let leaf = Leaf::new([9; 32]).dns("b.example");
            let leaf = leaf.purposes(&[Purpose::ServerAuth]);
            config.tls.identity = Some(identity(&authority(Authorities::Common, b'b'), &leaf));
        }
    })
    .await;
    site.exchange("a", "b", Method::Certificate).await;
    // As a client it has no certificate for the purpose.
    let stanza = message("b", "a", "refused");
    site.b.federation.send(stanza).await.unwrap();
    assert_eq!(body(&site.b.next_undelivered().await.0), "refused");
    let CloseReason::Rejected(Rejection::Refused { reason, .. }) = site.a.next_closed().await
    else {
        panic!("not refused");
    };
    assert_eq!(
        &*reason,
        "the certificate lacks the extended key usage clientAuth that a TLS client needs (policy \
         role-strict)"
    );
    site.end().await;
}

#[tokio::test]
async fn an_application_that_reads_nothing_may_not_send_for_ever() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.limits.max_unread_events = 1;
        config.policy.xmpp.default_verdict = Verdict::Deny;
    })
    .await;
    // Each of these makes two events: the decision, and the stanza that comes back.
    for text in ["1", "2"] {
        let stanza = message("a", "b", text);
        site.a.federation.send(stanza).await.unwrap();
    }
    let sent = site.a.federation.send(message("a", "b", "3")).await;
    assert_eq!(sent.unwrap_err().reason, SendError::EventsUnread);
    for text in ["1", "2"] {
        assert_eq!(body(&site.a.next_undelivered().await.0), text);
    }
    site.a
        .federation
        .send(message("a", "b", "4"))
        .await
        .unwrap();
    assert_eq!(body(&site.a.next_undelivered().await.0), "4");
    site.end().await;
}

#[tokio::test]
async fn a_domain_that_dns_does_not_know_is_not_found() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    site.a
        .federation
        .send(message("a", "c", "who?"))
        .await
        .unwrap();
    let (_, failure) = site.a.next_undelivered().await;
    assert_eq!(failure.condition(), StanzaCondition::RemoteServerNotFound);
    assert_eq!(
        failure.to_string(),
        "no XMPP server is published for the domain (DNS has neither SRV nor address records)"
    );
    site.end().await;
}

#[tokio::test]
async fn the_name_server_is_asked_over_tcp_when_a_datagram_is_cut() {
    let site = Site::start_with_zone(Authorities::Common, Proof::Certificate, |_| {}, dns::cut);
    let mut site = site.await;
    site.exchange("a", "b", Method::Certificate).await;
    site.end().await;
}

#[tokio::test]
async fn a_host_that_nobody_listens_on_is_unreachable() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let Party {
        federation, events, ..
    } = &mut site.b;
    federation.shutdown().await;
    events.close();
    // Bound without listening, so that no other test gets the port.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind(federation.addresses()[0]).unwrap();
    site.a
        .federation
        .send(message("a", "b", "anybody?"))
        .await
        .unwrap();
    let (_, failure) = site.a.next_undelivered().await;
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure}");
    assert!(
        site.a
            .saw(|event| matches!(event, Event::ConnectFailed { .. }))
    );
    site.end().await;
}

#[tokio::test]
async fn a_stanza_that_cannot_be_taken_comes_back_at_once() {
    let site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let rejected = site
        .a
        .federation
        .send(message("b", "a", "x"))
        .await
        .unwrap_err();
    assert_eq!(
        rejected.reason,
        SendError::Router(router::SendError::NotLocal)
    );
    assert_eq!(body(&rejected.stanza), "x");

    site.a.federation.shutdown().await;
    let rejected = site
        .a
        .federation
        .send(message("a", "b", "y"))
        .await
        .unwrap_err();
    assert_eq!(rejected.reason, SendError::Closed);
    assert_eq!(body(&rejected.stanza), "y");
    site.end().await;
}

#[tokio::test]
async fn shutdown_ends_streams_in_order_and_the_events_after_them() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    site.exchange("a", "b", Method::Certificate).await;
    site.a.federation.shutdown().await;
    assert_eq!(
        site.a.next_closed().await,
        CloseReason::Farewell(Farewell::Shutdown)
    );
    let rest = site.a.rest().await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(
        site.b.next_closed().await.to_string(),
        "closed by the peer: system-shutdown (this server stops)"
    );
    // A second one has nothing to do.
    site.a.federation.shutdown().await;
    site.end().await;
}

#[tokio::test]
async fn an_application_that_sends_while_it_stops_is_refused_at_once() {
    let site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        config.limits.max_unread_events = 1;
        config.limits.shutdown_timeout = 100 * PATIENCE;
        config.policy.xmpp.default_verdict = Verdict::Deny;
    });
    let Site { mut a, b, .. } = site.await;
    // Four events, most of which wait outside of the channel.
    for text in ["1", "2"] {
        a.federation.send(message("a", "b", text)).await.unwrap();
    }
    let application = async {
        let mut sent = Vec::new();
        while a.events.recv().await.is_some() {
            let result = a.federation.send(message("a", "b", "3")).await;
            sent.push(result.map_err(|rejected| rejected.reason));
        }
        sent
    };
    let both = async { tokio::join!(a.federation.shutdown(), application) };
    let ((), sent) = timeout(PATIENCE, both).await.expect("it ends");
    assert_eq!(sent, [Err(SendError::Closed); 4]);
    b.federation.shutdown().await;
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_silent_name_server() {
    let site = Site::start_with_zone(Authorities::Common, Proof::Certificate, |_| {}, dns::silent);
    let mut site = site.await;
    let stanza = message("a", "b", "never sent");
    site.a.federation.send(stanza).await.unwrap();
    let decided = site.a.next().await;
    assert!(matches!(decided, Event::Decided { .. }), "{decided}");
    // The resolver gives up after seven seconds.
    let stopped = timeout(PATIENCE / 2, site.a.federation.shutdown()).await;
    stopped.expect("it does not wait for the resolver");
    let (stanza, failure) = site.a.next_undelivered().await;
    assert_eq!(body(&stanza), "never sent");
    assert_eq!(failure, Failure::Shutdown);
    site.end().await;
}

#[tokio::test]
async fn whoever_drops_the_events_ends_the_federation() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    site.exchange("a", "b", Method::Certificate).await;
    site.a.events.close();
    site.a.rest().await;
    assert_eq!(
        site.b.next_closed().await.to_string(),
        "closed by the peer: system-shutdown (this server stops)"
    );
    site.end().await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let address = site.a.federation.addresses()[0];
    let plain = site.config_of("d", vec![address]);
    let mut direct = site.config_of("d", Vec::new());
    direct.listen_tls = vec![address];
    for config in [plain, direct] {
        let error = comity_tokio::Federation::start(config).await.unwrap_err();
        assert_eq!(
            error,
            StartError::Listen {
                address,
                kind: std::io::ErrorKind::AddrInUse
            }
        );
    }
    site.end().await;
}
