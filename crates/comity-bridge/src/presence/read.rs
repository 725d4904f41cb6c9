use bytes::Bytes;
use comity_sip::StatusCode;
use comity_sip::header::ContentType;
use comity_xmpp::Text;
use thiserror::Error;

use super::device::MAX_STATUSES;
use super::xml::{Bounds, Node, XmlError, is_legal};
use super::{Document, Limits, microsoft, pidf};

/// Why a document is not read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// It has a document type, which could declare entities.
    #[error("the document has a document type")]
    DocumentType,
    /// It is in an encoding other than UTF-8 and UTF-16.
    #[error("the document is neither UTF-8 nor UTF-16")]
    Encoding,
    /// It is longer than [`Limits::max_document_bytes`].
    #[error("the document is longer than {limit} bytes")]
    TooLong {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// It has more elements or attributes, or deeper ones, than the limits allow.
    #[error("the document has more elements or attributes than the limits allow")]
    TooLarge,
    /// It is not well-formed.
    #[error("the document is not well-formed")]
    Malformed,
    /// It is no presence document of a format that is known.
    #[error("the document is of no known format")]
    Type,
}

impl ReadError {
    /// The status that refuses a NOTIFY with such a document.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::DocumentType | Self::Encoding | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLong { .. } | Self::TooLarge => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            Self::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

impl From<XmlError> for ReadError {
    fn from(error: XmlError) -> Self {
        match error {
            XmlError::DocumentType => Self::DocumentType,
            XmlError::TooLarge => Self::TooLarge,
            XmlError::Encoding => Self::Encoding,
            XmlError::Malformed => Self::Malformed,
        }
    }
}

/// Reads a presence document. Its root element decides about its format, and the type has to be one of
/// XML.
///
/// # Errors
///
/// Why it is not read. A document that says nothing is read.
pub fn read(
    content_type: Option<ContentType<'_>>,
    body: &Bytes,
    limits: &Limits,
) -> Result<Document, ReadError> {
    let is_xml = |kind: ContentType<'_>| {
        let subtype = kind.subtype().to_ascii_lowercase();
        subtype == "xml" || subtype.ends_with("+xml") || subtype == "xml+msrtc.pidf"
    };
    if !content_type.is_none_or(is_xml) {
        return Err(ReadError::Type);
    }
    if body.len() > limits.max_document_bytes {
        let limit = limits.max_document_bytes;
        return Err(ReadError::TooLong { limit });
    }
    let bounds = Bounds {
        max_depth: limits.max_depth,
        max_elements: limits.max_elements,
        max_attributes: limits.max_attributes,
    };
    let root = Node::parse(body, bounds)?;
    let document = match &*root.name {
        "presence" if root.is(pidf::PIDF, "presence") => pidf::read(&root, limits),
        "presence" => microsoft::read_xpidf(&root, limits),
        "presentity" => microsoft::read_presentity(&root, limits),
        "categories" => microsoft::read_categories(&root, limits),
        _ => return Err(ReadError::Type),
    };
    Ok(document)
}

/// Adds a note, unless it is empty or there are enough.
pub(super) fn push_note(notes: &mut Vec<Text>, text: &str, lang: Option<&str>, limits: &Limits) {
    let legal = |character| match is_legal(character) && character != '\r' {
        true => character,
        false => char::REPLACEMENT_CHARACTER,
    };
    let text: String = text.trim().chars().take(limits.max_note_chars).collect();
    let text = text.trim_end();
    if text.is_empty() || notes.len() >= MAX_STATUSES {
        return;
    }
    let is_tag = |tag: &&str| {
        let legal = |character: char| character.is_ascii_alphanumeric() || character == '-';
        (1..=35).contains(&tag.len()) && tag.chars().all(legal)
    };
    notes.push(Text {
        lang: lang.filter(is_tag).map(Into::into),
        text: text.chars().map(legal).collect(),
    });
}
