use std::io;
use std::net::SocketAddr;
use std::process::Command;

use super::setup::Setup;

pub(crate) fn command(setup: &Setup<'_>) -> io::Result<Command> {
    let config = setup.write("ejabberd.yml", &config(setup))?;
    let resolver = setup.write("inetrc", &resolver(setup.dns))?;
    // The packages of Debian put its code where Erlang does not look. As no node of a cluster it
    // needs no name, and no port for others. Who has no account would be spoken for by errors.
    let accounts: String = setup
        .users
        .iter()
        .map(|user| {
            let domain = setup.domain;
            format!("ejabberd_auth:try_register(<<\"{user}\">>, <<\"{domain}\">>, <<\"{user}\">>),")
        })
        .collect();
    let start = format!(
        "exec erl +sbwt none +sbwtdcpu none +sbwtdio none -noinput \
         -pa /usr/lib/*/ejabberd-*/ebin -mnesia dir '\"database\"' -s ejabberd \
         -eval '{accounts} ok.'"
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &start])
        .env("HOME", setup.directory)
        .env("EJABBERD_CONFIG_PATH", config)
        .env("EJABBERD_LOG_PATH", setup.directory.join("ejabberd.log"))
        .env("ERL_INETRC", resolver);
    Ok(command)
}

/// Erlang's own resolver, without the files of the system, which would put other servers first.
fn resolver(dns: SocketAddr) -> String {
    let ip = dns.ip().to_string().replace('.', ",");
    let port = dns.port();
    format!("{{resolv_conf, \"\"}}.\n{{hosts_file, \"\"}}.\n{{nameserver, {{{ip}}}, {port}}}.\n")
}

fn config(setup: &Setup<'_>) -> String {
    format!(
        r#"
hosts: ["{domain}"]
loglevel: warning
certfiles: ["{certificate}", "{key}"]
ca_file: "{trust}"
s2s_use_starttls: required
listen:
  - module: ejabberd_s2s_in
    ip: "{ip}"
    port: {port}
modules:
  mod_disco: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
"#,
        domain = setup.domain,
        certificate = setup.certificate.display(),
        key = setup.key.display(),
        trust = setup.trust.display(),
        ip = setup.listen.ip(),
        port = setup.listen.port(),
    )
}
