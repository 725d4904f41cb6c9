//! What is wrong with a message, where, and what to answer.

use std::fmt;

use thiserror::Error;

use crate::{HeaderName, StatusCode};

/// A rule of the grammar or a limit that some bytes break.
///
/// [`ParseError::offset`] counts bytes from the beginning of what was parsed: the message for a
/// [`Message`](crate::Message) and its headers, the text for a [`Uri`](crate::Uri) that was parsed
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{fault} in {place} at byte {offset}")]
pub struct ParseError {
    place: Place,
    offset: usize,
    fault: Fault,
}

impl ParseError {
    pub(crate) fn new(place: Place, offset: usize, fault: Fault) -> Self {
        Self {
            place,
            offset,
            fault,
        }
    }

    /// In which part of a message.
    pub fn place(&self) -> Place {
        self.place
    }

    /// How many bytes lie before the one that breaks the rule; where a value exceeds a limit, or a URI
    /// repeats a parameter, how many lie before the value.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Which rule is broken.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The status of the answer to a request with this error (RFC 3261 §21.4, §21.5). A response with
    /// an error is dropped (RFC 3261 §8.1.3).
    pub fn status(&self) -> StatusCode {
        let is_long_line = matches!(self.fault, Fault::HeaderTooLong { .. });
        if is_long_line && self.place == Place::StartLine {
            return StatusCode::REQUEST_URI_TOO_LONG;
        }
        let too_large = matches!(
            self.fault,
            Fault::HeadTooLong { .. }
                | Fault::HeaderTooLong { .. }
                | Fault::TooManyHeaders { .. }
                | Fault::BodyTooLong { .. }
                | Fault::MessageTooLong { .. }
        );
        if too_large {
            StatusCode::MESSAGE_TOO_LARGE
        } else if matches!(self.fault, Fault::UriTooLong { .. }) && self.place == Place::StartLine {
            StatusCode::REQUEST_URI_TOO_LONG
        } else {
            StatusCode::BAD_REQUEST
        }
    }
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The message as a whole, or the space between two messages of a stream.
    Message,
    /// The request line or the status line.
    StartLine,
    /// A header line whose name was not read: it is malformed, or the line is too long.
    HeaderLine,
    /// The value of a header, or its absence.
    Header(HeaderName),
    /// A URI that was parsed alone.
    Uri,
    /// The body.
    Body,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message => f.write_str("the message"),
            Self::StartLine => f.write_str("the start line"),
            Self::HeaderLine => f.write_str("a header line"),
            Self::Header(name) => f.write_str(name.as_str()),
            Self::Uri => f.write_str("a URI"),
            Self::Body => f.write_str("the body"),
        }
    }
}

/// A rule that bytes can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    // Framing.
    /// There is no message, only keep-alives or nothing.
    #[error("no message")]
    Empty,
    /// The first byte cannot begin a SIP message: TLS, STUN or something else.
    #[error("the first byte {octet:#04x} begins no SIP message")]
    NotSip {
        /// The byte.
        octet: u8,
    },
    /// A line ends with CR or LF alone, or a header has one of them in its value.
    #[error("a line end that is not CRLF")]
    BareLineEnd,
    /// There is a NUL in start line or headers without a backslash before it: a server in C would see
    /// another message.
    #[error("a NUL")]
    Nul,
    /// The bytes end before the empty line that closes the headers.
    #[error("no empty line behind the headers")]
    HeadTruncated,
    /// The first header line begins with white space, so that it continues nothing.
    #[error("a continuation of no header")]
    NothingToContinue,
    /// A header line has no name that is a token, or no colon behind it.
    #[error("no header name and colon")]
    HeaderName,
    /// A keep-alive before a message where the transport has its own.
    #[error("an empty line before the message")]
    LeadingLine,

    // Length of the body.
    /// A message on a stream does not say how long its body is.
    #[error("missing on a stream")]
    LengthMissing,
    /// There is more than one length.
    #[error("repeated length")]
    LengthRepeated,
    /// The length is not a number.
    #[error("a length that is no number")]
    LengthMalformed,
    /// The body is shorter than declared.
    #[error("{declared} bytes declared, {present} present")]
    BodyTruncated {
        /// The declared length; the largest number stands for every larger one.
        declared: u64,
        /// The bytes that are there.
        present: usize,
    },

    // Limits.
    /// Start line and headers are too long.
    #[error("more than {limit} bytes of start line and headers")]
    HeadTooLong {
        /// [`Limits::max_head_bytes`](crate::Limits::max_head_bytes).
        limit: u32,
    },
    /// A header line with its continuations, or the start line, is too long.
    #[error("a line of more than {limit} bytes")]
    HeaderTooLong {
        /// [`Limits::max_header_bytes`](crate::Limits::max_header_bytes).
        limit: u32,
    },
    /// There are too many header lines.
    #[error("more than {limit} headers")]
    TooManyHeaders {
        /// [`Limits::max_headers`](crate::Limits::max_headers).
        limit: u32,
    },
    /// A header is continued on too many lines.
    #[error("more than {limit} continuation lines")]
    TooManyFolds {
        /// [`Limits::max_folds`](crate::Limits::max_folds).
        limit: u32,
    },
    /// The declared body is too long.
    #[error("a body of {declared} bytes, more than {limit}")]
    BodyTooLong {
        /// The declared or present length; the largest number stands for every larger one.
        declared: u64,
        /// [`Limits::max_body_bytes`](crate::Limits::max_body_bytes).
        limit: u32,
    },
    /// Head and body together are too long.
    #[error("a message of more than {limit} bytes")]
    MessageTooLong {
        /// [`Limits::max_message_bytes`](crate::Limits::max_message_bytes).
        limit: u32,
    },
    /// A URI is too long.
    #[error("a URI of more than {limit} bytes")]
    UriTooLong {
        /// [`Limits::max_uri_bytes`](crate::Limits::max_uri_bytes).
        limit: u32,
    },
    /// A header has too many values on all its lines.
    #[error("more than {limit} values")]
    TooManyValues {
        /// The limit for this header.
        limit: u32,
    },
    /// A value or a URI has too many parameters.
    #[error("more than {limit} parameters")]
    TooManyParameters {
        /// [`Limits::max_parameters`](crate::Limits::max_parameters).
        limit: u32,
    },
    /// A multipart body has too many parts.
    #[error("more than {limit} body parts")]
    TooManyParts {
        /// [`Limits::max_parts`](crate::Limits::max_parts).
        limit: u32,
    },
    /// Multipart bodies are nested too deeply.
    #[error("bodies nested more than {limit} deep")]
    TooDeep {
        /// [`Limits::max_part_depth`](crate::Limits::max_part_depth).
        limit: u32,
    },

    // Start line.
    /// The request line is not method, space, URI, space, version.
    #[error("not method, URI and version between single spaces")]
    RequestLine,
    /// The status line is not version, space, code, space, reason.
    #[error("not version, code and reason between single spaces")]
    StatusLine,
    /// The status code is not a number from 100 to 699.
    #[error("a status code outside 100 to 699")]
    StatusCode,
    /// The version is not `SIP/` with two numbers.
    #[error("no SIP version")]
    Version,

    // Headers as a whole.
    /// The header is needed and absent.
    #[error("missing")]
    Missing,
    /// The header may stand once and stands more often.
    #[error("repeated")]
    Repeated,
    /// The header may not be empty.
    #[error("empty")]
    EmptyValue,

    // Values.
    /// A token should stand here (RFC 3261 §25.1).
    #[error("no token")]
    Token,
    /// A word should stand here (RFC 3261 §25.1).
    #[error("no word")]
    Word,
    /// A quoted string does not end, or holds a byte that it may not.
    #[error("no whole quoted string")]
    QuotedString,
    /// A comment does not end, or holds a byte that it may not.
    #[error("no whole comment")]
    Comment,
    /// Text is not UTF-8.
    #[error("text that is not UTF-8")]
    NotUtf8,
    /// A number should stand here.
    #[error("no number")]
    Number,
    /// A number is larger than the header allows.
    #[error("a number above {max}")]
    NumberTooLarge {
        /// The largest number allowed.
        max: u64,
    },
    /// A value from 0 to 1 with at most three decimals should stand here.
    #[error("no value from 0 to 1 with at most three decimals")]
    Quality,
    /// A certain byte should stand here.
    #[error("no {expected:?}")]
    Separator {
        /// The byte, as a character.
        expected: char,
    },
    /// White space should stand here.
    #[error("no white space")]
    WhiteSpace,
    /// A host name or an IP address should stand here.
    #[error("no host")]
    Host,
    /// A port should stand here.
    #[error("no port from 0 to 65535")]
    Port,
    /// The value goes on where it should end.
    #[error("more than the value")]
    Trailing,
    /// A parameter whose form is fixed has another one.
    #[error("a malformed parameter")]
    Parameter,
    /// A parameter that may stand once stands more often.
    #[error("a repeated parameter")]
    RepeatedParameter,
    /// A date of RFC 1123 in GMT should stand here.
    #[error("no date in GMT")]
    Date,
    /// A `*` stands beside other contacts.
    #[error("a * that is not alone")]
    Star,

    // URIs.
    /// A URI begins with a scheme and a colon.
    #[error("no URI scheme")]
    Scheme,
    /// A percent sign without two hexadecimal digits.
    #[error("a malformed escape")]
    Escape,
    /// What is before the `@` is not a user with an optional password.
    #[error("no user")]
    User,
    /// A telephone number has no digits, or other characters than digits and separators.
    #[error("no telephone number")]
    TelephoneNumber,
    /// An `im` or `pres` URI has a port or parameters.
    #[error("a port or parameters, which im and pres URIs do not have")]
    Mailbox,
    /// A parameter of a URI has no name, or a value that is empty.
    #[error("a malformed URI parameter")]
    UriParameter,
    /// A header of a URI has no name or no `=`.
    #[error("a malformed URI header")]
    UriHeader,
    /// A byte that no URI of this scheme holds.
    #[error("a byte that a URI does not hold")]
    UriByte,

    // Bodies.
    /// A multipart type has no usable boundary.
    #[error("no usable boundary")]
    Boundary,
    /// A multipart body does not end with its closing delimiter.
    #[error("no closing delimiter")]
    Unterminated,
    /// A body part's headers are malformed.
    #[error("malformed headers of a body part")]
    PartHeaders,
}
