//! Kamailio as the edge of the other domain.

use std::net::SocketAddr;
use std::process::Command;

use comity_sip::Transport;
use comity_testkit::site::free_address;

use crate::bench::{Bench, Files, THEIRS};
use crate::process::Process;

pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    _process: Process,
}

/// How an edge behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// Lines about TLS, for both sides.
    pub(crate) tls: &'a str,
    /// What it does with a request that comes in.
    pub(crate) answer: &'a str,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            tls: "method = TLSv1.2+",
            answer: "sl_send_reply(\"200\", \"OK\");",
        }
    }
}

impl Edge {
    pub(crate) fn start(bench: &Bench, files: &Files, terms: &Terms<'_>) -> Self {
        let address = free_address();
        let site = &bench.site;
        let run = site.make("run");
        let tls = site.write("tls.cfg", &tls(files, terms));
        let config = format!(
            r#"#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="{THEIRS}"
listen=tls:{address}
enable_tls=yes
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "tls.so"
modparam("tls", "config", "{tls}")
request_route {{
  append_to_reply("Date: $timef(%a, %d %b %Y %H:%M:%S GMT)\r\n");
  {answer}
  exit;
}}
"#,
            tls = tls.display(),
            answer = terms.answer,
        );
        let config = site.write("kamailio.cfg", &config);
        let mut process = Process::spawn(
            "kamailio",
            Command::new("/usr/sbin/kamailio")
                .arg("-f")
                .arg(config)
                .args(["-DD", "-E", "-m", "32", "-M", "4", "-Y"])
                .arg(run)
                .env("TZ", "UTC"),
            site.directory(),
        );
        process.wait_until_bound(Transport::Tls, address);
        Self {
            address,
            _process: process,
        }
    }
}

fn tls(files: &Files, terms: &Terms<'_>) -> String {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let (trust, tls) = (files.trust.display(), terms.tls);
    ["server", "client"]
        .map(|side| {
            format!(
                "[{side}:default]\n{tls}\nverify_certificate = yes\nrequire_certificate = yes\n\
                 certificate = {certificate}\nprivate_key = {key}\nca_list = {trust}\n"
            )
        })
        .concat()
}
