//! Where we listen, what others see of it, and what a firewall has to let through.

use std::fmt::Display;

use comity_identity::Host;
use comity_srv::Transport;
use comity_srv::routes::{Route, Routes};

use crate::Loaded;
use crate::{Config, SipTransport, XmppMode};

/// A port of ours, here and as others see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Port {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Where we listen, as `address:port`.
    pub listen: String,
    /// Where others connect to, as `host:port`.
    pub advertised: String,
    /// What it is for.
    pub purpose: String,
}

impl Port {
    /// Whether a router has to translate the port.
    pub fn is_translated(&self) -> bool {
        let port = |text: &str| text.rsplit_once(':').map(|(_, port)| port.to_owned());
        port(&self.listen) != port(&self.advertised)
    }
}

/// What a firewall has to let through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Who connects: `us`, `anybody`, or the names of peers.
    pub from: String,
    /// To whom, with the port.
    pub to: String,
    /// What it is for.
    pub purpose: String,
}

pub(super) fn ports(config: &Config) -> Vec<Port> {
    let xmpp = config.xmpp.listeners.iter().map(|listener| Port {
        protocol: "tcp",
        listen: listener.address.to_string(),
        advertised: advertised(
            listener.host.as_ref(),
            &listener.address.ip(),
            listener.advertised_port(),
        ),
        purpose: listener.port_use.to_string(),
    });
    let sip = config.sip.listeners.iter().map(|listener| Port {
        protocol: protocol(listener.transport),
        listen: listener.address.to_string(),
        advertised: advertised(
            listener.host.as_ref(),
            &listener.address.ip(),
            listener.advertised_port(),
        ),
        purpose: match listener.shared {
            true => "SIP over TLS or TCP".to_owned(),
            false => format!("SIP over {}", listener.transport),
        },
    });
    xmpp.chain(sip).collect()
}

fn advertised(host: Option<&Host>, address: &std::net::IpAddr, port: u16) -> String {
    match host {
        Some(host) => at(host, port),
        None => at(&Host::Ip(*address), port),
    }
}

fn at(host: &Host, port: u16) -> String {
    match host {
        Host::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]:{port}"),
        Host::Ip(_) | Host::Domain(_) => format!("{host}:{port}"),
    }
}

fn protocol(transport: SipTransport) -> &'static str {
    match transport {
        SipTransport::Tls | SipTransport::Tcp => "tcp",
        SipTransport::Udp => "udp",
    }
}

pub(super) fn openings(config: &Config, loaded: &Loaded) -> Vec<Opening> {
    let mut openings = Vec::new();
    xmpp_openings(config, &mut openings);
    sip_openings(config, loaded, &mut openings);
    for server in &config.dns.servers {
        for protocol in ["udp", "tcp"] {
            openings.push(opening(protocol, "us", server, "DNS"));
        }
    }
    openings
}

fn xmpp_openings(config: &Config, openings: &mut Vec<Opening>) {
    if let XmppMode::Component(component) = &config.xmpp.mode {
        let server = at(&component.server, component.port);
        openings.push(opening("tcp", "us", server, "the local XMPP server"));
        return;
    }
    for listener in &config.xmpp.listeners {
        let port = listener.address.port();
        openings.push(opening(
            "tcp",
            "anybody",
            format!("us:{port}"),
            listener.port_use,
        ));
    }
    if !config.xmpp.listeners.is_empty() {
        let purpose = "XMPP, and any port that SRV records name";
        openings.push(opening("tcp", "us", "anybody:5269", purpose));
    }
    route_openings(&config.routes.xmpp, openings);
}

fn sip_openings(config: &Config, loaded: &Loaded, openings: &mut Vec<Opening>) {
    let is_public = |address: std::net::IpAddr| !address.is_loopback();
    let listeners = config.sip.listeners.iter();
    for listener in listeners.filter(|listener| is_public(listener.address.ip())) {
        let subjects = listener.tls.as_ref().map(|tls| {
            let named = tls.peer_subjects.iter().map(ToString::to_string);
            let legacy = tls.legacy_peer_subjects.iter().map(ToString::to_string);
            named.chain(legacy).collect::<Vec<_>>()
        });
        let from = match subjects {
            Some(subjects) if !subjects.is_empty() => subjects.join(", "),
            Some(_) | None => "anybody".to_owned(),
        };
        let to = format!("us:{}", listener.address.port());
        let purpose = format!("SIP over {}", listener.transport);
        openings.push(opening(protocol(listener.transport), from, to, purpose));
    }
    route_openings(&config.routes.sip, openings);
    for domain in &loaded.rules.sip.domains {
        let host = Host::Domain(domain.name.clone());
        let decision = config.routes.sip.decide(&host, &[0; 32]);
        if decision.hops().next().is_none() {
            let to = format!("the edge of {}:5061", domain.name);
            let purpose = "SIP over TLS, and any port that SRV records name";
            openings.push(opening("tcp", "us", to, purpose));
        }
    }
}

/// What the routes need that are used.
fn route_openings(routes: &Routes, openings: &mut Vec<Opening>) {
    let used = routes.iter().map(|(_, route)| route);
    let used = used.filter(|route| route.in_service && !route.blocked);
    openings.extend(used.map(route_opening));
}

fn route_opening(route: &Route) -> Opening {
    let to = match route.port {
        0 => format!("{}:?", route.next_hop),
        port => at(&route.next_hop, port),
    };
    let protocol = match route.transport {
        Transport::Udp => "udp",
        Transport::StartTls | Transport::Tls | Transport::Tcp => "tcp",
    };
    opening(
        protocol,
        "us",
        to,
        format!("the route for {}", route.pattern),
    )
}

fn opening(
    protocol: &'static str,
    from: impl Display,
    to: impl Display,
    purpose: impl Display,
) -> Opening {
    Opening {
        protocol,
        from: from.to_string(),
        to: to.to_string(),
        purpose: purpose.to_string(),
    }
}
