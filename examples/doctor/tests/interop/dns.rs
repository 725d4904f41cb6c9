//! dnsmasq with the records of a test.

use std::net::SocketAddr;
use std::process::Command;

use comity_sip::Transport;
use comity_testkit::site::{Site, free_address};

use crate::process::Process;

pub(crate) struct Dns {
    address: SocketAddr,
    _process: Process,
}

impl Dns {
    /// Starts a name server that knows these lines of its configuration and nothing else.
    pub(crate) fn start(site: &Site, records: &[String]) -> Self {
        let address = free_address();
        let (ip, port) = (address.ip(), address.port());
        let records = records.join("\n");
        let config = format!(
            "listen-address={ip}\nport={port}\nbind-interfaces\nno-resolv\nno-hosts\nlocal=/test/\n\
             {records}\n"
        );
        let config = site.write(&format!("dnsmasq-{port}.conf"), &config);
        let mut process = Process::spawn(
            "dnsmasq",
            Command::new("/usr/sbin/dnsmasq")
                .arg("--no-daemon")
                .arg(format!("--conf-file={}", config.display())),
            site.directory(),
        );
        process.wait_until_bound(Transport::Udp, address);
        Self {
            address,
            _process: process,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// An SRV record.
pub(crate) fn srv(owner: &str, target: &str, port: u16) -> String {
    format!("srv-host={owner},{target},{port}")
}

/// An address record.
pub(crate) fn host(name: &str, address: SocketAddr) -> String {
    format!("host-record={name},{}", address.ip())
}
