//! The loop over the events of the federation.

mod log;

use std::fmt::Display;
use std::io::{self, Write};

use comity_tokio::{Config, Event, Federation, StartError};
use comity_xmpp::report::Report;
use comity_xmpp::xml::Element;
use comity_xmpp::{Jid, Stanza, StanzaKind, ns};
use tokio::sync::mpsc;

use self::log::Log;
use crate::options::{Greeting, Options};
use crate::reply::reply;

/// Why the domain is not served, or no longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the federation has ended without being asked to")]
    Ended,
    #[error("stopped before all connections had ended")]
    Interrupted,
    #[error("the process cannot be told to stop: {0}")]
    Signals(#[from] io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve(config: Config, options: &Options) -> Result<(), ServeError> {
    // Before anybody can know that we run and ask us to stop.
    let stop = stop_signals()?;
    let (federation, events) = Federation::start(config).await?;
    for address in federation.addresses() {
        // That nobody reads it is no reason to stop, here and below.
        let _ = writeln!(io::stdout(), "listening on {address}");
    }
    for address in federation.tls_addresses() {
        let _ = writeln!(io::stdout(), "listening on {address} for direct TLS");
    }
    for greeting in &options.greetings {
        let from = Jid::from(options.domain.clone());
        send(
            &federation,
            write_greeting(from, greeting),
            &mut Log::default(),
        )
        .await;
    }
    answer(&federation, events, stop).await
}

/// Answers stanzas until `stop` asks for the end and the federation has ended, or asks twice.
async fn answer(
    federation: &Federation,
    mut events: mpsc::Receiver<Event>,
    mut stop: mpsc::Receiver<()>,
) -> Result<(), ServeError> {
    let mut stopping = false;
    let mut log = Log::default();
    loop {
        if events.is_empty() {
            log.flush();
        }
        tokio::select! {
            biased;
            Some(()) = stop.recv() => {
                if stopping {
                    return Err(ServeError::Interrupted);
                }
                stopping = true;
                let federation = federation.clone();
                // The events are read meanwhile.
                tokio::spawn(async move { federation.shutdown().await });
            }
            event = events.recv() => match event {
                Some(event) => act(federation, event, &mut log).await,
                None if stopping => return Ok(()),
                None => return Err(ServeError::Ended),
            },
        }
    }
}

async fn act(federation: &Federation, event: Event, log: &mut Log) {
    log.add(&event);
    if let Some(supplement) = supplement(&event) {
        log.add(&supplement);
    }
    if let Event::Stanza { stanza, .. } = &event
        && let Some(answer) = reply(stanza)
    {
        send(federation, answer, log).await;
    }
}

async fn send(federation: &Federation, stanza: Stanza, log: &mut Log) {
    let to = stanza.to().domain().clone();
    if let Err(rejected) = federation.send(stanza).await {
        log.add(&format_args!("not sent to {to}: {rejected}"));
    }
}

/// What an event means for those who run the domain, beyond its own line: which way stanzas of a pair
/// may go from now on and what makes that safe, or what can be done about a failure.
fn supplement(event: &Event) -> Option<String> {
    if let Event::Authorized {
        connection,
        pair,
        method,
        channel,
    } = event
    {
        Some(format!(
            "{connection}: inbound, {pair}: {method}, {channel}"
        ))
    } else if let Event::Established {
        connection,
        pair,
        method,
        channel,
    } = event
    {
        Some(format!(
            "{connection}: outbound, {pair}: {method}, {channel}"
        ))
    } else if let Event::Closed { connection, reason } = event {
        hint(connection, &reason.into())
    } else if let Event::Undelivered {
        stanza, failure, ..
    } = event
    {
        let to = stanza.to().domain();
        hint(&format_args!("delivery to {to}"), &failure.into())
    } else {
        None
    }
}

fn hint(what: &dyn Display, report: &Report) -> Option<String> {
    let Report {
        step, party, hint, ..
    } = report;
    (!hint.is_empty()).then(|| format!("{what}: {step}, {party}: hint: {hint}"))
}

fn write_greeting(from: Jid, greeting: &Greeting) -> Stanza {
    let body = Element::new(ns::SERVER, "body").with_text(&greeting.text);
    Stanza::new(StanzaKind::Message, from, greeting.to.clone())
        .with_type("chat")
        .with_payload(body)
}

/// Begins to watch for the signals that ask a process to stop.
fn stop_signals() -> io::Result<mpsc::Receiver<()>> {
    let (stop, stops) = mpsc::channel(1);
    let mut signals = Signals::watch()?;
    tokio::spawn(async move {
        loop {
            signals.next().await;
            if stop.send(()).await.is_err() {
                break;
            }
        }
    });
    Ok(stops)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn watch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _signal = self.terminate.recv() => {}
            _signal = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn watch() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests {
    use comity_rustls::{Identity, default_provider};
    use comity_testkit::mint::{Ca, Leaf};
    use comity_xmpp::router::Failure;

    use super::*;

    async fn start() -> (Federation, mpsc::Receiver<Event>) {
        let root = Ca::new("Example CA", [1; 32]).self_signed();
        let own = root.issue(&Leaf::new([2; 32]).dns("echo.example"));
        let (chain, key) = (own.chain_pem(), own.key_pem());
        let provider = default_provider();
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider);
        let mut config = Config::new(identity.expect("an identity"), &provider);
        let domain = "echo.example".parse().expect("a domain");
        config.policy.local_domains.insert(domain);
        Federation::start(config).await.expect("it starts")
    }

    #[test]
    fn a_failure_that_can_be_mended_comes_with_a_hint() {
        let denied = hint(&"delivery to b.example", &Report::from(&Failure::Denied));
        assert_eq!(
            denied.as_deref(),
            Some(
                "delivery to b.example: policy, this side: hint: add the domain to the exceptions \
                 of the policy, or change the direction of its exception"
            )
        );
        let stopped = hint(&"delivery to b.example", &Report::from(&Failure::Shutdown));
        assert_eq!(stopped, None);
    }

    #[tokio::test]
    async fn an_end_that_nobody_asked_for_is_an_error() {
        let (federation, events) = start().await;
        let (_stop, stops) = mpsc::channel(1);
        federation.shutdown().await;
        let answered = answer(&federation, events, stops).await;
        assert!(matches!(answered, Err(ServeError::Ended)), "{answered:?}");
    }

    #[tokio::test]
    async fn who_asks_twice_does_not_wait_for_the_end() {
        let (federation, events) = start().await;
        let (stop, stops) = mpsc::channel(2);
        for _ in 0..2 {
            stop.send(()).await.expect("it listens");
        }
        let answered = answer(&federation, events, stops).await;
        assert!(
            matches!(answered, Err(ServeError::Interrupted)),
            "{answered:?}"
        );
    }

    #[tokio::test]
    async fn an_end_that_was_asked_for_is_none() {
        let (federation, events) = start().await;
        let (stop, stops) = mpsc::channel(1);
        stop.send(()).await.expect("it listens");
        let answered = answer(&federation, events, stops).await;
        assert!(matches!(answered, Ok(())), "{answered:?}");
    }
}
