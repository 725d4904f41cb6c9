/// The rule behind a [`Ruling`](super::Ruling).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// RFC 6120 §5.3.1.
    #[error("TLS is required, so nothing else comes before it")]
    TlsRequired,
    /// RFC 7590 §3.1.
    #[error("TLS is required; that it is not offered may be an attack, so it is asked for anyway")]
    TlsNotOffered,
    /// RFC 6120 §5.4.
    #[error("TLS is used if both sides can")]
    TlsOptional,
    /// A peer without TLS cannot show a certificate.
    #[error("only TLS can bring the certificate that is required")]
    TlsForCertificate,
    /// Without dialback, SASL EXTERNAL is the only proof.
    #[error("without dialback only a certificate can prove the domain, and only TLS brings one")]
    TlsForExternal,
    /// EXTERNAL is offered where it will succeed (XEP-0178 §3).
    #[error("the certificate proves the domain, so SASL EXTERNAL will succeed")]
    CertificateProves,
    /// The receiving entity offers EXTERNAL.
    #[error("the peer offers SASL EXTERNAL, so it believes our certificate")]
    ExternalOffered,
    /// Nothing but dialback works without TLS.
    #[error("without TLS only dialback can prove the domain")]
    NoTls,
    /// The rules want no TLS.
    #[error("the rules want no TLS, so dialback proves the domain")]
    TlsUnwanted,
    /// SASL EXTERNAL is switched off, or has failed.
    #[error("SASL EXTERNAL is off or has failed, so dialback proves the domain")]
    ExternalOff,
    /// The peer does not offer EXTERNAL.
    #[error("the peer does not offer SASL EXTERNAL, so dialback proves the domain")]
    ExternalNotOffered,
    /// The certificate does not prove the domain.
    #[error("the certificate does not prove the domain, so dialback has to")]
    CertificateFails,
    /// The stream cannot go on.
    #[error("{0}")]
    Refused(Refusal),
}

/// Why no way of proof is left.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The rules demand a certificate and the peer showed none.
    #[error("a certificate is required and none was presented")]
    CertificateAbsent,
    /// The rules demand a certificate and the peer's does not prove its domain.
    #[error("a certificate is required and the one presented does not prove the domain")]
    CertificateUntrusted,
    /// The rules demand TLS, which cannot be had.
    #[error("TLS is required and not available")]
    TlsUnavailable,
    /// The peer requires TLS, which is off on our part.
    #[error("the peer requires TLS, which is off here")]
    TlsUnwanted,
    /// Neither SASL EXTERNAL nor dialback can be used.
    #[error("neither a certificate nor dialback can prove the domain")]
    NoMethod,
}
