//! One connection to the port, from its first byte to our answer.

use std::io;
use std::sync::Arc;

use comity_rustls::{Admitted, ConfigError, Hello, HelloReader, Plaintext, Refusal, Sniffed};
use comity_trust::{Role, UnixTime};
use rustls::Error;
use rustls::server::{Accepted, Acceptor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::{StartHandshake, TlsStream};

use crate::options::Auth;
use crate::session::{Heard, describe, explain, rustls_error};
use crate::setup::Setup;

/// What somebody who connected was.
pub(crate) enum Met {
    Plaintext(Plaintext),
    /// The session and its client's certificate, in words.
    Tls(String),
}

impl std::fmt::Display for Met {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plaintext(protocol) => write!(f, "plaintext {protocol}"),
            Self::Tls(session) => f.write_str(session),
        }
    }
}

/// Why somebody who connected got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("refused: client certificate: {0}")]
    Certificate(String),
    #[error("TLS: {0}")]
    Config(#[from] ConfigError),
    #[error("gone before it said enough")]
    Gone,
    #[error("lost: {0}")]
    Lost(#[from] io::Error),
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    #[error("refused: {0}")]
    Unserved(String),
}

/// Recognises what begins on a connection, serves it, and says what it was.
pub(crate) async fn serve(stream: &mut TcpStream, setup: &Setup) -> Result<Met, Trouble> {
    let mut head = Vec::with_capacity(READ_BYTES);
    let sniffed = loop {
        if let Some(sniffed) = Sniffed::of(&head) {
            break sniffed;
        }
        read(stream, &mut head).await?;
    };
    match setup.mode.admit(sniffed)? {
        Admitted::Plaintext(protocol) => {
            let met = Met::Plaintext(protocol);
            stream.write_all(format!("{met}\n").as_bytes()).await?;
            Ok(met)
        }
        Admitted::Tls => Ok(Met::Tls(tls(stream, &head, setup).await?)),
    }
}

async fn tls(stream: &mut TcpStream, head: &[u8], setup: &Setup) -> Result<String, Trouble> {
    let (accepted, hello) = hello(stream, head, setup).await?;
    let heard = Heard::default();
    let context = setup.judging(heard.by(&setup.enforce));
    let config = Arc::new(context.server_config()?);
    let start = StartHandshake::from_parts(accepted, stream);
    let session = start.into_stream(config).await;
    let mut session = session.map_err(|error| match heard.verdict() {
        Some(verdict) if verdict.reason().is_some() => Trouble::Certificate(explain(verdict)),
        Some(_) | None => why(&error, hello.as_ref(), setup),
    })?;
    let client = client(&session, &heard, setup);
    let (_, connection) = session.get_ref();
    let line = format!("{}, client certificate: {client}", describe(connection));
    session.write_all(format!("{line}\n").as_bytes()).await?;
    session.shutdown().await?;
    Ok(line)
}

/// Reads the client's hello, for rustls and for a diagnosis.
async fn hello(
    stream: &mut TcpStream,
    head: &[u8],
    setup: &Setup,
) -> Result<(Accepted, Option<Hello>), Trouble> {
    let mut acceptor = Acceptor::default();
    let mut reader = HelloReader::new();
    let mut hello = None;
    let mut bytes = Vec::with_capacity(READ_BYTES);
    bytes.extend_from_slice(head);
    loop {
        // What the reader cannot read has no diagnosis; rustls says what it is.
        if let Ok(Some(read)) = reader.read(&bytes) {
            hello = Some(read);
        }
        let mut unread = bytes.as_slice();
        while !unread.is_empty() {
            acceptor.read_tls(&mut unread)?;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok((accepted, hello)),
            Ok(None) => {}
            Err((error, mut alert)) => {
                let mut bytes = Vec::new();
                alert.write_all(&mut bytes)?;
                stream.write_all(&bytes).await?;
                return Err(unserved(&error, hello.as_ref(), setup));
            }
        }
        bytes.clear();
        read(stream, &mut bytes).await?;
    }
}

/// What is known about the client.
fn client(session: &TlsStream<&mut TcpStream>, heard: &Heard, setup: &Setup) -> String {
    let (_, connection) = session.get_ref();
    let asked = match setup.client_auth {
        Auth::None => return "not asked for".to_owned(),
        Auth::Observe | Auth::Required | Auth::Want => connection.peer_certificates(),
    };
    if asked.is_none() {
        return "none".to_owned();
    }
    if let Some(verdict) = heard.verdict() {
        return explain(verdict);
    }
    let enforce = &setup.enforce;
    let (reference, role) = (setup.clients(), Role::Client);
    let (policy, crls) = (&enforce.policy, &enforce.crls);
    let now = UnixTime::now();
    explain(&comity_rustls::peer_verdict(
        connection, role, now, &reference, policy, crls,
    ))
}

/// Why a handshake failed.
fn why(error: &io::Error, hello: Option<&Hello>, setup: &Setup) -> Trouble {
    match rustls_error(error) {
        Some(error) => unserved(error, hello, setup),
        None => Trouble::Unserved(error.to_string()),
    }
}

/// Why a client is not served: what its hello lacks says more than the words of rustls.
fn unserved(error: &Error, hello: Option<&Hello>, setup: &Setup) -> Trouble {
    let is_about_hello = matches!(
        error,
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol
    );
    let problem = hello
        .filter(|_| is_about_hello)
        .and_then(|hello| setup.tls.problem(hello, None));
    Trouble::Unserved(match problem {
        Some(problem) => problem.to_string(),
        None => error.to_string(),
    })
}

/// Reads what has come.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), Trouble> {
    match stream.read_buf(bytes).await? {
        0 => Err(Trouble::Gone),
        _ => Ok(()),
    }
}

/// What is read at a time.
const READ_BYTES: usize = 4096;
