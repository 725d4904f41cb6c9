use comity_identity::Severity;

use super::*;
use crate::StanzaCondition;
use crate::stream::Farewell;

const HEADER: &str = "<stream:stream xmlns='jabber:server' \
    xmlns:stream='http://etherx.jabber.org/streams' from='b.example' id='7' version='1.0'>";
const PLAIN: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>\
    <required/></starttls></stream:features>";
const SECURE: &str = "<stream:features>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>\
    <mechanism> OTHER </mechanism></mechanisms>\
    <dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>\
    <bidi xmlns='urn:xmpp:features:bidi'/><sm xmlns='urn:xmpp:sm:3'/>\
    <limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>262144</max-bytes>\
    <idle-seconds>600</idle-seconds></limits></stream:features>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

fn observed(plain: &str, secure: &str) -> Observer {
    let mut observer = Observer::default();
    observer.handle_input(plain.as_bytes());
    observer.handle_tls_established();
    observer.handle_input(secure.as_bytes());
    observer
}

fn found(plain: &str, secure: &str) -> Vec<(&'static str, Severity, String)> {
    let observer = observed(plain, secure);
    let findings = openings("b.example", Transport::Tcp, observer.openings()).into_iter();
    findings
        .map(|one| (one.id, one.severity, one.seen.into_owned()))
        .collect()
}

#[test]
fn ids_are_words_that_no_other_diagnosis_has() {
    assert_eq!(Diagnosis::misnamed(DIAGNOSES.iter().copied()), None);
}

#[test]
fn what_a_peer_says_of_itself_is_kept_however_it_is_cut() {
    let plain = format!("{HEADER}{PLAIN}");
    let secure = format!("{HEADER}{SECURE}{SUCCESS}{HEADER}<stream:features/>");
    let whole = observed(&plain, &secure);
    let [first, second, third] = whole.openings() else {
        panic!("{whole:?}");
    };
    assert_eq!(
        first.features,
        [Feature::Starttls, Feature::StarttlsRequired].into()
    );
    let header = second.header.as_ref().unwrap();
    assert_eq!(header.from.as_deref(), Some("b.example"));
    assert_eq!(header.id.as_deref(), Some("7"));
    assert_eq!(
        second.features,
        [
            Feature::Dialback,
            Feature::DialbackErrors,
            Feature::Bidi,
            Feature::Acknowledgements
        ]
        .into()
    );
    assert_eq!(second.mechanisms, ["EXTERNAL".into(), "OTHER".into()]);
    assert_eq!(
        (second.max_bytes, second.idle_seconds),
        (Some(262_144), Some(600))
    );
    assert!(third.has_features && third.features.is_empty());

    let mut bytewise = Observer::default();
    plain
        .bytes()
        .for_each(|byte| bytewise.handle_input(&[byte]));
    bytewise.handle_tls_established();
    secure
        .bytes()
        .for_each(|byte| bytewise.handle_input(&[byte]));
    assert_eq!(bytewise.openings(), whole.openings());
}

#[test]
fn what_cannot_be_read_ends_the_observation() {
    let mut observer = Observer::default();
    observer.handle_input(b"HTTP/1.1 400 Bad Request\r\n");
    observer.handle_input(HEADER.as_bytes());
    assert_eq!(observer.openings(), [Opening::default()]);
    for _ in 0..10 {
        observer.handle_tls_established();
    }
    assert_eq!(observer.openings().len(), Observer::MAX_OPENINGS);
    observer.handle_input(HEADER.as_bytes());
    assert_eq!(observer.openings().last(), Some(&Opening::default()));
}

#[test]
fn a_peer_that_offers_everything_has_no_findings() {
    assert_eq!(
        found(&format!("{HEADER}{PLAIN}"), &format!("{HEADER}{SECURE}")),
        []
    );
    assert_eq!(found("", ""), []);
}

#[test]
fn what_is_not_offered_is_noted() {
    let old = HEADER.replace(" version='1.0'", "");
    let optional = PLAIN.replace("<required/>", "");
    let small = "<stream:features><limits xmlns='urn:xmpp:stream-limits:0'>\
        <max-bytes>9999</max-bytes></limits></stream:features>";
    let note = |id, seen: &str| (id, Severity::Note, seen.to_owned());
    let warning = |id, seen: &str| (id, Severity::Warning, seen.to_owned());
    assert_eq!(
        found(&format!("{old}{optional}"), &format!("{HEADER}{small}")),
        [
            warning("xmpp-version", "the version in its stream header is none"),
            note(
                "xmpp-starttls-optional",
                "it offers STARTTLS and does not require it"
            ),
            note(
                "xmpp-external-not-offered",
                "it does not offer SASL EXTERNAL"
            ),
            note("xmpp-dialback-not-offered", "it does not offer dialback"),
            warning("xmpp-limit-small", "it takes stanzas of 9999 bytes at most"),
        ]
    );
}

#[test]
fn direct_tls_begins_with_the_features_behind_tls() {
    let mut observer = Observer::default();
    observer.handle_input(format!("{HEADER}<stream:features/>").as_bytes());
    let findings = openings("b.example", Transport::DirectTls, observer.openings());
    let ids: Vec<_> = findings.iter().map(|one| one.id).collect();
    assert_eq!(
        ids,
        ["xmpp-external-not-offered", "xmpp-dialback-not-offered"]
    );
}

fn peer_error(condition: StreamCondition) -> CloseReason {
    CloseReason::PeerError(PeerError {
        stage: Stage::Negotiation,
        condition,
        text: "ask the admin".into(),
        from_proved: false,
        other_host: None,
    })
}

fn rejected(refusal: Refusal) -> CloseReason {
    CloseReason::Rejected(Rejection::Refused {
        refusal,
        reason: "".into(),
    })
}

#[test]
fn each_end_of_a_stream_has_its_diagnosis() {
    let external = CloseReason::After {
        setback: Setback::ExternalRefused {
            condition: "not-authorized".into(),
            text: "".into(),
        },
        reason: Box::new(CloseReason::PeerClosed),
    };
    let no_tls = CloseReason::After {
        setback: Setback::TlsNotOffered,
        reason: Box::new(CloseReason::PeerClosed),
    };
    let table = [
        (external, "xmpp-external-refused"),
        (no_tls, "xmpp-tls-not-offered"),
        (CloseReason::ConnectionLost, "xmpp-connection-lost"),
        (CloseReason::PeerClosed, "xmpp-closed-by-peer"),
        (CloseReason::TimedOut(Stage::Negotiation), "xmpp-timed-out"),
        (
            CloseReason::TlsFailed("no common version".into()),
            "xmpp-tls-failed",
        ),
        (
            peer_error(StreamCondition::HostUnknown),
            "xmpp-host-unknown",
        ),
        (peer_error(StreamCondition::HostGone), "xmpp-host-unknown"),
        (
            peer_error(StreamCondition::InvalidFrom),
            "xmpp-not-authorized",
        ),
        (
            peer_error(StreamCondition::NotAuthorized),
            "xmpp-not-authorized",
        ),
        (
            peer_error(StreamCondition::PolicyViolation),
            "xmpp-policy-violation",
        ),
        (
            peer_error(StreamCondition::RemoteConnectionFailed),
            "xmpp-dialback-unreachable",
        ),
        (peer_error(StreamCondition::Reset), "xmpp-restarting"),
        (
            peer_error(StreamCondition::SeeOtherHost),
            "xmpp-see-other-host",
        ),
        (
            peer_error(StreamCondition::SystemShutdown),
            "xmpp-restarting",
        ),
        (
            peer_error(StreamCondition::InternalServerError),
            "xmpp-stream-error",
        ),
        (rejected(Refusal::CertificateUntrusted), "xmpp-certificate"),
        (rejected(Refusal::CertificateAbsent), "xmpp-certificate"),
        (rejected(Refusal::NoMethod), "xmpp-no-method"),
        (rejected(Refusal::TlsUnavailable), "xmpp-tls-not-offered"),
        (
            CloseReason::Rejected(Rejection::TlsRequired),
            "xmpp-tls-not-offered",
        ),
        (CloseReason::Rejected(Rejection::WrongPeer), "xmpp-protocol"),
    ];
    for (reason, id) in table {
        let finding = closed("b.example", &reason).unwrap();
        assert_eq!(
            (finding.id, &*finding.seen),
            (id, &*Report::from(&reason).rule)
        );
        assert!(!finding.remedy.is_empty(), "{id}");
    }
    for ours in [
        CloseReason::Closed,
        CloseReason::Idle,
        CloseReason::CertificateExpired,
        CloseReason::Farewell(Farewell::Shutdown),
    ] {
        assert_eq!(closed("b.example", &ours), None);
    }
}

#[test]
fn a_peer_that_takes_a_proof_and_no_stanza_has_a_rule_against_us() {
    let table = [
        (StreamCondition::InvalidFrom, "xmpp-policy-violation"),
        (StreamCondition::NotAuthorized, "xmpp-policy-violation"),
        (StreamCondition::HostUnknown, "xmpp-host-unknown"),
    ];
    for (condition, id) in table {
        let CloseReason::PeerError(error) = peer_error(condition) else {
            panic!("another reason");
        };
        let later = CloseReason::PeerError(PeerError {
            stage: Stage::Stanzas,
            ..error
        });
        assert_eq!(closed("b.example", &later).unwrap().id, id);
    }
}

#[test]
fn the_peer_s_own_words_are_in_the_finding() {
    let finding = closed("b.example", &peer_error(StreamCondition::PolicyViolation)).unwrap();
    assert_eq!(
        finding.to_string(),
        "error: b.example: closed by the peer: policy-violation (ask the admin): the peer's policy \
         does not let our domain in, or not in this way; remedy: the peer's policy: it may require \
         TLS, or a certificate that it trusts and that names our domain [xmpp-policy-violation, \
         RFC 6120 §4.9.3.14]"
    );
}

#[test]
fn each_refusal_of_a_key_has_its_diagnosis() {
    let table = [
        (
            PairRefusal::Certificate("untrusted".into()),
            "xmpp-certificate",
        ),
        (PairRefusal::Invalid, "xmpp-dialback-invalid"),
        (PairRefusal::TimedOut, "xmpp-dialback-timed-out"),
        (
            PairRefusal::Error(StanzaCondition::RemoteServerNotFound),
            "xmpp-dialback-not-found",
        ),
        (
            PairRefusal::Error(StanzaCondition::RemoteServerTimeout),
            "xmpp-dialback-unreachable",
        ),
        (
            PairRefusal::Error(StanzaCondition::ItemNotFound),
            "xmpp-host-unknown",
        ),
        (
            PairRefusal::Error(StanzaCondition::PolicyViolation),
            "xmpp-policy-violation",
        ),
        (
            PairRefusal::Error(StanzaCondition::NotAuthorized),
            "xmpp-policy-violation",
        ),
        (
            PairRefusal::Error(StanzaCondition::InternalServerError),
            "xmpp-dialback-error",
        ),
    ];
    for (refusal, id) in table {
        let finding = refused("b.example", &refusal);
        assert_eq!((finding.id, &*finding.seen), (id, &*refusal.to_string()));
    }
}
