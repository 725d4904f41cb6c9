//! What keeps two domains from speaking XMPP with each other, as [`Finding`]s: by what a peer's
//! streams say, and by how they end.
//!
//! ```
//! use comity_xmpp::diagnose;
//! use comity_xmpp::stream::PairRefusal;
//!
//! let finding = diagnose::refused("b.example", &PairRefusal::Invalid);
//! assert_eq!(finding.id, "xmpp-dialback-invalid");
//! assert_eq!(finding.seen, "the peer found our dialback key invalid");
//! ```

mod observer;
mod table;

use comity_identity::{Diagnosis, Finding};

pub use self::observer::{Feature, Header, Observer, Opening};
pub use self::table::DIAGNOSES;
use self::table::{
    CERTIFICATE, CLOSED_BY_PEER, CONNECTION_LOST, DIALBACK_ERROR, DIALBACK_INVALID,
    DIALBACK_NOT_FOUND, DIALBACK_NOT_OFFERED, DIALBACK_TIMED_OUT, DIALBACK_UNREACHABLE,
    EXTERNAL_NOT_OFFERED, EXTERNAL_REFUSED, HOST_UNKNOWN, LIMIT_SMALL, NO_METHOD, NOT_AUTHORIZED,
    OTHER_HOST, POLICY, PROTOCOL, RESTARTING, STARTTLS_OPTIONAL, STREAM_ERROR, TIMED_OUT,
    TLS_FAILED, TLS_NOT_OFFERED, VERSION,
};
use crate::decision::Refusal;
use crate::report::{PEER_LOG, Report};
use crate::stream::{CloseReason, PairRefusal, PeerError, Rejection, Setback, Stage};
use crate::{StanzaCondition, StreamCondition, Transport};

/// What the streams of one connection offered; of the last one before authentication it is said what
/// it lacks. `transport` is how the connection began.
#[must_use]
pub fn openings(subject: &str, transport: Transport, openings: &[Opening]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |diagnosis: &'static Diagnosis, seen: String| {
        findings.push(Finding::new(diagnosis, subject.to_owned(), seen));
    };
    let (plain, secure) = match (transport, openings) {
        (Transport::Tcp, [plain, rest @ ..]) => (Some(plain), rest.first()),
        (Transport::Tcp, []) => (None, None),
        (Transport::DirectTls, all) => (None, all.first()),
    };
    if let Some(header) = openings.first().and_then(|opening| opening.header.as_ref())
        && header.version.as_deref() != Some("1.0")
    {
        let version = header.version.as_deref().unwrap_or("none");
        add(
            &VERSION,
            format!("the version in its stream header is {version}"),
        );
    }
    let has = |opening: &Opening, feature| opening.features.contains(&feature);
    if plain.is_some_and(|plain| {
        has(plain, Feature::Starttls) && !has(plain, Feature::StarttlsRequired)
    }) {
        add(
            &STARTTLS_OPTIONAL,
            "it offers STARTTLS and does not require it".to_owned(),
        );
    }
    if let Some(secure) = secure.filter(|secure| secure.has_features) {
        if !secure.mechanisms.iter().any(|name| &**name == "EXTERNAL") {
            add(
                &EXTERNAL_NOT_OFFERED,
                "it does not offer SASL EXTERNAL".to_owned(),
            );
        }
        if !has(secure, Feature::Dialback) {
            add(
                &DIALBACK_NOT_OFFERED,
                "it does not offer dialback".to_owned(),
            );
        }
        if let Some(bytes) = secure.max_bytes.filter(|bytes| *bytes < MIN_STANZA_BYTES) {
            add(
                &LIMIT_SMALL,
                format!("it takes stanzas of {bytes} bytes at most"),
            );
        }
    }
    findings
}

/// What the end of a stream says; nothing if we ended it.
#[must_use]
pub fn closed(subject: &str, reason: &CloseReason) -> Option<Finding> {
    let diagnosis = match reason {
        CloseReason::After { setback, .. } => match setback {
            Setback::ExternalRefused { .. } => &EXTERNAL_REFUSED,
            Setback::TlsNotOffered => &TLS_NOT_OFFERED,
        },
        CloseReason::ConnectionLost => &CONNECTION_LOST,
        CloseReason::PeerClosed => &CLOSED_BY_PEER,
        CloseReason::PeerError(error) => of_peer_error(error),
        CloseReason::Rejected(rejection) => of_rejection(rejection),
        CloseReason::TimedOut(_) => &TIMED_OUT,
        CloseReason::TlsFailed(_) => &TLS_FAILED,
        CloseReason::CertificateExpired
        | CloseReason::Closed
        | CloseReason::Farewell(_)
        | CloseReason::Idle => return None,
    };
    Some(told(diagnosis, subject, &reason.into()))
}

/// Why a peer does not take our stanzas, on a stream that goes on.
#[must_use]
pub fn refused(subject: &str, refusal: &PairRefusal) -> Finding {
    let diagnosis = match refusal {
        PairRefusal::Certificate(_) => &CERTIFICATE,
        PairRefusal::Error(condition) => of_stanza_condition(*condition),
        PairRefusal::Invalid => &DIALBACK_INVALID,
        PairRefusal::TimedOut => &DIALBACK_TIMED_OUT,
    };
    told(diagnosis, subject, &refusal.into())
}

/// A report as a finding. Its hint, unless it is but the last resort, knows more than the table.
fn told(diagnosis: &'static Diagnosis, subject: &str, report: &Report) -> Finding {
    let finding = Finding::new(diagnosis, subject.to_owned(), report.rule.to_string());
    if report.hint.is_empty() || report.hint == PEER_LOG {
        return finding;
    }
    finding.with_remedy(report.hint)
}

/// A peer that took our proof, and then denies that we have proved our domain, has a rule against it:
/// so ejabberd says it.
fn of_peer_error(error: &PeerError) -> &'static Diagnosis {
    let diagnosis = of_stream_condition(error.condition);
    if error.stage == Stage::Stanzas && diagnosis.id == NOT_AUTHORIZED.id {
        return &POLICY;
    }
    diagnosis
}

fn of_stream_condition(condition: StreamCondition) -> &'static Diagnosis {
    let table = [
        (StreamCondition::HostGone, &HOST_UNKNOWN),
        (StreamCondition::HostUnknown, &HOST_UNKNOWN),
        (StreamCondition::InvalidFrom, &NOT_AUTHORIZED),
        (StreamCondition::NotAuthorized, &NOT_AUTHORIZED),
        (StreamCondition::PolicyViolation, &POLICY),
        (
            StreamCondition::RemoteConnectionFailed,
            &DIALBACK_UNREACHABLE,
        ),
        (StreamCondition::Reset, &RESTARTING),
        (StreamCondition::SeeOtherHost, &OTHER_HOST),
        (StreamCondition::SystemShutdown, &RESTARTING),
    ];
    let known = table.iter().find(|(known, _)| *known == condition);
    known.map_or(&STREAM_ERROR, |(_, diagnosis)| diagnosis)
}

fn of_stanza_condition(condition: StanzaCondition) -> &'static Diagnosis {
    let table = [
        (StanzaCondition::ItemNotFound, &HOST_UNKNOWN),
        (StanzaCondition::NotAuthorized, &POLICY),
        (StanzaCondition::PolicyViolation, &POLICY),
        (StanzaCondition::RemoteServerNotFound, &DIALBACK_NOT_FOUND),
        (StanzaCondition::RemoteServerTimeout, &DIALBACK_UNREACHABLE),
    ];
    let known = table.iter().find(|(known, _)| *known == condition);
    known.map_or(&DIALBACK_ERROR, |(_, diagnosis)| diagnosis)
}

fn of_rejection(rejection: &Rejection) -> &'static Diagnosis {
    match rejection {
        Rejection::Refused { refusal, .. } => match refusal {
            Refusal::CertificateAbsent | Refusal::CertificateUntrusted => &CERTIFICATE,
            Refusal::NoMethod => &NO_METHOD,
            Refusal::TlsUnavailable | Refusal::TlsUnwanted => &TLS_NOT_OFFERED,
        },
        Rejection::TlsRequired => &TLS_NOT_OFFERED,
        Rejection::AcknowledgedTooMany { .. }
        | Rejection::Address(_)
        | Rejection::ContentNamespace
        | Rejection::DataBeforeTls
        | Rejection::Denied
        | Rejection::HeldLimit(_)
        | Rejection::HostGone(_)
        | Rejection::HostUnknown(_)
        | Rejection::InvalidFrom
        | Rejection::KeyNotVerified(_)
        | Rejection::LocalFrom
        | Rejection::NoId
        | Rejection::NotAuthorized
        | Rejection::OutputLimit
        | Rejection::PairNotAuthorized
        | Rejection::PrefixedStanza
        | Rejection::StreamNamespace
        | Rejection::TooManyAttempts
        | Rejection::UnexpectedElement
        | Rejection::UnsupportedElement
        | Rejection::UnsupportedFeature(_)
        | Rejection::Version
        | Rejection::WrongPeer
        | Rejection::Xml(_) => &PROTOCOL,
    }
}

/// The longest stanza that every server must take (RFC 6120 §13.12).
const MIN_STANZA_BYTES: u64 = 10_000;

#[cfg(test)]
mod tests;
