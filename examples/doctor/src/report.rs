//! What a command has found, before it is written.

mod json;
mod people;

use comity_identity::{Finding, Severity};
use serde_json::{Map, Value};

use crate::options::{Format, Settings};
use crate::time::Time;

pub(crate) use people::Paint;

/// What a command has to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The command.
    pub(crate) task: &'static str,
    /// What it was asked about.
    pub(crate) subject: String,
    /// Worst first, once it is [complete](Self::complete).
    pub(crate) findings: Vec<Finding>,
    /// What else there is to say, for people.
    pub(crate) sections: Vec<Section>,
    /// The same for programs, as fields of the document.
    pub(crate) details: Map<String, Value>,
    /// How long the network took, if it was asked.
    pub(crate) time: Option<Time>,
    /// What people can pass on as it is.
    pub(crate) attachment: String,
}

/// Lines under a heading.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<String>,
    pub(crate) length: Length,
}

/// How much of a section is worth the room on a screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Length {
    /// The first lines, unless all is wanted.
    Brief,
    /// All, because it is what the command is for.
    Whole,
}

impl Report {
    pub(crate) fn new(task: &'static str, subject: String) -> Self {
        Self {
            task,
            subject,
            ..Self::default()
        }
    }

    /// Adds a section, unless it is empty.
    pub(crate) fn section(&mut self, heading: &'static str, length: Length, lines: Vec<String>) {
        if !lines.is_empty() {
            self.sections.push(Section {
                heading,
                lines,
                length,
            });
        }
    }

    /// Adds a field of the document.
    pub(crate) fn detail(&mut self, name: &str, value: Value) {
        self.details.insert(name.to_owned(), value);
    }

    /// The same with its findings in order and each of them once.
    pub(crate) fn complete(mut self) -> Self {
        self.findings.sort();
        self.findings.dedup();
        self
    }

    /// Whether there is nothing to mend.
    pub(crate) fn is_healthy(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.all(|finding| finding.severity == Severity::Note)
    }

    pub(crate) fn text(&self, settings: &Settings, paint: Paint) -> String {
        match settings.format {
            Format::People => people::page(self, settings.all, paint),
            Format::Json => json::document(self),
        }
    }

    fn count(&self, severity: Severity) -> usize {
        let alike = self.findings.iter();
        alike.filter(|one| one.severity == severity).count()
    }
}
