//! Keys, asked for and answered.

use super::*;

#[test]
fn dialback_authorises_what_the_authoritative_server_confirms() {
    let mut host = Host::receiving(config()).secured(None);
    host.sent();
    host.feed("<db:result from='B.example' to='a.example'>\n key \n</db:result>");
    assert_eq!(
        host.events.iter().map(describe).collect::<Vec<_>>(),
        ["verify a.example with b.example key"]
    );
    let Some(Event::Verify { query, request }) = host.events.pop() else {
        panic!("no question")
    };
    assert_eq!(host.sent(), "");
    let proof = DialbackProof::new(request.pair, request.id);
    let valid = Verification::Valid(proof);
    host.stream.handle_verification(host.now, query, &valid);
    host.settle();
    assert_eq!(
        host.sent(),
        "<db:result from='a.example' to='b.example' type='valid'/>"
    );
    host.feed(MESSAGE);
    assert_eq!(
        host.events(),
        [
            "authorized a.example with b.example by dialback",
            "message from x@b.example to y@a.example by dialback"
        ]
    );
    // The same answer again is late.
    host.stream
        .handle_verification(host.now, query, &Verification::Invalid);
    host.settle();
    assert_eq!((host.sent(), host.events()), (String::new(), vec![]));
}

#[test]
fn a_proof_for_another_pair_or_stream_authorises_nothing() {
    let other = Pair {
        local: name("c.example"),
        ..pair()
    };
    for (proof_pair, same_id) in [(pair(), false), (other, true)] {
        let mut host = Host::receiving(config()).secured(None);
        host.feed(KEY);
        host.sent();
        let Some(Event::Verify { query, request }) = host.events.pop() else {
            panic!("no question")
        };
        let id = if same_id { request.id } else { "other".into() };
        let valid = Verification::Valid(DialbackProof::new(proof_pair, id));
        host.stream.handle_verification(host.now, query, &valid);
        host.settle();
        assert_eq!(
            host.sent(),
            "<db:result from='a.example' to='b.example' type='invalid'/></stream:stream>"
        );
        assert_eq!(host.events(), [""; 0]);
    }
}

#[test]
fn keys_that_are_not_confirmed_are_answered_with_what_went_wrong() {
    let error = |condition: &str| {
        format!(
            "<db:result from='a.example' to='b.example' type='error'><error type='cancel'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>"
        )
    };
    for (verification, answer) in [
        (
            Verification::Failed(StanzaCondition::RemoteServerNotFound),
            error("remote-server-not-found"),
        ),
        (
            Verification::Invalid,
            "<db:result from='a.example' to='b.example' type='invalid'/></stream:stream>"
                .to_owned(),
        ),
    ] {
        let mut host = Host::receiving(config()).secured(None);
        host.feed(KEY);
        host.sent();
        let Some(Event::Verify { query, .. }) = host.events.pop() else {
            panic!("no question")
        };
        host.stream
            .handle_verification(host.now, query, &verification);
        host.settle();
        assert_eq!(host.sent(), answer);
        assert_eq!(host.events(), [""; 0]);
    }
    let mut host = Host::receiving(config()).secured(None);
    host.feed(KEY);
    host.events();
    host.sent();
    host.pass(Duration::from_secs(20));
    assert_eq!(host.sent(), error("remote-server-timeout"));
    assert_eq!(host.events(), ["withdrawn"]);
    let mut denied = Host::receiving(config()).secured(None);
    denied.sent();
    denied.decision = Decision::Deny;
    denied.feed(KEY);
    assert_eq!(denied.sent(), error("policy-violation"));
    let mut certified = Host::receiving(config()).secured(None);
    certified.sent();
    certified.decision = Decision::Allow(Security::CERTIFIED.into());
    certified.feed(KEY);
    assert_eq!(certified.sent(), error("not-authorized"));
}

#[test]
fn keys_that_cannot_be_meant_are_answered_at_once() {
    let long = "k".repeat(129);
    for (from, to, key, condition) in [
        ("b.example", "z.example", "key", "item-not-found"),
        ("c.example", "a.example", "key", "not-acceptable"),
        ("", "a.example", "key", "bad-request"),
        ("b.example", "a..example", "key", "bad-request"),
        ("b.example", "a.example", " ", "bad-request"),
        ("b.example", "a.example", &long, "bad-request"),
    ] {
        let mut host = Host::receiving(config()).secured(None);
        host.sent();
        host.feed(format!(
            "<db:result from='{from}' to='{to}'>{key}</db:result>"
        ));
        let sent = host.sent();
        let start = format!("<db:result from='{to}' to='{from}' type='error'>");
        assert!(sent.starts_with(&start), "{sent}");
        assert!(sent.contains(&format!("<{condition} ")), "{sent}");
        assert_eq!(host.events(), [""; 0]);
        assert!(!host.stream.is_closed());
    }
}

#[test]
fn a_certificate_that_names_the_domain_needs_no_call() {
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.sent();
    host.feed(KEY);
    assert_eq!(
        host.sent(),
        "<db:result from='a.example' to='b.example' type='valid'/>"
    );
    assert_eq!(
        host.events(),
        ["authorized a.example with b.example by certificate"]
    );
    // The certificate is asked again for each domain.
    host.feed(KEY.replace("b.example", "d.example"));
    assert_eq!(host.events(), ["verify a.example with d.example key"]);
}

#[test]
fn unsolicited_dialback_answers_prove_nothing() {
    let answers = "<db:result from='b.example' to='a.example' type='valid'/>\
         <db:verify from='b.example' to='a.example' id='1' type='valid'/>";
    let mut host = Host::receiving(config()).secured(None);
    host.sent();
    host.feed(answers);
    assert_eq!((host.sent(), host.events()), (String::new(), vec![]));
    host.feed(MESSAGE);
    assert_eq!(host.rejection(), Rejection::NotAuthorized);

    let mut host = Host::initiating(config(), Purpose::Stanzas);
    host.feed(HEADER.replace("version", "id='1' version"))
        .feed(answers);
    assert_eq!(host.events(), [""; 0]);
    let stanza = Stanza::new(
        StanzaKind::Message,
        "y@a.example".parse().unwrap(),
        "x@b.example".parse().unwrap(),
    );
    assert_eq!(
        host.stream.send(host.now, &stanza),
        Err(SendError::NotEstablished)
    );
}

#[test]
fn only_some_keys_are_verified_at_a_time() {
    let limit = Limits::default().max_pending_pairs;
    let mut host = Host::receiving(config()).secured(None);
    host.sent();
    for index in 0..=limit {
        host.feed(KEY.replace("b.example", &format!("b{index}.example")));
    }
    assert_eq!(host.events().len(), limit);
    let sent = host.sent();
    assert_eq!(sent.matches("<resource-constraint ").count(), 1);
    assert!(sent.contains(&format!("to='b{limit}.example'")));
    // The same key again does not make a second question.
    host.feed(KEY.replace("b.example", "b0.example"));
    assert_eq!(host.events(), [""; 0]);
}

#[test]
fn an_authoritative_server_answers_in_any_state() {
    let key = DialbackSecret::new(b"secret").key(&name("b.example"), &name("a.example"), "77");
    let ask = |to: &str, id: &str, key: &str| {
        format!("<db:verify from='b.example' to='{to}' id='{id}'>{key}</db:verify>")
    };
    for (question, answer) in [
        (
            ask("a.example", "77", &key),
            "<db:verify from='a.example' to='b.example' id='77' type='valid'/>",
        ),
        (
            ask("a.example", "78", &key),
            "<db:verify from='a.example' to='b.example' id='78' type='invalid'/>",
        ),
        (
            ask("c.example", "77", &key),
            "<db:verify from='c.example' to='b.example' id='77' type='invalid'/>",
        ),
        (
            ask("z.example", "77", &key),
            "<db:verify from='z.example' to='b.example' id='77' type='error'>\
             <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             </error></db:verify>",
        ),
        (
            ask("a.example", "", &key),
            "<db:verify from='a.example' to='b.example' id='' type='error'>\
             <error type='cancel'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             </error></db:verify>",
        ),
    ] {
        let mut host = Host::receiving(config()).secured(None);
        host.sent();
        host.feed(question);
        assert_eq!(host.sent(), answer);
        assert_eq!(host.events(), [""; 0]);
    }
}

#[test]
fn a_verification_stream_asks_and_matches_its_answers() {
    let mut host = Host::initiating(config(), Purpose::Verification);
    let request = |key: &str, id: &str| VerifyRequest {
        pair: pair(),
        id: id.into(),
        key: key.into(),
        security: Security::ENCRYPTED,
    };
    assert_eq!(host.stream.verify(host.now, request("k1", "i1")), Ok(()));
    host.certified = Some("b.example");
    host.feed(HEADER.replace("version", "id='1' version"))
        .feed(features(REQUIRED))
        .feed("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        .tls(PeerCertificate::Presented);
    host.events();
    host.sent();
    host.feed(HEADER.replace("version", "id='2' version"))
        .feed(features(&format!("{EXTERNAL}{DIALBACK}")));
    assert_eq!(
        host.sent(),
        "<db:verify from='a.example' to='b.example' id='i1'>k1</db:verify>"
    );
    assert_eq!(host.stream.verify(host.now, request("k2", "i2")), Ok(()));
    host.settle();
    assert_eq!(
        host.sent(),
        "<db:verify from='a.example' to='b.example' id='i2'>k2</db:verify>"
    );
    host.feed("<db:verify from='d.example' to='a.example' id='i1' type='valid'/>");
    host.feed("<db:verify from='b.example' to='a.example' id='i3' type='valid'/>");
    assert_eq!(host.events(), [""; 0]);
    host.feed("<db:verify from='b.example' to='a.example' id='i2' type='valid'/>");
    host.feed("<db:verify from='b.example' to='a.example' id='i1' type='invalid'/>");
    host.feed("<db:verify from='b.example' to='a.example' id='i1' type='valid'/>");
    assert_eq!(
        host.events(),
        [
            "verified a.example with b.example k2: valid",
            "verified a.example with b.example k1: invalid"
        ]
    );
}

#[test]
fn a_request_that_is_not_answered_fails_in_time() {
    let mut host = connected(config(), Purpose::Verification, DIALBACK);
    let request = |id: &str| VerifyRequest {
        pair: pair(),
        id: id.into(),
        key: "key".into(),
        security: Security::ENCRYPTED,
    };
    let timeout = Limits::default().verification_timeout;
    assert_eq!(host.stream.verify(host.now, request("1")), Ok(()));
    host.pass(timeout / 2);
    assert_eq!(host.stream.verify(host.now, request("2")), Ok(()));
    host.pass(timeout / 2);
    let failed = "verified a.example with b.example key: remote-server-timeout";
    assert_eq!(host.events(), [failed]);
    host.feed("<db:verify from='b.example' to='a.example' id='1' type='valid'/>");
    assert_eq!(host.events(), [""; 0]);
    host.pass(timeout / 2);
    assert_eq!(host.events(), [failed]);
}

/// A stream on which a key was taken, with the question about it.
fn with_key_pending(config: &Config, tls: bool) -> (Host, QueryId, VerifyRequest) {
    let mut host = Host::receiving(config.clone());
    host.decision = Decision::Allow(config.security.into());
    if tls {
        host = host.secured(Some("d.example"));
    } else {
        host.feed(HEADER);
    }
    host.feed(KEY);
    host.sent();
    match host.events.pop() {
        Some(Event::Verify { query, request }) => (host, query, request),
        other => panic!("no question: {other:?}"),
    }
}

#[test]
fn a_key_does_not_outlive_its_stream() {
    let optional = with_security(Security {
        tls: TlsMode::Optional,
        certificate: CertificateRule::Optional,
    });
    let (mut host, query, request) = with_key_pending(&optional, false);
    host.feed(STARTTLS);
    assert_eq!(host.events(), ["withdrawn", "StartTls"]);
    host.sent();
    let valid = Verification::Valid(DialbackProof::new(request.pair, request.id));
    host.stream.handle_verification(host.now, query, &valid);
    host.pass(Limits::default().verification_timeout / 3);
    assert_eq!((host.sent(), host.events()), (String::new(), vec![]));
    host.tls(PeerCertificate::Absent).feed(HEADER).feed(MESSAGE);
    assert_eq!(host.rejection(), Rejection::NotAuthorized);

    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(KEY.replace("b.example", "d.example"));
    host.sent();
    let Some(Event::Verify { query, .. }) = host.events.pop() else {
        panic!("no question")
    };
    host.feed(AUTH);
    assert_eq!(
        host.events(),
        [
            "withdrawn",
            "authorized a.example with b.example by certificate"
        ]
    );
    host.stream
        .handle_verification(host.now, query, &Verification::Invalid);
    host.settle();
    assert_eq!(
        host.sent(),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
    );
}

#[test]
fn a_closed_direction_answers_no_key() {
    let (mut host, query, request) = with_key_pending(&config(), true);
    host.stream.close(host.now);
    host.settle();
    assert_eq!(host.sent(), "</stream:stream>");
    let valid = Verification::Valid(DialbackProof::new(request.pair, request.id));
    host.stream.handle_verification(host.now, query, &valid);
    host.settle();
    host.feed(MESSAGE);
    assert_eq!(host.rejection(), Rejection::NotAuthorized);
    assert_eq!((host.sent(), host.events()), (String::new(), vec![]));
}

#[test]
fn a_key_has_its_whole_time_however_late_it_comes() {
    let limits = Limits::default();
    let mut host = Host::receiving(config()).secured(None);
    host.pass(limits.negotiation_timeout - Duration::from_secs(1));
    host.sent();
    host.feed(KEY);
    host.events();
    host.pass(limits.verification_timeout - Duration::from_secs(1));
    assert_eq!((host.sent(), host.events()), (String::new(), vec![]));
    host.pass(Duration::from_secs(1));
    assert_eq!(host.events(), ["withdrawn"]);
    assert!(host.sent().contains("<remote-server-timeout "));
    // An unproved peer cannot have its time prolonged for ever.
    let mut taken = 1;
    while !host.feed(KEY).sent().contains("<resource-constraint ") {
        taken += 1;
        host.events();
        host.pass(limits.verification_timeout);
    }
    assert_eq!(taken, limits.max_pending_pairs);
}

#[test]
fn names_are_written_with_u_labels() {
    let mut host = Host::receiving(Config {
        domains: Arc::new([name("xn--bcher-kva.example")].into()),
        ..config()
    });
    host.feed(HEADER.replace("a.example", "b\u{fc}cher.example"));
    assert!(host.sent().contains(" from='b\u{fc}cher.example' "));
}
