//! From options to the configuration of the federation.

use std::io;
use std::path::{Path, PathBuf};

use comity_policy::{Requirement, SecurityMode, Switch, Verdict};
use comity_rustls::{Identity, default_provider};
use comity_tokio::Config;
use comity_xmpp::DialbackSecret;

use crate::options::{Options, Secret};

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
    #[error("the dialback secret has less than {MIN_SECRET_BYTES} bytes")]
    ShortSecret,
}

pub(crate) fn load(options: &Options) -> Result<Config, ConfigError> {
    let provider = default_provider();
    let secret = match &options.dialback_secret {
        Some(given) => given_secret(given)?,
        None => {
            let mut random = vec![0; 2 * MIN_SECRET_BYTES];
            let filled = provider.secure_random.fill(&mut random);
            filled.map_err(|_rustls| ConfigError::Random)?;
            random
        }
    };
    let identity = Identity::from_pem(&read(&options.identity)?, &read(&options.key)?, &provider)
        .map_err(|error| FileError {
        path: options.identity.clone(),
        reason: format!("{error} (key: {})", options.key.display()),
    })?;
    let mut config = Config::new(identity, &provider);
    config.listen.clone_from(&options.listen);
    config.listen_tls.clone_from(&options.listen_tls);
    config.profiles.clone_from(&options.profiles);
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
    policy.xmpp.enabled = Switch::On;
    policy.xmpp.default_verdict = Verdict::Allow;
    let certificate = if options.require_certificate {
        Requirement::Required
    } else {
        Requirement::Optional
    };
    policy.xmpp.default_security = SecurityMode::new(options.tls, certificate);
    config.router.stream.dialback = Some(DialbackSecret::new(&secret));
    Ok(config)
}

/// Whoever guesses a secret can speak for our domain, so it must be long.
fn given_secret(given: &Secret) -> Result<Vec<u8>, ConfigError> {
    let secret = match given {
        Secret::File(path) => read(path)?.trim_ascii().to_vec(),
        Secret::Text(text) => text.as_bytes().to_vec(),
    };
    if secret.len() < MIN_SECRET_BYTES {
        return Err(ConfigError::ShortSecret);
    }
    Ok(secret)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|error: io::Error| FileError {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

const MIN_SECRET_BYTES: usize = 16;
