//! Instructions of a part of a run.

use std::error::Error;

use crate::callgrind;

/// How many instructions this program takes inside a function when it does as the arguments say.
pub(crate) fn instructions(function: &str, arguments: &[&str]) -> Result<u64, Box<dyn Error>> {
    let toggle = format!("--toggle-collect={function}");
    let options = [
        "--collect-atstart=no",
        "--dump-instr=no",
        "--dump-line=no",
        &toggle,
    ];
    let total = callgrind::count(&options, arguments)?;
    if total == 0 {
        return Err(format!("callgrind did not see {function}").into());
    }
    Ok(total)
}
