//! The domains that take part.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use comity_identity::DomainName;
use comity_policy::{DomainPattern, Exception, Packets, Switch, Verdict};
use comity_rustls::{Identity, default_provider};
use comity_testkit::dns::FakeDns;
use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_tokio::{Config, Event, Federation};
use tokio::sync::mpsc;

use super::dns::DnsSockets;

/// One of the domains.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Capulet,
    Montague,
    /// Its certificate comes from a CA that nobody else trusts.
    Verona,
    /// Capulet's policy denies it.
    Mantua,
}

impl Role {
    pub(super) const ALL: [Self; 4] = [Self::Capulet, Self::Montague, Self::Verona, Self::Mantua];

    pub(super) fn domain(self) -> &'static str {
        match self {
            Self::Capulet => "capulet.example",
            Self::Montague => "montague.example",
            Self::Verona => "verona.example",
            Self::Mantua => "mantua.example",
        }
    }
}

/// A domain with its server.
pub(super) struct Actor {
    pub(super) role: Role,
    pub(super) federation: Federation,
    pub(super) events: mpsc::Receiver<Event>,
    /// The name of the CA that issued its certificate.
    pub(super) issuer: &'static str,
    /// The name in its certificate.
    pub(super) certificate_name: String,
}

impl Actor {
    /// Where its server listens.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.federation.addresses().first().copied()
    }

    /// The target of its SRV record.
    pub(super) fn host(&self) -> String {
        format!("xmpp.{}", self.role.domain())
    }
}

/// The whole company.
pub(super) struct Cast {
    actors: Vec<Actor>,
    /// The name server that all of them ask.
    pub(super) name_server: SocketAddr,
}

impl Cast {
    /// Issues certificates, starts the servers, and publishes where they are.
    pub(super) async fn assemble() -> Result<Self, Box<dyn Error>> {
        let sockets = DnsSockets::bind().await?;
        let name_server = sockets.address()?;
        let authorities = Authorities::create()?;
        let mut actors = Vec::new();
        for role in Role::ALL {
            actors.push(authorities.start(role, name_server).await?);
        }
        let zone = actors.iter().fold(FakeDns::new(), |zone, actor| {
            let port = actor.address().map_or(0, |address| address.port());
            let owner = format!("_xmpp-server._tcp.{}", actor.role.domain());
            let host = actor.host();
            zone.srv(&owner, SRV_PRIORITY, SRV_WEIGHT, port, &host)
                .a(&host, Ipv4Addr::LOCALHOST)
        });
        sockets.serve(zone);
        Ok(Self {
            actors,
            name_server,
        })
    }

    pub(super) fn actors(&self) -> &[Actor] {
        &self.actors
    }

    pub(super) fn actors_mut(&mut self) -> &mut [Actor] {
        &mut self.actors
    }

    pub(super) fn actor(&mut self, role: Role) -> Option<&mut Actor> {
        self.actors.iter_mut().find(|actor| actor.role == role)
    }
}

/// Two CAs that live as long as the demonstration.
struct Authorities {
    /// Every domain trusts it.
    common: Authority,
    /// Nobody trusts it.
    unknown: Authority,
}

impl Authorities {
    fn create() -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            common: Ca::new(COMMON_CA, random_seed()?).self_signed(),
            unknown: Ca::new(UNKNOWN_CA, random_seed()?).self_signed(),
        })
    }

    async fn start(&self, role: Role, name_server: SocketAddr) -> Result<Actor, Box<dyn Error>> {
        let (issuer, authority) = match role {
            Role::Verona => (UNKNOWN_CA, &self.unknown),
            Role::Capulet | Role::Montague | Role::Mantua => (COMMON_CA, &self.common),
        };
        // Both forms of a name that XMPP knows are seen at work.
        let leaf = Leaf::new(random_seed()?);
        let (certificate_name, leaf) = match role {
            Role::Capulet => {
                let name = format!("_xmpp-server.{}", role.domain());
                (name.clone(), leaf.srv(&name))
            }
            Role::Montague | Role::Verona | Role::Mantua => {
                (role.domain().to_owned(), leaf.dns(role.domain()))
            }
        };
        let identity = authority.issue(&leaf);
        let provider = default_provider();
        let (chain, key) = (identity.chain_pem(), identity.key_pem());
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider)?;

        let mut config = Config::new(identity, &provider);
        config.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
        config.discovery.servers = vec![name_server];
        config.discovery.address_policy.danger_allow_loopback = true;
        let root = self.common.certificate_pem();
        config.trust.store.add_anchors_from_pem(root.as_bytes())?;
        config.policy = policy(role)?;
        let (federation, events) = Federation::start(config).await?;
        Ok(Actor {
            role,
            federation,
            events,
            issuer,
            certificate_name,
        })
    }
}

/// Everybody may federate, over TLS and with a certificate that proves the domain; but Capulet does
/// not talk to Mantua.
fn policy(role: Role) -> Result<comity_policy::Config, Box<dyn Error>> {
    let mut policy = comity_policy::Config::default();
    policy.local_domains.insert(role.domain().parse()?);
    policy.xmpp.enabled = Switch::On;
    policy.xmpp.default_verdict = Verdict::Allow;
    match role {
        Role::Capulet => {
            let mantua: DomainName = Role::Mantua.domain().parse()?;
            let pattern = DomainPattern::Exact(mantua);
            policy
                .xmpp
                .exceptions
                .push(Exception::new(pattern, Packets::All));
        }
        Role::Montague | Role::Verona | Role::Mantua => {}
    }
    Ok(policy)
}

pub(super) fn random_seed() -> Result<[u8; 32], Box<dyn Error>> {
    let mut seed = [0; 32];
    let provider: Arc<_> = default_provider();
    provider
        .secure_random
        .fill(&mut seed)
        .map_err(|_rustls| "the system gives no random bytes")?;
    Ok(seed)
}

const COMMON_CA: &str = "Demo Root CA";
const UNKNOWN_CA: &str = "Stranger CA";
const SRV_PRIORITY: u16 = 10;
const SRV_WEIGHT: u16 = 5;
