//! The records that others find us by.

use std::collections::BTreeSet;

use comity_identity::{DomainName, Host};
use comity_srv::publish::{Edge, Inventory, Node};

use crate::Loaded;
use crate::{Config, PortUse, SipTransport, XmppListener, XmppMode};

/// What has to be in DNS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication {
    /// Lines of zone files.
    pub records: Vec<String>,
    /// Those for the name servers alone that our own XMPP servers ask: by them they find us for the
    /// domains that are federated over SIP, of which others publish records of their own.
    pub inside: Vec<String>,
    /// Names of records that are about the domains' own servers, and lead there.
    pub elsewhere: Vec<String>,
    /// What others find us by over XMPP, to compare with what is in DNS.
    pub xmpp: Inventory,
    /// What others find us by over SIP.
    pub sip: Inventory,
}

pub(super) fn publication(config: &Config, loaded: &Loaded) -> Publication {
    let mut records = Vec::new();
    let xmpp = xmpp_inventory(config, loaded);
    records.extend(xmpp.records().iter().map(ToString::to_string));
    records.extend(direct_tls(config, loaded));
    let sip = sip_inventory(config, loaded);
    records.extend(sip.records().iter().map(ToString::to_string));
    let mut seen = BTreeSet::new();
    records.retain(|record| seen.insert(record.clone()));
    let xmpp_servers = config
        .domains
        .xmpp
        .iter()
        .map(|domain| format!("_xmpp-server._tcp.{domain}. and _xmpps-server._tcp.{domain}."));
    let edges = config
        .domains
        .sip
        .iter()
        .map(|domain| format!("_sipfederationtls._tcp.{domain}. and _sips._tcp.{domain}."));
    Publication {
        records,
        inside: inside(config, loaded),
        elsewhere: xmpp_servers.chain(edges).collect(),
        xmpp,
        sip,
    }
}

/// Where our own XMPP servers find the domains that are federated over SIP.
fn inside(config: &Config, loaded: &Loaded) -> Vec<String> {
    if config.domains.xmpp.is_empty() {
        return Vec::new();
    }
    let federated = loaded.rules.sip.domains.iter();
    let mut inventory = Inventory::default();
    inventory.local_domains = federated.map(|domain| domain.name.clone()).collect();
    inventory.nodes = nodes(config, PortUse::has_starttls);
    let records = inventory.records();
    records.iter().map(ToString::to_string).collect()
}

/// The domains for which we speak XMPP: those whose users live on SIP.
pub(super) fn xmpp_inventory(config: &Config, loaded: &Loaded) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.local_domains = config.domains.sip.iter().cloned().collect();
    inventory.email_domains = email_domains(loaded, &config.domains.sip);
    inventory.chat_aliases = config.domains.chat_aliases.iter().cloned().collect();
    inventory.file_transfer_aliases = config
        .domains
        .file_transfer_aliases
        .iter()
        .cloned()
        .collect();
    inventory.nodes = nodes(config, PortUse::has_starttls);
    inventory
}

/// The domains for which we speak SIP: those whose users live on XMPP.
pub(super) fn sip_inventory(config: &Config, loaded: &Loaded) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.local_domains = config.domains.xmpp.iter().cloned().collect();
    inventory.email_domains = email_domains(loaded, &config.domains.xmpp);
    inventory.edge = edge(config);
    inventory
}

/// The domains of the email addresses by which the users of these domains are known.
pub(super) fn email_domains(loaded: &Loaded, of: &BTreeSet<DomainName>) -> Vec<DomainName> {
    let email = &loaded.rules.email;
    if !email.enabled {
        return Vec::new();
    }
    let users = email.identities.iter();
    let users = users.filter(|(user, _)| of.contains(user.domain()));
    let of_users = users.map(|(_, email)| email.domain());
    let all: BTreeSet<_> = of_users.chain(&email.domains).cloned().collect();
    all.difference(of).cloned().collect()
}

/// Where `_sipfederationtls` leads: one name and port for all domains.
pub(super) fn edge(config: &Config) -> Option<Edge> {
    let Some(Host::Domain(name)) = config.edge() else {
        return None;
    };
    let tls = config.sip.listeners.iter();
    let tls = tls.filter(|listener| listener.transport == SipTransport::Tls);
    // Microsoft servers expect 5061 there.
    let usual = tls
        .clone()
        .find(|listener| listener.advertised_port() == 5061);
    let listener = usual.or_else(|| tls.clone().next())?;
    let mut edge = Edge::new(name.clone());
    edge.port = listener.advertised_port();
    Some(edge)
}

fn nodes(config: &Config, is_for: fn(PortUse) -> bool) -> Vec<Node> {
    let named = named_listeners(config, is_for);
    let nodes = named.map(|(listener, name)| {
        let mut node = Node::new(name.clone(), []);
        node.port = listener.advertised_port();
        node
    });
    nodes.collect()
}

fn named_listeners(
    config: &Config,
    is_for: fn(PortUse) -> bool,
) -> impl Iterator<Item = (&XmppListener, &DomainName)> {
    let listeners = match config.xmpp.mode {
        XmppMode::ServerToServer => config.xmpp.listeners.as_slice(),
        XmppMode::Component(_) => &[],
    };
    let listeners = listeners.iter().filter(move |one| is_for(one.port_use));
    listeners.filter_map(|listener| match &listener.host {
        Some(Host::Domain(name)) => Some((listener, name)),
        Some(Host::Ip(_)) | None => None,
    })
}

/// The records of direct TLS (XEP-0368), for the same domains as the others.
fn direct_tls(config: &Config, loaded: &Loaded) -> Vec<String> {
    let inventory = xmpp_inventory(config, loaded);
    let domains = inventory
        .local_domains
        .iter()
        .chain(&inventory.email_domains);
    let domains = domains
        .chain(&inventory.chat_aliases)
        .chain(&inventory.file_transfer_aliases);
    let records = domains.flat_map(|domain| {
        named_listeners(config, PortUse::has_direct_tls).map(move |(listener, name)| {
            let port = listener.advertised_port();
            format!("_xmpps-server._tcp.{domain}. SRV 0 0 {port} {name}.")
        })
    });
    records.collect()
}
