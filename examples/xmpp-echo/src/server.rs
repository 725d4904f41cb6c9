//! The loop over the events of the federation.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::pin::pin;

use comity_tokio::{Config, Event, Federation};
use comity_xmpp::xml::Element;
use comity_xmpp::{Jid, Stanza, StanzaKind, ns};

use crate::options::{Greeting, Options};
use crate::reply::reply;

/// Serves until the process is asked to stop.
pub(crate) async fn serve(config: Config, options: &Options) -> Result<(), Box<dyn Error>> {
    // Before anybody can know that we run and ask us to stop.
    let mut stop = pin!(stop_signal()?);
    let (federation, mut events) = Federation::start(config).await?;
    for address in federation.addresses() {
        // That nobody reads it is no reason to stop, here and below.
        let _ = writeln!(io::stdout(), "listening on {address}");
    }
    for greeting in &options.greetings {
        let from = Jid::from(options.domain.clone());
        send(&federation, write_greeting(from, greeting)).await;
    }
    let mut stopping = false;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => act(&federation, event).await,
                None => return Ok(()),
            },
            () = &mut stop, if !stopping => {
                stopping = true;
                let federation = federation.clone();
                // The events are read meanwhile.
                tokio::spawn(async move { federation.shutdown().await });
            }
        }
    }
}

async fn act(federation: &Federation, event: Event) {
    log(&event);
    if let Event::Stanza { stanza, .. } = &event
        && let Some(answer) = reply(stanza)
    {
        send(federation, answer).await;
    }
}

async fn send(federation: &Federation, stanza: Stanza) {
    let to = stanza.to().domain().clone();
    if let Err(rejected) = federation.send(stanza).await {
        log(&format_args!("not sent to {to}: {rejected}"));
    }
}

fn log(line: &dyn Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn write_greeting(from: Jid, greeting: &Greeting) -> Stanza {
    let body = Element::new(ns::SERVER, "body").with_text(&greeting.text);
    Stanza::new(StanzaKind::Message, from, greeting.to.clone())
        .with_type("chat")
        .with_payload(body)
}

/// Begins to watch for the signals that ask a process to stop; the future ends when one comes.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _signal = terminate.recv() => {}
            _signal = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
