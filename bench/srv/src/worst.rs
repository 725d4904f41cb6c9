//! What the worst message costs that a name server can send.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::time::Instant;

use comity_srv::Protocol;

use crate::callgrind;
use crate::hostile::{ANSWERS, Input, RESOLUTIONS, resolve_twice};

/// The instructions that the worst message costs, with all that it brings about; and how many were
/// counted.
pub(crate) fn instructions(resolution: &str) -> Result<(u64, usize), Box<dyn Error>> {
    let counts = std::env::temp_dir().join(format!("comity-bench-srv.{}", std::process::id()));
    fs::create_dir(&counts)?;
    // Counts are written when the next message comes, and at the end.
    let toggle = format!("--toggle-collect={HAND_OVER}");
    let dump = format!("--dump-before={HAND_OVER}");
    let options = ["--dump-instr=no", "--dump-line=no", &toggle, &dump];
    callgrind::run(&counts.join("count"), &options, &["attack", resolution])?;
    let mut totals = Vec::new();
    for entry in fs::read_dir(&counts)? {
        totals.push(callgrind::total(&entry?.path())?);
    }
    fs::remove_dir_all(&counts)?;
    Ok((totals.iter().copied().max().unwrap_or(0), totals.len()))
}

/// Resolves with name servers that want to do harm.
pub(crate) fn attack(resolution: &str) -> Result<(), Box<dyn Error>> {
    let known = RESOLUTIONS
        .into_iter()
        .find(|(name, _)| *name == resolution);
    let (_, begin) = known.ok_or("no such resolution")?;
    for (_, answer) in ANSWERS {
        resolve_twice(Instant::now(), begin, answer, |input| {
            match input.protocol {
                // Too long for a datagram, which costs nothing.
                Protocol::Udp => input.hand_over(),
                Protocol::Tcp => hand_over(input),
            }
        });
    }
    Ok(())
}

/// Where callgrind begins and ends a count.
#[inline(never)]
fn hand_over(input: Input<'_>) {
    input.hand_over();
    // Callgrind does not see the end of a function that jumps into another one.
    black_box(());
}

const HAND_OVER: &str = "comity_bench_srv::worst::hand_over";
