//! What becomes of a stanza that was sent.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;

use crate::Stanza;

/// Names a stanza whose sender wants to know when it has left.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SendId(NonZeroU64);

impl SendId {
    /// Creates the id of this number.
    #[must_use]
    pub fn new(number: NonZeroU64) -> Self {
        Self(number)
    }

    /// The id that follows another.
    pub(crate) fn after(last: Option<Self>) -> Self {
        let last = last.map_or(0, |Self(number)| number.get());
        // Nobody sends so many that they begin anew.
        Self(NonZeroU64::MIN.saturating_add(last))
    }
}

impl fmt::Display for SendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stanza that was sent, as long as it may have to come back.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) stanza: Stanza,
    pub(super) id: Option<SendId>,
    /// Where it ends in the bytes of the stream.
    end: u64,
    /// About what it takes.
    pub(super) bytes: usize,
}

impl Kept {
    pub(super) fn new(stanza: &Stanza, id: Option<SendId>, end: u64) -> Self {
        Self {
            stanza: stanza.clone(),
            id,
            end,
            bytes: stanza.held_bytes(),
        }
    }
}

/// Stanzas that nobody acknowledges and somebody tracks, until the driver has written them.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// In order.
    stanzas: VecDeque<Kept>,
    bytes: usize,
    /// How many bytes of the stream the driver has written.
    written: u64,
}

impl Unwritten {
    pub(super) fn is_empty(&self) -> bool {
        self.stanzas.is_empty()
    }

    /// What the stanzas take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether one more stanza may be sent.
    pub(super) fn has_room(&self, max_stanzas: usize, max_bytes: usize) -> bool {
        self.stanzas.len() < max_stanzas && self.bytes < max_bytes
    }

    pub(super) fn push(&mut self, kept: Kept) {
        self.bytes = self.bytes.saturating_add(kept.bytes);
        self.stanzas.push_back(kept);
    }

    /// Notes that the driver has written so many bytes more.
    pub(super) fn note_written(&mut self, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
    }

    /// Takes the next stanza that has been written as a whole.
    pub(super) fn pop_written(&mut self) -> Option<Kept> {
        let written = self.written;
        self.stanzas.front().filter(|kept| kept.end <= written)?;
        let kept = self.stanzas.pop_front()?;
        self.bytes = self.bytes.saturating_sub(kept.bytes);
        if self.stanzas.is_empty() {
            // A burst shall not keep its memory for the life of the stream.
            self.stanzas = VecDeque::new();
        }
        Some(kept)
    }

    /// Takes what has not been written.
    pub(super) fn take(&mut self) -> VecDeque<Kept> {
        self.bytes = 0;
        std::mem::take(&mut self.stanzas)
    }
}
