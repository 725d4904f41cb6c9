use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Kind;

pub(super) fn command(kind: Kind, config: &Path) -> Command {
    let mut command = Command::new("/usr/sbin/kamailio");
    command
        .arg("-f")
        .arg(config)
        // In the foreground with its children, and with its log on standard error.
        .args(["-DD", "-E"])
        // Where it runs, which is in the directory of the site.
        .args(["-Y", "."])
        .args(["-m", SHARED_MEBIBYTES]);
    if kind == Kind::KamailioFm {
        command.args(["-x", "fm"]);
    }
    command
}

/// A transaction for every request, which lives so long, and a 200 from it.
pub(super) fn config(address: SocketAddr, lifetime: Duration) -> String {
    format!(
        r#"#!KAMAILIO
debug = 0
auto_aliases = no
dns = no
rev_dns = no
children = 1
tcp_children = 1
listen = udp:{address}
listen = tcp:{address}
loadmodule "tm.so"
modparam("tm", "wt_timer", {milliseconds})
request_route {{
  if (t_newtran()) {{
    t_reply("200", "OK");
  }}
}}
"#,
        milliseconds = lifetime.as_millis(),
    )
}

/// How long it keeps a transaction unless it is told.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// A transaction takes 13 kB. What is not needed is not taken.
const SHARED_MEBIBYTES: &str = "4096";
