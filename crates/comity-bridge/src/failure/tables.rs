//! The tables of RFC 7247 §7.

use comity_sip::StatusCode;
use comity_xmpp::{ErrorType, Jid, StanzaCondition, StanzaError};

/// To whom a stanza went that was answered by an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an address has a resource or none")]
pub enum Recipient {
    /// A user, whatever the device: the error holds for all of them.
    Bare,
    /// One device.
    Full,
}

impl Recipient {
    /// Which of both an address is.
    #[must_use]
    pub fn of(jid: &Jid) -> Self {
        match jid.resource() {
            Some(_) => Self::Full,
            None => Self::Bare,
        }
    }
}

/// The status for an error of XMPP (RFC 7247 §7.1, table 2). It is never 503, which would make a
/// SIP client give up on the gateway for everybody.
///
/// Where the table has two codes and the recipient does not decide, the error itself does: `gone` is
/// 301 with a new address and else 410; `remote-server-not-found` is 408 and `unexpected-request` is
/// 491 if the sender may wait and try again, and else 404 and 400; `service-unavailable` is 405 of one
/// device and else 403.
#[must_use]
pub fn status(error: &StanzaError, recipient: Recipient) -> StatusCode {
    let waits = error.error_type == ErrorType::Wait;
    let by_recipient = |full, bare| match recipient {
        Recipient::Full => full,
        Recipient::Bare => bare,
    };
    match error.condition {
        StanzaCondition::FeatureNotImplemented => {
            by_recipient(StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED)
        }
        StanzaCondition::Forbidden => by_recipient(StatusCode::FORBIDDEN, StatusCode::DECLINE),
        StanzaCondition::Gone if error.uri.is_some() => StatusCode::MOVED_PERMANENTLY,
        StanzaCondition::Gone => StatusCode::GONE,
        StanzaCondition::InternalServerError | StanzaCondition::ResourceConstraint => {
            StatusCode::SERVER_INTERNAL_ERROR
        }
        StanzaCondition::ItemNotFound => {
            by_recipient(StatusCode::NOT_FOUND, StatusCode::DOES_NOT_EXIST_ANYWHERE)
        }
        StanzaCondition::NotAcceptable => by_recipient(
            StatusCode::NOT_ACCEPTABLE,
            StatusCode::NOT_ACCEPTABLE_ANYWHERE,
        ),
        StanzaCondition::NotAllowed | StanzaCondition::PolicyViolation => StatusCode::FORBIDDEN,
        StanzaCondition::NotAuthorized => StatusCode::UNAUTHORIZED,
        StanzaCondition::RecipientUnavailable => by_recipient(
            StatusCode::TEMPORARILY_UNAVAILABLE,
            StatusCode::BUSY_EVERYWHERE,
        ),
        StanzaCondition::Redirect => StatusCode::MOVED_TEMPORARILY,
        StanzaCondition::RegistrationRequired => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StanzaCondition::RemoteServerNotFound if waits => StatusCode::REQUEST_TIMEOUT,
        StanzaCondition::RemoteServerNotFound => StatusCode::NOT_FOUND,
        StanzaCondition::RemoteServerTimeout => StatusCode::REQUEST_TIMEOUT,
        StanzaCondition::ServiceUnavailable => {
            by_recipient(StatusCode::METHOD_NOT_ALLOWED, StatusCode::FORBIDDEN)
        }
        StanzaCondition::UnexpectedRequest if waits => StatusCode::REQUEST_PENDING,
        StanzaCondition::BadRequest
        | StanzaCondition::Conflict
        | StanzaCondition::JidMalformed
        | StanzaCondition::SubscriptionRequired
        | StanzaCondition::UndefinedCondition
        | StanzaCondition::UnexpectedRequest
        | _ => StatusCode::BAD_REQUEST,
    }
}

/// The condition for a status (RFC 7247 §7.2, table 3); a code that is not in the table has that of
/// its class. A status that is no error has none, and gives `undefined-condition`.
#[must_use]
pub fn condition(status: StatusCode) -> StanzaCondition {
    let code = status.code();
    let row = CONDITIONS.iter().find(|(own, _)| *own == code);
    if let Some((_, condition)) = row {
        return *condition;
    }
    match code {
        300..400 => StanzaCondition::Redirect,
        400..500 => StanzaCondition::BadRequest,
        500..600 => StanzaCondition::InternalServerError,
        600..700 => StanzaCondition::RecipientUnavailable,
        _ => StanzaCondition::UndefinedCondition,
    }
}

/// Table 3 without the rows of classes.
const CONDITIONS: [(u16, StanzaCondition); 48] = [
    (300, StanzaCondition::Redirect),
    (301, StanzaCondition::Gone),
    (302, StanzaCondition::Redirect),
    (305, StanzaCondition::Redirect),
    (380, StanzaCondition::NotAcceptable),
    (400, StanzaCondition::BadRequest),
    (401, StanzaCondition::NotAuthorized),
    (402, StanzaCondition::BadRequest),
    (403, StanzaCondition::Forbidden),
    (404, StanzaCondition::ItemNotFound),
    (405, StanzaCondition::FeatureNotImplemented),
    (406, StanzaCondition::NotAcceptable),
    (407, StanzaCondition::RegistrationRequired),
    (408, StanzaCondition::RemoteServerTimeout),
    (410, StanzaCondition::Gone),
    (413, StanzaCondition::PolicyViolation),
    (414, StanzaCondition::PolicyViolation),
    (415, StanzaCondition::NotAcceptable),
    (416, StanzaCondition::NotAcceptable),
    (420, StanzaCondition::FeatureNotImplemented),
    (421, StanzaCondition::NotAcceptable),
    (423, StanzaCondition::ResourceConstraint),
    (430, StanzaCondition::RecipientUnavailable),
    (439, StanzaCondition::FeatureNotImplemented),
    (440, StanzaCondition::PolicyViolation),
    (480, StanzaCondition::RecipientUnavailable),
    (481, StanzaCondition::ItemNotFound),
    (482, StanzaCondition::NotAcceptable),
    (483, StanzaCondition::NotAcceptable),
    (484, StanzaCondition::ItemNotFound),
    (485, StanzaCondition::ItemNotFound),
    (486, StanzaCondition::RecipientUnavailable),
    (487, StanzaCondition::RecipientUnavailable),
    (488, StanzaCondition::NotAcceptable),
    (489, StanzaCondition::PolicyViolation),
    (491, StanzaCondition::UnexpectedRequest),
    (493, StanzaCondition::BadRequest),
    (500, StanzaCondition::InternalServerError),
    (501, StanzaCondition::FeatureNotImplemented),
    (502, StanzaCondition::RemoteServerNotFound),
    (503, StanzaCondition::InternalServerError),
    (504, StanzaCondition::RemoteServerTimeout),
    (505, StanzaCondition::NotAcceptable),
    (513, StanzaCondition::PolicyViolation),
    (600, StanzaCondition::RecipientUnavailable),
    (603, StanzaCondition::RecipientUnavailable),
    (604, StanzaCondition::ItemNotFound),
    (606, StanzaCondition::NotAcceptable),
];
