/// Why bytes are not an XML stream as XMPP allows it.
///
/// [`StreamCondition::from`](crate::StreamCondition) gives the stream error of each.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// `]]>` in character data.
    #[error("']]>' in character data")]
    CdataEndInText,
    /// A comment (RFC 6120 §11.1).
    #[error("a comment")]
    Comment,
    /// The XML declaration is malformed.
    #[error("a malformed XML declaration")]
    Declaration,
    /// A document type declaration (RFC 6120 §11.1).
    #[error("a document type declaration")]
    Doctype,
    /// Two attributes of one tag have the same expanded name.
    #[error("a repeated attribute")]
    DuplicateAttribute,
    /// The XML declaration names an encoding other than UTF-8 (RFC 6120 §11.6).
    #[error("an encoding other than UTF-8")]
    Encoding,
    /// A reference to an entity that is not predefined (RFC 6120 §11.1).
    #[error("a reference to an entity that is not predefined")]
    EntityReference,
    /// A limit was passed.
    #[error("{0}")]
    Limit(#[from] Limit),
    /// A character that XML does not allow, written or referred to.
    #[error("the character {0:?}, which XML does not allow")]
    IllegalCharacter(char),
    /// A malformed element or attribute name.
    #[error("a malformed name")]
    InvalidName,
    /// An end tag that does not match its start tag.
    #[error("an end tag that does not match its start tag")]
    MismatchedEndTag,
    /// A prefix or namespace that XML reserves was declared or used.
    #[error("a misuse of a reserved prefix or namespace")]
    ReservedNamespace,
    /// A processing instruction (RFC 6120 §11.1).
    #[error("a processing instruction")]
    ProcessingInstruction,
    /// Character data other than white space outside first-level elements.
    #[error("text between first-level elements")]
    StrayText,
    /// A prefix that no declaration in scope binds.
    #[error("an undeclared namespace prefix")]
    UndeclaredPrefix,
    /// A character where the grammar has another.
    #[error("an unexpected {0:?}")]
    Unexpected(char),
    /// Bytes that are not UTF-8.
    #[error("bytes that are not UTF-8")]
    Utf8,
}

/// A bound of [`Limits`](super::Limits) that the peer's XML passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// [`max_attributes`](super::Limits::max_attributes).
    #[error("more than {0} attributes in a tag")]
    Attributes(usize),
    /// [`max_depth`](super::Limits::max_depth).
    #[error("elements nested deeper than {0}")]
    Depth(usize),
    /// [`max_element_bytes`](super::Limits::max_element_bytes).
    #[error("a first-level element longer than {0} bytes")]
    ElementBytes(usize),
    /// [`max_elements`](super::Limits::max_elements).
    #[error("more than {0} elements in a first-level element")]
    Elements(usize),
    /// [`max_header_bytes`](super::Limits::max_header_bytes).
    #[error("a stream header longer than {0} bytes")]
    HeaderBytes(usize),
    /// [`max_name_bytes`](super::Limits::max_name_bytes).
    #[error("a name longer than {0} bytes")]
    NameBytes(usize),
    /// [`max_namespace_bytes`](super::Limits::max_namespace_bytes).
    #[error("a namespace longer than {0} bytes")]
    NamespaceBytes(usize),
    /// [`max_namespaces`](super::Limits::max_namespaces).
    #[error("more than {0} namespace declarations in scope")]
    Namespaces(usize),
    /// [`max_value_bytes`](super::Limits::max_value_bytes).
    #[error("an attribute value longer than {0} bytes")]
    ValueBytes(usize),
}
