use std::fmt;
use std::sync::Arc;

use comity_rustls::{ConfigError, TlsContext};
use comity_xmpp::router::TlsRole;
use rustls::pki_types::ServerName;
use rustls::{CommonState, ProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::event::TlsSession;

/// Our side of TLS handshakes in both roles.
#[derive(Clone)]
pub(crate) struct TlsEndpoint {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

/// Why a handshake failed, and the connection: the peer has to read our alert.
pub(super) type HandshakeError = (Box<str>, TcpStream);

impl TlsEndpoint {
    pub(crate) fn new(context: &TlsContext) -> Result<Self, ConfigError> {
        Ok(Self {
            acceptor: Arc::new(context.server_config()?).into(),
            connector: Arc::new(context.client_config()?).into(),
        })
    }

    /// Does the handshake in our role.
    pub(super) async fn handshake(
        &self,
        role: &TlsRole,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, TlsSession), HandshakeError> {
        let stream = match role {
            TlsRole::Client { server_name } => {
                let name = match ServerName::try_from(server_name.as_str().to_owned()) {
                    Ok(name) => name,
                    Err(error) => return Err((error.to_string().into(), stream)),
                };
                let handshake = self.connector.connect(name, stream).into_fallible();
                handshake.await.map(TlsStream::from)
            }
            TlsRole::Server => {
                let handshake = self.acceptor.accept(stream).into_fallible();
                handshake.await.map(TlsStream::from)
            }
        };
        match stream {
            Ok(stream) => {
                let session = describe(stream.get_ref().1);
                Ok((stream, session))
            }
            Err((error, stream)) => Err((error.to_string().into(), stream)),
        }
    }
}

impl fmt::Debug for TlsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsEndpoint").finish_non_exhaustive()
    }
}

/// The connection below a TLS session that has ended.
pub(super) fn into_tcp(stream: TlsStream<TcpStream>) -> TcpStream {
    match stream {
        TlsStream::Client(stream) => stream.into_inner().0,
        TlsStream::Server(stream) => stream.into_inner().0,
    }
}

fn describe(state: &CommonState) -> TlsSession {
    let version = match state.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        // rustls has no other.
        Some(_) | None => "TLS",
    };
    let suite = state.negotiated_cipher_suite();
    let name = suite.and_then(|suite| suite.suite().as_str());
    let name = name.unwrap_or("an unknown cipher suite");
    TlsSession {
        version: version.into(),
        // rustls tells the suites of TLS 1.3 apart by the prefix, the registry does not.
        cipher_suite: name.replace("TLS13_", "TLS_").into(),
        peer_certificates: state.peer_certificates().unwrap_or_default().into(),
    }
}
