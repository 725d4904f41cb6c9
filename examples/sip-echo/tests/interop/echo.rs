//! The program under test.

use std::net::SocketAddr;
use std::process::{Command, ExitStatus};

use comity_sip::Transport;

use crate::certificates::Identity;
use crate::process::Process;
use crate::site;
use comity_testkit::site::{Site, free_address};

pub(crate) const DOMAIN: &str = "echo.example";

pub(crate) struct Echo {
    address: SocketAddr,
    process: Process,
}

impl Echo {
    /// Starts the echo domain on one transport, and waits until it listens.
    pub(crate) fn start(
        site: &Site,
        transport: Transport,
        identity: &Identity,
        dns: SocketAddr,
    ) -> Self {
        let address = free_address();
        let (option, word) = match transport {
            Transport::Udp => ("--listen-udp", "(UDP)"),
            Transport::Tcp => ("--listen-tcp", "(TCP)"),
            Transport::Tls => ("--listen-tls", "(TLS)"),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity-sip-echo"));
        command
            .args(["--domain", DOMAIN, "--allow-loopback"])
            .args([option, &address.to_string()])
            .args(["--advertise", &site::advertised(transport, address, DOMAIN)])
            .args(["--dns", &dns.to_string()]);
        if transport == Transport::Tls {
            command
                .arg("--identity")
                .arg(&identity.certificate)
                .arg("--key")
                .arg(&identity.key)
                .arg("--trust")
                .arg(&identity.trust);
        }
        let process = Process::spawn("sip-echo", &mut command, site.directory());
        process
            .stdout()
            .wait_for(&[&format!("listening on {address} {word}")]);
        Self { address, process }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks the program to stop and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.process.terminate()
    }
}
