use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::Random;
use comity_policy::Policy;
use comity_srv::Messaging;
use comity_srv::routes::Routes;
use comity_xmpp::router::{self, Receipt, Router};
use comity_xmpp::stream::SendId;
use comity_xmpp::{Security, Stanza, StanzaCondition, Transport};
use rustls::crypto::CryptoProvider;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::config::{Config, StartError};
use crate::connection::{Shared, TlsEndpoint};
use crate::discovery::Discovery;
use crate::driver::{Driver, Inlets, Parts, security};
use crate::event::Event;
use crate::handover::{self, Handover, Refusal, Taken, Tracking};
use crate::listener::{Begin, listen};

/// Our domains, connected to all others.
///
/// Clones speak for the same federation. It ends in order when [`shutdown`](Self::shutdown) is
/// called, when the last clone is dropped, when the receiver of its events is dropped, or when its
/// resolver fails, without which it reaches nobody.
#[derive(Clone, Debug)]
pub struct Federation {
    commands: mpsc::Sender<Command>,
    /// There are no more of these than stanzas that were given out.
    settled: mpsc::UnboundedSender<Receipt>,
    addresses: Arc<[SocketAddr]>,
    tls_addresses: Arc<[SocketAddr]>,
    shared_addresses: Arc<[SocketAddr]>,
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
        if config.routes.messaging() != Messaging::Xmpp {
            return Err(StartError::Routes);
        }
        let tls = TlsEndpoint::new(&config.tls)?;
        let mut random = Random::from_seed(seed(&config.tls.provider)?);
        let listeners = bind(&config.listen).await?;
        let tls_listeners = bind(&config.listen_tls).await?;
        let shared_listeners = bind(&config.listen_shared).await?;

        let discovery = start_discovery(config.discovery, random.seed());
        let mut router = config.router;
        let max_inbound = router.limits.max_inbound;
        router.stream.domains = Arc::new(config.policy.local_domains);
        router.stream.security = security(config.policy.xmpp.default_security);
        let (events, receiver) = mpsc::channel(config.limits.max_unread_events.max(1));
        let (commands, obeyed) = mpsc::channel(MAX_COMMANDS);
        let (settled, receipts) = mpsc::unbounded_channel();
        let (driver, arrivals) = mpsc::channel(MAX_ACCEPTED);
        // As many may be ending as are served.
        let permits = Arc::new(Semaphore::new(
            max_inbound
                .saturating_mul(2)
                .clamp(1, Semaphore::MAX_PERMITS),
        ));
        let federation = Self {
            commands,
            settled,
            addresses: addresses(&listeners),
            tls_addresses: addresses(&tls_listeners),
            shared_addresses: addresses(&shared_listeners),
        };
        let mut tasks = JoinSet::new();
        for (bound, begin) in [
            (listeners, Begin::With(Transport::Tcp)),
            (tls_listeners, Begin::With(Transport::DirectTls)),
            (shared_listeners, Begin::Either(config.limits.begin_timeout)),
        ] {
            for (listener, _) in bound {
                let permits = Arc::clone(&permits);
                tasks.spawn(listen(listener, begin, permits, driver.clone()));
            }
        }
        let parts = Parts {
            answer_timeout: router.limits.answer_timeout,
            router: Router::new(Instant::now(), router, random.seed()),
            policy,
            profiles: config.profiles,
            routes: config.routes,
            random,
            trust: Arc::new(config.trust),
            revocation_lists: config.revocation_lists,
            discovery,
            shared: Arc::new(Shared {
                limits: config.limits,
                tls,
            }),
            events,
            listeners: tasks,
            tap: config.tap,
        };
        let inlets = Inlets {
            commands: obeyed,
            receipts,
            arrivals,
        };
        tokio::spawn(Driver::new(parts).run(inlets));
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

    /// The addresses that are listened on in either way, in the order of [`Config::listen_shared`].
    #[must_use]
    pub fn shared_addresses(&self) -> &[SocketAddr] {
        &self.shared_addresses
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
        let closed = SendError::Closed;
        let sent = handover::post(&self.commands, Command::Send, stanza, closed).await;
        sent.map_err(Rejected::of)
    }

    /// Does the same, and gives an id with which [`Event::Sent`] or [`Event::Undelivered`] tells once
    /// how it ends. To a task other than the one that waits for this they may come before it is ready.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); no event comes.
    pub async fn send_tracked(&self, stanza: Stanza) -> Result<SendId, Rejected> {
        let closed = SendError::Closed;
        let sent = handover::post_tracked(&self.commands, Command::Send, stanza, closed).await;
        sent.map_err(Rejected::of)
    }

    /// Hands many over at once, in their order; the answers are in the same one. None if the runtime
    /// ends.
    pub(crate) async fn send_all(
        &self,
        stanzas: Vec<(Stanza, Tracking)>,
    ) -> Option<Vec<Taken<SendError>>> {
        let closed = SendError::Closed;
        handover::post_all(&self.commands, Command::Send, stanzas, closed).await
    }

    /// Lets a stanza that came with a receipt ([`Event::Stanza`]) count as handled, soon. Each should be
    /// settled at some time, or its stream is read no further; one whose stream has ended needs
    /// nothing.
    pub fn settle(&self, receipt: Receipt) {
        // Without a driver there is no stream.
        let _ = self.settled.send(receipt);
    }

    /// Takes the certificates, the rules of TLS and of trust, and the revocation lists of another
    /// configuration into use, for connections that begin from now on. Those that there are stay as
    /// they are secured. Nothing else of it counts.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and nothing has changed; or the federation has ended.
    pub async fn replace_tls(&self, config: &Config) -> Result<(), ReplaceError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::ReplaceTls {
            tls: TlsEndpoint::new(&config.tls)?,
            trust: Arc::new(config.trust.clone()),
            revocation_lists: config.revocation_lists.clone(),
            reply,
        };
        let sent = self.commands.send(command).await;
        sent.map_err(|_gone| ReplaceError::Closed)?;
        answer.await.map_err(|_gone| ReplaceError::Closed)
    }

    /// Replaces the rules about who may federate, and how secured, and which domains are ours, without
    /// ending a stream.
    ///
    /// They hold for every pair of domains that is authorised from now on. A pair that was
    /// authorised before stays so until its stream ends; a stream speaks for those domains alone that
    /// were ours when it began.
    ///
    /// # Errors
    ///
    /// What is wrong with the rules: those that held before stay.
    pub async fn replace_policy(&self, config: comity_policy::Config) -> Result<(), ReplaceError> {
        let domains = Arc::new(config.local_domains.clone());
        let security = security(config.xmpp.default_security);
        let policy = Box::new(Policy::new(config)?);
        let (reply, answer) = oneshot::channel();
        let command = Command::Replace {
            policy,
            domains,
            security,
            reply,
        };
        let sent = self.commands.send(command).await;
        sent.map_err(|_gone| ReplaceError::Closed)?;
        answer.await.map_err(|_gone| ReplaceError::Closed)
    }

    /// Takes other static routes into use, for servers that are looked for from now on.
    ///
    /// # Errors
    ///
    /// The routes are for SIP, and those that held before stay; or the federation has ended.
    pub async fn replace_routes(&self, routes: Routes) -> Result<(), ReplaceError> {
        if routes.messaging() != Messaging::Xmpp {
            return Err(ReplaceError::Routes);
        }
        let (reply, answer) = oneshot::channel();
        let command = Command::ReplaceRoutes { routes, reply };
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
    Send(Handover<SendError>),
    ReplaceTls {
        tls: TlsEndpoint,
        trust: Arc<comity_trust::Policy>,
        revocation_lists: comity_trust::RevocationLists,
        reply: oneshot::Sender<()>,
    },
    Replace {
        policy: Box<Policy>,
        domains: Arc<BTreeSet<DomainName>>,
        security: Security,
        reply: oneshot::Sender<()>,
    },
    ReplaceRoutes {
        routes: Routes,
        reply: oneshot::Sender<()>,
    },
    Shutdown,
}

/// Why rules, routes or certificates were not replaced.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The federation has ended.
    #[error("the federation has ended")]
    Closed,
    /// The static routes are for SIP.
    #[error("the static routes are for SIP")]
    Routes,
    /// The rules contradict each other.
    #[error("the policy: {0}")]
    Rules(#[from] comity_policy::ConfigErrors),
    /// TLS cannot be used so.
    #[error("TLS: {0}")]
    Tls(#[from] comity_rustls::ConfigError),
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
    fn of((stanza, reason): (Box<Stanza>, SendError)) -> Self {
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

impl Refusal for SendError {
    fn condition(self) -> StanzaCondition {
        match self {
            Self::Closed | Self::EventsUnread => StanzaCondition::ResourceConstraint,
            Self::Router(reason) => reason.condition(),
        }
    }

    fn passes(self) -> bool {
        match self {
            Self::EventsUnread => true,
            Self::Closed => false,
            Self::Router(reason) => reason == router::SendError::Full,
        }
    }
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
pub(crate) const MAX_COMMANDS: usize = 64;
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
