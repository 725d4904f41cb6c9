//! What a failed attempt leaves to be tried.

use super::event::{Failure, Target};
use crate::decision::Refusal;
use crate::stream::{CloseReason, Purpose, Rejection, Stage};
use crate::{CertificateRule, StreamCondition, Terms, TlsMode, Transport};

/// Where the server has sent us, as it wrote it, if that may be followed: a server whose certificate
/// has proved its domain may say so, and anyone where the next host has to prove it (RFC 6120
/// §4.9.3.19). Who confirms dialback keys is never left to chance.
pub(super) fn redirection<'a>(
    failure: &'a Failure,
    terms: &Terms,
    purpose: Purpose,
) -> Option<&'a str> {
    let Failure::Ended(reason) = failure else {
        return None;
    };
    let CloseReason::PeerError(error) = reason.last() else {
        return None;
    };
    let next_is_proved = terms.security.certificate == CertificateRule::Required;
    let is_believed = error.from_proved || next_is_proved && purpose == Purpose::Stanzas;
    error.other_host.as_deref().filter(|_| is_believed)
}

/// Whether a second attempt at the same place goes without TLS.
pub(super) fn may_do_without_tls(terms: &Terms, target: &Target, failure: &Failure) -> bool {
    let is_option = terms.security.tls == TlsMode::Optional
        && terms.security.certificate == CertificateRule::Optional
        && target.transport == Transport::Tcp;
    let Failure::Ended(reason) = failure else {
        return false;
    };
    is_option
        && matches!(
            reason,
            CloseReason::TlsFailed(_)
                | CloseReason::TimedOut(Stage::Tls)
                | CloseReason::Rejected(Rejection::Refused {
                    refusal: Refusal::TlsUnavailable,
                    ..
                })
        )
}

/// Whether the same would happen again if it were tried at once.
pub(super) fn is_worth_waiting(failure: &Failure) -> bool {
    match failure {
        Failure::Ended(_)
        | Failure::Redirected(_)
        | Failure::Refused(_)
        | Failure::Unanswered
        | Failure::Unreachable(_)
        | Failure::Unresolved(_) => true,
        Failure::Denied
        | Failure::NotRetried { .. }
        | Failure::Shutdown
        | Failure::TooLong(_)
        | Failure::Unacknowledged => false,
    }
}

/// Whether another server of the domain may do better.
pub(super) fn may_differ_elsewhere(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable(_) => true,
        Failure::Ended(reason) => match reason.last() {
            CloseReason::ConnectionLost
            | CloseReason::PeerClosed
            | CloseReason::TimedOut(_)
            | CloseReason::TlsFailed(_) => true,
            // What is wrong with this server alone.
            CloseReason::PeerError(error) => matches!(
                error.condition,
                StreamCondition::ConnectionTimeout
                    | StreamCondition::InternalServerError
                    | StreamCondition::ResourceConstraint
                    | StreamCondition::SystemShutdown
            ),
            CloseReason::After { .. }
            | CloseReason::CertificateExpired
            | CloseReason::Closed
            | CloseReason::Farewell(_)
            | CloseReason::Idle
            | CloseReason::Rejected(_) => false,
        },
        Failure::Denied
        | Failure::NotRetried { .. }
        | Failure::Redirected(_)
        | Failure::Refused(_)
        | Failure::Shutdown
        | Failure::TooLong(_)
        | Failure::Unacknowledged
        | Failure::Unanswered
        | Failure::Unresolved(_) => false,
    }
}
