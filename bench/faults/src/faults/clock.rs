//! The clock on the wall jumps while the gateway runs.

use std::error::Error;
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::path::PathBuf;

use super::{Amounts, Outcome, Played, connect};
use crate::probe;
use crate::servers::Server;

/// Streams and connections that are open stay open, and others are served at any time.
pub(super) fn jumps(server: &mut Server, _: &Amounts) -> Played {
    let shift = server.directory().join("shift");
    fs::write(&shift, "+0")?;
    let library = library()?;
    server.kill()?;
    server.restart_with(|mut command| {
        command
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &shift)
            // It looks at the file at each call, and leaves alone the clock that only counts.
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    })?;
    let started = uptime(server)?;
    for seconds in JUMPS {
        let mut held = Vec::with_capacity(2 * HELD);
        for number in 0..HELD {
            held.push(probe::open(connect(number, server.xmpp)?)?);
            held.push(connect(number, server.sip)?);
        }
        fs::write(&shift, format!("{seconds:+}"))?;
        let seen = uptime(server)?;
        // A clock before the start makes no uptime.
        let expected = u64::try_from(seconds).map_or(0, |seconds| started + seconds);
        if !(expected..=expected + SLACK).contains(&seen) {
            return Err(format!("{seconds:+} s made an uptime of {seen} s").into());
        }
        probe::serves(server)?;
        if let Some(lost) = held.iter_mut().position(|stream| !is_open(stream)) {
            return Err(format!("connection {lost} was lost at {seconds:+} s").into());
        }
    }
    let seen = format!("{} connections stay at each jump", 2 * HELD);
    Ok(Outcome::seen(JUMPS.len(), seen))
}

fn library() -> Result<PathBuf, Box<dyn Error>> {
    for entry in fs::read_dir("/usr/lib")? {
        let path = entry?.path().join("faketime/libfaketimeMT.so.1");
        if path.exists() {
            return Ok(path);
        }
    }
    Err("the library of the package faketime is missing".into())
}

/// The seconds since the start, by the clock that the gateway sees.
fn uptime(server: &Server) -> Result<u64, Box<dyn Error>> {
    let status = server.tell("status")?;
    let line = status
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("started "));
    let seconds = line.and_then(|line| line.rsplit_once(", ")?.1.strip_suffix(" s ago"));
    Ok(seconds
        .ok_or_else(|| format!("the status has no uptime: {status}"))?
        .parse()?)
}

fn is_open(stream: &mut TcpStream) -> bool {
    let read = stream
        .set_nonblocking(true)
        .and_then(|()| stream.read(&mut [0]));
    matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// In seconds from the true time.
const JUMPS: [i64; 6] = [3600, 0, -3600, 0, 365 * 86_400, 0];
const HELD: usize = 50;
/// What the way from one jump to the other takes at most.
const SLACK: u64 = 120;
