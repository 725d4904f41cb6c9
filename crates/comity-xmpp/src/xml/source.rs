//! How the tokenizer takes bytes: which it looks at, and which it records.

use super::chars::is_char;
use super::runs::{name_run, text_run, value_run};
use super::span::Span;
use super::state::State;
use super::{Limit, ParseError, Token, Tokenizer};

impl Tokenizer {
    /// Takes bytes from the front of `input` up to a token, to a character that must be seen whole,
    /// or to the limit. It takes none between first-level elements.
    pub(super) fn take_piece(&mut self, input: &mut &[u8]) -> Result<Option<Token>, ParseError> {
        if !self.partial.is_empty() || self.state.is_between() {
            return Ok(None);
        }
        let limit = self.max_recorded().saturating_sub(self.buffer.len());
        let mut piece = Piece {
            bytes: input.get(..limit).unwrap_or(input),
            taken: 0,
            recorded: 0,
            start: self.buffer.len(),
        };
        let result = self.read(&mut piece);
        // Bytes before the one that ended it may be wrong as well, and come first.
        self.record(&mut piece)?;
        *input = input.get(piece.taken..).unwrap_or_default();
        result
    }

    /// Takes one character from the front of `input`, or what is there of it.
    pub(super) fn take_char(&mut self, input: &mut &[u8]) -> Result<Option<Token>, ParseError> {
        let Some(c) = self.next_char(input)? else {
            return Ok(None);
        };
        if self.state.is_between() {
            return self.step_between(c).map(|()| None);
        }
        self.check_room(c.len_utf8())?;
        let before = self.buffer.len();
        self.buffer.push(c);
        match self.step(c, Span(before, self.buffer.len()))? {
            Some(whole) => self.complete(whole),
            None => Ok(None),
        }
    }

    /// Takes bytes of `piece` up to a token. What is whole and in its commonest form is taken at once;
    /// the steps would give the same.
    fn read(&mut self, piece: &mut Piece<'_>) -> Result<Option<Token>, ParseError> {
        if let Some(len) = self.plain_end_tag(piece.rest()) {
            piece.take(len);
            self.record(piece)?;
            return Ok(Some(self.close_element()));
        }
        while let Some((c, at)) = self.next_ascii(piece)? {
            if let Some(whole) = self.step(c, at)? {
                self.record(piece)?;
                if let Some(token) = self.complete(whole)? {
                    return Ok(Some(token));
                }
            }
            if self.state == State::TagSpace {
                self.take_plain_attributes(piece)?;
            }
        }
        Ok(None)
    }

    /// The next character that may change the state, and where it stands.
    fn next_ascii(&mut self, piece: &mut Piece<'_>) -> Result<Option<(char, Span)>, ParseError> {
        let run = match self.state {
            State::Content | State::Cdata => text_run(piece.rest()),
            State::AttributeValue { .. } => value_run(piece.rest()),
            State::AttributeName | State::ElementName | State::EndName => name_run(piece.rest()),
            State::AttributeEquals
            | State::AttributeQuote
            | State::Bang
            | State::Declaration
            | State::EmptySlash
            | State::EndSpace
            | State::Literal { .. }
            | State::Markup { .. }
            | State::Reference { .. }
            | State::TagGap
            | State::TagSpace => 0,
            State::Between { .. } | State::EmptyElement | State::Epilog | State::Prolog { .. } => {
                return Ok(None);
            }
        };
        if run > 0 {
            self.brackets = 0;
            piece.take(run);
        }
        let Some(c) = piece.next_ascii() else {
            return Ok(None);
        };
        if is_char(c) {
            let end = piece.end();
            Ok(Some((c, Span(end - 1, end))))
        } else {
            Err(ParseError::IllegalCharacter(c))
        }
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

    /// Records what was taken of a piece. A character whose end is still to come is kept apart.
    fn record(&mut self, piece: &mut Piece<'_>) -> Result<(), ParseError> {
        let bytes = piece.unrecorded();
        piece.recorded = piece.taken;
        let source = match str::from_utf8(bytes) {
            Ok(source) => source,
            Err(error) if error.error_len().is_some() => return Err(ParseError::Utf8),
            Err(error) => {
                let (whole, begun) = bytes
                    .split_at_checked(error.valid_up_to())
                    .unwrap_or_default();
                self.partial.begin(begun);
                str::from_utf8(whole).unwrap_or_default()
            }
        };
        self.buffer.push_str(source);
        Ok(())
    }

    /// Checks that so many bytes more may be recorded.
    pub(super) fn check_room(&self, len: usize) -> Result<(), ParseError> {
        let limit = self.max_recorded();
        if self.buffer.len().saturating_add(len) <= limit {
            Ok(())
        } else if self.open.is_empty() {
            Err(Limit::HeaderBytes(limit).into())
        } else {
            Err(Limit::ElementBytes(limit).into())
        }
    }

    /// Gives memory back, if nothing is left in the buffer that may still be asked for: behind the
    /// header, and behind an element that was taken.
    pub(super) fn release(&mut self) {
        let behind_header = self.state == (State::Between { fresh: true });
        let behind_element = self.state == (State::Between { fresh: false });
        if behind_header || (behind_element && self.buffer.is_empty()) {
            self.buffer = String::new();
            self.attributes.clear();
            self.attributes.shrink_to(KEPT_ENTRIES);
            self.open.shrink_to(KEPT_ENTRIES);
            self.scope.shrink();
        }
    }

    fn max_recorded(&self) -> usize {
        if self.open.is_empty() {
            self.limits.max_header_bytes
        } else {
            self.limits.max_element_bytes
        }
    }
}

/// Input that is looked at before it is recorded.
pub(super) struct Piece<'a> {
    bytes: &'a [u8],
    /// How many bytes were taken.
    taken: usize,
    /// How many of these are in the tokenizer's buffer.
    recorded: usize,
    /// Where the piece starts in the buffer.
    start: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, len: usize) {
        self.taken += len;
    }

    fn unrecorded(&self) -> &'a [u8] {
        self.bytes
            .get(self.recorded..self.taken)
            .unwrap_or_default()
    }

    /// Where what was taken ends in the buffer, once it is recorded.
    pub(super) fn end(&self) -> usize {
        self.start + self.taken
    }

    /// Takes one character, if the next one is ASCII.
    fn next_ascii(&mut self) -> Option<char> {
        let byte = self.rest().first().filter(|byte| byte.is_ascii())?;
        self.taken += 1;
        Some(char::from(*byte))
    }
}

/// Room for the attributes and open elements of most stanzas.
const KEPT_ENTRIES: usize = 4;
