use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_testkit::{cut, origin};

use super::*;
use crate::decision::Refusal;
use crate::xml::{Limit, ParseError};
use crate::{
    AddressError, CertificateRule, DialbackSecret, Security, StanzaCondition, StanzaKind, TlsMode,
};

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' from='b.example' to='a.example' version='1.0'>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const AUTH: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>Yi5leGFtcGxl</auth>";
const MESSAGE: &str = "<message from='x@b.example' to='y@a.example'><body>hi</body></message>";
const KEY: &str = "<db:result from='b.example' to='a.example'>key</db:result>";

/// A stream with a composer that answers at once, and a record of what came out.
struct Host {
    stream: Stream,
    now: Instant,
    sent: Vec<u8>,
    /// Events that are not answered here.
    events: Vec<Event>,
    decision: Decision,
    /// The domain that the peer's certificate proves.
    certified: Option<&'static str>,
}

impl Host {
    fn new(stream: Stream) -> Self {
        let mut host = Self {
            stream,
            now: origin(),
            sent: Vec::new(),
            events: Vec::new(),
            decision: Decision::Allow(Security::ENCRYPTED),
            certified: None,
        };
        host.settle();
        host
    }

    /// `a.example`, which takes connections.
    fn receiving(config: Config) -> Self {
        Self::new(Stream::receive(origin(), config, [1; 32]))
    }

    /// `a.example`, which connects to `b.example`.
    fn initiating(config: Config, purpose: Purpose) -> Self {
        Self::new(Stream::initiate(origin(), config, pair(), purpose, [1; 32]))
    }

    fn feed(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.handle_input(self.now, bytes.as_ref());
        self.settle();
        self
    }

    fn tls(&mut self, certificate: PeerCertificate) -> &mut Self {
        self.stream.handle_tls_established(self.now, certificate);
        self.settle();
        self
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.stream.handle_timeout(self.now);
        assert!(
            self.stream
                .poll_timeout()
                .is_none_or(|next| next > self.now)
        );
        self.settle();
        self
    }

    fn settle(&mut self) {
        loop {
            while self.stream.poll_transmit(&mut self.sent).is_some() {}
            let Some(event) = self.stream.poll_event() else {
                return;
            };
            match event {
                Event::Authorize { query, .. } => {
                    let decision = self.decision.clone();
                    self.stream.handle_decision(self.now, query, &decision);
                }
                Event::Authenticate { query, domain } => {
                    let verdict = if self.certified == Some(domain.as_str()) {
                        Verdict::Trusted {
                            matched_by: domain.as_str().into(),
                        }
                    } else {
                        Verdict::Untrusted {
                            reason: "the certificate names someone else".into(),
                        }
                    };
                    self.stream.handle_verdict(self.now, query, &verdict);
                }
                event => self.events.push(event),
            }
        }
    }

    /// What was sent since the last call, the stream's id written as `ID`.
    fn sent(&mut self) -> String {
        let mut text = String::from_utf8(std::mem::take(&mut self.sent)).unwrap();
        let mut from = 0;
        while let Some(start) = text[from..]
            .find(" id='")
            .map(|at| from + at + " id='".len())
        {
            let end = start + text[start..].find('\'').unwrap();
            if end - start == 32 {
                text.replace_range(start..end, "ID");
            }
            from = start;
        }
        text
    }

    fn events(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut self.events);
        events.iter().map(describe).collect()
    }

    fn rejection(&mut self) -> Rejection {
        match self.events.pop() {
            Some(Event::Closed(CloseReason::Rejected(rejection))) => rejection,
            other => panic!("not rejected: {other:?}"),
        }
    }

    /// Brings a receiving stream behind TLS, up to its features.
    fn secured(mut self, certified: Option<&'static str>) -> Self {
        self.certified = certified;
        self.feed(HEADER).feed(STARTTLS);
        assert_eq!(self.events(), ["StartTls"]);
        self.sent();
        self.tls(PeerCertificate::Presented).feed(HEADER);
        self
    }
}

/// The event in few words.
fn describe(event: &Event) -> String {
    match event {
        Event::Authorized(authorized) => {
            format!(
                "authorized {} by {}",
                authorized.pair(),
                authorized.method()
            )
        }
        Event::Established { pair, method } => format!("established {pair} by {method}"),
        Event::Stanza { stanza, method } => format!("{stanza} by {method}"),
        Event::Verify { request, .. } => format!("verify {} {}", request.pair, request.key),
        Event::Verified {
            request,
            verification,
        } => {
            let outcome = match verification {
                Verification::Valid(_) => "valid".to_owned(),
                Verification::Invalid => "invalid".to_owned(),
                Verification::Failed(condition) => condition.to_string(),
            };
            format!("verified {} {}: {outcome}", request.pair, request.key)
        }
        Event::Closed(reason) => format!("closed: {reason}"),
        other => format!("{other:?}"),
    }
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn pair() -> Pair {
    Pair {
        local: name("a.example"),
        remote: name("b.example"),
    }
}

fn config() -> Config {
    Config {
        domains: Arc::new([name("a.example"), name("c.example")].into()),
        dialback: Some(DialbackSecret::new(b"secret")),
        ..Config::default()
    }
}

fn with_security(security: Security) -> Config {
    Config {
        security,
        ..config()
    }
}

fn features(content: &str) -> String {
    format!("<stream:features>{content}</stream:features>")
}

/// Our header as the receiving side.
fn response(to: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
         xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
         from='a.example'{to} id='ID' version='1.0' xml:lang='en'>"
    )
}

const EXTERNAL: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
     <mechanism>EXTERNAL</mechanism></mechanisms>";
const DIALBACK: &str = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>";
const REQUIRED: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";

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
        response(" to='b.example'") + &features(&format!("{EXTERNAL}{DIALBACK}"))
    );
    host.feed(AUTH);
    assert_eq!(
        host.sent(),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
    );
    host.feed(HEADER);
    assert_eq!(
        host.sent(),
        response(" to='b.example'") + &features(DIALBACK)
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
        response(" to='b.example'") + &features(DIALBACK)
    );
    let mut off = Config {
        external_inbound: External::Off,
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
    plain.decision = Decision::Allow(plain_config.security);
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
    let address = |error| Rejection::Address(error);
    for (old, new, rejection, condition) in [
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
    ] {
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
    host.decision = Decision::Allow(Security::CERTIFIED);
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
        let mut host = Host::receiving(config()).secured(Some("b.example"));
        host.feed(AUTH).feed(HEADER);
        host.events();
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
    let proof = DialbackProof::new(request.pair.clone(), request.id.clone());
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
    let mut denied = Host::receiving(config()).secured(None);
    denied.sent();
    denied.decision = Decision::Deny;
    denied.feed(KEY);
    assert_eq!(denied.sent(), error("policy-violation"));
    let mut certified = Host::receiving(config()).secured(None);
    certified.sent();
    certified.decision = Decision::Allow(Security::CERTIFIED);
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
    assert_eq!(host.stream.send(&stanza), Err(SendError::NotEstablished));
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

/// Brings an initiating stream behind TLS, up to the peer's features.
fn connected(config: Config, purpose: Purpose, offer: &str) -> Host {
    let mut host = Host::initiating(config, purpose);
    host.certified = Some("b.example");
    host.feed(HEADER.replace("version", "id='1' version"))
        .feed(features(REQUIRED))
        .feed("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(host.events(), ["StartTls"]);
    host.tls(PeerCertificate::Presented);
    host.sent();
    host.feed(HEADER.replace("version", "id='2' version"))
        .feed(features(offer));
    host
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
    assert_eq!(host.stream.send(&stanza("y@a.example")), Ok(()));
    assert_eq!(
        host.stream.send(&stanza("y@c.example")),
        Err(SendError::OtherPair)
    );
    host.settle();
    assert_eq!(
        host.sent(),
        "<message from='y@a.example' to='x@b.example'/>"
    );
    host.feed(MESSAGE);
    assert_eq!(host.rejection(), Rejection::WrongDirection);
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
        ("type='invalid'/>", "Refused(Invalid)"),
        (
            "type='error'><error type='cancel'><item-not-found \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
            "Refused(Error(ItemNotFound))",
        ),
        ("type='error'/>", "Refused(Error(UndefinedCondition))"),
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
        ("version='1.0'", "version='0.9'", Rejection::Version),
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

#[test]
fn a_verification_stream_asks_and_matches_its_answers() {
    let mut host = Host::initiating(config(), Purpose::Verification);
    let request = |key: &str, id: &str| VerifyRequest {
        pair: pair(),
        id: id.into(),
        key: key.into(),
    };
    assert_eq!(host.stream.verify(request("k1", "i1")), Ok(()));
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
    assert_eq!(host.stream.verify(request("k2", "i2")), Ok(()));
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

    let mut idle = Host::receiving(config()).secured(Some("b.example"));
    idle.feed(AUTH).feed(HEADER);
    idle.events();
    idle.sent();
    idle.pass(limits.idle_timeout - Duration::from_secs(1));
    idle.feed(" ");
    idle.pass(limits.idle_timeout - Duration::from_secs(1));
    assert_eq!(idle.events(), [""; 0]);
    idle.pass(Duration::from_secs(1));
    assert_eq!(idle.events(), ["closed: idle"]);
    assert_eq!(idle.sent(), "</stream:stream>");
}

#[test]
fn closing_waits_for_the_peer_and_still_takes_stanzas() {
    let mut host = Host::receiving(config()).secured(Some("b.example"));
    host.feed(AUTH).feed(HEADER);
    host.events();
    host.sent();
    host.stream.close(host.now);
    host.feed(MESSAGE).feed(KEY);
    assert_eq!(host.sent(), "</stream:stream>");
    assert_eq!(
        host.events(),
        ["message from x@b.example to y@a.example by certificate"]
    );
    host.feed("</stream:stream>");
    assert_eq!(host.events(), ["closed: closed"]);

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
        let allow = Decision::Allow(Security::ENCRYPTED);
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
