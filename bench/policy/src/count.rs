//! Instructions.

use std::error::Error;
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::task::Task;

/// How many instructions a task of a size takes, without what it takes to prepare it.
pub(crate) fn instructions(task: Task, size: usize) -> Result<u64, Box<dyn Error>> {
    let counts = env::temp_dir().join(format!("comity-bench-policy.{}", std::process::id()));
    let mut option = std::ffi::OsString::from("--callgrind-out-file=");
    option.push(&counts);
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .args(["--dump-instr=no", "--dump-line=no"])
        .arg(format!("--toggle-collect={}", Task::MEASURED))
        .arg(option)
        .arg(env::current_exe()?)
        .args(["run", task.name(), &size.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !status.success() {
        return Err(format!("valgrind of {}: {status}", task.name()).into());
    }
    let text = fs::read_to_string(&counts)?;
    fs::remove_file(&counts)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.ok_or("callgrind counted nothing")?.trim().parse()?;
    if total == 0 {
        return Err(format!("callgrind did not see {}", Task::MEASURED).into());
    }
    Ok(total)
}
