//! Streams that go both ways (XEP-0288).

use super::*;

const BIDI_FEATURE: &str = "<bidi xmlns='urn:xmpp:features:bidi'/>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

fn both_ways() -> Config {
    Config {
        bidi: Switch::On,
        ..config()
    }
}

fn to_peer() -> Stanza {
    Stanza::new(
        StanzaKind::Message,
        "y@a.example".parse().unwrap(),
        "x@b.example".parse().unwrap(),
    )
}

#[test]
fn a_receiver_offers_it_and_sends_after_sasl() {
    let mut host = Host::receiving(both_ways()).secured(Some("b.example"));
    assert_eq!(
        host.sent(),
        response(" to='b.example'") + &offered(&format!("{EXTERNAL}{DIALBACK}{BIDI_FEATURE}"))
    );
    host.feed("<bidi xmlns='urn:xmpp:bidi'/>").feed(AUTH);
    // The peer reads a new stream next: nothing may come before our header.
    assert_eq!(
        host.stream.send(host.now, &to_peer()),
        Err(SendError::NotEstablished)
    );
    host.feed(HEADER);
    assert_eq!(
        host.events(),
        [
            "authorized a.example with b.example by certificate",
            "established a.example with b.example by certificate"
        ]
    );
    host.sent();
    assert_eq!(host.stream.send(host.now, &to_peer()), Ok(()));
    host.settle();
    assert_eq!(
        host.sent(),
        "<message from='y@a.example' to='x@b.example'/>"
    );
    assert!(host.stream.meets(&pair(), Security::CERTIFIED));
}

#[test]
fn a_receiver_sends_back_on_pairs_that_dialback_proved() {
    let mut host = Host::receiving(both_ways()).secured(None);
    host.sent();
    host.feed("<bidi xmlns='urn:xmpp:bidi'/>").feed(KEY);
    assert_eq!(
        host.stream.send(host.now, &to_peer()),
        Err(SendError::NotEstablished)
    );
    let Some(Event::Verify { query, request }) = host.events.pop() else {
        panic!("not asked")
    };
    let proof = DialbackProof::new(request.pair, request.id);
    let valid = Verification::Valid(proof);
    host.stream.handle_verification(host.now, query, &valid);
    host.settle();
    assert_eq!(
        host.events(),
        [
            "authorized a.example with b.example by dialback",
            "established a.example with b.example by dialback"
        ]
    );
    assert_eq!(
        host.sent(),
        "<db:result from='a.example' to='b.example' type='valid'/>"
    );
    assert_eq!(host.stream.send(host.now, &to_peer()), Ok(()));
    assert!(host.stream.meets(&pair(), Security::ENCRYPTED));
    assert!(!host.stream.meets(&pair(), Security::CERTIFIED));
}

#[test]
fn a_request_counts_where_it_was_offered_and_before_authentication() {
    let mut unasked = Host::receiving(config()).secured(Some("b.example"));
    unasked.feed("<bidi xmlns='urn:xmpp:bidi'/>");
    assert_eq!(unasked.rejection(), Rejection::UnexpectedElement);

    let mut late = Host::receiving(both_ways()).secured(Some("b.example"));
    late.feed(AUTH)
        .feed(HEADER)
        .feed("<bidi xmlns='urn:xmpp:bidi'/>");
    assert_eq!(late.rejection(), Rejection::UnexpectedElement);

    // ejabberd before 26.06 asks in the namespace of the feature.
    let mut confused = Host::receiving(both_ways()).secured(Some("b.example"));
    confused.feed(BIDI_FEATURE).feed(AUTH).feed(HEADER);
    assert_eq!(
        confused.events(),
        ["authorized a.example with b.example by certificate"]
    );
}

#[test]
fn an_initiator_asks_before_sasl_and_takes_stanzas_of_its_pair() {
    let mut host = connected(
        both_ways(),
        Purpose::Stanzas,
        &format!("{EXTERNAL}{BIDI_FEATURE}"),
    );
    assert_eq!(
        host.sent(),
        format!(
            "<bidi xmlns='urn:xmpp:bidi'>{LIMITS}</bidi><auth \
             xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>YS5leGFtcGxl</auth>"
        )
    );
    host.feed(SUCCESS)
        .feed(HEADER.replace("version", "id='3' version"))
        .feed("<stream:features/>")
        .feed(MESSAGE);
    assert_eq!(
        host.events(),
        [
            "established a.example with b.example by certificate",
            "authorized a.example with b.example by certificate",
            "message from x@b.example to y@a.example by certificate"
        ]
    );
    host.feed("<message from='x@d.example' to='y@a.example'/>");
    assert_eq!(host.rejection(), Rejection::InvalidFrom);
}

#[test]
fn an_initiator_does_not_ask_where_nothing_may_come_or_nobody_is_proved() {
    for (certified, decision) in [
        (Some("b.example"), Decision::Deny),
        (None, Decision::Allow(Security::ENCRYPTED.into())),
    ] {
        let mut host = Host::initiating(both_ways(), Purpose::Stanzas);
        (host.certified, host.decision) = (certified, decision);
        host.feed(HEADER.replace("version", "id='1' version"))
            .feed(features(REQUIRED))
            .feed("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            .tls(PeerCertificate::Presented)
            .sent();
        host.feed(HEADER.replace("version", "id='2' version"))
            .feed(features(&format!("{EXTERNAL}{BIDI_FEATURE}")));
        assert_eq!(
            host.sent(),
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>YS5leGFtcGxl</auth>"
        );
    }
}

#[test]
fn a_key_on_a_stream_that_we_initiated_needs_the_certificate() {
    for (certified, answer) in [
        (
            "muc.b.example",
            "<db:result from='a.example' to='muc.b.example' type='valid'/>".to_owned(),
        ),
        (
            "b.example",
            "<db:result from='a.example' to='muc.b.example' type='error'><error type='cancel'>\
             <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>"
                .to_owned(),
        ),
    ] {
        let mut host = connected(
            both_ways(),
            Purpose::Stanzas,
            &format!("{EXTERNAL}{BIDI_FEATURE}"),
        );
        host.feed(SUCCESS)
            .feed(HEADER.replace("version", "id='3' version"))
            .feed("<stream:features/>");
        host.sent();
        host.certified = Some(certified);
        host.feed("<db:result from='muc.b.example' to='a.example'>key</db:result>");
        assert_eq!(host.sent(), answer);
    }
}
