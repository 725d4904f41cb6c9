//! Who takes part in the second act.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use comity_policy::{FederatedDomain, PeerKind, Scope, Subject, Switch, UserRule, Verdict};
use comity_rustls::{Identity, default_provider};
use comity_sip::Transport;
use comity_srv::Messaging;
use comity_srv::federation::Settings;
use comity_srv::routes::Routes;
use comity_testkit::dns::FakeDns;
use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_tokio::bridge::{self, Gateway, Observer, Xmpp};
use comity_tokio::sip::{self, Listen, Server};
use comity_tokio::{Config, Discovery, Event, Federation, Locator};
use tokio::sync::mpsc;

use super::edge::{Edge, Seen};
use crate::demo::cast::random_seed;
use crate::demo::dns::DnsSockets;

/// The three servers of the act.
pub(super) struct Cast {
    /// The XMPP server of capulet.example.
    pub(super) capulet: Federation,
    pub(super) stanzas: mpsc::Receiver<Event>,
    /// Speaks SIP for capulet.example and XMPP for bohemia.example.
    pub(super) gateway: Gateway,
    /// The SIP server of bohemia.example.
    pub(super) edge: Server<Edge>,
    pub(super) seen: mpsc::UnboundedReceiver<Seen>,
}

impl Cast {
    pub(super) async fn assemble() -> Result<Self, Box<dyn Error>> {
        let dns = DnsSockets::bind().await?;
        let house = House {
            authority: Ca::new("Demo Root CA", random_seed()?).self_signed(),
            name_server: dns.address()?,
        };
        let (capulet, stanzas) = Federation::start(house.streams(CAPULET)?).await?;
        let gateway = house.gateway().await?;
        let (tell, seen) = mpsc::unbounded_channel();
        let rules = comity_bridge::endpoint_config(Vec::new());
        let edge = house.sip(&[EDGE, BOHEMIA], EDGE, rules)?;
        let edge = Server::start(edge, Edge::new(tell)).await?;
        let cast = Self {
            capulet,
            stanzas,
            gateway,
            edge,
            seen,
        };
        dns.serve(cast.zone().ok_or("a server without an address")?);
        Ok(cast)
    }

    /// What the two domains publish.
    fn zone(&self) -> Option<FakeDns> {
        let capulet = self.capulet.addresses().first()?.port();
        let gateway = self.gateway.xmpp()?.addresses().first()?.port();
        let sip = self.gateway.sip().addresses().first()?.1.port();
        let edge = self.edge.addresses().first()?.1.port();
        let mut zone = FakeDns::new();
        for (service, domain, port, host) in [
            (
                "_xmpp-server._tcp",
                CAPULET,
                capulet,
                "xmpp.capulet.example",
            ),
            ("_xmpp-server._tcp", BOHEMIA, gateway, "gw.capulet.example"),
            ("_sipfederationtls._tcp", CAPULET, sip, GATEWAY),
            ("_sipfederationtls._tcp", BOHEMIA, edge, EDGE),
        ] {
            zone = zone
                .srv(&format!("{service}.{domain}"), 10, 5, port, host)
                .a(host, Ipv4Addr::LOCALHOST);
        }
        Some(zone)
    }
}

/// What all servers have in common.
struct House {
    authority: Authority,
    name_server: SocketAddr,
}

impl House {
    fn identity(&self, names: &[&str]) -> Result<Identity, Box<dyn Error>> {
        let leaf = Leaf::new(random_seed()?);
        let leaf = names.iter().fold(leaf, |leaf, name| leaf.dns(name));
        let own = self.authority.issue(&leaf);
        let (chain, key) = (own.chain_pem(), own.key_pem());
        let provider = default_provider();
        Ok(Identity::from_pem(
            chain.as_bytes(),
            key.as_bytes(),
            &provider,
        )?)
    }

    fn discovery(&self) -> comity_srv::Config {
        let mut discovery = comity_srv::Config::new(vec![self.name_server]);
        discovery.address_policy.danger_allow_loopback = true;
        discovery
    }

    /// An XMPP server of a domain.
    fn streams(&self, domain: &str) -> Result<Config, Box<dyn Error>> {
        let mut config = Config::new(self.identity(&[domain])?, &default_provider());
        config.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
        config.discovery = self.discovery();
        let root = self.authority.certificate_pem();
        config.trust.store.add_anchors_from_pem(root.as_bytes())?;
        config.policy.local_domains.insert(domain.parse()?);
        config.policy.xmpp.enabled = Switch::On;
        config.policy.xmpp.default_verdict = Verdict::Allow;
        Ok(config)
    }

    /// A SIP server with these names in its certificate, reached under the name `told`.
    fn sip(
        &self,
        names: &[&str],
        told: &str,
        endpoint: comity_sip::endpoint::Config,
    ) -> Result<sip::Config, Box<dyn Error>> {
        let mut config = sip::Config::new(&default_provider());
        config.tls.identity = Some(self.identity(names)?);
        let listen = Listen::new(Transport::Tls, (Ipv4Addr::LOCALHOST, 0).into());
        config.listen = vec![listen.advertised(told.parse()?, None)];
        config.endpoint = endpoint;
        let root = self.authority.certificate_pem();
        config.trust.store.add_anchors_from_pem(root.as_bytes())?;
        config.discovery = self.discovery();
        config.locator = Some(self.locator()?);
        Ok(config)
    }

    fn locator(&self) -> Result<Locator, Box<dyn Error>> {
        let discovery = Discovery::start(self.discovery(), random_seed()?);
        let routes = Routes::new(Messaging::Sip, Vec::new())?;
        let locator = Locator::new(Settings::default(), routes, discovery, random_seed()?)?;
        for domain in [CAPULET, BOHEMIA] {
            let domain = domain.parse()?;
            locator.with_directory(|directory| directory.configure(domain, Messaging::Sip))?;
        }
        Ok(locator)
    }

    async fn gateway(&self) -> Result<Gateway, Box<dyn Error>> {
        let rules = comity_bridge::endpoint_config(Vec::new());
        let sip = self.sip(&[GATEWAY, CAPULET], GATEWAY, rules)?;
        let streams = Xmpp::Streams(Box::new(self.streams(BOHEMIA)?));
        let locator = self.locator()?;
        let bridge = comity_bridge::Config::new("gw.capulet.example");
        let config = bridge::Config::new(bridge, rules_of_bridge()?, sip, streams, locator);
        Ok(Gateway::start(config, Box::new(Silent)).await?)
    }
}

/// Keeps nothing and tells nobody: the act is told by those who talk.
struct Silent;

impl Observer for Silent {}

/// Capulet's users may talk with those of Bohemia.
pub(super) fn rules_of_bridge() -> Result<comity_policy::Config, Box<dyn Error>> {
    let mut rules = comity_policy::Config::default();
    rules.local_domains.insert(CAPULET.parse()?);
    rules.sip.enabled = Switch::On;
    let bohemia = FederatedDomain::new(BOHEMIA.parse()?, PeerKind::Microsoft);
    rules.sip.domains.push(bohemia);
    Ok(rules)
}

/// The same, but that Juliet has blocked Perdita.
pub(super) fn rules_with_block() -> Result<comity_policy::Config, Box<dyn Error>> {
    let mut rules = rules_of_bridge()?;
    let subject = Subject::User("perdita@bohemia.example".parse()?);
    let owner = "juliet@capulet.example".parse()?;
    let block = UserRule::new(owner, subject, Scope::Both, Verdict::Deny);
    rules.user_rules.push(block);
    Ok(rules)
}

const CAPULET: &str = "capulet.example";
const BOHEMIA: &str = "bohemia.example";
/// Where the gateway is reached over SIP.
const GATEWAY: &str = "sip.capulet.example";
/// Where the edge of Bohemia is.
const EDGE: &str = "sip.bohemia.example";
