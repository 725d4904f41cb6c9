use std::sync::Arc;
use std::time::SystemTime;

use comity_bridge::{Dropped, Fact};
use comity_identity::DomainName;
use comity_tokio::bridge::Observer;
use comity_tokio::sip::{Notice, Traffic};
use comity_tokio::{Event, component};

use crate::log::{self, Log};
use crate::metrics::{Metric, Metrics};
use crate::store::{Change, Writer};
use crate::tap::{Protocol, Tap};

/// Keeps facts, and tells logs, metrics and the tap what happens.
pub(super) struct Onlooker {
    pub(super) writer: Writer,
    pub(super) log: Log,
    pub(super) metrics: Metrics,
    pub(super) tap: Option<Arc<Tap>>,
    /// Whether it has been told that the store fails.
    pub(super) is_failing: bool,
}

impl Onlooker {
    /// Keeps a change, unless too many wait to be written.
    fn keep(&mut self, change: Change) {
        if let Err(error) = self.writer.submit(change) {
            self.metrics.count(Metric::StoreRefused);
            tracing::error!(target: log::GATEWAY, "a fact is not kept: {error}");
        }
    }

    /// Logs a line, whose target depends on what it is about.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is about nothing else is about the protocol"
    )]
    fn note_stream(&self, event: &Event) {
        // Not called unless the line is wanted.
        let shown = || self.log.shown(&event.to_string()).into_owned();
        match event {
            Event::Decided { .. } => tracing::debug!(target: log::POLICY, "{}", shown()),
            Event::Resolved { .. } => tracing::info!(target: log::DNS, "{}", shown()),
            Event::Judged { .. } | Event::Secured { .. } => {
                tracing::info!(target: log::TLS, "{}", shown());
            }
            _ => tracing::info!(target: log::XMPP, "{}", shown()),
        }
    }
}

impl Observer for Onlooker {
    fn store(&mut self, fact: Fact) {
        self.keep(Change::put(fact.key().as_bytes(), fact.value().as_bytes()));
    }

    fn forget(&mut self, fact: Fact) {
        self.keep(Change::delete(fact.key().as_bytes()));
    }

    fn handle_dropped(&mut self, rule: Dropped) {
        self.metrics.count(Metric::Dropped(rule));
        tracing::debug!(target: log::POLICY, "dropped: {}", rule.name());
    }

    fn handle_refused(&mut self, why: &str) {
        self.metrics.count(Metric::PolicyDenials);
        tracing::info!(target: log::POLICY, "refused: {}", self.log.shown(why));
    }

    fn handle_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Accepted { .. } | Notice::Connected { .. } => {
                self.metrics.count(Metric::SipConnections);
                tracing::info!(target: log::SIP, "{notice}");
            }
            Notice::TurnedAway { .. } | Notice::ConnectFailed { .. } => {
                self.metrics.count(Metric::SipRefusals);
                tracing::warn!(target: log::TLS, "{notice}");
            }
            Notice::NotFound { .. } => tracing::info!(target: log::DNS, "{notice}"),
            Notice::Closed { .. } | Notice::DatagramsDropped { .. } | _ => {
                tracing::info!(target: log::SIP, "{notice}");
            }
        }
    }

    fn handle_stream(&mut self, event: &Event) {
        if let Event::Established { .. } = event {
            self.metrics.count(Metric::XmppStreams);
        }
        self.note_stream(event);
    }

    fn handle_component(&mut self, domain: &DomainName, event: &component::Event) {
        let shown = || self.log.shown(&event.to_string()).into_owned();
        tracing::info!(target: log::XMPP, "{domain}: {}", shown());
    }

    fn wants_traffic(&self) -> bool {
        self.tap.is_some()
    }

    fn handle_traffic(&mut self, traffic: Traffic<'_>) {
        if let Some(tap) = &self.tap {
            let peer = traffic.peer.to_string();
            let (now, direction) = (SystemTime::now(), traffic.direction);
            tap.record(now, direction, &peer, Protocol::Sip, traffic.message);
        }
    }

    fn handle_idle(&mut self) {
        let error = self.writer.error();
        let is_failing = error.is_some();
        if let Some(error) = error
            && !self.is_failing
        {
            tracing::error!(target: log::GATEWAY, "facts are not kept: {error}");
        }
        if self.is_failing && !is_failing {
            tracing::info!(target: log::GATEWAY, "facts are kept again");
        }
        self.is_failing = is_failing;
        let dropped = self.tap.as_ref().map_or(0, |tap| tap.dropped());
        for (metric, value) in [
            (Metric::StorePending, self.writer.pending()),
            (Metric::StoreFailing, u64::from(is_failing)),
            (Metric::TapDropped, dropped),
        ] {
            self.metrics.set(metric, value);
        }
    }
}

/// A tap of the XMPP side. A peer is told by its connection, or by the domain of our component.
pub(super) fn look_on(tap: Arc<Tap>) -> comity_tokio::Tap {
    comity_tokio::Tap::new(move |traffic| {
        let peer = traffic.line.to_string();
        let (now, direction) = (SystemTime::now(), traffic.direction);
        tap.record(now, direction, &peer, Protocol::Xmpp, traffic.bytes);
    })
}
