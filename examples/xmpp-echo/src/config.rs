//! From options to the configuration of the federation.

use std::io;
use std::path::{Path, PathBuf};

use comity_policy::{Requirement, SecurityMode, Verdict};
use comity_rustls::{Identity, default_provider};
use comity_tokio::Config;
use comity_xmpp::DialbackSecret;

use crate::options::Options;

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    reason: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the system gives no random bytes; give a --dialback-secret")]
    Random,
}

pub(crate) fn load(options: &Options) -> Result<Config, ConfigError> {
    let provider = default_provider();
    let identity = Identity::from_pem(&read(&options.identity)?, &read(&options.key)?, &provider)
        .map_err(|error| FileError {
        path: options.identity.clone(),
        reason: format!("{error} (key: {})", options.key.display()),
    })?;
    let mut config = Config::new(identity, &provider);
    config.listen.clone_from(&options.listen);
    config.discovery.servers.clone_from(&options.dns);
    config.discovery.address_policy.danger_allow_loopback = options.allow_loopback;
    for path in &options.trust {
        let store = &mut config.trust.store;
        let added = store.add_anchors_from_pem(&read(path)?);
        added.map_err(|error| FileError {
            path: path.clone(),
            reason: error.to_string(),
        })?;
    }
    let policy = &mut config.policy;
    policy.local_domains.insert(options.domain.clone());
    policy.default_verdict = Verdict::Allow;
    let certificate = if options.require_certificate {
        Requirement::Required
    } else {
        Requirement::Optional
    };
    policy.default_security = SecurityMode::new(options.tls, certificate);
    config.router.stream.dialback = Some(match &options.dialback_secret {
        Some(secret) => DialbackSecret::new(secret.as_bytes()),
        None => {
            let mut secret = [0; 32];
            let filled = provider.secure_random.fill(&mut secret);
            filled.map_err(|_rustls| ConfigError::Random)?;
            DialbackSecret::new(&secret)
        }
    });
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|error: io::Error| FileError {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
