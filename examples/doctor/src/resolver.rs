//! Whom we ask about names.

use std::net::SocketAddr;

use comity_command_line::{NoNameServer, ask_system_for_name_servers};
use comity_srv::Config;
use comity_tokio::Discovery;

use crate::options::Settings;
use crate::site::Site;

/// Why no name server can be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolverError {
    #[error(transparent)]
    System(#[from] NoNameServer),
    #[error("no chance from the operating system: {0}")]
    Chance(#[from] getrandom::Error),
}

/// Starts a resolver on the current runtime.
pub(crate) fn start(settings: &Settings, site: Option<&Site>) -> Result<Discovery, ResolverError> {
    let configured = || site.map(|site| site.config.dns.discovery().servers);
    let servers = match (settings.resolvers.is_empty(), configured()) {
        (false, _) => settings.resolvers.clone(),
        (true, Some(servers)) if !servers.is_empty() => servers,
        (true, Some(_) | None) => ask_system_for_name_servers()?,
    };
    start_with(servers, settings, site)
}

/// Starts one that asks these name servers.
pub(crate) fn start_with(
    servers: Vec<SocketAddr>,
    settings: &Settings,
    site: Option<&Site>,
) -> Result<Discovery, ResolverError> {
    let mut config = match site {
        Some(site) => site.config.dns.discovery(),
        None => Config::new(Vec::new()),
    };
    config.servers = servers;
    config.address_policy.danger_allow_private |= settings.allow_private;
    config.address_policy.danger_allow_loopback |= settings.allow_loopback;
    // Who connects goes on without what is late. Here all of it is to be seen.
    config.limits.resolution_delay = config.limits.resolution_timeout;
    config.limits.target_patience = config.limits.resolution_timeout;
    Ok(Discovery::start(config, seed()?))
}

/// 32 random bytes of the operating system.
pub(crate) fn seed() -> Result<[u8; 32], ResolverError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
