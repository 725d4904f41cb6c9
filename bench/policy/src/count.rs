//! Instructions.

use std::error::Error;

use crate::callgrind;
use crate::task::Task;

/// How many instructions a task of a size takes, without what it takes to prepare it.
pub(crate) fn instructions(task: Task, size: usize) -> Result<u64, Box<dyn Error>> {
    let toggle = format!("--toggle-collect={}", Task::MEASURED);
    let options = [
        "--collect-atstart=no",
        "--dump-instr=no",
        "--dump-line=no",
        &toggle,
    ];
    let total = callgrind::count(&options, &["run", task.name(), &size.to_string()])?;
    if total == 0 {
        return Err(format!("callgrind did not see {}", Task::MEASURED).into());
    }
    Ok(total)
}
