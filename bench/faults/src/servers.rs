//! The servers that faults befall, each as its operators run it.

#[path = "../../servers/src/servers/ejabberd.rs"]
mod ejabberd;
mod gateway;
#[path = "../../sip-servers/src/servers/kamailio.rs"]
mod kamailio;
#[path = "../../servers/src/servers/prosody.rs"]
mod prosody;
#[path = "../../servers/src/servers/setup.rs"]
mod setup;

use std::error::Error;
use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use comity_testkit::mint::{Ca, Leaf};
use comity_testkit::site::{Site, free_address};

use self::setup::Setup;
use crate::process::Process;
use crate::usage::{Usage, usage};

/// The domain for which all of them speak XMPP.
pub(crate) const DOMAIN: &str = "sip.test";
/// The one for which the gateway speaks SIP.
pub(crate) const XMPP_DOMAIN: &str = "xmpp.test";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Gateway,
    Prosody,
    Ejabberd,
    Kamailio,
}

impl Kind {
    pub(crate) const PEERS: [Self; 3] = [Self::Prosody, Self::Ejabberd, Self::Kamailio];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "comity-gateway",
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
            Self::Kamailio => "kamailio",
        }
    }

    pub(crate) fn speaks_xmpp(self) -> bool {
        match self {
            Self::Gateway | Self::Prosody | Self::Ejabberd => true,
            Self::Kamailio => false,
        }
    }

    pub(crate) fn speaks_sip(self) -> bool {
        match self {
            Self::Gateway | Self::Kamailio => true,
            Self::Prosody | Self::Ejabberd => false,
        }
    }

    /// The name, with the version of its package if it comes in one.
    pub(crate) fn title(self) -> Result<String, Box<dyn Error>> {
        if self == Self::Gateway {
            return Ok(self.name().to_owned());
        }
        let mut query = Command::new("dpkg-query");
        let output = query
            .args(["-W", "-f", "${Version}", self.name()])
            .output()?;
        let version = String::from_utf8(output.stdout)?;
        let upstream = version.split('-').next().unwrap_or_default();
        Ok(format!("{} {upstream}", self.name()))
    }
}

/// A running server with a configuration of its own.
pub(crate) struct Server {
    kind: Kind,
    /// Of the gateway.
    program: PathBuf,
    process: Process,
    current: Arc<AtomicU32>,
    site: Site,
    /// Streams that begin in clear text.
    pub(crate) xmpp: SocketAddr,
    /// SIP over TLS, and over both TCP and UDP.
    pub(crate) sip_tls: SocketAddr,
    pub(crate) sip: SocketAddr,
}

impl Server {
    /// Starts a server, and waits until it listens. The gateway is that of `program`.
    pub(crate) fn start(kind: Kind, program: &Path) -> Result<Self, Box<dyn Error>> {
        let site = Site::new("comity-bench-faults");
        write_identity(&site)?;
        let addresses = [(); 3].map(|()| free_address());
        if kind == Kind::Gateway {
            gateway::write_config(&site, addresses)?;
        }
        let mut command = command(kind, program, &site, addresses)?;
        let [xmpp, sip_tls, sip] = addresses;
        let process = spawn(&mut command, &site)?;
        let mut server = Self {
            kind,
            program: program.to_owned(),
            current: Arc::new(AtomicU32::new(process.id())),
            process,
            site,
            xmpp,
            sip_tls,
            sip,
        };
        server.await_listening()?;
        Ok(server)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of its process, which changes when it is started again.
    pub(crate) fn current(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.current)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn usage(&self) -> io::Result<Usage> {
        usage(self.id())
    }

    /// How many sockets its first process has open.
    pub(crate) fn open_sockets(&self) -> io::Result<usize> {
        let mut count = 0;
        for file in fs::read_dir(format!("/proc/{}/fd", self.id()))? {
            // It may have been closed since.
            let target = fs::read_link(file?.path()).unwrap_or_default();
            count += usize::from(target.to_string_lossy().starts_with("socket:"));
        }
        Ok(count)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.site.directory()
    }

    /// What it has said since it was started last.
    pub(crate) fn log(&self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.directory().join(LOG))?).into_owned())
    }

    /// Ends it as a loss of power would.
    pub(crate) fn kill(&mut self) -> Result<(), Box<dyn Error>> {
        let id = self.id().to_string();
        Command::new("kill").args(["-KILL", &id]).status()?;
        let deadline = Instant::now() + PATIENCE;
        while self.process.ended()?.is_none() {
            if Instant::now() > deadline {
                return Err("it does not even end when it is killed".into());
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        self.restart_with(|command| command)
    }

    /// The same, otherwise than it was.
    pub(crate) fn restart_with(
        &mut self,
        change: impl FnOnce(Command) -> Command,
    ) -> Result<(), Box<dyn Error>> {
        let addresses = [self.xmpp, self.sip_tls, self.sip];
        let mut command = change(command(self.kind, &self.program, &self.site, addresses)?);
        self.process = spawn(&mut command, &self.site)?;
        self.current.store(self.id(), Ordering::Relaxed);
        self.await_listening()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.process.ended(), Ok(None))
    }

    /// Has the gateway answer on its control socket.
    pub(crate) fn tell(&self, word: &str) -> Result<String, Box<dyn Error>> {
        let mut command = Command::new(&self.program);
        command.args(["tell", "--config"]);
        command.arg(gateway::config(&self.site)).arg(word);
        let output = command.output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?),
            false => Err(String::from_utf8_lossy(&output.stderr).into()),
        }
    }

    /// Ends it in order.
    pub(crate) fn stop(&mut self) -> Result<(), Box<dyn Error>> {
        match self.process.stop()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("it ended with {status}").into()),
            None => Err("it does not end".into()),
        }
    }

    fn await_listening(&mut self) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + PATIENCE;
        for address in self.listens_at() {
            while TcpStream::connect(address).is_err() {
                if !self.runs() || Instant::now() > deadline {
                    let (name, log) = (self.kind.name(), self.log()?);
                    return Err(format!("{name} does not listen on {address}:\n{log}").into());
                }
                sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    fn listens_at(&self) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        if self.kind.speaks_xmpp() {
            all.push(self.xmpp);
        }
        if self.kind.speaks_sip() {
            all.extend([self.sip_tls, self.sip]);
        }
        all
    }
}

fn spawn(command: &mut Command, site: &Site) -> io::Result<Process> {
    Process::spawn(command, site.directory(), &site.directory().join(LOG))
}

fn write_identity(site: &Site) -> io::Result<()> {
    let authority = Ca::new("Faults Root CA", [7; 32]).self_signed();
    let own = authority.issue(&Leaf::new([8; 32]).dns(XMPP_DOMAIN).dns(DOMAIN));
    site.write(ROOTS, &authority.certificate_pem());
    site.write(CHAIN, &own.chain_pem());
    let key = site.write(KEY, &own.key_pem());
    fs::set_permissions(key, Permissions::from_mode(0o600))
}

fn command(
    kind: Kind,
    program: &Path,
    site: &Site,
    [xmpp, sip_tls, sip]: [SocketAddr; 3],
) -> io::Result<Command> {
    let directory = site.directory();
    let setup = Setup {
        directory,
        domain: DOMAIN,
        users: &[],
        listen: xmpp,
        certificate: directory.join(CHAIN),
        key: directory.join(KEY),
        trust: &directory.join(ROOTS),
        // Nobody is there.
        dns: SocketAddr::from(([127, 0, 0, 1], 9)),
    };
    match kind {
        Kind::Gateway => Ok(gateway::command(program, site)),
        Kind::Prosody => prosody::command(&setup),
        Kind::Ejabberd => ejabberd::command(&setup),
        Kind::Kamailio => {
            let config = kamailio::config(sip, kamailio::WAIT, WORKERS);
            let config = site.write("kamailio.cfg", &(config + &secured(&setup, sip_tls)));
            Ok(kamailio::command(&config, TRANSACTIONS))
        }
    }
}

/// What Kamailio's configuration needs for TLS.
fn secured(setup: &Setup<'_>, address: SocketAddr) -> String {
    format!(
        r#"enable_tls = yes
listen = tls:{address}
loadmodule "tls.so"
modparam("tls", "certificate", "{}")
modparam("tls", "private_key", "{}")
modparam("tls", "ca_list", "{}")
"#,
        setup.certificate.display(),
        setup.key.display(),
        setup.trust.display(),
    )
}

const LOG: &str = "log";
const ROOTS: &str = "roots.pem";
const CHAIN: &str = "chain.pem";
const KEY: &str = "key.pem";
/// As many as Kamailio is to have memory for: it keeps one for some seconds.
const TRANSACTIONS: u32 = 10_000;
/// Kamailio's processes for each transport, as its package has them.
const WORKERS: u32 = 8;
/// How long one may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);
