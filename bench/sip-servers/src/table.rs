use std::fmt;
use std::time::Duration;

use crate::load::Transport;
use crate::servers::Kind;

/// What one run has cost.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) requests: u32,
    /// Processor time.
    pub(crate) cpu: Duration,
    /// Time by the clock on the wall.
    pub(crate) wall: Duration,
    /// Bytes by which the memory of the server grew, if all transactions lived at the end.
    pub(crate) grown: Option<u64>,
    /// How often a request was sent again.
    pub(crate) repeated: usize,
}

impl Measured {
    /// Microseconds of processor time for a request.
    fn microseconds(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / f64::from(self.requests)
    }

    /// Bytes for a transaction.
    fn bytes(&self) -> Option<f64> {
        Some(self.grown? as f64 / f64::from(self.requests))
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = f64::from(self.requests) / self.wall.as_secs_f64();
        write!(f, "{:.1} us, {rate:.0}/s", self.microseconds())?;
        if let Some(bytes) = self.bytes() {
            write!(f, ", {bytes:.0} bytes")?;
        }
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
        let bytes = self.sorted(Kind::Comity, Transport::Udp, Measured::bytes);
        match median(&bytes) {
            Some(bytes) if bytes > MAX_BYTES => Err(format!(
                "a transaction takes {bytes:.0} bytes, to be {MAX_BYTES} at most"
            )),
            Some(_) => Ok(()),
            None => Err(ENDED.to_owned()),
        }
    }

    /// What the table has, each figure with a name and a unit. Bytes are those over UDP, where the
    /// transactions of all servers live for the same time.
    pub(crate) fn figures(&self) -> Result<Vec<(String, f64, &'static str)>, String> {
        let mut figures = Vec::new();
        for transport in Transport::ALL {
            for kind in Kind::ALL {
                let Some(row) = self.row(kind, transport) else {
                    continue;
                };
                let (over, server) = (transport.name(), kind.name());
                let name = |what| format!("{over}/{server}/{what}");
                figures.push((name("time"), row.least, "us/request"));
                figures.push((name("median-time"), row.median, "us/request"));
                if transport == Transport::Udp && kind != Kind::Floor {
                    let bytes = row.bytes.ok_or_else(|| format!("{server}: {ENDED}"))?;
                    figures.push((name("bytes"), bytes, "bytes/transaction"));
                }
            }
        }
        Ok(figures)
    }

    fn row(&self, kind: Kind, transport: Transport) -> Option<Row> {
        let cpu = self.cpu(kind, transport);
        Some(Row {
            requests: self.runs(kind, transport).next()?.requests,
            least: *cpu.first()?,
            median: median(&cpu)?,
            ratios: MIN_RATIOS.map(|(other, _)| self.ratio(kind, other, transport)),
            bytes: median(&self.sorted(kind, transport, Measured::bytes)),
            repeated: self.runs(kind, transport).map(|run| run.repeated).sum(),
        })
    }

    /// How many requests a server answers in the time that another takes for one, each in its best
    /// run, which others on the machine have disturbed least.
    fn ratio(&self, kind: Kind, other: Kind, transport: Transport) -> Option<f64> {
        let [ours, theirs] = [kind, other].map(|kind| self.cpu(kind, transport));
        Some(theirs.first()? / ours.first()?)
    }

    /// Microseconds for a request, the least first.
    fn cpu(&self, kind: Kind, transport: Transport) -> Vec<f64> {
        self.sorted(kind, transport, |run| Some(run.microseconds()))
    }

    /// A figure of all runs that have it, the least first.
    fn sorted(
        &self,
        kind: Kind,
        transport: Transport,
        of: fn(&Measured) -> Option<f64>,
    ) -> Vec<f64> {
        let mut values: Vec<f64> = self.runs(kind, transport).filter_map(of).collect();
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
                    row.write(f)?;
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
    /// Bytes for a transaction, in the median.
    bytes: Option<f64>,
    /// In all runs.
    repeated: usize,
}

impl Row {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = 1e6 / self.least;
        let [to_kamailio, to_fm] = self
            .ratios
            .map(|ratio| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
        let bytes = self
            .bytes
            .map_or_else(String::new, |bytes| format!("{bytes:.0}"));
        writeln!(
            f,
            "{:>9}{rate:>11.0}{:>8.1}{:>8.1}{to_kamailio:>13}{to_fm:>8}{bytes:>12}{:>12}",
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
const ENDED: &str = "the first transactions ended before the last began";
/// Of a transaction that lives.
const MAX_BYTES: f64 = 1_024.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of 1,000 requests, whose transactions did not all live if they took no bytes.
    fn measured(milliseconds: u64, bytes: u64) -> Measured {
        Measured {
            requests: 1_000,
            cpu: Duration::from_millis(milliseconds),
            wall: Duration::from_millis(500),
            grown: (bytes > 0).then_some(1_000 * bytes),
            repeated: 0,
        }
    }

    fn table(runs: &[(Kind, Transport, u64, u64)]) -> Table {
        let mut table = Table::default();
        for &(kind, transport, milliseconds, bytes) in runs {
            table.add(kind, transport, measured(milliseconds, bytes));
        }
        table
    }

    #[test]
    fn run_is_told_by_what_a_request_took() {
        assert_eq!(measured(10, 300).to_string(), "10.0 us, 2000/s, 300 bytes");
        assert_eq!(measured(10, 0).to_string(), "10.0 us, 2000/s");
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
                &[(Comity, Udp, 10, 0), (Comity, Tcp, 19, 0)],
                Err("the first transactions ended before the last began"),
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
    fn figures_have_bytes_over_udp() {
        let runs = [
            (Kind::Comity, Transport::Udp, 12, 300),
            (Kind::Comity, Transport::Udp, 10, 300),
            (Kind::Floor, Transport::Udp, 5, 0),
            (Kind::Kamailio, Transport::Tcp, 44, 4_000),
        ];
        let expected = [
            ("udp/comity/time", 10.0, "us/request"),
            ("udp/comity/median-time", 11.0, "us/request"),
            ("udp/comity/bytes", 300.0, "bytes/transaction"),
            ("udp/floor/time", 5.0, "us/request"),
            ("udp/floor/median-time", 5.0, "us/request"),
            ("tcp/kamailio/time", 44.0, "us/request"),
            ("tcp/kamailio/median-time", 44.0, "us/request"),
        ];
        let expected = expected.map(|(name, value, unit)| (name.to_owned(), value, unit));
        assert_eq!(table(&runs).figures(), Ok(expected.to_vec()));
        let slow = table(&[(Kind::Kamailio, Transport::Udp, 44, 0)]);
        let error = "kamailio: the first transactions ended before the last began";
        assert_eq!(slow.figures(), Err(error.to_owned()));
    }

    #[test]
    fn table_has_a_line_for_each_server_and_transport_that_ran() {
        let table = table(&[
            (Kind::Comity, Transport::Udp, 12, 300),
            (Kind::Comity, Transport::Udp, 10, 300),
            (Kind::Kamailio, Transport::Udp, 44, 4_000),
            (Kind::KamailioFm, Transport::Tcp, 50, 0),
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
