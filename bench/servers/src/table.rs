use std::fmt;
use std::time::Duration;

use crate::load::Records;
use crate::servers::Kind;

/// What one run has cost.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    /// Microseconds of processor time for each stanza.
    cpu: f64,
    /// Stanzas in a second by the clock on the wall.
    rate: f64,
}

impl Measured {
    pub(crate) fn new(stanzas: usize, cpu: Duration, wall: Duration) -> Self {
        let stanzas = stanzas as f64;
        Self {
            cpu: cpu.as_secs_f64() * 1e6 / stanzas,
            rate: stanzas / wall.as_secs_f64(),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} us, {:.0}/s", self.cpu, self.rate)
    }
}

/// All runs.
#[derive(Default)]
pub(crate) struct Table(Vec<(Kind, Records, Measured)>);

impl Table {
    pub(crate) fn add(&mut self, kind: Kind, records: Records, measured: Measured) {
        self.0.push((kind, records, measured));
    }

    /// What the table has, each figure with a name and a unit.
    pub(crate) fn figures(&self) -> Vec<(String, f64, &'static str)> {
        let mut figures = Vec::new();
        for records in Records::ALL {
            for kind in Kind::ALL {
                let Some((cpu, rate)) = self.of(kind, records) else {
                    continue;
                };
                let name = |what| format!("{}/{}/{what}", records.word(), kind.name());
                figures.extend([
                    (name("time"), cpu[0], "us/stanza"),
                    (name("median-time"), median(&cpu), "us/stanza"),
                    (name("rate"), rate, "stanzas/s"),
                ]);
            }
        }
        figures
    }

    /// The processor time of these runs, the least first, and the best rate.
    fn of(&self, kind: Kind, records: Records) -> Option<(Vec<f64>, f64)> {
        let runs = self.0.iter();
        let runs = runs.filter(|(of, with, _)| (*of, *with) == (kind, records));
        let (mut cpu, rates): (Vec<f64>, Vec<f64>) = runs
            .map(|(_, _, measured)| (measured.cpu, measured.rate))
            .unzip();
        cpu.sort_by(f64::total_cmp);
        let best = rates.into_iter().reduce(f64::max)?;
        Some((cpu, best))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for records in Records::ALL {
            writeln!(
                f,
                "{:<24}{:>10}{:>10}{:>10}{:>12}",
                records.name(),
                "us, least",
                "median",
                "to ours",
                "stanzas/s"
            )?;
            let ours = self.of(Kind::Echo, records).map(|(cpu, _)| median(&cpu));
            for kind in Kind::ALL {
                let Some((cpu, rate)) = self.of(kind, records) else {
                    continue;
                };
                let (least, median) = (cpu[0], median(&cpu));
                write!(f, "{:<24}{least:>10.1}{median:>10.1}", kind.name())?;
                match ours {
                    Some(ours) => write!(f, "{:>10.2}", median / ours)?,
                    None => write!(f, "{:>10}", "")?,
                }
                writeln!(f, "{rate:>12.0}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Of values in order, of which there is at least one.
fn median(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_servers_and_records_that_ran() {
        let mut table = Table::default();
        for (kind, records, milliseconds) in [
            (Kind::Prosody, Records::Short, 80),
            (Kind::Echo, Records::Full, 12),
            (Kind::Echo, Records::Full, 10),
        ] {
            let cpu = Duration::from_millis(milliseconds);
            table.add(kind, records, Measured::new(1_000, cpu, 2 * cpu));
        }
        let expected = [
            ("full/echo/time", 10.0, "us/stanza"),
            ("full/echo/median-time", 11.0, "us/stanza"),
            ("full/echo/rate", 50_000.0, "stanzas/s"),
            ("short/prosody/time", 80.0, "us/stanza"),
            ("short/prosody/median-time", 80.0, "us/stanza"),
            ("short/prosody/rate", 6_250.0, "stanzas/s"),
        ];
        let expected = expected.map(|(name, value, unit)| (name.to_owned(), value, unit));
        assert_eq!(table.figures(), expected);
    }
}
