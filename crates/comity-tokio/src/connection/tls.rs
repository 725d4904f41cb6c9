use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use comity_identity::DomainName;
use comity_rustls::{ConfigError, TlsContext};
use comity_xmpp::Transport;
use comity_xmpp::router::TlsRole;
use rustls::pki_types::ServerName;
use rustls::server::{Acceptor, ClientHello};
use rustls::{ClientConfig, CommonState, ProtocolVersion, ServerConfig};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, TlsStream};

use crate::event::TlsSession;
use crate::headed::Headed;

/// Our side of TLS handshakes in both roles.
///
/// With direct TLS a client of ours offers the protocol `xmpp-server` (XEP-0368), and a server of
/// ours chooses it where it is offered. Whoever offers nothing, or only what we do not know, is
/// served as by a server that knows no ALPN, although RFC 7301 §3.2 would have us refuse the
/// latter: the stream header tells what the connection is for, and nothing here depends on the
/// protocol. After STARTTLS there is none.
#[derive(Clone)]
pub(crate) struct TlsEndpoint {
    plain: Configs,
    with_alpn: Configs,
}

#[derive(Clone)]
struct Configs {
    /// For domains of ours that are not among the others.
    client: Arc<ClientConfig>,
    /// For domains of ours with a certificate of their own.
    clients: BTreeMap<DomainName, Arc<ClientConfig>>,
    server: Arc<ServerConfig>,
}

/// Why a handshake failed, and the connection unless it is lost: the peer has to read our alert.
pub(super) type HandshakeError = (Box<str>, Option<Headed>);

impl TlsEndpoint {
    pub(crate) fn new(context: &TlsContext) -> Result<Self, ConfigError> {
        let with = |alpn| {
            let mut context = context.clone();
            context.alpn = alpn;
            let clients = context.outbound.domains.keys().map(|domain| {
                let config = context.client_config_for(domain)?;
                Ok((domain.clone(), Arc::new(config)))
            });
            Ok(Configs {
                clients: clients.collect::<Result<_, ConfigError>>()?,
                client: Arc::new(context.client_config()?),
                server: Arc::new(context.server_config()?),
            })
        };
        Ok(Self {
            plain: with(Vec::new())?,
            with_alpn: with(vec![ALPN.to_vec()])?,
        })
    }

    /// Does the handshake in our role, on a connection that began as `transport` says.
    pub(super) async fn handshake(
        &self,
        role: &TlsRole,
        transport: Transport,
        stream: Headed,
    ) -> Result<(TlsStream<Headed>, TlsSession), HandshakeError> {
        let stream = match role {
            TlsRole::Client { local, server_name } => {
                self.connect(local, server_name, transport, stream).await?
            }
            TlsRole::Server => self.accept(transport, stream).await?,
        };
        let session = describe(stream.get_ref().1);
        Ok((stream, session))
    }

    async fn connect(
        &self,
        local: &DomainName,
        server_name: &DomainName,
        transport: Transport,
        stream: Headed,
    ) -> Result<TlsStream<Headed>, HandshakeError> {
        let name = match ServerName::try_from(server_name.as_str().to_owned()) {
            Ok(name) => name,
            Err(error) => return Err((error.to_string().into(), Some(stream))),
        };
        let configs = match transport {
            Transport::Tcp => &self.plain,
            Transport::DirectTls => &self.with_alpn,
        };
        let client = configs.clients.get(local).unwrap_or(&configs.client);
        let connector = TlsConnector::from(Arc::clone(client));
        let handshake = connector.connect(name, stream).into_fallible();
        handshake.await.map(TlsStream::from).map_err(failed)
    }

    async fn accept(
        &self,
        transport: Transport,
        stream: Headed,
    ) -> Result<TlsStream<Headed>, HandshakeError> {
        let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let start = match (&mut acceptor).await {
            Ok(start) => start,
            Err(error) => return Err((error.to_string().into(), acceptor.take_io())),
        };
        let configs = match transport {
            Transport::DirectTls if offers(&start.client_hello(), ALPN) => &self.with_alpn,
            Transport::DirectTls | Transport::Tcp => &self.plain,
        };
        let handshake = start.into_stream(Arc::clone(&configs.server));
        let handshake = handshake.into_fallible();
        handshake.await.map(TlsStream::from).map_err(failed)
    }
}

impl fmt::Debug for TlsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsEndpoint").finish_non_exhaustive()
    }
}

/// Whether a client offers `protocol` by ALPN.
fn offers(hello: &ClientHello<'_>, protocol: &[u8]) -> bool {
    let offered = hello.alpn();
    offered.is_some_and(|mut offered| offered.any(|name| name == protocol))
}

fn failed((error, stream): (io::Error, Headed)) -> HandshakeError {
    (error.to_string().into(), Some(stream))
}

/// The connection below a TLS session that has ended.
pub(super) fn into_inner(stream: TlsStream<Headed>) -> Headed {
    match stream {
        TlsStream::Client(stream) => stream.into_inner().0,
        TlsStream::Server(stream) => stream.into_inner().0,
    }
}

pub(crate) fn describe(state: &CommonState) -> TlsSession {
    let version = match state.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        // rustls has no other.
        Some(_) | None => "TLS",
    };
    let suite = state.negotiated_cipher_suite();
    let name = suite.and_then(|suite| suite.suite().as_str());
    let name = name.unwrap_or("an unknown cipher suite");
    let alpn = state.alpn_protocol().map(String::from_utf8_lossy);
    TlsSession {
        version: version.into(),
        // rustls tells the suites of TLS 1.3 apart by the prefix, the registry does not.
        cipher_suite: name.replace("TLS13_", "TLS_").into(),
        alpn: alpn.map(Box::from),
        peer_certificates: state.peer_certificates().unwrap_or_default().into(),
    }
}

const ALPN: &[u8] = b"xmpp-server";
