//! Where the tokenizer stands between two bytes.

use super::ParseError;
use super::span::Span;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Before the stream element; `fresh` until the first byte.
    Prolog {
        fresh: bool,
    },
    /// Between first-level elements; `fresh` until one has ended.
    Between {
        fresh: bool,
    },
    /// Inside a first-level element.
    Content,
    /// Inside a CDATA section.
    Cdata,
    /// Behind the stream element.
    Epilog,
    /// Behind `<`; `fresh` if that was the first byte of the stream.
    Markup {
        fresh: bool,
    },
    /// Behind `<!`.
    Bang,
    /// Inside a word that must follow.
    Literal {
        literal: Literal,
        matched: usize,
    },
    /// Inside the XML declaration.
    Declaration,
    ElementName,
    /// Behind an attribute value.
    TagGap,
    /// Behind white space in a start tag.
    TagSpace,
    AttributeName,
    /// Behind white space that follows an attribute name.
    AttributeEquals,
    /// Behind `=`.
    AttributeQuote,
    AttributeValue {
        quote: char,
    },
    /// Behind `/` in a start tag.
    EmptySlash,
    /// Behind an empty-element tag whose end is still to be told.
    EmptyElement,
    EndName,
    /// Behind the name of an end tag.
    EndSpace,
    /// Behind `&`, in the value within `quote` or in character data.
    Reference {
        quote: Option<char>,
    },
}

impl State {
    /// Whether no element and no tag is being read, so that nothing is recorded.
    pub(super) fn is_between(self) -> bool {
        matches!(
            self,
            Self::Between { .. } | Self::Epilog | Self::Prolog { .. }
        )
    }
}

/// What a character makes whole, to be looked at when it is recorded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    /// The character data before a tag or a CDATA section.
    Text,
    /// A reference, with where its name is.
    Reference(Span),
    /// The XML declaration.
    Declaration,
    /// The name of an attribute that has a prefix.
    AttributeName,
    StartTag,
    /// The name in an end tag, and the character behind it.
    EndName(Span, char),
    EndTag,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Literal {
    Cdata,
    Comment,
    Doctype,
    Xml,
}

impl Literal {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Cdata => "[CDATA[",
            Self::Comment => "--",
            Self::Doctype => "DOCTYPE",
            Self::Xml => "xml",
        }
    }

    pub(super) fn begin(self) -> State {
        State::Literal {
            literal: self,
            matched: 0,
        }
    }
}

/// The first bytes of a character that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Partial {
    bytes: [u8; 4],
    len: usize,
}

impl Partial {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the first bytes of a character.
    pub(super) fn begin(&mut self, bytes: &[u8]) {
        for (to, from) in self.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.len = bytes.len().min(self.bytes.len());
    }

    /// Adds a byte; gives the character if it is whole.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<char>, ParseError> {
        if self.len == 0 && byte.is_ascii() {
            return Ok(Some(byte.into()));
        }
        *self.bytes.get_mut(self.len).ok_or(ParseError::Utf8)? = byte;
        self.len += 1;
        match str::from_utf8(self.bytes.get(..self.len).unwrap_or_default()) {
            Ok(whole) => {
                self.len = 0;
                Ok(whole.chars().next())
            }
            Err(error) if error.error_len().is_none() => Ok(None),
            Err(_malformed) => Err(ParseError::Utf8),
        }
    }
}
