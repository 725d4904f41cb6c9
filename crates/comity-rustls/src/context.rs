use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use crate::identity::Identity;
use crate::verifier::{ClientAuth, Enforce, ServerAuth, Verifier};

/// How one protocol of a server uses TLS, as a client and as a server.
///
/// Its configurations never resume a session: rustls does not ask the verifier again about a
/// resumed one, and neither policy nor the peer's certificate need be what they were.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsContext {
    /// The protocols offered and accepted by ALPN, best first. Default: none, so that nothing is
    /// negotiated. With some, a server refuses clients that offer only others.
    pub alpn: Vec<Vec<u8>>,
    /// The suites that may be negotiated, as
    /// [`CipherList::supported`](crate::CipherList::supported) gives them. A client offers them in
    /// this order, a server goes by that of the client. Default: none named, so that all of the
    /// provider's may.
    pub cipher_suites: Vec<SupportedCipherSuite>,
    /// Whether a server asks its clients for certificates. Default: [`ClientAuth::Observe`].
    pub client_auth: ClientAuth,
    /// What we present: always as a server, and as a client whenever the server asks.
    /// Default: nothing.
    pub identity: Option<Identity>,
    /// The newest version that is spoken. Default: [`TlsVersion::Tls13`].
    pub max_version: TlsVersion,
    /// The oldest version that is spoken. Default: [`TlsVersion::Tls12`].
    pub min_version: TlsVersion,
    /// Whose cryptography is used.
    pub provider: Arc<CryptoProvider>,
    /// What a client makes of servers' certificates.
    pub server_auth: ServerAuth,
}

impl TlsContext {
    /// Keeps TLS whatever certificate the other side presents, and leaves the verdict to
    /// [`peer_verdict`](crate::peer_verdict) after the handshake.
    ///
    /// So federation over XMPP needs it: whom the certificate must name is known from the stream
    /// header after the handshake, and dialback can do without trust in it (RFC 6120 §13.7.2.1,
    /// RFC 7590 §3.4).
    #[must_use]
    pub fn observing(provider: Arc<CryptoProvider>) -> Self {
        Self {
            alpn: Vec::new(),
            cipher_suites: Vec::new(),
            client_auth: ClientAuth::Observe,
            identity: None,
            max_version: TlsVersion::Tls13,
            min_version: TlsVersion::Tls12,
            provider,
            server_auth: ServerAuth::Observe,
        }
    }

    /// As a client, goes on only with a server whose certificate proves the name asked for.
    ///
    /// As a server it is like [`TlsContext::observing`].
    #[must_use]
    pub fn enforcing(provider: Arc<CryptoProvider>, enforce: Enforce) -> Self {
        Self {
            server_auth: ServerAuth::Enforce(enforce),
            ..Self::observing(provider)
        }
    }

    /// The configuration for connections that we open.
    ///
    /// # Errors
    ///
    /// The versions cannot be spoken with the suites.
    pub fn client_config(&self) -> Result<ClientConfig, ConfigError> {
        let verifier: Arc<dyn ServerCertVerifier> = self.verifier();
        let versions = self.versions()?;
        let builder = ClientConfig::builder_with_details(self.restricted(), self.clock())
            .with_protocol_versions(&versions)
            .map_err(|_rustls| ConfigError::NoCipherSuite)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.alpn);
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// The configuration for connections that we accept.
    ///
    /// # Errors
    ///
    /// There is no identity to present, or the versions cannot be spoken with the suites.
    pub fn server_config(&self) -> Result<ServerConfig, ConfigError> {
        let identity = self.identity.as_ref().ok_or(ConfigError::NoIdentity)?;
        let versions = self.versions()?;
        let mut config = ServerConfig::builder_with_details(self.restricted(), self.clock())
            .with_protocol_versions(&versions)
            .map_err(|_rustls| ConfigError::NoCipherSuite)?
            .with_client_cert_verifier(self.verifier())
            .with_cert_resolver(identity.resolver());
        config.alpn_protocols.clone_from(&self.alpn);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// The versions that may be spoken, each of which has a suite if suites are named.
    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, ConfigError> {
        let range = self.min_version..=self.max_version;
        if range.is_empty() {
            return Err(ConfigError::NoVersion);
        }
        let suites = self.suites();
        [TlsVersion::Tls13, TlsVersion::Tls12]
            .into_iter()
            .filter(|version| range.contains(version))
            .map(|version| {
                let has_suite = suites.iter().any(|suite| version.has(suite));
                if has_suite || self.cipher_suites.is_empty() {
                    Ok(version.to_rustls())
                } else {
                    Err(ConfigError::VersionWithoutSuite { version })
                }
            })
            .collect()
    }

    /// The suites that may be negotiated, best first.
    pub(crate) fn suites(&self) -> Vec<SupportedCipherSuite> {
        let all = &self.provider.cipher_suites;
        if self.cipher_suites.is_empty() {
            return all.clone();
        }
        let named = self.cipher_suites.iter();
        named.filter(|suite| all.contains(suite)).copied().collect()
    }

    /// The provider with these suites only.
    fn restricted(&self) -> Arc<CryptoProvider> {
        if self.cipher_suites.is_empty() {
            return Arc::clone(&self.provider);
        }
        Arc::new(CryptoProvider {
            cipher_suites: self.suites(),
            ..(*self.provider).clone()
        })
    }

    fn verifier(&self) -> Arc<Verifier> {
        Arc::new(Verifier {
            algorithms: self.provider.signature_verification_algorithms,
            client_auth: self.client_auth,
            server_auth: self.server_auth.clone(),
        })
    }

    fn clock(&self) -> Arc<dyn TimeProvider> {
        match &self.server_auth {
            ServerAuth::Enforce(enforce) => Arc::clone(&enforce.clock),
            ServerAuth::Observe => Arc::new(NoClock),
        }
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246), with authenticated encryption and ephemeral keys only.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsVersion {
    fn to_rustls(self) -> &'static SupportedProtocolVersion {
        match self {
            Self::Tls12 => &TLS12,
            Self::Tls13 => &TLS13,
        }
    }

    /// Whether a suite belongs to the version.
    pub(crate) fn has(self, suite: &SupportedCipherSuite) -> bool {
        matches!(
            (self, suite),
            (Self::Tls12, SupportedCipherSuite::Tls12(_))
                | (Self::Tls13, SupportedCipherSuite::Tls13(_))
        )
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// Why a [`TlsContext`] makes no configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The crypto provider has no cipher suite for one of the versions.
    #[error("the crypto provider has no usable cipher suite for the TLS versions")]
    NoCipherSuite,
    /// A server must present a certificate.
    #[error("a TLS server needs an identity")]
    NoIdentity,
    /// The newest version is older than the oldest.
    #[error("the newest TLS version is older than the oldest")]
    NoVersion,
    /// Suites are named, but none that the provider has for one of the versions.
    #[error("the list of cipher suites has none for {version}")]
    VersionWithoutSuite {
        /// The version.
        version: TlsVersion,
    },
}

/// Satisfies rustls where nothing looks at the time: certificates are not judged during the
/// handshake, and there are no tickets to expire.
#[derive(Debug)]
struct NoClock;

impl TimeProvider for NoClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::ZERO))
    }
}
