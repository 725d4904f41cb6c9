//! Bytes that are no message.

use bytes::Bytes;
use thiserror::Error;

use super::index::bare_nul;
use super::{Headers, Indexer, Parts};
use crate::grammar::{Class, find_not, split};
use crate::header::Via;
use crate::{Limits, Method, ParseError, StatusCode};

/// Bytes that are no message, with what could be read of them, so that they can be answered.
#[derive(Clone, Debug, Error)]
#[error("{error}")]
pub struct Rejected {
    error: ParseError,
    parts: Parts,
}

impl PartialEq for Rejected {
    fn eq(&self, other: &Self) -> bool {
        self.error == other.error && self.parts.bytes == other.parts.bytes
    }
}

impl Eq for Rejected {}

impl Rejected {
    pub(crate) fn new(mut parts: Parts, indexer: &Indexer, error: ParseError) -> Box<Self> {
        parts.lines_end = indexer.lines_end();
        // The same wherever the bytes were cut.
        parts.bytes.truncate(error.offset().max(parts.lines_end));
        Box::new(Self { error, parts })
    }

    /// There is nothing that could be answered.
    pub(crate) fn without_head(error: ParseError, limits: &Limits) -> Box<Self> {
        Self::new(Parts::new(Bytes::new(), limits), &Indexer::new(), error)
    }

    /// What is wrong.
    pub fn error(&self) -> ParseError {
        self.error
    }

    /// The headers up to where reading stopped. A line that is no header has an empty name.
    pub fn headers(&self) -> Headers<'_> {
        self.parts.headers()
    }

    /// The bytes up to where reading stopped.
    pub fn as_bytes(&self) -> &Bytes {
        &self.parts.bytes
    }

    /// The status with which to answer; `None` for what is never answered: a response, an ACK, what
    /// has no readable Via on top, and what has a NUL in a header that [`HeaderName`](crate::HeaderName) has
    /// (RFC 3261 §8.1.3, §17.1.1.3, §18.2.2).
    pub fn status(&self) -> Option<StatusCode> {
        let (first, rest) = split(self.as_bytes(), find_not(self.as_bytes(), Class::TOKEN));
        let is_request = rest.first() == Some(&b' ');
        let is_ack = first == Method::Ack.as_str().as_bytes();
        let has_via = matches!(self.headers().first::<Via<'_>>(), Ok(Some(_)));
        let has_nul = self
            .headers()
            .iter()
            .any(|header| header.known().is_some() && bare_nul(header.line()).is_some());
        (is_request && !is_ack && has_via && !has_nul).then(|| self.error.status())
    }
}
