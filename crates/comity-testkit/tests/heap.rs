//! The figures of a binary that declares the counting allocator.
#![cfg(test)]

use comity_testkit::heap::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the harness may allocate in its own thread meanwhile.
const SLACK: usize = 4_096;

#[track_caller]
fn assert_near(measured: usize, expected: usize) {
    assert!(
        (expected.saturating_sub(SLACK)..=expected + SLACK).contains(&measured),
        "{measured} bytes, not about {expected}"
    );
}

#[test]
fn live_and_peak_bytes_are_those_of_the_code_that_ran() {
    let earlier = vec![0_u8; 5_000_000];
    let (kept, stats) = heap::measure(|| {
        for _ in 0..10 {
            assert_eq!(vec![1_u8; 100_000].len(), 100_000);
        }
        vec![0_u8; 30_000]
    });
    assert_near(stats.live_bytes, 30_000);
    assert_near(stats.peak_bytes, 100_000);

    let ((), stats) = heap::measure(|| drop(kept));
    assert_near(stats.live_bytes, 0);
    assert_near(stats.peak_bytes, 0);

    // What was live before does not count, nor does an earlier peak.
    let ((), stats) = heap::measure(|| {
        drop(earlier);
        assert_eq!(vec![1_u8; 100_000].len(), 100_000);
    });
    assert_near(stats.live_bytes, 0);
    assert_near(stats.peak_bytes, 0);
}
