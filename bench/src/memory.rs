//! What memory another process has, as the system tells.

use std::fs;
use std::io;

/// The memory of a process, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What it has now.
    pub(crate) now_kib: u64,
    /// The most that it had.
    pub(crate) peak_kib: u64,
}

/// That of the process with this number.
pub(crate) fn memory(id: u32) -> io::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    match (field("VmRSS:"), field("VmHWM:")) {
        (Some(now_kib), Some(peak_kib)) => Ok(Memory { now_kib, peak_kib }),
        (_, _) => Err(io::ErrorKind::InvalidData.into()),
    }
}
