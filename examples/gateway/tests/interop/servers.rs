//! Prosody and ejabberd as the server of the local users, with the gateway as its component.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use comity_sip::Transport;
use comity_testkit::site::{Site, free_address};

use crate::certificates::Identity;
use crate::client::{Client, PASSWORD};
use crate::process::Process;

/// The domain of its users.
pub(crate) const DOMAIN: &str = "xmpp.test";
/// What the component has to know.
pub(crate) const SECRET: &str = "component-secret";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    Prosody,
    Ejabberd,
}

pub(crate) struct Server {
    clients: SocketAddr,
    components: SocketAddr,
    _process: Process,
}

/// What a server needs to federate.
pub(crate) struct Federation<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) identity: &'a Identity,
    pub(crate) dns: SocketAddr,
}

impl Server {
    /// Starts a server that gives a domain to a component.
    pub(crate) fn start(site: &Site, make: Make, component: &str) -> Self {
        let (clients, components) = (free_address(), free_address());
        let mut process = match make {
            Make::Prosody => {
                let of_component = format!(
                    "component_ports = {{ {} }}\ncomponent_interfaces = {{ \"{}\" }}\n\
                     VirtualHost \"{DOMAIN}\"\n\
                     Component \"{component}\"\n  component_secret = \"{SECRET}\"\n",
                    components.port(),
                    components.ip(),
                );
                prosody(site, clients, r#""s2s", "tls""#, &of_component)
            }
            Make::Ejabberd => ejabberd(site, clients, components, component),
        };
        process.wait_until_bound(Transport::Tcp, clients);
        process.wait_until_bound(Transport::Tcp, components);
        Self {
            clients,
            components,
            _process: process,
        }
    }

    /// Starts a Prosody that federates with others, who have to prove themselves by certificates.
    pub(crate) fn federating(site: &Site, federation: &Federation<'_>) -> Self {
        let clients = SocketAddr::new(federation.listen.ip(), free_address().port());
        let mut process = prosody(site, clients, "", &streams(federation));
        process.wait_until_bound(Transport::Tcp, clients);
        process.wait_until_bound(Transport::Tcp, federation.listen);
        Self {
            clients,
            components: clients,
            _process: process,
        }
    }

    /// Where components connect to.
    pub(crate) fn components(&self) -> SocketAddr {
        self.components
    }

    pub(crate) fn login(&self, user: &'static str) -> Client {
        Client::login(self.clients, user, DOMAIN)
    }
}

/// A Prosody without these modules and with these lines.
fn prosody(site: &Site, clients: SocketAddr, without: &str, lines: &str) -> Process {
    let data = site.directory().join("data");
    let accounts = data.join(DOMAIN.replace('.', "%2e")).join("accounts");
    fs::create_dir_all(&accounts).unwrap();
    for user in ["u", "v"] {
        let account = format!("return {{ [\"password\"] = \"{PASSWORD}\"; }};\n");
        fs::write(accounts.join(format!("{user}.dat")), account).unwrap();
    }
    let config = format!(
        r#"
run_as_root = true
daemonize = false
data_path = "{data}"
log = {{ debug = "*stdout" }}
modules_enabled = {{ "saslauth", "roster", "tls", "dialback", "smacks" }}
modules_disabled = {{ {without} }}
authentication = "internal_plain"
storage = "internal"
interfaces = {{ "{ip}" }}
c2s_ports = {{ {client_port} }}
c2s_direct_tls_ports = {{ }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
{lines}
"#,
        data = data.display(),
        ip = clients.ip(),
        client_port = clients.port(),
    );
    let config = site.write("prosody.cfg.lua", &config);
    let mut command = Command::new("/usr/bin/prosody");
    command.arg("-F").arg("--config").arg(config);
    Process::spawn("prosody", &mut command, site.directory())
}

/// libunbound asks no name server on a loopback address, and answers `test` itself, unless told
/// otherwise.
fn streams(federation: &Federation<'_>) -> String {
    let Identity {
        certificate,
        key,
        trust,
    } = federation.identity;
    format!(
        r#"
s2s_ports = {{ {port} }}
s2s_require_encryption = true
s2s_secure_auth = true
ssl = {{ certificate = "{certificate}", key = "{key}", cafile = "{trust}" }}
unbound = {{
  resolvconf = false,
  hoststxt = false,
  forward = "{dns_ip}@{dns_port}",
  options = {{ ["do-not-query-localhost:"] = "no", ["local-zone:"] = "test. transparent" }},
}}
VirtualHost "{DOMAIN}"
"#,
        port = federation.listen.port(),
        certificate = certificate.display(),
        key = key.display(),
        trust = trust.display(),
        dns_ip = federation.dns.ip(),
        dns_port = federation.dns.port(),
    )
}

fn ejabberd(site: &Site, clients: SocketAddr, components: SocketAddr, component: &str) -> Process {
    // Anybody may log in under any name.
    let config = format!(
        r#"
hosts: ["{DOMAIN}"]
loglevel: info
auth_method: anonymous
anonymous_protocol: login_anon
acl:
  local:
    user_regexp: ""
access_rules:
  local:
    allow: local
listen:
  - module: ejabberd_c2s
    ip: "{client_ip}"
    port: {client_port}
  - module: ejabberd_service
    ip: "{component_ip}"
    port: {component_port}
    hosts:
      "{component}":
        password: "{SECRET}"
modules:
  mod_roster: {{}}
"#,
        client_ip = clients.ip(),
        client_port = clients.port(),
        component_ip = components.ip(),
        component_port = components.port(),
    );
    let config = site.write("ejabberd.yml", &config);
    // The packages of Debian put its code where Erlang does not look. Threads that wait without
    // giving the processor away would make the start of a minute on a busy machine.
    let start = "exec erl +sbwt none +sbwtdcpu none +sbwtdio none -noinput \
                 -pa /usr/lib/*/ejabberd-*/ebin -mnesia dir '\"database\"' -s ejabberd";
    let mut command = Command::new("sh");
    command
        .args(["-c", start])
        .env("HOME", site.directory())
        .env("EJABBERD_CONFIG_PATH", config)
        .env("EJABBERD_LOG_PATH", site.directory().join("ejabberd.log"));
    Process::spawn("ejabberd", &mut command, site.directory())
}
