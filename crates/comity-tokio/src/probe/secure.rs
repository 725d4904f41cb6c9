//! TLS handshakes with a peer: with all that we speak, with TLS 1.2 alone, and with what is too old.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comity_identity::DomainName;
use comity_rustls::diagnose::{
    Alpn, CertificateRequest, Handshake, HandshakeFailure, Negotiated, Observed,
};
use comity_rustls::{
    AnswerReader, ConfigError, Legacy, LegacyAnswer, PresentCertificate, ServerAuth, TlsContext,
    TlsVersion,
};
use comity_srv::{Candidate, Transport};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ClientConfig, ProtocolVersion, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::visit::Visit;
use super::{ActivityKind, dial, xmpp};

/// How TLS is spoken by one side, for all its targets.
#[derive(Debug)]
pub(super) struct Clients {
    /// With all that it has.
    best: ClientConfig,
    /// With TLS 1.2 and without a certificate.
    tls12: ClientConfig,
}

impl Clients {
    /// What the context of a side makes on behalf of a domain.
    pub(super) fn new(
        context: &TlsContext,
        local: Option<&DomainName>,
    ) -> Result<Self, ConfigError> {
        let mut tls = context.clone();
        tls.server_auth = ServerAuth::Observe;
        let best = match local {
            Some(local) => tls.client_config_for(local)?,
            None => tls.client_config()?,
        };
        tls.min_version = TlsVersion::Tls12;
        tls.max_version = TlsVersion::Tls12;
        tls.cipher_suites = None;
        tls.present_certificate = PresentCertificate::Never;
        let tls12 = tls.client_config()?;
        Ok(Self { best, tls12 })
    }
}

/// Why a handshake did not come about, and whether the peer had asked for our certificate by then.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) failure: HandshakeFailure,
    was_asked: bool,
}

impl From<Broken> for Handshake {
    fn from(Broken { failure, was_asked }: Broken) -> Self {
        if was_asked {
            Self::Unproved(failure)
        } else {
            Self::Failed(failure)
        }
    }
}

/// What a peer makes of handshakes without our certificate, each on a connection of its own.
pub(super) async fn others(visit: &Visit<'_>) -> Observed {
    let mut observed = Observed::default();
    if visit.candidate.transport.has_certificate() {
        (observed.tls12, observed.old_versions, observed.old_suites) = tokio::join!(
            tls12(visit),
            legacy(visit, Legacy::Versions),
            legacy(visit, Legacy::Suites)
        );
    }
    observed
}

/// Does the handshake that a connection of ours would do.
pub(super) async fn best(
    visit: &Visit<'_>,
    stream: TcpStream,
) -> Result<(TlsStream<TcpStream>, Negotiated), Broken> {
    let mut config = visit.clients.best.clone();
    let alpn = visit.candidate.alpn.iter();
    config.alpn_protocols = alpn.map(|name| name.as_bytes().to_vec()).collect();
    handshake(visit, config, stream).await
}

async fn handshake(
    visit: &Visit<'_>,
    mut config: ClientConfig,
    stream: TcpStream,
) -> Result<(TlsStream<TcpStream>, Negotiated), Broken> {
    let context = visit.context;
    let offers_protocol = !config.alpn_protocols.is_empty();
    let recorder = Arc::new(Recorder {
        inner: config.client_auth_cert_resolver,
        was_asked: AtomicBool::new(false),
    });
    config.client_auth_cert_resolver = Arc::<Recorder>::clone(&recorder);
    let connect =
        TlsConnector::from(Arc::new(config)).connect(server_name(visit.candidate), stream);
    let connect = timeout(context.config.limits.handshake_timeout, connect);
    let stream = match context
        .watch
        .wait(ActivityKind::Handshake, &visit.subject, connect)
        .await
    {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(recorder.broken(HandshakeFailure::from(&error))),
        Err(_elapsed) => return Err(recorder.broken(HandshakeFailure::TimedOut)),
    };
    let state = stream.get_ref().1;
    let suite = state.negotiated_cipher_suite();
    let negotiated = Negotiated {
        // Both are known after a handshake.
        version: state
            .protocol_version()
            .unwrap_or(ProtocolVersion::Unknown(0)),
        suite: suite.map_or(CipherSuite::TLS_NULL_WITH_NULL_NULL, |suite| suite.suite()),
        alpn: match (offers_protocol, state.alpn_protocol()) {
            (true, Some(_)) => Alpn::Chosen,
            (true, None) => Alpn::Ignored,
            (false, _) => Alpn::NotOffered,
        },
        client_certificate: if recorder.was_asked() {
            CertificateRequest::Asked
        } else {
            CertificateRequest::NotAsked
        },
    };
    Ok((stream, negotiated))
}

fn server_name(candidate: &Candidate) -> ServerName<'static> {
    let name = candidate.server_name.as_ref();
    let name = name.and_then(|name| ServerName::try_from(name.as_str().to_owned()).ok());
    name.unwrap_or_else(|| ServerName::IpAddress(candidate.address.ip().into()))
}

/// A connection that is ready for a handshake.
async fn ready(visit: &Visit<'_>) -> Option<TcpStream> {
    let stream = dial::connect(visit).await.ok()?;
    match visit.candidate.transport {
        Transport::StartTls => xmpp::start_tls(visit, stream).await,
        Transport::Tls | Transport::Tcp | Transport::Udp => Some(stream),
    }
}

async fn tls12(visit: &Visit<'_>) -> Option<Handshake> {
    let stream = ready(visit).await?;
    let ended = handshake(visit, visit.clients.tls12.clone(), stream).await;
    Some(match ended {
        Ok((_stream, negotiated)) => Handshake::Done(negotiated),
        Err(broken) => broken.into(),
    })
}

/// What the peer answers to a hello that is too old; `None` if it does not answer, or not in TLS.
async fn legacy(visit: &Visit<'_>, legacy: Legacy) -> Option<LegacyAnswer> {
    let context = visit.context;
    let mut stream = ready(visit).await?;
    let name = visit.candidate.server_name.as_ref();
    let hello = legacy.hello(name, context.random());
    let answer = async {
        stream.write_all(&hello).await.ok()?;
        let mut reader = AnswerReader::new();
        let mut left = MAX_ANSWER_BYTES;
        let mut chunk = [0; 512];
        while left > 0 {
            let count = stream
                .read(&mut chunk)
                .await
                .ok()
                .filter(|count| *count > 0)?;
            let read = chunk.get(..count).unwrap_or_default();
            if let Some(answer) = reader.read(read).ok()? {
                return Some(answer);
            }
            left = left.saturating_sub(count);
        }
        None
    };
    let answer = timeout(context.config.limits.handshake_timeout, answer);
    let answer = context
        .watch
        .wait(ActivityKind::Handshake, &visit.subject, answer)
        .await;
    answer.ok().flatten()
}

/// Sees whether the server asks for our certificate, and lets another one answer.
struct Recorder {
    inner: Arc<dyn ResolvesClientCert>,
    was_asked: AtomicBool,
}

impl Recorder {
    fn was_asked(&self) -> bool {
        self.was_asked.load(Ordering::Relaxed)
    }

    fn broken(&self, failure: HandshakeFailure) -> Broken {
        Broken {
            failure,
            was_asked: self.was_asked(),
        }
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.inner.resolve(root_hint_subjects, schemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// A hello of a server takes a hundred.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
