//! The gateway as its operators run it.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use comity_sip::Transport;
use comity_testkit::site::Site;

use crate::certificates::Identity;
use crate::process::{PATIENCE, Process};
use crate::servers::{self, SECRET};

/// The name under which SIP peers know it.
pub(crate) const HOST: &str = "sip.xmpp.test";

pub(crate) struct Gateway {
    process: Process,
    config: PathBuf,
    directory: PathBuf,
    peer: Peer,
    hardship: Hardship,
}

/// What is to befall the gateway while it runs.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Hardship {
    Nothing,
    /// Its clock on the wall is moved.
    Clock,
    /// Its disk takes nothing more.
    Disk,
}

/// The SIP domain.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// The name in the certificate of its edge.
    pub(crate) host: &'static str,
    /// `microsoft` or `standard`.
    pub(crate) kind: &'static str,
    pub(crate) home: Home,
}

/// Whose domains are joined: the rules about users are for ours.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Home {
    /// Ours on XMPP, and a partner's on SIP.
    Xmpp,
    /// Ours on SIP, and a partner's on XMPP.
    Sip,
    /// Ours on both.
    Both,
}

/// How the gateway meets the XMPP server.
#[derive(Clone, Copy)]
pub(crate) enum Meeting {
    /// As its component, here.
    Component(SocketAddr),
    /// As a server: where the gateway listens, and where the other one does, to which a static route
    /// leads.
    Streams(SocketAddr, SocketAddr),
}

/// What the gateway needs to start.
pub(crate) struct Setup<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) identity: &'a Identity,
    pub(crate) dns: SocketAddr,
    pub(crate) meeting: Meeting,
    /// For which it speaks XMPP.
    pub(crate) peer: Peer,
    pub(crate) hardship: Hardship,
}

impl Gateway {
    pub(crate) fn start(site: &Site, setup: &Setup<'_>) -> Self {
        let config = site.write("gateway.toml", &config(setup));
        // A file with secrets is for the gateway alone.
        fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
        let directory = site.directory().to_owned();
        write_policy(site, setup.peer, "");
        let process = spawn(&config, site, setup.hardship);
        let mut gateway = Self {
            process,
            config,
            directory,
            peer: setup.peer,
            hardship: setup.hardship,
        };
        gateway
            .process
            .wait_until_bound(Transport::Tcp, setup.listen);
        gateway.wait_until_joined();
        gateway
    }

    /// Ends it as a loss of power would, and starts it again.
    pub(crate) fn crash(&mut self, site: &Site, listen: SocketAddr) {
        self.process.kill();
        self.process = spawn(&self.config, site, self.hardship);
        self.process.wait_until_bound(Transport::Tcp, listen);
        self.wait_until_joined();
    }

    /// Says something to the control socket, and returns the answer.
    pub(crate) fn tell(&self, line: &str) -> String {
        let output = self.try_tell(line);
        assert!(output.0.success(), "{line}: {}", output.1);
        output.1
    }

    /// Has it take these rules into use beside those about domains.
    pub(crate) fn reload(&self, site: &Site, rules: &str) {
        write_policy(site, self.peer, rules);
        self.tell("reload");
    }

    /// Moves its clock on the wall by so many seconds from the true time.
    pub(crate) fn shift_clock(&self, seconds: i64) {
        assert!(self.hardship == Hardship::Clock);
        fs::write(self.directory.join(SHIFT), format!("{seconds:+}")).unwrap();
    }

    /// Lets its disk take nothing more.
    pub(crate) fn fill_disk(&self) {
        assert!(self.hardship == Hardship::Disk);
        self.limit_files("0:");
    }

    /// Lets its disk take what there is.
    pub(crate) fn clear_disk(&self) {
        self.limit_files("unlimited:");
    }

    /// Waits until it says something.
    pub(crate) fn wait_for(&self, words: &[&str]) -> String {
        self.process.wait_for(words)
    }

    /// Bounds how long a file may become by what it writes.
    fn limit_files(&self, bytes: &str) {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &self.process.id().to_string()]);
        assert!(
            command
                .arg(format!("--fsize={bytes}"))
                .status()
                .unwrap()
                .success()
        );
    }

    /// Asks it to end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.process.terminate()
    }

    fn wait_until_joined(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.directory.join("control.sock").exists() || !self.try_tell("status").0.success()
        {
            assert!(Instant::now() < deadline, "the gateway never answers");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn try_tell(&self, line: &str) -> (ExitStatus, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity-gateway"));
        command.args(["tell", "--config"]).arg(&self.config);
        let output = command.args(line.split(' ')).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8(said).unwrap())
    }
}

fn spawn(config: &PathBuf, site: &Site, hardship: Hardship) -> Process {
    let mut command = program(site, hardship);
    command.args(["run", "--config"]).arg(config);
    Process::spawn("gateway", &mut command, site.directory())
}

fn program(site: &Site, hardship: Hardship) -> Command {
    let program = env!("CARGO_BIN_EXE_comity-gateway");
    let mut command = Command::new(match hardship {
        Hardship::Nothing | Hardship::Clock => program,
        Hardship::Disk => "env",
    });
    match hardship {
        Hardship::Nothing => {}
        Hardship::Clock => {
            let shift = site.write(SHIFT, "+0");
            command.env("LD_PRELOAD", fake_clock());
            command.env("FAKETIME_TIMESTAMP_FILE", shift);
            command.env("FAKETIME_NO_CACHE", "1");
            // The clock that only counts is left alone, as it is when the other is set.
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        // Writing beyond a limit ends a program that does not ignore the signal; a full disk sends none.
        Hardship::Disk => {
            command.args(["--ignore-signal=XFSZ", program]);
        }
    }
    command
}

/// The library of the package faketime for programs with threads.
fn fake_clock() -> PathBuf {
    let places = fs::read_dir("/usr/lib").unwrap();
    let mut paths = places.map(|place| place.unwrap().path().join(FAKE_CLOCK));
    paths.find(|path| path.exists()).unwrap()
}

fn write_policy(site: &Site, peer: Peer, rules: &str) {
    let Peer { name, kind, .. } = peer;
    let domains = match peer.home {
        Home::Xmpp => format!(
            "[xmpp]\nenabled = true\n\
             [sip]\nenabled = true\n\
             [[sip.domains]]\nname = \"{name}\"\nkind = \"{kind}\"\n"
        ),
        Home::Sip => "[xmpp]\nenabled = true\ndefault = \"allow\"\n".to_owned(),
        // Between our own domains nothing federates.
        Home::Both => "[xmpp]\nenabled = true\n".to_owned(),
    };
    site.write("policy.toml", &format!("{domains}{rules}"));
}

fn config(setup: &Setup<'_>) -> String {
    let Identity {
        certificate,
        key,
        trust,
    } = setup.identity;
    let peer = setup.peer;
    let (on_xmpp, on_sip) = match peer.home {
        Home::Xmpp => (format!("{:?}", servers::DOMAIN), String::new()),
        Home::Sip => (String::new(), format!("{:?}", peer.name)),
        Home::Both => (format!("{:?}", servers::DOMAIN), format!("{:?}", peer.name)),
    };
    format!(
        r#"
[domains]
xmpp = [{on_xmpp}]
sip = [{on_sip}]
[bridge]
presence = "cisco"
own-sip-servers = "{kind}"
{xmpp}
[sip]
federation-host = "{HOST}"
[[sip.listeners]]
transport = "tls"
address = "{listen}"
[[sip.peers]]
domains = ["{peer}"]
subjects = ["{peer_host}"]
[tls.inbound]
chain = "{chain}"
key = "{key}"
[trust.sip]
anchors = ["{trust}"]
[trust.xmpp]
anchors = ["{trust}"]
[dns]
servers = ["{dns}"]
danger-allow-loopback = true
[policy]
file = "policy.toml"
[store]
path = "facts.redb"
[control]
socket = "control.sock"
[log]
filter = "debug"
redact = false
"#,
        kind = peer.kind,
        xmpp = xmpp(setup.meeting, peer.name),
        peer_host = peer.host,
        peer = peer.name,
        listen = setup.listen,
        chain = certificate.display(),
        key = key.display(),
        trust = trust.display(),
        dns = setup.dns,
    )
}

fn xmpp(meeting: Meeting, peer: &str) -> String {
    match meeting {
        Meeting::Component(server) => format!(
            r#"
[xmpp]
mode = "component"
[xmpp.component]
server = "{}"
port = {}
[[xmpp.component.domains]]
name = "{peer}"
secret = "{SECRET}"
"#,
            server.ip(),
            server.port(),
        ),
        Meeting::Streams(listen, server) => format!(
            r#"
[[xmpp.listeners]]
address = "{listen}"
[[routes.xmpp]]
pattern = "{}"
next-hop = "{}"
port = {}
"#,
            servers::DOMAIN,
            server.ip(),
            server.port(),
        ),
    }
}

/// Where in its directory it is written by how much its clock is wrong.
const SHIFT: &str = "shift";
const FAKE_CLOCK: &str = "faketime/libfaketimeMT.so.1";
