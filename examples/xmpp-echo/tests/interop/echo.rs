//! The program under test.

use std::process::{Command, ExitStatus};

use crate::mode::{Demand, Proof, Tls, Whose};
use crate::peer::Setup;
use crate::process::{Log, Process};

pub(crate) const DOMAIN: &str = "echo.test";

pub(crate) struct Echo(Process);

impl Echo {
    /// Starts the echo domain with further `options`, and waits until it listens.
    pub(crate) fn start(setup: &Setup<'_>, options: &[String]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity-xmpp-echo"));
        command
            .args(["--domain", DOMAIN])
            .args(["--listen", &setup.listen.to_string()])
            .args(["--dns", &setup.dns.to_string()])
            .arg("--identity")
            .arg(&setup.identity.certificate)
            .arg("--key")
            .arg(&setup.identity.key)
            .arg("--trust")
            .arg(&setup.identity.trust)
            .args(["--tls", tls(setup.terms.tls)])
            .arg("--allow-loopback")
            .args(options);
        match setup.terms.demand {
            Demand::Certificate => _ = command.arg("--require-certificate"),
            Demand::Either => {}
        }
        let process = Process::spawn("xmpp-echo", &mut command, setup.site.directory());
        let ready = process.stdout().wait_for(&["listening on"]);
        assert_eq!(ready, format!("listening on {}", setup.listen));
        Self(process)
    }

    /// One line for each event.
    pub(crate) fn log(&self) -> &Log {
        self.0.stderr()
    }

    /// Waits until a domain has proved its name on the stream that carries its stanzas, and fails if
    /// this was another proof, or if another stream brought another proof.
    pub(crate) fn assert_proved(&self, whose: Whose, peer: &str, proof: Proof) {
        let event = match whose {
            Whose::Ours => format!(": established for {DOMAIN} with {peer}, we proved ours by "),
            Whose::Theirs => format!(": {peer} proved by "),
        };
        let (expected, encrypted) = match proof {
            Proof::Certificate => ("certificate", true),
            Proof::Dialback => ("dialback", true),
            Proof::PlainDialback => ("dialback", false),
        };
        self.log().wait_for(&[&event]);
        let lines = self.log().lines();
        for line in &lines {
            let Some((connection, method)) = line.split_once(&event) else {
                continue;
            };
            assert_eq!(method, expected, "{line}");
            let secured = format!("{connection}: TLS 1.");
            let found = lines.iter().any(|line| line.starts_with(&secured));
            assert_eq!(found, encrypted, "{line}");
        }
    }

    /// Fails if a domain has proved its name, or if a stanza came.
    pub(crate) fn assert_nothing_passed(&self) {
        for event in [" proved by ", " established for ", " received "] {
            self.log().assert_never(&[event]);
        }
    }

    /// Asks the program to stop and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.0.terminate()
    }
}

fn tls(tls: Tls) -> &'static str {
    match tls {
        Tls::Disabled => "disabled",
        Tls::Optional => "optional",
        Tls::Required => "required",
    }
}
