use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

/// Something that keeps two domains from federating, or may.
///
/// Its `Display` is one line; findings sort worst first.
///
/// ```
/// use comity_identity::{Diagnosis, Finding, Severity};
///
/// static MISSING: Diagnosis = Diagnosis {
///     id: "srv-missing",
///     severity: Severity::Error,
///     means: "others cannot find the domain",
///     remedy: "publish an SRV record",
///     source: "RFC 6120 §3.2.1",
/// };
/// let finding = Finding::new(&MISSING, "_xmpp-server._tcp.b.example", "no SRV record")
///     .with_remedy("publish _xmpp-server._tcp.b.example. SRV 0 0 5269 xmpp.b.example.");
/// assert_eq!(
///     finding.to_string(),
///     "error: _xmpp-server._tcp.b.example: no SRV record: others cannot find the domain; remedy: \
///      publish _xmpp-server._tcp.b.example. SRV 0 0 5269 xmpp.b.example. [srv-missing, \
///      RFC 6120 §3.2.1]"
/// );
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// A word for programs, which stays when the texts change.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The host, record or port that it is about.
    pub subject: Cow<'static, str>,
    /// What was observed, in a peer's own words perhaps.
    pub seen: Cow<'static, str>,
    /// What follows from it.
    pub means: Cow<'static, str>,
    /// What to do; empty if nothing has to be done.
    pub remedy: Cow<'static, str>,
    /// Where the rule is written.
    pub source: &'static str,
}

/// What findings of one kind have in common. Each crate has a table of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "tables write it as a literal")]
pub struct Diagnosis {
    /// A word for programs: lower case, digits and hyphens. No other diagnosis has it.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What follows from it.
    pub means: &'static str,
    /// What to do; empty if nothing has to be done.
    pub remedy: &'static str,
    /// Where the rule is written.
    pub source: &'static str,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "tools turn each into a mark")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// It works with some peers, or most of the time.
    Warning,
    /// It does not work.
    Error,
}

impl Finding {
    /// Characters of each text that are kept.
    pub const MAX_TEXT: usize = 1024;

    /// A finding of one kind. Of what comes from a peer control characters are taken out, and what
    /// is too long is cut.
    #[must_use]
    pub fn new(
        diagnosis: &'static Diagnosis,
        subject: impl Into<Cow<'static, str>>,
        seen: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            id: diagnosis.id,
            severity: diagnosis.severity,
            subject: one_line(subject.into()),
            seen: one_line(seen.into()),
            means: diagnosis.means.into(),
            remedy: diagnosis.remedy.into(),
            source: diagnosis.source,
        }
    }

    /// The same with what follows from it in this case.
    #[must_use]
    pub fn with_meaning(mut self, means: impl Into<Cow<'static, str>>) -> Self {
        self.means = one_line(means.into());
        self
    }

    /// The same with what to do in this case.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = one_line(remedy.into());
        self
    }

    /// The same with how bad it is in this case.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// What findings are sorted by.
    fn key(&self) -> impl Ord {
        let Self {
            id,
            severity,
            subject,
            seen,
            means,
            remedy,
            source,
        } = self;
        (Reverse(severity), id, subject, seen, means, remedy, source)
    }
}

impl Ord for Finding {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Finding {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            severity,
            subject,
            seen,
            means,
            remedy,
            source,
        } = self;
        write!(f, "{severity}: {subject}: {seen}: {means}")?;
        if !remedy.is_empty() {
            write!(f, "; remedy: {remedy}")?;
        }
        write!(f, " [{id}, {source}]")
    }
}

/// Declares the table of a crate, `DIAGNOSES`, and a constant for each row.
///
/// ```
/// comity_identity::diagnoses! {
///     /// What can be found here.
///     pub static DIAGNOSES;
///     MISSING: Error "srv-missing" {
///         means: "others cannot find the domain",
///         remedy: "publish an SRV record",
///         source: "RFC 6120 §3.2.1",
///     }
/// }
/// # fn main() {
/// assert_eq!(DIAGNOSES, [&MISSING]);
/// # }
/// ```
#[macro_export]
macro_rules! diagnoses {
    (
        $(#[$doc:meta])*
        $visibility:vis static $table:ident;
        $($name:ident: $severity:ident $id:literal {
            means: $means:expr,
            remedy: $remedy:expr,
            source: $source:expr,
        })*
    ) => {
        $(
            pub(crate) static $name: $crate::Diagnosis = $crate::Diagnosis {
                id: $id,
                severity: $crate::Severity::$severity,
                means: $means,
                remedy: $remedy,
                source: $source,
            };
        )*
        $(#[$doc])*
        $visibility static $table: &[&$crate::Diagnosis] = &[$(&$name),*];
    };
}

impl Diagnosis {
    /// The first id in tables that is no word, or there twice; a test of each table asks.
    #[must_use]
    pub fn misnamed<'a>(tables: impl IntoIterator<Item = &'a Self>) -> Option<&'static str> {
        let mut known = std::collections::BTreeSet::new();
        let mut ids = tables.into_iter().map(|diagnosis| diagnosis.id);
        ids.find(|id| !is_word(id) || !known.insert(*id))
    }
}

fn is_word(id: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    id.split('-').all(is_part)
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One line without what a terminal would obey, cut to [`Finding::MAX_TEXT`] characters: what a peer
/// said, as it may be shown.
#[must_use]
pub fn one_line(text: Cow<'static, str>) -> Cow<'static, str> {
    let is_fine = |c: char| !c.is_control() && !is_direction(c) && !is_line_end(c);
    if text.len() <= Finding::MAX_TEXT && text.chars().all(is_fine) {
        return text;
    }
    let shown = text.chars().map(|c| if is_fine(c) { c } else { ' ' });
    shown.take(Finding::MAX_TEXT).collect::<String>().into()
}

/// Whether a character changes the direction of what follows it, as a peer might to disguise words.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character that is no control character begins a line.
fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    static ERROR: Diagnosis = diagnosis("b-error", Severity::Error);
    static NOTE: Diagnosis = diagnosis("a-note", Severity::Note);
    static WARNING: Diagnosis = diagnosis("c-warning", Severity::Warning);

    const fn diagnosis(id: &'static str, severity: Severity) -> Diagnosis {
        Diagnosis {
            id,
            severity,
            means: "it means this",
            remedy: "",
            source: "RFC 1",
        }
    }

    #[test]
    fn the_worst_come_first_and_equals_by_id_and_subject() {
        let mut findings = [
            Finding::new(&NOTE, "a", ""),
            Finding::new(&WARNING, "z", ""),
            Finding::new(&ERROR, "y", ""),
            Finding::new(&WARNING, "a", ""),
        ];
        findings.sort();
        let order: Vec<_> = findings.iter().map(|one| (one.id, &*one.subject)).collect();
        assert_eq!(
            order,
            [
                ("b-error", "y"),
                ("c-warning", "a"),
                ("c-warning", "z"),
                ("a-note", "a")
            ]
        );
    }

    #[test]
    fn what_a_peer_says_is_one_bounded_line() {
        let said = format!(
            "one\r\n\u{1b}[31mtwo\u{202e}\u{61c}\u{2028}\u{2029}{}",
            "x".repeat(5000)
        );
        let finding = Finding::new(&NOTE, "p", said);
        assert!(finding.seen.starts_with("one   [31mtwo    x"));
        assert_eq!(finding.seen.chars().count(), Finding::MAX_TEXT);
    }

    #[test]
    fn without_a_remedy_none_is_shown() {
        let finding = Finding::new(&NOTE, "b.example", "seen").with_severity(Severity::Warning);
        assert_eq!(
            finding.to_string(),
            "warning: b.example: seen: it means this [a-note, RFC 1]"
        );
    }

    #[test]
    fn an_id_that_is_no_word_or_twice_is_found() {
        assert_eq!(Diagnosis::misnamed([&ERROR, &NOTE, &WARNING]), None);
        assert_eq!(Diagnosis::misnamed([&ERROR, &ERROR]), Some("b-error"));
        for id in ["", "A", "a b", "a-", "-a", "a--b", "a_b"] {
            let odd = diagnosis(id, Severity::Note);
            assert_eq!(Diagnosis::misnamed([&odd]), Some(id));
        }
    }
}
