//! What another process has used, as the system tells.

use std::fs;
use std::io;

use crate::memory::{Memory, memory};

/// CPU time and memory of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// Seconds, in user and kernel.
    pub(crate) seconds: f64,
    pub(crate) memory: Memory,
}

/// What the process with this number has used.
pub(crate) fn used(id: u32) -> io::Result<Used> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name, which may hold anything, ends with the last bracket.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|ticks| ticks.parse().ok());
    let (user, system): (Option<f64>, Option<f64>) = (ticks(), ticks());
    Ok(Used {
        seconds: (user.unwrap_or_default() + system.unwrap_or_default()) / TICKS_PER_SECOND,
        memory: memory(id)?,
    })
}

/// As Linux has it on every platform of today.
const TICKS_PER_SECOND: f64 = 100.0;
