//! The side that waits for a peer.

use super::*;

#[test]
fn required_tls_is_offered_alone() {
    let mut host = Host::receiving(config());
    host.feed(HEADER);
    assert_eq!(
        host.sent(),
        response(" to='b.example'") + &features(REQUIRED)
    );
    host.feed(STARTTLS);
    assert_eq!(
        host.sent(),
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    );
    assert_eq!(host.events(), ["StartTls"]);
    assert!(!host.stream.wants_input());
}

#[test]
fn a_trusted_certificate_is_offered_external_and_authorises_its_pair() {
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    assert_eq!(
        host.sent(),
        response(" to='b.example'") + &offered(&format!("{EXTERNAL}{DIALBACK}"))
    );
    host.feed(AUTH);
    assert_eq!(
        host.sent(),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
    );
    host.feed(HEADER);
    assert_eq!(
        host.sent(),
        response(" to='b.example'") + &offered(DIALBACK)
    );
    host.feed(MESSAGE);
    assert_eq!(
        host.events(),
        [
            "authorized a.example with b.example by certificate",
            "message from x@b.example to y@a.example by certificate"
        ]
    );
    assert_eq!(host.sent(), "");
}

#[test]
fn external_takes_the_header_s_domain_and_nothing_else_as_identity() {
    for (content, answer) in [
        ("", "<success"),
        ("=", "<success"),
        ("Yi5leGFtcGxl", "<success"),
        ("Qi5FeGFtcGxl", "<success"),
        (
            "Yy5leGFtcGxl",
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-authzid/>",
        ),
        (
            "eEBiLmV4YW1wbGU=",
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-authzid/>",
        ),
        (
            "/w==",
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-authzid/>",
        ),
        (
            "b.example",
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><incorrect-encoding/>",
        ),
    ] {
        let mut host = Host::receiving(config()).secured(Some("b.example"));
        host.sent();
        host.feed(AUTH.replace("Yi5leGFtcGxl", content));
        let sent = host.sent();
        assert!(sent.starts_with(answer), "{content}: {sent}");
        assert_eq!(
            host.events().len(),
            usize::from(answer == "<success"),
            "{content}"
        );
    }
}

#[test]
fn external_succeeds_only_where_it_was_offered() {
    let mut untrusted = Host::receiving(config()).secured(None);
    assert_eq!(
        untrusted.sent(),
        response(" to='b.example'") + &offered(DIALBACK)
    );
    let mut off = Config {
        external_inbound: Switch::Off,
        ..config()
    };
    off.limits.max_auth_attempts = 2;
    let mut switched_off = Host::receiving(off).secured(Some("b.example"));
    switched_off.sent();
    let plain_config = with_security(Security {
        tls: TlsMode::Optional,
        certificate: CertificateRule::Optional,
    });
    let mut plain = Host::receiving(plain_config.clone());
    plain.decision = Decision::Allow(plain_config.security.into());
    plain.feed(HEADER);
    plain.sent();
    let failure = |condition: &str| {
        format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>")
    };
    assert_eq!(untrusted.feed(AUTH).sent(), failure("invalid-mechanism"));
    assert_eq!(switched_off.feed(AUTH).sent(), failure("invalid-mechanism"));
    assert_eq!(plain.feed(AUTH).sent(), failure("encryption-required"));
    switched_off.feed(AUTH);
    assert_eq!(switched_off.rejection(), Rejection::TooManyAttempts);
}

#[test]
fn the_header_behind_external_keeps_the_pair() {
    for (from, to, good) in [
        ("b.example", "a.example", true),
        ("B.example", "a.example", true),
        ("c.test", "a.example", false),
        ("b.example", "c.example", false),
    ] {
        let mut host = Host::receiving(config()).secured(Some("b.example"));
        host.feed(AUTH);
        host.events();
        let header = HEADER
            .replace("from='b.example'", &format!("from='{from}'"))
            .replace("to='a.example'", &format!("to='{to}'"));
        host.feed(header);
        if good {
            assert_eq!(host.events(), [""; 0]);
        } else {
            assert_eq!(host.rejection(), Rejection::WrongPeer);
        }
    }
}

#[test]
fn a_bad_header_gets_its_stream_error_inside_a_stream() {
    for (old, new, rejection, condition) in bad_headers() {
        let mut host = Host::receiving(config());
        host.feed(HEADER.replacen(old, new, 1));
        assert_eq!(host.rejection(), rejection, "{new}");
        let sent = host.sent();
        assert!(
            sent.starts_with("<?xml version='1.0'?><stream:stream "),
            "{new}: {sent}"
        );
        let error =
            format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
        assert!(sent.contains(&error), "{new}: {sent}");
        assert!(
            sent.ends_with("</text></stream:error></stream:stream>"),
            "{new}: {sent}"
        );
        assert!(host.stream.is_closed());
    }
}

#[test]
fn clear_text_behind_starttls_is_never_read() {
    for behind in [HEADER, MESSAGE, " ", "\u{16}"] {
        let mut host = Host::receiving(config());
        host.feed(format!("{HEADER}{STARTTLS}{behind}"));
        assert_eq!(host.rejection(), Rejection::DataBeforeTls);
        assert_eq!(host.events(), [""; 0], "no handshake, no stanza");
        assert!(!host.sent().contains("<proceed"));

        let mut host = Host::receiving(config());
        host.feed(format!("{HEADER}{STARTTLS}"));
        host.sent();
        host.feed(behind);
        assert_eq!(host.rejection(), Rejection::DataBeforeTls);
        assert_eq!(host.events(), ["StartTls"]);
        assert_eq!(host.sent(), "");
    }
}

#[test]
fn what_came_before_tls_is_forgotten() {
    let mut host = Host::receiving(config());
    host.certified = Some("d.example");
    host.feed(HEADER).feed(STARTTLS);
    host.events();
    host.tls(PeerCertificate::Presented)
        .feed(HEADER.replace("b.example", "d.example"))
        .feed(AUTH.replace("Yi5leGFtcGxl", "="));
    assert_eq!(
        host.events(),
        ["authorized a.example with d.example by certificate"]
    );
}

#[test]
fn nothing_but_starttls_passes_where_tls_is_required() {
    for element in [MESSAGE, KEY, AUTH, "<x xmlns='urn:x'/>"] {
        let mut host = Host::receiving(config());
        host.feed(HEADER).feed(element);
        assert_eq!(host.rejection(), Rejection::TlsRequired, "{element}");
        assert_eq!(host.events(), [""; 0], "{element}");
    }
}

#[test]
fn an_untrusted_certificate_is_refused_with_the_reason_where_one_is_required() {
    let mut host = Host::receiving(config());
    host.decision = Decision::Allow(Security::CERTIFIED.into());
    let mut host = host.secured(None);
    let reason: Box<str> = "the certificate names someone else".into();
    let refusal = Refusal::CertificateUntrusted;
    assert_eq!(host.rejection(), Rejection::Refused { refusal, reason });
    assert_eq!(
        host.sent(),
        response(" to='b.example'")
            + "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
               <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>a certificate is \
               required and the one presented does not prove the domain: the certificate names \
               someone else</text></stream:error></stream:stream>"
    );
}

#[test]
fn a_denied_domain_is_told_before_tls() {
    let mut host = Host::receiving(config());
    host.decision = Decision::Deny;
    host.feed(HEADER);
    assert_eq!(host.rejection(), Rejection::Denied);
    assert!(host.sent().contains("<policy-violation "));
}

#[test]
fn no_stanza_before_its_pair_is_proved() {
    let reason = |from: &str, to: &str, local: &str| {
        let mut host = Host::authenticated(HEADER);
        host.feed(format!("<message from='{from}' to='{to}'/>"));
        let rejection = host.rejection();
        assert_eq!(host.events(), [""; 0], "{local}");
        (rejection.clone(), rejection.condition().name())
    };
    assert_eq!(
        reason("x@d.example", "y@a.example", "another sender"),
        (Rejection::InvalidFrom, "invalid-from")
    );
    assert_eq!(
        reason("x@b.example", "y@c.example", "another domain of ours"),
        (Rejection::PairNotAuthorized, "not-authorized")
    );
    assert_eq!(
        reason("x@b.example", "y@z.example", "not ours"),
        (Rejection::HostUnknown("z.example".into()), "host-unknown")
    );
    assert_eq!(
        reason("x@b.example", "@", "malformed").1,
        "improper-addressing"
    );
    assert_eq!(
        reason("x@", "y@a.example", "malformed").1,
        "improper-addressing"
    );

    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(MESSAGE);
    assert_eq!(host.rejection(), Rejection::NotAuthorized);
    assert_eq!(host.events(), [""; 0]);
}

#[test]
fn elements_that_are_no_stanzas_get_their_stream_error() {
    for (element, proved, condition) in [
        ("<x xmlns='urn:x'/>", true, "unsupported-stanza-type"),
        ("<x xmlns='urn:x'/>", false, "not-authorized"),
        (
            "<post from='x@b.example' to='y@a.example'/>",
            true,
            "unsupported-stanza-type",
        ),
        (
            "<message xmlns='jabber:client'/>",
            true,
            "invalid-namespace",
        ),
        ("<stream:features/>", true, "invalid-xml"),
        ("text", true, "bad-format"),
        ("<message/>", true, "improper-addressing"),
        (STARTTLS, true, "invalid-xml"),
        ("<message", true, ""),
    ] {
        let mut host = Host::receiving(config()).secured(Some("b.example"));
        if proved {
            host.feed(AUTH).feed(HEADER);
        }
        host.events();
        host.feed(element);
        if condition.is_empty() {
            assert_eq!(host.events(), [""; 0]);
        } else {
            assert_eq!(host.rejection().condition().name(), condition, "{element}");
        }
    }
}

/// XEP-0138
#[test]
fn compression_is_neither_offered_nor_taken() {
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(AUTH).feed(HEADER);
    assert!(!host.sent().contains("compress"));
    host.events();
    host.feed(
        "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
    );
    assert_eq!(
        host.rejection().condition().name(),
        "unsupported-stanza-type"
    );
}

/// What stands in a good header, what a bad one has in its place, and what follows.
fn bad_headers() -> Vec<(&'static str, &'static str, Rejection, &'static str)> {
    let address = Rejection::Address;
    vec![
        (
            "to='a.example' ",
            "",
            address(AddressError::Missing("to")),
            "improper-addressing",
        ),
        (
            "to='a.example'",
            "to='a..example'",
            address(AddressError::Malformed(
                "to",
                crate::JidError::Domain(comity_identity::ParseError::EmptyLabel),
            )),
            "improper-addressing",
        ),
        (
            "from='b.example'",
            "from='b@b.example'",
            address(AddressError::Malformed(
                "from",
                crate::JidError::Domain(comity_identity::ParseError::Character('@')),
            )),
            "improper-addressing",
        ),
        (
            "to='a.example'",
            "to='z.example'",
            Rejection::HostUnknown("z.example".into()),
            "host-unknown",
        ),
        (
            "from='b.example'",
            "from='c.example'",
            Rejection::LocalFrom,
            "not-authorized",
        ),
        (
            "version='1.0'",
            "version='2.0'",
            Rejection::Version,
            "unsupported-version",
        ),
        (
            "version='1.0'",
            "",
            Rejection::Version,
            "unsupported-version",
        ),
        (
            "version='1.0'",
            "version='x'",
            Rejection::Version,
            "unsupported-version",
        ),
        (
            "'jabber:server'",
            "'jabber:client'",
            Rejection::ContentNamespace,
            "invalid-namespace",
        ),
        (
            "http://etherx.jabber.org/streams",
            "urn:x",
            Rejection::StreamNamespace,
            "invalid-namespace",
        ),
        (
            "<stream:stream",
            "<stream:strom",
            Rejection::StreamNamespace,
            "invalid-namespace",
        ),
        (
            "<stream:stream",
            "<!-- --><stream:stream",
            ParseError::Comment.into(),
            "restricted-xml",
        ),
        (
            "<stream:stream",
            "<x:stream",
            ParseError::UndeclaredPrefix.into(),
            "not-well-formed",
        ),
        (
            "<stream:stream",
            "\u{b}",
            ParseError::IllegalCharacter('\u{b}').into(),
            "not-well-formed",
        ),
        (
            "<stream:stream",
            "<?xml version='1.0' encoding='latin1'?><stream:stream",
            ParseError::Encoding.into(),
            "unsupported-encoding",
        ),
    ]
}

#[test]
fn one_user_s_malformed_address_does_not_end_the_stream() {
    let mut host = Host::authenticated(HEADER);
    for (from, to, reason) in [
        (
            "x@b.example/\u{7f}",
            "y@a.example",
            "a malformed 'from' address: the resourcepart is not an opaque string",
        ),
        (
            "a b@b.example",
            "y@a.example",
            "a malformed 'from' address: the localpart is not a user name",
        ),
    ] {
        host.feed(format!("<message from=\"{from}\" to=\"{to}\"/>"));
        assert_eq!(host.events(), [format!("dropped: {reason}")]);
    }
    // Where the sender is known, it is told.
    host.feed("<message from='x@b.example' to='y&apos;@a.example' id='7'/>");
    assert_eq!(
        host.events(),
        [
            "dropped: a malformed 'to' address: the localpart is not a user name",
            "answer message (error) from a.example to x@b.example"
        ]
    );
    host.feed("<iq type='result' from='x@b.example' to='y&apos;@a.example' id='7'/>");
    assert_eq!(
        host.events(),
        ["dropped: a malformed 'to' address: the localpart is not a user name"]
    );
    host.feed(MESSAGE);
    assert_eq!(host.events().len(), 1);
    host.feed("<message from='x@d.example' to='y&apos;@a.example'/>");
    assert_eq!(host.rejection(), Rejection::InvalidFrom);
}

#[test]
fn a_header_without_prefix_leaves_the_content_namespace_to_the_stanzas() {
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(AUTH);
    host.feed(
        "<stream xmlns='http://etherx.jabber.org/streams' xmlns:x='urn:x' from='b.example' \
         to='a.example' version='1.0'>",
    );
    host.events();
    host.sent();
    host.feed(
        "<message xmlns='jabber:server' from='x@b.example' to='y@a.example'><x:y/></message>",
    );
    let Some(Event::Stanza { stanza, .. }) = host.events.pop() else {
        panic!("no stanza")
    };
    let mut forwarded = String::new();
    stanza.write(&mut forwarded);
    assert_eq!(
        forwarded,
        "<message xmlns:x='urn:x' xmlns='jabber:server' from='x@b.example' to='y@a.example'>\
         <x:y/></message>"
    );
    assert!(stanza.element().child("urn:x", "y").is_some());
}

#[test]
fn a_forwarded_stanza_keeps_its_bytes_and_what_its_header_declared() {
    let header = HEADER.replace("version", "xmlns:x='urn:x' xmlns:y='urn:y' version");
    let mut host = Host::authenticated(&header);
    let source = "<message  from='x@b.example' to = 'y@a.example' xmlns:y='urn:z'\t><x:a y:b='&#9;'/>\
                  <db:c/></message>";
    host.feed(source);
    let Some(Event::Stanza { stanza, .. }) = host.events.pop() else {
        panic!("no stanza")
    };
    let mut forwarded = String::new();
    stanza.write(&mut forwarded);
    assert_eq!(
        forwarded,
        source.replacen("<message", "<message xmlns:x='urn:x'", 1)
    );
    let limits = crate::xml::Limits::default();
    let outer =
        format!("<s xmlns='jabber:server' xmlns:db='jabber:server:dialback'>{forwarded}</s>");
    let read = crate::xml::Element::parse(outer.as_bytes(), limits).unwrap();
    assert_eq!(read.children().next(), Some(&stanza.element()));
}

#[test]
fn a_prefix_on_the_content_namespace_is_refused() {
    let mut host = Host::authenticated(HEADER);
    host.feed("<x:message xmlns:x='jabber:server' from='x@b.example' to='y@a.example'/>");
    let rejection = host.rejection();
    assert_eq!(rejection, Rejection::PrefixedStanza);
    assert_eq!(rejection.condition().name(), "bad-namespace-prefix");
}

#[test]
fn a_server_without_tls_says_so_and_ends_the_stream() {
    let disabled = with_security(Security {
        tls: TlsMode::Disabled,
        certificate: CertificateRule::Optional,
    });
    let mut host = Host::receiving(disabled.clone());
    host.decision = Decision::Allow(disabled.security.into());
    host.feed(HEADER);
    host.sent();
    host.feed(STARTTLS);
    assert_eq!(
        host.sent(),
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"
    );
    host.feed("</stream:stream>");
    assert_eq!(
        host.events(),
        ["closed: the peer requires TLS, which is off here"]
    );
}

#[test]
fn the_language_of_the_header_is_that_of_stanzas_without_one() {
    let header = HEADER.replace("version", "xml:lang='de' version");
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(AUTH).feed(header);
    for (own, lang) in [("", "de"), (" xml:lang='fr'", "fr")] {
        host.events();
        host.feed(MESSAGE.replace("<message", &format!("<message{own}")));
        let Some(Event::Stanza { stanza, .. }) = host.events.pop() else {
            panic!("no stanza")
        };
        assert_eq!(stanza.element().lang(), Some(lang));
        let mut forwarded = String::new();
        stanza.write(&mut forwarded);
        let start = format!("<message xml:lang='{lang}' from='x@b.example' ");
        assert!(forwarded.starts_with(&start), "{forwarded}");
    }
}
