//! Our side of TLS in both roles.

use std::net::SocketAddr;
use std::sync::Arc;

use comity_rustls::{
    Admitted, ClientAuth, ConfigError, Plaintext, PortMode, Refusal, Sniffed, TlsContext,
};
use comity_sip::Transport;
use comity_trust::{PeerSubject, Role};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::config::{Config, Listen};
use super::notice::TurnAway;
use super::proof::{Judge, Proof, Wanted};
use super::stream::Stream;
use crate::headed::Headed;

/// How connections are secured.
#[derive(Clone, Debug)]
pub(super) struct Secure {
    client: Arc<ClientConfig>,
    /// One for each listener, if it has TLS.
    doors: Arc<[Option<Door>]>,
    judge: Arc<Judge>,
    /// For the threads on which certificates are judged.
    seats: Arc<Semaphore>,
}

/// How a listener takes peers.
#[derive(Debug)]
struct Door {
    server: Arc<ServerConfig>,
    /// The only ones who are let in, if they are named.
    subjects: Option<Vec<PeerSubject>>,
    mode: PortMode,
}

impl Secure {
    /// What a configuration says; `None` if it has no TLS.
    pub(super) fn new(config: &Config) -> Result<Option<Self>, ConfigError> {
        let doors = config.listen.iter().map(|listen| Door::new(listen, config));
        let doors = doors.collect::<Result<Vec<_>, _>>()?;
        if doors.iter().all(Option::is_none) {
            return Ok(None);
        }
        let judge = Judge {
            policy: config.trust.clone(),
            crls: config.revocation_lists.clone(),
            max_names: config.limits.max_proved_names,
        };
        let mut context = config.tls.clone();
        context.peer_subjects = None;
        Ok(Some(Self {
            client: Arc::new(context.client_config()?),
            doors: doors.into(),
            judge: Arc::new(judge),
            seats: Arc::new(Semaphore::new(SEATS)),
        }))
    }

    /// Takes a peer that connected.
    pub(super) async fn admit(
        &self,
        stream: TcpStream,
        listener: usize,
    ) -> Result<(Stream, Option<Proof>), TurnAway> {
        let unused = || TurnAway::Handshake("TLS is not configured".into());
        let door = self.doors.get(listener).and_then(Option::as_ref);
        let door = door.ok_or_else(unused)?;
        let mut stream = Headed::new(stream);
        if door.mode != PortMode::TlsOnly {
            let sniffed = stream.sniff().await.map_err(|error| handshake(&error))?;
            match door.admit(sniffed).map_err(TurnAway::Refused)? {
                Transport::Tcp | Transport::Udp => return Ok((Stream::Tcp(stream), None)),
                Transport::Tls => {}
            }
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&door.server));
        let stream = acceptor.accept(stream).await;
        let stream = TlsStream::from(stream.map_err(|error| handshake(&error))?);
        let wanted = match &door.subjects {
            Some(subjects) => Wanted::Subject(subjects.clone()),
            None => Wanted::Anyone,
        };
        let proof = self.judge(&stream, Role::Client, wanted).await;
        let proof = proof.map_err(TurnAway::Unproved)?;
        Ok((Stream::Tls(Box::new(stream)), Some(proof)))
    }

    /// Secures a connection that we made.
    pub(super) async fn connect(
        &self,
        stream: Headed,
        remote: SocketAddr,
        wanted: Wanted,
    ) -> Result<(Stream, Proof), Box<str>> {
        let server_name = match wanted.first() {
            Some(name) => ServerName::try_from(name.as_str().to_owned())
                .map_err(|error| Box::<str>::from(error.to_string()))?,
            None => ServerName::IpAddress(remote.ip().into()),
        };
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let stream = connector.connect(server_name, stream).await;
        let stream = stream.map_err(|error| Box::<str>::from(error.to_string()))?;
        let stream = TlsStream::from(stream);
        let proof = self.judge(&stream, Role::Server, wanted).await?;
        Ok((Stream::Tls(Box::new(stream)), proof))
    }

    /// Judges what the peer presented; the signatures of a hostile chain can take some time.
    async fn judge(
        &self,
        stream: &TlsStream<Headed>,
        role: Role,
        wanted: Wanted,
    ) -> Result<Proof, Box<str>> {
        let chain = stream.get_ref().1.peer_certificates();
        let chain = chain.unwrap_or_default().to_vec();
        let judge = Arc::clone(&self.judge);
        let seat = Arc::clone(&self.seats).acquire_owned().await;
        let prove = move || {
            let proof = judge.prove(&chain, role, &wanted);
            // What has begun keeps its seat to the end.
            drop(seat);
            proof
        };
        let judged = spawn_blocking(prove).await;
        judged.unwrap_or_else(|_panic| Err("the certificate could not be judged".into()))
    }
}

impl Door {
    fn new(listen: &Listen, config: &Config) -> Result<Option<Self>, ConfigError> {
        if !listen.transports().contains(&Transport::Tls) {
            return Ok(None);
        }
        let mut context: TlsContext = listen.tls.as_ref().unwrap_or(&config.tls).clone();
        context.client_auth = ClientAuth::Present;
        // They are judged after the handshake, as everybody.
        let subjects = context.peer_subjects.take();
        Ok(Some(Self {
            server: Arc::new(context.server_config()?),
            subjects,
            mode: listen.mode,
        }))
    }

    /// How a connection that begins so is served.
    fn admit(&self, sniffed: Sniffed) -> Result<Transport, Refusal> {
        match self.mode.admit(sniffed)? {
            Admitted::Tls => Ok(Transport::Tls),
            Admitted::Plaintext(Plaintext::Sip) => Ok(Transport::Tcp),
            Admitted::Plaintext(_) => Err(Refusal::Unrecognised),
        }
    }
}

fn handshake(error: &std::io::Error) -> TurnAway {
    TurnAway::Handshake(error.to_string().into())
}

/// Certificates that are judged at a time.
const SEATS: usize = 4;
