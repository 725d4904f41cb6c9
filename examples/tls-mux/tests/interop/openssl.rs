//! OpenSSL's programs, without the defaults of the system's configuration, which would not let them
//! offer what is old.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use comity_testkit::site::{Site, free_address};

use crate::people::Files;
use crate::process::Process;

fn openssl() -> Command {
    let mut command = Command::new("/usr/bin/openssl");
    command.env("OPENSSL_CONF", "/dev/null");
    command
}

/// Lets `openssl s_client` do a handshake and read until the port hangs up; returns what it printed.
pub(crate) fn client(address: SocketAddr, own: Option<&Files>, options: &[&str]) -> String {
    let mut command = openssl();
    command.args(["s_client", "-ign_eof", "-connect", &address.to_string()]);
    if let Some(files) = own {
        command.arg("-cert").arg(&files.certificate);
        command.arg("-key").arg(&files.key);
        command.arg("-cert_chain").arg(&files.certificate);
    }
    let output = command.args(options).stdin(Stdio::null()).output();
    let output = output.unwrap();
    [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat()
}

/// A revocation list in PEM.
pub(crate) fn list_pem(site: &Site, der: &[u8]) -> String {
    let path = site.directory().join("list.der");
    std::fs::write(&path, der).unwrap();
    let mut command = openssl();
    command.args(["crl", "-inform", "DER", "-in"]).arg(path);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// `openssl s_server` with a certificate.
pub(crate) struct Server {
    address: SocketAddr,
    _process: Process,
}

impl Server {
    pub(crate) fn start(own: &Files, options: &[&str]) -> Self {
        let address = free_address();
        let mut command = openssl();
        command.args(["s_server", "-accept", &address.to_string()]);
        command.arg("-cert").arg(&own.certificate);
        command.arg("-cert_chain").arg(&own.certificate);
        command.arg("-key").arg(&own.key).args(options);
        let process = Process::spawn("s_server", &mut command);
        process.stdout.until("ACCEPT");
        Self {
            address,
            _process: process,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }
}
