//! Prosody as the other domain.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::certificates::Identity;
use crate::client::{PASSWORD, USER};
use crate::dns::Target;
use crate::echo;
use crate::mode::{Demand, Extension, Proof, Reasons, Refusal, Tls, Whose};
use crate::peer::{Peer, Setup};
use crate::process::{Log, Process};
use comity_testkit::site::free_address;

pub(crate) struct Prosody {
    clients: SocketAddr,
    process: Process,
}

impl Peer for Prosody {
    const DOMAIN: &'static str = "prosody.test";
    const TARGET: Target = Target::Name;

    fn start(setup: &Setup<'_>) -> Self {
        let clients = free_address();
        let site = setup.site;
        let data = site.directory().join("data");
        add_account(&data);
        let config = site.write("prosody.cfg.lua", &config(setup, &data, clients));
        let process = Process::spawn(
            "prosody",
            Command::new("/usr/bin/prosody")
                .arg("-F")
                .arg("--config")
                .arg(&config),
            site.directory(),
        );
        let activated = |service: &str, address: SocketAddr| {
            let place = format!("on [{}]:{}", address.ip(), address.port());
            process
                .stdout()
                .wait_for(&["Activated service", service, &place]);
        };
        activated("'c2s'", clients);
        match setup.terms.tls {
            Tls::Direct => activated("'s2s_direct_tls'", setup.listen),
            Tls::Disabled | Tls::Optional | Tls::Required => activated("'s2s'", setup.listen),
        }
        Self { clients, process }
    }

    fn clients(&self) -> SocketAddr {
        self.clients
    }

    /// The debug log.
    fn log(&self) -> &Log {
        self.process.stdout()
    }

    fn assert_proved(&self, whose: Whose, proof: Proof) {
        let (ours, theirs) = (echo::DOMAIN, Self::DOMAIN);
        let (pair, key) = match whose {
            Whose::Ours => (format!("{ours}->{theirs}"), format!("asking {ours} if key")),
            Whose::Theirs => (format!("{theirs}->{ours}"), "sent dialback key".to_owned()),
        };
        let authenticated = format!("connection {pair} is now authenticated");
        let line = self.log().wait_for(&[&authenticated]);
        let session = line.split(' ').next().unwrap();
        let found = ["Stream encrypted", "mechanism='EXTERNAL'", &key]
            .map(|words| self.log().find(&[session, words]).is_some());
        // It offers EXTERNAL to those whose certificate it trusts, so that EXTERNAL never fails.
        let expected = match proof {
            Proof::Certificate => [true, true, false],
            Proof::Dialback => [true, false, true],
            Proof::PlainDialback => [false, false, true],
        };
        assert_eq!(found, expected, "{line}");
    }

    fn reasons(refusal: &Refusal) -> Reasons {
        refusal.prosody
    }
}

fn add_account(data: &Path) {
    let accounts = data
        .join(Prosody::DOMAIN.replace('.', "%2e"))
        .join("accounts");
    fs::create_dir_all(&accounts).unwrap();
    let account = format!("return {{ [\"password\"] = \"{PASSWORD}\"; }};\n");
    fs::write(accounts.join(format!("{USER}.dat")), account).unwrap();
}

fn config(setup: &Setup<'_>, data: &Path, clients: SocketAddr) -> String {
    let (servers, dns) = (setup.listen, setup.dns);
    let only_certified = match setup.terms.demand {
        Demand::Certificate => true,
        Demand::Either => false,
    };
    let (tls_module, require_tls) = match setup.terms.tls {
        Tls::Disabled => ("", false),
        Tls::Optional => ("\"tls\",", false),
        Tls::Direct | Tls::Required => ("\"tls\",", true),
    };
    let extension = match setup.terms.extension {
        Extension::Acknowledgements => "\"smacks\",",
        Extension::BothWays => "\"s2s_bidi\",",
        Extension::Nothing => "",
    };
    let port = servers.port().to_string();
    let (ports, direct_tls_ports) = match setup.terms.tls {
        Tls::Direct => ("", port.as_str()),
        Tls::Disabled | Tls::Optional | Tls::Required => (port.as_str(), ""),
    };
    let Identity {
        certificate,
        key,
        trust,
    } = setup.identity;
    assert_eq!(
        clients.ip(),
        servers.ip(),
        "Prosody has one list of addresses"
    );
    // libunbound asks no name server on a loopback address, and answers `test` itself, unless told
    // otherwise.
    format!(
        r#"
run_as_root = true
daemonize = false
data_path = "{data}"
log = {{ debug = "*stdout" }}
modules_enabled = {{ "saslauth", {tls_module} {extension} "dialback" }}
authentication = "internal_plain"
storage = "internal"
interfaces = {{ "{ip}" }}
c2s_ports = {{ {client_port} }}
s2s_ports = {{ {ports} }}
c2s_direct_tls_ports = {{ }}
s2s_direct_tls_ports = {{ {direct_tls_ports} }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = {require_tls}
s2s_secure_auth = {only_certified}
ssl = {{ certificate = "{certificate}", key = "{key}", cafile = "{trust}" }}
unbound = {{
  resolvconf = false,
  hoststxt = false,
  forward = "{dns_ip}@{dns_port}",
  options = {{ ["do-not-query-localhost:"] = "no", ["local-zone:"] = "test. transparent" }},
}}
VirtualHost "{domain}"
"#,
        domain = Prosody::DOMAIN,
        data = data.display(),
        ip = servers.ip(),
        client_port = clients.port(),
        certificate = certificate.display(),
        key = key.display(),
        trust = trust.display(),
        dns_ip = dns.ip(),
        dns_port = dns.port(),
    )
}
