use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::Random;
use comity_policy::Policy;
use comity_xmpp::router::{self, Router};
use comity_xmpp::{Stanza, Transport};
use rustls::crypto::CryptoProvider;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::config::{Config, StartError};
use crate::connection::{Shared, TlsEndpoint};
use crate::discovery::Discovery;
use crate::driver::{Driver, Parts, security};
use crate::event::Event;
use crate::listener::listen;

/// Our domains, connected to all others.
///
/// Clones speak for the same federation. It ends in order when [`shutdown`](Self::shutdown) is
/// called, when the last clone is dropped, when the receiver of its events is dropped, or when its
/// resolver fails, without which it reaches nobody.
#[derive(Clone, Debug)]
pub struct Federation {
    commands: mpsc::Sender<Command>,
    local_domains: Arc<BTreeSet<DomainName>>,
    addresses: Arc<[SocketAddr]>,
    tls_addresses: Arc<[SocketAddr]>,
}

impl Federation {
    /// Starts to listen and to federate, on the current tokio runtime.
    ///
    /// The events must be read: while [`Limits::max_unread_events`](crate::Limits) of them wait,
    /// nothing is read from peers.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration, or which address cannot be listened on. Nothing was
    /// started then.
    pub async fn start(config: Config) -> Result<(Self, mpsc::Receiver<Event>), StartError> {
        Self::start_with(config, Discovery::start).await
    }

    async fn start_with(
        config: Config,
        start_discovery: fn(comity_srv::Config, [u8; 32]) -> Discovery,
    ) -> Result<(Self, mpsc::Receiver<Event>), StartError> {
        let policy = Policy::new(config.policy.clone())?;
        let tls = TlsEndpoint::new(&config.tls)?;
        let mut random = Random::from_seed(seed(&config.tls.provider)?);
        let listeners = bind(&config.listen).await?;
        let tls_listeners = bind(&config.listen_tls).await?;

        let discovery = start_discovery(config.discovery, random.seed());
        let mut router = config.router;
        let max_inbound = router.limits.max_inbound;
        let local_domains = Arc::new(config.policy.local_domains);
        router.stream.domains = Arc::clone(&local_domains);
        router.stream.security = security(config.policy.xmpp.default_security);
        let (events, receiver) = mpsc::channel(config.limits.max_unread_events.max(1));
        let (commands, obeyed) = mpsc::channel(MAX_COMMANDS);
        let (driver, accepted) = mpsc::channel(MAX_ACCEPTED);
        // As many may be ending as are served.
        let permits = Arc::new(Semaphore::new(
            max_inbound
                .saturating_mul(2)
                .clamp(1, Semaphore::MAX_PERMITS),
        ));
        let federation = Self {
            commands,
            local_domains,
            addresses: addresses(&listeners),
            tls_addresses: addresses(&tls_listeners),
        };
        let mut tasks = JoinSet::new();
        let plain = listeners.into_iter().map(|bound| (bound, Transport::Tcp));
        let direct = tls_listeners
            .into_iter()
            .map(|bound| (bound, Transport::DirectTls));
        for ((listener, _), transport) in plain.chain(direct) {
            let permits = Arc::clone(&permits);
            tasks.spawn(listen(listener, transport, permits, driver.clone()));
        }
        let parts = Parts {
            answer_timeout: router.limits.answer_timeout,
            router: Router::new(Instant::now(), router, random.seed()),
            policy,
            profiles: config.profiles,
            trust: Arc::new(config.trust),
            revocation_lists: config.revocation_lists,
            discovery,
            shared: Arc::new(Shared {
                limits: config.limits,
                tls,
            }),
            events,
            listeners: tasks,
        };
        tokio::spawn(Driver::new(parts).run(obeyed, accepted));
        Ok((federation, receiver))
    }

    /// The addresses that are listened on, in the order of [`Config::listen`].
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses that are listened on for direct TLS, in the order of [`Config::listen_tls`].
    #[must_use]
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// Sends a stanza to the domain of its recipient.
    ///
    /// What was taken is given to a connection, or comes back in [`Event::Undelivered`]. So does
    /// what a peer that acknowledges stanzas (XEP-0198) had not acknowledged when its connection
    /// ended; of what was given to a peer that does not, nothing is known.
    ///
    /// If this is dropped before it is ready, the stanza may have been taken all the same: it is
    /// then sent or comes back in an event like any other. If it was not taken, nothing tells.
    ///
    /// # Errors
    ///
    /// The stanza was not taken and is given back with the reason.
    pub async fn send(&self, stanza: Stanza) -> Result<(), Rejected> {
        // If the runtime ends before the answer, it takes the stanza with it.
        let copy = stanza.clone();
        let (reply, answer) = oneshot::channel();
        let stanza = Box::new(stanza);
        let sent = self.commands.send(Command::Send { stanza, reply }).await;
        let closed = || Err(Rejected::new(Box::new(copy), SendError::Closed));
        match sent {
            Ok(()) => answer.await.unwrap_or_else(|_gone| closed()),
            Err(_gone) => closed(),
        }
    }

    /// Replaces the rules about who may federate, and how secured, without ending a stream.
    ///
    /// They hold for every pair of domains that is authorised from now on. A pair that was
    /// authorised before stays so until its stream ends.
    ///
    /// # Errors
    ///
    /// What is wrong with the rules: those that held before stay.
    pub async fn replace_policy(&self, config: comity_policy::Config) -> Result<(), ReplaceError> {
        if config.local_domains != *self.local_domains {
            return Err(ReplaceError::LocalDomains);
        }
        let policy = Box::new(Policy::new(config)?);
        let (reply, answer) = oneshot::channel();
        let command = Command::Replace { policy, reply };
        let sent = self.commands.send(command).await;
        sent.map_err(|_gone| ReplaceError::Closed)?;
        answer.await.map_err(|_gone| ReplaceError::Closed)
    }

    /// Ends every stream in order, and returns when all connections have ended.
    ///
    /// Stanzas that wait come back in [`Event::Undelivered`], so the events should be read
    /// meanwhile, or their receiver dropped. What takes longer than
    /// [`Limits::shutdown_timeout`](crate::Limits) is cut off.
    pub async fn shutdown(&self) {
        // Nobody is there to be told if it has ended already.
        let _ = self.commands.send(Command::Shutdown).await;
        self.commands.closed().await;
    }
}

/// What the application wants of the driver.
#[derive(Debug)]
pub(crate) enum Command {
    Send {
        stanza: Box<Stanza>,
        reply: oneshot::Sender<Result<(), Rejected>>,
    },
    Replace {
        policy: Box<Policy>,
        reply: oneshot::Sender<()>,
    },
    Shutdown,
}

/// Why rules were not replaced.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The federation has ended.
    #[error("the federation has ended")]
    Closed,
    /// The local domains are others: a federation speaks for the same ones as long as it lasts.
    #[error("the local domains cannot be replaced while federating")]
    LocalDomains,
    /// The rules contradict each other.
    #[error("the policy: {0}")]
    Rules(#[from] comity_policy::ConfigErrors),
}

/// A stanza that was not taken, with the reason.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Rejected {
    /// The stanza.
    pub stanza: Box<Stanza>,
    /// Why it was not taken.
    pub reason: SendError,
}

impl Rejected {
    pub(crate) fn new(stanza: Box<Stanza>, reason: SendError) -> Self {
        Self { stanza, reason }
    }
}

/// Why a stanza was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The federation has ended.
    #[error("the federation has ended")]
    Closed,
    /// The application does not read its events.
    #[error("too many events wait to be read")]
    EventsUnread,
    /// The router does not take it.
    #[error("{0}")]
    Router(#[from] router::SendError),
}

/// A listener and its address, with the port that port 0 has become.
type Bound = (TcpListener, SocketAddr);

fn addresses(listeners: &[Bound]) -> Arc<[SocketAddr]> {
    listeners.iter().map(|(_, address)| *address).collect()
}

async fn bind(addresses: &[SocketAddr]) -> Result<Vec<Bound>, StartError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let failed = |error: std::io::Error| StartError::Listen {
            address,
            kind: error.kind(),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        listeners.push((listener, bound));
    }
    Ok(listeners)
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
/// Connections that the driver has not taken; more wait in the system's queue.
const MAX_ACCEPTED: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comity_policy::{Switch, Verdict};
    use comity_rustls::{Identity, default_provider};
    use comity_testkit::mint::{Ca, Leaf};
    use comity_xmpp::StanzaKind;
    use tokio::time::timeout;

    use super::*;
    use crate::discovery::DiscoveryError;

    #[tokio::test]
    async fn a_resolver_that_has_stopped_ends_the_federation() {
        let root = Ca::new("Example CA", [1; 32]).self_signed();
        let own = root.issue(&Leaf::new([2; 32]).dns("a.example"));
        let (chain, key) = (own.chain_pem(), own.key_pem());
        let provider = default_provider();
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider);
        let mut config = Config::new(identity.unwrap(), &provider);
        let domain = "a.example".parse().unwrap();
        config.policy.local_domains.insert(domain);
        config.policy.xmpp.enabled = Switch::On;
        config.policy.xmpp.default_verdict = Verdict::Allow;
        let started = Federation::start_with(config, |_, _| Discovery::stopped()).await;
        let (federation, mut events) = started.unwrap();

        let (from, to) = ("a.example".parse().unwrap(), "b.example".parse().unwrap());
        let stanza = Stanza::new(StanzaKind::Message, from, to);
        federation.send(stanza).await.unwrap();
        let all = async {
            let mut all = Vec::new();
            while let Some(event) = events.recv().await {
                all.push(event);
            }
            all
        };
        let all = timeout(Duration::from_secs(8), all).await;
        let all = all.expect("it ends");
        let [
            Event::Decided { .. },
            Event::Resolved { resolution, .. },
            Event::Undelivered { .. },
        ] = &all[..]
        else {
            panic!("{all:?}");
        };
        assert_eq!(*resolution, Err(DiscoveryError::Stopped));
    }
}
