//! How the tokenizer reads what stands between tags.

use std::mem;

use super::chars::{is_name_char, is_name_start, is_space};
use super::span::Span;
use super::state::{Literal, State, Whole};
use super::text::{Form, Text, resolve_reference};
use super::{ParseError, Token, Tokenizer, declaration};

impl Tokenizer {
    /// Takes one character, which stands at `at`; gives what it makes whole.
    pub(super) fn step(&mut self, c: char, at: Span) -> Result<Option<Whole>, ParseError> {
        match self.state {
            State::Between { .. } | State::Epilog | State::Prolog { .. } => {
                self.step_between(c).map(|()| None)
            }
            State::Content => self.step_content(c, at),
            State::Cdata => Ok(self.step_cdata(c, at)),
            State::Markup { fresh } => self.step_markup(c, at, fresh).map(|()| None),
            State::Bang => self.step_bang(c, at).map(|()| None),
            State::Literal { literal, matched } => {
                self.step_literal(c, at, literal, matched).map(|()| None)
            }
            State::Declaration => Ok((c == '>').then_some(Whole::Declaration)),
            State::ElementName
            | State::TagGap
            | State::TagSpace
            | State::EmptySlash
            | State::EmptyElement => self.step_tag(c, at),
            State::AttributeName
            | State::AttributeEquals
            | State::AttributeQuote
            | State::AttributeValue { .. } => self.step_attribute(c, at),
            State::EndName | State::EndSpace => self.step_end_tag(c, at),
            State::Reference { quote } => self.step_reference(c, at, quote),
        }
    }

    /// Checks what is whole and recorded; gives the token that it is or ends.
    pub(super) fn complete(&mut self, whole: Whole) -> Result<Option<Token>, ParseError> {
        match whole {
            Whole::Text => return Ok(Some(Token::Text)),
            Whole::Reference(name) => {
                resolve_reference(self.slice(name))?;
            }
            Whole::Declaration => self.complete_declaration()?,
            Whole::AttributeName => self.check_name(self.attribute)?,
            Whole::StartTag => return self.complete_start_tag().map(Some),
            Whole::EndName(name, c) => return self.complete_end_name(name, c),
            Whole::EndTag => return Ok(Some(self.close_element())),
        }
        Ok(None)
    }

    /// Between first-level elements, before the stream element and behind it.
    pub(super) fn step_between(&mut self, c: char) -> Result<(), ParseError> {
        let fresh = self.state == (State::Prolog { fresh: true });
        if c == '<' && self.state != State::Epilog {
            self.buffer.clear();
            self.check_room(1)?;
            self.buffer.reserve(FIRST_BYTES);
            self.buffer.push(c);
            self.state = State::Markup { fresh };
        } else if !is_space(c) {
            return Err(ParseError::StrayText);
        } else if fresh {
            self.state = State::Prolog { fresh: false };
        }
        Ok(())
    }

    fn step_content(&mut self, c: char, at: Span) -> Result<Option<Whole>, ParseError> {
        let brackets = mem::take(&mut self.brackets);
        match c {
            '<' => {
                self.state = State::Markup { fresh: false };
                let form = if self.plain {
                    Form::Plain
                } else {
                    Form::Escaped
                };
                return Ok(self.end_text(at.0, form));
            }
            '&' => self.begin_reference(at, None),
            ']' => self.brackets = (brackets + 1).min(2),
            '>' if brackets == 2 => return Err(ParseError::CdataEndInText),
            '\r' => self.plain = false,
            _text => {}
        }
        Ok(None)
    }

    fn step_cdata(&mut self, c: char, at: Span) -> Option<Whole> {
        let brackets = mem::take(&mut self.brackets);
        match c {
            ']' => self.brackets = (brackets + 1).min(2),
            '>' if brackets == 2 => {
                let form = if self.plain { Form::Plain } else { Form::Lines };
                let text = self.end_text(at.1.saturating_sub("]]>".len()), form);
                self.state = State::Content;
                self.begin_text(at.1);
                return text;
            }
            '\r' => self.plain = false,
            _text => {}
        }
        None
    }

    /// Enters the content of the innermost element, behind the `last` token.
    pub(super) fn enter_content(&mut self, last: Token) {
        self.state = match self.open.len() {
            0 => State::Epilog,
            1 => State::Between {
                fresh: last == Token::Start,
            },
            _inside => State::Content,
        };
        self.begin_text(self.buffer.len());
    }

    fn begin_text(&mut self, start: usize) {
        self.mark = start;
        self.plain = true;
        self.brackets = 0;
    }

    /// The character data from the mark to `end`, if there is any.
    fn end_text(&mut self, end: usize, form: Form) -> Option<Whole> {
        self.text = Text {
            source: Span(self.mark, end),
            form,
        };
        (self.mark < end).then_some(Whole::Text)
    }

    fn step_markup(&mut self, c: char, at: Span, fresh: bool) -> Result<(), ParseError> {
        self.state = match c {
            '/' if !self.open.is_empty() => {
                self.mark = at.1;
                State::EndName
            }
            '!' => State::Bang,
            '?' if fresh => Literal::Xml.begin(),
            '?' => return Err(ParseError::ProcessingInstruction),
            c if is_name_start(c) => {
                self.begin_name(c, at);
                self.attributes.clear();
                State::ElementName
            }
            c => return Err(ParseError::Unexpected(c)),
        };
        Ok(())
    }

    fn step_bang(&mut self, c: char, at: Span) -> Result<(), ParseError> {
        let literal = match c {
            '-' => Literal::Comment,
            '[' => Literal::Cdata,
            'D' => Literal::Doctype,
            c => return Err(ParseError::Unexpected(c)),
        };
        self.step_literal(c, at, literal, 0)
    }

    fn step_literal(
        &mut self,
        c: char,
        at: Span,
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
                self.begin_text(at.1);
                self.state = State::Cdata;
            }
            Literal::Xml => {
                self.mark = at.1;
                self.state = State::Declaration;
            }
        }
        Ok(())
    }

    fn complete_declaration(&mut self) -> Result<(), ParseError> {
        let source = self.slice(Span(self.mark, self.buffer.len()));
        declaration::check(source.strip_suffix("?>").ok_or(ParseError::Declaration)?)?;
        self.state = State::Prolog { fresh: false };
        Ok(())
    }

    /// Behind `&`, in the value within `quote` or in character data.
    pub(super) fn begin_reference(&mut self, at: Span, quote: Option<char>) {
        self.plain = false;
        self.reference = at.1;
        self.state = State::Reference { quote };
    }

    fn step_reference(
        &mut self,
        c: char,
        at: Span,
        quote: Option<char>,
    ) -> Result<Option<Whole>, ParseError> {
        if c == '#' || is_name_char(c) {
            return Ok(None);
        }
        if c != ';' {
            return Err(ParseError::Unexpected(c));
        }
        self.state = match quote {
            Some(quote) => State::AttributeValue { quote },
            None => State::Content,
        };
        Ok(Some(Whole::Reference(Span(self.reference, at.0))))
    }
}

/// Room for most stanzas, which are shorter, so that the buffer is not grown in many small steps.
const FIRST_BYTES: usize = 512;
