//! The gateway as its operators run it.

use std::error::Error;
use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use comity_testkit::mint::{Ca, Leaf};
use comity_testkit::site::{Site, free_address};

use crate::memory::{Memory, memory};

/// The domain of SIP for which the gateway speaks XMPP.
pub(crate) const SIP_DOMAIN: &str = "sip.test";
/// A domain of ours on XMPP.
pub(crate) const XMPP_DOMAIN: &str = "xmpp.test";

/// A running gateway with a configuration of its own.
pub(crate) struct Gateway {
    program: PathBuf,
    process: Child,
    site: Site,
    /// Streams that begin in clear text.
    pub(crate) xmpp: SocketAddr,
    /// SIP over TLS, over TCP and over UDP.
    pub(crate) sip_tls: SocketAddr,
    pub(crate) sip_tcp: SocketAddr,
    pub(crate) sip_udp: SocketAddr,
}

impl Gateway {
    pub(crate) fn start(program: &Path) -> Result<Self, Box<dyn Error>> {
        let site = Site::new("gateway-faults");
        let addresses = [(); 4].map(|()| free_address());
        write_config(&site, addresses)?;
        let [xmpp, sip_tls, sip_tcp, sip_udp] = addresses;
        let gateway = Self {
            process: spawn(program, &site)?,
            program: program.to_owned(),
            site,
            xmpp,
            sip_tls,
            sip_tcp,
            sip_udp,
        };
        gateway.wait_until_it_listens()?;
        Ok(gateway)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where it keeps what outlives it.
    pub(crate) fn store(&self) -> PathBuf {
        self.site.directory().join("store")
    }

    /// What it has in memory.
    pub(crate) fn memory(&self) -> Result<Memory, Box<dyn Error>> {
        Ok(memory(self.id())?)
    }

    /// Ends it as a loss of power would.
    pub(crate) fn kill(&mut self) -> Result<(), Box<dyn Error>> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        self.process = spawn(&self.program, &self.site)?;
        self.wait_until_it_listens()
    }

    /// The same, and lets it have so many files open at most.
    pub(crate) fn restart_with_files(&mut self, files: u32) -> Result<(), Box<dyn Error>> {
        let mut shell = Command::new("sh");
        let limited = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limited]).arg(&self.program);
        self.process = run(shell, &self.site)?;
        self.wait_until_it_listens()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Ends it in order.
    pub(crate) fn end(mut self) -> Result<(), Box<dyn Error>> {
        let told = Command::new("kill").arg(self.id().to_string()).status()?;
        let status = self.process.wait()?;
        if !told.success() || !status.success() {
            return Err(format!("the gateway ended with {status}").into());
        }
        Ok(())
    }

    fn wait_until_it_listens(&self) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + PATIENCE;
        for address in [self.xmpp, self.sip_tls, self.sip_tcp] {
            while TcpStream::connect(address).is_err() {
                if Instant::now() > deadline {
                    let log = fs::read_to_string(self.site.directory().join("log"))?;
                    return Err(
                        format!("nothing listens on {address}; the gateway says:\n{log}").into(),
                    );
                }
                sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(program: &Path, site: &Site) -> std::io::Result<Child> {
    run(Command::new(program), site)
}

fn run(mut command: Command, site: &Site) -> std::io::Result<Child> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(site.directory().join("log"))?;
    command
        .args(["run", "--config"])
        .arg(site.directory().join("gateway.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

fn write_config(site: &Site, addresses: [SocketAddr; 4]) -> std::io::Result<()> {
    let [xmpp, sip_tls, sip_tcp, sip_udp] = addresses;
    let authority = Ca::new("Faults Root CA", [7; 32]).self_signed();
    let leaf = [XMPP_DOMAIN, SIP_DOMAIN]
        .iter()
        .fold(Leaf::new([8; 32]), |leaf, name| leaf.dns(name));
    let own = authority.issue(&leaf);
    site.write("roots.pem", &authority.certificate_pem());
    site.write("chain.pem", &own.chain_pem());
    let key = site.write("key.pem", &own.key_pem());
    fs::set_permissions(key, Permissions::from_mode(0o600))?;
    fs::create_dir(site.directory().join("store"))?;
    site.write(
        "policy.toml",
        &format!(
            "[xmpp]\nenabled = true\ndefault = \"allow\"\n[sip]\nenabled = true\n\
             [[sip.domains]]\nname = \"{SIP_DOMAIN}\"\nkind = \"microsoft\"\n"
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
address = "{sip_tcp}"
[[sip.listeners]]
transport = "udp"
address = "{sip_udp}"
[tls.inbound]
chain = "chain.pem"
key = "key.pem"
[trust.sip]
anchors = ["roots.pem"]
[trust.xmpp]
anchors = ["roots.pem"]
[dns]
servers = ["127.0.0.1:9"]
danger-allow-loopback = true
[policy]
file = "policy.toml"
[store]
path = "store/facts.redb"
"#
        ),
    );
    Ok(())
}

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
