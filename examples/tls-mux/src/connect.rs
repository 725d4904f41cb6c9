//! The client: goes to a server and judges it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use comity_identity::Host;
use comity_rustls::{ConfigError, ServerAuth};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::options::Target;
use crate::session::{Heard, describe, explain};
use crate::setup::Setup;

/// Why there is no session with a server that proved its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{address}: {error}")]
    Connect { address: String, error: io::Error },
    #[error("the name cannot be asked for in TLS")]
    Name,
    #[error("refused: server certificate: {0}")]
    Refused(String),
    #[error("{address}: nothing within {} seconds", PATIENCE.as_secs())]
    Timeout { address: String },
    #[error("refused: TLS: {0}")]
    Tls(io::Error),
    #[error("TLS: {0}")]
    Config(#[from] ConfigError),
}

/// Does the handshake, and says with whom.
pub(crate) async fn connect(target: &Target, setup: &Setup) -> Result<String, ConnectError> {
    let heard = Heard::default();
    let mut tls = setup.tls.clone();
    tls.server_auth = ServerAuth::Enforce(heard.by(&setup.enforce));
    let connector = TlsConnector::from(Arc::new(tls.client_config()?));
    let name = match &target.name {
        Host::Domain(domain) => ServerName::try_from(domain.as_str().to_owned()),
        Host::Ip(address) => Ok(ServerName::IpAddress((*address).into())),
    };
    let name = name.map_err(|_rustls| ConnectError::Name)?;
    let session = async {
        let stream = TcpStream::connect(&target.address).await;
        let stream = stream.map_err(|error| ConnectError::Connect {
            address: target.address.clone(),
            error,
        })?;
        let stream = connector.connect(name, stream).await;
        stream.map_err(|error| match heard.verdict() {
            Some(verdict) if verdict.reason().is_some() => ConnectError::Refused(explain(verdict)),
            Some(_) | None => ConnectError::Tls(error),
        })
    };
    let session = timeout(PATIENCE, session).await;
    let session = session.map_err(|_elapsed| ConnectError::Timeout {
        address: target.address.clone(),
    })??;
    let certificate = heard.verdict().map(explain).unwrap_or_default();
    let (_, connection) = session.get_ref();
    Ok(format!(
        "{}, server certificate: {certificate}",
        describe(connection)
    ))
}

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(10);
