//! How our cost grows with the message.

use std::error::Error;
use std::fmt::Write;

use crate::cost::instructions;
use crate::parsers::{Measure, OURS_WITHOUT_LIMITS};
use crate::traffic::Traffic;

/// Prints the instructions per byte of each series, size by size.
pub(crate) fn print() -> Result<(), Box<dyn Error>> {
    print!("{:<18}", "instructions/byte");
    for bytes in SIZES {
        print!(" {bytes:>7}");
    }
    println!();
    for series in &SERIES {
        for measure in Measure::ALL {
            print!("{:<18}", format!("{} {}", series.name, measure.name()));
            for bytes in SIZES {
                print!(" {:>7.2}", series.per_byte(bytes, measure)?);
            }
            println!();
        }
    }
    Ok(())
}

/// Compares the largest message of each series with its smallest; true if all are within the bound.
pub(crate) fn check() -> Result<bool, Box<dyn Error>> {
    let [smallest, .., largest] = SIZES;
    let mut within = true;
    for series in &SERIES {
        for measure in Measure::ALL {
            let growth = series.per_byte(largest, measure)? / series.per_byte(smallest, measure)?;
            let (series, measure) = (series.name, measure.name());
            println!(
                "{series} {measure}: {growth:.2} times the cost per byte, at most {MAX_GROWTH}"
            );
            within &= growth <= MAX_GROWTH;
        }
    }
    Ok(within)
}

/// The traffic of the name `growth/SERIES/BYTES/MEASURE`.
pub(crate) fn named(subject: &str) -> Option<Traffic> {
    let mut parts = subject.strip_prefix("growth/")?.split('/');
    let name = parts.next()?;
    let series = SERIES.iter().find(|series| series.name == name)?;
    let message = series.message(parts.next()?.parse().ok()?);
    let read = OURS_WITHOUT_LIMITS.read(Measure::named(parts.next()?)?);
    Some(Traffic::of_one(message.into_bytes(), read))
}

/// Messages that differ in one thing, of which there is the more the longer they are.
struct Series {
    name: &'static str,
    /// What comes before the first of the things.
    start: &'static str,
    /// Writes the thing of that number.
    unit: fn(&mut String, usize),
    end: &'static str,
}

impl Series {
    /// What a byte costs in a message of that size.
    fn per_byte(&self, bytes: usize, measure: Measure) -> Result<f64, Box<dyn Error>> {
        let subject = format!("growth/{}/{bytes}/{}", self.name, measure.name());
        Ok(instructions(&subject)? as f64 / self.message(bytes).len() as f64)
    }

    /// A message of about that size, nearly all of it head.
    fn message(&self, bytes: usize) -> String {
        let mut message = format!("{HEAD}{}", self.start);
        let rest = self.end.len() + END.len();
        for number in 0.. {
            let before = message.len();
            (self.unit)(&mut message, number);
            if message.len() + rest > bytes {
                message.truncate(before);
                break;
            }
        }
        message + self.end + END
    }
}

/// Every way in which a peer can make a message long.
const SERIES: [Series; 6] = [
    Series {
        name: "lines",
        start: "",
        unit: |message, _| message.push_str("X-Note: one of many lines that nobody reads\r\n"),
        end: "",
    },
    Series {
        name: "value",
        start: "Contact: \"",
        unit: |message, _| message.push_str("a long name "),
        end: "\" <sip:alice@192.0.2.1:5061>\r\n",
    },
    Series {
        name: "parameters",
        start: "Contact: <sip:alice@192.0.2.1:5061>",
        unit: |message, number| write!(message, ";p{number}=v").expect("memory"),
        end: "\r\n",
    },
    Series {
        name: "via-values",
        start: "Via: SIP/2.0/TLS 192.0.2.2",
        unit: |message, _| message.push_str(", SIP/2.0/TLS p.example.net:5061;branch=z9hG4bK7a"),
        end: "\r\n",
    },
    Series {
        name: "via-lines",
        start: "",
        unit: |message, _| {
            message.push_str("Via: SIP/2.0/TLS p.example.net:5061;branch=z9hG4bK7a\r\n");
        },
        end: "",
    },
    Series {
        name: "folds",
        start: "Route: <sip:p.example.net;lr>",
        unit: |message, _| message.push_str(",\r\n <sip:p.example.net:5061;lr>"),
        end: "\r\n",
    },
];

const HEAD: &str = "MESSAGE sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK776asdhds\r\n\
    Max-Forwards: 70\r\n\
    From: <sip:alice@example.net>;tag=1928301774\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: a84b4c76e66710\r\n\
    CSeq: 7 MESSAGE\r\n";
const END: &str = "Content-Length: 0\r\n\r\n";

const SIZES: [usize; 7] = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

/// The cost of a byte in the largest message by that in the smallest. A message is read in linear
/// time, and what a short one costs once is less for each byte of a long one.
const MAX_GROWTH: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_long_as_they_are_named() {
        for series in &SERIES {
            for bytes in SIZES {
                let len = series.message(bytes).len();
                assert!((bytes - 60..=bytes).contains(&len), "{} {len}", series.name);
            }
        }
    }

    #[test]
    fn we_read_every_value_whatever_its_number() {
        for series in &SERIES {
            for bytes in SIZES {
                let message = series.message(bytes);
                let marks = ["SIP/2.0/TLS", "Contact:", ";lr>"];
                let values = marks.map(|mark| message.matches(mark).count());
                let seen = OURS_WITHOUT_LIMITS.read(Measure::Full)(&message.into());
                let seen = seen.map(|seen| seen.values);
                assert_eq!(seen, Some(values.iter().sum()), "{} {bytes}", series.name);
            }
        }
    }
}
