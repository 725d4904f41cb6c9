//! Events for operators: one target per protocol, a filter that changes while the program runs, and
//! the data of users left out unless it is asked for.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comity_gateway_config::LogFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::reload;

pub(crate) use comity_gateway_config::log_target::{DNS, GATEWAY, POLICY, SIP, TLS, XMPP};

/// Changes the log of a running program.
#[derive(Clone)]
pub(crate) struct Log {
    filter: reload::Handle<Targets, Registry>,
    redacts: Arc<AtomicBool>,
}

/// The log could not be set up or changed: another one is there already, or it is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LogError {
    #[error("a log has been set up already")]
    Installed,
    #[error("the log is gone")]
    Gone,
}

impl Log {
    /// Writes events to `writer` from now on, for the whole program.
    pub(crate) fn install<W>(filter: &LogFilter, redact: bool, writer: W) -> Result<Self, LogError>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let (log, subscriber) = Self::build(filter, redact, writer);
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|_tracing| LogError::Installed)?;
        Ok(log)
    }

    pub(crate) fn build<W>(
        filter: &LogFilter,
        redact: bool,
        writer: W,
    ) -> (Self, impl tracing::Subscriber + Send + Sync)
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let (enabled, filter) = reload::Layer::new(targets(filter));
        let output = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(writer);
        let log = Self {
            filter,
            redacts: Arc::new(AtomicBool::new(redact)),
        };
        (log, Registry::default().with(output.with_filter(enabled)))
    }

    /// Changes which events are written.
    pub(crate) fn set_filter(&self, filter: &LogFilter) -> Result<(), LogError> {
        self.filter
            .reload(targets(filter))
            .map_err(|_tracing| LogError::Gone)
    }

    /// Changes whether the data of users is left out.
    pub(crate) fn set_redact(&self, redact: bool) {
        self.redacts.store(redact, Ordering::Relaxed);
    }

    /// A text about users as it may be written: by default without the local parts and resources
    /// of their addresses.
    pub(crate) fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.redacts.load(Ordering::Relaxed) {
            without_users(text)
        } else {
            Cow::Borrowed(text)
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("redacts", &self.redacts)
            .finish_non_exhaustive()
    }
}

/// Standard error, which is where a service manager looks.
pub(crate) fn standard_error() -> fn() -> io::Stderr {
    io::stderr
}

fn targets(filter: &LogFilter) -> Targets {
    Targets::new()
        .with_default(filter.default_level())
        .with_targets(filter.targets().iter().copied())
}

/// The text with `…@domain` for every address of a user, and no resource behind it.
pub(crate) fn without_users(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        let kept = before.trim_end_matches(|c| !is_delimiter(c));
        shown.push_str(kept);
        shown.push('…');
        shown.push('@');
        let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '[' | ']');
        let behind = after.trim_start_matches(is_host);
        shown.push_str(after.strip_suffix(behind).unwrap_or_default());
        rest = match behind.strip_prefix('/') {
            Some(resource) => resource.trim_start_matches(|c| !is_delimiter(c) && c != '@'),
            None => behind,
        };
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// What stands around addresses in a sentence or a message.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '<' | '>' | '"' | '\'' | '(' | ')' | ',' | ';' | ':' | '='
        )
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn addresses_of_users_are_left_out_and_domains_are_not() {
        for (text, shown) in [
            ("no address here", "no address here"),
            ("romeo@montague.example", "…@montague.example"),
            (
                "from <sip:romeo@montague.example;tag=a> to juliet@capulet.example/balcony now",
                "from <sip:…@montague.example;tag=a> to …@capulet.example now",
            ),
            ("a@b@c.example", "…@b…@c.example"),
            ("x@[2001:db8::1], y", "…@[2001:db8::1], y"),
            ("\"Romeo\" r@m.example/a b", "\"Romeo\" …@m.example b"),
            ("@", "…@"),
            ("jürgen@bücher.example", "…@bücher.example"),
            ("a@b.example/c@d", "…@b.example…@d"),
        ] {
            assert_eq!(without_users(text), shown, "{text:?}");
        }
    }

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_filter_and_the_redaction_change_while_the_program_runs() {
        let kept = Kept::default();
        let writer = kept.clone();
        let filter = "warn,sip=debug".parse().unwrap();
        let (log, subscriber) = Log::build(&filter, true, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: XMPP, "one");
            tracing::debug!(target: SIP, "{}", log.shown("two of a@b.example"));
            log.set_filter(&"xmpp=info,off".parse().unwrap()).unwrap();
            log.set_redact(false);
            tracing::info!(target: XMPP, "{}", log.shown("three of a@b.example"));
            tracing::error!(target: SIP, "four");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        // Each line begins with its time.
        let lines = text.lines().map(|line| line.split_once(' ').unwrap().1);
        assert_eq!(
            lines.map(str::trim_start).collect::<Vec<_>>(),
            [
                "DEBUG federation::sip: two of …@b.example",
                "INFO federation::xmpp: three of a@b.example",
            ]
        );
    }
}
