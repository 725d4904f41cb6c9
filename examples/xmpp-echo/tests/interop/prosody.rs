//! Prosody as the other domain.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::certificates::Identity;
use crate::client::{Client, PASSWORD, USER};
use crate::process::{Log, Process};
use crate::site::{Site, free_address};

pub(crate) const DOMAIN: &str = "prosody.test";

pub(crate) struct Prosody {
    clients: SocketAddr,
    process: Process,
}

/// Whom Prosody federates with.
#[derive(Clone, Copy)]
pub(crate) enum Peers {
    /// Servers with a certificate that it trusts.
    Certified,
    /// Also servers that are confirmed by dialback. TLS is required of them too.
    DialedBack,
}

impl Prosody {
    /// Starts Prosody with its server port at `servers` and one account, [`USER`].
    pub(crate) fn start(
        site: &Site,
        servers: SocketAddr,
        dns: SocketAddr,
        identity: &Identity,
        peers: Peers,
    ) -> Self {
        let clients = free_address();
        let data = site.directory().join("data");
        add_account(&data);
        let config = config(&data, clients, servers, dns, identity, peers);
        let config = site.write("prosody.cfg.lua", &config);
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
        activated("'s2s'", servers);
        Self { clients, process }
    }

    /// Logs [`USER`] in.
    pub(crate) fn login(&self) -> Client {
        Client::login(self.clients, DOMAIN)
    }

    /// The debug log.
    pub(crate) fn log(&self) -> &Log {
        self.process.stdout()
    }
}

fn add_account(data: &Path) {
    let accounts = data.join(DOMAIN.replace('.', "%2e")).join("accounts");
    fs::create_dir_all(&accounts).unwrap();
    let account = format!("return {{ [\"password\"] = \"{PASSWORD}\"; }};\n");
    fs::write(accounts.join(format!("{USER}.dat")), account).unwrap();
}

fn config(
    data: &Path,
    clients: SocketAddr,
    servers: SocketAddr,
    dns: SocketAddr,
    identity: &Identity,
    peers: Peers,
) -> String {
    let only_certified = match peers {
        Peers::Certified => true,
        Peers::DialedBack => false,
    };
    let Identity {
        certificate,
        key,
        trust,
    } = identity;
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
modules_enabled = {{ "saslauth", "tls", "dialback" }}
authentication = "internal_plain"
storage = "internal"
interfaces = {{ "{ip}" }}
c2s_ports = {{ {client_port} }}
s2s_ports = {{ {server_port} }}
c2s_direct_tls_ports = {{ }}
s2s_direct_tls_ports = {{ }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = true
s2s_secure_auth = {only_certified}
ssl = {{ certificate = "{certificate}", key = "{key}", cafile = "{trust}" }}
unbound = {{
  resolvconf = false,
  hoststxt = false,
  forward = "{dns_ip}@{dns_port}",
  options = {{ ["do-not-query-localhost:"] = "no", ["local-zone:"] = "test. transparent" }},
}}
VirtualHost "{DOMAIN}"
"#,
        data = data.display(),
        ip = servers.ip(),
        client_port = clients.port(),
        server_port = servers.port(),
        certificate = certificate.display(),
        key = key.display(),
        trust = trust.display(),
        dns_ip = dns.ip(),
        dns_port = dns.port(),
    )
}
