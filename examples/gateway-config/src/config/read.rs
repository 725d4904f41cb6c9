//! The sections of the file, and what they say together.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use comity_identity::DomainName;
use comity_srv::AddressPolicy;
use toml::de::DeTable;

use super::problem::{ConfigErrors, Rule};
use super::routes;
use super::source::{FileAt, Placed, Section, Source};
use super::{Bridge, Config, Dns, Domains, Log, PresenceProfile, ServerKind, Tap, sip, tls, xmpp};
use crate::LogFilter;

pub(super) fn config(text: &str, folder: &Path) -> Result<Config, ConfigErrors> {
    let mut source = Source::new(text, folder);
    let tree = source.parse();
    let config = tree.and_then(|tree| whole(&mut source, tree.get_ref()));
    let mut errors = source.errors;
    match config {
        Some(config) if errors.is_empty() => Ok(config),
        Some(_) | None => {
            errors.sort_by_key(|error| error.line);
            Err(ConfigErrors::of(errors))
        }
    }
}

/// `None` only beside an error.
fn whole<'t>(source: &mut Source<'t>, root: &DeTable<'t>) -> Option<Config> {
    let root = Section::root(root);
    source.know(&root, ROOT);
    let domains = domains(source, &root);
    let bridge = bridge(source, &root);
    let xmpp = xmpp::read(source, &root, &domains);
    let sip = sip::read(source, &root);
    let tls = tls::read(source, &root);
    if tls.inbound.is_none() {
        need_inbound_identity(source, &root, &xmpp, &sip);
    }
    let dns = dns(source, &root);
    let policy = policy(source, &root);
    let routes = routes::read(source, &root);
    let store = only_file(source, &root, "store", &["path"]);
    let control = only_file(source, &root, "control", &["socket"]);
    let metrics = metrics(source, &root);
    let log = log(source, &root);
    let tap = tap(source, &root);
    let email = only_file(source, &root, "email", &["file"]);
    Some(Config {
        domains,
        bridge,
        xmpp,
        sip,
        tls,
        dns,
        policy: policy?,
        routes: routes?,
        store: store.map(|file| file.path),
        control: control.map(|file| file.path),
        metrics,
        log,
        tap,
        email,
    })
}

fn domains<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Domains {
    if !source.need(root, "domains", "name our domains in [domains]") {
        return Domains::default();
    }
    let Some(section) = source.section(root, "domains") else {
        return Domains::default();
    };
    source.know(&section, DOMAINS);
    let xmpp = source.list::<DomainName>(&section, "xmpp", DOMAIN);
    let sip = source.list::<DomainName>(&section, "sip", DOMAIN);
    for both in &sip {
        if xmpp.iter().any(|one| one.value == both.value) {
            let rule = Rule::BothProtocols(both.value.to_string());
            let problem = super::Problem::Rule(rule);
            source.fail(both.line, both.key.clone(), problem);
        }
    }
    for key in ["xmpp", "sip"] {
        let remedy = "list our domains whose users live there, or write [] if there are none";
        source.need(&section, key, remedy);
    }
    Domains {
        xmpp: values(xmpp),
        sip: values(sip),
        chat_aliases: values(source.list(&section, "chat-aliases", DOMAIN)),
        file_transfer_aliases: values(source.list(&section, "file-transfer-aliases", DOMAIN)),
    }
}

pub(super) fn values<T: Ord>(placed: Vec<Placed<T>>) -> BTreeSet<T> {
    placed.into_iter().map(|one| one.value).collect()
}

fn bridge<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Bridge {
    let mut bridge = Bridge::default();
    let Some(section) = source.section(root, "bridge") else {
        return bridge;
    };
    source.know(&section, BRIDGE);
    bridge.presence = presence(source, &section);
    let kind = source.word(&section, "own-sip-servers", &["microsoft", "standard"]);
    if kind == Some("microsoft") {
        bridge.own_servers = ServerKind::Microsoft;
    }
    let mut named = BTreeSet::new();
    for peer in source.sections(&section, "peers") {
        source.know(&peer, PEER);
        source.need(&peer, "domains", "list the domains that this is about");
        source.need(&peer, "presence", "write cisco or faithful");
        let profile = presence(source, &peer);
        let domains = source.list::<DomainName>(&peer, "domains", DOMAIN);
        for domain in &domains {
            if !named.insert(domain.value.clone()) {
                let problem = super::Problem::Duplicate(domain.value.to_string());
                source.fail(domain.line, domain.key.clone(), problem);
            }
        }
        bridge
            .peers
            .extend(profile.map(|profile| (values(domains), profile)));
    }
    bridge
}

fn presence<'t>(source: &mut Source<'t>, section: &Section<'_, 't>) -> Option<PresenceProfile> {
    Some(
        match source.word(section, "presence", &["cisco", "faithful"])? {
            "faithful" => PresenceProfile::Faithful,
            _ => PresenceProfile::Cisco,
        },
    )
}

fn dns<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Dns {
    let mut dns = Dns::default();
    let Some(section) = source.section(root, "dns") else {
        return dns;
    };
    source.know(&section, DNS);
    let servers = source.list::<NameServer>(&section, "servers", "a name server");
    dns.servers = servers.into_iter().map(|server| server.value.0).collect();
    dns.validating = source.switch(&section, "validating", false);
    let mut addresses = AddressPolicy::default();
    addresses.danger_allow_loopback = source.switch(&section, "danger-allow-loopback", false);
    addresses.danger_allow_private = source.switch(&section, "danger-allow-private", false);
    dns.addresses = addresses;
    dns
}

/// An address whose port is that of DNS if it is not there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct NameServer(SocketAddr);

impl FromStr for NameServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        comity_command_line::name_server(text).map(Self)
    }
}

fn policy<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Option<FileAt> {
    if !source.need(root, "policy", "name the file of the rules in [policy]") {
        return None;
    }
    let section = source.section(root, "policy")?;
    source.know(&section, &["file"]);
    source.need(&section, "file", "name the file of the rules");
    source.file(&section, "file")
}

/// The path of a table that holds nothing else.
fn only_file<'t>(
    source: &mut Source<'t>,
    root: &Section<'_, 't>,
    table: &'static str,
    allowed: &'static [&'static str],
) -> Option<FileAt> {
    let section = source.section(root, table)?;
    source.know(&section, allowed);
    let [key] = *allowed else { return None };
    source.need(&section, key, "name it, or delete the table");
    source.file(&section, key)
}

fn metrics<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Option<SocketAddr> {
    let section = source.section(root, "metrics")?;
    source.know(&section, &["listen"]);
    let remedy = "write an address such as 127.0.0.1:9469, or delete the table";
    let address: SocketAddr = source.required(&section, "listen", ADDRESS, remedy)?;
    if !address.ip().is_loopback() {
        source.break_rule(&section, "listen", Rule::NotLoopback(address.to_string()));
    }
    Some(address)
}

fn log<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Log {
    let mut log = Log {
        filter: LogFilter::default(),
        redact: true,
    };
    if let Some(section) = source.section(root, "log") {
        source.know(&section, &["filter", "redact"]);
        if let Some(filter) = source.parsed(&section, "filter", "a filter of log events") {
            log.filter = filter;
        }
        log.redact = source.switch(&section, "redact", true);
    }
    log
}

fn tap<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Option<Tap> {
    let section = source.section(root, "tap")?;
    source.know(&section, &["bodies", "file"]);
    source.need(&section, "file", "name it, or delete the table");
    let bodies = source.switch(&section, "bodies", false);
    let file = source.path(&section, "file")?;
    Some(Tap { file, bodies })
}

/// Who listens for TLS has something to present.
fn need_inbound_identity<'t>(
    source: &mut Source<'t>,
    root: &Section<'_, 't>,
    xmpp: &super::Xmpp,
    sip: &super::Sip,
) {
    let sip_tls = |listener: &super::SipListener| listener.tls.is_some();
    for (table, listens) in [
        ("xmpp", !xmpp.listeners.is_empty()),
        ("sip", sip.listeners.iter().any(sip_tls)),
    ] {
        if listens {
            source.break_rule(root, table, Rule::NoInboundIdentity);
        }
    }
}

const ROOT: &[&str] = &[
    "bridge", "control", "dns", "domains", "email", "log", "metrics", "policy", "routes", "sip",
    "store", "tap", "tls", "trust", "xmpp",
];
const DOMAINS: &[&str] = &["chat-aliases", "file-transfer-aliases", "sip", "xmpp"];
const BRIDGE: &[&str] = &["own-sip-servers", "peers", "presence"];
const PEER: &[&str] = &["domains", "presence"];
const DNS: &[&str] = &[
    "danger-allow-loopback",
    "danger-allow-private",
    "servers",
    "validating",
];

pub(super) const DOMAIN: &str = "a domain name";
pub(super) const HOST: &str = "a host name or an IP address";
pub(super) const ADDRESS: &str = "an address with a port, as in 0.0.0.0:5269 or [::]:5269";
