use std::fmt;
use std::time::Duration;

use crate::load::Transport;
use crate::process::Usage;
use crate::servers::Kind;

/// What one run has cost.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    requests: u32,
    /// Microseconds of processor time for each request.
    cpu: f64,
    /// Bytes for each request by which the memory of the server grew.
    memory: f64,
    /// Requests in a second by the clock on the wall.
    rate: f64,
    /// How often a request was sent again.
    repeated: usize,
}

impl Measured {
    pub(crate) fn new(
        requests: u32,
        before: Usage,
        after: Usage,
        wall: Duration,
        repeated: usize,
    ) -> Self {
        let number = f64::from(requests);
        Self {
            requests,
            cpu: after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / number,
            memory: (after.memory as f64 - before.memory as f64) / number,
            rate: number / wall.as_secs_f64(),
            repeated,
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu, memory, rate, ..
        } = self;
        write!(f, "{cpu:.1} us, {memory:.0} bytes, {rate:.0}/s")?;
        if self.repeated > 0 {
            write!(f, ", {} sent again", self.repeated)?;
        }
        Ok(())
    }
}

/// All runs.
#[derive(Default)]
pub(crate) struct Table(Vec<(Kind, Transport, Measured)>);

impl Table {
    pub(crate) fn add(&mut self, kind: Kind, transport: Transport, measured: Measured) {
        self.0.push((kind, transport, measured));
    }

    /// Whether we keep what we promise beside Kamailio.
    pub(crate) fn check(&self) -> Result<(), String> {
        for transport in Transport::ALL {
            for (other, least) in MIN_RATIOS {
                let (over, name) = (transport.name(), other.name());
                let ratio = self.ratio(Kind::Comity, other, transport);
                let ratio =
                    ratio.ok_or_else(|| format!("no {name} to compare with over {over}"))?;
                if ratio < least {
                    return Err(format!(
                        "over {over} {ratio:.2} times the requests of {name}, to be {least} at least"
                    ));
                }
            }
        }
        let bytes = self.row(Kind::Comity, Transport::Udp).map(|row| row.memory);
        match bytes {
            Some(bytes) if bytes > MAX_BYTES => Err(format!(
                "a transaction takes {bytes:.0} bytes, to be {MAX_BYTES} at most"
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn row(&self, kind: Kind, transport: Transport) -> Option<Row> {
        let cpu = self.sorted(kind, transport, |run| run.cpu);
        let memory = self.sorted(kind, transport, |run| run.memory);
        Some(Row {
            requests: self.runs(kind, transport).next()?.requests,
            least: *cpu.first()?,
            median: median(&cpu)?,
            ratios: MIN_RATIOS.map(|(other, _)| self.ratio(kind, other, transport)),
            memory: median(&memory)?,
            repeated: self.runs(kind, transport).map(|run| run.repeated).sum(),
        })
    }

    /// How many requests a server answers in the time that another takes for one, each in its best
    /// run, which others on the machine have disturbed least.
    fn ratio(&self, kind: Kind, other: Kind, transport: Transport) -> Option<f64> {
        let [ours, theirs] = [kind, other].map(|kind| {
            let cpu = self.sorted(kind, transport, |run| run.cpu);
            cpu.first().copied()
        });
        Some(theirs? / ours?)
    }

    /// A figure of all runs, the least first.
    fn sorted(&self, kind: Kind, transport: Transport, of: fn(&Measured) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.runs(kind, transport).map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn runs(&self, kind: Kind, transport: Transport) -> impl Iterator<Item = &Measured> {
        let runs = self.0.iter();
        runs.filter(move |(of, over, _)| (*of, *over) == (kind, transport))
            .map(|(_, _, measured)| measured)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12}{:<5}{:>9}{:>11}{:>8}{:>8}{:>13}{:>8}{:>12}{:>12}",
            "server",
            "over",
            "requests",
            "per CPU s",
            "us",
            "median",
            "to kamailio",
            "to -fm",
            "bytes live",
            "sent again"
        )?;
        for transport in Transport::ALL {
            for kind in Kind::ALL {
                if let Some(row) = self.row(kind, transport) {
                    write!(f, "{:<12}{:<5}", kind.name(), transport.name())?;
                    row.write(f, transport)?;
                }
            }
        }
        Ok(())
    }
}

struct Row {
    requests: u32,
    /// Microseconds for a request.
    least: f64,
    median: f64,
    /// Beside the servers of `MIN_RATIOS`.
    ratios: [Option<f64>; 2],
    /// Bytes for a request, in the median.
    memory: f64,
    /// In all runs.
    repeated: usize,
}

impl Row {
    fn write(&self, f: &mut fmt::Formatter<'_>, transport: Transport) -> fmt::Result {
        let rate = 1e6 / self.least;
        let [to_kamailio, to_fm] = self
            .ratios
            .map(|ratio| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
        // Over TCP nobody needs to keep transactions that are answered.
        let memory = match transport {
            Transport::Udp => format!("{:.0}", self.memory),
            Transport::Tcp => String::new(),
        };
        writeln!(
            f,
            "{:>9}{rate:>11.0}{:>8.1}{:>8.1}{to_kamailio:>13}{to_fm:>8}{memory:>12}{:>12}",
            self.requests, self.least, self.median, self.repeated
        )
    }
}

/// Of values in order.
fn median(values: &[f64]) -> Option<f64> {
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// How many times the requests of others we answer at least with a second of processor time: 80,000,
/// where they answer 22,000 and 49,000 at most.
const MIN_RATIOS: [(Kind, f64); 2] = [(Kind::Kamailio, 3.5), (Kind::KamailioFm, 1.6)];
/// Of a transaction that lives.
const MAX_BYTES: f64 = 1_024.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(milliseconds: u64, memory: u64) -> Usage {
        Usage {
            cpu: Duration::from_millis(milliseconds),
            memory,
        }
    }

    /// A run of 1,000 requests.
    fn measured(milliseconds: u64, bytes: u64) -> Measured {
        let (before, after) = (usage(5, 7), usage(5 + milliseconds, 7 + 1_000 * bytes));
        Measured::new(1_000, before, after, Duration::from_millis(500), 0)
    }

    fn table(runs: &[(Kind, Transport, u64, u64)]) -> Table {
        let mut table = Table::default();
        for &(kind, transport, milliseconds, bytes) in runs {
            table.add(kind, transport, measured(milliseconds, bytes));
        }
        table
    }

    #[test]
    fn run_is_what_it_added_divided_by_its_requests() {
        assert_eq!(measured(10, 300).to_string(), "10.0 us, 300 bytes, 2000/s");
    }

    #[test]
    fn median_lies_in_the_middle() {
        for (values, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[1.0, 2.0], Some(1.5)),
            (&[1.0, 2.0, 9.0], Some(2.0)),
        ] {
            assert_eq!(median(values), expected);
        }
    }

    #[test]
    fn check_wants_the_ratio_over_both_transports_and_small_transactions() {
        use Kind::{Comity, Kamailio, KamailioFm};
        use Transport::{Tcp, Udp};

        let others = [
            (Kamailio, Udp, 35, 4_000),
            (KamailioFm, Udp, 16, 4_000),
            (Kamailio, Tcp, 70, 4_000),
            (KamailioFm, Tcp, 31, 4_000),
        ];
        for (ours, expected) in [
            (
                &[(Comity, Udp, 10, 1_024), (Comity, Tcp, 19, 9_999)][..],
                Ok(()),
            ),
            (
                &[(Comity, Udp, 10, 1_025), (Comity, Tcp, 19, 0)],
                Err("a transaction takes 1025 bytes, to be 1024 at most"),
            ),
            (
                &[(Comity, Udp, 10, 0), (Comity, Tcp, 28, 0)],
                Err("over tcp 2.50 times the requests of kamailio, to be 3.5 at least"),
            ),
            (
                &[(Comity, Udp, 10, 0), (Comity, Tcp, 20, 0)],
                Err("over tcp 1.55 times the requests of kamailio-fm, to be 1.6 at least"),
            ),
            (
                &[(Comity, Udp, 10, 0)],
                Err("no kamailio to compare with over tcp"),
            ),
        ] {
            let table = table(&[&others[..], ours].concat());
            assert_eq!(table.check(), expected.map_err(str::to_owned));
        }
        let alone = table(&[(Comity, Udp, 10, 0)]);
        let missing = "no kamailio to compare with over udp".to_owned();
        assert_eq!(alone.check(), Err(missing));
    }

    #[test]
    fn table_has_a_line_for_each_server_and_transport_that_ran() {
        let table = table(&[
            (Kind::Comity, Transport::Udp, 12, 300),
            (Kind::Comity, Transport::Udp, 10, 300),
            (Kind::Kamailio, Transport::Udp, 44, 4_000),
            (Kind::KamailioFm, Transport::Tcp, 50, 4_000),
        ]);
        let table = table.to_string();
        let rows: Vec<Vec<&str>> = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect())
            .collect();
        let expected = [
            &[
                "comity", "udp", "1000", "100000", "10.0", "11.0", "4.40", "300", "0",
            ][..],
            &[
                "kamailio", "udp", "1000", "22727", "44.0", "44.0", "1.00", "4000", "0",
            ],
            &[
                "kamailio-fm",
                "tcp",
                "1000",
                "20000",
                "50.0",
                "50.0",
                "1.00",
                "0",
            ],
        ];
        assert_eq!(rows, expected);
    }
}
