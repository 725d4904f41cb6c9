use std::path::Path;

use comity_srv::routes::{Route, Routes};
use comity_srv::{Messaging, Transport};
use serde::Deserialize;

use crate::file::{self, FileError, wrong};

/// Reads the static routes of SIP.
pub(crate) fn read(path: &Path) -> Result<Routes, FileError> {
    let table: Table = file::read(path)?;
    let mut routes = Vec::new();
    for (number, entry) in table.route.iter().enumerate() {
        let route = entry.to_route();
        routes.push(route.map_err(|reason| wrong(path, &format!("route {number}: {reason}")))?);
    }
    Routes::new(Messaging::Sip, routes).map_err(|error| wrong(path, &error))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The routes, which are numbered from 0.
    #[serde(default)]
    route: Vec<Entry>,
}

/// The fields of Cisco's static routes, with its defaults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    pattern: String,
    next_hop: String,
    /// 5061 for TLS and else 5060; 0 for the SRV records of the next hop.
    port: Option<u16>,
    #[serde(default)]
    protocol: Protocol,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "one")]
    weight: u16,
    #[serde(default = "yes")]
    service: bool,
    #[serde(default)]
    block: bool,
    #[serde(default = "yes")]
    allow_less_specific: bool,
    #[serde(default)]
    description: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    #[default]
    Tcp,
    Tls,
    Udp,
}

impl Entry {
    fn to_route(&self) -> Result<Route, String> {
        let pattern = self.pattern.parse();
        let pattern = pattern.map_err(|error| format!("pattern {:?}: {error}", self.pattern))?;
        let hop = self.next_hop.parse();
        let hop = hop.map_err(|error| format!("next-hop {:?}: {error}", self.next_hop))?;
        let (transport, usual_port) = match self.protocol {
            Protocol::Tcp => (Transport::Tcp, 5060),
            Protocol::Tls => (Transport::Tls, 5061),
            Protocol::Udp => (Transport::Udp, 5060),
        };
        let mut route = Route::new(pattern, hop, self.port.unwrap_or(usual_port), transport);
        route.priority = self.priority;
        route.weight = self.weight;
        route.in_service = self.service;
        route.blocked = self.block;
        route.allow_less_specific = self.allow_less_specific;
        route.description.clone_from(&self.description);
        Ok(route)
    }
}

fn one() -> u16 {
    1
}

fn yes() -> bool {
    true
}
