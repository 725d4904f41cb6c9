//! The comparison of the parsers.

use std::error::Error;

use crate::Subject;
use crate::allocations::allocations;
use crate::cost::instructions;
use crate::parsers::{Measure, PARSERS, Parser};
use crate::plain;
use crate::times::best_nanoseconds;
use crate::traffic::{self, Traffic};

/// Prints a line for each parser.
pub(crate) fn print() -> Result<(), Box<dyn Error>> {
    println!("{}\n", traffic::summary());
    println!(
        "{:<15} {:>15} {:>13} {:>13} {:>13} {:>13}",
        "", "instructions", "ratio", "ns", "ratio", "allocations"
    );
    println!("{:<10} {:>4}   {}", "", "read", "  lazy   full ".repeat(5));
    for parser in &PARSERS {
        let lazy = Row::of(parser, Measure::Lazy)?;
        let full = Row::of(parser, Measure::Full)?;
        println!(
            "{:<10} {:>4} {:>8.0} {:>6.0} {:>6.2} {:>6.2} {:>6.0} {:>6.0} {:>6.2} {:>6.2} {:>6.1} {:>6.1}",
            parser.name,
            lazy.messages,
            lazy.instructions,
            full.instructions,
            lazy.instructions / lazy.our_instructions,
            full.instructions / full.our_instructions,
            lazy.nanoseconds,
            full.nanoseconds,
            lazy.nanoseconds / lazy.our_nanoseconds,
            full.nanoseconds / full.our_nanoseconds,
            lazy.allocations,
            full.allocations,
        );
    }
    Ok(())
}

/// Prints what the table has. Ratios are to our cost for the same messages.
pub(crate) fn figures() -> Result<(), Box<dyn Error>> {
    for parser in &PARSERS {
        for measure in Measure::ALL {
            let row = Row::of(parser, measure)?;
            for (what, value, unit) in [
                ("messages", row.messages as f64, "messages"),
                ("instructions", row.instructions, "instructions/message"),
                ("ratio", row.instructions / row.our_instructions, "times"),
                ("time", row.nanoseconds, "ns/message"),
                ("time-ratio", row.nanoseconds / row.our_nanoseconds, "times"),
                ("allocations", row.allocations, "allocations/message"),
            ] {
                let what = format!("{}/{}/{what}", measure.name(), parser.name);
                plain::print(&what, value, unit);
            }
        }
    }
    Ok(())
}

/// What a parser costs, and what ours does, in the mean over the messages that the parser can read.
struct Row {
    messages: usize,
    instructions: f64,
    our_instructions: f64,
    nanoseconds: f64,
    our_nanoseconds: f64,
    allocations: f64,
}

impl Row {
    fn of(parser: &Parser, measure: Measure) -> Result<Self, Box<dyn Error>> {
        let [ours, ..] = &PARSERS;
        let traffic = Traffic::new(parser, measure, parser);
        let [subject, our_subject] =
            [parser, ours].map(|each| traffic::name(each, measure, parser));
        let (messages, reads) = (traffic.messages(), traffic.reads() as f64);
        let [nanoseconds, our_nanoseconds] =
            nanoseconds([traffic, Traffic::new(ours, measure, parser)])?;
        Ok(Self {
            messages,
            instructions: instructions(&subject)? as f64 / reads,
            our_instructions: instructions(&our_subject)? as f64 / reads,
            nanoseconds,
            our_nanoseconds,
            allocations: allocations(&subject)? as f64 / reads,
        })
    }
}

/// The least CPU time that each takes to read a message. They take turns, so that whatever else the
/// computer does meets them alike.
fn nanoseconds<const N: usize>(traffics: [Traffic; N]) -> Result<[f64; N], Box<dyn Error>> {
    let traffics = traffics.map(|traffic| traffic.with_passes(TIMED_PASSES));
    let mut best = [f64::MAX; N];
    for _ in 0..TURNS {
        for (traffic, best) in traffics.iter().zip(&mut best) {
            let read = Traffic::read;
            let times = best_nanoseconds(&[Subject { read }], traffic)?;
            let least = times.into_iter().min().ok_or("no time")?;
            *best = best.min(least as f64 / traffic.reads() as f64);
        }
    }
    Ok(best)
}

const TURNS: usize = 4;
/// Enough for a round that is long in comparison with the look at the clock.
const TIMED_PASSES: usize = 100;
