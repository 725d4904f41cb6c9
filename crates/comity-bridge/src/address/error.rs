use comity_sip::StatusCode;
use comity_xmpp::{JidError, StanzaCondition};
use thiserror::Error;

/// Why an address has no counterpart on the other side.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AddressError {
    /// A control character or NUL in the user.
    #[error("the user holds a control character")]
    Control,
    /// The host is no domain name that DNS can have.
    #[error("the host is no domain name: {0}")]
    Domain(comity_identity::ParseError),
    /// The user begins or ends with a space (XEP-0106 §4).
    #[error("the user begins or ends with a space")]
    EdgeSpace,
    /// The host is an IP address, which cannot federate.
    #[error("the host is an IP address")]
    IpAddress,
    /// The parts make no XMPP address.
    #[error(transparent)]
    Jid(#[from] JidError),
    /// The escapes of the localpart are such that another one stands for the same SIP user.
    #[error("the localpart has escapes that no SIP user leads to")]
    NotCanonical,
    /// Percent-escapes that make no UTF-8 (RFC 7247 §6.4).
    #[error("the address is not UTF-8")]
    NotUtf8,
    /// A URI with a password.
    #[error("the URI has a password")]
    Password,
    /// A scheme other than `sip`, `pres` and `im`.
    #[error("the scheme is not one of sip, pres and im")]
    Scheme,
    /// `sips`: TLS on each hop cannot be promised on the other side (RFC 7247 §8).
    #[error("a sips URI does not cross to XMPP")]
    Secure,
    /// A telephone number: `tel`, `user=phone` or `phone-context`.
    #[error("the URI is a telephone number")]
    Telephone(Telephone),
    /// A URI that would be longer than SIP elements take.
    #[error("the address is too long for a URI")]
    TooLong,
    /// Text that is no URI.
    #[error("the text is no URI")]
    Uri,
}

/// How a URI says that it is a telephone number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Telephone {
    /// By its scheme `tel` (RFC 3966).
    Scheme,
    /// By the parameter `user=phone`, or `phone-context` inside the user (RFC 3261 §19.1.6).
    User,
}

impl AddressError {
    /// The status that answers a SIP request to or from such an address.
    ///
    /// A user that XMPP cannot have does not exist (404), a number wants a rule that completes it
    /// (484), a scheme that nobody serves is 416, and `sips` is 480 as the recipient is there, but not
    /// with that security (RFC 7247 §8).
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Control
            | Self::Domain(_)
            | Self::EdgeSpace
            | Self::IpAddress
            | Self::Jid(_)
            | Self::NotCanonical
            | Self::Password => StatusCode::NOT_FOUND,
            Self::NotUtf8 | Self::Uri => StatusCode::BAD_REQUEST,
            Self::Scheme | Self::Telephone(Telephone::Scheme) => StatusCode::UNSUPPORTED_URI_SCHEME,
            Self::Secure => StatusCode::TEMPORARILY_UNAVAILABLE,
            Self::Telephone(Telephone::User) => StatusCode::ADDRESS_INCOMPLETE,
            Self::TooLong => StatusCode::REQUEST_URI_TOO_LONG,
        }
    }

    /// The condition that answers a stanza to or from such an address.
    #[must_use]
    pub fn condition(self) -> StanzaCondition {
        StanzaCondition::JidMalformed
    }
}
