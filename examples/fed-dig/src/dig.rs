//! One resolution, from the command line to the report.

use std::net::SocketAddr;
use std::{fs, io};

use comity_srv::{AddressPolicy, Config, ResolveError};
use comity_tokio::{Discovery, DiscoveryError};

use crate::options::{Dig, Settings};
use crate::report::Report;
use crate::resolv_conf;

/// Why nothing was looked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DigError {
    #[error("{RESOLV_CONF}: {0}; give a name server by --resolver")]
    Unreadable(io::Error),
    #[error("{RESOLV_CONF} names no name server; give one by --resolver")]
    NoNameServer,
    #[error("no chance from the operating system: {0}")]
    Chance(getrandom::Error),
    #[error("no runtime: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
}

impl DigError {
    /// Whether another command line would help.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::Unreadable(_)
            | Self::NoNameServer
            | Self::Discovery(DiscoveryError::Refused(
                ResolveError::NameTooLong | ResolveError::NoTransport | ResolveError::PortZero,
            )) => true,
            Self::Chance(_) | Self::Runtime(_) | Self::Discovery(_) => false,
        }
    }
}

pub(crate) fn run(dig: Dig) -> Result<Report, DigError> {
    let Dig {
        domain,
        subject,
        settings,
    } = dig;
    let name_servers = name_servers(&settings)?;
    let seed = settings.seed.map_or_else(random_seed, Ok)?;
    let config = config(&settings, name_servers.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DigError::Runtime)?;
    let (asked, service) = (domain.clone(), subject.service());
    let resolution = runtime.block_on(async {
        let discovery = Discovery::start(config, seed);
        discovery.resolve(asked, service).await
    })?;
    Ok(Report {
        domain,
        subject,
        settings,
        name_servers,
        seed,
        resolution,
    })
}

fn name_servers(settings: &Settings) -> Result<Vec<SocketAddr>, DigError> {
    if !settings.resolvers.is_empty() {
        return Ok(settings.resolvers.clone());
    }
    let text = fs::read_to_string(RESOLV_CONF).map_err(DigError::Unreadable)?;
    let found = resolv_conf::name_servers(&text);
    if found.is_empty() {
        return Err(DigError::NoNameServer);
    }
    Ok(found)
}

fn config(settings: &Settings, name_servers: Vec<SocketAddr>) -> Config {
    let mut policy = AddressPolicy::default();
    policy.danger_allow_private = settings.allow_private;
    policy.danger_allow_loopback = settings.allow_loopback;
    let mut config = Config::new(name_servers);
    config.address_policy = policy;
    config.servers_validate = settings.validating;
    config.selection = settings.selection;
    config
}

fn random_seed() -> Result<[u8; 32], DigError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(DigError::Chance)?;
    Ok(seed)
}

const RESOLV_CONF: &str = "/etc/resolv.conf";
