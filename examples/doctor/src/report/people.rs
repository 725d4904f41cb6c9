use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use comity_identity::{Finding, Severity, one_line};

use super::{Length, Report, Section};
use crate::time::Time;

/// Whether a page has colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Paint {
    Colours,
    Plain,
}

impl Paint {
    /// Colours for a terminal, unless `NO_COLOR` is set to something.
    pub(crate) fn for_stdout() -> Self {
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match io::stdout().is_terminal() && !is_refused {
            true => Self::Colours,
            false => Self::Plain,
        }
    }

    fn mark(self, severity: Severity) -> String {
        let mark = format!("{severity:7}", severity = severity.to_string());
        let colour = match severity {
            Severity::Error => "31;1",
            Severity::Warning => "33",
            Severity::Note => "36",
        };
        match self {
            Self::Colours => format!("\x1b[{colour}m{mark}\x1b[0m"),
            Self::Plain => mark,
        }
    }
}

pub(super) fn page(report: &Report, all: bool, paint: Paint) -> String {
    let mut text = format!("{}: {}\n", report.subject, verdict(report));
    let mut left = report.findings.len();
    let alike = report.findings.chunk_by(are_alike);
    for findings in alike.take(if all { usize::MAX } else { MAX_ENTRIES }) {
        let most = if all { usize::MAX } else { MAX_ALIKE };
        text += &format!("\n{}", entry(findings, most, paint));
        left -= findings.len();
    }
    text += &rest(left);
    for section in &report.sections {
        text += &lines(section, all);
    }
    if let Some(time) = &report.time {
        text += &format!("\n{}\n", timing(time));
    }
    if !report.attachment.is_empty() {
        text += &format!("\n{}", report.attachment);
    }
    text
}

fn verdict(report: &Report) -> String {
    let counts = [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| (report.count(severity), severity));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, severity)| match count {
        1 => format!("1 {severity}"),
        _ => format!("{count} {severity}s"),
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    match (report.is_healthy(), counts.is_empty()) {
        (true, true) => "nothing is wrong".to_owned(),
        (true, false) => format!("nothing is wrong ({counts})"),
        (false, _) => counts,
    }
}

/// Whether the same is to be said of both.
fn are_alike(one: &Finding, next: &Finding) -> bool {
    (one.id, one.severity) == (next.id, next.severity)
        && (&one.means, &one.remedy) == (&next.means, &next.remedy)
}

/// What was seen, as far as there is room, and what is to be said of all of it.
fn entry(findings: &[Finding], most: usize, paint: Paint) -> String {
    let mut text = String::new();
    let Some(first) = findings.first() else {
        return text;
    };
    for (index, finding) in findings.iter().take(most).enumerate() {
        let Finding { subject, seen, .. } = finding;
        let seen = if seen.is_empty() { first.id } else { seen };
        let line = wrapped(&format!("{subject}: {seen}"), INDENT);
        text += &match index {
            0 => format!("{} {}", paint.mark(first.severity), line.trim_start()),
            _ => line,
        };
    }
    let unseen = findings.len().saturating_sub(most);
    if unseen > 0 {
        text += &wrapped(
            &format!("and {unseen} more alike: --all shows them"),
            INDENT,
        );
    }
    let Finding {
        id,
        means,
        remedy,
        source,
        ..
    } = first;
    text += &wrapped(means, INDENT);
    if !remedy.is_empty() {
        text += &wrapped(&format!("to do: {remedy}"), INDENT);
    }
    text + &wrapped(&format!("[{id}, {source}]"), INDENT)
}

fn rest(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "\n1 more finding: --all shows it\n".to_owned(),
        _ => format!("\n{count} more findings: --all shows them\n"),
    }
}

fn lines(section: &Section, all: bool) -> String {
    let Section {
        heading,
        lines,
        length,
    } = section;
    let shown = match (length, all) {
        (Length::Brief, false) => MAX_LINES,
        (Length::Brief, true) | (Length::Whole, _) => usize::MAX,
    };
    let mut text = format!("\n{heading}:\n");
    for line in lines.iter().take(shown) {
        // A peer may have said some of it.
        text += &format!("  {}\n", one_line(line.clone().into()));
    }
    match lines.len().saturating_sub(shown) {
        0 => text,
        more => text + &format!("  and {more} more: --all shows them\n"),
    }
}

fn timing(time: &Time) -> String {
    let (total, own) = (time.total.as_millis(), time.own.as_millis());
    format!("It took {total} ms, of which {own} ms were not spent waiting for the network.")
}

/// Breaks a text between words into lines that are indented, so that they fit on a terminal.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && indent + width + 1 + length > WIDTH {
            lines.push('\n');
            width = 0;
        }
        // A string takes whatever is written.
        let _ = match width {
            0 => write!(lines, "{:indent$}{word}", ""),
            _ => write!(lines, " {word}"),
        };
        width += length + usize::from(width > 0);
    }
    lines.push('\n');
    lines
}

/// Of a page of 40 lines these leave room for what was found.
const MAX_ENTRIES: usize = 5;
const MAX_ALIKE: usize = 3;
const MAX_LINES: usize = 10;
const INDENT: usize = 8;
const WIDTH: usize = 100;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comity_identity::Diagnosis;

    use super::*;

    static BROKEN: Diagnosis = Diagnosis {
        id: "broken",
        severity: Severity::Error,
        means: "peers cannot reach it",
        remedy: "mend it",
        source: "RFC 1 §2",
    };

    fn report(count: usize) -> Report {
        let mut report = Report::new("check", "b.example".to_owned());
        for index in 0..count {
            let subject = format!("host{index}.b.example");
            let finding = Finding::new(&BROKEN, subject, "it is broken");
            report
                .findings
                .push(finding.with_remedy(format!("mend {index}")));
        }
        report.section(
            "Servers",
            Length::Brief,
            vec!["192.0.2.1:5269".to_owned(); 12],
        );
        report.complete()
    }

    #[test]
    fn a_page_begins_with_the_worst_and_fits_on_a_screen() {
        let text = page(&report(9), false, Paint::Plain);
        assert!(text.starts_with(
            "b.example: 9 errors\n\
             \nerror   host0.b.example: it is broken\n        peers cannot reach it\n        \
             to do: mend 0\n        [broken, RFC 1 §2]\n"
        ));
        assert!(text.contains("\n4 more findings: --all shows them\n"));
        assert!(text.ends_with("  192.0.2.1:5269\n  and 2 more: --all shows them\n"));
        assert_eq!(text.lines().count(), 41);
        assert_eq!(
            page(&report(9), true, Paint::Plain)
                .matches("it is broken")
                .count(),
            9
        );
    }

    #[test]
    fn what_is_alike_is_said_once() {
        let mut alike = Report::new("check", "b.example".to_owned());
        for host in ["v", "w", "x", "y", "z"] {
            let finding = Finding::new(&BROKEN, format!("{host}.b.example"), "it is broken");
            alike.findings.push(finding);
        }
        assert_eq!(
            page(&alike, false, Paint::Plain),
            "b.example: 5 errors\n\
             \nerror   v.b.example: it is broken\n        w.b.example: it is broken\n        \
             x.b.example: it is broken\n        and 2 more alike: --all shows them\n        \
             peers cannot reach it\n        to do: mend it\n        [broken, RFC 1 §2]\n"
        );
        assert!(page(&alike, true, Paint::Plain).contains("        z.b.example: it is broken\n"));
    }

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        let painted = page(&report(1), false, Paint::Colours);
        assert!(painted.contains("\n\x1b[31;1merror  \x1b[0m host0.b.example"));
        assert!(!page(&report(1), false, Paint::Plain).contains('\x1b'));
    }

    #[test]
    fn a_terminal_obeys_no_peer() {
        let mut odd = report(0);
        let said = "closed by the peer: \x1b[2Jbye\nnothing is wrong".to_owned();
        odd.section("Servers", Length::Brief, vec![said]);
        let text = page(&odd, false, Paint::Plain);
        assert!(text.ends_with("  closed by the peer:  [2Jbye nothing is wrong\n"));
    }

    #[test]
    fn a_healthy_page_says_so() {
        assert!(page(&report(0), false, Paint::Plain).starts_with("b.example: nothing is wrong\n"));
        let mut noted = report(0);
        let note = Finding::new(&BROKEN, "b.example", "").with_severity(Severity::Note);
        noted.findings.push(note);
        let text = page(&noted, false, Paint::Plain);
        assert!(text.starts_with("b.example: nothing is wrong (1 note)\n"));
    }

    #[test]
    fn the_time_that_was_not_waited_is_told() {
        let mut timed = report(0);
        timed.time = Some(Time {
            total: Duration::from_millis(250),
            own: Duration::from_millis(20),
            waits: Vec::new(),
        });
        let text = page(&timed, false, Paint::Plain);
        let told = "\nIt took 250 ms, of which 20 ms were not spent waiting for the network.\n";
        assert!(text.ends_with(told));
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let text = wrapped(&"word ".repeat(40), 8);
        assert!(
            text.lines()
                .all(|line| line.len() <= WIDTH && line.starts_with("        word"))
        );
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
