use std::sync::Arc;

use comity_identity::DomainName;
use comity_trust::PeerSubject;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use crate::auth::{ClientAuth, ServerAuth};
use crate::enforce::Enforce;
use crate::hello::{Hello, Offer, Problem};
use crate::identities::{ByServerName, Identities};
use crate::identity::Identity;
use crate::verifier::Verifier;
use crate::version::TlsVersion;

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
    /// this order, a server goes by that of the client. Default: `None`, for all that the provider
    /// has.
    pub cipher_suites: Option<Vec<SupportedCipherSuite>>,
    /// Whether a server asks its clients for certificates. Default: [`ClientAuth::Observe`].
    pub client_auth: ClientAuth,
    /// What we present in either direction, unless `inbound` or `outbound` has something else.
    /// Default: nothing, with which only a client can do.
    pub identity: Option<Identity>,
    /// What we present as a server.
    pub inbound: Identities,
    /// The newest version that is spoken. Default: [`TlsVersion::Tls13`].
    pub max_version: TlsVersion,
    /// The oldest version that is spoken. Default: [`TlsVersion::Tls12`].
    pub min_version: TlsVersion,
    /// What we present as a client.
    pub outbound: Identities,
    /// Who may connect, by the names in their certificates. [`ClientAuth`] must be one that judges.
    /// An empty list lets nobody in. Default: `None`, for everybody whom the policy trusts and whose
    /// certificate names somebody in the forms of [`Enforce`]. A wildcard names nobody.
    pub peer_subjects: Option<Vec<PeerSubject>>,
    /// Whether we present a certificate to servers that ask for one.
    /// Default: [`PresentCertificate::IfAsked`].
    pub present_certificate: PresentCertificate,
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
            cipher_suites: None,
            client_auth: ClientAuth::Observe,
            identity: None,
            inbound: Identities::default(),
            max_version: TlsVersion::Tls13,
            min_version: TlsVersion::Tls12,
            outbound: Identities::default(),
            peer_subjects: None,
            present_certificate: PresentCertificate::IfAsked,
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

    /// The configuration for connections that we open on behalf of no particular domain of ours.
    ///
    /// # Errors
    ///
    /// The versions cannot be spoken with the suites.
    pub fn client_config(&self) -> Result<ClientConfig, ConfigError> {
        self.client(None)
    }

    /// The configuration for connections that we open on behalf of a domain of ours.
    ///
    /// # Errors
    ///
    /// As [`TlsContext::client_config`].
    pub fn client_config_for(&self, domain: &DomainName) -> Result<ClientConfig, ConfigError> {
        self.client(Some(domain))
    }

    /// The configuration for connections that we accept, with the certificate chosen by SNI.
    ///
    /// So direct TLS needs it, where nothing else tells which of our domains is meant.
    ///
    /// # Errors
    ///
    /// There is no identity to present, the versions cannot be spoken with the suites, or no client
    /// could be let in.
    pub fn server_config(&self) -> Result<ServerConfig, ConfigError> {
        self.server(self.inbound.clone())
    }

    /// The configuration for connections that we accept after the peer has told which of our
    /// domains it means.
    ///
    /// So STARTTLS needs it: what `to` in the stream header says goes before SNI
    /// (RFC 6120 §5.4.3.1). For a domain without an identity of its own SNI decides.
    ///
    /// # Errors
    ///
    /// As [`TlsContext::server_config`].
    pub fn server_config_for(&self, domain: &DomainName) -> Result<ServerConfig, ConfigError> {
        self.server(match self.inbound.domains.get(domain) {
            Some(identity) => Identities {
                default: Some(identity.clone()),
                ..Identities::default()
            },
            None => self.inbound.clone(),
        })
    }

    /// Says why a server with this context cannot serve a client that sends such a hello, as far as
    /// the hello tells.
    ///
    /// `domain` is that of ours which the client means, if it is known from elsewhere than SNI.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use comity_rustls::{HelloReader, TlsContext, TlsVersion, default_provider};
    /// use rustls::ClientConnection;
    ///
    /// let mut client = TlsContext::observing(default_provider());
    /// client.max_version = TlsVersion::Tls12;
    /// let config = Arc::new(client.client_config()?);
    /// let mut client = ClientConnection::new(config, "b.example".try_into()?)?;
    /// let mut bytes = Vec::new();
    /// client.write_tls(&mut bytes)?;
    ///
    /// let mut server = TlsContext::observing(default_provider());
    /// server.min_version = TlsVersion::Tls13;
    /// let hello = HelloReader::new().read(&bytes)?.expect("a whole hello");
    /// assert_eq!(
    ///     server.problem(&hello, None).expect("a problem").to_string(),
    ///     "no common version: we speak TLS 1.3, the peer TLS 1.2: change the versions of one side"
    /// );
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn problem(&self, hello: &Hello, domain: Option<&DomainName>) -> Option<Problem> {
        let domain = domain.or(hello.server_name.as_ref());
        let identity = self.inbound.choose(domain, self.identity.as_ref());
        let offer = Offer {
            alpn: &self.alpn,
            groups: &self.provider.kx_groups,
            key: identity.map(Identity::key),
            provider: &self.provider.cipher_suites,
            suites: &self.suites(),
            versions: &self.versions(),
        };
        offer.problem(hello)
    }

    fn client(&self, domain: Option<&DomainName>) -> Result<ClientConfig, ConfigError> {
        let versions = self.rustls_versions()?;
        let verifier: Arc<dyn ServerCertVerifier> = self.verifier();
        let enforce = match &self.server_auth {
            ServerAuth::Enforce(enforce) => Some(enforce),
            ServerAuth::Observe => None,
        };
        let builder = ClientConfig::builder_with_details(self.restricted(), clock(enforce))
            .with_protocol_versions(&versions)
            .map_err(|_rustls| ConfigError::NoCipherSuite)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let identity = match self.present_certificate {
            PresentCertificate::IfAsked => self.outbound.choose(domain, self.identity.as_ref()),
            PresentCertificate::Never => None,
        };
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.alpn);
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn server(&self, identities: Identities) -> Result<ServerConfig, ConfigError> {
        let fallback = self.identity.clone();
        if identities.choose(None, fallback.as_ref()).is_none() && identities.domains.is_empty() {
            return Err(ConfigError::NoIdentity);
        }
        let enforce = self.client_auth.enforce();
        if enforce.is_none() && self.peer_subjects.is_some() {
            return Err(ConfigError::UnjudgedSubjects);
        }
        let requires = self.client_auth.is_mandatory();
        if requires && enforce.is_some_and(|enforce| enforce.policy.store.is_empty()) {
            return Err(ConfigError::NobodyTrusted);
        }
        let versions = self.rustls_versions()?;
        let mut config = ServerConfig::builder_with_details(self.restricted(), clock(enforce))
            .with_protocol_versions(&versions)
            .map_err(|_rustls| ConfigError::NoCipherSuite)?
            .with_client_cert_verifier(self.verifier())
            .with_cert_resolver(Arc::new(ByServerName {
                identities,
                fallback,
            }));
        config.alpn_protocols.clone_from(&self.alpn);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// The versions that may be spoken, best first.
    fn versions(&self) -> Vec<TlsVersion> {
        let range = self.min_version..=self.max_version;
        let versions = [TlsVersion::Tls13, TlsVersion::Tls12].into_iter();
        versions.filter(|version| range.contains(version)).collect()
    }

    /// The same for rustls. Each has a suite if suites are named.
    fn rustls_versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, ConfigError> {
        let versions = self.versions();
        if versions.is_empty() {
            return Err(ConfigError::NoVersion);
        }
        let suites = self.suites();
        let with_suite = |version: TlsVersion| {
            let has_suite = suites.iter().any(|suite| version.has(suite));
            if has_suite || self.cipher_suites.is_none() {
                Ok(version.to_rustls())
            } else {
                Err(ConfigError::VersionWithoutSuite { version })
            }
        };
        versions.into_iter().map(with_suite).collect()
    }

    /// The suites that may be negotiated, best first.
    fn suites(&self) -> Vec<SupportedCipherSuite> {
        let all = &self.provider.cipher_suites;
        match &self.cipher_suites {
            Some(named) => {
                let named = named.iter().copied();
                named.filter(|suite| all.contains(suite)).collect()
            }
            None => all.clone(),
        }
    }

    /// The provider with these suites only.
    fn restricted(&self) -> Arc<CryptoProvider> {
        match self.cipher_suites {
            Some(_) => Arc::new(CryptoProvider {
                cipher_suites: self.suites(),
                ..(*self.provider).clone()
            }),
            None => Arc::clone(&self.provider),
        }
    }

    fn verifier(&self) -> Arc<Verifier> {
        Arc::new(Verifier {
            algorithms: self.provider.signature_verification_algorithms,
            client_auth: self.client_auth.clone(),
            peer_subjects: self.peer_subjects.clone(),
            server_auth: self.server_auth.clone(),
        })
    }
}

fn clock(enforce: Option<&Enforce>) -> Arc<dyn TimeProvider> {
    match enforce {
        Some(enforce) => Arc::clone(&enforce.clock),
        None => Arc::new(NoClock),
    }
}

/// Whether a client presents a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PresentCertificate {
    /// To a server that asks, if there is one to present.
    IfAsked,
    /// To nobody. A server that requires one ends the handshake.
    Never,
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
    /// Clients must present a certificate that is trusted, but the policy trusts nobody.
    #[error("client certificates are required, but no CA and no certificate is trusted")]
    NobodyTrusted,
    /// The newest version is older than the oldest.
    #[error("the newest TLS version is older than the oldest")]
    NoVersion,
    /// Peers are named who may connect, but clients are not judged in the handshake.
    #[error("peer subjects are named, but clients are not judged in the handshake")]
    UnjudgedSubjects,
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
