//! dnsmasq with the records of some XMPP domains.

use std::net::SocketAddr;
use std::process::Command;

use crate::mode::Tls;
use crate::process::Process;
use comity_testkit::site::{Site, free_address};

pub(crate) struct Dns {
    address: SocketAddr,
    _process: Process,
}

/// Where the server of a domain listens.
pub(crate) struct Service<'a> {
    pub(crate) domain: &'a str,
    pub(crate) address: SocketAddr,
    pub(crate) target: Target,
    pub(crate) tls: Tls,
}

/// What the SRV record of a domain leads to.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A name with an address record.
    Name,
    /// The digits of the address, for a server that asks the system for addresses and cannot be
    /// told to ask us.
    Digits,
}

impl Dns {
    /// Starts a name server that knows these services and nothing else.
    pub(crate) fn start(site: &Site, services: &[Service<'_>]) -> Self {
        let address = free_address();
        let (ip, port) = (address.ip(), address.port());
        let mut config = format!(
            "listen-address={ip}\nport={port}\nbind-interfaces\nno-resolv\nno-hosts\nlocal=/test/\n"
        );
        for service in services {
            config += &service.records();
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

impl Service<'_> {
    fn records(&self) -> String {
        let (domain, ip, port) = (self.domain, self.address.ip(), self.address.port());
        let service = match self.tls {
            Tls::Direct => "_xmpps-server",
            Tls::Disabled | Tls::Optional | Tls::Required => "_xmpp-server",
        };
        let service = format!("srv-host={service}._tcp.{domain}");
        match self.target {
            Target::Name => {
                format!("{service},xmpp.{domain},{port}\nhost-record=xmpp.{domain},{ip}\n")
            }
            Target::Digits => format!("{service},{ip},{port}\n"),
        }
    }
}
