use crate::{IdentifierError, KeySizeError, SecretError, TimestampError};

/// Why a response is refused.
///
/// Elements are named without prefix. Nothing of what a secret holds shows in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// It is longer than [`Limits::max_document_bytes`](crate::Limits::max_document_bytes).
    #[error("the document is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Elements stand deeper inside each other than
    /// [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("more than {limit} elements stand inside each other")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// There are more than [`Limits::max_elements`](crate::Limits::max_elements).
    #[error("the document has more than {limit} elements")]
    TooManyElements {
        /// The limit.
        limit: usize,
    },
    /// One of them has more than [`Limits::max_attributes`](crate::Limits::max_attributes).
    #[error("an element has more than {limit} attributes")]
    TooManyAttributes {
        /// The limit.
        limit: usize,
    },
    /// The text of an element is longer than
    /// [`Limits::max_text_bytes`](crate::Limits::max_text_bytes).
    #[error("the text of {element} is longer than {limit} bytes")]
    TextTooLong {
        /// Its name.
        element: &'static str,
        /// The limit.
        limit: usize,
    },
    /// It is not UTF-8, or says that it is something else.
    #[error("the document is not in UTF-8")]
    Encoding,
    /// It has a document type, which could declare entities.
    #[error("the document has a document type")]
    DocumentType,
    /// It is not well-formed.
    #[error("the document is not well-formed")]
    Malformed,
    /// Its root is neither a response nor a collection of responses.
    #[error("the document is no RequestSecurityTokenResponse")]
    NotAResponse,
    /// It mixes both editions.
    #[error("the document mixes the namespaces of 2005/02 and of 200512")]
    MixedNamespaces,
    /// An element stands where text belongs.
    #[error("an element stands in the text of {element}")]
    ElementInText {
        /// The name of the outer one.
        element: &'static str,
    },
    /// An element is there a second time.
    #[error("there is more than one {element}")]
    Repeated {
        /// Its name.
        element: &'static str,
    },
    /// An element is not there.
    #[error("there is no {element}")]
    Missing {
        /// Its name.
        element: &'static str,
    },
    /// The token is not a security context token.
    #[error("the token type is not that of a security context")]
    TokenType,
    /// The identifier is none.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// The key size is not a number, or one that no key has.
    #[error("the key size is not a number of bits")]
    KeySizeSyntax,
    /// No key has that size.
    #[error(transparent)]
    KeySize(#[from] KeySizeError),
    /// A time is none.
    #[error("{element}: {error}")]
    Time {
        /// Of which element.
        element: &'static str,
        /// What is wrong with it.
        error: TimestampError,
    },
    /// A secret is none.
    #[error("the secret in {element}: {error}")]
    Secret {
        /// In which element.
        element: &'static str,
        /// What is wrong with it.
        error: SecretError,
    },
    /// A secret is of another type than a symmetric key or a nonce.
    #[error("the secret in {element} is neither a symmetric key nor a nonce")]
    SecretType {
        /// In which element.
        element: &'static str,
    },
    /// A secret is encrypted, for which there is no key here.
    #[error("the secret in {element} is encrypted")]
    Encrypted {
        /// In which element.
        element: &'static str,
    },
    /// The key is to be computed by something else than `CK/PSHA1` of the edition.
    #[error("the key is computed by an unknown algorithm")]
    ComputedKey,
    /// There are a key and an algorithm that would compute another one.
    #[error("there are a key and an algorithm to compute one")]
    KeyAndComputedKey,
    /// There is entropy, and nothing says what to make of it.
    #[error("there is entropy without a key that is computed of it")]
    UnusedEntropy,
}

/// The key of a response is made of the requestor's entropy, which is not at hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key is made of the requestor's entropy, and there is none")]
#[expect(clippy::exhaustive_structs, reason = "there is no more to say")]
pub struct NoClientEntropy;
