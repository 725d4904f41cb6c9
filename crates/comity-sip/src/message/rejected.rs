//! Bytes that are no message.

use bytes::Bytes;
use thiserror::Error;

use super::index::Entries;
use super::{Headers, Indexer};
use crate::grammar::{Class, find_not, split};
use crate::header::Via;
use crate::{Limits, Method, ParseError, StatusCode};

/// Bytes that are no message, with what could be read of them, so that they can be answered.
#[derive(Clone, Debug, Error)]
#[error("{error}")]
pub struct Rejected {
    error: ParseError,
    bytes: Bytes,
    entries: Entries,
    lines_end: usize,
    limits: Limits,
}

impl PartialEq for Rejected {
    fn eq(&self, other: &Self) -> bool {
        self.error == other.error && self.bytes == other.bytes
    }
}

impl Eq for Rejected {}

impl Rejected {
    pub(crate) fn new(
        mut bytes: Bytes,
        entries: Entries,
        indexer: &Indexer,
        error: ParseError,
        limits: &Limits,
    ) -> Box<Self> {
        // The same wherever the bytes were cut.
        bytes.truncate(error.offset().max(indexer.lines_end()));
        Box::new(Self {
            error,
            bytes,
            entries,
            lines_end: indexer.lines_end(),
            limits: *limits,
        })
    }

    /// There is nothing that could be answered.
    pub(crate) fn without_head(error: ParseError, limits: &Limits) -> Box<Self> {
        Self::new(Bytes::new(), Entries::new(), &Indexer::new(), error, limits)
    }

    /// What is wrong.
    pub fn error(&self) -> ParseError {
        self.error
    }

    /// The headers up to where reading stopped. A line that is no header has an empty name.
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(&self.bytes, &self.entries, self.lines_end, &self.limits)
    }

    /// The bytes up to where reading stopped.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The status with which to answer; `None` for what is never answered: a response, an ACK, and
    /// what has no readable Via on top (RFC 3261 §8.1.3, §17.1.1.3, §18.2.2).
    pub fn status(&self) -> Option<StatusCode> {
        let (first, rest) = split(&self.bytes, find_not(&self.bytes, Class::TOKEN));
        let is_request = rest.first() == Some(&b' ');
        let is_ack = first == Method::Ack.as_str().as_bytes();
        let has_via = matches!(self.headers().first::<Via<'_>>(), Ok(Some(_)));
        (is_request && !is_ack && has_via).then(|| self.error.status())
    }
}
