use std::sync::Arc;

use comity_identity::DomainName;
use comity_trust::{Policy, Reason, Reference, Role, Service, Verdict, evaluate};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

/// What becomes of a server's certificate during the handshake.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServerAuth {
    /// The handshake goes on only if the certificate proves the name that was asked for.
    Enforce(Enforce),
    /// The handshake goes on with any certificate whose key the server holds, and
    /// [`peer_verdict`](crate::peer_verdict) tells afterwards whom it names.
    ///
    /// Until then nothing is known about the peer, and nothing confidential may be sent.
    Observe,
}

/// How a client judges servers during the handshake.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Enforce {
    /// Tells the wall time.
    pub clock: Arc<dyn TimeProvider>,
    /// By which rules and on whose word.
    pub policy: Arc<Policy>,
    /// The service whose SRV-ID counts beside a DNS-ID. Default: none.
    pub service: Option<Service>,
}

impl Enforce {
    /// Judges by `policy` at the time that `clock` tells; only DNS-IDs count.
    #[must_use]
    pub fn new(policy: Arc<Policy>, clock: Arc<dyn TimeProvider>) -> Self {
        Self {
            clock,
            policy,
            service: None,
        }
    }

    fn check(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let ServerName::DnsName(dns_name) = name else {
            return Err(CertificateError::NotValidForName.into());
        };
        let domain = DomainName::parse(dns_name.as_ref())
            .map_err(|error| CertificateError::Other(OtherError(Arc::new(error))))?;
        let reference = match self.service {
            Some(service) => Reference::service(domain, service),
            None => Reference::dns(domain),
        };
        match evaluate(chain, now, Role::Server, &reference, &self.policy) {
            Verdict::Trusted(_) => Ok(()),
            Verdict::Refused(reason) => Err(certificate_error(reason, name, now).into()),
        }
    }
}

/// Whether a server asks its clients for certificates.
///
/// A certificate that is presented is taken whatever it says, as long as the client holds its key:
/// whom it must name is known only after the handshake, from the stream's `from`.
/// [`peer_verdict`](crate::peer_verdict) judges it then. No hint is given about acceptable CAs,
/// because some clients present nothing unless they find theirs in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Not asked.
    None,
    /// Asked; none is fine.
    Observe,
    /// Asked; without one the handshake fails.
    Require,
}

/// The verifier of both sides: handshake signatures by the crypto provider, certificates by
/// [`Enforce`] or not at all.
///
/// It keeps no verdict: the verifier of a configuration serves many connections.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    pub(crate) client_auth: ClientAuth,
    pub(crate) server_auth: ServerAuth,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.server_auth {
            ServerAuth::Observe => {}
            ServerAuth::Enforce(enforce) => {
                let mut chain = Vec::with_capacity(intermediates.len() + 1);
                chain.push(end_entity.clone());
                chain.extend_from_slice(intermediates);
                enforce.check(&chain, server_name, now)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        match self.client_auth {
            ClientAuth::None => false,
            ClientAuth::Observe | ClientAuth::Require => true,
        }
    }

    fn client_auth_mandatory(&self) -> bool {
        match self.client_auth {
            ClientAuth::None | ClientAuth::Observe => false,
            ClientAuth::Require => true,
        }
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Puts a reason into rustls' terms, which choose the alert.
///
/// What rustls has no word for travels as it is, under the alert `certificate_unknown`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a reason that comes later has no word in rustls either"
)]
fn certificate_error(reason: Reason, name: &ServerName<'_>, time: UnixTime) -> CertificateError {
    match reason {
        Reason::Expired { not_after, .. } => CertificateError::ExpiredContext { time, not_after },
        Reason::NotYetValid { not_before, .. } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        Reason::NameMismatch { presented, .. } => CertificateError::NotValidForNameContext {
            expected: name.to_owned(),
            presented: presented.listed.iter().map(ToString::to_string).collect(),
        },
        Reason::UnknownIssuer | Reason::SelfSigned => CertificateError::UnknownIssuer,
        Reason::BadSignature => CertificateError::BadSignature,
        Reason::ExtendedKeyUsage { .. } => CertificateError::InvalidPurpose,
        Reason::Malformed { .. } | Reason::MalformedNames | Reason::UnsupportedVersion { .. } => {
            CertificateError::BadEncoding
        }
        Reason::UnsupportedExtension => CertificateError::UnhandledCriticalExtension,
        reason => CertificateError::Other(OtherError(Arc::new(reason))),
    }
}
