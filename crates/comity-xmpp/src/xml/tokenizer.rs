use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use super::attributes::{Attribute, Attributes};
use super::scope::Scope;
use super::span::{Name, Span};
use super::state::{Partial, State};
use super::text::Text;
use super::{Limits, ParseError};

/// Cuts an XML stream into tokens and validates it, in one pass over bytes that may be cut anywhere.
///
/// It checks well-formedness, namespaces, the restrictions of RFC 6120 §11 and [`Limits`] while it
/// reads. It keeps only the source of one first-level element, so that a token's text can be read
/// in place and a whole stanza can be taken as the bytes that came.
///
/// ```
/// use comity_xmpp::xml::{Limits, Token, Tokenizer};
///
/// let mut tokenizer = Tokenizer::new(Limits::default());
/// let mut input: &[u8] = b"<stream xmlns='urn:example'><a x='1&am";
/// assert_eq!(tokenizer.advance(&mut input)?, Some(Token::Start));
/// assert_eq!((tokenizer.namespace(), tokenizer.local_name()), ("urn:example", "stream"));
/// assert_eq!(tokenizer.advance(&mut input)?, None); // cut inside a tag
///
/// let mut input: &[u8] = b"p;2'/>";
/// assert_eq!(tokenizer.advance(&mut input)?, Some(Token::Start));
/// assert_eq!(tokenizer.attributes().get("x").as_deref(), Some("1&2"));
/// assert_eq!(tokenizer.advance(&mut input)?, Some(Token::End));
/// assert_eq!(tokenizer.take_element(), b"<a x='1&amp;2'/>");
/// # Ok::<_, comity_xmpp::xml::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Tokenizer {
    pub(super) limits: Limits,
    pub(super) state: State,
    pub(super) partial: Partial,
    /// The source of the current first-level element, header or declaration.
    pub(super) buffer: String,
    /// Where the current name, value or text starts in `buffer`.
    pub(super) mark: usize,
    /// Where the local part of the current name starts in `buffer`, if it has a prefix.
    pub(super) colon: Option<usize>,
    /// Where the name of the current reference starts in `buffer`.
    pub(super) reference: usize,
    /// Whether the current value or text stands for itself, without references and line ends.
    pub(super) plain: bool,
    /// How many `]` stand directly before the next character of character data, at most two.
    pub(super) brackets: u8,
    /// The character data of the last [`Token::Text`].
    pub(super) text: Text,
    /// The element name of the last [`Token::Start`].
    pub(super) name: Name,
    /// The name of the attribute whose value comes next.
    pub(super) attribute: Name,
    pub(super) attributes: Vec<Attribute>,
    /// The names of the open elements inside `buffer`; that of the stream element is in `root`.
    pub(super) open: Vec<Span>,
    pub(super) root: String,
    pub(super) scope: Scope,
    /// Elements in the current first-level element so far.
    pub(super) elements: usize,
    /// Whether the last token used up the input, so that the next may be long in coming.
    is_idle: bool,
}

/// One token. What it holds is read from the [`Tokenizer`] until the next call of `advance`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "XML without what XMPP forbids has these three"
)]
pub enum Token {
    /// A start tag: see [`Tokenizer::namespace`], [`Tokenizer::local_name`],
    /// [`Tokenizer::attributes`]. An empty-element tag gives an `End` next.
    Start,
    /// Character data up to the next tag: see [`Tokenizer::text`]. A CDATA section and the text
    /// around it are tokens of their own.
    Text,
    /// The end of the innermost element.
    End,
}

impl Tokenizer {
    /// Creates a tokenizer for a new stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Prolog { fresh: true },
            partial: Partial::default(),
            buffer: String::new(),
            mark: 0,
            colon: None,
            reference: 0,
            plain: true,
            brackets: 0,
            text: Text::default(),
            name: Name::default(),
            attribute: Name::default(),
            attributes: Vec::new(),
            open: Vec::new(),
            root: String::new(),
            scope: Scope::default(),
            elements: 0,
            is_idle: false,
        }
    }

    /// A tokenizer that reads first-level elements in the scope of a stream header.
    pub(super) fn inside(scope: Scope, limits: Limits) -> Self {
        Self {
            state: State::Between { fresh: true },
            open: vec![Span::default()],
            scope,
            ..Self::new(limits)
        }
    }

    /// Replaces the bounds, from the next byte on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes bytes from the front of `input` up to the end of one token.
    ///
    /// `None` means that all of `input` was taken and that more is needed.
    ///
    /// # Errors
    ///
    /// The rule that the bytes violate. Nothing can be read after an error.
    pub fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Token>, ParseError> {
        let token = self.next_token(input)?;
        self.is_idle = input.is_empty();
        if token.is_none() {
            self.release();
        }
        Ok(token)
    }

    /// How many elements are open: 1 between stanzas, 2 directly inside a stanza.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The namespace of the element that the last [`Token::Start`] opened.
    #[must_use]
    pub fn namespace(&self) -> &str {
        // The prefix was resolved when the tag ended.
        self.scope
            .resolve(self.name.prefix(&self.buffer))
            .map_or("", |namespace| namespace)
    }

    /// The same, to be kept.
    pub(super) fn shared_namespace(&self) -> Arc<str> {
        let prefix = self.name.prefix(&self.buffer);
        self.scope.resolve(prefix).cloned().unwrap_or_default()
    }

    /// Where the name in the last [`Token::Start`] ends in the source of its first-level element.
    pub(crate) fn name_end(&self) -> usize {
        self.name.whole().1
    }

    /// Whether the last [`Token::Start`] has a prefix.
    pub(crate) fn is_prefixed(&self) -> bool {
        self.name.is_prefixed()
    }

    /// The name without prefix of the element that the last [`Token::Start`] opened.
    #[must_use]
    pub fn local_name(&self) -> &str {
        self.name.local(&self.buffer)
    }

    /// The attributes of the last [`Token::Start`], without namespace declarations.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes::new(&self.attributes, &self.buffer, &self.scope)
    }

    /// The characters of the last [`Token::Text`], with references resolved.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.text.read(&self.buffer)
    }

    /// Takes the source of the first-level element that just ended.
    #[must_use]
    pub fn take_element(&mut self) -> Vec<u8> {
        if self.is_idle || self.buffer.capacity() > MAX_KEPT_BYTES {
            let mut element = mem::take(&mut self.buffer).into_bytes();
            element.shrink_to_fit();
            self.release();
            return element;
        }
        // The next element is recorded in the same memory.
        let element = self.buffer.as_bytes().to_vec();
        self.buffer.clear();
        element
    }

    /// The namespace declarations in scope.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    fn next_token(&mut self, input: &mut &[u8]) -> Result<Option<Token>, ParseError> {
        if self.state == State::EmptyElement {
            return Ok(Some(self.close_element()));
        }
        while !input.is_empty() {
            if let Some(token) = self.take_piece(input)? {
                return Ok(Some(token));
            }
            // What does not pass as bytes is read as a character.
            if let Some(token) = self.take_char(input)? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    pub(super) fn slice(&self, span: Span) -> &str {
        span.of(&self.buffer)
    }
}

/// The most memory that is kept from one element for the next.
const MAX_KEPT_BYTES: usize = 1024;
