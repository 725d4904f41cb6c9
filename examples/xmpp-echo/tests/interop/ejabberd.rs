//! ejabberd as the other domain.

use std::net::SocketAddr;
use std::process::Command;

use crate::dns::Target;
use crate::echo;
use crate::mode::{Demand, Extension, Proof, Reasons, Refusal, Tls, Whose};
use crate::peer::{Peer, Setup};
use crate::process::{Log, Process};
use comity_testkit::site::free_address;

pub(crate) struct Ejabberd {
    clients: SocketAddr,
    process: Process,
}

impl Peer for Ejabberd {
    const DOMAIN: &'static str = "ejabberd.test";
    /// It asks for SRV records where we tell it to, and asks the system for addresses.
    const TARGET: Target = Target::Digits;

    fn start(setup: &Setup<'_>) -> Self {
        let clients = free_address();
        let site = setup.site;
        let config = site.write("ejabberd.yml", &config(setup, clients));
        let resolver = site.write("inetrc", &resolver(setup.dns));
        // The packages of Debian put its code where Erlang does not look. Threads that wait without
        // giving the processor away would make the start of a minute on a busy machine. As no node
        // of a cluster it needs no name, and no port for others.
        let start = "exec erl +sbwt none +sbwtdcpu none +sbwtdio none -noinput \
                     -pa /usr/lib/*/ejabberd-*/ebin -mnesia dir '\"database\"' -s ejabberd";
        let process = Process::spawn(
            "ejabberd",
            Command::new("sh")
                .args(["-c", start])
                .env("HOME", site.directory())
                .env("EJABBERD_CONFIG_PATH", config)
                .env("EJABBERD_LOG_PATH", site.directory().join("ejabberd.log"))
                .env("ERL_INETRC", resolver),
            site.directory(),
        );
        process.stdout().wait_for(&["ejabberd", "is started"]);
        Self { clients, process }
    }

    fn clients(&self) -> SocketAddr {
        self.clients
    }

    fn log(&self) -> &Log {
        self.process.stdout()
    }

    fn assert_proved(&self, whose: Whose, proof: Proof) {
        let (ours, theirs) = (echo::DOMAIN, Self::DOMAIN);
        let (direction, pair) = match whose {
            Whose::Ours => ("inbound", format!("{ours} -> {theirs}")),
            Whose::Theirs => ("outbound", format!("{theirs} -> {ours}")),
        };
        let (transport, method) = match proof {
            Proof::Certificate => ("(tls|", "EXTERNAL"),
            Proof::Dialback => ("(tls|", "dialback"),
            Proof::PlainDialback => ("(tcp|", "dialback"),
        };
        let accepted = format!("Accepted {direction} s2s {method} authentication {pair}");
        let line = self.log().wait_for(&[&accepted]);
        let session = line.split(' ').find(|word| word.starts_with('(')).unwrap();
        assert!(session.starts_with(transport), "{line}");
        // Inside TLS it tries EXTERNAL first, with whatever certificates.
        let failed = format!("Failed {direction} s2s EXTERNAL authentication {pair}");
        let tried = self
            .log()
            .find(&[session, &failed, "certificate"])
            .is_some();
        assert_eq!(tried, proof == Proof::Dialback, "{line}");
    }

    fn reasons(refusal: &Refusal) -> Reasons {
        refusal.ejabberd
    }
}

/// Erlang's own resolver, without the files of the system, which would put other servers first.
fn resolver(dns: SocketAddr) -> String {
    let ip = dns.ip().to_string().replace('.', ",");
    let port = dns.port();
    format!("{{resolv_conf, \"\"}}.\n{{hosts_file, \"\"}}.\n{{nameserver, {{{ip}}}, {port}}}.\n")
}

fn config(setup: &Setup<'_>, clients: SocketAddr) -> String {
    let (starttls, direct_tls) = match setup.terms.tls {
        Tls::Direct => ("required", true),
        Tls::Disabled => ("false", false),
        Tls::Optional => ("optional", false),
        Tls::Required => ("required", false),
    };
    let dialback = match setup.terms.demand {
        Demand::Certificate => "",
        Demand::Either => "mod_s2s_dialback: {}",
    };
    assert!(
        setup.terms.extension == Extension::Nothing,
        "it has none of them"
    );
    // Anybody may log in under any name.
    format!(
        r#"
hosts: ["{domain}"]
loglevel: info
certfiles: ["{certificate}", "{key}"]
ca_file: "{trust}"
s2s_use_starttls: {starttls}
auth_method: anonymous
anonymous_protocol: login_anon
listen:
  - module: ejabberd_c2s
    ip: "{client_ip}"
    port: {client_port}
  - module: ejabberd_s2s_in
    ip: "{server_ip}"
    port: {server_port}
    tls: {direct_tls}
modules: {{ {dialback} }}
"#,
        domain = Ejabberd::DOMAIN,
        certificate = setup.identity.certificate.display(),
        key = setup.identity.key.display(),
        trust = setup.identity.trust.display(),
        client_ip = clients.ip(),
        client_port = clients.port(),
        server_ip = setup.listen.ip(),
        server_port = setup.listen.port(),
    )
}
