//! The program of this package.

use std::net::SocketAddr;
use std::process::{Command, Output};

use comity_testkit::mint::Leaf;
use comity_testkit::site::{Site, free_address};

use crate::people::{Files, files, root, trust};
use crate::process::Process;

/// The port, with a certificate of its own and trust in the root.
pub(crate) struct Mux {
    address: SocketAddr,
    process: Process,
    site: Site,
}

impl Mux {
    pub(crate) fn start(options: &[&str]) -> Self {
        let site = Site::new("tls-mux");
        let own = root().issue(&Leaf::new([3; 32]).dns("mux.example"));
        let Files { certificate, key } = files(&site, "mux", &own);
        let address = free_address();
        let mut command = program();
        command.arg("--listen").arg(address.to_string());
        command.arg("--cert").arg(certificate).arg("--key").arg(key);
        command.arg("--trust").arg(trust(&site)).args(options);
        let process = Process::spawn("tls-mux", &mut command);
        assert_eq!(process.stdout.next(), format!("listening on {address}"));
        Self {
            address,
            process,
            site,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// What is said about the next connection that ends, without its address.
    pub(crate) fn line(&self) -> String {
        let line = self.process.stderr.next();
        let (_, line) = line.split_once(": ").unwrap();
        line.to_owned()
    }
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_comity-tls-mux"))
}

/// How the program ended: its exit code, and what it printed on standard output and error.
pub(crate) fn ended(output: &Output) -> (Option<i32>, String, String) {
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned(),
        String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned(),
    )
}
