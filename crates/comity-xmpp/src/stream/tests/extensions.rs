//! Direct TLS, limits, keep-alive, expiry, further pairs, and peers of other times.

use super::*;
use crate::{Authzid, Profile, Terms, Transport};

const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

fn over_tls() -> Config {
    Config {
        transport: Transport::DirectTls,
        ..config()
    }
}

/// A stream of ours that carries its pair, with the peer's last features.
pub(super) fn established(config: Config, last: &str) -> Host {
    let mut host = connected(config, Purpose::Stanzas, &format!("{EXTERNAL}{DIALBACK}"));
    host.feed(SUCCESS)
        .feed(HEADER.replace("version", "id='3' version"))
        .feed(features(last));
    assert_eq!(
        host.events(),
        ["established a.example with b.example by certificate"]
    );
    host.sent();
    host
}

fn message_of(len: usize) -> Stanza {
    let message = Stanza::new(
        StanzaKind::Message,
        "y@a.example".parse().unwrap(),
        "x@b.example".parse().unwrap(),
    );
    let bare = "<message from='y@a.example' to='x@b.example' id=''/>".len();
    message.with_id(&"x".repeat(len - bare))
}

#[test]
fn direct_tls_comes_before_the_header_on_both_sides() {
    let mut receiving = Host::receiving(over_tls());
    assert_eq!(receiving.events(), ["StartTls"]);
    assert!(!receiving.stream.wants_input());
    receiving.certified = Some("b.example");
    receiving.tls(PeerCertificate::Presented).feed(HEADER);
    assert_eq!(
        receiving.sent(),
        response(" to='b.example'") + &offered(&format!("{EXTERNAL}{DIALBACK}"))
    );
    receiving.feed(STARTTLS);
    assert_eq!(receiving.rejection(), Rejection::UnexpectedElement);

    let mut initiating = Host::initiating(over_tls(), Purpose::Stanzas);
    assert_eq!(initiating.events(), ["StartTls"]);
    assert_eq!(initiating.sent(), "");
    initiating.certified = Some("b.example");
    initiating.tls(PeerCertificate::Presented);
    assert!(initiating.sent().starts_with("<?xml version='1.0'?>"));
    initiating
        .feed(HEADER.replace("version", "id='1' version"))
        .feed(features(EXTERNAL));
    assert_eq!(
        initiating.sent(),
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>YS5leGFtcGxl</auth>"
    );
}

#[test]
fn clear_text_where_tls_comes_first_is_never_read() {
    let mut host = Host::receiving(over_tls());
    host.feed(HEADER);
    assert_eq!(host.rejection(), Rejection::DataBeforeTls);
    assert_eq!(host.sent(), "");

    let mut silent = Host::receiving(over_tls());
    silent.pass(Limits::default().tls_timeout);
    assert_eq!(
        silent.events(),
        ["StartTls", "closed: the TLS handshake took too long"]
    );
}

#[test]
fn what_the_peer_would_not_take_is_not_sent() {
    let mut host = established(
        config(),
        "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>100</max-bytes></limits>",
    );
    assert_eq!(
        host.stream.send(host.now, &message_of(101)),
        Err(SendError::TooLong(100))
    );
    host.settle();
    assert_eq!(host.sent(), "");
    assert_eq!(host.stream.send(host.now, &message_of(100)), Ok(()));
    host.settle();
    assert_eq!(host.sent().len(), 100);
}

#[test]
fn the_limits_in_a_request_for_both_ways_hold_for_what_we_send() {
    let mut both = config();
    both.bidi = Switch::On;
    let mut host = Host::receiving(both).secured(Some("b.example"));
    host.feed(
        "<bidi xmlns='urn:xmpp:bidi'><limits xmlns='urn:xmpp:stream-limits:0'>\
         <max-bytes>100</max-bytes><idle-seconds>x</idle-seconds></limits></bidi>",
    )
    .feed(AUTH)
    .feed(HEADER);
    assert_eq!(
        host.stream.send(host.now, &message_of(101)),
        Err(SendError::TooLong(100))
    );
}

#[test]
fn a_quiet_stream_of_ours_is_kept_alive_and_closed_when_nobody_uses_it() {
    let limits = Limits::default();
    let mut host = established(config(), "");
    let mut spaces = 0;
    for _ in 0..11 {
        host.pass(limits.keep_alive);
        assert_eq!(host.sent(), " ");
        spaces += 1;
        // What keeps a connection alive does not keep a stream in use.
        host.feed(" ");
    }
    assert_eq!(limits.keep_alive * (spaces + 1), limits.idle_timeout);
    host.pass(limits.keep_alive);
    assert!(host.sent().ends_with("</stream:stream>"));
    host.feed("</stream:stream>");
    assert_eq!(host.events(), ["closed: idle"]);
}

#[test]
fn a_peer_that_allows_little_silence_hears_from_us_in_half_the_time() {
    let mut host = established(
        config(),
        "<limits xmlns='urn:xmpp:stream-limits:0'><idle-seconds>60</idle-seconds></limits>",
    );
    host.pass(Duration::from_secs(29));
    assert_eq!(host.sent(), "");
    host.pass(Duration::from_secs(1));
    assert_eq!(host.sent(), " ");
    assert_eq!(host.stream.send(host.now, &message_of(100)), Ok(()));
    host.settle();
    host.sent();
    host.pass(Duration::from_secs(29));
    assert_eq!(host.sent(), "");
}

#[test]
fn a_stream_ends_with_the_certificate_that_it_relies_on() {
    let mut stream = Stream::receive(origin(), over_tls(), [1; 32]);
    assert!(matches!(stream.poll_event(), Some(Event::StartTls)));
    stream.handle_tls_established(origin(), PeerCertificate::Presented);
    stream.handle_input(origin(), HEADER.as_bytes());
    let Some(Event::Authorize { query, .. }) = stream.poll_event() else {
        panic!("no question")
    };
    let allow = Decision::Allow(Security::CERTIFIED.into());
    stream.handle_decision(origin(), query, &allow);
    let Some(Event::Authenticate { query, .. }) = stream.poll_event() else {
        panic!("no question")
    };
    let verdict = Verdict::Trusted {
        matched_by: "b.example".into(),
        expires_in: Some(Duration::from_secs(600)),
    };
    stream.handle_verdict(origin(), query, &verdict);
    let mut host = Host::new(stream);
    host.feed(AUTH).feed(HEADER).feed(MESSAGE);
    host.events();
    host.sent();
    host.pass(Duration::from_secs(599));
    assert_eq!(host.events(), [""; 0]);
    host.pass(Duration::from_secs(1));
    assert_eq!(
        host.events(),
        ["closed: the peer's certificate has expired"]
    );
    assert_eq!(
        host.sent(),
        "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text \
         xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>the peer&apos;s certificate has \
         expired</text></stream:error></stream:stream>"
    );
}

#[test]
fn another_pair_rides_along_where_the_certificate_names_its_domain() {
    let other = |local: &str, remote: &str| Pair {
        local: name(local),
        remote: name(remote),
    };
    let key_of = |pair: &Pair| DialbackSecret::new(b"secret").key(&pair.remote, &pair.local, "3");
    let mut host = established(config(), DIALBACK);
    let sender = other("c.example", "b.example");
    let terms = Terms::from(Security::CERTIFIED);
    assert_eq!(host.stream.add_pair(host.now, &sender, terms), Ok(()));
    host.settle();
    assert_eq!(
        host.sent(),
        format!(
            "<db:result from='c.example' to='b.example'>{}</db:result>",
            key_of(&sender)
        )
    );
    host.feed("<db:result from='b.example' to='c.example' type='valid'/>");
    assert_eq!(
        host.events(),
        ["established c.example with b.example by dialback"]
    );

    let target = other("a.example", "muc.b.example");
    assert_eq!(host.stream.add_pair(host.now, &target, terms), Ok(()));
    host.settle();
    assert_eq!(host.sent(), "");
    assert_eq!(
        host.events(),
        [
            "refused a.example with muc.b.example: the certificate does not prove the domain: the \
          certificate names someone else"
        ]
    );
    let terms = Terms::from(Security::ENCRYPTED);
    assert_eq!(host.stream.add_pair(host.now, &target, terms), Ok(()));
    host.settle();
    host.sent();
    host.feed(
        "<db:result from='muc.b.example' to='a.example' type='error'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
    );
    assert_eq!(
        host.events(),
        [
            "refused a.example with muc.b.example: the peer could not verify our dialback key: \
          item-not-found"
        ]
    );
    assert_eq!(host.sent(), "", "the stream goes on");
}

#[test]
fn another_target_needs_a_server_that_knows_dialback_errors() {
    let mut host = established(config(), "");
    let target = Pair {
        local: name("a.example"),
        remote: name("muc.b.example"),
    };
    let terms = Terms::from(Security::ENCRYPTED);
    assert_eq!(
        host.stream.add_pair(host.now, &target, terms),
        Err(SendError::OtherPair)
    );
}

#[test]
fn an_unsolicited_result_lets_nothing_through() {
    let mut host = established(config(), DIALBACK);
    host.feed("<db:result from='b.example' to='c.example' type='valid'/>");
    assert_eq!(host.events(), [""; 0]);
    let from_c = Stanza::new(
        StanzaKind::Message,
        "y@c.example".parse().unwrap(),
        "x@b.example".parse().unwrap(),
    );
    assert_eq!(
        host.stream.send(host.now, &from_c),
        Err(SendError::OtherPair)
    );
}

#[test]
fn the_profile_says_what_external_names() {
    let mut empty = config();
    empty.profile = Profile {
        authzid: Authzid::Empty,
        ..Profile::STANDARD
    };
    let mut host = connected(empty, Purpose::Stanzas, EXTERNAL);
    assert_eq!(
        host.sent(),
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>"
    );
    let mut webex = config();
    webex.profile = Profile::named("cisco-webex").unwrap();
    let mut host = connected(webex, Purpose::Stanzas, EXTERNAL);
    assert!(host.sent().starts_with("<db:result "));
}

const OLD_HEADER: &str = "<stream:stream xmlns='jabber:server' \
     xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
     from='b.example' to='a.example' id='old'>";

fn without_tls() -> Config {
    with_security(Security {
        tls: TlsMode::Optional,
        certificate: CertificateRule::Optional,
    })
}

#[test]
fn a_peer_without_a_version_gets_no_features_and_dialback() {
    let config = without_tls();
    let mut host = Host::receiving(config.clone());
    host.decision = Decision::Allow(config.security.into());
    host.feed(OLD_HEADER.replace(" id='old'", ""));
    assert_eq!(
        host.sent(),
        response(" to='b.example'").replace(" version='1.0' xml", " xml")
    );
    host.feed(KEY);
    let Some(Event::Verify { query, .. }) = host.events.pop() else {
        panic!("not asked")
    };
    // It knows no dialback errors.
    let failed = Verification::Failed(StanzaCondition::RemoteServerNotFound);
    host.stream.handle_verification(host.now, query, &failed);
    host.settle();
    assert_eq!(
        host.rejection(),
        Rejection::KeyNotVerified(StanzaCondition::RemoteServerNotFound)
    );
    assert!(host.sent().contains("<remote-connection-failed "));

    let mut strict = Host::receiving(self::config());
    strict.feed(OLD_HEADER);
    assert_eq!(strict.rejection(), Rejection::Version);
}

#[test]
fn a_server_without_a_version_gets_a_key_at_once() {
    let mut host = Host::initiating(without_tls(), Purpose::Stanzas);
    host.sent();
    host.feed(OLD_HEADER);
    let key = DialbackSecret::new(b"secret").key(&name("b.example"), &name("a.example"), "old");
    assert_eq!(
        host.sent(),
        format!("<db:result from='a.example' to='b.example'>{key}</db:result>")
    );
    host.feed("<db:result from='b.example' to='a.example' type='valid'/>");
    assert_eq!(
        host.events(),
        ["established a.example with b.example by dialback"]
    );

    let mut strict = Host::initiating(config(), Purpose::Stanzas);
    strict.feed(OLD_HEADER);
    assert_eq!(strict.rejection(), Rejection::Version);
}

#[test]
fn a_redirection_is_told_behind_tls() {
    let mut host = Host::receiving(config());
    host.decision = Decision::SeeOtherHost("[2001:db8::1]:9222".into());
    host.feed(HEADER);
    assert!(host.sent().contains("<starttls "), "not in clear text");
    host.feed(STARTTLS);
    host.events();
    host.sent();
    host.tls(PeerCertificate::Presented).feed(HEADER);
    assert_eq!(
        host.sent(),
        response(" to='b.example'")
            + "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>\
               [2001:db8::1]:9222</see-other-host><text \
               xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>the domain is served at \
               [2001:db8::1]:9222</text></stream:error></stream:stream>"
    );

    let mut client = Host::initiating(config(), Purpose::Stanzas);
    client
        .feed(HEADER.replace("version", "id='1' version"))
        .feed(
            "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>\n\
         [2001:db8::1]:9222\n</see-other-host></stream:error>",
        );
    let Some(Event::Closed(CloseReason::PeerError(error))) = client.events.pop() else {
        panic!("not closed")
    };
    assert_eq!(error.condition, StreamCondition::SeeOtherHost);
    assert_eq!(error.other_host.as_deref(), Some("[2001:db8::1]:9222"));
}

#[test]
fn what_went_wrong_before_explains_an_end_without_a_reason() {
    let mut host = connected(config(), Purpose::Stanzas, EXTERNAL);
    host.feed(
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><text>who's \
         there?</text></failure>",
    );
    host.feed(
        "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    );
    assert_eq!(
        host.events(),
        [
            "closed: the peer refused our certificate: not-authorized (who's there?); then: closed by \
          the peer: not-authorized"
        ]
    );

    let mut host = Host::initiating(config(), Purpose::Stanzas);
    host.feed(HEADER.replace("version", "id='1' version"))
        .feed(features(DIALBACK))
        .feed("</stream:stream>");
    assert_eq!(
        host.events(),
        ["closed: TLS is required, and the peer does not offer it; then: closed by the peer"]
    );
}

#[test]
fn a_peer_that_requires_tls_is_left_where_tls_is_off() {
    let disabled = Security {
        tls: TlsMode::Disabled,
        certificate: CertificateRule::Optional,
    };
    let mut host = Host::initiating(with_security(disabled), Purpose::Stanzas);
    host.feed(HEADER.replace("version", "id='1' version"))
        .feed(features(REQUIRED));
    assert_eq!(
        host.rejection(),
        Rejection::Refused {
            refusal: Refusal::TlsUnwanted,
            reason: "".into()
        }
    );
}

#[test]
fn a_pair_that_is_not_answered_for_is_given_up() {
    let mut host = established(config(), DIALBACK);
    let sender = Pair {
        local: name("c.example"),
        remote: name("b.example"),
    };
    let terms = Terms::from(Security::ENCRYPTED);
    assert_eq!(host.stream.add_pair(host.now, &sender, terms), Ok(()));
    assert_eq!(
        host.stream.add_pair(host.now, &sender, terms),
        Err(SendError::AlreadyAsked)
    );
    host.settle();
    host.pass(Limits::default().negotiation_timeout);
    let given_up = "refused c.example with b.example: the peer did not answer for our dialback key";
    assert_eq!(host.events(), [given_up]);
    host.feed("<db:result from='b.example' to='c.example' type='valid'/>");
    assert_eq!(host.events(), [""; 0]);
}
