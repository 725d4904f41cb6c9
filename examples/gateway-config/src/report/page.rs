//! A report as people and programs read it.

use std::fmt;

use serde_json::{Map, Value, json};

use super::Report;
use super::certificates::{Certificate, Validity};
use super::ports::{Opening, Port};
use super::warnings::Warning;
use crate::ConfigErrors;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, "Warnings", &self.warnings)?;
        list(f, "\nTo publish in DNS", &self.publication.records)?;
        let inside = "\nTo tell our own XMPP servers alone";
        list(f, inside, &self.publication.inside)?;
        let elsewhere = "\nIn DNS, but leading to the domains' own servers";
        list(f, elsewhere, &self.publication.elsewhere)?;
        list(f, "\nPorts, here and as others see them", &self.ports)?;
        list(f, "\nFirewall, to let through", &self.openings)?;
        list(f, "\nCertificates", &self.certificates)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, items: &[impl fmt::Display]) -> fmt::Result {
    writeln!(f, "{title}:")?;
    if items.is_empty() {
        return writeln!(f, "  none");
    }
    items.iter().try_for_each(|item| writeln!(f, "  {item}"))
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.text),
            line => write!(f, "line {line}: {}", self.text),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            listen,
            advertised,
            purpose,
        } = self;
        write!(f, "{protocol} {listen} is {advertised}: {purpose}")?;
        if self.is_translated() {
            f.write_str("; the router translates the port")?;
        }
        Ok(())
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            from,
            to,
            purpose,
        } = self;
        write!(f, "{protocol} {from} -> {to}: {purpose}")
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, {} ({}): {}",
            self.line, self.key, self.file, self.validity
        )?;
        if self.problems.is_empty() {
            f.write_str("; it names all that it needs to")?;
        }
        for problem in &self.problems {
            write!(f, "\n    {problem}")?;
        }
        if !self.unneeded.is_empty() {
            write!(
                f,
                "\n    it names {}, which nothing here needs",
                self.unneeded.join(", ")
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { on } => write!(f, "expired on {on}: renew it"),
            Self::Ends { on, days } => write!(f, "expires on {on}, in {days} days: renew it"),
            Self::Valid { until } => write!(f, "valid until {until}"),
            Self::Unknown => f.write_str("nobody sees it"),
        }
    }
}

impl Report {
    /// The same as an object for programs, with the lists `errors` (which is empty), `warnings`,
    /// `publish`, `inside`, `elsewhere`, `ports`, `firewall` and `certificates`, and whether it `is_good`.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let warnings = self.warnings.iter();
        let warnings =
            warnings.map(|warning| json!({ "line": warning.line, "text": warning.text }));
        let ports = self.ports.iter().map(|port| {
            json!({
                "protocol": port.protocol,
                "listen": port.listen,
                "advertised": port.advertised,
                "purpose": port.purpose,
            })
        });
        let openings = self.openings.iter().map(|opening| {
            json!({
                "protocol": opening.protocol,
                "from": opening.from,
                "to": opening.to,
                "purpose": opening.purpose,
            })
        });
        let certificates = self.certificates.iter().map(|certificate| {
            json!({
                "line": certificate.line,
                "key": certificate.key,
                "file": certificate.file,
                "validity": certificate.validity.to_string(),
                "problems": certificate.problems,
                "fingerprint": certificate.fingerprint.as_ref().map(ToString::to_string),
                "unneeded": certificate.unneeded,
            })
        });
        object([
            ("is_good", self.is_good().into()),
            ("errors", Value::Array(Vec::new())),
            ("warnings", warnings.collect()),
            ("publish", self.publication.records.clone().into()),
            ("inside", self.publication.inside.clone().into()),
            ("elsewhere", self.publication.elsewhere.clone().into()),
            ("ports", ports.collect()),
            ("firewall", openings.collect()),
            ("certificates", certificates.collect()),
        ])
    }
}

impl ConfigErrors {
    /// The errors as an object for programs, with the list `errors`, and `is_good`, which is false.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let errors = self.errors().iter().map(|error| {
            json!({
                "line": error.line,
                "key": error.key,
                "text": error.problem.to_string(),
            })
        });
        object([("is_good", false.into()), ("errors", errors.collect())])
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let members = members.into_iter();
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
