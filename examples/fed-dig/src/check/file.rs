use std::net::IpAddr;
use std::path::Path;

use comity_identity::DomainName;
use comity_srv::publish::{Edge, Inventory, Node};
use serde::Deserialize;

use crate::file::{self, FileError, wrong};

/// Reads what we serve and where.
pub(crate) fn read(path: &Path) -> Result<Inventory, FileError> {
    let table: Table = file::read(path)?;
    table.to_inventory().map_err(|reason| wrong(path, &reason))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    local_domains: Vec<String>,
    #[serde(default)]
    email_domains: Vec<String>,
    #[serde(default)]
    chat_aliases: Vec<String>,
    #[serde(default)]
    file_transfer_aliases: Vec<String>,
    #[serde(default)]
    node: Vec<Host>,
    edge: Option<Host>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    name: String,
    /// That of the protocol if there is none.
    port: Option<u16>,
    /// They are not checked if there are none.
    #[serde(default)]
    addresses: Vec<IpAddr>,
}

impl Table {
    fn to_inventory(&self) -> Result<Inventory, String> {
        let mut inventory = Inventory::default();
        inventory.local_domains = domains(&self.local_domains)?;
        inventory.email_domains = domains(&self.email_domains)?;
        inventory.chat_aliases = domains(&self.chat_aliases)?;
        inventory.file_transfer_aliases = domains(&self.file_transfer_aliases)?;
        for host in &self.node {
            let mut node = Node::new(domain(&host.name)?, host.addresses.iter().copied());
            node.port = host.port.unwrap_or(node.port);
            inventory.nodes.push(node);
        }
        if let Some(host) = &self.edge {
            let mut edge = Edge::new(domain(&host.name)?);
            edge.port = host.port.unwrap_or(edge.port);
            edge.addresses.clone_from(&host.addresses);
            inventory.edge = Some(edge);
        }
        Ok(inventory)
    }
}

fn domains(texts: &[String]) -> Result<Vec<DomainName>, String> {
    texts.iter().map(|text| domain(text)).collect()
}

fn domain(text: &str) -> Result<DomainName, String> {
    DomainName::parse(text).map_err(|error| format!("{text:?}: {error}"))
}
