//! Error conditions of streams, stanzas and dialback.

use crate::stanza::ErrorType;
use crate::xml::ParseError;

/// Declares an enum of conditions with the names that the wire has.
macro_rules! conditions {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        $vis enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every condition.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name of the element on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The condition of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)* _unknown => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

conditions! {
    /// A stream error condition (RFC 6120 §4.9.3).
    pub enum StreamCondition {
        /// XML that cannot be processed (§4.9.3.1).
        BadFormat = "bad-format",
        /// A namespace prefix that is not supported (§4.9.3.2).
        BadNamespacePrefix = "bad-namespace-prefix",
        /// Another stream takes the place of this one (§4.9.3.3).
        Conflict = "conflict",
        /// The other side no longer answers (§4.9.3.4).
        ConnectionTimeout = "connection-timeout",
        /// The domain is no longer served (§4.9.3.5).
        HostGone = "host-gone",
        /// The domain is not served (§4.9.3.6).
        HostUnknown = "host-unknown",
        /// A missing or malformed address (§4.9.3.7).
        ImproperAddressing = "improper-addressing",
        /// A fault of the server (§4.9.3.8).
        InternalServerError = "internal-server-error",
        /// A `from` that was not proved (§4.9.3.9).
        InvalidFrom = "invalid-from",
        /// A wrong stream or content namespace (§4.9.3.10).
        InvalidNamespace = "invalid-namespace",
        /// XML that a schema forbids (§4.9.3.11).
        InvalidXml = "invalid-xml",
        /// Data before authentication (§4.9.3.12).
        NotAuthorized = "not-authorized",
        /// XML that is not well-formed (§4.9.3.13).
        NotWellFormed = "not-well-formed",
        /// A local rule was violated (§4.9.3.14).
        PolicyViolation = "policy-violation",
        /// A server that is needed cannot be reached (§4.9.3.15).
        RemoteConnectionFailed = "remote-connection-failed",
        /// The stream is closed so that a new one be negotiated (§4.9.3.16).
        Reset = "reset",
        /// Resources are short (§4.9.3.17).
        ResourceConstraint = "resource-constraint",
        /// XML that XMPP forbids (§4.9.3.18).
        RestrictedXml = "restricted-xml",
        /// Another host serves the domain (§4.9.3.19).
        SeeOtherHost = "see-other-host",
        /// The server stops (§4.9.3.20).
        SystemShutdown = "system-shutdown",
        /// None of the others (§4.9.3.21).
        UndefinedCondition = "undefined-condition",
        /// An encoding other than UTF-8 (§4.9.3.22).
        UnsupportedEncoding = "unsupported-encoding",
        /// A mandatory feature is not supported (§4.9.3.23).
        UnsupportedFeature = "unsupported-feature",
        /// A first-level element that is no stanza (§4.9.3.24).
        UnsupportedStanzaType = "unsupported-stanza-type",
        /// A version of XMPP that is not supported (§4.9.3.25).
        UnsupportedVersion = "unsupported-version",
    }
}

impl From<ParseError> for StreamCondition {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Comment
            | ParseError::Doctype
            | ParseError::EntityReference
            | ParseError::ProcessingInstruction => Self::RestrictedXml,
            ParseError::Encoding | ParseError::Utf8 => Self::UnsupportedEncoding,
            ParseError::Limit(_) => Self::PolicyViolation,
            ParseError::StrayText => Self::BadFormat,
            ParseError::CdataEndInText
            | ParseError::Declaration
            | ParseError::DuplicateAttribute
            | ParseError::IllegalCharacter(_)
            | ParseError::InvalidName
            | ParseError::MismatchedEndTag
            | ParseError::ReservedNamespace
            | ParseError::UndeclaredPrefix
            | ParseError::Unexpected(_) => Self::NotWellFormed,
        }
    }
}

conditions! {
    /// A stanza error condition (RFC 6120 §8.3.3).
    pub enum StanzaCondition {
        /// A malformed stanza (§8.3.3.1).
        BadRequest = "bad-request",
        /// A name is taken (§8.3.3.2).
        Conflict = "conflict",
        /// The feature is not implemented (§8.3.3.3).
        FeatureNotImplemented = "feature-not-implemented",
        /// The sender lacks the right (§8.3.3.4).
        Forbidden = "forbidden",
        /// The address is no longer in use (§8.3.3.5).
        Gone = "gone",
        /// A fault of the server (§8.3.3.6).
        InternalServerError = "internal-server-error",
        /// The address does not exist (§8.3.3.7).
        ItemNotFound = "item-not-found",
        /// A malformed address (§8.3.3.8).
        JidMalformed = "jid-malformed",
        /// The stanza does not meet criteria (§8.3.3.9).
        NotAcceptable = "not-acceptable",
        /// Nobody may do this (§8.3.3.10).
        NotAllowed = "not-allowed",
        /// The sender must authenticate (§8.3.3.11).
        NotAuthorized = "not-authorized",
        /// A local rule was violated (§8.3.3.12).
        PolicyViolation = "policy-violation",
        /// The recipient is not there (§8.3.3.13).
        RecipientUnavailable = "recipient-unavailable",
        /// Requests go elsewhere for now (§8.3.3.14).
        Redirect = "redirect",
        /// The sender must register (§8.3.3.15).
        RegistrationRequired = "registration-required",
        /// The domain does not exist or offers no service (§8.3.3.16).
        RemoteServerNotFound = "remote-server-not-found",
        /// The domain's server did not answer (§8.3.3.17).
        RemoteServerTimeout = "remote-server-timeout",
        /// Resources are short (§8.3.3.18).
        ResourceConstraint = "resource-constraint",
        /// The service is not offered (§8.3.3.19).
        ServiceUnavailable = "service-unavailable",
        /// The sender must subscribe (§8.3.3.20).
        SubscriptionRequired = "subscription-required",
        /// None of the others (§8.3.3.21).
        UndefinedCondition = "undefined-condition",
        /// The request came at the wrong time (§8.3.3.22).
        UnexpectedRequest = "unexpected-request",
    }
}

impl StanzaCondition {
    /// The error type that RFC 6120 §8.3.3 gives for the condition: what the sender may do.
    #[must_use]
    pub fn error_type(self) -> ErrorType {
        match self {
            Self::BadRequest
            | Self::JidMalformed
            | Self::NotAcceptable
            | Self::PolicyViolation
            | Self::Redirect => ErrorType::Modify,
            Self::Forbidden
            | Self::NotAuthorized
            | Self::RegistrationRequired
            | Self::SubscriptionRequired => ErrorType::Auth,
            Self::RecipientUnavailable
            | Self::RemoteServerTimeout
            | Self::ResourceConstraint
            | Self::UnexpectedRequest => ErrorType::Wait,
            Self::Conflict
            | Self::FeatureNotImplemented
            | Self::Gone
            | Self::InternalServerError
            | Self::ItemNotFound
            | Self::NotAllowed
            | Self::RemoteServerNotFound
            | Self::ServiceUnavailable
            | Self::UndefinedCondition => ErrorType::Cancel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        assert_eq!(StreamCondition::ALL.len(), 25);
        assert_eq!(StanzaCondition::ALL.len(), 22);
        for &condition in StreamCondition::ALL {
            assert_eq!(
                StreamCondition::from_name(condition.name()),
                Some(condition)
            );
        }
        for &condition in StanzaCondition::ALL {
            assert_eq!(
                StanzaCondition::from_name(condition.name()),
                Some(condition)
            );
        }
        assert_eq!(StreamCondition::from_name("text"), None);
    }

    #[test]
    fn bad_xml_gets_the_condition_of_the_rfc() {
        use crate::xml::Limit;
        for (error, condition) in [
            (ParseError::Comment, StreamCondition::RestrictedXml),
            (ParseError::EntityReference, StreamCondition::RestrictedXml),
            (ParseError::Encoding, StreamCondition::UnsupportedEncoding),
            (ParseError::Utf8, StreamCondition::UnsupportedEncoding),
            (
                ParseError::Limit(Limit::Depth(8)),
                StreamCondition::PolicyViolation,
            ),
            (ParseError::StrayText, StreamCondition::BadFormat),
            (ParseError::MismatchedEndTag, StreamCondition::NotWellFormed),
            (ParseError::UndeclaredPrefix, StreamCondition::NotWellFormed),
        ] {
            assert_eq!(StreamCondition::from(error), condition);
        }
    }
}
