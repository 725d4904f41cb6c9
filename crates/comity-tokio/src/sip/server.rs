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
use super::errands::{Errands, Secure};
use super::proof::Judge;
use crate::discovery::Discovery;

/// A SIP endpoint with its sockets.
///
/// Clones speak for the same server. It ends in order when [`shutdown`](Self::shutdown) is called or
/// the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Server {
    commands: mpsc::Sender<Command>,
    addresses: Arc<[(Transport, SocketAddr)]>,
}

/// The server has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the server has ended")]
#[non_exhaustive]
pub struct Ended;

impl Server {
    /// Listens, and serves on a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration, or which address cannot be listened on. Nothing was
    /// started then.
    pub async fn start<A>(config: Config, application: A) -> Result<Self, StartError>
    where
        A: Application + 'static,
    {
        let mut random = Random::from_seed(seed(&config.tls.provider)?);
        let uses_tls = config.listen.iter().any(|listen| is_tls(listen.transport));
        let judge = Judge {
            policy: config.trust,
            crls: config.revocation_lists,
            max_names: config.limits.max_proved_names,
        };
        let secure = match uses_tls {
            true => Some(Secure::new(&config.tls, judge)?),
            false => None,
        };
        let mut sockets = Sockets::default();
        for listen in &config.listen {
            let bound = sockets.bind(listen, config.limits.max_unsent_datagrams);
            bound.await?;
        }
        let mut rules = config.endpoint;
        rules.listeners = sockets.told;
        let addresses = rules.listeners.iter();
        let addresses = addresses.map(|listener| (listener.transport, listener.local));
        let addresses = addresses.collect();
        let address_policy = config.discovery.address_policy.clone();
        // Without name servers there is nothing to be asked.
        let has_servers = !config.discovery.servers.is_empty();
        let discovery = has_servers.then(|| Discovery::start(config.discovery, random.seed()));
        let (commands, obeyed) = mpsc::channel(MAX_COMMANDS);
        let driver = Driver::new(Parts {
            endpoint: Endpoint::new(Instant::now(), rules, random.seed()),
            application,
            sockets: sockets.datagrams,
            listeners: sockets.listening,
            errands: Errands::new(config.limits.clone(), secure, discovery),
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

    /// Lets the endpoint do something, soon, on the task that serves it. Work that has not begun when
    /// the server ends is dropped.
    ///
    /// # Errors
    ///
    /// If the server has ended.
    pub async fn call<F>(&self, work: F) -> Result<(), Ended>
    where
        F: FnOnce(Instant, &mut Endpoint) + Send + 'static,
    {
        let called = self.commands.send(Command::Call(Box::new(work))).await;
        called.map_err(|_gone| Ended)
    }

    /// Waits until the server has ended, for whatever reason.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Stops to listen, ends every connection in order, and returns when all have ended.
    ///
    /// What takes longer than [`Limits::shutdown_timeout`](super::Limits) is cut off. Requests that
    /// wait for an answer get none.
    pub async fn shutdown(&self) {
        // Nobody is there to be told if it has ended already.
        let _ = self.commands.send(Command::Shutdown).await;
        self.ended().await;
    }
}

/// What the endpoint is to do.
type Work = Box<dyn FnOnce(Instant, &mut Endpoint) + Send>;

/// What others want of the driver.
pub(super) enum Command {
    Call(Work),
    Shutdown,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call(_) => "Call",
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
                    rests: false,
                });
                local
            }
        };
        let host = listen.host.clone().unwrap_or_else(|| Host::Ip(local.ip()));
        let port = listen.port.unwrap_or_else(|| local.port());
        let listener = Listener::new(transport, local).advertised(host, port);
        self.told.push(listener);
        Ok(())
    }
}

fn is_tls(transport: Transport) -> bool {
    match transport {
        Transport::Tls => true,
        Transport::Udp | Transport::Tcp => false,
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
