//! The servers: certificates that all trust, names that all find.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use comity_policy::{FederatedDomain, PeerKind, Scope, Subject, Switch, UserRule, Verdict};
use comity_rustls::{Identity, default_provider};
use comity_sip::Transport;
use comity_srv::Messaging;
use comity_srv::federation::Settings;
use comity_srv::routes::Routes;
use comity_testkit::mint::{Ca, Leaf};
use comity_tokio::bridge::{self, Gateway, Observer, Xmpp};
use comity_tokio::sip::{self, Listen};
use comity_tokio::{Config, Discovery, Locator};
use tokio::io::AsyncReadExt;

/// The domain of XMPP.
pub(crate) const XMPP: &str = "xmpp.example";
/// The domain of an XMPP server that reads nothing.
pub(crate) const SLOW: &str = "slow.example";
/// The domain of SIP.
pub(crate) const SIP: &str = "sip.example";
/// The edge of the domain of SIP.
pub(crate) const EDGE: &str = "edge.sip.example";
/// The gateway as SIP knows it.
pub(crate) const GATEWAY: &str = "gw.xmpp.example";

/// Runs a gateway until standard input ends; says its ports.
pub(crate) async fn serve(name_server: String) -> Result<(), Box<dyn Error>> {
    let name_server = name_server.parse()?;
    let sip = sip_config(&[GATEWAY, XMPP, SLOW], GATEWAY, name_server, 11)?;
    let streams = Xmpp::Streams(Box::new(streams(SIP, name_server, 12)?));
    let bridge = comity_bridge::Config::new(GATEWAY);
    let locator = locator(name_server, 13)?;
    let config = bridge::Config::new(bridge, rules()?, sip, streams, locator);
    let gateway = Gateway::start(config, Box::new(Silent)).await?;
    let xmpp = gateway
        .xmpp()
        .and_then(|streams| streams.addresses().first());
    let (xmpp, sip) = (xmpp.ok_or("no XMPP")?, gateway.sip().addresses()[0].1);
    println!("{} {}", xmpp.port(), sip.port());
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await?;
    gateway.shutdown().await;
    Ok(())
}

struct Silent;

impl Observer for Silent {}

/// Everybody may watch everybody.
fn rules() -> Result<comity_policy::Config, Box<dyn Error>> {
    let mut rules = comity_policy::Config::default();
    rules.local_domains.insert(XMPP.parse()?);
    rules.local_domains.insert(SLOW.parse()?);
    rules.sip.enabled = Switch::On;
    let sip = FederatedDomain::new(SIP.parse()?, PeerKind::Microsoft);
    rules.sip.domains.push(sip);
    for user in 0..crate::load::WATCHERS {
        let subject = Subject::Domain(SIP.parse()?);
        let owner = format!("x{user}@{XMPP}").parse()?;
        let rule = UserRule::new(owner, subject, Scope::Both, Verdict::Allow);
        rules.user_rules.push(rule);
    }
    Ok(rules)
}

/// A SIP server with these names in its certificate.
pub(crate) fn sip_config(
    names: &[&str],
    told: &str,
    name_server: SocketAddr,
    seed: u8,
) -> Result<sip::Config, Box<dyn Error>> {
    let mut config = sip::Config::new(&default_provider());
    config.tls.identity = Some(identity(names, seed)?);
    let listen = Listen::new(Transport::Tls, (Ipv4Addr::LOCALHOST, 0).into());
    config.listen = vec![listen.advertised(told.parse()?, None)];
    config.endpoint = comity_bridge::endpoint_config(Vec::new());
    config.limits.max_unsent_bytes = 16 * 1024 * 1024;
    config.trust.store.add_anchors_from_pem(root().as_bytes())?;
    config.discovery = discovery(name_server);
    config.locator = Some(locator(name_server, seed)?);
    Ok(config)
}

/// The XMPP server of a domain.
pub(crate) fn streams(
    domain: &str,
    name_server: SocketAddr,
    seed: u8,
) -> Result<Config, Box<dyn Error>> {
    let mut config = Config::new(identity(&[domain], seed)?, &default_provider());
    config.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    config.discovery = discovery(name_server);
    config.trust.store.add_anchors_from_pem(root().as_bytes())?;
    config.policy.local_domains.insert(domain.parse()?);
    config.policy.xmpp.enabled = Switch::On;
    config.policy.xmpp.default_verdict = Verdict::Allow;
    Ok(config)
}

fn locator(name_server: SocketAddr, seed: u8) -> Result<Locator, Box<dyn Error>> {
    let discovery = Discovery::start(discovery(name_server), [seed; 32]);
    let routes = Routes::new(Messaging::Sip, Vec::new())?;
    let locator = Locator::new(Settings::default(), routes, discovery, [seed; 32])?;
    for domain in [XMPP, SLOW, SIP] {
        let domain = domain.parse()?;
        locator.with_directory(|directory| directory.configure(domain, Messaging::Sip))?;
    }
    Ok(locator)
}

fn discovery(name_server: SocketAddr) -> comity_srv::Config {
    let mut discovery = comity_srv::Config::new(vec![name_server]);
    discovery.address_policy.danger_allow_loopback = true;
    discovery
}

fn root() -> String {
    Ca::new("Bench Root CA", [7; 32])
        .self_signed()
        .certificate_pem()
}

fn identity(names: &[&str], seed: u8) -> Result<Identity, Box<dyn Error>> {
    let leaf = names
        .iter()
        .fold(Leaf::new([seed; 32]), |leaf, name| leaf.dns(name));
    let own = Ca::new("Bench Root CA", [7; 32]).self_signed().issue(&leaf);
    let (chain, key) = (own.chain_pem(), own.key_pem());
    let provider = default_provider();
    Ok(Identity::from_pem(
        chain.as_bytes(),
        key.as_bytes(),
        &provider,
    )?)
}
