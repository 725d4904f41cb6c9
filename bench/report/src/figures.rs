//! What was measured, and where.

use std::collections::BTreeMap;
use std::fmt;

/// Figures by their names, and the machine and versions that they are about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    surroundings: BTreeMap<String, String>,
    figures: BTreeMap<String, Figure>,
}

#[derive(Clone, Debug, PartialEq)]
struct Figure {
    value: f64,
    unit: String,
}

impl Figures {
    /// Reads what [`fmt::Display`] has written; an error is the line that is neither.
    pub(crate) fn parse(text: &str) -> Result<Self, &str> {
        let mut parsed = Self::default();
        for line in text.lines() {
            if let Some((name, what)) = line.split_once(": ") {
                parsed.surroundings.insert(name.into(), what.into());
            } else {
                let (name, figure) = figure(line).ok_or(line)?;
                parsed.figures.insert(name.into(), figure);
            }
        }
        Ok(parsed)
    }

    /// Says where figures are from; what nobody has asked about stays as it was.
    ///
    /// # Errors
    ///
    /// There are figures from elsewhere.
    pub(crate) fn add_surroundings(
        &mut self,
        found: BTreeMap<String, String>,
    ) -> Result<(), String> {
        for (name, what) in &found {
            let kept = self.surroundings.get(name).unwrap_or(what);
            if kept != what {
                return Err(format!(
                    "the figures that are kept are of {name} {kept}, not of {what}"
                ));
            }
        }
        self.surroundings.extend(found);
        Ok(())
    }

    /// Takes the lines that a bench has printed in place of those that it printed before.
    pub(crate) fn replace(&mut self, bench: &str, lines: &str) -> Result<(), String> {
        self.figures.retain(|name, _| !is_of(name, bench));
        for line in lines.lines() {
            let (name, figure) =
                figure(line).ok_or_else(|| format!("{bench}: {line:?} is no figure"))?;
            self.figures.insert(format!("{bench}/{name}"), figure);
        }
        Ok(())
    }

    /// The value of that name.
    pub(crate) fn value(&self, name: &str) -> Result<f64, String> {
        let figure = self.figures.get(name);
        let figure = figure.ok_or_else(|| format!("no figure has the name {name}"))?;
        Ok(figure.value)
    }

    /// Whether a bench has measured anything.
    pub(crate) fn has(&self, bench: &str) -> bool {
        self.figures.keys().any(|name| is_of(name, bench))
    }

    pub(crate) fn surroundings(&self) -> impl Iterator<Item = (&str, &str)> {
        let surroundings = self.surroundings.iter();
        surroundings.map(|(name, what)| (name.as_str(), what.as_str()))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, what) in &self.surroundings {
            writeln!(f, "{name}: {what}")?;
        }
        for (name, Figure { value, unit }) in &self.figures {
            writeln!(f, "{name} {value} {unit}")?;
        }
        Ok(())
    }
}

fn is_of(name: &str, bench: &str) -> bool {
    name.split('/').next() == Some(bench)
}

/// A name, a value and a unit, without spaces in them.
fn figure(line: &str) -> Option<(&str, Figure)> {
    let mut words = line.split(' ');
    let (name, value) = (words.next()?, words.next()?.parse().ok()?);
    let unit = words.next()?.to_owned();
    words
        .next()
        .is_none()
        .then_some((name, Figure { value, unit }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "kernel: Linux 6.1\nsrv/order 7.5 ns\nxml/order 1 bytes\n";

    #[test]
    fn what_is_written_is_read_again() {
        let figures = Figures::parse(TEXT).unwrap();
        assert_eq!(figures.to_string(), TEXT);
        assert_eq!(figures.value("srv/order"), Ok(7.5));
        assert_eq!(
            figures.value("srv/other"),
            Err("no figure has the name srv/other".to_owned())
        );
    }

    #[test]
    fn lines_that_are_no_figures_are_told() {
        for line in ["srv/order", "srv/order 7.5", "srv/order x ns", "a 1 b c"] {
            assert_eq!(Figures::parse(line), Err(line));
        }
    }

    #[test]
    fn bench_replaces_its_own_figures_alone() {
        let mut figures = Figures::parse(TEXT).unwrap();
        figures.replace("srv", "parse 2 ns\n").unwrap();
        let expected = "kernel: Linux 6.1\nsrv/parse 2 ns\nxml/order 1 bytes\n";
        assert_eq!(figures.to_string(), expected);
        assert!(figures.has("xml") && !figures.has("xm"));
        let error = figures.replace("srv", "nonsense");
        assert_eq!(error, Err("srv: \"nonsense\" is no figure".to_owned()));
    }

    #[test]
    fn figures_of_another_machine_are_not_mixed_in() {
        let mut figures = Figures::parse(TEXT).unwrap();
        let found = |name: &str, what: &str| BTreeMap::from([(name.into(), what.into())]);
        let same = found("kernel", "Linux 6.1");
        assert_eq!(figures.add_surroundings(same), Ok(()));
        let error = "the figures that are kept are of kernel Linux 6.1, not of Linux 6.2";
        let other = found("kernel", "Linux 6.2");
        assert_eq!(figures.add_surroundings(other), Err(error.into()));
        let more = found("Prosody", "0.12");
        assert_eq!(figures.add_surroundings(more), Ok(()));
        assert_eq!(figures.to_string(), format!("Prosody: 0.12\n{TEXT}"));
    }
}
