use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use super::attributes::{Attribute, Attributes, Span, split_name};
use super::chars::{NAME, TEXT, VALUE, is_char, is_name_char, is_name_start, is_space, plain_run};
use super::scope::Scope;
use super::state::{Literal, Partial, State};
use super::{Limit, Limits, ParseError, declaration, text};

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
    partial: Partial,
    /// The source of the current first-level element, header or declaration.
    pub(super) buffer: String,
    /// Where the current name, value or text starts in `buffer`.
    pub(super) mark: usize,
    /// Where the name of the current reference starts in `buffer`.
    pub(super) reference: usize,
    /// How many `]` stand directly before the next character of character data, at most two.
    brackets: u8,
    /// The element name or the character data of the last token.
    pub(super) token: Span,
    /// Whether the last text came from a CDATA section.
    cdata: bool,
    /// The name of the attribute whose value comes next.
    pub(super) attribute: Span,
    pub(super) attributes: Vec<Attribute>,
    /// The names of the open elements inside `buffer`; that of the stream element is in `root`.
    pub(super) open: Vec<Span>,
    pub(super) root: String,
    pub(super) scope: Scope,
    /// Elements in the current first-level element so far.
    pub(super) elements: usize,
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
            reference: 0,
            brackets: 0,
            token: Span::default(),
            cdata: false,
            attribute: Span::default(),
            attributes: Vec::new(),
            open: Vec::new(),
            root: String::new(),
            scope: Scope::default(),
            elements: 0,
        }
    }

    /// A tokenizer that reads first-level elements in the scope of a stream header.
    pub(super) fn inside(scope: Scope, limits: Limits) -> Self {
        Self {
            state: State::Content,
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
        if self.state == State::EmptyElement {
            return Ok(Some(self.close_element()));
        }
        while !input.is_empty() {
            self.take_run(input)?;
            if let Some(c) = self.next_char(input)?
                && let Some(token) = self.step(c)?
            {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    /// How many elements are open: 1 between stanzas, 2 directly inside a stanza.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The namespace of the element that the last [`Token::Start`] opened.
    #[must_use]
    pub fn namespace(&self) -> &str {
        let (prefix, _) = split_name(self.slice(self.token));
        // The prefix was resolved when the tag ended.
        self.scope.resolve(prefix).map_or("", |namespace| namespace)
    }

    /// The same, to be kept.
    pub(super) fn shared_namespace(&self) -> Arc<str> {
        let (prefix, _) = split_name(self.slice(self.token));
        self.scope.resolve(prefix).cloned().unwrap_or_default()
    }

    /// What the header declares that ours does not: see [`Scope::foreign`].
    pub(crate) fn header_scope(&self) -> impl Iterator<Item = (&str, &str)> {
        self.scope.foreign()
    }

    /// Where the name in the last [`Token::Start`] ends in the source of its first-level element.
    pub(crate) fn name_end(&self) -> usize {
        self.token.1
    }

    /// Whether the last [`Token::Start`] has a prefix.
    pub(crate) fn is_prefixed(&self) -> bool {
        self.slice(self.token).contains(':')
    }

    /// The name without prefix of the element that the last [`Token::Start`] opened.
    #[must_use]
    pub fn local_name(&self) -> &str {
        split_name(self.slice(self.token)).1
    }

    /// The attributes of the last [`Token::Start`], without namespace declarations.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes::new(&self.attributes, &self.buffer, &self.scope)
    }

    /// The characters of the last [`Token::Text`], with references resolved.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let source = self.slice(self.token);
        if self.cdata {
            text::normalize_lines(source)
        } else {
            text::unescape_text(source)
        }
    }

    /// Takes the source of the first-level element that just ended.
    #[must_use]
    pub fn take_element(&mut self) -> Vec<u8> {
        mem::take(&mut self.buffer).into_bytes()
    }

    /// The namespace declarations in scope.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Takes the longest run of bytes that cannot change the state.
    fn take_run(&mut self, input: &mut &[u8]) -> Result<(), ParseError> {
        let class = match self.state {
            State::Content | State::Cdata if self.open.len() > 1 => TEXT,
            State::AttributeValue { .. } => VALUE,
            State::ElementName | State::AttributeName | State::EndName => NAME,
            State::AttributeEquals
            | State::AttributeQuote
            | State::Bang
            | State::Cdata
            | State::Content
            | State::Declaration
            | State::EmptyElement
            | State::EmptySlash
            | State::EndSpace
            | State::Epilog
            | State::Literal { .. }
            | State::Markup { .. }
            | State::Prolog { .. }
            | State::Reference { .. }
            | State::TagGap
            | State::TagSpace => return Ok(()),
        };
        if self.partial.is_empty()
            && let Some((run, rest)) = input.split_at_checked(plain_run(input, class))
            && !run.is_empty()
        {
            *input = rest;
            self.brackets = 0;
            // The classes hold ASCII only.
            self.record(str::from_utf8(run).map_err(|_not_ascii| ParseError::Utf8)?)?;
        }
        Ok(())
    }

    /// The next character, or `None` if `input` ends before it is whole.
    fn next_char(&mut self, input: &mut &[u8]) -> Result<Option<char>, ParseError> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if let Some(c) = self.partial.push(byte)? {
                return if is_char(c) {
                    Ok(Some(c))
                } else {
                    Err(ParseError::IllegalCharacter(c))
                };
            }
        }
        Ok(None)
    }

    fn record(&mut self, source: &str) -> Result<(), ParseError> {
        self.check_room(source.len())?;
        self.buffer.push_str(source);
        Ok(())
    }

    /// Checks that so many bytes more may be recorded.
    fn check_room(&self, len: usize) -> Result<(), ParseError> {
        let outside = self.open.is_empty();
        let limit = if outside {
            self.limits.max_header_bytes
        } else {
            self.limits.max_element_bytes
        };
        if self.buffer.len().saturating_add(len) <= limit {
            Ok(())
        } else if outside {
            Err(Limit::HeaderBytes(limit).into())
        } else {
            Err(Limit::ElementBytes(limit).into())
        }
    }

    fn step(&mut self, c: char) -> Result<Option<Token>, ParseError> {
        let before = self.buffer.len();
        let between = match self.state {
            State::Prolog { .. } | State::Epilog => true,
            State::Content => self.open.len() == 1,
            State::AttributeEquals
            | State::AttributeName
            | State::AttributeQuote
            | State::AttributeValue { .. }
            | State::Bang
            | State::Cdata
            | State::Declaration
            | State::ElementName
            | State::EmptyElement
            | State::EmptySlash
            | State::EndName
            | State::EndSpace
            | State::Literal { .. }
            | State::Markup { .. }
            | State::Reference { .. }
            | State::TagGap
            | State::TagSpace => false,
        };
        if !between {
            self.check_room(c.len_utf8())?;
            self.buffer.push(c);
        }
        match self.state {
            State::Content if !between => self.step_content(c, before),
            State::Prolog { .. } | State::Content | State::Epilog => {
                self.step_between(c).map(|()| None)
            }
            State::Cdata => Ok(self.step_cdata(c)),
            State::Markup { fresh } => self.step_markup(c, before, fresh).map(|()| None),
            State::Bang => self.step_bang(c).map(|()| None),
            State::Literal { literal, matched } => {
                self.step_literal(c, literal, matched).map(|()| None)
            }
            State::Declaration => self.step_declaration(c).map(|()| None),
            State::ElementName
            | State::TagGap
            | State::TagSpace
            | State::EmptySlash
            | State::EmptyElement => self.step_tag(c, before),
            State::AttributeName
            | State::AttributeEquals
            | State::AttributeQuote
            | State::AttributeValue { .. } => self.step_attribute(c, before).map(|()| None),
            State::EndName | State::EndSpace => self.step_end_tag(c, before),
            State::Reference { quote } => self.step_reference(c, before, quote).map(|()| None),
        }
    }

    /// Between first-level elements, before the stream element and behind it.
    fn step_between(&mut self, c: char) -> Result<(), ParseError> {
        let fresh = self.state == (State::Prolog { fresh: true });
        if c == '<' && self.state != State::Epilog {
            self.buffer.clear();
            self.record("<")?;
            self.state = State::Markup { fresh };
        } else if !is_space(c) {
            return Err(ParseError::StrayText);
        } else if fresh {
            self.state = State::Prolog { fresh: false };
        }
        Ok(())
    }

    fn step_content(&mut self, c: char, before: usize) -> Result<Option<Token>, ParseError> {
        let brackets = mem::take(&mut self.brackets);
        match c {
            '<' => {
                self.state = State::Markup { fresh: false };
                self.token = Span(self.mark, before);
                self.cdata = false;
                return Ok((self.mark < before).then_some(Token::Text));
            }
            '&' => {
                self.state = State::Reference { quote: None };
                self.reference = self.buffer.len();
            }
            ']' => self.brackets = (brackets + 1).min(2),
            '>' if brackets == 2 => return Err(ParseError::CdataEndInText),
            _text => {}
        }
        Ok(None)
    }

    fn step_cdata(&mut self, c: char) -> Option<Token> {
        let brackets = mem::take(&mut self.brackets);
        match c {
            ']' => self.brackets = (brackets + 1).min(2),
            '>' if brackets == 2 => {
                let end = self.buffer.len().saturating_sub("]]>".len());
                self.token = Span(self.mark, end);
                self.cdata = true;
                let empty = self.mark == end;
                self.enter_content();
                return (!empty).then_some(Token::Text);
            }
            _text => {}
        }
        None
    }

    pub(super) fn enter_content(&mut self) {
        self.state = State::Content;
        self.mark = self.buffer.len();
        self.brackets = 0;
    }

    fn step_markup(&mut self, c: char, before: usize, fresh: bool) -> Result<(), ParseError> {
        self.state = match c {
            '/' if !self.open.is_empty() => {
                self.mark = self.buffer.len();
                State::EndName
            }
            '!' => State::Bang,
            '?' if fresh => Literal::Xml.begin(),
            '?' => return Err(ParseError::ProcessingInstruction),
            c if is_name_start(c) => {
                self.mark = before;
                self.attributes.clear();
                State::ElementName
            }
            c => return Err(ParseError::Unexpected(c)),
        };
        Ok(())
    }

    fn step_bang(&mut self, c: char) -> Result<(), ParseError> {
        let literal = match c {
            '-' => Literal::Comment,
            '[' => Literal::Cdata,
            'D' => Literal::Doctype,
            c => return Err(ParseError::Unexpected(c)),
        };
        self.step_literal(c, literal, 0)
    }

    fn step_literal(
        &mut self,
        c: char,
        literal: Literal,
        matched: usize,
    ) -> Result<(), ParseError> {
        let mut rest = literal.text().chars().skip(matched);
        if rest.next() != Some(c) {
            return Err(match literal {
                Literal::Xml => ParseError::ProcessingInstruction,
                Literal::Cdata | Literal::Comment | Literal::Doctype => ParseError::Unexpected(c),
            });
        }
        if rest.next().is_some() {
            let matched = matched + 1;
            self.state = State::Literal { literal, matched };
            return Ok(());
        }
        match literal {
            Literal::Comment => return Err(ParseError::Comment),
            Literal::Doctype => return Err(ParseError::Doctype),
            Literal::Cdata if self.open.len() < 2 => return Err(ParseError::StrayText),
            Literal::Cdata => {
                self.enter_content();
                self.state = State::Cdata;
            }
            Literal::Xml => {
                self.mark = self.buffer.len();
                self.state = State::Declaration;
            }
        }
        Ok(())
    }

    fn step_declaration(&mut self, c: char) -> Result<(), ParseError> {
        if c == '>' {
            let source = self.slice(Span(self.mark, self.buffer.len()));
            declaration::check(source.strip_suffix("?>").ok_or(ParseError::Declaration)?)?;
            self.state = State::Prolog { fresh: false };
        }
        Ok(())
    }

    fn step_reference(
        &mut self,
        c: char,
        before: usize,
        quote: Option<char>,
    ) -> Result<(), ParseError> {
        if c == '#' || is_name_char(c) {
            return Ok(());
        }
        if c != ';' {
            return Err(ParseError::Unexpected(c));
        }
        text::resolve_reference(self.slice(Span(self.reference, before)))?;
        self.state = match quote {
            Some(quote) => State::AttributeValue { quote },
            None => State::Content,
        };
        Ok(())
    }

    pub(super) fn slice(&self, span: Span) -> &str {
        span.of(&self.buffer)
    }
}
