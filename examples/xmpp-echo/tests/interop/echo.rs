//! The program under test.

use std::net::SocketAddr;
use std::process::{Command, ExitStatus};

use crate::certificates::Identity;
use crate::process::Process;
use crate::site::Site;

pub(crate) const DOMAIN: &str = "echo.test";

pub(crate) struct Echo(Process);

impl Echo {
    /// Starts the echo domain at `listen` with further `options`, and waits until it listens.
    pub(crate) fn start(
        site: &Site,
        listen: SocketAddr,
        dns: SocketAddr,
        identity: &Identity,
        options: &[&str],
    ) -> Self {
        let process = Process::spawn(
            "xmpp-echo",
            Command::new(env!("CARGO_BIN_EXE_comity-xmpp-echo"))
                .args(["--domain", DOMAIN])
                .args(["--listen", &listen.to_string()])
                .args(["--dns", &dns.to_string()])
                .arg("--identity")
                .arg(&identity.certificate)
                .arg("--key")
                .arg(&identity.key)
                .arg("--trust")
                .arg(&identity.trust)
                .arg("--allow-loopback")
                .args(options),
            site.directory(),
        );
        let ready = process.stdout().wait_for(&["listening on"]);
        assert_eq!(ready, format!("listening on {listen}"));
        Self(process)
    }

    /// Asks the program to stop and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.0.terminate()
    }
}
