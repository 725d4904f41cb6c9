//! Want of files, of the disk, and of life.

use std::net::SocketAddr;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Amounts, Outcome, Played, connect_later};
use crate::probe;
use crate::servers::Server;

pub(super) fn files_of_xmpp(server: &mut Server, _: &Amounts) -> Played {
    files(server, server.xmpp)
}

pub(super) fn files_of_sip(server: &mut Server, _: &Amounts) -> Played {
    files(server, server.sip)
}

fn files(server: &mut Server, address: SocketAddr) -> Played {
    server.stop()?;
    server.restart_with(|command| limited(&command, &format!("ulimit -n {MAX_FILES}")))?;
    probe::serves(server)?;
    let mut held = Vec::with_capacity(FLOOD);
    for number in 0..FLOOD {
        held.push(connect_later(number, address)?);
    }
    sleep(Duration::from_secs(1));
    let before = server.usage()?.cpu;
    sleep(FULL_FOR);
    if !server.runs() {
        return Err("it has ended".into());
    }
    let cpu = server.usage()?.cpu.saturating_sub(before);
    drop(held);
    let ended = Instant::now();
    probe::serves(server)?;
    Ok(Outcome::seen(
        FLOOD,
        format!(
            "{} % of a CPU while it is full, serves {:.1} s after the end",
            cpu.as_millis() * 100 / FULL_FOR.as_millis(),
            ended.elapsed().as_secs_f64()
        ),
    ))
}

/// The same command, started by a shell that has limited itself.
fn limited(command: &Command, limit: &str) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("{limit} && exec \"$0\" \"$@\"");
    shell.args(["-c", &script]).arg(command.get_program());
    shell.args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell
}

pub(super) fn kills(server: &mut Server, amounts: &Amounts) -> Played {
    for _ in 0..amounts.kills {
        server.kill()?;
        server.restart()?;
        probe::serves(server)?;
    }
    Ok(Outcome::of(amounts.kills))
}

/// The gateway does not start without a store that it can write, says so, and starts when it can.
pub(super) fn full_disk(server: &mut Server, _: &Amounts) -> Played {
    server.kill()?;
    let refused = server.restart_with(|command| limited(&command, FULL_DISK));
    let said = server.log()?;
    if refused.is_ok() || server.runs() {
        return Err("it runs without a store".into());
    }
    if !said.contains(ADVICE) {
        return Err(format!("it does not say why it has not started:\n{said}").into());
    }
    server.restart()?;
    Ok(Outcome::seen(
        1,
        "it does not start, and says why".to_owned(),
    ))
}

/// Blocks for what it says, and none beyond. A full disk sends no signal.
const FULL_DISK: &str = "trap '' XFSZ && ulimit -f 8";
const ADVICE: &str =
    "facts.redb: file too large: check the path, the permissions and the space of the disk";
/// More than any of them needs to start.
const MAX_FILES: u32 = 256;
/// More than there is room for, and no more than the system's queue of 128 takes beyond that: of a
/// connection that is in neither, the server may not hear the end for minutes.
const FLOOD: usize = 340;
const FULL_FOR: Duration = Duration::from_secs(3);
