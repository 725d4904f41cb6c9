//! How much memory a piece of code holds, for tests that assert a bound.
//!
//! A test binary has to declare the counting allocator. The figures are those of the whole process,
//! so that such a binary holds one test: others would run beside it in threads and be counted too.
//! The thread of the test harness is counted as well; leave it a few KiB in what is asserted.
//!
//! ```
//! use comity_testkit::heap;
//!
//! #[global_allocator]
//! static ALLOCATOR: heap::Counting = heap::Counting;
//!
//! # fn main() {
//! let (buffer, stats) = heap::measure(|| {
//!     let scratch = vec![0_u8; 6000];
//!     vec![0_u8; scratch.len() / 2]
//! });
//! assert_eq!(stats.live_bytes, buffer.capacity());
//! assert_eq!(stats.peak_bytes, 9000);
//! # }
//! ```

use std::hint::black_box;

/// The allocator to be declared: the system's, with its bytes counted.
///
/// A reallocation counts as an allocation of the new size before the old one is freed.
pub use peak_alloc::PeakAlloc as Counting;

/// Heap bytes that a piece of code asked for, without what the allocator itself adds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// What it had not given back when it returned; 0 if it gave back more than it took.
    pub live_bytes: usize,
    /// The most that it held at any time.
    pub peak_bytes: usize,
}

/// Runs `run` and counts what it allocates, by any thread.
///
/// What `run` returns is still alive when `live_bytes` is taken. Calls do not nest: an inner one
/// makes the outer one forget its peak.
///
/// # Panics
///
/// If the binary does not declare [`Counting`] as its global allocator.
pub fn measure<T>(run: impl FnOnce() -> T) -> (T, Stats) {
    assert!(
        is_counting(),
        "declare `heap::Counting` as the global allocator"
    );
    Counting.reset_peak_usage();
    let before = Counting.current_usage();
    let value = run();
    let live = Counting.current_usage();
    let peak = Counting.peak_usage();
    let stats = Stats {
        live_bytes: live.saturating_sub(before),
        peak_bytes: peak.saturating_sub(before),
    };
    (value, stats)
}

fn is_counting() -> bool {
    let before = Counting.current_usage();
    let probe = black_box(Box::new(0_u64));
    let counted = Counting.current_usage() > before;
    drop(probe);
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "declare `heap::Counting`")]
    fn without_the_allocator_nothing_is_measured() {
        measure(|| ());
    }
}
