use comity_identity::Diagnosis;
use comity_sip::header::Diagnostics;
use comity_sip::{Field, Headers, Limits, diagnose};

use super::line;

/// What a Microsoft server says about its refusal (header `ms-diagnostics`, MS-OCER §2.2.1).
///
/// ```
/// use comity_bridge::failure::MsDiagnostics;
///
/// let refusal = MsDiagnostics::read("1027;reason=\"Cannot route\";source=\"sip.example\"");
/// let refusal = refusal.expect("well-formed");
/// assert_eq!(refusal.id, 1027);
/// assert_eq!(refusal.reason.as_deref(), Some("Cannot route"));
/// assert_eq!(refusal.diagnosis().map(|diagnosis| diagnosis.id), Some("ms-diagnostics-1027"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MsDiagnostics {
    /// The number of the error.
    pub id: u32,
    /// The server's own words, one line.
    pub reason: Option<Box<str>>,
    /// The server that noticed it, one line.
    pub source: Option<Box<str>>,
}

impl MsDiagnostics {
    /// Longer words of the server are cut off.
    pub const MAX_TEXT_BYTES: usize = 256;

    /// Finds the first well-formed header of this kind.
    #[must_use]
    pub fn parse(headers: Headers<'_>) -> Option<Self> {
        // `ms-diagnostics-public` is what a server shows to partners that may not see the other.
        ["ms-diagnostics", "ms-diagnostics-public"]
            .iter()
            .find_map(|name| {
                headers
                    .find(name)
                    .find_map(|one| Self::read(one.text().ok()?))
            })
    }

    /// Reads the value of the header; `None` if it does not begin with a number.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let (header, _) = Diagnostics::read(value.as_bytes(), &Limits::default()).ok()?;
        let short = |text: &str| line(text, Self::MAX_TEXT_BYTES).into_boxed_str();
        Some(Self {
            id: header.code(),
            reason: header.reason().as_deref().map(short),
            source: header.source().as_deref().map(short),
        })
    }

    /// What lies behind it and what to do, for an operator; `None` for numbers that have nothing to do
    /// with federation.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&'static Diagnosis> {
        diagnose::of_diagnostics(self.id)
    }
}
