//! The program under test.

use std::process::{Command, ExitStatus};

use crate::mode::{Demand, Proof, Tls, Whose};
use crate::peer::Setup;
use crate::process::{Log, Process};
use comity_testkit::site::free_address;

pub(crate) const DOMAIN: &str = "echo.test";

pub(crate) struct Echo(Process);

impl Echo {
    /// Starts the echo domain with further `options`, and waits until it listens.
    pub(crate) fn start(setup: &Setup<'_>, options: &[String]) -> Self {
        let (tls, listen) = match setup.terms.tls {
            // The echo domain always has a port for STARTTLS. Nobody knows this one.
            Tls::Direct => ("required", free_address()),
            Tls::Disabled => ("disabled", setup.listen),
            Tls::Optional => ("optional", setup.listen),
            Tls::Required => ("required", setup.listen),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity-xmpp-echo"));
        command
            .args(["--domain", DOMAIN])
            .args(["--listen", &listen.to_string()])
            .args(["--tls", tls])
            .args(["--dns", &setup.dns.to_string()])
            .arg("--identity")
            .arg(&setup.identity.certificate)
            .arg("--key")
            .arg(&setup.identity.key)
            .arg("--trust")
            .arg(&setup.identity.trust)
            .arg("--allow-loopback")
            .args(options);
        if setup.terms.tls == Tls::Direct {
            command.args(["--listen-tls", &setup.listen.to_string()]);
        }
        if setup.terms.demand == Demand::Certificate {
            command.arg("--require-certificate");
        }
        let process = Process::spawn("xmpp-echo", &mut command, setup.site.directory());
        let listening = format!("listening on {}", setup.listen);
        process.stdout().wait_for(&[&listening]);
        Self(process)
    }

    /// One line for each event.
    pub(crate) fn log(&self) -> &Log {
        self.0.stderr()
    }

    /// Waits until a domain has proved its name on a stream that `opener` opened, and fails if it
    /// was proved otherwise as well.
    pub(crate) fn assert_proved(&self, whose: Whose, opener: Whose, peer: &str, proof: Proof) {
        let way = match whose {
            Whose::Ours => "outbound",
            Whose::Theirs => "inbound",
        };
        let opener = match opener {
            Whose::Ours => "us",
            Whose::Theirs => "the peer",
        };
        let (method, protection) = match proof {
            Proof::Certificate => ("certificate", "TLS 1.3"),
            Proof::Dialback => ("dialback", "TLS 1.3"),
            Proof::PlainDialback => ("dialback", "clear text"),
        };
        let account = format!(": {way}, {DOMAIN} with {peer}: ");
        let expected = format!("{method}, {protection}, opened by {opener}");
        self.log().wait_for(&[&account]);
        for line in self.log().lines() {
            if let Some((_, found)) = line.split_once(&account) {
                assert_eq!(found, expected, "{line}");
            }
        }
    }

    /// Fails if a domain has proved its name, or if a stanza came.
    pub(crate) fn assert_nothing_passed(&self) {
        for event in [": inbound, ", ": outbound, ", ": received "] {
            self.log().assert_never(&[event]);
        }
    }

    /// Asks the program to stop and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.0.terminate()
    }
}
