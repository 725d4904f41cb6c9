//! Numbers about the running gateway, in the text form of Prometheus.

mod server;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use comity_bridge::Dropped;

pub(crate) use server::{Server, ServerError};

/// A number that is counted or measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Metric {
    Conversations,
    TextsWaiting,
    BytesWaiting,
    HeldRequests,
    SubscriptionsToXmpp,
    SubscriptionsToSip,
    SubscriptionsRestored,
    LearnedDomains,
    TextsToSip,
    TextsToXmpp,
    TextsReturned,
    Dropped(Dropped),
    PolicyDenials,
    SipConnections,
    SipRefusals,
    XmppStreams,
    StorePending,
    StoreRefused,
    StoreFailing,
    TapDropped,
    ReloadsDone,
    ReloadsRefused,
    StartTime,
}

/// All numbers; a clone shows and changes the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<[AtomicU64]>);

impl Metrics {
    pub(crate) fn new() -> Self {
        Self(ALL.iter().map(|_| AtomicU64::new(0)).collect())
    }

    /// Counts one more.
    pub(crate) fn count(&self, metric: Metric) {
        if let Some(number) = self.number(metric) {
            number.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sets what is measured.
    pub(crate) fn set(&self, metric: Metric, value: u64) {
        if let Some(number) = self.number(metric) {
            number.store(value, Ordering::Relaxed);
        }
    }

    /// The page that Prometheus reads (text format 0.0.4).
    pub(crate) fn page(&self) -> String {
        let mut page = String::new();
        let mut last = "";
        for (row, number) in ALL.iter().zip(&*self.0) {
            let Row {
                name,
                labels,
                kind,
                help,
                ..
            } = row;
            // A string takes whatever is written.
            if *name != last {
                let _ = write!(
                    page,
                    "# HELP {name} {help}\n# TYPE {name} {}\n",
                    kind.name()
                );
            }
            let _ = writeln!(page, "{name}{labels} {}", number.load(Ordering::Relaxed));
            last = name;
        }
        page
    }

    fn number(&self, metric: Metric) -> Option<&AtomicU64> {
        let place = ALL.iter().position(|row| row.metric == metric)?;
        self.0.get(place)
    }
}

struct Row {
    metric: Metric,
    name: &'static str,
    /// In braces, or nothing.
    labels: &'static str,
    kind: Kind,
    help: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

const fn row(
    metric: Metric,
    name: &'static str,
    labels: &'static str,
    kind: Kind,
    help: &'static str,
) -> Row {
    Row {
        metric,
        name,
        labels,
        kind,
        help,
    }
}

const fn dropped(rule: Dropped, labels: &'static str) -> Row {
    let help = "Messages dropped without an answer, by the rule.";
    row(
        Metric::Dropped(rule),
        "comity_dropped_total",
        labels,
        Kind::Counter,
        help,
    )
}

const DELIVERED: &str = "comity_texts_delivered_total";
const DELIVERED_HELP: &str = "Texts that a server of the other side has taken.";
const SUBSCRIPTIONS: &str = "comity_subscriptions";
const SUBSCRIPTIONS_HELP: &str = "Subscriptions to presence by the side of the presentity.";
const RELOADS: &str = "comity_reloads_total";
const RELOADS_HELP: &str = "Reloads of the configuration by their outcome.";

/// Rows of one name stand together.
static ALL: [Row; 30] = {
    use Kind::{Counter, Gauge};
    use Metric as M;
    [
        row(
            M::Conversations,
            "comity_conversations",
            "",
            Gauge,
            "Pairs of users who have a session or wrote lately.",
        ),
        row(
            M::TextsWaiting,
            "comity_texts_waiting",
            "",
            Gauge,
            "Texts that wait for a session, for the one before, or for an answer.",
        ),
        row(
            M::BytesWaiting,
            "comity_texts_waiting_bytes",
            "",
            Gauge,
            "What those texts take.",
        ),
        row(
            M::HeldRequests,
            "comity_sip_requests_held",
            "",
            Gauge,
            "SIP requests whose stanza has not left.",
        ),
        row(
            M::SubscriptionsToXmpp,
            SUBSCRIPTIONS,
            "{presentity=\"xmpp\"}",
            Gauge,
            SUBSCRIPTIONS_HELP,
        ),
        row(
            M::SubscriptionsToSip,
            SUBSCRIPTIONS,
            "{presentity=\"sip\"}",
            Gauge,
            SUBSCRIPTIONS_HELP,
        ),
        row(
            M::SubscriptionsRestored,
            "comity_subscriptions_restored",
            "",
            Gauge,
            "Subscriptions of before the start that stand again.",
        ),
        row(
            M::LearnedDomains,
            "comity_learned_domains",
            "",
            Gauge,
            "Domains learned by open federation.",
        ),
        row(
            M::TextsToSip,
            DELIVERED,
            "{to=\"sip\"}",
            Counter,
            DELIVERED_HELP,
        ),
        row(
            M::TextsToXmpp,
            DELIVERED,
            "{to=\"xmpp\"}",
            Counter,
            DELIVERED_HELP,
        ),
        row(
            M::TextsReturned,
            "comity_texts_returned_total",
            "",
            Counter,
            "Texts that came back to their senders from where they went.",
        ),
        dropped(Dropped::ByPolicy, "{rule=\"policy\"}"),
        dropped(Dropped::Loop, "{rule=\"loop\"}"),
        dropped(Dropped::NothingToTell, "{rule=\"nothing_to_tell\"}"),
        dropped(Dropped::StrayError, "{rule=\"stray_error\"}"),
        dropped(Dropped::StrayPresence, "{rule=\"stray_presence\"}"),
        dropped(Dropped::Notice, "{rule=\"notice\"}"),
        dropped(Dropped::NoRoom, "{rule=\"no_room\"}"),
        dropped(Dropped::Unsent, "{rule=\"unsent\"}"),
        row(
            M::PolicyDenials,
            "comity_policy_denials_total",
            "",
            Counter,
            "Messages that a rule has refused.",
        ),
        row(
            M::SipConnections,
            "comity_sip_connections_total",
            "",
            Counter,
            "Connections with SIP peers that came about.",
        ),
        row(
            M::SipRefusals,
            "comity_sip_connections_failed_total",
            "",
            Counter,
            "Connections with SIP peers that did not come about.",
        ),
        row(
            M::XmppStreams,
            "comity_xmpp_streams_total",
            "",
            Counter,
            "Streams that came to carry stanzas of a pair of domains.",
        ),
        row(
            M::StorePending,
            "comity_store_pending",
            "",
            Gauge,
            "Changes that are not on disk yet.",
        ),
        row(
            M::StoreRefused,
            "comity_store_refused_total",
            "",
            Counter,
            "Changes that were not taken because too many waited.",
        ),
        row(
            M::StoreFailing,
            "comity_store_failing",
            "",
            Gauge,
            "1 while the store cannot be written, else 0.",
        ),
        row(
            M::TapDropped,
            "comity_tap_dropped_total",
            "",
            Counter,
            "Messages that the tap has not written.",
        ),
        row(
            M::ReloadsDone,
            RELOADS,
            "{outcome=\"done\"}",
            Counter,
            RELOADS_HELP,
        ),
        row(
            M::ReloadsRefused,
            RELOADS,
            "{outcome=\"refused\"}",
            Counter,
            RELOADS_HELP,
        ),
        row(
            M::StartTime,
            "comity_start_time_seconds",
            "",
            Gauge,
            "When the gateway started, in seconds since 1970.",
        ),
    ]
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_page_has_help_and_type_once_per_name_and_a_line_per_number() {
        let metrics = Metrics::new();
        for rule in Dropped::ALL.into_iter().chain([Dropped::Loop]) {
            metrics.count(Metric::Dropped(rule));
        }
        metrics.set(Metric::Conversations, 7);
        metrics.set(Metric::Conversations, 5);
        metrics.set(Metric::SubscriptionsToSip, 2);
        let page = metrics.page();
        assert!(page.starts_with(
            "# HELP comity_conversations Pairs of users who have a session or wrote lately.\n\
             # TYPE comity_conversations gauge\n\
             comity_conversations 5\n"
        ));
        assert!(page.contains(
            "# TYPE comity_subscriptions gauge\n\
             comity_subscriptions{presentity=\"xmpp\"} 0\n\
             comity_subscriptions{presentity=\"sip\"} 2\n"
        ));
        for rule in Dropped::ALL {
            let count = 1 + u8::from(rule == Dropped::Loop);
            let line = format!(
                "\ncomity_dropped_total{{rule=\"{}\"}} {count}\n",
                rule.name()
            );
            assert!(page.contains(&line), "{line}");
        }
        let helps = page.lines().filter(|line| line.starts_with("# HELP"));
        let names: BTreeSet<_> = ALL.iter().map(|row| row.name).collect();
        assert_eq!(helps.count(), names.len());
        assert_eq!(page.lines().count(), 2 * names.len() + ALL.len());
    }

    #[test]
    fn every_number_has_one_row() {
        for (place, row) in ALL.iter().enumerate() {
            let first = ALL.iter().position(|one| one.metric == row.metric);
            assert_eq!(first, Some(place));
            let line = (row.name, row.labels);
            let same = ALL.iter().filter(|one| (one.name, one.labels) == line);
            assert_eq!(same.count(), 1);
            // The names of counters end so (Prometheus naming).
            let is_total = row.name.ends_with("_total");
            assert_eq!(is_total, matches!(row.kind, Kind::Counter), "{}", row.name);
        }
    }
}
