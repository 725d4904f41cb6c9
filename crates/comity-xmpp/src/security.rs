/// How the connection with a domain must be protected.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "composers write it as a literal")]
pub struct Security {
    /// Whether TLS is used.
    pub tls: TlsMode,
    /// What the other side's certificate must prove.
    pub certificate: CertificateRule,
}

impl Security {
    /// TLS, and a certificate that we trust and that names the domain.
    pub const CERTIFIED: Self = Self {
        tls: TlsMode::Required,
        certificate: CertificateRule::Required,
    };
    /// TLS with any certificate; dialback proves the domain where the certificate does not.
    pub const ENCRYPTED: Self = Self {
        tls: TlsMode::Required,
        certificate: CertificateRule::Optional,
    };
}

impl Default for Security {
    fn default() -> Self {
        Self::ENCRYPTED
    }
}

/// Whether STARTTLS is used (RFC 6120 §5).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "never, if possible, always")]
pub enum TlsMode {
    /// Never; dialback proves the domain.
    Disabled,
    /// If the other side offers it.
    Optional,
    /// Nothing but STARTTLS passes before it.
    Required,
}

/// What the certificate of the other side must prove.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a rule is in force or not")]
pub enum CertificateRule {
    /// Nothing: where it does not prove the domain, dialback must.
    Optional,
    /// The domain.
    Required,
}

/// How a connection begins.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "XML comes first, or TLS")]
pub enum Transport {
    /// With a stream header in clear text, which STARTTLS may follow (RFC 6120 §5).
    #[default]
    Tcp,
    /// With a TLS handshake (XEP-0368); no STARTTLS inside.
    DirectTls,
}
