use comity_sip::{BuildError, HeaderName, ResponseBuilder, StatusCode};
use thiserror::Error;

/// Why a body gives no text.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Unreadable {
    /// A charset that is not read here.
    #[error("the charset is not supported")]
    Charset,
    /// Bytes that are no text in their charset.
    #[error("the text is malformed in its charset")]
    Coding,
    /// A Content-Encoding other than `identity`.
    #[error("the content encoding is not supported")]
    Encoding,
    /// The offer of a file, in the dialect of Microsoft.
    #[error("files are not taken")]
    FileTransfer,
    /// The sender inside a CPIM envelope is not the one of the request, or its recipient.
    #[error("the addresses of the envelope are not those of the request")]
    Identity,
    /// A body that breaks the rules of its type.
    #[error("the body is malformed")]
    Malformed,
    /// A body without Content-Type.
    #[error("the body has no type")]
    NoType,
    /// A CPIM envelope that may not be opened without a feature that is not known here
    /// (RFC 3862 §4.6).
    #[error("the envelope requires a feature that is not known")]
    Required,
    /// Wrappers or groups that are nested too deep.
    #[error("the body is nested more than {limit} deep")]
    TooDeep {
        /// Which depth is allowed.
        limit: usize,
    },
    /// A body or text that is too long.
    #[error("the body is longer than {limit} bytes")]
    TooLong {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// A type that has no counterpart in XMPP.
    #[error("the type of the body is not supported")]
    Type,
}

impl Unreadable {
    /// The types that are read, as the value of Accept.
    pub const ACCEPT: &str = "text/plain, text/html, text/rtf, multipart/alternative, \
        multipart/mixed, multipart/related, message/cpim, application/im-iscomposing+xml, \
        message/imdn+xml";

    /// The status that refuses it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Charset | Self::Encoding | Self::FileTransfer | Self::Type => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Coding | Self::Malformed | Self::NoType => StatusCode::BAD_REQUEST,
            Self::Identity => StatusCode::FORBIDDEN,
            Self::Required => StatusCode::NOT_ACCEPTABLE_HERE,
            Self::TooDeep { .. } | Self::TooLong { .. } => StatusCode::REQUEST_ENTITY_TOO_LARGE,
        }
    }

    /// Says in a response what would be taken (RFC 3261 §21.4.13), or why it is refused.
    ///
    /// # Errors
    ///
    /// None for a response that has room for a header.
    pub fn explain(self, response: &mut ResponseBuilder) -> Result<(), BuildError> {
        match self {
            Self::Charset | Self::FileTransfer | Self::Type => {
                response.header(HeaderName::Accept, Self::ACCEPT)?
            }
            Self::Encoding => response.header(HeaderName::AcceptEncoding, "identity")?,
            Self::Coding
            | Self::Identity
            | Self::Malformed
            | Self::NoType
            | Self::Required
            | Self::TooDeep { .. }
            | Self::TooLong { .. } => response.reason(&self.to_string())?,
        };
        Ok(())
    }
}
