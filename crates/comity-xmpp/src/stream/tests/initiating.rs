//! The side that connects.

use super::*;

#[test]
fn clear_text_behind_proceed_is_never_read() {
    let header = HEADER.replace("version", "id='1' version");
    let proceed = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    for behind in [HEADER, " "] {
        let mut host = Host::initiating(config(), Purpose::Stanzas);
        host.feed(&header).feed(features(REQUIRED));
        host.sent();
        host.feed(format!("{proceed}{behind}"));
        assert_eq!(host.rejection(), Rejection::DataBeforeTls);
        assert_eq!(host.events(), [""; 0]);
        assert_eq!(host.sent(), "");
    }
}

#[test]
fn an_initiator_tells_an_untrusted_server_why_it_leaves() {
    let mut host = Host::initiating(with_security(Security::CERTIFIED), Purpose::Stanzas);
    host.feed(HEADER.replace("version", "id='1' version"));
    host.feed(features(REQUIRED))
        .feed("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(host.events(), ["StartTls"]);
    host.sent();
    host.tls(PeerCertificate::Presented);
    assert_eq!(
        host.sent(),
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
         xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
         from='a.example' to='b.example' version='1.0' xml:lang='en'>"
    );
    host.feed(HEADER.replace("version", "id='2' version"))
        .feed(features(EXTERNAL));
    assert_eq!(
        host.rejection(),
        Rejection::Refused {
            refusal: Refusal::CertificateUntrusted,
            reason: "the certificate names someone else".into()
        }
    );
    assert!(host.sent().contains("<policy-violation "));
}

#[test]
fn an_initiator_authenticates_with_external_and_sends() {
    let mut host = connected(config(), Purpose::Stanzas, EXTERNAL);
    assert_eq!(
        host.sent(),
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>YS5leGFtcGxl</auth>"
    );
    host.feed("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    assert!(
        host.sent()
            .starts_with("<?xml version='1.0'?><stream:stream ")
    );
    host.feed(HEADER.replace("version", "id='3' version"))
        .feed("<stream:features/>");
    assert_eq!(
        host.events(),
        ["established a.example with b.example by certificate"]
    );
    let stanza = |from: &str| {
        Stanza::new(
            StanzaKind::Message,
            from.parse().unwrap(),
            "x@b.example".parse().unwrap(),
        )
    };
    assert_eq!(host.stream.send(host.now, &stanza("y@a.example")), Ok(()));
    assert_eq!(
        host.stream.send(host.now, &stanza("y@c.example")),
        Err(SendError::OtherPair)
    );
    host.settle();
    assert_eq!(
        host.sent(),
        "<message from='y@a.example' to='x@b.example'/>"
    );
    // Not one that the peer may send here, and no reason to lose the stream.
    host.feed(MESSAGE);
    assert_eq!(
        host.events(),
        ["dropped: a stanza on a stream that carries stanzas the other way"]
    );
    assert_eq!(host.stream.send(host.now, &stanza("y@a.example")), Ok(()));
}

#[test]
fn an_initiator_goes_on_with_dialback_when_external_fails() {
    let mut host = connected(config(), Purpose::Stanzas, EXTERNAL);
    host.sent();
    host.feed("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
    let key = DialbackSecret::new(b"secret").key(&name("b.example"), &name("a.example"), "2");
    assert_eq!(
        host.sent(),
        format!("<db:result from='a.example' to='b.example'>{key}</db:result>")
    );
    // Answers for another pair are not ours.
    host.feed("<db:result from='d.example' to='a.example' type='valid'/>");
    host.feed("<db:result from='b.example' to='c.example' type='valid'/>");
    assert_eq!(host.events(), [""; 0]);
    host.feed("<db:result from='b.example' to='a.example' type='valid'>x</db:result>");
    assert_eq!(
        host.events(),
        ["established a.example with b.example by dialback"]
    );
}

#[test]
fn without_dialback_a_refused_certificate_ends_the_stream() {
    let without = Config {
        dialback: None,
        ..config()
    };
    let mut host = connected(without, Purpose::Stanzas, EXTERNAL);
    host.feed("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
    assert_eq!(
        host.rejection(),
        Rejection::Refused {
            refusal: Refusal::NoMethod,
            reason: Box::default()
        }
    );
}

#[test]
fn a_refused_key_is_told_and_the_stream_closed() {
    for (answer, event) in [
        (
            "type='invalid'/>",
            "refused a.example with b.example: the peer found our dialback key invalid",
        ),
        (
            "type='error'><error type='cancel'><item-not-found \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
            "refused a.example with b.example: the peer could not verify our dialback key: item-not-found",
        ),
        (
            "type='error'/>",
            "refused a.example with b.example: the peer could not verify our dialback key: undefined-condition",
        ),
    ] {
        let mut host = connected(config(), Purpose::Stanzas, DIALBACK);
        host.sent();
        host.feed(format!(
            "<db:result from='b.example' to='a.example' {answer}"
        ));
        assert_eq!(host.events(), [event]);
        assert_eq!(host.sent(), "</stream:stream>");
    }
}

#[test]
fn starttls_is_asked_for_although_it_is_not_offered() {
    let mut host = Host::initiating(config(), Purpose::Stanzas);
    host.sent();
    host.feed(HEADER.replace("version", "id='1' version"))
        .feed(features(DIALBACK));
    assert_eq!(host.sent(), STARTTLS);
    host.feed("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(
        host.rejection(),
        Rejection::Refused {
            refusal: Refusal::TlsUnavailable,
            reason: Box::default()
        }
    );
}

#[test]
fn an_initiator_reads_only_answers_of_the_server_it_meant() {
    for (old, new, rejection) in [
        ("from='b.example'", "from='d.example'", Rejection::WrongPeer),
        ("id='2'", "", Rejection::NoId),
        ("id='2'", "id=''", Rejection::NoId),
        ("version='1.0'", "version='2.0'", Rejection::Version),
        (
            "'jabber:server'",
            "'jabber:client'",
            Rejection::ContentNamespace,
        ),
    ] {
        let mut host = Host::initiating(config(), Purpose::Stanzas);
        host.feed(HEADER.replace("version", "id='1' version"))
            .feed(features(REQUIRED))
            .feed("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            .tls(PeerCertificate::Absent);
        let header = HEADER.replace("version", "id='2' version");
        host.feed(header.replace(old, new));
        assert_eq!(host.rejection(), rejection, "{new}");
    }
}
