//! From options to the configuration of the server.

use std::io;
use std::path::{Path, PathBuf};

use comity_identity::Host;
use comity_rustls::{Identity, default_provider};
use comity_sip::Transport;
use comity_tokio::sip::{Config, Listen};

use crate::options::Options;
use crate::{NAME, VERSION};

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    reason: String,
}

pub(crate) fn load(options: &Options) -> Result<Config, FileError> {
    let provider = default_provider();
    let mut config = Config::new(&provider);
    if let Some(tls) = &options.tls {
        let identity = Identity::from_pem(&read(&tls.identity)?, &read(&tls.key)?, &provider);
        let identity = identity.map_err(|error| FileError {
            path: tls.identity.clone(),
            reason: format!("{error} (key: {})", tls.key.display()),
        })?;
        config = config.with_identity(identity);
        for path in &tls.trust {
            let added = config.trust.store.add_anchors_from_pem(&read(path)?);
            added.map_err(|error| FileError {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        }
    }
    config.listen = listen(options);
    config.discovery.servers.clone_from(&options.dns);
    config.discovery.address_policy.danger_allow_loopback = options.allow_loopback;
    let endpoint = &mut config.endpoint;
    endpoint.product = format!("{NAME}/{VERSION}");
    endpoint.events = vec!["presence".to_owned()];
    // What a message says, and how a session is described. Receipts, which would go back and forth, are
    // refused.
    let understood = ["text/plain", "text/html", "application/sdp"];
    endpoint.acceptance.content_types = understood.map(str::to_owned).to_vec();
    if options.tls.is_some() {
        // What comes over the other transports is measured when it is answered.
        endpoint.max_page_bytes = None;
    }
    if let Some(most) = options.max_transactions {
        // The endpoint keeps a sixteenth of all for requests inside of dialogs.
        endpoint.limits.max_transactions = most.saturating_add(most.div_ceil(15));
        // What is allowed has to find room.
        let bytes = most.saturating_mul(KEPT_BYTES);
        endpoint.limits.max_kept_bytes = endpoint.limits.max_kept_bytes.max(bytes);
    }
    if let Some(most) = options.max_transactions_per_source {
        let bytes = &mut endpoint.limits.max_kept_bytes_per_source;
        *bytes = (*bytes).max(most.saturating_mul(KEPT_BYTES));
        endpoint.limits.max_transactions_per_source = most;
    }
    Ok(config)
}

fn listen(options: &Options) -> Vec<Listen> {
    let all = [
        (Transport::Udp, &options.listen_udp),
        (Transport::Tcp, &options.listen_tcp),
        (Transport::Tls, &options.listen_tls),
    ];
    let mut listen = Vec::new();
    for (transport, addresses) in all {
        for &address in addresses {
            let plain = Listen::new(transport, address);
            listen.push(match &options.advertise {
                Some(name) => plain.advertised(name.host.clone(), name.port),
                None if address.ip().is_unspecified() => {
                    plain.advertised(Host::Domain(options.domain.clone()), None)
                }
                None => plain,
            });
        }
    }
    listen
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|error: io::Error| FileError {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// What a transaction outside of dialogs keeps of messages, on average.
const KEPT_BYTES: u32 = 2048;
