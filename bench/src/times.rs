//! CPU time.

use std::error::Error;
use std::fs;
use std::hint::black_box;

use crate::Subject;
use crate::traffic::Traffic;

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
