//! dnsmasq with the addresses of some hosts.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use comity_sip::Transport;

use crate::process::Process;
use comity_testkit::site::{Site, free_address};

pub(crate) struct Dns {
    address: SocketAddr,
    _process: Process,
}

impl Dns {
    /// Starts a name server that knows these hosts and nothing else.
    pub(crate) fn start(site: &Site, hosts: &[(&str, IpAddr)]) -> Self {
        let address = free_address();
        let (ip, port) = (address.ip(), address.port());
        let mut config = format!(
            "listen-address={ip}\nport={port}\nbind-interfaces\nno-resolv\nno-hosts\nlocal=/example/\n"
        );
        for (name, ip) in hosts {
            config += &format!("host-record={name},{ip}\n");
        }
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
