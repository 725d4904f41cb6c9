use std::fmt;

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;

use super::{Objection, Suite};
use crate::TlsVersion;

/// A list of cipher suites as an operator writes it, with an answer to each name.
///
/// The names are those of the TLS registry or of OpenSSL in any case, separated by `:`, `,`, `;` or
/// white space.
///
/// ```
/// use comity_rustls::{CipherList, default_provider};
///
/// let list = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, DES-CBC3-SHA";
/// let list = CipherList::parse(list, &default_provider());
/// let answers: Vec<_> = list.entries().iter().map(ToString::to_string).collect();
/// assert_eq!(
///     answers,
///     [
///         "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: supported",
///         "DES-CBC3-SHA: refused (triple DES, RSA key exchange): let the peer offer ECDHE with \
///          AES-GCM or ChaCha20, or put a TLS proxy in front that can do both",
///     ]
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CipherList {
    entries: Vec<CipherEntry>,
}

impl CipherList {
    /// Answers each name of the list by what the provider has.
    #[must_use]
    pub fn parse(text: &str, provider: &CryptoProvider) -> Self {
        let known: Vec<_> = provider
            .cipher_suites
            .iter()
            .filter_map(|suite| Some((Suite::parse(suite.suite().as_str()?)?, *suite)))
            .collect();
        let entries = text
            .split(|c: char| matches!(c, ':' | ',' | ';') || c.is_whitespace())
            .filter(|name| !name.is_empty())
            .map(|name| CipherEntry {
                name: name.into(),
                answer: answer(name, &known),
            })
            .collect();
        Self { entries }
    }

    /// The names in their order, with the answers.
    #[must_use]
    pub fn entries(&self) -> &[CipherEntry] {
        &self.entries
    }

    /// What can be had of the list, each suite once, as
    /// [`TlsContext::cipher_suites`](crate::TlsContext::cipher_suites) takes it.
    #[must_use]
    pub fn supported(&self) -> Vec<SupportedCipherSuite> {
        let mut suites = Vec::new();
        for entry in &self.entries {
            if let CipherAnswer::Supported(suite) = entry.answer
                && !suites.contains(&suite)
            {
                suites.push(suite);
            }
        }
        suites
    }

    /// What will surprise whoever uses the list.
    #[must_use]
    pub fn warnings(&self) -> Vec<CipherWarning> {
        let supported = self.supported();
        if supported.is_empty() {
            return vec![CipherWarning::NothingSupported];
        }
        let mut warnings = Vec::new();
        if supported.iter().all(needs_elliptic_curves) {
            warnings.push(CipherWarning::EllipticCurvesOnly);
        }
        for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
            if !supported.iter().any(|suite| version.has(suite)) {
                warnings.push(CipherWarning::VersionWithoutSuite(version));
            }
        }
        warnings
    }
}

/// One name of a [`CipherList`] with its answer.
///
/// Its text is one line for the operator.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CipherEntry {
    /// The name as it was written.
    pub name: Box<str>,
    /// What becomes of it.
    pub answer: CipherAnswer,
}

impl fmt::Display for CipherEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.answer {
            CipherAnswer::NoEffect => write!(f, "{name}: accepted without effect: {NO_EFFECT}"),
            CipherAnswer::Supported(_) => write!(f, "{name}: supported"),
            CipherAnswer::Refused(objections) => {
                write!(f, "{name}: refused (")?;
                for (index, objection) in objections.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{objection}")?;
                }
                f.write_str(")")?;
                if is_mandatory_in_xmpp(name) {
                    write!(f, ": {MANDATORY}")?;
                }
                match objections.first() {
                    Some(first) => write!(f, ": {}", first.advice()),
                    None => Ok(()),
                }
            }
        }
    }
}

/// What becomes of a name in a list of cipher suites.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CipherAnswer {
    /// The obsolete setting "disable empty TLS fragments", which is about a weakness of TLS 1.0.
    NoEffect,
    /// It cannot be had, for these reasons, the gravest first. There is at least one.
    Refused(Vec<Objection>),
    /// It can be had.
    Supported(SupportedCipherSuite),
}

/// What will surprise whoever uses a [`CipherList`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CipherWarning {
    /// No peer without elliptic curves is served, and Lync is said to have none.
    EllipticCurvesOnly,
    /// Nothing of the list can be had.
    NothingSupported,
    /// A version cannot be spoken.
    VersionWithoutSuite(TlsVersion),
}

impl fmt::Display for CipherWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EllipticCurvesOnly => f.write_str(
                "every suite needs elliptic curves: for a Microsoft server that has none, \
                 as Lync 2010 and 2013, put a TLS proxy in front",
            ),
            Self::NothingSupported => {
                f.write_str("no suite of the list is supported, so nobody can connect")
            }
            Self::VersionWithoutSuite(version) => {
                write!(
                    f,
                    "the list has no suite for {version}: name one, or leave that version out"
                )
            }
        }
    }
}

fn answer(name: &str, known: &[(Suite, SupportedCipherSuite)]) -> CipherAnswer {
    if is_empty_fragments(name) {
        return CipherAnswer::NoEffect;
    }
    if let Some(word) = keyword(name) {
        return CipherAnswer::Refused(vec![word]);
    }
    let Some(suite) = Suite::parse(name) else {
        return CipherAnswer::Refused(vec![Objection::UnknownName]);
    };
    match known.iter().find(|(known, _)| *known == suite) {
        Some((_, suite)) => CipherAnswer::Supported(*suite),
        None => CipherAnswer::Refused(Objection::all(&suite)),
    }
}

/// Whether the keys of a session are agreed on by elliptic curves. TLS 1.3 would have other groups,
/// which hardly anybody enables.
fn needs_elliptic_curves(suite: &SupportedCipherSuite) -> bool {
    let suite = suite.suite().as_str().and_then(Suite::parse);
    suite.is_some_and(Suite::needs_elliptic_curves)
}

/// Whether a word is the setting to send no empty fragments, in one of its spellings.
fn is_empty_fragments(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let name = name.strip_prefix("ssl_op_").unwrap_or(&name);
    matches!(
        name,
        "disable_empty_fragments" | "disable_empty_tls_fragments" | "dont_insert_empty_fragments"
    )
}

/// What a word is that stands in lists of OpenSSL and names no suite.
fn keyword(name: &str) -> Option<Objection> {
    let upper = name.to_ascii_uppercase();
    if upper.ends_with("_SCSV") {
        return Some(Objection::Signal);
    }
    let is_operator = upper.starts_with(['!', '+', '-', '@']) || upper.contains('+');
    (is_operator || KEYWORDS.contains(&upper.as_str())).then_some(Objection::Keyword)
}

/// RFC 6120 §13.8 makes one suite mandatory that no modern library has.
fn is_mandatory_in_xmpp(name: &str) -> bool {
    let suite = Suite::parse(name);
    suite.is_some() && suite == Suite::parse("TLS_RSA_WITH_AES_128_CBC_SHA")
}

const MANDATORY: &str = "RFC 6120 §13.8 requires it, but it has no forward secrecy \
                         and RFC 9325 §4.1 advises against it";

const NO_EFFECT: &str = "it works round a weakness of TLS 1.0, which is never spoken";

/// Words of OpenSSL that stand for many suites.
const KEYWORDS: &[&str] = &[
    "3DES",
    "ADH",
    "AECDH",
    "AES",
    "AES128",
    "AES256",
    "AESCCM",
    "AESGCM",
    "ALL",
    "ANULL",
    "ARIA",
    "AUTO",
    "CAMELLIA",
    "CBC",
    "CHACHA20",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
    "DEFAULT",
    "DES",
    "DH",
    "DHE",
    "ECDH",
    "ECDHE",
    "EDH",
    "EECDH",
    "ENULL",
    "EXP",
    "EXPORT",
    "HIGH",
    "KECDHE",
    "KEDH",
    "KRSA",
    "LOW",
    "MD5",
    "MEDIUM",
    "NULL",
    "PSK",
    "RC4",
    "RSA",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SRP",
    "SSLV3",
    "SUITEB128",
    "SUITEB192",
    "TLSV1",
    "TLSV1.0",
    "TLSV1.2",
];

#[cfg(test)]
mod tests;
