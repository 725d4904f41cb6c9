//! The resolver, as the options want it.

use std::net::SocketAddr;

use comity_command_line::{NoNameServer, ask_system_for_name_servers};
use comity_identity::DomainName;
use comity_srv::{AddressPolicy, Config, ResolveError, Service};
use comity_tokio::{Discovery, DiscoveryError, Resolution};

use crate::options::Settings;

/// A resolver and what it was told.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) name_servers: Vec<SocketAddr>,
    /// Decides every order.
    pub(crate) seed: [u8; 32],
    pub(crate) discovery: Discovery,
}

/// Why nothing was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(transparent)]
    System(#[from] NoNameServer),
    #[error("no chance from the operating system: {0}")]
    Chance(getrandom::Error),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
}

impl Session {
    /// Starts a resolver on the current runtime.
    pub(crate) fn start(settings: Settings) -> Result<Self, SessionError> {
        let name_servers = name_servers(&settings)?;
        let seed = settings.seed.map_or_else(random_seed, Ok)?;
        let config = config(&settings, name_servers.clone());
        // The ids of queries stay unpredictable where the order is not.
        let discovery = Discovery::start(config, random_seed()?);
        Ok(Self {
            settings,
            name_servers,
            seed,
            discovery,
        })
    }

    pub(crate) async fn resolve(
        &self,
        domain: &DomainName,
        service: Service,
    ) -> Result<Resolution, SessionError> {
        let resolved = self
            .discovery
            .resolve_in_order(domain.clone(), service, self.seed);
        Ok(resolved.await?)
    }
}

impl SessionError {
    /// Whether another command line would help.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::System(_)
            | Self::Discovery(DiscoveryError::Refused(
                ResolveError::NameTooLong | ResolveError::NoTransport | ResolveError::PortZero,
            )) => true,
            Self::Chance(_) | Self::Discovery(_) => false,
        }
    }
}

fn name_servers(settings: &Settings) -> Result<Vec<SocketAddr>, SessionError> {
    if !settings.resolvers.is_empty() {
        return Ok(settings.resolvers.clone());
    }
    Ok(ask_system_for_name_servers()?)
}

fn config(settings: &Settings, name_servers: Vec<SocketAddr>) -> Config {
    let mut policy = AddressPolicy::default();
    policy.danger_allow_private = settings.allow_private;
    policy.danger_allow_loopback = settings.allow_loopback;
    let mut config = Config::new(name_servers);
    // Who connects goes on without what is late. Here all of it is to be seen.
    config.limits.resolution_delay = config.limits.resolution_timeout;
    config.limits.target_patience = config.limits.resolution_timeout;
    config.address_policy = policy;
    config.servers_validate = settings.validating;
    config.selection = settings.selection;
    config
}

fn random_seed() -> Result<[u8; 32], SessionError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(SessionError::Chance)?;
    Ok(seed)
}
