//! Methods.

use std::fmt;

use crate::grammar::{self, Ascii};

/// The method of a request. Upper and lower case differ (RFC 3261 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method<'a> {
    /// Opens a session (RFC 3261 §13).
    Invite,
    /// Confirms the final response to an INVITE (RFC 3261 §13).
    Ack,
    /// Ends a session (RFC 3261 §15).
    Bye,
    /// Withdraws a request (RFC 3261 §9).
    Cancel,
    /// Asks what somebody can do (RFC 3261 §11).
    Options,
    /// Binds contacts to an address (RFC 3261 §10).
    Register,
    /// Confirms a provisional response (RFC 3262).
    Prack,
    /// Asks for notifications (RFC 6665).
    Subscribe,
    /// Tells a state (RFC 6665).
    Notify,
    /// Publishes a state (RFC 3903).
    Publish,
    /// Carries something inside a session (RFC 6086).
    Info,
    /// Asks for a request to somebody else (RFC 3515).
    Refer,
    /// Carries an instant message (RFC 3428).
    Message,
    /// Changes a session (RFC 3311).
    Update,
    /// A NOTIFY that is not answered (Microsoft, MS-SIP).
    Benotify,
    /// A request with a SOAP body (Microsoft, MS-SIP).
    Service,
    /// Negotiates compression (Microsoft, MS-SIPCOMP).
    Negotiate,
    /// Any other token.
    Extension(Extension<'a>),
}

/// A method that has no name of its own in [`Method`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extension<'a>(Ascii<'a>);

impl<'a> Method<'a> {
    /// The method with this name; `None` if it is not a token.
    pub fn new(name: &'a str) -> Option<Self> {
        grammar::is_token(name.as_bytes()).then(|| Self::from_token(Ascii::proved(name.as_bytes())))
    }

    pub(crate) fn from_token(name: Ascii<'a>) -> Self {
        match Self::known(name.as_bytes()) {
            Some(method) => method,
            None => Self::Extension(Extension(name)),
        }
    }

    /// The method with this name, if it has a name of its own.
    pub(crate) fn known(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"OPTIONS" => Self::Options,
            b"REGISTER" => Self::Register,
            b"PRACK" => Self::Prack,
            b"SUBSCRIBE" => Self::Subscribe,
            b"NOTIFY" => Self::Notify,
            b"PUBLISH" => Self::Publish,
            b"INFO" => Self::Info,
            b"REFER" => Self::Refer,
            b"MESSAGE" => Self::Message,
            b"UPDATE" => Self::Update,
            b"BENOTIFY" => Self::Benotify,
            b"SERVICE" => Self::Service,
            b"NEGOTIATE" => Self::Negotiate,
            _ => return None,
        })
    }

    /// The name as it stands in a message.
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Prack => "PRACK",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Publish => "PUBLISH",
            Self::Info => "INFO",
            Self::Refer => "REFER",
            Self::Message => "MESSAGE",
            Self::Update => "UPDATE",
            Self::Benotify => "BENOTIFY",
            Self::Service => "SERVICE",
            Self::Negotiate => "NEGOTIATE",
            Self::Extension(Extension(name)) => name.as_str(),
        }
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
