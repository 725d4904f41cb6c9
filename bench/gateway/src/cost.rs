//! What a part of the load has cost the gateway.

use std::fmt;

use crate::memory::Memory;
use crate::process::Used;

/// What so many texts, or changes of presence, have cost.
pub(crate) struct Cost {
    pub(crate) count: usize,
    /// By the clock on the wall.
    pub(crate) wall_seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) memory: Memory,
}

impl Cost {
    /// What was used between two looks at the gateway.
    pub(crate) fn between(before: Used, after: Used, count: usize, wall_seconds: f64) -> Self {
        Self {
            count,
            wall_seconds,
            cpu_seconds: after.seconds - before.seconds,
            memory: after.memory,
        }
    }

    /// Each figure with a name, which begins with that of the part, and a unit.
    pub(crate) fn figures(&self, part: &str) -> [(String, f64, &'static str); 3] {
        let mebibytes = |kib: u64| kib as f64 / 1024.0;
        let microseconds = 1e6 * self.cpu_seconds / self.count as f64;
        [
            (format!("{part}/time"), microseconds, "us"),
            (
                format!("{part}/memory"),
                mebibytes(self.memory.now_kib),
                "MiB",
            ),
            (
                format!("{part}/peak-memory"),
                mebibytes(self.memory.peak_kib),
                "MiB",
            ),
        ]
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} s, gateway {:.2} s of CPU, {:.0} a CPU second, {} MiB then and {} at most",
            self.wall_seconds,
            self.cpu_seconds,
            self.count as f64 / self.cpu_seconds,
            self.memory.now_kib / 1024,
            self.memory.peak_kib / 1024,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost() -> Cost {
        let used = |seconds, now_kib| Used {
            seconds,
            memory: Memory {
                now_kib,
                peak_kib: 40 * 1024,
            },
        };
        Cost::between(used(1.5, 0), used(3.5, 30 * 1024), 20_000, 5.0)
    }

    #[test]
    fn cost_is_that_of_the_part_alone() {
        let expected =
            "5.0 s, gateway 2.00 s of CPU, 10000 a CPU second, 30 MiB then and 40 at most";
        assert_eq!(cost().to_string(), expected);
    }

    #[test]
    fn figures_are_for_each_text() {
        let expected = [
            ("texts/time", 100.0, "us"),
            ("texts/memory", 30.0, "MiB"),
            ("texts/peak-memory", 40.0, "MiB"),
        ];
        let expected = expected.map(|(name, value, unit)| (name.to_owned(), value, unit));
        assert_eq!(cost().figures("texts"), expected);
    }
}
