//! Instructions.

use std::error::Error;
use std::process::{Command, Stdio};
use std::{env, fs};

/// How many instructions it takes to read the traffic of a subject once.
pub(crate) fn instructions(subject: &str) -> Result<u64, Box<dyn Error>> {
    let once = run_instructions(subject, "1")?;
    let twice = run_instructions(subject, "2")?;
    Ok(twice.saturating_sub(once))
}

/// How many instructions this program takes to run a subject so many times.
fn run_instructions(subject: &str, times: &str) -> Result<u64, Box<dyn Error>> {
    let counts = env::temp_dir().join(format!("comity-bench.{}", std::process::id()));
    let mut option = std::ffi::OsString::from("--callgrind-out-file=");
    option.push(&counts);
    let status = Command::new("valgrind")
        .args(["--tool=callgrind".as_ref(), option.as_os_str()])
        .arg(env::current_exe()?)
        .args(["run", subject, times])
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !status.success() {
        return Err(format!("valgrind of {subject}: {status}").into());
    }
    let text = fs::read_to_string(&counts)?;
    fs::remove_file(&counts)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind counted nothing")?.trim().parse()?)
}
