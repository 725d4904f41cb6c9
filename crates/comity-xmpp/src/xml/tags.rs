//! How the tokenizer reads start and end tags.

use super::attributes::{Attribute, Attributes, Span, split_name};
use super::chars::{is_name_char, is_name_start, is_ncname, is_space};
use super::state::State;
use super::{Limit, ParseError, Token, Tokenizer};

impl Tokenizer {
    pub(super) fn step_tag(&mut self, c: char, before: usize) -> Result<Option<Token>, ParseError> {
        match (self.state, c) {
            (State::ElementName, c) if is_name_char(c) => return Ok(None),
            (State::ElementName, _) => self.token = Span(self.mark, before),
            (State::TagSpace, c) if is_name_start(c) => {
                self.mark = before;
                self.state = State::AttributeName;
                return Ok(None);
            }
            (State::EmptySlash, '>') => {
                self.open_element()?;
                self.state = State::EmptyElement;
                return Ok(Some(Token::Start));
            }
            (State::EmptySlash, c) => return Err(ParseError::Unexpected(c)),
            (_tag, _) => {}
        }
        match c {
            '/' => self.state = State::EmptySlash,
            '>' => {
                self.open_element()?;
                self.enter_content();
                return Ok(Some(Token::Start));
            }
            c if is_space(c) => self.state = State::TagSpace,
            c => return Err(ParseError::Unexpected(c)),
        }
        Ok(None)
    }

    pub(super) fn step_attribute(&mut self, c: char, before: usize) -> Result<(), ParseError> {
        match (self.state, c) {
            (State::AttributeName, c) if is_name_char(c) => {}
            (State::AttributeName, c) if c == '=' || is_space(c) => {
                self.attribute = Span(self.mark, before);
                self.state = if c == '=' {
                    State::AttributeQuote
                } else {
                    State::AttributeEquals
                };
            }
            (State::AttributeEquals | State::AttributeQuote, c) if is_space(c) => {}
            (State::AttributeEquals, '=') => self.state = State::AttributeQuote,
            (State::AttributeQuote, '"' | '\'') => {
                self.mark = self.buffer.len();
                self.state = State::AttributeValue { quote: c };
            }
            (State::AttributeValue { quote }, c) if c == quote => {
                self.state = State::TagGap;
                return self.add_attribute(Span(self.mark, before));
            }
            (State::AttributeValue { quote }, '&') => {
                self.reference = self.buffer.len();
                self.state = State::Reference { quote: Some(quote) };
            }
            (State::AttributeValue { .. }, c) if c != '<' => {}
            (_attribute, c) => return Err(ParseError::Unexpected(c)),
        }
        Ok(())
    }

    fn add_attribute(&mut self, value: Span) -> Result<(), ParseError> {
        let limit = self.limits.max_value_bytes;
        if value.len() > limit {
            return Err(Limit::ValueBytes(limit).into());
        }
        let limit = self.limits.max_attributes;
        if self.attributes.len() >= limit {
            return Err(Limit::Attributes(limit).into());
        }
        self.check_name(self.attribute)?;
        self.attributes.push(Attribute {
            name: self.attribute,
            value,
        });
        Ok(())
    }

    /// Checks the start tag that just ended, and enters its element.
    fn open_element(&mut self) -> Result<(), ParseError> {
        self.check_name(self.token)?;
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
        let (prefix, _) = split_name(self.slice(self.token));
        self.scope.resolve(prefix)?;
        Attributes::new(&self.attributes, &self.buffer, &self.scope).check()?;
        if depth == 1 {
            self.root = self.slice(self.token).to_owned();
        }
        self.open.push(self.token);
        Ok(())
    }

    pub(super) fn step_end_tag(
        &mut self,
        c: char,
        before: usize,
    ) -> Result<Option<Token>, ParseError> {
        if self.state == State::EndName {
            let name = Span(self.mark, before);
            if is_name_char(c) {
                return Ok(None);
            }
            let started = match self.open.as_slice() {
                [_root] => self.root.as_str(),
                [.., innermost] => self.slice(*innermost),
                [] => return Err(ParseError::MismatchedEndTag),
            };
            if self.slice(name) != started {
                return Err(ParseError::MismatchedEndTag);
            }
            self.state = State::EndSpace;
        }
        match c {
            '>' => Ok(Some(self.close_element())),
            c if is_space(c) => Ok(None),
            c => Err(ParseError::Unexpected(c)),
        }
    }

    pub(super) fn close_element(&mut self) -> Token {
        self.open.pop();
        self.scope.leave(self.open.len());
        self.enter_content();
        if self.open.is_empty() {
            self.state = State::Epilog;
        }
        Token::End
    }

    /// Checks a qualified name (Namespaces in XML, production 7).
    fn check_name(&self, name: Span) -> Result<(), ParseError> {
        let limit = self.limits.max_name_bytes;
        if name.len() > limit {
            return Err(Limit::NameBytes(limit).into());
        }
        let name = self.slice(name);
        let (prefix, local) = split_name(name);
        if is_ncname(local) && (prefix.is_empty() != name.contains(':')) {
            // Every character but the first after a colon was checked when it came.
            Ok(())
        } else {
            Err(ParseError::InvalidName)
        }
    }
}
