//! Instructions and CPU time.

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::Subject;
use crate::traffic::Traffic;

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

/// The least CPU time that each subject takes to read the traffic once. The subjects take turns, so
/// that whatever else the computer does meets them alike.
pub(crate) fn best_nanoseconds(
    subjects: &[Subject],
    traffic: &Traffic,
) -> Result<Vec<u64>, Box<dyn Error>> {
    let mut best = vec![u64::MAX; subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, best) in subjects.iter().zip(&mut best) {
            let before = cpu_nanoseconds()?;
            black_box((subject.read)(black_box(traffic)));
            *best = (*best).min(cpu_nanoseconds()?.saturating_sub(before));
        }
    }
    Ok(best)
}

/// How long this thread has run.
fn cpu_nanoseconds() -> Result<u64, Box<dyn Error>> {
    // The kernel brings the figure up to date when a thread gives way.
    std::thread::yield_now();
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = schedstat.split_whitespace().next();
    Ok(first.ok_or("an empty schedstat")?.parse()?)
}

const ROUNDS: usize = 50;
