//! What a running gateway bears, and what it costs it, beside other servers.
//!
//! ```text
//! apt-get install ejabberd faketime kamailio kamailio-tls-modules lua-unbound prosody
//! cargo build --release -p comity-gateway
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-faults -- \
//!   target/release/comity-gateway
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-faults -- beside
//! ```
//!
//! Each fault goes to the program as its operators run it, on loopback, a bounded number of times. After
//! it, and while it lasts where it lasts, the gateway has to open a stream and to answer OPTIONS, and at
//! the end it has no more sockets open than before; what does not is an error. `beside` has the same befall
//! Prosody, ejabberd and Kamailio, whichever of it concerns them, and their failures are rows; `prosody`
//! in its place is Prosody alone, and so the others. The table is that of `docs/RELIABILITY.md`.
//!
//! `check` before the path tries each fault less often and fails if the gateway does, or if its memory
//! grows more than it may. A word behind these, such as `clock`, leaves out the rows whose names lack it.
//!
//! Memory is the proportional share of all processes of a server, looked at ten times a second for the
//! most. CPU is the time of the server and of the system on its behalf, divided by how often it happened.

mod faults;
mod malformed;
mod probe;
#[path = "../../src/process.rs"]
mod process;
#[path = "../../src/program.rs"]
mod program;
mod servers;
#[path = "../../src/usage.rs"]
mod usage;
mod watch;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::faults::{Amounts, FAULTS, Fault};
use self::servers::{Kind, Server};
use self::watch::Watch;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        ["check", gateway, part @ ..] => check(gateway, part.first().unwrap_or(&"")),
        ["beside", part @ ..] => beside(&Kind::PEERS, part.first().unwrap_or(&"")),
        [first, part @ ..] => {
            let part = part.first().unwrap_or(&"");
            match Kind::PEERS.into_iter().find(|kind| kind.name() == *first) {
                Some(kind) => beside(&[kind], part),
                None => table(first, part),
            }
        }
        [] => Err("the path of comity-gateway, or the name of a server, is missing".into()),
    })
}

fn table(gateway: &str, part: &str) -> Result<(), Box<dyn Error>> {
    let program = Path::new(gateway).canonicalize()?;
    print_head();
    for fault in selected(Kind::Gateway, part) {
        befall(Kind::Gateway, &program, fault, &Amounts::TABLE)?.print()?;
    }
    Ok(())
}

fn check(gateway: &str, part: &str) -> Result<(), Box<dyn Error>> {
    let program = Path::new(gateway).canonicalize()?;
    print_head();
    for fault in selected(Kind::Gateway, part) {
        let row = befall(Kind::Gateway, &program, fault, &Amounts::CHECK)?;
        row.print()?;
        row.check()?;
    }
    Ok(())
}

fn beside(kinds: &[Kind], part: &str) -> Result<(), Box<dyn Error>> {
    print_head();
    for &kind in kinds {
        for fault in selected(kind, part) {
            match befall(kind, &PathBuf::new(), fault, &Amounts::TABLE) {
                Ok(row) => row.print()?,
                Err(error) => println!("| {} | {} | | | | {error} |", fault.name, kind.title()?),
            }
        }
    }
    Ok(())
}

fn selected(kind: Kind, part: &str) -> impl Iterator<Item = &'static Fault> {
    let faults = FAULTS.iter().filter(move |fault| fault.befalls(kind));
    faults.filter(move |fault| fault.name.contains(part))
}

/// Starts a server, has something befall it, and sees that it serves.
fn befall(
    kind: Kind,
    program: &Path,
    fault: &'static Fault,
    amounts: &Amounts,
) -> Result<Row, Box<dyn Error>> {
    let said = |error: Box<dyn Error>| format!("{}: {error}", fault.name);
    let mut server = Server::start(kind, program)?;
    probe::serves(&server)?;
    sleep(amounts.rest);
    let (id, sockets) = (server.id(), server.open_sockets()?);
    let before = server.usage()?;
    let watch = Watch::start(server.current());
    let outcome = (fault.play)(&mut server, amounts).map_err(said)?;
    let most = watch.end()?;
    probe::serves(&server).map_err(|error| format!("after {}: {error}", fault.name))?;
    sleep(amounts.rest);
    let after = server.usage()?;
    let row = Row {
        kind,
        fault: fault.name,
        tried: outcome.tried,
        cpu: (server.id() == id).then(|| after.cpu.saturating_sub(before.cpu)),
        before: before.memory / 1024,
        after: after.memory / 1024,
        most: most.max(after.memory) / 1024,
        seen: outcome.seen,
        unserved: outcome.unserved,
    };
    if kind == Kind::Gateway {
        await_sockets(&server, sockets).map_err(said)?;
        server.stop().map_err(said)?;
    }
    Ok(row)
}

/// Waits until no more sockets are open than there were.
fn await_sockets(server: &Server, before: usize) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + PATIENCE;
    while server.open_sockets()? > before {
        if Instant::now() > deadline {
            let now = server.open_sockets()?;
            return Err(format!("{now} sockets are open, and {before} were before").into());
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// What became of a server.
struct Row {
    kind: Kind,
    fault: &'static str,
    tried: usize,
    /// In all; `None` if it was started anew meanwhile.
    cpu: Option<Duration>,
    /// In KiB.
    before: u64,
    after: u64,
    most: u64,
    seen: String,
    unserved: usize,
}

impl Row {
    fn print(&self) -> Result<(), Box<dyn Error>> {
        let cpu = match self.cpu {
            Some(cpu) => format!("{:.2}", cpu.as_secs_f64() * 1000.0 / self.tried as f64),
            None => "–".to_owned(),
        };
        let serves = match self.seen.as_str() {
            "" => "serves".to_owned(),
            seen => format!("serves; {seen}"),
        };
        println!(
            "| {} | {} | {} | {cpu} | {} {} {} | {serves} |",
            self.fault,
            self.kind.title()?,
            self.tried,
            self.before,
            self.after,
            self.most,
        );
        Ok(())
    }

    /// Fails if somebody was not served, or if there is more in memory than there may be.
    fn check(&self) -> Result<(), Box<dyn Error>> {
        if self.unserved > 0 {
            return Err(format!("{}: {}", self.fault, self.seen).into());
        }
        let grown = self.after.saturating_sub(self.before);
        if grown > MAX_GROWN_KIB {
            return Err(format!("{}: {grown} KiB stay in memory", self.fault).into());
        }
        let most = self.most.saturating_sub(self.before);
        if most > MAX_MORE_KIB {
            return Err(format!("{}: {most} KiB more at the most", self.fault).into());
        }
        Ok(())
    }
}

fn print_head() {
    println!(
        "| fault | server | bad inputs | ms of CPU for each | KiB before, after and at most | what became of it |"
    );
    println!("|---|---|---|---|---|---|");
}

/// What may stay in memory after a fault, with what an allocator keeps for later.
const MAX_GROWN_KIB: u64 = 16 * 1024;
/// What a fault may cost while it lasts.
const MAX_MORE_KIB: u64 = 64 * 1024;
/// For connections to end that are no longer of use.
const PATIENCE: Duration = Duration::from_secs(60);
