use comity_identity::Diagnosis;

use crate::reason::Reason;

/// What a reason to refuse a certificate means, and what to do about it.
pub(super) fn of(reason: &Reason) -> &'static Diagnosis {
    match reason {
        Reason::BadSignature => &BAD_SIGNATURE,
        Reason::CaUsedAsEndEntity | Reason::ConstraintsInLeaf => &CA_AS_SERVER,
        Reason::DaneMismatch { .. } => &DANE_MISMATCH,
        Reason::Distrusted => &DISTRUSTED,
        Reason::Expired { .. } => &EXPIRED,
        Reason::ExtendedKeyUsage { .. } => &NO_SERVER_AUTH,
        Reason::IssuerKeyUsage | Reason::IssuerNotCa | Reason::PathLength => &BAD_ISSUER,
        Reason::KeyUsage => &KEY_USAGE,
        Reason::Malformed { .. }
        | Reason::MalformedNames
        | Reason::UnsupportedExtension
        | Reason::UnsupportedVersion { .. } => &MALFORMED,
        Reason::NameConstraint { .. } | Reason::NameConstraintElsewhere => &NAME_CONSTRAINT,
        Reason::NameMismatch(_) => &NAME_MISMATCH,
        Reason::NoCertificate => &NO_CERTIFICATE,
        Reason::NotYetValid { .. } => &NOT_YET_VALID,
        Reason::PinnedElsewhere { .. } => &PINNED_ELSEWHERE,
        Reason::RevocationListExpired { .. } | Reason::RevocationUnknown => &REVOCATION_UNKNOWN,
        Reason::Revoked { .. } => &REVOKED,
        Reason::SelfSigned => &SELF_SIGNED,
        Reason::TooComplex | Reason::TooManyCertificates { .. } | Reason::TooManyNames { .. } => {
            &TOO_MUCH
        }
        Reason::UnknownIssuer => &UNKNOWN_ISSUER,
        Reason::UnsupportedAlgorithm => &UNSUPPORTED_ALGORITHM,
        Reason::WeakKey { .. } => &WEAK_KEY,
    }
}

comity_identity::diagnoses! {
    /// Everything that can be wrong with a certificate.
    pub static DIAGNOSES;

    BAD_ISSUER: Error "certificate-bad-issuer" {
        means: "one of the certificates of the chain may not issue the one below it",
        remedy: "get the certificate reissued by a CA that may, and send its chain",
        source: "RFC 5280 §4.2.1.3, §4.2.1.9",
    }
    BAD_SIGNATURE: Error "certificate-bad-signature" {
        means: "the chain is put together wrongly, or forged",
        remedy: "send the chain that the CA delivered with the certificate, in its order",
        source: "RFC 5280 §6.1",
    }
    CA_AS_SERVER: Error "certificate-is-a-ca" {
        means: "the certificate of a CA does not prove a server",
        remedy: "issue the server a certificate of its own, which is no CA (openssl req -x509 makes CAs)",
        source: "RFC 6120 §13.7.1.1",
    }
    COVERAGE_MISSING: Error "certificate-name-missing" {
        means: "peers refuse the certificate for what it does not name",
        remedy: "request a certificate that names it",
        source: "RFC 6120 §13.7.1.2, RFC 5922 §7.1",
    }
    COVERAGE_SUPERFLUOUS: Note "certificate-name-superfluous" {
        means: "the names are not needed; they may be left from an earlier configuration",
        remedy: "",
        source: "RFC 9525 §4.1",
    }
    DANE_MISMATCH: Error "certificate-dane-mismatch" {
        means: "the certificate was replaced without the TLSA records, or somebody is in the middle",
        remedy: "publish TLSA records of the present certificate",
        source: "RFC 7673 §4.2",
    }
    DISTRUSTED: Error "certificate-key-compromised" {
        means: "others have the private key",
        remedy: "make a new key and request a new certificate",
        source: "RFC 9325 §7.5",
    }
    EXPIRED: Error "certificate-expired" {
        means: "nobody believes it any more",
        remedy: "renew it; if it was renewed, let the server load it; if its time is not over, compare the clocks and time zones of both sides",
        source: "RFC 5280 §4.1.2.5",
    }
    EXPIRES_SOON: Note "certificate-expires-soon" {
        means: "streams end and none can be opened from then on",
        remedy: "renew it",
        source: "RFC 6120 §13.7.2.3",
    }
    KEY_USAGE: Error "certificate-key-usage" {
        means: "its key may not sign a TLS handshake",
        remedy: "request a certificate with the key usage digitalSignature",
        source: "RFC 8446 §4.4.2.2",
    }
    MALFORMED: Error "certificate-malformed" {
        means: "it cannot be read as X.509 requires",
        remedy: "get it reissued by other software",
        source: "RFC 5280 §4",
    }
    NAME_CONSTRAINT: Error "certificate-name-constraint" {
        means: "its CA may not vouch for that name",
        remedy: "get the certificate from a CA that may issue for the domain",
        source: "RFC 5280 §4.2.1.10",
    }
    NAME_MISMATCH: Error "certificate-name-mismatch" {
        means: "it does not prove the domain",
        remedy: "get a certificate whose subjectAltName has the domain; after a change of names, let the server load the new one; look whether DNS leads to the right server",
        source: "RFC 6120 §13.7.1.2, RFC 5922 §7.2",
    }
    NO_CERTIFICATE: Error "certificate-absent" {
        means: "the peer does not prove who it is",
        remedy: "let the peer present a certificate",
        source: "RFC 8446 §4.4.2",
    }
    NO_CLIENT_AUTH: Note "certificate-no-client-auth" {
        means: "servers that look at it refuse connections that this server opens; Microsoft's, Cisco's and those on OpenSSL do",
        remedy: "request a certificate with the extended key usages serverAuth and clientAuth, from a CA that still issues such",
        source: "RFC 5280 §4.2.1.12",
    }
    NO_FQDN: Error "certificate-no-fqdn" {
        means: "it names no host or domain of DNS, so that nobody can compare it with whom they asked for",
        remedy: "request a certificate whose subjectAltName has the fully qualified domain name, and whose common name has it too for Microsoft servers",
        source: "RFC 9525 §4.1",
    }
    NO_SERVER_AUTH: Warning "certificate-no-server-auth" {
        means: "clients that look at it refuse to connect",
        remedy: "request a certificate with the extended key usages serverAuth and clientAuth",
        source: "RFC 5280 §4.2.1.12",
    }
    NOT_YET_VALID: Error "certificate-not-yet-valid" {
        means: "the certificate is of the future, or the clock of one side is slow",
        remedy: "synchronise the clocks of both sides (NTP), and look at their time zones",
        source: "RFC 5280 §4.1.2.5",
    }
    PINNED_ELSEWHERE: Error "certificate-pinned-elsewhere" {
        means: "it is trusted, but for another peer",
        remedy: "import the certificate for this peer too",
        source: "RFC 9525 §6.1",
    }
    REVOCATION_UNKNOWN: Error "certificate-revocation-unknown" {
        means: "the policy asks for revocation lists, and none of them tells",
        remedy: "fetch the CA's current revocation list",
        source: "RFC 5280 §5",
    }
    REVOKED: Error "certificate-revoked" {
        means: "its CA has taken it back",
        remedy: "request a new certificate with a new key",
        source: "RFC 5280 §5",
    }
    SELF_SIGNED: Error "certificate-self-signed" {
        means: "nobody but itself vouches for it",
        remedy: "get it signed by a CA that both sides trust, or import it as the peer's own",
        source: "RFC 5280 §6.1",
    }
    TOO_MUCH: Error "certificate-too-complex" {
        means: "the chain or its names are more than is looked at",
        remedy: "send the certificate and its intermediate CAs alone, or raise the limit",
        source: "RFC 5280 §6.1",
    }
    UNKNOWN_ISSUER: Error "certificate-unknown-issuer" {
        means: "nobody whom we trust vouches for it",
        remedy: "add the root certificate of the peer's CA to the store of trust for this protocol",
        source: "RFC 5280 §6.1",
    }
    UNSUPPORTED_ALGORITHM: Error "certificate-algorithm" {
        means: "its signature or key is of a kind that is too weak or unknown",
        remedy: "request a certificate signed with SHA-256, with an RSA key of 2,048 bits or more or an ECDSA key on P-256",
        source: "RFC 9325 §4.5",
    }
    WEAK_KEY: Error "certificate-weak-key" {
        means: "the key can be broken",
        remedy: "make an RSA key of 2,048 bits or more and request a new certificate",
        source: "RFC 9325 §4.5",
    }
}
