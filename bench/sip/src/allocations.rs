//! Allocations.

use std::env;
use std::error::Error;
use std::process::Command;

/// How many allocations it takes to read the traffic of a subject once. memcheck counts them: an
/// allocator that counts would be a part of what the other columns measure.
pub(crate) fn allocations(subject: &str) -> Result<u64, Box<dyn Error>> {
    let once = run_allocations(subject, "1")?;
    let twice = run_allocations(subject, "2")?;
    Ok(twice.saturating_sub(once))
}

/// How many allocations this program makes to run a subject so many times.
fn run_allocations(subject: &str, times: &str) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=memcheck", "--leak-check=no"])
        .arg(env::current_exe()?)
        .args(["run", subject, times])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        return Err(format!("valgrind of {subject}: {}", output.status).into());
    }
    let text = String::from_utf8(output.stderr)?;
    let (_, usage) = text
        .split_once("total heap usage: ")
        .ok_or("memcheck counted nothing")?;
    let (count, _) = usage.split_once(' ').ok_or("memcheck counted nothing")?;
    Ok(count.replace(',', "").parse()?)
}
