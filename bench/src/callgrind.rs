//! Instructions, by callgrind.

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

/// How many instructions this program takes to do as the arguments say, of which the options may
/// choose some.
pub(crate) fn count(options: &[&str], arguments: &[&str]) -> Result<u64, Box<dyn Error>> {
    let number = COUNTED.fetch_add(1, Ordering::Relaxed);
    let counts = format!("comity-bench.{}.{number}", std::process::id());
    let counts = env::temp_dir().join(counts);
    run(&counts, options, arguments)?;
    let total = total(&counts)?;
    fs::remove_file(&counts)?;
    Ok(total)
}

/// Runs this program under callgrind, which writes what it counts to a file, and to others whose
/// names begin alike if the options say so.
pub(crate) fn run(
    counts: &Path,
    options: &[&str],
    arguments: &[&str],
) -> Result<(), Box<dyn Error>> {
    let mut file = OsString::from("--callgrind-out-file=");
    file.push(counts);
    let status = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(file)
        .args(options)
        .arg(env::current_exe()?)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !status.success() {
        return Err(format!("valgrind of {}: {status}", arguments.join(" ")).into());
    }
    Ok(())
}

/// The sum of what is counted in a file.
pub(crate) fn total(counts: &Path) -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string(counts)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind counted nothing")?.trim().parse()?)
}

/// How many counts have begun, so that each has a file of its own.
static COUNTED: AtomicUsize = AtomicUsize::new(0);
