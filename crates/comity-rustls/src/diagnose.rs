//! What the TLS handshakes of a peer show, as [`Finding`]s.
//!
//! ```
//! use comity_rustls::diagnose::{self, Handshake, HandshakeFailure, Observed};
//! use rustls::AlertDescription;
//!
//! let mut observed = Observed::default();
//! let alert = HandshakeFailure::Alert(AlertDescription::UnknownCA);
//! observed.best = Some(Handshake::Failed(alert));
//! let findings = diagnose::tls("sip.b.example port 5061", &observed);
//! assert_eq!(findings[0].id, "tls-alert-unknown-ca");
//! ```

mod table;

use std::fmt;
use std::io;

use comity_identity::{Diagnosis, Finding};
use rustls::{AlertDescription, CipherSuite, InvalidMessage, ProtocolVersion};

pub use self::table::DIAGNOSES;
use self::table::{
    CERTIFICATE_NOT_ASKED, CERTIFICATE_REFUSED, CLOSED, FAILED, NO_ALPN, NO_TLS12, NO_TLS13,
    NOT_TLS, OLD_SUITES_ONLY, OLD_VERSION_ACCEPTED, OLD_VERSIONS_ONLY, RSA_KEY_EXCHANGE_ONLY,
    TIMED_OUT, of_alert,
};
use crate::cipher::{Objection, Suite};
use crate::hello::{suite_name, version_name};
use crate::legacy::LegacyAnswer;

/// What a peer answered, as far as it was asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Observed {
    /// The handshake with everything that we speak, and with our certificate.
    pub best: Option<Handshake>,
    /// The handshake with TLS 1.2 at most and without a certificate.
    pub tls12: Option<Handshake>,
    /// The answer to [`Legacy::Versions`](crate::Legacy::Versions).
    pub old_versions: Option<LegacyAnswer>,
    /// The answer to [`Legacy::Suites`](crate::Legacy::Suites).
    pub old_suites: Option<LegacyAnswer>,
}

/// How a handshake ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "it came about or not")]
pub enum Handshake {
    /// It came about.
    Done(Negotiated),
    /// It did not.
    Failed(HandshakeFailure),
    /// It did not, although the peer had chosen a version and a suite and asked for our certificate:
    /// that one, or that there is none, is the reason.
    Unproved(HandshakeFailure),
}

/// What a handshake agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "who observes it writes all of it"
)]
pub struct Negotiated {
    /// The version.
    pub version: ProtocolVersion,
    /// The suite.
    pub suite: CipherSuite,
    /// Whether a protocol was chosen by ALPN, where we offered one.
    pub alpn: Alpn,
    /// Whether the server asked for our certificate.
    pub client_certificate: CertificateRequest,
}

/// What became of the protocol that we offered (RFC 7301).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Alpn {
    /// The server chose it.
    Chosen,
    /// The server did not mention it.
    Ignored,
    /// We offered none.
    NotOffered,
}

/// Whether a server asked for a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a yes or no in two words")]
pub enum CertificateRequest {
    /// It did.
    Asked,
    /// It did not.
    NotAsked,
}

/// Why a handshake did not come about.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HandshakeFailure {
    /// The peer refused by an alert.
    Alert(AlertDescription),
    /// The peer closed the connection without a word.
    Closed,
    /// The peer does not speak TLS there.
    NotTls,
    /// The peer did not answer in time.
    TimedOut,
    /// rustls refused the peer, or the connection broke.
    Other(Box<str>),
}

impl From<&rustls::Error> for HandshakeFailure {
    fn from(error: &rustls::Error) -> Self {
        if let rustls::Error::AlertReceived(alert) = error {
            return Self::Alert(*alert);
        }
        if *error == rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) {
            return Self::NotTls;
        }
        Self::Other(error.to_string().into())
    }
}

impl From<&io::Error> for HandshakeFailure {
    fn from(error: &io::Error) -> Self {
        let of_rustls = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (of_rustls, error.kind()) {
            (Some(error), _) => error.into(),
            (
                None,
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted,
            ) => Self::Closed,
            (None, io::ErrorKind::TimedOut) => Self::TimedOut,
            (None, _) => Self::Other(error.to_string().into()),
        }
    }
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert) => write!(f, "the peer sent the alert {}", alert_name(*alert)),
            Self::Closed => f.write_str("the peer closed the connection during the handshake"),
            Self::NotTls => f.write_str("the peer answers, but not in TLS"),
            Self::TimedOut => f.write_str("the peer did not finish the handshake in time"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// What keeps us from speaking TLS with a peer, or others from it.
#[must_use]
pub fn tls(subject: &str, observed: &Observed) -> Vec<Finding> {
    let mut findings = match &observed.best {
        None => Vec::new(),
        Some(Handshake::Done(session)) => done(subject, *session, observed),
        Some(Handshake::Failed(failure)) => vec![failed(subject, failure, observed)],
        Some(Handshake::Unproved(failure)) => vec![unproved(subject, failure)],
    };
    findings.sort();
    findings
}

/// What an alert of the peer means, during the handshake or after it: with TLS 1.3 a server looks at
/// our certificate when we have finished already.
#[must_use]
pub fn alert(subject: &str, alert: AlertDescription) -> Finding {
    let seen = HandshakeFailure::Alert(alert).to_string();
    Finding::new(of_alert(alert), subject.to_owned(), seen)
}

fn done(subject: &str, session: Negotiated, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |diagnosis: &'static Diagnosis, seen: String| {
        findings.push(Finding::new(diagnosis, subject.to_owned(), seen));
    };
    let is_tls12 = session.version == ProtocolVersion::TLSv1_2;
    if is_tls12 {
        add(
            &NO_TLS13,
            format!("it chose TLS 1.2 with {}", suite_name(session.suite)),
        );
    }
    match &observed.tls12 {
        Some(Handshake::Failed(failure)) if !is_tls12 => add(&NO_TLS12, failure.to_string()),
        // One that asks for a certificate speaks it.
        Some(Handshake::Failed(_) | Handshake::Unproved(_) | Handshake::Done(_)) | None => {}
    }
    if session.client_certificate == CertificateRequest::NotAsked {
        add(
            &CERTIFICATE_NOT_ASKED,
            "it asks for no certificate".to_owned(),
        );
    }
    if session.alpn == Alpn::Ignored {
        add(
            &NO_ALPN,
            "it does not answer the protocol that we offer".to_owned(),
        );
    }
    if let Some(LegacyAnswer::Accepted { version, suite }) = observed.old_versions {
        let (version, suite) = (version_name(version), suite_name(suite));
        add(
            &OLD_VERSION_ACCEPTED,
            format!("it takes {version} with {suite}"),
        );
    }
    findings
}

/// The most telling reason why there is no TLS: what the peer would have taken, or what it said.
fn failed(subject: &str, failure: &HandshakeFailure, observed: &Observed) -> Finding {
    let is_alone = matches!(observed.tls12, None | Some(Handshake::Failed(_)));
    let (diagnosis, seen) = match (observed.old_suites, observed.old_versions) {
        (Some(LegacyAnswer::Accepted { version, suite }), _)
        | (_, Some(LegacyAnswer::Accepted { version, suite }))
            if is_alone =>
        {
            taken(version, suite)
        }
        _ => (of_failure(failure), failure.to_string()),
    };
    Finding::new(diagnosis, subject.to_owned(), seen)
}

/// Why a peer that speaks TLS as we do does not go on with us.
fn unproved(subject: &str, failure: &HandshakeFailure) -> Finding {
    let diagnosis = match failure {
        // All that many servers of TLS 1.2 say, if anything (RFC 5246 §7.4.6).
        HandshakeFailure::Alert(AlertDescription::HandshakeFailure) | HandshakeFailure::Closed => {
            &CERTIFICATE_REFUSED
        }
        HandshakeFailure::Alert(_)
        | HandshakeFailure::NotTls
        | HandshakeFailure::TimedOut
        | HandshakeFailure::Other(_) => of_failure(failure),
    };
    let seen = match failure {
        HandshakeFailure::Alert(_) | HandshakeFailure::Closed | HandshakeFailure::TimedOut => {
            format!("{failure}, after it had asked for our certificate")
        }
        // What we have against the peer has nothing to do with that.
        HandshakeFailure::NotTls | HandshakeFailure::Other(_) => failure.to_string(),
    };
    Finding::new(diagnosis, subject.to_owned(), seen)
}

/// What a peer takes that takes nothing better.
fn taken(version: ProtocolVersion, suite: CipherSuite) -> (&'static Diagnosis, String) {
    let name = suite_name(suite);
    let parsed = suite.as_str().and_then(Suite::parse);
    let objections = parsed
        .map(|suite| Objection::all(&suite))
        .unwrap_or_default();
    let diagnosis = if u16::from(version) < u16::from(ProtocolVersion::TLSv1_2) {
        &OLD_VERSIONS_ONLY
    } else if objections.contains(&Objection::RsaKeyExchange) {
        &RSA_KEY_EXCHANGE_ONLY
    } else {
        &OLD_SUITES_ONLY
    };
    let mut seen = format!(
        "it takes nothing better than {} with {name}",
        version_name(version)
    );
    for objection in objections {
        seen.push_str(", ");
        seen.push_str(&objection.to_string());
    }
    (diagnosis, seen)
}

fn of_failure(failure: &HandshakeFailure) -> &'static Diagnosis {
    match failure {
        HandshakeFailure::Alert(alert) => of_alert(*alert),
        HandshakeFailure::Closed => &CLOSED,
        HandshakeFailure::NotTls => &NOT_TLS,
        HandshakeFailure::TimedOut => &TIMED_OUT,
        HandshakeFailure::Other(_) => &FAILED,
    }
}

fn alert_name(alert: AlertDescription) -> String {
    match alert.as_str() {
        Some(name) => name.to_owned(),
        None => u8::from(alert).to_string(),
    }
}

#[cfg(test)]
mod tests;
