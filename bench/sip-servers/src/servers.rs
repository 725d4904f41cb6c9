//! The servers that are loaded.

mod comity;
mod kamailio;

use std::error::Error;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use crate::load::Transport;
use crate::options::Options;
use crate::process::Process;
use crate::site::{Site, free_address};
use crate::usage::{Usage, usage};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Comity,
    /// As its package starts it.
    Kamailio,
    /// With the faster one of its allocators.
    KamailioFm,
    Floor,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Comity, Self::Kamailio, Self::KamailioFm, Self::Floor];

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("no server has the name {name}"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Comity => "comity",
            Self::Kamailio => "kamailio",
            Self::KamailioFm => "kamailio-fm",
            Self::Floor => "floor",
        }
    }

    /// How long after its answer a transaction may live.
    pub(crate) fn lifetime(self, transport: Transport) -> Duration {
        match (self, transport) {
            (Self::Comity | Self::Kamailio | Self::KamailioFm, Transport::Udp) => TIMER_J,
            (Self::Kamailio | Self::KamailioFm, Transport::Tcp) => kamailio::WAIT,
            (Self::Comity, Transport::Tcp) | (Self::Floor, Transport::Udp | Transport::Tcp) => {
                Duration::ZERO
            }
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
        transport: Transport,
        options: &Options,
        site: &Site,
    ) -> Result<Self, Box<dyn Error>> {
        let address = free_address();
        let mut command = match kind {
            Kind::Comity => comity::command(address, options)?,
            Kind::Kamailio | Kind::KamailioFm => {
                let config = kamailio::config(address, kind.lifetime(transport), 1);
                let config = site.write("kamailio.cfg", &config)?;
                let mut command = kamailio::command(&config, options.transactions());
                if kind == Kind::KamailioFm {
                    command.args(["-x", "fm"]);
                }
                command
            }
            Kind::Floor => floor(address)?,
        };
        let log = site.directory().join(format!("{}.log", kind.name()));
        let process = Process::spawn(&mut command, site.directory(), &log)
            .map_err(|error| format!("{}: {error}", kind.name()))?;
        let mut server = Self {
            kind,
            address,
            process,
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

    /// Where it listens, over UDP and TCP.
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

    pub(crate) fn usage(&self) -> io::Result<Usage> {
        usage(self.process.id())
    }
}

/// This program as a server.
fn floor(address: SocketAddr) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("floor").arg(address.to_string());
    Ok(command)
}

/// RFC 3261 §17.2.2.
const TIMER_J: Duration = Duration::from_secs(32);
const PATIENCE: Duration = Duration::from_secs(20);
const LOG_LINES: usize = 20;
