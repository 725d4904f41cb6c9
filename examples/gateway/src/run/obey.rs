use std::collections::BTreeSet;

use comity_command_line::rfc3339;
use comity_gateway_config::{Config, Loaded};
use comity_identity::DomainName;
use comity_srv::federation::Via;

use super::Gateway;
use crate::control::{Answer, Command};
use crate::log;
use crate::metrics::Metric;
use crate::setup;

impl Gateway {
    pub(super) async fn obey(&mut self, command: Command) -> Answer {
        match command {
            Command::Reload => self.reload().await,
            Command::Status => self.status().await,
            Command::Log(filter) => {
                let changed = self.log.set_filter(&filter);
                changed.map_err(|error| error.to_string())?;
                Ok(vec![format!("the filter is {filter}")])
            }
            Command::Redact(redact) => {
                self.log.set_redact(redact);
                Ok(Vec::new())
            }
            Command::Learned => Ok(self.learned()),
            Command::Forget(domain) => self.forget(&domain).await,
            Command::Restored => self.restore_state().await,
            Command::Shutdown => Ok(Vec::new()),
            Command::Help => Ok(Command::HELP.map(str::to_owned).into()),
        }
    }

    /// Takes rules, routes, certificates and the log of the file into use. What is wrong with it is
    /// told, and nothing has changed then.
    async fn reload(&mut self) -> Answer {
        let read = Config::read(&self.file).and_then(|config| {
            let loaded = Loaded::read(&config)?;
            Ok((config, loaded))
        });
        let (mut config, mut loaded) = match read {
            Ok(read) => read,
            Err(errors) => {
                self.metrics.count(Metric::ReloadsRefused);
                return Err(format!("nothing has changed: {errors}"));
            }
        };
        let mut said = needs_restart(&self.config, &config);
        // Who speaks for them is settled at the start.
        config.domains = self.config.domains.clone();
        loaded.rules.local_domains = config.domains.all();
        match self.apply(&config, &loaded).await {
            Ok(more) => said.extend(more),
            Err(reason) => {
                self.metrics.count(Metric::ReloadsRefused);
                return Err(reason);
            }
        }
        self.metrics.count(Metric::ReloadsDone);
        for line in &said {
            tracing::warn!(target: log::GATEWAY, "{line}");
        }
        tracing::info!(target: log::GATEWAY, "reloaded");
        self.config = config;
        self.loaded = loaded;
        Ok(said)
    }

    /// Each of these changes nothing if it fails, and the others are of use without it.
    async fn apply(&self, config: &Config, loaded: &Loaded) -> Result<Vec<String>, String> {
        let mut said = Vec::new();
        if let Some(federation) = self.bridge.xmpp() {
            let rules = setup::xmpp_rules(config, &loaded.rules);
            let streams = setup::xmpp_config(config, loaded, rules.clone());
            let streams = streams.map_err(|error| error.to_string())?;
            if let Err(error) = federation.replace_tls(&streams).await {
                said.push(format!("XMPP keeps its certificates: {error}"));
            }
            if let Err(error) = federation.replace_policy(rules).await {
                said.push(format!("XMPP keeps its rules: {error}"));
            }
            if let Err(error) = federation.replace_routes(config.routes.xmpp.clone()).await {
                said.push(format!("XMPP keeps its routes: {error}"));
            }
        }
        let sip = setup::sip_config(config, loaded, &self.locator);
        if let Err(error) = self.bridge.sip().replace_tls(&sip).await {
            said.push(format!("SIP keeps its certificates: {error}"));
        }
        if let Err(error) = self.locator.replace_routes(config.routes.sip.clone()) {
            said.push(format!("the routes stay: {error}"));
        }
        self.locator.replace_subjects(config.sip.subjects());
        if let Err(error) = setup::reconfigure(&self.locator, config, &self.loaded, loaded) {
            said.push(error.to_string());
        }
        let replaced = self.bridge.replace_policy(loaded.rules.clone()).await;
        replaced.map_err(|error| error.to_string())?;
        let discovery = setup::open_federation(&loaded.rules);
        self.bridge.set_discovery(discovery).await;
        let changed = self.log.set_filter(&config.log.filter);
        changed.map_err(|error| error.to_string())?;
        self.log.set_redact(config.log.redact);
        Ok(said)
    }

    async fn status(&self) -> Answer {
        let counts = self.bridge.counts().await.ok_or(ENDED)?;
        let store = match &self.config.store {
            Some(path) => path.display().to_string(),
            None => "none".to_owned(),
        };
        let started = rfc3339(self.started);
        let uptime = self.started.elapsed().unwrap_or_default().as_secs();
        Ok(vec![
            format!("version {}", crate::VERSION),
            format!("started {started}, {uptime} s ago"),
            format!("conversations {}", counts.conversations),
            format!(
                "texts under way {}, {} bytes",
                counts.letters, counts.queued_bytes
            ),
            format!("subscriptions to SIP users {}", counts.watches),
            format!("subscriptions to XMPP users {}", counts.watchers),
            format!("learned domains {}", self.learned().len()),
            format!("store {store}"),
        ])
    }

    async fn restore_state(&self) -> Answer {
        let counts = self.bridge.counts().await.ok_or(ENDED)?;
        Ok(vec![
            format!("facts of former runs {}", self.restored),
            format!(
                "subscriptions set up again {}",
                counts.subscriptions_restored
            ),
        ])
    }

    /// Brings the numbers up to date that only the bridge knows.
    pub(super) async fn measure(&self) {
        let Some(counts) = self.bridge.counts().await else {
            return;
        };
        for (metric, count) in [
            (Metric::TextsToSip, counts.texts_to_sip),
            (Metric::TextsToXmpp, counts.texts_to_xmpp),
            (Metric::TextsReturned, counts.texts_returned),
        ] {
            self.metrics.set(metric, count);
        }
        for (metric, count) in [
            (Metric::Conversations, counts.conversations),
            (Metric::TextsWaiting, counts.letters),
            (Metric::BytesWaiting, counts.queued_bytes),
            (Metric::HeldRequests, counts.held_requests),
            (Metric::SubscriptionsToSip, counts.watches),
            (Metric::SubscriptionsToXmpp, counts.watchers),
            (Metric::SubscriptionsRestored, counts.subscriptions_restored),
            (Metric::LearnedDomains, self.learned().len()),
        ] {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.metrics.set(metric, count);
        }
    }

    fn learned(&self) -> Vec<String> {
        self.locator.with_directory(|directory| {
            let learned = directory.learned().map(|learned| {
                let via = match learned.via {
                    Via::Xmpp => "XMPP",
                    Via::Sip => "SIP",
                    Via::Edge => "SIP, of Microsoft's kind",
                    Via::DefaultRoute => "the default route",
                };
                format!(
                    "{} by {via}, first {}, last {}",
                    learned.domain,
                    rfc3339(learned.first_seen),
                    rfc3339(learned.last_worked)
                )
            });
            learned.collect()
        })
    }

    async fn forget(&self, domain: &DomainName) -> Answer {
        let forgotten = self
            .locator
            .with_directory(|directory| directory.forget(domain));
        if forgotten.is_none() {
            return Err(format!("{domain} was not learned"));
        }
        self.bridge.unlearn(domain.clone()).await;
        Ok(Vec::new())
    }
}

/// What a running gateway cannot change.
fn needs_restart(before: &Config, after: &Config) -> Vec<String> {
    let changed: BTreeSet<&str> = [
        ("domains", before.domains != after.domains),
        ("bridge", before.bridge != after.bridge),
        ("xmpp", before.xmpp != after.xmpp),
        ("sip.listeners", listeners(before) != listeners(after)),
        ("dns", before.dns != after.dns),
        ("store", before.store != after.store),
        ("control", before.control != after.control),
        ("metrics", before.metrics != after.metrics),
        ("tap", before.tap != after.tap),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect();
    let changed = changed.into_iter();
    changed
        .map(|name| format!("{name} has changed, which needs a restart"))
        .collect()
}

/// The listeners without their TLS, which can change.
fn listeners(config: &Config) -> Vec<comity_gateway_config::SipListener> {
    let mut listeners = config.sip.listeners.clone();
    for listener in &mut listeners {
        listener.tls = None;
        listener.line = 0;
    }
    listeners
}

const ENDED: &str = "the gateway is ending";
