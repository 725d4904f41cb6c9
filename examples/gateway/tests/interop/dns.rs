//! dnsmasq with the records of some SIP domains.

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
    /// Starts a name server that knows these lines and nothing else.
    pub(crate) fn start(site: &Site, records: &str) -> Self {
        let address = free_address();
        let (ip, port) = (address.ip(), address.port());
        let config = format!(
            "listen-address={ip}\nport={port}\nbind-interfaces\nno-resolv\nno-hosts\nlocal=/test/example/\n\
             {records}"
        );
        let config = site.write("dnsmasq.conf", &config);
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
