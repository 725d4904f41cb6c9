use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use comity_identity::Host;
use comity_machine::Random;
use comity_sip::Transport;
use comity_sip::endpoint::{Endpoint, Listener};
use rustls::crypto::CryptoProvider;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;

use super::application::Application;
use super::config::{Config, Listen, StartError};
use super::datagrams::Datagrams;
use super::driver::{Driver, Listening, Parts};
use super::errands::Errands;
use super::places::Places;
use super::secure::Secure;
use crate::discovery::Discovery;

/// A SIP endpoint with its sockets.
///
/// Clones speak for the same server. It ends in order when [`shutdown`](Self::shutdown) is called or
/// the last clone is dropped.
pub struct Server<A> {
    commands: mpsc::Sender<Command<A>>,
    addresses: Arc<[(Transport, SocketAddr)]>,
}

impl<A> Clone for Server<A> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
            addresses: Arc::clone(&self.addresses),
        }
    }
}

impl<A> fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// The server has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the server has ended")]
#[non_exhaustive]
pub struct Ended;

/// Why a server goes on with the TLS that it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The server has ended.
    #[error("the server has ended")]
    Ended,
    /// The listeners are not those that the server was started with.
    #[error("the listeners have changed, which needs a new start")]
    Listeners,
    /// TLS cannot be used so.
    #[error("TLS: {0}")]
    Tls(#[from] comity_rustls::ConfigError),
}

impl<A: Application + 'static> Server<A> {
    /// Listens, and serves on a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration, or which address cannot be listened on. Nothing was
    /// started then.
    pub async fn start(config: Config, application: A) -> Result<Self, StartError> {
        let mut random = Random::from_seed(seed(&config.tls.provider)?);
        let secure = Secure::new(&config)?;
        let mut sockets = Sockets::default();
        for listen in &config.listen {
            let bound = sockets.bind(listen, config.limits.max_unsent_datagrams);
            bound.await?;
        }
        let mut rules = config.endpoint;
        rules.listeners = sockets.told;
        let mut transports = vec![Transport::Udp, Transport::Tcp, Transport::Tls];
        transports.retain(|transport| {
            let mut listeners = rules.listeners.iter();
            listeners.any(|listener| listener.transport == *transport)
        });
        let addresses = sockets.addresses.into();
        let address_policy = config.discovery.address_policy.clone();
        // Without name servers there is nothing to be asked.
        let has_servers = !config.discovery.servers.is_empty() && config.locator.is_none();
        let places = Places {
            discovery: has_servers.then(|| Discovery::start(config.discovery, random.seed())),
            locator: config.locator,
        };
        let (commands, obeyed) = mpsc::channel(MAX_COMMANDS);
        let driver = Driver::new(Parts {
            endpoint: Endpoint::new(Instant::now(), rules, random.seed()),
            application,
            sockets: sockets.datagrams,
            listeners: sockets.listening,
            transports,
            errands: Errands::new(config.limits.clone(), secure, places),
            address_policy,
            limits: config.limits,
            commands: obeyed,
        });
        tokio::spawn(driver.run());
        Ok(Self {
            commands,
            addresses,
        })
    }

    /// The addresses that are listened on, in the order of [`Config::listen`].
    #[must_use]
    pub fn addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// Does something with the endpoint and the application, soon, on the task that serves them. What
    /// is to be sent because of it leaves then. Work that has not begun when the server ends is
    /// dropped.
    ///
    /// # Errors
    ///
    /// If the server has ended.
    pub async fn call<F>(&self, work: F) -> Result<(), Ended>
    where
        F: FnOnce(Instant, &mut Endpoint, &mut A) + Send + 'static,
    {
        let called = self.commands.send(Command::Call(Box::new(work))).await;
        called.map_err(|_gone| Ended)
    }

    /// Takes the certificates, the rules of TLS and of trust, and the revocation lists of another
    /// configuration into use, for handshakes that begin from now on. Connections that there are stay.
    ///
    /// Of its listeners nothing counts but their TLS, by their places in [`Config::listen`]; and nothing
    /// else of it counts.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and nothing has changed; or the server has ended.
    pub async fn replace_tls(&self, config: &Config) -> Result<(), ReplaceError> {
        let is_same = config.listen.len() == self.addresses.len()
            && config
                .listen
                .iter()
                .zip(self.addresses.iter())
                .all(|(listen, (transport, _))| listen.transport == *transport);
        if !is_same {
            return Err(ReplaceError::Listeners);
        }
        let Some(secure) = Secure::new(config)? else {
            return Ok(());
        };
        let replaced = self.commands.send(Command::Secure(secure)).await;
        replaced.map_err(|_gone| ReplaceError::Ended)
    }

    /// Waits until the server has ended, for whatever reason.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Stops to listen, lets the application end what goes on
    /// ([`Application::handle_shutdown`]), ends every connection in order, and returns when all have
    /// ended.
    ///
    /// What takes longer than [`Limits::settle_timeout`](super::Limits::settle_timeout) and then
    /// [`Limits::shutdown_timeout`](super::Limits::shutdown_timeout) is cut off. Requests that wait
    /// for an answer get none after the application is settled.
    pub async fn shutdown(&self) {
        // Nobody is there to be told if it has ended already.
        let _ = self.commands.send(Command::Shutdown).await;
        self.ended().await;
    }
}

/// What is to be done with the endpoint and the application.
type Work<A> = Box<dyn FnOnce(Instant, &mut Endpoint, &mut A) + Send>;

/// What others want of the driver.
pub(super) enum Command<A> {
    Call(Work<A>),
    Secure(Secure),
    Shutdown,
}

impl<A> fmt::Debug for Command<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call(_) => "Call",
            Self::Secure(_) => "Secure",
            Self::Shutdown => "Shutdown",
        })
    }
}

/// The sockets of a server, and what others are told of them.
#[derive(Debug, Default)]
struct Sockets {
    datagrams: Vec<Datagrams>,
    listening: Vec<Listening>,
    told: Vec<Listener>,
    /// In the order of the configuration.
    addresses: Vec<(Transport, SocketAddr)>,
}

impl Sockets {
    async fn bind(&mut self, listen: &Listen, max_unsent: usize) -> Result<(), StartError> {
        let (transport, address) = (listen.transport, listen.address);
        if address.ip().is_unspecified() && listen.host.is_none() {
            return Err(StartError::Nameless { transport, address });
        }
        let failed = |error: io::Error| StartError::Listen {
            transport,
            address,
            kind: error.kind(),
        };
        let local = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(address).await.map_err(failed)?;
                let local = socket.local_addr().map_err(failed)?;
                self.datagrams
                    .push(Datagrams::new(socket, local, max_unsent));
                local
            }
            Transport::Tcp | Transport::Tls => {
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let local = listener.local_addr().map_err(failed)?;
                self.listening.push(Listening {
                    transport,
                    listener,
                    place: self.addresses.len(),
                    rests: false,
                });
                local
            }
        };
        let host = listen.host.clone().unwrap_or_else(|| Host::Ip(local.ip()));
        let port = listen.port.unwrap_or_else(|| local.port());
        let told = listen
            .transports()
            .iter()
            .map(|&transport| Listener::new(transport, local).advertised(host.clone(), port));
        self.told.extend(told);
        self.addresses.push((transport, local));
        Ok(())
    }
}

fn seed(provider: &CryptoProvider) -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    provider
        .secure_random
        .fill(&mut seed)
        .map_err(|_rustls| StartError::Random)?;
    Ok(seed)
}

/// Commands that the driver has not taken; more wait outside.
const MAX_COMMANDS: usize = 64;
