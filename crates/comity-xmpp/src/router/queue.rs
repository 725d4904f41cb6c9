use std::collections::VecDeque;

use crate::Stanza;

/// Stanzas that wait for the stream of one pair, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    stanzas: VecDeque<(Stanza, usize)>,
    bytes: usize,
}

impl Queue {
    /// Whether a stanza of `len` bytes may wait too.
    pub(super) fn has_room(&self, len: usize, max_stanzas: usize, max_bytes: usize) -> bool {
        self.stanzas.len() < max_stanzas && self.bytes.saturating_add(len) <= max_bytes
    }

    pub(super) fn push(&mut self, stanza: Stanza, len: usize) {
        self.bytes += len;
        self.stanzas.push_back((stanza, len));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stanzas.is_empty()
    }

    pub(super) fn first(&self) -> Option<&Stanza> {
        self.stanzas.front().map(|(stanza, _)| stanza)
    }

    /// Takes the first stanza; gives it with its bytes.
    pub(super) fn pop(&mut self) -> Option<(Stanza, usize)> {
        let (stanza, len) = self.stanzas.pop_front()?;
        self.bytes -= len;
        Some((stanza, len))
    }

    /// What all of it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_stanzas(self) -> impl Iterator<Item = Stanza> {
        self.stanzas.into_iter().map(|(stanza, _)| stanza)
    }
}
