use std::io;
use std::process::Command;

use super::setup::Setup;

pub(crate) fn command(setup: &Setup<'_>) -> io::Result<Command> {
    let config = setup.write("prosody.cfg.lua", &config(setup))?;
    let mut command = Command::new("/usr/bin/prosody");
    command.arg("-F").arg("--config").arg(config);
    Ok(command)
}

/// libunbound asks no name server on a loopback address, and answers `test` itself, unless told
/// otherwise.
fn config(setup: &Setup<'_>) -> String {
    format!(
        r#"
run_as_root = true
daemonize = false
data_path = "{data}"
log = {{ warn = "*stdout" }}
modules_enabled = {{ "disco", "ping", "roster", "saslauth", "tls" }}
authentication = "internal_hashed"
storage = "internal"
interfaces = {{ "{ip}" }}
c2s_ports = {{ }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ {port} }}
s2s_direct_tls_ports = {{ }}
s2s_require_encryption = true
s2s_secure_auth = true
ssl = {{ certificate = "{certificate}", key = "{key}", cafile = "{trust}" }}
unbound = {{
  resolvconf = false,
  hoststxt = false,
  forward = "{dns_ip}@{dns_port}",
  options = {{ ["do-not-query-localhost:"] = "no", ["local-zone:"] = "test. transparent" }},
}}
VirtualHost "{domain}"
"#,
        data = setup.directory.join("data").display(),
        ip = setup.listen.ip(),
        port = setup.listen.port(),
        certificate = setup.certificate.display(),
        key = setup.key.display(),
        trust = setup.trust.display(),
        dns_ip = setup.dns.ip(),
        dns_port = setup.dns.port(),
        domain = setup.domain,
    )
}
