//! Prosody and ejabberd as the server of the other domain.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use comity_sip::Transport;
use comity_testkit::site::free_address;

use crate::bench::{Bench, Files, THEIRS};
use crate::process::Process;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Make {
    Prosody,
    Ejabberd,
}

/// What a server demands of others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Terms {
    /// TLS as it is today.
    #[default]
    Modern,
    /// TLS 1.1 and nothing newer.
    OldVersion,
    /// Suites whose keys RSA exchanges, and no others.
    RsaKeyExchange,
    /// The CA of our certificate is not trusted.
    DistrustsUs,
    /// Another domain is served.
    ServesOthers,
    /// Our domain is let in and gets nowhere.
    RefusesUs,
}

impl Terms {
    fn served(self) -> &'static str {
        match self {
            Self::ServesOthers => "elsewhere.test",
            Self::Modern
            | Self::OldVersion
            | Self::RsaKeyExchange
            | Self::DistrustsUs
            | Self::RefusesUs => THEIRS,
        }
    }

    fn trust(self, bench: &Bench, files: &Files) -> PathBuf {
        match self {
            Self::DistrustsUs => bench.file("stranger.pem"),
            Self::Modern
            | Self::OldVersion
            | Self::RsaKeyExchange
            | Self::ServesOthers
            | Self::RefusesUs => files.trust.clone(),
        }
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _process: Process,
}

impl Server {
    pub(crate) fn start(bench: &Bench, make: Make, files: &Files, terms: Terms) -> Self {
        let address = free_address();
        let mut process = match make {
            Make::Prosody => prosody(bench, address, files, terms),
            Make::Ejabberd => ejabberd(bench, address, files, terms),
        };
        process.wait_until_bound(Transport::Tcp, address);
        Self {
            address,
            _process: process,
        }
    }
}

fn prosody(bench: &Bench, address: SocketAddr, files: &Files, terms: Terms) -> Process {
    let site = &bench.site;
    let tls = match terms {
        Terms::OldVersion => "protocol = \"tlsv1_1\"; ciphers = \"ALL:@SECLEVEL=0\";",
        Terms::RsaKeyExchange => "protocol = \"tlsv1_2\"; ciphers = \"kRSA\";",
        Terms::Modern | Terms::DistrustsUs | Terms::ServesOthers | Terms::RefusesUs => "",
    };
    assert!(terms != Terms::RefusesUs, "it has no such rule");
    let config = format!(
        r#"
run_as_root = true
daemonize = false
data_path = "{data}"
log = {{ debug = "*stdout" }}
modules_enabled = {{ "saslauth", "tls", "dialback" }}
modules_disabled = {{ "c2s" }}
storage = "memory"
interfaces = {{ "{ip}" }}
s2s_ports = {{ {port} }}
c2s_ports = {{ }}
c2s_direct_tls_ports = {{ }}
s2s_direct_tls_ports = {{ }}
s2s_require_encryption = true
s2s_secure_auth = true
ssl = {{ certificate = "{certificate}"; key = "{key}"; cafile = "{trust}"; {tls} }}
VirtualHost "{served}"
"#,
        data = site.directory().join("data").display(),
        ip = address.ip(),
        port = address.port(),
        certificate = files.certificate.display(),
        key = files.key.display(),
        trust = terms.trust(bench, files).display(),
        served = terms.served(),
    );
    let config = site.write("prosody.cfg.lua", &config);
    let mut command = Command::new("/usr/bin/prosody");
    command.arg("-F").arg("--config").arg(config);
    Process::spawn("prosody", &mut command, site.directory())
}

fn ejabberd(bench: &Bench, address: SocketAddr, files: &Files, terms: Terms) -> Process {
    let site = &bench.site;
    let tls = match terms {
        Terms::OldVersion => {
            "s2s_protocol_options: [\"no_sslv3\", \"no_tlsv1\", \"no_tlsv1_2\", \"no_tlsv1_3\"]\n\
             s2s_ciphers: \"ALL:@SECLEVEL=0\""
        }
        Terms::RsaKeyExchange => "s2s_protocol_options: [\"no_tlsv1_3\"]\ns2s_ciphers: \"kRSA\"",
        Terms::Modern | Terms::DistrustsUs | Terms::ServesOthers | Terms::RefusesUs => "",
    };
    let access = if terms == Terms::RefusesUs {
        "none"
    } else {
        "all"
    };
    let config = format!(
        r#"
hosts: ["{served}"]
loglevel: info
certfiles: ["{certificate}", "{key}"]
ca_file: "{trust}"
s2s_use_starttls: required
s2s_access: {access}
{tls}
listen:
  - module: ejabberd_s2s_in
    ip: "{ip}"
    port: {port}
modules: {{ }}
"#,
        certificate = files.certificate.display(),
        key = files.key.display(),
        served = terms.served(),
        trust = terms.trust(bench, files).display(),
        ip = address.ip(),
        port = address.port(),
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
