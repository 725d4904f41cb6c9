//! The running gateway: what is configured, started, joined and ended in order.

mod obey;
mod onlooker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comity_bridge::Fact;
use comity_command_line::{complain, note};
use comity_gateway_config::{Config, ConfigErrors, Loaded, XmppMode};
use comity_tokio::Locator;
use comity_tokio::bridge::{self, GatewayError, Xmpp};
use tokio::sync::mpsc;

use crate::control::{self, ControlError, MAX_REQUESTS, Request};
use crate::log::{self, Log, LogError};
use crate::metrics::{self, Metric, Metrics, ServerError};
use crate::setup::{self, SetupError};
use crate::store::{Embedded, Ending, Limits, Memory, Store, StoreError, Writer};
use crate::tap::{Bodies, Tap};
use crate::{BAD, NAME, WRONG};

use onlooker::Onlooker;

/// Runs a gateway until it is told to end.
pub(crate) fn run(file: &Path) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(serve(file)),
        Err(error) => Err(RunError::Runtime(error.kind())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Config(errors)) => {
            for error in errors.errors() {
                note(&format_args!("{}: {error}", file.display()));
            }
            ExitCode::from(WRONG)
        }
        Err(error) => complain(NAME, &error, BAD),
    }
}

async fn serve(file: &Path) -> Result<(), RunError> {
    let (requests, mut asked) = mpsc::channel(MAX_REQUESTS);
    let mut gateway = Gateway::start(file, &requests).await?;
    let _signals =
        control::forward_signals(requests).map_err(|error| RunError::Signals(error.kind()))?;
    tracing::info!(target: log::GATEWAY, "started");
    let outcome = gateway.obey_all(&mut asked).await;
    tracing::info!(target: log::GATEWAY, "ending");
    let ended = gateway.end().await;
    outcome.and(ended)
}

/// Why a gateway did not start, or did not run to its end.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Metrics(#[from] ServerError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the tap {}: {}", .path.display(), std::io::Error::from(*.kind))]
    Tap {
        path: PathBuf,
        kind: std::io::ErrorKind,
    },
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error("cannot take signals: {}", std::io::Error::from(*.0))]
    Signals(std::io::ErrorKind),
    #[error("cannot start threads: {}", std::io::Error::from(*.0))]
    Runtime(std::io::ErrorKind),
    #[error("a side has ended by itself")]
    Ended,
}

/// A gateway that runs.
pub(crate) struct Gateway {
    file: PathBuf,
    config: Config,
    loaded: Loaded,
    started: SystemTime,
    restored: usize,
    log: Log,
    metrics: Metrics,
    tap: Option<Arc<Tap>>,
    locator: Locator,
    bridge: bridge::Gateway,
    store: Ending,
    _metrics_server: Option<metrics::Server>,
    _control: Option<control::Server>,
}

impl Gateway {
    async fn start(file: &Path, requests: &mpsc::Sender<Request>) -> Result<Self, RunError> {
        let config = Config::read(file)?;
        let loaded = Loaded::read(&config)?;
        let log = Log::install(&config.log.filter, config.log.redact, log::standard_error())?;
        Self::start_with(file, config, loaded, log, requests).await
    }

    async fn start_with(
        file: &Path,
        config: Config,
        loaded: Loaded,
        log: Log,
        requests: &mpsc::Sender<Request>,
    ) -> Result<Self, RunError> {
        let metrics = Metrics::new();
        let started = SystemTime::now();
        let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
        metrics.set(Metric::StartTime, since.as_secs());
        let tap = tap(&config)?;
        let mut store: Box<dyn Store> = match &config.store {
            Some(path) => Box::new(Embedded::open(path)?),
            None => Box::new(Memory::default()),
        };
        let facts = facts(store.as_mut())?;
        let restored = facts.len();
        let locator = setup::locator(&config, &loaded)?;
        let mut parts = bridge::Config::new(
            setup::bridge_config(&config, &loaded),
            loaded.rules.clone(),
            setup::sip_config(&config, &loaded, &locator),
            xmpp(&config, &loaded, tap.as_ref())?,
            locator.clone(),
        );
        parts.facts = facts;
        let (writer, store) = Writer::start(store, Limits::default());
        let onlooker = Onlooker {
            writer,
            log: log.clone(),
            metrics: metrics.clone(),
            tap: tap.clone(),
            is_failing: false,
        };
        let bridge = bridge::Gateway::start(parts, Box::new(onlooker)).await?;
        let metrics_server = match config.metrics {
            Some(address) => {
                let server = metrics::Server::start(address, metrics.clone()).await?;
                tracing::info!(target: log::GATEWAY, "metrics are served on {}", server.address());
                Some(server)
            }
            None => None,
        };
        let control = match &config.control {
            Some(path) => Some(control::Server::start(path, requests.clone()).await?),
            None => None,
        };
        Ok(Self {
            file: file.to_owned(),
            config,
            loaded,
            started,
            restored,
            log,
            metrics,
            tap,
            locator,
            bridge,
            store,
            _metrics_server: metrics_server,
            _control: control,
        })
    }

    /// Carries out commands until one is to end, or a side has ended by itself.
    async fn obey_all(&mut self, asked: &mut mpsc::Receiver<Request>) -> Result<(), RunError> {
        let mut measured = tokio::time::interval(MEASURE_INTERVAL);
        loop {
            tokio::select! {
                request = asked.recv() => {
                    let Some(Request { command, answer }) = request else {
                        return Ok(());
                    };
                    let is_end = command == control::Command::Shutdown;
                    // Who asked may have gone.
                    let _ = answer.send(self.obey(command).await);
                    if is_end {
                        return Ok(());
                    }
                }
                _ = measured.tick() => self.measure().await,
                () = self.bridge.ended() => return Err(RunError::Ended),
            }
        }
    }

    /// Ends sessions, then connections, and then writes what is to be kept.
    async fn end(self) -> Result<(), RunError> {
        self.bridge.shutdown().await;
        let (store, tap) = (self.store, self.tap);
        let written = tokio::task::spawn_blocking(move || {
            let tapped = tap.map_or(Ok(()), |tap| tap.finish());
            if let Err(error) = tapped {
                tracing::error!(target: log::GATEWAY, "the tap: {error}");
            }
            store.finish()
        });
        // A panic there is a fault of ours, which has been printed.
        written.await.unwrap_or(Ok(()))?;
        Ok(())
    }
}

fn tap(config: &Config) -> Result<Option<Arc<Tap>>, RunError> {
    let Some(tap) = &config.tap else {
        return Ok(None);
    };
    let bodies = if tap.bodies {
        Bodies::Written
    } else {
        Bodies::Redacted
    };
    match Tap::open(&tap.file, bodies) {
        Ok(tap) => Ok(Some(Arc::new(tap))),
        Err(error) => Err(RunError::Tap {
            path: tap.file.clone(),
            kind: error.kind(),
        }),
    }
}

fn xmpp(config: &Config, loaded: &Loaded, tap: Option<&Arc<Tap>>) -> Result<Xmpp, SetupError> {
    let tap = tap.map(|tap| onlooker::look_on(Arc::clone(tap)));
    if config.xmpp.mode != XmppMode::ServerToServer {
        let components = setup::components(config, loaded, tap.as_ref());
        return Ok(Xmpp::Components(components));
    }
    let rules = setup::xmpp_rules(config, &loaded.rules);
    let mut streams = setup::xmpp_config(config, loaded, rules)?;
    streams.tap = tap;
    Ok(Xmpp::Streams(Box::new(streams)))
}

/// What a former run has left. What cannot be read is told, and left as it is.
fn facts(store: &mut dyn Store) -> Result<Vec<Fact>, StoreError> {
    let mut facts = Vec::new();
    for kept in store.load()? {
        let key = str::from_utf8(&kept.key).unwrap_or_default();
        let value = str::from_utf8(&kept.value).unwrap_or_default();
        match Fact::read(key, value) {
            Ok(fact) => facts.push(fact),
            Err(error) => tracing::warn!(target: log::GATEWAY, "not restored: {error}"),
        }
    }
    Ok(facts)
}

/// One for each side, and for what is looked up.
const WORKERS: usize = 2;
/// How old what is measured may be.
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
