//! From a configuration to those of the drivers.

use std::sync::Arc;

use comity_gateway_config::{
    Config, Loaded, PortUse, PresenceProfile, ServerKind, SipListener, SipTls, SipTransport,
    XmppMode,
};
use comity_identity::DomainName;
use comity_policy::{DomainPattern, Exception, Packets, PeerKind, Switch, Verdict};
use comity_rustls::{CipherList, TlsContext};
use comity_sip::Transport;
use comity_srv::Messaging;
use comity_srv::federation::Settings;
use comity_tokio::sip::{self, Listen};
use comity_tokio::{Discovery, Locator, component};
use comity_xmpp::{DialbackSecret, stream};
use rustls::crypto::CryptoProvider;

/// Why a configuration cannot be run as it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("XMPP needs a certificate: set tls.inbound.chain and tls.inbound.key")]
    NoIdentity,
    #[error("the crypto provider gives no random bytes")]
    Random,
    #[error("the routes over SIP are not for SIP")]
    Routes,
    #[error("{0} is federated over SIP and configured for XMPP")]
    BothProtocols(DomainName),
}

/// Where SIP domains are reached: by our routes, by what was learned, by DNS.
pub(crate) fn locator(config: &Config, loaded: &Loaded) -> Result<Locator, SetupError> {
    let provider = &loaded.provider;
    let discovery = Discovery::start(config.dns.discovery(), seed(provider)?);
    let routes = config.routes.sip.clone();
    let locator = Locator::new(Settings::default(), routes, discovery, seed(provider)?)
        .map_err(|_not_for_sip| SetupError::Routes)?;
    locator.replace_subjects(config.sip.subjects());
    configure(&locator, config, loaded)?;
    Ok(locator)
}

/// Notes which domains are on SIP: those of ours, and those that the rules name.
pub(crate) fn configure(
    locator: &Locator,
    config: &Config,
    loaded: &Loaded,
) -> Result<(), SetupError> {
    let federated = loaded.rules.sip.domains.iter().map(|domain| &domain.name);
    locator.with_directory(|directory| {
        for domain in config.domains.sip.iter().chain(federated) {
            directory
                .configure(domain.clone(), Messaging::Sip)
                .map_err(|conflict| SetupError::BothProtocols(conflict.domain))?;
        }
        Ok(())
    })
}

/// Notes which domains new rules name for SIP, and which they name no more.
pub(crate) fn reconfigure(
    locator: &Locator,
    config: &Config,
    before: &Loaded,
    after: &Loaded,
) -> Result<(), SetupError> {
    locator.with_directory(|directory| {
        for domain in &before.rules.sip.domains {
            directory.unconfigure(&domain.name);
        }
    });
    configure(locator, config, after)
}

/// The rules of the XMPP side. It speaks there for all domains on SIP, ours and others', so that our
/// domains on XMPP are among those whose servers connect. What users decide, and their email
/// addresses, is for the bridge.
pub(crate) fn xmpp_rules(config: &Config, rules: &comity_policy::Config) -> comity_policy::Config {
    let mut own = rules.clone();
    let federated = rules.sip.domains.iter().map(|domain| domain.name.clone());
    own.local_domains = config
        .domains
        .sip
        .iter()
        .cloned()
        .chain(federated)
        .collect();
    own.sip = comity_policy::SipRules::default();
    own.user_rules = Vec::new();
    own.email = comity_policy::EmailRules::default();
    if own.xmpp.default_verdict == Verdict::Deny {
        for domain in &config.domains.xmpp {
            let pattern = DomainPattern::Exact(domain.clone());
            own.xmpp
                .exceptions
                .push(Exception::new(pattern, Packets::All));
        }
    }
    own
}

/// What the bridge joins.
pub(crate) fn bridge_config(config: &Config, loaded: &Loaded) -> comity_bridge::Config {
    let name = config
        .edge()
        .map_or_else(|| "comity".to_owned(), ToString::to_string);
    let mut bridge = comity_bridge::Config::new(&name);
    let kind = match config.bridge.own_servers {
        ServerKind::Microsoft => PeerKind::Microsoft,
        ServerKind::Standard => PeerKind::Standard,
    };
    let homes = config.domains.sip.iter();
    bridge.sip_homes = homes.map(|domain| (domain.clone(), kind)).collect();
    let federated = loaded.rules.sip.domains.iter().map(|domain| &domain.name);
    let named = config.bridge.peers.iter().flat_map(|(names, _)| names);
    for domain in config.domains.sip.iter().chain(federated).chain(named) {
        let profile = match config.bridge.presence_of(domain) {
            Some(PresenceProfile::Cisco) => comity_bridge::presence::PresenceProfile::Cisco,
            Some(PresenceProfile::Faithful) => comity_bridge::presence::PresenceProfile::Faithful,
            None => continue,
        };
        bridge.profiles.insert(domain.clone(), profile);
    }
    bridge.discovery = open_federation(&loaded.rules);
    bridge
}

/// Whether domains that nobody has configured are looked for.
pub(crate) fn open_federation(rules: &comity_policy::Config) -> Switch {
    match rules.sip.default_verdict {
        Verdict::Allow => Switch::On,
        Verdict::Deny => Switch::Off,
    }
}

/// The SIP server, for a bridge.
pub(crate) fn sip_config(config: &Config, loaded: &Loaded, locator: &Locator) -> sip::Config {
    let mut server = sip::Config::new(&loaded.provider);
    server.tls = loaded.tls_context();
    server.trust = loaded.sip_trust.policy.clone();
    server.revocation_lists = loaded.sip_trust.revocation_lists.clone();
    server.discovery = config.dns.discovery();
    server.endpoint = comity_bridge::endpoint_config(Vec::new());
    server.locator = Some(locator.clone());
    let listeners = config.sip.listeners.iter();
    server.listen = listeners
        .map(|listener| listen(listener, &server.tls, loaded))
        .collect();
    server
}

fn listen(listener: &SipListener, tls: &TlsContext, loaded: &Loaded) -> Listen {
    let transport = match listener.transport {
        SipTransport::Tls => Transport::Tls,
        SipTransport::Tcp => Transport::Tcp,
        SipTransport::Udp => Transport::Udp,
    };
    let mut listen = Listen::new(transport, listener.address);
    listen.host.clone_from(&listener.host);
    listen.port = listener.port;
    if let Some(own) = &listener.tls {
        listen = listen.secured(context(own, tls, &loaded.provider));
    }
    if listener.shared {
        listen = listen.shared();
    }
    listen
}

/// What a listener does otherwise.
fn context(own: &SipTls, tls: &TlsContext, provider: &CryptoProvider) -> TlsContext {
    let mut context = tls.clone();
    context.min_version = own.min_version;
    context.max_version = own.max_version;
    let ciphers = own.ciphers.as_ref();
    context.cipher_suites = ciphers.map(|list| CipherList::parse(list, provider).supported());
    let subjects = own.subjects();
    context.peer_subjects = (!subjects.is_empty()).then_some(subjects);
    context
}

/// The XMPP side as components of a local server.
pub(crate) fn components(
    config: &Config,
    loaded: &Loaded,
    tap: Option<&comity_tokio::Tap>,
) -> Vec<component::Config> {
    let XmppMode::Component(local) = &config.xmpp.mode else {
        return Vec::new();
    };
    let domains = loaded.components.iter();
    let links = domains.map(|(domain, secret)| {
        let secret = stream::component::Secret::new(secret.expose());
        let rules = stream::component::Config::new(domain.clone(), secret);
        let mut link = component::Config::new(local.server.clone(), local.port, rules);
        link.tap = tap.cloned();
        link
    });
    links.collect()
}

/// The XMPP side as a server among servers, by these rules.
pub(crate) fn xmpp_config(
    config: &Config,
    loaded: &Loaded,
    policy: comity_policy::Config,
) -> Result<comity_tokio::Config, SetupError> {
    let identity = loaded.inbound.clone().ok_or(SetupError::NoIdentity)?;
    let mut federation = comity_tokio::Config::new(identity, &loaded.provider);
    federation.tls = loaded.tls_context();
    federation.trust = loaded.xmpp_trust.policy.clone();
    federation.revocation_lists = loaded.xmpp_trust.revocation_lists.clone();
    federation.discovery = config.dns.discovery();
    federation.policy = policy;
    let dialback = match &loaded.dialback {
        Some(secret) => secret.clone(),
        None => DialbackSecret::new(&seed(&loaded.provider)?),
    };
    federation.router.stream.dialback = Some(dialback);
    federation.routes = config.routes.xmpp.clone();
    for listener in &config.xmpp.listeners {
        match listener.port_use {
            PortUse::StartTls => federation.listen.push(listener.address),
            PortUse::DirectTls => federation.listen_tls.push(listener.address),
            PortUse::Both => federation.listen_shared.push(listener.address),
        }
    }
    Ok(federation)
}

/// 32 random bytes of the crypto provider.
pub(crate) fn seed(provider: &Arc<CryptoProvider>) -> Result<[u8; 32], SetupError> {
    let mut seed = [0; 32];
    let filled = provider.secure_random.fill(&mut seed);
    filled.map_err(|_rustls| SetupError::Random)?;
    Ok(seed)
}

#[cfg(test)]
mod tests;
