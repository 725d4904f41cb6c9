//! The servers that are loaded.

mod echo;
mod ejabberd;
mod prosody;
mod setup;

use std::error::Error;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use comity_testkit::mint::Leaf;

use self::setup::Setup;
use crate::domain::Surroundings;
use crate::load::USERS;
use crate::process::Process;
use crate::site::{Site, free_address};
use crate::stream::PATIENCE;

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Kind {
    Echo,
    Ejabberd,
    Prosody,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Echo, Self::Ejabberd, Self::Prosody];

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("no server has the name {name}"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Ejabberd => "ejabberd",
            Self::Prosody => "prosody",
        }
    }

    pub(crate) fn domain(self) -> &'static str {
        match self {
            Self::Echo => "echo.test",
            Self::Ejabberd => "ejabberd.test",
            Self::Prosody => "prosody.test",
        }
    }
}

/// A server that runs.
pub(crate) struct Server {
    kind: Kind,
    address: SocketAddr,
    process: Process,
    log: PathBuf,
}

impl Server {
    /// Starts a server, and waits until it listens.
    pub(crate) fn start(
        kind: Kind,
        echo: &Path,
        site: &Site,
        surroundings: &Surroundings,
    ) -> Result<Self, Box<dyn Error>> {
        let domain = kind.domain();
        let seed = [3 + kind as u8; 32];
        let identity = surroundings.root.issue(&Leaf::new(seed).dns(domain));
        let setup = Setup {
            directory: site.directory(),
            domain,
            users: &USERS,
            listen: free_address(),
            certificate: site.write(&format!("{domain}.pem"), &identity.chain_pem())?,
            key: site.write(&format!("{domain}.key"), &identity.key_pem())?,
            trust: &surroundings.trust,
            dns: surroundings.dns,
        };
        let mut command = match kind {
            Kind::Echo => echo::command(&setup, echo),
            Kind::Ejabberd => ejabberd::command(&setup)?,
            Kind::Prosody => prosody::command(&setup)?,
        };
        let log = site.directory().join(format!("{domain}.log"));
        let mut server = Self {
            kind,
            address: setup.listen,
            process: Process::spawn(&mut command, site.directory(), &log)?,
            log,
        };
        server.await_listening()?;
        Ok(server)
    }

    fn await_listening(&mut self) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if self.process.ended()?.is_some() || started.elapsed() > PATIENCE {
                return Err(format!("{} does not listen\n{}", self.kind.name(), self.log()).into());
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the server has said last.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// The processor time that the server has taken.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        cpu(self.process.id())
    }
}

/// The processor time of all threads of a process.
fn cpu(id: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else {
            // The thread has ended.
            continue;
        };
        let time = times.split(' ').next().unwrap_or_default();
        nanoseconds += time.parse::<u64>().map_err(io::Error::other)?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

const LOG_LINES: usize = 20;
