use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The process with memory for so many transactions at once.
pub(crate) fn command(config: &Path, transactions: u32) -> Command {
    let shared_mebibytes = 64 + u64::from(transactions) * TRANSACTION_KIBIBYTES / 1_024;
    let mut command = Command::new("/usr/sbin/kamailio");
    command
        .arg("-f")
        .arg(config)
        // In the foreground with its children, and with its log on standard error.
        .args(["-DD", "-E"])
        // Where it runs, which is in the directory of the site.
        .args(["-Y", "."])
        .args(["-m", &shared_mebibytes.to_string()]);
    command
}

/// A transaction for every request, which lives so long, and a 200 from it. It has so many processes for
/// each transport.
pub(crate) fn config(address: SocketAddr, lifetime: Duration, workers: u32) -> String {
    format!(
        r#"#!KAMAILIO
debug = 0
auto_aliases = no
dns = no
rev_dns = no
children = {workers}
tcp_children = {workers}
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
pub(crate) const WAIT: Duration = Duration::from_secs(5);
/// More than a transaction takes. Memory that is not needed is not touched.
const TRANSACTION_KIBIBYTES: u64 = 16;
