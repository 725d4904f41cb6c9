use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use comity_testkit::site::Site;

use super::{CHAIN, DOMAIN, KEY, ROOTS, XMPP_DOMAIN};

pub(super) fn command(program: &Path, site: &Site) -> Command {
    let mut command = Command::new(program);
    command.args(["run", "--config"]).arg(config(site));
    command
}

/// Where its configuration is.
pub(super) fn config(site: &Site) -> PathBuf {
    site.directory().join("gateway.toml")
}

pub(super) fn write_config(site: &Site, [xmpp, sip_tls, sip]: [SocketAddr; 3]) -> io::Result<()> {
    fs::create_dir(site.directory().join("store"))?;
    site.write(
        "policy.toml",
        &format!(
            "[xmpp]\nenabled = true\ndefault = \"allow\"\n[sip]\nenabled = true\n\
             [[sip.domains]]\nname = \"{DOMAIN}\"\nkind = \"microsoft\"\n"
        ),
    );
    site.write(
        "gateway.toml",
        &format!(
            r#"
[domains]
xmpp = ["{XMPP_DOMAIN}"]
sip = []
[[xmpp.listeners]]
address = "{xmpp}"
[sip]
federation-host = "{XMPP_DOMAIN}"
[[sip.listeners]]
transport = "tls"
address = "{sip_tls}"
[[sip.listeners]]
transport = "tcp"
address = "{sip}"
[[sip.listeners]]
transport = "udp"
address = "{sip}"
[tls.inbound]
chain = "{CHAIN}"
key = "{KEY}"
[trust.sip]
anchors = ["{ROOTS}"]
[trust.xmpp]
anchors = ["{ROOTS}"]
[dns]
servers = ["127.0.0.1:9"]
danger-allow-loopback = true
[policy]
file = "policy.toml"
[store]
path = "store/facts.redb"
[control]
socket = "control.sock"
"#
        ),
    );
    Ok(())
}
