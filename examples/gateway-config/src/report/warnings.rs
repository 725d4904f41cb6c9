//! What is allowed and probably not meant.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use comity_identity::{DomainName, Host};
use comity_policy::{PeerKind, Requirement, Switch, TlsMode, Verdict};
use comity_rustls::{CipherAnswer, CipherList, CipherWarning};
use comity_srv::routes::{Pattern, Routes};

use crate::Loaded;
use crate::{Config, FileAt, SecretSource, SipListener, SipTransport, XmppMode};

/// Something that an operator should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// Zero if it is about no line.
    pub line: usize,
    /// What it is, and what to do about it.
    pub text: String,
}

/// Those about lines in their order, the others before them.
pub(super) fn all(config: &Config, loaded: &Loaded) -> Vec<Warning> {
    let mut found = Found(Vec::new());
    for notice in &loaded.notices {
        found.note(0, notice);
    }
    for warning in loaded.policy.warnings() {
        found.note(
            0,
            format_args!("{}: {warning}", config.policy.path.display()),
        );
    }
    found.protocols(config, loaded);
    found.security(config, loaded);
    found.edge(config, loaded);
    found.listeners(config, loaded);
    found.routes(config, loaded);
    found.domains(config, loaded);
    found.files(config);
    found.exposure(config);
    found.0.sort_by_key(|warning| warning.line);
    found.0
}

struct Found(Vec<Warning>);

impl Found {
    fn note(&mut self, line: usize, text: impl Display) {
        let text = text.to_string();
        self.0.push(Warning { line, text });
    }

    /// What listens is allowed by the rules, and what they allow listens.
    fn protocols(&mut self, config: &Config, loaded: &Loaded) {
        let rules = &loaded.rules;
        let is_s2s = config.xmpp.mode == XmppMode::ServerToServer;
        let has_xmpp = !is_s2s || !config.xmpp.listeners.is_empty();
        match (rules.xmpp.enabled, has_xmpp) {
            (Switch::On, false) => {
                self.note(
                    0,
                    "XMPP is on, but no other server can connect: add [[xmpp.listeners]]",
                );
            }
            (Switch::Off, true) => {
                self.note(0, "there is an XMPP side, but the rules have XMPP off");
            }
            (Switch::On, true) | (Switch::Off, false) => {}
        }
        let has_tls = config.sip.listeners.iter().any(|one| one.tls.is_some());
        match (rules.sip.enabled, has_tls) {
            (Switch::On, false) => self.note(
                0,
                "SIP is on, but no peer can connect by TLS: add [[sip.listeners]] with \
                 transport = \"tls\"",
            ),
            (Switch::Off, true) => self.note(0, "SIP listens, but the rules have SIP off"),
            (Switch::On, true) | (Switch::Off, false) => {}
        }
        if config.store.is_none() {
            let text = "there is no [store]: subscriptions are forgotten when the gateway ends";
            self.note(0, text);
        }
    }

    /// What the rules ask for can be proved.
    fn security(&mut self, config: &Config, loaded: &Loaded) {
        let xmpp = &loaded.rules.xmpp;
        let is_s2s = config.xmpp.mode == XmppMode::ServerToServer;
        let modes = xmpp.security_rules.iter().map(|rule| rule.mode);
        let mut modes = modes.chain([xmpp.default_security]);
        if is_s2s && xmpp.enabled == Switch::On {
            let asks = modes
                .clone()
                .any(|mode| mode.certificate == Requirement::Required);
            if asks && loaded.xmpp_trust.policy.store.is_empty() {
                self.note(
                    0,
                    "XMPP peers need a certificate, but nobody is trusted: add anchors or pins to \
                     [trust.xmpp]",
                );
            }
            let dials_back = modes.any(|mode| mode.dialback == Switch::On);
            if dials_back && config.xmpp.dialback.is_none() {
                self.note(
                    0,
                    "there is no dialback secret: one is drawn at each start, which a site of \
                     several nodes cannot share",
                );
            }
        }
        for rule in &xmpp.security_rules {
            let sasl = [rule.mode.sasl_inbound, rule.mode.sasl_outbound];
            if rule.mode.tls == TlsMode::Required && sasl.contains(&Switch::Off) {
                let pattern = &rule.pattern;
                self.note(
                    0,
                    format_args!(
                        "{pattern} has to use TLS, but not SASL EXTERNAL in both directions: an \
                         IBM server with TLS needs both"
                    ),
                );
            }
        }
        let judges = tls_listeners(config).next().is_some();
        if judges && loaded.sip_trust.policy.store.is_empty() {
            self.note(
                0,
                "SIP peers need a certificate, but nobody is trusted: add anchors or pins to \
                 [trust.sip]",
            );
        }
    }

    /// The federation routing FQDN is what DNS, peers and certificates are told.
    fn edge(&mut self, config: &Config, loaded: &Loaded) {
        let tls: Vec<_> = tls_listeners(config).collect();
        let Some(first) = tls.first() else { return };
        let domains = &loaded.rules.sip.domains;
        let is_direct_only =
            !domains.is_empty() && domains.iter().all(|domain| domain.direct == Switch::On);
        match &config.sip.federation_host {
            None if !is_direct_only => self.note(
                first.line,
                "sip.federation-host is not set: it is the name to which the _sipfederationtls \
                 records of all our domains have to lead",
            ),
            Some(Host::Ip(address)) => self.note(
                first.line,
                format_args!(
                    "sip.federation-host is the address {address}: SRV records and certificates \
                     need a name"
                ),
            ),
            Some(Host::Domain(_)) | None => {}
        }
        let Some(edge) = config.sip.federation_host.as_ref() else {
            return;
        };
        for listener in &tls {
            let other = listener.host.as_ref().filter(|host| *host != edge);
            if let Some(host) = other
                && !is_direct_only
            {
                let text = format_args!(
                    "peers are told {host}, but federation goes through {edge}: answers come back \
                     elsewhere unless both are this gateway"
                );
                self.note(listener.line, text.to_string());
            }
        }
        let mut ports = tls.iter().map(|listener| listener.advertised_port());
        if !ports.any(|port| port == 5061) {
            self.note(
                first.line,
                "no TLS listener is port 5061 to others: Microsoft servers connect to that alone",
            );
        }
    }

    fn listeners(&mut self, config: &Config, loaded: &Loaded) {
        let microsoft = loaded.rules.sip.domains.iter();
        let has_microsoft = microsoft
            .clone()
            .any(|domain| domain.kind == PeerKind::Microsoft);
        for listener in tls_listeners(config) {
            self.ciphers(listener, loaded, has_microsoft);
        }
        for listener in &config.sip.listeners {
            let is_plain = listener.transport != SipTransport::Tls || listener.shared;
            if is_plain && !listener.address.ip().is_loopback() {
                self.note(
                    listener.line,
                    "what comes here without TLS can be read and changed on its way, and proves \
                     nobody",
                );
            }
        }
        for listener in &config.xmpp.listeners {
            if !matches!(listener.host, Some(Host::Domain(_))) {
                self.note(
                    listener.line,
                    "the listener has no host name: SRV records cannot lead to it",
                );
            }
        }
    }

    fn ciphers(&mut self, listener: &SipListener, loaded: &Loaded, has_microsoft: bool) {
        let ciphers = listener.tls.as_ref().and_then(|tls| tls.ciphers.as_ref());
        let Some(ciphers) = ciphers else {
            if has_microsoft {
                self.note(listener.line, CipherWarning::EllipticCurvesOnly);
            }
            return;
        };
        let list = CipherList::parse(ciphers, &loaded.provider);
        for entry in list.entries() {
            match entry.answer {
                CipherAnswer::Supported(_) => {}
                CipherAnswer::NoEffect | CipherAnswer::Refused(_) | _ => {
                    self.note(listener.line, entry);
                }
            }
        }
        let versions = listener
            .tls
            .as_ref()
            .map(|tls| (tls.min_version, tls.max_version));
        for warning in list.warnings() {
            let matters = match warning {
                CipherWarning::EllipticCurvesOnly => has_microsoft,
                CipherWarning::VersionWithoutSuite(version) => {
                    versions.is_some_and(|(min, max)| version == min || version == max)
                }
                CipherWarning::NothingSupported | _ => true,
            };
            if matters {
                self.note(listener.line, warning);
            }
        }
    }

    fn routes(&mut self, config: &Config, loaded: &Loaded) {
        let tables = &config.routes;
        self.lint("routes.sip", &tables.sip);
        self.lint("routes.xmpp", &tables.xmpp);
        // Our own servers are reached as those of others are, each on its side.
        for (routes, lines, elsewhere, side) in [
            (&tables.sip, &tables.sip_lines, &config.domains.xmpp, "XMPP"),
            (&tables.xmpp, &tables.xmpp_lines, &config.domains.sip, "SIP"),
        ] {
            for ((_, route), line) in routes.iter().zip(lines) {
                let named = |domain: &&DomainName| {
                    let exact = [Pattern::exact(domain), Pattern::below(domain)];
                    exact.contains(&route.pattern)
                };
                for domain in elsewhere.iter().filter(named) {
                    let text = format!(
                        "the users of {domain} are on {side}: nothing leaves by this route"
                    );
                    self.note(*line, text);
                }
            }
        }
        if let (XmppMode::Component(_), Some(line)) = (&config.xmpp.mode, tables.xmpp_lines.first())
        {
            let text =
                "routes over XMPP have no effect: the local XMPP server reaches other domains";
            self.note(*line, text);
        }
        self.default_route(config, loaded);
        for domain in &loaded.rules.sip.domains {
            let host = Host::Domain(domain.name.clone());
            let decision = tables.sip.decide(&host, &[0; 32]);
            let is_routed = decision.hops().next().is_some();
            if domain.direct == Switch::On && !is_routed {
                let name = &domain.name;
                let text = format!(
                    "{name} is federated directly, without an edge that DNS could name: add a \
                     route for it to [[routes.sip]]"
                );
                self.note(0, text);
            }
        }
    }

    fn lint(&mut self, table: &str, routes: &Routes) {
        for lint in routes.lint() {
            self.note(0, format_args!("{table}, counted from 0: {lint}"));
        }
    }

    /// Open federation works by XMPP first, and needs rules that let unknown domains in.
    fn default_route(&mut self, config: &Config, loaded: &Loaded) {
        let routes = config.routes.sip.iter().zip(&config.routes.sip_lines);
        let mut open = routes.filter(|((_, route), _)| {
            route.pattern.is_everything() && route.in_service && !route.blocked
        });
        let Some((_, line)) = open.next() else { return };
        if loaded.rules.xmpp.enabled == Switch::Off {
            self.note(
                *line,
                "the default route is open, but XMPP, which is tried before it, is off",
            );
        }
        if loaded.rules.sip.default_verdict == Verdict::Deny {
            self.note(
                *line,
                "the default route is open, but the rules deny SIP domains that are not listed",
            );
        }
    }

    fn domains(&mut self, config: &Config, loaded: &Loaded) {
        let ours = config.domains.all();
        for identity in &config.tls.domains {
            let aliases = [
                &config.domains.chat_aliases,
                &config.domains.file_transfer_aliases,
            ];
            let is_alias = aliases.iter().any(|set| set.contains(&identity.name));
            if !ours.contains(&identity.name) && !is_alias {
                let text = format!("{} is none of our domains", identity.name);
                self.note(identity.files.chain.line, text);
            }
        }
        for (peers, _) in &config.bridge.peers {
            for own in peers.intersection(&ours) {
                self.note(
                    0,
                    format_args!("bridge.peers: {own} is our own, and no peer"),
                );
            }
        }
        let XmppMode::Component(component) = &config.xmpp.mode else {
            return;
        };
        let federated = loaded.rules.sip.domains.iter().map(|domain| &domain.name);
        for domain in config.domains.sip.iter().chain(federated) {
            if !component.domains.iter().any(|one| one.name == *domain) {
                let text = format!(
                    "{domain} is no component: users of the local XMPP server cannot reach it, \
                     unless it is added to [[xmpp.component.domains]]"
                );
                self.note(0, text);
            }
        }
    }

    /// Who else may read what is secret.
    fn files(&mut self, config: &Config) {
        let tls = &config.tls;
        let identities = tls.inbound.iter().chain(&tls.outbound);
        let of_domains = tls.domains.iter().map(|domain| &domain.files);
        for files in identities.chain(of_domains) {
            self.private(&files.key);
        }
        let components = match &config.xmpp.mode {
            XmppMode::Component(component) => component.domains.as_slice(),
            XmppMode::ServerToServer => &[],
        };
        let secrets = components.iter().map(|domain| &domain.secret);
        for secret in secrets.chain(&config.xmpp.dialback) {
            match secret {
                SecretSource::File(file) => self.private(file),
                SecretSource::Text(_) => {}
            }
        }
    }

    fn private(&mut self, file: &FileAt) {
        if is_open(&file.path) {
            let name = file.path.display();
            let text = format!("{name} may be read by others: chmod 600 {name}");
            self.note(file.line, text);
        }
    }

    /// What makes the gateway say or do more than it should by default.
    fn exposure(&mut self, config: &Config) {
        if config.tap.as_ref().is_some_and(|tap| tap.bodies) {
            self.note(
                0,
                "the tap writes what users write: set bodies = false when done",
            );
        }
        if !config.log.redact {
            self.note(
                0,
                "the log shows the addresses of users: set redact = true when done",
            );
        }
        let policy = &config.dns.addresses;
        for (is_allowed, key, where_to) in [
            (policy.danger_allow_loopback, "loopback", "this machine"),
            (policy.danger_allow_private, "private", "our own networks"),
        ] {
            if is_allowed {
                let text =
                    format!("dns.danger-allow-{key}: remote domains may lead us to {where_to}");
                self.note(0, text);
            }
        }
    }
}

fn tls_listeners(config: &Config) -> impl Iterator<Item = &SipListener> {
    let listeners = config.sip.listeners.iter();
    listeners.filter(|listener| listener.transport == SipTransport::Tls)
}

fn is_open(path: &Path) -> bool {
    // That it cannot be read at all is told elsewhere.
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}
