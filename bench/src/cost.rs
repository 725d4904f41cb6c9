//! Instructions of a subject.

use std::error::Error;

use crate::callgrind;

/// How many instructions it takes to read the traffic of a subject once.
pub(crate) fn instructions(subject: &str) -> Result<u64, Box<dyn Error>> {
    let once = callgrind::count(&[], &["run", subject, "1"])?;
    let twice = callgrind::count(&[], &["run", subject, "2"])?;
    Ok(twice.saturating_sub(once))
}
