//! How the tokenizer reads start and end tags.

use super::attributes::{Attribute, Attributes};
use super::chars::{is_name_char, is_name_start, is_ncname, is_space};
use super::runs::{name_run, value_run};
use super::source::Piece;
use super::span::{Name, Span};
use super::state::{State, Whole};
use super::{Limit, ParseError, Token, Tokenizer};

impl Tokenizer {
    /// Begins an element or attribute name with `c`.
    pub(super) fn begin_name(&mut self, c: char, at: Span) {
        self.mark = at.0;
        self.colon = None;
        self.add_to_name(c, at);
    }

    fn add_to_name(&mut self, c: char, at: Span) {
        if c == ':' && self.colon.is_none() {
            self.colon = Some(at.1);
        }
    }

    /// The name that ends at `end`.
    fn end_name(&self, end: usize) -> Name {
        Name::new(Span(self.mark, end), self.colon)
    }

    pub(super) fn step_tag(&mut self, c: char, at: Span) -> Result<Option<Whole>, ParseError> {
        match (self.state, c) {
            (State::ElementName, c) if is_name_char(c) => {
                self.add_to_name(c, at);
                return Ok(None);
            }
            (State::ElementName, _) => self.name = self.end_name(at.0),
            (State::TagSpace, c) if is_name_start(c) => {
                self.begin_name(c, at);
                self.state = State::AttributeName;
                return Ok(None);
            }
            (State::EmptySlash, '>') => {
                self.state = State::EmptyElement;
                return Ok(Some(Whole::StartTag));
            }
            (State::EmptySlash, c) => return Err(ParseError::Unexpected(c)),
            (_tag, _) => {}
        }
        match c {
            '/' => self.state = State::EmptySlash,
            '>' => return Ok(Some(Whole::StartTag)),
            c if is_space(c) => self.state = State::TagSpace,
            c => return Err(ParseError::Unexpected(c)),
        }
        Ok(None)
    }

    /// Takes attributes of the commonest form, and one space behind each.
    pub(super) fn take_plain_attributes(
        &mut self,
        piece: &mut Piece<'_>,
    ) -> Result<(), ParseError> {
        while let Some((name_len, value_len)) = plain_attribute(piece.rest()) {
            let name = Span(piece.end(), piece.end() + name_len);
            let value = Span(name.1 + "='".len(), name.1 + "='".len() + value_len);
            piece.take(name_len + "='".len() + value_len + "'".len());
            self.state = State::TagGap;
            self.attribute = Name::new(name, None);
            self.plain = true;
            self.add_attribute(value)?;
            if piece.rest().first() != Some(&b' ') {
                break;
            }
            piece.take(1);
            self.state = State::TagSpace;
        }
        Ok(())
    }

    pub(super) fn step_attribute(
        &mut self,
        c: char,
        at: Span,
    ) -> Result<Option<Whole>, ParseError> {
        match (self.state, c) {
            (State::AttributeName, c) if is_name_char(c) => self.add_to_name(c, at),
            (State::AttributeName, c) if c == '=' || is_space(c) => {
                self.attribute = self.end_name(at.0);
                self.state = if c == '=' {
                    State::AttributeQuote
                } else {
                    State::AttributeEquals
                };
            }
            (State::AttributeEquals | State::AttributeQuote, c) if is_space(c) => {}
            (State::AttributeEquals, '=') => self.state = State::AttributeQuote,
            (State::AttributeQuote, '"' | '\'') => {
                self.mark = at.1;
                self.plain = true;
                self.state = State::AttributeValue { quote: c };
            }
            (State::AttributeValue { quote }, c) if c == quote => {
                self.state = State::TagGap;
                return self.add_attribute(Span(self.mark, at.0));
            }
            (State::AttributeValue { quote }, '&') => self.begin_reference(at, Some(quote)),
            (State::AttributeValue { .. }, '\t' | '\n' | '\r') => self.plain = false,
            (State::AttributeValue { .. }, c) if c != '<' => {}
            (_attribute, c) => return Err(ParseError::Unexpected(c)),
        }
        Ok(None)
    }

    fn add_attribute(&mut self, value: Span) -> Result<Option<Whole>, ParseError> {
        let limit = self.limits.max_value_bytes;
        if value.len() > limit {
            return Err(Limit::ValueBytes(limit).into());
        }
        let limit = self.limits.max_attributes;
        if self.attributes.len() >= limit {
            return Err(Limit::Attributes(limit).into());
        }
        let name = self.attribute;
        self.check_length(name)?;
        self.attributes.push(Attribute {
            name,
            value,
            plain: self.plain,
        });
        Ok(name.is_prefixed().then_some(Whole::AttributeName))
    }

    /// Checks the start tag that just ended, and enters its element.
    pub(super) fn complete_start_tag(&mut self) -> Result<Token, ParseError> {
        self.check_length(self.name)?;
        self.check_name(self.name)?;
        let depth = self.open.len() + 1;
        if depth > self.limits.max_depth {
            return Err(Limit::Depth(self.limits.max_depth).into());
        }
        self.elements = if depth <= 2 { 1 } else { self.elements + 1 };
        if self.elements > self.limits.max_elements {
            return Err(Limit::Elements(self.limits.max_elements).into());
        }
        for attribute in &self.attributes {
            if let Some(prefix) = attribute.declared_prefix(&self.buffer) {
                let namespace = attribute.value(&self.buffer);
                self.scope
                    .declare(prefix, &namespace, depth, &self.limits)?;
            }
        }
        self.scope.resolve(self.name.prefix(&self.buffer))?;
        Attributes::new(&self.attributes, &self.buffer, &self.scope).check()?;
        let name = self.name.whole();
        if depth == 1 {
            self.root = self.slice(name).to_owned();
        }
        self.open.push(name);
        if self.state != State::EmptyElement {
            self.enter_content(Token::Start);
        }
        Ok(Token::Start)
    }

    /// The length of what is left of an end tag, if `bytes` begin with that of the innermost element,
    /// written without white space.
    pub(super) fn plain_end_tag(&self, bytes: &[u8]) -> Option<usize> {
        let State::Markup { .. } = self.state else {
            return None;
        };
        let name = self.innermost()?.as_bytes();
        let behind = bytes.strip_prefix(b"/")?.strip_prefix(name)?;
        (behind.first() == Some(&b'>')).then_some("/".len() + name.len() + ">".len())
    }

    /// The name of the innermost element, if one is open.
    fn innermost(&self) -> Option<&str> {
        match self.open.as_slice() {
            [] => None,
            [_root] => Some(&self.root),
            [.., innermost] => Some(self.slice(*innermost)),
        }
    }

    pub(super) fn step_end_tag(&mut self, c: char, at: Span) -> Result<Option<Whole>, ParseError> {
        match (self.state, c) {
            (State::EndName, c) if is_name_char(c) => Ok(None),
            (State::EndName, c) => Ok(Some(Whole::EndName(Span(self.mark, at.0), c))),
            (_behind_name, '>') => Ok(Some(Whole::EndTag)),
            (_behind_name, c) if is_space(c) => Ok(None),
            (_behind_name, c) => Err(ParseError::Unexpected(c)),
        }
    }

    /// Checks the name of an end tag; `c` is the character behind it.
    pub(super) fn complete_end_name(
        &mut self,
        name: Span,
        c: char,
    ) -> Result<Option<Token>, ParseError> {
        if self.innermost() != Some(self.slice(name)) {
            return Err(ParseError::MismatchedEndTag);
        }
        self.state = State::EndSpace;
        match c {
            '>' => Ok(Some(self.close_element())),
            c if is_space(c) => Ok(None),
            c => Err(ParseError::Unexpected(c)),
        }
    }

    pub(super) fn close_element(&mut self) -> Token {
        self.open.pop();
        self.scope.leave(self.open.len());
        self.enter_content(Token::End);
        Token::End
    }

    fn check_length(&self, name: Name) -> Result<(), ParseError> {
        let limit = self.limits.max_name_bytes;
        if name.whole().len() > limit {
            return Err(Limit::NameBytes(limit).into());
        }
        Ok(())
    }

    /// Checks a qualified name (Namespaces in XML, production 7).
    pub(super) fn check_name(&self, name: Name) -> Result<(), ParseError> {
        // Every character was checked when it came, as one that an unprefixed name may have there.
        if name.is_prefixed()
            && (name.prefix(&self.buffer).is_empty() || !is_ncname(name.local(&self.buffer)))
        {
            Err(ParseError::InvalidName)
        } else {
            Ok(())
        }
    }
}

/// The lengths of name and value, if `bytes` begin with an attribute without colon, white space,
/// references and characters that must be seen whole.
fn plain_attribute(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = bytes.first()?;
    let name_len = name_run(bytes);
    let [b'=', quote @ (b'"' | b'\''), value @ ..] = bytes.get(name_len..)? else {
        return None;
    };
    let value_len = value_run(value);
    (is_name_start(char::from(*first)) && value.get(value_len) == Some(quote))
        .then_some((name_len, value_len))
}
