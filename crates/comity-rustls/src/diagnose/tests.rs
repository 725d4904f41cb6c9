use comity_identity::Severity;

use super::*;

const SESSION: Negotiated = Negotiated {
    version: ProtocolVersion::TLSv1_3,
    suite: CipherSuite::TLS13_AES_256_GCM_SHA384,
    alpn: Alpn::NotOffered,
    client_certificate: CertificateRequest::Asked,
};

const REFUSED: Option<LegacyAnswer> =
    Some(LegacyAnswer::Refused(AlertDescription::ProtocolVersion));

fn accepted(version: ProtocolVersion, suite: CipherSuite) -> Option<LegacyAnswer> {
    Some(LegacyAnswer::Accepted { version, suite })
}

fn alerted(alert: AlertDescription) -> Option<Handshake> {
    Some(Handshake::Failed(HandshakeFailure::Alert(alert)))
}

/// A peer as it should be.
fn healthy() -> Observed {
    Observed {
        best: Some(Handshake::Done(SESSION)),
        tls12: Some(Handshake::Done(Negotiated {
            version: ProtocolVersion::TLSv1_2,
            ..SESSION
        })),
        old_versions: REFUSED,
        old_suites: REFUSED,
    }
}

fn found(observed: &Observed) -> Vec<(&'static str, Severity, String)> {
    let findings = tls("peer", observed).into_iter();
    findings
        .map(|one| (one.id, one.severity, one.seen.into_owned()))
        .collect()
}

#[test]
fn ids_are_words_that_no_other_diagnosis_has() {
    assert_eq!(Diagnosis::misnamed(DIAGNOSES.iter().copied()), None);
}

#[test]
fn a_modern_peer_has_no_findings() {
    assert_eq!(found(&healthy()), []);
    assert_eq!(found(&Observed::default()), []);
}

#[test]
fn what_a_session_lacks_is_noted() {
    let session = Negotiated {
        version: ProtocolVersion::TLSv1_2,
        suite: CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        alpn: Alpn::Ignored,
        client_certificate: CertificateRequest::NotAsked,
    };
    let observed = Observed {
        best: Some(Handshake::Done(session)),
        old_versions: accepted(
            ProtocolVersion::TLSv1_1,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        ),
        ..healthy()
    };
    let note = |id, seen: &str| (id, Severity::Note, seen.to_owned());
    assert_eq!(
        found(&observed),
        [
            (
                "tls-old-version-accepted",
                Severity::Warning,
                "it takes TLS 1.1 with TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA".to_owned()
            ),
            note(
                "tls-client-certificate-not-asked",
                "it asks for no certificate"
            ),
            note(
                "tls-no-alpn",
                "it does not answer the protocol that we offer"
            ),
            note(
                "tls-no-tls13",
                "it chose TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
            ),
        ]
    );
    let modern_only = Observed {
        tls12: alerted(AlertDescription::ProtocolVersion),
        ..healthy()
    };
    assert_eq!(
        found(&modern_only),
        [note(
            "tls-no-tls12",
            "the peer sent the alert ProtocolVersion"
        )]
    );
}

#[test]
fn a_peer_that_is_too_old_is_told_by_what_it_takes() {
    let failed = Observed {
        best: alerted(AlertDescription::ProtocolVersion),
        tls12: alerted(AlertDescription::ProtocolVersion),
        ..healthy()
    };
    let rsa = CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA;
    let table = [
        (
            accepted(ProtocolVersion::TLSv1_1, rsa),
            accepted(ProtocolVersion::TLSv1_1, rsa),
            "tls-old-versions-only",
            "it takes nothing better than TLS 1.1 with TLS_RSA_WITH_AES_256_CBC_SHA, \
             RSA key exchange, CBC",
        ),
        (
            REFUSED,
            accepted(
                ProtocolVersion::TLSv1_2,
                CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
            ),
            "tls-rsa-key-exchange-only",
            "it takes nothing better than TLS 1.2 with TLS_RSA_WITH_AES_128_GCM_SHA256, \
             RSA key exchange",
        ),
        (
            REFUSED,
            accepted(
                ProtocolVersion::TLSv1_2,
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
            ),
            "tls-old-suites-only",
            "it takes nothing better than TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, CBC",
        ),
        (
            accepted(ProtocolVersion::TLSv1_0, rsa),
            None,
            "tls-old-versions-only",
            "it takes nothing better than TLS 1.0 with TLS_RSA_WITH_AES_256_CBC_SHA, \
             RSA key exchange, CBC",
        ),
        (
            REFUSED,
            REFUSED,
            "tls-alert-protocol-version",
            "the peer sent the alert ProtocolVersion",
        ),
    ];
    for (old_versions, old_suites, id, seen) in table {
        let observed = Observed {
            old_versions,
            old_suites,
            ..failed.clone()
        };
        assert_eq!(found(&observed), [(id, Severity::Error, seen.to_owned())]);
    }
}

#[test]
fn an_alert_about_our_certificate_is_not_blamed_on_old_suites() {
    let observed = Observed {
        best: alerted(AlertDescription::UnknownCA),
        old_suites: accepted(
            ProtocolVersion::TLSv1_2,
            CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
        ),
        ..healthy()
    };
    assert_eq!(
        found(&observed),
        [(
            "tls-alert-unknown-ca",
            Severity::Error,
            "the peer sent the alert UnknownCA".to_owned()
        )]
    );
}

#[test]
fn a_peer_that_asked_for_our_certificate_is_not_blamed_for_versions_and_suites() {
    let asked = |failure| Some(Handshake::Unproved(HandshakeFailure::Alert(failure)));
    let old_suites = accepted(
        ProtocolVersion::TLSv1_2,
        CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    );
    let table = [
        (
            HandshakeFailure::Alert(AlertDescription::UnknownCA),
            "tls-alert-unknown-ca",
            "the peer sent the alert UnknownCA, after it had asked for our certificate",
        ),
        (
            HandshakeFailure::Alert(AlertDescription::HandshakeFailure),
            "tls-certificate-refused",
            "the peer sent the alert HandshakeFailure, after it had asked for our certificate",
        ),
        (
            HandshakeFailure::Closed,
            "tls-certificate-refused",
            "the peer closed the connection during the handshake, after it had asked for our \
             certificate",
        ),
        (
            HandshakeFailure::TimedOut,
            "tls-timed-out",
            "the peer did not finish the handshake in time, after it had asked for our certificate",
        ),
        (
            HandshakeFailure::Other("its signature is wrong".into()),
            "tls-failed",
            "its signature is wrong",
        ),
    ];
    for (failure, id, seen) in table {
        let observed = Observed {
            best: Some(Handshake::Unproved(failure)),
            tls12: asked(AlertDescription::HandshakeFailure),
            old_suites,
            ..healthy()
        };
        assert_eq!(found(&observed), [(id, Severity::Error, seen.to_owned())]);
    }
    let with_ours_alone = Observed {
        tls12: asked(AlertDescription::HandshakeFailure),
        ..healthy()
    };
    assert_eq!(found(&with_ours_alone), []);
}

#[test]
fn each_failure_has_its_diagnosis() {
    let table = [
        (HandshakeFailure::Closed, "tls-closed"),
        (HandshakeFailure::NotTls, "tls-not-spoken"),
        (HandshakeFailure::TimedOut, "tls-timed-out"),
        (HandshakeFailure::Other("reason".into()), "tls-failed"),
        (
            HandshakeFailure::Alert(AlertDescription::AccessDenied),
            "tls-alert-access-denied",
        ),
        (
            HandshakeFailure::Alert(AlertDescription::CertificateUnknown),
            "tls-alert-bad-certificate",
        ),
        (
            HandshakeFailure::Alert(AlertDescription::CertificateRequired),
            "tls-alert-certificate-required",
        ),
        (
            HandshakeFailure::Alert(AlertDescription::HandshakeFailure),
            "tls-alert-handshake-failure",
        ),
        (
            HandshakeFailure::Alert(AlertDescription::UnrecognisedName),
            "tls-alert-unrecognized-name",
        ),
        (
            HandshakeFailure::Alert(AlertDescription::UserCanceled),
            "tls-alert",
        ),
        (
            HandshakeFailure::Alert(AlertDescription::Unknown(200)),
            "tls-alert",
        ),
    ];
    for (failure, id) in table {
        let observed = Observed {
            best: Some(Handshake::Failed(failure.clone())),
            ..Observed::default()
        };
        assert_eq!(
            found(&observed),
            [(id, Severity::Error, failure.to_string())]
        );
    }
}

#[test]
fn errors_of_a_socket_are_told_apart() {
    let wrapped = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let alert = rustls::Error::AlertReceived(AlertDescription::UnknownCA);
    let not_tls = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
    for (error, failure) in [
        (
            wrapped(alert),
            HandshakeFailure::Alert(AlertDescription::UnknownCA),
        ),
        (wrapped(not_tls), HandshakeFailure::NotTls),
        (
            io::ErrorKind::UnexpectedEof.into(),
            HandshakeFailure::Closed,
        ),
        (
            io::ErrorKind::ConnectionReset.into(),
            HandshakeFailure::Closed,
        ),
        (io::ErrorKind::TimedOut.into(), HandshakeFailure::TimedOut),
        (
            io::Error::other("odd"),
            HandshakeFailure::Other("odd".into()),
        ),
    ] {
        assert_eq!(HandshakeFailure::from(&error), failure);
    }
}

#[test]
fn alerts_stand_in_the_table_once() {
    let mut ids: Vec<_> = table::ALERTS
        .iter()
        .map(|(alert, _)| u8::from(*alert))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), table::ALERTS.len());
}
