use comity_identity::Diagnosis;
use rustls::AlertDescription;

/// What an alert means; of most it says nothing that could be acted on.
pub(super) fn of_alert(alert: AlertDescription) -> &'static Diagnosis {
    let known = ALERTS.iter().find(|(known, _)| *known == alert);
    known.map_or(&ALERT, |(_, diagnosis)| diagnosis)
}

pub(super) static ALERTS: [(AlertDescription, &Diagnosis); 16] = [
    (AlertDescription::AccessDenied, &ALERT_ACCESS_DENIED),
    (AlertDescription::BadCertificate, &ALERT_BAD_CERTIFICATE),
    (
        AlertDescription::CertificateExpired,
        &ALERT_CERTIFICATE_EXPIRED,
    ),
    (
        AlertDescription::CertificateRequired,
        &ALERT_CERTIFICATE_REQUIRED,
    ),
    (
        AlertDescription::CertificateRevoked,
        &ALERT_CERTIFICATE_REVOKED,
    ),
    (AlertDescription::CertificateUnknown, &ALERT_BAD_CERTIFICATE),
    (AlertDescription::DecryptError, &ALERT_DECRYPT_ERROR),
    (AlertDescription::HandshakeFailure, &ALERT_HANDSHAKE_FAILURE),
    (
        AlertDescription::InsufficientSecurity,
        &ALERT_HANDSHAKE_FAILURE,
    ),
    (AlertDescription::InternalError, &ALERT_INTERNAL_ERROR),
    (
        AlertDescription::NoApplicationProtocol,
        &ALERT_NO_APPLICATION_PROTOCOL,
    ),
    (AlertDescription::NoCertificate, &ALERT_CERTIFICATE_REQUIRED),
    (AlertDescription::ProtocolVersion, &ALERT_PROTOCOL_VERSION),
    (AlertDescription::UnknownCA, &ALERT_UNKNOWN_CA),
    (AlertDescription::UnrecognisedName, &ALERT_UNRECOGNIZED_NAME),
    (
        AlertDescription::UnsupportedCertificate,
        &ALERT_UNSUPPORTED_CERTIFICATE,
    ),
];

comity_identity::diagnoses! {
    /// Everything that can be wrong with a peer's TLS.
    pub static DIAGNOSES;

    ALERT: Error "tls-alert" {
        means: "the peer ended the handshake",
        remedy: "the peer's log may say more",
        source: "RFC 8446 §6.2",
    }
    ALERT_ACCESS_DENIED: Error "tls-alert-access-denied" {
        means: "the peer accepts our certificate, and its policy does not let us in",
        remedy: "let the peer's operator allow our domain",
        source: "RFC 8446 §6.2",
    }
    ALERT_BAD_CERTIFICATE: Error "tls-alert-bad-certificate" {
        means: "the peer found our certificate to be wrong: it may have an older one of ours in its store, or miss a name or a purpose in it",
        remedy: "let the peer trust the CA of our present certificate; compare the names in it with what the peer expects of us",
        source: "RFC 8446 §6.2",
    }
    ALERT_CERTIFICATE_EXPIRED: Error "tls-alert-certificate-expired" {
        means: "to the peer our certificate is not valid now",
        remedy: "renew our certificate; if its time is not over, compare the clocks and time zones of both sides",
        source: "RFC 8446 §6.2",
    }
    ALERT_CERTIFICATE_REQUIRED: Error "tls-alert-certificate-required" {
        means: "the peer goes on with nobody who shows no certificate",
        remedy: "configure a certificate for our domain; it needs the extended key usage clientAuth for many peers",
        source: "RFC 8446 §4.4.2.4",
    }
    ALERT_CERTIFICATE_REVOKED: Error "tls-alert-certificate-revoked" {
        means: "to the peer our certificate is revoked",
        remedy: "request a new certificate with a new key",
        source: "RFC 8446 §6.2",
    }
    ALERT_DECRYPT_ERROR: Error "tls-alert-decrypt-error" {
        means: "the peer could not verify a signature of ours",
        remedy: "look whether our key belongs to our certificate",
        source: "RFC 8446 §6.2",
    }
    ALERT_HANDSHAKE_FAILURE: Error "tls-alert-handshake-failure" {
        means: "the peer and we have no cipher suite, group or signature scheme in common, or the peer has no certificate for the domain",
        remedy: "let the peer enable ECDHE with AES-GCM or ChaCha20, or look at its certificate",
        source: "RFC 8446 §6.2, RFC 9325 §4.2",
    }
    ALERT_INTERNAL_ERROR: Error "tls-alert-internal-error" {
        means: "the peer failed by itself; some do that without a certificate for the name asked for",
        remedy: "let the peer's operator look at the log, and at the certificate for the domain",
        source: "RFC 8446 §6.2",
    }
    ALERT_NO_APPLICATION_PROTOCOL: Error "tls-alert-no-application-protocol" {
        means: "something else is served at that port",
        remedy: "let the SRV record name the port of the service, or let the peer accept its ALPN",
        source: "RFC 7301 §3.2, XEP-0368 §3",
    }
    ALERT_PROTOCOL_VERSION: Error "tls-alert-protocol-version" {
        means: "the peer speaks neither TLS 1.2 nor TLS 1.3",
        remedy: "let the peer enable TLS 1.2 or newer, or put a TLS proxy between",
        source: "RFC 8996",
    }
    ALERT_UNKNOWN_CA: Error "tls-alert-unknown-ca" {
        means: "the peer does not trust the CA of our certificate, or has the wrong certificate of ours in its store",
        remedy: "let the peer import the root certificate of our CA; send our intermediate CAs along",
        source: "RFC 8446 §6.2",
    }
    ALERT_UNRECOGNIZED_NAME: Error "tls-alert-unrecognized-name" {
        means: "the peer does not serve the name that we asked for",
        remedy: "look whether DNS leads to the right server, and let the peer serve the domain",
        source: "RFC 6066 §3",
    }
    ALERT_UNSUPPORTED_CERTIFICATE: Error "tls-alert-unsupported-certificate" {
        means: "the peer cannot use our certificate: its purposes do not include clientAuth, or its key is of a kind that the peer does not know",
        remedy: "request a certificate with the extended key usages serverAuth and clientAuth",
        source: "RFC 8446 §6.2, RFC 5280 §4.2.1.12",
    }
    CERTIFICATE_NOT_ASKED: Note "tls-client-certificate-not-asked" {
        means: "the peer cannot know us by our certificate",
        remedy: "where mutual TLS is agreed, let the peer ask for client certificates",
        source: "RFC 8446 §4.3.2",
    }
    CERTIFICATE_REFUSED: Error "tls-certificate-refused" {
        means: "the peer asks for our certificate, and ends the handshake without one or with the one that we have",
        remedy: "configure a certificate for our domain with the extended key usage clientAuth, and let the peer trust its CA",
        source: "RFC 5246 §7.4.6",
    }
    CLOSED: Error "tls-closed" {
        means: "the peer or a firewall on the way does not want the handshake, and does not say why",
        remedy: "let the peer's operator look at the log; look for a firewall that inspects the protocol",
        source: "RFC 8446 §6.1",
    }
    FAILED: Error "tls-failed" {
        means: "there is no encrypted connection",
        remedy: "look at the TLS versions, suites and certificates of both sides",
        source: "RFC 8446 §4",
    }
    NO_ALPN: Note "tls-no-alpn" {
        means: "the peer does not know the protocol by name; nothing depends on it where the port serves one protocol",
        remedy: "",
        source: "XEP-0368 §3",
    }
    NO_TLS12: Note "tls-no-tls12" {
        means: "servers that speak TLS 1.2 at most cannot connect to it; older Microsoft servers are such",
        remedy: "",
        source: "RFC 9325 §3.1.1",
    }
    NO_TLS13: Note "tls-no-tls13" {
        means: "the peer speaks TLS 1.2 at most",
        remedy: "",
        source: "RFC 9325 §3.1.1",
    }
    NOT_TLS: Error "tls-not-spoken" {
        means: "another service answers at that port",
        remedy: "let the SRV record name the port of the service",
        source: "RFC 8446 §5.1",
    }
    OLD_SUITES_ONLY: Error "tls-old-suites-only" {
        means: "the peer has no cipher suite that we do: ECDHE with authenticated encryption",
        remedy: "let the peer enable ECDHE with AES-GCM or ChaCha20, or put a TLS proxy between that can do both",
        source: "RFC 9325 §4.2",
    }
    OLD_VERSION_ACCEPTED: Warning "tls-old-version-accepted" {
        means: "the peer lets others use versions that are broken",
        remedy: "let the peer disable TLS 1.0 and TLS 1.1",
        source: "RFC 8996",
    }
    OLD_VERSIONS_ONLY: Error "tls-old-versions-only" {
        means: "the peer speaks nothing newer than TLS 1.1, which nobody should use",
        remedy: "let the peer enable TLS 1.2 or newer, or put a TLS proxy between",
        source: "RFC 8996",
    }
    RSA_KEY_EXCHANGE_ONLY: Error "tls-rsa-key-exchange-only" {
        means: "the peer has suites with RSA key exchange alone, which modern servers do not have: who gets its key reads all that was recorded",
        remedy: "let the peer enable ECDHE with AES-GCM or ChaCha20, or put a TLS proxy between that can do both",
        source: "RFC 9325 §4.1",
    }
    TIMED_OUT: Error "tls-timed-out" {
        means: "the peer or something on the way swallows the handshake",
        remedy: "look for a firewall that inspects TLS, or for a port that waits for clear text",
        source: "RFC 8446 §4",
    }
}
