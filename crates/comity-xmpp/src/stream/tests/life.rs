//! Deadlines, ends and bounds.

use super::*;

#[test]
fn each_stage_has_its_deadline() {
    let limits = Limits::default();
    let mut silent = Host::receiving(config());
    silent.pass(limits.negotiation_timeout);
    assert_eq!(silent.events(), ["closed: negotiation took too long"]);
    assert!(silent.sent().contains("<connection-timeout "));

    let mut handshake = Host::receiving(config());
    handshake.feed(HEADER).feed(STARTTLS);
    handshake.events();
    handshake.sent();
    handshake.pass(limits.tls_timeout);
    assert_eq!(
        handshake.events(),
        ["closed: the TLS handshake took too long"]
    );
    assert_eq!(handshake.sent(), "");

    let mut idle = Host::authenticated(HEADER);
    idle.pass(limits.idle_timeout - Duration::from_secs(1));
    idle.feed(" ");
    idle.pass(limits.idle_timeout - Duration::from_secs(1));
    assert_eq!(idle.events(), [""; 0]);
    idle.pass(Duration::from_secs(1));
    assert_eq!(idle.sent(), "</stream:stream>");
    // What is under way still arrives.
    idle.feed(MESSAGE).feed("</stream:stream>");
    assert_eq!(
        idle.events(),
        [
            "message from x@b.example to y@a.example by certificate",
            "closed: idle"
        ]
    );
}

#[test]
fn closing_waits_for_the_peer_and_still_takes_stanzas() {
    let mut host = Host::authenticated(HEADER);
    host.stream.close(host.now);
    host.feed(MESSAGE).feed(KEY);
    assert_eq!(host.sent(), "</stream:stream>");
    assert_eq!(
        host.events(),
        ["message from x@b.example to y@a.example by certificate"]
    );
    host.feed("</stream:stream>");
    assert_eq!(host.events(), ["closed: closed"]);

    for goodbye in [
        "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "",
    ] {
        let mut host = Host::receiving(config());
        host.feed(HEADER);
        host.stream.close(host.now);
        host.settle();
        host.sent();
        host.feed(goodbye);
        host.stream.handle_eof(host.now);
        host.settle();
        let reason = if goodbye.is_empty() {
            "closed: closed"
        } else {
            "closed: closed by the peer: reset"
        };
        assert_eq!(host.events(), [reason]);
        assert_eq!(host.sent(), "", "the stream was closed before");
    }

    let mut deaf = Host::receiving(config());
    deaf.feed(HEADER);
    deaf.stream.close(deaf.now);
    deaf.pass(Duration::from_secs(5));
    assert_eq!(deaf.events(), ["closed: closing took too long"]);
}

#[test]
fn the_peer_s_end_and_error_are_told() {
    let mut host = Host::receiving(config());
    host.feed(HEADER);
    host.sent();
    host.feed("</stream:stream>");
    assert_eq!(host.events(), ["closed: closed by the peer"]);
    assert_eq!(host.sent(), "</stream:stream>");

    let mut host = Host::receiving(config());
    host.feed(HEADER).feed(
        "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>bye\n</text></stream:error>",
    );
    assert_eq!(
        host.events(),
        ["closed: closed by the peer: system-shutdown (bye\\n)"]
    );

    let mut host = Host::receiving(config());
    host.stream.handle_eof(host.now);
    host.settle();
    assert_eq!(
        host.events(),
        ["closed: the connection ended inside the stream"]
    );
}

#[test]
fn an_unproved_peer_has_the_small_limits() {
    let padding = "x".repeat(9000);
    let element =
        format!("<message from='x@b.example' to='y@a.example'><body>{padding}</body></message>");
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(&element);
    assert_eq!(
        host.rejection(),
        ParseError::Limit(Limit::ElementBytes(8192)).into()
    );
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(AUTH).feed(HEADER).feed(&element);
    assert_eq!(host.events().len(), 2);
}

#[test]
fn bytes_held_for_an_answer_are_bounded_and_read_after_it() {
    let limit = Limits::default().max_held_bytes;
    for (extra, good) in [(0, true), (1, false)] {
        let mut stream = Stream::receive(origin(), config(), [1; 32]);
        stream.handle_input(origin(), HEADER.as_bytes());
        let Some(Event::Authorize { query, .. }) = stream.poll_event() else {
            panic!("no question")
        };
        assert!(!stream.wants_input());
        let spaces = " ".repeat(limit + extra - STARTTLS.len());
        stream.handle_input(origin(), spaces.as_bytes());
        stream.handle_input(origin(), STARTTLS.as_bytes());
        let allow = Decision::Allow(Security::ENCRYPTED.into());
        stream.handle_decision(origin(), query, &allow);
        let event = stream.poll_event().map(|event| describe(&event));
        let expected = if good {
            "StartTls".to_owned()
        } else {
            format!("closed: more than {limit} bytes before an answer")
        };
        assert_eq!(event, Some(expected));
    }
}

#[test]
fn a_peer_that_reads_nothing_is_cut_off() {
    let mut stream = Stream::receive(
        origin(),
        with_security(Security {
            tls: TlsMode::Optional,
            certificate: CertificateRule::Optional,
        }),
        [1; 32],
    );
    stream.handle_input(origin(), HEADER.replace("from='b.example' ", "").as_bytes());
    let question = "<db:verify from='b.example' to='z.example' id='1'>k</db:verify>";
    let mut asked = 0;
    while !matches!(stream.core.life, Life::Closed) {
        stream.handle_input(origin(), question.as_bytes());
        asked += 1;
        assert!(asked < 200);
    }
    assert_eq!(
        stream.poll_event().map(|event| describe(&event)),
        Some("closed: the peer does not read what it is sent".to_owned())
    );
}

#[test]
fn every_cut_of_a_whole_negotiation_gives_the_same() {
    let flights = [
        format!("<?xml version='1.0'?>{HEADER}{STARTTLS}"),
        format!(
            "{HEADER}{AUTH}{HEADER}{MESSAGE}<db:verify from='b.example' to='a.example' id='1'>k\
                 </db:verify>{MESSAGE}</stream:stream>"
        ),
    ];
    let run = |pieces: [Vec<&[u8]>; 2]| {
        let mut host = Host::receiving(config());
        host.certified = Some("b.example");
        let [clear, protected] = pieces;
        for piece in clear {
            host.feed(piece);
        }
        host.tls(PeerCertificate::Presented);
        for piece in protected {
            host.feed(piece);
        }
        (host.sent(), host.events())
    };
    let [clear, protected] = flights.each_ref().map(String::as_bytes);
    let whole = run([vec![clear], vec![protected]]);
    assert_eq!(whole.1.len(), 5);
    assert_eq!(whole.1.last().unwrap(), "closed: closed by the peer");
    for (head, tail) in cut::at_each_point(protected) {
        assert_eq!(run([vec![clear], vec![head, tail]]), whole);
    }
    for (head, tail) in cut::at_each_point(clear) {
        assert_eq!(run([vec![head, tail], vec![protected]]), whole);
    }
    let bytewise = [clear, protected].map(|bytes| cut::bytewise(bytes).collect());
    assert_eq!(run(bytewise), whole);
}

#[test]
fn a_stream_that_was_not_opened_ends_without_a_word() {
    let mut silent = Host::receiving(config());
    silent.stream.close(silent.now);
    silent.settle();
    assert_eq!(silent.events(), ["closed: closed"]);
    assert_eq!(silent.sent(), "");

    let mut restarting = Host::receiving(config()).secured(Some("b.example"));
    restarting.feed(AUTH);
    restarting.events();
    restarting.sent();
    restarting.stream.close(restarting.now);
    restarting.settle();
    assert_eq!(restarting.events(), ["closed: closed"]);
    assert_eq!(restarting.sent(), "");
}

#[test]
fn a_stream_in_use_is_not_idle() {
    let mut host = connected(config(), Purpose::Stanzas, DIALBACK);
    host.feed("<db:result from='b.example' to='a.example' type='valid'/>");
    host.events();
    let stanza = Stanza::new(
        StanzaKind::Message,
        "y@a.example".parse().unwrap(),
        "x@b.example".parse().unwrap(),
    );
    let half = Limits::default().idle_timeout / 2;
    for _ in 0..5 {
        host.pass(half);
        assert_eq!(host.stream.send(host.now, &stanza), Ok(()));
    }
    assert_eq!(host.events(), [""; 0]);
}

#[test]
fn deadlines_beyond_the_end_of_time_are_never() {
    let mut config = config();
    config.limits.negotiation_timeout = Duration::MAX;
    config.limits.tls_timeout = Duration::MAX;
    let mut host = Host::receiving(config);
    host.feed(HEADER).feed(STARTTLS);
    assert_eq!(host.stream.poll_timeout(), None);
}

#[test]
fn nothing_follows_a_farewell() {
    let mut stream = Stream::receive(
        origin(),
        Config {
            transport: Transport::DirectTls,
            ..config()
        },
        [1; 32],
    );
    let _start = stream.poll_event();
    stream.handle_tls_established(origin(), PeerCertificate::Presented);
    stream.handle_input(origin(), HEADER.as_bytes());
    let Some(Event::Authorize { query, .. }) = stream.poll_event() else {
        panic!("no question")
    };
    let allow = Decision::Allow(Security::ENCRYPTED.into());
    stream.handle_decision(origin(), query, &allow);
    let Some(Event::Authenticate { query, .. }) = stream.poll_event() else {
        panic!("no question")
    };
    stream.dismiss(origin(), Farewell::Shutdown);
    let trusted = Verdict::Trusted {
        matched_by: "b.example".into(),
        expires_in: Some(Duration::from_secs(1)),
    };
    stream.handle_verdict(origin(), query, &trusted);
    let mut host = Host::new(stream);
    let sent = host.sent();
    assert!(sent.ends_with("</stream:error></stream:stream>"), "{sent}");
    assert_eq!(sent.matches("<stream:stream ").count(), 1);
    // The peer's own end is read at once.
    host.feed("</stream:stream>");
    assert_eq!(host.events(), ["closed: closed: this server stops"]);
}

#[test]
fn the_first_certificate_to_expire_ends_the_stream() {
    let mut host = Host::authenticated(HEADER);
    host.stream.handle_input(
        host.now,
        b"<db:result from='d.example' to='a.example'>k</db:result>",
    );
    let Some(Event::Authorize { query, .. }) = host.stream.poll_event() else {
        panic!("no question")
    };
    let allow = Decision::Allow(Security::ENCRYPTED.into());
    host.stream.handle_decision(host.now, query, &allow);
    let Some(Event::Authenticate { query, .. }) = host.stream.poll_event() else {
        panic!("no question")
    };
    let trusted = |seconds| Verdict::Trusted {
        matched_by: "d.example".into(),
        expires_in: Some(Duration::from_secs(seconds)),
    };
    host.stream.handle_verdict(host.now, query, &trusted(60));
    host.settle();
    host.stream.handle_input(
        host.now,
        b"<db:result from='e.example' to='a.example'>k</db:result>",
    );
    let Some(Event::Authorize { query, .. }) = host.stream.poll_event() else {
        panic!("no question")
    };
    host.stream.handle_decision(host.now, query, &allow);
    let Some(Event::Authenticate { query, .. }) = host.stream.poll_event() else {
        panic!("no question")
    };
    host.stream.handle_verdict(host.now, query, &trusted(600));
    host.settle();
    host.events();
    host.pass(Duration::from_secs(60));
    assert_eq!(
        host.events(),
        ["closed: the peer's certificate has expired"]
    );
}
