//! dnsmasq with the records of some XMPP domains.

use std::net::SocketAddr;
use std::process::Command;

use crate::process::Process;
use crate::site::{Site, free_address};

pub(crate) struct Dns {
    address: SocketAddr,
    _process: Process,
}

impl Dns {
    /// Starts a server that says where the server of each domain listens.
    pub(crate) fn start(site: &Site, domains: &[(&str, SocketAddr)]) -> Self {
        let address = free_address();
        let (ip, port) = (address.ip(), address.port());
        let mut config = format!(
            "listen-address={ip}\nport={port}\nbind-interfaces\nno-resolv\nno-hosts\nlocal=/test/\n"
        );
        for (domain, server) in domains {
            let (ip, port) = (server.ip(), server.port());
            config += &format!(
                "srv-host=_xmpp-server._tcp.{domain},xmpp.{domain},{port}\n\
                 host-record=xmpp.{domain},{ip}\n"
            );
        }
        let config = site.write("dnsmasq.conf", &config);
        let process = Process::spawn(
            "dnsmasq",
            Command::new("/usr/sbin/dnsmasq")
                .arg("--no-daemon")
                .arg(format!("--conf-file={}", config.display())),
            site.directory(),
        );
        process.stderr().wait_for(&["started"]);
        Self {
            address,
            _process: process,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
