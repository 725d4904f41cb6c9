//! stunnel gives TLS with certificates of both sides to programs that have none.

use std::net::SocketAddr;
use std::process::Command;

use comity_sip::Transport;

use crate::certificates::Identity;
use crate::process::Process;
use comity_testkit::site::{Site, free_address};

pub(crate) struct Stunnel {
    address: SocketAddr,
    _process: Process,
}

/// Which side of the tunnel has TLS.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    /// From plain TCP into TLS, to the server of this name.
    Into(&'a str),
    /// Out of TLS, for a client whose certificate leads to the root.
    OutOf,
}

impl Stunnel {
    /// Starts a tunnel that leads to `target`.
    pub(crate) fn start(
        site: &Site,
        identity: &Identity,
        way: Way<'_>,
        target: SocketAddr,
    ) -> Self {
        Self::start_at(site, identity, way, target, free_address())
    }

    /// Starts a tunnel that leads from `address` to `target`.
    pub(crate) fn start_at(
        site: &Site,
        identity: &Identity,
        way: Way<'_>,
        target: SocketAddr,
        address: SocketAddr,
    ) -> Self {
        let way = match way {
            Way::Into(host) => format!("client = yes\nsni = {host}\ncheckHost = {host}\n"),
            Way::OutOf => "client = no\n".to_owned(),
        };
        let config = format!(
            "foreground = yes\npid =\n[tunnel]\naccept = {address}\nconnect = {target}\n\
             cert = {}\nkey = {}\nCAfile = {}\nverifyChain = yes\n{way}",
            identity.certificate.display(),
            identity.key.display(),
            identity.trust.display(),
        );
        let config = site.write(&format!("stunnel-{}.conf", address.port()), &config);
        let mut process = Process::spawn(
            "stunnel",
            Command::new("/usr/bin/stunnel4").arg(config),
            site.directory(),
        );
        process.wait_until_bound(Transport::Tcp, address);
        Self {
            address,
            _process: process,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
