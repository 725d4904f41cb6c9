//! What keeps two domains from speaking SIP with each other, as [`Finding`]s: by what a server
//! answers.
//!
//! ```
//! use std::time::Duration;
//!
//! use comity_sip::diagnose::{self, Circumstances};
//! use comity_sip::{Limits, Message, Transport};
//!
//! let bytes = b"SIP/2.0 403 Forbidden\r\n\
//!     Via: SIP/2.0/TLS a.example;branch=z9hG4bK7\r\n\
//!     From: <sip:a.example>;tag=1\r\n\
//!     To: <sip:b.example>;tag=2\r\n\
//!     Call-ID: 1@a.example\r\n\
//!     CSeq: 1 SUBSCRIBE\r\n\
//!     ms-diagnostics: 1027;reason=\"Cannot route\";source=\"sip.b.example\"\r\n\r\n";
//! let message = Message::from_datagram(bytes.as_slice().into(), &Limits::default())?;
//! let Message::Response(response) = message else { panic!("a request") };
//! let circumstances = Circumstances { transport: Transport::Tls, now: Duration::ZERO };
//! let findings = diagnose::response("sip.b.example", &response, circumstances);
//! assert_eq!(findings[0].id, "ms-diagnostics-1027");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod table;

use std::time::Duration;

use comity_identity::{Diagnosis, Finding, Severity};

use self::table::{
    AUTHENTICATION, BUSY, CLOCK_SKEW, DECLINED, EVENT, FORBIDDEN, GATEWAY_TIMEOUT, LOOP, MS_OTHER,
    OPTIONS, PENDING, RECORD_ROUTE, REJECTED, SERVER_ERROR, STATUS, USER_UNKNOWN,
};
pub use self::table::{DIAGNOSES, of_diagnostics};
use crate::header::{CSeq, Date, Diagnostics, RecordRoute, SubscriptionState, SubscriptionStatus};
use crate::message::Field;
use crate::{Headers, Limits, Method, Request, Response, Scheme, StatusCode, Transport};

/// How a message came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Circumstances {
    /// Over what.
    pub transport: Transport,
    /// When, since the beginning of 1970.
    pub now: Duration,
}

/// What a final response says about the way to the peer, and about the peer.
#[must_use]
pub fn response(subject: &str, response: &Response, circumstances: Circumstances) -> Vec<Finding> {
    let headers = response.headers();
    let mut findings: Vec<_> = refused(subject, response).into_iter().collect();
    findings.extend(clock(subject, headers, circumstances.now));
    findings.extend(record_route(subject, headers, circumstances.transport));
    findings.sort();
    findings
}

/// What the first NOTIFY of a subscription says about it.
#[must_use]
pub fn notification(subject: &str, notify: &Request, circumstances: Circumstances) -> Vec<Finding> {
    let headers = notify.headers();
    let state = headers.one::<SubscriptionState<'_>>().ok();
    let standing = state.and_then(|state| {
        let is_rejected = state
            .reason()
            .is_some_and(|reason| reason.eq_ignore_ascii_case("rejected"));
        let diagnosis = match state.status() {
            SubscriptionStatus::Pending => &PENDING,
            SubscriptionStatus::Terminated if is_rejected => &REJECTED,
            SubscriptionStatus::Active
            | SubscriptionStatus::Other(_)
            | SubscriptionStatus::Terminated => return None,
        };
        let seen = format!("the subscription is {state}");
        Some(Finding::new(diagnosis, subject.to_owned(), seen))
    });
    let mut findings: Vec<_> = standing.into_iter().collect();
    findings.extend(clock(subject, headers, circumstances.now));
    findings.extend(record_route(subject, headers, circumstances.transport));
    findings.sort();
    findings
}

/// Why the peer does not do what was asked: by its diagnostics if it sends some, which say more than
/// the status.
fn refused(subject: &str, response: &Response) -> Option<Finding> {
    let status = response.status();
    if status.is_provisional() || status.is_success() {
        return None;
    }
    let answer = format!("{status} {}", response.reason());
    if let Some(header) = diagnostics(response.headers()) {
        let mut seen = format!("{answer}; ms-diagnostics {}", header.code());
        if let Some(reason) = header.reason() {
            seen.push_str(": ");
            seen.push_str(&reason);
        }
        if let Some(source) = header.source() {
            seen.push_str(" (from ");
            seen.push_str(&source);
            seen.push(')');
        }
        return Some(Finding::new(
            header.diagnosis().unwrap_or(&MS_OTHER),
            subject.to_owned(),
            seen,
        ));
    }
    let cseq = response.headers().one::<CSeq<'_>>();
    let is_options = cseq.is_ok_and(|cseq| cseq.method == Method::Options);
    Some(Finding::new(
        of_status(status, is_options),
        subject.to_owned(),
        answer,
    ))
}

/// The first of the headers of this kind that can be read.
fn diagnostics(headers: Headers<'_>) -> Option<Diagnostics<'_>> {
    // The second is what a server shows to partners who may not see the first.
    let names = ["ms-diagnostics", "ms-diagnostics-public"];
    let mut found = names.iter().flat_map(|name| headers.find(name));
    found.find_map(|header| {
        let read = Diagnostics::read(header.value(), &Limits::default());
        read.ok().map(|(diagnostics, _)| diagnostics)
    })
}

/// Of an OPTIONS only that counts which tells about all other requests too.
fn of_status(status: StatusCode, is_options: bool) -> &'static Diagnosis {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => &AUTHENTICATION,
        StatusCode::FORBIDDEN => &FORBIDDEN,
        StatusCode::LOOP_DETECTED | StatusCode::TOO_MANY_HOPS => &LOOP,
        StatusCode::REQUEST_TIMEOUT | StatusCode::SERVER_TIMEOUT | StatusCode::BAD_GATEWAY => {
            &GATEWAY_TIMEOUT
        }
        StatusCode::SERVER_INTERNAL_ERROR | StatusCode::SERVICE_UNAVAILABLE => &SERVER_ERROR,
        _ if is_options => &OPTIONS,
        StatusCode::NOT_FOUND | StatusCode::DOES_NOT_EXIST_ANYWHERE | StatusCode::GONE => {
            &USER_UNKNOWN
        }
        StatusCode::TEMPORARILY_UNAVAILABLE
        | StatusCode::BUSY_HERE
        | StatusCode::BUSY_EVERYWHERE => &BUSY,
        StatusCode::DECLINE => &DECLINED,
        StatusCode::BAD_EVENT => &EVENT,
        _ => &STATUS,
    }
}

/// The peer's clock beside ours.
fn clock(subject: &str, headers: Headers<'_>, now: Duration) -> Option<Finding> {
    let date = headers.optional::<Date>().ok()??;
    let theirs = date.unix_seconds()?;
    let skew = theirs.abs_diff(now.as_secs());
    if skew < SKEW_SECONDS {
        return None;
    }
    let word = if theirs > now.as_secs() {
        "ahead of"
    } else {
        "behind"
    };
    let seen = format!("its clock is {skew} s {word} ours ({date})");
    let severity = if skew < MAX_SKEW_SECONDS {
        Severity::Warning
    } else {
        Severity::Error
    };
    Some(Finding::new(&CLOCK_SKEW, subject.to_owned(), seen).with_severity(severity))
}

/// A proxy on a TLS connection to which requests inside a dialog would go by another transport.
fn record_route(subject: &str, headers: Headers<'_>, transport: Transport) -> Option<Finding> {
    if transport != Transport::Tls {
        return None;
    }
    let bare = headers.all::<RecordRoute<'_>>().flatten().find(|route| {
        let uri = route.uri();
        uri.scheme() == Scheme::Sip && uri.param("transport").is_none()
    })?;
    let seen = format!("it records the route {}", bare.uri());
    Some(Finding::new(&RECORD_ROUTE, subject.to_owned(), seen))
}

/// Below this a difference may come from the way.
const SKEW_SECONDS: u64 = 30;
/// From here on servers that use Kerberos refuse (RFC 4120 §8.2 recommends five minutes).
const MAX_SKEW_SECONDS: u64 = 300;

#[cfg(test)]
mod tests;
